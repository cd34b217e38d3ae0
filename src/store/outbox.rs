//! Every text or picture to a buyer, from its row until it is settled.

use std::{collections::HashSet, time::Duration};

use diesel::{
    PgConnection, SqliteConnection,
    prelude::*,
    result::Error,
    sql_types::{Array, BigInt, Integer, Nullable, Text},
};

use super::{
    DbConn, Page, Scope, StoreError,
    accounts::own,
    column::without_nul,
    deliveries, once_replies,
    page::{EVER, LONG},
    rule_figures,
    schema::outbox,
};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, DeliveryMessageId, MessageId, RuleId, Timestamp},
    outbox::{
        entry::{Change, Entry, NotSettled, Origin, PersonsWord, Row as Write, SendId, State},
        messages::NotSent,
    },
};

/// Which entries a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub conversation: Option<ConversationId>,
    pub state: Option<State>,
    pub origin: Option<Origin>,
    /// Made at this moment or later.
    pub since: Option<Timestamp>,
    /// Made before this moment.
    pub until: Option<Timestamp>,
}

/// A person who wrote or spoke learns whether it may be stored all the same.
impl From<StoreError> for NotSent {
    fn from(error: StoreError) -> Self {
        if error.outcome_unknown() { Self::Unknown } else { Self::Storage(error.to_string()) }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct Row {
    account_id: AccountId,
    id: SendId,
    conversation_id: ConversationId,
    peer_id: BuyerId,
    body: String,
    state: State,
    reason: Option<String>,
    message_id: Option<MessageId>,
    origin: Origin,
    rule_id: Option<RuleId>,
    in_reply_to: Option<MessageId>,
    attempts: i32,
    created_at: Timestamp,
    sent_at: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    expires_at: Timestamp,
    delivery: Option<DeliveryMessageId>,
}

impl Row {
    fn into_entry(self) -> QueryResult<Entry> {
        let body = serde_json::from_str(&self.body)
            .map_err(|error| Error::DeserializationError(format!("body of send {}: {error}", self.id.0).into()))?;
        Ok(Entry {
            account: self.account_id,
            id: self.id,
            conversation: self.conversation_id,
            peer: self.peer_id,
            body,
            state: self.state,
            reason: self.reason,
            message: self.message_id,
            origin: self.origin,
            rule: self.rule_id,
            delivery: self.delivery,
            in_reply_to: self.in_reply_to,
            attempts: self.attempts,
            created_at: self.created_at,
            sent_at: self.sent_at,
            settled_at: self.settled_at,
            expires_at: self.expires_at,
        })
    }
}

fn into_entries(rows: Vec<Row>) -> QueryResult<Vec<Entry>> {
    rows.into_iter().map(Row::into_entry).collect()
}

fn body_text(entry: &Entry) -> QueryResult<String> {
    serde_json::to_string(&entry.body).map_err(|error| Error::SerializationError(error.into()))
}

/// For the engine. An id that exists is a `Conflict`.
pub fn insert_many(conn: &mut DbConn, entries: &[Entry]) -> QueryResult<()> {
    match conn {
        DbConn::Sqlite(conn) => entries.iter().try_for_each(|entry| insert_on_sqlite(conn, entry)),
        DbConn::Pg(conn) => insert_on_postgres(conn, entries),
    }
}

fn insert_on_sqlite(conn: &mut SqliteConnection, entry: &Entry) -> QueryResult<()> {
    diesel::insert_into(outbox::table)
        .values((
            outbox::account_id.eq(entry.account),
            outbox::id.eq(entry.id),
            outbox::conversation_id.eq(&entry.conversation),
            outbox::peer_id.eq(&entry.peer),
            outbox::body.eq(body_text(entry)?),
            outbox::state.eq(entry.state),
            outbox::reason.eq(&entry.reason),
            outbox::message_id.eq(&entry.message),
            outbox::origin.eq(entry.origin),
            outbox::rule_id.eq(entry.rule),
            outbox::in_reply_to.eq(&entry.in_reply_to),
            outbox::attempts.eq(entry.attempts),
            outbox::created_at.eq(entry.created_at),
            outbox::sent_at.eq(entry.sent_at),
            outbox::settled_at.eq(entry.settled_at),
            outbox::expires_at.eq(entry.expires_at),
            outbox::delivery.eq(entry.delivery),
        ))
        .execute(conn)
        .map(drop)
}

const POSTGRES_INSERT: &str = "INSERT INTO outbox (account_id, id, conversation_id, peer_id, body, state, reason, message_id, \
     origin, rule_id, in_reply_to, attempts, created_at, sent_at, settled_at, expires_at, delivery) \
     SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

fn insert_on_postgres(conn: &mut PgConnection, entries: &[Entry]) -> QueryResult<()> {
    let bodies = entries.iter().map(body_text).collect::<QueryResult<Vec<_>>>()?;
    diesel::sql_query(POSTGRES_INSERT)
        .bind::<Array<BigInt>, _>(each(entries, |entry| entry.account))
        .bind::<Array<BigInt>, _>(each(entries, |entry| entry.id))
        .bind::<Array<Text>, _>(each(entries, |entry| &entry.conversation))
        .bind::<Array<Text>, _>(each(entries, |entry| &entry.peer))
        .bind::<Array<Text>, _>(bodies)
        .bind::<Array<Text>, _>(each(entries, |entry| entry.state))
        .bind::<Array<Nullable<Text>>, _>(each(entries, |entry| entry.reason.as_deref().map(without_nul)))
        .bind::<Array<Nullable<Text>>, _>(each(entries, |entry| entry.message.as_ref()))
        .bind::<Array<Text>, _>(each(entries, |entry| entry.origin))
        .bind::<Array<Nullable<BigInt>>, _>(each(entries, |entry| entry.rule))
        .bind::<Array<Nullable<Text>>, _>(each(entries, |entry| entry.in_reply_to.as_ref()))
        .bind::<Array<Integer>, _>(each(entries, |entry| entry.attempts))
        .bind::<Array<BigInt>, _>(each(entries, |entry| entry.created_at))
        .bind::<Array<Nullable<BigInt>>, _>(each(entries, |entry| entry.sent_at))
        .bind::<Array<Nullable<BigInt>>, _>(each(entries, |entry| entry.settled_at))
        .bind::<Array<BigInt>, _>(each(entries, |entry| entry.expires_at))
        .bind::<Array<Nullable<BigInt>>, _>(each(entries, |entry| entry.delivery))
        .execute(conn)
        .map(drop)
}

fn each<'a, R, T>(rows: &'a [R], column: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(column).collect()
}

/// For the engine: applies changes in order, and counts for their rules what the platform has confirmed. One that
/// [`State::may_become`] forbids from the stored state changes nothing. The answer says, in the order of `changes`, which were applied.
pub fn update_many(conn: &mut DbConn, changes: &[Change]) -> QueryResult<Vec<bool>> {
    let applied: Vec<bool> = match conn {
        DbConn::Sqlite(conn) => {
            changes.iter().map(|change| update_on_sqlite(conn, change)).collect::<QueryResult<_>>()?
        }
        DbConn::Pg(conn) => {
            let waves = split_where_repeated(changes).into_iter().map(|wave| update_on_postgres(conn, wave));
            waves.collect::<QueryResult<Vec<_>>>()?.concat()
        }
    };
    let confirmed =
        changes.iter().zip(&applied).filter(|(change, applied)| **applied && change.state == State::Confirmed);
    let of_rules = confirmed.filter(|(change, _)| change.rule.is_some());
    let sends: Vec<_> = of_rules.map(|(change, _)| (change.account, change.id)).collect();
    rule_figures::count_answered(conn, &sends)?;
    for (change, _) in changes.iter().zip(&applied).filter(|(_, applied)| **applied) {
        if let Some(delivery) = change.delivery {
            let at = change.settled_at.or(change.sent_at).unwrap_or(Timestamp(change.id.0));
            let (message, reason) = (change.message.as_ref(), change.reason.as_deref());
            deliveries::on_send(conn, delivery, change.state, message, reason, at)?;
        }
    }
    Ok(applied)
}

/// The states that may become `next`, one repeated to fill the array: a fixed number keeps the statement's text, and with it the
/// prepared statement, the same.
fn predecessors(next: State) -> [State; 3] {
    let all = [State::Queued, State::Sent, State::Confirmed, State::Rejected, State::Uncertain, State::Expired];
    let mut found = all.into_iter().filter(|state| state.may_become(next));
    // every state but the first has a predecessor, and `Queued` follows `Sent`
    let first = found.next().unwrap_or(State::Sent);
    let second = found.next().unwrap_or(first);
    [first, second, found.next().unwrap_or(first)]
}

fn update_on_sqlite(conn: &mut SqliteConnection, change: &Change) -> QueryResult<bool> {
    let [first, second, third] = predecessors(change.state);
    let may = outbox::state.eq(first).or(outbox::state.eq(second)).or(outbox::state.eq(third));
    let rows = diesel::update(outbox::table.find((change.account, change.id)))
        .filter(may)
        .set((
            outbox::state.eq(change.state),
            outbox::reason.eq(&change.reason),
            outbox::message_id.eq(&change.message),
            outbox::attempts.eq(change.attempts),
            outbox::sent_at.eq(change.sent_at),
            outbox::settled_at.eq(change.settled_at),
        ))
        .execute(conn)?;
    Ok(rows == 1)
}

/// One statement changes a row once: a second change of the same entry begins another statement.
fn split_where_repeated(changes: &[Change]) -> Vec<&[Change]> {
    let (mut waves, mut start, mut seen) = (Vec::new(), 0, HashSet::new());
    for (at, change) in changes.iter().enumerate() {
        if !seen.insert((change.account, change.id)) {
            waves.push(&changes[start..at]);
            start = at;
            seen = HashSet::from([(change.account, change.id)]);
        }
    }
    waves.push(&changes[start..]);
    waves
}

const POSTGRES_UPDATE: &str = "UPDATE outbox AS o SET state = c.state, reason = c.reason, message_id = c.message_id, \
     attempts = c.attempts, sent_at = c.sent_at, settled_at = c.settled_at \
     FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS c (account_id, id, state, reason, message_id, attempts, \
     sent_at, settled_at, before1, before2, before3) \
     WHERE o.account_id = c.account_id AND o.id = c.id AND o.state IN (c.before1, c.before2, c.before3) \
     RETURNING o.account_id, o.id";

#[derive(QueryableByName)]
#[diesel(table_name = outbox)]
struct Key {
    account_id: AccountId,
    id: SendId,
}

fn update_on_postgres(conn: &mut PgConnection, changes: &[Change]) -> QueryResult<Vec<bool>> {
    let before = |at: usize| each(changes, |change| predecessors(change.state)[at]);
    let applied: Vec<Key> = diesel::sql_query(POSTGRES_UPDATE)
        .bind::<Array<BigInt>, _>(each(changes, |change| change.account))
        .bind::<Array<BigInt>, _>(each(changes, |change| change.id))
        .bind::<Array<Text>, _>(each(changes, |change| change.state))
        .bind::<Array<Nullable<Text>>, _>(each(changes, |change| change.reason.as_deref().map(without_nul)))
        .bind::<Array<Nullable<Text>>, _>(each(changes, |change| change.message.as_ref()))
        .bind::<Array<Integer>, _>(each(changes, |change| change.attempts))
        .bind::<Array<Nullable<BigInt>>, _>(each(changes, |change| change.sent_at))
        .bind::<Array<Nullable<BigInt>>, _>(each(changes, |change| change.settled_at))
        .bind::<Array<Text>, _>(before(0))
        .bind::<Array<Text>, _>(before(1))
        .bind::<Array<Text>, _>(before(2))
        .load(conn)?;
    let applied: HashSet<_> = applied.into_iter().map(|key| (key.account_id, key.id)).collect();
    Ok(each(changes, |change| applied.contains(&(change.account, change.id))))
}

/// For the engine: what is queued or in doubt, in the order it was made.
pub fn unsettled(conn: &mut DbConn, account: AccountId) -> QueryResult<Vec<Entry>> {
    // the words as they stand in the partial index (bound values would not match it), and an order that makes it worth taking
    let open = diesel::dsl::sql::<diesel::sql_types::Bool>("state IN ('queued', 'sent')");
    let mut rows: Vec<Row> = outbox::table
        .filter(outbox::account_id.eq(account).and(open))
        .order((outbox::created_at, outbox::id))
        .select(Row::as_select())
        .load(conn)?;
    // a clock may have been set back, numbers only grow
    rows.sort_by_key(|row| row.id);
    into_entries(rows)
}

/// For the engine: the sends that became these messages.
pub fn find_by_message(conn: &mut DbConn, account: AccountId, messages: &[MessageId]) -> QueryResult<Vec<Entry>> {
    let mut found = Vec::new();
    for some in messages.chunks(500) {
        let query = outbox::table
            .filter(outbox::account_id.eq(account).and(outbox::message_id.eq_any(some)))
            // said again in the words of the partial index, or it is not taken
            .filter(outbox::message_id.is_not_null())
            .select(Row::as_select());
        found.extend(into_entries(query.load(conn)?)?);
    }
    Ok(found)
}

/// For the engine: the highest number in use.
pub fn last_id(conn: &mut DbConn, account: AccountId) -> QueryResult<Option<SendId>> {
    outbox::table
        .filter(outbox::account_id.eq(account))
        .order(outbox::id.desc())
        .select(outbox::id)
        .first(conn)
        .optional()
}

/// For the engine: what was made in this conversation at `since` or later, settled or not, oldest first.
pub fn in_conversation_since(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    since: Timestamp,
) -> QueryResult<Vec<Entry>> {
    // a number is never below its time: this needs no index of its own, which every send would pay for
    let rows = outbox::table
        .filter(outbox::account_id.eq(account).and(outbox::id.ge(since.0)))
        .filter(outbox::conversation_id.eq(conversation).and(outbox::created_at.ge(since)))
        .order(outbox::id)
        .select(Row::as_select())
        .load(conn)?;
    into_entries(rows)
}

/// What was made to answer a message, oldest first. `since`: it was not made before.
pub fn in_reply_to(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    message: &MessageId,
    since: Timestamp,
) -> QueryResult<Vec<Entry>> {
    let rows = outbox::table
        // a number is never below its time
        .filter(outbox::account_id.eq(account).and(outbox::id.ge(since.0)))
        .filter(outbox::account_id.eq_any(own!(scope)))
        .filter(outbox::in_reply_to.eq(message))
        .order(outbox::id)
        .select(Row::as_select())
        .load(conn)?;
    into_entries(rows)
}

/// For the engine: at most `limit` of the entries made at `since` or later, the newest of them, oldest first.
pub fn newest(conn: &mut DbConn, account: AccountId, since: Timestamp, limit: i64) -> QueryResult<Vec<Entry>> {
    let mut rows: Vec<Row> = outbox::table
        // a number is never below the time it was given out at
        .filter(outbox::account_id.eq(account).and(outbox::id.ge(SendId(since.0))))
        .order(outbox::id.desc())
        .limit(limit)
        .select(Row::as_select())
        .load(conn)?;
    rows.reverse();
    into_entries(rows)
}

/// For the engine: the conversations of an account's last sends, the last one first.
pub fn recent_conversations(conn: &mut DbConn, account: AccountId, sends: i64) -> QueryResult<Vec<ConversationId>> {
    let mut found: Vec<ConversationId> = outbox::table
        .filter(outbox::account_id.eq(account))
        .order(outbox::id.desc())
        .limit(sends)
        .select(outbox::conversation_id)
        .load(conn)?;
    let mut seen = HashSet::new();
    found.retain(|conversation| seen.insert(conversation.clone()));
    Ok(found)
}

/// The entries that fit. A macro, because only the compiler can write down its type.
macro_rules! fitting {
    ($scope:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = outbox::table.filter(outbox::account_id.eq_any(own!($scope))).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(outbox::account_id.eq(account));
        }
        if let Some(conversation) = &filter.conversation {
            query = query.filter(outbox::conversation_id.eq(conversation));
        }
        if let Some(state) = filter.state {
            query = query.filter(outbox::state.eq(state));
        }
        if let Some(origin) = filter.origin {
            query = query.filter(outbox::origin.eq(origin));
        }
        if let Some(since) = filter.since {
            query = query.filter(outbox::created_at.ge(since));
        }
        if let Some(until) = filter.until {
            query = query.filter(outbox::created_at.lt(until));
        }
        query
    }};
}

