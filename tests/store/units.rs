//! Stock and its log.

use diesel::connection::SimpleConnection;
use yutang::{
    delivery::{
        card::Kind,
        chain::Walk,
        unit::UnitState::{self, Confirmed, Free, Reserved, Returned, Sent, Uncertain, Void},
    },
    ids::{CardId, Timestamp, UnitId},
    store::{
        Keys, Scope, Store,
        cards::{self, NewCard},
        notify_sources,
        units::{self, Duplicates, Imported, Sealer},
    },
};

use crate::{
    cards::insert,
    harness::{Database, NOW, add_user, holds, number, on_each_database},
};

pub fn new_pool(name: &str) -> NewCard {
    NewCard::new(name, Kind::Pool)
}

pub fn pool(store: &Store, scope: Scope, name: &str) -> CardId {
    insert(store, scope, new_pool(name)).unwrap()
}

pub fn import(store: &Store, scope: Scope, card: CardId, lines: &[&str]) -> Imported {
    import_with(store, scope, card, lines, Duplicates::Skip)
}

fn import_with(store: &Store, scope: Scope, card: CardId, lines: &[&str], duplicates: Duplicates) -> Imported {
    let sealer = Sealer::new(store.keys(), scope.user(), card);
    let new = lines.iter().map(|line| sealer.seal(line)).collect();
    store.write_blocking(move |conn| units::import(conn, &scope, card, new, duplicates, NOW)).unwrap()
}

fn reserve(store: &Store, card: CardId, claim: &str) -> Option<(UnitId, String)> {
    let claim = claim.to_owned();
    let unit = store.write_blocking(move |conn| units::reserve(conn, card, &claim, NOW)).unwrap()?;
    Some((unit.id, unit.open(store.keys()).unwrap().expose().to_owned()))
}

fn advance(store: &Store, unit: UnitId, claim: &str, to: UnitState) -> bool {
    let claim = claim.to_owned();
    store.write_blocking(move |conn| units::advance(conn, unit, &claim, to, Timestamp(NOW.0 + 1))).unwrap()
}

fn counts(store: &Store, scope: Scope, card: CardId) -> Vec<(UnitState, i64)> {
    let counts = store.read_blocking(move |conn| units::counts(conn, &scope, &[card])).unwrap();
    let counts = counts.get(&card).copied().unwrap_or_default();
    UnitState::ALL.into_iter().map(|state| (state, counts.of(state))).filter(|(_, count)| *count > 0).collect()
}

/// What is wrong with the log of a card: where it breaks, and which units are not what it says.
fn faults(store: &Store, card: CardId) -> (Option<i64>, Vec<UnitId>) {
    let (log, astray) = store
        .read_blocking(move |conn| Ok((units::log_after(conn, card, 0, 1000)?, units::astray(conn, card)?)))
        .unwrap();
    let mut walk = Walk::default();
    let broken = log.iter().find_map(|(link, hash)| walk.step(link, hash).err());
    (broken.map(|broken| broken.number), astray)
}

fn with_pool(database: &Database) -> (Store, Scope, CardId) {
    let store = database.open();
    let scope = Scope::owner(add_user(&store, "seller"));
    let card = pool(&store, scope, "codes");
    (store, scope, card)
}

/// D2: the predecessor took a line out of the stock before it was sent, and could not say who had it.
#[test]
fn d2_a_unit_is_reserved_sent_confirmed_and_each_step_is_logged() {
    on_each_database(|database| {
        let (store, scope, card) = with_pool(database);
        import(&store, scope, card, &["first", "second"]);
        let (unit, content) = reserve(&store, card, "c1").unwrap();
        assert_eq!(content, "first", "the oldest is sold first");
        assert_eq!(counts(&store, scope, card), [(Free, 1), (Reserved, 1)]);
        assert!(advance(&store, unit, "c1", Sent));
        assert!(advance(&store, unit, "c1", Confirmed));
        assert_eq!(counts(&store, scope, card), [(Free, 1), (Confirmed, 1)]);
        let log = store.read_blocking(move |conn| units::log_after(conn, card, 2, 10)).unwrap();
        let steps: Vec<_> = log.iter().map(|(link, _)| (link.from, link.to, link.claim.as_deref())).collect();
        let of = Some("c1");
        assert_eq!(steps, [(Some(Free), Reserved, of), (Some(Reserved), Sent, of), (Some(Sent), Confirmed, of)]);
        assert_eq!(faults(&store, card), (None, vec![]));
    });
}

