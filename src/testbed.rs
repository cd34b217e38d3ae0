//! What tests of actors need: a database of their own, probes in the place of neighbours, and people who write.
#![allow(clippy::unwrap_used)]

use std::{
    cell::Cell,
    env,
    io::{Write as _, stderr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
        mpsc,
    },
    time::Duration,
};

use actix::prelude::*;
use diesel::{Connection as _, PgConnection, SqliteConnection, connection::SimpleConnection as _};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};

use crate::{
    access::role::Role,
    account::{
        actor::{Config as AccountConfig, ItemsConfig},
        backoff::BackoffConfig,
        call::NotCalled,
        facts::{AccountFacts, Pace},
        messages::{AskConversation, AskHistory, AskItem, AskPicture, CallGateway, Line, Transmit},
    },
    cache::Figures,
    delivery::card::Kind,
    ids::{AccountId, BuyerId, CardId, RuleId, Timestamp, UserId},
    inbox::gap::GapConfig,
    item::agenda,
    outbox::{
        actor::{Config as OutboxConfig, OutboxActor},
        entry::Entry,
        ledger,
        rate::RateConfig as SendRate,
    },
    platform::{
        lwp::{
            event::{Content, Message as Chat},
            session,
        },
        mtop::client as gateway,
        passport::client as passport,
        upload::client as upload,
    },
    reply::rule::{Action, Rule, RuleBody},
    sim::{self, Sim},
    store::{
        Config, DbConn, Keys, QueryResult, Scope, Secret, Store,
        accounts::{self, NewAccount},
        cards::{self, NewCard},
        chat_messages::{self, StoredMessage},
        outbox,
        units::{self, Duplicates, Sealer},
        users::{self, NewUser},
    },
    telemetry::{clock, feed::Feed, metrics::Metrics},
};

/// Longer than any wait of the engine: with a paused clock it costs nothing.
const PATIENCE: Duration = Duration::from_secs(600);

/// An outbox that hurries nobody, and goes on after so long when it got no place.
pub(crate) fn lone_outbox(store: &Store, retry_after: Duration, retired: &Arc<AtomicBool>) -> Addr<OutboxActor> {
    let ledger = ledger::Config {
        expire_after: Duration::from_secs(300),
        answer_wait: Duration::from_secs(10),
        attempts: 3,
        retry_after,
        history_tries: 3,
    };
    let config = OutboxConfig { ledger, rate: SendRate { per_second: 0.0, burst: 0 } };
    let backlog = Arc::new(AtomicUsize::new(0));
    let (feed, metrics, echoes) = (Feed::default(), Metrics::default(), Figures::new("echoes"));
    OutboxActor::new(store.clone(), config, feed, metrics, echoes, backlog, Arc::clone(retired)).start()
}

/// Nothing is read unless somebody asks for it.
pub(crate) const ITEMS: ItemsConfig = ItemsConfig {
    agenda: agenda::Config {
        sync_every: Duration::ZERO,
        retry_after: Duration::from_secs(3600),
        polish_from: Duration::ZERO,
        polish_span: Duration::ZERO,
    },
    calls_per_minute: 0,
};

pub(crate) const PACE: Pace = Pace {
    debounce: Duration::from_secs(1),
    longest_wait: Duration::from_secs(5),
    takeover_pause: Duration::from_secs(600),
};

/// Longer than anything that happens over sockets of this machine takes.
const SOCKET_WAIT: Duration = Duration::from_secs(20);

/// How accounts connect to a simulated platform, in real time.
pub(crate) fn account_config(sim: &Sim) -> AccountConfig {
    let backoff = BackoffConfig { first: Duration::from_millis(50), ..BackoffConfig::default() };
    AccountConfig {
        im_url: sim.im_url(),
        user_agent: "test".into(),
        connect_wait: SOCKET_WAIT,
        session: session::Config {
            heartbeat: Duration::from_secs(15),
            dead_after: Duration::from_secs(30),
            register_wait: SOCKET_WAIT,
            request_wait: SOCKET_WAIT,
            stall_after: Duration::ZERO,
            stall_grace: SOCKET_WAIT,
        },
        gateway: gateway::Config { url: sim.gateway_url(), ..gateway::Config::default() },
        upload: upload::Config::default(),
        passport: passport::Config { url: sim.gateway_url(), ..passport::Config::default() },
        allow: Vec::new(),
        items: ITEMS,
        token_budget: 20,
        challenge_life: Duration::from_mins(10),
        backoff,
        gap: GapConfig::default(),
        gap_retry: SOCKET_WAIT,
        unstored: 1000,
    }
}

