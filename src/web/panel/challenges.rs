//! Verifications: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/challenges.html")]
struct ChallengesPage {
    shell: Shell,
}

/// Verifications.
#[utoipa::path(get, path = "/app/challenges", operation_id = "panel_challenges_challenges", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn challenges(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Challenges, panel.t("人工验证", "Verifications")).await?;
    panel.show(&ChallengesPage { shell })
}
