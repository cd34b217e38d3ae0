//! Items: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/items.html")]
struct ItemsPage {
    shell: Shell,
}

/// Items.
#[utoipa::path(get, path = "/app/items", operation_id = "panel_items_items", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn items(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Items, panel.t("商品", "Items")).await?;
    panel.show(&ItemsPage { shell })
}

/// Item.
#[utoipa::path(get, path = "/app/items/{account}/{item}", operation_id = "panel_items_item", tag = "pages", params(("account" = String, Path), ("item" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn item(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Items, panel.t("商品", "Item")).await?;
    panel.show(&ItemsPage { shell })
}
