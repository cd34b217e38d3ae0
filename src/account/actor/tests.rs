//! One account against a simulated platform, with probes for the shard's other actors. In real time: there are real sockets.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, atomic::AtomicBool};

use tokio::{sync::Semaphore, time::timeout};

use super::*;
use crate::{
    account::{
        messages::{AccountOnline, Transmit},
        token::Cause,
    },
    ids::Timestamp,
    inbox::messages::{Ingest, NotStored},
    outbox::{entry::Body, ledger::Outcome, messages::Answered},
    sim::{self, Newer, Sim},
    store::{DbConn, Secret, accounts},
    telemetry::metrics::Metrics,
    testbed::{Bed, Heard, account_config, answering, answering_later, listening},
};

const WAIT: Duration = Duration::from_secs(20);

/// Makes the actor panic.
#[derive(Message)]
#[rtype(result = "()")]
struct Panic;

impl Handler<Panic> for AccountActor {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("as the test wants it");
    }
}

struct Bench {
    bed: Bed,
    sim: Sim,
    seller: Arc<sim::Account>,
    env: Env,
    facts: AccountFacts,
    status: Heard<StatusChanged>,
    stopped: Heard<AccountStopped>,
    online: Heard<AccountOnline>,
    offline: Heard<AccountOffline>,
    ingested: Heard<Ingest>,
    answered: Heard<Answered>,
    /// Each push that is stored takes a permit.
    disk: Arc<Semaphore>,
    disk_full: Arc<AtomicBool>,
}

impl Bench {
    fn new() -> Self {
        let bed = Bed::new();
        let config = sim::Config { newer: Newer::Both, ..sim::Config::default() };
        let sim = Sim::start_in_thread("127.0.0.1:0".parse().unwrap(), config).unwrap();
        let seller = sim.platform().add_account("shop");
        let facts = bed.account_of(&sim, &seller);
        let (status_to, status) = listening();
        let (stopped_to, stopped) = listening();
        let (online_to, online) = listening();
        let (offline_to, offline) = listening();
        let (answered_to, answered) = listening();
        let (disk, disk_full) = (Arc::new(Semaphore::new(1000)), Arc::new(AtomicBool::new(false)));
        let (ingest, ingested) = inbox(Arc::clone(&disk), Arc::clone(&disk_full));
        let neighbours = Neighbours {
            ingest,
            own_seen: answering(|seen: crate::outbox::messages::OwnSeen| Ok(vec![false; seen.messages.len()])),
            answered: answered_to,
            history_seen: listening().0,
            item_known: listening().0,
            picture_ready: listening().0,
            online: vec![online_to],
            offline: vec![offline_to],
        };
        let limits = Limits { connecting: Arc::new(Semaphore::new(2)), sockets: Arc::new(Semaphore::new(2)) };
        let env = Env {
            config: Arc::new(account_config(&sim)),
            store: bed.store.clone(),
            metrics: Metrics::default(),
            neighbours,
            limits,
            stopped: stopped_to,
            status: status_to,
            retired: Arc::new(AtomicBool::new(false)),
        };
        Self { bed, sim, seller, env, facts, status, stopped, online, offline, ingested, answered, disk, disk_full }
    }

    fn start(&self) -> Addr<AccountActor> {
        AccountActor::new(self.env.clone(), self.facts.clone(), 1, 0).start()
    }

    async fn connected() -> (Self, Addr<AccountActor>) {
        let mut bench = Self::new();
        let actor = bench.start();
        bench.reaches(State::Connected, Reason::Registered).await;
        (bench, actor)
    }

    async fn reaches(&mut self, state: State, reason: Reason) -> Status {
        loop {
            let status = timeout(WAIT, self.status.next()).await.expect("the state is reached in time").status;
            if (status.state, status.reason) == (state, reason) {
                return status;
            }
        }
    }

    fn free_places(&self) -> (usize, usize) {
        (self.env.limits.connecting.available_permits(), self.env.limits.sockets.available_permits())
    }
}

/// An inbox that stores when it may.
fn inbox(disk: Arc<Semaphore>, full: Arc<AtomicBool>) -> (Recipient<Ingest>, Heard<Ingest>) {
    let (tell, told) = listening_to_ingests();
    let recipient = answering_later(move |ingest: Ingest| {
        let (disk, full) = (Arc::clone(&disk), Arc::clone(&full));
        let is_message = !ingest.messages.is_empty();
        tell(ingest);
        Box::pin(async move {
            if is_message {
                disk.acquire().await.unwrap().forget();
            }
            if full.load(Ordering::Relaxed) { Err(NotStored("the disk is full".into())) } else { Ok(()) }
        })
    });
    (recipient, told)
}

