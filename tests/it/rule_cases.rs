//! What a seller expects of their rules: tried at will, with every change, and before anything is published.

use serde_json::{Value, json};

use crate::{
    client::Api,
    harness::{Shop, TestApp, contains, default_reply},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

async fn running() -> (TestApp, Shop, Api) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(default_reply("稍等"));
    app.rule(contains("价格", "一百元"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    (app, shop, seller)
}

fn price(shop: &Shop) -> Value {
    json!({"account_id": shop.id.0, "name": "问价", "steps": [{"says": ["什么价格"], "expects": {"contains": ["元"], "source": "global_rule"}}]})
}

/// The number of the only rule.
async fn keyword(seller: &Api) -> Value {
    let listed = seller.get("/api/v1/keywords").await.is(200).json();
    listed["items"][0]["id"].clone()
}

#[actix_web::test]
async fn a_case_is_kept_changed_tried_and_removed() {
    let (_app, shop, seller) = running().await;
    let made = seller.post("/api/v1/rule-cases", &price(&shop)).await.is(201).json();
    assert_eq!((&made["blocks"], &made["buyer"]), (&json!(true), &json!({"orders": 0, "wrote_before": false})));
    assert_eq!(made["steps"], price(&shop)["steps"]);
    let path = format!("/api/v1/rule-cases/{}", made["id"]);
    let second = json!({
        "account_id": shop.id.0, "name": "人工", "blocks": false, "item_id": ITEM, "at": 1_795_752_000_000_i64,
        "buyer": {"name": "小明", "tags": ["老客户"], "orders": 2, "wrote_before": true},
        "steps": [{"says": ["人工"], "expects": {"hands_over": true}}],
    });
    let other = seller.post("/api/v1/rule-cases", &second).await.is(201).json();
    for field in ["item_id", "at", "buyer", "steps", "blocks"] {
        assert_eq!(other[field], second[field], "{field}");
    }
    assert_eq!(seller.get(&path).await.is(200).json(), made);
    assert_eq!(seller.post("/api/v1/rule-cases", &price(&shop)).await.refused(409, "name_taken").field(), "name");
    assert_eq!(seller.patch(&path, &json!({"name": "人工"})).await.refused(409, "name_taken").field(), "name");

    let tried = seller.post("/api/v1/rule-sets/shared/test", &json!({})).await.is(200).json();
    assert_eq!((&tried["passed"], &tried["failed"]), (&json!(1), &json!(1)));
    let [first, last] = &tried["cases"].as_array().unwrap()[..] else { panic!("{tried}") };
    assert_eq!((&first["name"], &first["passed"], &first["blocks"]), (&json!("人工"), &json!(false), &json!(false)));
    let miss = json!({"step": 0, "code": "not_handed_over", "text": "it is not left to a person, and should be"});
    assert_eq!((&first["misses"], &last["passed"]), (&json!([miss]), &json!(true)));

    let changed = seller
        .patch(&path, &json!({"steps": [{"says": ["在吗"], "expects": {"silent": true}}], "blocks": false}))
        .await;
    assert_eq!(changed.is(200).json()["blocks"], false);
    let own = format!("/api/v1/rule-sets/{}/test", shop.id);
    assert_eq!(seller.post(&own, &json!({})).await.is(200).json()["failed"], 2);
    let moved = seller
        .patch(&format!("/api/v1/rule-cases/{}", other["id"]), &json!({"item_id": null, "at": null}))
        .await
        .is(200)
        .json();
    assert_eq!((&moved["item_id"], &moved["at"], &moved["steps"]), (&Value::Null, &Value::Null, &second["steps"]));

    let nothing = json!({"steps": [{"says": ["在吗"]}]});
    assert_eq!(seller.patch(&path, &nothing).await.refused(422, "invalid_field").field(), "steps");
    let mut unnamed = price(&shop);
    unnamed["account_id"] = json!(9999);
    assert_eq!(seller.post("/api/v1/rule-cases", &unnamed).await.refused(404, "not_found").field(), "account_id");
    seller.delete(&path).await.is(204);
    seller.get(&path).await.refused(404, "not_found");
    assert_eq!(seller.get(&format!("/api/v1/rule-cases?account={}", shop.id)).await.is(200).json()["total"], 1);
}

/// M17: what would break an answer that the seller counts on is not published.
#[actix_web::test]
async fn a_case_that_fails_holds_publishing_up_until_it_passes_or_does_not_block() {
    let (app, shop, seller) = running().await;
    let case = seller.post("/api/v1/rule-cases", &price(&shop)).await.is(201).json()["id"].clone();
    let rule = keyword(&seller).await;
    let draft = format!("/api/v1/keywords/{rule}?draft=true");
    let warned = seller.patch(&draft, &json!({"actions": [{"text": "面议"}]})).await.is(200).json();
    let [warning] = &warned["warnings"].as_array().unwrap()[..] else { panic!("{warned}") };
    assert_eq!((&warning["code"], &warning["rule_id"]), (&json!("case_failed"), &Value::Null));
    assert_eq!(warning["text"], "the case \"问价\" does not come as expected");

    let publish = async || seller.post("/api/v1/rule-sets/shared/publish", &json!({})).await;
    let refused = publish().await.refused(409, "cases_failed").json();
    let failed = &refused["details"]["cases"][0];
    assert_eq!((&failed["id"], &failed["misses"][0]["code"]), (&case, &json!("lacking")));
    let said = shop.buyer_says(BUYER, ITEM, "什么价格");
    app.answers(&shop, &said.conversation, &["一百元"]).await;

    seller.patch(&draft, &json!({"actions": [{"text": "九十元"}]})).await.is(200);
    assert_eq!(publish().await.is(200).json(), json!({"added": 0, "changed": 1, "removed": 0, "warnings": []}));

    seller.patch(&draft, &json!({"actions": [{"text": "面议"}]})).await.is(200);
    publish().await.refused(409, "cases_failed");
    seller.patch(&format!("/api/v1/rule-cases/{case}"), &json!({"blocks": false})).await.is(200);
    let published = publish().await.is(200).json();
    assert_eq!((&published["changed"], &published["warnings"][0]["code"]), (&json!(1), &json!("case_failed")));
    app.noticed().await;
    shop.buyer_says(BUYER, ITEM, "什么价格");
    app.answers(&shop, &said.conversation, &["一百元", "面议"]).await;
}

#[actix_web::test]
async fn an_accounts_set_is_tried_with_its_own_cases_and_what_others_prepare_does_not_count() {
    let (app, shop, seller) = running().await;
    let second = app.open("second");
    app.noticed().await;
    seller.post("/api/v1/rule-cases", &price(&shop)).await.is(201);
    let mut theirs = price(&second);
    theirs["name"] = json!("别家");
    seller.post("/api/v1/rule-cases", &theirs).await.is(201);
    let rule = keyword(&seller).await;
    seller.patch(&format!("/api/v1/keywords/{rule}?draft=true"), &json!({"actions": [{"text": "面议"}]})).await.is(200);
    let own = json!({"account_id": shop.id.0, "keyword": "包邮", "actions": [{"text": "包邮"}]});
    seller.post("/api/v1/keywords?draft=true", &own).await.is(201);
    let path = format!("/api/v1/rule-sets/{}", shop.id);
    let tried = seller.post(&format!("{path}/test"), &json!({"rules": "draft"})).await.is(200).json();
    assert_eq!((&tried["passed"], tried["cases"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    seller.post(&format!("{path}/publish"), &json!({})).await.is(200);
    let tried = seller.post("/api/v1/rule-sets/shared/test", &json!({"rules": "draft"})).await.is(200).json();
    assert_eq!((&tried["failed"], tried["cases"].as_array().map(Vec::len)), (&json!(2), Some(2)));
}
