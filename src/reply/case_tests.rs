//! How a script is written, played and judged.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use serde_json::{from_value, json, to_value};

use super::*;
use crate::{
    ids::AccountId,
    reply::{
        decide::Side,
        matcher::RuleBook,
        outside::Asked,
        rule::{Action, Matching, Rule, RuleBody},
        sandbox::Cast,
        source::Sources,
    },
    testbed::but,
};

const NOON: Timestamp = Timestamp(1_760_040_000_000);

fn book() -> RuleBook {
    let rule = |id, keyword: &str, actions: Vec<Action>| {
        let matching = if keyword.is_empty() { Matching::Default } else { Matching::Contains };
        let body = RuleBody { matching, keyword: keyword.into(), actions, ..RuleBody::default() };
        Rule { id: RuleId(id), body, created_at: Timestamp(id) }
    };
    let text = |text: &str| Action::Text(text.into());
    let rules = [
        rule(1, "在吗", vec![text("在的，请直接拍下")]),
        rule(2, "投诉", vec![text("请稍等"), Action::Tag("投诉".into()), Action::HandOver(None)]),
        rule(3, "骗子", Vec::new()),
        but(rule(4, "", vec![text("还在吗")]), |body| {
            (body.trigger, body.silent_minutes) = (Trigger::Silent, 10);
        }),
        but(rule(5, "", vec![text("谢谢")]), |body| body.trigger = Trigger::OrderPaid),
    ];
    RuleBook::compile(AccountId(1), &rules.map(Arc::new)).0
}

fn cast() -> Cast {
    Cast {
        sources: Sources::default(),
        side: Side::Seller,
        buyer: "7".into(),
        buyer_name: String::new(),
        tags: Vec::new(),
        orders: 0,
        blocked: false,
        item: None,
        item_title: None,
        had_a_turn: false,
        takeover_pause: Duration::from_mins(10),
    }
}

/// What did not come true, step by step.
fn misses(steps: &serde_json::Value) -> Vec<Vec<Miss>> {
    let script: Script = from_value(json!({ "steps": steps })).unwrap();
    let book = book();
    let mut sandbox = Sandbox::new(&book, cast());
    let outside = |_| Outside { hook: Asked::NotSet, ai: Asked::Unasked };
    let played = play(&mut sandbox, &script, NOON, outside);
    played.into_iter().map(|played| played.misses).collect()
}

#[test]
fn a_script_reads_back_as_it_was_written() {
    let written = json!({
        "item_id": "9", "buyer": {"tags": ["VIP"], "orders": 1, "wrote_before": false}, "at": 5,
        "steps": [
            {"says": ["在吗", "多少钱"], "expects": {"contains": ["在的"], "source": "global_rule"}},
            {"shows": "[图片]", "after_s": 5},
            {"event": "order_paid"},
            {"seller_says": "马上发"},
            {"after_s": 600, "expects": {"silent": true}},
        ],
    });
    let script: Script = from_value(written.clone()).unwrap();
    assert_eq!(to_value(&script).unwrap(), written);
    assert_eq!(script.steps[4].what, None);
    assert_eq!((script.steps[0].after_s, script.steps[1].after_s), (USUAL_PAUSE, 5));
}

#[test]
fn expectations_that_hold_have_no_misses() {
    let steps = json!([
        {"says": ["在吗"], "expects": {"contains": ["在的", "拍下"], "lacks": ["微信"], "silent": false, "rule_id": 1}},
        {"says": ["骗子"], "expects": {"silent": true, "rule_id": 3}},
        {"says": ["便宜点"], "expects": {"source": "ai", "silent": true}},
        {"event": "order_paid", "expects": {"contains": ["谢谢"], "source": "global_rule"}},
        {"after_s": 600, "expects": {"contains": ["还在吗"]}},
        {"says": ["我要投诉"], "expects": {"tags": ["投诉"], "hands_over": true}},
        {"says": ["在吗"], "expects": {"silent": true}},
    ]);
    assert_eq!(misses(&steps), vec![Vec::new(); 7]);
}

#[test]
fn each_expectation_that_does_not_hold_is_named() {
    let steps = json!([
        {"says": ["在吗"], "expects": {"contains": ["包邮"], "lacks": ["拍下"], "silent": true, "source": "ai",
            "rule_id": 9, "tags": ["VIP"], "hands_over": true}},
        {"says": ["骗子"], "expects": {"silent": false, "source": "item_rule", "rule_id": 1}},
        {"says": ["投诉"], "expects": {"hands_over": false}},
    ]);
    let expected = [
        vec![
            Miss::Lacking("包邮".into()),
            Miss::Unwanted("拍下".into()),
            Miss::NotSilent,
            Miss::OtherSource { wanted: Source::Ai, got: Some(Source::GlobalRule) },
            Miss::OtherRule { wanted: RuleId(9), got: Some(RuleId(1)) },
            Miss::NotTagged("VIP".into()),
            Miss::NotHandedOver,
        ],
        vec![
            Miss::Silent,
            Miss::OtherSource { wanted: Source::ItemRule, got: None },
            Miss::OtherRule { wanted: RuleId(1), got: Some(RuleId(3)) },
        ],
        vec![Miss::HandedOver],
    ];
    assert_eq!(misses(&steps), expected);
}

#[test]
fn what_was_due_before_a_step_is_not_of_the_step() {
    let steps = json!([
        {"says": ["在吗"]},
        {"says": ["在吗"], "after_s": 3600, "expects": {"lacks": ["还在吗"]}},
        {"seller_says": "在", "expects": {"silent": true}},
        {"after_s": 3600, "expects": {"silent": true}},
    ]);
    let script: Script = from_value(json!({ "steps": steps })).unwrap();
    let book = book();
    let mut sandbox = Sandbox::new(&book, cast());
    let played = play(&mut sandbox, &script, NOON, |_| Outside { hook: Asked::NotSet, ai: Asked::NotSet });
    assert_eq!(played[1].scenes.len(), 2, "the question after ten minutes of silence, and the answer");
    let misses: Vec<_> = played.into_iter().map(|played| played.misses).collect();
    assert!(misses[..3].iter().all(Vec::is_empty), "{misses:?}");
    assert_eq!(misses[3], [Miss::NotSilent], "the seller's pause is over before the hour is");
}
