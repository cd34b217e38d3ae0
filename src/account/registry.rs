//! Supervises every enabled account, and the shards they live on.
//!
//! What should run is in the database; twice a second the registry looks whether that changed and makes reality follow. An account
//! that ended unwanted is started afresh after a back-off. A shard whose actors are dead or silent is replaced as a whole: its
//! successor knows everything from the database.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::prelude::*;
use futures_util::{FutureExt as _, future::join_all};
use log::{error, warn};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    account::{
        actor::{AccountActor, Env},
        backoff::{Backoff, BackoffConfig},
        facts::{AccountFacts, Pace},
        messages::{
            AccountSnapshot, AccountStopped, Adopt, Amend, AwaitOutcome, ChallengePassed, CredentialsChanged,
            DropAccount, Load, LoadOfShards, NotPassed, NotProbed, Overview, Ping, ProbeLine, Refresh,
            RegistryOverview, Restart, ShardLoad, ShutDown, Snapshot, SnapshotOf, StatusChanged, Stop, Switches,
        },
        state::{Reason, State, Status},
    },
    delivery::messages::DeliveriesDue,
    ids::{AccountId, BuyerId, UserId},
    inbox::messages::Flush,
    item::messages::{ItemsWanted, NotPolished, PolishNow},
    order::messages::{NotRead, ReadOrder},
    outbox::{
        entry::{Change, Entry, PersonsWord, Row, SendId},
        messages::{ActOnEntry, EntryAct, NotActed, NotSent, SendByPerson, Settle},
    },
    reply::{
        matcher::Library,
        messages::{AccountRules, AnswerSettings, BuyersChanged, PausesChanged, RulesLoaded},
    },
    store::{self, DbConn, Keys, QueryResult, Store, StoreError, accounts::Account, revisions::Revisions},
    telemetry::{
        clock,
        feed::{Feed, FeedEvent, SendEvent},
    },
};

/// Accounts that are taken in at the same time; more would only wait for the same database.
const ADOPTING: usize = 64;

/// A person waits so long for a message to be stored; after that nobody knows.
const STORE_WAIT: Duration = Duration::from_secs(20);

/// A person waits so long for an item to be polished: longer than a call of the gateway takes.
const POLISH_WAIT: Duration = Duration::from_secs(60);

/// A line answers within this time, or it is not there.
const PROBE_WAIT: Duration = Duration::from_secs(30);

/// For the one call that shows that a challenge is over.
const PASS_WAIT: Duration = Duration::from_secs(60);

/// An order is read within this time, or whoever waits is told that it was not.
const READ_WAIT: Duration = Duration::from_secs(30);

/// How the registry works.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    pub shards: usize,
    /// Where an account has no setting of its own.
    pub pace: Pace,
    /// How often the database is asked for changes.
    pub poll: Duration,
    /// Accounts started a second; 0 = as fast as they can.
    pub starts_per_second: u32,
    /// How often shards are asked whether they live, and how long they may take to answer.
    pub ping_every: Duration,
    pub ping_wait: Duration,
    pub backoff: BackoffConfig,
    /// A shutdown lets what is in the air settle for this long.
    pub settle_wait: Duration,
}

/// One shard's addresses. Made by whoever knows all actors.
pub struct Shard {
    pub arbiter: ArbiterHandle,
    /// What its accounts work with; tells them when the shard was replaced.
    pub env: Env,
    /// In the order accounts are taken in: the end of the walk first.
    pub adopt: Vec<Recipient<Adopt>>,
    /// In the order they are let go: the beginning of the walk first.
    pub drop_account: Vec<Recipient<DropAccount>>,
    /// Inbox, reply, outbox.
    pub ping: [Recipient<Ping>; 3],
    /// Those who ask others: no load to speak of, but a shard without them is dead all the same.
    pub outside: Vec<Recipient<Ping>>,
    pub amend: Vec<Recipient<Amend>>,
    pub by_person: Recipient<SendByPerson>,
    pub acts: Recipient<ActOnEntry>,
    pub read_order: Recipient<ReadOrder>,
    pub deliveries: Recipient<DeliveriesDue>,
    pub rules: Recipient<RulesLoaded>,
    pub pauses: Recipient<PausesChanged>,
    pub buyers: Recipient<BuyersChanged>,
    pub switches: Recipient<Switches>,
    pub flush: Recipient<Flush>,
    pub settle: Recipient<Settle>,
}

/// How a new shard tells the registry.
#[derive(Clone)]
pub struct ToRegistry {
    pub stopped: Recipient<AccountStopped>,
    pub status: Recipient<StatusChanged>,
}

/// Starts shard number `usize`.
pub type ShardMaker = Box<dyn Fn(usize, ToRegistry) -> Shard>;

pub struct AccountRegistry {
    config: Config,
    store: Store,
    feed: Feed,
    make_shard: ShardMaker,
    shards: Vec<Shard>,
    accounts: HashMap<AccountId, Supervised>,
    to_start: VecDeque<AccountId>,
    starting: Option<SpawnHandle>,
    adopting: usize,
    known: Option<Revisions>,
    libraries: Arc<HashMap<UserId, Library>>,
    rules: RulesLoaded,
    switches: Switches,
    reading: bool,
    /// How often it was begun to read what should be, and which reading was followed last: an older one must not undo a newer one.
    looks: u64,
    followed: u64,
    /// Accounts that must not start now, and by how many jobs.
    held: HashMap<AccountId, usize>,
    /// Who waits until nothing of an account runs.
    until_off: Vec<(AccountId, oneshot::Sender<()>)>,
    /// Who waits for what becomes of a connection.
    outcomes: Vec<Outcome>,
    unwritten: HashMap<AccountId, Status>,
    writing: bool,
    shutting_down: bool,
    all_off: Option<oneshot::Sender<()>>,
}

