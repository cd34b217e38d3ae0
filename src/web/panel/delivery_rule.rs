//! One delivery rule: which orders it is about, what they get, and when.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            delivery_rules::{self, DeliveryRuleView},
            items,
        },
        error::{ApiResult, Language},
        input::Id,
        tag,
    },
    AccountChoice, Panel, Place, Shell,
    account_names::account_of,
    card_fields,
};
use crate::{
    delivery::rule::{Quantity, SPECS},
    ids::DeliveryRuleId,
};

/// The form's id.
const FORM: &str = "rule";
const TICKED: &str = "spec:list";
/// Cards that one rule may give.
const MOST_CARDS: usize = 10;

#[derive(Template)]
#[template(path = "panel/delivery_rule.html")]
struct RulePage {
    shell: Shell,
    form: &'static str,
    /// `None`: it is to be made.
    rule: Option<DeliveryRuleView>,
    fields: Fields,
    accounts: AccountChoice,
    /// Numbers and titles of items, to choose from.
    items: Vec<(String, String)>,
    cards: Vec<(String, String)>,
    quantities: Vec<(&'static str, &'static str)>,
    is_without_spec: bool,
}

/// What stands in the fields, if nothing else was typed.
struct Fields {
    action: String,
    tag: String,
    title: String,
    account: String,
    item: String,
    keyword: String,
    specs: Vec<Row>,
    cards: Vec<Row>,
    quantity: &'static str,
    delay_s: String,
    per_day: String,
    from: String,
    to: String,
    priority: String,
    note: String,
}

/// One of several fields of the same sort.
struct Row {
    field: String,
    usual: String,
    label: String,
}

/// A new delivery rule.
#[utoipa::path(get, path = "/app/delivery/new", operation_id = "panel_delivery_new_rule", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn new_rule(panel: Panel) -> ApiResult<HttpResponse> {
    show(&panel, None).await
}

/// Delivery rule.
#[utoipa::path(get, path = "/app/delivery/{id}", operation_id = "panel_delivery_rule", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn rule(panel: Panel, id: Id<DeliveryRuleId>) -> ApiResult<HttpResponse> {
    let rule = delivery_rules::read(&panel.app, &panel.caller, id.0).await?;
    show(&panel, Some(rule)).await
}

async fn show(panel: &Panel, rule: Option<DeliveryRuleView>) -> ApiResult<HttpResponse> {
    let fields = match &rule {
        Some(rule) => Fields::of(rule, panel),
        None => Fields::empty(panel),
    };
    let title = if rule.is_some() {
        panel.t("发货规则", "Delivery rule")
    } else {
        panel.t("新发货规则", "A new delivery rule")
    };
    let shell = panel.shell(Place::Delivery, title).await?;
    let usual = rule.as_ref().is_some_and(|rule| rule.spec.as_ref().is_some_and(Vec::is_empty));
    let cards = card_fields::all_cards(panel).await?.into_iter().map(|card| (card.id.to_string(), card.name));
    panel.show(&RulePage {
        form: FORM,
        // A box that was not ticked sends nothing.
        is_without_spec: if shell.is_refused(FORM) { shell.value(FORM, TICKED, "-").is_empty() } else { usual },
        accounts: AccountChoice::for_form(panel, account_of(Some(&fields.account))).await?,
        items: items_to_choose(panel).await?,
        cards: cards.collect(),
        quantities: vec![
            ("piece", panel.t("买几件发几份", "One for each piece that was bought")),
            ("order", panel.t("每单只发一份", "One for each order, however many pieces")),
        ],
        fields,
        rule,
        shell,
    })
}

async fn items_to_choose(panel: &Panel) -> ApiResult<Vec<(String, String)>> {
    let query = super::asked("per_page=200&listed=true")?;
    let page = items::list(panel.caller.clone(), query, panel.app.clone()).await?.0;
    Ok(page.items.into_iter().map(|item| (item.item_id.to_string(), item.title)).collect())
}

impl Fields {
    /// Of a rule to be; a page that leads here says for which item, account and card.
    fn empty(panel: &Panel) -> Self {
        let card = panel.asked_for("card");
        Self {
            action: "/api/v1/delivery-rules".to_owned(),
            tag: String::new(),
            title: panel.t("新发货规则", "A new delivery rule").to_owned(),
            account: panel.asked_for("account"),
            item: panel.asked_for("item"),
            keyword: String::new(),
            specs: specs(&[], panel),
            cards: cards(if card.is_empty() { &[] } else { std::slice::from_ref(&card) }, panel),
            quantity: "piece",
            delay_s: "0".to_owned(),
            per_day: String::new(),
            from: String::new(),
            to: String::new(),
            priority: "0".to_owned(),
            note: String::new(),
        }
    }

    fn of(rule: &DeliveryRuleView, panel: &Panel) -> Self {
        let chosen: Vec<String> = rule.cards.iter().map(ToString::to_string).collect();
        let hours = rule.hours.as_ref();
        Self {
            action: format!("/api/v1/delivery-rules/{}", rule.id),
            tag: tag::of(rule),
            title: target_of(rule, panel.language),
            account: rule.account_id.map(|id| id.to_string()).unwrap_or_default(),
            item: rule.item_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            keyword: rule.keyword.clone().unwrap_or_default(),
            specs: specs(rule.spec.as_deref().unwrap_or_default(), panel),
            cards: cards(&chosen, panel),
            quantity: match rule.quantity {
                Quantity::Piece => "piece",
                Quantity::Order => "order",
            },
            delay_s: rule.delay_s.to_string(),
            per_day: rule.per_day.map(|most| most.to_string()).unwrap_or_default(),
            from: hours.map(|hours| hours.from.clone()).unwrap_or_default(),
            to: hours.map(|hours| hours.to.clone()).unwrap_or_default(),
            priority: rule.priority.to_string(),
            note: rule.note.clone(),
        }
    }
}

fn rows(name: &str, kind: &str, label: &str, number: usize, usual: &[String]) -> Vec<Row> {
    let row = |place: usize| Row {
        field: format!("{name}.{place}{kind}"),
        usual: usual.get(place).cloned().unwrap_or_default(),
        label: card_fields::numbered(label, place),
    };
    (0..number).map(row).collect()
}

fn specs(values: &[String], panel: &Panel) -> Vec<Row> {
    rows("spec", "", panel.t("规格值", "Value"), SPECS, values)
}

fn cards(chosen: &[String], panel: &Panel) -> Vec<Row> {
    rows("cards", ":whole", panel.t("卡券", "Card"), (chosen.len() + 1).clamp(2, MOST_CARDS), chosen)
}

/// Which items a rule is about.
pub(super) fn target_of(rule: &DeliveryRuleView, language: Language) -> String {
    match (&rule.item_id, &rule.keyword, language) {
        (Some(item), _, Language::Chinese) => format!("商品 {item}"),
        (Some(item), _, Language::English) => format!("Item {item}"),
        (None, keyword, Language::Chinese) => format!("标题含“{}”", keyword.as_deref().unwrap_or_default()),
        (None, keyword, Language::English) => format!("Title contains “{}”", keyword.as_deref().unwrap_or_default()),
    }
}

/// For which specification.
pub(super) fn spec_words(spec: Option<&[String]>, panel: &Panel) -> String {
    match spec {
        None => panel.t("不限规格", "whatever the specification").to_owned(),
        Some([]) => panel.t("仅无规格的商品", "only without specification").to_owned(),
        Some(values) => values.join(" / "),
    }
}
