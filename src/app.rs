//! The composition root: makes everything in one order, runs it, and takes it down again.
//!
//! The order of a start, where a step that fails names itself and the fix:
//!
//! 1. *settings* – read and checked by the caller ([`Settings::load`]); all texts are UTF-8;
//! 2. *folder* – `data_dir` is made and locked, so that no second server works on it; log files are written there from now on;
//! 3. *old database* – one at a former default place is moved into `data_dir`, once;
//! 4. *database* – the key is read or made, a copy is put aside where a migration is due, the migrations run;
//! 5. *listener* – the HTTP address is taken;
//! 6. *first administrator* – where there is none, one is made from `setup.admin_password_file`, or a link to make one is printed;
//! 7. *registry* – shards start, rules and settings are read and compiled, then accounts connect at the set pace, each after its last
//!    conversations and their items were read; what another conversation needs is read when somebody writes in it.

use std::{
    fs,
    future::poll_fn,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    pin::pin,
    rc::Rc,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use actix::prelude::*;
use actix_web::{
    HttpServer,
    dev::{Server, ServerHandle},
    web::Data,
};
use anyhow::{Context as _, anyhow};
use log::{error, info, warn};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    account::{
        actor::{Config as AccountConfig, Env, ItemsConfig, Limits, Neighbours},
        backoff::BackoffConfig,
        facts::Pace,
        login::actor::{self as login, LoginActor},
        messages::{Ping, ShutDown},
        registry::{self, AccountRegistry, Shard, ToRegistry},
    },
    ai::{
        actor::AiActor,
        client::{AiClient, Providers},
        guard,
    },
    cache::Figures,
    captcha::{
        actor::{self as captcha, ChallengeActor},
        hosts::Hosts,
        messages::End as EndChallenges,
    },
    delivery::actor::DeliveryActor,
    hook::actor::HookActor,
    inbox::{
        actor::{self as inbox, InboxActor},
        gap::GapConfig,
        messages::ListenForTakeovers,
    },
    item::agenda as items,
    maintenance::{
        actor::{self as maintenance, MaintenanceActor},
        backup::actor::{self as backup, BackupActor},
    },
    notify::{
        actor::{self as notify, NotifyActor, Ways},
        messages::End as EndNotices,
    },
    order::{actor::OrderActor, agenda as orders, messages::ReadBy},
    outbox::{
        actor::{Config as OutboxConfig, OutboxActor},
        ledger,
        messages::{ListenForDeliveries, ListenForReleases},
        rate::RateConfig,
    },
    outgoing::client::{self as outgoing, OutgoingClient},
    platform::{
        challenge, lwp::session, mtop::client as gateway, passport::client as passport, upload::client as upload,
    },
    reply::actor::{self as reply, ReplyActor},
    settings::Settings,
    store::{Keys, Store, lock::ServerLock},
    telemetry::{
        clock,
        feed::{Feed, FeedEvent},
        health::{self, HealthMonitor},
        logging::{self, FilesGuard},
        metrics::Metrics,
        modules::Modules,
    },
    web::{self, AppState, Engine, RegistryAddress, letters, probe::Probe, setup},
};

/// Where the database was before `data_dir` existed.
const FORMER_DATABASE: &str = "yutang.db";

/// How often the registry is asked whether it lives, and how long it may take.
const REGISTRY_PING: Duration = Duration::from_secs(5);

/// So many registries in a row that did not live are no bad luck: the process ends, and its supervisor starts it anew.
const REGISTRIES: u32 = 5;

/// How soon a change made by another process is noticed.
const POLL: Duration = Duration::from_millis(500);

/// What a copy of the database leaves free on the disk: without so much nothing can be relied on.
pub(crate) const SPARE: u64 = 100 << 20;

/// Semaphores count up to this; enough to mean "no limit".
const UNLIMITED: usize = Semaphore::MAX_PERMITS >> 1;

/// A server that has everything but accounts running.
pub struct App {
    settings: Settings,
    store: Store,
    feed: Feed,
    metrics: Metrics,
    /// Of the AI: one that fails for one thread fails for all.
    providers: Providers,
    listener: TcpListener,
    registry: Arc<OnceLock<RegistryAddress>>,
    // Fields are dropped in this order: the last lines are written while the folder is still ours.
    _log_files: Option<FilesGuard>,
    lock: ServerLock,
}

