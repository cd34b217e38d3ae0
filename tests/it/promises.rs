//! What the predecessor got wrong as a whole, and what therefore must not be found here at all.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use yutang::{
    telemetry::logging::{self, LogQuery, Visible},
    web::{ROUTES, forms::DO, openapi},
};

use crate::{client::PASSWORD, harness::TestApp};

const ITEM: &str = "900000000001";

fn document() -> Value {
    serde_json::to_value(openapi::document()).unwrap()
}

/// Every name of a field or a parameter that a request may carry.
fn input_names() -> BTreeSet<String> {
    let document = document();
    let mut names = BTreeSet::new();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    for operation in operations {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        names.extend(parameters.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)));
        let body = operation.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
        if let Some(schema) = body.and_then(|pointer| document.pointer(pointer.trim_start_matches('#'))) {
            names.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
        }
    }
    names
}

/// S5, S6: requests name fields of ours and never tables, columns or owners; what they do not know is refused, not ignored.
#[actix_web::test]
async fn s5_s6_nobody_names_tables_columns_or_owners() {
    let names = input_names();
    assert!(names.contains("keyword") && names.contains("per_page"), "{names:?}");
    for forbidden in ["owner", "owner_id", "user_id", "table", "columns", "column", "rows", "sql", "query"] {
        assert!(!names.contains(forbidden), "{forbidden}");
    }
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let smuggled = json!({"keyword": "a", "actions": [], "owner_id": 1});
    let refused = seller.post("/api/v1/keywords", &smuggled).await.refused(422, "invalid_field").json();
    assert_eq!(refused["details"]["field"], "owner_id");
    seller.get("/api/v1/keywords?owner_id=1").await.refused(400, "invalid_query");
}

/// All that can be asked of the backups: that one is made, and how they stand.
const OF_BACKUPS: [(&str, &str); 2] = [("GET", "/api/v1/maintenance/backups"), ("POST", "/api/v1/maintenance/backups")];

/// S25, S26: there is no address that hands out the database, empties a table, or takes a file in place of the database.
#[test]
fn s25_s26_no_route_touches_the_database_as_a_whole() {
    let document = document();
    for route in ROUTES {
        for word in ["restore", "database", "table", "sql", "debug", "reload", "dump", "vacuum"] {
            assert!(!route.path.contains(word), "{} {}", route.method, route.path);
        }
        let path = route.path.to_lowercase();
        let is_known = OF_BACKUPS.contains(&(route.method, route.path));
        assert!(is_known || !["backup", "back-up", "copies"].iter().any(|word| path.contains(word)), "{path}");
    }
    for (method, path) in OF_BACKUPS {
        assert!(ROUTES.iter().any(|route| (route.method, route.path) == (method, path)), "{method} {path}");
        let operation = &document["paths"][path][method.to_lowercase()];
        // Nothing is taken in, not even a name, and what is handed out is a description.
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let named: Vec<_> = parameters.map(|parameter| &parameter["name"]).collect();
        assert!(
            operation["requestBody"].is_null() && named.iter().all(|name| *name == "Idempotency-Key"),
            "{operation}"
        );
        let answers = operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
        for (status, answer) in answers {
            let kinds: Vec<_> = answer["content"].as_object().unwrap().keys().collect();
            assert_eq!(kinds, ["application/json"], "{method} {path} {status}");
        }
    }
}

