//! QR codes of the login page, and the seller's phone that scans them.
//!
//! [`Platform::scan`] and its neighbours take what the code says, or its `lgToken` alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{account::Account, config::Config, event::SimEvent, line::now, platform::Platform, sign::secret};
use crate::ids::Timestamp;

/// Every code that was shown, by its `lgToken`.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<HashMap<String, Code>>);

#[derive(Debug, Clone)]
pub(super) struct Code {
    pub lg_token: String,
    /// More digits than any integer type or a double holds.
    pub t: String,
    pub ck: String,
    /// The browser it was shown to, by its `cookie2`.
    pub visitor: String,
    shown_at: Timestamp,
    /// In the order in which they were shown.
    number: u64,
    /// How often its browser asked what became of it.
    asked: u32,
    stage: Stage,
    /// The token of a page on which a person must first show who they are.
    pub check: Option<String>,
}

/// How far a code got.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    New,
    Scanned(Arc<Account>),
    /// With the `cookie2` of the new login.
    Confirmed(Arc<Account>, String),
    Expired,
    Canceled,
    Broken,
}

/// What a phone does with a code, and what happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneAction {
    Scan,
    Confirm,
    Decline,
    /// The code is too old.
    Expire,
    /// The platform fails.
    Break,
    /// The platform wants to see a person before it believes the phone.
    DemandCheck,
    /// That person was seen.
    PassCheck,
}

/// Why a phone cannot do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum PhoneFault {
    #[error("there is no such code")]
    Unknown,
    #[error("the code is no longer one to scan")]
    Over,
    #[error("this account has not scanned the code")]
    NotScanned,
    #[error("there is nothing to check")]
    NoCheck,
}

impl Code {
    /// How far it got, with its age counted.
    pub(super) fn stage(&self, config: &Config) -> Stage {
        match &self.stage {
            Stage::New | Stage::Scanned(_) if now() >= self.shown_at + config.code_lifetime => Stage::Expired,
            stage => stage.clone(),
        }
    }

    fn act(&mut self, action: PhoneAction, account: &Arc<Account>, config: &Config) -> Result<(), PhoneFault> {
        let here = |by: &Arc<Account>| by.uid == account.uid;
        self.stage = match (action, self.stage(config)) {
            (PhoneAction::Scan, Stage::New) => Stage::Scanned(account.clone()),
            (PhoneAction::Confirm, Stage::Scanned(by)) if here(&by) => {
                let cookie2 = account.lock().logins.open(config);
                Stage::Confirmed(by, cookie2)
            }
            (PhoneAction::Decline, Stage::Scanned(by)) if here(&by) => Stage::Canceled,
            (PhoneAction::Confirm | PhoneAction::Decline, Stage::New | Stage::Scanned(_)) => {
                return Err(PhoneFault::NotScanned);
            }
            (PhoneAction::Scan | PhoneAction::Confirm | PhoneAction::Decline, _) => return Err(PhoneFault::Over),
            (PhoneAction::Expire, _) => Stage::Expired,
            (PhoneAction::Break, _) => Stage::Broken,
            (PhoneAction::DemandCheck, stage) => {
                self.check = Some(secret());
                stage
            }
            (PhoneAction::PassCheck, stage) => {
                self.check.take().ok_or(PhoneFault::NoCheck)?;
                stage
            }
        };
        Ok(())
    }
}

impl Codes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Code>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new code for a browser.
    pub(super) fn show(&self, visitor: &str, config: &Config) -> Code {
        let mut codes = self.lock();
        codes.retain(|_, code| now() < code.shown_at + 10 * config.code_lifetime);
        let t = format!("98765432{:012}", rand::random::<u64>() % 1_000_000_000_000);
        let code = Code {
            lg_token: secret(),
            t,
            ck: secret(),
            visitor: visitor.to_owned(),
            shown_at: now(),
            number: codes.values().map(|code| code.number + 1).max().unwrap_or(0),
            asked: 0,
            stage: Stage::New,
            check: None,
        };
        codes.insert(code.lg_token.clone(), code.clone());
        code
    }

    /// The code with these two values, whose browser asks what became of it.
    pub(super) fn ask(&self, t: &str, ck: &str) -> Option<Code> {
        let mut codes = self.lock();
        let code = codes.values_mut().find(|code| code.t == t && code.ck == ck)?;
        code.asked += 1;
        Some(code.clone())
    }

    /// A person was seen on the page with this token.
    pub(super) fn pass_check(&self, token: &str) -> bool {
        let mut codes = self.lock();
        let code = codes.values_mut().find(|code| code.check.as_deref() == Some(token));
        code.is_some_and(|code| code.check.take().is_some())
    }

    pub(super) fn is_checked(&self, token: &str) -> bool {
        self.lock().values().any(|code| code.check.as_deref() == Some(token))
    }
}

impl Platform {
    /// What the code says that was shown last, as a camera would read it.
    pub fn newest_code(&self) -> Option<String> {
        let codes = self.codes.lock();
        codes.values().max_by_key(|code| code.number).map(|code| code.lg_token.clone())
    }

    /// How often browsers asked what became of their codes.
    pub fn code_requests(&self) -> u32 {
        self.codes.lock().values().map(|code| code.asked).sum()
    }

    /// One thing a phone does, or that happens to a code whoever scans it.
    pub fn phone(&self, action: PhoneAction, code: &str, account: &Arc<Account>) -> Result<(), PhoneFault> {
        let mut codes = self.codes.lock();
        let code = codes.get_mut(lg_token(code)).ok_or(PhoneFault::Unknown)?;
        code.act(action, account, &self.shared.config)?;
        drop(codes);
        if action == PhoneAction::Confirm {
            self.shared.events.tell(|| SimEvent::LoggedIn { account: account.name.clone() });
        }
        Ok(())
    }

    /// The account's phone points at a code.
    pub fn scan(&self, code: &str, account: &Arc<Account>) -> Result<(), PhoneFault> {
        self.phone(PhoneAction::Scan, code, account)
    }

    /// The seller confirms on the phone that scanned: a login more.
    pub fn confirm(&self, code: &str, account: &Arc<Account>) -> Result<(), PhoneFault> {
        self.phone(PhoneAction::Confirm, code, account)
    }

    /// The seller declines on the phone that scanned.
    pub fn decline(&self, code: &str, account: &Arc<Account>) -> Result<(), PhoneFault> {
        self.phone(PhoneAction::Decline, code, account)
    }

    /// The code is too old from now on.
    pub fn expire_code(&self, code: &str) -> Result<(), PhoneFault> {
        self.befall(code, |code| code.stage = Stage::Expired)
    }

    /// The platform wants to see a person first: nothing comes of the code until its page is passed.
    pub fn demand_check(&self, code: &str) -> Result<(), PhoneFault> {
        self.befall(code, |code| code.check = Some(secret()))
    }

    fn befall(&self, code: &str, change: impl FnOnce(&mut Code)) -> Result<(), PhoneFault> {
        self.codes.lock().get_mut(lg_token(code)).map(change).ok_or(PhoneFault::Unknown)
    }
}

/// The token of a code's text.
fn lg_token(code: &str) -> &str {
    let token = code.split_once("lgToken=").map_or(code, |(_, rest)| rest);
    token.split('&').next().unwrap_or(token)
}
