//! What sellers are told: over HTTP, from a buyer's message to the seller's own server, and never in the way of an answer.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use yutang::{
    access::role::Role,
    ids::Timestamp,
    notify::{event::Event, notice::Subject},
    settings::Settings,
    sim::NewOrder,
    store::{
        notices::{self, Opening},
        notify_deliveries,
    },
};

use crate::{
    client::Api,
    deliveries::Till,
    forms::PageForm,
    harness::{TestApp, echo},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

/// The headers by name, and the body.
type Told = (Vec<(String, String)>, Value);

/// What a service was told.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<Vec<Told>>>);

impl Service {
    fn start() -> (Self, String) {
        let service = Self::default();
        let data = web::Data::new(service.clone());
        let app = move || App::new().app_data(data.clone()).default_service(web::to(Self::answer));
        let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", server.addrs()[0]);
        rt::spawn(server.run());
        (service, url)
    }

    async fn answer(request: HttpRequest, body: web::Json<Value>, service: web::Data<Self>) -> HttpResponse {
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        service.0.lock().unwrap().push((headers, body.0));
        if request.path() == "/hook" { HttpResponse::NoContent() } else { HttpResponse::Forbidden() }.finish()
    }

    fn told(&self) -> Vec<Told> {
        self.0.lock().unwrap().clone()
    }
}

fn quick(settings: &mut Settings) {
    settings.outgoing.allow = vec!["127.0.0.0/8".parse().unwrap()];
    settings.notify.poll = Duration::from_millis(50);
}

fn webhook(name: &str, url: &str) -> Value {
    json!({"name": name, "kind": "webhook", "config": {"webhook_url": url, "secret": "planted-secret"}})
}

async fn hears(seller: &Api, channel: &Value, events: &[&str]) {
    let wanted: Vec<Value> = events
        .iter()
        .map(|event| json!({"channel_id": channel["id"], "event": event, "min_severity": "info"}))
        .collect();
    seller.put("/api/v1/notify/subscriptions", &json!({"subscriptions": wanted})).await.is(200);
}

fn tell(app: &TestApp, event: Event, key: &str) {
    let opening = Opening {
        owner: app.scope().user(),
        account: None,
        buyer: None,
        event,
        severity: event.severity(),
        key: key.into(),
        subject: Subject { what: Some(key.into()), ..Subject::default() },
    };
    app.write(move |conn| notices::open(conn, &opening, yutang::telemetry::clock::unix()));
}

/// M20: there, every answer waited for the channels first, ten seconds for one that hangs.
#[actix_web::test]
async fn m20_a_channel_that_hangs_costs_answers_nothing() {
    let mut app = TestApp::with(quick);
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let seller = app.signed_in("seller").await;
    let url = format!("http://{}/", hanging.local_addr().unwrap());
    for name in ["one", "two", "three"] {
        seller.post("/api/v1/notify/channels", &webhook(name, &url)).await.is(201);
    }
    tell(&app, Event::DeliveryFailed, "order:1");
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.push(hanging.accept().await.unwrap());
    }
    let texts: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    for text in &texts {
        let said = shop.buyer_says(BUYER, ITEM, text);
        app.decided(&shop, &said).await;
    }
    let answers: Vec<String> = texts.iter().map(|text| format!("答:{text}")).collect();
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    app.answers(&shop, &shop.conversation(BUYER, ITEM), &answers).await;
    let waiting = app.read(|conn| notify_deliveries::waiting_channels(conn, Timestamp::NEVER));
    assert_eq!(waiting.len(), 3, "the channels hang still");
}

/// M20, as a seller sees it: what waits for the channel stands on the page of notices, while the buyer has the answer.
#[actix_web::test]
async fn m20_the_panel_shows_what_waits_for_a_channel_that_hangs_and_the_answer_that_did_not() {
    let mut app = TestApp::with(quick);
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let seller = app.signed_in("seller").await;
    let url = format!("http://{}/", hanging.local_addr().unwrap());
    seller.post("/api/v1/notify/channels", &webhook("slow channel", &url)).await.is(201);
    tell(&app, Event::DeliveryFailed, "order:1");
    let _line = hanging.accept().await.unwrap();
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let browser = app.anybody().sign_in_by_cookie("seller").await;
    let notices = browser.get("/app/notices").await.is(200).text;
    let line = notices.split("slow channel").nth(1).unwrap_or_else(|| panic!("{notices}"));
    assert!(line.split("</li>").next().unwrap().contains(">waits<"), "{line}");
    let chat = browser.get(&format!("/app/chats/{}.{}", shop.id, said.conversation)).await.is(200).text;
    assert!(chat.contains("答:在吗"), "{chat}");
}

