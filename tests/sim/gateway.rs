//! The gateway: signatures, sessions, calls.

use std::time::Duration;

use serde_json::json;
use yutang::sim::{Config, Faults, Gateway};

use crate::{
    World,
    client::{APP_KEY, DEVICE, call},
};

const TOKEN: &str = "mtop.taobao.idlemessage.pc.login.token";
const LOGIN: &str = "mtop.taobao.idlemessage.pc.loginuser.get";

fn token_data() -> String {
    json!({"appKey": APP_KEY, "deviceId": DEVICE}).to_string()
}

/// The jar with the signature token of these `Set-Cookie` values.
fn merged(jar: &str, cookies: &[String]) -> String {
    let rest = jar.split("; ").filter(|pair| !pair.starts_with("_m_h5_tk"));
    let fresh = cookies.iter().map(|cookie| cookie.split(';').next().unwrap());
    rest.chain(fresh).collect::<Vec<_>>().join("; ")
}

#[actix_web::test]
async fn a_call_without_a_token_gets_one_and_may_repeat() {
    let world = World::new();
    let jar = merged(&world.jar, &[]);
    let answer = call(world.sim.addr(), &jar, LOGIN, "{}").await;
    assert_eq!((answer.status, answer.ret()), (200, "FAIL_SYS_TOKEN_EMPTY::令牌为空"));
    assert_eq!(answer.cookies.len(), 2);
    let answer = call(world.sim.addr(), &merged(&jar, &answer.cookies), LOGIN, "{}").await;
    assert_eq!(answer.ret(), "SUCCESS::调用成功");
}

#[actix_web::test]
async fn an_outlived_or_revoked_token_is_replaced() {
    let world = World::with(Config { h5_lifetime: Duration::ZERO, ..Config::default() });
    let answer = call(world.sim.addr(), &world.jar, LOGIN, "{}").await;
    assert_eq!((answer.ret(), answer.cookies.len()), ("FAIL_SYS_TOKEN_EXOIRED::令牌过期", 2));
    let world = World::new();
    world.sim.platform().expire_signatures();
    let answer = call(world.sim.addr(), &world.jar, LOGIN, "{}").await;
    assert_eq!(answer.ret(), "FAIL_SYS_TOKEN_EXOIRED::令牌过期");
    let answer = call(world.sim.addr(), &merged(&world.jar, &answer.cookies), LOGIN, "{}").await;
    assert_eq!(answer.ret(), "SUCCESS::调用成功");
}

#[actix_web::test]
async fn a_wrong_signature_is_an_illegal_request() {
    let world = World::new();
    let url = format!("http://{}/h5/{LOGIN}/1.0/?appKey=34839810&t=1&sign=0&data=%7B%7D", world.sim.addr());
    let mut response = awc::Client::new().get(url).insert_header(("Cookie", world.jar.as_str())).send().await.unwrap();
    let body: serde_json::Value = response.json().await.unwrap();
    assert!(body["ret"][0].as_str().unwrap().starts_with("FAIL_SYS_ILLEGAL_REQUEST"));
}

#[actix_web::test]
async fn every_request_for_an_access_token_is_counted() {
    let world = World::new();
    for expected in 1..=3 {
        let answer = call(world.sim.addr(), &world.jar, TOKEN, &token_data()).await;
        assert!(answer.body["data"]["accessToken"].as_str().unwrap().starts_with("oauth_k1:"));
        assert_eq!(answer.body["data"]["accessTokenExpiredTime"], "86400000");
        assert_eq!(world.shop.token_requests(), expected);
    }
}

#[actix_web::test]
async fn a_login_says_whose_it_is() {
    let world = World::new();
    let login = call(world.sim.addr(), &world.jar, LOGIN, "{}").await;
    assert_eq!(login.body["data"]["userId"], world.shop.uid.as_str());
    assert_eq!(login.body["data"]["nick"], "卖家shop");
    let page = call(world.sim.addr(), &world.jar, "mtop.idle.web.user.page.nav", "{}").await;
    let base = &page.body["data"]["module"]["base"];
    assert_eq!((&base["displayName"], &base["avatar"]), (&json!("卖家shop"), &login.body["data"]["logo"]));
}

