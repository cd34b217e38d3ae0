//! Buyers whose last message has no answer.

use yutang::{
    ids::{AccountId, Timestamp},
    outbox::entry::{Entry, Origin, SendId, State},
    store::{
        DbConn, Page, Scope, Store,
        chat_messages::{self, NewMessage},
        conversations::{self, Filter as ConversationFilter, Side},
        handovers::{self, By, HandedTo},
        outbox,
        unanswered::{self, Filter},
    },
};

use crate::{
    buyers::conversation,
    harness::{NOW, add_user, on_each_database, with_account},
    messages::{decision, entry, message},
};

fn at(ms: i64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

/// The buyer of conversation `id` says something, which is decided so.
fn said(account: AccountId, id: &str, ms: i64, decided: (Option<&'static str>, Option<&str>)) -> NewMessage {
    NewMessage {
        conversation: id.into(),
        sent_at: at(ms),
        received_at: at(ms),
        decision: decided.0,
        reason: decided.1.map(str::to_owned),
        decided_at: decided.0.map(|_| at(ms)),
        ..message(account, &format!("{id}-{ms}.PNM"))
    }
}

fn by_hand(account: AccountId, id: &str, ms: i64, state: State) -> Entry {
    let origin = Origin::Person;
    Entry { conversation: id.into(), origin, in_reply_to: None, state, ..entry(account, at(ms).0) }
}

fn put(store: &Store, messages: Vec<NewMessage>) {
    let fill = move |conn: &mut DbConn| {
        let rows: Vec<_> = messages
            .iter()
            .map(|row| conversation(row.account, row.conversation.as_str(), &format!("33{}", row.conversation)))
            .collect();
        conversations::upsert_many(conn, &rows)?;
        chat_messages::insert_new(conn, &messages)
    };
    store.write_blocking(fill).unwrap();
}

fn waiting(store: &Store, scope: Scope, filter: Filter) -> Vec<String> {
    let (rows, total) =
        store.read_blocking(move |conn| unanswered::page(conn, &scope, &filter, Page::first(50))).unwrap();
    assert_eq!(i64::try_from(rows.len()).unwrap(), total);
    rows.into_iter().map(|row| row.conversation.to_string()).collect()
}

const SILENT: Option<&str> = Some("silent");

#[test]
fn who_was_not_answered_waits_the_longest_waiting_first_and_the_reason_is_told() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let no_rule = (SILENT, Some("no_rule"));
        put(
            &store,
            vec![
                said(account, "late", 50, (None, None)),
                said(account, "answered", 1, (Some("answer"), Some("rule"))),
                said(account, "waits", 2, no_rule),
                NewMessage { needs_person: true, ..said(account, "left", 3, (SILENT, Some("left_to_person"))) },
                said(account, "seller has the last word", 4, no_rule),
                said(account, "seller has the last word", 5, (Some("own"), None)),
                said(account, "again", 6, (Some("answer"), Some("rule"))),
                said(account, "again", 20, no_rule),
                said(account, "a card came last", 7, no_rule),
                said(account, "a card came last", 8, (SILENT, Some("not_a_person"))),
                said(account, "group", 9, (SILENT, Some("group_chat"))),
                said(account, "answered already", 10, (SILENT, Some("seller_answered"))),
            ],
        );
        let all = ["waits", "left", "a card came last", "again", "late"];
        assert_eq!(waiting(&store, scope, Filter::default()), all);
        let (rows, _) = store
            .read_blocking(move |conn| unanswered::page(conn, &scope, &Filter::default(), Page::first(2)))
            .unwrap();
        let seen: Vec<_> = rows.iter().map(|row| (row.sent_at, row.reason.as_deref(), row.needs_person)).collect();
        assert_eq!(seen, [(at(2), Some("no_rule"), false), (at(3), Some("left_to_person"), true)]);
        let stranger = Scope::owner(add_user(&store, "stranger"));
        assert_eq!(waiting(&store, stranger, Filter::default()), [""; 0]);
        let elsewhere = Filter { account: Some(AccountId(account.0 + 1)), ..Filter::default() };
        assert_eq!(waiting(&store, scope, elsewhere), [""; 0]);
    });
}

