//! What the outbox is told and what it tells.

use actix::{Message as ActixMessage, Recipient};

use crate::{
    ids::{AccountId, BuyerId, ConversationId, ItemId, MessageId, RuleId, Timestamp},
    outbox::{
        entry::{Body, Origin, SendId},
        ledger::Outcome,
    },
    platform::lwp::event::{HistoryPage, Message},
};

/// What was decided about a turn, and what is to be sent for it. Stored in one transaction.
#[derive(Debug, ActixMessage)]
#[rtype(result = "()")]
pub struct Decided {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub verdict: Verdict,
    /// The turn's messages; the last one carries the verdict.
    pub messages: Vec<MessageId>,
    pub settled_at: Timestamp,
    pub decided_at: Timestamp,
    pub answer: Option<Answer>,
    /// What is newly known of the conversation.
    pub conversation_facts: Option<ConversationFacts>,
    pub trace: Trace,
}

/// A decision as it is stored: a stable code, why, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `answer` or `silent`.
    pub decision: &'static str,
    /// The stable code of the reason.
    pub reason: String,
    pub rule: Option<RuleId>,
    /// It waits on the list for a person.
    pub needs_person: bool,
}

/// What goes to the buyer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub peer: BuyerId,
    pub origin: Origin,
    pub rule: RuleId,
    /// Counts as given in this conversation, unless it never reaches the buyer.
    pub once: bool,
    pub bodies: Vec<Body>,
}

#[derive(Debug, Clone)]
pub struct ConversationFacts {
    pub peer: BuyerId,
    pub peer_name: Option<String>,
    pub item: Option<ItemId>,
    pub item_title: Option<String>,
    /// `Some(true)`: we sell; `Some(false)`: we buy; `None`: not known.
    pub we_sell: Option<bool>,
}

/// What a person watching wants to see of a turn.
#[derive(Debug, Clone)]
pub struct Trace {
    pub asked: String,
    pub buyer_name: Option<String>,
    pub received_at: Timestamp,
}

/// What became of a frame that the outbox gave to an account.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct Answered {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub id: SendId,
    pub outcome: Outcome,
}

/// The newest page of a conversation's history; `None`: the platform did not say.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct HistorySeen {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub page: Option<HistoryPage>,
}

/// Messages in our own name. Answers for each whether it was one of our sends.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Vec<bool>, String>")]
pub struct OwnSeen {
    pub account: AccountId,
    pub messages: Vec<Message>,
}

/// A once-only reply did not reach the buyer after all: it may be given again.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct OnceReleased {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub rule: RuleId,
}

/// Tell this recipient about every [`OnceReleased`].
#[derive(Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct ListenForReleases(pub Recipient<OnceReleased>);

/// Store what is undone and stop sending. Answered when nothing is in flight any more.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct Settle;
