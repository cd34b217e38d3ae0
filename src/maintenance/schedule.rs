//! When the nightly jobs run.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::ids::Timestamp;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;

/// The clock on the wall may be set, or the machine may sleep: it is looked at this often.
const LOOK: Duration = Duration::from_mins(10);

/// How long a job that is due then sleeps before it looks at the clock again.
pub fn nap(due: Timestamp, now: Timestamp) -> Duration {
    due.since(now).clamp(Duration::from_millis(1), LOOK)
}

/// A minute of every day, with its distance from UTC: `04:00+08:00`. Clocks that change in summer are left out of it: the job would run
/// twice in one night of the year, and in another not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    /// Where the clock on the wall is.
    minute: i64,
    /// East of UTC.
    offset: i64,
}

impl TimeOfDay {
    /// The first moment after `now` at which it is this late.
    pub fn next(self, now: Timestamp) -> Timestamp {
        let in_the_day = (self.minute - self.offset).rem_euclid(DAY_MINUTES) * MINUTE_MS;
        let day = DAY_MINUTES * MINUTE_MS;
        let today = now.0 - now.0.rem_euclid(day) + in_the_day;
        Timestamp(if today > now.0 { today } else { today + day })
    }
}

impl FromStr for TimeOfDay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "must be a time of day and its distance from UTC, as 04:00+08:00";
        let (clock, offset) = text.split_at_checked(5).ok_or(wrong)?;
        let minute = minutes(clock).ok_or(wrong)?;
        let offset = match offset.split_at_checked(1) {
            Some(("+", east)) => minutes(east),
            Some(("-", west)) => minutes(west).map(|west| -west),
            _ => None,
        };
        Ok(Self { minute, offset: offset.filter(|offset| offset.abs() <= 14 * 60).ok_or(wrong)? })
    }
}

/// Of `HH:MM`.
fn minutes(text: &str) -> Option<i64> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() == 2;
    let (hours, minutes) = text.split_once(':').filter(|(hours, minutes)| digits(hours) && digits(minutes))?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let (minute, offset) = (self.minute, self.offset.abs());
        write!(f, "{:02}:{:02}{sign}{:02}:{:02}", minute / 60, minute % 60, offset / 60, offset % 60)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(at: TimeOfDay) -> Self {
        at.to_string()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ms(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[track_caller]
    fn is_next(at: &str, now: &str, next: &str) {
        assert_eq!(at.parse::<TimeOfDay>().unwrap().next(ms(now)), ms(next));
    }

    #[test]
    fn the_next_run_is_the_first_such_moment_after_now() {
        is_next("04:00+00:00", "2026-01-01T03:59:59.999Z", "2026-01-01T04:00:00Z");
        is_next("04:00+00:00", "2026-01-01T04:00:00Z", "2026-01-02T04:00:00Z");
        is_next("04:00+00:00", "2026-01-01T04:00:00.001Z", "2026-01-02T04:00:00Z");
        is_next("00:00+00:00", "2026-12-31T12:00:00Z", "2027-01-01T00:00:00Z");
    }

    #[test]
    fn the_clock_is_the_one_on_the_sellers_wall() {
        is_next("04:00+08:00", "2026-01-01T19:59:00Z", "2026-01-01T20:00:00Z");
        is_next("04:00+08:00", "2026-01-01T20:00:00Z", "2026-01-02T20:00:00Z");
        is_next("23:30-05:00", "2026-01-01T05:00:00Z", "2026-01-02T04:30:00Z");
        is_next("04:00+08:00", "1969-12-31T19:00:00Z", "1969-12-31T20:00:00Z");
    }

    #[test]
    fn a_time_reads_back_from_its_text_and_what_is_none_is_refused() {
        for text in ["04:00+08:00", "00:00+00:00", "23:59-12:30"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "04:00",
            "4:00+08:00",
            "24:00+00:00",
            "04:60+00:00",
            "04:00 08:00",
            "04:00+15:00",
            "+4:00+08:00",
            "04：00+08",
        ] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }
}
