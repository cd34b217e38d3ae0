//! The editor of a rule, for all three kinds.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        super::{
            api::{items, keywords, rule_events, rule_figures, rule_warnings, windows::WindowView},
            error::{ApiResult, Language},
        },
        AccountChoice, AccountTicks, AccountsToTick,
        counts::counted,
        hours::{self, HourRow},
        pictures,
    },
    Panel, Place, Set, Shell, draft,
    preview::{self, Preview},
    slots::{self, Deeds, Slot},
    words,
};
use crate::{
    ids::{RuleId, Timestamp},
    reply::rule::{Matching, Rule, RuleBody, Trigger},
    store::rules::Kind,
};

#[derive(Template)]
#[template(path = "panel/rule.html")]
struct RulePage {
    shell: Shell,
    /// Of a rule that is there; empty: it is new.
    id: String,
    kind: Kind,
    heading: String,
    /// Where the form goes.
    action: String,
    method: &'static str,
    /// The mark of what is shown.
    tag: String,
    then: String,
    back: String,
    try_it: String,
    has_draft: bool,
    fields: Fields,
    accounts: AccountChoice,
    /// Each account, and whether the rule is for it.
    only: AccountTicks,
    items: Vec<(String, String, bool)>,
    /// What stands for each, and its name.
    pictures: Vec<(String, String)>,
    /// Where the form is sent to be tried.
    try_action: String,
    preview: Preview,
    matchings: Vec<(&'static str, &'static str)>,
    triggers: Vec<(&'static str, &'static str)>,
    yes_or_no: Bought,
    slots: Vec<Slot>,
    deeds: Deeds,
    hours: Vec<HourRow>,
    warnings: Vec<String>,
    used: String,
    events: Vec<EventLine>,
}

/// What stands in the fields.
struct Fields {
    account: String,
    keyword: String,
    matching: &'static str,
    trigger: &'static str,
    silent_minutes: String,
    delay_s: String,
    any_of: String,
    all_of: String,
    exclude: String,
    /// Items besides those that are offered to be ticked.
    other_items: String,
    tags: String,
    without_tags: String,
    bought_before: &'static str,
    first_contact: &'static str,
    once: bool,
    per_day: String,
    priority: String,
    enabled: bool,
    /// Something is said about hours, buyers or how often.
    has_limits: bool,
}

/// Choices about what the buyer did before.
struct Bought {
    bought: Vec<(&'static str, &'static str)>,
    first: Vec<(&'static str, &'static str)>,
}

/// What a rule for events did, or is to do.
struct EventLine {
    due_at: Timestamp,
    text: String,
    chat: String,
}

/// An empty one of the kind that `?kind=` names.
pub(super) async fn show_new(panel: &Panel, set: &Set) -> ApiResult<HttpResponse> {
    let kind = words::parse_kind(panel.given("kind")).unwrap_or(Kind::Keyword);
    let body = RuleBody {
        account: set.account,
        matching: if kind == Kind::Keyword { Matching::Contains } else { Matching::Default },
        trigger: if kind == Kind::Event { Trigger::OrderPaid } else { Trigger::Message },
        keyword: panel.given("keyword").unwrap_or_default().to_owned(),
        ..RuleBody::default()
    };
    let page = RulePage::new(panel, set, kind, body, None).await?;
    panel.show(&page)
}

pub(super) async fn show(panel: &Panel, id: RuleId) -> ApiResult<HttpResponse> {
    let rule = keywords::read_prepared(&panel.app, &panel.caller, id).await?;
    let names = super::AccountNames::read(panel).await?;
    let set = Set { account: rule.body.account, names };
    let kind = Kind::of(&rule.body);
    let page = RulePage::new(panel, &set, kind, rule.body.clone(), Some(&rule)).await?;
    panel.show(&page)
}

