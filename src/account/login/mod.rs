//! How an account gets in: the steps from a code or a pasted cookie to a connection, the same for every way to ask. Pure.
//!
//! ```text
//! Preparing → Qr (display, scanned) ⇄ Check ─┐
//! Preparing ─────────────────────────────────┴→ Proving → Complete
//!                                                  └→ Challenge → Complete
//! ```
//!
//! Each step may end in `Failed`. A login has a few minutes; whoever loses sight of it finds it again by its number. The steps are carried
//! out by [`actor`].

pub mod actor;

use std::{fmt, time::Duration};

use crate::{
    ids::AccountId,
    platform::passport::{QrAnswer, QrState},
};

/// From its beginning to its end: a code of the platform's page lives as long.
pub const LIFE: Duration = Duration::from_mins(5);

/// A person has so long to pass the platform's challenge.
pub const CHALLENGE_LIFE: Duration = Duration::from_mins(10);

/// What became of a login can be seen for so long after its end.
pub const KEPT: Duration = Duration::from_mins(10);

/// How often the platform is asked what became of a code.
pub const POLL: Duration = Duration::from_secs(2);

/// Names a login: 256 bits that nobody guesses.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LoginId(String);

impl LoginId {
    pub fn new(random: [u8; 32]) -> Self {
        Self(random.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// `None`: no login is named so.
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_id.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How somebody gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A code that the seller's phone scans.
    Qr,
    /// A cookie of a browser that is logged in.
    Cookies,
}

/// Where a login stands.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// The code is asked for.
    Preparing,
    /// The code is to be scanned, or was and is to be confirmed. `content`: what it says.
    Qr {
        content: String,
        is_scanned: bool,
    },
    /// The seller must show who they are on a page of the platform, which is a secret.
    Check {
        url: String,
    },
    /// The platform is asked whether the login is good, and for a connection.
    Proving,
    /// The platform wants a person: its challenge is to be passed. The account is there and waits.
    Challenge {
        account: AccountId,
    },
    /// The account has this login, and the platform accepted it.
    Complete {
        account: AccountId,
        is_new: bool,
    },
    Failed(Fault),
}

/// Why nothing came of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody finished it in time.
    Expired,
    /// The seller said no on the phone.
    Declined,
    /// Whoever began it ended it.
    Ended,
    /// The cookies that came are no login.
    Unusable,
    /// The platform does not accept the login.
    Refused,
    /// The platform judged the login abnormal.
    AccessDenied,
    /// The login is of a seller whose account somebody has already.
    Taken,
    /// The login is of another seller than the account.
    AnotherSeller,
    /// Another account has the wanted name.
    NameTaken,
    /// The account is gone meanwhile.
    AccountGone,
    /// The platform gave no connection.
    NoConnection,
    /// The platform failed.
    Platform,
    /// The platform was not reached.
    Network,
    /// The database failed.
    Storage,
}

/// What a code's answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// To ask again; the step by then.
    Wait(Step),
    /// The code is too old: a fresh one is shown.
    Renew,
    /// The cookies are there.
    Confirmed,
    Fail(Fault),
}

/// What follows from what the platform says of a code.
pub fn after(answer: QrAnswer, content: &str) -> Next {
    let shown = |is_scanned| Next::Wait(Step::Qr { content: content.to_owned(), is_scanned });
    match (answer.check, answer.state) {
        (_, QrState::Canceled) => Next::Fail(Fault::Declined),
        (_, QrState::Error) => Next::Fail(Fault::Platform),
        (_, QrState::Expired) => Next::Renew,
        // Also where the phone said yes: the jar is not logged in before.
        (Some(url), QrState::New | QrState::Scanned | QrState::Confirmed) => Next::Wait(Step::Check { url }),
        (None, QrState::Confirmed) => Next::Confirmed,
        (None, QrState::New) => shown(false),
        (None, QrState::Scanned) => shown(true),
    }
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qr => "qr",
            Self::Cookies => "cookies",
        }
    }
}

impl Step {
    /// Stable, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Qr { .. } => "qr",
            Self::Check { .. } => "check",
            Self::Proving => "proving",
            Self::Challenge { .. } => "challenge",
            Self::Complete { .. } => "complete",
            Self::Failed(_) => "failed",
        }
    }

    /// What the code says that is shown.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Qr { content, .. } => Some(content),
            _ => None,
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self, Self::Complete { .. } | Self::Failed(_))
    }

    /// What is going on, and what the person does next: in Chinese and in English.
    pub fn sentences(&self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::Preparing => [("正在获取二维码。", "The code is being fetched."), ("请稍候。", "Wait a moment.")],
            Self::Qr { is_scanned: false, .. } => [
                ("二维码已就绪。", "The code is ready."),
                ("请打开手机上的闲鱼，扫描二维码。", "Open Xianyu on your phone and scan the code."),
            ],
            Self::Qr { is_scanned: true, .. } => {
                [("已扫码。", "The code was scanned."), ("请在手机上确认登录。", "Confirm the login on your phone.")]
            }
            Self::Check { .. } => [
                ("闲鱼要求先核实身份。", "The platform wants to see who you are first."),
                ("请打开核实页面，按提示完成，然后回到这里。", "Open the page, do what it says, then come back here."),
            ],
            Self::Proving => [
                ("正在向闲鱼验证登录并试连。", "The login is being proved, with a connection."),
                ("请稍候。", "Wait a moment."),
            ],
            Self::Challenge { .. } => [
                (
                    "账号已保存，但闲鱼要求人工验证后才能连接。",
                    "The account is kept, but the platform wants a person before it connects.",
                ),
                ("请打开验证页面，完成验证。", "Open the verification and pass it."),
            ],
            Self::Complete { is_new: true, .. } => [
                ("账号已添加，闲鱼已接受连接。", "The account was added, and the platform accepted its connection."),
                ("接下来可以设置自动回复。", "Next, say how its buyers are answered."),
            ],
            Self::Complete { is_new: false, .. } => [
                (
                    "账号的登录已更新，闲鱼已接受连接。",
                    "The account has its new login, and the platform accepted its connection.",
                ),
                ("无需其他操作。", "There is nothing else to do."),
            ],
            Self::Failed(fault) => fault.sentences(),
        }
    }
}

