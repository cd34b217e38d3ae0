//! Removes what was kept long enough. For the engine: all tenants at once, no scope.
//!
//! A batch looks at some hundred rows and is one transaction: nobody waits long behind it, however much there is to remove. Batches of
//! what grows with every message go along time, and never back: what must stay is looked at once a night.
//!
//! What stays although it is old: messages nobody decided about yet or whose answer is still on its way, sends that are not settled, and
//! the last minutes before an account's cursor. From there the search for missed messages reads the platform's history again, and a
//! message that is not here would be new. The figures of sales stay as long as their account: a few rows a day, which name nobody.
//!
//! Freed pages of a SQLite file are used again by what comes next, so the file stays as large as it ever was and does not grow on. It
//! is not made smaller: `VACUUM` holds the writer for as long as it copies the file. (R10)

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DbConn,
    connection::per_backend,
    email_codes, handovers,
    schema::{buyer_notes, buyer_tags, chat_messages, conversations, outbox},
    sessions,
};
use crate::{
    ids::{AccountId, ConversationId, Timestamp},
    platform::hours::day_of,
};

/// Rows that one transaction looks at. Measured while removing 200,000 messages on a busy machine: a batch takes 2 ms on SQLite and 1 ms
/// on PostgreSQL (99 of 100: under 15 ms), where 500 rows take 10 ms (99 of 100: 40 ms).
pub const BATCH: i64 = 200;

/// Repeated requests are known again for this long.
const REPEATS: Duration = Duration::from_hours(24);

/// The platform ends every deal before it is so old, whether or not we heard of it.
const LONG_DEAL: Duration = Duration::from_hours(24 * 60);

/// Who wonders about a challenge does so sooner.
const MONTH: Duration = Duration::from_hours(24 * 30);

/// What is known of a buyer may be so much ahead of the conversation.
const AHEAD: Duration = Duration::from_hours(24);

/// What is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    pub now: Timestamp,
    /// Messages and sends from before.
    pub messages: Timestamp,
    /// The reasons of decisions from before.
    pub decisions: Timestamp,
    /// Notices from before, and what was told of them.
    pub notices: Timestamp,
    /// The figures of days before the one of this moment.
    pub figures: Timestamp,
    /// How long before its cursor an account's messages stay.
    pub overlap: Duration,
}

/// What is removed batch by batch, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Messages,
    Sends,
    /// The decision itself stays with its message; by which rule and why, how it was reached, and which messages were answered together,
    /// goes.
    Reasons,
    /// Of the AI, and not sent by themselves.
    Suggestions,
    /// How far bargaining went, where nobody spoke of the price for as long as messages are kept.
    Bargains,
    /// What happened to orders.
    OrderEvents,
    /// Those that are over, with what was given for them; the stock and its log stay.
    Orders,
    UnknownPushes,
    /// Pauses that are over.
    Pauses,
    Sessions,
    EmailCodes,
    IdempotencyKeys,
    ApiTokens,
    /// Those about which nothing is left to tell.
    Notices,
    /// What rules for events did, and what they never came to do.
    RuleEvents,
    /// Counts of days that are over.
    RuleUses,
    /// How often rules were used, by day.
    RuleFigures,
    /// Of buyers with whom no conversation is left, and who are not blocked.
    BuyerTags,
    /// As the tags.
    BuyerNotes,
    /// Of the platform, and over for a month.
    Challenges,
}

impl Kind {
    pub const ALL: [Self; 20] = [
        Self::Messages,
        Self::Sends,
        Self::Reasons,
        Self::Suggestions,
        Self::Bargains,
        Self::OrderEvents,
        Self::Orders,
        Self::UnknownPushes,
        Self::Pauses,
        Self::Sessions,
        Self::EmailCodes,
        Self::IdempotencyKeys,
        Self::ApiTokens,
        Self::Notices,
        Self::RuleEvents,
        Self::RuleUses,
        Self::RuleFigures,
        Self::BuyerTags,
        Self::BuyerNotes,
        Self::Challenges,
    ];
}

