//! The server is killed wherever it happens to be while orders are paid, and every order gets what it gets, once.

use std::{collections::BTreeMap, env, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep, timeout},
};
use yutang::{
    delivery::card::Kind,
    ids::{OrderId, Timestamp, UserId},
    sim::{Answer, Interest, NewOrder, OrderState, SimEvent, Step, Telling},
    store::{
        Scope, accounts,
        cards::{self, NewCard},
        delivery_rules,
        delivery_settings::{self, DeliverySettings},
        units::{self, Duplicates, Sealer},
    },
};

use super::{
    deliveries::{ITEM, binding},
    process::Shop,
};

/// Sends that were refused again and again wait longer each time.
const ENDURANCE: Duration = Duration::from_secs(120);

/// How often the server is killed in each story: `YUTANG_KILLS` says otherwise.
const KILLS: usize = 10;

/// Enough for every piece that is ordered.
const CODES: usize = 20_000;

/// Buyers who order and pay whether or not a server runs.
struct Story {
    shop: Shop,
    seed: u64,
    random: StdRng,
    events: UnboundedReceiver<SimEvent>,
    /// Account and order.
    orders: Vec<(usize, OrderId)>,
}

impl Story {
    /// `YUTANG_TEST_SEED` repeats a run that failed.
    fn new(shop: Shop) -> Self {
        let seed = env::var("YUTANG_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
        eprintln!("YUTANG_TEST_SEED={seed}");
        set_up(&shop);
        let events = shop.sim.platform().events(Interest::Everything);
        Self { shop, seed, random: StdRng::seed_from_u64(seed), events, orders: Vec::new() }
    }

    /// Somebody orders from one of the accounts and pays. How the platform tells of it differs.
    fn order(&mut self) {
        let index = self.random.random_range(0..self.shop.accounts.len());
        let buyer = format!("22000{:06}", self.orders.len());
        let quantity = self.random.random_range(1..4);
        let telling = match self.random.random_range(0..4) {
            0 => Telling::CARD,
            1 => Telling { repeated: 2, ..Telling::default() },
            2 => Telling { badge: false, ..Telling::default() },
            _ => Telling::default(),
        };
        let account = self.shop.accounts[index].clone();
        let order = account.place_order(NewOrder { quantity, telling: telling.clone(), ..NewOrder::new(&buyer, ITEM) });
        account.happens_told(&order, Step::Pay, &telling).unwrap();
        if self.random.random_range(0..8) == 0 {
            account.ask_refund(&order).unwrap();
            if self.random.random_bool(0.5) {
                account.withdraw_refund(&order).unwrap();
            } else {
                account.grant_refund(&order).unwrap();
            }
        }
        self.orders.push((index, order));
    }

    fn order_many(&mut self, most: usize) {
        for _ in 0..self.random.random_range(0..=most) {
            self.order();
        }
    }

    /// The platform's manners for the next while.
    fn change_weather(&mut self) {
        let answers = [Answer::WithId, Answer::WithoutId, Answer::NoAnswer, Answer::NoAnswerNoEcho];
        let answer = answers[self.random.random_range(0..answers.len())];
        let (echo_first, duplicate) = (self.random.random_bool(0.5), self.random.random_bool(0.3));
        self.shop.sim.platform().change_faults(|faults| {
            faults.answer = answer;
            faults.echo_first = echo_first;
            faults.duplicate = duplicate;
        });
        for account in self.shop.accounts.clone() {
            if self.random.random_bool(0.3) {
                account.answer_next([Answer::Lost, Answer::WithoutId, Answer::NoAnswerNoEcho, Answer::Refuse(503)]);
            }
        }
    }

    /// A server lives for some moments, and is killed, between two events too.
    async fn live(&mut self) {
        self.change_weather();
        self.order_many(4);
        let server = self.shop.serve();
        while self.events.try_recv().is_ok() {}
        for _ in 0..self.random.random_range(0..120) {
            let nothing = timeout(Duration::from_millis(700), self.events.recv()).await.is_err();
            if nothing || self.random.random_bool(0.05) {
                self.order_many(2);
            }
        }
        sleep(Duration::from_micros(self.random.random_range(0..4000))).await;
        server.kill();
    }

    /// In fair weather everything comes to its end.
    async fn end(&mut self) {
        self.shop.sim.platform().change_faults(|faults| *faults = yutang::sim::Faults::default());
        let server = self.shop.serve_registered().await;
        let deadline = Instant::now() + ENDURANCE;
        loop {
            let is_open = |(index, order): &&(usize, OrderId)| {
                self.shop.accounts[*index].order(order).unwrap().state == OrderState::Paid
            };
            let open: Vec<_> = self.orders.iter().filter(is_open).collect();
            if open.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "seed {}: {open:?} are not served\n{}", self.seed, server.log());
            sleep(Duration::from_millis(50)).await;
        }
        self.check();
        let busy = "units WHERE state IN ('reserved', 'sent')";
        assert_eq!(self.shop.await_none(busy).await, 0, "seed {}\n{}", self.seed, server.log());
        server.terminate().cleanly();
        self.shop.run(&["ledger", "verify"]).succeeded();
    }

