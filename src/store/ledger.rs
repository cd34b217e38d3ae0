//! Proves that the stock is what its log says.

use super::{DbConn, QueryResult, units};
use crate::{delivery::chain::Walk, ids::CardId};

/// So many events are read at once.
const PART: i64 = 5000;

/// The log of one card on its way to the end, a part at a time: no transaction lasts long, and whoever walks may stop between two parts.
#[derive(Debug, Clone)]
pub struct CardWalk {
    card: CardId,
    walk: Walk,
    events: i64,
}

impl CardWalk {
    pub fn of(card: CardId) -> Self {
        Self { card, walk: Walk::default(), events: 0 }
    }

    /// How many events it has come by.
    pub fn events(&self) -> i64 {
        self.events
    }

    /// Reads the next part. `Some`: it is at its end, and this is what is wrong with the card. Where its log breaks nothing behind that can
    /// be proven.
    pub fn go_on(&mut self, conn: &mut DbConn) -> QueryResult<Option<Vec<String>>> {
        let part = units::log_after(conn, self.card, self.events, PART)?;
        self.events = part.last().map_or(self.events, |(last, _)| last.number);
        let broken = part.iter().find_map(|(link, hash)| self.walk.step(link, hash).err());
        if broken.is_none() && !part.is_empty() {
            return Ok(None);
        }
        let mut faults: Vec<String> = broken.iter().map(ToString::to_string).collect();
        let (sum, astray) = (units::sum(conn, self.card)?, units::astray(conn, self.card)?);
        faults.extend(astray.iter().map(|unit| format!("unit {unit} is not what the log says")));
        if !sum.is_right() {
            faults.push(format!("{} unit(s) were imported, and {} are there", sum.imported, sum.counts.sum()));
        }
        Ok(Some(faults))
    }
}
