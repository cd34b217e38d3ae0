//! Requests that are sent again with the same `Idempotency-Key`: they are done once, whatever they do.

use serde_json::json;
use yutang::store::api_tokens;

use crate::{
    client::{Answer, Api, PASSWORD},
    harness::{TestApp, answered_shop},
    people::phone,
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

/// Asks twice with one key; returns both answers, which are the same but for the mark of the second.
async fn twice(api: Api, key: &str, path: &str, body: &serde_json::Value) -> (Api, Answer) {
    let api = api.with("idempotency-key", key);
    let (first, again) = (api.post(path, body).await, api.post(path, body).await);
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    assert!(!is_replayed(&first) && is_replayed(&again), "{}", first.text);
    (api, first)
}

/// Whoever is not sure that the request arrived sends it again, and the buyer reads it once.
#[actix_web::test]
async fn a_message_sent_twice_with_one_key_reaches_the_buyer_once() {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    let path = format!("/api/v1/conversations/{}.{conversation}/messages", shop.id);
    let (_, answer) = twice(app.signed_in("seller").await, "send-1", &path, &json!({"texts": ["我来"]})).await;
    answer.is(202);
    app.answers(&shop, &conversation, &["答:在吗", "我来"]).await;
    let entries: Vec<_> = app.sends(&shop, &conversation).iter().map(|entry| entry.attempts).collect();
    assert_eq!(entries, [1, 1], "one entry for the rule's answer, one for the person's, one frame for each");
}

/// The token of the first answer is in the second one, and nowhere else to be read.
#[actix_web::test]
async fn a_token_made_twice_with_one_key_is_one_token_and_its_text_is_shown_once() {
    let mut app = TestApp::new();
    app.start().await;
    let new = json!({"name": "t", "access": "read"});
    let seller = app.signed_in("seller").await.with("idempotency-key", "token-1");
    let answer = seller.post("/api/v1/tokens", &new).await.is(201);
    seller.post("/api/v1/tokens", &new).await.refused(409, "wrong_state");
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let user = app.scope().user();
    assert_eq!(app.read(move |conn| api_tokens::list(conn, user)).len(), 1);
    app.anybody().with("authorization", &format!("Bearer {token}")).get("/api/v1/blocked-buyers").await.is(200);
    check_sealed(&app, &token);
}

/// No file of the database has the text.
fn check_sealed(app: &TestApp, secret: &str) {
    let mut files = 0;
    for file in std::fs::read_dir(&app.settings().data_dir).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let content = std::fs::read(&path).unwrap();
            assert!(!content.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 2, "the database and its journal");
}

#[actix_web::test]
async fn an_answer_without_a_body_is_repeated_too() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let made = seller.post("/api/v1/me/second-factor", &json!({"password": PASSWORD})).await.is(201).json();
    let code = json!({"code": phone(made["secret"].as_str().unwrap())});
    let (seller, answer) = twice(seller, "confirm-1", "/api/v1/me/second-factor/confirm", &code).await;
    assert_eq!((answer.status, &*answer.text), (204, ""));
    let seller = seller.with("idempotency-key", "confirm-2");
    seller.post("/api/v1/me/second-factor/confirm", &code).await.refused(409, "wrong_state");
}
