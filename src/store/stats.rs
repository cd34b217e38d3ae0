//! The dashboard's numbers: what happened in a span of time, by hour or day, by account and by rule, and how things stand now.
//!
//! Each table is read once, along its index of times; what is counted by several things at once is added up here.

use std::collections::BTreeMap;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use serde::{Deserialize, Serialize};

use super::{
    DbConn, Scope,
    accounts::{OWN, within},
    schema::{account_states, accounts},
};
use crate::{
    account::state,
    ids::{AccountId, RuleId, Timestamp},
};

/// How long one bar of a chart is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    Hour,
    Day,
}

impl Bucket {
    pub fn ms(self) -> i64 {
        match self {
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

/// What is looked at: from its beginning, inclusive, to its end, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
    pub bucket: Bucket,
    /// Of the viewer's clock from UTC: their days begin at their midnight.
    pub offset_minutes: i64,
}

impl Period {
    fn offset_ms(&self) -> i64 {
        self.offset_minutes * 60_000
    }

    /// The beginning of bucket `number`.
    fn start(&self, number: i64) -> Timestamp {
        Timestamp(number * self.bucket.ms() - self.offset_ms())
    }

    /// The number of the bucket a moment lies in.
    fn number(&self, at: Timestamp) -> i64 {
        (at.0 + self.offset_ms()).div_euclid(self.bucket.ms())
    }
}

/// What happened, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// Messages that others wrote.
    pub received: u64,
    /// Turns that were answered.
    pub answered: u64,
    /// Turns that were left without an answer.
    pub silent: u64,
    /// Messages the seller wrote elsewhere.
    pub own: u64,
    /// Messages that are not decided yet.
    pub undecided: u64,
    /// Answers that were made; what became of them follows.
    pub sends: u64,
    pub confirmed: u64,
    pub rejected: u64,
    pub uncertain: u64,
    pub expired: u64,
    /// From a buyer's message to the confirmation of its first answer.
    pub response: ResponseTimes,
}

/// Of the turns whose answer was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
pub struct ResponseTimes {
    pub turns: u64,
    /// `null` where there was none.
    #[schema(example = 1500)]
    pub median_ms: Option<u64>,
    pub average_ms: Option<u64>,
}

/// One bar of the chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BucketCounts {
    /// Its first moment, UTC milliseconds.
    #[schema(value_type = i64, example = 1763568000000_i64)]
    pub start: Timestamp,
    #[serde(flatten)]
    pub counts: Counts,
}

/// One account's share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AccountCounts {
    #[schema(value_type = i64)]
    pub account: AccountId,
    pub name: String,
    #[serde(flatten)]
    pub counts: Counts,
}

/// How often a rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RuleHits {
    #[schema(value_type = i64)]
    pub rule: RuleId,
    pub hits: u64,
}

/// Everything the dashboard shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Stats {
    pub total: Counts,
    /// Every bucket of the period, the empty ones too, oldest first.
    pub buckets: Vec<BucketCounts>,
    /// Every account, by name.
    pub accounts: Vec<AccountCounts>,
    /// The rules that decided something, the busiest first.
    pub rules: Vec<RuleHits>,
    /// How many accounts are in which state now.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub account_states: BTreeMap<&'static str, u64>,
    /// Conversations in which a message waits for a person now.
    pub waiting_for_person: u64,
    /// Conversations in which answers pause now.
    pub paused: u64,
}

/// Nobody needs more bars; a mistyped year must not fill the memory.
pub const MOST_BUCKETS: i64 = 10_000;

/// All of it for what `scope` reaches. A period of more than [`MOST_BUCKETS`] buckets is cut at its beginning.
pub fn overview(conn: &mut DbConn, scope: &Scope, period: &Period, now: Timestamp) -> QueryResult<Stats> {
    let period = &Period { from: period.from.max(period.start(period.number(period.to) - MOST_BUCKETS)), ..*period };
    let mut sums = Sums::default();
    for row in messages(conn, scope, period)? {
        sums.add_messages(&row);
    }
    for row in sends(conn, scope, period)? {
        sums.add_sends(&row);
    }
    for row in responses(conn, scope, period)? {
        sums.add_response(&row);
    }
    let (names, account_states) = account_names_and_states(conn, scope)?;
    let waiting_for_person = one(conn, scope, &[], WAITING)?;
    let paused = one(conn, scope, &[now.0], PAUSED)?;
    Ok(sums.into_stats(period, names, account_states, waiting_for_person, paused))
}

/// How much waits for a person now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Conversations in which a message does.
    pub conversations: u64,
    /// Why orders do.
    pub reviews: u64,
}

/// Of what `scope` reaches. Cheap: both are found by an index of their own.
pub fn waiting(conn: &mut DbConn, scope: &Scope) -> QueryResult<Waiting> {
    Ok(Waiting { conversations: one(conn, scope, &[], WAITING)?, reviews: one(conn, scope, &[], REVIEWS)? })
}

