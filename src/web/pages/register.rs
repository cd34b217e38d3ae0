//! The page on which a stranger makes themselves a user, where the administrator lets them.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{
    super::{
        AppState,
        api::{registrations, sessions},
        error::{ApiResult, ErrorBody, Language},
        gate::Visitor,
        input::Query,
        panel,
    },
    Chosen, Frame, Notice, PageQuery, REGISTER, SETUP, SIGN_IN,
    door_form::{After, DoorForm, Sent},
    language, lead_in, lead_to, show, show_at_door,
};
use crate::{store::settings::Registration, telemetry::modules::Module};

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    frame: Frame,
    next: &'static str,
    sent: Sent,
}

const FIELDS: &[&str] = &["username", "email", "verification_code", "password", "repeat"];

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
    shown(&app, query.0.lang, language(query.0.lang, &request), Sent::nothing(FIELDS)).await
}

/// Registers by the form of the page, and signs in.
#[utoipa::path(post, path = "/register", tag = "pages", params(PageQuery),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded", description = "The fields of the page"),
    responses(
        (status = 200, content_type = "text/html", body = String, description = "A code is on its way"),
        (status = 303, description = "Registered, signed in by cookie, and led on"),
        (status = 403, description = "The form came from a page elsewhere, or registration is closed", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 409, description = "The name or the address is taken", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 422, description = "A field cannot be accepted", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 429, description = "Too many tries", content((String = "text/html"), (ErrorBody = "application/json"))),
    ))]
pub async fn send_registration(
    visitor: Visitor,
    request: HttpRequest,
    query: Query<PageQuery>,
    form: DoorForm,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (chosen, language) = (query.0.lang, language(query.0.lang, &request));
    let outcome = act(&app, &visitor, &request, &form, language).await;
    match After::new(outcome, &request, &form, FIELDS, language)? {
        After::Led(led) => Ok(led),
        After::Shown(sent) => shown(&app, chosen, language, sent).await,
    }
}

/// Where it leads; `None`: a code was sent.
async fn act(
    app: &AppState,
    visitor: &Visitor,
    request: &HttpRequest,
    form: &DoorForm,
    language: Language,
) -> ApiResult<Option<HttpResponse>> {
    if form.wants_code() {
        return form.send_code(app, visitor, "register", language).await.map(|()| None);
    }
    form.check_repeat("password")?;
    let ask = form.body(&["username", "email", "verification_code", "password"])?;
    registrations::admit(app, visitor, ask).await?;
    let sign_in = form.body(&["username", "password"])?;
    match sessions::sign_in(app, visitor, request, sign_in).await {
        Ok(began) => lead_in(&began.cookie(app, request), panel::WELCOME).map(Some),
        // They are a user by now: whatever keeps them out this time is told where one signs in.
        Err(_) => Ok(Some(lead_to(SIGN_IN))),
    }
}

async fn shown(app: &AppState, chosen: Option<Chosen>, language: Language, sent: Sent) -> ApiResult<HttpResponse> {
    if !is_open(app).await {
        return show(StatusCode::FORBIDDEN, &closed(language));
    }
    if !app.finds(Module::Mail).await {
        return show(StatusCode::SERVICE_UNAVAILABLE, &without_mail(language));
    }
    let frame = Frame::new(language.pick("注册", "Register"), language, REGISTER, &[]);
    show_at_door(sent.answer(), chosen, &RegisterPage { frame, next: panel::WELCOME, sent })
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