/// A database in a temporary folder, with one user.
pub(crate) struct Bed {
    pub(crate) store: Store,
    pub(crate) owner: UserId,
    path: String,
    accounts: Cell<i64>,
    _schema: Option<Schema>,
    folder: TempDir,
}

/// A schema of PostgreSQL, gone with it.
struct Schema {
    url: String,
    name: String,
}

impl Schema {
    fn create(url: String) -> Self {
        let schema = Self { url, name: format!("bed_{:016x}", rand::random::<u64>()) };
        schema.run(&format!("CREATE SCHEMA {}", schema.name));
        schema
    }

    fn run(&self, sql: &str) {
        PgConnection::establish(&self.url).unwrap().batch_execute(sql).unwrap();
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.run(&format!("DROP SCHEMA {} CASCADE", self.name));
    }
}

impl Bed {
    /// Pauses tokio's clock.
    pub(crate) fn paused() -> Self {
        tokio::time::pause();
        Self::new()
    }

    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("y.db").to_str().unwrap().to_owned();
        Self::open(folder, path, None)
    }

    /// [`Bed::paused`] in the PostgreSQL that `YUTANG_TEST_DATABASE_URL` names. Without one it is said loudly that there is none; where
    /// `YUTANG_TEST_REQUIRE` lists `postgres`, that fails.
    pub(crate) fn paused_on_postgres() -> Option<Self> {
        let Ok(url) = env::var("YUTANG_TEST_DATABASE_URL") else {
            let required = env::var("YUTANG_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.contains("postgres"), "YUTANG_TEST_DATABASE_URL names no PostgreSQL, but it is required");
            // not `eprintln!`: what a passing test prints is swallowed
            let _ = writeln!(
                stderr(),
                "\n*** SKIPPED on PostgreSQL: set YUTANG_TEST_DATABASE_URL (see tests/services) ***\n"
            );
            return None;
        };
        tokio::time::pause();
        let schema = Schema::create(url);
        let joint = if schema.url.contains('?') { '&' } else { '?' };
        let path = format!("{}{joint}options=-csearch_path%3D{}", schema.url, schema.name);
        Some(Self::open(tempfile::tempdir().unwrap(), path, Some(schema)))
    }

    fn open(folder: TempDir, path: String, schema: Option<Schema>) -> Self {
        let store = Store::open(&Config::new(&path), Keys::random()).unwrap();
        let user = NewUser {
            name: "seller".into(),
            password_hash: "hash".into(),
            role: Role::Owner,
            employer: None,
            email: None,
            created_at: clock::unix(),
        };
        let owner = store.write_blocking(move |conn| users::insert(conn, &user)).unwrap().unwrap();
        Self { store, owner, path, accounts: Cell::new(0), _schema: schema, folder }
    }

    /// How the database is opened, beside the store.
    pub(crate) fn database(&self) -> Config {
        Config::new(&self.path)
    }

    /// Where everything of it lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Changes the SQLite file past the program.
    pub(crate) fn tamper(&self, sql: &str) {
        tamper(Path::new(&self.path), sql);
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope::owner(self.owner)
    }

    /// Somebody who looks after the server.
    pub(crate) async fn administrator(&self) -> UserId {
        let user = NewUser {
            name: "admin".into(),
            password_hash: "hash".into(),
            role: Role::Admin,
            employer: None,
            email: None,
            created_at: clock::unix(),
        };
        self.write(move |conn| users::insert(conn, &user)).await.unwrap()
    }

    /// A pool of the seller's with these units.
    pub(crate) async fn pool(&self, units: &[&str]) -> CardId {
        let new = NewCard::new("codes", Kind::Pool);
        let (keys, scope) = (self.store.keys().clone(), self.scope());
        let card = self.write(move |conn| cards::insert(conn, &keys, &scope, &new, clock::unix())).await.unwrap();
        let sealer = Sealer::new(self.store.keys(), scope.user(), card);
        let stock = units.iter().map(|unit| sealer.seal(unit)).collect::<Vec<_>>();
        self.write(move |conn| units::import(conn, &scope, card, stock, Duplicates::Keep, clock::unix())).await;
        card
    }

    /// One more account, `shop1`, `shop2`, …
    pub(crate) fn account(&self) -> AccountFacts {
        let number = self.accounts.replace(self.accounts.get() + 1) + 1;
        let (name, uid) = (format!("shop{number}"), format!("220000{number}"));
        let cookie = Secret::new(format!("unb={uid}; _m_h5_tk=a_1"));
        self.keep_account(name, uid.into(), cookie)
    }

    /// One more account, of this seller of a simulated platform.
    pub(crate) fn account_of(&self, sim: &Sim, seller: &sim::Account) -> AccountFacts {
        let number = self.accounts.replace(self.accounts.get() + 1) + 1;
        let cookie = Secret::new(sim.platform().cookies(seller));
        self.keep_account(format!("shop{number}"), seller.uid.clone(), cookie)
    }

    fn keep_account(&self, name: String, uid: BuyerId, cookie: Secret) -> AccountFacts {
        let new = [NewAccount { name: name.clone(), uid: uid.clone(), cookie, enabled: None }];
        let (keys, owner) = (self.store.keys().clone(), self.owner);
        let saved =
            self.store.write_blocking(move |conn| accounts::upsert_many(conn, &keys, owner, &new, clock::unix()));
        let id = saved.unwrap().unwrap()[0].0;
        AccountFacts { id, owner, uid, name: name.into(), pace: PACE }
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    ) -> T {
        self.store.write(work).await.unwrap()
    }

    /// Through the writer, behind everything that is queued.
    pub(crate) async fn sends(&self, account: AccountId) -> Vec<Entry> {
        self.write(move |conn| outbox::newest(conn, account, Timestamp(0), 10_000)).await
    }

    /// The messages of one conversation, oldest first.
    pub(crate) async fn messages(&self, account: AccountId, conversation: &str) -> Vec<StoredMessage> {
        let (scope, conversation) = (self.scope(), conversation.into());
        let mut rows = self.write(move |conn| chat_messages::list(conn, &scope, account, &conversation, 10_000)).await;
        rows.reverse();
        rows
    }

    /// Writes to `table` fail until the guard is dropped.
    pub(crate) fn break_table(&self, table: &'static str) -> Broken {
        let broken = Broken { path: self.path.clone(), table };
        broken.run(&format!("ALTER TABLE {table} RENAME TO {table}_away"));
        broken
    }

    /// The writer stands still until the guard is dropped. While an actor waits for it, a paused clock stands still too.
    pub(crate) fn hold_writer(&self) -> Held {
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let store = self.store.clone();
        let thread = std::thread::spawn(move || {
            store.write_blocking(move |_| {
                begun.send(()).unwrap();
                // Ends with the guard.
                let _ = released.recv();
                Ok(())
            })
        });
        begins.recv().unwrap();
        Held { release: Some(release), thread: Some(thread) }
    }
}

