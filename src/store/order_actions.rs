//! What else is done about orders, each once.

use std::{collections::HashMap, time::Duration};

use diesel::prelude::*;

use super::{DbConn, Page, Scope, accounts::own, changes, connection::per_backend, schema::order_actions};
use crate::{
    delivery::{follow_up::FollowUp, step::Deed},
    ids::{AccountId, OrderId, Timestamp},
    order::change::OrderPart,
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
    /// The buyer is asked to confirm that it came.
    AskConfirmation,
    /// The buyer is rated.
    Rate,
    /// A red flower (小红花) is asked for.
    Flower,
    /// It is closed, not being paid.
    Close,
    /// What is to be paid is changed.
    Price,
    /// Its item is taken off the sale: it took the last piece in stock.
    OffSale,
}

impl Action {
    const ALL: [Self; 14] = [
        Self::Ship,
        Self::FreeShipping,
        Self::Fetch,
        Self::Receipt,
        Self::OutOfStock,
        Self::ByHand,
        Self::GiveAnyway,
        Self::Delivered,
        Self::AskConfirmation,
        Self::Rate,
        Self::Flower,
        Self::Close,
        Self::Price,
        Self::OffSale,
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
            Self::AskConfirmation => "ask_confirmation",
            Self::Rate => "rate",
            Self::Flower => "flower",
            Self::Close => "close",
            Self::Price => "price",
            Self::OffSale => "off_sale",
        }
    }
}

impl From<FollowUp> for Action {
    fn from(what: FollowUp) -> Self {
        match what {
            FollowUp::Rate => Self::Rate,
            FollowUp::Flower => Self::Flower,
            FollowUp::Close => Self::Close,
            FollowUp::Price => Self::Price,
            FollowUp::OffSale => Self::OffSale,
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
    /// What is to be said or set: a rating, a reason, a price in fen, or the card that ran out.
    pub wanted: Option<String>,
    /// The person who asked for it; `None`: what is set for the account.
    pub asked_by: Option<String>,
}

impl Row {
    /// To be done, and not tried yet.
    pub(super) fn due(kind: Action, wanted: Option<String>, asked_by: Option<String>, now: Timestamp) -> Self {
        Self { kind, state: State::Due, tries: 0, error: None, not_before: now, done_at: None, wanted, asked_by }
    }
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

/// What was done about an order, or is to be; nothing where the account belongs to somebody else.
pub fn page(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    order: &OrderId,
    page: Page,
) -> QueryResult<(Vec<Row>, i64)> {
    let all = || {
        order_actions::table
            .filter(order_actions::account_id.eq(account).and(order_actions::order_id.eq(order)))
            .filter(order_actions::account_id.eq_any(own!(scope)))
    };
    let total = all().count().get_result(conn)?;
    let rows =
        all().order(order_actions::kind).offset(page.offset).limit(page.limit).select(Row::as_select()).load(conn)?;
    Ok((rows, total))
}

pub(super) fn put(conn: &mut DbConn, account: AccountId, order: &OrderId, row: &Row) -> QueryResult<()> {
    let values = (
        order_actions::state.eq(row.state),
        order_actions::tries.eq(row.tries),
        order_actions::error.eq(&row.error),
        order_actions::not_before.eq(row.not_before),
        order_actions::done_at.eq(row.done_at),
        order_actions::wanted.eq(&row.wanted),
        order_actions::asked_by.eq(&row.asked_by),
    );
    let key =
        (order_actions::account_id.eq(account), order_actions::order_id.eq(order), order_actions::kind.eq(row.kind));
    per_backend!(&mut *conn, conn => diesel::insert_into(order_actions::table)
        .values((key, values))
        .on_conflict((order_actions::account_id, order_actions::order_id, order_actions::kind))
        .do_update()
        .set(values)
        .execute(conn))?;
    changes::note(account, order, OrderPart::Actions);
    Ok(())
}

/// For the engine.
pub fn find(conn: &mut DbConn, account: AccountId, order: &OrderId, action: Action) -> QueryResult<Option<Row>> {
    order_actions::table.find((account, order, action)).select(Row::as_select()).get_result(conn).optional()
}

fn before(conn: &mut DbConn, account: AccountId, order: &OrderId, action: Action, now: Timestamp) -> QueryResult<Row> {
    Ok(find(conn, account, order, action)?.unwrap_or_else(|| Row::due(action, None, None, now)))
}

/// Nothing stays of what was said about the buyer.
pub(super) fn forget_words(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<()> {
    let all = order_actions::table.filter(order_actions::account_id.eq(account).and(order_actions::order_id.eq(order)));
    let words = (order_actions::wanted.eq(None::<String>), order_actions::error.eq(None::<String>));
    diesel::update(all).set(words).execute(conn).map(drop)
}

/// For the engine: it is done, for good.
pub fn mark_done(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    action: Action,
    now: Timestamp,
) -> QueryResult<()> {
    let before = before(conn, account, order, action, now)?;
    let tries = before.tries + 1;
    let row = Row { state: State::Done, tries, error: None, not_before: now, done_at: Some(now), ..before };
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
    let before = before(conn, account, order, action, now)?;
    let tries = before.tries + 1;
    let is_over = final_word || tries >= TRIES;
    let pause = PAUSE * 2_u32.saturating_pow(u32::try_from(tries - 1).unwrap_or(0));
    let again = now + pause;
    let state = if is_over { State::Failed } else { State::Due };
    let row = Row { state, tries, error: Some(error.to_owned()), not_before: again, done_at: None, ..before };
    put(conn, account, order, &row)?;
    Ok((!is_over).then_some(again))
}

/// Nothing is known of it any more: it is begun anew where it is wanted.
pub fn forget(conn: &mut DbConn, account: AccountId, order: &OrderId, action: Action) -> QueryResult<bool> {
    let was_known = diesel::delete(order_actions::table.find((account, order, action))).execute(conn)? == 1;
    if was_known {
        changes::note(account, order, OrderPart::Actions);
    }
    Ok(was_known)
}
