//! Carries logins out, each as a task of its own. Once a process, on the thread of the HTTP server.
//!
//! A login belongs to the person who began it: nobody else finds it, and its number is no secret that opens anything (T8). Cookies are kept
//! only while it runs, in memory; they are stored when the platform accepted them, and never shown.

mod prove;

use std::{collections::HashMap, num::NonZeroUsize, rc::Rc, time::Duration};

use actix::prelude::*;
use log::{info, warn};
use tokio::time::sleep;

use self::prove::{Proved, keep, prove};
use super::{CHALLENGE_LIFE, Fault, KEPT, Kind, LIFE, LoginId, Next, POLL, Step, after};
use crate::{
    account::{
        actor::{Config as AccountConfig, stored_proxy},
        messages::Refresh,
        state::State,
    },
    ids::{AccountId, Timestamp, UserId},
    outgoing::proxy::Proxy,
    platform::{
        cookies::Cookies,
        mtop::{api, client::GatewayClient},
        passport::client::{PassportClient, PassportError},
    },
    store::{DbConn, Scope, Secret, Store, account_states, accounts, audit},
    telemetry::clock,
};

/// Logins of one person that run at the same time: another one ends the oldest.
const OF_ONE: usize = 3;

/// Calls of a code that may fail in a row.
const FAILURES: u32 = 5;

/// How often what is long over is forgotten.
const SWEEP: Duration = Duration::from_secs(30);

/// How often it is looked whether an account that waited for a person is connected.
const LOOK: Duration = Duration::from_secs(2);

/// What logins need of the rest.
#[derive(Clone)]
pub struct Needs {
    pub store: Store,
    pub config: Rc<AccountConfig>,
    /// Of all persons together.
    pub at_once: NonZeroUsize,
    /// Who looks at the database for what should run; a dead one is replaced.
    pub registry: Rc<dyn Fn() -> Recipient<Refresh>>,
}

pub struct LoginActor {
    needs: Needs,
    http: awc::Client,
    logins: HashMap<LoginId, Login>,
}

struct Login {
    /// Who began it.
    user: UserId,
    kind: Kind,
    step: Step,
    /// Codes that were shown.
    codes: u32,
    /// Who the platform says they are.
    nickname: Option<String>,
    picture: Option<String>,
    begun_at: Timestamp,
    /// Until then it is to be finished; afterwards, when it ended.
    expires_at: Timestamp,
    task: SpawnHandle,
    expiry: SpawnHandle,
}

/// Who logs an account in, and by what right.
#[derive(Clone)]
pub struct Who {
    pub user: UserId,
    /// Whose account it becomes.
    pub scope: Scope,
    pub actor: audit::Actor,
}

/// How an account is to get in.
pub enum Wanted {
    Qr,
    /// These cookies, read from what was pasted.
    Cookies(Secret),
}

/// Begins a login.
#[derive(Message)]
#[rtype(result = "Result<LoginState, NotBegun>")]
pub struct BeginLogin {
    pub who: Who,
    pub wanted: Wanted,
    /// The account that is to have it; `None`: the one of that seller, or a new one.
    pub account: Option<AccountId>,
    /// Of a new account; `None`: as the platform calls the seller.
    pub name: Option<String>,
    /// How the platform is reached, by a new account from then on as well.
    pub proxy: Option<Proxy>,
}

/// Why a login is not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBegun {
    TooMany,
}

/// Where does this login of this person stand? `None`: they have none of that number.
#[derive(Message)]
#[rtype(result = "Option<LoginState>")]
pub struct FindLogin {
    pub user: UserId,
    pub id: LoginId,
}

/// All logins of a person that are not forgotten, the newest first.
#[derive(Message)]
#[rtype(result = "Vec<LoginState>")]
pub struct ListLogins(pub UserId);

/// Ends a login. `false`: they have none of that number.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct EndLogin {
    pub user: UserId,
    pub id: LoginId,
}

