//! Deliveries in whatever order things happen: random schedules over the real actors and a real database, with a platform that loses,
//! repeats and refuses, and a process that dies at any of the points where it waits: at a job of its database, at a question to the
//! platform, at an answer, at a message from one of its actors to another, and at any moment between them.
//!
//! Each schedule has a seed, which a failure names: `YUTANG_SCHEDULE=SEED` plays it alone, `YUTANG_SCHEDULES=N` plays so many in all.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::{
    account::messages::{AskHistory, AskItem, AskPicture, Transmit},
    delivery::{card::Kind, chain, review::Reason, rule, step::Unit, unit::UnitState},
    ids::{CardId, ConversationId, MessageId},
    order::{actor::OrderActor, event::OrderEvent, messages::OrdersDue, notice::Notice, status::Status},
    outbox::{
        actor::OutboxActor,
        entry::{Body, PersonsWord, SendId},
        ledger,
        messages::{ActOnEntry, Answered, EntryAct, HistorySeen, ListenForDeliveries, OwnSeen},
    },
    platform::lwp::event::{Content, HistoryPage, Message as Chat},
    store::{
        Fate, Life, Step,
        cards::{self, NewCard},
        delivery_rules, delivery_settings, order_details, order_events, orders, reviews, units,
    },
    testbed::{Bed, answering, answering_later, listening, lone_outbox},
};

const ITEM: &str = "900000000001";

/// Played where nobody says how many: each takes some 70 ms, and tests that run beside them should not starve.
const SCHEDULES: u64 = 100;

/// What these found is played by every run: a line in the place of another one, while the list was compared over the first, was the end of
/// all comparisons.
const FOUND: [u64; 2] = [5712, 9417];

/// A life has no more of them: an order that goes well takes some forty.
const MOST_STEPS: u64 = 120;

/// Tests that share them, so that they run beside each other.
const SHARES: u64 = 4;

const CONFIG: Config =
    Config { compare_every: Duration::from_secs(600), fresh: Duration::from_secs(5), calls_per_minute: 0 };

/// Nobody is asked.
fn outgoing() -> OutgoingClient {
    OutgoingClient::new(&crate::outgoing::client::Config { allow: Vec::new(), connect_wait: Duration::from_secs(1) })
}

/// Numbers that are the same for the same seed on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, so_many: u64) -> bool {
        self.below(so_many) == 0
    }

    fn span(&mut self, longest_ms: u64) -> Duration {
        Duration::from_millis(self.below(longest_ms + 1))
    }

    /// The index of a weight.
    fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut drawn = self.below(weights.iter().sum());
        weights
            .iter()
            .position(|weight| {
                let here = drawn < *weight;
                drawn = drawn.saturating_sub(*weight);
                here
            })
            .unwrap()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    NotPlaced,
    Unpaid,
    Paid,
    Shipped,
    Closed,
}

#[derive(Debug, Clone)]
struct Placed {
    id: OrderId,
    buyer: BuyerId,
    conversation: ConversationId,
    pieces: usize,
    stands: Stands,
    in_refund: bool,
    consigned: u32,
}

/// The platform, and all that went wrong with it.
struct World {
    chance: Chance,
    own: BuyerId,
    orders: Vec<Placed>,
    history: BTreeMap<ConversationId, Vec<Chat>>,
    messages: u64,
    /// The history says nothing once in so many times.
    silence: u64,
    /// Nothing goes wrong any more.
    calm: bool,
    /// Where each life of the process ended, and whether what it waited for there was done.
    deaths: Vec<(Step, bool)>,
    log: Vec<String>,
    began: Instant,
}

type Shared = Rc<RefCell<World>>;

impl World {
    fn note(&mut self, what: impl Into<String>) {
        let at = self.began.elapsed().as_millis();
        self.log.push(format!("{at:>8} {}", what.into()));
    }

    fn silence_falls(&mut self) -> bool {
        !self.calm && self.chance.one_in(self.silence)
    }

    fn order(&mut self, id: &str) -> Option<&mut Placed> {
        self.orders.iter_mut().find(|order| order.id.as_str() == id)
    }

    /// Whether the buyer sees these words.
    fn has_arrived(&self, conversation: &ConversationId, text: &str) -> bool {
        let is_it = |chat: &Chat| matches!(&chat.content, Content::Text { text: seen } if seen == text);
        self.history.get(conversation).is_some_and(|chats| chats.iter().any(is_it))
    }