#[actix_web::test]
async fn a_buyers_message_reaches_the_sellers_own_server_signed() {
    let mut app = TestApp::with(|settings| {
        quick(settings);
        settings.server.public_url = "https://shop.example".into();
    });
    let shop = app.open("shop");
    app.start().await;
    let (service, url) = Service::start();
    let seller = app.signed_in("seller").await.with("host", "shop.example");
    let channel = seller.post("/api/v1/notify/channels", &webhook("hook", &url)).await.is(201).json();
    hears(&seller, &channel, &["new_message"]).await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗 <b>{0}</b>");
    let (headers, body) = app.eventually("told", || service.told().pop()).await;
    assert_eq!((&body["event"], &body["subject"]["said"]), (&json!("new_message"), &json!("在吗 <b>{0}</b>")));
    assert_eq!(body["subject"]["conversation"], said.conversation.as_str());
    let link = body["link"].as_str().unwrap();
    assert_eq!(link, format!("https://shop.example/app/conversations/{}.{}", shop.id, said.conversation));
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert!(header("x-yutang-signature").unwrap().starts_with("t="));
    assert_eq!(header("x-yutang-delivery"), body["id"].as_str());
    let listed = seller.get("/api/v1/notices?event=new_message").await.is(200).json();
    assert_eq!((&listed["total"], &listed["items"][0]["account_id"]), (&json!(1), &json!(shop.id)));
}

/// Of a delivery that went well only those hear who want to, once, in words that sound like it.
#[actix_web::test]
async fn p12_a_delivery_that_went_well_is_told_to_who_wants_to_hear() {
    let mut app = TestApp::with(quick);
    let shop = app.open("shop");
    let card = app.pool("会员码", &["c1", "c2", "c3"]);
    app.binds(ITEM, &[card]);
    app.delivers(&shop);
    app.start().await;
    let (service, url) = Service::start();
    let seller = app.signed_in("seller").await;
    let channel = seller.post("/api/v1/notify/channels", &webhook("hook", &url)).await.is(201).json();
    hears(&seller, &channel, &["delivery_done"]).await;
    let order = shop.place_order(NewOrder { quantity: 2, ..NewOrder::new(BUYER, ITEM) });
    shop.pay(&order).unwrap();
    let (_, body) = app.eventually("told", || service.told().pop()).await;
    assert_eq!((&body["event"], &body["severity"]), (&json!("delivery_done"), &json!("info")), "{body}");
    assert_eq!((&body["subject"]["order"], &body["subject"]["number"]), (&json!(order.as_str()), &json!(2)), "{body}");
    assert_eq!(service.told().len(), 1);
    assert_eq!(seller.get("/api/v1/notices?event=delivery_done").await.is(200).json()["total"], 1);
}

/// P11: there, nobody could find out whether a channel works.
#[actix_web::test]
async fn p11_the_test_button_sends_for_real_and_says_what_came_back() {
    let mut app = TestApp::with(quick);
    app.start().await;
    let (service, url) = Service::start();
    let seller = app.signed_in("seller").await.with("accept-language", "en");
    let good = seller.post("/api/v1/notify/channels", &webhook("good", &url)).await.is(201).json();
    let bad = seller.post("/api/v1/notify/channels", &webhook("bad", &format!("{url}/no"))).await.is(201).json();
    let test = async |channel: &Value| {
        seller.send(awc::http::Method::POST, &format!("/api/v1/notify/channels/{}/test", channel["id"]), None).await
    };
    assert_eq!(test(&good).await.is(200).json(), json!({"delivered": true}));
    assert_eq!(service.told()[0].1["event"], "test");
    let refused = test(&bad).await.refused(502, "notice_failed");
    let details = refused.json()["details"].clone();
    assert_eq!((&details["reason"], &details["said"]), (&json!("refused"), &json!("HTTP 403")));
    let lines = seller.audit("action=notify_channel.test").await;
    assert_eq!(lines.len(), 2);
    assert!(!serde_json::to_string(&lines).unwrap().contains("planted"));
}

