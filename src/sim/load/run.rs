//! Runs a load: waits for the accounts, pushes on schedule, counts what comes back.

use std::{
    collections::HashSet,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rand::RngExt as _;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    book::Book,
    catalog::Catalog,
    process::{Look, Process},
    report::{Connected, Idle, Report},
};
use crate::{
    ids::ConversationId,
    sim::{Account, Body, Interest, Platform, SimEvent},
};

/// The longest sleep while messages are due: short against the latencies measured.
const NAP: Duration = Duration::from_micros(500);
/// After the last answer, how long doubles are waited for.
const ECHO: Duration = Duration::from_millis(500);

/// How a load is spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Spacing {
    /// One after the other at equal distances.
    Even,
    /// At random, as independent buyers write.
    Poisson,
}

/// A load.
#[derive(Debug, Clone)]
pub struct Plan {
    pub catalog: Catalog,
    /// Messages a second, over all accounts.
    pub rate: f64,
    /// Messages a second to the first account, besides.
    pub hot_rate: f64,
    pub time: Duration,
    /// Pushed before the measured time, at the same rate.
    pub warm_up: Duration,
    /// Conversations of each account.
    pub buyers: usize,
    pub spacing: Spacing,
    /// How long answers are waited for at the end.
    pub grace: Duration,
}

