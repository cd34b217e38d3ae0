//! Looks every few seconds at what is stored and how the system is, makes notices of it, tells them when they are due, and sends what is
//! queued. Once a process, on a thread where nothing of the engine runs: no answer ever waits for it (M20).
//!
//! Everything that must not be lost is a row before it is told; this actor can end at any moment and its successor goes on. One thing
//! alone is kept in memory: whom to tell that the database is down.

mod emergency;
mod send;
mod sources;
mod watch;

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use log::{info, warn};

pub use self::watch::Ways;
use self::{emergency::Emergency, send::Courier};
use super::{
    messages::{End, Fault, Look, TryOut},
    text,
};
use crate::{
    account::lookout::Lookout,
    ids::{AccountId, ChannelId, UserId},
    mail::client::SmtpConfig,
    outgoing::client::{self as outgoing, OutgoingClient},
    store::{Store, StoreError, notices, notify_deliveries},
    telemetry::{clock, health::HealthMonitor},
};

/// How often dead lines are looked for.
const WATCH_EVERY: Duration = Duration::from_mins(1);

/// Messages of one owner on their way at the same time.
const OF_ONE_OWNER: usize = 4;

#[derive(Debug, Clone)]
pub struct Config {
    /// Between two looks.
    pub poll: Duration,
    /// How long an account may be without its connection before that is told.
    pub down_after: Duration,
    /// How long a buyer may wait before that is told.
    pub unanswered_after: Duration,
    /// For one message to a channel.
    pub timeout: Duration,
    /// How often a message is tried before it is dead.
    pub attempts: i64,
    /// Messages on their way at the same time.
    pub at_once: usize,
    /// Between two messages to one channel.
    pub rest: Duration,
    /// The database is told of when it has been down for so long.
    pub blip: Duration,
    /// After this long without an answer to a heartbeat a line is dead.
    pub dead_after: Duration,
    /// What links into the panel begin with; `None`: nobody could follow them.
    pub public_url: Option<String>,
    pub outgoing: outgoing::Config,
}

/// Reads the administrator's mail server; `Ok(None)`: there is none.
pub type FindMailServer = Rc<dyn Fn() -> LocalBoxFuture<'static, Result<Option<SmtpConfig>, String>>>;

/// What it needs of others.
#[derive(Clone)]
pub struct Needs {
    pub health: HealthMonitor,
    pub mail: FindMailServer,
    /// The ways to the registry as it is now: a dead one is replaced.
    pub registry: Rc<dyn Fn() -> Ways>,
}

pub struct NotifyActor {
    store: Store,
    config: Rc<Config>,
    needs: Needs,
    courier: Courier,
    lookout: Lookout,
    /// Channels a message is on its way to, and whose they are.
    at_work: HashMap<ChannelId, UserId>,
    emergency: Emergency,
    /// Accounts whose line seemed dead at the last look.
    suspects: HashSet<AccountId>,
    sources: sources::Memory,
    /// Whether the last look failed.
    failing: bool,
}

impl NotifyActor {
    /// For the thread it is started on.
    pub fn new(store: &Store, config: Config, needs: Needs) -> Self {
        let outgoing = OutgoingClient::new(&config.outgoing);
        let courier = Courier { outgoing, mail: Rc::clone(&needs.mail), timeout: config.timeout };
        Self {
            store: store.for_people(),
            config: Rc::new(config),
            needs,
            courier,
            lookout: Lookout::default(),
            at_work: HashMap::new(),
            emergency: Emergency::default(),
            suspects: HashSet::new(),
            sources: sources::Memory::default(),
            failing: false,
        }
    }

