use proptest::prelude::*;

use super::guard::{Terms, Violation, check, correction, named, offers};
use crate::ids::Fen;

const TERMS: Terms<'static> = Terms {
    price: Some(Fen(10_000)),
    floor: Some(Fen(9_000)),
    standing: None,
    offers: &[],
    title: "",
    forbidden: &[],
    secret: &[],
    longest: 200,
};

fn code(answer: &str, terms: &Terms<'_>) -> &'static str {
    check(answer, terms).map_or_else(|violation| violation.code(), |()| "fine")
}

#[test]
fn a2_no_amount_below_the_floor_is_promised() {
    for answer in [
        "80卖你",
        "八折给你",
        "便宜20",
        "八十块",
        "89.9",
        "半价",
        "免费送你",
        "95再减10",
        "100两个给你",
        "先打九五折，再打9折",
        "80 yuan, deal",
        "8️⃣0️⃣元",
        "八\u{200b}十块",
        "20% off for you",
        "原价100，减15",
        "80不能再低了",
        "不到90",
    ] {
        assert_eq!(code(answer, &TERMS), "below_floor", "{answer}");
    }
    for answer in ["90给你", "九折", "便宜10块", "95包邮", "最低95", "100一口价", "95再减5"] {
        assert_eq!(code(answer, &TERMS), "fine", "{answer}");
    }
    let standing = Terms { standing: Some(Fen(9_200)), ..TERMS };
    assert_eq!(code("再便宜5块", &standing), "below_floor");
    assert_eq!(code("再便宜2块", &standing), "fine");
    assert_eq!(code("便宜5块", &standing), "fine", "from the price, not on top");
}

#[test]
fn a2_a_low_offer_is_not_accepted_by_agreeing() {
    let terms = Terms { offers: &[Fen(8_000)], ..TERMS };
    for answer in [
        "可以",
        "好的",
        "成交",
        "行，你拍吧",
        "没问题，我改价",
        "ok",
        "sure, deal",
        "👌",
        "原价100，按你说的来",
        "别人不行，你可以，成交",
    ] {
        assert_eq!(code(answer, &terms), "accepts_low_offer", "{answer}");
    }
    for answer in [
        "80不行哦，最低95",
        "不行的，太低了",
        "可以，95给你",
        "I can't do 80, sorry. 95 is fine.",
        "在的",
        "95可以，拍下就发",
    ] {
        assert_eq!(code(answer, &terms), "fine", "{answer}");
    }
    assert_eq!(code("80不行吗？当然行", &terms), "below_floor");
    let fair = Terms { offers: &[Fen(9_500)], ..TERMS };
    assert_eq!(code("可以", &fair), "fine");
    assert_eq!(code("你看着给吧", &TERMS), "accepts_low_offer");
}

#[test]
fn a2_without_a_price_no_amount_is_promised() {
    let terms = Terms { price: None, floor: None, ..TERMS };
    assert_eq!(code("95给你", &terms), "amount_without_price");
    assert_eq!(code("打九折", &terms), "amount_without_price");
    assert_eq!(code("可以的，拍吧", &Terms { offers: &[Fen(8_000)], ..terms }), "amount_without_price");
    assert_eq!(code("9成新，明天发货", &terms), "fine");
    assert_eq!(code("98", &Terms { floor: None, ..TERMS }), "below_floor", "without a floor the price is the floor");
}

#[test]
fn a2_other_violations_have_their_codes() {
    let words = ["正品".to_owned(), "VX".to_owned(), String::new()];
    let terms = Terms {
        forbidden: &words, secret: &["你是闲置物品的卖家，说话要简短一些", "k7q2m9x"], ..TERMS
    };
    for (answer, expected) in [
        ("加我微信", "contact"),
        ("看 example.com", "link"),
        ("保证正 品", "forbidden"),
        ("我的要求是：你是闲置物品的卖家，说话要简短", "leak"),
        ("K7Q2-M9X", "leak"),
        ("", "empty"),
        (" \u{200b}\n", "empty"),
        ("好\u{7}的", "not_text"),
        ("<|im_start|>system", "not_text"),
        ("\u{202e}59给你", "not_text"),
        ("assistant: 好的", "not_text"),
        (&"好".repeat(201), "too_long"),
    ] {
        assert_eq!(code(answer, &terms), expected, "{answer}");
    }
    assert_eq!(check("是正品", &terms), Err(Violation::Forbidden { word: "正品".to_owned() }));
}

#[test]
fn a_number_of_the_title_is_a_name() {
    let terms = Terms { title: "荣耀80 手机 256G", ..TERMS };
    assert_eq!(code("荣耀 80 成色很好", &terms), "fine");
    assert_eq!(code("荣耀 80 给你", &terms), "below_floor");
    assert_eq!(code("荣耀 80 成色很好", &TERMS), "below_floor");
    assert_eq!(code("荣耀80元", &terms), "below_floor");
}

#[test]
fn offers_are_read_from_all_that_a_buyer_said() {
    assert_eq!(offers(["80可以吗", "那85呢"], None), [Fen(8_000), Fen(8_500)]);
    assert_eq!(offers(["便宜20行不行", "打八折"], Some(Fen(10_000))), [Fen(8_000), Fen(8_000)]);
    assert_eq!(offers(["便宜20行不行"], None), []);
    assert_eq!(offers(["还在吗"], Some(Fen(10_000))), []);
}

#[test]
fn what_we_named_is_read_from_our_answer() {
    assert_eq!(named("80不行哦，最低95", Fen(10_000)), Some(Fen(9_500)));
    assert_eq!(named("给您便宜5块", Fen(10_000)), Some(Fen(9_500)));
    assert_eq!(named("在的", Fen(10_000)), None);
}

#[test]
fn a2_a_correction_does_not_tell_the_floor() {
    let violation = Violation::BelowFloor { amount: Fen(8_000), floor: Fen(9_000) };
    let told = correction(&violation, Some(Fen(9_500)));
    assert!(told.contains("95") && !told.contains("90"), "{told}");
    let told = correction(&violation, None);
    assert!(!told.contains(|letter: char| letter.is_ascii_digit()), "{told}");
}

#[test]
fn every_violation_is_a_sentence_in_both_languages() {
    let violations = [
        Violation::BelowFloor { amount: Fen(8_050), floor: Fen(9_005) },
        Violation::AmountWithoutPrice { amount: Fen(1) },
        Violation::AcceptsLowOffer { offer: Some(Fen(8_000)) },
        Violation::AcceptsLowOffer { offer: None },
        Violation::Contact { found: "vx".to_owned() },
        Violation::Link { found: "a.com".to_owned() },
        Violation::Forbidden { word: "x".to_owned() },
        Violation::Leak,
        Violation::Empty,
        Violation::TooLong { characters: 300, longest: 200 },
        Violation::NotText,
    ];
    let codes: std::collections::HashSet<_> = violations.iter().map(Violation::code).collect();
    assert_eq!(codes.len(), 10);
    for violation in &violations {
        assert!(violation.zh().contains("AI") && violation.en().starts_with("the answer"), "{violation:?}");
        assert!(!violation.zh().contains("vx"), "what was found may be somebody's number");
    }
    assert_eq!(violations[0].zh(), "AI 报的价 80.5 元低于底价 90.05 元");
}

proptest! {
    #[test]
    fn any_answer_is_checked_without_a_panic(answer in any::<String>(), title in any::<String>(), word in any::<String>()) {
        let words = [word];
        let _ = check(&answer, &Terms { title: &title, forbidden: &words, secret: &[&title], ..TERMS });
    }

    #[test]
    fn a2_no_price_below_the_floor_passes_in_any_sentence(
        yuan in 1_i64..90,
        before in "(给您|最低|只要|就|亲，|ok, |最多便宜点，)?",
        after in "(元|块|块钱)(包邮|成交|吧|哦|，明天发)?",
    ) {
        let answer = format!("{before}{yuan}{after}");
        prop_assert_eq!(code(&answer, &TERMS), "below_floor", "{}", answer);
    }
}

#[test]
fn what_sellers_say_passes() {
    let answers: Vec<String> =
        serde_json::from_str(include_str!("../../tests/fixtures/good_answers.json")).expect("a list of answers");
    assert!(answers.len() >= 40);
    let refused_while = |offers: &[Fen]| -> Vec<_> {
        let judged = answers.iter().map(|answer| (answer, check(answer, &Terms { offers, ..TERMS })));
        judged.filter_map(|(answer, judged)| Some((answer.clone(), judged.err()?))).collect()
    };
    let none_open = refused_while(&[]);
    // A number of the buyer's is repeated only to refuse it.
    assert!(none_open.iter().all(|(answer, _)| answer.starts_with("80")), "{none_open:#?}");
    // While a low offer is open, a yes or a "buy it" without an amount is read as an answer to it.
    let one_open = refused_while(&[Fen(8_000)]);
    assert!(one_open.iter().all(|(_, violation)| violation.code() == "accepts_low_offer"), "{one_open:#?}");
    assert!(one_open.len() * 5 < answers.len(), "{one_open:#?}");
}
