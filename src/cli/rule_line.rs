//! One line of a keyword file: a rule as sellers write it, turned into one as it is stored.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    ids::{AccountId, ItemId, RuleId, Timestamp},
    reply::rule::{Matching, Reply, Rule},
    settings::endpoint,
    store::rules::NewRule,
};

/// As it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleLine {
    pub(super) account: Option<String>,
    pub(super) item_id: Option<Value>,
    #[serde(default)]
    pub(super) keyword: String,
    #[serde(rename = "match")]
    pub(super) matching: Option<String>,
    pub(super) reply: Option<Value>,
    #[serde(default)]
    pub(super) priority: i32,
    #[serde(default)]
    pub(super) once: bool,
    pub(super) image: Option<String>,
    #[serde(default)]
    pub(super) any_of: Vec<String>,
    #[serde(default)]
    pub(super) all_of: Vec<String>,
    #[serde(default)]
    pub(super) exclude: Vec<String>,
}

/// A line that was understood; its account is still a name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) account: Option<String>,
    pub(super) item: Option<ItemId>,
    pub(super) matching: Matching,
    pub(super) keyword: String,
    pub(super) any_of: Vec<String>,
    pub(super) all_of: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) replies: Vec<Reply>,
    pub(super) once: bool,
    pub(super) priority: i32,
}

impl RuleLine {
    /// What the line says, or the one thing that is wrong with it.
    pub(super) fn read(self) -> Result<Draft, String> {
        let matching = self.matching.as_deref().unwrap_or("contains").parse()?;
        let replies = replies(self.reply, self.image)?;
        for (list, words) in [("any_of", &self.any_of), ("all_of", &self.all_of), ("exclude", &self.exclude)] {
            if words.iter().any(|word| word.trim().is_empty()) {
                return Err(format!("{list} holds an empty word"));
            }
        }
        Ok(Draft {
            account: self.account,
            item: self.item_id.map_or(Ok(None), item)?,
            matching,
            keyword: keyword(matching, self.keyword)?,
            any_of: self.any_of,
            all_of: self.all_of,
            exclude: self.exclude,
            replies,
            once: self.once,
            priority: self.priority,
        })
    }
}

impl Draft {
    /// What makes it the same rule as another: a second one with equal identity replaces the first.
    pub(super) fn identity(&self) -> (Option<String>, Option<ItemId>, Matching, String) {
        (self.account.clone(), self.item.clone(), self.matching, self.keyword.clone())
    }

    /// The rule as the matcher takes it, for trying whether it does. Its account makes no difference to that.
    pub(super) fn rule(&self, id: RuleId) -> Rule {
        Rule {
            id,
            account: None,
            item: self.item.clone(),
            matching: self.matching,
            keyword: self.keyword.clone(),
            any_of: self.any_of.clone(),
            all_of: self.all_of.clone(),
            exclude: self.exclude.clone(),
            replies: self.replies.clone(),
            once: self.once,
            priority: self.priority,
            enabled: true,
            created_at: Timestamp(0),
        }
    }

    /// The rule as it is stored; `accounts` knows its account.
    pub(super) fn new_rule(&self, accounts: &HashMap<String, AccountId>) -> NewRule {
        NewRule {
            account: self.account.as_ref().and_then(|name| accounts.get(name).copied()),
            item: self.item.clone(),
            matching: self.matching,
            keyword: self.keyword.clone(),
            any_of: self.any_of.clone(),
            all_of: self.all_of.clone(),
            exclude: self.exclude.clone(),
            replies: self.replies.clone(),
            once: self.once,
            priority: self.priority,
            enabled: true,
        }
    }

    /// What a report calls it.
    pub(super) fn title(&self) -> String {
        match self.matching {
            Matching::Default => "default reply".to_owned(),
            matching => format!("{} {:?}", matching.as_str(), self.keyword),
        }
    }
}

/// A default reply has no keyword; every other rule needs one.
fn keyword(matching: Matching, keyword: String) -> Result<String, String> {
    match matching {
        Matching::Default => Ok(String::new()),
        Matching::Contains | Matching::Exact | Matching::Regex if keyword.trim().is_empty() => {
            Err("needs a keyword (only \"match\":\"default\" goes without)".to_owned())
        }
        Matching::Contains | Matching::Exact | Matching::Regex => Ok(keyword),
    }
}

/// An item id is text, but people write it as a number too.
fn item(value: Value) -> Result<Option<ItemId>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return Err("item_id must be text".to_owned()),
    };
    match text.trim() {
        "" => Err("item_id is empty: write null for every item".to_owned()),
        id => Ok(Some(ItemId::from(id))),
    }
}

