//! What the engine knows of an account besides its secrets.

use std::{sync::Arc, time::Duration};

use crate::ids::{AccountId, BuyerId, UserId};

#[derive(Debug, Clone, PartialEq)]
pub struct AccountFacts {
    pub id: AccountId,
    pub owner: UserId,
    /// The seller's own id on the platform (`unb`).
    pub uid: BuyerId,
    pub name: Arc<str>,
    pub pace: Pace,
}

/// How an account's messages are merged and paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A turn settles once the buyer was quiet for this long; zero: at once.
    pub debounce: Duration,
    /// A turn settles after this long even if the buyer never stops.
    pub longest_wait: Duration,
    /// How long the seller's own typing pauses a conversation; zero: never.
    pub takeover_pause: Duration,
}
