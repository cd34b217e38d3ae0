//! Quick phrases: what people often write, ready to be sent.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::quick_phrases::{self, PhraseReach, QuickPhraseView},
        error::ApiResult,
    },
    AccountChoice, AccountNames, Pager, Panel, Place, Shell,
};

#[derive(Template)]
#[template(path = "panel/phrases.html")]
struct PhrasesPage {
    shell: Shell,
    q: String,
    accounts: AccountChoice,
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
    let accounts = AccountChoice::read(&mut panel).await?;
    let shell = panel.shell(Place::Chats, panel.t("快捷短语", "Quick phrases")).await?;
    let is_whole = panel.caller.scope.is_whole();
    let reach = match panel.take("for").as_deref() {
        Some("account") => PhraseReach::Account,
        Some("all") if is_whole => PhraseReach::All,
        _ => PhraseReach::Own,
    };
    let page = quick_phrases::list(panel.caller.clone(), panel.query()?, panel.app.clone()).await?.0;
    let names = AccountNames::of(&panel, page.items.iter().filter_map(|phrase| phrase.account_id)).await?;
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
        accounts,
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
    fn new(view: QuickPhraseView, panel: &Panel, names: &AccountNames) -> Self {
        let whose = match view.account_id.and_then(|id| names.known(id)) {
            Some(name) => name.to_owned(),
            None => reach_name(view.reach, panel).to_owned(),
        };
        let may_change = view.reach != PhraseReach::All || panel.caller.scope.is_whole();
        Self { form: format!("phrase-{}", view.id), whose, may_change, view }
    }
}
