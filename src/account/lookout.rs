//! When an actor looks in the database for what is due. Pure: whoever looks knows the database and the time.
//!
//! What is due stands in the database, never in an actor: told that there is something, or woken, the actor looks.

use crate::ids::Timestamp;

/// One look at a time, and one alarm for the next.
#[derive(Debug, Default)]
pub struct Lookout {
    looking: bool,
    /// Somebody wanted a look while one was under way: that one may have missed what is due since.
    again: bool,
    alarm: Option<Timestamp>,
}

impl Lookout {
    /// Whether to look now. While a look is under way it is kept for its end.
    #[must_use]
    pub fn begin(&mut self) -> bool {
        self.again = self.looking;
        !std::mem::replace(&mut self.looking, true)
    }

    /// The look that was begun is over, whatever it found. Whether to look once more.
    #[must_use]
    pub fn end(&mut self) -> bool {
        self.looking = false;
        std::mem::take(&mut self.again)
    }

    /// Whether the timer is to be set anew, for `at`: an alarm that rings before stays.
    #[must_use]
    pub fn set_alarm(&mut self, at: Timestamp, now: Timestamp) -> bool {
        let is_set = self.alarm.is_some_and(|alarm| alarm <= at && alarm > now);
        if !is_set {
            self.alarm = Some(at);
        }
        !is_set
    }

    /// The timer ran out.
    pub fn rang(&mut self) {
        self.alarm = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_760_000_000_000);

    #[test]
    fn what_is_wanted_while_it_is_looked_is_looked_at_once_more() {
        let mut lookout = Lookout::default();
        assert!(lookout.begin());
        assert!(!lookout.begin());
        assert!(!lookout.begin());
        assert!(lookout.end(), "what came meanwhile was missed");
        assert!(lookout.begin());
        assert!(!lookout.end(), "nothing came meanwhile");
    }

    #[test]
    fn the_earliest_alarm_rings() {
        let (soon, late) = (Timestamp(NOW.0 + 10), Timestamp(NOW.0 + 20));
        let mut lookout = Lookout::default();
        assert!(lookout.set_alarm(late, NOW));
        assert!(!lookout.set_alarm(late, NOW), "it is set already");
        assert!(lookout.set_alarm(soon, NOW), "an earlier one takes its place");
        assert!(!lookout.set_alarm(late, NOW));
        lookout.rang();
        assert!(lookout.set_alarm(late, NOW));
    }

    #[test]
    fn an_alarm_that_is_past_holds_up_nothing() {
        let mut lookout = Lookout::default();
        assert!(lookout.set_alarm(NOW, NOW));
        assert!(
            lookout.set_alarm(Timestamp(NOW.0 + 10), Timestamp(NOW.0 + 1)),
            "its timer is gone, or about to ring anyway"
        );
    }
}
