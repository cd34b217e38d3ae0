//! Why something about an order or a message is as it is, in words. What we found ourselves is stored in English, and is known here by its
//! phrase; what the platform, or another server, said is told as their words.

use super::{super::error::Said, order_texts};
use crate::{delivery::review::Reason, order::status::Status, outbox::entry::without_successor};

/// Phrases that are stored as they are.
const PHRASES: &[(&str, &str, &str)] = &[
    ("cancelled", "已取消发送", "it was cancelled"),
    ("person_says_not_arrived", "人工确认：买家没有收到", "a person says that it did not arrive"),
    ("too old to be sent", "超过有效时间，没有再发", "it was too old to be sent"),
    (
        "never reached the platform, and too old by now",
        "没有到达平台，现在已过有效时间",
        "it did not reach the platform, and is too old by now",
    ),
    (
        "neither an answer, nor an echo, nor the history",
        "平台没有答复，聊天记录里也没有找到",
        "the platform did not answer, and its history does not have it",
    ),
    ("there is no such picture", "图片已不存在", "the picture is gone"),
    ("the item or the buyer is no number", "商品或买家的编号无效", "the item or the buyer has no number"),
    ("the card is no call", "这张卡券不是接口卡券", "the card asks no server"),
    ("nothing says what is to be done", "没有说明要做什么", "nothing says what is to be done"),
    ("there is stock again", "库存已补充", "there is stock again"),
    ("the cards are empty", "卡券没有内容", "the cards are empty"),
    ("signing token refused", "接口签名令牌被拒绝", "the token that signs calls was refused"),
    ("login session expired", "登录已失效", "the login is over"),
    ("the platform asks for a person", "平台要求人工验证", "the platform asks for a person"),
    ("the platform wants a person", "平台要求人工验证", "the platform asks for a person"),
    ("access denied", "平台拒绝访问", "the platform denies access"),
    (
        "signature or parameters refused",
        "平台不接受请求的签名或参数",
        "the platform refused the signature or the parameters",
    ),
    ("too many calls", "调用过于频繁", "there were too many calls"),
    ("the platform failed", "平台服务出错", "the platform failed"),
    (
        "the address of the card is no web address",
        "卡券填写的接口地址无效",
        "the address of the card is no web address",
    ),
    (
        "the server sent the request on as another one",
        "服务器把请求转成了别的请求，不知道是否已受理",
        "the server sent the request on as another one",
    ),
    (
        "the answer has nothing at response_path",
        "接口返回中没有所设路径的内容",
        "the answer has nothing at the path that is set",
    ),
    (
        "the answer is an object without data, content or card: set response_path",
        "接口返回的对象中没有 data、content 或 card，请设置取值路径",
        "the answer is an object without data, content or card: set the path",
    ),
    (
        "the answer is no JSON, which response_path needs",
        "接口返回的不是 JSON，无法按路径取值",
        "the answer is no JSON, which the path needs",
    ),
    ("the answer is not UTF-8", "接口返回的不是 UTF-8 文本", "the answer is not UTF-8"),
    ("the answer is empty", "接口返回为空", "the answer is empty"),
];

/// Beginnings of phrases; the rest is somebody else's words, or a number.
const BEGINNINGS: &[(&str, &str, &str)] = &[
    (
        "its picture could not be handed to the platform: ",
        "图片上传到平台失败：",
        "its picture could not be handed to the platform: ",
    ),
    ("answer not understood: ", "平台的答复无法识别：", "the platform's answer was not understood: "),
    ("no address is known for ", "找不到服务器地址：", "no address is known for "),
    ("cannot connect to ", "无法连接服务器：", "cannot connect to "),
    ("cannot encrypt the connection to ", "无法建立加密连接：", "cannot encrypt the connection to "),
    ("no answer from ", "服务器没有及时答复：", "no answer in time from "),
    ("the connection to ", "与服务器的连接中断：", "the connection failed: "),
    ("the answer is longer than ", "接口返回过长，超过：", "the answer is longer than "),
    ("the server answered HTTP ", "服务器返回 HTTP ", "the server answered HTTP "),
];