    /// A message in our name arrives.
    fn arrives(&mut self, conversation: &ConversationId, body: &Body) -> Chat {
        self.messages += 1;
        let Body::Text { text } = body else { panic!("only texts are given here") };
        let chat = Chat {
            id: MessageId::from(format!("{}.PNM", self.messages)),
            conversation: conversation.clone(),
            sender: self.own.clone(),
            sender_name: None,
            business_id: None,
            content_type: 1,
            content: Content::Text { text: text.clone() },
            created_at: clock::unix(),
            item: None,
            reminder: text.clone(),
            group: false,
            tip: false,
            need_push: Some(false),
        };
        self.note(format!("arrives in {conversation}: {text:?}"));
        self.history.entry(conversation.clone()).or_default().push(chat.clone());
        chat
    }

    fn call(&mut self, call: &Call) -> Result<Outcome, NotCalled> {
        let fate = if self.calm { 0 } else { self.chance.weighted(&[80, 6, 6, 4, 4]) };
        let name = call.api;
        if fate == 1 {
            self.note(format!("{name}: no answer"));
            return Err(NotCalled::NoAnswer("lost on the way".into()));
        }
        if fate == 3 {
            return Ok(Outcome::Business { code: "FAIL_BIZ_X".into(), text: "no".into() });
        }
        if fate == 4 {
            let lost = self.chance.one_in(2);
            self.note(format!("{name}: not called, {}", if lost { "the token is lost" } else { "too many calls" }));
            return Err(if lost { NotCalled::NeedsPerson } else { NotCalled::TooMany });
        }
        let data: Value = serde_json::from_str(&call.data).unwrap();
        let outcome = match name {
            "mtop.idle.web.trade.order.detail" => self.detail(data["tid"].as_str().unwrap()),
            "mtop.taobao.idle.trade.merchant.sold.get" => self.list(),
            "mtop.taobao.idle.logistic.consign.dummy" => self.consign(data["orderId"].as_str().unwrap()),
            other => panic!("{other}"),
        };
        self.note(format!("{name}: {outcome:?}").chars().take(160).collect::<String>());
        if fate == 2 { Err(NotCalled::NoAnswer("the answer was lost".into())) } else { Ok(outcome) }
    }

    fn detail(&mut self, id: &str) -> Outcome {
        let Some(order) = self.order(id).cloned() else {
            return Outcome::Business { code: "FAIL_BIZ_ORDER_NOT_FOUND".into(), text: String::new() };
        };
        let title = match order.stands {
            _ if order.in_refund => "退款中",
            Stands::NotPlaced | Stands::Unpaid => "等待买家付款",
            Stands::Paid => "等待卖家发货",
            Stands::Shipped => "等待买家收货",
            Stands::Closed => "交易关闭",
        };
        Outcome::Success(json!({"itemId": ITEM, "components": [
            {"render": "orderInfoVO", "data": {"itemInfo": {"itemId": ITEM, "buyAmount": order.pieces.to_string()},
                "buyerUserId": order.buyer.as_str()}},
            {"render": "orderStatusVO", "data": {"orderStatusInfo": {"title": title}}},
        ]}))
    }

    fn list(&self) -> Outcome {
        let pending = self.orders.iter().filter(|order| order.stands == Stands::Paid);
        let items: Vec<Value> = pending
            .map(|order| {
                json!({"commonData": {"orderId": order.id.as_str(), "itemId": ITEM, "orderStatus": "待发货",
                        "inRefund": order.in_refund.to_string()},
                    "buyerInfoVO": {"buyerId": order.buyer.as_str()}, "priceVO": {"buyNum": order.pieces.to_string()}})
            })
            .collect();
        Outcome::Success(json!({"module": {"items": items, "nextPage": "false"}}))
    }

    fn consign(&mut self, id: &str) -> Outcome {
        let refused = |code: &str| Outcome::Business { code: code.into(), text: String::new() };
        let Some(order) = self.order(id) else { return refused("FAIL_BIZ_ORDER_NOT_FOUND") };
        match order.stands {
            Stands::Paid if !order.in_refund => {
                order.consigned += 1;
                order.stands = Stands::Shipped;
                Outcome::Success(json!({}))
            }
            Stands::Shipped => refused("ORDER_ALREADY_DELIVERY"),
            _ => refused("FAIL_BIZ_ORDER_STATUS_ERROR"),
        }
    }
}

