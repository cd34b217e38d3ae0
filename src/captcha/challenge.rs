//! What becomes of a challenge, and who controls its page.

use serde::{Deserialize, Serialize};

use crate::ids::{Timestamp, UserId};

/// How a challenge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChallengeState)]
pub enum State {
    /// It waits for a person.
    Open,
    /// A person opened its page.
    Shown,
    /// The platform accepted the call that it had refused.
    Passed,
    /// Nobody passed it in time.
    Expired,
    /// The browser could not go on.
    Failed,
    /// A person did not want it any more.
    Cancelled,
}

impl State {
    pub const ALL: [Self; 6] = [Self::Open, Self::Shown, Self::Passed, Self::Expired, Self::Failed, Self::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Shown => "shown",
            Self::Passed => "passed",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn is_over(self) -> bool {
        match self {
            Self::Open | Self::Shown => false,
            Self::Passed | Self::Expired | Self::Failed | Self::Cancelled => true,
        }
    }

    /// What is over stays so; and a page must be shown before it is passed.
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Open | Self::Shown, Self::Shown | Self::Expired | Self::Failed | Self::Cancelled)
            | (Self::Shown, Self::Passed) => true,
            (Self::Open, Self::Open | Self::Passed)
            | (Self::Shown, Self::Open)
            | (Self::Passed | Self::Expired | Self::Failed | Self::Cancelled, _) => false,
        }
    }

    /// For people: in Chinese and in English.
    pub fn sentence(self) -> (&'static str, &'static str) {
        match self {
            Self::Open => ("等待您完成验证。", "It waits for you."),
            Self::Shown => ("验证页面已打开。", "Its page is open."),
            Self::Passed => ("验证通过，账号已恢复。", "Passed: the account goes on."),
            Self::Expired => ("验证已超时，可以重新开始。", "Its time is over. You can begin again."),
            Self::Failed => ("验证没有完成，可以重新开始。", "It could not be finished. You can begin again."),
            Self::Cancelled => ("验证已取消，可以重新开始。", "It was cancelled. You can begin again."),
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| format!("unknown state of a challenge {text:?}"))
    }
}

/// Why a challenge failed, or its page is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChallengeTrouble)]
pub enum Trouble {
    /// There is no Chromium on this machine.
    NoBrowser,
    /// It does not start, or does not do what it is told.
    BrowserFails,
    /// It ended in the middle.
    BrowserGone,
    /// It took more memory than it may.
    Memory,
    /// As many challenges as may be are being shown.
    TooMany,
    /// The platform's address leads to a host that may not be opened.
    ForbiddenHost,
    /// The account's cookie, or the address, cannot be read.
    Unreadable,
    /// The platform wants no challenge passed any more, but a new login.
    LoginRefused,
}

impl Trouble {
    pub const ALL: [Self; 8] = [
        Self::NoBrowser,
        Self::BrowserFails,
        Self::BrowserGone,
        Self::Memory,
        Self::TooMany,
        Self::ForbiddenHost,
        Self::Unreadable,
        Self::LoginRefused,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoBrowser => "no_browser",
            Self::BrowserFails => "browser_fails",
            Self::BrowserGone => "browser_gone",
            Self::Memory => "memory",
            Self::TooMany => "too_many",
            Self::ForbiddenHost => "forbidden_host",
            Self::Unreadable => "unreadable",
            Self::LoginRefused => "login_refused",
        }
    }

    /// For people: in Chinese and in English.
    pub fn sentence(self) -> (&'static str, &'static str) {
        match self {
            Self::NoBrowser => (
                "本机没有 Chromium，请用自己的浏览器完成验证。",
                "There is no Chromium on this machine: pass it in your own browser.",
            ),
            Self::BrowserFails => ("浏览器无法正常工作。", "The browser does not work."),
            Self::BrowserGone => ("浏览器中途退出了。", "The browser ended in the middle."),
            Self::Memory => ("浏览器占用内存过多，已被关闭。", "The browser took too much memory and was ended."),
            Self::TooMany => {
                ("正在进行的验证太多，请稍后再试。", "Too many challenges are being shown: try again soon.")
            }
            Self::ForbiddenHost => (
                "验证地址不属于闲鱼平台，没有打开。",
                "The address does not belong to the platform and was not opened.",
            ),
            Self::Unreadable => (
                "读不到账号的 Cookie 或验证地址。",
                "The account's cookie or the address of the challenge cannot be read.",
            ),
            Self::LoginRefused => (
                "闲鱼不再接受这个登录，请为账号重新登录。",
                "The platform does not accept this login any more: log the account in anew.",
            ),
        }
    }
}

impl std::str::FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|trouble| trouble.as_str() == text);
        known.ok_or_else(|| format!("unknown trouble of a challenge {text:?}"))
    }
}

/// One connection of a person to a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Viewer(pub u64);

/// Who looks at a page, and who of them controls it.
#[derive(Debug, Default)]
pub struct Audience {
    viewers: Vec<(Viewer, UserId, String)>,
    controller: Option<Viewer>,
    /// Who controlled when their connection broke: they find it as they left it.
    left: Option<(UserId, Timestamp)>,
}

