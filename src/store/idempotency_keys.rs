//! What a POST with an `Idempotency-Key` was answered, so that a repeated one is answered the same and done once.

use diesel::prelude::*;

use super::{DbConn, Sealed, connection::per_backend, schema::idempotency_keys};
use crate::ids::{Timestamp, UserId};

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody used it: it is claimed now.
    New,
    /// It was used for another request.
    Other,
    /// Still at work; or the process ended meanwhile, and nobody knows whether it was done.
    Unanswered,
    Answered {
        status: u16,
        body: Sealed,
    },
}

/// The place an answer is sealed for.
pub fn place(user: UserId, key: &str) -> String {
    format!("idempotency_keys.body:{user}:{key}")
}

/// Takes the key, or says what became of it.
pub fn claim(conn: &mut DbConn, user: UserId, key: &str, fingerprint: &[u8], now: Timestamp) -> QueryResult<Claim> {
    let inserted = per_backend!(&mut *conn, conn => diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::user_id.eq(user),
            idempotency_keys::key.eq(key),
            idempotency_keys::fingerprint.eq(fingerprint),
            idempotency_keys::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(conn))?;
    if inserted == 1 {
        return Ok(Claim::New);
    }
    let (known, status, body): (Vec<u8>, Option<i64>, Option<Sealed>) = idempotency_keys::table
        .find((user, key))
        .select((idempotency_keys::fingerprint, idempotency_keys::status, idempotency_keys::body))
        .get_result(conn)?;
    let answered = status.and_then(|status| u16::try_from(status).ok()).zip(body);
    Ok(match answered {
        _ if known != fingerprint => Claim::Other,
        Some((status, body)) => Claim::Answered { status, body },
        None => Claim::Unanswered,
    })
}

pub fn answer(conn: &mut DbConn, user: UserId, key: &str, status: u16, body: &Sealed) -> QueryResult<()> {
    diesel::update(idempotency_keys::table.find((user, key)))
        .set((idempotency_keys::status.eq(i64::from(status)), idempotency_keys::body.eq(body)))
        .execute(conn)
        .map(drop)
}

/// Nothing was done: the key may be used again.
pub fn release(conn: &mut DbConn, user: UserId, key: &str) -> QueryResult<()> {
    diesel::delete(idempotency_keys::table.find((user, key))).execute(conn).map(drop)
}
