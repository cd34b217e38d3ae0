//! The API from outside: what everybody meets before and behind the gate.

use awc::http::Method;
use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    web::{ROUTES, Route, gate::Access},
};

use crate::{access_table::fill_any, client::PASSWORD, harness::TestApp};

#[actix_web::test]
async fn somebody_signs_in_looks_around_and_signs_out() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let me = seller.get("/api/v1/sessions/current").await.is(200).json();
    assert_eq!((&me["user"]["name"], &me["user"]["role"]), (&json!("seller"), &json!("owner")));

    let block = json!({"buyer_id": "2200000000777", "note": "吵"});
    let made = seller.post("/api/v1/blocked-buyers", &block).await.is(201).json();
    let listed = seller.get("/api/v1/blocked-buyers?page=1&per_page=10").await.is(200).json();
    assert_eq!((&listed["items"][0], &listed["total"]), (&made, &json!(1)));
    seller.delete(&format!("/api/v1/blocked-buyers/{}", made["id"])).await.is(204);

    let audit = seller.get("/api/v1/audit").await.is(200).json();
    let actions: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["blocked_buyer.delete", "blocked_buyer.create", "session.create"]);

    seller.delete("/api/v1/sessions/current").await.is(204);
    let refused = seller.get("/api/v1/sessions/current").await.refused(401, "not_signed_in");
    let wrong = json!({"username": "seller", "password": "wrong horse battery"});
    let at_door = app.anybody().post("/api/v1/sessions", &wrong).await.refused(401, "wrong_login");
    for told in [refused, at_door] {
        assert_eq!(told.header("www-authenticate"), Some("Bearer realm=\"yutang\""));
    }
}

/// S1: there is no default password; the first administrator comes in by a link that works once.
#[actix_web::test]
async fn s1_until_it_is_set_up_nothing_but_setup_and_health_answers() {
    let mut app = TestApp::without_admin();
    app.start().await;
    let anybody = app.anybody();
    let health = anybody.get("/health").await;
    assert!(health.json()["services"].is_object(), "{}", health.text);
    anybody.get("/setup?token=guess").await.is(404);
    for name in ["admin", "seller"] {
        let sign_in = json!({"username": name, "password": PASSWORD});
        anybody.post("/api/v1/sessions", &sign_in).await.refused(503, "setup_required");
    }
    anybody.get("/api/v1/audit").await.refused(503, "setup_required");
    let guess = json!({"token": "guess", "username": "root", "password": PASSWORD});
    anybody.post("/api/v1/setup", &guess).await.refused(404, "setup_done");
    let like_an_address = json!({"token": "guess", "username": "root@example.com", "password": PASSWORD});
    let refused = anybody.post("/api/v1/setup", &like_an_address).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "username");
}

/// S1: before the first administrator every door is closed, whatever is asked; none is forgotten when a route is added.
#[actix_web::test]
async fn s1_until_it_is_set_up_every_route_but_the_open_ones_says_so() {
    let mut app = TestApp::without_admin();
    app.start().await;
    let anybody = app.anybody();
    for route in ROUTES {
        let answer = anybody.send(route.method.parse().unwrap(), &fill_any(route.path), None).await;
        let is_closed = answer.status == 503 && answer.text.contains("\"setup_required\"");
        assert_eq!(is_closed, route.access != Access::Open, "{} {}: {answer:?}", route.method, route.path);
    }
}

#[actix_web::test]
async fn a_post_repeated_with_its_key_is_done_once() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await.with("idempotency-key", "a-key");
    let block = json!({"buyer_id": "2200000000777"});
    let first = seller.post("/api/v1/blocked-buyers", &block).await.is(201);
    let again = seller.post("/api/v1/blocked-buyers", &block).await.is(201);
    assert_eq!(first.text, again.text);
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
    let other = json!({"buyer_id": "2200000000778"});
    let reused = seller.post("/api/v1/blocked-buyers", &other).await.refused(422, "idempotency_key_reused");
    assert_eq!(reused.field(), "Idempotency-Key");
    let seller = seller.with("idempotency-key", "another");
    seller.post("/api/v1/blocked-buyers", &block).await.refused(409, "conflict");
    seller.post("/api/v1/blocked-buyers", &other).await.is(201);
}

