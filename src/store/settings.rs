//! What an administrator sets while the system runs. Values are JSON; secrets are sealed and never read back to anybody.

use diesel::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    DbConn, Sealed,
    connection::per_backend,
    revisions::{self, Topic},
    schema::settings,
};
use crate::ids::Timestamp;

/// The place a secret setting is sealed for.
pub fn place(key: &str) -> String {
    format!("settings.sealed:{key}")
}

/// `None`: never set, or set by a version that meant something else by it.
pub fn find<T: DeserializeOwned>(conn: &mut DbConn, key: &str) -> QueryResult<Option<T>> {
    let value: Option<Option<String>> = settings::table.find(key).select(settings::value).first(conn).optional()?;
    Ok(value.flatten().and_then(|text| serde_json::from_str(&text).ok()))
}

pub fn find_sealed(conn: &mut DbConn, key: &str) -> QueryResult<Option<(Sealed, Timestamp)>> {
    let row: Option<(Option<Sealed>, Timestamp)> =
        settings::table.find(key).select((settings::sealed, settings::updated_at)).first(conn).optional()?;
    Ok(row.and_then(|(sealed, at)| Some((sealed?, at))))
}

pub fn put<T: Serialize>(conn: &mut DbConn, key: &str, value: &T, now: Timestamp) -> QueryResult<()> {
    let text = serde_json::to_string(value).map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    save(conn, key, Some(&text), None, now)
}

/// `None` removes it.
pub fn put_sealed(conn: &mut DbConn, key: &str, sealed: Option<&Sealed>, now: Timestamp) -> QueryResult<()> {
    save(conn, key, None, sealed, now)
}

fn save(conn: &mut DbConn, key: &str, value: Option<&str>, sealed: Option<&Sealed>, now: Timestamp) -> QueryResult<()> {
    per_backend!(&mut *conn, conn => diesel::insert_into(settings::table)
        .values((
            settings::key.eq(key),
            settings::value.eq(value),
            settings::sealed.eq(sealed),
            settings::updated_at.eq(now),
        ))
        .on_conflict(settings::key)
        .do_update()
        .set((settings::value.eq(value), settings::sealed.eq(sealed), settings::updated_at.eq(now)))
        .execute(conn))?;
    revisions::bump(conn, Topic::Settings)
}
