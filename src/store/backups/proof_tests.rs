#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::PathBuf};

use super::*;
use crate::{
    store::{
        Config,
        backups::{Job, restore, run},
        connection::{Role, Target},
    },
    telemetry::clock,
    testbed::{Bed, tamper},
};

/// A good copy of a database with a stock.
async fn copy(bed: &Bed) -> PathBuf {
    bed.pool(&["A", "B"]).await;
    let folder = bed.folder().join("backups");
    let (database, keys) = (bed.database(), bed.store.keys().clone());
    let (run, _) = run(&Job { database, keys, folder: folder.clone(), keep: 0, spare: 0 }, clock::unix(), &|| false);
    folder.join(run.made.unwrap().name)
}

fn proven(bed: &Bed, file: &Path) -> Result<Proof, Fault> {
    prove(file, bed.store.keys(), &|| false)
}

#[actix::test]
async fn a_good_copy_is_proven_and_nothing_is_written_beside_it() {
    let bed = Bed::new();
    let file = copy(&bed).await;
    assert_eq!(proven(&bed, &file), Ok(Proof { cards: 1, events: 2 }));
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    // A name that means something in an address of SQLite.
    let odd = file.with_file_name("100% of #1?.db");
    fs::rename(&file, &odd).unwrap();
    assert_eq!(proven(&bed, &odd), Ok(Proof { cards: 1, events: 2 }));
}

#[actix::test]
async fn bytes_that_flipped_and_parts_that_are_missing_are_found() {
    let bed = Bed::new();
    let file = copy(&bed).await;
    let whole = fs::read(&file).unwrap();
    let page = usize::from(u16::from_be_bytes([whole[16], whole[17]]));
    let damage = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        fs::write(&file, bytes).unwrap();
        let outcome = proven(&bed, &file);
        assert!(matches!(outcome, Err(Fault::Damaged { .. })), "{what}: {outcome:?}");
    };
    damage("its head", &|bytes| bytes[..16].fill(b'x'));
    damage("the head of a page", &|bytes| bytes[page..page + 64].iter_mut().for_each(|byte| *byte = !*byte));
    damage("cut off", &|bytes| bytes.truncate(bytes.len() / 2));
    damage("emptied", &Vec::clear);
    fs::write(&file, &whole).unwrap();
    assert!(proven(&bed, &file).is_ok());
}

#[actix::test]
async fn an_altered_ledger_a_missing_migration_and_a_foreign_key_are_found() {
    let bed = Bed::new();
    let file = copy(&bed).await;
    let foreign = prove(&file, &Keys::random(), &|| false);
    assert_eq!(foreign, Err(Fault::WrongKey));
    assert_eq!(prove(&file, bed.store.keys(), &|| true), Err(Fault::Stopped));

    let whole = fs::read(&file).unwrap();
    let altered = |sql: &str| {
        fs::write(&file, &whole).unwrap();
        tamper(&file, sql);
        proven(&bed, &file)
    };
    let ledger = altered("UPDATE unit_events SET at = at + 1 WHERE number = 1");
    assert!(matches!(&ledger, Err(Fault::Ledger { why }) if why.contains("event 1")), "{ledger:?}");
    let unit = altered("UPDATE units SET state = 'sent'");
    assert!(matches!(&unit, Err(Fault::Ledger { why }) if why.contains("unit")), "{unit:?}");
    let newest = "SELECT max(version) FROM __diesel_schema_migrations";
    let older = altered(&format!("DELETE FROM __diesel_schema_migrations WHERE version = ({newest})"));
    assert!(matches!(&older, Err(Fault::Version { why }) if why.contains("1 migration(s)")), "{older:?}");
    let newer = altered("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    assert!(matches!(&newer, Err(Fault::Version { why }) if why.contains("29990101000000")), "{newer:?}");
    assert_eq!(altered("DELETE FROM facts WHERE key = 'key_check'"), Err(Fault::WrongKey));
}

/// A connection that has closed its file when it is dropped.
fn connect(path: &Path) -> DbConn {
    Target::parse(&Config::new(path.to_str().unwrap())).unwrap().connect(Role::Write).unwrap()
}

#[actix::test]
async fn a_copy_takes_the_databases_place_and_that_is_kept() {
    let bed = Bed::new();
    let file = copy(&bed).await;
    let (there, copied) = (bed.folder().join("there/y.db"), bed.folder().join("copied.db"));
    fs::copy(&file, &copied).unwrap();
    let database = Config::new(there.to_str().unwrap());
    let keys = bed.store.keys().clone();
    let pools = || units::pools(&mut connect(&there)).unwrap().len();

    let now = clock::unix();
    let first = restore(&file, &database, &keys, now).unwrap();
    assert_eq!((first.aside, first.proof.events, first.withheld, pools()), (None, 2, Some(0), 1));

    assert!(facts::stop_switch(&mut connect(&there)).unwrap(), "everything is stopped");
    facts::put(&mut connect(&there), "since", "then").unwrap();
    tamper(&there, "UPDATE units SET state = 'confirmed' WHERE id = (SELECT min(id) FROM units)");
    let second = restore(&file, &database, &keys, now).unwrap();
    let aside = second.aside.unwrap();
    // What was sold since is not for sale again, and its log holds.
    assert_eq!((second.withheld, units::drawn(&mut connect(&there)).unwrap().len()), (Some(1), 1));
    assert_eq!(proven(&bed, &there), Ok(Proof { cards: 1, events: 3 }));
    let found = |path: &Path| facts::find(&mut connect(path), "since").unwrap();
    assert_eq!((found(&there), found(&aside)), (None, Some("then".to_owned())));

    let is_refused = |keys: &Keys| restore(&file, &database, keys, now).unwrap_err();
    assert_eq!(is_refused(&Keys::random()), Fault::WrongKey);
    fs::write(&file, "no database").unwrap();
    assert!(matches!(is_refused(&keys), Fault::Damaged { .. }));
    assert_eq!(found(&there), None, "what was refused has changed nothing");
    fs::copy(&copied, &file).unwrap();
    fs::write(&there, "no database").unwrap();
    let third = restore(&file, &database, &keys, now + std::time::Duration::from_secs(1)).unwrap();
    assert_eq!((third.withheld, pools()), (None, 1), "what was there cannot be read");
    assert!(!bed.folder().join("there/y.db-restoring").exists());
}
