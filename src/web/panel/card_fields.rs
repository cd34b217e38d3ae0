//! What the form of a card holds, for a new one and for one that is there.

use super::{
    super::{
        api::cards::{self, CardView},
        error::ApiResult,
        form_values, tag,
    },
    Panel,
    pictures::{self, PictureField},
};
use crate::{
    delivery::card::{Kind, MOST_IMAGES, MOST_PARTS, Method},
    ids::CardId,
};

/// The form's id.
pub(super) const FORM: &str = "card";
/// A form of a server has this many empty lines for more headers.
const SPARE_HEADERS: usize = 2;
/// A form of pictures has this many empty places for more.
const SPARE_IMAGES: usize = 3;
/// A form of a combination has this many empty places for more cards.
const SPARE_PARTS: usize = 2;

/// What stands in the fields, if nothing else was typed.
pub(super) struct CardFields {
    pub(super) form: &'static str,
    pub(super) is_new: bool,
    /// Its code.
    pub(super) kind: &'static str,
    pub(super) action: String,
    pub(super) tag: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) text: String,
    pub(super) images: Vec<PictureField>,
    pub(super) low_stock: String,
    pub(super) url: String,
    pub(super) method: &'static str,
    pub(super) headers: Vec<HeaderRow>,
    pub(super) params: String,
    pub(super) response_path: String,
    pub(super) timeout_s: String,
    pub(super) retries: String,
    pub(super) parts: Vec<PartRow>,
}

/// A line of the request's head.
pub(super) struct HeaderRow {
    pub(super) name_field: String,
    pub(super) value_field: String,
    pub(super) name: String,
    /// Says that its value is stored.
    pub(super) hint: &'static str,
}

/// A place in a combination.
pub(super) struct PartRow {
    pub(super) field: String,
    pub(super) card: String,
    pub(super) label: String,
}

impl CardFields {
    pub(super) fn empty(kind: Kind, panel: &Panel) -> Self {
        Self {
            form: FORM,
            is_new: true,
            kind: kind.as_str(),
            action: "/api/v1/cards".to_owned(),
            tag: String::new(),
            name: String::new(),
            description: String::new(),
            text: String::new(),
            images: images(&[]),
            low_stock: String::new(),
            url: String::new(),
            method: "GET",
            headers: headers(&[], panel),
            params: String::new(),
            response_path: String::new(),
            timeout_s: "10".to_owned(),
            retries: "3".to_owned(),
            parts: parts(&[], panel),
        }
    }

    pub(super) fn of(view: &CardView, panel: &Panel) -> Self {
        let mut fields = Self {
            is_new: false,
            action: format!("/api/v1/cards/{}", view.id),
            tag: tag::of(&view.edited()),
            name: view.name.clone(),
            description: view.description.clone(),
            text: view.text.clone().unwrap_or_default(),
            images: images(view.images.as_deref().unwrap_or_default()),
            low_stock: view.low_stock.map(|number| number.to_string()).unwrap_or_default(),
            parts: parts(view.parts.as_deref().unwrap_or_default(), panel),
            ..Self::empty(view.kind, panel)
        };
        if let Some(call) = &view.api {
            let names: Vec<&str> = call.headers.iter().map(|header| header.name.as_str()).collect();
            fields.url.clone_from(&call.url);
            fields.method = match call.method {
                Method::Get => "GET",
                Method::Post => "POST",
            };
            fields.headers = headers(&names, panel);
            fields.params = form_values::pair_lines(&call.params);
            fields.response_path = call.response_path.clone().unwrap_or_default();
            fields.timeout_s = call.timeout_s.to_string();
            fields.retries = call.retries.to_string();
        }
        fields
    }
}

/// A picture is chosen in each; there is room for more.
fn images(stored: &[String]) -> Vec<PictureField> {
    let row = |place: usize| {
        PictureField::new(place + 1, format!("images.{place}"), stored.get(place).cloned().unwrap_or_default())
    };
    (0..(stored.len() + SPARE_IMAGES).min(MOST_IMAGES).max(stored.len())).map(row).collect()
}

/// What may be chosen for a card that gives pictures; nothing for another one.
pub(super) async fn pictures_to_choose(
    panel: &Panel,
    kind: Kind,
    stored: &[String],
) -> ApiResult<Vec<(String, String)>> {
    if kind != Kind::Image {
        return Ok(Vec::new());
    }
    pictures::choices(panel, stored.iter().map(String::as_str)).await
}

fn headers(stored: &[&str], panel: &Panel) -> Vec<HeaderRow> {
    let hint = panel.t("已保存，留空则不变。", "Stored; leave empty to keep it.");
    let row = |place: usize| HeaderRow {
        name_field: format!("api.headers.{place}.name"),
        value_field: format!("api.headers.{place}.value:secret"),
        name: stored.get(place).copied().unwrap_or_default().to_owned(),
        hint: if place < stored.len() { hint } else { "" },
    };
    (0..stored.len() + SPARE_HEADERS).map(row).collect()
}

fn parts(chosen: &[CardId], panel: &Panel) -> Vec<PartRow> {
    let row = |place: usize| PartRow {
        field: format!("parts.{place}:whole"),
        card: chosen.get(place).map(CardId::to_string).unwrap_or_default(),
        label: numbered(panel.t("卡券", "Card"), place),
    };
    (0..(chosen.len() + SPARE_PARTS).clamp(3, MOST_PARTS)).map(row).collect()
}

/// A label of one of several fields of the same sort.
pub(super) fn numbered(name: &str, place: usize) -> String {
    format!("{name} {}", place + 1)
}

/// The cards that may be parts of this one; none where the kind has no parts.
pub(super) async fn parts_to_choose(panel: &Panel, kind: Kind, own: CardId) -> ApiResult<Vec<(String, String)>> {
    if kind != Kind::Combination {
        return Ok(Vec::new());
    }
    let all = all_cards(panel).await?;
    let parts = all.into_iter().filter(|card| card.kind != Kind::Combination && card.id != own);
    Ok(parts.map(|card| (card.id.to_string(), card.name)).collect())
}

/// All cards, by name: an owner has no more than a few pages of them.
pub(super) async fn all_cards(panel: &Panel) -> ApiResult<Vec<CardView>> {
    let mut all = Vec::new();
    for number in 1.. {
        let query = super::asked(&format!("per_page=200&page={number}"))?;
        let page = cards::list(panel.caller.clone(), query, panel.app.clone()).await?.0;
        let is_last = page.items.len() < 200;
        all.extend(page.items);
        if is_last {
            break;
        }
    }
    Ok(all)
}
