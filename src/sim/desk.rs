//! The gateway's calls about orders: what it tells of them, and what a seller does with them.
//!
//! The simulator's own choices: ids are text, and anything else is a wrong parameter. A list begins with the newest. What is to be shipped is
//! listed as 待发货 whether or not the money is wanted back (`inRefund` says that) and whether or not a bargain still wants helpers
//! (`SKIP_PIN` says that); the list of everything says 退款中 of the first. A refund that ended shows in the list, as 退款关闭, until the order
//! moves on, while the detail is back to where the order stands. A price is changed by `bizOrderId` and `price` in yuan.

use serde_json::{Value, json};

use super::{
    account::Account,
    fault::Faults,
    gateway::{Call, Outcome},
    item::{BAD_PARAMETERS, yuan},
    order::{Order, OrderState, Refund, Refusal, Step},
};
use crate::ids::{Fen, OrderId, Timestamp};

/// Answers a call about orders; `None` where it is not one, or not of this version.
pub(super) fn answer(account: &Account, call: &Call, data: &Value, faults: &Faults) -> Option<Outcome> {
    let stale = faults.stale_orders;
    let answer = match (call.api.as_str(), call.versions()) {
        ("mtop.idle.web.trade.order.detail", ("1.0", "1.0")) => detail(account, data, stale),
        ("mtop.taobao.idle.trade.merchant.sold.get", ("1.0", "1.0")) => sold(account, data, stale),
        ("mtop.taobao.idle.merchant.rate.list", ("1.0", "1.0")) => to_rate(account, data, stale),
        ("mtop.taobao.idle.logistic.consign.dummy", ("1.0", "1.0")) => step(account, data, "orderId", Step::Ship),
        ("mtop.idle.groupon.activity.seller.freeshipping", ("1.0", "1.0")) => free_shipping(account, data),
        ("mtop.taobao.idle.trade.merchant.close.by.seller", ("2.0", "2.0")) => {
            step(account, data, "tid", Step::CloseBySeller)
        }
        ("mtop.taobao.idle.trade.user.adjust.price", ("1.0", "1.0")) => adjust_price(account, data),
        ("mtop.taobao.idle.rate.create", ("4.0", "4.0")) => rate_buyer(account, data),
        ("mtop.taobao.idlemessage.red.flower", ("4.0", "1.0")) => step(account, data, "orderId", Step::SendFlower),
        _ => return None,
    };
    // the sellers' back office asks for everything as text
    let as_text = call.query("valueType") == "string";
    Some(match answer {
        Ok(data) => Outcome::success(if as_text { texts(data) } else { data }),
        Err(ret) => Outcome::plain(ret),
    })
}

/// Data, or what `ret` says instead.
type Answer = Result<Value, &'static str>;

impl From<Refusal> for &'static str {
    fn from(refusal: Refusal) -> Self {
        refusal.ret()
    }
}

fn named(data: &Value, field: &str) -> Result<OrderId, &'static str> {
    data[field].as_str().filter(|id| !id.is_empty()).map(OrderId::from).ok_or(BAD_PARAMETERS)
}

/// The order named in `field` takes a step.
fn step(account: &Account, data: &Value, field: &str, step: Step) -> Answer {
    account.happens(&named(data, field)?, step)?;
    Ok(json!({}))
}

/// The one call in which item and buyer are numbers.
fn free_shipping(account: &Account, data: &Value) -> Answer {
    let id = named(data, "bizOrderId")?;
    let number = |field: &str| data[field].as_u64().ok_or(BAD_PARAMETERS);
    let (item, buyer) = (number("itemId")?.to_string(), number("buyerId")?.to_string());
    let order = account.order(&id).ok_or(Refusal::Unknown)?;
    if order.item.as_str() != item {
        return Err("GROUPON_ACTIVITY_ITEM_CHECK_ERROR::活动商品校验失败");
    }
    if order.buyer.as_str() != buyer {
        return Err("BUYER_NOT_EXIST::买家不存在");
    }
    step(account, data, "bizOrderId", Step::FreeShip)
}

fn adjust_price(account: &Account, data: &Value) -> Answer {
    let price = data["price"].as_str().and_then(cents).ok_or(BAD_PARAMETERS)?;
    step(account, data, "bizOrderId", Step::ChangePrice(price))?;
    Ok(json!({"success": true}))
}