/// Only those that carry messages: the others move the cursor.
fn listening_to_ingests() -> (impl Fn(Ingest) + 'static, Heard<Ingest>) {
    let (sender, heard) = Heard::new();
    let tell = move |ingest: Ingest| {
        if !ingest.messages.is_empty() {
            // Nobody has to listen.
            let _ = sender.send(ingest);
        }
    };
    (tell, heard)
}

fn transmit(seller: &sim::Account, conversation: &ConversationId, text: &str) -> Transmit {
    let peer = seller.peer(conversation).unwrap();
    let body = Body::Text { text: text.into() };
    Transmit { id: SendId(clock::unix().0), conversation: conversation.clone(), peer, body }
}

/// K2: connected means registered, and only then others may speak through it.
#[actix::test]
async fn k2_an_account_is_online_after_the_platform_let_it_in() {
    let mut bench = Bench::new();
    bench.sim.platform().change_faults(|faults| faults.hang_register = true);
    let actor = bench.start();
    let mut events = bench.sim.platform().events(sim::Interest::Everything);
    while !matches!(timeout(WAIT, events.recv()).await.unwrap().unwrap(), sim::SimEvent::Opened { .. }) {}
    assert_eq!(actor.send(Snapshot).await.unwrap().status.state, State::Connecting);
    assert!(bench.online.now().is_none());
    let conversation = bench.seller.conversation("buyer", "700");
    actor.send(transmit(&bench.seller, &conversation, "早")).await.unwrap();
    assert_eq!(bench.answered.next().await.outcome, Outcome::NotSent);
    bench.sim.platform().heal();
    actor.send(CredentialsChanged).await.unwrap();
    bench.reaches(State::Connected, Reason::Registered).await;
    assert_eq!(bench.online.next().await.account, bench.facts.id);
}

/// M7: store, then acknowledge.
#[actix::test]
async fn m7_a_push_is_acknowledged_when_the_inbox_has_stored_it() {
    let (mut bench, _actor) = Bench::connected().await;
    bench.disk.forget_permits(1000);
    let said = bench.seller.buyer_says("buyer", "700", "在吗");
    let ingest = bench.ingested.next().await;
    assert_eq!(ingest.messages[0].message.id, said.message);
    assert_eq!(bench.seller.unacknowledged(), [said.message]);
    bench.disk.add_permits(1);
    assert!(bench.seller.await_acknowledged(WAIT).await);
}

#[actix::test]
async fn what_cannot_be_stored_is_not_acknowledged_and_comes_again_on_the_next_line() {
    let (mut bench, _actor) = Bench::connected().await;
    bench.disk_full.store(true, Ordering::Relaxed);
    let said = bench.seller.buyer_says("buyer", "700", "在吗");
    bench.reaches(State::Reconnecting, Reason::StorageFailing).await;
    assert_eq!(bench.seller.unacknowledged(), std::slice::from_ref(&said.message));
    bench.disk_full.store(false, Ordering::Relaxed);
    assert_eq!(bench.ingested.next().await.messages[0].message.id, said.message);
    assert_eq!(bench.ingested.next().await.messages[0].message.id, said.message);
    assert!(bench.seller.await_acknowledged(WAIT).await);
}

/// M3, M4
#[actix::test]
async fn a_send_is_answered_by_the_platform_and_finds_no_line_once_it_is_gone() {
    let (mut bench, actor) = Bench::connected().await;
    let conversation = bench.seller.conversation("buyer", "700");
    actor.send(transmit(&bench.seller, &conversation, "在的")).await.unwrap();
    let outcome = bench.answered.next().await.outcome;
    assert!(matches!(outcome, Outcome::Accepted(Some(_))), "{outcome:?}");
    bench.sim.platform().change_faults(|faults| faults.refuse_upgrade = true);
    bench.seller.close(1000);
    bench.offline.next().await;
    actor.send(transmit(&bench.seller, &conversation, "还在")).await.unwrap();
    assert_eq!(bench.answered.next().await.outcome, Outcome::NotSent);
    assert_eq!(bench.seller.received(&conversation).len(), 1);
}

