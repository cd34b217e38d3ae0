//! The passport: the login page, its QR code and a phone, and how a login ends and is kept.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use yutang::sim::{Config, Interest, PhoneAction, PhoneFault, SimEvent};

use crate::{World, client::call};

const LOGIN: &str = "mtop.taobao.idlemessage.pc.loginuser.get";
const SESSION: &str = "FAIL_SYS_SESSION_EXPIRED::Session过期";
const SUCCESS: &str = "SUCCESS::调用成功";

/// A browser at the login page.
struct Browser<'a> {
    world: &'a World,
    jar: BTreeMap<String, String>,
    form: Vec<(String, String)>,
    code: String,
}

impl<'a> Browser<'a> {
    fn new(world: &'a World, jar: &str) -> Self {
        let jar = jar.split("; ").filter_map(|pair| pair.split_once('='));
        let jar = jar.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { world, jar, form: Vec::new(), code: String::new() }
    }

    fn header(&self) -> String {
        self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn send(&mut self, method: &str, path: &str, form: Option<&[(String, String)]>) -> String {
        let url = format!("http://{}{path}", self.world.sim.addr());
        let request = awc::Client::new().request(method.parse().unwrap(), url).insert_header(("Cookie", self.header()));
        let mut response = match form {
            Some(form) => request.send_form(&form).await,
            None => request.send().await,
        }
        .unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.jar.insert(name.to_owned(), value.to_owned());
        }
        String::from_utf8(response.body().await.unwrap().to_vec()).unwrap()
    }

