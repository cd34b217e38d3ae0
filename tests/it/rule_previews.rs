//! What a rule would have done lately, told before it is saved.

use serde_json::{Value, json};
use yutang::{
    ids::OrderId,
    sim::Stage,
    store::{Page, order_events},
};

use crate::{
    client::Api,
    harness::{Shop, TestApp, default_reply},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

/// A shop in which a buyer asked for the price, and then for something to which no rule has an answer; and the rule about prices.
async fn asked_shop() -> (TestApp, Shop, Api, Value, String) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(default_reply("稍等"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    let price = json!({"keyword": "价格", "actions": [{"text": "一百"}]});
    let price = seller.post("/api/v1/keywords", &price).await.is(201).json()["id"].clone();
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "什么价格");
    app.answers(&shop, &said.conversation, &["一百"]).await;
    shop.buyer_says(BUYER, ITEM, "包邮吗");
    app.answers(&shop, &said.conversation, &["一百", "稍等"]).await;
    let conversation = format!("{}.{}", shop.id, said.conversation);
    (app, shop, seller, price, conversation)
}

async fn preview(seller: &Api, query: &str, rule: Value) -> Value {
    seller.post(&format!("/api/v1/keywords/preview{query}"), &rule).await.is(200).json()
}

fn counts(view: &Value) -> (i64, i64, i64) {
    let count = |name: &str| view[name].as_i64().unwrap();
    (count("matched"), count("answers"), count("turns"))
}

#[actix_web::test]
async fn a_rule_is_tried_with_what_was_said_before_it_is_saved() {
    let (_app, shop, seller, price, conversation) = asked_shop().await;
    let view = preview(&seller, "", json!({"keyword": "包邮", "actions": [{"text": "包邮的"}]})).await;
    assert_eq!((counts(&view), &view["more"]), ((1, 1, 2), &json!(false)), "{view}");
    let met = &view["items"][0];
    assert_eq!((&met["account_id"], &met["conversation"]), (&json!(shop.id), &json!(conversation)));
    assert_eq!((&met["messages"][0]["text"], &met["answers"]), (&json!("包邮吗"), &json!(true)));
    assert_eq!((&met["event"], &met["first_rule_id"]), (&Value::Null, &Value::Null));

    // As long as the other keyword, and younger: it comes second, unless it has priority.
    let mut what = json!({"keyword": "什么", "enabled": false, "actions": [{"text": "您好"}]});
    let view = preview(&seller, "", what.clone()).await;
    assert_eq!(counts(&view), (1, 0, 2), "{view}");
    let met = &view["items"][0];
    assert_eq!((&met["first_rule_id"], &met["first_keyword"]), (&price, &json!("价格")));
    assert_eq!(met["summary"], "The rule \"价格\" goes before it.");
    what["priority"] = json!(1);
    assert_eq!(counts(&preview(&seller, "", what).await), (1, 1, 2));

    // In the place of the other one.
    let both = json!({"keyword": "什么|包邮", "match": "regex", "priority": -1, "actions": []});
    assert_eq!(counts(&preview(&seller, &format!("?rule={price}"), both.clone()).await), (2, 2, 2));
    assert_eq!(counts(&preview(&seller, "", both).await), (2, 1, 2));
    assert_eq!(counts(&preview(&seller, "?hours=1", json!({"keyword": "退货", "actions": []})).await), (0, 0, 2));
    assert_eq!(seller.get("/api/v1/keywords").await.is(200).json()["total"], 1, "nothing was saved");
}

#[actix_web::test]
async fn what_is_prepared_goes_before_it_where_that_is_asked_for() {
    let (_app, _, seller, _, _) = asked_shop().await;
    let prepared = json!({"keyword": "包邮", "priority": 5, "actions": [{"text": "包邮的"}]});
    seller.post("/api/v1/keywords?draft=true", &prepared).await.is(201);
    let rule = json!({"keyword": "包", "actions": [{"text": "好"}]});
    assert_eq!(counts(&preview(&seller, "", rule.clone()).await), (1, 1, 2));
    let view = preview(&seller, "?draft=true", rule).await;
    assert_eq!((counts(&view), &view["items"][0]["first_keyword"]), ((1, 0, 2), &json!("包邮")));
}

#[actix_web::test]
async fn default_replies_and_rules_for_events_are_tried_as_well() {
    let (app, shop, seller, price, _) = asked_shop().await;
    let reply = json!({"account_id": shop.id, "actions": [{"text": "您好"}]});
    let view = seller.post("/api/v1/default-replies/preview", &reply).await.is(200).json();
    assert_eq!(counts(&view), (2, 1, 2), "an account's own default reply goes first: {view}");
    assert_eq!((&view["items"][0]["answers"], &view["items"][1]["first_rule_id"]), (&json!(true), &price));

    let order: OrderId = "2500000000000000001".into();
    shop.order_becomes(BUYER, ITEM, &order, Stage::Paid).unwrap();
    let told = || {
        let (scope, all) = (app.scope(), order_events::Filter::default());
        app.read(move |conn| order_events::page(conn, &scope, &all, Page::first(1)))
    };
    app.eventually("the order is stored", || (told().1 == 1).then_some(())).await;
    let said = shop.buyer_says(BUYER, ITEM, "好");
    app.decided(&shop, &said).await;
    let thanks = json!({"trigger": "order_paid", "actions": [{"text": "谢谢"}]});
    let view = seller.post("/api/v1/event-rules/preview", &thanks).await.is(200).json();
    assert_eq!((&view["matched"], &view["answers"]), (&json!(1), &json!(1)), "{view}");
    assert_eq!(view["items"][0]["event"], "order_paid");
}

#[actix_web::test]
async fn what_cannot_be_saved_cannot_be_tried() {
    let (_app, _, seller, _, _) = asked_shop().await;
    let refused = async |query: &str, rule: Value, status: u16, code: &str| {
        seller.post(&format!("/api/v1/keywords/preview{query}"), &rule).await.refused(status, code).field()
    };
    let faulty = json!({"keyword": "[", "match": "regex", "actions": []});
    assert_eq!(refused("", faulty, 422, "invalid_field").await, "keyword");
    let rule = json!({"keyword": "在吗", "actions": []});
    assert_eq!(refused("?rule=999999", rule, 404, "not_found").await, "rule");
    let foreign = json!({"account_id": 999_999, "keyword": "在吗", "actions": []});
    assert_eq!(refused("", foreign, 404, "not_found").await, "account_id");
}
