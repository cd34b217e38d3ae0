//! What deliveries give: whose it is, what it is made of, and what keeps it.

use diesel::connection::SimpleConnection;
use yutang::{
    delivery::{
        card::{Content, Kind},
        unit::UnitState::{Confirmed, Returned, Sent, Void},
    },
    ids::{CardId, UserId},
    store::{
        Page, Scope, Store,
        cards::{self, Card, Filter, NewCard, NotSaved, Uses},
        units,
    },
};

use crate::{
    harness::{NOW, add_user, holds, on_each_database},
    units::{import, new_pool, pool},
};

pub fn text(name: &str, text: &str) -> NewCard {
    let content = Some(Content::Text { text: text.to_owned() });
    NewCard { kind: Kind::Text, content, ..new_pool(name) }
}

fn combination(name: &str, parts: &[CardId]) -> NewCard {
    NewCard { kind: Kind::Combination, parts: parts.to_vec(), ..new_pool(name) }
}

pub fn insert(store: &Store, scope: Scope, new: NewCard) -> Result<CardId, NotSaved> {
    let keys = store.keys().clone();
    store.write_blocking(move |conn| cards::insert(conn, &keys, &scope, &new, NOW)).unwrap()
}

fn replace(store: &Store, scope: Scope, id: CardId, new: NewCard) -> Result<(), NotSaved> {
    let keys = store.keys().clone();
    store.write_blocking(move |conn| cards::replace(conn, &keys, &scope, id, &new, NOW)).unwrap()
}

fn list(store: &Store, scope: Scope, filter: Filter) -> Vec<String> {
    let read = move |conn: &mut _| cards::page(conn, &scope, &filter, Page::first(10));
    let (rows, total) = store.read_blocking(read).unwrap();
    assert_eq!(total, i64::try_from(rows.len()).unwrap());
    rows.into_iter().map(|card| card.name).collect()
}

fn delete(store: &Store, scope: Scope, id: CardId) -> Result<Card, Uses> {
    store.write_blocking(move |conn| cards::delete(conn, &scope, id, NOW)).unwrap()
}

fn two_sellers(store: &Store) -> (Scope, Scope) {
    (Scope::owner(add_user(store, "seller")), Scope::owner(add_user(store, "rival")))
}

#[test]
fn what_a_card_keeps_is_sealed_and_given_to_its_owners_deliveries_alone() {
    on_each_database(|database| {
        let store = database.open();
        let (seller, rival) = two_sellers(&store);
        let id = insert(&store, seller, text("manual", "planted-secret")).unwrap();
        let find = |owner: UserId| store.read_blocking(move |conn| cards::for_delivery(conn, owner, id)).unwrap();
        let card = find(seller.user()).unwrap();
        assert_eq!((card.id, card.kind, card.enabled, card.parts.len()), (id, Kind::Text, true, 0));
        let content = card.content(store.keys()).unwrap();
        assert_eq!(content, Some(Content::Text { text: "planted-secret".to_owned() }));
        assert!(find(rival.user()).is_none());
        assert!(!format!("{card:?}").contains("planted"));
        assert!(!holds(&mut database.raw(), "cards", "content", "planted"));
    });
}

/// D18: the predecessor checked names only when a card was made.
#[test]
fn d18_a_cards_name_is_unique_for_its_owner_also_after_a_change() {
    on_each_database(|database| {
        let store = database.open();
        let (seller, rival) = two_sellers(&store);
        let first = insert(&store, seller, text("one", "1")).unwrap();
        let second = insert(&store, seller, text("two", "2")).unwrap();
        assert_eq!(insert(&store, seller, text("one", "3")), Err(NotSaved::NameTaken));
        assert_eq!(replace(&store, seller, second, text("one", "2")), Err(NotSaved::NameTaken));
        assert_eq!(replace(&store, seller, first, text("one", "new")), Ok(()));
        assert!(insert(&store, rival, text("one", "other")).is_ok());
        assert_eq!(list(&store, seller, Filter::default()), ["one", "two"]);
    });
}