/// For so long a page is kept for who controlled it and whose connection broke.
const KEPT_MS: i64 = 15_000;

impl Audience {
    /// Whoever comes first controls; also who comes back.
    pub fn join(&mut self, viewer: Viewer, user: UserId, name: &str, now: Timestamp) {
        self.viewers.push((viewer, user, name.to_owned()));
        if self.controller.is_none() && self.is_free_for(user, now) {
            self.take(viewer);
        }
    }

    fn is_free_for(&self, user: UserId, now: Timestamp) -> bool {
        self.left.is_none_or(|(owner, at)| owner == user || now.0 - at.0 > KEPT_MS)
    }

    pub fn leave(&mut self, viewer: Viewer, now: Timestamp) {
        let Some(at) = self.viewers.iter().position(|(known, ..)| *known == viewer) else { return };
        let (_, user, _) = self.viewers.remove(at);
        if self.controller == Some(viewer) {
            // Another tab of theirs goes on.
            let own = self.viewers.iter().rev().find(|(_, owner, _)| *owner == user);
            self.controller = own.map(|(viewer, ..)| *viewer);
            self.left = self.controller.is_none().then_some((user, now));
        }
    }

    /// A person said that they control it from now on. `false`: they do not look at it.
    pub fn take(&mut self, viewer: Viewer) -> bool {
        let looks = self.viewers.iter().any(|(known, ..)| *known == viewer);
        if looks {
            (self.controller, self.left) = (Some(viewer), None);
        }
        looks
    }

    pub fn controls(&self, viewer: Viewer) -> bool {
        self.controller == Some(viewer)
    }

    /// Whether somebody without a connection of their own may act: nobody else controls it.
    pub fn is_open_to(&self, user: UserId) -> bool {
        self.controller.is_none_or(|controller| {
            self.viewers.iter().any(|(known, owner, _)| *known == controller && *owner == user)
        })
    }

    /// The name of who controls.
    pub fn controller(&self) -> Option<&str> {
        let controller = self.controller?;
        self.viewers.iter().find(|(known, ..)| *known == controller).map(|(.., name)| name.as_str())
    }

    pub fn viewers(&self) -> impl Iterator<Item = Viewer> {
        self.viewers.iter().map(|(viewer, ..)| *viewer)
    }

    pub fn is_empty(&self) -> bool {
        self.viewers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_trouble_reads_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).ok(), Some(state.as_str().into()));
        }
        for trouble in Trouble::ALL {
            assert_eq!(trouble.as_str().parse(), Ok(trouble));
        }
        assert!("bored".parse::<State>().is_err() && "bored".parse::<Trouble>().is_err());
    }

    #[test]
    fn what_is_over_stays_over_and_nothing_is_passed_unseen() {
        for state in State::ALL {
            for next in State::ALL {
                let may = state.may_become(next);
                assert!(!(state.is_over() && may), "{state:?} → {next:?}");
                assert!(!may || next != State::Open, "{state:?} → {next:?}");
            }
        }
        assert!(!State::Open.may_become(State::Passed) && State::Shown.may_become(State::Passed));
    }

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn the_first_controls_and_others_only_when_they_say_so() {
        let mut audience = Audience::default();
        audience.join(Viewer(1), UserId(7), "甲", NOW);
        audience.join(Viewer(2), UserId(8), "乙", NOW);
        assert!(audience.controls(Viewer(1)) && !audience.controls(Viewer(2)));
        assert!(audience.is_open_to(UserId(7)) && !audience.is_open_to(UserId(8)));
        assert!(audience.take(Viewer(2)) && !audience.take(Viewer(3)));
        assert_eq!(audience.controller(), Some("乙"));
    }

    #[test]
    fn another_tab_of_the_same_person_goes_on() {
        let mut audience = Audience::default();
        audience.join(Viewer(1), UserId(7), "甲", NOW);
        audience.join(Viewer(2), UserId(8), "乙", NOW);
        audience.join(Viewer(3), UserId(7), "甲", NOW);
        audience.leave(Viewer(1), NOW);
        assert!(audience.controls(Viewer(3)));
        audience.leave(Viewer(3), NOW);
        assert_eq!(audience.controller(), None, "nobody else, unless they say so");
    }

    #[test]
    fn who_lost_the_connection_finds_the_control_again() {
        let mut audience = Audience::default();
        audience.join(Viewer(1), UserId(7), "甲", NOW);
        audience.leave(Viewer(1), NOW);
        audience.join(Viewer(2), UserId(8), "乙", Timestamp(NOW.0 + 10));
        assert_eq!(audience.controller(), None, "it is kept for a moment");
        audience.join(Viewer(3), UserId(7), "甲", Timestamp(NOW.0 + 20));
        assert!(audience.controls(Viewer(3)));
        audience.leave(Viewer(3), NOW);
        audience.join(Viewer(4), UserId(8), "乙", Timestamp(NOW.0 + KEPT_MS + 1));
        assert!(audience.controls(Viewer(4)), "but not for ever");
    }
}
