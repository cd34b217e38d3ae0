//! What was said last in a conversation, by both sides. For the engine.

use diesel::prelude::*;

use super::{
    DbConn,
    schema::{chat_messages, outbox},
};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, MessageId, Timestamp},
    outbox::entry::{Body, State},
};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// We said it, by a rule or by hand.
    pub by_us: bool,
    pub text: String,
    pub at: Timestamp,
}

/// The newest `limit` texts of a conversation, oldest first: what people wrote, not what the platform said. `without`: the messages of the
/// turn that is to be answered. What we said before `since` is not looked for.
pub fn recent(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    own: &BuyerId,
    without: &[MessageId],
    since: Timestamp,
    limit: i64,
) -> QueryResult<Vec<Spoken>> {
    let mut spoken = received(conn, account, conversation, own, without, limit)?;
    spoken.extend(sent(conn, account, conversation, since, limit)?);
    // Newest first up to here. What bears the same time stays in the order of its numbers.
    spoken.reverse();
    spoken.sort_by_key(|spoken| spoken.at);
    let surplus = spoken.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    spoken.drain(..surplus);
    Ok(spoken)
}

fn received(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    own: &BuyerId,
    without: &[MessageId],
    limit: i64,
) -> QueryResult<Vec<Spoken>> {
    let rows: Vec<(BuyerId, String, Timestamp)> = chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::conversation_id.eq(conversation)))
        .filter(chat_messages::content_type.between(1, 5))
        .filter(chat_messages::message_id.ne_all(without))
        .order((chat_messages::sent_at.desc(), chat_messages::message_id.desc()))
        .limit(limit)
        .select((chat_messages::sender_id, chat_messages::text, chat_messages::sent_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(sender, text, at)| Spoken { by_us: sender == *own, text, at }).collect())
}

fn sent(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    since: Timestamp,
    limit: i64,
) -> QueryResult<Vec<Spoken>> {
    let rows: Vec<(String, Timestamp)> = outbox::table
        // a number is never below its time: this needs no index of its own
        .filter(outbox::account_id.eq(account).and(outbox::id.ge(since.0)))
        .filter(outbox::conversation_id.eq(conversation))
        .filter(outbox::state.eq_any([State::Sent, State::Confirmed, State::Uncertain]))
        .order((outbox::created_at.desc(), outbox::id.desc()))
        .limit(limit)
        .select((outbox::body, outbox::created_at))
        .load(conn)?;
    let texts = rows.into_iter().map(|(body, at)| {
        let text = match serde_json::from_str(&body) {
            Ok(Body::Text { text }) => text,
            Ok(Body::Image { .. }) | Err(_) => "（图片）".to_owned(),
        };
        Spoken { by_us: true, text, at }
    });
    Ok(texts.collect())
}
