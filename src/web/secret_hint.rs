//! What is shown of a secret that is stored.

use ring::digest::{SHA256, digest};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ids::Timestamp;

/// Enough to recognise a stored secret by, and nothing of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SecretHint {
    /// The end of its fingerprint, not of itself.
    #[schema(example = "…3f9c")]
    pub(in crate::web) hint: String,
    /// In characters.
    pub(in crate::web) length: usize,
    /// When it was put here, UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) set_at: Timestamp,
}

impl SecretHint {
    pub fn new(secret: &str, set_at: Timestamp) -> Self {
        let end = match digest(&SHA256, secret.as_bytes()).as_ref() {
            [.., a, b] => format!("…{a:02x}{b:02x}"),
            _ => "…".to_owned(),
        };
        Self { hint: end, length: secret.chars().count(), set_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_tells_secrets_apart_and_holds_none_of_their_characters() {
        let (one, other) = (SecretHint::new("鱼塘-x", Timestamp(5)), SecretHint::new("鱼塘-y", Timestamp(5)));
        assert_ne!(one, other);
        assert_eq!((one.length, one.set_at), (4, Timestamp(5)));
        assert!(
            one.hint.strip_prefix('…').is_some_and(|end| end.len() == 4 && end.bytes().all(|c| c.is_ascii_hexdigit()))
        );
    }
}
