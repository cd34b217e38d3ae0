//! The calls about orders: one in full, the list of what was sold, and what a seller does with an order. What the platform says of an order's
//! state is the one word that may start a delivery.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    api::{Unreadable, text},
    call::{Call, Desk},
    item::{whole, yuan},
};
use crate::{
    ids::{BuyerId, Fen, ItemId, OrderId, Timestamp},
    platform::hours::AHEAD,
};

/// Orders on a page of [`unshipped_list`].
pub const SOLD_PAGE: usize = 30;

/// Asks for everything the platform tells of an order.
pub fn order_detail(order: &OrderId) -> Call {
    Call::new("mtop.idle.web.trade.order.detail", json!({"tid": order.as_str()}).to_string())
}

/// Asks for a page, counted from 1, of the orders that are paid and wait to be shipped.
pub fn unshipped_list(page: u32) -> Call {
    let data = json!({
        "pageNumber": page, "rowsPerPage": SOLD_PAGE, "orderIds": "", "queryCode": "NOT_SHIP", "orderSearchParam": "{}",
    });
    Call { desk: Desk::Seller, ..Call::new("mtop.taobao.idle.trade.merchant.sold.get", data.to_string()) }
}

/// Says that an order was shipped, without a parcel: of virtual goods. Done twice it is done once: see
/// [`Outcome::is_done_already`](super::outcome::Outcome::is_done_already).
pub fn confirm_shipment(order: &OrderId) -> Call {
    let data = json!({"orderId": order.as_str(), "tradeText": "", "picList": [], "newUnconsign": true});
    Call::new("mtop.taobao.idle.logistic.consign.dummy", data.to_string()).writing()
}

/// Lets a bargain (小刀) go through without further helpers. `None`: the item or the buyer is no number, as the platform wants it here.
pub fn free_shipping(order: &OrderId, item: &ItemId, buyer: &BuyerId) -> Option<Call> {
    let (item, buyer): (i64, i64) = (item.as_str().parse().ok()?, buyer.as_str().parse().ok()?);
    let data = json!({"bizOrderId": order.as_str(), "itemId": item, "buyerId": buyer});
    Some(Call::new("mtop.idle.groupon.activity.seller.freeshipping", data.to_string()).writing())
}

/// Rates the buyer of an order that is completed, well and for all to see. Whether it was done before is not told apart from other refusals.
pub fn rate_buyer(order: &OrderId, text: &str) -> Call {
    let data = json!({"tradeId": order.as_str(), "rate": 1, "feedback": text, "createOrAppend": 0});
    let call = Call::new("mtop.taobao.idle.rate.create", data.to_string());
    Call { version: "4.0", path_version: "4.0", ..call }.writing()
}

/// Asks the buyer of an order that is completed for a red flower (小红花).
pub fn red_flower(order: &OrderId) -> Call {
    let data = json!({"orderId": order.as_str(), "channel": "list"});
    Call { version: "4.0", ..Call::new("mtop.taobao.idlemessage.red.flower", data.to_string()) }.writing()
}

/// Closes an order that is not paid. What is paid is not closed: the platform refuses that.
pub fn close_unpaid(order: &OrderId, reason: &str) -> Call {
    let data = json!({"tid": order.as_str(), "bizOrderId": order.as_str(), "closeReason": reason});
    let call = Call::new("mtop.taobao.idle.trade.merchant.close.by.seller", data.to_string());
    Call { version: "2.0", path_version: "2.0", desk: Desk::Seller, ..call }.writing()
}

/// Changes all that is to be paid for an order that is not paid. The fields' names are those of the page that sellers change prices on; no
/// call of it has been seen.
pub fn change_price(order: &OrderId, Fen(amount): Fen) -> Call {
    let price = format!("{}.{:02}", amount / 100, amount % 100);
    let data = json!({"bizOrderId": order.as_str(), "price": price});
    Call::new("mtop.taobao.idle.trade.user.adjust.price", data.to_string()).writing()
}

/// The platform's word about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeState {
    /// Ordered, and not paid.
    Unpaid,
    /// A bargain (小刀) that still wants helpers, or the seller's consent.
    Bargaining,
    /// Paid, and to be shipped.
    Paid,
    Shipped,
    Completed,
    /// The buyer wants the money back.
    Refunding,
    /// The buyer's request ended without a refund: the order is what it was before.
    RefundEnded,
    /// Ended without a deal, or with the money given back.
    Closed,
}

