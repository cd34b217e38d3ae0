//! `/api/v1/accounts/{id}/health`, `/probe`, `/proxy`: whether an account can be relied on, and how it reaches the platform.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{Body, Id, NoBody, SecretText},
    },
    accounts::{StatusView, check_reach},
};
use crate::{
    account::{
        login_session::CHECKS_A_DAY,
        messages::{AccountSnapshot, NotProbed, ProbeLine, Restart, SnapshotOf},
        state::{Reason, State, Status},
        token::day,
    },
    ids::{AccountId, Timestamp},
    outgoing::proxy::{Proxy, ProxyFault},
    store::{
        DbConn, Keys, Page, QueryResult, Secret, account_cursors, account_sessions, account_states, account_tokens,
        accounts,
        audit::{self, Deed},
        unanswered,
    },
    telemetry::clock,
};

/// Everything that says whether an account hears its buyers, and will tomorrow.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountHealth {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    pub(in crate::web) name: String,
    pub(in crate::web) enabled: bool,
    /// The account's stop switch: nothing is sent while it is on.
    pub(in crate::web) paused: bool,
    pub(in crate::web) status: StatusView,
    /// The newest message that is stored, by the platform's clock.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) last_message_at: Option<Timestamp>,
    /// Buyers whose last message has no answer.
    pub(in crate::web) unanswered: i64,
    pub(in crate::web) token: TokenHealth,
    pub(in crate::web) login: LoginHealth,
    /// `null` while the account may call the platform.
    pub(in crate::web) breaker: Option<BreakerView>,
    pub(in crate::web) gaps: GapsView,
    /// `null`: nobody asked.
    pub(in crate::web) last_probe: Option<ProbeView>,
    /// The last time the platform ended the connection for another program or device; `null`: never.
    pub(in crate::web) last_kick: Option<KickView>,
    /// Without name and password; `null`: the platform is reached directly.
    pub(in crate::web) proxy: Option<String>,
    /// As the connection itself sees it; `null` where nothing of the account runs.
    pub(in crate::web) line: Option<LineView>,
}

/// What the account has to open its connection with.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenHealth {
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) issued_at: Option<Timestamp>,
    /// As the platform said; `null`: it did not, or there is no token.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) expires_at: Option<Timestamp>,
    /// Requests for tokens of this day (UTC), and how many a day may have.
    pub(in crate::web) requests_today: i64,
    pub(in crate::web) budget: u32,
}

/// The login behind the cookie.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginHealth {
    /// The seller's name on the platform; `null`: it was not asked for yet.
    pub(in crate::web) nickname: Option<String>,
    /// The address of their picture.
    pub(in crate::web) picture: Option<String>,
    /// When it is thought to end: as the cookie says, or a month after the platform last prolonged it.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) ends_at: Option<Timestamp>,
    /// When the platform was last asked whether it stands.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) checked_at: Option<Timestamp>,
    pub(in crate::web) checks_today: u32,
    pub(in crate::web) checks_budget: u32,
}

/// Why the account makes no calls.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakerView {
    #[schema(value_type = i64)]
    pub(in crate::web) since: Timestamp,
    /// `challenge`, `access_denied` or `session_expired`.
    #[schema(example = "challenge")]
    pub(in crate::web) cause: String,
}

/// Searches for messages that were missed.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapsView {
    /// How many came to their end.
    pub(in crate::web) filled: i64,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) last_at: Option<Timestamp>,
}

/// What a probe found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeView {
    /// The connection answered.
    pub(in crate::web) ok: bool,
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    /// How long the answer took; `null` where there was none.
    pub(in crate::web) took_ms: Option<i64>,
    /// Why there was none.
    pub(in crate::web) error: Option<String>,
}

/// The connection was taken by another one.
#[derive(Debug, Serialize, ToSchema)]
pub struct KickView {
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    #[schema(inline)]
    pub(in crate::web) reason: Reason,
    /// In the language of `Accept-Language` (`zh` or `en`).
    pub(in crate::web) sentence: &'static str,
    /// The platform's own words.
    pub(in crate::web) detail: Option<String>,
}

/// The connection as it sees itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineView {
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) heartbeat_answered_at: Option<Timestamp>,
    /// The last push that brought something lasting.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) last_push_at: Option<Timestamp>,
    /// How often it was connected since the server started it.
    pub(in crate::web) connections: u64,
    /// Pushes that are not stored yet.
    pub(in crate::web) unstored: usize,
    /// Whether missed messages are being fetched.
    pub(in crate::web) filling_gap: bool,
}

/// How an account reaches the platform.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProxyView {
    /// Without name and password; `null`: directly.
    #[schema(example = "socks5://***@proxy.example.com:1080")]
    pub(in crate::web) proxy: Option<String>,
}

