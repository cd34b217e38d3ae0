//! What was published of a set, and the way back.

use actix_web::{HttpResponse, web::Path};
use askama::Template;

use super::{
    super::super::{
        api::rule_sets::{self, RuleChangeView, VersionView},
        error::{ApiResult, Language},
        page::{PageNumber, PerPage},
    },
    AccountChoice, Pager, Panel, Place, Set, Shell, draft, words,
};

#[derive(Template)]
#[template(path = "panel/rule_versions.html")]
struct VersionsPage {
    shell: Shell,
    accounts: AccountChoice,
    account: String,
    set_name: String,
    lines: Vec<Line>,
    pager: Pager,
    here: String,
}

struct Line {
    view: VersionView,
    cause: &'static str,
    counts: String,
    /// What it changed, where that was asked for.
    changes: Vec<(&'static str, String, String)>,
    is_open: bool,
    open: String,
    /// It holds now.
    is_newest: bool,
    sure: String,
}

#[derive(serde::Deserialize)]
struct PageQuery {
    page: Option<PageNumber>,
    per_page: Option<PerPage>,
}

pub(super) async fn show(panel: &Panel, set: &Set, accounts: AccountChoice) -> ApiResult<HttpResponse> {
    let PageQuery { page, per_page } = panel.query()?.0;
    let query = format!("page={}&per_page={}", page.map_or(1, PageNumber::get), per_page.map_or(30, PerPage::get));
    let (who, data) = (|| panel.caller.clone(), || panel.app.clone());
    let versions = rule_sets::versions(who(), set.path(), super::super::asked(&query)?, data()).await?.0;
    let pager = Pager::new(panel, &versions);
    let open = panel.given("version").and_then(super::super::super::input::whole);
    let mut lines = Vec::new();
    for (place, view) in versions.items.into_iter().enumerate() {
        let is_open = open == Some(view.number);
        let changes = if is_open {
            let path = Path::from((set.name(), view.number.to_string()));
            rule_sets::version(who(), path, data()).await?.0.changes
        } else {
            Vec::new()
        };
        let is_newest = versions.page == 1 && place == 0;
        lines.push(Line::new(view, changes, (is_open, is_newest), panel));
    }
    panel.show(&VersionsPage {
        shell: panel.shell(Place::Rules, panel.t("自动回复的历史版本", "Earlier answers")).await?,
        accounts,
        account: set.number(),
        set_name: set.name(),
        lines,
        pager,
        here: set.href(""),
    })
}

impl Line {
    fn new(view: VersionView, changes: Vec<RuleChangeView>, (is_open, is_newest): (bool, bool), panel: &Panel) -> Self {
        let language = panel.language;
        let VersionView { number, added, changed, removed, .. } = view;
        let told = |change: RuleChangeView| {
            let rule = change.after.as_ref().or(change.before.as_ref());
            let title = rule.map(|rule| words::title_of_view(rule, language)).unwrap_or_default();
            (words::change(change.change, language), title, draft::fields(&change.differs, language))
        };
        Self {
            cause: words::cause(&view.cause, language),
            counts: match language {
                Language::Chinese => format!("新增 {added} · 修改 {changed} · 删除 {removed}"),
                Language::English => format!("{added} new · {changed} changed · {removed} removed"),
            },
            changes: changes.into_iter().map(told).collect(),
            is_open,
            open: panel.href_with("version", &if is_open { String::new() } else { number.to_string() }),
            is_newest,
            sure: match language {
                Language::Chinese => {
                    format!("恢复到版本 {number} 之后的样子？之后的修改会被撤回，此操作本身也可以再恢复。")
                }
                Language::English => format!(
                    "Make the rules again what they were after version {number}? Later changes are taken back; this can be undone as well."
                ),
            },
            view,
        }
    }
}