/// The actors of one life of the process.
struct Process {
    life: Arc<Life>,
    retired: Arc<AtomicBool>,
    store: Store,
    outbox: Addr<OutboxActor>,
    orders: Addr<OrderActor>,
    delivery: Addr<DeliveryActor>,
    line: Line,
    online: Cell<bool>,
}

impl Process {
    async fn start(bed: &Bed, facts: &AccountFacts, world: &Shared, life: Arc<Life>) -> Self {
        let store = bed.store.with_life(Arc::clone(&life));
        let retired = Arc::new(AtomicBool::new(false));
        let outbox = lone_outbox(&store, Duration::from_secs(2), &retired);
        let to_outbox = told_within(&life, outbox.clone().recipient());
        let delivery = DeliveryActor::new(store.clone(), CONFIG, to_outbox, outgoing(), Arc::clone(&retired)).start();
        let to_delivery = told_within(&life, delivery.clone().recipient());
        let orders = OrderActor::new(store.clone(), CONFIG, to_delivery, Arc::clone(&retired)).start();
        outbox.do_send(ListenForDeliveries(told_within(&life, delivery.clone().recipient())));
        delivery.do_send(ReadBy(told_within(&life, orders.clone().recipient())));
        let line = line(world, &life, &outbox, facts.id);
        let process = Self { life, retired, store, outbox, orders, delivery, line, online: Cell::new(false) };
        for adopt in [
            process.outbox.clone().recipient(),
            process.delivery.clone().recipient(),
            process.orders.clone().recipient::<Adopt>(),
        ] {
            // It may die before it is ready.
            let _ = adopt.send(Adopt(facts.clone())).await;
        }
        process.connect(facts.id);
        process
    }

    fn connect(&self, account: AccountId) {
        self.online.set(true);
        let online = AccountOnline { account, line: self.line.clone() };
        self.outbox.do_send(online.clone());
        self.orders.do_send(online.clone());
        self.delivery.do_send(online);
    }

    fn disconnect(&self, account: AccountId) {
        self.online.set(false);
        self.outbox.do_send(AccountOffline(account));
        self.orders.do_send(AccountOffline(account));
        self.delivery.do_send(AccountOffline(account));
    }

    fn is_alive(&self) -> bool {
        !self.life.is_over()
    }

    /// Nothing of it goes on.
    fn bury(self, account: AccountId) {
        self.retired.store(true, Ordering::Relaxed);
        self.disconnect(account);
        self.orders.do_send(DropAccount(account));
        self.delivery.do_send(DropAccount(account));
        self.outbox.do_send(DropAccount(account));
    }
}

/// The way from one actor to another, on which the process may die.
fn told_within<M>(life: &Arc<Life>, to: Recipient<M>) -> Recipient<M>
where
    M: Message<Result: Send> + Send + 'static,
{
    let life = Arc::clone(life);
    answering_later(move |message| {
        // What is told in a dead process is not answered.
        let fate = life.next(Step::Tell);
        let answer = (!matches!(fate, Fate::NotDone)).then(|| to.send(message));
        Box::pin(async move {
            match answer {
                Some(answer) if matches!(fate, Fate::Done) => match answer.await {
                    Ok(answer) => answer,
                    Err(_) => std::future::pending().await,
                },
                _ => std::future::pending().await,
            }
        })
    })
}

/// What comes in, unless the process dies before it is read.
fn heard<M>(life: &Arc<Life>, by: &Addr<OutboxActor>, message: M)
where
    M: Message<Result: Send> + Send + 'static,
    OutboxActor: Handler<M>,
{
    if !matches!(life.next(Step::Hear), Fate::NotDone) {
        by.do_send(message);
    }
}

