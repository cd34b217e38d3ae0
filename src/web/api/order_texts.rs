//! Orders and their deliveries in words.

use super::super::error::Said;
use crate::{
    delivery::{choice::Choice, readiness::Lack, review::Reason, step::Unit, unit::UnitState},
    order::{
        event::OrderEvent,
        status::{Cause, Status},
    },
    store::{
        deliveries::MessageState,
        order_actions::{Action, State as ActionState},
        reviews::ERASED,
    },
};

pub(in crate::web) fn status(status: Option<Status>) -> Said {
    let (zh, en) = match status {
        None => ("尚未读取", "not read yet"),
        Some(Status::Processing) => ("待付款", "not paid"),
        Some(Status::PendingShip) => ("待发货", "paid, to be delivered"),
        Some(Status::Shipped) => ("已发货", "shipped"),
        Some(Status::Completed) => ("已完成", "completed"),
        Some(Status::Refunding) => ("退款中", "refund asked for"),
        Some(Status::Cancelled) => ("已关闭", "ended"),
    };
    Said::new(zh, en)
}

pub(in crate::web) fn cause(cause: Cause) -> Said {
    let (zh, en) = match cause {
        Cause::Notice => ("收到平台消息", "the platform told of it"),
        Cause::List => ("与平台订单列表核对", "the platform's list was compared"),
        Cause::Delivery => ("发货前核对", "it was read before something was sent"),
        Cause::Shipment => ("确认发货后核对", "it was read after the shipment was confirmed"),
        Cause::FollowUp => ("订单操作后核对", "it was read after something was done about it"),
        Cause::Person => ("人工查询", "a person asked"),
        Cause::Schedule => ("定期核对", "it was read by schedule"),
    };
    Said::new(zh, en)
}

pub(in crate::web) fn event(event: OrderEvent) -> Said {
    let (zh, en) = match event {
        OrderEvent::Placed => ("平台消息：买家已下单", "the platform told: ordered"),
        OrderEvent::Paid => ("平台消息：买家已付款", "the platform told: paid"),
        OrderEvent::Shipped => ("平台消息：已发货", "the platform told: shipped"),
        OrderEvent::Received => ("平台消息：买家已确认收货", "the platform told: receipt confirmed"),
        OrderEvent::Refunding => ("平台消息：买家申请退款", "the platform told: refund asked for"),
        OrderEvent::Refunded => ("平台消息：已退款", "the platform told: refunded"),
        OrderEvent::Closed => ("平台消息：交易关闭", "the platform told: ended"),
    };
    Said::new(zh, en)
}

pub(in crate::web) fn unit(state: Unit) -> Said {
    let (zh, en) = match state {
        Unit::Reserved => ("已预留", "reserved"),
        Unit::Sent => ("已发出", "sent"),
        Unit::Confirmed => ("已送达", "confirmed"),
        Unit::Uncertain => ("结果不明", "in doubt"),
        Unit::Rejected => ("被平台拒绝", "refused by the platform"),
        Unit::Cancelled => ("已取消", "cancelled"),
    };
    Said::new(zh, en)
}

pub(in crate::web) fn piece(state: UnitState) -> Said {
    let (zh, en) = match state {
        UnitState::Free => ("放回库存", "back in stock"),
        UnitState::Reserved => ("已预留", "reserved"),
        UnitState::Sent => ("已发出", "sent"),
        UnitState::Confirmed => ("已送达", "confirmed"),
        UnitState::Uncertain => ("结果不明", "in doubt"),
        UnitState::Returned => ("已退回", "returned"),
        UnitState::Void => ("已作废", "void"),
    };
    Said::new(zh, en)
}

pub(in crate::web) fn message(state: MessageState) -> Said {
    let (zh, en) = match state {
        MessageState::Planned => ("已准备", "prepared"),
        MessageState::Queued => ("排队中", "queued"),
        MessageState::Sent => ("已发出", "sent"),
        MessageState::Confirmed => ("已送达", "confirmed by the platform"),
        MessageState::Uncertain => ("结果不明", "in doubt"),
        MessageState::Rejected => ("被平台拒绝", "refused by the platform"),
        MessageState::Dropped => ("已放弃，由新消息代替", "given up for another"),
    };
    Said::new(zh, en)
}

