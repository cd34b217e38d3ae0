//! Rules that are put before and behind each other.

use serde_json::{Value, json};

use crate::{
    client::Api,
    harness::{Shop, TestApp, default_reply},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

async fn running() -> (TestApp, Shop, Api) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(default_reply("稍等"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    (app, shop, seller)
}

/// Adds rules with these keywords, which say what they are called.
async fn rules(seller: &Api, keywords: &[&str]) -> Vec<i64> {
    let mut ids = Vec::new();
    for keyword in keywords {
        let rule = json!({"keyword": keyword, "actions": [{"text": keyword}]});
        ids.push(seller.post("/api/v1/keywords", &rule).await.is(201).json()["id"].as_i64().unwrap());
    }
    ids
}

async fn put(seller: &Api, id: i64, place: Value) -> Value {
    seller.post(&format!("/api/v1/keywords/{id}/move"), &place).await.is(200).json()
}

/// Keywords and priorities, as they stand in the list.
async fn listed(seller: &Api) -> Vec<(String, i64)> {
    let list = seller.get("/api/v1/keywords").await.is(200).json();
    let rule = |rule: &Value| (rule["keyword"].as_str().unwrap().to_owned(), rule["priority"].as_i64().unwrap());
    list["items"].as_array().unwrap().iter().map(rule).collect()
}

fn named(list: &[(&str, i64)]) -> Vec<(String, i64)> {
    list.iter().map(|(keyword, priority)| ((*keyword).to_owned(), *priority)).collect()
}

#[actix_web::test]
async fn a_rule_that_is_put_before_another_answers_first() {
    let (app, shop, seller) = running().await;
    let ids = rules(&seller, &["价格", "多少"]).await;
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "价格多少");
    app.answers(&shop, &said.conversation, &["价格"]).await;
    let moved = put(&seller, ids[1], json!({"before": ids[0]})).await;
    let wanted = json!({"id": ids[1], "priority": 10, "place": 1, "total": 2, "changed": 1, "warnings": []});
    assert_eq!(moved, wanted);
    app.noticed().await;
    shop.buyer_says(BUYER, ITEM, "价格多少");
    app.answers(&shop, &said.conversation, &["价格", "多少"]).await;

    let audit = seller.audit("object_type=keyword").await;
    assert_eq!((&audit[0]["action"], &audit[0]["after"]["place"]), (&json!("keyword.move"), &json!(1)));
    let versions = seller.get("/api/v1/rule-sets/shared/versions").await.is(200).json();
    assert_eq!((&versions["items"][0]["cause"], &versions["items"][0]["changed"]), (&json!("edit"), &json!(1)));
    // What is where it should be stays, and is no version.
    assert_eq!(put(&seller, ids[1], json!({"to": "first"})).await["changed"], 0);
    let after = seller.get("/api/v1/rule-sets/shared/versions").await.is(200).json();
    assert_eq!(after["total"], versions["total"]);
}

#[actix_web::test]
async fn the_list_stands_as_it_is_tried_and_is_numbered_anew_where_there_is_no_room() {
    let (_app, _, seller) = running().await;
    let ids = rules(&seller, &["价", "价格", "多少", "包邮"]).await;
    assert_eq!(listed(&seller).await, named(&[("价格", 0), ("多少", 0), ("包邮", 0), ("价", 0)]));
    // The other set, and rules of another kind, are not asked.
    let event = json!({"trigger": "order_paid", "actions": []});
    let event = seller.post("/api/v1/event-rules", &event).await.is(201).json()["id"].as_i64().unwrap();
    let moved = put(&seller, ids[3], json!({"after": ids[1]})).await;
    assert_eq!((&moved["place"], &moved["total"], &moved["changed"]), (&json!(2), &json!(4), &json!(4)));
    assert_eq!(listed(&seller).await, named(&[("价格", 40), ("包邮", 30), ("多少", 20), ("价", 10)]));
    let moved = put(&seller, ids[0], json!({"before": ids[3]})).await;
    assert_eq!((&moved["priority"], &moved["changed"]), (&json!(35), &json!(1)));
    put(&seller, ids[1], json!({"to": "last"})).await;
    assert_eq!(listed(&seller).await, named(&[("价", 35), ("包邮", 30), ("多少", 20), ("价格", 10)]));
    let alone = seller.post(&format!("/api/v1/event-rules/{event}/move"), &json!({"to": "last"})).await.is(200).json();
    assert_eq!((&alone["place"], &alone["total"], &alone["changed"]), (&json!(1), &json!(1), &json!(0)));
}

#[actix_web::test]
async fn what_has_a_draft_is_put_elsewhere_in_the_draft_alone() {
    let (_app, _, seller) = running().await;
    let ids = rules(&seller, &["价格", "多少", "包邮"]).await;
    let path = |id: i64, rest: &str| format!("/api/v1/keywords/{id}{rest}");
    seller.patch(&path(ids[1], "?draft=true"), &json!({"actions": []})).await.is(200);
    let before = json!({"before": ids[0]});
    seller.post(&path(ids[1], "/move"), &before).await.refused(409, "wrong_state");
    // Nothing else must be numbered anew for this.
    assert_eq!(put(&seller, ids[2], json!({"to": "first"})).await["changed"], 1);
    let moved = seller.post(&path(ids[1], "/move?draft=true"), &before).await.is(200).json();
    assert_eq!((&moved["place"], &moved["priority"]), (&json!(2), &json!(5)));
    assert_eq!(listed(&seller).await, named(&[("包邮", 10), ("价格", 0), ("多少", 0)]));
    seller.post("/api/v1/rule-sets/shared/publish", &json!({})).await.is(200);
    assert_eq!(listed(&seller).await, named(&[("包邮", 10), ("多少", 5), ("价格", 0)]));
}

#[actix_web::test]
async fn a_place_that_is_none_is_refused() {
    let (_app, shop, seller) = running().await;
    let ids = rules(&seller, &["价格", "多少"]).await;
    let elsewhere = json!({"account_id": shop.id.0, "keyword": "包邮", "actions": []});
    let elsewhere = seller.post("/api/v1/keywords", &elsewhere).await.is(201).json()["id"].clone();
    let path = format!("/api/v1/keywords/{}/move", ids[0]);
    for (place, field) in [
        (json!({}), "before"),
        (json!({"before": ids[1], "to": "last"}), "before"),
        (json!({"before": ids[0]}), "before"),
        (json!({"before": elsewhere}), "before"),
        (json!({"after": 999_999}), "after"),
    ] {
        let refused = seller.post(&path, &place).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), field, "{place}");
    }
    seller.post("/api/v1/keywords/999999/move", &json!({"to": "last"})).await.refused(404, "not_found");
    seller
        .post(&format!("/api/v1/event-rules/{}/move", ids[0]), &json!({"to": "last"}))
        .await
        .refused(404, "not_found");
}
