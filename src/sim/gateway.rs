//! The mtop gateway: signatures, sessions, and the calls a chat client makes.

use std::{
    borrow::Cow,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde_json::{Value, json};

use super::{
    IM_APP_KEY,
    account::Account,
    challenge, desk,
    event::SimEvent,
    fault::{Faults, Gateway},
    item,
    line::now,
    platform::{Issued, Platform},
    sign,
};

const SUCCESS: &str = "SUCCESS::调用成功";
const TOKEN_EMPTY: &str = "FAIL_SYS_TOKEN_EMPTY::令牌为空";
const TOKEN_EXPIRED: &str = "FAIL_SYS_TOKEN_EXOIRED::令牌过期";
const BAD_REQUEST: &str = "FAIL_SYS_ILLEGAL_REQUEST::非法请求参数";
const SESSION_EXPIRED: &str = "FAIL_SYS_SESSION_EXPIRED::Session过期";
const ILLEGAL_ACCESS: &str = "FAIL_SYS_ILLEGAL_ACCESS::非法请求";
/// Everybody's.
const PICTURE: &str = "https://img.example.invalid/u.png";
pub(super) const NO_SUCH_SERVICE: &str = "FAIL_SYS_SERVICE_NOT_EXIST::服务不存在";

/// One call, read.
pub(super) struct Call {
    pub(super) api: String,
    origin: String,
    version: String,
    cookies: Vec<(String, String)>,
    query: Vec<(String, String)>,
    data: String,
}

/// What a call comes to: `ret`, `data`, and whether a fresh signature token goes with it.
pub(super) struct Outcome {
    ret: Value,
    data: Value,
    fresh_token: bool,
}

/// Answers `/h5/{api}/{version}/`.
pub(super) async fn call(
    platform: web::Data<Platform>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let call = Call::read(path.into_inner(), &request, &body);
    let account = call.cookie("unb").and_then(|uid| platform.account(uid));
    count(&platform, account.as_deref(), &call.api);
    let faults = account.as_ref().map_or_else(|| platform.faults(), |account| account.faults());
    if faults.hang_gateway || faults.hang.contains(&call.api) {
        std::future::pending::<()>().await;
    }
    if faults.delay_ms > 0 {
        actix_web::rt::time::sleep(faults.delay()).await;
    }
    if let Some(nonsense) = nonsense(&faults.gateway) {
        return nonsense;
    }
    let outcome = check_signature(&platform, &call)
        .or_else(|| challenge(&platform, account.as_ref(), &call, &faults))
        .unwrap_or_else(|| answer(&platform, account, &call, &faults));
    if faults.lose_answer.contains(&call.api) {
        return broken_off();
    }
    respond(&platform, &call, &faults, outcome)
}

/// An answer whose connection breaks before its first byte.
fn broken_off() -> HttpResponse {
    let broken = futures_util::future::ready(Err::<web::Bytes, _>(std::io::Error::other("the answer is lost")));
    HttpResponse::Ok().streaming(futures_util::stream::once(broken))
}

impl Call {
    fn read((api, version): (String, String), request: &HttpRequest, body: &[u8]) -> Self {
        let form = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<Vec<_>>();
        let query = form(request.query_string().as_bytes());
        let fields = form(body);
        let data = fields.iter().chain(&query).find(|(name, _)| name == "data").map(|(_, data)| data.clone());
        let cookies = request.headers().get(header::COOKIE).map(|jar| String::from_utf8_lossy(jar.as_bytes()));
        Self {
            api,
            origin: challenge::origin(request),
            version,
            cookies: parse_cookies(&cookies.unwrap_or_default()),
            query,
            data: data.unwrap_or_default(),
        }
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        find(&self.cookies, name)
    }

    /// The version asked for, and the one in the path.
    pub(super) fn versions(&self) -> (&str, &str) {
        (self.query("v"), &self.version)
    }

    pub(super) fn query(&self, name: &str) -> &str {
        find(&self.query, name).unwrap_or_default()
    }
}

/// Cookies as pairs: split at `;`, then at the first `=`.
pub(super) fn parse_cookies(jar: &str) -> Vec<(String, String)> {
    jar.split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

pub(super) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn count(platform: &Platform, account: Option<&Account>, api: &str) {
    let events = &platform.shared.events;
    let name = account.map(|account| account.name.clone());
    events.whisper(|| SimEvent::Called { account: name, api: api.into() });
    let Some(account) = account else { return };
    account.gateway_requests.fetch_add(1, Ordering::Relaxed);
    if api == "mtop.taobao.idlemessage.pc.login.token" {
        account.token_requests.fetch_add(1, Ordering::Relaxed);
        events.tell(|| SimEvent::TokenRequested { account: account.name.clone() });
    }
    account.changed();
}

/// Answers that do not come from the gateway's own program.
fn nonsense(gateway: &Gateway) -> Option<HttpResponse> {
    match gateway {
        Gateway::Status(status) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
            Some(HttpResponse::build(status).content_type("text/html").body("<html><body>error</body></html>"))
        }
        Gateway::Garbage => {
            Some(HttpResponse::Ok().content_type("application/json").body("{\"api\":\"x\",\"ret\":[\"SUCC"))
        }
        Gateway::Healthy
        | Gateway::TokenEmpty
        | Gateway::TokenExpired
        | Gateway::Punish
        | Gateway::PunishHtml
        | Gateway::SessionExpired
        | Gateway::IllegalAccess
        | Gateway::EmptyRet
        | Gateway::Ret(_) => None,
    }
}

/// `None` where the signature is right.
fn check_signature(platform: &Platform, call: &Call) -> Option<Outcome> {
    let Some(cookie) = call.cookie("_m_h5_tk").filter(|cookie| !cookie.is_empty()) else {
        return Some(Outcome::token(TOKEN_EMPTY));
    };
    let (token, expires) = cookie.split_once('_').unwrap_or((cookie, ""));
    let expires: i64 = expires.parse().unwrap_or(0);
    let uid = call.cookie("unb").unwrap_or_default();
    // a jar may have taken its first token before it was logged in
    let known = [uid, ""].iter().any(|uid| platform.h5_token(uid, expires) == token);
    if !known || expires <= now().0 {
        return Some(Outcome::token(TOKEN_EXPIRED));
    }
    let right = sign::signature(token, call.query("t"), call.query("appKey"), &call.data);
    (call.query("sign") != right).then(|| Outcome::plain(BAD_REQUEST))
}

/// What a call gets that wants a person first.
fn challenge(platform: &Platform, account: Option<&Arc<Account>>, call: &Call, faults: &Faults) -> Option<Outcome> {
    let fault = matches!(faults.gateway, Gateway::Punish | Gateway::PunishHtml);
    let stopped = account.is_some_and(|account| account.lock().challenged.stops(&call.api, call.cookie("x5sec")));
    (fault || stopped).then(|| {
        let ret = json!(["FAIL_SYS_USER_VALIDATE", "RGV587_ERROR::SM::哎哟喂,被挤爆啦,请稍后重试"]);
        let data = json!({"url": platform.challenge_url(account, &call.origin)});
        Outcome { ret, data, fresh_token: false }
    })
}

/// Answers a correctly signed call.
fn answer(platform: &Platform, account: Option<Arc<Account>>, call: &Call, faults: &Faults) -> Outcome {
    match &faults.gateway {
        Gateway::TokenEmpty => return Outcome::token(TOKEN_EMPTY),
        Gateway::TokenExpired => return Outcome::token(TOKEN_EXPIRED),
        Gateway::SessionExpired => return Outcome::plain(SESSION_EXPIRED),
        Gateway::IllegalAccess => return Outcome::plain(ILLEGAL_ACCESS),
        Gateway::Healthy
        | Gateway::Punish
        | Gateway::PunishHtml
        | Gateway::EmptyRet
        | Gateway::Ret(_)
        | Gateway::Status(_)
        | Gateway::Garbage => (),
    }
    let account = account.filter(|account| account.is_logged_in(call.cookie("cookie2")));
    let Some(account) = account else { return Outcome::plain(SESSION_EXPIRED) };
    if let Some(ret) = faults.refuse.get(&call.api) {
        return Outcome::plain(ret.clone());
    }
    let data: Value = serde_json::from_str(&call.data).unwrap_or(Value::Null);
    match call.api.as_str() {
        "mtop.taobao.idlemessage.pc.login.token" => login_token(platform, account, &data),
        "mtop.taobao.idlemessage.pc.loginuser.get" => Outcome::success(json!({
            "userId": account.uid, "nick": &*account.nick, "logo": PICTURE,
        })),
        "mtop.taobao.idle.pc.detail" => item::detail(&account, &data),
        "mtop.idle.web.xyh.item.list" => item::list(&account, &data),
        "mtop.taobao.idle.item.polish" => item::polish(&account, &data, call.versions(), faults),
        "mtop.alibaba.idle.seller.pc.item.batch.offline" => item::take_offline(&account, &data),
        "mtop.idle.web.user.page.nav" => Outcome::success(user_page(&account)),
        "mtop.taobao.idlemessage.pc.session.sync" => Outcome::success(sessions(&account, &data)),
        _ => desk::answer(&account, call, &data, faults).unwrap_or_else(|| Outcome::plain(NO_SUCH_SERVICE)),
    }
}

fn login_token(platform: &Platform, account: Arc<Account>, data: &Value) -> Outcome {
    let device = data["deviceId"].as_str().unwrap_or_default();
    if data["appKey"] != IM_APP_KEY || device.is_empty() {
        return Outcome::plain("FAIL_BIZ_PARAM_ERROR::参数错误");
    }
    let lifetime = platform.shared.config.token_lifetime;
    let epoch = account.lock().epoch;
    let issued = Issued { device: device.into(), expires: now() + lifetime, epoch, account };
    let token = format!("oauth_k1:{:032x}%2B%2F==", rand::random::<u128>());
    let refresh = format!("oauth_k1:{:032x}", rand::random::<u128>());
    platform.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), issued);
    Outcome::success(json!({
        "accessToken": token, "accessTokenExpiredTime": lifetime.as_millis().to_string(), "refreshToken": refresh,
    }))
}

