//! Owns one seller's WebSocket and heartbeat: connects, keeps the session alive, hands in what arrives, puts out what is to be sent.
//!
//! The thinking is elsewhere: the protocol in [`Session`], tokens in the governor, waiting in [`Backoff`], missed messages in the gap.
//! Every handler ends in [`AccountActor::drive`].

mod ask;
mod care;
mod challenge;
mod chores;
mod connect;
mod deliver;
mod env;
mod gateway;
mod items;
mod outgoing;
mod pictures;
mod probe;

use std::{
    collections::HashMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use actix::prelude::*;
use log::{debug, error, info, warn};
use tokio::sync::oneshot;

pub(in crate::account) use self::connect::stored_proxy;
use self::{
    ask::Asking,
    connect::{Failure, Opened, Pause, Permits},
    deliver::Delivery,
    items::Chores,
    pictures::Uploading,
};
pub use self::{
    env::{Config, Env, Limits, Neighbours},
    items::Config as ItemsConfig,
};
use crate::{
    account::{
        backoff::Backoff,
        call::NotCalled,
        facts::AccountFacts,
        messages::{
            AccountOffline, AccountOnline, AccountSnapshot, AccountStopped, CredentialsChanged, Line, Snapshot,
            StatusChanged, Stop,
        },
        state::{Reason, State, Status},
        token::Governor,
    },
    ids::ConversationId,
    outbox::entry::SendId,
    platform::{
        lwp::session::{Refusal, RefusalKind, Registration, RequestError, RequestId, Session, SessionEvent},
        socket::{Incoming, SocketError, Writer},
    },
    telemetry::{clock, logging::Class},
};

/// A stop waits this long for the platform's goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// One seller account. A panic ends it; the registry starts a fresh one.
pub struct AccountActor {
    env: Env,
    facts: AccountFacts,
    /// Tells this actor from its predecessors.
    generation: u64,
    /// How often somebody changed the credentials since it was started.
    renewals: u64,
    status: Status,
    backoff: Backoff,
    /// What the last connect knew; written down whenever it changes.
    governor: Governor,
    link: Option<Link>,
    /// Grows with every connect, so that what belongs to an earlier line is told apart.
    epoch: u64,
    connections: u64,
    delivery: Delivery,
    asking: Asking,
    chores: Chores,
    uploading: Uploading,
    retry: SpawnHandle,
    /// Until the login is checked, as it is once a day.
    care: SpawnHandle,
    stopping: Option<Reason>,
}

/// The line to the platform.
struct Link {
    session: Session,
    writer: Writer,
    permits: Permits,
    timer: SpawnHandle,
    /// When the timer goes off; it is only moved forward.
    alarm: Option<Instant>,
    opened: Instant,
    registered: bool,
    requests: HashMap<RequestId, Purpose>,
}

/// Why something was asked of the platform.
enum Purpose {
    Send {
        conversation: ConversationId,
        id: SendId,
    },
    History {
        conversation: ConversationId,
    },
    GapList,
    GapHistory {
        conversation: ConversationId,
    },
    Sellers,
    /// Somebody waits for the conversation with a buyer.
    Conversation(oneshot::Sender<Result<ConversationId, NotCalled>>),
    /// Somebody wants to know whether the line stands.
    Probe(oneshot::Sender<Result<(), RequestError>>),
}

impl AccountActor {
    pub fn new(env: Env, facts: AccountFacts, generation: u64, failures: u32) -> Self {
        let backoff = Backoff::resume(env.config.backoff, failures);
        Self {
            status: Status::new(State::Connecting, Reason::WaitingForTurn, clock::unix()),
            chores: Chores::new(&env.config.items),
            uploading: Uploading::default(),
            env,
            facts,
            generation,
            renewals: 0,
            backoff,
            governor: Governor::default(),
            link: None,
            epoch: 0,
            connections: 0,
            delivery: Delivery::default(),
            asking: Asking::default(),
            retry: SpawnHandle::default(),
            care: SpawnHandle::default(),
            stopping: None,
        }
    }

    fn connect(&mut self, ctx: &mut Context<Self>) {
        if self.stopping.is_some() || self.env.retired.load(Ordering::Relaxed) {
            return ctx.stop();
        }
        let reason = if self.env.limits.are_full() { Reason::WaitingForTurn } else { Reason::Starting };
        self.set_status(Status::new(State::Connecting, reason, clock::unix()));
        self.epoch += 1;
        let epoch = self.epoch;
        let opening = connect::open(self.env.clone(), self.facts.clone());
        let then = opening.into_actor(self).map(move |result, actor, ctx| match result {
            // Another connect was begun meanwhile, with newer credentials: never two lines for one account.
            _ if actor.epoch != epoch => {}
            Ok(opened) => actor.opened(opened, ctx),
            Err(failure) => actor.failed(failure, ctx),
        });
        ctx.spawn(then);
    }

    /// What kept it from connecting is gone.
    fn connect_anew(&mut self, ctx: &mut Context<Self>) {
        self.unlink(ctx);
        self.backoff = Backoff::new(self.env.config.backoff);
        ctx.cancel_future(self.retry);
        self.connect(ctx);
    }

    fn opened(&mut self, opened: Opened, ctx: &mut Context<Self>) {
        if self.stopping.is_some() {
            return ctx.stop();
        }
        let now = clock::now();
        let registration = Registration {
            uid: self.facts.uid.clone(),
            token: opened.token,
            device_id: opened.governor.device_id.clone(),
            user_agent: self.env.config.user_agent.clone(),
            pts: Some(opened.cursor.pts),
            seen_at: opened.cursor.seen_at,
            seed: rand::random(),
            // Spread, so that thousands of accounts do not beat in step.
            first_heartbeat: self.env.config.session.heartbeat.mul_f64(rand::random()),
        };
        self.governor = opened.governor;
        self.delivery = Delivery::starting_from(opened.cursor, opened.first_time);
        let epoch = self.epoch;
        ctx.add_stream(futures_util::StreamExt::map(opened.reader, move |item| (epoch, item)));
        self.link = Some(Link {
            session: Session::new(self.env.config.session, registration, now),
            writer: opened.writer,
            permits: opened.permits,
            timer: SpawnHandle::default(),
            alarm: None,
            opened: now.instant,
            registered: false,
            requests: HashMap::new(),
        });
        self.drive(ctx);
    }

    /// Does what the session asks for and re-arms its one timer. Every handler ends here.
    fn drive(&mut self, ctx: &mut Context<Self>) {
        while let Some(link) = &mut self.link {
            if let Some(text) = link.session.poll_transmit() {
                if let Err(error) = link.writer.send(text) {
                    return self.lose(Failure::heals(Reason::NetworkError, error.to_string()), ctx);
                }
            } else if let Some(event) = link.session.poll_event() {
                self.on_event(event, ctx);
            } else {
                break;
            }
        }
        self.arm(ctx);
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        let Some(link) = &mut self.link else { return };
        let Some(deadline) = link.session.poll_timeout() else { return };
        // An alarm that is early costs one look; moving it with every frame would cost more.
        if link.alarm.is_some_and(|alarm| alarm <= deadline) {
            return;
        }
        ctx.cancel_future(link.timer);
        link.alarm = Some(deadline);
        link.timer = ctx.run_later(deadline.saturating_duration_since(clock::now().instant), |actor, ctx| {
            if let Some(link) = &mut actor.link {
                link.alarm = None;
                link.session.handle_timeout(clock::now());
            }
            actor.drive(ctx);
        });
    }

    fn on_event(&mut self, event: SessionEvent, ctx: &mut Context<Self>) {
        match event {
            SessionEvent::Registered => self.registered(ctx),
            SessionEvent::Push(push) => self.on_push(push, ctx),
            SessionEvent::Answered { request, answer } => self.on_answer(request, answer, ctx),
            SessionEvent::RegistrationRefused(refusal) => self.refused(refusal, ctx),
            SessionEvent::TokenRefused { text } => self.token_refused(text, ctx),
            SessionEvent::KickedOut { text } => {
                let text = if text.is_empty() { "the login session was ended".into() } else { text };
                self.lose(Failure::heals(Reason::KickedOut, text), ctx)
            }
            SessionEvent::SessionRemoved { text } => {
                let text = if text.is_empty() { "the session was removed".into() } else { text };
                self.lose(Failure::heals(Reason::TooManySessions, text), ctx)
            }
            SessionEvent::HeartbeatLost => {
                self.lose(Failure::heals(Reason::HeartbeatLost, "no answer to a heartbeat"), ctx)
            }
            SessionEvent::RegistrationSilent => {
                self.lose(Failure::heals(Reason::NetworkError, "no answer to the registration"), ctx)
            }
            SessionEvent::Stalled => {
                self.lose(Failure::heals(Reason::Stalled, "messages exist that were not pushed"), ctx)
            }
            SessionEvent::Unreadable(error) => {
                warn!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, class = "network"; "cannot read a frame: {error}")
            }
        }
    }

    fn registered(&mut self, ctx: &mut Context<Self>) {
        let Some(link) = &mut self.link else { return };
        link.registered = true;
        link.permits.connecting = None;
        self.connections += 1;
        self.set_status(Status::new(State::Connected, Reason::Registered, clock::unix()));
        let address = ctx.address();
        let line = Line {
            transmit: address.clone().recipient(),
            history: address.clone().recipient(),
            item: address.clone().recipient(),
            picture: address.clone().recipient(),
            gateway: address.clone().recipient(),
            conversation: address.recipient(),
        };
        for neighbour in &self.env.neighbours.online {
            // Same thread; a neighbour that is gone is replaced together with this actor.
            neighbour.do_send(AccountOnline { account: self.facts.id, line: line.clone() });
        }
        self.fill_gap(ctx);
        self.look_at_items(Duration::ZERO, ctx);
        self.plan_care(ctx);
    }

    fn refused(&mut self, refusal: Refusal, ctx: &mut Context<Self>) {
        let text = format!("code {}: {}", refusal.code, refusal.text);
        match refusal.kind {
            RefusalKind::Token | RefusalKind::Device => self.token_refused(text, ctx),
            RefusalKind::TooManySessions => self.lose(Failure::heals(Reason::TooManySessions, text), ctx),
            RefusalKind::Other => self.lose(Failure::heals(Reason::PlatformError, text), ctx),
        }
    }

    /// The only thing besides its stated life that ends a token.
    fn token_refused(&mut self, text: String, ctx: &mut Context<Self>) {
        self.governor.refuse();
        let (store, id) = (self.env.store.clone(), self.facts.id);
        let forgotten = async move { store.write(move |conn| crate::store::account_tokens::forget(conn, id)).await };
        let then = forgotten.into_actor(self).map(|result, _, _| {
            if let Err(error) = result {
                warn!(class = "database"; "cannot forget a refused token, it will be tried once more: {error}");
            }
        });
        // The connect that follows must not read the refused token again.
        ctx.wait(then);
        self.lose(Failure::heals(Reason::TokenRefused, text), ctx);
    }

    /// The line is gone, or must go: what it carried is told, and a new one follows.
    fn lose(&mut self, failure: Failure, ctx: &mut Context<Self>) {
        self.unlink(ctx);
        self.note_kick(&failure, ctx);
        // No token is to be had anyway.
        let blocked = self.governor.breaker.as_ref().map(|breaker| Failure::blocked(breaker.cause));
        self.failed(blocked.unwrap_or(failure), ctx);
    }

    fn unlink(&mut self, ctx: &mut Context<Self>) {
        let Some(link) = self.link.take() else { return };
        link.writer.abort();
        ctx.cancel_future(link.timer);
        self.epoch += 1;
        self.delivery = Delivery::default();
        self.asking = Asking::default();
        self.leave_items(ctx);
        self.leave_pictures();
        ctx.cancel_future(self.care);
        if link.registered {
            self.backoff.reset_after_stable(clock::now().instant.saturating_duration_since(link.opened));
            self.tell_offline();
        }
    }

    fn tell_offline(&self) {
        for neighbour in &self.env.neighbours.offline {
            // As with `AccountOnline`.
            neighbour.do_send(AccountOffline(self.facts.id));
        }
    }

    fn failed(&mut self, failure: Failure, ctx: &mut Context<Self>) {
        if self.stopping.is_some() {
            return ctx.stop();
        }
        let Failure { state, mut reason, detail, pause } = failure;
        let delay = self.backoff.next(rand::random());
        let wait = match pause {
            Pause::Backoff => Some(delay.wait),
            Pause::Long => Some(delay.wait.max(self.env.config.backoff.max)),
            Pause::Until(at) => Some(at.since(clock::unix()).max(delay.wait)),
            Pause::Forever => None,
        };
        if delay.exhausted && pause == Pause::Backoff {
            error!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, attempts = delay.attempt, class = Class::of(reason).as_str(); "connecting keeps failing ({}): {}", reason.as_str(), detail.as_deref().unwrap_or_default());
        }
        if self.backoff.is_exhausted() && matches!(pause, Pause::Backoff) {
            reason = Reason::RetriesExhausted;
        }
        let is_same = state == State::Failed && (state, reason) == (self.status.state, self.status.reason);
        let since = if is_same { self.status.since } else { clock::unix() };
        self.set_status(Status { state, reason, detail, since });
        if let Some(wait) = wait {
            ctx.cancel_future(self.retry);
            self.retry = ctx.run_later(wait, Self::connect);
        }
    }

    fn set_status(&mut self, status: Status) {
        if (status.state, status.reason) != (self.status.state, self.status.reason) {
            match (status.state, status.reason.action()) {
                (State::Failed, action) => {
                    error!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, reason = status.reason.as_str(), class = Class::of(status.reason).as_str(); "{} {}", status.reason.sentence(), action.unwrap_or_default())
                }
                (State::Connected | State::Closed, _) => {
                    info!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, reason = status.reason.as_str(); "{}", status.reason.sentence())
                }
                (State::Reconnecting, _) => {
                    info!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, reason = status.reason.as_str(), detail = status.detail.as_deref().unwrap_or_default(); "{}", status.reason.sentence())
                }
                (State::Connecting | State::Disconnected, _) => {
                    debug!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name; "{}", status.reason.sentence())
                }
            }
        }
        self.status = status.clone();
        // Lost only with the registry, whose successor asks for everything anew.
        self.env.status.do_send(StatusChanged {
            account: self.facts.id,
            generation: self.generation,
            renewals: self.renewals,
            status,
            has_line: self.is_registered(),
        });
    }
}