/// What a person sees of their login.
#[derive(Clone)]
pub struct LoginState {
    pub id: LoginId,
    pub kind: Kind,
    pub step: Step,
    /// Codes that were shown.
    pub codes: u32,
    pub nickname: Option<String>,
    pub picture: Option<String>,
    pub begun_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A login's task got on.
#[derive(Message)]
#[rtype(result = "()")]
struct Moved {
    id: LoginId,
    step: Step,
    profile: Option<api::Profile>,
}

/// What a login's task works with.
#[derive(Clone)]
struct Means {
    store: Store,
    config: Rc<AccountConfig>,
    http: awc::Client,
    proxy: Option<Proxy>,
    registry: Rc<dyn Fn() -> Recipient<Refresh>>,
    id: LoginId,
    told: Addr<LoginActor>,
}

impl Means {
    /// An account that is here is reached through its proxy, where no other one was named.
    async fn through_its_proxy(&self, account: AccountId) -> Result<Self, Fault> {
        if self.proxy.is_some() {
            return Ok(self.clone());
        }
        let proxy = stored_proxy(&self.store, account).await.map_err(|why| {
            warn!("account.id" = account.0, class = "network"; "a login cannot go through the account's proxy: {why}");
            Fault::Network
        })?;
        let http = proxy.as_ref().map_or_else(|| self.http.clone(), |proxy| self.config.http(Some(proxy)));
        Ok(Self { http, proxy, ..self.clone() })
    }

    fn tell(&self, step: Step, profile: Option<api::Profile>) {
        // Lost only with the actor, and with it the login.
        self.told.do_send(Moved { id: self.id.clone(), step, profile });
    }
}

impl LoginActor {
    /// For the thread it is started on.
    pub fn new(needs: Needs) -> Self {
        let http = needs.config.http(None);
        Self { needs, http, logins: HashMap::new() }
    }

    fn means(&self, id: LoginId, proxy: Option<Proxy>, told: Addr<Self>) -> Means {
        let config = Rc::clone(&self.needs.config);
        let http = proxy.as_ref().map_or_else(|| self.http.clone(), |proxy| config.http(Some(proxy)));
        let (store, registry) = (self.needs.store.clone(), Rc::clone(&self.needs.registry));
        Means { store, config, http, proxy, registry, id, told }
    }

    fn running(&self) -> impl Iterator<Item = (&LoginId, &Login)> {
        self.logins.iter().filter(|(_, login)| !login.step.is_over())
    }

    /// The step a login ends with.
    fn end(&mut self, id: &LoginId, fault: Fault, ctx: &mut Context<Self>) {
        let Some(login) = self.logins.get_mut(id).filter(|login| !login.step.is_over()) else { return };
        ctx.cancel_future(login.task);
        login.step = Step::Failed(fault);
        login.over(ctx);
    }

    fn set_expiry(&mut self, id: &LoginId, life: Duration, ctx: &mut Context<Self>) {
        let Some(login) = self.logins.get_mut(id) else { return };
        ctx.cancel_future(login.expiry);
        login.expires_at = clock::unix() + life;
        let expired = id.clone();
        login.expiry = ctx.run_later(life, move |actor, ctx| actor.end(&expired, Fault::Expired, ctx));
    }
}

impl Login {
    fn over(&mut self, ctx: &mut Context<LoginActor>) {
        ctx.cancel_future(self.expiry);
        self.expires_at = clock::unix();
    }

    fn state(&self, id: &LoginId) -> LoginState {
        LoginState {
            id: id.clone(),
            kind: self.kind,
            step: self.step.clone(),
            codes: self.codes,
            nickname: self.nickname.clone(),
            picture: self.picture.clone(),
            begun_at: self.begun_at,
            expires_at: self.expires_at,
        }
    }
}

impl Actor for LoginActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(SWEEP, |actor, _| {
            let now = clock::unix();
            actor.logins.retain(|_, login| !login.step.is_over() || now.since(login.expires_at) < KEPT);
        });
    }
}

