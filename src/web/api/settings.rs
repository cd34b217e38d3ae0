//! `/api/v1/settings`: what an administrator sets while the system runs. S4: nobody else reads or changes it; unknown keys are refused;
//! a password goes in and never comes out.

use std::net::IpAddr;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, ErrorBody, Said},
    gate::Caller,
    host,
    input::{Body, Change, Line, SecretText, Whole, given, if_match},
    letters::{MailAddress, MailServer},
    name::Email,
    secret_hint::SecretHint,
    tag,
};
use crate::{
    ids::Timestamp,
    mail::client::{self, MailError, SmtpTls},
    store::{
        DbConn, Keys, QueryResult,
        audit::{self, Deed},
        settings::{Registration, Retention},
    },
    telemetry::clock,
};

/// What is set.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SettingsView {
    pub(in crate::web) registration: Registration,
    /// `null`: no letter is sent.
    pub(in crate::web) smtp: Option<SmtpView>,
    pub(in crate::web) retention: Retention,
}

/// The administrator's mail server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SmtpView {
    pub(in crate::web) host: String,
    pub(in crate::web) port: u16,
    /// `null`: the server wants no login.
    pub(in crate::web) username: Option<String>,
    /// `null`: none is set.
    pub(in crate::web) password: Option<SecretHint>,
    pub(in crate::web) from: String,
    pub(in crate::web) security: SmtpTls,
}

/// What changes; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"registration": {"enabled": true}, "retention": {"messages_days": 90}}))]
pub struct SettingsPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    registration: Option<RegistrationPatch>,
    /// `null` takes the mail server away.
    #[serde(default)]
    #[schema(value_type = Option<SmtpPatch>)]
    smtp: Change<SmtpPatch>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    retention: Option<RetentionPatch>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrationPatch {
    /// Whether strangers may make themselves a user.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

type Days = Whole<{ Retention::SHORTEST as i64 }, { Retention::LONGEST as i64 }>;

/// For how many days each kind of data is kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    messages_days: Option<Days>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    decisions_days: Option<Days>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    logs_days: Option<Days>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    notices_days: Option<Days>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    figures_days: Option<Days>,
}

/// The mail server. The first time, `host` and `from` are needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    host: Option<Line<1, 253>>,
    /// At first the usual one for `security`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    port: Option<Whole<1, 65535>>,
    #[serde(default)]
    username: Change<Line<1, 254>>,
    /// Must be given again when it would go to another server, or another way. Without encryption only a server on this machine may have
    /// one.
    #[serde(default)]
    password: Change<SecretText<1024>>,
    /// `name@example.com` or `Name <name@example.com>`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    from: Option<Line<3, 320>>,
    /// At first `starttls`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    security: Option<SmtpTls>,
}

/// Where a trial letter goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "admin@example.com"}))]
pub struct TrialLetter {
    to: Email,
}

/// The mail server has taken the letter.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialView {
    pub(in crate::web) delivered: bool,
}

impl SettingsView {
    fn read(conn: &mut DbConn, keys: &Keys) -> QueryResult<ApiResult<Self>> {
        let smtp = MailServer::load(conn)?.map(|server| SmtpView::new(server, keys)).transpose();
        let (registration, retention) = (Registration::load(conn)?, Retention::load(conn)?);
        Ok(smtp.map(|smtp| Self { registration, smtp, retention }).map_err(ApiError::from))
    }
}

impl SmtpView {
    fn new(server: MailServer, keys: &Keys) -> Result<Self, Code> {
        let text = server.open_password(keys)?;
        let password = server.password.map(|(_, set_at)| SecretHint::new(&text, set_at));
        let MailAddress { host, port, username, from, security } = server.address;
        Ok(Self { host, port, username, password, from, security })
    }
}

/// What is set.
#[utoipa::path(get, path = "/api/v1/settings", tag = "settings", responses((status = 200, body = SettingsView)))]
pub async fn get(app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &shown(&app).await?))
}

pub(in crate::web) async fn shown(app: &AppState) -> ApiResult<SettingsView> {
    let keys = app.store.keys().clone();
    app.store.read(move |conn| SettingsView::read(conn, &keys)).await?
}

/// Changes what is set.
#[utoipa::path(patch, path = "/api/v1/settings", tag = "settings", request_body = SettingsPatch,
    params(("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses(
        (status = 200, body = SettingsView),
        (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile"),
    ))]
