//! PostgreSQL goes away while the server runs, and comes back.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, sql_types::BigInt};
use serde_json::json;
use yutang::store::{StoreError, lock::ServerLock};

use crate::{
    client::Api,
    harness::{PATIENCE, TestApp, echo},
    process::Schema,
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

/// The way to PostgreSQL, which can be closed.
struct Relay {
    address: SocketAddr,
    /// Both ends of every connection; `None` while it is closed.
    lines: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Relay {
    fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, lines) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Some(Vec::new()))));
        let kept = Arc::clone(&lines);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Where it is closed the client is hung up on.
                if let Some(lines) = &mut *kept.lock().unwrap() {
                    let server = TcpStream::connect(&server).unwrap();
                    lines.extend([&client, &server].map(|end| end.try_clone().unwrap()));
                    let (back, forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                    thread::spawn(move || hand_on(back, forth));
                    thread::spawn(move || hand_on(client, server));
                }
            }
        });
        Self { address, lines }
    }

    fn close(&self) {
        for line in self.lines.lock().unwrap().take().into_iter().flatten() {
            // It may have ended by itself.
            let _ = line.shutdown(Shutdown::Both);
        }
    }

    fn open(&self) {
        *self.lines.lock().unwrap() = Some(Vec::new());
    }
}

fn hand_on(mut from: TcpStream, mut to: TcpStream) {
    // Either side may end it.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// The same database by way of a relay.
fn relayed(schema: &Schema) -> (Relay, String) {
    let (scheme, rest) = schema.url.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let (user, server) = authority.rsplit_once('@').unwrap();
    let server = if server.contains(':') { server.to_owned() } else { format!("{server}:5432") };
    let relay = Relay::to(server);
    let url = format!("{scheme}://{user}@{}/{path}", relay.address);
    (relay, url)
}

/// How many servers hold this database, as PostgreSQL itself sees it.
fn holders(schema: &Schema) -> i64 {
    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let mut conn = PgConnection::establish(&schema.url).unwrap();
    let query = "SELECT count(*) AS number FROM pg_locks WHERE locktype = 'advisory' AND classid = 7390 \
         AND objid::bigint = hashtext(current_schema())::bigint & 4294967295";
    diesel::sql_query(query).get_result::<Number>(&mut conn).unwrap().number
}

/// Asks until the answer has this status; any other one on the way says that the database is away, or nothing.
async fn until(api: &Api, path: &str, status: u16) {
    let begun = Instant::now();
    loop {
        let answer = api.get(path).await;
        if answer.status == 503 && path != "/health" {
            assert_eq!(answer.code(), "database_unavailable", "{}", answer.text);
        }
        if answer.status == status {
            return;
        }
        assert!(matches!(answer.status, 200 | 503), "{}: {}", answer.status, answer.text);
        assert!(begun.elapsed() < PATIENCE, "{path} is never {status}");
        // Nothing tells of a look.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[actix_web::test]
async fn requests_are_503_while_postgresql_is_away_and_nothing_is_lost_when_it_is_back() {
    let Some(schema) = Schema::make() else { return };
    let (relay, url) = relayed(&schema);
    let mut app = TestApp::with(|settings| settings.database.url = url);
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let (seller, anybody) = (app.signed_in("seller").await, app.anybody());
    let said = shop.buyer_says(BUYER, ITEM, "一");
    app.answers(&shop, &said.conversation, &["答:一"]).await;
    seller.get("/api/v1/outbox").await.is(200);

    relay.close();
    until(&seller, "/api/v1/outbox", 503).await;
    until(&anybody, "/health", 503).await;
    let during = shop.buyer_says(BUYER, ITEM, "二");
    let block = json!({"buyer_id": "2200000000999"});
    for _ in 0..3 {
        let answer = seller.get("/api/v1/accounts").await.refused(503, "database_unavailable");
        assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        seller.post("/api/v1/blocked-buyers", &block).await.refused(503, "database_unavailable");
    }
    anybody.get("/livez").await.is(200);
    assert!(shop.unacknowledged().contains(&during.message), "what is not stored is not acknowledged");
    app.eventually("PostgreSQL has noticed, too", || (holders(&schema) == 0).then_some(())).await;

    relay.open();
    until(&seller, "/api/v1/outbox", 200).await;
    until(&anybody, "/health", 200).await;
    app.answers(&shop, &said.conversation, &["答:一", "答:二"]).await;
    assert!(shop.await_acknowledged(PATIENCE).await, "{:?}", shop.unacknowledged());
    seller.post("/api/v1/blocked-buyers", &block).await.is(201);
    assert_eq!(seller.get("/api/v1/blocked-buyers").await.is(200).json()["total"], 1);

    // The lock that keeps other servers out went with its connection.
    app.eventually("the server holds the database again", || (holders(&schema) == 1).then_some(())).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let second = ServerLock::acquire(elsewhere.path(), &app.settings().store());
    assert!(matches!(second, Err(StoreError::Locked(..))));
}
