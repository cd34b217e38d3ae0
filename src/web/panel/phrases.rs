//! Quick phrases: what people often write, ready to be sent.

use std::collections::HashMap;

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            accounts,
            quick_phrases::{self, PhraseReach, QuickPhraseView},
        },
        error::ApiResult,
    },
    Pager, Panel, Place, Shell, asked,
};
use crate::ids::AccountId;

#[derive(Template)]
#[template(path = "panel/phrases.html")]
struct PhrasesPage {
    shell: Shell,
    q: String,
    account: String,
    /// Numbers and names.
    accounts: Vec<(String, String)>,
    phrases: Vec<Line>,
    pager: Pager,
    /// For whom the phrase is that is being added: `own`, `account` or `all`.
    reach: &'static str,
    reaches: Vec<Choice>,
}

/// A phrase of the list.
struct Line {
    view: QuickPhraseView,
    whose: String,
    may_change: bool,
    /// The id of the form that changes it.
    form: String,
}

/// For whom a phrase may be made.
struct Choice {
    name: &'static str,
    href: String,
    is_here: bool,
}

/// The quick phrases of the panel.
#[utoipa::path(get, path = "/app/phrases", operation_id = "panel_phrases_phrases", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn phrases(mut panel: Panel) -> ApiResult<HttpResponse> {
    let shell = panel.shell(Place::Chats, panel.t("快捷短语", "Quick phrases")).await?;
    let is_whole = panel.caller.scope.is_whole();
    let reach = match panel.take("for").as_deref() {
        Some("account") => PhraseReach::Account,
        Some("all") if is_whole => PhraseReach::All,
        _ => PhraseReach::Own,
    };
    let page = quick_phrases::list(panel.caller.clone(), panel.query()?, panel.app.clone()).await?.0;
    let shops = accounts::read_page(&panel.app, &panel.caller, asked("per_page=200")?.0).await?.items;
    let names: HashMap<AccountId, String> = shops.iter().map(|shop| (shop.id, shop.name.clone())).collect();
    let given = |wanted: &str| panel.query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.clone());
    let choices = [PhraseReach::Own, PhraseReach::Account, PhraseReach::All].into_iter();
    let choice = |choice: PhraseReach| Choice {
        name: reach_name(choice, &panel),
        href: panel.href_with("for", reach_code(choice)),
        is_here: choice == reach,
    };
    let pager = Pager::new(&panel, &page);
    panel.show(&PhrasesPage {
        shell,
        q: given("q").unwrap_or_default(),
        account: given("account").unwrap_or_default(),
        accounts: shops.into_iter().map(|shop| (shop.id.to_string(), shop.name)).collect(),
        reach: reach_code(reach),
        reaches: choices.filter(|reach| *reach != PhraseReach::All || is_whole).map(choice).collect(),
        phrases: page.items.into_iter().map(|view| Line::new(view, &panel, &names)).collect(),
        pager,
    })
}

fn reach_code(reach: PhraseReach) -> &'static str {
    match reach {
        PhraseReach::Own => "own",
        PhraseReach::Account => "account",
        PhraseReach::All => "all",
    }
}

fn reach_name(reach: PhraseReach, panel: &Panel) -> &'static str {
    match reach {
        PhraseReach::Own => panel.t("只有我自己", "me alone"),
        PhraseReach::Account => panel.t("某个账号的人", "who sees one account"),
        PhraseReach::All => panel.t("全店的人", "everybody of the shop"),
    }
}

impl Line {
    fn new(view: QuickPhraseView, panel: &Panel, names: &HashMap<AccountId, String>) -> Self {
        let whose = match view.account_id.and_then(|id| names.get(&id)) {
            Some(name) => name.clone(),
            None => reach_name(view.reach, panel).to_owned(),
        };
        let may_change = view.reach != PhraseReach::All || panel.caller.scope.is_whole();
        Self { form: format!("phrase-{}", view.id), whose, may_change, view }
    }
}
