//! What the AI is asked.

use std::sync::Arc;

use actix::Message;
use tokio::sync::oneshot;

use super::{prompt::Buyer, record::Unsent, settings::AiSettings};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, ItemId, MessageId, UserId},
    reply::outside::AiWord,
};

/// What would you answer? It may take as long as the provider does, and one retry.
#[derive(Debug, Message)]
#[rtype(result = "AiAnswer")]
pub struct AskAi {
    pub question: AiQuestion,
    /// Ends when nobody waits for the answer any more.
    pub gone: oneshot::Receiver<()>,
}

/// What a buyer said, and where.
#[derive(Debug, Clone)]
pub struct AiQuestion {
    pub settings: Arc<AiSettings>,
    pub account: AccountId,
    pub owner: UserId,
    /// The account's name.
    pub name: Arc<str>,
    /// The seller's own id on the platform.
    pub own: BuyerId,
    pub conversation: ConversationId,
    pub item: Option<ItemId>,
    pub buyer: Buyer,
    /// What the buyer typed in this turn, message by message.
    pub said: Vec<String>,
    /// The messages of this turn.
    pub messages: Vec<MessageId>,
    /// Answers about the price in this deal so far.
    pub rounds: u32,
}

/// What the AI had to say to a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiAnswer {
    pub word: AiWord,
    /// Its words, where they are not sent by themselves.
    pub unsent: Option<Unsent>,
    /// Sent, it is a round of bargaining.
    pub is_round: bool,
}

impl AiAnswer {
    /// It could not be asked; the next source is.
    pub fn failed(why: &'static str) -> Self {
        Self { word: AiWord::Failed(why), unsent: None, is_round: false }
    }
}
