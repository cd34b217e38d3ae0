//! Reads a copy again, as whoever restores it would have to rely on it.

use std::path::Path;

use diesel::{Connection, RunQueryDsl, SqliteConnection, connection::SimpleConnection};
use serde::{Deserialize, Serialize};

use super::{
    super::{DbConn, Keys, StoreError, facts, ledger::CardWalk, migrate, units},
    fault::Fault,
};

/// What was read of a copy that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Cards with a stock whose logs hold together,
    pub cards: usize,
    /// and the events in these.
    pub events: i64,
}

#[derive(diesel::QueryableByName)]
struct Integrity {
    #[diesel(sql_type = diesel::sql_types::Text)]
    integrity_check: String,
}

/// Every page and index is whole, it has this program's form, the stock is what its log says, and the key opens what is sealed in it.
/// Nothing is written, not even beside the file. Looks now and then whether it is to stop.
pub(super) fn prove(file: &Path, keys: &Keys, is_over: &dyn Fn() -> bool) -> Result<Proof, Fault> {
    let mut conn = open_read_only(file)?;
    is_whole(&mut conn)?;
    go_on(is_over)?;
    has_this_form(&mut conn)?;
    let proof = walk(&mut conn, is_over)?;
    facts::opens(&mut conn, keys).map_err(|error| match error {
        StoreError::WrongKey => Fault::WrongKey,
        error => Fault::damaged(error),
    })?;
    Ok(proof)
}

pub(super) fn go_on(is_over: &dyn Fn() -> bool) -> Result<(), Fault> {
    if is_over() { Err(Fault::Stopped) } else { Ok(()) }
}

pub(super) fn open_read_only(file: &Path) -> Result<DbConn, Fault> {
    let whole = file.canonicalize().map_err(Fault::folder)?;
    let mut address = String::from("file:");
    for letter in whole.to_string_lossy().chars() {
        match letter {
            '%' => address.push_str("%25"),
            '?' => address.push_str("%3f"),
            '#' => address.push_str("%23"),
            other => address.push(other),
        }
    }
    address.push_str("?mode=ro");
    let mut conn = SqliteConnection::establish(&address).map_err(Fault::damaged)?;
    conn.batch_execute("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000;")
        .map_err(Fault::damaged)?;
    Ok(DbConn::Sqlite(conn))
}

pub(super) fn is_whole(conn: &mut DbConn) -> Result<(), Fault> {
    let said: Vec<Integrity> = diesel::sql_query("PRAGMA integrity_check").load(conn).map_err(Fault::damaged)?;
    match said.first() {
        Some(first) if first.integrity_check == "ok" => Ok(()),
        Some(first) => Err(Fault::damaged(&first.integrity_check)),
        None => Err(Fault::damaged("the database says nothing of itself")),
    }
}

fn has_this_form(conn: &mut DbConn) -> Result<(), Fault> {
    match lacking(conn)? {
        0 => Ok(()),
        count => Err(Fault::Version { why: format!("{count} migration(s) are missing: run `yutang migrate` first") }),
    }
}

/// How many migrations a database of this program, or of an older one, lacks.
pub(super) fn lacking(conn: &mut DbConn) -> Result<usize, Fault> {
    let status = migrate::status_of(conn).map_err(Fault::damaged)?;
    if let Some(version) = status.unknown.last() {
        return Err(Fault::Version { why: StoreError::TooNew { version: version.clone() }.to_string() });
    }
    if status.applied.is_empty() {
        return Err(Fault::damaged("it has no tables of this program"));
    }
    Ok(status.pending.len())
}

fn walk(conn: &mut DbConn, is_over: &dyn Fn() -> bool) -> Result<Proof, Fault> {
    let cards = units::pools(conn).map_err(Fault::damaged)?;
    let mut proof = Proof { cards: cards.len(), events: 0 };
    for card in cards {
        let mut walk = CardWalk::of(card);
        let faults = loop {
            go_on(is_over)?;
            if let Some(faults) = walk.go_on(conn).map_err(Fault::damaged)? {
                break faults;
            }
        };
        proof.events += walk.events();
        if let Some(first) = faults.first() {
            return Err(Fault::Ledger { why: format!("card {card}: {first}") });
        }
    }
    Ok(proof)
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
