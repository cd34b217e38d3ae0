//! Conversations as they were, to be played again, and the cases that are tried.

use std::time::Duration;

use yutang::{
    ids::Timestamp,
    order::{event::OrderEvent, notice::Notice},
    reply::{
        case::{Extra, Script},
        decide::Side,
        rule::Trigger,
        sandbox::Cue,
    },
    store::{
        DbConn, Scope, Store, StoreError,
        blocked_buyers::{self, Blocked},
        buyer_tags,
        chat_messages::{self, DecisionRow, NewMessage},
        conversations,
        items::{self, ItemRow},
        order_events,
        rule_cases::{self, CaseBody, NotSaved},
        sandbox::{self, Ground, Past, Wanted, Was},
    },
};

use crate::{
    buyers::conversation,
    harness::{NOW, add_account, add_user, on_each_database, with_account},
    messages::{decision, message},
};

const PAUSE: Duration = Duration::from_mins(10);

fn at(ms: i64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

fn past(store: &Store, scope: Scope, account: yutang::ids::AccountId, wanted: Wanted) -> Result<Vec<Past>, StoreError> {
    let keys = store.keys().clone();
    store.read_blocking(move |conn| {
        let ground = Ground::read(conn, &scope, &keys, account, PAUSE)?;
        let (past, more) = sandbox::past(conn, &scope, &ground, &wanted)?;
        assert!(!more);
        Ok(past)
    })
}

#[test]
fn turns_orders_and_the_sellers_hand_come_back_in_their_order() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let said = |id: &str, ms: i64| NewMessage {
            text: id.to_owned(),
            sent_at: at(ms),
            received_at: at(ms + 1),
            ..message(account, id)
        };
        let own = |id: &str, ms| NewMessage { decision: Some("own"), sender: "2200001".into(), ..said(id, ms) };
        let elsewhere = |id: &str, ms| NewMessage { conversation: "600002".into(), item: None, ..said(id, ms) };
        let messages = vec![
            said("a1", 10),
            said("a2", 20),
            NewMessage {
                content_type: 26,
                decision: Some("silent"),
                reason: Some("not_a_person".into()),
                ..said("card", 30)
            },
            own("o1", 40),
            NewMessage { content_type: 2, item: Some("700002".into()), ..said("b1", 60) },
            NewMessage {
                conversation: "group".into(),
                decision: Some("silent"),
                reason: Some("group_chat".into()),
                ..said("g1", 65)
            },
            elsewhere("c1", 5000),
        ];
        let decided = |id: &str, decision_is, turn: Option<&str>| DecisionRow {
            decision: decision_is,
            turn: turn.map(Into::into),
            settled_at: Some(at(25)),
            ..decision(account, id)
        };
        let decisions = vec![decided("a1", "merged", Some("a2")), decided("a2", "answer", None)];
        let notice = |event, ms| Notice {
            message: format!("notice-{ms}").into(),
            conversation: "600001".into(),
            order: Some("25".into()),
            event,
            buyer: Some("3300001".into()),
            item: None,
            at: at(ms),
        };
        let happened = [notice(OrderEvent::Paid, 50), notice(OrderEvent::Shipped, 900)];
        let before = Notice { order: Some("24".into()), ..notice(OrderEvent::Paid, -900) };
        let item = |id: &str, seller: &str, title: &str| ItemRow {
            account,
            item: id.into(),
            seller: seller.into(),
            title: title.into(),
            fetched_at: NOW,
        };
        let sold = [item("700001", "2200001", "相机"), item("700002", "2200009", "")];
        let user = scope.user();
        store
            .write_blocking(move |conn| {
                conversations::upsert_many(conn, &[conversation(account, "600001", "3300001")])?;
                chat_messages::insert_new(conn, &messages)?;
                chat_messages::decide_many(conn, &decisions)?;
                for notice in happened.iter().chain([&before]) {
                    order_events::insert(conn, account, notice, at(950))?;
                }
                sold.iter().try_for_each(|item| items::put(conn, item))?;
                buyer_tags::add(conn, user, &"3300001".into(), "老客户", NOW)?;
                let blocked =
                    |account| Blocked { account, buyer: "3300001".into(), note: String::new(), created_at: NOW };
                blocked_buyers::insert(conn, &scope, &blocked(Some(account)))
            })
            .unwrap();

        let all = past(&store, scope, account, Wanted::default()).unwrap();
        let [first, second] = &all[..] else { panic!("{all:?}") };
        assert_eq!((first.conversation.as_str(), second.conversation.as_str()), ("600001", "600002"));
        let cast = &first.cast;
        assert_eq!((cast.side, cast.item_title.as_deref(), cast.had_a_turn), (Side::Seller, Some("相机"), false));
        assert_eq!((&cast.tags[..], cast.orders, cast.blocked), (&["老客户".to_owned()][..], 1, true));
        assert_eq!(cast.buyer_name, "buyer");
        let beats: Vec<_> = first.beats.iter().map(|beat| (beat.at.0 - NOW.0, told(&beat.cue))).collect();
        let expected = [(25, "a1 a2"), (40, "the seller wrote"), (50, "order_paid"), (61, "b1")];
        assert_eq!(beats, expected.map(|(ms, told)| (ms, told.to_owned())));
        let (reason, rule) = (Some("rule".to_owned()), decision(account, "").rule);
        let was = Was { message: "a2".into(), decision: "answer".into(), reason, rule };
        assert_eq!((&first.beats[0].was, &first.beats[3].was), (&Some(was), &None));
        assert_eq!(first.beats[3].item, Some(("700002".into(), None)), "from here on it is about something else");
        assert_eq!(
            (second.cast.buyer.as_str(), second.cast.side, second.cast.tags.len()),
            ("3300001", Side::Seller, 1)
        );

        let later = Wanted { since: Some(at(50)), ..Wanted::default() };
        let later = past(&store, scope, account, later).unwrap();
        assert_eq!((later.len(), later[0].cast.had_a_turn, later[0].cast.side), (2, true, Side::Buyer));
        let one = Wanted { conversation: Some("600002".into()), ..Wanted::default() };
        assert_eq!(past(&store, scope, account, one).unwrap().len(), 1);
        let none = Wanted { until: Some(at(0)), ..Wanted::default() };
        assert_eq!(past(&store, scope, account, none).unwrap(), []);
        let stranger = Scope::owner(add_user(&store, "stranger"));
        assert!(matches!(past(&store, stranger, account, Wanted::default()), Err(StoreError::NotFound)));
    });
}

