//! Notices: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/notices.html")]
struct NoticesPage {
    shell: Shell,
}

/// Notices.
#[utoipa::path(get, path = "/app/notices", operation_id = "panel_notices_notices", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn notices(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Notices, panel.t("通知", "Notices")).await?;
    panel.show(&NoticesPage { shell })
}
