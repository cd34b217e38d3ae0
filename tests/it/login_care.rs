//! Staying in: logins that run out are refreshed once, proxies, other programs with the same account, and what can be known of all that.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use awc::http::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use yutang::{
    account::{
        messages::{ChallengePassed, NotPassed},
        state::{Reason, State},
    },
    ids::{AccountId, Timestamp},
    platform::cookies::Cookies,
    sim::{self, Faults, Gateway, Interest, Passport, SimEvent},
    store::{account_sessions, account_tokens, accounts},
};

use crate::{
    client::{Answer, Api},
    harness::{PATIENCE, Shop, TestApp, default_reply, demanded, echo},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

async fn shop() -> (TestApp, Shop) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    (app, shop)
}

/// The platform wants a person, at this address.
async fn challenged() -> (TestApp, Shop, String) {
    let (app, shop) = shop().await;
    let mut events = app.platform().events(Interest::Outcomes);
    shop.demand_person();
    shop.expire_tokens();
    shop.close(1000);
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    let url = demanded(&mut events).await;
    (app, shop, url)
}

async fn ordered(api: &Api, path: &str) -> Answer {
    api.send(Method::POST, path, None).await
}

async fn health(api: &Api, shop: &Shop) -> Value {
    api.get(&format!("/api/v1/accounts/{}/health", shop.id)).await.is(200).json()
}

/// What stands in the way of every call is mended by one check, and the account goes on as if nothing had been.
#[actix_web::test]
async fn a_login_that_ran_out_is_checked_once_and_the_call_made_again() {
    let (app, shop) = shop().await;
    shop.lapse_login();
    // The token is gone, too: the next connection needs a call.
    shop.expire_tokens();
    shop.close(1000);
    assert!(shop.await_registered(2, Duration::from_secs(20)).await);
    assert_eq!((shop.has_login_requests(), shop.token_requests()), (1, 3), "asked, refused, asked again");
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.sees(&shop, &said.conversation, &["答:在吗"]).await;
    let api = app.signed_in("seller").await;
    let health = health(&api, &shop).await;
    assert_eq!((&health["login"]["checks_today"], &health["breaker"]), (&json!(1), &Value::Null));
    assert!(health["login"]["checked_at"].is_i64() && health["login"]["ends_at"].as_i64() > Some(1_760_000_000_000));
}

/// The request that is made again after a check is one of the day's as any other.
#[actix_web::test]
async fn a_check_buys_no_request_that_the_day_does_not_have() {
    let mut app = TestApp::with(|settings| settings.accounts.token_budget = 2);
    let shop = app.open("shop");
    app.start().await;
    shop.lapse_login();
    shop.expire_tokens();
    shop.close(1000);
    app.becomes(&shop, State::Reconnecting, Reason::TokenBudgetSpent).await;
    assert_eq!((shop.has_login_requests(), shop.token_requests()), (1, 2));
}

#[actix_web::test]
async fn a_login_that_is_dead_waits_for_a_person_and_asks_nothing_more() {
    let (app, shop) = shop().await;
    shop.expire_login();
    shop.expire_tokens();
    shop.close(1000);
    app.becomes(&shop, State::Failed, Reason::SessionExpired).await;
    let (calls, checks) = (shop.gateway_requests(), shop.has_login_requests());
    assert_eq!(checks, 1);
    let scope = app.scope();
    app.write(move |conn| accounts::set_enabled(conn, &scope, shop.id, false, Timestamp(3)));
    let api = app.signed_in("seller").await;
    ordered(&api, &format!("/api/v1/accounts/{}/enable", shop.id)).await;
    app.becomes(&shop, State::Failed, Reason::SessionExpired).await;
    assert_eq!((shop.gateway_requests(), shop.has_login_requests()), (calls, checks));
    let health = health(&api, &shop).await;
    assert_eq!(health["breaker"]["cause"], "session_expired");
}

