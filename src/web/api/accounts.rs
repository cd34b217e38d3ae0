//! `/api/v1/accounts`: seller accounts, from the pasted cookie to what the connection is doing.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::ContentType,
    web::{Bytes, Data, Json},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, Language, Said},
    gate::Caller,
    input::{Body, Change, Id, Line, NoBody, Query, SecretText, Whole, given, if_match},
    kept::Asked,
    page::{Page, PageNumber, Paging, PerPage},
    secret_hint::SecretHint,
    tag,
};
use crate::{
    account::{
        messages::{AccountSnapshot, AwaitOutcome, Refresh, Restart, SnapshotOf},
        registry::WithoutAccounts,
        state::{Reason, State, Status},
    },
    ids::{AccountId, BuyerId, Timestamp, UserId},
    platform::{
        cookie_paste::{self, Kind, PasteFault},
        cookies::CookieFault,
    },
    store::{
        DbConn, Keys, QueryResult, Scope, Secret, account_states,
        accounts::{self, Account, Filter, NewAccount, NotSaved, Waits},
        audit::{self, Actor, Deed},
    },
    telemetry::clock,
};

/// A cookie as it is pasted: browsers send 4 KiB, and export all they have in some hundred.
pub type PastedCookie = SecretText<{ cookie_paste::LONGEST }>;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AccountsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Occurs in the name or the platform's user id.
    #[param(inline)]
    q: Option<Line<1, 64>>,
    enabled: Option<bool>,
    /// What the connection is doing.
    #[param(inline)]
    state: Option<State>,
}

/// An account to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "shop-1", "cookie": "unb=2200000000001; cookie2=…"}))]
pub struct NewAccountBody {
    name: Line<1, 64>,
    /// The `Cookie` header of a browser that is logged in, or what holds it: the JSON of an extension, a Netscape cookie file, a `curl`
    /// command. It must hold `unb` and `cookie2`. Never shown again.
    cookie: PastedCookie,
    /// A new account is enabled unless this says otherwise.
    enabled: Option<bool>,
}

/// A new cookie of the same seller.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"cookie": "unb=2200000000001; cookie2=…"}))]
pub struct CredentialsBody {
    /// In any form in which a new account takes it. Never shown again.
    cookie: PastedCookie,
}

/// What may be changed of an account; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "shop-2", "debounce_ms": 3000, "longest_wait_ms": null}))]
pub struct AccountPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Line<1, 64>>,
    /// A buyer who was silent for so many ms has said what they wanted; `null`: as the system's setting.
    #[serde(default)]
    #[schema(inline)]
    debounce_ms: Change<Whole<0, 600_000>>,
    /// A buyer who keeps writing is answered after so many ms; `null`: as the system's setting.
    #[serde(default)]
    #[schema(inline)]
    longest_wait_ms: Change<Whole<1, 3_600_000>>,
    /// So many ms a conversation is left alone after the seller wrote by hand; 0: not at all; `null`: as the system's setting.
    #[serde(default)]
    #[schema(inline)]
    takeover_pause_ms: Change<Whole<0, 86_400_000>>,
}

/// A seller account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccountView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: AccountId,
    #[schema(value_type = i64)]
    pub(in crate::web) owner_id: UserId,
    pub(in crate::web) name: String,
    /// The platform's id of the seller (`unb`).
    #[schema(value_type = String)]
    pub(in crate::web) platform_uid: BuyerId,
    pub(in crate::web) enabled: bool,
    /// The account's stop switch: nothing is sent while it is on.
    pub(in crate::web) paused: bool,
    /// `null`: as the system's setting.
    pub(in crate::web) debounce_ms: Option<u64>,
    pub(in crate::web) longest_wait_ms: Option<u64>,
    pub(in crate::web) takeover_pause_ms: Option<u64>,
    pub(in crate::web) status: StatusView,
    /// Of the cookie, where one account is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) credentials: Option<SecretHint>,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) updated_at: Timestamp,
}

