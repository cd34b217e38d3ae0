//! Reasons to stay silent in words.

use super::super::error::Said;

/// What the code of a reason means; one that is not known is shown as it is.
pub(in crate::web) fn silence(code: &str) -> Said {
    let (zh, en) = match code {
        "group_chat" => ("群聊消息不自动回复。", "Group chats are not answered."),
        "not_a_person" => ("这是平台的系统消息，不是买家说的。", "The platform said this, not a buyer."),
        "buyer_side" => ("在这个会话里您是买家。", "You are the buyer in this conversation."),
        "side_unknown" => (
            "无法确认商品的卖家，没有自动回复，请人工查看。",
            "It is not known who sells the item, so nothing was answered: please look yourself.",
        ),
        "blocked" => ("该买家在黑名单里。", "This buyer is on the block list."),
        "seller_took_over" => (
            "您已人工接管这个会话，自动回复暂停中。",
            "You wrote in this conversation yourself, so automatic answers pause.",
        ),
        "seller_answered" => ("您已经回复过了。", "You had answered already."),
        "too_old" => (
            "收到时消息已过时，没有自动回复，请人工查看。",
            "The message was too old to be answered when it was read: please look yourself.",
        ),
        "no_rule" => ("没有匹配的关键词，也没有默认回复。", "No rule matched, and there is no default reply."),
        "empty_reply" => ("匹配的规则设为不回复。", "The rule that matched is set to say nothing."),
        "already_answered_once" => {
            ("默认回复已经发过，按设置不再重复发送。", "The default reply has been given as often as it may be.")
        }
        "suggested" => {
            ("AI 给出了建议回复，等您确认后发送。", "The AI suggested an answer, which waits for your approval.")
        }
        "left_to_person" => {
            ("AI 没有可以发送的回答，请人工回复。", "The AI had no answer that may be sent, so this waits for you.")
        }
        other => (other, other),
    };
    Said::new(zh, en)
}

/// Why nothing was said, by what is stored of a decision.
pub(in crate::web) fn unsaid(decision: Option<&str>, reason: Option<&str>) -> Said {
    match (decision, reason) {
        (None, _) => Said::new("还没有作出决定。", "Nothing is decided yet."),
        (Some(_), Some(reason)) => silence(reason),
        (Some(_), None) => {
            Said::new("没有回复；原因已过保存期。", "It was not answered; the reason was kept long enough.")
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        ids::{RuleId, Timestamp},
        reply::decide::Silence,
        web::error::Language,
    };

    #[test]
    fn every_reason_has_words_in_both_languages() {
        let rule = RuleId(1);
        for silence in [
            Silence::GroupChat,
            Silence::NotAPerson,
            Silence::BuyerSide,
            Silence::SideUnknown,
            Silence::Blocked,
            Silence::SellerTookOver { until: Timestamp(0) },
            Silence::SellerAnswered,
            Silence::TooOld,
            Silence::NoRule,
            Silence::EmptyReply { rule },
            Silence::AlreadyAnsweredOnce { rule },
            Silence::Suggested,
            Silence::LeftToPerson,
        ] {
            let said = super::silence(silence.code());
            assert_ne!(said.in_language(Language::English), silence.code());
            assert_ne!(said.in_language(Language::Chinese), silence.code());
        }
    }
}
