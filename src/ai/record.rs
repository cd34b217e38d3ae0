//! What is kept of the AI's answers.

use super::intent::Intent;
use crate::ids::{ItemId, Timestamp};

/// An answer that is not sent by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    pub intent: Intent,
    pub text: String,
    /// It waits for a person's approval; otherwise it is only recorded.
    pub waits: bool,
    /// Sent, it is a round of bargaining.
    pub is_round: bool,
}

/// How far bargaining went in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bargain {
    /// What it is about. Another item is another deal.
    pub item: Option<ItemId>,
    /// Answers about the price so far.
    pub rounds: u32,
    pub last_at: Timestamp,
}
