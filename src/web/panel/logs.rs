//! Log: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/logs.html")]
struct LogsPage {
    shell: Shell,
}

/// Log.
#[utoipa::path(get, path = "/app/logs", operation_id = "panel_logs_logs", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn logs(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Logs, panel.t("日志", "Log")).await?;
    panel.show(&LogsPage { shell })
}