fn rate_buyer(account: &Account, data: &Value) -> Answer {
    if !data["rate"].is_number() || !data["feedback"].is_string() {
        return Err(BAD_PARAMETERS);
    }
    step(account, data, "tradeId", Step::RateBuyer)
}

/// Everything about one order.
fn detail(account: &Account, data: &Value, stale: bool) -> Answer {
    let id = named(data, "tid")?;
    let order = account.order(&id).ok_or(Refusal::Unknown)?;
    let order = order.seen(stale).ok_or(Refusal::Unknown)?;
    let mut components = vec![json!({"render": "orderInfoVO", "data": {
        "itemInfo": {
            "itemId": order.item, "buyAmount": order.quantity.to_string(), "price": yuan(order.price.0), "skuInfo": spec(order),
        },
        "orderInfoList": lines(order),
        "priceInfo": {"amount": {"value": yuan(order.amount.0)}},
        "buyerUserId": order.buyer,
    }})];
    if let Some(to) = &order.address {
        let data = json!({"name": to.name, "phoneNumber": to.phone, "address": to.address});
        components.push(json!({"render": "addressInfoVO", "data": data}));
    }
    let status = json!({"orderStatusNodeList": nodes(order), "orderStatusInfo": {"title": title(order)}});
    components.push(json!({"render": "orderStatusVO", "data": status}));
    Ok(json!({
        "peerUserId": order.buyer, "itemId": order.item, "utArgs": {"orderStatus": number(order.state)}, "components": components,
    }))
}

/// A page of what was sold, counted from 1.
fn sold(account: &Account, data: &Value, stale: bool) -> Answer {
    let code = data["queryCode"].as_str().unwrap_or_default();
    let wanted: fn(&Order) -> bool = match code {
        "ALL" => |_| true,
        "NOT_SHIP" => Order::is_to_ship,
        _ => return Err(BAD_PARAMETERS),
    };
    let ids = data["orderIds"].as_str().unwrap_or_default();
    let named = |order: &Order| ids.is_empty() || ids.split(',').any(|id| id.trim() == order.id.as_str());
    let word = if code == "ALL" { word } else { |_: &Order| "待发货" };
    page(account, data, stale, |order| wanted(order) && named(order), word)
}

/// A page of what may be rated, or was: `sellerRateStatus` 5, or 4.
fn to_rate(account: &Account, data: &Value, stale: bool) -> Answer {
    let search = data["rateSearchParam"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let status = search.as_ref().map_or(Value::Null, |search| search["sellerRateStatus"].clone());
    if data["queryType"] != "ORDER" {
        return Err(BAD_PARAMETERS);
    }
    let wanted =
        |order: &Order| order.state == OrderState::Completed && (status.is_null() || status == rate_status(order));
    page(account, data, stale, wanted, word)
}

fn page(
    account: &Account,
    data: &Value,
    stale: bool,
    wanted: impl Fn(&Order) -> bool,
    word: fn(&Order) -> &'static str,
) -> Answer {
    let number = |name: &str| data[name].as_u64().and_then(|number| usize::try_from(number).ok());
    let (Some(page @ 1..), Some(rows @ 1..)) = (number("pageNumber"), number("rowsPerPage")) else {
        return Err(BAD_PARAMETERS);
    };
    let state = account.lock();
    let seen = state.orders.iter().rev().filter_map(|order| order.seen(stale));
    let found: Vec<&Order> = seen.filter(|order| wanted(order)).collect();
    let items: Vec<Value> =
        found.iter().skip((page - 1) * rows).take(rows).map(|order| entry(order, word(order))).collect();
    Ok(json!({"module": {"nextPage": found.len() > page * rows, "totalCount": found.len(), "items": items}}))
}

fn entry(order: &Order, word: &str) -> Value {
    let skip = (order.is_bargain && order.is_to_ship()).then(|| json!({"tradeAction": "SKIP_PIN"}));
    let to = order.address.as_ref();
    json!({
        "commonData": {
            "orderId": order.id, "itemId": order.item, "orderStatus": word, "inRefund": order.refund == Refund::Asked,
            "sellerRateStatus": rate_status(order), "createTime": order.times.placed,
        },
        "buyerInfoVO": {
            "buyerId": order.buyer, "userNick": order.nick, "name": to.map_or("", |to| &to.name),
            "phone": to.map(|to| masked(&to.phone)).unwrap_or_default(), "address": to.map_or("", |to| &to.address),
        },
        "priceVO": {"totalPrice": yuan(order.amount.0), "buyNum": order.quantity},
        "rightVO": {"btnList": skip.into_iter().collect::<Vec<_>>()},
    })
}

/// The word of a list.
fn word(order: &Order) -> &'static str {
    match (order.refund, order.state) {
        (Refund::Asked, _) => "退款中",
        (Refund::Granted, _) => "退款成功",
        (Refund::Ended, _) => "退款关闭",
        (Refund::None, OrderState::Unpaid) => "待付款",
        (Refund::None, OrderState::Bargaining | OrderState::Paid) => "待发货",
        (Refund::None, OrderState::Shipped) => "已发货",
        (Refund::None, OrderState::Completed) => "交易成功",
        (Refund::None, OrderState::Closed) => "交易关闭",
    }
}

