//! `/api/v1/stats`: the dashboard's numbers in one call.

use actix_web::web::{Data, Json};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, Said},
    gate::Caller,
    input::{Query, Whole},
};
use crate::{
    ids::Timestamp,
    store::{
        DbConn,
        stats::{self, Bucket, Period, Stats},
    },
    telemetry::clock,
};

/// Days in ms.
const DAY: i64 = 86_400_000;
/// So many days. A longer span would keep a reading thread for seconds.
pub(super) const LONGEST: i64 = 92;

/// A moment of a query.
pub(super) type Moment = Whole<0, 4_102_444_800_000>;

/// The span of a query, where nothing is said the last `usual` days, and never more than `longest`.
pub(super) fn span(
    since: Option<Moment>,
    until: Option<Moment>,
    usual: i64,
    longest: i64,
    now: Timestamp,
) -> ApiResult<(Timestamp, Timestamp)> {
    let to = until.map_or(now, |at| Timestamp(at.get()));
    let from = since.map_or(Timestamp(to.0 - usual * DAY), |at| Timestamp(at.get()));
    if from >= to || to.0 - from.0 > longest * DAY {
        let said = Said::new(
            format!("须早于 until，且跨度不超过 {longest} 天"),
            format!("must be before until, and not more than {longest} days"),
        );
        return Err(ApiError::from(Code::InvalidQuery).at("since").because(said));
    }
    Ok((from, to))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct StatsQuery {
    /// UTC milliseconds; absent: seven days before `until`.
    #[param(inline)]
    since: Option<Moment>,
    /// UTC milliseconds, not included; absent: now.
    #[param(inline)]
    until: Option<Moment>,
    /// How finely time is cut; `day` where absent.
    #[param(inline)]
    bucket: Option<Bucket>,
    /// Minutes east of UTC at which a day begins: 480 for China, where absent.
    #[param(inline)]
    offset_minutes: Option<Whole<-720, 840>>,
}

/// Messages, decisions, answers and waiting buyers of a span, by day or hour, by account and by rule. At most 92 days at once.
#[utoipa::path(get, path = "/api/v1/stats", tag = "stats", params(StatsQuery), responses((status = 200, body = Stats)))]
pub async fn overview(caller: Caller, query: Query<StatsQuery>, app: Data<AppState>) -> ApiResult<Json<Stats>> {
    let (query, now) = (query.0, clock::unix());
    let (from, to) = span(query.since, query.until, 7, LONGEST, now)?;
    let offset_minutes = query.offset_minutes.map_or(480, Whole::get);
    let period = Period { from, to, bucket: query.bucket.unwrap_or(Bucket::Day), offset_minutes };
    let read = move |conn: &mut DbConn| stats::overview(conn, &caller.scope, &period, now);
    Ok(Json(app.turns.read(&app.store, read).await?))
}
