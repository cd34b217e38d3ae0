//! The registry with a real database and shards whose actors are probes. Accounts never get beyond waiting for a free socket.
#![allow(clippy::unwrap_used)]

use std::sync::{Mutex, atomic::AtomicBool};

use tokio::sync::{Semaphore, broadcast};

use super::*;
use crate::{
    account::{
        actor::{Config as AccountConfig, Limits, Neighbours},
        messages::{AccountOffline, AccountOnline},
    },
    delivery::messages::DeliveriesDue,
    ids::Timestamp,
    inbox::gap::GapConfig,
    order::messages::ReadOrder,
    outbox::{
        entry::{Body, NotSettled, Origin, State as EntryState},
        messages::{Answered, HistorySeen, IfSeen},
    },
    platform::{lwp::session, mtop::client as gateway},
    reply::messages::ItemKnown,
    store::accounts::{self, Waits},
    telemetry::metrics::Metrics,
    testbed::{Bed, Heard, answering, answering_later, let_run, listening},
};

const SECOND: Duration = Duration::from_secs(1);

const CONFIG: Config = Config {
    shards: 1,
    pace: crate::testbed::PACE,
    poll: Duration::from_millis(500),
    starts_per_second: 0,
    ping_every: Duration::from_secs(5),
    ping_wait: Duration::from_secs(5),
    backoff: BackoffConfig {
        first: SECOND,
        max: Duration::from_secs(90),
        slow: Duration::from_secs(600),
        exhausted_after: 10,
        stable: Duration::from_secs(60),
    },
    settle_wait: Duration::from_secs(5),
};

/// Makes the account's actor panic.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
struct Panic(AccountId);

impl Handler<Panic> for AccountRegistry {
    type Result = ();

    fn handle(&mut self, panic: Panic, _: &mut Self::Context) {
        if let Some(Phase::Running(actor)) = self.accounts.get(&panic.0).map(|account| &account.phase) {
            actor.do_send(panic);
        }
    }
}

impl Handler<Panic> for AccountActor {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("as the test wants it");
    }
}

/// What a shard's actors were told, in order. 0 is the outbox, 1 the answering actor, 2 the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
enum Told {
    Adopt(u8, AccountId),
    Flush,
    Drop(u8, AccountId),
    Switches { automatic: bool, accounts: usize },
    Rules { accounts: usize },
    Amend(AccountId),
    Pauses,
}

/// How the probes of a shard behave.
#[derive(Clone, Default)]
struct Manners {
    refuses: Arc<AtomicBool>,
    /// The outbox takes accounts in only while this has permits.
    gate: Option<Arc<Semaphore>>,
    is_dead: Arc<AtomicBool>,
}

/// A shard that was made, and whether it was replaced.
type Made = (Manners, Arc<AtomicBool>);

struct Bench {
    bed: Bed,
    registry: Addr<AccountRegistry>,
    told: Heard<Told>,
    feed: broadcast::Receiver<FeedEvent>,
    manners: Manners,
}

impl Bench {
    /// A registry whose database has these many accounts, all enabled.
    fn start(accounts: usize) -> (Self, Vec<AccountFacts>) {
        Self::start_with(accounts, Manners::default())
    }

    fn start_with(accounts: usize, manners: Manners) -> (Self, Vec<AccountFacts>) {
        let bed = Bed::paused();
        let facts = (0..accounts).map(|_| bed.account()).collect();
        let (tell, told) = listening();
        let feed = Feed::default();
        let watch = feed.watch();
        let (store, kind) = (bed.store.clone(), manners.clone());
        let make = Box::new(move |_, to| shard(Arbiter::current(), &store, to, &tell, &kind));
        let registry = AccountRegistry::new(CONFIG, bed.store.clone(), feed, make).start();
        (Self { bed, registry, told, feed: watch, manners }, facts)
    }

    /// The next thing told about accounts, other than rules and switches.
    async fn next(&mut self) -> Told {
        loop {
            match self.told.next().await {
                Told::Switches { .. } | Told::Rules { .. } => {}
                told => return told,
            }
        }
    }

    async fn is_taken_in(&mut self, id: AccountId) {
        assert_eq!(self.next().await, Told::Adopt(0, id));
        assert_eq!(self.next().await, Told::Adopt(1, id));
        assert_eq!(self.next().await, Told::Adopt(2, id));
    }

    async fn is_let_go(&mut self, id: AccountId) {
        assert_eq!(self.next().await, Told::Flush);
        assert_eq!(self.next().await, Told::Drop(2, id));
        assert_eq!(self.next().await, Told::Drop(1, id));
        assert_eq!(self.next().await, Told::Drop(0, id));
    }

