//! What accounts sell: their list, one item in full, the daily polish.

use serde_json::{Value, json};

use super::{
    account::Account,
    fault::Faults,
    gateway::{NO_SUCH_SERVICE, Outcome},
    line::now,
};
use crate::ids::{BuyerId, ItemId};

pub(super) const BAD_PARAMETERS: &str = "FAIL_BIZ_PARAM_ERROR::参数错误";
const NO_SUCH_ITEM: &str = "FAIL_BIZ_ITEM_NOT_FOUND::宝贝不存在";

/// Something that an account sells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub item: ItemId,
    pub title: String,
    pub description: String,
    /// Cents.
    pub price: i64,
    /// Colour, cents, pieces.
    pub specs: Vec<(String, i64, i64)>,
    pub stock: i64,
    /// Not in the list where it is not.
    pub on_sale: bool,
}

impl Listing {
    /// One piece for 123 yuan.
    pub fn new(item: &str, title: &str) -> Self {
        Self {
            item: item.into(),
            title: title.into(),
            description: "九成新，功能正常".into(),
            price: 12_300,
            specs: vec![("黑".into(), 12_300, 1)],
            stock: 1,
            on_sale: true,
        }
    }

    /// What a piece of this spec costs.
    pub(super) fn price_of(&self, spec: &[(String, String)]) -> i64 {
        let chosen = self.specs.iter().find(|(colour, ..)| spec.iter().any(|(_, value)| value == colour));
        chosen.map_or(self.price, |(_, price, _)| *price)
    }

    /// Takes pieces away or puts them back, of the spec too where there is such a one. None is none, however many were sold.
    pub(super) fn move_stock(&mut self, spec: &[(String, String)], pieces: i64) {
        self.stock = (self.stock + pieces).max(0);
        let chosen = self.specs.iter_mut().find(|(colour, ..)| spec.iter().any(|(_, value)| value == colour));
        if let Some((_, _, stock)) = chosen {
            *stock = (*stock + pieces).max(0);
        }
    }

    fn price_text(&self) -> String {
        yuan(self.price)
    }

    fn status(&self) -> u8 {
        if self.on_sale { 0 } else { 1 }
    }

    fn picture(&self) -> String {
        format!("https://img.example.invalid/{}.jpg", self.item)
    }

    fn card(&self) -> Value {
        json!({"cardType": 1003, "cardData": {
            "id": self.item, "title": self.title, "categoryId": "50025386", "auctionType": "b", "itemStatus": self.status(),
            "detailUrl": format!("fleamarket://item?id={}", self.item),
            "priceInfo": {"price": self.price_text(), "preText": "¥"},
            "picInfo": {"picUrl": self.picture(), "width": 800, "height": 800},
            "detailParams": {}, "trackParams": {}, "itemLabelDataVO": {},
        }})
    }

    fn detail(&self) -> Value {
        let specs = self.specs.iter().enumerate().map(|(number, (colour, price, stock))| {
            json!({"skuId": (number + 1).to_string(), "price": price, "priceInCent": price, "quantity": stock,
                "propertyList": [{"propertyText": "颜色", "valueText": colour}]})
        });
        json!({
            "itemId": self.item, "title": self.title, "desc": self.description, "soldPrice": self.price_text(),
            "quantity": self.stock, "itemStatus": self.status(), "itemStatusStr": if self.on_sale { "在售" } else { "已下架" },
            "minPrice": self.price_text(), "maxPrice": self.price_text(), "skuList": specs.collect::<Vec<_>>(),
            "imageInfos": [{"url": self.picture()}], "wantCnt": 3, "browseCnt": 40,
        })
    }
}

