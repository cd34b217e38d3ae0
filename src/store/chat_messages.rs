//! Every message once, with what was decided about it. The hottest table: see the two statements that write it.

use std::{borrow::Cow, collections::HashSet};

use diesel::{
    PgConnection, SqliteConnection,
    prelude::*,
    sql_types::{Array, BigInt, Bool, Nullable, Text},
};

use super::{
    DbConn, Page, Scope,
    accounts::own,
    column::without_nul,
    page::{EVER, LONG},
    rule_figures::{self, Hit},
    schema::chat_messages,
};
use crate::{
    ai::intent::Intent,
    ids::{AccountId, BuyerId, ConversationId, ItemId, MessageId, RuleId, Timestamp},
};

/// How a message came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Push,
    /// It was missed first, and fetched later.
    History,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::History => "history",
        }
    }
}

impl std::str::FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "push" => Ok(Self::Push),
            "history" => Ok(Self::History),
            other => Err(format!("unknown source {other:?}")),
        }
    }
}

/// A message as it arrives. Where it is clear at once that nobody answers it (a card, a group, our own), the decision comes with
/// it and saves a second write.
#[derive(Debug, Clone, PartialEq, Eq, Insertable)]
#[diesel(table_name = chat_messages, treat_none_as_default_value = false)]
pub struct NewMessage {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = message_id)]
    pub message: MessageId,
    #[diesel(column_name = conversation_id)]
    pub conversation: ConversationId,
    #[diesel(column_name = sender_id)]
    pub sender: BuyerId,
    pub sender_name: Option<String>,
    pub content_type: i64,
    pub text: String,
    #[diesel(column_name = item_id)]
    pub item: Option<ItemId>,
    pub sent_at: Timestamp,
    pub received_at: Timestamp,
    pub source: Source,
    /// `None`: not decided yet.
    pub decision: Option<&'static str>,
    pub reason: Option<String>,
    pub decided_at: Option<Timestamp>,
    pub needs_person: bool,
}

/// A message as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = chat_messages)]
pub struct StoredMessage {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = message_id)]
    pub message: MessageId,
    #[diesel(column_name = conversation_id)]
    pub conversation: ConversationId,
    #[diesel(column_name = sender_id)]
    pub sender: BuyerId,
    pub sender_name: Option<String>,
    pub content_type: i64,
    pub text: String,
    #[diesel(column_name = item_id)]
    pub item: Option<ItemId>,
    pub sent_at: Timestamp,
    pub received_at: Timestamp,
    pub source: Source,
    pub decision: Option<String>,
    pub reason: Option<String>,
    #[diesel(column_name = rule_id)]
    pub rule: Option<RuleId>,
    /// The message of the same turn that holds its decision.
    #[diesel(column_name = turn_id)]
    pub turn: Option<MessageId>,
    pub settled_at: Option<Timestamp>,
    pub decided_at: Option<Timestamp>,
    pub needs_person: bool,
    /// How the decision was reached, as JSON.
    pub trail: Option<String>,
}

/// What was decided about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    pub account: AccountId,
    pub message: MessageId,
    pub decision: &'static str,
    pub reason: Option<String>,
    pub rule: Option<RuleId>,
    pub turn: Option<MessageId>,
    pub settled_at: Option<Timestamp>,
    pub decided_at: Timestamp,
    pub needs_person: bool,
    /// How it was reached, as JSON.
    pub trail: Option<String>,
    /// What the turn was about.
    pub intent: Option<Intent>,
}

/// For the engine: inserts what is not there yet; the answer says, in the order of `messages`, which were new. The same id twice in
/// one call is new once. Fails with `Conflict` where an account is gone: then nothing of the call is stored.
pub fn insert_new(conn: &mut DbConn, messages: &[NewMessage]) -> QueryResult<Vec<bool>> {
    match conn {
        DbConn::Sqlite(conn) => messages.iter().map(|message| insert_on_sqlite(conn, message)).collect(),
        DbConn::Pg(conn) => insert_on_postgres(conn, messages),
    }
}

fn insert_on_sqlite(conn: &mut SqliteConnection, message: &NewMessage) -> QueryResult<bool> {
    let rows =
        diesel::insert_into(chat_messages::table).values(&*storable(message)).on_conflict_do_nothing().execute(conn)?;
    Ok(rows == 1)
}

