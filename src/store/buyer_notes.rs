//! What people write down about buyers. Notes are the owner's: all who know the buyer share them.

use diesel::prelude::*;

use super::{DbConn, Page, Scope, buyers, schema::buyer_notes};
use crate::ids::{BuyerId, Timestamp, UserId};

/// So many notes a buyer may have.
pub const MOST: i64 = 200;

/// A note as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = buyer_notes)]
pub struct Note {
    pub id: i64,
    pub text: String,
    /// Who wrote it first.
    pub author_id: Option<UserId>,
    pub author: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The notes about one buyer. A macro, because only the compiler can write down its type.
macro_rules! about {
    ($scope:expr, $buyer:expr) => {
        buyer_notes::table.filter(buyer_notes::owner_id.eq($scope.user()).and(buyer_notes::buyer_id.eq($buyer)))
    };
}

/// How many there are about a buyer whom the scope knows; `NotFound` else.
pub fn count(conn: &mut DbConn, scope: &Scope, buyer: &BuyerId) -> QueryResult<i64> {
    buyers::check_known(conn, scope, buyer)?;
    about!(scope, buyer).count().get_result(conn)
}

/// A part of the notes about a buyer, newest first, and how many there are. `NotFound` as for [`count`].
pub fn page(conn: &mut DbConn, scope: &Scope, buyer: &BuyerId, page: Page) -> QueryResult<(Vec<Note>, i64)> {
    let total = count(conn, scope, buyer)?;
    let rows = about!(scope, buyer)
        .order(buyer_notes::id.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(Note::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// `NotFound` also where the note is about somebody else, or the scope does not know the buyer.
pub fn get(conn: &mut DbConn, scope: &Scope, buyer: &BuyerId, id: i64) -> QueryResult<Note> {
    buyers::check_known(conn, scope, buyer)?;
    about!(scope, buyer).filter(buyer_notes::id.eq(id)).select(Note::as_select()).get_result(conn)
}

/// `None`: there are [`MOST`] already. `NotFound` as for [`count`].
pub fn insert(
    conn: &mut DbConn,
    scope: &Scope,
    buyer: &BuyerId,
    text: &str,
    (author_id, author): (Option<UserId>, &str),
    now: Timestamp,
) -> QueryResult<Option<Note>> {
    if count(conn, scope, buyer)? >= MOST {
        return Ok(None);
    }
    let id: i64 = diesel::insert_into(buyer_notes::table)
        .values((
            buyer_notes::owner_id.eq(scope.user()),
            buyer_notes::buyer_id.eq(buyer),
            buyer_notes::text.eq(text),
            buyer_notes::author_id.eq(author_id),
            buyer_notes::author.eq(author),
            buyer_notes::created_at.eq(now),
            buyer_notes::updated_at.eq(now),
        ))
        .returning(buyer_notes::id)
        .get_result(conn)?;
    get(conn, scope, buyer, id).map(Some)
}

/// `NotFound` as for [`get`].
pub fn set_text(
    conn: &mut DbConn,
    scope: &Scope,
    buyer: &BuyerId,
    id: i64,
    text: &str,
    now: Timestamp,
) -> QueryResult<Note> {
    let note = get(conn, scope, buyer, id)?;
    diesel::update(buyer_notes::table.find(id))
        .set((buyer_notes::text.eq(text), buyer_notes::updated_at.eq(now)))
        .execute(conn)?;
    Ok(Note { text: text.to_owned(), updated_at: now, ..note })
}

/// `NotFound` as for [`get`].
pub fn delete(conn: &mut DbConn, scope: &Scope, buyer: &BuyerId, id: i64) -> QueryResult<()> {
    get(conn, scope, buyer, id)?;
    diesel::delete(buyer_notes::table.find(id)).execute(conn).map(drop)
}
