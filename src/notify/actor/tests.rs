#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    cell::RefCell,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::{
    account::state::{Reason, State, Status},
    captcha::challenge::State as Over,
    delivery::card::Kind as CardKind,
    ids::{ChallengeId, Timestamp},
    notify::{
        channel::{Config as Channel, Kind},
        event::{Event, Language, Severity},
        notice::Subject,
    },
    store::{
        DbConn, Page, account_states,
        cards::{self, NewCard},
        challenges,
        notices::{Filter, Opening, Row},
        notify_channels::{self, NewChannel, Subscription},
        notify_deliveries::{Delivery, State as DeliveryState},
        units::{self, Duplicates, Sealer},
        users,
    },
    telemetry::health::{Findings, Limits},
    testbed::{Bed, answering, let_run},
};

/// What a service was told: path, delivery, body. It answers with the statuses it was given, then always with 200.
#[derive(Clone, Default)]
struct Service {
    told: Arc<Mutex<Vec<(String, String, Value)>>>,
    statuses: Arc<Mutex<Vec<u16>>>,
}

impl Service {
    fn start(statuses: &[u16]) -> (Self, String) {
        let service = Self { statuses: Arc::new(Mutex::new(statuses.to_vec())), ..Self::default() };
        let data = web::Data::new(service.clone());
        let app = move || App::new().app_data(data.clone()).default_service(web::to(Self::answer));
        let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        rt::spawn(server.run());
        (service, url)
    }

    async fn answer(request: HttpRequest, body: web::Json<Value>, service: web::Data<Self>) -> HttpResponse {
        let uid = request.headers().get("x-yutang-delivery").map(|uid| uid.to_str().unwrap().to_owned());
        service.told.lock().unwrap().push((request.path().to_owned(), uid.unwrap_or_default(), body.0));
        let mut statuses = service.statuses.lock().unwrap();
        let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
        HttpResponse::build(status.try_into().unwrap()).finish()
    }

    fn told(&self) -> Vec<(String, String, Value)> {
        self.told.lock().unwrap().clone()
    }

    fn titles(&self) -> Vec<String> {
        self.told().iter().map(|(_, _, body)| body["title"].as_str().unwrap().to_owned()).collect()
    }
}

fn config() -> Config {
    Config {
        poll: Duration::from_millis(50),
        down_after: Duration::ZERO,
        unanswered_after: Duration::from_mins(10),
        timeout: Duration::from_millis(500),
        attempts: 3,
        at_once: 4,
        rest: Duration::from_millis(1),
        blip: Duration::ZERO,
        dead_after: Duration::from_secs(30),
        public_url: Some("https://shop.example".into()),
        outgoing: outgoing::Config {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            connect_wait: Duration::from_millis(300),
        },
    }
}

fn health() -> HealthMonitor {
    let limits = Limits {
        cpu_percent: 100.0,
        memory_percent: 100.0,
        disk_free_bytes: 1 << 30,
        backlog: 1000,
        backlog_window: Duration::from_mins(5),
        refuse: "database".parse().unwrap(),
    };
    HealthMonitor::new(limits, clock::now())
}

fn needs(health: &HealthMonitor) -> Needs {
    let ways = Ways {
        overview: answering(|_| crate::account::messages::RegistryOverview { shards: 0, accounts: Vec::new() }),
        snapshot: answering(|_| None),
        restart: answering(|_| true),
    };
    Needs {
        health: health.clone(),
        mail: Rc::new(|| Box::pin(async { Ok(None) })),
        registry: Rc::new(move || ways.clone()),
    }
}

fn start(bed: &Bed) -> Addr<NotifyActor> {
    NotifyActor::new(&bed.store, config(), needs(&health())).start()
}

