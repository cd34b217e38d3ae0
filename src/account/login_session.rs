//! The login behind an account's cookie: when it is checked, and when it is thought to end. Pure.
//!
//! A check (`hasLogin`) is the platform's own way to refresh a login. It is made where a call was refused because the login is over, and
//! about once a day besides, so that a login which is used never grows old. It has a budget like tokens have: an account asks a few times
//! a day at most, whatever goes wrong.

use std::time::Duration;

use super::token::{DAY_MS, day};
use crate::{
    ids::{AccountId, Timestamp},
    platform::cookies::Cookies,
};

/// Checks of one account and day.
pub const CHECKS_A_DAY: u32 = 6;

/// A check that is so young may still be under way: nobody else begins one.
const UNDER_WAY: Duration = Duration::from_secs(45);

/// A check that got no answer, or none that helps, is made again after this long.
pub const WAIT: Duration = Duration::from_mins(5);

/// A login that is refused again so soon after a check will not be mended by another.
const APART: Duration = Duration::from_mins(10);

/// A login that nothing is wrong with is checked about so often.
const CARE: Duration = Duration::from_hours(24);

/// The platform keeps a login that is not used for so long.
const LIFE: Duration = Duration::from_hours(24 * 30);

/// What is left of a login when its end is announced.
pub const ANNOUNCED: Duration = Duration::from_hours(24 * 3);

/// Cookies that say when a login ends.
const ENDS: [&str; 2] = ["havana_lgc_exp", "cookie3_bak_exp"];

/// The checks that were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checks {
    /// The last one.
    pub at: Option<Timestamp>,
    /// Days since 1970 (UTC), and the checks of that day that got an answer or may still get one.
    pub day: i64,
    pub used: u32,
    /// The last one got no answer, or none that helps.
    pub silent: bool,
}

/// Whether somebody whose call was refused may check the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Yes, and it is counted.
    Granted,
    /// Not now: somebody else is at it with the same account, or there was no useful answer a moment ago.
    Wait,
    /// Somebody else did so after the cookies were read that were refused: newer ones are there.
    Done,
    /// There were enough.
    Refused,
}

impl Checks {
    /// `seen`: the last check that was known when the refused cookies were read.
    pub fn claim(&mut self, seen: Option<Timestamp>, now: Timestamp) -> Claim {
        let age = self.at.map(|at| now.since(at));
        let is_within = |span: Duration| age.is_some_and(|age| age < span);
        if self.silent && is_within(WAIT) {
            return Claim::Wait;
        }
        if self.at != seen && !self.silent {
            return if is_within(UNDER_WAY) { Claim::Wait } else { Claim::Done };
        }
        if (!self.silent && is_within(APART)) || self.used_today(now) >= CHECKS_A_DAY {
            return Claim::Refused;
        }
        self.spend(now);
        Claim::Granted
    }

    /// Whether the daily check is due; if so it is counted. `since`: when the cookie was given.
    pub fn claim_care(&mut self, account: AccountId, since: Timestamp, now: Timestamp) -> bool {
        let is_due = self.next_care(account, since) <= now && self.used_today(now) < CHECKS_A_DAY;
        if is_due {
            self.spend(now);
        }
        is_due
    }

    /// When the daily check is due. Spread, so that accounts that came together are not checked together.
    pub fn next_care(&self, account: AccountId, since: Timestamp) -> Timestamp {
        let spread = CARE / 8 * u32::try_from(account.0.rem_euclid(64)).unwrap_or(0) / 64;
        self.at.unwrap_or(since).max(since) + CARE - spread
    }

    /// It costs nothing, but the next one waits: otherwise an outage would spend the day's checks.
    pub fn got_no_answer(&mut self, now: Timestamp) {
        (self.used, self.silent) = (self.used_today(now).saturating_sub(1), true);
    }

    /// It was made, and answered with what helps nobody: the next one waits too.
    pub fn got_no_use(&mut self) {
        self.silent = true;
    }

    fn spend(&mut self, now: Timestamp) {
        *self = Self { at: Some(now), day: day(now), used: self.used_today(now) + 1, silent: false };
    }

    pub fn used_today(&self, now: Timestamp) -> u32 {
        if self.day == day(now) { self.used } else { 0 }
    }
}

/// When the login of these cookies is thought to end: as they say, or a month after they were given or the platform last prolonged them.
pub fn ends_at(cookies: &Cookies, prolonged: Timestamp) -> Timestamp {
    stated_end(cookies, prolonged).unwrap_or(prolonged + LIFE)
}

/// When the cookies say that their login ends. What they said before it was `prolonged` last counts no more.
pub fn stated_end(cookies: &Cookies, prolonged: Timestamp) -> Option<Timestamp> {
    ENDS.iter().filter_map(|name| moment(cookies.get(name)?)).filter(|at| at.0 > prolonged.0 - DAY_MS).min()
}

/// Seconds or milliseconds since 1970.
fn moment(text: &str) -> Option<Timestamp> {
    let number: i64 = text.parse().ok()?;
    match number {
        1_000_000_000..10_000_000_000 => Some(Timestamp(number * 1000)),
        1_000_000_000_000..10_000_000_000_000 => Some(Timestamp(number)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "login_session_tests.rs"]
mod tests;
