//! The passport: the login page with its QR code, and what keeps a login alive.
//!
//! A browser before its login is known by its `cookie2` alone: the other values of its form follow from that. Simulator-only: how a form
//! is refused or met with a challenge, that a confirmed code tells its cookies as often as its browser asks without
//! them, and that `_tb_token_` is as good as `XSRF-TOKEN`.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    rt::time::sleep,
    web::{self, Bytes, Data},
};
use serde_json::{Value, json};

use super::{
    account::Account,
    challenge::origin,
    event::SimEvent,
    fault::Passport,
    gateway::{find, parse_cookies},
    login::login_cookies,
    phone::{Code, Stage},
    platform::Platform,
    sign::{md5, secret},
};

/// A request, read.
struct Asked {
    origin: String,
    path: String,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    cookies: Vec<(String, String)>,
}

/// The routes of the passport.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/mini_login.htm", web::get().to(mini_login))
        .route("/newlogin/qrcode/generate.do", web::get().to(generate))
        .route("/newlogin/qrcode/query.do", web::post().to(query))
        .route("/newlogin/hasLogin.do", web::post().to(has_login))
        .route("/ac/account/setLoginSettings.do", web::post().to(set_login_settings))
        .route("/iv/photoVerify", web::get().to(check_page))
        .route("/iv/photoVerify/check.do", web::post().to(pass_check));
}

impl Asked {
    fn read(request: &HttpRequest, body: &[u8]) -> Self {
        let pairs = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect();
        let jar = request.headers().get(header::COOKIE).map(|jar| String::from_utf8_lossy(jar.as_bytes()));
        Self {
            origin: origin(request),
            path: request.path().to_owned(),
            query: pairs(request.query_string().as_bytes()),
            form: pairs(body),
            cookies: parse_cookies(&jar.unwrap_or_default()),
        }
    }

    fn cookie(&self, name: &str) -> &str {
        find(&self.cookies, name).unwrap_or_default()
    }

    /// The name of the first pair that is not as it must be.
    fn wrong<'a>(fields: &[(String, String)], expected: &[(&'a str, &str)]) -> Option<&'a str> {
        expected.iter().find(|(name, value)| find(fields, name) != Some(value)).map(|(name, _)| *name)
    }

    /// What is wrong with the fields that the login page's form has.
    fn wrong_form(&self, fields: &[(String, String)]) -> Option<&'static str> {
        let cookie2 = self.cookie("cookie2");
        let (xsrf, umid) = (xsrf(cookie2), umid(cookie2));
        if cookie2.is_empty() || self.cookie("XSRF-TOKEN") != xsrf {
            return Some("the cookies of the login page");
        }
        let expected = [
            ("appName", "xianyu"),
            ("fromSite", "77"),
            ("appEntrance", "web"),
            ("_csrf_token", &xsrf),
            ("umidToken", &umid),
            ("hsiz", cookie2),
            ("mainPage", "false"),
            ("isMobile", "false"),
            ("lang", "zh_CN"),
            ("umidTag", "SERVER"),
        ];
        Self::wrong(fields, &expected)
    }
}

fn xsrf(cookie2: &str) -> String {
    md5(&format!("xsrf:{cookie2}"))
}

fn umid(cookie2: &str) -> String {
    md5(&format!("umid:{cookie2}"))
}

/// The login page. Around the form stands what a page has there: other scripts, and an end of script inside a text.
async fn mini_login(platform: Data<Platform>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let asked = Asked::read(&request, &body);
    if let Some(faulty) = faulty(&platform, &asked, None).await {
        return faulty;
    }
    if let Some(wrong) = Asked::wrong(&asked.query, &[("appName", "xianyu"), ("appEntrance", "web"), ("stie", "77")]) {
        return refuse(&platform, None, &asked, wrong);
    }
    let cookie2 = secret();
    let form = json!({
        "appName": "xianyu", "fromSite": 77, "appEntrance": "web", "_csrf_token": xsrf(&cookie2), "umidToken": umid(&cookie2),
        "hsiz": cookie2, "bizParams": "taobaoBizLoginFrom=web&renderRefer=x", "mainPage": false, "isMobile": false, "lang": "zh_CN",
        "returnUrl": "", "extra": null,
    });
    let data = json!({"title": "登录 {闲鱼} \"};", "loginFormData": form, "tip": "<b>x</b>"}).to_string();
    let data = data.replace("</", "<\\/");
    let html = format!(
        "<!DOCTYPE html><html><head><script>window.viewConfig = {{\"a\":1}};</script>\n<script>\nwindow.viewData = {data};\nif (window.viewData) {{ init(window.viewData); }}\n</script></head><body></body></html>"
    );
    let mut response = HttpResponse::Ok();
    for (name, value) in
        [("XSRF-TOKEN", xsrf(&cookie2)), ("_tb_token_", secret()[..13].to_owned()), ("cookie2", cookie2)]
    {
        response.append_header((header::SET_COOKIE, set_cookie(name, &value)));
    }
    response.content_type("text/html;charset=UTF-8").body(html)
}