/// An outage of the login service is no dead login.
#[actix_web::test]
async fn a_login_service_without_an_answer_does_not_cost_the_login() {
    let (app, shop) = shop().await;
    app.platform().change_faults(|faults| *faults = Faults { passport: Passport::Status(502), ..Faults::default() });
    shop.lapse_login();
    shop.expire_tokens();
    shop.close(1000);
    app.eventually("the check was made", || (shop.has_login_requests() > 0).then_some(())).await;
    let status = app
        .eventually("it says so", || {
            app.status(&shop)
                .filter(|status| status.state == State::Reconnecting && status.reason == Reason::NetworkError)
        })
        .await;
    assert_eq!(status.state, State::Reconnecting);
    let row = app.read(move |conn| account_tokens::load(conn, shop.id)).unwrap();
    assert_eq!(row.breaker_since, None);
    let checks = app.read(move |conn| account_sessions::find(conn, shop.id)).unwrap().checks();
    assert_eq!((checks.used, checks.silent), (0, true));
}

/// An answer that helps nobody costs what was asked for: else the next request would be free, and the one after it.
#[actix_web::test]
async fn a_login_service_that_answers_nonsense_is_paid_for() {
    let (app, shop) = shop().await;
    app.platform().change_faults(|faults| *faults = Faults { passport: Passport::Garbage, ..Faults::default() });
    shop.lapse_login();
    shop.expire_tokens();
    shop.close(1000);
    app.eventually("it says so", || app.status(&shop).filter(|status| status.reason == Reason::PlatformError)).await;
    let checks = app.read(move |conn| account_sessions::find(conn, shop.id)).unwrap().checks();
    assert_eq!((checks.used, checks.silent), (1, true));
    let row = app.read(move |conn| account_tokens::load(conn, shop.id)).unwrap();
    assert!(row.budget_used >= 2, "the first token, and the request that the platform refused: {}", row.budget_used);
    assert_eq!(row.breaker_since, None);
}

/// A challenge of the login service is one as any other.
#[actix_web::test]
async fn a_login_service_that_wants_a_person_gets_one() {
    let (app, shop) = shop().await;
    app.platform().change_faults(|faults| *faults = Faults { passport: Passport::Punish, ..Faults::default() });
    shop.lapse_login();
    shop.expire_tokens();
    shop.close(1000);
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    assert_eq!(shop.has_login_requests(), 1);
}

/// The same while the line stands: a call finds the login over, and the login service wants a person. People hear of it.
#[actix_web::test]
async fn a_login_service_that_wants_a_person_during_a_call_gets_one() {
    let (app, shop) = shop().await;
    app.platform().change_faults(|faults| *faults = Faults { passport: Passport::Punish, ..Faults::default() });
    shop.lapse_login();
    let api = app.signed_in("seller").await;
    api.post(&format!("/api/v1/accounts/{}/items/sync", shop.id), &json!({})).await.is(202);
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    let calls = shop.gateway_requests();
    // The line breaks: without a person nothing is tried, and it is the same trouble as before.
    let since = app.status(&shop).unwrap().since;
    shop.close(1000);
    assert!(shop.await_offline(PATIENCE).await);
    let said = app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    assert_eq!((said.since, shop.gateway_requests()), (since, calls));
    app.platform().heal();
    app.renew_cookie(&shop);
    app.becomes(&shop, State::Connected, Reason::Registered).await;
}

/// What stands in the way may be another thing by the time a person has passed the challenge.
#[actix_web::test]
async fn a_challenge_that_is_passed_with_a_login_that_is_over_asks_for_the_login() {
    let (app, shop, url) = challenged().await;
    let x5sec = app.platform().pass_challenge(&url).unwrap();
    app.platform().change_faults(|faults| faults.gateway = Gateway::SessionExpired);
    let passed = ChallengePassed { account: shop.id, cookies: Cookies::parse(&format!("x5sec={x5sec}")) };
    assert_eq!(app.registry().send(passed).await.unwrap(), Err(NotPassed::LoginRefused));
    app.becomes(&shop, State::Failed, Reason::SessionExpired).await;
    let in_person = app.anybody().sign_in_by_cookie("seller").await;
    let led = in_person.get(&format!("/app/accounts/{}/mend", shop.id)).await.is(303);
    assert_eq!(led.header("location"), Some(&*format!("/app/accounts/new?account={}", shop.id)));
}

