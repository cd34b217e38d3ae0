//! A simulated platform and a real server in one process, with verbs to read like sentences.

use std::{
    net::SocketAddr,
    ops::Deref,
    sync::{Arc, OnceLock},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::client::password_hash;
use actix::Addr;
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, broadcast, mpsc::UnboundedReceiver, oneshot},
    time::{Instant, timeout, timeout_at},
};
use yutang::{
    access::role::Role,
    account::{
        registry::AccountRegistry,
        state::{Reason, State, Status},
    },
    app::App,
    ids::{AccountId, ConversationId, Timestamp, UserId},
    outbox::entry::Entry,
    reply::rule::{Action, Matching, RuleBody},
    settings::Settings,
    sim::{self, Account, Gateway, Platform, Said, Sim, SimEvent},
    store::{
        DbConn, Keys, Page, QueryResult, Scope, Secret, Store, account_states,
        accounts::{self, NewAccount},
        audit::Actor,
        chat_messages::{self, StoredMessage},
        conversations::{self, ConversationRow},
        outbox::{self, Filter},
        rules,
        users::{self, NewUser},
    },
    telemetry::{
        clock,
        feed::{Feed, FeedEvent},
    },
    web::RegistryAddress,
};

/// Long for a machine under load, never reached where all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often the database is asked where nothing tells of a change.
pub(crate) const LOOK: Duration = Duration::from_millis(10);

/// A platform, and a server that works on it. Made at rest, so that accounts and rules can be put in; then [`TestApp::start`].
pub(crate) struct TestApp {
    sim: Option<Sim>,
    settings: Settings,
    store: Store,
    scope: Scope,
    running: Option<Running>,
    marks: Mutex<usize>,
    _folder: TempDir,
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
    told: Mutex<Told>,
    feed: Feed,
    registry: Arc<OnceLock<RegistryAddress>>,
}

/// What the server told so far, and what it tells.
struct Told {
    statuses: Vec<(AccountId, Status)>,
    feed: broadcast::Receiver<FeedEvent>,
}

/// One seller account: its side on the platform, and its number with us.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) id: AccountId,
    side: Arc<Account>,
}

impl Deref for Shop {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.side
    }
}

/// A rule for all accounts: a message that contains `keyword` is answered with `reply`.
pub(crate) fn contains(keyword: &str, reply: &str) -> RuleBody {
    RuleBody { keyword: keyword.into(), actions: vec![Action::Text(reply.into())], ..RuleBody::default() }
}

/// What is answered where no rule holds.
pub(crate) fn default_reply(reply: &str) -> RuleBody {
    RuleBody { matching: Matching::Default, keyword: String::new(), ..contains("", reply) }
}

/// Repeats what was said, so that every answer tells what it answers.
pub(crate) fn echo() -> RuleBody {
    default_reply("答:{send_message}")
}

/// Waits short enough for tests, long enough for a busy machine; each buyer message a turn of its own.
fn settings(folder: &TempDir, sim: &Sim) -> Settings {
    let mut settings = Settings { data_dir: folder.path().join("data"), ..Settings::default() };
    settings.server.listen = ([127, 0, 0, 1], 0).into();
    settings.server.shards = 2;
    settings.platform.gateway_url = sim.gateway_url();
    settings.platform.im_url = sim.im_url();
    settings.platform.passport_url = sim.gateway_url();
    settings.platform.upload_url = sim.gateway_url();
    settings.inbox.debounce = Duration::ZERO;
    settings.accounts.backoff_first = Duration::from_millis(20);
    settings.accounts.backoff_max = Duration::from_millis(200);
    settings.accounts.backoff_slow = Duration::from_millis(400);
    settings.outbox.rate = 0;
    // Only where a test is about items.
    settings.items.sync_every = Duration::ZERO;
    settings.items.calls_per_minute = 0;
    settings.items.polish_from = Duration::ZERO;
    settings.items.polish_span = Duration::ZERO;
    // Only where a test is about what nobody tells of.
    settings.orders.compare_every = Duration::ZERO;
    settings.orders.calls_per_minute = 0;
    // The machine that tests has other work, too.
    settings.health.cpu_percent = 100;
    settings.health.memory_percent = 100;
    settings.health.disk_free_mib = 0;
    settings.outbox.answer_wait = Duration::from_millis(300);
    // Only where a test is about them: the hour may come at any moment.
    settings.backup.keep = 0;
    settings
}

