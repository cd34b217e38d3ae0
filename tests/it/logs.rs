//! The log over HTTP: whose lines are seen, the files, the level.

use log::{debug, error, info, warn};
use serde_json::{Value, json};
use yutang::{access::role::Role, telemetry::logging};

use crate::harness::{Shop, TestApp, alone};

/// Nothing of a request's path is logged, nor what was sent as a secret.
const PLANTED: &str = "pl4nted-s3cret";

/// A server whose log has a line of its seller's, of a rival's, and of nobody.
async fn told() -> (TestApp, Shop, Shop) {
    let mut app = TestApp::new();
    let rival = app.person("rival", Role::Owner);
    let (shop, theirs) = (app.open("shop"), app.open_for(rival, "theirs"));
    logging::init(&app.settings().log);
    logging::set_level("info").unwrap();
    app.start().await;
    warn!(target: "yutang::test", "account.id" = shop.id.0, class = "network", detail = "Ärger"; "own line");
    info!(target: "yutang::test", "account.id" = theirs.id.0; "another's line");
    error!(target: "yutang::test", class = "database", token = PLANTED; "nobody's line");
    info!(target: "yutang::test::deeper", "account.id" = shop.id.0, cookie = PLANTED; "cookie2={PLANTED}; x=1");
    (app, shop, theirs)
}

fn messages(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect()
}

/// S17: there, every user read the whole system's log.
#[actix_web::test]
async fn s17_a_tenant_reads_lines_of_their_own_accounts_and_an_administrator_all() {
    if !alone() {
        return;
    }
    let (app, shop, theirs) = told().await;
    let seller = app.signed_in("seller").await;
    let lines = seller.get("/api/v1/logs?limit=1000").await.is(200).json();
    assert!(messages(&lines).contains(&"own line"));
    assert!(lines["items"].as_array().unwrap().iter().all(|line| line["account_id"] == shop.id.0));
    for question in [format!("account={}", theirs.id), "q=another".into(), "q=nobody".into(), "class=database".into()] {
        let lines = seller.get(&format!("/api/v1/logs?{question}")).await.is(200).json();
        assert_eq!(messages(&lines), [""; 0], "{question}");
    }
    let rival = app.signed_in("rival").await;
    let lines = rival.get("/api/v1/logs?target=yutang::test").await.is(200).json();
    assert_eq!(messages(&lines), ["another's line"]);
    let admin = app.signed_in("admin").await;
    let lines = admin.get("/api/v1/logs?target=yutang::test&limit=3").await.is(200).json();
    assert_eq!(messages(&lines)[1..], ["nobody's line", "another's line"]);
    let (of_admin, of_seller) =
        (admin.get("/api/v1/logs/stats").await.is(200).json(), seller.get("/api/v1/logs/stats").await.is(200).json());
    assert_eq!((&of_seller["classes"]["network"], &of_seller["classes"]["database"]), (&json!(1), &Value::Null));
    assert_eq!(of_admin["classes"]["database"], 1);
    assert!(of_admin["total"].as_u64() > of_seller["total"].as_u64());
    assert_eq!((&of_admin["lost_lines"], &of_seller["lost_lines"]), (&json!(0), &Value::Null));
}

#[actix_web::test]
async fn lines_are_found_by_each_filter() {
    if !alone() {
        return;
    }
    let (app, shop, _) = told().await;
    let admin = app.signed_in("admin").await;
    let own = admin.get("/api/v1/logs?q=own%20line").await.is(200).json()["items"][0].clone();
    for (question, expected) in [
        ("level=error".to_owned(), "nobody's line"),
        ("level=warn&class=network".into(), "own line"),
        (format!("account={}&level=warn", shop.id), "own line"),
        ("q=%C3%A4RGER".into(), "own line"),
        ("target=yutang::test::d".into(), "cookie2=***; x=1"),
        (format!("since={}&target=yutang::test&level=warn", own["at"]), "nobody's line"),
    ] {
        let lines = admin.get(&format!("/api/v1/logs?{question}")).await.is(200).json();
        let first = messages(&lines)[0].to_owned();
        assert!(first == expected || expected.contains("***") && !first.contains(PLANTED), "{question}: {first}");
    }
    assert_eq!(
        (&own["level"], &own["class"], &own["fields"]["detail"]),
        (&json!("warn"), &json!("network"), &json!("Ärger"))
    );
    for bad in ["limit=0", "limit=1001", "level=loud", "class=weather", "account=0", "since=-1", "page=1", "q="] {
        admin.get(&format!("/api/v1/logs?{bad}")).await.refused(400, "invalid_query");
    }
}

