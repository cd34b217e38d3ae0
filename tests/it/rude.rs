//! Clients that go away in the middle, take nothing, or never end what they say; and a deed whose line in the audit cannot be written.

use std::collections::HashSet;

use actix_web::rt::net::TcpStream;
use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::timeout,
};
use yutang::{
    ids::ConversationId,
    outbox::entry::SendId,
    store::{
        Page,
        audit::{self, Filter},
    },
    telemetry::feed::FeedEvent,
};

use crate::{
    client::Api,
    harness::{PATIENCE, Shop, TestApp, answered_shop},
    raw::{IMPATIENCE, status},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

/// A shop with a conversation in which a person may write, and its path in the API.
async fn shop_with_a_conversation() -> (TestApp, Shop, ConversationId, String) {
    let (app, shop, conversation) = answered_shop(BUYER, ITEM).await;
    app.settled(&shop).await;
    let path = format!("/api/v1/conversations/{}.{conversation}/messages", shop.id);
    (app, shop, conversation, path)
}

/// Lines of the audit about messages that people sent.
fn noted(app: &TestApp) -> i64 {
    let filter = Filter { action: Some("conversation.send".into()), ..Filter::default() };
    app.read(move |conn| audit::list(conn, &filter, Page { limit: 1, offset: 0 })).1
}

/// A request with a body, as bytes.
fn written(api: &Api, path: &str, body: &str) -> String {
    let authorization = api.sends("authorization");
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[actix_web::test]
async fn every_message_that_is_stored_has_its_audit_line_although_the_client_resets_its_connection() {
    let (app, shop, conversation, path) = shop_with_a_conversation().await;
    let seller = app.signed_in("seller").await;
    let mut known: HashSet<SendId> = app.sends(&shop, &conversation).iter().map(|send| send.id).collect();
    let mut feed = app.feed().watch();
    for number in 0..20 {
        let mut line = TcpStream::connect(app.addr()).await.unwrap();
        line.set_zero_linger().unwrap();
        let body = json!({"texts": [format!("第{number}条")]}).to_string();
        line.write_all(written(&seller, &path, &body).as_bytes()).await.unwrap();
        let stored = async {
            loop {
                match feed.recv().await.unwrap() {
                    FeedEvent::Send(send) if known.insert(send.id) => return,
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, stored).await.unwrap();
        // Its line in the audit may not be written yet.
        drop(line);
    }
    app.eventually("every message has its line", || (noted(&app) == 20).then_some(())).await;
    assert_eq!(app.sends(&shop, &conversation).len(), known.len());
}

#[actix_web::test]
async fn a_message_whose_audit_line_cannot_be_written_is_not_sent_again_under_the_same_key() {
    let (app, shop, conversation, path) = shop_with_a_conversation().await;
    let before = app.sends(&shop, &conversation).len();
    let seller = app.signed_in("seller").await.with("idempotency-key", "once");
    let mut conn = SqliteConnection::establish(&app.settings().database_url()).unwrap();
    conn.batch_execute(
        "PRAGMA busy_timeout = 10000;
         CREATE TRIGGER no_line BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no line today'); END;",
    )
    .unwrap();
    let body = json!({"texts": ["我是店主"]});
    seller.post(&path, &body).await.refused(503, "outcome_unknown");
    seller.post(&path, &body).await.refused(409, "idempotency_key_busy");
    assert_eq!(app.sends(&shop, &conversation).len(), before + 1, "it was stored once");
}

#[cfg(target_os = "linux")]
#[actix_web::test]
async fn a_listener_that_talks_and_takes_nothing_is_cut_off() {
    let mut app = TestApp::with(|settings| settings.server.client_timeout = IMPATIENCE);
    app.start().await;
    let seller = app.signed_in("seller").await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut line = socket.connect(app.addr()).await.unwrap();
    let head = format!(
        "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        seller.sends("authorization")
    );
    line.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    line.read_exact(&mut start).await.unwrap();
    assert_eq!(status(&String::from_utf8_lossy(&start)), 101);
    // A text of one letter that is no frame of ours: each is answered with a complaint.
    let nonsense = [0x81, 0x81, 0, 0, 0, 0, b'x'].repeat(1000);
    let flood = async { while line.write_all(&nonsense).await.is_ok() {} };
    assert!(timeout(PATIENCE, flood).await.is_ok(), "it may go on for ever");
}

#[actix_web::test]
async fn strangers_with_endless_bodies_leave_places_to_others() {
    let mut app = TestApp::with(|settings| settings.server.requests = 8);
    app.start().await;
    let seller = app.signed_in("seller").await;
    let mut crowd = Vec::new();
    for _ in 0..12 {
        let mut line = TcpStream::connect(app.addr()).await.unwrap();
        let head = "POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
        line.write_all(head.as_bytes()).await.unwrap();
        crowd.push(line);
    }
    // The last of them is answered at once, so all before it were seen.
    let mut answer = [0; 12];
    timeout(PATIENCE, crowd[11].read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(status(&String::from_utf8_lossy(&answer)), 429);
    seller.get("/api/v1/accounts").await.is(200);
}
