//! Files of JSON lines: read, judged line by line, reported line by line. What a line means is said by whoever imports.

use std::{
    collections::HashMap,
    fs,
    hash::Hash,
    io::{self, Read, Write},
    path::Path,
};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;

use super::one_line;
use crate::{store::Saved, telemetry::logging::mask};

/// One line of the file: what it says, or why it cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line<T> {
    /// Counted from 1, as editors do.
    pub(super) number: usize,
    pub(super) item: Result<T, String>,
}

/// What an import does when a line is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnBad {
    /// Change nothing.
    Refuse,
    /// Take the good lines.
    Skip,
}

impl From<bool> for OnBad {
    fn from(skip_bad: bool) -> Self {
        if skip_bad { Self::Skip } else { Self::Refuse }
    }
}

/// What became of every line.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<(usize, Fate)>,
}

#[derive(Debug)]
enum Fate {
    Saved(Saved, String),
    Bad(String),
}

/// The file's bytes; `-` is the standard input.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).context("cannot read the standard input")?;
        return Ok(bytes);
    }
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Reads each line that is not blank as one JSON object; a byte order mark at the start is no part of it.
pub(super) fn parse<R: DeserializeOwned, T>(bytes: &[u8], check: impl Fn(R) -> Result<T, String>) -> Vec<Line<T>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let numbered = bytes.split(|byte| *byte == b'\n').zip(1..);
    let filled = numbered.filter(|(line, _)| !line.trim_ascii().is_empty());
    filled.map(|(line, number)| Line { number, item: parse_line(line).and_then(&check) }).collect()
}

fn parse_line<R: DeserializeOwned>(line: &[u8]) -> Result<R, String> {
    let text = std::str::from_utf8(line).map_err(|_| "is not UTF-8".to_owned())?;
    serde_json::from_str(text).map_err(|error| {
        // the place inside the file is the line's number; a cookie quoted by the parser stays out of the report
        let reason = mask(&error.to_string()).replace(" at line 1 column ", ", column ");
        without_value(&reason)
    })
}

/// The parser's sentence without the text of a wrong value, which may be a secret in the wrong place.
fn without_value(reason: &str) -> String {
    match (reason.find(": string \""), reason.rfind("\", expected")) {
        (Some(from), Some(to)) if from < to => format!("{}: a string{}", &reason[..from], &reason[to + 1..]),
        _ => reason.to_owned(),
    }
}

/// Makes every good line bad that says the same thing again as an earlier one.
pub(super) fn refuse_repeats<T, K: Hash + Eq>(lines: &mut [Line<T>], what: &str, identity: impl Fn(&T) -> K) {
    let mut first = HashMap::new();
    for line in lines {
        let Ok(item) = &line.item else { continue };
        let earlier = *first.entry(identity(item)).or_insert(line.number);
        if earlier != line.number {
            line.item = Err(format!("{what} is already on line {earlier}"));
        }
    }
}

/// The good lines' items, and the places of those lines.
pub(super) fn good<T: Clone>(lines: &[Line<T>]) -> (Vec<usize>, Vec<T>) {
    lines.iter().enumerate().filter_map(|(place, line)| Some((place, line.item.as_ref().ok()?.clone()))).unzip()
}

/// Whether the good lines may be written.
pub(super) fn may_apply<T>(lines: &[Line<T>], on_bad: OnBad) -> bool {
    on_bad == OnBad::Skip || lines.iter().all(|line| line.item.is_ok())
}

impl Report {
    /// Only what is wrong, for an import that changes nothing.
    pub(super) fn refused<T>(lines: &[Line<T>]) -> Self {
        let bad = lines.iter().filter_map(|line| Some((line.number, Fate::Bad(line.item.as_ref().err()?.clone()))));
        Self { lines: bad.collect() }
    }

    /// What became of every line; `saved` tells it of the good ones, in order.
    pub(super) fn done<T>(
        lines: &[Line<T>],
        title: impl Fn(&T) -> String,
        saved: impl IntoIterator<Item = Saved>,
    ) -> Self {
        let mut saved = saved.into_iter();
        let fate = |line: &Line<T>| match &line.item {
            Ok(item) => Some((line.number, Fate::Saved(saved.next()?, title(item)))),
            Err(reason) => Some((line.number, Fate::Bad(reason.clone()))),
        };
        Self { lines: lines.iter().filter_map(fate).collect() }
    }

