//! What became of a message to a buyer, in words.

use super::super::error::{Language, Said};
use crate::outbox::entry::{Origin, State, without_successor};

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
    let reason = without_successor(reason);
    let said = match reason {
        "" => Said::new("", ""),
        "cancelled" => Said::new("已取消发送", "it was cancelled"),
        "person_says_not_arrived" => Said::new("人工确认：买家没有收到", "a person says that it did not arrive"),
        "too old to be sent" => Said::new("超过有效时间，没有再发", "it was too old to be sent"),
        "never reached the platform, and too old by now" => {
            Said::new("没有到达平台，现在已过有效时间", "it did not reach the platform, and is too old by now")
        }
        "neither an answer, nor an echo, nor the history" => Said::new(
            "平台没有答复，聊天记录里也没有找到",
            "the platform did not answer, and its history does not have it",
        ),
        "there is no such picture" => Said::new("图片已不存在", "the picture is gone"),
        other => longer(other),
    };
    said.in_language(language).to_owned()
}

fn longer(reason: &str) -> Said {
    if let Some(why) = reason.strip_prefix("its picture could not be handed to the platform: ") {
        return Said::new(
            format!("图片上传到平台失败：{why}"),
            format!("its picture could not be handed to the platform: {why}"),
        );
    }
    if let Some((code, why)) =
        reason.strip_prefix("the platform refused with code ").and_then(|rest| rest.split_once(": "))
    {
        return Said::new(format!("平台拒绝（{code}）：{why}"), format!("the platform refused ({code}): {why}"));
    }
    if reason.ends_with(" times and never seen in the history") {
        return Said::new(
            "多次发送后，聊天记录里仍没有找到",
            "it was sent several times, and the history does not have it",
        );
    }
    Said::new(reason, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_in_words_and_without_the_number_of_what_was_sent_instead() {
        assert_eq!(reason("cancelled; sent again as 99", Language::Chinese), "已取消发送");
        assert_eq!(reason("sent again as 99", Language::English), "");
        assert_eq!(reason("CSI_FORBID: 含有敏感词", Language::English), "CSI_FORBID: 含有敏感词");
        assert_eq!(reason("the platform refused with code 503: busy", Language::Chinese), "平台拒绝（503）：busy");
    }
}
