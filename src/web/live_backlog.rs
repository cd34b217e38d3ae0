//! What is on its way to one listener: numbered, bounded, and never faster than it is taken.
//!
//! The framework keeps what a socket does not take without any bound, so little is handed to it: at most [`WINDOW`] bytes beyond the last
//! ping that was answered. The rest waits here, and where too much waits the oldest is lost and said to be.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Bytes that may be under way without an answer. A client a tenth of a second away gets 640 KiB a second.
const WINDOW: u64 = 64 << 10;

/// A ping follows each time so many bytes were sent.
const BETWEEN_PINGS: u64 = WINDOW / 4;

/// Events that wait for one listener, and their bytes.
const WAITING: usize = 512;
const WAITING_BYTES: usize = 256 << 10;

/// A listener that says nothing is asked this often whether it is there.
pub const PING_EVERY: Duration = Duration::from_secs(20);

/// And given up when it said nothing for so long.
pub const DEAD_AFTER: Duration = Duration::from_secs(45);

/// What goes out next.
#[derive(Debug, PartialEq, Eq)]
pub enum Out {
    Event(String),
    /// Events were lost here; `None`: nobody counted them.
    Gap(Option<u64>),
}

#[derive(Debug)]
enum Waiting {
    Event(String),
    /// Events were lost before they came here.
    Missed,
}

/// The events of one listener.
#[derive(Debug, Default)]
pub struct Backlog {
    last: u64,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    lost: u64,
    lost_uncounted: bool,
    sent: u64,
    marked: u64,
    taken: u64,
}

impl Backlog {
    /// Puts an event behind the others; `write` is given its number.
    pub fn push(&mut self, write: impl FnOnce(u64) -> String) {
        self.last += 1;
        let text = write(self.last);
        self.bytes += text.len();
        self.waiting.push_back(Waiting::Event(text));
        self.make_room();
    }

    /// Events went by without being seen here.
    pub fn missed(&mut self) {
        if !matches!(self.waiting.back(), Some(Waiting::Missed)) {
            self.waiting.push_back(Waiting::Missed);
            self.make_room();
        }
    }

    fn make_room(&mut self) {
        while self.waiting.len() > WAITING || self.bytes > WAITING_BYTES {
            match self.waiting.pop_front() {
                Some(Waiting::Event(text)) => {
                    self.bytes -= text.len();
                    self.lost += 1;
                }
                Some(Waiting::Missed) => self.lost_uncounted = true,
                None => return,
            }
        }
    }

    /// What may be sent now.
    pub fn pop(&mut self) -> Option<Out> {
        if self.sent - self.taken >= WINDOW {
            return None;
        }
        if self.lost > 0 || self.lost_uncounted {
            let counted = (!self.lost_uncounted).then_some(self.lost);
            (self.lost, self.lost_uncounted) = (0, false);
            return Some(Out::Gap(counted));
        }
        match self.waiting.pop_front()? {
            Waiting::Event(text) => {
                self.bytes -= text.len();
                self.sent += text.len() as u64;
                Some(Out::Event(text))
            }
            Waiting::Missed => Some(Out::Gap(None)),
        }
    }

    /// The text of a ping that is due by now because enough was sent.
    pub fn mark(&mut self) -> Option<String> {
        (self.sent - self.marked >= BETWEEN_PINGS).then(|| self.ping())
    }

    /// The text of a ping: what was sent before it.
    pub fn ping(&mut self) -> String {
        self.marked = self.sent;
        self.sent.to_string()
    }

    /// A ping was answered: everything before it was taken.
    pub fn answered(&mut self, ping: &[u8]) {
        let mark = std::str::from_utf8(ping).ok().and_then(|text| text.parse().ok());
        if let Some(mark) = mark.filter(|mark| *mark <= self.sent) {
            self.taken = self.taken.max(mark);
        }
    }
}

/// What is to be done about a quiet listener.
#[derive(Debug, PartialEq, Eq)]
pub enum Beat {
    Rest,
    Ping,
    GiveUp,
}