/// A kept answer is for the credential that asked, holds no secret that is shown once, and has its ETag.
#[actix_web::test]
async fn a_kept_answer_shows_no_secret_and_goes_to_nobody_else() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await.with("idempotency-key", "a-key");
    let new = json!({"name": "t", "access": "write"});
    let made = seller.post("/api/v1/tokens", &new).await.is(201).json();
    seller.post("/api/v1/tokens", &new).await.refused(409, "wrong_state");
    assert_eq!(seller.get("/api/v1/tokens").await.is(200).json()["total"], 1);

    let (seller, block) = (seller.with("idempotency-key", "another"), json!({"buyer_id": "2200000000777"}));
    seller.post("/api/v1/blocked-buyers", &block).await.is(201);
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let program = app.anybody().with("authorization", &bearer).with("idempotency-key", "another");
    program.post("/api/v1/blocked-buyers", &block).await.refused(422, "idempotency_key_reused");

    let (seller, helper) =
        (seller.with("idempotency-key", "a-third"), json!({"name": "helper", "password": PASSWORD, "role": "viewer"}));
    let first = seller.post("/api/v1/employees", &helper).await.is(201);
    let again = seller.post("/api/v1/employees", &helper).await.is(201);
    assert!(first.header("etag").is_some());
    assert_eq!((first.header("etag"), &first.text), (again.header("etag"), &again.text));
}

/// Whoever only looks does nothing twice: no answer of theirs is kept, however many keys they think of.
#[actix_web::test]
async fn a_look_takes_no_key() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    let seller = app.signed_in("seller").await.with("idempotency-key", "a-key");
    let ask = json!({"account_id": shop.id, "steps": [{"says": ["在吗"]}]});
    for _ in 0..2 {
        let answer = seller.post("/api/v1/sandbox", &ask).await.is(200);
        assert_eq!(answer.header("idempotency-replayed"), None);
    }
    let ticket = async || seller.post("/api/v1/live/tickets", &json!({})).await.is(201).json()["ticket"].clone();
    assert_ne!(ticket().await, ticket().await);
}

/// P1: what failed is told by the status, in one shape.
#[actix_web::test]
async fn p1_every_refusal_has_the_same_shape_in_the_readers_language() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let refused = seller.post("/api/v1/blocked-buyers", &json!({"buyer_id": ""})).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "buyer_id");
    assert_eq!(refused.header("content-language"), Some("en"));
    let seller = seller.with("accept-language", "zh-CN,zh;q=0.9,en;q=0.8");
    let refused = seller.post("/api/v1/blocked-buyers", &json!({"buyer_id": ""})).await.refused(422, "invalid_field");
    assert_eq!(refused.json()["message"], "请求中有字段不符合要求。");
    seller.get("/api/v1/nothing").await.refused(404, "not_found");
    let refused = seller.patch("/api/v1/blocked-buyers", &json!({})).await.refused(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), Some("GET, POST, HEAD, OPTIONS"));
    assert!(refused.header("x-request-id").is_some_and(|id| id.len() == 32));
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
}

/// What is said in a body that nobody reads would be taken for heeded: `{"minutes": 5}` for a pause of five minutes.
#[actix_web::test]
async fn a_request_without_a_body_refuses_one() {
    let mut app = TestApp::new();
    app.start().await;
    let admin = app.signed_in("admin").await;
    let document = admin.get("/api-docs/openapi.json").await.is(200).json();
    let takes_none =
        |route: &&Route| route.method == "POST" && document["paths"][route.path]["post"].get("requestBody").is_none();
    let mut asked = Vec::new();
    for route in ROUTES.iter().filter(takes_none) {
        let keyed = ["/outbox/", "/conversations/", "/orders/"].iter().any(|part| route.path.contains(part));
        let path = match route.path {
            path if keyed => path.replace("{id}", "1.1"),
            path if path.contains("/challenges/") => path.replace("{id}", &"0".repeat(64)),
            path => fill_any(path),
        };
        let refused = admin.post(&path, &json!({"minutes": 5})).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), "minutes", "{path}");
        let garbage = admin.request(Method::POST, &path).send_body("garbage").await.unwrap();
        assert_eq!(garbage.status().as_u16(), 422, "{path}");
        asked.push(route.path);
    }
    assert!(asked.contains(&"/api/v1/accounts/{id}/pause") && asked.contains(&"/logout"), "{asked:?}");
    // Nothing of it was done: whoever asked is still signed in. Without a body it is done, and with an empty one.
    admin.get("/api/v1/me").await.is(200);
    admin.send(Method::POST, "/api/v1/live/tickets", None).await.is(201);
    admin.post("/api/v1/live/tickets", &json!({})).await.is(201);
}

