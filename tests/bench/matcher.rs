//! Compiling rules and finding the one that answers, with 10, 1,000 and 10,000 keywords.

use std::{hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use yutang::{
    ids::{AccountId, RuleId, Timestamp},
    reply::{
        matcher::RuleBook,
        rule::{Action, Rule, RuleBody},
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

criterion_group!(benches, compile, find);
criterion_main!(benches);
