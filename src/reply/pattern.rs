//! Many regular expressions, matched together in linear time, with bounded memory.

use regex::{RegexSet, RegexSetBuilder};

/// The longest pattern, in characters.
const MAX_PATTERN: usize = 1_000;
/// How many regular expressions one layer takes; together with [`SIZE_LIMIT`] it bounds what a seller's rules can cost.
pub(super) const MAX_PATTERNS: usize = 1_000;
/// Bytes of one compiled set. A pattern that alone is larger is refused; room for a handful of repeated Unicode classes.
const SIZE_LIMIT: usize = 1 << 20;
/// Bytes of the states a set builds while it searches, per thread.
const DFA_SIZE_LIMIT: usize = 1 << 20;
/// How deeply groups may be nested.
const NEST_LIMIT: u32 = 50;
/// Patterns searched together. Larger sets save little and exhaust the state cache.
const CHUNK: usize = 64;
/// Bytes of a turn that regular expressions look at: the product of text and pattern bounds the time one message may take.
const MAX_TEXT: usize = 8 << 10;

/// Compiled patterns; each carries the number its owner knows it by.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    sets: Vec<(RegexSet, Vec<u32>)>,
}

impl Patterns {
    /// Compiles what can be compiled. The second part names each pattern that cannot, with the reason.
    pub(super) fn compile(patterns: &[(u32, &str)]) -> (Self, Vec<(u32, String)>) {
        let mut compiled = Self::default();
        let mut faults = Vec::new();
        for chunk in patterns.chunks(CHUNK) {
            compiled.add(chunk, &mut faults);
        }
        (compiled, faults)
    }

    /// Halves a set that does not compile until the culprit stands alone: whether a pattern is refused never depends on its neighbours.
    fn add(&mut self, patterns: &[(u32, &str)], faults: &mut Vec<(u32, String)>) {
        match (build(patterns), patterns) {
            (_, []) => {}
            (Ok(set), _) => self.sets.push((set, patterns.iter().map(|(id, _)| *id).collect())),
            (Err(error), [(id, _)]) => faults.push((*id, sentence(&error))),
            (Err(_), _) => {
                let (left, right) = patterns.split_at(patterns.len() / 2);
                self.add(left, faults);
                self.add(right, faults);
            }
        }
    }

    /// The numbers of all patterns that find something in `text` (its first 8 KiB).
    pub(super) fn find<'a>(&'a self, text: &'a str) -> impl Iterator<Item = u32> + 'a {
        let text = &text[..text.floor_char_boundary(MAX_TEXT)];
        self.sets.iter().flat_map(move |(set, ids)| set.matches(text).into_iter().map(|index| ids[index]))
    }
}

/// Says what is wrong with the length of a pattern, before anything is compiled.
pub(super) fn check_length(pattern: &str) -> Result<(), String> {
    let length = pattern.chars().count();
    if length > MAX_PATTERN {
        return Err(format!("the regular expression has {length} characters, {MAX_PATTERN} are allowed"));
    }
    Ok(())
}

fn build(patterns: &[(u32, &str)]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns.iter().map(|(_, pattern)| *pattern))
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(DFA_SIZE_LIMIT)
        .nest_limit(NEST_LIMIT)
        .build()
}

/// The last line of a syntax error says what is wrong; the lines before it draw a picture that needs a fixed-width font.
fn sentence(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            "the regular expression is too large: use fewer or smaller repetitions".into()
        }
        other => {
            let text = other.to_string();
            let reason = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            format!("the regular expression cannot be read: {}", reason.trim().trim_start_matches("error: "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_pattern_is_named_and_the_others_work() {
        let patterns = [(7, "a+b"), (8, "(unclosed"), (9, "多少.*钱"), (10, r"(?<!x)y")];
        let (compiled, faults) = Patterns::compile(&patterns);

        assert_eq!(compiled.find("aab 多少 钱").collect::<Vec<_>>(), [7, 9]);
        assert_eq!(faults.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [8, 10]);
        assert_eq!(faults[0].1, "the regular expression cannot be read: unclosed group");
        assert!(faults[1].1.contains("look-around"), "{}", faults[1].1);
    }

    #[test]
    fn a_pattern_that_would_eat_the_memory_is_refused() {
        let (_, faults) = Patterns::compile(&[(1, r"(\w{100}){100}{100}")]);
        assert!(faults[0].1.contains("too large"), "{}", faults[0].1);
        let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        let (_, faults) = Patterns::compile(&[(1, &deep)]);
        assert!(faults[0].1.contains("nest"), "{}", faults[0].1);
        assert!(check_length(&"a".repeat(MAX_PATTERN)).is_ok());
        assert!(check_length(&"价".repeat(MAX_PATTERN + 1)).is_err());
    }

    #[test]
    fn ordinary_unicode_classes_fit() {
        let (_, faults) = Patterns::compile(&[(1, r"\w+@\w+\.\w{2,6}"), (2, r"(?i)[\p{Han}\d]{2,20}元")]);
        assert_eq!(faults, []);
    }
}
