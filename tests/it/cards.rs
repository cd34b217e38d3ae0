//! What deliveries give and its stock, as a seller sees them.

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    delivery::unit::UnitState::{self, Confirmed, Sent},
    ids::{CardId, Timestamp, UnitId},
    sheet::write_workbook,
    store::units,
};

use crate::{client::Api, harness::TestApp, pictures::png};

const CODE: &str = "PLANTED-CODE-0001";

fn started() -> TestApp {
    let mut app = TestApp::new();
    app.start_unconnected();
    app
}

async fn make(api: &Api, card: Value) -> Value {
    api.post("/api/v1/cards", &card).await.is(201).json()
}

/// A pool with these lines.
async fn pool(api: &Api, name: &str, lines: &[&str]) -> Value {
    let card = make(api, json!({"name": name, "kind": "pool"})).await;
    api.post(&format!("/api/v1/cards/{}/units", card["id"]), &json!({"lines": lines})).await.is(200);
    card
}

/// The oldest free unit goes this way, as deliveries make it go.
fn deliver(app: &TestApp, card: &Value, way: &'static [UnitState]) -> UnitId {
    let card = CardId(card["id"].as_i64().unwrap());
    app.write(move |conn| {
        let unit = units::reserve(conn, card, "claim", Timestamp(1))?.unwrap().id;
        assert!(way.iter().all(|to| units::advance(conn, unit, "claim", *to, Timestamp(1)).unwrap()));
        Ok(unit)
    })
}

#[actix_web::test]
async fn every_kind_of_card_keeps_what_it_gives_and_nothing_else() {
    let app = started();
    let seller = app.signed_in("seller").await;
    let text = make(&seller, json!({"name": "链接", "kind": "text", "text": "https://pan.example/x", "description": "给您：{DELIVERY_CONTENT}"})).await;
    assert_eq!(
        (&text["text"], &text["enabled"], &text["stock"]),
        (&json!("https://pan.example/x"), &json!(true), &Value::Null)
    );
    let picture = seller.send_bytes("/api/v1/pictures", "image/png", png(2, 2, [1, 2, 3])).await.is(201).json();
    let images = json!([picture["image"], "https://pic.example/1.png"]);
    let image = make(&seller, json!({"name": "图", "kind": "image", "images": images})).await;
    assert_eq!(image["images"], images);
    let in_use = seller.delete(&format!("/api/v1/pictures/{}", picture["id"].as_str().unwrap())).await;
    assert_eq!(in_use.refused(409, "picture_in_use").json()["details"]["cards"], 1);
    let both = make(&seller, json!({"name": "套装", "kind": "combination", "parts": [text["id"], image["id"]]})).await;
    assert_eq!(both["parts"], json!([text["id"], image["id"]]));

    for (card, field) in [
        (json!({"kind": "text"}), "text"),
        (json!({"kind": "text", "text": "x", "images": []}), "images"),
        (json!({"kind": "text", "text": "x", "low_stock": 5}), "low_stock"),
        (json!({"kind": "pool", "text": "x"}), "text"),
        (json!({"kind": "image", "images": []}), "images"),
        (json!({"kind": "image", "images": ["ftp://x"]}), "images[0]"),
        (
            json!({"kind": "image", "images": ["https://a.example/1.png", format!("picture:{}", "0a".repeat(32))]}),
            "images[1]",
        ),
        (json!({"kind": "combination"}), "parts"),
        (json!({"kind": "combination", "parts": [text["id"], 999_999]}), "parts[1]"),
        (json!({"kind": "combination", "parts": [both["id"]]}), "parts[0]"),
        (
            json!({"kind": "combination", "parts": [text["id"]], "description": "套装：{DELIVERY_CONTENT}"}),
            "description",
        ),
        (json!({"kind": "data"}), "kind"),
    ] {
        let mut card = card;
        card["name"] = json!("x");
        let refused = seller.post("/api/v1/cards", &card).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), field, "{card}");
    }
    let refused = seller.patch(&format!("/api/v1/cards/{}", both["id"]), &json!({"parts": [both["id"]]})).await;
    assert_eq!(refused.refused(422, "invalid_field").field(), "parts[0]", "not of itself");
}

