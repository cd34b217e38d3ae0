//! What happened to orders: each once, whichever of the platform's messages tells of it.

use std::{collections::HashMap, time::Duration};

use yutang::{
    ids::{AccountId, BuyerId, Timestamp},
    order::{
        event::OrderEvent::{self, Closed, Paid, Refunded, Shipped},
        messages::OrderHappened,
        notice::Notice,
    },
    store::{
        Page, Scope, Store,
        conversations::{self, ConversationRow, Side},
        order_events::{self, Filter, Row},
    },
};

use crate::harness::{NOW, add_account, add_user, on_each_database, with_account};

const HOUR: Duration = Duration::from_hours(1);

fn notice(message: &str, order: Option<&str>, event: OrderEvent) -> Notice {
    Notice {
        message: message.into(),
        conversation: "600001".into(),
        order: order.map(Into::into),
        event,
        buyer: Some("3300001".into()),
        item: Some("700001".into()),
        at: NOW,
    }
}

fn insert(store: &Store, account: AccountId, notice: Notice) -> Option<OrderHappened> {
    store.write_blocking(move |conn| order_events::insert(conn, account, &notice, NOW)).unwrap().happened
}

fn rows(store: &Store, scope: Scope, filter: Filter) -> Vec<Row> {
    store.read_blocking(move |conn| order_events::page(conn, &scope, &filter, Page::first(100))).unwrap().0
}

/// D1: told ten times, by as many messages, it happened once.
#[test]
fn d1_an_order_is_paid_once() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let told = insert(&store, account, notice("1.PNM", Some("25"), Paid)).unwrap();
        assert_eq!((told.event, told.order, told.buyer), (Paid, Some("25".into()), Some("3300001".into())));
        for number in 2..11 {
            assert_eq!(insert(&store, account, notice(&format!("{number}.PNM"), Some("25"), Paid)), None);
        }
        assert!(insert(&store, account, notice("1.PNM", Some("26"), Paid)).is_some(), "another order");
        assert!(insert(&store, account, notice("1.PNM", Some("25"), Shipped)).is_some(), "another event");
        let second = add_account(&store, scope.user(), "second", "2200002");
        assert!(insert(&store, second, notice("1.PNM", Some("25"), Paid)).is_some(), "another account");
        assert_eq!(rows(&store, scope, Filter::default()).len(), 4);
    });
}

/// A badge stands beside a card, before it or behind it.
#[test]
fn a_notice_without_an_order_is_the_echo_of_one_that_names_it() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        assert!(insert(&store, account, notice("1.PNM", Some("25"), Paid)).is_some());
        assert_eq!(insert(&store, account, notice("badge-1", None, Paid)), None, "behind its card");
        assert!(insert(&store, account, notice("badge-2", None, Shipped)).is_some());
        assert_eq!(insert(&store, account, notice("badge-3", None, Shipped)), None, "a second badge");
        assert_eq!(insert(&store, account, notice("2.PNM", Some("25"), Shipped)), None, "before its card");
        let named = rows(&store, scope, Filter { order: Some("25".into()), ..Filter::default() });
        assert_eq!(named.iter().map(|row| row.event).collect::<Vec<_>>(), [Shipped, Paid]);
        assert!(insert(&store, account, notice("3.PNM", Some("25"), Refunded)).is_some());
        assert_eq!(insert(&store, account, notice("badge-4", None, Closed)), None, "what was paid back is closed");
        let later = Notice { at: NOW + 25 * HOUR, ..notice("badge-5", None, Paid) };
        assert!(insert(&store, account, later).is_some(), "the next order");
        let elsewhere = Notice { conversation: "600002".into(), ..notice("badge-6", None, Paid) };
        assert!(insert(&store, account, elsewhere).is_some(), "another conversation");
    });
}

