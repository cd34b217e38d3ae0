//! What the inbox is told and what it tells.

use actix::{Message as ActixMessage, Recipient};

use crate::{
    ids::{AccountId, BuyerId, ConversationId, ItemId, MessageId, Timestamp},
    order::notice::Notice,
    platform::lwp::event::Message,
};

/// Every entry of one push, or of one conversation's missed history, in order. The answer comes once they are stored:
/// only then may the push be acknowledged. On an error nothing of it is stored.
#[derive(Debug, ActixMessage)]
#[rtype(result = "Result<(), NotStored>")]
pub struct Ingest {
    pub account: AccountId,
    pub messages: Vec<Incoming>,
    /// What the push tells of orders besides its messages, which tell for themselves.
    pub notices: Vec<Notice>,
    pub source: Source,
    /// Everything up to here is stored once this is. `None` while a gap is still being filled.
    pub cursor: Option<Cursor>,
    /// Entries nobody could read, kept for a report.
    pub unknown: Vec<UnknownEntry>,
}

/// A message, and whether it is the seller's own from another device (our own sends never get here).
#[derive(Debug, Clone)]
pub struct Incoming {
    pub message: Message,
    pub own: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Push,
    History,
}

/// How far an account's messages are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The platform's sync position: milliseconds × 1000.
    pub pts: i64,
    /// When the newest stored business message was made.
    pub seen_at: Timestamp,
}

/// A push entry that was no event we know.
#[derive(Debug, Clone)]
pub struct UnknownEntry {
    pub object_type: Option<i64>,
    pub error: Option<String>,
    /// The entry as it came.
    pub data: String,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot store messages: {0}")]
pub struct NotStored(pub String);

/// Everything a buyer said before falling quiet.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct TurnSettled {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub buyer: BuyerId,
    pub buyer_name: Option<String>,
    pub item: Option<ItemId>,
    pub messages: Vec<TurnMessage>,
    pub settled_at: Timestamp,
}

/// One message of a turn.
#[derive(Debug, Clone)]
pub struct TurnMessage {
    pub id: MessageId,
    pub text: String,
    /// A text; otherwise a picture, a voice message or a sticker, and `text` is what a phone would show.
    pub is_text: bool,
    pub sent_at: Timestamp,
    pub received_at: Timestamp,
}

/// The seller wrote in this conversation, on another device or through us: automation pauses.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct TookOver {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub until: Timestamp,
}

/// Tell this recipient about every [`TookOver`].
#[derive(Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct ListenForTakeovers(pub Recipient<TookOver>);

/// Writes down what is only kept in memory (cursors). Answered when it is stored.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct Flush;
