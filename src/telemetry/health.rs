//! What `GET /health` says: answered from the last look at everything, so that asking costs nothing and waits for nobody.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;

pub use super::{
    system::SystemFigures,
    verdict::{Checks, Growth, HealthStatus, Part, PartState, Verdict, Works, judge},
};
use crate::{
    account::messages::ShardLoad,
    ids::{Now, Timestamp},
};

/// A look that is older says nothing about now.
const STALE: Duration = Duration::from_secs(3);

/// A process that did not look for so long hangs, and will not mend itself.
const DEAD: Duration = Duration::from_secs(60);

/// So many looks in a row find that the database fails before requests are refused for it: one slow second is no outage.
const DATABASE_LOOKS: u32 = 2;

/// The use of the processors is judged as the mean of so many looks: one busy second is no trouble.
const CPU_LOOKS: usize = 10;

/// From where on something is wrong.
#[derive(Debug, Clone)]
pub struct Limits {
    pub cpu_percent: f32,
    pub memory_percent: f32,
    pub disk_free_bytes: u64,
    /// See [`Growth`].
    pub backlog: u64,
    pub backlog_window: Duration,
    /// The checks whose failure is a 503.
    pub refuse: Checks,
}

/// What one look found. `None`: no answer in time.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    pub database: bool,
    /// How many accounts are in which state: the registry's answer.
    pub accounts: Option<BTreeMap<&'static str, usize>>,
    /// One for each shard.
    pub shards: Option<Vec<Option<ShardLoad>>>,
    pub unsent: Option<u64>,
    /// Logged-in sessions.
    pub sessions: Option<u64>,
    pub figures: Option<SystemFigures>,
}

/// The last look, for every thread. Cloning is cheap.
#[derive(Clone)]
pub struct HealthMonitor(Arc<Inner>);

struct Inner {
    limits: Limits,
    started: Now,
    past: Mutex<Past>,
    hopeless: AtomicBool,
}

struct Past {
    growth: Growth,
    cpu: VecDeque<f32>,
    last: Option<Look>,
    /// Looks in a row that found the database failing.
    database_failed: u32,
}

#[derive(Clone)]
struct Look {
    at: Now,
    findings: Findings,
    endless: bool,
}

impl HealthMonitor {
    pub fn new(limits: Limits, started: Now) -> Self {
        let growth = Growth::new(limits.backlog, limits.backlog_window);
        let past = Mutex::new(Past { growth, cpu: VecDeque::new(), last: None, database_failed: 0 });
        Self(Arc::new(Inner { limits, started, past, hopeless: AtomicBool::new(false) }))
    }

    /// Takes what a look found.
    pub fn record(&self, mut findings: Findings, now: Now) {
        let mut past = self.0.past.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(figures) = &mut findings.figures {
            past.cpu.push_back(figures.cpu_percent);
            if past.cpu.len() > CPU_LOOKS {
                past.cpu.pop_front();
            }
            figures.cpu_percent = past.cpu.iter().sum::<f32>() / past.cpu.len() as f32;
        }
        let endless = findings.unsent.is_some_and(|unsent| past.growth.is_endless(unsent, now.instant));
        past.database_failed = if findings.database { 0 } else { past.database_failed.saturating_add(1) };
        past.last = Some(Look { at: now, findings, endless });
    }

    /// Whether whoever needs the database need not try.
    pub fn is_database_down(&self) -> bool {
        self.0.past.lock().unwrap_or_else(PoisonError::into_inner).database_failed >= DATABASE_LOOKS
    }

    /// Nothing here will heal: the process is about to end.
    pub fn give_up(&self) {
        self.0.hopeless.store(true, Ordering::Relaxed);
    }

    fn last(&self) -> Option<Look> {
        self.0.past.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }

    /// Since when it runs.
    pub fn started_at(&self) -> Timestamp {
        self.0.started.unix
    }

