//! The calls about items: a seller's list, one item in full, and the daily polish (擦亮) that brings an item forward in searches.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    api::{Unreadable, text},
    call::{Call, Desk},
};
use crate::ids::{BuyerId, Fen, ItemId};

/// Where a person sees the item.
pub fn page_of(item: &ItemId) -> String {
    format!("https://www.goofish.com/item?id={item}")
}

/// Items on a page of [`item_list`]. A page with fewer is the last.
pub const PAGE_SIZE: usize = 20;

/// The group of everything that is on sale, the same for every seller.
const ON_SALE_GROUP: &str = "58877261";
const ON_SALE_NAME: &str = "在售";

/// Asks for everything the platform tells of an item.
pub fn item_detail(item: &ItemId) -> Call {
    let data = json!({"itemId": item.as_str()});
    Call::new("mtop.taobao.idle.pc.detail", data.to_string())
}

/// Asks for a page, counted from 1, of what a seller has on sale.
pub fn item_list(seller: &BuyerId, page: u32) -> Call {
    let data = json!({
        "needGroupInfo": false, "pageNumber": page, "pageSize": PAGE_SIZE, "groupName": ON_SALE_NAME,
        "groupId": ON_SALE_GROUP, "defaultGroup": true, "userId": seller.as_str(),
    });
    Call::new("mtop.idle.web.xyh.item.list", data.to_string())
}

/// Polishes an item. Once a day: see [`Outcome::is_done_already`](super::outcome::Outcome::is_done_already).
pub fn polish(item: &ItemId) -> Call {
    let data = json!({"itemId": item.as_str()});
    Call { version: "2.0", ..Call::new("mtop.taobao.idle.item.polish", data.to_string()) }.writing()
}

/// Takes an item off the sale. Done twice it is done once.
pub fn take_off_sale(item: &ItemId) -> Call {
    let data = json!({"itemIds": item.as_str()});
    let call = Call::new("mtop.alibaba.idle.seller.pc.item.batch.offline", data.to_string());
    Call { desk: Desk::Seller, extra: vec![("needLoginPC", "true"), ("showErrorToast", "true")], ..call }.writing()
}

/// Whether an item can be bought, as far as the platform says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    OnSale,
    /// Taken down, or sold.
    OffSale,
    /// The platform does not know it any more.
    Gone,
    /// Nobody has said.
    Unknown,
}

impl ItemStatus {
    pub const ALL: [Self; 4] = [Self::OnSale, Self::OffSale, Self::Gone, Self::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnSale => "on_sale",
            Self::OffSale => "off_sale",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        }
    }

    /// 0 is on sale; of the other numbers only that is known that they are not.
    fn read(item: &Value) -> Self {
        match text(item, "itemStatus").as_deref() {
            Some("0") => Self::OnSale,
            Some(_) => Self::OffSale,
            None => Self::Unknown,
        }
    }
}

impl std::str::FromStr for ItemStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("unknown item status {text:?}"))
    }
}

/// What the platform says about an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemDetail {
    pub item: ItemId,
    pub title: String,
    pub description: String,
    /// Who sells it: where that is not us, we are the buyer.
    pub seller: BuyerId,
    /// The asking price, where it can be read.
    pub price: Option<Fen>,
    pub specs: Vec<Spec>,
    /// Pieces left, of all specs together.
    pub stock: Option<i64>,
    pub status: ItemStatus,
    /// The first picture.
    pub picture_url: Option<String>,
}

/// One of the things that an item is sold as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The platform's `skuId`.
    pub id: String,
    /// Such as 颜色 and 黑, in the platform's order.
    pub properties: Vec<(String, String)>,
    pub price: Option<Fen>,
    pub stock: Option<i64>,
}

impl ItemDetail {
    /// Reads the `data` of a successful [`item_detail`].
    pub fn read(data: &Value) -> Result<Self, Unreadable> {
        let item = &data["itemDO"];
        let required = |from: &Value, field| text(from, field).ok_or(Unreadable { field });
        let specs: Vec<Spec> = item["skuList"].as_array().into_iter().flatten().filter_map(Spec::read).collect();
        Ok(Self {
            item: required(item, "itemId")?.into(),
            title: text(item, "title").unwrap_or_default(),
            description: text(item, "desc").unwrap_or_default(),
            seller: required(&data["sellerDO"], "sellerId")?.into(),
            price: text(item, "soldPrice").and_then(|price| yuan(&price)),
            stock: whole(item, "quantity"),
            status: ItemStatus::read(item),
            picture_url: text(&item["imageInfos"][0], "url").filter(|url| is_web_address(url)),
            specs,
        })
    }
}

