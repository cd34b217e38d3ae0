//! Cards and their stock: the list, and the way to a new one.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::cards::{self, CardView, StockView},
        error::{ApiResult, Language},
    },
    Pager, Panel, Place, Shell,
    card_fields::{self, CardFields},
    card_words,
};
use crate::{delivery::card::Kind, ids::CardId};

#[derive(Template)]
#[template(path = "panel/cards.html")]
struct CardsPage {
    shell: Shell,
    q: String,
    kind: String,
    enabled: String,
    kinds: Vec<(&'static str, &'static str)>,
    cards: Vec<Line>,
    pager: Pager,
}

/// A card as a line of the list.
struct Line {
    view: CardView,
    kind: &'static str,
    icon: &'static str,
    /// What it gives, in short.
    what: String,
    /// Of a pool: name and number of all but what is free.
    figures: Vec<(&'static str, i64)>,
}

#[derive(Template)]
#[template(path = "panel/card_new.html")]
struct NewCardPage {
    shell: Shell,
    kinds: Vec<Choice>,
    /// `None`: the kind is chosen first.
    fields: Option<CardFields>,
    /// What a part of a combination may be: number and name.
    cards: Vec<(String, String)>,
    /// Pictures to choose from: what stands for each, and its name.
    pictures: Vec<(String, String)>,
    kind: &'static str,
    sentence: &'static str,
}

struct Choice {
    href: String,
    icon: &'static str,
    name: &'static str,
    sentence: &'static str,
}

/// Cards and stock.
#[utoipa::path(get, path = "/app/cards", operation_id = "panel_cards_cards", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn cards(panel: Panel) -> ApiResult<HttpResponse> {
    let page = cards::list(panel.caller.clone(), panel.query()?, panel.app.clone()).await?.0;
    let pager = Pager::new(&panel, &page);
    panel.show(&CardsPage {
        shell: panel.shell(Place::Cards, panel.t("卡券与库存", "Cards and stock")).await?,
        q: panel.asked_for("q"),
        kind: panel.asked_for("kind"),
        enabled: panel.asked_for("enabled"),
        kinds: Kind::ALL.map(|kind| (kind.as_str(), card_words::kind_name(kind, &panel))).into(),
        cards: page.items.into_iter().map(|view| Line::new(view, &panel)).collect(),
        pager,
    })
}

/// A new card.
#[utoipa::path(get, path = "/app/cards/new", operation_id = "panel_cards_new_card", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn new_card(panel: Panel) -> ApiResult<HttpResponse> {
    let kind: Option<Kind> = panel.asked_for("kind").parse().ok();
    let shell = panel.shell(Place::Cards, panel.t("新卡券", "A new card")).await?;
    let cards = match kind {
        Some(kind) => card_fields::parts_to_choose(&panel, kind, CardId(0)).await?,
        None => Vec::new(),
    };
    let pictures = match kind {
        Some(kind) => card_fields::pictures_to_choose(&panel, kind, &[]).await?,
        None => Vec::new(),
    };
    let choice = |kind: Kind| Choice {
        href: format!("/app/cards/new?kind={}", kind.as_str()),
        icon: card_words::kind_icon(kind),
        name: card_words::kind_name(kind, &panel),
        sentence: card_words::kind_sentence(kind, &panel),
    };
    panel.show(&NewCardPage {
        kinds: Kind::ALL.map(choice).into(),
        kind: kind.map_or("", |kind| card_words::kind_name(kind, &panel)),
        sentence: kind.map_or("", |kind| card_words::kind_sentence(kind, &panel)),
        fields: kind.map(|kind| CardFields::empty(kind, &panel)),
        cards,
        pictures,
        shell,
    })
}

impl Line {
    fn new(view: CardView, panel: &Panel) -> Self {
        Self {
            kind: card_words::kind_name(view.kind, panel),
            icon: card_words::kind_icon(view.kind),
            what: what(&view, panel.language),
            figures: view.stock.map(|stock| figures(&stock, panel)).unwrap_or_default(),
            view,
        }
    }
}

/// All but what is free.
pub(super) fn figures(stock: &StockView, panel: &Panel) -> Vec<(&'static str, i64)> {
    use crate::delivery::unit::UnitState::{Confirmed, Reserved, Returned, Sent, Uncertain, Void};
    let numbers = [
        (Reserved, stock.reserved),
        (Sent, stock.sent),
        (Confirmed, stock.confirmed),
        (Uncertain, stock.uncertain),
        (Returned, stock.returned),
        (Void, stock.void),
    ];
    numbers.map(|(state, number)| (card_words::state_name(state, panel), number)).into()
}

/// What a card that is no pool gives.
fn what(view: &CardView, language: Language) -> String {
    if let Some(text) = &view.text {
        return text.chars().take(80).collect();
    }
    if let Some(call) = &view.api {
        return call.url.clone();
    }
    let (number, zh, en) = match (&view.images, &view.parts) {
        (Some(images), _) => (images.len(), "张图片", "pictures"),
        (None, Some(parts)) => (parts.len(), "张卡券", "cards"),
        (None, None) => return String::new(),
    };
    format!("{number} {}", language.pick(zh, en))
}
