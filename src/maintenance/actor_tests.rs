#![expect(clippy::unwrap_used, reason = "tests")]

use futures_util::future::join;

use super::*;
use crate::{
    account::facts::AccountFacts,
    store::{
        DbConn, Page,
        account_cursors::{self, Cursor},
        chat_messages::{self, NewMessage, Source},
    },
    testbed::Bed,
};

fn config() -> Config {
    Config { at: "04:00+00:00".parse().unwrap(), overlap: Duration::from_mins(3) }
}

fn start(bed: &Bed) -> Addr<MaintenanceActor> {
    MaintenanceActor::new(bed.store.clone(), config()).start()
}

fn message(account: &AccountFacts, number: i64) -> NewMessage {
    let long_ago = clock::unix() - DAY * 200 + Duration::from_millis(number.unsigned_abs());
    NewMessage {
        account: account.id,
        message: format!("{number}.PNM").into(),
        conversation: "600001".into(),
        sender: "3300001".into(),
        sender_name: None,
        content_type: 1,
        text: "在吗".into(),
        item: None,
        sent_at: long_ago,
        received_at: long_ago,
        source: Source::Push,
        decision: Some("silent"),
        reason: None,
        decided_at: Some(long_ago),
        needs_person: false,
    }
}

/// So many messages of an account that are too old.
async fn old_messages(bed: &Bed, count: i64) -> AccountFacts {
    let account = bed.account();
    let rows: Vec<NewMessage> = (0..count).map(|number| message(&account, number)).collect();
    let cursor = Cursor { account: account.id, pts: 1, seen_at: clock::unix() };
    let put = move |conn: &mut DbConn| {
        account_cursors::put_many(conn, &[cursor])?;
        chat_messages::insert_new(conn, &rows).map(drop)
    };
    bed.write(put).await;
    account
}

async fn left(bed: &Bed, account: &AccountFacts) -> usize {
    bed.messages(account.id, "600001").await.len()
}

async fn run_now(actor: &Addr<MaintenanceActor>) -> Result<Run, AlreadyRuns> {
    actor.send(RunNow(audit::Actor::cli())).await.unwrap()
}

/// An hour after the next run is due, whatever the hour is now: long before the one that follows. The clock is a paused one.
async fn a_night_passes() {
    sleep(config().at.next(clock::unix()).since(clock::unix()) + Duration::from_hours(1)).await;
}

#[actix::test]
async fn at_night_what_is_too_old_is_removed() {
    let bed = Bed::paused();
    let account = old_messages(&bed, 3).await;
    let actor = start(&bed);
    let before = actor.send(Ask).await.unwrap();
    assert_eq!((before.last, before.running), (None, None));
    assert_eq!(before.next, config().at.next(clock::unix()));
    assert_eq!(left(&bed, &account).await, 3);
    a_night_passes().await;
    let after = actor.send(Ask).await.unwrap();
    let run = after.last.unwrap();
    assert_eq!((run.removed.messages, run.error), (3, None));
    assert!(run.started_at >= before.next && after.next > clock::unix());
    assert_eq!(left(&bed, &account).await, 0);
    let lines = bed.write(|conn| audit::list(conn, &audit::Filter::default(), Page::first(9))).await.0;
    assert!(lines.iter().any(|line| (&*line.action, &*line.actor) == ("maintenance.run", "system")));
}

/// R9: there, every account repeated the same clean-up every five minutes, all at the same time.
#[actix::test]
async fn r9_two_runs_never_overlap() {
    let bed = Bed::paused();
    old_messages(&bed, 3).await;
    let actor = start(&bed);
    let (first, second) = join(run_now(&actor), run_now(&actor)).await;
    assert_eq!((first.unwrap().removed.messages, second), (3, Err(AlreadyRuns)));
    assert_eq!(run_now(&actor).await.unwrap().removed.messages, 0);
}

/// Whoever begins one and leaves finds it again: as it runs, and what it did.
#[actix::test]
async fn a_run_that_nobody_waits_for_is_found_again() {
    let bed = Bed::paused();
    old_messages(&bed, 3).await;
    let actor = start(&bed);
    let before = clock::unix();
    actor.send(Begin(audit::Actor::cli())).await.unwrap().unwrap();
    let seen = actor.send(Ask).await.unwrap();
    assert!(seen.running.is_some_and(|since| since >= before) && seen.last.is_none(), "{seen:?}");
    assert_eq!(actor.send(Begin(audit::Actor::cli())).await.unwrap(), Err(AlreadyRuns));
    assert_eq!(run_now(&actor).await, Err(AlreadyRuns));
    while actor.send(Ask).await.unwrap().running.is_some() {
        sleep(REST).await;
    }
    let seen = actor.send(Ask).await.unwrap();
    assert_eq!((seen.running, seen.last.unwrap().removed.messages), (None, 3));
}

#[actix::test]
async fn it_rests_after_every_batch() {
    let bed = Bed::paused();
    old_messages(&bed, 2 * retention::BATCH + 1).await;
    let run = run_now(&start(&bed)).await.unwrap();
    // Three batches of messages, one of every other kind, and the conversations.
    let rests = u32::try_from(3 + (Kind::ALL.len() - 1) + 1).unwrap();
    assert!(Duration::from_millis(run.duration_ms) >= REST * rests, "{run:?}");
}

#[actix::test]
async fn a_database_that_fails_ends_the_run_and_the_next_night_goes_on() {
    let bed = Bed::paused();
    let account = old_messages(&bed, 3).await;
    let actor = start(&bed);
    let broken = bed.break_table("chat_messages");
    let run = run_now(&actor).await.unwrap();
    assert!(run.error.is_some_and(|error| error.contains("chat_messages")));
    drop(broken);
    a_night_passes().await;
    let run = actor.send(Ask).await.unwrap().last.unwrap();
    assert_eq!((run.removed.messages, run.error), (3, None));
    assert_eq!(left(&bed, &account).await, 0);
}

#[actix::test]
async fn what_it_did_last_is_known_after_a_restart() {
    let bed = Bed::paused();
    old_messages(&bed, 3).await;
    let run = run_now(&start(&bed)).await.unwrap();
    assert_eq!(start(&bed).send(Ask).await.unwrap().last, Some(run));
}

#[actix::test]
async fn an_end_comes_between_two_batches() {
    let bed = Bed::paused();
    let account = old_messages(&bed, 2 * retention::BATCH + 1).await;
    let actor = start(&bed);
    let (run, ()) = join(run_now(&actor), async { actor.do_send(End) }).await;
    assert_eq!(run, Err(AlreadyRuns));
    a_night_passes().await;
    let batch = usize::try_from(retention::BATCH).unwrap();
    assert!(left(&bed, &account).await > batch);
    assert!(!actor.connected());
}
