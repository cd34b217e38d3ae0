//! `/api/v1/blocked-buyers`: buyers who get no automatic answer.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code},
    gate::Caller,
    input::{Body, Id, Line, Query, Text, Whole},
    page::{Page, PageNumber, Paging, PerPage},
};
use crate::{
    ids::{AccountId, BuyerId, Timestamp},
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        blocked_buyers::{self, Blocked, Filter, Row},
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BlockedQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only entries of exactly this account.
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// Occurs in the buyer's id or the note.
    #[param(inline)]
    q: Option<Line<1, 64>>,
}

/// Who is to be left without automatic answers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"buyer_id": "2200000000777", "account_id": null, "note": "writes every hour"}))]
pub struct NewBlock {
    /// The buyer's id on the platform.
    buyer_id: Line<1, 64>,
    /// Absent or `null`: in all accounts.
    account_id: Option<Whole<1, { i64::MAX }>>,
    note: Option<Text<0, 500>>,
}

/// A buyer who gets no automatic answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct BlockedView {
    pub(in crate::web) id: i64,
    #[schema(value_type = String)]
    pub(in crate::web) buyer_id: BuyerId,
    /// `null`: in all accounts.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    pub(in crate::web) note: String,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
}

impl From<Row> for BlockedView {
    fn from(Row { id, blocked }: Row) -> Self {
        let Blocked { account, buyer, note, created_at } = blocked;
        Self { id, buyer_id: buyer, account_id: account, note, created_at }
    }
}

/// Buyers who get no automatic answer, newest first.
#[utoipa::path(get, path = "/api/v1/blocked-buyers", tag = "blocked buyers", params(BlockedQuery), responses((status = 200, body = Page<BlockedView>)))]
pub async fn list(
    caller: Caller,
    query: Query<BlockedQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<BlockedView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter { account: query.account.map(|id| AccountId(id.get())), text: query.q.map(Line::into_string) };
    let (rows, total) =
        app.store.read(move |conn| blocked_buyers::page(conn, &caller.scope, &filter, paging.part())).await?;
    Ok(Json(paging.answer(rows.into_iter().map(BlockedView::from).collect(), total)))
}

/// Leaves a buyer without automatic answers from now on.
#[utoipa::path(post, path = "/api/v1/blocked-buyers", tag = "blocked buyers", request_body = NewBlock, responses((status = 201, body = BlockedView)))]
pub async fn create(caller: Caller, body: Body<NewBlock>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let ask = body.0;
    let account = ask.account_id.map(|id| AccountId(id.get()));
    let scope = if account.is_some() { caller.scope } else { caller.whole()? };
    let (actor, now) = (caller.actor(), clock::unix());
    let new = Blocked {
        account,
        buyer: ask.buyer_id.into_string().into(),
        note: ask.note.map(Text::into_string).unwrap_or_default(),
        created_at: now,
    };
    let insert = move |conn: &mut DbConn| -> QueryResult<Option<Row>> {
        let row = match blocked_buyers::insert(conn, &scope, &new)? {
            true => blocked_buyers::find(conn, &scope, account, &new.buyer)?,
            false => None,
        };
        if let Some(row) = &row {
            let deed = Deed::new("blocked_buyer.create", row.id).of(scope.user());
            audit::record(conn, &actor, &deed.after(BlockedView::from(row.clone())), now)?;
        }
        Ok(row)
    };
    let inserted = app.store.write(insert).await.map_err(ApiError::missing("account_id"))?;
    let row = inserted.ok_or_else(|| ApiError::from(Code::Conflict).at("buyer_id"))?;
    Ok(HttpResponse::Created().json(BlockedView::from(row)))
}

/// Answers a buyer automatically again.
#[utoipa::path(delete, path = "/api/v1/blocked-buyers/{id}", tag = "blocked buyers", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<i64>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (actor, now) = (caller.actor(), clock::unix());
    let remove = move |conn: &mut DbConn| -> QueryResult<()> {
        let scope = caller.scope;
        let row = blocked_buyers::get(conn, &scope, id.0)?;
        blocked_buyers::remove_row(conn, &scope, &row)?;
        let deed = Deed::new("blocked_buyer.delete", id.0).of(scope.user()).before(BlockedView::from(row));
        audit::record(conn, &actor, &deed, now)
    };
    app.store.write(remove).await?;
    Ok(HttpResponse::NoContent().finish())
}
