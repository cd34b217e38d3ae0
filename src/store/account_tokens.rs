//! What the token governor must not forget across restarts: the token, its device, the day's budget, an open breaker.
//! For the engine only: no row is ever shown.

use diesel::prelude::*;

use super::{DbConn, Keys, Sealed, challenges, connection::per_backend, schema::account_tokens};
use crate::{
    account::token::{Cause, Governor},
    ids::{AccountId, ChallengeId, Timestamp},
};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = account_tokens, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct TokenRow {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    /// Sealed for [`token_place`].
    pub token: Option<Sealed>,
    pub device_id: String,
    /// The cookie it belongs to: with a newer one, token and breaker are void.
    pub credentials_version: i64,
    pub issued_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    /// Days since 1970, UTC.
    pub budget_day: i64,
    /// Requests made on that day.
    pub budget_used: i64,
    /// Set while the platform wants a person.
    pub breaker_since: Option<Timestamp>,
    pub breaker_reason: Option<String>,
    /// Sealed for [`breaker_place`]: the address carries the session.
    pub breaker_url: Option<Sealed>,
}

pub fn token_place(account: AccountId) -> String {
    format!("account_tokens.token:{account}")
}

pub fn breaker_place(account: AccountId) -> String {
    format!("account_tokens.breaker_url:{account}")
}

pub fn load(conn: &mut DbConn, account: AccountId) -> QueryResult<Option<TokenRow>> {
    account_tokens::table.find(account).select(TokenRow::as_select()).get_result(conn).optional()
}

/// All of them at once, for a start with many accounts.
pub fn load_all(conn: &mut DbConn) -> QueryResult<Vec<TokenRow>> {
    account_tokens::table.select(TokenRow::as_select()).load(conn)
}

/// The whole row, whatever was there.
pub fn save(conn: &mut DbConn, row: &TokenRow) -> QueryResult<()> {
    per_backend!(conn, conn => diesel::insert_into(account_tokens::table)
        .values(row)
        .on_conflict(account_tokens::account_id)
        .do_update()
        .set(row)
        .execute(conn))
    .map(drop)
}

/// What a governor knows, sealed: the token belongs to the credentials of this `version`.
pub fn put(conn: &mut DbConn, keys: &Keys, account: AccountId, version: i64, governor: &Governor) -> QueryResult<()> {
    let (token, breaker) = (governor.token.as_ref(), governor.breaker.as_ref());
    let url = breaker.and_then(|breaker| breaker.url.as_ref());
    let row = TokenRow {
        account,
        token: token.map(|token| keys.seal(&token_place(account), &token.value)),
        device_id: governor.device_id.clone(),
        credentials_version: version,
        issued_at: token.map(|token| token.issued_at),
        expires_at: token.and_then(|token| token.expires_at),
        budget_day: governor.budget_day,
        budget_used: i64::from(governor.budget_used),
        breaker_since: breaker.map(|breaker| breaker.since),
        breaker_reason: breaker.map(|breaker| breaker.cause.as_str().to_owned()),
        breaker_url: url.map(|url| keys.seal(&breaker_place(account), url)),
    };
    save(conn, &row)
}

/// [`put`] of a governor that has just been tripped: where the platform named a page, a challenge is open for a person with the same commit.
/// `fresh` is its id unless one is open already; `until` its end.
pub fn put_tripped(
    conn: &mut DbConn,
    keys: &Keys,
    account: AccountId,
    version: i64,
    governor: &Governor,
    (fresh, until): (ChallengeId, Timestamp),
    now: Timestamp,
) -> QueryResult<()> {
    put(conn, keys, account, version, governor)?;
    let breaker = governor.breaker.as_ref().filter(|breaker| breaker.cause == Cause::Challenge);
    let Some(url) = breaker.and_then(|breaker| breaker.url.as_ref()) else { return Ok(()) };
    let url = keys.seal(&challenges::url_place(account), url);
    challenges::open(conn, &challenges::New { id: fresh, account, url, expires_at: until }, now).map(drop)
}

/// The platform refused the token; its device stays.
pub fn forget(conn: &mut DbConn, account: AccountId) -> QueryResult<()> {
    let none = (account_tokens::token.eq(None::<Sealed>), account_tokens::expires_at.eq(None::<Timestamp>));
    diesel::update(account_tokens::table.find(account)).set(none).execute(conn).map(drop)
}
