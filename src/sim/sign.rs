//! MD5 as the gateway uses it, and secrets. The simulator's own, so that a client's mistake is not repeated here.

use md5::{Digest as _, Md5};

/// Lower-case hex of the MD5 of a text.
pub(super) fn md5(text: &str) -> String {
    let digest = Md5::digest(text.as_bytes());
    digest.iter().fold(String::with_capacity(32), |mut hex, byte| {
        hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        hex
    })
}

/// The signature a call must carry.
pub(super) fn signature(token: &str, time: &str, app_key: &str, data: &str) -> String {
    md5(&format!("{token}&{time}&{app_key}&{data}"))
}

/// A 13-digit user id made from an account's name.
pub(super) fn uid(name: &str) -> u64 {
    let hash = u64::from_str_radix(&md5(name)[..15], 16).unwrap_or(0);
    2_200_000_000_000 + hash % 99_999_999_999
}

/// A value that nobody can guess, as the platform's cookies look: 32 hex digits.
pub(super) fn secret() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_recorded_signature_is_reproduced() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/fixtures/protocol-vectors.json")).unwrap();
        for case in vectors["sign"].as_array().unwrap() {
            let field = |name: &str| case[name].as_str().unwrap();
            let sign = signature(field("token"), field("t"), field("app_key"), field("data"));
            assert_eq!(sign, field("sign"), "{}", case["id"]);
        }
    }
}
