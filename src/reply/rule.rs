//! What a seller may say about when to answer and with what.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, ItemId, RuleId, Timestamp};

/// One rule as it is stored and matched. A rule with `matching: Default` is a default reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub id: RuleId,
    /// `None`: for all accounts of the owner.
    pub account: Option<AccountId>,
    /// `None`: for every item.
    pub item: Option<ItemId>,
    pub matching: Matching,
    /// The main keyword or pattern; empty for a default reply.
    pub keyword: String,
    /// Besides the keyword: at least one of these must occur (unless empty).
    pub any_of: Vec<String>,
    /// All of these must occur.
    pub all_of: Vec<String>,
    /// None of these may occur.
    pub exclude: Vec<String>,
    /// What is sent, in this order. Empty: match and stay silent.
    pub replies: Vec<Reply>,
    /// At most once in one conversation.
    pub once: bool,
    /// Higher goes first.
    pub priority: i32,
    pub enabled: bool,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// The keyword occurs in what the buyer said; case does not matter (Unicode).
    Contains,
    /// One message is the keyword, blanks around it aside; case does not matter.
    Exact,
    /// A regular expression (linear time) finds something; case matters unless `(?i)`.
    Regex,
    /// Nothing else matched.
    Default,
}

impl Matching {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::Exact => "exact",
            Self::Regex => "regex",
            Self::Default => "default",
        }
    }
}

impl std::str::FromStr for Matching {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "contains" => Ok(Self::Contains),
            "exact" => Ok(Self::Exact),
            "regex" => Ok(Self::Regex),
            "default" => Ok(Self::Default),
            other => Err(format!("unknown match {other:?}: use contains, exact, regex or default")),
        }
    }
}

/// One thing that is sent: a text with `{variables}`, or a picture by its address in the web, or as `picture:` and the number of one that
/// the seller uploaded ([`PictureId::address`](crate::ids::PictureId::address)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    Text(String),
    Image(String),
}
