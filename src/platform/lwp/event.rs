//! What a push entry means: the typed events, and how they are read from the decoded tree.

use serde::Serialize;
use serde_json::Value;

use super::{
    content,
    extension::Extension,
    message, page,
    tree::{self, typed},
};
use crate::ids::{BuyerId, ConversationId, ItemId, MessageId, OrderId, Timestamp};

/// Begins the id of a message to which the platform gave none.
pub(super) const MADE_UP: &str = "web-";

/// One entry of a push.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Somebody wrote, or the platform did (cards, tips): see [`Content`].
    Message(Box<Message>),
    /// The state of an existing card changed.
    CardUpdate(Box<CardUpdate>),
    /// The badge of a conversation changed. An empty text clears it.
    Badge {
        conversation: ConversationId,
        text: String,
        style: String,
        at: Timestamp,
    },
    /// A message exists whose body must be fetched from the history.
    Pointer {
        conversation: ConversationId,
        message: MessageId,
        at: Timestamp,
    },
    /// The other side read these messages.
    Read {
        conversation: ConversationId,
        messages: Vec<MessageId>,
        at: Timestamp,
    },
    Typing {
        conversation: ConversationId,
        user: BuyerId,
        on: bool,
    },
    /// The platform woke a conversation up and suggests phrases. Nobody wrote.
    Arouse {
        conversation: Option<ConversationId>,
        item: Option<ItemId>,
        phrases: Vec<String>,
    },
    /// Decoded, but nothing we know. Counted and kept.
    Unknown,
}

/// A message of a conversation, from a push or from the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    pub id: MessageId,
    /// The 32-hex id inside the extension: a different id for the same message.
    pub business_id: Option<String>,
    pub conversation: ConversationId,
    pub created_at: Timestamp,
    pub sender: BuyerId,
    /// Only for what people write (content types 1–5): on cards the field holds a status sentence.
    pub sender_name: Option<String>,
    /// The number in `1.6.3.4`.
    pub content_type: i64,
    pub content: Content,
    /// The platform's display text: the text itself, `[图片]`, or a bracketed system sentence.
    pub reminder: String,
    pub item: Option<ItemId>,
    /// A group chat (session type 30).
    pub group: bool,
    /// The platform marks it as its own tip.
    pub tip: bool,
    /// `false` on own echoes and silent messages.
    pub need_push: Option<bool>,
}

impl Message {
    /// Whether the id is the platform's own. Where an entry carries none, one is made up that the history will not repeat.
    pub fn has_platform_id(&self) -> bool {
        !self.id.as_str().starts_with(MADE_UP)
    }

    /// Content types 1–5 are what a person writes; everything else is the platform speaking in somebody's name.
    pub fn is_written_by_a_person(&self) -> bool {
        (1..=5).contains(&self.content_type) && !self.tip
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    Text {
        text: String,
    },
    Image {
        pictures: Vec<Picture>,
    },
    Voice,
    Sticker,
    Tip {
        text: String,
    },
    Card(Card),
    /// A content type we do not know; `reminder` still says what a phone would show.
    Other,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Picture {
    pub url: String,
    /// Pixels; 0 where the platform does not say.
    pub width: u32,
    pub height: u32,
}

/// The fields of a trade card, wherever it came from. Texts are the platform's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Card {
    pub title: Option<String>,
    pub button: Option<String>,
    pub order: Option<OrderId>,
    /// `extJson.updateKey`: `<cid>:<order>:<suffix>`.
    pub update_key: Option<String>,
    pub task_name: Option<String>,
    /// Text of the conversation's badge.
    pub red_reminder: Option<String>,
    /// The account is the buyer of this order.
    pub bought: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CardUpdate {
    pub message: MessageId,
    pub business_id: Option<String>,
    pub conversation: ConversationId,
    pub at: Timestamp,
    pub sender: Option<BuyerId>,
    pub reminder: String,
    pub item: Option<ItemId>,
    pub card: Card,
}

/// The other end of a conversation and what it is about, from the conversation list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConversationHead {
    pub conversation: ConversationId,
    /// Both sides' ids, as the platform pairs them.
    pub pair: [BuyerId; 2],
    pub item: Option<ItemId>,
    pub item_title: Option<String>,
    /// Who sells the item: decides which side of the conversation is ours.
    pub item_seller: Option<BuyerId>,
    pub modified_at: Timestamp,
    pub last_message: Option<Message>,
}

/// One page of the conversation list, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConversationPage {
    pub conversations: Vec<ConversationHead>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<i64>,
}

/// One page of a conversation's history, newest first. Unreadable messages are left out and counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryPage {
    pub messages: Vec<Message>,
    pub next: Option<i64>,
    pub unreadable: usize,
}