#[actix_web::test]
async fn a_channel_is_changed_by_whoever_read_the_newest_and_its_secrets_stay_inside() {
    let mut app = TestApp::with(quick);
    app.start().await;
    let seller = app.signed_in("seller").await;
    let made = seller.post("/api/v1/notify/channels", &webhook("hook", "https://a.example/planted-path")).await.is(201);
    let (tag, channel) = (made.header("etag").unwrap().to_owned(), made.json());
    assert!(!made.text.contains("planted"), "{}", made.text);
    seller.post("/api/v1/notify/channels", &webhook("hook", "https://b.example/")).await.refused(409, "name_taken");
    let path = format!("/api/v1/notify/channels/{}", channel["id"]);
    // What was read is sent back, with one thing changed: the secrets stay what they were.
    let patch = json!({"name": "another", "config": channel["config"], "quiet_hours": "23:00-07:00+08:00"});
    let changed = app.signed_in("seller").await.with("if-match", &tag).patch(&path, &patch).await.is(200).json();
    assert_eq!((&changed["config"], &changed["name"]), (&channel["config"], &json!("another")));
    app.signed_in("seller").await.with("if-match", &tag).patch(&path, &patch).await.refused(412, "changed");
    for (body, field) in [
        (json!({"config": {"webhook_url": "http://10.0.0.1/"}}), "config.webhook_url"),
        (json!({"config": {"webhook_url": "http://me:you@a.example/"}}), "config.webhook_url"),
        (
            json!({"config": {"webhook_url": "https://evil.example/", "secret": channel["config"]["secret"]}}),
            "config.secret",
        ),
        (json!({"config": {}}), "config.webhook_url"),
        (json!({"quiet_hours": "night"}), "quiet_hours"),
        (json!({"kind": "bark"}), "kind"),
    ] {
        assert_eq!(seller.patch(&path, &body).await.refused(422, "invalid_field").field(), field, "{body}");
    }
    let unknown = json!({"name": "x", "kind": "qq", "config": {}});
    assert_eq!(seller.post("/api/v1/notify/channels", &unknown).await.refused(422, "invalid_field").field(), "kind");
    seller.delete(&path).await.is(204);
    seller.get(&path).await.refused(404, "not_found");
}

#[actix_web::test]
async fn what_goes_where_is_one_table() {
    let mut app = TestApp::with(quick);
    app.start().await;
    let seller = app.signed_in("seller").await;
    let channel = seller.post("/api/v1/notify/channels", &webhook("hook", "https://a.example/")).await.is(201).json();
    let table = seller.get("/api/v1/notify/subscriptions").await.is(200).json();
    let usual: Vec<&str> =
        table["subscriptions"].as_array().unwrap().iter().map(|row| row["event"].as_str().unwrap()).collect();
    assert!(usual.contains(&"account_down") && !usual.contains(&"new_message"), "{usual:?}");
    assert_eq!(table["events"].as_array().unwrap().len(), Event::ALL.len());
    hears(&seller, &channel, &["stock_low"]).await;
    let row = |id: &Value, event: &str| json!({"channel_id": id, "event": event, "min_severity": "info"});
    for (rows, field) in [
        (json!([row(&json!(999), "stock_low")]), "subscriptions[0].channel_id"),
        (json!([row(&channel["id"], "rule"), row(&channel["id"], "rule")]), "subscriptions[1]"),
        (json!([row(&channel["id"], "rain")]), "subscriptions[0].event"),
    ] {
        let refused = seller.put("/api/v1/notify/subscriptions", &json!({"subscriptions": rows})).await;
        assert_eq!(refused.refused(422, "invalid_field").field(), field);
    }
    let after = seller.get("/api/v1/notify/subscriptions").await.is(200).json();
    assert_eq!(after["subscriptions"], json!([row(&channel["id"], "stock_low")]));
}