/// Of a message to a turn that was decided with a later one, the later one tells the decision.
const MESSAGES: &str = "SELECT (received_at + $4) / $5 AS bucket, account_id, decision, rule_id, count(*) AS number \
     FROM chat_messages WHERE received_at >= $6 AND received_at < $7 AND account_id IN (SELECT id FROM own) \
     GROUP BY 1, 2, 3, 4";

const SENDS: &str = "SELECT (created_at + $4) / $5 AS bucket, account_id, state, count(*) AS number \
     FROM outbox WHERE created_at >= $6 AND created_at < $7 AND account_id IN (SELECT id FROM own) GROUP BY 1, 2, 3";

/// A turn may have several sends: the first confirmed one is the response.
const RESPONSES: &str = "SELECT (min(o.created_at) + $4) / $5 AS bucket, o.account_id AS account_id, \
     min(o.settled_at) - min(m.received_at) AS ms \
     FROM outbox o JOIN chat_messages m ON m.account_id = o.account_id AND m.message_id = o.in_reply_to \
     WHERE o.created_at >= $6 AND o.created_at < $7 AND o.state = 'confirmed' AND o.origin <> 'person' \
     AND o.account_id IN (SELECT id FROM own) GROUP BY o.account_id, o.in_reply_to";

const WAITING: &str = "SELECT count(*) AS number FROM (SELECT DISTINCT account_id, conversation_id FROM chat_messages \
     WHERE needs_person AND account_id IN (SELECT id FROM own)) waiting";

const REVIEWS: &str =
    "SELECT count(*) AS number FROM review_items WHERE closed_at IS NULL AND account_id IN (SELECT id FROM own)";

const PAUSED: &str = "SELECT count(*) AS number FROM conversations \
     WHERE paused_until IS NOT NULL AND paused_until > $4 AND account_id IN (SELECT id FROM own)";

