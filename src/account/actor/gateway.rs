//! Calls of the gateway that others want made in the account's name.

use actix::prelude::*;

use super::{
    AccountActor, Purpose,
    connect::{Credentials, Failure},
    env::Env,
};
use crate::{
    account::{
        call::NotCalled,
        facts::AccountFacts,
        messages::{AskConversation, CallGateway},
        state::{State, Status},
        token::Governor,
    },
    ids::ConversationId,
    platform::{
        lwp::{
            command::Command,
            session::{Answer, RequestError},
        },
        mtop::{call::Call, outcome::Outcome},
    },
    telemetry::clock,
};

/// Why nothing came of a call; the governor where the platform wants a person.
type Refused = (NotCalled, Option<Box<Governor>>);

impl Handler<CallGateway> for AccountActor {
    type Result = ResponseActFuture<Self, Result<Outcome, NotCalled>>;

    fn handle(&mut self, CallGateway(call): CallGateway, _: &mut Self::Context) -> Self::Result {
        if !self.is_registered() {
            return Box::pin(std::future::ready(Err(NotCalled::Offline)).into_actor(self));
        }
        let (env, facts, epoch) = (self.env.clone(), self.facts.clone(), self.epoch);
        let called = async move { make(&env, &facts, &call).await };
        let then = called.into_actor(self).map(move |called, actor, ctx| {
            called.map_err(|(why, tripped)| {
                match tripped {
                    Some(governor) => actor.want_person(epoch, *governor, ctx),
                    None => actor.look_at_breaker(ctx),
                }
                why
            })
        });
        Box::pin(then)
    }
}

impl AccountActor {
    /// A call over the line of that `epoch` was refused: none is made until a person acted, and people are told. The line itself stands:
    /// buyers are heard and answered with texts as long as the platform lets it.
    pub(super) fn want_person(&mut self, epoch: u64, governor: Governor, ctx: &mut Context<Self>) {
        if self.epoch != epoch {
            // It was about a line that is gone, and perhaps about a cookie that is: what is stored says what holds.
            return self.look_at_breaker(ctx);
        }
        self.governor = governor;
        self.tell_breaker();
    }

    fn tell_breaker(&mut self) {
        let Some(breaker) = self.governor.breaker.as_ref().filter(|_| self.is_registered()) else { return };
        let Failure { state, reason, .. } = Failure::blocked(breaker.cause);
        if (state, reason) != (self.status.state, self.status.reason) {
            let status = Status::new(state, reason, clock::unix());
            self.set_status(status.with_detail("the connection still stands: messages come and texts go"));
        }
    }

    /// A call came to nothing. Whether no call may be made any more, for whatever reason, stands in the database.
    pub(super) fn look_at_breaker(&mut self, ctx: &mut Context<Self>) {
        if !self.is_registered() || self.status.state == State::Failed {
            return;
        }
        let (env, facts, epoch) = (self.env.clone(), self.facts.clone(), self.epoch);
        let stored = async move { Credentials::load(&env.store, &facts).await.map(|credentials| credentials.governor) };
        let then = stored.into_actor(self).map(move |stored, actor, _| {
            // What cannot be read now is met again by the next call.
            let Ok(Some(breaker)) = stored.map(|governor| governor.breaker) else { return };
            if actor.epoch == epoch {
                actor.governor.breaker.get_or_insert(breaker);
                actor.tell_breaker();
            }
        });
        ctx.spawn(then);
    }
}

async fn make(env: &Env, facts: &AccountFacts, call: &Call) -> Result<Outcome, Refused> {
    let mut credentials = Credentials::load(&env.store, facts).await.map_err(unknown)?;
    if credentials.governor.breaker.is_some() {
        return Err((NotCalled::NeedsPerson, None));
    }
    let outcome = credentials.call(env, call).await.map_err(unknown)?;
    match outcome {
        Outcome::Success(_) | Outcome::Business { .. } | Outcome::BadRequest => Ok(outcome),
        Outcome::RateLimited => Err((NotCalled::TooMany, None)),
        refused => {
            let failure = credentials.refused(env, refused, Some(call.clone())).await.map_err(unknown)?;
            if failure.state == State::Failed {
                return Err((NotCalled::NeedsPerson, Some(Box::new(credentials.governor))));
            }
            Err(unknown(failure))
        }
    }
}

fn unknown(failure: Failure) -> Refused {
    let why = failure.detail.unwrap_or_else(|| failure.reason.as_str().to_owned());
    (NotCalled::NoAnswer(why), None)
}

impl Handler<AskConversation> for AccountActor {
    type Result = ResponseActFuture<Self, Result<ConversationId, NotCalled>>;

    fn handle(&mut self, AskConversation { peer, item }: AskConversation, ctx: &mut Self::Context) -> Self::Result {
        if !self.is_registered() {
            return Box::pin(std::future::ready(Err(NotCalled::Offline)).into_actor(self));
        }
        let (answer, told) = tokio::sync::oneshot::channel();
        self.ask(Command::CreateConversation { peer, item }, Purpose::Conversation(answer));
        self.drive(ctx);
        let lost = || Err(NotCalled::NoAnswer("the line broke".into()));
        Box::pin(async move { told.await.unwrap_or_else(|_| lost()) }.into_actor(self))
    }
}

/// What an answer tells of the conversation that was asked for.
pub(super) fn conversation_of(answer: Result<Answer, RequestError>) -> Result<ConversationId, NotCalled> {
    match answer {
        Ok(Answer::Conversation { conversation }) => Ok(conversation),
        Ok(_) => Err(NotCalled::NoAnswer("another answer than the one that was asked for".into())),
        Err(RequestError::TooFast) => Err(NotCalled::TooMany),
        Err(error) => Err(NotCalled::NoAnswer(error.to_string())),
    }
}
