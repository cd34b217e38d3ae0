//! All SQL. One file a table, each a list of functions over a connection; which thread runs them is decided here.
//!
//! - **Writes** go to one thread, which commits everything that waits in one transaction ([`Store::write`]). The answer comes after
//!   the commit: what was answered survives a crash of the process. With `synchronous = NORMAL` (the default) the last commits may
//!   be lost when the *machine* loses power, never the consistency; `FULL` pays a flush to disk for each commit and loses none.
//! - **Reads** go to a few threads, each job in a transaction of its own ([`Store::read`]).
//! - Times are UTC milliseconds and come in as arguments.
//! - A person's queries take a [`Scope`]; the engine's say so.
//! - Every change that another process must notice grows a counter in the same transaction ([`revisions`]).
//! - What is changed of an order is told to whoever watches, after the commit ([`changes`]).
//! - Secrets are sealed ([`secret`]) before they become a column.
//! - One row that is the only one of its key is read by `get_result`, not by `first`: that binds a `LIMIT`, and SQLite plans a statement anew
//!   whenever a bound limit comes with it, which takes longer than to read the row.

pub mod account_cursors;
pub mod account_sessions;
pub mod account_states;
pub mod account_tokens;
pub mod accounts;
pub mod ai_usage;
pub mod answer_settings;
pub mod api_tokens;
pub mod audit;
pub mod backups;
pub mod bargains;
pub mod blocked_buyers;
pub mod buyer_figures;
pub mod buyer_notes;
pub mod buyer_tags;
pub mod buyers;
pub mod cards;
pub mod challenges;
mod changes;
pub mod chat_messages;
mod checkpoint;
mod column;
mod connection;
pub mod conversations;
pub mod deliveries;
pub mod delivery_rules;
pub mod delivery_settings;
pub mod email_codes;
mod error;
pub mod facts;
pub mod follow_up_settings;
pub mod follow_ups;
pub mod handovers;
pub mod idempotency_keys;
mod item_cache;
pub mod item_replies;
pub mod item_syncs;
pub mod items;
pub mod ledger;
#[cfg(test)]
mod life;
pub mod lock;
pub mod migrate;
pub mod notices;
pub mod notify_channels;
pub mod notify_deliveries;
pub mod notify_sources;
pub mod once_replies;
pub mod order_actions;
pub mod order_details;
pub mod order_events;
pub mod orders;
pub mod outbox;
mod page;
pub mod picture_uploads;
pub mod pictures;
mod prepared;
pub mod privacy;
mod queue;
pub mod quick_phrases;
mod reader;
pub mod readiness;
pub mod retention;
pub mod reviews;
pub mod revisions;
pub mod rule_cases;
pub mod rule_drafts;
pub mod rule_effects;
pub mod rule_events;
pub mod rule_figures;
pub mod rule_order;
pub mod rule_uses;
pub mod rule_versions;
pub mod rules;
pub mod sales_figures;
pub mod sandbox;
mod schema;
mod scope;
pub mod secret;
pub mod sessions;
pub mod settings;
pub mod stats;
pub mod suggestions;
mod timings;
pub mod transcript;
pub mod unanswered;
pub mod units;
pub mod unknown_pushes;
pub mod users;
pub mod vitals;
pub mod welcome;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub use diesel::QueryResult;

#[cfg(test)]
pub(crate) use self::life::{Fate, Life, Step};
use self::{
    changes::Watcher,
    connection::{Role, Target},
    item_cache::ItemCache,
    queue::Queue,
    timings::Timings,
};
pub use self::{
    connection::DbConn,
    error::StoreError,
    page::Page,
    scope::Scope,
    secret::{Keys, Sealed, Secret},
};
use crate::order::change::OrderChanged;

/// Where the database is and how it is used.
#[derive(Debug, Clone)]
pub struct Config {
    /// `postgres://…`, or the path of a SQLite file (`sqlite:PATH` is the same).
    pub url: String,
    /// For SQLite only.
    pub synchronous: Synchronous,
    /// Threads that read.
    pub readers: usize,
}

/// What a commit waits for (SQLite).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// The operating system has it: a crash of the program loses nothing, a power cut may lose the last commits.
    #[default]
    Normal,
    /// The disk has it.
    Full,
}

impl Config {
    /// The usual way to use the database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), synchronous: Synchronous::default(), readers: 2 }
    }
}

/// What became of a row that was to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    Added,
    Updated,
    /// It was there already, exactly so.
    Unchanged,
}

/// The database, for every thread of the process. Cloning is cheap; when the last clone goes, the threads finish what is queued
/// and end.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    readers: Whose,
    #[cfg(test)]
    life: Option<Arc<Life>>,
}

/// Whose reads they are: people look at long lists, and the engine must not wait for that.
#[derive(Clone, Copy)]
enum Whose {
    Engine,
    People,
}

struct Inner {
    keys: Keys,
    writer: Queue,
    engine_readers: Queue,
    peoples_readers: Queue,
    timings: Timings,
    commits: Arc<AtomicU64>,
    watcher: Watcher,
    items: ItemCache,
}

