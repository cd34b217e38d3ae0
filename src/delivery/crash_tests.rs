//! A process that dies while somebody is asked over HTTP: the seller's server for an order's goods, the platform for a place for a picture.
//! In real time, over real sockets; the random schedules have a clock that stands still meanwhile.
//!
//! What a buyer is given is a code of that server for each of two pieces, and a picture. The first life of the process ends at what is asked
//! or answered there, and at its first step of any kind, its second, and so on, before the step is done and after; the next life finishes
//! what it left.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Cursor,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use actix::prelude::*;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use image::{ImageFormat, RgbImage};
use serde_json::{Map, json};
use tokio::sync::Semaphore;

use super::{
    actor::DeliveryActor,
    card::{ApiCall, Content, Method},
    rule::{Quantity, Target},
    step::Unit,
};
use crate::{
    account::{
        actor::{AccountActor, Config as AccountConfig, Env, Limits, Neighbours},
        facts::AccountFacts,
        messages::Adopt,
    },
    ids::{AccountId, CardId, ConversationId, OrderId},
    inbox::messages::Ingest,
    order::{actor::OrderActor, agenda::Config, messages::ReadBy},
    outbox::messages::ListenForDeliveries,
    outgoing::client::{self as outgoing, OutgoingClient},
    picture::{Picture, redraw},
    sim::{self, Interest, NewOrder, OrderState, Sim, Telling},
    store::{
        DbConn, Fate, Life, Step, Store,
        cards::{self, NewCard},
        deliveries, delivery_rules,
        delivery_settings::{self, DeliverySettings},
        pictures, reviews,
    },
    telemetry::{clock, metrics::Metrics},
    testbed::{Bed, account_config, answering, listening, lone_outbox},
};

const ITEM: &str = "900000000001";
const PIECES: usize = 2;

/// An order is served in this time, whatever happened before.
const WAIT: Duration = Duration::from_secs(60);

/// Nobody needs more steps for an order: a sweep that comes here does not end.
const MOST_STEPS: u64 = 300;

const ORDERS: Config =
    Config { compare_every: Duration::from_secs(600), fresh: Duration::from_secs(5), calls_per_minute: 0 };

/// Whom a process waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Goods,
    Upload,
}

/// The seller's server and the platform's for pictures, over HTTP. What is asked and what is answered are steps of the present life.
struct Servers {
    url: String,
    desk: Arc<Desk>,
}

struct Desk {
    life: Mutex<Arc<Life>>,
    /// How often each key was asked for.
    keys: Mutex<BTreeMap<String, usize>>,
    uploads: AtomicUsize,
    end: Mutex<Option<End>>,
}

/// Where a life is to end: the first time of all that are left.
#[derive(Debug, Clone, Copy)]
struct End {
    asked: Asked,
    step: Step,
    is_done: bool,
    left: usize,
}

impl Desk {
    /// Where the process is dead by then, nothing follows.
    fn step(&self, asked: Asked, step: Step) -> Fate {
        let life = Arc::clone(&self.life.lock().unwrap());
        let mut end = self.end.lock().unwrap();
        match end.as_mut().filter(|end| (end.asked, end.step) == (asked, step)) {
            Some(End { left: left @ 1.., .. }) => *left -= 1,
            Some(End { is_done, .. }) => {
                let fate = if *is_done { Fate::DoneUnheard } else { Fate::NotDone };
                life.end();
                return fate;
            }
            None => {}
        }
        life.next(step)
    }

    async fn answer(&self, asked: Asked, take: impl FnOnce() -> HttpResponse) -> HttpResponse {
        let taken = self.step(asked, Step::Ask);
        if matches!(taken, Fate::NotDone) {
            return std::future::pending().await;
        }
        let answer = take();
        if matches!(taken, Fate::DoneUnheard) || !matches!(self.step(asked, Step::Hear), Fate::Done) {
            return std::future::pending().await;
        }
        answer
    }
}