    /// Opens the login page and has its code shown.
    async fn at_the_code(world: &'a World) -> Self {
        let mut browser = Self::new(world, "");
        let page = browser.send("GET", "/mini_login.htm?appName=xianyu&appEntrance=web&stie=77", None).await;
        let form = page.split("\"loginFormData\":").nth(1).unwrap();
        let form = serde_json::Deserializer::from_str(form).into_iter::<Value>().next().unwrap().unwrap();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        browser.form = form.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect();
        browser.form.push(("umidTag".into(), "SERVER".into()));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&browser.form).finish();
        let answer = browser.send("GET", &format!("/newlogin/qrcode/generate.do?{query}"), None).await;
        let part = |from: &str, to: char| answer.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
        let (t, ck) = (part("\"t\":", ','), part("\"ck\":\"", '"'));
        assert_eq!(t.len(), 20);
        browser.form.extend([("t".into(), t), ("ck".into(), ck)]);
        browser.code = part("\"codeContent\":\"", '"');
        browser
    }

    async fn poll(&mut self) -> Value {
        let form = self.form.clone();
        let answer = self.send("POST", "/newlogin/qrcode/query.do?appName=xianyu&fromSite=77", Some(&form)).await;
        serde_json::from_str(&answer).unwrap()
    }

    async fn state(&mut self) -> String {
        self.poll().await["content"]["data"]["qrCodeStatus"].as_str().unwrap_or_default().to_owned()
    }

    async fn has_login(&mut self) -> Value {
        let jar = |name: &str| self.jar.get(name).cloned().unwrap_or_default();
        let form: Vec<(String, String)> = [
            ("hid", jar("unb")),
            ("hsiz", jar("cookie2")),
            ("_csrf_token", jar("_tb_token_")),
            ("appName", "xianyu".into()),
            ("appEntrance", "web".into()),
            ("fromSite", "77".into()),
            ("umidTag", "SERVER".into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let answer = self.send("POST", "/newlogin/hasLogin.do?appName=xianyu&fromSite=77", Some(&form)).await;
        serde_json::from_str::<Value>(&answer).unwrap()["content"]["success"].take()
    }

    async fn ret(&self) -> String {
        let mut jar = self.header();
        let answer = call(self.world.sim.addr(), &jar, LOGIN, "{}").await;
        for cookie in &answer.cookies {
            jar = format!("{jar}; {}", cookie.split(';').next().unwrap());
        }
        call(self.world.sim.addr(), &jar, LOGIN, "{}").await.ret().to_owned()
    }
}

#[actix_web::test]
async fn a_scanned_and_confirmed_code_is_a_login() {
    let world = World::new();
    let platform = world.sim.platform();
    let mut browser = Browser::at_the_code(&world).await;
    let code = browser.code.clone();
    assert_eq!(browser.state().await, "NEW");
    assert_eq!(platform.confirm(&code, &world.shop), Err(PhoneFault::NotScanned));
    platform.scan(&code, &world.shop).unwrap();
    assert_eq!(browser.state().await, "SCANED");
    assert_eq!(platform.scan(&code, &world.shop), Err(PhoneFault::Over));
    let other = platform.add_account("other");
    assert_eq!(platform.confirm(&code, &other), Err(PhoneFault::NotScanned));
    assert_eq!(browser.jar.get("unb"), None);
    platform.confirm(&code, &world.shop).unwrap();
    assert_eq!(browser.state().await, "CONFIRMED");
    assert_eq!(browser.jar["unb"], world.shop.uid.as_str());
    assert!(browser.jar["tracknick"].starts_with("%E5%8D%96%E5%AE%B6shop"));
    assert!(browser.jar["havana_lgc_exp"].parse::<i64>().unwrap() > 1_700_000_000_000);
    assert_eq!(browser.ret().await, SUCCESS);
    assert_eq!(call(world.sim.addr(), &world.jar, LOGIN, "{}").await.ret(), SUCCESS, "the other browser stays");
    let stay = "/ac/account/setLoginSettings.do?fromSite=77&appName=xianyu&bizEntrance=web";
    browser.send("POST", stay, Some(&[("status".into(), "0".into())])).await;
    assert!(browser.jar.contains_key("havana_lgc2_77"));
}

#[actix_web::test]
async fn a_code_may_be_declined_or_too_old_or_fail() {
    let world = World::new();
    let platform = world.sim.platform();
    let mut browser = Browser::at_the_code(&world).await;
    platform.scan(&browser.code, &world.shop).unwrap();
    platform.decline(&browser.code, &world.shop).unwrap();
    assert_eq!(browser.state().await, "CANCELED");
    assert_eq!(platform.confirm(&browser.code, &world.shop), Err(PhoneFault::Over));
    let mut browser = Browser::at_the_code(&world).await;
    platform.expire_code(&browser.code).unwrap();
    assert_eq!(browser.state().await, "EXPIRED");
    let mut browser = Browser::at_the_code(&world).await;
    platform.phone(PhoneAction::Break, &browser.code, &world.shop).unwrap();
    assert_eq!(browser.state().await, "ERROR");
    let world = World::with(Config { code_lifetime: Duration::ZERO, ..Config::default() });
    let mut browser = Browser::at_the_code(&world).await;
    assert_eq!(world.sim.platform().scan(&browser.code, &world.shop), Err(PhoneFault::Over));
    assert_eq!(browser.state().await, "EXPIRED");
    assert_eq!(world.sim.platform().scan("made up", &world.shop), Err(PhoneFault::Unknown));
}

/// With curl, from the first to the last: also the page that wants to see a person.
#[actix_web::test]
async fn the_control_api_is_a_phone() {
    let world = World::new();
    let mut browser = Browser::at_the_code(&world).await;
    let code = browser.code.clone();
    let phone = async |action: &str| {
        let url = format!("http://{}/control/accounts/shop/phone", world.sim.addr());
        let body = json!({"action": action, "code": code});
        awc::Client::new().post(url).send_json(&body).await.unwrap().status().as_u16()
    };
    assert_eq!(phone("confirm").await, 409);
    assert_eq!([phone("scan").await, phone("demand_check").await, phone("confirm").await], [204, 204, 204]);
    let answer = browser.poll().await;
    let data = &answer["content"]["data"];
    assert_eq!((&data["qrCodeStatus"], &data["iframeRedirect"]), (&json!("CONFIRMED"), &json!(true)));
    assert_eq!(browser.jar.get("unb"), None, "no login before the check");
    let url = data["iframeRedirectUrl"].as_str().unwrap().to_owned();
    let page = awc::Client::new().get(&url).send().await.unwrap().body().await.unwrap();
    assert!(String::from_utf8_lossy(&page).contains("确认是本人"));
    let token = url.split("token=").nth(1).unwrap();
    let done = browser.send("POST", &format!("/iv/photoVerify/check.do?token={token}"), Some(&[])).await;
    assert!(done.contains("\"code\":3"), "{done}");
    assert_eq!(browser.state().await, "CONFIRMED");
    assert_eq!(browser.jar["unb"], world.shop.uid.as_str());
    assert_eq!(awc::Client::new().get(&url).send().await.unwrap().status(), 410);
    assert_eq!([phone("scan").await, phone("pass_check").await], [409, 409]);
}

#[actix_web::test]
async fn each_field_of_the_form_must_be_right() {
    let world = World::new();
    let mut browser = Browser::at_the_code(&world).await;
    let right = browser.form.clone();
    let mut events = world.sim.platform().events(Interest::Everything);
    for name in ["_csrf_token", "hsiz", "umidToken", "umidTag", "appName", "t", "ck"] {
        browser.form = right.clone();
        browser.form.iter_mut().filter(|(field, _)| field == name).for_each(|(_, value)| value.push('x'));
        assert_eq!(browser.poll().await["hasError"], true, "{name}");
        let Ok(SimEvent::Unreadable { why, .. }) = events.try_recv() else { panic!("{name}: nothing told") };
        assert!(why.contains(name) || why.contains("t or ck"), "{why}");
    }
    browser.form = right;
    let somebody = Browser::at_the_code(&world).await;
    browser.jar = somebody.jar;
    assert_eq!(browser.poll().await["hasError"], true, "somebody else's form");
}

#[actix_web::test]
async fn a_login_that_ran_out_is_healed_once_asked_and_a_dead_one_never() {
    let world = World::new();
    let mut browser = Browser::new(&world, &world.jar);
    let before = browser.jar.clone();
    assert_eq!(browser.has_login().await, true);
    assert_eq!(browser.jar["cookie2"], before["cookie2"]);
    assert_ne!(browser.jar["sgcookie"], before["sgcookie"]);
    world.shop.lapse_login();
    assert_eq!(browser.ret().await, SESSION);
    let mut second = Browser::new(&world, &browser.header());
    assert_eq!(browser.has_login().await, true);
    assert_eq!(browser.ret().await, SUCCESS);
    assert_eq!(second.ret().await, SESSION, "whoever does not keep the new cookies");
    assert_eq!(second.has_login().await, true, "may ask again");
    world.shop.expire_login();
    assert_eq!(browser.ret().await, SESSION);
    assert_eq!(browser.has_login().await, false);
    assert_eq!(world.shop.has_login_requests(), 4);
    browser.jar.insert("_tb_token_".into(), String::new());
    assert_eq!(browser.has_login().await, false);
}

#[actix_web::test]
async fn a_login_lasts_its_time_and_its_grace() {
    let config = Config { login_lifetime: Duration::ZERO, ..Config::default() };
    let world = World::with(config.clone());
    let mut browser = Browser::new(&world, &world.jar);
    assert_eq!((browser.ret().await.as_str(), browser.has_login().await), (SESSION, json!(true)));
    let world = World::with(Config { login_grace: Duration::ZERO, ..config });
    let mut browser = Browser::new(&world, &world.jar);
    assert_eq!((browser.ret().await.as_str(), browser.has_login().await), (SESSION, json!(false)));
}
