//! Where the platform has the pictures that an account uploaded. For the engine only.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    DbConn,
    connection::per_backend,
    schema::{accounts, picture_uploads, pictures},
};
use crate::ids::{AccountId, PictureId, Timestamp};

/// A picture as the platform has it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = picture_uploads)]
pub struct Upload {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = picture_id)]
    pub picture: PictureId,
    pub url: String,
    /// Pixels.
    pub width: i64,
    pub height: i64,
    pub uploaded_at: Timestamp,
}

/// A picture that is to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Source {
    pub mime: String,
    /// Pixels.
    pub width: i64,
    pub height: i64,
    pub bytes: Vec<u8>,
}

/// What there is of a picture for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Uploaded(Upload),
    Here(Source),
    /// The account's owner has no such picture.
    Missing,
}

/// Where the account has this picture already, or else the picture of its owner.
pub fn find(conn: &mut DbConn, account: AccountId, picture: &PictureId) -> QueryResult<Wanted> {
    let upload =
        picture_uploads::table.find((account, picture)).select(Upload::as_select()).get_result(conn).optional()?;
    if let Some(upload) = upload {
        return Ok(Wanted::Uploaded(upload));
    }
    let source = pictures::table
        .inner_join(accounts::table.on(accounts::owner_id.eq(pictures::owner_id)))
        .filter(accounts::id.eq(account).and(pictures::id.eq(picture)))
        .select((pictures::mime, pictures::width, pictures::height, pictures::bytes))
        .get_result::<(String, i64, i64, Vec<u8>)>(conn)
        .optional()?;
    Ok(match source {
        Some((mime, width, height, bytes)) => Wanted::Here(Source { mime, width, height, bytes }),
        None => Wanted::Missing,
    })
}

/// Remembers an upload. The first address stays: sends in the air go by it.
pub fn insert(conn: &mut DbConn, upload: &Upload) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::insert_into(picture_uploads::table)
        .values(upload)
        .on_conflict_do_nothing()
        .execute(conn))
    .map(drop)
}

/// Which pictures of the account these addresses are.
pub fn by_url(conn: &mut DbConn, account: AccountId, urls: &[String]) -> QueryResult<HashMap<String, PictureId>> {
    let mut found = HashMap::new();
    for some in urls.chunks(500) {
        let rows: Vec<(String, PictureId)> = picture_uploads::table
            .filter(picture_uploads::account_id.eq(account).and(picture_uploads::url.eq_any(some)))
            .select((picture_uploads::url, picture_uploads::picture_id))
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}
