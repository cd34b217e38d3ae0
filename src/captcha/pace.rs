//! How good the pictures are that a person's line can carry.

use std::time::Duration;

/// A picture that took longer was too large for the line.
const SLOW: Duration = Duration::from_millis(250);

/// One that was there sooner leaves room for a better one.
const QUICK: Duration = Duration::from_millis(80);

/// So many quick ones in a row, and it is tried: what was too much a moment ago is not tried at once again.
const PATIENCE: u32 = 20;

/// From the best to the least: quality of the JPEG in percent.
const STEPS: [u8; 4] = [80, 60, 40, 25];

/// Follows how fast pictures arrive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pace {
    step: usize,
    quick: u32,
}

impl Pace {
    pub fn quality(&self) -> u8 {
        STEPS[self.step]
    }

    /// A picture was taken by the person's browser so long after it was sent. `true`: the quality is another one from now on.
    pub fn took(&mut self, time: Duration) -> bool {
        let before = self.step;
        if time > SLOW {
            (self.step, self.quick) = ((self.step + 1).min(STEPS.len() - 1), 0);
        } else if time < QUICK {
            self.quick += 1;
            if self.quick >= PATIENCE {
                (self.step, self.quick) = (self.step.saturating_sub(1), 0);
            }
        } else {
            self.quick = 0;
        }
        before != self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_line_gets_smaller_pictures_at_once_and_better_ones_with_patience() {
        let mut pace = Pace::default();
        assert_eq!(pace.quality(), 80);
        assert!(pace.took(Duration::from_millis(900)));
        assert!(pace.took(Duration::from_millis(900)));
        assert_eq!(pace.quality(), 40);
        let changes: Vec<bool> = (0..PATIENCE).map(|_| pace.took(Duration::from_millis(30))).collect();
        assert_eq!(changes.iter().filter(|changed| **changed).count(), 1);
        assert_eq!(pace.quality(), 60);
        assert!(!pace.took(Duration::from_millis(100)));
    }

    #[test]
    fn there_is_a_worst_and_a_best() {
        let mut pace = Pace::default();
        for _ in 0..9 {
            pace.took(Duration::from_secs(9));
        }
        assert_eq!(pace.quality(), 25);
        for _ in 0..9 * PATIENCE {
            pace.took(Duration::ZERO);
        }
        assert_eq!(pace.quality(), 80);
    }
}