/// Gives something new each time it is asked: what it gave and was kept must not be asked for again.
async fn goods(desk: web::Data<Desk>, request: HttpRequest) -> HttpResponse {
    let key = request.headers().get("idempotency-key").unwrap().to_str().unwrap().to_owned();
    let give = || {
        let mut keys = desk.keys.lock().unwrap();
        let times = keys.entry(key.clone()).or_default();
        *times += 1;
        HttpResponse::Ok().body(format!("{key}/{times}"))
    };
    desk.answer(Asked::Goods, give).await
}

async fn upload(desk: web::Data<Desk>, _file: web::Bytes) -> HttpResponse {
    let take = || {
        let number = desk.uploads.fetch_add(1, Ordering::Relaxed);
        let object = json!({"url": format!("https://pictures.example/{number}.png"), "size": "1", "pix": "8x8"});
        HttpResponse::Ok().json(json!({"success": true, "object": object}))
    };
    desk.answer(Asked::Upload, take).await
}

impl Servers {
    fn start() -> Self {
        let desk = Arc::new(Desk {
            life: Mutex::new(Life::endless()),
            keys: Mutex::default(),
            uploads: AtomicUsize::new(0),
            end: Mutex::default(),
        });
        let served = web::Data::from(Arc::clone(&desk));
        let (address, addressed) = mpsc::channel();
        thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .app_data(served.clone())
                        .route("/goods", web::get().to(goods))
                        .route("/api/upload.api", web::post().to(upload))
                };
                let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
                address.send(server.addrs()[0]).unwrap();
                server.run().await
            })
        });
        let url = format!("http://{}", addressed.recv().unwrap());
        Self { url, desk }
    }
}

/// A seller with one thing to sell, and all who take part.
struct Stage {
    bed: Bed,
    sim: Sim,
    servers: Servers,
    cards: Vec<CardId>,
}

/// One order, and the account that serves it.
struct Sale {
    facts: AccountFacts,
    seller: Arc<sim::Account>,
    order: OrderId,
    conversation: ConversationId,
}

impl Stage {
    fn new() -> Self {
        let (bed, servers) = (Bed::new(), Servers::start());
        let sim = Sim::start_in_thread("127.0.0.1:0".parse().unwrap(), sim::Config::default()).unwrap();
        let call = ApiCall {
            url: format!("{}/goods", servers.url),
            method: Method::Get,
            headers: Vec::new(),
            params: Map::new(),
            response_path: None,
            timeout_s: 10,
            retries: 0,
        };
        let (scope, keys, picture) = (bed.scope(), bed.store.keys().clone(), picture());
        let set_up = move |conn: &mut DbConn| {
            let now = clock::unix();
            let images = vec![format!("picture:{}", picture.id)];
            pictures::keep(conn, &scope, &picture, now)?;
            let contents = [("会员码", Content::Api(call)), ("使用说明", Content::Image { images })];
            let mut cards = Vec::new();
            for (name, content) in contents {
                cards.push(cards::insert(conn, &keys, &scope, &card(name, content), now)?.unwrap());
            }
            Ok(cards)
        };
        let cards = bed.store.write_blocking(set_up).unwrap();
        Self { bed, sim, servers, cards }
    }

    /// Somebody bought two pieces of a new account, which hears of it once it compares its orders with the platform's.
    async fn sell(&self, number: u64) -> Sale {
        let seller = self.sim.platform().add_account(&format!("shop{number}"));
        let facts = self.bed.account_of(&self.sim, &seller);
        let (scope, account, cards) = (self.bed.scope(), facts.id, self.cards.clone());
        let set_up = move |conn: &mut DbConn| {
            delivery_rules::insert(conn, &scope, &binding(account, cards), clock::unix())?;
            let settings = DeliverySettings { enabled: true, ..DeliverySettings::unset(account) };
            delivery_settings::put(conn, &scope, &settings)
        };
        self.bed.write(set_up).await;
        let new = NewOrder::new("2200000000777", ITEM);
        let order = seller.place_order(NewOrder { quantity: 2, telling: Telling::NOTHING, ..new });
        let paid = seller.happens_told(&order, sim::Step::Pay, &Telling::NOTHING).unwrap();
        Sale { facts, seller, order, conversation: paid.conversation }
    }

