//! What is done about orders besides their delivery: each once, over restarts and lost answers, and nothing that nobody switched on.

use std::time::Duration;

use awc::http::Method;
use serde_json::{Value, json};
use yutang::{
    delivery::{follow_up::Plan, messages::DeliveriesDue, step::Unit},
    ids::{CardId, Fen, OrderId, Timestamp},
    notify::event::Event,
    order::status::{Cause, Status},
    platform::mtop::order::{OrderDetail, SoldOrder, TradeState},
    sim::{Listing, NewOrder, Order, OrderState, Step, Telling},
    store::{
        follow_up_settings, notices,
        order_actions::{self, Action, Row, State},
        orders,
    },
    telemetry::clock,
};

use crate::{
    client::Api,
    deliveries::{BUYER, ITEM, Till},
    harness::{Shop, TestApp},
};

const RATE: &str = "mtop.taobao.idle.rate.create";
const CLOSE: &str = "mtop.taobao.idle.trade.merchant.close.by.seller";
const OFFLINE: &str = "mtop.alibaba.idle.seller.pc.item.batch.offline";
const CODE: &str = "AAAA-1111";

/// Everything is on, and due at once.
fn all() -> Plan {
    let off = Plan { ask_after_d: 0, close_after_m: 0, ask_text: "收到了吗？".into(), ..Plan::default() };
    Plan { rate: true, flower: true, ask: true, close: true, ..off }
}

fn follows_up(app: &TestApp, shop: &Shop, plan: Plan) {
    let (scope, id, now) = (app.scope(), shop.id, clock::unix());
    app.write(move |conn| follow_up_settings::put(conn, &scope, id, &plan, now));
}

/// A shop that delivers one code, and does besides what the plan says.
async fn selling(plan: Plan) -> (TestApp, Shop) {
    let mut app = TestApp::new();
    let shop = app.open("a");
    let card = app.pool("会员码", &[CODE, "BBBB-2222"]);
    app.binds(ITEM, &[card]);
    app.delivers(&shop);
    if plan != Plan::default() {
        follows_up(&app, &shop, plan);
    }
    app.start().await;
    (app, shop)
}

fn row(app: &TestApp, shop: &Shop, order: &OrderId, action: Action) -> Option<Row> {
    let (id, order) = (shop.id, order.clone());
    app.read(move |conn| order_actions::find(conn, id, &order, action))
}

async fn done(app: &TestApp, shop: &Shop, order: &OrderId, action: Action) -> Row {
    let done = || row(app, shop, order, action).filter(|row| row.state == State::Done);
    app.eventually(action.as_str(), done).await
}

async fn stands(app: &TestApp, shop: &Shop, order: &OrderId, status: Status) {
    app.eventually(status.as_str(), || (app.stands(shop, order) == Some(status)).then_some(())).await;
}

/// Nothing is to be done for the order, now or later.
async fn at_rest(app: &TestApp, shop: &Shop, order: &OrderId) {
    let due = || {
        let (id, order) = (shop.id, order.clone());
        app.read(move |conn| orders::find(conn, id, &order)).unwrap().deliver_due
    };
    app.eventually("nothing is due", || due().is_none().then_some(())).await;
}

async fn look_again(app: &TestApp, shop: &Shop, order: &OrderId) {
    let (id, wanted) = (shop.id, order.clone());
    app.write(move |conn| orders::set_deliver_due(conn, id, &wanted, Some(clock::unix())));
    app.registry().do_send(DeliveriesDue(id));
    at_rest(app, shop, order).await;
}

fn kept(shop: &Shop, order: &OrderId) -> Order {
    shop.order(order).unwrap()
}

fn heard(shop: &Shop, order: &OrderId) -> Vec<String> {
    shop.seen(&kept(shop, order).conversation)
}

fn pays(shop: &Shop, buyer: &str) -> OrderId {
    let order = shop.place_order(NewOrder::new(buyer, ITEM));
    shop.pay(&order).unwrap();
    order
}

#[actix_web::test]
async fn a_buyer_is_asked_to_confirm_rated_and_asked_for_a_flower_once_over_a_restart() {
    let (mut app, shop) = selling(Plan { close: false, ..all() }).await;
    let order = pays(&shop, BUYER);
    stands(&app, &shop, &order, Status::Shipped).await;
    app.eventually("the question", || (heard(&shop, &order).len() == 2).then_some(())).await;
    assert_eq!(heard(&shop, &order), [CODE, "收到了吗？"]);
    app.restart().await;
    look_again(&app, &shop, &order).await;

    shop.confirm_receipt(&order).unwrap();
    let rated = done(&app, &shop, &order, Action::Rate).await;
    assert_eq!((rated.wanted, rated.asked_by), (Plan::default().rate_texts.first().cloned(), None));
    done(&app, &shop, &order, Action::Flower).await;
    app.restart().await;
    look_again(&app, &shop, &order).await;
    let counts = kept(&shop, &order).counts;
    assert_eq!((counts.rates, counts.flowers, counts.closes), (1, 1, 0));
    assert_eq!(heard(&shop, &order), [CODE, "收到了吗？"]);
}

