//! What is answered, why, and how that is told.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, OnceLock};

use super::*;
use crate::{ids::AccountId, reply::rule::Matching, testbed::but};

const NOW: Timestamp = Timestamp(1_760_000_000_000);
/// No rule was used today.
static USED_TODAY: OnceLock<HashMap<RuleId, u32>> = OnceLock::new();
const MINUTE: Duration = Duration::from_secs(60);

fn rule(id: i64, matching: Matching, keyword: &str, replies: &[&str]) -> Rule {
    let actions = replies.iter().map(|text| Action::Text((*text).into())).collect();
    let body = RuleBody { matching, keyword: keyword.into(), actions, ..RuleBody::default() };
    Rule { id: RuleId(id), body, created_at: Timestamp(id) }
}

fn book(rules: impl IntoIterator<Item = Rule>) -> RuleBook {
    let rules: Vec<_> = rules.into_iter().map(Arc::new).collect();
    RuleBook::compile(AccountId(1), &rules).0
}

fn said(kind: Kind, text: &str) -> TurnMessage {
    TurnMessage { id: text.into(), kind, text: text.into(), sent_at: NOW }
}

fn turn(messages: Vec<TurnMessage>) -> Turn {
    Turn {
        messages,
        item: Some("900000000001".into()),
        buyer: "2200000000777".into(),
        buyer_name: "小明".into(),
        group: false,
    }
}

fn typed(text: &str) -> Turn {
    turn(vec![said(Kind::Text, text)])
}

fn state(used_once: &HashSet<RuleId>) -> State<'_> {
    State {
        now: NOW,
        age_limit: 5 * MINUTE,
        side: Side::Seller,
        blocked: false,
        paused_until: None,
        seller_wrote_at: None,
        used_once,
        used_today: USED_TODAY.get_or_init(HashMap::new),
        buyer: BuyerFacts::default(),
        item_title: Some("二手相机"),
        sources: Sources::default(),
        hook: Asked::NotSet,
        ai: Asked::NotSet,
    }
}

fn settled(turn: &Turn, book: &RuleBook, state: &State<'_>) -> Decision {
    match decide(turn, book, state).outcome {
        Outcome::Settled(decision) => decision,
        Outcome::Ask(question) => panic!("asks {question:?}"),
    }
}

fn decision(turn: &Turn, book: &RuleBook) -> Decision {
    settled(turn, book, &state(&HashSet::new()))
}

fn texts(decision: Decision) -> Vec<String> {
    match decision {
        Decision::Silent(silence) => panic!("silent: {}", silence.code()),
        Decision::Answer { sends, .. } => sends
            .into_iter()
            .map(|send| match send {
                Reply::Text(text) | Reply::Image(text) => text,
            })
            .collect(),
    }
}

/// A book that would answer anything.
fn eager() -> RuleBook {
    book([rule(1, Matching::Default, "", &["hello"])])
}

#[test]
fn a_rule_answers_with_all_its_replies_and_the_variables_filled_in() {
    let mut price = rule(1, Matching::Contains, "价", &["{send_user_name}：{item_title}", "{send_message}?"]);
    price.body.actions.insert(1, Action::Image(" https://img.example.invalid/1.jpg ".into()));
    let turn = turn(vec![said(Kind::Text, "在吗"), said(Kind::Text, "什么价")]);

    let expected = ["小明：二手相机", "https://img.example.invalid/1.jpg", "在吗\n什么价?"];
    assert_eq!(texts(decision(&turn, &book([price]))), expected);
}

/// M9: a group chat is never answered, whatever the rules say.
#[test]
fn m9_group_chats_are_not_answered() {
    let turn = Turn { group: true, ..typed("hi") };
    assert_eq!(decision(&turn, &eager()), Decision::Silent(Silence::GroupChat));
}

#[test]
fn each_reason_to_stay_silent_comes_in_its_order() {
    let used = HashSet::new();
    let mut state = State {
        side: Side::Buyer,
        blocked: true,
        paused_until: Some(NOW + MINUTE),
        seller_wrote_at: Some(NOW + MINUTE),
        age_limit: Duration::ZERO,
        now: NOW + Duration::from_millis(1),
        ..state(&used)
    };
    let silence = |state: &State<'_>| settled(&typed("hi"), &eager(), state);

    assert_eq!(silence(&state), Decision::Silent(Silence::BuyerSide));
    state.side = Side::Unknown;
    assert_eq!(silence(&state), Decision::Silent(Silence::SideUnknown));
    state.side = Side::Seller;
    assert_eq!(silence(&state), Decision::Silent(Silence::Blocked));
    state.blocked = false;
    assert_eq!(silence(&state), Decision::Silent(Silence::SellerTookOver { until: NOW + MINUTE }));
    state.paused_until = Some(state.now);
    assert_eq!(silence(&state), Decision::Silent(Silence::SellerAnswered));
    state.seller_wrote_at = Some(NOW - MINUTE);
    assert_eq!(silence(&state), Decision::Silent(Silence::TooOld));
    state.age_limit = MINUTE;
    assert_eq!(texts(silence(&state)), ["hello"]);
}

