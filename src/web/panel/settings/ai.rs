//! How the AI answers where an account does not say otherwise.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        super::{
            api::{
                ai as api,
                ai_fields::{AiFields, DialectBody},
            },
            error::ApiResult,
            tag,
        },
        Panel, Shell,
    },
    Tab,
};
use crate::ai::settings::{Mode, Otherwise};

#[derive(Template)]
#[template(path = "panel/settings_ai.html")]
struct AiPage {
    shell: Shell,
    tab: Tab,
    tag: String,
    modes: Vec<(&'static str, &'static str)>,
    mode: &'static str,
    dialects: Vec<(&'static str, &'static str)>,
    provider: Provider,
    /// What is known of the key; empty: there is none.
    key: String,
    fields: Fields,
    otherwise: Vec<(&'static str, &'static str)>,
    days: Vec<(u8, &'static str)>,
    windows: Vec<Window>,
}

/// Where a model is, as texts of a form.
#[derive(Default)]
struct Provider {
    is_set: bool,
    dialect: &'static str,
    base_url: String,
    model: String,
    price_in: String,
    price_out: String,
}

/// What is in force, as texts of forms.
struct Fields {
    ask_intent: bool,
    words_price: String,
    words_tech: String,
    prompt_price: String,
    prompt_tech: String,
    prompt_default: String,
    max_percent: String,
    max_amount: String,
    rounds: String,
    deal_days: String,
    last_word: String,
    history_tokens: String,
    only_buyers: String,
    never_buyers: String,
    forbidden: String,
    fallback: String,
    when_unfit: &'static str,
    when_failing: &'static str,
    at_cap: &'static str,
    daily_tokens: String,
    daily_cost: String,
    patience_s: String,
}

/// A span of hours of some days; an empty one is for another.
struct Window {
    number: usize,
    days: Vec<u8>,
    from: String,
    to: String,
}

pub(super) async fn show(panel: &Panel, shell: Shell) -> ApiResult<HttpResponse> {
    let view = api::shown_system(&panel.app).await?;
    let key = view.key.as_ref().map(|hint| format!("{} · {}", hint.hint, shell.at(&hint.set_at)));
    panel.show(&AiPage {
        tab: Tab::Ai,
        tag: tag::of(&view),
        modes: [Mode::Off, Mode::Shadow, Mode::Suggest, Mode::Auto].map(|mode| mode_words(mode, panel)).into(),
        mode: view.in_force.mode.map_or("off", |mode| mode_words(mode, panel).0),
        dialects: [DialectBody::OpenAi, DialectBody::DashScopeApp, DialectBody::Gemini]
            .map(|dialect| dialect_words(dialect, panel))
            .into(),
        provider: provider(&view.in_force, panel),
        key: key.unwrap_or_default(),
        otherwise: [Otherwise::Person, Otherwise::Fallback, Otherwise::Next]
            .map(|otherwise| otherwise_words(otherwise, panel))
            .into(),
        days: vec![
            (1, panel.t("一", "Mon")),
            (2, panel.t("二", "Tue")),
            (3, panel.t("三", "Wed")),
            (4, panel.t("四", "Thu")),
            (5, panel.t("五", "Fri")),
            (6, panel.t("六", "Sat")),
            (7, panel.t("日", "Sun")),
        ],
        windows: windows(&view.in_force),
        fields: Fields::new(view.in_force, panel),
        shell,
    })
}

impl Fields {
    fn new(force: AiFields, panel: &Panel) -> Self {
        let (words, prompts, limits) = (force.words, force.prompts, force.limits);
        let lines = |list: Option<Vec<String>>| list.unwrap_or_default().join("\n");
        let buyers =
            |list: Option<Vec<_>>| lines(list.map(|list| list.iter().map(crate::ids::BuyerId::to_string).collect()));
        let otherwise = |what: Option<Otherwise>| what.map_or("person", |what| otherwise_words(what, panel).0);
        let (words_price, words_tech) = words.map_or_else(Default::default, |words| (words.price, words.tech));
        let (prompt_price, prompt_tech, prompt_default) =
            prompts.map_or_else(Default::default, |prompts| (prompts.price, prompts.tech, prompts.default));
        let (max_percent, max_amount, rounds) = limits.map_or_else(Default::default, |limits| {
            (limits.max_percent.to_string(), yuan(limits.max_amount), limits.rounds.to_string())
        });
        Self {
            ask_intent: force.ask_intent.unwrap_or(false),
            words_price: words_price.join("\n"),
            words_tech: words_tech.join("\n"),
            prompt_price,
            prompt_tech,
            prompt_default,
            max_percent,
            max_amount,
            rounds,
            deal_days: text(force.deal_days),
            last_word: force.last_word.unwrap_or_default(),
            history_tokens: text(force.history_tokens),
            only_buyers: buyers(force.only_buyers),
            never_buyers: buyers(force.never_buyers),
            forbidden: lines(force.forbidden),
            fallback: force.fallback.unwrap_or_default(),
            when_unfit: otherwise(force.when_unfit),
            when_failing: otherwise(force.when_failing),
            at_cap: otherwise(force.at_cap),
            daily_tokens: text(force.daily_tokens),
            daily_cost: force.daily_cost.map(yuan).unwrap_or_default(),
            patience_s: text(force.patience_s),
        }
    }
}

fn text(number: Option<impl ToString>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// Fen as yuan, for a field.
fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn provider(force: &AiFields, panel: &Panel) -> Provider {
    let Some(provider) = &force.provider else {
        return Provider { dialect: dialect_words(DialectBody::OpenAi, panel).0, ..Provider::default() };
    };
    Provider {
        is_set: true,
        dialect: dialect_words(provider.dialect, panel).0,
        base_url: provider.base_url.clone(),
        model: provider.model.clone(),
        price_in: yuan(i64::from(provider.price_in)),
        price_out: yuan(i64::from(provider.price_out)),
    }
}

/// Those there are, and one to be.
fn windows(force: &AiFields) -> Vec<Window> {
    let known =
        force.hours.iter().flatten().map(|window| (window.days.clone(), window.from.clone(), window.to.clone()));
    let all = known.chain([(Vec::new(), String::new(), String::new())]).enumerate();
    all.map(|(number, (days, from, to))| Window { number, days, from, to }).collect()
}

fn mode_words(mode: Mode, panel: &Panel) -> (&'static str, &'static str) {
    match mode {
        Mode::Off => ("off", panel.t("关闭：不使用 AI", "Off: it is not asked")),
        Mode::Shadow => ("shadow", panel.t("旁观：只记录 AI 会怎么答", "Shadow: what it would say is recorded alone")),
        Mode::Suggest => ("suggest", panel.t("建议：由人审核后发送", "Suggest: a person approves each answer")),
        Mode::Auto => ("auto", panel.t("自动：直接发送", "Automatic: it is sent")),
    }
}

fn otherwise_words(otherwise: Otherwise, panel: &Panel) -> (&'static str, &'static str) {
    match otherwise {
        Otherwise::Person => ("person", panel.t("不回复，等待人工处理", "Leave it to a person")),
        Otherwise::Fallback => ("fallback", panel.t("发送替代回复", "Send the fallback text")),
        Otherwise::Next => ("next", panel.t("交给下一个回复来源", "Ask the next source of answers")),
    }
}

fn dialect_words(dialect: DialectBody, panel: &Panel) -> (&'static str, &'static str) {
    match dialect {
        DialectBody::OpenAi => {
            ("open_ai", panel.t("OpenAI 兼容接口（大多数服务）", "OpenAI compatible (most services)"))
        }
        DialectBody::DashScopeApp => ("dash_scope_app", panel.t("阿里云百炼应用", "DashScope application")),
        DialectBody::Gemini => ("gemini", "Google Gemini"),
    }
}
