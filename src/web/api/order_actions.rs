//! `/api/v1/orders/{id}/actions`: what is done about an order besides its delivery, each once: by itself, or because a person wants it.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{
            ApiError, ApiResult, Code,
            Language::{Chinese, English},
            Said,
        },
        gate::Caller,
        input::{Body, NoBody, Query, Text, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    delivery_rules::tell,
    key::OrderKey,
    order_texts,
};
use crate::{
    delivery::follow_up::{FollowUp, May},
    ids::Timestamp,
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        follow_ups,
        order_actions::{self, Row, State},
        orders,
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OrderActionsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// What else is done about the order, once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderActionView {
    #[schema(value_type = String, example = "ship")]
    pub(in crate::web) kind: &'static str,
    /// `due`, `done` or `failed`: then it is not tried any more.
    #[schema(value_type = String, example = "done")]
    pub(in crate::web) state: &'static str,
    pub(in crate::web) tries: i64,
    /// What the platform said.
    pub(in crate::web) error: Option<String>,
    /// The rating, the reason, the price in fen, or the number of the card that ran out.
    pub(in crate::web) wanted: Option<String>,
    /// Who asked for it; `null`: what is set for the account.
    pub(in crate::web) asked_by: Option<String>,
    /// Not before, while it is due.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) due_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) done_at: Option<Timestamp>,
}

impl From<Row> for OrderActionView {
    fn from(row: Row) -> Self {
        let Row { kind, state, tries, error, not_before, done_at, wanted, asked_by } = row;
        let due_at = (state == State::Due).then_some(not_before);
        Self { kind: kind.as_str(), state: state.as_str(), tries, error, wanted, asked_by, due_at, done_at }
    }
}

/// Why an order is closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "买家不想要了"}))]
pub struct CloseOrderBody {
    /// The platform shows it to the buyer.
    reason: Text<1, 100>,
}

/// What an order is to cost.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": 8850}))]
pub struct OrderPriceBody {
    /// All that is to be paid, in fen.
    amount: Whole<1, 100_000_000>,
}

/// How a buyer is rated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "付款爽快，感谢支持！"}))]
pub struct RateBuyerBody {
    /// Everybody can read it.
    text: Text<1, 500>,
}

/// What is done about an order besides its delivery: what is to be done yet, what was done, what the platform refused, and who asked for it.
#[utoipa::path(get, path = "/api/v1/orders/{id}/actions", tag = "orders", params(("id" = String, Path, description = "ACCOUNT.ORDER"), OrderActionsQuery), responses((status = 200, body = Page<OrderActionView>)))]
pub async fn actions(
    caller: Caller,
    key: OrderKey,
    query: Query<OrderActionsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<OrderActionView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let read = move |conn: &mut DbConn| {
        orders::get(conn, &caller.scope, key.account, &key.order)?;
        order_actions::page(conn, &caller.scope, key.account, &key.order, paging.part())
    };
    let (rows, total) = app.store.read(read).await?;
    Ok(Json(paging.answer(rows.into_iter().map(OrderActionView::from).collect(), total)))
}

/// Closes an order that is not paid. The platform is asked once more before where it stands; what was paid meanwhile is not closed, and is served.
#[utoipa::path(post, path = "/api/v1/orders/{id}/close", tag = "orders", request_body = CloseOrderBody, params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses((status = 202, body = OrderActionView, description = "It is noted")))]
pub async fn close(
    caller: Caller,
    key: OrderKey,
    body: Body<CloseOrderBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let wish = Wish {
        what: FollowUp::Close,
        wanted: Some(body.0.reason.into_string()),
        deed: "order.close",
        zh: "关闭",
        en: "only what is not paid, and no bargain, is closed",
    };
    note(caller, key, wish, app).await
}

/// Changes what is to be paid for an order that is not paid.
#[utoipa::path(post, path = "/api/v1/orders/{id}/price", tag = "orders", request_body = OrderPriceBody, params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses((status = 202, body = OrderActionView, description = "It is noted")))]
pub async fn price(
    caller: Caller,
    key: OrderKey,
    body: Body<OrderPriceBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let wish = Wish {
        what: FollowUp::Price,
        wanted: Some(body.0.amount.get().to_string()),
        deed: "order.price",
        zh: "改价",
        en: "only what is not paid, and no bargain, changes its price",
    };
    note(caller, key, wish, app).await
}

/// Rates the buyer of an order that is completed.
#[utoipa::path(post, path = "/api/v1/orders/{id}/rate", tag = "orders", request_body = RateBuyerBody, params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses((status = 202, body = OrderActionView, description = "It is noted")))]
pub async fn rate(
    caller: Caller,
    key: OrderKey,
    body: Body<RateBuyerBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let wish = Wish {
        what: FollowUp::Rate,
        wanted: Some(body.0.text.into_string()),
        deed: "order.rate",
        zh: "评价买家",
        en: "only a completed order's buyer is rated",
    };
    note(caller, key, wish, app).await
}

/// Asks the buyer of an order that is completed for a red flower (小红花).
#[utoipa::path(post, path = "/api/v1/orders/{id}/flower", tag = "orders", params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses((status = 202, body = OrderActionView, description = "It is noted")))]
pub async fn flower(caller: Caller, key: OrderKey, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let wish = Wish {
        what: FollowUp::Flower,
        wanted: None,
        deed: "order.flower",
        zh: "求小红花",
        en: "only a completed order's buyer is asked for a flower",
    };
    note(caller, key, wish, app).await
}

/// What a person wants.
struct Wish {
    what: FollowUp,
    wanted: Option<String>,
    /// What the audit calls it.
    deed: &'static str,
    /// What it is called where it cannot be done, and when it can.
    zh: &'static str,
    en: &'static str,
}

impl Wish {
    fn check(&self, order: &orders::Row) -> ApiResult<()> {
        if self.what.may(order.standing()) == May::Now {
            return Ok(());
        }
        let status = order_texts::status(order.status);
        let (zh, en) = if order.is_bargain { ("小刀", "a bargain, ") } else { ("", "") };
        let said = Said::new(
            format!("{zh}订单{}，不能{}", status.in_language(Chinese), self.zh),
            format!("the order is {en}{}: {}", status.in_language(English), self.en),
        );
        Err(ApiError::from(Code::WrongState).because(said))
    }
}

/// Notes what a person wants; the answer says what is noted. The same wish twice is one.
async fn note(caller: Caller, key: OrderKey, wish: Wish, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (account, now) = (key.account, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<OrderActionView>> {
        let scope = caller.scope;
        let order = orders::get(conn, &scope, key.account, &key.order)?;
        if let Err(refusal) = wish.check(&order) {
            return Ok(Err(refusal));
        }
        let Wish { what, wanted, deed, .. } = wish;
        let before = order_actions::find(conn, key.account, &key.order, what.into())?.map(OrderActionView::from);
        let Ok(row) = follow_ups::ask(conn, &order, what, wanted, &caller.user.name, now)? else {
            let said = Said::new("之前已经做过，每个订单只做一次", "it was done before, and is done once for an order");
            return Ok(Err(ApiError::from(Code::WrongState).because(said)));
        };
        let view = OrderActionView::from(row);
        let deed = Deed::new(deed, key.name()).of(scope.user()).after(&view);
        let deed = if let Some(before) = before { deed.before(before) } else { deed };
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    tell(&app, &[account]);
    Ok(HttpResponse::Accepted().json(view))
}