#[test]
fn what_the_platform_says_is_not_answered() {
    let turn = turn(vec![said(Kind::Platform, "[我已拍下，待付款]")]);
    assert_eq!(decision(&turn, &eager()), Decision::Silent(Silence::NotAPerson));
}

#[test]
fn only_the_fresh_messages_of_a_turn_are_answered() {
    let mut old = said(Kind::Text, "price");
    old.sent_at = NOW - 6 * MINUTE;
    let rules =
        book([rule(1, Matching::Contains, "price", &["5"]), rule(2, Matching::Contains, "size", &["{send_message}"])]);

    assert_eq!(decision(&turn(vec![old.clone()]), &rules), Decision::Silent(Silence::TooOld));
    assert!(Silence::TooOld.needs_person());
    assert_eq!(texts(decision(&turn(vec![old, said(Kind::Text, "size")]), &rules)), ["size"]);
}

#[test]
fn a_rule_without_replies_silences_the_default_reply_too() {
    let rules = book([
        rule(1, Matching::Contains, "spam", &[]),
        rule(2, Matching::Contains, "blank", &[" ", "\n"]),
        rule(3, Matching::Default, "", &["hello"]),
    ]);
    assert_eq!(decision(&typed("spam"), &rules), Decision::Silent(Silence::EmptyReply { rule: RuleId(1) }));
    assert_eq!(decision(&typed("blank"), &rules), Decision::Silent(Silence::EmptyReply { rule: RuleId(2) }));
    assert_eq!(texts(decision(&typed("else"), &rules)), ["hello"]);
}

/// M13: the option `once` is honoured, and a disabled rule does nothing.
#[test]
fn m13_a_once_rule_gives_way_to_the_next_rule_when_it_was_used() {
    let once = but(rule(1, Matching::Contains, "hi", &["welcome"]), |body| {
        body.once = true;
        body.priority = 1;
    });
    let disabled = but(rule(2, Matching::Contains, "hi", &["never"]), |body| {
        body.enabled = false;
        body.priority = 9;
    });
    let rules = book([once, disabled, rule(3, Matching::Contains, "hi", &["again"])]);

    let first = decision(&typed("hi"), &rules);
    assert!(matches!(&first, Decision::Answer { rule: Some(RuleId(1)), once: true, source: Source::GlobalRule, .. }));
    let second = settled(&typed("hi"), &rules, &state(&HashSet::from([RuleId(1)])));
    assert!(matches!(&second, Decision::Answer { rule: Some(RuleId(3)), once: false, .. }));
}

/// M13: an item's default reply that was given does not fall back to the wider one.
#[test]
fn m13_a_default_reply_given_once_is_not_replaced_by_a_wider_one() {
    let item = but(rule(1, Matching::Default, "", &["about this item"]), |body| {
        body.once = true;
        body.items = vec!["900000000001".into()];
    });
    let rules = book([item, rule(2, Matching::Default, "", &["hello"])]);

    assert_eq!(texts(decision(&typed("hi"), &rules)), ["about this item"]);
    let used = HashSet::from([RuleId(1)]);
    let second = settled(&typed("hi"), &rules, &state(&used));
    assert_eq!(second, Decision::Silent(Silence::AlreadyAnsweredOnce { rule: RuleId(1) }));
    let elsewhere = Turn { item: None, ..typed("hi") };
    assert_eq!(texts(settled(&elsewhere, &rules, &state(&used))), ["hello"]);
}

#[test]
fn a_picture_gets_the_default_reply_and_no_rule_about_pictures() {
    let rules = book([rule(1, Matching::Contains, "图片", &["which?"]), rule(2, Matching::Default, "", &["hello"])]);
    let picture = turn(vec![said(Kind::Media, "[图片]")]);
    assert!(matches!(decision(&picture, &rules), Decision::Answer { source: Source::AccountDefault, .. }));
    let rules = book([rule(1, Matching::Contains, "[图片]", &["nice"])]);
    assert_eq!(texts(decision(&picture, &rules)), ["nice"]);
}

