//! What is to be done about an account's items next, and when. Pure: whoever asks knows the database and the time.

use std::time::Duration;

use super::progress::SyncState;
use crate::{
    ids::{AccountId, ItemId, Timestamp},
    platform::hours::{AHEAD as CHINA_MS, DAY as DAY_MS},
};

/// Days since 1970 in China: an item can be polished once in each.
pub use crate::platform::hours::day_of as day;

/// Looked at again after this long, whatever there was to do.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// How often an account's list is read, give or take a tenth. Zero: only when somebody asks for it.
    pub sync_every: Duration,
    /// A list or a detail that was asked for in vain is asked for again after this long.
    pub retry_after: Duration,
    /// From when on items are polished, after midnight in China; each at its own moment within `polish_span`.
    pub polish_from: Duration,
    pub polish_span: Duration,
}

/// What the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub sync: SyncState,
    /// When the last reading ended, well or not.
    pub finished_at: Option<Timestamp>,
    /// When a list was last read to its end.
    pub synced_at: Option<Timestamp>,
    /// An own item whose detail is wanted.
    pub without_detail: Option<ItemId>,
    pub to_polish: Vec<ToPolish>,
}

/// An item that is to be polished every day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToPolish {
    pub item: ItemId,
    /// The day of the last time.
    pub polished_day: Option<i64>,
    /// When the platform last had an answer, which may have been a no.
    pub tried_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chore {
    /// The next page of the list, or its first.
    List,
    Polish(ItemId),
    Detail(ItemId),
    /// Nothing until then.
    Rest(Timestamp),
}

/// What comes next: the list first, because the rest follows from it; then what has a moment of its own; then details, which are many.
pub fn next(account: AccountId, known: &Known, config: &Config, now: Timestamp) -> Chore {
    let list_at = list_at(account, known, config);
    if list_at.is_some_and(|at| at <= now) {
        return Chore::List;
    }
    let polishes = known.to_polish.iter().map(|item| (polish_at(item, config, now), &item.item));
    let first = polishes.min_by_key(|(at, _)| *at);
    if let Some((_, item)) = first.filter(|(at, _)| *at <= now) {
        return Chore::Polish(item.clone());
    }
    if let Some(item) = &known.without_detail {
        return Chore::Detail(item.clone());
    }
    let moments = [Some(now + LONGEST_REST), list_at, first.map(|(at, _)| at)];
    Chore::Rest(moments.into_iter().flatten().min().unwrap_or(now + LONGEST_REST))
}

/// When the list is to be read; `None`: only when somebody asks for it.
fn list_at(account: AccountId, known: &Known, config: &Config) -> Option<Timestamp> {
    match known.sync {
        SyncState::Queued | SyncState::Running => return Some(Timestamp(0)),
        SyncState::Failed => return Some(known.finished_at.unwrap_or(Timestamp(0)) + config.retry_after),
        SyncState::Idle | SyncState::Done => {}
    }
    if config.sync_every.is_zero() {
        return None;
    }
    let Some(synced_at) = known.synced_at else { return Some(Timestamp(0)) };
    // Spread, so that thousands of accounts that were added together do not stay in step.
    let spread = fraction(&[&account.0.to_le_bytes(), &synced_at.0.to_le_bytes()]);
    Some(synced_at + config.sync_every.mul_f64(0.9 + 0.2 * spread))
}

/// Today's moment, or tomorrow's where today's is done or was refused.
fn polish_at(item: &ToPolish, config: &Config, now: Timestamp) -> Timestamp {
    let today = day(now);
    let is_over = item.polished_day.is_some_and(|done| done >= today) || item.tried_at.map(day) == Some(today);
    let day = if is_over { today + 1 } else { today };
    let midnight = Timestamp(day * DAY_MS - CHINA_MS);
    let spread = fraction(&[item.item.as_str().as_bytes(), &day.to_le_bytes()]);
    midnight + config.polish_from + config.polish_span.mul_f64(spread)
}