#[test]
fn a_unit_goes_on_only_for_who_has_it_and_only_where_it_may() {
    on_each_database(|database| {
        let (store, scope, card) = with_pool(database);
        import(&store, scope, card, &["first"]);
        let (unit, _) = reserve(&store, card, "c1").unwrap();
        assert_eq!(reserve(&store, card, "c2"), None, "there is none left");
        assert!(!advance(&store, unit, "c2", Sent), "somebody else has it");
        assert!(!advance(&store, unit, "c1", Confirmed), "it was never sent");
        assert!(!advance(&store, UnitId(unit.0 + 9), "c1", Sent), "there is no such unit");
        assert!(advance(&store, unit, "c1", Free));
        assert!(!advance(&store, unit, "c1", Reserved), "nobody has it any more");
        assert_eq!(reserve(&store, card, "c3").unwrap().0, unit);
        assert!(advance(&store, unit, "c3", Sent));
        assert!(!advance(&store, unit, "c3", Free), "the buyer may have seen it");
        assert!(advance(&store, unit, "c3", Uncertain));
        assert!(advance(&store, unit, "c3", Void));
        assert_eq!(counts(&store, scope, card), [(Void, 1)]);
        assert_eq!(faults(&store, card), (None, vec![]));
    });
}

#[test]
fn a_line_that_was_imported_before_is_left_out_or_marked() {
    on_each_database(|database| {
        let (store, scope, card) = with_pool(database);
        let other = pool(&store, scope, "others");
        let imported = |added, duplicates| Imported { added, duplicates };
        assert_eq!(import(&store, scope, card, &["planted", "B", "planted"]), imported(2, 1));
        assert_eq!(import(&store, scope, other, &["B", "C"]), imported(1, 1), "into any card of the owner's");
        assert_eq!(import_with(&store, scope, other, &["planted", "D"], Duplicates::Keep), imported(2, 1));
        assert_eq!(counts(&store, scope, card), [(Free, 2)]);
        assert_eq!(counts(&store, scope, other), [(Free, 3)]);
        let rival = Scope::owner(add_user(&store, "rival"));
        let foreign = pool(&store, rival, "codes");
        assert_eq!(import(&store, rival, foreign, &["planted"]), imported(1, 0), "nothing is said about others' stock");
        assert!(!holds(&mut database.raw(), "units", "content", "planted"));
        let prints = "SELECT count(DISTINCT fingerprint) AS number FROM units";
        assert_eq!(number(&mut database.raw(), prints), 5, "nobody sees that two owners have the same");
    });
}

/// T1, of stock: what is reserved comes from this card, and only its owner puts something into it.
#[test]
fn t1_stock_is_the_owners_alone() {
    on_each_database(|database| {
        let (store, scope, card) = with_pool(database);
        import(&store, scope, card, &["A"]);
        let rival = Scope::owner(add_user(&store, "rival"));
        let own = pool(&store, rival, "codes");
        assert_eq!(reserve(&store, own, "c1"), None);
        let new = vec![Sealer::new(store.keys(), rival.user(), card).seal("planted")];
        let import = move |conn: &mut _| units::import(conn, &rival, card, new, Duplicates::Skip, NOW);
        assert!(store.write_blocking(import).is_err());
        assert_eq!(counts(&store, rival, card), []);
        assert_eq!(counts(&store, scope, card), [(Free, 1)]);
    });
}

#[test]
fn a_sealed_unit_opens_only_as_what_it_was_imported_as() {
    on_each_database(|database| {
        let (store, scope, card) = with_pool(database);
        import(&store, scope, card, &["A", "B"]);
        let mut raw = database.raw();
        raw.batch_execute("UPDATE units SET content = (SELECT content FROM units ORDER BY id LIMIT 1)").unwrap();
        let claim = |claim: &'static str| move |conn: &mut _| units::reserve(conn, card, claim, NOW);
        let first = store.write_blocking(claim("c1")).unwrap().unwrap();
        assert_eq!(first.open(store.keys()).unwrap().expose(), "A");
        assert!(first.open(&Keys::random()).is_err());
        let second = store.write_blocking(claim("c2")).unwrap().unwrap();
        assert!(second.open(store.keys()).is_err(), "two rows would give the same code");
    });
}