/// Somebody who waits for what becomes of a connection.
struct Outcome {
    account: AccountId,
    credentials_version: i64,
    answer: oneshot::Sender<Status>,
}

/// Stops these accounts, runs the job as one transaction while nothing of them runs, and then starts again those that still exist and are
/// enabled: for a job that deletes them.
pub struct WithoutAccounts<T> {
    pub accounts: Vec<AccountId>,
    pub job: Job<T>,
}

pub type Job<T> = Box<dyn FnOnce(&mut DbConn) -> QueryResult<T> + Send>;

impl<T: Send + 'static> Message for WithoutAccounts<T> {
    type Result = Result<T, StoreError>;
}

struct Supervised {
    facts: AccountFacts,
    credentials_version: i64,
    /// How many times its running actor was told of new credentials.
    renewals: u64,
    /// The status tells of the newest credentials, and of an actor that is to go on.
    status_is_new: bool,
    enabled: bool,
    shard: usize,
    generation: u64,
    phase: Phase,
    /// Failed connects in a row, handed on to the next actor.
    failures: u32,
    crashes: Backoff,
    status: Status,
    /// As its actor said last.
    has_line: bool,
}

enum Phase {
    Off,
    /// Waits for its turn to start.
    Queued,
    /// The shard's actors read what they need.
    Adopting,
    Running(Addr<AccountActor>),
    /// Ended unwanted; starts again.
    Resting,
    Stopping(Reason),
    /// The shard's actors let it go.
    Releasing,
}

/// What the database says should be.
struct Wanted {
    revisions: Revisions,
    accounts: Vec<Account>,
    stop_all: bool,
    libraries: HashMap<UserId, Library>,
    rules: RulesLoaded,
}

impl AccountRegistry {
    pub fn new(config: Config, store: Store, feed: Feed, make_shard: ShardMaker) -> Self {
        Self {
            config,
            store,
            feed,
            make_shard,
            shards: Vec::new(),
            accounts: HashMap::new(),
            to_start: VecDeque::new(),
            starting: None,
            adopting: 0,
            known: None,
            libraries: Arc::default(),
            rules: RulesLoaded(Arc::default()),
            switches: Switches::default(),
            reading: false,
            looks: 0,
            followed: 0,
            held: HashMap::new(),
            until_off: Vec::new(),
            outcomes: Vec::new(),
            unwritten: HashMap::new(),
            writing: false,
            shutting_down: false,
            all_off: None,
        }
    }