/// K11: two connects may be on their way, one line comes of it.
#[actix::test]
async fn k11_credentials_that_change_during_a_connect_lead_to_one_line() {
    let mut bench = Bench::new();
    let places = bench.env.limits.connecting.clone().acquire_many_owned(2).await.unwrap();
    let actor = bench.start();
    bench.reaches(State::Connecting, Reason::WaitingForTurn).await;
    actor.send(CredentialsChanged).await.unwrap();
    bench.reaches(State::Connecting, Reason::WaitingForTurn).await;
    drop(places);
    bench.reaches(State::Connected, Reason::Registered).await;
    // The answer to a send is behind everything that the two connects did.
    let conversation = bench.seller.conversation("buyer", "700");
    actor.send(transmit(&bench.seller, &conversation, "在的")).await.unwrap();
    bench.answered.next().await;
    assert_eq!(bench.seller.connections(), 1);
    assert!(!bench.seller.await_registered(2, Duration::from_millis(300)).await, "two live sockets");
    assert_eq!(bench.free_places(), (2, 1));
    assert_eq!(actor.send(Snapshot).await.unwrap().connections, 1);
}

#[actix::test]
async fn a_stop_says_goodbye_tells_everybody_and_gives_its_places_back() {
    let (mut bench, actor) = Bench::connected().await;
    assert_eq!(bench.free_places(), (2, 1));
    actor.send(Stop(Reason::Disabled)).await.unwrap();
    let stopped = bench.stopped.next().await;
    assert_eq!((stopped.account, stopped.generation, stopped.panicked), (bench.facts.id, 1, false));
    assert_eq!(bench.offline.next().await.0, bench.facts.id);
    assert!(bench.seller.await_offline(WAIT).await);
    drop(actor);
    assert_eq!(bench.free_places(), (2, 2));
}

#[actix::test]
async fn a_panic_closes_the_socket_is_told_and_gives_its_places_back() {
    let (mut bench, actor) = Bench::connected().await;
    actor.do_send(Panic);
    let stopped = bench.stopped.next().await;
    assert!(stopped.panicked);
    assert_eq!(bench.offline.next().await.0, bench.facts.id);
    assert!(bench.seller.await_offline(WAIT).await);
    assert_eq!(bench.free_places(), (2, 2));
}

/// K5, K15: when the platform wants a person, nothing more is called.
#[actix::test]
async fn k5_a_challenge_stops_every_call_until_new_credentials() {
    let mut bench = Bench::new();
    bench.sim.platform().change_faults(|faults| faults.gateway = sim::Gateway::Punish);
    let actor = bench.start();
    bench.reaches(State::Failed, Reason::ChallengeRequired).await;
    let calls = bench.seller.gateway_requests();
    assert!(bench.status.is_quiet_for(Duration::from_millis(500)).await);
    bench.sim.platform().heal();
    // Nobody brought new ones: the breaker is stored and stays open.
    actor.send(CredentialsChanged).await.unwrap();
    bench.reaches(State::Failed, Reason::ChallengeRequired).await;
    assert!(calls > 0);
    assert_eq!(bench.seller.gateway_requests(), calls);
}

/// The login service alone takes nobody from their buyers: whether the session is over a call says.
#[actix::test]
async fn a_daily_check_is_believed_when_a_call_says_the_same() {
    for (gateway, is_over) in [(sim::Gateway::Healthy, false), (sim::Gateway::SessionExpired, true)] {
        let bench = Bench::new();
        let (keys, scope, id) = (bench.bed.store.keys().clone(), bench.bed.scope(), bench.facts.id);
        let (uid, cookie) = (bench.facts.uid.clone(), Secret::new(bench.sim.platform().cookies(&bench.seller)));
        let long_ago = Timestamp(clock::unix().0 - 2 * 24 * 3600 * 1000);
        let given =
            move |conn: &mut DbConn| accounts::replace_credentials(conn, &keys, &scope, id, (&uid, &cookie), long_ago);
        bench.bed.store.write(given).await.unwrap().unwrap();
        bench.sim.platform().change_faults(|faults| {
            faults.gateway = gateway;
            faults.passport = sim::Passport::Refused;
        });
        let Ok(cared) = care::care(&bench.env, &bench.facts).await else { panic!("the check was answered") };
        assert_eq!(bench.seller.has_login_requests(), 1);
        let cause = cared.and_then(|governor| governor.breaker).map(|breaker| breaker.cause);
        assert_eq!(cause, is_over.then_some(Cause::SessionExpired));
    }
}
