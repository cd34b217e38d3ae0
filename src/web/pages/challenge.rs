//! The page on which a person passes the platform's challenge: in the browser that this server runs, or in their own.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{
    super::{
        AppState,
        api::challenges::path,
        captcha::{ChallengeKey, Reach},
        error::{ApiResult, Language},
        gate::Caller,
        input::Query,
    },
    Frame, PageQuery, language, show,
};
use crate::{
    ids::ChallengeId,
    store::{DbConn, challenges},
    telemetry::modules::Module,
};

#[derive(Template)]
#[template(path = "challenge.html")]
struct ChallengePage<'a> {
    frame: Frame,
    words: &'a Words,
    id: &'a ChallengeId,
    account: String,
    account_id: i64,
    expires_at: i64,
    /// How it ended; empty while it waits.
    ended: &'static str,
    /// There is a browser to show it in.
    shows: bool,
    /// How to get one; empty where there is one.
    remedy: &'static str,
    /// For who passes it in their own browser; empty where it is not theirs to see.
    url: String,
}

struct Words {
    title: &'static str,
    lead: &'static str,
    script: &'static str,
    connecting: &'static str,
    lost: &'static str,
    ready: &'static str,
    watching: &'static str,
    controller: &'static str,
    nobody: &'static str,
    you: &'static str,
    time_left: &'static str,
    delay: &'static str,
    take: &'static str,
    check: &'static str,
    cancel: &'static str,
    again: &'static str,
    page: &'static str,
    own_browser: &'static str,
    own_open: &'static str,
    own_link: &'static str,
    own_paste: &'static str,
    cookie: &'static str,
    save: &'static str,
    saved: &'static str,
    unreachable: &'static str,
}

const CHINESE: Words = Words {
    title: "完成平台验证",
    lead: "闲鱼要求真人验证。请在下面的页面中亲自完成，例如拖动滑块。是否通过由平台判定，通过后账号自动恢复。",
    script: "此页面需要启用 JavaScript。",
    connecting: "正在打开验证页面……",
    lost: "连接已断开，正在重连……",
    ready: "请在页面中完成验证。",
    watching: "正由他人操作，您可以观看，或点“接管”。",
    controller: "操作者",
    nobody: "无",
    you: "您",
    time_left: "剩余时间",
    delay: "延迟",
    take: "接管",
    check: "检查是否通过",
    cancel: "取消验证",
    again: "重新开始",
    page: "验证页面的实时画面，可用鼠标、触摸和键盘操作",
    own_browser: "在自己的浏览器中完成",
    own_open: "在登录了该账号的浏览器中打开链接，完成验证：",
    own_link: "打开验证链接",
    own_paste: "然后复制该浏览器中的 Cookie，粘贴到这里并保存。账号会用它重新连接。",
    cookie: "Cookie",
    save: "保存 Cookie",
    saved: "已保存，账号正在重新连接。",
    unreachable: "无法连接服务器，请稍后再试。",
};

const ENGLISH: Words = Words {
    title: "Pass the platform's verification",
    lead: "The platform wants to see a person. Do what the page below asks, such as dragging the slider. The platform decides whether it is \
           passed; then the account goes on by itself.",
    script: "This page needs JavaScript.",
    connecting: "The page is being opened…",
    lost: "The connection broke. Trying again…",
    ready: "Do what the page asks.",
    watching: "Somebody else controls the page. You may watch, or take over.",
    controller: "In control",
    nobody: "nobody",
    you: "you",
    time_left: "Time left",
    delay: "Delay",
    take: "Take over",
    check: "Check whether it is passed",
    cancel: "Cancel",
    again: "Begin again",
    page: "The page as it is now: use mouse, touch and keys",
    own_browser: "Pass it in your own browser",
    own_open: "Open this link in a browser where this account is signed in, and do what it asks:",
    own_link: "Open the verification",
    own_paste: "Then copy that browser's cookie, paste it here and save it. The account connects with it.",
    cookie: "Cookie",
    save: "Save the cookie",
    saved: "Saved. The account is connecting.",
    unreachable: "The server did not answer. Try again in a moment.",
};

/// The page on which a challenge is passed.
#[utoipa::path(get, path = "/app/challenges/{id}", tag = "pages", params(("id" = String, Path), PageQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn challenge(
    caller: Caller,
    key: ChallengeKey,
    request: HttpRequest,
    query: Query<PageQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    page(&caller, key.0, &request, query.0, &app).await
}

/// The same, where older clients look for it.
#[utoipa::path(get, path = "/api/captcha/control/{id}", tag = "captcha", params(("id" = String, Path), PageQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn control(
    caller: Caller,
    key: ChallengeKey,
    request: HttpRequest,
    query: Query<PageQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    page(&caller, key.0, &request, query.0, &app).await
}

async fn page(
    caller: &Caller,
    id: ChallengeId,
    request: &HttpRequest,
    query: PageQuery,
    app: &AppState,
) -> ApiResult<HttpResponse> {
    let language = language(query.lang, request);
    let (reach, wanted) = (Reach::of(caller), id.clone());
    let read = move |conn: &mut DbConn| Ok((reach.get(conn, &wanted)?, challenges::find_demand(conn, &wanted)?));
    let (row, demand) = app.store.read(read).await?;
    let (remedy, said) = (Module::ChallengeBrowser.remedy(), row.state.sentence());
    let (words, remedy, said) = match language {
        Language::Chinese => (&CHINESE, remedy.0, said.0),
        Language::English => (&ENGLISH, remedy.1, said.1),
    };
    let place = challenges::url_place(row.account);
    let url = demand.and_then(|demand| app.store.keys().open(&place, &demand.url).ok());
    // A link that does anything but open a page of the web is none.
    let is_web = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let is_own = row.owner == caller.scope.user() && !row.state.is_over();
    let url = url.as_ref().map(|url| url.expose()).filter(is_web).filter(|_| is_own).unwrap_or_default().to_owned();
    let shows = app.finds(Module::ChallengeBrowser).await;
    let page = ChallengePage {
        frame: Frame::new(words.title, language, &path(&id), &[]),
        words,
        id: &id,
        account: row.account_name,
        account_id: row.account.0,
        expires_at: row.expires_at.0,
        ended: if row.state.is_over() { said } else { "" },
        shows,
        remedy: if shows { "" } else { remedy },
        url,
    };
    show(StatusCode::OK, &page)
}
