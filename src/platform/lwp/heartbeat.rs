//! Asks the line every few seconds whether it is alive, and says when it is not.

use std::time::{Duration, Instant};

use super::mid::Mid;

#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    dead_after: Duration,
    next: Instant,
    /// The last sign of life that was asked for.
    alive_at: Instant,
    /// When the oldest heartbeat without an answer left.
    unanswered_since: Option<Instant>,
    /// Those without an answer; two in the usual settings.
    waiting: Vec<Mid>,
}

impl Heartbeat {
    /// The line is alive `now`; the first heartbeat goes out after `first`, which spreads thousands of accounts.
    pub(super) fn new(interval: Duration, dead_after: Duration, first: Duration, now: Instant) -> Self {
        let next = now + first;
        Self { interval, dead_after, next, alive_at: now, unanswered_since: None, waiting: Vec::new() }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next <= now
    }

    pub(super) fn sent(&mut self, mid: Mid, now: Instant) {
        self.waiting.push(mid);
        self.unanswered_since.get_or_insert(now);
        self.next = now + self.interval;
    }

    /// Only the answer to a heartbeat counts: a dying line may still deliver other frames. The answer to a later one covers the earlier.
    pub(super) fn answered(&mut self, mid: Mid, now: Instant) -> bool {
        let ours = self.waiting.contains(&mid);
        if ours {
            self.waiting.clear();
            self.unanswered_since = None;
            self.alive_at = now;
        }
        ours
    }

    pub(super) fn is_lost(&self, now: Instant) -> bool {
        self.lost_at().is_some_and(|lost| lost <= now)
    }

    pub(super) fn deadline(&self) -> Instant {
        self.lost_at().map_or(self.next, |lost| lost.min(self.next))
    }

    /// Without an answer since the last sign of life, but never before a heartbeat had half that time to be answered.
    fn lost_at(&self) -> Option<Instant> {
        let asked = self.unanswered_since? + self.dead_after / 2;
        Some(asked.max(self.alive_at + self.dead_after))
    }
}
