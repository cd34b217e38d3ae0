//! How fast one account may write to buyers: a token bucket.

use std::time::{Duration, Instant};

/// Waits longer than this are cut: a rate this low is a mistake, and sums of instants must not overflow.
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// How much may be sent. Zero in either field: as fast as it comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateConfig {
    /// Sends per second in the long run.
    pub per_second: f64,
    /// Sends at once after a quiet time.
    pub burst: u32,
}

/// A bucket of permissions to send, full at the start.
///
/// It keeps one moment instead of a count of tokens: the bucket is full again at `full_at`. Nothing drifts, and there is no timer.
#[derive(Debug, Clone)]
pub struct Rate {
    limit: Option<Limit>,
    full_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    /// Time in which one permission grows.
    interval: Duration,
    /// Time in which all but one permission of an empty bucket grow.
    allowance: Duration,
}

impl Rate {
    pub fn new(config: RateConfig) -> Self {
        Self { limit: Limit::of(config), full_at: None }
    }

    /// Takes one permission, or says when the next one will be there.
    pub fn try_take(&mut self, now: Instant) -> Result<(), Instant> {
        let Some(Limit { interval, allowance }) = self.limit else {
            return Ok(());
        };
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        match full_at.duration_since(now).checked_sub(allowance) {
            Some(wait) if !wait.is_zero() => Err(now + wait),
            Some(_) | None => {
                self.full_at = Some(full_at + interval);
                Ok(())
            }
        }
    }

    /// Changes the limit; what was sent before still counts.
    pub fn reconfigure(&mut self, config: RateConfig) {
        self.limit = Limit::of(config);
    }
}

impl Limit {
    fn of(RateConfig { per_second, burst }: RateConfig) -> Option<Self> {
        if burst == 0 || per_second.is_nan() || per_second <= 0.0 {
            return None;
        }
        let interval = Duration::try_from_secs_f64(per_second.recip()).unwrap_or(LONGEST_INTERVAL);
        let interval = interval.min(LONGEST_INTERVAL);
        Some(Self { interval, allowance: interval.saturating_mul(burst - 1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rate: &mut Rate, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| rate.try_take(now).is_ok()).count()
    }

    /// M19: an account writes no faster than its limit, whatever waits in its outbox.
    #[test]
    fn m19_after_a_burst_sends_go_out_at_the_rate() {
        let start = Instant::now();
        let mut rate = Rate::new(RateConfig { per_second: 4.0, burst: 3 });
        assert_eq!(taken(&mut rate, start, 10), 3);
        assert_eq!(rate.try_take(start), Err(start + Duration::from_millis(250)));
        assert_eq!(taken(&mut rate, start + Duration::from_millis(249), 10), 0);
        assert_eq!(taken(&mut rate, start + Duration::from_millis(250), 10), 1);

        let mut sent = 4;
        for millis in 251..=10_000 {
            sent += taken(&mut rate, start + Duration::from_millis(millis), 10);
        }
        assert_eq!(sent, 3 + 40);
    }

    #[test]
    fn a_quiet_time_fills_the_bucket_and_no_more() {
        let start = Instant::now();
        let mut rate = Rate::new(RateConfig { per_second: 1.0, burst: 5 });
        assert_eq!(taken(&mut rate, start, 10), 5);
        assert_eq!(taken(&mut rate, start + Duration::from_secs(2), 10), 2);
        assert_eq!(taken(&mut rate, start + Duration::from_secs(10_000), 10), 5);
    }

    #[test]
    fn zero_is_unlimited() {
        for config in [RateConfig { per_second: 0.0, burst: 3 }, RateConfig { per_second: 3.0, burst: 0 }] {
            assert_eq!(taken(&mut Rate::new(config), Instant::now(), 1000), 1000);
        }
    }

    #[test]
    fn odd_numbers_are_survived() {
        let start = Instant::now();
        for per_second in [f64::MIN_POSITIVE, 1e-9, f64::MAX, f64::INFINITY, f64::NAN, -1.0] {
            for burst in [1, u32::MAX] {
                let mut rate = Rate::new(RateConfig { per_second, burst });
                assert_eq!(rate.try_take(start), Ok(()));
                let _ = rate.try_take(start);
                rate.reconfigure(RateConfig { per_second: 1.0, burst: 1 });
                let _ = rate.try_take(start);
            }
        }
    }
}
