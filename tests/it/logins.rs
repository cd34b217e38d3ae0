//! How accounts get in: by a code that a phone scans and by a pasted cookie, from the first step to a connection.

use std::sync::Arc;

use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    account::state::{Reason, State},
    ids::AccountId,
    sim::{Account, Faults, Interest, Passport, PhoneAction},
    store::{Scope, accounts},
};

use crate::{
    client::Api,
    harness::{PATIENCE, TestApp, demanded},
};

/// A server with nothing but people, and a seller on the platform that it does not know.
async fn stranger() -> (TestApp, Api, Arc<Account>) {
    let mut app = TestApp::new();
    app.start().await;
    let api = app.signed_in("seller").await;
    let seller = app.platform().add_account("shop");
    (app, api, seller)
}

async fn begin(api: &Api, body: Value) -> String {
    let view = api.post("/api/v1/logins", &body).await.is(201).json();
    view["id"].as_str().unwrap().to_owned()
}

async fn view(api: &Api, id: &str) -> Value {
    api.get(&format!("/api/v1/logins/{id}")).await.is(200).json()
}

/// What a login is once `is` holds of it.
async fn until(api: &Api, id: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let view = view(api, id).await;
        if is(&view) {
            return view;
        }
        assert!(tokio::time::Instant::now() < deadline, "in vain: {view}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn reaches(api: &Api, id: &str, step: &str) -> Value {
    until(api, id, |view| {
        assert!(view["step"] == step || !["failed", "complete"].contains(&view["step"].as_str().unwrap()), "{view}");
        view["step"] == step
    })
    .await
}

/// What a phone reads from the picture: the test takes it from the simulator's own list.
async fn code_of(app: &TestApp, api: &Api, id: &str) -> String {
    let shown = reaches(api, id, "qr").await;
    let svg = api.get(shown["code_svg"].as_str().unwrap()).await.is(200);
    assert!(svg.text.contains("<svg") && svg.header("Cache-Control") == Some("no-store"));
    let png = api.get(shown["code_png"].as_str().unwrap()).await.is(200);
    assert_eq!(png.header("Content-Type"), Some("image/png"));
    app.platform().newest_code().expect("a code was shown")
}

#[actix_web::test]
async fn a_code_is_shown_scanned_and_confirmed_and_the_account_connects() {
    let (app, api, seller) = stranger().await;
    let id = begin(&api, json!({"kind": "qr"})).await;
    let code = code_of(&app, &api, &id).await;
    let shown = view(&api, &id).await;
    assert_eq!((&shown["step"], &shown["scanned"]), (&json!("qr"), &json!(false)));
    assert!(shown["expires_at"].as_i64() > shown["begun_at"].as_i64());
    app.platform().scan(&code, &seller).unwrap();
    until(&api, &id, |view| view["scanned"] == true).await;
    app.platform().confirm(&code, &seller).unwrap();
    let done = reaches(&api, &id, "complete").await;
    assert_eq!((&done["is_new"], &done["nickname"]), (&json!(true), &json!("卖家shop")));
    assert!(done["picture"].as_str().unwrap().starts_with("https://"));
    let account = done["account_id"].as_i64().unwrap();
    app.connects(account).await;
    let view = api.get(&format!("/api/v1/accounts/{account}")).await.is(200).json();
    assert_eq!((&view["name"], &view["platform_uid"]), (&json!("卖家shop"), &json!(seller.uid.as_str())));
    // The token that the login was proved with is the one the account connects with.
    assert_eq!(seller.token_requests(), 1);
    let health = api.get(&format!("/api/v1/accounts/{account}/health")).await.is(200).json();
    assert_eq!((&health["token"]["requests_today"], &health["login"]["nickname"]), (&json!(1), &json!("卖家shop")));
}

#[actix_web::test]
async fn a_pasted_cookie_is_proved_before_the_account_is_there() {
    let (app, api, seller) = stranger().await;
    let cookie = app.platform().cookies(&seller);
    let id = begin(&api, json!({"kind": "cookies", "cookie": cookie, "name": "我的店"})).await;
    let done = reaches(&api, &id, "complete").await;
    let account = done["account_id"].as_i64().unwrap();
    app.connects(account).await;
    let shown = api.get(&format!("/api/v1/accounts/{account}")).await.is(200);
    assert_eq!(shown.json()["name"], "我的店");
    for answer in [shown.text, view(&api, &id).await.to_string()] {
        assert!(!answer.contains("cookie2") && !answer.contains(&cookie[..40]), "{answer}");
    }
}

#[actix_web::test]
async fn a_cookie_that_the_platform_refuses_leaves_nothing_behind() {
    let (app, api, seller) = stranger().await;
    let cookie = app.platform().cookies(&seller);
    seller.expire_login();
    let id = begin(&api, json!({"kind": "cookies", "cookie": cookie})).await;
    let failed = reaches(&api, &id, "failed").await;
    assert_eq!(failed["reason"], "refused");
    assert!(failed["sentence"].as_str().unwrap().contains("does not accept") && failed["next"].is_string());
    let scope = app.scope();
    assert!(app.read(move |conn| accounts::list(conn, &scope)).is_empty());
    assert_eq!((seller.token_requests(), seller.lock().registrations), (0, 0));
}

#[actix_web::test]
async fn what_is_no_login_is_named_at_once() {
    let (_app, api, _) = stranger().await;
    for (body, field) in [
        (json!({"kind": "cookies"}), "cookie"),
        (json!({"kind": "cookies", "cookie": "unb=1"}), "cookie"),
        (json!({"kind": "cookies", "cookie": "好"}), "cookie"),
        (json!({"kind": "qr", "cookie": "unb=1; cookie2=x"}), "cookie"),
        (json!({"kind": "qr", "proxy": "ftp://host:1"}), "proxy"),
        (json!({"kind": "phone"}), "kind"),
    ] {
        let refused = api.post("/api/v1/logins", &body).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), field, "{body}");
    }
    api.post("/api/v1/logins", &json!({"kind": "qr", "account_id": 99})).await.refused(404, "not_found");
    for id in ["x", &"a7".repeat(32)] {
        api.get(&format!("/api/v1/logins/{id}")).await.refused(404, "not_found");
        api.delete(&format!("/api/v1/logins/{id}")).await.refused(404, "not_found");
    }
}

