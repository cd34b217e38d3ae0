//! Many items changed in one go: all of them or none, and each as if it had been changed by itself.

use serde_json::{Value, json};
use yutang::access::role::Role;

use crate::{
    client::Api,
    deliveries::Till as _,
    harness::{Shop, TestApp},
    items::{page_of, read_to_the_end, shop_of},
    screen::{PHONE, Screen, has_chromium},
};

const FIRST: &str = "900000000001";
const SECOND: &str = "900000000002";
const THIRD: &str = "900000000003";
const ITEMS: &str = "/api/v1/items";

async fn shop() -> (TestApp, Shop, Api) {
    let (app, shop, seller) = shop_of(3).await;
    read_to_the_end(&app, &shop, &seller).await;
    (app, shop, seller)
}

fn named(shop: &Shop, items: &[&str]) -> Value {
    items.iter().map(|item| json!({"account": shop.id, "item": item})).collect()
}

async fn item(shop: &Shop, seller: &Api, item: &str) -> Value {
    seller.get(&page_of(shop, item)).await.is(200).json()
}

async fn default_replies(shop: &Shop, seller: &Api) -> Vec<Value> {
    let of = async |id: &str| item(shop, seller, id).await["default_reply_id"].clone();
    vec![of(FIRST).await, of(SECOND).await, of(THIRD).await]
}

#[actix_web::test]
async fn many_items_are_changed_in_one_go_and_each_has_its_line_in_the_audit() {
    let (_app, shop, seller) = shop().await;
    let items = named(&shop, &[FIRST, SECOND]);
    let wanted = json!({"items": items, "change": {"polish": true, "floor_fen": 5000}});
    let done = seller.patch(ITEMS, &wanted).await.is(200).json();
    assert_eq!(done, json!({"changed": 2, "items": items}));
    for (id, polish, floor) in
        [(FIRST, json!(true), json!(5000)), (SECOND, json!(true), json!(5000)), (THIRD, json!(false), Value::Null)]
    {
        let item = item(&shop, &seller, id).await;
        assert_eq!((&item["polish"], &item["floor_fen"]), (&polish, &floor), "{id}");
    }
    assert_eq!(seller.audit("action=item.update").await.len(), 2);

    // What is so already is not changed; what is named twice is one.
    let more = json!({"items": named(&shop, &[THIRD, FIRST, THIRD]), "change": {"polish": true}});
    let done = seller.patch(ITEMS, &more).await.is(200).json();
    assert_eq!(done, json!({"changed": 1, "items": named(&shop, &[THIRD])}));
    let cleared = json!({"items": items, "change": {"floor_fen": null}});
    assert_eq!(seller.patch(ITEMS, &cleared).await.is(200).json()["changed"], 2);
    assert_eq!(item(&shop, &seller, FIRST).await["floor_fen"], Value::Null);
    assert_eq!(seller.audit("action=item.update").await.len(), 5);
}

/// The engine answers with it, and an item has one default reply of its own and not two.
#[actix_web::test]
async fn items_get_a_default_reply_of_their_own_and_lose_it_again() {
    let (app, shop, seller) = shop().await;
    let set = async |items: &[&str], reply: Value| {
        let wanted = json!({"items": named(&shop, items), "default_reply": reply});
        let done = seller.patch(ITEMS, &wanted).await.is(200).json();
        app.noticed().await;
        done["changed"].clone()
    };
    let today = json!({"text": "今天发货", "once": true});
    assert_eq!(set(&[FIRST, SECOND], today.clone()).await, 2);
    let ids = default_replies(&shop, &seller).await;
    assert_eq!((&ids[0], &ids[2]), (&ids[1], &Value::Null), "one rule for both");
    let rule = seller.get(&format!("/api/v1/default-replies/{}", ids[0])).await.is(200).json();
    let text = json!([{"text": "今天发货"}]);
    assert_eq!((&rule["item_ids"], &rule["actions"]), (&json!([FIRST, SECOND]), &text));
    assert_eq!((&rule["once"], &rule["account_id"]), (&json!(true), &json!(shop.id)));
    let said = shop.buyer_says("2200000000777", FIRST, "在吗");
    app.answers(&shop, &said.conversation, &["今天发货"]).await;

    assert_eq!(set(&[FIRST, SECOND], today.clone()).await, 0, "it is so already");
    assert_eq!(set(&[THIRD], today).await, 1, "it joins them");
    assert_eq!(default_replies(&shop, &seller).await, [&ids[0], &ids[0], &ids[0]].map(Clone::clone));
    assert_eq!(set(&[FIRST], json!({"text": "明天发货"})).await, 1);
    let parted = default_replies(&shop, &seller).await;
    assert!(parted[0] != ids[0] && parted[1] == ids[0] && parted[2] == ids[0], "{parted:?}");
    assert_eq!(set(&[FIRST, SECOND, THIRD], Value::Null).await, 3);
    assert_eq!(default_replies(&shop, &seller).await, [Value::Null, Value::Null, Value::Null]);
    let of_items = seller.get(&format!("/api/v1/default-replies?item={FIRST}")).await.is(200).json();
    assert_eq!(of_items["total"], 0, "no rule is left that would be for every item");
    assert_eq!(seller.audit("action=default_reply.delete").await.len(), 2);
}

