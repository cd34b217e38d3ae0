//! The page of the set-up link: the language, and the first administrator. What comes next is asked for in the panel.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    super::{
        AppState,
        error::{ApiResult, Code, ErrorBody, Language},
        gate::{self, Visitor},
        input::{Line, Query},
        panel, setup,
    },
    Chosen, Frame, Notice, SETUP,
    door_form::{DoorForm, Sent},
    language, lead_in, lead_to, show, show_at_door,
};

/// For who follows the link once more and signs in then.
const SIGN_IN_AND_GO_ON: &str = "/sign-in?next=%2Fapp%2Fwelcome";

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
    token: &'a str,
    next: &'static str,
    sent: Sent,
    /// The languages there are: what each calls itself, its page, and whether it is this one.
    languages: [(&'static str, &'static str, String, bool); 2],
}

const FIELDS: &[&str] = &["username", "password", "repeat"];

/// The page of the set-up link.
#[utoipa::path(get, path = "/setup", tag = "setup", params(SetupQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "It is set up, and whoever is signed in goes on in the panel"),
    (status = 404, content_type = "text/html", body = String, description = "The link is void, or was used already"),
))]
pub async fn page(request: HttpRequest, query: Query<SetupQuery>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    shown(&request, &query.0, &app, Sent::nothing(FIELDS))
}

/// Makes the first administrator by the form of the page, and signs it in.
#[utoipa::path(post, path = "/setup", tag = "setup", params(SetupQuery),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded", description = "The fields of the page"),
    responses(
        (status = 303, description = "Set up, signed in by cookie, and led on"),
        (status = 403, description = "The form came from a page elsewhere", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 404, description = "The link is void, or was used already", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 409, description = "The name is taken", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 422, description = "A field cannot be accepted", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 429, description = "Too many tries", content((String = "text/html"), (ErrorBody = "application/json"))),
    ))]
pub async fn send_set_up(
    visitor: Visitor,
    request: HttpRequest,
    query: Query<SetupQuery>,
    form: DoorForm,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let refusal = match act(&app, &visitor, &request, &form).await {
        Ok(led) => return Ok(led),
        Err(refusal) => refusal,
    };
    let language = language(query.0.lang, &request);
    let is_void = refusal.code() == Code::SetupDone;
    let sent = Sent::refused(&request, &form, refusal, FIELDS, language)?;
    if is_void { shown(&request, &query.0, &app, sent) } else { form_page(&query.0, language, sent) }
}

async fn act(app: &AppState, visitor: &Visitor, request: &HttpRequest, form: &DoorForm) -> ApiResult<HttpResponse> {
    form.check_repeat("password")?;
    let ask = form.body(&["token", "username", "password"])?;
    let began = setup::begin_system(app, visitor, request, ask).await?;
    lead_in(&began.cookie(app, request), panel::WELCOME)
}

/// The form, or why there is none.
fn shown(request: &HttpRequest, query: &SetupQuery, app: &AppState, sent: Sent) -> ApiResult<HttpResponse> {
    let language = language(query.lang, request);
    if app.gate.is_set_up() {
        return match gate::session_of_cookie(request, &app.gate) {
            Some(_) => Ok(lead_to(panel::WELCOME)),
            None => show(StatusCode::NOT_FOUND, &used(language)),
        };
    }
    if !app.setup.fits(query.token.as_deref().unwrap_or_default()) {
        return show(StatusCode::NOT_FOUND, &void(language));
    }
    form_page(query, language, sent)
}

fn form_page(query: &SetupQuery, language: Language, sent: Sent) -> ApiResult<HttpResponse> {
    let token = query.token.as_deref().unwrap_or_default();
    let frame =
        Frame::new(language.pick("创建管理员", "Create the administrator"), language, SETUP, &[("token", token)]);
    let page = SetupPage { frame, token, next: panel::WELCOME, languages: languages(language, token), sent };
    show_at_door(page.sent.answer(), query.lang, &page)
}

fn languages(present: Language, token: &str) -> [(&'static str, &'static str, String, bool); 2] {
    let href = |code: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        format!("{SETUP}?{}", query.append_pair("token", token).append_pair("lang", code).finish())
    };
    [
        ("zh-CN", "中文", href("zh"), present == Language::Chinese),
        ("en", "English", href("en"), present == Language::English),
    ]
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
    Notice { frame: Frame::new(title, language, SETUP, &[]), text: text.into(), link: SIGN_IN_AND_GO_ON, link_name }
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