/// D18: as when it is made, so when it is changed; and what somebody else changed meanwhile is not overwritten.
#[actix_web::test]
async fn d18_a_changed_card_keeps_a_name_of_its_own() {
    let app = started();
    let seller = app.signed_in("seller").await;
    make(&seller, json!({"name": "one", "kind": "text", "text": "1"})).await;
    let two = make(&seller, json!({"name": "two", "kind": "text", "text": "2"})).await;
    seller.post("/api/v1/cards", &json!({"name": "one", "kind": "pool"})).await.refused(409, "name_taken");
    let path = format!("/api/v1/cards/{}", two["id"]);
    seller.patch(&path, &json!({"name": "one"})).await.refused(409, "name_taken");
    let tag = seller.get(&path).await.is(200).header("etag").unwrap().to_owned();
    let changed = seller.patch(&path, &json!({"text": "3", "enabled": false})).await.is(200).json();
    assert_eq!((&changed["name"], &changed["text"], &changed["enabled"]), (&json!("two"), &json!("3"), &json!(false)));
    let late = seller.as_who().with("if-match", &tag);
    late.patch(&path, &json!({"text": "4"})).await.refused(412, "changed");
    let found = seller.get("/api/v1/cards?enabled=false&kind=text&q=TW").await.is(200).json();
    assert_eq!((&found["total"], &found["items"][0]["name"]), (&json!(1), &json!("two")));
    for line in seller.audit("object_type=card").await {
        assert!(line["after"]["text"].is_null() && line["before"]["text"].is_null(), "what is given: {line}");
    }
}

#[actix_web::test]
async fn the_headers_of_a_call_are_shown_as_hints_and_go_to_no_other_address() {
    let app = started();
    let seller = app.signed_in("seller").await;
    let key = json!({"name": "X-Key", "value": "PLANTED-key"});
    let api = json!({"url": "https://shop.example/code", "method": "POST", "headers": [key], "params": {"order": "{order_id}"}});
    let card = make(&seller, json!({"name": "api", "kind": "api", "api": api})).await;
    assert_eq!((&card["api"]["timeout_s"], &card["api"]["retries"]), (&json!(10), &json!(3)));
    assert_eq!(card["api"]["headers"][0]["value"]["length"], 11);
    assert!(!card.to_string().contains("PLANTED"));
    let path = format!("/api/v1/cards/{}", card["id"]);
    let patch = |url: &str, more: Value| {
        let mut api = json!({"url": url, "headers": [{"name": "X-Key"}]});
        api.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"api": api})
    };
    let same = "https://shop.example/code";
    let kept = seller.patch(&path, &patch(same, json!({"timeout_s": 5}))).await.is(200).json();
    assert_eq!(kept["api"]["headers"][0]["value"]["hint"], card["api"]["headers"][0]["value"]["hint"]);
    for (body, field) in [
        (patch("https://thief.example/", json!({})), "api.headers[0].value"),
        (patch("http://shop.example/code", json!({})), "api.url"),
        (patch("https://127.0.0.1/", json!({})), "api.url"),
        (patch(same, json!({"headers": [{"name": "Cookie", "value": "x"}]})), "api.headers[0].name"),
        (patch(same, json!({"headers": [{"name": "X-Key", "value": "a\nb"}]})), "api.headers[0].value"),
        (patch(same, json!({"params": {"a": {"b": 1}}})), "api.params"),
        (patch(same, json!({"retries": 6})), "api.retries"),
    ] {
        assert_eq!(seller.patch(&path, &body).await.refused(422, "invalid_field").field(), field, "{body}");
    }
}

