//! About: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/about.html")]
struct AboutPage {
    shell: Shell,
}

/// About.
#[utoipa::path(get, path = "/app/about", operation_id = "panel_about_about", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn about(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::About, panel.t("关于", "About")).await?;
    panel.show(&AboutPage { shell })
}
