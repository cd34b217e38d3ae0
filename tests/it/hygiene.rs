//! What a server on a network must bear: foreign pages, forged headers, slow, lying and hostile clients, more requests than places.

use std::{net::TcpStream, time::Instant};

use awc::http::Method;
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use serde_json::{Value, json};
use yutang::web::{input::MAX_BODY, static_files::href};

use crate::{
    client::{Api, PASSWORD},
    harness::{LOOK, TestApp},
    process::Shop,
    raw::{IMPATIENCE, body, header, status},
};

const ORIGIN: &str = "https://panel.example";

fn block(buyer: &str) -> Value {
    json!({"buyer_id": buyer})
}

/// The value of the header with which somebody signed in.
async fn bearer(app: &TestApp) -> String {
    let ask = json!({"username": "seller", "password": PASSWORD});
    let answer = app.anybody().post("/api/v1/sessions", &ask).await.is(201).json();
    format!("Authorization: Bearer {}", answer["token"].as_str().unwrap())
}

/// S28: every kind of answer carries the headers that keep browsers safe.
#[actix_web::test]
async fn s28_every_kind_of_answer_has_the_security_headers() {
    let mut app = TestApp::new();
    app.start().await;
    let (anybody, seller) = (app.anybody(), app.signed_in("seller").await);
    let css = href("css/app.css");
    let answers = [
        anybody.get("/livez").await.is(200),
        anybody.get("/api/v1/audit").await.is(401),
        anybody.get("/nothing").await.is(404),
        anybody.get("/").await.is(303),
        anybody.get("/sign-in").await.is(200),
        anybody.get(&css).await.is(200),
        anybody.get("/static/nothing").await.is(404),
        seller.get("/docs").await.is(200),
        seller.get("/api/v1/blocked-buyers").await.is(200),
        seller.post("/api/v1/blocked-buyers", &json!({})).await.is(422),
        seller.patch("/api/v1/blocked-buyers", &json!({})).await.is(405),
    ];
    for (number, answer) in answers.iter().enumerate() {
        // A browser must say from where a form of the sign-in page comes.
        let referrer = if number == 4 { "same-origin" } else { "no-referrer" };
        assert_eq!(answer.header("referrer-policy"), Some(referrer), "{answer:?}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.split("; ").any(|rule| rule == part), "{policy}");
        }
        assert!(answer.header("x-request-id").is_some() && answer.header("cache-control").is_some(), "{answer:?}");
        assert_eq!((answer.header("server"), answer.header("access-control-allow-origin")), (None, None));
    }
}

#[actix_web::test]
async fn an_answer_is_compressed_for_who_asks() {
    let mut app = TestApp::new();
    app.start().await;
    let css = href("css/app.css");
    let plain = app.raw_request("GET", &css, &[]).await;
    let packed = app.raw_request("GET", &css, &["Accept-Encoding: gzip"]).await;
    assert_eq!((header(&plain, "content-encoding"), header(&packed, "content-encoding")), (None, Some("gzip")));
    assert!(header(&packed, "vary").is_some_and(|vary| vary.eq_ignore_ascii_case("accept-encoding")));
    assert!(packed.len() < plain.len());
}

/// S28: pages of other sites read nothing unless their origin is listed.
#[actix_web::test]
async fn s28_without_listed_origins_no_other_site_may_read_anything() {
    let mut app = TestApp::new();
    app.start().await;
    let origin = format!("Origin: {ORIGIN}");
    let asked = app.raw_request("OPTIONS", "/api/v1/sessions", &[&origin, "Access-Control-Request-Method: POST"]).await;
    let read = app.raw_request("GET", "/health", &[&origin]).await;
    for answer in [asked, read] {
        assert!(!answer.to_lowercase().contains("access-control-"), "{answer}");
    }
}

#[actix_web::test]
async fn a_listed_origin_may_use_the_api_and_never_with_cookies() {
    let mut app = TestApp::with(|settings| settings.server.cors_origins = vec![ORIGIN.into()]);
    app.start().await;
    let listed = format!("Origin: {ORIGIN}");
    let first = ["Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: authorization"];
    let asked = app.raw_request("OPTIONS", "/api/v1/sessions", &[&listed, first[0], first[1]]).await;
    assert_eq!((status(&asked), header(&asked, "access-control-allow-origin")), (204, Some(ORIGIN)));
    assert!(header(&asked, "access-control-allow-methods").is_some_and(|methods| methods.contains("PATCH")));
    assert!(header(&asked, "access-control-allow-headers").is_some_and(|headers| headers.contains("authorization")));
    // A refusal too: the page must be able to read why.
    let read = app.raw_request("GET", "/api/v1/audit", &[&listed]).await;
    assert_eq!((status(&read), header(&read, "access-control-allow-origin")), (401, Some(ORIGIN)));
    assert!(header(&read, "vary").is_some_and(|vary| vary.contains("Origin")));
    for foreign in ["Origin: https://evil.example", "Origin: null", "Origin: http://panel.example"] {
        let asked = app.raw_request("OPTIONS", "/api/v1/sessions", &[foreign, first[0]]).await;
        assert_eq!(header(&asked, "access-control-allow-origin"), None, "{foreign}");
    }
    assert!(!format!("{asked}{read}").contains("allow-credentials"));
}

