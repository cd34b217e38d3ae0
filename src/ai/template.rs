//! What a seller tells the model for each intent: plain text with `{variables}`, checked when it is saved.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::intent::Intent;

/// The system text of each intent. A field that is missing or empty has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Template {
    pub price: String,
    pub tech: String,
    pub default: String,
}

/// Characters that one text may have.
pub const LONGEST: usize = 4_000;

/// Names that may stand in braces.
pub const VARIABLES: [&str; 8] =
    ["title", "price", "offer", "round", "rounds", BUYER_TAGS, "buyer_orders", "first_contact"];

/// The one whose value is the seller's own: it must not come out again.
const BUYER_TAGS: &str = "buyer_tags";

const PRICE: &str = "你是二手商品的卖家，正在和买家谈价格。语气友好、自然，像普通人聊天，每次只说一两句短话。\n\
    先守住现在的价格，买家坚持再让一小步，不要一次让到底。让价时给一个具体的数，并说明东西值这个价。\n\
    买家出价太低就礼貌拒绝，报出你能接受的价格。价格谈好后，请买家直接在平台下单。";
const TECH: &str = "你是二手商品的卖家，熟悉这件商品。用一两句短话回答功能、参数和用法的问题，语气友好、自然。\n\
    只说商品信息里写明的内容；没有写的就说不确定，可以帮忙看一下，不要猜。";
const DEFAULT: &str = "你是二手商品的卖家，正在回答买家的问题，比如成色、发货、售后。用一两句短话回答，语气友好、自然。\n\
    只说商品信息里写明的内容；没有写的就说要确认一下，不要替卖家许诺。";

impl Default for Template {
    fn default() -> Self {
        Self { price: PRICE.to_owned(), tech: TECH.to_owned(), default: DEFAULT.to_owned() }
    }
}

/// Why a template is not saved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateFault {
    #[error("the {} text has the unknown variable {{{name}}}; known are {}", .intent.as_str(), known())]
    Unknown { intent: Intent, name: String },
    #[error("the {} text has {characters} characters, more than {LONGEST}", .intent.as_str())]
    TooLong { intent: Intent, characters: usize },
    #[error("the {} text has a control character or one of the marks ⟦ and ⟧", .intent.as_str())]
    Unsuitable { intent: Intent },
}

fn known() -> String {
    VARIABLES.map(|name| format!("{{{name}}}")).join(", ")
}

impl TemplateFault {
    pub fn intent(&self) -> Intent {
        match self {
            Self::Unknown { intent, .. } | Self::TooLong { intent, .. } | Self::Unsuitable { intent } => *intent,
        }
    }

    /// Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_variable",
            Self::TooLong { .. } => "too_long",
            Self::Unsuitable { .. } => "unsuitable_character",
        }
    }

    pub fn zh(&self) -> String {
        let name = match self.intent() {
            Intent::Price => "议价",
            Intent::Tech => "技术",
            Intent::Default => "默认",
        };
        match self {
            Self::Unknown { name: variable, .. } => {
                format!("{name}提示词里有未知变量 {{{variable}}}，可用的变量是 {}", known())
            }
            Self::TooLong { characters, .. } => format!("{name}提示词有 {characters} 个字，超过了上限 {LONGEST} 个字"),
            Self::Unsuitable { .. } => format!("{name}提示词里有控制字符或 ⟦ ⟧ 符号"),
        }
    }

    pub fn en(&self) -> String {
        self.to_string()
    }
}

/// What a template may speak of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Variables<'a> {
    pub(super) title: &'a str,
    pub(super) price: &'a str,
    pub(super) offer: &'a str,
    pub(super) round: &'a str,
    pub(super) rounds: &'a str,
    pub(super) buyer_tags: &'a str,
    pub(super) buyer_orders: &'a str,
    pub(super) first_contact: &'a str,
}

/// A stretch of a template.
enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

impl Template {
    /// The text of an intent; the default one where the seller wrote none.
    pub fn text(&self, intent: Intent) -> &str {
        let (own, default) = match intent {
            Intent::Price => (&self.price, PRICE),
            Intent::Tech => (&self.tech, TECH),
            Intent::Default => (&self.default, DEFAULT),
        };
        if own.trim().is_empty() { default } else { own }
    }

    /// Checks all texts; the first fault is told.
    pub fn check(&self) -> Result<(), TemplateFault> {
        Intent::ALL.into_iter().try_for_each(|intent| check(intent, self.text(intent)))
    }
}

fn check(intent: Intent, text: &str) -> Result<(), TemplateFault> {
    let characters = text.chars().count();
    if characters > LONGEST {
        return Err(TemplateFault::TooLong { intent, characters });
    }
    let unsuitable =
        |letter: char| (letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) || "⟦⟧".contains(letter);
    if text.contains(unsuitable) {
        return Err(TemplateFault::Unsuitable { intent });
    }
    let unknown = pieces(text).into_iter().find_map(|piece| match piece {
        Piece::Variable(name) if !VARIABLES.contains(&name) => Some(name.to_owned()),
        Piece::Variable(_) | Piece::Text(_) => None,
    });
    unknown.map_or(Ok(()), |name| Err(TemplateFault::Unknown { intent, name }))
}

