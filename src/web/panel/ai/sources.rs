//! Where an account's answers come from, and the seller's own program.

use super::{
    super::{
        super::{
            api::{
                ai,
                sources::{self, HookView},
                step_texts,
            },
            error::ApiResult,
            tag,
        },
        rules::words,
    },
    Panel, words as ai_words,
};
use crate::{ids::AccountId, reply::source::Source};

/// The sources of one account, in the order in which they are asked.
pub(in crate::web) struct Sources {
    pub(super) account: AccountId,
    pub(super) lines: Vec<Line>,
    pub(super) tag: String,
    pub(super) hook: Hook,
}

pub(in crate::web) struct Line {
    pub(super) name: String,
    pub(super) hint: &'static str,
    pub(super) is_on: bool,
    /// It is on, and there is nothing to ask; empty: there is.
    pub(super) lacks: &'static str,
    /// All that is off once this one was switched.
    pub(super) off_then: Vec<&'static str>,
}

/// The seller's own program.
pub(in crate::web) struct Hook {
    pub(super) url: String,
    pub(super) tag: String,
    /// Of the secret; empty: there is none.
    pub(super) secret: String,
    /// What it said to the trial; empty: it was not tried.
    pub(super) said: String,
    pub(super) text: String,
}

impl Sources {
    pub(super) async fn read(panel: &Panel, account: AccountId) -> ApiResult<Self> {
        let view = sources::read(&panel.app, &panel.caller, account).await?;
        let hook = sources::read_hook(&panel.app, &panel.caller, account).await?;
        let ai = ai::read(&panel.app, &panel.caller, account).await?.in_force;
        let mode = ai.mode.unwrap_or_default();
        let lacks = |source: Source| match source {
            Source::Hook if hook.url.is_none() => panel.t("没有填写网址", "no address is named"),
            Source::Ai if ai.provider.is_none() => panel.t("还没有设置模型", "no model is named"),
            Source::Ai if mode == crate::ai::settings::Mode::Off => ai_words::mode(mode, panel.language).1,
            _ => "",
        };
        let line = |source: Source| {
            let is_on = !view.off.contains(&source);
            let stays_off = |other: &Source| if *other == source { is_on } else { view.off.contains(other) };
            let off_then = Source::ORDER.into_iter().filter(stays_off);
            Line {
                name: step_texts::source(source).in_language(panel.language).to_owned(),
                hint: words::source_hint(source, panel.language),
                is_on,
                lacks: if is_on { lacks(source) } else { "" },
                off_then: off_then.map(Source::as_str).collect(),
            }
        };
        Ok(Self {
            account,
            lines: view.order.iter().copied().map(line).collect(),
            tag: tag::of(&view),
            hook: Hook::new(hook, panel),
        })
    }
}

impl Hook {
    fn new(view: HookView, panel: &Panel) -> Self {
        let answer = panel.answer_to("hook-try");
        let code = |name: &str| answer.and_then(|answer| answer[name].as_str()).unwrap_or_default();
        let why = step_texts::why(code("why"));
        let said = match code("outcome") {
            "answered" => panel.t("程序这样回答：", "It said:").to_owned(),
            "nothing" => panel
                .t("程序没有要说的，会继续询问下一个来源。", "It had nothing to say: the next source would be asked.")
                .to_owned(),
            "failed" => format!("{}{}", panel.t("没有得到回答：", "No answer: "), why.in_language(panel.language)),
            _ => String::new(),
        };
        Self {
            tag: tag::of(&view),
            url: view.url.unwrap_or_default(),
            secret: view.secret.map(|secret| secret.hint).unwrap_or_default(),
            said,
            text: code("text").to_owned(),
        }
    }
}
