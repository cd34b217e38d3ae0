//! Challenges: one open row an account, seen by its owner alone, and gone a month after it is over.

use std::time::Duration;

use yutang::{
    captcha::challenge::{State, Trouble},
    ids::{AccountId, ChallengeId, Timestamp},
    store::{
        DbConn, Keys, Page, QueryResult, Scope, StoreError,
        challenges::{self, Filter, New},
        retention::{self, Cutoffs, Kind},
    },
};

use crate::harness::{NOW, add_account, add_user, on_each_database};

const LIFE: Duration = Duration::from_mins(10);

fn demand(keys: &Keys, number: u8, account: AccountId, url: &str, now: Timestamp) -> New {
    let url = keys.seal(&challenges::url_place(account), url);
    New { id: ChallengeId::of([number; 32]), account, url, expires_at: now + LIFE }
}

/// One that is open.
pub fn fill(conn: &mut DbConn, account: AccountId) -> QueryResult<()> {
    let random = [u8::try_from(account.0 % 250).unwrap(); 32];
    let new = New { id: ChallengeId::of(random), ..demand(&Keys::random(), 1, account, "https://x/", NOW) };
    challenges::open(conn, &new, NOW).map(drop)
}

#[test]
fn an_account_has_one_open_challenge_and_a_newer_demand_moves_into_it() {
    on_each_database(|database| {
        let store = database.open();
        let owner = add_user(&store, "seller");
        let account = add_account(&store, owner, "shop", "2200000000001");
        let (scope, keys) = (Scope::owner(owner), store.keys().clone());
        let check = move |conn: &mut DbConn| {
            let first = challenges::open(conn, &demand(&keys, 1, account, "https://one/", NOW), NOW)?;
            assert!(challenges::mark_shown(conn, &first, "alice", NOW)?);
            let later = NOW + Duration::from_mins(1);
            let same = challenges::open(conn, &demand(&keys, 2, account, "https://two/", later), later)?;
            assert_eq!(same, first, "its link stays good");
            let found = challenges::find_demand(conn, &first)?.unwrap();
            let url = keys.open(&challenges::url_place(account), &found.url).unwrap();
            assert_eq!((url.expose(), found.state, found.expires_at), ("https://two/", State::Shown, later + LIFE));

            // Once it is over, the next demand is another one.
            assert!(challenges::end(conn, &first, State::Failed, Some(Trouble::Memory), later)?);
            assert!(!challenges::end(conn, &first, State::Passed, None, later)?, "what is over stays so");
            assert!(!challenges::mark_shown(conn, &first, "bob", later)?);
            let second = challenges::open(conn, &demand(&keys, 3, account, "https://three/", later), later)?;
            assert_ne!(second, first);
            assert_eq!(challenges::latest(conn, account, NOW)?, Some(second.clone()));

            // One that was forgotten is expired by the next demand.
            let much_later = later + LIFE;
            let third = challenges::open(conn, &demand(&keys, 4, account, "https://four/", much_later), much_later)?;
            let rows = challenges::page(conn, &scope, &Filter::default(), Page::first(9))?;
            let states: Vec<_> = rows.0.iter().map(|row| (row.id.clone(), row.state, row.trouble)).collect();
            assert_eq!(
                states,
                [
                    (third, State::Open, None),
                    (second, State::Expired, None),
                    (first.clone(), State::Failed, Some(Trouble::Memory))
                ]
            );
            assert_eq!(rows.0[2].opened_by.as_deref(), Some("alice"));
            let open = Filter { open: Some(true), account: Some(account), state: Some(State::Open) };
            assert_eq!(challenges::page(conn, &scope, &open, Page::first(9))?.1, 1);
            Ok(())
        };
        store.write_blocking(check).unwrap();
    });
}

/// S11: somebody else's challenge is as little there as one that never was.
#[test]
fn s11_a_challenge_is_its_owners() {
    on_each_database(|database| {
        let store = database.open();
        let (owner, rival) = (add_user(&store, "seller"), add_user(&store, "rival"));
        let account = add_account(&store, owner, "shop", "2200000000001");
        let keys = store.keys().clone();
        let new = demand(&keys, 1, account, "https://one/", NOW);
        let id = store.write_blocking(move |conn| challenges::open(conn, &new, NOW)).unwrap();
        let get = |scope: Scope, id: ChallengeId| store.read_blocking(move |conn| challenges::get(conn, &scope, &id));
        assert_eq!(get(Scope::owner(owner), id.clone()).map(|row| row.account_name), Ok("shop".to_owned()));
        assert_eq!(get(Scope::owner(rival), id.clone()), Err(StoreError::NotFound));
        assert_eq!(get(Scope::owner(owner), ChallengeId::of([9; 32])), Err(StoreError::NotFound));
        let listed = store.read_blocking(move |conn| {
            challenges::page(conn, &Scope::owner(rival), &Filter::default(), Page::first(9))
        });
        assert_eq!(listed, Ok((Vec::new(), 0)));
    });
}

#[test]
fn a_challenge_goes_a_month_after_it_is_over() {
    on_each_database(|database| {
        let store = database.open();
        let owner = add_user(&store, "seller");
        let account = add_account(&store, owner, "shop", "2200000000001");
        let keys = store.keys().clone();
        let check = move |conn: &mut DbConn| {
            let old = challenges::open(conn, &demand(&keys, 1, account, "https://one/", NOW), NOW)?;
            challenges::end(conn, &old, State::Passed, None, NOW)?;
            challenges::open(conn, &demand(&keys, 2, account, "https://two/", NOW), NOW)?;
            let removed = |conn: &mut DbConn, now| {
                let ago = Timestamp(0);
                let cutoffs =
                    Cutoffs { now, messages: ago, decisions: ago, notices: ago, figures: ago, overlap: Duration::ZERO };
                retention::remove_some(conn, Kind::Challenges, ago, &cutoffs).map(|batch| batch.removed)
            };
            let month = Duration::from_hours(24 * 30);
            assert_eq!(removed(conn, NOW + month)?, 0);
            assert_eq!(removed(conn, NOW + month + LIFE)?, 1);
            assert_eq!(challenges::all_open(conn)?.len(), 1, "what is open stays");
            Ok(())
        };
        store.write_blocking(check).unwrap();
    });
}