impl App {
    /// Steps 2 to 5 of the start. Blocks while the database is migrated.
    pub fn build(settings: Settings) -> anyhow::Result<Self> {
        let step = |number: u8, name: &str| format!("start-up step {number} ({name}) failed");
        fs::create_dir_all(&settings.data_dir)
            .with_context(|| format!("cannot make {}: create it, or set data_dir", settings.data_dir.display()))
            .with_context(|| step(2, "folder"))?;
        let lock = ServerLock::acquire(&settings.data_dir, &settings.store()).with_context(|| step(2, "folder"))?;
        let log_files = logging::write_files(&settings.log, &settings.data_dir)
            .context("cannot start the thread that writes log files: set log.files = false to do without")
            .with_context(|| step(2, "folder"))?;
        adopt_former_database(Path::new(FORMER_DATABASE), &settings).with_context(|| step(3, "old database"))?;
        let store = open_store(&settings).with_context(|| step(4, "database"))?;
        let listener = TcpListener::bind(settings.server.listen)
            .with_context(|| format!("cannot listen on {}: free it, or set server.listen", settings.server.listen))
            .with_context(|| step(5, "listener"))?;
        let metrics = Metrics::default();
        metrics.show(store.timings());
        // Here it may take its time; a shard's thread would be held up by it.
        guard::prepare();
        let (feed, registry) = (Feed::default(), Arc::default());
        let watched = feed.clone();
        store.watch_orders(move |change| watched.tell(|| FeedEvent::Order(Box::new(change))));
        let providers = Providers::new(settings.ai.shares(), settings.ai.breaker());
        Ok(Self { settings, store, feed, metrics, providers, listener, registry, _log_files: log_files, lock })
    }

    /// Where HTTP is answered; with port 0 in the settings, the port the system chose.
    pub fn addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// What happens, as it happens.
    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// Where the registry is, once the server runs.
    pub fn registry(&self) -> Arc<OnceLock<RegistryAddress>> {
        Arc::clone(&self.registry)
    }

    /// Steps 6 and 7 of the start; then serves until `stop` resolves, and shuts down within `server.shutdown`. An error where the
    /// process cannot go on and must be started anew.
    pub async fn run_until_stopped(mut self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let address = self.addr()?;
        let health = HealthMonitor::new(health_limits(&self.settings), clock::now());
        let registry = Supervised::start(&self.settings, &self.store, &self.feed, &self.metrics, &self.providers);
        self.registry.get_or_init(|| registry.address());
        let challenges = Arbiter::new();
        let state = Data::new(self.state(&registry, &health, &challenges.handle()));
        if let Err(error) = setup::prepare(&state, address).await {
            // What has started already ends in good order.
            let _ = timeout(self.settings.server.shutdown, registry.current().send(ShutDown)).await;
            registry.retire_shards();
            return Err(error.context("start-up step 6 (first administrator) failed"));
        }
        let mut probe = Probe::new(&state, self.settings.data_dir.clone());
        let server = serve_http(self.listener, state.clone()).context("start-up step 5 (listener) failed")?;
        let handle = server.handle();
        actix::spawn(server);
        let mut stop = pin!(stop);
        // Looked at before anybody hears of the address: from then on a signal is heard, and does not just end the process.
        let stopped = poll_fn(|cx| Poll::Ready(stop.as_mut().poll(cx).is_ready())).await;
        // Whoever hears of the address finds that health is known.
        let mut outcome = probe.look().await;
        state.look_for_modules().await;
        info!("listening on http://{address}");
        if !stopped && outcome.is_ok() {
            outcome = tokio::select! {
                () = stop => Ok(()),
                hopeless = registry.supervise() => Err(hopeless),
                hopeless = probe.run() => Err(hopeless),
                taken = self.lock.lost() => Err(taken.into()),
                () = state.watch_users(POLL) => Ok(()),
                () = state.write_letters() => Ok(()),
                () = state.watch_modules() => Ok(()),
            };
        }
        if let Err(hopeless) = &outcome {
            health.give_up();
            error!(class = "system"; "this process cannot mend itself and ends: {hopeless}");
        }
        info!("shutting down");
        // Gone already or not: it does nothing more.
        state.maintenance.do_send(maintenance::End);
        state.backups.do_send(backup::End);
        state.notify.do_send(EndNotices);
        state.live.end();
        // The browser needs nothing of what ends after it.
        let _ = timeout(self.settings.server.shutdown, state.challenges.send(EndChallenges)).await;
        challenges.stop();
        shut_down(&handle, &registry, self.settings.server.shutdown).await;
        registry.retire_shards();
        outcome
    }