#[actix_web::test]
async fn nothing_is_done_that_nobody_switched_on() {
    let (app, shop) = selling(Plan::default()).await;
    let unpaid = shop.place_order(NewOrder::new("2200000000888", ITEM));
    let order = pays(&shop, BUYER);
    stands(&app, &shop, &order, Status::Shipped).await;
    at_rest(&app, &shop, &order).await;
    shop.confirm_receipt(&order).unwrap();
    stands(&app, &shop, &order, Status::Completed).await;
    stands(&app, &shop, &unpaid, Status::Processing).await;
    for order in [&order, &unpaid] {
        at_rest(&app, &shop, order).await;
        let counts = kept(&shop, order).counts;
        assert_eq!((counts.rates, counts.flowers, counts.closes), (0, 0, 0));
    }
    assert_eq!(heard(&shop, &order), [CODE]);
}

/// Where our own account is the buyer the order is none of ours, whatever is switched on.
#[actix_web::test]
async fn nothing_is_done_about_what_we_bought() {
    let (app, shop) = selling(all()).await;
    let bought = shop.place_order(NewOrder::new(shop.uid.as_str(), ITEM));
    let sold = pays(&shop, BUYER);
    stands(&app, &shop, &sold, Status::Shipped).await;
    app.eventually("it is forgotten", || app.stands(&shop, &bought).is_none().then_some(())).await;
    shop.confirm_receipt(&sold).unwrap();
    done(&app, &shop, &sold, Action::Flower).await;
    let counts = kept(&shop, &bought).counts;
    assert_eq!((counts.rates, counts.flowers, counts.closes), (0, 0, 0));
    assert_eq!(heard(&shop, &bought), [""; 0]);
}

/// What got no answer is tried again. The platform does not say "rated already" in words of its own: its refusal is noted, and nothing more is
/// made of it.
#[actix_web::test]
async fn a_rating_whose_answer_is_lost_is_made_once() {
    let (app, shop) = selling(Plan { rate: true, ..Plan::default() }).await;
    let order = pays(&shop, BUYER);
    stands(&app, &shop, &order, Status::Shipped).await;
    app.platform().change_faults(|faults| faults.lose_answer = [RATE.to_owned()].into());
    shop.confirm_receipt(&order).unwrap();
    app.eventually("rated", || kept(&shop, &order).times.rated_by_seller).await;
    app.platform().heal();
    let refused = || row(&app, &shop, &order, Action::Rate).filter(|row| row.error.is_some());
    let refused = app.eventually("refused", refused).await;
    assert_eq!((refused.state, refused.tries), (State::Due, 1));
    assert_eq!(app.waits_for_a_person(&shop, &order), [], "no money is at stake");
}

/// That the answer is lost does not close it twice: the platform says by then that it is closed.
#[actix_web::test]
async fn an_unpaid_order_is_closed_once_and_a_bargain_never() {
    let mut app = TestApp::new();
    let shop = app.open("a");
    follows_up(&app, &shop, Plan { close: true, close_after_m: 0, ..Plan::default() });
    app.start().await;
    app.platform().change_faults(|faults| faults.lose_answer = [CLOSE.to_owned()].into());
    let bargain = shop.place_order(NewOrder { bargain: true, ..NewOrder::new("2200000000888", ITEM) });
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    let closed = done(&app, &shop, &order, Action::Close).await;
    assert_eq!(closed.wanted.as_deref(), Some("买家长时间未付款"));
    stands(&app, &shop, &order, Status::Cancelled).await;
    let order = kept(&shop, &order);
    assert_eq!((order.state, order.counts.closes), (OrderState::Closed, 1));
    stands(&app, &shop, &bargain, Status::Processing).await;
    at_rest(&app, &shop, &bargain).await;
    assert_eq!(kept(&shop, &bargain).counts.closes, 0);
}

