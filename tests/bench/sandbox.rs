//! What was said, played again: 10,000 messages of 2,000 conversations, read from the database and decided by 1,000 rules.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up may stop")]

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use yutang::{
    access::role::Role,
    ids::{AccountId, Timestamp},
    reply::{
        matcher::RuleBook,
        rule::{Action, RuleBody},
        sandbox::Sandbox,
    },
    store::{
        Config, Keys, Scope, Secret, Store,
        accounts::{self, NewAccount},
        audit::Actor,
        chat_messages::{self, DecisionRow, NewMessage, Source},
        rules,
        sandbox::{self, Ground, Rules, Wanted},
        users::{self, NewUser},
    },
};

const MESSAGES: i64 = 10_000;
const CONVERSATIONS: i64 = 2_000;
const RULES: i64 = 1_000;

fn open(folder: &tempfile::TempDir) -> (Store, Scope, AccountId) {
    let store = Store::open(&Config::new(folder.path().join("y.db").to_str().unwrap()), Keys::random()).unwrap();
    let keys = store.keys().clone();
    let (scope, account) = store
        .write_blocking(move |conn| {
            let user = NewUser {
                name: "u".into(),
                password_hash: String::new(),
                role: Role::Owner,
                employer: None,
                email: None,
                created_at: Timestamp(1),
            };
            let owner = users::insert(conn, &user)?.unwrap();
            let new = NewAccount {
                name: "a".into(),
                uid: "2200000000001".into(),
                cookie: Secret::new("unb=1; cookie2=2"),
                enabled: None,
            };
            let account = accounts::upsert_many(conn, &keys, owner, &[new], Timestamp(1))?.unwrap()[0].0;
            let scope = Scope::owner(owner);
            let rule = |number: i64| RuleBody {
                keyword: format!("第{number}款"),
                actions: vec![Action::Text(format!("亲，第 {number} 款有现货"))],
                ..RuleBody::default()
            };
            rules::upsert_many(
                conn,
                &scope,
                &(0..RULES).map(rule).collect::<Vec<_>>(),
                &Actor::system(),
                Timestamp(1),
            )?;
            Ok((scope, account))
        })
        .unwrap();
    store.write_blocking(move |conn| fill(conn, account)).unwrap();
    (store, scope, account)
}

fn fill(conn: &mut yutang::store::DbConn, account: AccountId) -> yutang::store::QueryResult<()> {
    let message = |number: i64| NewMessage {
        account,
        message: format!("{number}.PNM").into(),
        conversation: (60_000 + number % CONVERSATIONS).to_string().into(),
        sender: (2_200_000_000_000 + number % CONVERSATIONS).to_string().into(),
        sender_name: Some("小明".into()),
        content_type: 1,
        text: format!("你好，第{}款还在吗，可以便宜一点吗", number % (2 * RULES)),
        item: None,
        sent_at: Timestamp(1_795_000_000_000 + number * 1000),
        received_at: Timestamp(1_795_000_000_200 + number * 1000),
        source: Source::Push,
        decision: None,
        reason: None,
        decided_at: None,
        needs_person: false,
    };
    let decided = |number: i64| DecisionRow {
        account,
        message: format!("{number}.PNM").into(),
        decision: "silent",
        reason: Some("no_rule".into()),
        rule: None,
        turn: None,
        settled_at: Some(Timestamp(1_795_000_001_200 + number * 1000)),
        decided_at: Timestamp(1_795_000_001_201 + number * 1000),
        needs_person: false,
        trail: Some(r#"[{"source":"global_rule","found":"nothing"}]"#.into()),
        intent: None,
    };
    chat_messages::insert_new(conn, &(0..MESSAGES).map(message).collect::<Vec<_>>())?;
    chat_messages::decide_many(conn, &(0..MESSAGES).map(decided).collect::<Vec<_>>()).map(drop)
}

fn replay(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (store, scope, account) = open(&folder);
    let keys = store.keys().clone();
    let mut group = criterion.benchmark_group("sandbox");
    group.sample_size(10);
    group.bench_function("replay_10000_messages", |bencher| {
        bencher.iter(|| {
            let keys = keys.clone();
            let read = move |conn: &mut yutang::store::DbConn| {
                let ground = Ground::read(conn, &scope, &keys, account, Duration::from_mins(10))?;
                let (past, _) = sandbox::past(conn, &scope, &ground, &Wanted::default())?;
                Ok((sandbox::rules(conn, &scope, Rules::Published)?, ground, past))
            };
            let (rules, ground, past) = store.read_blocking(read).unwrap();
            let book = RuleBook::compile(account, &rules).0;
            let mut scenes = 0;
            for conversation in past {
                let buyer = conversation.cast.buyer.clone();
                let mut sandbox = Sandbox::new(&book, conversation.cast);
                for beat in conversation.beats {
                    scenes += sandbox.play(&beat.cue, beat.at, ground.outside(&buyer, beat.at)).len();
                }
            }
            assert_eq!(scenes, MESSAGES as usize);
            black_box(scenes)
        });
    });
    group.finish();
}

criterion_group!(benches, replay);
criterion_main!(benches);
