//! From the string of one push entry to a tree with string keys.

use std::borrow::Cow;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::{lenient, msgpack};

/// The longest entry that is looked at. A chat message is about one kilobyte, a trade card two.
pub const MAX_DATA: usize = 256 << 10;

/// Takes padding or none, and bits left over in the last character: other clients' encoders are not all careful.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Why an entry has no tree.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(tag = "error", content = "detail", rename_all = "snake_case")]
pub enum PayloadError {
    #[error("cannot read the entries of the push: {0}")]
    Package(String),
    #[error("entry has no data")]
    Missing,
    #[error("entry of {0} bytes is longer than {MAX_DATA}")]
    TooLong(usize),
    #[error("entry is neither base64 nor a JSON object")]
    NotBase64,
    #[error("entry is not the JSON it begins as: {0}")]
    NotJson(String),
    #[error("entry ends in the middle of a value")]
    Truncated,
    #[error("entry is nested too deeply")]
    TooDeep,
    #[error("entry has too many values")]
    TooManyValues,
    #[error("entry has a reserved MessagePack byte")]
    ReservedByte,
    #[error("entry has a list or map as a map key")]
    CompoundKey,
    #[error("entry is not a map")]
    NotAMap,
}

/// Decodes the string of one push entry: base64 of a MessagePack map or of a JSON object, or the JSON text itself.
///
/// Integers stay exact, map keys become strings, text that is not UTF-8 gets U+FFFD, bytes become `{"$bytes": …}`, trailing bytes are ignored.
pub fn decode(data: &str) -> Result<Value, PayloadError> {
    if data.len() > MAX_DATA {
        return Err(PayloadError::TooLong(data.len()));
    }
    if starts_as_json(data.as_bytes()) {
        return json_object(data.as_bytes());
    }
    let bytes = decode_base64(data)?;
    // no map of the other format begins with a brace: there it is the number 123
    if starts_as_json(&bytes) { json_object(&bytes) } else { msgpack::read_map(&bytes) }
}

/// Base64 as the platform and its clients write it: either alphabet, padding or none, blanks anywhere.
pub(super) fn decode_base64(text: &str) -> Result<Vec<u8>, PayloadError> {
    let bytes = BASE64.decode(text).or_else(|_| BASE64.decode(tidied(text).as_bytes()));
    bytes.map_err(|_| PayloadError::NotBase64)
}

