//! What accounts do about their orders besides delivering them.

use diesel::prelude::*;

use super::{DbConn, Scope, accounts, connection::per_backend, orders, schema::follow_up_settings};
use crate::{
    delivery::follow_up::Plan,
    ids::{AccountId, Timestamp},
};

/// As it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = follow_up_settings)]
struct Row {
    account_id: AccountId,
    rate: bool,
    rate_texts: String,
    rate_delay_m: i64,
    flower: bool,
    ask: bool,
    ask_after_d: i64,
    ask_text: String,
    close: bool,
    close_after_m: i64,
    close_reason: String,
    off_sale: bool,
    updated_at: Timestamp,
}

/// What is set for an account, and since when; `None`: nobody has set anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUpSettings {
    pub account: AccountId,
    pub plan: Plan,
    pub updated_at: Option<Timestamp>,
}

impl From<Row> for FollowUpSettings {
    fn from(row: Row) -> Self {
        let plan = Plan {
            rate: row.rate,
            rate_texts: serde_json::from_str(&row.rate_texts).unwrap_or_default(),
            rate_delay_m: row.rate_delay_m,
            flower: row.flower,
            ask: row.ask,
            ask_after_d: row.ask_after_d,
            ask_text: row.ask_text,
            close: row.close,
            close_after_m: row.close_after_m,
            close_reason: row.close_reason,
            off_sale: row.off_sale,
        };
        Self { account: row.account_id, plan, updated_at: Some(row.updated_at) }
    }
}

/// For the engine.
pub fn find(conn: &mut DbConn, account: AccountId) -> QueryResult<FollowUpSettings> {
    let found: Option<Row> =
        follow_up_settings::table.find(account).select(Row::as_select()).get_result(conn).optional()?;
    Ok(found.map_or_else(|| FollowUpSettings { account, plan: Plan::default(), updated_at: None }, Into::into))
}

/// `NotFound` also where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<FollowUpSettings> {
    accounts::get(conn, scope, account)?;
    find(conn, account)
}

/// The account's orders are looked at by them. `NotFound` also where the account belongs to somebody else.
pub fn put(conn: &mut DbConn, scope: &Scope, account: AccountId, plan: &Plan, now: Timestamp) -> QueryResult<()> {
    accounts::get(conn, scope, account)?;
    let texts = serde_json::to_string(&plan.rate_texts);
    let row = Row {
        account_id: account,
        rate: plan.rate,
        rate_texts: texts.map_err(|error| diesel::result::Error::SerializationError(error.into()))?,
        rate_delay_m: plan.rate_delay_m,
        flower: plan.flower,
        ask: plan.ask,
        ask_after_d: plan.ask_after_d,
        ask_text: plan.ask_text.clone(),
        close: plan.close,
        close_after_m: plan.close_after_m,
        close_reason: plan.close_reason.clone(),
        off_sale: plan.off_sale,
        updated_at: now,
    };
    per_backend!(&mut *conn, conn => diesel::insert_into(follow_up_settings::table)
        .values(&row)
        .on_conflict(follow_up_settings::account_id)
        .do_update()
        .set(&row)
        .execute(conn))?;
    orders::look_at_followed(conn, account, now)
}
