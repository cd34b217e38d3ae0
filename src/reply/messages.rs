//! What the answering actor is told.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use actix::Message;

use crate::{
    ai::settings::AiSettings,
    hook::request::HookSettings,
    ids::{AccountId, BuyerId, ItemId},
    order::event::OrderEvent,
    reply::{matcher::RuleBook, rule::Trigger, source::Sources},
};

/// What every account answers with, compiled. Swapped as a whole.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct RulesLoaded(pub Arc<HashMap<AccountId, AccountRules>>);

#[derive(Clone)]
pub struct AccountRules {
    pub book: RuleBook,
    pub blocked: Arc<HashSet<BuyerId>>,
    pub answers: Arc<AnswerSettings>,
}

/// How an account is answered besides rules.
#[derive(Debug, Clone, Default)]
pub struct AnswerSettings {
    pub sources: Sources,
    /// `None`: there is no such program.
    pub hook: Option<Arc<HookSettings>>,
    /// `None`: the AI is off.
    pub ai: Option<Arc<AiSettings>>,
}

/// Pauses changed, or bargaining was ended or went a round further, outside of the engine: read them again.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct PausesChanged;

/// What is known of buyers changed outside of the engine: read it again.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct BuyersChanged;

/// The platform said who sells an item; `seller` is `None` when it could not be learned.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct ItemKnown {
    pub account: AccountId,
    pub item: ItemId,
    pub seller: Option<BuyerId>,
    pub title: Option<String>,
}

impl From<OrderEvent> for Trigger {
    fn from(event: OrderEvent) -> Self {
        match event {
            OrderEvent::Placed => Self::OrderPlaced,
            OrderEvent::Paid => Self::OrderPaid,
            OrderEvent::Shipped => Self::OrderShipped,
            OrderEvent::Received => Self::OrderReceived,
            OrderEvent::Refunding => Self::OrderRefunding,
            OrderEvent::Refunded => Self::OrderRefunded,
            OrderEvent::Closed => Self::OrderClosed,
        }
    }
}
