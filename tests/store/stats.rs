//! The dashboard's numbers, on both databases; and how long they take where much is stored.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use yutang::{
    account::state::{Reason, State, Status},
    ids::{AccountId, RuleId, Timestamp, TokenId},
    outbox::entry::{Entry, Origin, State as SendState},
    store::{
        DbConn, Scope, Store, account_states,
        chat_messages::{self, DecisionRow, NewMessage},
        conversations, outbox,
        stats::{self, Bucket, Period, ResponseTimes, Stats},
        vitals,
    },
};

use crate::{
    harness::{Database, NOW, add_account, add_user, on_each_database, with_account},
    messages,
};

const HOUR: Duration = Duration::from_secs(3600);

/// The hour that [`NOW`] lies in, and the one before.
fn two_hours() -> Period {
    let hour = NOW.0 / 3_600_000 * 3_600_000;
    let (from, to) = (Timestamp(hour) - HOUR, Timestamp(hour) + HOUR);
    Period { from, to, bucket: Bucket::Hour, offset_minutes: 0 }
}

fn overview(store: &Store, scope: Scope, period: Period) -> Stats {
    store.read_blocking(move |conn| stats::overview(conn, &scope, &period, NOW)).unwrap()
}

fn heard(account: AccountId, id: &str, at: Timestamp) -> NewMessage {
    NewMessage { received_at: at, sent_at: at, ..messages::message(account, id) }
}

fn decided(account: AccountId, id: &str, decision: &'static str, rule: Option<i64>) -> DecisionRow {
    let needs_person = decision == "silent";
    DecisionRow { decision, rule: rule.map(RuleId), needs_person, ..messages::decision(account, id) }
}

fn answer(account: AccountId, id: i64, to: &str, at: Timestamp, state: SendState, after: Duration) -> Entry {
    let settled_at = (state != SendState::Queued).then_some(at + after);
    Entry { state, settled_at, created_at: at, in_reply_to: Some(to.into()), ..messages::entry(account, id) }
}

fn store_all(store: &Store, heard: Vec<NewMessage>, decided: Vec<DecisionRow>, sends: Vec<Entry>) {
    let work = move |conn: &mut DbConn| {
        chat_messages::insert_new(conn, &heard)?;
        chat_messages::decide_many(conn, &decided)?;
        outbox::insert_many(conn, &sends)
    };
    store.write_blocking(work).unwrap();
}

/// One turn of two messages that rule 7 answered twice, one that was left to a person, one that is not decided, one of the seller.
fn a_busy_hour(store: &Store, account: AccountId) {
    let second = Duration::from_secs(1);
    let own = NewMessage { decision: Some("own"), decided_at: Some(NOW), ..heard(account, "5", NOW) };
    let messages = vec![
        heard(account, "1", NOW - HOUR),
        heard(account, "2", NOW - HOUR + second),
        heard(account, "3", NOW),
        heard(account, "4", NOW),
        own,
    ];
    let decisions = vec![
        decided(account, "1", "merged", None),
        decided(account, "2", "answer", Some(7)),
        decided(account, "3", "silent", None),
    ];
    let at = NOW - HOUR + 2 * second;
    let sends = vec![
        answer(account, 1, "2", at, SendState::Confirmed, second),
        answer(account, 2, "2", at, SendState::Confirmed, 5 * second),
        answer(account, 3, "3", NOW, SendState::Expired, second),
        Entry { origin: Origin::Person, ..answer(account, 4, "3", NOW, SendState::Confirmed, second) },
    ];
    store_all(store, messages, decisions, sends);
}

#[test]
fn everything_is_counted_by_hour_account_and_rule() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let idle = add_account(&store, scope.user(), "idle", "2200009");
        a_busy_hour(&store, account);
        let status = Status::new(State::Connected, Reason::Registered, NOW);
        store.write_blocking(move |conn| account_states::put(conn, account, &status)).unwrap();
        let paused = store.write_blocking(move |conn| {
            conversations::take_over(conn, account, &"600001".into(), NOW + HOUR, NOW)?;
            conversations::take_over(conn, account, &"600002".into(), NOW - HOUR, NOW - 2 * HOUR)
        });
        paused.unwrap();

        let stats = overview(&store, scope, two_hours());
        let total = &stats.total;
        assert_eq!((total.received, total.answered, total.silent, total.undecided, total.own), (4, 1, 1, 1, 1));
        assert_eq!((total.sends, total.confirmed, total.expired, total.rejected), (4, 3, 1, 0));
        let response = ResponseTimes { turns: 1, median_ms: Some(2000), average_ms: Some(2000) };
        assert_eq!(total.response, response, "the first answer of a turn, and none that a person wrote");

        let by_hour: Vec<_> = stats.buckets.iter().map(|bucket| (bucket.start, bucket.counts.received)).collect();
        assert_eq!(by_hour, [(two_hours().from, 2), (two_hours().from + HOUR, 2)]);
        let by_account: Vec<_> = stats.accounts.iter().map(|each| (each.account, each.counts.received)).collect();
        assert_eq!(by_account, [(idle, 0), (account, 4)], "by name, the idle ones too");
        assert_eq!(stats.rules.iter().map(|rule| (rule.rule, rule.hits)).collect::<Vec<_>>(), [(RuleId(7), 1)]);
        let states: Vec<_> = stats.account_states.into_iter().collect();
        assert_eq!(states, [("connected", 1), ("disconnected", 1)]);
        assert_eq!((stats.waiting_for_person, stats.paused), (1, 1));
    });
}

