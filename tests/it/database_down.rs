//! While the database is down, everything that needs it says so, soon.

use std::time::{Duration, Instant};

use diesel::{
    Connection, QueryableByName, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _, sql_types::Text,
};
use serde_json::json;
use yutang::web::{ROUTES, Route, gate::Access};

use crate::{
    access_table::{World, fill_any, rows, send_body, world},
    client::{Answer, Api, PASSWORD},
    harness::{PATIENCE, TestApp},
    process::Shop,
};

/// Nobody waits longer for a refusal.
const SOON: Duration = Duration::from_secs(5);

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn database(app: &TestApp) -> SqliteConnection {
    open(&app.settings().database_url())
}

fn open(url: &str) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(url).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
    conn
}

/// Every route that needs the database, asked with a body that would do.
async fn ask_all(world: &World, api: &Api) {
    let mut asked = 0;
    for route in ROUTES.iter().filter(|route| route.access != Access::Open) {
        let begun = Instant::now();
        let answer = ask(world, api, route).await;
        let what = format!("{} {}: {}", route.method, route.path, answer.text);
        assert_eq!((answer.status, &*answer.code()), (503, "database_unavailable"), "{what}");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{what}");
        assert!(begun.elapsed() < SOON, "{what} after {:?}", begun.elapsed());
        asked += 1;
    }
    assert!(asked > 80, "{asked}");
    // Who administers the system is known: nothing has to be looked up for that.
    let begun = Instant::now();
    api.post("/api/v1/setup", &set_up("guess")).await.refused(404, "setup_done");
    assert!(begun.elapsed() < SOON, "after {:?}", begun.elapsed());
}

fn set_up(token: &str) -> serde_json::Value {
    json!({"token": token, "username": "root", "password": PASSWORD})
}

async fn ask(world: &World, api: &Api, route: &Route) -> Answer {
    let row = rows().into_iter().find(|row| (row.method, row.path) == (route.method, route.path)).unwrap();
    send_body(world, api, &row, &fill_any(route.path)).await
}

/// Another process holds the database: nobody waits for it, and as soon as it lets go all is well.
#[actix_web::test]
async fn a_locked_database_is_a_503_at_once_on_every_route_that_needs_it() {
    let world = world().await;
    let admin = world.app.signed_in("admin").await;
    admin.get("/api/v1/users").await.is(200);
    let mut other = database(&world.app);
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    until(&admin, 503).await;
    ask_all(&world, &admin).await;
    world.app.anybody().get("/livez").await.is(200);
    world.app.anybody().get("/sign-in").await.is(200);
    other.batch_execute("ROLLBACK").unwrap();
    until(&admin, 200).await;
}

/// Asks what is read without waiting for a lock until it is answered so.
async fn until(api: &Api, status: u16) {
    let begun = Instant::now();
    while api.get("/api/v1/users").await.status != status {
        assert!(begun.elapsed() < PATIENCE, "never {status}");
        // Nothing tells of a look.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Also before anybody looked: what cannot be read is no fault of the server's own, and nobody's request is lost by it.
#[actix_web::test]
async fn a_database_without_its_tables_is_a_503_on_every_route_that_needs_it() {
    let world = world().await;
    // Not remembered yet, so that it must be looked up.
    let admin = world.app.signed_in("admin").await;
    let mut other = database(&world.app);
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let tables: Vec<Name> = diesel::sql_query(tables).load(&mut other).unwrap();
    for Name { name } in tables {
        other.batch_execute(&format!("ALTER TABLE \"{name}\" RENAME TO \"gone_{name}\"")).unwrap();
    }
    ask_all(&world, &admin).await;
}

/// The link is good as before when the database is back.
#[actix_web::test]
async fn nobody_is_made_administrator_while_the_database_is_down_and_that_is_said_at_once() {
    let shop = Shop::with_accounts(0);
    let server = shop.serve();
    let line = server.await_line("Set-up link, good once: ");
    let set_up = set_up(line.split("token=").nth(1).unwrap());
    let url = format!("http://{}/api/v1/setup", server.address());
    let ask = async || {
        let asked = awc::Client::default().post(&url).timeout(PATIENCE).send_json(&set_up);
        let mut answer = asked.await.unwrap();
        let text = String::from_utf8(answer.body().await.unwrap().to_vec()).unwrap();
        (answer.status().as_u16(), text)
    };
    let says = async |code: &str| {
        let begun = Instant::now();
        while !server.get("/api/v1/users").1.contains(code) {
            assert!(begun.elapsed() < PATIENCE, "never {code}");
            // Nothing tells of a look.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut other = open(shop.data().join("yutang.db").to_str().unwrap());
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    says("database_unavailable").await;
    let begun = Instant::now();
    let (status, text) = ask().await;
    assert!(status == 503 && text.contains("database_unavailable"), "{status}: {text}");
    assert!(begun.elapsed() < SOON, "after {:?}", begun.elapsed());
    other.batch_execute("ROLLBACK").unwrap();
    says("setup_required").await;
    let (status, text) = ask().await;
    assert!(status == 201 && text.contains("\"root\""), "{status}: {text}");
}
