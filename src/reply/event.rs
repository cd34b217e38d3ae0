//! What rules for events are to do.

use crate::ids::{AccountId, BuyerId, ConversationId, ItemId, MessageId, OrderId, RuleId, Timestamp};

/// Something that a rule waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub account: AccountId,
    pub rule: RuleId,
    pub conversation: ConversationId,
    pub buyer: BuyerId,
    pub item: Option<ItemId>,
    pub order: Option<OrderId>,
    pub cause: Cause,
    pub due_at: Timestamp,
    pub made_at: Timestamp,
}

/// What happened. A rule is used once for one cause in one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// An order's event, by its number.
    Order(i64),
    /// Nobody wrote after this message of the buyer.
    Silent(MessageId),
}

/// What the stored cause begins with where a conversation fell silent.
pub const SILENT: &str = "silent:";

impl Cause {
    /// As it is stored.
    pub fn key(&self) -> String {
        match self {
            Self::Order(id) => format!("order:{id}"),
            Self::Silent(message) => format!("{SILENT}{message}"),
        }
    }
}
