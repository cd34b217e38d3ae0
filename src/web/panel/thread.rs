//! What was said in a conversation, both sides in the order of time: the messages that came, and what was sent through the outbox.

use super::{
    super::{
        api::{
            conversations::{self, MessageView},
            key::{self, ConversationKey},
            outbox::{self, EntryView},
            reason_texts,
        },
        error::ApiResult,
    },
    Panel, asked, send_texts, with,
};
use crate::{
    ids::{PictureId, Timestamp},
    outbox::entry::{Body, Origin, State, successor},
};

/// Messages of one page.
const PART: i64 = 40;
/// Sends between the first and the last of them, at most.
const SENDS: i64 = 200;

/// A part of a conversation.
pub(super) struct Thread {
    pub(super) bubbles: Vec<Bubble>,
    /// Empty: there is none.
    pub(super) older: String,
    pub(super) newer: String,
}

/// Whose words they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Theirs,
    Ours,
    /// The platform's: a card, or a line of its own.
    Platform,
}

impl Side {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Theirs => "theirs",
            Self::Ours => "ours",
            Self::Platform => "quiet",
        }
    }
}

/// One message, or one send.
pub(super) struct Bubble {
    pub(super) side: Side,
    pub(super) at: Timestamp,
    pub(super) text: String,
    /// A picture that this server has; empty: none.
    pub(super) picture: String,
    /// Pictures elsewhere.
    pub(super) links: Vec<String>,
    /// Who wrote it, on our side.
    pub(super) who: String,
    /// What was decided, or what became of it; how that looks; and why.
    pub(super) state: String,
    pub(super) look: &'static str,
    pub(super) reason: String,
    /// Where the decision is explained; empty: there is none.
    pub(super) why: String,
    pub(super) acts: Acts,
}

/// What a person may do about a send.
#[derive(Debug, Default)]
pub(super) struct Acts {
    /// The send's address; empty: there is nothing to be done.
    pub(super) send: String,
    pub(super) may_cancel: bool,
    /// Nobody knows whether it arrived.
    pub(super) is_in_doubt: bool,
    pub(super) may_retry: bool,
    pub(super) is_of_delivery: bool,
}

impl Thread {
    /// `here`: the page without what it is asked for beyond the list.
    pub(super) async fn read(panel: &Panel, key: &ConversationKey, page: i64, here: &str) -> ApiResult<Self> {
        let part = asked(&format!("page={page}&per_page={PART}"))?;
        let said = conversations::messages(panel.caller.clone(), key.clone(), part, panel.app.clone()).await?.0;
        let is_oldest = page.saturating_mul(PART) >= said.total;
        let since = said.items.last().map(|message| message.sent_at).filter(|_| !is_oldest);
        let sent = if said.items.is_empty() && page > 1 {
            Vec::new()
        } else {
            sent_between(panel, key, since, begin_of_newer(panel, key, page).await?).await?
        };
        let is_echo =
            |message: &MessageView| sent.iter().any(|send| send.message_id.as_ref() == Some(&message.message_id));
        let number = page.to_string();
        let why = |message: &MessageView| with(here, &[("page", &number), ("why", message.message_id.as_str())]);
        let of_messages = said.items.iter().filter(|message| !is_echo(message));
        let mut bubbles: Vec<Bubble> =
            of_messages.map(|message| Bubble::of_message(message, panel, why(message))).collect();
        // What came newest stands first: in order of time, and what answers behind what it answers.
        bubbles.reverse();
        bubbles.extend(sent.iter().rev().map(|send| Bubble::of_send(send, panel)));
        bubbles.sort_by_key(|bubble| bubble.at);
        let at = |page: i64| with(here, &[("page", &page.to_string())]);
        Ok(Self {
            bubbles,
            older: if is_oldest { String::new() } else { at(page + 1) },
            newer: if page > 1 { at(page - 1) } else { String::new() },
        })
    }
}

/// When the oldest message of the page before was sent: what came later stands there.
async fn begin_of_newer(panel: &Panel, key: &ConversationKey, page: i64) -> ApiResult<Option<Timestamp>> {
    if page <= 1 {
        return Ok(None);
    }
    let one = asked(&format!("page={}&per_page=1", (page - 1).saturating_mul(PART)))?;
    let said = conversations::messages(panel.caller.clone(), key.clone(), one, panel.app.clone()).await?.0;
    Ok(said.items.first().map(|message| message.sent_at))
}

async fn sent_between(
    panel: &Panel,
    key: &ConversationKey,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> ApiResult<Vec<EntryView>> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("conversation", &key::conversation(key.account, &key.conversation));
    query.append_pair("per_page", &SENDS.to_string());
    for (name, at) in [("since", since), ("until", until)] {
        if let Some(at) = at {
            query.append_pair(name, &at.to_string());
        }
    }
    let sent = outbox::list(panel.caller.clone(), asked(&query.finish())?, panel.app.clone()).await?;
    Ok(sent.0.items)
}

