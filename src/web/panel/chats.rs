//! Conversations of all accounts: who wrote, and what waits for an answer.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, AccountChoice, Panel, Place, Shell, inbox::Inbox};

#[derive(Template)]
#[template(path = "panel/chats.html")]
struct ChatsPage {
    shell: Shell,
    accounts: AccountChoice,
    inbox: Inbox,
}

/// The conversations of the panel.
#[utoipa::path(get, path = "/app/chats", operation_id = "panel_chats_chats", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn chats(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let inbox = Inbox::read(&panel, None).await?;
    let shell = panel.shell(Place::Chats, panel.t("会话", "Chats")).await?;
    panel.show(&ChatsPage { shell, accounts, inbox })
}
