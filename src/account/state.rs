//! The state of an account's connection: six states, each with a stable reason code, a sentence, and what the user must do.

use serde::{Deserialize, Serialize};

use crate::ids::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not started yet.
    Disconnected,
    Connecting,
    /// Registered with the platform: messages arrive.
    Connected,
    /// Not connected, and heals by itself.
    Reconnecting,
    /// A person must act.
    Failed,
    /// Disabled, or shut down by us.
    Closed,
}

/// Why an account is in its state. The code is stable: programs may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    NotStarted,
    Starting,
    WaitingForTurn,
    Registered,
    NetworkError,
    ClosedByPlatform,
    HeartbeatLost,
    Stalled,
    KickedOut,
    TooManySessions,
    TokenRefused,
    TokenBudgetSpent,
    RetriesExhausted,
    Crashed,
    PlatformError,
    StorageFailing,
    ChallengeRequired,
    AccessDenied,
    SessionExpired,
    CookieUnusable,
    Disabled,
    ShutDown,
}

/// Which path an error takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorClass {
    /// The line: back off and connect again.
    Network,
    /// Token or cookie: the token governor decides; a person where it cannot.
    Credential,
    /// The platform ended the session: back off, longer where another client fights for it.
    Connection,
    /// The platform understood and refused: recorded, never retried blindly.
    Business,
}

/// What an account is doing, since when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub state: State,
    pub reason: Reason,
    /// The platform's or the system's own words, without secrets.
    pub detail: Option<String>,
    pub since: Timestamp,
}

impl Status {
    pub fn new(state: State, reason: Reason, since: Timestamp) -> Self {
        Self { state, reason, detail: None, since }
    }

    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

macro_rules! codes {
    ($type:ty { $($variant:ident => $code:literal,)* }) => {
        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($code => Ok(Self::$variant),)*
                    other => Err(format!(concat!("unknown ", stringify!($type), " {:?}"), other)),
                }
            }
        }
    };
}

codes!(State {
    Disconnected => "disconnected",
    Connecting => "connecting",
    Connected => "connected",
    Reconnecting => "reconnecting",
    Failed => "failed",
    Closed => "closed",
});

codes!(Reason {
    NotStarted => "not_started",
    Starting => "starting",
    WaitingForTurn => "waiting_for_turn",
    Registered => "registered",
    NetworkError => "network_error",
    ClosedByPlatform => "closed_by_platform",
    HeartbeatLost => "heartbeat_lost",
    Stalled => "stalled",
    KickedOut => "kicked_out",
    TooManySessions => "too_many_sessions",
    TokenRefused => "token_refused",
    TokenBudgetSpent => "token_budget_spent",
    RetriesExhausted => "retries_exhausted",
    Crashed => "crashed",
    PlatformError => "platform_error",
    StorageFailing => "storage_failing",
    ChallengeRequired => "challenge_required",
    AccessDenied => "access_denied",
    SessionExpired => "session_expired",
    CookieUnusable => "cookie_unusable",
    Disabled => "disabled",
    ShutDown => "shut_down",
});

