use proptest::prelude::*;

use super::{
    amount_tests::{DIGITS, chinese, grouped},
    guard::{Terms, Violation, check, correction, named, offers, standing},
};
use crate::ids::Fen;

const TERMS: Terms<'static> = Terms {
    price: Some(Fen(10_000)),
    floor: Some(Fen(9_000)),
    standing: None,
    offers: &[],
    title: "",
    forbidden: &[],
    secret: &[],
    tags: &[],
    open: &[],
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
    let again = Terms { standing: Some(Fen(9_200)), ..TERMS };
    assert_eq!(code("再便宜5块", &again), "below_floor");
    assert_eq!(code("再便宜2块", &again), "fine");
    assert_eq!(code("便宜5块", &again), "fine", "from the price, not on top");
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
        "明天发货",
        "不是不可以",
        "可以呀，原价100的",
        "go for it",
        "去付款",
    ] {
        assert_eq!(code(answer, &terms), "accepts_low_offer", "{answer}");
    }
    for answer in [
        "80不行哦，最低95",
        "不行的，太低了",
        "这个真不行，东西很新的，一口价",
        "可以，95给你",
        "I can't do 80, sorry. 95 is fine.",
        "一口价，不议",
        "今天下午我去仓库把东西拍个照片，晚点发您看看细节",
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
    assert_eq!(named("95再减2", Fen(10_000)), Some(Fen(9_300)));
    assert_eq!(named("在的", Fen(10_000)), None);
    assert_eq!(
        standing(["最低95", "那再减2吧", "原价100的"], Fen(10_000)),
        Some(Fen(9_300)),
        "what was named once stands"
    );
    assert_eq!(standing([], Fen(10_000)), None);
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
        Violation::Tag { tag: "x".to_owned() },
        Violation::Empty,
        Violation::TooLong { characters: 300, longest: 200 },
        Violation::NotText,
    ];
    let codes: std::collections::HashSet<_> = violations.iter().map(Violation::code).collect();
    assert_eq!(codes.len(), 11);
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
        let _ = check(&answer, &Terms { title: &title, forbidden: &words, secret: &[&title], tags: &[&title], ..TERMS });
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
fn a2_every_way_of_saying_a_low_price_is_a_violation() {
    let answers: Vec<String> =
        serde_json::from_str(include_str!("../../tests/fixtures/low_answers.json")).expect("a list of answers");
    assert!(answers.len() >= 100);
    let passed: Vec<_> = answers.iter().filter(|answer| check(answer, &TERMS).is_ok()).collect();
    assert!(passed.is_empty(), "{passed:#?}");
}

#[test]
fn a2_a_few_words_are_an_answer_to_an_open_offer() {
    let terms = Terms { offers: &[Fen(8_000)], ..TERMS };
    for answer in [
        "就这样吧",
        "那行吧",
        "行叭",
        "阔以",
        "可",
        "欧了",
        "得",
        "妥了",
        "没毛病",
        "收到，发货",
        "付款吧",
        "您下单，我改好",
        "拍",
        "嗯呐",
        "哦了",
        "yes please",
        "go for it",
        "I'm in",
        "it's a go",
        "you win",
        "take it",
        "shake on it",
        "✔",
        "🤝",
        "OK的",
        "可以呀，标价100",
        "也不是不行",
        "没什么不可以",
        "哪有不行的",
        "why not",
        "Not a problem",
        "1",
    ] {
        assert!(check(answer, &terms).is_err(), "{answer}");
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
    // While a low offer is open, few words that neither refuse it nor name a better price are read as an answer to it.
    let one_open = refused_while(&[Fen(8_000)]);
    assert!(one_open.iter().all(|(_, violation)| violation.code() == "accepts_low_offer"), "{one_open:#?}");
    let names_better = |answer: &str| answer.contains("95") && !answer.contains("95新");
    assert!(!one_open.iter().any(|(answer, _)| names_better(answer)), "{one_open:#?}");
}

proptest! {
    #[test]
    fn a2_no_dress_hides_a_low_price(
        yuan in 13_usize..90,
        dress in 0_usize..DRESSES.len(),
        frame in 0_usize..FRAMES.len(),
    ) {
        let answer = FRAMES[frame].replace('_', &DRESSES[dress](yuan));
        prop_assert_eq!(code(&answer, &TERMS), "below_floor", "{}", answer);
    }

    #[test]
    fn a2_a_dear_item_is_not_sold_below_its_floor_either(yuan in 20_i64..4_500, form in 0_usize..4, frame in 0_usize..FRAMES.len()) {
        let number = match form {
            0 => yuan.to_string(),
            1 => grouped(yuan),
            2 => chinese(yuan, &DIGITS, ["千", "百", "十", ""]),
            _ => format!("{}k", yuan as f64 / 1_000.0),
        };
        let answer = FRAMES[frame].replace('_', &number);
        let terms = Terms { price: Some(Fen(500_000)), floor: Some(Fen(450_000)), ..TERMS };
        prop_assert_eq!(code(&answer, &terms), "below_floor", "{}", answer);
    }

    #[test]
    fn a2_a_high_price_in_the_same_dress_passes(
        yuan in 91_usize..100,
        dress in 0_usize..DRESSES.len(),
        frame in 0_usize..FRAMES.len(),
    ) {
        let answer = FRAMES[frame].replace('_', &DRESSES[dress](yuan));
        prop_assert_eq!(code(&answer, &TERMS), "fine", "{}", answer);
    }
}

const FRAMES: [&str; 12] = [
    "_",
    "_元",
    "_块钱",
    "给您_包邮",
    "最低_，不能再少了",
    "好的亲，_元成交",
    "那就_吧",
    "ok, _ yuan",
    "¥_",
    "只要_",
    "便宜点_",
    "_可以的",
];

/// Two figures in a form that a reader takes for a number.
const DRESSES: [fn(usize) -> String; 10] = [
    |yuan| yuan.to_string(),
    |yuan| letters(yuan, "0123456789", "\u{200b}"),
    |yuan| letters(yuan, "０１２３４５６７８９", ""),
    |yuan| letters(yuan, "0123456789", " "),
    |yuan| letters(yuan, "⓪①②③④⑤⑥⑦⑧⑨", ""),
    |yuan| letters(yuan, "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", ""),
    |yuan| letters(yuan, "零一二三四五六七八九", ""),
    |yuan| letters(yuan, "零壹贰叁肆伍陆柒捌玖", ""),
    |yuan| letters(yuan, "0123456789", "\u{20e3}") + "\u{20e3}",
    |yuan| format!("{yuan}.0"),
];

fn letters(yuan: usize, digits: &str, between: &str) -> String {
    let digits: Vec<char> = digits.chars().collect();
    [digits[yuan / 10], digits[yuan % 10]].map(String::from).join(between)
}
