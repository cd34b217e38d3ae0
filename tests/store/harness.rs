//! A fresh database of each kind for each test.

use std::{
    env,
    io::{Write, stderr},
    process,
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
};

use diesel::{Connection, PgConnection, RunQueryDsl, connection::SimpleConnection, sql_types::BigInt};
use tempfile::TempDir;
use yutang::{
    access::role::Role,
    ids::{AccountId, Timestamp, UserId},
    store::{Config, DbConn, Keys, Scope, Secret, Store, accounts, accounts::NewAccount, users, users::NewUser},
};

pub const NOW: Timestamp = Timestamp(1_763_640_000_123);

pub struct Database {
    pub config: Config,
    pub keys: Keys,
    pub folder: TempDir,
    schema: Option<(String, String)>,
}

/// Runs `test` on a SQLite file, and on PostgreSQL where `YUTANG_TEST_DATABASE_URL` names one.
pub fn on_each_database(test: impl Fn(&Database)) {
    test(&Database::sqlite());
    if let Some(database) = Database::postgres() {
        test(&database);
    }
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path().join("y.db").to_str().unwrap());
        Self { config, keys: Keys::random(), folder, schema: None }
    }

    /// A schema of its own in the database that the environment names. Without one the test says loudly that it did not run; where
    /// `YUTANG_TEST_REQUIRE` lists `postgres`, it fails.
    pub fn postgres() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static SAID: Once = Once::new();
        let Ok(url) = env::var("YUTANG_TEST_DATABASE_URL") else {
            let required = env::var("YUTANG_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.contains("postgres"), "YUTANG_TEST_DATABASE_URL names no PostgreSQL, but it is required");
            SAID.call_once(|| {
                // not `eprintln!`: what a passing test prints is swallowed
                let _ = writeln!(
                    stderr(),
                    "\n*** SKIPPED on PostgreSQL: set YUTANG_TEST_DATABASE_URL (see tests/services) ***\n"
                );
            });
            return None;
        };
        let schema = format!("test_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        admin(&url, &format!("CREATE SCHEMA {schema}"));
        let joint = if url.contains('?') { '&' } else { '?' };
        let config = Config::new(format!("{url}{joint}options=-csearch_path%3D{schema}"));
        let folder = tempfile::tempdir().unwrap();
        Some(Self { config, keys: Keys::random(), folder, schema: Some((url, schema)) })
    }

    pub fn open(&self) -> Store {
        Store::open(&self.config, self.keys.clone()).unwrap()
    }

    /// A connection beside the store, to look and to spoil.
    pub fn raw(&self) -> DbConn {
        match &self.schema {
            None => {
                let mut conn = diesel::SqliteConnection::establish(&self.config.url).unwrap();
                conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON").unwrap();
                DbConn::Sqlite(conn)
            }
            Some(_) => DbConn::Pg(PgConnection::establish(&self.config.url).unwrap()),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((url, schema)) = &self.schema {
            admin(url, &format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

fn admin(url: &str, sql: &str) {
    PgConnection::establish(url).unwrap().batch_execute(sql).unwrap();
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(diesel::QueryableByName)]
struct Name {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

/// The names of all tables.
pub fn tables(conn: &mut DbConn) -> Vec<String> {
    let sql = match conn {
        DbConn::Sqlite(_) => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        }
        DbConn::Pg(_) => {
            "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1"
        }
    };
    let names = diesel::sql_query(sql).load::<Name>(conn).unwrap();
    names.into_iter().map(|row| row.name).collect()
}

/// The number that `sql` calls `number`.
pub fn number(conn: &mut DbConn, sql: &str) -> i64 {
    diesel::sql_query(sql).get_result::<Number>(conn).unwrap().number
}

/// Whether `text` stands anywhere in a column of bytes, as it is.
pub fn holds(conn: &mut DbConn, table: &str, column: &str, text: &str) -> bool {
    let hex = match conn {
        DbConn::Sqlite(_) => format!("lower(hex({column}))"),
        DbConn::Pg(_) => format!("encode({column}, 'hex')"),
    };
    let wanted: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    number(conn, &format!("SELECT count(*) AS number FROM {table} WHERE {hex} LIKE '%{wanted}%'")) > 0
}

pub fn count(conn: &mut DbConn, table: &str) -> i64 {
    number(conn, &format!("SELECT count(*) AS number FROM {table}"))
}

pub fn add_user(store: &Store, name: &str) -> UserId {
    let user = NewUser {
        name: name.into(),
        password_hash: "hash".into(),
        role: Role::Owner,
        employer: None,
        email: None,
        created_at: NOW,
    };
    store.write_blocking(move |conn| users::insert(conn, &user)).unwrap().unwrap()
}

pub fn new_account(name: &str, uid: &str) -> NewAccount {
    NewAccount { name: name.into(), uid: uid.into(), cookie: Secret::new(format!("unb={uid}")), enabled: None }
}

pub fn add_account(store: &Store, owner: UserId, name: &str, uid: &str) -> AccountId {
    let (keys, new) = (store.keys().clone(), [new_account(name, uid)]);
    let saved = store.write_blocking(move |conn| accounts::upsert_many(conn, &keys, owner, &new, NOW));
    saved.unwrap().unwrap()[0].0
}

/// A store with one user, who has one account.
pub fn with_account(database: &Database) -> (Store, Scope, AccountId) {
    let store = database.open();
    let owner = add_user(&store, "seller");
    let account = add_account(&store, owner, "shop", "2200001");
    (store, Scope::owner(owner), account)
}
