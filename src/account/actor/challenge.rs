//! A person passed the platform's challenge: only the platform's word says that it is over.

use actix::prelude::*;
use log::{info, warn};

use super::{
    AccountActor,
    connect::{Credentials, Failure, is_login_over},
    env::Env,
};
use crate::{
    account::{
        facts::AccountFacts,
        messages::{ChallengePassed, NotPassed},
        state::Reason,
        token::{Cause, Governor, Permission},
    },
    platform::{
        cookies::Cookies,
        mtop::{api, call::Call, outcome::Outcome},
    },
    telemetry::clock,
};

impl Handler<ChallengePassed> for AccountActor {
    type Result = ResponseActFuture<Self, Result<(), NotPassed>>;

    fn handle(&mut self, ChallengePassed { cookies, .. }: ChallengePassed, _: &mut Self::Context) -> Self::Result {
        if self.stopping.is_some() {
            return Box::pin(std::future::ready(Err(NotPassed::NotRunning)).into_actor(self));
        }
        let (env, facts) = (self.env.clone(), self.facts.clone());
        let call = self.governor.breaker.as_ref().and_then(|breaker| breaker.call.clone());
        let (epoch, renewals) = (self.epoch, self.renewals);
        let proved = async move { prove(&env, &facts, &cookies, call).await };
        let then = proved.into_actor(self).map(move |proved, actor, ctx| match proved {
            // A person gave another cookie meanwhile, and the account is on its way with that.
            Err((why, _)) if actor.renewals != renewals => Err(why),
            Ok(governor) => {
                info!("account.id" = actor.facts.id.0, "account.name" = &*actor.facts.name; "a person passed the platform's challenge");
                actor.governor = governor;
                actor.connect_anew(ctx);
                Ok(())
            }
            Err((why, governor)) => {
                let Some(governor) = governor else { return Err(why) };
                if actor.is_registered() {
                    actor.want_person(epoch, *governor, ctx);
                    return Err(why);
                }
                actor.governor = *governor;
                // The challenge is not what it waits for any more: people are told what is.
                let cause = actor.governor.breaker.as_ref().map(|breaker| breaker.cause);
                if let Some(cause) = cause.filter(|_| why == NotPassed::LoginRefused) {
                    actor.lose(Failure::blocked(cause), ctx);
                }
                Err(why)
            }
        });
        Box::pin(then)
    }
}

/// Why the challenge is not over; the governor where the answer changed it.
type StillOpen = (NotPassed, Option<Box<Governor>>);

/// Takes the browser's cookies over and repeats the call that was refused, once.
async fn prove(env: &Env, facts: &AccountFacts, cookies: &Cookies, call: Option<Call>) -> Result<Governor, StillOpen> {
    let mut credentials = Credentials::load(&env.store, facts).await.map_err(failed)?;
    let is_challenged = credentials.governor.breaker.as_ref().is_some_and(|breaker| breaker.cause == Cause::Challenge);
    if !is_challenged {
        return Err((NotPassed::NotChallenged, None));
    }
    if cookies.unb().is_some_and(|unb| unb != credentials.uid().as_str()) {
        return Err((NotPassed::OtherSeller, None));
    }
    if credentials.cookies.take_over(cookies) {
        credentials.save_cookies(&env.store).await.map_err(|error| failed(error.into()))?;
    }
    // A token is asked for where the budget has one: however often a person tries.
    let call = call.filter(|call| !call.is_write && call.api != api::LOGIN_TOKEN);
    let mut call = call.unwrap_or_else(|| proof(env, &credentials.governor));
    let mut asked = None;
    if call.api == api::LOGIN_TOKEN {
        asked = credentials.request_token(env, &call).await.map_err(failed)?;
        if asked.is_none() {
            call = api::login_user();
        }
    }
    let is_token = call.api == api::LOGIN_TOKEN;
    let outcome = match asked {
        Some(outcome) => outcome,
        None => credentials.call_once(env, &call).await.map_err(failed)?,
    };
    match outcome {
        Outcome::Success(data) => {
            if is_token {
                credentials.keep_token(&data).map_err(failed)?;
            }
            credentials.governor.close();
            credentials.save(&env.store).await.map_err(|error| failed(error.into()))?;
            Ok(credentials.governor)
        }
        // Whatever it says about the call itself, it let the call through.
        Outcome::Business { .. } if !is_token => {
            credentials.governor.close();
            credentials.save(&env.store).await.map_err(|error| failed(error.into()))?;
            Ok(credentials.governor)
        }
        refused @ (Outcome::Risk { .. } | Outcome::AccessDenied) => {
            let why = match refused {
                Outcome::Risk { .. } => NotPassed::StillAsked,
                _ => NotPassed::LoginRefused,
            };
            credentials.refused(env, refused, Some(call)).await.map_err(failed)?;
            Err((why, Some(Box::new(credentials.governor))))
        }
        refused if is_login_over(&refused) => {
            warn!("account.id" = facts.id.0, "account.name" = &*facts.name, class = "auth"; "the challenge was passed, but the login is over");
            credentials.refused(env, refused, None).await.map_err(failed)?;
            Err((NotPassed::LoginRefused, Some(Box::new(credentials.governor))))
        }
        other => Err((NotPassed::Refused(other.to_string()), None)),
    }
}

/// What is asked where nobody remembers the call, or where repeating it would do something twice: a token, which is needed next, or where
/// there is one or none may be asked for, whether the login stands.
fn proof(env: &Env, governor: &Governor) -> Call {
    let mut without_breaker = governor.clone();
    without_breaker.close();
    match without_breaker.permission(env.config.token_budget, clock::unix()) {
        Permission::Request => api::login_token(&governor.device_id),
        Permission::Use(_) | Permission::Wait(_) | Permission::Blocked(_) => api::login_user(),
    }
}

fn failed(failure: Failure) -> StillOpen {
    let why = failure.detail.unwrap_or_else(|| failure.reason.sentence().to_owned());
    let not_passed = match failure.reason {
        Reason::StorageFailing => NotPassed::Storage(why),
        _ => NotPassed::NoAnswer(why),
    };
    (not_passed, None)
}
