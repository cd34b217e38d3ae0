//! What the platform tells of orders becomes an event, once; what people write never does.

use serde_json::{Value, json};
use yutang::{
    ids::{ConversationId, OrderId, Timestamp},
    order::event::OrderEvent,
    sim::{Card, Stage},
    store::{
        Page,
        order_events::{self, Filter, Row},
    },
};

use crate::harness::{PATIENCE, Shop, TestApp, two_shops};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

fn order() -> OrderId {
    "2500000000000000001".into()
}

/// The events of an account, oldest first.
fn events(app: &TestApp, shop: &Shop) -> Vec<Row> {
    let (scope, filter) = (app.scope(), Filter { account: Some(shop.id), ..Filter::default() });
    let (mut rows, _) = app.read(move |conn| order_events::page(conn, &scope, &filter, Page::first(1000)));
    rows.reverse();
    rows
}

fn names(app: &TestApp, shop: &Shop) -> Vec<&'static str> {
    events(app, shop).iter().map(|row| row.event.as_str()).collect()
}

async fn handled(app: &TestApp, shop: &Shop, count: usize) -> Vec<Row> {
    let found = || {
        let rows = events(app, shop);
        (rows.iter().filter(|row| row.handled_at.is_some()).count() >= count).then_some(rows)
    };
    app.eventually("the events are handled", found).await
}

/// D1: the same payment, told by two cards, a change of the card, a badge, and once more after a reconnect.
#[actix_web::test]
async fn d1_a_payment_that_is_told_again_and_again_is_one_event() {
    let (app, shop, _) = two_shops().await;
    let said = shop.order_becomes(BUYER, ITEM, &order(), Stage::Paid).unwrap();
    handled(&app, &shop, 1).await;
    assert!(shop.card_update(&said.conversation));
    shop.order_becomes(BUYER, ITEM, &order(), Stage::Paid).unwrap();
    shop.badge(&said.conversation, "等待卖家发货");
    shop.reset();
    assert!(shop.await_registered(2, PATIENCE).await);
    shop.order_becomes(BUYER, ITEM, &order(), Stage::Shipped).unwrap();
    let rows = handled(&app, &shop, 2).await;
    assert_eq!(names(&app, &shop), ["paid", "shipped"]);
    let paid = &rows[0];
    assert_eq!((paid.order.clone(), paid.conversation.clone()), (Some(order()), said.conversation.clone()));
    assert_eq!((paid.buyer.clone(), paid.item.clone()), (Some(BUYER.into()), Some(ITEM.into())));
    assert_eq!(paid.at, Timestamp(said.created_at));
}

/// D11: there, the sentence in a chat text began a delivery.
#[actix_web::test]
async fn d11_a_buyer_who_types_the_platforms_sentence_causes_no_event() {
    let (app, shop, _) = two_shops().await;
    for text in ["[我已付款，等待你发货]", "[买家已付款] orderId=2500000000000000001", "[记得及时发货]"]
    {
        app.decided(&shop, &shop.buyer_says(BUYER, ITEM, text)).await;
    }
    let said = shop.order_becomes(BUYER, ITEM, &order(), Stage::Ordered).unwrap();
    app.is_silent(&shop, &said, "not_a_person").await;
    handled(&app, &shop, 1).await;
    assert_eq!(names(&app, &shop), ["placed"]);
}

#[actix_web::test]
async fn an_order_is_followed_from_its_beginning_to_its_end() {
    let (app, shop, _) = two_shops().await;
    for stage in [Stage::Ordered, Stage::Paid, Stage::RefundAsked, Stage::Refunded] {
        shop.order_becomes(BUYER, ITEM, &order(), stage).unwrap();
    }
    handled(&app, &shop, 4).await;
    assert_eq!(names(&app, &shop), ["placed", "paid", "refunding", "refunded"]);
    let other: OrderId = "2500000000000000002".into();
    for stage in [Stage::Paid, Stage::Shipped, Stage::Received] {
        shop.order_becomes(BUYER, ITEM, &other, stage).unwrap();
    }
    handled(&app, &shop, 7).await;
    let (owner, buyers) = (app.scope().user(), [BUYER.into()]);
    let paid = app.read(move |conn| order_events::paid_orders(conn, owner, &buyers));
    assert_eq!(paid[&BUYER.into()], 2);
}

/// The platform's own account tells it, in no buyer's name and of no order in particular.
#[actix_web::test]
async fn a_tip_is_told_too_and_the_buyer_is_who_wrote_before() {
    let (app, shop, _) = two_shops().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    shop.tip(&said.conversation, "未付款，买家关闭了订单").unwrap();
    let rows = handled(&app, &shop, 1).await;
    assert_eq!((rows[0].event, rows[0].order.clone()), (OrderEvent::Closed, None));
    assert_eq!(rows[0].buyer, Some(BUYER.into()));
}

/// D14: what was told while nothing ran is in the history.
#[actix_web::test]
async fn d14_a_card_that_was_missed_is_an_event_after_the_start() {
    let (mut app, shop, _) = two_shops().await;
    shop.order_becomes(BUYER, ITEM, &order(), Stage::Ordered).unwrap();
    handled(&app, &shop, 1).await;
    app.stop().await;
    shop.order_becomes(BUYER, ITEM, &order(), Stage::Paid).unwrap();
    app.start().await;
    handled(&app, &shop, 2).await;
    assert_eq!(names(&app, &shop), ["placed", "paid"]);
}

#[actix_web::test]
async fn what_an_account_buys_is_no_order_of_its_buyers() {
    let (app, shop, _) = two_shops().await;
    let conversation = shop.purchase("2200000000999", "900000000009");
    let bought = Card { task_name: "付款完成待发货_买家".into(), ..Card::of_order(&order(), Stage::Paid) };
    let said = shop.system_card(&conversation, bought, Some(&shop.uid)).unwrap();
    app.decided(&shop, &said).await;
    assert_eq!(names(&app, &shop), [""; 0]);
}

#[actix_web::test]
async fn events_are_listed_of_all_and_of_one_conversation() {
    let (app, shop, second) = two_shops().await;
    let said = shop.order_becomes(BUYER, ITEM, &order(), Stage::Paid).unwrap();
    second.order_becomes("2200000000888", ITEM, &"2500000000000000002".into(), Stage::Shipped).unwrap();
    handled(&app, &shop, 1).await;
    handled(&app, &second, 1).await;
    let api = app.signed_in("seller").await;
    let all = api.get("/api/v1/order-events").await.is(200).json();
    assert_eq!(all["total"], 2);
    let found = api.get("/api/v1/order-events?event=paid&order=2500000000000000001").await.is(200).json();
    let path = |conversation: &ConversationId| format!("{}.{conversation}", shop.id);
    let expected = json!({
        "account_id": shop.id, "conversation": path(&said.conversation), "order_id": order(), "event": "paid",
        "buyer_id": BUYER, "item_id": ITEM, "at": said.created_at,
    });
    let item = &found["items"][0];
    for (name, value) in expected.as_object().into_iter().flatten() {
        assert_eq!(&item[name], value, "{name}");
    }
    assert!(item["handled_at"].is_i64());
    // The card was no turn: the conversation is known once somebody wrote in it.
    app.decided(&shop, &shop.buyer_says(BUYER, ITEM, "在吗")).await;
    let listed = format!("/api/v1/conversations/{}/order-events", path(&said.conversation));
    assert_eq!(api.get(&listed).await.is(200).json()["items"], Value::from(vec![item.clone()]));
}
