//! How often rules that are limited by the day answered a buyer, on the buyer's last such day.

use std::collections::HashMap;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};

use super::{DbConn, connection::per_backend, schema::rule_uses};
use crate::ids::{AccountId, BuyerId, RuleId};

/// A rule answered a buyer of this account once more on this day of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleUse {
    pub account: AccountId,
    pub buyer: BuyerId,
    pub rule: RuleId,
    pub day: i64,
}

/// A rule that was deleted meanwhile cannot be counted; without the condition it would fail the whole job. The count of another day is of
/// no use any more.
const COUNT: &str = "INSERT INTO rule_uses (account_id, buyer_id, rule_id, day, uses) \
     SELECT $1, $2, $3, $4, 1 WHERE EXISTS (SELECT 1 FROM rules WHERE id = $3) \
     ON CONFLICT (account_id, buyer_id, rule_id) DO UPDATE \
     SET uses = CASE WHEN rule_uses.day = excluded.day THEN rule_uses.uses + 1 ELSE 1 END, day = excluded.day";

/// Counts each.
pub fn count_many(conn: &mut DbConn, uses: &[RuleUse]) -> QueryResult<()> {
    per_backend!(conn, conn => uses.iter().try_for_each(|used| {
        diesel::sql_query(COUNT)
            .bind::<BigInt, _>(used.account)
            .bind::<Text, _>(&used.buyer)
            .bind::<BigInt, _>(used.rule)
            .bind::<BigInt, _>(used.day)
            .execute(conn)
            .map(drop)
    }))
}

/// Nothing is kept about a buyer in these accounts.
pub(super) fn forget(conn: &mut DbConn, accounts: &[AccountId], buyer: &BuyerId) -> QueryResult<()> {
    let rows = rule_uses::account_id.eq_any(accounts).and(rule_uses::buyer_id.eq(buyer));
    diesel::delete(rule_uses::table.filter(rows)).execute(conn).map(drop)
}

/// For the engine: how often rules answered these buyers on this day.
pub fn list(
    conn: &mut DbConn,
    account: AccountId,
    buyers: &[BuyerId],
    day: i64,
) -> QueryResult<HashMap<BuyerId, HashMap<RuleId, u32>>> {
    let mut found: HashMap<BuyerId, HashMap<RuleId, u32>> = HashMap::new();
    for some in buyers.chunks(500) {
        let rows: Vec<(BuyerId, RuleId, i64)> = rule_uses::table
            .filter(rule_uses::account_id.eq(account).and(rule_uses::buyer_id.eq_any(some)))
            .filter(rule_uses::day.eq(day))
            .select((rule_uses::buyer_id, rule_uses::rule_id, rule_uses::uses))
            .load(conn)?;
        for (buyer, rule, uses) in rows {
            found.entry(buyer).or_default().insert(rule, u32::try_from(uses).unwrap_or(u32::MAX));
        }
    }
    Ok(found)
}
