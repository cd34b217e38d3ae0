//! Keeps a second server out: of a data folder by a lock on a file in it, of a PostgreSQL database by an advisory lock.
//! The command line takes neither; it may work beside a running server.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use diesel::RunQueryDsl;

use super::{
    Config, StoreError,
    connection::{DbConn, Role, Target, private},
};

/// Held by a running server. The system lets go of both locks when the process ends, however it ends.
pub struct ServerLock {
    _folder: File,
    database: Option<DbConn>,
}

impl ServerLock {
    /// Makes `data_dir` where there is none. Fails at once with [`StoreError::Locked`] when another server is there.
    pub fn acquire(data_dir: &Path, config: &Config) -> Result<Self, StoreError> {
        let folder = lock_folder(data_dir)?;
        let database = match Target::parse(config)? {
            Target::Sqlite { .. } => None,
            target @ Target::Postgres { .. } => Some(lock_database(&target)?),
        };
        Ok(Self { _folder: folder, database })
    }

    /// Asks PostgreSQL whether the lock's connection still stands: with the connection the lock would be gone. Always true for
    /// SQLite. Blocks.
    pub fn is_held(&mut self) -> bool {
        self.database.as_mut().is_none_or(|conn| diesel::sql_query("SELECT 1").execute(conn).is_ok())
    }
}

fn lock_folder(data_dir: &Path) -> Result<File, StoreError> {
    let path = data_dir.join("lock");
    let fault = |error: std::io::Error| StoreError::open(path.display(), error);
    fs::create_dir_all(data_dir).map_err(fault)?;
    let mut options = OpenOptions::new();
    let mut file = private(options.read(true).write(true).create(true).truncate(false)).open(&path).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => write_process(&mut file).map_err(fault)?,
        Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(process(&mut file), shown(data_dir))),
        Err(TryLockError::Error(error)) => return Err(fault(error)),
    }
    Ok(file)
}

fn write_process(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// Who holds the lock, as far as it can be read: only for the sentence.
fn process(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!(" (process {})", text.trim()),
        _ => String::new(),
    }
}

fn shown(data_dir: &Path) -> String {
    let whole: PathBuf = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_owned());
    whole.display().to_string()
}

#[derive(diesel::QueryableByName)]
struct Granted {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    granted: bool,
}

fn lock_database(target: &Target) -> Result<DbConn, StoreError> {
    let mut conn = target.connect(Role::Write)?;
    let query = "SELECT pg_try_advisory_lock(7390, hashtext(current_schema())) AS granted";
    if diesel::sql_query(query).get_result::<Granted>(&mut conn)?.granted {
        Ok(conn)
    } else {
        Err(StoreError::Locked(String::new(), "this PostgreSQL database".into()))
    }
}