/// D19, the stock of it: the figures add up, and a pool says when it runs low.
#[actix_web::test]
async fn d19_stock_is_imported_counted_and_said_to_be_low() {
    let app = started();
    let seller = app.signed_in("seller").await;
    let card = make(&seller, json!({"name": "月卡", "kind": "pool", "low_stock": 3})).await;
    let path = format!("/api/v1/cards/{}", card["id"]);
    assert_eq!((&card["low"], &card["stock"]["imported"]), (&json!(true), &json!(0)));
    let stock = format!("{path}/units");
    let report = seller.post(&stock, &json!({"text": "A-1\r\n\n A-2 \nA-1\n"})).await.is(200).json();
    assert_eq!(report, json!({"lines": 3, "added": 2, "duplicates": 1}));
    let csv = seller.send_bytes(&format!("{stock}?head=true"), "text/csv", "code\nA-2\nA-3\n".into()).await.is(200);
    assert_eq!(csv.json(), json!({"lines": 2, "added": 1, "duplicates": 1}));
    let rows = [["A-3"], ["A-4"]].map(|row| row.map(str::to_owned).to_vec());
    let book = write_workbook("x", &rows).unwrap();
    let kept = seller.send_bytes(&format!("{stock}?duplicates=keep"), "application/octet-stream", book).await.is(200);
    assert_eq!(kept.json(), json!({"lines": 2, "added": 2, "duplicates": 1}));
    deliver(&app, &card, &[Sent, Confirmed]);
    let card = seller.get(&path).await.is(200).json();
    assert_eq!(card["low"], false);
    let wanted = json!({"imported": 5, "free": 4, "reserved": 0, "sent": 0, "confirmed": 1, "uncertain": 0, "returned": 0, "void": 0});
    assert_eq!(card["stock"], wanted);
    let twins = seller.get(&format!("{stock}?duplicate=true")).await.is(200).json();
    assert_eq!(twins["total"], 1);
    let told = seller.audit("action=card.import").await;
    assert_eq!((told.len(), &told[0]["after"]), (3, &json!({"lines": 2, "added": 2, "duplicates": 1})));

    for (body, field) in [
        (json!({}), "lines"),
        (json!({"text": "x", "lines": ["x"]}), "lines"),
        (json!({"lines": [" "]}), "lines"),
        (json!({"lines": ["x"], "duplicates": "drop"}), "duplicates"),
    ] {
        assert_eq!(seller.post(&stock, &body).await.refused(422, "invalid_field").field(), field, "{body}");
    }
    seller.send_bytes(&stock, "image/png", vec![1]).await.refused(415, "unsupported_media_type");
    let text = make(&seller, json!({"name": "t", "kind": "text", "text": "x"})).await;
    seller
        .post(&format!("/api/v1/cards/{}/units", text["id"]), &json!({"lines": ["x"]}))
        .await
        .refused(409, "wrong_state");
}

