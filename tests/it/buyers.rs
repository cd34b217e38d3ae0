//! What people know of buyers, over HTTP.

use serde_json::json;
use yutang::{access::role::Role, store::revisions};

use crate::harness::answered_shop;

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

#[actix_web::test]
async fn a_buyers_tags_are_shown_wherever_the_buyer_is_and_find_the_conversation() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let seller = app.signed_in("seller").await;
    let path = format!("/api/v1/buyers/{BUYER}/tags");
    let before = app.read(revisions::all).buyers;
    let set = seller.put(&path, &json!({"tags": ["老客户", "爱砍价"]})).await.is(200);
    let tags = json!(["爱砍价", "老客户"]);
    assert_eq!(set.json()["tags"], tags);
    assert!(app.read(revisions::all).buyers > before, "the engine notices");
    let view = seller.get(&format!("/api/v1/conversations/{}.{conversation}", shop.id)).await.is(200).json();
    assert_eq!(view["tags"], tags);
    seller.post(&format!("/api/v1/buyers/{BUYER}/notes"), &json!({"text": "周末发货"})).await.is(201);
    let buyer = seller.get(&format!("/api/v1/buyers/{BUYER}")).await.is(200).json();
    assert_eq!((&buyer["tags"], &buyer["notes"]), (&tags, &json!(1)));
    for (query, found) in [("tag=%E8%80%81%E5%AE%A2%E6%88%B7", 1), ("tag=unknown", 0)] {
        let list = seller.get(&format!("/api/v1/conversations?{query}")).await.is(200).json();
        assert_eq!(list["total"], found, "{query}");
    }
    let used = seller.get("/api/v1/tags?per_page=1").await.is(200).json();
    assert_eq!((&used["total"], &used["items"][0]["buyers"]), (&json!(2), &json!(1)));
    let lines = seller.audit("action=buyer.tags").await;
    assert_eq!((lines[0]["after"]["tags"].clone(), lines[0].to_string().contains(BUYER)), (tags, false));
    let mark = set.header("etag").unwrap().to_owned();
    seller.put(&path, &json!({"tags": []})).await.is(200);
    let late = app.signed_in("seller").await.with("if-match", &mark);
    late.put(&path, &json!({"tags": ["x"]})).await.refused(412, "changed");
}

#[actix_web::test]
async fn a_tag_is_one_short_line_and_a_buyer_has_at_most_twenty() {
    let (app, ..) = answered_shop(BUYER, ITEM).await;
    let seller = app.signed_in("seller").await;
    let path = format!("/api/v1/buyers/{BUYER}/tags");
    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    for (tags, field) in [
        (json!([""]), "tags[0]"),
        (json!(["a", " b"]), "tags[1]"),
        (json!(["a\nb"]), "tags[0]"),
        (json!(["长".repeat(33)]), "tags[0]"),
        (json!(many), "tags"),
    ] {
        let refused = seller.put(&path, &json!({"tags": tags})).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), field);
    }
    seller.put(&path, &json!({"tags": &many[1..]})).await.is(200);
    assert_eq!(seller.get(&path).await.is(200).json()["tags"].as_array().map(Vec::len), Some(20));
}

/// The owner's people share what is known of a buyer, but only who sees a conversation with the buyer.
#[actix_web::test]
async fn notes_are_shared_by_those_who_see_the_buyer() {
    let (app, shop, _) = answered_shop(BUYER, ITEM).await;
    let other = app.open("other");
    app.employ("near", Role::Operator, Some(app.scope().user()), &[shop.id]);
    app.employ("far", Role::Operator, Some(app.scope().user()), &[other.id]);
    app.person("watcher", Role::Viewer);
    let [near, far] = [app.signed_in("near").await, app.signed_in("far").await];
    let path = format!("/api/v1/buyers/{BUYER}/notes");
    let made = near.post(&path, &json!({"text": "要求周末发货"})).await.is(201).json();
    assert_eq!(made["author"], "near");
    let note = format!("{path}/{}", made["id"]);
    let seller = app.signed_in("seller").await;
    let changed = seller.patch(&note, &json!({"text": "周末已发货"})).await.is(200).json();
    assert_eq!((&changed["text"], &changed["author"]), (&json!("周末已发货"), &json!("near")));
    assert_eq!(near.get(&path).await.is(200).json()["items"][0]["text"], "周末已发货");
    far.get(&path).await.refused(404, "not_found");
    far.patch(&note, &json!({"text": "x"})).await.refused(404, "not_found");
    let lines = seller.audit("object_type=buyer_note").await;
    assert!(lines.len() == 2 && !json!(lines).to_string().contains("周末"), "{lines:?}");
    near.delete(&note).await.is(204);
    near.delete(&note).await.refused(404, "not_found");
    near.post(&path, &json!({"text": " "})).await.refused(422, "invalid_field");
}