/// M15: whatever goes wrong, a buyer is told what the seller wrote or nothing.
#[test]
fn m15_a_faulty_rule_costs_silence_and_never_a_word_about_the_fault() {
    let faulty = [rule(1, Matching::Regex, "(", &["never"]), rule(2, Matching::Contains, " ", &["never"])];
    let (rules, faults) = RuleBook::compile(AccountId(1), &faulty.map(Arc::new));
    assert_eq!(faults.len(), 2);
    for text in ["(", " ", "hi", "{send_message}"] {
        assert_eq!(decision(&typed(text), &rules), Decision::Silent(Silence::NoRule));
    }
}

#[test]
fn kinds_follow_the_content_type() {
    let kinds = [1, 2, 3, 5, 14, 26, 0, -1].map(Kind::from_content_type);
    let (text, media, platform) = (Kind::Text, Kind::Media, Kind::Platform);
    assert_eq!(kinds, [text, media, media, media, platform, platform, platform, platform]);
}

/// The steps of a trail as `source:found`, with the rule and what was passed over.
fn told(trail: &Trail) -> Vec<String> {
    let step = |step: &Step| {
        let mut text = format!("{}:{:?}", step.source.as_str(), step.found);
        step.rule.iter().for_each(|rule| text += &format!(" {}", rule.0));
        step.why.iter().for_each(|why| text += &format!(" ({why})"));
        step.passed.iter().for_each(|passed| text += &format!(" {}={:?}", passed.rule.0, passed.why));
        text
    };
    trail.0.iter().map(step).collect()
}

fn account_rule(id: i64, keyword: &str) -> Rule {
    but(rule(id, Matching::Contains, keyword, &["account"]), |body| body.account = Some(AccountId(1)))
}

#[test]
fn a_trail_tells_what_was_asked_and_why_the_others_did_not_answer() {
    let item_rule = but(rule(1, Matching::Contains, "价", &["item"]), |body| body.items = vec!["900000000009".into()]);
    let excluding = but(account_rule(2, "价"), |body| body.exclude = vec!["最低".into()]);
    let rules = book([
        item_rule,
        excluding,
        but(account_rule(3, "价"), |body| body.all_of = vec!["包邮".into()]),
        but(account_rule(4, "价"), |body| body.any_of = vec!["优惠".into()]),
        but(account_rule(5, "最低价"), |body| body.once = true),
        rule(6, Matching::Contains, "最低", &["global"]),
        rule(7, Matching::Contains, "价", &["shorter keyword"]),
    ]);
    let used = HashSet::from([RuleId(5)]);
    let Considered { outcome, trail, .. } = decide(&typed("最低价"), &rules, &state(&used));
    assert!(matches!(outcome, Outcome::Settled(Decision::Answer { rule: Some(RuleId(6)), .. })));
    let mut steps = told(&trail);
    let passed = steps.remove(1);
    assert_eq!(steps, ["item_rule:Nothing 1=OtherItem", "global_rule:Answered 6 7=Outranked"]);
    for expected in ["account_rule:Nothing", "2=Excluded", "3=NotAllOf", "4=NoneOf", "5=UsedOnce"] {
        assert!(passed.contains(expected), "{passed} lacks {expected}");
    }
}

#[test]
fn a_source_that_is_off_is_passed_over_and_says_so() {
    let item_default =
        but(rule(4, Matching::Default, "", &["item default"]), |body| body.items = vec!["900000000001".into()]);
    let rules = book([
        account_rule(1, "hi"),
        rule(2, Matching::Contains, "hi", &["global"]),
        rule(3, Matching::Default, "", &["default"]),
        item_default,
    ]);
    let used = HashSet::new();
    let without = |off: &[Source]| State { sources: Sources::without(off.iter().copied()), ..state(&used) };
    let said = |off: &[Source]| texts(settled(&typed("hi"), &rules, &without(off)));
    assert_eq!(said(&[]), ["account"]);
    assert_eq!(said(&[Source::AccountRule]), ["global"]);
    assert_eq!(said(&[Source::AccountRule, Source::GlobalRule]), ["item default"]);
    let all_but_last = [Source::AccountRule, Source::GlobalRule, Source::ItemDefault];
    assert_eq!(said(&all_but_last), ["default"]);
    let Considered { outcome, trail, .. } = decide(&typed("hi"), &rules, &without(&Source::ORDER));
    assert_eq!(outcome, Outcome::Settled(Decision::Silent(Silence::NoRule)));
    let expected = [
        "item_rule:Off",
        "account_rule:Off 1=SourceOff",
        "global_rule:Off 2=SourceOff",
        "ai:Off",
        "item_default:Off",
        "account_default:Off",
    ];
    assert_eq!(told(&trail), expected);
}

