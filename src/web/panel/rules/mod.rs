//! Automatic answers: the rules of an account, or those that all accounts share.

mod draft;
mod editor;
mod history;
mod line;
mod order;
mod preview;
mod slots;
pub(super) mod words;

use std::collections::HashMap;

use actix_web::{HttpResponse, web::Path};
use askama::Template;
use serde::Deserialize;

use self::{draft::Draft, line::Line};
use super::{
    super::{
        api::{
            keywords,
            rule_figures::{self, RuleFiguresView},
            rule_sets, rule_warnings,
        },
        error::{ApiResult, Language},
        input::{self, Id},
        page::{Page, PageNumber, Paging},
    },
    AccountChoice, Pager, Panel, Place, Shell,
    account_names::{AccountNames, account_of},
};
use crate::{
    access::role::Right,
    ids::{AccountId, RuleId},
    store::rules::{Filter, Kind, Reach},
};

/// Of each kind, where all are shown.
const FEW: i64 = 20;
/// Days over which it is counted how often a rule was used.
const DAYS: i64 = 30;

#[derive(Template)]
#[template(path = "panel/rules.html")]
struct RulesPage {
    shell: Shell,
    accounts: AccountChoice,
    /// Empty: the shared rules.
    account: String,
    set_name: String,
    q: String,
    enabled: String,
    kind: &'static str,
    groups: Vec<Group>,
    pager: Option<Pager>,
    draft: Draft,
    /// What was said when the last change was saved.
    warnings: Vec<String>,
    is_filtered: bool,
    exports: Vec<(&'static str, String)>,
    import: ImportReport,
}

/// The rules of one kind.
struct Group {
    name: &'static str,
    hint: &'static str,
    kind: &'static str,
    /// Where rules of this kind are in the API.
    route: &'static str,
    /// It matters which stands first.
    is_ordered: bool,
    /// The place of the first that is shown.
    first: i64,
    lines: Vec<Line>,
    total: i64,
    /// Where all of them are; empty: these are all.
    all: String,
    add: String,
}

#[derive(Default)]
struct ImportReport {
    said: String,
    problems: Vec<String>,
}

/// What the page itself reads of its address.
#[derive(Debug, Deserialize)]
struct RulesQuery {
    page: Option<PageNumber>,
    q: Option<input::Line<1, 64>>,
    enabled: Option<bool>,
}

/// Whose rules are shown.
struct Set {
    account: Option<AccountId>,
    names: AccountNames,
}

impl Set {
    async fn read(panel: &Panel) -> ApiResult<Self> {
        let account = account_of(panel.given("account"));
        Ok(Self { account, names: AccountNames::read(panel).await? })
    }

    /// As the API names it.
    fn name(&self) -> String {
        rule_sets::name_of(self.account)
    }

    fn path(&self) -> Path<String> {
        Path::from(self.name())
    }

    /// As addresses of pages name it; empty for the shared one.
    fn number(&self) -> String {
        self.account.map(|id| id.to_string()).unwrap_or_default()
    }

    /// For queries of the API.
    fn asked(&self) -> String {
        self.account.map_or_else(|| "global=true".to_owned(), |id| format!("account={id}"))
    }

    fn reach(&self) -> Reach {
        self.account.map_or(Reach::Everywhere, Reach::In)
    }

    fn href(&self, more: &str) -> String {
        let account = self.account.map(|id| format!("account={id}")).unwrap_or_default();
        let query = [account.as_str(), more].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        if query.is_empty() { "/app/rules".to_owned() } else { format!("/app/rules?{query}") }
    }
}

/// What is said of each rule besides itself.
struct Beside {
    figures: HashMap<RuleId, RuleFiguresView>,
    warnings: HashMap<RuleId, Vec<String>>,
}

impl Beside {
    async fn read(panel: &Panel, set: &Set) -> ApiResult<Self> {
        let (who, data) = (|| panel.caller.clone(), || panel.app.clone());
        let asked = super::asked(&format!("{}&days={DAYS}&per_page=200", set.asked()))?;
        let figures = rule_figures::list(who(), asked, data()).await?.0;
        let found = rule_warnings::set_warnings(who(), set.path(), super::asked("per_page=200")?, data()).await?.0;
        let mut warnings: HashMap<RuleId, Vec<String>> = HashMap::new();
        for warning in found.items {
            if let Some(id) = warning.rule_id {
                warnings.entry(id).or_default().push(warning.text);
            }
        }
        Ok(Self { figures: figures.items.into_iter().map(|of| (of.rule_id, of)).collect(), warnings })
    }
}

/// Automatic answers.
#[utoipa::path(get, path = "/app/rules", operation_id = "panel_rules_rules", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn rules(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let set = Set::read(&panel).await?;
    if panel.given("tab") == Some("versions") {
        return history::show(&panel, &set, accounts).await;
    }
    let only = words::parse_kind(panel.given("kind"));
    let query: RulesQuery = panel.query()?.0;
    let text = query.q.map(input::Line::into_string);
    let (draft, beside) = (Draft::read(&panel, &set).await?, Beside::read(&panel, &set).await?);
    let mut groups = Vec::new();
    let mut pager = None;
    for kind in [Kind::Keyword, Kind::DefaultReply, Kind::Event] {
        if only.is_some_and(|only| only != kind) {
            continue;
        }
        let paging = match only {
            Some(_) => Paging::new(query.page, None),
            None => Paging::new(None, input::Whole::parse(FEW).ok()),
        };
        let filter = Filter {
            reach: Some(set.reach()),
            kind: Some(kind),
            text: text.clone(),
            enabled: query.enabled,
            ..Filter::default()
        };
        let (found, total) = keywords::read_page(&panel.app, &panel.caller, filter.clone(), paging).await?;
        let mut lines: Vec<Line> =
            found.into_iter().map(|rule| Line::new(&rule, &set, &beside, &draft, &panel)).collect();
        if kind != Kind::DefaultReply && panel.may(Right::Manage) {
            order::between_neighbours(&mut lines, &panel, &filter, paging.part(), total).await?;
        }
        let page = paging.answer(lines, total);
        if only.is_some() {
            pager = Some(Pager::new(&panel, &page));
        }
        groups.push(Group::new(kind, page, only.is_some(), &set, &panel));
    }
    let set_path = set.name();
    let page = RulesPage {
        shell: panel.shell(Place::Rules, panel.t("自动回复", "Answers")).await?,
        accounts,
        account: set.number(),
        q: text.clone().unwrap_or_default(),
        enabled: panel.given("enabled").unwrap_or_default().to_owned(),
        kind: only.map(words::kind_name).unwrap_or_default(),
        is_filtered: text.is_some() || query.enabled.is_some(),
        groups,
        pager,
        draft,
        warnings: ["toggle", "publish", "move"].into_iter().flat_map(|form| warnings_of(&panel, form)).collect(),
        exports: [("Excel", "xlsx"), ("CSV", "csv"), ("JSON", "json")]
            .map(|(name, format)| (name, format!("/api/v1/rule-sets/{set_path}/export?format={format}")))
            .into(),
        import: ImportReport::of(&panel),
        set_name: set_path,
    };
    panel.show(&page)
}

