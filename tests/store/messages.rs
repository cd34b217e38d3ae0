//! Messages, decisions, sends: what the engine relies on.

use yutang::{
    ids::{AccountId, MessageId, RuleId, Timestamp},
    outbox::entry::{Body, Change, Entry, Origin, Row, SendId, State},
    store::{
        account_cursors::{self, Cursor},
        chat_messages::{self, DecisionRow, NewMessage, Source},
        once_replies::{self, OnceReply},
        outbox, transcript,
    },
};

use crate::harness::{NOW, add_account, number, on_each_database, with_account};

pub fn message(account: AccountId, id: &str) -> NewMessage {
    NewMessage {
        account,
        message: id.into(),
        conversation: "600001".into(),
        sender: "3300001".into(),
        sender_name: Some("buyer".into()),
        content_type: 1,
        text: "在吗".into(),
        item: Some("700001".into()),
        sent_at: NOW,
        received_at: NOW,
        source: Source::Push,
        decision: None,
        reason: None,
        decided_at: None,
        needs_person: false,
    }
}

pub fn decision(account: AccountId, id: &str) -> DecisionRow {
    DecisionRow {
        account,
        message: id.into(),
        decision: "answered",
        reason: Some("rule".into()),
        rule: Some(RuleId(7)),
        turn: None,
        settled_at: Some(NOW),
        decided_at: NOW,
        needs_person: false,
        trail: None,
        intent: None,
    }
}

pub fn entry(account: AccountId, id: i64) -> Entry {
    Entry {
        account,
        id: SendId(id),
        conversation: "600001".into(),
        peer: "3300001".into(),
        body: Body::Text { text: "在的".into() },
        state: State::Queued,
        reason: None,
        message: None,
        origin: Origin::Rule,
        rule: Some(RuleId(7)),
        delivery: None,
        in_reply_to: Some("1.PNM".into()),
        attempts: 0,
        created_at: NOW,
        sent_at: None,
        settled_at: None,
        expires_at: Timestamp(NOW.0 + 300_000),
    }
}

pub fn change(account: AccountId, id: i64, state: State) -> Change {
    let (account, id) = (account, SendId(id));
    let conversation = "600001".into();
    Change {
        account,
        id,
        conversation,
        rule: None,
        delivery: None,
        state,
        reason: None,
        message: None,
        attempts: 1,
        sent_at: Some(NOW),
        settled_at: None,
    }
}

/// M2
#[test]
fn the_same_text_twice_is_two_messages_and_the_same_id_twice_is_one() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let batch = ["1.PNM", "2.PNM", "1.PNM"].map(|id| message(account, id));
        let new = store.write_blocking(move |conn| chat_messages::insert_new(conn, &batch)).unwrap();
        assert_eq!(new, [true, true, false]);
    });
}

/// M2, M7
#[test]
fn a_message_is_new_once_also_across_a_restart() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let batch = [message(account, "1.PNM")];
        store.write_blocking(move |conn| chat_messages::insert_new(conn, &batch)).unwrap();
        drop(store);

        let store = database.open();
        let batch = [message(account, "1.PNM"), message(account, "2.PNM")];
        let new = store.write_blocking(move |conn| chat_messages::insert_new(conn, &batch)).unwrap();
        assert_eq!(new, [false, true]);
        let ids = ["2.PNM", "3.PNM"].map(MessageId::from);
        let known = store.read_blocking(move |conn| chat_messages::existing(conn, account, &ids)).unwrap();
        assert_eq!(known, [MessageId::from("2.PNM")].into());
    });
}

#[test]
fn two_accounts_may_see_the_same_message_id() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let other = add_account(&store, scope.user(), "other", "2200002");
        let batch = [message(account, "1.PNM"), message(other, "1.PNM")];
        assert_eq!(store.write_blocking(move |conn| chat_messages::insert_new(conn, &batch)).unwrap(), [true, true]);
    });
}