async fn add_channel(bed: &Bed, name: &str, url: &str) -> ChannelId {
    let given = json!({"webhook_url": url});
    let channel = Channel::read(Kind::Webhook, given.as_object().unwrap()).unwrap();
    let new =
        NewChannel { name: name.into(), config: channel, enabled: true, language: Language::Zh, quiet_hours: None };
    let (keys, scope) = (bed.store.keys().clone(), bed.scope());
    bed.write(move |conn| {
        let id = notify_channels::insert(conn, &keys, &scope, &new, clock::unix())?.unwrap();
        let all = notify_channels::subscriptions(conn, &scope)?.into_iter().filter(|known| known.channel != id);
        let own =
            Event::ALL.iter().map(|event| Subscription { channel: id, event: *event, min_severity: Severity::Info });
        let wanted: Vec<_> = all.chain(own).collect();
        notify_channels::set_subscriptions(conn, &scope, &wanted)?.unwrap();
        Ok(id)
    })
    .await
}

fn opening(bed: &Bed, event: Event, key: &str) -> Opening {
    Opening {
        owner: bed.owner,
        account: None,
        buyer: None,
        event,
        severity: event.severity(),
        key: key.into(),
        subject: Subject { what: Some(key.into()), ..Subject::default() },
    }
}

async fn open(bed: &Bed, event: Event, keys: &[&str]) {
    let openings: Vec<_> = keys.iter().map(|key| opening(bed, event, key)).collect();
    bed.write(move |conn| openings.iter().try_for_each(|new| notices::open(conn, new, clock::unix()))).await;
}

async fn deliveries(bed: &Bed) -> Vec<Delivery> {
    let scope = bed.scope();
    bed.write(move |conn| {
        let (rows, _) = notices::page(conn, &scope, &Filter::default(), Page::first(100))?;
        let mut found = Vec::new();
        for row in rows.iter().rev() {
            found.extend(notify_deliveries::list(conn, &scope, row.id)?.into_iter().map(|(delivery, _)| delivery));
        }
        Ok(found)
    })
    .await
}

async fn live(bed: &Bed) -> Vec<Row> {
    bed.write(notices::live).await
}

/// Polls until it is so, and fails after a while.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

#[actix::test]
async fn what_somebody_opened_is_told_with_its_words_and_marked() {
    let bed = Bed::new();
    let (service, url) = Service::start(&[]);
    add_channel(&bed, "hook", &format!("{url}/here")).await;
    open(&bed, Event::DeliveryFailed, &["card:7"]).await;
    let _actor = start(&bed);
    eventually("told", async || !service.told().is_empty()).await;
    let (path, uid, body) = service.told().remove(0);
    assert_eq!((path.as_str(), body["title"].as_str().unwrap()), ("/here", "发货失败：card:7"));
    assert_eq!((body["phase"].as_str(), body["severity"].as_str()), (Some("begin"), Some("critical")));
    assert!(body["link"].as_str().unwrap().starts_with("https://shop.example/app/notices/"));
    eventually("marked", async || deliveries(&bed).await[0].state == DeliveryState::Sent).await;
    assert_eq!(deliveries(&bed).await[0].uid, uid);
}

#[actix::test]
async fn a_service_that_is_down_is_tried_again_under_the_same_id_and_then_the_delivery_is_dead() {
    let bed = Bed::new();
    let (service, url) = Service::start(&[503; 9]);
    let channel = add_channel(&bed, "hook", &url).await;
    open(&bed, Event::StockLow, &["card:7"]).await;
    let actor = start(&bed);
    for attempt in 1..=3 {
        eventually("tried", async || {
            deliveries(&bed).await.first().is_some_and(|delivery| delivery.attempts == attempt)
        })
        .await;
        // Its time comes at once instead of in some seconds.
        let hurry = move |conn: &mut DbConn| {
            let rows = notify_deliveries::waiting(conn, channel, Timestamp::NEVER, 9)?;
            assert!(rows.iter().all(|(delivery, _)| delivery.next_at > clock::unix()), "it waits");
            notify_deliveries::hurry(conn, channel)
        };
        bed.write(hurry).await;
        actor.do_send(Look);
    }
    let dead = deliveries(&bed).await.remove(0);
    assert_eq!((dead.state, dead.error.as_deref()), (DeliveryState::Dead, Some("refused: HTTP 503")));
    let uids: HashSet<String> = service.told().into_iter().map(|(_, uid, _)| uid).collect();
    assert_eq!((uids.len(), service.told().len()), (1, 3));
}

