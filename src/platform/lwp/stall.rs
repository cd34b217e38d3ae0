//! Finds a line that answers heartbeats but delivers nothing: after quiet minutes it asks what the newest message is, and compares.

use std::time::{Duration, Instant};

use crate::ids::Timestamp;

#[derive(Debug)]
pub(super) struct StallWatch {
    /// Quiet for so long is suspicious; zero turns the watch off.
    after: Duration,
    /// How long a message may be under way.
    grace: Duration,
    /// The newest message this session's owner knows.
    seen_at: Timestamp,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Quiet {
        since: Instant,
    },
    Asked,
    /// The platform has something newer than we have seen; it may be under way.
    Suspicious {
        newest: Timestamp,
        since: Instant,
    },
}

/// What the watch wants done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// Ask for the newest conversation.
    Probe,
    Stalled,
}

impl StallWatch {
    pub(super) fn new(after: Duration, grace: Duration, seen_at: Timestamp, now: Instant) -> Self {
        Self { after, grace, seen_at, phase: Phase::Quiet { since: now } }
    }

    /// A push arrived: the line delivers.
    pub(super) fn delivered(&mut self, now: Instant) {
        self.phase = Phase::Quiet { since: now };
    }

    /// A message of this time was seen, by push or in the history.
    pub(super) fn seen(&mut self, at: Timestamp) {
        self.seen_at = self.seen_at.max(at);
    }

    /// What the probe found; nothing if it failed or there is no message at all.
    pub(super) fn answered(&mut self, newest: Option<Timestamp>, now: Instant) {
        if let Phase::Asked = self.phase {
            self.phase = match newest.filter(|newest| *newest > self.seen_at) {
                Some(newest) => Phase::Suspicious { newest, since: now },
                None => Phase::Quiet { since: now },
            };
        }
    }

    pub(super) fn judge(&mut self, now: Instant) -> Verdict {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Verdict::Fine;
        }
        match self.phase {
            Phase::Suspicious { newest, .. } if newest > self.seen_at => Verdict::Stalled,
            Phase::Suspicious { .. } => {
                self.delivered(now);
                Verdict::Fine
            }
            Phase::Quiet { .. } | Phase::Asked => {
                self.phase = Phase::Asked;
                Verdict::Probe
            }
        }
    }

    /// While the probe is out, its own time-out counts.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Quiet { since } => (!self.after.is_zero()).then(|| since + self.after),
            Phase::Suspicious { since, .. } => Some(since + self.grace),
            Phase::Asked => None,
        }
    }
}