/// The way to the platform. What a dead process says is not heard.
fn line(world: &Shared, life: &Arc<Life>, outbox: &Addr<OutboxActor>, account: AccountId) -> Line {
    let transmit = {
        let (world, life, outbox) = (Rc::clone(world), Arc::clone(life), outbox.clone());
        answering(move |order: Transmit| {
            if !matches!(life.next(Step::Ask), Fate::NotDone) {
                sent(&world, &life, &outbox, account, order);
            }
        })
    };
    let history = {
        let (world, life, outbox) = (Rc::clone(world), Arc::clone(life), outbox.clone());
        answering(move |AskHistory { conversation, since }: AskHistory| {
            let mut world = world.borrow_mut();
            if !matches!(life.next(Step::Ask), Fate::Done) {
                return;
            }
            let silent = world.silence_falls();
            let messages = world.history.get(&conversation).into_iter().flatten().rev();
            let messages: Vec<Chat> = messages.filter(|chat| chat.created_at >= since).cloned().collect();
            let page = (!silent).then_some(HistoryPage { messages, next: None, unreadable: 0 });
            heard(&life, &outbox, HistorySeen { account, conversation, page });
        })
    };
    let gateway = {
        let (world, life) = (Rc::clone(world), Arc::clone(life));
        answering_later(move |CallGateway(call): CallGateway| {
            let (world, life) = (Rc::clone(&world), Arc::clone(&life));
            Box::pin(async move {
                let (there, back) = {
                    let chance = &mut world.borrow_mut().chance;
                    (chance.span(800), chance.span(800))
                };
                tokio::time::sleep(there).await;
                if matches!(life.next(Step::Ask), Fate::NotDone) {
                    return Err(NotCalled::Offline);
                }
                let answer = world.borrow_mut().call(&call);
                tokio::time::sleep(back).await;
                if matches!(life.next(Step::Hear), Fate::NotDone) { Err(NotCalled::Offline) } else { answer }
            })
        })
    };
    let conversation = {
        let (world, life) = (Rc::clone(world), Arc::clone(life));
        answering_later(move |AskConversation { peer, .. }: AskConversation| {
            let world = world.borrow();
            let order = world.orders.iter().find(|order| order.buyer == peer).unwrap();
            let (conversation, is_heard) = (order.conversation.clone(), matches!(life.next(Step::Ask), Fate::Done));
            Box::pin(async move { if is_heard { Ok(conversation) } else { std::future::pending().await } })
        })
    };
    let (item, _) = listening::<AskItem>();
    let (picture, _) = listening::<AskPicture>();
    Line { transmit, history, item, picture, gateway, conversation }
}

/// What becomes of a frame.
fn sent(world: &Shared, life: &Arc<Life>, outbox: &Addr<OutboxActor>, account: AccountId, order: Transmit) {
    let Transmit { id, conversation, body, .. } = order;
    let (outcome, echo, pause) = {
        let mut world = world.borrow_mut();
        let fate = if world.calm { 0 } else { world.chance.weighted(&[55, 10, 10, 8, 5, 5, 7]) };
        let arrived = (fate <= 2).then(|| world.arrives(&conversation, &body));
        if arrived.is_none() {
            world.note(format!("send {} to {conversation} comes to nothing ({fate})", id.0));
        }
        let outcome = match fate {
            0 => Some(ledger::Outcome::Accepted(arrived.as_ref().map(|chat| chat.id.clone()))),
            1 => Some(ledger::Outcome::Accepted(None)),
            2 | 3 => None,
            4 => Some(ledger::Outcome::Rejected("CSI_FORBID".into())),
            5 => Some(ledger::Outcome::Refused { code: 500, reason: "later".into() }),
            _ => Some(ledger::Outcome::NotSent),
        };
        let echo = arrived.filter(|_| world.calm || world.chance.one_in(2));
        (outcome, echo, world.chance.span(3000))
    };
    let (life, outbox) = (Arc::clone(life), outbox.clone());
    actix::spawn(async move {
        tokio::time::sleep(pause).await;
        if let Some(chat) = echo {
            heard(&life, &outbox, OwnSeen { account, messages: vec![chat] });
        }
        if let Some(outcome) = outcome {
            heard(&life, &outbox, Answered { account, conversation, id: SendId(id.0), outcome });
        }
    });
}

/// What happens when.
#[derive(Debug, Clone)]
enum Happens {
    Place(usize),
    Pay(usize),
    AskRefund(usize),
    Withdraw(usize),
    Grant(usize),
    /// The platform tells of an order, as it was told to.
    Told(usize, OrderEvent, bool),
    Drop,
    Connect,
    Calm,
}

