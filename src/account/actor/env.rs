//! Everything an account's actor works with: its settings, its shard's other actors, and what all accounts share.

use std::{
    cell::{OnceCell, RefCell},
    num::NonZeroUsize,
    rc::Rc,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use actix::Recipient;
use actix_service::fn_service;
use lru::LruCache;
use tokio::sync::Semaphore;

use crate::{
    account::{
        backoff::BackoffConfig,
        messages::{AccountOffline, AccountOnline, AccountStopped, StatusChanged},
    },
    ids::{ChallengeId, Timestamp},
    inbox::{gap::GapConfig, messages::Ingest},
    outbox::messages::{Answered, HistorySeen, OwnSeen, PictureReady},
    outgoing::{
        address::Network,
        proxy::{Proxy, client::tunnel},
    },
    platform::{
        lwp::session,
        mtop::client::{self as gateway, http_client, http_client_over},
        passport::client as passport,
        upload::client as upload,
    },
    reply::messages::ItemKnown,
    store::Store,
    telemetry::metrics::Metrics,
};

/// Clients of proxies that a thread keeps.
// Not zero.
const PROXIES: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// How accounts connect and stay connected.
#[derive(Debug, Clone)]
pub struct Config {
    pub im_url: String,
    pub user_agent: String,
    /// For opening the WebSocket, and for each write the platform does not read.
    pub connect_wait: Duration,
    pub session: session::Config,
    pub gateway: gateway::Config,
    pub upload: upload::Config,
    pub passport: passport::Config,
    /// Proxies of accounts may stand there though it is not the public internet.
    pub allow: Vec<Network>,
    pub items: super::items::Config,
    /// Token requests per account and day.
    pub token_budget: u32,
    /// How long a person has to pass a challenge of the platform.
    pub challenge_life: Duration,
    pub backoff: BackoffConfig,
    pub gap: GapConfig,
    /// An incomplete search for missed messages is begun again after this long.
    pub gap_retry: Duration,
    /// Pushes of one account that may wait to be stored; beyond, the line is dropped and history tells them later.
    pub unstored: usize,
}

impl Config {
    /// The number of a challenge that nobody guesses, and its end.
    pub fn new_challenge(&self, now: Timestamp) -> (ChallengeId, Timestamp) {
        (ChallengeId::of(rand::random()), now + self.challenge_life)
    }

    /// An HTTP client that reaches the platform directly, or through a proxy.
    pub fn http(&self, proxy: Option<&Proxy>) -> awc::Client {
        let timeout = self.connect_wait.max(self.gateway.timeout);
        let Some(proxy) = proxy else { return http_client(timeout) };
        let (proxy, allow) = (Rc::new(proxy.clone()), Rc::<[Network]>::from(self.allow.as_slice()));
        http_client_over(timeout, fn_service(move |info| tunnel(Rc::clone(&proxy), Rc::clone(&allow), info)))
    }
}

/// Shared by all accounts of a shard. Sent there once, so everything in it may travel.
#[derive(Clone)]
pub struct Env {
    pub config: Arc<Config>,
    pub store: Store,
    pub metrics: Metrics,
    pub neighbours: Neighbours,
    pub limits: Limits,
    pub stopped: Recipient<AccountStopped>,
    pub status: Recipient<StatusChanged>,
    /// Set when this shard was replaced: nothing may leave it any more.
    pub retired: Arc<AtomicBool>,
}

/// The other actors of the same shard.
#[derive(Clone)]
pub struct Neighbours {
    pub ingest: Recipient<Ingest>,
    pub own_seen: Recipient<OwnSeen>,
    pub answered: Recipient<Answered>,
    pub history_seen: Recipient<HistorySeen>,
    pub item_known: Recipient<ItemKnown>,
    pub picture_ready: Recipient<PictureReady>,
    pub online: Vec<Recipient<AccountOnline>>,
    pub offline: Vec<Recipient<AccountOffline>>,
}

/// Caps over all accounts of the process.
#[derive(Clone)]
pub struct Limits {
    /// Accounts that connect at the same time.
    pub connecting: Arc<Semaphore>,
    /// Open sockets.
    pub sockets: Arc<Semaphore>,
}

impl Limits {
    /// Whoever wants to connect now must wait for a place.
    pub(super) fn are_full(&self) -> bool {
        self.connecting.available_permits() == 0 || self.sockets.available_permits() == 0
    }
}

impl Env {
    /// The HTTP client of this thread: one for all its accounts, and one for each proxy that some of them go through.
    pub fn http(&self, proxy: Option<&Proxy>) -> awc::Client {
        thread_local! {
            static HTTP: OnceCell<awc::Client> = const { OnceCell::new() };
            static PROXIED: RefCell<LruCache<Proxy, awc::Client>> = RefCell::new(LruCache::new(PROXIES));
        }
        match proxy {
            None => HTTP.with(|http| http.get_or_init(|| self.config.http(None)).clone()),
            Some(proxy) => PROXIED.with_borrow_mut(|clients| {
                clients.get_or_insert(proxy.clone(), || self.config.http(Some(proxy))).clone()
            }),
        }
    }
}
