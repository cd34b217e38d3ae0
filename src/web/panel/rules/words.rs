//! What rules are called, and what they say, in words.

use super::super::super::{api::rule_sets::RuleView, error::Language};
use crate::{
    reply::{
        rule::{Action, Matching, RuleBody, Trigger},
        source::Source,
    },
    store::{rule_versions::ChangeKind, rules::Kind},
};

/// Of what happens to an order, and of silence.
pub(in crate::web::panel) const TRIGGERS: [Trigger; 8] = [
    Trigger::OrderPlaced,
    Trigger::OrderPaid,
    Trigger::OrderShipped,
    Trigger::OrderReceived,
    Trigger::OrderRefunding,
    Trigger::OrderRefunded,
    Trigger::OrderClosed,
    Trigger::Silent,
];

pub(super) fn kind(kind: Kind, language: Language) -> &'static str {
    match kind {
        Kind::Keyword => language.pick("关键词回复", "Keyword answers"),
        Kind::DefaultReply => language.pick("默认回复", "Default answers"),
        Kind::Event => language.pick("事件回复", "Answers to events"),
    }
}

/// One of them.
pub(super) fn one(kind: Kind, language: Language) -> &'static str {
    match kind {
        Kind::Keyword => language.pick("关键词规则", "Keyword rule"),
        Kind::DefaultReply => language.pick("默认回复", "Default answer"),
        Kind::Event => language.pick("事件规则", "Event rule"),
    }
}

/// Where rules of this kind are in the API.
pub(super) fn route(kind: Kind) -> &'static str {
    match kind {
        Kind::Keyword => "/api/v1/keywords",
        Kind::DefaultReply => "/api/v1/default-replies",
        Kind::Event => "/api/v1/event-rules",
    }
}

pub(super) fn parse_kind(text: Option<&str>) -> Option<Kind> {
    match text? {
        "keyword" => Some(Kind::Keyword),
        "default" => Some(Kind::DefaultReply),
        "event" => Some(Kind::Event),
        _ => None,
    }
}

/// As `?kind=` names it.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Keyword => "keyword",
        Kind::DefaultReply => "default",
        Kind::Event => "event",
    }
}

pub(super) fn matching(matching: Matching, language: Language) -> &'static str {
    match matching {
        Matching::Contains => language.pick("消息里出现", "occurs in the message"),
        Matching::Exact => language.pick("消息完全相同", "is the whole message"),
        Matching::Regex => language.pick("正则表达式", "pattern (regular expression)"),
        Matching::Default => "",
    }
}

pub(in crate::web::panel) fn trigger(trigger: Trigger, language: Language) -> &'static str {
    match trigger {
        Trigger::Message => language.pick("买家发来消息", "A buyer wrote"),
        Trigger::OrderPlaced => language.pick("买家拍下，还未付款", "A buyer ordered and did not pay yet"),
        Trigger::OrderPaid => language.pick("买家付款", "A buyer paid"),
        Trigger::OrderShipped => language.pick("订单发货", "An order was shipped"),
        Trigger::OrderReceived => language.pick("买家确认收货", "A buyer confirmed the receipt"),
        Trigger::OrderRefunding => language.pick("买家申请退款", "A buyer wants the money back"),
        Trigger::OrderRefunded => language.pick("退款完成", "The money was given back"),
        Trigger::OrderClosed => language.pick("订单关闭", "An order was closed"),
        Trigger::Silent => language.pick("会话安静了一段时间", "A chat fell silent for a while"),
    }
}

/// What a rule is about, short.
pub(super) fn title(body: &RuleBody, language: Language) -> String {
    match Kind::of(body) {
        Kind::Keyword => body.keyword.clone(),
        Kind::DefaultReply => language.pick("没有规则匹配时", "When no rule matches").to_owned(),
        Kind::Event if body.trigger == Trigger::Silent => silence(body.silent_minutes, language),
        Kind::Event => trigger(body.trigger, language).to_owned(),
    }
}

fn silence(minutes: u32, language: Language) -> String {
    match language {
        Language::Chinese => format!("会话安静 {minutes} 分钟后"),
        Language::English => format!("After {minutes} min of silence"),
    }
}