/// A variable is a name of small letters and underscores in braces; all other braces are text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let name = rest[open + 1..].split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
        let (before, after) = match name {
            Some(name) => (&rest[..open], &rest[open + name.len() + 2..]),
            None => (&rest[..=open], &rest[open + 1..]),
        };
        pieces.push(Piece::Text(before));
        pieces.extend(name.map(Piece::Variable));
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Puts the values in. They are not searched for variables. An unknown variable, which a check would have refused, is empty.
pub(super) fn render(text: &str, variables: &Variables<'_>) -> String {
    let value = |name: &str| match name {
        "title" => variables.title,
        "price" => variables.price,
        "offer" => variables.offer,
        "round" => variables.round,
        "rounds" => variables.rounds,
        BUYER_TAGS => variables.buyer_tags,
        "buyer_orders" => variables.buyer_orders,
        "first_contact" => variables.first_contact,
        _ => "",
    };
    let parts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text,
        Piece::Variable(name) => value(name),
    });
    parts.collect()
}

/// Whether a text tells the model the buyer's tags.
pub(super) fn tells_tags(text: &str) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Variable(BUYER_TAGS)))
}

/// The sentences of a template that speak to the model, without the values: these no buyer should read. A sentence that does not, a rule
/// of the shop, may be repeated to a buyer.
pub(super) fn instructions(text: &str) -> Vec<String> {
    let speaks_to_model = |sentence: &&str| {
        let sentence = sentence.to_lowercase();
        ["你", "不要", "必须", "禁止", "语气", "扮演", "you", "never", "must", "do not", "don't"]
            .iter()
            .any(|word| sentence.contains(word))
    };
    let texts = pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text),
        Piece::Variable(_) => None,
    });
    let sentences = texts.flat_map(|text| text.split(['。', '！', '？', '!', '?', '\n', '；', ';']));
    sentences.map(str::trim).filter(speaks_to_model).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(price: &str) -> Template {
        Template { price: price.to_owned(), ..Template::default() }
    }

    #[test]
    fn a8_a_template_is_checked_when_it_is_saved() {
        assert_eq!(Template::default().check(), Ok(()));
        assert_eq!(
            template("{title}卖{price}元，最低{offer}，第{round}/{rounds}轮 {} { title } {Title} {{").check(),
            Ok(())
        );
        let fault = template("{titel}").check().expect_err("a fault");
        assert_eq!(fault, TemplateFault::Unknown { intent: Intent::Price, name: "titel".to_owned() });
        assert!(fault.zh().contains("{titel}") && fault.en().contains("{titel}") && fault.en().contains("{title}"));
        let fault = template(&"长".repeat(4_001)).check().expect_err("a fault");
        assert_eq!(fault, TemplateFault::TooLong { intent: Intent::Price, characters: 4_001 });
        assert_eq!(template("\u{0}").check(), Err(TemplateFault::Unsuitable { intent: Intent::Price }));
        assert_eq!(template("⟧").check(), Err(TemplateFault::Unsuitable { intent: Intent::Price }));
    }

    #[test]
    fn a8_a_template_that_is_no_json_or_has_unknown_keys_is_refused() {
        assert!(serde_json::from_str::<Template>("{\"price\": ").is_err());
        assert!(serde_json::from_str::<Template>("{\"prices\": \"x\"}").is_err());
        let own: Template = serde_json::from_str("{\"tech\": \"只谈参数\", \"price\": \" \"}").expect("a template");
        assert_eq!(own.text(Intent::Tech), "只谈参数");
        assert_eq!(own.text(Intent::Price), PRICE, "a blank text is none");
        assert_eq!(own.text(Intent::Default), DEFAULT);
    }

    #[test]
    fn what_speaks_to_the_model_is_told_from_the_rules_of_a_shop() {
        let text = "你是{title}的卖家。七天内可退，运费自理！不要报低价\nNever tell. Ships on Monday";
        assert_eq!(instructions(text), ["你是", "不要报低价", "Never tell. Ships on Monday"]);
        let defaults = Template::default();
        assert!(Intent::ALL.iter().all(|intent| instructions(defaults.text(*intent)).len() >= 2));
    }

    #[test]
    fn values_are_put_in_and_not_searched_again() {
        let variables = Variables {
            title: "{price}",
            price: "100",
            offer: "95",
            round: "1",
            rounds: "3",
            buyer_tags: "{title}",
            buyer_orders: "2",
            first_contact: "否",
        };
        assert_eq!(render("{title}{price}{offer}{round}{rounds}{x}{}{", &variables), "{price}1009513{}{");
        assert_eq!(render("{buyer_tags}{buyer_orders}{first_contact}", &variables), "{title}2否");
    }

    #[test]
    fn every_variable_has_a_value() {
        let variables = Variables {
            title: "x",
            price: "x",
            offer: "x",
            round: "x",
            rounds: "x",
            buyer_tags: "x",
            buyer_orders: "x",
            first_contact: "x",
        };
        assert!(VARIABLES.iter().all(|name| render(&format!("{{{name}}}"), &variables) == "x"));
    }

    #[test]
    fn tags_are_told_only_where_a_text_names_them() {
        assert!(tells_tags("买家标签：{buyer_tags}。"));
        assert!(!tells_tags("{buyer_orders}{ buyer_tags }buyer_tags"));
        assert!(!Intent::ALL.into_iter().any(|intent| tells_tags(Template::default().text(intent))));
    }
}