    async fn is_quiet(&mut self) {
        assert!(self.told.is_quiet_for(60 * SECOND).await);
    }

    async fn status(&mut self, id: AccountId, state: State, reason: Reason) -> Status {
        loop {
            match self.next_event().await {
                FeedEvent::Status { account, status }
                    if (account, status.state, status.reason) == (id, state, reason) =>
                {
                    return status;
                }
                FeedEvent::Status { .. }
                | FeedEvent::Decided(_)
                | FeedEvent::Send(_)
                | FeedEvent::Order(_)
                | FeedEvent::Stored(_)
                | FeedEvent::Paused { .. } => {}
            }
        }
    }

    async fn runs(&mut self, id: AccountId) {
        self.status(id, State::Connecting, Reason::WaitingForTurn).await;
    }

    async fn all_run(&mut self, facts: &[AccountFacts]) {
        let mut waiting: HashSet<AccountId> = facts.iter().map(|facts| facts.id).collect();
        while !waiting.is_empty() {
            if let FeedEvent::Status { account, status } = self.next_event().await
                && status.reason == Reason::WaitingForTurn
            {
                waiting.remove(&account);
            }
        }
    }

    async fn next_event(&mut self) -> FeedEvent {
        timeout(600 * SECOND, self.feed.recv()).await.expect("something happens in time").unwrap()
    }

    async fn enable(&self, facts: &AccountFacts, on: bool) {
        let (scope, id) = (self.bed.scope(), facts.id);
        self.bed.write(move |conn| accounts::set_enabled(conn, &scope, id, on, clock::unix())).await;
    }

    async fn load(&self) -> Load {
        self.registry.send(Ping).await.unwrap()
    }

    async fn snapshot(&self, id: AccountId) -> Option<AccountSnapshot> {
        self.registry.send(SnapshotOf(id)).await.unwrap()
    }

    async fn stored_state(&self, id: AccountId) -> (State, Reason) {
        let scope = self.bed.scope();
        let status = self.bed.write(move |conn| store::account_states::find(conn, &scope, id)).await.unwrap();
        (status.state, status.reason)
    }
}

/// A shard of probes. Its accounts wait for a free socket for ever.
fn shard(arbiter: ArbiterHandle, store: &Store, to: ToRegistry, tell: &Recipient<Told>, manners: &Manners) -> Shard {
    let say = |told: fn(AccountId) -> Told| {
        let tell = tell.clone();
        move |id: AccountId| tell.do_send(told(id))
    };
    let adopts: [fn(AccountId) -> Told; 3] =
        [|id| Told::Adopt(0, id), |id| Told::Adopt(1, id), |id| Told::Adopt(2, id)];
    let drops: [fn(AccountId) -> Told; 3] = [|id| Told::Drop(2, id), |id| Told::Drop(1, id), |id| Told::Drop(0, id)];
    let [tell_amend, tell_rules, tell_pauses, tell_switches, tell_flush] = [(); 5].map(|()| tell.clone());
    let amend = answering(move |Amend(facts)| tell_amend.do_send(Told::Amend(facts.id)));
    Shard {
        arbiter,
        env: env(store, to),
        adopt: adopts.map(|told| adopting(say(told), manners.clone())).into(),
        drop_account: drops
            .map(|told| {
                let say = say(told);
                answering(move |DropAccount(id)| say(id))
            })
            .into(),
        ping: [(); 3].map(|()| pinged(manners)),
        outside: vec![pinged(manners), pinged(manners)],
        amend: vec![amend, answering(|Amend(_)| ())],
        by_person: answering(|_: SendByPerson| Ok(Vec::new())),
        acts: answering(|_: ActOnEntry| Err(NotActed::MayBeDuplicate)),
        read_order: answering(|_: ReadOrder| Ok(())),
        deliveries: answering(|_: DeliveriesDue| ()),
        rules: answering(move |rules: RulesLoaded| tell_rules.do_send(Told::Rules { accounts: rules.0.len() })),
        pauses: answering(move |PausesChanged| tell_pauses.do_send(Told::Pauses)),
        buyers: answering(|BuyersChanged| ()),
        switches: answering(move |switches: Switches| {
            tell_switches.do_send(Told::Switches { automatic: switches.automatic, accounts: switches.accounts.len() });
        }),
        flush: answering(move |Flush| tell_flush.do_send(Told::Flush)),
        settle: answering(|Settle| ()),
    }
}

fn adopting(say: impl Fn(AccountId) + 'static, manners: Manners) -> Recipient<Adopt> {
    answering_later(move |Adopt(facts)| {
        say(facts.id);
        let manners = manners.clone();
        Box::pin(async move {
            if let Some(gate) = &manners.gate {
                gate.acquire().await.unwrap().forget();
            }
            if manners.refuses.load(Ordering::Relaxed) { Err("the disk is full".into()) } else { Ok(()) }
        })
    })
}

