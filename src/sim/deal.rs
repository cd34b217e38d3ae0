//! What happens to an account's orders, and how the platform tells of it.
//!
//! The simulator's own choices: everything is told in the buyer's name, in one push. Placing an order takes its pieces from the listing, and
//! closing it unpaid gives them back; a refund does not.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    account::Account,
    line::now,
    order::{NewOrder, Order, Refusal, Step},
    push::Entry,
    state::{Draft, State},
    trade::Stage,
    tree,
};
use crate::ids::{Fen, OrderId};

/// How the platform tells of what happens to an order: by all that is switched on here, in one push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telling {
    /// A card in the buyer's name (of one closed unpaid, a tip): pushed, and in the history.
    pub card: bool,
    /// A change of that card, as an entry of its own; without the card, of one that the history does not have.
    pub update: bool,
    pub badge: bool,
    /// Card and change do not say which order they are about.
    pub without_order_id: bool,
    /// How often the same push comes again.
    pub repeated: u32,
}

impl Default for Telling {
    fn default() -> Self {
        Self { card: true, update: true, badge: true, without_order_id: false, repeated: 0 }
    }
}

impl Telling {
    /// Not at all: only who asks for the order or for a list learns of it.
    pub const NOTHING: Self = Self { card: false, update: false, badge: false, without_order_id: false, repeated: 0 };

    /// The card alone.
    pub const CARD: Self = Self { card: true, ..Self::NOTHING };

    /// The change of a card alone.
    pub const UPDATE: Self = Self { update: true, ..Self::NOTHING };

    /// The badge alone.
    pub const BADGE: Self = Self { badge: true, ..Self::NOTHING };
}

/// An entry of a push, and the message it is of.
type Told = (Entry, Option<u64>);

impl Account {
    /// A buyer places an order. Takes the pieces from the listing, where there is one.
    pub fn place_order(&self, new: NewOrder) -> OrderId {
        let mut state = self.lock();
        let id = new.order.clone().unwrap_or_else(|| self.order_id());
        if state.order(&id).is_some() {
            return id;
        }
        let (telling, bargain) = (new.telling.clone(), new.bargain);
        let conversation = state.conversation(&self.shared, &new.buyer, &new.item, &self.uid);
        let price = new.price.unwrap_or_else(|| state.price(&new));
        let order = Order::place(new, id.clone(), conversation, price, now());
        state.move_stock(&order, -1);
        state.orders.push(order);
        let stage = if bargain { Stage::Bargained } else { Stage::Ordered };
        let told = self.tell(&mut state, &id, stage, &telling);
        self.publish(&mut state, &told, &telling);
        drop(state);
        self.changed();
        id
    }

    /// The buyer pays; of a bargain: the helpers were found.
    pub fn pay(&self, order: &OrderId) -> Result<Order, Refusal> {
        self.happens(order, Step::Pay)
    }

    /// The buyer says that it came.
    pub fn confirm_receipt(&self, order: &OrderId) -> Result<Order, Refusal> {
        self.happens(order, Step::Receive)
    }

    /// The buyer wants the money back.
    pub fn ask_refund(&self, order: &OrderId) -> Result<Order, Refusal> {
        self.happens(order, Step::AskRefund)
    }

    /// The buyer wants it no more, and the deal goes on.
    pub fn withdraw_refund(&self, order: &OrderId) -> Result<Order, Refusal> {
        self.happens(order, Step::WithdrawRefund)
    }

    /// The money goes back, and the order is closed.
    pub fn grant_refund(&self, order: &OrderId) -> Result<Order, Refusal> {
        self.happens(order, Step::GrantRefund)
    }

    /// The buyer closes what was not paid.
    pub fn close_unpaid(&self, order: &OrderId) -> Result<Order, Refusal> {
        self.happens(order, Step::CloseByBuyer)
    }

    /// The buyer rates the seller.
    pub fn rate(&self, order: &OrderId) -> Result<Order, Refusal> {
        self.happens(order, Step::Rate)
    }

    /// Something happens to an order, and the platform tells of it in every way it has. The order as it is then.
    pub fn happens(&self, order: &OrderId, step: Step) -> Result<Order, Refusal> {
        self.happens_told(order, step, &Telling::default())
    }

    /// Something happens to an order, and is told like this.
    pub fn happens_told(&self, order: &OrderId, step: Step, telling: &Telling) -> Result<Order, Refusal> {
        self.happen_together(std::slice::from_ref(order), step, telling)?;
        self.order(order).ok_or(Refusal::Unknown)
    }

