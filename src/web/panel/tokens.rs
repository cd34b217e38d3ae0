//! Tokens: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/tokens.html")]
struct TokensPage {
    shell: Shell,
}

/// Tokens.
#[utoipa::path(get, path = "/app/tokens", operation_id = "panel_tokens_tokens", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn tokens(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Tokens, panel.t("访问令牌", "Tokens")).await?;
    panel.show(&TokensPage { shell })
}
