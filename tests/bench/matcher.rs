//! Compiling rules, finding the one that answers, and deciding with all that is told of it, with 10, 1,000 and 10,000 keywords.

use std::{
    collections::{HashMap, HashSet},
    hint::black_box,
    sync::Arc,
    time::Duration,
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use yutang::{
    ids::{AccountId, RuleId, Timestamp},
    reply::{
        condition::BuyerFacts,
        decide::{Kind, Side, State, Turn, TurnMessage, decide},
        matcher::RuleBook,
        outside::Asked,
        rule::{Action, Rule, RuleBody},
        source::Sources,
        text::TurnText,
    },
};

const SIZES: [i64; 3] = [10, 1_000, 10_000];

/// Two ideograms and a number: keywords as sellers write them, sharing prefixes.
fn keyword(number: i64) -> String {
    let ideogram = |n: i64| char::from_u32(0x4e00 + n.rem_euclid(3_000) as u32).unwrap_or('价');
    format!("{}{}{}", ideogram(number * 7), ideogram(number * 13), number % 100)
}

fn rules(count: i64) -> Vec<Arc<Rule>> {
    let rule = |number: i64| {
        let actions = vec![Action::Text("好的".into())];
        let body = RuleBody { keyword: keyword(number), actions, ..RuleBody::default() };
        Rule { id: RuleId(number), body, created_at: Timestamp(number) }
    };
    (0..count).map(rule).map(Arc::new).collect()
}

fn compile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(20);
    for size in SIZES {
        let rules = rules(size);
        group.bench_with_input(BenchmarkId::from_parameter(size), &rules, |bencher, rules| {
            bencher.iter(|| RuleBook::compile(AccountId(1), rules));
        });
    }
}

fn find(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("find");
    for size in SIZES {
        let (book, faults) = RuleBook::compile(AccountId(1), &rules(size));
        assert!(faults.is_empty());
        let text = format!("你好，请问这个还在吗？我想要{}，包邮吗 thanks", keyword(size / 2));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let found = book.find(&TurnText::typed([black_box(text.as_str())]), None, |_| true);
                assert!(found.is_some());
            });
        });
    }
}

/// One decision with its whole trail: of what is told about every message.
fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    let (used_once, used_today) = (HashSet::new(), HashMap::new());
    let tags = ["老客户".to_owned()];
    for size in SIZES {
        let (book, faults) = RuleBook::compile(AccountId(1), &rules(size));
        assert!(faults.is_empty());
        let said = TurnMessage {
            id: "1.PNM".into(),
            kind: Kind::Text,
            text: format!("你好，请问这个还在吗？我想要{}，包邮吗 thanks", keyword(size / 2)),
            sent_at: Timestamp(1_000),
        };
        let turn = Turn {
            messages: vec![said],
            item: Some("900000000001".into()),
            buyer: "2200000000777".into(),
            buyer_name: "买家小王".into(),
            group: false,
        };
        let state = State {
            now: Timestamp(2_000),
            age_limit: Duration::from_secs(300),
            side: Side::Seller,
            blocked: false,
            paused_until: None,
            seller_wrote_at: None,
            used_once: &used_once,
            used_today: &used_today,
            buyer: BuyerFacts { tags: &tags, orders: 1, first_contact: false },
            item_title: Some("二手相机"),
            sources: Sources::default(),
            hook: Asked::NotSet,
            ai: Asked::NotSet,
        };
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let considered = decide(black_box(&turn), &book, &state);
                (considered.trail.to_text(), considered.outcome)
            });
        });
    }
}

criterion_group!(benches, compile, find, decision);
criterion_main!(benches);