    /// One look at a time.
    fn look(&mut self, ctx: &mut Context<Self>) {
        self.tell_of_the_database(ctx);
        if !self.lookout.begin() {
            return;
        }
        let (store, config, health) = (self.store.clone(), Rc::clone(&self.config), self.needs.health.clone());
        let memory = std::mem::take(&mut self.sources);
        let look = async move {
            let (memory, gathered) = sources::gather(&store, &config, &health, memory).await;
            let advanced = match gathered {
                Ok(()) => advance(&store, &config).await,
                Err(error) => Err(error),
            };
            (memory, advanced)
        };
        let then = look.into_actor(self).map(|(memory, outcome), actor, ctx| {
            actor.sources = memory;
            actor.note(outcome.as_ref().err());
            if let Ok(waiting) = outcome {
                actor.serve(waiting, ctx);
            }
            if actor.lookout.end() {
                actor.look(ctx);
            }
        });
        ctx.spawn(then);
    }

    /// A database that fails is said once, not at every look.
    fn note(&mut self, error: Option<&StoreError>) {
        match (error, std::mem::replace(&mut self.failing, error.is_some())) {
            (Some(error), false) => {
                warn!(class = "database"; "notices cannot be read or queued for the moment: {error}");
            }
            (None, true) => info!("notices are read and queued again"),
            (Some(_), true) | (None, false) => {}
        }
    }

    /// Sends to every channel that is free, within the bounds.
    fn serve(&mut self, waiting: Vec<(ChannelId, UserId)>, ctx: &mut Context<Self>) {
        for (channel, owner) in waiting {
            let of_owner = self.at_work.values().filter(|known| **known == owner).count();
            let is_free = self.at_work.len() < self.config.at_once && of_owner < OF_ONE_OWNER;
            if is_free && !self.at_work.contains_key(&channel) {
                self.at_work.insert(channel, owner);
                self.serve_channel(channel, ctx);
            }
        }
    }

    fn serve_channel(&mut self, channel: ChannelId, ctx: &mut Context<Self>) {
        let (store, config, courier) = (self.store.clone(), Rc::clone(&self.config), self.courier.clone());
        let send = async move {
            if let Err(error) = send::serve(&store, &config, &courier, channel).await {
                warn!(class = "database", "channel.id" = channel.0; "a delivery cannot be read or marked: {error}");
            }
            tokio::time::sleep(config.rest).await;
            let now = clock::unix();
            store.read(move |conn| notify_deliveries::waiting_channels(conn, now)).await
        };
        let then = send.into_actor(self).map(move |waiting, actor, ctx| {
            actor.at_work.remove(&channel);
            actor.serve(waiting.unwrap_or_default(), ctx);
        });
        ctx.spawn(then);
    }
}

/// Tells what is due, and answers with the channels for which something waits.
async fn advance(store: &Store, config: &Config) -> Result<Vec<(ChannelId, UserId)>, StoreError> {
    let (down_after, now) = (config.down_after, clock::unix());
    let due = store.read(move |conn| notices::due(conn, down_after, now)).await?;
    // Few at a time: the writer is the engine's too.
    for some in due.chunks(20) {
        let some = some.to_vec();
        let advance = move |conn: &mut _| some.iter().try_for_each(|id| notices::advance(conn, *id, down_after, now));
        store.write(advance).await?;
    }
    store.read(move |conn| notify_deliveries::waiting_channels(conn, now)).await
}

impl Actor for NotifyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
        ctx.run_interval(self.config.poll, |actor, ctx| actor.look(ctx));
        ctx.run_interval(WATCH_EVERY, |actor, ctx| actor.watch(ctx));
    }
}

impl Handler<Look> for NotifyActor {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<TryOut> for NotifyActor {
    type Result = ResponseFuture<Result<(), Fault>>;

    fn handle(&mut self, TryOut { channel, language }: TryOut, _: &mut Self::Context) -> Self::Result {
        let (courier, uid) = (self.courier.clone(), format!("{:032x}", rand::random::<u128>()));
        Box::pin(async move { courier.send(&channel, &text::trial(language), &uid).await })
    }
}

impl Handler<End> for NotifyActor {
    type Result = ();

    fn handle(&mut self, _: End, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

#[cfg(test)]
mod tests;
