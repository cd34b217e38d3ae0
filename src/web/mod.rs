//! HTTP: the one table of routes, and what every handler may use.
//!
//! A request goes, in this order, through `finish` (what changes something ends whether or not the client stays), [`hygiene`] (its
//! number, its log line, safe headers), `cors` (may another site's page read the answer?), compression, [`forms`] (a page's form becomes the request it stands for), [`error`] (refusals get their words), `host` (was this server meant?), [`hygiene`] again (a free place),
//! [`gate`] (who asks, and may they?) and [`idempotency`] (once is enough) to its handler. A handler reads typed input ([`input`]), does
//! one thing in one transaction together with its line in the audit, and answers. The [`openapi`] document is made from the same table and
//! the same types.
//!
//! What [`api`] answers is JSON, but for pictures, the log's files and rules in tables; [`live`] is a WebSocket. [`compat`] holds the paths of older clients, with the
//! same handlers behind them. [`pages`] and the [`panel`] are for browsers, with the files of [`static_files`]; their forms need no script.

pub mod api;
pub mod captcha;
pub mod captcha_frames;
pub mod captcha_socket;
pub mod compat;
mod cors;
pub mod error;
mod examples;
mod finish;
mod form_undo;
mod form_values;
pub mod forms;
pub mod gate;
mod health;
mod host;
pub mod hygiene;
pub mod idempotency;
pub mod input;
pub mod kept;
pub mod letters;
pub mod live;
pub mod live_backlog;
pub mod live_frames;
mod metrics;
mod misread;
pub mod name;
pub mod openapi;
pub mod page;
pub mod pages;
pub mod panel;
pub mod probe;
mod refusals;
pub mod secret_hint;
pub mod setup;
pub mod static_files;
pub mod strangers;
pub mod tag;
mod time_zone;
pub mod turns;
pub mod user_url;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::Duration,
};

use actix::Addr;
use actix_web::{
    HttpRequest, HttpResponse,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    guard,
    http::{Method, header::ALLOW},
    middleware::{Compress, from_fn},
    web::{Data, ServiceConfig, block, method, route, to},
};
use tokio::sync::Semaphore;

use self::{
    error::{ApiError, ApiResult, Code},
    gate::{Access, Gate},
};
use crate::{
    access::role::Right,
    account::{login::actor::LoginActor, registry::AccountRegistry},
    ai::client::Providers,
    captcha::{actor::ChallengeActor, browser},
    maintenance::{actor::MaintenanceActor, backup::actor::BackupActor},
    notify::actor::NotifyActor,
    settings::Settings,
    store::{
        Store,
        revisions::{self, Revisions},
        users,
    },
    telemetry::{
        feed::Feed,
        health::HealthMonitor,
        metrics::Metrics,
        modules::{Module, Modules},
    },
};

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

macro_rules! routes {
    ($($method:ident $path:literal $access:expr => $($part:ident)::+;)*) => {
        /// Every route there is, and who may use it.
        pub const ROUTES: &[Route] = &[$(Route { method: stringify!($method), path: $path, access: $access }),*];

        /// Registers every route.
        pub fn routes(config: &mut ServiceConfig) {
            $(config.route($path, by(Method::$method).to($($part)::+));)*
            config.default_service(to(nothing_here));
        }

        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($($part)::+),*), components(schemas(error::ErrorBody, live_frames::ClientFrame, live_frames::ServerFrame, captcha_frames::PersonSays, captcha_frames::PageSays)))]
        struct Documented;
    };
}

impl Route {
    /// The path as it is documented: a placeholder for many segments looks like one for a single segment there.
    pub fn documented_path(&self) -> String {
        self.path.replace(":.*}", "}")
    }
}

/// Whatever may be read by GET may be asked for its headers alone.
fn by(wanted: Method) -> actix_web::Route {
    match wanted {
        Method::GET => route().guard(guard::Any(guard::Get()).or(guard::Head())),
        wanted => method(wanted),
    }
}

const READ: Access = Access::Right(Right::Read);
const ANSWER: Access = Access::Right(Right::Answer);
const MANAGE: Access = Access::Right(Right::Manage);
const MANAGE_IN_PERSON: Access = Access::InPerson(Right::Manage);
const ADMIN: Access = Access::Right(Right::Administer);
const PAGE: Access = Access::Page(Right::Read);