/// The buyer pays between our last look and the close: the platform refuses it, and the order is served.
#[actix_web::test]
async fn an_order_that_is_paid_at_the_last_moment_is_not_closed_but_served() {
    let (app, shop) = selling(Plan::default()).await;
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    stands(&app, &shop, &order, Status::Processing).await;
    at_rest(&app, &shop, &order).await;
    // What the platform tells lags: the last look says that it is not paid.
    app.platform().change_faults(|faults| faults.stale_orders = true);
    shop.happens_told(&order, Step::Pay, &Telling::NOTHING).unwrap();
    follows_up(&app, &shop, Plan { close: true, close_after_m: 0, ..Plan::default() });
    app.registry().do_send(DeliveriesDue(shop.id));
    app.eventually("it was tried", || (kept(&shop, &order).counts.closes == 1).then_some(())).await;
    app.platform().heal();
    let seller = app.signed_in("seller").await;
    let refresh = format!("/api/v1/orders/{}.{order}/refresh", shop.id);
    seller.send(Method::POST, &refresh, None).await;
    stands(&app, &shop, &order, Status::Shipped).await;
    assert_eq!((heard(&shop, &order), app.given(&shop, &order)), (vec![CODE.to_owned()], vec![Unit::Confirmed]));
    app.eventually("it is given up", || {
        row(&app, &shop, &order, Action::Close).filter(|row| row.state == State::Failed)
    })
    .await;
    assert_eq!((kept(&shop, &order).state, kept(&shop, &order).counts.closes), (OrderState::Shipped, 1));
}

/// An order that we heard of, and that was completed, so long ago.
fn completed_before(app: &TestApp, shop: &Shop, age: Duration) -> OrderId {
    let order = shop.place_order(NewOrder { telling: Telling::NOTHING, ..NewOrder::new("2200000000888", ITEM) });
    for step in [Step::Pay, Step::Ship, Step::Receive] {
        shop.happens_told(&order, step, &Telling::NOTHING).unwrap();
    }
    let then = Timestamp(clock::unix().0 - i64::try_from(age.as_millis()).unwrap());
    let (id, own, keys) = (shop.id, shop.uid.clone(), app.store().keys().clone());
    let sold = SoldOrder {
        order: order.clone(),
        item: ITEM.into(),
        buyer: "2200000000888".into(),
        buyer_name: None,
        state: Some(TradeState::Completed),
        in_refund: false,
        quantity: None,
        amount: None,
        is_bargain: false,
        placed_at: None,
    };
    let detail = OrderDetail {
        order: order.clone(),
        item: ITEM.into(),
        buyer: "2200000000888".into(),
        state: Some(TradeState::Completed),
        quantity: 1,
        spec: Vec::new(),
        price: None,
        amount: None,
        address: None,
        placed_at: None,
    };
    app.write(move |conn| {
        orders::note_listed(conn, id, &[sold], then)?;
        orders::read(conn, &keys, id, &own, &detail, Cause::Person, then)
    });
    order
}

/// Switching on rates what was done lately, and no older deal.
#[actix_web::test]
async fn switching_on_looks_at_what_is_open_or_was_completed_lately() {
    let (app, shop) = selling(Plan::default()).await;
    let recent = pays(&shop, BUYER);
    stands(&app, &shop, &recent, Status::Shipped).await;
    shop.confirm_receipt(&recent).unwrap();
    stands(&app, &shop, &recent, Status::Completed).await;
    let old = completed_before(&app, &shop, Duration::from_hours(24 * 15));
    for order in [&recent, &old] {
        look_again(&app, &shop, order).await;
    }
    let seller = app.signed_in("seller").await;
    let path = format!("/api/v1/accounts/{}/follow-ups", shop.id);
    seller.patch(&path, &json!({"rate": true, "rate_texts": ["谢谢"]})).await.is(200);
    assert_eq!(done(&app, &shop, &recent, Action::Rate).await.wanted.as_deref(), Some("谢谢"));
    look_again(&app, &shop, &old).await;
    assert_eq!((kept(&shop, &recent).counts.rates, kept(&shop, &old).counts.rates), (1, 0));
}

fn at(shop: &Shop, order: &OrderId, rest: &str) -> String {
    format!("/api/v1/orders/{}.{order}{rest}", shop.id)
}

async fn listed(seller: &Api, shop: &Shop, order: &OrderId, kind: &str) -> Value {
    let page = seller.get(&at(shop, order, "/actions")).await.is(200).json();
    page["items"].as_array().unwrap().iter().find(|row| row["kind"] == kind).cloned().unwrap_or_default()
}