    /// Challenges have a thread of their own: pictures are large, and nobody else waits for them.
    fn state(&self, registry: &Supervised, health: &HealthMonitor, challenges: &ArbiterHandle) -> AppState {
        let maintenance = MaintenanceActor::new(self.store.clone(), maintenance_config(&self.settings)).start();
        let notify = NotifyActor::new(&self.store, notify_config(&self.settings), self.needs(registry, health)).start();
        let engine = Engine {
            registry: registry.address(),
            maintenance,
            backups: BackupActor::new(self.store.clone(), backup_config(&self.settings)).start(),
            notify,
            logins: LoginActor::new(self.login_needs(registry)).start(),
            challenges: self.challenges(registry, challenges),
            modules: Modules::default(),
            providers: self.providers.clone(),
        };
        AppState::new(
            &self.settings,
            self.store.clone(),
            engine,
            self.feed.clone(),
            health.clone(),
            self.metrics.clone(),
        )
    }

    fn login_needs(&self, registry: &Supervised) -> login::Needs {
        let registry = registry.address();
        login::Needs {
            store: self.store.for_people(),
            config: Rc::new(account_config(&self.settings)),
            at_once: NonZeroUsize::new(self.settings.accounts.logins_at_once).unwrap_or(NonZeroUsize::MIN),
            registry: Rc::new(move || registry.get().recipient()),
        }
    }

    fn challenges(&self, registry: &Supervised, arbiter: &ArbiterHandle) -> Addr<ChallengeActor> {
        let (store, config, registry) = (self.store.for_people(), captcha_config(&self.settings), registry.address());
        ChallengeActor::start_in_arbiter(arbiter, move |_| {
            ChallengeActor::new(store, config, Box::new(move || registry.get().recipient()))
        })
    }

    fn needs(&self, registry: &Supervised, health: &HealthMonitor) -> notify::Needs {
        let (store, registry) = (self.store.for_people(), registry.address());
        notify::Needs {
            health: health.clone(),
            mail: Rc::new(move || Box::pin(letters::mail_server(store.clone()))),
            registry: Rc::new(move || {
                let registry = registry.get();
                Ways {
                    overview: registry.clone().recipient(),
                    snapshot: registry.clone().recipient(),
                    restart: registry.recipient(),
                }
            }),
        }
    }
}

/// Between two messages to one channel: services count what comes in a minute.
const REST: Duration = Duration::from_secs(1);

/// Messages to all channels on their way at the same time.
const LETTERS: usize = 16;

fn notify_config(settings: &Settings) -> notify::Config {
    let public_url = settings.server.public_url.trim_end_matches('/');
    notify::Config {
        poll: settings.notify.poll,
        down_after: settings.notify.down_after,
        unanswered_after: settings.notify.unanswered_after,
        timeout: settings.notify.timeout,
        attempts: i64::from(settings.notify.attempts),
        at_once: LETTERS,
        rest: REST,
        blip: Duration::from_mins(1),
        dead_after: settings.platform.dead_after,
        // Where it is not set, links would lead to this machine: of no use on a phone.
        public_url: (!public_url.is_empty()).then(|| public_url.to_owned()),
        outgoing: settings.outgoing(),
    }
}

/// Opens the database as a server does, migrations included: for the command line too.
pub(crate) fn open_store(settings: &Settings) -> anyhow::Result<Store> {
    let text = Some(settings.secrets.key.as_str()).filter(|key| !key.is_empty());
    let keys = Keys::load(text, &settings.key_file()).context("cannot use the key for secrets")?;
    Ok(Store::open(&settings.store(), keys)?)
}

/// Moves a database with its side files, where the new place is still empty and the URL is the default.
fn adopt_former_database(former: &Path, settings: &Settings) -> anyhow::Result<()> {
    let place = settings.data_dir.join("yutang.db");
    if !settings.database.url.is_empty() || place.exists() || !former.is_file() {
        return Ok(());
    }
    for suffix in ["-wal", "-shm", ""] {
        let from =
            former.with_file_name(format!("{}{suffix}", former.file_name().unwrap_or_default().to_string_lossy()));
        if from.exists() {
            let to = settings.data_dir.join(format!("yutang.db{suffix}"));
            fs::rename(&from, &to).with_context(|| format!("cannot move {} to {}", from.display(), to.display()))?;
        }
    }
    info!("the database {} was moved to {}", former.display(), place.display());
    Ok(())
}