/// What the connection is doing, why, and what a person must do about it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatusView {
    #[schema(inline)]
    pub(in crate::web) state: State,
    /// Stable: programs may rely on it.
    #[schema(inline)]
    pub(in crate::web) reason: Reason,
    /// In the language of `Accept-Language` (`zh` or `en`).
    pub(in crate::web) sentence: &'static str,
    /// In the same language; `null`: nothing.
    pub(in crate::web) action: Option<&'static str>,
    /// The platform's or the system's own words.
    pub(in crate::web) detail: Option<String>,
    #[schema(value_type = i64)]
    pub(in crate::web) since: Timestamp,
}

/// An account as its actor sees it at this moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct SnapshotView {
    pub(in crate::web) status: StatusView,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) heartbeat_sent_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) heartbeat_answered_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) last_message_at: Option<Timestamp>,
    /// Pushes that are not stored yet.
    pub(in crate::web) unstored: usize,
    /// Whether missed messages are being fetched.
    pub(in crate::web) filling_gap: bool,
    pub(in crate::web) connections: u64,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) token_issued_at: Option<Timestamp>,
    pub(in crate::web) token_requests_today: u32,
    /// Whether the account makes no calls because the platform wants a person.
    pub(in crate::web) breaker_open: bool,
}

impl StatusView {
    pub(in crate::web) fn new(status: Status, language: Language) -> Self {
        let Status { state, reason, detail, since } = status;
        let (sentence, action) = match language {
            Language::Chinese => (reason.sentence_zh(), reason.action_zh()),
            Language::English => (reason.sentence(), reason.action()),
        };
        Self { state, reason, sentence, action, detail, since }
    }

    pub(in crate::web) fn is_connected(&self) -> bool {
        self.state == State::Connected
    }
}

impl SnapshotView {
    fn new(now: AccountSnapshot, language: Language) -> Self {
        Self {
            status: StatusView::new(now.status, language),
            heartbeat_sent_at: now.heartbeat_sent,
            heartbeat_answered_at: now.heartbeat_answered,
            last_message_at: now.last_business,
            unstored: now.unstored,
            filling_gap: now.filling_gap,
            connections: now.connections,
            token_issued_at: now.token_issued_at,
            token_requests_today: now.token_requests_today,
            breaker_open: now.breaker_open,
        }
    }
}

impl AccountView {
    fn new(account: Account, status: Option<Status>, language: Language) -> Self {
        let ms = |span: Option<Duration>| span.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        let (debounce_ms, longest_wait_ms) = (ms(account.debounce()), ms(account.longest_wait()));
        let never = || Status::new(State::Disconnected, Reason::NotStarted, account.created_at);
        Self {
            takeover_pause_ms: ms(account.takeover_pause()),
            status: StatusView::new(status.unwrap_or_else(never), language),
            id: account.id,
            owner_id: account.owner,
            name: account.name,
            platform_uid: account.uid,
            enabled: account.enabled,
            paused: account.stopped,
            debounce_ms,
            longest_wait_ms,
            credentials: None,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }

    /// What people edit: the state of the connection, and when something changed, are not of it.
    fn editable(&self) -> impl Serialize {
        let Self { id, name, enabled, paused, debounce_ms, longest_wait_ms, takeover_pause_ms, .. } = self.clone();
        (id, name, enabled, paused, debounce_ms, longest_wait_ms, takeover_pause_ms)
    }

    /// Of what people edit.
    pub(in crate::web) fn tag(&self) -> String {
        tag::of(&self.editable())
    }

    /// For the audit, which outlives the one who reads now: the reason's code says it in every language.
    fn remembered(&self) -> Option<Value> {
        let mut view = serde_json::to_value(self).ok()?;
        let status = view.get_mut("status")?.as_object_mut()?;
        status.retain(|name, _| name != "sentence" && name != "action");
        Some(view)
    }

    fn answer(&self, mut response: actix_web::HttpResponseBuilder) -> HttpResponse {
        response.insert_header((actix_web::http::header::ETAG, self.tag())).json(self)
    }
}

impl From<NotSaved> for ApiError {
    fn from(reason: NotSaved) -> Self {
        match reason {
            NotSaved::NotFound => Code::NotFound.into(),
            NotSaved::Forbidden => Code::Forbidden.into(),
            NotSaved::NameTaken => Self::from(Code::NameTaken).at("name"),
            NotSaved::UidTaken => Self::from(Code::PlatformUserTaken).at("cookie"),
            NotSaved::AnotherSeller => Self::from(Code::PlatformUserDiffers).at("cookie"),
        }
    }
}

/// The seller and the cookie as it is stored.
pub(super) fn read_cookie(text: &PastedCookie) -> ApiResult<(BuyerId, Secret)> {
    let pasted = cookie_paste::read(text.expose()).map_err(|fault| ApiError::field("cookie", said(&fault)))?;
    Ok((pasted.seller, Secret::new(pasted.cookies.header())))
}

/// Why a pasted text is no login, in words.
pub(super) fn said(fault: &PasteFault) -> Said {
    let zh = match fault {
        PasteFault::TooLong => "内容过长，不像是 Cookie".to_owned(),
        PasteFault::Broken => "JSON 不完整：请复制全部内容".to_owned(),
        PasteFault::Nothing(kind) => format!("没有找到 Cookie{}", recognised(*kind)),
        PasteFault::NoLogin { kind, fault: CookieFault::Lacks(names) } => {
            format!("Cookie 缺少 {}：请从已登录的浏览器中复制{}", names.join("、"), recognised(*kind))
        }
        PasteFault::NoLogin { kind, fault: CookieFault::OddUser } => {
            format!("Cookie 中的 unb 不是数字{}", recognised(*kind))
        }
    };
    Said::new(zh, fault.to_string())
}

/// What the text was taken for, where it was no header.
fn recognised(kind: Kind) -> &'static str {
    match kind {
        Kind::Header => "",
        Kind::Script => "（按 document.cookie 识别）",
        Kind::Export => "（按浏览器插件导出的 JSON 识别）",
        Kind::Object => "（按 JSON 对象识别）",
        Kind::Netscape => "（按 Netscape 格式的 Cookie 文件识别）",
        Kind::Curl => "（按 curl 命令识别）",
    }
}