/// What a stored reason says. Empty: nothing but what is said elsewhere.
pub(in crate::web) fn told(reason: &str) -> Said {
    let reason = without_successor(reason).trim();
    if let Some((_, zh, en)) = PHRASES.iter().find(|(phrase, ..)| *phrase == reason) {
        return Said::new(*zh, *en);
    }
    if reason.is_empty() { Said::new("", "") } else { longer(reason) }
}

fn longer(reason: &str) -> Said {
    if let Some((code, why)) =
        reason.strip_prefix("the platform refused with code ").and_then(|rest| rest.split_once(": "))
    {
        return refused(code, why);
    }
    if let Some((code, why)) = reason.strip_prefix("refused: ").map(|rest| rest.split_once(' ').unwrap_or((rest, ""))) {
        return refused(code, why);
    }
    if let Some(status) = reason.strip_prefix("the order is ").and_then(status) {
        return Said::new(format!("订单状态：{}", status.zh), format!("the order is: {}", status.en));
    }
    if reason.ends_with(" times and never seen in the history") {
        return Said::new(
            "多次发送后，聊天记录里仍没有找到",
            "it was sent several times, and the history does not have it",
        );
    }
    let known = BEGINNINGS.iter().find_map(|(start, zh, en)| reason.strip_prefix(start).map(|rest| (zh, en, rest)));
    known.map_or_else(|| platform(reason), |(zh, en, rest)| Said::new(format!("{zh}{rest}"), format!("{en}{rest}")))
}

fn refused(code: &str, why: &str) -> Said {
    if why.is_empty() {
        return Said::new(format!("平台拒绝（{code}）"), format!("the platform refused ({code})"));
    }
    Said::new(format!("平台拒绝（{code}）：“{why}”"), format!("the platform refused ({code}): “{why}”"))
}

/// Words of the platform, which knows one language.
fn platform(words: &str) -> Said {
    Said::new(format!("平台原话：“{words}”"), format!("in the platform's words: “{words}”"))
}

fn status(code: &str) -> Option<Said> {
    let known = Status::ALL.into_iter().find(|status| status.as_str() == code);
    (known.is_some() || matches!(code, "unread" | "-")).then(|| order_texts::status(known))
}

/// What else is known of why an order waits for a person; `None`: nothing.
pub(in crate::web) fn detail(reason: Reason, detail: &str) -> Option<Said> {
    if detail.trim().is_empty() || detail == "-" {
        return None;
    }
    Some(match reason {
        Reason::NoRule => no_rule(detail),
        Reason::NoSpec => Said::new(format!("规格：{detail}"), format!("specification: {detail}")),
        Reason::CardUnusable => Said::new(format!("卡券：{detail}"), format!("card: {detail}")),
        Reason::OutOfStock => out_of_stock(detail),
        Reason::NoContent => match detail.strip_suffix(": -") {
            Some(card) => Said::new(format!("卡券没有内容：{card}"), format!("nothing in the card: {card}")),
            None => told(detail),
        },
        Reason::Unplaceable => unplaceable(detail),
        Reason::Unreadable
        | Reason::NoConversation
        | Reason::BuyerBlocked
        | Reason::Rejected
        | Reason::Uncertain
        | Reason::NotShipped
        | Reason::BargainRefused
        | Reason::ShippedElsewhere => Some(told(detail)).filter(|said| !said.zh.is_empty())?,
    })
}

fn no_rule(detail: &str) -> Said {
    let Some(rest) = detail.strip_prefix("item ") else { return platform(detail) };
    match rest.strip_suffix(": every rule about it is off") {
        Some(item) => {
            Said::new(format!("商品 {item}：相关规则都已停用"), format!("item {item}: every rule about it is off"))
        }
        None => Said::new(format!("商品 {rest}"), format!("item {rest}")),
    }
}

