//! How often rules were used, when last, how fast the buyer had the answer, and whether an order followed: by rule and day.
//!
//! A rule is hit where a turn or an event is decided with it, also where it wants nothing to be said. Everything is counted on the day of
//! the hit, in the transaction that stores what it counts: what is stored once is counted once. A rule takes its figures with it.

use std::{collections::BTreeMap, time::Duration};

use diesel::{
    dsl::case_when,
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use super::{
    DbConn, Page, Scope,
    accounts::{OWN, own},
    connection::per_backend,
    prepared::Prepared,
    rules::{Kind, Reach, to_json, visible},
    schema::{chat_messages, rule_days, rule_events, rules},
};
use crate::{
    ids::{AccountId, ConversationId, RuleId, Timestamp},
    outbox::entry::SendId,
    platform::hours::day_of,
    reply::event::SILENT,
};

/// An order is put down to the rule that was used last in its conversation, if that was not longer ago.
const CREDIT: Duration = Duration::from_hours(7 * 24);

/// For so many days figures can be asked for.
pub const LONGEST: i64 = 400;

/// The reasons of decisions with which a rule was used. One that was given as often as it may be was not.
const USED: [&str; 3] = ["rule", "default", "empty_reply"];

/// A decision by a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    rule: RuleId,
    at: Timestamp,
}

impl Hit {
    /// `None`: no rule was used.
    pub(super) fn of(rule: Option<RuleId>, reason: Option<&str>, at: Timestamp) -> Option<Self> {
        let rule = rule.filter(|_| reason.is_some_and(|reason| USED.contains(&reason)))?;
        Some(Self { rule, at })
    }

    fn day(self) -> (RuleId, i64) {
        (self.rule, day_of(self.at))
    }
}

/// What is added to one day of one rule: two numbers, as the statement takes them.
type Sums = BTreeMap<(RuleId, i64), (i64, i64)>;

/// The rows of `$1`, a JSON array of arrays of whole numbers: one statement whatever their number.
fn given(conn: &DbConn, columns: &[&str]) -> String {
    let rows = match conn {
        DbConn::Sqlite(_) => "json_each($1)",
        DbConn::Pg(_) => "json_array_elements(CAST($1 AS json))",
    };
    let columns = columns.iter().enumerate();
    let columns: Vec<_> = columns.map(|(at, name)| format!("CAST(value ->> {at} AS BIGINT) AS {name}")).collect();
    format!("(SELECT {} FROM {rows})", columns.join(", "))
}

fn add(conn: &mut DbConn, sql: &str, sums: &Sums) -> QueryResult<()> {
    let rows: Vec<_> = sums.iter().map(|((rule, day), (first, second))| [rule.0, *day, *first, *second]).collect();
    let rows = to_json(&rows)?;
    per_backend!(conn, conn => Prepared { sql, text: &rows }.execute(conn).map(drop))
}

/// For the engine. A rule that was deleted meanwhile is not counted; without the condition it would fail the whole job.
pub(super) fn count_hits(conn: &mut DbConn, hits: impl IntoIterator<Item = Hit>) -> QueryResult<()> {
    let mut sums = Sums::new();
    for hit in hits {
        let (hits, last) = sums.entry(hit.day()).or_default();
        *hits += 1;
        *last = hit.at.0.max(*last);
    }
    if sums.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO rule_days (rule_id, day, hits, last_hit_at, answered, answer_ms, orders) \
         SELECT d.rule_id, d.day, d.hits, d.last_hit_at, 0, 0, 0 FROM {} AS d \
         WHERE EXISTS (SELECT 1 FROM rules WHERE rules.id = d.rule_id) \
         ON CONFLICT (rule_id, day) DO UPDATE SET hits = rule_days.hits + excluded.hits, last_hit_at = CASE \
         WHEN excluded.last_hit_at > rule_days.last_hit_at THEN excluded.last_hit_at ELSE rule_days.last_hit_at END",
        given(conn, &["rule_id", "day", "hits", "last_hit_at"])
    );
    add(conn, &sql, &sums)
}

/// A hit whose first send the platform confirmed.
#[derive(QueryableByName)]
struct Answered {
    #[diesel(sql_type = BigInt)]
    rule_id: RuleId,
    #[diesel(sql_type = BigInt)]
    hit_at: Timestamp,
    #[diesel(sql_type = BigInt)]
    ms: i64,
}

