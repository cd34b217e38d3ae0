//! The accounts: how each is doing, and what it needs.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::accounts::{self, AccountView},
        error::ApiResult,
        page::Page,
    },
    Pager, Panel, Place, Shell, mend,
};
use crate::account::state::State;

#[derive(Template)]
#[template(path = "panel/accounts.html")]
struct AccountsPage {
    shell: Shell,
    q: String,
    state: String,
    states: Vec<(&'static str, &'static str)>,
    accounts: Vec<Line>,
    pager: Pager,
}

/// An account as a line of the list.
struct Line {
    view: AccountView,
    state: &'static str,
    /// Where there is a step that helps; else empty.
    mend: String,
}

/// The accounts of the panel.
#[utoipa::path(get, path = "/app/accounts", operation_id = "panel_accounts", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn accounts(panel: Panel) -> ApiResult<HttpResponse> {
    let page: Page<AccountView> = accounts::read_page(&panel.app, &panel.caller, panel.query()?.0).await?;
    let pager = Pager::new(&panel, &page);
    let shell = panel.shell(Place::Accounts, panel.t("账号", "Accounts")).await?;
    let given = |wanted: &str| panel.query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone());
    panel.show(&AccountsPage {
        q: given("q").unwrap_or_default(),
        state: given("state").unwrap_or_default(),
        states: [
            State::Connected,
            State::Failed,
            State::Reconnecting,
            State::Connecting,
            State::Disconnected,
            State::Closed,
        ]
        .map(|state| (state.as_str(), state_name(state, &panel)))
        .into(),
        accounts: page.items.into_iter().map(|view| Line::new(view, &panel, shell.may_manage)).collect(),
        pager,
        shell,
    })
}

pub(super) fn state_name(state: State, panel: &Panel) -> &'static str {
    match state {
        State::Connected => panel.t("在线", "online"),
        State::Failed => panel.t("需要处理", "needs you"),
        State::Reconnecting => panel.t("重连中", "reconnecting"),
        State::Connecting => panel.t("连接中", "connecting"),
        State::Disconnected => panel.t("未启动", "not started"),
        State::Closed => panel.t("已断开", "closed"),
    }
}

impl Line {
    fn new(view: AccountView, panel: &Panel, may_manage: bool) -> Self {
        let state = if view.enabled { state_name(view.status.state, panel) } else { panel.t("已停用", "disabled") };
        let mend = if may_manage { mend::link(view.id, view.status.reason) } else { String::new() };
        Self { state, mend, view }
    }
}
