//! One connection on either backend, and how each is opened.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
};

use diesel::{
    Connection, PgConnection, QueryResult, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
};

use super::{Config, StoreError, Synchronous};

/// A connection to the database, whichever it is. Ordinary queries run on it as they are; upserts, batches and `RETURNING` of a
/// whole row need `per_backend!`.
#[derive(diesel::MultiConnection)]
pub enum DbConn {
    Sqlite(SqliteConnection),
    Pg(PgConnection),
}

/// Writes a body once and compiles it for both backends: for the things the enum itself cannot express.
macro_rules! per_backend {
    ($conn:expr, $inner:ident => $body:expr) => {
        match $conn {
            $crate::store::connection::DbConn::Sqlite($inner) => $body,
            $crate::store::connection::DbConn::Pg($inner) => $body,
        }
    };
}
pub(super) use per_backend;

/// `busy_timeout` comes first: switching to WAL may already have to wait for another process. The journal is moved into the database
/// every 8,000 pages (32 MB), not every 1,000: pages that change again and again are then moved once.
const SQLITE_PRAGMAS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; \
     PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 8000;";

/// Caches are filled as needed, in KiB: the writer's saves reading pages back that it changed a moment ago.
const SQLITE_READER: &str = "PRAGMA query_only = ON; PRAGMA cache_size = -4000;";
const SQLITE_WRITER: &str = "PRAGMA cache_size = -16000;";

/// No statement outlives the wait of whoever asked for it.
const POSTGRES_SETTINGS: &str =
    "SET statement_timeout = '25s'; SET lock_timeout = '20s'; SET idle_in_transaction_session_timeout = '60s';";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Write,
    Read,
}

/// Where the database is, checked.
#[derive(Clone)]
pub(super) enum Target {
    Sqlite { path: PathBuf, synchronous: Synchronous },
    Postgres { url: String },
}

impl Target {
    /// Takes `postgres://…`, `sqlite:PATH` or a path. Anything that would be a private database of each connection is refused.
    pub(super) fn parse(config: &Config) -> Result<Self, StoreError> {
        let url = config.url.trim();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres { url: with_deadlines(url) });
        }
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err(StoreError::Url("it is empty"));
        }
        if path.starts_with(":memory:") || path.starts_with("file:") {
            return Err(StoreError::Url("a database in memory cannot be shared; give a file"));
        }
        if path.contains("://") {
            return Err(StoreError::Url("only a SQLite file or postgres://… is supported"));
        }
        Ok(Self::Sqlite { path: path.into(), synchronous: config.synchronous })
    }

    /// Opens a connection with everything set on it. Makes the SQLite file where there is none.
    pub(super) fn connect(&self, role: Role) -> Result<DbConn, StoreError> {
        match self {
            Self::Sqlite { path, synchronous } => connect_sqlite(path, *synchronous, role).map(DbConn::Sqlite),
            Self::Postgres { url } => connect_postgres(url, role).map(DbConn::Pg),
        }
    }
}

fn connect_sqlite(path: &Path, synchronous: Synchronous, role: Role) -> Result<SqliteConnection, StoreError> {
    make_private_file(path).map_err(|error| StoreError::open(path.display(), error))?;
    let mut conn = SqliteConnection::establish(&path.to_string_lossy())
        .map_err(|error| StoreError::open(path.display(), error))?;
    conn.batch_execute(SQLITE_PRAGMAS).map_err(|error| StoreError::open(path.display(), error))?;
    let more = match (role, synchronous) {
        (Role::Read, _) => SQLITE_READER.to_owned(),
        (Role::Write, Synchronous::Normal) => format!("{SQLITE_WRITER} PRAGMA synchronous = NORMAL;"),
        (Role::Write, Synchronous::Full) => format!("{SQLITE_WRITER} PRAGMA synchronous = FULL;"),
    };
    conn.batch_execute(&more).map_err(|error| StoreError::open(path.display(), error))?;
    Ok(conn)
}

/// SQLite would make the file readable by everybody; its journal files take over the rights of the file.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match private(OpenOptions::new().write(true).create_new(true)).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// Files made with these options belong to their owner alone.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn connect_postgres(url: &str, role: Role) -> Result<PgConnection, StoreError> {
    let mut conn = PgConnection::establish(url).map_err(|error| StoreError::open("PostgreSQL", error))?;
    conn.batch_execute(POSTGRES_SETTINGS).map_err(|error| StoreError::open("PostgreSQL", error))?;
    if role == Role::Read {
        let read_only = "SET default_transaction_read_only = on";
        conn.batch_execute(read_only).map_err(|error| StoreError::open("PostgreSQL", error))?;
    }
    Ok(conn)
}

/// Connecting, and a peer that vanished without a word, must not hang for the minutes that TCP allows.
fn with_deadlines(url: &str) -> String {
    let mut url = url.to_owned();
    for (key, value) in [("connect_timeout", "5"), ("tcp_user_timeout", "20000")] {
        if !url.contains(key) {
            let joint = if url.contains('?') { '&' } else { '?' };
            url.push_str(&format!("{joint}{key}={value}"));
        }
    }
    url
}

/// Starts the writer's transaction. On SQLite it takes the write lock at once: a lock taken later could only fail.
pub(super) fn begin_write(conn: &mut DbConn) -> QueryResult<()> {
    match conn {
        DbConn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE"),
        DbConn::Pg(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
    }
}

/// Starts a reader's transaction: everything read in it belongs to one moment.
pub(super) fn begin_read(conn: &mut DbConn) -> QueryResult<()> {
    match conn {
        DbConn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
        DbConn::Pg(conn) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        }
    }
}

pub(super) fn commit(conn: &mut DbConn) -> QueryResult<()> {
    DbConn::commit_transaction(conn)
}

/// How deep the connection is in nested transactions; `None` when it cannot be used any more.
pub(super) fn depth(conn: &mut DbConn) -> Option<u32> {
    let status = DbConn::transaction_manager_status_mut(conn);
    status.transaction_depth().ok().map(|depth| depth.map_or(0, std::num::NonZeroU32::get))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Target, StoreError> {
        Target::parse(&Config::new(url))
    }

    #[test]
    fn a_database_that_connections_cannot_share_is_refused() {
        for url in ["", "  ", "sqlite:", ":memory:", "sqlite::memory:", "file::memory:?cache=shared", "mysql://host/db"]
        {
            assert!(matches!(parse(url), Err(StoreError::Url(_))), "{url:?}");
        }
    }

    #[test]
    fn a_path_with_and_without_scheme_is_the_same_file() {
        for url in ["data/y.db", "sqlite:data/y.db", "sqlite://data/y.db"] {
            assert!(matches!(parse(url), Ok(Target::Sqlite { path, .. }) if path == Path::new("data/y.db")), "{url:?}");
        }
    }

    #[test]
    fn a_postgres_url_gets_deadlines_but_keeps_its_own() {
        assert_eq!(with_deadlines("postgres://h/d"), "postgres://h/d?connect_timeout=5&tcp_user_timeout=20000");
        assert_eq!(
            with_deadlines("postgres://h/d?connect_timeout=9"),
            "postgres://h/d?connect_timeout=9&tcp_user_timeout=20000"
        );
    }
}