/// What a person sent counts from when it was made, unless it did not reach the buyer.
#[test]
fn a_persons_answer_ends_the_waiting_and_one_that_failed_does_not() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        put(&store, ["a", "b", "c", "d"].map(|id| said(account, id, 10, (SILENT, Some("no_rule")))).to_vec());
        let sends = [
            by_hand(account, "a", 11, State::Queued),
            by_hand(account, "b", 12, State::Rejected),
            by_hand(account, "c", 9, State::Confirmed),
            Entry { origin: Origin::Ai, ..by_hand(account, "d", 13, State::Confirmed) },
        ];
        store.write_blocking(move |conn| outbox::insert_many(conn, &sends)).unwrap();
        assert_eq!(waiting(&store, scope, Filter::default()), ["b", "c"]);
        let filter = ConversationFilter { unanswered: true, ..ConversationFilter::default() };
        let page = move |conn: &mut DbConn| conversations::page(conn, &scope, &filter, Page::first(9), NOW);
        assert_eq!(store.read_blocking(page).unwrap().1, 2, "the list of conversations says the same");
    });
}

/// Where two messages were sent at one moment, the last of them need not be the one that holds the decision.
#[test]
fn the_decision_is_that_of_the_turn() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        put(&store, vec![said(account, "turn", 1, (None, None)), said(account, "turn", 2, (None, None))]);
        let merged = chat_messages::DecisionRow {
            decision: "merged",
            reason: None,
            turn: Some("turn-1.PNM".into()),
            ..decision(account, "turn-2.PNM")
        };
        let decide = move |decided: &'static str| {
            let last = chat_messages::DecisionRow { decision: decided, ..decision(account, "turn-1.PNM") };
            let merged = merged.clone();
            move |conn: &mut DbConn| chat_messages::decide_many(conn, &[merged, last])
        };
        store.write_blocking(decide("answer")).unwrap();
        assert_eq!(waiting(&store, scope, Filter::default()), [""; 0]);
    });
}

#[test]
fn a_buyer_to_whom_we_sell_nothing_or_who_was_erased_waits_for_nothing() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        put(&store, ["we buy", "erased"].map(|id| said(account, id, 1, (SILENT, None))).to_vec());
        let mut rows = [conversation(account, "we buy", "1"), conversation(account, "erased", "erased-01")];
        rows[0].side = Side::Buyer;
        store.write_blocking(move |conn| conversations::upsert_many(conn, &rows)).unwrap();
        assert_eq!(waiting(&store, scope, Filter::default()), [""; 0]);
    });
}

#[test]
fn who_waits_is_found_by_whom_the_conversation_was_handed_to() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        put(&store, ["mine", "nobody's"].map(|id| said(account, id, 1, (SILENT, Some("no_rule")))).to_vec());
        let by = By { user: None, name: "a rule".into() };
        let hand = move |conn: &mut DbConn| {
            handovers::hand_over(conn, scope.user(), (account, &"mine".into()), Some(scope.user()), &by, "", NOW)
        };
        store.write_blocking(hand).unwrap().unwrap();
        let found = |to| waiting(&store, scope, Filter { handed_to: Some(to), account: Some(account) });
        assert_eq!(found(HandedTo::User(scope.user())), ["mine"]);
        assert_eq!(found(HandedTo::Nobody), ["nobody's"]);
    });
}

#[test]
fn the_list_is_read_in_parts_also_where_there_are_many() {
    let database = crate::harness::Database::sqlite();
    let (store, scope, account) = with_account(&database);
    for some in 0..10 {
        let messages = (0..100).map(|number| {
            let decided = if number % 2 == 0 { (SILENT, Some("no_rule")) } else { (Some("answer"), Some("rule")) };
            said(account, &format!("{}", some * 100 + number), some * 100 + number, decided)
        });
        put(&store, messages.collect());
        let sends: Vec<_> =
            (0..100).map(|number| Entry { id: SendId(at(some * 100 + number).0), ..entry(account, 1) }).collect();
        store.write_blocking(move |conn| outbox::insert_many(conn, &sends)).unwrap();
    }
    let page = Page { offset: 490, limit: 20 };
    let (rows, total) =
        store.read_blocking(move |conn| unanswered::page(conn, &scope, &Filter::default(), page)).unwrap();
    assert_eq!((rows.len(), total), (10, 500));
    let behind = Page { offset: 500, limit: 20 };
    let end = store.read_blocking(move |conn| unanswered::page(conn, &scope, &Filter::default(), behind)).unwrap();
    assert_eq!(end, (Vec::new(), 500));
}
