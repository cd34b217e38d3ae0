//! What was asked for, as the API's sandbox takes it, and what came of it, as a chat.

use actix_web::web::Json;
use serde_json::{Value, json};

use super::super::{
    super::{
        api::{
            sandbox::{self, Outcome, SandboxBody, SandboxView, SceneView},
            step_texts,
        },
        error::{ApiResult, Language},
        input::{Body, read_value},
    },
    Panel,
    counts::counted,
    rules::words,
};
use crate::{
    ids::{AccountId, Timestamp},
    reply::{
        rule::{Action, Reply},
        source::Source,
    },
};

const DAY_MS: i64 = 86_400_000;
/// Lines that somebody may type.
const MOST_LINES: usize = 50;

/// What stands in the form.
pub(in crate::web) struct Asked {
    pub(super) say: String,
    pub(super) item: String,
    pub(super) tags: String,
    pub(super) bought: bool,
    pub(super) wrote_before: bool,
    pub(super) event: String,
    pub(super) wait: String,
    pub(super) is_draft: bool,
    /// Real messages of so many days instead of typed ones; empty: typed ones.
    pub(super) days: String,
    pub(super) only_changed: bool,
}

/// What came of it.
pub(in crate::web) struct Played {
    pub(super) scenes: Vec<Scene>,
    pub(super) said: String,
    /// Rules that will still do something if the play goes on.
    pub(super) waiting: Vec<(String, String)>,
    /// Why nothing could be played.
    pub(super) refusal: String,
    /// What a saved test of this would send and expect, as fields of a form; empty: it cannot be one.
    pub(super) fields: Vec<(String, String)>,
    pub(super) expected: Vec<String>,
}

/// One moment of it.
pub(in crate::web) struct Scene {
    pub(super) at: Timestamp,
    pub(super) is_real: bool,
    /// What happened, where nobody wrote.
    pub(super) event: &'static str,
    pub(super) messages: Vec<String>,
    pub(super) sends: Vec<String>,
    pub(super) does: Vec<String>,
    pub(super) is_silent: bool,
    pub(super) needs_person: bool,
    pub(super) summary: String,
    pub(super) rule: String,
    pub(super) asks: Vec<String>,
    pub(super) steps: Vec<Step>,
    pub(super) chat: String,
    pub(super) is_changed: bool,
}

/// What one source had to say.
pub(in crate::web) struct Step {
    pub(super) text: String,
    pub(super) rule: String,
    /// Rules that did not answer, and why: number, keyword, reason.
    pub(super) passed: Vec<(String, String, String)>,
}

impl Asked {
    pub(super) fn read(panel: &Panel) -> Self {
        let text = |name: &str| panel.given(name).unwrap_or_default().to_owned();
        Self {
            say: text("say").replace("\r\n", "\n"),
            item: text("item"),
            tags: text("tags"),
            bought: panel.given("bought") == Some("true"),
            wrote_before: panel.given("wrote_before") == Some("true"),
            event: text("event"),
            wait: text("wait"),
            is_draft: panel.given("rules") == Some("draft"),
            days: text("days"),
            only_changed: panel.given("only_changed") == Some("true"),
        }
    }

    /// `None`: nothing was asked.
    pub(super) async fn play(&self, panel: &Panel, account: AccountId) -> ApiResult<Option<Played>> {
        let Some(mut body) = self.body(panel.now) else { return Ok(None) };
        let steps = body["steps"].clone();
        body["account_id"] = account.0.into();
        body["rules"] = if self.is_draft { "draft" } else { "published" }.into();
        let played = match read_value::<SandboxBody>(body) {
            Ok(body) => sandbox::sandbox(panel.caller.clone(), Body(body), panel.app.clone()).await,
            Err(refusal) => Err(refusal),
        };
        Ok(Some(match played {
            Ok(Json(view)) => Played::new(view, self, &steps, panel.language),
            Err(refusal) => Played::refused(&refusal.body(panel.language)),
        }))
    }

