//! The cookies of one account.

use std::{fmt, sync::Arc};

use crate::ids::BuyerId;

/// Without these a jar cannot be used: who the seller is, and the login session.
const REQUIRED: [&str; 2] = ["unb", "cookie2"];

/// A cookie jar, kept as the text that is sent: a clone costs a reference, a look-up one scan.
///
/// Names are unique and in the order they were first seen. Never shows a value in its debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookies(Arc<str>);

impl Cookies {
    /// Reads a `Cookie` header as people paste it: with or without blanks, line breaks, a `Cookie:` in front; the last of equal names wins.
    ///
    /// Pieces without a name or without `=` are left out; values are taken as they are, not decoded.
    pub fn parse(text: &str) -> Self {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let text = text.trim_start();
        let text = match text.get(..7) {
            Some(prefix) if prefix.eq_ignore_ascii_case("cookie:") => &text[7..],
            _ => text,
        };
        Self::from_pairs(text.split(';').filter_map(pair))
    }

    /// Takes over what the platform sets, whatever the answer said otherwise. True when a value changed.
    ///
    /// Each item is the value of one `Set-Cookie` header; everything behind the first `;` is ignored. A deleted cookie stays with an
    /// empty value (vector `set-cookie-merge-3`).
    pub fn merge<'a>(&mut self, set_cookies: impl IntoIterator<Item = &'a str>) -> bool {
        let merged = {
            let set = set_cookies.into_iter().filter_map(|header| pair(header.split(';').next().unwrap_or_default()));
            let set = set.filter(|(name, value)| !name.chars().chain(value.chars()).any(char::is_control));
            Self::from_pairs(self.pairs().chain(set))
        };
        let changed = merged != *self;
        *self = merged;
        changed
    }

    /// Takes over what another jar of the same person has, but for what is empty there. True when a value changed.
    pub fn take_over(&mut self, other: &Self) -> bool {
        let filled = other.pairs().filter(|(_, value)| !value.is_empty());
        let merged = Self::from_pairs(self.pairs().chain(filled));
        let changed = merged != *self;
        *self = merged;
        changed
    }

    /// The value of the cookie `name`, which may be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The seller's platform user id.
    pub fn unb(&self) -> Option<&str> {
        let filled = |name| self.get(name).filter(|value| !value.is_empty());
        filled("unb").or_else(|| filled("munb"))
    }

    /// The token that signs gateway calls: `_m_h5_tk` up to its first `_`; empty without one.
    pub fn h5_token(&self) -> &str {
        let cookie = self.get("_m_h5_tk").unwrap_or_default();
        cookie.split('_').next().unwrap_or_default()
    }

    /// The text of the `Cookie` header. A secret.
    pub fn header(&self) -> &str {
        &self.0
    }

    /// Which of `unb` and `cookie2` are absent or empty. Such a jar cannot be used.
    pub fn missing(&self) -> Vec<&'static str> {
        let present = |name: &str| match name {
            "unb" => self.unb().is_some(),
            other => self.get(other).is_some_and(|value| !value.is_empty()),
        };
        REQUIRED.into_iter().filter(|name| !present(name)).collect()
    }

    /// The seller whose login this is.
    pub fn seller(&self) -> Result<BuyerId, CookieFault> {
        let missing = self.missing();
        let uid = self.unb().filter(|_| missing.is_empty()).ok_or(CookieFault::Lacks(missing))?;
        if uid.bytes().all(|byte| byte.is_ascii_digit()) { Ok(uid.into()) } else { Err(CookieFault::OddUser) }
    }

    /// Every name with its value, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split(';').filter_map(pair)
    }

    /// Of equal names the last wins, in the place of the first. Neither names nor values may hold what parts them.
    pub(super) fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut unique: Vec<(&str, &str)> = Vec::new();
        for (name, value) in pairs {
            match unique.iter_mut().find(|(known, _)| *known == name) {
                Some(known) => known.1 = value,
                None => unique.push((name, value)),
            }
        }
        let mut text = String::new();
        for (name, value) in unique {
            let blank = if text.is_empty() { "" } else { "; " };
            text.extend([blank, name, "=", value]);
        }
        Self(text.into())
    }
}

