//! What operators see: health, and metrics with their own token.

use std::time::Duration;

use actix_web::http::StatusCode;
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    harness::{PATIENCE, TestApp, echo},
    process::Shop,
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";
const TOKEN: &str = "prometheus-0123456789";

/// The status of an answer, and its body.
async fn get(app: &TestApp, path: &str, token: Option<&str>) -> (StatusCode, String) {
    let mut request = awc::Client::default().get(format!("http://{}{path}", app.addr()));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let mut answer = request.timeout(PATIENCE).send().await.unwrap();
    let body = answer.body().await.unwrap();
    (answer.status(), String::from_utf8(body.to_vec()).unwrap())
}

/// Asks until the answer has this status, and says how long that took.
pub(crate) async fn becomes(app: &TestApp, path: &str, status: StatusCode) -> (String, Duration) {
    let started = Instant::now();
    loop {
        let (found, body) = get(app, path, None).await;
        if found == status {
            return (body, started.elapsed());
        }
        assert!(started.elapsed() < PATIENCE, "{path} answers {found}: {body}");
        // Nothing tells of a look.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// P10: the state of every connection and what is in work can be asked for.
#[actix_web::test]
async fn p10_a_healthy_server_says_so_and_shows_what_it_does() {
    let mut app = TestApp::new();
    app.open("shop");
    app.start().await;
    let (body, _) = becomes(&app, "/health", StatusCode::OK).await;
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(health["status"], "healthy", "{body}");
    for part in ["database", "registry", "shards", "backlog", "cpu", "memory", "disk", "probe", "figures"] {
        assert_eq!(health["services"][part], "ok", "{part}: {body}");
    }
    assert_eq!((&health["actors"]["shards"], &health["works"]["answering"]), (&2.into(), &"yes".into()), "{body}");
    assert!(health["system"]["process"]["threads"].as_u64().unwrap() > 3, "{body}");
    assert_eq!(get(&app, "/livez", None).await.0, StatusCode::OK);
    assert_eq!(get(&app, "/readyz", None).await.0, StatusCode::OK);
}

/// R5: an answer waits for nothing, not even while the database hangs.
#[actix_web::test]
async fn r5_a_hanging_database_is_a_503_at_once_and_a_200_when_it_is_back() {
    let mut app = TestApp::new();
    app.start().await;
    becomes(&app, "/health", StatusCode::OK).await;
    let mut other = SqliteConnection::establish(&app.settings().database_url()).unwrap();
    other.batch_execute("PRAGMA busy_timeout = 10000; BEGIN EXCLUSIVE").unwrap();
    let (body, noticed) = becomes(&app, "/health", StatusCode::SERVICE_UNAVAILABLE).await;
    let health: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&health["services"]["database"], &health["works"]["receiving"]), (&"failing".into(), &"no".into()));
    assert_eq!(health["services"]["registry"], "ok", "{body}");
    assert!(noticed < Duration::from_secs(6), "{noticed:?}");
    let asked = Instant::now();
    assert_eq!(get(&app, "/readyz", None).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&app, "/livez", None).await.0, StatusCode::OK, "it may heal");
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    other.batch_execute("ROLLBACK").unwrap();
    becomes(&app, "/health", StatusCode::OK).await;
    assert_eq!(get(&app, "/readyz", None).await.0, StatusCode::OK);
}

