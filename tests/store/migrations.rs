//! Migrations are real, reversible, and the same on both sides.

use std::collections::BTreeMap;

use diesel::{RunQueryDsl, connection::SimpleConnection, sql_types::Text};
use yutang::store::{DbConn, StoreError, migrate};

use crate::harness::{Database, count, number, on_each_database};

/// B6
#[test]
fn migrations_go_up_down_and_up_again() {
    on_each_database(|database| {
        let all = migrate::status(&database.config).unwrap().pending;
        assert!(!all.is_empty());
        assert_eq!(migrate::up(&database.config).unwrap().applied, all);
        assert_eq!(count(&mut database.raw(), "revisions"), 8);

        assert_eq!(migrate::down(&database.config, usize::MAX).unwrap().len(), all.len());
        assert_eq!(shape(&mut database.raw()), Shape::new(), "down.sql leaves something behind");

        assert_eq!(migrate::up(&database.config).unwrap().applied, all);
        assert_eq!(migrate::status(&database.config).unwrap().applied, all);
    });
}

/// B6
#[test]
fn a_failing_migration_is_an_error_and_changes_nothing() {
    on_each_database(|database| {
        // in the way of one of the last statements
        database.raw().batch_execute("CREATE TABLE revisions (stray BIGINT)").unwrap();
        let error = migrate::up(&database.config).unwrap_err();
        assert!(matches!(&error, StoreError::Migration(why) if why.contains("revisions")), "{error}");
        assert_eq!(shape(&mut database.raw()).into_keys().collect::<Vec<_>>(), ["revisions"]);
    });
}

#[test]
fn looking_makes_no_file() {
    let database = Database::sqlite();
    migrate::status(&database.config).unwrap();
    assert!(!std::path::Path::new(&database.config.url).exists());
}

#[test]
fn a_sqlite_file_with_something_in_it_is_copied_before_it_is_migrated() {
    let database = Database::sqlite();
    database.raw().batch_execute("CREATE TABLE old (x); INSERT INTO old VALUES (7)").unwrap();
    let migrated = migrate::up(&database.config).unwrap();
    let copy = migrated.copy.unwrap();
    let version = migrated.applied.last().unwrap();
    assert_eq!(copy.to_str().unwrap(), format!("{}-before-{version}.bak", database.config.url));

    let mut before = DbConn::Sqlite(diesel::Connection::establish(copy.to_str().unwrap()).unwrap());
    assert_eq!(shape(&mut before).into_keys().collect::<Vec<_>>(), ["old"]);
    assert_eq!(number(&mut before, "SELECT x AS number FROM old"), 7);
    assert_eq!(migrate::up(&database.config).unwrap().copy, None, "nothing was pending");
}

#[test]
fn a_new_sqlite_file_needs_no_copy() {
    assert_eq!(migrate::up(&Database::sqlite().config).unwrap().copy, None);
}

#[test]
fn a_database_newer_than_the_program_is_refused_by_name() {
    on_each_database(|database| {
        drop(database.open());
        let future = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')";
        database.raw().batch_execute(future).unwrap();
        let error = yutang::store::Store::open(&database.config, database.keys.clone()).err().unwrap();
        assert_eq!(error, StoreError::TooNew { version: "29990101000000".into() });
        assert!(error.to_string().contains("29990101000000"), "{error}");
    });
}

#[test]
fn both_sides_have_the_same_tables_columns_keys_and_indexes() {
    let Some(postgres) = Database::postgres() else { return };
    let sqlite = Database::sqlite();
    migrate::up(&sqlite.config).unwrap();
    migrate::up(&postgres.config).unwrap();
    let (left, right) = (shape(&mut sqlite.raw()), shape(&mut postgres.raw()));
    assert!(left.len() >= 15, "{left:#?}");
    for (table, facts) in &left {
        assert_eq!(Some(facts), right.get(table), "{table}");
    }
    assert_eq!(left.len(), right.len());
}

/// What there is to say about each table, sorted.
type Shape = BTreeMap<String, Vec<String>>;

#[derive(diesel::QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = Text)]
    fact: String,
}

fn shape(conn: &mut DbConn) -> Shape {
    let queries = match conn {
        DbConn::Sqlite(_) => SQLITE,
        DbConn::Pg(_) => POSTGRESQL,
    };
    let mut shape = Shape::new();
    for query in queries {
        for Fact { of, fact } in diesel::sql_query(*query).load::<Fact>(conn).unwrap() {
            shape.entry(of).or_default().push(fact);
        }
    }
    shape.remove("__diesel_schema_migrations");
    shape.values_mut().for_each(|facts| facts.sort());
    shape
}

/// Columns, primary keys, other unique keys, plain indexes, foreign keys. An expression in a key is `?`; a unique key's name is its
/// own business, an index has the same on both sides.
const SQLITE: &[&str] = &[
    "SELECT t.name AS of, c.name || ' ' || CASE WHEN c.pk = 1 AND c.type = 'INTEGER' THEN 'BIGINT' ELSE c.type END || \
         CASE WHEN c.\"notnull\" THEN ' NOT NULL' ELSE '' END AS fact \
         FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    "SELECT t.name AS of, 'PRIMARY KEY ' || (SELECT group_concat(name, ',') FROM \
         (SELECT c.name FROM pragma_table_info(t.name) c WHERE c.pk > 0 ORDER BY c.pk)) AS fact \
         FROM sqlite_master t WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' \
         AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.pk > 0)",
    "SELECT t.name AS of, CASE WHEN i.\"unique\" THEN 'UNIQUE' ELSE 'INDEX ' || i.name END || ' ' || \
         (SELECT group_concat(coalesce(name, '?'), ',') FROM (SELECT c.name FROM pragma_index_info(i.name) c ORDER BY c.seqno)) || \
         CASE WHEN i.partial THEN ' PARTIAL' ELSE '' END AS fact \
         FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.origin <> 'pk'",
    "SELECT t.name AS of, 'REFERENCES ' || f.\"from\" || ' ' || f.\"table\" || '.' || f.\"to\" || ' ' || f.on_delete AS fact \
         FROM sqlite_master t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
];

const POSTGRESQL: &[&str] = &[
    "SELECT table_name::text AS of, (column_name || ' ' || CASE data_type WHEN 'bytea' THEN 'BLOB' ELSE upper(data_type) END || \
         CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END)::text AS fact \
         FROM information_schema.columns WHERE table_schema = current_schema()",
    "SELECT t.relname::text AS of, (CASE WHEN i.indisprimary THEN 'PRIMARY KEY' WHEN i.indisunique THEN 'UNIQUE' \
         ELSE 'INDEX ' || x.relname END || ' ' || (SELECT string_agg(coalesce(a.attname, '?'), ',' ORDER BY k.place) \
         FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k (number, place) \
         LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number AND k.number > 0) || \
         CASE WHEN i.indpred IS NULL THEN '' ELSE ' PARTIAL' END)::text AS fact \
         FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid \
         WHERE t.relnamespace = current_schema()::regnamespace",
    "SELECT t.relname::text AS of, ('REFERENCES ' || a.attname || ' ' || r.relname || '.' || b.attname || ' ' || \
         CASE c.confdeltype WHEN 'n' THEN 'SET NULL' WHEN 'c' THEN 'CASCADE' ELSE c.confdeltype::text END)::text AS fact \
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid \
         CROSS JOIN unnest(c.conkey, c.confkey) AS k (here, there) \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.here \
         JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = k.there \
         WHERE c.contype = 'f' AND t.relnamespace = current_schema()::regnamespace",
];
