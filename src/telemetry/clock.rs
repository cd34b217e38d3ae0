//! The one place that reads the clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::ids::{Now, Timestamp};

/// This moment on both clocks. Follows tokio's clock, so that paused time in a test pauses everything.
pub fn now() -> Now {
    Now { instant: tokio::time::Instant::now().into_std(), unix: unix() }
}

/// UTC milliseconds.
pub fn unix() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    #[cfg(test)]
    let now = as_tokio_sees_it(now);
    now
}

/// Where a test has paused tokio's clock, the wall clock stands still too and jumps with it.
#[cfg(test)]
fn as_tokio_sees_it(now: Timestamp) -> Timestamp {
    let (real, seen) = (std::time::Instant::now(), tokio::time::Instant::now().into_std());
    now + seen.saturating_duration_since(real) - real.saturating_duration_since(seen)
}
