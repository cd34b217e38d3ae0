//! What is more than one word, written in one cell so that a person can write it and the same comes back.

use super::{Fault, Names, Tongue};
use crate::{platform::hours::Window, reply::rule::Action};

/// Words of a list, parted by `|`. A bar that belongs to a word is written `\|`, a backslash `\\`.
pub(super) fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words = words.into_iter().map(|word| word.replace('\\', "\\\\").replace('|', "\\|"));
    words.collect::<Vec<_>>().join("|")
}

/// Words parted by `|` or line feeds, without blanks around them; what is empty is no word.
pub(super) fn split(cell: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = cell.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = words.len() - 1;
        match letter {
            '|' | '\n' => words.push(String::new()),
            '\\' => words[last].push(letters.next_if(|next| matches!(next, '|' | '\\')).unwrap_or('\\')),
            _ => words[last].push(letter),
        }
    }
    words.into_iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

const DAYS: [(&str, &str); 7] = [
    ("周一", "Mon"),
    ("周二", "Tue"),
    ("周三", "Wed"),
    ("周四", "Thu"),
    ("周五", "Fri"),
    ("周六", "Sat"),
    ("周日", "Sun"),
];
const EVERY_DAY: (&str, &str) = ("每天", "every day");
const NO_DAY: (&str, &str) = ("从不", "never");

pub(super) fn in_tongue(tongue: Tongue, (zh, en): (&'static str, &'static str)) -> &'static str {
    match tongue {
        Tongue::Chinese => zh,
        Tongue::English => en,
    }
}

/// `周一-周五 09:00-18:00`, one a line.
pub(super) fn write_hours(hours: &[Window], tongue: Tongue) -> String {
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let lines =
        hours.iter().map(|window| format!("{} {}-{}", days(window.days, tongue), time(window.from), time(window.to)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Neighbouring days as a range.
fn days(bits: u8, tongue: Tongue) -> String {
    let has = |day: usize| day < 7 && bits & (1 << day) != 0;
    match bits & Window::ALL_DAYS {
        0 => return in_tongue(tongue, NO_DAY).to_owned(),
        Window::ALL_DAYS => return in_tongue(tongue, EVERY_DAY).to_owned(),
        _ => {}
    }
    let mut ranges = Vec::new();
    let mut day = 0;
    while day < 7 {
        let end = (day..).find(|end| !has(*end)).unwrap_or(7);
        match end - day {
            0 => {}
            1 => ranges.push(in_tongue(tongue, DAYS[day]).to_owned()),
            _ => ranges.push(format!("{}-{}", in_tongue(tongue, DAYS[day]), in_tongue(tongue, DAYS[end - 1]))),
        }
        day = end + 1;
    }
    ranges.join(in_tongue(tongue, ("、", ",")))
}

pub(super) fn read_hours(cell: &str) -> Result<Vec<Window>, Fault> {
    let lines = cell.split(['\n', '|']).map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            window(line).ok_or_else(|| {
                Fault::new(
                    "conditions.hours",
                    format!("看不懂时段“{line}”，请写成 周一-周五 09:00-18:00"),
                    format!("cannot read the hours {line:?}: write them like Mon-Fri 09:00-18:00"),
                )
            })
        })
        .collect()
}

/// The times stand behind the last blank. Without days: every day.
fn window(line: &str) -> Option<Window> {
    let (on, times) = line.rsplit_once(char::is_whitespace).unwrap_or((EVERY_DAY.0, line));
    let (from, to) = times.split_once(['-', '–', '~', '～', '至', '到'])?;
    // A day ends where the next one begins.
    let to = if matches!(to, "24:00" | "24：00") { 0 } else { minutes(to)? };
    Some(Window { days: read_days(on.trim())?, from: minutes(from)?, to })
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once([':', '：'])?;
    let is_number =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hours, 2) || !is_number(minutes, 2) || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

fn read_days(text: &str) -> Option<u8> {
    let is = |(zh, en): (&str, &str)| text == zh || text.eq_ignore_ascii_case(en);
    if is(EVERY_DAY) {
        return Some(Window::ALL_DAYS);
    }
    if is(NO_DAY) {
        return Some(0);
    }
    text.split(['、', ',', '，']).try_fold(0, |bits, range| {
        let (first, last) = range.split_once(['-', '–', '~', '～', '至', '到']).unwrap_or((range, range));
        let (first, last) = (day(first.trim())?, day(last.trim())?);
        (first <= last).then(|| (first..=last).fold(bits, |bits, day| bits | (1 << day)))
    })
}

fn day(text: &str) -> Option<usize> {
    let text = if text == "周天" { "周日" } else { text };
    DAYS.iter().position(|(zh, en)| text == *zh || text.eq_ignore_ascii_case(en))
}

/// What an action is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Text,
    Image,
    Pause,
    Tag,
    Untag,
    Notify,
    HandOver,
}

