//! People: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/people.html")]
struct PeoplePage {
    shell: Shell,
}

/// People.
#[utoipa::path(get, path = "/app/people", operation_id = "panel_people_people", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn people(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::People, panel.t("人员", "People")).await?;
    panel.show(&PeoplePage { shell })
}
