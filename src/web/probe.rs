//! Looks at everything once a second, so that nobody who asks for health or metrics has to wait for anything.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use actix_web::web::block;
use anyhow::anyhow;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::{AppState, RegistryAddress};
use crate::{
    account::messages::{LoadOfShards, Overview, RegistryOverview, ShardLoad},
    store::{Store, StoreError, vitals},
    telemetry::{
        clock,
        health::{Findings, HealthMonitor, SystemFigures},
        metrics::Metrics,
        system::SystemSampler,
    },
};

const EVERY: Duration = Duration::from_secs(1);

/// A part that takes longer to answer is not healthy.
const PATIENCE: Duration = Duration::from_secs(1);

/// Every so many looks something is really written, which a full disk refuses; in between the disk is left in peace.
const WRITE_EVERY: u32 = 10;

/// Whoever looks.
pub struct Probe {
    store: Store,
    registry: RegistryAddress,
    health: HealthMonitor,
    metrics: Metrics,
    data_dir: PathBuf,
    /// Looks until something is written again.
    until_write: u32,
    /// Away while it looks.
    sampler: Option<SystemSampler>,
}

impl Probe {
    pub fn new(state: &AppState, data_dir: PathBuf) -> Self {
        Self {
            store: state.store.for_engine(),
            registry: state.registry.clone(),
            health: state.health.clone(),
            metrics: state.metrics.clone(),
            data_dir,
            until_write: 0,
            sampler: None,
        }
    }

    /// Looks again and again. Returns why this process cannot heal, if ever it finds so.
    pub async fn run(mut self) -> anyhow::Error {
        let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(hopeless) = self.look().await {
                return hopeless;
            }
        }
    }

    /// Looks once. An error says why this process cannot heal.
    pub async fn look(&mut self) -> anyhow::Result<()> {
        let findings = self.find().await.map_err(|error| anyhow!(error).context("the thread that writes is gone"))?;
        self.health.record(findings, clock::now());
        Ok(())
    }

    /// Asks all at once; each has a second.
    async fn find(&mut self) -> Result<Findings, StoreError> {
        let sampler = self.sampler.take().unwrap_or_else(|| SystemSampler::new(self.data_dir.clone()));
        let writes = self.until_write == 0;
        let (database, overview, shards, vitals, figures) = tokio::join!(
            timeout(PATIENCE, self.database(writes)),
            self.overview(),
            self.shards(),
            self.vitals(),
            figures(sampler),
        );
        let figures = figures.and_then(|(sampler, figures)| {
            self.sampler = Some(sampler);
            figures
        });
        if let Some(figures) = &figures {
            self.metrics.set_system(figures);
        }
        if let Ok(Err(error @ StoreError::Stopped)) = database {
            return Err(error);
        }
        let database = matches!(database, Ok(Ok(())));
        // What failed is well again when something was written.
        self.until_write = match (database, writes) {
            (false, _) => 0,
            (true, true) => WRITE_EVERY - 1,
            (true, false) => self.until_write - 1,
        };
        Ok(Findings {
            database,
            accounts: overview.map(|overview| self.count(&overview)),
            shards,
            unsent: vitals.as_ref().map(|vitals| vitals.queued + vitals.sent),
            sessions: vitals.map(|vitals| vitals.sessions),
            figures,
        })
    }

    /// Both ways: a reader that does not get its turn is as bad as a writer.
    async fn database(&self, writes: bool) -> Result<(), StoreError> {
        let write = async { if writes { self.store.ping().await } else { self.store.answers().await } };
        let (written, read) = tokio::join!(write, self.store.read(|_| Ok(())));
        written.and(read)
    }

    async fn overview(&self) -> Option<RegistryOverview> {
        timeout(PATIENCE, self.registry.get().send(Overview)).await.ok()?.ok()
    }

    fn count(&self, overview: &RegistryOverview) -> BTreeMap<&'static str, usize> {
        let mut by_state = BTreeMap::new();
        for (_, status) in &overview.accounts {
            *by_state.entry(status.state.as_str()).or_insert(0) += 1;
        }
        self.metrics.set_accounts(&by_state);
        by_state
    }

    /// The registry waits for its shards as long as we wait for the registry, so it is given a little more.
    async fn shards(&self) -> Option<Vec<Option<ShardLoad>>> {
        let asked = self.registry.get().send(LoadOfShards(PATIENCE));
        let loads = timeout(PATIENCE + PATIENCE / 2, asked).await.ok()?.ok()?;
        self.metrics.set_shards(&loads);
        Some(loads)
    }

    async fn vitals(&self) -> Option<vitals::Vitals> {
        let now = clock::unix();
        let read = self.store.read(move |conn| vitals::read_for_engine(conn, now));
        let vitals = timeout(PATIENCE, read).await.ok()?.ok()?;
        self.metrics.set_unsent(vitals.queued, vitals.sent);
        let causes: Vec<_> =
            vitals.breakers.iter().filter_map(|(cause, count)| Some((cause.parse().ok()?, *count))).collect();
        self.metrics.set_breakers(&causes);
        Some(vitals)
    }
}