/// Cents as the platform writes them.
pub(super) fn yuan(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Account {
    /// Puts something up for sale, or in the place of what has its number.
    pub fn sell(&self, listing: Listing) {
        let mut state = self.lock();
        match state.listings.iter_mut().find(|known| known.item == listing.item) {
            Some(known) => *known = listing,
            None => state.listings.push(listing),
        }
    }

    /// Changes something that is for sale.
    pub fn change_listing(&self, item: &str, change: impl FnOnce(&mut Listing)) {
        let wanted: ItemId = item.into();
        if let Some(known) = self.lock().listings.iter_mut().find(|known| known.item == wanted) {
            change(known);
        }
    }

    /// Every polish that was done, oldest first.
    pub fn polished(&self) -> Vec<ItemId> {
        self.lock().polished.clone()
    }
}

/// The detail of an item; of one that nobody listed something is made up.
pub(super) fn detail(account: &Account, data: &Value) -> Outcome {
    let Some(item) = data["itemId"].as_str() else { return Outcome::plain(BAD_PARAMETERS) };
    let state = account.lock();
    let talked_about = state.conversations.values().find(|conversation| conversation.item.as_str() == item);
    let seller: &BuyerId = talked_about.map_or(&account.uid, |conversation| &conversation.item_seller);
    let listed = state.listings.iter().find(|listing| listing.item.as_str() == item).cloned();
    let listing = listed.unwrap_or_else(|| Listing::new(item, &format!("商品{item}")));
    Outcome::success(json!({
        "itemDO": listing.detail(), "sellerDO": {"sellerId": seller, "nick": "s***r"},
        "buyerDO": {}, "trackParams": {}, "serverTime": now(),
    }))
}

/// A page of what is on sale, counted from 1.
pub(super) fn list(account: &Account, data: &Value) -> Outcome {
    let number = |name: &str| data[name].as_u64().and_then(|number| usize::try_from(number).ok());
    let (Some(page), Some(size)) = (number("pageNumber"), number("pageSize")) else {
        return Outcome::plain(BAD_PARAMETERS);
    };
    if data["userId"] != account.uid.as_str() || data["groupId"] != "58877261" {
        return Outcome::plain(BAD_PARAMETERS);
    }
    let state = account.lock();
    let on_sale = state.listings.iter().filter(|listing| listing.on_sale);
    let cards = on_sale.skip(page.saturating_sub(1) * size).take(size).map(Listing::card);
    Outcome::success(json!({"cardList": cards.collect::<Vec<_>>()}))
}

/// Once for each item: the simulator's day does not end.
pub(super) fn polish(account: &Account, data: &Value, versions: (&str, &str), faults: &Faults) -> Outcome {
    let Some(item) = data["itemId"].as_str() else { return Outcome::plain(BAD_PARAMETERS) };
    if versions != ("2.0", "1.0") {
        return Outcome::plain(NO_SUCH_SERVICE);
    }
    if let Some(ret) = &faults.refuse_polish {
        return Outcome::plain(ret.clone());
    }
    let item: ItemId = item.into();
    let mut state = account.lock();
    let Some(listing) = state.listings.iter().find(|listing| listing.item == item) else {
        return Outcome::plain(NO_SUCH_ITEM);
    };
    if !listing.on_sale {
        return Outcome::plain("UNSUPPORTED_ITEM_STATUS::已下架商品不支持该操作");
    }
    if state.polished.contains(&item) {
        return Outcome::plain("IDLEITEM_POLISH_AGAIN::宝贝已经擦亮过了");
    }
    state.polished.push(item);
    drop(state);
    account.changed();
    Outcome::success(json!({}))
}

/// Takes what is named, `a,b`, off the sale; all of it, or where one is unknown nothing.
pub(super) fn take_offline(account: &Account, data: &Value) -> Outcome {
    let named = data["itemIds"].as_str().unwrap_or_default().split(',').map(str::trim);
    let items: Vec<&str> = named.filter(|item| !item.is_empty()).collect();
    if items.is_empty() {
        return Outcome::plain(BAD_PARAMETERS);
    }
    let mut state = account.lock();
    let is_listed = |item: &&str| state.listings.iter().any(|listing| listing.item.as_str() == *item);
    if !items.iter().all(is_listed) {
        return Outcome::plain(NO_SUCH_ITEM);
    }
    for listing in &mut state.listings {
        listing.on_sale &= !items.contains(&listing.item.as_str());
    }
    drop(state);
    account.changed();
    Outcome::success(json!({}))
}