const LABELS: [(Label, (&str, &str)); 7] = [
    (Label::Text, ("文本", "text")),
    (Label::Image, ("图片", "image")),
    (Label::Pause, ("暂停", "pause")),
    (Label::Tag, ("打标签", "tag")),
    (Label::Untag, ("去标签", "untag")),
    (Label::Notify, ("通知", "notify")),
    (Label::HandOver, ("转人工", "hand_over")),
];

impl Label {
    /// Whether what follows may go on in the next line.
    fn has_lines(self) -> bool {
        matches!(self, Self::Text | Self::Notify)
    }

    fn name(self, tongue: Tongue) -> &'static str {
        LABELS.iter().find(|(label, _)| *label == self).map_or("", |(_, names)| in_tongue(tongue, *names))
    }
}

/// A line's label, and what stands behind it; one blank belongs to the colon.
fn labelled(line: &str) -> Option<(Label, &str)> {
    LABELS.iter().find_map(|(label, (zh, en))| {
        let rest = line.strip_prefix(zh).or_else(|| line.strip_prefix(en))?;
        let rest = rest.strip_prefix([':', '：'])?;
        Some((*label, rest.strip_prefix(' ').unwrap_or(rest)))
    })
}

/// One action a line, such as `暂停: 60`. A text goes on in lines without a label; a line of a text that looks like an action, or
/// begins with a backslash, has a backslash before it.
pub(super) fn write_actions(actions: &[Action], names: &Names, tongue: Tongue) -> String {
    let lines = actions.iter().map(|action| {
        let (label, value) = match action {
            Action::Text(text) => (Label::Text, escaped(text)),
            Action::Image(address) => (Label::Image, address.clone()),
            Action::Pause(minutes) => (Label::Pause, minutes.to_string()),
            Action::Tag(tag) => (Label::Tag, tag.clone()),
            Action::Untag(tag) => (Label::Untag, tag.clone()),
            Action::Notify(text) => (Label::Notify, escaped(text)),
            Action::HandOver(to) => (Label::HandOver, to.map(|id| names.of_person(id)).unwrap_or_default()),
        };
        format!("{}: {value}", label.name(tongue))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn escaped(text: &str) -> String {
    let text = plain(text);
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| {
        let mark = if line.starts_with('\\') || labelled(line).is_some() { "\\" } else { "" };
        format!("{text}\n{mark}{line}")
    })
}

/// Line feeds as they are everywhere else: some programs write two signs for one.
pub(super) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A cell that begins without a label begins with a text.
pub(super) fn read_actions(cell: &str, names: &Names) -> Result<Vec<Action>, Fault> {
    let mut parts: Vec<(Label, String)> = Vec::new();
    for line in cell.split('\n') {
        match (labelled(line), parts.last_mut()) {
            (Some((label, rest)), _) => parts.push((label, rest.to_owned())),
            (None, Some((label, text))) if label.has_lines() => {
                text.push('\n');
                text.push_str(line.strip_prefix('\\').unwrap_or(line));
            }
            (None, _) if line.trim().is_empty() => {}
            (None, None) => parts.push((Label::Text, line.strip_prefix('\\').unwrap_or(line).to_owned())),
            (None, Some(_)) => return Err(no_action(parts.len(), line)),
        }
    }
    parts.into_iter().enumerate().map(|(place, (label, value))| action(place, label, value, names)).collect()
}

fn no_action(place: usize, line: &str) -> Fault {
    let known =
        |tongue| LABELS.map(|(label, _)| label.name(tongue)).join(if tongue == Tongue::Chinese { "、" } else { ", " });
    Fault::new(
        format!("actions[{place}]"),
        format!("看不懂动作“{line}”，每行须以 {} 之一和冒号开头", known(Tongue::Chinese)),
        format!("cannot read the action {line:?}: a line begins with one of {} and a colon", known(Tongue::English)),
    )
}

fn action(place: usize, label: Label, value: String, names: &Names) -> Result<Action, Fault> {
    let trimmed = value.trim();
    let field = |kind: &str| format!("actions[{place}].{kind}");
    Ok(match label {
        Label::Text => Action::Text(value),
        Label::Notify => Action::Notify(value),
        Label::Image => Action::Image(trimmed.to_owned()),
        Label::Tag => Action::Tag(trimmed.to_owned()),
        Label::Untag => Action::Untag(trimmed.to_owned()),
        Label::Pause => {
            let minutes = trimmed.trim_end_matches("分钟").trim_end().parse();
            Action::Pause(minutes.map_err(|_| Fault::new(field("pause"), "须为分钟数", "must be a number of minutes"))?)
        }
        Label::HandOver if trimmed.is_empty() => Action::HandOver(None),
        Label::HandOver => {
            let person = names.person(trimmed).ok_or_else(|| {
                let (zh, en) = (format!("没有名为“{trimmed}”的同事"), format!("there is no colleague {trimmed:?}"));
                Fault::new(field("hand_over"), zh, en)
            })?;
            Action::HandOver(Some(person))
        }
    })
}

/// The content of a simple table: a text as it is, or `图片:` and an address. Only one of them fits.
pub(super) fn write_content(actions: &[Action]) -> Option<String> {
    match actions {
        [] => Some(String::new()),
        [Action::Image(address)] => Some(format!("图片: {address}")),
        [Action::Text(text)] if text.trim().is_empty() => None,
        [Action::Text(text)] => {
            let text = plain(text);
            let is_taken = matches!(labelled(&text), Some((Label::Text, _))) || picture(&text).is_some();
            Some(if is_taken { format!("文本: {text}") } else { text })
        }
        _ => None,
    }
}

/// An empty one stays silent.
pub(super) fn read_content(cell: &str) -> Vec<Action> {
    if cell.trim().is_empty() {
        return Vec::new();
    }
    let text = match labelled(cell) {
        Some((Label::Text, rest)) => rest,
        _ => cell,
    };
    match picture(cell) {
        Some(address) => vec![Action::Image(address.to_owned())],
        None => vec![Action::Text(text.to_owned())],
    }
}

fn picture(cell: &str) -> Option<&str> {
    match labelled(cell) {
        Some((Label::Image, address)) => {
            let address = address.trim();
            let is_one = ["http://", "https://", "picture:"].iter().any(|start| address.starts_with(start));
            (is_one && !address.contains(char::is_whitespace)).then_some(address)
        }
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::UserId;

    #[test]
    fn words_are_parted_by_bars_and_line_feeds() {
        assert_eq!(split(" 包邮| 优惠 \n\n便宜|"), ["包邮", "优惠", "便宜"]);
        assert_eq!(split(r"a\|b|c\\|d\e"), ["a|b", r"c\", r"d\e"]);
    }

    #[test]
    fn hours_are_read_as_people_write_them() {
        let read = |cell| read_hours(cell).map(|hours| write_hours(&hours, Tongue::English));
        for (cell, same) in [
            ("周一-周五 09:00-18:00", "Mon-Fri 09:00-18:00"),
            ("周一至周三、周日 9:00~18:30", "Mon-Wed,Sun 09:00-18:30"),
            ("22:00-08:00", "every day 22:00-08:00"),
            ("每天 9：00到24:00\n周六 00:00-00:00", "every day 09:00-00:00\nSat 00:00-00:00"),
            ("never 00:00-00:00", "never 00:00-00:00"),
            ("", ""),
        ] {
            assert_eq!(read(cell).unwrap(), same, "{cell}");
        }
        for bad in ["周五-周一 09:00-18:00", "工作日 09:00-18:00", "周一 9点-18点", "周一 25:00-26:00", "周一", "09:00"]
        {
            let fault = read(bad).unwrap_err();
            assert!(fault.field == "conditions.hours" && fault.zh.contains(bad), "{bad}: {fault:?}");
        }
    }

    #[test]
    fn actions_are_read_as_people_write_them() {
        let names = Names::new(Vec::new(), vec![(UserId(5), "alice".to_owned())]);
        let cell = "在的\n请直接拍下\n图片：https://a.example/1.png\n暂停:60 分钟\n打标签: 老客户\n转人工: alice\n转人工:\n通知: {send_user_name} 来了\n\\图片: 不是";
        let actions = read_actions(cell, &names).unwrap();
        let text = |text: &str| text.to_owned();
        let expected = [
            Action::Text(text("在的\n请直接拍下")),
            Action::Image(text("https://a.example/1.png")),
            Action::Pause(60),
            Action::Tag(text("老客户")),
            Action::HandOver(Some(UserId(5))),
            Action::HandOver(None),
            Action::Notify(text("{send_user_name} 来了\n图片: 不是")),
        ];
        assert_eq!(actions, expected);
        for (bad, field) in [
            ("暂停: 很久", "actions[0].pause"),
            ("转人工: bob", "actions[0].hand_over"),
            ("暂停: 5\n唱歌", "actions[1]"),
        ] {
            assert_eq!(read_actions(bad, &names).unwrap_err().field, field);
        }
        assert_eq!(read_actions(" \n", &names).unwrap(), []);
    }

    fn lines() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            "[^\r\n]{0,8}",
            prop::sample::select(vec![
                "文本: a",
                "图片：b",
                "\\",
                "\\\\x",
                "pause:1",
                " ",
                "",
                "tag :x",
                "图片: https://a/b"
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(line, 1..4).prop_map(|lines| lines.join("\n"))
    }

    fn any_action() -> impl Strategy<Value = Action> {
        prop_oneof![
            lines().prop_map(Action::Text),
            lines().prop_map(Action::Notify),
            "[a-z:/]{1,9}".prop_map(Action::Image),
            (1_u32..999).prop_map(Action::Pause),
            "[a-z|:]{1,5}".prop_map(Action::Tag),
            "[a-z|:]{1,5}".prop_map(Action::Untag),
            prop::option::of((1_i64..9).prop_map(UserId)).prop_map(Action::HandOver),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_in_a_cell_is_read_again(
            words in prop::collection::vec(r"[a-z|\\]{1,4}", 0..5),
            hours in prop::collection::vec((0_u8..128, 0_u16..1440, 0_u16..1440), 0..4),
            actions in prop::collection::vec(any_action(), 0..5),
            english in any::<bool>(),
        ) {
            let tongue = if english { Tongue::English } else { Tongue::Chinese };
            prop_assert_eq!(split(&join(words.iter().map(String::as_str))), words);
            let hours: Vec<_> = hours.into_iter().map(|(days, from, to)| Window { days, from, to }).collect();
            prop_assert_eq!(read_hours(&write_hours(&hours, tongue)).unwrap(), hours);
            let names = Names::new(Vec::new(), vec![(UserId(1), "alice".to_owned()), (UserId(2), "#3".to_owned())]);
            prop_assume!(!actions.contains(&Action::HandOver(Some(UserId(3)))));
            prop_assert_eq!(read_actions(&write_actions(&actions, &names, tongue), &names).unwrap(), actions);
        }

        #[test]
        fn a_content_that_fits_a_cell_is_read_again(text in lines(), address in "https://[a-z]{1,5}/[a-z]{0,5}") {
            for actions in [vec![Action::Text(text)], vec![Action::Image(address)], Vec::new()] {
                if let Some(cell) = write_content(&actions) {
                    prop_assert_eq!(read_content(&cell), actions);
                }
            }
        }
    }
}
