//! What rules for events are to do, and did: a row from the moment something happened until the rule did its part, and after that what
//! came of it.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use super::{
    DbConn, Page, Scope,
    accounts::own,
    connection::per_backend,
    rule_figures::{self, Hit},
    schema::{chat_messages, outbox, rule_events},
};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, ItemId, OrderId, RuleId, Timestamp},
    reply::event::{NewEvent, SILENT},
};

/// A row that is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = rule_events)]
pub struct Due {
    pub id: i64,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = rule_id)]
    pub rule: RuleId,
    #[diesel(column_name = conversation_id)]
    pub conversation: ConversationId,
    #[diesel(column_name = buyer_id)]
    pub buyer: BuyerId,
    #[diesel(column_name = item_id)]
    pub item: Option<ItemId>,
    pub cause: String,
    pub due_at: Timestamp,
    pub made_at: Timestamp,
}

impl Due {
    /// It waits for silence: whether there is any is to be seen.
    pub fn waits_for_silence(&self) -> bool {
        self.cause.starts_with(SILENT)
    }
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub id: i64,
    pub at: Timestamp,
    /// The stable code, as of a decision about a message.
    pub reason: String,
    pub trail: Option<String>,
}

/// A rule that was deleted meanwhile waits for nothing; without the condition it would fail the whole job.
const INSERT: &str = "INSERT INTO rule_events (account_id, rule_id, conversation_id, buyer_id, item_id, order_id, cause, due_at, made_at) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE EXISTS (SELECT 1 FROM rules WHERE id = $2) ON CONFLICT DO NOTHING";

/// For the engine. What is known already is left as it is.
pub fn insert(conn: &mut DbConn, new: &NewEvent) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::sql_query(INSERT)
        .bind::<BigInt, _>(new.account)
        .bind::<BigInt, _>(new.rule)
        .bind::<Text, _>(&new.conversation)
        .bind::<Text, _>(&new.buyer)
        .bind::<Nullable<Text>, _>(new.item.as_ref())
        .bind::<Nullable<Text>, _>(new.order.as_ref())
        .bind::<Text, _>(new.cause.key())
        .bind::<BigInt, _>(new.due_at)
        .bind::<BigInt, _>(new.made_at)
        .execute(conn)
        .map(drop))
}

/// For the engine: the buyer wrote again. What waits for silence in the conversation is forgotten, and waits anew.
pub fn wait_anew(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    waits: &[NewEvent],
) -> QueryResult<()> {
    let of_conversation = rule_events::account_id.eq(account).and(rule_events::conversation_id.eq(conversation));
    let waiting = rule_events::done_at.is_null().and(rule_events::cause.like(format!("{SILENT}%")));
    diesel::delete(rule_events::table.filter(of_conversation).filter(waiting)).execute(conn)?;
    waits.iter().try_for_each(|wait| insert(conn, wait))
}

/// For the engine: what is due in these accounts, the longest due first.
pub fn due(conn: &mut DbConn, ids: &[AccountId], now: Timestamp, limit: i64) -> QueryResult<Vec<Due>> {
    let mut found = Vec::new();
    for some in ids.chunks(500) {
        found.extend(
            rule_events::table
                .filter(rule_events::account_id.eq_any(some).and(rule_events::done_at.is_null()))
                .filter(rule_events::due_at.le(now))
                .order((rule_events::due_at, rule_events::id))
                .limit(limit)
                .select(Due::as_select())
                .load(conn)?,
        );
    }
    found.sort_by_key(|due| (due.due_at, due.id));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// For the engine: when somebody last wrote there, the buyer, the seller or we. What we sent is looked for from `since` on.
pub fn last_activity(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    since: Timestamp,
) -> QueryResult<Option<Timestamp>> {
    let wrote: Option<Timestamp> = chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::conversation_id.eq(conversation)))
        .filter(chat_messages::content_type.between(1, 5))
        .select(diesel::dsl::max(chat_messages::sent_at))
        .get_result(conn)?;
    let sent: Option<Timestamp> = outbox::table
        .filter(outbox::account_id.eq(account).and(outbox::conversation_id.eq(conversation)))
        .filter(outbox::created_at.ge(since))
        .select(diesel::dsl::max(outbox::sent_at))
        .get_result(conn)?;
    Ok(wrote.max(sent))
}

