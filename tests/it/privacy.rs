//! One buyer's data on demand: what is stored, all of it as a file, and none of it any more.

use awc::http::Method;
use serde_json::json;
use yutang::{
    access::role::Role,
    ids::{BuyerId, OrderId, Timestamp},
    outbox::entry::{Entry, SendId, State},
    platform::mtop::order::SoldOrder,
    sim::{Address, NewOrder, Said, Telling},
    store::{conversations, orders, outbox, privacy},
    telemetry::clock,
};

use crate::harness::{Shop, TestApp, echo};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

/// A shop in which both buyers were answered.
async fn answered() -> (TestApp, Shop, Said) {
    let mut app = TestApp::new();
    app.employ("stranger", Role::Owner, None, &[]);
    app.person("watcher", Role::Viewer);
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, "我叫小明");
    app.answers(&shop, &said.conversation, &["答:我叫小明"]).await;
    let other = shop.buyer_says(OTHER, ITEM, "在吗");
    app.answers(&shop, &other.conversation, &["答:在吗"]).await;
    (app, shop, said)
}

/// As the platform's list has an order.
fn listed(order: &OrderId) -> SoldOrder {
    SoldOrder {
        order: order.clone(),
        item: ITEM.into(),
        buyer: BUYER.into(),
        buyer_name: None,
        state: None,
        in_refund: false,
        quantity: None,
        amount: None,
        is_bargain: false,
        placed_at: None,
    }
}

fn address(rest: &str) -> String {
    format!("/api/v1/buyers/{BUYER}{rest}")
}

#[actix_web::test]
async fn all_that_is_stored_about_a_buyer_is_one_file() {
    let (app, shop, said) = answered().await;
    let seller = app.signed_in("seller").await;
    seller.post("/api/v1/blocked-buyers", &json!({"buyer_id": BUYER})).await.is(201);
    seller.put(&address("/tags"), &json!({"tags": ["老客户"]})).await.is(200);
    seller.post(&address("/notes"), &json!({"text": "周末发货"})).await.is(201);
    let home = Address { name: "张三".into(), phone: "13800000000".into(), address: "示例路1号".into() };
    let telling = Telling::NOTHING;
    let order = shop.place_order(NewOrder { address: Some(home), telling, ..NewOrder::new(BUYER, ITEM) });
    let id = shop.id;
    let wanted = order.clone();
    app.write(move |conn| orders::note_listed(conn, id, &[listed(&wanted)], Timestamp(1)));
    seller.send(Method::POST, &format!("/api/v1/orders/{id}.{order}/refresh"), None).await.is(200);
    let stored = json!({"conversations": 1, "messages": 1, "decisions": 1, "sends": 1, "orders": 1, "order_events": 0, "rule_events": 0, "blocks": 1, "items": 0, "tags": 1, "notes": 1});
    assert_eq!(seller.get(&address("")).await.is(200).json()["stored"], stored);
    let file = seller.get(&address("/export")).await.is(200);
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"buyer.json\""));
    let export = file.json();
    assert_eq!((&export["buyer_id"], &export["stored"]), (&json!(BUYER), &stored));
    assert_eq!(export["messages"][0]["text"], "我叫小明");
    assert_eq!(export["messages"][0]["message_id"], said.message.as_str());
    assert_eq!(export["sends"][0]["body"], json!({"type": "text", "text": "答:我叫小明"}));
    assert_eq!(export["conversations"][0]["peer_id"], BUYER);
    assert_eq!((&export["tags"][0], &export["notes"][0]["text"]), (&json!("老客户"), &json!("周末发货")));
    assert_eq!(
        (&export["orders"][0]["order_id"], &export["orders"][0]["address"]),
        (&json!(order), &json!("示例路1号"))
    );
    for part in ["messages", "sends", "orders", "conversations", "blocks", "tags", "notes"] {
        assert_eq!(export[part].as_array().map(Vec::len), Some(1), "{part}");
    }
    let elsewhere = address(&format!("?account={}", shop.id.0 + 1));
    seller.get(&elsewhere).await.refused(404, "not_found");
}

