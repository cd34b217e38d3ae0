//! Moments and spans as people read them.

use jiff::{
    Span, Zoned,
    civil::Date,
    tz::{Offset, TimeZone},
};

use super::super::{error::Language, time_zone};
use crate::{ids::Timestamp, store::stats::Bucket};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Moments by somebody's clock, and what day it is there now.
#[derive(Debug, Clone)]
pub(in crate::web) struct Times {
    zone: TimeZone,
    now: Timestamp,
}

impl Times {
    /// By the clock of the zone of this name.
    pub(in crate::web) fn new(zone: &str, now: Timestamp) -> Self {
        Self { zone: time_zone::of(zone), now }
    }

    /// By the platform's clock: what is counted by the day is counted by its days.
    pub(in crate::web) fn of_platform(now: Timestamp) -> Self {
        Self { zone: TimeZone::fixed(time_zone::PLATFORM), now }
    }

    /// Day and minute; of the present day the minute alone.
    pub(in crate::web) fn at(&self, at: Timestamp) -> String {
        let (Some(at), Some(now)) = (self.zoned(at), self.zoned(self.now)) else { return String::new() };
        let form = match (at.date() == now.date(), at.year() == now.year()) {
            (true, _) => "%H:%M",
            (false, true) => "%m-%d %H:%M",
            (false, false) => "%Y-%m-%d %H:%M",
        };
        at.strftime(form).to_string()
    }

    /// Day and second, for what follows each other closely.
    pub(super) fn to_the_second(&self, at: Timestamp) -> String {
        self.written(at, "%m-%d %H:%M:%S")
    }

    /// All of it.
    pub(super) fn exact(&self, at: Timestamp) -> String {
        self.written(at, "%Y-%m-%d %H:%M:%S")
    }

    /// Under a bar of a chart.
    pub(super) fn label(&self, start: Timestamp, bucket: Bucket) -> String {
        match bucket {
            Bucket::Hour => self.written(start, "%H:00"),
            Bucket::Day => self.written(start, "%m-%d"),
        }
    }

    pub(super) fn today(&self) -> Date {
        self.zoned(self.now).map(|now| now.date()).unwrap_or_default()
    }

    /// The day that is so many days after today; before it where they are less than none.
    pub(super) fn days_after_today(&self, days: i64) -> Date {
        let today = self.today();
        let later = Span::new().try_days(days).and_then(|span| today.checked_add(span));
        later.unwrap_or(today)
    }

