//! What notices are called.

use super::Panel;
use crate::{
    notify::{
        event::{Event, Severity},
        notice::Phase,
    },
    store::notify_deliveries::State,
};

pub(super) fn event_name(event: Event, panel: &Panel) -> &'static str {
    match event {
        Event::NewMessage => panel.t("收到新消息", "A buyer wrote"),
        Event::Unanswered => panel.t("买家久未得到回复", "A buyer waits for an answer"),
        Event::PersonNeeded => panel.t("会话需要您处理", "A conversation needs you"),
        Event::AccountNeedsPerson => panel.t("账号需要您处理", "An account needs you"),
        Event::AccountDown => panel.t("账号掉线", "An account is offline"),
        Event::DeliveryDone => panel.t("发货成功", "Delivered"),
        Event::DeliveryFailed => panel.t("发货失败", "A delivery failed"),
        Event::DeliveryUncertain => panel.t("发货结果待确认", "A delivery is in doubt"),
        Event::StockLow => panel.t("库存不足", "Stock is low"),
        Event::AiCap => panel.t("AI 用量达到上限", "The AI reached its cap"),
        Event::BackupFailed => panel.t("备份失败", "A backup failed"),
        Event::System => panel.t("系统异常", "The system is not well"),
        Event::Rule => panel.t("规则提醒", "A rule asks for you"),
        Event::Handover => panel.t("会话转交", "A conversation was handed over"),
        Event::ItemOffSale => panel.t("商品售罄下架", "An item was taken off the sale"),
        Event::LoginEnding => panel.t("登录即将过期", "A login ends soon"),
    }
}

/// When it is told.
pub(super) fn event_sentence(event: Event, panel: &Panel) -> &'static str {
    match event {
        Event::NewMessage => panel
            .t("买家发来消息时，五分钟内合并成一条。", "Of every message; those of five minutes are told together."),
        Event::Unanswered => panel.t("买家发了消息，很久没有人回复。", "A buyer wrote, and nobody answered for long."),
        Event::PersonNeeded => panel.t("买家的问题需要人来回答。", "A buyer asks what a person must answer."),
        Event::AccountNeedsPerson => panel.t("需要验证或重新登录。", "It waits for a check, or for a new login."),
        Event::AccountDown => {
            panel.t("账号断开了一段时间，没能自己连上。", "It has been without its connection for a while.")
        }
        Event::DeliveryDone => panel.t("每次发货成功都通知。", "Of every delivery that went well."),
        Event::DeliveryFailed => panel.t("付了款的订单没有发出去。", "An order was paid and not delivered."),
        Event::DeliveryUncertain => {
            panel.t("不能确定买家有没有收到，需要您看一眼。", "Nobody can say whether the buyer got it: have a look.")
        }
        Event::StockLow => panel.t("可用的卡密少于您设的数量。", "Fewer codes are free than you said."),
        Event::AiCap => {
            panel.t("AI 用量到了您设的上限，暂停回答。", "The AI used as much as you allow, and is silent.")
        }
        Event::BackupFailed => {
            panel.t("数据库没有备份成功，只通知管理员。", "The database was not backed up. Administrators are told.")
        }
        Event::System => panel
            .t("服务器的某个部分不正常，只通知管理员。", "A part of the server is not well. Administrators are told."),
        Event::Rule => panel.t("您的规则里设了提醒。", "One of your rules says so."),
        Event::Handover => panel.t("有会话转给某个人负责。", "Somebody is to look after a conversation."),
        Event::ItemOffSale => panel.t("订单用掉了最后一条库存，商品已下架。", "An order took the last piece in stock."),
        Event::LoginEnding => panel.t("账号的登录再过几天会失效。", "An account has to log in again in a few days."),
    }
}

pub(super) fn severity_name(severity: Severity, panel: &Panel) -> &'static str {
    match severity {
        Severity::Info => panel.t("普通", "good to know"),
        Severity::Warning => panel.t("提醒", "look today"),
        Severity::Critical => panel.t("紧急", "act now"),
    }
}

/// The look of its chip.
pub(super) fn severity_look(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "",
        Severity::Warning => "warm",
        Severity::Critical => "bad",
    }
}

pub(super) fn phase_name(phase: Phase, panel: &Panel) -> &'static str {
    match phase {
        Phase::Begin => panel.t("发生", "it happened"),
        Phase::Again => panel.t("再次发生", "it happened again"),
        Phase::End => panel.t("恢复", "it is over"),
    }
}

pub(super) fn state_name(state: State, panel: &Panel) -> &'static str {
    match state {
        State::Queued => panel.t("等待发送", "waits"),
        State::Sent => panel.t("已发送", "sent"),
        State::Dead => panel.t("发送失败", "not sent"),
    }
}

/// The look of its chip.
pub(super) fn state_look(state: State) -> &'static str {
    match state {
        State::Queued => "warm",
        State::Sent => "good",
        State::Dead => "bad",
    }
}
