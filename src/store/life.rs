//! A run of the process that ends, as a crash would end it, after so many jobs of the database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

/// Ends with its last job.
pub(crate) struct Life {
    left: AtomicU64,
    /// The last job is committed, and nobody hears of it.
    is_done: bool,
    /// Each job waits for up to three times as long before it is begun.
    slowness: Duration,
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
    pub(crate) fn of(jobs: u64, is_done: bool, slowness: Duration) -> Arc<Self> {
        let (left, is_over) = (AtomicU64::new(jobs), AtomicBool::new(false));
        Arc::new(Self { left, is_done, slowness, is_over, end: Notify::new() })
    }

    pub(crate) fn endless() -> Arc<Self> {
        Self::of(u64::MAX, false, Duration::ZERO)
    }

    /// As long as the database takes before it does anything.
    pub(super) async fn wait(&self) {
        let turn = self.left.load(Ordering::Relaxed) % 4;
        tokio::time::sleep(self.slowness * u32::try_from(turn).unwrap_or(0)).await;
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