fn pinged(manners: &Manners) -> Recipient<Ping> {
    let is_dead = Arc::clone(&manners.is_dead);
    answering_later(move |Ping| {
        if is_dead.load(Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(Load::default()))
    })
}

fn env(store: &Store, to: ToRegistry) -> Env {
    let config = AccountConfig {
        im_url: "ws://127.0.0.1:9".into(),
        user_agent: "test".into(),
        connect_wait: SECOND,
        session: session::Config {
            heartbeat: SECOND,
            dead_after: SECOND,
            register_wait: SECOND,
            request_wait: SECOND,
            stall_after: SECOND,
            stall_grace: SECOND,
        },
        gateway: gateway::Config::default(),
        upload: crate::platform::upload::client::Config::default(),
        passport: crate::platform::passport::client::Config::default(),
        allow: Vec::new(),
        items: crate::testbed::ITEMS,
        token_budget: 0,
        challenge_life: Duration::from_mins(10),
        backoff: CONFIG.backoff,
        gap: GapConfig::default(),
        gap_retry: SECOND,
        unstored: 1,
    };
    Env {
        config: Arc::new(config),
        store: store.clone(),
        metrics: Metrics::default(),
        neighbours: Neighbours {
            ingest: answering(|_| Ok(())),
            own_seen: answering(|_| Ok(Vec::new())),
            answered: listening::<Answered>().0,
            history_seen: listening::<HistorySeen>().0,
            item_known: listening::<ItemKnown>().0,
            picture_ready: listening().0,
            online: vec![listening::<AccountOnline>().0],
            offline: vec![listening::<AccountOffline>().0],
        },
        limits: Limits { connecting: Arc::new(Semaphore::new(0)), sockets: Arc::new(Semaphore::new(0)) },
        stopped: to.stopped,
        status: to.status,
        retired: Arc::new(AtomicBool::new(false)),
    }
}

/// K11, K10, R9: one supervisor, one actor an account, whoever looks how often.
#[actix::test]
async fn k11_an_account_is_taken_in_once_the_end_of_the_walk_first() {
    let (mut bench, facts) = Bench::start(1);
    let first = loop {
        // Switches go to a neighbour of their own: whether it or the one for rules speaks first is nobody's promise.
        match bench.told.next().await {
            Told::Switches { .. } => {}
            told => break told,
        }
    };
    assert_eq!(first, Told::Rules { accounts: 1 }, "rules come before the account");
    bench.is_taken_in(facts[0].id).await;
    bench.runs(facts[0].id).await;
    for _ in 0..10 {
        bench.registry.send(Refresh).await.unwrap();
    }
    bench.enable(&facts[0], true).await;
    bench.is_quiet_but_for_rules().await;
    assert_eq!(bench.load().await, Load { accounts: 1, pending: 0 });
    assert_eq!(bench.snapshot(facts[0].id).await.unwrap().status.state, State::Connecting);
}

impl Bench {
    async fn is_quiet_but_for_rules(&mut self) {
        tokio::time::sleep(60 * SECOND).await;
        while let Some(told) = self.told.now() {
            assert!(matches!(told, Told::Rules { .. } | Told::Switches { .. }), "{told:?}");
        }
    }
}

#[actix::test]
async fn an_account_that_is_added_while_the_server_runs_is_started_within_a_second() {
    let (mut bench, _) = Bench::start(0);
    tokio::time::sleep(10 * SECOND).await;
    let facts = bench.bed.account();
    let begun = Instant::now();
    bench.is_taken_in(facts.id).await;
    assert!(begun.elapsed() <= SECOND);
}

/// K12, M17: disabling closes in order and enabling changes nothing but the flag.
#[actix::test]
async fn k12_disabling_lets_go_of_everything_and_enabling_brings_the_same_account_back() {
    let (mut bench, facts) = Bench::start(1);
    let (id, scope) = (facts[0].id, bench.bed.scope());
    let waits = Waits { debounce: Some(3 * SECOND), ..Waits::default() };
    bench.is_taken_in(id).await;
    bench.bed.write(move |conn| accounts::set_waits(conn, &scope, id, waits, clock::unix())).await;
    assert_eq!(bench.next().await, Told::Amend(id));
    let scope = bench.bed.scope();
    let before = bench.bed.write(move |conn| accounts::get(conn, &scope, id)).await;

    bench.enable(&facts[0], false).await;
    bench.is_let_go(id).await;
    bench.status(id, State::Closed, Reason::Disabled).await;
    assert!(bench.snapshot(id).await.is_none());
    assert_eq!(bench.stored_state(id).await, (State::Closed, Reason::Disabled));

    bench.enable(&facts[0], true).await;
    bench.is_taken_in(id).await;
    let scope = bench.bed.scope();
    let mut after = bench.bed.write(move |conn| accounts::get(conn, &scope, id)).await;
    after.updated_at = before.updated_at;
    assert_eq!(after, before);
    assert_eq!(before.debounce(), Some(3 * SECOND));
}