/// What was made void by mistake is free again, as a step of its own; what a buyer may have seen is not.
#[test]
fn a_void_unit_is_taken_back_by_a_person_where_no_buyer_can_have_seen_it() {
    on_each_database(|database| {
        let (store, scope, card) = with_pool(database);
        import(&store, scope, card, &["unseen", "seen"]);
        let decide = |unit: UnitId, to: UnitState| {
            let decide = move |conn: &mut _| units::decide(conn, &scope, unit, to, Timestamp(NOW.0 + 2));
            store.write_blocking(decide).unwrap().map(|unit| unit.state)
        };
        let (unseen, _) = reserve(&store, card, "c1").unwrap();
        assert!(advance(&store, unseen, "c1", Free), "it was reserved, and never sent");
        assert_eq!((decide(unseen, Void), decide(unseen, Void)), (Ok(Void), Err(Void)));
        assert!(!advance(&store, unseen, "c1", Free), "no order takes this way");
        assert_eq!(decide(unseen, Free), Ok(Free));
        assert_eq!(counts(&store, scope, card), [(Free, 2)]);
        assert!(store.read_blocking(units::sums).unwrap()[0].is_right());
        let log = store.read_blocking(move |conn| units::log_after(conn, card, 4, 10)).unwrap();
        let steps: Vec<_> = log.iter().map(|(link, _)| (link.from, link.to, link.claim.as_deref())).collect();
        assert_eq!(steps, [(Some(Free), Void, None), (Some(Void), Free, None)]);
        assert_eq!(reserve(&store, card, "c2").unwrap().0, unseen, "it is sold as if nothing had been");

        let (seen, _) = reserve(&store, card, "c3").unwrap();
        assert!([Sent, Confirmed, Returned].into_iter().all(|to| advance(&store, seen, "c3", to)));
        assert_eq!((decide(seen, Free), decide(seen, Void), decide(seen, Free)), (Ok(Free), Ok(Void), Err(Void)));
        let sent = store.read_blocking(move |conn| units::ever_sent(conn, &[unseen, seen])).unwrap();
        assert_eq!(sent.into_iter().collect::<Vec<_>>(), [seen]);
        assert_eq!(counts(&store, scope, card), [(Reserved, 1), (Void, 1)]);
        assert!(store.read_blocking(units::sums).unwrap()[0].is_right());
        assert_eq!(faults(&store, card), (None, vec![]));
    });
}

/// D19, the stock of it: the figures are what was imported, whatever happened since.
#[test]
fn d19_the_states_of_a_cards_units_add_up_to_what_was_imported() {
    on_each_database(|database| {
        let (store, scope, card) = with_pool(database);
        import(&store, scope, card, &["1", "2", "3", "4", "5", "6"]);
        let paths: [&[UnitState]; 4] =
            [&[Sent, Confirmed], &[Sent, Uncertain], &[Sent, Confirmed, Returned, Void], &[Free]];
        for (place, path) in paths.iter().enumerate() {
            let claim = format!("c{place}");
            let (unit, _) = reserve(&store, card, &claim).unwrap();
            assert!(path.iter().all(|to| advance(&store, unit, &claim, *to)));
        }
        let sum = || store.read_blocking(units::sums).unwrap()[0];
        assert!(sum().is_right());
        assert_eq!((sum().card, sum().imported), (card, 6));
        assert_eq!(counts(&store, scope, card), [(Free, 3), (Confirmed, 1), (Uncertain, 1), (Void, 1)]);
        database.raw().batch_execute("DELETE FROM units WHERE state = 'confirmed'").unwrap();
        assert!(!sum().is_right());
    });
}

/// D19: a pool runs low once, until there is enough again; one that is being set up does not.
#[test]
fn d19_a_pool_that_runs_low_is_told_until_there_is_enough() {
    on_each_database(|database| {
        let store = database.open();
        let scope = Scope::owner(add_user(&store, "seller"));
        let card = insert(&store, scope, NewCard { low_stock: Some(2), ..new_pool("codes") }).unwrap();
        let lines = || store.read_blocking(notify_sources::stock).unwrap();
        let state = || lines().first().map(|line| (line.left, line.low_since.is_some()));
        assert_eq!(state(), None, "nothing was imported yet");
        import(&store, scope, card, &["A", "B"]);
        assert_eq!(state(), None);
        reserve(&store, card, "c1").unwrap();
        assert_eq!(state(), Some((Some(1), false)));
        let mark = |since| store.write_blocking(move |conn| cards::mark_low(conn, card, since)).unwrap();
        mark(Some(NOW));
        assert_eq!(state(), Some((Some(1), true)));
        import(&store, scope, card, &["C"]);
        assert_eq!(state(), Some((None, true)), "there is enough");
        mark(None);
        assert_eq!(state(), None);
    });
}

