//! `/keywords`, as `/api/v1/keywords`: one rule at a time, by its number. Nothing here replaces what it does not name.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};

use super::super::{
    AppState,
    api::{
        keywords::{self, DraftQuery, KeywordsQuery},
        rule_fields::{KeywordPatch, KeywordView, NewKeyword},
        rule_warnings::Warned,
    },
    error::ApiResult,
    gate::Caller,
    input::{Body, Id, Query},
    page::Page,
};
use crate::ids::RuleId;

/// As `GET /api/v1/keywords`.
#[utoipa::path(get, path = "/keywords", tag = "older clients", params(KeywordsQuery), responses((status = 200, body = Page<KeywordView>)))]
pub async fn list_keywords(
    caller: Caller,
    query: Query<KeywordsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<KeywordView>>> {
    keywords::list(caller, query, app).await
}

/// As `POST /api/v1/keywords`.
#[utoipa::path(post, path = "/keywords", tag = "older clients", params(DraftQuery), request_body = NewKeyword, responses((status = 201, body = Warned<KeywordView>)))]
pub async fn create_keyword(
    caller: Caller,
    query: Query<DraftQuery>,
    body: Body<NewKeyword>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    keywords::create(caller, query, body, app).await
}

/// As `PATCH /api/v1/keywords/{id}`.
#[utoipa::path(put, path = "/keywords/{id}", tag = "older clients", request_body = KeywordPatch,
    params(("id" = i64, Path), DraftQuery, ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = Warned<KeywordView>), (status = 412, body = super::super::error::ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update_keyword(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    request: HttpRequest,
    body: Body<KeywordPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    keywords::update(caller, id, query, request, body, app).await
}

/// As `DELETE /api/v1/keywords/{id}`.
#[utoipa::path(delete, path = "/keywords/{id}", tag = "older clients", params(("id" = i64, Path), DraftQuery), responses((status = 204, description = "Removed")))]
pub async fn delete_keyword(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    keywords::delete(caller, id, query, app).await
}