#[test]
fn undecided_messages_come_back_in_the_order_they_were_said() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let at = |id, ms| NewMessage { sent_at: Timestamp(ms), ..message(account, id) };
        let silent = NewMessage { decision: Some("silent"), decided_at: Some(NOW), ..message(account, "0.PNM") };
        let batch = [at("9.PNM", 1), at("2.PNM", 3), at("1.PNM", 3), silent, at("3.PNM", 2)];
        store.write_blocking(move |conn| chat_messages::insert_new(conn, &batch)).unwrap();
        store.write_blocking(move |conn| chat_messages::decide_many(conn, &[decision(account, "3.PNM")])).unwrap();
        let open = store.read_blocking(move |conn| chat_messages::undecided(conn, account)).unwrap();
        assert_eq!(open.iter().map(|row| row.message.as_str()).collect::<Vec<_>>(), ["9.PNM", "1.PNM", "2.PNM"]);
    });
}

#[test]
fn a_message_reads_back_as_it_was_stored_with_its_first_decision() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        store.write_blocking(move |conn| chat_messages::insert_new(conn, &[message(account, "1.PNM")])).unwrap();
        let twice = [decision(account, "1.PNM"), decision(account, "absent.PNM")];
        assert_eq!(store.write_blocking(move |conn| chat_messages::decide_many(conn, &twice)).unwrap(), 1);
        let later = DecisionRow { decision: "other", ..decision(account, "1.PNM") };
        assert_eq!(store.write_blocking(move |conn| chat_messages::decide_many(conn, &[later])).unwrap(), 0);

        let list = move |conn: &mut _| chat_messages::list(conn, &scope, account, &"600001".into(), 10);
        let stored = store.read_blocking(list).unwrap().remove(0);
        let (new, made) = (message(account, "1.PNM"), decision(account, "1.PNM"));
        assert_eq!((stored.text, stored.sender_name, stored.item), (new.text, new.sender_name, new.item));
        assert_eq!((stored.decision.as_deref(), stored.reason), (Some(made.decision), made.reason));
        assert_eq!((stored.rule, stored.settled_at, stored.decided_at), (made.rule, made.settled_at, Some(NOW)));
    });
}

/// B7
#[test]
fn times_are_utc_milliseconds_in_the_database() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        store.write_blocking(move |conn| chat_messages::insert_new(conn, &[message(account, "1.PNM")])).unwrap();
        assert_eq!(number(&mut database.raw(), "SELECT sent_at AS number FROM chat_messages"), NOW.0);
        let latest = store.read_blocking(move |conn| chat_messages::latest_seen(conn, account)).unwrap();
        assert_eq!(latest, Some(NOW));
    });
}

/// PostgreSQL refuses NUL in a text; the message must not be lost over it.
#[test]
fn a_text_with_a_nul_in_it_is_stored() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let new = NewMessage { text: "a\0b".into(), sender_name: Some("\0".into()), ..message(account, "1.PNM") };
        assert_eq!(store.write_blocking(move |conn| chat_messages::insert_new(conn, &[new])).unwrap(), [true]);
        let stored = store.read_blocking(move |conn| chat_messages::undecided(conn, account)).unwrap().remove(0);
        assert_eq!((stored.text.as_str(), stored.sender_name.as_deref()), ("a\u{fffd}b", Some("\u{fffd}")));
    });
}

#[test]
fn a_send_reads_back_as_it_was_stored() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let picture = Body::Image { url: "https://example.com/a.png".into(), width: 3, height: 4 };
        let entries = [entry(account, 11), Entry { body: picture, origin: Origin::Default, ..entry(account, 12) }];
        let inserted = entries.clone();
        store.write_blocking(move |conn| outbox::insert_many(conn, &inserted)).unwrap();
        assert_eq!(store.read_blocking(move |conn| outbox::unsettled(conn, account)).unwrap(), entries);
        assert_eq!(store.read_blocking(move |conn| outbox::last_id(conn, account)).unwrap(), Some(SendId(12)));
    });
}