/// D2: which unit went where, and by which steps, can be told; a buyer's code comes back only by a person's word.
#[actix_web::test]
async fn d2_a_unit_is_masked_revealed_by_its_owner_and_given_back_with_a_reason() {
    let app = started();
    let seller = app.signed_in("seller").await;
    let card = pool(&seller, "codes", &[CODE, "PLANTED-CODE-0002"]).await;
    let unit = deliver(&app, &card, &[Sent, Confirmed]);
    let path = format!("/api/v1/units/{unit}");
    let masked = seller.get(&path).await.is(200).json();
    assert_eq!((&masked["content"], &masked["state"]), (&json!("***0001"), &json!("confirmed")));
    assert_eq!(seller.get(&format!("{path}?reveal=true")).await.is(200).json()["content"], CODE);
    let told = seller.audit("action=unit.reveal").await;
    assert_eq!((told.len(), &told[0]["object_id"]), (1, &json!(unit.to_string())));
    assert!(!told[0].to_string().contains(CODE));

    let reason = json!({"reason": "买家退回"});
    seller.post(&format!("{path}/void"), &reason).await.refused(409, "wrong_state");
    seller.post(&format!("{path}/free"), &reason).await.refused(409, "wrong_state");
    seller.post(&format!("{path}/return"), &json!({"reason": ""})).await.refused(422, "invalid_field");
    assert_eq!(seller.post(&format!("{path}/return"), &reason).await.is(200).json()["state"], "returned");
    assert_eq!(seller.post(&format!("{path}/free"), &reason).await.is(200).json()["state"], "free");
    assert_eq!(seller.post(&format!("{path}/void"), &reason).await.is(200).json()["state"], "void");
    seller.post(&format!("{path}/free"), &reason).await.refused(409, "wrong_state");
    assert_eq!(seller.audit("action=unit.free").await[0]["after"]["reason"], "买家退回");

    let log = seller.get(&format!("/api/v1/cards/{}/events?per_page=3", card["id"])).await.is(200).json();
    let steps: Vec<_> = log["items"].as_array().unwrap().iter().map(|event| event["to"].as_str().unwrap()).collect();
    assert_eq!((&log["total"], steps), (&json!(8), vec!["void", "free", "returned"]));

    let refused = seller.delete(&format!("/api/v1/cards/{}", card["id"])).await.refused(409, "card_in_use").json();
    assert_eq!(refused["details"], json!({"claimed": 0, "given": 1, "delivery_rules": [], "combinations": []}));
}

/// Nobody has seen it: that it was made void is taken back, and both are written down.
#[actix_web::test]
async fn a_unit_that_was_made_void_by_mistake_goes_back_into_the_stock() {
    let app = started();
    let seller = app.signed_in("seller").await;
    let card = pool(&seller, "codes", &[CODE]).await;
    let units = format!("/api/v1/cards/{}/units", card["id"]);
    let unit = seller.get(&units).await.is(200).json()["items"][0].clone();
    assert_eq!((&unit["state"], &unit["was_sent"]), (&json!("free"), &json!(false)));
    let path = format!("/api/v1/units/{}", unit["id"]);
    assert_eq!(
        seller.post(&format!("{path}/void"), &json!({"reason": "点错了"})).await.is(200).json()["state"],
        "void"
    );
    seller.post(&format!("{path}/return"), &json!({"reason": "x"})).await.refused(409, "wrong_state");
    let back = seller.post(&format!("{path}/free"), &json!({"reason": "点错了"})).await.is(200).json();
    assert_eq!((&back["state"], &back["was_sent"]), (&json!("free"), &json!(false)));
    let told = seller.audit("action=unit.free").await;
    assert_eq!((&told[0]["before"]["state"], &told[0]["after"]["reason"]), (&json!("void"), &json!("点错了")));
    let log = seller.get(&format!("/api/v1/cards/{}/events", card["id"])).await.is(200).json();
    let steps: Vec<_> = log["items"].as_array().unwrap().iter().map(|event| event["to"].as_str().unwrap()).collect();
    assert_eq!(steps, ["free", "void", "free"]);
    let sold = deliver(&app, &card, &[Sent]);
    assert_eq!(seller.get(&format!("/api/v1/units/{sold}")).await.is(200).json()["was_sent"], true);
}

/// What is on its way, or in doubt, is decided where its order is.
#[actix_web::test]
async fn a_unit_that_an_order_waits_for_is_left_to_the_order() {
    let app = started();
    let seller = app.signed_in("seller").await;
    let card = pool(&seller, "codes", &[CODE]).await;
    let unit = deliver(&app, &card, &[Sent, UnitState::Uncertain]);
    for verb in ["void", "return", "free"] {
        let refused = seller.post(&format!("/api/v1/units/{unit}/{verb}"), &json!({"reason": "x"})).await;
        assert_eq!(refused.refused(409, "wrong_state").json()["details"]["state"], "uncertain", "{verb}");
    }
}

