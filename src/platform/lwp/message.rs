//! Reads a message from the forms it comes in: a push, the history, the web client's JSON.

use std::fmt::Write;

use md5::{Digest, Md5};
use serde_json::Value;

use super::{
    content::{self, ContentBody},
    event::{MADE_UP, Message},
    extension::Extension,
    tree,
};
use crate::ids::{BuyerId, ConversationId, MessageId, Timestamp};

/// What the forms have in common. A message without id, conversation or sender is none.
struct Parts<'a> {
    id: Option<MessageId>,
    conversation: Option<ConversationId>,
    created_at: Option<i64>,
    /// Who sent it, where the extension does not say.
    sender: Option<BuyerId>,
    content: ContentBody,
    /// Display text, where the extension has none.
    summary: Option<&'a str>,
    extension: Extension<'a>,
    group: bool,
    need_push: Option<bool>,
}

impl Parts<'_> {
    fn into_message(self) -> Option<Message> {
        let extension = &self.extension;
        let reminder = extension.text("reminderContent").or(self.summary).unwrap_or_else(|| self.content.display());
        let content_type = self.content.content_type;
        let message = Message {
            id: self.id?,
            business_id: extension.business_id(),
            conversation: self.conversation?,
            // without a time a message counts as old: it is kept for a person and not answered
            created_at: Timestamp(self.created_at.unwrap_or(0)),
            sender: extension.sender().or(self.sender)?,
            sender_name: None,
            content_type,
            content: self.content.content(extension, reminder),
            reminder: reminder.to_owned(),
            item: extension.item().or_else(|| self.content.item()),
            group: self.group || extension.is_group(),
            tip: extension.is_tip(),
            need_push: self.need_push,
        };
        let named = message.is_written_by_a_person();
        let sender_name = extension.text("reminderTitle").filter(|_| named).map(str::to_owned);
        Some(Message { sender_name, ..message })
    }
}

/// A message push: the tree whose `1` has a `6`.
pub(super) fn from_push(value: &Value) -> Option<Message> {
    let message = value.get("1")?;
    let custom = tree::at(message, &["6", "3"]);
    let custom_field = |key| custom.and_then(|custom| custom.get(key));
    let sender = message.get("1").map(|sender| sender.get("1").unwrap_or(sender));
    let body = tree::embedded(custom_field("5")).map(std::borrow::Cow::into_owned);
    Parts {
        id: tree::typed(message.get("3")),
        conversation: tree::typed(message.get("2")),
        created_at: tree::integer(message.get("5")),
        sender: tree::typed(sender),
        content: ContentBody::new(tree::integer(custom_field("4")), body),
        summary: tree::text(custom_field("2")),
        extension: Extension::new(message.get("10")),
        group: false,
        need_push: tree::flag(tree::at(value, &["3", "needPush"])),
    }
    .into_message()
}

/// One element of `userMessageModels`, or the `lastMessage` of a conversation.
pub(super) fn from_history(model: &Value) -> Option<Message> {
    let message = model.get("message").unwrap_or(model);
    let custom = tree::at(message, &["content", "custom"]);
    let custom_field = |key| custom.and_then(|custom| custom.get(key));
    let body = tree::text(custom_field("data")).and_then(content::decode);
    Parts {
        id: tree::typed(message.get("messageId")),
        conversation: tree::typed(message.get("cid")),
        created_at: tree::integer(message.get("createAt")),
        sender: tree::typed(tree::at(message, &["sender", "uid"])),
        content: ContentBody::new(tree::integer(custom_field("type")), body),
        summary: tree::text(custom_field("summary")),
        extension: Extension::new(message.get("extension")),
        group: false,
        need_push: tree::flag(tree::at(model, &["userExtension", "needPush"])),
    }
    .into_message()
}

/// The web client's JSON form: `operation.content` with a `sessionId` beside it.
pub(super) fn from_web(value: &Value) -> Option<Message> {
    let operation = value.get("operation")?;
    let content = operation.get("content")?;
    let session = operation.get("sessionInfo");
    let first = |keys: &[&str]| {
        let places = [operation, content, value];
        places.into_iter().find_map(|place| keys.iter().find_map(|key| place.get(key)))
    };
    let id = tree::typed(first(&["messageId"])).unwrap_or_else(|| fingerprint(value));
    let message = Parts {
        id: Some(id),
        conversation: tree::typed(value.get("sessionId").or_else(|| session?.get("sessionId"))),
        created_at: tree::integer(first(&["createAt", "createTime", "timestamp", "timeStamp"])),
        sender: tree::typed(tree::at(operation, &["senderInfo", "senderUserId"])),
        content: web_content(content),
        summary: None,
        extension: Extension::new(content.get("reminder")),
        group: tree::integer(session.and_then(|session| session.get("sessionType"))) == Some(30),
        need_push: None,
    }
    .into_message()?;
    let item = message.item.clone().or_else(|| tree::typed(tree::at(session?, &["extensions", "itemId"])));
    Some(Message { item, ..message })
}

/// Content type 101 wraps the usual content JSON; the other types stand as they are.
fn web_content(content: &Value) -> ContentBody {
    let custom = content.get("custom");
    let wrapped = custom.and_then(|custom| tree::text(custom.get("data"))).and_then(content::decode);
    let declared = tree::integer(content.get("contentType"));
    let inner = tree::integer(custom.and_then(|custom| custom.get("type")));
    match wrapped {
        Some(body) => ContentBody::new(inner.or(declared), Some(body)),
        None => ContentBody::new(declared, Some(content.clone())),
    }
}

/// The web form was never seen with a message id. The same bytes are the same message; that much can be told.
fn fingerprint(value: &Value) -> MessageId {
    let digest = Md5::digest(value.to_string().as_bytes());
    let mut id = String::from(MADE_UP);
    for byte in digest {
        let _ = write!(id, "{byte:02x}"); // writing to a String cannot fail
    }
    MessageId::from(id)
}
