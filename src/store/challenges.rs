//! What the platform wants a person to pass: for each account one open row at most.

use diesel::prelude::*;

use super::{
    DbConn, Page, Scope, Sealed,
    accounts::within,
    connection::per_backend,
    schema::{accounts, challenges},
};
use crate::{
    captcha::challenge::{State, Trouble},
    ids::{AccountId, ChallengeId, Timestamp, UserId},
};

/// As it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Row {
    pub id: ChallengeId,
    pub account: AccountId,
    pub owner: UserId,
    pub account_name: String,
    pub state: State,
    /// Why it failed.
    pub trouble: Option<Trouble>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// When a person first opened its page, and who.
    pub opened_at: Option<Timestamp>,
    pub opened_by: Option<String>,
    pub ended_at: Option<Timestamp>,
}

/// What it is about. Secrets: for the engine, and for the person who passes it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = challenges)]
pub struct Demand {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    /// Sealed for [`url_place`].
    pub url: Sealed,
    pub state: State,
    pub expires_at: Timestamp,
}

/// A demand of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// Used unless the account has an open one.
    pub id: ChallengeId,
    pub account: AccountId,
    pub url: Sealed,
    pub expires_at: Timestamp,
}

/// Which ones a person wants to see; `None` is all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub state: Option<State>,
    /// `Some(true)`: only what waits.
    pub open: Option<bool>,
}

/// An account has one at a time, so that its rows' secrets may be moved to a newer demand.
pub fn url_place(account: AccountId) -> String {
    format!("challenges.url:{account}")
}

/// For the engine: the platform wants a person. Where one is open already it keeps its id, and has the newer address.
/// Returns under which id it is found.
pub fn open(conn: &mut DbConn, new: &New, now: Timestamp) -> QueryResult<ChallengeId> {
    expire(conn, now)?;
    let demand = (challenges::url.eq(&new.url), challenges::expires_at.eq(new.expires_at));
    if let Some((id, _, _)) = find_open(conn, new.account)? {
        diesel::update(challenges::table.find(&id)).set(demand).execute(conn)?;
        return Ok(id);
    }
    let values = (
        demand,
        challenges::id.eq(&new.id),
        challenges::account_id.eq(new.account),
        challenges::state.eq(State::Open),
        challenges::created_at.eq(now),
    );
    per_backend!(&mut *conn, conn => diesel::insert_into(challenges::table).values(values).execute(conn))?;
    Ok(new.id.clone())
}

/// For the engine: the account's open one, how it stands and until when.
pub fn find_open(conn: &mut DbConn, account: AccountId) -> QueryResult<Option<(ChallengeId, State, Timestamp)>> {
    challenges::table
        .filter(challenges::account_id.eq(account).and(challenges::ended_at.is_null()))
        .select((challenges::id, challenges::state, challenges::expires_at))
        .first(conn)
        .optional()
}

/// For the engine: the account's last one that was made at `since` or later, over or not.
pub fn latest(conn: &mut DbConn, account: AccountId, since: Timestamp) -> QueryResult<Option<ChallengeId>> {
    challenges::table
        .filter(challenges::account_id.eq(account).and(challenges::created_at.ge(since)))
        .order((challenges::created_at.desc(), challenges::id))
        .select(challenges::id)
        .first(conn)
        .optional()
}

/// For the engine: what it is about; `None` where there is none.
pub fn find_demand(conn: &mut DbConn, id: &ChallengeId) -> QueryResult<Option<Demand>> {
    challenges::table.find(id).select(Demand::as_select()).get_result(conn).optional()
}

/// For the engine: those whose time is over end.
pub fn expire(conn: &mut DbConn, now: Timestamp) -> QueryResult<usize> {
    let late = challenges::table.filter(challenges::ended_at.is_null().and(challenges::expires_at.le(now)));
    diesel::update(late).set((challenges::state.eq(State::Expired), challenges::ended_at.eq(now))).execute(conn)
}