fn storable(message: &NewMessage) -> Cow<'_, NewMessage> {
    let texts = [Some(&message.text), message.sender_name.as_ref(), message.reason.as_ref()];
    if !texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Cow::Borrowed(message);
    }
    let mut message = message.clone();
    message.text = without_nul(&message.text).into_owned();
    message.sender_name = message.sender_name.map(|name| without_nul(&name).into_owned());
    message.reason = message.reason.map(|reason| without_nul(&reason).into_owned());
    Cow::Owned(message)
}

const POSTGRES_INSERT: &str = "INSERT INTO chat_messages (account_id, message_id, conversation_id, sender_id, sender_name, \
     content_type, text, item_id, sent_at, received_at, source, decision, reason, decided_at, needs_person) \
     SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
     ON CONFLICT DO NOTHING RETURNING account_id, message_id";

#[derive(QueryableByName)]
#[diesel(table_name = chat_messages)]
struct Key {
    account_id: AccountId,
    message_id: MessageId,
}

/// One statement whatever the number of rows: the text stays the same, so that the server plans it once.
fn insert_on_postgres(conn: &mut PgConnection, messages: &[NewMessage]) -> QueryResult<Vec<bool>> {
    let rows: Vec<_> = messages.iter().map(storable).collect();
    let new: Vec<Key> = diesel::sql_query(POSTGRES_INSERT)
        .bind::<Array<BigInt>, _>(each(&rows, |row| row.account))
        .bind::<Array<Text>, _>(each(&rows, |row| &row.message))
        .bind::<Array<Text>, _>(each(&rows, |row| &row.conversation))
        .bind::<Array<Text>, _>(each(&rows, |row| &row.sender))
        .bind::<Array<Nullable<Text>>, _>(each(&rows, |row| row.sender_name.as_deref()))
        .bind::<Array<BigInt>, _>(each(&rows, |row| row.content_type))
        .bind::<Array<Text>, _>(each(&rows, |row| row.text.as_str()))
        .bind::<Array<Nullable<Text>>, _>(each(&rows, |row| row.item.as_ref()))
        .bind::<Array<BigInt>, _>(each(&rows, |row| row.sent_at))
        .bind::<Array<BigInt>, _>(each(&rows, |row| row.received_at))
        .bind::<Array<Text>, _>(each(&rows, |row| row.source))
        .bind::<Array<Nullable<Text>>, _>(each(&rows, |row| row.decision))
        .bind::<Array<Nullable<Text>>, _>(each(&rows, |row| row.reason.as_deref()))
        .bind::<Array<Nullable<BigInt>>, _>(each(&rows, |row| row.decided_at))
        .bind::<Array<Bool>, _>(each(&rows, |row| row.needs_person))
        .load(conn)?;
    Ok(which_of(messages.iter().map(|message| (message.account, &message.message)), new))
}

fn each<'a, R, T>(rows: &'a [R], column: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(column).collect()
}

/// For the engine: stores decisions, and counts for the rules that they were made by. A message is decided once: a later decision changes
/// nothing. Returns how many were new.
pub fn decide_many(conn: &mut DbConn, decisions: &[DecisionRow]) -> QueryResult<usize> {
    let new = match conn {
        DbConn::Sqlite(conn) => {
            decisions.iter().map(|row| decide_on_sqlite(conn, row)).collect::<QueryResult<Vec<_>>>()?
        }
        DbConn::Pg(conn) => decide_on_postgres(conn, decisions)?,
    };
    let new = || decisions.iter().zip(&new).filter(|(_, new)| **new).map(|(row, _)| row);
    let hits = new().filter_map(|row| Hit::of(row.rule, row.reason.as_deref(), row.decided_at));
    rule_figures::count_hits(conn, hits)?;
    Ok(new().count())
}