pub(crate) struct Broken {
    path: String,
    table: &'static str,
}

impl Broken {
    fn run(&self, sql: &str) {
        tamper(Path::new(&self.path), &format!("PRAGMA legacy_alter_table = ON; {sql}"));
    }
}

/// Changes a SQLite file past the program.
pub(crate) fn tamper(file: &Path, sql: &str) {
    let mut conn = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    conn.batch_execute(&format!("PRAGMA busy_timeout = 10000; {sql}")).unwrap();
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.run(&format!("ALTER TABLE {0}_away RENAME TO {0}", self.table));
    }
}

pub(crate) struct Held {
    release: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<Result<(), crate::store::StoreError>>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

/// An actor in the place of a neighbour.
struct Probe<M: Message>(Box<dyn FnMut(M) -> ResponseFuture<M::Result>>);

impl<M: Message + 'static> Actor for Probe<M> {
    type Context = Context<Self>;
}

impl<M: Message<Result: Send> + 'static> Handler<M> for Probe<M> {
    type Result = ResponseFuture<M::Result>;

    fn handle(&mut self, message: M, _: &mut Self::Context) -> Self::Result {
        (self.0)(message)
    }
}

/// A neighbour that answers like this.
pub(crate) fn answering<M>(mut answer: impl FnMut(M) -> M::Result + 'static) -> Recipient<M>
where
    M: Message<Result: Send> + Send + 'static,
{
    answering_later(move |message| Box::pin(std::future::ready(answer(message))))
}

/// A neighbour that takes its time.
pub(crate) fn answering_later<M>(answer: impl FnMut(M) -> ResponseFuture<M::Result> + 'static) -> Recipient<M>
where
    M: Message<Result: Send> + Send + 'static,
{
    Probe(Box::new(answer)).start().recipient()
}

/// A neighbour that listens.
pub(crate) fn listening<M: Message<Result = ()> + Send + 'static>() -> (Recipient<M>, Heard<M>) {
    let (sender, heard) = Heard::new();
    // Nobody has to listen.
    (answering(move |message| drop(sender.send(message))), heard)
}

/// What a neighbour was told.
pub(crate) struct Heard<M>(UnboundedReceiver<M>);

impl<M> Heard<M> {
    /// Whoever has the sender tells.
    pub(crate) fn new() -> (UnboundedSender<M>, Self) {
        let (sender, heard) = unbounded_channel();
        (sender, Self(heard))
    }

    pub(crate) async fn next(&mut self) -> M {
        timeout(PATIENCE, self.0.recv()).await.expect("something is told in time").expect("the neighbour lives")
    }

    /// Nothing is told for so long.
    pub(crate) async fn is_quiet_for(&mut self, span: Duration) -> bool {
        timeout(span, self.0.recv()).await.is_err()
    }

    /// What was told already.
    pub(crate) fn now(&mut self) -> Option<M> {
        self.0.try_recv().ok()
    }
}

/// Lets everything that is ready run, without time passing.
pub(crate) async fn let_run() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// The line of an account, and what goes through it.
pub(crate) struct FakeLine {
    pub(crate) line: Line,
    pub(crate) transmitted: Heard<Transmit>,
    pub(crate) histories: Heard<AskHistory>,
    pub(crate) items: Heard<AskItem>,
    pub(crate) pictures: Heard<AskPicture>,
}

impl FakeLine {
    pub(crate) fn new() -> Self {
        let (transmit, transmitted) = listening();
        let (history, histories) = listening();
        let (item, items) = listening();
        let (picture, pictures) = listening();
        let gateway = answering(|_: CallGateway| Err(NotCalled::Offline));
        let conversation = answering(|_: AskConversation| Err(NotCalled::Offline));
        let line = Line { transmit, history, item, picture, gateway, conversation };
        Self { line, transmitted, histories, items, pictures }
    }
}

/// A buyer's text, written now.
pub(crate) fn chat(conversation: &str, id: &str, text: &str) -> Chat {
    Chat {
        id: id.into(),
        business_id: None,
        conversation: conversation.into(),
        created_at: clock::unix(),
        sender: "3300001".into(),
        sender_name: Some("buyer".into()),
        content_type: 1,
        content: Content::Text { text: text.into() },
        reminder: text.into(),
        item: None,
        group: false,
        tip: false,
        need_push: Some(true),
    }
}

/// The same in the seller's name.
pub(crate) fn own_chat(facts: &AccountFacts, conversation: &str, id: &str, text: &str) -> Chat {
    Chat { sender: facts.uid.clone(), sender_name: None, need_push: Some(false), ..chat(conversation, id, text) }
}

/// A rule that answers when the keyword occurs.
pub(crate) fn rule(id: i64, keyword: &str, reply: &str) -> Rule {
    let actions = vec![Action::Text(reply.into())];
    let body = RuleBody { keyword: keyword.into(), actions, ..RuleBody::default() };
    Rule { id: RuleId(id), body, created_at: Timestamp(id) }
}

/// The same rule with something changed.
pub(crate) fn but(mut rule: Rule, change: impl FnOnce(&mut RuleBody)) -> Rule {
    change(&mut rule.body);
    rule
}
