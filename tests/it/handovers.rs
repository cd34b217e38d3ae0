//! A conversation in the hands of one person, and the list of buyers who wait.

use serde_json::{Value, json};
use yutang::{access::role::Role, notify::event::Event, store::notices, telemetry::clock};

use crate::harness::{PATIENCE, TestApp, answered_shop, contains};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

#[actix_web::test]
async fn a_conversation_that_was_handed_over_is_left_to_that_person_until_somebody_resumes() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let bob = app.employ("bob", Role::Operator, Some(app.scope().user()), &[shop.id]);
    let [seller, operator] = [app.signed_in("seller").await, app.signed_in("bob").await];
    let path = format!("/api/v1/conversations/{}.{conversation}", shop.id);
    let hand = json!({"to": bob, "note": "买家要求退款"});
    let view = seller.put(&format!("{path}/hand-over"), &hand).await.is(200).json();
    let handed = &view["handed_over"];
    assert_eq!((&handed["to_name"], &handed["by_name"]), (&json!("bob"), &json!("seller")));
    assert_eq!((&view["paused"], &view["paused_until"]), (&json!(true), &Value::Null), "until somebody resumes");
    let told = app.read(notices::live);
    assert!(told.iter().any(|row| row.event == Event::Handover && row.subject().what.as_deref() == Some("bob")));
    for (api, query, total) in [
        (&operator, "handed_to=me", 1),
        (&seller, "handed_to=me", 0),
        (&seller, &format!("handed_to={bob}"), 1),
        (&seller, "handed_to=any", 1),
        (&seller, "handed_to=none", 0),
    ] {
        let list = api.get(&format!("/api/v1/conversations?{query}")).await.is(200).json();
        assert_eq!(list["total"], total, "{query}");
    }
    let refused = seller.get("/api/v1/conversations?handed_to=bob").await.refused(400, "invalid_query");
    assert_eq!(refused.field(), "handed_to");

    // An answer by hand pauses for a while on its own; that must not shorten this pause.
    operator.post(&format!("{path}/messages"), &json!({"texts": ["我来处理"]})).await.is(202);
    shop.await_delivered(&conversation, 2, PATIENCE).await;
    let more = shop.buyer_says(BUYER, ITEM, "好的");
    app.is_silent(&shop, &more, "seller_took_over").await;
    let waiting = operator.get("/api/v1/unanswered?handed_to=me").await.is(200).json();
    let row = &waiting["items"][0];
    assert_eq!(
        (&waiting["total"], &row["text"], &row["reason"]),
        (&json!(1), &json!("好的"), &json!("seller_took_over"))
    );
    assert!(row["age_ms"].as_i64().unwrap() >= 0 && row["handed_over"]["to"] == json!(bob), "{row}");
    let still = seller.get(&path).await.is(200).json();
    assert_eq!((&still["handed_over"]["to"], &still["paused_until"]), (&json!(bob), &Value::Null));

    let resumed = operator.post(&format!("{path}/resume"), &json!({})).await.is(200).json();
    assert_eq!((&resumed["handed_over"], &resumed["paused"]), (&Value::Null, &json!(false)));
    let audit = seller.audit("action=conversation.hand_over").await;
    assert_eq!(audit[0]["after"], json!({"to": bob, "to_name": "bob"}), "without the note");
}

#[actix_web::test]
async fn a_conversation_is_handed_to_nobody_by_name_or_taken_back_and_never_to_a_stranger() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let rival = app.person("rival", Role::Owner);
    let watcher = app.employ("watcher", Role::Viewer, Some(app.scope().user()), &[shop.id]);
    let seller = app.signed_in("seller").await;
    let conversation = format!("/api/v1/conversations/{}.{conversation}", shop.id);
    let path = format!("{conversation}/hand-over");
    for to in [rival, watcher, yutang::ids::UserId(999_999)] {
        let refused = seller.put(&path, &json!({"to": to})).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), "to");
    }
    let view = seller.put(&path, &json!({"to": null})).await.is(200).json();
    assert_eq!((&view["handed_over"]["to"], &view["handed_over"]["by_name"]), (&Value::Null, &json!("seller")));
    seller.delete(&path).await.is(204);
    let view = seller.get(&conversation).await.is(200).json();
    assert_eq!((&view["handed_over"], &view["paused"]), (&Value::Null, &json!(true)), "resuming is another thing");
    app.signed_in("rival").await.put(&path, &json!({"to": null})).await.refused(404, "not_found");
}

