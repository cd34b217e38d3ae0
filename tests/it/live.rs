//! What people and programs hear over `/api/v1/live`, and what they do not.

use std::{collections::BTreeSet, time::Duration};

use actix_codec::Framed;
use awc::{
    BoxedSocket,
    error::WsClientError,
    ws::{Codec, Frame, Message},
};
use futures_util::{SinkExt as _, StreamExt as _};
use log::{info, warn};
use serde_json::{Value, json};
use tokio::time::timeout;
use yutang::{
    access::{
        role::Role,
        token::{self, Access},
    },
    account::state::{Reason, State, Status},
    delivery::review,
    ids::{AccountId, OrderId, Timestamp, UserId},
    order::status,
    sim::NewOrder,
    store::{
        api_tokens::{self, NewToken},
        sessions,
        users::{self, UserChange},
    },
    telemetry::{clock, feed::FeedEvent, logging},
    web::gate::COOKIE,
};

use crate::{
    client::{Api, PASSWORD},
    deliveries::Till as _,
    harness::{PATIENCE, Shop, TestApp, echo},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";
const EVERYTHING: [&str; 5] = ["accounts", "conversations", "decisions", "outbox", "orders"];

fn says_topics(frame: &Value, topics: &[&str]) -> bool {
    frame["type"] == "subscribed" && frame["topics"] == json!(topics)
}

/// Somebody who listens.
struct Ears {
    socket: Framed<BoxedSocket, Codec>,
    /// The number of the last event.
    seq: u64,
    answers_pings: bool,
    unanswered: Vec<Message>,
}

impl Ears {
    async fn open(api: &Api, path: &str) -> Self {
        let (_, socket) = api.socket(path).connect().await.unwrap();
        let mut ears = Self { socket, seq: 0, answers_pings: true, unanswered: Vec::new() };
        assert_eq!(ears.next().await["type"], "hello");
        ears
    }

    async fn on(api: &Api, topics: &[&str]) -> Self {
        let mut ears = Self::open(api, "/api/v1/live").await;
        ears.subscribe(topics).await;
        ears
    }

    async fn say(&mut self, text: &str) {
        self.socket.send(Message::Text(text.to_owned().into())).await.unwrap();
    }

    async fn subscribe(&mut self, topics: &[&str]) -> Value {
        self.say(&json!({"type": "subscribe", "topics": topics}).to_string()).await;
        self.find(|frame| frame["type"] == "subscribed").await
    }

    /// The next frame that means something; `closed` where there is none any more.
    async fn next(&mut self) -> Value {
        timeout(PATIENCE, self.frame()).await.expect("a frame in time")
    }

    async fn frame(&mut self) -> Value {
        loop {
            match self.socket.next().await {
                Some(Ok(Frame::Text(text))) => return self.read(&text),
                Some(Ok(Frame::Ping(text))) if self.answers_pings => {
                    self.socket.send(Message::Pong(text)).await.unwrap();
                }
                Some(Ok(Frame::Ping(text))) => self.unanswered.push(Message::Pong(text)),
                Some(Ok(Frame::Close(reason))) => {
                    return json!({"type": "closed", "code": reason.map(|reason| u16::from(reason.code))});
                }
                Some(Ok(Frame::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Numbers have no holes but those that a gap tells of.
    fn read(&mut self, text: &[u8]) -> Value {
        let frame: Value = serde_json::from_slice(text).unwrap();
        match frame["type"].as_str() {
            Some("event") => {
                self.seq += 1;
                assert_eq!(frame["seq"], self.seq, "{frame}");
            }
            Some("gap") => self.seq += frame["lost"].as_u64().unwrap_or(0),
            _ => {}
        }
        frame
    }

    async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.next().await;
            assert_ne!(frame["type"], "closed");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    async fn event(&mut self) -> Value {
        self.find(|frame| frame["type"] == "event").await
    }

    /// Everything up to this event.
    async fn events_until(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.event().await;
            events.push(event.clone());
            if wanted(&event) {
                return events;
            }
        }
    }

    async fn starts_answering_pings(&mut self) {
        self.answers_pings = true;
        for pong in std::mem::take(&mut self.unanswered) {
            self.socket.send(pong).await.unwrap();
        }
    }
}

fn is_confirmed(event: &Value) -> bool {
    event["event"] == "outbox.changed" && event["data"]["state"] == "confirmed"
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

async fn shop_that_answers() -> (TestApp, Shop) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    (app, shop)
}

/// P10: what happens to a message is seen as it happens, from its arrival to the proof that the answer arrived.
#[actix_web::test]
async fn p10_a_listener_hears_how_a_buyer_is_answered() {
    let (app, shop) = shop_that_answers().await;
    let mut ears = Ears::on(&app.signed_in("seller").await, &EVERYTHING).await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    let events = ears.events_until(is_confirmed).await;
    assert_eq!(names(&events), ["message.stored", "decision.made", "outbox.changed", "outbox.changed"]);
    let conversation = format!("{}.{}", shop.id, said.conversation);
    assert!(events.iter().all(|event| event["data"]["conversation"] == *conversation));
    let (message, decision) = (&events[0]["data"], &events[1]["data"]);
    assert_eq!((&message["text"], &message["direction"]), (&json!("在吗"), &json!("incoming")));
    assert_eq!(message["message_id"], said.message.as_str());
    assert_eq!((&decision["decision"], &decision["asked"]), (&json!("answer"), &json!("在吗")));
    let states: Vec<_> = events[2..].iter().map(|event| event["data"]["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["sent", "confirmed"], "nothing was in its way");
    let send = &app.sends(&shop, &said.conversation)[0];
    assert_eq!(events[3]["data"]["id"], format!("{}.{}", shop.id, send.id.0));
}

/// P10: and so is the state of a connection.
#[actix_web::test]
async fn p10_a_listener_hears_of_an_account_from_its_first_moment_on() {
    let (app, shop) = shop_that_answers().await;
    let mut ears = Ears::on(&app.signed_in("seller").await, &["accounts"]).await;
    app.enable(&shop, false);
    let events = ears.events_until(|event| event["data"]["status"]["state"] == "closed").await;
    assert!(events.iter().all(|event| event["data"]["account_id"] == shop.id.0));
    assert_eq!(events.last().unwrap()["data"]["status"]["reason"], "disabled");
    // Its owner's look at the database is older than it.
    let second = app.open("second");
    let events = ears.events_until(|event| event["data"]["status"]["state"] == "connected").await;
    assert!(events.iter().all(|event| event["data"]["account_id"] == second.id.0));
    assert_eq!(events[0]["data"]["status"]["state"], "connecting");
}

/// A shop that delivers, with one piece in stock.
async fn shop_that_delivers() -> (TestApp, Shop) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    let card = app.pool("会员码", &["AAAA-1111"]);
    app.binds(ITEM, &[card]);
    app.delivers(&shop);
    app.start().await;
    (app, shop)
}

fn buys(shop: &Shop) -> OrderId {
    let order = shop.place_order(NewOrder::new(BUYER, ITEM));
    shop.pay(&order).unwrap();
    order
}

/// P10: what becomes of an order is told once it is stored, from its first moment to its shipment.
#[actix_web::test]
async fn p10_a_listener_hears_what_becomes_of_an_order() {
    let (app, shop) = shop_that_delivers().await;
    let seller = app.signed_in("seller").await;
    let mut ears = Ears::on(&seller, &["orders"]).await;
    let order = buys(&shop);
    let mut parts = BTreeSet::new();
    while !["order", "status", "delivery", "actions"].iter().all(|part| parts.contains(*part)) {
        let event = ears.event().await;
        assert_eq!((&event["event"], &event["topic"]), (&json!("order.changed"), &json!("orders")));
        let data = &event["data"];
        assert_eq!((&data["order"], &data["order_id"]), (&json!(format!("{}.{order}", shop.id)), &json!(order)));
        assert_eq!(data["account_id"], shop.id.0);
        seller.get(&format!("/api/v1/orders/{}.{order}", shop.id)).await.is(200);
        parts.insert(data["part"].as_str().unwrap().to_owned());
    }
    app.eventually("shipped", || (app.stands(&shop, &order) == Some(status::Status::Shipped)).then_some(())).await;
    // Nothing is left in stock.
    let second = format!("{}.{}", shop.id, buys(&shop));
    ears.events_until(|event| event["data"]["order"] == *second && event["data"]["part"] == "reviews").await;
}

/// What a person decides about an order is heard by the others, of this order alone where they wish.
#[actix_web::test]
async fn one_order_is_heard_alone_and_what_a_person_decides_about_it() {
    let (app, shop) = shop_that_delivers().await;
    let first = buys(&shop);
    app.eventually("shipped", || (app.stands(&shop, &first) == Some(status::Status::Shipped)).then_some(())).await;
    let second = buys(&shop);
    let waits = || (app.waits_for_a_person(&shop, &second) == [review::Reason::OutOfStock]).then_some(());
    app.eventually("a person", waits).await;
    let seller = app.signed_in("seller").await;
    let topic = format!("order:{}.{second}", shop.id);
    let mut ears = Ears::on(&seller, &["orders", &topic]).await;
    let mut elsewhere = Ears::on(&seller, &[&format!("order:{}.{first}", shop.id)]).await;
    let waiting = seller.get("/api/v1/reviews").await.is(200).json();
    let path = format!("/api/v1/reviews/{}/resolve", waiting["items"][0]["id"]);
    seller.post(&path, &json!({"choice": "by_hand", "note": "x"})).await.is(200);
    let events = ears.events_until(|event| event["data"]["part"] == "reviews").await;
    let closed = events.last().unwrap();
    assert_eq!(closed["topic"], topic, "the narrower topic");
    elsewhere.say(r#"{"type":"ping"}"#).await;
    assert_eq!(elsewhere.next().await["type"], "pong", "nothing was told of another order");
}

/// S17: nobody hears of another owner's orders, whatever they subscribe.
#[actix_web::test]
async fn s17_another_owners_orders_are_never_heard() {
    let mut app = TestApp::new();
    let rival = app.person("rival", Role::Owner);
    let (shop, theirs) = (app.open("shop"), app.open_for(rival, "theirs"));
    app.start().await;
    let mut ears = Ears::on(&app.signed_in("rival").await, &["orders"]).await;
    let order = buys(&shop);
    app.eventually("paid", || (app.stands(&shop, &order) == Some(status::Status::PendingShip)).then_some(())).await;
    let foreign = format!("order:{}.{order}", shop.id);
    ears.say(&json!({"type": "subscribe", "topics": [foreign]}).to_string()).await;
    assert_eq!(ears.next().await["code"], "not_found", "and nothing came before");
    let own = buys(&theirs);
    let event = ears.event().await;
    assert_eq!((&event["seq"], &event["data"]["order"]), (&json!(1), &json!(format!("{}.{own}", theirs.id))));
}

#[actix_web::test]
async fn one_conversation_is_heard_alone_and_no_more_once_it_is_unsubscribed() {
    let (app, shop) = shop_that_answers().await;
    let quiet = shop.buyer_says(BUYER, ITEM, "first");
    app.settled(&shop).await;
    let topic = format!("conversation:{}.{}", shop.id, quiet.conversation);
    let mut ears = Ears::on(&app.signed_in("seller").await, &[&topic]).await;
    shop.buyer_says("2200000000888", ITEM, "elsewhere");
    app.settled(&shop).await;
    shop.buyer_says(BUYER, ITEM, "here");
    let events = ears.events_until(is_confirmed).await;
    assert_eq!(events[0]["data"]["text"], "here");
    assert!(events.iter().all(|event| event["topic"] == *topic));
    ears.subscribe(&["outbox"]).await;
    ears.say(&json!({"type": "unsubscribe", "topics": [topic]}).to_string()).await;
    let now = ears.find(|frame| frame["type"] == "subscribed").await;
    assert_eq!(now["topics"], json!(["outbox"]));
    shop.buyer_says(BUYER, ITEM, "again");
    let events = ears.events_until(is_confirmed).await;
    assert!(events.iter().all(|event| event["topic"] == "outbox"));
}

fn token_of(app: &TestApp, user: UserId, accounts: Option<Vec<AccountId>>) -> String {
    let minted = token::mint([7; 32]);
    let new = NewToken {
        user,
        name: "program".into(),
        prefix: minted.prefix,
        hash: minted.hash,
        access: Access::Read,
        accounts,
        created_at: Timestamp(1),
        expires_at: None,
    };
    let scope = app.scope();
    app.write(move |conn| api_tokens::insert(conn, &scope, &new));
    minted.text
}

/// The panel's cookie, as a browser has it.
async fn browser(app: &TestApp) -> Api {
    let body = json!({"username": "seller", "password": PASSWORD, "cookie": true});
    let answer = app.anybody().post("/api/v1/sessions", &body).await.is(201);
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with(COOKIE));
    let csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
    app.anybody().with("cookie", &cookie).with("x-csrf-token", &csrf)
}

async fn ticket(api: &Api) -> String {
    api.post("/api/v1/live/tickets", &json!({})).await.is(201).json()["ticket"].as_str().unwrap().to_owned()
}

/// S21: what stands in an address opens one connection, once; and there are other ways for who can use them.
#[actix_web::test]
async fn s21_every_way_to_sign_in_opens_the_connection() {
    let (app, shop) = shop_that_answers().await;
    let our_page = format!("http://{}", app.addr());
    let program = app.anybody().with("authorization", &format!("Bearer {}", token_of(&app, app.scope().user(), None)));
    let by_ticket = format!("/api/v1/live?ticket={}", ticket(&browser(&app).await).await);
    let ways = [
        (app.signed_in("seller").await, "/api/v1/live".to_owned()),
        (program, "/api/v1/live".to_owned()),
        (browser(&app).await.with("origin", &our_page), "/api/v1/live".to_owned()),
        (app.anybody(), by_ticket),
    ];
    let mut all = Vec::new();
    for (api, path) in &ways {
        let mut ears = Ears::open(api, path).await;
        ears.subscribe(&["conversations"]).await;
        all.push(ears);
    }
    shop.buyer_says(BUYER, ITEM, "在吗");
    for ears in &mut all {
        assert_eq!(ears.event().await["data"]["text"], "在吗");
    }
}

/// S28: another site's page cannot listen with the cookie of whoever looks at it. S21: no credential counts in an address, a used
/// ticket no more.
#[actix_web::test]
async fn s28_s21_whoever_may_not_listen_is_refused_before_the_connection_opens() {
    let (app, _) = shop_that_answers().await;
    let anybody = app.anybody();
    anybody.get("/api/v1/live").await.refused(401, "not_signed_in");
    anybody.get("/api/v1/live?ticket=guess").await.refused(401, "not_signed_in");
    let browser = browser(&app).await;
    browser.get("/api/v1/live").await.refused(403, "origin_refused");
    let our_host = app.addr();
    for page in ["https://evil.example", "null", "http://127.0.0.1", &format!("https://{our_host}.evil.example")] {
        let page = self::browser(&app).await.with("origin", page);
        page.get("/api/v1/live").await.refused(403, "origin_refused");
    }
    let elsewhere = anybody.with("origin", "https://evil.example");
    let used_elsewhere = ticket(&browser).await;
    let refused = elsewhere.get(&format!("/api/v1/live?ticket={used_elsewhere}")).await.refused(403, "origin_refused");
    assert_eq!(refused.field(), "Origin");

    let anybody = app.anybody();
    let used = format!("/api/v1/live?ticket={}", ticket(&browser).await);
    drop(Ears::open(&anybody, &used).await);
    anybody.get(&used).await.refused(401, "not_signed_in");

    let token = token_of(&app, app.scope().user(), None);
    anybody.get(&format!("/api/v1/live?ticket={token}")).await.refused(401, "not_signed_in");
    let seller = app.signed_in("seller").await;
    seller.get(&format!("/api/v1/live?token={token}")).await.refused(400, "invalid_query");
    seller.get("/api/v1/live").await.refused(400, "invalid_header");
}

/// S28: a page of a listed origin comes by a ticket, as it uses a token elsewhere; the cookie is for our own pages, by whichever of our
/// names.
#[actix_web::test]
async fn s28_a_listed_page_listens_by_ticket_and_never_by_cookie() {
    let mut app = TestApp::with(|settings| {
        settings.server.cors_origins = vec!["https://shop.example".into()];
        settings.server.public_url = "https://panel.example/".into();
    });
    app.start().await;
    let browser = browser(&app).await;
    let listed = app.anybody().with("origin", "https://shop.example");
    drop(Ears::open(&listed, &format!("/api/v1/live?ticket={}", ticket(&browser).await)).await);
    let unlisted = app.anybody().with("origin", "https://shop.example:444");
    let path = format!("/api/v1/live?ticket={}", ticket(&browser).await);
    unlisted.get(&path).await.refused(403, "origin_refused");
    for page in ["https://shop.example", ""] {
        let browser = self::browser(&app).await.with("origin", page);
        browser.get("/api/v1/live").await.refused(403, "origin_refused");
    }
    drop(Ears::open(&browser.with("origin", "https://panel.example"), "/api/v1/live").await);
}

/// A ticket is as good as what it was asked with, and no longer.
#[actix_web::test]
async fn a_ticket_ends_with_its_session() {
    let (app, _) = shop_that_answers().await;
    let seller = app.signed_in("seller").await;
    let ticket = ticket(&seller).await;
    seller.delete("/api/v1/sessions/current").await.is(204);
    app.anybody().get(&format!("/api/v1/live?ticket={ticket}")).await.refused(401, "not_signed_in");
}

/// S17: nothing of another owner is heard, whatever is subscribed.
#[actix_web::test]
async fn s17_another_owners_events_never_arrive() {
    let mut app = TestApp::new();
    let rival = app.person("rival", Role::Owner);
    let (shop, theirs) = (app.open("shop"), app.open_for(rival, "theirs"));
    app.rule(echo());
    app.start().await;
    let mut ears = Ears::on(&app.signed_in("rival").await, &EVERYTHING).await;
    let said = shop.buyer_says(BUYER, ITEM, "秘密");
    app.answers(&shop, &said.conversation, &["答:秘密"]).await;
    app.enable(&shop, false);
    app.becomes(&shop, State::Closed, Reason::Disabled).await;
    let foreign = format!("conversation:{}.{}", shop.id, said.conversation);
    ears.say(&json!({"type": "subscribe", "topics": [foreign]}).to_string()).await;
    assert_eq!(ears.next().await["code"], "not_found", "and nothing came before");
    theirs.buyer_says(BUYER, ITEM, "mine");
    let event = ears.event().await;
    assert_eq!((&event["seq"], &event["data"]["text"]), (&json!(1), &json!("mine")));
}

/// S17: an employee hears of the accounts chosen for them, a program of those chosen for its token; a change works at once.
#[actix_web::test]
async fn s17_only_chosen_accounts_are_heard_and_the_choice_can_change() {
    let mut app = TestApp::new();
    let (shop, second) = (app.open("shop"), app.open("second"));
    let helper = app.employ("helper", Role::Viewer, Some(app.scope().user()), &[second.id]);
    app.rule(echo());
    app.start().await;
    let token = token_of(&app, app.scope().user(), Some(vec![second.id]));
    let program = app.anybody().with("authorization", &format!("Bearer {token}"));
    let mut all = [
        Ears::on(&app.signed_in("helper").await, &["conversations"]).await,
        Ears::on(&program, &["conversations"]).await,
    ];
    let said = shop.buyer_says(BUYER, ITEM, "to the first");
    app.answers(&shop, &said.conversation, &["答:to the first"]).await;
    second.buyer_says(BUYER, ITEM, "to the second");
    for ears in &mut all {
        assert_eq!(ears.event().await["data"]["text"], "to the second");
    }
    let (scope, chosen) = (app.scope(), vec![shop.id]);
    app.write(move |conn| users::set_accounts(conn, &scope, helper, &chosen));
    let topic = format!("conversation:{}.{}", shop.id, said.conversation);
    let helper = &mut all[0];
    while helper.subscribe(&[&topic]).await["topics"] == json!(["conversations"]) {}
    second.buyer_says(BUYER, ITEM, "to the second again");
    app.settled(&second).await;
    shop.buyer_says(BUYER, ITEM, "to the first again");
    let event = helper.event().await;
    assert_eq!((&event["topic"], &event["data"]["text"]), (&json!(topic), &json!("to the first again")));
}

/// What a connection says before it is closed, and its code.
async fn last_words(ears: &mut Ears) -> (Value, Value) {
    let error = ears.find(|frame| frame["type"] == "error").await;
    let closed = ears.next().await;
    assert_eq!(closed["type"], "closed");
    (error["code"].clone(), closed["code"].clone())
}

#[actix_web::test]
async fn a_connection_ends_with_its_session_its_user_or_its_token() {
    let mut app = TestApp::new();
    app.person("fired", Role::Viewer);
    app.start().await;
    let seller = app.signed_in("seller").await;
    let token = token_of(&app, app.scope().user(), None);
    let program = app.anybody().with("authorization", &format!("Bearer {token}"));
    let mut by_session = Ears::on(&seller, &["accounts"]).await;
    let mut by_user = Ears::on(&app.signed_in("fired").await, &["accounts"]).await;
    let mut by_token = Ears::on(&program, &["accounts"]).await;
    let mut elsewhere = Ears::on(&app.signed_in("seller").await, &["accounts"]).await;
    let expected = (json!("not_signed_in"), json!(1008));

    seller.delete("/api/v1/sessions/current").await.is(204);
    assert_eq!(last_words(&mut by_session).await, expected);

    // By another process: as the command line does it.
    app.write(|conn| {
        let fired = users::find_by_name(conn, "fired")?.unwrap().id;
        users::update(conn, fired, &UserChange { active: Some(false), ..UserChange::default() }, Timestamp(2))
    });
    assert_eq!(last_words(&mut by_user).await, expected);

    let user = app.scope().user();
    app.write(move |conn| {
        let token = api_tokens::list(conn, user)?[0].0.id;
        api_tokens::delete(conn, user, token)
    });
    assert_eq!(last_words(&mut by_token).await, expected);

    elsewhere.say(r#"{"type":"ping"}"#).await;
    assert_eq!(elsewhere.next().await["type"], "pong", "another session of the same user lives on");
}

/// Its end is known beforehand: nobody has to revoke it.
#[actix_web::test]
async fn a_connection_ends_when_its_session_expires() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let session = seller.session.borrow().clone().unwrap();
    let soon = clock::unix() + Duration::from_secs(3);
    app.write(move |conn| sessions::touch(conn, &session, clock::unix(), soon));
    let mut ears = Ears::on(&seller, &["accounts"]).await;
    assert_eq!(last_words(&mut ears).await, (json!("not_signed_in"), json!(1008)));
    assert!(clock::unix() >= soon);
}

#[actix_web::test]
async fn the_state_of_an_account_is_told_in_the_language_the_listener_came_with() {
    let (app, shop) = shop_that_answers().await;
    let seller = app.signed_in("seller").await;
    let mut english = Ears::on(&seller, &["accounts"]).await;
    let mut chinese = Ears::on(&seller.with("accept-language", "zh"), &["accounts"]).await;
    let status = Status::new(State::Failed, Reason::SessionExpired, Timestamp(1));
    app.feed().tell(|| FeedEvent::Status { account: shop.id, status });
    assert_eq!(english.event().await["data"]["status"]["sentence"], Reason::SessionExpired.sentence());
    let told = chinese.event().await["data"]["status"].clone();
    assert_eq!(told["sentence"], Reason::SessionExpired.sentence_zh());
    assert_eq!(told["action"].as_str(), Reason::SessionExpired.action_zh());
}

/// R13: a slow listener holds up neither the engine nor the others, and is told what it lost.
#[actix_web::test]
async fn r13_a_slow_listener_gets_a_gap_and_the_engine_does_not_wait() {
    let (app, shop) = shop_that_answers().await;
    let seller = app.signed_in("seller").await;
    let mut slow = Ears::on(&seller, &["accounts"]).await;
    let mut quick = Ears::on(&seller, &["conversations"]).await;
    slow.answers_pings = false;
    for at in 0..3000 {
        let status = Status::new(State::Connected, Reason::Registered, Timestamp(at));
        app.feed().tell(|| FeedEvent::Status { account: shop.id, status });
    }
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    assert_eq!(quick.event().await["data"]["text"], "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    slow.say(r#"{"type":"ping"}"#).await;
    let mut heard = 0;
    while slow.next().await["type"] == "event" {
        heard += 1;
    }
    assert!(heard < 1000, "no more was sent than was taken: {heard}");
    slow.starts_answering_pings().await;
    let gap = slow.next().await;
    assert_eq!(gap["type"], "gap", "{gap}");
    let lost = gap["lost"].as_u64().unwrap();
    let newest = slow.events_until(|event| event["data"]["status"]["since"] == 2999).await;
    assert_eq!(heard + lost + newest.len() as u64, 3000);
}

#[actix_web::test]
async fn what_cannot_be_understood_is_answered_and_the_connection_goes_on() {
    let mut app = TestApp::new();
    app.start().await;
    let mut ears = Ears::open(&app.signed_in("seller").await, "/api/v1/live").await;
    for text in
        ["", "{", "[]", r#"{"type":"publish"}"#, r#"{"type":"ping","x":1}"#, r#"{"type":"subscribe","topics":1}"#]
    {
        ears.say(text).await;
        assert_eq!(ears.next().await["code"], "bad_frame", "{text}");
    }
    ears.socket.send(Message::Binary(vec![0, 159].into())).await.unwrap();
    assert_eq!(ears.next().await["code"], "bad_frame");
    ears.say(r#"{"type":"subscribe","topics":["users","accounts","conversation:1.2"]}"#).await;
    let error = ears.next().await;
    assert_eq!((&error["code"], &error["details"]["topic"]), (&json!("unknown_topic"), &json!("users")));
    assert_eq!(error["message"], "Unknown topic.");
    assert_eq!(ears.next().await["code"], "not_found");
    let many = vec!["x"; 201];
    ears.say(&json!({"type": "unsubscribe", "topics": many}).to_string()).await;
    assert!(says_topics(&ears.next().await, &["accounts"]));
    assert_eq!(ears.next().await["code"], "too_many_topics", "once, not for each");
    ears.say(&" ".repeat((64 << 10) + 1)).await;
    assert_eq!(last_words(&mut ears).await, (json!("frame_too_large"), json!(1009)));
}

/// A page is made, then it subscribes: what happens in between is in neither, and is noticed by the mark that both bear.
#[actix_web::test]
async fn what_happens_between_a_page_and_its_subscription_changes_the_mark() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    let seller = app.signed_in("seller").await;
    let browser = app.anybody().sign_in_by_cookie("seller").await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.decided(&shop, &said).await;
    app.settled(&shop).await;
    let mut ears = Ears::open(&seller, "/api/v1/live").await;
    let page_of = async || {
        let page = browser.get("/app/chats").await.is(200).text;
        page.split_once("data-mark=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    let first = page_of().await;
    assert_eq!(ears.subscribe(&["conversations"]).await["mark"], first);
    let again = shop.buyer_says(BUYER, ITEM, "还在吗");
    app.decided(&shop, &again).await;
    app.settled(&shop).await;
    assert_ne!(ears.subscribe(&["conversations"]).await["mark"], first);
    assert_eq!(ears.subscribe(&["conversations"]).await["mark"], page_of().await);
}

#[actix_web::test]
async fn a_user_holds_ten_connections_and_others_are_not_in_the_way() {
    let mut app = TestApp::new();
    app.person("viewer", Role::Viewer);
    app.start().await;
    let seller = app.signed_in("seller").await;
    let mut all = Vec::new();
    for _ in 0..10 {
        let mut ears = Ears::open(&seller, "/api/v1/live?topics=accounts,outbox").await;
        assert!(says_topics(&ears.next().await, &["accounts", "outbox"]));
        all.push(ears);
    }
    let refused = seller.socket("/api/v1/live").connect().await.err();
    assert!(matches!(refused, Some(WsClientError::InvalidResponseStatus(status)) if status == 429), "{refused:?}");
    drop(Ears::open(&app.signed_in("viewer").await, "/api/v1/live").await);
    let mut last = all.pop().unwrap();
    last.socket.send(Message::Close(None)).await.unwrap();
    assert_eq!(last.next().await["type"], "closed");
    // The server counts it out a moment after its last word.
    while seller.socket("/api/v1/live").connect().await.is_err() {}
}

#[actix_web::test]
async fn connections_are_closed_with_the_server() {
    let mut app = TestApp::new();
    app.start().await;
    let mut ears = Ears::on(&app.signed_in("seller").await, &["accounts"]).await;
    app.stop().await;
    assert_eq!(last_words(&mut ears).await, (json!("shutting_down"), json!(1001)));
}

/// S17, R13: the log can be followed, by everybody as far as it concerns them.
#[actix_web::test]
async fn s17_r13_the_log_is_followed_line_by_line() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    logging::init(&app.settings().log);
    logging::set_level("info").unwrap();
    let mut seller = Ears::on(&app.signed_in("seller").await, &["logs"]).await;
    let mut admin = Ears::on(&app.signed_in("admin").await, &["logs"]).await;
    info!("nobody's line");
    info!("account.id" = shop.id.0 + 1; "another's line");
    warn!("account.id" = shop.id.0, class = "network", cookie2 = "c00kie-secret"; "own line");
    let is = |text: &'static str| move |event: &Value| event["data"]["message"] == text;
    let heard = seller.events_until(is("own line")).await;
    assert!(heard.iter().all(|line| line["event"] == "log.line" && line["data"]["account_id"] == shop.id.0));
    let line = &heard.last().unwrap()["data"];
    assert_eq!((&line["level"], &line["class"]), (&json!("warn"), &json!("network")));
    let heard = admin.events_until(is("own line")).await;
    let messages: BTreeSet<_> = heard.iter().map(|line| line["data"]["message"].as_str().unwrap()).collect();
    assert!(messages.contains("nobody's line") && messages.contains("another's line"));
    assert!(!heard.iter().any(|line| line.to_string().contains("c00kie-secret")));
}
