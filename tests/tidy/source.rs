//! A Rust file as the rules look at it: without comments and tests, with its paths and string literals.

/// What one file says outside its tests.
#[derive(Debug)]
pub(crate) struct Source {
    /// The text as it is, tests included.
    pub(crate) text: String,
    /// Comments and the contents of strings blanked; the same bytes otherwise, at the same places.
    pub(crate) code: String,
    /// The same with the contents of strings.
    pub(crate) with_strings: String,
    /// Every path that is imported or mentioned, `use` trees spread out: `std::fs`, `Instant::now`.
    pub(crate) paths: Vec<String>,
    pub(crate) literals: Vec<String>,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let mut with_strings = blank(text, Blank::Comments);
        let mut code = blank(text, Blank::CommentsAndStrings);
        while let Some((from, to)) = test_item(&code) {
            erase(&mut with_strings, from, to);
            erase(&mut code, from, to);
        }
        let (paths, literals) = (paths(&code), literals(&with_strings, &code));
        Self { text: text.to_owned(), code, with_strings, paths, literals }
    }

    /// Whether some path contains these segments in a row.
    pub(crate) fn mentions(&self, segments: &str) -> bool {
        let wanted = format!("::{segments}::");
        self.paths.iter().any(|path| format!("::{path}::").contains(&wanted))
    }

    /// Whether every path into this crate goes to this place.
    pub(crate) fn only_reaches(&self, place: &str) -> bool {
        let root = place.split("::").next();
        self.paths.iter().filter(|path| path.split("::").next() == root).all(|path| path.starts_with(place))
    }

    /// Whether the code has this identifier.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        has_word(&self.code, word)
    }
}

