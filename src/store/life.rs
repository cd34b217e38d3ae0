//! A run of the process that ends, as a crash would end it, at one of the points where it waits: at a job of the database, and at
//! whatever else whoever runs it says is one.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

/// Ends with its last step.
pub(crate) struct Life {
    left: AtomicU64,
    /// The last step is done, and nobody hears of it.
    is_done: bool,
    /// Each job waits for up to three times as long before it is begun.
    slowness: Duration,
    is_over: AtomicBool,
    end: Notify,
    /// The step it ended at, and whether that was done.
    ended_at: OnceLock<(Step, bool)>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A job of the database.
    Job,
    /// A question that goes out of the process.
    Ask,
    /// What comes into the process.
    Hear,
    /// A message from one of its actors to another.
    Tell,
    /// Nothing: a moment between all of these.
    Moment,
}

/// What becomes of a step.
pub(crate) enum Fate {
    Done,
    DoneUnheard,
    NotDone,
}

impl Life {
    pub(crate) fn of(steps: u64, is_done: bool, slowness: Duration) -> Arc<Self> {
        let (left, is_over) = (AtomicU64::new(steps), AtomicBool::new(false));
        Arc::new(Self { left, is_done, slowness, is_over, end: Notify::new(), ended_at: OnceLock::new() })
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

    /// Where it ended, and whether what it waited for there was done.
    pub(crate) fn ended_at(&self) -> Option<(Step, bool)> {
        self.ended_at.get().copied()
    }

    /// Ends it now, wherever it is.
    pub(crate) fn end(&self) {
        self.end_at(Step::Moment, false);
    }

    pub(crate) fn next(&self, step: Step) -> Fate {
        if self.is_over() {
            return Fate::NotDone;
        }
        if self.left.fetch_sub(1, Ordering::Relaxed) > 1 {
            return Fate::Done;
        }
        self.end_at(step, self.is_done);
        if self.is_done { Fate::DoneUnheard } else { Fate::NotDone }
    }

    fn end_at(&self, step: Step, is_done: bool) {
        // A life ends once.
        if self.ended_at.set((step, is_done)).is_ok() {
            self.is_over.store(true, Ordering::Relaxed);
            self.end.notify_one();
        }
    }
}