#[actix::test]
async fn a_restart_lets_go_and_takes_in_anew_and_leaves_the_others_alone() {
    let (mut bench, facts) = Bench::start(2);
    bench.all_run(&facts).await;
    while bench.told.now().is_some() {}
    assert!(bench.registry.send(Restart(facts[0].id)).await.unwrap());
    bench.is_let_go(facts[0].id).await;
    bench.is_taken_in(facts[0].id).await;
    bench.is_quiet().await;
    assert!(!bench.registry.send(Restart(AccountId(99))).await.unwrap());
}

/// R2, R3: an account is spoken to by messages, and its panic is its own.
#[actix::test]
async fn r3_a_panic_ends_one_actor_which_is_let_go_and_started_afresh_while_the_others_go_on() {
    let (mut bench, facts) = Bench::start(3);
    bench.all_run(&facts).await;
    while bench.told.now().is_some() {}
    let begun = Instant::now();
    bench.registry.send(Panic(facts[1].id)).await.unwrap();
    bench.status(facts[1].id, State::Reconnecting, Reason::Crashed).await;
    bench.is_let_go(facts[1].id).await;
    bench.is_taken_in(facts[1].id).await;
    assert!(begun.elapsed() >= SECOND / 2, "never at once");
    bench.runs(facts[1].id).await;
    bench.is_quiet().await;
    for account in &facts {
        assert_eq!(bench.snapshot(account.id).await.unwrap().account, account.id);
    }
}

#[actix::test]
async fn an_account_that_keeps_panicking_comes_back_at_a_growing_pace() {
    let (mut bench, facts) = Bench::start(1);
    let id = facts[0].id;
    bench.is_taken_in(id).await;
    bench.runs(id).await;
    for step in [1, 2, 4, 8] {
        let begun = Instant::now();
        bench.registry.send(Panic(id)).await.unwrap();
        bench.is_let_go(id).await;
        bench.is_taken_in(id).await;
        bench.runs(id).await;
        let waited = begun.elapsed();
        assert!((step * SECOND / 2..=step * SECOND + SECOND / 10).contains(&waited), "{step}: {waited:?}");
    }
}

#[actix::test]
async fn an_account_that_cannot_be_taken_in_says_so_and_is_tried_again() {
    let (mut bench, facts) = Bench::start(1);
    bench.manners.refuses.store(true, Ordering::Relaxed);
    let status = bench.status(facts[0].id, State::Reconnecting, Reason::StorageFailing).await;
    assert_eq!(status.detail.as_deref(), Some("the disk is full"));
    bench.status(facts[0].id, State::Reconnecting, Reason::StorageFailing).await;
    bench.manners.refuses.store(false, Ordering::Relaxed);
    bench.runs(facts[0].id).await;
}

/// Nothing stays behind of an account that is disabled in the middle of its start.
#[actix::test]
async fn an_account_that_is_stopped_while_it_is_taken_in_is_let_go_after_that() {
    let gate = Arc::new(Semaphore::new(0));
    let (mut bench, facts) = Bench::start_with(1, Manners { gate: Some(Arc::clone(&gate)), ..Manners::default() });
    let id = facts[0].id;
    assert_eq!(bench.next().await, Told::Adopt(0, id));
    bench.enable(&facts[0], false).await;
    tokio::time::sleep(2 * SECOND).await;
    while let Some(told) = bench.told.now() {
        assert!(!matches!(told, Told::Drop(..) | Told::Adopt(..)), "{told:?}");
    }
    gate.add_permits(3);
    assert_eq!(bench.next().await, Told::Adopt(1, id));
    assert_eq!(bench.next().await, Told::Adopt(2, id));
    bench.is_let_go(id).await;
    bench.status(id, State::Closed, Reason::Disabled).await;
    bench.is_quiet().await;
    gate.add_permits(3);
    bench.enable(&facts[0], true).await;
    bench.is_taken_in(id).await;
}