#[test]
fn a_send_goes_only_the_ways_its_state_allows() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        store.write_blocking(move |conn| outbox::insert_many(conn, &[entry(account, 1), entry(account, 2)])).unwrap();
        let steps = [
            (1, State::Confirmed, false), // never on the wire
            (1, State::Sent, true),
            (2, State::Sent, true),
            (1, State::Sent, false),
            (1, State::Queued, true), // refused: again
            (1, State::Sent, true),
            (1, State::Confirmed, true),
            (1, State::Uncertain, false),
            (3, State::Sent, false), // no such send
            (2, State::Uncertain, true),
            (2, State::Confirmed, true), // an echo settles a doubt
        ];
        let changes: Vec<_> = steps.iter().map(|(id, state, _)| change(account, *id, *state)).collect();
        let applied = store.write_blocking(move |conn| outbox::update_many(conn, &changes)).unwrap();
        assert_eq!(applied, steps.map(|(.., applied)| applied));
        assert_eq!(store.read_blocking(move |conn| outbox::unsettled(conn, account)).unwrap(), []);
    });
}

#[test]
fn a_confirmed_send_is_found_by_its_message_and_in_its_conversation() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let (old, new) = (NOW.0 - 1, NOW.0 + 1);
        let earlier = Entry { created_at: Timestamp(old), ..entry(account, old) };
        store.write_blocking(move |conn| outbox::insert_many(conn, &[earlier, entry(account, new)])).unwrap();
        let sent = change(account, new, State::Sent);
        let confirmed =
            Change { message: Some("8.PNM".into()), settled_at: Some(NOW), ..change(account, new, State::Confirmed) };
        store.write_blocking(move |conn| outbox::update_many(conn, &[sent, confirmed])).unwrap();

        let ids = ["8.PNM", "9.PNM"].map(MessageId::from);
        let found = store.read_blocking(move |conn| outbox::find_by_message(conn, account, &ids)).unwrap();
        let since = move |conn: &mut _| outbox::in_conversation_since(conn, account, &"600001".into(), NOW);
        assert_eq!(found, store.read_blocking(since).unwrap());
        assert_eq!((found[0].id, found[0].state, found[0].settled_at), (SendId(new), State::Confirmed, Some(NOW)));
    });
}

#[test]
fn a_number_is_used_for_one_send() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        store.write_blocking(move |conn| outbox::insert_many(conn, &[entry(account, 1)])).unwrap();
        let again =
            store.write_blocking(move |conn| outbox::insert_many(conn, &[entry(account, 2), entry(account, 1)]));
        assert!(matches!(again, Err(yutang::store::StoreError::Conflict(_))), "{again:?}");
        assert_eq!(store.read_blocking(move |conn| outbox::last_id(conn, account)).unwrap(), Some(SendId(1)));
    });
}

#[test]
fn a_cursor_never_moves_backwards() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let at = |pts, seen_at| Cursor { account, pts, seen_at: Timestamp(seen_at) };
        let puts = [vec![at(10, 100)], vec![at(5, 200), at(12, 50)], vec![at(1, 1)], vec![]];
        for cursors in puts {
            store.write_blocking(move |conn| account_cursors::put_many(conn, &cursors)).unwrap();
        }
        let stored = store.read_blocking(move |conn| account_cursors::load(conn, account)).unwrap();
        assert_eq!(stored, Some(at(12, 200)));
    });
}

