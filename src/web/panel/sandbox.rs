//! Sandbox: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/sandbox.html")]
struct SandboxPage {
    shell: Shell,
}

/// Sandbox.
#[utoipa::path(get, path = "/app/sandbox", operation_id = "panel_sandbox_sandbox", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn sandbox(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Rules, panel.t("试一试", "Sandbox")).await?;
    panel.show(&SandboxPage { shell })
}
