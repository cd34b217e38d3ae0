//! To decide: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/reviews.html")]
struct ReviewsPage {
    shell: Shell,
}

/// To decide.
#[utoipa::path(get, path = "/app/reviews", operation_id = "panel_reviews_reviews", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn reviews(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Reviews, panel.t("待处理", "To decide")).await?;
    panel.show(&ReviewsPage { shell })
}