    /// The first moment of that day: its midnight, but where clocks leave that out.
    pub(super) fn start_of(&self, day: Date) -> Option<Timestamp> {
        let start = day.to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp(start.timestamp().as_millisecond()))
    }

    /// The first moment after that day.
    pub(super) fn end_of(&self, day: Date) -> Option<Timestamp> {
        self.start_of(day.tomorrow().ok()?)
    }

    /// The first moment of today.
    pub(super) fn day_start(&self) -> Timestamp {
        self.start_of(self.today()).unwrap_or(self.now)
    }

    /// How far the clock is ahead of UTC at this moment.
    pub(super) fn offset_minutes(&self, at: Timestamp) -> i64 {
        i64::from(self.offset(at).seconds()) / 60
    }

    /// Whether the clock shows now what the platform's shows.
    pub(in crate::web) fn is_the_platforms(&self) -> bool {
        self.offset(self.now) == time_zone::PLATFORM
    }

    /// Whose clock it is: `Europe/Berlin (UTC+2)`.
    pub(in crate::web) fn name(&self) -> String {
        let offset = time_zone::offset(self.offset(self.now));
        self.zone.iana_name().map_or_else(|| offset.clone(), |name| format!("{name} ({offset})"))
    }

    pub(super) fn offset(&self, at: Timestamp) -> Offset {
        let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        self.zone.to_offset(at)
    }

    fn zoned(&self, at: Timestamp) -> Option<Zoned> {
        jiff::Timestamp::from_millisecond(at.0).ok().map(|at| at.to_zoned(self.zone.clone()))
    }

    fn written(&self, at: Timestamp, form: &str) -> String {
        self.zoned(at).map(|at| at.strftime(form).to_string()).unwrap_or_default()
    }
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
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn in_china(now: &str) -> Times {
        Times::new("Asia/Shanghai", at(now))
    }

    #[test]
    fn a_moment_is_as_long_as_it_must_be() {
        let times = in_china("2026-07-01T08:00:00+08:00");
        for (moment, said) in [
            ("2026-07-01T08:00:00+08:00", "08:00"),
            ("2026-07-01T00:00:00+08:00", "00:00"),
            ("2026-06-30T23:59:59+08:00", "06-30 23:59"),
            ("2025-07-01T08:00:00+08:00", "2025-07-01 08:00"),
        ] {
            assert_eq!(times.at(at(moment)), said);
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_china() {
        let times = in_china("2026-07-01T08:00:00+08:00");
        let start = at("2026-07-01T00:00:00+08:00");
        assert_eq!((times.day_start(), times.start_of(times.today())), (start, Some(start)));
        assert_eq!(times.end_of(times.today()), Some(at("2026-07-02T00:00:00+08:00")));
        assert_eq!(times.to_the_second(Timestamp(start.0 + 5000)), "07-01 00:00:05");
        assert_eq!(times.exact(start), "2026-07-01 00:00:00");
        assert_eq!(times.label(start, Bucket::Day), "07-01");
        assert_eq!(times.label(at("2026-07-01T08:00:00+08:00"), Bucket::Hour), "08:00");
        assert!(times.is_the_platforms() && Times::of_platform(start).is_the_platforms());
    }

    #[test]
    fn a_moment_is_told_by_the_clock_of_who_reads_it() {
        let moment = at("2026-07-01T08:00:00+08:00");
        let berlin = Times::new("Europe/Berlin", moment);
        assert_eq!((berlin.at(moment), berlin.today().to_string()), ("02:00".into(), "2026-07-01".into()));
        assert_eq!((berlin.name(), berlin.is_the_platforms()), ("Europe/Berlin (UTC+2)".into(), false));
        let new_york = Times::new("America/New_York", moment);
        assert_eq!((new_york.today().to_string(), new_york.offset_minutes(moment)), ("2026-06-30".into(), -240));
        assert_eq!(Times::new("Asia/Kathmandu", moment).name(), "Asia/Kathmandu (UTC+5:45)");
        assert_eq!(Times::new("no such place", moment).at(moment), "08:00");
    }

    /// In Berlin clocks are put forward on 2026-03-29 and back on 2026-10-25.
    #[test]
    fn a_day_on_which_clocks_are_put_forward_is_an_hour_shorter() {
        for (noon, hours) in [("2026-03-29T12:00:00+02:00", 23), ("2026-10-25T12:00:00+01:00", 25)] {
            let times = Times::new("Europe/Berlin", at(noon));
            let (start, end) = (times.day_start(), times.end_of(times.today()).unwrap());
            assert_eq!(end.0 - start.0, hours * HOUR * 1000, "{noon}");
            assert_ne!(times.offset_minutes(start), times.offset_minutes(end));
            assert_eq!(
                (times.label(start, Bucket::Hour), times.label(end, Bucket::Hour)),
                ("00:00".into(), "00:00".into())
            );
        }
        let after = Times::new("Europe/Berlin", at("2026-03-30T12:00:00+02:00"));
        assert_eq!(after.days_after_today(-1).to_string(), "2026-03-29");
        assert_eq!(after.start_of(after.days_after_today(-1)), Some(at("2026-03-29T00:00:00+01:00")));
    }

    /// In Havana midnight itself is left out.
    #[test]
    fn a_day_without_a_midnight_begins_when_it_begins() {
        let times = Times::new("America/Havana", at("2026-03-08T12:00:00-04:00"));
        assert_eq!(times.day_start(), at("2026-03-08T01:00:00-04:00"));
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
