//! Buyers who get no automatic answer.

use diesel::prelude::*;

use super::{
    DbConn, Page, Scope,
    accounts::{self, own},
    connection::per_backend,
    page::{containing, lower},
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

/// A stored entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = blocked_buyers)]
pub struct Row {
    pub id: i64,
    #[diesel(embed)]
    pub blocked: Blocked,
}

/// Which entries a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Entries of exactly this account.
    pub account: Option<AccountId>,
    /// Occurs in the buyer's id or the note.
    pub text: Option<String>,
}

/// What a scope may see: what is for all accounts, and what is for its own. A macro, because only the compiler can write down its type.
macro_rules! visible {
    ($scope:expr) => {
        blocked_buyers::owner_id
            .eq($scope.user())
            .and(blocked_buyers::account_id.is_null().or(blocked_buyers::account_id.eq_any(own!($scope).nullable())))
    };
}

/// A part of the entries that fit, newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Row>, i64)> {
    let fitting = || {
        let mut query = blocked_buyers::table.filter(visible!(scope)).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(blocked_buyers::account_id.eq(account));
        }
        if let Some(pattern) = filter.text.as_deref().map(containing) {
            let in_note = lower(blocked_buyers::note.nullable()).like(lower(pattern.clone())).escape('\\');
            query = query.filter(in_note.or(blocked_buyers::buyer_id.nullable().like(pattern).escape('\\')));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order(blocked_buyers::id.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// `NotFound` also where the entry belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, id: i64) -> QueryResult<Row> {
    blocked_buyers::table.find(id).filter(visible!(scope)).select(Row::as_select()).get_result(conn)
}

/// The entry for exactly this account (`None`: for all) and buyer.
pub fn find(conn: &mut DbConn, scope: &Scope, account: Option<AccountId>, buyer: &BuyerId) -> QueryResult<Option<Row>> {
    let alike: Vec<Row> = blocked_buyers::table
        .filter(visible!(scope))
        .filter(blocked_buyers::buyer_id.eq(buyer))
        .select(Row::as_select())
        .load(conn)?;
    Ok(alike.into_iter().find(|row| row.blocked.account == account))
}

/// What is for all accounts is changed by who sees all accounts; to others it is as if it were not there.
fn check_place(conn: &mut DbConn, scope: &Scope, account: Option<AccountId>) -> QueryResult<()> {
    match account {
        Some(account) => accounts::get(conn, scope, account).map(drop),
        None if scope.is_whole() => Ok(()),
        None => Err(diesel::result::Error::NotFound),
    }
}

/// `false`: blocked already; then the note stays as it is. `NotFound` where the account is not the owner's, or it is for all accounts and
/// the scope is not.
pub fn insert(conn: &mut DbConn, scope: &Scope, blocked: &Blocked) -> QueryResult<bool> {
    check_place(conn, scope, blocked.account)?;
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

/// What was removed: the entry of exactly this account, or (`None`) exactly the one for all. `None`: it was not blocked there.
pub fn remove(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    buyer: &BuyerId,
) -> QueryResult<Option<Row>> {
    let row = find(conn, scope, account, buyer)?;
    if let Some(row) = &row {
        remove_row(conn, scope, row)?;
    }
    Ok(row)
}

/// `NotFound` as for [`insert`].
pub fn remove_row(conn: &mut DbConn, scope: &Scope, row: &Row) -> QueryResult<()> {
    check_place(conn, scope, row.blocked.account)?;
    diesel::delete(blocked_buyers::table.find(row.id)).execute(conn)?;
    revisions::bump(conn, Topic::Blocks)
}

/// Oldest first.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Vec<Blocked>> {
    blocked_buyers::table.filter(visible!(scope)).order(blocked_buyers::id).select(Blocked::as_select()).load(conn)
}

/// For the engine.
pub fn list_for_engine(conn: &mut DbConn, owner: UserId) -> QueryResult<Vec<Blocked>> {
    blocked_buyers::table
        .filter(blocked_buyers::owner_id.eq(owner))
        .order(blocked_buyers::id)
        .select(Blocked::as_select())
        .load(conn)
}
