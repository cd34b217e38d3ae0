//! What it all comes to: messages, answers and how long they took, and orders.

use std::time::Duration;

use super::{
    purchase::Progress,
    visit::{Answerer, Exchange, Outcome},
};

/// The count of a demo.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) messages: usize,
    pub(super) by_rule: usize,
    pub(super) by_ai: usize,
    pub(super) by_default: usize,
    pub(super) silent: usize,
    /// Answered otherwise than expected, or not at all, or more than once.
    pub(super) wrong: usize,
    /// Told to the seller, because a question stayed without an answer.
    pub(super) notices: usize,
    /// Orders that were placed, and those of them that were served to the end.
    pub(super) orders: usize,
    pub(super) served: usize,
    /// Orders, shipments and stock that are not as they should be.
    pub(super) amiss: usize,
    /// From a message to the last text of its answer.
    times: Vec<Duration>,
}

impl Tally {
    pub(super) fn count(&mut self, exchange: &Exchange) {
        match &exchange.outcome {
            Outcome::Answered { by, .. } => {
                self.messages += 1;
                *match by {
                    Answerer::Rule => &mut self.by_rule,
                    Answerer::Ai => &mut self.by_ai,
                    Answerer::Default => &mut self.by_default,
                } += 1;
                self.times.extend(exchange.took);
            }
            Outcome::Silent { .. } => {
                self.messages += 1;
                self.silent += 1;
            }
            Outcome::Wrong { .. } => {
                self.messages += 1;
                self.wrong += 1;
            }
            Outcome::Order { progress, .. } => match progress {
                Progress::Placed => self.orders += 1,
                Progress::Received => self.served += 1,
                Progress::Paid | Progress::Delivered(_) | Progress::Shipped => {}
            },
            Outcome::Unserved { .. } => self.amiss += 1,
        }
    }

    /// A buyer heard something after all that they should not have.
    pub(super) fn surprised(&mut self) {
        self.wrong += 1;
    }

    /// A shipment or the stock is not as it should be after all.
    pub(super) fn miscounted(&mut self) {
        self.amiss += 1;
    }

    pub(super) fn as_expected(&self) -> usize {
        self.messages.saturating_sub(self.wrong)
    }

    pub(super) fn is_clean(&self) -> bool {
        self.wrong == 0 && self.amiss == 0
    }

    /// The time that half of the answers, and 99 of 100, did not exceed. `None` before the first.
    pub(super) fn median_and_p99(&self) -> Option<(Duration, Duration)> {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |hundredth: usize| times.get((times.len() * hundredth).div_ceil(100).saturating_sub(1)).copied();
        at(50).zip(at(99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(outcome: Outcome, took: u64) -> Exchange {
        Exchange {
            at: jiff::Timestamp::UNIX_EPOCH,
            account: "a",
            buyer: "1".into(),
            asked: "?".to_owned(),
            outcome,
            took: Some(Duration::from_millis(took)),
        }
    }

    #[test]
    fn the_times_are_measured_ones_at_their_rank_and_silence_has_none() {
        let mut tally = Tally::default();
        assert_eq!(tally.median_and_p99(), None);
        tally.count(&exchange(Outcome::Silent { why: "no_rule".to_owned() }, 9_999));
        for took in (1..=200).rev() {
            let by = match took {
                151.. => Answerer::Default,
                141.. => Answerer::Ai,
                _ => Answerer::Rule,
            };
            let answered = Outcome::Answered { sends: Vec::new(), why: String::new(), by };
            tally.count(&exchange(answered, took));
        }
        assert_eq!(tally.median_and_p99(), Some((Duration::from_millis(100), Duration::from_millis(198))));
        assert_eq!((tally.messages, tally.by_rule, tally.by_ai, tally.by_default, tally.silent), (201, 140, 10, 50, 1));
    }

    #[test]
    fn one_wrong_answer_or_a_late_double_spoils_it() {
        let mut tally = Tally::default();
        tally.count(&exchange(Outcome::Silent { why: String::new() }, 1));
        assert!(tally.is_clean() && tally.as_expected() == 1);
        tally.surprised();
        assert!(!tally.is_clean() && tally.as_expected() == 0);
        let mut tally = Tally::default();
        tally.count(&exchange(Outcome::Wrong { expected: String::new(), heard: String::new() }, 1));
        assert!(!tally.is_clean());
    }

    #[test]
    fn an_order_is_no_message_and_counts_when_it_is_received() {
        let mut tally = Tally::default();
        let all = [Progress::Placed, Progress::Paid, Progress::Delivered(2), Progress::Shipped, Progress::Received];
        for progress in all {
            assert_eq!(tally.served, 0);
            tally.count(&exchange(Outcome::Order { progress, hears: String::new() }, 1));
        }
        assert_eq!((tally.messages, tally.orders, tally.served, tally.is_clean()), (0, 1, 1, true));
        tally.count(&exchange(Outcome::Unserved { expected: String::new(), heard: String::new() }, 1));
        assert!(!tally.is_clean());
        let mut tally = Tally::default();
        tally.miscounted();
        assert!(!tally.is_clean());
    }
}