/// The name of a card, how many are free, and how many are needed.
fn out_of_stock(detail: &str) -> Said {
    let parts = detail.rsplit_once(": ").and_then(|(card, counts)| Some((card, counts.split_once('/')?)));
    let Some((card, (free, needed))) = parts else { return Said::new(detail, detail) };
    Said::new(
        format!("卡券“{card}”：需要 {needed} 条，可用 {free} 条"),
        format!("card “{card}”: {needed} needed, {free} free"),
    )
}

/// Where it stood, and the platform's word.
fn unplaceable(detail: &str) -> Said {
    let parts = detail.split_once(" → ").and_then(|(before, word)| Some((status(before)?, word)));
    let Some((before, word)) = parts else { return platform(detail) };
    Said::new(
        format!("原状态：{}，平台返回：“{word}”", before.zh),
        format!("it was: {}; the platform says: “{word}”", before.en),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::{call::Unfit, client::NotGiven},
        platform::mtop::outcome::Outcome,
    };

    /// In Chinese nothing of it is English, but names, codes and quotations.
    fn is_told(said: &Said) -> bool {
        !said.zh.starts_with("平台原话") && !said.zh.is_ascii()
    }

    #[test]
    fn a_reason_is_told_in_words_and_without_the_number_of_what_was_sent_instead() {
        assert_eq!(told("cancelled; sent again as 99").zh, "已取消发送");
        assert_eq!(told("sent again as 99").en, "");
        assert_eq!(told("CSI_FORBID: 含有敏感词").en, "in the platform's words: “CSI_FORBID: 含有敏感词”");
        assert_eq!(told("the platform refused with code 503: busy").zh, "平台拒绝（503）：“busy”");
        assert_eq!(told("refused: ORDER_CLOSED 订单已关闭").en, "the platform refused (ORDER_CLOSED): “订单已关闭”");
        assert_eq!(told("the order is cancelled").zh, "订单状态：已关闭");
        assert_eq!(told("no answer from shop.example in time").zh, "服务器没有及时答复：shop.example in time");
    }

    #[test]
    fn what_the_engine_says_is_known() {
        let outcomes = [
            Outcome::Token,
            Outcome::Session,
            Outcome::AccessDenied,
            Outcome::BadRequest,
            Outcome::RateLimited,
            Outcome::Server,
        ];
        let unfit = [Unfit::NoSuchPath, Unfit::NoContent, Unfit::NoJson, Unfit::NoText, Unfit::Empty, Unfit::TooLong];
        let given = [NotGiven::BadUrl, NotGiven::SentOn].into_iter().chain(unfit.map(NotGiven::Unfit));
        let said = outcomes.iter().map(ToString::to_string).chain(given.map(|why| why.to_string()));
        for reason in said {
            assert!(is_told(&told(&reason)), "{reason}: {:?}", told(&reason));
        }
    }

    #[test]
    fn what_else_is_known_of_a_reason_is_told_by_what_it_is() {
        let zh = |reason, text| detail(reason, text).map(|said| said.zh);
        assert_eq!(zh(Reason::NoRule, "item 900").as_deref(), Some("商品 900"));
        assert_eq!(
            zh(Reason::NoRule, "item 900: every rule about it is off").as_deref(),
            Some("商品 900：相关规则都已停用")
        );
        assert_eq!(zh(Reason::OutOfStock, "a: b: 1/3").as_deref(), Some("卡券“a: b”：需要 3 条，可用 1 条"));
        assert_eq!(zh(Reason::CardUnusable, "-"), None);
        assert_eq!(zh(Reason::Unplaceable, "shipped → NEW").as_deref(), Some("原状态：已发货，平台返回：“NEW”"));
        assert_eq!(zh(Reason::Uncertain, "sent again as 9"), None);
    }
}
