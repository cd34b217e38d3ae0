//! `/cookies` and `/accounts`. Where an account used to be named by a text of its owner, that is its name; its number stands in addresses.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    AppState,
    api::accounts::{
        self, AccountPatch, AccountView, AccountsQuery, NewAccountBody, PastedCookie, StatusView, add, outcome, shown,
    },
    error::{ApiError, ApiResult, Language},
    gate::Caller,
    input::{Body, Id, Line, Query},
    page::Page,
};
use super::said;
use crate::ids::AccountId;

/// How long `POST /cookies/add` waits for the connection's outcome.
const PATIENCE: Duration = Duration::from_secs(15);

/// An account to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "shop-1", "value": "unb=2200000000001; cookie2=…"}))]
pub struct CookieBody {
    /// The account's name.
    id: Line<1, 64>,
    /// The cookie. Never shown again.
    value: PastedCookie,
}

/// A new cookie of the same seller.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"value": "unb=2200000000001; cookie2=…"}))]
pub struct CookieValue {
    /// Never shown again.
    value: PastedCookie,
}

/// An account in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct CookieView {
    #[schema(value_type = i64)]
    id: AccountId,
    name: String,
    enabled: bool,
    /// Whether the stop switch of the account is on.
    paused: bool,
    status: StatusView,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CookieDone {
    #[schema(example = true)]
    success: bool,
    #[schema(value_type = i64)]
    id: AccountId,
    message: &'static str,
}

/// What became of the connection.
#[derive(Debug, Serialize, ToSchema)]
pub struct CookieOutcome {
    /// Whether the account is connected.
    success: bool,
    #[schema(value_type = i64)]
    id: AccountId,
    message: &'static str,
    /// What the connection is doing now.
    status: StatusView,
}

/// A refusal names the fields as these clients know them.
fn in_their_words(refusal: ApiError) -> ApiError {
    refusal.renamed("name", "id").renamed("cookie", "value")
}

fn done(language: Language, id: AccountId, zh: &'static str, en: &'static str) -> CookieDone {
    CookieDone { success: true, id, message: said(language, zh, en) }
}

impl From<AccountView> for CookieView {
    fn from(view: AccountView) -> Self {
        let AccountView { id, name, enabled, paused, status, .. } = view;
        Self { id, name, enabled, paused, status }
    }
}

/// The numbers of the accounts, a page at a time.
#[utoipa::path(get, path = "/cookies", tag = "older clients", params(AccountsQuery), responses((status = 200, body = Vec<i64>)))]
pub async fn list_ids(
    caller: Caller,
    query: Query<AccountsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Vec<AccountId>>> {
    let page = accounts::read_page(&app, &caller, query.0).await?;
    Ok(Json(page.items.into_iter().map(|view| view.id).collect()))
}

/// The accounts with what their connections are doing, a page at a time.
#[utoipa::path(get, path = "/cookies/list", tag = "older clients", params(AccountsQuery), responses((status = 200, body = Page<CookieView>)))]
pub async fn list_cookies(
    caller: Caller,
    query: Query<AccountsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<CookieView>>> {
    let Page { items, total, page, per_page } = accounts::read_page(&app, &caller, query.0).await?;
    Ok(Json(Page { items: items.into_iter().map(CookieView::from).collect(), total, page, per_page }))
}

/// Adds an account and answers at once; it connects by itself.
#[utoipa::path(post, path = "/cookies", tag = "older clients", request_body = CookieBody, responses((status = 201, body = CookieDone)))]
pub async fn create(caller: Caller, body: Body<CookieBody>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let CookieBody { id, value } = body.0;
    let id = add(&app, &caller, id.into_string(), &value, None).await.map_err(in_their_words)?;
    Ok(HttpResponse::Created().json(done(caller.language, id, "账号已添加", "added")))
}

/// Adds an account and answers with the connection's outcome: connected, or why not. Waits 15 s at most.
#[utoipa::path(post, path = "/cookies/add", tag = "older clients", request_body = CookieBody, responses((status = 201, body = CookieOutcome)))]
pub async fn create_and_wait(caller: Caller, body: Body<CookieBody>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let CookieBody { id, value } = body.0;
    let id = add(&app, &caller, id.into_string(), &value, None).await.map_err(in_their_words)?;
    let status = match outcome(&app, id, 1, PATIENCE, caller.language).await.map_err(ApiError::after_the_deed)? {
        Some(status) => status,
        None => shown(&app, &caller, id).await.map_err(ApiError::after_the_deed)?.status,
    };
    let success = status.is_connected();
    let message = match success {
        true => said(caller.language, "账号已连接", "connected"),
        false => said(caller.language, "账号已添加，尚未连接", "added, not connected yet"),
    };
    Ok(HttpResponse::Created().json(CookieOutcome { success, id, message, status }))
}

/// Gives an account a new cookie of the same seller.
#[utoipa::path(put, path = "/cookies/{id}", tag = "older clients", request_body = CookieValue, params(("id" = i64, Path)), responses((status = 200, body = CookieDone)))]
pub async fn update(
    caller: Caller,
    id: Id<AccountId>,
    body: Body<CookieValue>,
    app: Data<AppState>,
) -> ApiResult<Json<CookieDone>> {
    let number = id.0;
    let language = caller.language;
    accounts::replace_cookie(&app, caller, number, &body.0.value).await.map_err(in_their_words)?;
    Ok(Json(done(language, number, "Cookie 已更新", "updated")))
}

/// Deletes an account with everything that is stored for it.
#[utoipa::path(delete, path = "/cookies/{id}", tag = "older clients", params(("id" = i64, Path)), responses((status = 200, body = CookieDone)))]
pub async fn delete(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<Json<CookieDone>> {
    accounts::remove(&app, &caller, id.0).await?;
    Ok(Json(done(caller.language, id.0, "账号已删除", "deleted")))
}

/// As `GET /api/v1/accounts`.
#[utoipa::path(get, path = "/accounts", tag = "older clients", params(AccountsQuery), responses((status = 200, body = Page<AccountView>)))]
pub async fn list_accounts(
    caller: Caller,
    request: HttpRequest,
    query: Query<AccountsQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    accounts::list(caller, request, query, app).await
}

/// As `POST /api/v1/accounts`.
#[utoipa::path(post, path = "/accounts", tag = "older clients", request_body = NewAccountBody, responses((status = 201, body = AccountView)))]
pub async fn create_account(
    caller: Caller,
    body: Body<NewAccountBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    accounts::create(caller, body, app).await
}

/// As `PATCH /api/v1/accounts/{id}`.
#[utoipa::path(put, path = "/accounts/{id}", tag = "older clients", request_body = AccountPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = AccountView), (status = 412, body = super::super::error::ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update_account(
    caller: Caller,
    id: Id<AccountId>,
    request: HttpRequest,
    body: Body<AccountPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    accounts::update(caller, id, request, body, app).await
}

/// As `DELETE /api/v1/accounts/{id}`.
#[utoipa::path(delete, path = "/accounts/{id}", tag = "older clients", params(("id" = i64, Path)), responses((status = 204, description = "Deleted")))]
pub async fn delete_account(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    accounts::delete(caller, id, app).await
}
