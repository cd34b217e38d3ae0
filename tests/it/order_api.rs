//! Orders as a seller sees them, and the proof of what was given.

use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    delivery::{review::Reason, step::Unit},
    ids::OrderId,
    order::status::Status,
    sim::{Address, NewOrder},
};

use crate::{
    deliveries::{BUYER, ITEM, Till},
    harness::{Shop, TestApp},
};

const CODE: &str = "PLANTED-CODE-0001";

fn at(shop: &Shop, order: &OrderId, rest: &str) -> String {
    format!("/api/v1/orders/{}.{order}{rest}", shop.id)
}

/// A shop that delivers codes of one pool.
async fn selling(codes: &[&str]) -> (TestApp, Shop) {
    let mut app = TestApp::new();
    app.person("operator", Role::Operator);
    let shop = app.open("a");
    let card = app.pool("会员码", codes);
    app.binds(ITEM, &[card]);
    app.delivers(&shop);
    app.start().await;
    (app, shop)
}

fn pays(shop: &Shop, new: NewOrder) -> OrderId {
    let order = shop.place_order(new);
    shop.pay(&order).unwrap();
    order
}

async fn shipped(app: &TestApp, shop: &Shop, order: &OrderId) {
    app.eventually("shipped", || (app.stands(shop, order) == Some(Status::Shipped)).then_some(())).await;
}

/// D20: quantities and amounts are numbers.
#[actix_web::test]
async fn d20_an_order_is_shown_with_its_numbers_its_units_and_its_history() {
    let (app, shop) = selling(&["c1", "c2", "c3"]).await;
    let seller = app.signed_in("seller").await;
    let spec = vec![("颜色".to_owned(), "黑".to_owned())];
    let order = pays(&shop, NewOrder { quantity: 5, spec, ..NewOrder::new(BUYER, ITEM) });
    app.eventually("three of five", || (app.given(&shop, &order) == [Unit::Confirmed; 3]).then_some(())).await;
    app.eventually("a person", || (app.waits_for_a_person(&shop, &order) == [Reason::OutOfStock]).then_some(())).await;
    let shown = seller.get(&at(&shop, &order, "")).await.is(200).json();
    assert_eq!((&shown["status"], &shown["quantity"]), (&json!("pending_ship"), &json!(5)));
    assert_eq!((&shown["price_fen"], &shown["amount_fen"]), (&json!(12_300), &json!(61_500)));
    assert_eq!(shown["spec"], json!([{"name": "颜色", "value": "黑"}]));
    assert_eq!((&shown["units"]["confirmed"], &shown["units"]["wanted"]), (&json!(3), &json!(5)), "three of five");
    assert_eq!(shown["given"].as_array().map(Vec::len), Some(3));
    assert_eq!(shown["waits_for"], json!(["out_of_stock"]));
    assert_eq!(shown["reviews"][0]["choices"], json!(["look_again", "by_hand"]));
    assert_eq!(shown["lacks"][0]["code"], "out_of_stock", "{shown}");
    let last = shown["changes"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["to"], shown["buyer_id"].as_str()), (&json!("pending_ship"), Some(BUYER)));
    assert!(shown["paid_at"].is_i64() && shown["conversation"].is_string());

    let given = seller.get(&format!("/api/v1/deliveries?account={}&state=confirmed", shop.id)).await.is(200).json();
    assert_eq!((&given["total"], &given["items"][0]["order_id"]), (&json!(3), &json!(order.as_str())), "{given}");
    assert_eq!((&given["items"][2]["unit"], &given["items"][2]["redelivered"]), (&json!(3), &json!(0)));
    assert_eq!(seller.get("/api/v1/deliveries?state=uncertain").await.is(200).json()["total"], 0);
    seller.get("/api/v1/deliveries?state=lost").await.refused(400, "invalid_query");

    for (query, total) in [
        (format!("?account={}&status=pending_ship", shop.id), 1),
        (format!("?buyer={BUYER}&item={ITEM}"), 1),
        (format!("?conversation={}", shown["conversation"].as_str().unwrap()), 1),
        ("?status=completed".to_owned(), 0),
        ("?since=0&until=1".to_owned(), 0),
    ] {
        let page = seller.get(&format!("/api/v1/orders{query}")).await.is(200).json();
        assert_eq!(page["total"], total, "{query}");
    }
    let listed = seller.get("/api/v1/orders").await.is(200).json()["items"][0].clone();
    assert_eq!((&listed["units"], &listed["waits_for"]), (&shown["units"], &shown["waits_for"]));
    let counts = seller.get("/api/v1/orders/counts").await.is(200).json();
    assert_eq!((&counts["pending_ship"], &counts["shipped"]), (&json!(1), &json!(0)));
}

