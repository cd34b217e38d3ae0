//! The pictures of a seller, by the hash of their bytes.

use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};

use super::{
    DbConn, Keys, Page, Scope, cards,
    connection::per_backend,
    schema::{accounts, outbox, pictures, rules},
};
use crate::{
    ids::{PictureId, Timestamp},
    picture::Picture,
};

/// Pictures of one seller.
pub const MOST: i64 = 2000;

/// A picture without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = pictures)]
pub struct PictureRow {
    pub id: PictureId,
    pub mime: String,
    /// Pixels.
    pub width: i64,
    pub height: i64,
    /// Bytes.
    pub size: i64,
    pub created_at: Timestamp,
}

/// What became of a picture that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    New(PictureRow),
    /// The same picture was there already.
    Known(PictureRow),
    /// There are [`MOST`] already.
    TooMany,
}

/// Keeps a picture, once.
pub fn keep(conn: &mut DbConn, scope: &Scope, picture: &Picture, now: Timestamp) -> QueryResult<Kept> {
    if let Some(known) = find(conn, scope, &picture.id)? {
        return Ok(Kept::Known(known));
    }
    let count: i64 = pictures::table.filter(pictures::owner_id.eq(scope.user())).count().get_result(conn)?;
    if count >= MOST {
        return Ok(Kept::TooMany);
    }
    per_backend!(&mut *conn, conn => diesel::insert_into(pictures::table)
        .values((
            pictures::owner_id.eq(scope.user()),
            pictures::id.eq(&picture.id),
            pictures::mime.eq(picture.mime.as_str()),
            pictures::width.eq(i64::from(picture.width)),
            pictures::height.eq(i64::from(picture.height)),
            pictures::size.eq(i64::try_from(picture.bytes.len()).unwrap_or(i64::MAX)),
            pictures::created_at.eq(now),
            pictures::bytes.eq(&picture.bytes),
        ))
        .execute(conn))?;
    get(conn, scope, &picture.id).map(Kept::New)
}

/// `NotFound` also where it is another seller's.
pub fn get(conn: &mut DbConn, scope: &Scope, id: &PictureId) -> QueryResult<PictureRow> {
    pictures::table.find((scope.user(), id)).select(PictureRow::as_select()).get_result(conn)
}

/// The picture, where the seller has it.
pub fn find(conn: &mut DbConn, scope: &Scope, id: &PictureId) -> QueryResult<Option<PictureRow>> {
    get(conn, scope, id).optional()
}

/// A part of the pictures, newest first, and how many there are.
pub fn page(conn: &mut DbConn, scope: &Scope, page: Page) -> QueryResult<(Vec<PictureRow>, i64)> {
    let total = pictures::table.filter(pictures::owner_id.eq(scope.user())).count().get_result(conn)?;
    let rows = pictures::table
        .filter(pictures::owner_id.eq(scope.user()))
        .order((pictures::created_at.desc(), pictures::id))
        .offset(page.offset)
        .limit(page.limit)
        .select(PictureRow::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// The type and the bytes. `NotFound` also where it is another seller's.
pub fn file(conn: &mut DbConn, scope: &Scope, id: &PictureId) -> QueryResult<(String, Vec<u8>)> {
    pictures::table.find((scope.user(), id)).select((pictures::mime, pictures::bytes)).get_result(conn)
}

/// What still needs a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    /// Rules and default replies.
    pub rules: i64,
    /// Sends that are not settled.
    pub sends: i64,
    /// Cards that give it.
    pub cards: usize,
}

/// What still needs a picture, in all of the seller's accounts, also those that the scope does not reach.
pub fn uses(conn: &mut DbConn, keys: &Keys, scope: &Scope, id: &PictureId) -> QueryResult<Uses> {
    // an id is hexadecimal: nothing in it is a pattern
    let named = format!("%{}%", id.address());
    let rules = rules::table
        .filter(rules::owner_id.eq(scope.user()).and(rules::actions.like(&named)))
        .count()
        .get_result(conn)?;
    let own = accounts::table.filter(accounts::owner_id.eq(scope.user())).select(accounts::id);
    let sends = outbox::table
        .filter(outbox::account_id.eq_any(own))
        // the words as they stand in the partial index
        .filter(sql::<Bool>("state IN ('queued', 'sent')"))
        .filter(sql::<Bool>("body LIKE ").bind::<Text, _>(&named))
        .count()
        .get_result(conn)?;
    let cards = cards::with_picture(conn, keys, scope, id)?;
    Ok(Uses { rules, sends, cards })
}

/// Removes a picture that nothing needs.
pub fn delete(conn: &mut DbConn, keys: &Keys, scope: &Scope, id: &PictureId) -> QueryResult<Result<PictureRow, Uses>> {
    let picture = get(conn, scope, id)?;
    let uses = uses(conn, keys, scope, id)?;
    if uses != Uses::default() {
        return Ok(Err(uses));
    }
    diesel::delete(pictures::table.find((scope.user(), id))).execute(conn)?;
    Ok(Ok(picture))
}
