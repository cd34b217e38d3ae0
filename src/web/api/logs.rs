//! `/api/v1/logs`: the log of this process for people: its recent lines, its files, its level.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    sync::Arc,
};

use actix_web::{
    HttpResponse,
    body::SizedStream,
    http::header::{ContentDisposition, DispositionParam, DispositionType},
    web::{Bytes, Data, Json, Path, block},
};
use futures_util::{Stream, stream};
use log::Level;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, Said},
    gate::Caller,
    input::{Body, Line, Query, Whole},
    page::{Page, PageNumber, Paging, PerPage},
};
use crate::{
    ids::{AccountId, Timestamp, UserId},
    store::{
        accounts,
        audit::{self, Deed},
    },
    telemetry::{
        clock,
        logging::{self, Class, LogFile, LogQuery, LogRecord, LogStats, Visible},
    },
};

/// A download is read and sent in pieces of this size.
const PIECE: usize = 64 << 10;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogClass {
    Auth,
    Database,
    Network,
    System,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LogsQuery {
    /// This level and graver ones.
    #[param(inline)]
    level: Option<LogLevel>,
    /// What the module's name begins with: `yutang::outbox`.
    #[param(inline)]
    target: Option<Line<1, 128>>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// Only warnings and errors have one.
    #[param(inline)]
    class: Option<LogClass>,
    /// Occurs in the message or in a field; case does not matter.
    #[param(inline)]
    q: Option<Line<1, 200>>,
    /// UTC milliseconds.
    #[param(inline)]
    since: Option<Whole<0, { i64::MAX }>>,
    /// Only lines before the one with this number.
    #[param(inline)]
    before: Option<Whole<1, { i64::MAX }>>,
    /// 100 where nothing is said.
    #[param(inline)]
    limit: Option<Whole<1, 1000>>,
}

/// A line of the log. What looks like a secret is masked before anything keeps it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LogView {
    /// Grows by one with each line of this process.
    pub(in crate::web) number: u64,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    #[schema(value_type = LogLevel, inline)]
    pub(in crate::web) level: String,
    /// The module that speaks.
    pub(in crate::web) target: String,
    pub(in crate::web) message: String,
    /// Only warnings and errors have one.
    #[schema(value_type = Option<LogClass>, inline)]
    pub(in crate::web) class: Option<Class>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) user_id: Option<UserId>,
    pub(in crate::web) request_id: Option<String>,
    /// Everything else that was said by name.
    #[schema(value_type = Object)]
    pub(in crate::web) fields: Map<String, Value>,
}

/// Recent lines, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogList {
    pub(in crate::web) items: Vec<LogView>,
}

/// How many of the recent lines are of what.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogStatsView {
    pub(in crate::web) total: usize,
    #[schema(value_type = BTreeMap<String, usize>, example = json!({"info": 12, "warn": 1}))]
    pub(in crate::web) levels: BTreeMap<&'static str, usize>,
    pub(in crate::web) targets: BTreeMap<String, usize>,
    #[schema(value_type = BTreeMap<String, usize>, example = json!({"network": 1}))]
    pub(in crate::web) classes: BTreeMap<&'static str, usize>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) oldest_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) newest_at: Option<Timestamp>,
    /// Lines that are in no file because the disk did not take them. For administrators; `null` for others.
    pub(in crate::web) lost_lines: Option<u64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FilesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// A log file on disk.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogFileView {
    #[schema(example = "yutang-2026-11-26.0.log")]
    pub(in crate::web) name: String,
    pub(in crate::web) bytes: u64,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) modified_at: Timestamp,
}

/// What is logged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"level": "info,yutang::inbox=debug"}))]
pub struct LevelBody {
    /// A level for all (`off`, `error`, `warn`, `info`, `debug`, `trace`), and levels by module, separated by commas.
    level: Line<1, 500>,
}

/// What is logged, and what would be after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LevelView {
    #[schema(example = "info,yutang::inbox=debug")]
    pub(in crate::web) level: String,
    /// As it is set in the settings: a restart goes back to it.
    #[schema(example = "info")]
    pub(in crate::web) configured: String,
}

impl From<&LogRecord> for LogView {
    fn from(record: &LogRecord) -> Self {
        Self {
            number: record.seq,
            at: record.at,
            level: record.level.as_str().to_ascii_lowercase(),
            target: record.target.clone(),
            message: record.message.clone(),
            class: record.class,
            account_id: record.account,
            user_id: record.user,
            request_id: record.request_id.clone(),
            fields: record.fields.clone(),
        }
    }
}

