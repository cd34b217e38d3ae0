//! What is old goes, batch by batch, and what is still needed stays.

use std::time::Duration;

use yutang::{
    ids::{AccountId, RuleId, Timestamp},
    outbox::entry::{Entry, SendId, State},
    platform::hours::day_of,
    store::{
        DbConn, Page, QueryResult, Scope, Store, account_cursors,
        account_cursors::Cursor,
        blocked_buyers::{self, Blocked},
        buyer_notes, buyer_tags,
        chat_messages::{self, NewMessage},
        conversations, outbox,
        retention::{self, BATCH, Cutoffs, Kind},
    },
};

use crate::{
    harness::{Database, NOW, count, number, on_each_database, with_account},
    messages::{decision, entry, message},
    tables,
};

const DAY: Duration = Duration::from_hours(24);

fn days_ago(days: u32) -> Timestamp {
    NOW - DAY * days
}

fn cutoffs() -> Cutoffs {
    Cutoffs {
        now: NOW,
        messages: days_ago(180),
        decisions: days_ago(30),
        notices: days_ago(60),
        figures: days_ago(400),
        overlap: Duration::from_mins(3),
    }
}

/// All batches of one kind; how many rows went, and in how many batches.
fn remove(store: &Store, kind: Kind) -> (usize, usize) {
    let (mut removed, mut batches, mut next) = (0, 0, Some(Timestamp(0)));
    while let Some(from) = next {
        let batch = store.write_blocking(move |conn| retention::remove_some(conn, kind, from, &cutoffs())).unwrap();
        removed += batch.removed;
        batches += 1;
        next = batch.next;
    }
    (removed, batches)
}

fn at(account: AccountId, id: &str, at: Timestamp) -> NewMessage {
    NewMessage {
        sent_at: at,
        received_at: at,
        decision: Some("silent"),
        reason: Some("no_rule".into()),
        decided_at: Some(at),
        ..message(account, id)
    }
}

fn settled(account: AccountId, made: Timestamp) -> Entry {
    let created = Entry { id: SendId(made.0), created_at: made, ..entry(account, made.0) };
    Entry { state: State::Confirmed, settled_at: Some(made), in_reply_to: None, ..created }
}

/// A store whose account has seen everything up to now.
fn connected(database: &Database) -> (Store, Scope, AccountId) {
    let (store, scope, account) = with_account(database);
    let cursor = Cursor { account, pts: 1, seen_at: NOW };
    store.write_blocking(move |conn| account_cursors::put_many(conn, &[cursor])).unwrap();
    (store, scope, account)
}

fn put(store: &Store, messages: Vec<NewMessage>) {
    store.write_blocking(move |conn| chat_messages::insert_new(conn, &messages)).unwrap();
}

fn ids(store: &Store, account: AccountId) -> Vec<String> {
    let scope_free = move |conn: &mut DbConn| -> QueryResult<Vec<String>> {
        let mut found = Vec::new();
        for id in ["old", "undecided", "answering", "answered", "young"] {
            found.extend(chat_messages::existing(conn, account, &[id.into()])?.into_iter().map(|id| id.to_string()));
        }
        Ok(found)
    };
    store.read_blocking(scope_free).unwrap()
}

/// R7
#[test]
fn r7_old_messages_go_but_for_those_something_is_still_to_happen_to() {
    on_each_database(|database| {
        let (store, _, account) = connected(database);
        let old = days_ago(181);
        let undecided = NewMessage { decision: None, decided_at: None, reason: None, ..at(account, "undecided", old) };
        let others = ["old", "answering", "answered"].map(|id| at(account, id, old));
        put(&store, [&others[..], &[undecided, at(account, "young", days_ago(179))]].concat());
        let queued = Entry { in_reply_to: Some("answering".into()), ..entry(account, 1) };
        let done = Entry { in_reply_to: Some("answered".into()), ..settled(account, NOW) };
        store.write_blocking(move |conn| outbox::insert_many(conn, &[queued, done])).unwrap();
        assert_eq!(remove(&store, Kind::Messages).0, 2);
        assert_eq!(ids(&store, account), ["undecided", "answering", "young"]);
    });
}

