//! What is known of a buyer, and what rules do besides sending.

use std::collections::HashMap;

use super::{Key, ReplyActor};
use crate::{
    ids::{AccountId, BuyerId, RuleId, Timestamp},
    platform::hours::day_of,
    reply::{condition::BuyerFacts, decide::Effects},
};

/// What rules ask of a buyer, as the database has it.
#[derive(Default)]
pub(super) struct Buyer {
    pub(super) tags: Vec<String>,
    /// Orders that were paid, in all accounts of the owner.
    pub(super) orders: i64,
    /// The platform's day that `used_today` is of.
    pub(super) day: i64,
    /// How often rules that are limited by the day answered.
    pub(super) used_today: HashMap<RuleId, u32>,
    /// It is to be read again.
    pub(super) stale: bool,
}

impl Buyer {
    pub(super) fn facts(&self, first_contact: bool) -> BuyerFacts<'_> {
        BuyerFacts { tags: &self.tags, orders: self.orders, first_contact }
    }

    /// Another day begins with nothing used.
    pub(super) fn at(&mut self, now: Timestamp) -> &mut Self {
        let day = day_of(now);
        if self.day != day {
            self.day = day;
            self.used_today.clear();
        }
        self
    }
}

impl ReplyActor {
    /// Takes over at once what the database is told with the decision.
    pub(super) fn remember_effects(&mut self, key: &Key, buyer: &BuyerId, effects: &Effects, now: Timestamp) {
        let known = self.buyers.get_or_default(&(key.0, buyer.clone())).at(now);
        if let Some(rule) = effects.counted {
            *known.used_today.entry(rule).or_default() += 1;
        }
        if let Some(until) = effects.carry_out(&mut known.tags, now) {
            self.pause(key, until);
        }
    }

    /// What the database knows of a buyer by now. Uses that it was not told of yet still count.
    pub(super) fn know_buyer(&mut self, key: (AccountId, BuyerId), read: Buyer) {
        let known = self.buyers.get_or_default(&key);
        let before = std::mem::replace(known, read);
        if before.day == known.day {
            for (rule, uses) in before.used_today {
                let used = known.used_today.entry(rule).or_default();
                *used = uses.max(*used);
            }
        }
    }

    /// What is known of buyers changed outside of the engine: each is read again when it is needed.
    pub(super) fn doubt_buyers(&mut self) {
        for (_, buyer) in self.buyers.iter_mut() {
            buyer.stale = true;
        }
    }

    /// This one is read again when it is needed.
    pub(super) fn doubt_buyer(&mut self, key: &(AccountId, BuyerId)) {
        if let Some(buyer) = self.buyers.get_mut(key) {
            buyer.stale = true;
        }
    }

    /// Whether a buyer is known, and need not be read again.
    pub(super) fn look_up_buyer(&mut self, key: &(AccountId, BuyerId)) -> bool {
        self.buyers.find(key).is_some_and(|buyer| !buyer.stale)
    }
}
