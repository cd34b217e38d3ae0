//! Which orders get which cards, as a seller says it.

use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    delivery::{
        card::{Content, Kind},
        review::Reason,
        step::Unit,
        unit::UnitState,
    },
    ids::{CardId, Timestamp},
    order::status::Status,
    sim::NewOrder,
    store::{
        Scope,
        cards::{self, NewCard},
    },
};

use crate::{
    client::Api,
    deliveries::{BUYER, ITEM, Till},
    harness::{Shop, TestApp},
};

const RULES: &str = "/api/v1/delivery-rules";

fn text(app: &TestApp, name: &str, text: &str) -> CardId {
    app.card(NewCard { content: Some(Content::Text { text: text.into() }), ..NewCard::new(name, Kind::Text) })
}

async fn make(api: &Api, rule: Value) -> Value {
    api.post(RULES, &rule).await.is(201).json()
}

fn at(rule: &Value) -> String {
    format!("{RULES}/{}", rule["id"])
}

/// What the buyer of an order heard.
fn heard(shop: &Shop, order: &yutang::ids::OrderId) -> Vec<String> {
    shop.seen(&shop.order(order).unwrap().conversation)
}

#[actix_web::test]
async fn a_rule_is_made_read_changed_and_removed() {
    let mut app = TestApp::new();
    let shop = app.open("a");
    let card = text(&app, "链接", "https://pan.example/x");
    app.start().await;
    let seller = app.signed_in("seller").await;
    let rule = make(
        &seller,
        json!({"account_id": shop.id, "keyword": "会员 月卡", "spec": ["Ｍ  码", "黑"], "priority": 5, "quantity": "order",
               "delay_s": 60, "per_day": 20, "hours": {"from": "22:00", "to": "02:30"}, "cards": [card], "note": "夜间"}),
    )
    .await;
    assert_eq!(rule["spec"], json!(["m 码", "黑"]), "as values are compared");
    assert_eq!((&rule["hours"], &rule["quantity"]), (&json!({"from": "22:00", "to": "02:30"}), &json!("order")));
    assert_eq!((&rule["enabled"], &rule["item_id"]), (&json!(true), &Value::Null));
    let plain = make(&seller, json!({"item_id": ITEM, "cards": [card]})).await;
    assert_eq!((&plain["spec"], &plain["quantity"], &plain["delay_s"]), (&Value::Null, &json!("piece"), &json!(0)));

    for (query, total) in [
        ("", 2),
        (&*format!("?account={}", shop.id), 1),
        ("?item=900000000001", 1),
        (&*format!("?card={card}"), 2),
        ("?card=999", 0),
    ] {
        assert_eq!(seller.get(&format!("{RULES}{query}")).await.is(200).json()["total"], total, "{query}");
    }
    let tag = seller.get(&at(&rule)).await.is(200).header("etag").unwrap().to_owned();
    let change = json!({"item_id": ITEM, "spec": null, "hours": null, "per_day": null, "account_id": null});
    let changed = seller.patch(&at(&rule), &change).await.is(200).json();
    assert_eq!((&changed["item_id"], &changed["keyword"]), (&json!(ITEM), &Value::Null), "one takes the other's place");
    for cleared in ["spec", "hours", "per_day", "account_id"] {
        assert_eq!(changed[cleared], Value::Null, "{cleared}");
    }
    assert_eq!((&changed["priority"], &changed["note"]), (&json!(5), &json!("夜间")), "what is absent stays");
    seller.as_who().with("if-match", &tag).patch(&at(&rule), &json!({"enabled": false})).await.refused(412, "changed");
    seller.delete(&at(&rule)).await.is(204);
    seller.get(&at(&rule)).await.is(404);
    let deeds: Vec<Value> = seller.audit("object_type=delivery_rule").await;
    let actions: Vec<_> = deeds.iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["delivery_rule.delete", "delivery_rule.update", "delivery_rule.create", "delivery_rule.create"]
    );
}