    /// A life of the process, from its start to its end or until the order is served, in a thread of its own: when that ends, all that it
    /// waited for is gone with it.
    fn live(&self, sale: &Sale, life: &Arc<Life>) {
        *self.servers.desk.life.lock().unwrap() = Arc::clone(life);
        let mut config = account_config(&self.sim);
        config.upload.url.clone_from(&self.servers.url);
        let (store, facts) = (self.bed.store.with_life(Arc::clone(life)), sale.facts.clone());
        let mut events = self.sim.platform().events(Interest::Everything);
        let (seller, order, life) = (Arc::clone(&sale.seller), sale.order.clone(), Arc::clone(life));
        let living = thread::spawn(move || {
            System::new().block_on(async move {
                start(&store, &facts, config).await;
                let served = async {
                    while seller.order(&order).unwrap().state != OrderState::Shipped {
                        events.recv().await.unwrap();
                    }
                };
                tokio::select! {
                    () = life.ended() => {}
                    () = served => {}
                    () = tokio::time::sleep(WAIT) => panic!("the order is not served"),
                }
            });
        });
        living.join().unwrap();
    }

    /// What the buyer has is what was ordered, and the books say so.
    async fn judge(&self, sale: &Sale) {
        let (scope, account, order) = (self.bed.scope(), sale.facts.id, sale.order.clone());
        let books = move |conn: &mut DbConn| {
            let units = deliveries::list(conn, &scope, account, &order)?;
            Ok((units, reviews::of_order(conn, account, &order)?))
        };
        let (units, open) = self.bed.write(books).await;
        let states: Vec<Unit> = units.into_iter().map(|unit| unit.state).collect();
        assert_eq!((states, open), (vec![Unit::Confirmed; PIECES], Vec::new()));
        assert_eq!(sale.seller.order(&sale.order).unwrap().counts.consigned, 1);
        let heard = sale.seller.received(&sale.conversation);
        let (pictures, codes): (Vec<_>, Vec<_>) =
            heard.iter().flat_map(|heard| heard.text().lines()).partition(|line| line.starts_with("https://"));
        assert_eq!(pictures.len(), 1, "the same picture is given once: {heard:?}");
        let given: Vec<&str> = codes.iter().map(|code| code.split_once('/').unwrap().0).collect();
        let desk_keys = self.servers.desk.keys.lock().unwrap();
        let asked: Vec<&str> =
            desk_keys.keys().map(String::as_str).filter(|key| key.starts_with(sale.order.as_str())).collect();
        assert_eq!(given.iter().copied().collect::<BTreeSet<_>>(), asked.iter().copied().collect(), "{heard:?}");
        assert_eq!((given.len(), asked.len()), (PIECES, PIECES), "{heard:?}");
    }
}

fn picture() -> Picture {
    let mut file = Cursor::new(Vec::new());
    RgbImage::new(8, 8).write_to(&mut file, ImageFormat::Png).unwrap();
    redraw(file.get_ref()).unwrap()
}

fn card(name: &str, content: Content) -> NewCard {
    let kind = content.kind();
    NewCard { content: Some(content), ..NewCard::new(name, kind) }
}

fn binding(account: AccountId, cards: Vec<CardId>) -> delivery_rules::Draft {
    delivery_rules::Draft {
        account: Some(account),
        target: Target::Item(ITEM.into()),
        spec: None,
        priority: 0,
        enabled: true,
        quantity: Quantity::Piece,
        delay_s: 0,
        per_day: None,
        hours: None,
        cards,
        note: String::new(),
    }
}