/// The same of a server that has backups: what it says of them holds nothing of what is in them, and no file is taken from anybody.
#[actix_web::test]
async fn s25_s26_no_backup_is_handed_out_or_taken_in() {
    let mut app = TestApp::new();
    app.start().await;
    let (admin, path) = (app.signed_in("admin").await, OF_BACKUPS[0].1);
    admin.post(path, &json!({})).await.is(202);
    let view = crate::backups::ended(&admin).await;
    let name = view["copies"][0]["name"].as_str().unwrap().to_owned();
    let copy = fs::read(app.settings().backup_folder().join(&name)).unwrap();
    assert!(copy.starts_with(b"SQLite format 3"));

    for answer in [admin.get(path).await.is(200), admin.post(path, &json!({})).await.is(202)] {
        assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
        assert!(answer.header("content-disposition").is_none() && !answer.text.contains("SQLite format"));
        assert!(answer.bytes.len() < 4096 && copy.len() > 100_000, "a description is short");
    }
    crate::backups::ended(&admin).await;
    let asked = admin.get(&format!("{path}?name={name}&download=true")).await;
    assert!(!asked.text.contains("SQLite format") && asked.bytes.len() < 4096, "{}", asked.text);
    for address in [format!("{path}/{name}"), format!("/static/{name}"), format!("/{name}")] {
        let answer = admin.get(&address).await;
        assert!(answer.status == 404 && !answer.text.contains("SQLite format"), "{address}: {}", answer.status);
    }
    let before = fs::read_dir(app.settings().backup_folder()).unwrap().count();
    for kind in ["application/octet-stream", "application/vnd.sqlite3", "multipart/form-data; boundary=x"] {
        let answer = admin.send_bytes(path, kind, copy.clone()).await;
        assert!([400, 413, 415, 422].contains(&answer.status), "{kind}: {} {}", answer.status, answer.text);
    }
    admin.post(path, &json!({"name": name})).await.refused(422, "invalid_field");
    assert!(
        [404, 405].contains(&admin.delete(path).await.status)
            && [404, 405].contains(&admin.put(path, &json!({})).await.status)
    );
    assert_eq!(fs::read_dir(app.settings().backup_folder()).unwrap().count(), before, "none was begun or removed");
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "vendor") {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "js" || kind == "html") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// S10, S32, S33: no foreign service, no foreign key, nothing that decodes and runs code is built in.
#[test]
fn s10_s32_s33_nothing_foreign_is_built_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "static", "templates"] {
        sources(&root.join(folder), &mut found);
    }
    assert!(found.len() > 100);
    for (path, text) in &found {
        let lower = text.to_lowercase();
        for word in ["geetest", "eval(", "new function(", "atob(", "document.write", "innerhtml"] {
            assert!(!lower.contains(word), "{path}: {word}");
        }
    }
}

/// R12: neither building nor running it needs Node.js.
#[test]
fn r12_nothing_needs_node() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["Dockerfile", ".ci/run"] {
        let text = fs::read_to_string(root.join(file)).unwrap().to_lowercase();
        assert!(!text.contains("node") && !text.contains("npm"), "{file}");
    }
    assert!(!root.join("package.json").exists() && !root.join("build.rs").exists());
}

/// P2: every list is cut by the server, and says how much there is.
#[actix_web::test]
async fn p2_every_list_is_paged_by_the_server() {
    let document = document();
    let mut paged = 0;
    for route in ROUTES.iter().filter(|route| route.method == "GET" && !route.path.contains(".*")) {
        let operation = &document["paths"][route.path]["get"];
        let answer = operation.pointer("/responses/200/content/application~1json/schema/type");
        // A file is no list: it is taken as a whole.
        let is_bare = answer.is_some_and(|kind| kind == "array") && !route.path.ends_with("/export");
        assert!(!is_bare || !route.path.starts_with("/api/v1/"), "{} answers a bare list", route.path);
        let schema = operation.pointer("/responses/200/content/application~1json/schema/$ref").and_then(Value::as_str);
        if schema.is_some_and(|schema| schema.contains("Page_")) {
            let names: BTreeSet<_> =
                operation["parameters"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
            assert!(names.contains("page") && names.contains("per_page"), "{}", route.path);
            paged += 1;
        }
    }
    assert!(paged >= 10, "{paged}");
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    for number in 0..3 {
        seller.post("/api/v1/keywords", &json!({"keyword": format!("k{number}"), "actions": []})).await.is(201);
    }
    let page = seller.get("/api/v1/keywords?page=2&per_page=2").await.is(200).json();
    let shape = (&page["total"], &page["page"], &page["per_page"], page["items"].as_array().unwrap().len());
    assert_eq!(shape, (&json!(3), &json!(2), &json!(2), 1));
    for query in ["per_page=201", "per_page=0", "page=0", "page=x", "limit=5"] {
        seller.get(&format!("/api/v1/keywords?{query}")).await.refused(400, "invalid_query");
    }
}

/// P3, P4: a thing has one address, and what a page may call is what the document names: the table of routes makes both.
#[test]
fn p3_p4_each_thing_has_one_address_and_every_address_is_documented() {
    let canonical: Vec<_> = ROUTES.iter().filter(|route| route.path.starts_with("/api/v1/")).collect();
    let unique: BTreeSet<_> = canonical.iter().map(|route| (route.method, route.path)).collect();
    assert_eq!(unique.len(), canonical.len());
    // one list of rules, one of default replies, one of log lines, one way to change one's own password
    for (method, path) in [
        ("GET", "/api/v1/keywords"),
        ("GET", "/api/v1/default-replies"),
        ("PUT", "/api/v1/me/password"),
        ("PATCH", "/api/v1/accounts/{id}"),
    ] {
        assert!(unique.contains(&(method, path)), "{method} {path}");
    }
    let document = document();
    for route in ROUTES {
        let operation = &document["paths"][route.documented_path()][route.method.to_lowercase()];
        assert!(operation["operationId"].is_string(), "{} {}", route.method, route.path);
    }
}

/// The addresses on this server that a text has between quotes.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('"').skip(1).step_by(2);
    quoted.filter(|quoted| quoted.len() > 1 && quoted.starts_with('/') && !quoted.contains(['{', ' ']))
}

