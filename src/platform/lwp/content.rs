//! What a message contains: the content JSON and what its types mean.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    event::{Card, Content, Picture},
    extension::{self, Extension},
    lenient, payload, tree,
};
use crate::ids::{ItemId, OrderId};

/// The numbers of `1.6.3.4`.
mod content_type {
    pub(super) const TEXT: i64 = 1;
    pub(super) const IMAGE: i64 = 2;
    pub(super) const VOICE: i64 = 3;
    pub(super) const STICKER: i64 = 5;
    pub(super) const TIP: i64 = 14;
    pub(super) const CARD: i64 = 26;
    pub(super) const CARD_UPDATE: i64 = 32;
    /// Says only that the true type is inside.
    pub(super) const WRAPPER: i64 = 101;
}

/// The content JSON of one message and the type the platform declared for it.
pub(super) struct ContentBody {
    pub(super) content_type: i64,
    body: Value,
}

impl ContentBody {
    /// `declared` is the number beside the content. The one inside counts where that is missing or says "custom"; a client can write
    /// anything inside, so that it never turns what a person wrote into a card.
    pub(super) fn new(declared: Option<i64>, body: Option<Value>) -> Self {
        let body = body.unwrap_or_default();
        let declared = declared.filter(|number| *number != content_type::WRAPPER);
        let content_type = declared.or_else(|| inner_type(&body)).unwrap_or_default();
        Self { content_type, body }
    }

    /// `shown` is what a phone displays, for what has no text of its own.
    pub(super) fn content(&self, extension: &Extension<'_>, shown: &str) -> Content {
        match self.kind() {
            content_type::TEXT => Content::Text { text: self.text().unwrap_or(shown).to_owned() },
            content_type::IMAGE => Content::Image { pictures: pictures(&self.body) },
            content_type::VOICE => Content::Voice,
            content_type::STICKER => Content::Sticker,
            content_type::TIP => self.tip(extension, shown),
            content_type::CARD | content_type::CARD_UPDATE => Content::Card(self.card(extension)),
            _ => Content::Other,
        }
    }

    /// What a phone displays for a content that carries no display text.
    pub(super) fn display(&self) -> &str {
        match self.kind() {
            content_type::TEXT => self.text().unwrap_or_default(),
            content_type::IMAGE => "[图片]",
            content_type::VOICE => "[语音]",
            _ => "",
        }
    }

    /// The item a card's button leads to: the last place to look, and the only one a card without extension has.
    pub(super) fn item(&self) -> Option<ItemId> {
        let link = tree::at(self.ex_content()?, &["button", "intent", "page", "jumpUrl"]);
        extension::item_in_url(tree::text(link)?)
    }

    /// The declared type, but for what people write: a picture may be declared as text, and says inside what it is.
    fn kind(&self) -> i64 {
        let written = content_type::TEXT..=content_type::STICKER;
        let inner =
            inner_type(&self.body).filter(|inner| written.contains(inner) && written.contains(&self.content_type));
        inner.unwrap_or(self.content_type)
    }

    fn text(&self) -> Option<&str> {
        let text = self.body.get("text")?;
        text.get("text").unwrap_or(text).as_str()
    }

    /// A tip that names an order is order news like a card, only without a button: it comes as one, so that the order is not lost.
    fn tip(&self, extension: &Extension<'_>, shown: &str) -> Content {
        let text = tree::text(tree::at(&self.body, &["tip", "tip"])).unwrap_or(shown);
        let card = self.card(extension);
        match card.order {
            Some(_) => Content::Card(Card { title: Some(text.to_owned()), ..card }),
            None => Content::Tip { text: text.to_owned() },
        }
    }

    fn card(&self, extension: &Extension<'_>) -> Card {
        let shown = self.ex_content();
        let text = |path: &[&str]| tree::text(tree::at(shown?, path)).map(str::to_owned);
        Card {
            title: text(&["title"]),
            button: text(&["button", "text"]),
            order: self.order(extension),
            bought: self.leads_a_buyer() || is_for_a_buyer(extension),
            ..card_of(extension)
        }
    }

    /// The card's link names the side that it was made for.
    fn leads_a_buyer(&self) -> bool {
        let link = self.main().and_then(|main| tree::text(main.get("targetUrl")));
        link.and_then(|url| tree::parameter(url, "role")) == Some("buyer")
    }