routes! {
    // is it well?
    GET "/health" Access::Open => health::health;
    GET "/livez" Access::Open => health::livez;
    GET "/readyz" Access::Open => health::readyz;
    GET "/metrics" Access::Open => metrics::metrics;

    // pages and their files
    GET "/" Access::Open => pages::home;
    GET "/sign-in" Access::Open => pages::sign_in::page;
    POST "/sign-in" Access::Door => pages::sign_in::send_sign_in;
    GET "/register" Access::Open => pages::register::page;
    POST "/register" Access::Door => pages::register::send_registration;
    GET "/forgotten" Access::Open => pages::forgotten::page;
    POST "/forgotten" Access::Door => pages::forgotten::send_new_password;
    GET "/static/{path:.*}" Access::Open => static_files::file;

    // the first administrator
    GET "/setup" Access::Open => pages::setup::page;
    POST "/setup" Access::Open => pages::setup::send_set_up;
    POST "/api/v1/setup" Access::Open => setup::set_up;

    // coming and going
    POST "/api/v1/sessions" Access::Door => api::sessions::create;
    GET "/api/v1/sessions" Access::Person => api::sessions::list;
    GET "/api/v1/sessions/current" Access::Person => api::sessions::current;
    DELETE "/api/v1/sessions/current" Access::Person => api::sessions::end_current;
    DELETE "/api/v1/sessions/{id}" Access::Person => api::sessions::end;

    POST "/api/v1/email-codes" Access::Door => api::registrations::send_code;
    POST "/api/v1/registrations" Access::Door => api::registrations::create;
    POST "/api/v1/password-resets" Access::Door => api::password_resets::create;

    // oneself
    GET "/api/v1/me" Access::Person => api::me::get;
    PATCH "/api/v1/me" Access::Person => api::me::update;
    PUT "/api/v1/me/password" Access::Person => api::me::set_password;
    GET "/api/v1/me/welcome" Access::Person => api::welcome::get;
    PATCH "/api/v1/me/welcome" Access::Person => api::welcome::update;
    POST "/api/v1/me/second-factor" Access::Person => api::me::make_second_factor;
    DELETE "/api/v1/me/second-factor" Access::Person => api::me::remove_second_factor;
    POST "/api/v1/me/second-factor/confirm" Access::Person => api::me::confirm_second_factor;
    GET "/api/v1/tokens" Access::Person => api::tokens::list;
    POST "/api/v1/tokens" Access::Person => api::tokens::create;
    DELETE "/api/v1/tokens/{id}" Access::Person => api::tokens::delete;

    // other people
    GET "/api/v1/users" ADMIN => api::users::list;
    POST "/api/v1/users" ADMIN => api::users::create;
    GET "/api/v1/users/{id}" ADMIN => api::users::get;
    PATCH "/api/v1/users/{id}" ADMIN => api::users::update;
    DELETE "/api/v1/users/{id}" ADMIN => api::users::delete;
    PUT "/api/v1/users/{id}/password" ADMIN => api::users::set_password;
    PUT "/api/v1/users/{id}/accounts" ADMIN => api::users::set_accounts;
    DELETE "/api/v1/users/{id}/second-factor" ADMIN => api::users::remove_second_factor;
    GET "/api/v1/employees" MANAGE => api::employees::list;
    POST "/api/v1/employees" MANAGE_IN_PERSON => api::employees::create;
    GET "/api/v1/employees/{id}" MANAGE => api::employees::get;
    PATCH "/api/v1/employees/{id}" MANAGE_IN_PERSON => api::employees::update;
    DELETE "/api/v1/employees/{id}" MANAGE_IN_PERSON => api::employees::delete;
    PUT "/api/v1/employees/{id}/password" MANAGE_IN_PERSON => api::employees::set_password;
    PUT "/api/v1/employees/{id}/accounts" MANAGE_IN_PERSON => api::employees::set_accounts;
    DELETE "/api/v1/employees/{id}/second-factor" MANAGE_IN_PERSON => api::employees::remove_second_factor;

    // the system
    GET "/api/v1/settings" ADMIN => api::settings::get;
    PATCH "/api/v1/settings" ADMIN => api::settings::update;
    POST "/api/v1/settings/smtp/test" ADMIN => api::settings::test_smtp;
    GET "/api/v1/settings/ai" ADMIN => api::ai::get_system;
    PATCH "/api/v1/settings/ai" ADMIN => api::ai::update_system;
    GET "/api/v1/stop-switch" READ => api::stop_switch::get;
    PUT "/api/v1/stop-switch" ADMIN => api::stop_switch::set;

    // seller accounts
    GET "/api/v1/accounts" READ => api::accounts::list;
    POST "/api/v1/accounts" MANAGE => api::accounts::create;
    PUT "/api/v1/accounts/paused" MANAGE => api::account_pauses::set;
    GET "/api/v1/accounts/{id}" READ => api::accounts::get;
    PATCH "/api/v1/accounts/{id}" MANAGE => api::accounts::update;
    DELETE "/api/v1/accounts/{id}" MANAGE => api::accounts::delete;
    GET "/api/v1/accounts/{id}/snapshot" READ => api::accounts::snapshot;
    PUT "/api/v1/accounts/{id}/credentials" MANAGE => api::accounts::put_credentials;
    POST "/api/v1/accounts/{id}/enable" MANAGE => api::accounts::enable;
    POST "/api/v1/accounts/{id}/disable" MANAGE => api::accounts::disable;
    POST "/api/v1/accounts/{id}/restart" MANAGE => api::accounts::restart;
    POST "/api/v1/accounts/{id}/pause" MANAGE => api::accounts::pause;
    POST "/api/v1/accounts/{id}/resume" MANAGE => api::accounts::resume;
    POST "/api/v1/accounts/{id}/retry" MANAGE => api::accounts::retry;
    GET "/api/v1/accounts/{id}/health" READ => api::account_care::health;
    POST "/api/v1/accounts/{id}/probe" MANAGE => api::account_care::probe;
    GET "/api/v1/accounts/{id}/proxy" READ => api::account_care::get_proxy;
    PUT "/api/v1/accounts/{id}/proxy" MANAGE => api::account_care::put_proxy;
    DELETE "/api/v1/accounts/{id}/proxy" MANAGE => api::account_care::delete_proxy;

    // how an account gets in
    GET "/api/v1/logins" MANAGE => api::logins::list;
    POST "/api/v1/logins" MANAGE => api::logins::begin;
    POST "/api/v1/logins/cookie-check" MANAGE => api::cookie_check::check_cookie;
    GET "/api/v1/logins/{id}" MANAGE => api::logins::get;
    DELETE "/api/v1/logins/{id}" MANAGE => api::logins::end;
    GET "/api/v1/logins/{id}/code.svg" MANAGE => api::logins::code_svg;
    GET "/api/v1/logins/{id}/code.png" MANAGE => api::logins::code_png;

    // what a person passes for the platform
    GET "/api/v1/challenges" MANAGE => api::challenges::list;
    GET "/api/v1/challenges/{id}" MANAGE => api::challenges::get;
    POST "/api/v1/challenges/{id}/cancel" MANAGE => api::challenges::cancel;
    POST "/api/v1/accounts/{id}/challenge" MANAGE => api::challenges::begin;
    GET "/app/challenges/{id}" Access::Page(Right::Manage) => panel::challenge::challenge;
    GET "/api/captcha/control/{id}" Access::Page(Right::Manage) => panel::challenge::control;
    GET "/api/captcha/ws/{id}" Access::Live(Right::Manage) => captcha_socket::connect;
    GET "/api/captcha/sessions" MANAGE => captcha::sessions;
    GET "/api/captcha/session/{id}" MANAGE => captcha::session;
    DELETE "/api/captcha/session/{id}" MANAGE => captcha::end_session;
    GET "/api/captcha/screenshot/{id}" MANAGE => captcha::screenshot;
    GET "/api/captcha/status/{id}" MANAGE => captcha::status;
    POST "/api/captcha/mouse_event" MANAGE => captcha::mouse_event;
    POST "/api/captcha/check_completion" MANAGE => captcha::check_completion;

    // where answers come from
    GET "/api/v1/accounts/{id}/sources" READ => api::sources::get;
    PUT "/api/v1/accounts/{id}/sources" MANAGE => api::sources::set;
    GET "/api/v1/accounts/{id}/hook" READ => api::sources::get_hook;
    PUT "/api/v1/accounts/{id}/hook" MANAGE => api::sources::set_hook;
    POST "/api/v1/accounts/{id}/hook/test" MANAGE => api::sources::test_hook;
    GET "/api/v1/accounts/{id}/ai" READ => api::ai::get;
    PATCH "/api/v1/accounts/{id}/ai" MANAGE => api::ai::update;
    POST "/api/v1/accounts/{id}/ai/test" MANAGE => api::ai::test;
    GET "/api/v1/ai/usage" READ => api::ai::usage;
    GET "/api/v1/suggestions" READ => api::suggestions::list;
    GET "/api/v1/suggestions/{id}" READ => api::suggestions::get;
    POST "/api/v1/suggestions/{id}/approve" ANSWER => api::suggestions::approve;
    POST "/api/v1/suggestions/{id}/reject" ANSWER => api::suggestions::reject;

    // what is answered to what
    GET "/api/v1/keywords" READ => api::keywords::list;
    POST "/api/v1/keywords" MANAGE => api::keywords::create;
    POST "/api/v1/keywords/preview" READ => api::rule_previews::keyword;
    GET "/api/v1/keywords/{id}" READ => api::keywords::get;
    PATCH "/api/v1/keywords/{id}" MANAGE => api::keywords::update;
    DELETE "/api/v1/keywords/{id}" MANAGE => api::keywords::delete;
    POST "/api/v1/keywords/{id}/move" MANAGE => api::rule_moves::keyword;
    POST "/api/v1/sandbox" READ => api::sandbox::sandbox;
    GET "/api/v1/rule-cases" READ => api::rule_cases::list;
    POST "/api/v1/rule-cases" MANAGE => api::rule_cases::create;
    GET "/api/v1/rule-cases/{id}" READ => api::rule_cases::get;
    PATCH "/api/v1/rule-cases/{id}" MANAGE => api::rule_cases::update;
    DELETE "/api/v1/rule-cases/{id}" MANAGE => api::rule_cases::delete;
    GET "/api/v1/default-replies" READ => api::keywords::list_defaults;
    POST "/api/v1/default-replies" MANAGE => api::keywords::create_default;
    POST "/api/v1/default-replies/preview" READ => api::rule_previews::default_reply;
    GET "/api/v1/default-replies/{id}" READ => api::keywords::get_default;
    PATCH "/api/v1/default-replies/{id}" MANAGE => api::keywords::update_default;
    DELETE "/api/v1/default-replies/{id}" MANAGE => api::keywords::delete_default;
    GET "/api/v1/event-rules" READ => api::keywords::list_events;
    POST "/api/v1/event-rules" MANAGE => api::keywords::create_event;
    POST "/api/v1/event-rules/preview" READ => api::rule_previews::event_rule;
    GET "/api/v1/event-rules/{id}" READ => api::keywords::get_event;
    PATCH "/api/v1/event-rules/{id}" MANAGE => api::keywords::update_event;
    DELETE "/api/v1/event-rules/{id}" MANAGE => api::keywords::delete_event;
    POST "/api/v1/event-rules/{id}/move" MANAGE => api::rule_moves::event_rule;
    GET "/api/v1/rule-events" READ => api::rule_events::list;
    GET "/api/v1/rule-figures" READ => api::rule_figures::list;
    GET "/api/v1/rule-figures/{id}" READ => api::rule_figures::get;
    GET "/api/v1/rule-sets/{set}/draft" READ => api::rule_sets::draft;
    DELETE "/api/v1/rule-sets/{set}/draft" MANAGE => api::rule_sets::discard;
    POST "/api/v1/rule-sets/{set}/publish" MANAGE => api::rule_sets::publish;
    POST "/api/v1/rule-sets/{set}/test" READ => api::rule_cases::test;
    GET "/api/v1/rule-sets/{set}/warnings" READ => api::rule_warnings::set_warnings;
    GET "/api/v1/rule-sets/{set}/export" READ => api::rule_files::export;
    POST "/api/v1/rule-sets/{set}/import" MANAGE => api::rule_files::import;
    GET "/api/v1/rule-sets/{set}/versions" READ => api::rule_sets::versions;
    GET "/api/v1/rule-sets/{set}/versions/{number}" READ => api::rule_sets::version;
    POST "/api/v1/rule-sets/{set}/versions/{number}/roll-back" MANAGE => api::rule_sets::roll_back;

    // what is sold, and pictures to send
    GET "/api/v1/items" READ => api::items::list;
    PATCH "/api/v1/items" MANAGE => api::items_at_once::update;
    GET "/api/v1/items/{account}/{item}" READ => api::items::get;
    PATCH "/api/v1/items/{account}/{item}" MANAGE => api::items::update;
    POST "/api/v1/items/{account}/{item}/polish" MANAGE => api::items::polish;
    GET "/api/v1/accounts/{id}/items/sync" READ => api::items::progress;
    POST "/api/v1/accounts/{id}/items/sync" MANAGE => api::items::sync;
    GET "/api/v1/pictures" READ => api::pictures::list;
    POST "/api/v1/pictures" ANSWER => api::pictures::create;
    GET "/api/v1/pictures/{id}" READ => api::pictures::get;
    GET "/api/v1/pictures/{id}/file" READ => api::pictures::file;
    DELETE "/api/v1/pictures/{id}" MANAGE => api::pictures::delete;

    // what deliveries give, and its stock
    GET "/api/v1/cards" MANAGE => api::cards::list;
    POST "/api/v1/cards" MANAGE => api::cards::create;
    GET "/api/v1/cards/{id}" MANAGE => api::cards::get;
    PATCH "/api/v1/cards/{id}" MANAGE => api::cards::update;
    DELETE "/api/v1/cards/{id}" MANAGE => api::cards::delete;
    POST "/api/v1/cards/{id}/test" MANAGE => api::card_trials::test;
    GET "/api/v1/cards/{id}/events" MANAGE => api::units::events;
    GET "/api/v1/cards/{id}/units" MANAGE => api::units::list;
    POST "/api/v1/cards/{id}/units" MANAGE => api::units::import;
    GET "/api/v1/units/{id}" MANAGE => api::units::get;
    POST "/api/v1/units/{id}/void" MANAGE => api::units::void;
    POST "/api/v1/units/{id}/return" MANAGE => api::units::give_back;
    POST "/api/v1/units/{id}/free" MANAGE => api::units::free;

    // what orders are given
    GET "/api/v1/delivery-rules" MANAGE => api::delivery_rules::list;
    POST "/api/v1/delivery-rules" MANAGE => api::delivery_rules::create;
    GET "/api/v1/delivery-rules/{id}" MANAGE => api::delivery_rules::get;
    PATCH "/api/v1/delivery-rules/{id}" MANAGE => api::delivery_rules::update;
    DELETE "/api/v1/delivery-rules/{id}" MANAGE => api::delivery_rules::delete;
    GET "/api/v1/accounts/{id}/delivery" READ => api::delivery_settings::get;
    PATCH "/api/v1/accounts/{id}/delivery" MANAGE => api::delivery_settings::update;
    GET "/api/v1/accounts/{id}/follow-ups" READ => api::follow_ups::get;
    PATCH "/api/v1/accounts/{id}/follow-ups" MANAGE => api::follow_ups::update;
    GET "/api/v1/readiness" READ => api::readiness::list;

    // orders, and what waits for a person
    GET "/api/v1/orders" READ => api::orders::list;
    GET "/api/v1/orders/counts" READ => api::orders::counts;
    GET "/api/v1/orders/export" READ => api::order_files::export;
    GET "/api/v1/orders/{id}" READ => api::orders::get;
    GET "/api/v1/orders/{id}/timeline" READ => api::order_timeline::timeline;
    GET "/api/v1/orders/{id}/proof" READ => api::order_proof::proof;
    POST "/api/v1/orders/{id}/refresh" ANSWER => api::orders::refresh;
    POST "/api/v1/orders/{id}/deliver" ANSWER => api::orders::deliver;
    POST "/api/v1/orders/{id}/redeliver" ANSWER => api::redeliveries::redeliver;
    POST "/api/v1/orders/{id}/settle" ANSWER => api::redeliveries::settle;
    GET "/api/v1/orders/{id}/actions" READ => api::order_actions::actions;
    POST "/api/v1/orders/{id}/close" ANSWER => api::order_actions::close;
    POST "/api/v1/orders/{id}/price" MANAGE => api::order_actions::price;
    POST "/api/v1/orders/{id}/rate" ANSWER => api::order_actions::rate;
    POST "/api/v1/orders/{id}/flower" ANSWER => api::order_actions::flower;
    GET "/api/v1/deliveries" READ => api::deliveries::units;
    GET "/api/v1/reviews" READ => api::reviews::list;
    GET "/api/v1/reviews/{id}" READ => api::reviews::get;
    POST "/api/v1/reviews/{id}/resolve" ANSWER => api::reviews::resolve;

    // what was said
    GET "/api/v1/conversations" READ => api::conversations::list;
    GET "/api/v1/conversations/{id}" READ => api::conversations::get;
    GET "/api/v1/conversations/{id}/messages" READ => api::conversations::messages;
    POST "/api/v1/conversations/{id}/messages" ANSWER => api::conversations::send;
    POST "/api/v1/conversations/{id}/pause" ANSWER => api::conversations::pause;
    POST "/api/v1/conversations/{id}/resume" ANSWER => api::conversations::resume;
    PUT "/api/v1/conversations/{id}/hand-over" ANSWER => api::handovers::hand_over;
    DELETE "/api/v1/conversations/{id}/hand-over" ANSWER => api::handovers::take_back;
    GET "/api/v1/conversations/{id}/quick-phrases" READ => api::quick_phrases::list_filled;
    GET "/api/v1/unanswered" READ => api::unanswered::list;
    GET "/api/v1/quick-phrases" READ => api::quick_phrases::list;
    POST "/api/v1/quick-phrases" ANSWER => api::quick_phrases::create;
    PATCH "/api/v1/quick-phrases/{id}" ANSWER => api::quick_phrases::update;
    DELETE "/api/v1/quick-phrases/{id}" ANSWER => api::quick_phrases::delete;
    GET "/api/v1/conversations/{id}/bargain" READ => api::bargains::bargain;
    DELETE "/api/v1/conversations/{id}/bargain" ANSWER => api::bargains::end_bargain;
    GET "/api/v1/conversations/{id}/order-events" READ => api::order_events::order_events_of_conversation;
    GET "/api/v1/order-events" READ => api::order_events::list;
    GET "/api/v1/decisions" READ => api::decisions::list;
    GET "/api/v1/decisions/{id}" READ => api::explanations::get;
    GET "/api/v1/outbox" READ => api::outbox::list;
    GET "/api/v1/outbox/{id}" READ => api::outbox::get;
    POST "/api/v1/outbox/{id}/retry" ANSWER => api::outbox::retry;
    POST "/api/v1/outbox/{id}/cancel" ANSWER => api::outbox::cancel;
    POST "/api/v1/outbox/{id}/confirm" ANSWER => api::outbox::confirm;

    // buyers
    GET "/api/v1/blocked-buyers" READ => api::blocked_buyers::list;
    POST "/api/v1/blocked-buyers" ANSWER => api::blocked_buyers::create;
    DELETE "/api/v1/blocked-buyers/{id}" ANSWER => api::blocked_buyers::delete;

    GET "/api/v1/buyers/{buyer_id}" READ => api::buyers::show;
    DELETE "/api/v1/buyers/{buyer_id}" MANAGE => api::buyers::erase;
    GET "/api/v1/buyers/{buyer_id}/export" MANAGE => api::buyers::export;
    GET "/api/v1/buyers/{buyer_id}/tags" READ => api::buyer_tags::get;
    PUT "/api/v1/buyers/{buyer_id}/tags" ANSWER => api::buyer_tags::set;
    GET "/api/v1/buyers/{buyer_id}/notes" READ => api::buyer_notes::list;
    POST "/api/v1/buyers/{buyer_id}/notes" ANSWER => api::buyer_notes::create;
    PATCH "/api/v1/buyers/{buyer_id}/notes/{id}" ANSWER => api::buyer_notes::update;
    DELETE "/api/v1/buyers/{buyer_id}/notes/{id}" ANSWER => api::buyer_notes::delete;
    GET "/api/v1/tags" READ => api::buyer_tags::list;

    // what is told, and where
    GET "/api/v1/notify/channels" MANAGE => api::notify_channels::list;
    POST "/api/v1/notify/channels" MANAGE => api::notify_channels::create;
    GET "/api/v1/notify/channels/{id}" MANAGE => api::notify_channels::get;
    PATCH "/api/v1/notify/channels/{id}" MANAGE => api::notify_channels::update;
    DELETE "/api/v1/notify/channels/{id}" MANAGE => api::notify_channels::delete;
    POST "/api/v1/notify/channels/{id}/test" MANAGE => api::notify_channels::test;
    GET "/api/v1/notify/subscriptions" MANAGE => api::notify_channels::subscriptions;
    PUT "/api/v1/notify/subscriptions" MANAGE => api::notify_channels::set_subscriptions;
    POST "/api/v1/notify/deliveries/{id}/retry" MANAGE => api::notices::retry;
    GET "/api/v1/notices" READ => api::notices::list;
    GET "/api/v1/notices/{id}" READ => api::notices::get;
    POST "/api/v1/notices/{id}/seen" ANSWER => api::notices::see;
    DELETE "/api/v1/notices/{id}/seen" ANSWER => api::notices::unsee;
    GET "/api/v1/notices/{id}/deliveries" MANAGE => api::notices::list_deliveries;

    // the jobs of the night. The database as a whole stays on the server: nothing hands it out or takes a file in its place
    GET "/api/v1/maintenance" ADMIN => api::maintenance::show;
    POST "/api/v1/maintenance/run" ADMIN => api::maintenance::run;
    GET "/api/v1/maintenance/backups" ADMIN => api::backups::show;
    POST "/api/v1/maintenance/backups" ADMIN => api::backups::begin;

    // what happens, as it happens
    GET "/api/v1/live" Access::Live(Right::Read) => live::connect;
    POST "/api/v1/live/tickets" READ => live::create_ticket;

    // what the machine says about itself
    GET "/api/v1/logs" READ => api::logs::list;
    GET "/api/v1/logs/stats" READ => api::logs::stats;
    GET "/api/v1/logs/files" ADMIN => api::logs::list_files;
    GET "/api/v1/logs/files/{name}" ADMIN => api::logs::download;
    GET "/api/v1/logs/level" ADMIN => api::logs::level;
    PUT "/api/v1/logs/level" ADMIN => api::logs::set_level;
    GET "/api/v1/stats" READ => api::stats::overview;
    GET "/api/v1/stats/sales" READ => api::sales::sales;
    GET "/api/v1/stats/buyers" READ => api::buyer_figures::buyers;
    GET "/api/v1/stats/sales/export" READ => api::sales::export_sales;
    GET "/api/v1/audit" MANAGE => api::audit::list;

    // what older clients know
    POST "/login" Access::Door => compat::sessions::login;
    POST "/logout" Access::Person => compat::sessions::logout;
    GET "/verify" Access::Person => compat::sessions::verify;
    POST "/change-admin-password" ADMIN => compat::sessions::change_admin_password;
    GET "/cookies" READ => compat::accounts::list_ids;
    POST "/cookies" MANAGE => compat::accounts::create;
    GET "/cookies/list" READ => compat::accounts::list_cookies;
    POST "/cookies/add" MANAGE => compat::accounts::create_and_wait;
    PUT "/cookies/{id}" MANAGE => compat::accounts::update;
    DELETE "/cookies/{id}" MANAGE => compat::accounts::delete;
    GET "/accounts" READ => compat::accounts::list_accounts;
    POST "/accounts" MANAGE => compat::accounts::create_account;
    PUT "/accounts/{id}" MANAGE => compat::accounts::update_account;
    DELETE "/accounts/{id}" MANAGE => compat::accounts::delete_account;
    GET "/keywords" READ => compat::keywords::list_keywords;
    POST "/keywords" MANAGE => compat::keywords::create_keyword;
    PUT "/keywords/{id}" MANAGE => compat::keywords::update_keyword;
    DELETE "/keywords/{id}" MANAGE => compat::keywords::delete_keyword;
    GET "/keywords-export/{id}" READ => compat::keyword_files::export_keywords;
    POST "/keywords-import/{id}" MANAGE => compat::keyword_files::import_keywords;
    GET "/logs" READ => api::logs::seed_list;

    // the panel
    GET "/app" PAGE => panel::home::home;
    GET "/app/welcome" Access::Page(Right::Manage) => panel::welcome::welcome;
    GET "/app/accounts" PAGE => panel::accounts::accounts;
    GET "/app/accounts/new" Access::Page(Right::Manage) => panel::login::add_account;
    GET "/app/accounts/{id}" PAGE => panel::account::account;
    GET "/app/accounts/{id}/mend" PAGE => panel::mend::mend;
    GET "/app/chats" PAGE => panel::chats::chats;
    GET "/app/chats/{id}" PAGE => panel::chat::chat;
    GET "/app/phrases" PAGE => panel::phrases::phrases;
    GET "/app/orders" PAGE => panel::orders::orders;
    GET "/app/orders/{id}" PAGE => panel::order::order;
    GET "/app/orders/{id}/print" PAGE => panel::order_print::print;
    GET "/app/reviews" PAGE => panel::reviews::reviews;
    GET "/app/items" PAGE => panel::items::items;
    GET "/app/items/{account}/{item}" PAGE => panel::item::item;
    GET "/app/sales" PAGE => panel::sales::sales;
    GET "/app/rules" PAGE => panel::rules::rules;
    GET "/app/rules/new" Access::Page(Right::Manage) => panel::rules::new_rule;
    GET "/app/rules/{id}" PAGE => panel::rules::rule;
    GET "/app/sandbox" PAGE => panel::sandbox::sandbox;
    GET "/app/ai" PAGE => panel::ai::ai;
    GET "/app/answers" PAGE => panel::answers::answers;
    GET "/app/cards" Access::Page(Right::Manage) => panel::cards::cards;
    GET "/app/cards/new" Access::Page(Right::Manage) => panel::cards::new_card;
    GET "/app/cards/{id}" Access::Page(Right::Manage) => panel::card::card;
    GET "/app/delivery" Access::Page(Right::Manage) => panel::delivery::delivery;
    GET "/app/delivery/new" Access::Page(Right::Manage) => panel::delivery_rule::new_rule;
    GET "/app/delivery/accounts" Access::Page(Right::Manage) => panel::delivery_account::delivery_accounts;
    GET "/app/delivery/accounts/{id}" Access::Page(Right::Manage) => panel::delivery_account::delivery_account;
    GET "/app/delivery/{id}" Access::Page(Right::Manage) => panel::delivery_rule::rule;
    GET "/app/notices" PAGE => panel::notices::notices;
    GET "/app/notices/channels" Access::Page(Right::Manage) => panel::channels::channels;
    GET "/app/notices/channels/new" Access::Page(Right::Manage) => panel::channel::new_channel;
    GET "/app/notices/channels/{id}" Access::Page(Right::Manage) => panel::channel::channel;
    GET "/app/challenges" Access::Page(Right::Manage) => panel::challenges::challenges;
    GET "/app/logs" PAGE => panel::logs::logs;
    GET "/app/audit" Access::Page(Right::Manage) => panel::audit::audit;
    GET "/app/people" Access::Page(Right::Manage) => panel::people::people;
    GET "/app/tokens" PAGE => panel::tokens::tokens;
    GET "/app/me" PAGE => panel::me::me;
    GET "/app/settings" Access::Page(Right::Administer) => panel::settings::settings;
    GET "/app/about" PAGE => panel::about::about;

    // what it can do
    GET "/api-docs/openapi.json" Access::Person => openapi::json;
    GET "/docs" PAGE => pages::docs::swagger;
    GET "/redoc" PAGE => pages::docs::redoc;
}

