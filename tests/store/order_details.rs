//! What is known of an order besides the gateway's word, what a person decides about it, and whether the next one would be served.

use std::collections::HashMap;

use yutang::{
    delivery::{
        choice::Choice,
        readiness::{Lack, Verdict},
        review::Reason,
        step::Unit,
        unit::UnitState,
    },
    ids::{OrderId, Timestamp},
    order::status::Status,
    store::{
        Page, Scope, StoreError, accounts, deliveries, items,
        items::ItemRow,
        order_actions::Action,
        order_details::{self, Summary},
        orders, readiness,
        readiness::Filter,
        reviews::{self, Decided},
    },
};

use crate::{
    access::deliver,
    harness::{NOW, add_user, on_each_database, with_account},
};

const SECOND: Timestamp = Timestamp(NOW.0 + 1000);

fn order() -> OrderId {
    "2500000000000000009".into()
}

#[test]
fn an_order_shows_what_became_of_it_to_its_owner_alone() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        deliver(&store, scope, account);
        let rival = Scope::owner(add_user(&store, "rival"));
        let read = move |conn: &mut _| order_details::get(conn, &scope, account, &order());
        let details = store.read_blocking(read).unwrap();
        assert_eq!(details.summary.units, HashMap::from([(Unit::Reserved, 1)]));
        assert_eq!((details.summary.wanted, &details.summary.waits_for[..]), (Some(1), &[Reason::Uncertain][..]));
        let moves: Vec<_> = details.moves.iter().map(|step| (step.unit, step.to)).collect();
        assert_eq!(moves, [(1, UnitState::Reserved)]);
        assert_eq!((details.units.len(), details.messages.len(), details.told.len()), (1, 1, 1));
        assert_eq!(details.changes.iter().map(|change| change.to).collect::<Vec<_>>(), [Status::PendingShip]);
        assert_eq!(details.actions.iter().map(|action| action.kind).collect::<Vec<_>>(), [Action::ByHand]);

        let theirs = move |conn: &mut _| order_details::get(conn, &rival, account, &order());
        assert_eq!(store.read_blocking(theirs), Err(StoreError::NotFound));
        let row = details.order;
        let seen = move |conn: &mut _| {
            let rows = [row];
            let summaries = order_details::summaries(conn, &rival, &rows)?;
            Ok((summaries, order_details::in_doubt(conn, &rival, account, &order())?))
        };
        assert_eq!(store.read_blocking(seen).unwrap(), (vec![Summary::default()], Vec::new()));
    });
}

#[test]
fn a_decision_is_kept_once_also_where_it_healed_what_it_was_about() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        deliver(&store, scope, account);
        let decide = move |conn: &mut _| {
            let filter = reviews::Filter { open: Some(true), ..reviews::Filter::default() };
            let review = reviews::page(conn, &scope, &filter, Page::first(1))?.0.remove(0);
            reviews::heal(conn, account, &order(), &[Reason::Uncertain], SECOND)?;
            let decided = |since| Decided { choice: Choice::Arrived, by: "seller", note: "他收到了", since };
            let late = reviews::close(conn, &scope, review.id, &decided(Timestamp(SECOND.0 + 1)), SECOND)?;
            let first = reviews::close(conn, &scope, review.id, &decided(SECOND), SECOND)?;
            let second = reviews::close(conn, &scope, review.id, &decided(SECOND), SECOND)?;
            Ok((late, first, second, reviews::get(conn, &scope, review.id)?))
        };
        let (late, first, second, row) = store.write_blocking(decide).unwrap();
        assert_eq!((late, first, second), (false, true, false));
        let told = (row.resolution.as_deref(), row.closed_by.as_deref(), row.note.as_deref());
        assert_eq!(told, (Some("arrived"), Some("seller"), Some("他收到了")));
    });
}

#[test]
fn what_an_item_lacks_is_asked_for_its_account_alone() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        deliver(&store, scope, account);
        let rival = Scope::owner(add_user(&store, "rival"));
        let put = move |conn: &mut _| {
            let seller = accounts::get(conn, &scope, account)?.uid;
            for item in ["900000000009", "900000000010"] {
                let row =
                    ItemRow {
                        account, item: item.into(), seller: seller.clone(), title: "卡".into(), fetched_at: NOW
                    };
                items::put(conn, &row)?;
            }
            deliveries::drop_rejected(conn, account, &order(), NOW)?;
            orders::look_at_open(conn, account, NOW)
        };
        store.write_blocking(put).unwrap();
        let ask = |scope: Scope, verdict: Option<Verdict>| {
            let filter = Filter { verdict, ..Filter::default() };
            store.read_blocking(move |conn| readiness::page(conn, &scope, &filter, Page::first(10))).unwrap()
        };
        let (all, total) = ask(scope, None);
        assert_eq!(total, 2);
        let lacks: Vec<Vec<Lack>> = all
            .iter()
            .map(|judged| judged.readiness.variants[0].missed.iter().map(|missed| missed.lack).collect())
            .collect();
        assert_eq!(lacks, [vec![Lack::OutOfStock], vec![Lack::NoRule]], "the only piece is claimed");
        assert_eq!(all[0].readiness.missed, [Lack::NotConnected]);
        assert_eq!((ask(scope, Some(Verdict::NotReady)).1, ask(scope, Some(Verdict::Ready)).1), (2, 0));
        assert_eq!(ask(rival, None), (Vec::new(), 0));
    });
}
