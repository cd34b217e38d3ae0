//! What accounts are told about their items.

use actix::Message;

use crate::{
    account::state::Status,
    ids::{AccountId, ItemId},
};

/// Somebody wants something done about an account's items: look what it is. What runs or is due is done whether or not it is told.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct ItemsWanted(pub AccountId);

/// A person wants an item polished now. Answered when it is done, and written down; done before today is as good.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), NotPolished>")]
pub struct PolishNow {
    pub account: AccountId,
    pub item: ItemId,
}

/// Why an item is not polished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPolished {
    #[error("the account is not running: {}", .0.reason.sentence())]
    NotRunning(Status),
    /// For a moment: it is starting, or not connected.
    #[error("the account is not connected; try again in a moment")]
    Unavailable,
    /// A stop switch, the account's or the system's.
    #[error("a stop switch is on: nothing is written to the platform")]
    Stopped,
    /// The account's calls of this kind are used up for so many seconds.
    #[error("too many calls of this account; try again in {0} s")]
    TooFast(u64),
    /// Written down with the item, in the platform's words.
    #[error("the platform refused: {0}")]
    Refused(String),
    /// Nobody knows whether it was done.
    #[error("no answer: {0}")]
    Failed(String),
}
