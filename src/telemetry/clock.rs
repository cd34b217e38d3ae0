//! The one place that reads the clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::ids::{Now, Timestamp};

/// This moment on both clocks. Follows tokio's clock, so that paused time in a test pauses everything.
pub fn now() -> Now {
    Now { instant: tokio::time::Instant::now().into_std(), unix: unix() }
}

/// UTC milliseconds.
pub fn unix() -> Timestamp {
    #[cfg(test)]
    return as_tokio_sees_it();
    #[cfg(not(test))]
    system()
}

fn system() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Where a test has paused tokio's clock, the wall clock stands still too and jumps with it.
#[cfg(test)]
fn as_tokio_sees_it() -> Timestamp {
    thread_local! {
        static ORIGIN: (Timestamp, tokio::time::Instant) = (system(), tokio::time::Instant::now());
    }
    let now = tokio::time::Instant::now();
    // A later test on the same thread may have a clock that is behind.
    ORIGIN.with(|(at, origin)| *at + now.saturating_duration_since(*origin) - origin.saturating_duration_since(now))
}
