//! What became of a message to a buyer, in words.

use super::super::{
    api::reason_words,
    error::{Language, Said},
};
use crate::outbox::entry::{Origin, State};

/// Where it stands, and how that looks.
pub(super) fn state(state: State) -> (&'static str, Said) {
    let (look, zh, en) = match state {
        State::Queued => ("", "等待发送", "to be sent"),
        State::Sent => ("", "已发出，等待平台确认", "sent, not confirmed yet"),
        State::Confirmed => ("good", "已送达", "delivered"),
        State::Rejected => ("bad", "没有送达", "not delivered"),
        State::Uncertain => ("warm", "不确定买家是否看到", "nobody knows whether it arrived"),
        State::Expired => ("", "没有发送", "not sent"),
    };
    (look, Said::new(zh, en))
}

/// Who wanted it sent.
pub(super) fn origin(origin: Origin) -> Said {
    let (zh, en) = match origin {
        Origin::Hook => ("外部程序", "your own program"),
        Origin::Rule => ("关键词规则", "a rule"),
        Origin::Ai => ("AI", "the AI"),
        Origin::Default => ("默认回复", "the default reply"),
        Origin::Person => ("人工", "a person"),
        Origin::Delivery => ("自动发货", "the delivery"),
    };
    Said::new(zh, en)
}

/// Why it is what it is; what the platform said stands in the platform's words.
pub(super) fn reason(reason: &str, language: Language) -> String {
    reason_words::told(reason).in_language(language).to_owned()
}