    /// Reads what should be, if it changed since the last look.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.reading || self.shutting_down {
            return;
        }
        self.reading = true;
        let then = self.read(self.known).map(|(), actor, _| actor.reading = false);
        ctx.spawn(then);
    }

    /// Reads what should be, if it differs from what is `known`, and follows it.
    fn read(&mut self, known: Option<Revisions>) -> ResponseActFuture<Self, ()> {
        self.looks += 1;
        let (store, look, libraries) = (self.store.clone(), self.looks, Arc::clone(&self.libraries));
        let keys = store.keys().clone();
        let read = async move { store.read(move |conn| Wanted::read(conn, known, &libraries, &keys)).await };
        let followed = read.into_actor(self).map(move |wanted, actor, ctx| match wanted {
            Ok(Some(wanted)) if look > actor.followed => {
                actor.followed = look;
                actor.follow(wanted, ctx);
            }
            Ok(_) => {}
            Err(error) => error!(class = "database"; "cannot read what should run: {error}"),
        });
        Box::pin(followed)
    }

    /// Makes reality follow: rules first, so that no account answers with old ones.
    fn follow(&mut self, wanted: Wanted, ctx: &mut Context<Self>) {
        let Wanted { revisions, accounts, stop_all, libraries, rules } = wanted;
        let before = self.known.replace(revisions);
        report_faults(&self.libraries, &libraries);
        self.libraries = Arc::new(libraries);
        self.rules = rules;
        self.switches = Switches {
            everything: false,
            automatic: stop_all,
            accounts: Arc::new(accounts.iter().filter(|account| account.stopped).map(|account| account.id).collect()),
        };
        for shard in &self.shards {
            self.tell_rules(shard);
            if before.is_some_and(|before| before.pauses != revisions.pauses) {
                shard.pauses.do_send(PausesChanged);
            }
            if before.is_some_and(|before| before.buyers != revisions.buyers) {
                shard.buyers.do_send(BuyersChanged);
            }
        }
        let mut gone: HashSet<AccountId> = self.accounts.keys().copied().collect();
        for account in accounts {
            gone.remove(&account.id);
            self.follow_account(&account, ctx);
        }
        for id in gone {
            self.stop(id, Reason::Disabled, ctx);
            if let Some(account) = self.accounts.get_mut(&id) {
                account.enabled = false;
            }
            self.forget_if_gone(id);
        }
    }

    /// A shard that is dead gets everything again when it is replaced.
    fn tell_rules(&self, shard: &Shard) {
        shard.rules.do_send(self.rules.clone());
        shard.switches.do_send(self.switches.clone());
    }

    fn follow_account(&mut self, row: &Account, ctx: &mut Context<Self>) {
        let facts = facts_of(row, &self.config.pace);
        let shard = shard_of(row.id, self.config.shards);
        let backoff = self.config.backoff;
        let account = self.accounts.entry(row.id).or_insert_with(|| Supervised {
            facts: facts.clone(),
            credentials_version: row.credentials_version,
            renewals: 0,
            status_is_new: false,
            enabled: false,
            shard,
            generation: 0,
            phase: Phase::Off,
            failures: 0,
            crashes: Backoff::new(backoff),
            status: Status::new(State::Disconnected, Reason::NotStarted, clock::unix()),
            has_line: false,
        });
        account.enabled = row.enabled;
        if account.facts != facts {
            account.facts = facts.clone();
            // A shard that is dead reads it when it takes the account in anew.
            for amend in &self.shards[shard].amend {
                amend.do_send(Amend(facts.clone()));
            }
        }
        if account.credentials_version != row.credentials_version {
            account.credentials_version = row.credentials_version;
            account.failures = 0;
            account.status_is_new = false;
            if let Phase::Running(actor) = &account.phase {
                account.renewals += 1;
                // An actor that is gone reads them when it starts anew.
                actor.do_send(CredentialsChanged);
            }
        }
        match (row.enabled, &account.phase) {
            (true, Phase::Off) => self.queue(row.id, ctx),
            (true, _) | (false, Phase::Off) => {}
            (false, _) => self.stop(row.id, Reason::Disabled, ctx),
        }
        self.tell_outcomes(row.id);
    }

    fn queue(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        if self.held.contains_key(&id) {
            return;
        }
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.phase = Phase::Queued;
        self.to_start.push_back(id);
        if self.config.starts_per_second == 0 {
            self.start_next(ADOPTING, ctx);
        } else if self.starting.is_none() {
            let tick = Duration::from_millis(100).max(Duration::from_secs(1) / self.config.starts_per_second);
            let portion = (f64::from(self.config.starts_per_second) * tick.as_secs_f64()).round().max(1.0);
            // Both are small positive numbers.
            self.starting = Some(ctx.run_interval(tick, move |actor, ctx| actor.start_next(portion as usize, ctx)));
        }
    }

    fn start_next(&mut self, portion: usize, ctx: &mut Context<Self>) {
        for _ in 0..portion {
            if self.adopting >= ADOPTING {
                break;
            }
            let Some(id) = self.to_start.pop_front() else { break };
            if self.accounts.get(&id).is_some_and(|account| matches!(account.phase, Phase::Queued)) {
                self.adopt(id, ctx);
            }
        }
        if let (true, Some(handle)) = (self.to_start.is_empty(), self.starting) {
            ctx.cancel_future(handle);
            self.starting = None;
        }
    }

    /// The shard's actors take the account in, the end of the walk first; then it starts.
    fn adopt(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.generation += 1;
        account.phase = Phase::Adopting;
        self.adopting += 1;
        let (generation, facts) = (account.generation, account.facts.clone());
        let ways = self.shards[account.shard].adopt.clone();
        let adopting = async move {
            for way in ways {
                way.send(Adopt(facts.clone())).await.map_err(|error| error.to_string())??;
            }
            Ok::<(), String>(())
        };
        let then = adopting.into_actor(self).map(move |result, actor, ctx| {
            actor.adopting -= 1;
            actor.adopted(id, generation, result, ctx);
            if actor.config.starts_per_second == 0 {
                actor.start_next(ADOPTING, ctx);
            }
        });
        ctx.spawn(then);
    }

    fn adopted(&mut self, id: AccountId, generation: u64, result: Result<(), String>, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get(&id).filter(|account| account.generation == generation) else { return };
        match (&account.phase, result) {
            (Phase::Adopting, Ok(())) => self.start(id),
            (Phase::Adopting, Err(error)) => self.rest(id, Reason::StorageFailing, Some(error), ctx),
            // Only now is it certain that nothing of it is taken in after it was let go.
            (Phase::Stopping(reason), _) => {
                let reason = *reason;
                self.release(id, reason, ctx);
            }
            (Phase::Off | Phase::Queued | Phase::Running(_) | Phase::Resting | Phase::Releasing, _) => {}
        }
    }

    fn start(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let shard = &self.shards[account.shard];
        let (env, facts, generation, failures) =
            (shard.env.clone(), account.facts.clone(), account.generation, account.failures);
        let actor = AccountActor::start_in_arbiter(&shard.arbiter, move |_| {
            AccountActor::new(env, facts, generation, failures)
        });
        account.phase = Phase::Running(actor);
        account.renewals = 0;
        account.status_is_new = false;
    }

    /// It ended unwanted, or could not begin: again after a while. The shard's actors let it go first, because taking it in anew
    /// brings back everything that is undone.
    fn rest(&mut self, id: AccountId, reason: Reason, detail: Option<String>, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.generation += 1;
        account.phase = Phase::Resting;
        let (generation, shard) = (account.generation, account.shard);
        let delay = account.crashes.next(rand::random());
        self.note(id, Status { state: State::Reconnecting, reason, detail, since: clock::unix() }, ctx);
        let then = self.let_go(id, shard).into_actor(self).map(move |(), _, ctx| {
            ctx.run_later(delay.wait, move |actor, ctx| actor.rested(id, generation, ctx));
        });
        ctx.spawn(then);
    }

    fn rested(&mut self, id: AccountId, generation: u64, ctx: &mut Context<Self>) {
        let resting =
            |account: &Supervised| account.generation == generation && matches!(account.phase, Phase::Resting);
        if self.accounts.get(&id).is_some_and(resting) && !self.shutting_down {
            self.adopt(id, ctx);
        }
    }

    fn stop(&mut self, id: AccountId, reason: Reason, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.status_is_new = false;
        match &account.phase {
            Phase::Running(actor) => {
                // Gone already, it is reported as stopped.
                actor.do_send(Stop(reason));
                account.phase = Phase::Stopping(reason);
            }
            Phase::Adopting => account.phase = Phase::Stopping(reason),
            Phase::Queued | Phase::Resting => self.release(id, reason, ctx),
            Phase::Off | Phase::Stopping(_) | Phase::Releasing => {}
        }
    }

    fn release(&mut self, id: AccountId, reason: Reason, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.generation += 1;
        account.phase = Phase::Releasing;
        account.failures = 0;
        let shard = account.shard;
        let then = self.let_go(id, shard).into_actor(self).map(move |(), actor, ctx| actor.released(id, reason, ctx));
        ctx.spawn(then);
    }

    /// The shard's actors let the account go, the beginning of the walk first, so that nothing on its way is answered twice.
    fn let_go(&self, id: AccountId, shard: usize) -> impl Future<Output = ()> + use<> {
        let shard = &self.shards[shard];
        let (flush, ways, wait) = (shard.flush.clone(), shard.drop_account.clone(), self.config.ping_wait);
        async move {
            // A shard that does not answer is replaced, and with it goes what it kept.
            let _ = timeout(wait, flush.send(Flush)).await;
            for way in ways {
                let _ = timeout(wait, way.send(DropAccount(id))).await;
            }
        }
    }

    fn released(&mut self, id: AccountId, reason: Reason, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.phase = Phase::Off;
        let again = account.enabled && !self.shutting_down;
        self.note(id, Status::new(State::Closed, reason, clock::unix()), ctx);
        self.tell_off(id);
        if again {
            self.queue(id, ctx);
        }
        self.forget_if_gone(id);
        self.check_all_off();
    }

    /// Keeps an account from starting until [`Self::unhold`].
    fn hold(&mut self, id: AccountId) {
        *self.held.entry(id).or_default() += 1;
    }

    fn unhold(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        let Some(jobs) = self.held.get_mut(&id) else { return };
        *jobs -= 1;
        if *jobs > 0 {
            return;
        }
        self.held.remove(&id);
        let waits = |account: &Supervised| account.enabled && matches!(account.phase, Phase::Off);
        if self.accounts.get(&id).is_some_and(waits) && !self.shutting_down {
            self.queue(id, ctx);
        }
    }

    /// Resolves when nothing of the account runs.
    fn until_off(&mut self, id: AccountId) -> impl Future<Output = ()> + use<> {
        let (sender, off) = oneshot::channel();
        self.until_off.push((id, sender));
        if self.accounts.get(&id).is_none_or(|account| matches!(account.phase, Phase::Off)) {
            self.tell_off(id);
        }
        off.map(drop)
    }

    fn running(&self, id: AccountId) -> Option<Addr<AccountActor>> {
        match &self.accounts.get(&id)?.phase {
            Phase::Running(actor) => Some(actor.clone()),
            Phase::Off | Phase::Queued | Phase::Adopting | Phase::Resting | Phase::Stopping(_) | Phase::Releasing => {
                None
            }
        }
    }

    fn tell_off(&mut self, id: AccountId) {
        for (_, waiting) in self.until_off.extract_if(.., |(of, _)| *of == id) {
            // Whoever asked may be gone.
            let _ = waiting.send(());
        }
    }

    fn tell_outcomes(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get(&id) else { return };
        if self.outcomes.is_empty() || !account.has_an_outcome() {
            return;
        }
        let told = |outcome: &mut Outcome| {
            outcome.account == id && outcome.credentials_version <= account.credentials_version
                || outcome.answer.is_closed()
        };
        for Outcome { answer, .. } in self.outcomes.extract_if(.., told) {
            // Whoever asked may have run out of patience.
            let _ = answer.send(account.status.clone());
        }
    }

    /// An account that is no longer in the database is forgotten once nothing of it runs.
    fn forget_if_gone(&mut self, id: AccountId) {
        let off = self.accounts.get(&id).is_some_and(|account| matches!(account.phase, Phase::Off));
        if off && !self.rules.0.contains_key(&id) {
            self.accounts.remove(&id);
            self.unwritten.remove(&id);
        }
    }

    fn note(&mut self, id: AccountId, status: Status, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.status = status.clone();
        self.tell_outcomes(id);
        self.unwritten.insert(id, status.clone());
        self.feed.tell(|| FeedEvent::Status { account: id, status });
        self.write_states(ctx);
    }

    /// Writes states down, the newest of each account; one write at a time.
    fn write_states(&mut self, ctx: &mut Context<Self>) {
        if self.writing || self.unwritten.is_empty() {
            return;
        }
        self.writing = true;
        let states: Vec<(AccountId, Status)> = self.unwritten.drain().collect();
        let store = self.store.clone();
        let written = async move { store.write(move |conn| put_states(conn, &states)).await };
        let then = written.into_actor(self).map(|result, actor, ctx| {
            actor.writing = false;
            if let Err(error) = result {
                warn!(class = "database"; "cannot store the states of accounts: {error}");
            }
            actor.write_states(ctx);
        });
        ctx.spawn(then);
    }

    /// Asks every shard whether it lives.
    fn ping_shards(&mut self, ctx: &mut Context<Self>) {
        for (index, shard) in self.shards.iter().enumerate() {
            let pings: Vec<_> = shard.ping.iter().chain(&shard.outside).cloned().collect();
            let (wait, retired) = (self.config.ping_wait, Arc::clone(&shard.env.retired));
            let asked = async move { join_all(pings.iter().map(|ping| timeout(wait, ping.send(Ping)))).await };
            let then = asked.into_actor(self).map(move |answers, actor, ctx| {
                let dead = answers.iter().any(|answer| !matches!(answer, Ok(Ok(_))));
                if dead && !retired.load(Ordering::Relaxed) && !actor.shutting_down {
                    actor.replace(index, ctx);
                }
            });
            ctx.spawn(then);
        }
    }

    fn replace(&mut self, index: usize, ctx: &mut Context<Self>) {
        error!(shard = index, class = "system"; "a shard is dead or silent and is replaced");
        let old = std::mem::replace(&mut self.shards[index], (self.make_shard)(index, to_registry(ctx)));
        old.env.retired.store(true, Ordering::Relaxed);
        old.arbiter.stop();
        self.tell_rules(&self.shards[index]);
        let orphans: Vec<AccountId> =
            self.accounts.iter().filter(|(_, account)| account.shard == index).map(|(id, _)| *id).collect();
        for id in orphans {
            self.take_over(id, ctx);
        }
    }

    fn take_over(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        match account.phase {
            Phase::Off | Phase::Queued => {}
            Phase::Adopting | Phase::Running(_) | Phase::Resting => {
                self.rest(id, Reason::Crashed, Some("its shard was replaced".into()), ctx)
            }
            Phase::Stopping(reason) => self.release(id, reason, ctx),
            // Its own future ends it.
            Phase::Releasing => {}
        }
    }
}