#[actix_web::test]
async fn a_draft_of_the_rules_is_not_overwritten() {
    let (_app, shop, seller) = shop().await;
    let own = json!({"account_id": shop.id, "item_ids": [FIRST], "actions": [{"text": "有货"}]});
    let rule = seller.post("/api/v1/default-replies", &own).await.is(201).json();
    let path = format!("/api/v1/default-replies/{}?draft=true", rule["id"]);
    seller.patch(&path, &json!({"actions": [{"text": "没货"}]})).await.is(200);
    let wanted = json!({"items": named(&shop, &[FIRST]), "change": {"polish": true}, "default_reply": null});
    seller.patch(ITEMS, &wanted).await.refused(409, "wrong_state");
    let item = item(&shop, &seller, FIRST).await;
    assert_eq!((&item["polish"], &item["default_reply_id"]), (&json!(false), &rule["id"]));
}

#[actix_web::test]
async fn a_card_is_bound_to_items_and_unbound() {
    let (app, shop, seller) = shop().await;
    let (card, other) = (app.pool("会员码", &["AAAA-1111"]), app.pool("月卡", &["BBBB-2222"]));
    let rules = async |item: &str| {
        let found = seller.get(&format!("/api/v1/delivery-rules?item={item}")).await.is(200).json();
        found["items"].as_array().unwrap().clone()
    };
    let black = json!({"item_id": FIRST, "spec": ["黑"], "cards": [other]});
    seller.post("/api/v1/delivery-rules", &black).await.is(201);
    let late = json!({"item_id": SECOND, "cards": [other], "delay_s": 60, "enabled": false});
    seller.post("/api/v1/delivery-rules", &late).await.is(201);

    let bind = json!({"items": named(&shop, &[FIRST, SECOND]), "card_id": card});
    assert_eq!(seller.patch(ITEMS, &bind).await.is(200).json()["changed"], 2);
    let (first, second) = (rules(FIRST).await, rules(SECOND).await);
    assert_eq!((first.len(), second.len()), (2, 1), "a rule for a specification stays beside the new one");
    assert!(first.iter().any(|rule| rule["cards"] == json!([other]) && rule["spec"] == json!(["黑"])));
    assert!(first.iter().any(|rule| rule["cards"] == json!([card]) && rule["account_id"] == json!(shop.id)));
    let kept = (&second[0]["cards"], &second[0]["delay_s"], &second[0]["enabled"]);
    assert_eq!(kept, (&json!([card]), &json!(60), &json!(true)));
    assert_eq!(seller.patch(ITEMS, &bind).await.is(200).json()["changed"], 0);

    let unbind = json!({"items": named(&shop, &[FIRST, SECOND, THIRD]), "card_id": null});
    assert_eq!(seller.patch(ITEMS, &unbind).await.is(200).json()["changed"], 2);
    assert_eq!((rules(FIRST).await.len(), rules(SECOND).await.len()), (0, 0));
    assert_eq!(seller.audit("action=delivery_rule.delete").await.len(), 3);
}

