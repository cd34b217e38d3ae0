//! What is known of accounts' logins besides their secrets.

use diesel::prelude::*;

use super::{DbConn, Scope, accounts, connection::per_backend, schema::account_sessions};
use crate::{
    account::{
        login_session::{Checks, Claim},
        state::Reason,
    },
    ids::{AccountId, Timestamp},
};

/// As it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = account_sessions)]
pub struct AccountSession {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    /// The seller's name on the platform.
    pub nickname: Option<String>,
    /// The address of their picture there.
    pub picture: Option<String>,
    /// When the login is thought to end.
    pub ends_at: Option<Timestamp>,
    pub checked_at: Option<Timestamp>,
    check_day: i64,
    checks_used: i64,
    check_silent: bool,
    pub kicked_at: Option<Timestamp>,
    pub kick_reason: Option<Reason>,
    /// What the platform said with it.
    pub kick_detail: Option<String>,
    pub probed_at: Option<Timestamp>,
    /// How long the answer took, in milliseconds.
    pub probe_ms: Option<i64>,
    /// `None`: the connection stood.
    pub probe_error: Option<String>,
    pub gaps_filled: i64,
    pub gap_filled_at: Option<Timestamp>,
}

impl AccountSession {
    pub fn checks(&self) -> Checks {
        let used = u32::try_from(self.checks_used).unwrap_or(u32::MAX);
        Checks { at: self.checked_at, day: self.check_day, used, silent: self.check_silent }
    }
}

/// For the engine. `None`: nothing happened yet.
pub fn find(conn: &mut DbConn, account: AccountId) -> QueryResult<Option<AccountSession>> {
    account_sessions::table.find(account).select(AccountSession::as_select()).get_result(conn).optional()
}

/// `NotFound` where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<Option<AccountSession>> {
    accounts::get(conn, scope, account)?;
    find(conn, account)
}

/// Sets columns of the account's row, which is made where there is none.
macro_rules! set {
    ($conn:expr, $account:expr, $columns:expr) => {{
        let (account, columns) = ($account, $columns);
        per_backend!(&mut *$conn, conn => diesel::insert_into(account_sessions::table)
            .values((account_sessions::account_id.eq(account), columns.clone()))
            .on_conflict(account_sessions::account_id)
            .do_update()
            .set(columns)
            .execute(conn))
        .map(drop)
    }};
}

/// For the engine: whether somebody whose call was refused may check the login; counted with the same commit.
pub fn claim_check(
    conn: &mut DbConn,
    account: AccountId,
    seen: Option<Timestamp>,
    now: Timestamp,
) -> QueryResult<Claim> {
    let mut checks = checks(conn, account)?;
    let claim = checks.claim(seen, now);
    if claim == Claim::Granted {
        put_checks(conn, account, checks)?;
    }
    Ok(claim)
}

/// For the engine: whether the daily check is due; counted with the same commit.
pub fn claim_care(conn: &mut DbConn, account: AccountId, now: Timestamp) -> QueryResult<bool> {
    let Some(credentials) = accounts::load_credentials(conn, account)? else { return Ok(false) };
    let mut checks = checks(conn, account)?;
    let is_due = checks.claim_care(account, credentials.set_at, now);
    if is_due {
        put_checks(conn, account, checks)?;
    }
    Ok(is_due)
}

/// For the engine: when the daily check is due. `None`: the account is gone.
pub fn next_care(conn: &mut DbConn, account: AccountId) -> QueryResult<Option<Timestamp>> {
    let Some(credentials) = accounts::load_credentials(conn, account)? else { return Ok(None) };
    Ok(Some(checks(conn, account)?.next_care(account, credentials.set_at)))
}

/// For the engine: the check that was claimed last got no answer.
pub fn unanswered(conn: &mut DbConn, account: AccountId, now: Timestamp) -> QueryResult<()> {
    let mut checks = checks(conn, account)?;
    checks.got_no_answer(now);
    put_checks(conn, account, checks)
}

/// For the engine: the check that was claimed was answered, but not with yes or no.
pub fn answered_oddly(conn: &mut DbConn, account: AccountId) -> QueryResult<()> {
    let mut checks = checks(conn, account)?;
    checks.got_no_use();
    put_checks(conn, account, checks)
}

fn checks(conn: &mut DbConn, account: AccountId) -> QueryResult<Checks> {
    Ok(find(conn, account)?.map_or_else(Checks::default, |session| session.checks()))
}

fn put_checks(conn: &mut DbConn, account: AccountId, checks: Checks) -> QueryResult<()> {
    let columns = (
        account_sessions::checked_at.eq(checks.at),
        account_sessions::check_day.eq(checks.day),
        account_sessions::checks_used.eq(i64::from(checks.used)),
        account_sessions::check_silent.eq(checks.silent),
    );
    set!(conn, account, columns)
}

/// The cookie says, or lets us think, when the login ends.
pub(super) fn note_end(conn: &mut DbConn, account: AccountId, at: Timestamp) -> QueryResult<()> {
    set!(conn, account, account_sessions::ends_at.eq(Some(at)))
}

/// For the engine: who the platform says the seller is.
pub fn note_profile(conn: &mut DbConn, account: AccountId, nickname: &str, picture: Option<&str>) -> QueryResult<()> {
    set!(conn, account, (account_sessions::nickname.eq(nickname), account_sessions::picture.eq(picture)))
}

/// For the engine: the platform ended the connection for another one.
pub fn note_kick(
    conn: &mut DbConn,
    account: AccountId,
    reason: Reason,
    detail: &str,
    now: Timestamp,
) -> QueryResult<()> {
    let columns = (
        account_sessions::kicked_at.eq(now),
        account_sessions::kick_reason.eq(reason),
        account_sessions::kick_detail.eq(detail),
    );
    set!(conn, account, columns)
}

/// For the engine: a person had the connection tried. `outcome`: in how many milliseconds it answered, or why it did not.
pub fn note_probe(
    conn: &mut DbConn,
    account: AccountId,
    outcome: Result<i64, &str>,
    now: Timestamp,
) -> QueryResult<()> {
    let columns = (
        account_sessions::probed_at.eq(now),
        account_sessions::probe_ms.eq(outcome.ok()),
        account_sessions::probe_error.eq(outcome.err()),
    );
    set!(conn, account, columns)
}

/// For the engine: a search for missed messages came to its end.
pub fn note_gap_filled(conn: &mut DbConn, account: AccountId, now: Timestamp) -> QueryResult<()> {
    let before = find(conn, account)?.map_or(0, |session| session.gaps_filled);
    let columns = (account_sessions::gaps_filled.eq(before + 1), account_sessions::gap_filled_at.eq(now));
    set!(conn, account, columns)
}