impl Supervised {
    /// Nothing more is to be waited for: it is connected, or does not become so by itself.
    fn has_an_outcome(&self) -> bool {
        match self.status.state {
            _ if !self.enabled => true,
            State::Connected | State::Failed => self.status_is_new,
            State::Disconnected | State::Connecting | State::Reconnecting | State::Closed => false,
        }
    }
}

impl Wanted {
    /// `None`: nothing changed since `known`.
    fn read(
        conn: &mut DbConn,
        known: Option<Revisions>,
        libraries: &HashMap<UserId, Library>,
        keys: &Keys,
    ) -> QueryResult<Option<Self>> {
        let revisions = store::revisions::all(conn)?;
        if known == Some(revisions) {
            return Ok(None);
        }
        let accounts = store::accounts::list_for_engine(conn)?;
        let owners: HashSet<UserId> = accounts.iter().map(|account| account.owner).collect();
        let (mut compiled, mut blocked) = (HashMap::new(), HashMap::new());
        for owner in owners {
            compiled.insert(owner, read_library(conn, owner, libraries.get(&owner))?);
            read_blocked(conn, owner, &accounts, &mut blocked)?;
        }
        let answers = store::answer_settings::in_force(conn, keys, &accounts)?;
        let stop_all = store::facts::stop_switch(conn)?;
        let rules = rules_for(&accounts, &compiled, blocked, answers);
        Ok(Some(Self { revisions, stop_all, accounts, libraries: compiled, rules }))
    }
}

