//! Whether the line stands, asked by a person. Nothing is written to the platform, and to nobody: it lists one conversation.

use std::time::Duration;

use actix::prelude::*;
use tokio::{sync::oneshot, time::Instant};

use super::{AccountActor, Purpose};
use crate::{
    account::messages::{NotProbed, ProbeLine},
    platform::lwp::{command::Command, session::RequestError},
    store::account_sessions,
    telemetry::clock,
};

impl Handler<ProbeLine> for AccountActor {
    type Result = ResponseActFuture<Self, Result<Duration, NotProbed>>;

    fn handle(&mut self, _: ProbeLine, ctx: &mut Self::Context) -> Self::Result {
        if !self.is_registered() {
            self.note_probe(&Err(NotProbed::Offline), ctx);
            return Box::pin(std::future::ready(Err(NotProbed::Offline)).into_actor(self));
        }
        let (answer, told) = oneshot::channel();
        let began = Instant::now();
        self.ask(Command::ListConversations { cursor: None, limit: 1 }, Purpose::Probe(answer));
        self.drive(ctx);
        let then = async move { told.await.unwrap_or(Err(RequestError::Lost)) }.into_actor(self).map(
            move |answer, actor, ctx| {
                let outcome = match answer {
                    // An answer that we cannot use is one all the same.
                    Ok(()) | Err(RequestError::TooFast | RequestError::Unreadable) => Ok(began.elapsed()),
                    Err(error) => Err(NotProbed::NoAnswer(error.to_string())),
                };
                actor.note_probe(&outcome, ctx);
                outcome
            },
        );
        Box::pin(then)
    }
}

impl AccountActor {
    fn note_probe(&self, outcome: &Result<Duration, NotProbed>, ctx: &mut Context<Self>) {
        let (id, now) = (self.facts.id, clock::unix());
        let outcome = match outcome {
            Ok(took) => Ok(i64::try_from(took.as_millis()).unwrap_or(i64::MAX)),
            Err(error) => Err(error.to_string()),
        };
        self.note("what became of a probe", ctx, move |conn| {
            account_sessions::note_probe(conn, id, outcome.as_ref().copied().map_err(String::as_str), now)
        });
    }
}
