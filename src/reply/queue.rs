//! Turns that wait to be begun: each account's in their order, and the accounts by turns, so that nobody waits for another's flood.

use std::collections::{HashMap, VecDeque};

use crate::ids::AccountId;

/// What waits, by account.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: HashMap<AccountId, VecDeque<T>>,
    /// Accounts with something that waits, each once: whose turn it is.
    order: VecDeque<AccountId>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    pub fn push(&mut self, account: AccountId, item: T) {
        let waiting = self.waiting.entry(account).or_default();
        if waiting.is_empty() {
            self.order.push_back(account);
        }
        waiting.push_back(item);
    }

    /// The next of an account that may go on; those that may not keep their places.
    pub fn next(&mut self, may: impl Fn(AccountId) -> bool) -> Option<T> {
        let place = self.order.iter().position(|account| may(*account))?;
        let account = self.order.remove(place)?;
        let waiting = self.waiting.get_mut(&account)?;
        let item = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&account);
        } else {
            self.order.push_back(account);
        }
        item
    }

    /// Whether [`next`](Self::next) would find something.
    pub fn has_next(&self, may: impl Fn(AccountId) -> bool) -> bool {
        self.order.iter().any(|account| may(*account))
    }

    /// Takes out everything of an account.
    pub fn remove(&mut self, account: AccountId) -> VecDeque<T> {
        self.order.retain(|waiting| *waiting != account);
        self.waiting.remove(&account).unwrap_or_default()
    }

    /// How many of an account wait.
    pub fn len_of(&self, account: AccountId) -> usize {
        self.waiting.get(&account).map_or(0, VecDeque::len)
    }

    pub fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AccountId = AccountId(1);
    const B: AccountId = AccountId(2);

    fn filled(items: &[(AccountId, u32)]) -> Queue<u32> {
        let mut queue = Queue::default();
        items.iter().for_each(|(account, item)| queue.push(*account, *item));
        queue
    }

    fn drained(queue: &mut Queue<u32>, may: impl Fn(AccountId) -> bool) -> Vec<u32> {
        std::iter::from_fn(|| queue.next(&may)).collect()
    }

    #[test]
    fn accounts_take_turns_and_each_keeps_its_order() {
        let mut queue = filled(&[(A, 1), (A, 2), (A, 3), (B, 10), (B, 11)]);
        assert_eq!((queue.len(), queue.len_of(A), queue.len_of(B)), (5, 3, 2));
        assert_eq!(drained(&mut queue, |_| true), [1, 10, 2, 11, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn who_may_not_go_on_holds_nobody_up_and_loses_no_place() {
        let mut queue = filled(&[(A, 1), (B, 10), (A, 2)]);
        assert_eq!(drained(&mut queue, |account| account == B), [10]);
        assert!(!queue.has_next(|account| account == B) && queue.has_next(|_| true));
        queue.push(B, 11);
        assert_eq!(drained(&mut queue, |_| true), [1, 11, 2]);
    }

    #[test]
    fn nothing_is_left_of_an_account_that_is_let_go() {
        let mut queue = filled(&[(A, 1), (B, 10), (A, 2)]);
        assert_eq!(queue.remove(A), [1, 2]);
        assert!(queue.remove(A).is_empty());
        assert_eq!(drained(&mut queue, |_| true), [10]);
    }
}
