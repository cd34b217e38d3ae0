//! `/api/v1/deliveries`: what orders were given, unit by unit.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::ApiResult,
        gate::Caller,
        input::{Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    key,
};
use crate::{
    delivery::step::Unit,
    ids::{AccountId, DeliveryRuleId, OrderId, Timestamp},
    store::{
        DbConn,
        deliveries::{self, Delivery, Filter},
    },
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeliveriesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// What became of it.
    #[param(inline)]
    state: Option<Unit>,
    /// By which delivery rule it was claimed.
    #[param(inline)]
    rule: Option<Whole<1, { i64::MAX }>>,
    /// Claimed from then on.
    #[param(inline)]
    since: Option<Whole<0, { i64::MAX }>>,
    /// Claimed before then.
    #[param(inline)]
    until: Option<Whole<0, { i64::MAX }>>,
}

/// A unit that an order was given, or is to be given.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeliveryView {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// `ACCOUNT.ORDER`.
    #[schema(example = "12.2500000000000000001")]
    pub(in crate::web) order: String,
    #[schema(value_type = String)]
    pub(in crate::web) order_id: OrderId,
    /// Which of the order's units, from 1.
    pub(in crate::web) unit: i64,
    #[schema(inline)]
    pub(in crate::web) state: Unit,
    /// How often it was given anew, with fresh stock.
    pub(in crate::web) redelivered: i64,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<DeliveryRuleId>,
    #[schema(value_type = i64)]
    pub(in crate::web) claimed_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) changed_at: Timestamp,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let Delivery { account, order, unit, state, rule, round, claimed_at, changed_at } = delivery;
        Self {
            account_id: account,
            order: key::order(account, &order),
            order_id: order,
            unit,
            state,
            redelivered: round,
            rule_id: rule,
            claimed_at,
            changed_at,
        }
    }
}

/// Units that orders were given, the newest first.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "orders", params(DeliveriesQuery), responses((status = 200, body = Page<DeliveryView>)))]
pub async fn units(
    caller: Caller,
    query: Query<DeliveriesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<DeliveryView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())),
        state: query.state,
        rule: query.rule.map(|id| DeliveryRuleId(id.get())),
        since: query.since.map(|at| Timestamp(at.get())),
        until: query.until.map(|at| Timestamp(at.get())),
    };
    let read = move |conn: &mut DbConn| deliveries::page(conn, &caller.scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, read).await?;
    Ok(Json(paging.answer(rows.into_iter().map(DeliveryView::from).collect(), total)))
}