/// Accounts, by name.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(AccountsQuery), responses((status = 200, body = Page<AccountView>)))]
pub async fn list(
    caller: Caller,
    request: HttpRequest,
    query: Query<AccountsQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let query_string = request.query_string().to_owned();
    let asked = Asked { what: "accounts", scope: caller.scope, language: caller.language, query: query_string };
    let moment = app.kept.moment(&app.store);
    let answer = match app.kept.find(&asked, moment) {
        Some(answer) => answer,
        None => {
            let page = read_page(&app, &caller, query.0).await?;
            let answer = Bytes::from(serde_json::to_vec(&page).map_err(|_| Code::Internal)?);
            app.kept.keep(asked, moment, answer.clone());
            answer
        }
    };
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(answer))
}

pub(in crate::web) async fn read_page(
    app: &AppState,
    caller: &Caller,
    query: AccountsQuery,
) -> ApiResult<Page<AccountView>> {
    let (AccountsQuery { page, per_page, q, enabled, state }, scope) = (query, caller.scope);
    let (paging, filter) = (Paging::new(page, per_page), Filter { text: q.map(Line::into_string), enabled, state });
    let (rows, total) = app.store.read(move |conn| accounts::page(conn, &scope, &filter, paging.part())).await?;
    let views = rows.into_iter().map(|(account, status)| AccountView::new(account, status, caller.language)).collect();
    Ok(paging.answer(views, total))
}

/// One account, with a hint of its credentials.
#[utoipa::path(get, path = "/api/v1/accounts/{id}", tag = "accounts", params(("id" = i64, Path)), responses((status = 200, body = AccountView)))]
pub async fn get(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(shown(&app, &caller, id.0).await?.answer(HttpResponse::Ok()))
}

/// Refuses what the caller cannot see.
pub(in crate::web) async fn check_reach(app: &AppState, caller: &Caller, id: AccountId) -> ApiResult<()> {
    let scope = caller.scope;
    Ok(app.store.read(move |conn| accounts::get(conn, &scope, id)).await.map(drop)?)
}