    /// The same happens to several orders, and one push tells of them all. Where it cannot happen to one, it happens to none.
    pub fn happen_together(&self, orders: &[OrderId], step: Step, telling: &Telling) -> Result<(), Refusal> {
        let done = self.happen(&mut self.lock(), orders, step, telling);
        // what was refused is counted, and may be waited for
        self.changed();
        done
    }

    /// An order as it truly is.
    pub fn order(&self, id: &OrderId) -> Option<Order> {
        self.lock().order(id).cloned()
    }

    /// Every order of the account, in the order they were placed.
    pub fn orders(&self) -> Vec<Order> {
        self.lock().orders.clone()
    }

    /// Waits until an order is as wanted. `None` after `deadline`.
    pub async fn await_order(
        &self,
        id: &OrderId,
        deadline: Duration,
        wanted: impl Fn(&Order) -> bool,
    ) -> Option<Order> {
        self.wait_until(deadline, |state| state.order(id).filter(|order| wanted(order)).cloned()).await
    }

    fn happen(&self, state: &mut State, orders: &[OrderId], step: Step, telling: &Telling) -> Result<(), Refusal> {
        for id in orders {
            let checked = state.order(id).ok_or(Refusal::Unknown)?.check(step);
            if checked.is_err() {
                return state.take(id, step);
            }
        }
        let mut told = Vec::new();
        for id in orders {
            state.take(id, step)?;
            if let Some(stage) = Stage::of(step) {
                told.extend(self.tell(state, id, stage, telling));
            }
        }
        self.publish(state, &told, telling);
        Ok(())
    }

    /// 19 digits that no simulator gave out before.
    fn order_id(&self) -> OrderId {
        OrderId::from(format!("25{:017}", self.shared.number()))
    }

    /// Writes the message that tells of it, if one does, and gives the entries of its push.
    fn tell(&self, state: &mut State, id: &OrderId, stage: Stage, telling: &Telling) -> Vec<Told> {
        let Some(order) = state.order(id) else { return Vec::new() };
        let (place, standing) = (order.conversation.clone(), order.state);
        let body = stage.body((!telling.without_order_id).then_some(id));
        let mut message = State::message(&self.shared, Draft::of_platform(order.buyer.clone(), body));
        let Some(conversation) = state.conversations.get_mut(&place) else { return Vec::new() };
        if telling.card {
            message = conversation.keep(message, self.shared.config.history_limit).clone();
        }
        let scene = conversation.scene(&self.uid);
        let mut told = Vec::new();
        if telling.card {
            told.push((tree::message(&message, &scene), Some(message.number)));
        }
        if telling.update && stage.is_told_by_update() {
            told.push((tree::card_update(&message, &scene), None));
        }
        if telling.badge {
            told.push((tree::badge(&place, &stage.badge(standing), message.at), None));
        }
        told
    }

    fn publish(&self, state: &mut State, told: &[Told], telling: &Telling) {
        if told.is_empty() {
            return;
        }
        for _ in 0..=telling.repeated {
            state.publish(&self.shared, told.to_vec());
        }
    }
}

impl State {
    pub(super) fn order(&self, id: &OrderId) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == *id)
    }

    /// Takes a step with an order, and what it moves of the listing's stock.
    pub(super) fn take(&mut self, id: &OrderId, step: Step) -> Result<(), Refusal> {
        let order = self.orders.iter_mut().find(|order| order.id == *id).ok_or(Refusal::Unknown)?;
        order.take(step, now())?;
        if matches!(step, Step::CloseByBuyer | Step::CloseBySeller) {
            let order = order.clone();
            self.move_stock(&order, 1);
        }
        Ok(())
    }

    /// What a piece costs according to its listing.
    fn price(&self, new: &NewOrder) -> Fen {
        let listing = self.listings.iter().find(|listing| listing.item == new.item);
        Fen(listing.map_or(12_300, |listing| listing.price_of(&new.spec)))
    }

    /// Takes an order's pieces from its listing (-1), or puts them back (1).
    fn move_stock(&mut self, order: &Order, direction: i64) {
        if let Some(listing) = self.listings.iter_mut().find(|listing| listing.item == order.item) {
            listing.move_stock(&order.spec, direction * i64::from(order.quantity));
        }
    }
}
