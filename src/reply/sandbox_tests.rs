//! What a play remembers, when things are due, and who would be asked.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    ids::AccountId,
    reply::{
        condition::Conditions,
        decide::Kind,
        rule::{Action, Matching, Reply, RuleBody},
        trail::PassedOver,
    },
    testbed::but,
};

/// Noon of a day of the platform.
const NOON: Timestamp = Timestamp(1_760_068_800_000 - 8 * 3_600_000);
const NOBODY: Outside = Outside { hook: Asked::NotSet, ai: Asked::NotSet };

fn rule(id: i64, keyword: &str, actions: Vec<Action>) -> Rule {
    let matching = if keyword.is_empty() { Matching::Default } else { Matching::Contains };
    let body = RuleBody { matching, keyword: keyword.into(), actions, ..RuleBody::default() };
    Rule { id: RuleId(id), body, created_at: Timestamp(id) }
}

fn says(text: &str) -> Vec<Action> {
    vec![Action::Text(text.into())]
}

fn book(rules: impl IntoIterator<Item = Rule>) -> RuleBook {
    let (book, faults) = RuleBook::compile(AccountId(1), &rules.into_iter().map(Arc::new).collect::<Vec<_>>());
    assert_eq!(faults, []);
    book
}

fn cast() -> Cast {
    Cast {
        sources: Sources::default(),
        side: Side::Seller,
        buyer: "7".into(),
        buyer_name: "小明".into(),
        tags: Vec::new(),
        orders: 0,
        blocked: false,
        item: Some("9".into()),
        item_title: Some("二手相机".into()),
        had_a_turn: false,
        takeover_pause: Duration::from_mins(10),
    }
}

fn said(text: &str, at: Timestamp) -> Cue {
    Cue::Said(vec![TurnMessage { id: text.into(), kind: Kind::Text, text: text.into(), sent_at: at }])
}

/// The texts that would be sent, by how many seconds after noon.
fn sent(scenes: &[Scene]) -> Vec<(u64, String)> {
    let mut sent = Vec::new();
    for scene in scenes {
        let at = scene.at.since(NOON).as_secs();
        match &scene.decision {
            Decision::Answer { sends, .. } => sent.extend(sends.iter().map(|reply| match reply {
                Reply::Text(text) | Reply::Image(text) => (at, text.clone()),
            })),
            Decision::Silent(silence) => sent.push((at, silence.code().to_owned())),
        }
    }
    sent
}

fn later(seconds: u64) -> Timestamp {
    NOON + Duration::from_secs(seconds)
}

