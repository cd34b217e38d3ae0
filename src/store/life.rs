//! A run of the process that ends, as a crash would end it, after so many jobs of the database.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::Notify;

/// Ends with its last job.
pub(crate) struct Life {
    left: AtomicU64,
    /// The last job is committed, and nobody hears of it.
    is_done: bool,
    is_over: AtomicBool,
    end: Notify,
}

/// What becomes of a job.
pub(super) enum Fate {
    Done,
    DoneUnheard,
    NotDone,
}

impl Life {
    pub(crate) fn of(jobs: u64, is_done: bool) -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(jobs), is_done, is_over: AtomicBool::new(false), end: Notify::new() })
    }

    pub(crate) fn endless() -> Arc<Self> {
        Self::of(u64::MAX, false)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Resolves once it is over, for one who waits.
    pub(crate) async fn ended(&self) {
        if !self.is_over() {
            self.end.notified().await;
        }
    }

    pub(super) fn next(&self) -> Fate {
        if self.is_over() {
            return Fate::NotDone;
        }
        if self.left.fetch_sub(1, Ordering::Relaxed) > 1 {
            return Fate::Done;
        }
        self.is_over.store(true, Ordering::Relaxed);
        self.end.notify_one();
        if self.is_done { Fate::DoneUnheard } else { Fate::NotDone }
    }
}
