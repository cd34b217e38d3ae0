//! What the AI would say, asked in earnest, and told to nobody else.

use serde_json::Value;

use super::{super::super::api::step_texts, Panel, words};
use crate::ids::AccountId;

/// The form, and what came of it.
pub(in crate::web) struct Trial {
    pub(super) account: AccountId,
    pub(super) answer: Option<Answer>,
}

pub(in crate::web) struct Answer {
    pub(super) outcome: &'static str,
    pub(super) text: String,
    pub(super) why: String,
    pub(super) intent: &'static str,
    /// Below which no price is named; empty: not known.
    pub(super) floor: String,
    /// What the model said, and what is wrong with it.
    pub(super) tries: Vec<(String, String)>,
    pub(super) tokens: i64,
    pub(super) cost: String,
}

impl Trial {
    pub(super) fn read(panel: &Panel, account: AccountId) -> Self {
        Self { account, answer: panel.answer_to("ai-try").map(|answer| Answer::new(answer, panel)) }
    }
}

impl Answer {
    fn new(answer: &Value, panel: &Panel) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = |value: &Value| value.as_i64().unwrap_or(0);
        let language = panel.language;
        let why = answer["why"].as_str().map(|code| step_texts::why(code).in_language(language).to_owned());
        let tries = answer["tries"].as_array().into_iter().flatten();
        let usage = &answer["usage"];
        Self {
            outcome: words::outcome(answer["outcome"].as_str().unwrap_or_default(), language),
            text: text(&answer["text"]),
            why: why.unwrap_or_default(),
            intent: words::intent_of(answer["intent"].as_str().unwrap_or_default(), language),
            floor: answer["floor"].as_i64().map(super::settings::yuan).unwrap_or_default(),
            tries: tries.map(|tried| (text(&tried["text"]), text(&tried["violation"]["text"]))).collect(),
            tokens: number(&usage["tokens_in"]) + number(&usage["tokens_out"]),
            cost: words::cost(number(&usage["cost"])),
        }
    }
}
