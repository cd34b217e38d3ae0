//! Codes that were sent by e-mail, hashed: one live code for an address and purpose. For logins and registrations: no scope.

use diesel::prelude::*;

use super::{DbConn, connection::per_backend, schema::email_codes};
use crate::{
    access::{
        code::{MAX_TRIES, Purpose},
        token::same,
    },
    ids::Timestamp,
};

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The code is used up.
    Right,
    /// After the last try there is no code any more.
    Wrong { left: u8 },
    /// There is no code, or no longer.
    Gone,
}

/// S7: a new code takes the place of the one before, and its tries.
pub fn put(
    conn: &mut DbConn,
    email: &str,
    purpose: Purpose,
    hash: &[u8],
    now: Timestamp,
    expires_at: Timestamp,
) -> QueryResult<()> {
    let values = (
        email_codes::hash.eq(hash),
        email_codes::tries.eq(0),
        email_codes::created_at.eq(now),
        email_codes::expires_at.eq(expires_at),
    );
    per_backend!(conn, conn => diesel::insert_into(email_codes::table)
        .values((email_codes::email.eq(email), email_codes::purpose.eq(purpose.as_str()), values))
        .on_conflict((email_codes::email, email_codes::purpose))
        .do_update()
        .set(values)
        .execute(conn)
        .map(drop))
}

/// Tries a code. The try is counted before the hashes are compared, in one statement: also tries at the same moment are five at most.
pub fn take_try(conn: &mut DbConn, email: &str, purpose: Purpose, hash: &[u8], now: Timestamp) -> QueryResult<Outcome> {
    let code = email_codes::table.find((email, purpose.as_str()));
    let live = email_codes::expires_at.gt(now).and(email_codes::tries.lt(i64::from(MAX_TRIES)));
    let counted = per_backend!(&mut *conn, conn => diesel::update(code)
        .filter(live)
        .set(email_codes::tries.eq(email_codes::tries + 1))
        .returning((email_codes::hash, email_codes::tries))
        .get_result::<(Vec<u8>, i64)>(conn)
        .optional())?;
    let Some((stored, tries)) = counted else { return Ok(Outcome::Gone) };
    let outcome = match u8::try_from(tries) {
        _ if same(&stored, hash) => Outcome::Right,
        Ok(tries) => Outcome::Wrong { left: MAX_TRIES.saturating_sub(tries) },
        Err(_) => Outcome::Wrong { left: 0 },
    };
    if matches!(outcome, Outcome::Right | Outcome::Wrong { left: 0 }) {
        diesel::delete(code).execute(conn)?;
    }
    Ok(outcome)
}

/// An address belongs to nobody any more.
pub fn delete_all(conn: &mut DbConn, email: &str) -> QueryResult<usize> {
    diesel::delete(email_codes::table.filter(email_codes::email.eq(email))).execute(conn)
}

/// Removes what has expired.
pub fn purge(conn: &mut DbConn, now: Timestamp) -> QueryResult<usize> {
    diesel::delete(email_codes::table.filter(email_codes::expires_at.le(now))).execute(conn)
}
