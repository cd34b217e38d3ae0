//! The token governor: when an account may ask the platform for an access token, and when a person must act first.
//!
//! A token is kept until the platform refuses it or its stated life ends; a kick-out or a close is no refusal. Requests have a
//! budget per day. A risk-control answer opens the breaker: not one more call for this account until a person brought new credentials.

use std::time::Duration;

use crate::{account::state::Reason, ids::Timestamp, platform::mtop::call::Call};

/// A stated life is ended this much early, so that a token does not die between the check and its use.
const EXPIRY_MARGIN: Duration = Duration::from_secs(60);

pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What the governor remembers across restarts.
#[derive(Clone, Default)]
pub struct Governor {
    pub token: Option<Token>,
    /// Bound to the token: `/reg` with another one is refused.
    pub device_id: String,
    /// Days since 1970 (UTC), and the requests made on that day.
    pub budget_day: i64,
    pub budget_used: u32,
    pub breaker: Option<Breaker>,
}

#[derive(Clone)]
pub struct Token {
    pub value: String,
    pub issued_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// Why not one more call is made for this account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    pub since: Timestamp,
    pub cause: Cause,
    /// Where a person can pass the verification. Carries a secret: never logged.
    pub url: Option<String>,
    /// The call that was refused, as long as the process remembers it.
    pub call: Option<Call>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Challenge,
    AccessDenied,
    SessionExpired,
}

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::AccessDenied => "access_denied",
            Self::SessionExpired => "session_expired",
        }
    }

    /// What people are told of it.
    pub fn reason(self) -> Reason {
        match self {
            Self::Challenge => Reason::ChallengeRequired,
            Self::AccessDenied => Reason::AccessDenied,
            Self::SessionExpired => Reason::SessionExpired,
        }
    }
}

impl std::str::FromStr for Cause {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "challenge" => Ok(Self::Challenge),
            "access_denied" => Ok(Self::AccessDenied),
            "session_expired" => Ok(Self::SessionExpired),
            other => Err(format!("unknown breaker cause {other:?}")),
        }
    }
}

/// What an account that wants to connect may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    Use(String),
    Request,
    /// The day's budget is spent; it is new at this moment.
    Wait(Timestamp),
    /// A person must act.
    Blocked(Breaker),
}

impl Governor {
    pub fn permission(&self, budget: u32, now: Timestamp) -> Permission {
        if let Some(breaker) = &self.breaker {
            return Permission::Blocked(breaker.clone());
        }
        if let Some(token) = self.token.as_ref().filter(|token| token.lives_at(now)) {
            return Permission::Use(token.value.clone());
        }
        if self.left(budget, now) == 0 {
            return Permission::Wait(Timestamp((day(now) + 1) * DAY_MS));
        }
        Permission::Request
    }

    /// Counts requests before their answers are known: a crash must not make them free.
    pub fn spend(&mut self, requests: u32, now: Timestamp) {
        self.budget_used = self.used_on(day(now)) + requests;
        self.budget_day = day(now);
    }

    /// A request that never got an answer of the gateway costs nothing: otherwise an outage would spend the day's budget.
    pub fn refund(&mut self, requests: u32, now: Timestamp) {
        self.budget_used = self.used_on(day(now)).saturating_sub(requests);
        self.budget_day = day(now);
    }

    pub fn keep(&mut self, value: String, life: Option<Duration>, now: Timestamp) {
        self.token = Some(Token { value, issued_at: now, expires_at: life.map(|life| now + life) });
    }

    /// The platform refused the token.
    pub fn refuse(&mut self) {
        self.token = None;
    }

    pub fn trip(&mut self, cause: Cause, url: Option<String>, call: Option<Call>, now: Timestamp) {
        self.breaker = Some(Breaker { since: now, cause, url, call });
    }

    /// The platform lets the account call again; the token it has is as good as before.
    pub fn close(&mut self) {
        self.breaker = None;
    }

    /// A person brought new credentials: calls may be made again. The token belongs to the old session and goes.
    pub fn renew(&mut self) {
        self.breaker = None;
        self.token = None;
    }

    pub fn used_on(&self, day: i64) -> u32 {
        if self.budget_day == day { self.budget_used } else { 0 }
    }

    /// Requests that the day's budget has left.
    pub fn left(&self, budget: u32, now: Timestamp) -> u32 {
        budget.saturating_sub(self.used_on(day(now)))
    }

    pub fn used_today(&self, now: Timestamp) -> u32 {
        self.used_on(day(now))
    }
}

impl Token {
    fn lives_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now + EXPIRY_MARGIN < end)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("issued_at", &self.issued_at).finish_non_exhaustive()
    }
}

/// Days since 1970, UTC.
pub fn day(now: Timestamp) -> i64 {
    now.0.div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(20_000 * DAY_MS + DAY_MS / 2);

    fn with_token(life: Option<Duration>) -> Governor {
        let mut governor = Governor::default();
        governor.keep("t".into(), life, NOON);
        governor
    }

    #[test]
    fn a_stored_token_costs_no_request() {
        let governor = with_token(Some(Duration::from_secs(86_400)));
        assert_eq!(governor.permission(1, NOON + Duration::from_secs(80_000)), Permission::Use("t".into()));
    }

    #[test]
    fn a_token_is_asked_for_when_its_stated_life_ended_or_it_was_refused() {
        let mut governor = with_token(Some(Duration::from_secs(3600)));
        assert_eq!(governor.permission(1, NOON + Duration::from_secs(3600)), Permission::Request);
        governor.keep("t".into(), None, NOON);
        governor.refuse();
        assert_eq!(governor.permission(1, NOON), Permission::Request);
    }

    #[test]
    fn a_spent_budget_waits_for_the_next_day() {
        let mut governor = Governor::default();
        governor.spend(3, NOON);
        assert_eq!(governor.permission(3, NOON), Permission::Wait(Timestamp(20_001 * DAY_MS)));
        assert_eq!(governor.permission(3, Timestamp(20_001 * DAY_MS)), Permission::Request);
    }

    #[test]
    fn a_request_without_an_answer_is_given_back() {
        let mut governor = Governor::default();
        governor.spend(1, NOON);
        governor.refund(1, NOON);
        assert_eq!(governor.permission(1, NOON), Permission::Request);
    }

    /// K5: failures never lead to endless logins.
    #[test]
    fn an_open_breaker_blocks_every_call_until_a_person_acts() {
        let mut governor = with_token(None);
        governor.trip(Cause::Challenge, None, None, NOON);
        let much_later = NOON + Duration::from_secs(30 * 86_400);
        assert!(matches!(governor.permission(9, much_later), Permission::Blocked(_)));
        governor.renew();
        assert_eq!(governor.permission(9, much_later), Permission::Request);
    }
}