/// The first send of a decision has no sibling under the number before: they are numbered together. Where nobody wrote, the event that
/// the rule had waited for tells since when the answer was due.
const ANSWERED: &str = "SELECT o.rule_id, coalesce(m.decided_at, e.done_at) AS hit_at, \
     o.settled_at - coalesce(m.received_at, e.due_at) AS ms FROM outbox AS o \
     LEFT JOIN chat_messages AS m ON m.account_id = o.account_id AND m.message_id = o.in_reply_to \
     LEFT JOIN rule_events AS e ON o.in_reply_to IS NULL AND e.id = (SELECT l.id FROM rule_events AS l \
     WHERE l.account_id = o.account_id AND l.conversation_id = o.conversation_id AND l.rule_id = o.rule_id \
     AND l.done_at <= o.created_at ORDER BY l.done_at DESC LIMIT 1) \
     WHERE o.rule_id IS NOT NULL AND o.settled_at IS NOT NULL AND coalesce(m.decided_at, e.done_at) IS NOT NULL \
     AND NOT EXISTS (SELECT 1 FROM outbox AS b WHERE b.account_id = o.account_id AND b.id = o.id - 1 \
     AND b.conversation_id = o.conversation_id AND b.rule_id = o.rule_id \
     AND coalesce(b.in_reply_to, '') = coalesce(o.in_reply_to, ''))";

/// For the engine: the platform has just confirmed these sends of rules.
pub(super) fn count_answered(conn: &mut DbConn, sends: &[(AccountId, SendId)]) -> QueryResult<()> {
    if sends.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = sends.iter().map(|(account, id)| [account.0, id.0]).collect();
    let keys = to_json(&keys)?;
    let select = format!(
        "{ANSWERED} AND (o.account_id, o.id) IN (SELECT account_id, id FROM {} AS k)",
        given(conn, &["account_id", "id"])
    );
    let found: Vec<Answered> = per_backend!(&mut *conn, conn => Prepared { sql: &select, text: &keys }.load(conn))?;
    let mut sums = Sums::new();
    for Answered { rule_id, hit_at, ms } in found {
        let (answered, all) = sums.entry((rule_id, day_of(hit_at))).or_default();
        *answered += 1;
        // A clock may have been set back.
        *all += ms.max(0);
    }
    let sql = format!(
        "UPDATE rule_days SET answered = rule_days.answered + d.answered, answer_ms = rule_days.answer_ms + d.ms \
         FROM {} AS d WHERE rule_days.rule_id = d.rule_id AND rule_days.day = d.day",
        given(conn, &["rule_id", "day", "answered", "ms"])
    );
    add(conn, &sql, &sums)
}

/// For the engine: an order of this conversation was paid. What a rule says because of an order led to none; or else the rule that thanks for
/// the order would take it from the rule that told the price.
pub(super) fn credit_order(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
    at: Timestamp,
) -> QueryResult<()> {
    let since = at - CREDIT;
    let answer: Option<(Option<RuleId>, Option<Timestamp>)> = chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::conversation_id.eq(conversation)))
        .filter(chat_messages::sent_at.between(since, at).and(chat_messages::rule_id.is_not_null()))
        .filter(chat_messages::reason.eq_any(USED))
        .order((chat_messages::sent_at.desc(), chat_messages::message_id.desc()))
        .select((chat_messages::rule_id, chat_messages::decided_at))
        .first(conn)
        .optional()?;
    let event: Option<(RuleId, Option<Timestamp>)> = rule_events::table
        .filter(rule_events::account_id.eq(account).and(rule_events::conversation_id.eq(conversation)))
        .filter(rule_events::done_at.between(since, at).and(rule_events::reason.eq_any(USED)))
        .filter(rule_events::cause.like(format!("{SILENT}%")))
        .order(rule_events::done_at.desc())
        .select((rule_events::rule_id, rule_events::done_at))
        .first(conn)
        .optional()?;
    let answer = answer.and_then(|(rule, at)| Some(Hit { rule: rule?, at: at? }));
    let event = event.and_then(|(rule, at)| Some(Hit { rule, at: at? }));
    let Some(hit) = answer.into_iter().chain(event).max_by_key(|hit| hit.at) else { return Ok(()) };
    let last = case_when(rule_days::last_order_at.gt(at), rule_days::last_order_at).otherwise(at);
    diesel::update(rule_days::table.find(hit.day()))
        .set((rule_days::orders.eq(rule_days::orders + 1), rule_days::last_order_at.eq(last)))
        .execute(conn)
        .map(drop)
}

