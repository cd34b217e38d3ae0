//! What a load came to, for people and for programs.

use std::{
    fmt,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    book::{Book, First},
    process::Usage,
};

/// How long it took until every account was registered.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Connected {
    pub accounts: usize,
    /// From the first WebSocket upgrade to the last registration.
    pub from_first_upgrade_ms: u64,
    /// From the start of the simulator to the last registration.
    pub from_start_ms: u64,
    pub token_requests: u64,
}

/// What the server used while nothing happened.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Idle {
    pub seconds: u64,
    pub accounts: usize,
    pub server: Usage,
}

/// Milliseconds from push to delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    pub answers: usize,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// The result of a load.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub accounts: usize,
    pub sent: usize,
    /// Answered exactly once or more; doubles are counted apart.
    pub answered: usize,
    pub lost: usize,
    pub doubled: usize,
    pub wrong: usize,
    /// Messages answered in a second of the measured time.
    pub throughput: f64,
    /// All accounts but the hot one.
    pub latency_ms: Latency,
    /// The hot account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hot_latency_ms: Option<Latency>,
    /// How far pushing fell behind its schedule at worst.
    pub behind_schedule_ms: f64,
    pub disconnects: usize,
    /// Asked for since the simulator started, and during the load.
    pub token_requests: u64,
    pub token_requests_during_load: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Usage>,
    pub simulator: Option<Usage>,
}

impl Latency {
    /// Of first answers; all zero where there are none.
    pub fn of<'a>(answers: impl Iterator<Item = &'a First>) -> Self {
        let mut times: Vec<Duration> = answers.map(|answer| answer.latency).collect();
        times.sort_unstable();
        let at = |share: f64| {
            let place = (times.len() as f64 * share).ceil() as usize;
            times.get(place.saturating_sub(1)).or(times.last()).map_or(0.0, milliseconds)
        };
        Self { answers: times.len(), p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }
}

impl Report {
    /// Counts what `book` holds; latency and throughput of what was pushed from `start` on for `time`.
    pub fn of(book: &Book, start: Instant, time: Duration) -> Self {
        let measured: Vec<&First> = book.answers.iter().filter(|answer| answer.pushed >= start).collect();
        let in_time = measured.iter().filter(|answer| answer.pushed + answer.latency <= start + time).count();
        let hot = measured.iter().filter(|answer| answer.hot).copied();
        let hot = Some(Latency::of(hot)).filter(|latency| latency.answers > 0);
        Self {
            accounts: 0,
            sent: book.sent(),
            answered: book.answers.len(),
            lost: book.unanswered(),
            doubled: book.doubled,
            wrong: book.wrong,
            throughput: in_time as f64 / time.as_secs_f64().max(0.001),
            latency_ms: Latency::of(measured.iter().filter(|answer| !answer.hot).copied()),
            hot_latency_ms: hot,
            behind_schedule_ms: 0.0,
            disconnects: 0,
            token_requests: 0,
            token_requests_during_load: 0,
            server: None,
            simulator: None,
        }
    }

    /// Every message was answered once, and rightly.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.wrong == 0
    }
}

impl fmt::Display for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accounts, from_first_upgrade_ms, from_start_ms, token_requests } = self;
        write!(
            f,
            "{accounts} accounts registered: {from_first_upgrade_ms} ms after the first upgrade, {from_start_ms} ms after \
             the simulator's start, {token_requests} token requests"
        )
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} accounts idle for {} s: server {}", self.accounts, self.seconds, self.server)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB RSS, {:.1} % of a core", self.rss_mib, self.cpu_percent)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, p999, max, .. } = self;
        write!(f, "p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  p99.9 {p999:.2}  max {max:.2} ms")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accounts, sent, answered, lost, doubled, wrong, throughput, .. } = self;
        writeln!(f, "accounts     {accounts}, {} disconnects", self.disconnects)?;
        writeln!(f, "messages     {sent} sent, {answered} answered, {lost} lost, {doubled} doubled, {wrong} wrong")?;
        writeln!(f, "throughput   {throughput:.0} answers/s")?;
        writeln!(f, "latency      {}", self.latency_ms)?;
        if let Some(hot) = &self.hot_latency_ms {
            writeln!(f, "hot account  {hot}")?;
        }
        writeln!(f, "schedule     at most {:.1} ms late", self.behind_schedule_ms)?;
        let (all, during) = (self.token_requests, self.token_requests_during_load);
        write!(f, "tokens       {all} requests, {during} of them during the load")?;
        if let Some(server) = &self.server {
            write!(f, "\nserver       {server}")?;
        }
        if let Some(simulator) = &self.simulator {
            write!(f, "\nsimulator    {simulator}")?;
        }
        Ok(())
    }
}

fn milliseconds(time: &Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_measured_values_at_their_rank() {
        let at = Instant::now();
        let answers: Vec<First> =
            (1..=100).map(|ms| First { pushed: at, latency: Duration::from_millis(ms), hot: false }).collect();
        let latency = Latency::of(answers.iter().rev());
        assert_eq!((latency.p50, latency.p90, latency.p99, latency.max), (50.0, 90.0, 99.0, 100.0));
        assert_eq!(Latency::of([].iter()), Latency::default());
    }
}