/// A wish is made once; another takes its place; what the order does not allow is refused in words.
#[actix_web::test]
async fn a_person_changes_a_price_once_for_each_amount_and_closes_what_is_unpaid() {
    let (app, shop) = selling(Plan::default()).await;
    let seller = app.signed_in("seller").await;
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    stands(&app, &shop, &order, Status::Processing).await;
    let noted = seller.post(&at(&shop, &order, "/price"), &json!({"amount": 8_805})).await.is(202).json();
    assert_eq!(
        (&noted["kind"], &noted["wanted"], &noted["asked_by"]),
        (&json!("price"), &json!("8805"), &json!("seller"))
    );
    app.eventually("the price", || (kept(&shop, &order).amount == Fen(8_805)).then_some(())).await;
    done(&app, &shop, &order, Action::Price).await;
    let amount = || {
        let (id, order) = (shop.id, order.clone());
        app.read(move |conn| orders::find(conn, id, &order)).unwrap().amount
    };
    app.eventually("it is read again", || (amount() == Some(Fen(8_805))).then_some(())).await;
    let again = seller.post(&at(&shop, &order, "/price"), &json!({"amount": 8_805})).await.is(202).json();
    assert_eq!(again["state"], "done");
    assert_eq!(kept(&shop, &order).counts.price_changes, 1);
    seller.post(&at(&shop, &order, "/price"), &json!({"amount": 9_000})).await.is(202);
    app.eventually("the price", || (kept(&shop, &order).amount == Fen(9_000)).then_some(())).await;
    assert_eq!(kept(&shop, &order).counts.price_changes, 2);
    done(&app, &shop, &order, Action::Price).await;

    let early = seller.post(&at(&shop, &order, "/rate"), &json!({"text": "好"})).await.is(409).json();
    assert_eq!(early["code"], "wrong_state", "{early}");
    seller.post(&at(&shop, &order, "/close"), &json!({"reason": "买家不要了"})).await.is(202);
    stands(&app, &shop, &order, Status::Cancelled).await;
    done(&app, &shop, &order, Action::Close).await;
    assert_eq!((kept(&shop, &order).state, kept(&shop, &order).counts.closes), (OrderState::Closed, 1));
    let closed = listed(&seller, &shop, &order, "close").await;
    assert_eq!((&closed["wanted"], &closed["asked_by"]), (&json!("买家不要了"), &json!("seller")));
    let text =
        seller.as_who().with("accept-language", "zh").post(&at(&shop, &order, "/price"), &json!({"amount": 1})).await;
    assert!(text.is(409).text.contains("不能改价"));
}

#[actix_web::test]
async fn a_person_rates_and_asks_for_a_flower_once_and_what_was_said_goes_with_the_buyer() {
    let (app, shop) = selling(Plan::default()).await;
    let seller = app.signed_in("seller").await;
    let order = pays(&shop, BUYER);
    stands(&app, &shop, &order, Status::Shipped).await;
    shop.confirm_receipt(&order).unwrap();
    stands(&app, &shop, &order, Status::Completed).await;
    for _ in 0..2 {
        let rated = seller.post(&at(&shop, &order, "/rate"), &json!({"text": "付款爽快"})).await;
        assert!([202, 409].contains(&rated.status), "{}", rated.text);
    }
    seller.send(Method::POST, &at(&shop, &order, "/flower"), None).await.is(202);
    done(&app, &shop, &order, Action::Rate).await;
    done(&app, &shop, &order, Action::Flower).await;
    seller.send(Method::POST, &at(&shop, &order, "/flower"), None).await.is(409);
    let counts = kept(&shop, &order).counts;
    assert_eq!((counts.rates, counts.flowers), (1, 1));
    let timeline = seller.get(&at(&shop, &order, "/timeline?per_page=200")).await.is(200).json();
    let entry = timeline["items"].as_array().unwrap().iter().find(|entry| entry["code"] == "rate").unwrap().clone();
    assert_eq!((&entry["what"], &entry["details"]), (&json!("action"), &json!("seller")));

    seller.delete(&format!("/api/v1/buyers/{BUYER}")).await.is(200);
    assert_eq!(row(&app, &shop, &order, Action::Rate).unwrap().wanted, None);
    assert_eq!(app.given(&shop, &order), [Unit::Confirmed], "that it was served stays");
}

fn is_on_sale(shop: &Shop) -> bool {
    let mut on_sale = false;
    shop.change_listing(ITEM, |listing| on_sale = listing.on_sale);
    on_sale
}