#[test]
fn what_lies_outside_the_period_is_not_counted() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        a_busy_hour(&store, account);
        let last = Period { from: two_hours().from + HOUR, ..two_hours() };
        let total = overview(&store, scope, last).total;
        assert_eq!((total.received, total.answered, total.sends), (2, 0, 2));
        let none = Period { to: two_hours().from, ..two_hours() };
        let stats = overview(&store, scope, none);
        assert_eq!((stats.total.received, stats.buckets.len()), (0, 0));
    });
}

#[test]
fn a_day_ends_at_the_viewers_midnight() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        // 15:59 and 16:01 UTC are two days in Shanghai.
        let midnight = Timestamp(1_763_654_400_000);
        let minute = Duration::from_secs(60);
        store_all(
            &store,
            vec![heard(account, "1", midnight - minute), heard(account, "2", midnight + minute)],
            vec![],
            vec![],
        );
        let days = |offset_minutes| {
            let period = Period { from: midnight - HOUR, to: midnight + HOUR, bucket: Bucket::Day, offset_minutes };
            let counts = overview(&store, scope, period).buckets;
            counts.iter().map(|bucket| bucket.counts.received).collect::<Vec<_>>()
        };
        assert_eq!(days(480), [1, 1]);
        assert_eq!(days(0), [2]);
    });
}

#[test]
fn a_mistyped_year_costs_nothing() {
    let database = Database::sqlite();
    let (store, scope, account) = with_account(&database);
    a_busy_hour(&store, account);
    let stats = overview(&store, scope, Period { from: Timestamp(0), ..two_hours() });
    assert!(stats.buckets.len() <= 10_001, "{}", stats.buckets.len());
    assert_eq!(stats.total.received, 4);
}

/// Nothing of a stranger, and of an own tenant only the chosen accounts.
#[test]
fn a_scope_counts_only_what_it_reaches() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let other = add_account(&store, scope.user(), "other", "2200002");
        a_busy_hour(&store, account);
        store_all(&store, vec![heard(other, "1", NOW)], vec![], vec![]);
        let (stranger, member) = (Scope::owner(add_user(&store, "stranger")), add_user(&store, "member"));
        let mut conn = database.raw();
        let chosen = format!("INSERT INTO user_accounts (user_id, account_id) VALUES ({}, {})", member.0, other.0);
        conn.batch_execute(&chosen).unwrap();

        let received = |scope| overview(&store, scope, two_hours()).total.received;
        let member = Scope::member(scope.user(), member);
        assert_eq!([scope, stranger, member].map(received), [5, 0, 1]);
        assert_eq!(received(scope.through(TokenId(1))), 0, "no account was chosen for this token");
        let stats = overview(&store, stranger, two_hours());
        assert_eq!((stats.accounts.len(), stats.account_states.len()), (0, 0));
        assert_eq!((stats.waiting_for_person, stats.paused, stats.rules.len()), (0, 0, 0));
        let stats = overview(&store, member, two_hours());
        assert_eq!((stats.accounts.len(), stats.waiting_for_person, stats.total.sends), (1, 0, 0));
    });
}

#[test]
fn the_whole_is_counted_for_operators() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let sends = vec![
            answer(account, 1, "1", NOW, SendState::Queued, HOUR),
            answer(account, 2, "1", NOW, SendState::Sent, HOUR),
            answer(account, 3, "1", NOW, SendState::Queued, HOUR),
            answer(account, 4, "1", NOW, SendState::Confirmed, HOUR),
        ];
        store_all(&store, vec![], vec![], sends);
        let vitals = store.read_blocking(|conn| vitals::read_for_engine(conn, NOW)).unwrap();
        assert_eq!((vitals.queued, vitals.sent, vitals.sessions), (2, 1, 0));
        assert_eq!(vitals.breakers, []);
    });
}

/// 200,000 messages and as many sends over 30 days, of which one day is asked for: a dashboard must not wait.
#[test]
fn a_day_of_a_large_database_is_read_in_a_moment() {
    let database = Database::sqlite();
    let (store, scope, account) = with_account(&database);
    let DbConn::Sqlite(mut conn) = database.raw() else { unreachable!("a SQLite file") };
    let begin = NOW.0 - 30 * 86_400_000;
    conn.batch_execute(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199999)
         INSERT INTO chat_messages (account_id, message_id, conversation_id, sender_id, content_type, text, sent_at, received_at,
             source, decision, reason, rule_id, decided_at, needs_person)
         SELECT {0}, i || '.PNM', 'c' || (i % 997), 'b' || (i % 997), 1, '在吗', {begin} + i * 12960, {begin} + i * 12960,
             'push', 'answer', 'rule', i % 50, {begin} + i * 12960, FALSE FROM n;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199999)
         INSERT INTO outbox (account_id, id, conversation_id, peer_id, body, state, origin, rule_id, in_reply_to, attempts,
             created_at, settled_at, expires_at)
         SELECT {0}, {begin} + i * 12960, 'c' || (i % 997), 'b' || (i % 997), '{{}}', 'confirmed', 'rule', i % 50, i || '.PNM', 1,
             {begin} + i * 12960 + 1000, {begin} + i * 12960 + 1100, {begin} FROM n;",
        account.0
    ))
    .unwrap();
    let day = Period { from: Timestamp(NOW.0 - 86_400_000), to: NOW, bucket: Bucket::Hour, offset_minutes: 480 };
    let started = Instant::now();
    let stats = overview(&store, scope, day);
    let took = started.elapsed();
    assert!((6_600..=6_700).contains(&stats.total.received), "{}", stats.total.received);
    assert_eq!(stats.total.response.median_ms, Some(1100));
    assert_eq!((stats.buckets.len(), stats.rules.len()), (25, 50));
    assert!(took < Duration::from_secs(2), "{took:?}");
    let month = Period { from: Timestamp(begin), bucket: Bucket::Day, ..day };
    assert_eq!(overview(&store, scope, month).total.received, 200_000);
}