#[actix::test]
async fn what_must_be_changed_first_is_dead_at_once() {
    let bed = Bed::new();
    let (_service, url) = Service::start(&[404; 9]);
    add_channel(&bed, "hook", &url).await;
    add_channel(&bed, "inside", "http://10.0.0.1/").await;
    open(&bed, Event::StockLow, &["card:7"]).await;
    let _actor = start(&bed);
    eventually("dead", async || {
        let all = deliveries(&bed).await;
        all.len() == 2 && all.iter().all(|delivery| delivery.state == DeliveryState::Dead)
    })
    .await;
    let errors: Vec<_> = deliveries(&bed).await.into_iter().filter_map(|delivery| delivery.error).collect();
    assert!(errors[0].starts_with("refused: HTTP 404"), "{errors:?}");
    assert!(errors[1].starts_with("address_refused: 10.0.0.1"), "S29: {errors:?}");
}

#[actix::test]
async fn a_channel_that_hangs_holds_no_other_up() {
    let bed = Bed::new();
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (service, url) = Service::start(&[]);
    add_channel(&bed, "a hanging one", &format!("http://{}/", hanging.local_addr().unwrap())).await;
    add_channel(&bed, "hook", &url).await;
    let config = Config { timeout: Duration::from_secs(60), ..config() };
    let _actor = NotifyActor::new(&bed.store, config, needs(&health())).start();
    for number in 0..3 {
        open(&bed, Event::DeliveryFailed, &[&format!("order:{number}")]).await;
        eventually("told", async || service.told().len() > number).await;
    }
    // The last one is marked a moment after the service was told.
    eventually("three sent, three waiting for the one that hangs", async || {
        let all = deliveries(&bed).await;
        let are = |state| all.iter().filter(|delivery| delivery.state == state).count();
        are(DeliveryState::Sent) == 3 && are(DeliveryState::Queued) == 3
    })
    .await;
}

#[actix::test]
async fn many_things_at_once_are_one_message() {
    let bed = Bed::new();
    let (service, url) = Service::start(&[]);
    add_channel(&bed, "hook", &url).await;
    let keys: Vec<String> = (0..30).map(|number| format!("card:{number}")).collect();
    open(&bed, Event::StockLow, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let _actor = start(&bed);
    eventually("all marked", async || {
        let all = deliveries(&bed).await;
        all.len() == 30 && all.iter().all(|delivery| delivery.state == DeliveryState::Sent)
    })
    .await;
    assert!(service.told().len() <= 3, "{:?}", service.titles());
    assert!(service.titles().iter().any(|title| title.ends_with("条通知")));
}

#[actix::test]
async fn an_account_that_failed_is_told_once_and_its_end_once() {
    let bed = Bed::paused();
    let account = bed.account();
    let health = health();
    let ticks = Rc::new(RefCell::new(Vec::new()));
    let put = |state, reason| {
        let (id, status) = (account.id, Status::new(state, reason, clock::unix()));
        bed.write(move |conn| account_states::put(conn, id, &status))
    };
    let mut memory = sources::Memory::default();
    let mut look = async |seconds: u64| {
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (kept, outcome) = sources::gather(&bed.store, &config(), &health, std::mem::take(&mut memory)).await;
            memory = kept;
            outcome.unwrap();
            advance(&bed.store, &config()).await.unwrap();
            let open = live(&bed).await.len();
            ticks.borrow_mut().push(open);
        }
    };
    let scope = bed.scope();
    let seen = || bed.write(move |conn| notices::page(conn, &scope, &Filter::default(), Page::first(9)));
    put(State::Failed, Reason::ChallengeRequired).await;
    look(30).await;
    assert_eq!(seen().await.1, 0, "it may be a blip");
    look(40).await;
    let (rows, _) = seen().await;
    assert_eq!((rows.len(), rows[0].event, rows[0].count), (1, Event::AccountNeedsPerson, 1));
    assert!(rows[0].subject().why.unwrap().zh.contains("人工验证"));
    look(100).await;
    put(State::Connected, Reason::Registered).await;
    look(70).await;
    let (rows, _) = seen().await;
    assert_eq!((rows.len(), rows[0].stage), (1, crate::notify::throttle::Stage::Done));
    assert!(rows[0].ended_at.is_some());
    assert!(ticks.borrow().iter().all(|live| *live <= 1));
}

