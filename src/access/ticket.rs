//! Tickets: what stands in an address in place of a credential. Each opens one thing, once, within half a minute; only its hash is kept.

use std::{collections::VecDeque, time::Duration};

use super::token;
use crate::ids::{Timestamp, UserId};

/// Long enough to open a connection, too short for a log or a history to be of use to anybody.
pub const LIFE: Duration = Duration::from_secs(30);

/// Of one user at a time: a page asks for one just before it uses it.
const MOST_OF_ONE: usize = 10;

/// Of everybody together. More are never alive but in an attack; then the oldest go.
const MOST: usize = 10_000;

/// Tickets that were not used yet, the oldest first.
#[derive(Debug)]
pub struct Tickets<T>(VecDeque<Ticket<T>>);

#[derive(Debug)]
struct Ticket<T> {
    hash: Vec<u8>,
    user: UserId,
    opens: T,
    ends_at: Timestamp,
}

impl<T> Default for Tickets<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Tickets<T> {
    /// Keeps a ticket of this user; where they have too many, their oldest is void. Answers with when it ends.
    pub fn issue(&mut self, text: &str, user: UserId, opens: T, now: Timestamp) -> Timestamp {
        self.forget(now);
        if self.0.iter().filter(|ticket| ticket.user == user).count() >= MOST_OF_ONE
            && let Some(oldest) = self.0.iter().position(|ticket| ticket.user == user)
        {
            self.0.remove(oldest);
        }
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        let ends_at = now + LIFE;
        self.0.push_back(Ticket { hash: token::hash(text), user, opens, ends_at });
        ends_at
    }

    /// What the ticket opens; it never opens anything again.
    pub fn redeem(&mut self, text: &str, now: Timestamp) -> Option<T> {
        self.forget(now);
        let hash = token::hash(text);
        let at = self.0.iter().position(|ticket| token::same(&ticket.hash, &hash))?;
        self.0.remove(at).map(|ticket| ticket.opens)
    }

    fn forget(&mut self, now: Timestamp) {
        while self.0.front().is_some_and(|oldest| oldest.ends_at <= now) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: UserId = UserId(1);
    const START: Timestamp = Timestamp(1_000);

    /// S21: what may be read in a log or a history later opens nothing.
    #[test]
    fn s21_a_ticket_opens_once() {
        let mut tickets = Tickets::default();
        tickets.issue("a", ANNA, "door", START);
        assert_eq!(tickets.redeem("b", START), None);
        assert_eq!(tickets.redeem("a", START), Some("door"));
        assert_eq!(tickets.redeem("a", START), None);
    }

    /// S21: and not for long.
    #[test]
    fn s21_a_ticket_ends_after_half_a_minute() {
        let mut tickets = Tickets::default();
        let ends_at = tickets.issue("a", ANNA, "door", START);
        tickets.issue("b", ANNA, "window", START);
        assert_eq!(ends_at, START + LIFE);
        assert_eq!(tickets.redeem("a", Timestamp(ends_at.0 - 1)), Some("door"));
        assert_eq!(tickets.redeem("b", ends_at), None);
        assert!(tickets.0.is_empty());
    }

    #[test]
    fn who_asks_for_many_loses_their_own_oldest_and_nobody_elses() {
        let mut tickets = Tickets::default();
        tickets.issue("other", UserId(2), 0, START);
        for number in 0..=MOST_OF_ONE {
            tickets.issue(&number.to_string(), ANNA, number, START);
        }
        assert_eq!(tickets.0.len(), MOST_OF_ONE + 1);
        assert_eq!(tickets.redeem("0", START), None);
        assert_eq!(tickets.redeem("1", START), Some(1));
        assert_eq!(tickets.redeem("other", START), Some(0));
    }

    #[test]
    fn the_memory_they_take_is_bounded() {
        let mut tickets = Tickets::default();
        for number in 0..MOST + 5 {
            tickets.issue(&number.to_string(), UserId(number as i64), number, START);
        }
        assert_eq!(tickets.0.len(), MOST);
        assert_eq!(tickets.redeem("4", START), None);
        assert_eq!(tickets.redeem("5", START), Some(5));
    }
}
