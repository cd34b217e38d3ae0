//! What a write and a read promise, whatever goes wrong beside them.

use std::sync::{Arc, Mutex, mpsc};

use diesel::{Connection, RunQueryDsl, connection::SimpleConnection, result::Error};
use yutang::{
    delivery::review::Reason,
    order::{
        change::{OrderChanged, OrderPart},
        notice::Mention,
    },
    store::{DbConn, Store, StoreError, facts, orders, reviews, users},
};

use crate::harness::{Database, NOW, add_user, number, on_each_database, with_account};

type Outcome = Result<(), StoreError>;
type Job = Box<dyn FnOnce(&mut DbConn) -> diesel::QueryResult<()> + Send>;

/// Runs jobs that all wait when the writer gets to them, so that they share one transaction.
fn together(store: &Store, jobs: Vec<Job>) -> Vec<Outcome> {
    let (go, gate) = mpsc::channel::<()>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let holding = store.write(move |_| {
            gate.recv().unwrap();
            Ok(())
        });
        let waiting = jobs.into_iter().map(|job| store.write(job));
        let mut all: Vec<std::pin::Pin<Box<dyn Future<Output = Outcome>>>> = vec![Box::pin(holding)];
        all.extend(waiting.map(|job| Box::pin(job) as _));
        let released = async {
            // everything has been polled once by now, so everything is queued
            go.send(()).unwrap();
        };
        let (outcomes, ()) = futures_util::join!(futures_util::future::join_all(all), released);
        outcomes.into_iter().skip(1).collect()
    })
}

fn put(key: &'static str) -> Job {
    Box::new(move |conn| facts::put(conn, key, "x"))
}

fn stored(store: &Store, key: &'static str) -> bool {
    store.read_blocking(move |conn| facts::find(conn, key)).unwrap().is_some()
}

#[test]
fn what_was_answered_is_there_after_a_reopening() {
    on_each_database(|database| {
        let store = database.open();
        store.write_blocking(|conn| facts::put(conn, "a", "1")).unwrap();
        assert!(stored(&store, "a"));
        drop(store);
        assert!(stored(&database.open(), "a"));
    });
}

#[test]
fn jobs_that_wait_share_one_transaction() {
    let Some(database) = Database::postgres() else { return };
    let store = database.open();
    let mark = |key: &'static str| -> Job {
        Box::new(move |conn| {
            let id = number(conn, "SELECT txid_current() AS number");
            facts::put(conn, key, &id.to_string())
        })
    };
    together(&store, vec![mark("a"), mark("b")]);
    let ids = store.read_blocking(|conn| Ok((facts::find(conn, "a")?, facts::find(conn, "b")?))).unwrap();
    assert!(ids.0.is_some() && ids.0 == ids.1, "{ids:?}");
}

/// What nobody could read is never told; what is told can be read.
#[test]
fn what_changed_of_an_order_is_told_once_it_is_committed() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let told: Arc<Mutex<Vec<OrderChanged>>> = Arc::default();
        let heard = Arc::clone(&told);
        store.watch_orders(move |change| heard.lock().unwrap().push(change));
        let mention = |order: &str| Mention {
            order: order.into(),
            conversation: "600001".into(),
            buyer: Some("2200000000777".into()),
            item: None,
        };
        let (kept, lost) = (mention("25"), mention("26"));
        store
            .write_blocking(move |conn| {
                orders::mention(conn, account, &kept, NOW)?;
                orders::mention(conn, account, &kept, NOW)?;
                reviews::open(conn, account, &kept.order, Reason::NoRule, None, NOW)?;
                reviews::open(conn, account, &kept.order, Reason::NoRule, Some("the same"), NOW)
            })
            .unwrap();
        let failed: Outcome = store.write_blocking(move |conn| {
            orders::mention(conn, account, &lost, NOW)?;
            Err(Error::RollbackTransaction)
        });
        assert!(failed.is_err());
        let parts = [OrderPart::Order, OrderPart::Reviews];
        let expected = parts.map(|part| OrderChanged { account, order: "25".into(), part });
        assert_eq!(*told.lock().unwrap(), expected);
    });
}