/// Why a jar is no login. Never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CookieFault {
    #[error("the cookie lacks {}; copy it from a browser that is logged in", .0.join(" and "))]
    Lacks(Vec<&'static str>),
    #[error("the cookie's unb is not a number")]
    OddUser,
}

/// Splits at the first `=`, without blanks around either side.
fn pair(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    (!name.is_empty()).then(|| (name, value.trim()))
}

/// Names only: the values are a login.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookies")?;
        f.debug_list().entries(self.pairs().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn vectors(kind: &str) -> Vec<Value> {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/fixtures/protocol-vectors.json")).unwrap();
        let cookies = vectors["cookies"].as_array().unwrap();
        cookies.iter().filter(|vector| vector["kind"] == kind).cloned().collect()
    }

    fn as_json(cookies: &Cookies) -> Value {
        cookies.pairs().map(|(name, value)| (name.to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into()
    }

    #[test]
    fn every_parse_vector_is_read() {
        let vectors = vectors("cookie_parse");
        assert_eq!(vectors.len(), 7);
        for vector in vectors {
            let cookies = Cookies::parse(vector["input"].as_str().unwrap());
            assert_eq!(as_json(&cookies), vector["expect"], "{}", vector["id"]);
        }
    }

    #[test]
    fn every_merge_vector_is_merged() {
        let vectors = vectors("set_cookie_merge");
        assert_eq!(vectors.len(), 4);
        for vector in vectors {
            let mut cookies = Cookies::parse(vector["old"].as_str().unwrap());
            let headers = vector["set_cookie"].as_array().unwrap();
            let changed = cookies.merge(headers.iter().map(|header| header.as_str().unwrap()));
            assert_eq!(cookies.header(), vector["merged"], "{}", vector["id"]);
            assert_eq!(changed, !headers.is_empty(), "{}", vector["id"]);
        }
    }

    #[test]
    fn every_token_vector_is_cut_out() {
        let vectors = vectors("h5_token");
        assert_eq!(vectors.len(), 4);
        for vector in vectors {
            let cookies = Cookies::parse(&format!("_m_h5_tk={}", vector["cookie"].as_str().unwrap()));
            assert_eq!(cookies.h5_token(), vector["token"], "{}", vector["id"]);
        }
        assert_eq!(Cookies::parse("").h5_token(), "");
    }

    #[test]
    fn a_rotated_token_replaces_the_old_one_in_its_place() {
        let mut cookies = Cookies::parse("unb=1; _m_h5_tk=old_1; cookie2=c");
        assert!(cookies.merge(["_m_h5_tk=new_2;Path=/;Domain=goofish.com;Secure"]));
        assert_eq!(cookies.header(), "unb=1; _m_h5_tk=new_2; cookie2=c");
        assert!(!cookies.merge(["_m_h5_tk=new_2"]));
    }

    #[test]
    fn pasted_text_with_line_breaks_and_a_header_name_is_understood() {
        let cookies = Cookies::parse("Cookie: unb=1;\r\n cookie2=a\nb; junk; =nameless\n");
        assert_eq!(cookies.header(), "unb=1; cookie2=ab");
    }

    #[test]
    fn a_set_cookie_cannot_smuggle_control_characters_into_the_header() {
        let mut cookies = Cookies::parse("a=1");
        assert!(!cookies.merge(["b=2\r\nX-Evil: 1"]));
        assert_eq!(cookies.header(), "a=1");
    }

    #[test]
    fn a_jar_without_user_or_session_is_named_unusable() {
        assert_eq!(Cookies::parse("a=1").missing(), ["unb", "cookie2"]);
        assert_eq!(Cookies::parse("unb=1; cookie2=").missing(), ["cookie2"]);
        assert!(Cookies::parse("munb=7; cookie2=x").missing().is_empty());
        assert_eq!(Cookies::parse("munb=7").unb(), Some("7"));
    }

    #[test]
    fn debug_output_never_shows_a_value() {
        let shown = format!("{:?}", Cookies::parse("unb=2200000000001; cookie2=topsecret"));
        assert_eq!(shown, r#"Cookies["unb", "cookie2"]"#);
    }
}