#[test]
fn whoever_tampers_with_stock_or_its_log_is_found() {
    on_each_database(|database| {
        let (store, scope, card) = with_pool(database);
        import(&store, scope, card, &["A", "B"]);
        let (unit, _) = reserve(&store, card, "c1").unwrap();
        assert!(advance(&store, unit, "c1", Sent));
        let tampered = |sql: &str, undo: &str| {
            database.raw().batch_execute(sql).unwrap();
            let found = faults(&store, card);
            database.raw().batch_execute(undo).unwrap();
            assert_eq!(faults(&store, card), (None, vec![]), "undone: {undo}");
            found
        };
        let event = |set: &str, was: &str| {
            let of = "WHERE number = 3";
            tampered(&format!("UPDATE unit_events SET {set} {of}"), &format!("UPDATE unit_events SET {was} {of}")).0
        };
        assert_eq!(event("to_state = 'void'", "to_state = 'reserved'"), Some(3));
        assert_eq!(event("claim = 'c2'", "claim = 'c1'"), Some(3));
        assert_eq!(event("at = at + 1", "at = at - 1"), Some(3));

        let unit_is = |set: &str, was: &str| {
            let of = format!("WHERE id = {unit}");
            tampered(&format!("UPDATE units SET {set} {of}"), &format!("UPDATE units SET {was} {of}"))
        };
        assert_eq!(unit_is("state = 'free'", "state = 'sent'"), (None, vec![unit]));
        assert_eq!(unit_is("claim = NULL", "claim = 'c1'"), (None, vec![unit]));
        assert_eq!(unit_is("changed_at = changed_at - 1", "changed_at = changed_at + 1"), (None, vec![unit]));

        let swap = "UPDATE unit_events SET number = 9 WHERE number = 3; UPDATE unit_events SET number = 3 WHERE number = 4; \
             UPDATE unit_events SET number = 4 WHERE number = 9";
        assert_eq!(tampered(swap, swap).0, Some(3), "moved");

        let mut raw = database.raw();
        raw.batch_execute("DELETE FROM unit_events WHERE number = 4").unwrap();
        assert_eq!(faults(&store, card), (None, vec![unit]), "the last one is missed by its unit");
        raw.batch_execute("DELETE FROM unit_events WHERE number = 2").unwrap();
        assert_eq!(faults(&store, card).0, Some(3), "one in the middle by the next one");
        raw.batch_execute("DELETE FROM units").unwrap();
        assert_eq!(faults(&store, card).1.len(), 1, "a unit without a row");
    });
}

/// Two programs on one database are refused, but a fault there must not sell a code twice.
#[test]
fn d2_two_stores_at_once_never_reserve_the_same_unit() {
    on_each_database(|database| {
        const EACH: usize = 40;
        let (store, scope, card) = with_pool(database);
        let lines: Vec<String> = (0..2 * EACH).map(|line| format!("code {line}")).collect();
        import(&store, scope, card, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let other = database.open();
        let take = |store: &Store, name: &str| -> Vec<UnitId> {
            (0..EACH).map(|round| reserve(store, card, &format!("{name}{round}")).unwrap().0).collect()
        };
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(|| take(&store, "a"));
            let two = take(&other, "b");
            (one.join().unwrap(), two)
        });
        let mut all = [one, two].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2 * EACH);
        assert_eq!(counts(&store, scope, card), [(Reserved, i64::try_from(2 * EACH).unwrap())]);
        assert_eq!(faults(&store, card), (None, vec![]));
    });
}

/// It is stored piece by piece: what was stored before it broke off is left out when it is imported again.
#[test]
fn an_import_that_broke_off_is_finished_by_importing_it_again() {
    on_each_database(|database| {
        let (store, scope, card) = with_pool(database);
        let lines: Vec<String> = (0..units::PIECE + 5).map(|line| format!("code {line}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        import(&store, scope, card, &lines[..units::PIECE]);
        let again: Vec<Imported> = lines.chunks(units::PIECE).map(|piece| import(&store, scope, card, piece)).collect();
        let imported = |added, duplicates| Imported { added, duplicates };
        assert_eq!(again, [imported(0, units::PIECE), imported(5, 0)]);
        assert_eq!(reserve(&store, card, "c1").unwrap().1, "code 0", "in the order of the lines");
    });
}
