//! `/api/v1/maintenance`: the job that removes at night what is too old.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, Said},
    gate::Caller,
    input::{NoBody, Query},
};
use crate::{
    ids::Timestamp,
    maintenance::actor::{AlreadyRuns, Ask, Begin, Overview, Run, RunNow},
    store::retention::Removed,
};

/// The job, and what it did last.
#[derive(Debug, Serialize, ToSchema)]
pub struct MaintenanceView {
    pub(in crate::web) running: bool,
    /// Since when it runs; `null`: it does not.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) running_since: Option<Timestamp>,
    /// When it runs every day, and how far that clock is from UTC.
    #[schema(example = "04:00+08:00")]
    pub(in crate::web) at: String,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) next_run_at: Timestamp,
    /// `null`: it never ran.
    pub(in crate::web) last_run: Option<RunView>,
}

/// What one run did.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunView {
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) started_at: Timestamp,
    pub(in crate::web) duration_ms: u64,
    /// How many were removed, by kind.
    pub(in crate::web) removed: Removed,
    /// Why it ended early; what is left is removed the next night.
    pub(in crate::web) error: Option<String>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self { started_at: run.started_at, duration_ms: run.duration_ms, removed: run.removed, error: run.error }
    }
}

/// The job that removes what is too old: when it runs, and what it did last.
#[utoipa::path(get, path = "/api/v1/maintenance", tag = "maintenance", responses((status = 200, body = MaintenanceView)))]
pub async fn show(_: Caller, app: Data<AppState>) -> ApiResult<Json<MaintenanceView>> {
    Ok(Json(overview(&app).await?))
}

async fn overview(app: &AppState) -> ApiResult<MaintenanceView> {
    let Overview { running, next, last } = app.maintenance.send(Ask).await?;
    Ok(MaintenanceView {
        running: running.is_some(),
        running_since: running,
        at: app.settings.maintenance.at.to_string(),
        next_run_at: next,
        last_run: last.map(RunView::from),
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RunQuery {
    /// `false`: answered as soon as it has begun; `GET` says how it stands, and what it did.
    wait: Option<bool>,
}

/// Removes what is too old now, and answers when it is done. The run goes on where the caller does not wait for it.
#[utoipa::path(post, path = "/api/v1/maintenance/run", tag = "maintenance", params(RunQuery), responses(
    (status = 200, body = RunView),
    (status = 202, body = MaintenanceView, description = "It has begun"),
))]
pub async fn run(caller: Caller, query: Query<RunQuery>, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    if query.0.wait == Some(false) {
        app.maintenance.send(Begin(caller.actor())).await?.map_err(not_now)?;
        return Ok(HttpResponse::Accepted().json(overview(&app).await?));
    }
    let run = app.maintenance.send(RunNow(caller.actor())).await?.map_err(not_now)?;
    Ok(HttpResponse::Ok().json(RunView::from(run)))
}

fn not_now(AlreadyRuns: AlreadyRuns) -> ApiError {
    let why = Said::new("清理任务正在运行或正在停止", "a clean-up is running already, or the server is stopping");
    ApiError::from(Code::WrongState).because(why)
}
