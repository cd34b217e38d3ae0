//! Moments and spans as people read them.

use jiff::{
    civil::Date,
    tz::{Offset, TimeZone},
};

use super::super::error::Language;
use crate::{ids::Timestamp, store::stats::Bucket};

/// The platform's time, and its sellers'.
const PLACE: Offset = Offset::constant(8);

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Day and minute; of the present day the minute alone.
pub(in crate::web) fn day_and_time(at: Timestamp, now: Timestamp) -> String {
    let place = TimeZone::fixed(PLACE);
    let zoned = |at: Timestamp| jiff::Timestamp::from_millisecond(at.0).ok().map(|at| at.to_zoned(place.clone()));
    let (Some(at), Some(now)) = (zoned(at), zoned(now)) else { return String::new() };
    let form = match (at.date() == now.date(), at.year() == now.year()) {
        (true, _) => "%H:%M",
        (false, true) => "%m-%d %H:%M",
        (false, false) => "%Y-%m-%d %H:%M",
    };
    at.strftime(form).to_string()
}

/// Day and second, for what follows each other closely.
pub(super) fn to_the_second(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).ok().map(|at| at.to_zoned(TimeZone::fixed(PLACE)));
    at.map(|at| at.strftime("%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// The first moment of a day that is written as `2026-07-01`; `None`: it is no day.
pub(super) fn day(text: &str) -> Option<Timestamp> {
    let day: jiff::civil::Date = text.parse().ok()?;
    let first = day.to_zoned(TimeZone::fixed(PLACE)).ok()?;
    Some(Timestamp(first.timestamp().as_millisecond()))
}

/// The first moment of the day.
pub(super) fn day_start(now: Timestamp) -> Timestamp {
    let east = i64::from(PLACE.seconds()) * 1000;
    Timestamp((now.0 + east).div_euclid(DAY * 1000) * DAY * 1000 - east)
}

/// The day of the platform's calendar, as a form's field for a day takes it.
pub(super) fn date(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).ok().map(|at| at.to_zoned(TimeZone::fixed(PLACE)));
    at.map(|at| at.date().to_string()).unwrap_or_default()
}

/// The first moment of that day of the platform's calendar.
pub(super) fn start_of(day: Date) -> Option<Timestamp> {
    let start = day.to_zoned(TimeZone::fixed(PLACE)).ok()?;
    Some(Timestamp(start.timestamp().as_millisecond()))
}

/// Under a bar of a chart.
pub(super) fn label(start: Timestamp, bucket: Bucket) -> String {
    let form = match bucket {
        Bucket::Hour => "%H:00",
        Bucket::Day => "%m-%d",
    };
    let at = jiff::Timestamp::from_millisecond(start.0).ok().map(|at| at.to_zoned(TimeZone::fixed(PLACE)));
    at.map(|at| at.strftime(form).to_string()).unwrap_or_default()
}

/// How long, roughly: the largest unit that fits.
pub(in crate::web) fn span(seconds: i64, language: Language) -> String {
    let seconds = seconds.max(0);
    let (number, zh, en) = match seconds {
        ..MINUTE => (seconds, "秒", "s"),
        MINUTE..HOUR => (seconds / MINUTE, "分钟", "min"),
        HOUR..DAY => (seconds / HOUR, "小时", "h"),
        DAY.. => (seconds / DAY, "天", "d"),
    };
    format!("{number} {}", language.pick(zh, en))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_as_long_as_it_must_be() {
        let now = Timestamp(1_782_864_000_000); // 2026-07-01 08:00 in China
        for (at, said) in [
            (1_782_864_000_000, "08:00"),
            (1_782_835_200_000, "00:00"),
            (1_782_835_199_000, "06-30 23:59"),
            (1_751_328_000_000, "2025-07-01 08:00"),
        ] {
            assert_eq!(day_and_time(Timestamp(at), now), said);
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_china() {
        assert_eq!(day_start(Timestamp(1_782_864_000_000)), Timestamp(1_782_835_200_000));
        assert_eq!(day("2026-07-01"), Some(Timestamp(1_782_835_200_000)));
        assert_eq!((day("2026-13-01"), day("")), (None, None));
        assert_eq!(to_the_second(Timestamp(1_782_835_205_000)), "07-01 00:00:05");
        assert_eq!(label(Timestamp(1_782_835_200_000), Bucket::Day), "07-01");
        assert_eq!(label(Timestamp(1_782_864_000_000), Bucket::Hour), "08:00");
    }

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        for (seconds, zh) in [(-3, "0 秒"), (59, "59 秒"), (60, "1 分钟"), (7_199, "1 小时"), (172_800, "2 天")]
        {
            assert_eq!(span(seconds, Language::Chinese), zh);
        }
        assert_eq!(span(90, Language::English), "1 min");
    }
}