/// The headline of the detail.
fn title(order: &Order) -> &'static str {
    match order.state {
        _ if order.refund == Refund::Asked => "退款中",
        OrderState::Unpaid => "等待买家付款",
        OrderState::Bargaining => "待刀成",
        OrderState::Paid => "等待卖家发货",
        OrderState::Shipped => "等待买家收货",
        OrderState::Completed => "交易成功",
        OrderState::Closed => "交易关闭",
    }
}

/// The steps of the detail, done or to be done.
fn nodes(order: &Order) -> Value {
    let times = &order.times;
    let paid = match (order.is_bargain, times.paid) {
        (true, None) => "待刀成",
        (true, Some(_)) => "已刀成",
        (false, _) => "已付款",
    };
    let mut nodes = vec![(paid, times.paid.is_some())];
    nodes.push(if times.shipped.is_some() { ("已发货", true) } else { ("待发货", false) });
    if times.shipped.is_some() {
        nodes.push(("交易成功", times.completed.is_some()));
    }
    if times.completed.is_some() {
        nodes.push(if times.rated_by_seller.is_some() { ("已评价", true) } else { ("待评价", false) });
    }
    nodes.into_iter().map(|(title, completed)| json!({"title": title, "completed": completed})).collect()
}

fn lines(order: &Order) -> Value {
    let times = &order.times;
    let dated = [
        ("下单时间", times.placed),
        ("付款时间", times.paid),
        ("发货时间", times.shipped),
        ("成交时间", times.completed),
        ("关闭时间", times.closed),
    ];
    let dated = dated.into_iter().filter_map(|(title, at)| Some((title, local_time(at?))));
    let lines = std::iter::once(("订单编号", order.id.to_string())).chain(dated);
    lines.map(|(title, value)| json!({"title": title, "value": value})).collect()
}

/// `颜色:黑;尺码:M`; `null` where there is none.
fn spec(order: &Order) -> Value {
    let pairs: Vec<String> = order.spec.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    if pairs.is_empty() { Value::Null } else { pairs.join(";").into() }
}

fn number(state: OrderState) -> &'static str {
    match state {
        OrderState::Unpaid | OrderState::Bargaining => "1",
        OrderState::Paid => "2",
        OrderState::Shipped => "3",
        OrderState::Completed => "4",
        OrderState::Closed => "6",
    }
}

/// 4: rated by the seller.
fn rate_status(order: &Order) -> &'static str {
    if order.times.rated_by_seller.is_some() { "4" } else { "5" }
}

/// `138****0000`, as lists show it.
fn masked(phone: &str) -> String {
    match (phone.get(..3), phone.get(7..)) {
        (Some(head), Some(tail)) => format!("{head}****{tail}"),
        _ => "****".into(),
    }
}

/// `2025-10-09 08:53:20`, eight hours before UTC.
fn local_time(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    time.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `88`, `88.5` and `88.50` are the same.
fn cents(yuan: &str) -> Option<Fen> {
    let (whole, part) = yuan.split_once('.').unwrap_or((yuan, ""));
    if whole.is_empty() || part.len() > 2 || !part.bytes().chain(whole.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{part:0<2}").parse().ok().map(Fen)
}

/// Every number and truth as text, as the sellers' back office has them.
fn texts(value: Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::Bool(truth) => truth.to_string().into(),
        Value::Array(values) => values.into_iter().map(texts).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, texts(value))).collect(),
        Value::Null | Value::String(_) => value,
    }
}
