//! What was sold is what the orders say, counted once, and stays when they go.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use yutang::{
    ids::{AccountId, Fen, ItemId, OrderId, Timestamp},
    order::status::{Cause, Status},
    platform::{
        hours::day_of,
        mtop::order::{OrderDetail, SoldOrder, TradeState},
    },
    store::{
        Page, Scope, Store, accounts,
        orders::{self, Change, Read},
        retention::{self, Cutoffs, Kind},
        sales_figures::{self, By, Filter, Row, Sums, Total},
    },
};

use crate::harness::{NOW, add_account, add_user, count, on_each_database, with_account};

const HOUR: Duration = Duration::from_hours(1);
const WORDS: [TradeState; 8] = [
    TradeState::Unpaid,
    TradeState::Bargaining,
    TradeState::Paid,
    TradeState::Shipped,
    TradeState::Completed,
    TradeState::Refunding,
    TradeState::RefundEnded,
    TradeState::Closed,
];

fn everything() -> Filter {
    Filter { from: 0, to: i64::MAX, account: None, item: None }
}

fn figures(store: &Store, scope: Scope, filter: &Filter, by: By) -> (Vec<Row>, Total) {
    let filter = filter.clone();
    store.read_blocking(move |conn| sales_figures::page(conn, &scope, &filter, by, Page::first(1000))).unwrap()
}

fn detail(order: &OrderId, item: &str, state: TradeState, amount: Option<i64>) -> OrderDetail {
    OrderDetail {
        order: order.clone(),
        item: item.into(),
        buyer: "3300001".into(),
        state: Some(state),
        quantity: 1,
        spec: Vec::new(),
        price: None,
        amount: amount.map(Fen),
        address: None,
        placed_at: None,
    }
}

/// The platform tells of an order, for the first time where it is not known.
fn tell(store: &Store, account: AccountId, told: OrderDetail, now: Timestamp) -> Read {
    let keys = store.keys().clone();
    let sold = SoldOrder {
        order: told.order.clone(),
        item: told.item.clone(),
        buyer: told.buyer.clone(),
        buyer_name: None,
        state: told.state,
        in_refund: false,
        quantity: None,
        amount: None,
        is_bargain: false,
        placed_at: None,
    };
    let read = move |conn: &mut _| {
        orders::note_listed(conn, account, &[sold], now)?;
        orders::read(conn, &keys, account, &"2200001".into(), &told, Cause::Person, now)
    };
    store.write_blocking(read).unwrap()
}

/// What the platform told of one order, and when.
type Told = Vec<(Timestamp, Option<i64>)>;

fn history(store: &Store, scope: Scope, account: AccountId, order: &OrderId) -> Vec<Change> {
    let order = order.clone();
    store.read_blocking(move |conn| orders::history(conn, &scope, account, &order)).unwrap()
}

/// Adds up, day by day, what the history of an order says.
fn recount(history: &[Change], begun: Timestamp, told: &Told, days: &mut BTreeMap<i64, Sums>) {
    if history.is_empty() {
        return;
    }
    let first = |wanted: &[Status]| history.iter().find(|change| wanted.contains(&change.to)).map(|change| change.at);
    days.entry(day_of(begun)).or_default().placed += 1;
    let paid = first(&[Status::PendingShip, Status::Shipped, Status::Completed, Status::Refunding]);
    let amount = paid.map_or(0, |paid| {
        let mut known = told.iter().filter(|(at, _)| *at <= paid).filter_map(|(_, amount)| *amount);
        known.next_back().unwrap_or(0)
    });
    if let Some(at) = paid {
        let sums = days.entry(day_of(at)).or_default();
        (sums.paid, sums.paid_fen) = (sums.paid + 1, sums.paid_fen + amount);
    }
    if let Some(at) = first(&[Status::Shipped, Status::Completed]) {
        days.entry(day_of(at)).or_default().shipped += 1;
    }
    if let Some(at) = first(&[Status::Completed]) {
        let sums = days.entry(day_of(at)).or_default();
        (sums.completed, sums.completed_fen) = (sums.completed + 1, sums.completed_fen + amount);
    }
    if let Some(at) = first(&[Status::Cancelled]) {
        let sums = days.entry(day_of(at)).or_default();
        match paid {
            Some(_) => (sums.refunded, sums.refunded_fen) = (sums.refunded + 1, sums.refunded_fen + amount),
            None => sums.closed += 1,
        }
    }
}