    fn check(&self) {
        let mut seen: BTreeMap<String, &OrderId> = BTreeMap::new();
        for (index, id) in &self.orders {
            let account = &self.shop.accounts[*index];
            let order = account.order(id).unwrap();
            let heard: Vec<String> = account
                .received(&order.conversation)
                .iter()
                .flat_map(|delivery| delivery.text().lines().map(str::to_owned).collect::<Vec<_>>())
                .filter(|line| line.starts_with("CODE-"))
                .collect();
            for code in &heard {
                assert_eq!(seen.insert(code.clone(), id), None, "seed {}: {code} arrived twice", self.seed);
            }
            if order.state == OrderState::Shipped {
                assert_eq!(heard.len(), order.quantity as usize, "seed {}: {order:?} got {heard:?}", self.seed);
            }
        }
    }
}

/// A pool for the item, and accounts that deliver.
fn set_up(shop: &Shop) {
    let store = shop.store();
    let owner = UserId(shop.number("SELECT min(owner_id) AS number FROM accounts"));
    let (scope, keys) = (Scope::owner(owner), store.keys().clone());
    let card = store.write_blocking(move |conn| {
        cards::insert(conn, &keys, &scope, &NewCard::new("pool", Kind::Pool), Timestamp(1))
    });
    let card = card.unwrap().unwrap();
    let sealer = Sealer::new(store.keys(), owner, card);
    let lines: Vec<_> = (0..CODES).map(|code| sealer.seal(&format!("CODE-{code:06}"))).collect();
    for piece in lines.chunks(units::PIECE).map(<[_]>::to_vec) {
        let imported = move |conn: &mut _| units::import(conn, &scope, card, piece, Duplicates::Keep, Timestamp(1));
        store.write_blocking(imported).unwrap();
    }
    let rest = move |conn: &mut _| {
        delivery_rules::insert(conn, &scope, &binding(ITEM, &[card]), Timestamp(1))?;
        for account in accounts::list(conn, &scope)? {
            let settings = DeliverySettings { enabled: true, ..DeliverySettings::unset(account.id) };
            delivery_settings::put(conn, &scope, &settings)?;
        }
        Ok(())
    };
    store.write_blocking(rest).unwrap();
}

async fn kills(shop: Shop) {
    let kills = env::var("YUTANG_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let mut story = Story::new(shop);
    story.shop.serve_registered().await.terminate().cleanly();
    for _ in 0..kills {
        story.live().await;
    }
    story.end().await;
}

#[actix_web::test]
async fn d1_a_server_killed_at_random_points_gives_every_order_its_codes_once() {
    kills(Shop::with_accounts(3)).await;
}

#[actix_web::test]
async fn d2_codes_of_a_killed_server_neither_vanish_nor_serve_two() {
    kills(Shop::with_accounts(1)).await;
}

#[actix_web::test]
async fn on_postgres_a_killed_server_gives_every_order_its_codes_once() {
    if let Some(shop) = Shop::on_postgres(2) {
        kills(shop).await;
    }
}