/// R7: whatever comes and goes, memory follows.
#[actix::test]
async fn r7_a_hundred_starts_and_stops_leave_one_account_and_a_deleted_one_leaves_nothing() {
    let (mut bench, facts) = Bench::start(1);
    let id = facts[0].id;
    for _ in 0..100 {
        bench.runs(id).await;
        bench.registry.send(Restart(id)).await.unwrap();
    }
    bench.runs(id).await;
    let mut kept = [0_i32; 3];
    while let Some(told) = bench.told.now() {
        match told {
            Told::Adopt(place, _) => kept[usize::from(place)] += 1,
            Told::Drop(place, _) => kept[usize::from(place)] -= 1,
            Told::Flush | Told::Switches { .. } | Told::Rules { .. } | Told::Amend(_) | Told::Pauses => {}
        }
    }
    assert_eq!(kept, [1; 3]);
    assert_eq!(bench.load().await, Load { accounts: 1, pending: 0 });

    let scope = bench.bed.scope();
    bench.bed.write(move |conn| accounts::delete(conn, &scope, id)).await;
    bench.is_let_go(id).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(bench.load().await, Load::default());
    assert_eq!(bench.registry.send(Overview).await.unwrap().accounts.len(), 0);
}

#[actix::test]
async fn switches_and_pauses_reach_the_shards() {
    let (mut bench, facts) = Bench::start(1);
    bench.runs(facts[0].id).await;
    while bench.told.now().is_some() {}
    bench.bed.write(|conn| store::facts::set_stop_switch(conn, true)).await;
    assert_eq!(bench.told.next().await, Told::Rules { accounts: 1 });
    assert_eq!(bench.told.next().await, Told::Switches { automatic: true, accounts: 0 });
    let (scope, id) = (bench.bed.scope(), facts[0].id);
    bench.bed.write(move |conn| accounts::set_stopped(conn, &scope, id, true, clock::unix())).await;
    assert_eq!(bench.told.next().await, Told::Rules { accounts: 1 });
    assert_eq!(bench.told.next().await, Told::Switches { automatic: true, accounts: 1 });
    let (scope, id) = (bench.bed.scope(), facts[0].id);
    bench
        .bed
        .write(move |conn| {
            let conversation = "1".into();
            store::conversations::set_pause_for_person(conn, &scope, id, &conversation, None, clock::unix())
        })
        .await;
    assert_eq!(bench.next().await, Told::Pauses);
}

/// R14
#[actix::test]
async fn r14_a_shutdown_closes_every_account_writes_it_down_and_starts_none() {
    let (mut bench, facts) = Bench::start(3);
    bench.all_run(&facts).await;
    bench.registry.send(Panic(facts[2].id)).await.unwrap();
    bench.status(facts[2].id, State::Reconnecting, Reason::Crashed).await;
    bench.registry.send(ShutDown).await.unwrap();
    for account in &facts {
        assert_eq!(bench.stored_state(account.id).await, (State::Closed, Reason::ShutDown));
    }
    while bench.told.now().is_some() {}
    bench.enable(&facts[0], false).await;
    bench.enable(&facts[0], true).await;
    bench.is_quiet().await;
}

#[actix::test]
async fn accounts_start_at_the_set_pace() {
    let bed = Bed::paused();
    let facts: Vec<_> = (0..30).map(|_| bed.account()).collect();
    let (tell, mut told) = listening();
    let store = bed.store.clone();
    let make = Box::new(move |_, to| shard(Arbiter::current(), &store, to, &tell, &Manners::default()));
    let config = Config { starts_per_second: 10, ..CONFIG };
    let registry = AccountRegistry::new(config, bed.store.clone(), Feed::default(), make).start();
    let begun = Instant::now();
    let mut adopted = 0;
    while adopted < facts.len() {
        if matches!(told.next().await, Told::Adopt(0, _)) {
            adopted += 1;
            assert!(begun.elapsed() + SECOND / 5 >= Duration::from_millis(100) * u32::try_from(adopted).unwrap());
        }
    }
    assert!(begun.elapsed() <= 4 * SECOND);
    let_run().await;
    assert_eq!(registry.send(Ping).await.unwrap(), Load { accounts: 30, pending: 0 });
}

/// Whoever asks how the shards are learns which of them is silent, and does not wait for it longer than they want.
#[actix::test]
async fn a_silent_shard_is_told_apart_from_those_that_answer() {
    let bed = Bed::paused();
    let (tell, _told) = listening();
    let (store, silent) = (bed.store.clone(), Manners::default());
    silent.is_dead.store(true, Ordering::Relaxed);
    let make = Box::new(move |number, to| {
        let manners = if number == 1 { silent.clone() } else { Manners::default() };
        shard(Arbiter::current(), &store, to, &tell, &manners)
    });
    let config = Config { shards: 3, ..CONFIG };
    let registry = AccountRegistry::new(config, bed.store.clone(), Feed::default(), make).start();
    let started = Instant::now();
    let loads = registry.send(LoadOfShards(SECOND)).await.unwrap();
    assert_eq!(loads, [Some(ShardLoad::default()), None, Some(ShardLoad::default())]);
    assert!(started.elapsed() <= 2 * SECOND);
}

