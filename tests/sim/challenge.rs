//! A challenge: what demands a person, and what is taken for one.

use std::net::SocketAddr;

use serde_json::{Value, json};
use yutang::sim::{Config, Drags, Faults, Gateway, Interest, SimEvent};

use crate::{World, client::call};

const LOGIN: &str = "mtop.taobao.idlemessage.pc.loginuser.get";
const NAV: &str = "mtop.idle.web.user.page.nav";
const DEMANDED: &str = "FAIL_SYS_USER_VALIDATE";
const SUCCESS: &str = "SUCCESS::调用成功";

/// A challenge's page as a browser opened it.
struct Page {
    address: SocketAddr,
    x5secdata: String,
    page: String,
}

impl Page {
    async fn open(address: SocketAddr, url: &str) -> Option<Self> {
        let mut response = awc::Client::new().get(url).send().await.unwrap();
        assert!(response.headers().get("content-type").unwrap().to_str().unwrap().starts_with("text/html"));
        if response.status() != 200 {
            return None;
        }
        let html = String::from_utf8(response.body().await.unwrap().to_vec()).unwrap();
        assert!(html.contains("请按住滑块，拖动到最右边"));
        let field =
            |name: &str| html.split(&format!("{name}: \"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
        Some(Self { address, x5secdata: field("x5secdata"), page: field("page") })
    }

    /// Drags over `ms` to the right end. The answer, and the cookie it sets.
    async fn drag(&self, ms: u32) -> (Value, Option<String>) {
        let point = |what: &str, part: f64| json!({"what": what, "t": f64::from(ms) * part, "x": 260.0 * part, "y": 9, "trusted": true});
        let mut trail = vec![point("down", 0.0)];
        trail.extend((1..=20).map(|step| point("move", f64::from(step) / 20.0)));
        trail.push(point("up", 1.0));
        let drag =
            json!({"x5secdata": self.x5secdata, "page": self.page, "kind": "touch", "reach": 260, "trail": trail});
        let request = awc::Client::new().post(format!("http://{}/_____tmd_____/slide", self.address));
        let mut response = request.send_json(&drag).await.unwrap();
        let cookie = response.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
        (response.json().await.unwrap(), cookie)
    }
}

/// The address that a stopped call is answered with.
async fn demanded(world: &World, jar: &str) -> String {
    let answer = call(world.sim.addr(), jar, LOGIN, "{}").await;
    assert_eq!((answer.status, answer.ret()), (200, DEMANDED));
    assert!(answer.body["ret"][1].as_str().unwrap().starts_with("RGV587_ERROR"));
    answer.body["data"]["url"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_hand_at_the_slider_opens_the_gateway_to_its_jar_alone() {
    let world = World::new();
    let mut events = world.sim.platform().events(Interest::Everything);
    world.shop.demand_person();
    let url = demanded(&world, &world.jar).await;
    assert!(url.starts_with(&format!("http://{}/_____tmd_____/punish?x5secdata=", world.sim.addr())), "{url}");
    assert_eq!(demanded(&world, &world.jar).await, url, "until it is spent");
    let page = Page::open(world.sim.addr(), &url).await.unwrap();
    let (verdict, cookie) = page.drag(700).await;
    assert_eq!((&verdict["passed"], &verdict["text"]), (&json!(true), &json!("验证通过")));
    let cookie = cookie.unwrap();
    assert!(cookie.contains("HttpOnly"), "{cookie}");
    let passed = format!("{}; {}", world.jar, cookie.split(';').next().unwrap());
    assert_eq!(call(world.sim.addr(), &passed, LOGIN, "{}").await.ret(), SUCCESS);
    let other = format!("{}; x5sec=made-up", world.jar);
    assert_ne!(demanded(&world, &other).await, url, "a spent one is not handed out again");
    world.shop.demand_person();
    demanded(&world, &passed).await;
    world.shop.relent();
    assert_eq!(call(world.sim.addr(), &world.jar, LOGIN, "{}").await.ret(), SUCCESS);
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        match event {
            SimEvent::PersonDemanded { account, .. } => told.push(format!("demanded {account}")),
            SimEvent::ChallengeOpened { account } => told.push(format!("opened {account}")),
            SimEvent::DragAccepted { account, kind } => told.push(format!("{kind} {account}")),
            _ => (),
        }
    }
    assert_eq!(told[..4], ["demanded shop", "demanded shop", "opened shop", "touch shop"]);
}

#[actix_web::test]
async fn three_wrong_drags_wear_a_page_out_and_a_passed_one_is_spent() {
    let world = World::new();
    world.shop.demand_person();
    let url = demanded(&world, &world.jar).await;
    let worn = Page::open(world.sim.addr(), &url).await.unwrap();
    for (again, text) in
        [(true, "验证失败，请重试"), (true, "验证失败，请重试"), (false, "验证失败次数过多，请刷新页面")]
    {
        let (verdict, cookie) = worn.drag(20).await;
        assert_eq!((&verdict["again"], verdict["text"].as_str()), (&json!(again), Some(text)));
        assert_eq!(cookie, None);
    }
    assert_eq!(worn.drag(700).await.0["passed"], false);
    let fresh = Page::open(world.sim.addr(), &url).await.unwrap();
    assert_eq!(fresh.drag(700).await.0["passed"], true);
    assert_eq!(fresh.drag(700).await.0["text"], "验证已失效");
    assert!(Page::open(world.sim.addr(), &url).await.is_none());
    assert!(Page::open(world.sim.addr(), &url.replace("x5secdata=", "x5secdata=0")).await.is_none());
    assert_eq!(world.shop.drags(), (1, 3));
}

#[actix_web::test]
async fn a_challenge_may_be_for_some_calls_and_for_one_account_and_for_all() {
    let world = World::new();
    let other = world.sim.platform().add_account("other");
    let other_jar = world.sim.platform().cookies(&other);
    world.shop.demand_person_for([NAV]);
    assert_eq!(call(world.sim.addr(), &world.jar, LOGIN, "{}").await.ret(), SUCCESS);
    assert_eq!(call(world.sim.addr(), &world.jar, NAV, "{}").await.ret(), DEMANDED);
    assert_eq!(call(world.sim.addr(), &other_jar, NAV, "{}").await.ret(), SUCCESS);
    world.sim.platform().demand_person();
    let urls = [demanded(&world, &world.jar).await, demanded(&world, &other_jar).await];
    let x5sec = world.sim.platform().pass_challenge(&urls[1]).unwrap();
    demanded(&world, &format!("{}; x5sec={x5sec}", world.jar)).await;
    assert_eq!(call(world.sim.addr(), &format!("{other_jar}; x5sec={x5sec}"), LOGIN, "{}").await.ret(), SUCCESS);
}

#[actix_web::test]
async fn a_platform_may_believe_any_drag() {
    let world = World::with(Config { drags: Drags::Any, ..Config::default() });
    world.shop.demand_person();
    let page = Page::open(world.sim.addr(), &demanded(&world, &world.jar).await).await.unwrap();
    assert_eq!(page.drag(1).await.0["passed"], true);
}

#[actix_web::test]
async fn the_standing_fault_leads_to_a_page_too() {
    let world = World::new();
    let faults = Faults { gateway: Gateway::Punish, ..Faults::default() };
    world.sim.platform().change_faults(|standing| *standing = faults);
    let url = demanded(&world, &world.jar).await;
    assert!(Page::open(world.sim.addr(), &url).await.is_some());
}

/// As a person with curl does it.
#[actix_web::test]
async fn the_control_api_demands_a_person_and_passes() {
    let world = World::new();
    let (http, base) = (awc::Client::new(), format!("http://{}/control", world.sim.addr()));
    let demand = json!({"do": "demand_person"});
    assert_eq!(http.post(format!("{base}/accounts/shop/actions")).send_json(&demand).await.unwrap().status(), 200);
    let url = demanded(&world, &world.jar).await;
    let state: Value = http.get(format!("{base}/state")).send().await.unwrap().json().await.unwrap();
    assert_eq!(state["accounts"][0]["demands_person"], true);
    let passed = http.post(format!("{base}/challenges")).send_json(&json!({"url": url})).await;
    let passed: Value = passed.unwrap().json().await.unwrap();
    let jar = format!("{}; x5sec={}", world.jar, passed["x5sec"].as_str().unwrap());
    assert_eq!(call(world.sim.addr(), &jar, LOGIN, "{}").await.ret(), SUCCESS);
    let spent = http.post(format!("{base}/challenges")).send_json(&json!({"url": url})).await;
    assert_eq!(spent.unwrap().status(), 409);
    let relent = json!({"do": "relent"});
    http.post(format!("{base}/accounts/shop/actions")).send_json(&relent).await.unwrap();
    assert!(!world.shop.demands_person());
}