impl Fault {
    /// Stable, for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Declined => "declined",
            Self::Ended => "ended",
            Self::Unusable => "unusable",
            Self::Refused => "refused",
            Self::AccessDenied => "access_denied",
            Self::Taken => "platform_user_taken",
            Self::AnotherSeller => "platform_user_differs",
            Self::NameTaken => "name_taken",
            Self::AccountGone => "account_gone",
            Self::NoConnection => "no_connection",
            Self::Platform => "platform_failed",
            Self::Network => "network",
            Self::Storage => "storage",
        }
    }

    fn sentences(self) -> [(&'static str, &'static str); 2] {
        let again = ("请重新开始。", "Begin again.");
        let later = ("请稍后重试。", "Try again later.");
        match self {
            Self::Expired => [("登录超时，未能完成。", "Nobody finished the login in time."), again],
            Self::Declined => [("手机上取消了登录。", "The login was declined on the phone."), again],
            Self::Ended => [("登录已取消。", "The login was ended."), again],
            Self::Unusable => [("闲鱼返回的 Cookie 不完整。", "The platform's cookies are no login."), again],
            Self::Refused => [
                ("闲鱼不接受这个登录，它可能已过期。", "The platform does not accept this login: it may be over."),
                (
                    "请在浏览器中重新登录闲鱼后复制 Cookie，或改用扫码。",
                    "Log in to the platform in a browser and copy the cookie anew, or scan a code.",
                ),
            ],
            Self::AccessDenied => [
                ("闲鱼判定该登录异常。", "The platform judged the login abnormal."),
                (
                    "请在浏览器中打开闲鱼，处理可能的警告后再试。",
                    "Open the platform in a browser, see to a warning there, then try again.",
                ),
            ],
            Self::Taken => [
                ("该闲鱼用户已绑定到另一个账号。", "This platform user already belongs to another account."),
                ("请使用另一个闲鱼用户登录。", "Log in as another platform user."),
            ],
            Self::AnotherSeller => [
                ("登录的是另一个闲鱼用户。", "The login is of another platform user."),
                ("请用该账号对应的闲鱼用户登录。", "Log in as the platform user of this account."),
            ],
            Self::NameTaken => [
                ("名称已被另一个账号使用。", "Another account has this name already."),
                ("请换一个名称重新开始。", "Begin again with another name."),
            ],
            Self::AccountGone => [("账号已被删除。", "The account was removed meanwhile."), again],
            Self::NoConnection => {
                [("闲鱼接受了登录，但没有接受连接。", "The platform accepted the login, but no connection."), later]
            }
            Self::Platform => [("闲鱼返回了错误。", "The platform failed."), later],
            Self::Network => [
                ("无法连接闲鱼。", "The platform cannot be reached."),
                ("请检查网络或代理后重试。", "Check the network or the proxy, then try again."),
            ],
            Self::Storage => [("数据库暂时不可用。", "The database is not available."), later],
        }
    }
}

/// Without what the code or the address says: they are secrets.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(fault) => write!(f, "Failed({fault:?})"),
            other => f.write_str(other.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(state: QrState, check: Option<&str>) -> Next {
        after(QrAnswer { state, check: check.map(str::to_owned) }, "code")
    }

    #[test]
    fn each_word_of_the_platform_has_its_step() {
        let qr = |is_scanned| Next::Wait(Step::Qr { content: "code".into(), is_scanned });
        assert_eq!(said(QrState::New, None), qr(false));
        assert_eq!(said(QrState::Scanned, None), qr(true));
        assert_eq!(said(QrState::Confirmed, None), Next::Confirmed);
        assert_eq!(said(QrState::Expired, None), Next::Renew);
        assert_eq!(said(QrState::Canceled, None), Next::Fail(Fault::Declined));
        assert_eq!(said(QrState::Error, None), Next::Fail(Fault::Platform));
    }

    #[test]
    fn a_check_comes_first_and_a_code_that_ended_needs_none() {
        let check = Next::Wait(Step::Check { url: "u".into() });
        assert_eq!(said(QrState::New, Some("u")), check);
        assert_eq!(said(QrState::Scanned, Some("u")), check);
        assert_eq!(said(QrState::Confirmed, Some("u")), check);
        assert_eq!(said(QrState::Expired, Some("u")), Next::Renew);
    }

    #[test]
    fn a_number_is_read_as_it_was_written_and_nothing_else_is_one() {
        let id = LoginId::new([0xa7; 32]);
        assert!(LoginId::parse(&id.to_string()) == Some(id));
        for text in ["", "a7", &"A7".repeat(32), &"g7".repeat(32), &"a7".repeat(33)] {
            assert!(LoginId::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_code_is_a_secret() {
        let step = Step::Qr { content: "https://secret".into(), is_scanned: false };
        assert_eq!(format!("{step:?}"), "qr");
    }
}