/// How many were removed, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Removed {
    pub messages: usize,
    pub sends: usize,
    /// Decisions whose reason and rule were removed.
    pub reasons: usize,
    pub conversations: usize,
    pub suggestions: usize,
    pub bargains: usize,
    pub order_events: usize,
    pub orders: usize,
    pub unknown_pushes: usize,
    pub pauses: usize,
    pub sessions: usize,
    pub email_codes: usize,
    pub idempotency_keys: usize,
    pub api_tokens: usize,
    pub notices: usize,
    pub rule_events: usize,
    pub rule_uses: usize,
    pub rule_figures: usize,
    pub buyer_tags: usize,
    pub buyer_notes: usize,
    pub challenges: usize,
    /// Files of the log.
    pub log_files: usize,
}

impl Removed {
    pub fn add(&mut self, kind: Kind, rows: usize) {
        let count = match kind {
            Kind::Messages => &mut self.messages,
            Kind::Sends => &mut self.sends,
            Kind::Reasons => &mut self.reasons,
            Kind::Suggestions => &mut self.suggestions,
            Kind::Bargains => &mut self.bargains,
            Kind::OrderEvents => &mut self.order_events,
            Kind::Orders => &mut self.orders,
            Kind::UnknownPushes => &mut self.unknown_pushes,
            Kind::Pauses => &mut self.pauses,
            Kind::Sessions => &mut self.sessions,
            Kind::EmailCodes => &mut self.email_codes,
            Kind::IdempotencyKeys => &mut self.idempotency_keys,
            Kind::ApiTokens => &mut self.api_tokens,
            Kind::Notices => &mut self.notices,
            Kind::RuleEvents => &mut self.rule_events,
            Kind::RuleUses => &mut self.rule_uses,
            Kind::RuleFigures => &mut self.rule_figures,
            Kind::BuyerTags => &mut self.buyer_tags,
            Kind::BuyerNotes => &mut self.buyer_notes,
            Kind::Challenges => &mut self.challenges,
        };
        *count += rows;
    }
}

/// What one transaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    pub removed: usize,
    /// Where the next batch begins; `None`: this was the last.
    pub next: Option<Timestamp>,
}

/// The next [`Stretch`] of a table along the column that says when a row was made.
macro_rules! stretch {
    ($conn:expr, $table:ident, $time:ident, $from:expr, $before:expr) => {{
        let (from, before): (Timestamp, Timestamp) = ($from, $before);
        let last = $table::table
            .filter($table::$time.ge(from).and($table::$time.lt(before)))
            .order($table::$time)
            .offset(BATCH - 1)
            .select($table::$time)
            .first(&mut *$conn)
            .optional()?;
        Stretch::new(from, before, last)
    }};
}

/// One batch. Begin with the time before which nothing is left, and go on with [`Batch::next`].
pub fn remove_some(conn: &mut DbConn, kind: Kind, from: Timestamp, cutoffs: &Cutoffs) -> QueryResult<Batch> {
    let now = cutoffs.now;
    match kind {
        Kind::Messages => {
            let page = stretch!(conn, chat_messages, received_at, from, cutoffs.messages);
            page.run(|from, to| run(conn, REMOVE_MESSAGES, &[from, to, millis(cutoffs.overlap)]))
        }
        Kind::Sends => {
            let page = stretch!(conn, outbox, created_at, from, cutoffs.messages);
            page.run(|from, to| run(conn, REMOVE_SENDS, &[from, to, millis(cutoffs.overlap)]))
        }
        Kind::Reasons => {
            let page = stretch!(conn, chat_messages, received_at, from, cutoffs.decisions);
            page.run(|from, to| run(conn, FORGET_REASONS, &[from, to]))
        }
        Kind::Suggestions => full_or_last(from, run(conn, REMOVE_SUGGESTIONS, &[cutoffs.messages.0, BATCH])?),
        Kind::Bargains => full_or_last(from, run(conn, REMOVE_BARGAINS, &[cutoffs.messages.0, BATCH])?),
        Kind::OrderEvents => full_or_last(from, run(conn, REMOVE_ORDER_EVENTS, &[cutoffs.messages.0, BATCH])?),
        Kind::Orders => full_or_last(
            from,
            run(conn, REMOVE_ORDERS, &[cutoffs.messages.0, (cutoffs.messages - LONG_DEAL).0, BATCH])?,
        ),
        Kind::UnknownPushes => full_or_last(from, run(conn, REMOVE_PUSHES, &[cutoffs.messages.0, BATCH])?),
        Kind::Pauses => full_or_last(from, run(conn, END_PAUSES, &[now.0, BATCH])?),
        Kind::IdempotencyKeys => full_or_last(from, run(conn, REMOVE_KEYS, &[(now - REPEATS).0, BATCH])?),
        Kind::ApiTokens => full_or_last(from, run(conn, REMOVE_TOKENS, &[now.0, BATCH])?),
        Kind::Notices => full_or_last(from, run(conn, REMOVE_NOTICES, &[cutoffs.notices.0, BATCH])?),
        Kind::RuleEvents => full_or_last(from, run(conn, REMOVE_RULE_EVENTS, &[cutoffs.messages.0, BATCH])?),
        Kind::RuleUses => full_or_last(from, run(conn, REMOVE_RULE_USES, &[day_of(now), BATCH])?),
        Kind::RuleFigures => full_or_last(from, run(conn, REMOVE_RULE_DAYS, &[day_of(cutoffs.figures), BATCH])?),
        Kind::BuyerTags => {
            let page = stretch!(conn, buyer_tags, created_at, from, now - AHEAD);
            page.run(|from, to| run(conn, &orphans_of("buyer_tags"), &[from, to]))
        }
        Kind::BuyerNotes => {
            let page = stretch!(conn, buyer_notes, created_at, from, now - AHEAD);
            page.run(|from, to| run(conn, &orphans_of("buyer_notes"), &[from, to]))
        }
        Kind::Challenges => full_or_last(from, run(conn, REMOVE_CHALLENGES, &[(now - MONTH).0, BATCH])?),
        // Few, because people are few.
        Kind::Sessions => Ok(Batch { removed: sessions::purge(conn, now)?, next: None }),
        Kind::EmailCodes => Ok(Batch { removed: email_codes::purge(conn, now)?, next: None }),
    }
}

