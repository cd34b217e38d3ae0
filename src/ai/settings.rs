//! How the AI answers: what is set for the system, what an account sets otherwise, and what is in force.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{bargain::Limits, dialect::Kind, intent::Words, template::Template};
use crate::{
    ids::{BuyerId, Fen, Timestamp},
    platform::hours::{self, Window},
};

/// What becomes of the AI's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is not asked.
    #[default]
    Off,
    /// Its answer is recorded, and the next source answers.
    Shadow,
    /// A person approves or edits it.
    Suggest,
    /// It is sent.
    Auto,
}

/// What happens where the AI has nothing that may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// The fixed text is sent.
    Fallback,
    /// Nothing is sent; the message waits for a person.
    Person,
    /// The next source is asked: a default reply, or silence.
    Next,
}

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub dialect: Kind,
    /// For example `https://api.example.com/v1`.
    pub base_url: String,
    pub model: String,
    /// Price of a million tokens that go in, in Fen; 0: not counted.
    #[serde(default)]
    pub price_in: u32,
    /// Price of a million tokens that come out, in Fen; 0: not counted.
    #[serde(default)]
    pub price_out: u32,
}

/// What is set. What is absent is inherited: an account's from the system's, the system's from what we think is usual.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AiChoices {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_intent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deal_days: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_word: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Vec<Window>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_buyers: Option<Vec<BuyerId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_buyers: Option<Vec<BuyerId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forbidden: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_unfit: Option<Otherwise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_failing: Option<Otherwise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_cost: Option<Fen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_cap: Option<Otherwise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience_s: Option<u16>,
}

/// A provider's key. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What is in force for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiSettings {
    pub mode: Mode,
    pub provider: Provider,
    pub key: Option<ApiKey>,
    pub words: Words,
    /// Where no word list knows, the model is asked what the buyer wants.
    pub ask_intent: bool,
    pub prompts: Template,
    pub limits: Limits,
    /// A deal in which the price was not spoken of for so many days is over.
    pub deal_days: u16,
    /// What is said about the price once all rounds are used.
    pub last_word: String,
    /// Of the conversation before the turn.
    pub history_tokens: u32,
    /// When the AI may answer; empty: always.
    pub hours: Vec<Window>,
    /// Whom the AI may answer; empty: everybody.
    pub only_buyers: Vec<BuyerId>,
    pub never_buyers: Vec<BuyerId>,
    /// Words that must not be in an answer.
    pub forbidden: Vec<String>,
    pub fallback: String,
    /// Where its answer must not be sent, and its second try neither.
    pub when_unfit: Otherwise,
    /// Where the provider does not answer.
    pub when_failing: Otherwise,
    /// 0: as many as it takes.
    pub daily_tokens: u32,
    /// 0: as much as it takes.
    pub daily_cost: Fen,
    pub at_cap: Otherwise,
    /// How long one call may take.
    pub patience: Duration,
}

/// How far a price may go down, where nobody said otherwise.
pub const LIMITS: Limits = Limits { max_percent: 10, max_amount: Fen(10_000), rounds: 3 };

/// A deal in which the price was not spoken of for so many days is over, where nobody said otherwise.
const DEAL_DAYS: u16 = 7;

/// What is said about the price once all rounds are used, where nobody wrote another text.
pub const LAST_WORD: &str = "这个价格已经是最优惠的了，不能再便宜了，喜欢的话可以直接拍下～";

/// What is said instead of an answer that must not be sent, where nobody wrote another text.
pub const FALLBACK: &str = "这个问题我确认一下，稍后回复您～";

impl AiChoices {
    /// What holds where nobody chose. Where a model is, somebody must say.
    pub fn usual() -> Self {
        Self {
            mode: Some(Mode::Off),
            provider: None,
            words: Some(Words::default()),
            ask_intent: Some(false),
            prompts: Some(Template::default()),
            limits: Some(LIMITS),
            deal_days: Some(DEAL_DAYS),
            last_word: Some(LAST_WORD.to_owned()),
            history_tokens: Some(1000),
            hours: Some(Vec::new()),
            only_buyers: Some(Vec::new()),
            never_buyers: Some(Vec::new()),
            forbidden: Some(Vec::new()),
            fallback: Some(FALLBACK.to_owned()),
            when_unfit: Some(Otherwise::Person),
            when_failing: Some(Otherwise::Next),
            daily_tokens: Some(0),
            daily_cost: Some(Fen(0)),
            at_cap: Some(Otherwise::Next),
            patience_s: Some(20),
        }
    }

