//! The ids everything else is spoken in, money, and the two clocks. Platform ids are text: an order id has 19 digits and must never pass through a float.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

number_id! {
    /// A person with a login: an owner of accounts (a tenant), or an administrator.
    UserId;
    /// One seller account on the platform, as we number it.
    AccountId;
    /// A keyword rule or a default reply.
    RuleId;
    /// An API token, as we number it.
    TokenId;
    /// A channel for notices, as we number it.
    ChannelId;
    /// Something that is told, as we number it.
    NoticeId;
    /// One message of a notice to one channel, as we number it.
    NoticeDeliveryId;
    /// What a delivery gives, as we number it.
    CardId;
    /// One piece of stock, as we number it.
    UnitId;
    /// A rule that says which orders get which cards.
    DeliveryRuleId;
    /// A message that carries what an order is given.
    DeliveryMessageId;
    /// Something that needs a person's decision.
    ReviewId;
    /// Money in Fen (hundredths of a yuan).
    Fen;
}

text_id! {
    /// The platform's conversation (`cid`), without the `@goofish` suffix.
    ConversationId;
    /// The platform's user id of anybody: a buyer, or the seller (`unb`). Without the `@goofish` suffix.
    BuyerId;
    /// The platform's item id, 12–13 digits.
    ItemId;
    /// The platform's order id, 19 digits.
    OrderId;
    /// The platform's message id (`….PNM`), unique for one account.
    MessageId;
}

text_id! {
    /// A picture that a seller uploaded: the SHA-256 of its bytes in lower-case hexadecimal.
    PictureId;
    /// A challenge of the platform: 256 random bits in lower-case hexadecimal. Whoever knows one may ask for it, and nobody guesses it.
    ChallengeId;
}

impl ChallengeId {
    /// `None` where the text is no such number.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| text.into())
    }

    pub fn of(random: [u8; 32]) -> Self {
        Self::new(random.iter().fold(String::new(), |mut text, byte| {
            // Writing into a text does not fail.
            let _ = fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
            text
        }))
    }
}

/// Before a [`PictureId`] where otherwise the address of a picture stands.
const PICTURE: &str = "picture:";

impl PictureId {
    /// `None` where the text is no such hash.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hash = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hash.then(|| text.into())
    }

    /// What stands for the picture where otherwise an address stands: `picture:` and the hash.
    pub fn address(&self) -> String {
        format!("{PICTURE}{self}")
    }

    /// The picture that an address stands for; `None` where it is an address in the web.
    pub fn of_address(address: &str) -> Option<Self> {
        address.strip_prefix(PICTURE).and_then(Self::parse)
    }

    /// Whether an address is meant to stand for a picture, good or bad.
    pub fn is_named_by(address: &str) -> bool {
        address.starts_with(PICTURE)
    }
}

/// UTC milliseconds since 1970: what the platform speaks and what the database stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The end of time: a pause until somebody resumes.
    pub const NEVER: Self = Self(i64::MAX);

    /// Milliseconds since `earlier`; zero where the clocks disagree.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One moment on both clocks, handed to pure code by whoever owns a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For waiting: never jumps.
    pub instant: Instant,
    /// For the wire and the database.
    pub unix: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_one_address_and_nothing_else_is_one() {
        let id = PictureId::from("0a".repeat(32));
        assert_eq!(PictureId::of_address(&id.address()), Some(id));
        let odd =
            ["picture:", "picture:0A", &format!("picture:{}", "0A".repeat(32)), &format!("x:{}", "0a".repeat(32))];
        assert!(odd.into_iter().all(|address| PictureId::of_address(address).is_none()));
        assert!(PictureId::is_named_by("picture:x") && !PictureId::is_named_by("https://x/picture:"));
    }
}