const REMOVE_MESSAGES: &str = "DELETE FROM chat_messages WHERE received_at >= $1 AND received_at <= $2 AND decision IS NOT NULL \
     AND sent_at < coalesce((SELECT seen_at FROM account_cursors WHERE account_cursors.account_id = chat_messages.account_id), 0) - $3 \
     AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.account_id = chat_messages.account_id \
     AND outbox.in_reply_to = chat_messages.message_id AND outbox.state IN ('queued', 'sent'))";

const REMOVE_SENDS: &str = "DELETE FROM outbox WHERE created_at >= $1 AND created_at <= $2 AND state NOT IN ('queued', 'sent') \
     AND created_at < coalesce((SELECT seen_at FROM account_cursors WHERE account_cursors.account_id = outbox.account_id), 0) - $3";

/// What says that nobody is behind a message stays as long as the message: [`find_peer`](super::chat_messages::find_peer) reads it.
const FORGET_REASONS: &str = "UPDATE chat_messages \
     SET reason = CASE WHEN reason IN ('group_chat', 'not_a_person') THEN reason END, rule_id = NULL, turn_id = NULL, trail = NULL \
     WHERE received_at >= $1 AND received_at <= $2 AND decision IS NOT NULL \
     AND (coalesce(reason, 'group_chat') NOT IN ('group_chat', 'not_a_person') OR rule_id IS NOT NULL OR turn_id IS NOT NULL OR trail IS NOT NULL)";

const REMOVE_SUGGESTIONS: &str = "DELETE FROM suggestions WHERE id IN (SELECT id FROM suggestions WHERE created_at < $1 \
     ORDER BY created_at LIMIT $2)";

const REMOVE_BARGAINS: &str = "DELETE FROM bargains WHERE (account_id, conversation_id) IN (SELECT account_id, conversation_id \
     FROM bargains WHERE updated_at < $1 LIMIT $2)";

const REMOVE_ORDER_EVENTS: &str = "DELETE FROM order_events WHERE id IN (SELECT id FROM order_events WHERE seen_at < $1 \
     ORDER BY seen_at LIMIT $2)";

/// Nothing goes of which a piece is still on its way, or in doubt.
const REMOVE_ORDERS: &str = "DELETE FROM orders WHERE (account_id, id) IN (SELECT o.account_id, o.id FROM orders AS o \
     WHERE o.seen_at < $1 AND (o.status IN ('completed', 'cancelled') OR o.seen_at < $2) \
     AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.account_id = o.account_id AND d.order_id = o.id \
     AND d.state IN ('reserved', 'sent', 'uncertain', 'rejected')) ORDER BY o.seen_at LIMIT $3)";

