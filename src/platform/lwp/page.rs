//! Reads the answers that list things: conversations, history, a conversation made.

use serde_json::Value;

use super::{
    event::{ConversationHead, ConversationPage, HistoryPage},
    message, tree,
};
use crate::ids::{ConversationId, Timestamp};

/// The answer to a list of conversations. `None` if it is none; a conversation that cannot be read (a group, a notice) is left out.
pub(super) fn conversations(body: &Value) -> Option<ConversationPage> {
    let list = body.get("userConvs")?.as_array()?;
    Some(ConversationPage { conversations: list.iter().filter_map(head).collect(), next: next(body) })
}

/// The answer to a list of messages. `None` if it is none; messages that cannot be read are counted.
pub(super) fn history(body: &Value) -> Option<HistoryPage> {
    let models = body.get("userMessageModels")?.as_array()?;
    let messages: Vec<_> = models.iter().filter_map(message::from_history).collect();
    let unreadable = models.len() - messages.len();
    Some(HistoryPage { messages, next: next(body), unreadable })
}

/// The conversation in the answer to its creation, in any of the wrappings that were seen.
pub(super) fn conversation(body: &Value) -> Option<ConversationId> {
    let body = body.get("data").unwrap_or(body);
    let body = body.get(0).unwrap_or(body);
    let body = body.get("singleChatUserConversation").unwrap_or(body);
    tree::typed(body.get("singleChatConversation").unwrap_or(body).get("cid"))
}

fn head(value: &Value) -> Option<ConversationHead> {
    let outer = value.get("singleChatUserConversation")?;
    let conversation = outer.get("singleChatConversation")?;
    let extension = |key| tree::at(conversation, &["extension", key]);
    Some(ConversationHead {
        conversation: tree::typed(conversation.get("cid"))?,
        pair: [tree::typed(conversation.get("pairFirst"))?, tree::typed(conversation.get("pairSecond"))?],
        item: tree::typed(extension("itemId")),
        item_title: tree::text(extension("itemTitle")).map(str::to_owned),
        item_seller: tree::typed(extension("itemSellerId")),
        modified_at: Timestamp(tree::integer(outer.get("modifyTime")).unwrap_or(0)),
        last_message: outer.get("lastMessage").and_then(message::from_history),
    })
}

/// Where the next page begins, if the answer says there is one.
fn next(body: &Value) -> Option<i64> {
    tree::flag(body.get("hasMore"))?.then(|| tree::integer(body.get("nextCursor"))).flatten()
}