/// 50 restarts with 100 accounts cost the platform no token and no check.
#[actix_web::test]
async fn restarts_ask_the_platform_for_nothing() {
    let mut app = TestApp::new();
    let shops = app.open_many(100);
    app.start().await;
    let asked =
        |shops: &[Shop]| shops.iter().map(|shop| shop.token_requests() + shop.has_login_requests()).sum::<u32>();
    assert_eq!(asked(&shops), 100, "a token for each, once");
    for _ in 0..50 {
        app.restart().await;
    }
    assert_eq!(asked(&shops), 100);
}

/// K6: there, no token was asked for within 300 s of a message, which could keep an account from connecting.
#[actix_web::test]
async fn k6_a_token_is_asked_for_however_lately_a_message_came() {
    let (app, shop) = shop().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.sees(&shop, &said.conversation, &["答:在吗"]).await;
    shop.expire_tokens();
    shop.close(1000);
    assert!(shop.await_registered(2, Duration::from_secs(20)).await);
    assert_eq!(shop.token_requests(), 2);
}

/// K7: there, a cookie that was changed in the database was never noticed.
#[actix_web::test]
async fn k7_a_cookie_that_was_changed_beside_the_server_is_used_at_once() {
    let (app, shop) = shop().await;
    app.renew_cookie(&shop);
    assert!(shop.await_registered(2, Duration::from_secs(20)).await);
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.sees(&shop, &said.conversation, &["答:在吗"]).await;
}

/// K9: there, a picture was uploaded to the platform every 20 minutes as a test, while the heartbeat paused.
#[actix_web::test]
async fn k9_a_probe_lists_a_conversation_and_sends_nothing() {
    let (app, shop) = shop().await;
    let api = app.signed_in("seller").await;
    let calls = shop.gateway_requests();
    let probe = ordered(&api, &format!("/api/v1/accounts/{}/probe", shop.id)).await.is(200).json();
    assert_eq!((&probe["ok"], &probe["error"]), (&json!(true), &Value::Null));
    assert!(probe["took_ms"].as_i64().is_some_and(|took| (0..20_000).contains(&took)));
    assert!(shop.received_everywhere().is_empty());
    assert_eq!(shop.gateway_requests(), calls);
    assert_eq!(health(&api, &shop).await["last_probe"]["ok"], true);
    app.platform().change_faults(|faults| faults.hang_requests = true);
    let silent = ordered(&api, &format!("/api/v1/accounts/{}/probe", shop.id)).await.is(200).json();
    assert_eq!((&silent["ok"], &silent["took_ms"]), (&json!(false), &Value::Null));
    app.enable(&shop, false);
    app.becomes(&shop, State::Closed, Reason::Disabled).await;
    let off = ordered(&api, &format!("/api/v1/accounts/{}/probe", shop.id)).await;
    off.refused(409, "account_not_running");
}

/// Another program with the same account: it is said which words the platform had, and nobody fights it.
#[actix_web::test]
async fn another_program_with_the_same_account_is_recognised_and_said() {
    let (app, shop) = shop().await;
    shop.remove_session();
    app.said_reason(&shop, Reason::TooManySessions).await;
    let api = app.signed_in("seller").await;
    app.eventually("it is kept", || app.read(move |conn| account_sessions::find(conn, shop.id))?.kicked_at.map(|_| ()))
        .await;
    let health = health(&api, &shop).await;
    let kick = &health["last_kick"];
    assert_eq!((&kick["reason"], &kick["detail"]), (&json!("too_many_sessions"), &json!("connect limit")));
    assert!(kick["sentence"].as_str().unwrap().contains("Another program"));
}

/// A proxy that counts what goes through it: calls, the connection and checks alike.
async fn counting_proxy() -> (u16, Arc<AtomicU32>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (port, tunnels) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&tunnels);
    actix_web::rt::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = client.read_u8().await else { return };
                head.push(byte);
            }
            let head = String::from_utf8(head).unwrap();
            // seller:geheim
            let answer = if head.contains("Basic c2VsbGVyOmdlaGVpbQ==") { "200 OK" } else { "407 No" };
            client.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
            if answer == "407 No" {
                continue;
            }
            counted.fetch_add(1, Ordering::Relaxed);
            let place = head.split_whitespace().nth(1).unwrap().to_owned();
            let mut behind = TcpStream::connect(place).await.unwrap();
            actix_web::rt::spawn(async move { copy_bidirectional(&mut client, &mut behind).await.ok() });
        }
    });
    (port, tunnels)
}

