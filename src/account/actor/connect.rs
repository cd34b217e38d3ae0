//! From nothing to an open WebSocket: a place among those that connect, the credentials, a token, the socket.

use std::{sync::Arc, time::Duration};

use log::{info, warn};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::env::Env;
use crate::{
    account::{
        facts::AccountFacts,
        login_session::{self, Claim},
        state::{ErrorClass, Reason, State},
        token::{Breaker, Cause, Governor, Permission, Token},
    },
    ids::{AccountId, BuyerId, Timestamp},
    inbox::messages::Cursor,
    outgoing::proxy::Proxy,
    platform::{
        cookies::Cookies,
        device,
        mtop::{
            api::{self, AccessToken},
            call::Call,
            client::{CallReport, GatewayClient, MOST_REQUESTS},
            outcome::Outcome,
        },
        passport::client::{PassportClient, PassportError},
        socket::{self, Reader, Writer},
    },
    store::{self, DbConn, Store, StoreError, account_tokens::TokenRow},
    telemetry::clock,
};

/// An open WebSocket, not yet registered.
pub(super) struct Opened {
    pub(super) writer: Writer,
    pub(super) reader: Reader,
    pub(super) token: String,
    pub(super) governor: Governor,
    pub(super) cursor: Cursor,
    /// The account never was connected: it has missed nothing.
    pub(super) first_time: bool,
    pub(super) permits: Permits,
}

/// Places held by this account; free again when dropped, however that comes about.
pub(super) struct Permits {
    /// Given back once registered.
    pub(super) connecting: Option<OwnedSemaphorePermit>,
    _socket: OwnedSemaphorePermit,
}

/// Why there is no connection, and when to try again.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) state: State,
    pub(super) reason: Reason,
    pub(super) detail: Option<String>,
    pub(super) pause: Pause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    Backoff,
    /// At least as long as the longest ordinary back-off.
    Long,
    Until(Timestamp),
    /// A person must act.
    Forever,
}

impl Failure {
    /// It heals by itself, at the pace of its class: nobody fights another client, and a refusal is not repeated blindly.
    pub(super) fn heals(reason: Reason, detail: impl Into<String>) -> Self {
        let pause = match reason.class() {
            Some(ErrorClass::Connection | ErrorClass::Business) => Pause::Long,
            Some(ErrorClass::Network | ErrorClass::Credential) | None => Pause::Backoff,
        };
        Self { state: State::Reconnecting, reason, detail: Some(detail.into()), pause }
    }

    fn needs_person(reason: Reason, detail: Option<String>) -> Self {
        Self { state: State::Failed, reason, detail, pause: Pause::Forever }
    }

    pub(super) fn blocked(cause: Cause) -> Self {
        Self::needs_person(cause.reason(), None)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::heals(Reason::StorageFailing, error.to_string())
    }
}

/// Everything up to the WebSocket's handshake. Each wait but the one for a free place has a deadline.
pub(super) async fn open(env: Env, facts: AccountFacts) -> Result<Opened, Failure> {
    let permits =
        Permits { _socket: place(&env.limits.sockets).await?, connecting: Some(place(&env.limits.connecting).await?) };
    // A database that takes no writes would take no messages either: then the platform is left alone.
    env.store.ping().await?;
    let mut credentials = Credentials::load(&env.store, &facts).await?;
    let (cursor, first_time) = credentials.cursor(&env.store).await?;
    let token = credentials.token(&env, &facts).await?;
    let http = credentials.http(&env);
    let opened = socket::connect(
        &http,
        &env.config.im_url,
        credentials.cookies.header(),
        &env.config.user_agent,
        env.config.connect_wait,
    );
    let (writer, reader) = opened.await.map_err(|error| Failure::heals(Reason::NetworkError, error.to_string()))?;
    Ok(Opened { writer, reader, token, governor: credentials.governor, cursor, first_time, permits })
}

async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failure> {
    let place = Arc::clone(places).acquire_owned().await;
    place.map_err(|_| Failure::heals(Reason::ShutDown, "the server is shutting down"))
}

/// An account's secrets for the length of one connect or one call; not kept while it is idle.
pub(super) struct Credentials {
    account: AccountId,
    uid: BuyerId,
    version: i64,
    pub(super) cookies: Cookies,
    pub(super) governor: Governor,
    cursor: Option<Cursor>,
    /// When somebody gave the cookie.
    set_at: Timestamp,
    /// The last check of the login that was known when the cookies were read.
    checked_at: Option<Timestamp>,
    proxy: Option<Proxy>,
}

impl Credentials {
    pub(super) async fn load(store: &Store, facts: &AccountFacts) -> Result<Self, Failure> {
        Self::read(store, facts.id, &facts.uid).await
    }