impl Actor for AccountActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.connect(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        let panicked = std::thread::panicking();
        self.tell_offline();
        // Lost only with the registry, whose successor asks for everything anew.
        self.env.stopped.do_send(AccountStopped {
            account: self.facts.id,
            generation: self.generation,
            panicked,
            failures: self.backoff.failures(),
        });
    }
}

impl StreamHandler<(u64, Result<Incoming, SocketError>)> for AccountActor {
    fn handle(&mut self, (epoch, item): (u64, Result<Incoming, SocketError>), ctx: &mut Self::Context) {
        if epoch != self.epoch {
            return;
        }
        match item {
            Ok(Incoming::Text(text)) => {
                if let Some(link) = &mut self.link {
                    link.session.handle_frame(&text, clock::now());
                }
                self.drive(ctx);
            }
            Ok(Incoming::Closed { code, reason }) => {
                let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                self.lose(Failure::heals(Reason::ClosedByPlatform, format!("{code} {reason}")), ctx);
            }
            Err(error) => self.lose(Failure::heals(Reason::NetworkError, error.to_string()), ctx),
        }
    }

    /// The default stops the actor.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Stop> for AccountActor {
    type Result = ();

    fn handle(&mut self, Stop(reason): Stop, ctx: &mut Self::Context) {
        if self.stopping.replace(reason).is_some() {
            return;
        }
        ctx.cancel_future(self.retry);
        match &self.link {
            Some(link) => {
                link.writer.close();
                ctx.run_later(GOODBYE, |_, ctx| ctx.stop());
            }
            None => ctx.stop(),
        }
    }
}