#[test]
fn cards_are_found_by_kind_state_and_a_piece_of_their_names() {
    on_each_database(|database| {
        let store = database.open();
        let (seller, _) = two_sellers(&store);
        insert(&store, seller, text("Manual", "1")).unwrap();
        insert(&store, seller, NewCard { enabled: false, ..new_pool("keys 100%") }).unwrap();
        let of = |filter: Filter| list(&store, seller, filter);
        assert_eq!(of(Filter { kind: Some(Kind::Text), ..Filter::default() }), ["Manual"]);
        assert_eq!(of(Filter { enabled: Some(false), ..Filter::default() }), ["keys 100%"]);
        assert_eq!(of(Filter { text: Some("mAN".into()), ..Filter::default() }), ["Manual"]);
        assert_eq!(of(Filter { text: Some("%".into()), ..Filter::default() }), ["keys 100%"]);
        assert_eq!(list(&store, Scope::member(seller.user(), seller.user()), Filter::default()), [""; 0]);
    });
}

#[test]
fn a_combination_is_made_of_the_owners_cards_that_are_none() {
    on_each_database(|database| {
        let store = database.open();
        let (seller, rival) = two_sellers(&store);
        let [one, two] = ["one", "two"].map(|name| insert(&store, seller, text(name, "t")).unwrap());
        let foreign = insert(&store, rival, text("one", "t")).unwrap();
        let both = insert(&store, seller, combination("both", &[two, one, two])).unwrap();
        let owner = seller.user();
        let find = |id| store.read_blocking(move |conn| cards::for_delivery(conn, owner, id)).unwrap().unwrap();
        assert_eq!(find(both).parts, [two, one, two], "in the order it was given");
        assert_eq!(insert(&store, seller, combination("c", &[one, both])), Err(NotSaved::PartIsCombination(1)));
        assert_eq!(insert(&store, seller, combination("c", &[foreign])), Err(NotSaved::NoSuchPart(0)));
        assert_eq!(replace(&store, seller, both, combination("both", &[both])), Err(NotSaved::PartIsCombination(0)));
        assert_eq!(replace(&store, seller, both, combination("both", &[one])), Ok(()));
        assert_eq!(find(both).parts, [one]);
        assert_eq!(replace(&store, rival, both, combination("both", &[])), Err(NotSaved::NotFound));
    });
}

/// T11: the predecessor's rules could name another user's cards. Here the database itself refuses.
#[test]
fn t11_nothing_can_point_at_a_card_of_another_owner() {
    on_each_database(|database| {
        let store = database.open();
        let (seller, rival) = two_sellers(&store);
        let own = insert(&store, seller, combination("all", &[])).unwrap();
        let foreign = insert(&store, rival, text("one", "t")).unwrap();
        let mut raw = database.raw();
        let mut refused = |sql: String| assert!(raw.batch_execute(&sql).is_err(), "{sql}");
        for owner in [seller, rival].map(|scope| scope.user()) {
            refused(format!(
                "INSERT INTO card_parts (owner_id, card_id, position, part_id) VALUES ({owner}, {own}, 0, {foreign})"
            ));
            let unit = "(owner_id, card_id, state, content, fingerprint, duplicate, imported_at, changed_at)";
            let other = if owner == seller.user() { foreign } else { own };
            refused(format!("INSERT INTO units {unit} VALUES ({owner}, {other}, 'free', 'x', 'x', false, 0, 0)"));
        }
    });
}

#[test]
fn a_card_that_something_needs_stays_and_says_what() {
    on_each_database(|database| {
        let store = database.open();
        let (seller, rival) = two_sellers(&store);
        let card = pool(&store, seller, "codes");
        import(&store, seller, card, &["A", "B"]);
        let combined = insert(&store, seller, combination("both", &[card])).unwrap();
        assert_eq!(delete(&store, seller, card).unwrap_err().combinations, ["both"]);
        assert!(delete(&store, seller, combined).is_ok());

        let unit = store.write_blocking(move |conn| units::reserve(conn, card, "c", NOW)).unwrap().unwrap().id;
        assert_eq!(delete(&store, seller, card), Err(Uses { claimed: 1, ..Uses::default() }));
        let go = |to| store.write_blocking(move |conn| units::advance(conn, unit, "c", to, NOW)).unwrap();
        assert!(go(Sent) && go(Confirmed) && go(Returned) && go(Void));
        assert_eq!(delete(&store, seller, card), Err(Uses { given: 1, ..Uses::default() }));

        let unused = pool(&store, seller, "unused");
        import(&store, seller, unused, &["C"]);
        assert!(store.write_blocking(move |conn| cards::delete(conn, &rival, unused, NOW)).is_err());
        assert!(delete(&store, seller, unused).is_ok());
        assert_eq!(list(&store, seller, Filter::default()), ["codes"]);
    });
}