/// R5: reading them takes a while, so a thread for such things does it.
async fn figures(mut sampler: SystemSampler) -> Option<(SystemSampler, Option<SystemFigures>)> {
    let read = block(move || {
        let figures = sampler.sample();
        (sampler, figures)
    });
    read.await.ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};

    use actix::prelude::*;

    use super::*;
    use crate::{
        account::{
            backoff::BackoffConfig,
            registry::{AccountRegistry, Config},
        },
        ai::{
            breaker::BreakerConfig,
            client::{Providers, Shares},
        },
        maintenance::actor::{self as maintenance, MaintenanceActor},
        settings::Settings,
        store::facts,
        telemetry::{
            feed::Feed,
            health::{Limits, PartState},
            modules::Modules,
        },
        testbed::{Bed, PACE},
        web::Engine,
    };

    fn registry(store: Store) -> AccountRegistry {
        let config = Config {
            shards: 0,
            pace: PACE,
            poll: EVERY,
            starts_per_second: 0,
            ping_every: EVERY,
            ping_wait: EVERY,
            backoff: BackoffConfig::default(),
            settle_wait: EVERY,
        };
        AccountRegistry::new(config, store, Feed::default(), Box::new(|_, _| unreachable!("no shards")))
    }

    fn probe(bed: &Bed) -> Probe {
        let limits = Limits {
            cpu_percent: 100.0,
            memory_percent: 100.0,
            disk_free_bytes: 0,
            backlog: 1000,
            backlog_window: Duration::from_secs(300),
            refuse: "database, registry, shards".parse().unwrap(),
        };
        let registry = RegistryAddress::new(registry(bed.store.clone()).start());
        let health = HealthMonitor::new(limits, clock::now());
        let (store, feed) = (bed.store.clone(), Feed::default());
        let config = maintenance::Config { at: Settings::default().maintenance.at, overlap: Duration::ZERO };
        let engine = Engine {
            registry,
            maintenance: MaintenanceActor::new(store.clone(), config).start(),
            // Nobody is told anything here, and nothing is copied.
            backups: Context::new().address(),
            notify: Context::new().address(),
            logins: Context::new().address(),
            challenges: Context::new().address(),
            modules: Modules::default(),
            providers: Providers::new(Shares { all: 1, account: 1 }, BreakerConfig::default()),
        };
        let state = AppState::new(&Settings::default(), store, engine, feed, health, Metrics::default());
        Probe::new(&state, std::env::temp_dir())
    }

    #[actix::test]
    async fn a_look_finds_every_part_and_shows_it_in_the_metrics() {
        let bed = Bed::new();
        let mut probe = probe(&bed);
        let findings = probe.find().await.unwrap();
        assert!(findings.database && findings.accounts.is_some() && findings.figures.is_some());
        assert_eq!((findings.shards, findings.unsent, findings.sessions), (Some(Vec::new()), Some(0), Some(0)));
        let text = probe.metrics.render();
        assert!(text.contains("yutang_outbox_unsettled{state=\"queued\"} 0"), "{text}");
    }

    /// What was found while the registry lived does not pass for what is.
    #[actix::test]
    async fn a_dead_registry_is_found_and_its_shards_are_unknown() {
        let bed = Bed::new();
        let mut probe = probe(&bed);
        let arbiter = Arbiter::new();
        let (store, handle) = (bed.store.clone(), arbiter.handle());
        let dead = AccountRegistry::start_in_arbiter(&handle, move |_| registry(store));
        arbiter.stop();
        arbiter.join().unwrap();
        probe.registry.set(dead);
        probe.look().await.unwrap();
        let (health, refuses) = probe.health.report(clock::now());
        assert!(refuses);
        let states = ["database", "registry", "shards"].map(|part| health.services[part]);
        assert_eq!(states, [PartState::Ok, PartState::Failing, PartState::Unknown]);
    }

    /// A server that has nothing to do does not write to its disk every second.
    #[actix::test]
    async fn of_ten_looks_one_writes() {
        let bed = Bed::new();
        let mut probe = probe(&bed);
        let mut written = Vec::new();
        for _ in 0..12 {
            bed.store.write(|conn| facts::put(conn, "ping", "untouched")).await.unwrap();
            probe.look().await.unwrap();
            let fact = bed.store.read(|conn| facts::find(conn, "ping")).await.unwrap();
            written.push(fact.is_some_and(|fact| fact != "untouched"));
        }
        let looks: Vec<_> = written.iter().enumerate().filter(|(_, wrote)| **wrote).map(|(look, _)| look).collect();
        assert_eq!(looks, [0, 10]);
    }

    /// Whoever waits for an answer does not care which thread it is that hangs.
    #[actix::test]
    async fn a_database_that_answers_no_read_is_down() {
        let bed = Bed::new();
        let mut probe = probe(&bed);
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let long = (0..4).map(|_| {
            let (ended, store) = (Arc::clone(&ended), bed.store.clone());
            actix::spawn(async move { store.read(move |_| Ok(ended.lock().map(|ended| ended.recv()).is_ok())).await })
        });
        let long: Vec<_> = long.collect();
        tokio::task::yield_now().await;
        assert!(!probe.find().await.unwrap().database);
        drop(end);
        for read in long {
            assert_eq!(read.await.unwrap(), Ok(true));
        }
        assert!(probe.find().await.unwrap().database);
    }

    #[actix::test]
    async fn a_dead_writer_is_hopeless() {
        let bed = Bed::new();
        let probe = probe(&bed);
        bed.store.lose_writer().await;
        let hopeless = timeout(10 * PATIENCE, probe.run()).await.unwrap();
        assert!(format!("{hopeless:#}").contains("the thread that writes is gone"), "{hopeless:#}");
    }
}