/// A silent shard is replaced as a whole, on a thread of its own, and its accounts come back. In real time: there are several threads.
#[actix::test]
async fn a_dead_shard_is_replaced_and_its_accounts_start_again() {
    let bed = Bed::new();
    let facts = [bed.account(), bed.account()];
    let (tell, mut told) = listening();
    let made: Arc<Mutex<Vec<Made>>> = Arc::default();
    let (store, shards) = (bed.store.clone(), Arc::clone(&made));
    let make = Box::new(move |_, to| {
        let manners = Manners::default();
        let shard = shard(Arbiter::new().handle(), &store, to, &tell, &manners);
        shards.lock().unwrap().push((manners, Arc::clone(&shard.env.retired)));
        shard
    });
    let quick = Duration::from_millis(50);
    let backoff = BackoffConfig { first: quick, ..CONFIG.backoff };
    let config = Config { ping_every: quick, ping_wait: quick, backoff, ..CONFIG };
    let feed = Feed::default();
    let watch = feed.watch();
    let registry = AccountRegistry::new(config, bed.store.clone(), feed, make).start();
    let mut adopted = async |times: usize| {
        let mut seen: HashMap<AccountId, usize> = HashMap::new();
        while seen.values().filter(|count| **count >= times).count() < facts.len() {
            if let Told::Adopt(2, id) = told.next().await {
                *seen.entry(id).or_default() += 1;
            }
        }
    };
    adopted(1).await;
    made.lock().unwrap()[0].0.is_dead.store(true, Ordering::Relaxed);
    adopted(1).await;
    let retired: Vec<bool> = made.lock().unwrap().iter().map(|(_, retired)| retired.load(Ordering::Relaxed)).collect();
    assert_eq!(retired, [true, false], "what is left of the old one may send nothing");
    assert_eq!(registry.send(Overview).await.unwrap().shards, 1);
    drop(watch);
}

impl Bench {
    async fn without<T: Send + 'static>(
        &self,
        id: AccountId,
        job: impl FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.registry.send(WithoutAccounts { accounts: vec![id], job: Box::new(job) }).await.unwrap()
    }

    async fn outcome(&self, account: AccountId, credentials_version: i64) -> Option<Status> {
        self.registry.send(AwaitOutcome { account, credentials_version, timeout: 30 * SECOND }).await.unwrap()
    }

    /// An account that runs says this of itself.
    async fn says(&self, account: AccountId, renewals: u64, state: State) {
        let status = Status::new(state, Reason::Registered, clock::unix());
        self.says_of_its_line(account, renewals, status, state == State::Connected).await;
    }

    async fn says_of_its_line(&self, account: AccountId, renewals: u64, status: Status, has_line: bool) {
        self.registry.send(StatusChanged { account, generation: 1, renewals, status, has_line }).await.unwrap();
    }

    async fn write_by_hand(&self, account: AccountId) -> Result<Vec<Entry>, NotSent> {
        let order =
            SendByPerson { account, conversation: "1".into(), bodies: Vec::new(), expire_after: None, approved: false };
        self.registry.send(order).await.unwrap()
    }

    async fn act(&self, account: AccountId, act: EntryAct) -> Result<Entry, NotActed> {
        self.registry.send(ActOnEntry { account, id: SendId(7), act }).await.unwrap()
    }

    async fn has_entry(&self, account: AccountId, state: EntryState) {
        let entry = Entry {
            account,
            id: SendId(7),
            conversation: "1".into(),
            peer: "3300001".into(),
            body: Body::Text { text: "在的".into() },
            state,
            reason: None,
            message: None,
            origin: Origin::Rule,
            rule: None,
            delivery: None,
            in_reply_to: None,
            attempts: 0,
            created_at: Timestamp(7),
            sent_at: None,
            settled_at: None,
            expires_at: Timestamp(7),
        };
        self.bed.write(move |conn| store::outbox::insert_many(conn, &[entry])).await;
    }
}

/// T13: there, the tasks of a deleted account went on.
#[actix::test]
async fn t13_an_account_is_deleted_while_nothing_of_it_runs_and_never_comes_back() {
    let (mut bench, facts) = Bench::start(2);
    bench.all_run(&facts).await;
    while bench.told.now().is_some() {}
    let (scope, id) = (bench.bed.scope(), facts[0].id);
    let deleted = bench.without(id, move |conn| accounts::delete(conn, &scope, id)).await;
    assert_eq!(deleted, Ok(true));
    bench.is_let_go(id).await;
    bench.is_quiet_but_for_rules().await;
    assert_eq!(bench.load().await.accounts, 1);
    assert!(bench.snapshot(id).await.is_none() && bench.snapshot(facts[1].id).await.is_some());
}

