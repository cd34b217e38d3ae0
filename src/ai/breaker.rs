//! Spares a provider that fails, and the buyers who would wait for it: after some failures in a row nothing is asked for a while, then
//! one call tries whether it is back.

use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Failures in a row that open it. At least one.
    pub failures: u32,
    /// How long nothing is asked after it opened. Twice as long each time a trial fails.
    pub first: Duration,
    /// The longest such wait.
    pub max: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, first: Duration::from_secs(15), max: Duration::from_secs(600) }
    }
}

/// One provider's breaker. Every call that [`allow`](Self::allow) let through ends in exactly one of [`succeeded`](Self::succeeded),
/// [`failed`](Self::failed) and [`cancelled`](Self::cancelled); calls overlap as they like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    config: BreakerConfig,
    state: State,
}

/// What a breaker does, for those who show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls go through; so many in a row have failed.
    Closed { failures: u32 },
    /// No call before `until`.
    Open { until: Instant, wait: Duration },
    /// One call is on its way to see whether the provider is back.
    Trying { wait: Duration },
}

impl Breaker {
    pub fn new(config: BreakerConfig) -> Self {
        Self { config, state: State::Closed { failures: 0 } }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a call may be made now. Of those who ask when the wait is over, the first is let through.
    pub fn allow(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until, wait } if now >= until => {
                self.state = State::Trying { wait };
                true
            }
            State::Open { .. } | State::Trying { .. } => false,
        }
    }

    /// The provider answered, be it to refuse the request: it is there.
    pub fn succeeded(&mut self) {
        match self.state {
            State::Closed { .. } | State::Trying { .. } => self.state = State::Closed { failures: 0 },
            // A call from before it opened. One answer does not outweigh the failures since.
            State::Open { .. } => {}
        }
    }

    pub fn failed(&mut self, now: Instant) {
        match self.state {
            State::Closed { failures } if failures + 1 < self.config.failures => {
                self.state = State::Closed { failures: failures + 1 };
            }
            State::Closed { .. } => self.open(now, self.config.first),
            State::Trying { wait } => self.open(now, wait.saturating_mul(2).min(self.config.max)),
            // A call from before it opened: it has failed already.
            State::Open { .. } => {}
        }
    }

    /// A call was given up without an answer, because it was no longer needed: nothing was learnt, and the next may try at once.
    pub fn cancelled(&mut self, now: Instant) {
        match self.state {
            State::Trying { wait } => self.state = State::Open { until: now, wait },
            State::Closed { .. } | State::Open { .. } => {}
        }
    }

    fn open(&mut self, now: Instant, wait: Duration) {
        self.state = State::Open { until: now + wait, wait };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: BreakerConfig =
        BreakerConfig { failures: 3, first: Duration::from_secs(10), max: Duration::from_secs(35) };

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(CONFIG);
        for _ in 0..3 {
            assert!(breaker.allow(now));
            breaker.failed(now);
        }
        breaker
    }

    fn after(now: Instant, seconds: u64) -> Instant {
        now + Duration::from_secs(seconds)
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_starts_the_count_anew() {
        let now = Instant::now();
        let mut breaker = Breaker::new(CONFIG);
        breaker.failed(now);
        breaker.failed(now);
        breaker.succeeded();
        breaker.failed(now);
        breaker.failed(now);
        assert!(breaker.allow(now));
        breaker.failed(now);
        assert!(!breaker.allow(now));
    }

    #[test]
    fn one_call_tries_and_its_success_closes_it() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(!breaker.allow(after(now, 9)));
        assert!(breaker.allow(after(now, 10)));
        assert!(!breaker.allow(after(now, 10)), "one at a time");
        breaker.succeeded();
        assert_eq!(breaker.state(), State::Closed { failures: 0 });
    }

    #[test]
    fn every_failed_trial_doubles_the_wait_up_to_the_longest() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        for wait in [10, 20, 35, 35] {
            assert!(!breaker.allow(after(now, wait - 1)), "{wait}");
            now = after(now, wait);
            assert!(breaker.allow(now), "{wait}");
            breaker.failed(now);
        }
    }

    #[test]
    fn a_cancelled_trial_lets_the_next_one_try() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let later = after(now, 10);
        assert!(breaker.allow(later));
        breaker.cancelled(later);
        assert!(breaker.allow(later));
        breaker.failed(later);
        assert!(!breaker.allow(after(later, 19)));
        assert!(breaker.allow(after(later, 20)), "a cancelled trial does not reset the wait");
    }

    #[test]
    fn calls_from_before_it_opened_change_nothing() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let before = breaker.clone();
        breaker.failed(after(now, 5));
        breaker.succeeded();
        breaker.cancelled(after(now, 5));
        assert_eq!(breaker, before);
    }

    #[test]
    fn a_limit_of_no_failures_counts_as_one() {
        let now = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig { failures: 0, ..CONFIG });
        assert!(breaker.allow(now));
        breaker.failed(now);
        assert!(!breaker.allow(now));
    }
}
