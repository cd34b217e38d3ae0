//! Buyers who get no automatic answer.

use diesel::prelude::*;

use super::{
    DbConn, Scope, accounts,
    connection::per_backend,
    revisions::{self, Topic},
    schema::blocked_buyers,
};
use crate::ids::{AccountId, BuyerId, Timestamp, UserId};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = blocked_buyers)]
pub struct Blocked {
    /// `None`: in all accounts of the owner.
    #[diesel(column_name = account_id)]
    pub account: Option<AccountId>,
    #[diesel(column_name = buyer_id)]
    pub buyer: BuyerId,
    pub note: String,
    pub created_at: Timestamp,
}

/// `false`: blocked already; then the note stays as it is. `NotFound` where the account is not the owner's.
pub fn insert(conn: &mut DbConn, scope: &Scope, blocked: &Blocked) -> QueryResult<bool> {
    if let Some(account) = blocked.account {
        accounts::get(conn, scope, account)?;
    }
    let rows = per_backend!(&mut *conn, conn => diesel::insert_into(blocked_buyers::table)
        .values((
            blocked_buyers::owner_id.eq(scope.user()),
            blocked_buyers::account_id.eq(blocked.account),
            blocked_buyers::buyer_id.eq(&blocked.buyer),
            blocked_buyers::note.eq(&blocked.note),
            blocked_buyers::created_at.eq(blocked.created_at),
        ))
        .on_conflict_do_nothing()
        .execute(conn))?;
    revisions::bump(conn, Topic::Blocks)?;
    Ok(rows == 1)
}

/// Of exactly this account, or (`None`) of exactly the entry for all. `false`: it was not blocked there.
pub fn remove(conn: &mut DbConn, scope: &Scope, account: Option<AccountId>, buyer: &BuyerId) -> QueryResult<bool> {
    let entries: Vec<(i64, Option<AccountId>)> = blocked_buyers::table
        .filter(blocked_buyers::owner_id.eq(scope.user()).and(blocked_buyers::buyer_id.eq(buyer)))
        .select((blocked_buyers::id, blocked_buyers::account_id))
        .load(conn)?;
    let Some((id, _)) = entries.into_iter().find(|(_, of)| *of == account) else { return Ok(false) };
    diesel::delete(blocked_buyers::table.find(id)).execute(conn)?;
    revisions::bump(conn, Topic::Blocks)?;
    Ok(true)
}

/// Oldest first.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Vec<Blocked>> {
    list_for_engine(conn, scope.user())
}

/// For the engine.
pub fn list_for_engine(conn: &mut DbConn, owner: UserId) -> QueryResult<Vec<Blocked>> {
    blocked_buyers::table
        .filter(blocked_buyers::owner_id.eq(owner))
        .order(blocked_buyers::id)
        .select(Blocked::as_select())
        .load(conn)
}