#[actix::test]
async fn t13_an_account_that_could_not_be_deleted_starts_again() {
    let (mut bench, facts) = Bench::start(1);
    bench.runs(facts[0].id).await;
    while bench.told.now().is_some() {}
    let id = facts[0].id;
    let failed = bench.without(id, |_| Err::<(), _>(diesel::result::Error::RollbackTransaction)).await;
    assert!(failed.is_err());
    bench.is_let_go(id).await;
    bench.is_taken_in(id).await;
    bench.runs(id).await;
}

#[actix::test]
async fn t13_an_account_that_is_about_to_be_deleted_does_not_start_however_often_it_is_enabled() {
    let manners = Manners { gate: Some(Arc::new(Semaphore::new(0))), ..Manners::default() };
    let gate = manners.gate.clone().unwrap();
    let (mut bench, facts) = Bench::start_with(1, manners);
    let id = facts[0].id;
    assert_eq!(bench.next().await, Told::Adopt(0, id));
    let scope = bench.bed.scope();
    let order = WithoutAccounts {
        accounts: vec![id],
        job: Box::new(move |conn: &mut DbConn| accounts::delete(conn, &scope, id)),
    };
    let deleting = bench.registry.send(order);
    bench.enable(&facts[0], false).await;
    bench.enable(&facts[0], true).await;
    bench.registry.send(Restart(id)).await.unwrap();
    gate.add_permits(100);
    assert_eq!(deleting.await.unwrap(), Ok(true));
    let_run().await;
    let told: Vec<Told> = std::iter::from_fn(|| bench.told.now()).collect();
    assert!(!told.contains(&Told::Adopt(0, id)), "{told:?}");
    bench.is_quiet_but_for_rules().await;
    assert_eq!(bench.load().await.accounts, 0);
}

/// An account whose row is gone must not cost the others their states.
#[actix::test]
async fn t13_the_state_of_an_account_that_is_gone_is_not_stored_and_those_of_others_are() {
    let (mut bench, facts) = Bench::start(2);
    bench.all_run(&facts).await;
    let (scope, gone) = (bench.bed.scope(), facts[0].id);
    let held = bench.bed.hold_writer();
    for facts in &facts {
        bench.says(facts.id, 0, State::Connected).await;
    }
    let store = bench.bed.store.clone();
    let deleting = tokio::spawn(async move { store.write(move |conn| accounts::delete(conn, &scope, gone)).await });
    let_run().await;
    for facts in &facts {
        bench.says(facts.id, 0, State::Reconnecting).await;
    }
    drop(held);
    assert!(deleting.await.unwrap().unwrap());
    // One batch is written after the other, each once the database's thread has said that the one before is.
    for _ in 0..50 {
        let_run().await;
        bench.bed.write(|_| Ok(())).await;
        if bench.stored_state(facts[1].id).await.0 == State::Reconnecting {
            break;
        }
    }
    assert_eq!(bench.stored_state(facts[1].id).await.0, State::Reconnecting);
}

#[actix::test]
async fn the_outcome_of_new_credentials_is_told_and_not_what_was_before() {
    let (mut bench, facts) = Bench::start(1);
    let id = facts[0].id;
    bench.runs(id).await;
    bench.says(id, 0, State::Connected).await;
    assert_eq!(bench.outcome(id, 1).await.map(|status| status.state), Some(State::Connected));
    let (scope, keys) = (bench.bed.scope(), bench.bed.store.keys().clone());
    let (uid, cookie) = (facts[0].uid.clone(), store::Secret::new("fresh"));
    let give =
        move |conn: &mut DbConn| accounts::replace_credentials(conn, &keys, &scope, id, (&uid, &cookie), clock::unix());
    let version = bench.bed.write(give).await.unwrap();
    let asked = bench.registry.send(AwaitOutcome { account: id, credentials_version: version, timeout: 30 * SECOND });
    let mut asked = Box::pin(asked);
    assert!(timeout(SECOND, &mut asked).await.is_err(), "it was connected with the old ones");
    bench.says(id, 0, State::Failed).await;
    assert!(timeout(SECOND, &mut asked).await.is_err(), "the old ones failed, said late");
    bench.says(id, 1, State::Failed).await;
    assert_eq!(asked.await.unwrap().map(|status| status.state), Some(State::Failed));
}

