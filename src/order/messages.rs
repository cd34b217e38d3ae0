//! What is told of orders.

use std::time::Duration;

use actix::{Message as ActixMessage, Recipient};

use super::{event::OrderEvent, status::Cause};
use crate::{
    account::call::NotCalled,
    ids::{AccountId, BuyerId, ConversationId, ItemId, OrderId, Timestamp},
};

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

/// Orders of this account are to be read from the gateway: look which. Told after that is stored; what is due is read after a start too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ActixMessage)]
#[rtype(result = "()")]
pub struct OrdersDue(pub AccountId);

/// Read this order from the gateway now. Answered when what it said is stored.
#[derive(Debug, Clone, PartialEq, Eq, ActixMessage)]
#[rtype(result = "Result<(), NotRead>")]
pub struct ReadOrder {
    pub account: AccountId,
    pub order: OrderId,
    pub cause: Cause,
}

/// This is who reads orders.
#[derive(Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct ReadBy(pub Recipient<ReadOrder>);

/// Why an order could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// Not for a while, or until a person acts.
    #[error(transparent)]
    NotCalled(#[from] NotCalled),
    /// The account's calls are used up for so long.
    #[error("too many calls of this account; try again in {} s", .0.as_secs() + 1)]
    TooFast(Duration),
    /// The platform said no, or something that nobody can read.
    #[error("{0}")]
    Refused(String),
    /// The account is not in work here.
    #[error("the account is not running")]
    NotRunning,
    #[error("the database failed: {0}")]
    Storage(String),
}
