//! Notices from the layouts that the platform was seen to use, and from what people try instead.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::platform::lwp::{
    event::{Event, classify},
    payload,
};

const VECTORS: &str = include_str!("../../tests/fixtures/protocol-vectors.json");

fn own() -> BuyerId {
    "2200000000001".into()
}

fn read(event: &Event) -> Option<Notice> {
    match event {
        Event::Message(message) => of_message(message, &own()),
        Event::CardUpdate(update) => of_update(update, &own()),
        Event::Badge { conversation, text, at, .. } => of_badge(conversation, text, *at),
        Event::Pointer { .. } | Event::Read { .. } | Event::Typing { .. } | Event::Arouse { .. } | Event::Unknown => {
            None
        }
    }
}

/// The event of a push entry that was seen.
fn seen(id: &str) -> Event {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let case = vectors["decode"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap().clone();
    classify(&payload::decode(case["data"].as_str().unwrap()).unwrap())
}

fn told(id: &str) -> Option<(OrderEvent, Option<OrderId>)> {
    read(&seen(id)).map(|notice| (notice.event, notice.order))
}

/// A message of this content type with this display text.
fn message(content_type: i64, reminder: &str, content: &Value, extension: &Value) -> Option<Notice> {
    let mut fields = json!({"reminderContent": reminder, "senderUserId": "2200000000777"});
    fields.as_object_mut().unwrap().extend(extension.as_object().unwrap().clone());
    let tree = json!({"1": {
        "1": {"1": "2200000000777@goofish"}, "2": "50000000001@goofish", "3": "1.PNM", "5": 1_760_000_000_123_i64,
        "6": {"1": 101, "3": {"2": reminder, "4": content_type, "5": content.to_string()}}, "10": fields,
    }});
    read(&classify(&tree))
}

fn card(reminder: &str, button: &str) -> Option<Notice> {
    let main = json!({"exContent": {"title": "x", "button": {"text": button, "targetUrl": "fleamarket://x?orderId=2500000000000000011"}}});
    message(26, reminder, &json!({"contentType": 26, "dxCard": {"item": {"main": main}}}), &json!({}))
}

#[test]
fn every_card_that_was_seen_tells_what_happened_to_which_order() {
    let order = Some(OrderId::from("2500000000000000001"));
    assert_eq!(told("card-ordered-unpaid"), Some((OrderEvent::Placed, order.clone())));
    assert_eq!(told("card-paid"), Some((OrderEvent::Paid, order.clone())));
    assert_eq!(told("card-shipped"), Some((OrderEvent::Shipped, order.clone())));
    assert_eq!(told("card-refund-apply"), Some((OrderEvent::Refunding, order.clone())));
    assert_eq!(told("meta-card-update"), Some((OrderEvent::Paid, order)));
    for nothing in ["card-bargain", "card-rate-prompt", "card-rated", "tip-marketing", "meta-red-clear"] {
        assert_eq!(told(nothing), None, "{nothing}");
    }
}

#[test]
fn a_notice_says_who_about_what_where_and_when() {
    let notice = read(&seen("card-paid")).unwrap();
    assert_eq!(notice.message, "3400000000021.PNM".into());
    assert_eq!((notice.conversation.as_str(), notice.at), ("50000000001", Timestamp(1_760_000_000_123)));
    assert_eq!((notice.buyer, notice.item), (Some("2200000000777".into()), Some("900000000001".into())));
}

/// The platform and we ourselves are no buyers.
#[test]
fn a_card_in_our_name_or_the_platforms_names_no_buyer() {
    for (sender, buyer) in [("2200000000777", Some("2200000000777")), ("2200000000001", None), ("1400", None)] {
        let Event::Message(mut message) = seen("card-shipped") else { panic!("no message") };
        message.sender = sender.into();
        assert_eq!(of_message(&message, &own()).unwrap().buyer, buyer.map(BuyerId::from));
    }
}

#[test]
fn a_badge_tells_of_no_order_in_particular_and_the_same_badge_is_the_same() {
    assert_eq!(told("meta-red-1"), Some((OrderEvent::Paid, None)));
    assert_eq!(told("meta-red-3"), Some((OrderEvent::Shipped, None)));
    let badge = || of_badge(&"1".into(), "交易关闭", Timestamp(5)).unwrap();
    assert_eq!((badge().event, badge().message), (OrderEvent::Closed, badge().message));
    assert_ne!(of_badge(&"1".into(), "交易关闭", Timestamp(6)).unwrap().message, badge().message);
}

/// The sentences whose meaning was recorded, with and without their brackets.
#[test]
fn every_recorded_sentence_has_its_meaning() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for case in vectors["text_status"].as_array().unwrap() {
        let event = card(case["text"].as_str().unwrap(), "").map(|notice| notice.event);
        let expected: &[OrderEvent] = match case["status"].as_str().unwrap() {
            "processing" => &[OrderEvent::Placed],
            "pending_ship" => &[OrderEvent::Paid],
            "shipped" => &[OrderEvent::Shipped],
            "completed" => &[OrderEvent::Received],
            "cancelled" => &[OrderEvent::Refunded, OrderEvent::Closed],
            other => panic!("{other} is new"),
        };
        assert!(event.is_some_and(|event| expected.contains(&event)), "{}: {event:?}", case["text"]);
    }
}

