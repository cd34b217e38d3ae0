//! Time zones by their IANA names. Their rules are part of the binary: a name that is offered is known on every machine.

use std::sync::LazyLock;

use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

/// The platform's time, and that of most of its sellers: UTC+8 all year round.
pub(super) const PLATFORM: Offset = Offset::constant(8);

/// Longer than any name.
pub(super) const LONGEST_NAME: usize = 64;

static KNOWN: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Where many sellers live, and what people call it.
pub(super) const COMMON: [(&str, &str, &str); 17] = [
    ("Asia/Shanghai", "北京", "Beijing"),
    ("Asia/Hong_Kong", "香港", "Hong Kong"),
    ("Asia/Taipei", "台北", "Taipei"),
    ("Asia/Singapore", "新加坡", "Singapore"),
    ("Asia/Kuala_Lumpur", "吉隆坡", "Kuala Lumpur"),
    ("Asia/Bangkok", "曼谷", "Bangkok"),
    ("Asia/Tokyo", "东京", "Tokyo"),
    ("Asia/Seoul", "首尔", "Seoul"),
    ("Asia/Dubai", "迪拜", "Dubai"),
    ("Europe/London", "伦敦", "London"),
    ("Europe/Paris", "巴黎", "Paris"),
    ("Europe/Berlin", "柏林", "Berlin"),
    ("America/New_York", "纽约", "New York"),
    ("America/Los_Angeles", "洛杉矶", "Los Angeles"),
    ("America/Toronto", "多伦多", "Toronto"),
    ("Australia/Sydney", "悉尼", "Sydney"),
    ("UTC", "协调世界时", "Universal time"),
];

/// Where places are; the other names are older ones for the same.
const PARTS: [&str; 10] =
    ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];

/// The zone of this name, in whatever case; `None`: nobody knows it.
pub(super) fn find(name: &str) -> Option<TimeZone> {
    KNOWN.get(name).ok().filter(|zone| !zone.is_unknown())
}

/// The zone of this name; the platform's where nobody knows it any more.
pub(super) fn of(name: &str) -> TimeZone {
    find(name).unwrap_or_else(|| TimeZone::fixed(PLATFORM))
}

/// The names of all places, sorted.
pub(super) fn names() -> Vec<String> {
    let is_place = |name: &String| name.split_once('/').is_some_and(|(part, _)| PARTS.contains(&part));
    let mut names: Vec<String> = KNOWN.available().map(|name| name.as_str().to_owned()).filter(is_place).collect();
    names.sort_unstable();
    names
}

/// `UTC+5:30`.
pub(super) fn offset(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let (sign, ahead) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
    match ahead % 60 {
        0 => format!("UTC{sign}{}", ahead / 60),
        rest => format!("UTC{sign}{}:{rest:02}", ahead / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_known_without_the_system() {
        for (name, ..) in COMMON {
            assert_eq!(find(name).and_then(|zone| zone.iana_name().map(str::to_owned)).as_deref(), Some(name));
        }
        let names = names();
        assert!(names.len() > 300, "{}", names.len());
        assert!(names.iter().all(|name| find(name).is_some() && name.len() <= LONGEST_NAME));
        for wrong in ["", "Asia", "Asia/Atlantis", "Etc/Unknown", "../../etc/passwd", "+08:00"] {
            assert!(find(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_name_in_another_case_is_the_same_and_a_lost_one_the_platforms() {
        assert_eq!(
            find("europe/BERLIN").and_then(|zone| zone.iana_name().map(str::to_owned)).as_deref(),
            Some("Europe/Berlin")
        );
        assert_eq!(of("Asia/Atlantis"), TimeZone::fixed(PLATFORM));
    }

    #[test]
    fn an_offset_is_written_as_people_write_it() {
        let said = [(8 * 3600, "UTC+8"), (0, "UTC+0"), (-12_600, "UTC-3:30"), (20_700, "UTC+5:45")];
        for (seconds, text) in said {
            assert_eq!(Offset::from_seconds(seconds).map(offset).ok().as_deref(), Some(text));
        }
    }
}
