//! Who wrote, who ordered and who came back, and which questions led to orders: of what is kept of messages and orders.
//!
//! Every conversation is looked up once, along the index of its messages; of a span without messages nothing is read.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use super::{DbConn, Scope, accounts::OWN, connection::per_backend};
use crate::ids::{AccountId, Timestamp};

/// Of which time, from its beginning to its end, exclusive, and of which account; `None` is all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    pub from: Timestamp,
    pub to: Timestamp,
    pub account: Option<AccountId>,
}

/// How many conversations in which a buyer asked led where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, QueryableByName)]
pub struct Led {
    #[diesel(sql_type = BigInt)]
    pub asked: i64,
    /// Of these, how many led to an order.
    #[diesel(sql_type = BigInt)]
    pub ordered: i64,
    /// Of these, how many were paid.
    #[diesel(sql_type = BigInt)]
    pub paid: i64,
}

/// The same of those in which something was decided for this reason, or a buyer asked about this.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct LedBy {
    /// A reason, or an intent.
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(embed)]
    pub led: Led,
}

/// What is known of buyers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Buyers who wrote.
    pub wrote: i64,
    /// Buyers who placed an order.
    pub ordered: i64,
    /// Buyers who paid one.
    pub paid: i64,
    /// Of those who paid, how many paid two or more of all that is kept of the owner's orders.
    pub returning: i64,
    pub led: Led,
    /// From the first question to the order, the one in the middle.
    pub median_ms: Option<i64>,
    /// Where most was asked first.
    pub reasons: Vec<LedBy>,
    /// What buyers asked about, the same way.
    pub intents: Vec<LedBy>,
}

#[derive(QueryableByName)]
struct Asked {
    #[diesel(sql_type = BigInt)]
    wrote: i64,
    #[diesel(embed)]
    led: Led,
}

#[derive(QueryableByName)]
struct Paid {
    #[diesel(sql_type = BigInt)]
    paid: i64,
    #[diesel(sql_type = BigInt)]
    back: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Conversations in which a buyer wrote, and the first order that followed. `$4` and `$5` bound the time, `$6` is the account. What is made
/// of one is not made again for each time it is named.
fn led() -> String {
    format!(
        "own AS {OWN}, asked AS MATERIALIZED (SELECT c.account_id, c.conversation_id, c.peer_id, \
         (SELECT m.sent_at FROM chat_messages AS m WHERE m.account_id = c.account_id AND m.conversation_id = c.conversation_id \
         AND m.sent_at >= $4 AND m.sent_at < $5 AND m.sender_id = c.peer_id \
         AND coalesce(m.reason, '') NOT IN ('group_chat', 'not_a_person') ORDER BY m.sent_at LIMIT 1) AS first_at \
         FROM conversations AS c WHERE c.account_id IN (SELECT id FROM own) AND ($6 IS NULL OR c.account_id = $6) \
         AND c.side <> 'buyer' AND c.peer_id IS NOT NULL), \
         led AS MATERIALIZED (SELECT a.account_id, a.conversation_id, a.peer_id, a.first_at, \
         (SELECT min(coalesce(o.placed_at, o.seen_at)) FROM {FOLLOWED}) AS ordered_at, \
         EXISTS (SELECT 1 FROM {FOLLOWED} AND o.paid_at IS NOT NULL) AS is_paid \
         FROM asked AS a WHERE a.first_at IS NOT NULL)"
    )
}

/// The orders of the buyer of `a`, placed in that conversation within seven days after the question. What the platform was not asked about may be none.
const FOLLOWED: &str = "orders AS o WHERE o.account_id = a.account_id AND o.conversation_id = a.conversation_id \
     AND o.buyer_id = a.peer_id AND o.status IS NOT NULL \
     AND coalesce(o.placed_at, o.seen_at) BETWEEN a.first_at AND a.first_at + 604800000";

const COUNTS: &str = "count(*) AS asked, count(ordered_at) AS ordered, count(CASE WHEN is_paid THEN 1 END) AS paid";

/// Orders of the span, by the moment of this column. That they have a buyer is said so that nobody looks for them by the buyer: those of
/// other sellers stand there, too.
fn orders_of(moment: &str) -> String {
    format!(
        "FROM orders WHERE account_id IN (SELECT id FROM own) AND {moment} >= $4 AND {moment} < $5 \
         AND ($6 IS NULL OR account_id = $6) AND status IS NOT NULL AND coalesce(buyer_id, '') <> ''"
    )
}

macro_rules! bound {
    ($conn:expr, $scope:expr, $filter:expr, $sql:expr, $way:ident) => {
        per_backend!(&mut *$conn, conn => diesel::sql_query($sql)
            .bind::<BigInt, _>($scope.user())
            .bind::<BigInt, _>($scope.member_or_zero())
            .bind::<BigInt, _>($scope.token_or_zero())
            .bind::<BigInt, _>($filter.from)
            .bind::<BigInt, _>($filter.to)
            .bind::<Nullable<BigInt>, _>($filter.account)
            .$way(conn))?
    };
}

/// All of it for what `scope` reaches.
pub fn read(conn: &mut DbConn, scope: &Scope, filter: &Filter) -> QueryResult<Figures> {
    let led = led();
    let asked = format!("WITH {led} SELECT count(DISTINCT peer_id) AS wrote, {COUNTS} FROM led");
    let Asked { wrote, led: sums } = bound!(conn, scope, filter, asked, get_result);
    let middle = sums.ordered / 2;
    let waits = format!(
        "WITH {led} SELECT ordered_at - first_at AS number FROM led WHERE ordered_at IS NOT NULL ORDER BY 1 LIMIT 1 OFFSET {middle}"
    );
    let waits: Vec<Number> = bound!(conn, scope, filter, waits, load);
    let by = |column: &str| {
        format!(
            "WITH {led}, decided AS (SELECT DISTINCT l.account_id, l.conversation_id, l.ordered_at, l.is_paid, m.{column} AS name \
             FROM led AS l JOIN chat_messages AS m ON m.account_id = l.account_id AND m.conversation_id = l.conversation_id \
             AND m.sent_at >= $4 AND m.sent_at < $5 WHERE m.decision IN ('answer', 'silent') AND m.{column} IS NOT NULL) \
             SELECT name, {COUNTS} FROM decided GROUP BY name ORDER BY asked DESC, name"
        )
    };
    let reasons: Vec<LedBy> = bound!(conn, scope, filter, by("reason"), load);
    let intents: Vec<LedBy> = bound!(conn, scope, filter, by("intent"), load);
    let placed = orders_of("coalesce(placed_at, seen_at)");
    let ordered = format!("WITH own AS {OWN} SELECT count(DISTINCT buyer_id) AS number {placed}");
    let Number { number: ordered } = bound!(conn, scope, filter, ordered, get_result);
    let paid = orders_of("paid_at");
    let paid = format!(
        // The sign: a buyer's orders are to be found by the buyer, not by each account.
        "WITH own AS {OWN}, paid AS (SELECT DISTINCT buyer_id {paid}) SELECT count(*) AS paid, count(CASE WHEN \
         (SELECT count(*) FROM orders AS o WHERE o.buyer_id = paid.buyer_id AND o.paid_at IS NOT NULL \
         AND +o.account_id IN (SELECT id FROM own)) >= 2 THEN 1 END) AS back FROM paid"
    );
    let Paid { paid, back } = bound!(conn, scope, filter, paid, get_result);
    Ok(Figures {
        wrote,
        ordered,
        paid,
        returning: back,
        led: sums,
        median_ms: waits.first().map(|wait| wait.number),
        reasons,
        intents,
    })
}