impl TestApp {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::on(sim::Config::default(), change)
    }

    /// Nobody administers it yet.
    pub(crate) fn without_admin() -> Self {
        Self::made(sim::Config::default(), |_| {})
    }

    /// On a platform of this kind.
    pub(crate) fn on(platform: sim::Config, change: impl FnOnce(&mut Settings)) -> Self {
        let app = Self::made(platform, change);
        app.person("admin", Role::Admin);
        app
    }

    fn made(platform: sim::Config, change: impl FnOnce(&mut Settings)) -> Self {
        let sim = Sim::start_in_thread(([127, 0, 0, 1], 0).into(), platform).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(&folder, &sim);
        change(&mut settings);
        assert_eq!(settings.validate(), Ok(()));
        std::fs::create_dir_all(&settings.data_dir).unwrap();
        let keys = Keys::load(None, &settings.key_file()).unwrap();
        let store = Store::open(&settings.store(), keys).unwrap();
        let user = NewUser {
            name: "seller".into(),
            password_hash: password_hash(),
            role: Role::Owner,
            employer: None,
            email: None,
            created_at: Timestamp(1),
        };
        let owner = store.write_blocking(move |conn| users::insert(conn, &user)).unwrap().unwrap();
        Self {
            sim: Some(sim),
            settings,
            store,
            scope: Scope::owner(owner),
            running: None,
            marks: Mutex::new(0),
            _folder: folder,
        }
    }

    pub(crate) fn platform(&self) -> &Arc<Platform> {
        self.sim.as_ref().unwrap().platform()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the server answers HTTP.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.running().address
    }

    /// Where a browser finds it.
    pub(crate) fn site(&self) -> String {
        format!("http://{}", self.addr())
    }

    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// The registry of the server that runs.
    pub(crate) fn registry(&self) -> Addr<AccountRegistry> {
        self.running().registry.get().expect("the server has started").get()
    }

    /// What the server tells; a test may tell something too.
    pub(crate) fn feed(&self) -> &Feed {
        &self.running().feed
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server was started")
    }

    /// Starts the server and waits until every enabled account is registered.
    pub(crate) async fn start(&mut self) {
        let shops = self.shops();
        let before: Vec<u32> = shops.iter().map(|shop| shop.lock().registrations).collect();
        self.start_unconnected();
        for (shop, registrations) in shops.iter().zip(before) {
            assert!(shop.await_registered(registrations + 1, PATIENCE).await, "{} is not registered", shop.name);
        }
    }

    /// Starts the server and waits for nothing.
    pub(crate) fn start_unconnected(&mut self) {
        assert!(self.running.is_none(), "the server runs already");
        let app = App::build(self.settings.clone()).unwrap();
        let address = app.addr().unwrap();
        let registry = app.registry();
        let feed = app.feed();
        let told = Mutex::new(Told { statuses: Vec::new(), feed: feed.watch() });
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("app".into()).spawn(move || {
            actix::System::new().block_on(app.run_until_stopped(async {
                // Dropped or sent: both mean stop.
                let _ = stopped.await;
            }))
        });
        self.running = Some(Running { address, stop, thread: thread.unwrap(), told, feed, registry });
    }

    /// Stops the server as SIGTERM would, and waits for its end.
    pub(crate) async fn stop(&mut self) {
        let Running { stop, thread, .. } = self.running.take().expect("the server was started");
        // It may have ended by itself: then joining tells how.
        let _ = stop.send(());
        actix_web::web::block(move || thread.join().unwrap().unwrap()).await.unwrap();
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// Opens an account on the platform and gives it to the server.
    pub(crate) fn open(&self, name: &str) -> Shop {
        let side = self.platform().add_account(name);
        let id = self.put_account(name, &side, &self.platform().cookies(&side));
        Shop { id, side }
    }

    /// Opens `count` accounts at once.
    pub(crate) fn open_many(&self, count: usize) -> Vec<Shop> {
        (0..count).map(|number| self.open(&format!("shop-{number:03}"))).collect()
    }

    /// A person passed the platform's verification; the cookie stayed the same.
    pub(crate) fn retry(&self, shop: &Shop) {
        let (scope, id) = (self.scope, shop.id);
        assert!(self.write(move |conn| accounts::renew(conn, &scope, id, Timestamp(1))));
    }

    /// Opens an account of another owner.
    pub(crate) fn open_for(&self, owner: UserId, name: &str) -> Shop {
        let side = self.platform().add_account(name);
        let id = self.put_account_of(owner, name, &side, &self.platform().cookies(&side));
        Shop { id, side }
    }

    /// The seller logged in anew and brings the fresh cookie.
    pub(crate) fn renew_cookie(&self, shop: &Shop) {
        shop.expire_login();
        self.put_account(&shop.name, &shop.side, &self.platform().cookies(shop));
    }

    pub(crate) fn put_account(&self, name: &str, side: &Account, cookie: &str) -> AccountId {
        self.put_account_of(self.scope.user(), name, side, cookie)
    }

    fn put_account_of(&self, owner: UserId, name: &str, side: &Account, cookie: &str) -> AccountId {
        let new = [NewAccount { name: name.into(), uid: side.uid.clone(), cookie: Secret::new(cookie), enabled: None }];
        let keys = self.store.keys().clone();
        let saved = self.write(move |conn| accounts::upsert_many(conn, &keys, owner, &new, Timestamp(1)));
        saved.unwrap()[0].0
    }

    /// The enabled accounts.
    fn shops(&self) -> Vec<Shop> {
        let scope = self.scope;
        let rows = self.read(move |conn| accounts::list(conn, &scope));
        let shop = |row: accounts::Account| {
            Some(Shop { id: row.id, side: self.platform().account(row.uid.as_str()).filter(|_| row.enabled)? })
        };
        rows.into_iter().filter_map(shop).collect()
    }

    pub(crate) fn rule(&self, rule: RuleBody) {
        self.rules(vec![rule]);
    }

    pub(crate) fn rules(&self, new: Vec<RuleBody>) {
        let scope = self.scope;
        self.write(move |conn| rules::upsert_many(conn, &scope, &new, &Actor::system(), Timestamp(1)));
    }

    pub(crate) fn enable(&self, shop: &Shop, on: bool) {
        let (scope, id) = (self.scope, shop.id);
        assert!(self.write(move |conn| accounts::set_enabled(conn, &scope, id, on, Timestamp(2))));
    }

    /// Reads the database beside the server.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    ) -> T {
        self.store.read_blocking(work).unwrap()
    }

    /// Changes the database beside the server, as the command line does.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    ) -> T {
        self.store.write_blocking(work).unwrap()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Waits until the server has noticed everything that was written so far: accounts are followed last, so that when it speaks of
    /// an account that was added now (one that can never log in), it knows the rest.
    pub(crate) async fn noticed(&self) {
        let number = {
            let mut marks = self.marks.lock().await;
            *marks += 1;
            *marks
        };
        let name = format!("mark-{number}");
        let new = [NewAccount {
            uid: name.as_str().into(),
            cookie: Secret::new(format!("unb={name}")),
            name: name.clone(),
            enabled: None,
        }];
        let (keys, owner) = (self.store.keys().clone(), self.scope.user());
        let id = self.write(move |conn| accounts::upsert_many(conn, &keys, owner, &new, Timestamp(1))).unwrap()[0].0;
        self.find_status(id, |status| status.state != State::Disconnected).await;
    }

    /// Waits until the server has told this reason of the account, at any time since its start.
    pub(crate) async fn said_reason(&self, shop: &Shop, reason: Reason) -> Status {
        self.find_status(shop.id, |status| status.reason == reason).await
    }

    /// Every reason the server told of the account, oldest first.
    pub(crate) async fn reasons(&self, shop: &Shop) -> Vec<Reason> {
        let mut told = self.running().told.lock().await;
        while let Ok(event) = told.feed.try_recv() {
            told.note(event);
        }
        told.statuses.iter().filter(|(id, _)| *id == shop.id).map(|(_, status)| status.reason).collect()
    }

    async fn find_status(&self, account: AccountId, wanted: impl Fn(&Status) -> bool) -> Status {
        let mut told = self.running().told.lock().await;
        let found = async {
            let mut looked_at = 0;
            loop {
                let fresh = &told.statuses[looked_at..];
                if let Some((_, status)) = fresh.iter().find(|(id, status)| *id == account && wanted(status)) {
                    return status.clone();
                }
                looked_at = told.statuses.len();
                match told.feed.recv().await {
                    Ok(event) => told.note(event),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => panic!("the server ended"),
                }
            }
        };
        let found = timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("never told of account {account}: {:?}", self.stored_status(account)))
    }

    /// What the database says about the account's connection.
    pub(crate) fn status(&self, shop: &Shop) -> Option<Status> {
        self.stored_status(shop.id)
    }

    fn stored_status(&self, account: AccountId) -> Option<Status> {
        let scope = self.scope;
        self.read(move |conn| account_states::find(conn, &scope, account))
    }

    /// Waits until the database says that the account is in this state for this reason.
    pub(crate) async fn becomes(&self, shop: &Shop, state: State, reason: Reason) -> Status {
        let what = format!("{} is {} ({})", shop.name, state.as_str(), reason.as_str());
        self.eventually(&what, || self.status(shop).filter(|status| (status.state, status.reason) == (state, reason)))
            .await
    }

    /// Waits until the database says that the account is connected.
    pub(crate) async fn connects(&self, id: i64) {
        self.eventually("the account is connected", || {
            self.stored_status(AccountId(id)).filter(|status| status.state == State::Connected)
        })
        .await;
    }

    /// Looks again and again until `found` finds something.
    pub(crate) async fn eventually<T>(&self, what: &str, found: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(value) = found() {
                return value;
            }
            // No event tells of a commit.
            let pause = timeout_at(deadline, tokio::time::sleep(LOOK)).await;
            assert!(pause.is_ok(), "waited in vain until {what}");
        }
    }

    /// The stored messages of a conversation, oldest first.
    pub(crate) fn messages(&self, shop: &Shop, conversation: &ConversationId) -> Vec<StoredMessage> {
        let (scope, account, conversation) = (self.scope, shop.id, conversation.clone());
        let mut rows = self.read(move |conn| chat_messages::list(conn, &scope, account, &conversation, 10_000));
        rows.reverse();
        rows
    }

    /// The stored sends into a conversation, oldest first.
    pub(crate) fn sends(&self, shop: &Shop, conversation: &ConversationId) -> Vec<Entry> {
        let filter = Filter { account: Some(shop.id), conversation: Some(conversation.clone()), ..Filter::default() };
        self.list_sends(filter)
    }

    /// All stored sends of an account, oldest first.
    pub(crate) fn all_sends(&self, shop: &Shop) -> Vec<Entry> {
        self.list_sends(Filter { account: Some(shop.id), ..Filter::default() })
    }

    fn list_sends(&self, filter: Filter) -> Vec<Entry> {
        let scope = self.scope;
        let (mut rows, _) = self.read(move |conn| outbox::page(conn, &scope, &filter, Page::first(100_000)));
        rows.reverse();
        rows
    }

    /// Waits until this message is stored and decided.
    pub(crate) async fn decided(&self, shop: &Shop, said: &Said) -> StoredMessage {
        let found = || {
            let rows = self.messages(shop, &said.conversation);
            rows.into_iter().find(|row| row.message == said.message && row.decision.is_some())
        };
        self.eventually("the message is decided", found).await
    }

    /// Waits until nothing of the account is undecided and nothing is on its way to a buyer.
    pub(crate) async fn settled(&self, shop: &Shop) {
        let account = shop.id;
        let open = move |conn: &mut DbConn| {
            Ok(chat_messages::undecided(conn, account)?.len() + outbox::unsettled(conn, account)?.len())
        };
        self.eventually("everything is settled", || (self.read(open) == 0).then_some(())).await;
    }

    /// Waits until so many sends into the conversation are made, and everything of the account is settled.
    pub(crate) async fn settled_after(&self, shop: &Shop, conversation: &ConversationId, sends: usize) {
        let made = || (self.sends(shop, conversation).len() >= sends).then_some(());
        self.eventually("the sends are made", made).await;
        self.settled(shop).await;
    }

    /// Waits for what the buyer of this conversation sees until everything is settled, and checks that it is this, in this order.
    pub(crate) async fn sees(&self, shop: &Shop, conversation: &ConversationId, texts: &[&str]) {
        shop.await_delivered(conversation, texts.len(), PATIENCE).await;
        self.settled(shop).await;
        assert_eq!(shop.seen(conversation), texts);
    }

    /// [`TestApp::sees`], with every send confirmed in the database.
    pub(crate) async fn answers(&self, shop: &Shop, conversation: &ConversationId, texts: &[&str]) {
        self.sees(shop, conversation, texts).await;
        let states: Vec<_> = self.sends(shop, conversation).iter().map(|send| send.state.as_str()).collect();
        assert_eq!(states, vec!["confirmed"; texts.len()]);
    }

    /// Waits until the message is decided, and checks that it is left without an answer for this reason.
    pub(crate) async fn is_silent(&self, shop: &Shop, said: &Said, reason: &str) -> StoredMessage {
        let row = self.decided(shop, said).await;
        assert_eq!((row.decision.as_deref(), row.reason.as_deref()), (Some("silent"), Some(reason)), "{}", row.text);
        row
    }
}