/// Waits until every account is registered. `None` after `deadline`.
pub fn await_connected(platform: &Platform, start: Instant, deadline: Duration) -> Option<Connected> {
    let mut events = platform.events(Interest::Outcomes);
    let accounts = platform.accounts();
    // those that were there before the events began
    let mut registered: HashSet<Arc<str>> =
        accounts.iter().filter(|account| account.connections() > 0).map(|account| account.name.clone()).collect();
    let mut last = Instant::now();
    while registered.len() < accounts.len() {
        if start.elapsed() > deadline {
            return None;
        }
        while let Ok(event) = events.try_recv() {
            if let SimEvent::Registered { account, at } = event {
                registered.insert(account);
                last = at;
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    let first = platform.first_opened().unwrap_or(start);
    Some(Connected {
        accounts: accounts.len(),
        from_first_upgrade_ms: milliseconds(last.saturating_duration_since(first)),
        from_start_ms: milliseconds(last.saturating_duration_since(start)),
        token_requests: token_requests(platform),
    })
}

/// Watches a process while nobody writes.
pub fn measure_idle(platform: &Platform, process: Process, time: Duration) -> std::io::Result<Idle> {
    let before = process.look()?;
    thread::sleep(time);
    let accounts = platform.accounts().iter().filter(|account| account.connections() > 0).count();
    Ok(Idle { seconds: time.as_secs(), accounts, server: process.since(before)? })
}

/// Runs a load on every account of the platform, and watches `server` meanwhile.
pub fn run(platform: &Platform, plan: &Plan, server: Option<Process>) -> Report {
    let mut load = Load::new(platform, plan);
    let tokens = token_requests(platform);
    let measured_from = load.start + plan.warm_up;
    let end = measured_from + plan.time;
    load.push_until(measured_from);
    let before = (server.and_then(look), look(Process::own()));
    load.push_until(end);
    let used = |process: Option<Process>, before: Option<Look>| process?.since(before?).ok();
    let usage = (used(server, before.0), used(Some(Process::own()), before.1));
    load.gather(plan.grace);
    let token_requests = token_requests(platform);
    Report {
        accounts: load.rooms.len(),
        behind_schedule_ms: load.behind.as_secs_f64() * 1000.0,
        disconnects: load.disconnects,
        token_requests,
        token_requests_during_load: token_requests - tokens,
        server: usage.0,
        simulator: usage.1,
        ..Report::of(&load.book, measured_from, plan.time)
    }
}

/// A load in progress.
struct Load<'a> {
    plan: &'a Plan,
    book: Book,
    rooms: Vec<Room>,
    all: Stream,
    hot: Stream,
    turn: usize,
    start: Instant,
    behind: Duration,
    disconnects: usize,
    events: UnboundedReceiver<SimEvent>,
}

/// An account and its conversations.
struct Room {
    account: Arc<Account>,
    conversations: Vec<ConversationId>,
}

/// Messages due at a rate.
struct Stream {
    rate: f64,
    spacing: Spacing,
    due: Instant,
}

impl<'a> Load<'a> {
    fn new(platform: &Platform, plan: &'a Plan) -> Self {
        let rooms = platform.accounts().into_iter().map(|account| Room::new(account, plan.buyers)).collect();
        let events = platform.events(Interest::Outcomes);
        let start = Instant::now();
        let stream = |rate| Stream { rate, spacing: plan.spacing, due: start };
        Self {
            plan,
            book: Book::new(plan.catalog),
            rooms,
            all: stream(plan.rate),
            hot: stream(plan.hot_rate),
            turn: 0,
            start,
            behind: Duration::ZERO,
            disconnects: 0,
            events,
        }
    }

    fn push_until(&mut self, end: Instant) {
        loop {
            let now = Instant::now();
            if now >= end {
                return;
            }
            while let Some(late) = self.all.take(now) {
                self.behind = self.behind.max(late);
                self.turn = (self.turn + 1) % self.rooms.len().max(1);
                self.push(self.turn);
            }
            while let Some(late) = self.hot.take(now) {
                self.behind = self.behind.max(late);
                self.push(0);
            }
            self.listen();
            let next = self.all.due_after(end).min(self.hot.due_after(end)).min(end);
            thread::sleep(next.saturating_duration_since(Instant::now()).min(NAP));
        }
    }

    fn push(&mut self, room: usize) {
        let hot = self.plan.hot_rate > 0.0 && room == 0;
        let Some(room) = self.rooms.get(room) else { return };
        let mut random = rand::rng();
        let keyword = random.random_range(0..self.plan.catalog.keywords);
        let conversation = &room.conversations[random.random_range(0..room.conversations.len())];
        let text = self.plan.catalog.message(keyword, self.book.next_serial());
        self.book.pushed(conversation.clone(), keyword, Instant::now(), hot);
        room.account.peer_writes_now(conversation, Body::Text { text });
    }

    fn listen(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            match event {
                SimEvent::Delivered { delivery, .. } => {
                    self.book.delivered(&delivery.conversation, delivery.text(), delivery.at);
                }
                SimEvent::Disconnected { .. } => self.disconnects += 1,
                SimEvent::Opened { .. }
                | SimEvent::Registered { .. }
                | SimEvent::Refused { .. }
                | SimEvent::Acked { .. }
                | SimEvent::Heartbeat { .. }
                | SimEvent::TokenRequested { .. }
                | SimEvent::Called { .. }
                | SimEvent::LoggedIn { .. }
                | SimEvent::HasLogin { .. }
                | SimEvent::PersonDemanded { .. }
                | SimEvent::ChallengeOpened { .. }
                | SimEvent::DragRefused { .. }
                | SimEvent::DragAccepted { .. }
                | SimEvent::Unreadable { .. } => (),
            }
        }
    }

    /// Waits for the answers that are still out, then a moment for doubles.
    fn gather(&mut self, grace: Duration) {
        let start = Instant::now();
        while self.book.unanswered() > 0 && start.elapsed() < grace {
            self.listen();
            thread::sleep(NAP);
        }
        thread::sleep(ECHO);
        self.listen();
    }
}

impl Room {
    fn new(account: Arc<Account>, buyers: usize) -> Self {
        let conversation =
            |buyer: usize| account.conversation(&format!("{}", 3_300_000_000_000 + buyer), "900000000001");
        let conversations = (0..buyers.max(1)).map(conversation).collect();
        Self { account, conversations }
    }
}

impl Stream {
    /// Takes one message if it is due, and says how late it is.
    fn take(&mut self, now: Instant) -> Option<Duration> {
        if self.rate <= 0.0 || self.due > now {
            return None;
        }
        let late = now.duration_since(self.due);
        let step = match self.spacing {
            Spacing::Even => 1.0,
            // the distance between independent events; 1 - u is never 0
            Spacing::Poisson => -(1.0 - rand::rng().random::<f64>()).ln(),
        };
        self.due += Duration::from_secs_f64(step / self.rate);
        Some(late)
    }

    fn due_after(&self, never: Instant) -> Instant {
        if self.rate > 0.0 { self.due } else { never }
    }
}

fn look(process: Process) -> Option<Look> {
    process.look().ok()
}

fn token_requests(platform: &Platform) -> u64 {
    platform.accounts().iter().map(|account| u64::from(account.token_requests())).sum()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
