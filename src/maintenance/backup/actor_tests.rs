#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

use futures_util::future::join;
use tokio::time::sleep;

use super::*;
use crate::{
    notify::event::Event,
    store::{DbConn, Page, audit, facts, notices},
    testbed::Bed,
};

fn config(bed: &Bed) -> Config {
    let folder = bed.folder().join("backups");
    Config { database: bed.database(), folder, keep: 2, at: "04:00+00:00".parse().unwrap(), spare: 0 }
}

fn start(bed: &Bed, change: impl FnOnce(&mut Config)) -> Addr<BackupActor> {
    let mut config = config(bed);
    change(&mut config);
    BackupActor::new(bed.store.clone(), config).start()
}

async fn ask(actor: &Addr<BackupActor>) -> Overview {
    actor.send(Ask).await.unwrap().unwrap()
}

async fn begin(actor: &Addr<BackupActor>) -> Result<(), NotBegun> {
    actor.send(Begin(Person::cli())).await.unwrap().map(drop)
}

/// As it stands once nothing runs.
async fn ended(actor: &Addr<BackupActor>) -> Overview {
    loop {
        let seen = ask(actor).await;
        if seen.running.is_none() {
            return seen;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn back_up(actor: &Addr<BackupActor>) -> Overview {
    begin(actor).await.unwrap();
    ended(actor).await
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// What a copy says, opened as a database of its own.
fn read_copy(bed: &Bed, name: &str, key: &'static str) -> Option<String> {
    let path = bed.folder().join("backups").join(name);
    let copy = Store::open(&Database::new(path.to_str().unwrap()), bed.store.keys().clone()).unwrap();
    copy.read_blocking(move |conn| facts::find(conn, key)).unwrap()
}

#[actix::test]
async fn every_night_one_is_made_and_the_newest_stay() {
    let bed = Bed::paused();
    bed.pool(&["A", "B"]).await;
    let actor = start(&bed, |_| {});
    let before = ask(&actor).await;
    assert_eq!((before.last, before.running, before.copies), (None, None, Vec::new()));
    let mut made = Vec::new();
    for _ in 0..3 {
        let due = ask(&actor).await.next.unwrap();
        sleep(due.since(clock::unix()) + Duration::from_mins(1)).await;
        let seen = ended(&actor).await;
        let run = seen.last.unwrap();
        assert!(run.started_at >= due && seen.next.unwrap() > due, "{run:?}");
        let copy = run.made.unwrap();
        assert_eq!((copy.proof.cards, copy.proof.events), (1, 2));
        made.push(copy.name);
    }
    let folder = bed.folder().join("backups");
    assert_eq!(files(&folder), made[1..], "the oldest made room, and nothing else is left");
    let seen = ask(&actor).await;
    assert!(seen.copies.iter().all(|(copy, is_known)| *is_known && copy.size > 0), "{seen:?}");
    assert_eq!(seen.copies[0].0.name, made[2], "the newest comes first");
    assert_eq!((mode(&folder), mode(&folder.join(&made[2]))), (0o700, 0o600));
    let (lines, _) = bed.write(|conn| audit::list(conn, &audit::Filter::default(), Page::first(9))).await;
    let nightly = lines.iter().filter(|line| (&*line.action, &*line.actor) == ("backup.run", "system"));
    assert_eq!(nightly.count(), 3);
}

#[actix::test]
async fn none_is_made_by_itself_where_none_is_kept_and_nothing_is_removed() {
    let bed = Bed::paused();
    let actor = start(&bed, |config| config.keep = 0);
    assert_eq!(ask(&actor).await.next, None);
    sleep(Duration::from_hours(50)).await;
    assert_eq!(ask(&actor).await.last, None);
    for count in 1..=3 {
        assert_eq!(back_up(&actor).await.copies.len(), count);
    }
}

/// Two values that always change together are the same in the copy, whoever writes while it is made.
#[actix::test]
async fn a_copy_is_of_one_moment_while_others_write() {
    let bed = Bed::new();
    let put = |number: u32| {
        move |conn: &mut DbConn| {
            facts::put(conn, "left", &number.to_string())?;
            facts::put(conn, "right", &number.to_string())
        }
    };
    bed.write(put(0)).await;
    bed.write(|conn| (0..100).try_for_each(|at| facts::put(conn, &format!("weight.{at}"), &"x".repeat(100_000)))).await;
    let actor = start(&bed, |_| {});
    begin(&actor).await.unwrap();
    let mut number = 0;
    let seen = loop {
        number += 1;
        bed.write(put(number)).await;
        let seen = ask(&actor).await;
        if seen.running.is_none() {
            break seen;
        }
    };
    let name = seen.last.unwrap().made.unwrap().name;
    let (left, right) = (read_copy(&bed, &name, "left"), read_copy(&bed, &name, "right"));
    assert!(left.is_some() && left == right, "{left:?} {right:?}");
    assert!(left.unwrap().parse::<u32>().unwrap() <= number);
    assert_eq!(bed.write(|conn| facts::find(conn, "left")).await, Some(number.to_string()), "nobody was held up");
}

#[actix::test]
async fn a_copy_whose_stock_does_not_hold_together_is_removed_and_told_until_one_does() {
    let bed = Bed::paused();
    let admin = bed.administrator().await;
    bed.pool(&["A", "B"]).await;
    let actor = start(&bed, |_| {});
    bed.tamper("UPDATE unit_events SET number = number + 10 WHERE number = 2");
    for _ in 0..2 {
        let run = back_up(&actor).await.last.unwrap();
        assert!(matches!(&run.fault, Some(Fault::Ledger { why }) if why.contains("event 12")), "{run:?}");
        assert_eq!((run.made, files(&bed.folder().join("backups"))), (None, Vec::new()));
    }
    let told = bed.write(notices::live).await;
    let [told] = &told[..] else { panic!("one notice: {told:?}") };
    assert_eq!((told.owner, told.event, told.count, told.ended_at), (admin, Event::BackupFailed, 2, None));
    let subject = told.subject();
    assert!(subject.why.unwrap().en.contains("stock") && subject.advice.is_some());

    bed.tamper("UPDATE unit_events SET number = number - 10 WHERE number = 12");
    let seen = back_up(&actor).await;
    assert_eq!((seen.last.unwrap().fault, seen.copies.len()), (None, 1));
    let told = bed.write(notices::live).await;
    assert!(told.iter().all(|notice| notice.ended_at.is_some()), "{told:?}");
}

#[actix::test]
async fn without_room_nothing_is_begun_and_what_is_there_stays() {
    let bed = Bed::paused();
    let first = back_up(&start(&bed, |_| {})).await.copies;
    let actor = start(&bed, |config| config.spare = u64::MAX / 2);
    let seen = back_up(&actor).await;
    assert!(matches!(seen.last.unwrap().fault, Some(Fault::NoRoom { needed, free }) if needed > free));
    assert_eq!((seen.copies, first.len()), (first.clone(), 1));
    assert_eq!(files(&bed.folder().join("backups")), [first[0].0.name.as_str()]);
}

#[actix::test]
async fn what_a_crash_left_unfinished_is_removed_and_what_somebody_works_on_stays() {
    let bed = Bed::paused();
    let folder = bed.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    let left = ["yutang-20250101-000000.db.unfinished", "yutang-20250101-000000.db.unfinished-journal"];
    let others = ["notes.txt", "other.db.unfinished", "yutang-20250103-000000.db.unfinished.txt"];
    left.iter().chain(&others).for_each(|name| fs::write(folder.join(name), "half").unwrap());
    // Another process makes a copy.
    let at_work = File::open(&folder).unwrap();
    at_work.lock_shared().unwrap();
    assert_eq!(ask(&start(&bed, |_| {})).await.copies, Vec::new());
    assert_eq!(files(&folder).len(), 5);
    drop(at_work);
    assert_eq!(ask(&start(&bed, |_| {})).await.copies, Vec::new());
    assert_eq!(files(&folder), others);
}

/// A file that only has the name of a copy is none that was verified, and neither is one that is not what it was.
#[actix::test]
async fn only_what_was_verified_is_said_to_be() {
    let bed = Bed::paused();
    let actor = start(&bed, |config| config.keep = 9);
    let name = back_up(&actor).await.copies[0].0.name.clone();
    let folder = bed.folder().join("backups");
    fs::write(folder.join("yutang-20250101-000000.db"), "put here by somebody").unwrap();
    let known = |seen: Overview| seen.copies.into_iter().map(|(_, is_known)| is_known).collect::<Vec<_>>();
    assert_eq!(known(ask(&actor).await), [true, false]);
    fs::write(folder.join(name), "cut off").unwrap();
    assert_eq!(known(ask(&start(&bed, |_| {})).await), [false, false]);
}

#[actix::test]
async fn two_runs_never_overlap() {
    let bed = Bed::paused();
    let actor = start(&bed, |_| {});
    let begun = join(begin(&actor), begin(&actor)).await;
    assert_eq!(begun, (Ok(()), Err(NotBegun::AlreadyRuns)));
    assert_eq!(ended(&actor).await.copies.len(), 1);
    assert_eq!(begin(&actor).await, Ok(()));
}

#[actix::test]
async fn what_it_did_last_is_known_after_a_restart() {
    let bed = Bed::paused();
    let seen = back_up(&start(&bed, |_| {})).await;
    let again = ask(&start(&bed, |_| {})).await;
    assert_eq!((again.last, again.copies), (seen.last, seen.copies));
}

#[actix::test]
async fn postgresql_is_not_copied_here() {
    let bed = Bed::paused();
    let actor = start(&bed, |config| config.database = Database::new("postgres://nobody@127.0.0.1:1/none"));
    let seen = ask(&actor).await;
    assert_eq!((seen.is_own, seen.next, seen.copies), (false, None, Vec::new()));
    assert_eq!(begin(&actor).await, Err(NotBegun::Elsewhere));
}

#[actix::test]
async fn an_end_comes_between_two_steps_and_leaves_nothing() {
    let bed = Bed::paused();
    bed.pool(&["A"]).await;
    let actor = start(&bed, |_| {});
    begin(&actor).await.unwrap();
    actor.send(End).await.unwrap();
    // A paused clock stands still until the thread that copies has ended.
    sleep(Duration::from_secs(1)).await;
    let left = files(&bed.folder().join("backups"));
    assert!(left.iter().all(|name| !name.contains("unfinished")), "{left:?}");
    assert!(!actor.connected());
}
