//! Orders: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/orders.html")]
struct OrdersPage {
    shell: Shell,
}

/// Orders.
#[utoipa::path(get, path = "/app/orders", operation_id = "panel_orders_orders", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn orders(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Orders, panel.t("订单", "Orders")).await?;
    panel.show(&OrdersPage { shell })
}

/// Order.
#[utoipa::path(get, path = "/app/orders/{id}", operation_id = "panel_orders_order", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn order(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Orders, panel.t("订单", "Order")).await?;
    panel.show(&OrdersPage { shell })
}
