//! What else is done about orders, each once.

use std::{collections::HashMap, time::Duration};

use diesel::prelude::*;

use super::{DbConn, connection::per_backend, schema::order_actions};
use crate::{
    delivery::step::Deed,
    ids::{AccountId, OrderId, Timestamp},
};

/// After the platform refused something, it is tried again after this long, and twice and four times that.
const PAUSE: Duration = Duration::from_secs(15);

/// So often in all.
const TRIES: i64 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The platform is told that it is shipped.
    Ship,
    /// A bargain is let through.
    FreeShipping,
    /// The seller's own program is asked what it gets.
    Fetch,
    Receipt,
    OutOfStock,
    /// A person said that they see to it.
    ByHand,
    /// A person said that what it is to get is sent also where the platform says that it is shipped.
    GiveAnyway,
    /// The buyer has everything.
    Delivered,
}

impl Action {
    const ALL: [Self; 8] = [
        Self::Ship,
        Self::FreeShipping,
        Self::Fetch,
        Self::Receipt,
        Self::OutOfStock,
        Self::ByHand,
        Self::GiveAnyway,
        Self::Delivered,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ship => "ship",
            Self::FreeShipping => "free_shipping",
            Self::Fetch => "fetch",
            Self::Receipt => "receipt",
            Self::OutOfStock => "out_of_stock",
            Self::ByHand => "by_hand",
            Self::GiveAnyway => "give_anyway",
            Self::Delivered => "delivered",
        }
    }
}

impl std::str::FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|action| action.as_str() == text);
        found.ok_or_else(|| format!("unknown action {text:?}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Due,
    Done,
    Failed,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::Due, Self::Done, Self::Failed].into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("unknown state of an action {text:?}"))
    }
}

/// As it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = order_actions)]
pub struct Row {
    pub kind: Action,
    pub state: State,
    pub tries: i64,
    pub error: Option<String>,
    pub not_before: Timestamp,
    pub done_at: Option<Timestamp>,
}

/// For the engine: what was done about an order.
pub fn of_order(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<HashMap<Action, Row>> {
    let rows: Vec<Row> = order_actions::table
        .filter(order_actions::account_id.eq(account).and(order_actions::order_id.eq(order)))
        .select(Row::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.kind, row)).collect())
}

/// Where an action stands. `is_wanted`: as the seller set it; what was begun counts whatever is set by now.
pub fn deed(actions: &HashMap<Action, Row>, action: Action, is_wanted: bool, now: Timestamp) -> Deed {
    match actions.get(&action) {
        Some(row) => match row.state {
            State::Done => Deed::Done,
            State::Failed => Deed::Refused,
            State::Due => Deed::Due(row.not_before),
        },
        None if is_wanted => Deed::Due(now),
        None => Deed::Off,
    }
}

fn put(conn: &mut DbConn, account: AccountId, order: &OrderId, row: &Row) -> QueryResult<()> {
    let values = (
        order_actions::state.eq(row.state),
        order_actions::tries.eq(row.tries),
        order_actions::error.eq(&row.error),
        order_actions::not_before.eq(row.not_before),
        order_actions::done_at.eq(row.done_at),
    );
    let key =
        (order_actions::account_id.eq(account), order_actions::order_id.eq(order), order_actions::kind.eq(row.kind));
    per_backend!(&mut *conn, conn => diesel::insert_into(order_actions::table)
        .values((key, values))
        .on_conflict((order_actions::account_id, order_actions::order_id, order_actions::kind))
        .do_update()
        .set(values)
        .execute(conn))
    .map(drop)
}

fn find(conn: &mut DbConn, account: AccountId, order: &OrderId, action: Action) -> QueryResult<Option<Row>> {
    order_actions::table.find((account, order, action)).select(Row::as_select()).first(conn).optional()
}

/// For the engine: it is done, for good.
pub fn mark_done(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    action: Action,
    now: Timestamp,
) -> QueryResult<()> {
    let tries = find(conn, account, order, action)?.map_or(0, |row| row.tries) + 1;
    let row = Row { kind: action, state: State::Done, tries, error: None, not_before: now, done_at: Some(now) };
    put(conn, account, order, &row)
}

/// For the engine: it was not done. `final_word`: the platform will never take it. Else when it may be tried again; `None`: not any more.
pub fn mark_failed(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    action: Action,
    error: &str,
    final_word: bool,
    now: Timestamp,
) -> QueryResult<Option<Timestamp>> {
    let tries = find(conn, account, order, action)?.map_or(0, |row| row.tries) + 1;
    let is_over = final_word || tries >= TRIES;
    let pause = PAUSE * 2_u32.saturating_pow(u32::try_from(tries - 1).unwrap_or(0));
    let again = now + pause;
    let state = if is_over { State::Failed } else { State::Due };
    let row = Row { kind: action, state, tries, error: Some(error.to_owned()), not_before: again, done_at: None };
    put(conn, account, order, &row)?;
    Ok((!is_over).then_some(again))
}

/// Nothing is known of it any more: it is begun anew where it is wanted.
pub fn forget(conn: &mut DbConn, account: AccountId, order: &OrderId, action: Action) -> QueryResult<bool> {
    Ok(diesel::delete(order_actions::table.find((account, order, action))).execute(conn)? == 1)
}