#[actix_web::test]
async fn a_crossed_threshold_is_unhealthy_but_no_503_unless_the_setting_says_so() {
    let mut app = TestApp::with(|settings| settings.health.disk_free_mib = u64::MAX >> 20);
    app.start().await;
    let (body, _) = becomes(&app, "/readyz", StatusCode::OK).await;
    let (status, health) = get(&app, "/health", None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(health.contains(r#""status":"unhealthy""#) && health.contains(r#""disk":"failing""#), "{health}");

    let mut app = TestApp::with(|settings| {
        settings.health.disk_free_mib = u64::MAX >> 20;
        settings.health.refuse = "database, disk".parse().unwrap();
    });
    app.start().await;
    becomes(&app, "/readyz", StatusCode::OK).await;
    assert_eq!(get(&app, "/health", None).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

/// The backlog's row in the table of what goes on working: answers are late, and all else is as ever.
#[actix_web::test]
async fn a_backlog_without_end_is_a_503_and_only_the_answers_wait() {
    let mut app = TestApp::with(|settings| {
        settings.health.backlog = 3;
        settings.health.backlog_window = Duration::from_secs(1);
    });
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    becomes(&app, "/health", StatusCode::OK).await;
    let admin = app.signed_in("admin").await;
    admin.put("/api/v1/stop-switch", &json!({"on": true})).await.is(200);
    let (started, mut said) = (Instant::now(), Vec::new());
    let body = loop {
        said.push(shop.buyer_says(&format!("{}", 2_200_000_000_000_u64 + said.len() as u64), ITEM, "在吗"));
        let (status, body) = get(&app, "/health", None).await;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            break body;
        }
        assert!(started.elapsed() < PATIENCE, "{body}");
        // It is counted once a second.
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let health: Value = serde_json::from_str(&body).unwrap();
    let failing = health["services"].as_object().unwrap().iter().filter(|(_, state)| **state != "ok");
    assert_eq!(failing.map(|(part, _)| part.as_str()).collect::<Vec<_>>(), ["backlog"], "{body}");
    let works = json!({"receiving": "yes", "answering": "partly", "api": "yes", "changes": "yes"});
    assert_eq!((&health["status"], &health["works"]), (&json!("unhealthy"), &works), "{body}");

    // Buyers' messages are kept.
    let last = said.last().unwrap();
    app.decided(&shop, last).await;
    assert!(shop.await_acknowledged(PATIENCE).await, "{:?}", shop.unacknowledged());
    assert!(shop.seen(&last.conversation).is_empty(), "it waits");
    // The API answers, and what is changed takes effect.
    let seller = app.signed_in("seller").await;
    let waiting = seller.get("/api/v1/outbox?state=queued").await.is(200).json()["total"].as_u64().unwrap();
    assert!(waiting > 3, "{waiting}");
    admin.put("/api/v1/stop-switch", &json!({"on": false})).await.is(200);
    for said in &said {
        app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    }
    becomes(&app, "/health", StatusCode::OK).await;
}

#[actix_web::test]
async fn metrics_want_their_own_token_always() {
    let mut app = TestApp::with(|settings| settings.metrics.token = TOKEN.into());
    app.start().await;
    for token in [None, Some("wrong"), Some(&TOKEN[1..])] {
        let (status, body) = get(&app, "/metrics", token).await;
        assert_eq!((status, body.contains("yutang_")), (StatusCode::UNAUTHORIZED, false), "{token:?}");
    }
    assert_eq!(get(&app, "/metrics", Some(TOKEN)).await.0, StatusCode::OK);

    let mut app = TestApp::new();
    app.start().await;
    for token in [None, Some("")] {
        assert_eq!(get(&app, "/metrics", token).await.0, StatusCode::NOT_FOUND, "there are none without a token");
    }
}

#[actix_web::test]
async fn metrics_count_a_message_on_its_whole_walk() {
    let mut app = TestApp::with(|settings| settings.metrics.token = TOKEN.into());
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let started = Instant::now();
    let wanted = [
        "yutang_messages_received_total 1",
        "yutang_messages_sent_total 1",
        "yutang_decisions_total{decision=\"answer\"} 1",
        "yutang_push_stored_seconds_count 1",
        "yutang_received_decided_seconds_count 1",
        "yutang_decided_confirmed_seconds_count 1",
        "yutang_outbox_settled_total{state=\"confirmed\"} 1",
        "yutang_token_requests_total 1",
        "yutang_accounts{state=\"connected\"} 1",
        "yutang_shards_alive 2",
        "yutang_breakers_open{cause=\"challenge\"} 0",
    ];
    let text = loop {
        let (_, text) = get(&app, "/metrics", Some(TOKEN)).await;
        let is_complete = wanted.iter().all(|line| text.lines().any(|found| found == *line));
        if is_complete || started.elapsed() > PATIENCE {
            break text;
        }
        // The gauges are set once a second.
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    for line in wanted {
        assert!(text.lines().any(|found| found == line), "{line} is missing in:\n{text}");
    }
    for name in ["yutang_database_commit_seconds_count", "yutang_database_read_run_seconds_count"] {
        let counted = text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        assert!(counted.is_some_and(|count| count != "0"), "{name}: {counted:?}");
    }
}

/// What a container's health check runs.
#[actix_web::test]
async fn the_command_line_asks_a_running_server_how_it_is() {
    let shop = Shop::with_accounts(0);
    let server = shop.serve();
    assert_eq!(server.get_until("/health", 200).await.0, 200, "{}", server.log());
    let url = |path: &str| format!("http://{}{path}", server.address());
    assert!(shop.run(&["health", "--url", &url("/health")]).succeeded().contains("\"status\":\"healthy\""));
    shop.run(&["health", "--url", &url("/livez")]).succeeded();
    assert!(shop.run(&["health", "--url", &url("/nowhere")]).failed().contains("answers 404"));
    let gone = url("/health");
    server.terminate().cleanly();
    assert!(shop.run(&["health", "--url", &gone]).failed().contains("does not answer"));
}