    async fn read(store: &Store, id: AccountId, uid: &BuyerId) -> Result<Self, Failure> {
        let rows = store.read(move |conn| {
            let credentials = store::accounts::load_credentials(conn, id)?;
            let session = store::account_sessions::find(conn, id)?;
            let rows = (store::account_tokens::load(conn, id)?, store::account_cursors::load(conn, id)?);
            Ok((credentials, session, rows))
        });
        let (credentials, session, (token, cursor)) = rows.await?;
        let credentials = credentials
            .ok_or_else(|| Failure::needs_person(Reason::CookieUnusable, Some("the account is gone".into())))?;
        let unusable = |why: String| Failure::needs_person(Reason::CookieUnusable, Some(why));
        let cookie = store.keys().open(&store::accounts::cookie_place(&credentials.uid), &credentials.cookie);
        let cookies = Cookies::parse(cookie.map_err(|error| unusable(error.to_string()))?.expose());
        if !cookies.missing().is_empty() {
            return Err(unusable(format!("the cookie has no {}", cookies.missing().join(" and no "))));
        }
        let mut governor = match token {
            Some(row) => read_governor(store, row, credentials.version).map_err(|error| unusable(error.to_string()))?,
            None => Governor::default(),
        };
        if governor.device_id.is_empty() {
            governor.device_id = device::device_id(rand::random(), uid.as_str());
        }
        let cursor = cursor.map(|cursor| Cursor { pts: cursor.pts, seen_at: cursor.seen_at });
        let proxy = credentials.proxy.as_ref().map(|sealed| read_proxy(store, id, sealed)).transpose();
        Ok(Self {
            account: id,
            uid: credentials.uid,
            version: credentials.version,
            cookies,
            governor,
            cursor,
            set_at: credentials.set_at,
            checked_at: session.and_then(|session| session.checked_at),
            proxy: proxy.map_err(|why| Failure::heals(Reason::NetworkError, why))?,
        })
    }

    /// The client that reaches the platform as the account is to reach it.
    pub(super) fn http(&self, env: &Env) -> awc::Client {
        env.http(self.proxy.as_ref())
    }

    /// From where messages count. Written down before the first connect, so that a crash right after it loses nothing.
    async fn cursor(&self, store: &Store) -> Result<(Cursor, bool), StoreError> {
        if let Some(cursor) = self.cursor {
            return Ok((cursor, false));
        }
        let now = clock::unix();
        let cursor = Cursor { pts: now.0 * 1000, seen_at: now };
        let row = store::account_cursors::Cursor { account: self.account, pts: cursor.pts, seen_at: cursor.seen_at };
        store.write(move |conn| store::account_cursors::put_many(conn, &[row])).await?;
        Ok((cursor, true))
    }

    async fn token(&mut self, env: &Env, facts: &AccountFacts) -> Result<String, Failure> {
        if let Some(token) = self.usable_token(env)? {
            return Ok(token);
        }
        info!("account.id" = facts.id.0, "account.name" = &*facts.name, requests_today = self.governor.used_today(clock::unix()) + 1; "asking the platform for an access token");
        let call = api::login_token(&self.governor.device_id);
        let mut asked = self.request_token(env, &call).await?;
        if asked.as_ref().is_some_and(is_login_over) && self.refresh_login(env).await? {
            // Somebody else may have got one meanwhile, or spent the day's budget.
            if let Some(token) = self.usable_token(env)? {
                return Ok(token);
            }
            asked = self.request_token(env, &call).await?;
        }
        let data = match asked {
            Some(Outcome::Success(data)) => data,
            Some(refused) => return Err(self.refused(env, refused, Some(call)).await?),
            None => {
                let cut_short = || Failure::heals(Reason::TokenRefused, "the day's budget had no more signatures");
                return self.usable_token(env)?.ok_or_else(cut_short);
            }
        };
        let token = self.keep_token(&data)?;
        self.save(&env.store).await?;
        Ok(token)
    }

    /// `None`: one may be asked for.
    fn usable_token(&self, env: &Env) -> Result<Option<String>, Failure> {
        match self.governor.permission(env.config.token_budget, clock::unix()) {
            Permission::Use(token) => Ok(Some(token)),
            Permission::Request => Ok(None),
            Permission::Wait(until) => Err(Failure {
                state: State::Reconnecting,
                reason: Reason::TokenBudgetSpent,
                detail: Some(format!("{} requests today", self.governor.used_today(clock::unix()))),
                pause: Pause::Until(until),
            }),
            Permission::Blocked(breaker) => Err(Failure::blocked(breaker.cause)),
        }
    }

