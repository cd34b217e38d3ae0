//! What each rule is good for: how often it was used, how fast the buyer had the answer, and whether an order followed.

use std::time::Duration;

use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    ids::OrderId,
    sim::{Answer, Stage},
};

use crate::{
    client::Api,
    harness::{PATIENCE, Shop, TestApp, default_reply},
};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

async fn figures(api: &Api, query: &str) -> Vec<Value> {
    let page = api.get(&format!("/api/v1/rule-figures{query}")).await.is(200).json();
    page["items"].as_array().unwrap().clone()
}

/// Hits, answered and orders of a rule.
async fn counted(api: &Api, rule: &Value) -> (Value, [i64; 3]) {
    let figures = api.get(&format!("/api/v1/rule-figures/{}", rule["id"])).await.is(200).json();
    let counts = ["hits", "answered", "orders"].map(|name| figures[name].as_i64().unwrap());
    (figures, counts)
}

/// The card is stored together with what it tells.
async fn paid(app: &TestApp, shop: &Shop, order: &str) {
    let said = shop.order_becomes(BUYER, ITEM, &OrderId::from(order), Stage::Paid).unwrap();
    app.decided(shop, &said).await;
}

/// D1: what is told again, before and after a restart, counts once.
#[actix_web::test]
async fn d1_a_rule_that_answers_and_sells_shows_it_once() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(default_reply("稍等"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    let new = json!({"keyword": "价格", "actions": [{"text": "一百"}, {"text": "包邮"}]});
    let rule = seller.post("/api/v1/keywords", &new).await.is(201).json();
    assert_eq!(counted(&seller, &rule).await.1, [0, 0, 0]);
    app.noticed().await;

    let said = shop.buyer_says(BUYER, ITEM, "价格?");
    app.answers(&shop, &said.conversation, &["一百", "包邮"]).await;
    let (shown, counts) = counted(&seller, &rule).await;
    assert_eq!(counts, [1, 1, 0]);
    let within = shown["answered_within_ms"].as_i64().unwrap();
    assert!((0..60_000).contains(&within), "{within}");
    assert_eq!((&shown["kind"], &shown["keyword"]), (&json!("keyword"), &json!("价格")));
    assert_eq!((&shown["account_id"], &shown["enabled"]), (&Value::Null, &json!(true)));
    let decided = app.decided(&shop, &said).await.decided_at;
    assert_eq!((&shown["last_hit_at"], &shown["last_order_at"]), (&json!(decided), &Value::Null));

    for _ in 0..2 {
        paid(&app, &shop, "2500000000000000001").await;
    }
    app.restart().await;
    let seller = app.signed_in("seller").await;
    paid(&app, &shop, "2500000000000000001").await;
    app.settled(&shop).await;
    let (shown, counts) = counted(&seller, &rule).await;
    assert_eq!(counts, [1, 1, 1]);
    assert!(shown["last_order_at"].is_i64());
    let days = shown["by_day"].as_array().unwrap();
    assert_eq!((days.len(), &days[0]["hits"], &days[0]["orders"]), (1, &json!(1), &json!(1)));
    paid(&app, &shop, "2500000000000000002").await;
    assert_eq!(counted(&seller, &rule).await.1, [1, 1, 2], "another order");
}

/// What was in the air when the server ended is found in the history, and counts then.
#[actix_web::test]
async fn an_answer_that_a_restart_finds_in_the_history_is_one() {
    let mut app = TestApp::with(|settings| settings.outbox.answer_wait = Duration::from_secs(60));
    let shop = app.open("shop");
    app.rule(default_reply("稍等"));
    app.start().await;
    shop.answer_next([Answer::NoAnswerNoEcho]);
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    shop.await_delivered(&said.conversation, 1, PATIENCE).await;
    let seller = app.signed_in("seller").await;
    let before = figures(&seller, "").await;
    assert_eq!((&before[0]["hits"], &before[0]["answered"]), (&json!(1), &json!(0)));
    app.restart().await;
    app.answers(&shop, &said.conversation, &["稍等"]).await;
    let seller = app.signed_in("seller").await;
    let after = figures(&seller, "").await;
    assert_eq!((&after[0]["hits"], &after[0]["answered"]), (&json!(1), &json!(1)));
}

#[actix_web::test]
async fn a_rule_for_events_has_figures_as_well() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    let seller = app.signed_in("seller").await;
    let thanks = json!({"trigger": "order_paid", "actions": [{"text": "收到付款"}, {"text": "马上发货"}]});
    let rule = seller.post("/api/v1/event-rules", &thanks).await.is(201).json();
    app.noticed().await;
    let said = shop.order_becomes(BUYER, ITEM, &"2500000000000000001".into(), Stage::Paid).unwrap();
    app.answers(&shop, &said.conversation, &["收到付款", "马上发货"]).await;
    let (shown, counts) = counted(&seller, &rule).await;
    assert_eq!((&shown["kind"], counts), (&json!("event_rule"), [1, 1, 0]));
    assert!(shown["answered_within_ms"].is_i64());
}

#[actix_web::test]
async fn rules_that_nobody_needs_are_found() {
    let mut app = TestApp::new();
    let (shop, second) = (app.open("shop"), app.open("second"));
    app.employ("viewer", Role::Viewer, Some(app.scope().user()), &[second.id]);
    app.rule(default_reply("稍等"));
    app.start().await;
    let (seller, viewer) = (app.signed_in("seller").await, app.signed_in("viewer").await);
    let new = |keyword: &str, account: Option<&Shop>| json!({"keyword": keyword, "account_id": account.map(|shop| shop.id), "actions": []});
    for (keyword, account) in [("价格", None), ("包邮", None), ("发货", Some(&shop))] {
        seller.post("/api/v1/keywords", &new(keyword, account)).await.is(201);
    }
    seller.post("/api/v1/keywords?draft=true", &new("草稿", None)).await.is(201);
    app.noticed().await;
    let silent = shop.buyer_says(BUYER, ITEM, "价格");
    app.is_silent(&shop, &silent, "empty_reply").await;
    let said = shop.buyer_says(OTHER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["稍等"]).await;

    let keywords =
        |items: &[Value]| items.iter().map(|item| item["keyword"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let unused = figures(&seller, "?unused=true&days=7").await;
    assert_eq!(keywords(&unused), ["包邮", "发货"]);
    assert_eq!((&unused[0]["hits"], &unused[0]["answered_within_ms"]), (&json!(0), &Value::Null));
    assert_eq!(keywords(&figures(&seller, "?unused=false&sort=last_hit").await), ["", "价格"]);
    assert_eq!(keywords(&figures(&seller, "?kind=keyword&unused=false").await), ["价格"], "silence is a use");
    assert_eq!(keywords(&figures(&seller, &format!("?account={}", shop.id)).await), ["发货"]);
    assert_eq!(keywords(&figures(&seller, "?global=true&kind=default_reply").await), [""]);
    assert_eq!(keywords(&figures(&viewer, "?kind=keyword").await), ["价格", "包邮"], "not those of another account");
    for query in ["days=0", "days=401", "sort=name", "kind=rule"] {
        seller.get(&format!("/api/v1/rule-figures?{query}")).await.refused(400, "invalid_query");
    }
    seller.get("/api/v1/rule-figures/999999").await.refused(404, "not_found");
    seller.get(&format!("/api/v1/rule-figures/{}?days=400", unused[0]["rule_id"])).await.is(200);
}