/// A QR code.
async fn generate(platform: Data<Platform>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let asked = Asked::read(&request, &body);
    if let Some(faulty) = faulty(&platform, &asked, None).await {
        return faulty;
    }
    if let Some(wrong) = asked.wrong_form(&asked.query) {
        return refuse(&platform, None, &asked, wrong);
    }
    let Code { lg_token, t, ck, .. } = platform.codes.show(asked.cookie("cookie2"), &platform.shared.config);
    let content = json!(format!("{}/qrcodeCheck.htm?lgToken={lg_token}&_from=web", asked.origin));
    // by hand: no JSON number of serde's is that long
    json_text(format!(
        r#"{{"content":{{"data":{{"t":{t},"ck":"{ck}","codeContent":{content},"resultCode":100,"processFinished":false}},"status":0,"success":true}},"hasError":false}}"#
    ))
}

/// How far a code got.
async fn query(platform: Data<Platform>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let asked = Asked::read(&request, &body);
    if let Some(faulty) = faulty(&platform, &asked, None).await {
        return faulty;
    }
    let wrong = Asked::wrong(&asked.query, &[("appName", "xianyu"), ("fromSite", "77")]);
    if let Some(wrong) = wrong.or_else(|| asked.wrong_form(&asked.form)) {
        return refuse(&platform, None, &asked, wrong);
    }
    let field = |name| find(&asked.form, name).unwrap_or_default();
    let code = platform.codes.ask(field("t"), field("ck"));
    let Some(code) = code.filter(|code| code.visitor == asked.cookie("cookie2")) else {
        return refuse(&platform, None, &asked, "t or ck");
    };
    let mut response = HttpResponse::Ok();
    let stage = code.stage(&platform.shared.config);
    let status = match &stage {
        Stage::New => "NEW",
        Stage::Scanned(_) => "SCANED",
        Stage::Confirmed(..) => "CONFIRMED",
        Stage::Expired => "EXPIRED",
        Stage::Canceled => "CANCELED",
        Stage::Broken => "ERROR",
    };
    let mut data = json!({"qrCodeStatus": status, "resultCode": 100, "processFinished": false});
    match (stage, &code.check) {
        (Stage::New | Stage::Scanned(_) | Stage::Confirmed(..), Some(token)) => {
            data["iframeRedirect"] = true.into();
            data["iframeRedirectUrl"] = format!("{}/iv/photoVerify?token={token}", asked.origin).into();
        }
        (Stage::Confirmed(account, cookie2), None) => {
            data["processFinished"] = true.into();
            logged_in(&mut response, &account, &cookie2);
        }
        (Stage::New | Stage::Scanned(_) | Stage::Expired | Stage::Canceled | Stage::Broken, _) => (),
    }
    response.json(json!({"content": {"data": data, "success": true}, "hasError": false}))
}

/// Whether the login runs, and for longer.
async fn has_login(platform: Data<Platform>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let asked = Asked::read(&request, &body);
    let (unb, cookie2) = (asked.cookie("unb"), asked.cookie("cookie2"));
    let account = platform.account(unb);
    if let Some(account) = &account {
        account.has_login_requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        account.changed();
    }
    if let Some(faulty) = faulty(&platform, &asked, account.as_ref()).await {
        return faulty;
    }
    let expected = [
        ("hid", unb),
        ("hsiz", cookie2),
        ("appName", "xianyu"),
        ("appEntrance", "web"),
        ("fromSite", "77"),
        ("umidTag", "SERVER"),
    ];
    let wrong = Asked::wrong(&asked.query, &[("appName", "xianyu"), ("fromSite", "77")]);
    let wrong = wrong.or_else(|| Asked::wrong(&asked.form, &expected));
    let csrf = find(&asked.form, "_csrf_token").unwrap_or_default();
    let known_csrf = !csrf.is_empty() && ["XSRF-TOKEN", "_tb_token_"].iter().any(|name| asked.cookie(name) == csrf);
    if let Some(wrong) = wrong.or((!known_csrf).then_some("_csrf_token")) {
        return refuse(&platform, account.as_deref(), &asked, wrong);
    }
    let prolonged =
        account.as_ref().and_then(|account| account.lock().logins.prolong(cookie2, &platform.shared.config));
    if let Some(account) = &account {
        let (account, prolonged) = (account.name.clone(), prolonged.is_some());
        platform.shared.events.tell(|| SimEvent::HasLogin { account, prolonged });
    }
    let mut response = HttpResponse::Ok();
    let (Some(account), Some(cookie2)) = (account, prolonged) else {
        return response
            .json(json!({"content": {"success": false, "data": {"loginResult": "fail"}}, "hasError": false}));
    };
    logged_in(&mut response, &account, &cookie2);
    response.json(json!({"content": {"success": true, "data": {"loginResult": "success"}}, "hasError": false}))
}

