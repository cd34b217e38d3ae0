//! Whether a login is good: the platform says who it is, and lets a connection in. Only then is anything stored.

use std::time::Duration;

use futures_util::StreamExt as _;
use log::warn;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{Means, Who};
use crate::{
    account::{
        login::Fault,
        token::{Cause, Governor},
    },
    ids::{AccountId, BuyerId, Timestamp},
    platform::{
        cookies::Cookies,
        device,
        lwp::session::{Registration, Session, SessionEvent},
        mtop::{
            api::{self, AccessToken, Profile},
            call::Call,
            client::GatewayClient,
            outcome::Outcome,
        },
        socket::{self, Incoming},
    },
    store::{
        DbConn, QueryResult, Secret, StoreError,
        account_cursors::{self, Cursor},
        account_sessions, account_tokens,
        accounts::{self, NewAccount, NotSaved},
        audit::{self, Deed},
    },
    telemetry::clock,
};

/// For opening the connection that proves a login, and for being let in.
const CONNECT_WAIT: Duration = Duration::from_secs(30);

/// Names that are tried where the platform's name of the seller is one of their accounts' already.
const NAMES: usize = 50;

/// The longest name of an account, in characters.
const NAME: usize = 64;

/// A login that the platform accepted, or wants a person for.
pub(super) struct Proved {
    pub(super) jar: Cookies,
    pub(super) seller: BuyerId,
    /// The account that has it, where there is one.
    pub(super) known: Option<AccountId>,
    pub(super) profile: Option<Profile>,
    pub(super) governor: Governor,
    /// The platform's challenge stands between: its page, and the call that was refused.
    pub(super) challenge: Option<(String, Call)>,
}

/// Which account is to have the login. Nothing is asked of the platform for one that somebody else has.
async fn holder(means: &Means, who: &Who, seller: &BuyerId, wanted: Option<AccountId>) -> Result<Known, Fault> {
    let (scope, uid) = (who.scope, seller.clone());
    let read = move |conn: &mut DbConn| -> QueryResult<Result<Known, Fault>> {
        let known = match accounts::find_seller(conn, &uid)? {
            Some(id) if accounts::get(conn, &scope, id).is_ok() => Some(id),
            Some(_) => return Ok(Err(Fault::Taken)),
            None => None,
        };
        if wanted.is_some() && wanted != known {
            return Ok(Err(Fault::AnotherSeller));
        }
        let token = known.map(|id| account_tokens::load(conn, id)).transpose()?.flatten();
        let (device, budget) = token.map_or_else(Default::default, |row| {
            (row.device_id, (row.budget_day, u32::try_from(row.budget_used).unwrap_or(u32::MAX)))
        });
        Ok(Ok(Known { id: known, device, budget }))
    };
    means.store.read(read).await?
}

/// What is known of the seller's account.
struct Known {
    id: Option<AccountId>,
    device: String,
    /// The day of the last token requests, and how many it had.
    budget: (i64, u32),
}

pub(super) async fn prove(
    means: &Means,
    who: &Who,
    mut jar: Cookies,
    wanted: Option<AccountId>,
) -> Result<Proved, Fault> {
    let seller = jar.seller().map_err(|_| Fault::Unusable)?;
    let Known { id: known, device, budget: (budget_day, budget_used) } = holder(means, who, &seller, wanted).await?;
    let device_id = if device.is_empty() { device::device_id(rand::random(), seller.as_str()) } else { device };
    let means = &match known {
        Some(account) => means.through_its_proxy(account).await?,
        None => means.clone(),
    };
    let mut governor = Governor { device_id, budget_day, budget_used, ..Governor::default() };
    let proved = |jar: Cookies, profile, governor, challenge| Proved {
        jar,
        seller: seller.clone(),
        known,
        profile,
        governor,
        challenge,
    };
    let ask = api::user_page();
    let profile = match call(means, &ask, &mut jar).await? {
        Outcome::Success(data) => Profile::read(&data),
        Outcome::Risk { url: Some(url) } => return Ok(proved(jar, None, governor, Some((url, ask)))),
        refused => return Err(fault_of(&refused)),
    };
    let ask = api::login_token(&governor.device_id);
    governor.spend(1, clock::unix());
    let data: Value = match call(means, &ask, &mut jar).await? {
        Outcome::Success(data) => data,
        Outcome::Risk { url: Some(url) } => return Ok(proved(jar, profile, governor, Some((url, ask)))),
        refused => return Err(fault_of(&refused)),
    };
    let token = AccessToken::read(&data).map_err(|_| Fault::Platform)?;
    let life = token.expires_in_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    governor.keep(token.token.clone(), life, clock::unix());
    connect(means, &seller, &jar, &governor.device_id, token.token).await?;
    Ok(proved(jar, profile, governor, None))
}

async fn call(means: &Means, call: &Call, jar: &mut Cookies) -> Result<Outcome, Fault> {
    let gateway = GatewayClient::new(means.http.clone(), means.config.gateway.clone());
    gateway.call(call, jar).await.outcome.map_err(|error| {
        warn!(class = "network"; "a login cannot be proved: {error}");
        Fault::Network
    })
}

fn fault_of(refused: &Outcome) -> Fault {
    match refused {
        Outcome::Session | Outcome::Token => Fault::Refused,
        Outcome::AccessDenied | Outcome::Risk { .. } => Fault::AccessDenied,
        Outcome::Success(_)
        | Outcome::BadRequest
        | Outcome::RateLimited
        | Outcome::Server
        | Outcome::Business { .. }
        | Outcome::Unknown { .. } => Fault::Platform,
    }
}

