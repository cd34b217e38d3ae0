//! Where a person passes the platform's challenge: in the browser that this server runs, or in their own.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        captcha::{ChallengeKey, Reach},
        error::ApiResult,
    },
    Panel, Place, Shell,
};
use crate::{
    ids::{AccountId, ChallengeId},
    store::{
        DbConn,
        challenges::{self, Row},
    },
    telemetry::modules::Module,
};

#[derive(Template)]
#[template(path = "panel/challenge.html")]
struct ChallengePage {
    shell: Shell,
    id: ChallengeId,
    account: String,
    account_id: AccountId,
    /// An administrator may help with those of others.
    is_own: bool,
    expires_at: i64,
    /// By the server's clock, in milliseconds.
    now: i64,
    /// How it ended; empty while it waits.
    ended: &'static str,
    /// There is a browser to show it in.
    shows: bool,
    /// How to get one; empty where there is one.
    remedy: &'static str,
    /// For who passes it in their own browser; empty where it is not theirs to see.
    url: String,
}

/// The page on which a challenge is passed.
#[utoipa::path(get, path = "/app/challenges/{id}", operation_id = "panel_challenge", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn challenge(panel: Panel, key: ChallengeKey) -> ApiResult<HttpResponse> {
    page(&panel, key.0).await
}

/// The same, where older clients look for it.
#[utoipa::path(get, path = "/api/captcha/control/{id}", tag = "captcha", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn control(panel: Panel, key: ChallengeKey) -> ApiResult<HttpResponse> {
    page(&panel, key.0).await
}

async fn page(panel: &Panel, id: ChallengeId) -> ApiResult<HttpResponse> {
    let (reach, wanted) = (Reach::of(&panel.caller), id.clone());
    let read = move |conn: &mut DbConn| Ok((reach.get(conn, &wanted)?, challenges::find_demand(conn, &wanted)?));
    let (row, demand) = panel.app.store.read(read).await?;
    let place = challenges::url_place(row.account);
    let url = demand.and_then(|demand| panel.app.store.keys().open(&place, &demand.url).ok());
    let url = url.as_ref().map(|url| url.expose()).filter(|url| may_follow(url, &row, panel)).unwrap_or_default();
    let shows = panel.app.finds(Module::ChallengeBrowser).await;
    let (remedy, said) = (Module::ChallengeBrowser.remedy(), row.state.sentence());
    let is_own = is_own(&row, panel);
    panel.show(&ChallengePage {
        shell: panel
            .shell(Place::Challenges, panel.t("完成平台验证", "Pass the platform's verification"))
            .await?
            .alone(),
        id,
        url: url.to_owned(),
        account: row.account_name,
        account_id: row.account,
        is_own,
        expires_at: row.expires_at.0,
        now: panel.now.0,
        ended: if row.state.is_over() { panel.t(said.0, said.1) } else { "" },
        shows,
        remedy: if shows { "" } else { panel.t(remedy.0, remedy.1) },
    })
}

/// Whether it is theirs to see. A link that does anything but open a page of the web is none.
fn may_follow(url: &str, row: &Row, panel: &Panel) -> bool {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web && is_own(row, panel) && !row.state.is_over()
}

fn is_own(row: &Row, panel: &Panel) -> bool {
    row.owner == panel.caller.scope.user()
}