#[test]
fn what_a_conversation_knows_is_added_and_what_we_buy_is_left_out() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let row = |conversation: &str, side| ConversationRow {
            account,
            conversation: conversation.into(),
            peer: Some("3300009".into()),
            peer_name: None,
            item: Some("700009".into()),
            item_title: None,
            side,
            paused_until: None,
            created_at: NOW,
        };
        let known = [row("600001", Side::Seller), row("600002", Side::Buyer)];
        store.write_blocking(move |conn| conversations::upsert_many(conn, &known)).unwrap();
        let bare = |conversation: &str| Notice {
            conversation: conversation.into(),
            buyer: None,
            item: None,
            ..notice("1.PNM", Some("25"), Paid)
        };
        assert_eq!(insert(&store, account, bare("600002")), None);
        let told = insert(&store, account, bare("600001")).unwrap();
        assert_eq!((told.buyer, told.item), (Some("3300009".into()), Some("700009".into())));
    });
}

/// D14: there, what was not handled when the process ended was lost.
#[test]
fn d14_what_is_young_and_not_handled_is_found_again() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let first = insert(&store, account, notice("1.PNM", Some("25"), Paid)).unwrap();
        let second = insert(&store, account, notice("2.PNM", Some("26"), Paid)).unwrap();
        let ancient = Notice { at: Timestamp(NOW.0 - 3_600_001), ..notice("3.PNM", Some("27"), Paid) };
        assert_eq!(insert(&store, account, ancient), None, "too old to cause anything");
        assert_eq!(rows(&store, scope, Filter::default()).len(), 3, "but stored");
        let unhandled = |now| store.read_blocking(move |conn| order_events::unhandled(conn, account, now)).unwrap();
        assert_eq!(unhandled(NOW), [first.clone(), second.clone()]);
        store.write_blocking(move |conn| order_events::mark_handled(conn, first.id, NOW)).unwrap();
        assert_eq!(unhandled(NOW + HOUR), [second]);
        assert_eq!(unhandled(NOW + HOUR + Duration::from_millis(1)), []);
    });
}

#[test]
fn a_buyers_paid_orders_are_counted_over_all_accounts_of_the_owner_and_no_others() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let owner = scope.user();
        let second = add_account(&store, owner, "second", "2200002");
        let stranger = add_user(&store, "stranger");
        let foreign = add_account(&store, stranger, "foreign", "2200003");
        for (account, order) in [(account, "25"), (account, "26"), (second, "27"), (foreign, "28")] {
            insert(&store, account, notice("1.PNM", Some(order), Paid));
            insert(&store, account, notice("1.PNM", Some(order), Shipped));
        }
        let other = Notice { buyer: Some("3300002".into()), ..notice("9.PNM", Some("29"), Shipped) };
        insert(&store, account, other);
        let buyers: Vec<BuyerId> = ["3300001", "3300002", "3300003"].map(BuyerId::from).into();
        let paid = store.read_blocking(move |conn| order_events::paid_orders(conn, owner, &buyers)).unwrap();
        assert_eq!(paid, HashMap::from([("3300001".into(), 3)]));
    });
}

#[test]
fn a_list_is_filtered_by_everything_it_shows_and_by_who_looks() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let second = add_account(&store, scope.user(), "second", "2200002");
        insert(&store, account, notice("1.PNM", Some("25"), Paid));
        let other = Notice {
            conversation: "600002".into(),
            buyer: Some("3300002".into()),
            at: NOW + HOUR,
            ..notice("2.PNM", Some("26"), Shipped)
        };
        insert(&store, second, other);
        let found = |filter: Filter| {
            rows(&store, scope, filter).into_iter().map(|row| row.order.unwrap().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(Filter::default()), ["26", "25"], "newest first");
        assert_eq!(found(Filter { account: Some(account), ..Filter::default() }), ["25"]);
        assert_eq!(found(Filter { conversation: Some("600002".into()), ..Filter::default() }), ["26"]);
        assert_eq!(found(Filter { buyer: Some("3300001".into()), ..Filter::default() }), ["25"]);
        assert_eq!(found(Filter { event: Some(Shipped), ..Filter::default() }), ["26"]);
        assert_eq!(found(Filter { since: Some(NOW + HOUR), ..Filter::default() }), ["26"]);
        assert_eq!(found(Filter { until: Some(NOW + HOUR), ..Filter::default() }), ["25"]);
        let stranger = Scope::owner(add_user(&store, "stranger"));
        assert_eq!(rows(&store, stranger, Filter::default()), []);
    });
}