impl RulePage {
    async fn new(panel: &Panel, set: &Set, kind: Kind, body: RuleBody, rule: Option<&Rule>) -> ApiResult<Self> {
        let language = panel.language;
        let (items, other_items) = items_of(panel, set, &body).await?;
        let has_draft = match rule {
            Some(rule) => draft::Draft::read(panel, set).await?.has(rule.id),
            None => false,
        };
        let heading = match rule {
            Some(_) => format!("{}：{}", words::one(kind, language), words::title(&body, language)),
            None => match language {
                Language::Chinese => format!("新建{}", words::one(kind, language)),
                Language::English => format!("New: {}", words::one(kind, language)),
            },
        };
        let route = words::route(kind);
        let account = set.account.or_else(|| set.names.first(1).first().copied());
        let pictures = pictures::choices(panel, slots::images(&body.actions)).await?;
        Ok(Self {
            shell: panel.shell(Place::Rules, words::one(kind, language)).await?,
            id: rule.map(|rule| rule.id.to_string()).unwrap_or_default(),
            kind,
            heading,
            action: rule.map_or_else(|| route.to_owned(), |rule| format!("{route}/{}", rule.id)),
            method: if rule.is_some() { "PATCH" } else { "POST" },
            tag: rule.map(keywords::mark_of).unwrap_or_default(),
            then: if rule.is_some() { String::new() } else { "/app/rules/{id}".to_owned() },
            back: set.href(""),
            try_it: account.map(|id| format!("/app/sandbox?account={id}")).unwrap_or_default(),
            has_draft,
            accounts: AccountChoice::for_form(panel, body.account).await?,
            only: AccountsToTick::read(panel, "only_accounts:wholes", body.accounts.iter().copied())
                .await?
                .of_form("rule", &body.accounts),
            items,
            pictures,
            try_action: preview::action(route, rule.map(|rule| rule.id), has_draft),
            preview: Preview::of(panel, set),
            matchings: [Matching::Contains, Matching::Exact, Matching::Regex]
                .map(|matching| (matching.as_str(), words::matching(matching, language)))
                .into(),
            triggers: words::TRIGGERS.map(|trigger| (trigger.as_str(), words::trigger(trigger, language))).into(),
            yes_or_no: Bought::new(panel),
            slots: slots::of(&body.actions),
            deeds: Deeds::of(panel, &body.actions).await?,
            hours: hours::rows("conditions.hours", &windows(&body), language),
            warnings: warnings(panel, set, rule).await?,
            used: used(panel, rule).await?,
            events: events(panel, kind, rule).await?,
            fields: Fields::new(body, other_items),
        })
    }
}

fn windows(body: &RuleBody) -> Vec<WindowView> {
    body.conditions.hours.iter().copied().map(WindowView::from).collect()
}

impl Fields {
    fn new(body: RuleBody, other_items: String) -> Self {
        let lines = |words: &[String]| words.join("\n");
        let flag = |flag: Option<bool>| match flag {
            None => "",
            Some(true) => "true",
            Some(false) => "false",
        };
        let conditions = &body.conditions;
        Self {
            account: body.account.map(|id| id.to_string()).unwrap_or_default(),
            matching: body.matching.as_str(),
            trigger: body.trigger.as_str(),
            silent_minutes: if body.silent_minutes > 0 { body.silent_minutes.to_string() } else { String::new() },
            delay_s: body.delay_s.to_string(),
            any_of: lines(&body.any_of),
            all_of: lines(&body.all_of),
            exclude: lines(&body.exclude),
            other_items,
            tags: lines(&conditions.tags),
            without_tags: lines(&conditions.without_tags),
            bought_before: flag(conditions.bought_before),
            first_contact: flag(conditions.first_contact),
            once: body.once,
            per_day: body.per_day.map(|most| most.to_string()).unwrap_or_default(),
            priority: body.priority.to_string(),
            enabled: body.enabled,
            has_limits: !conditions.is_empty() || body.once || body.per_day.is_some(),
            keyword: body.keyword,
        }
    }
}

impl Bought {
    fn new(panel: &Panel) -> Self {
        Self {
            bought: vec![
                ("", panel.t("不限", "does not matter")),
                ("true", panel.t("买过的老客户", "bought from you before")),
                ("false", panel.t("没买过的新客户", "never bought from you")),
            ],
            first: vec![
                ("", panel.t("不限", "does not matter")),
                ("true", panel.t("只在会话的第一次消息", "only the first messages of a chat")),
                ("false", panel.t("只在第一次消息之后", "only after the first messages")),
            ],
        }
    }
}