#[test]
fn messages_that_the_search_for_missed_ones_may_meet_again_stay() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let seen_at = days_ago(200);
        let minutes_before = |minutes| seen_at - Duration::from_mins(minutes);
        put(&store, vec![at(account, "old", minutes_before(4)), at(account, "answered", minutes_before(2))]);
        assert_eq!(remove(&store, Kind::Messages).0, 0, "nobody knows how far the account has come");
        let cursor = Cursor { account, pts: 1, seen_at };
        store.write_blocking(move |conn| account_cursors::put_many(conn, &[cursor])).unwrap();
        assert_eq!(remove(&store, Kind::Messages).0, 1);
        assert_eq!(ids(&store, account), ["answered"]);
    });
}

#[test]
fn settled_sends_go_with_the_messages_and_the_others_stay() {
    on_each_database(|database| {
        let (store, _, account) = connected(database);
        let old = days_ago(181);
        let queued = Entry { state: State::Queued, settled_at: None, ..settled(account, old) };
        let all = [queued, settled(account, Timestamp(old.0 + 1)), settled(account, days_ago(1))];
        store.write_blocking(move |conn| outbox::insert_many(conn, &all)).unwrap();
        assert_eq!(remove(&store, Kind::Sends).0, 1);
        let left = store.read_blocking(move |conn| outbox::newest(conn, account, Timestamp(0), 9)).unwrap();
        assert_eq!(left.iter().map(|entry| entry.created_at).collect::<Vec<_>>(), [old, days_ago(1)]);
    });
}

#[test]
fn a_decision_outlives_its_reason() {
    on_each_database(|database| {
        let (store, scope, account) = connected(database);
        let undecided = |id: &str, at: Timestamp| NewMessage { sent_at: at, received_at: at, ..message(account, id) };
        put(&store, vec![undecided("old", days_ago(31)), undecided("young", days_ago(29))]);
        let decided = ["old", "young"].map(|id| decision(account, id));
        store.write_blocking(move |conn| chat_messages::decide_many(conn, &decided)).unwrap();
        assert_eq!(remove(&store, Kind::Reasons).0, 1);
        assert_eq!(remove(&store, Kind::Reasons).0, 0, "what is done is done");
        let read = move |conn: &mut DbConn| chat_messages::list(conn, &scope, account, &"600001".into(), 9);
        let rows = store.read_blocking(read).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.decision.as_deref(), row.reason.as_deref(), row.rule)).collect();
        assert_eq!(told, [(Some("answered"), Some("rule"), Some(RuleId(7))), (Some("answered"), None, None)]);
    });
}

/// Who wrote in a group, or for the platform itself, does not become the buyer of a conversation when reasons are forgotten.
#[test]
fn what_says_that_nobody_is_behind_a_message_stays_with_it() {
    on_each_database(|database| {
        let (store, scope, account) = connected(database);
        let unfit = ["group_chat", "not_a_person"];
        let rows = unfit.map(|reason| NewMessage { reason: Some(reason.into()), ..at(account, reason, days_ago(31)) });
        put(&store, rows.to_vec());
        remove(&store, Kind::Reasons);
        let read = move |conn: &mut DbConn| chat_messages::list(conn, &scope, account, &"600001".into(), 9);
        let rows = store.read_blocking(read).unwrap();
        assert!(rows.iter().all(|row| unfit.contains(&row.reason.as_deref().unwrap_or_default())), "{rows:?}");
        assert_eq!((rows.len(), remove(&store, Kind::Reasons).0), (2, 0));
        let peer = move |conn: &mut DbConn| chat_messages::find_peer(conn, account, &"600001".into(), &"1".into());
        assert_eq!(store.read_blocking(peer).unwrap(), None);
    });
}

#[test]
fn a_batch_looks_at_some_hundred_rows_and_the_next_goes_on_behind_it() {
    on_each_database(|database| {
        let (store, _, account) = connected(database);
        let batch = usize::try_from(BATCH).unwrap();
        let old = days_ago(181);
        let each = |number: i64| at(account, &format!("{number}.PNM"), Timestamp(old.0 + number / 3));
        put(&store, (0..2 * BATCH + 7).map(each).collect());
        let first = store.write_blocking(|conn| retention::remove_some(conn, Kind::Messages, Timestamp(0), &cutoffs()));
        let removed = first.unwrap().removed;
        assert!((batch..batch + 3).contains(&removed), "{removed}: all of one moment together");
        let (rest, batches) = remove(&store, Kind::Messages);
        assert_eq!((removed + rest, batches), (2 * batch + 7, 2));
    });
}