/// What a decoded entry is. Never fails: what nobody knows is [`Event::Unknown`].
pub fn classify(value: &Value) -> Event {
    let event = match value.get("1") {
        Some(first) => by_first_field(value, first),
        None => value.get("operation").and_then(|operation| web_form(value, operation)),
    };
    event.unwrap_or(Event::Unknown)
}

/// One element of the history's `userMessageModels`; `None` without an id, a conversation or a sender.
pub fn message_from_history(model: &Value) -> Option<Message> {
    message::from_history(model)
}

/// The body of an answer to a list of conversations; `None` if it is something else.
pub fn conversation_page(body: &Value) -> Option<ConversationPage> {
    page::conversations(body)
}

/// The body of an answer to a list of messages; `None` if it is something else.
pub fn history_page(body: &Value) -> Option<HistoryPage> {
    page::history(body)
}

/// The kinds are told apart by the shape of their first field, in this order: a conversation id and a message id are both strings.
fn by_first_field(value: &Value, first: &Value) -> Option<Event> {
    match first {
        Value::Object(inner) => {
            inner.get("6")?;
            message::from_push(value).map(|message| Event::Message(Box::new(message)))
        }
        Value::Array(list) => match list.first()? {
            Value::Object(_) => typing(list.first()?),
            _ => read_list(value, list),
        },
        Value::String(_) if tree::at(value, &["4", "reminderContent"]).is_some() => card_update(value),
        Value::String(id) if id.ends_with(".PNM") => read_single(value),
        Value::String(id) if id.ends_with("@goofish") => conversation_news(value),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn card_update(value: &Value) -> Option<Event> {
    let extension = Extension::new(value.get("4"));
    let update = CardUpdate {
        message: typed(value.get("1"))?,
        business_id: extension.business_id(),
        conversation: typed(value.get("2"))?,
        at: time(value.get("5")),
        sender: extension.sender(),
        reminder: extension.text("reminderContent").unwrap_or_default().to_owned(),
        item: extension.item(),
        card: content::card_of(&extension),
    };
    Some(Event::CardUpdate(Box::new(update)))
}

/// A push tells of one person; a list of several was never seen.
fn typing(entry: &Value) -> Option<Event> {
    let on = tree::integer(entry.get("3")) != Some(0);
    Some(Event::Typing { conversation: typed(entry.get("1"))?, user: typed(entry.get("4"))?, on })
}

fn read_list(value: &Value, list: &[Value]) -> Option<Event> {
    let messages: Vec<MessageId> = list.iter().filter_map(|id| typed(Some(id))).collect();
    let is_receipt = tree::integer(value.get("2")) == Some(2) && !messages.is_empty();
    is_receipt.then_some(())?;
    Some(Event::Read { conversation: typed(value.get("3"))?, messages, at: time(value.get("5")) })
}

fn read_single(value: &Value) -> Option<Event> {
    (tree::integer(value.get("2")) == Some(2)).then_some(())?;
    let messages = vec![typed(value.get("1"))?];
    Some(Event::Read { conversation: typed(value.get("4"))?, messages, at: time(value.get("6")) })
}

/// A badge has a map where a pointer has the id of the message.
fn conversation_news(value: &Value) -> Option<Event> {
    let conversation = typed(value.get("1"))?;
    let at = time(value.get("4"));
    match value.get("3")? {
        badge @ Value::Object(_) => {
            let text = |key| tree::text(badge.get(key)).unwrap_or_default().to_owned();
            Some(Event::Badge { conversation, text: text("redReminder"), style: text("redReminderStyle"), at })
        }
        message @ Value::String(_) => Some(Event::Pointer { conversation, message: typed(Some(message))?, at }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn web_form(value: &Value, operation: &Value) -> Option<Event> {
    match operation.get("content").and_then(|content| content.get("sessionArouse")) {
        Some(arouse) => Some(aroused(value, operation, arouse)),
        None => message::from_web(value).map(|message| Event::Message(Box::new(message))),
    }
}

fn aroused(value: &Value, operation: &Value, arouse: &Value) -> Event {
    let session = |path: &[&str]| tree::at(operation.get("sessionInfo")?, path);
    let scripts = tree::at(arouse, &["sessionArouseInfo", "arouseChatScriptInfo"]).and_then(Value::as_array);
    let phrases = scripts.into_iter().flatten().filter_map(|script| tree::text(script.get("chatScrip")));
    Event::Arouse {
        conversation: typed(session(&["sessionId"]).or_else(|| value.get("sessionId"))),
        item: typed(session(&["extensions", "itemId"])),
        phrases: phrases.map(str::to_owned).collect(),
    }
}

/// Zero where the platform says nothing: older than everything.
fn time(value: Option<&Value>) -> Timestamp {
    Timestamp(tree::integer(value).unwrap_or(0))
}
