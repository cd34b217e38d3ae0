//! What people read is in their language throughout: refusals, and what their accounts are doing.

use awc::http::Method;
use serde_json::{Value, json};
use yutang::account::state::Reason;

use crate::{
    client::{Answer, Api},
    harness::TestApp,
};

async fn started() -> (TestApp, Api) {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await.with("accept-language", "zh-CN");
    (app, seller)
}

/// The sentence that says what is wrong.
fn problem(refused: &Answer) -> String {
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    refused.json()["details"]["problem"].as_str().unwrap_or_else(|| panic!("{}", refused.text)).to_owned()
}

#[actix_web::test]
async fn who_reads_chinese_is_told_no_problem_in_english() {
    let (_app, seller) = started().await;
    let bodies = [
        ("/api/v1/accounts", json!({"name": 5, "cookie": "x"})),
        ("/api/v1/accounts", json!({})),
        ("/api/v1/accounts", json!([])),
        ("/api/v1/accounts", json!({"name": "a", "cookie": "x", "colour": 1})),
        ("/api/v1/accounts", json!({"name": "a", "cookie": "x", "enabled": "yes"})),
        ("/api/v1/accounts", json!({"name": "a", "cookie": "x"})),
        ("/api/v1/accounts", json!({"name": " a", "cookie": "x"})),
        ("/api/v1/keywords", json!({"keyword": "a", "actions": "hello"})),
        ("/api/v1/keywords", json!({"keyword": "a", "actions": [{"sound": "x"}]})),
        ("/api/v1/keywords", json!({"keyword": "a", "actions": [{}]})),
        ("/api/v1/keywords", json!({"keyword": "a", "actions": [{"text": "a", "image": "b"}]})),
        ("/api/v1/keywords", json!({"keyword": "a", "actions": [{"text": " "}]})),
        ("/api/v1/keywords", json!({"keyword": "a", "match": "fuzzy", "actions": []})),
        ("/api/v1/keywords", json!({"keyword": "a", "priority": 1.5, "actions": []})),
        ("/api/v1/keywords", json!({"keyword": "(", "match": "regex", "actions": []})),
        ("/api/v1/keywords", json!({"keyword": "(?=a)", "match": "regex", "actions": []})),
        ("/api/v1/keywords", json!({"keyword": "(\\w{100}){100}{100}", "match": "regex", "actions": []})),
        ("/api/v1/sessions", json!({"username": "seller"})),
    ];
    for (path, body) in bodies {
        let problem = problem(&seller.post(path, &body).await);
        assert!(!problem.is_ascii(), "{path} {body}: {problem}");
    }
    for query in ["page=x", "page=0", "page=", "enabled=maybe", "state=odd", "colour=red", "page=1&page=2"] {
        let problem = problem(&seller.get(&format!("/api/v1/accounts?{query}")).await);
        assert!(!problem.is_ascii(), "{query}: {problem}");
    }
}

#[actix_web::test]
async fn broken_json_is_refused_in_chinese_with_its_place() {
    let (_app, seller) = started().await;
    let request = seller.request(Method::POST, "/api/v1/accounts").content_type("application/json");
    let refused: Value = request.send_body("{\"name\":").await.unwrap().json().await.unwrap();
    assert_eq!(refused["details"]["problem"], "JSON 不完整（第 1 行第 8 列）");
}

#[actix_web::test]
async fn the_state_of_an_account_is_told_in_the_readers_language_and_its_etag_is_the_same() {
    let (app, chinese) = started().await;
    let cookie = app.platform().cookies(&app.platform().add_account("shop"));
    let added = chinese.post("/cookies/add", &json!({"id": "shop", "value": cookie})).await.is(201).json();
    assert_eq!(added["status"]["sentence"], Reason::Registered.sentence_zh());
    let disabled = chinese.post("/api/v1/accounts/1/disable", &json!({})).await.is(200).json();
    assert_ne!(disabled["status"]["sentence"], Value::Null);

    let english = app.signed_in("seller").await;
    let (read, other) =
        (chinese.get("/api/v1/accounts/1").await.is(200), english.get("/api/v1/accounts/1").await.is(200));
    assert_eq!(read.header("etag"), other.header("etag"));
    for (answer, is_chinese) in [(&read, true), (&other, false)] {
        let sentence = answer.json()["status"]["sentence"].as_str().unwrap().to_owned();
        assert_eq!(!sentence.is_ascii(), is_chinese, "{sentence}");
    }
    let listed = chinese.get("/api/v1/accounts").await.is(200).json();
    assert!(!listed["items"][0]["status"]["sentence"].as_str().unwrap().is_ascii(), "{listed}");

    let audit = english.get("/api/v1/audit").await.is(200);
    assert!(audit.text.contains("\"reason\"") && !audit.text.contains("\"sentence\""), "{}", audit.text);
}

/// Both secrets are hinted at alike: the end of a fingerprint, the length, and since when.
#[actix_web::test]
async fn the_hint_of_a_cookie_says_since_when_it_is_set_and_a_new_cookie_is_newer() {
    let (app, seller) = started().await;
    let side = app.platform().add_account("shop");
    let (cookie, newer) = (app.platform().cookies(&side), app.platform().cookies(&side));
    let new = json!({"name": "shop", "cookie": format!("{cookie}; note=1"), "enabled": false});
    let added = seller.post("/api/v1/accounts", &new).await.is(201).json();
    let first = &added["credentials"];
    let names: Vec<_> = first.as_object().unwrap().keys().collect();
    assert_eq!(names, ["hint", "length", "set_at"]);
    assert!(first["set_at"].as_i64() >= added["created_at"].as_i64(), "{added}");

    let renamed = seller.patch("/api/v1/accounts/1", &json!({"name": "other"})).await.is(200).json();
    assert_eq!(&renamed["credentials"], first, "a change beside it leaves it as it was");
    let replaced = seller.put("/api/v1/accounts/1/credentials", &json!({"cookie": newer})).await.is(200).json();
    assert_ne!(replaced["credentials"]["hint"], first["hint"]);
    assert!(replaced["credentials"]["set_at"].as_i64() >= first["set_at"].as_i64(), "{replaced}");
}
