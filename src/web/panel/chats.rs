//! Chats: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/chats.html")]
struct ChatsPage {
    shell: Shell,
}

/// Chats.
#[utoipa::path(get, path = "/app/chats", operation_id = "panel_chats_chats", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn chats(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Chats, panel.t("会话", "Chats")).await?;
    panel.show(&ChatsPage { shell })
}

/// Chat.
#[utoipa::path(get, path = "/app/chats/{id}", operation_id = "panel_chats_chat", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn chat(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Chats, panel.t("会话", "Chat")).await?;
    panel.show(&ChatsPage { shell })
}
