//! An item: what the platform tells, what its seller adds, what is answered about it, and whether its next order would be delivered.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            cards, delivery_rules,
            delivery_rules::DeliveryRuleView,
            items::{self, ItemKey, ItemPageView},
            keywords,
            readiness::{self, LackView, VariantView},
            rule_fields::KeywordView,
            tables::yuan,
        },
        error::ApiResult,
        tag,
    },
    AccountNames, Panel, Place, Shell, item_words,
    places_of_lacks::{self, Mend},
};
use crate::{
    access::role::Right,
    delivery::rule::Quantity,
    ids::{CardId, DeliveryRuleId, RuleId},
    platform::mtop::item::{ItemStatus, page_of},
};

#[derive(Template)]
#[template(path = "panel/item.html")]
struct ItemPage {
    shell: Shell,
    view: ItemPageView,
    tag: String,
    account: String,
    status: &'static str,
    picture: String,
    /// Its address on the platform.
    outside: String,
    look: &'static str,
    /// Empty: nobody can buy it, so nobody asks.
    verdict: &'static str,
    lacks: Vec<(LackView, Mend)>,
    variants: Vec<VariantLine>,
    specs: Vec<SpecLine>,
    floor: String,
    keywords: Vec<KeywordLine>,
    rules: Vec<RuleLine>,
    may_polish: bool,
}

/// One of the things that it is sold as, as a delivery sees it.
struct VariantLine {
    /// Empty: it has no specifications.
    spec: String,
    rule: Option<DeliveryRuleId>,
    /// Orders for which the stock lasts.
    left: Option<i64>,
    lacks: Vec<(LackView, Mend)>,
}

/// One of the things that it is sold as, as the platform tells it.
struct SpecLine {
    name: String,
    price: String,
    stock: Option<i64>,
}

/// A keyword rule for this item alone.
struct KeywordLine {
    id: RuleId,
    name: String,
    enabled: bool,
}

/// A delivery rule that names this item.
struct RuleLine {
    id: DeliveryRuleId,
    /// Empty: whatever the specification.
    spec: String,
    enabled: bool,
    each: &'static str,
    note: String,
    cards: Vec<(CardId, String)>,
}

/// Item.
#[utoipa::path(get, path = "/app/items/{account}/{item}", operation_id = "panel_items_item", tag = "pages", params(("account" = String, Path), ("item" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn item(panel: Panel, key: ItemKey) -> ApiResult<HttpResponse> {
    let view = items::shown(&panel.app, &panel.caller, &key).await?;
    let all = readiness::of_items(&panel.app, &panel.caller, vec![key.item.clone()]).await?;
    let judged = all.into_iter().find(|judged| judged.account_id == key.account);
    let account = AccountNames::of(&panel, [key.account]).await?.name(key.account);
    let keywords = keywords_of(&panel, &view).await?;
    let rules = rules(&panel, &key).await?;
    let item = &view.item;
    let title = if item.title.is_empty() { item.item_id.to_string() } else { item.title.clone() };
    let shell = panel.shell(Place::Items, title).await?;
    let (look, verdict) = judged.as_ref().map(|judged| item_words::verdict(judged.verdict, &panel)).unwrap_or_default();
    let (lacks, variants) = judged.map(|judged| (judged.lacks, judged.variants)).unwrap_or_default();
    let variant = |variant: VariantView| VariantLine::new(variant, &key, &panel);
    panel.show(&ItemPage {
        tag: tag::of(&view),
        account,
        status: item_words::status(item.status, &panel),
        picture: item_words::picture(item),
        outside: page_of(&item.item_id),
        look,
        verdict,
        lacks: places_of_lacks::with_places(lacks, key.account, &panel),
        variants: variants.into_iter().map(variant).collect(),
        specs: specs(&view, &shell),
        floor: item.floor_fen.map(yuan).unwrap_or_default(),
        keywords,
        rules,
        may_polish: shell.may_manage && item.status == ItemStatus::OnSale && !item.polished_today,
        view,
        shell,
    })
}

/// The keyword rules for this item alone.
async fn keywords_of(panel: &Panel, view: &ItemPageView) -> ApiResult<Vec<KeywordLine>> {
    let query = super::asked(&format!("per_page=200&item={}", view.item.item_id))?;
    let all = keywords::list(panel.caller.clone(), query, panel.app.clone()).await?.0;
    let here = all.items.into_iter().filter(|rule| view.keyword_ids.contains(&rule.id));
    Ok(here.map(KeywordLine::new).collect())
}

/// The delivery rules that name this item; none for who may not see them.
async fn rules(panel: &Panel, key: &ItemKey) -> ApiResult<Vec<RuleLine>> {
    if !panel.may(Right::Manage) || !panel.caller.scope.is_whole() {
        return Ok(Vec::new());
    }
    let who = || panel.caller.clone();
    let query = super::asked(&format!("per_page=200&item={}", key.item))?;
    let named = delivery_rules::list(who(), query, panel.app.clone()).await?.0;
    let known = cards::list(who(), super::asked("per_page=200")?, panel.app.clone()).await?.0;
    let name = |id: CardId| {
        let found = known.items.iter().find(|card| card.id == id);
        found.map_or_else(|| format!("{} {id}", panel.t("卡券", "Card")), |card| card.name.clone())
    };
    let here = named.items.into_iter().filter(|rule| rule.account_id.is_none_or(|account| account == key.account));
    Ok(here.map(|rule| RuleLine::new(rule, &name, panel)).collect())
}

fn specs(view: &ItemPageView, shell: &Shell) -> Vec<SpecLine> {
    let line = |spec: &items::SpecView| SpecLine {
        name: in_line(&spec.properties),
        price: spec.price_fen.map(|price| shell.money(&price)).unwrap_or_default(),
        stock: spec.stock,
    };
    view.item.specs.iter().map(line).collect()
}

fn in_line(properties: &[items::PropertyView]) -> String {
    let parts: Vec<String> = properties.iter().map(|part| format!("{}: {}", part.name, part.value)).collect();
    parts.join("; ")
}

impl VariantLine {
    fn new(variant: VariantView, key: &ItemKey, panel: &Panel) -> Self {
        let VariantView { spec, rule_id, lacks, orders_left } = variant;
        let lacks = places_of_lacks::with_places(lacks, key.account, panel);
        Self { spec: in_line(&spec), rule: rule_id, left: orders_left, lacks }
    }
}

impl KeywordLine {
    fn new(rule: KeywordView) -> Self {
        let KeywordView { id, keyword, any_of, all_of, enabled, .. } = rule;
        let keyword = Some(keyword).filter(|keyword| !keyword.is_empty());
        let words: Vec<String> = keyword.into_iter().chain(any_of).chain(all_of).collect();
        let name = if words.is_empty() { id.to_string() } else { words.join(" / ") };
        Self { id, name, enabled }
    }
}

impl RuleLine {
    fn new(rule: DeliveryRuleView, name: &impl Fn(CardId) -> String, panel: &Panel) -> Self {
        let each = match rule.quantity {
            Quantity::Piece => panel.t("每件一份", "one for each piece"),
            Quantity::Order => panel.t("每单一份", "one for each order"),
        };
        Self {
            id: rule.id,
            spec: rule.spec.unwrap_or_default().join("; "),
            enabled: rule.enabled,
            each,
            note: rule.note,
            cards: rule.cards.into_iter().map(|card| (card, name(card))).collect(),
        }
    }
}
