//! Counters for `GET /metrics`, in Prometheus' text format. Nothing here carries an account's number: a thousand accounts must not make
//! a thousand lines.
//!
//! What happens often touches atomics alone. What is only there to be looked at (gauges) is set once a second by whoever looks.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
    core::{Collector, GenericCounter},
};

use super::system::SystemFigures;
use crate::{
    account::{messages::ShardLoad, state, token::Cause},
    outbox::entry::State,
};

/// From a message's arrival to its answer: a millisecond to ten minutes.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0];

/// What may be decided about a message.
const DECISIONS: [&str; 2] = ["answer", "silent"];

/// Everybody may invent methods, too.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// All metrics of the process. Cloning is cheap; every clone counts into the same.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Registry,
    received: IntCounter,
    sent: IntCounter,
    decisions: Labelled<IntCounter>,
    settled: Labelled<IntCounter>,
    token_requests: IntCounter,
    login_checks: IntCounter,
    push_stored: Histogram,
    decided: Histogram,
    confirmed: Histogram,
    connections: IntGaugeVec,
    unsent: IntGaugeVec,
    breakers: IntGaugeVec,
    shards: IntGauge,
    pending: IntGaugeVec,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    process: Process,
}

/// One metric for each value of a label, all known beforehand: finding one needs no lock.
struct Labelled<M>(Vec<(&'static str, M)>);

impl<M> Labelled<M> {
    fn get(&self, label: &str) -> Option<&M> {
        self.0.iter().find(|(known, _)| *known == label).map(|(_, metric)| metric)
    }
}

struct Process {
    cpu_percent: Gauge,
    memory_percent: Gauge,
    disk_free: IntGauge,
    network_received: IntGauge,
    network_sent: IntGauge,
    resident: IntGauge,
    threads: IntGauge,
    open_files: IntGauge,
    cpu_seconds: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let make = Maker(&registry);
        let families = Families {
            received: make
                .counter("yutang_messages_received_total", "Messages of buyers and sellers that were stored."),
            sent: make.counter("yutang_messages_sent_total", "Messages that were handed to the platform."),
            decisions: make.counters("yutang_decisions_total", "What was decided about turns.", "decision", DECISIONS),
            settled: make.counters(
                "yutang_outbox_settled_total",
                "How sends ended.",
                "state",
                [State::Confirmed, State::Rejected, State::Uncertain, State::Expired].map(State::as_str),
            ),
            token_requests: make
                .counter("yutang_token_requests_total", "Access tokens that were asked for, tries included."),
            login_checks: make
                .counter("yutang_login_checks_total", "How often the platform was asked whether a login stands."),
            push_stored: make.histogram("yutang_push_stored_seconds", "From a push's arrival until it is stored."),
            decided: make
                .histogram("yutang_received_decided_seconds", "From a turn's last message until its decision is made."),
            confirmed: make.histogram(
                "yutang_decided_confirmed_seconds",
                "From a decision until the platform confirmed its answer.",
            ),
            connections: make.gauges("yutang_accounts", "Accounts by the state of their connection.", &["state"]),
            unsent: make.gauges("yutang_outbox_unsettled", "Sends that are not settled, by state.", &["state"]),
            breakers: make.gauges("yutang_breakers_open", "Accounts that wait for a person, by cause.", &["cause"]),
            shards: make.gauge("yutang_shards_alive", "Shards that answer."),
            pending: make.gauges(
                "yutang_actor_pending",
                "What waits in an actor: turns, messages to decide, sends, accounts to start.",
                &["shard", "actor"],
            ),
            requests: make.register(IntCounterVec::new(
                Opts::new("yutang_http_requests_total", "Answered HTTP requests."),
                &["method", "route", "status"],
            )),
            request_seconds: make.register(HistogramVec::new(
                HistogramOpts::new("yutang_http_request_seconds", "How long HTTP requests took.")
                    .buckets(SECONDS.into()),
                &["method", "route"],
            )),
            process: Process::new(&make),
            registry: registry.clone(),
        };
        Self(Arc::new(families))
    }
}

impl Process {
    fn new(make: &Maker<'_>) -> Self {
        Self {
            cpu_percent: make.number("yutang_system_cpu_percent", "Use of all processors together."),
            memory_percent: make.number("yutang_system_memory_percent", "Use of the machine's memory."),
            disk_free: make.gauge("yutang_disk_free_bytes", "Free space where the data lies."),
            network_received: make
                .gauge("yutang_system_network_received_bytes", "Received by the machine since it started."),
            network_sent: make.gauge("yutang_system_network_sent_bytes", "Sent by the machine since it started."),
            resident: make.gauge("yutang_process_resident_memory_bytes", "Memory of the process."),
            threads: make.gauge("yutang_process_threads", "Threads of the process."),
            open_files: make.gauge("yutang_process_open_fds", "Open files and sockets of the process."),
            cpu_seconds: make.number("yutang_process_cpu_seconds", "Processor time of the process since it started."),
        }
    }
}

impl Metrics {
    /// So many new messages were stored.
    pub fn received(&self, messages: usize) {
        self.0.received.inc_by(messages as u64);
    }

    /// A message leaves for the platform.
    pub fn sent(&self) {
        self.0.sent.inc();
    }

    /// A push was stored this long after it arrived.
    pub fn push_stored(&self, after: Duration) {
        self.0.push_stored.observe(after.as_secs_f64());
    }

    /// A decision is stored that was made this long after the message came.
    pub fn decided(&self, decision: &str, after: Duration) {
        self.0.decisions.get(decision).map(GenericCounter::inc).unwrap_or_default();
        self.0.decided.observe(after.as_secs_f64());
    }

    /// A send reached its final state, this long after it was decided.
    pub fn settled(&self, state: State, after: Duration) {
        self.0.settled.get(state.as_str()).map(GenericCounter::inc).unwrap_or_default();
        if state == State::Confirmed {
            self.0.confirmed.observe(after.as_secs_f64());
        }
    }

    pub fn login_checked(&self) {
        self.0.login_checks.inc();
    }

    pub fn token_requested(&self, requests: u32) {
        self.0.token_requests.inc_by(requests.into());
    }

    /// An answered HTTP request. `route` is the pattern (`/api/v1/accounts/{id}`), never the path: everybody may invent paths.
    pub fn observe_http(&self, method: &str, route: &str, status: u16, took: Duration) {
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        self.0.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.0.request_seconds.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// How many accounts are in which state; those not named: none.
    pub fn set_accounts(&self, by_state: &BTreeMap<&'static str, usize>) {
        for state in state::State::ALL {
            let count = by_state.get(state.as_str()).copied().unwrap_or(0);
            self.0.connections.with_label_values(&[state.as_str()]).set(whole(count));
        }
    }

    /// What is not settled.
    pub fn set_unsent(&self, queued: u64, sent: u64) {
        for (state, count) in [(State::Queued, queued), (State::Sent, sent)] {
            self.0.unsent.with_label_values(&[state.as_str()]).set(whole(count));
        }
    }

    /// How many accounts wait for a person, by cause; those not named: none.
    pub fn set_breakers(&self, by_cause: &[(Cause, u64)]) {
        for cause in [Cause::Challenge, Cause::AccessDenied, Cause::SessionExpired] {
            let count = by_cause.iter().find(|(known, _)| *known == cause).map_or(0, |(_, count)| *count);
            self.0.breakers.with_label_values(&[cause.as_str()]).set(whole(count));
        }
    }

    /// What the shards said, each in its place.
    pub fn set_shards(&self, loads: &[Option<ShardLoad>]) {
        self.0.shards.set(whole(loads.iter().flatten().count()));
        for (number, load) in loads.iter().enumerate() {
            let Some(load) = load else { continue };
            let number = number.to_string();
            for (actor, load) in [("inbox", load.inbox), ("reply", load.reply), ("outbox", load.outbox)] {
                self.0.pending.with_label_values(&[number.as_str(), actor]).set(whole(load.pending));
            }
        }
    }

    pub fn set_system(&self, figures: &SystemFigures) {
        let process = &self.0.process;
        process.cpu_percent.set(figures.cpu_percent.into());
        process.memory_percent.set(figures.memory_percent.into());
        process.disk_free.set(whole(figures.disk_free_bytes));
        process.network_received.set(whole(figures.network_received_bytes));
        process.network_sent.set(whole(figures.network_sent_bytes));
        process.resident.set(whole(figures.process.memory_bytes));
        process.threads.set(whole(figures.process.threads));
        process.open_files.set(whole(figures.process.open_files));
        process.cpu_seconds.set(figures.process.cpu_seconds);
    }

    /// Shows metrics that somebody else counts, as the database's threads do. One that is shown already stays.
    pub fn show(&self, collectors: impl IntoIterator<Item = Box<dyn Collector>>) {
        for collector in collectors {
            if let Err(error) = self.0.registry.register(collector) {
                log::warn!(class = "system"; "metrics are not shown: {error}");
            }
        }
    }

    /// Everything, in the text format.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.0.registry.gather()).unwrap_or_default()
    }
}

fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Makes metrics and shows them.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    #[expect(
        clippy::expect_used,
        reason = "names and labels are written down here, and the first test of any kind finds a bad one"
    )]
    fn register<M: Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let metric = made.expect("a good name");
        self.0.register(Box::new(metric.clone())).expect("a new name");
        metric
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help))
    }

    fn counters<const N: usize>(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: [&'static str; N],
    ) -> Labelled<IntCounter> {
        let family = self.register(IntCounterVec::new(Opts::new(name, help), &[label]));
        Labelled(values.map(|value| (value, family.with_label_values(&[value]))).into())
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help))
    }

    fn number(&self, name: &str, help: &str) -> Gauge {
        self.register(Gauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str) -> Histogram {
        self.register(Histogram::with_opts(HistogramOpts::new(name, help).buckets(SECONDS.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::messages::Load;

    fn counted() -> String {
        let metrics = Metrics::default();
        metrics.received(3);
        metrics.sent();
        metrics.push_stored(Duration::from_millis(2));
        metrics.decided("answer", Duration::from_millis(1200));
        metrics.settled(State::Confirmed, Duration::from_millis(80));
        metrics.settled(State::Expired, Duration::from_secs(300));
        metrics.token_requested(2);
        metrics.observe_http("GET", "/api/v1/accounts/{id}", 200, Duration::from_millis(3));
        metrics.set_accounts(&BTreeMap::from([("connected", 5)]));
        metrics.set_unsent(7, 1);
        metrics.set_breakers(&[(Cause::Challenge, 1)]);
        let load = ShardLoad { inbox: Load { accounts: 5, pending: 4 }, ..ShardLoad::default() };
        metrics.set_shards(&[Some(load), None]);
        metrics.set_system(&SystemFigures { disk_free_bytes: 42, ..SystemFigures::default() });
        metrics.render()
    }

    #[test]
    fn everything_that_happens_is_in_the_text() {
        let text = counted();
        for line in [
            "yutang_messages_received_total 3",
            "yutang_messages_sent_total 1",
            "yutang_push_stored_seconds_count 1",
            "yutang_decisions_total{decision=\"answer\"} 1",
            "yutang_decisions_total{decision=\"silent\"} 0",
            "yutang_received_decided_seconds_sum 1.2",
            "yutang_decided_confirmed_seconds_count 1",
            "yutang_outbox_settled_total{state=\"expired\"} 1",
            "yutang_token_requests_total 2",
            "yutang_http_requests_total{method=\"GET\",route=\"/api/v1/accounts/{id}\",status=\"200\"} 1",
            "yutang_accounts{state=\"connected\"} 5",
            "yutang_accounts{state=\"failed\"} 0",
            "yutang_outbox_unsettled{state=\"queued\"} 7",
            "yutang_breakers_open{cause=\"challenge\"} 1",
            "yutang_shards_alive 1",
            "yutang_actor_pending{actor=\"inbox\",shard=\"0\"} 4",
            "yutang_disk_free_bytes 42",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in:\n{text}");
        }
    }

    #[test]
    fn names_follow_the_convention_and_no_label_grows_with_the_accounts() {
        for line in counted().lines() {
            let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
            assert!(name.starts_with("yutang_"), "{line}");
            assert!(!line.contains("account=") && !line.contains("account_id="), "{line}");
            if line.starts_with("# TYPE") && line.ends_with(" counter") {
                assert!(line.contains("_total "), "{line}");
            }
        }
    }

    #[test]
    fn an_invented_method_makes_no_line_of_its_own() {
        let metrics = Metrics::default();
        for method in ["BREW", "STIR"] {
            metrics.observe_http(method, "/health", 405, Duration::ZERO);
        }
        let line = "yutang_http_requests_total{method=\"other\",route=\"/health\",status=\"405\"} 2";
        assert!(metrics.render().contains(line), "{}", metrics.render());
    }

    #[test]
    fn every_clone_counts_into_the_same() {
        let metrics = Metrics::default();
        metrics.clone().received(1);
        metrics.received(1);
        assert!(metrics.render().contains("yutang_messages_received_total 2\n"));
    }
}