/// For the engine: those that are not over, and until when.
pub fn all_open(conn: &mut DbConn) -> QueryResult<Vec<(ChallengeId, Timestamp)>> {
    challenges::table
        .filter(challenges::ended_at.is_null())
        .order(challenges::id)
        .select((challenges::id, challenges::expires_at))
        .load(conn)
}

/// For the engine: its page is open. Who opened it first is kept. `false`: it is over.
pub fn mark_shown(conn: &mut DbConn, id: &ChallengeId, by: &str, now: Timestamp) -> QueryResult<bool> {
    let open = challenges::table.filter(challenges::id.eq(id).and(challenges::ended_at.is_null()));
    let rows = diesel::update(open).set(challenges::state.eq(State::Shown)).execute(conn)?;
    let first = challenges::table.filter(challenges::id.eq(id).and(challenges::opened_at.is_null()));
    diesel::update(first).set((challenges::opened_at.eq(now), challenges::opened_by.eq(by))).execute(conn)?;
    Ok(rows == 1)
}

/// For the engine: the account's login is another one now, or the platform lets it call again by other means: nobody is to pass anything.
pub(super) fn end_of(conn: &mut DbConn, account: AccountId, now: Timestamp) -> QueryResult<()> {
    let open = challenges::table.filter(challenges::account_id.eq(account).and(challenges::ended_at.is_null()));
    diesel::update(open)
        .set((challenges::state.eq(State::Cancelled), challenges::ended_at.eq(now)))
        .execute(conn)
        .map(drop)
}

/// For the engine: how it ended, unless it ended before. `false`: it did.
pub fn end(
    conn: &mut DbConn,
    id: &ChallengeId,
    state: State,
    trouble: Option<Trouble>,
    now: Timestamp,
) -> QueryResult<bool> {
    let open = challenges::table.filter(challenges::id.eq(id).and(challenges::ended_at.is_null()));
    let rows = diesel::update(open)
        .set((challenges::state.eq(state), challenges::trouble.eq(trouble), challenges::ended_at.eq(now)))
        .execute(conn)?;
    Ok(rows == 1)
}

macro_rules! shown {
    ($query:expr) => {
        $query.select((
            challenges::id,
            challenges::account_id,
            accounts::owner_id,
            accounts::name,
            challenges::state,
            challenges::trouble,
            challenges::created_at,
            challenges::expires_at,
            challenges::opened_at,
            challenges::opened_by,
            challenges::ended_at,
        ))
    };
}

macro_rules! fitting {
    ($scope:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = challenges::table.inner_join(accounts::table).filter(within!($scope)).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(challenges::account_id.eq(account));
        }
        if let Some(state) = filter.state {
            query = query.filter(challenges::state.eq(state));
        }
        match filter.open {
            Some(true) => query = query.filter(challenges::ended_at.is_null()),
            Some(false) => query = query.filter(challenges::ended_at.is_not_null()),
            None => {}
        }
        query
    }};
}

/// A part of those that fit, the newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Row>, i64)> {
    let total = fitting!(scope, filter).count().get_result(conn)?;
    let rows = shown!(fitting!(scope, filter))
        .order((challenges::created_at.desc(), challenges::id))
        .offset(page.offset)
        .limit(page.limit)
        .load(conn)?;
    Ok((rows, total))
}

/// `NotFound` also where it is somebody else's.
pub fn get(conn: &mut DbConn, scope: &Scope, id: &ChallengeId) -> QueryResult<Row> {
    shown!(challenges::table.inner_join(accounts::table))
        .filter(challenges::id.eq(id))
        .filter(within!(scope))
        .first(conn)
}

/// For an administrator, whose help was asked for: whosever it is.
pub fn get_of_anybody(conn: &mut DbConn, id: &ChallengeId) -> QueryResult<Row> {
    shown!(challenges::table.inner_join(accounts::table)).filter(challenges::id.eq(id)).first(conn)
}