impl Handler<CredentialsChanged> for AccountActor {
    type Result = ();

    fn handle(&mut self, _: CredentialsChanged, ctx: &mut Self::Context) {
        info!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name; "new credentials");
        self.renewals += 1;
        self.governor.breaker = None;
        self.connect_anew(ctx);
    }
}

impl Handler<Snapshot> for AccountActor {
    type Result = AccountSnapshot;

    fn handle(&mut self, _: Snapshot, _: &mut Self::Context) -> AccountSnapshot {
        let liveness = self.link.as_ref().map(|link| link.session.liveness());
        AccountSnapshot {
            account: self.facts.id,
            status: self.status.clone(),
            heartbeat_sent: liveness.as_ref().and_then(|liveness| liveness.heartbeat_sent),
            heartbeat_answered: liveness.as_ref().and_then(|liveness| liveness.heartbeat_answered),
            last_business: liveness.as_ref().and_then(|liveness| liveness.business),
            unstored: self.delivery.waiting(),
            filling_gap: self.delivery.is_filling(),
            connections: self.connections,
            token_issued_at: self.governor.token.as_ref().map(|token| token.issued_at),
            token_requests_today: self.governor.used_today(clock::unix()),
            breaker_open: self.governor.breaker.is_some(),
        }
    }
}

#[cfg(test)]
mod tests;