    /// The fate of the only line.
    pub(super) fn only(self) -> Result<Saved, String> {
        match self.lines.into_iter().next() {
            Some((_, Fate::Saved(saved, _))) => Ok(saved),
            Some((_, Fate::Bad(reason))) => Err(reason),
            None => Err("nothing was given".to_owned()),
        }
    }

    /// Says what became of each line, then how many of each kind. An error where bad lines kept the rest from being taken.
    pub(super) fn print(&self, out: &mut dyn Write, on_bad: OnBad) -> anyhow::Result<()> {
        for (number, fate) in &self.lines {
            match fate {
                Fate::Saved(saved, what) => writeln!(out, "line {number}: {} {}", word(*saved), one_line(what))?,
                Fate::Bad(reason) => writeln!(out, "line {number}: bad: {reason}")?,
            }
        }
        let count = |wanted| {
            self.lines.iter().filter(|(_, fate)| matches!(fate, Fate::Saved(saved, _) if *saved == wanted)).count()
        };
        let bad = self.lines.iter().filter(|(_, fate)| matches!(fate, Fate::Bad(_))).count();
        if bad > 0 && on_bad == OnBad::Refuse {
            out.flush()?;
            bail!("{bad} bad line(s): nothing was changed; correct them, or take the good lines with --skip-bad");
        }
        let (added, updated, unchanged) = (count(Saved::Added), count(Saved::Updated), count(Saved::Unchanged));
        writeln!(out, "{added} added, {updated} updated, {unchanged} unchanged, {bad} bad")?;
        Ok(())
    }
}

pub(super) fn word(saved: Saved) -> &'static str {
    match saved {
        Saved::Added => "added",
        Saved::Updated => "updated",
        Saved::Unchanged => "unchanged",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pet {
        name: String,
        old: Option<bool>,
    }

    fn pets(text: &str) -> Vec<Line<Pet>> {
        parse(text.as_bytes(), Ok)
    }

    #[test]
    fn lines_are_counted_as_an_editor_does_and_blank_ones_skipped() {
        let lines = pets("\u{feff}{\"name\":\"猫\"}\r\n\n  \n{\"name\":\"b\"}");
        let numbers: Vec<usize> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [1, 4]);
        assert_eq!(lines[0].item.as_ref().unwrap().name, "猫");
    }

    #[test]
    fn an_unknown_key_and_broken_json_are_bad_lines_with_a_reason() {
        let lines = pets("{\"nam\":\"a\"}\n{\"name\":\"a\"\n{}");
        let reasons: Vec<String> = lines.into_iter().map(|line| line.item.unwrap_err()).collect();
        assert!(reasons[0].starts_with("unknown field `nam`, expected `name` or `old`"), "{reasons:?}");
        assert!(reasons[1].contains("EOF"), "{reasons:?}");
        assert!(reasons[2].contains("missing field `name`"), "{reasons:?}");
    }

    #[test]
    fn bytes_that_are_no_text_are_a_bad_line_and_not_the_end() {
        let lines: Vec<Line<Pet>> = parse(b"{\"name\":\"\xff\"}\n{\"name\":\"b\"}", Ok);
        assert_eq!(lines[0].item, Err("is not UTF-8".to_owned()));
        assert!(lines[1].item.is_ok());
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        let reason = pets("{\"name\":\"a\",\"old\":\"PLANTED \\\" x\"}").remove(0).item.unwrap_err();
        assert!(!reason.contains("PLANTED") && reason.contains("expected a boolean"), "{reason}");
    }

    #[test]
    fn the_second_of_two_equal_lines_is_bad_and_names_the_first() {
        let mut lines = pets("{\"name\":\"a\"}\n{\"name\":\"b\"}\n{\"name\":\"a\",\"old\":true}");
        refuse_repeats(&mut lines, "this pet", |pet| pet.name.clone());
        assert!(lines[0].item.is_ok() && lines[1].item.is_ok());
        assert_eq!(lines[2].item, Err("this pet is already on line 1".to_owned()));
        assert!(!may_apply(&lines, OnBad::Refuse) && may_apply(&lines, OnBad::Skip));
    }
}
