//! Log: what the server says about itself, newest first.

use actix_web::HttpResponse;
use askama::Template;
use serde_json::Value;

use super::{
    super::{
        api::logs::{self as api, LevelView, LogFileView, LogView},
        error::ApiResult,
    },
    AccountChoice, AccountNames, Panel, Place, Shell,
};
use crate::{access::role::Right, telemetry::logging::Class};

/// Lines on a page.
const LINES: usize = 100;

#[derive(Template)]
#[template(path = "panel/logs.html")]
struct LogsPage {
    shell: Shell,
    q: String,
    level: String,
    levels: Vec<(&'static str, &'static str)>,
    class: String,
    classes: Vec<(&'static str, &'static str)>,
    accounts: AccountChoice,
    lines: Vec<Line>,
    /// Whether the newest lines are shown.
    is_newest: bool,
    /// Whether new lines appear by themselves: not while somebody reads.
    is_live: bool,
    /// The same page, live or held still.
    other: String,
    newest: String,
    /// Empty: there are none.
    older: String,
    /// For an administrator.
    machine: Option<Machine>,
}

/// A line of the log.
struct Line {
    at: String,
    level: &'static str,
    look: &'static str,
    message: String,
    account: String,
    class: &'static str,
    /// The module that speaks, and what it said by name.
    details: Vec<(String, String)>,
}

/// What only who looks after the server may see.
struct Machine {
    level: LevelView,
    files: Vec<(LogFileView, String)>,
    lost_lines: u64,
}

/// Log.
#[utoipa::path(get, path = "/app/logs", operation_id = "panel_logs_logs", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn logs(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let is_still = panel.take("still").is_some();
    let query = panel.query_with(&[("limit", &LINES.to_string())])?;
    let lines = api::list(panel.caller.clone(), query, panel.app.clone()).await?.0.items;
    let names = AccountNames::of(&panel, lines.iter().filter_map(|line| line.account_id)).await?;
    let given = |wanted: &str| panel.query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone());
    let last = lines.last().filter(|_| lines.len() == LINES).map(|line| line.number.to_string());
    panel.show(&LogsPage {
        shell: panel.shell(Place::Logs, panel.t("日志", "Log")).await?,
        q: given("q").unwrap_or_default(),
        level: given("level").unwrap_or_default(),
        levels: vec![
            ("error", panel.t("只看错误", "Errors")),
            ("warn", panel.t("警告和错误", "Warnings and errors")),
            ("info", panel.t("信息及以上", "Information and graver")),
            ("debug", panel.t("调试及以上", "Details and graver")),
        ],
        class: given("class").unwrap_or_default(),
        classes: Class::ALL.map(|class| (class.as_str(), class_name(class, &panel))).into(),
        accounts,
        is_newest: given("before").is_none(),
        is_live: given("before").is_none() && !is_still,
        other: panel.href_with("still", if is_still { "" } else { "1" }),
        newest: panel.href_with("before", ""),
        older: last.map(|number| panel.href_with("before", &number)).unwrap_or_default(),
        lines: lines.into_iter().map(|line| Line::new(line, &panel, &names)).collect(),
        machine: if panel.may(Right::Administer) { Some(Machine::read(&panel).await?) } else { None },
    })
}

impl Line {
    fn new(view: LogView, panel: &Panel, names: &AccountNames) -> Self {
        let (level, look) = level_name(&view.level, panel);
        let mut details = vec![(panel.t("模块", "module").to_owned(), view.target)];
        if let Some(request) = view.request_id {
            details.push((panel.t("请求编号", "request").to_owned(), request));
        }
        details.extend(view.fields.into_iter().map(|(name, value)| match value {
            Value::String(text) => (name, text),
            other => (name, other.to_string()),
        }));
        Self {
            at: panel.times.to_the_second(view.at),
            level,
            look,
            message: view.message,
            account: view.account_id.map(|id| names.name(id)).unwrap_or_default(),
            class: view.class.map(|class| class_name(class, panel)).unwrap_or_default(),
            details,
        }
    }
}

impl Machine {
    async fn read(panel: &Panel) -> ApiResult<Self> {
        let who = || panel.caller.clone();
        let files = api::list_files(who(), super::asked("per_page=50")?).await?.0.items;
        let stats = api::stats(who(), panel.app.clone()).await?.0;
        Ok(Self {
            level: api::level(who(), panel.app.clone()).await?.0,
            files: files.into_iter().map(|file| (size(file.bytes), file)).map(|(size, file)| (file, size)).collect(),
            lost_lines: stats.lost_lines.unwrap_or(0),
        })
    }
}

fn level_name(level: &str, panel: &Panel) -> (&'static str, &'static str) {
    match level {
        "error" => (panel.t("错误", "error"), "bad"),
        "warn" => (panel.t("警告", "warning"), "warm"),
        "info" => (panel.t("信息", "information"), ""),
        "debug" => (panel.t("调试", "details"), ""),
        _ => (panel.t("跟踪", "trace"), ""),
    }
}

fn class_name(class: Class, panel: &Panel) -> &'static str {
    match class {
        Class::Auth => panel.t("登录与凭证", "logins"),
        Class::Database => panel.t("数据库", "database"),
        Class::Network => panel.t("网络", "network"),
        Class::System => panel.t("系统", "this machine"),
    }
}

/// A number of bytes as people say it.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes >> 10) % 1024) * 10 / 1024),
    }
}