pub(in crate::web) async fn shown(app: &AppState, caller: &Caller, id: AccountId) -> ApiResult<AccountView> {
    let (keys, scope, language) = (app.store.keys().clone(), caller.scope, caller.language);
    Ok(app.store.read(move |conn| view(conn, &keys, &scope, id, language)).await?)
}

fn view(conn: &mut DbConn, keys: &Keys, scope: &Scope, id: AccountId, language: Language) -> QueryResult<AccountView> {
    let account = accounts::get(conn, scope, id)?;
    let status = account_states::find(conn, scope, id)?;
    let stored = accounts::load_credentials(conn, id)?;
    let credentials = stored.and_then(|stored| {
        let cookie = keys.open(&accounts::cookie_place(&stored.uid), &stored.cookie).ok()?;
        Some(SecretHint::new(cookie.expose(), stored.set_at))
    });
    Ok(AccountView { credentials, ..AccountView::new(account, status, language) })
}

/// Adds an account by the cookie of a browser that is logged in. It connects at once unless it is to be disabled.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = NewAccountBody, responses((status = 201, body = AccountView)))]
pub async fn create(caller: Caller, body: Body<NewAccountBody>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let NewAccountBody { name, cookie, enabled } = body.0;
    let id = add(&app, &caller, name.into_string(), &cookie, enabled).await?;
    let added = shown(&app, &caller, id).await.map_err(ApiError::after_the_deed)?;
    Ok(added.answer(HttpResponse::Created()))
}

/// Stores a new account and lets the registry know.
pub(in crate::web) async fn add(
    app: &AppState,
    caller: &Caller,
    name: String,
    cookie: &PastedCookie,
    enabled: Option<bool>,
) -> ApiResult<AccountId> {
    let (scope, actor, language, now) = (caller.whole()?, caller.actor(), caller.language, clock::unix());
    let (uid, cookie) = read_cookie(cookie)?;
    let (keys, new) = (app.store.keys().clone(), NewAccount { name, uid, cookie, enabled });
    let insert = move |conn: &mut DbConn| -> QueryResult<Result<AccountId, NotSaved>> {
        let id = match accounts::insert(conn, &keys, &scope, &new, now)? {
            Ok(id) => id,
            Err(reason) => return Ok(Err(reason)),
        };
        let deed = Deed::new("account.create", id).of(scope.user());
        let added = view(conn, &keys, &scope, id, language)?;
        audit::record(conn, &actor, &deed.after(added.remembered()), now)?;
        Ok(Ok(id))
    };
    let id = app.store.write(insert).await??;
    notice(app);
    Ok(id)
}

/// The database says what should be: the registry looks now and not at its next look. Should it miss this, it looks a moment later.
pub(in crate::web) fn notice(app: &AppState) {
    app.registry.get().do_send(Refresh);
}

/// What becomes of the connection, as soon as it is known, at the latest after `patience`.
pub(in crate::web) async fn outcome(
    app: &AppState,
    account: AccountId,
    credentials_version: i64,
    timeout: Duration,
    language: Language,
) -> ApiResult<Option<StatusView>> {
    let status = app.registry.get().send(AwaitOutcome { account, credentials_version, timeout }).await?;
    Ok(status.map(|status| StatusView::new(status, language)))
}

/// Changes what is given and leaves the rest. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/accounts/{id}", tag = "accounts", request_body = AccountPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = AccountView), (status = 412, body = super::super::error::ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    id: Id<AccountId>,
    request: HttpRequest,
    body: Body<AccountPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let wanted = if_match(request.headers())?;
    let system = (app.settings.inbox.debounce, app.settings.inbox.longest_wait);
    let mut patch = body.0;
    let name = patch.name.take();
    change(&app, caller.clone(), id.0, "account.update", move |conn, scope, before, now| {
        // What is refused has written nothing: a refusal commits.
        if let Err(error) = tag::check(wanted.as_deref(), &before.editable()) {
            return Ok(Err(error));
        }
        let waits = waits(patch, before);
        if waits.longest_wait.unwrap_or(system.1) < waits.debounce.unwrap_or(system.0) {
            let said = Said::new("最长等待不能短于防抖时间", "must not be shorter than debounce_ms");
            return Ok(Err(ApiError::field("longest_wait_ms", said)));
        }
        if let Some(name) = &name
            && let Err(reason) = accounts::rename(conn, scope, before.id, name, now)?
        {
            return Ok(Err(reason.into()));
        }
        accounts::set_waits(conn, scope, before.id, waits, now).map(|_| Ok(()))
    })
    .await
}