fn plan(chance: &mut Chance, orders: usize) -> Vec<(Duration, Happens)> {
    let mut all = Vec::new();
    for order in 0..orders {
        let placed = chance.span(20_000);
        all.push((placed, Happens::Place(order)));
        tell(chance, &mut all, placed, order, OrderEvent::Placed);
        if chance.one_in(10) {
            continue;
        }
        let paid = placed + chance.span(30_000);
        all.push((paid, Happens::Pay(order)));
        tell(chance, &mut all, paid, order, OrderEvent::Paid);
        if chance.one_in(3) {
            let asked = paid + chance.span(20_000);
            all.push((asked, Happens::AskRefund(order)));
            tell(chance, &mut all, asked, order, OrderEvent::Refunding);
            let ended = asked + chance.span(60_000);
            match chance.below(3) {
                0 => all.push((ended, Happens::Withdraw(order))),
                1 => {
                    all.push((ended, Happens::Grant(order)));
                    tell(chance, &mut all, ended, order, OrderEvent::Refunded);
                }
                _ => {}
            }
        }
    }
    for _ in 0..chance.below(3) {
        let down = chance.span(60_000);
        all.push((down, Happens::Drop));
        all.push((down + chance.span(30_000), Happens::Connect));
    }
    all.push((Duration::from_secs(240), Happens::Calm));
    all.sort_by_key(|(at, _)| *at);
    all
}

/// Told once, twice, late, without a name, or not at all.
fn tell(chance: &mut Chance, all: &mut Vec<(Duration, Happens)>, at: Duration, order: usize, event: OrderEvent) {
    let named = !chance.one_in(6);
    match chance.below(6) {
        0 => {}
        1 => {
            all.push((at + chance.span(120_000), Happens::Told(order, event, named)));
        }
        2 => {
            all.push((at, Happens::Told(order, event, named)));
            all.push((at + chance.span(60_000), Happens::Told(order, event, true)));
        }
        _ => all.push((at, Happens::Told(order, event, named))),
    }
}

/// Plays one schedule, and tells where the process died in it. An error says what must never be.
async fn play(bed: &Bed, seed: u64) -> Result<Vec<(Step, bool)>, String> {
    let mut chance = Chance(seed);
    let facts = bed.account();
    let count = 1 + chance.below(3) as usize;
    let orders: Vec<Placed> = (0..count)
        .map(|number| Placed {
            id: format!("25{:015}{number:02}", seed % 1_000_000_000_000_000).into(),
            buyer: format!("22{:09}{number}", seed % 1_000_000_000).into(),
            conversation: format!("5{seed}{number}").into(),
            pieces: 1 + chance.below(3) as usize,
            stands: Stands::NotPlaced,
            in_refund: false,
            consigned: 0,
        })
        .collect();
    let wanted: usize = orders.iter().map(|order| order.pieces).sum();
    let stock = chance.below(wanted as u64 + 2) as usize;
    let card = set_up(bed, facts.id, seed, stock).await;
    let happens = plan(&mut chance, count);
    let lives = chance.below(4);
    let silence = [8, 2, 1][chance.below(3) as usize];
    let world = Rc::new(RefCell::new(World {
        chance,
        own: facts.uid.clone(),
        orders,
        history: BTreeMap::new(),
        messages: seed.wrapping_mul(1_000) % 1_000_000_000_000,
        silence,
        calm: false,
        deaths: Vec::new(),
        log: Vec::new(),
        began: Instant::now(),
    }));
    let began = Instant::now();
    let mut left = lives;
    let mut process = Process::start(bed, &facts, &world, next_life(&world, &mut left)).await;
    for (at, what) in happens {
        process = live_until(bed, &facts, &world, process, began + at, &mut left).await;
        happen(&world, &process, &facts, what).await;
    }
    // Whatever is left to be done is done within an hour of peace.
    if !process.online.get() {
        process.connect(facts.id);
    }
    process = live_until(bed, &facts, &world, process, Instant::now() + Duration::from_secs(4500), &mut 0).await;
    // A person looks at what waits, and says what is true: what they say may be answered by the next doubt.
    let looks = world.borrow_mut().chance.below(3);
    for _ in 0..looks {
        decide(bed, &facts, &world, &process).await;
        process = live_until(bed, &facts, &world, process, Instant::now() + Duration::from_secs(1200), &mut 0).await;
    }
    process.bury(facts.id);
    let verdict = judge(bed, &facts, &world, card, stock).await;
    let world = world.borrow();
    verdict.map(|()| world.deaths.clone()).map_err(|why| format!("seed {seed}: {why}\n{}", world.log.join("\n")))
}

