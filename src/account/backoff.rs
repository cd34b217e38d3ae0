//! How long to wait before the next try: twice as long each time, at a slow pace once it is hopeless, never at once.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffConfig {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait of the growing kind.
    pub max: Duration,
    /// The wait once the tries are exhausted.
    pub slow: Duration,
    /// After so many failures in a row the tries count as exhausted.
    pub exhausted_after: u32,
    /// A connection that lasted this long starts the count anew.
    pub stable: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            max: Duration::from_secs(90),
            slow: Duration::from_secs(600),
            exhausted_after: 10,
            stable: Duration::from_secs(60),
        }
    }
}

/// Counts failures in a row. A normal close counts like a failure: a platform that closes politely at once must not cause a tight loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    config: BackoffConfig,
    failures: u32,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// Wait so long before the next try. Never zero unless the configuration says so.
    pub wait: Duration,
    /// True for one failure in a row only, the one that exhausts the tries: report it now.
    pub exhausted: bool,
    /// Failures in a row so far, this one included.
    pub attempt: u32,
}

impl Backoff {
    pub fn new(config: BackoffConfig) -> Self {
        Self::resume(config, 0)
    }

    /// Goes on after `failures` in a row, so that a fresh actor does not forget what its predecessor went through.
    pub fn resume(config: BackoffConfig, failures: u32) -> Self {
        Self { config, failures }
    }

    /// Notes a failure or a close and says how long to wait. `jitter` is random, from 0 to 1: the wait lies between half and the whole of the step, so that
    /// accounts which failed together do not come back together.
    pub fn next(&mut self, jitter: f64) -> Delay {
        self.failures = self.failures.saturating_add(1);
        let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 1.0 };
        Delay {
            wait: self.step().mul_f64(0.5 + jitter / 2.0),
            exhausted: self.failures == self.config.exhausted_after,
            attempt: self.failures,
        }
    }

    /// Notes how long a connection lasted that has now ended: a stable one ends the row of failures, a brief one does not.
    pub fn reset_after_stable(&mut self, lasted: Duration) {
        if lasted >= self.config.stable {
            self.failures = 0;
        }
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the tries are exhausted.
    pub fn is_exhausted(&self) -> bool {
        self.failures >= self.config.exhausted_after
    }

    fn step(&self) -> Duration {
        if self.is_exhausted() {
            return self.config.slow;
        }
        let doublings = self.failures.saturating_sub(1);
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.config.first.saturating_mul(factor).min(self.config.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(backoff: &mut Backoff, failures: usize) -> Vec<u64> {
        (0..failures).map(|_| backoff.next(1.0).wait.as_secs()).collect()
    }

    #[test]
    fn waits_double_up_to_the_longest_and_then_turn_slow() {
        let mut backoff = Backoff::new(BackoffConfig::default());
        assert_eq!(seconds(&mut backoff, 12), [1, 2, 4, 8, 16, 32, 64, 90, 90, 600, 600, 600]);
    }

    #[test]
    fn jitter_spreads_a_wait_between_its_half_and_its_whole() {
        for (jitter, millis) in [(0.0, 500), (0.5, 750), (1.0, 1000), (-7.0, 500), (7.0, 1000), (f64::NAN, 1000)] {
            let delay = Backoff::new(BackoffConfig::default()).next(jitter);
            assert_eq!(delay.wait, Duration::from_millis(millis));
        }
    }

    /// K4: connections that are accepted and closed at once are retried ever more slowly.
    #[test]
    fn k4_a_clean_close_does_not_become_a_tight_loop() {
        let mut backoff = Backoff::new(BackoffConfig::default());
        let mut waits = Vec::new();
        for _ in 0..5 {
            backoff.reset_after_stable(Duration::from_millis(10));
            waits.push(backoff.next(0.0).wait);
        }
        assert!(waits[0] > Duration::ZERO && waits.is_sorted_by(|a, b| a < b), "{waits:?}");
        backoff.reset_after_stable(Duration::from_secs(60));
        assert_eq!(backoff.next(0.0).wait, waits[0]);
    }

    /// K5: failures in a row are reported once, and a restarted actor goes on counting.
    #[test]
    fn k5_a_row_of_failures_is_reported_once_across_restarts() {
        let config = BackoffConfig::default();
        let mut failures = 0;
        let mut reports = Vec::new();
        for _ in 0..100 {
            let mut restarted = Backoff::resume(config, failures);
            let delay = restarted.next(1.0);
            failures = restarted.failures();
            reports.extend(delay.exhausted.then_some(delay.attempt));
        }
        assert_eq!(reports, [10]);
        assert!(Backoff::resume(config, failures).is_exhausted());
    }

    #[test]
    fn counting_never_overflows() {
        let mut backoff = Backoff::resume(BackoffConfig { exhausted_after: u32::MAX, ..BackoffConfig::default() }, 31);
        assert_eq!(seconds(&mut backoff, 3), [90, 90, 90]);
        let mut backoff = Backoff::resume(BackoffConfig::default(), u32::MAX);
        assert_eq!(backoff.next(1.0).wait, Duration::from_secs(600));
    }
}