impl Told {
    fn note(&mut self, event: FeedEvent) {
        match event {
            FeedEvent::Status { account, status } => self.statuses.push((account, status)),
            FeedEvent::Decided(_)
            | FeedEvent::Send(_)
            | FeedEvent::Order(_)
            | FeedEvent::Stored(_)
            | FeedEvent::Paused { .. } => {}
        }
    }
}

impl Shop {
    /// What the buyer saw in a conversation: texts, and addresses of pictures.
    pub(crate) fn seen(&self, conversation: &ConversationId) -> Vec<String> {
        self.received(conversation).iter().map(|delivery| delivery.text().to_owned()).collect()
    }
}

impl Drop for TestApp {
    /// Also where a test failed: nothing of it may disturb the others.
    fn drop(&mut self) {
        if let Some(Running { stop, thread, .. }) = self.running.take() {
            drop(stop);
            // A panic in it was printed.
            let _ = thread.join();
        }
        if let Some(sim) = self.sim.take() {
            // As above.
            let _ = thread::spawn(move || actix_web::rt::System::new().block_on(sim.stop())).join();
        }
    }
}

/// Whether this test has the process, and so the log, for itself. Where not, it has run and passed in a process of its own.
pub(crate) fn alone() -> bool {
    const ALONE: &str = "YUTANG_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let name = thread::current().name().unwrap().to_owned();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let ended = command.args(["--exact", &name]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{name}: {said}");
    false
}

