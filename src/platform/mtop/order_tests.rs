//! What the platform says of orders, as its protocol describes it.

#![allow(clippy::unwrap_used)]

use super::*;

fn asked() -> OrderId {
    "2500000000000000001".into()
}

/// The answer in the protocol's description.
fn camera() -> Value {
    json!({"peerUserId": "2200000000777", "itemId": "900000000001", "utArgs": {"orderStatus": "2"}, "components": [
        {"render": "orderInfoVO", "data": {
            "itemInfo": {"itemId": "900000000001", "buyAmount": "2", "price": "123.00", "skuInfo": "颜色:黑;尺码：M"},
            "orderInfoList": [{"title": "订单编号", "value": "2500000000000000001"}, {"title": "下单时间", "value": "2025-10-09 08:53:20"}],
            "priceInfo": {"amount": {"value": "246.00"}}, "buyerUserId": "2200000000777"}},
        {"render": "addressInfoVO", "data": {"name": "张三", "phoneNumber": "13800000000", "address": "示例省示例市示例路1号"}},
        {"render": "orderStatusVO", "data": {
            "orderStatusNodeList": [{"title": "已付款", "completed": true}, {"title": "待发货", "completed": false}],
            "orderStatusInfo": {"title": "待发货"}}},
    ]})
}

fn status(title: Option<&str>, done: &[&str]) -> Option<TradeState> {
    let steps: Vec<Value> = done.iter().map(|title| json!({"title": title, "completed": "true"})).collect();
    state(&json!({"orderStatusInfo": {"title": title}, "orderStatusNodeList": steps}))
}

#[test]
fn an_order_is_read_in_full() {
    let order = OrderDetail::read(&camera(), &asked()).unwrap();
    let address = Address {
        name: "张三".into(), phone: "13800000000".into(), address: "示例省示例市示例路1号".into()
    };
    assert_eq!(format!("{address:?}"), "Address(***)");
    let expected = OrderDetail {
        order: asked(),
        item: "900000000001".into(),
        buyer: "2200000000777".into(),
        state: Some(TradeState::Paid),
        quantity: 2,
        spec: vec![("颜色".into(), "黑".into()), ("尺码".into(), "M".into())],
        price: Some(Fen(12_300)),
        amount: Some(Fen(24_600)),
        address: Some(address),
        // 00:53:20 in UTC
        placed_at: Some(Timestamp(1_759_971_200_000)),
    };
    assert_eq!(order, expected);
}

#[test]
fn an_answer_about_another_order_or_without_a_buyer_serves_nobody() {
    assert!(OrderDetail::read(&camera(), &"2500000000000000002".into()).is_err());
    let mut nobody = camera();
    nobody["peerUserId"] = Value::Null;
    nobody["components"][0]["data"]["buyerUserId"] = Value::Null;
    assert_eq!(OrderDetail::read(&nobody, &asked()), Err(Unreadable { field: "buyerUserId" }));
    for odd in [json!("x"), json!("0"), json!("-1"), json!("1.5")] {
        let mut order = camera();
        order["components"][0]["data"]["itemInfo"]["buyAmount"] = odd;
        assert_eq!(OrderDetail::read(&order, &asked()), Err(Unreadable { field: "buyAmount" }));
    }
    let bare = json!({"peerUserId": "2", "itemId": "1"});
    let bare = OrderDetail::read(&bare, &asked()).unwrap();
    assert_eq!((bare.state, bare.quantity, bare.spec, bare.address, bare.placed_at), (None, 1, vec![], None, None));
}

#[test]
fn a_spec_may_stand_in_two_fields() {
    let mut order = camera();
    order["components"][0]["data"]["itemInfo"] = json!({"itemId": "1", "specName": "颜色", "specValue": "白"});
    assert_eq!(OrderDetail::read(&order, &asked()).unwrap().spec, [("颜色".into(), "白".into())]);
}

/// Only words that were seen before lead to anything.
#[test]
fn a_state_is_the_title_or_else_the_last_step_and_never_a_guess() {
    for (title, expected) in [
        ("等待买家付款", TradeState::Unpaid),
        ("等待卖家发货", TradeState::Paid),
        ("等待买家收货", TradeState::Shipped),
        ("交易成功", TradeState::Completed),
        ("交易关闭", TradeState::Closed),
        ("退款关闭", TradeState::RefundEnded),
    ] {
        assert_eq!(status(Some(title), &[]), Some(expected), "{title}");
    }
    assert_eq!(status(None, &["已付款", "已发货"]), Some(TradeState::Shipped));
    assert_eq!(
        status(Some("等待卖家发货"), &["已付款", "已发货"]),
        Some(TradeState::Shipped),
        "the steps are further on"
    );
    assert_eq!(status(Some("等待买家付款"), &["已付款"]), None, "one of the two is wrong");
    assert_eq!(status(Some("卖家发货啦"), &["已付款"]), None, "a title that nobody has seen");
    assert_eq!(status(Some("等待卖家处理退款"), &["已付款"]), None);
    assert_eq!(status(None, &[]), None);
}

