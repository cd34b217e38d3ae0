//! What a rule that is being written would have done lately, as its form shows it.

use serde_json::Value;

use super::{super::super::error::Language, Panel, Set, words};
use crate::{
    ids::{AccountId, RuleId, Timestamp},
    reply::rule::Trigger,
};

/// The button of the form that asks for it, and the part of the page where it is told.
const BUTTON: &str = "preview";

/// What was asked for and came of it; all empty: nothing was asked.
#[derive(Debug, Default)]
pub(in crate::web) struct Preview {
    pub(super) said: String,
    /// Why it cannot be said.
    pub(super) refusal: String,
    /// Older messages were not looked at.
    pub(super) is_cut: bool,
    /// More than are shown fit.
    pub(super) is_more: bool,
    pub(super) lines: Vec<Line>,
}

/// Something to which the rule holds.
#[derive(Debug)]
pub(in crate::web) struct Line {
    pub(super) account: String,
    pub(super) at: Timestamp,
    /// The page of the chat.
    pub(super) chat: String,
    /// What happened, where nobody wrote.
    pub(super) event: &'static str,
    pub(super) texts: Vec<String>,
    pub(super) answers: bool,
    pub(super) summary: String,
    /// The page of the rule that goes first; empty: none does.
    pub(super) first: String,
    /// Who would be asked before any rule.
    pub(super) asks: Vec<&'static str>,
}

/// Where the form is sent to be tried.
pub(super) fn action(route: &str, rule: Option<RuleId>, has_draft: bool) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(rule) = rule {
        query.append_pair("rule", &rule.to_string());
    }
    if has_draft {
        query.append_pair("draft", "true");
    }
    format!("/app/do{route}/preview?{}", query.finish())
}

impl Preview {
    pub(super) fn of(panel: &Panel, set: &Set) -> Self {
        if let Some(refused) = panel.refusal_of(BUTTON) {
            let problem = refused.details.problem.clone();
            return Self { refusal: problem.unwrap_or_else(|| refused.message.clone()), ..Self::default() };
        }
        let Some(answer) = panel.answer_to(BUTTON) else { return Self::default() };
        let count = |name: &str| answer[name].as_u64().unwrap_or(0);
        let lines: Vec<Line> =
            answer["items"].as_array().into_iter().flatten().map(|item| Line::new(item, panel, set)).collect();
        Self {
            said: said(count("matched"), count("answers"), count("turns"), panel.language),
            refusal: String::new(),
            is_cut: answer["more"] == true,
            is_more: u64::try_from(lines.len()).is_ok_and(|shown| shown < count("matched")),
            lines,
        }
    }
}

fn said(matched: u64, answers: u64, turns: u64, language: Language) -> String {
    match (matched, language) {
        (0, Language::Chinese) => format!("近 7 天买家说了 {turns} 次话，没有一次符合这条规则。"),
        (0, Language::English) => format!("Buyers said {turns} things in the last 7 days, and none fits this rule."),
        (_, Language::Chinese) => {
            format!("近 7 天买家说了 {turns} 次话，这条规则会遇到 {matched} 次，其中 {answers} 次由它处理。")
        }
        (_, Language::English) => format!(
            "Buyers said {turns} things in the last 7 days. The rule fits {matched} times, and {answers} times it is the one that is used."
        ),
    }
}

impl Line {
    fn new(item: &Value, panel: &Panel, set: &Set) -> Self {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let account = item["account_id"].as_i64().map(AccountId);
        let trigger = item["event"].as_str().and_then(|event| event.parse::<Trigger>().ok());
        let listed = |name: &str| item[name].as_array().into_iter().flatten();
        Self {
            account: account.map(|id| set.names.name(id)).unwrap_or_default(),
            at: Timestamp(item["at"].as_i64().unwrap_or(0)),
            chat: format!("/app/chats/{}", text("conversation")),
            event: trigger.map_or("", |trigger| words::trigger(trigger, panel.language)),
            texts: listed("messages").filter_map(|said| said["text"].as_str()).map(str::to_owned).collect(),
            answers: item["answers"] == true,
            summary: text("summary"),
            first: item["first_rule_id"].as_i64().map(|id| format!("/app/rules/{id}")).unwrap_or_default(),
            asks: listed("would_ask").filter_map(Value::as_str).map(|source| asks(source, panel)).collect(),
        }
    }
}

/// Who is asked first.
fn asks(source: &str, panel: &Panel) -> &'static str {
    match source {
        "hook" => panel.t("外部接口会先被询问", "your own program is asked first"),
        _ => panel.t("AI 会先被询问", "the AI is asked first"),
    }
}
