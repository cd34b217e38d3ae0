//! What a message waits for while the rules of all accounts are replaced: 10,000 rules of one account, or shared by 2,000.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up may stop")]

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use actix::prelude::*;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use yutang::{
    account::messages::Ping,
    ai::messages::{AiAnswer, AskAi},
    cache::Figures,
    hook::messages::AskHook,
    ids::{AccountId, RuleId, Timestamp},
    outbox::messages::Decided,
    reply::{
        actor::{Caches, Config, Neighbours, ReplyActor},
        matcher::Library,
        messages::{AccountRules, RulesLoaded},
        outside::HookWord,
        rule::{Action, Rule, RuleBody},
    },
    store::{self, Keys, Store},
};

const RULES: i64 = 10_000;

/// Whoever else is there.
struct Nobody;

impl Actor for Nobody {
    type Context = Context<Self>;
}

impl Handler<Decided> for Nobody {
    type Result = ();

    fn handle(&mut self, _: Decided, _: &mut Self::Context) {}
}

impl Handler<AskHook> for Nobody {
    type Result = ResponseFuture<HookWord>;

    fn handle(&mut self, _: AskHook, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { HookWord::Nothing })
    }
}

impl Handler<AskAi> for Nobody {
    type Result = ResponseFuture<AiAnswer>;

    fn handle(&mut self, _: AskAi, _: &mut Self::Context) -> Self::Result {
        Box::pin(async { AiAnswer::failed("off") })
    }
}

fn answering(folder: &tempfile::TempDir) -> Addr<ReplyActor> {
    let url = folder.path().join("y.db");
    let store = Store::open(&store::Config::new(url.to_str().unwrap()), Keys::random()).unwrap();
    let many = NonZeroUsize::new(1000).unwrap();
    let figures = ["conversations", "buyers", "sellers", "rules"].map(Figures::new);
    let [conversations, buyers, sellers, rules] = figures;
    let config = Config {
        age_limit: Duration::from_secs(300),
        account_work: 16,
        conversations: many,
        items: many,
        caches: Caches { conversations, buyers, sellers, rules },
    };
    let nobody = Nobody.start();
    let neighbours =
        Neighbours { outbox: nobody.clone().recipient(), hook: nobody.clone().recipient(), ai: nobody.recipient() };
    ReplyActor::new(store, config, neighbours, Arc::new(AtomicUsize::new(0))).start()
}

/// As they come from the database: nothing of them is shared with those before.
fn loaded(accounts: i64) -> RulesLoaded {
    let rule = |number: i64| {
        let actions = vec![Action::Text("好的".into())];
        let body = RuleBody { keyword: format!("关键词{number}"), actions, ..RuleBody::default() };
        Arc::new(Rule { id: RuleId(number), body, created_at: Timestamp(number) })
    };
    let library = Library::compile(&(0..RULES).map(rule).collect::<Vec<_>>());
    let of = |account: AccountId| {
        let book = library.book(account);
        (account, AccountRules { book, blocked: Arc::default(), answers: Arc::default() })
    };
    RulesLoaded(Arc::new((1..=accounts).map(AccountId).map(of).collect::<HashMap<_, _>>()))
}

fn swap(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let system = System::new();
    let actor = system.block_on(async { answering(&folder) });
    let mut group = criterion.benchmark_group("a message behind new rules");
    group.sample_size(20);
    for accounts in [1, 2_000] {
        group.bench_function(BenchmarkId::from_parameter(accounts), |bencher| {
            bencher.iter_custom(|times| {
                let waits = (0..times).map(|_| {
                    let next = loaded(accounts);
                    system.block_on(async {
                        actor.do_send(next);
                        let began = Instant::now();
                        actor.send(Ping).await.unwrap();
                        began.elapsed()
                    })
                });
                waits.sum()
            });
        });
    }
}

/// What it would cost to drop the rules before where messages wait.
fn let_go(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("letting rules go");
    group.sample_size(20);
    for accounts in [1, 2_000] {
        group.bench_function(BenchmarkId::from_parameter(accounts), |bencher| {
            bencher.iter_batched(|| loaded(accounts), drop, BatchSize::PerIteration);
        });
    }
}

criterion_group!(benches, swap, let_go);
criterion_main!(benches);