fn decide_on_sqlite(conn: &mut SqliteConnection, row: &DecisionRow) -> QueryResult<bool> {
    let rows = diesel::update(chat_messages::table.find((row.account, &row.message)))
        .filter(chat_messages::decision.is_null())
        .set((
            chat_messages::decision.eq(row.decision),
            chat_messages::reason.eq(row.reason.as_deref().map(without_nul)),
            chat_messages::rule_id.eq(row.rule),
            chat_messages::turn_id.eq(row.turn.as_ref()),
            chat_messages::settled_at.eq(row.settled_at),
            chat_messages::decided_at.eq(row.decided_at),
            chat_messages::needs_person.eq(row.needs_person),
            chat_messages::trail.eq(row.trail.as_deref()),
            chat_messages::intent.eq(row.intent),
        ))
        .execute(conn)?;
    Ok(rows == 1)
}

const POSTGRES_DECIDE: &str = "UPDATE chat_messages AS m SET decision = d.decision, reason = d.reason, rule_id = d.rule_id, \
     turn_id = d.turn_id, settled_at = d.settled_at, decided_at = d.decided_at, needs_person = d.needs_person, \
     trail = d.trail, intent = d.intent FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS d (account_id, message_id, decision, \
     reason, rule_id, turn_id, settled_at, decided_at, needs_person, trail, intent) \
     WHERE m.account_id = d.account_id AND m.message_id = d.message_id AND m.decision IS NULL \
     RETURNING m.account_id, m.message_id";

fn decide_on_postgres(conn: &mut PgConnection, rows: &[DecisionRow]) -> QueryResult<Vec<bool>> {
    let new: Vec<Key> = diesel::sql_query(POSTGRES_DECIDE)
        .bind::<Array<BigInt>, _>(each(rows, |row| row.account))
        .bind::<Array<Text>, _>(each(rows, |row| &row.message))
        .bind::<Array<Text>, _>(each(rows, |row| row.decision))
        .bind::<Array<Nullable<Text>>, _>(each(rows, |row| row.reason.as_deref().map(without_nul)))
        .bind::<Array<Nullable<BigInt>>, _>(each(rows, |row| row.rule))
        .bind::<Array<Nullable<Text>>, _>(each(rows, |row| row.turn.as_ref()))
        .bind::<Array<Nullable<BigInt>>, _>(each(rows, |row| row.settled_at))
        .bind::<Array<BigInt>, _>(each(rows, |row| row.decided_at))
        .bind::<Array<Bool>, _>(each(rows, |row| row.needs_person))
        .bind::<Array<Nullable<Text>>, _>(each(rows, |row| row.trail.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(each(rows, |row| row.intent))
        .load(conn)?;
    Ok(which_of(rows.iter().map(|row| (row.account, &row.message)), new))
}

/// For each of the messages: is it among these? One that stands there twice is so once.
fn which_of<'a>(messages: impl Iterator<Item = (AccountId, &'a MessageId)>, found: Vec<Key>) -> Vec<bool> {
    let mut found: HashSet<_> = found.into_iter().map(|key| (key.account_id, key.message_id)).collect();
    messages.map(|(account, message)| found.remove(&(account, message.clone()))).collect()
}

/// For the engine: what nobody has decided about yet, in the order it was said.
pub fn undecided(conn: &mut DbConn, account: AccountId) -> QueryResult<Vec<StoredMessage>> {
    chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::decision.is_null()))
        .order((chat_messages::sent_at, chat_messages::message_id))
        .select(StoredMessage::as_select())
        .load(conn)
}

/// For the engine: which of these are stored.
pub fn existing(conn: &mut DbConn, account: AccountId, messages: &[MessageId]) -> QueryResult<HashSet<MessageId>> {
    let mut found = HashSet::with_capacity(messages.len());
    for some in messages.chunks(500) {
        let query = chat_messages::table
            .filter(chat_messages::account_id.eq(account).and(chat_messages::message_id.eq_any(some)))
            .select(chat_messages::message_id);
        found.extend(query.load::<MessageId>(conn)?);
    }
    Ok(found)
}

/// For the engine: when the newest stored message was sent. Reads every message of the account; the cursor knows it cheaper.
pub fn latest_seen(conn: &mut DbConn, account: AccountId) -> QueryResult<Option<Timestamp>> {
    chat_messages::table
        .filter(chat_messages::account_id.eq(account))
        .order(chat_messages::sent_at.desc())
        .select(chat_messages::sent_at)
        .first(conn)
        .optional()
}

