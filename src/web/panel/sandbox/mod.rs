//! Trying answers: somebody plays the buyer, or what was really said is played again. Nothing is sent.

mod cases;
mod play;
mod trial;

use actix_web::HttpResponse;
use askama::Template;

pub(super) use self::trial::Trial;
use self::{
    cases::Cases,
    play::{Asked, Played},
};
use super::{super::error::ApiResult, AccountChoice, Panel, Place, Shell, rules::words};

#[derive(Template)]
#[template(path = "panel/sandbox.html")]
struct SandboxPage {
    shell: Shell,
    accounts: AccountChoice,
    account: String,
    asked: Asked,
    events: Vec<(&'static str, &'static str)>,
    waits: Vec<(&'static str, &'static str)>,
    /// `None`: nothing was asked yet.
    played: Option<Played>,
    cases: Cases,
}

/// Trying answers.
#[utoipa::path(get, path = "/app/sandbox", operation_id = "panel_sandbox_sandbox", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn sandbox(mut panel: Panel) -> ApiResult<HttpResponse> {
    let mut accounts = AccountChoice::read(&mut panel).await?;
    let account = accounts.id_or_first();
    let asked = Asked::read(&panel);
    let played = match account {
        Some(id) => asked.play(&panel, id).await?,
        None => None,
    };
    let page = SandboxPage {
        shell: panel.shell(Place::Rules, panel.t("试一试", "Try it")).await?,
        accounts,
        account: account.map(|id| id.to_string()).unwrap_or_default(),
        events: words::TRIGGERS
            .into_iter()
            .filter(|trigger| *trigger != crate::reply::rule::Trigger::Silent)
            .map(|trigger| (trigger.as_str(), words::trigger(trigger, panel.language)))
            .collect(),
        waits: vec![
            ("", panel.t("不等", "no time passes")),
            ("60", panel.t("过 1 分钟", "1 minute passes")),
            ("600", panel.t("过 10 分钟", "10 minutes pass")),
            ("3600", panel.t("过 1 小时", "1 hour passes")),
            ("86400", panel.t("过 1 天", "1 day passes")),
        ],
        played,
        cases: Cases::read(&panel, account).await?,
        asked,
    };
    panel.show(&page)
}
