//! Why the platform did not let a session in.

use serde_json::Value;

use super::tree;

/// A registration that was answered with anything but 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub code: i64,
    /// The platform's own words; empty if it had none.
    pub text: String,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The access token is wrong or expired: ask for another with the same device id.
    Token,
    /// The token belongs to another device id: ask for one for this.
    Device,
    /// Too many sessions of this account: wait long.
    TooManySessions,
    Other,
}

/// Each kind with the phrases that tell it, in lower case. The device comes first: its code is 401 like a bad token's.
const PHRASES: [(RefusalKind, &[&str]); 3] = [
    (RefusalKind::Device, &["device id or appkey is not equal"]),
    (RefusalKind::TooManySessions, &["connect limit", "session remove", "too many"]),
    (RefusalKind::Token, &["invalid token", "token invalid", "not auth"]),
];

impl Refusal {
    /// Reads the whole frame again: the words may stand in three places, and a refusal is rare.
    pub(super) fn read(code: i64, frame: &str) -> Self {
        let text = words(frame);
        Self { kind: RefusalKind::of(code, &text.to_lowercase()), code, text }
    }
}

impl RefusalKind {
    fn of(code: i64, text: &str) -> Self {
        let said = PHRASES.iter().find(|(_, phrases)| phrases.iter().any(|phrase| text.contains(phrase)));
        match said {
            Some((kind, _)) => *kind,
            None if code == 401 => Self::Token,
            None => Self::Other,
        }
    }
}

/// The platform's words about a failure, wherever it put them.
pub(super) fn words(frame: &str) -> String {
    let frame: Value = serde_json::from_str(frame).unwrap_or_default();
    let plain = ["reason", "message", "msg", "moreInfo"];
    let places = [
        (frame.get("body"), &plain[..]),
        (Some(&frame), &plain[..]),
        (frame.get("headers"), &["reason", "error", "error-message"][..]),
    ];
    let found = places.iter().find_map(|(place, keys)| keys.iter().find_map(|key| tree::text((*place)?.get(key))));
    found.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phrase_of_the_platform_has_its_kind_wherever_it_stands() {
        let frames = [
            (401, r#"{"code":401,"body":{"reason":"Invalid Token"}}"#, RefusalKind::Token),
            (500, r#"{"code":500,"message":"not auth"}"#, RefusalKind::Token),
            (401, r#"{"code":401}"#, RefusalKind::Token),
            (401, r#"{"code":401,"body":{"moreInfo":"device id or appkey is not equal"}}"#, RefusalKind::Device),
            (403, r#"{"code":403,"headers":{"error-message":"connect limit"}}"#, RefusalKind::TooManySessions),
            (429, r#"{"code":429,"body":{"msg":"too many sessions"}}"#, RefusalKind::TooManySessions),
            (500, r#"{"code":500,"body":[]}"#, RefusalKind::Other),
        ];
        for (code, frame, kind) in frames {
            assert_eq!(Refusal::read(code, frame).kind, kind, "{frame}");
        }
    }
}
