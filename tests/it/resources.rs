//! The resources of the API against a running engine and a simulated platform.

use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    account::state::{Reason, State},
    outbox::entry::State as SendState,
};

use crate::{
    client::{Answer, Api},
    harness::{PATIENCE, Shop, TestApp, contains, verified_shop},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

fn cookie(app: &TestApp, name: &str) -> String {
    let side = app.platform().add_account(name);
    app.platform().cookies(&side)
}

async fn started() -> (TestApp, Api) {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    (app, seller)
}

#[actix_web::test]
async fn an_account_is_added_by_its_cookie_and_the_answer_says_what_became_of_the_connection() {
    let (app, seller) = started().await;
    let added = seller.post("/cookies/add", &json!({"id": "小店", "value": cookie(&app, "小店")})).await.is(201).json();
    assert_eq!((&added["success"], &added["status"]["state"]), (&json!(true), &json!("connected")), "{added}");
    let id = added["id"].as_i64().unwrap();
    let shown = seller.get(&format!("/api/v1/accounts/{id}")).await.is(200).json();
    assert_eq!((&shown["name"], &shown["enabled"]), (&json!("小店"), &json!(true)));
    assert!(shown["credentials"]["hint"].as_str().unwrap().starts_with('…'));
    let snapshot = seller.get(&format!("/api/v1/accounts/{id}/snapshot")).await.is(200).json();
    assert_eq!(snapshot["status"]["state"], "connected");

    let expired = cookie(&app, "expired");
    app.platform().account(&uid(&expired)).unwrap().expire_login();
    let failed = seller.post("/cookies/add", &json!({"id": "expired", "value": expired})).await.is(201).json();
    assert_eq!((&failed["success"], &failed["status"]["state"]), (&json!(false), &json!("failed")), "{failed}");
    assert!(failed["status"]["action"].is_string());
}

fn uid(cookie: &str) -> String {
    cookie.split("unb=").nth(1).unwrap().split(';').next().unwrap().to_owned()
}

/// T7, S36: the same seller twice, also under another owner, is one clear refusal that tells nobody whose it is.
#[actix_web::test]
async fn t7_a_platform_user_belongs_to_one_account() {
    let mut app = TestApp::new();
    app.person("rival", Role::Owner);
    app.start().await;
    let (seller, rival) = (app.signed_in("seller").await, app.signed_in("rival").await);
    let cookie = cookie(&app, "shop");
    let body = json!({"name": "shop", "cookie": cookie});
    let id = seller.post("/api/v1/accounts", &body).await.is(201).json()["id"].clone();
    let mine = seller.post("/api/v1/accounts", &json!({"name": "twin", "cookie": cookie})).await;
    let theirs = rival.post("/api/v1/accounts", &json!({"name": "theirs", "cookie": cookie})).await;
    for refused in [mine, theirs] {
        assert_eq!(refused.refused(409, "platform_user_taken").json()["details"], json!({"field": "cookie"}));
    }
    let other = self::cookie(&app, "another");
    let path = format!("/api/v1/accounts/{id}/credentials");
    seller.put(&path, &json!({"cookie": other})).await.refused(409, "platform_user_differs");
    for (bad, problem) in
        [("x=1", "unb and cookie2"), ("unb=1; a=2", "cookie2"), ("unb=abc; cookie2=x", "not a number")]
    {
        let refused = seller.put(&path, &json!({"cookie": bad})).await.refused(422, "invalid_field").json();
        assert!(refused["details"]["problem"].as_str().unwrap().contains(problem), "{refused}");
    }
}

#[actix_web::test]
async fn a_cookie_may_be_pasted_in_the_forms_in_which_people_have_it() {
    let (app, seller) = started().await;
    for (form, name) in ["curl", "export", "file"].into_iter().zip(["a", "b", "c"]) {
        let cookie = cookie(&app, name);
        let pairs = cookie.split("; ").filter_map(|pair| pair.split_once('='));
        let pasted = match form {
            "curl" => format!("curl 'https://www.example.invalid/' \\\n  -H 'accept: */*' \\\n  -b '{cookie}'"),
            "export" => pairs.map(|(name, value)| json!({"name": name, "value": value})).collect::<Value>().to_string(),
            _ => pairs.map(|(name, value)| format!(".goofish.com\tTRUE\t/\tTRUE\t0\t{name}\t{value}\n")).collect(),
        };
        let made = seller.post("/api/v1/accounts", &json!({"name": name, "cookie": pasted})).await.is(201).json();
        let uid = &app.platform().account(name).unwrap().uid;
        assert_eq!(made["platform_uid"], uid.as_str(), "{form}");
        assert!(app.platform().account(name).unwrap().await_registered(1, PATIENCE).await, "{form}");
    }
    let lacking = json!({"name": "d", "cookie": r#"[{"name":"unb","value":"1"}]"#});
    let said = async |language: &str| {
        let caller = app.signed_in("seller").await.with("accept-language", language);
        let refused = caller.post("/api/v1/accounts", &lacking).await.refused(422, "invalid_field").json();
        refused["details"]["problem"].as_str().unwrap().to_owned()
    };
    let zh = "Cookie 缺少 cookie2：请从已登录的浏览器中复制（按浏览器插件导出的 JSON 识别）";
    assert_eq!(said("zh").await, zh);
    assert!(said("en").await.ends_with("(read as a browser extension's JSON)"));
}

/// P9: a partial update changes what it names, and nothing else.
#[actix_web::test]
async fn p9_a_patch_leaves_what_it_does_not_name_and_two_people_do_not_overwrite_each_other() {
    let (app, seller) = started().await;
    let made =
        seller.post("/api/v1/accounts", &json!({"name": "a", "cookie": cookie(&app, "a"), "enabled": false})).await;
    let made = made.is(201);
    let tag = made.header("etag").unwrap().to_owned();
    let path = format!("/api/v1/accounts/{}", made.json()["id"]);
    let changed = seller.patch(&path, &json!({"takeover_pause_ms": 0})).await.is(200).json();
    let of = |view: &Value| (view["enabled"].clone(), view["takeover_pause_ms"].clone(), view["name"].clone());
    assert_eq!(of(&changed), (json!(false), json!(0), json!("a")));
    let seller = seller.with("if-match", &tag);
    assert_eq!(seller.patch(&path, &json!({"name": "b"})).await.refused(412, "changed").field(), "If-Match");
    let fresh = seller.get(&path).await.header("etag").unwrap().to_owned();
    let seller = seller.with("if-match", &fresh);
    let changed = seller.patch(&path, &json!({"name": "b", "takeover_pause_ms": null})).await.is(200).json();
    assert_eq!(of(&changed), (json!(false), Value::Null, json!("b")));
}

/// P9: a stale mark changes nothing, wherever one is taken; the paths of older clients take it too.
#[actix_web::test]
async fn p9_who_saw_what_is_not_there_any_more_overwrites_nothing() {
    let (app, seller) = started().await;
    let made = async |path: &str, body: Value| seller.post(path, &body).await.is(201).json()["id"].clone();
    let keyword = made("/api/v1/keywords", json!({"keyword": "a", "actions": [{"text": "x"}]})).await;
    let default = made("/api/v1/default-replies", json!({"actions": [{"text": "x"}]})).await;
    let account = made("/api/v1/accounts", json!({"name": "a", "cookie": cookie(&app, "a"), "enabled": false})).await;
    let rule = ("once", json!(true), json!(false));
    let wait = ("takeover_pause_ms", json!(1000), json!(2000));
    for (method, path, read, (field, soon, late)) in [
        ("PATCH", format!("/api/v1/keywords/{keyword}"), format!("/api/v1/keywords/{keyword}"), &rule),
        ("PATCH", format!("/api/v1/default-replies/{default}"), format!("/api/v1/default-replies/{default}"), &rule),
        (
            "PUT",
            format!("/keywords/{keyword}"),
            format!("/api/v1/keywords/{keyword}"),
            &("priority", json!(1), json!(2)),
        ),
        ("PUT", format!("/accounts/{account}"), format!("/api/v1/accounts/{account}"), &wait),
    ] {
        let seen = seller.get(&read).await.is(200).header("etag").unwrap().to_owned();
        let change = async |tag: &str, value: &Value| {
            let seller = app.signed_in("seller").await.with("if-match", tag);
            seller.send(method.parse().unwrap(), &path, Some(&json!({*field: value}))).await
        };
        let first = change(&seen, soon).await.is(200);
        assert_eq!(change(&seen, late).await.refused(412, "changed").field(), "If-Match", "{method} {path}");
        assert_eq!(seller.get(&read).await.is(200).json()[field], *soon, "{method} {path}");
        let second = change(first.header("etag").unwrap(), late).await.is(200);
        assert_eq!(second.json()[field], *late, "{method} {path}");
    }
    let updates = ["keyword.update", "default_reply.update", "account.update"];
    for (action, count) in updates.into_iter().zip([4, 2, 2]) {
        assert_eq!(seller.audit(&format!("action={action}")).await.len(), count, "{action}");
    }
}

/// What is refused is refused whole: nothing of it is written, and the audit has no line.
#[actix_web::test]
async fn a_change_of_an_account_that_is_refused_in_part_changes_nothing() {
    let (app, seller) = started().await;
    let made = async |name: &str| {
        let new = json!({"name": name, "cookie": cookie(&app, name), "enabled": false});
        seller.post("/api/v1/accounts", &new).await.is(201).json()["id"].clone()
    };
    let (id, _) = (made("a").await, made("taken").await);
    let path = format!("/api/v1/accounts/{id}");
    let before = seller.get(&path).await.is(200).json();
    let older = format!("/accounts/{id}");
    for (method, path) in [("PATCH", &path), ("PUT", &older)] {
        let change = async |body: Value| seller.send(method.parse().unwrap(), path, Some(&body)).await;
        let waits = change(json!({"name": "b", "debounce_ms": 9000, "longest_wait_ms": 8000})).await;
        assert_eq!(waits.refused(422, "invalid_field").field(), "longest_wait_ms");
        let name = change(json!({"name": "taken", "debounce_ms": 5000, "takeover_pause_ms": 7000})).await;
        assert_eq!(name.refused(409, "name_taken").field(), "name");
    }
    assert_eq!(seller.get(&path).await.is(200).json(), before);
    assert_eq!(seller.audit("action=account.update").await, Vec::<Value>::new());
    seller.patch(&path, &json!({"name": "b", "debounce_ms": 8000, "longest_wait_ms": 9000})).await.is(200);
    let lines = seller.audit("action=account.update").await;
    assert_eq!((lines.len(), &lines[0]["before"]["name"], &lines[0]["after"]["name"]), (1, &json!("a"), &json!("b")));
}

/// What is there already, and what is not there at all, is told by the field that says so.
#[actix_web::test]
async fn a_twin_and_an_unknown_account_are_refused_by_their_field() {
    let (_app, seller) = started().await;
    for (path, body, field) in [
        ("/api/v1/keywords", json!({"keyword": "a", "actions": []}), "keyword"),
        ("/keywords", json!({"keyword": "a", "item_ids": [ITEM], "actions": []}), "keyword"),
        ("/api/v1/default-replies", json!({"actions": []}), "account_id"),
        ("/api/v1/default-replies", json!({"item_ids": [ITEM], "actions": []}), "item_ids"),
        ("/api/v1/blocked-buyers", json!({"buyer_id": BUYER}), "buyer_id"),
    ] {
        let made = seller.post(path, &body).await.is(201).json();
        assert_eq!(seller.post(path, &body).await.refused(409, "conflict").field(), field, "{path} {body}");
        let mut elsewhere = body.clone();
        elsewhere["account_id"] = json!(9999);
        assert_eq!(seller.post(path, &elsewhere).await.refused(404, "not_found").field(), "account_id", "{path}");
        if path != "/api/v1/blocked-buyers" {
            let place = format!("/api/v1{}", path.trim_start_matches("/api/v1"));
            let moved = seller.patch(&format!("{place}/{}", made["id"]), &json!({"account_id": 9999})).await;
            assert_eq!(moved.refused(404, "not_found").field(), "account_id", "{path}");
            let unknown = seller.patch(&format!("{place}/9999"), &json!({"once": true})).await;
            assert_eq!(unknown.refused(404, "not_found").field(), "", "{path}");
        }
    }
    let play = json!({"account_id": 9999, "steps": [{"says": ["a"]}]});
    assert_eq!(seller.post("/api/v1/sandbox", &play).await.refused(404, "not_found").field(), "account_id");
    let token = json!({"name": "t", "access": "read", "accounts": [9999]});
    assert_eq!(seller.post("/api/v1/tokens", &token).await.refused(404, "not_found").field(), "accounts");
}

/// A list that is kept while nothing is written never shows what was.
#[actix_web::test]
async fn a_list_that_is_asked_for_again_shows_what_was_written_meanwhile() {
    let (app, seller) = started().await;
    let names = async || -> Vec<String> {
        let page = seller.get("/api/v1/accounts?per_page=10").await.is(200).json();
        page["items"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names().await.is_empty() && names().await.is_empty());
    for name in ["a", "b"] {
        let new = json!({"name": name, "cookie": cookie(&app, name), "enabled": false});
        seller.post("/api/v1/accounts", &new).await.is(201);
        assert!(names().await.contains(&name.to_owned()));
    }
    // Another process, as the command line is one: noticed within a second.
    let side = app.platform().add_account("c");
    app.put_account("c", &side, &app.platform().cookies(&side));
    for _ in 0..1000 {
        if names().await.len() == 3 {
            return;
        }
    }
    panic!("a change of another process is never seen");
}

/// P8: limits are the server's, the same for whoever asks.
#[actix_web::test]
async fn p8_numbers_out_of_range_and_waits_that_contradict_each_other_are_refused() {
    let (app, seller) = started().await;
    let made =
        seller.post("/api/v1/accounts", &json!({"name": "a", "cookie": cookie(&app, "a"), "enabled": false})).await;
    let path = format!("/api/v1/accounts/{}", made.is(201).json()["id"]);
    for (body, field) in [
        (json!({"debounce_ms": -1}), "debounce_ms"),
        (json!({"debounce_ms": 600_001}), "debounce_ms"),
        (json!({"debounce_ms": 9000, "longest_wait_ms": 8000}), "longest_wait_ms"),
        (json!({"takeover_pause_ms": 86_400_001}), "takeover_pause_ms"),
        (json!({"takeover_pause": 5}), "takeover_pause"),
    ] {
        let refused = seller.patch(&path, &body).await.refused(422, "invalid_field").json();
        assert_eq!(refused["details"]["field"], field, "{refused}");
    }
}

#[actix_web::test]
async fn a_keyword_answers_from_the_moment_it_is_made_until_it_is_deleted() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    let seller = app.signed_in("seller").await;
    let new = json!({"account_id": shop.id.0, "keyword": "在吗", "actions": [{"text": "在的"}]});
    let made = seller.post("/api/v1/keywords", &new).await.is(201).json();
    let path = format!("/api/v1/keywords/{}", made["id"]);
    let twin = seller.post("/api/v1/keywords", &new).await.refused(409, "conflict").json();
    assert_eq!(twin["details"], json!({"field": "keyword", "id": made["id"]}));
    let said = answered(&app, &shop, "在吗", "在的").await;
    seller.patch(&path, &json!({"actions": [{"text": "不在"}]})).await.is(200);
    answered(&app, &shop, "在吗?", "不在").await;
    let decisions = seller.get("/api/v1/decisions?decision=answer").await.is(200).json();
    let mut texts = decisions["items"].as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap());
    assert!(texts.any(|text| text == "在吗") && decisions["items"][0]["rule_id"] == made["id"], "{decisions}");
    let outbox = seller.get(&format!("/api/v1/outbox?conversation={}.{said}", shop.id)).await.is(200).json();
    assert!(outbox["items"].as_array().unwrap().iter().all(|row| row["origin"] == "rule"), "{outbox}");
    seller.delete(&path).await.is(204);
    seller.get(&path).await.refused(404, "not_found");
}

/// A rule that was just stored is in use within a moment: says it until it is answered so.
async fn answered(app: &TestApp, shop: &Shop, text: &str, reply: &str) -> String {
    let mut conversation = String::new();
    for _ in 0..100 {
        let said = shop.buyer_says(BUYER, ITEM, text);
        conversation = said.conversation.to_string();
        let row = app.decided(shop, &said).await;
        if row.decision.as_deref() == Some("answer") {
            app.settled(shop).await;
            if shop.seen(&said.conversation).last().is_some_and(|seen| seen == reply) {
                return conversation;
            }
        }
    }
    panic!("{text} was never answered with {reply} in {conversation}");
}

#[actix_web::test]
async fn a_rule_that_cannot_work_is_refused_before_it_is_stored() {
    let (_app, seller) = started().await;
    for (body, field) in [
        (json!({"keyword": "(", "match": "regex", "actions": []}), "keyword"),
        (json!({"keyword": "(\\w{100}){100}{100}", "match": "regex", "actions": []}), "keyword"),
        (json!({"keyword": "", "actions": []}), "keyword"),
        (json!({"keyword": "a", "actions": [{"image": "file:///etc/passwd"}]}), "actions[0].image"),
        (json!({"keyword": "a", "actions": [{"text": ""}]}), "actions[0].text"),
        (json!({"keyword": "a", "actions": [{"text": " \n"}]}), "actions[0].text"),
        (json!({"keyword": "a", "actions": [{"text": "b"}, {"text": "b", "image": "c"}]}), "actions[1]"),
        (json!({"keyword": "a", "actions": [{"text": "b", "text2": "c"}]}), "actions[0].text2"),
        (json!({"keyword": "a", "actions": [{}]}), "actions[0]"),
        (json!({"keyword": "a", "actions": ["b"]}), "actions[0]"),
        (json!({"keyword": "a", "actions": [["b"]]}), "actions[0]"),
        (json!({"keyword": " ", "actions": []}), "keyword"),
        (json!({"keyword": "a", "actions": [], "match": {}}), "match"),
        (json!({"keyword": "a", "actions": [], "priority": 1_000_001}), "priority"),
        (json!({"keyword": "a", "match": "fuzzy", "actions": []}), "match"),
    ] {
        let refused = seller.post("/api/v1/keywords", &body).await.refused(422, "invalid_field").json();
        assert_eq!(refused["details"]["field"], field, "{refused}");
    }
    seller
        .post("/api/v1/keywords", &json!({"account_id": 999, "keyword": "a", "actions": []}))
        .await
        .refused(404, "not_found");
}

/// P6: one rule is changed at a time; the others stay, whatever their kind.
#[actix_web::test]
async fn p6_rules_of_an_item_and_pictures_survive_a_new_rule() {
    let (_app, seller) = started().await;
    for body in [
        json!({"keyword": "a", "item_ids": [ITEM], "actions": [{"text": "x"}]}),
        json!({"keyword": "b", "actions": [{"image": "https://img.example.invalid/1.jpg"}]}),
    ] {
        seller.post("/keywords", &body).await.is(201);
    }
    seller.post("/keywords", &json!({"keyword": "c", "actions": [{"text": "y"}]})).await.is(201);
    let listed = seller.get("/keywords?per_page=2").await.is(200).json();
    assert_eq!((&listed["total"], listed["items"].as_array().unwrap().len()), (&json!(3), 2));
}

/// S14: what the rules would answer is told to whom they belong, and uses nothing up.
#[actix_web::test]
async fn s14_a_play_in_the_sandbox_needs_a_login_and_consumes_no_once_mark() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(yutang::reply::rule::RuleBody { once: true, ..contains("在吗", "您好{send_user_name}") });
    app.person("rival", Role::Owner);
    app.start().await;
    let ask = json!({"account_id": shop.id.0, "steps": [{"says": ["在吗"]}], "buyer": {"name": "小明"}});
    app.anybody().post("/api/v1/sandbox", &ask).await.refused(401, "not_signed_in");
    app.signed_in("rival").await.post("/api/v1/sandbox", &ask).await.refused(404, "not_found");
    let seller = app.signed_in("seller").await;
    for _ in 0..2 {
        let scene = &seller.post("/api/v1/sandbox", &ask).await.is(200).json()["scenes"][0];
        assert_eq!((&scene["reason"], &scene["sends"]), (&json!("global_rule"), &json!([{"text": "您好小明"}])));
    }
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    assert_eq!(app.decided(&shop, &said).await.decision.as_deref(), Some("answer"));
    for path in ["/xianyu/reply", "/send-message"] {
        app.anybody().post(path, &json!({})).await.refused(404, "not_found");
    }
}

#[actix_web::test]
async fn a_person_answers_and_automatic_answers_pause() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(contains("在吗", "在的"));
    app.person("rival", Role::Owner);
    let operator = app.employ("operator", Role::Operator, Some(app.scope().user()), &[shop.id]);
    app.start().await;
    assert!(operator.0 > 0);
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["在的"]).await;
    let api = app.signed_in("operator").await;
    let path = format!("/api/v1/conversations/{}.{}", shop.id, said.conversation);
    let sent = api.post(&format!("{path}/messages"), &json!({"texts": ["亲，我来了"]})).await.is(202).json();
    assert_eq!(sent[0]["origin"], "person");
    shop.await_delivered(&said.conversation, 2, PATIENCE).await;
    let conversation = api.get(&path).await.is(200).json();
    assert!(conversation["paused_until"].is_i64(), "{conversation}");
    let more = shop.buyer_says(BUYER, ITEM, "在吗");
    app.is_silent(&shop, &more, "seller_took_over").await;
    let resumed = api.post(&format!("{path}/resume"), &json!({})).await.is(200).json();
    assert_eq!(resumed["paused_until"], Value::Null);
    assert_eq!((&conversation["paused"], &resumed["paused"]), (&json!(true), &json!(false)));
    let paused = api.post(&format!("{path}/pause"), &json!({})).await.is(200).json();
    assert_eq!((&paused["paused"], &paused["paused_until"]), (&json!(true), &Value::Null), "until somebody resumes");
    let audit = app.signed_in("seller").await.audit("action=conversation.pause").await;
    assert_eq!(audit[0]["after"], json!({"paused": true, "paused_until": null}));
    let messages = api.get(&format!("{path}/messages")).await.is(200).json();
    assert_eq!(messages["total"], 2);
    let rival = app.signed_in("rival").await;
    rival.post(&format!("{path}/messages"), &json!({"texts": ["x"]})).await.refused(404, "not_found");
    for (texts, field) in [(json!([]), "texts"), (json!(["在", "   "]), "texts[1]")] {
        let refused = api.post(&format!("{path}/messages"), &json!({"texts": texts})).await;
        assert_eq!(refused.refused(422, "invalid_field").field(), field);
    }
}