/// The same of what a version or a draft changes.
pub(super) fn title_of_view(view: &RuleView, language: Language) -> String {
    match view {
        RuleView::Keyword(rule) => match language {
            Language::Chinese => format!("关键词“{}”", rule.keyword),
            Language::English => format!("keyword \"{}\"", rule.keyword),
        },
        RuleView::DefaultReply(_) => one(Kind::DefaultReply, language).to_owned(),
        RuleView::EventRule(rule) => match rule.silent_minutes {
            Some(minutes) => silence(minutes, language),
            None => trigger(rule.trigger, language).to_owned(),
        },
    }
}

/// What one action does, short.
pub(in crate::web::panel) fn action(action: &Action, language: Language) -> String {
    let named = |zh: String, en: String| language.pick(zh, en);
    match action {
        Action::Text(text) => text.clone(),
        Action::Image(_) => language.pick("（图片）", "(picture)").to_owned(),
        Action::Pause(minutes) => {
            named(format!("暂停自动回复 {minutes} 分钟"), format!("no automatic answer for {minutes} min"))
        }
        Action::Tag(tag) => named(format!("给买家加标签“{tag}”"), format!("tags the buyer \"{tag}\"")),
        Action::Untag(tag) => named(format!("去掉买家标签“{tag}”"), format!("takes the tag \"{tag}\" off the buyer")),
        Action::Notify(text) => named(format!("通知您：{text}"), format!("tells you: {text}")),
        Action::HandOver(_) => language.pick("转给人工处理", "leaves the chat to a person").to_owned(),
    }
}

pub(super) fn change(change: ChangeKind, language: Language) -> &'static str {
    match change {
        ChangeKind::Added => language.pick("新增", "new"),
        ChangeKind::Changed => language.pick("修改", "changed"),
        ChangeKind::Removed => language.pick("删除", "removed"),
    }
}

/// A field of a rule, as the editor calls it.
pub(super) fn field(name: &str, language: Language) -> &'static str {
    match name {
        "account_id" | "only_accounts" => language.pick("适用账号", "accounts"),
        "item_ids" => language.pick("适用商品", "items"),
        "trigger" => language.pick("触发时机", "what it waits for"),
        "silent_minutes" => language.pick("安静时长", "length of the silence"),
        "match" => language.pick("匹配方式", "how it matches"),
        "keyword" => language.pick("关键词", "keyword"),
        "any_of" | "all_of" | "exclude" => language.pick("必须出现或不能出现的词", "words that must or must not occur"),
        "conditions" => language.pick("时段和买家条件", "hours and buyers"),
        "actions" => language.pick("回复内容", "the answer"),
        "delay_s" => language.pick("延迟", "the delay"),
        "once" | "per_day" => language.pick("次数限制", "how often"),
        "priority" => language.pick("优先级", "priority"),
        "enabled" => language.pick("启用状态", "on or off"),
        _ => "",
    }
}

/// Why a version was made.
pub(super) fn cause(cause: &str, language: Language) -> &'static str {
    match cause {
        "edit" => language.pick("直接修改", "changed at once"),
        "import" => language.pick("从文件导入", "from a file"),
        "publish" => language.pick("发布修改", "changes published"),
        "roll_back" => language.pick("恢复旧版本", "an earlier version again"),
        _ => "",
    }
}

/// What a source of answers is, in a sentence.
pub(in crate::web::panel) fn source_hint(source: Source, language: Language) -> &'static str {
    match source {
        Source::Hook => language.pick(
            "您自己的程序，由您填写网址。没有填写时跳过。",
            "A program of your own, at an address that you name. Without one it is skipped.",
        ),
        Source::ItemRule => language.pick(
            "只适用于某些商品的关键词规则，最先匹配。",
            "Keyword rules for certain items. Of the rules they come first.",
        ),
        Source::AccountRule => language.pick("本账号自己的关键词规则。", "Keyword rules of this account alone."),
        Source::GlobalRule => language.pick("所有账号共用的关键词规则。", "Keyword rules that all accounts share."),
        Source::Ai => language.pick(
            "规则都不匹配时由 AI 回复，按“AI 设置”执行。",
            "Where no rule matches, the AI answers as its settings say.",
        ),
        Source::ItemDefault => language.pick("只适用于某些商品的默认回复。", "The default answer for certain items."),
        Source::AccountDefault => language.pick("前面都没有回复时发送。", "Sent where nothing before had an answer."),
    }
}