/// A part of the entries that fit, newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Entry>, i64)> {
    let total = fitting!(scope, filter).count().get_result(conn)?;
    let mut query = fitting!(scope, filter);
    if total > LONG {
        query = query.filter(outbox::created_at.ge(EVER));
    }
    let rows = query
        .order((outbox::created_at.desc(), outbox::id.desc()))
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((into_entries(rows)?, total))
}

/// `NotFound` also where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, account: AccountId, id: SendId) -> QueryResult<Entry> {
    outbox::table
        .find((account, id))
        .filter(outbox::account_id.eq_any(own!(scope)))
        .select(Row::as_select())
        .get_result(conn)?
        .into_entry()
}

/// For the engine.
pub fn find(conn: &mut DbConn, account: AccountId, id: SendId) -> QueryResult<Option<Entry>> {
    let row: Option<Row> = outbox::table.find((account, id)).select(Row::as_select()).get_result(conn).optional()?;
    row.map(Row::into_entry).transpose()
}

/// For the engine: what a person says about an entry, in one compare-and-set. A once-only reply that did not arrive may be given
/// again. Nothing of an account whose ledger is in work may be cancelled like this: the ledger would send it all the same.
pub fn settle_by_person(
    conn: &mut DbConn,
    account: AccountId,
    id: SendId,
    word: PersonsWord,
    now: Timestamp,
) -> QueryResult<Result<Entry, NotSettled>> {
    let rows = diesel::update(outbox::table.find((account, id)))
        .filter(outbox::state.eq(word.from()))
        .set((outbox::state.eq(word.to()), outbox::reason.eq(word.reason()), outbox::settled_at.eq(now)))
        .execute(conn)?;
    let Some(entry) = find(conn, account, id)? else { return Ok(Err(NotSettled::NotFound)) };
    if rows == 0 {
        return Ok(Err(NotSettled::WrongState(entry.state)));
    }
    if let Some(delivery) = entry.delivery {
        deliveries::on_word(conn, delivery, word, now)?;
    }
    if entry.state != State::Confirmed {
        once_replies::release(conn, account, id)?;
    }
    Ok(Ok(entry))
}