impl From<LogFile> for LogFileView {
    fn from(file: LogFile) -> Self {
        Self { name: file.name, bytes: file.bytes, modified_at: file.modified_at }
    }
}

impl LogLevel {
    fn level(self) -> Level {
        match self {
            Self::Error => Level::Error,
            Self::Warn => Level::Warn,
            Self::Info => Level::Info,
            Self::Debug => Level::Debug,
            Self::Trace => Level::Trace,
        }
    }
}

impl LogClass {
    fn class(self) -> Class {
        match self {
            Self::Auth => Class::Auth,
            Self::Database => Class::Database,
            Self::Network => Class::Network,
            Self::System => Class::System,
        }
    }
}

impl LogsQuery {
    fn of(self, visible: Visible) -> LogQuery {
        let limit = self.limit.map_or(100, Whole::get);
        LogQuery {
            level: self.level.map(LogLevel::level),
            target: self.target.map(Line::into_string),
            account: self.account.map(|id| AccountId(id.get())),
            class: self.class.map(LogClass::class),
            q: self.q.map(Line::into_string),
            since: self.since.map(|at| Timestamp(at.get())),
            before_seq: self.before.and_then(|number| u64::try_from(number.get()).ok()),
            limit: usize::try_from(limit).unwrap_or(0),
            ..LogQuery::new(visible)
        }
    }
}

/// Recent lines of the log, newest first.
///
/// An administrator who is signed in by a session sees all; everybody else sees the lines about accounts they may see.
#[utoipa::path(get, path = "/api/v1/logs", tag = "logs", params(LogsQuery), responses((status = 200, body = LogList)))]
pub async fn list(caller: Caller, query: Query<LogsQuery>, app: Data<AppState>) -> ApiResult<Json<LogList>> {
    let query = query.0.of(visible(&app, &caller).await?);
    let items = off_the_arbiter(move || logging::ring().query(&query).iter().map(|line| (&**line).into()).collect());
    Ok(Json(LogList { items: items.await? }))
}

/// The recent lines that may be seen, counted by level, module and class.
#[utoipa::path(get, path = "/api/v1/logs/stats", tag = "logs", responses((status = 200, body = LogStatsView)))]
pub async fn stats(caller: Caller, app: Data<AppState>) -> ApiResult<Json<LogStatsView>> {
    let query = LogQuery::new(visible(&app, &caller).await?);
    let LogStats { total, levels, targets, classes, oldest_at, newest_at } =
        off_the_arbiter(move || logging::ring().stats(&query)).await?;
    let lost_lines = caller.administers().then(logging::lost_lines);
    Ok(Json(LogStatsView { total, levels, targets, classes, oldest_at, newest_at, lost_lines }))
}

/// S17: whose lines somebody may see.
async fn visible(app: &AppState, caller: &Caller) -> ApiResult<Visible> {
    if caller.administers() {
        return Ok(Visible::Everything);
    }
    let scope = caller.scope;
    Ok(Visible::Accounts(app.store.read(move |conn| accounts::list_ids(conn, &scope)).await?))
}

async fn off_the_arbiter<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
    block(work).await.map_err(|_| Code::Overloaded.into())
}

/// The log files on disk, newest first.
#[utoipa::path(get, path = "/api/v1/logs/files", tag = "logs", params(FilesQuery), responses((status = 200, body = Page<LogFileView>)))]
pub async fn list_files(_: Caller, query: Query<FilesQuery>) -> ApiResult<Json<Page<LogFileView>>> {
    let files = off_the_arbiter(logging::files).await?.map_err(|error| unreadable(&error))?;
    let views = files.into_iter().map(LogFileView::from).collect();
    Ok(Json(Paging::new(query.0.page, query.0.per_page).cut(views)))
}

fn unreadable(error: &io::Error) -> ApiError {
    log::warn!(class = "system"; "log files cannot be read: {error}");
    Code::Internal.into()
}

/// One log file, as it is now.
///
/// Signed in as for everything else: nothing in the address opens it.
#[utoipa::path(get, path = "/api/v1/logs/files/{name}", tag = "logs",
    params(("name" = String, Path, description = "Of a file in the list")),
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8")))]
pub async fn download(caller: Caller, name: Path<String>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let name = name.into_inner();
    let wanted = name.clone();
    let (file, bytes) =
        off_the_arbiter(move || open(&wanted)).await?.map_err(|error| unreadable(&error))?.ok_or(Code::NotFound)?;
    let (actor, now) = (caller.actor(), clock::unix());
    let deed = Deed::new("log_file.download", &name);
    app.store.write(move |conn| audit::record(conn, &actor, &deed, now)).await?;
    let saved_as = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(saved_as)
        .body(SizedStream::new(bytes, pieces(file.take(bytes)))))
}