#[actix_web::test]
async fn a_stopped_account_sends_nothing_and_says_so() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(contains("在吗", "在的"));
    app.start().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["在的"]).await;
    let seller = app.signed_in("seller").await;
    let account = format!("/api/v1/accounts/{}", shop.id);
    assert_eq!(seller.post(&format!("{account}/pause"), &json!({})).await.is(200).json()["paused"], true);
    let send = format!("/api/v1/conversations/{}.{}/messages", shop.id, said.conversation);
    let refused = until_refused(&seller, &send).await;
    assert_eq!(refused.code(), "stopped");
    seller.post(&format!("{account}/resume"), &json!({})).await.is(200);
    assert_eq!(seller.post(&format!("{account}/disable"), &json!({})).await.is(200).json()["enabled"], false);
    app.becomes(&shop, State::Closed, Reason::Disabled).await;
    seller.post(&format!("{account}/restart"), &json!({})).await.refused(409, "account_not_running");
    seller.delete(&account).await.is(204);
    seller.get(&account).await.refused(404, "not_found");
    assert!(app.all_sends(&shop).iter().all(|send| send.state != SendState::Queued));
}

/// Only what this seller did to this account, the newest first.
async fn deeds(seller: &Api, shop: &Shop) -> Vec<String> {
    let lines = seller.audit(&format!("object_type=account&object_id={}", shop.id)).await;
    assert!(lines.iter().all(|line| line["actor"] == "seller"), "{lines:?}");
    lines.iter().map(|line| line["action"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_restart_by_hand_opens_the_line_anew_and_costs_no_token() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    let seller = app.signed_in("seller").await;
    let path = format!("/api/v1/accounts/{}", shop.id);
    let answer = seller.post(&format!("{path}/restart"), &json!({})).await.is(200);
    assert_eq!((&answer.json()["id"], answer.header("etag").is_some()), (&json!(shop.id), true));
    assert!(shop.await_registered(2, PATIENCE).await);
    app.becomes(&shop, State::Connected, Reason::Registered).await;
    assert_eq!((shop.connections(), shop.token_requests()), (1, 1));
    assert_eq!(deeds(&seller, &shop).await, ["account.restart"]);
}

/// Whoever passed the platform's verification says so, and the same cookie is tried again; a connected account has no use for it.
#[actix_web::test]
async fn who_passed_the_verification_lets_the_account_try_again() {
    let (app, shop) = verified_shop().await;
    let (seller, path) = (app.signed_in("seller").await, format!("/api/v1/accounts/{}/retry", shop.id));
    seller.post(&path, &json!({})).await.is(200);
    assert!(shop.await_registered(1, PATIENCE).await);
    app.becomes(&shop, State::Connected, Reason::Registered).await;
    let refused = seller.post(&path, &json!({})).await.refused(409, "wrong_state");
    assert_eq!(refused.json()["details"]["state"], "connected");
    assert_eq!(deeds(&seller, &shop).await, ["account.retry"]);
}

#[actix_web::test]
async fn a_new_cookie_of_the_same_seller_connects_an_account_whose_login_ended() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    shop.expire_login();
    shop.expire_tokens();
    shop.close(1000);
    app.becomes(&shop, State::Failed, Reason::SessionExpired).await;
    let (seller, cookie) = (app.signed_in("seller").await, app.platform().cookies(&shop));
    let path = format!("/api/v1/accounts/{}/credentials", shop.id);
    seller.put(&path, &json!({"cookie": cookie})).await.is(200);
    app.becomes(&shop, State::Connected, Reason::Registered).await;
    let lines = seller.audit("action=account.credentials").await;
    assert_eq!(deeds(&seller, &shop).await, ["account.credentials"]);
    let secret = cookie.split("cookie2=").nth(1).unwrap().split(';').next().unwrap();
    assert!(!secret.is_empty() && !json!(lines).to_string().contains(secret), "{lines:?}");
}

/// The switch reaches the shard within a moment.
async fn until_refused(api: &Api, path: &str) -> Answer {
    for _ in 0..200 {
        let answer = api.post(path, &json!({"texts": ["还在吗"]})).await;
        if answer.status != 202 {
            return answer;
        }
    }
    panic!("never refused");
}
