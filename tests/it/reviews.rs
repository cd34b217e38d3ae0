//! What waits for a person, and what they choose.

use serde_json::{Value, json};
use yutang::{
    delivery::{review::Reason, step::Unit, unit::UnitState},
    ids::{CardId, OrderId},
    order::status::Status,
    sim::{Answer, NewOrder},
};

use crate::{
    client::Api,
    deliveries::{BUYER, ITEM, Till},
    harness::{Shop, TestApp},
};

/// A shop whose order waits for a person, because nothing, or not everything, of it arrived.
async fn waiting(answer: Answer, reason: Reason) -> (TestApp, Shop, CardId, OrderId, Api) {
    let mut app = TestApp::new();
    let shop = app.open("a");
    let card = app.pool("会员码", &["AAAA-1111", "BBBB-2222"]);
    app.binds(ITEM, &[card]);
    app.delivers(&shop);
    app.start().await;
    app.platform().change_faults(|faults| faults.answer = answer);
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    shop.pay(&order).unwrap();
    app.eventually("a person", || (app.waits_for_a_person(&shop, &order) == [reason]).then_some(())).await;
    app.platform().change_faults(|faults| faults.answer = Answer::WithId);
    let seller = app.signed_in("seller").await;
    (app, shop, card, order, seller)
}

async fn open(seller: &Api) -> Value {
    let page = seller.get("/api/v1/reviews").await.is(200).json();
    assert_eq!(page["total"], 1, "{page}");
    page["items"][0].clone()
}

fn resolve(review: &Value) -> String {
    format!("/api/v1/reviews/{}/resolve", review["id"])
}

fn seen(shop: &Shop, order: &OrderId) -> Vec<String> {
    shop.seen(&shop.order(order).unwrap().conversation)
}

async fn shipped(app: &TestApp, shop: &Shop, order: &OrderId) {
    app.eventually("shipped", || (app.stands(shop, order) == Some(Status::Shipped)).then_some(())).await;
    app.sums_hold();
}

/// Promise 2: what is in doubt is settled by a person, never by itself.
#[actix_web::test]
async fn what_did_not_arrive_is_sent_anew_when_a_person_says_so() {
    let (app, shop, card, order, seller) = waiting(Answer::Lost, Reason::Uncertain).await;
    let review = open(&seller).await;
    assert_eq!((&review["reason"], &review["order_id"]), (&json!("uncertain"), &json!(order.as_str())));
    assert_eq!(review["choices"], json!(["arrived", "send_again", "by_hand"]));
    assert!(review["age_s"].as_i64() >= Some(0) && review["closed_at"].is_null());
    let refused = seller.post(&resolve(&review), &json!({"choice": "look_again", "note": "x"})).await;
    assert_eq!(refused.refused(422, "invalid_field").field(), "choice");
    seller.post(&resolve(&review), &json!({"choice": "send_again"})).await.refused(422, "invalid_field");
    assert_eq!(app.stocked(card, UnitState::Uncertain), 1);

    let told = json!({"choice": "send_again", "note": "买家说没收到"});
    let closed = seller.post(&resolve(&review), &told).await.is(200).json();
    assert_eq!((&closed["resolution"], &closed["closed_by"]), (&json!("send_again"), &json!("seller")));
    assert_eq!((&closed["note"], &closed["choices"]), (&told["note"], &json!([])));
    shipped(&app, &shop, &order).await;
    assert_eq!(seen(&shop, &order), ["AAAA-1111"], "the same piece");
    assert_eq!((app.stocked(card, UnitState::Confirmed), app.stocked(card, UnitState::Free)), (1, 1));
    seller.post(&resolve(&review), &told).await.refused(409, "wrong_state");
    let deed = seller.audit("action=review.resolve").await.remove(0);
    assert_eq!((&deed["before"]["closed_at"], &deed["after"]["note"]), (&Value::Null, &told["note"]));
    assert_eq!(seller.get("/api/v1/reviews?open=false").await.is(200).json()["total"], 1);
}

#[actix_web::test]
async fn what_arrived_is_confirmed_when_a_person_says_so_and_not_sent_again() {
    let (app, shop, card, order, seller) = waiting(Answer::Lost, Reason::Uncertain).await;
    let review = open(&seller).await;
    seller.post(&resolve(&review), &json!({"choice": "arrived", "note": "已在闲鱼确认"})).await.is(200);
    shipped(&app, &shop, &order).await;
    assert_eq!(seen(&shop, &order), Vec::<String>::new(), "nothing more was sent");
    assert_eq!(app.given(&shop, &order), [Unit::Confirmed]);
    assert_eq!(app.stocked(card, UnitState::Confirmed), 1);
}

