//! The random texts that open something: API tokens, session ids, tickets, and the proof that a form is ours (CSRF).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every API token begins with it: so one that was left in a log or a repository is found.
pub const MARK: &str = "yt_";
/// As much of a token as is kept to recognise it by: the mark and 42 random bits of 256.
const PREFIX: usize = 10;

/// What a token lets its bearer do; never more than its user may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    Read,
    Write,
}

impl Access {
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl std::str::FromStr for Access {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|access| access.as_str() == text);
        known.ok_or_else(|| format!("unknown access {text:?}: use read or write"))
    }
}

/// A new API token. The text is shown once and kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    pub text: String,
    pub prefix: String,
    pub hash: Vec<u8>,
}

pub fn mint(random: [u8; 32]) -> Minted {
    let text = format!("{MARK}{}", BASE64.encode(random));
    Minted { prefix: text[..PREFIX].to_owned(), hash: hash(&text), text }
}

/// What is stored of a token. SHA-256 without salt suffices: nobody guesses 256 random bits.
pub fn hash(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

/// Compares without telling by its time where the first difference is. The lengths are no secret.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let differs = a.iter().zip(b).fold(0, |differs, (a, b)| std::hint::black_box(differs | (a ^ b)));
    a.len() == b.len() && differs == 0
}

pub fn session_id(random: [u8; 16]) -> String {
    BASE64.encode(random)
}

/// Opens one thing once: a WebSocket, the setup page.
pub fn ticket(random: [u8; 32]) -> String {
    BASE64.encode(random)
}

/// What a form of this session carries. Another site can send our cookie, but cannot read this.
pub fn csrf(key: &[u8; 32], session_id: &str) -> String {
    BASE64.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), session_id.as_bytes()))
}

/// In constant time.
pub fn is_csrf(key: &[u8; 32], session_id: &str, text: &str) -> bool {
    same(csrf(key, session_id).as_bytes(), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_by_its_beginning_and_found_by_its_hash() {
        let minted = mint([0xff; 32]);
        assert_eq!(minted.text, format!("yt_{}8", "_".repeat(42)));
        assert_eq!(minted.prefix, "yt________");
        assert_eq!(minted.hash, hash(&minted.text));
        assert_ne!(minted.hash, mint([0xfe; 32]).hash);
        assert_eq!(minted.hash.len(), 32);
    }

    #[test]
    fn equal_means_every_byte_and_the_length() {
        assert!(same(b"", b"") && same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"", b"a"));
    }

    #[test]
    fn a_form_belongs_to_one_session_and_one_key() {
        let text = csrf(&[1; 32], "session");
        assert!(is_csrf(&[1; 32], "session", &text));
        assert!(!is_csrf(&[1; 32], "another", &text));
        assert!(!is_csrf(&[2; 32], "session", &text));
        assert!(!is_csrf(&[1; 32], "session", ""));
    }

    #[test]
    fn ids_and_tickets_are_fit_for_an_address() {
        let texts = [session_id([0xfb; 16]), ticket([0xfb; 32])];
        assert_eq!(texts.each_ref().map(String::len), [22, 43]);
        assert!(
            texts.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
        );
    }

    #[test]
    fn access_reads_back() {
        assert!(Access::ALL.into_iter().all(|access| access.as_str().parse() == Ok(access)));
        assert!("admin".parse::<Access>().is_err());
    }
}