#[test]
fn a_page_of_what_was_sold_is_read_though_everything_is_text() {
    let entry = json!({
        "commonData": {"orderId": "2500000000000000001", "itemId": "900000000001", "orderStatus": "待发货", "inRefund": "false",
            "sellerRateStatus": "5", "createTime": "1760000000123"},
        "buyerInfoVO": {"buyerId": "2200000000777", "userNick": "买家小明"},
        "priceVO": {"totalPrice": "123.00", "buyNum": "1"}, "rightVO": {"btnList": [{"tradeAction": "SKIP_PIN"}]},
    });
    let page = json!({"module": {"nextPage": "true", "totalCount": "31", "items": [entry, {}]}});
    let page = SoldPage::read(&page).unwrap();
    let sold = SoldOrder {
        order: asked(),
        item: "900000000001".into(),
        buyer: "2200000000777".into(),
        buyer_name: Some("买家小明".into()),
        state: Some(TradeState::Paid),
        in_refund: false,
        quantity: Some(1),
        amount: Some(Fen(12_300)),
        is_bargain: true,
        placed_at: Some(Timestamp(1_760_000_000_123)),
    };
    assert_eq!((page.orders, page.unreadable, page.is_last), (vec![sold], 1, false));
    assert!(SoldPage::read(&json!({"module": {"items": null}})).unwrap().is_last);
    for odd in [json!({}), json!({"module": {"items": "x"}}), json!({"module": {"items": [{}]}})] {
        assert!(SoldPage::read(&odd).is_err(), "{odd}");
    }
}

#[test]
fn the_calls_are_asked_as_the_sites_ask() {
    assert_eq!(order_detail(&asked()).data, r#"{"tid":"2500000000000000001"}"#);
    let list = unshipped_list(2);
    assert_eq!(
        list.data,
        r#"{"pageNumber":2,"rowsPerPage":30,"orderIds":"","queryCode":"NOT_SHIP","orderSearchParam":"{}"}"#
    );
    let query = list.query("t", Timestamp(1));
    assert!(query.contains("&type=json&") && query.ends_with("&valueType=string"), "{query}");
    assert_eq!(
        confirm_shipment(&asked()).data,
        r#"{"orderId":"2500000000000000001","tradeText":"","picList":[],"newUnconsign":true}"#
    );
    let bargain = free_shipping(&asked(), &"900000000001".into(), &"2200000000777".into()).unwrap();
    assert_eq!(bargain.data, r#"{"bizOrderId":"2500000000000000001","itemId":900000000001,"buyerId":2200000000777}"#);
    assert!(free_shipping(&asked(), &"x".into(), &"1".into()).is_none());
}

/// The version of the query and that of the path are not always the same.
#[test]
fn what_a_seller_does_besides_is_asked_in_the_versions_of_its_apis() {
    let versions = |call: &Call| (call.version, call.path_version, call.desk);
    let rating = rate_buyer(&asked(), "好评");
    assert_eq!(rating.data, r#"{"tradeId":"2500000000000000001","rate":1,"feedback":"好评","createOrAppend":0}"#);
    assert_eq!(versions(&rating), ("4.0", "4.0", Desk::Chat));
    let flower = red_flower(&asked());
    assert_eq!(flower.data, r#"{"orderId":"2500000000000000001","channel":"list"}"#);
    assert_eq!(versions(&flower), ("4.0", "1.0", Desk::Chat));
    let close = close_unpaid(&asked(), "未付款");
    assert_eq!(
        close.data,
        r#"{"tid":"2500000000000000001","bizOrderId":"2500000000000000001","closeReason":"未付款"}"#
    );
    assert_eq!(versions(&close), ("2.0", "2.0", Desk::Seller));
    let price = change_price(&asked(), Fen(8_805));
    assert_eq!(price.data, r#"{"bizOrderId":"2500000000000000001","price":"88.05"}"#);
    assert_eq!(versions(&price), ("1.0", "1.0", Desk::Chat));
}