/// An item of another owner is found as little as one that is not there, and then nothing at all is changed.
#[actix_web::test]
async fn one_item_that_is_not_theirs_and_nothing_is_changed() {
    let (app, shop, seller) = shop().await;
    let card = app.pool("会员码", &["AAAA-1111"]);
    app.person("rival", Role::Owner);
    let rival = app.signed_in("rival").await;
    let wanted = |items: Value| json!({"items": items, "change": {"polish": true}});
    let foreign = rival.patch(ITEMS, &wanted(named(&shop, &[FIRST]))).await.refused(404, "not_found");
    let unknown = rival.patch(ITEMS, &wanted(json!([{"account": 404, "item": "404"}]))).await.refused(404, "not_found");
    assert_eq!((&foreign.text, &*foreign.field()), (&unknown.text, "items[0]"));

    let text = json!({"text": "有货"});
    let all = |items: &[&str], card: Value| {
        let items = named(&shop, items);
        json!({"items": items, "change": {"polish": true}, "default_reply": text, "card_id": card})
    };
    let refused = seller.patch(ITEMS, &all(&[FIRST, "900000000404"], json!(card))).await.refused(404, "not_found");
    assert_eq!(refused.field(), "items[1]");
    let refused = seller.patch(ITEMS, &all(&[FIRST], json!(404))).await.refused(404, "not_found");
    assert_eq!(refused.field(), "card_id");
    let item = item(&shop, &seller, FIRST).await;
    assert_eq!((&item["polish"], &item["default_reply_id"]), (&json!(false), &Value::Null));
    assert_eq!(seller.get("/api/v1/delivery-rules").await.is(200).json()["total"], 0);
    for action in ["item.update", "default_reply.create", "delivery_rule.create"] {
        assert!(seller.audit(&format!("action={action}")).await.is_empty(), "{action}");
    }
}

#[actix_web::test]
async fn all_items_of_a_page_are_ticked_at_once_on_a_phone() {
    if !has_chromium() {
        return;
    }
    let (app, shop, seller) = shop().await;
    let screen = Screen::new(PHONE).await;
    screen.sign_in(&app.site(), "seller", "/app/items?lang=zh").await;
    screen.until("document.querySelector('[data-all]')?.checkVisibility()").await;
    let bar = "document.getElementById('ticked').checkVisibility()";
    assert_eq!(screen.eval(bar).await, false, "it stands in no way");
    screen.click("[data-all]").await;
    screen.until(bar).await;
    screen.until("document.querySelector('[data-ticked]').textContent === '3'").await;
    screen.is_in_order().await;
    screen.keep("items-ticked.zh").await;
    screen.click("#ticked button[value=polish]").await;
    screen.reads("3 件商品有变化").await;
    assert_eq!(item(&shop, &seller, THIRD).await["polish"], true);
    screen.is_in_order().await;
}

#[actix_web::test]
async fn what_is_too_much_or_says_nothing_is_refused_by_its_field() {
    let (_app, shop, seller) = shop().await;
    let many: Vec<String> = (0..201).map(|number| format!("8{number:011}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let first = named(&shop, &[FIRST]);
    for (wanted, field) in [
        (json!({"items": named(&shop, &many), "change": {"polish": true}}), "items"),
        (json!({"items": [], "change": {"polish": true}}), "items"),
        (json!({"change": {"polish": true}}), "items"),
        (json!({"items": first}), "change"),
        (json!({"items": first, "change": {}}), "change"),
        (json!({"items": first, "change": {"floor_fen": -1}}), "change.floor_fen"),
        (json!({"items": first, "default_reply": {"text": " "}}), "default_reply.text"),
        (json!({"items": first, "default_reply": {"once": true}}), "default_reply.text"),
        (json!({"items": [{"account": 0, "item": FIRST}], "change": {"polish": true}}), "items[0].account"),
    ] {
        let refused = seller.patch(ITEMS, &wanted).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), field, "{}", refused.text);
    }
    assert_eq!(item(&shop, &seller, FIRST).await["polish"], false);
}