#[test]
fn what_was_used_once_or_today_is_remembered_until_the_play_or_the_day_is_over() {
    let once = but(rule(1, "在吗", says("在的{send_user_name}")), |body| body.once = true);
    let daily = but(rule(2, "价", says("标价")), |body| body.per_day = Some(1));
    let book = book([once, daily, rule(3, "", says("稍等"))]);
    let mut sandbox = Sandbox::new(&book, cast());
    let mut say = |text: &str, seconds| {
        let scenes = sandbox.play(&said(text, later(seconds)), later(seconds), NOBODY);
        sent(&scenes).into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(say("在吗", 0), ["在的小明"]);
    assert_eq!(say("在吗", 60), ["稍等"]);
    assert_eq!((say("什么价", 120), say("什么价", 180)), (vec!["标价".to_owned()], vec!["稍等".to_owned()]));
    assert_eq!(say("什么价", 24 * 3600), ["标价"]);
    let mut anew = Sandbox::new(&book, cast());
    assert_eq!(sent(&anew.play(&said("在吗", NOON), NOON, NOBODY)), [(0, "在的小明".to_owned())]);
}

#[test]
fn tags_pauses_and_a_sellers_hand_hold_for_the_rest_of_the_play() {
    let tags = but(rule(1, "同行", vec![Action::Tag("同行".into()), Action::Text("不批发".into())]), |body| {
        body.conditions = Conditions { first_contact: Some(true), ..Conditions::default() };
    });
    let pauses = rule(2, "人工", vec![Action::Text("好".into()), Action::Pause(5)]);
    let default = but(rule(3, "", says("稍等")), |body| {
        body.conditions = Conditions { without_tags: vec!["同行".into()], ..Conditions::default() };
    });
    let book = book([tags, pauses, default]);
    let mut sandbox = Sandbox::new(&book, cast());
    let mut say = |cue: Cue, seconds| sent(&sandbox.play(&cue, later(seconds), NOBODY)).pop().map(|(_, text)| text);
    assert_eq!(say(said("我是同行", NOON), 0).as_deref(), Some("不批发"));
    assert_eq!(say(said("便宜点", NOON), 60).as_deref(), Some("no_rule"), "tagged by now");
    assert_eq!(say(said("转人工", NOON), 120).as_deref(), Some("好"));
    assert_eq!(say(said("转人工", NOON), 180).as_deref(), Some("seller_took_over"));
    assert_eq!(say(said("转人工", NOON), 120 + 300).as_deref(), Some("好"));
    assert_eq!(say(Cue::SellerWrote, 800), None);
    assert_eq!(say(said("转人工", NOON), 800 + 599).as_deref(), Some("seller_took_over"));
    assert_eq!(say(said("转人工", NOON), 800 + 600).as_deref(), Some("好"));
    assert_eq!(sandbox.cast().tags, ["同行"]);
}

#[test]
fn events_are_answered_after_their_delay_and_silence_waits_for_the_last_word() {
    let paid = but(rule(1, "", says("谢谢")), |body| (body.trigger, body.delay_s) = (Trigger::OrderPaid, 90));
    let silent =
        but(rule(2, "", says("还在吗")), |body| (body.trigger, body.silent_minutes) = (Trigger::Silent, 10));
    let book = book([paid, silent, rule(3, "在吗", says("在的"))]);
    let mut sandbox = Sandbox::new(&book, cast());
    assert_eq!(sent(&sandbox.play(&said("在吗", NOON), NOON, NOBODY)), [(0, "在的".to_owned())]);
    assert!(sandbox.play(&Cue::Event(Trigger::OrderPaid), later(300), NOBODY).is_empty());
    let waiting: Vec<_> =
        sandbox.waiting().iter().map(|waiting| (waiting.rule.id.0, waiting.due_at.since(NOON).as_secs())).collect();
    assert_eq!(waiting, [(1, 390), (2, 600)]);
    // What the thanks say puts the silence off.
    assert_eq!(sent(&sandbox.run_until(later(989))), [(390, "谢谢".to_owned())]);
    assert_eq!(sent(&sandbox.run_until(later(990))), [(990, "还在吗".to_owned())]);
    assert!(sandbox.waiting().is_empty());
    assert_eq!(sandbox.cast().orders, 1);
}

#[test]
fn an_event_that_no_rule_is_for_says_which_rules_came_near() {
    let night = crate::platform::hours::Window { days: 0, from: 0, to: 60 };
    let shipped = but(rule(1, "", says("已发")), |body| {
        body.trigger = Trigger::OrderShipped;
        body.conditions = Conditions { hours: vec![night], ..Conditions::default() };
    });
    let book = book([shipped]);
    let mut sandbox = Sandbox::new(&book, cast());
    let scenes = sandbox.play(&Cue::Event(Trigger::OrderShipped), NOON, NOBODY);
    let [scene] = &scenes[..] else { panic!("{scenes:?}") };
    assert_eq!(scene.decision, Decision::Silent(Silence::NoRule));
    let passed: Vec<_> = scene.trail.0.iter().flat_map(|step| &step.passed).map(|passed| passed.why).collect();
    assert_eq!((passed, scene.about), (vec![PassedOver::OtherHours], About::Event(Trigger::OrderShipped)));
}

#[test]
fn who_would_be_asked_is_named_and_what_follows_without_them_is_told() {
    let book = book([rule(1, "在吗", says("在的")), rule(2, "", says("稍等"))]);
    let mut sandbox = Sandbox::new(&book, cast());
    let both = Outside { hook: Asked::Unasked, ai: Asked::Unasked };
    let scene = sandbox.play(&said("便宜点", NOON), NOON, both).remove(0);
    assert_eq!(scene.would_ask, [Question::Hook, Question::Ai]);
    assert_eq!(sent(std::slice::from_ref(&scene)), [(0, "稍等".to_owned())]);
    let why: Vec<_> = scene.trail.0.iter().filter_map(|step| step.why.as_deref()).collect();
    assert_eq!(why, [NOT_ASKED, NOT_ASKED]);
    let scene = sandbox.play(&said("在吗", NOON), NOON, Outside { hook: Asked::NotSet, ..both }).remove(0);
    assert_eq!((&scene.would_ask[..], scene.rule()), (&[][..], Some(RuleId(1))), "the rule goes before the AI");
}

#[test]
fn nobody_is_answered_where_we_buy_or_who_is_blocked() {
    let book = book([rule(1, "", says("稍等"))]);
    for (cast, code) in [
        (Cast { side: Side::Buyer, ..cast() }, "buyer_side"),
        (Cast { blocked: true, ..cast() }, "blocked"),
        (Cast { side: Side::Unknown, ..cast() }, "side_unknown"),
    ] {
        let mut sandbox = Sandbox::new(&book, cast);
        assert_eq!(sent(&sandbox.play(&said("hi", NOON), NOON, NOBODY)), [(0, code.to_owned())]);
    }
}