/// Notices that nobody is there any more.
#[derive(Debug)]
pub struct Pulse {
    heard: Instant,
    pinged: Instant,
}

impl Pulse {
    pub fn new(now: Instant) -> Self {
        Self { heard: now, pinged: now }
    }

    /// Something came, whatever it was.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    pub fn beat(&mut self, now: Instant) -> Beat {
        if now.duration_since(self.heard) >= DEAD_AFTER {
            return Beat::GiveUp;
        }
        if now.duration_since(self.pinged) < PING_EVERY {
            return Beat::Rest;
        }
        self.pinged = now;
        Beat::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(backlog: &mut Backlog, count: usize, length: usize) {
        (0..count).for_each(|_| backlog.push(|number| format!("{number}{}", " ".repeat(length))));
    }

    /// The number of the next event, or what was lost.
    fn next(backlog: &mut Backlog) -> Option<Result<u64, Option<u64>>> {
        Some(match backlog.pop()? {
            Out::Event(text) => Ok(text.trim().parse().expect("a number")),
            Out::Gap(lost) => Err(lost),
        })
    }

    #[test]
    fn events_are_numbered_from_one_and_come_in_order() {
        let mut backlog = Backlog::default();
        push(&mut backlog, 3, 10);
        assert!(std::iter::from_fn(|| next(&mut backlog)).eq([Ok(1), Ok(2), Ok(3)]));
        push(&mut backlog, 1, 10);
        assert_eq!(next(&mut backlog), Some(Ok(4)));
    }

    #[test]
    fn whoever_does_not_take_gets_no_more_until_a_ping_is_answered() {
        let mut backlog = Backlog::default();
        push(&mut backlog, 100, 1 << 10);
        let sent = std::iter::from_fn(|| next(&mut backlog)).count();
        assert_eq!(sent as u64, WINDOW >> 10);
        let ping = backlog.mark().expect("due");
        assert_eq!(backlog.mark(), None);
        for forged in ["", "x", "-1", "99999999999"] {
            backlog.answered(forged.as_bytes());
            assert_eq!(next(&mut backlog), None, "{forged}");
        }
        backlog.answered(ping.as_bytes());
        assert_eq!(next(&mut backlog), Some(Ok(sent as u64 + 1)));
    }

    #[test]
    fn the_oldest_are_lost_and_the_gap_says_exactly_how_many() {
        let mut backlog = Backlog::default();
        push(&mut backlog, WAITING + 7, 10);
        assert_eq!(next(&mut backlog), Some(Err(Some(7))));
        assert_eq!(next(&mut backlog), Some(Ok(8)));
    }

    #[test]
    fn long_events_fill_it_sooner() {
        let mut backlog = Backlog::default();
        push(&mut backlog, 5, WAITING_BYTES / 4 - 1);
        assert_eq!(next(&mut backlog), Some(Err(Some(1))));
        assert_eq!(next(&mut backlog), Some(Ok(2)));
    }

    #[test]
    fn what_nobody_counted_is_said_to_be_uncounted() {
        let mut backlog = Backlog::default();
        push(&mut backlog, 1, 10);
        backlog.missed();
        backlog.missed();
        push(&mut backlog, 1, 10);
        assert!(std::iter::from_fn(|| next(&mut backlog)).eq([Ok(1), Err(None), Ok(2)]));
        backlog.missed();
        push(&mut backlog, WAITING + 1, 10);
        assert_eq!(next(&mut backlog), Some(Err(None)));
    }

    #[test]
    fn a_quiet_listener_is_pinged_and_given_up_in_the_end() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        let beats = (1..=45).map(|second| pulse.beat(start + Duration::from_secs(second)));
        let due: Vec<_> = beats.zip(1..).filter(|(beat, _)| *beat != Beat::Rest).collect();
        assert_eq!(due, [(Beat::Ping, 20), (Beat::Ping, 40), (Beat::GiveUp, 45)]);
        pulse.heard(start + Duration::from_secs(44));
        assert_eq!(pulse.beat(start + Duration::from_secs(60)), Beat::Ping);
    }
}
