//! Pages for people who are not signed in: the first administrator, signing in, registering and a forgotten password, and what is told of a
//! page that cannot be shown; and the documentation of the API. Whatever else there is to see is in the [`panel`]. Texts come in both languages;
//! scripts and styles are files of their own, so that a strict content policy holds.

// The documentation macro names types by a path where a short name would do.
#![allow(unused_qualifications)]

pub mod docs;
pub mod forgotten;
pub mod register;
pub mod setup;
pub mod sign_in;

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ContentType, LOCATION},
    },
    web::Data,
};
use askama::Template;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    AppState,
    error::{ApiResult, Code, Language},
    gate::{self, Access},
    panel, route_of, static_files,
};

pub const SETUP: &str = "/setup";
pub const SIGN_IN: &str = "/sign-in";
pub const REGISTER: &str = "/register";
pub const FORGOTTEN: &str = "/forgotten";

/// The language somebody chooses on a page.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Chosen {
    Zh,
    En,
}

/// What a page with nothing else to choose takes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    #[param(inline)]
    lang: Option<Chosen>,
}

/// The language that was chosen on this page, or on one before it; otherwise the browser says it.
pub(super) fn language(chosen: Option<Chosen>, request: &HttpRequest) -> Language {
    match chosen {
        Some(Chosen::Zh) => Language::Chinese,
        Some(Chosen::En) => Language::English,
        None => panel::language_of_browser(request),
    }
}

/// What surrounds every page.
struct Frame {
    title: &'static str,
    language: Language,
    tag: &'static str,
    /// The same page in the other language.
    switch_href: String,
    switch_tag: &'static str,
    switch_name: &'static str,
}

impl Frame {
    /// `carried` are the parts of the query that the other language's page needs too.
    fn new(title: &'static str, language: Language, path: &str, carried: &[(&str, &str)]) -> Self {
        let (tag, switch_tag, other, switch_name) = match language {
            Language::Chinese => ("zh-CN", "en", "en", "English"),
            Language::English => ("en", "zh-CN", "zh", "中文"),
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(carried).append_pair("lang", other);
        Self { title, language, tag, switch_href: format!("{path}?{}", query.finish()), switch_tag, switch_name }
    }

    fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        self.language.pick(zh, en)
    }

    fn asset(&self, name: &str) -> String {
        static_files::href(name)
    }
}

/// A page with nothing to fill in: what happened, and where to go.
#[derive(Template)]
#[template(path = "notice.html")]
struct Notice {
    frame: Frame,
    text: Cow<'static, str>,
    link: &'static str,
    link_name: &'static str,
}

/// A refusal as a page, where a browser asked for a page.
pub(super) fn refused(request: &HttpRequest, status: StatusCode, message: &str) -> Option<HttpResponse> {
    let is_page = route_of(request).is_some_and(|route| matches!(route.access, Access::Page(_)));
    if !is_page || !gate::is_browser(request) {
        return None;
    }
    let language = panel::language_of_browser(request);
    let (title, link_name) = match status {
        StatusCode::NOT_FOUND => {
            (language.pick("没有找到这个页面", "There is no such page"), language.pick("回到首页", "To the first page"))
        }
        StatusCode::FORBIDDEN => {
            (language.pick("没有权限", "Not allowed"), language.pick("回到首页", "To the first page"))
        }
        _ => (
            language.pick("页面暂时无法显示", "The page cannot be shown now"),
            language.pick("回到首页", "To the first page"),
        ),
    };
    let frame = Frame::new(title, language, request.path(), &[]);
    let notice = Notice { frame, text: message.to_owned().into(), link: panel::HOME, link_name };
    show(status, &notice).ok()
}

fn show(status: StatusCode, page: &impl Template) -> ApiResult<HttpResponse> {
    let text = page.render().map_err(|_| Code::Internal)?;
    Ok(HttpResponse::build(status).content_type(ContentType::html()).body(text))
}

/// A page before the sign-in: a language that is chosen there goes on into the panel.
fn show_at_door(status: StatusCode, chosen: Option<Chosen>, page: &impl Template) -> ApiResult<HttpResponse> {
    let mut response = show(status, page)?;
    let cookie = match chosen {
        Some(Chosen::Zh) => panel::language_cookie(Language::Chinese),
        Some(Chosen::En) => panel::language_cookie(Language::English),
        None => return Ok(response),
    };
    response.add_cookie(&cookie).map_err(|_| Code::Internal)?;
    Ok(response)
}

/// Elsewhere, by GET.
pub(super) fn lead_to(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

/// The sign-in page, which leads on to where somebody wanted to go.
pub(super) fn lead_to_sign_in(wanted: &str) -> HttpResponse {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
    lead_to(&format!("{SIGN_IN}?{query}"))
}

/// Leads to where there is something to do.
#[utoipa::path(get, path = "/", tag = "pages", responses(
    (status = 303, description = "To the set-up while nobody administers the system, else to the panel"),
))]
pub async fn home(app: Data<AppState>) -> HttpResponse {
    lead_to(if app.gate.is_set_up() { panel::HOME } else { SETUP })
}
