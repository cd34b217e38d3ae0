//! Who may open a database, and what can be read in it without the key.

use std::fs;

use yutang::store::{Keys, Store, StoreError, lock::ServerLock};

use crate::harness::{Database, on_each_database, with_account};

#[test]
fn another_key_is_refused_at_the_start() {
    on_each_database(|database| {
        drop(database.open());
        let error = Store::open(&database.config, Keys::random()).err().unwrap();
        assert_eq!(error, StoreError::WrongKey);
        assert!(error.to_string().contains("put back the key file"), "{error}");
        drop(database.open());
    });
}

#[test]
fn a_cookie_cannot_be_read_in_the_files() {
    let database = Database::sqlite();
    let _store = with_account(&database);
    let mut searched = 0;
    for entry in fs::read_dir(database.folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"unb=2200001"));
        searched += usize::from(bytes.windows(7).any(|window| window == b"2200001"));
    }
    assert!(searched > 0, "the account itself is in one of the files");
}

#[test]
fn the_file_of_the_database_belongs_to_its_owner_alone() {
    let database = Database::sqlite();
    let _store = database.open();
    for name in ["y.db", "y.db-wal"] {
        let rights = fs::metadata(database.folder.path().join(name)).unwrap().permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&rights) & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_second_server_is_kept_out_of_the_data_folder_until_the_first_ends() {
    let database = Database::sqlite();
    let data_dir = database.folder.path().join("data");
    let first = ServerLock::acquire(&data_dir, &database.config).unwrap();
    let error = ServerLock::acquire(&data_dir, &database.config).err().unwrap().to_string();
    assert!(error.contains(&format!("(process {})", std::process::id())), "{error}");
    drop(first);
    ServerLock::acquire(&data_dir, &database.config).unwrap();
}

#[test]
fn a_second_server_is_kept_out_of_a_postgres_database_whatever_its_folder() {
    let Some(database) = Database::postgres() else { return };
    let first = ServerLock::acquire(&database.folder.path().join("one"), &database.config).unwrap();
    let second = || ServerLock::acquire(&database.folder.path().join("two"), &database.config);
    assert!(matches!(second(), Err(StoreError::Locked(..))));
    drop(first);
    second().unwrap();
}

#[test]
fn the_command_line_works_beside_a_server() {
    on_each_database(|database| {
        let _server = ServerLock::acquire(database.folder.path(), &database.config).unwrap();
        let (server, ..) = with_account(database);
        let beside = database.open();
        crate::harness::add_user(&beside, "second");
        assert_eq!(server.read_blocking(yutang::store::users::count).unwrap(), 2);
    });
}

#[test]
fn a_database_that_cannot_be_reached_is_an_error_without_its_password() {
    let config = yutang::store::Config::new("postgres://user:planted-password@127.0.0.1:1/none");
    let error = Store::open(&config, Keys::random()).err().unwrap();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    assert!(!error.to_string().contains("planted-password"), "{error}");
}
