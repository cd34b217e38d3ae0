//! Logins of an account: which `cookie2` is one, how long it lasts, and what can still be done when it is over.
//!
//! Simulator-only: a running login keeps its `cookie2` when it is prolonged, one that is over gets a new one. So whoever loses the answer
//! may ask again, and whoever does not keep the new cookies is found out.

use super::{
    account::Account,
    config::Config,
    line::now,
    platform::Platform,
    sign::{self, secret},
};
use crate::ids::{BuyerId, Timestamp};

/// The logins of one account.
#[derive(Debug, Default)]
pub struct Logins {
    logins: Vec<Login>,
    /// Which login [`Platform::cookies`] tells of. Its `cookie2` follows from the number, so that a restarted simulator knows it.
    number: u32,
}

#[derive(Debug)]
struct Login {
    cookie2: String,
    ends: Timestamp,
    dead: bool,
}

/// How a login stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Running,
    /// Over, but `hasLogin` can prolong it.
    Lapsed,
    /// Over for good, or never one.
    Dead,
}

impl Logins {
    /// The login of a browser that sits beside the platform; a new one where the last is over.
    pub fn at_hand(&mut self, uid: &BuyerId, config: &Config) -> String {
        let mut cookie2 = numbered(uid, self.number);
        if self.standing(&cookie2, config) != Standing::Running {
            // an account that was just opened has none yet
            self.number += u32::from(!self.logins.is_empty());
            cookie2 = numbered(uid, self.number);
            self.add(cookie2.clone(), config);
        }
        cookie2
    }

    /// A login of its own, beside those there are.
    pub fn open(&mut self, config: &Config) -> String {
        let cookie2 = secret();
        self.add(cookie2.clone(), config);
        cookie2
    }

    pub fn standing(&self, cookie2: &str, config: &Config) -> Standing {
        let Some(login) = self.logins.iter().find(|login| login.cookie2 == cookie2) else { return Standing::Dead };
        match now() {
            _ if login.dead => Standing::Dead,
            now if now < login.ends => Standing::Running,
            now if now < login.ends + config.login_grace => Standing::Lapsed,
            _ => Standing::Dead,
        }
    }

    /// Makes the login last again, unless it is dead. The `cookie2` it has from now on.
    pub fn prolong(&mut self, cookie2: &str, config: &Config) -> Option<String> {
        match self.standing(cookie2, config) {
            Standing::Running => {
                let ends = now() + config.login_lifetime;
                self.logins.iter_mut().filter(|login| login.cookie2 == cookie2).for_each(|login| login.ends = ends);
                Some(cookie2.to_owned())
            }
            Standing::Lapsed => Some(self.open(config)),
            Standing::Dead => None,
        }
    }

    /// How many run.
    pub fn running(&self) -> usize {
        let now = now();
        self.logins.iter().filter(|login| !login.dead && now < login.ends).count()
    }

    fn lapse(&mut self) {
        let now = now();
        self.logins.iter_mut().for_each(|login| login.ends = login.ends.min(now));
    }

    fn end(&mut self) {
        self.logins.iter_mut().for_each(|login| login.dead = true);
    }

    fn add(&mut self, cookie2: String, config: &Config) {
        self.logins.push(Login { cookie2, ends: now() + config.login_lifetime, dead: false });
    }
}

impl Account {
    /// Ends every login for good: gateway calls with the old cookies answer `FAIL_SYS_SESSION_EXPIRED`, and `hasLogin` refuses them.
    pub fn expire_login(&self) {
        self.lock().logins.end();
    }

    /// Lets every login run out: gateway calls answer as after [`Account::expire_login`], but `hasLogin` heals.
    pub fn lapse_login(&self) {
        self.lock().logins.lapse();
    }

    /// Times somebody asked `hasLogin` for this account, whatever came of it.
    pub fn has_login_requests(&self) -> u32 {
        self.has_login_requests.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Whether calls with this `cookie2` are the account's.
    pub(super) fn is_logged_in(&self, cookie2: Option<&str>) -> bool {
        let running = |cookie2| self.lock().logins.standing(cookie2, &self.shared.config) == Standing::Running;
        cookie2.is_some_and(running)
    }
}

impl Platform {
    /// The text of a browser's cookies, logged in to this account now.
    pub fn cookies(&self, account: &Account) -> String {
        let uid = &account.uid;
        let cookie2 = account.lock().logins.at_hand(uid, &self.shared.config);
        let of = |name: &str| sign::md5(&format!("{name}:{uid}"));
        let (h5, enc) = self.h5_pair(uid.as_str());
        let mut jar = login_cookies(account, &cookie2, of);
        jar.extend([("cna", of("cna")[..24].to_owned()), ("_m_h5_tk", h5), ("_m_h5_tk_enc", enc)]);
        jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// What a login sets. `of` makes the values that nobody checks.
pub(super) fn login_cookies(
    account: &Account,
    cookie2: &str,
    of: impl Fn(&str) -> String,
) -> Vec<(&'static str, String)> {
    let nick = form_urlencoded::byte_serialize(account.nick.as_bytes()).collect();
    let ends = now() + account.shared.config.login_lifetime;
    vec![
        ("unb", account.uid.to_string()),
        ("cookie2", cookie2.to_owned()),
        ("sgcookie", of("sgcookie")),
        ("t", of("t")),
        ("csg", of("csg")[..8].to_owned()),
        ("_tb_token_", of("tb")[..13].to_owned()),
        ("tracknick", nick),
        ("havana_lgc_exp", ends.0.to_string()),
    ]
}

fn numbered(uid: &BuyerId, number: u32) -> String {
    sign::md5(&format!("cookie2:{uid}:{number}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;

    fn login(config: &Config) -> (Logins, String) {
        let mut logins = Logins::default();
        let cookie2 = logins.at_hand(&"7".into(), config);
        (logins, cookie2)
    }

    #[test]
    fn the_login_at_hand_stays_until_it_is_over() {
        let config = Config::default();
        let (mut logins, first) = login(&config);
        assert_eq!(first, login(&config).1, "a restarted simulator knows it");
        assert_eq!(logins.at_hand(&"7".into(), &config), first);
        logins.end();
        let second = logins.at_hand(&"7".into(), &config);
        assert_ne!(second, first);
        assert_eq!(logins.standing(&first, &config), Standing::Dead);
        assert_eq!(logins.standing(&second, &config), Standing::Running);
    }

    #[test]
    fn a_lapsed_login_is_prolonged_with_a_new_cookie_and_a_dead_one_is_not() {
        let config = Config::default();
        let (mut logins, old) = login(&config);
        assert_eq!(logins.prolong(&old, &config), Some(old.clone()));
        logins.lapse();
        assert_eq!(logins.standing(&old, &config), Standing::Lapsed);
        let new = logins.prolong(&old, &config).unwrap();
        assert_eq!(logins.standing(&old, &config), Standing::Lapsed, "whoever lost the answer may ask again");
        assert_eq!((logins.standing(&new, &config), logins.running()), (Standing::Running, 1));
        logins.end();
        assert_eq!((logins.prolong(&new, &config), logins.prolong("made up", &config)), (None, None));
    }

    #[test]
    fn beyond_its_grace_a_login_is_dead() {
        let config = Config { login_lifetime: Duration::ZERO, login_grace: Duration::ZERO, ..Config::default() };
        let (mut logins, old) = login(&config);
        assert_eq!((logins.standing(&old, &config), logins.prolong(&old, &config)), (Standing::Dead, None));
    }
}
