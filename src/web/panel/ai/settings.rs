//! How the AI answers: for all accounts, or where one differs. Each part is a form of its own.

use super::{
    super::{
        super::{
            api::{ai, ai_fields::AiFields},
            error::ApiResult,
            secret_hint::SecretHint,
            tag,
        },
        hours::{self, HourRow},
    },
    Panel, words,
};
use crate::{ai::settings::Otherwise, ids::AccountId};

type Options = Vec<(&'static str, &'static str)>;

/// What is in force, in the fields of forms.
pub(in crate::web) struct Settings {
    pub(super) action: String,
    pub(super) tag: String,
    pub(super) is_system: bool,
    pub(super) parts: Parts,
    pub(super) modes: Options,
    pub(super) mode: &'static str,
    pub(super) hours: Vec<HourRow>,
    pub(super) only_buyers: String,
    pub(super) never_buyers: String,
    pub(super) dialects: Options,
    pub(super) provider: Provider,
    pub(super) prompts: [String; 3],
    pub(super) max_percent: String,
    pub(super) max_amount: String,
    pub(super) rounds: String,
    pub(super) deal_days: String,
    pub(super) last_word: String,
    pub(super) price_words: String,
    pub(super) tech_words: String,
    pub(super) ask_intent: bool,
    pub(super) forbidden: String,
    pub(super) fallback: String,
    pub(super) otherwise: Options,
    pub(super) when_unfit: &'static str,
    pub(super) when_failing: &'static str,
    pub(super) at_cap: &'static str,
    pub(super) daily_tokens: String,
    pub(super) daily_cost: String,
    pub(super) patience_s: String,
    pub(super) history_tokens: String,
}

/// Where the model is.
#[derive(Default)]
pub(in crate::web) struct Provider {
    pub(super) dialect: &'static str,
    pub(super) base_url: String,
    pub(super) model: String,
    pub(super) price_in: String,
    pub(super) price_out: String,
    /// Of its key; empty: there is none.
    pub(super) key: String,
    pub(super) uses_system_key: bool,
}

/// Which fields a form has, and whether one of them was chosen here.
pub(in crate::web) struct Part {
    pub(super) is_own: bool,
    pub(super) fields: &'static [&'static str],
}

pub(in crate::web) struct Parts {
    pub(super) mode: Part,
    pub(super) provider: Part,
    pub(super) prompts: Part,
    pub(super) limits: Part,
    pub(super) words: Part,
    pub(super) guard: Part,
    pub(super) budget: Part,
}

impl Settings {
    pub(super) async fn of_system(panel: &Panel) -> ApiResult<Self> {
        let view = ai::shown_system(&panel.app).await?;
        let (tag, key) = (tag::of(&view), hint(view.key.as_ref()));
        let (chosen, in_force) = (view.chosen, view.in_force);
        let place = ("/api/v1/settings/ai".to_owned(), tag, true);
        Ok(Self::new(place, &chosen, in_force, (key, false), panel))
    }

    pub(super) async fn of_account(panel: &Panel, id: AccountId) -> ApiResult<Self> {
        let view = ai::read(&panel.app, &panel.caller, id).await?;
        let (tag, key) = (tag::of(&view), hint(view.key.as_ref()));
        let (chosen, in_force, uses) = (view.chosen, view.in_force, view.uses_system_key);
        let place = (format!("/api/v1/accounts/{id}/ai"), tag, false);
        Ok(Self::new(place, &chosen, in_force, (key, uses), panel))
    }

