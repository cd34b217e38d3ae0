//! Times of the week: in words, and as rows of a form.

use super::super::{api::windows::WindowView, error::Language};

/// Empty rows that a form offers besides those that are filled in.
const MORE: usize = 2;

/// One row of a form.
#[derive(Debug)]
pub(in crate::web) struct HourRow {
    /// The field of the whole row; those of its parts begin with it.
    pub(super) path: String,
    pub(super) days_field: String,
    pub(super) from_field: String,
    pub(super) to_field: String,
    /// Each day's number, its name, and whether it is meant.
    pub(super) days: Vec<(String, &'static str, bool)>,
    pub(super) from: String,
    pub(super) to: String,
}

/// The rows for the field `path`.
pub(in crate::web) fn rows(path: &str, windows: &[WindowView], language: Language) -> Vec<HourRow> {
    let empty = || WindowView { days: Vec::new(), from: String::new(), to: String::new() };
    let all = windows.iter().cloned().chain(std::iter::repeat_with(empty).take(MORE));
    let row = |(number, window): (usize, WindowView)| HourRow {
        path: format!("{path}.{number}"),
        days_field: format!("{path}.{number}.days:wholes"),
        from_field: format!("{path}.{number}.from"),
        to_field: format!("{path}.{number}.to"),
        days: (1..=7).map(|day| (day.to_string(), day_name(day, language), window.days.contains(&day))).collect(),
        from: window.from,
        to: window.to,
    };
    all.enumerate().map(row).collect()
}

fn day_name(day: u8, language: Language) -> &'static str {
    match day {
        1 => language.pick("周一", "Mon"),
        2 => language.pick("周二", "Tue"),
        3 => language.pick("周三", "Wed"),
        4 => language.pick("周四", "Thu"),
        5 => language.pick("周五", "Fri"),
        6 => language.pick("周六", "Sat"),
        _ => language.pick("周日", "Sun"),
    }
}

/// For example `周一至周五 22:00–08:00`.
pub(in crate::web) fn words(window: &WindowView, language: Language) -> String {
    let name = |day: u8| day_name(day, language);
    let days = match &window.days[..] {
        [1, 2, 3, 4, 5, 6, 7] => language.pick("每天", "daily").to_owned(),
        [1, 2, 3, 4, 5] => language.pick("周一至周五", "Mon–Fri").to_owned(),
        days => days.iter().map(|day| name(*day)).collect::<Vec<_>>().join(language.pick("、", ", ")),
    };
    if window.from == window.to {
        return format!("{days} {}", language.pick("全天", "all day"));
    }
    format!("{days} {}–{}", window.from, window.to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &[u8], from: &str, to: &str) -> WindowView {
        WindowView { days: days.to_vec(), from: from.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn times_of_the_week_are_told_as_people_tell_them() {
        for (days, from, to, said) in [
            (&[1, 2, 3, 4, 5, 6, 7][..], "22:00", "08:00", "每天 22:00–08:00"),
            (&[1, 2, 3, 4, 5], "09:00", "18:00", "周一至周五 09:00–18:00"),
            (&[6, 7], "00:00", "00:00", "周六、周日 全天"),
        ] {
            assert_eq!(words(&window(days, from, to), Language::Chinese), said);
        }
    }

    #[test]
    fn a_form_offers_more_rows_than_are_filled_in() {
        let rows = rows("hours", &[window(&[7], "09:00", "10:00")], Language::English);
        assert_eq!(rows.len(), 1 + MORE);
        assert_eq!(rows[0].path, "hours.0");
        assert!(rows[0].days[6].2 && !rows[0].days[0].2);
        assert!(rows[1].from.is_empty() && rows[1].days.iter().all(|(.., on)| !on));
    }
}