#[actix_web::test]
async fn what_cannot_be_a_rule_is_refused_by_its_field() {
    let mut app = TestApp::new();
    let card = text(&app, "链接", "x");
    app.start_unconnected();
    let seller = app.signed_in("seller").await;
    for (rule, field) in [
        (json!({"cards": [card]}), "item_id"),
        (json!({"item_id": ITEM, "keyword": "会员", "cards": [card]}), "item_id"),
        (json!({"keyword": " ", "cards": [card]}), "keyword"),
        (json!({"item_id": ITEM, "cards": []}), "cards"),
        (json!({"item_id": ITEM, "cards": vec![card; 11]}), "cards"),
        (json!({"item_id": ITEM, "cards": [card], "spec": ["a", "b", "c"]}), "spec"),
        (json!({"item_id": ITEM, "cards": [card], "hours": {"from": "9:00", "to": "10:00"}}), "hours.from"),
        (json!({"item_id": ITEM, "cards": [card], "hours": {"from": "09:00", "to": "24:00"}}), "hours.to"),
        (json!({"item_id": ITEM, "cards": [card], "hours": {"from": "09:00", "to": "09:00"}}), "hours.to"),
        (json!({"item_id": ITEM, "cards": [card], "delay_s": 3601}), "delay_s"),
        (json!({"item_id": ITEM, "cards": [card], "per_day": 0}), "per_day"),
        (json!({"item_id": ITEM, "cards": [card], "quantity": "kilo"}), "quantity"),
    ] {
        let refused = seller.post(RULES, &rule).await.refused(422, "invalid_field");
        assert!(refused.field().starts_with(field), "{rule}: {}", refused.field());
    }
    let rule = make(&seller, json!({"item_id": ITEM, "cards": [card]})).await;
    seller.patch(&at(&rule), &json!({"item_id": null})).await.refused(422, "invalid_field");
}

/// T1, T11: there, a rule matched over all tenants, and could name another's card. A card or an account of another owner is not found here,
/// and what another owner bound serves nobody else's order.
#[actix_web::test]
async fn t1_t11_a_rule_of_one_owner_names_and_serves_nothing_of_another() {
    let mut app = TestApp::new();
    let rival = app.employ("rival", Role::Owner, None, &[]);
    let (shop, theirs) = (app.open("a"), app.open_for(rival, "b"));
    let (scope, keys) = (Scope::owner(rival), app.store().keys().clone());
    let new =
        NewCard { content: Some(Content::Text { text: "of the rival".into() }), ..NewCard::new("theirs", Kind::Text) };
    let foreign = app.write(move |conn| cards::insert(conn, &keys, &scope, &new, Timestamp(1))).unwrap();
    let card = text(&app, "链接", "of the seller");
    app.delivers(&shop);
    app.start().await;
    let (seller, rival) = (app.signed_in("seller").await, app.signed_in("rival").await);
    let refused = seller.post(RULES, &json!({"item_id": ITEM, "cards": [card, foreign]})).await;
    assert_eq!(refused.refused(404, "not_found").field(), "cards[1]");
    let account = json!({"account_id": theirs.id, "item_id": ITEM, "cards": [card]});
    assert_eq!(seller.post(RULES, &account).await.refused(404, "not_found").field(), "account_id");
    let rule = make(&seller, json!({"item_id": "900000000009", "cards": [card]})).await;
    let change = seller.patch(&at(&rule), &json!({"cards": [foreign]})).await;
    assert_eq!(change.refused(404, "not_found").field(), "cards[0]");
    rival.get(&at(&rule)).await.is(404);
    rival.patch(&at(&rule), &json!({"enabled": false})).await.is(404);
    rival.delete(&at(&rule)).await.is(404);

    make(&rival, json!({"item_id": ITEM, "priority": 1000, "cards": [foreign]})).await;
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    shop.pay(&order).unwrap();
    app.eventually("a person", || (app.waits_for_a_person(&shop, &order) == [Reason::NoRule]).then_some(())).await;
    assert_eq!(app.given(&shop, &order), []);
    make(&seller, json!({"item_id": ITEM, "priority": -1000, "cards": [card]})).await;
    app.eventually("shipped", || (app.stands(&shop, &order) == Some(Status::Shipped)).then_some(())).await;
    assert_eq!(heard(&shop, &order), ["of the seller"]);
}

