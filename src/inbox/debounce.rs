//! Waits for a buyer to stop typing, then hands over everything they said as one turn.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    time::{Duration, Instant},
};

use crate::ids::{AccountId, ConversationId};

/// How long to wait for more. It may differ from message to message: the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// A turn settles once the buyer has been quiet for this long. Zero: every message is a turn of its own and settles at once.
    pub quiet: Duration,
    /// A turn settles after this long even if the buyer never stops.
    pub longest: Duration,
}

impl Default for Wait {
    fn default() -> Self {
        Self { quiet: Duration::from_secs(1), longest: Duration::from_secs(5) }
    }
}

/// Groups messages by key into turns. Owns no timer: the caller asks [`Debounce::deadline`].
///
/// Everything costs `O(log n)` for `n` open turns, and nothing is kept of a turn that was taken.
#[derive(Debug)]
pub struct Debounce<K, M> {
    /// Turns that take more messages.
    open: HashMap<K, Open>,
    /// Every turn, next to settle first.
    schedule: BTreeMap<Place, Turn<K, M>>,
    last_ticket: u64,
}

/// Where a turn stands in the schedule: when it settles, and a number that keeps equal times apart, in the order of opening.
type Place = (Instant, u64);

#[derive(Debug)]
struct Open {
    opened: Instant,
    place: Place,
}

#[derive(Debug)]
struct Turn<K, M> {
    key: K,
    messages: Vec<M>,
}

impl<K, M> Default for Debounce<K, M> {
    fn default() -> Self {
        Self { open: HashMap::new(), schedule: BTreeMap::new(), last_ticket: 0 }
    }
}

impl<K: Hash + Eq + Clone, M> Debounce<K, M> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message to the open turn of `key`, or opens one.
    pub fn push(&mut self, key: K, message: M, wait: Wait, now: Instant) {
        let ticket = self.last_ticket + 1;
        let open = self.open.remove(&key).unwrap_or(Open { opened: now, place: (now, ticket) });
        self.last_ticket = self.last_ticket.max(open.place.1);

        let mut turn = self.schedule.remove(&open.place).unwrap_or(Turn { key: key.clone(), messages: Vec::new() });
        turn.messages.push(message);
        let place = ((now + wait.quiet).min(open.opened + wait.longest), open.place.1);
        self.schedule.insert(place, turn);
        if !wait.quiet.is_zero() {
            self.open.insert(key, Open { place, ..open });
        }
    }

    /// Takes every turn that has settled by `now`, in the order in which they settled; the messages of each in the order of their arrival.
    pub fn settled(&mut self, now: Instant) -> Vec<(K, Vec<M>)> {
        let mut settled = Vec::new();
        while let Some(first) = self.schedule.first_entry().filter(|first| first.key().0 <= now) {
            let (place, turn) = first.remove_entry();
            self.close(&turn.key, place);
            settled.push((turn.key, turn.messages));
        }
        settled
    }

    /// When the next turn settles.
    pub fn deadline(&self) -> Option<Instant> {
        self.schedule.first_key_value().map(|((settles, _), _)| *settles)
    }

    /// How many turns wait to settle or to be taken.
    pub fn len(&self) -> usize {
        self.schedule.len()
    }

    pub fn is_empty(&self) -> bool {
        self.schedule.is_empty()
    }

    /// Drops every turn whose key is not wanted any more. Looks at all of them.
    pub fn retain(&mut self, mut wanted: impl FnMut(&K) -> bool) {
        self.schedule.retain(|_, turn| wanted(&turn.key));
        self.open.retain(|_, open| self.schedule.contains_key(&open.place));
    }

    /// Forgets the turn as open, unless a later one of the same key is: without a quiet time a key may have several.
    fn close(&mut self, key: &K, place: Place) {
        if self.open.get(key).is_some_and(|open| open.place == place) {
            self.open.remove(key);
        }
    }
}

impl<M> Debounce<(AccountId, ConversationId), M> {
    /// Drops the turns of an account that was stopped. Its messages are stored; they are read again when it starts.
    pub fn remove_account(&mut self, account: AccountId) {
        self.retain(|(of, _)| *of != account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Wait = Wait { quiet: Duration::from_millis(1000), longest: Duration::from_millis(3000) };
    const OFF: Wait = Wait { quiet: Duration::ZERO, ..WAIT };

    fn clock() -> impl Fn(u64) -> Instant {
        let start = Instant::now();
        move |millis| start + Duration::from_millis(millis)
    }

    /// M8: a burst is one turn with every message in it.
    #[test]
    fn m8_a_burst_becomes_one_turn() {
        let at = clock();
        let mut debounce = Debounce::new();
        debounce.push("chat", "hi", WAIT, at(0));
        debounce.push("chat", "is it new?", WAIT, at(600));

        assert_eq!(debounce.deadline(), Some(at(1600)));
        assert_eq!(debounce.settled(at(1599)), []);
        assert_eq!(debounce.settled(at(1600)), [("chat", vec!["hi", "is it new?"])]);
        assert_eq!(debounce.deadline(), None);
        assert!(debounce.is_empty() && debounce.open.is_empty());
    }

    #[test]
    fn an_endless_talker_is_answered_after_the_longest_wait() {
        let at = clock();
        let mut debounce = Debounce::new();
        for millis in (0..3000).step_by(500) {
            debounce.push("chat", millis, WAIT, at(millis));
        }
        assert_eq!(debounce.deadline(), Some(at(3000)));
        assert_eq!(debounce.settled(at(3000)), [("chat", vec![0, 500, 1000, 1500, 2000, 2500])]);
    }

    #[test]
    fn without_a_quiet_time_every_message_is_a_turn_and_settles_at_once() {
        let at = clock();
        let mut debounce = Debounce::new();
        debounce.push("chat", 1, OFF, at(5));
        debounce.push("chat", 2, OFF, at(5));
        assert_eq!(debounce.deadline(), Some(at(5)));
        assert_eq!(debounce.settled(at(5)), [("chat", vec![1]), ("chat", vec![2])]);
        assert!(debounce.open.is_empty());
    }

    #[test]
    fn an_open_turn_is_closed_in_order_when_waiting_is_switched_off() {
        let at = clock();
        let mut debounce = Debounce::new();
        debounce.push("chat", 1, WAIT, at(0));
        debounce.push("chat", 2, OFF, at(10));
        debounce.push("chat", 3, WAIT, at(20));
        assert_eq!(debounce.settled(at(20)), [("chat", vec![1, 2])]);
        debounce.push("chat", 4, WAIT, at(30));
        assert_eq!(debounce.settled(at(1030)), [("chat", vec![3, 4])]);
    }

    #[test]
    fn turns_come_in_the_order_in_which_they_settle() {
        let at = clock();
        let mut debounce = Debounce::new();
        debounce.push("slow", 1, WAIT, at(0));
        debounce.push("first", 2, WAIT, at(0));
        debounce.push("second", 3, WAIT, at(0));
        debounce.push("slow", 4, WAIT, at(1));
        let keys: Vec<_> = debounce.settled(at(5000)).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["first", "second", "slow"]);
    }

    #[test]
    fn nothing_is_kept_of_an_account_that_was_stopped() {
        let at = clock();
        let mut debounce = Debounce::new();
        for account in 1..=2 {
            debounce.push((AccountId(account), ConversationId::from("5")), account, WAIT, at(0));
        }
        debounce.remove_account(AccountId(1));
        assert_eq!((debounce.len(), debounce.open.len()), (1, 1));
        assert_eq!(debounce.settled(at(1000)).len(), 1);
    }
}
