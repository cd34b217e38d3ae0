//! Calls a provider: so many calls at a time, none while it fails, and none for longer than it may take.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lru::LruCache;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    breaker::{Breaker, BreakerConfig},
    dialect::{Completion, Endpoint, Fault},
    prompt::Chat,
    settings::AiSettings,
};
use crate::outgoing::{
    client::{Failure, Method, OutgoingClient, Request},
    url::HttpUrl,
};

/// The longest answer of a provider that is read, in bytes.
const LONGEST: usize = 256 << 10;

/// Providers that are remembered. One that is forgotten is one that nobody asked for long.
// Not zero.
const KNOWN: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// What is known of providers, shared by all shards: a provider that fails for one fails for all.
#[derive(Clone)]
pub struct Providers {
    known: Arc<Mutex<LruCache<String, Provider>>>,
    /// Calls of one provider at a time.
    at_once: usize,
    breaker: BreakerConfig,
}

#[derive(Clone)]
struct Provider {
    permits: Arc<Semaphore>,
    breaker: Arc<Mutex<Breaker>>,
}

/// For the thread it is made on.
#[derive(Clone)]
pub struct AiClient {
    outgoing: OutgoingClient,
    providers: Providers,
}

/// Why a provider gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailed {
    /// It failed too often and is left alone for a while.
    #[error("the provider failed several times and is left alone for a while")]
    Open,
    #[error("the provider did not answer in time")]
    Timeout,
    #[error("the address of the provider is no web address")]
    BadUrl,
    #[error(transparent)]
    NotReached(Failure),
    #[error("the provider said: {}", .0.said)]
    Refused(Fault),
}

impl CallFailed {
    /// Stable, for programs and translations.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open => "provider_rests",
            Self::Timeout => "timeout",
            Self::BadUrl => "bad_url",
            Self::NotReached(failure) => failure.code(),
            Self::Refused(fault) => fault.code.as_str(),
        }
    }

    /// Whether the provider is to blame; a call that is wrong is wrong everywhere.
    fn counts(&self) -> bool {
        match self {
            Self::Open | Self::BadUrl => false,
            Self::Timeout => true,
            Self::NotReached(failure) => failure.may_pass(),
            Self::Refused(fault) => fault.code.is_of_provider(),
        }
    }
}

impl Providers {
    /// `at_once`: calls of one provider at a time.
    pub fn new(at_once: usize, breaker: BreakerConfig) -> Self {
        Self { known: Arc::new(Mutex::new(LruCache::new(KNOWN))), at_once, breaker }
    }

    /// A provider is where it is: another key or model does not make it another.
    fn of(&self, base_url: &str) -> Provider {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Provider {
            permits: Arc::new(Semaphore::new(self.at_once)),
            breaker: Arc::new(Mutex::new(Breaker::new(self.breaker))),
        };
        known.get_or_insert(base_url.to_owned(), made).clone()
    }
}

impl AiClient {
    pub fn new(outgoing: OutgoingClient, providers: Providers) -> Self {
        Self { outgoing, providers }
    }

    /// One call. Waiting for its turn counts as time it takes.
    pub async fn complete(&self, settings: &AiSettings, chat: &Chat) -> Result<Completion, CallFailed> {
        let provider = self.providers.of(&settings.provider.base_url);
        let began = Instant::now();
        let permit = timeout(settings.patience, provider.permits.acquire()).await;
        // The semaphore is never closed.
        let _permit = permit.map_err(|_| CallFailed::Timeout)?;
        let attempt = Attempt::begin(&provider.breaker).ok_or(CallFailed::Open)?;
        let left = settings.patience.saturating_sub(began.elapsed());
        let outcome = self.call(settings, chat, left).await;
        attempt.end(outcome.as_ref().err().is_none_or(|failed| !failed.counts()));
        outcome
    }

    async fn call(&self, settings: &AiSettings, chat: &Chat, patience: Duration) -> Result<Completion, CallFailed> {
        let endpoint = Endpoint {
            base_url: settings.provider.base_url.clone(),
            model: settings.provider.model.clone(),
            key: settings.key.as_ref().map(|key| key.0.clone()).unwrap_or_default(),
        };
        let dialect = settings.provider.dialect.dialect();
        let wanted = dialect.request(&endpoint, chat);
        let url = HttpUrl::parse(&wanted.url).map_err(|_| CallFailed::BadUrl)?;
        let mut request = Request { timeout: patience, max_bytes: LONGEST, ..Request::new(Method::POST, url) };
        for (name, value) in wanted.headers {
            request = request.header(name, value);
        }
        request.body = wanted.body.into();
        let answer = self.outgoing.send(request).await.map_err(CallFailed::from)?;
        let body = answer.body().map_err(|failure| CallFailed::NotReached(failure.clone()))?;
        dialect.read(answer.status, body).map_err(|fault| CallFailed::Refused(fault.hiding(&endpoint.key)))
    }
}

impl From<Failure> for CallFailed {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout(_) => Self::Timeout,
            other => Self::NotReached(other),
        }
    }
}

/// A call that the breaker let through. Dropped without an end, it was called off and tells nothing about the provider.
struct Attempt<'a> {
    breaker: &'a Mutex<Breaker>,
    ended: bool,
}

impl<'a> Attempt<'a> {
    fn begin(breaker: &'a Mutex<Breaker>) -> Option<Self> {
        let allowed = breaker.lock().unwrap_or_else(PoisonError::into_inner).allow(Instant::now().into_std());
        allowed.then_some(Self { breaker, ended: false })
    }

    fn end(mut self, well: bool) {
        self.ended = true;
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        if well {
            breaker.succeeded();
        } else {
            breaker.failed(Instant::now().into_std());
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.breaker.lock().unwrap_or_else(PoisonError::into_inner).cancelled(Instant::now().into_std());
        }
    }
}