    /// The whole report, and whether it is a 503.
    pub fn report(&self, now: Now) -> (Health, bool) {
        let look = self.last();
        let age = look.as_ref().map_or(now.instant.saturating_duration_since(self.0.started.instant), |look| {
            now.instant.saturating_duration_since(look.at.instant)
        });
        let fresh = look.filter(|_| age <= STALE);
        let parts = self.parts(fresh.as_ref());
        let verdict = judge(&parts, &self.0.limits.refuse);
        (self.health(parts, verdict, fresh.map(|look| look.findings), now), verdict.refuses)
    }

    fn parts(&self, look: Option<&Look>) -> Vec<(Part, PartState)> {
        let Some(Look { findings, endless, .. }) = look else {
            let state = |part| if part == Part::Probe { PartState::Failing } else { PartState::Unknown };
            return Part::ALL.map(|part| (part, state(part))).into();
        };
        let (limits, figures) = (&self.0.limits, findings.figures);
        let is_within = |judged: fn(&SystemFigures, &Limits) -> bool| figures.map(|figures| judged(&figures, limits));
        let state = |part| match part {
            Part::Database => Some(findings.database),
            Part::Registry => Some(findings.accounts.is_some()),
            Part::Shards => findings.shards.as_ref().map(|shards| shards.iter().all(Option::is_some)),
            Part::Backlog => findings.unsent.map(|_| !endless),
            Part::Cpu => is_within(|figures, limits| figures.cpu_percent <= limits.cpu_percent),
            Part::Memory => is_within(|figures, limits| figures.memory_percent <= limits.memory_percent),
            Part::Disk => is_within(|figures, limits| figures.disk_free_bytes >= limits.disk_free_bytes),
            Part::Probe => Some(true),
            Part::Figures => Some(figures.is_some()),
        };
        let word = |well: Option<bool>| match well {
            Some(true) => PartState::Ok,
            Some(false) => PartState::Failing,
            None => PartState::Unknown,
        };
        Part::ALL.map(|part| (part, word(state(part)))).into()
    }

    fn health(&self, parts: Vec<(Part, PartState)>, verdict: Verdict, findings: Option<Findings>, now: Now) -> Health {
        let findings = findings.unwrap_or_default();
        let uptime_s = now.instant.saturating_duration_since(self.0.started.instant).as_secs();
        let loads: Vec<ShardLoad> = findings.shards.unwrap_or_default().into_iter().flatten().collect();
        let accounts = findings.accounts.unwrap_or_default();
        Health {
            status: verdict.status,
            timestamp: rfc3339(now.unix),
            version: env!("CARGO_PKG_VERSION"),
            uptime_s,
            services: parts.into_iter().map(|(part, state)| (part.as_str(), state)).collect(),
            works: verdict.works,
            actors: Actors { shards: loads.len(), accounts: loads.iter().map(|load| load.inbox.accounts).sum() },
            tasks: Tasks {
                inbox: loads.iter().map(|load| load.inbox.pending).sum(),
                reply: loads.iter().map(|load| load.reply.pending).sum(),
                outbox: loads.iter().map(|load| load.outbox.pending).sum(),
                unsent: findings.unsent,
            },
            sessions: findings.sessions,
            system: findings.figures,
            accounts,
        }
    }

    /// Whether the process is worth keeping: it answers, and may heal.
    pub fn is_alive(&self, now: Now) -> bool {
        let since = self.last().map_or(self.0.started.instant, |look| look.at.instant);
        !self.0.hopeless.load(Ordering::Relaxed) && now.instant.saturating_duration_since(since) <= DEAD
    }

    /// Whether requests can be served: started, database and registry answer.
    pub fn is_ready(&self, now: Now) -> bool {
        self.last().is_some_and(|look| {
            let fresh = now.instant.saturating_duration_since(look.at.instant) <= STALE;
            fresh && look.findings.database && look.findings.accounts.is_some()
        })
    }
}

fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map(|at| at.to_string()).unwrap_or_default()
}

