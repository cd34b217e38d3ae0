//! One line of a keyword file: a rule as sellers write it, turned into one as it is stored.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    ids::{AccountId, ItemId, PictureId, RuleId, Timestamp},
    reply::{
        condition::Conditions,
        rule::{Action, Identity, Matching, Rule, RuleBody, Trigger},
    },
    settings::endpoint,
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
    #[serde(default)]
    pub(super) only_accounts: Vec<String>,
    pub(super) trigger: Option<Trigger>,
    #[serde(default)]
    pub(super) silent_minutes: u32,
    #[serde(default)]
    pub(super) delay_s: u32,
    #[serde(default)]
    pub(super) conditions: Conditions,
    pub(super) per_day: Option<u32>,
}

/// A line that was understood; its accounts are still names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) account: Option<String>,
    pub(super) only_accounts: Vec<String>,
    /// Without its accounts.
    pub(super) body: RuleBody,
}

impl RuleLine {
    /// What the line says, or the one thing that is wrong with it.
    pub(super) fn read(self) -> Result<Draft, String> {
        let trigger = self.trigger.unwrap_or(Trigger::Message);
        let usual = if trigger == Trigger::Message { "contains" } else { "default" };
        let matching = self.matching.as_deref().unwrap_or(usual).parse()?;
        let actions = actions(self.reply, self.image)?;
        for (list, words) in [("any_of", &self.any_of), ("all_of", &self.all_of), ("exclude", &self.exclude)] {
            if words.iter().any(|word| word.trim().is_empty()) {
                return Err(format!("{list} holds an empty word"));
            }
        }
        let body = RuleBody {
            items: items(self.item_id)?,
            matching,
            keyword: keyword(matching, self.keyword)?,
            any_of: self.any_of,
            all_of: self.all_of,
            exclude: self.exclude,
            trigger,
            silent_minutes: self.silent_minutes,
            delay_s: self.delay_s,
            conditions: self.conditions,
            per_day: self.per_day,
            actions,
            once: self.once,
            priority: self.priority,
            ..RuleBody::default()
        };
        let mut only_accounts = self.only_accounts;
        only_accounts.sort_unstable();
        only_accounts.dedup();
        Ok(Draft { account: self.account, only_accounts, body: body.in_order() })
    }
}

impl Draft {
    /// What makes it the same rule as another: a second one with equal identity replaces the first.
    pub(super) fn identity(&self) -> (Option<String>, Vec<String>, Identity) {
        (self.account.clone(), self.only_accounts.clone(), self.body.identity())
    }

    /// The rule as the matcher takes it, for trying whether it does. Its account makes no difference to that.
    pub(super) fn rule(&self, id: RuleId) -> Rule {
        Rule { id, body: self.body.clone(), created_at: Timestamp(0) }
    }

    /// The names of all accounts that it speaks of.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &String> {
        self.account.iter().chain(&self.only_accounts)
    }

    /// The rule as it is stored; `accounts` knows its accounts.
    pub(super) fn new_rule(&self, accounts: &HashMap<String, AccountId>) -> RuleBody {
        let id = |name: &String| accounts.get(name).copied();
        let only = self.only_accounts.iter().filter_map(id).collect();
        RuleBody { account: self.account.as_ref().and_then(id), accounts: only, ..self.body.clone() }.in_order()
    }

    /// What a report calls it.
    pub(super) fn title(&self) -> String {
        match self.body.matching {
            Matching::Default if self.body.trigger != Trigger::Message => self.body.trigger.as_str().to_owned(),
            Matching::Default => "default reply".to_owned(),
            matching => format!("{} {:?}", matching.as_str(), self.body.keyword),
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

/// One item or a list of them.
fn items(value: Option<Value>) -> Result<Vec<ItemId>, String> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list.into_iter().map(item).collect(),
        Some(one) => item(one).map(|id| vec![id]),
    }
}

