//! What people are called at the door: user names and e-mail addresses. A name never looks like an address, so that nobody can take a
//! name that is somebody else's address and be found in their place.

use std::{borrow::Cow, ops::Deref};

use serde::{Deserialize, Deserializer, de};
use utoipa::{
    __dev::ComposeSchema,
    ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use super::{error::Said, input::Line};

const LONGEST_NAME: usize = 64;
const LONGEST_EMAIL: usize = 254;
const LONGEST_MAILBOX: usize = 64;
const LONGEST_LABEL: usize = 63;

/// 1 to 64 characters without an `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(String);

/// `name@example.com`, in lower case: one address is one person, however it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl UserName {
    pub fn parse(text: &str) -> Result<Self, Said> {
        if text.contains('@') {
            return Err(Said::new("不能含有 @", "must not contain an @"));
        }
        Line::<1, LONGEST_NAME>::parse(text).map(|line| Self(line.into_string()))
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl Email {
    pub fn parse(text: &str) -> Result<Self, Said> {
        let is_good = text.len() <= LONGEST_EMAIL
            && text.rsplit_once('@').is_some_and(|(mailbox, domain)| is_mailbox(mailbox) && is_domain(domain));
        let said = || Said::new("须为邮箱地址", "must be an e-mail address: name@example.com");
        if is_good { Ok(Self(text.to_ascii_lowercase())) } else { Err(said()) }
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

fn is_mailbox(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    text.len() <= LONGEST_MAILBOX && text.split('.').all(|part| !part.is_empty() && part.bytes().all(is_letter))
}

fn is_domain(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len()) && label.trim_matches('-') == label && label.bytes().all(is_letter)
    };
    text.contains('.') && text.split('.').all(is_label)
}

impl Deref for UserName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Deref for Email {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for UserName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|said| de::Error::custom(said.joined()))
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|said| de::Error::custom(said.joined()))
    }
}

impl ComposeSchema for UserName {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(LONGEST_NAME));
        text.pattern(Some("^[^@]*$")).into()
    }
}

impl ToSchema for UserName {
    fn name() -> Cow<'static, str> {
        "UserName".into()
    }
}

impl ComposeSchema for Email {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(3)).max_length(Some(LONGEST_EMAIL));
        text.pattern(Some("^[^@ ]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$")).into()
    }
}

impl ToSchema for Email {
    fn name() -> Cow<'static, str> {
        "Email".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_however_it_is_written() {
        assert_eq!(
            Email::parse("Alice.B+shop@Example.COM").map(Email::into_string),
            Ok("alice.b+shop@example.com".into())
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let all = [
            "",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a b@c.d",
            "a@b..c",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@-b.c",
            "a@b-.c",
            "<a@b.c>",
            "a@b.c\n",
            "a@b.c,d@e.f",
            "阿@b.c",
            &long,
        ];
        for text in all {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_never_an_address() {
        assert!(UserName::parse("鱼塘 1").is_ok());
        for text in ["a@b.c", "", " a", "a\n", &"a".repeat(65)] {
            assert!(UserName::parse(text).is_err(), "{text:?}");
        }
    }
}
