//! When an order is asked for again. Pure: whoever asks knows the database and the time.

use std::time::Duration;

use super::status::Status;
use crate::ids::Timestamp;

const MINUTE: Duration = Duration::from_mins(1);

/// An order that is not over is looked at again after half of its age, within these bounds: what nobody tells us of is found, and an order
/// costs a dozen calls in its life.
const SOONEST: Duration = Duration::from_mins(30);
const LATEST: Duration = Duration::from_hours(72);

/// The platform ends every deal before that.
const FORGOTTEN: Duration = Duration::from_hours(24 * 45);

/// After a call that told nothing: the first pauses, the last of them again and again.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(45),
    MINUTE.saturating_mul(3),
    MINUTE.saturating_mul(10),
    MINUTE.saturating_mul(60),
];

/// After so many calls in vain a person is to know.
pub const IN_VAIN: i64 = 4;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// How often what is to be shipped is compared with the platform's list. Zero: only after connecting, or when something hints at it.
    pub compare_every: Duration,
    /// What was read so recently is not read again before something is sent.
    pub fresh: Duration,
    /// Calls of one account about its orders, in the long run. Zero: as fast as they come.
    pub calls_per_minute: u32,
}

/// When an order is to be read again of which nothing was told meanwhile. `age`: since it was placed, or heard of.
pub fn next_look(status: Status, age: Duration, now: Timestamp) -> Option<Timestamp> {
    let goes_on = match status {
        Status::Processing | Status::PendingShip | Status::Shipped | Status::Refunding => true,
        Status::Completed | Status::Cancelled => false,
    };
    (goes_on && age < FORGOTTEN).then(|| now + (age / 2).clamp(SOONEST, LATEST))
}

/// The pause after the call that was in vain for the `tries`th time in a row.
pub fn pause(tries: i64) -> Duration {
    let last = PAUSES.len() - 1;
    PAUSES[usize::try_from(tries - 1).unwrap_or(0).min(last)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_760_000_000_000);

    #[test]
    fn an_order_that_goes_on_is_looked_at_ever_more_seldom() {
        let (mut age, mut looks) = (Duration::ZERO, 0);
        while let Some(at) = next_look(Status::Shipped, age, NOW + age) {
            age = at.since(NOW);
            looks += 1;
        }
        assert!((10..30).contains(&looks), "{looks}");
        assert!(age >= FORGOTTEN);
    }

    #[test]
    fn what_is_over_is_left_alone() {
        assert_eq!(next_look(Status::Completed, FORGOTTEN / 2, NOW), None);
        assert_eq!(next_look(Status::Cancelled, Duration::ZERO, NOW), None);
        assert_eq!(next_look(Status::Refunding, Duration::ZERO, NOW), Some(NOW + SOONEST));
    }

    #[test]
    fn pauses_grow_and_stay() {
        assert_eq!((pause(1), pause(2), pause(6), pause(60)), (PAUSES[0], PAUSES[1], PAUSES[5], PAUSES[5]));
        assert!(PAUSES.is_sorted());
    }
}
