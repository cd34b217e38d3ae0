//! How the reading of each account's list of items stands. It outlives a restart: a list that was read an hour ago is not read again.

use diesel::prelude::*;

use super::{
    DbConn, Scope,
    accounts::{self, within},
    connection::per_backend,
    schema::{accounts as account_rows, item_syncs},
};
use crate::{
    ids::{AccountId, Timestamp},
    item::progress::SyncState,
};

/// One account's reading: the last one, or the one that runs.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = item_syncs, treat_none_as_null = true)]
pub struct Sync {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    pub state: SyncState,
    /// The last page that was read.
    pub page: i64,
    /// Items on all pages so far.
    pub done: i64,
    /// Known at the end.
    pub total: Option<i64>,
    pub error: Option<String>,
    pub queued_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// When a list was last read to its end.
    pub synced_at: Option<Timestamp>,
}

impl Sync {
    /// Nothing was read yet.
    pub fn idle(account: AccountId) -> Self {
        Self {
            account,
            state: SyncState::Idle,
            page: 0,
            done: 0,
            total: None,
            error: None,
            queued_at: None,
            started_at: None,
            finished_at: None,
            synced_at: None,
        }
    }
}

/// For the engine.
pub fn load(conn: &mut DbConn, account: AccountId) -> QueryResult<Sync> {
    let row = item_syncs::table.find(account).select(Sync::as_select()).get_result(conn).optional()?;
    Ok(row.unwrap_or_else(|| Sync::idle(account)))
}

/// For the engine: the whole row.
pub fn put(conn: &mut DbConn, sync: &Sync) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::insert_into(item_syncs::table)
        .values(sync)
        .on_conflict(item_syncs::account_id)
        .do_update()
        .set(sync)
        .execute(conn))
    .map(drop)
}

/// `NotFound` where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<Sync> {
    accounts::get(conn, scope, account)?;
    let row = item_syncs::table
        .inner_join(account_rows::table)
        .filter(within!(scope))
        .filter(item_syncs::account_id.eq(account))
        .select(Sync::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.unwrap_or_else(|| Sync::idle(account)))
}

/// A person wants the list read now. One that is wanted or runs already is enough. `NotFound` where the account belongs to somebody else.
pub fn queue(conn: &mut DbConn, scope: &Scope, account: AccountId, now: Timestamp) -> QueryResult<Sync> {
    let sync = get(conn, scope, account)?;
    if matches!(sync.state, SyncState::Queued | SyncState::Running) {
        return Ok(sync);
    }
    let queued =
        Sync { state: SyncState::Queued, queued_at: Some(now), synced_at: sync.synced_at, ..Sync::idle(account) };
    put(conn, &queued)?;
    Ok(queued)
}
