//! The cards of one order's life.

use serde::{Deserialize, Serialize};

use super::message::Card;
use crate::ids::OrderId;

/// Something that happens to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Ordered,
    Paid,
    Shipped,
    Received,
    RefundAsked,
    Refunded,
    ClosedBySeller,
}

impl Card {
    /// The card that the seller is shown.
    pub fn of_order(order: &OrderId, stage: Stage) -> Self {
        let [title, headline, button, red_reminder, task_name, suffix] = match stage {
            Stage::Ordered => [
                "我已拍下，待付款",
                "买家已拍下，待付款",
                "修改价格",
                "等待买家付款",
                "已拍下_未付款_卖家",
                "1_not_pay_seller",
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
            Stage::RefundAsked => [
                "我发起了退款申请",
                "买家申请退款",
                "立即处理",
                "买家申请退款",
                "发起退款申请_卖家-新逆向url",
                "10:REFUND_APPLY:26",
            ],
            Stage::Refunded => {
                ["退款成功，钱款已原路退返", "退款成功", "", "交易关闭", "退款成功_卖家", "10:REFUND_SUCCESS:26"]
            }
            Stage::ClosedBySeller => {
                ["你关闭了订单，钱款已原路退返", "交易关闭", "", "交易关闭", "卖家关闭订单_卖家", "1_close"]
            }
        };
        Self {
            title: title.into(),
            headline: headline.into(),
            button: button.into(),
            order: Some(order.clone()),
            red_reminder: red_reminder.into(),
            task_name: task_name.into(),
            suffix: suffix.into(),
        }
    }
}
