//! AI: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/ai.html")]
struct AiPage {
    shell: Shell,
}

/// AI.
#[utoipa::path(get, path = "/app/ai", operation_id = "panel_ai_ai", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn ai(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Ai, panel.t("AI", "AI")).await?;
    panel.show(&AiPage { shell })
}