    /// Written down before it is made: a crash must not make it free. Without an answer it is given back; what the platform answered was
    /// made, whatever becomes of it. `None`: the budget ended before it could be said whether the login is over.
    pub(super) async fn request_token(&mut self, env: &Env, call: &Call) -> Result<Option<Outcome>, Failure> {
        let most = self.governor.left(env.config.token_budget, clock::unix());
        self.governor.spend(1, clock::unix());
        self.save(&env.store).await?;
        let (answered, requests) = self.call_within(env, call, most).await?;
        let made = if answered.is_ok() { requests } else { requests.saturating_sub(1) };
        env.metrics.token_requested(made);
        match made {
            0 => self.governor.refund(1, clock::unix()),
            made => self.governor.spend(made - 1, clock::unix()),
        }
        if made != 1 {
            self.save(&env.store).await?;
        }
        let outcome = answered?;
        let is_cut_short = outcome == Outcome::Token && requests < MOST_REQUESTS;
        Ok((!is_cut_short).then_some(outcome))
    }

    /// Takes the token of a successful answer. To be saved.
    pub(super) fn keep_token(&mut self, data: &Value) -> Result<String, Failure> {
        let token =
            AccessToken::read(data).map_err(|error| Failure::heals(Reason::PlatformError, error.to_string()))?;
        let life = token.expires_in_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        self.governor.keep(token.token.clone(), life, clock::unix());
        Ok(token.token)
    }

    /// One call of the gateway; the cookies it brings are stored. Where the login is over it is checked, and the call is made once more.
    pub(super) async fn call(&mut self, env: &Env, call: &Call) -> Result<Outcome, Failure> {
        let outcome = self.call_once(env, call).await?;
        if !is_login_over(&outcome) || !self.refresh_login(env).await? {
            return Ok(outcome);
        }
        self.call_once(env, call).await
    }

    pub(super) async fn call_once(&mut self, env: &Env, call: &Call) -> Result<Outcome, Failure> {
        self.call_within(env, call, u32::MAX).await?.0
    }

    /// With at most so many requests; how many it took, answered or not.
    async fn call_within(
        &mut self,
        env: &Env,
        call: &Call,
        most: u32,
    ) -> Result<(Result<Outcome, Failure>, u32), Failure> {
        let gateway = GatewayClient::new(self.http(env), env.config.gateway.clone());
        let report = gateway.call_within(call, &mut self.cookies, most).await;
        let CallReport { outcome, requests, cookies_changed } = report;
        if cookies_changed {
            self.save_cookies(&env.store).await?;
        }
        Ok((outcome.map_err(|error| Failure::heals(Reason::NetworkError, error.to_string())), requests))
    }

    /// A call was refused because the login is over: whether it stands again, after a check that the platform may be asked for.
    pub(super) async fn refresh_login(&mut self, env: &Env) -> Result<bool, Failure> {
        let (account, seen, now) = (self.account, self.checked_at, clock::unix());
        let claim = env.store.write(move |conn| store::account_sessions::claim_check(conn, account, seen, now)).await?;
        match claim {
            Claim::Granted => self.check_login(env).await,
            Claim::Done => {
                *self = Self::read(&env.store, account, &self.uid.clone()).await?;
                Ok(self.governor.breaker.is_none())
            }
            Claim::Wait => Err(Failure {
                state: State::Reconnecting,
                reason: Reason::PlatformError,
                detail: Some("the login is being checked".into()),
                pause: Pause::Until(now + login_session::WAIT),
            }),
            Claim::Refused => Ok(false),
        }
    }

    /// Asks the platform whether the login stands, which refreshes it. The check was claimed.
    pub(super) async fn check_login(&mut self, env: &Env) -> Result<bool, Failure> {
        info!("account.id" = self.account.0; "asking the platform whether the login still stands");
        env.metrics.login_checked();
        let passport = PassportClient::new(self.http(env), env.config.passport.clone());
        let answered = passport.has_login(&mut self.cookies).await;
        let (account, now) = (self.account, clock::unix());
        self.checked_at = Some(now);
        match answered {
            Ok(true) => {
                let ends_at = login_session::ends_at(&self.cookies, now);
                self.save_cookies_until(&env.store, Some(ends_at)).await?;
                Ok(true)
            }
            Ok(false) => {
                self.save_cookies(&env.store).await?;
                Ok(false)
            }
            Err(PassportError::Risk { url }) => Err(self.refused(env, Outcome::Risk { url }, None).await?),
            Err(error @ PassportError::Failed(_)) => {
                env.store.write(move |conn| store::account_sessions::unanswered(conn, account, now)).await?;
                Err(Failure::heals(Reason::NetworkError, error.to_string()))
            }
            // It was reached, so the check counts: when the day's are made a person is asked.
            Err(error @ (PassportError::Redirected | PassportError::Unread(_))) => {
                env.store.write(move |conn| store::account_sessions::answered_oddly(conn, account)).await?;
                Err(Failure::heals(Reason::PlatformError, error.to_string()))
            }
        }
    }

