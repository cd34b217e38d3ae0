//! The job of the night: once a process, one run at a time, at its hour or when an administrator wants it.
//!
//! A run that meets a failing database ends there, says so, and the next night goes on with what is left. A server that was down at the
//! hour does not make up for it. Whoever stops the actor stops a run between two batches.

use std::time::Duration;

use actix::prelude::*;
use actix_web::web::block;
use log::{error, info, warn};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::schedule::{self, TimeOfDay};
use crate::{
    ids::Timestamp,
    store::{
        Store, StoreError,
        audit::{self, Deed},
        facts,
        retention::{self, Cutoffs, Kind, Removed},
        settings::Retention,
    },
    telemetry::{clock, logging},
};

/// Rests between two batches, so that the writer is the engine's nine tenths of the time.
const REST: Duration = Duration::from_millis(50);

/// In the facts.
const LAST_RUN: &str = "maintenance.last_run";

const DAY: Duration = Duration::from_hours(24);

#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// When it runs.
    pub at: TimeOfDay,
    /// How long before an account's cursor its messages stay: as far as the search for missed messages goes back, and more.
    pub overlap: Duration,
}

/// What one run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub started_at: Timestamp,
    pub duration_ms: u64,
    pub removed: Removed,
    /// Why it ended early.
    pub error: Option<String>,
    /// The reasons of older decisions are gone: nobody need look at them again.
    reasons_before: Timestamp,
}

pub struct MaintenanceActor {
    store: Store,
    config: Config,
    due: Timestamp,
    last: Option<Run>,
    /// Since when a run goes on.
    running: Option<Timestamp>,
    waiting: Vec<oneshot::Sender<Run>>,
}

/// Run now, on behalf of somebody. Answered when it is done.
#[derive(Debug, Message)]
#[rtype(result = "Result<Run, AlreadyRuns>")]
pub struct RunNow(pub audit::Actor);

/// Begin a run on behalf of somebody who does not wait for its end. [`Ask`] says how it stands.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), AlreadyRuns>")]
pub struct Begin(pub audit::Actor);

/// One run at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyRuns;

/// What is it doing, and what did it do?
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Overview")]
pub struct Ask;

#[derive(Debug, Clone, MessageResponse)]
pub struct Overview {
    /// Since when one goes on.
    pub running: Option<Timestamp>,
    pub next: Timestamp,
    /// Also of an earlier process; `None`: it never ran.
    pub last: Option<Run>,
}

/// Do nothing more.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct End;

impl MaintenanceActor {
    pub fn new(store: Store, config: Config) -> Self {
        Self { store, config, due: Timestamp::NEVER, last: None, running: None, waiting: Vec::new() }
    }

    /// Sleeps until it is due, in short naps.
    fn wait(&mut self, ctx: &mut Context<Self>) {
        ctx.run_later(schedule::nap(self.due, clock::unix()), |actor, ctx| {
            if actor.due <= clock::unix() {
                actor.due = actor.config.at.next(clock::unix());
                // One that goes on does what is due.
                let _ = actor.begin(audit::Actor::system(), ctx);
            }
            actor.wait(ctx);
        });
    }

    fn begin(&mut self, by: audit::Actor, ctx: &mut Context<Self>) -> Result<(), AlreadyRuns> {
        if self.running.is_some() {
            return Err(AlreadyRuns);
        }
        self.running = Some(clock::unix());
        let reasons_from = self.last.as_ref().map_or(Timestamp(0), |last| last.reasons_before);
        let run = run(self.store.clone(), self.config, reasons_from, by);
        let then = run.into_actor(self).map(|run, actor, _| {
            actor.running = None;
            for waiting in actor.waiting.drain(..) {
                // Whoever asked may be gone.
                let _ = waiting.send(run.clone());
            }
            actor.last = Some(run);
        });
        ctx.spawn(then);
        Ok(())
    }
}

async fn run(store: Store, config: Config, reasons_from: Timestamp, by: audit::Actor) -> Run {
    let (started_at, started) = (clock::unix(), Instant::now());
    let mut run =
        Run { started_at, duration_ms: 0, removed: Removed::default(), error: None, reasons_before: reasons_from };
    let outcome = sweep(&store, config, &mut run).await;
    run.error = outcome.err().map(|error| error.to_string());
    run.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Err(error) = keep(&store, run.clone(), by).await {
        run.error.get_or_insert(error.to_string());
    }
    match &run.error {
        None => info!(duration_ms = run.duration_ms; "what was too old is removed: {:?}", run.removed),
        Some(error) => error!(
            class = "database", duration_ms = run.duration_ms;
            "the clean-up ended early and goes on the next night: {error}"
        ),
    }
    run
}