/// The answer of `GET /health`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    pub status: HealthStatus,
    #[schema(example = "2026-11-26T08:00:00Z")]
    pub timestamp: String,
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    pub uptime_s: u64,
    /// How each part is doing.
    #[schema(value_type = BTreeMap<String, PartState>)]
    pub services: BTreeMap<&'static str, PartState>,
    /// What goes on working.
    pub works: Works,
    /// How many accounts are in which state.
    #[schema(value_type = BTreeMap<String, usize>)]
    pub accounts: BTreeMap<&'static str, usize>,
    pub actors: Actors,
    /// What is in work.
    pub tasks: Tasks,
    /// People who are logged in.
    pub sessions: Option<u64>,
    /// Processors, memory, disk, network, and this process; `null` where the machine does not tell.
    pub system: Option<SystemFigures>,
}

/// What runs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Actors {
    /// Shards that answer; each has an inbox, a reply and an outbox.
    pub shards: usize,
    /// Accounts they have taken in.
    pub accounts: usize,
}

/// What waits in memory, and what waits in the database to be sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Tasks {
    pub inbox: usize,
    pub reply: usize,
    pub outbox: usize,
    pub unsent: Option<u64>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Instant;

    use super::*;

    fn limits() -> Limits {
        Limits {
            cpu_percent: 90.0,
            memory_percent: 95.0,
            disk_free_bytes: 1 << 30,
            backlog: 1000,
            backlog_window: Duration::from_secs(300),
            refuse: "database, registry, shards, backlog".parse().unwrap(),
        }
    }

    fn well() -> Findings {
        let figures = SystemFigures { disk_free_bytes: 2 << 30, ..SystemFigures::default() };
        Findings {
            database: true,
            accounts: Some(BTreeMap::from([("connected", 2)])),
            shards: Some(vec![Some(ShardLoad::default()); 2]),
            unsent: Some(0),
            sessions: Some(1),
            figures: Some(figures),
        }
    }

    /// A monitor that looked `looks` times, a second apart, and the moment of the last look.
    fn after(looks: impl IntoIterator<Item = Findings>) -> (HealthMonitor, Now) {
        let mut now = Now { instant: Instant::now(), unix: Timestamp(1_763_640_000_000) };
        let monitor = HealthMonitor::new(limits(), now);
        for findings in looks {
            now = later(now, 1);
            monitor.record(findings, now);
        }
        (monitor, now)
    }

    fn later(now: Now, seconds: u64) -> Now {
        let span = Duration::from_secs(seconds);
        Now { instant: now.instant + span, unix: now.unix + span }
    }

    #[track_caller]
    fn says(findings: Findings, status: HealthStatus, refuses: bool, part: Part, state: PartState) {
        let (monitor, now) = after([findings]);
        let (health, refused) = monitor.report(now);
        assert_eq!((health.status, refused, health.services[part.as_str()]), (status, refuses, state));
    }

    #[test]
    fn the_report_has_what_operators_look_for() {
        let (monitor, now) = after([well()]);
        let (health, refuses) = monitor.report(now);
        assert!(!refuses);
        let json = serde_json::to_value(health).unwrap();
        assert_eq!(json["status"], "healthy");
        assert_eq!(json["timestamp"], "2025-11-20T12:00:01Z");
        assert_eq!(json["uptime_s"], 1);
        assert_eq!(json["services"]["database"], "ok");
        assert_eq!(json["accounts"]["connected"], 2);
        assert_eq!(json["actors"]["shards"], 2);
        for figure in ["cpu_percent", "memory_percent", "memory_available_bytes", "disk_free_bytes"] {
            assert!(json["system"][figure].is_number(), "{figure}");
        }
    }

    #[test]
    fn each_part_that_fails_is_named() {
        use HealthStatus::{Degraded, Unhealthy};
        use PartState::{Failing, Unknown};
        says(Findings { database: false, ..well() }, Unhealthy, true, Part::Database, Failing);
        says(Findings { accounts: None, shards: None, ..well() }, Unhealthy, true, Part::Registry, Failing);
        says(Findings { accounts: None, shards: None, ..well() }, Unhealthy, true, Part::Shards, Unknown);
        let dead = Some(vec![Some(ShardLoad::default()), None]);
        says(Findings { shards: dead, ..well() }, Unhealthy, true, Part::Shards, Failing);
        says(Findings { figures: None, ..well() }, Degraded, false, Part::Figures, Failing);
    }

    #[test]
    fn a_crossed_threshold_is_unhealthy() {
        let with = |change: fn(&mut SystemFigures)| {
            let mut findings = well();
            findings.figures.as_mut().into_iter().for_each(change);
            findings
        };
        use HealthStatus::Unhealthy;
        use PartState::Failing;
        says(with(|figures| figures.cpu_percent = 91.0), Unhealthy, false, Part::Cpu, Failing);
        says(with(|figures| figures.memory_percent = 96.0), Unhealthy, false, Part::Memory, Failing);
        says(with(|figures| figures.disk_free_bytes = 1 << 29), Unhealthy, false, Part::Disk, Failing);
    }

    #[test]
    fn one_busy_second_is_no_trouble() {
        let busy = |cpu_percent| {
            let figures = well().figures.map(|figures| SystemFigures { cpu_percent, ..figures });
            Findings { figures, ..well() }
        };
        let (monitor, now) = after([10.0, 10.0, 100.0].map(busy));
        assert_eq!(monitor.report(now).0.status, HealthStatus::Healthy);
        let (monitor, now) = after([100.0; 12].map(busy));
        assert_eq!(monitor.report(now).0.status, HealthStatus::Unhealthy);
    }

    #[test]
    fn unsent_work_that_grows_without_end_is_a_503() {
        let (monitor, now) = after((0..400).map(|second| Findings { unsent: Some(10 * second), ..well() }));
        let (health, refuses) = monitor.report(now);
        assert_eq!((health.services["backlog"], refuses), (PartState::Failing, true));
        assert_eq!(health.tasks.unsent, Some(3990));
    }

    /// R5: nothing is asked when somebody asks for health; so what nobody looked at for long must not pass for health.
    #[test]
    fn r5_an_old_look_is_not_health() {
        let (monitor, now) = after([well()]);
        assert!(!monitor.report(later(now, 3)).1);
        let (health, refuses) = monitor.report(later(now, 4));
        assert_eq!((health.status, refuses), (HealthStatus::Unhealthy, true));
        assert_eq!(health.services["database"], PartState::Unknown);
        assert!(!monitor.is_ready(later(now, 4)) && monitor.is_alive(later(now, 4)));
        assert!(!monitor.is_alive(later(now, 61)), "it hangs");
    }

    #[test]
    fn before_the_first_look_nothing_is_ready_but_alive() {
        let (monitor, now) = after([]);
        assert!(!monitor.is_ready(now) && monitor.is_alive(now));
        assert!(monitor.report(now).1);
    }

    #[test]
    fn ready_needs_the_database_and_the_registry_alone() {
        for (findings, ready) in [
            (well(), true),
            (Findings { shards: None, figures: None, ..well() }, true),
            (Findings { database: false, ..well() }, false),
            (Findings { accounts: None, ..well() }, false),
        ] {
            let (monitor, now) = after([findings]);
            assert_eq!(monitor.is_ready(now), ready);
        }
    }

    #[test]
    fn the_database_is_down_when_two_looks_in_a_row_say_so() {
        let looks = |answers: &[bool]| {
            let (monitor, _) = after(answers.iter().map(|&database| Findings { database, ..well() }));
            monitor.is_database_down()
        };
        assert!(
            !looks(&[]) && !looks(&[true, false]) && !looks(&[false, true, false]) && !looks(&[false, false, true])
        );
        assert!(looks(&[true, false, false]));
    }

    #[test]
    fn who_gave_up_is_not_alive() {
        let (monitor, now) = after([well()]);
        monitor.give_up();
        assert!(!monitor.is_alive(now));
    }
}