impl Store {
    /// Opens the database, makes and migrates it where needed (a SQLite file is copied aside first), checks that `keys` fit it, and
    /// starts the threads. Blocks: call it before the arbiters run.
    pub fn open(config: &Config, keys: Keys) -> Result<Self, StoreError> {
        let target = Target::parse(config)?;
        migrate::up(config)?;
        facts::check_key(&mut target.connect(Role::Write)?, &keys)?;
        let timings = Timings::new();
        let engine_readers = reader::start(&target, "engine", config.readers, &timings)?;
        let peoples_readers = reader::start(&target, "people", config.readers, &timings)?;
        let commits = Arc::new(AtomicU64::new(0));
        let watcher = Watcher::default();
        let writer = writer::start(target, timings.clone(), Arc::clone(&commits), Arc::clone(&watcher))?;
        let items = ItemCache::default();
        let inner = Inner { keys, writer, engine_readers, peoples_readers, timings, commits, watcher, items };
        Ok(Self {
            inner: Arc::new(inner),
            readers: Whose::Engine,
            #[cfg(test)]
            life: None,
        })
    }

    /// The same database, read by the threads that answer people.
    pub fn for_people(&self) -> Self {
        Self { readers: Whose::People, ..self.clone() }
    }

    /// The same database, read by the threads of the engine.
    pub fn for_engine(&self) -> Self {
        Self { readers: Whose::Engine, ..self.clone() }
    }

    fn readers(&self) -> &Queue {
        match self.readers {
            Whose::Engine => &self.inner.engine_readers,
            Whose::People => &self.inner.peoples_readers,
        }
    }

    /// Runs `work` on a reader, seeing the database as of one moment. Waits at most 30 s.
    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        #[cfg(test)]
        if self.is_cut_off() {
            return Err(StoreError::Stopped);
        }
        self.readers().call(work).await
    }

    /// Runs `work` as a unit: all of it is committed when this returns `Ok`, none of it on an error. Two exceptions leave the
    /// outcome unknown: [`StoreError::Timeout`] (after 30 s; the job may still be committed later) and [`StoreError::InDoubt`] (a
    /// connection to PostgreSQL broke during the commit itself). Dropping the future does not take a queued job back.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        #[cfg(test)]
        if let Some(life) = &self.life {
            return self.write_while_alive(life, work).await;
        }
        self.inner.writer.call(work).await
    }

    /// [`Store::read`] for the command line and for start-up: blocks, so never on a thread that runs futures. Waits at most 5 min.
    pub fn read_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        self.readers().call_blocking(work)
    }

    /// [`Store::write`] for the command line and for start-up: blocks, so never on a thread that runs futures. Waits at most 5 min.
    pub fn write_blocking<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        self.inner.writer.call_blocking(work)
    }

    pub fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// From now on `tell` hears of each change of an order, after its commit and before whoever made it is answered. It must not take
    /// long: the thread that writes waits for it. Whoever is named first stays.
    pub fn watch_orders(&self, tell: impl Fn(OrderChanged) + Send + Sync + 'static) {
        // A second watcher is a mistake that costs nobody anything.
        let _ = self.inner.watcher.set(Box::new(tell));
    }

    /// How long the database's threads take and what its caches spare them, for whoever shows it.
    pub fn timings(&self) -> Vec<Box<dyn prometheus::core::Collector>> {
        let mut all = self.inner.timings.collectors();
        all.extend(self.inner.items.collectors());
        all
    }

    /// How many transactions this process has committed. Whoever was answered by [`Store::write`] finds a higher number than before.
    pub fn commits(&self) -> u64 {
        self.inner.commits.load(Ordering::Acquire)
    }

    /// Whether the database answers and takes writes. A row is changed and changed back: a full disk lets a transaction pass that
    /// leaves every page as it is.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.write(|conn| ["asked", "answered"].into_iter().try_for_each(|word| facts::put(conn, facts::PING, word)))
            .await
    }

    /// Whether the thread that writes gets its lock: as [`Store::ping`], but leaves the disk in peace.
    pub async fn answers(&self) -> Result<(), StoreError> {
        self.write(|_| Ok(())).await
    }

    /// The same database for a run of the process that ends.
    #[cfg(test)]
    pub(crate) fn with_life(&self, life: Arc<Life>) -> Self {
        Self { life: Some(life), ..self.clone() }
    }

    #[cfg(test)]
    fn is_cut_off(&self) -> bool {
        self.life.as_ref().is_some_and(|life| !matches!(life.next(Step::Job), Fate::Done))
    }

    #[cfg(test)]
    async fn write_while_alive<T, F>(&self, life: &Life, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        life.wait().await;
        match life.next(Step::Job) {
            Fate::Done => self.inner.writer.call(work).await,
            Fate::DoneUnheard => {
                // Nobody hears what became of it.
                let _ = self.inner.writer.call(work).await;
                Err(StoreError::Stopped)
            }
            Fate::NotDone => Err(StoreError::Stopped),
        }
    }

    /// Ends the thread that writes, as a panic in it would.
    #[cfg(test)]
    pub(crate) async fn lose_writer(&self) {
        self.inner.writer.break_thread().await;
    }
}
