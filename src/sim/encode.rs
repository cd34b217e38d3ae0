//! The platform's MessagePack, as seen in every real push: the old specification, so no `str8` and no `bin`.
//!
//! Written for the simulator alone: the client's decoder is tested against bytes it did not produce itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value};

/// Writes one MessagePack value after the other.
#[derive(Debug, Default)]
pub(super) struct Packer {
    bytes: Vec<u8>,
}

impl Packer {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// Opens a map: `entries` pairs of key and value must follow.
    pub(super) fn map(&mut self, entries: usize) -> &mut Self {
        self.length(entries, 0x80, 15, 0xde)
    }

    /// Opens an array: `entries` values must follow.
    pub(super) fn array(&mut self, entries: usize) -> &mut Self {
        self.length(entries, 0x90, 15, 0xdc)
    }

    /// Up to 31 bytes `fixstr`, then `str16`: the platform never writes `str8`.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.length(text.len(), 0xa0, 31, 0xda);
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// The shortest form that holds the number; negative ones included, though the platform sends none.
    pub(super) fn int(&mut self, number: i64) -> &mut Self {
        if let Ok(positive) = u64::try_from(number) {
            return self.uint(positive);
        }
        match number {
            -32..=-1 => self.bytes.extend_from_slice(&[number.to_be_bytes()[7]]),
            -128..=-33 => self.tagged(0xd0, &number.to_be_bytes()[7..]),
            -32_768..=-129 => self.tagged(0xd1, &number.to_be_bytes()[6..]),
            -2_147_483_648..=-32_769 => self.tagged(0xd2, &number.to_be_bytes()[4..]),
            _ => self.tagged(0xd3, &number.to_be_bytes()),
        }
        self
    }

    pub(super) fn uint(&mut self, number: u64) -> &mut Self {
        let bytes = number.to_be_bytes();
        match number {
            0..=0x7f => self.bytes.push(bytes[7]),
            0x80..=0xff => self.tagged(0xcc, &bytes[7..]),
            0x100..=0xffff => self.tagged(0xcd, &bytes[6..]),
            0x1_0000..=0xffff_ffff => self.tagged(0xce, &bytes[4..]),
            _ => self.tagged(0xcf, &bytes),
        }
        self
    }

    /// Writes a whole tree in its string-key form: keys made of digits become integers, the order stays.
    pub(super) fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::Null => self.bytes.push(0xc0),
            Value::Bool(false) => self.bytes.push(0xc2),
            Value::Bool(true) => self.bytes.push(0xc3),
            Value::Number(number) => self.number(number),
            Value::String(text) => return self.text(text),
            Value::Array(values) => {
                self.array(values.len());
                for value in values {
                    self.value(value);
                }
            }
            Value::Object(map) => self.object(map),
        }
        self
    }

    /// The text found in a push entry's `data`.
    pub(super) fn into_base64(self) -> String {
        STANDARD.encode(self.bytes)
    }

    fn object(&mut self, map: &Map<String, Value>) {
        self.map(map.len());
        for (key, value) in map {
            match key.parse::<u64>() {
                Ok(number) if key.bytes().all(|byte| byte.is_ascii_digit()) => self.uint(number),
                _ => self.text(key),
            };
            self.value(value);
        }
    }

    fn number(&mut self, number: &Number) {
        if let Some(number) = number.as_i64() {
            self.int(number);
        } else if let Some(number) = number.as_u64() {
            self.uint(number);
        } else {
            self.tagged(0xcb, &number.as_f64().unwrap_or(f64::NAN).to_be_bytes());
        }
    }

    /// A length in the first byte where it fits (`fix | length`), else in the 16 or 32 bits after `tag` or `tag + 1`.
    fn length(&mut self, length: usize, fix: u8, most: usize, tag: u8) -> &mut Self {
        let bytes = length.to_be_bytes();
        let [.., high, low] = bytes;
        if length <= most {
            self.bytes.push(fix | low);
        } else if length <= 0xffff {
            self.tagged(tag, &[high, low]);
        } else {
            self.tagged(tag + 1, &bytes[bytes.len() - 4..]);
        }
        self
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_real_layout_is_encoded_byte_for_byte() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/fixtures/protocol-vectors.json")).unwrap();
        let mut checked = 0;
        for case in vectors["decode"].as_array().unwrap().iter().filter(|case| case["encoder_roundtrip"] == true) {
            let mut packer = Packer::default();
            packer.value(&case["expected"]);
            assert_eq!(packer.into_base64(), case["data"].as_str().unwrap(), "{}", case["id"]);
            checked += 1;
        }
        assert!(checked >= 25, "only {checked} layouts were found");
    }

    #[test]
    fn integers_take_the_shortest_form() {
        let cases: [(i64, &[u8]); 9] = [
            (127, &[0x7f]),
            (128, &[0xcc, 0x80]),
            (256, &[0xcd, 1, 0]),
            (65_536, &[0xce, 0, 1, 0, 0]),
            (1 << 32, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
            (-1, &[0xff]),
            (-33, &[0xd0, 0xdf]),
            (-129, &[0xd1, 0xff, 0x7f]),
            (-32_769, &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
        ];
        for (number, bytes) in cases {
            let mut packer = Packer::default();
            packer.int(number);
            assert_eq!(packer.bytes, bytes, "{number}");
        }
    }

    #[test]
    fn text_of_32_bytes_is_a_str16() {
        let mut packer = Packer::default();
        packer.text(&"x".repeat(32));
        assert_eq!(packer.bytes[..3], [0xda, 0, 32]);
    }
}
