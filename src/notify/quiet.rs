//! Hours in which only what is critical is told.

use std::{fmt, str::FromStr, time::Duration};

use crate::ids::Timestamp;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;

/// From one minute of every day to another, with the distance from UTC: `23:00-07:00+08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// On the wall.
    from: i64,
    to: i64,
    /// East of UTC.
    offset: i64,
}

/// Why a text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must look like 23:00-07:00+08:00: from, to, and the distance from UTC")]
pub struct QuietFault;

impl QuietHours {
    /// When the quiet hours that hold at `now` are over; `None` where none do.
    pub fn end(self, now: Timestamp) -> Option<Timestamp> {
        let minute = (now.0.div_euclid(MINUTE_MS) + self.offset).rem_euclid(DAY_MINUTES);
        let length = (self.to - self.from).rem_euclid(DAY_MINUTES);
        let passed = (minute - self.from).rem_euclid(DAY_MINUTES);
        if passed >= length {
            return None;
        }
        let begun = Timestamp(now.0 - now.0.rem_euclid(MINUTE_MS));
        let left = u64::try_from(length - passed).unwrap_or(0);
        Some(begun + Duration::from_secs(60 * left))
    }
}

impl FromStr for QuietHours {
    type Err = QuietFault;

    fn from_str(text: &str) -> Result<Self, QuietFault> {
        let parts = text.split_at_checked(5).and_then(|(from, rest)| {
            let (to, offset) = rest.strip_prefix('-')?.split_at_checked(5)?;
            let (sign, distance) = offset.split_at_checked(1)?;
            let distance = minutes(distance)?;
            let offset = match sign {
                "+" => distance,
                "-" => -distance,
                _ => return None,
            };
            Some(Self { from: minutes(from)?, to: minutes(to)?, offset })
        });
        parts.filter(|hours| hours.from != hours.to && hours.offset.abs() <= 14 * 60).ok_or(QuietFault)
    }
}

/// Of `HH:MM`.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes): (i64, i64) = match digits(hours) && digits(minutes) {
        true => (hours.parse().ok()?, minutes.parse().ok()?),
        false => return None,
    };
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let sign = if self.offset < 0 { '-' } else { '+' };
        write!(f, "{}-{}{sign}{}", clock(self.from), clock(self.to), clock(self.offset.abs()))
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
    fn ends(hours: &str, now: &str, end: Option<&str>) {
        assert_eq!(hours.parse::<QuietHours>().unwrap().end(ms(now)), end.map(ms), "{hours} at {now}");
    }

    #[test]
    fn a_night_goes_over_midnight_on_the_sellers_wall() {
        // 23:00 in Shanghai is 15:00 in UTC.
        ends("23:00-07:00+08:00", "2026-01-01T14:59:59Z", None);
        ends("23:00-07:00+08:00", "2026-01-01T15:00:00Z", Some("2026-01-01T23:00:00Z"));
        ends("23:00-07:00+08:00", "2026-01-01T22:59:59.999Z", Some("2026-01-01T23:00:00Z"));
        ends("23:00-07:00+08:00", "2026-01-01T23:00:00Z", None);
    }

    #[test]
    fn quiet_hours_of_one_day_and_west_of_utc() {
        ends("12:00-14:00+00:00", "2026-01-01T13:30:30Z", Some("2026-01-01T14:00:00Z"));
        ends("12:00-14:00+00:00", "2026-01-01T14:00:00Z", None);
        ends("22:00-06:00-05:00", "2026-01-01T03:30:00Z", Some("2026-01-01T11:00:00Z"));
    }

    #[test]
    fn hours_read_back_from_their_text_and_what_is_none_is_refused() {
        for text in ["23:00-07:00+08:00", "00:00-23:59-05:30"] {
            assert_eq!(text.parse::<QuietHours>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "23:00-07:00",
            "23-07+08:00",
            "24:00-07:00+08:00",
            "07:00-07:00+08:00",
            "23:00-07:00+15:00",
            "23:00~07:00+08:00",
        ] {
            assert_eq!(text.parse::<QuietHours>(), Err(QuietFault), "{text}");
        }
    }
}
