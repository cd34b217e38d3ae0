//! The page on which a stranger makes themselves a user, where the administrator lets them.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{
    super::{
        AppState,
        error::{ApiResult, ErrorBody, Language},
        input::Query,
        panel,
    },
    Frame, Notice, PageQuery, REGISTER, SETUP, SIGN_IN, language, lead_to, show, show_at_door,
};
use crate::{store::settings::Registration, telemetry::modules::Module};

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    frame: Frame,
    next: &'static str,
}

/// Whether strangers may register. Where the database does not answer they may not.
pub(super) async fn is_open(app: &AppState) -> bool {
    // At once: the page must come also while the database is away.
    !app.health.is_database_down() && app.store.read(Registration::load).await.is_ok_and(|found| found.enabled)
}

/// The page on which a stranger registers.
#[utoipa::path(get, path = "/register", operation_id = "register_page", tag = "pages", params(PageQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "To the set-up, while nobody administers the system"),
    (status = 403, content_type = "text/html", body = String, description = "Strangers may not register here"),
    (status = 503, description = "No letter can be sent yet, or the server is busy", content((String = "text/html"), (ErrorBody = "application/json"))),
))]
pub async fn page(request: HttpRequest, query: Query<PageQuery>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    if !app.gate.is_set_up() {
        return Ok(lead_to(SETUP));
    }
    let language = language(query.0.lang, &request);
    if !is_open(&app).await {
        return show(StatusCode::FORBIDDEN, &closed(language));
    }
    if !app.finds(Module::Mail).await {
        return show(StatusCode::SERVICE_UNAVAILABLE, &without_mail(language));
    }
    let frame = Frame::new(language.pick("注册", "Register"), language, REGISTER, &[]);
    show_at_door(StatusCode::OK, query.0.lang, &RegisterPage { frame, next: panel::WELCOME })
}

fn closed(language: Language) -> Notice {
    let (title, text) = match language {
        Language::Chinese => ("没有开放注册", "这个服务器不接受自助注册。需要使用时，请联系管理员为您添加用户。"),
        Language::English => (
            "Registration is closed",
            "Nobody registers by themselves on this server. Ask an administrator to add you.",
        ),
    };
    notice(language, title, text)
}

fn without_mail(language: Language) -> Notice {
    let (title, text) = match language {
        Language::Chinese => (
            "暂时无法注册",
            "注册需要邮箱验证码，但这个服务器还不能发送邮件。请联系管理员设置邮件服务器，或为您添加用户。",
        ),
        Language::English => (
            "Nobody can register now",
            "Registering takes a code by e-mail, and this server cannot send e-mail yet. Ask an administrator to set up the mail \
             server, or to add you.",
        ),
    };
    notice(language, title, text)
}

fn notice(language: Language, title: &'static str, text: &'static str) -> Notice {
    let frame = Frame::new(title, language, REGISTER, &[]);
    Notice { frame, text: text.into(), link: SIGN_IN, link_name: language.pick("去登录", "Sign in") }
}