fn serve_http(listener: TcpListener, state: Data<AppState>) -> std::io::Result<Server> {
    let patience = state.settings.server.client_timeout;
    let server = HttpServer::new(move || web::application(state.clone()));
    let server = server.client_request_timeout(patience).client_disconnect_timeout(patience);
    #[cfg(target_os = "linux")]
    let server = server.on_connect(move |line, _| give_up_after(3 * patience, line));
    Ok(server.workers(1).disable_signals().shutdown_timeout(2).listen(listener)?.run())
}

/// A client that takes nothing for so long is cut off by the operating system. Nobody else could: what is being sent to it is not asked
/// for more meanwhile, and so neither notices nor is told that it should end.
#[cfg(target_os = "linux")]
fn give_up_after(patience: Duration, line: &dyn std::any::Any) {
    let Some(line) = line.downcast_ref::<actix_web::rt::net::TcpStream>() else { return };
    let ms = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(line, ms) {
        warn!(class = "network"; "a client that takes nothing cannot be cut off: {error}");
    }
}

async fn shut_down(http: &ServerHandle, registry: &Supervised, deadline: Duration) {
    let closing = async {
        http.stop(true).await;
        if let Err(error) = registry.current().send(ShutDown).await {
            warn!(class = "system"; "the registry ended before the shutdown: {error}");
        }
    };
    if timeout(deadline, closing).await.is_err() {
        warn!(class = "system"; "not everything settled within {} s; what is in doubt is settled at the next start", deadline.as_secs());
    }
}

/// The registry, replaced when it dies.
struct Supervised {
    make: Box<dyn Fn() -> Addr<AccountRegistry>>,
    address: RegistryAddress,
    shards: Shards,
}

/// The shards of all registries there were: those of a dead one must not go on.
type Shards = Arc<Mutex<Vec<(ArbiterHandle, Arc<AtomicBool>)>>>;

impl Supervised {
    fn start(settings: &Settings, store: &Store, feed: &Feed, metrics: &Metrics, providers: &Providers) -> Self {
        let shards = Shards::default();
        let make = registry_maker(settings, store, feed, metrics, providers, &shards);
        let address = RegistryAddress::new(make());
        Self { make, address, shards }
    }

    fn address(&self) -> RegistryAddress {
        self.address.clone()
    }

    fn current(&self) -> Addr<AccountRegistry> {
        self.address.get()
    }

    /// Replaces a registry that died. Returns why that is of no use any more.
    async fn supervise(&self) -> anyhow::Error {
        let mut dead = 0;
        loop {
            tokio::time::sleep(REGISTRY_PING).await;
            let alive = timeout(REGISTRY_PING, self.current().send(Ping)).await;
            if matches!(alive, Ok(Ok(_))) {
                dead = 0;
                continue;
            }
            dead += 1;
            if dead > REGISTRIES {
                return anyhow!("{REGISTRIES} registries in a row did not live");
            }
            error!(class = "system"; "the registry is dead or silent and is replaced");
            self.retire_shards();
            self.address.set((self.make)());
        }
    }

    fn retire_shards(&self) {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        for (arbiter, retired) in shards.drain(..) {
            retired.store(true, Ordering::Relaxed);
            arbiter.stop();
        }
    }
}

fn registry_maker(
    settings: &Settings,
    store: &Store,
    feed: &Feed,
    metrics: &Metrics,
    providers: &Providers,
    shards: &Shards,
) -> Box<dyn Fn() -> Addr<AccountRegistry>> {
    let (config, settings) = (registry_config(settings), settings.clone());
    let (store, feed, metrics, shards) = (store.clone(), feed.clone(), metrics.clone(), Arc::clone(shards));
    let providers = providers.clone();
    // One of each kind for all shards.
    let names = ["messages", "conversations", "buyers", "sellers", "rules", "echoes"];
    let [messages, conversations, buyers, sellers, rules, echoes] = names.map(|cache| {
        let figures = Figures::new(cache);
        metrics.show(figures.collectors());
        figures
    });
    let caches = reply::Caches { conversations, buyers, sellers, rules };
    Box::new(move || {
        let parts = ShardParts {
            store: store.clone(),
            feed: feed.clone(),
            metrics: metrics.clone(),
            account: Arc::new(account_config(&settings)),
            outbox: outbox_config(&settings),
            reply: reply_config(&settings, &caches),
            messages: messages.clone(),
            echoes: echoes.clone(),
            limits: limits(&settings),
            outgoing: settings.outgoing(),
            providers: providers.clone(),
            orders: orders_config(&settings),
        };
        let shards = Arc::clone(&shards);
        let make_shard = Box::new(move |_: usize, to: ToRegistry| {
            let (shard, retired) = parts.start(to);
            shards.lock().unwrap_or_else(PoisonError::into_inner).push((shard.arbiter.clone(), retired));
            shard
        });
        AccountRegistry::new(config, store.clone(), feed.clone(), make_shard).start()
    })
}

