//! Puts a copy in the place of the database, which is kept under another name. No server may work with it meanwhile: the caller sees to it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use diesel::{Connection as _, RunQueryDsl, connection::SimpleConnection};

use super::{
    super::{
        Config, Keys, Synchronous,
        connection::{DbConn, Role, Target, private},
        facts,
        migrate::{self, beside},
        units::{self, Drawn},
    },
    fault::Fault,
    proof::{self, Proof, prove},
};
use crate::ids::Timestamp;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    pub proof: Proof,
    /// Where the database that was there is now.
    pub aside: Option<PathBuf>,
    /// Pieces of stock that are free in the copy, and were drawn since: they are void now. `None`: the database that was there cannot be read.
    pub withheld: Option<usize>,
}

/// Verifies a copy of this file and puts it in the place of the database. One of an older program is brought to this one's form first. At
/// every moment there is a whole database in its place, the old one or the new one, where the file system lets a file have two names.
///
/// Promise 2 holds across it: what was drawn from the stock since the copy was made is for sale no more, and everything is stopped, until an
/// administrator has seen to the orders that were served since.
pub fn restore(file: &Path, database: &Config, keys: &Keys, now: Timestamp) -> Result<Restored, Fault> {
    let Some(place) = super::file(database).map_err(Fault::copy)? else { return Err(Fault::Elsewhere) };
    if beside(file, "-wal").exists() {
        return Err(Fault::damaged("there is a -wal file beside it: it is a database in use, and no copy"));
    }
    let fresh = Fresh(beside(&place, "-restoring"));
    fresh.fill(file).map_err(Fault::folder)?;
    let proof = fresh.prove(keys)?;
    close(&place)?;
    let gone = if place.exists() { drawn(&place) } else { Some(Vec::new()) };
    let withheld = fresh.hold_back(gone, now)?;
    let aside = put_aside(&place, now).map_err(Fault::folder)?;
    fs::rename(&fresh.0, &place).map_err(Fault::folder)?;
    if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Fault::folder)?;
    }
    Ok(Restored { proof, aside, withheld })
}

/// The copy of the copy that is to become the database. What is left of it goes with it.
struct Fresh(PathBuf);

impl Fresh {
    fn fill(&self, file: &Path) -> io::Result<()> {
        self.remove();
        let mut from = File::open(file)?;
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut to = private(OpenOptions::new().write(true).create_new(true)).open(&self.0)?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    }

    fn prove(&self, keys: &Keys) -> Result<Proof, Fault> {
        let target = Target::Sqlite { path: self.0.clone(), synchronous: Synchronous::Full };
        let mut conn = target.connect(Role::Write).map_err(Fault::damaged)?;
        proof::is_whole(&mut conn)?;
        if proof::lacking(&mut conn)? > 0 {
            migrate::up_copy(&mut conn).map_err(|error| Fault::Version { why: error.to_string() })?;
        }
        self.finish(conn)?;
        prove(&self.0, keys, &|| false)
    }

    /// Stops everything, and makes void what was drawn elsewhere.
    fn hold_back(&self, gone: Option<Vec<Drawn>>, now: Timestamp) -> Result<Option<usize>, Fault> {
        let target = Target::Sqlite { path: self.0.clone(), synchronous: Synchronous::Full };
        let mut conn = target.connect(Role::Write).map_err(Fault::copy)?;
        let held_back = conn.transaction(|conn| {
            facts::set_stop_switch(conn, true)?;
            gone.map(|gone| units::withhold(conn, &gone, now)).transpose()
        });
        let withheld = held_back.map_err(Fault::copy)?;
        self.finish(conn)?;
        Ok(withheld)
    }

    /// Whole without a journal beside it.
    fn finish(&self, mut conn: DbConn) -> Result<(), Fault> {
        conn.batch_execute("PRAGMA journal_mode = DELETE").map_err(Fault::copy)?;
        drop(conn);
        File::open(&self.0).and_then(|file| file.sync_all()).map_err(Fault::copy)
    }

    fn remove(&self) {
        for path in [self.0.clone(), beside(&self.0, "-wal"), beside(&self.0, "-shm"), beside(&self.0, "-journal")] {
            // Most of them are not there.
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What is free no more in the database that is replaced; `None`: it cannot be read.
fn drawn(place: &Path) -> Option<Vec<Drawn>> {
    let mut conn = proof::open_read_only(place).ok()?;
    units::drawn(&mut conn).ok()
}

#[derive(diesel::QueryableByName)]
struct Journal {
    #[diesel(sql_type = diesel::sql_types::Text)]
    journal_mode: String,
}

/// Moves the journal into the present database, which fails while any other process has it open. One that is broken may be replaced.
fn close(place: &Path) -> Result<(), Fault> {
    if !place.exists() {
        return Ok(());
    }
    let in_use = || Fault::copy("another process has the database open: end it first");
    let target = Target::Sqlite { path: place.to_owned(), synchronous: Synchronous::Full };
    let closed = target.connect(Role::Write).map_err(|error| error.to_string()).and_then(|mut conn: DbConn| {
        let mode = diesel::sql_query("PRAGMA journal_mode = DELETE").get_result::<Journal>(&mut conn);
        mode.map_err(|error| error.to_string())
    });
    match closed {
        Ok(mode) if mode.journal_mode == "delete" => Ok(()),
        Ok(_) => Err(in_use()),
        Err(error) if error.contains("locked") => Err(in_use()),
        Err(_broken) => Ok(()),
    }
}

/// The database gets a second name, and what is left of its journal goes there: the new one must never meet it.
fn put_aside(place: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    if !place.exists() {
        return Ok(None);
    }
    let moment = jiff::Timestamp::from_millisecond(now.0).map_err(io::Error::other)?;
    let aside = beside(place, &moment.strftime("-before-restore-%Y%m%d-%H%M%S").to_string());
    if let Err(error) = fs::hard_link(place, &aside) {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return Err(error);
        }
        // Some file systems know no second names.
        fs::rename(place, &aside)?;
    }
    for suffix in ["-wal", "-journal"] {
        match fs::rename(beside(place, suffix), beside(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match fs::remove_file(beside(place, "-shm")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(Some(aside)),
    }
}
