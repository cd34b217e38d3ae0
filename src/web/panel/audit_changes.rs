//! What a deed changed, as lines for people.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

use super::{Panel, audit_fields::field_name};
use crate::ids::Timestamp;

/// Longer texts are cut: the whole of it is not what somebody looks for here.
const LONGEST: usize = 300;
/// More lines than these say nothing to anybody.
const MOST: usize = 60;

/// One thing that is other than before.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    pub(super) name: String,
    /// Whether its name is a word, and no code.
    pub(super) is_word: bool,
    /// Empty: there was none.
    pub(super) before: String,
    pub(super) after: String,
}

/// What is different; of what was made or removed, all that it said.
pub(super) fn changes(before: Option<&RawValue>, after: Option<&RawValue>, panel: &Panel) -> Vec<Change> {
    let (before, after) = (leaves(before, panel), leaves(after, panel));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |all: &BTreeMap<String, String>, name: &str| all.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name) && !says_nothing(name))
        .map(|path| {
            let (name, is_word) = name_of(path, panel);
            Change { name, is_word, before: of(&before, path), after: of(&after, path) }
        })
        .filter(|change| !change.before.is_empty() || !change.after.is_empty())
        .take(MOST)
        .collect()
}

/// When it was changed last stands above it already.
fn says_nothing(path: &str) -> bool {
    matches!(path.rsplit('.').next(), Some("updated_at"))
}

fn name_of(path: &str, panel: &Panel) -> (String, bool) {
    let words: Option<Vec<&str>> = path
        .split('.')
        .map(|part| match part.parse::<usize>() {
            Ok(_) => Some(part),
            Err(_) => field_name(part).map(|(zh, en)| panel.t(zh, en)),
        })
        .collect();
    words.map_or_else(|| (path.to_owned(), false), |words| (words.join(" › "), true))
}

/// Every single value by its path.
fn leaves(raw: Option<&RawValue>, panel: &Panel) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Some(value) = raw.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok()) {
        gather(&value, String::new(), panel, &mut found);
    }
    found
}

fn gather(value: &Value, path: String, panel: &Panel, found: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| gather(value, below(name), panel, found)),
        Value::Array(list) if list.iter().any(|entry| entry.is_object() || entry.is_array()) => {
            for (at, value) in list.iter().enumerate() {
                gather(value, below(&(at + 1).to_string()), panel, found);
            }
        }
        single => {
            let name = path.rsplit('.').next().unwrap_or_default().to_owned();
            found.insert(path, text(&name, single, panel));
        }
    }
}

/// A value in words.
fn text(name: &str, value: &Value, panel: &Panel) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => panel.t("是", "yes").to_owned(),
        Value::Bool(false) => panel.t("否", "no").to_owned(),
        Value::Number(number) => match number.as_i64() {
            Some(at) if name.ends_with("_at") => panel.times.at(Timestamp(at)),
            _ => number.to_string(),
        },
        Value::String(text) => cut(text),
        Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(|entry| text(name, entry, panel)).collect();
            cut(&parts.join(panel.t("、", ", ")))
        }
        Value::Object(_) => String::new(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