#[test]
fn a_once_reply_is_claimed_once_and_again_after_its_send_failed() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let rule = crate::tables::add_rule(&store, scope, "在吗");
        let claim = |send| OnceReply { account, conversation: "600001".into(), rule, outbox: SendId(send) };
        let claims = [claim(1), claim(2)];
        assert_eq!(store.write_blocking(move |conn| once_replies::claim_many(conn, &claims)).unwrap(), [true, false]);
        assert!(!store.write_blocking(move |conn| once_replies::release(conn, account, SendId(2))).unwrap());
        assert!(store.write_blocking(move |conn| once_replies::release(conn, account, SendId(1))).unwrap());
        let claims = [claim(3)];
        assert_eq!(store.write_blocking(move |conn| once_replies::claim_many(conn, &claims)).unwrap(), [true]);
        let list = move |conn: &mut _| once_replies::list(conn, account, &["600001".into(), "600002".into()]);
        assert_eq!(store.read_blocking(list).unwrap(), [("600001".into(), rule)]);
    });
}

#[test]
fn a_rule_that_was_deleted_meanwhile_cannot_be_claimed_and_fails_nothing() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let claim = OnceReply { account, conversation: "600001".into(), rule: RuleId(404), outbox: SendId(1) };
        assert_eq!(store.write_blocking(move |conn| once_replies::claim_many(conn, &[claim])).unwrap(), [false]);
    });
}

#[test]
fn a_claim_gives_an_accepted_send_its_id_once() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let claim = |message: &str| Row::Claim { account, id: SendId(1), message: message.into(), at: NOW };
        let confirmed = Entry { state: State::Confirmed, attempts: 1, ..entry(account, 1) };
        let rows = [Row::Insert(confirmed), claim("5.PNM"), claim("6.PNM")];
        store.write_blocking(move |conn| outbox::apply(conn, &rows)).unwrap();
        let ids: [MessageId; 2] = ["5.PNM".into(), "6.PNM".into()];
        let found = store.read_blocking(move |conn| outbox::find_by_message(conn, account, &ids)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].message.clone(), found[0].attempts), (Some("5.PNM".into()), 1));
    });
}

#[test]
fn the_newest_sends_come_oldest_first() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let rows: Vec<Row> = (1..=5).map(|number| Row::Insert(entry(account, NOW.0 + number))).collect();
        store.write_blocking(move |conn| outbox::apply(conn, &rows)).unwrap();
        let newest = |since: i64, limit: i64| {
            let rows = store.read_blocking(move |conn| outbox::newest(conn, account, Timestamp(NOW.0 + since), limit));
            rows.unwrap().into_iter().map(|entry| entry.id.0 - NOW.0).collect::<Vec<_>>()
        };
        assert_eq!(newest(0, 2), [4, 5]);
        assert_eq!(newest(4, 9), [4, 5]);
        assert_eq!(newest(6, 9), [0; 0]);
    });
}

/// A4: there, time stamps of one second decided which message is the newest.
#[test]
fn a4_what_was_said_at_the_same_time_stays_in_its_order() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let said =
            |number: i64| NewMessage { text: format!("said {number}"), ..message(account, &format!("{number}.PNM")) };
        let sent = |number: i64| Entry {
            body: Body::Text { text: format!("sent {number}") },
            state: State::Confirmed,
            ..entry(account, NOW.0 + number)
        };
        let messages: Vec<_> = [3, 1, 4, 2].map(said).into();
        let sends: Vec<_> = [2, 1].map(sent).into();
        let work = move |conn: &mut _| {
            chat_messages::insert_new(conn, &messages)?;
            outbox::insert_many(conn, &sends)?;
            let (own, asked) = ("2200001".into(), ["1.PNM".into()]);
            transcript::recent(conn, account, &"600001".into(), &own, &asked, Timestamp(0), 9)
        };
        let spoken = store.write_blocking(work).unwrap();
        let by = |us: bool| spoken.iter().filter(move |spoken| spoken.by_us == us).map(|spoken| spoken.text.as_str());
        assert_eq!(by(false).collect::<Vec<_>>(), ["said 2", "said 3", "said 4"]);
        assert_eq!(by(true).collect::<Vec<_>>(), ["sent 1", "sent 2"]);
    });
}
