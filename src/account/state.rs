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
    /// A person must act. Where only calls are refused the connection may stand, and texts come and go over it.
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
    /// One sentence for the seller, in English as the log is.
    pub fn sentence(self) -> &'static str {
        self.sentences().0
    }

    /// [`Reason::sentence`] in Chinese.
    pub fn sentence_zh(self) -> &'static str {
        self.sentences().1
    }

    /// In English and in Chinese.
    fn sentences(self) -> (&'static str, &'static str) {
        match self {
            Self::NotStarted => ("The account has not been started yet.", "账号尚未启动。"),
            Self::Starting => ("Connecting to the platform.", "正在连接闲鱼。"),
            Self::WaitingForTurn => ("Waiting for a free place among the accounts that connect.", "正在排队等待连接。"),
            Self::Registered => ("Connected: messages arrive.", "已连接，可以接收消息。"),
            Self::NetworkError => ("The line to the platform broke.", "与闲鱼的网络连接已中断。"),
            Self::ClosedByPlatform => {
                ("The platform closed the connection, as it does now and then.", "闲鱼关闭了连接，属正常现象。")
            }
            Self::HeartbeatLost => ("The platform stopped answering heartbeats.", "闲鱼停止响应心跳。"),
            Self::Stalled => (
                "The connection answered but delivered nothing, so it is made anew.",
                "连接有响应但收不到消息，正在重新连接。",
            ),
            Self::KickedOut => ("The platform ended this login session.", "闲鱼终止了本次登录会话。"),
            Self::TooManySessions => {
                ("Another program or device is connected with this account.", "该账号正在其他程序或设备上连接。")
            }
            Self::TokenRefused => {
                ("The platform refused the access token; a new one is asked for.", "闲鱼拒绝了访问令牌，正在重新获取。")
            }
            Self::TokenBudgetSpent => ("Today's budget of token requests is spent.", "今天的令牌请求次数已用完。"),
            Self::RetriesExhausted => {
                ("Connecting keeps failing; it is tried again at a slow pace.", "多次连接失败，将以较长间隔继续重试。")
            }
            Self::Crashed => ("The account's task crashed and is started again.", "账号任务异常退出，正在重新启动。"),
            Self::PlatformError => ("The platform answered with an error.", "闲鱼返回了错误。"),
            Self::StorageFailing => {
                ("Messages cannot be stored, so none are acknowledged.", "消息无法保存，因此暂不确认接收。")
            }
            Self::ChallengeRequired => ("The platform asks for a human verification.", "闲鱼要求人工验证。"),
            Self::AccessDenied => ("The platform judged a request abnormal.", "闲鱼判定请求异常。"),
            Self::SessionExpired => ("The login session has expired.", "登录已过期。"),
            Self::CookieUnusable => {
                ("The stored cookie lacks what a login needs.", "保存的 Cookie 缺少登录所需的内容。")
            }
            Self::Disabled => ("The account is disabled.", "账号已停用。"),
            Self::ShutDown => ("The server is shut down.", "服务器已停止。"),
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

    /// What the user must do, in English as the log is; `None` where it heals by itself.
    pub fn action(self) -> Option<&'static str> {
        self.actions().map(|(english, _)| english)
    }

    /// [`Reason::action`] in Chinese.
    pub fn action_zh(self) -> Option<&'static str> {
        self.actions().map(|(_, chinese)| chinese)
    }

    /// In English and in Chinese.
    fn actions(self) -> Option<(&'static str, &'static str)> {
        let both = match self {
            Self::TooManySessions => {
                ("Stop the other program that uses this account.", "请停用正在使用该账号的其他程序。")
            }
            Self::TokenBudgetSpent => {
                ("Wait until tomorrow, or update the account's cookie.", "请等到明天，或更新账号的 Cookie。")
            }
            Self::RetriesExhausted => (
                "Check this machine's network and the platform addresses in the settings.",
                "请检查本机网络和设置中的平台地址。",
            ),
            Self::StorageFailing => ("Free disk space or mend the database.", "请释放磁盘空间或修复数据库。"),
            Self::ChallengeRequired => (
                "Pass the verification by the link of the notice; or in a browser with this account, and then update the cookie or run `yutang account retry`.",
                "请打开通知中的链接完成验证；也可以在浏览器中用该账号打开闲鱼完成验证，然后更新 Cookie，或执行 `yutang account retry`。",
            ),
            Self::AccessDenied => (
                "Open the platform in a browser with this account, look for a warning, then update the cookie.",
                "请在浏览器中用该账号打开闲鱼，查看有无警告，然后更新 Cookie。",
            ),
            Self::SessionExpired | Self::CookieUnusable => (
                "Log in anew: scan a code at /app/accounts/new, or update the account's cookie.",
                "请重新登录：在 /app/accounts/new 扫码，或更新账号的 Cookie。",
            ),
            Self::Disabled => ("Enable the account when it should work again.", "如需恢复，请启用该账号。"),
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
            | Self::ShutDown => return None,
        };
        Some(both)
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
    fn each_reason_speaks_chinese_too_and_says_what_to_do_in_both_languages_or_in_none() {
        let sentences: std::collections::HashSet<_> = Reason::ALL.iter().map(|reason| reason.sentence_zh()).collect();
        assert_eq!(sentences.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(!reason.sentence_zh().is_ascii() && reason.sentence().is_ascii(), "{}", reason.as_str());
            assert_eq!(reason.action_zh().is_some(), reason.action().is_some(), "{}", reason.as_str());
            assert!(reason.action_zh().is_none_or(|action| !action.is_ascii()), "{}", reason.as_str());
        }
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