/// Two accounts of one seller on a server that runs and answers each message with its words.
pub(crate) async fn two_shops() -> (TestApp, Shop, Shop) {
    let mut app = TestApp::new();
    let (shop, second) = (app.open("shop"), app.open("second"));
    app.rule(echo());
    app.start().await;
    (app, shop, second)
}

/// A shop whose buyer `buyer` was answered about `item`, and that conversation.
pub(crate) async fn answered_shop(buyer: &str, item: &str) -> (TestApp, Shop, ConversationId) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let said = shop.buyer_says(buyer, item, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    (app, shop, said.conversation)
}

/// An account for which the platform wanted a person, who has done what it wanted.
pub(crate) async fn verified_shop() -> (TestApp, Shop) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.platform().change_faults(|faults| faults.gateway = Gateway::Punish);
    app.start_unconnected();
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    app.platform().heal();
    (app, shop)
}

/// The conversations that a person has to themselves now.
pub(crate) fn paused(app: &TestApp) -> Vec<ConversationRow> {
    let scope = app.scope();
    app.read(move |conn| conversations::list_paused_for_person(conn, &scope, clock::unix()))
}

/// The address of the next challenge that the platform makes.
pub(crate) async fn demanded(events: &mut UnboundedReceiver<SimEvent>) -> String {
    loop {
        if let SimEvent::PersonDemanded { url, .. } = events.recv().await.unwrap() {
            return url;
        }
    }
}