/// What every account answers with. Made here as well: there may be thousands of them.
fn rules_for(
    accounts: &[Account],
    libraries: &HashMap<UserId, Library>,
    mut blocked: HashMap<AccountId, HashSet<BuyerId>>,
    mut answers: HashMap<AccountId, AnswerSettings>,
) -> RulesLoaded {
    let no_rules = Library::default();
    let rules = accounts.iter().map(|account| {
        // Not cloned: a library knows all its accounts.
        let library = libraries.get(&account.owner).unwrap_or(&no_rules);
        let blocked = Arc::new(blocked.remove(&account.id).unwrap_or_default());
        let answers = Arc::new(answers.remove(&account.id).unwrap_or_default());
        (account.id, AccountRules { book: library.book(account.id), blocked, answers })
    });
    RulesLoaded(Arc::new(rules.collect()))
}

/// Compiled here, on the database's thread: it may take some tens of milliseconds.
fn read_library(conn: &mut DbConn, owner: UserId, before: Option<&Library>) -> QueryResult<Library> {
    let loaded = store::rules::list_for_engine(conn, owner)?;
    for (rule, why) in &loaded.broken {
        error!("rule.id" = rule.0, class = "database"; "a stored rule cannot be read and is left out: {why}");
    }
    let rules: Vec<_> = loaded.rules.into_iter().map(Arc::new).collect();
    Ok(before.map_or_else(|| Library::compile(&rules), |before| before.refreshed(&rules)))
}

fn read_blocked(
    conn: &mut DbConn,
    owner: UserId,
    accounts: &[Account],
    blocked: &mut HashMap<AccountId, HashSet<BuyerId>>,
) -> QueryResult<()> {
    for row in store::blocked_buyers::list_for_engine(conn, owner)? {
        let concerned =
            accounts.iter().filter(|account| account.owner == owner && row.account.is_none_or(|id| id == account.id));
        for account in concerned {
            blocked.entry(account.id).or_default().insert(row.buyer.clone());
        }
    }
    Ok(())
}

fn report_faults(before: &HashMap<UserId, Library>, after: &HashMap<UserId, Library>) {
    for (owner, library) in after {
        let known = before.get(owner).map(Library::faults).unwrap_or_default();
        for fault in library.faults().into_iter().filter(|fault| !known.contains(fault)) {
            warn!("rule.id" = fault.rule.0, "user.id" = owner.0, class = "system"; "a rule is left out: {}", fault.text);
        }
    }
}

