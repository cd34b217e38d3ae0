//! The login is looked after: checked once a day while the line stands, and what the platform says of other connections is kept.

use std::time::Duration;

use actix::prelude::*;
use log::warn;

use super::{
    AccountActor,
    connect::{Credentials, Failure, is_login_over},
    env::Env,
};
use crate::{
    account::{facts::AccountFacts, state::Reason, token::Governor},
    platform::mtop::{api, outcome::Outcome},
    store::{self, DbConn, StoreError, account_sessions},
    telemetry::clock,
};

/// After the database failed, and at least between two looks.
const PAUSE: Duration = Duration::from_mins(1);

/// The longest text of the platform that is kept.
const WORDS: usize = 200;

impl AccountActor {
    /// Sets the timer for the next check of the login, as the database knows it: a restart asks the platform for nothing.
    pub(super) fn plan_care(&mut self, ctx: &mut Context<Self>) {
        let (store, id, epoch) = (self.env.store.clone(), self.facts.id, self.epoch);
        let planned = async move { store.read(move |conn| account_sessions::next_care(conn, id)).await };
        let then = planned.into_actor(self).map(move |planned, actor, ctx| {
            if actor.epoch != epoch || !actor.is_registered() {
                return;
            }
            let wait = match planned {
                Ok(Some(at)) => at.since(clock::unix()),
                Ok(None) => return,
                Err(error) => {
                    warn!(class = "database"; "cannot read when a login is to be checked: {error}");
                    PAUSE
                }
            };
            ctx.cancel_future(actor.care);
            actor.care = ctx.run_later(wait.max(PAUSE), Self::take_care);
        });
        ctx.spawn(then);
    }

    fn take_care(&mut self, ctx: &mut Context<Self>) {
        if self.governor.breaker.is_some() {
            // Planned anew with the next connection: nothing is asked until a person acted.
            return;
        }
        let (env, facts, epoch) = (self.env.clone(), self.facts.clone(), self.epoch);
        let cared = async move { care(&env, &facts).await };
        let then = cared.into_actor(self).map(move |cared, actor, ctx| {
            if actor.epoch != epoch {
                return;
            }
            match cared {
                Ok(Some(governor)) => actor.want_person(epoch, *governor, ctx),
                Ok(None) => {}
                Err(failure) => {
                    actor.look_at_breaker(ctx);
                    let why = failure.detail.unwrap_or_default();
                    warn!("account.id" = actor.facts.id.0, "account.name" = &*actor.facts.name, class = "auth"; "the login could not be checked: {why}");
                }
            }
            actor.plan_care(ctx);
        });
        ctx.spawn(then);
    }

    /// Another client took the connection: which words the platform had for that.
    pub(super) fn note_kick(&self, failure: &Failure, ctx: &mut Context<Self>) {
        if !matches!(failure.reason, Reason::KickedOut | Reason::TooManySessions) {
            return;
        }
        let words: String = failure.detail.iter().flat_map(|text| text.chars()).take(WORDS).collect();
        let (id, reason, now) = (self.facts.id, failure.reason, clock::unix());
        self.note("a connection that was taken", ctx, move |conn| {
            account_sessions::note_kick(conn, id, reason, &words, now)
        });
    }

    pub(super) fn note_gap_filled(&self, ctx: &mut Context<Self>) {
        let (id, now) = (self.facts.id, clock::unix());
        self.note("a search for missed messages", ctx, move |conn| account_sessions::note_gap_filled(conn, id, now));
    }

    /// Writes down what people may want to know and nothing depends on.
    pub(super) fn note(
        &self,
        what: &'static str,
        ctx: &mut Context<Self>,
        write: impl FnOnce(&mut DbConn) -> store::QueryResult<()> + Send + 'static,
    ) {
        let store = self.env.store.clone();
        let noted = async move { store.write(write).await };
        let then = noted.into_actor(self).map(move |noted: Result<(), StoreError>, _, _| {
            if let Err(error) = noted {
                warn!(class = "database"; "cannot write down {what}: {error}");
            }
        });
        ctx.spawn(then);
    }
}

/// The daily check, where it is due. The governor where the login does not stand any more.
pub(super) async fn care(env: &Env, facts: &AccountFacts) -> Result<Option<Box<Governor>>, Failure> {
    let (account, now) = (facts.id, clock::unix());
    let mut credentials = Credentials::load(&env.store, facts).await?;
    if credentials.governor.breaker.is_some() {
        return Ok(Some(Box::new(credentials.governor)));
    }
    let is_due = env.store.write(move |conn| account_sessions::claim_care(conn, account, now)).await?;
    if !is_due || credentials.check_login(env).await? {
        return Ok(None);
    }
    // The login service alone takes no account that works from its buyers: a call says whether the session is over.
    let ask = api::login_user();
    let outcome = credentials.call_once(env, &ask).await?;
    if !is_login_over(&outcome) && !matches!(outcome, Outcome::Risk { .. } | Outcome::AccessDenied) {
        return Ok(None);
    }
    credentials.refused(env, outcome, Some(ask)).await?;
    Ok(Some(Box::new(credentials.governor)))
}