#[actix_web::test]
async fn old_cookies_end_with_the_login() {
    let world = World::new();
    world.shop.expire_login();
    let answer = call(world.sim.addr(), &world.jar, TOKEN, &token_data()).await;
    assert_eq!(answer.ret(), "FAIL_SYS_SESSION_EXPIRED::Session过期");
    let fresh = world.sim.platform().cookies(&world.shop);
    assert_eq!(call(world.sim.addr(), &fresh, TOKEN, &token_data()).await.ret(), "SUCCESS::调用成功");
}

#[actix_web::test]
async fn each_call_is_answered_and_unknown_ones_are_named() {
    let world = World::new();
    world.shop.purchase("888", "900000000005");
    world.shop.buyer_says("777", "900000000001", "在吗");
    let detail = |item: &str| json!({"itemId": item}).to_string();
    let api = "mtop.taobao.idle.pc.detail";
    let own = call(world.sim.addr(), &world.jar, api, &detail("900000000001")).await;
    assert_eq!(own.body["data"]["sellerDO"]["sellerId"], world.shop.uid.as_str());
    let others = call(world.sim.addr(), &world.jar, api, &detail("900000000005")).await;
    assert_eq!(others.body["data"]["sellerDO"]["sellerId"], "888");
    let list = call(world.sim.addr(), &world.jar, "mtop.taobao.idlemessage.pc.session.sync", "{\"fetchNum\":1}").await;
    assert_eq!(list.body["data"]["hasMore"], true);
    assert_eq!(list.body["data"]["sessions"].as_array().unwrap().len(), 1);
    let unknown = call(world.sim.addr(), &world.jar, "mtop.no.such", "{}").await;
    assert!(unknown.ret().starts_with("FAIL_SYS_SERVICE_NOT_EXIST"));
}

#[actix_web::test]
async fn each_gateway_fault_answers_as_it_says() {
    let world = World::new();
    let cases = [
        (Gateway::TokenEmpty, 200, "FAIL_SYS_TOKEN_EMPTY::令牌为空"),
        (Gateway::TokenExpired, 200, "FAIL_SYS_TOKEN_EXOIRED::令牌过期"),
        (Gateway::Punish, 200, "FAIL_SYS_USER_VALIDATE"),
        (Gateway::PunishHtml, 200, "FAIL_SYS_USER_VALIDATE"),
        (Gateway::SessionExpired, 200, "FAIL_SYS_SESSION_EXPIRED::Session过期"),
        (Gateway::IllegalAccess, 200, "FAIL_SYS_ILLEGAL_ACCESS::非法请求"),
        (Gateway::Status(502), 502, ""),
        (Gateway::Garbage, 200, ""),
        (Gateway::EmptyRet, 200, ""),
        (Gateway::Ret("FAIL_SYS_TRAFFIC_LIMIT::限流".into()), 200, "FAIL_SYS_TRAFFIC_LIMIT::限流"),
    ];
    for (gateway, status, ret) in cases {
        let faults = Faults { gateway: gateway.clone(), ..Faults::default() };
        world.sim.platform().change_faults(|standing| *standing = faults);
        let answer = call(world.sim.addr(), &world.jar, TOKEN, &token_data()).await;
        assert_eq!((answer.status, answer.ret()), (status, ret), "{gateway:?}");
        let punished = matches!(gateway, Gateway::Punish | Gateway::PunishHtml);
        assert_eq!(answer.body["data"]["url"].is_string(), punished, "{gateway:?}");
        let html = matches!(gateway, Gateway::PunishHtml | Gateway::Status(_));
        assert_eq!(answer.content_type.starts_with("text/html"), html, "{gateway:?}");
    }
}

#[actix_web::test]
async fn a_hanging_gateway_never_answers() {
    let world = World::new();
    world.sim.platform().change_faults(|faults| faults.hang_gateway = true);
    let data = token_data();
    let call = call(world.sim.addr(), &world.jar, TOKEN, &data);
    assert!(tokio::time::timeout(Duration::from_millis(60), call).await.is_err());
}
