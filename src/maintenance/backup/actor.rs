//! The backups of a process: one run at a time, at its hour or when an administrator wants it. A server that was down at the hour does not
//! make up for it. Whoever stops the actor stops a run between two of its steps; what it had written is removed.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix::prelude::*;
use actix_web::web::block;
use log::{error, info, warn};

use super::super::schedule::{self, TimeOfDay};
use crate::{
    ids::Timestamp,
    store::{
        Config as Database, Store, StoreError,
        audit::Actor as Person,
        backups::{self, Copied, Fault, Job, Run},
    },
    telemetry::clock,
};

#[derive(Debug, Clone)]
pub struct Config {
    pub database: Database,
    /// Where the copies are.
    pub folder: PathBuf,
    /// How many copies stay; 0: none is made at night, and none is removed.
    pub keep: u16,
    /// When one is made.
    pub at: TimeOfDay,
    /// What must stay free on the disk beside a copy, in bytes.
    pub spare: u64,
}

pub struct BackupActor {
    store: Store,
    config: Config,
    /// The database is a file that can be copied.
    is_own: bool,
    /// `None`: never by itself.
    due: Option<Timestamp>,
    /// Since when a run goes on.
    running: Option<Timestamp>,
    is_over: Arc<AtomicBool>,
}

/// Begin a run on behalf of somebody who does not wait for its end. [`Ask`] says how it stands; the answer is since when it goes on.
#[derive(Debug, Message)]
#[rtype(result = "Result<Timestamp, NotBegun>")]
pub struct Begin(pub Person);

/// Why a run does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBegun {
    AlreadyRuns,
    /// The database is PostgreSQL.
    Elsewhere,
}

/// What is it doing, what did it do, and which copies are there?
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<Overview, StoreError>")]
pub struct Ask;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// `false`: the database is PostgreSQL, of which none are made.
    pub is_own: bool,
    /// Since when one goes on.
    pub running: Option<Timestamp>,
    /// `None`: never by itself.
    pub next: Option<Timestamp>,
    /// Also of an earlier process, or of the command line; `None`: there never was one.
    pub last: Option<Run>,
    /// Newest first, and whether each is known to be good.
    pub copies: Vec<(Copied, bool)>,
}

/// Do nothing more.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct End;

impl BackupActor {
    pub fn new(store: Store, config: Config) -> Self {
        let is_own = matches!(backups::file(&config.database), Ok(Some(_)));
        Self { store, config, is_own, due: None, running: None, is_over: Arc::default() }
    }

    fn next(&self) -> Option<Timestamp> {
        (self.is_own && self.config.keep > 0).then(|| self.config.at.next(clock::unix()))
    }

    /// Sleeps until it is due, in short naps.
    fn wait(&mut self, ctx: &mut Context<Self>) {
        let Some(due) = self.due else { return };
        ctx.run_later(schedule::nap(due, clock::unix()), move |actor, ctx| {
            if due <= clock::unix() {
                actor.due = actor.next();
                // One that goes on does what is due.
                let _ = actor.begin(Person::system(), ctx);
            }
            actor.wait(ctx);
        });
    }

    fn begin(&mut self, by: Person, ctx: &mut Context<Self>) -> Result<Timestamp, NotBegun> {
        if !self.is_own {
            return Err(NotBegun::Elsewhere);
        }
        if self.running.is_some() {
            return Err(NotBegun::AlreadyRuns);
        }
        let since = clock::unix();
        self.running = Some(since);
        let run = run(self.store.clone(), self.config.clone(), by, Arc::clone(&self.is_over));
        ctx.spawn(run.into_actor(self).map(|(), actor, _| actor.running = None));
        Ok(since)
    }
}

async fn run(store: Store, config: Config, by: Person, is_over: Arc<AtomicBool>) {
    let at = clock::unix();
    let Config { database, folder, keep, spare, .. } = config;
    let job = Job { database, keys: store.keys().clone(), folder, keep, spare };
    let work = block(move || backups::run(&job, at, &|| is_over.load(Ordering::Relaxed)));
    let (run, present) = work.await.unwrap_or_else(|error| {
        let fault = Fault::Copy { why: error.to_string() };
        (Run { started_at: at, duration_ms: 0, made: None, fault: Some(fault) }, Vec::new())
    });
    match (&run.made, &run.fault) {
        (Some(made), _) => {
            info!(duration_ms = run.duration_ms, bytes = made.size; "the database is backed up and verified: {}", made.name);
        }
        (None, fault) => {
            let why = fault.as_ref().map(ToString::to_string).unwrap_or_default();
            error!(class = "database", duration_ms = run.duration_ms; "the database is not backed up: {why}");
        }
    }
    let now = clock::unix();
    let remember = move |conn: &mut _| backups::remember(conn, &by, &run, &present, now);
    if let Err(error) = store.write(remember).await {
        error!(class = "database"; "what became of the backup cannot be written down: {error}");
    }
}

async fn overview(
    store: Store,
    config: Config,
    (is_own, running, next): (bool, Option<Timestamp>, Option<Timestamp>),
) -> Result<Overview, StoreError> {
    let folder = config.folder;
    let memory = store.read(backups::memory).await?;
    let listed = if is_own { block(move || backups::list(&folder)).await } else { Ok(Ok(Vec::new())) };
    let copies = listed.map_err(std::io::Error::other).flatten().unwrap_or_else(|error| {
        warn!(class = "system"; "the folder of the backups cannot be read: {error}");
        Vec::new()
    });
    let known = |copy: Copied| {
        let is_known = memory.knows(&copy);
        (copy, is_known)
    };
    let copies = copies.into_iter().map(known).collect();
    Ok(Overview { is_own, running, next, last: memory.last, copies })
}

impl Actor for BackupActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.due = self.next();
        let folder = self.is_own.then(|| self.config.folder.clone());
        let tidy = async move {
            if let Some(folder) = folder
                && let Err(error) = block(move || backups::remove_unfinished(&folder)).await
            {
                warn!(class = "system"; "unfinished backups were not looked for: {error}");
            }
        };
        ctx.wait(tidy.into_actor(self).map(|(), actor, ctx| actor.wait(ctx)));
    }
}

impl Handler<Begin> for BackupActor {
    type Result = Result<Timestamp, NotBegun>;

    fn handle(&mut self, Begin(by): Begin, ctx: &mut Self::Context) -> Self::Result {
        self.begin(by, ctx)
    }
}

impl Handler<Ask> for BackupActor {
    type Result = ResponseFuture<Result<Overview, StoreError>>;

    fn handle(&mut self, _: Ask, _: &mut Self::Context) -> Self::Result {
        let now = (self.is_own, self.running, self.due);
        Box::pin(overview(self.store.clone(), self.config.clone(), now))
    }
}

impl Handler<End> for BackupActor {
    type Result = ();

    fn handle(&mut self, _: End, ctx: &mut Self::Context) {
        self.is_over.store(true, Ordering::Relaxed);
        ctx.stop();
    }
}

#[cfg(test)]
#[path = "actor_tests.rs"]
mod tests;
