//! `/api/v1/stats/buyers`: who wrote, who ordered and who came back, and which questions led to orders.

use std::time::Duration;

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::ApiResult,
        gate::Caller,
        input::{Query, Whole},
    },
    stats::{LONGEST, Moment, span},
};
use crate::{
    ids::{AccountId, Timestamp},
    store::{
        DbConn, QueryResult,
        buyer_figures::{self, Figures, Filter, Led, LedBy},
        settings::Retention,
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BuyerFiguresQuery {
    /// UTC milliseconds; absent: 30 days before `until`.
    #[param(inline)]
    since: Option<Moment>,
    /// UTC milliseconds, not included; absent: now.
    #[param(inline)]
    until: Option<Moment>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
}

/// How many conversations with a question led to an order, which is one that the same buyer places in the same conversation within seven
/// days after the first message of the span.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ConversionView {
    /// Conversations in which a buyer wrote.
    pub(in crate::web) asked: i64,
    /// Of these, how many led to an order.
    pub(in crate::web) ordered: i64,
    /// Of these, how many were paid.
    pub(in crate::web) paid: i64,
    /// `ordered` of `asked`; `null`: nobody asked.
    #[schema(example = 0.25)]
    pub(in crate::web) ordered_share: Option<f64>,
    /// `paid` of `asked`.
    #[schema(example = 0.2)]
    pub(in crate::web) paid_share: Option<f64>,
}

/// The conversations in which a turn was decided for this reason. One may count for several.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReasonConversionView {
    /// The code of a decision's reason.
    #[schema(example = "rule")]
    pub(in crate::web) reason: String,
    #[serde(flatten)]
    pub(in crate::web) led: ConversionView,
}

/// The conversations in which a buyer asked about this. One may count for several.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct IntentConversionView {
    #[schema(example = "price")]
    pub(in crate::web) intent: String,
    #[serde(flatten)]
    pub(in crate::web) led: ConversionView,
}

/// What is known of buyers.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BuyerFiguresView {
    #[schema(value_type = i64)]
    pub(in crate::web) since: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) until: Timestamp,
    /// Messages and orders from before are removed by the retention: what is asked about an earlier time is not complete.
    #[schema(value_type = i64)]
    pub(in crate::web) kept_since: Timestamp,
    /// Buyers who wrote.
    pub(in crate::web) wrote: i64,
    /// Buyers who placed an order.
    pub(in crate::web) ordered: i64,
    /// Buyers who paid one.
    pub(in crate::web) paid: i64,
    /// Of those who paid, how many paid two or more of your orders, of all that are kept.
    pub(in crate::web) returning: i64,
    /// `returning` of `paid`; `null`: nobody paid.
    #[schema(example = 0.4)]
    pub(in crate::web) returning_share: Option<f64>,
    pub(in crate::web) conversion: ConversionView,
    /// From a buyer's first message to the order, the one in the middle; `null`: there is none.
    #[schema(example = 12)]
    pub(in crate::web) median_minutes: Option<i64>,
    /// By what was decided about the buyers' turns, most conversations first.
    pub(in crate::web) reasons: Vec<ReasonConversionView>,
    /// By what the buyers asked about, by the usual words for it: `price`, `tech` or `default`. Turns from before this was kept are not in it.
    pub(in crate::web) intents: Vec<IntentConversionView>,
}

fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl From<Led> for ConversionView {
    fn from(Led { asked, ordered, paid }: Led) -> Self {
        Self { asked, ordered, paid, ordered_share: share(ordered, asked), paid_share: share(paid, asked) }
    }
}

impl From<LedBy> for ReasonConversionView {
    fn from(LedBy { name, led }: LedBy) -> Self {
        Self { reason: name, led: led.into() }
    }
}

impl From<LedBy> for IntentConversionView {
    fn from(LedBy { name, led }: LedBy) -> Self {
        Self { intent: name, led: led.into() }
    }
}

impl BuyerFiguresView {
    fn new(figures: Figures, (since, until): (Timestamp, Timestamp), kept_since: Timestamp) -> Self {
        let Figures { wrote, ordered, paid, returning, led, median_ms, reasons, intents } = figures;
        Self {
            since,
            until,
            kept_since,
            wrote,
            ordered,
            paid,
            returning,
            returning_share: share(returning, paid),
            conversion: led.into(),
            median_minutes: median_ms.map(|ms| ms / 60_000),
            reasons: reasons.into_iter().map(ReasonConversionView::from).collect(),
            intents: intents.into_iter().map(IntentConversionView::from).collect(),
        }
    }
}

/// Buyers who wrote, ordered, paid and came back, and which questions led to orders. It is counted from the messages and orders that are
/// stored, so it reaches back only as far as these are kept (`kept_since`). At most 92 days at once.
#[utoipa::path(get, path = "/api/v1/stats/buyers", tag = "stats", params(BuyerFiguresQuery), responses((status = 200, body = BuyerFiguresView)))]
pub async fn buyers(
    caller: Caller,
    query: Query<BuyerFiguresQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<BuyerFiguresView>> {
    let (query, now) = (query.0, clock::unix());
    let (from, to) = span(query.since, query.until, 30, LONGEST, now)?;
    let filter = Filter { from, to, account: query.account.map(|id| AccountId(id.get())) };
    let read = move |conn: &mut DbConn| -> QueryResult<BuyerFiguresView> {
        let days = u64::from(Retention::load(conn)?.messages_days);
        let figures = buyer_figures::read(conn, &caller.scope, &filter)?;
        Ok(BuyerFiguresView::new(figures, (from, to), now - Duration::from_hours(24 * days)))
    };
    Ok(Json(app.turns.read(&app.store, read).await?))
}