#[test]
fn a_conversation_goes_once_nothing_is_left_of_it() {
    on_each_database(|database| {
        let (store, _, account) = connected(database);
        let long_ago = days_ago(300);
        let fill = move |conn: &mut DbConn| {
            for (id, pause) in [("silent", None), ("paused", Some(Timestamp::NEVER)), ("over", Some(days_ago(2)))] {
                conversations::set_pause(conn, account, &id.into(), pause, long_ago)?;
            }
            for id in ["spoken", "sent"] {
                conversations::set_pause(conn, account, &id.into(), None, long_ago)?;
            }
            conversations::set_pause(conn, account, &"new".into(), None, days_ago(1))?;
            let spoken = NewMessage { conversation: "spoken".into(), ..at(account, "young", days_ago(1)) };
            chat_messages::insert_new(conn, &[spoken])?;
            outbox::insert_many(conn, &[Entry { conversation: "sent".into(), ..settled(account, days_ago(1)) }])
        };
        store.write_blocking(fill).unwrap();
        assert_eq!(remove(&store, Kind::Pauses).0, 1, "only the pause that is over");
        let look = |conn: &mut DbConn| retention::silent_conversations(conn, None, &cutoffs());
        let (silent, next) = store.read_blocking(look).unwrap();
        assert_eq!(silent, [(account, "over".into()), (account, "silent".into())]);
        assert_eq!(next, None);
        let spoken_meanwhile = NewMessage { conversation: "over".into(), ..at(account, "now", NOW) };
        put(&store, vec![spoken_meanwhile]);
        let gone = store.write_blocking(move |conn| retention::remove_conversations(conn, &silent, NOW)).unwrap();
        assert_eq!(gone, 1);
        assert_eq!(count(&mut database.raw(), "conversations"), 5);
    });
}

#[test]
fn what_has_expired_goes() {
    on_each_database(|database| {
        let (store, scope, account) = connected(database);
        let user = scope.user().0;
        let (old, day) = (days_ago(2).0, NOW.0 - 86_400_000);
        let fill = format!(
            "INSERT INTO sessions VALUES ('s1', {user}, 1, 1, {old}, {NOW}, '', ''); \
             INSERT INTO sessions VALUES ('s2', {user}, 1, 1, {later}, {later}, '', ''); \
             INSERT INTO email_codes VALUES ('a@b.c', 'login', '', 0, 1, {old}); \
             INSERT INTO idempotency_keys VALUES ({user}, 'old', '', NULL, NULL, {before}); \
             INSERT INTO idempotency_keys VALUES ({user}, 'young', '', NULL, NULL, {day}); \
             INSERT INTO unknown_pushes (account_id, received_at, data) VALUES ({account}, {ancient}, ''); \
             INSERT INTO unknown_pushes (account_id, received_at, data) VALUES ({account}, {old}, ''); \
             INSERT INTO suggestions (account_id, conversation_id, message_id, state, intent, text, created_at) \
             VALUES ({account}, '1', '1', 'pending', 'tech', '', {ancient}), ({account}, '2', '2', 'pending', 'tech', '', {old}); \
             INSERT INTO bargains VALUES ({account}, '1', '', 1, {ancient}), ({account}, '2', '', 1, {old}); \
             INSERT INTO order_events (account_id, event, conversation_id, message_id, at, seen_at) \
             VALUES ({account}, 'paid', '1', '1', 1, {ancient}), ({account}, 'paid', '2', '2', 1, {old}); \
             INSERT INTO orders (account_id, id, status, spec, quantity, is_bargain, seen_at, read_tries) \
             VALUES ({account}, '1', 'completed', '[]', 1, FALSE, {ancient}, 0), ({account}, '2', 'shipped', '[]', 1, FALSE, {ancient}, 0), \
             ({account}, '3', 'completed', '[]', 1, FALSE, {old}, 0); \
             INSERT INTO rule_events (account_id, rule_id, conversation_id, buyer_id, cause, due_at, made_at) \
             VALUES ({account}, {rule}, '1', '1', 'silent:1', 1, {ancient}), ({account}, {rule}, '2', '1', 'silent:2', 1, {old}); \
             INSERT INTO rule_uses VALUES ({account}, '1', {rule}, {day_before}, 1), ({account}, '2', {rule}, {today}, 1); \
             INSERT INTO rule_days VALUES ({rule}, {last_year}, 1, 1, 0, 0, 0, NULL), ({rule}, {kept}, 1, 1, 0, 0, 0, NULL); \
             INSERT INTO api_tokens (user_id, name, prefix, hash, access, all_accounts, created_at, expires_at) \
             VALUES ({user}, 'a', 'yt_a', '1', 'read', TRUE, 1, {old}), ({user}, 'b', 'yt_b', '2', 'read', TRUE, 1, NULL);",
            later = NOW.0 + 1,
            before = day - 1,
            ancient = days_ago(181),
            rule = tables::add_rule(&store, scope, "a"),
            today = day_of(NOW),
            day_before = day_of(NOW) - 1,
            kept = day_of(NOW) - 400,
            last_year = day_of(NOW) - 401,
        );
        diesel::connection::SimpleConnection::batch_execute(&mut database.raw(), &fill).unwrap();
        for (kind, table) in [
            (Kind::Sessions, "sessions"),
            (Kind::EmailCodes, "email_codes"),
            (Kind::IdempotencyKeys, "idempotency_keys"),
            (Kind::UnknownPushes, "unknown_pushes"),
            (Kind::Suggestions, "suggestions"),
            (Kind::Bargains, "bargains"),
            (Kind::OrderEvents, "order_events"),
            (Kind::Orders, "orders"),
            (Kind::RuleEvents, "rule_events"),
            (Kind::RuleUses, "rule_uses"),
            (Kind::RuleFigures, "rule_days"),
            (Kind::ApiTokens, "api_tokens"),
        ] {
            let before = count(&mut database.raw(), table);
            assert_eq!(remove(&store, kind), (1, 1), "{table}");
            assert_eq!(count(&mut database.raw(), table), before - 1, "{table}");
        }
    });
}