/// A shop that delivers the last of its codes, and what comes of that.
async fn sold_out(refused: bool) -> (TestApp, Shop, CardId, OrderId) {
    let mut app = TestApp::new();
    let shop = app.open("a");
    shop.sell(Listing { stock: 9, ..Listing::new(ITEM, "会员月卡") });
    let card = app.pool("会员码", &[CODE]);
    app.binds(ITEM, &[card]);
    app.delivers(&shop);
    follows_up(&app, &shop, Plan { off_sale: true, ..Plan::default() });
    if refused {
        let answer = "FAIL_BIZ_PERMISSION_DENIED::无权限".to_owned();
        app.platform().change_faults(|faults| drop(faults.refuse.insert(OFFLINE.into(), answer)));
    }
    app.start().await;
    let order = pays(&shop, BUYER);
    stands(&app, &shop, &order, Status::Shipped).await;
    (app, shop, card, order)
}

#[actix_web::test]
async fn an_item_whose_last_piece_is_taken_goes_off_the_sale_once_each_time_and_the_seller_is_told() {
    let (mut app, shop, card, order) = sold_out(false).await;
    let taken = done(&app, &shop, &order, Action::OffSale).await;
    assert_eq!((taken.wanted, taken.tries), (Some(card.to_string()), 1));
    assert!(!is_on_sale(&shop));
    let told: Vec<_> = app.read(notices::live).into_iter().map(|row| (row.event, row.account)).collect();
    assert_eq!(told, [(Event::ItemOffSale, Some(shop.id))]);

    // Put on sale again by its seller it stays there, until the stock runs out once more.
    shop.change_listing(ITEM, |listing| listing.on_sale = true);
    app.restart().await;
    look_again(&app, &shop, &order).await;
    assert!(is_on_sale(&shop));
    app.stock(card, &["BBBB-2222", "CCCC-3333"]);
    let [next, last] = ["2200000000888", "2200000000999"].map(|buyer| pays(&shop, buyer));
    for order in [&next, &last] {
        stands(&app, &shop, order, Status::Shipped).await;
    }
    let either = || [&next, &last].into_iter().find_map(|order| row(&app, &shop, order, Action::OffSale));
    app.eventually("the last one", || either().filter(|row| row.state == State::Done)).await;
    assert!(!is_on_sale(&shop));
    let both = [&next, &last].map(|order| row(&app, &shop, order, Action::OffSale).is_some());
    assert_eq!(both.into_iter().filter(|is_one| *is_one).count(), 1);
}

#[actix_web::test]
async fn an_item_stays_on_sale_where_its_stock_came_back_meanwhile() {
    let (app, shop, card, order) = sold_out(true).await;
    let refused = || row(&app, &shop, &order, Action::OffSale).filter(|row| row.error.is_some());
    app.eventually("it was refused", refused).await;
    app.platform().heal();
    app.stock(card, &["BBBB-2222"]);
    look_again(&app, &shop, &order).await;
    let given_up = row(&app, &shop, &order, Action::OffSale).unwrap();
    assert_eq!((given_up.state, given_up.error.as_deref()), (State::Failed, Some("there is stock again")));
    assert!(is_on_sale(&shop));
}

#[actix_web::test]
async fn follow_ups_are_off_until_they_are_set_and_what_makes_no_sense_is_refused() {
    let (app, shop) = selling(Plan::default()).await;
    let seller = app.signed_in("seller").await;
    let path = format!("/api/v1/accounts/{}/follow-ups", shop.id);
    let unset = seller.get(&path).await.is(200).json();
    for switch in ["rate", "flower", "ask_confirmation", "close_unpaid", "take_off_sale"] {
        assert_eq!(unset[switch], false, "{switch}");
    }
    assert_eq!(unset["updated_at"], Value::Null);
    for (change, field) in [
        (json!({"rate_texts": []}), "rate_texts"),
        (json!({"rate_texts": [" "]}), "rate_texts[0]"),
        (json!({"ask_after_days": 31}), "ask_after_days"),
        (json!({"close_after_minutes": 4}), "close_after_minutes"),
    ] {
        let refused = seller.patch(&path, &change).await;
        assert!((400..500).contains(&refused.status), "{}", refused.text);
        assert_eq!(refused.field(), field, "{change}");
    }
    let set = seller.patch(&path, &json!({"close_unpaid": true, "close_after_minutes": 30})).await.is(200).json();
    assert_eq!(
        (&set["close_unpaid"], &set["close_after_minutes"], &set["rate"]),
        (&json!(true), &json!(30), &json!(false))
    );
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    stands(&app, &shop, &order, Status::Processing).await;
    let due = || {
        let (id, order) = (shop.id, order.clone());
        let row = app.read(move |conn| orders::find(conn, id, &order)).unwrap();
        row.deliver_due.filter(|due| *due > clock::unix() + Duration::from_mins(20))
    };
    app.eventually("it is to be looked at then", due).await;
    assert_eq!(kept(&shop, &order).counts.closes, 0);
}
