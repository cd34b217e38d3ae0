//! A seller's account on the platform: who it is, its lock, and waiting for changes.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{config::Config, event::Events, fault::Faults, line::now, state::State};
use crate::ids::{BuyerId, ConversationId};

/// What all accounts of a platform share.
#[derive(Debug)]
pub struct Shared {
    pub config: Config,
    pub events: Events,
    /// The last message number given out.
    numbers: AtomicU64,
    conversations: AtomicU64,
}

/// One account. Its name is ours; the platform knows it by `uid`.
#[derive(Debug)]
pub struct Account {
    pub name: Arc<str>,
    pub uid: BuyerId,
    pub nick: Arc<str>,
    pub shared: Arc<Shared>,
    pub(super) token_requests: AtomicU32,
    pub(super) gateway_requests: AtomicU32,
    pub(super) upload_requests: AtomicU32,
    pub(super) has_login_requests: AtomicU32,
    state: Mutex<State>,
    changed: Notify,
}

impl Shared {
    pub fn new(config: Config) -> Arc<Self> {
        let start = u64::try_from(now().0).unwrap_or(0);
        Arc::new(Self {
            config,
            events: Events::default(),
            // from the clock, so that a restarted simulator gives no id twice
            numbers: AtomicU64::new(start * 1000),
            conversations: AtomicU64::new(start),
        })
    }

    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn conversation(&self) -> ConversationId {
        ConversationId::from((self.conversations.fetch_add(1, Ordering::Relaxed) + 1).to_string())
    }
}

impl Account {
    pub fn new(name: &str, uid: BuyerId, shared: Arc<Shared>, faults: Arc<Faults>) -> Arc<Self> {
        let mut state = State::new(faults);
        state.logins.at_hand(&uid, &shared.config);
        Arc::new(Self {
            name: name.into(),
            nick: format!("卖家{name}").into(),
            uid,
            shared,
            token_requests: AtomicU32::new(0),
            gateway_requests: AtomicU32::new(0),
            upload_requests: AtomicU32::new(0),
            has_login_requests: AtomicU32::new(0),
            state: Mutex::new(state),
            changed: Notify::new(),
        })
    }

    /// The account's state. Held shortly, never across an await; call [`Account::changed`] after a change others wait for.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // a panic under the lock is a failed test already; the state is still a state
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody in [`Account::wait_until`].
    pub fn changed(&self) {
        self.changed.notify_waiters();
    }

    /// Waits until `found` finds something, or `None` after `deadline`.
    pub(super) async fn wait_until<T>(&self, deadline: Duration, found: impl Fn(&State) -> Option<T>) -> Option<T> {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                let mut changed = std::pin::pin!(changed);
                // from here on no change is missed
                changed.as_mut().enable();
                if let Some(value) = found(&self.lock()) {
                    return value;
                }
                changed.await;
            }
        };
        tokio::time::timeout(deadline, wait).await.ok()
    }

    /// The seller is shown by the picture at this address from now on.
    pub fn set_picture(&self, url: &str) {
        self.lock().picture = Some(url.into());
    }

    pub fn faults(&self) -> Arc<Faults> {
        self.lock().faults.clone()
    }

    /// Access tokens asked for, whatever came of it.
    pub fn token_requests(&self) -> u32 {
        self.token_requests.load(Ordering::Relaxed)
    }

    /// Gateway calls of every kind.
    pub fn gateway_requests(&self) -> u32 {
        self.gateway_requests.load(Ordering::Relaxed)
    }

    /// Makes a connection live: what it has not seen after `since` (a cursor), or after its registration, is pushed.
    pub fn go_live(&self, line: u64, since: Option<i64>) {
        let (first, wake_ups) = {
            let mut state = self.lock();
            (state.go_live(line, since), state.faults.wake_ups)
        };
        let conversation = self.lock().conversations.keys().next().cloned();
        if let Some(conversation) = conversation.filter(|_| first && wake_ups > 0) {
            self.arouse(&conversation, wake_ups);
        }
    }
}