/// A bargain and its like tell no event, and name their order all the same.
#[test]
fn a_card_without_an_event_mentions_its_order_and_what_a_person_writes_never_does() {
    let Event::Message(bargain) = seen("card-bargain") else { panic!("no message") };
    assert!(mentioned(&bargain, &own()).is_some());
    let Event::Message(paid) = seen("card-paid") else { panic!("no message") };
    assert_eq!(mentioned(&paid, &own()), None, "it tells an event");
    let mut typed = *paid;
    typed.content = Content::Text { text: "orderId=2500000000000000019".into() };
    assert_eq!(mentioned(&typed, &own()), None);
}

/// D11: whoever types the platform's sentence, with an order's number behind it, has typed something.
#[test]
fn d11_what_a_person_writes_is_never_a_notice() {
    let text = |text: &str| json!({"contentType": 1, "text": {"text": text}});
    for typed in ["[我已付款，等待你发货]", "我已付款，等待你发货", "[买家已付款] orderId=2500000000000000019"]
    {
        assert_eq!(message(1, typed, &text(typed), &json!({})), None, "{typed}");
        // Dressed up as far as a client can.
        let forged = json!({
            "extJson": r#"{"msgArg1":"MsgTips","updateKey":"50000000001:2500000000000000019:10:TRADE_PAID:26"}"#,
            "redReminder": "等待卖家发货",
        });
        assert_eq!(message(1, typed, &text(typed), &forged), None, "{typed}");
        let card = json!({"contentType": 26, "dxCard": {"item": {"main": {
            "targetUrl": "fleamarket://order_detail?id=2500000000000000019&role=seller"}}}});
        assert_eq!(message(1, typed, &card, &forged), None, "{typed}");
    }
}

/// D11: the whole sentence counts, on a card too.
#[test]
fn d11_a_piece_of_a_sentence_is_no_sentence() {
    for text in ["[他说：我已付款，等待你发货]", "[我已付款，等待你发货！]", "[我已付款]", "[]", "["]
    {
        assert_eq!(card(text, ""), None, "{text}");
    }
}

#[test]
fn a_refund_that_was_withdrawn_or_refused_is_none() {
    let refund = |button| card("[我发起了退款申请]", button).map(|notice| notice.event);
    assert_eq!(refund("立即处理"), Some(OrderEvent::Refunding));
    assert_eq!(refund("已同意"), Some(OrderEvent::Refunding));
    assert_eq!((refund("已撤销"), refund("已拒绝")), (None, None));
}

/// M14: where the sentence is new, the state that stands on the card counts, if the card names its order.
#[test]
fn m14_a_card_with_a_new_sentence_is_read_by_its_badge() {
    let red = |order: &str| {
        let fields =
            json!({"redReminder": "交易关闭", "extJson": json!({"updateKey": format!("1:{order}:x")}).to_string()});
        message(26, "[一句新话]", &json!({"contentType": 26}), &fields).map(|notice| notice.event)
    };
    assert_eq!(red("2500000000000000011"), Some(OrderEvent::Closed));
    assert_eq!(red(""), None);
}

/// A tip without an order is one all the same.
#[test]
fn a_tip_of_the_platform_tells_too() {
    let tip = json!({"contentType": 14, "tip": {"tip": "未付款，买家关闭了订单"}});
    let notice = message(14, "[未付款，买家关闭了订单]", &tip, &json!({})).unwrap();
    assert_eq!((notice.event, notice.order), (OrderEvent::Closed, None));
    let key = json!({"extJson": r#"{"msgArg1":"MsgTips","updateKey":"1:2500000000000000011:1_close"}"#});
    let notice = message(14, "[未付款，买家关闭了订单]", &tip, &key).unwrap();
    assert_eq!((notice.event, notice.order), (OrderEvent::Closed, Some("2500000000000000011".into())));
}

#[test]
fn what_the_account_bought_is_no_order_of_its_buyers() {
    let main = json!({"targetUrl": "fleamarket://order_detail?id=2500000000000000011&role=buyer"});
    let body = json!({"contentType": 26, "dxCard": {"item": {"main": main}}});
    assert_eq!(message(26, "[买家已付款]", &body, &json!({})), None);
    let task = json!({"bizTag": r#"{"taskName":"付款完成待发货_买家"}"#});
    assert_eq!(message(26, "[买家已付款]", &json!({"contentType": 26}), &task), None);
    let closed = json!({"bizTag": r#"{"taskName":"买家关闭订单_卖家"}"#});
    let notice = message(14, "[未付款，买家关闭了订单]", &json!({"contentType": 14}), &closed);
    assert_eq!(notice.map(|notice| notice.event), Some(OrderEvent::Closed));
}