impl Reason {
    /// One sentence for the seller.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NotStarted => "The account has not been started yet.",
            Self::Starting => "Connecting to the platform.",
            Self::WaitingForTurn => "Waiting for a free place among the accounts that connect.",
            Self::Registered => "Connected: messages arrive.",
            Self::NetworkError => "The line to the platform broke.",
            Self::ClosedByPlatform => "The platform closed the connection, as it does now and then.",
            Self::HeartbeatLost => "The platform stopped answering heartbeats.",
            Self::Stalled => "The connection answered but delivered nothing, so it is made anew.",
            Self::KickedOut => "The platform ended this login session.",
            Self::TooManySessions => "Another program or device is connected with this account.",
            Self::TokenRefused => "The platform refused the access token; a new one is asked for.",
            Self::TokenBudgetSpent => "Today's budget of token requests is spent.",
            Self::RetriesExhausted => "Connecting keeps failing; it is tried again at a slow pace.",
            Self::Crashed => "The account's task crashed and is started again.",
            Self::PlatformError => "The platform answered with an error.",
            Self::StorageFailing => "Messages cannot be stored, so none are acknowledged.",
            Self::ChallengeRequired => "The platform asks for a human verification.",
            Self::AccessDenied => "The platform judged a request abnormal.",
            Self::SessionExpired => "The login session has expired.",
            Self::CookieUnusable => "The stored cookie lacks what a login needs.",
            Self::Disabled => "The account is disabled.",
            Self::ShutDown => "The server is shut down.",
        }
    }

    /// Which path this trouble takes; `None` where it is none, or our own.
    pub fn class(self) -> Option<ErrorClass> {
        match self {
            Self::NetworkError
            | Self::ClosedByPlatform
            | Self::HeartbeatLost
            | Self::Stalled
            | Self::RetriesExhausted => Some(ErrorClass::Network),
            Self::TokenRefused
            | Self::TokenBudgetSpent
            | Self::ChallengeRequired
            | Self::AccessDenied
            | Self::SessionExpired
            | Self::CookieUnusable => Some(ErrorClass::Credential),
            Self::KickedOut | Self::TooManySessions => Some(ErrorClass::Connection),
            Self::PlatformError => Some(ErrorClass::Business),
            Self::NotStarted
            | Self::Starting
            | Self::WaitingForTurn
            | Self::Registered
            | Self::Crashed
            | Self::StorageFailing
            | Self::Disabled
            | Self::ShutDown => None,
        }
    }

    /// What the user must do; `None` where it heals by itself.
    pub fn action(self) -> Option<&'static str> {
        match self {
            Self::TooManySessions => Some("Stop the other program that uses this account."),
            Self::TokenBudgetSpent => Some("Wait until tomorrow, or update the account's cookie."),
            Self::RetriesExhausted => Some("Check this machine's network and the platform addresses in the settings."),
            Self::StorageFailing => Some("Free disk space or mend the database."),
            Self::ChallengeRequired => Some(
                "Open the platform in a browser with this account, pass the verification, then update the cookie or run `yutang account retry`.",
            ),
            Self::AccessDenied => {
                Some("Open the platform in a browser with this account, look for a warning, then update the cookie.")
            }
            Self::SessionExpired | Self::CookieUnusable => {
                Some("Log in to the platform in a browser and update the account's cookie.")
            }
            Self::Disabled => Some("Enable the account when it should work again."),
            Self::NotStarted
            | Self::Starting
            | Self::WaitingForTurn
            | Self::Registered
            | Self::NetworkError
            | Self::ClosedByPlatform
            | Self::HeartbeatLost
            | Self::Stalled
            | Self::KickedOut
            | Self::TokenRefused
            | Self::Crashed
            | Self::PlatformError
            | Self::ShutDown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
    }
    #[test]
    fn a_code_that_nobody_knows_is_refused_and_serde_speaks_the_same_codes() {
        assert!("online".parse::<State>().is_err() && "tired".parse::<Reason>().is_err());
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).ok(), Some(reason.as_str().into()));
        }
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).ok(), Some(state.as_str().into()));
        }
    }

    #[test]
    fn codes_are_unique_and_each_has_its_own_sentence() {
        let codes: std::collections::HashSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        let sentences: std::collections::HashSet<_> = Reason::ALL.iter().map(|reason| reason.sentence()).collect();
        assert_eq!((codes.len(), sentences.len()), (Reason::ALL.len(), Reason::ALL.len()));
    }

    #[test]
    fn what_only_a_person_can_mend_says_what_to_do() {
        for reason in [Reason::ChallengeRequired, Reason::AccessDenied, Reason::SessionExpired, Reason::CookieUnusable]
        {
            assert!(reason.action().is_some(), "{}", reason.as_str());
        }
        for reason in [Reason::NetworkError, Reason::ClosedByPlatform, Reason::HeartbeatLost, Reason::Crashed] {
            assert_eq!(reason.action(), None, "{}", reason.as_str());
        }
    }
}
