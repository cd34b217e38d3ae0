//! What is doubtful about 10,000 rules: the page of warnings asks for all of them at once.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use yutang::{
    ai::guard::{Unwanted, way_out},
    ids::{RuleId, Timestamp},
    reply::{
        rule::{Action, Rule, RuleBody},
        warnings::{Kind, find},
    },
};

/// Two ideograms and a number, as in the matcher's bench; every text is another one.
fn rules(count: i64) -> Vec<Arc<Rule>> {
    let ideogram = |n: i64| char::from_u32(0x4e00 + n.rem_euclid(3_000) as u32).unwrap_or('价');
    let rule = |number: i64| {
        let keyword = format!("{}{}{}", ideogram(number * 7), ideogram(number * 13), number % 100);
        let text = format!("亲，第 {number} 款有现货，拍下当天发货，满意请给好评哦");
        let body = RuleBody { keyword, actions: vec![Action::Text(text)], ..RuleBody::default() };
        Arc::new(Rule { id: RuleId(number), body, created_at: Timestamp(number) })
    };
    (0..count).map(rule).collect()
}

fn warnings(criterion: &mut Criterion) {
    let rules = rules(10_000);
    let mut group = criterion.benchmark_group("warnings");
    group.sample_size(10);
    group.bench_function("shadows", |bencher| {
        bencher.iter(|| find(black_box(&rules), |_| true, |_, _| Vec::new()));
    });
    let unwanted = Unwanted::new((0..100).map(|number| format!("禁词{number}")).collect());
    group.bench_function("all", |bencher| {
        bencher.iter(|| {
            let look = |_: &Rule, text: &str| {
                let word = unwanted.said_in(text).map(|word| (Kind::ForbiddenWord, word.to_owned()));
                word.into_iter().chain(way_out(text).map(|way| (Kind::Contact, way))).collect()
            };
            find(black_box(&rules), |_| true, look)
        });
    });
    group.finish();
}

criterion_group!(benches, warnings);
criterion_main!(benches);