/// When somebody wrote first in these conversations; those in which nobody did are not named.
pub(super) fn begun(
    conn: &mut DbConn,
    account: AccountId,
    conversations: &[ConversationId],
) -> QueryResult<Vec<(ConversationId, Timestamp)>> {
    let rows: Vec<(ConversationId, Option<Timestamp>)> = chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::conversation_id.eq_any(conversations)))
        .group_by(chat_messages::conversation_id)
        .select((chat_messages::conversation_id, diesel::dsl::min(chat_messages::sent_at)))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(conversation, at)| Some((conversation, at?))).collect())
}

/// The newest `limit` messages of one conversation, newest first.
pub fn list(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
    limit: i64,
) -> QueryResult<Vec<StoredMessage>> {
    read(conn, scope, account, conversation, Page::first(limit))
}

/// A part of the messages of one conversation, newest first, and how many it has.
pub fn page(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
    page: Page,
) -> QueryResult<(Vec<StoredMessage>, i64)> {
    let total = chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::conversation_id.eq(conversation)))
        .filter(chat_messages::account_id.eq_any(own!(scope)))
        .count()
        .get_result(conn)?;
    Ok((read(conn, scope, account, conversation, page)?, total))
}

fn read(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
    page: Page,
) -> QueryResult<Vec<StoredMessage>> {
    chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::conversation_id.eq(conversation)))
        .filter(chat_messages::account_id.eq_any(own!(scope)))
        .order((chat_messages::sent_at.desc(), chat_messages::message_id.desc()))
        .offset(page.offset)
        .limit(page.limit)
        .select(StoredMessage::as_select())
        .load(conn)
}

/// What this person wrote last in a conversation; `None`: nothing that is stored.
pub fn last_said(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    conversation: &ConversationId,
    by: &BuyerId,
) -> QueryResult<Option<String>> {
    chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::conversation_id.eq(conversation)))
        .filter(chat_messages::account_id.eq_any(own!(scope)).and(chat_messages::sender_id.eq(by)))
        .order((chat_messages::sent_at.desc(), chat_messages::message_id.desc()))
        .select(chat_messages::text)
        .first(conn)
        .optional()
}

/// The turn that a message belongs to, oldest first; the last one carries the decision. Empty where the message is not stored, or somebody
/// else's.
pub fn turn(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    message: &MessageId,
) -> QueryResult<Vec<StoredMessage>> {
    let own = |message: &MessageId| {
        chat_messages::table.find((account, message.clone())).filter(chat_messages::account_id.eq_any(own!(scope)))
    };
    let asked: Option<StoredMessage> = own(message).select(StoredMessage::as_select()).get_result(conn).optional()?;
    let Some(asked) = asked else { return Ok(Vec::new()) };
    let last = asked.turn.clone().unwrap_or_else(|| asked.message.clone());
    let mut turn: Vec<StoredMessage> = chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::conversation_id.eq(&asked.conversation)))
        .filter(chat_messages::account_id.eq_any(own!(scope)))
        .filter(chat_messages::turn_id.eq(&last))
        .order((chat_messages::sent_at, chat_messages::message_id))
        .select(StoredMessage::as_select())
        .load(conn)?;
    let deciding: Option<StoredMessage> = own(&last).select(StoredMessage::as_select()).get_result(conn).optional()?;
    turn.extend(deciding);
    Ok(turn)
}

/// What was said in the turns of which these are the last messages: each with the turn it belongs to, oldest first. What is gone by now, or
/// somebody else's, is left out.
pub fn said_in_turns(
    conn: &mut DbConn,
    scope: &Scope,
    turns: &[(AccountId, ConversationId, MessageId)],
) -> QueryResult<Vec<((AccountId, MessageId), String)>> {
    let accounts: Vec<AccountId> = turns.iter().map(|(account, ..)| *account).collect();
    let conversations: Vec<&ConversationId> = turns.iter().map(|(_, conversation, _)| conversation).collect();
    let last: Vec<&MessageId> = turns.iter().map(|(.., message)| message).collect();
    let rows: Vec<(AccountId, MessageId, Option<MessageId>, String)> = chat_messages::table
        .filter(chat_messages::account_id.eq_any(accounts).and(chat_messages::conversation_id.eq_any(conversations)))
        .filter(chat_messages::account_id.eq_any(own!(scope)))
        .filter(chat_messages::turn_id.eq_any(last.clone()).or(chat_messages::message_id.nullable().eq_any(last)))
        .order((chat_messages::sent_at, chat_messages::message_id))
        .select((chat_messages::account_id, chat_messages::message_id, chat_messages::turn_id, chat_messages::text))
        .load(conn)?;
    let of_turn = |(account, message, turn, text): (AccountId, MessageId, Option<MessageId>, String)| {
        ((account, turn.unwrap_or(message)), text)
    };
    Ok(rows.into_iter().map(of_turn).collect())
}

