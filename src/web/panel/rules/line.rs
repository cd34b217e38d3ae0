//! A rule as a line of the list.

use super::{
    super::super::{
        api::windows::WindowView,
        error::Language::{self, Chinese, English},
    },
    super::{counts::counted, hours},
    Beside, Draft, Panel, Set, words,
};
use crate::{
    ids::RuleId,
    reply::{
        condition::Conditions,
        rule::{Action, Rule, RuleBody},
    },
    store::rules::Kind,
};

/// A rule, short.
pub(in crate::web) struct Line {
    pub(super) id: RuleId,
    pub(super) route: &'static str,
    pub(super) title: String,
    /// How the keyword is looked for; empty: there is none.
    pub(super) how: &'static str,
    /// What is said or done first.
    pub(super) answer: String,
    /// How much more.
    pub(super) more: String,
    /// For whom, when, and how often.
    pub(super) facts: Vec<String>,
    /// How often it was used lately; empty: not at all.
    pub(super) used: String,
    pub(super) is_on: bool,
    /// It has a change that is not published.
    pub(super) has_draft: bool,
    /// What is said once it was switched on or off.
    pub(super) switched: &'static str,
    /// And once it was put elsewhere.
    pub(super) moved: &'static str,
    /// The numbers of the rules before and behind it; empty: there is none, or it matters not.
    pub(super) up: String,
    pub(super) down: String,
    /// And once that was taken back.
    pub(super) switched_back: &'static str,
    pub(super) warnings: Vec<String>,
}

impl Line {
    pub(super) fn new(rule: &Rule, set: &Set, beside: &Beside, draft: &Draft, panel: &Panel) -> Self {
        let (body, language) = (&rule.body, panel.language);
        let kind = Kind::of(body);
        let others = body.actions.len().saturating_sub(1);
        Self {
            id: rule.id,
            route: words::route(kind),
            title: words::title(body, language),
            how: words::matching(body.matching, language),
            answer: match body.actions.first() {
                Some(action) => words::action(action, language),
                None => language.pick("不回复", "Says nothing").to_owned(),
            },
            more: match (others, language) {
                (0, _) => String::new(),
                (_, Chinese) => format!("另有 {others} 项"),
                (_, English) => format!("and {others} more"),
            },
            facts: facts(body, set, language),
            used: used(rule.id, beside, panel),
            is_on: body.enabled,
            moved: if draft.has(rule.id) {
                kept(language)
            } else {
                language.pick("顺序已调整。", "The order is changed.")
            },
            up: String::new(),
            down: String::new(),
            switched: match (draft.has(rule.id), body.enabled) {
                (true, _) => kept(language),
                (false, true) => language.pick("已停用。", "It is off."),
                (false, false) => language.pick("已启用。", "It is on."),
            },
            switched_back: match (draft.has(rule.id), body.enabled) {
                (true, _) => language.pick("已撤回这项修改。", "The change is taken back."),
                (false, true) => language.pick("已重新启用。", "It is on again."),
                (false, false) => language.pick("已重新停用。", "It is off again."),
            },
            has_draft: draft.has(rule.id),
            warnings: beside.warnings.get(&rule.id).cloned().unwrap_or_default(),
        }
    }
}

/// What is said where it was only prepared.
fn kept(language: Language) -> &'static str {
    language.pick("已记入未发布的修改，发布后生效。", "Kept with what is not published; it holds once it is.")
}

fn used(id: RuleId, beside: &Beside, panel: &Panel) -> String {
    let Some(figures) = beside.figures.get(&id) else { return String::new() };
    let (hits, orders) = (figures.counts.hits, figures.counts.orders);
    let last = figures.last_hit_at.map(|at| panel.times.at(at));
    match (hits, last, panel.language) {
        (0, _, Chinese) => "近 30 天没有用到".to_owned(),
        (0, _, English) => "not used in 30 days".to_owned(),
        (_, last, Chinese) => {
            let last = last.map(|last| format!("，最近 {last}")).unwrap_or_default();
            let orders = if orders > 0 { format!("，带来 {orders} 笔订单") } else { String::new() };
            format!("近 30 天用到 {hits} 次{orders}{last}")
        }
        (_, last, English) => {
            let last = last.map(|last| format!(", last {last}")).unwrap_or_default();
            let orders = (orders > 0).then(|| format!(", {} followed", counted(orders, "order", "orders")));
            let orders = orders.unwrap_or_default();
            format!("used {} in 30 days{orders}{last}", counted(hits, "time", "times"))
        }
    }
}

/// For whom, when, and how often; what is usual is not said.
fn facts(body: &RuleBody, set: &Set, language: Language) -> Vec<String> {
    let mut facts = Vec::new();
    if !body.accounts.is_empty() {
        let names: Vec<String> = body.accounts.iter().map(|id| set.names.name(*id)).collect();
        let names = names.join(language.pick("、", ", "));
        facts.push(match language {
            Chinese => format!("只用于 {names}"),
            English => format!("only for {names}"),
        });
    }
    match (body.items.len(), language) {
        (0, _) => {}
        (count, Chinese) => facts.push(format!("只用于 {count} 件商品")),
        (count, English) => facts.push(format!("only for {}", counted(count, "item", "items"))),
    }
    facts.extend(conditions(&body.conditions, language));
    if body.delay_s > 0 {
        let span = super::super::times::span(body.delay_s.into(), language);
        facts.push(match language {
            Chinese => format!("延迟 {span}"),
            English => format!("after {span}"),
        });
    }
    if body.once {
        facts.push(language.pick("每个会话一次", "once in a chat").to_owned());
    }
    if let Some(most) = body.per_day {
        facts.push(match language {
            Chinese => format!("每位买家每天最多 {most} 次"),
            English => format!("at most {} a day and buyer", counted(most, "time", "times")),
        });
    }
    if body.actions.iter().any(|action| matches!(action, Action::HandOver(_))) {
        facts.push(language.pick("转人工", "left to a person").to_owned());
    }
    facts
}

fn conditions(conditions: &Conditions, language: Language) -> Vec<String> {
    let Conditions { hours: windows, tags, without_tags, bought_before, first_contact } = conditions;
    let mut facts: Vec<String> =
        windows.iter().map(|window| hours::words(&WindowView::from(*window), language)).collect();
    let listed = |tags: &[String]| tags.join(language.pick("、", ", "));
    if !tags.is_empty() {
        facts.push(format!("{}{}", language.pick("买家标签：", "buyers tagged "), listed(tags)));
    }
    if !without_tags.is_empty() {
        facts.push(format!("{}{}", language.pick("排除标签：", "not those tagged "), listed(without_tags)));
    }
    facts.extend(bought_before.map(|bought| {
        if bought {
            language.pick("只对老客户", "who bought before")
        } else {
            language.pick("只对新客户", "who never bought")
        }
        .to_owned()
    }));
    facts.extend(first_contact.map(|first| {
        if first {
            language.pick("只在首次咨询", "first message of a chat")
        } else {
            language.pick("首次咨询之后", "after the first message")
        }
        .to_owned()
    }));
    facts
}
