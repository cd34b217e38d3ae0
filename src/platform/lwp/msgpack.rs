//! Reads MessagePack straight into the tree everything else reads, with string keys and exact integers.
//!
//! Written here rather than taken from a crate because the input is a stranger's: it needs a budget of nodes beside the depth limit, the reserved
//! byte must be an error (a general reader takes it for nil), and building one tree instead of two is what the hot path costs. A test compares it
//! with such a reader on random trees.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Number, Value, json};

use super::payload::PayloadError;

/// Nested deeper than this is an attack: the deepest real tree has five levels.
const MAX_DEPTH: usize = 64;
/// A real tree has about fifty values; the limit keeps one-byte values from becoming a hundred times their size in memory.
const MAX_NODES: usize = 1 << 16;

/// One map from the start of `bytes`; what follows it is ignored, anything but a map is an error.
pub(super) fn read_map(bytes: &[u8]) -> Result<Value, PayloadError> {
    let mut reader = Reader { bytes, nodes: MAX_NODES };
    match reader.value(MAX_DEPTH)? {
        map @ Value::Object(_) => Ok(map),
        _ => Err(PayloadError::NotAMap),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// How many more values may be made.
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, PayloadError> {
        self.nodes = self.nodes.checked_sub(1).ok_or(PayloadError::TooManyValues)?;
        let depth = depth.checked_sub(1).ok_or(PayloadError::TooDeep)?;
        match self.byte()? {
            marker @ 0x00..=0x7f => Ok(Value::from(marker)),
            marker @ 0x80..=0x8f => self.map(usize::from(marker & 0x0f), depth),
            marker @ 0x90..=0x9f => self.list(usize::from(marker & 0x0f), depth),
            marker @ 0xa0..=0xbf => self.text(usize::from(marker & 0x1f)),
            marker @ 0xe0..=0xff => Ok(Value::from(i64::from(marker) - 0x100)),
            0xc0 => Ok(Value::Null),
            0xc1 => Err(PayloadError::ReservedByte),
            0xc2 => Ok(Value::Bool(false)),
            0xc3 => Ok(Value::Bool(true)),
            marker @ 0xc4..=0xc6 => self.sized(marker - 0xc4).and_then(|length| self.binary(length)),
            marker @ 0xc7..=0xc9 => self.sized(marker - 0xc7).and_then(|length| self.extension(length)),
            0xca => Ok(float(f64::from(f32::from_be_bytes(self.array()?)))),
            0xcb => Ok(float(f64::from_be_bytes(self.array()?))),
            marker @ 0xcc..=0xcf => self.unsigned(marker - 0xcc).map(Value::from),
            marker @ 0xd0..=0xd3 => self.signed(marker - 0xd0).map(Value::from),
            marker @ 0xd4..=0xd8 => self.extension(1 << (marker - 0xd4)),
            marker @ 0xd9..=0xdb => self.sized(marker - 0xd9).and_then(|length| self.text(length)),
            marker @ 0xdc..=0xdd => self.sized(marker - 0xdb).and_then(|length| self.list(length, depth)),
            marker @ 0xde..=0xdf => self.sized(marker - 0xdd).and_then(|length| self.map(length, depth)),
        }
    }

    /// Never reserves what a header promises: eight bytes may claim four thousand million entries.
    fn map(&mut self, length: usize, depth: usize) -> Result<Value, PayloadError> {
        let mut map = Map::with_capacity(length.min(16));
        for _ in 0..length {
            let key = self.key(depth)?;
            map.insert(key, self.value(depth)?);
        }
        Ok(Value::Object(map))
    }

    fn list(&mut self, length: usize, depth: usize) -> Result<Value, PayloadError> {
        let mut list = Vec::with_capacity(length.min(16));
        for _ in 0..length {
            list.push(self.value(depth)?);
        }
        Ok(Value::Array(list))
    }

    fn key(&mut self, depth: usize) -> Result<String, PayloadError> {
        match self.value(depth)? {
            Value::String(text) => Ok(text),
            Value::Array(_) | Value::Object(_) => Err(PayloadError::CompoundKey),
            simple @ (Value::Null | Value::Bool(_) | Value::Number(_)) => Ok(simple.to_string()),
        }
    }

    /// A cut emoji must not cost the buyer's whole message: what is not UTF-8 becomes U+FFFD.
    fn text(&mut self, length: usize) -> Result<Value, PayloadError> {
        let bytes = self.take(length)?;
        Ok(Value::String(match String::from_utf8_lossy(bytes) {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => text,
        }))
    }

    fn binary(&mut self, length: usize) -> Result<Value, PayloadError> {
        let bytes = self.take(length)?;
        Ok(str::from_utf8(bytes).map_or_else(|_| opaque(bytes), Value::from))
    }

    /// Kept as bytes, its type number left out: nobody has seen one.
    fn extension(&mut self, length: usize) -> Result<Value, PayloadError> {
        self.byte()?;
        self.take(length).map(opaque)
    }

    /// A length of 1, 2 or 4 bytes, by the distance of the marker from the shortest one.
    fn sized(&mut self, width: u8) -> Result<usize, PayloadError> {
        let length = self.unsigned(width)?;
        usize::try_from(length).map_err(|_| PayloadError::Truncated)
    }

    /// A big-endian number of 1, 2, 4 or 8 bytes.
    fn unsigned(&mut self, width: u8) -> Result<u64, PayloadError> {
        match width {
            0 => Ok(u64::from(self.byte()?)),
            1 => Ok(u64::from(u16::from_be_bytes(self.array()?))),
            2 => Ok(u64::from(u32::from_be_bytes(self.array()?))),
            _ => Ok(u64::from_be_bytes(self.array()?)),
        }
    }

    fn signed(&mut self, width: u8) -> Result<i64, PayloadError> {
        match width {
            0 => Ok(i64::from(i8::from_be_bytes(self.array()?))),
            1 => Ok(i64::from(i16::from_be_bytes(self.array()?))),
            2 => Ok(i64::from(i32::from_be_bytes(self.array()?))),
            _ => Ok(i64::from_be_bytes(self.array()?)),
        }
    }

    fn byte(&mut self) -> Result<u8, PayloadError> {
        let (&byte, rest) = self.bytes.split_first().ok_or(PayloadError::Truncated)?;
        self.bytes = rest;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PayloadError> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or(PayloadError::Truncated)?;
        self.bytes = rest;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], PayloadError> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(PayloadError::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }
}

/// Bytes that are no text, so that a person who reads the tree can still see them.
fn opaque(bytes: &[u8]) -> Value {
    json!({ "$bytes": BASE64_STANDARD.encode(bytes) })
}

/// JSON has no infinity: such a number reads as absent.
fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}
