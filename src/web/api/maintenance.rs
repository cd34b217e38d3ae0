//! `/api/v1/maintenance`: the job that removes at night what is too old.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, Said},
    gate::Caller,
    input::NoBody,
};
use crate::{
    ids::Timestamp,
    maintenance::actor::{AlreadyRuns, Ask, Overview, Run, RunNow},
    store::retention::Removed,
};

/// The job, and what it did last.
#[derive(Debug, Serialize, ToSchema)]
pub struct MaintenanceView {
    pub(in crate::web) running: bool,
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
    let Overview { running, next, last } = app.maintenance.send(Ask).await?;
    Ok(Json(MaintenanceView {
        running,
        at: app.settings.maintenance.at.to_string(),
        next_run_at: next,
        last_run: last.map(RunView::from),
    }))
}

/// Removes what is too old now, and answers when it is done. The run goes on where the caller does not wait for it.
#[utoipa::path(post, path = "/api/v1/maintenance/run", tag = "maintenance", responses((status = 200, body = RunView)))]
pub async fn run(caller: Caller, _: NoBody, app: Data<AppState>) -> ApiResult<Json<RunView>> {
    let run = app.maintenance.send(RunNow(caller.actor())).await?;
    run.map(|run| Json(run.into())).map_err(|AlreadyRuns| {
        let why = Said::new("清理任务正在运行或正在停止", "a clean-up is running already, or the server is stopping");
        ApiError::from(Code::WrongState).because(why)
    })
}