impl TradeState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unpaid => "unpaid",
            Self::Bargaining => "bargaining",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Completed => "completed",
            Self::Refunding => "refunding",
            Self::RefundEnded => "refund_ended",
            Self::Closed => "closed",
        }
    }

    /// The word as titles, lists and steps have it; `None`: nobody has seen it yet, and nothing may follow from it.
    fn read(word: &str) -> Option<Self> {
        Some(match word.trim() {
            "待付款" => Self::Unpaid,
            "待刀成" => Self::Bargaining,
            "待发货" | "已付款" | "已刀成" => Self::Paid,
            "待收货" | "已发货" => Self::Shipped,
            "交易成功" | "待评价" | "已评价" => Self::Completed,
            "退款中" => Self::Refunding,
            "退款关闭" => Self::RefundEnded,
            "交易关闭" | "退款成功" | "已退款" => Self::Closed,
            _ => return None,
        })
    }
}

/// Where something is sent to. Seldom asked for where goods are virtual; people's data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub phone: String,
    pub address: String,
}

/// Never in a log.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(***)")
    }
}

/// What the platform says about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDetail {
    pub order: OrderId,
    pub item: ItemId,
    pub buyer: BuyerId,
    /// `None`: in words that nobody has seen yet.
    pub state: Option<TradeState>,
    /// Pieces; 1 where it is not said.
    pub quantity: u32,
    /// Such as 颜色 and 黑, in the platform's order.
    pub spec: Vec<(String, String)>,
    /// Of one piece.
    pub price: Option<Fen>,
    /// All that is paid.
    pub amount: Option<Fen>,
    pub address: Option<Address>,
    pub placed_at: Option<Timestamp>,
}

impl OrderDetail {
    /// Reads the `data` of a successful [`order_detail`] of this order. An answer about another one is unreadable: it must not serve this one.
    pub fn read(data: &Value, asked: &OrderId) -> Result<Self, Unreadable> {
        let part = |name: &str| {
            let parts = data["components"].as_array().into_iter().flatten();
            parts.filter(|part| part["render"] == name).map(|part| &part["data"]).next().unwrap_or(&Value::Null)
        };
        let (info, status, address) = (part("orderInfoVO"), part("orderStatusVO"), part("addressInfoVO"));
        let of_info = |title: &str| {
            let lines = info["orderInfoList"].as_array().into_iter().flatten();
            lines.filter(|line| line["title"] == title).find_map(|line| text(line, "value"))
        };
        let item = &info["itemInfo"];
        let named = of_info("订单编号").map(OrderId::from);
        if named.as_ref().is_some_and(|order| order != asked) {
            return Err(Unreadable { field: "orderInfoList" });
        }
        let buyer = text(info, "buyerUserId").or_else(|| text(data, "peerUserId"));
        let item_id = text(item, "itemId").or_else(|| text(data, "itemId"));
        Ok(Self {
            order: asked.clone(),
            item: item_id.ok_or(Unreadable { field: "itemId" })?.into(),
            buyer: buyer.ok_or(Unreadable { field: "buyerUserId" })?.into(),
            state: state(status),
            quantity: quantity(text(item, "buyAmount").as_deref()).ok_or(Unreadable { field: "buyAmount" })?,
            spec: spec(item),
            price: text(item, "price").and_then(|price| yuan(&price)),
            amount: text(&info["priceInfo"]["amount"], "value").and_then(|amount| yuan(&amount)),
            address: text(address, "address").map(|place| Address {
                name: text(address, "name").unwrap_or_default(),
                phone: text(address, "phoneNumber").unwrap_or_default(),
                address: place,
            }),
            placed_at: of_info("下单时间").and_then(|time| local_time(&time)),
        })
    }
}