fn sum<'a>(all: impl IntoIterator<Item = &'a Sums>) -> Sums {
    all.into_iter().fold(Sums::default(), |left, right| Sums {
        placed: left.placed + right.placed,
        paid: left.paid + right.paid,
        paid_fen: left.paid_fen + right.paid_fen,
        shipped: left.shipped + right.shipped,
        units_delivered: left.units_delivered + right.units_delivered,
        orders_delivered: left.orders_delivered + right.orders_delivered,
        completed: left.completed + right.completed,
        completed_fen: left.completed_fen + right.completed_fen,
        refunded: left.refunded + right.refunded,
        refunded_fen: left.refunded_fen + right.refunded_fen,
        closed: left.closed + right.closed,
    })
}

/// Orders go back and forth at random, at prices that change, over many days.
#[test]
fn whatever_becomes_of_orders_the_figures_are_what_a_recount_says() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let mut random = StdRng::seed_from_u64(20_251_009);
        let items = ["700001", "700002", "700003"];
        let mut days: BTreeMap<i64, Sums> = BTreeMap::new();
        let mut by_item: BTreeMap<&str, Vec<Sums>> = BTreeMap::new();
        for number in 0..60 {
            let order = OrderId::from(format!("25{number:017}"));
            let item = items[random.random_range(0..items.len())];
            let (begun, mut told) = (NOW + HOUR * random.random_range(0..100), Told::new());
            let mut now = begun;
            for _ in 0..random.random_range(1..14) {
                let word = WORDS[random.random_range(0..WORDS.len())];
                let amount = random.random_bool(0.8).then(|| random.random_range(1..100_000));
                let read = tell(&store, account, detail(&order, item, word, amount), now);
                if matches!(read, Read::Stands { .. }) {
                    told.push((now, amount));
                }
                now = now + HOUR * random.random_range(0..40);
            }
            let mut of_order = BTreeMap::new();
            recount(&history(&store, scope, account, &order), begun, &told, &mut of_order);
            by_item.entry(item).or_default().extend(of_order.values().copied());
            for (day, sums) in of_order {
                let day = days.entry(day).or_default();
                *day = sum([&*day, &sums]);
            }
        }
        let (rows, total) = figures(&store, scope, &everything(), By::Day);
        let counted: BTreeMap<i64, Sums> = rows.iter().map(|row| (row.day.unwrap(), row.sums)).collect();
        assert_eq!(counted, days);
        assert_eq!((total.sums, total.rows), (sum(days.values()), i64::try_from(days.len()).unwrap()));
        assert!(total.sums.refunded > 5 && total.sums.completed > 5 && total.sums.closed > 5, "{total:?}");
        let (rows, _) = figures(&store, scope, &everything(), By::Item);
        let counted: BTreeMap<String, Sums> =
            rows.iter().map(|row| (row.item.as_ref().unwrap().to_string(), row.sums)).collect();
        let expected = by_item.iter().map(|(item, all)| ((*item).to_owned(), sum(all))).collect();
        assert_eq!(counted, expected);
        assert!(rows.is_sorted_by_key(|row| -row.sums.net_fen()), "what brought in most comes first");
    });
}

