//! What a seller may say about when to answer and with what.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::condition::Conditions;
use crate::ids::{AccountId, ItemId, RuleId, Timestamp, UserId};

/// One rule as it is stored and matched. A rule with `matching: Default` that waits for messages is a default reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub id: RuleId,
    pub body: RuleBody,
    pub created_at: Timestamp,
}

/// What a person says of a rule: all of it but its number and age. As JSON it is what the API takes and tells, what versions keep and what
/// files hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleBody {
    /// Whose set of rules it belongs to. `None`: the owner's, which all accounts share.
    #[serde(rename = "account_id")]
    pub account: Option<AccountId>,
    /// Of the shared ones: only for these accounts. Empty: for all. Sorted, without repeats.
    #[serde(rename = "only_accounts")]
    pub accounts: Vec<AccountId>,
    /// Empty: for every item. Sorted, without repeats.
    #[serde(rename = "item_ids")]
    pub items: Vec<ItemId>,
    pub trigger: Trigger,
    /// Of [`Trigger::Silent`]: after so many minutes; otherwise 0.
    pub silent_minutes: u32,
    #[serde(rename = "match")]
    pub matching: Matching,
    /// The main keyword or pattern; empty for a default reply, and where it is no message that is waited for.
    pub keyword: String,
    /// Besides the keyword: at least one of these must occur (unless empty).
    pub any_of: Vec<String>,
    /// All of these must occur.
    pub all_of: Vec<String>,
    /// None of these may occur.
    pub exclude: Vec<String>,
    pub conditions: Conditions,
    /// What is done, in this order. Nothing to send: match and stay silent.
    pub actions: Vec<Action>,
    /// Between what happened and what is done, in seconds. Messages are answered at once: 0.
    pub delay_s: u32,
    /// At most once in one conversation.
    pub once: bool,
    /// At most so often for one buyer on one day of the platform; `None`: no limit.
    pub per_day: Option<u32>,
    /// Higher goes first.
    pub priority: i32,
    pub enabled: bool,
}

impl Default for RuleBody {
    /// An enabled rule of the shared set that waits for messages; it still needs a keyword and actions.
    fn default() -> Self {
        Self {
            account: None,
            accounts: Vec::new(),
            items: Vec::new(),
            trigger: Trigger::Message,
            silent_minutes: 0,
            matching: Matching::Contains,
            keyword: String::new(),
            any_of: Vec::new(),
            all_of: Vec::new(),
            exclude: Vec::new(),
            conditions: Conditions::default(),
            actions: Vec::new(),
            delay_s: 0,
            once: false,
            per_day: None,
            priority: 0,
            enabled: true,
        }
    }
}

/// How long a rule keeps automatic answers away.
pub fn pause(minutes: u32) -> Duration {
    Duration::from_mins(minutes.into())
}

/// What makes two rules the same rule: a second one takes the place of the first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    pub account: Option<AccountId>,
    accounts: Vec<AccountId>,
    items: Vec<ItemId>,
    trigger: Trigger,
    silent_minutes: u32,
    matching: Matching,
    keyword: String,
    conditions: Conditions,
}

impl RuleBody {
    pub fn identity(&self) -> Identity {
        Identity {
            account: self.account,
            accounts: self.accounts.clone(),
            items: self.items.clone(),
            trigger: self.trigger,
            silent_minutes: self.silent_minutes,
            matching: self.matching,
            keyword: self.keyword.clone(),
            conditions: self.conditions.clone(),
        }
    }

    /// Whether it holds where nothing else that waits for messages does.
    pub fn is_default_reply(&self) -> bool {
        self.trigger == Trigger::Message && self.matching == Matching::Default
    }

    /// Between what happened and what is done.
    pub fn delay(&self) -> Duration {
        Duration::from_secs(self.delay_s.into())
    }

    /// Between the last word of a conversation and what is done, of [`Trigger::Silent`].
    pub fn silence(&self) -> Duration {
        Duration::from_mins(self.silent_minutes.into()) + self.delay()
    }

    /// Whether it is about this item, or about every one.
    pub fn is_about(&self, item: Option<&ItemId>) -> bool {
        self.items.is_empty() || item.is_some_and(|item| self.items.contains(item))
    }

    /// The same rule with its lists in the one order in which they are stored and compared.
    pub fn in_order(mut self) -> Self {
        self.accounts.sort_unstable();
        self.accounts.dedup();
        self.items.sort_unstable();
        self.items.dedup();
        self
    }
}

/// What a rule waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A buyer wrote.
    Message,
    /// A buyer placed an order that is not paid yet.
    OrderPlaced,
    OrderPaid,
    OrderShipped,
    /// The buyer confirmed the receipt.
    OrderReceived,
    /// The buyer wants the money back.
    OrderRefunding,
    OrderRefunded,
    /// It ended without a deal.
    OrderClosed,
    /// A conversation in which the buyer wrote has been silent for `silent_minutes`.
    Silent,
}

impl Trigger {
    pub const ALL: [Self; 9] = [
        Self::Message,
        Self::OrderPlaced,
        Self::OrderPaid,
        Self::OrderShipped,
        Self::OrderReceived,
        Self::OrderRefunding,
        Self::OrderRefunded,
        Self::OrderClosed,
        Self::Silent,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::OrderPlaced => "order_placed",
            Self::OrderPaid => "order_paid",
            Self::OrderShipped => "order_shipped",
            Self::OrderReceived => "order_received",
            Self::OrderRefunding => "order_refunding",
            Self::OrderRefunded => "order_refunded",
            Self::OrderClosed => "order_closed",
            Self::Silent => "silent",
        }
    }
}

impl std::str::FromStr for Trigger {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|trigger| trigger.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("unknown trigger {text:?}: use one of {known}")
        })
    }
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
    /// Nothing else matched; or, where it is no message that is waited for, there is nothing to match.
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

/// One thing that a rule does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Sends a text with `{variables}`.
    Text(String),
    /// Sends a picture, see [`Reply::Image`].
    Image(String),
    /// No automatic answer in this conversation for so many minutes.
    Pause(u32),
    /// Tags the buyer.
    Tag(String),
    /// Takes a tag off the buyer.
    Untag(String),
    /// Tells the seller; a text with `{variables}`.
    Notify(String),
    /// Leaves the conversation to this person; `None`: to whoever looks first.
    HandOver(Option<UserId>),
}

/// One thing that is sent: a text with `{variables}`, or a picture by its address in the web, or as `picture:` and the number of one that
/// the seller uploaded ([`PictureId::address`](crate::ids::PictureId::address)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    Text(String),
    Image(String),
}

/// One thing that is done besides sending; texts are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    Pause { minutes: u32 },
    Tag(String),
    Untag(String),
    Notify(String),
    HandOver(Option<UserId>),
}

impl From<Deed> for Action {
    fn from(deed: Deed) -> Self {
        match deed {
            Deed::Pause { minutes } => Self::Pause(minutes),
            Deed::Tag(tag) => Self::Tag(tag),
            Deed::Untag(tag) => Self::Untag(tag),
            Deed::Notify(text) => Self::Notify(text),
            Deed::HandOver(to) => Self::HandOver(to),
        }
    }
}