fn user_page(account: &Account) -> Value {
    json!({"module": {"base": {
        "displayName": &*account.nick, "avatar": account.lock().picture.as_deref().unwrap_or(PICTURE), "purchaseCount": 0, "soldCount": 0,
        "followers": 0, "following": 0, "collectionCount": 0, "buyerNotPayCount": 0,
    }}})
}

fn sessions(account: &Account, data: &Value) -> Value {
    let most = data["fetchNum"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(20);
    let state = account.lock();
    let mut open: Vec<_> = state.conversations.values().collect();
    open.sort_unstable_by_key(|conversation| std::cmp::Reverse(conversation.modified_at));
    let sessions: Vec<Value> = open.iter().take(most).map(|conversation| {
        let at = conversation.modified_at;
        let summary = conversation.last().map(|message| message.reminder().into_owned()).unwrap_or_default();
        // a number here, although it is text everywhere else
        let id: u64 = conversation.id.as_str().parse().unwrap_or(0);
        json!({
            "memberFlags": 0,
            "message": {"summary": {
                "sortIndex": at.to_string(), "summary": summary, "ts": at, "unread": conversation.unread(&account.uid), "version": 1,
            }},
            "session": {
                "sessionId": id, "sessionType": 1, "targetId": conversation.peer,
                "ownerInfo": {"userId": conversation.item_seller}, "userInfo": {"userId": conversation.peer, "nick": "t***1", "type": 1},
            },
        })
    }).collect();
    json!({"hasMore": open.len() > most, "sessions": sessions})
}

impl Outcome {
    pub(super) fn success(data: Value) -> Self {
        Self { ret: json!([SUCCESS]), data, fresh_token: false }
    }

    pub(super) fn plain(ret: impl Into<Cow<'static, str>>) -> Self {
        Self { ret: json!([ret.into()]), data: json!({}), fresh_token: false }
    }

    fn token(ret: &'static str) -> Self {
        Self { ret: json!([ret]), data: json!({}), fresh_token: true }
    }
}

/// The envelope, always HTTP 200. Faults that replace a good answer do so here.
fn respond(platform: &Platform, call: &Call, faults: &Faults, outcome: Outcome) -> HttpResponse {
    let Outcome { ret, data, fresh_token } = outcome;
    let signed = !fresh_token && ret[0] != BAD_REQUEST;
    let (ret, data) = match &faults.gateway {
        Gateway::EmptyRet if signed => (json!([]), json!({})),
        Gateway::Ret(text) if signed => (json!([text]), json!({})),
        _ => (ret, data),
    };
    let mut response = HttpResponse::Ok();
    let html = faults.gateway == Gateway::PunishHtml && signed;
    response.content_type(if html { "text/html;charset=UTF-8" } else { "application/json;charset=UTF-8" });
    if fresh_token || faults.rotate_h5 {
        let (token, enc) = platform.h5_pair(call.cookie("unb").unwrap_or_default());
        for (name, value) in [("_m_h5_tk", token), ("_m_h5_tk_enc", enc)] {
            let cookie = format!("{name}={value};Path=/;Domain=goofish.com;Max-Age=604800;SameSite=None;Secure");
            response.append_header((header::SET_COOKIE, cookie));
        }
    }
    response.body(json!({"api": call.api, "data": data, "ret": ret, "v": call.version}).to_string())
}
