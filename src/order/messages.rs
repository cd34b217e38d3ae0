//! What is told of orders.

use actix::Message as ActixMessage;

use super::event::OrderEvent;
use crate::ids::{AccountId, BuyerId, ConversationId, ItemId, OrderId, Timestamp};

/// Something happened to an order. Told after it is stored, once, and again after a start if nobody had handled it by then.
#[derive(Debug, Clone, PartialEq, Eq, ActixMessage)]
#[rtype(result = "()")]
pub struct OrderHappened {
    /// Its number in the database.
    pub id: i64,
    pub account: AccountId,
    pub conversation: ConversationId,
    /// `None`: the platform spoke in its own name, and nobody knows who is at the other end.
    pub buyer: Option<BuyerId>,
    pub item: Option<ItemId>,
    /// `None`: the platform did not say which.
    pub order: Option<OrderId>,
    pub event: OrderEvent,
    pub at: Timestamp,
}
