//! What was sold, by account, day and item, in orders, units and money.
//!
//! What is counted is counted in the transaction that stores it: where an order's status goes on, and where a unit reaches its buyer. Each
//! thing about an order is counted once, however it goes back and forth; what is given back is what was counted as paid. Nothing here says
//! who bought, and it stays when the orders go.

use std::collections::BTreeMap;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
    upsert::excluded,
};
use serde::{Deserialize, Serialize};

use super::{
    DbConn, Page, Scope,
    accounts::OWN,
    connection::per_backend,
    deliveries::Delivery,
    orders,
    schema::{deliveries, delivery_rules, sales_counted, sales_figures},
};
use crate::{
    delivery::{rule::Quantity, step::Unit},
    ids::{AccountId, Fen, ItemId, OrderId, Timestamp},
    order::status::Status,
    platform::hours::day_of,
};

/// For so many days figures can be asked for at once.
pub const LONGEST: i64 = 400;

/// What is counted, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = sales_figures)]
pub struct Sums {
    pub placed: i64,
    pub paid: i64,
    pub paid_fen: i64,
    pub shipped: i64,
    /// Units that their buyers have.
    pub units_delivered: i64,
    /// Orders of which every unit did.
    pub orders_delivered: i64,
    pub completed: i64,
    pub completed_fen: i64,
    /// Ended after they were paid.
    pub refunded: i64,
    pub refunded_fen: i64,
    /// Ended unpaid.
    pub closed: i64,
}

impl Sums {
    /// What was paid and not given back.
    pub fn net_fen(&self) -> i64 {
        self.paid_fen - self.refunded_fen
    }
}

/// What of an order is in the figures already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sales_counted, treat_none_as_null = true)]
struct Counted {
    /// What was counted as paid; `None`: nothing was.
    paid_fen: Option<Fen>,
    shipped: bool,
    completed: bool,
    /// As refunded or as closed.
    ended: bool,
    units: i64,
    delivered: bool,
}

/// What an order was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Given {
    /// Units that the buyer has.
    confirmed: i64,
    /// These are all that the order is to have.
    is_whole: bool,
}

/// Sums by the day of the platform.
type Days = BTreeMap<i64, Sums>;

/// For the engine: an order, or what it is given, has just gone on. What of it is new is counted; an order that was not read yet is not:
/// nobody knows whether it is ours.
pub(super) fn count(conn: &mut DbConn, account: AccountId, order: &OrderId, now: Timestamp) -> QueryResult<()> {
    let Some(row) = orders::find(conn, account, order)? else { return Ok(()) };
    let Some(status) = row.status else { return Ok(()) };
    let before: Option<Counted> =
        sales_counted::table.find((account, order)).select(Counted::as_select()).get_result(conn).optional()?;
    let given = given(conn, &row)?;
    let (after, days) = tally(before, &row, status, given, now);
    if before != Some(after) {
        per_backend!(&mut *conn, conn => diesel::insert_into(sales_counted::table)
            .values((sales_counted::account_id.eq(account), sales_counted::order_id.eq(order), after))
            .on_conflict((sales_counted::account_id, sales_counted::order_id))
            .do_update()
            .set(after)
            .execute(conn))?;
    }
    let item = row.item.unwrap_or_else(|| ItemId::from(""));
    days.into_iter().try_for_each(|(day, sums)| add(conn, account, day, &item, sums))
}

fn given(conn: &mut DbConn, order: &orders::Row) -> QueryResult<Given> {
    let units: Vec<Delivery> = deliveries::table
        .filter(deliveries::account_id.eq(order.account).and(deliveries::order_id.eq(&order.order)))
        .select(Delivery::as_select())
        .load(conn)?;
    let confirmed = units.iter().filter(|unit| unit.state == Unit::Confirmed).count();
    let quantity: Option<Quantity> = match units.iter().find_map(|unit| unit.rule) {
        Some(rule) => delivery_rules::table.find(rule).select(delivery_rules::quantity).get_result(conn).optional()?,
        None => None,
    };
    let claimed = units.iter().filter(|unit| unit.state != Unit::Cancelled).count();
    let confirmed = i64::try_from(confirmed).unwrap_or(i64::MAX);
    // Where the rule is gone, nobody knows of more than what was claimed.
    let wanted =
        quantity.map_or_else(|| i64::try_from(claimed).unwrap_or(i64::MAX), |quantity| quantity.units(order.quantity));
    Ok(Given { confirmed, is_whole: confirmed > 0 && confirmed >= wanted })
}