/// A refund that is taken back, asked for again and granted at another price gives back what was counted, once.
#[test]
fn money_is_counted_once_and_given_back_as_it_was_counted() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let order = OrderId::from("2500000000000000001");
        let walk = [
            (TradeState::Unpaid, 900),
            (TradeState::Paid, 1000),
            (TradeState::Refunding, 1000),
            (TradeState::RefundEnded, 1000),
            (TradeState::Refunding, 700),
            (TradeState::Paid, 700),
            (TradeState::Closed, 500),
            (TradeState::Closed, 500),
        ];
        for (hours, (word, amount)) in (0..).zip(walk) {
            tell(&store, account, detail(&order, "700001", word, Some(amount)), NOW + HOUR * hours);
        }
        let (_, total) = figures(&store, scope, &everything(), By::Account);
        let expected = Sums { placed: 1, paid: 1, paid_fen: 1000, refunded: 1, refunded_fen: 1000, ..Sums::default() };
        assert_eq!((total.sums, total.sums.net_fen()), (expected, 0));
    });
}

#[test]
fn what_an_account_bought_is_no_sale() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let order = OrderId::from("2500000000000000001");
        let bought = OrderDetail { buyer: "2200001".into(), ..detail(&order, "700001", TradeState::Paid, Some(1)) };
        tell(&store, account, bought, NOW);
        assert_eq!(
            figures(&store, scope, &everything(), By::Day),
            (Vec::new(), Total { sums: Sums::default(), rows: 0 })
        );
    });
}

#[test]
fn figures_are_those_of_the_days_accounts_and_items_that_are_asked_for_and_of_nobody_else() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let second = add_account(&store, scope.user(), "second", "2200002");
        let rival = Scope::owner(add_user(&store, "rival"));
        for (number, (of, item, days)) in
            (1..).zip([(account, "700001", 0), (account, "700002", 1), (second, "700003", 2)])
        {
            let order = OrderId::from(format!("250000000000000000{number}"));
            let told = detail(&order, item, TradeState::Paid, Some(number * 100));
            tell(&store, of, told, NOW + 24 * HOUR * days);
        }
        let fen = |scope: Scope, filter: Filter| figures(&store, scope, &filter, By::Day).1.sums.paid_fen;
        let today = day_of(NOW);
        assert_eq!(fen(scope, everything()), 600);
        assert_eq!(fen(scope, Filter { from: today, to: today + 1, ..everything() }), 300);
        assert_eq!(fen(scope, Filter { account: Some(second), ..everything() }), 300);
        assert_eq!(fen(scope, Filter { item: Some("700002".into()), ..everything() }), 200);
        assert_eq!(fen(rival, everything()), 0);
        let (rows, total) = figures(&store, scope, &everything(), By::Account);
        let named: Vec<_> = rows.iter().map(|row| (row.name.as_deref().unwrap(), row.sums.paid)).collect();
        assert_eq!(named, [("shop", 2), ("second", 1)]);
        assert_eq!(total.rows, 2);
        let page = move |conn: &mut _| {
            sales_figures::page(conn, &scope, &everything(), By::Item, Page { offset: 1, limit: 1 })
        };
        let (rows, total) = store.read_blocking(page).unwrap();
        assert_eq!((rows[0].item.as_ref().map(ItemId::as_str), total.rows), (Some("700002"), 3));
    });
}

/// They outlive the orders, and go with their account.
#[test]
fn figures_stay_when_orders_go_and_go_with_their_account() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let order = OrderId::from("2500000000000000001");
        tell(&store, account, detail(&order, "700001", TradeState::Completed, Some(100)), NOW);
        let later = NOW + 24 * HOUR * 400;
        let cutoffs = Cutoffs {
            now: later,
            messages: NOW + HOUR,
            decisions: later,
            notices: later,
            figures: later,
            overlap: HOUR,
        };
        for kind in Kind::ALL {
            store
                .write_blocking(move |conn| retention::remove_some(conn, kind, Timestamp(0), &cutoffs).map(drop))
                .unwrap();
        }
        let left = |table| count(&mut database.raw(), table);
        assert_eq!([left("orders"), left("sales_counted"), left("sales_figures")], [0, 0, 1]);
        assert_eq!(figures(&store, scope, &everything(), By::Day).1.sums.completed_fen, 100);
        store.write_blocking(move |conn| accounts::delete(conn, &scope, account).map(drop)).unwrap();
        assert_eq!(left("sales_figures"), 0);
    });
}