/// An account that is gone must not cost the others their states.
fn put_states(conn: &mut DbConn, states: &[(AccountId, Status)]) -> QueryResult<()> {
    let existing = store::accounts::existing(conn, states.iter().map(|(account, _)| *account))?;
    for (account, status) in states.iter().filter(|(account, _)| existing.contains(account)) {
        store::account_states::put(conn, *account, status)?;
    }
    Ok(())
}

fn facts_of(row: &Account, defaults: &Pace) -> AccountFacts {
    let pace = Pace {
        debounce: row.debounce().unwrap_or(defaults.debounce),
        longest_wait: row.longest_wait().unwrap_or(defaults.longest_wait),
        takeover_pause: row.takeover_pause().unwrap_or(defaults.takeover_pause),
    };
    AccountFacts { id: row.id, owner: row.owner, uid: row.uid.clone(), name: row.name.as_str().into(), pace }
}

/// Spreads accounts evenly, also when ids are handed out with gaps.
fn shard_of(account: AccountId, shards: usize) -> usize {
    let mixed = account.0.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(mixed).unwrap_or(0) % shards.max(1)
}

fn to_registry(ctx: &Context<AccountRegistry>) -> ToRegistry {
    ToRegistry { stopped: ctx.address().recipient(), status: ctx.address().recipient() }
}

impl Actor for AccountRegistry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(16 * 1024);
        self.shards = (0..self.config.shards).map(|index| (self.make_shard)(index, to_registry(ctx))).collect();
        self.look(ctx);
        ctx.run_interval(self.config.poll, Self::look);
        ctx.run_interval(self.config.ping_every, Self::ping_shards);
    }
}

impl Handler<AccountStopped> for AccountRegistry {
    type Result = ();

    fn handle(&mut self, stopped: AccountStopped, ctx: &mut Self::Context) {
        let Some(account) =
            self.accounts.get_mut(&stopped.account).filter(|account| account.generation == stopped.generation)
        else {
            return;
        };
        account.failures = stopped.failures;
        if let Phase::Stopping(reason) = account.phase {
            return self.release(stopped.account, reason, ctx);
        }
        if stopped.panicked {
            error!("account.id" = stopped.account.0, "account.name" = &*account.facts.name, class = "system"; "the account's task panicked and starts again");
        }
        self.rest(stopped.account, Reason::Crashed, None, ctx);
    }
}

impl Handler<StatusChanged> for AccountRegistry {
    type Result = ();

    fn handle(&mut self, changed: StatusChanged, ctx: &mut Self::Context) {
        let Some(account) =
            self.accounts.get_mut(&changed.account).filter(|account| account.generation == changed.generation)
        else {
            return;
        };
        account.status_is_new = changed.renewals == account.renewals && matches!(account.phase, Phase::Running(_));
        account.has_line = changed.has_line;
        if changed.status.state == State::Connected {
            account.crashes = Backoff::new(self.config.backoff);
        }
        self.note(changed.account, changed.status, ctx);
    }
}

impl Handler<Refresh> for AccountRegistry {
    type Result = ();

    fn handle(&mut self, _: Refresh, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<Restart> for AccountRegistry {
    type Result = bool;

    fn handle(&mut self, Restart(id): Restart, ctx: &mut Self::Context) -> bool {
        // Stopped while it is enabled, it starts again by itself.
        let running = self.accounts.get(&id).is_some_and(|account| account.enabled);
        self.stop(id, Reason::Starting, ctx);
        running
    }
}

impl<T: Send + 'static> Handler<WithoutAccounts<T>> for AccountRegistry {
    type Result = ResponseActFuture<Self, Result<T, StoreError>>;

    fn handle(
        &mut self,
        WithoutAccounts { accounts, job }: WithoutAccounts<T>,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let mut off = Vec::with_capacity(accounts.len());
        for id in &accounts {
            self.hold(*id);
            self.stop(*id, Reason::Disabled, ctx);
            off.push(self.until_off(*id));
        }
        let store = self.store.clone();
        let done = async move {
            join_all(off).await;
            store.write(job).await
        };
        // What should be is read anew before anything starts: a look that began earlier knows nothing of the job.
        let followed = done.into_actor(self).then(|result, actor, _| actor.read(None).map(move |(), _, _| result));
        let released = followed.map(move |result, actor, ctx| {
            for id in accounts {
                actor.unhold(id, ctx);
            }
            result
        });
        Box::pin(released)
    }
}

impl Handler<SendByPerson> for AccountRegistry {
    type Result = ResponseFuture<Result<Vec<Entry>, NotSent>>;

    fn handle(&mut self, order: SendByPerson, _: &mut Self::Context) -> Self::Result {
        let way = match self.shard_for_sends(order.account) {
            Ok(shard) => shard.by_person.clone(),
            Err(refusal) => return Box::pin(std::future::ready(Err(refusal))),
        };
        Box::pin(async move {
            match timeout(STORE_WAIT, way.send(order)).await {
                Ok(answer) => answer.unwrap_or(Err(NotSent::Unknown)),
                Err(_) => Err(NotSent::Unknown),
            }
        })
    }
}

impl AccountRegistry {
    /// Where a person's message for this account goes; refused where it would rot. A connection that heals by itself is none.
    fn shard_for_sends(&self, id: AccountId) -> Result<&Shard, NotSent> {
        let not_started = || NotSent::NotRunning(Status::new(State::Disconnected, Reason::NotStarted, clock::unix()));
        let account = self.accounts.get(&id).ok_or_else(not_started)?;
        match (&account.phase, account.status.state) {
            // The platform lets no call through, and texts need none.
            (Phase::Running(_), State::Failed) if account.has_line => Ok(&self.shards[account.shard]),
            (Phase::Off | Phase::Stopping(_) | Phase::Releasing, _) | (_, State::Failed | State::Closed) => {
                Err(NotSent::NotRunning(account.status.clone()))
            }
            (Phase::Queued | Phase::Adopting | Phase::Resting, _) => Err(NotSent::Unavailable),
            (Phase::Running(_), State::Disconnected | State::Connecting | State::Connected | State::Reconnecting) => {
                Ok(&self.shards[account.shard])
            }
        }
    }