#[actix_web::test]
async fn an_account_reaches_the_platform_through_its_own_proxy() {
    let mut app = TestApp::with(|settings| settings.outgoing.allow = vec!["127.0.0.0/8".parse().unwrap()]);
    let (shop, other) = (app.open("shop"), app.open("other"));
    app.rule(default_reply("在的"));
    app.start().await;
    let (port, tunnels) = counting_proxy().await;
    let api = app.signed_in("seller").await;
    let path = format!("/api/v1/accounts/{}/proxy", shop.id);
    let proxy = format!("http://seller:geheim@127.0.0.1:{port}");
    let shown = api.put(&path, &json!({"proxy": proxy})).await.is(200).json();
    assert_eq!(shown["proxy"], json!(format!("http://***@127.0.0.1:{port}")));
    assert!(shop.await_registered(2, Duration::from_secs(20)).await);
    assert!(tunnels.load(Ordering::Relaxed) > 0);
    assert_eq!((shop.token_requests(), other.lock().registrations), (1, 1), "no token is lost over it");
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.sees(&shop, &said.conversation, &["在的"]).await;
    for text in [health(&api, &shop).await.to_string(), api.audit("action=account.proxy").await[0].to_string()] {
        assert!(text.contains("***@127.0.0.1") && !text.contains("geheim"), "{text}");
    }
    // One that lets nobody through: the account says so, and what is sent waits.
    api.put(&path, &json!({"proxy": format!("http://seller:falsch@127.0.0.1:{port}")})).await.is(200);
    let status = app
        .eventually("it says so", || {
            app.status(&shop).filter(|status| status.detail.as_deref().is_some_and(|text| text.contains("the proxy")))
        })
        .await;
    assert!(!status.detail.unwrap().contains("falsch"));
    api.delete(&path).await.is(204);
    assert!(shop.await_registered(3, Duration::from_secs(20)).await);
    assert_eq!(api.get(&path).await.is(200).json()["proxy"], Value::Null);
}

/// A seller could otherwise have the server knock at the doors of its own network.
#[actix_web::test]
async fn a_proxy_inside_the_servers_network_is_refused_unless_it_is_allowed() {
    let (app, shop) = shop().await;
    let api = app.signed_in("seller").await;
    let path = format!("/api/v1/accounts/{}/proxy", shop.id);
    api.put(&path, &json!({"proxy": "socks5://127.0.0.1:9"})).await.is(200);
    app.eventually("it says so", || {
        let detail = app.status(&shop)?.detail?;
        detail.contains("outgoing.allow").then_some(())
    })
    .await;
}

#[actix_web::test]
async fn only_the_platforms_word_says_that_a_challenge_is_over() {
    let (app, shop, url) = challenged().await;
    let passed = |text: String| ChallengePassed { account: shop.id, cookies: Cookies::parse(&text) };
    let registry = app.registry();
    // A cookie that looks right and is not.
    let said = registry.send(passed("x5sec=made-up".into())).await.unwrap();
    assert_eq!(said, Err(NotPassed::StillAsked));
    let said = registry.send(passed("unb=2299999999999; x5sec=x".into())).await.unwrap();
    assert_eq!(said, Err(NotPassed::OtherSeller));
    assert_eq!(app.status(&shop).unwrap().state, State::Failed);
    let tokens = shop.token_requests();
    let x5sec = app.platform().pass_challenge(&url).unwrap();
    assert_eq!(registry.send(passed(format!("x5sec={x5sec}"))).await.unwrap(), Ok(()));
    assert!(shop.await_registered(2, Duration::from_secs(20)).await);
    assert_eq!(shop.token_requests(), tokens + 1, "the refused call was repeated once, and its token is used");
    let said = registry.send(passed(format!("x5sec={x5sec}"))).await.unwrap();
    assert_eq!(said, Err(NotPassed::NotChallenged));
    let nobody = ChallengePassed { account: AccountId(9_999), cookies: Cookies::parse("x5sec=x") };
    assert_eq!(registry.send(nobody).await.unwrap(), Err(NotPassed::NotRunning));
}

