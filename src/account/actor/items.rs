//! What is done about the account's items: one chore after the other, while the line stands.
//!
//! What comes next is asked of the database each time ([`agenda`]), so that nothing is forgotten over a restart. A chore is one call of the
//! gateway (`chores.rs`), within the rate of the settings. None is made while a stop switch is on or the platform wants a person. Chores never hold up
//! the line: they are futures of their own.

use std::time::Duration;

use actix::prelude::*;
use log::warn;

use super::{
    AccountActor,
    chores::{self, Done, Plan, Polished, Reading, TOO_MANY},
    connect::Failure,
};
use crate::{
    ids::Timestamp,
    item::{
        agenda::{self, Chore},
        messages::{ItemsWanted, NotPolished, PolishNow},
    },
    outbox::rate::{Rate, RateConfig},
    store,
    telemetry::clock,
};

/// After a stop switch the agenda is looked at again after this long.
const STOPPED: Duration = Duration::from_secs(60);

/// Pause after a call that failed; doubles with each in a row.
const PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// Calls at once after a quiet time.
const BURST: u32 = 5;

/// How chores are done.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    pub agenda: agenda::Config,
    /// Calls of one account about its items, in the long run. Zero: as fast as they come.
    pub calls_per_minute: u32,
}

pub(super) struct Chores {
    rate: Rate,
    timer: SpawnHandle,
    /// When the timer goes off.
    alarm: Option<Timestamp>,
    working: bool,
    /// When the agenda is to be looked at again, asked for while it was working: what it knows may be old.
    asked: Option<Timestamp>,
    /// After a call that failed nothing is done before.
    not_before: Timestamp,
    /// Calls that failed in a row.
    failures: u32,
    /// The list that is being read.
    reading: Option<Reading>,
}

impl Chores {
    pub(super) fn new(config: &Config) -> Self {
        let per_second = f64::from(config.calls_per_minute) / 60.0;
        Self {
            rate: Rate::new(RateConfig { per_second, burst: BURST }),
            timer: SpawnHandle::default(),
            alarm: None,
            working: false,
            asked: None,
            not_before: Timestamp(0),
            failures: 0,
            reading: None,
        }
    }

    fn pause(&mut self) -> Duration {
        self.failures += 1;
        LONGEST_PAUSE.min(PAUSE * 2_u32.saturating_pow(self.failures - 1))
    }
}

impl AccountActor {
    /// Looks at the agenda after this long, unless that is done sooner anyway.
    pub(super) fn look_at_items(&mut self, after: Duration, ctx: &mut Context<Self>) {
        let at = clock::unix() + after;
        if self.chores.working {
            self.chores.asked = Some(self.chores.asked.map_or(at, |asked| asked.min(at)));
            return;
        }
        let at = self.chores.asked.take().map_or(at, |asked| asked.min(at)).max(self.chores.not_before);
        if !self.is_registered() || self.chores.alarm.is_some_and(|alarm| alarm <= at) {
            return;
        }
        ctx.cancel_future(self.chores.timer);
        self.chores.alarm = Some(at);
        self.chores.timer = ctx.run_later(at.since(clock::unix()), |actor, ctx| {
            actor.chores.alarm = None;
            actor.plan_chore(ctx);
        });
    }

    /// The line is gone: nothing more is begun. A call that is under way comes to its end.
    pub(super) fn leave_items(&mut self, ctx: &mut Context<Self>) {
        ctx.cancel_future(self.chores.timer);
        self.chores.alarm = None;
    }

    pub(super) fn is_registered(&self) -> bool {
        self.stopping.is_none() && self.link.as_ref().is_some_and(|link| link.registered)
    }

    fn plan_chore(&mut self, ctx: &mut Context<Self>) {
        if self.chores.working || !self.is_registered() {
            return;
        }
        self.chores.working = true;
        let (store, facts, config) = (self.env.store.clone(), self.facts.clone(), self.env.config.items.agenda);
        let planned = async move { store.read(move |conn| chores::plan(conn, &facts, &config, clock::unix())).await };
        let then = planned.into_actor(self).map(|planned, actor, ctx| {
            actor.chores.working = false;
            match planned {
                Ok(Plan::Chore(Chore::Rest(until))) => actor.look_at_items(until.since(clock::unix()), ctx),
                Ok(Plan::Stopped) => actor.look_at_items(STOPPED, ctx),
                Ok(Plan::Chore(chore)) => actor.begin_chore(chore, ctx),
                Err(error) => {
                    warn!(class = "database"; "cannot read what is to be done about items: {error}");
                    actor.look_at_items(PAUSE, ctx);
                }
            }
        });
        ctx.spawn(then);
    }