/// K15: each challenge of the platform is told once, with the page on which it is passed.
#[actix::test]
async fn k15_each_challenge_is_told_once_with_its_page() {
    let bed = Bed::paused();
    let (account, scope, health) = (bed.account().id, bed.scope(), health());
    let mut memory = sources::Memory::default();
    let mut look = async || {
        for _ in 0..90 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (kept, outcome) = sources::gather(&bed.store, &config(), &health, std::mem::take(&mut memory)).await;
            memory = kept;
            outcome.unwrap();
            advance(&bed.store, &config()).await.unwrap();
        }
        let rows = bed.write(move |conn| notices::page(conn, &scope, &Filter::default(), Page::first(9))).await.0;
        rows.iter().map(|row| send::link(row, Some("https://s")).unwrap()).collect::<Vec<_>>()
    };
    let demand = |number: u8| {
        let url = bed.store.keys().seal(&challenges::url_place(account), "https://x/");
        let (id, now) = (ChallengeId::of([number; 32]), clock::unix());
        let new = challenges::New { id, account, url, expires_at: now + Duration::from_mins(10) };
        bed.write(move |conn| challenges::open(conn, &new, now))
    };
    let page = |id: &ChallengeId| format!("https://s/app/challenges/{id}");
    let first = demand(1).await;
    let status = Status::new(State::Failed, Reason::ChallengeRequired, clock::unix());
    bed.write(move |conn| account_states::put(conn, account, &status)).await;
    assert_eq!(look().await, [page(&first)]);
    let (over, now) = (first.clone(), clock::unix());
    bed.write(move |conn| challenges::end(conn, &over, Over::Expired, None, now)).await;
    assert_eq!(look().await, [page(&first)], "its end is no new trouble");
    let second = demand(2).await;
    assert_eq!(look().await, [page(&second), page(&first)]);
    assert_eq!(live(&bed).await.len(), 1, "the older one is over");
}

/// D19: the predecessor told nobody that its stock ran out.
#[actix::test]
async fn d19_a_pool_that_runs_low_is_told_once_and_its_end_once() {
    let bed = Bed::paused();
    let (scope, keys, health) = (bed.scope(), bed.store.keys().clone(), health());
    let new = NewCard { low_stock: Some(2), ..NewCard::new("月卡", CardKind::Pool) };
    let card = bed.write(move |conn| cards::insert(conn, &keys, &scope, &new, Timestamp(1))).await.unwrap();
    let import = |code: &str| {
        let stock = vec![Sealer::new(bed.store.keys(), scope.user(), card).seal(code)];
        bed.write(move |conn| units::import(conn, &scope, card, stock, Duplicates::Skip, Timestamp(1)))
    };
    let mut memory = sources::Memory::default();
    let mut look = async |seconds: u64| {
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (kept, outcome) = sources::gather(&bed.store, &config(), &health, std::mem::take(&mut memory)).await;
            memory = kept;
            outcome.unwrap();
            advance(&bed.store, &config()).await.unwrap();
        }
    };
    let seen = || bed.write(move |conn| notices::page(conn, &scope, &Filter::default(), Page::first(9)));
    look(2).await;
    assert_eq!(seen().await.1, 0, "it is being set up");
    import("A").await;
    look(3).await;
    let (rows, _) = seen().await;
    assert_eq!((rows.len(), rows[0].event, rows[0].count), (1, Event::StockLow, 1));
    assert_eq!((rows[0].subject().what.as_deref(), rows[0].subject().number), (Some("月卡"), Some(1)));
    import("B").await;
    look(70).await;
    let (rows, _) = seen().await;
    assert_eq!((rows.len(), rows[0].stage), (1, crate::notify::throttle::Stage::Done));
}

