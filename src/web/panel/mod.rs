//! The panel: what a seller does in a day, for people with a browser.
//!
//! A page reads through the same functions as the API and shows what they answer; what it changes it changes by forms that the API takes
//! ([`super::forms`]). So a page holds no rule of its own about who may do what. Every text stands in both languages where it is shown:
//! `shell.t("…", "…")`. Pages work without script; with it, htmx follows links and forms without loading everything anew, and
//! `static/js/panel.js` shows anew the parts marked `data-live` when the server tells of something.
//!
//! A page is a file here and a template in `templates/panel/`; its handler takes a [`Panel`] and ends with [`Panel::show`].

// The documentation macro names types by a path where a short name would do.
#![allow(unused_qualifications)]

pub mod about;
pub mod account;
mod account_choice;
mod account_names;
mod account_ticks;
pub mod accounts;
pub mod ai;
pub mod answers;
pub mod audit;
mod audit_changes;
mod audit_fields;
mod audit_texts;
mod beside;
pub mod card;
mod card_fields;
mod card_words;
pub mod cards;
pub mod challenge;
pub mod challenges;
pub mod channel;
mod channel_words;
pub mod channels;
pub mod chat;
mod chat_ways_back;
pub mod chats;
mod counts;
mod days;
pub mod delivery;
pub mod delivery_account;
pub mod delivery_rule;
pub mod home;
mod hours;
mod inbox;
pub mod item;
mod item_words;
pub mod items;
mod items_bar;
pub mod login;
pub mod logs;
pub mod me;
pub mod mend;
mod message_chart;
mod notice_words;
pub mod notices;
pub mod order;
pub mod order_print;
mod order_words;
pub mod orders;
mod paging;
pub mod people;
pub mod phrases;
mod pictures;
mod places;
mod places_of_lacks;
mod review_lines;
pub mod reviews;
pub mod rules;
pub mod sales;
pub mod sandbox;
mod send_texts;
pub mod settings;
mod shell;
mod thread;
mod times;
pub mod tokens;
pub mod welcome;

use std::sync::Arc;

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite},
    dev::Payload,
    http::{
        StatusCode,
        header::{ContentType, HOST},
        uri::Authority,
    },
    web::Data,
};
use askama::Template;
use serde::de::DeserializeOwned;

pub(in crate::web) use self::{
    account_choice::AccountChoice,
    account_names::AccountNames,
    account_ticks::{AccountTicks, AccountsToTick},
    days::Days,
    paging::Pager,
    places::Place,
    shell::Shell,
    times::Times,
};
use self::{paging::with, shell::Stops};
use super::{
    AppState,
    api::sessions::came_by_https,
    error::{ApiError, ApiResult, Code, Language, language_of},
    forms::{KeptForm, Outcome, Refused},
    gate::Caller,
    input::{Query, read_query},
};
use crate::{
    access::role::Right,
    ids::Timestamp,
    store::{DbConn, accounts::count_stopped, facts, stats},
    telemetry::clock,
};

/// The first page.
pub const HOME: &str = "/app";
/// Where setting up goes on once there is an administrator.
pub const WELCOME: &str = "/app/welcome";
/// The parameter that names what became of a form.
pub const KEPT: &str = "kept";

const LANGUAGE: &str = "lang";
const THEME: &str = "theme";
const SINGLE_KEYS: &str = "keys";
/// What somebody chose stays in their browser for a year.
const LANGUAGE_COOKIE: &str = "yutang_language";
const THEME_COOKIE: &str = "yutang_theme";
const KEYS_COOKIE: &str = "yutang_keys";

/// Single keys do something, or not.
const ON: &str = "on";
const OFF: &str = "off";

/// Dark, light, or as the machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Theme {
    Auto,
    Light,
    Dark,
}

impl Theme {
    fn parse(text: &str) -> Option<Self> {
        [Self::Auto, Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == text)
    }

