//! The extension map of a message: display texts, the sender, and two JSON texts with the rest. Parsed only as far as somebody asks.

use std::{borrow::Cow, cell::OnceCell};

use serde_json::Value;

use super::tree;
use crate::ids::{BuyerId, ItemId, OrderId};

/// `1.10` of a message, `4` of a card update, `message.extension` of the history. May be missing altogether.
pub(super) struct Extension<'a> {
    map: Option<&'a Value>,
    ext_json: OnceCell<Option<Cow<'a, Value>>>,
    biz_tag: OnceCell<Option<Cow<'a, Value>>>,
}

impl<'a> Extension<'a> {
    pub(super) fn new(map: Option<&'a Value>) -> Self {
        Self { map, ext_json: OnceCell::new(), biz_tag: OnceCell::new() }
    }

    /// A text of the map itself, if it is not empty.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        tree::text(self.field(key))
    }

    pub(super) fn sender(&self) -> Option<BuyerId> {
        tree::typed(self.field("senderUserId"))
    }

    /// Session type 30 is a group chat.
    pub(super) fn is_group(&self) -> bool {
        tree::integer(self.field("sessionType")) == Some(30)
    }

    /// The platform's own tips say so.
    pub(super) fn is_tip(&self) -> bool {
        let may_be = self.text("extJson").is_none_or(|raw| raw.contains("MsgTips"));
        may_be && tree::text(self.ext("msgArg1")) == Some("MsgTips")
    }

    /// The 32-hex id; the same in all the places that have one.
    pub(super) fn business_id(&self) -> Option<String> {
        let in_url = self.text("reminderUrl").and_then(|url| tree::parameter(url, "messageId"));
        let found = in_url.or_else(|| tree::text(self.ext("messageId"))).or_else(|| tree::text(self.biz("messageId")));
        found.map(str::to_owned)
    }

    /// Named fields only, in the order of their reliability. Any other long number in a tree may be a person or a conversation.
    pub(super) fn item(&self) -> Option<ItemId> {
        let in_url = self.text("reminderUrl").and_then(item_in_url);
        in_url.or_else(|| item_id(self.biz("itemId"))).or_else(|| item_id(self.ext("itemId")))
    }

    /// `<cid>:<order>:<suffix>`
    pub(super) fn update_key(&self) -> Option<&str> {
        tree::text(self.ext("updateKey"))
    }

    pub(super) fn task_name(&self) -> Option<&str> {
        tree::text(self.biz("taskName"))
    }

    fn field(&self, key: &str) -> Option<&'a Value> {
        self.map?.get(key)
    }

    fn ext(&self, key: &str) -> Option<&Value> {
        self.ext_json.get_or_init(|| tree::embedded(self.field("extJson"))).as_ref()?.get(key)
    }

    fn biz(&self, key: &str) -> Option<&Value> {
        self.biz_tag.get_or_init(|| tree::embedded(self.field("bizTag"))).as_ref()?.get(key)
    }
}

/// The item a link is about.
pub(super) fn item_in_url(url: &str) -> Option<ItemId> {
    tree::parameter(url, "itemId").filter(|id| is_number(id, 8..=20)).map(ItemId::from)
}

fn item_id(value: Option<&Value>) -> Option<ItemId> {
    tree::id(value).filter(|id| is_number(id, 8..=20)).map(|id| ItemId::from(id.as_ref()))
}

/// The order in `extJson.updateKey`.
pub(super) fn order_in_key(key: &str) -> Option<OrderId> {
    order_id(key.split(':').nth(1)?)
}

/// The order a link of a card leads to.
pub(super) fn order_in_url(url: &str) -> Option<OrderId> {
    let page = url.contains("order_detail").then(|| tree::parameter(url, "id")).flatten();
    let named = tree::parameter(url, "orderId").or_else(|| tree::parameter(url, "bizOrderId"));
    order_id(named.or(page)?)
}

/// Order ids have 19 digits; people, items and conversations never more than 13.
fn order_id(digits: &str) -> Option<OrderId> {
    is_number(digits, 16..=20).then(|| OrderId::from(digits))
}

fn is_number(text: &str, digits: std::ops::RangeInclusive<usize>) -> bool {
    digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