/// The process dies after so many steps, or at some moment before, or lives for ever.
fn next_life(world: &Shared, left: &mut u64) -> Arc<Life> {
    let mut world = world.borrow_mut();
    if *left == 0 || world.calm {
        return Life::endless();
    }
    *left -= 1;
    let (steps, is_done) = (1 + world.chance.below(MOST_STEPS), world.chance.one_in(2));
    let slowness = if world.chance.one_in(3) { world.chance.span(2000) } else { Duration::ZERO };
    let life = Life::of(steps, is_done, slowness);
    if world.chance.one_in(4) {
        let (moment, life) = (world.chance.span(60_000), Arc::clone(&life));
        actix::spawn(async move {
            tokio::time::sleep(moment).await;
            life.end();
        });
    }
    life
}

async fn live_until(
    bed: &Bed,
    facts: &AccountFacts,
    world: &Shared,
    mut process: Process,
    until: Instant,
    left: &mut u64,
) -> Process {
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(until) => return process,
            () = process.life.ended() => {
                {
                    let mut world = world.borrow_mut();
                    let death = process.life.ended_at().unwrap();
                    world.note(format!("the process dies: {death:?}"));
                    world.deaths.push(death);
                }
                process.bury(facts.id);
                let pause = world.borrow_mut().chance.span(20_000);
                tokio::time::sleep(pause).await;
                process = Process::start(bed, facts, world, next_life(world, left)).await;
                world.borrow_mut().note("the process starts");
            }
        }
    }
}

async fn happen(world: &Shared, process: &Process, facts: &AccountFacts, what: Happens) {
    world.borrow_mut().note(format!("{what:?}"));
    let with = |order: usize, change: &dyn Fn(&mut Placed)| change(&mut world.borrow_mut().orders[order]);
    match what {
        Happens::Place(order) => with(order, &|order| order.stands = Stands::Unpaid),
        Happens::Pay(order) => with(order, &|order| order.stands = Stands::Paid),
        Happens::AskRefund(order) => with(order, &|order| order.in_refund = true),
        Happens::Withdraw(order) => with(order, &|order| order.in_refund = false),
        Happens::Grant(order) => with(order, &|order| (order.in_refund, order.stands) = (false, Stands::Closed)),
        Happens::Told(order, event, named) => {
            let order = world.borrow().orders[order].clone();
            // A push that nobody stores is not acknowledged; whether it comes again is the platform's business.
            if process.is_alive() && process.online.get() {
                told(process, facts, &order, event, named).await;
            }
        }
        Happens::Drop => process.disconnect(facts.id),
        Happens::Connect => process.connect(facts.id),
        Happens::Calm => world.borrow_mut().calm = true,
    }
}

/// As the inbox does it.
async fn told(process: &Process, facts: &AccountFacts, order: &Placed, event: OrderEvent, named: bool) {
    let notice = Notice {
        message: format!("{}-{event}-{named}", order.id).into(),
        conversation: order.conversation.clone(),
        order: named.then(|| order.id.clone()),
        event,
        buyer: Some(order.buyer.clone()),
        item: Some(ITEM.into()),
        at: clock::unix(),
    };
    let (account, now) = (facts.id, clock::unix());
    let stored = process.store.write(move |conn| order_events::insert(conn, account, &notice, now)).await;
    if stored.is_ok_and(|noted| noted.to_read) {
        process.orders.do_send(OrdersDue(account));
    }
}

/// A person decides about all that waits. As the API does it.
async fn decide(bed: &Bed, facts: &AccountFacts, world: &Shared, process: &Process) {
    let (scope, account) = (bed.scope(), facts.id);
    let orders = world.borrow().orders.clone();
    for order in orders {
        let (id, conversation) = (order.id.clone(), order.conversation.clone());
        let (open, doubts, sends) = bed
            .write(move |conn| {
                let open = reviews::of_order(conn, account, &id)?;
                let doubts = order_details::in_doubt(conn, &scope, account, &id)?;
                Ok((open, doubts, store::outbox::newest(conn, account, Timestamp(0), 10_000)?))
            })
            .await;
        world.borrow_mut().note(format!("a person looks at {}: {open:?}", order.id));
        for send in doubts.into_iter().filter_map(|(_, send)| send) {
            let entry = sends.iter().find(|entry| entry.id == send).unwrap();
            let Body::Text { text } = &entry.body else { panic!("only texts are given here") };
            let arrived = world.borrow().has_arrived(&conversation, text);
            let word = if arrived { PersonsWord::Arrived } else { PersonsWord::NotArrived };
            world.borrow_mut().note(format!("a person says of {}: {word:?}", send.0));
            let act = ActOnEntry { account, id: send, act: EntryAct::Say(word) };
            let said = process.outbox.send(act).await.unwrap();
            if !process.is_alive() {
                return;
            }
            said.unwrap();
        }
        let id = order.id.clone();
        bed.write(move |conn| {
            let now = clock::unix();
            for reason in open {
                match reason {
                    Reason::Uncertain => order_actions::mark_done(conn, account, &id, Action::GiveAnyway, now)?,
                    Reason::Rejected | Reason::ShippedElsewhere => {
                        store::deliveries::drop_rejected(conn, account, &id, now)?;
                        order_actions::mark_done(conn, account, &id, Action::GiveAnyway, now)?;
                    }
                    Reason::NotShipped => drop(order_actions::forget(conn, account, &id, Action::Ship)?),
                    _ => {}
                }
                reviews::heal(conn, account, &id, &[reason], now)?;
            }
            orders::set_deliver_due(conn, account, &id, Some(now))
        })
        .await;
    }
    process.delivery.do_send(DeliveriesDue(account));
}

