//! One conversation: what was said, an answer by hand, and what is known of the buyer.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            conversations::{self, ConversationView},
            explanations::{self, ExplanationView},
            key::{ConversationKey, MessageKey},
            pictures::{self, PictureView},
            quick_phrases::{self, FilledPhraseView},
            suggestions::{self, SuggestionView},
        },
        error::{ApiResult, Code, Language},
    },
    Panel, Place, Shell, asked,
    beside::Beside,
    chat_ways_back::WaysBack,
    inbox::{Inbox, peer_name},
    send_texts,
    thread::Thread,
    times, with,
};
use crate::{access::role::Right, ids::Timestamp, reply::source::Source};

#[derive(Template)]
#[template(path = "panel/chat.html")]
struct ChatPage {
    shell: Shell,
    inbox: Inbox,
    chat: ConversationView,
    name: String,
    account: String,
    /// What the live parts follow.
    topic: String,
    /// How it stands with automatic answers.
    pause: String,
    ways_back: WaysBack,
    thread: Thread,
    suggestions: Vec<Suggested>,
    /// The suggestion that is being edited.
    edited: Option<SuggestionView>,
    /// What stands in the answer to begin with.
    words: String,
    phrases: Vec<Phrase>,
    pictures: Vec<PictureView>,
    /// One of them was added just now.
    is_uploaded: bool,
    beside: Beside,
    why: Option<Explained>,
    /// This page as it is without anything opened.
    here: String,
}

/// A suggestion that waits.
struct Suggested {
    view: SuggestionView,
    edit: String,
}

/// A phrase as it would be sent here.
struct Phrase {
    view: FilledPhraseView,
    edit: String,
}

/// Why something was or was not answered.
struct Explained {
    view: ExplanationView,
    steps: Vec<Step>,
    /// How long the parts of it took.
    times: String,
    sends: Vec<(String, &'static str, String)>,
}

struct Step {
    text: String,
    /// The rule's page; empty: none.
    rule: String,
    passed_over: Vec<String>,
}

/// What the page alone understands.
struct Opened {
    why: Option<String>,
    edit: Option<i64>,
    phrase: Option<i64>,
}

/// A conversation of the panel.
#[utoipa::path(get, path = "/app/chats/{id}", operation_id = "panel_chats_chat", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn chat(mut panel: Panel, key: ConversationKey) -> ApiResult<HttpResponse> {
    // Forms lead back to what is open now.
    let shell = panel.shell(Place::Chats, panel.t("会话", "Chat")).await?;
    let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let opened =
        Opened { why: panel.take("why"), edit: number(panel.take("edit")), phrase: number(panel.take("phrase")) };
    let chat = conversations::get(panel.caller.clone(), key.clone(), panel.app.clone()).await?.0;
    let page = number(panel.take("page")).unwrap_or(1).max(1);
    let here = panel.href_with("", "");
    let inbox = Inbox::read(&panel, Some(&chat.id)).await?;
    let suggestions = pending(&panel, &chat).await?;
    let phrases = phrases(&panel, &key).await?;
    let phrase = phrases.iter().find(|phrase| Some(phrase.id) == opened.phrase);
    panel.show(&ChatPage {
        account: inbox.name_of(&panel, chat.account_id).await?,
        topic: format!("conversation:{}", chat.id),
        pause: pause(&chat, &panel),
        ways_back: WaysBack::new(&chat, &panel),
        thread: Thread::read(&panel, &key, page, &here).await?,
        edited: suggestions.iter().find(|view| Some(view.id) == opened.edit).cloned(),
        suggestions: suggestions.into_iter().map(|view| Suggested::new(view, &here)).collect(),
        words: phrase.map(|phrase| phrase.filled.clone()).unwrap_or_default(),
        phrases: phrases.into_iter().map(|view| Phrase::new(view, &here)).collect(),
        pictures: pictures(&panel).await?,
        is_uploaded: panel.answer_to("upload").is_some(),
        beside: Beside::read(&panel, &key, &chat).await?,
        why: explained(&panel, &key, opened.why).await?,
        name: peer_name(&chat, panel.language),
        shell,
        inbox,
        chat,
        here,
    })
}

