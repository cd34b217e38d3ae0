//! Copies of the SQLite file on the server's own disk. What has the name of a copy was read again after it was written; until
//! then it has another one, and a file that a crash left so is removed by the next.
//!
//! Nobody who writes waits: a copy is one long read of its own connection. PostgreSQL is not copied: it has its own means.

mod fault;
mod make;
mod proof;
mod restore;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub use self::{
    fault::Fault,
    make::{Job, remove_unfinished, run},
    proof::Proof,
    restore::{Restored, restore},
};
use super::{
    Config, DbConn, QueryResult, StoreError,
    audit::{self, Deed},
    connection::Target,
    facts,
    notices::{self, Opening},
    notify_sources,
};
use crate::{
    ids::Timestamp,
    notify::{event::Event, notice::Subject},
};

/// How PostgreSQL is backed up.
pub const OF_POSTGRES: &str = "pg_dump --format=custom --file=yutang.dump \"$DATABASE_URL\"";

/// In the facts.
const STATE: &str = "backup.state";

/// The key of the notice that tells of a failure.
const NOTICE: &str = "backup";

/// The name of a copy, in UTC.
const NAME: &str = "yutang-%Y%m%d-%H%M%S.db";

/// A finished copy as it lies in its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub name: String,
    /// In bytes.
    pub size: u64,
    pub made_at: Timestamp,
}

/// What one run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub started_at: Timestamp,
    pub duration_ms: u64,
    /// `None`: it failed.
    pub made: Option<Made>,
    pub fault: Option<Fault>,
}

/// A copy that was made and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub name: String,
    /// In bytes.
    pub size: u64,
    pub proof: Proof,
}

/// What is remembered of the runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    pub last: Option<Run>,
    /// The sizes of the copies that were verified, by name.
    verified: BTreeMap<String, u64>,
}

impl Memory {
    /// Whether this program verified it and it has its size still.
    pub fn knows(&self, copy: &Copied) -> bool {
        self.verified.get(&copy.name) == Some(&copy.size)
    }
}

/// The SQLite file; `None`: the database is PostgreSQL, of which no copies are made here.
pub fn file(database: &Config) -> Result<Option<PathBuf>, StoreError> {
    match Target::parse(database)? {
        Target::Sqlite { path, .. } => Ok(Some(path)),
        Target::Postgres { .. } => Ok(None),
    }
}

/// The finished copies in a folder, newest first. Without a folder there are none.
pub fn list(folder: &Path) -> io::Result<Vec<Copied>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut copies = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(made_at) = moment(&name) else { continue };
        // Another process may just have removed it.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_file() {
            copies.push(Copied { name, size: about.len(), made_at });
        }
    }
    copies.sort_by(|one, other| other.name.cmp(&one.name));
    Ok(copies)
}

/// What is remembered; nothing where nothing ever ran.
pub fn memory(conn: &mut DbConn) -> QueryResult<Memory> {
    let text = facts::find(conn, STATE)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Remembers a run into the server's own folder, in which these copies are now, and tells the administrators where it failed or works
/// again.
pub fn remember(
    conn: &mut DbConn,
    by: &audit::Actor,
    run: &Run,
    present: &[Copied],
    now: Timestamp,
) -> QueryResult<()> {
    let mut memory = memory(conn)?;
    memory.last = Some(run.clone());
    memory.verified.extend(run.made.iter().map(|made| (made.name.clone(), made.size)));
    memory.verified.retain(|name, _| present.iter().any(|copy| copy.name == *name));
    let text =
        serde_json::to_string(&memory).map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    facts::put(conn, STATE, &text)?;
    for owner in notify_sources::administrators(conn)? {
        match &run.fault {
            None => drop(notices::end(conn, owner, NOTICE, now)?),
            Some(fault) => {
                let (why, advice) = (Some(fault.words()), Some(fault.advice()));
                let subject = Subject { why, advice, ..Subject::default() };
                let (event, severity) = (Event::BackupFailed, Event::BackupFailed.severity());
                let key = NOTICE.to_owned();
                notices::open(
                    conn,
                    &Opening { owner, account: None, buyer: None, event, severity, key, subject },
                    now,
                )?;
            }
        }
    }
    write_down(conn, by, run, now)
}

/// The line of the audit about a run.
pub fn write_down(conn: &mut DbConn, by: &audit::Actor, run: &Run, now: Timestamp) -> QueryResult<()> {
    audit::record(conn, by, &Deed::new("backup.run", run.started_at.0).after(run), now)
}

fn name(at: Timestamp) -> Option<String> {
    Some(jiff::Timestamp::from_millisecond(at.0).ok()?.strftime(NAME).to_string())
}

/// When a copy of this name was made; `None`: no copy has such a name.
fn moment(text: &str) -> Option<Timestamp> {
    let moment = jiff::civil::DateTime::strptime(NAME, text).ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    let moment = Timestamp(moment.timestamp().as_millisecond());
    // What reads back otherwise is somebody else's file.
    (name(moment).as_deref() == Some(text)).then_some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_moment_in_utc_and_nothing_else_is_a_copy() {
        let at = Timestamp(1_767_225_599_000);
        assert_eq!(name(at).as_deref(), Some("yutang-20251231-235959.db"));
        assert_eq!(moment("yutang-20251231-235959.db"), Some(at));
        for other in [
            "yutang-20251231-235959.db.unfinished",
            "yutang-20251231-235959.db-wal",
            "yutang-20251331-235959.db",
            "yutang-251231-235959.db",
            "yutang.db",
            "xyutang-20251231-235959.db",
            "",
        ] {
            assert_eq!(moment(other), None, "{other}");
        }
    }
}