/// Of which rules a person wants to see the figures; `None` is all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    pub rule: Option<RuleId>,
    pub reach: Option<Reach>,
    pub kind: Option<Kind>,
    pub enabled: Option<bool>,
    /// Not used at all since then; `Some(false)`: used.
    pub unused: Option<bool>,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Used most often.
    #[default]
    Hits,
    /// Used last.
    LastHit,
    /// Followed by most orders.
    Orders,
}

impl Sort {
    /// Nothing is left to chance, so that pages fit together.
    fn order(self) -> &'static str {
        match self {
            Self::Hits => "ORDER BY hits DESC, coalesce(last_hit_at, 0) DESC, rule_id",
            Self::LastHit => "ORDER BY coalesce(last_hit_at, 0) DESC, hits DESC, rule_id",
            Self::Orders => "ORDER BY orders DESC, hits DESC, rule_id",
        }
    }
}

/// Numbers of a span of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = rule_days)]
pub struct Counts {
    pub hits: i64,
    /// Hits whose first send the platform confirmed.
    pub answered: i64,
    answer_ms: i64,
    /// Orders that were paid after a hit.
    pub orders: i64,
}

impl Counts {
    /// The mean from the buyer's last message to the platform's word that the first answer arrived; `None`: there was none.
    pub fn answered_within_ms(&self) -> Option<i64> {
        (self.answered > 0).then(|| self.answer_ms / self.answered)
    }
}

/// One rule's figures.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Figures {
    #[diesel(sql_type = BigInt, column_name = rule_id)]
    pub rule: RuleId,
    #[diesel(sql_type = Nullable<BigInt>, column_name = account_id)]
    pub account: Option<AccountId>,
    #[diesel(sql_type = Text)]
    pub kind: Kind,
    #[diesel(sql_type = Text)]
    pub keyword: String,
    #[diesel(sql_type = Bool)]
    pub enabled: bool,
    #[diesel(embed)]
    pub counts: Counts,
    /// Of all that is kept, not of the span alone.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub last_hit_at: Option<Timestamp>,
    /// As above.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub last_order_at: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    figures: Figures,
    /// How many there are on all pages.
    #[diesel(sql_type = BigInt)]
    total: i64,
}

const KIND: &str = "CASE WHEN r.trigger_on <> 'message' THEN 'event_rule' WHEN r.matching = 'default' THEN 'default_reply' ELSE 'keyword' END";

/// The sum of a column over the days since `$4`.
fn sum(column: &str, rule: &str) -> String {
    format!(
        "CAST(coalesce((SELECT sum(d.{column}) FROM rule_days AS d WHERE d.rule_id = {rule} AND d.day >= $4), 0) AS BIGINT) AS {column}"
    )
}

/// Of all rules only what they are sorted by is added up, the rest of those on the page: 10,000 rules that were used on each of 400 days
/// are listed in half a second (of 30 days: in a tenth) on a busy core, and took eight times as long with a join.
///
/// SQLite counts parameters in the order in which they first stand.
fn select(sort: Sort) -> String {
    let order = sort.order();
    let [hits, orders] = ["hits", "orders"].map(|column| sum(column, "r.id"));
    let [answered, answer_ms] = ["answered", "answer_ms"].map(|column| sum(column, "part.rule_id"));
    format!(
        "WITH own AS {OWN}, counted AS (SELECT r.id AS rule_id, r.account_id, {KIND} AS kind, r.keyword, r.enabled, {hits}, {orders}, \
         (SELECT l.last_hit_at FROM rule_days AS l WHERE l.rule_id = r.id ORDER BY l.day DESC LIMIT 1) AS last_hit_at \
         FROM rules AS r WHERE r.owner_id = $1 AND (r.account_id IS NULL OR r.account_id IN (SELECT id FROM own)) AND r.live \
         AND ($5 IS NULL OR r.id = $5) AND ($6 IS NULL OR coalesce(r.account_id, 0) = $6) AND ($7 IS NULL OR {KIND} = $7) \
         AND ($8 IS NULL OR r.enabled = $8)), \
         part AS (SELECT counted.*, count(*) OVER () AS total FROM counted WHERE ($9 IS NULL OR (hits = 0) = $9) \
         {order} LIMIT $10 OFFSET $11) \
         SELECT part.*, {answered}, {answer_ms}, \
         (SELECT max(d.last_order_at) FROM rule_days AS d WHERE d.rule_id = part.rule_id) AS last_order_at FROM part {order}"
    )
}

