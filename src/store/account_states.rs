//! What each account's connection is doing, as its actor last said.

use diesel::prelude::*;

use super::{DbConn, Scope, accounts::own, connection::per_backend, schema::account_states};
use crate::{
    account::state::{Reason, State, Status},
    ids::{AccountId, Timestamp},
};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = account_states, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(super) struct Row {
    account_id: AccountId,
    state: State,
    reason: Reason,
    detail: Option<String>,
    since: Timestamp,
}

impl Row {
    pub(super) fn into_status(self) -> (AccountId, Status) {
        let Self { account_id, state, reason, detail, since } = self;
        (account_id, Status { state, reason, detail, since })
    }
}

/// For the engine.
pub fn put(conn: &mut DbConn, account: AccountId, status: &Status) -> QueryResult<()> {
    let Status { state, reason, detail, since } = status.clone();
    let row = Row { account_id: account, state, reason, detail, since };
    per_backend!(conn, conn => diesel::insert_into(account_states::table)
        .values(&row)
        .on_conflict(account_states::account_id)
        .do_update()
        .set(&row)
        .execute(conn))
    .map(drop)
}

/// `None`: the account was never started, or belongs to somebody else.
pub fn find(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<Option<Status>> {
    let row = account_states::table
        .filter(account_states::account_id.eq(account))
        .filter(account_states::account_id.eq_any(own!(scope)))
        .select(Row::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.map(|row| row.into_status().1))
}

/// Accounts that were never started have none.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Vec<(AccountId, Status)>> {
    let rows = account_states::table
        .filter(account_states::account_id.eq_any(own!(scope)))
        .order(account_states::account_id)
        .select(Row::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Row::into_status).collect())
}
