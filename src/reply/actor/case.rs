//! A turn on its way to a decision: what was learned for it so far.

use std::rc::Rc;

use crate::{
    ai::record::{Bargain, Unsent},
    ids::ItemId,
    inbox::messages::TurnSettled,
    reply::{
        decide::Side,
        outside::{AiWord, HookWord},
    },
    store::rule_events::NewEvent,
};

/// A turn that was begun. While it lives it has one of its account's places.
pub(super) struct Begun {
    pub(super) turn: TurnSettled,
    pub(super) place: Rc<()>,
}

pub(super) struct Case {
    pub(super) turn: TurnSettled,
    _place: Rc<()>,
    pub(super) item: Option<ItemId>,
    pub(super) side: Side,
    pub(super) hook: Option<HookWord>,
    pub(super) ai: Option<AiWord>,
    /// The AI's answer is a round of bargaining, if it is sent.
    pub(super) is_round: bool,
    /// What waits for the conversation to fall silent after this.
    pub(super) silence: Option<Vec<NewEvent>>,
    pub(super) extras: Extras,
}

/// What is stored together with the decision.
#[derive(Default)]
pub(super) struct Extras {
    pub(super) unsent: Option<Unsent>,
    pub(super) bargain: Option<Bargain>,
}

impl Case {
    pub(super) fn new(Begun { turn, place }: Begun, item: Option<ItemId>, side: Side) -> Self {
        Self {
            turn,
            _place: place,
            item,
            side,
            hook: None,
            ai: None,
            is_round: false,
            silence: None,
            extras: Extras::default(),
        }
    }
}

/// An unfinished turn and the one that overtook it, as one.
pub(super) fn merged(older: TurnSettled, newer: TurnSettled) -> TurnSettled {
    let mut messages = older.messages;
    messages.extend(newer.messages);
    TurnSettled {
        messages,
        buyer_name: newer.buyer_name.or(older.buyer_name),
        item: newer.item.or(older.item),
        account: newer.account,
        conversation: newer.conversation,
        buyer: newer.buyer,
        settled_at: newer.settled_at,
    }
}