/// What is counted now, and what is in the figures after that.
fn tally(
    before: Option<Counted>,
    order: &orders::Row,
    status: Status,
    given: Given,
    now: Timestamp,
) -> (Counted, Days) {
    let mut days = Days::new();
    let mut on =
        |at: Option<Timestamp>, count: &dyn Fn(&mut Sums)| count(days.entry(day_of(at.unwrap_or(now))).or_default());
    if before.is_none() {
        on(order.placed_at.or(Some(order.seen_at)), &|sums| sums.placed += 1);
    }
    let mut counted = before.unwrap_or_default();
    // Money is asked back only where it was paid.
    let is_paid = order.paid_at.is_some()
        || matches!(status, Status::PendingShip | Status::Shipped | Status::Completed | Status::Refunding);
    if is_paid && counted.paid_fen.is_none() {
        let amount = order.amount.unwrap_or(Fen(0));
        counted.paid_fen = Some(amount);
        on(order.paid_at, &|sums| (sums.paid, sums.paid_fen) = (sums.paid + 1, sums.paid_fen + amount.0));
    }
    let is_completed = status == Status::Completed;
    if (is_completed || status == Status::Shipped) && !counted.shipped {
        counted.shipped = true;
        on(order.shipped_at, &|sums| sums.shipped += 1);
    }
    let revenue = counted.paid_fen.unwrap_or(Fen(0));
    if is_completed && !counted.completed {
        counted.completed = true;
        on(order.completed_at, &|sums| {
            (sums.completed, sums.completed_fen) = (sums.completed + 1, sums.completed_fen + revenue.0);
        });
    }
    if status == Status::Cancelled && !counted.ended {
        counted.ended = true;
        let was_paid = counted.paid_fen.is_some();
        on(order.ended_at, &|sums| match was_paid {
            true => (sums.refunded, sums.refunded_fen) = (sums.refunded + 1, sums.refunded_fen + revenue.0),
            false => sums.closed += 1,
        });
    }
    let more = given.confirmed - counted.units;
    if more > 0 {
        counted.units = given.confirmed;
        on(None, &|sums| sums.units_delivered += more);
    }
    if given.is_whole && !counted.delivered {
        counted.delivered = true;
        on(None, &|sums| sums.orders_delivered += 1);
    }
    (counted, days)
}

fn add(conn: &mut DbConn, account: AccountId, day: i64, item: &ItemId, sums: Sums) -> QueryResult<()> {
    use sales_figures::{
        account_id, closed, completed, completed_fen, day as on, item_id, orders_delivered, paid, paid_fen, placed,
        refunded, refunded_fen, shipped, units_delivered,
    };
    let more = (
        placed.eq(placed + excluded(placed)),
        paid.eq(paid + excluded(paid)),
        paid_fen.eq(paid_fen + excluded(paid_fen)),
        shipped.eq(shipped + excluded(shipped)),
        units_delivered.eq(units_delivered + excluded(units_delivered)),
        orders_delivered.eq(orders_delivered + excluded(orders_delivered)),
        completed.eq(completed + excluded(completed)),
        completed_fen.eq(completed_fen + excluded(completed_fen)),
        refunded.eq(refunded + excluded(refunded)),
        refunded_fen.eq(refunded_fen + excluded(refunded_fen)),
        closed.eq(closed + excluded(closed)),
    );
    per_backend!(conn, conn => diesel::insert_into(sales_figures::table)
        .values((account_id.eq(account), on.eq(day), item_id.eq(item), sums))
        .on_conflict((account_id, on, item_id))
        .do_update()
        .set(more)
        .execute(conn))
    .map(drop)
}

/// Which figures a person wants to see: of whole days, the last one included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub from: i64,
    pub to: i64,
    pub account: Option<AccountId>,
    pub item: Option<ItemId>,
}

/// What a row of the figures is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The oldest first; days without any are left out.
    #[default]
    Day,
    /// What brought in most first, as also where it is by account.
    Item,
    Account,
}