const REMOVE_RULE_EVENTS: &str = "DELETE FROM rule_events WHERE id IN (SELECT id FROM rule_events WHERE made_at < $1 \
     ORDER BY made_at LIMIT $2)";

const REMOVE_RULE_USES: &str = "DELETE FROM rule_uses WHERE (account_id, buyer_id, rule_id) IN (SELECT account_id, buyer_id, rule_id \
     FROM rule_uses WHERE day < $1 LIMIT $2)";

const REMOVE_RULE_DAYS: &str = "DELETE FROM rule_days WHERE (rule_id, day) IN (SELECT rule_id, day FROM rule_days WHERE day < $1 \
     ORDER BY day LIMIT $2)";

/// Numbers grow with time: where the oldest are young enough, all are.
const REMOVE_PUSHES: &str = "DELETE FROM unknown_pushes WHERE received_at < $1 \
     AND id IN (SELECT id FROM unknown_pushes ORDER BY id LIMIT $2)";

const REMOVE_CHALLENGES: &str =
    "DELETE FROM challenges WHERE id IN (SELECT id FROM challenges WHERE ended_at < $1 LIMIT $2)";

const END_PAUSES: &str = "UPDATE conversations SET paused_until = NULL WHERE (account_id, conversation_id) IN (SELECT account_id, \
     conversation_id FROM conversations WHERE paused_until IS NOT NULL AND paused_until < $1 LIMIT $2)";

const REMOVE_KEYS: &str = "DELETE FROM idempotency_keys WHERE (user_id, key) IN (SELECT user_id, key FROM idempotency_keys \
     WHERE created_at < $1 LIMIT $2)";

const REMOVE_TOKENS: &str =
    "DELETE FROM api_tokens WHERE id IN (SELECT id FROM api_tokens WHERE expires_at <= $1 LIMIT $2)";

/// Numbers grow with time. What lasts stays, and what waits to be told.
const REMOVE_NOTICES: &str = "DELETE FROM notices WHERE last_at < $1 AND stage = 'done' AND id IN (SELECT id FROM notices \
     WHERE stage = 'done' ORDER BY id LIMIT $2)";

/// Of a table of what is known of buyers.
fn orphans_of(table: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE created_at >= $1 AND created_at <= $2 AND NOT EXISTS (SELECT 1 FROM conversations AS c \
         JOIN accounts AS a ON a.id = c.account_id WHERE c.peer_id = {table}.buyer_id AND a.owner_id = {table}.owner_id) \
         AND NOT EXISTS (SELECT 1 FROM blocked_buyers AS b WHERE b.owner_id = {table}.owner_id AND b.buyer_id = {table}.buyer_id)"
    )
}

fn run(conn: &mut DbConn, sql: &str, numbers: &[i64]) -> QueryResult<usize> {
    per_backend!(conn, conn => {
        let query = diesel::sql_query(sql).into_boxed();
        numbers.iter().fold(query, |query, number| query.bind::<BigInt, _>(*number)).execute(conn)
    })
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn full_or_last(from: Timestamp, removed: usize) -> QueryResult<Batch> {
    let full = i64::try_from(removed).is_ok_and(|rows| rows >= BATCH);
    Ok(Batch { removed, next: full.then_some(from) })
}

/// A stretch of time with about [`BATCH`] rows, all of one moment together.
struct Stretch {
    from: Timestamp,
    /// The last moment of it.
    to: Timestamp,
    more: bool,
}

impl Stretch {
    /// `last`: the moment of the last row of a full batch.
    fn new(from: Timestamp, before: Timestamp, last: Option<Timestamp>) -> Self {
        Self { from, to: last.unwrap_or(Timestamp(before.0 - 1)), more: last.is_some() }
    }

    fn run(self, work: impl FnOnce(i64, i64) -> QueryResult<usize>) -> QueryResult<Batch> {
        let removed = work(self.from.0, self.to.0)?;
        Ok(Batch { removed, next: self.more.then_some(Timestamp(self.to.0 + 1)) })
    }
}

/// A conversation of an account.
pub type ConversationKey = (AccountId, ConversationId);

/// Some of the conversations nobody has spoken in for long: without message, send or pause, and not new. The second part says where to
/// go on; `None`: these were the last. For a reader: the sends of whole accounts are looked through.
pub fn silent_conversations(
    conn: &mut DbConn,
    after: Option<&ConversationKey>,
    cutoffs: &Cutoffs,
) -> QueryResult<(Vec<ConversationKey>, Option<ConversationKey>)> {
    let (account, conversation) = after.map_or((0, ""), |(account, conversation)| (account.0, conversation.as_str()));
    let page: Vec<ConversationKey> = conversations::table
        .filter(
            conversations::account_id.gt(AccountId(account)).or(conversations::account_id
                .eq(AccountId(account))
                .and(conversations::conversation_id.gt(ConversationId::from(conversation)))),
        )
        .order((conversations::account_id, conversations::conversation_id))
        .limit(BATCH)
        .select((conversations::account_id, conversations::conversation_id))
        .load(conn)?;
    let next = i64::try_from(page.len()).is_ok_and(|rows| rows >= BATCH).then(|| page.last().cloned()).flatten();
    let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok((Vec::new(), None)) };
    let silent: Vec<Key> = per_backend!(&mut *conn, conn => diesel::sql_query(FIND_SILENT)
        .bind::<BigInt, _>(first.0)
        .bind::<Text, _>(&first.1)
        .bind::<BigInt, _>(last.0)
        .bind::<Text, _>(&last.1)
        .bind::<BigInt, _>(cutoffs.messages)
        .bind::<BigInt, _>(cutoffs.now)
        .load(conn))?;
    let silent = silent.into_iter().map(|key| (key.account_id, key.conversation_id)).collect();
    Ok((without_sends(conn, silent)?, next))
}

