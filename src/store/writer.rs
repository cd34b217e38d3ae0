//! The one thread that writes. Everything that waits joins one transaction, each job in a savepoint of its own, and nobody is
//! answered before the commit. Many small writes then cost one write to the disk, and no lock is ever fought over in the process.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{Connection, result::Error};
use tokio::sync::mpsc::{self, Receiver};

use super::{
    StoreError,
    changes::{self, Watcher},
    checkpoint::{self, Bell},
    connection::{self, DbConn, Role, Target},
    error::is_constraint,
    queue::{Job, QUEUE, Queue},
    timings::Timings,
};
use crate::order::change::OrderChanged;

/// Jobs in one transaction, at most.
const BATCH: usize = 512;
/// A transaction takes no more jobs after this long, so that the first one is not kept waiting by the last.
const BATCH_TIME: Duration = Duration::from_millis(20);

/// Starts the thread. It ends when the last [`Queue`] is dropped, after what was queued.
pub(super) fn start(
    target: Target,
    timings: Timings,
    commits: Arc<AtomicU64>,
    watcher: Watcher,
) -> Result<Queue, StoreError> {
    let (sender, queue) = mpsc::channel(QUEUE);
    let connection = Some(target.connect(Role::Write)?);
    let bell = checkpoint::start(&target)?;
    let writer = Writer { target, connection, queue, bell, timings, commits, watcher };
    thread::Builder::new()
        .name("store-writer".into())
        .spawn(move || writer.run())
        .map_err(|error| StoreError::open("thread", error))?;
    Ok(Queue::new(sender))
}

struct Writer {
    target: Target,
    /// `None` after a failure: the next batch connects anew.
    connection: Option<DbConn>,
    queue: Receiver<Box<dyn Job>>,
    bell: Option<Bell>,
    timings: Timings,
    commits: Arc<AtomicU64>,
    watcher: Watcher,
}

/// Each with what it changed of orders.
type Done = Vec<(Box<dyn Job>, Result<Vec<OrderChanged>, StoreError>)>;

impl Writer {
    fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let mut done = Done::new();
            let running = self.timings.transaction.start_timer();
            let verdict = self.commit_batch(first, &mut done);
            running.observe_duration();
            self.timings.batch_jobs.observe(done.len() as f64);
            // Before anybody is answered: whoever knows of the commit finds it counted.
            self.commits.fetch_add(1, Ordering::AcqRel);
            if let Err(error) = &verdict {
                log::error!(class = "database", jobs = done.len(); "a transaction failed: {error}");
                // closing the connection undoes whatever is left of the transaction
                self.connection = None;
            }
            if let (Ok(()), Some(bell)) = (&verdict, &self.bell) {
                bell.ring();
            }
            for (job, outcome) in done {
                let outcome = verdict.clone().and(outcome);
                job.finish(outcome.map(|changes| self.tell(changes)));
            }
        }
    }

    fn tell(&self, changes: Vec<OrderChanged>) {
        if let Some(tell) = self.watcher.get() {
            changes.into_iter().for_each(tell);
        }
    }

    fn commit_batch(&mut self, first: Box<dyn Job>, done: &mut Done) -> Result<(), StoreError> {
        let Self { target, connection, queue, timings, .. } = self;
        let conn = match begin(target, connection) {
            Ok(conn) => conn,
            Err(error) => {
                refuse_waiting(first, queue, done, &error);
                return Err(error);
            }
        };
        run_batch(conn, first, queue, done)?;
        let _committing = timings.commit.start_timer();
        connection::commit(conn).map_err(|error| match conn {
            DbConn::Sqlite(_) => error.into(),
            // It may have heard the word, and have lost the line before its answer.
            DbConn::Pg(_) => StoreError::InDoubt(error.to_string()),
        })
    }
}

/// Opens the transaction; a server that went away since the last batch gets one new connection.
fn begin<'a>(target: &Target, connection: &'a mut Option<DbConn>) -> Result<&'a mut DbConn, StoreError> {
    let begun = connection.as_mut().is_some_and(|conn| connection::begin_write(conn).is_ok());
    if !begun {
        *connection = None;
        let mut fresh = target.connect(Role::Write)?;
        connection::begin_write(&mut fresh)?;
        *connection = Some(fresh);
    }
    connection.as_mut().ok_or(StoreError::Stopped)
}

/// While the database is away every job would wait for its own attempt to connect: those that wait share one failure instead.
fn refuse_waiting(first: Box<dyn Job>, queue: &mut Receiver<Box<dyn Job>>, done: &mut Done, error: &StoreError) {
    let mut next = Some(first);
    while let Some(job) = next {
        done.push((job, Err(error.clone())));
        next = queue.try_recv().ok();
    }
}

fn run_batch(
    conn: &mut DbConn,
    first: Box<dyn Job>,
    queue: &mut Receiver<Box<dyn Job>>,
    done: &mut Done,
) -> Result<(), StoreError> {
    let started = Instant::now();
    let mut next = Some(first);
    while let Some(mut job) = next {
        let (outcome, changes) = changes::collected(|| run_one(conn, &mut *job));
        let spoilt = outcome.as_ref().err().filter(|error| error.spoils_batch).map(|error| error.error.clone());
        done.push((job, outcome.map(|()| changes).map_err(|failure| failure.error)));
        if let Some(error) = spoilt {
            return Err(error);
        }
        let more = done.len() < BATCH && started.elapsed() < BATCH_TIME;
        next = if more { queue.try_recv().ok() } else { None };
    }
    Ok(())
}

struct Failure {
    error: StoreError,
    spoils_batch: bool,
}

fn run_one(conn: &mut DbConn, job: &mut dyn Job) -> Result<(), Failure> {
    let mut own = None;
    let result = conn.transaction(|conn| {
        let run = catch_unwind(AssertUnwindSafe(|| job.run(conn)));
        own = match run {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Some(Failure { spoils_batch: spoils(conn, &error), error: error.into() }),
            Err(_) => Some(Failure { spoils_batch: false, error: StoreError::Panicked }),
        };
        Err(Error::RollbackTransaction)
    });
    result.map_err(|error| {
        // the job's own error says more than a savepoint that could not be undone after it
        let Failure { error, spoils_batch } =
            own.unwrap_or_else(|| Failure { error: error.into(), spoils_batch: true });
        // a depth other than ours: the savepoint is still there, or the job left one of its own open
        Failure { error, spoils_batch: spoils_batch || connection::depth(conn) != Some(1) }
    })
}

/// After a full disk or an I/O error SQLite may have rolled the whole transaction back by itself, and what follows would be
/// committed statement by statement. PostgreSQL undoes exactly the savepoint, whatever the error.
fn spoils(conn: &DbConn, error: &Error) -> bool {
    match (conn, error) {
        (DbConn::Sqlite(_), Error::DatabaseError(kind, _)) => !is_constraint(kind),
        _ => false,
    }
}
