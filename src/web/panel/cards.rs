//! Cards and stock: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/cards.html")]
struct CardsPage {
    shell: Shell,
}

/// Cards and stock.
#[utoipa::path(get, path = "/app/cards", operation_id = "panel_cards_cards", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn cards(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Cards, panel.t("卡券与库存", "Cards and stock")).await?;
    panel.show(&CardsPage { shell })
}

/// A new card.
#[utoipa::path(get, path = "/app/cards/new", operation_id = "panel_cards_new_card", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn new_card(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Cards, panel.t("新卡券", "A new card")).await?;
    panel.show(&CardsPage { shell })
}

/// Card.
#[utoipa::path(get, path = "/app/cards/{id}", operation_id = "panel_cards_card", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn card(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Cards, panel.t("卡券", "Card")).await?;
    panel.show(&CardsPage { shell })
}
