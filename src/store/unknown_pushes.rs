//! Push entries nobody could read, sealed, for the report that teaches us the new format.

use diesel::prelude::*;

use super::{DbConn, Keys, Scope, Sealed, accounts::own, column::without_nul, schema::unknown_pushes};
use crate::ids::{AccountId, Timestamp};

/// Kept for each account; older ones go.
pub const KEPT: i64 = 200;

/// An entry as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPush {
    pub account: AccountId,
    pub received_at: Timestamp,
    pub object_type: Option<i64>,
    pub error: Option<String>,
    /// The entry's base64 text.
    pub data: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = unknown_pushes)]
pub struct UnknownPush {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    pub received_at: Timestamp,
    pub object_type: Option<i64>,
    pub error: Option<String>,
    /// Sealed for [`data_place`].
    pub data: Sealed,
}

pub fn data_place(account: AccountId) -> String {
    format!("unknown_pushes.data:{account}")
}

/// For the engine: keeps an entry, and of the account's entries the newest [`KEPT`].
pub fn insert(conn: &mut DbConn, keys: &Keys, push: &NewPush) -> QueryResult<()> {
    diesel::insert_into(unknown_pushes::table)
        .values((
            unknown_pushes::account_id.eq(push.account),
            unknown_pushes::received_at.eq(push.received_at),
            unknown_pushes::object_type.eq(push.object_type),
            unknown_pushes::error.eq(push.error.as_deref().map(without_nul)),
            unknown_pushes::data.eq(keys.seal(&data_place(push.account), &push.data)),
        ))
        .execute(conn)?;
    let oldest_to_go = unknown_pushes::table
        .filter(unknown_pushes::account_id.eq(push.account))
        .order(unknown_pushes::id.desc())
        .offset(KEPT)
        .select(unknown_pushes::id)
        .first::<i64>(conn)
        .optional()?;
    let Some(id) = oldest_to_go else { return Ok(()) };
    let old = unknown_pushes::table.filter(unknown_pushes::account_id.eq(push.account).and(unknown_pushes::id.le(id)));
    diesel::delete(old).execute(conn).map(drop)
}

/// Newest first.
pub fn list(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<Vec<UnknownPush>> {
    unknown_pushes::table
        .filter(unknown_pushes::account_id.eq(account))
        .filter(unknown_pushes::account_id.eq_any(own!(scope)))
        .order(unknown_pushes::id.desc())
        .select(UnknownPush::as_select())
        .load(conn)
}
