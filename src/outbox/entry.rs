//! The states of a send, and which may follow which.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, BuyerId, ConversationId, DeliveryMessageId, MessageId, PictureId, RuleId, Timestamp};

/// The number behind a send's `uuid` on the wire: strictly increasing within an account and never below the time it was made at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SendId(pub i64);

/// One text or picture to a buyer. A row before it is a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub account: AccountId,
    pub id: SendId,
    pub conversation: ConversationId,
    pub peer: BuyerId,
    pub body: Body,
    pub state: State,
    /// Why it was rejected, expired or is uncertain; the platform's own words where there are some.
    pub reason: Option<String>,
    /// The platform's id of the message, once an answer or an echo told it.
    pub message: Option<MessageId>,
    pub origin: Origin,
    pub rule: Option<RuleId>,
    /// The message of a delivery that this is. There is never another send of it.
    pub delivery: Option<DeliveryMessageId>,
    /// The last message of the turn this answers.
    pub in_reply_to: Option<MessageId>,
    /// How often it was on the wire.
    pub attempts: i32,
    pub created_at: Timestamp,
    /// When it last went (or may have gone) onto the wire.
    pub sent_at: Option<Timestamp>,
    /// When it reached a final state.
    pub settled_at: Option<Timestamp>,
    /// After this moment a chat answer is not sent any more.
    pub expires_at: Timestamp,
}

impl Entry {
    /// How a settled entry names the one that was made to send it again.
    pub fn reason_when_sent_again(&self, again: SendId) -> String {
        match &self.reason {
            Some(reason) => format!("{reason}; {SENT_AGAIN}{}", again.0),
            None => format!("{SENT_AGAIN}{}", again.0),
        }
    }

    /// The entry that was made to send this one again.
    pub fn sent_again_as(&self) -> Option<SendId> {
        successor(self.reason.as_deref()?)
    }
}

/// The entry that was made to send again the one with this reason.
pub fn successor(reason: &str) -> Option<SendId> {
    let (_, number) = reason.rsplit_once(SENT_AGAIN)?;
    number.parse().ok().map(SendId)
}

/// The reason alone, where it also names what was sent again.
pub fn without_successor(reason: &str) -> &str {
    match (successor(reason), reason.rsplit_once(SENT_AGAIN)) {
        (Some(_), Some((reason, _))) => reason.trim_end_matches("; "),
        _ => reason,
    }
}

const SENT_AGAIN: &str = "sent again as ";

/// What a person may say about an entry, without anything being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonsWord {
    /// What is still queued is not wanted any more.
    Cancel,
    /// What is in doubt was seen by the buyer.
    Arrived,
    /// What is in doubt was not seen by the buyer.
    NotArrived,
}

impl PersonsWord {
    /// In which state it may be said.
    pub fn from(self) -> State {
        match self {
            Self::Cancel => State::Queued,
            Self::Arrived | Self::NotArrived => State::Uncertain,
        }
    }

    pub fn to(self) -> State {
        match self {
            Self::Cancel => State::Expired,
            Self::Arrived => State::Confirmed,
            Self::NotArrived => State::Rejected,
        }
    }

    /// A stable code.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Cancel => Some("cancelled"),
            Self::Arrived => None,
            Self::NotArrived => Some("person_says_not_arrived"),
        }
    }
}

/// Why nothing became of a person's word about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSettled {
    #[error("there is no such outbox entry")]
    NotFound,
    #[error("this cannot be done with an outbox entry that is {}", .0.as_str())]
    WrongState(State),
}

/// What the database must be told, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    Insert(Entry),
    Update(Change),
    /// The platform's id of a send that was accepted without one.
    Claim {
        account: AccountId,
        id: SendId,
        message: MessageId,
        at: Timestamp,
    },
}