/// D10: more than one rule fits, and the documented order decides.
#[actix_web::test]
async fn d10_where_more_than_one_rule_fits_the_documented_order_decides() {
    let mut app = TestApp::new();
    let shop = app.open("a");
    let [general, black, named] = ["general", "black", "keyword"].map(|name| text(&app, name, name));
    app.delivers(&shop);
    app.start().await;
    let seller = app.signed_in("seller").await;
    make(&seller, json!({"keyword": "相机", "priority": 1000, "cards": [named]})).await;
    make(&seller, json!({"item_id": ITEM, "priority": 900, "cards": [general]})).await;
    let special = make(&seller, json!({"item_id": ITEM, "spec": ["黑"], "cards": [black]})).await;
    let buys = async |buyer: &str, colour: &str| {
        let spec = vec![("颜色".to_owned(), colour.to_owned())];
        let order = shop.place_order(NewOrder { spec, ..NewOrder::new(buyer, ITEM) });
        shop.pay(&order).unwrap();
        app.eventually("shipped", || (app.stands(&shop, &order) == Some(Status::Shipped)).then_some(())).await;
        heard(&shop, &order)
    };
    assert_eq!(buys("2200000000701", "黑").await, ["black"]);
    assert_eq!(buys("2200000000702", "白").await, ["general"]);
    seller.patch(&at(&special), &json!({"enabled": false})).await.is(200);
    assert_eq!(buys("2200000000703", "黑").await, ["general"]);
}

#[actix_web::test]
async fn an_account_that_begins_to_deliver_serves_what_was_paid_before() {
    let mut app = TestApp::new();
    let shop = app.open("a");
    let card = app.pool("会员码", &["AAAA-1111"]);
    app.binds(ITEM, &[card]);
    app.start().await;
    let seller = app.signed_in("seller").await;
    let path = format!("/api/v1/accounts/{}/delivery", shop.id);
    let unset = seller.get(&path).await.is(200);
    let (tag, unset) = (unset.header("etag").unwrap().to_owned(), unset.json());
    assert_eq!((&unset["enabled"], &unset["confirm_shipment"]), (&json!(false), &json!(true)));
    assert_eq!((&unset["receipt"], &unset["updated_at"]), (&json!(""), &Value::Null));
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    shop.pay(&order).unwrap();
    app.eventually("paid", || (app.stands(&shop, &order) == Some(Status::PendingShip)).then_some(())).await;
    assert_eq!((app.given(&shop, &order), app.stocked(card, UnitState::Free)), (Vec::<Unit>::new(), 1));

    let change = json!({"enabled": true, "receipt": "已发货，请查收。"});
    let changed = seller.patch(&path, &change).await.is(200).json();
    assert_eq!((&changed["enabled"], &changed["out_of_stock"]), (&json!(true), &json!("")));
    seller.as_who().with("if-match", &tag).patch(&path, &json!({"enabled": false})).await.refused(412, "changed");
    app.eventually("shipped", || (app.stands(&shop, &order) == Some(Status::Shipped)).then_some(())).await;
    app.eventually("the receipt", || (heard(&shop, &order) == ["AAAA-1111", "已发货，请查收。"]).then_some(())).await;
    let deed = seller.audit("action=account.delivery").await.remove(0);
    assert_eq!((&deed["before"]["enabled"], &deed["after"]["enabled"]), (&json!(false), &json!(true)));
}