/// A connection is let in, and hung up: what it was pushed was not acknowledged, so nothing of it is lost.
async fn connect(means: &Means, seller: &BuyerId, jar: &Cookies, device_id: &str, token: String) -> Result<(), Fault> {
    let deadline = Instant::now() + CONNECT_WAIT;
    let config = &means.config;
    let opened = socket::connect(&means.http, &config.im_url, jar.header(), &config.user_agent, CONNECT_WAIT);
    let (writer, mut reader) = opened.await.map_err(|error| {
        warn!(class = "network"; "a login is given no connection: {error}");
        Fault::Network
    })?;
    let registration = Registration {
        uid: seller.clone(),
        token,
        device_id: device_id.to_owned(),
        user_agent: config.user_agent.clone(),
        pts: None,
        seen_at: clock::unix(),
        seed: rand::random(),
        first_heartbeat: config.session.heartbeat,
    };
    let mut session = Session::new(config.session, registration, clock::now());
    let outcome = loop {
        while let Some(text) = session.poll_transmit() {
            if writer.send(text).is_err() {
                break;
            }
        }
        match session.poll_event() {
            Some(SessionEvent::Registered) => break Ok(()),
            Some(event) => {
                warn!(class = "auth"; "a login is given no connection: {event:?}");
                break Err(Fault::NoConnection);
            }
            None => {}
        }
        match timeout_at(deadline, reader.next()).await {
            Ok(Some(Ok(Incoming::Text(text)))) => session.handle_frame(&text, clock::now()),
            Ok(Some(Ok(Incoming::Closed { .. })) | None) | Err(_) => break Err(Fault::NoConnection),
            Ok(Some(Err(_))) => break Err(Fault::Network),
        }
    };
    writer.abort();
    outcome
}

/// Stores the login: a new account, or the one that is known, with the token that was proved. Answers with its number and whether it is new.
pub(super) async fn keep(
    means: &Means,
    who: &Who,
    name: Option<String>,
    proved: Proved,
) -> Result<(AccountId, bool), Fault> {
    let (keys, scope, actor, now) = (means.store.keys().clone(), who.scope, who.actor.clone(), clock::unix());
    let waits = means.config.new_challenge(now);
    let proxy = means.proxy.as_ref().map(|proxy| Secret::new(proxy.full()));
    let write = move |conn: &mut DbConn| -> QueryResult<Result<(AccountId, bool), Fault>> {
        let Proved { jar, seller, known, profile, governor, challenge } = proved;
        let cookie = Secret::new(jar.header());
        let (id, version) = match known {
            Some(id) => match accounts::replace_credentials(conn, &keys, &scope, id, (&seller, &cookie), now)? {
                Ok(version) => (id, version),
                Err(reason) => return Ok(Err(fault(reason))),
            },
            None => {
                let wished = profile.as_ref().map(|profile| profile.nickname.as_str());
                let name = match name {
                    Some(name) => name,
                    None => free_name(conn, &scope, wished, &seller)?,
                };
                let new = NewAccount { name, uid: seller.clone(), cookie, enabled: None };
                match accounts::insert(conn, &keys, &scope, &new, now)? {
                    Ok(id) => (id, 1),
                    Err(reason) => return Ok(Err(fault(reason))),
                }
            }
        };
        if known.is_none() && proxy.is_some() {
            accounts::set_proxy(conn, &keys, &scope, id, proxy.as_ref(), now)?;
        }
        if let Some(profile) = &profile {
            account_sessions::note_profile(conn, id, &profile.nickname, profile.picture.as_deref())?;
        }
        if account_cursors::load(conn, id)?.is_none() {
            // What is written to it from now on counts.
            account_cursors::put_many(conn, &[Cursor { account: id, pts: now.0 * 1000, seen_at: now }])?;
        }
        let governor = with_breaker(governor, challenge, now);
        account_tokens::put_tripped(conn, &keys, id, version, &governor, waits, now)?;
        let action = if known.is_some() { "account.credentials" } else { "account.create" };
        audit::record(conn, &actor, &Deed::new(action, id).of(scope.user()), now)?;
        Ok(Ok((id, known.is_none())))
    };
    means.store.write(write).await?
}

fn with_breaker(mut governor: Governor, challenge: Option<(String, Call)>, now: Timestamp) -> Governor {
    if let Some((url, call)) = challenge {
        governor.trip(Cause::Challenge, Some(url), Some(call), now);
    }
    governor
}

fn fault(reason: NotSaved) -> Fault {
    match reason {
        NotSaved::NotFound | NotSaved::Forbidden => Fault::AccountGone,
        NotSaved::NameTaken => Fault::NameTaken,
        NotSaved::UidTaken => Fault::Taken,
        NotSaved::AnotherSeller => Fault::AnotherSeller,
    }
}

/// The seller's name on the platform, or their number there, which no other account of this owner has.
fn free_name(
    conn: &mut DbConn,
    scope: &crate::store::Scope,
    nickname: Option<&str>,
    seller: &BuyerId,
) -> QueryResult<String> {
    let plain: String = nickname.unwrap_or_default().chars().filter(|c| !c.is_control()).take(NAME - 4).collect();
    let base = if plain.trim().is_empty() { seller.to_string() } else { plain.trim().to_owned() };
    for number in 1..NAMES {
        let name = if number == 1 { base.clone() } else { format!("{base} {number}") };
        if accounts::find(conn, scope, &name)?.is_none() {
            return Ok(name);
        }
    }
    Ok(seller.to_string())
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        warn!(class = "database"; "a login cannot be stored: {error}");
        Self::Storage
    }
}