fn waits(patch: AccountPatch, before: &AccountView) -> Waits {
    // What was read from a bounded type is not negative.
    let span = |ms: Option<u64>| ms.map(Duration::from_millis);
    let ms = |number: i64| u64::try_from(number).unwrap_or(0);
    Waits {
        debounce: span(patch.debounce_ms.map(|wait| ms(wait.get())).or(before.debounce_ms)),
        longest_wait: span(patch.longest_wait_ms.map(|wait| ms(wait.get())).or(before.longest_wait_ms)),
        takeover_pause: span(patch.takeover_pause_ms.map(|wait| ms(wait.get())).or(before.takeover_pause_ms)),
    }
}

/// One change of one account in one transaction, with its line in the audit; answers with what it is afterwards.
async fn change<F>(
    app: &AppState,
    caller: Caller,
    id: AccountId,
    action: &'static str,
    work: F,
) -> ApiResult<HttpResponse>
where
    F: FnOnce(&mut DbConn, &Scope, &AccountView, Timestamp) -> QueryResult<ApiResult<()>> + Send + 'static,
{
    let (keys, scope, actor, now) = (app.store.keys().clone(), caller.scope, caller.actor(), clock::unix());
    let language = caller.language;
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<AccountView>> {
        let before = view(conn, &keys, &scope, id, language)?;
        if let Err(error) = work(conn, &scope, &before, now)? {
            return Ok(Err(error));
        }
        let after = view(conn, &keys, &scope, id, language)?;
        record(conn, &actor, action, &scope, &before, &after, now)?;
        Ok(Ok(after))
    };
    let after = app.store.write(job).await??;
    notice(app);
    Ok(after.answer(HttpResponse::Ok()))
}

fn record(
    conn: &mut DbConn,
    actor: &Actor,
    action: &'static str,
    scope: &Scope,
    before: &AccountView,
    after: &AccountView,
    now: Timestamp,
) -> QueryResult<()> {
    let deed = Deed::new(action, before.id).of(scope.user());
    audit::record(conn, actor, &deed.before(before.remembered()).after(after.remembered()), now)
}

/// Gives the account a new cookie of the same seller; it connects anew.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/credentials", tag = "accounts", request_body = CredentialsBody, params(("id" = i64, Path)), responses((status = 200, body = AccountView)))]
pub async fn put_credentials(
    caller: Caller,
    id: Id<AccountId>,
    body: Body<CredentialsBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    replace_cookie(&app, caller, id.0, &body.0.cookie).await
}

pub(in crate::web) async fn replace_cookie(
    app: &AppState,
    caller: Caller,
    id: AccountId,
    cookie: &PastedCookie,
) -> ApiResult<HttpResponse> {
    let (uid, cookie) = read_cookie(cookie)?;
    let keys = app.store.keys().clone();
    change(app, caller, id, "account.credentials", move |conn, scope, before, now| {
        let saved = accounts::replace_credentials(conn, &keys, scope, before.id, (&uid, &cookie), now)?;
        Ok(saved.map(drop).map_err(ApiError::from))
    })
    .await
}

/// Lets the account connect and work.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/enable", tag = "accounts", params(("id" = i64, Path)), responses((status = 200, body = AccountView)))]
pub async fn enable(caller: Caller, id: Id<AccountId>, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    change(&app, caller, id.0, "account.enable", |conn, scope, before, now| {
        accounts::set_enabled(conn, scope, before.id, true, now).map(|_| Ok(()))
    })
    .await
}

/// Closes the account's connection until it is enabled again.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/disable", tag = "accounts", params(("id" = i64, Path)), responses((status = 200, body = AccountView)))]
pub async fn disable(caller: Caller, id: Id<AccountId>, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    change(&app, caller, id.0, "account.disable", |conn, scope, before, now| {
        accounts::set_enabled(conn, scope, before.id, false, now).map(|_| Ok(()))
    })
    .await
}

