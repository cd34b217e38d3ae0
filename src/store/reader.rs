//! The threads that read: a few, each with its own connection, sharing one queue. Each job sees the database as of one moment.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use diesel::{QueryResult, connection::TransactionManager, result::Error};
use tokio::sync::mpsc::{self, Receiver};

use super::{
    StoreError,
    connection::{self, DbConn, Role, Target},
    queue::{Job, QUEUE, Queue},
    timings::Timings,
};

/// Starts `count` threads (at least one) for `whose` reads. They connect when there is something to read.
pub(super) fn start(target: &Target, whose: &str, count: usize, timings: &Timings) -> Result<Queue, StoreError> {
    let (sender, queue) = mpsc::channel(QUEUE);
    let queue = Arc::new(Mutex::new(queue));
    for number in 0..count.max(1) {
        let (queue, timings) = (Arc::clone(&queue), timings.clone());
        let reader = Reader { target: target.clone(), connection: None, queue, timings };
        thread::Builder::new()
            .name(format!("read-{whose}-{number}"))
            .spawn(move || reader.run())
            .map_err(|error| StoreError::open("thread", error))?;
    }
    Ok(Queue::new(sender))
}

struct Reader {
    target: Target,
    connection: Option<DbConn>,
    queue: Arc<Mutex<Receiver<Box<dyn Job>>>>,
    timings: Timings,
}

impl Reader {
    fn run(mut self) {
        while let Some(mut job) = self.next() {
            if job.is_awaited() {
                self.timings.read_wait.observe(job.queued_at().elapsed().as_secs_f64());
                let running = self.timings.read_run.start_timer();
                let outcome = self.serve(&mut *job);
                running.observe_duration();
                job.finish(outcome);
            }
        }
    }

    /// One thread waits holding the lock, the others wait for the lock: whoever has it takes the next job.
    fn next(&self) -> Option<Box<dyn Job>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
    }

    fn serve(&mut self, job: &mut dyn Job) -> Result<(), StoreError> {
        let outcome = self.begin().and_then(|conn| run_one(conn, job));
        let usable = self.connection.as_mut().is_some_and(|conn| connection::depth(conn) == Some(0));
        if !usable {
            self.connection = None;
        }
        outcome
    }

    /// A server that went away since the last job gets one new connection.
    fn begin(&mut self) -> Result<&mut DbConn, StoreError> {
        let begun = self.connection.as_mut().is_some_and(|conn| connection::begin_read(conn).is_ok());
        if !begun {
            self.connection = None;
            let mut fresh = self.target.connect(Role::Read)?;
            connection::begin_read(&mut fresh)?;
            self.connection = Some(fresh);
        }
        self.connection.as_mut().ok_or(StoreError::Stopped)
    }
}

fn run_one(conn: &mut DbConn, job: &mut dyn Job) -> Result<(), StoreError> {
    let run: Result<QueryResult<()>, _> = catch_unwind(AssertUnwindSafe(|| job.run(conn)));
    let ended = DbConn::rollback_transaction(conn); // nothing was written
    match run {
        Err(_) => Err(StoreError::Panicked),
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(())) => ended.map_err(|error: Error| error.into()),
    }
}