    fn begin_chore(&mut self, chore: Chore, ctx: &mut Context<Self>) {
        if !self.is_registered() {
            return;
        }
        let now = clock::now().instant;
        if let Err(from) = self.chores.rate.try_take(now) {
            return self.look_at_items(from.saturating_duration_since(now), ctx);
        }
        self.chores.working = true;
        let (env, facts, epoch, reading) =
            (self.env.clone(), self.facts.clone(), self.epoch, self.chores.reading.take());
        let done = async move { chores::work(&env, &facts, chore, reading).await };
        let then = done.into_actor(self).map(move |done, actor, ctx| {
            actor.chores.working = false;
            let pause = actor.chore_done(epoch, done, ctx);
            actor.chores.not_before = clock::unix() + pause;
            actor.look_at_items(pause, ctx);
        });
        ctx.spawn(then);
    }

    /// How long to rest before the next.
    fn chore_done(&mut self, epoch: u64, done: Result<Done, Failure>, ctx: &mut Context<Self>) -> Duration {
        let badly = |failure: Failure| Done::Badly {
            pause: Duration::ZERO,
            why: failure.detail.unwrap_or_else(|| failure.reason.as_str().to_owned()),
        };
        match done.unwrap_or_else(badly) {
            Done::Well { reading, told } => {
                self.chores.failures = 0;
                self.chores.reading = reading;
                told.into_iter().for_each(|known| self.tell_item(known));
                Duration::ZERO
            }
            Done::Badly { pause, why } => {
                self.look_at_breaker(ctx);
                warn!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, class = "network"; "a call about items failed: {why}");
                pause.max(self.chores.pause())
            }
            Done::Tripped(governor) => {
                self.want_person(epoch, *governor, ctx);
                LONGEST_PAUSE
            }
        }
    }
}

impl Handler<ItemsWanted> for AccountActor {
    type Result = ();

    fn handle(&mut self, _: ItemsWanted, ctx: &mut Self::Context) {
        // A person knows more than the pauses do.
        (self.chores.failures, self.chores.not_before) = (0, Timestamp(0));
        self.look_at_items(Duration::ZERO, ctx);
    }
}

impl Handler<PolishNow> for AccountActor {
    type Result = ResponseActFuture<Self, Result<(), NotPolished>>;

    fn handle(&mut self, PolishNow { item, .. }: PolishNow, _: &mut Self::Context) -> Self::Result {
        if !self.is_registered() {
            return Box::pin(std::future::ready(Err(NotPolished::Unavailable)).into_actor(self));
        }
        let now = clock::now().instant;
        if let Err(from) = self.chores.rate.try_take(now) {
            let wait = from.saturating_duration_since(now).as_secs() + 1;
            return Box::pin(std::future::ready(Err(NotPolished::TooFast(wait))).into_actor(self));
        }
        let (env, facts, epoch) = (self.env.clone(), self.facts.clone(), self.epoch);
        let polished = async move {
            let id = facts.id;
            let stopped = env.store.read(move |conn| store::accounts::is_stopped(conn, id)).await;
            match stopped {
                Ok(false) => chores::polish(&env, &facts, item).await.map_err(|failure| {
                    NotPolished::Failed(failure.detail.unwrap_or_else(|| failure.reason.as_str().to_owned()))
                }),
                Ok(true) => Err(NotPolished::Stopped),
                Err(error) => Err(NotPolished::Failed(error.to_string())),
            }
        };
        let then = polished.into_actor(self).map(move |polished, actor, ctx| {
            if matches!(polished, Err(NotPolished::Failed(_))) {
                actor.look_at_breaker(ctx);
            }
            match polished? {
                Polished::Done => Ok(()),
                Polished::Refused(why) => Err(NotPolished::Refused(why)),
                Polished::TooMany => Err(NotPolished::TooFast(TOO_MANY.as_secs())),
                Polished::Tripped(governor) => {
                    actor.want_person(epoch, *governor, ctx);
                    Err(NotPolished::Failed("the platform asks for a person".into()))
                }
            }
        });
        Box::pin(then)
    }
}
