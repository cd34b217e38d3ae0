//! What can be chosen for the AI, as the API takes and shows it: the same fields for the system and for an account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{
        error::{ApiError, ApiResult, Said},
        input::{Change, Few, Line, SecretText, Text, Whole},
        user_url,
    },
    windows::{WindowBody, WindowView, windows},
};
use crate::{
    ai::{
        bargain::Limits,
        dialect::Kind,
        intent::Words,
        settings::{AiChoices, Mode, Otherwise, Provider},
        template::Template,
    },
    ids::{BuyerId, Fen},
    outgoing::address::Network,
};

/// The form a provider wants to be spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DialectBody {
    /// Chat completions, which most providers offer.
    OpenAi,
    /// An application of DashScope.
    DashScopeApp,
    /// `generateContent`.
    Gemini,
}

/// Where a model is.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"dialect": "open_ai", "base_url": "https://api.example.com/v1", "model": "chat-small"}))]
pub struct ProviderBody {
    dialect: DialectBody,
    /// An https address; the key is sent there, in a header. One on the server's own machine or network may be http, where the administrator
    /// allows it: `outgoing.allow`.
    base_url: Line<8, 500>,
    model: Line<1, 200>,
    /// Price of a million tokens that go in, in Fen; absent or 0: not counted.
    #[serde(default)]
    price_in: Option<Whole<0, 10_000_000>>,
    /// Price of a million tokens that come out, in Fen; absent or 0: not counted.
    #[serde(default)]
    price_out: Option<Whole<0, 10_000_000>>,
}

/// Words by which it is known what a buyer wants, before the model is asked anything.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WordsBody {
    price: Few<Line<1, 50>, 300>,
    tech: Few<Line<1, 50>, 300>,
}

/// What the model is told it is, by what the buyer wants. `{title}`, `{price}`, `{offer}`, `{round}` and `{rounds}` are filled in, and of the
/// buyer, who is spoken of only where a text names them, `{buyer_tags}` (with commas between, empty without any), `{buyer_orders}` (how many
/// were paid before, in all accounts) and `{first_contact}` (是 or 否). An answer that tells the buyer a tag is not sent.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptsBody {
    price: Text<1, 4000>,
    tech: Text<1, 4000>,
    default: Text<1, 4000>,
}

/// How far the price may go down. The floor is the highest of the item's own floor and what these two leave.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsBody {
    max_percent: Whole<0, 100>,
    /// In Fen.
    max_amount: Whole<0, 1_000_000_000>,
    /// Answers about the price in one deal; then the last word is said.
    rounds: Whole<0, 100>,
}