/// `status=0`: the login is kept for its whole time.
async fn set_login_settings(platform: Data<Platform>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let asked = Asked::read(&request, &body);
    let account = platform.account(asked.cookie("unb"));
    if let Some(faulty) = faulty(&platform, &asked, account.as_ref()).await {
        return faulty;
    }
    let expected = [("fromSite", "77"), ("appName", "xianyu"), ("bizEntrance", "web")];
    let wrong = Asked::wrong(&asked.query, &expected).or_else(|| Asked::wrong(&asked.form, &[("status", "0")]));
    if let Some(wrong) = wrong {
        return refuse(&platform, account.as_deref(), &asked, wrong);
    }
    let cookie2 = asked.cookie("cookie2");
    if !account.is_some_and(|account| account.is_logged_in(Some(cookie2))) {
        return HttpResponse::Ok().json(json!({"content": {"success": false}, "hasError": false}));
    }
    HttpResponse::Ok()
        .append_header((header::SET_COOKIE, set_cookie("havana_lgc2_77", &md5(&format!("stay:{cookie2}")))))
        .json(json!({"content": {"success": true}, "hasError": false}))
}

/// The page that wants to see a person before a code is worth anything.
async fn check_page(platform: Data<Platform>, request: HttpRequest) -> HttpResponse {
    let token = token(&request);
    let (status, html) = if platform.codes.is_checked(&token) {
        (StatusCode::OK, include_str!("check.html").replace("{token}", &token))
    } else {
        (StatusCode::GONE, include_str!("challenge_gone.html").to_owned())
    };
    HttpResponse::build(status).content_type("text/html;charset=UTF-8").body(html)
}

/// What that page posts.
async fn pass_check(platform: Data<Platform>, request: HttpRequest) -> HttpResponse {
    let code = if platform.codes.pass_check(&token(&request)) { 3 } else { 1 };
    HttpResponse::Ok().json(json!({"content": {"code": code, "url": origin(&request)}, "hasError": false}))
}

fn token(request: &HttpRequest) -> String {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    find(&pairs, "token").unwrap_or_default().to_owned()
}

/// Sets the cookies of a login; those that nobody checks are new each time.
fn logged_in(response: &mut actix_web::HttpResponseBuilder, account: &Account, cookie2: &str) {
    for (name, value) in login_cookies(account, cookie2, |_| secret()) {
        response.append_header((header::SET_COOKIE, set_cookie(name, &value)));
    }
}

fn set_cookie(name: &str, value: &str) -> String {
    format!("{name}={value};Path=/;Domain=goofish.com;Max-Age=2592000;SameSite=None;Secure;HttpOnly")
}

fn json_text(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json;charset=UTF-8").body(text)
}

/// A form that is not as the login page made it. Told as what cannot be read.
fn refuse(platform: &Platform, account: Option<&Account>, asked: &Asked, wrong: &str) -> HttpResponse {
    let (account, why) = (account.map(|account| account.name.clone()), format!("{}: {wrong} is wrong", asked.path));
    platform.shared.events.tell(|| SimEvent::Unreadable { account, why });
    refusal()
}

fn refusal() -> HttpResponse {
    let content: Value =
        json!({"success": false, "status": -1, "errorCode": "ILLEGAL_PARAM", "data": {"titleMsg": "参数错误"}});
    HttpResponse::Ok().json(json!({"content": content, "hasError": true}))
}

/// What the faults answer instead of the truth.
async fn faulty(platform: &Platform, asked: &Asked, account: Option<&Arc<Account>>) -> Option<HttpResponse> {
    let faults = account.map_or_else(|| platform.faults(), |account| account.faults());
    if faults.delay_ms > 0 {
        sleep(faults.delay()).await;
    }
    match faults.passport {
        Passport::Healthy => None,
        Passport::Refused => Some(refusal()),
        Passport::Punish => {
            let url = platform.challenge_url(account, &asked.origin);
            if asked.path.ends_with(".do") {
                return Some(HttpResponse::Ok().json(json!({"rgv587_flag": "sm", "url": url})));
            }
            let html = format!("<html><script>location.href = {};</script></html>", json!(url));
            Some(HttpResponse::Ok().content_type("text/html;charset=UTF-8").body(html))
        }
        Passport::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            Some(HttpResponse::build(status).content_type("text/html").body("<html><body>error</body></html>"))
        }
        Passport::Garbage => Some(json_text("{\"content\":{\"succ".to_owned())),
        Passport::Hang => std::future::pending().await,
        Passport::Redirects(most) => {
            let hop: u8 = find(&asked.query, "hop").and_then(|hop| hop.parse().ok()).unwrap_or(0);
            (hop < most).then(|| redirect(asked, hop + 1))
        }
        Passport::Elsewhere => {
            let away = (header::LOCATION, "https://elsewhere.example.invalid/");
            Some(HttpResponse::TemporaryRedirect().insert_header(away).finish())
        }
    }
}

/// To the same place, method and form kept, with a cookie on the way.
fn redirect(asked: &Asked, hop: u8) -> HttpResponse {
    let mut to = form_urlencoded::Serializer::for_suffix(format!("{}?", asked.path), asked.path.len() + 1);
    to.extend_pairs(asked.query.iter().filter(|(name, _)| name != "hop")).append_pair("hop", &hop.to_string());
    HttpResponse::TemporaryRedirect()
        .insert_header((header::LOCATION, to.finish()))
        .append_header((header::SET_COOKIE, set_cookie(&format!("hop{hop}"), "1")))
        .finish()
}