/// R6
#[test]
fn a_failing_job_leaves_nothing_and_its_neighbours_alone() {
    on_each_database(|database| {
        let store = database.open();
        let fails: Job = Box::new(|conn| {
            facts::put(conn, "half", "x")?;
            Err(Error::NotFound)
        });
        let outcomes = together(&store, vec![put("before"), fails, put("after")]);
        assert_eq!(outcomes, [Ok(()), Err(StoreError::NotFound), Ok(())]);
        assert!(stored(&store, "before") && stored(&store, "after") && !stored(&store, "half"));
    });
}

#[test]
fn a_broken_key_is_a_conflict_of_that_job_alone() {
    on_each_database(|database| {
        let store = database.open();
        add_user(&store, "taken");
        let twice: Job = Box::new(|conn| {
            let insert = "INSERT INTO users (name, password_hash, created_at) VALUES ('taken', '', 0)";
            diesel::sql_query(insert).execute(conn).map(drop)
        });
        let outcomes = together(&store, vec![put("before"), twice, put("after")]);
        assert!(matches!(&outcomes[..], [Ok(()), Err(StoreError::Conflict(_)), Ok(())]), "{outcomes:?}");
    });
}

#[test]
fn a_panicking_job_leaves_nothing_and_its_neighbours_alone() {
    on_each_database(|database| {
        let store = database.open();
        let panics: Job = Box::new(|conn| {
            facts::put(conn, "half", "x")?;
            panic!("on purpose");
        });
        let outcomes = together(&store, vec![put("before"), panics, put("after")]);
        assert_eq!(outcomes, [Ok(()), Err(StoreError::Panicked), Ok(())]);
        assert!(stored(&store, "before") && stored(&store, "after") && !stored(&store, "half"));
    });
}

#[test]
fn a_panic_inside_a_nested_transaction_fails_the_whole_commit_and_the_next_one_works() {
    on_each_database(|database| {
        let store = database.open();
        let panics: Job = Box::new(|conn| conn.transaction(|_| panic!("on purpose")));
        let outcomes = together(&store, vec![put("before"), panics]);
        assert_eq!(outcomes, [Err(StoreError::Panicked), Err(StoreError::Panicked)]);
        assert!(!stored(&store, "before"));
        store.write_blocking(put("next")).unwrap();
    });
}

#[test]
fn a_full_disk_fails_every_job_of_the_commit_and_nothing_is_half_done() {
    let database = Database::sqlite();
    let store = database.open();
    let fills: Job = Box::new(|conn| {
        let pages = number(conn, "SELECT page_count AS number FROM pragma_page_count()");
        conn.batch_execute(&format!("PRAGMA max_page_count = {pages}"))?;
        facts::put(conn, "big", &"x".repeat(100_000))
    });
    let outcomes = together(&store, vec![put("before"), fills]);
    assert_eq!(outcomes, [Err(StoreError::Full), Err(StoreError::Full)]);
    assert!(!stored(&store, "before") && !stored(&store, "big"));
    store.write_blocking(put("when there is room again")).unwrap();
}

#[test]
fn the_writer_finds_a_postgres_server_that_went_away() {
    let Some(database) = Database::postgres() else { return };
    let store = database.open();
    let pid = store.write_blocking(|conn| Ok(number(conn, "SELECT pg_backend_pid()::bigint AS number"))).unwrap();
    let killed = format!("SELECT pg_terminate_backend({pid}, 5000)::int::bigint AS number");
    assert_eq!(number(&mut database.raw(), &killed), 1);
    store.write_blocking(put("again")).unwrap();
    assert!(stored(&store, "again"));
}

#[test]
fn a_postgres_connection_that_breaks_in_the_middle_stores_nothing() {
    let Some(database) = Database::postgres() else { return };
    let store = database.open();
    let dies: Job = Box::new(|conn| {
        facts::put(conn, "half", "x")?;
        diesel::sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(conn).map(drop)
    });
    let outcomes = together(&store, vec![put("before"), dies]);
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    assert!(!stored(&store, "before") && !stored(&store, "half"));
    store.write_blocking(put("next")).unwrap();
}

/// The word to commit is out and its answer never comes: it may be stored, so nobody is told that it is not.
#[test]
fn a_postgres_connection_that_breaks_during_the_commit_leaves_a_doubt() {
    let Some(database) = Database::postgres() else { return };
    let store = database.open();
    let breaks = "CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS \
                  $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
                  CREATE CONSTRAINT TRIGGER break AFTER INSERT ON facts DEFERRABLE INITIALLY DEFERRED \
                  FOR EACH ROW WHEN (NEW.key = 'breaks') EXECUTE FUNCTION break()";
    database.raw().batch_execute(breaks).unwrap();
    let outcomes = together(&store, vec![put("before"), put("breaks")]);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(StoreError::InDoubt(_)))), "{outcomes:?}");
    store.write_blocking(put("next")).unwrap();
    assert!(stored(&store, "next"));
}