/// T4: there, what happened to one's accounts could be sent to another user's channel, and be read there.
#[actix_web::test]
async fn t4_nothing_is_bound_to_another_sellers_channel() {
    let mut app = TestApp::with(quick);
    app.start().await;
    app.person("rival", Role::Owner);
    let (seller, rival) = (app.signed_in("seller").await, app.signed_in("rival").await);
    let foreign = rival.post("/api/v1/notify/channels", &webhook("hook", "https://a.example/")).await.is(201).json();
    let rows = async |api: &Api| api.get("/api/v1/notify/subscriptions").await.is(200).json()["subscriptions"].clone();
    let (of_seller, of_rival) = (rows(&seller).await, rows(&rival).await);
    let bind = async |id: &Value| {
        let rows = json!([{"channel_id": id, "event": "stock_low", "min_severity": "info"}]);
        let refused = seller.put("/api/v1/notify/subscriptions", &json!({"subscriptions": rows})).await;
        let mut body = refused.refused(422, "invalid_field").json();
        body.as_object_mut().unwrap().remove("request_id");
        body
    };
    assert_eq!(bind(&foreign["id"]).await, bind(&json!(999)).await, "one that is not there looks the same");
    assert_eq!((rows(&seller).await, rows(&rival).await), (of_seller, of_rival));
}

#[actix_web::test]
async fn a_dead_message_is_seen_and_tried_anew() {
    let mut app = TestApp::with(quick);
    app.start().await;
    let (service, url) = Service::start();
    let seller = app.signed_in("seller").await.with("accept-language", "en");
    let channel = seller.post("/api/v1/notify/channels", &webhook("hook", &format!("{url}/no"))).await.is(201).json();
    tell(&app, Event::StockLow, "card 7");
    let notice = app.eventually("listed", || app.read(notices::live).pop().filter(|row| row.told > 0)).await;
    let scope = app.scope();
    let dead = app
        .eventually("dead", || {
            let (delivery, _) = app.read(move |conn| notify_deliveries::list(conn, &scope, notice.id)).pop()?;
            (delivery.state == notify_deliveries::State::Dead).then_some(delivery)
        })
        .await;
    let shown = seller.get(&format!("/api/v1/notices/{}", notice.id)).await.is(200).json();
    assert_eq!((&shown["title"], &shown["open"]), (&json!("Stock is low: card 7"), &json!(true)));
    let listed = seller.get(&format!("/api/v1/notices/{}/deliveries", notice.id)).await.is(200).json();
    let first = &listed["items"][0];
    assert_eq!((&first["state"], &first["error"]), (&json!("dead"), &json!("refused: HTTP 403")));
    let retry = format!("/api/v1/notify/deliveries/{}/retry", dead.id);
    let path = format!("/api/v1/notify/channels/{}", channel["id"]);
    let config = json!({"config": {"webhook_url": url, "secret": "planted-secret"}});
    seller.patch(&path, &config).await.is(200);
    let press = async || seller.send(awc::http::Method::POST, &retry, None).await;
    assert_eq!(press().await.is(202).json()["state"], "queued");
    app.eventually("told", || {
        service.told().into_iter().find(|(_, body)| body["id"] == *dead.uid && service.told().len() > 1)
    })
    .await;
    app.eventually("sent", || {
        let (delivery, _) = app.read(move |conn| notify_deliveries::list(conn, &scope, notice.id)).pop()?;
        (delivery.state == notify_deliveries::State::Sent).then_some(())
    })
    .await;
    press().await.refused(409, "wrong_state");
    let seen = seller.send(awc::http::Method::POST, &format!("/api/v1/notices/{}/seen", notice.id), None).await.is(200);
    assert!(seen.json()["seen_at"].is_i64());
    let total =
        async |query: &str| seller.get(&format!("/api/v1/notices?{query}")).await.is(200).json()["total"].clone();
    assert_eq!((total("seen=false").await, total("seen=true&open=true").await), (json!(0), json!(1)));
    let unseen = seller.delete(&format!("/api/v1/notices/{}/seen", notice.id)).await.is(200);
    assert_eq!(unseen.json()["seen_at"], Value::Null);
    assert_eq!((total("seen=false").await, seller.audit("action=notice.unsee").await.len()), (json!(1), 1));

    let browser = app.anybody().sign_in_by_cookie("seller").await;
    let page = PageForm::on(&browser.get("/app/notices").await.is(200), "seen").send(&browser).await;
    assert_eq!(total("seen=false").await, json!(0));
    PageForm::on(&page, "undo").send(&browser).await;
    assert_eq!(total("seen=false").await, json!(1), "as it was");
    assert_eq!((total("severity=critical").await, total("severity=info").await), (json!(0), json!(1)));
}