/// What happened is told in order of time, from the payment to the shipment, and never what was given.
#[actix_web::test]
async fn the_timeline_proves_the_delivery_without_showing_it() {
    let (app, shop) = selling(&[CODE]).await;
    let seller = app.signed_in("seller").await;
    let order = pays(&shop, NewOrder::new(BUYER, ITEM));
    shipped(&app, &shop, &order).await;
    let answer = seller.get(&at(&shop, &order, "/timeline?per_page=200")).await.is(200);
    assert!(!answer.text.contains(CODE), "{}", answer.text);
    let page = answer.json();
    let entries = page["items"].as_array().unwrap();
    let times: Vec<_> = entries.iter().map(|entry| entry["at"].as_i64().unwrap()).collect();
    assert!(times.is_sorted());
    let place = |what: &str, code: &str| {
        entries.iter().position(|entry| entry["what"] == what && entry["code"] == code).unwrap_or_else(|| {
            panic!("no {what} {code}: {page}");
        })
    };
    let steps = [place("stands", "pending_ship"), place("message", "confirmed"), place("stands", "shipped")];
    assert!(steps.is_sorted(), "{page}");
    for (what, code) in [
        ("told", "paid"),
        ("unit", "reserved"),
        ("unit", "confirmed"),
        ("stock", "reserved"),
        ("stock", "confirmed"),
        ("action", "ship"),
    ] {
        place(what, code);
    }
    assert!(entries[place("message", "confirmed")]["message_id"].is_string(), "{page}");
    let second = seller.get(&at(&shop, &order, "/timeline?per_page=2&page=2")).await.is(200).json();
    assert_eq!((&second["items"][0], &second["total"]), (&entries[2], &json!(entries.len())));
    let chinese = seller.as_who().with("accept-language", "zh").get(&at(&shop, &order, "/timeline")).await.is(200);
    assert!(chinese.text.contains("平台消息：买家已付款"), "{}", chinese.text);
}