impl Spec {
    /// A spec without a number cannot be told from the others and is left out.
    fn read(sku: &Value) -> Option<Self> {
        let property = |property: &Value| Some((text(property, "propertyText")?, text(property, "valueText")?));
        let properties = sku["propertyList"].as_array().into_iter().flatten().filter_map(property);
        // Cents, unlike an item's price.
        let cents = whole(sku, "priceInCent").or_else(|| whole(sku, "price"));
        Some(Self {
            id: text(sku, "skuId")?,
            properties: properties.collect(),
            price: cents.filter(|cents| *cents >= 0).map(Fen),
            stock: whole(sku, "quantity"),
        })
    }
}

/// What a list shows of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemCard {
    pub item: ItemId,
    pub title: String,
    pub price: Option<Fen>,
    pub status: ItemStatus,
    pub picture_url: Option<String>,
}

/// One page of a seller's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPage {
    pub cards: Vec<ItemCard>,
    /// Cards that name no item.
    pub unreadable: usize,
    pub is_last: bool,
}

impl ItemPage {
    /// Reads the `data` of a successful [`item_list`]. A list that is not there at all is no empty shop.
    pub fn read(data: &Value) -> Result<Self, Unreadable> {
        let unreadable = Unreadable { field: "cardList" };
        let list = match data.get("cardList").ok_or(unreadable)? {
            Value::Array(list) => list.as_slice(),
            Value::Null => &[],
            _ => return Err(unreadable),
        };
        let cards: Vec<ItemCard> = list.iter().filter_map(|card| ItemCard::read(&card["cardData"])).collect();
        if cards.is_empty() && !list.is_empty() {
            return Err(Unreadable { field: "cardData.id" });
        }
        Ok(Self { unreadable: list.len() - cards.len(), is_last: list.len() < PAGE_SIZE, cards })
    }
}

impl ItemCard {
    fn read(card: &Value) -> Option<Self> {
        Some(Self {
            item: text(card, "id")?.into(),
            title: text(card, "title").unwrap_or_default(),
            price: text(&card["priceInfo"], "price").and_then(|price| yuan(&price)),
            status: ItemStatus::read(card),
            picture_url: text(&card["picInfo"], "picUrl").filter(|url| is_web_address(url)),
        })
    }
}

pub(super) fn whole(from: &Value, field: &str) -> Option<i64> {
    text(from, field)?.parse().ok()
}