/// Whoever has a request's number finds its line, which tells of the path only what is the same for everybody.
#[actix_web::test]
async fn a_request_has_one_line_with_its_number_its_template_and_who_asked() {
    if !alone() {
        return;
    }
    let (app, shop, _) = told().await;
    let asked = app.signed_in("seller").await.with("x-request-id", "request-of-the-test");
    let answer = asked.get(&format!("/api/v1/accounts/{}", shop.id)).await.is(200);
    assert_eq!(answer.header("x-request-id"), Some("request-of-the-test"));
    let strange = app.anybody().with("x-request-id", "request-of-a-stranger");
    strange.get(&format!("/api/v1/accounts/{}?cookie={PLANTED}", shop.id)).await.is(401);

    let admin = app.signed_in("admin").await;
    let lines = admin.get("/api/v1/logs?target=yutang::web::requests&limit=1000").await.is(200).json();
    let of = |request: &str| {
        let lines = lines["items"].as_array().unwrap().iter().filter(|line| line["request_id"] == request);
        let lines: Vec<&Value> = lines.collect();
        assert_eq!(lines.len(), 1, "{request}: {lines:?}");
        lines[0].clone()
    };
    let line = of("request-of-the-test");
    assert_eq!((&line["level"], &line["user_id"]), (&json!("info"), &json!(app.user("seller").0)));
    let mut fields = line["fields"].clone();
    let took = fields["duration_ms"].take();
    assert!(took.as_u64().is_some_and(|ms| ms < 30_000), "{line}");
    let path = "/api/v1/accounts/{id}";
    let expected = json!({"method": "GET", "path": path, "status": 200, "duration_ms": null, "address": "127.0.0.1"});
    assert_eq!(fields, expected);

    let line = of("request-of-a-stranger");
    assert_eq!(
        (&line["user_id"], &line["fields"]["path"], &line["fields"]["status"]),
        (&Value::Null, &json!(path), &json!(401))
    );
}

