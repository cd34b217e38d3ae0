//! The page on which an account gets in: by a code or by a cookie, with the steps as they happen. A login is found again by its number in
//! the address.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::CONTENT_SECURITY_POLICY},
    web::Data,
};
use askama::Template;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::ApiResult,
        gate::Caller,
        hygiene,
        input::{Line, Query, Whole},
        panel,
    },
    Chosen, Frame, language, show,
};
use crate::account::login::LoginId;

pub const PAGE: &str = "/app/accounts/new";

/// Where the platform keeps the pictures of its users. The browser takes the seller's own from there: sellers know themselves by it.
const PICTURES: &str = "https://*.alicdn.com";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LoginQuery {
    /// The number of a login that was begun.
    #[param(inline)]
    login: Option<Line<1, 64>>,
    /// The account that is to have the login; without it, the one of that seller or a new one.
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// Where one came from.
    #[param(inline)]
    back: Option<Back>,
    #[param(inline)]
    lang: Option<Chosen>,
}

/// A page that leads here and goes on afterwards.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LoginBack)]
pub enum Back {
    Welcome,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    frame: Frame,
    words: &'a Words,
    csrf: String,
    login: &'a str,
    account: String,
    /// Where one goes on; empty: nowhere.
    back: &'static str,
}

struct Words {
    title: &'static str,
    lead: &'static str,
    again: &'static str,
    script: &'static str,
    by_code: &'static str,
    code_hint: &'static str,
    show_code: &'static str,
    by_cookie: &'static str,
    cookie: &'static str,
    cookie_hint: &'static str,
    name: &'static str,
    name_hint: &'static str,
    proxy: &'static str,
    proxy_hint: &'static str,
    more: &'static str,
    add: &'static str,
    code_alt: &'static str,
    open_check: &'static str,
    open_challenge: &'static str,
    end: &'static str,
    left: &'static str,
    over: &'static str,
    restart: &'static str,
    another: &'static str,
    go_on: &'static str,
    unreachable: &'static str,
    wait: &'static str,
}

const CHINESE: Words = Words {
    title: "添加账号",
    lead: "只添加您本人的闲鱼账号。登录信息会先向闲鱼验证，通过后才加密保存在本服务器上。",
    again: "为已有账号重新登录：请用同一个闲鱼用户。",
    script: "此页面需要启用 JavaScript。",
    by_code: "扫码登录",
    code_hint: "用手机上的闲鱼扫描二维码，5 分钟内有效。",
    show_code: "显示二维码",
    by_cookie: "粘贴 Cookie",
    cookie: "Cookie",
    cookie_hint: "可以粘贴请求头、浏览器插件导出的 JSON、Netscape 文件或 curl 命令。",
    name: "账号名称",
    name_hint: "留空则使用闲鱼昵称。",
    proxy: "代理",
    proxy_hint: "留空则直接连接。格式：socks5://用户名:密码@主机:端口",
    more: "更多选项",
    add: "验证并添加",
    code_alt: "闲鱼登录二维码",
    open_check: "打开核实页面",
    open_challenge: "打开验证",
    end: "取消登录",
    left: "剩余 {}",
    over: "这个登录已结束，或不是由您开始的。",
    restart: "重新开始",
    another: "再添加一个账号",
    go_on: "继续设置",
    unreachable: "无法连接服务器，请稍后再试。",
    wait: "请等待 {} 秒。",
};

const ENGLISH: Words = Words {
    title: "Add an account",
    lead: "Add only Xianyu accounts of your own. The login is proved with the platform first, and only then stored on this server, encrypted.",
    again: "A new login for an account that is here: use the same platform user.",
    script: "This page needs JavaScript.",
    by_code: "Scan a code",
    code_hint: "Scan it with Xianyu on your phone within five minutes.",
    show_code: "Show the code",
    by_cookie: "Paste a cookie",
    cookie: "Cookie",
    cookie_hint: "A request header, the JSON that a browser extension exports, a Netscape file or a curl command.",
    name: "Name of the account",
    name_hint: "Left empty, it is called as on the platform.",
    proxy: "Proxy",
    proxy_hint: "Left empty, the platform is reached directly. Like socks5://name:password@host:port",
    more: "More options",
    add: "Prove and add",
    code_alt: "Code for the login to Xianyu",
    open_check: "Open the page",
    open_challenge: "Open the verification",
    end: "Cancel this login",
    left: "{} left",
    over: "This login is over, or somebody else began it.",
    restart: "Begin again",
    another: "Add another account",
    go_on: "Go on with setting up",
    unreachable: "The server did not answer. Try again in a moment.",
    wait: "Wait {} s.",
};

/// The page on which an account is added, or logged in anew.
#[utoipa::path(get, path = "/app/accounts/new", tag = "pages", params(LoginQuery), responses((status = 200, content_type = "text/html", body = String)))]
pub async fn add_account(
    caller: Caller,
    request: HttpRequest,
    query: Query<LoginQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let LoginQuery { login, account, back, lang } = query.0;
    let language = language(lang, &request);
    let words = language.pick(&CHINESE, &ENGLISH);
    let account = account.map(|id| id.get().to_string()).unwrap_or_default();
    // The page asks for what stands in its place: nothing else than a login's number may.
    let login = login.as_deref().filter(|id| LoginId::parse(id).is_some()).unwrap_or_default();
    let (back, name_of_back) = match back {
        Some(Back::Welcome) => (panel::WELCOME, "welcome"),
        None => ("", ""),
    };
    let carried = [("login", login), ("account", account.as_str()), ("back", name_of_back)];
    let carried: Vec<(&str, &str)> = carried.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let frame = Frame::new(words.title, language, PAGE, &carried);
    let csrf = caller.session.as_deref().map(|session| app.gate.csrf(session)).unwrap_or_default();
    let mut response = show(StatusCode::OK, &LoginPage { frame, words, csrf, login, account: account.clone(), back })?;
    if let Ok(policy) = policy().parse() {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// That of every page, and pictures of the platform.
fn policy() -> String {
    hygiene::CONTENT_SECURITY.replace("img-src", &format!("img-src {PICTURES}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lets_pictures_of_the_platform_through_and_nothing_else() {
        let policy = policy();
        assert!(policy.contains("img-src https://*.alicdn.com 'self' data:;"), "{policy}");
        assert_eq!(policy.replace(&format!("{PICTURES} "), ""), hygiene::CONTENT_SECURITY);
    }
}