/// The account's stop switch on: messages are stored, and nothing is sent.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/pause", tag = "accounts", params(("id" = i64, Path)), responses((status = 200, body = AccountView)))]
pub async fn pause(caller: Caller, id: Id<AccountId>, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    change(&app, caller, id.0, "account.pause", |conn, scope, before, now| {
        accounts::set_stopped(conn, scope, before.id, true, now).map(|_| Ok(()))
    })
    .await
}

/// The account's stop switch off.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/resume", tag = "accounts", params(("id" = i64, Path)), responses((status = 200, body = AccountView)))]
pub async fn resume(caller: Caller, id: Id<AccountId>, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    change(&app, caller, id.0, "account.resume", |conn, scope, before, now| {
        accounts::set_stopped(conn, scope, before.id, false, now).map(|_| Ok(()))
    })
    .await
}

/// A person passed the platform's verification and the cookie stayed the same: the account tries again.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/retry", tag = "accounts", params(("id" = i64, Path)), responses((status = 200, body = AccountView)))]
pub async fn retry(caller: Caller, id: Id<AccountId>, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    change(&app, caller, id.0, "account.retry", |conn, scope, before, now| {
        // Whoever is connected, or heals by itself, would only be interrupted.
        if before.status.state != State::Failed {
            return Ok(Err(ApiError::from(Code::WrongState).with("state", before.status.state.as_str())));
        }
        accounts::renew(conn, scope, before.id, now).map(|_| Ok(()))
    })
    .await
}

/// Closes the account's connection and opens it anew. Refused where the account is disabled.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/restart", tag = "accounts", params(("id" = i64, Path)), responses((status = 200, body = AccountView)))]
pub async fn restart(caller: Caller, id: Id<AccountId>, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    check_reach(&app, &caller, id.0).await?;
    if !app.registry.get().send(Restart(id.0)).await? {
        return Err(Code::AccountNotRunning.into());
    }
    let (actor, owner, now) = (caller.actor(), caller.scope.user(), clock::unix());
    let deed = Deed::new("account.restart", id.0).of(owner);
    let noted = app.store.write(move |conn| audit::record(conn, &actor, &deed, now)).await;
    noted.map_err(ApiError::after_the_deed)?;
    let restarted = shown(&app, &caller, id.0).await.map_err(ApiError::after_the_deed)?;
    Ok(restarted.answer(HttpResponse::Ok()))
}

/// What the account is doing at this moment, from its own mouth. Refused where nothing of it runs.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/snapshot", tag = "accounts", params(("id" = i64, Path)),
    responses((status = 200, body = SnapshotView), (status = 409, body = super::super::error::ErrorBody, description = "Nothing of it runs")))]
pub async fn snapshot(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<Json<SnapshotView>> {
    check_reach(&app, &caller, id.0).await?;
    let now = app.registry.get().send(SnapshotOf(id.0)).await?;
    now.map(|now| Json(SnapshotView::new(now, caller.language))).ok_or_else(|| Code::AccountNotRunning.into())
}

/// Deletes the account with everything that is stored for it, after its connection was closed in good order.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}", tag = "accounts", params(("id" = i64, Path)), responses((status = 204, description = "Deleted")))]
pub async fn delete(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    remove(&app, &caller, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(in crate::web) async fn remove(app: &AppState, caller: &Caller, id: AccountId) -> ApiResult<()> {
    let (scope, actor, now) = (caller.scope, caller.actor(), clock::unix());
    let account = shown(app, caller, id).await?;
    let job = move |conn: &mut DbConn| -> QueryResult<bool> {
        if !accounts::delete(conn, &scope, id)? {
            return Ok(false);
        }
        let deed = Deed::new("account.delete", id).of(scope.user()).before(account.remembered());
        audit::record(conn, &actor, &deed, now).map(|()| true)
    };
    let deleted = app.registry.get().send(WithoutAccounts { accounts: vec![id], job: Box::new(job) }).await??;
    if deleted { Ok(()) } else { Err(Code::NotFound.into()) }
}