/// What a shard is made of.
struct ShardParts {
    store: Store,
    feed: Feed,
    metrics: Metrics,
    account: Arc<AccountConfig>,
    outbox: OutboxConfig,
    reply: reply::Config,
    messages: Figures,
    echoes: Figures,
    limits: Limits,
    outgoing: outgoing::Config,
    providers: Providers,
    orders: orders::Config,
}

impl ShardParts {
    /// Starts a shard's thread and actors, the end of the walk first.
    fn start(&self, to: ToRegistry) -> (Shard, Arc<AtomicBool>) {
        let arbiter = Arbiter::new().handle();
        let (backlog, retired) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let outbox = {
            let (store, config, feed, metrics) =
                (self.store.clone(), self.outbox, self.feed.clone(), self.metrics.clone());
            let (backlog, retired, echoes) = (Arc::clone(&backlog), Arc::clone(&retired), self.echoes.clone());
            OutboxActor::start_in_arbiter(&arbiter, move |_| {
                OutboxActor::new(store, config, feed, metrics, echoes, backlog, retired)
            })
        };
        // Clients belong to their thread.
        let hook = {
            let outgoing = self.outgoing.clone();
            HookActor::start_in_arbiter(&arbiter, move |_| HookActor::new(OutgoingClient::new(&outgoing)))
        };
        let ai = {
            let (store, outgoing, providers) = (self.store.clone(), self.outgoing.clone(), self.providers.clone());
            AiActor::start_in_arbiter(&arbiter, move |_| {
                AiActor::new(store, AiClient::new(OutgoingClient::new(&outgoing), providers))
            })
        };
        let reply = {
            let (store, config, backlog) = (self.store.clone(), self.reply.clone(), Arc::clone(&backlog));
            let neighbours = reply::Neighbours {
                outbox: outbox.clone().recipient(),
                hook: hook.clone().recipient(),
                ai: ai.clone().recipient(),
            };
            ReplyActor::start_in_arbiter(&arbiter, move |_| ReplyActor::new(store, config, neighbours, backlog))
        };
        // A shard whose outbox is dead already is replaced at the next ping.
        outbox.do_send(ListenForReleases(reply.clone().recipient()));
        outbox.do_send(ListenForTakeovers(reply.clone().recipient()));
        let delivery = {
            let (store, retired, config) = (self.store.clone(), Arc::clone(&retired), self.orders);
            let (outbox, outgoing) = (outbox.clone().recipient(), self.outgoing.clone());
            DeliveryActor::start_in_arbiter(&arbiter, move |_| {
                DeliveryActor::new(store, config, outbox, OutgoingClient::new(&outgoing), retired)
            })
        };
        let orders = {
            let (store, retired, config) = (self.store.clone(), Arc::clone(&retired), self.orders);
            let deliver = delivery.clone().recipient();
            OrderActor::start_in_arbiter(&arbiter, move |_| OrderActor::new(store, config, deliver, retired))
        };
        outbox.do_send(ListenForDeliveries(delivery.clone().recipient()));
        delivery.do_send(ReadBy(orders.clone().recipient()));
        let inbox = {
            let (store, feed, metrics) = (self.store.clone(), self.feed.clone(), self.metrics.clone());
            let (backlog, retired, messages) = (Arc::clone(&backlog), Arc::clone(&retired), self.messages.clone());
            let neighbours = inbox::Neighbours {
                turns: reply.clone().recipient(),
                takeovers: reply.clone().recipient(),
                orders: reply.clone().recipient(),
                to_read: orders.clone().recipient(),
            };
            InboxActor::start_in_arbiter(&arbiter, move |_| {
                InboxActor::new(store, feed, neighbours, metrics, messages, backlog, retired)
            })
        };
        let walk = Walk { inbox, reply, outbox, orders, delivery };
        let env = self.env(&walk, to, &retired);
        let outside =
            vec![hook.recipient(), ai.recipient(), walk.orders.clone().recipient(), walk.delivery.clone().recipient()];
        (walk.into_shard(arbiter, env, outside), retired)
    }