/// What the API warned of when it saved the form that led here.
fn warnings_of(panel: &Panel, form: &str) -> Vec<String> {
    let warnings = panel.answer_to(form).and_then(|answer| answer["warnings"].as_array());
    let texts = warnings.into_iter().flatten().filter_map(|warning| warning["text"].as_str());
    texts.map(str::to_owned).collect()
}

impl Group {
    fn new(kind: Kind, page: Page<Line>, is_alone: bool, set: &Set, panel: &Panel) -> Self {
        let name = words::kind_name(kind);
        let shown = i64::try_from(page.items.len()).unwrap_or(0);
        let account = set.account.map(|id| format!("&account={id}")).unwrap_or_default();
        Self {
            name: words::kind(kind, panel.language),
            hint: match kind {
                Kind::Keyword => panel.t(
                    "买家的消息符合关键词时回复。排在前面的先用，只用一条；只用于某些商品的规则总是比其他规则优先。",
                    "Answer when a buyer's message fits the keyword. The first that fits is used, and only that one; rules for certain items always go before others.",
                ),
                Kind::DefaultReply => panel.t(
                    "没有关键词规则匹配、AI 也没有回复时发送。",
                    "Sent when no keyword rule matches and the AI has no answer.",
                ),
                Kind::Event => panel.t(
                    "不等买家发消息：下单、付款、发货等发生时，或会话安静一段时间后自动执行。",
                    "Not for messages: done when an order is placed, paid or shipped, or when a chat has been silent for a while.",
                ),
            },
            kind: name,
            route: words::route(kind),
            is_ordered: kind != Kind::DefaultReply && panel.may(Right::Manage) && page.total > 1,
            first: (page.page - 1) * page.per_page + 1,
            lines: page.items,
            total: page.total,
            all: if is_alone || shown >= page.total { String::new() } else { panel.href_with("kind", name) },
            add: format!("/app/rules/new?kind={name}{account}"),
        }
    }
}

impl ImportReport {
    fn of(panel: &Panel) -> Self {
        let Some(answer) = panel.answer_to("import") else { return Self::default() };
        let count = |name: &str| answer[name].as_u64().unwrap_or(0);
        let (added, updated, unchanged, errors) =
            (count("added"), count("updated"), count("unchanged"), count("errors"));
        let removed = answer["removed"].as_array().map_or(0, Vec::len);
        let tried = answer["dry_run"].as_bool().unwrap_or(false) || errors > 0;
        let said = match (panel.language, tried) {
            (Language::Chinese, true) => format!(
                "尚未写入。文件中新增 {added} 条，更新 {updated} 条，不变 {unchanged} 条，删除 {removed} 条，有错误 {errors} 条。"
            ),
            (Language::Chinese, false) => {
                format!("新增 {added} 条，更新 {updated} 条，不变 {unchanged} 条，删除 {removed} 条。")
            }
            (Language::English, true) => format!(
                "Nothing was written. The file would add {added}, change {updated}, leave {unchanged} and remove {removed}; {errors} cannot be read."
            ),
            (Language::English, false) => {
                format!("{added} added, {updated} changed, {unchanged} as before, {removed} removed.")
            }
        };
        let rows = answer["rows"].as_array().into_iter().flatten();
        let problems = rows.flat_map(|row| {
            let number = row["row"].as_u64().unwrap_or(0);
            let problems = row["problems"].as_array().into_iter().flatten();
            problems.filter_map(move |problem| Some((number, problem["problem"].as_str()?)))
        });
        let told = |(row, problem): (u64, &str)| match panel.language {
            Language::Chinese => format!("第 {row} 行：{problem}"),
            Language::English => format!("Row {row}: {problem}"),
        };
        Self { said, problems: problems.take(50).map(told).collect() }
    }
}

/// A new rule.
#[utoipa::path(get, path = "/app/rules/new", operation_id = "panel_rules_new_rule", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn new_rule(panel: Panel) -> ApiResult<HttpResponse> {
    let set = Set::read(&panel).await?;
    editor::show_new(&panel, &set).await
}

/// A rule.
#[utoipa::path(get, path = "/app/rules/{id}", operation_id = "panel_rules_rule", tag = "pages", params(("id" = i64, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn rule(panel: Panel, id: Id<RuleId>) -> ApiResult<HttpResponse> {
    editor::show(&panel, id.0).await
}