#[actix::test]
async fn whoever_waits_too_long_for_an_outcome_is_told_what_the_account_is_doing() {
    let (mut bench, facts) = Bench::start(1);
    bench.runs(facts[0].id).await;
    let begun = Instant::now();
    let status = bench.outcome(facts[0].id, 1).await.unwrap();
    assert_eq!((status.state, status.reason), (State::Connecting, Reason::WaitingForTurn));
    assert!(begun.elapsed() >= 30 * SECOND);
    assert_eq!(bench.outcome(AccountId(404), 1).await, None);
    bench.enable(&facts[0], false).await;
    bench.status(facts[0].id, State::Closed, Reason::Disabled).await;
    let begun = Instant::now();
    assert_eq!(bench.outcome(facts[0].id, 1).await.map(|status| status.reason), Some(Reason::Disabled));
    assert!(begun.elapsed() < SECOND, "nothing more is to be waited for");
}

#[actix::test]
async fn a_persons_message_is_refused_where_it_would_rot() {
    let (mut bench, facts) = Bench::start(1);
    let id = facts[0].id;
    bench.runs(id).await;
    for state in [State::Connected, State::Reconnecting] {
        bench.says(id, 0, state).await;
        assert_eq!(bench.write_by_hand(id).await, Ok(Vec::new()), "{state:?} heals by itself");
    }
    bench.says(id, 0, State::Failed).await;
    assert!(matches!(bench.write_by_hand(id).await, Err(NotSent::NotRunning(status)) if status.state == State::Failed));
    let stands = Status::new(State::Failed, Reason::ChallengeRequired, clock::unix());
    bench.says_of_its_line(id, 0, stands, true).await;
    assert_eq!(bench.write_by_hand(id).await, Ok(Vec::new()), "a text needs no call");
    bench.enable(&facts[0], false).await;
    bench.status(id, State::Closed, Reason::Disabled).await;
    let refused = bench.write_by_hand(id).await;
    assert!(matches!(refused, Err(NotSent::NotRunning(status)) if status.reason == Reason::Disabled));
    assert!(matches!(bench.write_by_hand(AccountId(404)).await, Err(NotSent::NotRunning(_))));
}

#[actix::test]
async fn what_a_person_says_of_an_entry_goes_to_the_shard_that_has_it_or_to_the_database() {
    let (mut bench, facts) = Bench::start(1);
    let id = facts[0].id;
    bench.runs(id).await;
    bench.has_entry(id, EntryState::Queued).await;
    let cancel = EntryAct::Say(PersonsWord::Cancel);
    assert_eq!(bench.act(id, cancel).await, Err(NotActed::MayBeDuplicate), "as the probe in its place says");
    bench.enable(&facts[0], false).await;
    bench.status(id, State::Closed, Reason::Disabled).await;
    assert_eq!(bench.act(id, cancel).await.map(|entry| entry.state), Ok(EntryState::Expired));
    assert_eq!(bench.act(id, cancel).await, Err(NotSettled::WrongState(EntryState::Expired).into()));
    let again = bench.act(id, EntryAct::SendAgain(IfSeen::Refuse)).await;
    assert!(matches!(again, Err(NotActed::NotSent(NotSent::NotRunning(_)))), "{again:?}");
}

/// The ledger that would read the entry meanwhile would send it all the same.
#[actix::test]
async fn nothing_starts_while_a_person_settles_an_entry_in_the_database() {
    let (mut bench, facts) = Bench::start(1);
    let id = facts[0].id;
    bench.runs(id).await;
    bench.enable(&facts[0], false).await;
    bench.status(id, State::Closed, Reason::Disabled).await;
    bench.has_entry(id, EntryState::Queued).await;
    bench.enable(&facts[0], true).await;
    while bench.told.now().is_some() {}
    let held = bench.bed.hold_writer();
    let acting =
        bench.registry.send(ActOnEntry { account: id, id: SendId(7), act: EntryAct::Say(PersonsWord::Cancel) });
    bench.registry.send(Refresh).await.unwrap();
    let_run().await;
    drop(held);
    assert_eq!(acting.await.unwrap().map(|entry| entry.state), Ok(EntryState::Expired));
    bench.is_taken_in(id).await;
}

#[actix::test]
async fn the_outcome_of_a_restart_or_of_enabling_is_not_what_was_before() {
    let (mut bench, facts) = Bench::start(1);
    let id = facts[0].id;
    bench.runs(id).await;
    bench.says(id, 0, State::Connected).await;
    assert!(bench.registry.send(Restart(id)).await.unwrap());
    bench.says(id, 0, State::Connected).await;
    assert_eq!(bench.outcome(id, 1).await.map(|status| status.state), Some(State::Connecting));
    bench.enable(&facts[0], false).await;
    bench.status(id, State::Closed, Reason::Disabled).await;
    bench.enable(&facts[0], true).await;
    assert_eq!(bench.outcome(id, 1).await.map(|status| status.state), Some(State::Connecting));
}
