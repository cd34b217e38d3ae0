//! Numbers in a text, however they are written: figures, Chinese numerals, English words, and mixtures.

use std::ops::Range;

use super::normal::pattern;

/// How many parts a whole has in [`Number::parts`].
pub(super) const WHOLE: i128 = 10_000;

/// A number in normalised text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) span: Range<usize>,
    /// Ten-thousandths. Where a number is vague (`七八十`, `几十`) the least that is meant.
    pub(super) parts: i128,
    pub(super) kind: Kind,
    /// Whether it has a `几`: a promise of `几块` off may be nine.
    pub(super) several: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Figures,
    Chinese,
    /// One Chinese character, or an English word up to twelve: a number only where a unit says so.
    Small,
    English,
}

/// Every number, from left to right, none inside another.
pub(super) fn numbers(text: &str) -> Vec<Number> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match numeral(text, at).or_else(|| words(text, at)).or_else(|| pinyin(text, at)) {
            Some(number) => {
                at = number.span.end;
                found.push(number);
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

/// A part of a numeral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Atom {
    /// A Chinese digit.
    Digit(i128),
    /// Figures: their value in ten-thousandths and how many there are.
    Figures(i128, u32),
    /// What stands before it is so many times as much.
    Times(i128),
    Several,
}

fn numeral(text: &str, from: usize) -> Option<Number> {
    let mut atoms = Vec::new();
    let mut at = from;
    while let Some((atom, length)) = atom(&text[at..], &atoms) {
        match atom {
            // 廿 and 卅 are a digit and its ten.
            Atom::Times(twenty @ (20 | 30)) => atoms.extend([Atom::Digit(twenty / 10), Atom::Times(10)]),
            _ => atoms.push(atom),
        }
        at += length;
    }
    if atoms.is_empty() || atoms == [Atom::Several] && !text[at..].starts_with(['块', '元', '毛', '折', '百']) {
        return None;
    }
    let mut parts = value(&atoms);
    if let Some((fraction, length)) = spoken_fraction(&text[at..]) {
        parts = parts.saturating_add(fraction);
        at += length;
    }
    let one = atoms.len() == 1;
    let figures = atoms.iter().any(|atom| matches!(atom, Atom::Figures(..)));
    let kind = if figures {
        Kind::Figures
    } else if one {
        Kind::Small
    } else {
        Kind::Chinese
    };
    Some(Number { span: from..at, parts, kind, several: atoms.contains(&Atom::Several) })
}

/// The atom that `rest` begins with, and how many bytes it has, a blank or a mark between two Chinese characters included.
fn atom(rest: &str, before: &[Atom]) -> Option<(Atom, usize)> {
    let spaced = rest
        .strip_prefix([' ', '-', '_', '*', '.', '/', '~'])
        .filter(|_| matches!(before.last(), Some(Atom::Digit(_) | Atom::Times(_))));
    if let Some(after) = spaced {
        let (atom, length) = atom(after, &[])?;
        return matches!(atom, Atom::Digit(_) | Atom::Times(_)).then_some((atom, length + 1));
    }
    let first = rest.chars().next()?;
    if first.is_ascii_digit() {
        return figures(rest).filter(|_| !matches!(before.last(), Some(Atom::Figures(..))));
    }
    // `100两个` is a price and a count.
    let counts = matches!(before.last(), Some(Atom::Figures(_, 2..)));
    let atom = match first {
        '两' | '俩' | '仨' | '几' if matches!(before.last(), Some(Atom::Figures(..))) => return None,
        _ if counts && digit(first).is_some() => return None,
        '几' => Atom::Several,
        'k' | 'w' if matches!(before.last(), Some(Atom::Figures(..))) && !continues_latin(&rest[1..]) => {
            Atom::Times(if first == 'k' { 1_000 } else { 10_000 })
        }
        _ => digit(first).map(Atom::Digit).or_else(|| times(first).map(Atom::Times))?,
    };
    Some((atom, first.len_utf8()))
}

/// Whether a `k` or `w` is the beginning of a word. `1k2` goes on with figures.
fn continues_latin(rest: &str) -> bool {
    rest.starts_with(|letter: char| letter.is_ascii_alphabetic())
}

fn digit(letter: char) -> Option<i128> {
    let digits = ["零〇", "一幺", "二两俩", "三仨", "四", "五", "六", "七", "八", "九"];
    digits.iter().position(|same| same.contains(letter)).map(|digit| digit as i128)
}

fn times(letter: char) -> Option<i128> {
    Some(match letter {
        '十' => 10,
        '廿' => 20,
        '卅' => 30,
        '百' => 100,
        '千' => 1_000,
        '万' => 10_000,
        '亿' => 100_000_000,
        _ => return None,
    })
}

/// Figures with groups and a fraction, or single ones with a blank between each: `1,299.00`, `8 0`, `8o`.
fn figures(rest: &str) -> Option<(Atom, usize)> {
    let patterns = [
        pattern!(r"^\d{1,3}(?:,\d{3})+(?:\.\d+)?"),
        pattern!(r"^\d(?: \d)+(?: ?\. ?\d)?"),
        pattern!(r"^\d+o+"),
        pattern!(r"^\d+(?: ?\.\d+|\. \d)?"),
    ];
    let ends = |found: &&str| {
        let after = rest[found.len()..].chars().next();
        let letter_for_zero = found.ends_with('o');
        !after.is_some_and(|after| after.is_ascii_digit() || (letter_for_zero && after.is_ascii_alphabetic()))
    };
    let found = patterns.iter().filter_map(|pattern| pattern.find(rest)).map(|found| found.as_str()).find(ends)?;
    let plain: String =
        found.chars().filter(|letter| !matches!(letter, ',' | ' ')).collect::<String>().replace('o', "0");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    // More figures than a number has are a number that is too large for any price.
    let whole_parts = whole.parse::<i128>().unwrap_or(i64::MAX.into()).min(i64::MAX.into()) * WHOLE;
    let fraction: i128 = format!("{fraction:0<4}")[..4].parse().unwrap_or(0);
    Some((Atom::Figures(whole_parts + fraction, whole.len() as u32), found.len()))
}

/// `点五` in front of what a fraction is said of: `八点五折`, but not a time of day.
fn spoken_fraction(rest: &str) -> Option<(i128, usize)> {
    let found = pattern!(r"^点([0-9零一二三四五六七八九]{1,4})(?:折|成|元|块|万|千|百|%)").captures(rest)?;
    let digits = found.get(1)?;
    let mut parts = 0;
    let mut weight = WHOLE / 10;
    for letter in digits.as_str().chars() {
        parts += weight * letter.to_digit(10).map_or_else(|| digit(letter).unwrap_or(0), i128::from);
        weight /= 10;
    }
    Some((parts, digits.end()))
}

fn value(atoms: &[Atom]) -> i128 {
    let mut total: i128 = 0;
    let mut section: i128 = 0;
    let mut open: Vec<Atom> = Vec::new();
    let mut last_times = None;
    for atom in atoms {
        let Atom::Times(times) = *atom else {
            open.push(*atom);
            continue;
        };
        let before = least(&open);
        let nothing = open.is_empty() && section == 0;
        if times < 10_000 {
            section = section.saturating_add(before.unwrap_or(WHOLE).saturating_mul(times));
        } else {
            let counted = if nothing { WHOLE } else { section.saturating_add(before.unwrap_or(0)) };
            total = total.saturating_add(counted.saturating_mul(times));
            section = 0;
        }
        open.clear();
        last_times = Some(times);
    }
    total.saturating_add(section).saturating_add(tail(&open, last_times))
}

/// What is counted by a unit that follows. Of two Chinese digits in a row (`七八十`) the first.
fn least(open: &[Atom]) -> Option<i128> {
    match open {
        [] => None,
        [Atom::Digit(0), rest @ ..] if !rest.is_empty() => least(rest),
        [Atom::Digit(first), Atom::Digit(_)] => Some(first * WHOLE),
        _ => Some(positional(open)),
    }
}

/// What stands behind the last unit: `两百五` is 250, `一百零五` 105, `一万五千` has nothing left.
fn tail(open: &[Atom], last_times: Option<i128>) -> i128 {
    match (open, last_times) {
        ([], _) => 0,
        ([Atom::Digit(digit)], Some(times)) if times >= 100 => digit * WHOLE * times / 10,
        ([Atom::Figures(parts, 1)], Some(times)) if times >= 100 => parts * times / 10,
        _ => positional(open),
    }
}

/// Digits one after the other: `一二〇`, `八0`.
fn positional(open: &[Atom]) -> i128 {
    open.iter().fold(0_i128, |value, atom| match *atom {
        Atom::Digit(digit) => value.saturating_mul(10).saturating_add(digit * WHOLE),
        Atom::Figures(parts, count) => {
            value.saturating_mul(10_i128.saturating_pow(count.min(18))).saturating_add(parts)
        }
        Atom::Several => value.saturating_mul(10).saturating_add(WHOLE),
        Atom::Times(times) => value.saturating_mul(times),
    })
}

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
/// Up to here a word is too common to be a price by itself: `this one`, `two of them`.
const COMMON: i128 = 12;

/// English number words: `eighty five`, `one hundred and twenty`, `one twenty`, `nine five`.
fn words(text: &str, from: usize) -> Option<Number> {
    let inside_word = text[..from].ends_with(|letter: char| letter.is_ascii_alphanumeric());
    if inside_word || !text[from..].starts_with(|letter: char| letter.is_ascii_lowercase()) {
        return None;
    }
    let (mut total, mut current, mut count, mut end) = (0_i128, None, 0, from);
    for (word, at) in latin_words(text, from) {
        current = match (word, current) {
            ("and", Some(_)) => continue,
            ("a", None) if count == 0 && pattern!(r"^a (?:hundred|thousand)\b").is_match(&text[from..]) => Some(1),
            ("hundred", Some(value)) if value < 100 => Some(value * 100),
            ("hundred", None) if count == 0 => Some(100),
            ("thousand" | "grand", Some(value)) if value < 1_000 => {
                total += value * 1_000;
                Some(0)
            }
            (word, None) => Some(spoken(word)?),
            (word, Some(value)) => match spoken(word).and_then(|next| joined(value, next)) {
                Some(value) => Some(value),
                None => break,
            },
        };
        count += 1;
        end = at + word.len();
    }
    let value = total + current.filter(|_| count > 0)?;
    let kind = if value <= COMMON { Kind::Small } else { Kind::English };
    Some(Number { span: from..end, parts: value * WHOLE, kind, several: false })
}

/// Numerals in Latin letters: `ba shi`, `yibaier`. A single syllable is no number, too many words look like one.
fn pinyin(text: &str, from: usize) -> Option<Number> {
    if text[..from].ends_with(|letter: char| letter.is_ascii_alphanumeric()) {
        return None;
    }
    let found = pattern!(
        r"^(?:(?:yi|er|liang|san|si|wu|liu|qi|ba|jiu)[ '-]?(?:shi|bai|qian|wan)[ '-]?)+(?:(?:ling )?(?:yi|er|san|si|wu|liu|qi|ba|jiu))?\b"
    )
    .find(&text[from..])?;
    let syllables = pattern!(r"liang|ling|qian|shi|bai|wan|san|liu|jiu|yi|er|si|wu|qi|ba");
    let characters: String = syllables.find_iter(found.as_str()).map(|syllable| character(syllable.as_str())).collect();
    let number = numeral(&characters, 0)?;
    Some(Number { span: from..from + found.end(), kind: Kind::Chinese, ..number })
}

fn character(syllable: &str) -> char {
    const SYLLABLES: [&str; 15] =
        ["ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu", "shi", "bai", "qian", "wan", "liang"];
    let at = SYLLABLES.iter().position(|same| *same == syllable).unwrap_or(0);
    "零一二三四五六七八九十百千万两".chars().nth(at).unwrap_or('零')
}

/// Words from `from` on that have only a blank or a hyphen between them, with where each begins.
fn latin_words(text: &str, from: usize) -> impl Iterator<Item = (&str, usize)> {
    let rest = &text[from..];
    let length = rest.find(|letter: char| !(letter.is_ascii_alphabetic() || matches!(letter, ' ' | '-')));
    let run = &rest[..length.unwrap_or(rest.len())];
    let begin = run.as_ptr() as usize;
    run.split([' ', '-'])
        .take_while(|word| !word.is_empty())
        .map(move |word| (word, from + word.as_ptr() as usize - begin))
}

fn spoken(word: &str) -> Option<i128> {
    let small = SMALL.iter().position(|name| *name == word).map(|value| value as i128);
    let decade = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    let tens = decade.as_deref().unwrap_or(word);
    small.or_else(|| TENS.iter().position(|name| *name == tens).map(|tens| (tens as i128 + 2) * 10))
}

/// The value of two words in a row, if they are one number.
fn joined(value: i128, next: i128) -> Option<i128> {
    match (value, next) {
        (20..=90, 1..=9) if value % 10 == 0 => Some(value + next),
        (100.., 1..=99) if value % 100 == 0 => Some(value + next),
        (100.., 1..=9) if value % 10 == 0 => Some(value + next),
        (0, _) => Some(next),
        // `one twenty`, `nine five`
        (1..=9, 10..=99) => Some(value * 100 + next),
        (1..=9, 0..=9) => Some(value * 10 + next),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: &str, value: f64) {
        let found = numbers(text);
        let parts = (value * WHOLE as f64).round() as i128;
        assert!(matches!(&found[..], [one] if one.parts == parts && one.span == (0..text.len())), "{text}: {found:?}");
    }

    #[test]
    fn figures_in_every_notation() {
        let cases = [
            ("80", 80.0),
            ("1,299.00", 1299.0),
            ("1.2k", 1200.0),
            ("1w", 10_000.0),
            ("1k2", 1200.0),
            ("3千", 3000.0),
            ("1.5万", 15_000.0),
            ("1万5", 15_000.0),
            ("1万5000", 15_000.0),
            ("3千5百", 3500.0),
            ("8 0", 80.0),
            ("1 2 0", 120.0),
            ("8o", 80.0),
            ("8. 5", 8.5),
            ("八0", 80.0),
            ("8十", 80.0),
        ];
        cases.iter().for_each(|(text, value)| is(text, *value));
    }

    #[test]
    fn chinese_numerals() {
        let cases = [
            ("八十", 80.0),
            ("十", 10.0),
            ("十五", 15.0),
            ("八十五", 85.0),
            ("百八", 180.0),
            ("两百五", 250.0),
            ("一百零五", 105.0),
            ("一百二十三", 123.0),
            ("一千零五十", 1050.0),
            ("一千三", 1300.0),
            ("一万二", 12_000.0),
            ("一万二千三百四十五", 12_345.0),
            ("三万零五", 30_005.0),
            ("二百万", 2_000_000.0),
            ("廿五", 25.0),
            ("一二〇", 120.0),
            ("八五", 85.0),
            ("七八十", 70.0),
            ("几十", 10.0),
            ("十几", 11.0),
            ("八 十", 80.0),
            ("八-十", 80.0),
            ("俩百", 200.0),
        ];
        cases.iter().for_each(|(text, value)| is(text, *value));
    }

    #[test]
    fn english_words() {
        let cases = [
            ("ba shi", 80.0),
            ("bashiwu", 85.0),
            ("yi bai er", 120.0),
            ("eighty", 80.0),
            ("eighty-five", 85.0),
            ("one hundred twenty", 120.0),
            ("a hundred and five", 105.0),
            ("one twenty", 120.0),
            ("nine five", 95.0),
            ("eight zero", 80.0),
            ("two thousand five hundred", 2500.0),
            ("hundred", 100.0),
        ];
        cases.iter().for_each(|(text, value)| is(text, *value));
        assert!(numbers("a phone, someone, often").is_empty());
    }

    #[test]
    fn a_spoken_fraction_needs_what_it_is_said_of() {
        let found = numbers("八点五折");
        assert_eq!(found[0].parts, 85_000);
        assert_eq!(numbers("八点五十")[0].parts, 80_000);
    }
}
