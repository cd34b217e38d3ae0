//! The platform as a whole: accounts, tokens, standing faults. Shared by the server, tests and the load generator.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    account::{Account, Shared},
    challenge::Challenges,
    config::Config,
    event::{Interest, SimEvent},
    fault::Faults,
    line::now,
    model::Model,
    phone::Codes,
    sign,
    webhook::Webhook,
};
use crate::ids::{BuyerId, Timestamp};

/// A simulated Goofish. Outlives its server: stop one and start another on the same platform to play an outage.
#[derive(Debug)]
pub struct Platform {
    pub(super) shared: Arc<Shared>,
    pub(super) tokens: Mutex<HashMap<String, Issued>>,
    accounts: RwLock<Accounts>,
    faults: Mutex<Arc<Faults>>,
    sockets: AtomicU64,
    h5_epoch: AtomicU32,
    first_opened: OnceLock<Instant>,
    model: Model,
    webhook: Webhook,
    pub(super) codes: Codes,
    pub(super) challenges: Challenges,
}

#[derive(Debug, Default)]
struct Accounts {
    by_name: HashMap<Arc<str>, Arc<Account>>,
    by_uid: HashMap<BuyerId, Arc<Account>>,
    in_order: Vec<Arc<Account>>,
}

/// An access token: registers one device of one account.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub account: Arc<Account>,
    pub device: String,
    pub expires: Timestamp,
    /// The account's epoch when it was issued.
    pub epoch: u32,
}

impl Platform {
    pub fn new(config: Config) -> Arc<Self> {
        Arc::new(Self {
            shared: Shared::new(config),
            tokens: Mutex::default(),
            accounts: RwLock::default(),
            faults: Mutex::default(),
            sockets: AtomicU64::new(0),
            h5_epoch: AtomicU32::new(0),
            first_opened: OnceLock::new(),
            model: Model::default(),
            webhook: Webhook::default(),
            codes: Codes::default(),
            challenges: Challenges::default(),
        })
    }

    /// Opens an account; the one of that name if there is one. The same name has the same uid in every simulator.
    pub fn add_account(&self, name: &str) -> Arc<Account> {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.by_name.get(name) {
            return account.clone();
        }
        let mut number = sign::uid(name);
        while accounts.by_uid.contains_key(&BuyerId::from(number.to_string())) {
            number += 1;
        }
        let account = Account::new(name, number.to_string().into(), self.shared.clone(), self.faults());
        accounts.by_name.insert(account.name.clone(), account.clone());
        accounts.by_uid.insert(account.uid.clone(), account.clone());
        accounts.in_order.push(account.clone());
        account
    }

    /// The account with this name or uid.
    pub fn account(&self, name: &str) -> Option<Arc<Account>> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.by_name.get(name).or_else(|| accounts.by_uid.get(&BuyerId::from(name))).cloned()
    }

    /// The language model beside it.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Somebody whom notices are told.
    pub fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// Every account, in the order they were opened.
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).in_order.clone()
    }

    /// A fresh `_m_h5_tk` and its companion. Self-describing, so that a restarted simulator still knows it.
    pub(super) fn h5_pair(&self, uid: &str) -> (String, String) {
        let expires = (now() + self.shared.config.h5_lifetime).0;
        let token = self.h5_token(uid, expires);
        let enc = sign::md5(&format!("enc:{token}"));
        (format!("{token}_{expires}"), enc)
    }

    /// The token that belongs to this uid and expiry.
    pub(super) fn h5_token(&self, uid: &str, expires: i64) -> String {
        sign::md5(&format!("h5:{}:{uid}:{expires}", self.h5_epoch.load(Ordering::Relaxed)))
    }

    /// Every signature token given out so far stops signing.
    pub fn expire_signatures(&self) {
        self.h5_epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// The standing faults of all accounts.
    pub fn faults(&self) -> Arc<Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the standing faults of all accounts; those of one account stay above them.
    pub fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        let faults = {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            change(Arc::make_mut(&mut faults));
            faults.clone()
        };
        for account in self.accounts() {
            let mut state = account.lock();
            state.faults = Arc::new(state.own_faults.over(&faults));
        }
    }

    /// Changes the faults of one account; where it has none, the platform's hold.
    pub fn change_account_faults(&self, account: &Account, change: impl FnOnce(&mut Faults)) {
        let below = self.faults();
        let mut state = account.lock();
        change(&mut state.own_faults);
        state.faults = Arc::new(state.own_faults.over(&below));
    }

    /// Takes every fault away, the accounts' own too.
    pub fn heal(&self) {
        for account in self.accounts() {
            self.change_account_faults(&account, |faults| *faults = Faults::default());
        }
        self.change_faults(|faults| *faults = Faults::default());
    }

    /// Everything that happens from now on.
    pub fn events(&self, interest: Interest) -> UnboundedReceiver<SimEvent> {
        self.shared.events.subscribe(interest)
    }

    /// When the first WebSocket was opened.
    pub fn first_opened(&self) -> Option<Instant> {
        self.first_opened.get().copied()
    }

    /// A number for a new WebSocket.
    pub(super) fn opened(&self, account: Option<&Account>) -> u64 {
        let at = Instant::now();
        self.first_opened.get_or_init(|| at);
        if let Some(account) = account {
            self.shared.events.tell(|| SimEvent::Opened { account: account.name.clone(), at });
        }
        self.sockets.fetch_add(1, Ordering::Relaxed) + 1
    }
}
