//! How far each account's messages are known to be stored. For the engine only.

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt},
};

use super::{DbConn, schema::account_cursors};
use crate::ids::{AccountId, Timestamp};

/// `pts` is the platform's position; `seen_at` the time of the newest message that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = account_cursors)]
pub struct Cursor {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    pub pts: i64,
    pub seen_at: Timestamp,
}

pub fn load(conn: &mut DbConn, account: AccountId) -> QueryResult<Option<Cursor>> {
    account_cursors::table.find(account).select(Cursor::as_select()).get_result(conn).optional()
}

/// All of them at once, for a start with many accounts.
pub fn load_all(conn: &mut DbConn) -> QueryResult<Vec<Cursor>> {
    account_cursors::table.select(Cursor::as_select()).load(conn)
}

const SQLITE_PUT: &str = "INSERT INTO account_cursors (account_id, pts, seen_at) VALUES ($1, $2, $3) \
     ON CONFLICT (account_id) DO UPDATE SET pts = max(pts, excluded.pts), seen_at = max(seen_at, excluded.seen_at)";

const POSTGRES_PUT: &str = "INSERT INTO account_cursors AS stored (account_id, pts, seen_at) \
     SELECT account_id, max(pts), max(seen_at) FROM unnest($1, $2, $3) AS new (account_id, pts, seen_at) GROUP BY account_id \
     ON CONFLICT (account_id) DO UPDATE SET pts = greatest(stored.pts, excluded.pts), \
     seen_at = greatest(stored.seen_at, excluded.seen_at)";

/// Moves cursors ahead; neither number ever goes back, in whatever order writes arrive.
pub fn put_many(conn: &mut DbConn, cursors: &[Cursor]) -> QueryResult<()> {
    match conn {
        DbConn::Sqlite(conn) => cursors.iter().try_for_each(|cursor| {
            diesel::sql_query(SQLITE_PUT)
                .bind::<BigInt, _>(cursor.account)
                .bind::<BigInt, _>(cursor.pts)
                .bind::<BigInt, _>(cursor.seen_at)
                .execute(conn)
                .map(drop)
        }),
        DbConn::Pg(conn) => diesel::sql_query(POSTGRES_PUT)
            .bind::<Array<BigInt>, _>(cursors.iter().map(|cursor| cursor.account).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(cursors.iter().map(|cursor| cursor.pts).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(cursors.iter().map(|cursor| cursor.seen_at).collect::<Vec<_>>())
            .execute(conn)
            .map(drop),
    }
}
