//! The gateway's signature.

use md5::{Digest, Md5};

/// `lowercase_hex(md5(token & t & appKey & data))`: nothing else of a request is signed.
///
/// `token` is the signing part of `_m_h5_tk` (empty without one), `t` the very text of the query parameter in Unix milliseconds,
/// `data` the very JSON text of the form field before URL-encoding.
pub fn sign(token: &str, t: &str, app_key: &str, data: &str) -> String {
    let mut hash = Md5::new();
    for (index, part) in [token, t, app_key, data].into_iter().enumerate() {
        if index > 0 {
            hash.update(b"&");
        }
        hash.update(part);
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_signature_vector_is_reproduced() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/protocol-vectors.json")).unwrap();
        let vectors = vectors["sign"].as_array().unwrap();
        assert_eq!(vectors.len(), 15);
        for vector in vectors {
            let field = |name: &str| vector[name].as_str().unwrap();
            let signed = sign(field("token"), field("t"), field("app_key"), field("data"));
            assert_eq!(signed, field("sign"), "{}", field("id"));
        }
    }

    #[test]
    fn whitespace_in_the_data_changes_the_signature() {
        assert_ne!(sign("t", "1", "k", r#"{"a":1}"#), sign("t", "1", "k", r#"{"a": 1}"#));
    }
}