static BY_ADDRESS: LazyLock<HashMap<(&str, &str), &'static Route>> =
    LazyLock::new(|| ROUTES.iter().map(|route| ((route.method, route.path), route)).collect());

/// The line of the table that a request belongs to. None where the address is spelt oddly: handlers are found by the address with its
/// `%73` decoded, this line by the address as it came, and only where both say the same is the line the handler's.
fn route_of(request: &HttpRequest) -> Option<&'static Route> {
    let pattern = request.resource_map().match_pattern(request.path())?;
    let decoded = request.match_info().get_ref().path();
    if decoded != request.path() && request.resource_map().match_pattern(decoded).as_ref() != Some(&pattern) {
        return None;
    }
    let method = match *request.method() {
        Method::HEAD => "GET",
        ref other => other.as_str(),
    };
    BY_ADDRESS.get(&(method, pattern.as_str())).copied()
}

/// An address that is not in the table, or one that does not take this method; OPTIONS asks which it takes.
async fn nothing_here(request: HttpRequest) -> HttpResponse {
    let pattern = request.resource_map().match_pattern(request.path());
    let mut methods: Vec<&str> =
        ROUTES.iter().filter(|route| Some(route.path) == pattern.as_deref()).map(|route| route.method).collect();
    if methods.is_empty() {
        return HttpResponse::from_error(ApiError::from(Code::NotFound));
    }
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    let mut response = match *request.method() {
        Method::OPTIONS => HttpResponse::NoContent().finish(),
        _ => HttpResponse::from_error(ApiError::from(Code::MethodNotAllowed)),
    };
    if let Ok(allow) = methods.join(", ").parse() {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// The whole application: routes and what every request goes through, outermost last.
pub fn application(
    state: Data<AppState>,
) -> actix_web::App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    actix_web::App::new()
        .app_data(state)
        .configure(routes)
        .wrap(from_fn(idempotency::once))
        .wrap(from_fn(gate::guard))
        .wrap(from_fn(hygiene::take_turn))
        .wrap(from_fn(host::check))
        .wrap(from_fn(error::speak))
        .wrap(from_fn(forms::carry))
        .wrap(Compress::default())
        .wrap(from_fn(cors::share))
        .wrap(from_fn(hygiene::follow))
        .wrap(from_fn(finish::finish))
}

/// The actors that handlers speak to.
pub struct Engine {
    pub registry: RegistryAddress,
    pub maintenance: Addr<MaintenanceActor>,
    pub backups: Addr<BackupActor>,
    pub providers: Providers,
    pub notify: Addr<NotifyActor>,
    pub logins: Addr<LoginActor>,
    pub challenges: Addr<ChallengeActor>,
    pub modules: Modules,
}

/// What handlers work with.
pub struct AppState {
    pub store: Store,
    pub registry: RegistryAddress,
    pub maintenance: Addr<MaintenanceActor>,
    pub backups: Addr<BackupActor>,
    pub providers: Providers,
    pub notify: Addr<NotifyActor>,
    pub logins: Addr<LoginActor>,
    pub challenges: Addr<ChallengeActor>,
    pub modules: Modules,
    pub feed: Feed,
    pub settings: Arc<Settings>,
    pub gate: Gate,
    pub live: live::Live,
    pub door: api::sessions::DoorKeeper,
    pub letters: letters::Letters,
    pub setup: setup::Setup,
    /// Requests that may be worked on at the same time.
    pub places: Arc<Semaphore>,
    pub strangers: strangers::Strangers,
    pub turns: turns::Turns,
    pub kept: kept::Kept,
    pub forms: forms::Forms,
    pub health: HealthMonitor,
    pub metrics: Metrics,
}

impl AppState {
    pub fn new(
        settings: &Settings,
        store: Store,
        engine: Engine,
        feed: Feed,
        health: HealthMonitor,
        metrics: Metrics,
    ) -> Self {
        Self {
            gate: Gate::new(&store),
            live: live::Live::default(),
            door: api::sessions::DoorKeeper::default(),
            letters: letters::Letters::default(),
            setup: setup::Setup::default(),
            kept: kept::Kept::default(),
            forms: forms::Forms::default(),
            places: Arc::new(Semaphore::new(settings.server.requests)),
            strangers: strangers::Strangers::new(settings.server.requests),
            turns: turns::Turns::default(),
            settings: Arc::new(settings.clone()),
            store: store.for_people(),
            registry: engine.registry,
            maintenance: engine.maintenance,
            backups: engine.backups,
            providers: engine.providers,
            notify: engine.notify,
            logins: engine.logins,
            challenges: engine.challenges,
            modules: engine.modules,
            feed,
            health,
            metrics,
        }
    }
}

/// How often it is looked which modules are there.
const MODULES: Duration = Duration::from_secs(30);

impl AppState {
    /// Looks again and again which modules are there: one that is put in place works without a restart. Never ends.
    pub async fn watch_modules(&self) {
        loop {
            tokio::time::sleep(MODULES).await;
            self.look_for_modules().await;
        }
    }

    /// 503 where this module is not there, with how to get it. What was not there is looked for once more: nobody waits for the next round.
    async fn wants(&self, module: Module) -> ApiResult<()> {
        if self.finds(module).await {
            return Ok(());
        }
        Err(ApiError::absent(module))
    }

    /// Whether this module is there, by now.
    async fn finds(&self, module: Module) -> bool {
        if !self.modules.has(module) {
            self.look_for_modules().await;
        }
        self.modules.has(module)
    }

    pub async fn look_for_modules(&self) {
        let setting = self.settings.captcha.chromium.clone();
        if let Ok(found) = block(move || browser::find(&setting)).await {
            self.modules.note(Module::ChallengeBrowser, found.is_some());
        }
        // While the database is away nobody knows.
        if let Ok(has_server) = self.store.read(letters::has_server).await {
            self.modules.note(Module::Mail, has_server);
        }
    }
}

impl AppState {
    /// Notices users, sessions, tokens and accounts that another process changed. Never ends.
    pub async fn watch_users(&self, every: Duration) {
        let (mut seen, mut had_admin): (Option<Revisions>, bool) = (None, false);
        loop {
            tokio::time::sleep(every).await;
            let now = self.store.read(|conn| Ok((revisions::all(conn)?, users::has_admin(conn)?))).await;
            let Ok((now, has_admin)) = now else { continue };
            if seen != Some(now) {
                self.kept.note_outside();
            }
            match seen.replace(now) {
                // What changed before the first look was seen by nobody.
                None => self.gate.forget_all(),
                Some(seen) if seen.users != now.users => self.gate.forget_all(),
                Some(seen) if seen.accounts != now.accounts => self.gate.note_change(),
                Some(_) => {}
            }
            // Only where it turned: this look may be older than the use of the link.
            if has_admin != had_admin {
                self.gate.note_set_up(has_admin);
                had_admin = has_admin;
            }
            if has_admin {
                self.setup.close();
            }
        }
    }
}

/// Where the registry is at the moment: a dead one is replaced.
#[derive(Clone)]
pub struct RegistryAddress(Arc<RwLock<Addr<AccountRegistry>>>);

impl RegistryAddress {
    pub fn new(address: Addr<AccountRegistry>) -> Self {
        Self(Arc::new(RwLock::new(address)))
    }

    pub fn get(&self) -> Addr<AccountRegistry> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, address: Addr<AccountRegistry>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = address;
    }
}