pub async fn update(
    caller: Caller,
    request: HttpRequest,
    body: Body<SettingsPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (wanted, actor, now) = (if_match(request.headers())?, caller.actor(), clock::unix());
    let keys = app.store.keys().clone();
    let update = move |conn: &mut DbConn| -> QueryResult<ApiResult<SettingsView>> {
        let before = match SettingsView::read(conn, &keys)? {
            Ok(before) => before,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(refusal) = tag::check(wanted.as_deref(), &before) {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = body.0.apply(conn, &keys, now)? {
            return Ok(Err(refusal));
        }
        let after = SettingsView::read(conn, &keys)?;
        if let Ok(after) = &after {
            audit::record(conn, &actor, &Deed::new("settings.update", "system").before(&before).after(after), now)?;
        }
        Ok(after)
    };
    let view = app.store.write(update).await??;
    // There may be a mail server now, or none any more.
    app.look_for_modules().await;
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

impl SettingsPatch {
    /// The mail server first: it alone can be refused.
    fn apply(self, conn: &mut DbConn, keys: &Keys, now: Timestamp) -> QueryResult<ApiResult<()>> {
        match self.smtp {
            Change::Keep => {}
            Change::Clear => {
                MailServer::save(conn, None, now)?;
                MailServer::save_password(conn, None, now)?;
            }
            Change::Set(patch) => {
                if let Err(refusal) = patch.apply(conn, keys, now)? {
                    return Ok(Err(refusal));
                }
            }
        }
        if let Some(RegistrationPatch { enabled: Some(enabled) }) = self.registration {
            Registration { enabled }.save(conn, now)?;
        }
        if let Some(patch) = self.retention {
            patch.over(Retention::load(conn)?).save(conn, now)?;
        }
        Ok(Ok(()))
    }
}

impl RetentionPatch {
    fn over(&self, old: Retention) -> Retention {
        let chosen = |new: Option<Days>, old: u16| new.and_then(|days| u16::try_from(days.get()).ok()).unwrap_or(old);
        Retention {
            messages_days: chosen(self.messages_days, old.messages_days),
            decisions_days: chosen(self.decisions_days, old.decisions_days),
            logs_days: chosen(self.logs_days, old.logs_days),
            notices_days: chosen(self.notices_days, old.notices_days),
            figures_days: chosen(self.figures_days, old.figures_days),
        }
    }
}

impl SmtpPatch {
    fn apply(self, conn: &mut DbConn, keys: &Keys, now: Timestamp) -> QueryResult<ApiResult<()>> {
        let old = MailServer::load(conn)?;
        let new = match self.over(old.as_ref().map(|old| &old.address)) {
            Ok(new) => new,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let keeps_password = matches!(self.password, Change::Keep);
        if keeps_password
            && old.as_ref().is_some_and(|old| old.password.is_some() && goes_elsewhere(&old.address, &new))
        {
            let said = Said::new(
                "更换服务器或加密方式时须重新填写密码",
                "must be given again for another server or another encryption",
            );
            return Ok(Err(ApiError::field("smtp.password", said)));
        }
        if matches!(self.password, Change::Set(_)) && new.security == SmtpTls::None && !is_here(&new.host) {
            let said = Said::new(
                "不能以明文发送到其他机器：请使用 starttls 或 implicit",
                "must not go to another machine in the clear: use starttls or implicit",
            );
            return Ok(Err(ApiError::field("smtp.password", said)));
        }
        MailServer::save(conn, Some(&new), now)?;
        match self.password {
            Change::Keep => {}
            Change::Clear => MailServer::save_password(conn, None, now)?,
            Change::Set(password) => {
                MailServer::save_password(conn, Some(&MailServer::seal(keys, password.expose())), now)?;
            }
        }
        Ok(Ok(()))
    }

    fn over(&self, old: Option<&MailAddress>) -> ApiResult<MailAddress> {
        let needed = |field: &str| ApiError::field(field, Said::new("必填", "is required"));
        let text = |line: &Option<Line<1, 253>>| line.as_deref().map(str::to_owned);
        let host = text(&self.host).or_else(|| old.map(|old| old.host.clone()));
        let from = self.from.as_deref().map(str::to_owned).or_else(|| old.map(|old| old.from.clone()));
        let security = self.security.or(old.map(|old| old.security)).unwrap_or(SmtpTls::Starttls);
        let port = self.port.and_then(|port| u16::try_from(port.get()).ok()).or(old.map(|old| old.port));
        let username = match &self.username {
            Change::Keep => old.and_then(|old| old.username.clone()),
            Change::Clear => None,
            Change::Set(name) => Some(name.to_string()),
        };
        let from = from.ok_or_else(|| needed("smtp.from"))?;
        if !client::is_sender(&from) {
            let said = Said::new("须为邮箱地址或“名称 <邮箱>”", "must be name@example.com or Name <name@example.com>");
            return Err(ApiError::field("smtp.from", said));
        }
        Ok(MailAddress {
            host: host.ok_or_else(|| needed("smtp.host"))?,
            port: port.unwrap_or(usual_port(security)),
            username,
            from,
            security,
        })
    }
}

/// Whoever changes the address must not be told the password by doing so.
fn goes_elsewhere(old: &MailAddress, new: &MailAddress) -> bool {
    (&old.host, old.port, old.security) != (&new.host, new.port, new.security)
}

/// Whether a mail server runs on this machine.
fn is_here(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) || host::is_loopback(name)
}

fn usual_port(security: SmtpTls) -> u16 {
    match security {
        SmtpTls::Starttls => 587,
        SmtpTls::Implicit => 465,
        SmtpTls::None => 25,
    }
}

/// Sends a trial letter, and waits for what the mail server says.
#[utoipa::path(post, path = "/api/v1/settings/smtp/test", tag = "settings", request_body = TrialLetter, responses(
    (status = 200, body = TrialView),
    (status = 502, body = ErrorBody, description = "The e-mail could not be sent; `details.reason` says why"),
))]
pub async fn test_smtp(caller: Caller, body: Body<TrialLetter>, app: Data<AppState>) -> ApiResult<Json<TrialView>> {
    let to = body.0.to;
    let outcome = app.send_trial(caller.language, &to).await?;
    let reason = outcome.as_ref().err().map(MailError::code);
    let told = json!({"to": at_its_host(&to), "delivered": outcome.is_ok(), "reason": reason});
    let (deed, now) = (Deed::new("smtp.test", "system").after(told), clock::unix());
    let noted = app.store.write(move |conn| audit::record(conn, &caller.actor(), &deed, now)).await;
    noted.map_err(ApiError::after_the_deed)?;
    match outcome {
        Ok(()) => Ok(Json(TrialView { delivered: true })),
        Err(fault) => {
            Err(ApiError::from(Code::MailFailed).with("reason", fault.code()).with("said", fault.to_string()))
        }
    }
}

/// An address as the audit keeps it: without whose it is.
fn at_its_host(email: &str) -> String {
    email.rsplit_once('@').map_or_else(String::new, |(_, host)| format!("…@{host}"))
}
