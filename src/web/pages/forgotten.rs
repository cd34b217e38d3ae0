//! The page for who forgot their password: a code comes by e-mail, and a new password takes the place of the old one.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    super::{
        AppState,
        api::password_resets,
        error::{ApiResult, ErrorBody, Language},
        gate::Visitor,
        input::Query,
    },
    Chosen, FORGOTTEN, Frame, Notice, SETUP, SIGN_IN,
    door_form::{After, DoorForm, Sent},
    language, lead_to, show, show_at_door,
};
use crate::telemetry::modules::Module;

#[derive(Template)]
#[template(path = "forgotten.html")]
struct ForgottenPage {
    frame: Frame,
    next: &'static str,
    sent: Sent,
}

const FIELDS: &[&str] = &["email", "verification_code", "new_password", "repeat"];

/// The page once the password is another.
const DONE: &str = "/forgotten?done=true";

/// Which of both pages it is.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ForgottenQuery {
    /// Whether it tells that the password was replaced.
    #[param(inline)]
    done: Option<bool>,
    #[param(inline)]
    lang: Option<Chosen>,
}

/// The page on which a forgotten password is replaced.
#[utoipa::path(get, path = "/forgotten", operation_id = "forgotten_page", tag = "pages", params(ForgottenQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "To the set-up, while nobody administers the system"),
    (status = 503, description = "No letter can be sent yet, or the server is busy", content((String = "text/html"), (ErrorBody = "application/json"))),
))]
pub async fn page(request: HttpRequest, query: Query<ForgottenQuery>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    if !app.gate.is_set_up() {
        return Ok(lead_to(SETUP));
    }
    let language = language(query.0.lang, &request);
    if query.0.done == Some(true) {
        return show_at_door(HttpResponse::Ok(), query.0.lang, &replaced(language));
    }
    shown(&app, query.0.lang, language, Sent::nothing(FIELDS)).await
}

/// Replaces a forgotten password by the form of the page. Nobody is signed in by it.
#[utoipa::path(post, path = "/forgotten", tag = "pages", params(ForgottenQuery),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded", description = "The fields of the page"),
    responses(
        (status = 200, content_type = "text/html", body = String, description = "A code is on its way"),
        (status = 303, description = "Replaced, and led to the page that says so"),
        (status = 403, description = "The form came from a page elsewhere", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 422, description = "A field cannot be accepted", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 429, description = "Too many tries", content((String = "text/html"), (ErrorBody = "application/json"))),
    ))]
pub async fn send_new_password(
    visitor: Visitor,
    request: HttpRequest,
    query: Query<ForgottenQuery>,
    form: DoorForm,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (chosen, language) = (query.0.lang, language(query.0.lang, &request));
    let outcome = act(&app, &visitor, &form, language).await;
    match After::new(outcome, &request, &form, FIELDS, language)? {
        After::Led(led) => Ok(led),
        After::Shown(sent) => shown(&app, chosen, language, sent).await,
    }
}

/// Where it leads; `None`: a code was sent.
async fn act(
    app: &AppState,
    visitor: &Visitor,
    form: &DoorForm,
    language: Language,
) -> ApiResult<Option<HttpResponse>> {
    if form.wants_code() {
        return form.send_code(app, visitor, "reset", language).await.map(|()| None);
    }
    form.check_repeat("new_password")?;
    let ask = form.body(&["email", "verification_code", "new_password"])?;
    password_resets::replace(app, visitor, ask).await?;
    Ok(Some(lead_to(DONE)))
}

async fn shown(app: &AppState, chosen: Option<Chosen>, language: Language, sent: Sent) -> ApiResult<HttpResponse> {
    if !app.finds(Module::Mail).await {
        return show(StatusCode::SERVICE_UNAVAILABLE, &without_mail(language));
    }
    let frame = Frame::new(language.pick("重置密码", "A new password"), language, FORGOTTEN, &[]);
    show_at_door(sent.answer(), chosen, &ForgottenPage { frame, next: DONE, sent })
}

fn replaced(language: Language) -> Notice {
    let (title, text) = match language {
        Language::Chinese => ("密码已更新", "请用新密码登录，其他地方的登录已退出。"),
        Language::English => {
            ("The password is changed", "Sign in with the new one. Everywhere else you are signed out.")
        }
    };
    let frame = Frame::new(title, language, FORGOTTEN, &[("done", "true")]);
    Notice { frame, text: text.into(), link: SIGN_IN, link_name: language.pick("去登录", "Sign in") }
}

fn without_mail(language: Language) -> Notice {
    let (title, text) = match language {
        Language::Chinese => (
            "请联系管理员",
            "这个服务器还不能发送邮件，无法用邮箱重置密码。管理员可以在“人员”中为您设置新密码；管理员自己的密码用命令行 yutang user passwd 设置。",
        ),
        Language::English => (
            "Ask an administrator",
            "This server cannot send e-mail yet, so nothing can be sent to you. An administrator gives you a new password under \
             “People”; the administrator's own is set at the command line: yutang user passwd.",
        ),
    };
    let frame = Frame::new(title, language, FORGOTTEN, &[]);
    Notice { frame, text: text.into(), link: SIGN_IN, link_name: language.pick("去登录", "Sign in") }
}