/// A pause with an end is kept through a hand-over, and comes back.
#[actix_web::test]
async fn a_hand_over_says_until_when_automatic_answers_pause() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let seller = app.signed_in("seller").await;
    let conversation = format!("/api/v1/conversations/{}.{conversation}", shop.id);
    let (path, pause) = (format!("{conversation}/hand-over"), format!("{conversation}/pause"));
    let stands = async || {
        let view = seller.get(&conversation).await.is(200).json();
        (view["handed_over"].is_object(), view["paused"].clone(), view["paused_until"].clone())
    };
    let until = clock::unix().0 + 1_800_000;
    let view = seller.post(&pause, &json!({"until": until})).await.is(200).json();
    assert_eq!(view["paused_until"], until);
    seller.put(&path, &json!({"paused_until": until})).await.is(200);
    assert_eq!(stands().await, (true, json!(true), json!(until)));
    seller.put(&path, &json!({})).await.is(200);
    assert_eq!(stands().await, (true, json!(true), Value::Null), "until somebody resumes");
    seller.delete(&format!("{path}?paused_until={until}")).await.is(204);
    assert_eq!(stands().await, (false, json!(true), json!(until)));
    seller.put(&path, &json!({"paused_until": 1})).await.is(200);
    assert_eq!(stands().await, (true, json!(false), Value::Null), "that is over");
    let more = shop.buyer_says(BUYER, ITEM, "好的");
    assert_eq!(app.decided(&shop, &more).await.decision.as_deref(), Some("answer"));

    for body in [json!({"until": 1}), json!({"until": until, "minutes": 5})] {
        assert_eq!(seller.post(&pause, &body).await.refused(422, "invalid_field").field(), "until", "{body}");
    }
}

/// What the list says of a buyer is what the decision says, in the language of who asks.
#[actix_web::test]
async fn a_buyer_whom_nothing_answers_is_on_the_list_until_somebody_answers() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(contains("在吗", "在的"));
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, &"能便宜吗".repeat(80));
    app.is_silent(&shop, &said, "no_rule").await;
    let seller = app.signed_in("seller").await;
    seller.put(&format!("/api/v1/buyers/{BUYER}/tags"), &json!({"tags": ["老客户"]})).await.is(200);
    let list = seller.get("/api/v1/unanswered").await.is(200).json();
    let row = &list["items"][0];
    assert_eq!((&list["total"], &row["reason"], &row["needs_person"]), (&json!(1), &json!("no_rule"), &json!(false)));
    assert_eq!(row["reason_text"], "No rule matched, and there is no default reply.");
    assert_eq!((&row["tags"], row["text"].as_str().unwrap().chars().count()), (&json!(["老客户"]), 200));
    let decision = format!("/api/v1/decisions/{}.{}", shop.id, row["message_id"].as_str().unwrap());
    assert_eq!(seller.get(&decision).await.is(200).json()["summary"], row["reason_text"]);
    assert_eq!(row["since"], app.messages(&shop, &said.conversation)[0].sent_at.0);
    let nothing = seller.get(&format!("/api/v1/unanswered?account={}", shop.id.0 + 1)).await.is(200).json();
    assert_eq!(nothing["total"], 0);
    let send = format!("/api/v1/conversations/{}.{}/messages", shop.id, said.conversation);
    seller.post(&send, &json!({"texts": ["不议价"]})).await.is(202);
    assert_eq!(seller.get("/api/v1/unanswered").await.is(200).json()["total"], 0);
}