/// S21, S37: a file is fetched with the same credentials as everything else, by a name from the list and by no other.
#[actix_web::test]
async fn s21_s37_log_files_are_listed_and_fetched_by_administrators() {
    if !alone() {
        return;
    }
    let (app, ..) = told().await;
    log::logger().flush();
    let admin = app.signed_in("admin").await;
    let files = admin.get("/api/v1/logs/files").await.is(200).json();
    let (name, bytes) = (files["items"][0]["name"].as_str().unwrap(), files["items"][0]["bytes"].as_u64().unwrap());
    let path = format!("/api/v1/logs/files/{name}");
    let file = admin.get(&path).await.is(200);
    assert_eq!(file.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(file.header("content-disposition"), Some(&*format!("attachment; filename=\"{name}\"")));
    assert!(file.text.len() as u64 >= bytes && file.text.contains("nobody's line") && !file.text.contains(PLANTED));
    let audit = admin.get("/api/v1/audit?action=log_file.download").await.is(200).json();
    assert_eq!((&audit["total"], &audit["items"][0]["object_id"]), (&json!(1), &json!(name)));

    for name in ["..%2Fkey", "..%2Fyutang.db", "yutang-1999-01-01.0.log", "%2Fetc%2Fpasswd", "key", "%00", "*"] {
        admin.get(&format!("/api/v1/logs/files/{name}")).await.refused(404, "not_found");
    }
    for (name, status, code) in [("seller", 403, "forbidden"), ("nobody", 401, "not_signed_in")] {
        let api = if name == "nobody" { app.anybody() } else { app.signed_in(name).await };
        for path in ["/api/v1/logs/files", &*path, "/api/v1/logs/level"] {
            api.get(path).await.refused(status, code);
        }
    }
    let seller = app.signed_in("seller").await;
    seller.put("/api/v1/logs/level", &json!({"level": "debug"})).await.refused(403, "forbidden");
}

/// S21: a file of many pieces arrives whole.
#[actix_web::test]
async fn s21_a_long_file_arrives_whole() {
    if !alone() {
        return;
    }
    let (app, ..) = told().await;
    for number in 0..3000 {
        info!(target: "yutang::test", "{number:08} {}", "x".repeat(200));
    }
    log::logger().flush();
    let admin = app.signed_in("admin").await;
    let files = admin.get("/api/v1/logs/files").await.is(200).json();
    let file = admin.get(&format!("/api/v1/logs/files/{}", files["items"][0]["name"].as_str().unwrap())).await.is(200);
    assert!(file.text.len() > 600_000 && file.text.ends_with('\n'));
    let numbers = file.text.lines().filter_map(|line| line.split_once("yutang::test 0")).count();
    assert_eq!(numbers, 3000);
}

#[actix_web::test]
async fn the_level_changes_at_once_and_is_written_down() {
    if !alone() {
        return;
    }
    let (app, ..) = told().await;
    let admin = app.signed_in("admin").await;
    let configured = app.settings().log.level.clone();
    debug!(target: "yutang::test", "too quiet");
    let set = admin.put("/api/v1/logs/level", &json!({"level": "info,yutang::test=debug"})).await.is(200).json();
    assert_eq!(set, json!({"level": "info,yutang::test=debug", "configured": configured}));
    assert_eq!(admin.get("/api/v1/logs/level").await.is(200).json(), set);
    debug!(target: "yutang::test", "loud enough");
    let lines = admin.get("/api/v1/logs?target=yutang::test&level=debug").await.is(200).json();
    assert!(messages(&lines).contains(&"loud enough") && !messages(&lines).contains(&"too quiet"));
    for level in ["loud", "info,,", "yutang=loud"] {
        let refused = admin.put("/api/v1/logs/level", &json!({"level": level})).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), "level");
    }
    let audit = admin.get("/api/v1/audit?action=log_level.update").await.is(200).json();
    assert_eq!(audit["total"], 1);
    assert_eq!(audit["items"][0]["before"]["level"], "info");
    assert_eq!(audit["items"][0]["after"]["level"], "info,yutang::test=debug");
}

/// S17: older clients read it at their own address, and see as little.
#[actix_web::test]
async fn s17_older_clients_get_the_shape_they_know() {
    if !alone() {
        return;
    }
    let (app, ..) = told().await;
    let seller = app.signed_in("seller").await;
    let mut list = seller.get("/logs?lines=1&level=warn&source=yutang::test").await.is(200).json();
    assert!(list["logs"][0]["timestamp"].as_str().is_some_and(|at| at.len() == 24 && at.ends_with('Z')));
    list["logs"][0]["timestamp"] = "2026-11-26T14:03:00.000Z".into();
    insta::assert_json_snapshot!(list, @r#"
    {
      "success": true,
      "logs": [
        {
          "timestamp": "2026-11-26T14:03:00.000Z",
          "level": "WARN",
          "source": "yutang::test",
          "message": "own line"
        }
      ]
    }
    "#);
    app.anybody().get("/logs").await.refused(401, "not_signed_in");
}

#[actix_web::test]
async fn no_secret_that_was_logged_is_answered() {
    if !alone() {
        return;
    }
    let (app, ..) = told().await;
    let admin = app.signed_in("admin").await;
    for path in ["/api/v1/logs?limit=1000", "/api/v1/logs/stats", "/logs?lines=1000"] {
        assert!(!admin.get(path).await.is(200).text.contains(PLANTED), "{path}");
    }
    let found = admin.get(&format!("/api/v1/logs?q={PLANTED}")).await.is(200).json();
    assert_eq!(messages(&found), [""; 0]);
}
