//! The cards of one order's life.

use serde::{Deserialize, Serialize};

use super::{
    message::{Body, Card},
    order::{OrderState, Step},
};
use crate::ids::OrderId;

/// Something that happened to an order, as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Ordered,
    /// A bargain (小刀) begins.
    Bargained,
    PriceChanged,
    Paid,
    Shipped,
    Received,
    Rated,
    RefundAsked,
    RefundWithdrawn,
    Refunded,
    ClosedBySeller,
    /// Before it was paid. Told by a tip.
    ClosedByBuyer,
}

impl Stage {
    /// How a step is told; `None` where the seller is told nothing.
    pub(super) fn of(step: Step) -> Option<Self> {
        Some(match step {
            Step::Pay | Step::FreeShip => Self::Paid,
            Step::Ship => Self::Shipped,
            Step::Receive => Self::Received,
            Step::AskRefund => Self::RefundAsked,
            Step::WithdrawRefund => Self::RefundWithdrawn,
            Step::GrantRefund => Self::Refunded,
            Step::CloseByBuyer => Self::ClosedByBuyer,
            Step::CloseBySeller => Self::ClosedBySeller,
            Step::ChangePrice(_) => Self::PriceChanged,
            Step::Rate => Self::Rated,
            Step::RateBuyer | Step::SendFlower => return None,
        })
    }

    /// The badge of the conversation, with where the order stands now.
    pub(super) fn badge(self, standing: OrderState) -> String {
        if self == Self::RefundWithdrawn { standing_badge(standing).into() } else { Card::of_stage(self).red_reminder }
    }

    /// Whether the changed fields of a card can say it: that a request was withdrawn stands on the button alone.
    pub(super) fn is_told_by_update(self) -> bool {
        self != Self::RefundWithdrawn
    }

    /// The message that tells of it. `None`: it does not say of which order.
    pub(super) fn body(self, order: Option<&OrderId>) -> Body {
        let card = Card { order: order.cloned(), ..Card::of_stage(self) };
        if self == Self::ClosedByBuyer { Body::TradeTip(card) } else { Body::Card(card) }
    }
}

/// The badge of a conversation whose order stands so.
fn standing_badge(state: OrderState) -> &'static str {
    match state {
        OrderState::Unpaid => "等待买家付款",
        OrderState::Paid => "等待卖家发货",
        OrderState::Shipped => "已发货",
        OrderState::Closed => "交易关闭",
        OrderState::Bargaining | OrderState::Completed => "",
    }
}

impl Card {
    /// The card that the seller is shown.
    pub fn of_order(order: &OrderId, stage: Stage) -> Self {
        Self { order: Some(order.clone()), ..Self::of_stage(stage) }
    }

    fn of_stage(stage: Stage) -> Self {
        let [title, headline, button, red_reminder, task_name, suffix] = match stage {
            Stage::Ordered => [
                "我已拍下，待付款",
                "买家已拍下，待付款",
                "修改价格",
                "等待买家付款",
                "已拍下_未付款_卖家",
                "1_not_pay_seller",
            ],
            Stage::Bargained => ["我已小刀，待刀成", "我已小刀，待刀成", "", "", "小刀", "10:BARGAIN:26"],
            Stage::PriceChanged => [
                "我已修改价格，等待你付款",
                "已修改价格",
                "",
                "等待买家付款",
                "卖家改价_卖家",
                "2:TRADE_MODIFY_FEE_SELLER:26",
            ],
            Stage::Paid => [
                "我已付款，等待你发货",
                "买家已付款",
                "去发货",
                "等待卖家发货",
                "付款完成待发货_卖家-正向升级",
                "10:TRADE_PAID:26",
            ],
            Stage::Shipped => ["你已发货", "你已发货", "", "已发货", "提醒发货已发货_卖家", "10:TRADE_SHIPPED:26"],
            Stage::Received => {
                ["买家确认收货，交易成功", "交易成功", "去评价", "", "交易成功_卖家", "10:TRADE_SUCCESS:26"]
            }
            Stage::Rated => [
                "我完成了评价",
                "有新交易评价",
                "去评价",
                "有新交易评价",
                "买家完成评价_卖家",
                "10:BUYER_RATE_SELLER:26",
            ],
            Stage::RefundAsked => [
                "我发起了退款申请",
                "买家申请退款",
                "立即处理",
                "买家申请退款",
                "发起退款申请_卖家-新逆向url",
                "10:REFUND_APPLY:26",
            ],
            Stage::RefundWithdrawn => {
                ["我发起了退款申请", "退款申请已撤销", "已撤销", "", "退款申请已撤销_卖家", "10:REFUND_CANCEL:26"]
            }
            Stage::Refunded => {
                ["退款成功，钱款已原路退返", "退款成功", "", "交易关闭", "退款成功_卖家", "10:REFUND_SUCCESS:26"]
            }
            Stage::ClosedBySeller => {
                ["你关闭了订单，钱款已原路退返", "交易关闭", "", "交易关闭", "卖家关闭订单_卖家", "1_close"]
            }
            Stage::ClosedByBuyer => {
                ["未付款，买家关闭了订单", "交易消息", "", "交易关闭", "买家关闭订单_卖家", "1_close"]
            }
        };
        Self {
            // Of a bargain a phone shows no more than that there is a card.
            reminder: if stage == Stage::Bargained { "卡片消息" } else { "" }.into(),
            title: title.into(),
            headline: headline.into(),
            button: button.into(),
            order: None,
            red_reminder: red_reminder.into(),
            task_name: task_name.into(),
            suffix: suffix.into(),
        }
    }
}