/// Which decisions a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionFilter {
    pub account: Option<AccountId>,
    pub conversation: Option<ConversationId>,
    /// Without it all that was decided about buyers' turns: neither `own` nor `merged`.
    pub decision: Option<String>,
    pub reason: Option<String>,
    pub rule: Option<RuleId>,
    /// The message came at this moment or later.
    pub since: Option<Timestamp>,
    /// The message came before this moment.
    pub until: Option<Timestamp>,
}

/// A part of the messages about which was decided as wanted, the newest first, and how many there are.
pub fn decisions(
    conn: &mut DbConn,
    scope: &Scope,
    filter: &DecisionFilter,
    page: Page,
) -> QueryResult<(Vec<StoredMessage>, i64)> {
    let fitting = || {
        let mut query = chat_messages::table.filter(chat_messages::account_id.eq_any(own!(scope))).into_boxed();
        query = match &filter.decision {
            Some(decision) => query.filter(chat_messages::decision.eq(decision)),
            None => query
                .filter(chat_messages::decision.ne("merged").and(chat_messages::decision.ne("own")))
                .filter(chat_messages::decision.is_not_null()),
        };
        if let Some(account) = filter.account {
            query = query.filter(chat_messages::account_id.eq(account));
        }
        if let Some(conversation) = &filter.conversation {
            query = query.filter(chat_messages::conversation_id.eq(conversation));
        }
        if let Some(reason) = &filter.reason {
            query = query.filter(chat_messages::reason.eq(reason));
        }
        if let Some(rule) = filter.rule {
            query = query.filter(chat_messages::rule_id.eq(rule));
        }
        if let Some(since) = filter.since {
            query = query.filter(chat_messages::received_at.ge(since));
        }
        if let Some(until) = filter.until {
            query = query.filter(chat_messages::received_at.lt(until));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let mut query = fitting();
    if total > LONG {
        query = query.filter(chat_messages::received_at.ge(EVER));
    }
    let rows = query
        .order((chat_messages::received_at.desc(), chat_messages::message_id.desc()))
        .offset(page.offset)
        .limit(page.limit)
        .select(StoredMessage::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// For the engine: who wrote to us in this conversation last; never in a group, and never the platform itself.
pub fn find_peer(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    own: &BuyerId,
) -> QueryResult<Option<BuyerId>> {
    let unfit = ["group_chat", "not_a_person"];
    chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::conversation_id.eq(conversation)))
        .filter(chat_messages::sender_id.ne(own))
        .filter(chat_messages::reason.is_null().or(chat_messages::reason.ne_all(unfit)))
        .order(chat_messages::sent_at.desc())
        .select(chat_messages::sender_id)
        .first(conn)
        .optional()
}

/// For the engine: a person took care of the conversation; nothing in it waits for one any more.
pub fn attended(conn: &mut DbConn, account: AccountId, conversation: &ConversationId) -> QueryResult<()> {
    diesel::update(chat_messages::table)
        .filter(chat_messages::account_id.eq(account).and(chat_messages::needs_person))
        .filter(chat_messages::conversation_id.eq(conversation))
        .set(chat_messages::needs_person.eq(false))
        .execute(conn)
        .map(drop)
}

/// The newest `limit` messages that wait for a person, newest first.
pub fn list_for_a_person(conn: &mut DbConn, scope: &Scope, limit: i64) -> QueryResult<Vec<StoredMessage>> {
    let own = own!(scope);
    chat_messages::table
        .filter(chat_messages::account_id.eq_any(own).and(chat_messages::needs_person))
        .order((chat_messages::sent_at.desc(), chat_messages::message_id.desc()))
        .limit(limit)
        .select(StoredMessage::as_select())
        .load(conn)
}