/// The fields of a body that the document knows no `null` for, each in the body that says it: `smtp.host` is `{"smtp": {"host": null}}`.
fn never_null(document: &Value, schema: &Value) -> Vec<(String, Value)> {
    let follow = |schema: &Value| match schema["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')).unwrap().clone(),
        None => schema.clone(),
    };
    let mut found = Vec::new();
    for (name, schema) in follow(schema)["properties"].as_object().unwrap() {
        let schema = follow(schema);
        let choices = schema["oneOf"].as_array().cloned().unwrap_or_default();
        let is_null =
            |kind: &Value| kind == "null" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
        if !is_null(&schema["type"]) && !choices.iter().any(|choice| is_null(&choice["type"])) {
            found.push((name.clone(), json!({name: null})));
        }
        for inner in choices.iter().chain([&schema]).filter(|one| follow(one)["properties"].is_object()) {
            let inner = never_null(document, inner).into_iter();
            found.extend(inner.map(|(field, body)| (format!("{name}.{field}"), json!({name: body}))));
        }
    }
    found
}

/// P9: `null` that sets nothing back is refused, and not taken for "leave it".
#[actix_web::test]
async fn p9_a_patch_refuses_null_where_it_means_nothing() {
    let mut app = TestApp::new();
    app.start().await;
    let admin = app.signed_in("admin").await;
    let document = admin.get("/api-docs/openapi.json").await.is(200).json();
    let mut asked = Vec::new();
    for route in ROUTES.iter().filter(|route| route.method == "PATCH") {
        let operation = &document["paths"][route.path]["patch"];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        for (field, body) in never_null(&document, schema) {
            let refused = admin.patch(&fill_any(route.path), &body).await.refused(422, "invalid_field");
            assert_eq!(refused.field(), field, "{} {body}", route.path);
            asked.push(field);
        }
    }
    for field in ["priority", "match", "name", "role", "registration.enabled", "smtp.port", "retention.logs_days"] {
        assert!(asked.contains(&field.to_owned()), "{field} is not in {asked:?}");
    }
    for field in ["debounce_ms", "email", "smtp", "smtp.password"] {
        assert!(!asked.contains(&field.to_owned()), "{field} may be taken away");
    }
}

/// As the document says it: a filter for what is not there finds nothing, which is no refusal.
#[actix_web::test]
async fn a_list_of_an_unknown_account_is_empty() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let document = seller.get("/api-docs/openapi.json").await.is(200).json();
    let mut asked = 0;
    let is_list = |path: &str| !path.contains('{') && path != "/app/accounts/new";
    for route in ROUTES.iter().filter(|route| route.method == "GET" && is_list(route.path)) {
        let operation = &document["paths"][route.path]["get"];
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        if parameters.into_iter().all(|parameter| parameter["name"] != "account") {
            continue;
        }
        seller.get(&format!("{}?account=9999", route.path)).await.is(200);
        assert!(operation["responses"].get("404").is_none(), "{}", route.path);
        asked += 1;
    }
    assert!(asked >= 6, "{asked}");
}

#[actix_web::test]
async fn a_viewer_looks_and_changes_nothing() {
    let mut app = TestApp::new();
    app.person("watcher", Role::Viewer);
    app.start().await;
    let watcher = app.signed_in("watcher").await;
    watcher.get("/api/v1/blocked-buyers").await.is(200);
    watcher.post("/api/v1/blocked-buyers", &json!({"buyer_id": "1"})).await.refused(403, "forbidden");
    watcher.get("/api/v1/audit").await.refused(403, "forbidden");
}