    fn env(&self, walk: &Walk, to: ToRegistry, retired: &Arc<AtomicBool>) -> Env {
        let Walk { inbox, reply, outbox, orders, delivery } = walk;
        Env {
            config: Arc::clone(&self.account),
            store: self.store.clone(),
            metrics: self.metrics.clone(),
            neighbours: Neighbours {
                ingest: inbox.clone().recipient(),
                own_seen: outbox.clone().recipient(),
                answered: outbox.clone().recipient(),
                history_seen: outbox.clone().recipient(),
                item_known: reply.clone().recipient(),
                picture_ready: outbox.clone().recipient(),
                online: vec![
                    outbox.clone().recipient(),
                    reply.clone().recipient(),
                    orders.clone().recipient(),
                    delivery.clone().recipient(),
                ],
                offline: vec![
                    outbox.clone().recipient(),
                    reply.clone().recipient(),
                    orders.clone().recipient(),
                    delivery.clone().recipient(),
                ],
            },
            limits: self.limits.clone(),
            stopped: to.stopped,
            status: to.status,
            retired: Arc::clone(retired),
        }
    }
}

/// A shard's actors through which messages and orders go.
struct Walk {
    inbox: Addr<InboxActor>,
    reply: Addr<ReplyActor>,
    outbox: Addr<OutboxActor>,
    orders: Addr<OrderActor>,
    delivery: Addr<DeliveryActor>,
}

impl Walk {
    fn into_shard(self, arbiter: ArbiterHandle, env: Env, outside: Vec<Recipient<Ping>>) -> Shard {
        let Self { inbox, reply, outbox, orders, delivery } = self;
        Shard {
            arbiter,
            env,
            adopt: vec![
                outbox.clone().recipient(),
                delivery.clone().recipient(),
                orders.clone().recipient(),
                reply.clone().recipient(),
                inbox.clone().recipient(),
            ],
            drop_account: vec![
                inbox.clone().recipient(),
                reply.clone().recipient(),
                orders.clone().recipient(),
                delivery.clone().recipient(),
                outbox.clone().recipient(),
            ],
            ping: [inbox.clone().recipient(), reply.clone().recipient(), outbox.clone().recipient()],
            outside,
            amend: vec![
                inbox.clone().recipient(),
                outbox.clone().recipient(),
                orders.clone().recipient(),
                delivery.clone().recipient(),
            ],
            by_person: outbox.clone().recipient(),
            acts: outbox.clone().recipient(),
            read_order: orders.recipient(),
            deliveries: delivery.recipient(),
            flush: inbox.recipient(),
            rules: reply.clone().recipient(),
            pauses: reply.clone().recipient(),
            buyers: reply.recipient(),
            switches: outbox.clone().recipient(),
            settle: outbox.recipient(),
        }
    }
}

fn orders_config(settings: &Settings) -> orders::Config {
    let orders = &settings.orders;
    orders::Config {
        compare_every: orders.compare_every,
        fresh: orders.fresh,
        calls_per_minute: orders.calls_per_minute,
    }
}

fn limits(settings: &Settings) -> Limits {
    let sockets = match settings.accounts.open_sockets {
        0 => UNLIMITED,
        cap => cap,
    };
    Limits {
        connecting: Arc::new(Semaphore::new(settings.accounts.connecting)),
        sockets: Arc::new(Semaphore::new(sockets)),
    }
}

fn health_limits(settings: &Settings) -> health::Limits {
    let health = &settings.health;
    health::Limits {
        // Both are at most 100.
        cpu_percent: health.cpu_percent as f32,
        memory_percent: health.memory_percent as f32,
        disk_free_bytes: health.disk_free_mib.saturating_mul(1 << 20),
        backlog: health.backlog,
        backlog_window: health.backlog_window,
        refuse: health.refuse.clone(),
    }
}