    /// What a refused call means for the account. Risk control opens the breaker: not one more call until a person acts.
    pub(super) async fn refused(
        &mut self,
        env: &Env,
        outcome: Outcome,
        call: Option<Call>,
    ) -> Result<Failure, Failure> {
        let (cause, url) = match outcome {
            Outcome::Risk { url } => (Cause::Challenge, url),
            Outcome::AccessDenied => (Cause::AccessDenied, None),
            // A token error that new signatures did not mend: the session is lost too.
            Outcome::Session | Outcome::Token => (Cause::SessionExpired, None),
            other => return Ok(Failure::heals(Reason::PlatformError, other.to_string())),
        };
        let now = clock::unix();
        self.governor.trip(cause, url, call, now);
        let (account, version, governor) = (self.account, self.version, self.governor.clone());
        let (keys, challenge) = (env.store.keys().clone(), env.config.new_challenge(now));
        let put = move |conn: &mut DbConn| {
            store::account_tokens::put_tripped(conn, &keys, account, version, &governor, challenge, now)
        };
        env.store.write(put).await?;
        warn!("account.id" = self.account.0, class = "auth"; "the platform wants a person: {}", cause.reason().sentence());
        Ok(Failure::blocked(cause))
    }

    pub(super) async fn save(&self, store: &Store) -> Result<(), StoreError> {
        save_governor(store, self.account, self.version, &self.governor).await
    }

    pub(super) async fn save_cookies(&self, store: &Store) -> Result<(), StoreError> {
        self.save_cookies_until(store, login_session::stated_end(&self.cookies, self.set_at)).await
    }

    /// `ends_at`: when the login is thought to end, where that is known better now.
    async fn save_cookies_until(&self, store: &Store, ends_at: Option<Timestamp>) -> Result<(), StoreError> {
        let (account, version, now) = (self.account, self.version, clock::unix());
        let sealed = store.keys().seal(&store::accounts::cookie_place(&self.uid), self.cookies.header());
        store
            .write(move |conn| store::accounts::refresh_cookie(conn, account, version, &sealed, ends_at, now))
            .await
            .map(drop)
    }

    pub(super) fn uid(&self) -> &BuyerId {
        &self.uid
    }
}

/// The session is lost: the platform says so, or no new signature helps.
pub(super) fn is_login_over(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Session | Outcome::Token)
}

/// The proxy that the account is reached through, where it has one.
pub(in crate::account) async fn stored_proxy(store: &Store, id: AccountId) -> Result<Option<Proxy>, String> {
    let read = store.read(move |conn| store::accounts::load_credentials(conn, id)).await;
    let sealed = read.map_err(|error| error.to_string())?.and_then(|credentials| credentials.proxy);
    sealed.map(|sealed| read_proxy(store, id, &sealed)).transpose()
}

fn read_proxy(store: &Store, id: AccountId, sealed: &store::Sealed) -> Result<Proxy, String> {
    let text = store.keys().open(&store::accounts::proxy_place(id), sealed).map_err(|error| error.to_string())?;
    Proxy::parse(text.expose()).map_err(|fault| format!("the proxy cannot be used: {fault}"))
}

fn read_governor(store: &Store, row: TokenRow, version: i64) -> Result<Governor, store::secret::SecretError> {
    let open = |place: String, sealed: Option<store::Sealed>| {
        sealed.map(|sealed| store.keys().open(&place, &sealed).map(|secret| secret.expose().to_owned())).transpose()
    };
    let token = open(store::account_tokens::token_place(row.account), row.token)?;
    let url = open(store::account_tokens::breaker_place(row.account), row.breaker_url)?;
    let mut governor = Governor {
        token: token.map(|value| Token {
            value,
            issued_at: row.issued_at.unwrap_or(Timestamp(0)),
            expires_at: row.expires_at,
        }),
        device_id: row.device_id,
        budget_day: row.budget_day,
        budget_used: u32::try_from(row.budget_used).unwrap_or(u32::MAX),
        breaker: row.breaker_since.map(|since| Breaker {
            since,
            cause: row.breaker_reason.as_deref().and_then(|reason| reason.parse().ok()).unwrap_or(Cause::Challenge),
            url,
            call: None,
        }),
    };
    if row.credentials_version != version {
        governor.renew();
    }
    Ok(governor)
}

/// Writes down what must survive a restart.
pub(super) async fn save_governor(
    store: &Store,
    account: AccountId,
    version: i64,
    governor: &Governor,
) -> Result<(), StoreError> {
    let (keys, governor) = (store.keys().clone(), governor.clone());
    store.write(move |conn| store::account_tokens::put(conn, &keys, account, version, &governor)).await
}
