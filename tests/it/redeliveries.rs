//! What a person does about what an order was given: once more, although it is shipped, or by hand.

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use serde_json::json;
use yutang::{
    delivery::{review::Reason, step::Unit, unit::UnitState},
    ids::{CardId, OrderId},
    order::status::Status,
    sim::{Answer, NewOrder, Step},
};

use crate::{
    client::Api,
    deliveries::{BUYER, ITEM, Till},
    harness::{Shop, TestApp},
};

async fn selling(codes: &[&str]) -> (TestApp, Shop, CardId) {
    let mut app = TestApp::new();
    let shop = app.open("a");
    let card = app.pool("会员码", codes);
    app.binds(ITEM, &[card]);
    app.delivers(&shop);
    app.start().await;
    (app, shop, card)
}

fn pays(shop: &Shop, quantity: u32) -> OrderId {
    let order = shop.place_order(NewOrder { quantity, ..NewOrder::new(BUYER, ITEM) });
    shop.pay(&order).unwrap();
    order
}

fn at(shop: &Shop, order: &OrderId, rest: &str) -> String {
    format!("/api/v1/orders/{}.{order}{rest}", shop.id)
}

fn seen(shop: &Shop, order: &OrderId) -> Vec<String> {
    shop.seen(&shop.order(order).unwrap().conversation)
}

async fn stands(app: &TestApp, shop: &Shop, order: &OrderId, status: Status) {
    app.eventually("it stands there", || (app.stands(shop, order) == Some(status)).then_some(())).await;
}

async fn waits(app: &TestApp, shop: &Shop, order: &OrderId, reason: Reason) {
    app.eventually("a person", || (app.waits_for_a_person(shop, order) == [reason]).then_some(())).await;
}

async fn resolve(seller: &Api, choice: &str) {
    let page = seller.get("/api/v1/reviews").await.is(200).json();
    assert_eq!(page["total"], 1, "{page}");
    let path = format!("/api/v1/reviews/{}/resolve", page["items"][0]["id"]);
    seller.post(&path, &json!({"choice": choice, "note": "x"})).await.is(200);
}

/// A code that does not work is replaced, also where the order is over; what was given stays given.
#[actix_web::test]
async fn d2_a_unit_is_given_once_more_with_a_fresh_piece() {
    let (app, shop, card) = selling(&["c1", "c2", "c3"]).await;
    let order = pays(&shop, 2);
    stands(&app, &shop, &order, Status::Shipped).await;
    shop.confirm_receipt(&order).unwrap();
    stands(&app, &shop, &order, Status::Completed).await;
    let seller = app.signed_in("seller").await;
    let again = json!({"units": [2], "reason": "买家反馈第二个码无效"});
    let path = at(&shop, &order, "/redeliver");
    seller.post(&path, &json!({"units": [3], "reason": "x"})).await.refused(409, "wrong_state");
    seller.post(&path, &json!({"units": [2]})).await.refused(422, "invalid_field");
    let view = seller.post(&path, &again).await.is(202).json();
    assert_eq!((&view["units"]["reserved"], &view["units"]["confirmed"]), (&json!(1), &json!(1)), "{view}");
    app.eventually("given once more", || (app.given(&shop, &order) == [Unit::Confirmed; 2]).then_some(())).await;
    assert_eq!(seen(&shop, &order), ["c1\nc2", "c3"]);
    assert_eq!(app.stocked(card, UnitState::Confirmed), 3);
    assert_eq!(shop.order(&order).unwrap().counts.consigned, 1, "shipped once");
    let short = seller.post(&path, &json!({"reason": "x"})).await;
    assert!(short.refused(409, "wrong_state").text.contains("会员码: 0/2"));
    let deed = seller.audit("action=order.redeliver").await.remove(0);
    assert_eq!(deed["after"], json!({"units": [2], "reason": again["reason"]}));
    app.sums_hold();
}

/// Nothing of it may be on its way, and the money must be there.
#[actix_web::test]
async fn what_is_in_doubt_may_be_replaced_and_what_is_paid_back_may_not() {
    let (app, shop, card) = selling(&["c1", "c2"]).await;
    app.platform().change_faults(|faults| faults.answer = Answer::Lost);
    let order = pays(&shop, 1);
    waits(&app, &shop, &order, Reason::Uncertain).await;
    app.platform().change_faults(|faults| faults.answer = Answer::WithId);
    let seller = app.signed_in("seller").await;
    seller.post(&at(&shop, &order, "/redeliver"), &json!({"reason": "换一个"})).await.is(202);
    stands(&app, &shop, &order, Status::Shipped).await;
    assert_eq!(seen(&shop, &order), ["c2"]);
    assert_eq!((app.stocked(card, UnitState::Uncertain), app.stocked(card, UnitState::Confirmed)), (1, 1));
    assert_eq!(app.waits_for_a_person(&shop, &order), []);
    shop.happens(&order, Step::AskRefund).unwrap();
    stands(&app, &shop, &order, Status::Refunding).await;
    let refused = seller.post(&at(&shop, &order, "/redeliver"), &json!({"reason": "x"})).await;
    assert!(refused.refused(409, "wrong_state").text.contains("refund"));
    app.sums_hold();
}

