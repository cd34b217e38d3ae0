//! The device id that binds an access token to its connection.

/// A UUIDv4 in capitals, then `-` and the seller's user id: the form that the platform's web page makes.
///
/// `random` should be fresh for each new device; `login.token` and `/reg` must carry the same id.
pub fn device_id(random: [u8; 16], uid: &str) -> String {
    let bits = u128::from_be_bytes(random);
    let time_high = 0x4000 | (bits >> 64) & 0x0fff;
    let variant = 0x8000 | (bits >> 48) & 0x3fff;
    format!(
        "{:08X}-{:04X}-{time_high:04X}-{variant:04X}-{:012X}-{uid}",
        bits >> 96,
        (bits >> 80) & 0xffff,
        bits & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;
    use serde_json::Value;

    use super::*;

    fn documented_form() -> Regex {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/fixtures/protocol-vectors.json")).unwrap();
        let formats = vectors["id_formats"].as_array().unwrap();
        let format = formats.iter().find(|format| format["id"] == "device-id").unwrap();
        assert_eq!(format["user_id"], "2200000000001");
        Regex::new(format["regex"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn all_random_bytes_reach_their_digits() {
        let counted = std::array::from_fn(|index| u8::try_from(index * 0x11).unwrap());
        assert_eq!(device_id(counted, "7"), "00112233-4455-4677-8899-AABBCCDDEEFF-7");
    }

    proptest! {
        #[test]
        fn any_random_bytes_give_the_documented_form(random: [u8; 16]) {
            prop_assert!(documented_form().is_match(&device_id(random, "2200000000001")));
        }
    }
}
