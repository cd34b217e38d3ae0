//! The requests that wait for an answer.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use super::{answer::Wanted, mid::Mid};

/// Who waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The owner of the session.
    Owner(Wanted),
    /// The session, for the answer to its sync position; only a refused token matters.
    Position,
    /// The session, for the newest conversation.
    Probe,
}

/// Requests by their mid, and when each is given up. All wait equally long, so that the oldest is the next.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: HashMap<Mid, Waiting>,
    deadlines: VecDeque<(Instant, Mid)>,
}

impl Pending {
    pub(super) fn insert(&mut self, mid: Mid, waiting: Waiting, deadline: Instant) {
        self.waiting.insert(mid, waiting);
        self.deadlines.push_back((deadline, mid));
    }

    /// Whose answer this is; nobody's if it was given up, answered before or never asked.
    pub(super) fn answered(&mut self, mid: Mid) -> Option<Waiting> {
        let waiting = self.waiting.remove(&mid)?;
        self.forget_answered();
        Some(waiting)
    }

    /// The next request that nobody answered in time.
    pub(super) fn expired(&mut self, now: Instant) -> Option<(Mid, Waiting)> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.pop()
    }

    /// The oldest request, whatever its deadline: the session is over.
    pub(super) fn pop(&mut self) -> Option<(Mid, Waiting)> {
        let (_, mid) = self.deadlines.pop_front()?;
        let waiting = self.waiting.remove(&mid);
        self.forget_answered();
        waiting.map(|waiting| (mid, waiting))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|(deadline, _)| *deadline)
    }

    /// Keeps a request that waits at the front, so that [`Self::deadline`] is never one of an answered request.
    fn forget_answered(&mut self) {
        while self.deadlines.front().is_some_and(|(_, mid)| !self.waiting.contains_key(mid)) {
            self.deadlines.pop_front();
        }
        if self.waiting.is_empty() && self.waiting.capacity() > 64 {
            *self = Self::default(); // a burst is over: an idle account keeps nothing of it
        }
    }
}