    /// Nothing of the account runs: what a person says is between them and the database, and nothing starts meanwhile.
    fn take_word(
        &mut self,
        account: AccountId,
        id: SendId,
        word: PersonsWord,
    ) -> ResponseActFuture<Self, Result<Entry, NotActed>> {
        self.hold(account);
        let store = self.store.clone();
        let written = async move {
            store.write(move |conn| store::outbox::settle_by_person(conn, account, id, word, clock::unix())).await
        };
        let then = written.into_actor(self).map(move |written, actor, ctx| {
            actor.unhold(account, ctx);
            let entry = written.map_err(NotSent::from)??;
            if let Some(event) = SendEvent::of(&Row::Update(Change::of(&entry))) {
                actor.feed.tell(|| FeedEvent::Send(Box::new(event)));
            }
            Ok(entry)
        });
        Box::pin(then)
    }
}

impl Handler<ActOnEntry> for AccountRegistry {
    type Result = ResponseActFuture<Self, Result<Entry, NotActed>>;

    fn handle(&mut self, order: ActOnEntry, _: &mut Self::Context) -> Self::Result {
        let ActOnEntry { account: id, id: send, act } = order;
        let off = self.accounts.get(&id).is_none_or(|account| matches!(account.phase, Phase::Off));
        match act {
            EntryAct::Say(word) if off => return self.take_word(id, send, word),
            EntryAct::Say(_) | EntryAct::SendAgain(_) => {}
        }
        let way = match (act, self.accounts.get(&id).map(|account| (&account.phase, account.shard))) {
            (EntryAct::SendAgain(_), _) => self.shard_for_sends(id).map(|shard| shard.acts.clone()),
            (EntryAct::Say(_), Some((Phase::Running(_), shard))) => Ok(self.shards[shard].acts.clone()),
            (EntryAct::Say(_), _) => Err(NotSent::Unavailable),
        };
        let acted = async move {
            match timeout(STORE_WAIT, way?.send(order)).await {
                Ok(answer) => answer.unwrap_or(Err(NotSent::Unknown.into())),
                Err(_) => Err(NotSent::Unknown.into()),
            }
        };
        Box::pin(acted.into_actor(self))
    }
}

impl Handler<AwaitOutcome> for AccountRegistry {
    type Result = ResponseActFuture<Self, Option<Status>>;

    /// Looks at the database first: whoever asks may just have written there.
    fn handle(&mut self, wanted: AwaitOutcome, _: &mut Self::Context) -> Self::Result {
        let AwaitOutcome { account, credentials_version, timeout } = wanted;
        let over = Instant::now() + timeout;
        let waited = self.read(self.known).then(move |(), actor, _| {
            let (answer, told) = oneshot::channel();
            actor.outcomes.push(Outcome { account, credentials_version, answer });
            actor.tell_outcomes(account);
            async move { timeout_at(over, told).await }.into_actor(actor)
        });
        Box::pin(waited.map(move |told, actor, _| match told {
            Ok(Ok(status)) => Some(status),
            // The time is over.
            Ok(Err(_)) | Err(_) => actor.accounts.get(&account).map(|account| account.status.clone()),
        }))
    }
}

impl Handler<Overview> for AccountRegistry {
    type Result = RegistryOverview;

    fn handle(&mut self, _: Overview, _: &mut Self::Context) -> RegistryOverview {
        RegistryOverview {
            shards: self.shards.len(),
            accounts: self.accounts.iter().map(|(id, account)| (*id, account.status.clone())).collect(),
        }
    }
}

impl Handler<SnapshotOf> for AccountRegistry {
    type Result = ResponseFuture<Option<AccountSnapshot>>;

    fn handle(&mut self, SnapshotOf(id): SnapshotOf, _: &mut Self::Context) -> Self::Result {
        let actor = self.running(id);
        let wait = self.config.ping_wait;
        Box::pin(async move { timeout(wait, actor?.send(Snapshot)).await.ok()?.ok() })
    }
}

impl Handler<ProbeLine> for AccountRegistry {
    type Result = ResponseFuture<Result<Duration, NotProbed>>;

    fn handle(&mut self, probe: ProbeLine, _: &mut Self::Context) -> Self::Result {
        let Some(actor) = self.running(probe.0) else {
            return Box::pin(std::future::ready(Err(NotProbed::NotRunning)));
        };
        Box::pin(async move {
            let silence = || NotProbed::NoAnswer("the account did not answer in time".into());
            timeout(PROBE_WAIT, actor.send(probe)).await.map_err(|_| silence())?.map_err(|_| silence())?
        })
    }
}

impl Handler<ChallengePassed> for AccountRegistry {
    type Result = ResponseFuture<Result<(), NotPassed>>;

    fn handle(&mut self, passed: ChallengePassed, _: &mut Self::Context) -> Self::Result {
        let Some(actor) = self.running(passed.account) else {
            return Box::pin(std::future::ready(Err(NotPassed::NotRunning)));
        };
        Box::pin(async move {
            let silence = || NotPassed::NoAnswer("the account did not answer in time".into());
            timeout(PASS_WAIT, actor.send(passed)).await.map_err(|_| silence())?.map_err(|_| silence())?
        })
    }
}

impl Handler<ItemsWanted> for AccountRegistry {
    type Result = ();

