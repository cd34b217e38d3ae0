//! Times of the week, in the time of the platform and its buyers: UTC+8 all year round.

use serde::{Deserialize, Serialize};

use crate::ids::Timestamp;

const MINUTE: i64 = 60_000;
/// A day in milliseconds.
pub const DAY: i64 = 24 * 60 * MINUTE;
/// How far the platform's time is ahead of UTC, in milliseconds.
pub const AHEAD: i64 = 8 * 60 * MINUTE;

/// A stretch of time that comes back every week. One that ends before it begins goes past midnight, and counts for the day it began on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Bit 0 is Monday.
    pub days: u8,
    /// Minutes since midnight.
    pub from: u16,
    /// Minutes since midnight; not included. Equal to `from`: the whole day.
    pub to: u16,
}

impl Window {
    pub const ALL_DAYS: u8 = 0b111_1111;

    fn contains(&self, now: Timestamp) -> bool {
        let (day, minute) = (day_of(now), minute_of(now));
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        let on = |day: i64| self.days & (1 << weekday(day)) != 0;
        if from < to {
            on(day) && (from..to).contains(&minute)
        } else {
            (on(day) && minute >= from) || (on(day - 1) && minute < to && from != to) || (from == to && on(day))
        }
    }
}

/// Whether one of them contains this moment. No window at all: always.
pub fn is_open(windows: &[Window], now: Timestamp) -> bool {
    windows.is_empty() || windows.iter().any(|window| window.contains(now))
}

/// The day of the platform's calendar, counted from 1970-01-01.
pub fn day_of(at: Timestamp) -> i64 {
    (at.0 + AHEAD).div_euclid(DAY)
}

fn minute_of(at: Timestamp) -> i64 {
    (at.0 + AHEAD).rem_euclid(DAY) / MINUTE
}

/// 0 is Monday; 1970-01-01 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn a_window_is_of_its_days_and_minutes_in_the_platforms_time() {
        // Monday to Friday, 9:00 to 18:00
        let office = [Window { days: 0b1_1111, from: 540, to: 1080 }];
        // 2025-10-09 was a Thursday.
        assert!(is_open(&office, at("2025-10-09T09:00:00+08:00")));
        assert!(is_open(&office, at("2025-10-09T17:59:59+08:00")));
        assert!(!is_open(&office, at("2025-10-09T18:00:00+08:00")));
        assert!(!is_open(&office, at("2025-10-09T08:59:59+08:00")));
        assert!(!is_open(&office, at("2025-10-11T12:00:00+08:00")), "a Saturday");
        assert!(is_open(&office, at("2025-10-10T02:00:00Z")), "10:00 on Friday there");
    }

    #[test]
    fn a_window_past_midnight_belongs_to_the_day_it_began_on() {
        // Friday 22:00 to Saturday 2:00
        let night = [Window { days: 0b1_0000, from: 1320, to: 120 }];
        assert!(is_open(&night, at("2025-10-10T23:00:00+08:00")));
        assert!(is_open(&night, at("2025-10-11T01:59:00+08:00")));
        assert!(!is_open(&night, at("2025-10-11T02:00:00+08:00")));
        assert!(!is_open(&night, at("2025-10-11T23:00:00+08:00")));
        assert!(!is_open(&night, at("2025-10-10T01:00:00+08:00")), "that night began on Thursday");
    }

    #[test]
    fn no_window_is_always_and_a_window_without_length_is_the_whole_day() {
        assert!(is_open(&[], Timestamp(0)));
        let thursdays = [Window { days: 0b1000, from: 600, to: 600 }];
        assert!(is_open(&thursdays, at("2025-10-09T00:00:00+08:00")));
        assert!(is_open(&thursdays, at("2025-10-09T23:59:59+08:00")));
        assert!(!is_open(&thursdays, at("2025-10-10T00:00:00+08:00")));
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_platform() {
        assert_eq!(day_of(at("2025-10-09T15:59:59Z")) + 1, day_of(at("2025-10-09T16:00:00Z")));
        assert_eq!(day_of(Timestamp(0)), 0);
    }
}
