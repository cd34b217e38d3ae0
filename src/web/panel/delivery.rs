//! Delivery: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/delivery.html")]
struct DeliveryPage {
    shell: Shell,
}

/// Delivery.
#[utoipa::path(get, path = "/app/delivery", operation_id = "panel_delivery_delivery", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn delivery(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Delivery, panel.t("自动发货", "Delivery")).await?;
    panel.show(&DeliveryPage { shell })
}

/// A new delivery rule.
#[utoipa::path(get, path = "/app/delivery/new", operation_id = "panel_delivery_new_rule", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn new_rule(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Delivery, panel.t("新发货规则", "A new delivery rule")).await?;
    panel.show(&DeliveryPage { shell })
}

/// Delivery rule.
#[utoipa::path(get, path = "/app/delivery/{id}", operation_id = "panel_delivery_rule", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn rule(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Delivery, panel.t("发货规则", "Delivery rule")).await?;
    panel.show(&DeliveryPage { shell })
}