    fn handle(&mut self, wanted: ItemsWanted, _: &mut Self::Context) {
        if let Some(Phase::Running(actor)) = self.accounts.get(&wanted.0).map(|account| &account.phase) {
            // An actor that is gone looks for itself when it starts anew.
            actor.do_send(wanted);
        }
    }
}

impl Handler<PolishNow> for AccountRegistry {
    type Result = ResponseFuture<Result<(), NotPolished>>;

    fn handle(&mut self, order: PolishNow, _: &mut Self::Context) -> Self::Result {
        let not_started = || Status::new(State::Disconnected, Reason::NotStarted, clock::unix());
        let account = self.accounts.get(&order.account);
        let Some(Phase::Running(actor)) = account.map(|account| &account.phase) else {
            let status = account.map_or_else(not_started, |account| account.status.clone());
            return Box::pin(std::future::ready(Err(NotPolished::NotRunning(status))));
        };
        let polishing = timeout(POLISH_WAIT, actor.send(order));
        Box::pin(async move {
            let silence = || NotPolished::Failed("the account did not answer in time".into());
            polishing.await.map_err(|_| silence())?.map_err(|_| silence())?
        })
    }
}

impl Handler<ReadOrder> for AccountRegistry {
    type Result = ResponseFuture<Result<(), NotRead>>;

    fn handle(&mut self, order: ReadOrder, _: &mut Self::Context) -> Self::Result {
        let account = self.accounts.get(&order.account);
        let Some(account) = account.filter(|account| matches!(account.phase, Phase::Running(_))) else {
            return Box::pin(std::future::ready(Err(NotRead::NotRunning)));
        };
        let reading = timeout(READ_WAIT, self.shards[account.shard].read_order.send(order));
        Box::pin(async move {
            let silence = || NotRead::Refused("the account did not answer in time".into());
            reading.await.map_err(|_| silence())?.map_err(|_| silence())?
        })
    }
}

impl Handler<DeliveriesDue> for AccountRegistry {
    type Result = ();

    fn handle(&mut self, due: DeliveriesDue, _: &mut Self::Context) {
        if let Some(account) = self.accounts.get(&due.0) {
            // Lost only together with the shard; what is due stays due.
            self.shards[account.shard].deliveries.do_send(due);
        }
    }
}

impl Handler<LoadOfShards> for AccountRegistry {
    type Result = ResponseFuture<Vec<Option<ShardLoad>>>;

    fn handle(&mut self, LoadOfShards(wait): LoadOfShards, _: &mut Self::Context) -> Self::Result {
        let asked: Vec<_> = self.shards.iter().map(|shard| load(shard.ping.clone(), wait)).collect();
        Box::pin(join_all(asked))
    }
}

async fn load(pings: [Recipient<Ping>; 3], wait: Duration) -> Option<ShardLoad> {
    let [inbox, reply, outbox] = pings.map(|ping| async move { timeout(wait, ping.send(Ping)).await.ok()?.ok() });
    let (inbox, reply, outbox) = tokio::join!(inbox, reply, outbox);
    Some(ShardLoad { inbox: inbox?, reply: reply?, outbox: outbox? })
}

impl Handler<Ping> for AccountRegistry {
    type Result = Load;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Load {
        Load { accounts: self.accounts.len(), pending: self.to_start.len() }
    }
}

impl Handler<ShutDown> for AccountRegistry {
    type Result = ResponseActFuture<Self, ()>;

    /// Starts no more sends, lets those in the air settle, closes every socket, writes down what is only in memory.
    fn handle(&mut self, _: ShutDown, _: &mut Self::Context) -> Self::Result {
        self.shutting_down = true;
        self.to_start.clear();
        for shard in &self.shards {
            // A dead shard has nothing to hold.
            shard.switches.do_send(Switches { everything: true, ..self.switches.clone() });
        }
        let settles: Vec<_> = self.shards.iter().map(|shard| shard.settle.clone()).collect();
        let wait = self.config.settle_wait;
        let settled = async move { join_all(settles.iter().map(|settle| timeout(wait, settle.send(Settle)))).await };
        let closed = settled.into_actor(self).then(|_, actor, ctx| actor.close_all(ctx).into_actor(actor));
        Box::pin(closed.then(|(), actor, _| actor.write_last_states().into_actor(actor)))
    }
}

impl AccountRegistry {
    fn close_all(&mut self, ctx: &mut Context<Self>) -> impl Future<Output = ()> + use<> {
        let (sender, closed) = oneshot::channel();
        self.all_off = Some(sender);
        let mut ids = Vec::with_capacity(self.accounts.len());
        ids.extend(self.accounts.keys().copied());
        for id in ids {
            self.stop(id, Reason::ShutDown, ctx);
        }
        self.check_all_off();
        closed.map(drop)
    }

    fn check_all_off(&mut self) {
        if self.accounts.values().all(|account| matches!(account.phase, Phase::Off))
            && let Some(waiting) = self.all_off.take()
        {
            // Whoever asked may have run out of patience.
            let _ = waiting.send(());
        }
    }

    fn write_last_states(&mut self) -> impl Future<Output = ()> + use<> {
        let states: Vec<(AccountId, Status)> = self.unwritten.drain().collect();
        let store = self.store.clone();
        async move {
            if let Err(error) = store.write(move |conn| put_states(conn, &states)).await {
                warn!(class = "database"; "cannot store the last states of accounts: {error}");
            }
        }
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