/// The actors of one account, all of them in this thread.
async fn start(store: &Store, facts: &AccountFacts, config: AccountConfig) {
    let retired = Arc::new(AtomicBool::new(false));
    let outbox = lone_outbox(store, Duration::from_millis(100), &retired);
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let client = OutgoingClient::new(&outgoing::Config { allow, connect_wait: Duration::from_secs(5) });
    let delivery =
        DeliveryActor::new(store.clone(), ORDERS, outbox.clone().recipient(), client, Arc::clone(&retired)).start();
    let orders = OrderActor::new(store.clone(), ORDERS, delivery.clone().recipient(), Arc::clone(&retired)).start();
    outbox.do_send(ListenForDeliveries(delivery.clone().recipient()));
    delivery.do_send(ReadBy(orders.clone().recipient()));
    let adopted: [Recipient<Adopt>; 3] =
        [outbox.clone().recipient(), delivery.clone().recipient(), orders.clone().recipient()];
    for actor in adopted {
        // It may die before it is ready.
        let _ = actor.send(Adopt(facts.clone())).await;
    }
    let neighbours = Neighbours {
        ingest: answering(|_: Ingest| Ok(())),
        own_seen: outbox.clone().recipient(),
        answered: outbox.clone().recipient(),
        history_seen: outbox.clone().recipient(),
        item_known: listening().0,
        picture_ready: outbox.clone().recipient(),
        online: vec![outbox.clone().recipient(), orders.clone().recipient(), delivery.clone().recipient()],
        offline: vec![outbox.recipient(), orders.recipient(), delivery.recipient()],
    };
    let env = Env {
        config: Arc::new(config),
        store: store.clone(),
        metrics: Metrics::default(),
        neighbours,
        limits: Limits { connecting: Arc::new(Semaphore::new(1)), sockets: Arc::new(Semaphore::new(1)) },
        stopped: listening().0,
        status: listening().0,
        retired,
    };
    AccountActor::new(env, facts.clone(), 1, 0).start();
}

impl Stage {
    /// One order through a life that ends, and one that does not. Whether the first one ended before the order was served.
    async fn play(&self, number: u64, life: &Arc<Life>) -> bool {
        let sale = self.sell(number).await;
        self.live(&sale, life);
        if life.is_over() {
            *self.servers.desk.end.lock().unwrap() = None;
            self.live(&sale, &Life::endless());
        }
        self.judge(&sale).await;
        life.is_over()
    }
}

/// D5: what was not kept is asked for again by the same key; whatever a server gave, one answer reaches the buyer.
#[actix::test]
async fn d5_a_process_that_dies_at_a_question_over_http_or_at_its_answer_gives_each_piece_once() {
    let stage = Stage::new();
    let mut number = 0;
    for (asked, left) in [(Asked::Goods, 0), (Asked::Goods, 1), (Asked::Upload, 0)] {
        // What is answered to a dead process is not read, whether or not it was sent.
        for (step, is_done) in [(Step::Ask, false), (Step::Ask, true), (Step::Hear, false)] {
            let end = End { asked, step, is_done, left };
            *stage.servers.desk.end.lock().unwrap() = Some(end);
            number += 1;
            assert!(stage.play(number, &Life::endless()).await, "no life ended at {end:?}");
        }
    }
}

/// The jobs of the database before and after those questions are among the steps.
#[actix::test]
async fn d5_a_process_that_dies_at_any_step_of_such_an_order_gives_each_piece_once() {
    let stage = Stage::new();
    let mut number = 0;
    for is_done in [false, true] {
        for steps in 1.. {
            assert!(steps < MOST_STEPS, "an order never comes to its end");
            number += 1;
            let life = Life::of(steps, is_done, Duration::ZERO);
            if !stage.play(number, &life).await {
                break;
            }
        }
    }
    assert!(number > 40, "an order has more steps than {number}, twice");
}
