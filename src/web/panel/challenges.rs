//! Verifications: what the platform wants a person to pass, and what became of it.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            accounts::{self, AccountView},
            challenges::{self as api, ChallengeView},
        },
        error::ApiResult,
    },
    AccountChoice, Pager, Panel, Place, Shell,
};
use crate::{account::state::Reason, captcha::challenge::State, telemetry::modules::Module};

#[derive(Template)]
#[template(path = "panel/challenges.html")]
struct ChallengesPage {
    shell: Shell,
    open: Vec<Line>,
    /// Accounts that wait for a person and have no open verification.
    waiting: Vec<AccountView>,
    past: Vec<Line>,
    pager: Pager,
    accounts: AccountChoice,
    outcomes: Vec<(&'static str, &'static str)>,
    state: String,
    /// How to get a browser into this server; empty: there is one.
    remedy: &'static str,
}

/// A verification as a line.
struct Line {
    view: ChallengeView,
    outcome: &'static str,
    look: &'static str,
    /// Seconds until its time is over.
    left_s: i64,
}

/// Verifications.
#[utoipa::path(get, path = "/app/challenges", operation_id = "panel_challenges_challenges", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn challenges(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let given = |wanted: &str| panel.query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone());
    let who = || panel.caller.clone();
    let open = api::list(who(), super::asked("open=true&per_page=200")?, panel.app.clone()).await?.0;
    let past = api::list(who(), panel.query_with(&[("open", "false")])?, panel.app.clone()).await?.0;
    let failed =
        accounts::read_page(&panel.app, &panel.caller, super::asked("state=failed&enabled=true&per_page=200")?.0);
    let is_waiting = |account: &AccountView| {
        account.status.reason == Reason::ChallengeRequired && open.items.iter().all(|one| one.account_id != account.id)
    };
    let waiting = failed.await?.items.into_iter().filter(is_waiting).collect();
    let remedy = Module::ChallengeBrowser.remedy();
    panel.show(&ChallengesPage {
        shell: panel.shell(Place::Challenges, panel.t("人工验证", "Verifications")).await?,
        waiting,
        accounts,
        state: given("state").unwrap_or_default(),
        outcomes: [State::Passed, State::Expired, State::Failed, State::Cancelled]
            .map(|state| (state.as_str(), outcome(state, &panel).0))
            .into(),
        remedy: if panel.app.finds(Module::ChallengeBrowser).await { "" } else { panel.t(remedy.0, remedy.1) },
        pager: Pager::new(&panel, &past),
        open: open.items.into_iter().map(|view| Line::new(view, &panel)).collect(),
        past: past.items.into_iter().map(|view| Line::new(view, &panel)).collect(),
    })
}

impl Line {
    fn new(view: ChallengeView, panel: &Panel) -> Self {
        let (outcome, look) = outcome(view.state, panel);
        Self { left_s: (view.expires_at.0 - panel.now.0) / 1000, outcome, look, view }
    }
}

/// In a word or two, and how it looks.
fn outcome(state: State, panel: &Panel) -> (&'static str, &'static str) {
    match state {
        State::Open => (panel.t("等待处理", "waits for you"), "warm"),
        State::Shown => (panel.t("正在处理", "being passed"), "warm"),
        State::Passed => (panel.t("已通过", "passed"), "good"),
        State::Expired => (panel.t("已超时", "out of time"), ""),
        State::Failed => (panel.t("未完成", "not finished"), "bad"),
        State::Cancelled => (panel.t("已取消", "cancelled"), ""),
    }
}
