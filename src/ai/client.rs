//! Calls a provider: so many calls at a time and of each account a few, none while it fails, and none for longer than it may take.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use super::{
    breaker::{Breaker, BreakerConfig},
    dialect::{Completion, Endpoint, Fault},
    prompt::Chat,
    settings::AiSettings,
};
use crate::{
    ids::AccountId,
    outgoing::{
        client::{Failure, Method, OutgoingClient, Request},
        url::HttpUrl,
    },
    reply::queue::Queue,
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
    shares: Shares,
    breaker: BreakerConfig,
}

/// How many calls of one provider there may be at a time.
#[derive(Debug, Clone, Copy)]
pub struct Shares {
    pub all: usize,
    /// Of one account.
    pub account: usize,
}

#[derive(Clone)]
struct Provider {
    places: Arc<Places>,
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
    pub fn new(shares: Shares, breaker: BreakerConfig) -> Self {
        Self { known: Arc::new(Mutex::new(LruCache::new(KNOWN))), shares, breaker }
    }

    /// A provider is where it is: another key or model does not make it another.
    fn of(&self, base_url: &str) -> Provider {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Provider {
            places: Arc::new(Places::new(self.shares)),
            breaker: Arc::new(Mutex::new(Breaker::new(self.breaker))),
        };
        known.get_or_insert(base_url.to_owned(), made).clone()
    }
}

impl AiClient {
    pub fn new(outgoing: OutgoingClient, providers: Providers) -> Self {
        Self { outgoing, providers }
    }

    /// One call for an account. Waiting for its turn counts as time it takes.
    pub async fn complete(
        &self,
        account: AccountId,
        settings: &AiSettings,
        chat: &Chat,
    ) -> Result<Completion, CallFailed> {
        let provider = self.providers.of(&settings.provider.base_url);
        let began = Instant::now();
        let place = timeout(settings.patience, provider.places.take(account)).await;
        let _place = place.map_err(|_| CallFailed::Timeout)?;
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

/// The calls of a provider, and who waits for one: each account in its order, and the accounts by turns.
struct Places {
    shares: Shares,
    state: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Of those accounts that have any.
    by_account: HashMap<AccountId, usize>,
    waiting: Queue<(AccountId, oneshot::Sender<Place>)>,
}

/// One call. Dropped, it is the next one's who waits.
struct Place {
    /// `None` once it is given back.
    of: Option<Arc<Places>>,
    account: AccountId,
}

impl Places {
    fn new(shares: Shares) -> Self {
        Self { shares, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, Taken> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place. Who is dropped meanwhile does not wait any more.
    async fn take(self: &Arc<Self>, account: AccountId) -> Place {
        let (turn, comes) = oneshot::channel();
        self.state().waiting.push(account, (account, turn));
        self.hand_out();
        // Nobody drops a turn that waits but with all of this.
        comes.await.unwrap_or(Place { of: None, account })
    }

    /// Gives what is free to whoever is next.
    fn hand_out(self: &Arc<Self>) {
        loop {
            // Not in the condition of the loop, which would hold the lock while others are told.
            let next = self.state().next(self.shares);
            let Some((account, turn)) = next else { return };
            let place = Place { of: Some(Arc::clone(self)), account };
            if let Err(mut place) = turn.send(place) {
                // Nobody waits for it any more. Not dropped, which would hand out from within.
                place.of = None;
                self.state().give_back(account);
            }
        }
    }
}

impl Taken {
    fn next(&mut self, shares: Shares) -> Option<(AccountId, oneshot::Sender<Place>)> {
        if self.all >= shares.all {
            return None;
        }
        let by_account = &self.by_account;
        let next = self.waiting.next(|account| by_account.get(&account).is_none_or(|taken| *taken < shares.account))?;
        self.all += 1;
        *self.by_account.entry(next.0).or_default() += 1;
        Some(next)
    }

    fn give_back(&mut self, account: AccountId) {
        self.all -= 1;
        if let Some(taken) = self.by_account.get_mut(&account) {
            *taken -= 1;
            if *taken == 0 {
                self.by_account.remove(&account);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.of.take() {
            places.state().give_back(self.account);
            places.hand_out();
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::pin::Pin;

    use futures_util::FutureExt as _;

    use super::*;

    const A: AccountId = AccountId(1);
    const B: AccountId = AccountId(2);
    const C: AccountId = AccountId(3);

    fn places(all: usize, account: usize) -> Arc<Places> {
        Arc::new(Places::new(Shares { all, account }))
    }

    /// Stands in line. Whether it is its turn is seen when it is polled.
    fn stand(places: &Arc<Places>, account: AccountId) -> Pin<Box<dyn Future<Output = Place>>> {
        let places = Arc::clone(places);
        let mut wait: Pin<Box<dyn Future<Output = Place>>> = Box::pin(async move { places.take(account).await });
        assert!((&mut wait).now_or_never().is_none());
        wait
    }

    fn at_once(places: &Arc<Places>, account: AccountId) -> Place {
        places.take(account).now_or_never().unwrap()
    }

    #[test]
    fn an_account_has_its_share_and_the_rest_is_for_others() {
        let places = places(3, 2);
        let (first, _second) = (at_once(&places, A), at_once(&places, A));
        let mut third = stand(&places, A);
        let _other = at_once(&places, B);
        let mut last = stand(&places, C);
        drop(first);
        assert!((&mut third).now_or_never().is_some_and(|place| place.account == A), "it came first");
        // Its place was given back at once.
        assert!((&mut last).now_or_never().is_some());
        assert_eq!(places.state().all, 2);
    }

    #[test]
    fn accounts_take_turns_and_each_keeps_its_order() {
        let places = places(1, 1);
        let mut held = at_once(&places, A);
        let mut line: Vec<_> = [A, A, A, B, C, B].map(|account| Some(stand(&places, account))).into();
        let mut order = Vec::new();
        while line.iter().any(Option::is_some) {
            drop(held);
            let next = line.iter_mut().enumerate().find_map(|(at, wait)| {
                let place = wait.as_mut()?.now_or_never()?;
                Some((at, place))
            });
            let (at, place) = next.unwrap();
            line[at] = None;
            order.push(at);
            held = place;
        }
        assert_eq!(order, [0, 3, 4, 1, 5, 2]);
    }

    #[test]
    fn who_does_not_wait_any_more_takes_no_place_and_nothing_is_kept_of_accounts_that_are_done() {
        let places = places(2, 1);
        let held = [at_once(&places, A), at_once(&places, B)];
        let gone: Vec<_> = (0..10_000).map(|_| stand(&places, A)).collect();
        let mut waits = stand(&places, A);
        drop(gone);
        drop(held);
        let place = (&mut waits).now_or_never().unwrap();
        let late = stand(&places, A);
        drop(place);
        // Its turn has come, and it goes before it hears of it.
        drop(late);
        let state = places.state();
        assert!(state.all == 0 && state.by_account.is_empty() && state.waiting.is_empty());
    }
}