pub(in crate::web) fn action(action: Action, state: ActionState) -> Said {
    let (zh, en) = match action {
        Action::Ship => ("向平台确认发货", "confirming the shipment"),
        Action::FreeShipping => ("小刀免拼", "letting the bargain through"),
        Action::Fetch => ("向卖家程序取卡密", "asking the seller's own program"),
        Action::Receipt => ("发货后附言", "the words after the delivery"),
        Action::OutOfStock => ("缺货说明", "the words about missing stock"),
        Action::ByHand => ("人工处理", "seen to by hand"),
        Action::GiveAnyway => ("已发货订单仍补发", "sending although it is shipped"),
        Action::Delivered => ("全部送达", "giving all of it"),
        Action::AskConfirmation => ("提醒买家确认收货", "asking the buyer to confirm"),
        Action::Rate => ("评价买家", "rating the buyer"),
        Action::Flower => ("求小红花", "asking for a red flower"),
        Action::Close => ("关闭未付款订单", "closing the unpaid order"),
        Action::Price => ("修改价格", "changing the price"),
        Action::OffSale => ("库存用完，下架商品", "taking the item off the sale, for want of stock"),
    };
    let (zh_state, en_state) = match state {
        ActionState::Due => ("待重试", "to be tried again"),
        ActionState::Done => ("完成", "done"),
        ActionState::Failed => ("未成功", "failed"),
    };
    Said::new(format!("{zh}：{zh_state}"), format!("{en}: {en_state}"))
}

/// Why an order waits for a person.
pub(in crate::web) fn reason(reason: Reason) -> Said {
    let (zh, en) = reason.sentence();
    Said::new(zh, en)
}

/// How it ended that an order waited for a person.
pub(in crate::web) fn resolution(resolution: Option<&str>) -> Said {
    let chosen = Choice::ALL.into_iter().find(|choice| Some(choice.as_str()) == resolution);
    let (zh, en) = match chosen {
        None if resolution == Some(ERASED) => ("买家数据已删除", "the buyer was erased"),
        None => ("已自行恢复", "it healed"),
        Some(Choice::ByHand) => ("人工处理", "seen to by hand"),
        Some(Choice::Arrived) => ("人工确认：已送达", "a person says: it arrived"),
        Some(Choice::SendAgain) => ("人工决定：重新发送", "a person says: send it again"),
        Some(Choice::LookAgain) => ("人工决定：重新检查", "a person says: look again"),
        Some(Choice::TryAgain) => ("人工决定：重试", "a person says: try again"),
    };
    Said::new(zh, en)
}

/// What is missing, and what to do about it.
pub(in crate::web) fn lack(lack: Lack) -> Said {
    let (zh, en) = match lack {
        Lack::DeliveryOff => ("该账号未开启自动发货。", "The account does not deliver: switch its deliveries on."),
        Lack::AccountOff => ("账号已停用。", "The account is switched off."),
        Lack::NeedsPerson => {
            ("账号需要人工处理（登录或验证）。", "The account waits for a person: a login or a check.")
        }
        Lack::NotConnected => ("账号未连接，会自动重连。", "The account is not connected at the moment."),
        Lack::Stopped => ("停止开关已打开。", "A stop switch is on."),
        Lack::NoRule => ("没有适用的发货规则。", "No delivery rule is about it."),
        Lack::RuleOff => ("适用的发货规则都已停用。", "Every delivery rule about it is switched off."),
        Lack::NoSpec => ("没有适用于该规格的发货规则。", "No delivery rule is about this specification."),
        Lack::CardOff => ("卡券已停用。", "The card is switched off."),
        Lack::CardEmpty => ("卡券没有内容。", "The card has nothing in it."),
        Lack::OutOfStock => ("库存不足。", "There is not enough in stock."),
    };
    Said::new(zh, en)
}