/// What can be ticked, and the numbers of what else the rule is for.
async fn items_of(panel: &Panel, set: &Set, body: &RuleBody) -> ApiResult<(Vec<(String, String, bool)>, String)> {
    let of = set.account.map(|id| format!("&account={id}")).unwrap_or_default();
    let asked = super::super::asked(&format!("listed=true&per_page=100{of}"))?;
    let listed = items::list(panel.caller.clone(), asked, panel.app.clone()).await?.0.items;
    let others = body.items.iter().filter(|id| !listed.iter().any(|item| item.item_id == **id));
    let others = others.map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let shown = listed.into_iter().map(|item| {
        let is_picked = body.items.contains(&item.item_id);
        (item.item_id.to_string(), item.title, is_picked)
    });
    Ok((shown.collect(), others))
}

/// What was said when it was saved just now, or else what is doubtful about it as it is published.
async fn warnings(panel: &Panel, set: &Set, rule: Option<&Rule>) -> ApiResult<Vec<String>> {
    let just_said = draft::warnings(panel);
    let Some(rule) = rule.filter(|_| just_said.is_empty()) else { return Ok(just_said) };
    let asked = super::super::asked("per_page=200")?;
    let found = rule_warnings::set_warnings(panel.caller.clone(), set.path(), asked, panel.app.clone()).await?.0;
    Ok(found.items.into_iter().filter(|found| found.rule_id == Some(rule.id)).map(|found| found.text).collect())
}

/// How often it was used lately; empty: nothing is known.
async fn used(panel: &Panel, rule: Option<&Rule>) -> ApiResult<String> {
    let Some(rule) = rule else { return Ok(String::new()) };
    let asked = super::super::asked("days=30")?;
    let id = super::Id(rule.id);
    // A rule that is only prepared has no figures.
    let Ok(found) = rule_figures::get(panel.caller.clone(), id, asked, panel.app.clone()).await else {
        return Ok(String::new());
    };
    let counts = found.0.figures.counts;
    let (hits, orders) = (counts.hits, counts.orders);
    let within = counts.answered_within_ms.map(|ms| format!("{}.{}", ms / 1000, ms % 1000 / 100));
    Ok(match panel.language {
        Language::Chinese => {
            let within = within.map(|s| format!("，平均 {s} 秒送达")).unwrap_or_default();
            format!("近 30 天用到 {hits} 次{within}，之后带来 {orders} 笔付款订单。")
        }
        Language::English => {
            let within = within.map(|s| format!(", on average {s} s until the buyer had it")).unwrap_or_default();
            let (hits, orders) = (counted(hits, "time", "times"), counted(orders, "paid order", "paid orders"));
            format!("Used {hits} in 30 days{within}; {orders} followed.")
        }
    })
}

async fn events(panel: &Panel, kind: Kind, rule: Option<&Rule>) -> ApiResult<Vec<EventLine>> {
    let Some(rule) = rule.filter(|_| kind == Kind::Event) else { return Ok(Vec::new()) };
    let asked = super::super::asked(&format!("rule={}&per_page=10", rule.id))?;
    let page = rule_events::list(panel.caller.clone(), asked, panel.app.clone()).await?.0;
    let line = |event: rule_events::RuleEventView| EventLine {
        due_at: event.done_at.unwrap_or(event.due_at),
        text: event.text,
        chat: event.conversation,
    };
    Ok(page.items.into_iter().map(line).collect())
}

impl RulePage {
    fn is_keyword(&self) -> bool {
        self.kind == Kind::Keyword
    }

    fn is_event(&self) -> bool {
        self.kind == Kind::Event
    }

    fn has_only(&self) -> bool {
        self.only.boxes.iter().any(|account| account.is_ticked)
    }

    fn has_items(&self) -> bool {
        !self.fields.other_items.is_empty() || self.items.iter().any(|(.., on)| *on)
    }
}