    /// As the API takes it, but for whose rules are meant.
    fn body(&self, now: Timestamp) -> Option<Value> {
        if let Ok(days) = self.days.parse::<i64>() {
            let since = now.0 - days.clamp(1, 90) * DAY_MS;
            return Some(json!({"replay": {"since": since, "only_changed": self.only_changed, "limit": 200}}));
        }
        let mut steps: Vec<Value> = self.lines().take(MOST_LINES).map(|line| json!({"says": [line]})).collect();
        if !self.event.is_empty() {
            steps.push(json!({"event": self.event}));
        }
        if let Ok(seconds) = self.wait.parse::<i64>() {
            steps.push(json!({"after_s": seconds}));
        }
        if steps.is_empty() {
            return None;
        }
        let mut body = json!({"steps": steps, "buyer": self.buyer()});
        if !self.item.is_empty() {
            body["item_id"] = self.item.as_str().into();
        }
        Some(body)
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.say.lines().map(str::trim).filter(|line| !line.is_empty())
    }

    fn tag_list(&self) -> Vec<&str> {
        self.tags.split(['，', ',', '、', '\n']).map(str::trim).filter(|tag| !tag.is_empty()).collect()
    }

    fn buyer(&self) -> Value {
        json!({"tags": self.tag_list(), "orders": i64::from(self.bought), "wrote_before": self.wrote_before})
    }

    /// What a saved test begins with.
    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = vec![("item_id".to_owned(), self.item.clone())];
        fields.extend(self.tag_list().into_iter().map(|tag| ("buyer.tags:list".to_owned(), tag.to_owned())));
        fields.push(("buyer.orders:whole".to_owned(), i64::from(self.bought).to_string()));
        fields.push(("buyer.wrote_before:flag".to_owned(), self.wrote_before.to_string()));
        fields
    }

    /// Something is said besides what the buyer writes.
    pub(super) fn has_more(&self) -> bool {
        let texts = [&self.item, &self.tags, &self.event, &self.wait];
        self.bought || self.wrote_before || texts.iter().any(|text| !text.is_empty())
    }

    pub(super) fn is_replay(&self) -> bool {
        !self.days.is_empty()
    }
}

impl Played {
    fn new(view: SandboxView, asked: &Asked, steps: &Value, language: Language) -> Self {
        let (fields, expected) =
            if asked.is_replay() { Default::default() } else { expectations(&view, asked, steps, language) };
        let waiting = view.waiting.iter().map(|waiting| {
            let what = words::trigger(waiting.event, language).to_owned();
            (waiting.rule_id.to_string(), what)
        });
        Self {
            said: said(&view, asked, language),
            waiting: waiting.collect(),
            refusal: String::new(),
            fields,
            expected,
            scenes: view.scenes.into_iter().map(|scene| Scene::new(scene, language)).collect(),
        }
    }

    fn refused(body: &super::super::super::error::ErrorBody) -> Self {
        let body = serde_json::to_value(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let problem = text(&body["details"]["problem"]);
        Self {
            scenes: Vec::new(),
            said: String::new(),
            waiting: Vec::new(),
            refusal: [text(&body["message"]), problem]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" "),
            fields: Vec::new(),
            expected: Vec::new(),
        }
    }
}

fn said(view: &SandboxView, asked: &Asked, language: Language) -> String {
    let SandboxView { total, answered, silent, asking, changed, more, .. } = view;
    let more = if *more {
        language.pick("更早的消息没有包括在内。", " Earlier messages were left out.")
    } else {
        ""
    };
    match (language, asked.is_replay()) {
        (Language::Chinese, true) => format!(
            "共 {total} 轮对话：会自动回复 {answered} 轮，不回复 {silent} 轮，其中 {asking} 轮会先问 AI 或您的程序；与当时处理不同的有 {changed} 轮。{more}"
        ),
        (Language::English, true) => format!(
            "{}: {answered} would be answered, {silent} not; in {asking} the AI or your program would be asked first. {changed} would go otherwise than they went.{more}",
            counted(total, "turn", "turns")
        ),
        (Language::Chinese, false) => format!("会自动回复 {answered} 次，不回复 {silent} 次。"),
        (Language::English, false) => format!("{answered} answered, {silent} not."),
    }
}