fn tidied(text: &str) -> Cow<'_, str> {
    let standard = text.trim_end_matches(|last: char| last == '=' || last.is_ascii_whitespace());
    let changed = |odd: char| odd.is_ascii_whitespace() || odd == '-' || odd == '_';
    if !standard.contains(changed) {
        return Cow::Borrowed(standard);
    }
    let kept = standard.chars().filter(|char| !char.is_ascii_whitespace());
    Cow::Owned(
        kept.map(|char| match char {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect(),
    )
}

fn starts_as_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

fn json_object(bytes: &[u8]) -> Result<Value, PayloadError> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    lenient::parse(&String::from_utf8_lossy(bytes)).map_err(|error| PayloadError::NotJson(error.to_string()))
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn packed(bytes: &[u8]) -> Result<Value, PayloadError> {
        decode(&BASE64_STANDARD.encode(bytes))
    }

    #[test]
    fn a_cut_emoji_costs_one_character_and_not_the_message() {
        assert_eq!(packed(b"\x81\x01\xa5hi\xf0\x9f\x98").unwrap(), json!({"1": "hi\u{fffd}"}));
    }

    #[test]
    fn bytes_that_are_no_text_stay_readable() {
        assert_eq!(packed(b"\x81\x01\xc4\x03\xff\x00\xfe").unwrap(), json!({"1": {"$bytes": "/wD+"}}));
        assert_eq!(packed(b"\x81\x01\xd4\x05*").unwrap(), json!({"1": {"$bytes": "Kg=="}}));
    }

    #[test]
    fn a_header_that_promises_four_thousand_million_entries_costs_nothing() {
        assert_eq!(packed(b"\x81\x01\xdd\xff\xff\xff\xff\x00"), Err(PayloadError::Truncated));
        assert_eq!(packed(b"\xdf\xff\xff\xff\xff"), Err(PayloadError::Truncated));
        assert_eq!(packed(b"\x81\x01\xdb\xff\xff\xff\xffabc"), Err(PayloadError::Truncated));
    }

    #[test]
    fn ten_thousand_levels_are_an_error_in_both_formats() {
        assert_eq!(packed(&[0x81, 1].repeat(10_000)), Err(PayloadError::TooDeep));
        let nested = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        assert!(matches!(decode(&nested), Err(PayloadError::NotJson(_))));
    }

    #[test]
    fn a_list_of_a_hundred_thousand_nils_is_an_error_instead_of_megabytes() {
        let mut bytes = b"\x81\x01\xdd\x00\x01\x86\xa0".to_vec();
        bytes.resize(bytes.len() + 100_000, 0xc0);
        assert_eq!(packed(&bytes), Err(PayloadError::TooManyValues));
    }

    #[test]
    fn a_mebibyte_is_an_error() {
        assert_eq!(decode(&"A".repeat(1 << 20)), Err(PayloadError::TooLong(1 << 20)));
    }

    /// Scalars, lists and maps as an independent writer packs them.
    fn tree() -> impl Strategy<Value = rmpv::Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(rmpv::Value::from),
            any::<u64>().prop_map(rmpv::Value::from),
            any::<bool>().prop_map(rmpv::Value::from),
            any::<f32>().prop_filter("JSON has no infinity", |n| n.is_finite()).prop_map(rmpv::Value::from),
            ".{0,40}".prop_map(rmpv::Value::from),
            Just(rmpv::Value::Nil),
        ];
        leaf.prop_recursive(5, 80, 20, |inner| {
            let map = prop::collection::vec((".{0,40}".prop_map(rmpv::Value::from), inner.clone()), 0..20);
            prop_oneof![
                prop::collection::vec(inner, 0..20).prop_map(rmpv::Value::Array),
                map.prop_map(rmpv::Value::Map)
            ]
        })
    }

    fn expected(value: &rmpv::Value) -> Value {
        match value {
            rmpv::Value::Nil => Value::Null,
            rmpv::Value::Boolean(yes) => json!(yes),
            rmpv::Value::Integer(number) => number.as_i64().map_or_else(|| json!(number.as_u64()), |n| json!(n)),
            rmpv::Value::F32(number) => json!(f64::from(*number)),
            rmpv::Value::String(text) => json!(text.as_str().unwrap()),
            rmpv::Value::Array(list) => list.iter().map(expected).collect(),
            rmpv::Value::Map(map) => {
                map.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), expected(value))).collect()
            }
            other => unreachable!("{other} is not generated"),
        }
    }

    proptest! {
        #[test]
        fn what_another_writer_packs_reads_the_same(inner in tree()) {
            let packed_tree = rmpv::Value::Map(vec![(rmpv::Value::from(1), inner.clone())]);
            let mut bytes = Vec::new();
            rmpv::encode::write_value(&mut bytes, &packed_tree).unwrap();
            prop_assert_eq!(packed(&bytes).unwrap(), json!({"1": expected(&inner)}));
        }

        #[test]
        fn either_alphabet_with_or_without_padding_and_broken_into_lines_is_the_same(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
            let standard = BASE64_STANDARD.encode(&bytes);
            let web = standard.replace('+', "-").replace('/', "_").replace('=', "");
            let lines: String = standard.chars().enumerate().flat_map(|(at, c)| (at % 7 == 6).then_some('\n').into_iter().chain([c])).collect();
            for text in [standard.as_str(), &web, &lines] {
                prop_assert_eq!(decode_base64(text).unwrap(), bytes.clone());
            }
        }
    }
}
