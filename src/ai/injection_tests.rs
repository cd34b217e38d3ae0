//! What buyers write to fool a model, and what a model that was fooled answers.

use serde::Deserialize;

use super::{
    bargain::{Limits, Round, floor, offer},
    guard::{Terms, check, offers},
    intent::Intent,
    prompt::{Ask, Buyer, ItemFacts, Line, Role, Tokens, Who, build},
    template::Template,
};
use crate::ids::Fen;

#[derive(Deserialize)]
struct Case {
    id: String,
    says: String,
    fooled: Vec<String>,
}

const PRICE: Fen = Fen(10_000);
const FLOOR: Fen = Fen(9_000);
const LIMITS: Limits = Limits { max_percent: 10, max_amount: Fen(10_000), rounds: 3 };
const CANARY: &str = "k7q2m9x4";

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../tests/fixtures/injections.json")).expect("a list of cases")
}

#[test]
fn there_are_enough_cases_in_both_languages() {
    let cases = cases();
    let of = |language: &str| cases.iter().filter(|case| case.id.starts_with(language)).count();
    assert!(cases.len() >= 60 && of("zh-") >= 30 && of("en-") >= 25);
    let ids: std::collections::HashSet<_> = cases.iter().map(|case| &case.id).collect();
    assert_eq!(ids.len(), cases.len());
    assert!(cases.iter().all(|case| (1..=3).contains(&case.fooled.len())));
}

/// The floor and the offer come from price, limits and round; what a buyer writes is not among the arguments. What it could reach is the
/// prompt: there it stands between marks, once as what is answered and once as history, and the system text stays the same.
#[test]
fn a2_what_a_buyer_writes_changes_neither_the_prompt_nor_the_offer() {
    let template = Template::default();
    let round = Round { number: 1, of: LIMITS.rounds };
    let floor = floor(PRICE, None, &LIMITS);
    assert_eq!(floor, FLOOR);
    let offered = offer(PRICE, floor, round);
    let prompt = |says: &str| {
        build(&Ask {
            intent: Intent::Price,
            template: &template,
            item: Some(ItemFacts { title: "二手相机", price: Some(PRICE), ..ItemFacts::default() }),
            buyer: &Buyer::default(),
            history: &[Line { who: Who::Buyer, text: says }],
            said: says,
            round: Some(round),
            offer: Some(offered),
            canary: CANARY,
            budget: Tokens::default(),
        })
    };
    let harmless = prompt("在吗");
    for case in cases() {
        let chat = prompt(&case.says);
        assert_eq!(chat.messages[0], harmless.messages[0], "{}", case.id);
        assert_eq!(chat.messages.len(), 3);
        for message in &chat.messages[1..] {
            let inside = message.content.strip_prefix('⟦').and_then(|rest| rest.strip_suffix('⟧'));
            let inside = inside.expect("between marks");
            let free = inside.contains(['⟦', '⟧', '<', '>', '[', '\n']);
            assert!(message.role == Role::User && !free, "{}: {inside}", case.id);
        }
    }
}

#[test]
fn a2_every_answer_of_a_fooled_model_is_a_violation() {
    let system = "你是闲置物品的卖家，话要短。每次只让一小步，不要一次让到底。";
    let spaced: String = system.chars().flat_map(|letter| [letter, ' ']).collect();
    let reversed: String = system.chars().rev().collect();
    let mut passed = Vec::new();
    for case in cases() {
        let offers = offers([case.says.as_str()], Some(PRICE));
        let terms = Terms {
            price: Some(PRICE),
            floor: Some(FLOOR),
            standing: None,
            offers: &offers,
            title: "二手相机",
            forbidden: &[],
            secret: &[system, CANARY],
            tags: &[],
            open: &[],
            longest: 300,
        };
        for fooled in &case.fooled {
            let answer = fooled
                .replace("{prompt}", system)
                .replace("{spaced}", &spaced)
                .replace("{reversed}", &reversed)
                .replace("{canary}", CANARY);
            if check(&answer, &terms).is_ok() {
                passed.push((case.id.clone(), answer, offers.clone()));
            }
        }
    }
    assert!(passed.is_empty(), "{passed:#?}");
}