fn registry_config(settings: &Settings) -> registry::Config {
    registry::Config {
        shards: settings.shards(),
        pace: Pace {
            debounce: settings.inbox.debounce,
            longest_wait: settings.inbox.longest_wait,
            takeover_pause: settings.inbox.takeover_pause,
        },
        poll: POLL,
        starts_per_second: settings.accounts.pace,
        ping_every: Duration::from_secs(5),
        ping_wait: Duration::from_secs(5),
        backoff: backoff(settings),
        settle_wait: settings.server.shutdown / 2,
    }
}

fn backoff(settings: &Settings) -> BackoffConfig {
    BackoffConfig {
        first: settings.accounts.backoff_first,
        max: settings.accounts.backoff_max,
        slow: settings.accounts.backoff_slow,
        exhausted_after: settings.accounts.retries,
        ..BackoffConfig::default()
    }
}

fn account_config(settings: &Settings) -> AccountConfig {
    let platform = &settings.platform;
    AccountConfig {
        im_url: platform.im_url.clone(),
        user_agent: platform.user_agent.clone(),
        connect_wait: platform.connect_wait,
        session: session::Config {
            heartbeat: platform.heartbeat,
            dead_after: platform.dead_after,
            register_wait: platform.register_wait,
            request_wait: platform.request_wait,
            stall_after: platform.stall_after,
            stall_grace: Duration::from_secs(5),
        },
        gateway: gateway::Config {
            url: platform.gateway_url.clone(),
            user_agent: platform.user_agent.clone(),
            timeout: platform.gateway_wait,
        },
        upload: upload::Config {
            url: platform.upload_url.clone(),
            user_agent: platform.user_agent.clone(),
            timeout: platform.upload_wait,
        },
        passport: passport::Config {
            url: platform.passport_url.clone(),
            user_agent: platform.user_agent.clone(),
            timeout: platform.gateway_wait,
        },
        allow: settings.outgoing.allow.clone(),
        items: items_config(settings),
        token_budget: settings.accounts.token_budget,
        challenge_life: settings.captcha.life,
        backoff: backoff(settings),
        gap: GapConfig { overlap: settings.inbox.gap_overlap, ..GapConfig::default() },
        gap_retry: Duration::from_secs(30),
        unstored: 10_000,
    }
}

fn items_config(settings: &Settings) -> ItemsConfig {
    let items = &settings.items;
    ItemsConfig {
        agenda: items::Config {
            sync_every: items.sync_every,
            retry_after: items.retry_after,
            polish_from: items.polish_from,
            polish_span: items.polish_span,
        },
        calls_per_minute: items.calls_per_minute,
    }
}

fn captcha_config(settings: &Settings) -> captcha::Config {
    let (captcha, platform) = (&settings.captcha, &settings.platform);
    let urls = [&platform.gateway_url, &platform.passport_url, &platform.im_url].map(String::as_str);
    captcha::Config {
        chromium: from_anywhere(&captcha.chromium),
        folder: from_anywhere(&settings.data_dir.join("browser")),
        hosts: Hosts::new(&challenge::DOMAINS, &urls),
        at_once: captcha.at_once,
        memory: captcha.memory_mb.saturating_mul(1 << 20),
    }
}