/// The new state of a stored send.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub account: AccountId,
    pub id: SendId,
    /// Stored with the entry already; whoever watches wants to know.
    pub conversation: ConversationId,
    /// Stored with the entry already; whoever counts wants to know.
    pub rule: Option<RuleId>,
    /// Stored with the entry already: the delivery goes on in the same transaction.
    pub delivery: Option<DeliveryMessageId>,
    pub state: State,
    pub reason: Option<String>,
    pub message: Option<MessageId>,
    pub attempts: i32,
    pub sent_at: Option<Timestamp>,
    pub settled_at: Option<Timestamp>,
}

impl Row {
    /// The send whose echo this row tells.
    pub fn claimed(&self) -> Option<(AccountId, SendId)> {
        match self {
            Self::Claim { account, id, .. } => Some((*account, *id)),
            Self::Insert(_) | Self::Update(_) => None,
        }
    }

    pub fn account(&self) -> AccountId {
        match self {
            Self::Insert(entry) => entry.account,
            Self::Update(change) => change.account,
            Self::Claim { account, .. } => *account,
        }
    }
}

impl Change {
    pub fn of(entry: &Entry) -> Self {
        Self {
            account: entry.account,
            id: entry.id,
            conversation: entry.conversation.clone(),
            rule: entry.rule,
            delivery: entry.delivery,
            state: entry.state,
            reason: entry.reason.clone(),
            message: entry.message.clone(),
            attempts: entry.attempts,
            sent_at: entry.sent_at,
            settled_at: entry.settled_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Body {
    Text {
        text: String,
    },
    /// By its address in the web, or as `picture:` and the number of one that the seller uploaded: that one is handed to the platform before
    /// it is sent, which then says its address and its size. Pixels; 0×0 where nobody measured it.
    Image {
        url: String,
        width: u32,
        height: u32,
    },
}

impl Body {
    /// The uploaded picture that this is.
    pub fn picture(&self) -> Option<PictureId> {
        match self {
            Self::Text { .. } => None,
            Self::Image { url, .. } => PictureId::of_address(url),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Never on the wire.
    Queued,
    /// Committed before the frame left; without a confirmation it is in doubt.
    Sent,
    /// The platform answered, its echo came, or its history has it.
    Confirmed,
    /// The platform refused the content. Final.
    Rejected,
    /// Nobody can say whether the buyer saw it. A person decides.
    Uncertain,
    /// Too old to be sent, and never seen by the buyer.
    Expired,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Uncertain => "uncertain",
            Self::Expired => "expired",
        }
    }

    /// Nothing automatic happens to it any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Sent)
    }

    /// Which state may follow which. An echo may still settle a doubt.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => matches!(next, Self::Sent | Self::Expired | Self::Rejected),
            Self::Sent => !matches!(next, Self::Sent),
            Self::Uncertain => matches!(next, Self::Confirmed | Self::Rejected),
            Self::Confirmed | Self::Rejected | Self::Expired => false,
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "queued" => Ok(Self::Queued),
            "sent" => Ok(Self::Sent),
            "confirmed" => Ok(Self::Confirmed),
            "rejected" => Ok(Self::Rejected),
            "uncertain" => Ok(Self::Uncertain),
            "expired" => Ok(Self::Expired),
            other => Err(format!("unknown send state {other:?}")),
        }
    }
}

/// Who wanted it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The seller's own program.
    Hook,
    Rule,
    Ai,
    Default,
    Person,
    /// What an order is given.
    Delivery,
}

/// What goes first where not everything may go at once. Not stored: after a start everything is as urgent as talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Something happened to an order.
    Order,
    Talk,
}

impl Origin {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Rule => "rule",
            Self::Ai => "ai",
            Self::Default => "default",
            Self::Person => "person",
            Self::Delivery => "delivery",
        }
    }
}

impl std::str::FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "hook" => Ok(Self::Hook),
            "rule" => Ok(Self::Rule),
            "ai" => Ok(Self::Ai),
            "default" => Ok(Self::Default),
            "person" => Ok(Self::Person),
            "delivery" => Ok(Self::Delivery),
            other => Err(format!("unknown origin {other:?}")),
        }
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