/// A proxy to be used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"proxy": "socks5://name:password@proxy.example.com:1080"}))]
pub struct ProxyBody {
    /// `http://…` (a proxy that tunnels) or `socks5://…`, with a port, and where it wants them name and password. Never shown again in full.
    proxy: SecretText<1024>,
}

impl From<AccountSnapshot> for LineView {
    fn from(now: AccountSnapshot) -> Self {
        Self {
            heartbeat_answered_at: now.heartbeat_answered,
            last_push_at: now.last_business,
            connections: now.connections,
            unstored: now.unstored,
            filling_gap: now.filling_gap,
        }
    }
}

/// What is shown of a stored proxy.
fn shown(keys: &Keys, id: AccountId, sealed: Option<&crate::store::Sealed>) -> Option<String> {
    let opened = keys.open(&accounts::proxy_place(id), sealed?);
    let read = opened.ok().and_then(|text| Proxy::parse(text.expose()).ok());
    // A key that was lost: it is set, and cannot be used.
    Some(read.map_or_else(|| "***".to_owned(), |proxy| proxy.to_string()))
}

/// Everything about one account's connection, login and budgets on one page.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/health", tag = "accounts", params(("id" = i64, Path)), responses((status = 200, body = AccountHealth)))]
pub async fn health(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<Json<AccountHealth>> {
    Ok(Json(look(&app, &caller, id.0, caller.language).await?))
}

pub(in crate::web) async fn look(
    app: &AppState,
    caller: &Caller,
    id: AccountId,
    language: Language,
) -> ApiResult<AccountHealth> {
    let scope = caller.scope;
    check_reach(app, caller, id).await?;
    let snapshot = app.registry.get().send(SnapshotOf(id)).await?;
    let (keys, budget, now) = (app.store.keys().clone(), app.settings.accounts.token_budget, clock::unix());
    let read = move |conn: &mut DbConn| -> QueryResult<AccountHealth> {
        let account = accounts::get(conn, &scope, id)?;
        let stored = account_states::find(conn, &scope, id)?;
        let not_started = || Status::new(State::Disconnected, Reason::NotStarted, account.created_at);
        let filter = unanswered::Filter { account: Some(id), ..unanswered::Filter::default() };
        let (_, waiting) = unanswered::page(conn, &scope, &filter, Page { offset: 0, limit: 1 })?;
        let row = account_tokens::load(conn, id)?;
        let used = row.as_ref().filter(|row| row.budget_day == day(now)).map_or(0, |row| row.budget_used);
        // Of an earlier cookie: void.
        let token = row.filter(|row| row.credentials_version == account.credentials_version);
        let session = account_sessions::get(conn, &scope, id)?;
        let sealed = accounts::load_credentials(conn, id)?.and_then(|credentials| credentials.proxy);
        let has_token = token.as_ref().is_some_and(|row| row.token.is_some());
        let known = session.as_ref();
        Ok(AccountHealth {
            account_id: id,
            status: StatusView::new(stored.unwrap_or_else(not_started), language),
            name: account.name,
            enabled: account.enabled,
            paused: account.stopped,
            last_message_at: account_cursors::load(conn, id)?.map(|cursor| cursor.seen_at),
            unanswered: waiting,
            token: TokenHealth {
                issued_at: token.as_ref().and_then(|row| row.issued_at).filter(|_| has_token),
                expires_at: token.as_ref().and_then(|row| row.expires_at).filter(|_| has_token),
                requests_today: used,
                budget,
            },
            login: LoginHealth {
                nickname: known.and_then(|session| session.nickname.clone()),
                picture: known.and_then(|session| session.picture.clone()),
                ends_at: known.and_then(|session| session.ends_at),
                checked_at: known.and_then(|session| session.checked_at),
                checks_today: known.map_or(0, |session| session.checks().used_today(now)),
                checks_budget: CHECKS_A_DAY,
            },
            breaker: token.and_then(|row| {
                Some(BreakerView { since: row.breaker_since?, cause: row.breaker_reason.unwrap_or_default() })
            }),
            gaps: GapsView {
                filled: known.map_or(0, |session| session.gaps_filled),
                last_at: known.and_then(|session| session.gap_filled_at),
            },
            last_probe: known.and_then(probe_of),
            last_kick: known.and_then(|session| kick_of(session, language)),
            proxy: shown(&keys, id, sealed.as_ref()),
            line: snapshot.map(LineView::from),
        })
    };
    Ok(app.store.read(read).await?)
}

fn probe_of(session: &account_sessions::AccountSession) -> Option<ProbeView> {
    Some(ProbeView {
        at: session.probed_at?,
        ok: session.probe_error.is_none(),
        took_ms: session.probe_ms,
        error: session.probe_error.clone(),
    })
}

fn kick_of(session: &account_sessions::AccountSession, language: Language) -> Option<KickView> {
    let reason = session.kick_reason?;
    let sentence = match language {
        Language::Chinese => reason.sentence_zh(),
        Language::English => reason.sentence(),
    };
    Some(KickView { at: session.kicked_at?, reason, sentence, detail: session.kick_detail.clone() })
}

/// Tries the account's connection now. Nothing is sent to anybody: the platform lists one conversation.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/probe", tag = "accounts", params(("id" = i64, Path)),
    responses((status = 200, body = ProbeView), (status = 409, body = super::super::error::ErrorBody, description = "Nothing of it runs")))]