#[test]
fn hook_rule_ai_and_defaults_are_asked_in_this_order() {
    let rules = book([rule(1, Matching::Contains, "hi", &["rule"]), rule(2, Matching::Default, "", &["default"])]);
    let used = HashSet::new();
    let state = State { hook: Asked::Unasked, ai: Asked::Unasked, ..state(&used) };
    assert_eq!(decide(&typed("hi"), &rules, &state).outcome, Outcome::Ask(Question::Hook));
    let word = HookWord::Says(vec![Reply::Text("hook".into())]);
    assert_eq!(texts(settled(&typed("hi"), &rules, &State { hook: Asked::Heard(&word), ..state })), ["hook"]);
    let state = State { hook: Asked::Heard(&HookWord::Nothing), ..state };
    assert_eq!(texts(settled(&typed("hi"), &rules, &state)), ["rule"]);
    assert_eq!(decide(&typed("else"), &rules, &state).outcome, Outcome::Ask(Question::Ai));
    let heard = |word: &AiWord| texts(settled(&typed("else"), &rules, &State { ai: Asked::Heard(word), ..state }));
    assert_eq!(heard(&AiWord::Says { text: "ai".into(), instead: None }), ["ai"]);
    assert_eq!(heard(&AiWord::Recorded), ["default"]);
    assert_eq!(heard(&AiWord::Failed("timeout")), ["default"]);
}

#[test]
fn an_ai_that_leaves_it_to_a_person_silences_the_default_reply() {
    let used = HashSet::new();
    let heard = |word: &AiWord| settled(&typed("hi"), &eager(), &State { ai: Asked::Heard(word), ..state(&used) });
    assert_eq!(heard(&AiWord::Suggested), Decision::Silent(Silence::Suggested));
    assert_eq!(heard(&AiWord::LeftToPerson("below_floor")), Decision::Silent(Silence::LeftToPerson));
    assert!(Silence::Suggested.needs_person() && Silence::LeftToPerson.needs_person());
}

#[test]
fn the_ai_is_not_asked_about_pictures_nor_outside_its_hours() {
    let used = HashSet::new();
    let asked = State { ai: Asked::Unasked, ..state(&used) };
    let picture = turn(vec![said(Kind::Media, "[图片]")]);
    let Considered { outcome, trail, .. } = decide(&picture, &eager(), &asked);
    assert!(matches!(outcome, Outcome::Settled(Decision::Answer { source: Source::AccountDefault, .. })));
    assert!(told(&trail).contains(&"ai:Nothing (no_text)".to_owned()));
    let closed = State { ai: Asked::NotNow("outside_hours"), ..asked };
    let Considered { outcome, trail, .. } = decide(&typed("hi"), &eager(), &closed);
    assert!(matches!(outcome, Outcome::Settled(Decision::Answer { source: Source::AccountDefault, .. })));
    assert!(told(&trail).contains(&"ai:Nothing (outside_hours)".to_owned()));
}

#[test]
fn a_turn_that_thousands_of_rules_match_is_explained_in_few_words() {
    let rules = book((1..2000).map(|id| rule(id, Matching::Contains, "hi", &["x"])));
    let Considered { trail, .. } = decide(&typed("hi"), &rules, &state(&HashSet::new()));
    assert_eq!(trail.0.iter().map(|step| step.passed.len()).sum::<usize>(), 10);
}

#[test]
fn a_trail_is_read_as_it_was_written() {
    let rules = book([account_rule(1, "hi"), but(account_rule(2, "hi there"), |body| body.once = true)]);
    let Considered { trail, .. } = decide(&typed("hi there"), &rules, &state(&HashSet::from([RuleId(2)])));
    let text = trail.to_text().unwrap();
    let expected = r#"[{"source":"item_rule","found":"nothing"},{"source":"account_rule","found":"answered","rule":1,"passed":[{"rule":2,"why":"used_once"}]}]"#;
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<Trail>(&text).unwrap(), trail);
    assert_eq!(Trail::default().to_text(), None);
}
