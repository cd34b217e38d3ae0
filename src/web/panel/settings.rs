//! Settings: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/settings.html")]
struct SettingsPage {
    shell: Shell,
}

/// Settings.
#[utoipa::path(get, path = "/app/settings", operation_id = "panel_settings_settings", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn settings(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Settings, panel.t("设置", "Settings")).await?;
    panel.show(&SettingsPage { shell })
}
