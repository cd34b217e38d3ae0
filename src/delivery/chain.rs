//! The log of a card's stock: each line's hash covers the line before it, so that no line is changed, taken away or moved unseen.

use std::collections::HashSet;

use ring::digest::{Context, SHA256};

use super::unit::UnitState;
use crate::ids::{CardId, Timestamp, UnitId};

pub type Hash = [u8; 32];

/// The first byte of what is hashed, so that the way of hashing can change.
const VERSION: u8 = 1;

/// What happened to a unit. Says nothing about a buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub card: CardId,
    /// Of the card's events, from 1.
    pub number: i64,
    pub unit: UnitId,
    /// `None`: it was imported.
    pub from: Option<UnitState>,
    pub to: UnitState,
    /// Who had it then.
    pub claim: Option<String>,
    pub at: Timestamp,
}

/// Where the log of a card does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {number}: {why}")]
pub struct Broken {
    pub number: i64,
    pub why: &'static str,
}

/// SHA-256 over the hash of the event before (`None`: it is the first) and this one. Each part has a fixed length, or its length before it.
pub fn hash(before: Option<&Hash>, link: &Link) -> Hash {
    let mut digest = Context::new(&SHA256);
    let mut part = |bytes: Option<&[u8]>| match bytes {
        None => digest.update(&[0]),
        Some(bytes) => {
            digest.update(&[1]);
            digest.update(&(bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        }
    };
    part(Some(&[VERSION]));
    part(before.map(<[u8; 32]>::as_slice));
    for number in [link.card.0, link.number, link.unit.0, link.at.0] {
        part(Some(&number.to_be_bytes()));
    }
    part(link.from.map(|state| state.as_str().as_bytes()));
    part(Some(link.to.as_str().as_bytes()));
    part(link.claim.as_deref().map(str::as_bytes));
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.finish().as_ref());
    hash
}

/// Walks the log of one card from its first event on.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    number: i64,
    before: Option<Hash>,
    /// What ever was on its way to a buyer.
    sent: HashSet<UnitId>,
}

impl Walk {
    /// The next event, with the hash that is stored for it.
    pub fn step(&mut self, link: &Link, stored: &[u8]) -> Result<(), Broken> {
        let wrong = |why| Err(Broken { number: link.number, why });
        if link.number != self.number + 1 {
            return wrong("the events before it are missing");
        }
        if stored != hash(self.before.as_ref(), link) {
            return wrong("it is not what was written, or not where it was written");
        }
        let may_be = match link.from {
            None => link.to == UnitState::Free,
            Some(from) => from.may_become(link.to) || self.is_taken_back(from, link),
        };
        if !may_be {
            return wrong("a unit cannot go this way");
        }
        if link.to == UnitState::Sent {
            self.sent.insert(link.unit);
        }
        self.number = link.number;
        self.before = stored.try_into().ok();
        Ok(())
    }

    fn is_taken_back(&self, from: UnitState, link: &Link) -> bool {
        link.to == UnitState::Free && from.may_be_taken_back(self.sent.contains(&link.unit))
    }
}

/// Whether these events, from the first one on, hold together.
pub fn verify<'a>(events: impl IntoIterator<Item = (&'a Link, &'a [u8])>) -> Result<(), Broken> {
    let mut walk = Walk::default();
    events.into_iter().try_for_each(|(link, stored)| walk.step(link, stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(number: i64, from: Option<UnitState>, to: UnitState) -> Link {
        let claim = from.map(|_| "c1".to_owned());
        Link { card: CardId(1), number, unit: UnitId(7), from, to, claim, at: Timestamp(1_000 + number) }
    }

    fn log() -> Vec<(Link, Hash)> {
        log_of(&[UnitState::Free, UnitState::Reserved, UnitState::Sent, UnitState::Confirmed])
    }

    /// A unit that was imported, and goes this way.
    fn log_of(states: &[UnitState]) -> Vec<(Link, Hash)> {
        let mut log: Vec<(Link, Hash)> = Vec::new();
        for (place, to) in states.iter().copied().enumerate() {
            let from = place.checked_sub(1).map(|before| states[before]);
            let link = link(log.len() as i64 + 1, from, to);
            let hash = hash(log.last().map(|(_, hash)| hash), &link);
            log.push((link, hash));
        }
        log
    }

    fn check(log: &[(Link, Hash)]) -> Result<(), i64> {
        verify(log.iter().map(|(link, hash)| (link, hash.as_slice()))).map_err(|broken| broken.number)
    }

    #[test]
    fn a_log_as_it_was_written_holds_together() {
        assert_eq!(check(&log()), Ok(()));
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn every_changed_field_is_found_where_it_was_changed() {
        let changes: [fn(&mut Link); 6] = [
            |link| link.card = CardId(2),
            |link| link.unit = UnitId(8),
            |link| link.from = Some(UnitState::Returned),
            |link| link.to = UnitState::Void,
            |link| link.claim = Some("c2".to_owned()),
            |link| link.at = Timestamp(0),
        ];
        for change in changes {
            let mut log = log();
            change(&mut log[1].0);
            assert_eq!(check(&log), Err(2));
        }
    }

    #[test]
    fn a_line_taken_away_or_moved_is_found() {
        for at in 0..3 {
            let (mut short, mut swapped) = (log(), log());
            short.remove(at);
            assert_eq!(check(&short), Err(at as i64 + 2), "without {at}");
            swapped.swap(at, at + 1);
            assert_eq!(check(&swapped), Err(at as i64 + 2), "{at} moved");
        }
        let mut renumbered = log();
        let (one, two) = (renumbered[1].0.clone(), renumbered[2].0.clone());
        renumbered[1].0 = Link { number: 2, ..two };
        renumbered[2].0 = Link { number: 3, ..one };
        assert_eq!(check(&renumbered), Err(2));
    }

    #[test]
    fn a_way_that_units_cannot_go_is_found_even_where_its_hash_is_right() {
        let first = link(1, None, UnitState::Confirmed);
        assert_eq!(check(&[(first.clone(), hash(None, &first))]), Err(1));
    }

    #[test]
    fn what_was_made_void_is_free_again_only_where_it_never_was_sent() {
        use UnitState::{Confirmed, Free, Reserved, Returned, Sent, Uncertain, Void};
        assert_eq!(check(&log_of(&[Free, Void, Free, Reserved, Free, Void, Free])), Ok(()));
        assert_eq!(check(&log_of(&[Free, Reserved, Sent, Uncertain, Void, Free])), Err(6));
        assert_eq!(check(&log_of(&[Free, Reserved, Sent, Confirmed, Returned, Void, Free])), Err(7));
        assert_eq!(check(&log_of(&[Free, Reserved, Sent, Confirmed, Returned, Free, Void, Free])), Err(8));
    }

    #[test]
    fn no_two_different_events_are_hashed_from_the_same_bytes() {
        let none = link(1, None, UnitState::Free);
        let empty = Link { claim: Some(String::new()), ..none.clone() };
        assert_ne!(hash(None, &none), hash(None, &empty));
        assert_ne!(hash(None, &none), hash(Some(&[0; 32]), &none));
        // As the first release wrote it: logs of that day must be readable for ever.
        let hex: String = hash(None, &none).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "6fa3a32c203cc7b85b5e83d9b77eca78065c22d69b39fe0e45bedeaa97608b64");
    }
}