async fn set_up(bed: &Bed, account: AccountId, seed: u64, stock: usize) -> CardId {
    let (scope, keys, now) = (bed.scope(), bed.store.keys().clone(), clock::unix());
    let setting = move |conn: &mut DbConn| {
        let new = NewCard::new(format!("card {seed}"), Kind::Pool);
        let card = cards::insert(conn, &keys, &scope, &new, now)?.unwrap();
        let sealer = units::Sealer::new(&keys, scope.user(), card);
        let lines: Vec<_> = (0..stock).map(|line| sealer.seal(&format!("code-{seed}-{line}"))).collect();
        units::import(conn, &scope, card, lines, units::Duplicates::Keep, now)?;
        let draft = delivery_rules::Draft {
            account: Some(account),
            target: rule::Target::Item(ITEM.into()),
            spec: None,
            priority: 0,
            enabled: true,
            quantity: rule::Quantity::Piece,
            delay_s: 0,
            per_day: None,
            hours: None,
            cards: vec![card],
            note: String::new(),
        };
        delivery_rules::insert(conn, &scope, &draft, now)?;
        let settings = delivery_settings::DeliverySettings {
            enabled: true,
            ..delivery_settings::DeliverySettings::unset(account)
        };
        delivery_settings::put(conn, &scope, &settings)?;
        Ok(card)
    };
    bed.write(setting).await
}

/// What must hold whatever happened.
async fn judge(bed: &Bed, facts: &AccountFacts, world: &Shared, card: CardId, stock: usize) -> Result<(), String> {
    let scope = bed.scope();
    let (orders, history) = {
        let world = world.borrow();
        (world.orders.clone(), world.history.clone())
    };
    // Which code arrived where.
    let mut seen: HashMap<String, ConversationId> = HashMap::new();
    for (conversation, chats) in &history {
        for chat in chats {
            let Content::Text { text } = &chat.content else { continue };
            for code in text.lines() {
                if seen.insert(code.to_owned(), conversation.clone()).is_some() {
                    return Err(format!("{code} arrived twice"));
                }
            }
        }
    }
    let keys = bed.store.keys().clone();
    let (units, counts) = bed
        .write(move |conn| {
            let all = units::of_card(conn, card)?;
            Ok((all, units::counts(conn, &scope, &[card])?.remove(&card)))
        })
        .await;
    let sum = counts.map_or(0, |counts| counts.sum());
    if sum != stock as i64 || units.len() != stock {
        return Err(format!("{stock} units were imported and there are {sum}"));
    }
    for unit in &units {
        let code = unit.open(&keys).unwrap().expose().to_owned();
        let arrived = seen.contains_key(&code);
        let fits = match unit.state {
            UnitState::Free | UnitState::Reserved => !arrived,
            UnitState::Confirmed => arrived,
            UnitState::Uncertain => true,
            UnitState::Sent | UnitState::Returned | UnitState::Void => false,
        };
        if !fits {
            return Err(format!("{code} is {} and arrived: {arrived}", unit.state.as_str()));
        }
    }
    chain_holds(bed, card).await?;
    for order in &orders {
        let (account, id) = (facts.id, order.id.clone());
        let (row, given, open) = bed
            .write(move |conn| {
                let row = orders::find(conn, account, &id)?;
                Ok((row, store::deliveries::list(conn, &scope, account, &id)?, reviews::of_order(conn, account, &id)?))
            })
            .await;
        let here = seen.values().filter(|conversation| **conversation == order.conversation).count();
        if here > order.pieces {
            return Err(format!("order {} has {here} codes for {} pieces", order.id, order.pieces));
        }
        let status = row.and_then(|row| row.status);
        match order.stands {
            Stands::NotPlaced | Stands::Unpaid if here > 0 => {
                return Err(format!("order {} was never paid and has {here} codes", order.id));
            }
            Stands::NotPlaced | Stands::Unpaid => {}
            Stands::Paid if order.in_refund => {}
            Stands::Paid if open.is_empty() => {
                return Err(format!("order {} is paid ({status:?}), has {given:?}, and nobody is told", order.id));
            }
            Stands::Paid => {}
            Stands::Shipped
                if here != order.pieces
                    || order.consigned != 1
                    || status != Some(Status::Shipped) && !order.in_refund =>
            {
                return Err(format!(
                    "order {} is shipped ({status:?}) with {here} of {} codes",
                    order.id, order.pieces
                ));
            }
            Stands::Shipped => {}
            Stands::Closed => {
                let stuck = given.iter().any(|unit| matches!(unit.state, Unit::Reserved | Unit::Sent));
                // Nobody may ever have told of it.
                if stuck || !matches!(status, None | Some(Status::Cancelled)) || (status.is_none() && !given.is_empty())
                {
                    return Err(format!("order {} ended ({status:?}) and still has {given:?}", order.id));
                }
            }
        }
    }
    Ok(())
}