/// Texts first, then the picture. An empty text says nothing; nothing at all to say must be said with `"reply":""`.
fn replies(reply: Option<Value>, image: Option<String>) -> Result<Vec<Reply>, String> {
    let parts = match reply {
        None | Some(Value::Null) if image.is_none() => {
            return Err("needs a reply or an image (\"reply\":\"\" stays silent)".to_owned());
        }
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(parts)) => parts,
        Some(part) => vec![part],
    };
    let mut replies = Vec::new();
    for part in parts {
        replies.extend(reply_part(part)?);
    }
    if let Some(url) = image {
        replies.push(picture(url)?);
    }
    Ok(replies)
}

fn reply_part(part: Value) -> Result<Option<Reply>, String> {
    const FORM: &str = "reply must be text, {\"image\":URL}, or a list of these";
    match part {
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => Ok(Some(Reply::Text(text))),
        Value::Object(mut object) => match (object.len(), object.remove("image")) {
            (1, Some(Value::String(url))) => picture(url).map(Some),
            _ => Err(FORM.to_owned()),
        },
        _ => Err(FORM.to_owned()),
    }
}

fn picture(url: String) -> Result<Reply, String> {
    endpoint(&url, ["http", "https"]).map_err(|reason| format!("the image {url:?} {reason}"))?;
    Ok(Reply::Image(url))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Draft, String> {
        serde_json::from_str::<RuleLine>(text).unwrap().read()
    }

    fn texts(parts: &[&str]) -> Vec<Reply> {
        parts.iter().map(|part| Reply::Text((*part).to_owned())).collect()
    }

    #[test]
    fn a_plain_line_is_a_global_rule() {
        let draft =
            read(r#"{"account":null,"item_id":null,"keyword":"在吗","match":"contains","reply":"在的"}"#).unwrap();
        assert_eq!((draft.account, draft.item, draft.matching), (None, None, Matching::Contains));
        assert_eq!((draft.keyword.as_str(), draft.priority, draft.once), ("在吗", 0, false));
        assert_eq!(draft.replies, texts(&["在的"]));
    }

    #[test]
    fn a_default_reply_goes_without_a_keyword_and_may_be_for_one_item() {
        let draft = read(r#"{"item_id":900000000001,"match":"default","reply":"稍等","once":true}"#).unwrap();
        assert_eq!((draft.matching, draft.keyword.as_str(), draft.once), (Matching::Default, "", true));
        assert_eq!(draft.item, Some(ItemId::from("900000000001")));
    }

    #[test]
    fn several_replies_keep_their_order_and_the_picture_goes_last() {
        let url = "https://img.example.invalid/1.jpg";
        let line =
            format!(r#"{{"keyword":"a","match":"exact","reply":["一",{{"image":"{url}"}},"二"],"image":"{url}"}}"#);
        let image = Reply::Image(url.to_owned());
        let [first, second] = [Reply::Text("一".to_owned()), Reply::Text("二".to_owned())];
        assert_eq!(read(&line).unwrap().replies, [first, image.clone(), second, image]);
    }

    #[test]
    fn a_picture_may_stand_alone_and_an_empty_reply_stays_silent() {
        let alone = read(r#"{"keyword":"a","match":"contains","image":"http://x/y.png"}"#).unwrap();
        assert_eq!(alone.replies, [Reply::Image("http://x/y.png".to_owned())]);
        for silent in [r#""""#, "[]", r#"["", " "]"#] {
            assert_eq!(read(&format!(r#"{{"keyword":"a","match":"contains","reply":{silent}}}"#)).unwrap().replies, []);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_reason() {
        for (line, reason) in [
            (r#"{"keyword":" ","match":"contains","reply":"x"}"#, "needs a keyword"),
            (r#"{"match":"regex","reply":"x"}"#, "needs a keyword"),
            (r#"{"keyword":"a","match":"fuzzy","reply":"x"}"#, "use contains, exact, regex or default"),
            (r#"{"keyword":"a","match":"contains"}"#, "needs a reply or an image"),
            (r#"{"keyword":"a","match":"contains","reply":5}"#, "reply must be text"),
            (r#"{"keyword":"a","match":"contains","reply":{"image":"http://x/","more":1}}"#, "reply must be text"),
            (r#"{"keyword":"a","match":"contains","image":"file:///etc/passwd"}"#, "http"),
            (r#"{"keyword":"a","match":"contains","reply":"x","item_id":""}"#, "item_id is empty"),
            (r#"{"keyword":"a","match":"contains","reply":"x","item_id":1.5}"#, "item_id must be text"),
            (r#"{"keyword":"a","match":"contains","reply":"x","any_of":["b",""]}"#, "any_of holds an empty word"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
