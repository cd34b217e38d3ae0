//! Requests of a registered connection, and their answers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    account::Account,
    conversation::Conversation,
    event::SimEvent,
    fault::Faults,
    line::now,
    lwp::{self, Incoming},
    message::{Message, Scene},
    send,
    state::State,
    tree,
};
use crate::ids::{BuyerId, ConversationId, ItemId, MessageId};

/// Answer code and body.
pub(super) type Reply = (u16, Option<Value>);

/// Handles a request; its answer, if any, goes to the connection `line`.
pub(super) fn handle(account: &Account, line: u64, path: &str, incoming: &Incoming<'_>) {
    let (faults, revoked) = {
        let state = account.lock();
        let Some(line) = state.lines.iter().find(|open| open.id == line) else { return };
        (state.faults.clone(), line.epoch != state.epoch)
    };
    let to = Requester { account, line, mid: incoming.mid(), faults: &faults };
    match path {
        _ if revoked => to.answer((401, reason("token invalid"))),
        "/!" => heartbeat(&to),
        "/r/SyncStatus/ackDiff" => ack_diff(&to, incoming),
        _ if faults.hang_requests => (),
        "/r/MessageSend/sendByReceiverScope" => send::send(&to, incoming),
        "/r/SyncStatus/getState" => to.answer(sync_state(account)),
        "/r/SingleChatConversation/create" => to.answer(create(account, incoming)),
        "/r/Conversation/listNewestPagination" | "/r/MessageManager/listUserMessages" if faults.too_fast => {
            to.answer((400, Some(json!({"code": "400600001", "reason": "flow control"}))));
        }
        "/r/Conversation/listNewestPagination" => to.answer(list_conversations(account, incoming)),
        "/r/MessageManager/listUserMessages" => to.answer(list_messages(account, incoming)),
        "/r/MessageStatus/read" => to.answer(mark_read(account, incoming)),
        "/r/MessageManager/recallMessage" => to.answer(recall(account, incoming)),
        _ => to.answer((404, reason("no such service"))),
    }
}

/// Who asked, and how the answer reaches them.
pub(super) struct Requester<'a> {
    pub(super) account: &'a Account,
    pub(super) line: u64,
    pub(super) mid: &'a str,
    pub(super) faults: &'a Faults,
}

impl Requester<'_> {
    pub(super) fn answer(&self, reply: Reply) {
        self.answer_under(&self.account.lock(), reply);
    }

    pub(super) fn answer_under(&self, state: &State, (code, body): Reply) {
        if let Some(line) = state.lines.iter().find(|open| open.id == self.line) {
            line.text(lwp::answer(self.mid, line.sid(), code, body.as_ref()), self.faults);
        }
    }
}

fn heartbeat(to: &Requester<'_>) {
    to.account.shared.events.whisper(|| SimEvent::Heartbeat { account: to.account.name.clone() });
    if !to.faults.silent_heartbeat {
        to.answer((200, None));
    }
}

fn ack_diff(to: &Requester<'_>, incoming: &Incoming<'_>) {
    #[derive(Deserialize)]
    struct Cursor {
        pts: i64,
    }
    let cursor = incoming.body::<(Cursor,)>();
    let state = to.account.lock();
    match cursor {
        Ok((Cursor { pts },)) => {
            let body = json!({"syncExtensionModel": {"fingerprint": -898_528_959}, "syncExtraType": {"type": 0}});
            to.answer_under(&state, (200, Some(body)));
            drop(state);
            to.account.go_live(to.line, Some(pts));
        }
        Err(error) => to.answer_under(&state, (400, reason(&error))),
    }
}

/// The cursor object that `ackDiff` may send back as it is.
fn sync_state(account: &Account) -> Reply {
    let (pts, at) = (account.lock().last_pts(), now());
    let body = json!({
        "pipeline": "sync", "tooLong2Tag": "PNM,1", "channel": "sync", "topic": "sync",
        "highPts": 0, "pts": pts, "seq": 0, "timestamp": at,
    });
    (200, Some(body))
}

fn create(account: &Account, incoming: &Incoming<'_>) -> Reply {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Pair {
        pair_first: String,
        pair_second: String,
        extension: Extension,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Extension {
        item_id: ItemId,
    }
    let (pair,) = match incoming.body::<(Pair,)>() {
        Ok(body) => body,
        Err(error) => return (400, reason(&error)),
    };
    let (first, second): (BuyerId, BuyerId) = (bare(&pair.pair_first), bare(&pair.pair_second));
    let peer = if first == account.uid { second } else { first };
    let mut state = account.lock();
    let id = state.conversation(&account.shared, &peer, &pair.extension.item_id, &account.uid);
    let Some(conversation) = state.conversations.get(&id) else { return (500, None) };
    (200, Some(json!({"singleChatConversation": head(conversation, &account.uid)})))
}

fn list_conversations(account: &Account, incoming: &Incoming<'_>) -> Reply {
    let (cursor, limit) = match incoming.body::<(i64, usize)>() {
        Ok(body) => body,
        Err(error) => return (400, reason(&error)),
    };
    let state = account.lock();
    let mut open: Vec<&Conversation> = state
        .conversations
        .values()
        .filter(|conversation| conversation.last().is_some() && conversation.modified_at < cursor)
        .collect();
    open.sort_unstable_by(|a, b| b.modified_at.cmp(&a.modified_at).then_with(|| a.id.cmp(&b.id)));
    // a page never ends between two conversations of the same millisecond: the cursor could not name the second
    let border = open.get(limit.saturating_sub(1)).map_or(i64::MIN, |last| last.modified_at);
    let end = open.partition_point(|conversation| conversation.modified_at >= border);
    let more = end < open.len();
    let page: Vec<Value> =
        open[..end].iter().map(|conversation| user_conversation(conversation, &account.uid)).collect();
    (200, Some(json!({"hasMore": more, "nextCursor": if more { border } else { 0 }, "userConvs": page})))
}

