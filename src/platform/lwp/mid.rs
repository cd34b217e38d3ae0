//! The id that pairs a request with its answer.

use std::fmt;

use crate::ids::Timestamp;

/// What the millisecond part of a mid is counted in: 13 digits.
const MILLISECONDS: u64 = 10_000_000_000_000;

/// A client's message id on the wire: `<0..999><13 digits of milliseconds> 0`. Kept as a number, because ten thousand sessions wait for many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mid(u64);

impl Mid {
    /// The mid of an answer, if it is one a client made. A server's own (`84a4001c 0`) is none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_suffix(" 0")?;
        let well_formed = (14..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !well_formed {
            return None;
        }
        let mid = Self(digits.parse().ok()?);
        (mid.to_string() == text).then_some(mid)
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:013} 0", self.0 / MILLISECONDS, self.0 % MILLISECONDS)
    }
}

/// Makes the mids of one session; none of them twice, however fast they are asked for and wherever the clock jumps.
#[derive(Debug)]
pub struct Mids {
    prefix: u64,
    millisecond: u64,
    /// How many prefixes this millisecond has used.
    used: u16,
}

impl Mids {
    /// The most mids that fit one millisecond.
    const PREFIXES: u16 = 1000;

    /// Begins with the prefix that follows `seed`, which only spreads the accounts.
    pub fn new(seed: u16) -> Self {
        Self { prefix: u64::from(seed % Self::PREFIXES), millisecond: 0, used: 0 }
    }

    pub fn next(&mut self, now: Timestamp) -> Mid {
        let clock = u64::try_from(now.0).unwrap_or(0) % MILLISECONDS;
        if clock > self.millisecond {
            self.advance_to(clock);
        } else if self.used == Self::PREFIXES {
            self.advance_to((self.millisecond + 1) % MILLISECONDS);
        }
        self.used += 1;
        self.prefix = (self.prefix + 1) % u64::from(Self::PREFIXES);
        Mid(self.prefix * MILLISECONDS + self.millisecond)
    }

    fn advance_to(&mut self, millisecond: u64) {
        self.millisecond = millisecond;
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_mid_reads_back_as_it_was_written() {
        let mid = Mids::new(502).next(Timestamp(1_760_000_000_123));
        assert_eq!(mid.to_string(), "5031760000000123 0");
        assert_eq!(Mid::parse("5031760000000123 0"), Some(mid));
    }

    #[test]
    fn the_prefix_zero_is_written_and_not_confused_with_none() {
        let mid = Mids::new(999).next(Timestamp(1_760_000_000_123));
        assert_eq!(mid.to_string(), "01760000000123 0");
        assert_eq!(Mid::parse("01760000000123 0"), Some(mid));
        assert_eq!(Mid::parse("1760000000123 0"), None);
        assert_eq!(Mid::parse("0011760000000123 0"), None);
    }

    #[test]
    fn a_server_mid_is_not_ours() {
        for text in ["84a4001c 0", "", "0", " 0", "5031760000000123", "5031760000000123 1", "+031760000000123 0"] {
            assert_eq!(Mid::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_mid_repeats_in_a_session_even_when_thousands_fall_into_one_millisecond_or_the_clock_goes_back() {
        let mut mids = Mids::new(7);
        let clocks = [5000; 2500].into_iter().chain([4000; 1500]).chain([5001; 1200]).map(Timestamp);
        let made: Vec<Mid> = clocks.map(|now| mids.next(now)).collect();
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len());
        assert_eq!(made.iter().map(Mid::to_string).collect::<HashSet<_>>().len(), made.len());
    }
}
