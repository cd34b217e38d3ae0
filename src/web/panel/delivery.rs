//! Which orders get which cards: the list of delivery rules, and what keeps items from being delivered.

use std::collections::HashMap;

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            delivery_rules::{self, DeliveryRuleView},
            readiness::{self, LackView, ReadinessView},
        },
        error::{ApiResult, Language},
        page::Page,
    },
    AccountChoice, AccountNames, Pager, Panel, Place, Shell, card_fields,
    counts::counted,
    delivery_rule::{spec_words, target_of},
};
use crate::{
    delivery::rule::Quantity,
    ids::{CardId, DeliveryRuleId, ItemId},
};

#[derive(Template)]
#[template(path = "panel/delivery.html")]
struct DeliveryPage {
    shell: Shell,
    item: String,
    card: String,
    accounts: AccountChoice,
    cards: Vec<(String, String)>,
    rules: Vec<Line>,
    pager: Pager,
    /// Items of which the next order would not be delivered.
    lacking: Vec<Lacking>,
    lacking_total: i64,
}

/// A rule as a line of the list.
struct Line {
    view: DeliveryRuleView,
    target: String,
    /// Of the item that it names, where it is known.
    title: String,
    spec: String,
    account: String,
    cards: Vec<(CardId, String)>,
    /// When and how many, in words.
    terms: Vec<String>,
    readiness: Option<Served>,
}

/// The name of a card, or nothing, and what is wrong.
type Lack = (String, String);

/// What a rule serves at the moment.
#[derive(Default, Clone)]
struct Served {
    /// Of items and their specifications.
    all: usize,
    lacks: Vec<Lack>,
}

/// An item that would not be delivered.
struct Lacking {
    title: String,
    account: String,
    why: Vec<Lack>,
    /// Where a rule for it is made; empty where one is there.
    make: String,
}

/// Delivery.
#[utoipa::path(get, path = "/app/delivery", operation_id = "panel_delivery_delivery", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn delivery(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let page = delivery_rules::list(panel.caller.clone(), panel.query()?, panel.app.clone()).await?.0;
    let pager = Pager::new(&panel, &page);
    let cards: Vec<(CardId, String)> =
        card_fields::all_cards(&panel).await?.into_iter().map(|card| (card.id, card.name)).collect();
    let known = judged(&panel, "per_page=200").await?;
    let lacking = judged(&panel, "per_page=5&verdict=not_ready").await?;
    let of_rules = page.items.iter().filter_map(|rule| rule.account_id);
    let of_items = lacking.items.iter().map(|item| item.account_id);
    let shops = AccountNames::of(&panel, of_rules.chain(of_items)).await?;
    let (served, titles) = (served(&known.items), titles(&known.items));
    let names = Names { accounts: &shops, cards: &cards.iter().cloned().collect(), titles: &titles };
    let rules = page.items.into_iter().map(|rule| {
        let readiness = served.get(&rule.id).cloned();
        Line::new(rule, readiness, &names, &panel)
    });
    panel.show(&DeliveryPage {
        shell: panel.shell(Place::Delivery, panel.t("自动发货", "Delivery")).await?,
        item: panel.asked_for("item"),
        card: panel.asked_for("card"),
        rules: rules.collect(),
        lacking: lacking.items.iter().map(|item| Lacking::new(item, &shops)).collect(),
        lacking_total: lacking.total,
        cards: cards.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
        accounts,
        pager,
    })
}

async fn judged(panel: &Panel, query: &str) -> ApiResult<Page<ReadinessView>> {
    Ok(readiness::list(panel.caller.clone(), super::asked(query)?, panel.app.clone()).await?.0)
}

fn titles(items: &[ReadinessView]) -> HashMap<ItemId, String> {
    items.iter().map(|item| (item.item_id.clone(), item.title.clone())).collect()
}

/// What each rule serves, as far as these items go.
fn served(items: &[ReadinessView]) -> HashMap<DeliveryRuleId, Served> {
    let mut served: HashMap<DeliveryRuleId, Served> = HashMap::new();
    for item in items {
        for variant in &item.variants {
            let Some(rule) = variant.rule_id else { continue };
            let rule = served.entry(rule).or_default();
            rule.all += 1;
            for lack in item.lacks.iter().chain(&variant.lacks).map(words) {
                if !rule.lacks.contains(&lack) {
                    rule.lacks.push(lack);
                }
            }
        }
    }
    served
}

fn words(lack: &LackView) -> Lack {
    (lack.card_name.clone().unwrap_or_default(), lack.text.clone())
}

/// What rules name by number.
struct Names<'a> {
    accounts: &'a AccountNames,
    cards: &'a HashMap<CardId, String>,
    titles: &'a HashMap<ItemId, String>,
}

impl Line {
    fn new(view: DeliveryRuleView, readiness: Option<Served>, names: &Names, panel: &Panel) -> Self {
        let account = view.account_id.map(|account| names.accounts.name(account));
        let card = |id: &CardId| (*id, names.cards.get(id).cloned().unwrap_or_else(|| format!("#{id}")));
        Self {
            target: target_of(&view, panel.language),
            title: view.item_id.as_ref().and_then(|item| names.titles.get(item)).cloned().unwrap_or_default(),
            spec: spec_words(view.spec.as_deref(), panel),
            account: account.unwrap_or_else(|| panel.t("所有账号", "all accounts").to_owned()),
            cards: view.cards.iter().map(card).collect(),
            terms: terms(&view, panel),
            readiness,
            view,
        }
    }
}

fn terms(rule: &DeliveryRuleView, panel: &Panel) -> Vec<String> {
    let is_chinese = panel.language == Language::Chinese;
    let quantity = match rule.quantity {
        Quantity::Piece => panel.t("买几件发几份", "one for each piece"),
        Quantity::Order => panel.t("每单发一份", "one for each order"),
    };
    let delay = match rule.delay_s {
        0 => panel.t("付款后立即发", "at once").to_owned(),
        seconds if is_chinese => format!("付款 {seconds} 秒后发"),
        seconds => format!("{seconds} s after the payment"),
    };
    let per_day = rule.per_day.map(|most| match panel.language {
        Language::Chinese => format!("每天最多 {most} 单"),
        Language::English => format!("at most {} a day", counted(most, "order", "orders")),
    });
    let hours = rule.hours.as_ref().map(|hours| format!("{}–{}", hours.from, hours.to));
    [Some(quantity.to_owned()), Some(delay), per_day, hours].into_iter().flatten().collect()
}

impl Lacking {
    fn new(item: &ReadinessView, accounts: &AccountNames) -> Self {
        let has_rule = item.variants.iter().any(|variant| variant.rule_id.is_some());
        let mut why: Vec<Lack> = Vec::new();
        for lack in item.lacks.iter().chain(item.variants.iter().flat_map(|variant| &variant.lacks)).map(words) {
            if !why.contains(&lack) {
                why.push(lack);
            }
        }
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("account", &item.account_id.to_string())
            .append_pair("item", &item.item_id.to_string())
            .finish();
        Self {
            title: if item.title.is_empty() { item.item_id.to_string() } else { item.title.clone() },
            why,
            make: if has_rule { String::new() } else { format!("/app/delivery/new?{query}") },
            account: accounts.name(item.account_id),
        }
    }
}
