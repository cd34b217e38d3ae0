//! Answers: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/rules.html")]
struct RulesPage {
    shell: Shell,
}

/// Answers.
#[utoipa::path(get, path = "/app/rules", operation_id = "panel_rules_rules", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn rules(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Rules, panel.t("自动回复", "Answers")).await?;
    panel.show(&RulesPage { shell })
}

/// A new rule.
#[utoipa::path(get, path = "/app/rules/new", operation_id = "panel_rules_new_rule", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn new_rule(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Rules, panel.t("新规则", "A new rule")).await?;
    panel.show(&RulesPage { shell })
}

/// Rule.
#[utoipa::path(get, path = "/app/rules/{id}", operation_id = "panel_rules_rule", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn rule(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Rules, panel.t("规则", "Rule")).await?;
    panel.show(&RulesPage { shell })
}