/// What a person has sent although the order was shipped by hand meanwhile really goes out.
#[actix_web::test]
async fn d8_what_was_reserved_and_never_sent_is_sent_although_the_order_is_shipped_when_a_person_says_so() {
    let (app, shop, card) = selling(&["c1"]).await;
    app.platform().change_faults(|faults| faults.answer = Answer::Forbid);
    let order = pays(&shop, 1);
    waits(&app, &shop, &order, Reason::Rejected).await;
    app.platform().change_faults(|faults| faults.answer = Answer::WithId);
    shop.happens(&order, Step::Ship).unwrap();
    waits(&app, &shop, &order, Reason::ShippedElsewhere).await;
    assert_eq!(seen(&shop, &order), Vec::<String>::new());
    let seller = app.signed_in("seller").await;
    resolve(&seller, "send_again").await;
    app.eventually("sent", || (app.given(&shop, &order) == [Unit::Confirmed]).then_some(())).await;
    assert_eq!(seen(&shop, &order), ["c1"]);
    assert_eq!(app.stocked(card, UnitState::Confirmed), 1);
    assert_eq!(app.waits_for_a_person(&shop, &order), []);
}

/// What is reserved for an order by hand is nobody else's until it is said what became of it.
#[actix_web::test]
async fn what_was_taken_in_hand_is_given_back_or_said_to_be_given() {
    for (outcome, unit, state) in
        [("given_back", Unit::Cancelled, UnitState::Free), ("given", Unit::Confirmed, UnitState::Confirmed)]
    {
        let (app, shop, card) = selling(&["c1"]).await;
        app.platform().change_faults(|faults| faults.answer = Answer::Forbid);
        let order = pays(&shop, 1);
        waits(&app, &shop, &order, Reason::Rejected).await;
        app.platform().change_faults(|faults| faults.answer = Answer::WithId);
        let (seller, path) = (app.signed_in("seller").await, at(&shop, &order, "/settle"));
        let said = json!({"outcome": outcome, "reason": "微信发了"});
        assert!(seller.post(&path, &said).await.refused(409, "wrong_state").text.contains("by hand"));
        resolve(&seller, "by_hand").await;
        assert_eq!(app.stocked(card, UnitState::Reserved), 1);
        seller.post(&path, &said).await.is(200);
        assert_eq!((app.given(&shop, &order), app.stocked(card, state)), (vec![unit], 1), "{outcome}");
        assert_eq!(seen(&shop, &order), Vec::<String>::new(), "nothing is sent by us");
        let deed = seller.audit("action=order.settle").await.remove(0);
        assert_eq!((&deed["after"]["outcome"], &deed["after"]["units"]), (&json!(outcome), &json!(1)));
        // Delivered by us after all, where it went back.
        seller.post(&at(&shop, &order, "/deliver"), &json!({"reason": "x"})).await.is(202);
        stands(&app, &shop, &order, Status::Shipped).await;
        let expected: &[&str] = if outcome == "given_back" { &["c1"] } else { &[] };
        assert_eq!(seen(&shop, &order), expected);
        app.sums_hold();
    }
}

/// Whoever took an order in hand may have sent the code themselves: it goes back only when they say so, also where the order ended.
#[actix_web::test]
async fn d2_what_is_in_somebodys_hand_stays_there_when_the_order_ends() {
    let (app, shop, card) = selling(&["c1", "c2"]).await;
    app.platform().change_faults(|faults| faults.answer = Answer::Forbid);
    let order = pays(&shop, 1);
    waits(&app, &shop, &order, Reason::Rejected).await;
    let seller = app.signed_in("seller").await;
    resolve(&seller, "by_hand").await;
    shop.happens(&order, Step::AskRefund).unwrap();
    shop.happens(&order, Step::GrantRefund).unwrap();
    stands(&app, &shop, &order, Status::Cancelled).await;
    // What follows an order that ended elsewhere has been done when another one's is.
    let other = pays(&shop, 1);
    waits(&app, &shop, &other, Reason::Rejected).await;
    assert_eq!((app.given(&shop, &order), app.stocked(card, UnitState::Reserved)), (vec![Unit::Rejected], 2));
    let said = json!({"outcome": "given_back", "reason": "没有发"});
    seller.post(&at(&shop, &order, "/settle"), &said).await.is(200);
    assert_eq!((app.given(&shop, &order), app.stocked(card, UnitState::Free)), (vec![Unit::Cancelled], 1));
    app.sums_hold();
}

/// What cannot be opened, as after a restore without its key, waits for a person, and is tried again when they say so.
#[actix_web::test]
async fn content_that_cannot_be_opened_waits_for_a_person() {
    let (app, shop, _) = selling(&["c1"]).await;
    let mut conn = SqliteConnection::establish(&app.settings().data_dir.join("yutang.db").to_string_lossy()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
    let broken = "CREATE TABLE kept AS SELECT id, content FROM units; UPDATE units SET content = x'00'";
    conn.batch_execute(broken).unwrap();
    let order = pays(&shop, 1);
    waits(&app, &shop, &order, Reason::NoContent).await;
    assert_eq!(app.given(&shop, &order), [Unit::Reserved]);
    conn.batch_execute(
        "UPDATE units SET content = (SELECT content FROM kept WHERE kept.id = units.id); DROP TABLE kept",
    )
    .unwrap();
    let seller = app.signed_in("seller").await;
    resolve(&seller, "try_again").await;
    stands(&app, &shop, &order, Status::Shipped).await;
    assert_eq!(seen(&shop, &order), ["c1"]);
}

/// More pieces than are claimed in one transaction.
#[actix_web::test]
async fn d7_an_order_of_very_many_pieces_gets_each_once() {
    let codes: Vec<String> = (0..450).map(|number| format!("code-{number:04}")).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let (app, shop, card) = selling(&codes).await;
    let order = pays(&shop, 430);
    stands(&app, &shop, &order, Status::Shipped).await;
    let said = seen(&shop, &order).join("\n");
    assert_eq!(said.lines().collect::<Vec<_>>(), codes[..430]);
    assert_eq!((app.stocked(card, UnitState::Confirmed), app.stocked(card, UnitState::Free)), (430, 20));
    app.sums_hold();
}
