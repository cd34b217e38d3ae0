//! Quick phrases: filled in for a conversation, and sent as whatever a person writes.

use serde_json::{Value, json};
use yutang::access::role::Role;

use crate::harness::{PATIENCE, answered_shop};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

#[actix_web::test]
async fn a_phrase_is_shown_filled_in_and_sent_so_once() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let seller = app.signed_in("seller").await;
    let text = "您刚才说：{send_message}（{send_user_id}，{item_id}）";
    let new = json!({"reach": "own", "title": "复述", "text": text, "position": 3});
    let made = seller.post("/api/v1/quick-phrases", &new).await.is(201).json();
    assert_eq!((&made["reach"], &made["text"], &made["position"]), (&json!("own"), &json!(text), &json!(3)));
    let path = format!("/api/v1/conversations/{}.{conversation}", shop.id);
    let shown = seller.get(&format!("{path}/quick-phrases")).await.is(200).json();
    let filled = format!("您刚才说：在吗（{BUYER}，{ITEM}）");
    assert_eq!((&shown["total"], &shown["items"][0]["filled"]), (&json!(1), &json!(filled)));

    let seller = seller.with("idempotency-key", "phrase-1");
    let send = json!({"quick_phrase_id": made["id"]});
    for _ in 0..2 {
        let sent = seller.post(&format!("{path}/messages"), &send).await.is(202).json();
        assert_eq!(sent[0]["body"]["text"], filled);
    }
    shop.await_delivered(&conversation, 2, PATIENCE).await;
    app.sees(&shop, &conversation, &["答:在吗", &filled]).await;
}

#[actix_web::test]
async fn what_cannot_be_sent_is_refused_by_its_name() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let other = app.open("other");
    let seller = app.signed_in("seller").await;
    let phrase = |changes: Value| {
        let mut body = json!({"reach": "own", "title": "t", "text": "x"});
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        body
    };
    for (changes, field) in [
        (json!({"text": "{item_title}{price}"}), "text"),
        (json!({"text": " "}), "text"),
        (json!({"title": ""}), "title"),
        (json!({"account_id": shop.id}), "account_id"),
        (json!({"reach": "all", "account_id": shop.id}), "account_id"),
        (json!({"reach": "account"}), "account_id"),
        (json!({"reach": "mine"}), "reach"),
    ] {
        let refused = seller.post("/api/v1/quick-phrases", &phrase(changes)).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), field);
    }
    let refused = seller.post("/api/v1/quick-phrases", &phrase(json!({"text": "{price}"}))).await.json();
    assert_eq!(refused["details"]["problem"], "there is no variable {price}");

    let made = async |changes: Value| {
        seller.post("/api/v1/quick-phrases", &phrase(changes)).await.is(201).json()["id"].clone()
    };
    let elsewhere = made(json!({"reach": "account", "account_id": other.id})).await;
    // Nothing is known of a title there.
    let empty = made(json!({"text": "{item_title}"})).await;
    let send = format!("/api/v1/conversations/{}.{conversation}/messages", shop.id);
    for (body, status, code, field) in [
        (json!({"quick_phrase_id": elsewhere}), 404, "not_found", "quick_phrase_id"),
        (json!({"quick_phrase_id": 999_999}), 404, "not_found", "quick_phrase_id"),
        (json!({"quick_phrase_id": empty, "texts": ["x"]}), 422, "invalid_field", "texts"),
    ] {
        assert_eq!(seller.post(&send, &body).await.refused(status, code).field(), field, "{body}");
    }
    let path = format!("/api/v1/quick-phrases/{empty}");
    seller.patch(&path, &json!({"text": "{x}"})).await.refused(422, "invalid_field");
    assert_eq!(seller.patch(&path, &json!({"title": "neu"})).await.is(200).json()["title"], "neu");
}

/// Who works on one account changes that account's phrases, and only uses those of all accounts.
#[actix_web::test]
async fn phrases_of_all_accounts_are_changed_by_who_sees_all_accounts() {
    let (app, shop, _) = answered_shop(BUYER, ITEM).await;
    app.employ("operator", Role::Operator, Some(app.scope().user()), &[shop.id]);
    let [seller, operator] = [app.signed_in("seller").await, app.signed_in("operator").await];
    let all = json!({"reach": "all", "title": "全部", "text": "谢谢"});
    operator.post("/api/v1/quick-phrases", &all).await.refused(403, "forbidden");
    let id = seller.post("/api/v1/quick-phrases", &all).await.is(201).json()["id"].clone();
    let of_account = json!({"reach": "account", "account_id": shop.id, "title": "本店", "text": "包邮"});
    operator.post("/api/v1/quick-phrases", &of_account).await.is(201);
    let path = format!("/api/v1/quick-phrases/{id}");
    operator.patch(&path, &json!({"title": "x"})).await.refused(403, "forbidden");
    operator.delete(&path).await.refused(403, "forbidden");
    assert_eq!(operator.get("/api/v1/quick-phrases").await.is(200).json()["total"], 2);
    assert_eq!(seller.get("/api/v1/quick-phrases?q=%E5%8C%85%E9%82%AE").await.is(200).json()["total"], 1);
    seller.delete(&path).await.is(204);
}