    fn new(
        (action, tag, is_system): (String, String, bool),
        chosen: &AiFields,
        all: AiFields,
        key: (String, bool),
        panel: &Panel,
    ) -> Self {
        let language = panel.language;
        let otherwise =
            |what: Option<Otherwise>| what.map(|what| words::otherwise(what, language).0).unwrap_or_default();
        let prompts = all.prompts.map(|prompts| [prompts.price, prompts.tech, prompts.default]);
        let (price_words, tech_words) =
            all.words.map(|words| (words.price.join("\n"), words.tech.join("\n"))).unwrap_or_default();
        let limits = all.limits.as_ref();
        Self {
            parts: Parts::new(chosen),
            action,
            tag,
            is_system,
            modes: words::MODES.map(|mode| words::mode(mode, language)).into(),
            mode: words::mode(all.mode.unwrap_or_default(), language).0,
            hours: hours::rows("hours", &all.hours.unwrap_or_default(), language),
            only_buyers: buyers(all.only_buyers),
            never_buyers: buyers(all.never_buyers),
            dialects: words::DIALECTS.map(|dialect| words::dialect(dialect, language)).into(),
            provider: Provider::new(all.provider, key, panel),
            prompts: prompts.unwrap_or_default(),
            max_percent: limits.map(|limits| limits.max_percent.to_string()).unwrap_or_default(),
            max_amount: limits.map(|limits| yuan(limits.max_amount)).unwrap_or_default(),
            rounds: limits.map(|limits| limits.rounds.to_string()).unwrap_or_default(),
            deal_days: number(all.deal_days),
            last_word: all.last_word.unwrap_or_default(),
            price_words,
            tech_words,
            ask_intent: all.ask_intent.unwrap_or_default(),
            forbidden: all.forbidden.unwrap_or_default().join("\n"),
            fallback: all.fallback.unwrap_or_default(),
            otherwise: words::OTHERWISE.map(|what| words::otherwise(what, language)).into(),
            when_unfit: otherwise(all.when_unfit),
            when_failing: otherwise(all.when_failing),
            at_cap: otherwise(all.at_cap),
            daily_tokens: number(all.daily_tokens),
            daily_cost: all.daily_cost.map(yuan).unwrap_or_default(),
            patience_s: number(all.patience_s),
            history_tokens: number(all.history_tokens),
        }
    }
}

fn hint(key: Option<&SecretHint>) -> String {
    key.map(|key| key.hint.clone()).unwrap_or_default()
}

fn number<T: ToString>(number: Option<T>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn buyers(buyers: Option<Vec<crate::ids::BuyerId>>) -> String {
    buyers.unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Fen as yuan, as somebody would type it.
pub(super) fn yuan(fen: i64) -> String {
    let (whole, part) = (fen / 100, (fen % 100).abs());
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:02}") }
}

impl Provider {
    fn new(
        view: Option<super::super::super::api::ai_fields::ProviderView>,
        (key, uses_system_key): (String, bool),
        panel: &Panel,
    ) -> Self {
        let Some(view) = view else { return Self { key, uses_system_key, ..Self::default() } };
        Self {
            dialect: words::dialect(view.dialect, panel.language).0,
            base_url: view.base_url,
            model: view.model,
            price_in: yuan(view.price_in.into()),
            price_out: yuan(view.price_out.into()),
            key,
            uses_system_key,
        }
    }
}

impl Parts {
    fn new(chosen: &AiFields) -> Self {
        let part = |fields, is_own| Part { is_own, fields };
        Self {
            mode: part(
                &["mode", "hours", "only_buyers", "never_buyers"],
                chosen.mode.is_some()
                    || chosen.hours.is_some()
                    || chosen.only_buyers.is_some()
                    || chosen.never_buyers.is_some(),
            ),
            provider: part(&["provider", "key"], chosen.provider.is_some()),
            prompts: part(&["prompts"], chosen.prompts.is_some()),
            limits: part(
                &["limits", "deal_days", "last_word"],
                chosen.limits.is_some() || chosen.deal_days.is_some() || chosen.last_word.is_some(),
            ),
            words: part(&["words", "ask_intent"], chosen.words.is_some() || chosen.ask_intent.is_some()),
            guard: part(
                &["forbidden", "fallback", "when_unfit", "when_failing"],
                chosen.forbidden.is_some()
                    || chosen.fallback.is_some()
                    || chosen.when_unfit.is_some()
                    || chosen.when_failing.is_some(),
            ),
            budget: part(
                &["daily_tokens", "daily_cost", "at_cap", "patience_s", "history_tokens"],
                chosen.daily_tokens.is_some()
                    || chosen.daily_cost.is_some()
                    || chosen.at_cap.is_some()
                    || chosen.patience_s.is_some()
                    || chosen.history_tokens.is_some(),
            ),
        }
    }
}
