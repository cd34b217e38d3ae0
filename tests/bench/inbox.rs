//! What a message costs the database: stored, decided, its answer stored as sent, and confirmed. Batches of the size a busy shard gathers.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up may stop")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use yutang::{
    access::role::Role,
    ids::{AccountId, MessageId, RuleId, Timestamp},
    outbox::entry::{Body, Change, Entry, Origin, Row, SendId, State},
    reply::rule::RuleBody,
    store::{
        Config, Keys, Scope, Secret, Store,
        accounts::{self, NewAccount},
        audit::Actor,
        chat_messages::{self, DecisionRow, NewMessage, Source},
        outbox, rules,
        users::{self, NewUser},
    },
};

const ACCOUNTS: i64 = 100;
const BATCHES: [i64; 3] = [1, 20, 200];

/// Each account with a rule of its own.
fn open(folder: &tempfile::TempDir) -> (Store, Vec<(AccountId, RuleId)>) {
    let store = Store::open(&Config::new(folder.path().join("y.db").to_str().unwrap()), Keys::random()).unwrap();
    let keys = store.keys().clone();
    let ids = store.write_blocking(move |conn| {
        let user = NewUser {
            name: "u".into(),
            password_hash: String::new(),
            role: Role::Owner,
            employer: None,
            email: None,
            created_at: Timestamp(1),
        };
        let owner = users::insert(conn, &user)?.unwrap();
        let account = |n: i64| NewAccount {
            name: format!("a{n}"),
            uid: (2_200_000_000_000 + n).to_string().into(),
            cookie: Secret::new("unb=1; cookie2=2"),
            enabled: None,
        };
        let new: Vec<_> = (0..ACCOUNTS).map(account).collect();
        let saved = accounts::upsert_many(conn, &keys, owner, &new, Timestamp(1))?.unwrap();
        let with_rule = |(account, _)| {
            let rule = RuleBody { account: Some(account), keyword: "在吗".into(), ..RuleBody::default() };
            let id = rules::insert(conn, &Scope::owner(owner), &rule, &Actor::system(), Timestamp(1))?;
            Ok((account, id.unwrap()))
        };
        saved.into_iter().map(with_rule).collect()
    });
    (store, ids.unwrap())
}

/// One message and its answer, numbered.
#[derive(Clone)]
struct Walk {
    account: AccountId,
    rule: RuleId,
    number: i64,
}

impl Walk {
    fn message_id(&self) -> MessageId {
        format!("{}.PNM", 3_400_000_000_000 + self.number).into()
    }

    fn message(&self) -> NewMessage {
        NewMessage {
            account: self.account,
            message: self.message_id(),
            conversation: (50_000_000_000 + self.number % 50).to_string().into(),
            sender: "2200000000777".into(),
            sender_name: Some("买家小明".into()),
            content_type: 1,
            text: "你好，这个还在吗？可以包邮吗？".into(),
            item: Some("900000000001".into()),
            sent_at: Timestamp(self.number),
            received_at: Timestamp(self.number),
            source: Source::Push,
            decision: None,
            reason: None,
            decided_at: None,
            needs_person: false,
        }
    }

    fn decision(&self) -> DecisionRow {
        DecisionRow {
            account: self.account,
            message: self.message_id(),
            decision: "answer",
            reason: Some("rule".into()),
            rule: Some(self.rule),
            turn: None,
            settled_at: Some(Timestamp(self.number)),
            decided_at: Timestamp(self.number),
            needs_person: false,
            trail: None,
            intent: None,
        }
    }

    fn entry(&self) -> Entry {
        Entry {
            account: self.account,
            id: SendId(self.number),
            conversation: (50_000_000_000 + self.number % 50).to_string().into(),
            peer: "2200000000777".into(),
            body: Body::Text { text: "在的，今天就能发货".into() },
            state: State::Sent,
            reason: None,
            message: None,
            origin: Origin::Rule,
            rule: Some(self.rule),
            delivery: None,
            in_reply_to: Some(self.message_id()),
            attempts: 1,
            created_at: Timestamp(self.number),
            sent_at: Some(Timestamp(self.number)),
            settled_at: None,
            expires_at: Timestamp(self.number + 300_000),
        }
    }

    fn confirmed(&self) -> Change {
        let message = Some(format!("{}.PNM", 3_500_000_000_000 + self.number).into());
        Change::of(&Entry {
            state: State::Confirmed,
            message,
            settled_at: Some(Timestamp(self.number)),
            ..self.entry()
        })
    }
}

fn walk(store: &Store, walks: Vec<Walk>) {
    let messages: Vec<_> = walks.iter().map(Walk::message).collect();
    store.write_blocking(move |conn| chat_messages::insert_new(conn, &messages)).unwrap();
    let decisions: Vec<_> = walks.iter().map(Walk::decision).collect();
    let answers: Vec<_> = walks.iter().map(|walk| Row::Insert(walk.entry())).collect();
    let decided = store.write_blocking(move |conn| {
        chat_messages::decide_many(conn, &decisions)?;
        outbox::apply(conn, &answers)
    });
    decided.unwrap();
    let confirmed: Vec<_> = walks.iter().map(|walk| Row::Update(walk.confirmed())).collect();
    store.write_blocking(move |conn| outbox::apply(conn, &confirmed)).unwrap();
}

fn store_walks(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (store, accounts) = open(&folder);
    let mut number = 1_760_000_000_000;
    let mut group = criterion.benchmark_group("store a message, its decision, its answer, its confirmation");
    for batch in BATCHES {
        group.throughput(Throughput::Elements(batch.unsigned_abs()));
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            let mut next = || {
                let walks = (0..batch).map(|_| {
                    number += 1;
                    let (account, rule) = accounts[usize::try_from(number % ACCOUNTS).unwrap()];
                    Walk { account, rule, number }
                });
                walks.collect::<Vec<_>>()
            };
            bencher.iter_batched(&mut next, |walks| walk(&store, walks), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, store_walks);
criterion_main!(benches);
