//! What a push entry means: the typed events, and how they are read from the decoded tree.

use serde::Serialize;

use crate::ids::{BuyerId, ConversationId, ItemId, MessageId, OrderId, Timestamp};

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