impl Handler<BeginLogin> for LoginActor {
    type Result = MessageResult<BeginLogin>;

    fn handle(&mut self, begin: BeginLogin, ctx: &mut Self::Context) -> Self::Result {
        let BeginLogin { who, wanted, account, name, proxy } = begin;
        let own: Vec<(Timestamp, LoginId)> = self
            .running()
            .filter(|(_, login)| login.user == who.user)
            .map(|(id, login)| (login.begun_at, id.clone()))
            .collect();
        if own.len() >= OF_ONE {
            if let Some((_, oldest)) = own.iter().min_by_key(|(at, _)| *at) {
                self.end(oldest, Fault::Ended, ctx);
            }
        } else if self.running().count() >= self.needs.at_once.get() {
            return MessageResult(Err(NotBegun::TooMany));
        }
        let (id, now) = (LoginId::new(rand::random()), clock::unix());
        let means = self.means(id.clone(), proxy, ctx.address());
        let (kind, step) = match wanted {
            Wanted::Qr => (Kind::Qr, Step::Preparing),
            Wanted::Cookies(_) => (Kind::Cookies, Step::Proving),
        };
        let user = who.user;
        let task = async move {
            let ended = run(&means, &who, wanted, account, name).await;
            means.tell(ended.unwrap_or_else(Step::Failed), None);
        };
        let task = ctx.spawn(task.into_actor(self));
        let login = Login {
            user,
            kind,
            step,
            codes: 0,
            nickname: None,
            picture: None,
            begun_at: now,
            expires_at: now + LIFE,
            task,
            expiry: SpawnHandle::default(),
        };
        let state = login.state(&id);
        self.logins.insert(id.clone(), login);
        self.set_expiry(&id, LIFE, ctx);
        MessageResult(Ok(state))
    }
}

impl Handler<FindLogin> for LoginActor {
    type Result = MessageResult<FindLogin>;

    fn handle(&mut self, FindLogin { user, id }: FindLogin, _: &mut Self::Context) -> Self::Result {
        let found = self.logins.get(&id).filter(|login| login.user == user);
        MessageResult(found.map(|login| login.state(&id)))
    }
}

impl Handler<ListLogins> for LoginActor {
    type Result = MessageResult<ListLogins>;

    fn handle(&mut self, ListLogins(user): ListLogins, _: &mut Self::Context) -> Self::Result {
        let own = self.logins.iter().filter(|(_, login)| login.user == user);
        let mut states: Vec<LoginState> = own.map(|(id, login)| login.state(id)).collect();
        states.sort_by_key(|state| std::cmp::Reverse(state.begun_at));
        MessageResult(states)
    }
}

impl Handler<EndLogin> for LoginActor {
    type Result = bool;

    fn handle(&mut self, EndLogin { user, id }: EndLogin, ctx: &mut Self::Context) -> bool {
        let is_own = self.logins.get(&id).is_some_and(|login| login.user == user);
        if is_own {
            self.end(&id, Fault::Ended, ctx);
        }
        is_own
    }
}

impl Handler<Moved> for LoginActor {
    type Result = ();

    fn handle(&mut self, Moved { id, step, profile }: Moved, ctx: &mut Self::Context) {
        let Some(login) = self.logins.get_mut(&id).filter(|login| !login.step.is_over()) else { return };
        if let Some(profile) = profile {
            (login.nickname, login.picture) = (Some(profile.nickname), profile.picture);
        }
        let waits_for_a_person = matches!(step, Step::Challenge { .. }) && login.step != step;
        let (before, now) = (login.step.code(), step.code());
        if now.is_some() && now != before {
            login.codes += 1;
        }
        login.step = step;
        if login.step.is_over() {
            info!(kind = login.kind.as_str(), "user.id" = login.user.0; "a login ended: {:?}", login.step);
            login.over(ctx);
        } else if waits_for_a_person {
            self.set_expiry(&id, CHALLENGE_LIFE, ctx);
        }
    }
}

