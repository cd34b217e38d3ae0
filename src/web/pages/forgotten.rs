//! The page for who forgot their password: a code comes by e-mail, and a new password takes the place of the old one.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{
    super::{
        AppState,
        error::{ApiResult, ErrorBody, Language},
        input::Query,
    },
    FORGOTTEN, Frame, Notice, PageQuery, SETUP, SIGN_IN, language, lead_to, show, show_at_door,
};
use crate::telemetry::modules::Module;

#[derive(Template)]
#[template(path = "forgotten.html")]
struct ForgottenPage {
    frame: Frame,
}

/// The page on which a forgotten password is replaced.
#[utoipa::path(get, path = "/forgotten", operation_id = "forgotten_page", tag = "pages", params(PageQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "To the set-up, while nobody administers the system"),
    (status = 503, description = "No letter can be sent yet, or the server is busy", content((String = "text/html"), (ErrorBody = "application/json"))),
))]
pub async fn page(request: HttpRequest, query: Query<PageQuery>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    if !app.gate.is_set_up() {
        return Ok(lead_to(SETUP));
    }
    let language = language(query.0.lang, &request);
    if !app.finds(Module::Mail).await {
        return show(StatusCode::SERVICE_UNAVAILABLE, &without_mail(language));
    }
    let frame = Frame::new(language.pick("重置密码", "A new password"), language, FORGOTTEN, &[]);
    show_at_door(StatusCode::OK, query.0.lang, &ForgottenPage { frame })
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