async fn sweep(store: &Store, config: Config, run: &mut Run) -> Result<(), StoreError> {
    let retention = store.read(Retention::load).await?;
    run.removed.log_files = remove_log_files(retention.logs_days).await;
    let days = |days: u16| run.started_at - DAY * u32::from(days);
    let cutoffs = Cutoffs {
        now: run.started_at,
        messages: days(retention.messages_days),
        decisions: days(retention.decisions_days),
        notices: days(retention.notices_days),
        figures: days(retention.figures_days),
        overlap: config.overlap,
    };
    for kind in Kind::ALL {
        remove(store, kind, cutoffs, run).await?;
    }
    remove_conversations(store, cutoffs, &mut run.removed).await
}

/// A folder that cannot be read keeps nobody from removing the rest.
async fn remove_log_files(keep_days: u16) -> usize {
    let removed = block(move || logging::remove_old_files(keep_days)).await;
    removed.map_err(std::io::Error::other).flatten().unwrap_or_else(|error| {
        warn!(class = "system"; "old log files could not be removed: {error}");
        0
    })
}

async fn remove(store: &Store, kind: Kind, cutoffs: Cutoffs, run: &mut Run) -> Result<(), StoreError> {
    let mut next = Some(if kind == Kind::Reasons { run.reasons_before } else { Timestamp(0) });
    while let Some(from) = next {
        let batch = store.write(move |conn| retention::remove_some(conn, kind, from, &cutoffs)).await?;
        run.removed.add(kind, batch.removed);
        next = batch.next;
        sleep(REST).await;
    }
    if kind == Kind::Reasons {
        run.reasons_before = run.reasons_before.max(cutoffs.decisions);
    }
    Ok(())
}

async fn remove_conversations(store: &Store, cutoffs: Cutoffs, removed: &mut Removed) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let (silent, next) =
            store.read(move |conn| retention::silent_conversations(conn, after.as_ref(), &cutoffs)).await?;
        if !silent.is_empty() {
            let work = move |conn: &mut _| retention::remove_conversations(conn, &silent, cutoffs.now);
            removed.conversations += store.write(work).await?;
        }
        sleep(REST).await;
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Writes down what was done, and on whose behalf.
async fn keep(store: &Store, run: Run, by: audit::Actor) -> Result<(), StoreError> {
    let text = serde_json::to_string(&run).map_err(|error| StoreError::Database(error.to_string()))?;
    let deed = Deed::new("maintenance.run", run.started_at.0).after(&run);
    let write = move |conn: &mut _| {
        facts::put(conn, LAST_RUN, &text)?;
        audit::record(conn, &by, &deed, clock::unix())
    };
    store.write(write).await
}

impl Actor for MaintenanceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.due = self.config.at.next(clock::unix());
        let store = self.store.clone();
        let read = async move { store.read(|conn| facts::find(conn, LAST_RUN)).await };
        let then = read.into_actor(self).map(|found, actor, ctx| {
            actor.last = found.ok().flatten().and_then(|text| serde_json::from_str(&text).ok());
            actor.wait(ctx);
        });
        ctx.wait(then);
    }
}

impl Handler<RunNow> for MaintenanceActor {
    type Result = ResponseFuture<Result<Run, AlreadyRuns>>;

    fn handle(&mut self, RunNow(by): RunNow, ctx: &mut Self::Context) -> Self::Result {
        if let Err(runs) = self.begin(by, ctx) {
            return Box::pin(std::future::ready(Err(runs)));
        }
        let (sender, done) = oneshot::channel();
        self.waiting.push(sender);
        // It ends without a word only together with the actor.
        Box::pin(async move { done.await.map_err(|_| AlreadyRuns) })
    }
}

impl Handler<Begin> for MaintenanceActor {
    type Result = Result<(), AlreadyRuns>;

    fn handle(&mut self, Begin(by): Begin, ctx: &mut Self::Context) -> Self::Result {
        self.begin(by, ctx)
    }
}

impl Handler<Ask> for MaintenanceActor {
    type Result = Overview;

    fn handle(&mut self, _: Ask, _: &mut Self::Context) -> Overview {
        Overview { running: self.running, next: self.due, last: self.last.clone() }
    }
}

impl Handler<End> for MaintenanceActor {
    type Result = ();

    fn handle(&mut self, _: End, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

#[cfg(test)]
#[path = "actor_tests.rs"]
mod tests;
