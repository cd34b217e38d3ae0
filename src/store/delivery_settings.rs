//! How accounts deliver.

use diesel::prelude::*;

use super::{DbConn, Scope, accounts, connection::per_backend, schema::delivery_settings};
use crate::ids::{AccountId, Timestamp};

/// What is set for an account.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = delivery_settings)]
pub struct DeliverySettings {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    /// Paid orders are served.
    pub enabled: bool,
    /// The platform is told that an order is shipped, once its buyer has everything.
    pub confirm_shipment: bool,
    /// Bargains (小刀) are let through without further helpers.
    pub free_shipping: bool,
    /// Said after all of it; empty: nothing.
    pub receipt: String,
    /// Said where not everything is in stock; empty: nothing.
    pub out_of_stock: String,
    pub updated_at: Timestamp,
}

impl DeliverySettings {
    /// What holds where nobody set anything: nothing is delivered.
    pub fn unset(account: AccountId) -> Self {
        Self {
            account,
            enabled: false,
            confirm_shipment: true,
            free_shipping: false,
            receipt: String::new(),
            out_of_stock: String::new(),
            updated_at: Timestamp(0),
        }
    }
}

/// For the engine.
pub fn find(conn: &mut DbConn, account: AccountId) -> QueryResult<DeliverySettings> {
    let found =
        delivery_settings::table.find(account).select(DeliverySettings::as_select()).get_result(conn).optional()?;
    Ok(found.unwrap_or_else(|| DeliverySettings::unset(account)))
}

/// `NotFound` also where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<DeliverySettings> {
    accounts::get(conn, scope, account)?;
    find(conn, account)
}

/// `NotFound` also where the account belongs to somebody else.
pub fn put(conn: &mut DbConn, scope: &Scope, settings: &DeliverySettings) -> QueryResult<()> {
    accounts::get(conn, scope, settings.account)?;
    per_backend!(&mut *conn, conn => diesel::insert_into(delivery_settings::table)
        .values(settings)
        .on_conflict(delivery_settings::account_id)
        .do_update()
        .set(settings)
        .execute(conn))
    .map(drop)
}