/// A saved test expects what came just now: fields of its form, and the same in words.
fn expectations(
    view: &SandboxView,
    asked: &Asked,
    steps: &Value,
    language: Language,
) -> (Vec<(String, String)>, Vec<String>) {
    let (mut fields, mut words) = (asked.fields(), Vec::new());
    for (number, step) in steps.as_array().into_iter().flatten().enumerate() {
        let mut put = |name: &str, text: String| fields.push((format!("steps.{number}.{name}"), text));
        for text in step["says"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            put("says:list", text.to_owned());
        }
        if let Some(event) = step["event"].as_str() {
            put("event", event.to_owned());
        }
        if let Some(seconds) = step["after_s"].as_i64() {
            put("after_s:whole", seconds.to_string());
        }
        let scenes: Vec<&SceneView> = view.scenes.iter().filter(|scene| scene.step == Some(number)).collect();
        let texts = scenes.iter().flat_map(|scene| &scene.sends).filter_map(text_of).flat_map(str::lines);
        let texts: Vec<&str> = texts.map(str::trim).filter(|line| !line.is_empty()).take(20).collect();
        let asks = scenes.iter().find_map(|scene| scene.would_ask.first()).copied();
        if let Some(source) = asks {
            put("expects.source", source.as_str().to_owned());
            words.push(match language {
                Language::Chinese => format!("由{}回复", name(source, language)),
                Language::English => format!("answered by: {}", name(source, language)),
            });
        } else if texts.is_empty() {
            let silent = scenes.iter().all(|scene| scene.sends.is_empty());
            put("expects.silent:flag", silent.to_string());
            words.push(
                if silent { language.pick("不回复", "no answer") } else { language.pick("有回复", "an answer") }
                    .to_owned(),
            );
        } else {
            for text in &texts {
                put("expects.contains:list", text.chars().take(500).collect());
            }
            words.push(match language {
                Language::Chinese => format!("回复里有“{}”", texts.join(" ")),
                Language::English => format!("the answer has \"{}\"", texts.join(" ")),
            });
        }
    }
    (fields, words)
}

fn name(source: Source, language: Language) -> String {
    step_texts::source(source).in_language(language).to_owned()
}

fn text_of(reply: &Reply) -> Option<&str> {
    match reply {
        Reply::Text(text) => Some(text),
        Reply::Image(_) => None,
    }
}

impl Scene {
    fn new(scene: SceneView, language: Language) -> Self {
        let send = |reply: Reply| match reply {
            Reply::Text(text) => text,
            Reply::Image(image) => words::action(&Action::Image(image), language),
        };
        let step = |step: super::super::super::api::explanations::StepView| Step {
            text: step.text,
            rule: step.rule_id.map(|id| id.to_string()).unwrap_or_default(),
            passed: step
                .passed_over
                .into_iter()
                .map(|passed| (passed.rule_id.to_string(), passed.keyword.unwrap_or_default(), passed.text))
                .collect(),
        };
        Self {
            at: scene.at,
            is_real: scene.conversation.is_some(),
            event: scene.event.map(|event| words::trigger(event, language)).unwrap_or_default(),
            messages: scene.messages.into_iter().map(|message| message.text).collect(),
            sends: scene.sends.into_iter().map(send).collect(),
            does: scene.does.iter().map(|action| words::action(action, language)).collect(),
            is_silent: scene.decision == Outcome::Silent,
            needs_person: scene.needs_person,
            summary: scene.summary,
            rule: scene.rule_id.map(|id| id.to_string()).unwrap_or_default(),
            asks: scene.would_ask.into_iter().map(|source| name(source, language)).collect(),
            steps: scene.steps.into_iter().map(step).collect(),
            chat: scene.conversation.unwrap_or_default(),
            is_changed: scene.changed == Some(true),
        }
    }
}
