//! What can go wrong on purpose. Every switch may be thrown while clients are connected, for all accounts or for one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// Standing faults. The default has none: a platform in good health.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Faults {
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Faults {
            /// These faults, and where they have none, those of `below`.
            pub fn over(&self, below: &Self) -> Self {
                let healthy = Self::default();
                Self { $($name: if self.$name == healthy.$name { below.$name.clone() } else { self.$name.clone() },)* }
            }
        }
    };
}

faults! {
    /// How sends are treated.
    answer: Answer,
    /// The echo of a send leaves before its answer.
    echo_first: bool,
    /// A repeated uuid is answered like the first and not delivered again. Off: the platform is not known to do this.
    deduplicate: bool,
    /// Heartbeats get no answer.
    silent_heartbeat: bool,
    /// Heartbeats and requests are answered, but nothing is pushed any more.
    zombie: bool,
    /// The cursor of `ackDiff` is ignored: nothing missed is sent again.
    no_replay: bool,
    /// Listing conversations or messages is refused with `400600001`.
    too_fast: bool,
    /// `/reg` is refused with `connect limit` where this many connections are open already.
    connect_limit: Option<usize>,
    /// The WebSocket upgrade is answered with HTTP 503.
    refuse_upgrade: bool,
    /// The upgrade is accepted by TCP and never answered.
    hang_upgrade: bool,
    /// `/reg` is never answered.
    hang_register: bool,
    /// Requests after `/reg` are swallowed; heartbeats are not.
    hang_requests: bool,
    /// Gateway calls are never answered.
    hang_gateway: bool,
    /// Delay of everything sent to the client, over the WebSocket and by the gateway, in milliseconds.
    delay_ms: u64,
    /// Every push arrives twice.
    duplicate: bool,
    /// Every second push overtakes the one before it.
    reorder: bool,
    /// Each push of a message is filled up with harmless entries to this many.
    entries_per_push: usize,
    /// Each push of a message has an unreadable entry in its middle.
    broken_entries: bool,
    /// A `/s/vulcan` push with this many wake-ups follows the registration.
    wake_ups: usize,
    /// What the gateway answers instead of the truth.
    gateway: Gateway,
    /// Every gateway answer brings a new signature token.
    rotate_h5: bool,
    /// What a polish is answered with instead of the truth, such as `FAIL_BIZ_PERMISSION_DENIED::无权限`.
    refuse_polish: Option<String>,
    /// What calls of these APIs are answered with instead of being done, such as `BUYER_CONFIRM_INFO::买家确认信息后才能发货`.
    refuse: BTreeMap<String, String>,
    /// Calls of these APIs are neither done nor answered.
    hang: BTreeSet<String>,
    /// Calls of these APIs are done, and the connection breaks before the answer.
    lose_answer: BTreeSet<String>,
    /// The gateway's copy of the orders lags: of each it tells what was true before the last change.
    stale_orders: bool,
    /// How uploads of pictures are answered.
    uploads: Uploads,
    /// What the passport answers instead of the truth.
    passport: Passport,
}

impl Faults {
    /// [`Faults::delay_ms`] as a duration.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

/// What becomes of a send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Accepted, answered with the message id, echoed.
    #[default]
    WithId,
    /// Accepted, answered without a body, echoed.
    WithoutId,
    /// Accepted and echoed, never answered.
    NoAnswer,
    /// Accepted, neither answered nor echoed: only the history knows.
    NoAnswerNoEcho,
    /// Neither accepted nor answered.
    Lost,
    /// Refused by content security, with code 200.
    Forbid,
    /// Not accepted; answered with this code.
    Refuse(u16),
}

impl Answer {
    /// The buyer sees it.
    pub fn is_accepted(self) -> bool {
        match self {
            Self::WithId | Self::WithoutId | Self::NoAnswer | Self::NoAnswerNoEcho => true,
            Self::Lost | Self::Forbid | Self::Refuse(_) => false,
        }
    }
}

/// What the gateway answers to correctly signed calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gateway {
    #[default]
    Healthy,
    /// `FAIL_SYS_TOKEN_EMPTY`, again and again.
    TokenEmpty,
    /// `FAIL_SYS_TOKEN_EXOIRED`, again and again.
    TokenExpired,
    /// The platform wants a person, and says so in JSON.
    Punish,
    /// The same, labelled as HTML.
    PunishHtml,
    SessionExpired,
    IllegalAccess,
    /// This HTTP status, with an HTML page.
    Status(u16),
    /// HTTP 200 and something that is not JSON.
    Garbage,
    /// HTTP 200, JSON, `ret` empty.
    EmptyRet,
    /// This `ret` text, such as `FAIL_SYS_TRAFFIC_LIMIT::限流`.
    Ret(String),
}

/// What becomes of an upload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uploads {
    /// Taken, and answered with its address and size.
    #[default]
    Healthy,
    /// Taken, and answered without its size.
    WithoutSize,
    /// `"success": false`.
    Refused,
    /// A login page: the cookies are dead.
    LoginPage,
    /// The platform wants a person.
    Punish,
    /// This HTTP status, with an HTML page.
    Status(u16),
    /// Never answered.
    Hang,
}

/// What the passport does with a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passport {
    #[default]
    Healthy,
    /// Understood and refused: `"success": false`.
    Refused,
    /// The platform wants a person, and says so: the login page in HTML, all else in JSON.
    Punish,
    /// This HTTP status, with an HTML page.
    Status(u16),
    /// HTTP 200 and something that is not JSON.
    Garbage,
    /// Never answered.
    Hang,
    /// So many redirects on the way to the truth, each with a cookie.
    Redirects(u8),
    /// A redirect to another site.
    Elsewhere,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_accounts_fault_wins_over_the_platforms() {
        let platform = Faults { zombie: true, answer: Answer::Forbid, ..Faults::default() };
        let account = Faults { answer: Answer::Lost, ..Faults::default() };
        let both = account.over(&platform);
        assert!(both.zombie);
        assert_eq!(both.answer, Answer::Lost);
    }

    #[test]
    fn faults_read_from_json_by_name() {
        let faults: Faults = serde_json::from_str(r#"{"answer":{"refuse":503},"gateway":"punish"}"#).unwrap();
        assert_eq!(faults.answer, Answer::Refuse(503));
        assert_eq!(faults.gateway, Gateway::Punish);
        assert!(serde_json::from_str::<Faults>(r#"{"zombi":true}"#).is_err());
    }
}