/// The browser works in no folder of ours. An empty path stays empty.
fn from_anywhere(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn maintenance_config(settings: &Settings) -> maintenance::Config {
    // Clocks may differ by a minute.
    let overlap = settings.inbox.gap_overlap + Duration::from_mins(1);
    maintenance::Config { at: settings.maintenance.at, overlap }
}

fn backup_config(settings: &Settings) -> backup::Config {
    backup::Config {
        database: settings.store(),
        folder: settings.backup_folder(),
        keep: settings.backup.keep,
        at: settings.backup.at,
        spare: SPARE,
    }
}

fn reply_config(settings: &Settings, caches: &reply::Caches) -> reply::Config {
    // Checked to be at least 1.
    let capacity = |entries| NonZeroUsize::new(entries).unwrap_or(NonZeroUsize::MIN);
    reply::Config {
        age_limit: settings.inbox.age_limit,
        account_work: settings.reply.account_work,
        conversations: capacity(settings.reply.conversations),
        items: capacity(settings.reply.items),
        caches: caches.clone(),
    }
}

fn outbox_config(settings: &Settings) -> OutboxConfig {
    OutboxConfig {
        ledger: ledger::Config {
            expire_after: settings.outbox.expire_after,
            answer_wait: settings.outbox.answer_wait,
            attempts: i32::try_from(settings.outbox.attempts).unwrap_or(i32::MAX),
            retry_after: Duration::from_secs(1),
            history_tries: 3,
        },
        rate: RateConfig { per_second: f64::from(settings.outbox.rate), burst: settings.outbox.burst },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{telemetry::health::PartState, testbed::Bed};

    fn registry(store: Store) -> AccountRegistry {
        let config = registry::Config { shards: 0, ..registry_config(&Settings::default()) };
        AccountRegistry::new(config, store, Feed::default(), Box::new(|_, _| unreachable!("there are no shards")))
    }

    #[actix::test]
    async fn a_dead_registry_is_replaced_and_the_shards_it_left_are_retired() {
        let bed = Bed::paused();
        let (store, again) = (bed.store.clone(), bed.store.clone());
        let arbiter = Arbiter::new();
        let dead = AccountRegistry::start_in_arbiter(&arbiter.handle(), move |_| registry(store));
        let left = (arbiter.handle(), Arc::new(AtomicBool::new(false)));
        arbiter.stop();
        arbiter.join().unwrap();
        let retired = Arc::clone(&left.1);
        let supervised = Supervised {
            make: Box::new(move || registry(again.clone()).start()),
            address: RegistryAddress::new(dead),
            shards: Arc::new(Mutex::new(vec![left])),
        };
        assert!(supervised.current().send(Ping).await.is_err());
        assert!(timeout(3 * REGISTRY_PING, supervised.supervise()).await.is_err(), "this one lives");
        assert!(retired.load(Ordering::Relaxed));
        assert!(supervised.current().send(Ping).await.is_ok());
    }

    fn supervised(make: impl Fn() -> Addr<AccountRegistry> + 'static) -> Supervised {
        let address = RegistryAddress::new(make());
        Supervised { make: Box::new(make), address, shards: Shards::default() }
    }

    #[actix::test]
    async fn a_process_whose_registries_do_not_live_gives_up() {
        let bed = Bed::paused();
        let store = bed.store.clone();
        let supervised = supervised(move || {
            let (arbiter, store) = (Arbiter::new(), store.clone());
            let born_dead = AccountRegistry::start_in_arbiter(&arbiter.handle(), move |_| registry(store));
            arbiter.stop();
            arbiter.join().unwrap();
            born_dead
        });
        let hopeless = timeout(20 * REGISTRY_PING, supervised.supervise()).await.unwrap();
        assert!(hopeless.to_string().contains("registries"), "{hopeless}");
    }

    fn app(folder: &tempfile::TempDir) -> App {
        let mut settings = Settings { data_dir: folder.path().join("data"), ..Settings::default() };
        settings.server.listen = ([127, 0, 0, 1], 0).into();
        App::build(settings).unwrap()
    }

    /// A supervisor that restarts what ends with an error has something to go by.
    #[actix::test]
    async fn a_process_that_lost_its_writer_ends_with_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(&folder);
        let store = app.store();
        store.lose_writer().await;
        let ended = timeout(Duration::from_secs(30), app.run_until_stopped(std::future::pending())).await.unwrap();
        let why = format!("{:#}", ended.unwrap_err());
        assert!(why.contains("the database is shut down"), "{why}");
    }

    /// Waits until the monitor says this of the shards.
    async fn shards_are(health: &HealthMonitor, state: PartState) {
        let said = async {
            while health.report(clock::now()).0.services["shards"] != state {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(timeout(Duration::from_secs(30), said).await.is_ok(), "never {state:?}");
    }

    #[actix::test]
    async fn a_dead_shard_is_unhealthy_until_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(&folder);
        let health = HealthMonitor::new(health_limits(&app.settings), clock::now());
        let registry = Supervised::start(&app.settings, &app.store, &app.feed, &app.metrics, &app.providers);
        let probe = Probe::new(&app.state(&registry, &health, &Arbiter::current()), folder.path().into());
        let watched = async {
            shards_are(&health, PartState::Ok).await;
            registry.shards.lock().unwrap()[0].0.stop();
            shards_are(&health, PartState::Failing).await;
            assert!(health.report(clock::now()).1, "it is a 503");
            shards_are(&health, PartState::Ok).await;
        };
        tokio::select! {
            () = watched => {}
            hopeless = probe.run() => panic!("{hopeless:#}"),
        }
        registry.retire_shards();
    }
}