/// A number from 0 up to 1 that is the same for the same bytes (FNV-1a), and looks like chance.
fn fraction(parts: &[&[u8]]) -> f64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = parts.iter().flat_map(|part| part.iter()).fold(0xcbf2_9ce4_8422_2325, step);
    // FNV's high bits hardly move with the last bytes.
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    mixed as f64 / f64::from(1_u32 << 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);
    /// Noon in China.
    const NOON: Timestamp = Timestamp(20_000 * DAY_MS + DAY_MS / 2 - CHINA_MS);
    const ACCOUNT: AccountId = AccountId(7);
    const CONFIG: Config = Config {
        sync_every: Duration::from_secs(6 * 60 * 60),
        retry_after: Duration::from_secs(30 * 60),
        polish_from: Duration::from_secs(9 * 60 * 60),
        polish_span: Duration::from_secs(12 * 60 * 60),
    };

    fn known() -> Known {
        Known {
            sync: SyncState::Done,
            finished_at: Some(NOON),
            synced_at: Some(NOON),
            without_detail: None,
            to_polish: Vec::new(),
        }
    }

    fn to_polish(item: &str) -> ToPolish {
        ToPolish { item: item.into(), polished_day: None, tried_at: None }
    }

    fn next_at(known: &Known, now: Timestamp) -> Chore {
        next(ACCOUNT, known, &CONFIG, now)
    }

    #[test]
    fn an_account_that_was_never_read_is_read_at_once_and_then_every_six_hours_give_or_take() {
        let never = Known { sync: SyncState::Idle, finished_at: None, synced_at: None, ..known() };
        assert_eq!(next_at(&never, NOON), Chore::List);
        assert!(matches!(next_at(&known(), NOON + 5 * HOUR), Chore::Rest(_)));
        assert_eq!(next_at(&known(), NOON + 7 * HOUR), Chore::List);
    }

    #[test]
    fn accounts_that_were_read_together_do_not_stay_in_step() {
        let due = |account| list_at(AccountId(account), &known(), &CONFIG);
        let moments: std::collections::HashSet<_> = (0..50).map(due).collect();
        assert!(moments.len() > 45, "{moments:?}");
    }

    #[test]
    fn whoever_asks_gets_it_read_now_and_an_interrupted_reading_goes_on() {
        for sync in [SyncState::Queued, SyncState::Running] {
            assert_eq!(next_at(&Known { sync, ..known() }, NOON), Chore::List);
        }
        let by_hand = Config { sync_every: Duration::ZERO, ..CONFIG };
        let never = Known { sync: SyncState::Idle, synced_at: None, ..known() };
        assert!(matches!(next(ACCOUNT, &never, &by_hand, NOON), Chore::Rest(_)));
    }

    #[test]
    fn a_reading_that_failed_waits_before_it_is_tried_again() {
        let failed = Known { sync: SyncState::Failed, synced_at: None, ..known() };
        assert_eq!(next_at(&failed, NOON + HOUR / 4), Chore::Rest(NOON + HOUR / 2));
        assert_eq!(next_at(&failed, NOON + HOUR / 2), Chore::List);
    }

    #[test]
    fn details_wait_for_the_list_and_for_what_has_its_moment() {
        let wanted = Known { without_detail: Some("1".into()), ..known() };
        assert_eq!(next_at(&wanted, NOON), Chore::Detail("1".into()));
        assert_eq!(next_at(&wanted, NOON + 7 * HOUR), Chore::List);
        let late = Known { to_polish: vec![to_polish("2")], synced_at: Some(NOON + 9 * HOUR), ..wanted };
        assert_eq!(next_at(&late, NOON + 9 * HOUR), Chore::Polish("2".into()));
    }

    /// From nine in the morning to nine in the evening, each at a moment of its own.
    #[test]
    fn items_are_polished_once_a_day_spread_over_its_waking_hours() {
        let today = day(NOON);
        let midnight = Timestamp(today * DAY_MS - CHINA_MS);
        let moments: Vec<_> =
            (0..100).map(|item| polish_at(&to_polish(&format!("90000000{item}")), &CONFIG, NOON)).collect();
        let (first, last) = (midnight + 9 * HOUR, midnight + 21 * HOUR);
        assert!(moments.iter().all(|at| (first..last).contains(at)));
        for quarter in 0..4 {
            let from = first + quarter * 3 * HOUR;
            let count = moments.iter().filter(|at| (from..from + 3 * HOUR).contains(at)).count();
            assert!((10..=45).contains(&count), "{count} in quarter {quarter}");
        }
    }

    #[test]
    fn what_is_polished_or_was_refused_today_has_its_next_moment_tomorrow() {
        let tomorrow = Timestamp((day(NOON) + 1) * DAY_MS - CHINA_MS);
        let done = ToPolish { polished_day: Some(day(NOON)), ..to_polish("1") };
        let refused = ToPolish { tried_at: Some(NOON - HOUR), ..to_polish("1") };
        for item in [done, refused] {
            assert!(polish_at(&item, &CONFIG, NOON) >= tomorrow);
        }
        let yesterday =
            ToPolish { polished_day: Some(day(NOON) - 1), tried_at: Some(NOON - 24 * HOUR), ..to_polish("1") };
        assert!(polish_at(&yesterday, &CONFIG, NOON) < tomorrow);
    }

    #[test]
    fn a_day_begins_at_midnight_in_china() {
        let midnight = Timestamp(20_000 * DAY_MS - CHINA_MS);
        assert_eq!((day(midnight - Duration::from_millis(1)), day(midnight)), (19_999, 20_000));
    }

    #[test]
    fn nobody_rests_for_longer_than_an_hour() {
        assert_eq!(next_at(&known(), NOON), Chore::Rest(NOON + HOUR));
    }
}
