//! Brings the database to this program's form, in one transaction, after a copy of it was put aside.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
};

use diesel::{Connection, QueryResult, RunQueryDsl, connection::SimpleConnection, migration::MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{
    Config, StoreError,
    connection::{self, DbConn, Role, Target, per_backend, private},
};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRESQL: EmbeddedMigrations = embed_migrations!("migrations/postgresql");

/// Held while a PostgreSQL database is migrated: two programs that start together do it one after the other.
const POSTGRES_LOCK: &str = "SELECT pg_advisory_xact_lock(7391, hashtext(current_schema()))";

/// How the database's form compares with the program's. Versions are the digits of a migration's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    pub applied: Vec<String>,
    pub pending: Vec<String>,
    /// Applied by a newer program.
    pub unknown: Vec<String>,
}

/// What [`up`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Migrated {
    /// The versions that were applied, oldest first.
    pub applied: Vec<String>,
    /// Where the SQLite file was copied to first.
    pub copy: Option<PathBuf>,
}

/// Compares, and changes nothing. A SQLite file that does not exist is not made.
pub fn status(config: &Config) -> Result<Status, StoreError> {
    let target = Target::parse(config)?;
    if let Target::Sqlite { path, .. } = &target
        && !path.exists()
    {
        return Ok(Status { pending: known(&SQLITE)?, ..Status::default() });
    }
    status_of(&mut target.connect(Role::Write)?)
}

/// Applies what is pending: all of it or nothing. Refuses a database that a newer program has changed.
pub fn up(config: &Config) -> Result<Migrated, StoreError> {
    let target = Target::parse(config)?;
    let mut conn = target.connect(Role::Write)?;
    let before = status_of(&mut conn)?;
    if let Some(version) = before.unknown.last() {
        return Err(StoreError::TooNew { version: version.clone() });
    }
    let Some(version) = before.pending.last() else { return Ok(Migrated::default()) };
    let copy = match &target {
        Target::Sqlite { path, .. } if has_tables(&mut conn)? => Some(copy_aside(&mut conn, path, version)?),
        Target::Sqlite { .. } | Target::Postgres { .. } => None,
    };
    in_transaction(&mut conn, run_pending).map(|applied| Migrated { applied, copy })
}

/// Takes the newest `steps` migrations back, with what they stored. Returns their versions.
pub fn down(config: &Config, steps: usize) -> Result<Vec<String>, StoreError> {
    let mut conn = Target::parse(config)?.connect(Role::Write)?;
    let steps = steps.min(status_of(&mut conn)?.applied.len());
    in_transaction(&mut conn, |conn| (0..steps).map(|_| revert_last(conn)).collect())
}

/// [`status`] of an open database.
pub(super) fn status_of(conn: &mut DbConn) -> Result<Status, StoreError> {
    let known = match conn {
        DbConn::Sqlite(_) => known(&SQLITE)?,
        DbConn::Pg(_) => known(&POSTGRESQL)?,
    };
    if !has_versions(conn)? {
        return Ok(Status { pending: known, ..Status::default() });
    }
    let mut applied = applied(conn).map_err(failed)?;
    applied.sort();
    let unknown = applied.iter().filter(|version| !known.contains(version)).cloned().collect();
    let pending = known.into_iter().filter(|version| !applied.contains(version)).collect();
    Ok(Status { applied, pending, unknown })
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

/// Looks without touching: asking diesel would make the table.
fn has_versions(conn: &mut DbConn) -> QueryResult<bool> {
    let query = match conn {
        DbConn::Sqlite(_) => "SELECT count(*) AS count FROM sqlite_master WHERE name = '__diesel_schema_migrations'",
        DbConn::Pg(_) => "SELECT count(to_regclass('__diesel_schema_migrations')) AS count",
    };
    diesel::sql_query(query).get_result::<Count>(conn).map(|found| found.count > 0)
}

/// For SQLite only.
fn has_tables(conn: &mut DbConn) -> QueryResult<bool> {
    let query = "SELECT count(*) AS count FROM sqlite_master";
    diesel::sql_query(query).get_result::<Count>(conn).map(|found| found.count > 0)
}

fn known(source: &EmbeddedMigrations) -> Result<Vec<String>, StoreError> {
    let migrations = MigrationSource::<diesel::sqlite::Sqlite>::migrations(source).map_err(failed)?;
    let mut versions: Vec<_> = migrations.iter().map(|migration| migration.name().version().to_string()).collect();
    versions.sort();
    Ok(versions)
}

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn applied(conn: &mut DbConn) -> Outcome<Vec<String>> {
    let versions = per_backend!(conn, conn => conn.applied_migrations())?;
    Ok(versions.into_iter().map(|version| version.to_string()).collect())
}

fn run_pending(conn: &mut DbConn) -> Outcome<Vec<String>> {
    let versions = match conn {
        DbConn::Sqlite(conn) => conn.run_pending_migrations(SQLITE)?,
        DbConn::Pg(conn) => conn.run_pending_migrations(POSTGRESQL)?,
    };
    Ok(versions.into_iter().map(|version| version.to_string()).collect())
}

fn revert_last(conn: &mut DbConn) -> Outcome<String> {
    let version = match conn {
        DbConn::Sqlite(conn) => conn.revert_last_migration(SQLITE)?,
        DbConn::Pg(conn) => conn.revert_last_migration(POSTGRESQL)?,
    };
    Ok(version.to_string())
}

/// One transaction around all of it, which also keeps a second program out until it can see what was done.
fn in_transaction<T>(conn: &mut DbConn, work: impl FnOnce(&mut DbConn) -> Outcome<T>) -> Result<T, StoreError> {
    connection::begin_write(conn)?;
    if let DbConn::Pg(conn) = conn {
        conn.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
        diesel::sql_query(POSTGRES_LOCK).execute(conn)?;
    }
    // on an error the connection is dropped by the caller, and the transaction with it
    let done =
        conn.transaction(|conn| work(conn).map_err(MigrationFailed)).map_err(|MigrationFailed(error)| failed(error))?;
    connection::commit(conn)?;
    Ok(done)
}

struct MigrationFailed(Box<dyn std::error::Error + Send + Sync>);

impl From<diesel::result::Error> for MigrationFailed {
    fn from(error: diesel::result::Error) -> Self {
        Self(error.into())
    }
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Migration(error.to_string())
}

/// Applies what is pending to a database that is itself a copy: nothing is put aside.
pub(super) fn up_copy(conn: &mut DbConn) -> Result<(), StoreError> {
    in_transaction(conn, run_pending).map(drop)
}

/// The copy appears under its name only when it is whole.
fn copy_aside(conn: &mut DbConn, path: &Path, version: &str) -> Result<PathBuf, StoreError> {
    let copy = beside(path, &format!("-before-{version}.bak"));
    let unfinished = beside(path, &format!("-before-{version}.bak.unfinished"));
    let fault = |why: String| StoreError::Backup { path: copy.clone(), why };
    let open = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&unfinished);
    open.map_err(|error| fault(error.to_string()))?;
    vacuum_into(conn, &unfinished).map_err(|error| fault(error.to_string()))?;
    std::fs::rename(&unfinished, &copy).map_err(|error| fault(error.to_string()))?;
    Ok(copy)
}

/// Copies one consistent state, also beside readers and writers, into a file that is empty.
pub(super) fn vacuum_into(conn: &mut DbConn, file: &Path) -> QueryResult<()> {
    let copy = diesel::sql_query("VACUUM INTO $1").bind::<diesel::sql_types::Text, _>(file.to_string_lossy());
    copy.execute(conn).map(drop)
}

/// A file whose name only goes on longer.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