/// What is chosen. `null`: as it is inherited.
#[derive(Debug, Serialize, ToSchema)]
pub struct AiFields {
    pub(in crate::web) mode: Option<Mode>,
    pub(in crate::web) provider: Option<ProviderView>,
    pub(in crate::web) words: Option<WordsView>,
    pub(in crate::web) ask_intent: Option<bool>,
    pub(in crate::web) prompts: Option<PromptsView>,
    pub(in crate::web) limits: Option<LimitsView>,
    pub(in crate::web) deal_days: Option<u16>,
    pub(in crate::web) last_word: Option<String>,
    pub(in crate::web) history_tokens: Option<u32>,
    pub(in crate::web) hours: Option<Vec<WindowView>>,
    #[schema(value_type = Option<Vec<String>>)]
    pub(in crate::web) only_buyers: Option<Vec<BuyerId>>,
    #[schema(value_type = Option<Vec<String>>)]
    pub(in crate::web) never_buyers: Option<Vec<BuyerId>>,
    pub(in crate::web) forbidden: Option<Vec<String>>,
    pub(in crate::web) fallback: Option<String>,
    pub(in crate::web) when_unfit: Option<Otherwise>,
    pub(in crate::web) when_failing: Option<Otherwise>,
    pub(in crate::web) daily_tokens: Option<u32>,
    /// In Fen.
    pub(in crate::web) daily_cost: Option<i64>,
    pub(in crate::web) at_cap: Option<Otherwise>,
    pub(in crate::web) patience_s: Option<u16>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderView {
    pub(in crate::web) dialect: DialectBody,
    pub(in crate::web) base_url: String,
    pub(in crate::web) model: String,
    pub(in crate::web) price_in: u32,
    pub(in crate::web) price_out: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WordsView {
    pub(in crate::web) price: Vec<String>,
    pub(in crate::web) tech: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PromptsView {
    pub(in crate::web) price: String,
    pub(in crate::web) tech: String,
    pub(in crate::web) default: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsView {
    pub(in crate::web) max_percent: u8,
    /// In Fen.
    pub(in crate::web) max_amount: i64,
    pub(in crate::web) rounds: u32,
}

/// What changes; what is absent stays, and `null` inherits again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"mode": "suggest", "limits": {"max_percent": 10, "max_amount": 2000, "rounds": 3}}))]
pub struct AiPatch {
    #[serde(default)]
    #[schema(value_type = Option<Mode>)]
    mode: Change<Mode>,
    /// With a new address the key must be given again.
    #[serde(default)]
    #[schema(value_type = Option<ProviderBody>)]
    provider: Change<ProviderBody>,
    #[serde(default)]
    pub(super) key: Change<SecretText<1024>>,
    #[serde(default)]
    #[schema(value_type = Option<WordsBody>)]
    words: Change<WordsBody>,
    /// Where no word list knows what the buyer wants, the model is asked: one more call.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    ask_intent: Change<bool>,
    #[serde(default)]
    #[schema(value_type = Option<PromptsBody>)]
    prompts: Change<PromptsBody>,
    #[serde(default)]
    #[schema(value_type = Option<LimitsBody>)]
    limits: Change<LimitsBody>,
    /// A deal in which the price was not spoken of for so many days is over.
    #[serde(default)]
    deal_days: Change<Whole<1, 365>>,
    /// What is said about the price once all rounds are used.
    #[serde(default)]
    last_word: Change<Text<1, 500>>,
    /// How much of the conversation the model is told.
    #[serde(default)]
    history_tokens: Change<Whole<0, 8000>>,
    /// When the AI may answer; empty: always.
    #[serde(default)]
    #[schema(value_type = Option<Vec<WindowBody>>)]
    hours: Change<Few<WindowBody, 21>>,
    /// Whom the AI may answer; empty: everybody.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    only_buyers: Change<Few<Line<1, 64>, 1000>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    never_buyers: Change<Few<Line<1, 64>, 1000>>,
    /// An answer with one of these words is not sent.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    forbidden: Change<Few<Line<1, 50>, 500>>,
    /// What is sent instead of an answer that must not be.
    #[serde(default)]
    fallback: Change<Text<1, 500>>,
    /// What happens where an answer must not be sent, and the second try neither.
    #[serde(default)]
    #[schema(value_type = Option<Otherwise>)]
    when_unfit: Change<Otherwise>,
    /// What happens where the provider does not answer.
    #[serde(default)]
    #[schema(value_type = Option<Otherwise>)]
    when_failing: Change<Otherwise>,
    /// 0: no limit.
    #[serde(default)]
    daily_tokens: Change<Whole<0, 1_000_000_000>>,
    /// In Fen; 0: no limit.
    #[serde(default)]
    daily_cost: Change<Whole<0, 1_000_000_000>>,
    /// What happens where a day's limit is reached.
    #[serde(default)]
    #[schema(value_type = Option<Otherwise>)]
    at_cap: Change<Otherwise>,
    /// How long one call may take, waiting for its turn included.
    #[serde(default)]
    patience_s: Change<Whole<1, 120>>,
}

impl AiPatch {
    /// What is chosen afterwards. Consumes all but the key. `allowed`: where a provider may be besides the public internet.
    pub(super) fn over(self, before: AiChoices, allowed: &[Network]) -> ApiResult<AiChoices> {
        Ok(AiChoices {
            mode: self.mode.or(before.mode),
            provider: checked(self.provider, |provider| provider.read(allowed))?.or(before.provider),
            words: self.words.map(WordsBody::read).or(before.words),
            ask_intent: self.ask_intent.or(before.ask_intent),
            prompts: checked(self.prompts, PromptsBody::read)?.or(before.prompts),
            limits: self.limits.map(|limits| limits.read()).or(before.limits),
            deal_days: self.deal_days.map(small).or(before.deal_days),
            last_word: self.last_word.map(Text::into_string).or(before.last_word),
            history_tokens: self.history_tokens.map(small).or(before.history_tokens),
            hours: checked(self.hours, |list| windows(list, "hours"))?.or(before.hours),
            only_buyers: self.only_buyers.map(buyers).or(before.only_buyers),
            never_buyers: self.never_buyers.map(buyers).or(before.never_buyers),
            forbidden: self.forbidden.map(lines).or(before.forbidden),
            fallback: self.fallback.map(Text::into_string).or(before.fallback),
            when_unfit: self.when_unfit.or(before.when_unfit),
            when_failing: self.when_failing.or(before.when_failing),
            daily_tokens: self.daily_tokens.map(small).or(before.daily_tokens),
            daily_cost: self.daily_cost.map(|fen| Fen(fen.get())).or(before.daily_cost),
            at_cap: self.at_cap.or(before.at_cap),
            patience_s: self.patience_s.map(small).or(before.patience_s),
        })
    }
}

fn checked<T, U>(change: Change<T>, read: impl FnOnce(T) -> ApiResult<U>) -> ApiResult<Change<U>> {
    Ok(match change {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(value) => Change::Set(read(value)?),
    })
}

/// The bounds of the type it was read by are those of the target, or narrower.
fn small<T: TryFrom<i64> + Default, const MIN: i64, const MAX: i64>(number: Whole<MIN, MAX>) -> T {
    T::try_from(number.get()).unwrap_or_default()
}

fn lines<const MIN: usize, const MAX: usize, const MOST: usize>(list: Few<Line<MIN, MAX>, MOST>) -> Vec<String> {
    list.into_vec().into_iter().map(Line::into_string).collect()
}

fn buyers(list: Few<Line<1, 64>, 1000>) -> Vec<BuyerId> {
    lines(list).into_iter().map(BuyerId::from).collect()
}

impl ProviderBody {
    fn read(self, allowed: &[Network]) -> ApiResult<Provider> {
        let base_url = self.base_url.into_string();
        user_url::read_for_secret(&base_url, allowed).map_err(|said| ApiError::field("provider.base_url", said))?;
        Ok(Provider {
            dialect: match self.dialect {
                DialectBody::OpenAi => Kind::OpenAi,
                DialectBody::DashScopeApp => Kind::DashScopeApp,
                DialectBody::Gemini => Kind::Gemini,
            },
            base_url,
            model: self.model.into_string(),
            price_in: self.price_in.map(small).unwrap_or_default(),
            price_out: self.price_out.map(small).unwrap_or_default(),
        })
    }
}

impl WordsBody {
    fn read(self) -> Words {
        Words { price: lines(self.price), tech: lines(self.tech) }
    }
}

impl PromptsBody {
    /// A8: a text that could not be used later is refused now.
    fn read(self) -> ApiResult<Template> {
        let Self { price, tech, default } = self;
        let template =
            Template { price: price.into_string(), tech: tech.into_string(), default: default.into_string() };
        template.check().map_err(|fault| {
            let field = match fault.intent() {
                crate::ai::intent::Intent::Price => "prompts.price",
                crate::ai::intent::Intent::Tech => "prompts.tech",
                crate::ai::intent::Intent::Default => "prompts.default",
            };
            ApiError::field(field, Said::new(fault.zh(), fault.to_string()))
        })?;
        Ok(template)
    }
}

impl LimitsBody {
    fn read(&self) -> Limits {
        Limits {
            max_percent: small(self.max_percent),
            max_amount: Fen(self.max_amount.get()),
            rounds: small(self.rounds),
        }
    }
}

impl From<AiChoices> for AiFields {
    fn from(choices: AiChoices) -> Self {
        Self {
            mode: choices.mode,
            provider: choices.provider.map(ProviderView::from),
            words: choices.words.map(|Words { price, tech }| WordsView { price, tech }),
            ask_intent: choices.ask_intent,
            prompts: choices.prompts.map(|Template { price, tech, default }| PromptsView { price, tech, default }),
            limits: choices.limits.map(|Limits { max_percent, max_amount, rounds }| LimitsView {
                max_percent,
                max_amount: max_amount.0,
                rounds,
            }),
            deal_days: choices.deal_days,
            last_word: choices.last_word,
            history_tokens: choices.history_tokens,
            hours: choices.hours.map(|hours| hours.into_iter().map(WindowView::from).collect()),
            only_buyers: choices.only_buyers,
            never_buyers: choices.never_buyers,
            forbidden: choices.forbidden,
            fallback: choices.fallback,
            when_unfit: choices.when_unfit,
            when_failing: choices.when_failing,
            daily_tokens: choices.daily_tokens,
            daily_cost: choices.daily_cost.map(|fen| fen.0),
            at_cap: choices.at_cap,
            patience_s: choices.patience_s,
        }
    }
}

impl From<Provider> for ProviderView {
    fn from(provider: Provider) -> Self {
        let dialect = match provider.dialect {
            Kind::OpenAi => DialectBody::OpenAi,
            Kind::DashScopeApp => DialectBody::DashScopeApp,
            Kind::Gemini => DialectBody::Gemini,
        };
        let Provider { base_url, model, price_in, price_out, .. } = provider;
        Self { dialect, base_url, model, price_in, price_out }
    }
}