/// From the beginning to the last step.
async fn run(
    means: &Means,
    who: &Who,
    wanted: Wanted,
    account: Option<AccountId>,
    name: Option<String>,
) -> Result<Step, Fault> {
    let means = &match account {
        Some(account) => means.through_its_proxy(account).await?,
        None => means.clone(),
    };
    let jar = match wanted {
        Wanted::Qr => scan(means).await?,
        Wanted::Cookies(text) => Cookies::parse(text.expose()),
    };
    means.tell(Step::Proving, None);
    let proved: Proved = prove(means, who, jar, account).await?;
    let (profile, is_challenged) = (proved.profile.clone(), proved.challenge.is_some());
    means.tell(Step::Proving, profile);
    let (account, is_new) = keep(means, who, name, proved).await?;
    let kept_at = clock::unix();
    // Missed, the registry looks a moment later anyway.
    (means.registry)().do_send(Refresh);
    if is_challenged {
        means.tell(Step::Challenge { account }, None);
        connected(means, who, account, kept_at).await?;
    }
    Ok(Step::Complete { account, is_new })
}

/// Shows codes until one is confirmed: the jar that is logged in by it.
async fn scan(means: &Means) -> Result<Cookies, Fault> {
    let config = &means.config;
    let passport = PassportClient::new(means.http.clone(), config.passport.clone());
    let mut jar = Cookies::parse("");
    let gateway = GatewayClient::new(means.http.clone(), config.gateway.clone());
    // Any call brings the token that later ones are signed with; what it says besides is of no use.
    gateway.call(&api::home(), &mut jar).await.outcome.map_err(|_| Fault::Network)?;
    let form = passport.begin(&mut jar).await.map_err(|error| fault(&error))?;
    loop {
        let code = passport.code(&form, &mut jar).await.map_err(|error| fault(&error))?;
        means.tell(Step::Qr { content: code.content.clone(), is_scanned: false }, None);
        let mut failures = 0;
        loop {
            // At a fixed pace, whatever the answer (K14).
            sleep(POLL).await;
            let answer = match passport.ask(&form, &code, &mut jar).await {
                Ok(answer) => answer,
                Err(error) => {
                    failures += 1;
                    if failures >= FAILURES {
                        return Err(fault(&error));
                    }
                    continue;
                }
            };
            failures = 0;
            match after(answer, &code.content) {
                Next::Wait(step) => means.tell(step, None),
                Next::Renew => break,
                Next::Fail(fault) => return Err(fault),
                Next::Confirmed => {
                    // Keeps the login for a month; one that is kept for less is good all the same.
                    if let Err(error) = passport.stay(&mut jar).await {
                        info!("the platform was not asked to keep a login: {error}");
                    }
                    return Ok(jar);
                }
            }
        }
    }
}

fn fault(error: &PassportError) -> Fault {
    match error {
        PassportError::Failed(_) => Fault::Network,
        PassportError::Risk { .. } => Fault::AccessDenied,
        PassportError::Redirected | PassportError::Unread(_) => Fault::Platform,
    }
}

/// Waits until a person passed the challenge and the account is connected, after `since`: before, it may have been with another login.
async fn connected(means: &Means, who: &Who, account: AccountId, since: Timestamp) -> Result<(), Fault> {
    loop {
        let scope = who.scope;
        let read = move |conn: &mut DbConn| {
            if accounts::get(conn, &scope, account).is_err() {
                return Ok(None);
            }
            Ok(Some(account_states::find(conn, &scope, account)?))
        };
        match means.store.read(read).await? {
            None => return Err(Fault::AccountGone),
            Some(Some(status)) if status.state == State::Connected && status.since > since => return Ok(()),
            Some(_) => sleep(LOOK).await,
        }
    }
}
