//! What the AI used, per account and day.

use diesel::{prelude::*, sql_types::BigInt};

use super::{DbConn, Page, Scope, accounts::own, connection::per_backend, schema::ai_usage};
use crate::ids::AccountId;

/// What was used on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Queryable, Selectable)]
#[diesel(table_name = ai_usage)]
pub struct Usage {
    pub calls: i64,
    /// Calls that gave no answer.
    pub failures: i64,
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// Millionths of a Yuan.
    pub cost: i64,
}

/// One account's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = ai_usage)]
pub struct UsageRow {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    /// Of the platform's calendar, counted from 1970-01-01.
    pub day: i64,
    #[diesel(embed)]
    pub usage: Usage,
}

const ADD: &str = "INSERT INTO ai_usage (account_id, day, calls, failures, tokens_in, tokens_out, cost) \
     SELECT $1, $2, $3, $4, $5, $6, $7 WHERE EXISTS (SELECT 1 FROM accounts WHERE id = $1) \
     ON CONFLICT (account_id, day) DO UPDATE SET calls = ai_usage.calls + excluded.calls, \
     failures = ai_usage.failures + excluded.failures, tokens_in = ai_usage.tokens_in + excluded.tokens_in, \
     tokens_out = ai_usage.tokens_out + excluded.tokens_out, cost = ai_usage.cost + excluded.cost";

/// For the engine: adds to an account's day. Of an account that is gone nothing is kept.
pub fn add(conn: &mut DbConn, account: AccountId, day: i64, more: &Usage) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::sql_query(ADD)
        .bind::<BigInt, _>(account)
        .bind::<BigInt, _>(day)
        .bind::<BigInt, _>(more.calls)
        .bind::<BigInt, _>(more.failures)
        .bind::<BigInt, _>(more.tokens_in)
        .bind::<BigInt, _>(more.tokens_out)
        .bind::<BigInt, _>(more.cost)
        .execute(conn))
    .map(drop)
}

/// For the engine: what an account used on a day.
pub fn of_day(conn: &mut DbConn, account: AccountId, day: i64) -> QueryResult<Usage> {
    let row = ai_usage::table.find((account, day)).select(Usage::as_select()).get_result(conn).optional()?;
    Ok(row.unwrap_or_default())
}

/// A part of the days since `first`, of one account or of all in the scope, the newest day first; and how many there are.
pub fn page(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    first: i64,
    page: Page,
) -> QueryResult<(Vec<UsageRow>, i64)> {
    let fitting = || {
        let mut query = ai_usage::table
            .filter(ai_usage::account_id.eq_any(own!(scope)))
            .filter(ai_usage::day.ge(first))
            .into_boxed();
        if let Some(account) = account {
            query = query.filter(ai_usage::account_id.eq(account));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order((ai_usage::day.desc(), ai_usage::account_id))
        .offset(page.offset)
        .limit(page.limit)
        .select(UsageRow::as_select())
        .load(conn)?;
    Ok((rows, total))
}