/// Of two messages in doubt one arrived: they are named, and the other still waits.
#[actix_web::test]
async fn what_is_said_of_one_message_is_not_said_of_another() {
    let mut app = TestApp::new();
    let shop = app.open("a");
    let codes = ["甲".repeat(1500), "乙".repeat(1500)];
    let card = app.pool("会员码", &[&codes[0], &codes[1]]);
    app.binds(ITEM, &[card]);
    app.delivers(&shop);
    app.start().await;
    app.platform().change_faults(|faults| faults.answer = Answer::Lost);
    let order = shop.place_order(NewOrder { quantity: 2, ..NewOrder::new(BUYER, ITEM) });
    shop.pay(&order).unwrap();
    app.eventually("both are in doubt", || (app.given(&shop, &order) == [Unit::Uncertain; 2]).then_some(())).await;
    app.platform().change_faults(|faults| faults.answer = Answer::WithId);
    let seller = app.signed_in("seller").await;
    let shown = seller.get(&format!("/api/v1/orders/{}.{order}", shop.id)).await.is(200).json();
    let first = shown["messages"][0]["id"].clone();
    let said = |choice: &str, messages: Value| json!({"choice": choice, "note": "x", "messages": messages});
    let review = open(&seller).await;
    let refused = seller.post(&resolve(&review), &said("arrived", json!([first, 999]))).await;
    assert_eq!(refused.refused(422, "invalid_field").field(), "messages[1]");
    let refused = seller.post(&resolve(&review), &said("by_hand", json!([first]))).await;
    assert_eq!(refused.refused(422, "invalid_field").field(), "messages");
    seller.post(&resolve(&review), &said("arrived", json!([first]))).await.is(200);
    app.eventually("the other waits", || {
        let given = [Unit::Confirmed, Unit::Uncertain];
        (app.given(&shop, &order) == given && app.waits_for_a_person(&shop, &order) == [Reason::Uncertain])
            .then_some(())
    })
    .await;
    seller.post(&resolve(&open(&seller).await), &said("send_again", json!([]))).await.is(200);
    shipped(&app, &shop, &order).await;
    assert_eq!(seen(&shop, &order), [codes[1].as_str()]);
    assert_eq!(app.stocked(card, UnitState::Confirmed), 2);
}

#[actix_web::test]
async fn what_the_platform_refused_is_sent_anew_with_the_same_piece() {
    let (app, shop, card, order, seller) = waiting(Answer::Forbid, Reason::Rejected).await;
    let review = open(&seller).await;
    assert_eq!(review["choices"], json!(["send_again", "by_hand"]));
    seller.post(&resolve(&review), &json!({"choice": "send_again", "note": "再试"})).await.is(200);
    shipped(&app, &shop, &order).await;
    assert_eq!(seen(&shop, &order), ["AAAA-1111"]);
    assert_eq!((app.stocked(card, UnitState::Confirmed), app.stocked(card, UnitState::Free)), (1, 1));
    let states: Vec<_> = messages(&seller, &shop, &order).await;
    assert_eq!(states, ["dropped", "confirmed"]);
}

async fn messages(seller: &Api, shop: &Shop, order: &OrderId) -> Vec<String> {
    let shown = seller.get(&format!("/api/v1/orders/{}.{order}", shop.id)).await.is(200).json();
    let messages = shown["messages"].as_array().unwrap();
    messages.iter().map(|message| message["state"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn who_takes_an_order_in_hand_is_left_alone() {
    let (app, shop, card, order, seller) = waiting(Answer::Forbid, Reason::Rejected).await;
    let review = open(&seller).await;
    seller.post(&resolve(&review), &json!({"choice": "by_hand", "note": "我自己发"})).await.is(200);
    let filter = format!("/api/v1/reviews?order={}.{order}&open=false&reason=rejected", shop.id);
    assert_eq!(seller.get(&filter).await.is(200).json()["items"][0]["resolution"], "by_hand");
    seller.post(&format!("/api/v1/orders/{}.{order}/refresh", shop.id), &json!({})).await.is(200);
    assert_eq!(seen(&shop, &order), Vec::<String>::new());
    assert_eq!((app.given(&shop, &order), app.stocked(card, UnitState::Reserved)), (vec![Unit::Rejected], 1));
    assert_eq!(app.waits_for_a_person(&shop, &order), []);
}

/// What stood in the way and stands there still waits again.
#[actix_web::test]
async fn to_look_again_does_not_hide_what_is_still_missing() {
    let mut app = TestApp::new();
    let shop = app.open("a");
    app.delivers(&shop);
    app.start().await;
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    shop.pay(&order).unwrap();
    app.eventually("a person", || (app.waits_for_a_person(&shop, &order) == [Reason::NoRule]).then_some(())).await;
    let seller = app.signed_in("seller").await;
    let first = open(&seller).await;
    seller.post(&resolve(&first), &json!({"choice": "look_again", "note": "看看"})).await.is(200);
    app.eventually("it waits again", || (app.waits_for_a_person(&shop, &order) == [Reason::NoRule]).then_some(()))
        .await;
    assert_ne!(open(&seller).await["id"], first["id"]);
}
