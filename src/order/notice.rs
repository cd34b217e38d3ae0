//! Reads what the platform tells of orders: cards, changes of cards, tips and badges. Nothing that a person wrote is looked at.

use super::event::OrderEvent;
use crate::{
    ids::{BuyerId, ConversationId, ItemId, MessageId, OrderId, Timestamp},
    platform::lwp::event::{Card, CardUpdate, Content, Message},
};

/// What the platform told of an order that a buyer has with us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The message that told of it. Where no message did (a badge), a name that is as good: the same badge has the same.
    pub message: MessageId,
    pub conversation: ConversationId,
    /// `None`: the platform did not say which.
    pub order: Option<OrderId>,
    pub event: OrderEvent,
    /// In whose name it was told, if that is a buyer's.
    pub buyer: Option<BuyerId>,
    pub item: Option<ItemId>,
    pub at: Timestamp,
}

/// What a message tells. `None` for everything that people write, whatever they write.
pub fn of_message(message: &Message, own: &BuyerId) -> Option<Notice> {
    // The kind of content is the platform's word; marked as a tip may be anything.
    let nothing = Card::default();
    let card = match &message.content {
        Content::Card(card) => card,
        Content::Tip { .. } => &nothing,
        Content::Text { .. } | Content::Image { .. } | Content::Voice | Content::Sticker | Content::Other => {
            return None;
        }
    };
    if message.group {
        return None;
    }
    Some(Notice {
        message: message.id.clone(),
        conversation: message.conversation.clone(),
        order: card.order.clone(),
        event: event_of(card, &message.reminder)?,
        buyer: buyer(&message.sender, own),
        item: message.item.clone(),
        at: message.created_at,
    })
}

/// An order that a card names without telling an event: a changed price, a reminder to ship, a bargain. Worth a look at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    pub conversation: ConversationId,
    pub order: OrderId,
    pub buyer: Option<BuyerId>,
    pub item: Option<ItemId>,
}

/// Which order a card names, where it tells no event of it. `None` for everything that people write.
pub fn mentioned(message: &Message, own: &BuyerId) -> Option<Mention> {
    let Content::Card(card) = &message.content else { return None };
    if message.group || card.bought || of_message(message, own).is_some() {
        return None;
    }
    Some(Mention {
        conversation: message.conversation.clone(),
        order: card.order.clone()?,
        buyer: buyer(&message.sender, own),
        item: message.item.clone(),
    })
}

/// What a change of a card tells.
pub fn of_update(update: &CardUpdate, own: &BuyerId) -> Option<Notice> {
    Some(Notice {
        message: update.message.clone(),
        conversation: update.conversation.clone(),
        order: update.card.order.clone(),
        event: event_of(&update.card, &update.reminder)?,
        buyer: update.sender.as_ref().and_then(|sender| buyer(sender, own)),
        item: update.item.clone(),
        at: update.at,
    })
}

/// What a change of a conversation's badge tells. It mostly comes beside a card that tells the same of its order.
pub fn of_badge(conversation: &ConversationId, text: &str, at: Timestamp) -> Option<Notice> {
    Some(Notice {
        message: format!("badge-{conversation}-{}", at.0).into(),
        conversation: conversation.clone(),
        order: None,
        event: by_badge(text)?,
        buyer: None,
        item: None,
        at,
    })
}

/// The platform's own accounts have short numbers.
const SHORT: usize = 6;

fn buyer(sender: &BuyerId, own: &BuyerId) -> Option<BuyerId> {
    (sender != own && sender.as_str().len() > SHORT).then(|| sender.clone())
}

fn event_of(card: &Card, reminder: &str) -> Option<OrderEvent> {
    if card.bought {
        return None;
    }
    let sentence = reminder.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(reminder);
    match by_sentence(sentence) {
        // The outcome of a request for a refund is told by the card's button.
        Some(OrderEvent::Refunding) if matches!(card.button.as_deref(), Some("已撤销" | "已拒绝")) => None,
        Some(event) => Some(event),
        // A sentence nobody knows, on a card that says in which state its order is. (M14)
        None => card.order.as_ref().and(card.red_reminder.as_deref()).and_then(by_badge),
    }
}

/// The whole sentence, never a piece of one.
fn by_sentence(sentence: &str) -> Option<OrderEvent> {
    match sentence {
        "我已拍下，待付款" => Some(OrderEvent::Placed),
        "我已付款，等待你发货" | "已付款，待发货" | "买家已付款" | "付款完成" => {
            Some(OrderEvent::Paid)
        }
        "你已发货" | "已发货" | "你已发货，请等待买家确认收货" => Some(OrderEvent::Shipped),
        "买家确认收货，交易成功" | "你已确认收货，交易成功" => Some(OrderEvent::Received),
        "我发起了退款申请" | "买家申请退款" | "卖家同意退款" => Some(OrderEvent::Refunding),
        "退款成功，钱款已原路退返" => Some(OrderEvent::Refunded),
        "你关闭了订单，钱款已原路退返" | "未付款，买家关闭了订单" => Some(OrderEvent::Closed),
        _ => None,
    }
}

fn by_badge(text: &str) -> Option<OrderEvent> {
    match text {
        "等待买家付款" => Some(OrderEvent::Placed),
        "等待卖家发货" => Some(OrderEvent::Paid),
        "等待买家收货" | "已发货" => Some(OrderEvent::Shipped),
        "买家申请退款" => Some(OrderEvent::Refunding),
        "交易关闭" => Some(OrderEvent::Closed),
        _ => None,
    }
}

#[cfg(test)]
#[path = "notice_tests.rs"]
mod tests;
