//! Switches and other facts about the whole system, as texts under a name.

use base64::{Engine, prelude::BASE64_STANDARD};
use diesel::prelude::*;

use super::{
    DbConn, Keys, Sealed, StoreError,
    connection::per_backend,
    revisions::{self, Topic},
    schema::facts,
};

/// A known text, sealed: opens only with the key that all other secrets of this database were sealed with.
pub(super) const KEY_CHECK: &str = "key_check";
const KEY_CHECK_TEXT: &str = "yutang";
/// Written to see whether writing works.
pub(super) const PING: &str = "ping";
const STOP_SWITCH: &str = "stop_switch";

pub fn find(conn: &mut DbConn, key: &str) -> QueryResult<Option<String>> {
    facts::table.find(key).select(facts::value).get_result(conn).optional()
}

pub fn put(conn: &mut DbConn, key: &str, value: &str) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::insert_into(facts::table)
        .values((facts::key.eq(key), facts::value.eq(value)))
        .on_conflict(facts::key)
        .do_update()
        .set(facts::value.eq(value))
        .execute(conn))
    .map(drop)
}

/// Whether every automatic write to the platform is held, for all accounts.
pub fn stop_switch(conn: &mut DbConn) -> QueryResult<bool> {
    Ok(find(conn, STOP_SWITCH)?.as_deref() == Some("on"))
}

pub fn set_stop_switch(conn: &mut DbConn, on: bool) -> QueryResult<()> {
    put(conn, STOP_SWITCH, if on { "on" } else { "off" })?;
    revisions::bump(conn, Topic::Switches)
}

/// Refuses a key that did not seal this database's secrets. A new database takes the key it is first opened with.
pub(super) fn check_key(conn: &mut DbConn, keys: &Keys) -> Result<(), StoreError> {
    let sealed = BASE64_STANDARD.encode(keys.seal(&key_check_place(), KEY_CHECK_TEXT).as_bytes());
    per_backend!(&mut *conn, conn => diesel::insert_into(facts::table)
        .values((facts::key.eq(KEY_CHECK), facts::value.eq(&sealed)))
        .on_conflict_do_nothing()
        .execute(conn))?;
    opens(conn, keys)
}

/// Refuses a key that did not seal this database's secrets, and also where nothing was sealed. Writes nothing.
pub(super) fn opens(conn: &mut DbConn, keys: &Keys) -> Result<(), StoreError> {
    let stored = find(conn, KEY_CHECK)?.unwrap_or_default();
    let stored = Sealed::from_bytes(BASE64_STANDARD.decode(stored).map_err(|_| StoreError::WrongKey)?);
    keys.open(&key_check_place(), &stored).map(drop).map_err(|_| StoreError::WrongKey)
}

fn key_check_place() -> String {
    format!("facts.value:{KEY_CHECK}")
}
