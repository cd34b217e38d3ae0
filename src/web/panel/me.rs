//! My login: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/me.html")]
struct MePage {
    shell: Shell,
}

/// My login.
#[utoipa::path(get, path = "/app/me", operation_id = "panel_me_me", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn me(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Me, panel.t("我的账户", "My login")).await?;
    panel.show(&MePage { shell })
}