/// R10: nothing is vacuumed. The pages that a clean-up frees are used by what comes next, so the file stays as it is.
#[test]
fn r10_a_file_that_was_cleaned_does_not_grow_by_as_much_again() {
    let database = Database::sqlite();
    let (store, _, account) = connected(&database);
    let fill = |from: Timestamp| {
        let rows = (0..5000).map(|number| at(account, &format!("{from}-{number}.PNM"), Timestamp(from.0 + number)));
        put(&store, rows.collect());
    };
    let pages = || number(&mut database.raw(), "SELECT page_count AS number FROM pragma_page_count()");
    fill(days_ago(200));
    let full = pages();
    assert_eq!(remove(&store, Kind::Messages).0, 5000);
    assert_eq!(pages(), full);
    fill(days_ago(10));
    let again = pages();
    assert!(again <= full + full / 10, "{full} pages became {again}");
}

/// Tags and notes live as long as a conversation with the buyer is kept, or the buyer is blocked.
#[test]
fn what_is_known_of_a_buyer_goes_with_the_last_conversation() {
    on_each_database(|database| {
        let (store, scope, account) = connected(database);
        let (owner, made) = (scope.user(), NOW - DAY * 2);
        let fill = move |conn: &mut DbConn| {
            conversations::upsert_many(conn, &[crate::buyers::conversation(account, "600001", "talks")])?;
            let block = Blocked { account: None, buyer: "blocked".into(), note: String::new(), created_at: made };
            blocked_buyers::insert(conn, &scope, &block)?;
            for (buyer, at) in [("talks", made), ("blocked", made), ("gone", made), ("new", NOW)] {
                buyer_tags::add(conn, owner, &buyer.into(), "tag", at)?;
            }
            buyer_notes::insert(conn, &scope, &"talks".into(), "text", (None, "seller"), made).map(drop)
        };
        store.write_blocking(fill).unwrap();
        assert_eq!((remove(&store, Kind::BuyerTags).0, remove(&store, Kind::BuyerNotes).0), (1, 0));
        store.write_blocking(move |conn| yutang::store::accounts::delete(conn, &scope, account)).unwrap();
        assert_eq!((remove(&store, Kind::BuyerTags).0, remove(&store, Kind::BuyerNotes).0), (1, 1));
        let left = store.read_blocking(move |conn| buyer_tags::page(conn, &scope, Page::first(9))).unwrap();
        assert_eq!(left.0.iter().map(|used| used.buyers).sum::<i64>(), 2, "who is blocked, and what is new");
    });
}