#[actix_web::test]
async fn any_origin_is_said_as_a_star_and_never_with_cookies() {
    let mut app = TestApp::with(|settings| settings.server.cors_origins = vec!["*".into()]);
    app.start().await;
    let read = app.raw_request("GET", "/health", &["Origin: https://any.example"]).await;
    assert_eq!(header(&read, "access-control-allow-origin"), Some("*"));
    assert!(!read.contains("allow-credentials"), "{read}");
}

/// S28: on loopback a foreign name that was made to point here gets nothing.
#[actix_web::test]
async fn s28_a_rebound_name_gets_nothing_from_a_server_on_loopback() {
    let mut app = TestApp::with(|settings| settings.server.public_url = "https://shop.example".into());
    app.start().await;
    let answer = app.raw_request("GET", "/livez", &["Host: evil.example"]).await;
    assert_eq!(status(&answer), 421);
    assert!(body(&answer).contains("misdirected"), "{answer}");
    for own in ["Host: localhost:8080", "Host: 127.0.0.1", "Host: shop.example"] {
        assert_eq!(status(&app.raw_request("GET", "/livez", &[own]).await), 200, "{own}");
    }
}

async fn seen_address(app: &TestApp, headers: &[(&str, &str)]) -> String {
    let api = headers.iter().fold(app.anybody(), |api, (name, value)| api.with(name, value)).sign_in("seller").await;
    let sessions = api.get("/api/v1/sessions").await.is(200).json();
    let current = sessions["items"].as_array().unwrap().iter().find(|session| session["current"] == true).unwrap();
    current["address"].as_str().unwrap().to_owned()
}

/// S28: over real HTTP, what the peer says about itself counts only where the peer is listed.
#[actix_web::test]
async fn s28_forwarded_addresses_are_believed_from_listed_proxies_only() {
    let forged = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")];
    let ask = json!({"username": "seller", "password": PASSWORD, "cookie": true});
    for (proxies, address, secure) in [(vec![], "127.0.0.1", false), (vec![[127, 0, 0, 1].into()], "203.0.113.7", true)]
    {
        let mut app = TestApp::with(|settings| settings.server.trusted_proxies = proxies);
        app.start().await;
        assert_eq!(seen_address(&app, &forged).await, address);
        let by_cookie = forged.iter().fold(app.anybody(), |api, (name, value)| api.with(name, value));
        let answer = by_cookie.post("/api/v1/sessions", &ask).await.is(201);
        assert_eq!(answer.header("set-cookie").unwrap().contains("; Secure"), secure);
    }
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused_however_its_length_is_told() {
    let mut app = TestApp::new();
    app.start().await;
    let head = |length: &str| {
        format!(
            "POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{length}\r\n\
             Connection: close\r\n\r\n"
        )
    };
    let declared = app.raw(head(&format!("Content-Length: {}", MAX_BODY + 1))).await;
    let names_it =
        |answer: &str| ["\"body_too_large\"", "\"field\":\"body\""].iter().all(|part| body(answer).contains(part));
    assert_eq!((status(&declared), names_it(&declared)), (413, true), "{declared}");
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, " ".repeat(1 << 16));
    let chunked = app.raw(format!("{}{}0\r\n\r\n", head("Transfer-Encoding: chunked"), chunk.repeat(17))).await;
    assert_eq!((status(&chunked), names_it(&chunked)), (413, true), "{chunked}");
    // Right below the limit it is looked at.
    let whole = app.raw(format!("{}{}", head(&format!("Content-Length: {MAX_BODY}")), " ".repeat(MAX_BODY))).await;
    assert_eq!(status(&whole), 400, "{whole}");
}

#[actix_web::test]
async fn a_body_of_another_type_is_refused_by_its_header() {
    let mut app = TestApp::new();
    app.start().await;
    let anybody = app.anybody();
    let request = anybody.request(Method::POST, "/api/v1/sessions").content_type("text/plain");
    let mut refused = request.send_body("{}").await.unwrap();
    assert_eq!(refused.status().as_u16(), 415);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(
        (&refused["code"], &refused["details"]["field"]),
        (&json!("unsupported_media_type"), &json!("Content-Type"))
    );
}

