//! Keeps a second server out: of a data folder by a lock on a file in it, of a PostgreSQL database by an advisory lock.
//! The command line takes neither; it may work beside a running server.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    future::pending,
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use diesel::{RunQueryDsl, connection::SimpleConnection};
use log::{error, info};
use tokio::sync::oneshot;

use super::{
    Config, StoreError,
    connection::{DbConn, Role, Target, private},
};

/// How often PostgreSQL is asked whether the lock still stands.
const LOOK: Duration = Duration::from_secs(1);

/// By this PostgreSQL sees after 25 s that a line to it is dead, and lets go of the lock.
const KEEPALIVES: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// How long another holder may be our own dead line. After that it is somebody else.
const GRACE: Duration = Duration::from_secs(40);

/// How long the end of the lock's connection is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Held by a running server. The system lets go of both locks when the process ends, however it ends.
pub struct ServerLock {
    _folder: File,
    database: Option<DatabaseLock>,
}

impl ServerLock {
    /// Makes `data_dir` where there is none. Fails at once with [`StoreError::Locked`] when another server is there.
    pub fn acquire(data_dir: &Path, config: &Config) -> Result<Self, StoreError> {
        let folder = lock_folder(data_dir)?;
        let database = match Target::parse(config)? {
            Target::Sqlite { .. } => None,
            target @ Target::Postgres { .. } => Some(DatabaseLock::acquire(target)?),
        };
        Ok(Self { _folder: folder, database })
    }

    /// Returns when another server has taken the database, after PostgreSQL was away: this one must end, for two would answer the
    /// same buyers. Never returns on SQLite, where nothing but the end of the process takes the lock away.
    pub async fn lost(&mut self) -> StoreError {
        match &mut self.database {
            Some(lock) => match (&mut lock.lost).await {
                Ok(error) => error,
                Err(_ended) => pending().await,
            },
            None => pending().await,
        }
    }
}

/// PostgreSQL lets go of the lock whenever its connection breaks: a thread takes it anew as soon as it can.
struct DatabaseLock {
    /// Taken away: the thread ends.
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
    lost: oneshot::Receiver<StoreError>,
}

impl DatabaseLock {
    fn acquire(target: Target) -> Result<Self, StoreError> {
        let mut conn = Some(lock_database(&target)?);
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let (lose, lost) = oneshot::channel();
        let hold = move || {
            if let Some(error) = hold(&stopped, LOOK, GRACE, || keep(&target, &mut conn)) {
                // Whoever waits no longer is ending already.
                let _ = lose.send(error);
            }
            drop(conn);
            drop(end);
        };
        let thread = thread::Builder::new().name("store-lock".into()).spawn(hold);
        thread.map_err(|error| StoreError::open("thread", error))?;
        Ok(Self { stop: Some(stop), ended, lost })
    }
}

impl Drop for DatabaseLock {
    fn drop(&mut self) {
        self.stop = None;
        // A PostgreSQL that does not answer holds no shutdown up: the connection ends with the process.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// Keeps the lock until it is told to stop (`None`), or until somebody else has had it for longer than `grace`.
fn hold(
    stopped: &Receiver<()>,
    look: Duration,
    grace: Duration,
    mut keep: impl FnMut() -> Result<(), StoreError>,
) -> Option<StoreError> {
    let (mut said, mut taken_since) = (None, None);
    while stopped.recv_timeout(look) == Err(RecvTimeoutError::Timeout) {
        let fault = keep().err();
        taken_since = match &fault {
            Some(StoreError::Locked(..)) => taken_since.or_else(|| Some(Instant::now())),
            Some(_) | None => None,
        };
        if taken_since.is_some_and(|since| since.elapsed() >= grace) {
            return fault;
        }
        match &fault {
            Some(error) if said != fault => {
                error!(class = "database"; "the lock that keeps other servers out of the database is lost: {error}");
            }
            None if said.is_some() => info!("the lock that keeps other servers out of the database is held again"),
            Some(_) | None => {}
        }
        said = fault;
    }
    None
}

fn keep(target: &Target, conn: &mut Option<DbConn>) -> Result<(), StoreError> {
    let stands = conn.as_mut().is_some_and(|conn| diesel::sql_query("SELECT 1").execute(conn).is_ok());
    if !stands {
        // First of all it is closed: it may hold the lock still.
        *conn = None;
        *conn = Some(lock_database(target)?);
    }
    Ok(())
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
    conn.batch_execute(KEEPALIVES)?;
    if diesel::sql_query(query).get_result::<Granted>(&mut conn)?.granted {
        Ok(conn)
    } else {
        Err(StoreError::Locked(String::new(), "this PostgreSQL database".into()))
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    fn taken() -> Result<(), StoreError> {
        Err(StoreError::Locked(String::new(), "this PostgreSQL database".into()))
    }

    fn away() -> Result<(), StoreError> {
        Err(StoreError::Database("away".into()))
    }

    /// What becomes of a lock for which looks go so, one after the other, until it is to stop.
    fn held(looks: Vec<Result<(), StoreError>>, grace: Duration) -> (Option<StoreError>, usize) {
        let (stop, stopped) = channel();
        let (mut stop, mut looks, mut looked) = (Some(stop), looks.into_iter(), 0);
        let outcome = hold(&stopped, Duration::ZERO, grace, || {
            looked += 1;
            looks.next().unwrap_or_else(|| {
                stop = None;
                Ok(())
            })
        });
        (outcome, looked)
    }

    #[test]
    fn a_database_that_another_server_has_taken_is_given_up_after_a_while_and_one_that_is_away_is_not() {
        let ended = held(vec![Ok(()), away(), taken(), Ok(())], Duration::ZERO);
        assert_eq!(ended, (taken().err(), 3));
        let borne = held(vec![taken(), taken(), Ok(()), taken()], GRACE);
        assert_eq!(borne, (None, 5), "it may be a dead line of our own");
        let (outcome, looked) = held(iter::repeat_with(away).take(50).collect(), Duration::ZERO);
        assert_eq!((outcome, looked), (None, 51));
    }
}
