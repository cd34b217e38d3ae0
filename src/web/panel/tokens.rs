//! Tokens: what lets one's own programs in.

use actix_web::HttpResponse;
use askama::Template;
use serde_json::Value;

use super::{
    super::{
        api::tokens::{self as api, TokenView},
        error::{ApiResult, Language},
    },
    AccountNames, AccountTicks, AccountsToTick, Pager, Panel, Place, Shell,
};
use crate::{access::token::Access, platform::hours::DAY};

/// The form that makes one.
const NEW: &str = "new-token";

#[derive(Template)]
#[template(path = "panel/tokens.html")]
struct TokensPage {
    shell: Shell,
    /// Shown this once; empty: none was made just now.
    made: String,
    made_name: String,
    tokens: Vec<Line>,
    pager: Pager,
    reaches: Vec<(&'static str, &'static str)>,
    lives: Vec<(String, String)>,
    accounts: AccountTicks,
    has_accounts: bool,
    /// Whether the documentation of the API is shown.
    docs: bool,
    example: String,
}

/// A token as a line.
struct Line {
    view: TokenView,
    reach: &'static str,
    accounts: String,
    has_expired: bool,
}

/// Tokens.
#[utoipa::path(get, path = "/app/tokens", operation_id = "panel_tokens_tokens", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn tokens(panel: Panel) -> ApiResult<HttpResponse> {
    let page = api::list(panel.caller.clone(), panel.query()?, panel.app.clone()).await?.0;
    let named = page.items.iter().filter_map(|token| token.accounts.as_ref()).flatten().copied();
    let names = AccountNames::of(&panel, named).await?;
    let to_tick = AccountsToTick::read(&panel, "accounts:wholes", []).await?;
    let made = panel.answer_to(NEW);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let token = text(made.map(|made| &made["token"]));
    panel.show(&TokensPage {
        shell: panel.shell(Place::Tokens, panel.t("访问令牌", "Tokens")).await?,
        made_name: text(made.map(|made| &made["details"]["name"])),
        example: example(&panel, &token),
        made: token,
        pager: Pager::new(&panel, &page),
        tokens: page.items.into_iter().map(|view| Line::new(view, &names, &panel)).collect(),
        reaches: [Access::Read, Access::Write].map(|access| (access.as_str(), reach(access, &panel))).into(),
        lives: lives(&panel),
        accounts: to_tick.of_form(NEW, &[]),
        has_accounts: !to_tick.is_empty(),
        docs: panel.app.settings.server.docs,
    })
}

impl Line {
    fn new(view: TokenView, names: &AccountNames, panel: &Panel) -> Self {
        let accounts = match &view.accounts {
            None => panel.t("全部账号，包括以后添加的", "all accounts, those to come included").to_owned(),
            Some(ids) if ids.is_empty() => panel.t("没有账号", "no account").to_owned(),
            Some(ids) => names.several(ids, panel),
        };
        let has_expired = view.expires_at.is_some_and(|at| at <= panel.now);
        Self { reach: reach(view.access, panel), accounts, has_expired, view }
    }
}

fn reach(access: Access, panel: &Panel) -> &'static str {
    match access {
        Access::Read => panel.t("只能查看", "may look only"),
        Access::Write => panel.t("可查看和操作", "may look and change"),
    }
}

/// The moments at which a token may end: midnights, so that a choice stays the same all day.
fn lives(panel: &Panel) -> Vec<(String, String)> {
    let after = |days: i64| {
        let text = match panel.language {
            Language::Chinese => format!("{days} 天"),
            Language::English => format!("{days} days"),
        };
        let end = panel.times.end_of(panel.times.days_after_today(days));
        // So long at most, also where clocks are put back meanwhile.
        let end = end.map(|end| end.0.min(panel.times.day_start().0 + (days + 1) * DAY));
        (end.map(|end| end.to_string()).unwrap_or_default(), text)
    };
    let never = (String::new(), panel.t("不过期", "It does not expire").to_owned());
    [7, 30, 90, 365].map(after).into_iter().chain([never]).collect()
}

fn example(panel: &Panel, token: &str) -> String {
    let token = if token.is_empty() { panel.t("您的令牌", "YOUR_TOKEN") } else { token };
    let address = &panel.origin;
    format!("curl -H \"Authorization: Bearer {token}\" \"{address}/api/v1/accounts\"")
}