/// For the engine: says in a settled entry which one was made to send it again. Its state stays as it is.
pub fn link(conn: &mut DbConn, entry: &Entry, again: SendId) -> QueryResult<()> {
    diesel::update(outbox::table.find((entry.account, entry.id)))
        .set(outbox::reason.eq(entry.reason_when_sent_again(again)))
        .execute(conn)
        .map(drop)
}

/// Those of these entries of an account that exist, oldest first.
pub fn list_some(conn: &mut DbConn, scope: &Scope, account: AccountId, ids: &[SendId]) -> QueryResult<Vec<Entry>> {
    let own = own!(scope);
    let rows = outbox::table
        .filter(outbox::account_id.eq(account).and(outbox::id.eq_any(ids)))
        .filter(outbox::account_id.eq_any(own))
        .order(outbox::id)
        .select(Row::as_select())
        .load(conn)?;
    into_entries(rows)
}

/// For the engine: inserts, then changes, then claims, each in the order given. An entry is inserted before it is changed and
/// settled before it is claimed, so nothing is lost by it.
pub fn apply(conn: &mut DbConn, writes: &[Write]) -> QueryResult<()> {
    let (mut inserts, mut updates, mut claims) = (Vec::new(), Vec::new(), Vec::new());
    for write in writes {
        match (write, &mut *conn) {
            (Write::Insert(entry), DbConn::Sqlite(conn)) => insert_on_sqlite(conn, entry)?,
            (Write::Insert(entry), DbConn::Pg(_)) => inserts.push(entry.clone()),
            (Write::Update(change), _) => updates.push(change.clone()),
            (Write::Claim { account, id, message, at }, _) => claims.push((*account, *id, message, *at)),
        }
    }
    insert_many(conn, &inserts)?;
    for write in writes {
        if let Write::Insert(entry) = write
            && let Some(delivery) = entry.delivery
        {
            let at = entry.settled_at.or(entry.sent_at).unwrap_or(entry.created_at);
            deliveries::on_send(conn, delivery, entry.state, entry.message.as_ref(), entry.reason.as_deref(), at)?;
        }
    }
    update_many(conn, &updates)?;
    claims.into_iter().try_for_each(|(account, id, message, at)| claim(conn, account, id, message, at).map(drop))
}