/// The title says it, or else the last step that was done. Where both say something, and the steps are further on, they are right: a title
/// may be an older one's.
fn state(status: &Value) -> Option<TradeState> {
    let title = text(&status["orderStatusInfo"], "title").and_then(|title| by_title(&title));
    let steps = status["orderStatusNodeList"].as_array().into_iter().flatten();
    let done = steps.filter(|step| is_true(&step["completed"]));
    let step = done.rev().find_map(|step| TradeState::read(&text(step, "title")?));
    match (title, step) {
        (Some(TradeState::Paid), Some(TradeState::Shipped | TradeState::Completed)) => step,
        (Some(TradeState::Unpaid), Some(TradeState::Paid | TradeState::Shipped | TradeState::Completed)) => None,
        (Some(title), _) => Some(title),
        (None, step) => step.filter(|_| text(&status["orderStatusInfo"], "title").is_none()),
    }
}

/// Titles are sentences, or the words of a step.
fn by_title(title: &str) -> Option<TradeState> {
    match title.trim() {
        "等待买家付款" => Some(TradeState::Unpaid),
        "等待卖家发货" => Some(TradeState::Paid),
        "等待买家收货" | "等待买家确认收货" => Some(TradeState::Shipped),
        word => TradeState::read(word),
    }
}

/// Absent is one; what is no number of pieces is nothing to deliver by.
fn quantity(told: Option<&str>) -> Option<u32> {
    told.map_or(Some(1), |pieces| pieces.parse().ok().filter(|pieces| *pieces > 0))
}

/// `颜色:黑;尺码:M`, or one name and one value on their own.
fn spec(item: &Value) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once([':', '：'])?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    if let Some(told) = text(item, "skuInfo") {
        return told.split([';', '；']).filter_map(pair).collect();
    }
    text(item, "specName").zip(text(item, "specValue")).into_iter().collect()
}

/// `2025-10-09 08:53:20` in the platform's time.
fn local_time(told: &str) -> Option<Timestamp> {
    let time: jiff::civil::DateTime = told.trim().parse().ok()?;
    let utc = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
    Some(Timestamp(utc - AHEAD))
}

/// What a list of sold orders shows of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldOrder {
    pub order: OrderId,
    pub item: ItemId,
    pub buyer: BuyerId,
    pub buyer_name: Option<String>,
    /// `None`: in words that nobody has seen yet.
    pub state: Option<TradeState>,
    pub in_refund: bool,
    pub quantity: Option<u32>,
    pub amount: Option<Fen>,
    /// It came about by a bargain (小刀).
    pub is_bargain: bool,
    pub placed_at: Option<Timestamp>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldPage {
    pub orders: Vec<SoldOrder>,
    /// Entries that name no order.
    pub unreadable: usize,
    pub is_last: bool,
}

impl SoldPage {
    /// Reads the `data` of a successful [`unshipped_list`]. A list that is not there at all is no list without orders.
    pub fn read(data: &Value) -> Result<Self, Unreadable> {
        let module = &data["module"];
        let unreadable = Unreadable { field: "items" };
        let items = match module.get("items").ok_or(unreadable)? {
            Value::Array(items) => items.as_slice(),
            Value::Null => &[],
            _ => return Err(unreadable),
        };
        let orders: Vec<SoldOrder> = items.iter().filter_map(SoldOrder::read).collect();
        if orders.is_empty() && !items.is_empty() {
            return Err(Unreadable { field: "commonData.orderId" });
        }
        let is_last = !is_true(&module["nextPage"]);
        Ok(Self { unreadable: items.len() - orders.len(), orders, is_last })
    }
}

impl SoldOrder {
    fn read(entry: &Value) -> Option<Self> {
        let (common, buyer, price) = (&entry["commonData"], &entry["buyerInfoVO"], &entry["priceVO"]);
        let mut buttons = entry["rightVO"]["btnList"].as_array().into_iter().flatten();
        Some(Self {
            order: text(common, "orderId")?.into(),
            item: text(common, "itemId")?.into(),
            buyer: text(buyer, "buyerId")?.into(),
            buyer_name: text(buyer, "userNick"),
            state: text(common, "orderStatus").and_then(|state| TradeState::read(&state)),
            in_refund: is_true(&common["inRefund"]),
            quantity: quantity(text(price, "buyNum").as_deref()),
            amount: text(price, "totalPrice").and_then(|amount| yuan(&amount)),
            is_bargain: buttons.any(|button| button["tradeAction"] == "SKIP_PIN"),
            placed_at: whole(common, "createTime").map(Timestamp),
        })
    }
}

/// The seller's desk writes everything as text.
fn is_true(told: &Value) -> bool {
    *told == Value::Bool(true) || told == "true"
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
