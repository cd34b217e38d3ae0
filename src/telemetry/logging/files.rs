//! The way of a line into a file: a bounded queue that nobody waits at, and one thread that writes.

use std::{
    io, mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use log::{error, warn};

use super::rotation::{FileLimits, Line, News, Rotation};
use crate::{ids::Timestamp, telemetry::clock};

/// Lines that may wait for the disk; more are counted and lost.
const WAITING: usize = 8192;

/// And their bytes.
const WAITING_BYTES: usize = 8 << 20;

/// How long a flush waits for a disk that may hang.
const FLUSH: Duration = Duration::from_secs(2);

/// Where lines are left for the thread that writes them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to write, or nothing ever again.
    work: Condvar,
    /// Something was written.
    progress: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    bytes: usize,
    /// Lines that found no room since the last batch.
    dropped: u64,
    pushed: u64,
    written: u64,
    is_idle: bool,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Batch {
    lines: Vec<Line>,
    dropped: u64,
}

impl Queue {
    /// Starts the thread that writes until the queue is closed.
    pub(super) fn start(limits: FileLimits) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::default());
        let (rotation, lines) = (Rotation::new(limits), Arc::clone(&queue));
        thread::Builder::new().name("log-files".to_owned()).spawn(move || lines.write_until_closed(rotation))?;
        Ok(queue)
    }

    /// Leaves a line, or loses it where there is no room.
    pub(super) fn push(&self, at: Timestamp, text: String) {
        let mut state = self.lock();
        if state.is_closed || state.lines.len() >= WAITING || state.bytes + text.len() > WAITING_BYTES {
            state.dropped += 1;
            self.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            state.bytes += text.len();
            state.pushed += 1;
            state.lines.push(Line { at, text });
        }
        if mem::take(&mut state.is_idle) {
            self.work.notify_one();
        }
    }

    /// Waits until everything that was left so far is written, but not for a disk that hangs.
    pub(super) fn flush(&self) {
        let state = self.lock();
        let pushed = state.pushed;
        let waited = self.progress.wait_timeout_while(state, FLUSH, |state| state.written < pushed);
        drop(waited); // written or not, there is nothing more to do
    }

    /// Lets the thread end once it has written what is left.
    pub(super) fn close(&self) {
        self.flush();
        self.lock().is_closed = true;
        self.work.notify_one();
    }

    /// Lines that are in no file: there was no room, or the files could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn write_until_closed(&self, mut rotation: Rotation) {
        rotation.clean_up(clock::unix());
        while let Some(batch) = self.next() {
            let (lost, news) = rotation.write(&batch.lines);
            self.lost.fetch_add(lost, Ordering::Relaxed);
            self.done(&batch);
            tell(batch.dropped, news);
        }
    }

    /// Everything that waits; `None` when nothing will come any more.
    fn next(&self) -> Option<Batch> {
        let mut state = self.lock();
        while state.lines.is_empty() {
            if state.is_closed {
                return None;
            }
            state.is_idle = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes = 0;
        Some(Batch { lines: mem::take(&mut state.lines), dropped: mem::take(&mut state.dropped) })
    }

    fn done(&self, batch: &Batch) {
        self.lock().written += batch.lines.len() as u64;
        self.progress.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says it in the log itself: on the standard error output it is seen whatever became of the files.
fn tell(dropped: u64, news: Option<News>) {
    if dropped > 0 {
        warn!(class = "system", lines = dropped; "log lines came faster than the disk takes them and are in no file");
    }
    match news {
        Some(News::Failing(why)) => {
            error!(class = "system"; "cannot write log files, lines are lost until it works again: {why}");
        }
        Some(News::Mended(lost)) => warn!(class = "system", lines = lost; "log files are written again after a loss"),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &Queue, count: usize) {
        (0..count).for_each(|at| queue.push(Timestamp(0), format!("{at}\n")));
    }

    /// Nobody writes here, as with a disk that hangs.
    #[test]
    fn a_full_queue_loses_lines_and_counts_them() {
        let queue = Queue::default();
        push(&queue, WAITING + 3);
        assert_eq!(queue.lost(), 3);
        let batch = queue.next().unwrap_or_default();
        assert_eq!((batch.lines.len(), batch.dropped), (WAITING, 3));
        push(&queue, 1);
        assert_eq!(queue.next().map(|batch| (batch.lines.len(), batch.dropped)), Some((1, 0)));
    }

    #[test]
    fn long_lines_fill_the_queue_sooner() {
        let queue = Queue::default();
        (0..3).for_each(|_| queue.push(Timestamp(0), "x".repeat(WAITING_BYTES / 2)));
        assert_eq!(queue.lost(), 1);
    }

    #[test]
    fn what_was_left_is_written_before_the_end() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let limits = FileLimits { dir: folder.path().into(), file_size: 1 << 20, total_size: 1 << 20, keep_days: 1 };
        let queue = Queue::start(limits).expect("a thread");
        push(&queue, 1000);
        queue.close();
        push(&queue, 1);
        let text = std::fs::read_to_string(folder.path().join("yutang-1970-01-01.0.log")).expect("written");
        assert_eq!((text.lines().count(), queue.lost()), (1000, 1));
    }
}