/// For the engine: it is not silent yet.
pub fn postpone(conn: &mut DbConn, id: i64, until: Timestamp) -> QueryResult<()> {
    let waiting = rule_events::table.find(id).filter(rule_events::done_at.is_null());
    diesel::update(waiting).set(rule_events::due_at.eq(until)).execute(conn).map(drop)
}

/// For the engine: belongs into the transaction of what was decided. What is done is done: it is counted for its rule once.
pub fn finish_many(conn: &mut DbConn, finished: &[Finished]) -> QueryResult<()> {
    let mut hits = Vec::new();
    for Finished { id, at, reason, trail } in finished {
        let waiting = rule_events::table.find(id).filter(rule_events::done_at.is_null());
        let now_done = (rule_events::done_at.eq(at), rule_events::reason.eq(reason), rule_events::trail.eq(trail));
        let rule: Option<RuleId> = per_backend!(&mut *conn, conn => diesel::update(waiting)
            .set(now_done)
            .returning(rule_events::rule_id)
            .get_result(conn)
            .optional())?;
        hits.extend(Hit::of(rule, Some(reason), *at));
    }
    rule_figures::count_hits(conn, hits)
}

/// Everything about one conversation, oldest first.
pub fn in_conversation(conn: &mut DbConn, account: AccountId, conversation: &ConversationId) -> QueryResult<Vec<Row>> {
    rule_events::table
        .filter(rule_events::account_id.eq(account).and(rule_events::conversation_id.eq(conversation)))
        .order(rule_events::id)
        .select(Row::as_select())
        .load(conn)
}

/// Nothing is kept about a conversation, and nothing is done there any more.
pub(super) fn forget(conn: &mut DbConn, account: AccountId, conversation: &ConversationId) -> QueryResult<()> {
    let here = rule_events::account_id.eq(account).and(rule_events::conversation_id.eq(conversation));
    diesel::delete(rule_events::table.filter(here)).execute(conn).map(drop)
}

/// What a person sees of an event.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = rule_events)]
pub struct Row {
    pub id: i64,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = rule_id)]
    pub rule: RuleId,
    #[diesel(column_name = conversation_id)]
    pub conversation: ConversationId,
    #[diesel(column_name = buyer_id)]
    pub buyer: BuyerId,
    #[diesel(column_name = item_id)]
    pub item: Option<ItemId>,
    #[diesel(column_name = order_id)]
    pub order: Option<OrderId>,
    pub due_at: Timestamp,
    pub done_at: Option<Timestamp>,
    pub reason: Option<String>,
    pub trail: Option<String>,
}

/// Which events a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub conversation: Option<(AccountId, ConversationId)>,
    pub rule: Option<RuleId>,
    /// `Some(false)`: what is still to come.
    pub done: Option<bool>,
}

/// A part of the events that fit, the newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Row>, i64)> {
    let fitting = || {
        let mut query = rule_events::table.filter(rule_events::account_id.eq_any(own!(scope))).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(rule_events::account_id.eq(account));
        }
        if let Some((account, conversation)) = &filter.conversation {
            query = query.filter(rule_events::account_id.eq(account));
            query = query.filter(rule_events::conversation_id.eq(conversation));
        }
        if let Some(rule) = filter.rule {
            query = query.filter(rule_events::rule_id.eq(rule));
        }
        match filter.done {
            Some(true) => query.filter(rule_events::done_at.is_not_null()),
            Some(false) => query.filter(rule_events::done_at.is_null()),
            None => query,
        }
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order(rule_events::id.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((rows, total))
}