#[derive(QueryableByName)]
struct MessageRow {
    #[diesel(sql_type = BigInt)]
    bucket: i64,
    #[diesel(sql_type = BigInt)]
    account_id: AccountId,
    #[diesel(sql_type = Nullable<Text>)]
    decision: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    rule_id: Option<RuleId>,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct SendRow {
    #[diesel(sql_type = BigInt)]
    bucket: i64,
    #[diesel(sql_type = BigInt)]
    account_id: AccountId,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct ResponseRow {
    #[diesel(sql_type = BigInt)]
    bucket: i64,
    #[diesel(sql_type = BigInt)]
    account_id: AccountId,
    #[diesel(sql_type = BigInt)]
    ms: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn messages(conn: &mut DbConn, scope: &Scope, period: &Period) -> QueryResult<Vec<MessageRow>> {
    restricted(scope, &in_period(period), MESSAGES).load(conn)
}

fn sends(conn: &mut DbConn, scope: &Scope, period: &Period) -> QueryResult<Vec<SendRow>> {
    restricted(scope, &in_period(period), SENDS).load(conn)
}

fn responses(conn: &mut DbConn, scope: &Scope, period: &Period) -> QueryResult<Vec<ResponseRow>> {
    restricted(scope, &in_period(period), RESPONSES).load(conn)
}

fn one(conn: &mut DbConn, scope: &Scope, binds: &[i64], sql: &str) -> QueryResult<u64> {
    let Number { number } = restricted(scope, binds, sql).get_result(conn)?;
    Ok(positive(number))
}

fn in_period(period: &Period) -> [i64; 4] {
    [period.offset_ms(), period.bucket.ms(), period.from.0, period.to.0]
}

type Restricted =
    diesel::query_builder::BoxedSqlQuery<'static, <DbConn as Connection>::Backend, diesel::query_builder::SqlQuery>;

/// `sql` with what a scope reaches before it; its own parameters begin at `$4`.
fn restricted(scope: &Scope, binds: &[i64], sql: &str) -> Restricted {
    let mut query = diesel::sql_query(format!("WITH own AS {OWN} {sql}")).into_boxed();
    for value in [scope.user().0, scope.member_or_zero(), scope.token_or_zero()].iter().chain(binds) {
        query = query.bind::<BigInt, _>(*value);
    }
    query
}

type Named = Vec<(AccountId, String)>;

fn account_names_and_states(conn: &mut DbConn, scope: &Scope) -> QueryResult<(Named, BTreeMap<&'static str, u64>)> {
    let rows: Vec<(AccountId, String, Option<state::State>)> = accounts::table
        .left_join(account_states::table)
        .filter(within!(scope))
        .order(accounts::name)
        .select((accounts::id, accounts::name, account_states::state.nullable()))
        .load(conn)?;
    let mut states = BTreeMap::new();
    for (_, _, state) in &rows {
        *states.entry(state.unwrap_or(state::State::Disconnected).as_str()).or_default() += 1;
    }
    Ok((rows.into_iter().map(|(id, name, _)| (id, name)).collect(), states))
}

/// Counts while they are added up.
#[derive(Default)]
struct Sum {
    counts: Counts,
    responses: Vec<u64>,
}

impl Sum {
    fn finish(mut self) -> Counts {
        self.counts.response = response_times(&mut self.responses);
        self.counts
    }
}

#[derive(Default)]
struct Sums {
    total: Sum,
    buckets: BTreeMap<i64, Sum>,
    accounts: BTreeMap<AccountId, Sum>,
    rules: BTreeMap<RuleId, u64>,
}

impl Sums {
    /// Everything that a row belongs to.
    fn concerned(&mut self, bucket: i64, account: AccountId) -> [&mut Sum; 3] {
        let Self { total, buckets, accounts, .. } = self;
        [total, buckets.entry(bucket).or_default(), accounts.entry(account).or_default()]
    }

    fn add_messages(&mut self, row: &MessageRow) {
        let number = positive(row.number);
        for Sum { counts, .. } in self.concerned(row.bucket, row.account_id) {
            match row.decision.as_deref() {
                Some("own") => {
                    counts.own += number;
                    continue;
                }
                Some("answer") => counts.answered += number,
                Some("silent") => counts.silent += number,
                // Decided with a later message of the same turn.
                Some(_) => {}
                None => counts.undecided += number,
            }
            counts.received += number;
        }
        if let (Some(rule), Some("answer")) = (row.rule_id, row.decision.as_deref()) {
            *self.rules.entry(rule).or_default() += number;
        }
    }

    fn add_sends(&mut self, row: &SendRow) {
        let number = positive(row.number);
        for Sum { counts, .. } in self.concerned(row.bucket, row.account_id) {
            counts.sends += number;
            match row.state.as_str() {
                "confirmed" => counts.confirmed += number,
                "rejected" => counts.rejected += number,
                "uncertain" => counts.uncertain += number,
                "expired" => counts.expired += number,
                // Queued or sent: not settled yet.
                _ => {}
            }
        }
    }

    fn add_response(&mut self, row: &ResponseRow) {
        for sum in self.concerned(row.bucket, row.account_id) {
            sum.responses.push(positive(row.ms));
        }
    }

    fn into_stats(
        self,
        period: &Period,
        names: Named,
        account_states: BTreeMap<&'static str, u64>,
        waiting_for_person: u64,
        paused: u64,
    ) -> Stats {
        let Self { total, mut buckets, mut accounts, rules } = self;
        let first = period.number(period.from);
        let end = if period.from < period.to { period.number(Timestamp(period.to.0 - 1)) + 1 } else { first };
        let bucket = |number| BucketCounts {
            start: period.start(number),
            counts: buckets.remove(&number).unwrap_or_default().finish(),
        };
        let account = |(account, name)| AccountCounts {
            account,
            name,
            counts: accounts.remove(&account).unwrap_or_default().finish(),
        };
        let mut rules: Vec<RuleHits> = rules.into_iter().map(|(rule, hits)| RuleHits { rule, hits }).collect();
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.hits));
        Stats {
            total: total.finish(),
            buckets: (first..end).map(bucket).collect(),
            accounts: names.into_iter().map(account).collect(),
            rules,
            account_states,
            waiting_for_person,
            paused,
        }
    }
}

fn response_times(ms: &mut [u64]) -> ResponseTimes {
    if ms.is_empty() {
        return ResponseTimes::default();
    }
    let (turns, middle) = (ms.len() as u64, ms.len() / 2);
    let sum: u64 = ms.iter().sum();
    let (_, median, _) = ms.select_nth_unstable(middle);
    ResponseTimes { turns, median_ms: Some(*median), average_ms: Some(sum / turns) }
}

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(bucket: Bucket, offset_minutes: i64) -> Period {
        Period { from: Timestamp(0), to: Timestamp(0), bucket, offset_minutes }
    }

    #[test]
    fn a_day_begins_at_the_viewers_midnight() {
        let shanghai = period(Bucket::Day, 480);
        // 2025-11-20 15:59 and 16:00 UTC: the last minute of one day there, the first of the next.
        let (before, after) = (Timestamp(1_763_654_340_000), Timestamp(1_763_654_400_000));
        assert_eq!(shanghai.number(before) + 1, shanghai.number(after));
        assert_eq!(shanghai.start(shanghai.number(after)), after);
        assert_eq!(period(Bucket::Day, 0).number(before), period(Bucket::Day, 0).number(after));
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let times = |ms: &[u64]| {
            let ResponseTimes { turns, median_ms, average_ms } = response_times(&mut ms.to_vec());
            (turns, median_ms, average_ms)
        };
        assert_eq!(times(&[]), (0, None, None));
        assert_eq!(times(&[7]), (1, Some(7), Some(7)));
        assert_eq!(times(&[900, 1, 2]), (3, Some(2), Some(301)));
    }
}