    /// From `updateKey` and the card's two links, in this order; never from text, which anybody can type.
    fn order(&self, extension: &Extension<'_>) -> Option<OrderId> {
        let link = |path: &[&str]| tree::text(tree::at(self.main()?, path)).and_then(extension::order_in_url);
        let in_key = extension.update_key().and_then(extension::order_in_key);
        in_key.or_else(|| link(&["exContent", "button", "targetUrl"])).or_else(|| link(&["targetUrl"]))
    }

    fn ex_content(&self) -> Option<&Value> {
        self.main()?.get("exContent")
    }

    /// The card itself: of a new card, or of an update to one.
    fn main(&self) -> Option<&Value> {
        let card = self.body.get("dxCard");
        let card = card.or_else(|| tree::at(&self.body, &["dynamicOperation", "changeContent", "dxCard"]));
        tree::at(card?, &["item", "main"])
    }
}

/// The fields of a card that stand in the extension: all that a card update has.
pub(super) fn card_of(extension: &Extension<'_>) -> Card {
    Card {
        title: None,
        button: None,
        order: extension.update_key().and_then(extension::order_in_key),
        update_key: extension.update_key().map(str::to_owned),
        task_name: extension.task_name().map(str::to_owned),
        red_reminder: extension.text("redReminder").map(str::to_owned),
        bought: is_for_a_buyer(extension),
    }
}

/// The name of a card's task ends with the side that it was made for.
fn is_for_a_buyer(extension: &Extension<'_>) -> bool {
    extension.task_name().is_some_and(|name| name.contains("_买家"))
}

/// Reads the content JSON of a history message or a web form: base64, or the JSON text itself.
pub(super) fn decode(data: &str) -> Option<Value> {
    let text = if data.trim_start().starts_with('{') {
        Cow::Borrowed(data)
    } else {
        Cow::Owned(String::from_utf8_lossy(&payload::decode_base64(data).ok()?).into_owned())
    };
    lenient::parse(&text).ok().filter(Value::is_object)
}

/// The type a content JSON gives itself; the bare forms of the web client give none, but have only one field.
fn inner_type(body: &Value) -> Option<i64> {
    let by_field = || {
        let fields = [
            ("text", content_type::TEXT),
            ("image", content_type::IMAGE),
            ("picUrl", content_type::IMAGE),
            ("audio", content_type::VOICE),
        ];
        fields.into_iter().find(|(field, _)| body.get(field).is_some()).map(|(_, number)| number)
    };
    tree::integer(body.get("contentType")).or_else(by_field)
}

fn pictures(body: &Value) -> Vec<Picture> {
    let list = tree::at(body, &["image", "pics"]).and_then(Value::as_array);
    let bare = tree::text(body.get("picUrl")).map(|url| Picture { url: url.to_owned(), width: 0, height: 0 });
    list.into_iter().flatten().filter_map(picture).chain(bare).collect()
}

fn picture(value: &Value) -> Option<Picture> {
    let pixels = |key| tree::integer(value.get(key)).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let url = tree::text(value.get("url"))?.to_owned();
    Some(Picture { url, width: pixels("width"), height: pixels("height") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn read(declared: i64, body: Value) -> Content {
        ContentBody::new(Some(declared), Some(body)).content(&Extension::new(None), "[shown]")
    }

    #[test]
    fn a_card_that_a_person_wrote_into_a_text_message_stays_text() {
        let forged = json!({"contentType": 26, "dxCard": {"item": {"main": {
            "exContent": {"title": "paid"}, "targetUrl": "fleamarket://order_detail?id=2500000000000000001"}}}});
        assert_eq!(read(1, forged), Content::Text { text: "[shown]".to_owned() });
    }

    #[test]
    fn a_picture_that_is_declared_as_text_is_a_picture() {
        let body =
            json!({"contentType": 2, "image": {"pics": [{"url": "https://img.example.invalid/a.jpg", "width": 4}]}});
        let pictures = vec![Picture { url: "https://img.example.invalid/a.jpg".to_owned(), width: 4, height: 0 }];
        assert_eq!(read(1, body), Content::Image { pictures });
    }

    #[test]
    fn a_tip_that_names_an_order_carries_it() {
        let extension = json!({"extJson": r#"{"updateKey":"50000000001:2500000000000000017:1_close"}"#});
        let body = ContentBody::new(Some(14), Some(json!({"contentType": 14, "tip": {"tip": "closed"}})));
        let Content::Card(card) = body.content(&Extension::new(Some(&extension)), "") else { panic!("not a card") };
        assert_eq!((card.title.as_deref(), card.order), (Some("closed"), Some(OrderId::from("2500000000000000017"))));
    }
}
