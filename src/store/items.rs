//! What is known of items met in chats: above all who sells them. For the engine only.

use diesel::prelude::*;

use super::{DbConn, connection::per_backend, schema::items};
use crate::ids::{AccountId, BuyerId, ItemId, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = items)]
pub struct ItemRow {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = item_id)]
    pub item: ItemId,
    #[diesel(column_name = seller_id)]
    pub seller: BuyerId,
    pub title: String,
    pub fetched_at: Timestamp,
}

/// Those of these items that are known.
pub fn find_many(conn: &mut DbConn, account: AccountId, items: &[ItemId]) -> QueryResult<Vec<ItemRow>> {
    let mut found = Vec::with_capacity(items.len());
    for some in items.chunks(500) {
        let query = items::table
            .filter(items::account_id.eq(account).and(items::item_id.eq_any(some)))
            .select(ItemRow::as_select());
        found.extend(query.load::<ItemRow>(conn)?);
    }
    Ok(found)
}

/// The whole row, whatever was there.
pub fn put(conn: &mut DbConn, item: &ItemRow) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::insert_into(items::table)
        .values(item)
        .on_conflict((items::account_id, items::item_id))
        .do_update()
        .set(item)
        .execute(conn))
    .map(drop)
}