fn read(
    conn: &mut DbConn,
    scope: &Scope,
    filter: &Filter,
    since: i64,
    (sort, page): (Sort, Page),
) -> QueryResult<Vec<Row>> {
    let set = filter.reach.map(|reach| match reach {
        // No account has the number 0.
        Reach::Everywhere => AccountId(0),
        Reach::In(account) => account,
    });
    per_backend!(conn, conn => diesel::sql_query(select(sort))
        .bind::<BigInt, _>(scope.user())
        .bind::<BigInt, _>(scope.member_or_zero())
        .bind::<BigInt, _>(scope.token_or_zero())
        .bind::<BigInt, _>(since)
        .bind::<Nullable<BigInt>, _>(filter.rule)
        .bind::<Nullable<BigInt>, _>(set)
        .bind::<Nullable<Text>, _>(filter.kind)
        .bind::<Nullable<Bool>, _>(filter.enabled)
        .bind::<Nullable<Bool>, _>(filter.unused)
        .bind::<BigInt, _>(page.limit)
        .bind::<BigInt, _>(page.offset)
        .load(conn))
}

/// A part of the figures since a day of the platform, and of how many rules there are some.
pub fn page(
    conn: &mut DbConn,
    scope: &Scope,
    filter: &Filter,
    since: i64,
    (sort, page): (Sort, Page),
) -> QueryResult<(Vec<Figures>, i64)> {
    let rows = read(conn, scope, filter, since, (sort, page))?;
    // Behind the last one nobody tells how many there are.
    let behind = rows.is_empty() && page.offset > 0;
    let first = if behind { read(conn, scope, filter, since, (sort, Page::first(1)))? } else { Vec::new() };
    let total = rows.first().or(first.first()).map_or(0, |row| row.total);
    Ok((rows.into_iter().map(|row| row.figures).collect(), total))
}

/// `NotFound` also where the rule belongs to somebody else, or is only a draft.
pub fn get(conn: &mut DbConn, scope: &Scope, rule: RuleId, since: i64) -> QueryResult<Figures> {
    let filter = Filter { rule: Some(rule), ..Filter::default() };
    let rows = read(conn, scope, &filter, since, (Sort::default(), Page::first(1)))?;
    rows.into_iter().next().map(|row| row.figures).ok_or(diesel::result::Error::NotFound)
}

/// The days since `since` on which a rule was used, oldest first.
pub fn days(conn: &mut DbConn, scope: &Scope, rule: RuleId, since: i64) -> QueryResult<Vec<(i64, Counts)>> {
    let seen = rules::table.filter(visible!(scope)).filter(rules::live).select(rules::id);
    rule_days::table
        .filter(rule_days::rule_id.eq(rule).and(rule_days::rule_id.eq_any(seen)))
        .filter(rule_days::day.ge(since))
        .order(rule_days::day)
        .select((rule_days::day, Counts::as_select()))
        .load(conn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{outbox::entry::Origin, reply::decide::Silence};

    #[test]
    fn a_rule_is_used_where_it_answers_and_where_it_wants_silence() {
        let rule = RuleId(7);
        let used = |reason: &str| Hit::of(Some(rule), Some(reason), Timestamp(1)).is_some();
        assert!(used(Origin::Rule.as_str()));
        assert!(used(Origin::Default.as_str()));
        assert!(used(Silence::EmptyReply { rule }.code()));
        assert!(!used(Silence::AlreadyAnsweredOnce { rule }.code()));
        assert!(!used(Silence::TooOld.code()));
        assert_eq!(Hit::of(None, Some("rule"), Timestamp(1)), None, "no rule, no hit");
        assert_eq!(Hit::of(Some(rule), None, Timestamp(1)), None, "merged into a later message");
    }

    #[test]
    fn a_mean_of_nothing_is_nothing() {
        assert_eq!(Counts::default().answered_within_ms(), None);
        assert_eq!(Counts { answered: 2, answer_ms: 3001, ..Counts::default() }.answered_within_ms(), Some(1500));
    }
}
