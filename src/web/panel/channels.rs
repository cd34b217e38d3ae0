//! Where notices go: not shown yet.

use actix_web::HttpResponse;
use askama::Template;

use super::{super::error::ApiResult, Panel, Place, Shell};

#[derive(Template)]
#[template(path = "panel/channels.html")]
struct ChannelsPage {
    shell: Shell,
}

/// Where notices go.
#[utoipa::path(get, path = "/app/notices/channels", operation_id = "panel_channels_channels", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn channels(panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Notices, panel.t("通知渠道", "Where notices go")).await?;
    panel.show(&ChannelsPage { shell })
}
