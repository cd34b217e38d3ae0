//! JSON that may contain half an emoji. The platform cuts display texts by UTF-16 units, and the halves arrive as escapes that no strict reader takes.

use std::borrow::Cow;

use serde_json::Value;

/// Parses strictly first; halves of surrogate pairs become U+FFFD only when that failed.
pub(super) fn parse(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(text).or_else(|error| match repaired(text) {
        Cow::Owned(repaired) => serde_json::from_str(&repaired),
        Cow::Borrowed(_) => Err(error),
    })
}

/// The text with every lone surrogate escape replaced; borrowed if there is none.
fn repaired(text: &str) -> Cow<'_, str> {
    let mut result = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        at += found;
        let length = match (surrogate(&text[at..]), surrogate(text.get(at + ESCAPE..).unwrap_or_default())) {
            (None, _) => escape_length(&text[at..]),
            (Some(Half::First), Some(Half::Second)) => 2 * ESCAPE,
            (Some(_), _) => {
                result.push_str(&text[copied..at]);
                result.push_str(r"\ufffd");
                copied = at + ESCAPE;
                ESCAPE
            }
        };
        at += length;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    result.push_str(&text[copied..]);
    Cow::Owned(result)
}

/// The length of `\u` and four digits.
const ESCAPE: usize = 6;

enum Half {
    First,
    Second,
}

/// The half that an escape at the very start stands for.
fn surrogate(text: &str) -> Option<Half> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::First),
        0xdc00..=0xdfff => Some(Half::Second),
        _ => None,
    }
}

/// A backslash and the character it escapes, so that `\\ud83d` is not mistaken for an escape.
fn escape_length(text: &str) -> usize {
    text.chars().take(2).map(char::len_utf8).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn half_an_emoji_costs_one_character_and_a_whole_one_nothing() {
        let value = parse(r#"{"a":"x\ud83dy","b":"\uD83D\uDC4B","c":"\udc4b","d":"\\ud83d","e":"\ud83d"}"#).unwrap();
        let texts: Vec<&str> = value.as_object().unwrap().values().map(|text| text.as_str().unwrap()).collect();
        assert_eq!(texts, ["x\u{fffd}y", "👋", "\u{fffd}", "\\ud83d", "\u{fffd}"]);
    }

    #[test]
    fn what_is_broken_in_another_way_stays_an_error() {
        for text in ["", "{", r#""\u12"#, r#""\"#, r#"{"a":"\ud83d"#, "\\你"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
