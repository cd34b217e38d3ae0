//! `/api/v1/maintenance/backups`: the copies of the database on the server's own disk. One may be wanted and looked for; none is handed out,
//! taken in, put in the database's place or removed here: that is for who has the machine.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, Language, Said},
    gate::Caller,
    input::NoBody,
};
use crate::{
    ids::Timestamp,
    maintenance::backup::actor::{Ask, Begin, NotBegun, Overview},
    store::backups::{Copied, OF_POSTGRES, Run},
};

/// The backups of this server.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupsView {
    /// `false`: the database is PostgreSQL, which is backed up by its own means.
    pub(in crate::web) made_here: bool,
    pub(in crate::web) running: bool,
    /// Since when one is made; `null`: none is.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) running_since: Option<Timestamp>,
    /// When one is made every day, and how far that clock is from UTC.
    #[schema(example = "04:30+08:00")]
    pub(in crate::web) at: String,
    /// So many stay; 0: none is made by itself, and none is removed.
    pub(in crate::web) keep: u16,
    /// UTC milliseconds; `null`: never by itself.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) next_run_at: Option<Timestamp>,
    /// `null`: there never was one.
    pub(in crate::web) last_run: Option<BackupRunView>,
    /// Those on the disk, newest first. Their content is nowhere to be had from here.
    pub(in crate::web) copies: Vec<CopyView>,
}

/// What one run did.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupRunView {
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) started_at: Timestamp,
    pub(in crate::web) duration_ms: u64,
    /// The copy's name; `null`: there is none, see `fault`.
    #[schema(example = "yutang-20260101-203000.db")]
    pub(in crate::web) name: Option<String>,
    pub(in crate::web) size_bytes: Option<u64>,
    /// How many events of the stock's log were walked in it.
    pub(in crate::web) events: Option<i64>,
    pub(in crate::web) fault: Option<BackupFaultView>,
}

/// Why there is no copy.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupFaultView {
    /// Stable: programs may rely on it.
    #[schema(example = "no_room")]
    code: &'static str,
    /// In the language of `Accept-Language` (`zh` or `en`).
    #[schema(example = "There is too little room on the disk: 900 MiB are needed, 12 MiB are free.")]
    pub(in crate::web) message: String,
    /// What somebody can do about it.
    #[schema(
        example = "Free some room, keep fewer copies (backup.keep), or keep them on a larger disk (backup.folder)."
    )]
    pub(in crate::web) advice: String,
}

/// A copy.
#[derive(Debug, Serialize, ToSchema)]
pub struct CopyView {
    /// Its time is UTC.
    #[schema(example = "yutang-20260101-203000.db")]
    pub(in crate::web) name: String,
    pub(in crate::web) size_bytes: u64,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) made_at: Timestamp,
    /// It was read again after it was made, and has its size still.
    pub(in crate::web) verified: bool,
}

impl BackupRunView {
    fn new(run: Run, language: Language) -> Self {
        let Run { started_at, duration_ms, made, fault } = run;
        let fault = fault.map(|fault| {
            let said = [fault.words(), fault.advice()].map(|words| match language {
                Language::Chinese => words.zh,
                Language::English => words.en,
            });
            let [message, advice] = said;
            BackupFaultView { code: fault.code(), message, advice }
        });
        Self {
            started_at,
            duration_ms,
            size_bytes: made.as_ref().map(|made| made.size),
            events: made.as_ref().map(|made| made.proof.events),
            name: made.map(|made| made.name),
            fault,
        }
    }
}

impl From<(Copied, bool)> for CopyView {
    fn from((Copied { name, size, made_at }, verified): (Copied, bool)) -> Self {
        Self { name, size_bytes: size, made_at, verified }
    }
}

/// The backups: which copies are there, what became of the last run, and when the next one is.
#[utoipa::path(get, path = "/api/v1/maintenance/backups", operation_id = "backups_show", tag = "maintenance", responses(
    (status = 200, body = BackupsView),
))]
pub async fn show(caller: Caller, app: Data<AppState>) -> ApiResult<Json<BackupsView>> {
    Ok(Json(overview(&caller, &app).await?))
}

async fn overview(caller: &Caller, app: &AppState) -> ApiResult<BackupsView> {
    let Overview { is_own, running, next, last, copies } = app.backups.send(Ask).await??;
    Ok(BackupsView {
        made_here: is_own,
        running: running.is_some(),
        running_since: running,
        at: app.settings.backup.at.to_string(),
        keep: app.settings.backup.keep,
        next_run_at: next,
        last_run: last.map(|run| BackupRunView::new(run, caller.language)),
        copies: copies.into_iter().map(CopyView::from).collect(),
    })
}

/// Begins to copy the database on the server's own disk, and answers at once: `GET` says how it stands, and what became of it. Refused
/// (`backed_up_elsewhere`) where the database is PostgreSQL.
#[utoipa::path(post, path = "/api/v1/maintenance/backups", operation_id = "backups_begin", tag = "maintenance", responses(
    (status = 202, body = BackupsView, description = "It has begun"),
))]
pub async fn begin(caller: Caller, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    // Before the deed: what has begun is told as begun, whatever can be read by then.
    let before = overview(&caller, &app).await?;
    let since = app.backups.send(Begin(caller.actor())).await?.map_err(not_now)?;
    Ok(HttpResponse::Accepted().json(BackupsView { running: true, running_since: Some(since), ..before }))
}

fn not_now(why: NotBegun) -> ApiError {
    match why {
        NotBegun::AlreadyRuns => {
            let why = Said::new("正在备份", "a backup is being made already");
            ApiError::from(Code::WrongState).because(why)
        }
        NotBegun::Elsewhere => ApiError::from(Code::BackedUpElsewhere).because(Said::new(OF_POSTGRES, OF_POSTGRES)),
    }
}
