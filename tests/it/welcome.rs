//! Setting up, step by step: from the printed link to the first answer.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Api},
    harness::TestApp,
    panel::field,
};

const STEPS: &str = "/api/v1/me/welcome";

/// How each step stands, in their order.
fn states(view: &Value) -> Vec<&str> {
    view["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

async fn now(api: &Api) -> Vec<String> {
    let view = api.get(STEPS).await.is(200).json();
    states(&view).into_iter().map(str::to_owned).collect()
}

/// What is there tells what is done; what was left out is remembered of each person alone.
#[actix_web::test]
async fn steps_are_done_by_what_is_there_and_left_out_by_each_person() {
    let mut app = TestApp::new();
    app.start().await;
    let (seller, admin) = (app.signed_in("seller").await, app.signed_in("admin").await);
    let view = seller.get(STEPS).await.is(200).json();
    let names: Vec<_> = view["steps"].as_array().unwrap().iter().map(|step| step["step"].clone()).collect();
    assert_eq!(names, ["account", "rule", "trial", "channel"]);
    assert_eq!(states(&view), ["open"; 4]);

    let skipped = seller.patch(STEPS, &json!({"skip": ["rule", "channel"]})).await.is(200).json();
    assert_eq!(states(&skipped), ["open", "skipped", "open", "skipped"]);
    assert_eq!(now(&admin).await, ["open"; 4], "nobody else left it out");
    let resumed = seller.patch(STEPS, &json!({"resume": ["channel"], "tried": true})).await.is(200).json();
    assert_eq!(states(&resumed), ["open", "skipped", "done", "open"]);
    // What was done is not undone by leaving it out or taking it up.
    seller.patch(STEPS, &json!({"resume": ["trial"], "skip": ["trial"]})).await.is(200);
    assert_eq!(now(&seller).await, ["open", "skipped", "done", "open"]);

    seller.post("/api/v1/keywords", &json!({"keyword": "在吗", "actions": [{"text": "在的"}]})).await.is(201);
    let cookie = app.platform().cookies(&app.platform().add_account("shop"));
    seller.post("/api/v1/accounts", &json!({"name": "shop", "cookie": cookie, "enabled": false})).await.is(201);
    let channel =
        json!({"name": "x", "kind": "webhook", "config": {"webhook_url": "https://a.example/", "secret": "a secret"}});
    seller.post("/api/v1/notify/channels", &channel).await.is(201);
    assert_eq!(now(&seller).await, ["done"; 4]);
    assert_eq!(now(&admin).await, ["open"; 4], "another owner has nothing yet");
    assert!(!seller.audit("action=user.welcome").await.is_empty());

    let refused = seller.patch(STEPS, &json!({"skip": ["all"]})).await.refused(422, "invalid_field");
    assert!(refused.field().starts_with("skip"), "{}", refused.text);
    let token = seller.post("/api/v1/tokens", &json!({"name": "x", "access": "write"})).await.is(201).json();
    let program = app.anybody().with("authorization", &format!("Bearer {}", token["token"].as_str().unwrap()));
    program.get(STEPS).await.refused(403, "forbidden");
}

/// Posts a form of the page, as a browser without script does, and reads the page that it leads to.
async fn submit(browser: &Api, page: &Answer, action: &str, fields: &[(&str, &str)]) -> (String, Answer) {
    let (csrf, back) = (field(&page.text, "_csrf"), field(&page.text, "_back"));
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("_csrf", &csrf).append_pair("_back", &back).extend_pairs(fields);
    let browser = browser.as_who().with("x-csrf-token", "");
    let body = form.finish().into_bytes();
    let path = format!("/app/do{action}");
    let led = browser.send_bytes(&path, "application/x-www-form-urlencoded", body).await.is(303);
    let to = led.header("location").unwrap().to_owned();
    let shown = browser.get(&to).await.is(200);
    (to, shown)
}

/// Without script: a rule is made, tried and found to answer; the rest is left out, and the first page asks no more.
#[actix_web::test]
async fn the_steps_work_without_script_and_the_first_page_reminds_until_all_are_taken() {
    let mut app = TestApp::new();
    app.open("shop-1");
    app.start().await;
    let browser = app.anybody().with("accept-language", "zh").sign_in_by_cookie("seller").await;
    let home = browser.get("/app").await.is(200);
    assert!(home.text.contains("id=\"unfinished\"") && home.text.contains("设置一条自动回复"), "{}", home.text);
    assert!(!home.text.contains("<b>添加闲鱼账号</b>"), "there is an account");

    // The first that is open.
    let page = browser.get("/app/welcome").await.is(200);
    assert!(page.text.contains("action=\"/app/do/api/v1/keywords\""), "{}", page.text);
    let empty = [("_form", "first-rule"), ("keyword", ""), ("actions.0.text", "全国包邮")];
    let (_, refused) = submit(&browser, &page, "/api/v1/keywords", &empty).await;
    assert!(
        refused.text.contains("first-rule-keyword-problem") && refused.text.contains("全国包邮"),
        "{}",
        refused.text
    );
    let rule = [
        ("_form", "first-rule"),
        ("_then", "/app/welcome?step=trial"),
        ("keyword", "包邮"),
        ("actions.0.text", "全国包邮"),
    ];
    let (to, _) = submit(&browser, &page, "/api/v1/keywords", &rule).await;
    assert!(to.starts_with("/app/welcome?step=trial&kept="), "{to}");

    let tried = browser.get("/app/welcome?step=trial&say=%E5%8C%85%E9%82%AE%E5%90%97").await.is(200);
    assert!(tried.text.contains("全国包邮") && tried.text.contains("为什么"), "{}", tried.text);
    let (_, end) = submit(&browser, &tried, STEPS, &[("_method", "PATCH"), ("tried:flag", "true")]).await;
    assert!(end.text.contains("已完成"), "{}", end.text);
    let home = browser.get("/app").await.is(200);
    assert!(home.text.contains("接收通知") && !home.text.contains("设置一条自动回复"), "{}", home.text);
    let all = [("_method", "PATCH"), ("skip:list", "channel")];
    let (_, home) = submit(&browser, &home, STEPS, &all).await;
    assert!(!home.text.contains("id=\"unfinished\""), "{}", home.text);
    let skipped = browser.get("/app/welcome?step=channel").await.is(200);
    assert!(skipped.text.contains("已跳过") && skipped.text.contains("back=welcome"), "{}", skipped.text);
    // Steps that are not there are no steps, and what people type is text.
    let page = browser.get("/app/welcome?step=trial&say=%3Cscript%3E&account=999").await.is(200);
    assert!(!page.text.contains("<script>"), "{}", page.text);
    browser.get("/app/welcome?step=nonsense").await.is(200);
}