/// For the engine: sends of a conversation that reached the platform, or may have, without anybody telling their message id.
/// Oldest first; only those made before `before`, give or take a minute of the clocks.
pub fn unclaimed(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    before: Timestamp,
) -> QueryResult<Vec<Entry>> {
    let rows = outbox::table
        .filter(outbox::account_id.eq(account).and(outbox::conversation_id.eq(conversation)))
        .filter(outbox::message_id.is_null().and(outbox::state.eq_any([State::Confirmed, State::Uncertain])))
        .filter(outbox::created_at.le(before + Duration::from_secs(60)))
        .order(outbox::id)
        .select(Row::as_select())
        .load(conn)?;
    into_entries(rows)
}

/// For the engine: the platform's id of a send that had none. Settles a doubt. `false`: it had one.
pub fn claim(
    conn: &mut DbConn,
    account: AccountId,
    id: SendId,
    message: &MessageId,
    now: Timestamp,
) -> QueryResult<bool> {
    let nameless = || outbox::table.find((account, id)).filter(outbox::message_id.is_null());
    let named = (outbox::message_id.eq(message), outbox::state.eq(State::Confirmed), outbox::settled_at.eq(now));
    let in_doubt = nameless().filter(outbox::state.eq(State::Uncertain));
    if diesel::update(in_doubt).set(named).execute(conn)? == 1 {
        rule_figures::count_answered(conn, &[(account, id)])?;
        tell_delivery(conn, account, id, message, now)?;
        return Ok(true);
    }
    let claimed = diesel::update(nameless()).set(named).execute(conn)? == 1;
    if claimed {
        tell_delivery(conn, account, id, message, now)?;
    }
    Ok(claimed)
}

/// What it was a message of goes on with it.
fn tell_delivery(
    conn: &mut DbConn,
    account: AccountId,
    id: SendId,
    message: &MessageId,
    now: Timestamp,
) -> QueryResult<()> {
    let delivery: Option<DeliveryMessageId> =
        outbox::table.find((account, id)).select(outbox::delivery).get_result(conn)?;
    match delivery {
        Some(delivery) => deliveries::on_send(conn, delivery, State::Confirmed, Some(message), None, now),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_not_told_that_nothing_was_stored_where_nobody_knows() {
        assert_eq!(NotSent::from(StoreError::Timeout(30)), NotSent::Unknown);
        assert_eq!(NotSent::from(StoreError::Stopped), NotSent::Unknown);
        assert!(matches!(NotSent::from(StoreError::Database("full of words".into())), NotSent::Storage(_)));
    }

    /// A state with four predecessors would silently lose one.
    #[test]
    fn the_statement_has_room_for_every_predecessor() {
        let all = [State::Queued, State::Sent, State::Confirmed, State::Rejected, State::Uncertain, State::Expired];
        for next in all {
            for state in all {
                assert_eq!(predecessors(next).contains(&state), state.may_become(next), "{state:?} → {next:?}");
            }
        }
    }
}