/// It is shown to people as a link.
fn is_web_address(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// `"123.4"` yuan to Fen, without a float in between.
pub(super) fn yuan(text: &str) -> Option<Fen> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(part).map(Fen)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ids::Timestamp;

    /// The answer in the protocol's description, with another spec.
    fn camera() -> Value {
        json!({
            "itemDO": {
                "itemId": "900000000001", "title": "二手相机", "desc": "九成新", "soldPrice": "123.00", "quantity": 3,
                "itemStatus": 0, "itemStatusStr": "在售", "minPrice": "123.00", "maxPrice": "125.50",
                "skuList": [
                    {"skuId": "1", "price": 12300, "priceInCent": 12300, "quantity": 1,
                     "propertyList": [{"propertyText": "颜色", "valueText": "黑"}]},
                    {"skuId": 2, "price": "12550", "quantity": "2",
                     "propertyList": [{"propertyText": "颜色", "valueText": "白"}, {"propertyText": "镜头"}]},
                    {"price": 1},
                ],
                "imageInfos": [{"url": "https://img.example.invalid/1.jpg"}],
            },
            "sellerDO": {"sellerId": 2_200_000_000_001_i64},
        })
    }

    #[test]
    fn an_item_is_read_in_full() {
        let spec = |id: &str, value: &str, price, stock| Spec {
            id: id.into(),
            properties: vec![("颜色".into(), value.into())],
            price: Some(Fen(price)),
            stock: Some(stock),
        };
        let expected = ItemDetail {
            item: "900000000001".into(),
            title: "二手相机".into(),
            description: "九成新".into(),
            seller: "2200000000001".into(),
            price: Some(Fen(12_300)),
            specs: vec![spec("1", "黑", 12_300, 1), spec("2", "白", 12_550, 2)],
            stock: Some(3),
            status: ItemStatus::OnSale,
            picture_url: Some("https://img.example.invalid/1.jpg".into()),
        };
        assert_eq!(ItemDetail::read(&camera()), Ok(expected));
    }

    #[test]
    fn an_item_without_its_seller_is_unreadable_and_everything_else_may_be_absent() {
        assert_eq!(ItemDetail::read(&json!({"itemDO": {"itemId": "1"}})), Err(Unreadable { field: "sellerId" }));
        let bare =
            ItemDetail::read(&json!({"itemDO": {"itemId": "1"}, "sellerDO": {"sellerId": "2"}, "x": []})).unwrap();
        assert_eq!((bare.price, bare.stock, bare.status), (None, None, ItemStatus::Unknown));
        assert_eq!((bare.specs, bare.picture_url), (vec![], None));
    }

    #[test]
    fn a_picture_that_is_no_web_address_is_none() {
        let mut data = camera();
        data["itemDO"]["imageInfos"][0]["url"] = "javascript:alert(1)".into();
        assert_eq!(ItemDetail::read(&data).unwrap().picture_url, None);
    }

    #[test]
    fn a_page_of_the_list_is_read_and_a_short_one_is_the_last() {
        let card = json!({"cardType": 1003, "cardData": {"id": "900000000001", "title": "二手相机", "itemStatus": 0,
            "priceInfo": {"price": "123.00", "preText": "¥"}, "picInfo": {"picUrl": "https://img.example.invalid/1.jpg"}}});
        let page = ItemPage::read(&json!({"cardList": [card, {"cardType": 9}]})).unwrap();
        assert_eq!((page.cards.len(), page.unreadable, page.is_last), (1, 1, true));
        assert_eq!((page.cards[0].price, page.cards[0].status), (Some(Fen(12_300)), ItemStatus::OnSale));
        let full = ItemPage::read(&json!({"cardList": vec![card; PAGE_SIZE]})).unwrap();
        assert!(!full.is_last);
    }

    #[test]
    fn a_list_that_is_not_there_is_no_empty_shop() {
        assert!(ItemPage::read(&json!({"cardList": []})).unwrap().is_last);
        assert!(ItemPage::read(&json!({"cardList": null})).unwrap().cards.is_empty());
        for odd in [json!({}), json!({"cardList": "x"}), json!({"cardList": [{}]})] {
            assert!(ItemPage::read(&odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn the_list_is_asked_for_as_the_site_asks() {
        assert_eq!(
            item_list(&"2200000000001".into(), 1).data,
            r#"{"needGroupInfo":false,"pageNumber":1,"pageSize":20,"groupName":"在售","groupId":"58877261","defaultGroup":true,"userId":"2200000000001"}"#
        );
    }

    #[test]
    fn a_polish_has_one_version_in_the_path_and_another_in_the_query() {
        let call = polish(&"900000000001".into());
        assert_eq!(call.path(), "/h5/mtop.taobao.idle.item.polish/1.0/");
        assert!(call.query("t", Timestamp(1)).contains("&v=2.0&"));
        assert_eq!(call.data, r#"{"itemId":"900000000001"}"#);
    }

    #[test]
    fn an_item_is_taken_off_the_sale_from_the_back_office() {
        let call = take_off_sale(&"900000000001".into());
        assert_eq!((call.data.as_str(), call.desk), (r#"{"itemIds":"900000000001"}"#, Desk::Seller));
        let query = call.query("t", Timestamp(1));
        assert!(query.ends_with("&needLoginPC=true&showErrorToast=true&valueType=string"), "{query}");
    }

    #[test]
    fn every_status_reads_back() {
        for status in ItemStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert!("sold".parse::<ItemStatus>().is_err());
    }

    #[test]
    fn yuan_become_fen_exactly_or_not_at_all() {
        assert_eq!(yuan("0.1"), Some(Fen(10)));
        assert_eq!(yuan("99"), Some(Fen(9_900)));
        for odd in ["", "-1", "1.234", "1,5", "面议", "99999999999999999999"] {
            assert_eq!(yuan(odd), None, "{odd}");
        }
    }
}
