//! What the outbox is told and what it tells.

use std::time::Duration;

use actix::{Message as ActixMessage, Recipient};

use crate::{
    account::state::Status,
    ai::intent::Intent,
    ai::record::{Bargain, Unsent},
    ids::{AccountId, BuyerId, ConversationId, DeliveryMessageId, ItemId, MessageId, PictureId, RuleId, Timestamp},
    outbox::{
        entry::{Body, Entry, NotSettled, Origin, PersonsWord, SendId, Urgency},
        ledger::Outcome,
        picture::{NoPicture, Uploaded},
    },
    platform::lwp::event::{HistoryPage, Message},
    reply::{decide::Effects, event::NewEvent, trail::Trail},
};

/// What was decided about a turn, and what is to be sent for it. Stored in one transaction.
#[derive(Debug, ActixMessage)]
#[rtype(result = "()")]
pub struct Decided {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub verdict: Verdict,
    /// The turn's messages; the last one carries the verdict. None where it was about an event.
    pub messages: Vec<MessageId>,
    /// The event that it was about, as the store numbers it.
    pub event: Option<i64>,
    pub settled_at: Timestamp,
    pub decided_at: Timestamp,
    pub answer: Option<Answer>,
    /// What the rule does besides sending.
    pub done: Option<Done>,
    /// The buyer wrote again: what now waits for the conversation to fall silent. `None`: no rule asks for that.
    pub silence: Option<Vec<NewEvent>>,
    /// What is newly known of the conversation.
    pub conversation_facts: Option<ConversationFacts>,
    /// The account has an AI: something may wait for approval there.
    pub uses_ai: bool,
    /// What the AI would have said, where it was not sent.
    pub unsent: Option<Unsent>,
    /// Where bargaining stands, if the answer is a round of it.
    pub bargain: Option<Bargain>,
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
    /// How it was reached.
    pub trail: Trail,
    /// What the turn was about; `None`: nobody said anything.
    pub intent: Option<Intent>,
}

/// What goes to the buyer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub peer: BuyerId,
    pub origin: Origin,
    /// The rule or default reply, where it is one that answers.
    pub rule: Option<RuleId>,
    /// Counts as given in this conversation, unless it never reaches the buyer.
    pub once: bool,
    pub urgency: Urgency,
    pub bodies: Vec<Body>,
}

/// A person writes to whoever is at the other end of a conversation. Answered with the entries once they are stored; from then on they
/// are sent like any answer. Automatic answers pause there, as after typing on the phone.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Vec<Entry>, NotSent>")]
pub struct SendByPerson {
    pub account: AccountId,
    pub conversation: ConversationId,
    /// Sent in this order.
    pub bodies: Vec<Body>,
    /// What cannot be sent for this long is not sent any more; `None`: as long as an automatic answer.
    pub expire_after: Option<Duration>,
    /// The words are the AI's, and the person only approved of them: automatic answers do not pause.
    pub approved: bool,
}

/// What an order is given goes to its buyer. Answered once it is stored; from then on it is sent like any answer, and what becomes of each
/// message is stored with its delivery. Soon too old: whoever wants it sent then has to know that its order still stands where it stood.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<(), NotSent>")]
pub struct SendDelivery {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub peer: BuyerId,
    /// Sent in this order.
    pub messages: Vec<(DeliveryMessageId, Body)>,
}

/// It is stored what became of messages of this account's deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ActixMessage)]
#[rtype(result = "()")]
pub struct DeliveriesSettled(pub AccountId);

/// Tell this recipient about every [`DeliveriesSettled`].
#[derive(Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct ListenForDeliveries(pub Recipient<DeliveriesSettled>);

/// Why a person's message is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// Nobody wrote to this account there, and nothing writes to a buyer who did not write first.
    #[error("nobody has written to this account in that conversation")]
    UnknownConversation,
    /// The account is disabled, or waits for a person: a message would rot.
    #[error("the account is not running: {}", .0.reason.sentence())]
    NotRunning(Status),
    /// For a moment nothing is taken: the account is just starting or stopping, or the server shuts down.
    #[error("the account is starting or stopping; try again in a moment")]
    Unavailable,
    /// A stop switch, the account's or the system's: while one is on, nothing new is sent, not even by hand.
    #[error("a stop switch is on: nothing is sent")]
    Stopped,
    #[error("too many messages of this account wait to be sent")]
    TooMany,
    #[error("the database failed, nothing was sent: {0}")]
    Storage(String),
    /// It may be stored and sent, or not: look at the outbox before sending it again.
    #[error("nobody knows yet whether the message is stored; look at the outbox before sending it again")]
    Unknown,
}

/// A person acts on one entry. Answered when it is stored: with the new entry of [`EntryAct::SendAgain`], else with the entry itself.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Result<Entry, NotActed>")]
pub struct ActOnEntry {
    pub account: AccountId,
    pub id: SendId,
    pub act: EntryAct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryAct {
    /// A new entry with the same content. The old one keeps its state and names the new one.
    SendAgain(IfSeen),
    Say(PersonsWord),
}

/// What is done where the buyer may have seen it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfSeen {
    Refuse,
    SendAllTheSame,
}

/// Why nothing became of an act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotActed {
    #[error(transparent)]
    NotSettled(#[from] NotSettled),
    /// [`IfSeen::Refuse`], and nobody knows whether the buyer saw it.
    #[error("the buyer may have seen it already")]
    MayBeDuplicate,
    #[error("it was sent again as {}", .0.0)]
    SentAgain(SendId),
    /// What an order is given is sent again, or not, by its delivery.
    #[error("it is a message of a delivery, which decides what is sent")]
    OfDelivery,
    #[error(transparent)]
    NotSent(#[from] NotSent),
}

/// What a rule does besides sending.
#[derive(Debug, Clone)]
pub struct Done {
    pub buyer: BuyerId,
    pub buyer_name: Option<String>,
    pub rule: RuleId,
    pub effects: Effects,
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

/// The platform has a picture that was asked for, or cannot be given it.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct PictureReady {
    pub account: AccountId,
    pub picture: PictureId,
    pub outcome: Result<Uploaded, NoPicture>,
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
