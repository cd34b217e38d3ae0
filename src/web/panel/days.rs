//! A stretch of days as a form asks for it: both ends are days of somebody's calendar, and count.

use jiff::civil::{self, Date};

use super::{Panel, times::Times};

const FROM: &str = "from";
const TO: &str = "to";

/// Nothing is older, and everywhere it began after the moment from which moments are counted.
const FIRST: Date = civil::date(1970, 1, 2);

/// The days that a page was asked for; what is no day was not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Days {
    /// As a form's field shows it; empty: from the beginning.
    pub(in crate::web) from: String,
    /// Empty: until now.
    pub(in crate::web) to: String,
}

impl Days {
    /// Taken out of what was asked, so that the API reads the rest.
    pub(in crate::web) fn take(panel: &mut Panel) -> Self {
        let mut given = |name| panel.take(name).filter(|text| day(text).is_some()).unwrap_or_default();
        Self { from: given(FROM), to: given(TO) }
    }

    /// For the links of the page, which ask for the same days.
    pub(in crate::web) fn put_back(&self, panel: &mut Panel) {
        let given = [(FROM, &self.from), (TO, &self.to)].into_iter().filter(|(_, day)| !day.is_empty());
        panel.query.extend(given.map(|(name, day)| (name.to_owned(), day.clone())));
    }

    /// The last `days` days, today included, where nothing else was asked for.
    pub(in crate::web) fn or_last(self, days: i64, times: &Times) -> Self {
        if !self.from.is_empty() || !self.to.is_empty() {
            return self;
        }
        Self { from: times.days_after_today(1 - days).to_string(), to: times.today().to_string() }
    }

    /// How many days that are, until today where no end was asked for; `None`: no beginning was.
    pub(in crate::web) fn count(&self, times: &Times) -> Option<i64> {
        let end = day(&self.to).unwrap_or_else(|| times.today());
        day(&self.from).map(|from| i64::from((end - from).get_days()) + 1)
    }

    /// As the API asks: `since` and `until`.
    pub(in crate::web) fn as_query(&self, times: &Times) -> Vec<(&'static str, String)> {
        let since = day(&self.from).and_then(|day| times.start_of(day)).map(|at| ("since", at.0.to_string()));
        let until = day(&self.to).and_then(|day| times.end_of(day)).map(|at| ("until", at.0.to_string()));
        since.into_iter().chain(until).collect()
    }
}

fn day(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|day| *day >= FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Timestamp;

    /// 2026-07-01 08:00 in China.
    fn times(zone: &str) -> Times {
        Times::new(zone, Timestamp(1_782_864_000_000))
    }

    #[test]
    fn both_days_count_as_a_whole() {
        let days = Days { from: "2026-07-01".into(), to: "2026-07-01".into() };
        let query = days.as_query(&times("Asia/Shanghai"));
        assert_eq!(query, [("since", "1782835200000".to_owned()), ("until", "1782921600000".to_owned())]);
        assert!(Days::default().as_query(&times("Asia/Shanghai")).is_empty());
        assert_eq!((day("2026-02-30"), day("yesterday"), day("1970-01-01")), (None, None, None));
    }

    #[test]
    fn a_day_is_one_of_the_calendar_of_who_asks() {
        // In Berlin clocks are put forward on that day: it has 23 hours.
        let days = Days { from: "2026-03-29".into(), to: "2026-03-29".into() };
        let query = days.as_query(&times("Europe/Berlin"));
        assert_eq!(query, [("since", "1774738800000".to_owned()), ("until", "1774821600000".to_owned())]);
        assert_eq!(Days::default().or_last(1, &times("America/New_York")).to, "2026-06-30");
    }

    #[test]
    fn the_last_days_end_today() {
        let times = times("Asia/Shanghai");
        let days = Days::default().or_last(7, &times);
        assert_eq!((days.from.as_str(), days.to.as_str()), ("2026-06-25", "2026-07-01"));
        let asked = Days { from: "2026-01-01".into(), to: String::new() }.or_last(7, &times);
        assert_eq!(asked.to, "");
        assert_eq!((days.count(&times), Days::default().count(&times)), (Some(7), None));
        let turned = Days { from: "2026-07-02".into(), to: "2026-06-01".into() };
        assert!(turned.count(&times).is_some_and(|days| days < 1));
    }
}