/// T1, T11: another owner's card is not there, wherever it is named; and no program reads what units give.
#[actix_web::test]
async fn t1_t11_cards_and_stock_of_another_owner_are_not_there() {
    let app = started();
    app.person("rival", Role::Owner);
    let (seller, rival) = (app.signed_in("seller").await, app.signed_in("rival").await);
    let card = pool(&seller, "codes", &[CODE]).await;
    let unit =
        seller.get(&format!("/api/v1/cards/{}/units", card["id"])).await.is(200).json()["items"][0]["id"].clone();
    assert_eq!(rival.get("/api/v1/cards").await.is(200).json()["total"], 0);
    for path in [
        format!("/api/v1/cards/{}", card["id"]),
        format!("/api/v1/cards/{}/units", card["id"]),
        format!("/api/v1/units/{unit}?reveal=true"),
    ] {
        rival.get(&path).await.refused(404, "not_found");
    }
    rival
        .post(&format!("/api/v1/cards/{}/units", card["id"]), &json!({"lines": ["x"]}))
        .await
        .refused(404, "not_found");
    let combination = json!({"name": "mine", "kind": "combination", "parts": [card["id"]]});
    let refused = rival.post("/api/v1/cards", &combination).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "parts[0]");

    let token = seller.post("/api/v1/tokens", &json!({"name": "script", "access": "write"})).await.is(201).json();
    let program = app.anybody().with("authorization", &format!("Bearer {}", token["token"].as_str().unwrap()));
    assert_eq!(program.get(&format!("/api/v1/units/{unit}")).await.is(200).json()["content"], "***0001");
    program.get(&format!("/api/v1/units/{unit}?reveal=true")).await.refused(403, "forbidden");
}

/// The keys and the bodies of what a server was asked.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// What the server of a card gives is seen before a buyer waits for it, and why it gives nothing.
#[actix_web::test]
async fn d5_a_call_is_tried_without_an_order() {
    let mut app = TestApp::with(|settings| settings.outgoing.allow = vec!["127.0.0.0/8".parse().unwrap()]);
    app.start_unconnected();
    let asked = Asked::default();
    let data = web::Data::new(Arc::clone(&asked));
    let answer = |request: HttpRequest, body: web::Json<Value>, asked: web::Data<Asked>| async move {
        let key = request.headers().get("idempotency-key").unwrap().to_str().unwrap().to_owned();
        let is_busy = body["spec"] == "busy";
        asked.lock().unwrap().push((key, body.0));
        if is_busy {
            HttpResponse::ServiceUnavailable().finish()
        } else {
            HttpResponse::Ok().json(json!({"data": "K-1"}))
        }
    };
    let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)));
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/code", server.addrs()[0]);
    rt::spawn(server.run());
    let seller = app.signed_in("seller").await;
    let call = json!({"url": url, "method": "POST", "params": {"n": "{order_quantity}", "spec": "{spec_value}"}});
    let card =
        make(&seller, json!({"name": "接口", "kind": "api", "api": call, "description": "码：{DELIVERY_CONTENT}"}))
            .await;
    let path = format!("/api/v1/cards/{}/test", card["id"]);
    let given = seller.post(&path, &json!({"quantity": 2})).await.is(200).json();
    assert_eq!(given, json!({"content": "K-1", "messages": ["码：K-1"]}));
    let (key, body) = asked.lock().unwrap()[0].clone();
    assert!(key.starts_with("test-") && body == json!({"n": "2", "spec": ""}), "{key} {body}");
    let refused = seller.post(&path, &json!({"spec_value": "busy"})).await.refused(502, "card_failed").json();
    assert_eq!(refused["details"]["said"], "the server answered HTTP 503");
    assert_eq!(asked.lock().unwrap().len(), 2, "asked once each");
    assert_eq!(seller.audit("action=card.test").await.len(), 2);
    let text = make(&seller, json!({"name": "文", "kind": "text", "text": "x"})).await;
    seller.post(&format!("/api/v1/cards/{}/test", text["id"]), &json!({})).await.refused(409, "wrong_state");
}
