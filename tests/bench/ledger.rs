//! What a piece of stock costs the database: reserved for an order, then sent and confirmed, each step with its line in the chain.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up may stop")]

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use yutang::{
    access::role::Role,
    delivery::{card::Kind, unit::UnitState},
    ids::{CardId, Timestamp, UnitId},
    store::{
        Config, DbConn, Keys, QueryResult, Scope, Store,
        cards::{self, NewCard},
        units::{self, Duplicates, Sealer},
        users::{self, NewUser},
    },
};

const NOW: Timestamp = Timestamp(1_760_000_000_000);

/// Pieces of one measurement: as many as one transaction claims.
const PIECES: usize = 100;

/// A pool with so much stock that it never runs out.
fn open(folder: &tempfile::TempDir) -> (Store, CardId) {
    let store = Store::open(&Config::new(folder.path().join("y.db").to_str().unwrap()), Keys::random()).unwrap();
    let keys = store.keys().clone();
    let make = move |conn: &mut _| {
        let user = NewUser {
            name: "u".into(),
            password_hash: String::new(),
            role: Role::Owner,
            employer: None,
            email: None,
            created_at: NOW,
        };
        let owner = users::insert(conn, &user)?.unwrap();
        let card = NewCard::new("pool", Kind::Pool);
        Ok((owner, cards::insert(conn, &keys, &Scope::owner(owner), &card, NOW)?.unwrap()))
    };
    let (owner, card) = store.write_blocking(make).unwrap();
    let sealer = Sealer::new(store.keys(), owner, card);
    for piece in 0..300 {
        let new = (0..units::PIECE).map(|code| sealer.seal(&format!("CODE-{piece}-{code}"))).collect();
        let import = move |conn: &mut _| units::import(conn, &Scope::owner(owner), card, new, Duplicates::Keep, NOW);
        store.write_blocking(import).unwrap();
    }
    (store, card)
}

fn ledger(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (store, card) = open(&folder);
    let mut group = c.benchmark_group("ledger");
    group.throughput(Throughput::Elements(PIECES as u64)).measurement_time(Duration::from_secs(5)).sample_size(20);
    let mut claim = 0_u64;
    let mut claims = move || {
        claim += PIECES as u64;
        (claim..claim + PIECES as u64).map(|claim| claim.to_string()).collect::<Vec<_>>()
    };
    let reserve = |claims: Vec<String>| {
        let reserve = move |conn: &mut DbConn| {
            let reserved = claims.into_iter().map(|claim| {
                let unit = units::reserve(conn, card, &claim, NOW)?.unwrap();
                Ok((unit.id, claim))
            });
            reserved.collect::<QueryResult<Vec<(UnitId, String)>>>()
        };
        store.write_blocking(reserve).unwrap()
    };
    group.bench_function("reserve", |bench| bench.iter_batched(&mut claims, reserve, BatchSize::PerIteration));
    group.bench_function("send_and_confirm", |bench| {
        let go = |reserved: Vec<(UnitId, String)>| {
            let go = move |conn: &mut DbConn| {
                for (unit, claim) in &reserved {
                    for state in [UnitState::Sent, UnitState::Confirmed] {
                        assert!(units::advance(conn, *unit, claim, state, NOW)?);
                    }
                }
                Ok(())
            };
            store.write_blocking(go).unwrap();
        };
        bench.iter_batched(|| reserve(claims()), go, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, ledger);
criterion_main!(benches);
