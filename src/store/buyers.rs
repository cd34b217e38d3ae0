//! Whom a scope knows.

use diesel::prelude::*;

use super::{
    DbConn, Scope,
    accounts::own,
    buyer_notes, buyer_tags,
    schema::{blocked_buyers, conversations},
};
use crate::ids::{AccountId, BuyerId};

/// What people know of a buyer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    pub tags: Vec<String>,
    /// How many notes there are.
    pub notes: i64,
}

/// Nothing where the scope does not know the buyer.
pub fn known(conn: &mut DbConn, scope: &Scope, buyer: &BuyerId) -> QueryResult<Known> {
    match check_known(conn, scope, buyer).optional()? {
        Some(()) => Ok(Known {
            tags: buyer_tags::of(conn, scope.user(), buyer)?,
            notes: buyer_notes::count(conn, scope, buyer)?,
        }),
        None => Ok(Known::default()),
    }
}

/// `NotFound` where the scope sees no conversation with this buyer. Who sees all accounts knows also whom the owner blocked.
pub(super) fn check_known(conn: &mut DbConn, scope: &Scope, buyer: &BuyerId) -> QueryResult<()> {
    let spoken: Option<AccountId> = conversations::table
        .filter(conversations::peer_id.eq(buyer).and(conversations::account_id.eq_any(own!(scope))))
        .select(conversations::account_id)
        .first(conn)
        .optional()?;
    if spoken.is_some() {
        return Ok(());
    }
    if !scope.is_whole() {
        return Err(diesel::result::Error::NotFound);
    }
    blocked_buyers::table
        .filter(blocked_buyers::owner_id.eq(scope.user()).and(blocked_buyers::buyer_id.eq(buyer)))
        .select(blocked_buyers::id)
        .first::<i64>(conn)
        .map(drop)
}
