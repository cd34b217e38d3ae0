//! What waits for a person, as pages show it: why, since when, and what may be chosen.

use super::{
    super::{
        api::{
            order_texts,
            orders::{DeliveryMessageView, OrderView},
            reason_words,
            reviews::ReviewView,
        },
        error::Language,
    },
    Panel, order_words,
};
use crate::{
    access::role::Right,
    delivery::{choice::Choice, review::Reason},
    ids::Fen,
};

/// Why an order waits, or waited, and what a person may choose about it.
pub(in crate::web) struct ReviewLine {
    pub(in crate::web) view: ReviewView,
    /// Of its form.
    pub(in crate::web) form: String,
    pub(in crate::web) account: String,
    /// Where it is known.
    pub(in crate::web) order: Option<OrderView>,
    pub(in crate::web) amount: Option<Fen>,
    pub(in crate::web) progress: String,
    pub(in crate::web) choices: Vec<ChoiceLine>,
    /// The messages that nobody knows about, where there are several to choose from.
    pub(in crate::web) doubts: Vec<Doubt>,
    /// Whether what is chosen holds for all messages in doubt.
    pub(in crate::web) is_about_all: bool,
    /// Where what is in the way is mended; empty: nowhere in the panel.
    pub(in crate::web) mend: &'static str,
    pub(in crate::web) mend_name: &'static str,
    /// How it ended; empty while it waits.
    pub(in crate::web) ended: String,
}

/// What may be chosen.
pub(in crate::web) struct ChoiceLine {
    pub(in crate::web) value: &'static str,
    pub(in crate::web) name: &'static str,
    /// What it does.
    pub(in crate::web) what: &'static str,
    /// What chooses it: its place among the choices.
    pub(in crate::web) key: usize,
}

/// A message in doubt.
pub(in crate::web) struct Doubt {
    pub(in crate::web) id: i64,
    pub(in crate::web) at: String,
}

impl ReviewLine {
    pub(in crate::web) fn new(mut view: ReviewView, account: String, order: Option<OrderView>, panel: &Panel) -> Self {
        view.detail = view
            .detail
            .and_then(|detail| reason_words::detail(view.reason, &detail))
            .map(|said| said.in_language(panel.language).to_owned());
        let (mend, mend_name) = mend(view.reason, panel);
        let is_open = view.closed_at.is_none();
        let ended = order_texts::resolution(view.resolution.as_deref()).in_language(panel.language).to_owned();
        Self {
            form: format!("review-{}", view.id),
            account,
            amount: order.as_ref().and_then(order_words::amount),
            progress: order
                .as_ref()
                .map(|order| order_words::progress(&order.units, panel.language))
                .unwrap_or_default(),
            choices: (1..)
                .zip(&view.choices)
                .map(|(key, choice)| ChoiceLine::new(key, *choice, view.reason, panel))
                .collect(),
            doubts: Vec::new(),
            is_about_all: is_open && view.reason == Reason::Uncertain,
            mend: if is_open { mend } else { "" },
            mend_name,
            ended: if is_open { String::new() } else { ended },
            order,
            view,
        }
    }

    /// Lets a person say which of the order's messages they mean.
    pub(in crate::web) fn among(mut self, messages: &[DeliveryMessageView], panel: &Panel) -> Self {
        let in_doubt = messages.iter().filter(|message| message.state == "uncertain");
        let doubt = |message: &DeliveryMessageView| Doubt { id: message.id, at: panel.times.exact(message.planned_at) };
        let doubts: Vec<Doubt> = in_doubt.map(doubt).collect();
        if self.is_about_all && doubts.len() > 1 {
            self.doubts = doubts;
        }
        self.is_about_all = false;
        self
    }
}

/// Why orders wait, for a choice among the reasons.
pub(in crate::web) fn reasons(language: Language) -> Vec<(&'static str, String)> {
    let said = |reason: Reason| order_texts::reason(reason).in_language(language).to_owned();
    Reason::ALL.map(|reason| (reason.as_str(), said(reason))).into()
}

fn mend(reason: Reason, panel: &Panel) -> (&'static str, &'static str) {
    if !panel.may(Right::Manage) {
        return ("", "");
    }
    match reason {
        Reason::NoRule | Reason::NoSpec => ("/app/delivery", panel.t("去设置发货规则", "Go to the delivery rules")),
        Reason::CardUnusable | Reason::OutOfStock | Reason::NoContent => {
            ("/app/cards", panel.t("去检查卡券与库存", "Go to cards and stock"))
        }
        Reason::Unreadable
        | Reason::Unplaceable
        | Reason::NoConversation
        | Reason::BuyerBlocked
        | Reason::Rejected
        | Reason::Uncertain
        | Reason::NotShipped
        | Reason::BargainRefused
        | Reason::ShippedElsewhere => ("", ""),
    }
}

impl ChoiceLine {
    fn new(key: usize, choice: Choice, reason: Reason, panel: &Panel) -> Self {
        let (name, what) = match choice {
            Choice::ByHand => (
                panel.t("我自己处理", "I see to it myself"),
                panel.t(
                    "系统不再处理这笔订单。已预留的库存会一直留着，处理完请到订单页登记结果。",
                    "Nothing more is done for this order. What is reserved stays reserved until you say on the order's page what became of it.",
                ),
            ),
            Choice::Arrived => (
                panel.t("买家已收到", "The buyer has it"),
                panel.t("按已送达登记，不会再发。", "It counts as delivered and is not sent again."),
            ),
            Choice::SendAgain => (send_again(reason, panel), sends_again(reason, panel)),
            Choice::LookAgain => (
                panel.t("已处理好，重新检查", "It is mended: look again"),
                panel.t(
                    "重新检查并继续发货；问题还在的话，会再次回到这里。",
                    "The order is looked at again and goes on. What still stands in the way comes back here.",
                ),
            ),
            Choice::TryAgain => (
                panel.t("重试", "Try again"),
                panel.t(
                    "再请求一次；如果仍不成功，会再次回到这里。",
                    "It is asked for once more. Where that fails, too, it comes back here.",
                ),
            ),
        };
        Self { value: choice.as_str(), name, what, key }
    }
}

fn send_again(reason: Reason, panel: &Panel) -> &'static str {
    match reason {
        Reason::Uncertain => panel.t("买家没收到，重新发送", "The buyer does not have it: send it again"),
        Reason::ShippedElsewhere => panel.t("仍然发送", "Send it all the same"),
        _ => panel.t("重新发送", "Send it again"),
    }
}

fn sends_again(reason: Reason, panel: &Panel) -> &'static str {
    match reason {
        Reason::Uncertain => panel.t(
            "请先在闲鱼里确认买家确实没有收到。发送前会再核对一次订单状态；已显示发货的订单也会发。",
            "Make sure in the chat that the buyer really has nothing. The order is read once more before; it is sent also where it is shipped by now.",
        ),
        _ => panel.t(
            "发送前会再核对一次订单状态；已显示发货的订单也会发。",
            "The order is read once more before; it is sent also where it is shipped by now.",
        ),
    }
}