/// P4: what pages call, and where they lead, is there.
#[test]
fn p4_every_address_on_a_page_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["static/js", "templates"] {
        sources(&root.join(folder), &mut found);
    }
    let mut seen = 0;
    for (file, text) in &found {
        for address in addresses(text) {
            let path = address.split(['?', '#']).next().unwrap();
            // A form is carried to the route that stands behind this.
            let path = path.strip_prefix(DO).unwrap_or(path);
            let known = ROUTES.iter().any(|route| route.path == path) || path.starts_with("/static/");
            assert!(known, "{file}: {address}");
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}

/// T10: what an account answers about an item is not what another account answers about the same item.
#[actix_web::test]
async fn t10_a_reply_for_an_item_belongs_to_its_account() {
    let mut app = TestApp::new();
    let (ours, other) = (app.open("ours"), app.open("other"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    let new = json!({"account_id": ours.id.0, "item_ids": [ITEM], "actions": [{"text": "这是我们的"}]});
    seller.post("/api/v1/default-replies", &new).await.is(201);
    for (account, expected) in [(&ours, 1), (&other, 0)] {
        let listed = seller.get(&format!("/api/v1/default-replies?account={}", account.id)).await.is(200).json();
        assert_eq!(listed["total"], expected);
        let ask = json!({"account_id": account.id.0, "item_id": ITEM, "steps": [{"says": ["?"]}]});
        let played = seller.post("/api/v1/sandbox", &ask).await.is(200).json();
        assert_eq!(played["scenes"][0]["reason"], if expected == 1 { "item_default" } else { "no_rule" });
    }
}

/// Everything below a folder, as bytes.
fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(if path.is_dir() { bytes_below(&path) } else { fs::read(path).unwrap() });
    }
    bytes
}

/// S15, S16: secrets are sealed on the disk, and stand in no answer and no log line.
#[actix_web::test]
async fn s15_s16_a_planted_secret_is_neither_on_the_disk_nor_in_an_answer_nor_in_the_log() {
    logging::init(&yutang::settings::Settings::default().log);
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    let (seller, admin) = (app.signed_in("seller").await, app.signed_in("admin").await);
    let planted = "PLANTED5ecret";
    let cookie = format!("unb=2200000009999; cookie2={planted}; _m_h5_tk={planted}_1");
    let made = seller.post("/api/v1/accounts", &json!({"name": "planted", "cookie": cookie})).await.is(201);
    let twin = seller
        .post("/api/v1/accounts", &json!({"name": "twin", "cookie": cookie}))
        .await
        .refused(409, "platform_user_taken");
    let smtp = json!({"smtp": {"host": "mail.example.invalid", "port": 25, "username": "u", "password": planted,
        "from": "a@example.invalid", "security": "starttls"}});
    let settings = admin.patch("/api/v1/settings", &smtp).await.is(200);
    let token = seller.post("/api/v1/tokens", &json!({"name": "t", "access": "read"})).await.is(201).json();
    let token = token["token"].as_str().unwrap().to_owned();
    let mut answers = vec![made.text, twin.text, settings.text];
    for path in [
        "/api/v1/accounts",
        "/cookies/list",
        "/api/v1/audit",
        "/api/v1/tokens",
        "/api/v1/sessions",
        &format!("/api/v1/accounts/{}", shop.id),
    ] {
        answers.push(seller.get(path).await.is(200).text);
    }
    for path in ["/api/v1/settings", "/api/v1/audit", "/api/v1/users"] {
        answers.push(admin.get(path).await.is(200).text);
    }
    let stored = String::from_utf8_lossy(&bytes_below(&app.settings().data_dir)).into_owned();
    assert!(stored.contains("planted") && stored.contains("mail.example.invalid"), "the files were not looked at");
    let lines = logging::ring().query(&LogQuery { limit: 100_000, ..LogQuery::new(Visible::Everything) });
    let lines = serde_json::to_string(&lines.iter().map(|line| &**line).collect::<Vec<_>>()).unwrap();
    assert!(lines.contains("/api/v1/accounts"), "requests are in the log");
    for secret in [planted, PASSWORD, &*token] {
        assert!(answers.iter().all(|answer| !answer.contains(secret)), "{secret} is in an answer");
        assert!(!stored.contains(secret), "{secret} is on the disk");
        assert!(!lines.contains(secret), "{secret} is in the log");
    }
}