/// How it stands with automatic answers, in a sentence.
fn pause(chat: &ConversationView, panel: &Panel) -> String {
    let until = chat.paused_until.map(|until| {
        let left = times::span((until.0 - panel.now.0) / 1000, panel.language);
        (panel.times.at(until), left)
    });
    match (chat.paused, until, panel.language) {
        (false, _, language) => language.pick("自动回复进行中", "Automatic answers are on").to_owned(),
        (true, Some((until, left)), Language::Chinese) => format!("自动回复暂停至 {until}（还有 {left}）"),
        (true, Some((until, left)), Language::English) => {
            format!("Automatic answers pause until {until} ({left} left)")
        }
        (true, None, language) => {
            language.pick("自动回复已暂停，直到您恢复", "Automatic answers pause until you resume them").to_owned()
        }
    }
}

async fn pending(panel: &Panel, chat: &ConversationView) -> ApiResult<Vec<SuggestionView>> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query =
        query.append_pair("conversation", &chat.id).append_pair("state", "pending").append_pair("per_page", "5");
    Ok(suggestions::list(panel.caller.clone(), asked(&query.finish())?, panel.app.clone()).await?.0.items)
}

async fn phrases(panel: &Panel, key: &ConversationKey) -> ApiResult<Vec<FilledPhraseView>> {
    if !panel.may(Right::Answer) {
        return Ok(Vec::new());
    }
    let query = asked("per_page=100")?;
    Ok(quick_phrases::list_filled(panel.caller.clone(), key.clone(), query, panel.app.clone()).await?.0.items)
}

async fn pictures(panel: &Panel) -> ApiResult<Vec<PictureView>> {
    if !panel.may(Right::Answer) {
        return Ok(Vec::new());
    }
    Ok(pictures::list(panel.caller.clone(), asked("per_page=24")?, panel.app.clone()).await?.0.items)
}

impl Suggested {
    fn new(view: SuggestionView, here: &str) -> Self {
        Self { edit: with(here, &[("edit", &view.id.to_string())]), view }
    }
}

impl Phrase {
    fn new(view: FilledPhraseView, here: &str) -> Self {
        Self { edit: with(here, &[("phrase", &view.id.to_string())]), view }
    }
}

/// Nothing where the message is gone.
async fn explained(panel: &Panel, key: &ConversationKey, message: Option<String>) -> ApiResult<Option<Explained>> {
    let name = message.map(|message| format!("{}.{message}", key.account));
    let Some(message) = name.as_deref().and_then(MessageKey::parse) else { return Ok(None) };
    match explanations::get(panel.caller.clone(), message, panel.app.clone()).await {
        Ok(view) => Ok(Some(Explained::new(view.0, panel))),
        Err(refusal) if refusal.code() == Code::NotFound => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

impl Explained {
    fn new(view: ExplanationView, panel: &Panel) -> Self {
        let step = |step: &explanations::StepView| Step {
            text: step.text.clone(),
            rule: match (step.source, step.rule_id) {
                (Source::ItemRule | Source::AccountRule | Source::GlobalRule, Some(id)) => format!("/app/rules/{id}"),
                _ => String::new(),
            },
            passed_over: step
                .passed_over
                .iter()
                .map(|rule| match &rule.keyword {
                    Some(keyword) => format!("{}{keyword}{}{}", panel.t("“", "\""), panel.t("”：", "\": "), rule.text),
                    None => rule.text.clone(),
                })
                .collect(),
        };
        let sends = view.sends.iter().map(|send| {
            let (look, state) = send_texts::state(send.state);
            let who = send_texts::origin(send.origin).in_language(panel.language).to_owned();
            (who, look, state.in_language(panel.language).to_owned())
        });
        Self {
            steps: view.steps.iter().map(step).collect(),
            times: times_of(&view, panel.language),
            sends: sends.collect(),
            view,
        }
    }
}

/// How long it was waited for the buyer to finish, and how long it took then.
fn times_of(view: &ExplanationView, language: Language) -> String {
    let between = |from: Timestamp, to: Timestamp| {
        let ms = (to.0 - from.0).max(0);
        format!("{}.{}", ms / 1000, ms % 1000 / 100)
    };
    let waited = view.settled_at.map(|settled| between(view.received_at, settled));
    let took = view.decided_at.map(|decided| between(view.settled_at.unwrap_or(view.received_at), decided));
    match (waited, took, language) {
        (Some(waited), Some(took), Language::Chinese) => format!("等买家说完 {waited} 秒，决定用时 {took} 秒"),
        (Some(waited), Some(took), Language::English) => {
            format!("{waited} s until the buyer had finished, {took} s to decide")
        }
        (None, Some(took), Language::Chinese) => format!("决定用时 {took} 秒"),
        (None, Some(took), Language::English) => format!("{took} s to decide"),
        (_, None, _) => String::new(),
    }
}