pub async fn probe(caller: Caller, id: Id<AccountId>, _: NoBody, app: Data<AppState>) -> ApiResult<Json<ProbeView>> {
    let id = id.0;
    check_reach(&app, &caller, id).await?;
    let probed = app.registry.get().send(ProbeLine(id)).await?;
    let at = clock::unix();
    let view = match probed {
        Ok(took) => {
            let took_ms = i64::try_from(took.as_millis()).ok();
            ProbeView { ok: true, at, took_ms, error: None }
        }
        Err(NotProbed::NotRunning) => return Err(Code::AccountNotRunning.into()),
        Err(why @ (NotProbed::Offline | NotProbed::NoAnswer(_))) => {
            ProbeView { ok: false, at, took_ms: None, error: Some(why.to_string()) }
        }
    };
    let (actor, deed) = (caller.actor(), Deed::new("account.probe", id).of(caller.scope.user()).after(&view));
    app.store.write(move |conn| audit::record(conn, &actor, &deed, at)).await.map_err(ApiError::after_the_deed)?;
    Ok(Json(view))
}

/// How the account reaches the platform.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/proxy", tag = "accounts", params(("id" = i64, Path)), responses((status = 200, body = ProxyView)))]
pub async fn get_proxy(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<Json<ProxyView>> {
    let (id, scope, keys) = (id.0, caller.scope, app.store.keys().clone());
    let read = move |conn: &mut DbConn| {
        accounts::get(conn, &scope, id)?;
        stored(conn, &keys, id)
    };
    Ok(Json(app.store.read(read).await?))
}

fn stored(conn: &mut DbConn, keys: &Keys, id: AccountId) -> QueryResult<ProxyView> {
    let credentials = accounts::load_credentials(conn, id)?;
    Ok(ProxyView { proxy: shown(keys, id, credentials.and_then(|credentials| credentials.proxy).as_ref()) })
}

/// Lets the account reach the platform through a proxy: calls and connection alike. It connects anew.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/proxy", tag = "accounts", request_body = ProxyBody, params(("id" = i64, Path)), responses((status = 200, body = ProxyView)))]
pub async fn put_proxy(
    caller: Caller,
    id: Id<AccountId>,
    body: Body<ProxyBody>,
    app: Data<AppState>,
) -> ApiResult<Json<ProxyView>> {
    let proxy = read_proxy(&body.0.proxy)?;
    set_proxy(&app, caller, id.0, Some(Secret::new(proxy.full()))).await
}

/// Lets the account reach the platform directly. It connects anew.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/proxy", tag = "accounts", params(("id" = i64, Path)), responses((status = 204, description = "It has none any more")))]
pub async fn delete_proxy(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    set_proxy(&app, caller, id.0, None).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) fn read_proxy(text: &SecretText<1024>) -> ApiResult<Proxy> {
    Proxy::parse(text.expose()).map_err(|fault| ApiError::field("proxy", said(fault)))
}

async fn set_proxy(app: &AppState, caller: Caller, id: AccountId, proxy: Option<Secret>) -> ApiResult<Json<ProxyView>> {
    let (scope, actor, keys, now) = (caller.scope, caller.actor(), app.store.keys().clone(), clock::unix());
    let set = move |conn: &mut DbConn| {
        accounts::get(conn, &scope, id)?;
        let before = stored(conn, &keys, id)?;
        accounts::set_proxy(conn, &keys, &scope, id, proxy.as_ref(), now)?;
        let after = stored(conn, &keys, id)?;
        let deed = Deed::new("account.proxy", id).of(scope.user()).before(&before).after(&after);
        audit::record(conn, &actor, &deed, now)?;
        Ok(after)
    };
    let view = app.store.write(set).await?;
    // One that is not enabled uses it when it starts.
    app.registry.get().send(Restart(id)).await.map_err(|error| ApiError::after_the_deed(ApiError::from(error)))?;
    Ok(Json(view))
}

fn said(fault: ProxyFault) -> Said {
    let zh = match fault {
        ProxyFault::Form => "格式应为 http://主机:端口 或 socks5://用户名:密码@主机:端口",
        ProxyFault::Scheme => "仅支持 http:// 和 socks5://",
        ProxyFault::Place => "需要主机和端口",
        ProxyFault::Login => "用户名和密码各不超过 255 字节，且用户名不能为空",
    };
    Said::new(zh, fault.to_string())
}