/// R6
#[test]
fn a_read_sees_one_moment_even_while_others_write() {
    on_each_database(|database| {
        let store = database.open();
        let writer = store.clone();
        let counts = store.read_blocking(move |conn| {
            let before = users::count(conn)?;
            add_user(&writer, "meanwhile");
            Ok((before, users::count(conn)?))
        });
        assert_eq!(counts.unwrap(), (0, 0));
        assert_eq!(store.read_blocking(users::count).unwrap(), 1);
    });
}

#[test]
fn a_reader_cannot_write() {
    on_each_database(|database| {
        let store = database.open();
        assert!(store.read_blocking(put("a")).is_err());
        assert!(!stored(&store, "a"));
    });
}

#[test]
fn a_panicking_read_costs_nobody_else_anything() {
    on_each_database(|database| {
        let store = database.open();
        for _ in 0..4 {
            let panics = store.read_blocking(|_| -> diesel::QueryResult<()> { panic!("on purpose") });
            assert_eq!(panics, Err(StoreError::Panicked));
        }
        assert_eq!(store.read_blocking(users::count).unwrap(), 0);
    });
}

/// R1
#[test]
fn a_slow_read_holds_up_neither_writes_nor_other_reads() {
    on_each_database(|database| {
        let store = database.open();
        let beside = store.clone();
        let slow = store.read_blocking(move |_| {
            // this reader is busy until both are done
            beside.write_blocking(put("a")).map_err(|error| Error::QueryBuilderError(error.into()))?;
            Ok(stored(&beside, "a"))
        });
        assert_eq!(slow, Ok(true));
    });
}

/// R1
/// Long lists that people look at do not keep the engine waiting.
#[test]
fn the_engine_reads_while_people_occupy_all_their_threads() {
    on_each_database(|database| {
        let store = database.open();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (people, (end, ended)) = (store.for_people(), mpsc::channel::<()>());
            let ended = Arc::new(Mutex::new(ended));
            let long = || {
                let ended = Arc::clone(&ended);
                people.read(move |_| Ok(ended.lock().unwrap().recv().is_err()))
            };
            let engine = async {
                let read = store.read(|conn| facts::find(conn, "none")).await;
                drop(end);
                read
            };
            let (all, read) = futures_util::join!(futures_util::future::join_all((0..8).map(|_| long())), engine);
            assert_eq!(read, Ok(None));
            assert_eq!(all, vec![Ok(true); 8]);
        });
    });
}

#[test]
fn the_sqlite_file_is_in_wal_mode_and_waits_for_other_programs() {
    let database = Database::sqlite();
    let store = database.open();
    let mode = "SELECT journal_mode = 'wal' AS number FROM pragma_journal_mode()";
    let wait = "SELECT timeout AS number FROM pragma_busy_timeout()";
    let facts = store.write_blocking(move |conn| Ok((number(conn, mode), number(conn, wait)))).unwrap();
    assert_eq!(facts.0, 1);
    assert!(facts.1 >= 5_000);
}

#[test]
fn a_write_whose_caller_left_is_done_all_the_same() {
    on_each_database(|database| {
        let store = database.open();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut left = Box::pin(store.write(put("left")));
            let polled_once = std::future::poll_fn(|context| std::task::Poll::Ready(left.as_mut().poll(context)));
            assert!(polled_once.await.is_pending());
        });
        // the writer takes jobs in turn
        store.write_blocking(put("next")).unwrap();
        assert!(stored(&store, "left"));
    });
}

#[test]
fn a_flood_of_writes_is_stored_whole() {
    on_each_database(|database| {
        let store = database.open();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let writes = (0..10_000).map(|at| store.write(move |conn| facts::put(conn, &format!("flood{at}"), "x")));
            let outcomes = futures_util::future::join_all(writes).await;
            assert!(outcomes.iter().all(Result::is_ok));
            store.ping().await.unwrap();
        });
        let count = "SELECT count(*) AS number FROM facts WHERE key LIKE 'flood%'";
        assert_eq!(store.read_blocking(move |conn| Ok(number(conn, count))).unwrap(), 10_000);
    });
}
