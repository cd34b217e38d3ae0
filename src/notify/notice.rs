//! What a notice is about, before it has words.

use serde::{Deserialize, Serialize};

use super::event::{Event, Severity, codes};
use crate::ids::Timestamp;

/// As much of a foreign text as is told, in characters.
pub const LONGEST: usize = 200;

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub zh: String,
    pub en: String,
}

impl Words {
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// Whom and what it is about; what does not belong to the event stays empty. No secrets: it is stored and shown as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// The account's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The platform's id of the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The buyer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer: Option<String>,
    /// What the buyer wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// The item's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// What of it: the card whose stock is low, the part of the server, the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Units left, minutes waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Words>,
    /// What the reader can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<Words>,
}

/// Which message of a notice it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NoticePhase)]
pub enum Phase {
    /// It began, or happened.
    Begin,
    /// It happened more often since.
    Again,
    End,
}

codes!(Phase {
    Begin => "begin",
    Again => "again",
    End => "end",
});

/// One thing to put into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub event: Event,
    pub severity: Severity,
    pub phase: Phase,
    pub subject: Subject,
    /// How often it happened.
    pub count: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Where it is shown, an address of this server.
    pub link: Option<String>,
}

/// What a stranger wrote, as one short line: nobody can fake further lines, or turn the direction of writing around.
pub fn tame(text: &str) -> String {
    let is_odd = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let plain: String = text.chars().map(|letter| if is_odd(letter) { ' ' } else { letter }).collect();
    let mut words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(LONGEST) {
        words.truncate(end);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_is_one_short_line() {
        assert_eq!(tame(" 在吗\r\n账号：假的\u{202e}\u{0} x "), "在吗 账号：假的 x");
        let long = tame(&"鱼".repeat(500));
        assert_eq!((long.chars().count(), long.ends_with('…')), (LONGEST + 1, true));
    }

    #[test]
    fn a_subject_says_only_what_it_knows() {
        let subject = Subject { account: Some("店".into()), number: Some(3), ..Subject::default() };
        let text = serde_json::to_string(&subject).unwrap_or_default();
        assert_eq!(text, r#"{"account":"店","number":3}"#);
        assert_eq!(serde_json::from_str::<Subject>(&text).ok(), Some(subject));
        assert_eq!(serde_json::from_str::<Subject>("{}").ok(), Some(Subject::default()));
    }
}