/// An item id is text, but people write it as a number too.
fn item(value: Value) -> Result<ItemId, String> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return Err("item_id must be text".to_owned()),
    };
    match text.trim() {
        "" => Err("item_id is empty: write null for every item".to_owned()),
        id => Ok(ItemId::from(id)),
    }
}

/// Texts first, then the picture. An empty text says nothing; nothing at all to say must be said with `"reply":""`.
fn actions(reply: Option<Value>, image: Option<String>) -> Result<Vec<Action>, String> {
    let parts = match reply {
        None | Some(Value::Null) if image.is_none() => {
            return Err("needs a reply or an image (\"reply\":\"\" stays silent)".to_owned());
        }
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(parts)) => parts,
        Some(part) => vec![part],
    };
    let mut actions = Vec::new();
    for part in parts {
        actions.extend(reply_part(part)?);
    }
    if let Some(url) = image {
        actions.push(picture(url)?);
    }
    Ok(actions)
}

fn reply_part(part: Value) -> Result<Option<Action>, String> {
    const FORM: &str = "reply must be text, {\"image\":URL}, or a list of these";
    match part {
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => Ok(Some(Action::Text(text))),
        Value::Object(object) => match serde_json::from_value(Value::Object(object)) {
            Ok(Action::Image(url)) => picture(url).map(Some),
            Ok(action) => Ok(Some(action)),
            Err(_) => Err(FORM.to_owned()),
        },
        _ => Err(FORM.to_owned()),
    }
}

/// An address in the web, or an uploaded picture.
fn picture(url: String) -> Result<Action, String> {
    if PictureId::of_address(&url).is_none() {
        endpoint(&url, ["http", "https"]).map_err(|reason| format!("the image {url:?} {reason}"))?;
    }
    Ok(Action::Image(url))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Draft, String> {
        serde_json::from_str::<RuleLine>(text).unwrap().read()
    }

    fn texts(parts: &[&str]) -> Vec<Action> {
        parts.iter().map(|part| Action::Text((*part).to_owned())).collect()
    }

    #[test]
    fn a_plain_line_is_a_global_rule() {
        let draft =
            read(r#"{"account":null,"item_id":null,"keyword":"在吗","match":"contains","reply":"在的"}"#).unwrap();
        let body = draft.body;
        assert_eq!((draft.account, body.items, body.matching), (None, vec![], Matching::Contains));
        assert_eq!((body.keyword.as_str(), body.priority, body.once), ("在吗", 0, false));
        assert_eq!(body.actions, texts(&["在的"]));
    }

    #[test]
    fn a_default_reply_goes_without_a_keyword_and_may_be_for_one_item() {
        let draft = read(r#"{"item_id":900000000001,"match":"default","reply":"稍等","once":true}"#).unwrap();
        let body = draft.body;
        assert_eq!((body.matching, body.keyword.as_str(), body.once), (Matching::Default, "", true));
        assert_eq!(body.items, [ItemId::from("900000000001")]);
    }

    #[test]
    fn several_replies_keep_their_order_and_the_picture_goes_last() {
        let url = "https://img.example.invalid/1.jpg";
        let line =
            format!(r#"{{"keyword":"a","match":"exact","reply":["一",{{"image":"{url}"}},"二"],"image":"{url}"}}"#);
        let image = Action::Image(url.to_owned());
        let [first, second] = [Action::Text("一".to_owned()), Action::Text("二".to_owned())];
        assert_eq!(read(&line).unwrap().body.actions, [first, image.clone(), second, image]);
    }

    #[test]
    fn a_picture_may_stand_alone_and_an_empty_reply_stays_silent() {
        let alone = read(r#"{"keyword":"a","match":"contains","image":"http://x/y.png"}"#).unwrap();
        assert_eq!(alone.body.actions, [Action::Image("http://x/y.png".to_owned())]);
        for silent in [r#""""#, "[]", r#"["", " "]"#] {
            assert_eq!(
                read(&format!(r#"{{"keyword":"a","match":"contains","reply":{silent}}}"#)).unwrap().body.actions,
                []
            );
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