impl By {
    /// What is equal within a row, its name, and what comes first.
    fn parts(self) -> [&'static str; 3] {
        match self {
            Self::Day => {
                ["day, CAST(NULL AS BIGINT) AS account_id, CAST(NULL AS TEXT) AS item_id", "CAST(NULL AS TEXT)", "day"]
            }
            Self::Item => [
                "CAST(NULL AS BIGINT) AS day, account_id, item_id",
                "(SELECT i.title FROM items AS i WHERE i.account_id = part.account_id AND i.item_id = part.item_id)",
                "net DESC, paid DESC, placed DESC, account_id, item_id",
            ],
            Self::Account => [
                "CAST(NULL AS BIGINT) AS day, account_id, CAST(NULL AS TEXT) AS item_id",
                "(SELECT a.name FROM accounts AS a WHERE a.id = part.account_id)",
                "net DESC, paid DESC, placed DESC, account_id",
            ],
        }
    }

    fn group(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Item => "account_id, item_id",
            Self::Account => "account_id",
        }
    }
}

/// The figures of a day, an item or an account.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Row {
    #[diesel(sql_type = Nullable<BigInt>)]
    pub day: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>, column_name = account_id)]
    pub account: Option<AccountId>,
    /// Empty where nobody knows it.
    #[diesel(sql_type = Nullable<Text>, column_name = item_id)]
    pub item: Option<ItemId>,
    /// Of the item or the account, where it is known.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
    #[diesel(embed)]
    pub sums: Sums,
}

/// All figures that fit, added up, and how many rows they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Total {
    #[diesel(embed)]
    pub sums: Sums,
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
}

const COLUMNS: [&str; 11] = [
    "placed",
    "paid",
    "paid_fen",
    "shipped",
    "units_delivered",
    "orders_delivered",
    "completed",
    "completed_fen",
    "refunded",
    "refunded_fen",
    "closed",
];

fn added_up() -> String {
    let sums = COLUMNS.map(|column| format!("CAST(coalesce(sum({column}), 0) AS BIGINT) AS {column}"));
    sums.join(", ")
}

/// SQLite counts parameters in the order in which they first stand.
fn fitting() -> String {
    format!(
        "own AS {OWN}, fitting AS (SELECT * FROM sales_figures WHERE account_id IN (SELECT id FROM own) \
         AND day >= $4 AND day <= $5 AND ($6 IS NULL OR account_id = $6) AND ($7 IS NULL OR item_id = $7))"
    )
}

macro_rules! bound {
    ($sql:expr, $scope:expr, $filter:expr) => {
        diesel::sql_query($sql)
            .bind::<BigInt, _>($scope.user())
            .bind::<BigInt, _>($scope.member_or_zero())
            .bind::<BigInt, _>($scope.token_or_zero())
            .bind::<BigInt, _>($filter.from)
            .bind::<BigInt, _>($filter.to)
            .bind::<Nullable<BigInt>, _>($filter.account)
            .bind::<Nullable<Text>, _>($filter.item.as_ref())
    };
}

/// A part of the figures that fit, and all of them added up.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, by: By, page: Page) -> QueryResult<(Vec<Row>, Total)> {
    let ([what, name, order], group, sums) = (by.parts(), by.group(), added_up());
    let fitting = fitting();
    let total = format!(
        "WITH {fitting} SELECT {sums}, (SELECT count(*) FROM (SELECT DISTINCT {group} FROM fitting) AS g) AS rows FROM fitting"
    );
    let rows = format!(
        "WITH {fitting}, grouped AS (SELECT {what}, {sums} FROM fitting GROUP BY {group}), \
         part AS (SELECT *, paid_fen - refunded_fen AS net FROM grouped ORDER BY {order} LIMIT $8 OFFSET $9) \
         SELECT part.*, {name} AS name FROM part ORDER BY {order}"
    );
    per_backend!(conn, conn => {
        let total: Total = bound!(total, scope, filter).get_result(conn)?;
        let rows = bound!(rows, scope, filter)
            .bind::<BigInt, _>(page.limit)
            .bind::<BigInt, _>(page.offset)
            .load(conn)?;
        Ok((rows, total))
    })
}
