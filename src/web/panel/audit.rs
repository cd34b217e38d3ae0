//! Audit: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/audit.html")]
struct AuditPage {
    shell: Shell,
}

/// Audit.
#[utoipa::path(get, path = "/app/audit", operation_id = "panel_audit_audit", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn audit(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Audit, panel.t("操作记录", "Audit")).await?;
    panel.show(&AuditPage { shell })
}