/// What is refused in the middle of the work is repeated, and not a token asked for.
#[actix_web::test]
async fn the_call_that_was_refused_is_the_one_that_is_repeated() {
    let (app, shop) = shop().await;
    let mut events = app.platform().events(Interest::Everything);
    shop.demand_person();
    let api = app.signed_in("seller").await;
    ordered(&api, &format!("/api/v1/accounts/{}/items/sync", shop.id)).await.is(202);
    let (mut refused, mut url) = (None, None);
    while url.is_none() {
        match events.recv().await.unwrap() {
            SimEvent::Called { api, .. } => refused = Some(api),
            SimEvent::PersonDemanded { url: at, .. } => url = Some(at),
            _ => {}
        }
    }
    let x5sec = app.platform().pass_challenge(&url.unwrap()).unwrap();
    let tokens = shop.token_requests();
    let passed = ChallengePassed { account: shop.id, cookies: Cookies::parse(&format!("x5sec={x5sec}")) };
    let snapshot = format!("/api/v1/accounts/{}/snapshot", shop.id);
    while api.get(&snapshot).await.is(200).json()["breaker_open"] == false {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(app.registry().send(passed).await.unwrap(), Ok(()));
    let repeated = loop {
        if let SimEvent::Called { api, .. } = events.recv().await.unwrap() {
            break api;
        }
    };
    assert_eq!((Some(repeated), shop.token_requests()), (refused, tokens));
}

/// K16: there, the pause between two alerts about a login was cut short by what cleaned up behind it.
#[actix_web::test]
async fn k16_a_login_that_will_end_is_told_of_once_whatever_is_restarted() {
    let platform = sim::Config { login_lifetime: Duration::from_hours(48), ..sim::Config::default() };
    let mut app = TestApp::on(platform, |settings| settings.notify.poll = Duration::from_millis(50));
    let shop = app.open("shop");
    app.start().await;
    let told = async |app: &TestApp, id: AccountId| -> usize {
        let api = app.signed_in("seller").await;
        let page = api.get("/api/v1/notices?per_page=200").await.is(200).json();
        let rows = page["items"].as_array().unwrap().iter();
        rows.filter(|row| row["event"] == "login_ending" && row["account_id"] == json!(id.0)).count()
    };
    let until = async |app: &TestApp, id: AccountId| {
        while told(app, id).await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, until(&app, shop.id)).await.expect("it is told");
    app.restart().await;
    // What is told of another account was looked for at the same time.
    let other = app.open("other");
    tokio::time::timeout(PATIENCE, until(&app, other.id)).await.expect("it is told");
    assert_eq!(told(&app, shop.id).await, 1);
    let api = app.signed_in("seller").await;
    let page = api.get("/api/v1/notices?per_page=200").await.is(200).json();
    let row = page["items"].as_array().unwrap().iter().find(|row| row["event"] == "login_ending").unwrap().clone();
    assert!(row.to_string().contains("will end soon"), "{row}");
}

/// The link of a notice leads to exactly the step that mends the account.
#[actix_web::test]
async fn a_notice_about_an_account_leads_to_the_step_that_mends_it() {
    let (app, shop) = shop().await;
    let browser = app.anybody().sign_in_by_cookie("seller").await;
    let leads = async || {
        let led = browser.get(&format!("/app/accounts/{}/mend", shop.id)).await.is(303);
        led.header("location").unwrap().to_owned()
    };
    assert_eq!(leads().await, format!("/app/accounts/{}", shop.id), "it needs nobody");
    shop.demand_person();
    shop.expire_tokens();
    shop.close(1000);
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    let api = app.signed_in("seller").await;
    let open = api.get("/api/v1/challenges?open=true").await.is(200).json();
    assert_eq!(json!(leads().await), open["items"][0]["path"]);
    shop.relent();
    shop.expire_login();
    ordered(&api, &format!("/api/v1/accounts/{}/retry", shop.id)).await.is(200);
    app.becomes(&shop, State::Failed, Reason::SessionExpired).await;
    assert_eq!(leads().await, format!("/app/accounts/new?account={}", shop.id));
    let open = api.get("/api/v1/challenges?open=true").await.is(200).json();
    assert_eq!(open["total"], 0, "what nobody is to pass any more is over");
}
