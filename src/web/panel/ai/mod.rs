//! The AI and the other sources of answers: what waits for approval, what is set, what it used.

mod settings;
mod sources;
mod suggestions;
mod trial;
mod usage;
mod words;

use actix_web::HttpResponse;
use askama::Template;

use self::{settings::Settings, sources::Sources, suggestions::Suggestions, trial::Trial, usage::Usage};
use super::{super::error::ApiResult, AccountChoice, Panel, Place, Shell};
use crate::{access::role::Right, ids::AccountId};

#[derive(Template)]
#[template(path = "panel/ai.html")]
struct AiPage {
    shell: Shell,
    tab: &'static str,
    tabs: Vec<(&'static str, &'static str, String)>,
    accounts: AccountChoice,
    /// What no account stands for; empty: one must be chosen.
    everybody: &'static str,
    suggestions: Option<Suggestions>,
    sources: Option<Sources>,
    settings: Option<Settings>,
    trial: Option<Trial>,
    usage: Option<Usage>,
}

const TABS: [&str; 5] = ["suggestions", "sources", "settings", "try", "usage"];

/// The AI.
#[utoipa::path(get, path = "/app/ai", operation_id = "panel_ai_ai", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn ai(mut panel: Panel) -> ApiResult<HttpResponse> {
    let mut accounts = AccountChoice::read(&mut panel).await?;
    let wanted = accounts.id();
    let tab = TABS.into_iter().find(|tab| panel.given("tab") == Some(*tab)).unwrap_or("suggestions");
    let everybody = everybody(tab, &panel);
    let account = if everybody.is_empty() { accounts.id_or_first() } else { wanted };
    let mut page = AiPage {
        shell: panel.shell(Place::Ai, panel.t("AI 与回复来源", "The AI and other sources")).await?,
        tab,
        tabs: TABS.map(|name| (name, tab_name(name, &panel), href(name, wanted))).into(),
        accounts,
        everybody,
        suggestions: None,
        sources: None,
        settings: None,
        trial: None,
        usage: None,
    };
    match (tab, account) {
        ("suggestions", _) => page.suggestions = Some(Suggestions::read(&panel, account).await?),
        ("usage", _) => page.usage = Some(Usage::read(&panel, account).await?),
        ("settings", None) if panel.may(Right::Administer) => page.settings = Some(Settings::of_system(&panel).await?),
        ("settings", Some(id)) => page.settings = Some(Settings::of_account(&panel, id).await?),
        ("sources", Some(id)) => page.sources = Some(Sources::read(&panel, id).await?),
        ("try", Some(id)) => page.trial = Some(Trial::read(&panel, id)),
        (_, _) => {}
    }
    panel.show(&page)
}

fn tab_name(tab: &str, panel: &Panel) -> &'static str {
    match tab {
        "sources" => panel.t("回复来源", "Sources"),
        "settings" => panel.t("AI 设置", "Settings"),
        "try" => panel.t("试用", "Try it"),
        "usage" => panel.t("用量与费用", "Use and cost"),
        _ => panel.t("待确认的回复", "To approve"),
    }
}

fn everybody(tab: &str, panel: &Panel) -> &'static str {
    match tab {
        "suggestions" | "usage" => panel.t("全部账号", "All accounts"),
        "settings" if panel.may(Right::Administer) => panel.t("所有账号的默认设置", "What holds for all accounts"),
        _ => "",
    }
}

fn href(tab: &str, account: Option<AccountId>) -> String {
    let account = account.map(|id| format!("&account={id}")).unwrap_or_default();
    format!("/app/ai?tab={tab}{account}")
}
