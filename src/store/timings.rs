//! How long the database's threads take, counted by them for whoever shows it.

use prometheus::{Histogram, HistogramOpts, core::Collector};

/// A tenth of a millisecond to the ten seconds that SQLite waits for a lock.
const SECONDS: &[f64] = &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const JOBS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Cloning is cheap; every clone counts into the same.
#[derive(Clone)]
pub(super) struct Timings {
    /// Jobs in one transaction of the writer.
    pub(super) batch_jobs: Histogram,
    /// One transaction of the writer, from its beginning to its commit.
    pub(super) transaction: Histogram,
    /// The commit alone.
    pub(super) commit: Histogram,
    /// From a read's arrival until a thread takes it.
    pub(super) read_wait: Histogram,
    pub(super) read_run: Histogram,
}

impl Timings {
    pub(super) fn new() -> Self {
        let seconds = |name, help| histogram(name, help, SECONDS);
        Self {
            batch_jobs: histogram("yutang_database_batch_jobs", "Jobs in one transaction of the writer.", JOBS),
            transaction: seconds(
                "yutang_database_transaction_seconds",
                "One transaction of the writer, commit included.",
            ),
            commit: seconds("yutang_database_commit_seconds", "The commit of one transaction of the writer."),
            read_wait: seconds("yutang_database_read_wait_seconds", "How long a read waits for a thread."),
            read_run: seconds("yutang_database_read_run_seconds", "How long a read takes."),
        }
    }

    pub(super) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        let all = [&self.batch_jobs, &self.transaction, &self.commit, &self.read_wait, &self.read_run];
        all.into_iter().map(|histogram| Box::new(histogram.clone()) as Box<dyn Collector>).collect()
    }
}

#[expect(
    clippy::expect_used,
    reason = "the names are written down above, and every test that opens a store finds a bad one"
)]
fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.into())).expect("a good name")
}
