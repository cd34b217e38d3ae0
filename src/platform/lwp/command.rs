//! Everything the client says: each function builds one whole text frame.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::mid::Mid;
use crate::ids::{BuyerId, ConversationId, ItemId, MessageId, Timestamp};

/// The app key of the chat, not of the signed gateway. Access tokens are bound to it.
pub const APP_KEY: &str = "444e9908a51d1cb236a27862abc769c9";
/// The cursor that means "from the newest": the largest number a browser can hold exactly.
const NEWEST: i64 = (1 << 53) - 1;
/// What a picture is shown as where nobody measured it; zero would make it invisible.
const UNMEASURED: (u32, u32) = (800, 600);

/// A request that waits for its answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    SendText {
        conversation: ConversationId,
        peer: BuyerId,
        text: String,
        /// The number behind the uuid, milliseconds-like: 13 digits.
        uuid: i64,
    },
    SendImage {
        conversation: ConversationId,
        peer: BuyerId,
        url: String,
        /// Pixels; 0 where nobody measured it.
        width: u32,
        height: u32,
        uuid: i64,
    },
    /// Finds the conversation with somebody about an item, or makes it.
    CreateConversation {
        peer: BuyerId,
        item: ItemId,
    },
    /// A page of conversations, newest first; no cursor means the first page.
    ListConversations {
        cursor: Option<i64>,
        limit: u32,
    },
    /// A page of a conversation's messages, newest first; no cursor means the first page.
    ListMessages {
        conversation: ConversationId,
        cursor: Option<i64>,
        limit: u32,
    },
    MarkRead(Vec<MessageId>),
    Recall(MessageId),
}

impl Command {
    /// The frame, spoken by `own`.
    pub fn frame(&self, mid: Mid, own: &BuyerId) -> String {
        let (path, body) = self.request(own);
        request(path, mid, body)
    }

    fn request(&self, own: &BuyerId) -> (&'static str, Value) {
        match self {
            Self::SendText { conversation, peer, text, uuid } => {
                send(conversation, peer, own, *uuid, &text_content(text))
            }
            Self::SendImage { conversation, peer, url, width, height, uuid } => {
                send(conversation, peer, own, *uuid, &image_content(url, *width, *height))
            }
            Self::CreateConversation { peer, item } => create_conversation(peer, own, item),
            Self::ListConversations { cursor, limit } => {
                ("/r/Conversation/listNewestPagination", json!([cursor.unwrap_or(NEWEST), limit]))
            }
            Self::ListMessages { conversation, cursor, limit } => {
                let body = json!([suffixed(conversation.as_str()), false, cursor.unwrap_or(NEWEST), limit, false]);
                ("/r/MessageManager/listUserMessages", body)
            }
            Self::MarkRead(messages) => ("/r/MessageStatus/read", json!([messages])),
            Self::Recall(message) => ("/r/MessageManager/recallMessage", json!([message])),
        }
    }
}

/// What a registration says about the client.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    pub token: &'a str,
    /// The id the token was issued for.
    pub device_id: &'a str,
    pub user_agent: &'a str,
}

/// The first frame of a connection. Everything but the client's fields is constant on the wire.
pub fn register(mid: Mid, client: Client<'_>) -> String {
    let headers = json!({
        "cache-header": "app-key token ua wv",
        "app-key": APP_KEY,
        "token": client.token,
        "ua": client.user_agent,
        "dt": "j",
        "wv": "im:3,au:3,sy:6",
        "sync": "0,0;0;0;",
        "did": client.device_id,
        "mid": mid.to_string(),
    });
    json!({ "lwp": "/reg", "headers": headers }).to_string()
}

/// Tells the platform what was seen already; without a stored cursor, everything up to now.
pub fn ack_diff(mid: Mid, pts: Option<i64>, now: Timestamp) -> String {
    let pts = pts.unwrap_or_else(|| now.0.saturating_mul(1000));
    let position = json!({
        "pipeline": "sync", "tooLong2Tag": "PNM,1", "channel": "sync", "topic": "sync",
        "highPts": 0, "pts": pts, "seq": 0, "timestamp": now.0,
    });
    request("/r/SyncStatus/ackDiff", mid, json!([position]))
}

pub fn heartbeat(mid: Mid) -> String {
    json!({ "lwp": "/!", "headers": { "mid": mid.to_string() } }).to_string()
}

/// The id of a send in the documented form: `-`, 13 digits, `1`.
pub fn uuid(number: i64) -> String {
    format!("-{number:013}1")
}

fn request(path: &str, mid: Mid, body: Value) -> String {
    json!({ "lwp": path, "headers": { "mid": mid.to_string() }, "body": body }).to_string()
}

fn send(
    conversation: &ConversationId,
    peer: &BuyerId,
    own: &BuyerId,
    number: i64,
    content: &Value,
) -> (&'static str, Value) {
    let data = BASE64_STANDARD.encode(content.to_string());
    let message = json!({
        "uuid": uuid(number),
        "cid": suffixed(conversation.as_str()),
        "conversationType": 1,
        "content": { "contentType": 101, "custom": { "type": 1, "data": data } },
        "redPointPolicy": 0,
        "extension": { "extJson": "{}" },
        "ctx": { "appVersion": "1.0", "platform": "web" },
        "mtags": {},
        "msgReadStatusSetting": 1,
    });
    let receivers = json!({ "actualReceivers": [suffixed(peer.as_str()), suffixed(own.as_str())] });
    ("/r/MessageSend/sendByReceiverScope", json!([message, receivers]))
}

fn text_content(text: &str) -> Value {
    json!({ "contentType": 1, "text": { "text": text } })
}

fn image_content(url: &str, width: u32, height: u32) -> Value {
    let (width, height) = if width == 0 || height == 0 { UNMEASURED } else { (width, height) };
    json!({ "contentType": 2, "image": { "pics": [{ "type": 0, "url": url, "width": width, "height": height }] } })
}

fn create_conversation(peer: &BuyerId, own: &BuyerId, item: &ItemId) -> (&'static str, Value) {
    let body = json!([{
        "pairFirst": suffixed(peer.as_str()),
        "pairSecond": suffixed(own.as_str()),
        "bizType": "1",
        "extension": { "itemId": item },
        "ctx": { "appVersion": "1.0", "platform": "web" },
    }]);
    ("/r/SingleChatConversation/create", body)
}

/// People and conversations carry the platform's name on the wire.
fn suffixed(id: &str) -> String {
    format!("{id}@goofish")
}
