//! Rules that are prepared, published and taken back; rules for some accounts and items, for events, under conditions.

use serde_json::{Value, json};
use yutang::{
    ids::OrderId,
    notify::event::Event,
    sim::Stage,
    store::{Page, notices},
};

use crate::{
    client::Api,
    harness::{Shop, TestApp, default_reply, two_shops},
};

const BUYER: &str = "2200000000777";
const OTHER: &str = "2200000000888";
const ITEM: &str = "900000000001";

fn order() -> OrderId {
    "2500000000000000001".into()
}

async fn running() -> (TestApp, Shop, Api) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(default_reply("稍等"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    (app, shop, seller)
}

async fn says(app: &TestApp, shop: &Shop, buyer: &str, text: &str, answers: &[&str]) {
    app.noticed().await;
    let said = shop.buyer_says(buyer, ITEM, text);
    let before = shop.seen(&said.conversation);
    let expected: Vec<&str> = before.iter().map(String::as_str).chain(answers.iter().copied()).collect();
    app.answers(shop, &said.conversation, &expected).await;
}

/// M17: a change can be looked at before it answers, and taken back.
#[actix_web::test]
async fn a_draft_answers_nothing_until_it_is_published_and_can_be_rolled_back() {
    let (app, shop, seller) = running().await;
    let rule = json!({"keyword": "价格", "actions": [{"text": "一百"}]});
    let live = seller.post("/api/v1/keywords", &rule).await.is(201).json();
    let path = format!("/api/v1/keywords/{}", live["id"]);
    says(&app, &shop, BUYER, "价格", &["一百"]).await;

    let changed = seller.patch(&format!("{path}?draft=true"), &json!({"actions": [{"text": "九十"}]})).await;
    assert_eq!(changed.is(200).json()["actions"], json!([{"text": "九十"}]));
    let new = json!({"keyword": "包邮", "actions": [{"text": "包邮"}]});
    seller.post("/api/v1/keywords?draft=true", &new).await.is(201);
    assert_eq!(seller.get(&path).await.is(200).json()["actions"], json!([{"text": "一百"}]));
    assert_eq!(seller.get("/api/v1/keywords").await.is(200).json()["total"], 1);
    let draft = seller.get("/api/v1/rule-sets/shared/draft").await.is(200).json();
    assert_eq!(draft["total"], 2);
    assert_eq!(draft["items"][0]["differs"], json!(["actions"]));
    assert_eq!(draft["items"][0]["after"]["actions"], json!([{"text": "九十"}]));
    assert_eq!(draft["items"][0]["after"].get("created_at"), None, "a version does not know");
    assert_eq!((&draft["items"][1]["change"], &draft["items"][1]["before"]), (&json!("added"), &Value::Null));
    seller.patch(&path, &json!({"priority": 3})).await.refused(409, "wrong_state");
    says(&app, &shop, BUYER, "价格 包邮", &["一百"]).await;

    let published = seller.post("/api/v1/rule-sets/shared/publish", &json!({"note": "节日"})).await.is(200).json();
    assert_eq!(published, json!({"added": 1, "changed": 1, "removed": 0, "warnings": []}));
    says(&app, &shop, OTHER, "价格", &["九十"]).await;
    let versions = seller.get("/api/v1/rule-sets/shared/versions").await.is(200).json();
    let newest = &versions["items"][0];
    assert_eq!(
        (&newest["cause"], &newest["note"], &newest["by"]),
        (&json!("publish"), &json!("节日"), &json!("seller"))
    );
    let detail = seller.get(&format!("/api/v1/rule-sets/shared/versions/{}", newest["number"])).await.is(200).json();
    assert_eq!(detail["changes"].as_array().map(Vec::len), Some(2));

    let before = newest["number"].as_i64().unwrap() - 1;
    let back = format!("/api/v1/rule-sets/shared/versions/{before}/roll-back");
    let undone = seller.post(&back, &json!({})).await.is(200).json();
    assert_eq!(undone, json!({"added": 0, "changed": 1, "removed": 1}));
    says(&app, &shop, OTHER, "价格 包邮", &["一百"]).await;
    seller.post("/api/v1/rule-sets/shared/versions/99/roll-back", &json!({})).await.refused(404, "not_found");
    seller.get("/api/v1/rule-sets/shared/versions/first").await.refused(404, "not_found");
    seller.get("/api/v1/rule-sets/nobody/draft").await.refused(404, "not_found");
}

#[actix_web::test]
async fn a_draft_is_discarded_and_a_rule_that_is_to_go_answers_until_then() {
    let (app, shop, seller) = running().await;
    let rule = json!({"keyword": "价格", "actions": [{"text": "一百"}]});
    let id = seller.post("/api/v1/keywords", &rule).await.is(201).json()["id"].clone();
    seller.delete(&format!("/api/v1/keywords/{id}?draft=true")).await.is(204);
    seller.get(&format!("/api/v1/keywords/{id}?draft=true")).await.refused(404, "not_found");
    says(&app, &shop, BUYER, "价格", &["一百"]).await;
    let discarded = seller.delete("/api/v1/rule-sets/shared/draft").await.is(200).json();
    assert_eq!(discarded, json!({"discarded": 1}));
    seller.delete(&format!("/api/v1/keywords/{id}?draft=true")).await.is(204);
    seller.post("/api/v1/rule-sets/shared/publish", &json!({})).await.is(200);
    says(&app, &shop, BUYER, "价格", &["稍等"]).await;
}

#[actix_web::test]
async fn a_rule_may_be_for_some_accounts_and_items_and_under_conditions() {
    let (app, shop, other) = two_shops().await;
    let seller = app.signed_in("seller").await;
    let rule = json!({
        "keyword": "价格", "only_accounts": [shop.id], "item_ids": [ITEM, "900000000002"],
        "conditions": {"first_contact": true}, "actions": [{"text": "新朋友"}, {"tag": "问过价"}],
    });
    seller.post("/api/v1/keywords", &rule).await.is(201);
    let regular = json!({
        "keyword": "价格", "conditions": {"tags": ["问过价"]}, "per_day": 1, "actions": [{"text": "又见面了"}],
    });
    seller.post("/api/v1/keywords", &regular).await.is(201);
    says(&app, &shop, BUYER, "价格", &["新朋友"]).await;
    says(&app, &shop, BUYER, "价格", &["又见面了"]).await;
    says(&app, &shop, BUYER, "价格", &["答:价格"]).await;
    says(&app, &other, BUYER, "价格", &["又见面了"]).await;
    let tags = seller.get(&format!("/api/v1/buyers/{BUYER}/tags")).await.is(200).json();
    assert_eq!(tags["tags"], json!(["问过价"]));
    // What a person changes holds from the next message on.
    seller.put(&format!("/api/v1/buyers/{OTHER}/tags"), &json!({"tags": ["问过价"]})).await;
    let windows = json!({"conditions": {"hours": [{"days": [1], "from": "25:00", "to": "18:00"}]}, "keyword": "a", "actions": []});
    assert_eq!(
        seller.post("/api/v1/keywords", &windows).await.refused(422, "invalid_field").field(),
        "conditions.hours"
    );
}

#[actix_web::test]
async fn a_paid_order_is_thanked_for_once_and_what_was_planned_is_told() {
    let (app, shop, _) = two_shops().await;
    let seller = app.signed_in("seller").await;
    let thanks = json!({
        "trigger": "order_paid",
        "actions": [{"text": "收到付款，{send_user_name}"}, {"tag": "已下单"}, {"notify": "{send_user_name}下单了"}],
    });
    let rule = seller.post("/api/v1/event-rules", &thanks).await.is(201).json();
    says(&app, &shop, BUYER, "在吗", &["答:在吗"]).await;
    let said = shop.order_becomes(BUYER, ITEM, &order(), Stage::Paid).unwrap();
    let thanked = format!("收到付款，买家{BUYER}");
    app.answers(&shop, &said.conversation, &["答:在吗", &thanked]).await;
    shop.order_becomes(BUYER, ITEM, &order(), Stage::Paid).unwrap();
    says(&app, &shop, BUYER, "好", &["答:好"]).await;
    let events = seller.get(&format!("/api/v1/rule-events?rule={}", rule["id"])).await.is(200).json();
    assert_eq!(events["total"], 1);
    let event = &events["items"][0];
    assert_eq!((&event["reason"], &event["order_id"]), (&json!("rule"), &json!(order())));
    assert_eq!((&event["text"], &event["steps"][0]["found"]), (&json!("It was carried out."), &json!("answered")));
    let scope = app.scope();
    let told = || {
        let all = notices::Filter::default();
        let (rows, _) = app.read(move |conn| notices::page(conn, &scope, &all, Page::first(9)));
        rows.into_iter().next().map(|notice| (notice.event, notice.subject().what))
    };
    assert_eq!(app.eventually("told", told).await, (Event::Rule, Some(format!("买家{BUYER}下单了"))));
    let tags = seller.get(&format!("/api/v1/buyers/{BUYER}/tags")).await.is(200).json();
    assert_eq!(tags["tags"], json!(["已下单"]));
    for (bad, field) in [
        (json!({"trigger": "silent", "actions": []}), "silent_minutes"),
        (json!({"trigger": "order_paid", "silent_minutes": 5, "actions": []}), "silent_minutes"),
        (json!({"trigger": "order_lost", "actions": []}), "trigger"),
        (json!({"trigger": "order_paid", "actions": [{"hand_over": 999}]}), "actions[0].hand_over"),
        (
            json!({"trigger": "order_paid", "account_id": shop.id, "only_accounts": [shop.id], "actions": []}),
            "only_accounts",
        ),
    ] {
        assert_eq!(
            seller.post("/api/v1/event-rules", &bad).await.refused(422, "invalid_field").field(),
            field,
            "{bad}"
        );
    }
}