    /// What is chosen here, and where nothing is, what is chosen below.
    #[must_use]
    pub fn over(self, below: &Self) -> Self {
        macro_rules! each {
            ($($field:ident)*) => {
                Self { $($field: self.$field.or_else(|| below.$field.clone()),)* }
            };
        }
        each!(mode provider words ask_intent prompts limits deal_days last_word history_tokens hours only_buyers never_buyers forbidden
              fallback when_unfit when_failing daily_tokens daily_cost at_cap patience_s)
    }

    /// A deal in which the price was not spoken of for so long is over.
    pub fn deal_ends_after(&self) -> Duration {
        days(self.deal_days.unwrap_or(DEAL_DAYS))
    }

    /// What is in force where `self` is an account's and `system` the system's; `None`: the AI is off, or nobody said where a model is.
    ///
    /// A key goes only where the one who gave it sends it: an account with a provider of its own does not get the system's key.
    pub fn resolve(self, own_key: Option<ApiKey>, system: &Self, system_key: Option<&ApiKey>) -> Option<AiSettings> {
        let key = match &self.provider {
            Some(_) => own_key,
            None => own_key.or_else(|| system_key.cloned()),
        };
        let all = self.over(system).over(&Self::usual());
        let settings = AiSettings {
            mode: all.mode.unwrap_or_default(),
            provider: all.provider?,
            key,
            words: all.words?,
            ask_intent: all.ask_intent?,
            prompts: all.prompts?,
            limits: all.limits?,
            deal_days: all.deal_days?,
            last_word: all.last_word?,
            history_tokens: all.history_tokens?,
            hours: all.hours?,
            only_buyers: all.only_buyers?,
            never_buyers: all.never_buyers?,
            forbidden: all.forbidden?,
            fallback: all.fallback?,
            when_unfit: all.when_unfit?,
            when_failing: all.when_failing?,
            daily_tokens: all.daily_tokens?,
            daily_cost: all.daily_cost?,
            at_cap: all.at_cap?,
            patience: Duration::from_secs(all.patience_s?.into()),
        };
        (settings.mode != Mode::Off).then_some(settings)
    }
}

fn days(count: u16) -> Duration {
    Duration::from_hours(24 * u64::from(count))
}

impl AiSettings {
    /// Whether the AI may answer this buyer now; a stable code says why not.
    pub fn may_answer(&self, buyer: &BuyerId, now: Timestamp) -> Result<(), &'static str> {
        if !hours::is_open(&self.hours, now) {
            return Err("outside_hours");
        }
        let chosen = self.only_buyers.is_empty() || self.only_buyers.contains(buyer);
        if chosen && !self.never_buyers.contains(buyer) { Ok(()) } else { Err("buyer_excluded") }
    }

    pub fn deal_ends_after(&self) -> Duration {
        days(self.deal_days)
    }

    /// Whether a day's use has reached what is allowed. `cost`: millionths of a Yuan.
    pub fn is_used_up(&self, tokens: i64, cost: i64) -> bool {
        let fen = cost / MICRO_YUAN_IN_A_FEN;
        (self.daily_tokens > 0 && tokens >= i64::from(self.daily_tokens))
            || (self.daily_cost.0 > 0 && fen >= self.daily_cost.0)
    }
}

const MICRO_YUAN_IN_A_FEN: i64 = 10_000;