fn told(cue: &Cue) -> String {
    match cue {
        Cue::Said(messages) => messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>().join(" "),
        Cue::Event(trigger) => Trigger::as_str(*trigger).to_owned(),
        Cue::SellerWrote => "the seller wrote".to_owned(),
    }
}

#[test]
fn cases_are_an_accounts_with_names_of_their_own_and_a_shared_set_has_all_of_them() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let second = add_account(&store, scope.user(), "second", "2200002");
        let case = |name: &str| {
            let script = Script { buyer: Extra { orders: 2, ..Extra::default() }, ..Script::default() };
            CaseBody { name: name.to_owned(), script, blocks: true }
        };
        let add = |scope: Scope, account, name: &str| {
            let body = case(name);
            store.write_blocking(move |conn| rule_cases::insert(conn, &scope, account, &body, NOW))
        };
        let made = add(scope, account, "价格").unwrap().unwrap();
        assert_eq!((&made.body, made.account), (&case("价格"), account));
        assert_eq!(add(scope, account, "价格").unwrap(), Err(NotSaved::NameTaken));
        add(scope, second, "价格").unwrap().unwrap();
        add(scope, account, "包邮").unwrap().unwrap();
        let rename = move |name: &str| {
            let body = case(name);
            move |conn: &mut DbConn| rule_cases::update(conn, &scope, made.id, &body, at(1))
        };
        assert_eq!(store.write_blocking(rename("包邮")).unwrap(), Err(NotSaved::NameTaken));
        assert_eq!(store.write_blocking(rename("价格")).unwrap().unwrap().updated_at, at(1));

        let stranger = Scope::owner(add_user(&store, "stranger"));
        assert!(matches!(add(stranger, account, "x"), Err(StoreError::NotFound)));
        assert!(store.read_blocking(move |conn| rule_cases::get(conn, &stranger, made.id)).is_err());
        assert!(store.write_blocking(move |conn| rule_cases::delete(conn, &stranger, made.id)).is_err());
        let trials = |scope: Scope, set| {
            let keys = store.keys().clone();
            let trials = store.read_blocking(move |conn| rule_cases::trials(conn, &scope, &keys, set, PAUSE)).unwrap();
            let named = trials.into_iter().map(|trial| {
                assert!(trial.cases.iter().all(|(_, cast)| cast.orders == 2 && cast.takeover_pause == PAUSE));
                (trial.ground.account.id, trial.cases.len())
            });
            named.collect::<Vec<_>>()
        };
        assert_eq!(trials(scope, Some(account)), [(account, 2)]);
        assert_eq!(trials(scope, None), [(account, 2), (second, 1)]);
        assert_eq!(trials(stranger, None), []);
        store.write_blocking(move |conn| rule_cases::delete(conn, &scope, made.id)).unwrap();
        assert_eq!(trials(scope, Some(account)), [(account, 1)]);
    });
}
