//! Replies that are given once in a conversation. For the engine only.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};

use super::{DbConn, connection::per_backend, schema::once_replies};
use crate::{
    ids::{AccountId, ConversationId, RuleId},
    outbox::entry::SendId,
};

/// This rule's reply is given (or about to be) in this conversation, by this send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceReply {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub rule: RuleId,
    pub outbox: SendId,
}

/// A rule that was deleted meanwhile cannot be claimed; without the condition it would fail the whole job.
const CLAIM: &str = "INSERT INTO once_replies (account_id, conversation_id, rule_id, outbox_id) \
     SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM rules WHERE id = $3) ON CONFLICT DO NOTHING";

/// The answer says, in the order of `claims`, which are the first in their conversation.
pub fn claim_many(conn: &mut DbConn, claims: &[OnceReply]) -> QueryResult<Vec<bool>> {
    per_backend!(conn, conn => claims
        .iter()
        .map(|claim| {
            let rows = diesel::sql_query(CLAIM)
                .bind::<BigInt, _>(claim.account)
                .bind::<Text, _>(&claim.conversation)
                .bind::<BigInt, _>(claim.rule)
                .bind::<BigInt, _>(claim.outbox)
                .execute(conn)?;
            Ok(rows == 1)
        })
        .collect())
}

/// Takes the claim of a send back that turned out not to have reached the buyer. `false`: it had none.
pub fn release(conn: &mut DbConn, account: AccountId, send: SendId) -> QueryResult<bool> {
    let claims = once_replies::table.filter(once_replies::account_id.eq(account).and(once_replies::outbox_id.eq(send)));
    Ok(diesel::delete(claims).execute(conn)? > 0)
}

/// What was given in these conversations.
pub fn list(
    conn: &mut DbConn,
    account: AccountId,
    conversations: &[ConversationId],
) -> QueryResult<Vec<(ConversationId, RuleId)>> {
    let mut found = Vec::new();
    for some in conversations.chunks(500) {
        let query = once_replies::table
            .filter(once_replies::account_id.eq(account).and(once_replies::conversation_id.eq_any(some)))
            .select((once_replies::conversation_id, once_replies::rule_id));
        found.extend(query.load::<(ConversationId, RuleId)>(conn)?);
    }
    Ok(found)
}