/// As in the seeds' picture of the watch: check, and have it connected anew.
#[actix::test]
async fn an_account_whose_line_is_dead_is_connected_anew_when_it_is_found_twice() {
    let bed = Bed::paused();
    let connected = |since| Status::new(State::Connected, Reason::Registered, since);
    let long_ago = clock::unix() - Duration::from_secs(600);
    let restarted = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&restarted);
    let ways = Ways {
        overview: answering(move |_| {
            let accounts = vec![(AccountId(1), connected(long_ago)), (AccountId(2), connected(long_ago))];
            crate::account::messages::RegistryOverview { shards: 1, accounts }
        }),
        snapshot: answering(move |crate::account::messages::SnapshotOf(account)| {
            let answered = if account == AccountId(1) { long_ago } else { clock::unix() };
            Some(watch::snapshot(account, connected(long_ago), answered))
        }),
        restart: answering(move |crate::account::messages::Restart(account)| {
            noted.lock().unwrap().push(account);
            true
        }),
    };
    let needs = Needs { registry: Rc::new(move || ways.clone()), ..needs(&health()) };
    let config = Config { poll: Duration::from_secs(30), ..config() };
    let _actor = NotifyActor::new(&bed.store, config, needs).start();
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(*restarted.lock().unwrap(), [], "a machine that slept makes everybody look dead once");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(*restarted.lock().unwrap(), [AccountId(1)]);
}

#[actix::test]
async fn a_trial_goes_beside_the_queue_and_says_what_the_service_said() {
    let bed = Bed::new();
    let (service, url) = Service::start(&[200, 403]);
    let actor = start(&bed);
    let channel = |url: &str| {
        let given = json!({"webhook_url": url});
        Channel::read(Kind::Webhook, given.as_object().unwrap()).unwrap()
    };
    let try_out = |url: &str| actor.send(TryOut { channel: channel(url), language: Language::En });
    assert_eq!(try_out(&url).await.unwrap(), Ok(()));
    assert_eq!(service.titles(), ["A test notice"]);
    let fault = try_out(&url).await.unwrap().unwrap_err();
    assert_eq!((fault.code, fault.said.as_str()), ("refused", "HTTP 403"));
    let fault = try_out("http://[::1]:9/").await.unwrap().unwrap_err();
    assert_eq!(fault.code, "address_refused");
    assert_eq!(deliveries(&bed).await, []);
}

/// No row can say that the database is down.
#[actix::test]
async fn administrators_are_told_of_a_database_that_is_down_without_it() {
    let bed = Bed::new();
    let (service, url) = Service::start(&[]);
    add_channel(&bed, "hook", &url).await;
    let owner = bed.owner;
    bed.write(move |conn| {
        let change = users::UserChange { role: Some(crate::access::role::Role::Admin), ..Default::default() };
        users::update(conn, owner, &change, clock::unix()).map(drop)
    })
    .await;
    let health = health();
    let actor = NotifyActor::new(&bed.store, config(), needs(&health)).start();
    let record = |database| health.record(Findings { database, ..Findings::default() }, clock::now());
    record(true);
    actor.send(Look).await.unwrap();
    eventually("read", async || {
        actor.send(Look).await.unwrap();
        let_run().await;
        actor.send(emergency::HowMany).await.unwrap() == 1
    })
    .await;
    record(false);
    actor.send(Look).await.unwrap();
    assert_eq!(service.titles(), [] as [String; 0], "one look that fails is no outage");
    record(false);
    eventually("told", async || service.titles().iter().any(|title| title == "系统异常：database")).await;
    record(true);
    actor.send(Look).await.unwrap();
    eventually("told its end", async || service.titles().iter().any(|title| title == "系统已恢复正常：database")).await;
}
