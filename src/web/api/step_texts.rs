//! Steps of a decision in words: what a source had to say, and why a rule was passed over.

use super::super::error::{
    Language::{Chinese, English},
    Said,
};
use crate::reply::{
    source::Source,
    trail::{Found, PassedOver, Step},
};

/// What a source is called.
pub(in crate::web) fn source(source: Source) -> Said {
    let (zh, en) = match source {
        Source::Hook => ("外部程序", "Your own program"),
        Source::ItemRule => ("商品规则", "Rules about the item"),
        Source::AccountRule => ("账号规则", "Rules of the account"),
        Source::GlobalRule => ("全局规则", "Rules for all accounts"),
        Source::Ai => ("AI", "The AI"),
        Source::ItemDefault => ("商品默认回复", "The item's default reply"),
        Source::AccountDefault => ("账号默认回复", "The account's default reply"),
    };
    Said::new(zh, en)
}

/// What a step came to, as one sentence.
pub(in crate::web) fn step(step: &Step, keyword: Option<&str>) -> Said {
    let name = source(step.source);
    let (zh, en) = match (step.source, step.found) {
        (_, Found::Off) => ("已对本账号关闭".to_owned(), "turned off for this account".to_owned()),
        (Source::ItemDefault | Source::AccountDefault, Found::NotSet) => ("未设置".to_owned(), "not set".to_owned()),
        (_, Found::NotSet) => ("未启用".to_owned(), "not in use".to_owned()),
        (Source::ItemDefault | Source::AccountDefault, Found::Nothing) => {
            ("在这个会话里已回复过一次".to_owned(), "given once in this conversation already".to_owned())
        }
        (Source::Ai | Source::Hook, Found::Nothing) => ("没有回答".to_owned(), "had nothing to say".to_owned()),
        (_, Found::Nothing) => ("没有匹配的关键词".to_owned(), "none matched".to_owned()),
        (Source::ItemRule | Source::AccountRule | Source::GlobalRule, Found::Answered) => match keyword {
            Some(keyword) => (format!("“{keyword}”匹配，已回复"), format!("\"{keyword}\" matched and answered")),
            None => ("匹配，已回复".to_owned(), "one matched and answered".to_owned()),
        },
        (_, Found::Answered) => ("已回复".to_owned(), "answered".to_owned()),
        (_, Found::Silenced) => match keyword {
            Some(keyword) => {
                (format!("“{keyword}”匹配，设为不回复"), format!("\"{keyword}\" matched and is set to say nothing"))
            }
            None => ("设为不回复".to_owned(), "is set to say nothing".to_owned()),
        },
        (_, Found::Failed) => ("没有可用的回答".to_owned(), "gave nothing that could be sent".to_owned()),
        (_, Found::Recorded) => ("回答只作记录，未发送".to_owned(), "its answer was recorded and not sent".to_owned()),
        (_, Found::Suggested) => ("回答待人工确认".to_owned(), "its answer waits for approval".to_owned()),
        (_, Found::LeftToPerson) => ("交给人工处理".to_owned(), "left it to a person".to_owned()),
    };
    let why = step.why.as_deref().map(why);
    let (more_zh, more_en) = why.map_or_else(Default::default, |why| {
        (format!("（{}）", why.in_language(Chinese)), format!(" ({})", why.in_language(English)))
    });
    Said::new(
        format!("{}：{zh}{more_zh}", name.in_language(Chinese)),
        format!("{}: {en}{more_en}", name.in_language(English)),
    )
}

