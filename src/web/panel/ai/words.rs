//! What the AI's choices are called.

use super::super::super::{api::ai_fields::DialectBody, error::Language};
use crate::{
    ai::{
        intent::Intent,
        settings::{Mode, Otherwise},
    },
    store::suggestions::State,
};

pub(super) const MODES: [Mode; 4] = [Mode::Off, Mode::Suggest, Mode::Auto, Mode::Shadow];
pub(super) const OTHERWISE: [Otherwise; 3] = [Otherwise::Fallback, Otherwise::Person, Otherwise::Next];
pub(super) const DIALECTS: [DialectBody; 3] = [DialectBody::OpenAi, DialectBody::DashScopeApp, DialectBody::Gemini];
pub(super) const STATES: [State; 5] =
    [State::Pending, State::Approved, State::Rejected, State::Overtaken, State::Recorded];

/// As the API names it, and as people do.
pub(super) fn mode(mode: Mode, language: Language) -> (&'static str, &'static str) {
    match mode {
        Mode::Off => ("off", language.pick("关闭", "off")),
        Mode::Suggest => ("suggest", language.pick("先由我确认再发送", "I approve every answer")),
        Mode::Auto => ("auto", language.pick("自动发送", "sent by itself")),
        Mode::Shadow => {
            ("shadow", language.pick("只记录，不发送（用来观察）", "only recorded, to see what it would say"))
        }
    }
}

pub(super) fn otherwise(what: Otherwise, language: Language) -> (&'static str, &'static str) {
    match what {
        Otherwise::Fallback => ("fallback", language.pick("发送下面的固定回复", "the fixed answer is sent")),
        Otherwise::Person => ("person", language.pick("不回复，等您处理", "nothing is sent, and it waits for you")),
        Otherwise::Next => ("next", language.pick("交给默认回复", "the default answer is sent, if there is one")),
    }
}

pub(super) fn dialect(dialect: DialectBody, language: Language) -> (&'static str, &'static str) {
    match dialect {
        DialectBody::OpenAi => {
            ("open_ai", language.pick("OpenAI 兼容接口（大多数服务商）", "OpenAI compatible (most providers)"))
        }
        DialectBody::DashScopeApp => ("dash_scope_app", language.pick("阿里云百炼应用", "an application of DashScope")),
        DialectBody::Gemini => ("gemini", "Gemini"),
    }
}

pub(super) fn state(state: State, language: Language) -> &'static str {
    match state {
        State::Recorded => language.pick("只作记录", "only recorded"),
        State::Pending => language.pick("待确认", "to approve"),
        State::Approved => language.pick("已发送", "approved"),
        State::Rejected => language.pick("已拒绝", "rejected"),
        State::Overtaken => language.pick("已过时", "overtaken"),
    }
}

pub(super) fn intent(intent: Intent, language: Language) -> &'static str {
    match intent {
        Intent::Price => language.pick("谈价格", "about the price"),
        Intent::Tech => language.pick("问功能和用法", "about how it works"),
        Intent::Default => language.pick("其他问题", "anything else"),
    }
}

/// The same of what the API answered.
pub(super) fn intent_of(code: &str, language: Language) -> &'static str {
    code.parse().map_or("", |of| intent(of, language))
}

pub(super) fn outcome(code: &str, language: Language) -> &'static str {
    match code {
        "sent" => language.pick("会发送这条回复", "This would be sent"),
        "recorded" => language.pick("只会记录，不会发送", "This would be recorded, and not sent"),
        "suggested" => language.pick("会等您确认后发送", "This would wait for your approval"),
        "left_to_person" => language.pick("不会回复，等您处理", "Nothing would be sent: it would wait for you"),
        _ => language.pick("不会由 AI 回复，交给后面的来源", "The AI would not answer: the next source would be asked"),
    }
}

/// Millionths of a yuan, for people.
pub(super) fn cost(millionths: i64) -> String {
    format!("¥{}.{:04}", millionths / 1_000_000, millionths % 1_000_000 / 100)
}
