//! `/api/v1/buyers/{buyer_id}/tags` and `/api/v1/tags`: words by which people tell buyers apart. All accounts of an owner share them.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiResult, ErrorBody},
        gate::Caller,
        input::{Body, Few, Line, Query, if_match},
        page::{Page, PageNumber, Paging, PerPage},
        tag,
    },
    key::BuyerKey,
};
use crate::{
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        buyer_tags::{self, MOST, Used},
    },
    telemetry::clock,
};

/// What a tag looks like.
pub(super) type Tag = Line<1, 32>;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TagsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// The tags that a buyer is to have, and no others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"tags": ["老客户", "爱砍价"]}))]
pub struct TagsBody {
    #[schema(inline)]
    tags: Few<Tag, { MOST }>,
}

/// The tags of a buyer.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"tags": ["爱砍价", "老客户"]}))]
pub struct TagsView {
    pub(in crate::web) tags: Vec<String>,
}

/// A tag that is in use.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsedTagView {
    pub(in crate::web) tag: String,
    /// How many buyers have it.
    pub(in crate::web) buyers: i64,
}

impl From<Used> for UsedTagView {
    fn from(Used { tag, buyers }: Used) -> Self {
        Self { tag, buyers }
    }
}

/// The tags of a buyer. Not found where the caller sees no conversation with them.
#[utoipa::path(get, path = "/api/v1/buyers/{buyer_id}/tags", tag = "buyer tags", params(("buyer_id" = String, Path)), responses((status = 200, body = TagsView)))]
pub async fn get(caller: Caller, buyer: BuyerKey, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let tags = app.store.read(move |conn| buyer_tags::list(conn, &caller.scope, &buyer.0)).await?;
    Ok(tag::answer(HttpResponse::Ok(), &TagsView { tags }))
}

/// Replaces the tags of a buyer.
#[utoipa::path(put, path = "/api/v1/buyers/{buyer_id}/tags", tag = "buyer tags", request_body = TagsBody,
    params(("buyer_id" = String, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses(
        (status = 200, body = TagsView),
        (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile"),
    ))]
pub async fn set(
    caller: Caller,
    buyer: BuyerKey,
    request: HttpRequest,
    body: Body<TagsBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (wanted, now) = (if_match(request.headers())?, clock::unix());
    let tags: Vec<String> = body.0.tags.into_vec().into_iter().map(Line::into_string).collect();
    let change = move |conn: &mut DbConn| -> QueryResult<ApiResult<TagsView>> {
        let (scope, buyer) = (caller.scope, buyer.0);
        let before = TagsView { tags: buyer_tags::list(conn, &scope, &buyer)? };
        if let Err(refusal) = tag::check(wanted.as_deref(), &before) {
            return Ok(Err(refusal));
        }
        buyer_tags::set(conn, &scope, &buyer, &tags, now)?;
        let after = TagsView { tags: buyer_tags::list(conn, &scope, &buyer)? };
        // Without the buyer's id, which would stay in the audit for ever.
        let deed = Deed::new("buyer.tags", "-").of(scope.user()).before(before).after(after.clone());
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(after))
    };
    let view = app.store.write(change).await??;
    super::accounts::notice(&app);
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Tags of buyers whom the caller sees, the most used first.
#[utoipa::path(get, path = "/api/v1/tags", tag = "buyer tags", params(TagsQuery), responses((status = 200, body = Page<UsedTagView>)))]
pub async fn list(caller: Caller, query: Query<TagsQuery>, app: Data<AppState>) -> ApiResult<Json<Page<UsedTagView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let page = move |conn: &mut DbConn| buyer_tags::page(conn, &caller.scope, paging.part());
    let (rows, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(rows.into_iter().map(UsedTagView::from).collect(), total)))
}