impl Provider {
    /// What these tokens cost, in millionths of a Yuan.
    pub fn cost(&self, tokens_in: u32, tokens_out: u32) -> i64 {
        // A price is Fen a million tokens: hundredths of a millionth of a Yuan a token.
        let of = |tokens: u32, price: u32| i64::from(tokens) * i64::from(price);
        (of(tokens_in, self.price_in) + of(tokens_out, self.price_out)) / 100
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn provider(host: &str) -> Provider {
        Provider {
            dialect: Kind::OpenAi,
            base_url: format!("https://{host}/v1"),
            model: "m".into(),
            price_in: 200,
            price_out: 600,
        }
    }

    fn key(text: &str) -> Option<ApiKey> {
        Some(ApiKey(text.into()))
    }

    fn system() -> AiChoices {
        AiChoices { mode: Some(Mode::Auto), provider: Some(provider("system.example")), ..AiChoices::default() }
    }

    /// A5: what an account does not set is the system's of now, not of when it was saved.
    #[test]
    fn a5_what_is_not_set_is_inherited_field_by_field() {
        let own = AiChoices { fallback: Some("稍等".into()), deal_days: Some(3), ..AiChoices::default() };
        let settings = own.clone().resolve(None, &system(), key("s").as_ref()).unwrap();
        assert_eq!((settings.fallback.as_str(), settings.deal_days), ("稍等", 3));
        assert_eq!((settings.mode, settings.provider.base_url.as_str()), (Mode::Auto, "https://system.example/v1"));
        assert_eq!(settings.last_word, LAST_WORD);
        let later = AiChoices { last_word: Some("不议价".into()), deal_days: Some(9), ..system() };
        let settings = own.resolve(None, &later, None).unwrap();
        assert_eq!((settings.last_word.as_str(), settings.deal_days), ("不议价", 3));
    }

    #[test]
    fn a_key_goes_only_where_its_giver_sends_it() {
        let inherits = AiChoices::default();
        let has_own = AiChoices { provider: Some(provider("mine.example")), ..AiChoices::default() };
        let key_of = |choices: &AiChoices, own| choices.clone().resolve(own, &system(), key("s").as_ref()).unwrap().key;
        assert_eq!(key_of(&inherits, None), key("s"));
        assert_eq!(key_of(&inherits, key("o")), key("o"));
        assert_eq!(key_of(&has_own, key("o")), key("o"));
        assert_eq!(key_of(&has_own, None), None, "the system's key must not go to another's address");
        assert_eq!(format!("{:?}", key("secret")), "Some(***)");
    }

    #[test]
    fn off_or_without_a_model_there_is_no_ai() {
        let off = AiChoices { mode: Some(Mode::Off), ..AiChoices::default() };
        assert_eq!(off.resolve(None, &system(), None), None);
        let nowhere = AiChoices { mode: Some(Mode::Auto), ..AiChoices::default() };
        assert_eq!(nowhere.resolve(None, &AiChoices::default(), None), None);
    }

    #[test]
    fn the_ai_answers_chosen_buyers_at_chosen_times() {
        let choices = AiChoices {
            only_buyers: Some(vec!["1".into(), "2".into()]),
            never_buyers: Some(vec!["2".into()]),
            hours: Some(vec![Window { days: Window::ALL_DAYS, from: 0, to: 720 }]),
            ..system()
        };
        let settings = choices.resolve(None, &AiChoices::default(), None).unwrap();
        // 2:40 in the morning there
        let night = Timestamp(1_760_035_200_000);
        assert_eq!(settings.may_answer(&"1".into(), night), Ok(()));
        assert_eq!(settings.may_answer(&"2".into(), night), Err("buyer_excluded"));
        assert_eq!(settings.may_answer(&"3".into(), night), Err("buyer_excluded"));
        assert_eq!(settings.may_answer(&"1".into(), night + Duration::from_hours(12)), Err("outside_hours"));
    }

    /// A6: use is metered and has a limit.
    #[test]
    fn a6_a_days_tokens_and_cost_have_a_limit() {
        // 1,000 tokens in at 2 Yuan a million, 500 out at 6 Yuan a million: 0.005 Yuan
        assert_eq!(provider("a").cost(1000, 500), 5000);
        let limited = AiChoices { daily_tokens: Some(1000), daily_cost: Some(Fen(50)), ..system() };
        let settings = limited.resolve(None, &AiChoices::default(), None).unwrap();
        assert!(!settings.is_used_up(999, 499_999));
        assert!(settings.is_used_up(1000, 0) && settings.is_used_up(0, 500_000));
        let unlimited = system().resolve(None, &AiChoices::default(), None).unwrap();
        assert!(!unlimited.is_used_up(i64::MAX, i64::MAX));
    }

    #[test]
    fn choices_are_written_without_what_is_inherited() {
        assert_eq!(serde_json::to_string(&AiChoices::default()).unwrap(), "{}");
        let text = serde_json::to_string(&system()).unwrap();
        assert_eq!(serde_json::from_str::<AiChoices>(&text).unwrap(), system());
        assert!(serde_json::from_str::<AiChoices>(r#"{"moed":"auto"}"#).is_err());
    }
}
