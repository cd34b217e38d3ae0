//! Buyers who get no automatic answer.

use diesel::prelude::*;

use super::{
    DbConn, Scope, accounts,
    accounts::own,
    connection::per_backend,
    revisions::{self, Topic},
    schema::blocked_buyers,
};
use crate::ids::{AccountId, BuyerId, Timestamp, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = blocked_buyers)]
pub struct Blocked {
    pub id: i64,
    /// `None`: in all accounts of the owner.
    #[diesel(column_name = account_id)]
    pub account: Option<AccountId>,
    #[diesel(column_name = buyer_id)]
    pub buyer: BuyerId,
    pub note: String,
    pub created_at: Timestamp,
}

/// An entry to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBlocked {
    /// `None`: in all accounts of the owner. Only for who sees all of them.
    pub account: Option<AccountId>,
    pub buyer: BuyerId,
    pub note: String,
    pub created_at: Timestamp,
}

/// `None`: blocked already; then the note stays as it is. `NotFound` where the account is not within the scope.
pub fn insert(conn: &mut DbConn, scope: &Scope, new: &NewBlocked) -> QueryResult<Option<Blocked>> {
    if let Some(account) = new.account {
        accounts::get(conn, scope, account)?;
    }
    let row = per_backend!(&mut *conn, conn => diesel::insert_into(blocked_buyers::table)
        .values((
            blocked_buyers::owner_id.eq(scope.user()),
            blocked_buyers::account_id.eq(new.account),
            blocked_buyers::buyer_id.eq(&new.buyer),
            blocked_buyers::note.eq(&new.note),
            blocked_buyers::created_at.eq(new.created_at),
        ))
        .on_conflict_do_nothing()
        .returning(Blocked::as_returning())
        .get_result(conn)
        .optional())?;
    revisions::bump(conn, Topic::Blocks)?;
    Ok(row)
}

/// Of exactly this account, or (`None`) of exactly the entry for all. `false`: it was not blocked there.
pub fn remove(conn: &mut DbConn, scope: &Scope, account: Option<AccountId>, buyer: &BuyerId) -> QueryResult<bool> {
    let entries = list(conn, scope)?;
    let entry = entries.into_iter().find(|entry| entry.account == account && entry.buyer == *buyer);
    match entry {
        Some(entry) => delete(conn, scope, entry.id).map(|()| true),
        None => Ok(false),
    }
}

/// `NotFound` where the entry is not within the scope. Entries for all accounts are within every scope of their owner.
pub fn get(conn: &mut DbConn, scope: &Scope, id: i64) -> QueryResult<Blocked> {
    blocked_buyers::table
        .filter(blocked_buyers::id.eq(id).and(blocked_buyers::owner_id.eq(scope.user())))
        .filter(
            blocked_buyers::account_id
                .is_null()
                .or(blocked_buyers::account_id.eq_any(own!(scope).select(super::schema::accounts::id.nullable()))),
        )
        .select(Blocked::as_select())
        .first(conn)
}

/// `NotFound` as for [`get`], and where the entry is for all accounts and the scope is not.
pub fn delete(conn: &mut DbConn, scope: &Scope, id: i64) -> QueryResult<()> {
    let entry = get(conn, scope, id)?;
    if entry.account.is_none() && !scope.is_whole() {
        return Err(diesel::result::Error::NotFound);
    }
    diesel::delete(blocked_buyers::table.find(id)).execute(conn)?;
    revisions::bump(conn, Topic::Blocks)
}

/// Oldest first.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Vec<Blocked>> {
    blocked_buyers::table
        .filter(blocked_buyers::owner_id.eq(scope.user()))
        .filter(
            blocked_buyers::account_id
                .is_null()
                .or(blocked_buyers::account_id.eq_any(own!(scope).select(super::schema::accounts::id.nullable()))),
        )
        .order(blocked_buyers::id)
        .select(Blocked::as_select())
        .load(conn)
}

/// For the engine.
pub fn list_for_engine(conn: &mut DbConn, owner: UserId) -> QueryResult<Vec<Blocked>> {
    blocked_buyers::table
        .filter(blocked_buyers::owner_id.eq(owner))
        .order(blocked_buyers::id)
        .select(Blocked::as_select())
        .load(conn)
}
