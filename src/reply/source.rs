//! Where an answer can come from, and which of these an account uses.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::matcher::Tier;

/// Where an answer can come from. They are asked in this order; the first that has something to say, or wants silence, ends the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The seller's own program, asked over HTTPS.
    Hook,
    /// A rule about the item.
    ItemRule,
    /// A rule of the account.
    AccountRule,
    /// A rule for all accounts of the owner.
    GlobalRule,
    Ai,
    /// The item's default reply.
    ItemDefault,
    /// The account's default reply, or else the one for all accounts.
    AccountDefault,
}

impl Source {
    pub const ORDER: [Self; 7] = [
        Self::Hook,
        Self::ItemRule,
        Self::AccountRule,
        Self::GlobalRule,
        Self::Ai,
        Self::ItemDefault,
        Self::AccountDefault,
    ];

    /// Stable: stored with decisions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::ItemRule => "item_rule",
            Self::AccountRule => "account_rule",
            Self::GlobalRule => "global_rule",
            Self::Ai => "ai",
            Self::ItemDefault => "item_default",
            Self::AccountDefault => "account_default",
        }
    }

    /// The source that rules of this tier are.
    pub fn of_rules(tier: Tier) -> Self {
        match tier {
            Tier::Item => Self::ItemRule,
            Tier::Account => Self::AccountRule,
            Tier::Global => Self::GlobalRule,
        }
    }

    /// The source that default replies of this tier are.
    pub fn of_defaults(tier: Tier) -> Self {
        match tier {
            Tier::Item => Self::ItemDefault,
            Tier::Account | Tier::Global => Self::AccountDefault,
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Which sources an account uses: all but those that were turned off. Written as the list of what is off, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sources {
    off: u8,
}

impl Sources {
    /// Every source but these.
    pub fn without(off: impl IntoIterator<Item = Source>) -> Self {
        Self { off: off.into_iter().fold(0, |off, source| off | source.bit()) }
    }

    pub fn is_on(self, source: Source) -> bool {
        self.off & source.bit() == 0
    }

    /// What is turned off, in the order of the sources.
    pub fn off(self) -> impl Iterator<Item = Source> {
        Source::ORDER.into_iter().filter(move |source| !self.is_on(*source))
    }
}

impl Serialize for Sources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.off())
    }
}

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::without)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn all_sources_are_on_until_they_are_turned_off() {
        assert!(Source::ORDER.into_iter().all(|source| Sources::default().is_on(source)));
        let some = Sources::without([Source::Ai, Source::Hook, Source::Ai]);
        assert_eq!(some.off().collect::<Vec<_>>(), [Source::Hook, Source::Ai]);
        assert!(some.is_on(Source::ItemRule) && !some.is_on(Source::Ai));
    }

    #[test]
    fn what_is_off_is_written_as_a_list_of_names() {
        let some = Sources::without([Source::AccountDefault, Source::GlobalRule]);
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, r#"["global_rule","account_default"]"#);
        assert_eq!(serde_json::from_str::<Sources>(&text).unwrap(), some);
        assert!(serde_json::from_str::<Sources>(r#"["magic"]"#).is_err());
        for source in Source::ORDER {
            assert_eq!(serde_json::to_value(source).unwrap(), source.as_str());
        }
    }
}