/// The file and how long it is now: it may grow while it is sent.
fn open(name: &str) -> io::Result<Option<(File, u64)>> {
    let Some(file) = logging::open_file(name)? else { return Ok(None) };
    let bytes = file.metadata()?.len();
    Ok(Some((file, bytes)))
}

fn pieces(file: io::Take<File>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(file, |mut file| async {
        let read = block(move || {
            let mut piece = Vec::new();
            (&mut file).take(PIECE as u64).read_to_end(&mut piece).map(|_| (Bytes::from(piece), file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        Ok((!piece.is_empty()).then_some((piece, file)))
    })
}

fn level_now(app: &AppState) -> LevelView {
    LevelView { level: logging::level(), configured: app.settings.log.level.clone() }
}

/// What is logged, and what the settings say.
#[utoipa::path(get, path = "/api/v1/logs/level", tag = "logs", responses((status = 200, body = LevelView)))]
pub async fn level(_: Caller, app: Data<AppState>) -> ApiResult<Json<LevelView>> {
    Ok(Json(level_now(&app)))
}

/// Changes what is logged, at once and until the next restart.
#[utoipa::path(put, path = "/api/v1/logs/level", tag = "logs", request_body = LevelBody, responses((status = 200, body = LevelView)))]
pub async fn set_level(caller: Caller, body: Body<LevelBody>, app: Data<AppState>) -> ApiResult<Json<LevelView>> {
    let level = body.0.level.into_string();
    logging::validate_level(&level).map_err(not_a_level)?;
    let (actor, now, before) = (caller.actor(), clock::unix(), level_now(&app));
    let after = LevelView { level: level.clone(), ..before.clone() };
    let deed = Deed::new("log_level.update", "log").before(before).after(after);
    app.store.write(move |conn| audit::record(conn, &actor, &deed, now)).await?;
    logging::set_level(&level).map_err(not_a_level)?;
    Ok(Json(level_now(&app)))
}

fn not_a_level(why: String) -> ApiError {
    let zh = "须为 off、error、warn、info、debug 或 trace，也可写作 模块=级别";
    ApiError::field("level", Said::new(zh, why))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SeedLogsQuery {
    /// How many; 200 where nothing is said.
    #[param(inline)]
    lines: Option<Whole<1, 1000>>,
    /// This level and graver ones.
    #[param(inline)]
    level: Option<LogLevel>,
    /// What the module's name begins with.
    #[param(inline)]
    source: Option<Line<1, 128>>,
}

/// A line as older clients read it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeedLogLine {
    /// ISO 8601, UTC.
    #[schema(example = "2026-11-26T14:03:00.000Z")]
    pub(in crate::web) timestamp: String,
    #[schema(example = "INFO")]
    pub(in crate::web) level: &'static str,
    pub(in crate::web) source: String,
    pub(in crate::web) message: String,
}

/// What older clients get.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeedLogList {
    pub(in crate::web) success: bool,
    /// Oldest first.
    pub(in crate::web) logs: Vec<SeedLogLine>,
}

impl From<&Arc<LogRecord>> for SeedLogLine {
    fn from(record: &Arc<LogRecord>) -> Self {
        Self {
            timestamp: jiff::Timestamp::from_millisecond(record.at.0).map(|at| format!("{at:.3}")).unwrap_or_default(),
            level: record.level.as_str(),
            source: record.target.clone(),
            message: record.message.clone(),
        }
    }
}

/// Recent lines of the log, as older clients read them.
#[utoipa::path(get, path = "/logs", tag = "older clients", operation_id = "logs", params(SeedLogsQuery), responses((status = 200, body = SeedLogList)))]
pub async fn seed_list(
    caller: Caller,
    query: Query<SeedLogsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<SeedLogList>> {
    let query = LogQuery {
        level: query.0.level.map(LogLevel::level),
        target: query.0.source.map(Line::into_string),
        limit: usize::try_from(query.0.lines.map_or(200, Whole::get)).unwrap_or(0),
        ..LogQuery::new(visible(&app, &caller).await?)
    };
    let logs = off_the_arbiter(move || logging::ring().query(&query).iter().rev().map(SeedLogLine::from).collect());
    Ok(Json(SeedLogList { success: true, logs: logs.await? }))
}