/// The same as a page for the printer: in both languages, for who may see the order, and without what was given.
#[actix_web::test]
async fn the_proof_can_be_printed() {
    let (app, shop) = selling(&[CODE]).await;
    app.employ("rival", Role::Owner, None, &[]);
    let (seller, rival) = (app.signed_in("seller").await, app.signed_in("rival").await);
    let spec = vec![("颜色".to_owned(), "<b>黑</b>".to_owned())];
    let order = pays(&shop, NewOrder { spec, ..NewOrder::new(BUYER, ITEM) });
    shipped(&app, &shop, &order).await;
    let path = format!("/app/orders/{}.{order}/print", shop.id);
    let page = seller.get(&format!("{path}?lang=zh")).await.is(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for text in [order.as_str(), "平台消息：买家已付款", "订单状态：已发货", "¥123.00", "消息编号", "1 / 1"]
    {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    assert!(
        !page.text.contains(CODE) && !page.text.contains("<b>黑") && !page.text.contains("<script"),
        "{}",
        page.text
    );
    let english = seller.get(&format!("{path}?lang=en")).await.is(200).text;
    assert!(
        english.contains("Record of an order") && english.contains("message 1: confirmed by the platform"),
        "{english}"
    );
    rival.get(&path).await.is(404);
    app.anybody().get(&path).await.refused(401, "not_signed_in");
}

/// What waits for stock is served once there is some, without anybody asking.
#[actix_web::test]
async fn stock_that_arrives_serves_what_waits_for_it() {
    let (app, shop) = selling(&[]).await;
    let seller = app.signed_in("seller").await;
    let order = pays(&shop, NewOrder::new(BUYER, ITEM));
    app.eventually("a person", || (app.waits_for_a_person(&shop, &order) == [Reason::OutOfStock]).then_some(())).await;
    let card = seller.get("/api/v1/cards").await.is(200).json()["items"][0]["id"].clone();
    seller.post(&format!("/api/v1/cards/{card}/units"), &json!({"lines": [CODE]})).await.is(200);
    shipped(&app, &shop, &order).await;
    assert_eq!(shop.seen(&shop.order(&order).unwrap().conversation), [CODE]);
    let healed = seller.get("/api/v1/reviews?open=false").await.is(200).json();
    assert_eq!(healed["items"][0]["resolution"], "healed");
}

/// The address is shown to who manages the account, on demand, and the audit says so.
#[actix_web::test]
async fn an_address_is_shown_on_demand_to_its_owner_alone_and_the_audit_says_so() {
    let (app, shop) = selling(&["c1"]).await;
    let id = shop.id;
    let scope = app.scope();
    let operator = app.user("operator");
    app.write(move |conn| yutang::store::users::set_accounts(conn, &scope, operator, &[id]));
    let address = Address { name: "王小明".into(), phone: "13800000000".into(), address: "杭州".into() };
    let order = pays(&shop, NewOrder { address: Some(address), ..NewOrder::new(BUYER, ITEM) });
    shipped(&app, &shop, &order).await;
    let (seller, operator) = (app.signed_in("seller").await, app.signed_in("operator").await);
    for api in [&seller, &operator] {
        let shown = api.get(&at(&shop, &order, "")).await.is(200);
        assert!(!shown.text.contains("13800000000") && shown.json()["address"].is_null());
        assert_eq!(shown.json()["has_address"], true);
    }
    operator.get(&at(&shop, &order, "?reveal=true")).await.refused(403, "forbidden");
    assert_eq!(seller.audit("action=order.reveal").await, Vec::<Value>::new());
    let shown = seller.get(&at(&shop, &order, "?reveal=true")).await.is(200).json();
    assert_eq!(shown["address"]["phone"], "13800000000");
    assert_eq!(seller.audit("action=order.reveal").await.len(), 1);
}

/// D16: there, an order was read once, and what changed later was never seen.
#[actix_web::test]
async fn d16_a_person_has_the_platform_asked_now() {
    let (app, shop) = selling(&["c1"]).await;
    let seller = app.signed_in("seller").await;
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    app.eventually("placed", || (app.stands(&shop, &order) == Some(Status::Processing)).then_some(())).await;
    let before = seller.get(&at(&shop, &order, "")).await.is(200).json();
    let after = seller.post(&at(&shop, &order, "/refresh"), &json!({})).await.is(200).json();
    assert!(after["read_at"].as_i64() >= before["read_at"].as_i64());
    assert_eq!(seller.audit("action=order.refresh").await.len(), 1);
    seller.post(&format!("/api/v1/orders/{}.404/refresh", shop.id), &json!({})).await.is(404);
    app.enable(&shop, false);
    app.noticed().await;
    seller.post(&at(&shop, &order, "/refresh"), &json!({})).await.refused(409, "account_not_running");
}

/// D19: there, nothing was ever delivered again.
#[actix_web::test]
async fn d19_what_was_taken_in_hand_is_delivered_after_all() {
    let (app, shop) = selling(&[]).await;
    let seller = app.signed_in("seller").await;
    let unpaid = shop.place_order(NewOrder::new("2200000000888", ITEM));
    let order = pays(&shop, NewOrder::new(BUYER, ITEM));
    app.eventually("a person", || (app.waits_for_a_person(&shop, &order) == [Reason::OutOfStock]).then_some(())).await;
    let review = seller.get("/api/v1/reviews").await.is(200).json()["items"][0].clone();
    let resolve = format!("/api/v1/reviews/{}/resolve", review["id"]);
    seller.post(&resolve, &json!({"choice": "by_hand", "note": "我自己发"})).await.is(200);
    app.eventually("nobody waits", || app.waits_for_a_person(&shop, &order).is_empty().then_some(())).await;

    app.eventually("placed", || (app.stands(&shop, &unpaid) == Some(Status::Processing)).then_some(())).await;
    let deliver = at(&shop, &unpaid, "/deliver");
    seller.post(&deliver, &json!({"reason": "x"})).await.refused(409, "wrong_state");
    let deliver = at(&shop, &order, "/deliver");
    seller.post(&deliver, &json!({"reason": ""})).await.refused(422, "invalid_field");
    app.sets(&shop, |settings| settings.enabled = false);
    seller.post(&deliver, &json!({"reason": "x"})).await.refused(409, "wrong_state");
    app.sets(&shop, |settings| settings.enabled = true);
    let card = app.pool("新码", &["NEW-1"]);
    app.binds(ITEM, &[card]);
    let rules = seller.get("/api/v1/delivery-rules").await.is(200).json();
    seller.delete(&format!("/api/v1/delivery-rules/{}", rules["items"][1]["id"])).await.is(204);
    assert_eq!(app.given(&shop, &order), [], "somebody has it in hand");
    seller.post(&deliver, &json!({"reason": "补货了"})).await.is(202);
    shipped(&app, &shop, &order).await;
    assert_eq!(app.given(&shop, &order), [Unit::Confirmed]);
    let deed = seller.audit("action=order.deliver").await.remove(0);
    assert_eq!((&deed["before"]["by_hand"], &deed["after"]["reason"]), (&json!(true), &json!("补货了")));
}