/// A code of the details; one that is not known is shown as it is.
pub(in crate::web) fn why(code: &str) -> Said {
    let (zh, en) = match code {
        "outside_hours" => ("不在设定的时段内", "outside the hours that were set"),
        "buyer_excluded" => ("该买家不由 AI 回复", "this buyer is not answered by the AI"),
        "no_text" => ("没有文字内容", "nothing was typed"),
        "used_up_today" => ("今天对该买家的回复次数已用完", "as often as it may be for this buyer today"),
        "used_once" => ("每个会话只回复一次", "once in a conversation"),
        "cap" => ("当日用量已达上限", "the day's limit is reached"),
        "rounds_used" => ("议价轮数已用完", "all rounds of bargaining are used"),
        "below_floor" => ("报价低于底价", "its price was below the floor"),
        "amount_without_price" => ("商品价格未知却报了价", "it named a price, and the item's is not known"),
        "accepts_low_offer" => ("答应了低于底价的出价", "it agreed to an offer below the floor"),
        "contact" => ("含有联系方式", "it gave contact details"),
        "link" => ("含有链接或口令", "it had a link or a share code"),
        "forbidden" => ("含有禁用词", "it had a forbidden word"),
        "leak" => ("泄露了提示词", "it showed a part of the prompt"),
        "buyer_tag" => ("说出了买家标签", "it told a tag of the buyer"),
        "empty" => ("回答为空", "it was empty"),
        "too_long" => ("回答过长", "it was too long"),
        "not_text" => ("回答不是普通文字", "it was no plain text"),
        "timeout" => ("超时", "no answer in time"),
        "provider_rests" => {
            ("服务商连续失败，暂停调用", "the provider failed repeatedly and is left alone for a while")
        }
        "unauthorised" => ("API Key 无效", "the API key is not accepted"),
        "unpaid" => ("服务商账户欠费或额度用完", "no money or quota left with the provider"),
        "not_found" => ("没有这个模型或接口地址不对", "no such model, or a wrong address"),
        "rate_limited" => ("请求太频繁", "asked too often"),
        "overloaded" => ("服务商暂时不可用", "the provider is not available"),
        "bad_request" => ("服务商不接受这个请求", "the provider did not accept the request"),
        "unreadable" => ("返回内容无法识别", "the answer could not be read"),
        "refused_by_filter" => ("被服务商的内容审核拒绝", "the provider's content filter refused it"),
        "truncated" => ("回答被截断", "the answer was cut off"),
        "address_refused" => ("地址不在公网，未被允许", "the address is not public and not allowed"),
        "redirect_refused" => ("重定向被拒绝", "it redirected somewhere it must not"),
        "host_unknown" => ("域名无法解析", "the host is not known"),
        "unreachable" => ("无法连接", "it could not be reached"),
        "tls_failed" => ("加密连接失败", "the connection could not be encrypted"),
        "connection_failed" => ("连接中断", "the connection broke"),
        "answer_too_large" => ("返回内容过大", "the answer was too large"),
        "http_status" => ("返回了错误状态", "it answered with an error"),
        "refused" => ("程序返回了错误", "the program answered with an error"),
        "bad_url" => ("网址无效", "the address is invalid"),
        "not_asked" => ("演练时不调用", "not asked in the sandbox"),
        "unavailable" => ("暂时不可用", "not available at the moment"),
        other => (other, other),
    };
    Said::new(zh, en)
}

/// Why a rule whose keyword occurs did not answer.
pub(in crate::web) fn passed_over(why: PassedOver) -> Said {
    let (zh, en) = match why {
        PassedOver::OtherItem => ("属于另一件商品", "it is about another item"),
        PassedOver::NoneOf => ("“任意一个”的词一个也没出现", "none of the words of which one must occur did"),
        PassedOver::NotAllOf => ("“全部”的词没有都出现", "a word that must occur did not"),
        PassedOver::Excluded => ("出现了排除词", "a word that must not occur did"),
        PassedOver::UsedOnce => ("每个会话只回复一次，已回复过", "it answers once in a conversation, and did"),
        PassedOver::UsedUpToday => ("今天对该买家的回复次数已用完", "it answered this buyer as often today as it may"),
        PassedOver::OtherHours => ("不在生效时段内", "it holds at other hours"),
        PassedOver::Tags => ("买家标签不符合条件", "the buyer's tags do not fit"),
        PassedOver::History => ("买家的购买或联系记录不符合条件", "what the buyer bought or wrote before does not fit"),
        PassedOver::Outranked => ("有优先级更高的规则", "another one goes before it"),
        PassedOver::SourceOff => ("这类规则已对本账号关闭", "rules of its kind are turned off for this account"),
    };
    Said::new(zh, en)
}
