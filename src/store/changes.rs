//! What a transaction changed of orders, for whoever watches. The functions that write it say so ([`note`]), whoever called them; the thread
//! that writes tells it after the commit, and forgets it where nothing was committed.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
};

use crate::{
    ids::{AccountId, OrderId},
    order::change::{OrderChanged, OrderPart},
};

thread_local! {
    /// Of the job that runs on this thread; `None`: nobody collects.
    static NOTED: RefCell<Option<Vec<OrderChanged>>> = const { RefCell::new(None) };
}

/// Who is told of each change; nobody, until somebody is named.
pub(super) type Watcher = Arc<OnceLock<Box<dyn Fn(OrderChanged) + Send + Sync>>>;

/// This part of an order is written otherwise. Once for each job is enough.
pub(super) fn note(account: AccountId, order: &OrderId, part: OrderPart) {
    NOTED.with_borrow_mut(|noted| {
        let Some(noted) = noted else { return };
        // What a job writes of one order it writes in one go.
        let is_said = |told: &OrderChanged| told.account == account && told.order == *order && told.part == part;
        if !noted.iter().rev().take(OrderPart::ALL.len()).any(is_said) {
            noted.push(OrderChanged { account, order: order.clone(), part });
        }
    });
}

/// Does it, and says what it changed.
pub(super) fn collected<T>(work: impl FnOnce() -> T) -> (T, Vec<OrderChanged>) {
    NOTED.set(Some(Vec::new()));
    let done = work();
    (done, NOTED.take().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_collected_once_and_only_while_somebody_collects() {
        let change = |part| note(AccountId(1), &"25".into(), part);
        change(OrderPart::Status);
        let ((), changes) = collected(|| {
            change(OrderPart::Delivery);
            change(OrderPart::Reviews);
            change(OrderPart::Delivery);
        });
        let parts: Vec<_> = changes.iter().map(|change| change.part).collect();
        assert_eq!(parts, [OrderPart::Delivery, OrderPart::Reviews]);
        change(OrderPart::Status);
        assert_eq!(collected(|| ()).1, []);
    }
}