    pub(in crate::web) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Somebody who looks at a page.
pub struct Panel {
    /// Speaks the page's language.
    pub(in crate::web) caller: Caller,
    pub(in crate::web) app: Data<AppState>,
    pub(in crate::web) language: Language,
    pub(in crate::web) now: Timestamp,
    /// Of the feed, before anything was read.
    mark: String,
    /// By the clock that they chose.
    pub(in crate::web) times: Times,
    pub(super) theme: Theme,
    /// Single keys do something: not everybody can live with that.
    pub(super) has_keys: bool,
    pub(super) csrf: String,
    /// What became of the form that led here.
    pub(super) kept: Option<Arc<KeptForm>>,
    /// The address of this server as the browser knows it, without a slash at the end.
    pub(super) origin: String,
    pub(super) path: String,
    /// Without what concerns every page.
    pub(super) query: Vec<(String, String)>,
    chosen: Vec<Cookie<'static>>,
}

impl FromRequest for Panel {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Self::new(request, payload))
    }
}

impl Panel {
    fn new(request: &HttpRequest, payload: &mut Payload) -> ApiResult<Self> {
        let app = request.app_data::<Data<AppState>>().cloned().ok_or(Code::Internal)?;
        let mut caller = Caller::from_request(request, payload).into_inner()?;
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
        let given = |wanted: &str| pairs.iter().rev().find(|(name, _)| name == wanted).map(|(_, text)| text.clone());
        let (language, theme) = (language_of_browser(request), theme_of(request, given(THEME).as_deref()));
        let has_keys = has_keys(request, given(SINGLE_KEYS).as_deref());
        caller.language = language;
        let session = caller.session.clone().unwrap_or_default();
        let now = clock::unix();
        let mut chosen = Vec::new();
        if given(LANGUAGE).is_some() {
            chosen.push(language_cookie(language));
        }
        if given(THEME).is_some() {
            chosen.push(remembered(THEME_COOKIE, theme.as_str()));
        }
        if given(SINGLE_KEYS).is_some() {
            chosen.push(remembered(KEYS_COOKIE, if has_keys { ON } else { OFF }));
        }
        Ok(Self {
            csrf: app.gate.csrf(&session),
            kept: given(KEPT).and_then(|number| app.forms.find(&session, &number)),
            origin: origin_of(&app, request),
            path: request.path().to_owned(),
            query: pairs.into_iter().filter(|(name, text)| !is_of_every_page(name) && !text.is_empty()).collect(),
            times: Times::new(&caller.user.time_zone, now),
            now,
            mark: app.feed.mark(),
            language,
            theme,
            has_keys,
            chosen,
            caller,
            app,
        })
    }

    /// What was asked for, as the API reads it. What was left empty in a form of search was not asked for.
    pub(in crate::web) fn query<T: DeserializeOwned>(&self) -> ApiResult<Query<T>> {
        self.query_with(&[])
    }

    /// The same with what the page adds.
    pub(in crate::web) fn query_with<T: DeserializeOwned>(&self, more: &[(&str, &str)]) -> ApiResult<Query<T>> {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(&self.query).extend_pairs(more);
        read_query(&text.finish()).map(Query)
    }

    /// A parameter that the page itself understands, taken away from what the API reads.
    pub(in crate::web) fn take(&mut self, wanted: &str) -> Option<String> {
        let at = self.query.iter().position(|(name, _)| name == wanted)?;
        Some(self.query.remove(at).1)
    }

