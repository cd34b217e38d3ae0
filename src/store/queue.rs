//! How work reaches the database's threads and how its result comes back.

use std::{
    sync::mpsc::{SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use diesel::QueryResult;
use tokio::sync::{
    mpsc::{Sender, error::TrySendError},
    oneshot,
};

use super::{StoreError, connection::DbConn};

/// How many jobs may wait for a thread. Whoever comes then waits to queue: nothing is dropped.
pub(super) const QUEUE: usize = 8192;
/// The longest wait for queue and answer together.
const WAIT: Duration = Duration::from_secs(30);
/// The command line has time: an import may be one long job.
const WAIT_BLOCKING: Duration = Duration::from_secs(300);

/// One unit of work. Its result is handed over only in [`Job::finish`], when it is known to be true.
pub(super) trait Job: Send {
    /// When it joined the queue.
    fn queued_at(&self) -> Instant;
    fn run(&mut self, conn: &mut DbConn) -> QueryResult<()>;
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
    /// Whether anybody still waits for the result.
    fn is_awaited(&self) -> bool;
}

/// The way to one thread, or to several that share the work.
pub(super) struct Queue(Sender<Box<dyn Job>>);

impl Queue {
    pub(super) fn new(sender: Sender<Box<dyn Job>>) -> Self {
        Self(sender)
    }

    pub(super) async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Task::new(work, Answer::Async(answer));
        let wait = exchange(self.0.clone(), job, answered);
        tokio::time::timeout(WAIT, wait).await.unwrap_or(Err(StoreError::Timeout(WAIT.as_secs())))
    }

    /// Must not be called on a thread that runs futures.
    pub(super) fn call_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        let deadline = Instant::now() + WAIT_BLOCKING;
        let (answer, answered) = sync_channel(1);
        let mut job: Box<dyn Job> = Task::new(work, Answer::Blocking(answer));
        while let Err(refused) = self.0.try_send(job) {
            job = match refused {
                TrySendError::Full(job) if Instant::now() < deadline => job,
                TrySendError::Full(_) => return Err(StoreError::Timeout(WAIT_BLOCKING.as_secs())),
                TrySendError::Closed(_) => return Err(StoreError::Stopped),
            };
            thread::sleep(Duration::from_millis(1));
        }
        match answered.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(result) => result,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(StoreError::Timeout(WAIT_BLOCKING.as_secs())),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(StoreError::Stopped),
        }
    }
}

#[cfg(not(test))]
async fn exchange<T>(
    queue: Sender<Box<dyn Job>>,
    job: Box<dyn Job>,
    answered: oneshot::Receiver<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    queue.send(job).await.map_err(|_| StoreError::Stopped)?;
    answered.await.unwrap_or(Err(StoreError::Stopped))
}

/// A paused clock jumps ahead whenever every task waits, and knows nothing of the database's threads: a 60 s timer would be over
/// before a query. It does hold still while a blocking task runs, so in tests the wait is one.
#[cfg(test)]
async fn exchange<T: Send + 'static>(
    queue: Sender<Box<dyn Job>>,
    job: Box<dyn Job>,
    answered: oneshot::Receiver<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    // Queued here, because jobs keep their order.
    queue.send(job).await.map_err(|_| StoreError::Stopped)?;
    let wait = tokio::task::spawn_blocking(move || answered.blocking_recv().unwrap_or(Err(StoreError::Stopped)));
    wait.await.unwrap_or(Err(StoreError::Stopped))
}

enum Answer<T> {
    Async(oneshot::Sender<Result<T, StoreError>>),
    Blocking(SyncSender<Result<T, StoreError>>),
}

struct Task<T, F> {
    queued_at: Instant,
    work: Option<F>,
    value: Option<T>,
    answer: Answer<T>,
}

impl<T, F> Task<T, F> {
    fn new(work: F, answer: Answer<T>) -> Box<Self> {
        Box::new(Self { queued_at: Instant::now(), work: Some(work), value: None, answer })
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut DbConn) -> QueryResult<T> + Send,
{
    fn queued_at(&self) -> Instant {
        self.queued_at
    }

    fn run(&mut self, conn: &mut DbConn) -> QueryResult<()> {
        if let Some(work) = self.work.take() {
            self.value = Some(work(conn)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, answer, .. } = *self;
        let result = outcome.and_then(|()| value.ok_or(StoreError::Stopped));
        // a caller that stopped waiting is no concern of the thread
        match answer {
            Answer::Async(answer) => drop(answer.send(result)),
            Answer::Blocking(answer) => drop(answer.try_send(result)),
        }
    }

    fn is_awaited(&self) -> bool {
        match &self.answer {
            Answer::Async(answer) => !answer.is_closed(),
            Answer::Blocking(_) => true,
        }
    }
}

/// Takes its thread with it.
#[cfg(test)]
struct Bomb;

#[cfg(test)]
impl Job for Bomb {
    fn queued_at(&self) -> Instant {
        Instant::now()
    }

    fn run(&mut self, _: &mut DbConn) -> QueryResult<()> {
        Ok(())
    }

    fn finish(self: Box<Self>, _: Result<(), StoreError>) {
        panic!("a test ends this thread");
    }

    fn is_awaited(&self) -> bool {
        true
    }
}

#[cfg(test)]
impl Queue {
    /// Returns when the thread behind the queue is gone.
    pub(super) async fn break_thread(&self) {
        if self.0.send(Box::new(Bomb)).await.is_ok() {
            self.0.closed().await;
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::store::{Config, Keys, Store, StoreError, facts};

    /// The wait of tests inside the crate is another one than that of everybody else: it must not behave otherwise.
    #[test]
    fn a_test_waits_for_the_database_like_everybody_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Config::new(folder.path().join("y.db").to_str().unwrap()), Keys::random()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            store.write(|conn| facts::put(conn, "a", "1")).await.unwrap();
            assert_eq!(store.read(|conn| facts::find(conn, "a")).await, Ok(Some("1".into())));
            let failed: Result<(), _> = store.write(|_| Err(diesel::result::Error::NotFound)).await;
            assert_eq!(failed, Err(StoreError::NotFound));
        });
    }
}
