//! The page of the set-up link.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    super::{
        AppState,
        error::{ApiResult, Language},
        input::{Line, Query},
    },
    Chosen, Frame, Notice, SETUP, SIGN_IN, language, show,
};

/// What the link carries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SetupQuery {
    /// From the link that the server printed.
    #[param(inline)]
    token: Option<Line<0, 128>>,
    #[param(inline)]
    lang: Option<Chosen>,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage<'a> {
    frame: Frame,
    words: &'a Words,
    token: &'a str,
}

struct Words {
    title: &'static str,
    lead: &'static str,
    script: &'static str,
    username: &'static str,
    password: &'static str,
    policy: &'static str,
    repeat: &'static str,
    mismatch: &'static str,
    unreachable: &'static str,
    /// `{}`: how many seconds.
    wait: &'static str,
    submit: &'static str,
    done: &'static str,
    signed_in: &'static str,
    next_accounts: &'static str,
    next_rules: &'static str,
    next_readme: &'static str,
    docs: &'static str,
    redoc: &'static str,
}

const CHINESE: Words = Words {
    title: "创建管理员",
    lead: "这是第一位管理员，拥有全部权限。此链接只能使用一次。",
    script: "此页面需要启用 JavaScript。",
    username: "用户名",
    password: "密码",
    policy: "至少 10 个字符；不能是常见密码、连续或重复的字符、纯数字，也不能包含用户名。",
    repeat: "再次输入密码",
    mismatch: "两次输入的密码不一致",
    unreachable: "无法连接服务器，请稍后再试。",
    wait: "请等待 {} 秒。",
    submit: "创建管理员",
    done: "设置完成",
    signed_in: "您已登录：",
    next_accounts: "添加闲鱼账号：粘贴浏览器中的 Cookie。",
    next_rules: "添加关键词规则和默认回复。",
    next_readme: "命令行和 API 的用法，见 README 的“Run it for real”一节。",
    docs: "试用 API（Swagger UI）",
    redoc: "阅读 API 文档（ReDoc）",
};

const ENGLISH: Words = Words {
    title: "Create the administrator",
    lead: "This is the first administrator, who may do everything. The link works once.",
    script: "This page needs JavaScript.",
    username: "User name",
    password: "Password",
    policy: "At least 10 characters; not a common password, not a sequence or one character repeated, not digits alone, and \
             without the user name.",
    repeat: "Repeat the password",
    mismatch: "The passwords do not match",
    unreachable: "The server did not answer. Try again in a moment.",
    wait: "Wait {} s.",
    submit: "Create the administrator",
    done: "All set",
    signed_in: "You are signed in as",
    next_accounts: "Add your seller account: paste the cookie of your browser.",
    next_rules: "Add keyword rules and a default reply.",
    next_readme: "The README shows each step, on the command line and over the API, under “Run it for real”.",
    docs: "Try the API (Swagger UI)",
    redoc: "Read the API documentation (ReDoc)",
};

impl Words {
    fn of(language: Language) -> &'static Self {
        match language {
            Language::Chinese => &CHINESE,
            Language::English => &ENGLISH,
        }
    }
}

/// The page of the set-up link.
#[utoipa::path(get, path = "/setup", tag = "setup", params(SetupQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 404, content_type = "text/html", body = String, description = "The link is void, or was used already"),
))]
pub async fn page(request: HttpRequest, query: Query<SetupQuery>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let language = language(query.0.lang, &request);
    let token = query.0.token.as_deref().unwrap_or_default();
    if app.gate.is_set_up() {
        return show(StatusCode::NOT_FOUND, &used(language));
    }
    if !app.setup.fits(token) {
        return show(StatusCode::NOT_FOUND, &void(language));
    }
    let words = Words::of(language);
    let frame = Frame::new(words.title, language, SETUP, &[("token", token)]);
    show(StatusCode::OK, &SetupPage { frame, words, token })
}

fn used(language: Language) -> Notice {
    let (title, text, link_name) = match language {
        Language::Chinese => ("系统已完成设置", "设置链接只能使用一次，管理员已创建，请直接登录。", "去登录"),
        Language::English => (
            "Already set up",
            "The set-up link works only once, and the administrator exists now. Sign in instead.",
            "Sign in",
        ),
    };
    Notice { frame: Frame::new(title, language, SETUP, &[]), text: text.into(), link: SIGN_IN, link_name }
}

fn void(language: Language) -> Notice {
    let (title, text, link_name) = match language {
        Language::Chinese => (
            "请使用启动时显示的链接",
            "系统还没有管理员。服务器每次启动都会在终端显示一个新的设置链接（Set-up link），旧链接随即失效。请完整复制最新的链接。",
            "刷新",
        ),
        Language::English => (
            "Use the link that the server printed",
            "There is no administrator yet. At every start the server prints a new set-up link on its terminal, and older ones \
             are void. Copy the newest one as a whole.",
            "Try again",
        ),
    };
    Notice { frame: Frame::new(title, language, SETUP, &[]), text: text.into(), link: SETUP, link_name }
}
