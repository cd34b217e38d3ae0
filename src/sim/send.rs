//! Sending a message: the request whose fate the faults decide.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

use super::{
    account::Account,
    conversation::delivery,
    event::SimEvent,
    fault::Answer,
    line::now,
    lwp::{Incoming, Text},
    message::{Body, Device, pnm},
    request::{Requester, bare, reason},
    state::{Draft, State},
};
use crate::ids::{BuyerId, ConversationId};

#[derive(Deserialize)]
struct SendRequest<'a> {
    #[serde(borrow)]
    uuid: Text<'a>,
    #[serde(borrow)]
    cid: Text<'a>,
    #[serde(borrow)]
    content: SendContent<'a>,
}

#[derive(Deserialize)]
struct SendContent<'a> {
    #[serde(borrow)]
    custom: SendCustom<'a>,
}

#[derive(Deserialize)]
struct SendCustom<'a> {
    #[serde(borrow)]
    data: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scope<'a> {
    #[serde(borrow)]
    actual_receivers: Vec<Text<'a>>,
}

pub(super) fn send(to: &Requester<'_>, incoming: &Incoming<'_>) {
    let read = incoming
        .body::<(SendRequest<'_>, Scope<'_>)>()
        .and_then(|(request, scope)| content(&request.content.custom.data.0).map(|body| (request, scope, body)));
    let (request, scope, body) = match read {
        Ok(read) => read,
        Err(error) => return unreadable(to, error),
    };
    let conversation = bare::<ConversationId>(&request.cid.0);
    let mut state = to.account.lock();
    let Some(open) = state.conversations.get(&conversation) else {
        return to.answer_under(&state, (404, reason("conversation not found")));
    };
    if !scope.actual_receivers.iter().any(|Text(receiver)| bare::<BuyerId>(receiver) == open.peer) {
        return to.answer_under(&state, (400, reason("the peer is not among the receivers")));
    }
    let standing = open.answer.unwrap_or(to.faults.answer);
    let mode = state.script.pop_front().unwrap_or(standing);
    let draft = Draft {
        sender: to.account.uid.clone(),
        sender_name: to.account.nick.clone(),
        body,
        device: Device::Web,
        uuid: Some(request.uuid.0.into()),
        age: std::time::Duration::ZERO,
    };
    settle(to, &mut state, &conversation, draft, mode);
    drop(state);
    to.account.changed();
}

/// Does what the mode says: accept or not, echo or not, answer or not, in the order of the faults.
fn settle(to: &Requester<'_>, state: &mut State, conversation: &ConversationId, draft: Draft, mode: Answer) {
    if !mode.is_accepted() {
        return refuse_send(to, state, mode);
    }
    let uuid = draft.uuid.clone().unwrap_or_default();
    if to.faults.deduplicate
        && let Some(number) = state.uuids.get(&uuid).copied()
    {
        return answer_send(to, state, mode, number, now().0);
    }
    let shared = &to.account.shared;
    let Some(kept) = state.keep(shared, &to.account.uid, conversation, draft) else { return };
    if to.faults.deduplicate {
        state.uuids.insert(uuid, kept.number);
    }
    tell_delivery(to.account, state, conversation, kept.number);
    if !to.faults.echo_first {
        answer_send(to, state, mode, kept.number, kept.at);
    }
    if mode != Answer::NoAnswerNoEcho {
        state.publish(shared, vec![(kept.entry, Some(kept.number))]);
    }
    if to.faults.echo_first {
        answer_send(to, state, mode, kept.number, kept.at);
    }
}

fn refuse_send(to: &Requester<'_>, state: &State, mode: Answer) {
    match mode {
        Answer::Forbid => {
            let body = json!({"reason": "安全拦截", "moreInfo": "CSI_FORBID||安全拦截", "code": "0"});
            to.answer_under(state, (200, Some(body)));
        }
        Answer::Refuse(code) => to.answer_under(state, (code, reason("refused"))),
        Answer::Lost | Answer::WithId | Answer::WithoutId | Answer::NoAnswer | Answer::NoAnswerNoEcho => (),
    }
}

fn answer_send(to: &Requester<'_>, state: &State, mode: Answer, number: u64, at: i64) {
    match mode {
        Answer::WithId => to.answer_under(state, (200, Some(json!({"messageId": pnm(number), "createAt": at})))),
        Answer::WithoutId => to.answer_under(state, (200, None)),
        Answer::NoAnswer | Answer::NoAnswerNoEcho | Answer::Lost | Answer::Forbid | Answer::Refuse(_) => (),
    }
}

fn tell_delivery(account: &Account, state: &mut State, conversation: &ConversationId, number: u64) {
    let Some(open) = state.conversations.get_mut(conversation) else { return };
    let Some(delivery) = open.find_mut(number).and_then(|message| delivery(conversation, message)) else { return };
    account.shared.events.tell(|| SimEvent::Delivered { account: account.name.clone(), delivery: Box::new(delivery) });
}

fn unreadable(to: &Requester<'_>, why: String) {
    to.answer((400, reason(&why)));
    to.account.shared.events.tell(|| SimEvent::Unreadable { account: Some(to.account.name.clone()), why });
}

/// What `custom.data` says: base64 of the content's JSON.
fn content(data: &str) -> Result<Body, String> {
    #[derive(Deserialize)]
    struct Content {
        text: Option<TextPart>,
        image: Option<ImagePart>,
    }
    #[derive(Deserialize)]
    struct TextPart {
        text: String,
    }
    #[derive(Deserialize)]
    struct ImagePart {
        pics: Vec<Picture>,
    }
    #[derive(Deserialize)]
    struct Picture {
        url: String,
        width: u32,
        height: u32,
    }
    let bytes = STANDARD.decode(data).map_err(|error| error.to_string())?;
    let content: Content = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if let Some(TextPart { text }) = content.text {
        return Ok(Body::Text { text });
    }
    let picture = content.image.and_then(|image| image.pics.into_iter().next());
    let Picture { url, width, height } = picture.ok_or("neither text nor picture")?;
    Ok(Body::Image { url, width, height })
}
