//! What needs a person's decision: for each order and reason one open row at most.

use diesel::prelude::*;

use super::{DbConn, Page, Scope, accounts::own, changes, connection::per_backend, schema::review_items};
use crate::{
    delivery::{choice::Choice, review::Reason},
    ids::{AccountId, OrderId, ReviewId, Timestamp},
    order::change::OrderPart,
};

/// How an item ends that needs nobody any more.
const HEALED: &str = "healed";

/// How all of them end whose buyer is erased.
pub const ERASED: &str = "erased";

/// As it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = review_items)]
pub struct Row {
    pub id: ReviewId,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = order_id)]
    pub order: OrderId,
    pub reason: Reason,
    /// What is known, in the words of whoever knew it.
    pub detail: Option<String>,
    pub opened_at: Timestamp,
    pub reminded_at: Option<Timestamp>,
    /// `None`: it waits.
    pub closed_at: Option<Timestamp>,
    /// `healed`, `erased`, or what a person chose.
    pub resolution: Option<String>,
    pub closed_by: Option<String>,
    /// What they wrote about it.
    pub note: Option<String>,
}

/// Which ones a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub order: Option<OrderId>,
    pub reason: Option<Reason>,
    /// `Some(true)`: only what waits.
    pub open: Option<bool>,
}

/// For the engine: a person is to look. Where the same waits already, only what is known of it is renewed.
pub fn open(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    reason: Reason,
    detail: Option<&str>,
    now: Timestamp,
) -> QueryResult<()> {
    let same = review_items::table
        .filter(review_items::account_id.eq(account).and(review_items::order_id.eq(order)))
        .filter(review_items::reason.eq(reason).and(review_items::closed_at.is_null()));
    let renewed = diesel::update(same).set(review_items::detail.eq(detail)).execute(conn)?;
    if renewed > 0 {
        return Ok(());
    }
    let values = (
        review_items::account_id.eq(account),
        review_items::order_id.eq(order),
        review_items::reason.eq(reason),
        review_items::detail.eq(detail),
        review_items::opened_at.eq(now),
    );
    per_backend!(&mut *conn, conn => diesel::insert_into(review_items::table).values(values).execute(conn))?;
    changes::note(account, order, OrderPart::Reviews);
    Ok(())
}

/// For the engine: these need nobody any more.
pub fn heal(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    reasons: &[Reason],
    now: Timestamp,
) -> QueryResult<()> {
    let open = review_items::table
        .filter(review_items::account_id.eq(account).and(review_items::order_id.eq(order)))
        .filter(review_items::closed_at.is_null().and(review_items::reason.eq_any(reasons)));
    let healed = diesel::update(open)
        .set((review_items::closed_at.eq(now), review_items::resolution.eq(HEALED)))
        .execute(conn)?;
    if healed > 0 {
        changes::note(account, order, OrderPart::Reviews);
    }
    Ok(())
}

/// Its buyer is erased: nobody is asked any more, and nothing that was said stays.
pub(super) fn forget(conn: &mut DbConn, account: AccountId, order: &OrderId, now: Timestamp) -> QueryResult<()> {
    let all = || review_items::table.filter(review_items::account_id.eq(account).and(review_items::order_id.eq(order)));
    let words = (review_items::detail.eq(None::<String>), review_items::note.eq(None::<String>));
    diesel::update(all()).set(words).execute(conn)?;
    diesel::update(all().filter(review_items::closed_at.is_null()))
        .set((review_items::closed_at.eq(now), review_items::resolution.eq(ERASED)))
        .execute(conn)?;
    changes::note(account, order, OrderPart::Reviews);
    Ok(())
}

/// For the engine: why an order waits for a person.
pub fn of_order(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<Vec<Reason>> {
    review_items::table
        .filter(review_items::account_id.eq(account).and(review_items::order_id.eq(order)))
        .filter(review_items::closed_at.is_null())
        .order(review_items::id)
        .select(review_items::reason)
        .load(conn)
}

macro_rules! fitting {
    ($scope:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = review_items::table.filter(review_items::account_id.eq_any(own!($scope))).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(review_items::account_id.eq(account));
        }
        if let Some(order) = &filter.order {
            query = query.filter(review_items::order_id.eq(order));
        }
        if let Some(reason) = filter.reason {
            query = query.filter(review_items::reason.eq(reason));
        }
        match filter.open {
            Some(true) => query = query.filter(review_items::closed_at.is_null()),
            Some(false) => query = query.filter(review_items::closed_at.is_not_null()),
            None => {}
        }
        query
    }};
}

/// A part of those that fit, the newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Row>, i64)> {
    let total = fitting!(scope, filter).count().get_result(conn)?;
    let rows = fitting!(scope, filter)
        .order(review_items::id.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// `NotFound` also where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, id: ReviewId) -> QueryResult<Row> {
    review_items::table
        .find(id)
        .filter(review_items::account_id.eq_any(own!(scope)))
        .select(Row::as_select())
        .get_result(conn)
}

/// What a person decided, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<'a> {
    pub choice: Choice,
    pub by: &'a str,
    pub note: &'a str,
    /// When they began: what healed since then healed by what they chose.
    pub since: Timestamp,
}

/// A person decided. `false`: it waited no more.
pub fn close(conn: &mut DbConn, scope: &Scope, id: ReviewId, decided: &Decided, now: Timestamp) -> QueryResult<bool> {
    let healed = review_items::resolution.eq(HEALED).and(review_items::closed_at.ge(decided.since));
    let open = review_items::table
        .filter(review_items::id.eq(id))
        .filter(review_items::account_id.eq_any(own!(scope)))
        .filter(review_items::closed_at.is_null().or(healed));
    let values = (
        review_items::closed_at.eq(now),
        review_items::resolution.eq(decided.choice.as_str()),
        review_items::closed_by.eq(decided.by),
        review_items::note.eq(decided.note),
    );
    let closed: Option<(AccountId, OrderId)> = per_backend!(&mut *conn, conn => diesel::update(open)
        .set(values)
        .returning((review_items::account_id, review_items::order_id))
        .get_result(conn)
        .optional())?;
    if let Some((account, order)) = &closed {
        changes::note(*account, order, OrderPart::Reviews);
    }
    Ok(closed.is_some())
}
