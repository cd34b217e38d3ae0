//! What the whole database says about how the engine is doing, for operators: no tenant's rows, only counts.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};

use super::DbConn;
use crate::ids::Timestamp;

/// Counts over all tenants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vitals {
    /// Sends that were not handed to the platform yet.
    pub queued: u64,
    /// Sends that were, and whose outcome is not known yet.
    pub sent: u64,
    /// Accounts whose breaker is open, by cause.
    pub breakers: Vec<(String, u64)>,
    /// Sessions that have not expired.
    pub sessions: u64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The literals are those of the partial index `outbox_unsettled`: a parameter could not use it.
const UNSETTLED: &str =
    "SELECT state AS what, count(*) AS number FROM outbox WHERE state IN ('queued', 'sent') GROUP BY state";

const BREAKERS: &str = "SELECT breaker_reason AS what, count(*) AS number FROM account_tokens \
     WHERE breaker_since IS NOT NULL AND breaker_reason IS NOT NULL GROUP BY breaker_reason";

/// For the engine.
pub fn read_for_engine(conn: &mut DbConn, now: Timestamp) -> QueryResult<Vitals> {
    use super::schema::sessions;
    let (mut vitals, positive) = (Vitals::default(), |number: i64| u64::try_from(number).unwrap_or(0));
    for Count { what, number } in diesel::sql_query(UNSETTLED).load(conn)? {
        match what.as_str() {
            "queued" => vitals.queued = positive(number),
            _ => vitals.sent = positive(number),
        }
    }
    let breakers: Vec<Count> = diesel::sql_query(BREAKERS).load(conn)?;
    vitals.breakers = breakers.into_iter().map(|Count { what, number }| (what, positive(number))).collect();
    vitals.sessions = positive(sessions::table.filter(sessions::expires_at.gt(now)).count().get_result(conn)?);
    Ok(vitals)
}