fn list_messages(account: &Account, incoming: &Incoming<'_>) -> Reply {
    let (cid, _, cursor, limit, _) = match incoming.body::<(String, bool, i64, usize, bool)>() {
        Ok(body) => body,
        Err(error) => return (400, reason(&error)),
    };
    let state = account.lock();
    let Some(conversation) = state.conversations.get(&bare::<ConversationId>(&cid)) else {
        return (404, reason("conversation not found"));
    };
    let page = conversation.page(cursor, limit);
    let scene = conversation.scene(&account.uid);
    let models: Vec<Value> = page.messages.iter().map(|message| model(message, &scene)).collect();
    let body = json!({
        "hasMore": i32::from(page.next.is_some()), "nextCursor": page.next.unwrap_or(0), "userMessageModels": models,
    });
    (200, Some(body))
}

fn mark_read(account: &Account, incoming: &Incoming<'_>) -> Reply {
    let (ids,) = match incoming.body::<(Vec<MessageId>,)>() {
        Ok(body) => body,
        Err(error) => return (400, reason(&error)),
    };
    let mut state = account.lock();
    let mut receipts = Vec::new();
    for id in &ids {
        let Some((conversation, message)) = find(&mut state, id) else { continue };
        message.read = true;
        receipts.push((tree::read(&conversation, std::slice::from_ref(id), now().0), None));
    }
    if !receipts.is_empty() {
        state.publish(&account.shared, receipts);
    }
    (200, None)
}

fn recall(account: &Account, incoming: &Incoming<'_>) -> Reply {
    let (id,) = match incoming.body::<(MessageId,)>() {
        Ok(body) => body,
        Err(error) => return (400, reason(&error)),
    };
    let mut state = account.lock();
    match find(&mut state, &id) {
        Some((_, message)) if message.sender == account.uid => {
            message.recalled = true;
            (200, None)
        }
        Some(_) => (403, reason("not your message")),
        None => (404, reason("message not found")),
    }
}

fn find<'a>(state: &'a mut State, id: &MessageId) -> Option<(ConversationId, &'a mut Message)> {
    let number: u64 = id.as_str().strip_suffix(".PNM")?.parse().ok()?;
    state.conversations.values_mut().find_map(|conversation| {
        let id = conversation.id.clone();
        conversation.find_mut(number).map(|message| (id, message))
    })
}

/// A conversation as `singleChatConversation`.
fn head(conversation: &Conversation, own: &BuyerId) -> Value {
    let title = format!("商品{}", conversation.item);
    json!({
        "cid": tree::at_goofish(conversation.id.as_str()),
        "pairFirst": tree::at_goofish(conversation.peer.as_str()), "pairSecond": tree::at_goofish(own.as_str()),
        "bizType": "1", "createAt": conversation.created_at, "msgReadStatusSetting": 1,
        "extension": {
            "itemId": conversation.item, "itemTitle": title, "itemMainPic": "https://img.example.invalid/1.jpg",
            "itemSellerId": conversation.item_seller, "extUserId": conversation.peer, "ownerUserId": conversation.item_seller,
            "extUserType": "0", "ownerUserType": "0",
        },
    })
}

fn user_conversation(conversation: &Conversation, own: &BuyerId) -> Value {
    let scene = conversation.scene(own);
    json!({"type": 1, "singleChatUserConversation": {
        "visible": true, "modifyTime": conversation.modified_at, "redPoint": conversation.unread(own),
        "joinTime": conversation.created_at, "topRank": 0, "muteNotification": false,
        "lastMessage": conversation.last().map(|message| model(message, &scene)),
        "singleChatConversation": head(conversation, own),
    }})
}

/// A message as the history shows it: content in base64 JSON, no MessagePack.
fn model(message: &Message, scene: &Scene<'_>) -> Value {
    let extension: serde_json::Map<String, Value> =
        message.extension(scene).into_iter().map(|(key, value)| (key.into(), value.into_owned().into())).collect();
    let custom = json!({
        "summary": message.reminder(), "title": "", "degrade": "",
        "type": message.content_type(), "data": STANDARD.encode(message.content(scene)),
    });
    json!({
        "readStatus": if message.read { 2 } else { 0 },
        "userExtension": {"needPush": message.need_push(scene)},
        "recallFeature": {"showRecallStatusSetting": 0, "operatorType": i32::from(message.recalled)},
        "msgStatus": 1,
        "message": {
            "messageId": message.id(), "cid": tree::at_goofish(scene.conversation.as_str()), "createAt": message.at,
            "unreadCount": 0, "msgReadStatusSetting": 1, "displayStyle": 0, "redPointPolicy": 0,
            "receiverCount": message.receivers(), "receivers": [],
            "sender": {"uid": tree::at_goofish(message.sender.as_str()), "tag": ""},
            "content": {"contentType": 101, "custom": custom},
            "extension": extension,
        },
    })
}

pub(super) fn reason(text: &str) -> Option<Value> {
    Some(json!({"reason": text}))
}

/// An id without its `@goofish`.
pub(super) fn bare<'a, Id: From<&'a str>>(id: &'a str) -> Id {
    Id::from(id.split_once('@').map_or(id, |(bare, _)| bare))
}