#[derive(QueryableByName)]
#[diesel(table_name = conversations)]
struct Key {
    account_id: AccountId,
    conversation_id: ConversationId,
}

const FIND_SILENT: &str = "SELECT account_id, conversation_id FROM conversations AS c \
     WHERE (account_id, conversation_id) >= ($1, $2) AND (account_id, conversation_id) <= ($3, $4) \
     AND created_at < $5 AND (paused_until IS NULL OR paused_until < $6) AND NOT EXISTS (SELECT 1 FROM chat_messages AS m \
     WHERE m.account_id = c.account_id AND m.conversation_id = c.conversation_id) ORDER BY account_id, conversation_id";

fn without_sends(conn: &mut DbConn, mut silent: Vec<ConversationKey>) -> QueryResult<Vec<ConversationKey>> {
    let mut accounts: Vec<AccountId> = silent.iter().map(|(account, _)| *account).collect();
    accounts.dedup();
    for account in accounts {
        let ids: Vec<&ConversationId> = silent.iter().filter(|key| key.0 == account).map(|key| &key.1).collect();
        let spoken_in: Vec<ConversationId> = outbox::table
            .filter(outbox::account_id.eq(account).and(outbox::conversation_id.eq_any(ids)))
            .select(outbox::conversation_id)
            .distinct()
            .load(conn)?;
        silent.retain(|(of, conversation)| *of != account || !spoken_in.contains(conversation));
    }
    Ok(silent)
}

const REMOVE_SILENT: &str = "DELETE FROM conversations WHERE account_id = $1 AND conversation_id = $2 \
     AND (paused_until IS NULL OR paused_until < $3) AND NOT EXISTS (SELECT 1 FROM chat_messages AS m \
     WHERE m.account_id = conversations.account_id AND m.conversation_id = conversations.conversation_id) \
     AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.account_id = conversations.account_id AND o.state IN ('queued', 'sent') \
     AND o.conversation_id = conversations.conversation_id)";

/// Removes those of [`silent_conversations`] in which nobody spoke meanwhile. The engine must hear of it (`Topic::Pauses`).
pub fn remove_conversations(conn: &mut DbConn, keys: &[ConversationKey], now: Timestamp) -> QueryResult<usize> {
    let mut removed = 0;
    for (account, conversation) in keys {
        let gone = per_backend!(&mut *conn, conn => diesel::sql_query(REMOVE_SILENT)
            .bind::<BigInt, _>(*account)
            .bind::<Text, _>(conversation)
            .bind::<BigInt, _>(now)
            .execute(conn))?;
        if gone > 0 {
            handovers::forget(conn, *account, conversation)?;
        }
        removed += gone;
    }
    if removed > 0 {
        super::revisions::bump(conn, super::revisions::Topic::Pauses)?;
    }
    Ok(removed)
}