#[actix_web::test]
async fn hostile_requests_are_refused_and_the_server_lives_on() {
    let mut app = TestApp::new();
    app.start().await;
    let huge = format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "a".repeat(200 << 10));
    let many = format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X-A: b\r\n".repeat(500));
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(200 << 10));
    let requests: [(&str, &[u8]); 16] = [
        ("no request line", b"\r\n\r\nhello\r\n\r\n"),
        ("no version", b"GET /health\r\n\r\n"),
        ("bad version", b"GET /health HTTP/9.9\r\n\r\n"),
        ("another protocol", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("NUL in the path", b"GET /he\0alth HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("blank in the path", b"GET /he alth HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("NUL in a header", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n"),
        ("two lengths", b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        ("a negative length", b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"),
        ("a signed length", b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\n{}"),
        (
            "a length and chunks",
            b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunks of no size",
            b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ),
        ("a huge header", huge.as_bytes()),
        ("many headers", many.as_bytes()),
        ("a long path", long.as_bytes()),
    ];
    for (what, bytes) in requests {
        let answer = app.raw_ended(bytes).await;
        assert!(matches!(status(&answer), 0 | 400..=499), "{what}: {answer}");
        assert!(!answer.contains("panicked") && !answer.contains("src/"), "{what}: {answer}");
    }
    app.anybody().get("/livez").await.is(200);
}

#[actix_web::test]
async fn a_length_that_lies_is_no_request() {
    let mut app = TestApp::new();
    app.start().await;
    let bearer = bearer(&app).await;
    let head = |length: usize| {
        format!(
            "POST /api/v1/blocked-buyers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{bearer}\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    let body = block("2200000000777").to_string();
    // The client says more than it sends, and goes.
    let short = app.raw_ended(format!("{}{body}", head(body.len() + 40))).await;
    assert!(matches!(status(&short), 0 | 400), "{short}");
    // It sends more than it says: the rest is no part of the body, and no request either.
    let long = app.raw_ended(format!("{}{body} and more\r\n\r\n", head(body.len()))).await;
    assert_eq!(status(&long), 201, "{long}");
    assert!(long.matches("HTTP/1.1 ").count() <= 2 && !long.contains("200 OK"), "{long}");
    let listed = app.signed_in("seller").await.get("/api/v1/blocked-buyers").await.is(200).json();
    assert_eq!(listed["total"], 1);
}

#[actix_web::test]
async fn a_client_that_dawdles_over_its_head_or_its_body_is_cut_off() {
    let mut app = TestApp::with(|settings| settings.server.client_timeout = IMPATIENCE);
    app.start().await;
    let started = Instant::now();
    let answer = app.raw("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await;
    assert!(matches!(status(&answer), 0 | 408), "{answer}");
    assert!(started.elapsed() >= IMPATIENCE, "not before its time");
    let head = "POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let answer = app.raw(head).await;
    assert_eq!((status(&answer), body(&answer).contains("body_too_slow")), (408, true), "{answer}");
}

/// Nobody else writes into the database while this lives.
fn lock(app: &TestApp) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(&app.settings().database_url()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").unwrap();
    conn
}

/// Asks until the only place is taken.
async fn until_busy(api: &Api) {
    loop {
        let answer = api.get("/api/v1/blocked-buyers").await;
        if answer.status == 200 {
            continue;
        }
        let answer = answer.refused(503, "overloaded");
        assert_eq!(answer.header("retry-after"), Some("2"));
        return;
    }
}

#[actix_web::test]
async fn a_request_that_finds_no_free_place_is_told_to_come_back() {
    let mut app = TestApp::with(|settings| settings.server.requests = 1);
    app.start().await;
    let (slow, other) = (app.signed_in("seller").await, app.signed_in("seller").await);
    let mut conn = lock(&app);
    let held = actix_web::rt::spawn(async move { slow.post("/api/v1/blocked-buyers", &block("1")).await });
    until_busy(&other).await;
    // Whether the server is well can be asked at any time; it says that the database cannot be written.
    assert_eq!(app.anybody().get("/health").await.json()["services"]["registry"], "ok");
    conn.batch_execute("ROLLBACK").unwrap();
    held.await.unwrap().is(201);
    other.get("/api/v1/blocked-buyers").await.is(200);
}

/// R14: a shutdown takes no new requests and lets the running ones end.
#[actix_web::test]
async fn r14_a_shutdown_lets_a_running_request_finish() {
    let mut app = TestApp::with(|settings| settings.server.requests = 1);
    app.start().await;
    let (slow, other) = (app.signed_in("seller").await, app.signed_in("seller").await);
    let address = app.addr();
    let mut conn = lock(&app);
    let running = actix_web::rt::spawn(async move { slow.post("/api/v1/blocked-buyers", &block("1")).await });
    until_busy(&other).await;
    let finish = async {
        while TcpStream::connect(address).is_ok() {
            // No event tells that the door is closed.
            actix_web::rt::time::sleep(LOOK).await;
        }
        conn.batch_execute("ROLLBACK").unwrap();
        running.await.unwrap().is(201);
    };
    futures_util::join!(app.stop(), finish);
}

/// A shard's arbiter is never held up by an HTTP request: each has its thread, and HTTP has its own.
#[actix_web::test]
async fn http_has_threads_of_its_own_beside_the_shards() {
    let mut shop = Shop::with_accounts(1);
    shop.set("server.shards", "2");
    let server = shop.serve_registered().await;
    let tasks = format!("/proc/{}/task", server.pid().as_raw_nonzero());
    let names = std::fs::read_dir(tasks).unwrap().filter_map(|task| {
        // A thread may end in between.
        std::fs::read_to_string(task.unwrap().path().join("comm")).ok()
    });
    let names: Vec<String> = names.collect();
    let arbiters = names.iter().filter(|name| name.starts_with("actix-rt|system")).count();
    assert!(arbiters > 2, "two shards and HTTP: {names:?}");
}