/// Whether `text` has `word` as a whole identifier.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_part)
            && !text[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Blank {
    Comments,
    CommentsAndStrings,
}

/// Replaces comments, and the contents of strings if wanted, by spaces. Line feeds stay.
fn blank(text: &str, what: Blank) -> String {
    let bytes = text.as_bytes();
    let mut result = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (length, kind) = token(&bytes[at..], at > 0 && is_identifier(bytes[at - 1]));
        let inside = match kind {
            Token::Comment => Some((at, at + length)),
            Token::Text(open, close) if what == Blank::CommentsAndStrings => Some((at + open, at + length - close)),
            Token::Text(..) | Token::Other => None,
        };
        if let Some((from, to)) = inside {
            result[from..to].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        at += length;
    }
    String::from_utf8(result).expect("blanks replace whole characters")
}

enum Token {
    Comment,
    /// A string or character literal, and how long its opening and closing marks are.
    Text(usize, usize),
    Other,
}

fn token(rest: &[u8], inside_word: bool) -> (usize, Token) {
    match rest {
        [b'/', b'/', ..] => (until(rest, b"\n"), Token::Comment),
        [b'/', b'*', ..] => (block_comment(rest), Token::Comment),
        [b'"', ..] => (string(rest), Token::Text(1, 1)),
        [b'r', b'"' | b'#', ..] if !inside_word => raw_string(rest, 1),
        [b'b', b'r', b'"' | b'#', ..] if !inside_word => raw_string(rest, 2),
        [b'\'', b'\\', _, after @ ..] => (3 + until(after, b"'") + 1, Token::Text(1, 1)),
        [b'\'', ..] => character(rest),
        _ => (1, Token::Other),
    }
}

fn until(rest: &[u8], end: &[u8]) -> usize {
    rest.windows(end.len()).position(|window| window == end).unwrap_or(rest.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[u8], prefix: usize) -> (usize, Token) {
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    let open = prefix + hashes + 1;
    if rest.get(open - 1) != Some(&b'"') {
        return (1, Token::Other); // a raw identifier
    }
    let end = [&b"\""[..], &b"#".repeat(hashes)].concat();
    let length = (open + until(&rest[open..], &end) + end.len()).min(rest.len());
    (length, Token::Text(open, end.len()))
}

/// A quote begins a character or a lifetime.
fn character(rest: &[u8]) -> (usize, Token) {
    let length = match rest.get(1) {
        Some(0..=0x7f) => 1,
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        _ => 4,
    };
    if rest.get(1 + length) == Some(&b'\'') { (length + 2, Token::Text(1, 1)) } else { (1, Token::Other) }
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the first item behind `#[cfg(test)]` begins and ends.
fn test_item(bare: &str) -> Option<(usize, usize)> {
    let from = bare.find("#[cfg(test)]")?;
    let mut depth = 0;
    for (at, letter) in bare[from..].char_indices() {
        match letter {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(letter, '}' | ';') {
            return Some((from, from + at + 1));
        }
    }
    Some((from, bare.len()))
}

fn erase(text: &mut String, from: usize, to: usize) {
    let blank: String = text[from..to].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(from..to, &blank);
}

/// The contents of the strings: what is between two quotes of `code`.
fn literals(with_strings: &str, code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<usize> = None;
    for (at, _) in code.match_indices('"') {
        open = match open {
            None => Some(at + 1),
            Some(from) => {
                found.push(with_strings[from..at].to_owned());
                None
            }
        };
    }
    found
}

fn paths(bare: &str) -> Vec<String> {
    let words = words(bare);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words[at] == "use" {
            at = use_tree(&words, at + 1, "", &mut found);
        } else if words.get(at + 1) == Some(&"::") && starts_name(words[at]) {
            at = use_tree(&words, at, "", &mut found);
        } else {
            at += 1;
        }
    }
    found
}

fn starts_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// Identifiers, `::`, and single marks.
fn words(bare: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = bare.trim_start();
    while let Some(first) = rest.chars().next() {
        let name = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let length = match first {
            _ if name > 0 => name,
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    words
}

/// Reads one path, or the tree of paths that it opens into; returns where it ends.
fn use_tree(words: &[&str], mut at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
    let mut path = prefix.to_owned();
    loop {
        match words.get(at) {
            Some(&"{") => return branches(words, at + 1, &path, found),
            Some(name) if starts_name(name) => {
                path = if path.is_empty() { (*name).to_owned() } else { format!("{path}::{name}") };
            }
            Some(_) | None => {}
        }
        at += 1;
        if words.get(at) != Some(&"::") {
            break;
        }
        at += 1;
    }
    found.push(path);
    if words.get(at) == Some(&"as") { at + 2 } else { at }
}

fn branches(words: &[&str], mut at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
    while let Some(word) = words.get(at) {
        match *word {
            "}" => return at + 1,
            "," => at += 1,
            _ => at = use_tree(words, at, prefix, found),
        }
    }
    at
}

mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_are_not_code() {
        let source = Source::read(
            "// diesel\n/* a /* b */ diesel */ fn f<'a>(x: &'a str) -> char { '\"' } /// diesel\n\
             #[cfg(test)]\n#[expect(x)]\nmod tests { use diesel::x; fn g() { \"}\" } }\nfn after() {}",
        );
        assert!(!source.has_word("diesel") && source.has_word("after") && source.has_word("f"));
        assert_eq!(source.literals, Vec::<String>::new());
    }

    #[test]
    fn strings_are_not_code_and_are_kept_as_literals() {
        let source = Source::read(r###"f("a \" // b", r#"raw " diesel"#, b"bytes", '\'', '"', '价', "价")"###);
        assert_eq!(source.literals, [r#"a \" // b"#, r#"raw " diesel"#, "bytes", "价"]);
        assert!(!source.has_word("diesel"));
    }

    #[test]
    fn paths_are_spread_out() {
        let source = Source::read(
            "use std::{fs, io::{self, Read as R}, sync::*};\npub use crate::a::B as C;\n\
             fn f() -> impl Sized + use<> { x.g(Instant::now(), Vec::<u8>::new(), Self::A { b: super::c }) }",
        );
        let expected = [
            "std::fs",
            "std::io::self",
            "std::io::Read",
            "std::sync",
            "crate::a::B",
            "",
            "Instant::now",
            "Vec",
            "Self::A",
            "super::c",
        ];
        assert_eq!(source.paths, expected);
        assert!(source.mentions("std::fs") && source.mentions("io::Read") && !source.mentions("std::f"));
    }

    #[test]
    fn words_are_whole_identifiers() {
        assert!(has_word("let token = 1", "token"));
        assert!(!has_word("let token_count = tokens", "token"));
    }
}
