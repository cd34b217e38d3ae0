//! A stretch of days as a form asks for it: both ends are days of the platform's calendar, and count.

use jiff::civil::Date;

use super::{Panel, times};
use crate::{ids::Timestamp, platform::hours::DAY};

const FROM: &str = "from";
const TO: &str = "to";

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
        let mut day = |name| panel.take(name).filter(|text| start(text).is_some()).unwrap_or_default();
        Self { from: day(FROM), to: day(TO) }
    }

    /// For the links of the page, which ask for the same days.
    pub(in crate::web) fn put_back(&self, panel: &mut Panel) {
        let given = [(FROM, &self.from), (TO, &self.to)].into_iter().filter(|(_, day)| !day.is_empty());
        panel.query.extend(given.map(|(name, day)| (name.to_owned(), day.clone())));
    }

    /// The last `days` days, today included, where nothing else was asked for.
    pub(in crate::web) fn or_last(self, days: i64, now: Timestamp) -> Self {
        if !self.from.is_empty() || !self.to.is_empty() {
            return self;
        }
        Self { from: times::date(Timestamp(now.0 - (days - 1) * DAY)), to: times::date(now) }
    }

    /// How many days that are, until now where no end was asked for; `None`: no beginning was.
    pub(in crate::web) fn count(&self, now: Timestamp) -> Option<i64> {
        let end = start(&self.to).map_or(now.0 + 1, |at| at.0 + DAY);
        start(&self.from).map(|from| (end - from.0 + DAY - 1).div_euclid(DAY))
    }

    /// As the API asks: `since` and `until`.
    pub(in crate::web) fn as_query(&self) -> Vec<(&'static str, String)> {
        let since = start(&self.from).map(|at| ("since", at.0.to_string()));
        let until = start(&self.to).map(|at| ("until", (at.0 + DAY).to_string()));
        since.into_iter().chain(until).collect()
    }
}

fn start(day: &str) -> Option<Timestamp> {
    day.parse::<Date>().ok().and_then(times::start_of).filter(|at| at.0 >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_days_count_as_a_whole() {
        let days = Days { from: "2026-07-01".into(), to: "2026-07-01".into() };
        let query = days.as_query();
        assert_eq!(query, [("since", "1782835200000".to_owned()), ("until", "1782921600000".to_owned())]);
        assert!(Days::default().as_query().is_empty());
        assert_eq!(start("2026-02-30"), None);
        assert_eq!(start("yesterday"), None);
    }

    #[test]
    fn the_last_days_end_today() {
        let now = Timestamp(1_782_864_000_000);
        let days = Days::default().or_last(7, now);
        assert_eq!((days.from.as_str(), days.to.as_str()), ("2026-06-25", "2026-07-01"));
        let asked = Days { from: "2026-01-01".into(), to: String::new() }.or_last(7, now);
        assert_eq!(asked.to, "");
        assert_eq!((days.count(now), Days::default().count(now)), (Some(7), None));
        let turned = Days { from: "2026-07-02".into(), to: "2026-06-01".into() };
        assert!(turned.count(now).is_some_and(|days| days < 1));
    }
}