async fn chain_holds(bed: &Bed, card: CardId) -> Result<(), String> {
    let (log, astray) =
        bed.write(move |conn| Ok((units::log_after(conn, card, 0, 100_000)?, units::astray(conn, card)?))).await;
    chain::verify(log.iter().map(|(link, hash)| (link, hash.as_slice())))
        .map_err(|broken| format!("the log is broken: {broken:?}"))?;
    if astray.is_empty() { Ok(()) } else { Err(format!("units {astray:?} are not where their log says")) }
}

/// Among so many schedules the process dies at every kind of point.
const ENOUGH: usize = 200;

/// So many share a database and a system: the actors of dead processes live as long as that, and their timers with them.
const TOGETHER: usize = 50;

/// One in `part` of the share's schedules, or the one that is asked for, in databases that `bed` makes.
fn play_share(share: u64, part: u64, bed: impl Fn() -> Option<Bed>) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("YUTANG_SCHEDULE") {
        Some(seed) => vec![seed],
        None => (1..=number("YUTANG_SCHEDULES").unwrap_or(SCHEDULES) / part).chain(FOUND).collect(),
    };
    let seeds: Vec<u64> = seeds.into_iter().filter(|seed| seed % SHARES == share).collect();
    let mut deaths: BTreeMap<(Step, bool), usize> = BTreeMap::new();
    let mut so_many = 0;
    for seeds in seeds.chunks(TOGETHER) {
        let played = System::new().block_on(async {
            let Some(bed) = bed() else { return Ok(()) };
            so_many += seeds.len();
            for seed in seeds {
                for death in play(&bed, *seed).await? {
                    *deaths.entry(death).or_default() += 1;
                }
            }
            Ok(())
        });
        played.unwrap_or_else(|why: String| panic!("{why}"));
    }
    println!("{so_many} schedules; the process died at (waits for, and it was done): {deaths:?}");
    let points =
        [Step::Job, Step::Ask, Step::Hear, Step::Tell].into_iter().flat_map(|step| [(step, false), (step, true)]);
    for point in points.chain([(Step::Moment, false)]) {
        assert!(so_many < ENOUGH || deaths.contains_key(&point), "no process died at {point:?}: {deaths:?}");
    }
}

#[test]
fn d1_random_schedules_first_share() {
    play_share(0, 1, || Some(Bed::paused()));
}

#[test]
fn d2_random_schedules_second_share() {
    play_share(1, 1, || Some(Bed::paused()));
}

#[test]
fn random_schedules_third_share() {
    play_share(2, 1, || Some(Bed::paused()));
}

#[test]
fn random_schedules_fourth_share() {
    play_share(3, 1, || Some(Bed::paused()));
}

/// A tenth of them, on PostgreSQL.
#[test]
fn random_schedules_on_postgresql() {
    for share in 0..SHARES {
        play_share(share, 10, Bed::paused_on_postgres);
    }
}