#[actix_web::test]
async fn who_may_not_manage_or_owns_something_else_gets_nothing() {
    let (app, ..) = answered().await;
    let stranger = app.signed_in("stranger").await;
    stranger.get(&address("")).await.refused(404, "not_found");
    stranger.get(&address("/export")).await.refused(404, "not_found");
    stranger.delete(&address("")).await.refused(404, "not_found");
    let watcher = app.signed_in("watcher").await;
    watcher.get(&address("/export")).await.refused(403, "forbidden");
    watcher.delete(&address("")).await.refused(403, "forbidden");
    let seller = app.signed_in("seller").await;
    assert_eq!(seller.get(&address("")).await.is(200).json()["stored"]["messages"], 1);
    seller.get("/api/v1/buyers/nobody").await.refused(404, "not_found");
}

#[actix_web::test]
async fn an_erased_buyer_stays_erased_over_a_restart_and_begins_anew() {
    let (mut app, shop, said) = answered().await;
    let seller = app.signed_in("seller").await;
    let erased = seller.delete(&address("")).await.is(200).json();
    let counts = json!({"conversations": 1, "messages": 1, "decisions": 1, "sends": 1, "orders": 0, "order_events": 0, "rule_events": 0, "blocks": 0, "items": 0, "tags": 0, "notes": 0});
    assert_eq!(erased["erased"], counts);
    let pseudonym = erased["pseudonym"].as_str().unwrap().to_owned();
    assert!(pseudonym.starts_with("erased-") && pseudonym.len() == 39, "{pseudonym}");
    seller.get(&address("")).await.refused(404, "not_found");
    let audit = seller.get("/api/v1/audit?action=buyer.erase").await.is(200).json();
    assert_eq!((&audit["items"][0]["object_id"], &audit["items"][0]["before"]), (&json!(pseudonym), &counts));
    assert!(!audit.to_string().contains(BUYER));

    app.restart().await;
    assert!(app.messages(&shop, &said.conversation).is_empty() && app.sends(&shop, &said.conversation).is_empty());
    let again = shop.buyer_says(BUYER, ITEM, "又来了");
    assert_eq!(again.conversation, said.conversation);
    app.sees(&shop, &said.conversation, &["答:我叫小明", "答:又来了"]).await;
    let texts: Vec<String> = app.messages(&shop, &said.conversation).into_iter().map(|row| row.text).collect();
    assert_eq!(texts, ["又来了"]);
}

/// The engine remembers conversations, but not one that was erased.
#[actix_web::test]
async fn a_buyer_who_writes_right_after_the_erasure_has_a_conversation_again() {
    let (app, shop, said) = answered().await;
    let seller = app.signed_in("seller").await;
    seller.delete(&address("")).await.is(200);
    shop.buyer_says(BUYER, ITEM, "又来了");
    app.sees(&shop, &said.conversation, &["答:我叫小明", "答:又来了"]).await;
    let (account, conversation) = (shop.id, said.conversation.clone());
    let rows = app.read(move |conn| conversations::load_many(conn, account, &[conversation]));
    assert_eq!(rows.first().and_then(|row| row.peer.clone()), Some(BuyerId::from(BUYER)));
}

#[actix_web::test]
async fn what_is_being_sent_holds_an_erasure_up() {
    let (app, shop, said) = answered().await;
    let seller = app.signed_in("seller").await;
    let done = app.sends(&shop, &said.conversation).remove(0);
    let sent = Entry { id: SendId(done.id.0 + 1), state: State::Sent, message: None, settled_at: None, ..done };
    app.write(move |conn| outbox::insert_many(conn, &[sent]));
    let refused = seller.delete(&address("")).await.refused(409, "wrong_state").json();
    assert_eq!(refused["details"]["in_the_air"], 1);
    let scope = app.scope();
    let left = app.read(move |conn| {
        let traces = privacy::find(conn, &scope, None, &BUYER.into(), clock::unix())?;
        privacy::count(conn, &scope, &traces)
    });
    assert_eq!((left.messages, left.sends), (1, 2));
}
