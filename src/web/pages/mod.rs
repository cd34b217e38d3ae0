//! Pages for people who are not signed in: the first administrator, signing in, registering and a forgotten password, and what is told of a
//! page that cannot be shown; and the documentation of the API. Whatever else there is to see is in the [`panel`]. Texts come in both languages;
//! scripts and styles are files of their own, so that a strict content policy holds. Forms work without script ([`door_form`]).

// The documentation macro names types by a path where a short name would do.
#![allow(unused_qualifications)]

pub mod docs;
mod door_form;
pub mod forgotten;
pub mod register;
pub mod setup;
pub mod sign_in;

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    cookie::Cookie,
    http::{
        StatusCode,
        header::{ContentType, LOCATION, REFERRER_POLICY},
    },
    web::Data,
};
use askama::Template;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    AppState, Route,
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

/// Whether a route is a page for browsers, to whom a refusal is shown as one.
pub(super) fn is_page(route: &Route) -> bool {
    matches!(route.access, Access::Page(_)) || matches!(route.path, SETUP | SIGN_IN | REGISTER | FORGOTTEN)
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
    /// Where the form of the page is sent: to the page itself, whose language the browser remembers.
    action: String,
}

impl Frame {
    /// `carried` are the parts of the query that the other language's page needs too.
    fn new(title: &'static str, language: Language, path: &str, carried: &[(&str, &str)]) -> Self {
        let (tag, switch_tag, other, switch_name) = match language {
            Language::Chinese => ("zh-CN", "en", "en", "English"),
            Language::English => ("en", "zh-CN", "zh", "中文"),
        };
        let with = |more: &[(&str, &str)]| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(carried).extend_pairs(more).finish()
        };
        let switch_href = format!("{path}?{}", with(&[("lang", other)]));
        let action = if carried.is_empty() { path.to_owned() } else { format!("{path}?{}", with(&[])) };
        Self { title, language, tag, switch_href, switch_tag, switch_name, action }
    }

    fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        self.language.pick(zh, en)
    }

    /// Said where a new password is not typed twice alike.
    fn mismatch(&self) -> &'static str {
        self.t(door_form::MISMATCH.0, door_form::MISMATCH.1)
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
    if !route_of(request).is_some_and(is_page) || !gate::is_browser(request) {
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

/// A browser is to say which page a form comes from: one that must tell nobody does not tell us either.
const REFERRER: &str = "same-origin";

/// A page before the sign-in: a language that is chosen there goes on into the panel.
fn show_at_door(
    mut answer: HttpResponseBuilder,
    chosen: Option<Chosen>,
    page: &impl Template,
) -> ApiResult<HttpResponse> {
    let text = page.render().map_err(|_| Code::Internal)?;
    match chosen {
        Some(Chosen::Zh) => drop(answer.cookie(panel::language_cookie(Language::Chinese))),
        Some(Chosen::En) => drop(answer.cookie(panel::language_cookie(Language::English))),
        None => {}
    }
    Ok(answer.insert_header((REFERRER_POLICY, REFERRER)).content_type(ContentType::html()).body(text))
}

/// Elsewhere, by GET.
pub(super) fn lead_to(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}

/// Elsewhere, signed in.
fn lead_in(cookie: &Cookie<'_>, path: &str) -> ApiResult<HttpResponse> {
    let mut led = lead_to(path);
    led.add_cookie(cookie).map_err(|_| Code::Internal)?;
    Ok(led)
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