    /// A parameter as it was asked for, for the form of search; empty where it was not.
    pub(in crate::web) fn asked_for(&self, wanted: &str) -> String {
        self.query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone()).unwrap_or_default()
    }

    /// A parameter that the page itself understands, which stays part of its address.
    pub(in crate::web) fn given(&self, wanted: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.as_str())
    }

    pub(in crate::web) fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        self.language.pick(zh, en)
    }

    pub(in crate::web) fn may(&self, right: Right) -> bool {
        self.caller.user.role.may(right)
    }

    /// What the API answered to the form that led here (or to another button of one), where it went well and the page shows it.
    pub(in crate::web) fn answer_to(&self, form: &str) -> Option<&serde_json::Value> {
        match &self.kept.as_ref().filter(|kept| kept.act == form)?.outcome {
            Outcome::Done { answer, .. } => Some(answer),
            Outcome::Refused(_) => None,
        }
    }

    /// Why the form that led here was refused.
    pub(in crate::web) fn refusal_of(&self, form: &str) -> Option<&Refused> {
        match &self.kept.as_ref().filter(|kept| kept.act == form)?.outcome {
            Outcome::Done { .. } => None,
            Outcome::Refused(refused) => Some(refused),
        }
    }

    /// What surrounds the page: `title` is its name, `place` where it stands in the menu.
    pub(in crate::web) async fn shell(&self, place: Place, title: impl Into<String>) -> ApiResult<Shell> {
        let scope = self.caller.scope;
        let read = move |conn: &mut DbConn| {
            let (accounts, stopped) = count_stopped(conn, &scope)?;
            let stops = Stops { everything: facts::stop_switch(conn)?, accounts, stopped };
            Ok((stops, stats::waiting(conn, &scope)?))
        };
        let (stops, waiting) = self.app.store.read(read).await?;
        Ok(Shell::new(self, place, title.into(), stops, waiting))
    }

    pub(in crate::web) fn show(&self, page: &impl Template) -> ApiResult<HttpResponse> {
        let text = page.render().map_err(|_| Code::Internal)?;
        let mut response = HttpResponse::build(StatusCode::OK);
        for cookie in &self.chosen {
            response.cookie(cookie.clone());
        }
        Ok(response.content_type(ContentType::html()).body(text))
    }
}

/// What a page asks by itself.
pub(in crate::web) fn asked<T: DeserializeOwned>(query: &str) -> ApiResult<Query<T>> {
    read_query(query).map(Query)
}

/// The address that was set for everybody; else the one that was asked for, which a proxy hands on.
fn origin_of(app: &AppState, request: &HttpRequest) -> String {
    let settings = &app.settings;
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.filter(|host| settings.server.public_url.is_empty() && host.parse::<Authority>().is_ok());
    let scheme = if came_by_https(app, request) { "https" } else { "http" };
    host.map_or_else(|| settings.public_url(settings.server.listen), |host| format!("{scheme}://{host}"))
}

fn is_of_every_page(name: &str) -> bool {
    matches!(name, LANGUAGE | THEME | SINGLE_KEYS | KEPT)
}

/// Has the browser remember the language.
pub(in crate::web) fn language_cookie(language: Language) -> Cookie<'static> {
    remembered(LANGUAGE_COOKIE, language.pick("zh", "en"))
}

fn remembered(name: &'static str, value: &'static str) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .same_site(SameSite::Strict)
        .http_only(true)
        .max_age(actix_web::cookie::time::Duration::days(365))
        .finish()
}

/// The language that was chosen on this page, or on one before it; otherwise the browser says it.
pub(in crate::web) fn language_of_browser(request: &HttpRequest) -> Language {
    let asked = form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(name, _)| name == LANGUAGE)
        .map(|(_, text)| text.into_owned());
    let chosen = asked.or_else(|| request.cookie(LANGUAGE_COOKIE).map(|cookie| cookie.value().to_owned()));
    match chosen.as_deref() {
        Some("zh") => Language::Chinese,
        Some("en") => Language::English,
        _ => language_of(request.headers()),
    }
}

fn theme_of(request: &HttpRequest, asked: Option<&str>) -> Theme {
    let remembered = || request.cookie(THEME_COOKIE).and_then(|cookie| Theme::parse(cookie.value()));
    asked.and_then(Theme::parse).or_else(remembered).unwrap_or(Theme::Auto)
}

/// Unless they were switched off on this page, or on one before it.
fn has_keys(request: &HttpRequest, asked: Option<&str>) -> bool {
    match asked {
        Some(asked) => asked != OFF,
        None => request.cookie(KEYS_COOKIE).is_none_or(|cookie| cookie.value() != OFF),
    }
}