impl Bubble {
    fn of_message(message: &MessageView, panel: &Panel, why: String) -> Self {
        let side = side_of(message);
        let (text, links) = shown(message, panel);
        let (look, state) = match side {
            Side::Theirs => decided(message, panel),
            Side::Ours | Side::Platform => ("", String::new()),
        };
        let who = match side {
            Side::Ours => panel.t("在闲鱼上发出", "written on the platform").to_owned(),
            Side::Theirs | Side::Platform => String::new(),
        };
        let why = if side == Side::Theirs { why } else { String::new() };
        let reason = String::new();
        let acts = Acts::default();
        Self { side, at: message.sent_at, text, picture: String::new(), links, who, state, look, reason, why, acts }
    }

    fn of_send(send: &EntryView, panel: &Panel) -> Self {
        let (look, state) = send_texts::state(send.state);
        let (mut text, mut picture, mut links) = (String::new(), String::new(), Vec::new());
        match &send.body {
            Body::Text { text: words } => text.clone_from(words),
            Body::Image { url, .. } => match PictureId::of_address(url) {
                Some(id) => picture = format!("/api/v1/pictures/{id}/file"),
                None => links.extend(web_address(url)),
            },
        }
        let mut reason =
            send.reason.as_deref().map(|reason| send_texts::reason(reason, panel.language)).unwrap_or_default();
        if is_sent_again(send) {
            let again = panel.t("已重新发送", "it was sent again");
            reason = if reason.is_empty() { again.to_owned() } else { format!("{reason} · {again}") };
        }
        Self {
            side: Side::Ours,
            at: send.created_at,
            text,
            picture,
            links,
            who: send_texts::origin(send.origin).in_language(panel.language).to_owned(),
            state: state.in_language(panel.language).to_owned(),
            look,
            reason,
            why: String::new(),
            acts: Acts::of(send),
        }
    }
}

fn is_sent_again(send: &EntryView) -> bool {
    send.reason.as_deref().and_then(successor).is_some()
}

impl Acts {
    fn of(send: &EntryView) -> Self {
        let is_of_delivery = send.origin == Origin::Delivery;
        let may_retry = !is_of_delivery && !is_sent_again(send);
        let acts = match send.state {
            State::Queued => Self { may_cancel: true, ..Self::default() },
            State::Uncertain => Self { is_in_doubt: true, may_retry, ..Self::default() },
            State::Rejected | State::Expired => Self { may_retry, ..Self::default() },
            State::Sent | State::Confirmed => return Self::default(),
        };
        Self { send: send.id.clone(), is_of_delivery, ..acts }
    }
}

/// The kinds of content that people write; everything else is the platform's.
const WRITTEN: std::ops::RangeInclusive<i64> = 1..=5;

fn side_of(message: &MessageView) -> Side {
    match (message.decision.as_deref(), message.reason.as_deref()) {
        (Some("own"), _) => Side::Ours,
        (_, Some("not_a_person")) => Side::Platform,
        _ if !WRITTEN.contains(&message.content_type) => Side::Platform,
        _ => Side::Theirs,
    }
}

/// What was decided about what the buyer wrote.
fn decided(message: &MessageView, panel: &Panel) -> (&'static str, String) {
    match message.decision.as_deref() {
        Some("answer") => ("good", panel.t("已自动回复", "answered").to_owned()),
        Some("merged") => ("", panel.t("与后一条一起处理", "taken together with the next one").to_owned()),
        decision => {
            let why = reason_texts::unsaid(decision, message.reason.as_deref());
            (if message.needs_person { "warm" } else { "" }, why.in_language(panel.language).to_owned())
        }
    }
}

/// The platform's number of a picture.
const PICTURE: i64 = 2;

/// The text, and the addresses of pictures, which are stored behind what stands for them.
fn shown(message: &MessageView, panel: &Panel) -> (String, Vec<String>) {
    if message.text.trim().is_empty() {
        return (panel.t("（没有文字的消息）", "(a message without words)").to_owned(), Vec::new());
    }
    if message.content_type != PICTURE {
        return (message.text.clone(), Vec::new());
    }
    let links: Vec<String> = message.text.split_whitespace().filter_map(web_address).collect();
    let text = if links.is_empty() { message.text.clone() } else { String::new() };
    (text, links)
}

/// Nothing but an address in the web becomes a link.
fn web_address(text: &str) -> Option<String> {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web.then(|| text.to_owned())
}