#[actix_web::test]
async fn a_code_that_grew_old_is_replaced_and_a_declined_one_ends_the_login() {
    let (app, api, seller) = stranger().await;
    let id = begin(&api, json!({"kind": "qr"})).await;
    let old = code_of(&app, &api, &id).await;
    app.platform().expire_code(&old).unwrap();
    let fresh = app.eventually("a fresh code", || app.platform().newest_code().filter(|code| *code != old)).await;
    app.platform().scan(&fresh, &seller).unwrap();
    app.platform().decline(&fresh, &seller).unwrap();
    let failed = reaches(&api, &id, "failed").await;
    assert_eq!(failed["reason"], "declined");
    let answer = api.get(&format!("/api/v1/logins/{id}/code.svg")).await;
    answer.refused(409, "wrong_state");
}

#[actix_web::test]
async fn a_check_of_the_person_comes_between_and_the_login_goes_on_after_it() {
    let (app, api, seller) = stranger().await;
    let id = begin(&api, json!({"kind": "qr"})).await;
    let code = code_of(&app, &api, &id).await;
    app.platform().scan(&code, &seller).unwrap();
    app.platform().demand_check(&code).unwrap();
    let check = reaches(&api, &id, "check").await;
    assert!(check["check_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(check["code_svg"], Value::Null);
    app.platform().confirm(&code, &seller).unwrap();
    app.platform().phone(PhoneAction::PassCheck, &code, &seller).unwrap();
    reaches(&api, &id, "complete").await;
}

/// T8: there, anybody could read a login with its raw cookies.
#[actix_web::test]
async fn t8_a_login_is_seen_by_whoever_began_it_and_ends_for_nobody_else() {
    let (app, api, seller) = stranger().await;
    app.person("rival", Role::Owner);
    let rival = app.signed_in("rival").await;
    let admin = app.signed_in("admin").await;
    let id = begin(&api, json!({"kind": "qr"})).await;
    let code = code_of(&app, &api, &id).await;
    for stranger in [&rival, &admin] {
        stranger.get(&format!("/api/v1/logins/{id}")).await.refused(404, "not_found");
        stranger.get(&format!("/api/v1/logins/{id}/code.png")).await.refused(404, "not_found");
        stranger.delete(&format!("/api/v1/logins/{id}")).await.refused(404, "not_found");
        assert_eq!(stranger.get("/api/v1/logins").await.is(200).json()["total"], 0);
    }
    app.anybody().get(&format!("/api/v1/logins/{id}")).await.refused(401, "not_signed_in");
    // The browser was closed: another one of the same person finds it.
    let again = app.signed_in("seller").await;
    assert_eq!(again.get("/api/v1/logins").await.is(200).json()["items"][0]["id"], json!(id));
    app.platform().scan(&code, &seller).unwrap();
    app.platform().confirm(&code, &seller).unwrap();
    reaches(&again, &id, "complete").await;
}

/// T7: there, a code or a password overwrote the login of another user's account.
#[actix_web::test]
async fn t7_a_login_of_anothers_seller_is_refused_and_changes_nothing() {
    let (app, api, seller) = stranger().await;
    let other = app.person("rival", Role::Owner);
    let theirs = app.open_for(other, "theirs");
    let before = app.read(move |conn| accounts::load_credentials(conn, theirs.id)).unwrap();
    let cookie = app.platform().cookies(&app.platform().account("theirs").unwrap());
    let id = begin(&api, json!({"kind": "cookies", "cookie": cookie})).await;
    assert_eq!(reaches(&api, &id, "failed").await["reason"], "platform_user_taken");
    let id = begin(&api, json!({"kind": "qr"})).await;
    let code = code_of(&app, &api, &id).await;
    let side = app.platform().account("theirs").unwrap();
    app.platform().scan(&code, &side).unwrap();
    app.platform().confirm(&code, &side).unwrap();
    assert_eq!(reaches(&api, &id, "failed").await["reason"], "platform_user_taken");
    let account = app.read(move |conn| accounts::list(conn, &Scope::owner(other)))[0].id;
    let after = app.read(move |conn| accounts::load_credentials(conn, account)).unwrap();
    assert_eq!(before, after);
    // And a login for one account never becomes that of another seller.
    let cookie = app.platform().cookies(&seller);
    let own = begin(&api, json!({"kind": "cookies", "cookie": cookie})).await;
    let own = reaches(&api, &own, "complete").await["account_id"].as_i64().unwrap();
    let another = app.platform().add_account("another");
    let cookie = app.platform().cookies(&another);
    let id = begin(&api, json!({"kind": "cookies", "cookie": cookie, "account_id": own})).await;
    assert_eq!(reaches(&api, &id, "failed").await["reason"], "platform_user_differs");
}

#[actix_web::test]
async fn a_known_seller_gets_a_new_login_and_keeps_everything_else() {
    let (app, api, _) = stranger().await;
    let shop = app.open("known");
    app.connects(shop.id.0).await;
    shop.expire_login();
    shop.expire_tokens();
    shop.close(1000);
    app.becomes(&shop, State::Failed, Reason::SessionExpired).await;
    let id = begin(&api, json!({"kind": "qr", "account_id": shop.id.0})).await;
    let code = code_of(&app, &api, &id).await;
    let side = app.platform().account("known").unwrap();
    app.platform().scan(&code, &side).unwrap();
    app.platform().confirm(&code, &side).unwrap();
    let done = reaches(&api, &id, "complete").await;
    assert_eq!((&done["is_new"], &done["account_id"]), (&json!(false), &json!(shop.id.0)));
    app.connects(shop.id.0).await;
}

/// K14: there, the platform was asked without a pause until somebody scanned the code.
#[actix_web::test]
async fn k14_a_code_is_asked_about_every_two_seconds_and_not_more_often() {
    let (app, api, _) = stranger().await;
    let id = begin(&api, json!({"kind": "qr"})).await;
    code_of(&app, &api, &id).await;
    let asked = || app.platform().code_requests();
    let first = app.eventually("it is asked about", || Some(asked()).filter(|asked| *asked > 0)).await;
    let began = tokio::time::Instant::now();
    app.eventually("it is asked about again", || (asked() >= first + 2).then_some(())).await;
    assert!(began.elapsed() > std::time::Duration::from_millis(3_000), "{:?}", began.elapsed());
}

#[actix_web::test]
async fn one_person_has_three_logins_and_a_fourth_ends_the_oldest() {
    let (_app, api, _) = stranger().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(begin(&api, json!({"kind": "qr"})).await);
    }
    assert_eq!(view(&api, &ids[0]).await["reason"], "ended");
    let list = api.get("/api/v1/logins").await.is(200).json();
    let running = list["items"].as_array().unwrap().iter().filter(|view| view["step"] != "failed");
    assert_eq!(running.count(), 3);
    api.delete(&format!("/api/v1/logins/{}", ids[3])).await.is(204);
    assert_eq!(view(&api, &ids[3]).await["reason"], "ended");
}

#[actix_web::test]
async fn all_persons_together_have_so_many_logins_as_the_setting_says() {
    let mut app = TestApp::with(|settings| settings.accounts.logins_at_once = 2);
    app.person("other", Role::Owner);
    app.start_unconnected();
    let (api, other) = (app.signed_in("seller").await, app.signed_in("other").await);
    let qr = json!({"kind": "qr"});
    let first = begin(&api, qr.clone()).await;
    begin(&api, qr.clone()).await;
    other.post("/api/v1/logins", &qr).await.refused(429, "too_many_requests");
    api.delete(&format!("/api/v1/logins/{first}")).await.is(204);
    begin(&other, qr).await;
}

#[actix_web::test]
async fn a_login_service_that_fails_is_named() {
    let (app, api, _) = stranger().await;
    for (passport, reason) in [
        (Passport::Status(502), "network"),
        (Passport::Garbage, "platform_failed"),
        (Passport::Punish, "access_denied"),
    ] {
        app.platform().change_faults(|faults| *faults = Faults { passport, ..Faults::default() });
        let id = begin(&api, json!({"kind": "qr"})).await;
        assert_eq!(reaches(&api, &id, "failed").await["reason"], reason, "{passport:?}");
    }
}

/// What a cookie lacks is told before a login is begun: nothing is stored, and the platform is asked nothing.
#[actix_web::test]
async fn a_cookie_is_looked_at_without_storing_it_or_asking_the_platform() {
    const CHECK: &str = "/api/v1/logins/cookie-check";
    let (app, api, seller) = stranger().await;
    let lacks = api.post(CHECK, &json!({"cookie": "unb=2200000000001; t=PLANTED"})).await.is(200);
    let view = lacks.json();
    assert_eq!((&view["usable"], &view["parts"][0]["present"]), (&json!(false), &json!(true)));
    let missing = json!({"name": "cookie2", "present": false, "required": true, "purpose": "the login itself"});
    assert_eq!(view["parts"][1], missing);
    assert!(view["problem"].as_str().unwrap().contains("lacks cookie2") && !lacks.text.contains("PLANTED"), "{view}");

    let cookie = app.platform().cookies(&seller);
    let whole = api.post(CHECK, &json!({"cookie": cookie})).await.is(200);
    assert_eq!((&whole.json()["usable"], &whole.json()["problem"]), (&json!(true), &Value::Null));
    assert!(!whole.text.contains(&cookie[..40]), "{}", whole.text);
    assert_eq!(api.get("/api/v1/logins").await.is(200).json()["total"], 0);
    assert_eq!(api.get("/api/v1/accounts").await.is(200).json()["total"], 0);
    assert_eq!(seller.token_requests(), 0);

    // Of another seller than the account that is to have it; and no account that is not theirs.
    let shop = app.open("known");
    app.noticed().await;
    let other = json!({"cookie": cookie, "account_id": shop.id.0});
    let differs = api.post(CHECK, &other).await.is(200).json();
    assert_eq!((&differs["usable"], differs["problem"].is_string()), (&json!(false), true));
    api.post(CHECK, &json!({"cookie": cookie, "account_id": 999})).await.refused(404, "not_found");
    assert_eq!(api.post(CHECK, &json!({"cookie": 5})).await.refused(422, "invalid_field").field(), "cookie");
    app.employ("viewer", Role::Viewer, Some(app.user("seller")), &[shop.id]);
    app.signed_in("viewer").await.post(CHECK, &json!({"cookie": "a"})).await.refused(403, "forbidden");
}

/// Neither an account that is named nor one that its seller is known by is reached from another address than its own.
#[actix_web::test]
async fn a_new_login_goes_the_way_of_its_account() {
    let (app, api, _) = stranger().await;
    let shop = app.open("known");
    app.connects(shop.id.0).await;
    let cookie = app.platform().cookies(&app.platform().account("known").unwrap());
    // One that lets nobody through.
    let proxy = json!({"proxy": "socks5://127.0.0.1:1"});
    api.put(&format!("/api/v1/accounts/{}/proxy", shop.id), &proxy).await.is(200);
    for body in [
        json!({"kind": "cookies", "cookie": cookie}),
        json!({"kind": "cookies", "cookie": cookie, "account_id": shop.id.0}),
        json!({"kind": "qr", "account_id": shop.id.0}),
    ] {
        let id = begin(&api, body.clone()).await;
        assert_eq!(reaches(&api, &id, "failed").await["reason"], "network", "{body}");
    }
}

/// An account that is connected has that connection by its old login.
#[actix_web::test]
async fn a_new_login_that_meets_a_challenge_waits_though_the_account_is_connected() {
    let (app, api, _) = stranger().await;
    let shop = app.open("known");
    app.connects(shop.id.0).await;
    shop.demand_person();
    let cookie = app.platform().cookies(&app.platform().account("known").unwrap());
    let id = begin(&api, json!({"kind": "cookies", "cookie": cookie})).await;
    reaches(&api, &id, "challenge").await;
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    assert_eq!(view(&api, &id).await["step"], "challenge");
}

/// The page asks for what stands in its place for a login's number, and removes it when told to.
#[actix_web::test]
async fn the_page_takes_nothing_for_a_logins_number_that_is_none() {
    let (app, ..) = stranger().await;
    let in_person = app.anybody().sign_in_by_cookie("seller").await;
    for odd in ["..%2Faccounts%2F5", "..", "x", "%22%3E%3Cscript%3E"] {
        let page = in_person.get(&format!("/app/accounts/new?login={odd}")).await.is(200).text;
        assert!(page.contains("data-login=\"\""), "{odd}");
    }
    let number = "a7".repeat(32);
    let page = in_person.get(&format!("/app/accounts/new?login={number}")).await.is(200).text;
    assert!(page.contains(&format!("data-login=\"{number}\"")));
}

/// The platform knows the login and wants to see a person: the account is kept and waits for one.
#[actix_web::test]
async fn a_login_that_meets_a_challenge_keeps_the_account_and_is_complete_when_a_person_passed_it() {
    let (app, api, seller) = stranger().await;
    let mut events = app.platform().events(Interest::Outcomes);
    seller.demand_person();
    let cookie = app.platform().cookies(&seller);
    let id = begin(&api, json!({"kind": "cookies", "cookie": cookie})).await;
    let waits = reaches(&api, &id, "challenge").await;
    let account = AccountId(waits["account_id"].as_i64().unwrap());
    let url = demanded(&mut events).await;
    // By hand, in a browser of their own: the cookie that comes of it is given as any other.
    let x5sec = app.platform().pass_challenge(&url).unwrap();
    let cookie = format!("{}; x5sec={x5sec}", app.platform().cookies(&seller));
    api.put(&format!("/api/v1/accounts/{account}/credentials"), &json!({"cookie": cookie})).await.is(200);
    let done = reaches(&api, &id, "complete").await;
    assert_eq!(done["account_id"], json!(account.0));
    app.connects(account.0).await;
}
