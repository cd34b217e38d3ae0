//! The seller's own program, asked over a real HTTP connection.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    client::Api,
    harness::{Shop, TestApp, contains},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

/// What the program was asked, and by whom as the headers say.
struct Asked {
    timestamp: String,
    signature: String,
    body: String,
}

/// A program that answers like this; its address, and what it is asked.
fn program(answer: impl Fn(&Value) -> (u16, String) + Clone + Send + 'static) -> (String, UnboundedReceiver<Asked>) {
    let (told, asked) = unbounded_channel();
    let server = HttpServer::new(move || {
        let (told, answer) = (told.clone(), answer.clone());
        let handle = move |request: HttpRequest, body: String| {
            let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let (status, reply) = answer(&serde_json::from_str(&body).unwrap());
            let (timestamp, signature) = (header("x-yutang-timestamp"), header("x-yutang-signature"));
            let asked =
                Asked { timestamp: timestamp.unwrap_or_default(), signature: signature.unwrap_or_default(), body };
            // Nobody has to look.
            let _ = told.send(asked);
            let status = actix_web::http::StatusCode::from_u16(status).unwrap();
            std::future::ready(HttpResponse::build(status).content_type("application/json").body(reply))
        };
        App::new().default_service(web::to(handle))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    actix_web::rt::spawn(server.run());
    (format!("http://{address}/reply"), asked)
}

/// A running shop that answers 在吗 by a rule.
async fn shop() -> (TestApp, Shop, Api) {
    let mut app = TestApp::with(|settings| settings.outgoing.allow = vec!["127.0.0.0/8".parse().unwrap()]);
    let shop = app.open("shop");
    app.rules(vec![contains("在吗", "规则回答")]);
    app.start().await;
    let api = app.anybody().sign_in("seller").await.with("accept-language", "zh");
    (app, shop, api)
}

#[actix_web::test]
async fn whoever_sets_a_secret_says_for_which_address() {
    let (app, shop, _) = crate::harness::two_shops().await;
    let seller = app.signed_in("seller").await;
    let path = format!("/api/v1/accounts/{}/hook", shop.id);
    let refused = seller.put(&path, &json!({"secret": "a long random text"})).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "url");
    seller.put(&path, &json!({"url": null})).await.is(200);
}

#[actix_web::test]
async fn the_program_is_asked_first_with_a_signed_request_and_its_text_is_sent() {
    let (app, shop, api) = shop().await;
    let said = r#"{"code":200,"data":{"send_msg":"程序回答 {item_id}"}}"#;
    let (url, mut asked) = program(move |_| (200, said.to_owned()));
    let address = format!("/api/v1/accounts/{}/hook", shop.id);
    let shown = api.put(&address, &json!({"url": url, "secret": "planted-secret"})).await.is(200);
    assert!(!shown.text.contains("planted-secret"), "{}", shown.text);
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["程序回答 {item_id}"]).await;
    let asked = asked.recv().await.unwrap();
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!((&body["cookie_id"], &body["send_message"]), (&json!("shop"), &json!("在吗")));
    assert_eq!((&body["send_user_id"], &body["item_id"]), (&json!(BUYER), &json!(ITEM)));
    assert_eq!(body["chat_id"], said.conversation.as_str());
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"planted-secret");
    let tag = hmac::sign(&key, format!("{}.{}", asked.timestamp, asked.body).as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(asked.signature, hex);
}

/// M15: what goes wrong there is told to the seller and never to a buyer.
#[actix_web::test]
async fn m15_a_program_that_fails_or_has_nothing_to_say_gives_way_to_the_rules() {
    let (app, shop, api) = shop().await;
    let (url, _asked) = program(|body| match body["send_message"].as_str().unwrap() {
        "在吗" => (500, "stack trace".to_owned()),
        "在吗？" => (200, r#"{"code":404}"#.to_owned()),
        _ => (200, "<html>busy</html>".to_owned()),
    });
    let address = format!("/api/v1/accounts/{}/hook", shop.id);
    api.put(&address, &json!({"url": url})).await.is(200);
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["规则回答"]).await;
    let explained = api.get(&format!("/api/v1/decisions/{}.{}", shop.id, said.message)).await.is(200).json();
    assert_eq!(explained["steps"][0]["text"], "外部程序：没有可用的回答（返回了错误状态）");
    shop.buyer_says(BUYER, ITEM, "在吗？");
    app.answers(&shop, &said.conversation, &["规则回答", "规则回答"]).await;
    shop.buyer_says(BUYER, ITEM, "在吗呢");
    app.answers(&shop, &said.conversation, &["规则回答", "规则回答", "规则回答"]).await;
}

#[actix_web::test]
async fn a_program_is_tried_out_moved_and_taken_away() {
    let (app, shop, api) = shop().await;
    let address = format!("/api/v1/accounts/{}/hook", shop.id);
    let trial = json!({"message": "在吗"});
    api.post(&format!("{address}/test"), &trial).await.refused(409, "wrong_state");
    let (url, _asked) = program(|_| (200, r#"{"code":200,"data":{"send_msg":"好"}}"#.to_owned()));
    api.put(&address, &json!({"url": url, "secret": "planted-secret"})).await.is(200);
    let told = api.post(&format!("{address}/test"), &trial).await.is(200).json();
    assert_eq!((&told["outcome"], &told["text"]), (&json!("answered"), &json!("好")));

    let elsewhere = json!({"url": "https://elsewhere.example/"});
    assert_eq!(api.put(&address, &elsewhere).await.refused(422, "invalid_field").field(), "secret");
    let clear = json!({"url": "http://elsewhere.example/", "secret": "x"});
    assert_eq!(api.put(&address, &clear).await.refused(422, "invalid_field").field(), "url");
    let gone = api.put(&address, &json!({"url": null})).await.is(200).json();
    assert_eq!(gone, json!({"url": null, "secret": null}));
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["规则回答"]).await;
}

/// The order of sources, and what is turned off.
#[actix_web::test]
async fn a_source_that_is_turned_off_is_not_asked() {
    let (app, shop, api) = shop().await;
    let address = format!("/api/v1/accounts/{}/sources", shop.id);
    let order = api.get(&address).await.is(200).json();
    let expected = ["hook", "item_rule", "account_rule", "global_rule", "ai", "item_default", "account_default"];
    assert_eq!(order, json!({"order": expected, "off": []}));
    api.put(&address, &json!({"off": ["global_rule"]})).await.is(200);
    app.noticed().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.is_silent(&shop, &said, "no_rule").await;
    api.put(&address, &json!({"off": ["magic"]})).await.is(422);
    api.put(&address, &json!({"off": []})).await.is(200);
    app.noticed().await;
    shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["规则回答"]).await;
}
