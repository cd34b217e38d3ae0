//! What orders are given: claimed once, sent once, and in each moment in a state from which a start goes on.
//!
//! [`look`] does in one transaction all that the database alone can do for an order, and says what must be asked of others. What becomes of
//! the messages is told by the outbox in the transaction that stores it ([`on_send`]): unit, part, piece of stock and its log go on
//! together, or not at all.

mod case;
mod person;
mod send;

pub use case::{Fetch, Glance, Todo, look};
pub use person::{NotAgain, Outcome, drop_rejected, redeliver, settle};
pub(super) use send::{on_send, on_word};

use std::collections::HashSet;

use diesel::{prelude::*, result::Error};

use super::{
    DbConn, Keys, Page, Scope, Sealed,
    accounts::own,
    changes,
    connection::per_backend,
    schema::{deliveries, delivery_message_parts, delivery_messages, delivery_parts},
    units,
};
use crate::{
    delivery::{review::Reason, step::Unit, unit::UnitState},
    ids::{AccountId, CardId, DeliveryMessageId, DeliveryRuleId, MessageId, OrderId, Timestamp, UnitId, UserId},
    order::{change::OrderPart, status::Status},
    outbox::entry::{Body, State as SendState},
};

/// Where messages that give nothing stand among an order's.
const SAYINGS: i64 = 1_000_000;

/// Rows of one statement.
const ROWS: usize = 1000;

/// A message that carries what an order is given, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Nobody sent it.
    Planned,
    /// The outbox has it.
    Queued,
    Sent,
    Confirmed,
    Uncertain,
    Rejected,
    /// It is certain that it never arrived; another takes its place.
    Dropped,
}

impl MessageState {
    const ALL: [Self; 7] =
        [Self::Planned, Self::Queued, Self::Sent, Self::Confirmed, Self::Uncertain, Self::Rejected, Self::Dropped];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Confirmed => "confirmed",
            Self::Uncertain => "uncertain",
            Self::Rejected => "rejected",
            Self::Dropped => "dropped",
        }
    }

    fn of(state: SendState) -> Self {
        match state {
            SendState::Queued => Self::Queued,
            SendState::Sent => Self::Sent,
            SendState::Confirmed => Self::Confirmed,
            SendState::Rejected => Self::Rejected,
            SendState::Uncertain => Self::Uncertain,
            SendState::Expired => Self::Dropped,
        }
    }

    /// The outbox has it, and nobody knows yet what becomes of it.
    fn is_in_flight(self) -> bool {
        matches!(self, Self::Queued | Self::Sent)
    }

    /// The buyer may have seen it.
    fn may_be_seen(self) -> bool {
        matches!(self, Self::Sent | Self::Confirmed | Self::Uncertain)
    }

    /// What it makes of the parts that it carries; `None`: it carries nothing any more.
    fn as_unit(self) -> Option<Unit> {
        match self {
            Self::Planned | Self::Queued => Some(Unit::Reserved),
            Self::Sent => Some(Unit::Sent),
            Self::Confirmed => Some(Unit::Confirmed),
            Self::Uncertain => Some(Unit::Uncertain),
            Self::Rejected => Some(Unit::Rejected),
            Self::Dropped => None,
        }
    }
}

impl std::str::FromStr for MessageState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("unknown state of a message {text:?}"))
    }
}

/// A unit of an order, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub struct Delivery {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = order_id)]
    pub order: OrderId,
    pub unit: i64,
    pub state: Unit,
    #[diesel(column_name = rule_id)]
    pub rule: Option<DeliveryRuleId>,
    pub round: i64,
    pub claimed_at: Timestamp,
    pub changed_at: Timestamp,
}

/// What a unit is made of, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = delivery_parts)]
pub struct Part {
    pub id: i64,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = order_id)]
    pub order: OrderId,
    pub unit: i64,
    pub round: i64,
    pub position: i64,
    #[diesel(column_name = card_id)]
    pub card: CardId,
    pub claim: String,
    #[diesel(column_name = unit_id)]
    pub stock: Option<UnitId>,
    content: Option<Sealed>,
    pub state: Unit,
}

/// A message, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = delivery_messages)]
pub struct Message {
    pub id: DeliveryMessageId,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = order_id)]
    pub order: OrderId,
    pub position: i64,
    pub state: MessageState,
    body: Sealed,
    pub reason: Option<String>,
    #[diesel(column_name = message_id)]
    pub message: Option<MessageId>,
    pub planned_at: Timestamp,
    pub changed_at: Timestamp,
}

fn body_place(account: AccountId, order: &OrderId) -> String {
    format!("delivery_messages.body:{account}:{order}")
}

fn content_place(part: i64) -> String {
    format!("delivery_parts.content:{part}")
}

/// The seller may mend it without saying anything to us.
fn heals_by_itself(reason: Reason) -> bool {
    match reason {
        Reason::NoRule
        | Reason::NoSpec
        | Reason::CardUnusable
        | Reason::OutOfStock
        | Reason::BuyerBlocked
        | Reason::NoConversation => true,
        Reason::Unreadable
        | Reason::Unplaceable
        | Reason::NoContent
        | Reason::Rejected
        | Reason::Uncertain
        | Reason::NotShipped
        | Reason::BargainRefused
        | Reason::ShippedElsewhere => false,
    }
}

/// What deliveries open and heal; the others are of whoever reads orders.
const OURS: [Reason; 12] = [
    Reason::NoConversation,
    Reason::NoRule,
    Reason::NoSpec,
    Reason::CardUnusable,
    Reason::OutOfStock,
    Reason::NoContent,
    Reason::BuyerBlocked,
    Reason::Rejected,
    Reason::Uncertain,
    Reason::NotShipped,
    Reason::BargainRefused,
    Reason::ShippedElsewhere,
];

fn unreadable(what: &str) -> Error {
    Error::DeserializationError(what.to_owned().into())
}

fn list_units(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<Vec<Delivery>> {
    deliveries::table
        .filter(deliveries::account_id.eq(account).and(deliveries::order_id.eq(order)))
        .order(deliveries::unit)
        .select(Delivery::as_select())
        .load(conn)
}

fn list_messages(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<Vec<Message>> {
    delivery_messages::table
        .filter(delivery_messages::account_id.eq(account).and(delivery_messages::order_id.eq(order)))
        .order((delivery_messages::position, delivery_messages::id))
        .select(Message::as_select())
        .load(conn)
}

/// The parts of the round that counts, of each of these units of one order.
fn current_parts(conn: &mut DbConn, units: &[Delivery]) -> QueryResult<Vec<Part>> {
    let Some(first) = units.first() else { return Ok(Vec::new()) };
    let mut parts: Vec<Part> = delivery_parts::table
        .filter(delivery_parts::account_id.eq(first.account).and(delivery_parts::order_id.eq(&first.order)))
        .order((delivery_parts::unit, delivery_parts::position))
        .select(Part::as_select())
        .load(conn)?;
    parts.retain(|part| units.iter().any(|unit| unit.unit == part.unit && unit.round == part.round));
    Ok(parts)
}

/// Parts that messages in such states carry.
fn carried_parts(
    conn: &mut DbConn,
    messages: &[Message],
    such: impl Fn(MessageState) -> bool,
) -> QueryResult<HashSet<i64>> {
    let those: Vec<DeliveryMessageId> =
        messages.iter().filter(|message| such(message.state)).map(|message| message.id).collect();
    if those.is_empty() {
        return Ok(HashSet::new());
    }
    let parts: Vec<i64> = delivery_message_parts::table
        .filter(delivery_message_parts::message_id.eq_any(those))
        .select(delivery_message_parts::part_id)
        .load(conn)?;
    Ok(parts.into_iter().collect())
}

fn insert_message(
    conn: &mut DbConn,
    keys: &Keys,
    account: AccountId,
    order: &OrderId,
    position: i64,
    body: &Body,
    now: Timestamp,
) -> QueryResult<DeliveryMessageId> {
    let text = serde_json::to_string(body).map_err(|error| Error::SerializationError(error.into()))?;
    let values = (
        delivery_messages::account_id.eq(account),
        delivery_messages::order_id.eq(order),
        delivery_messages::position.eq(position),
        delivery_messages::state.eq(MessageState::Planned),
        delivery_messages::body.eq(keys.seal(&body_place(account, order), text)),
        delivery_messages::planned_at.eq(now),
        delivery_messages::changed_at.eq(now),
    );
    changes::note(account, order, OrderPart::Delivery);
    per_backend!(&mut *conn, conn => diesel::insert_into(delivery_messages::table)
        .values(values)
        .returning(delivery_messages::id)
        .get_result(conn))
}

fn carry(conn: &mut DbConn, message: DeliveryMessageId, parts: &[i64]) -> QueryResult<()> {
    let link = |part: &i64| (delivery_message_parts::message_id.eq(message), delivery_message_parts::part_id.eq(*part));
    for parts in parts.chunks(ROWS) {
        let links: Vec<_> = parts.iter().map(link).collect();
        per_backend!(&mut *conn, conn => diesel::insert_into(delivery_message_parts::table).values(&links).execute(conn))?;
    }
    Ok(())
}

/// For the engine: what the seller's own program answered for a part.
pub fn fetched(conn: &mut DbConn, keys: &Keys, part: i64, content: &str) -> QueryResult<()> {
    let sealed = keys.seal(&content_place(part), content);
    let empty = delivery_parts::table.find(part).filter(delivery_parts::content.is_null());
    diesel::update(empty).set(delivery_parts::content.eq(sealed)).execute(conn).map(drop)
}

/// What is not on its way to the buyer, nor with them.
fn is_open(state: Unit) -> bool {
    matches!(state, Unit::Reserved | Unit::Rejected)
}

/// The open parts of a unit become what is said of each.
fn close_parts(
    conn: &mut DbConn,
    unit: &Delivery,
    parts: &[Part],
    becomes: impl Fn(&Part) -> Unit,
    now: Timestamp,
) -> QueryResult<bool> {
    let of_unit = || parts.iter().filter(|part| part.unit == unit.unit);
    if !of_unit().any(|part| is_open(part.state)) {
        return Ok(false);
    }
    let mut after = Vec::new();
    for part in of_unit() {
        let state = if is_open(part.state) { becomes(part) } else { part.state };
        if state != part.state {
            set_part(conn, part, state, now)?;
        }
        after.push(state);
    }
    set_unit(conn, unit, Unit::of(after), now)?;
    Ok(true)
}

/// What is reserved and unsent goes back; what the buyer saw a part of, as of a code that is longer than a message, stays theirs. Of how
/// many units.
fn give_back(
    conn: &mut DbConn,
    units: &[Delivery],
    parts: &[Part],
    messages: &[Message],
    now: Timestamp,
) -> QueryResult<usize> {
    let seen = carried_parts(conn, messages, MessageState::may_be_seen)?;
    let becomes = |part: &Part| if seen.contains(&part.id) { Unit::Confirmed } else { Unit::Cancelled };
    let mut closed = 0;
    for unit in units {
        closed += usize::from(close_parts(conn, unit, parts, becomes, now)?);
    }
    Ok(closed)
}

fn set_unit(conn: &mut DbConn, unit: &Delivery, state: Unit, now: Timestamp) -> QueryResult<()> {
    diesel::update(deliveries::table.find((unit.account, &unit.order, unit.unit)))
        .set((deliveries::state.eq(state), deliveries::changed_at.eq(now)))
        .execute(conn)?;
    changes::note(unit.account, &unit.order, OrderPart::Delivery);
    Ok(())
}

/// A part goes on, and its piece of stock with it.
fn set_part(conn: &mut DbConn, part: &Part, state: Unit, now: Timestamp) -> QueryResult<()> {
    let cancelled = state == Unit::Cancelled;
    // A piece that went back is no longer this part's: another order may have it.
    let stock = part.stock.filter(|_| !cancelled);
    diesel::update(delivery_parts::table.find(part.id))
        .set((delivery_parts::state.eq(state), delivery_parts::unit_id.eq(stock)))
        .execute(conn)?;
    let Some(piece) = part.stock else { return Ok(()) };
    for next in way(stock_of(part.state), stock_of(state)) {
        if !units::advance(conn, piece, &part.claim, next, now)? {
            return Err(unreadable("a piece of stock that is not where its delivery says"));
        }
    }
    Ok(())
}

/// Where the piece of a part is.
fn stock_of(part: Unit) -> UnitState {
    match part {
        Unit::Reserved | Unit::Rejected => UnitState::Reserved,
        Unit::Sent => UnitState::Sent,
        Unit::Confirmed => UnitState::Confirmed,
        Unit::Uncertain => UnitState::Uncertain,
        Unit::Cancelled => UnitState::Free,
    }
}

/// The steps from one state of a piece to another, each of which it may take.
fn way(from: UnitState, to: UnitState) -> Vec<UnitState> {
    if from == to {
        Vec::new()
    } else if from.may_become(to) {
        vec![to]
    } else {
        vec![UnitState::Sent, to]
    }
}

/// The units of an order, those of others' accounts excepted.
pub fn list(conn: &mut DbConn, scope: &Scope, account: AccountId, order: &OrderId) -> QueryResult<Vec<Delivery>> {
    deliveries::table
        .filter(deliveries::account_id.eq(account).and(deliveries::order_id.eq(order)))
        .filter(deliveries::account_id.eq_any(own!(scope)))
        .order(deliveries::unit)
        .select(Delivery::as_select())
        .load(conn)
}

/// Which units a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub state: Option<Unit>,
    pub rule: Option<DeliveryRuleId>,
    /// Claimed from then on, and before then.
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

macro_rules! fitting {
    ($scope:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = deliveries::table.filter(deliveries::account_id.eq_any(own!($scope))).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(deliveries::account_id.eq(account));
        }
        if let Some(state) = filter.state {
            query = query.filter(deliveries::state.eq(state));
        }
        if let Some(rule) = filter.rule {
            query = query.filter(deliveries::rule_id.eq(rule));
        }
        if let Some(since) = filter.since {
            query = query.filter(deliveries::claimed_at.ge(since));
        }
        if let Some(until) = filter.until {
            query = query.filter(deliveries::claimed_at.lt(until));
        }
        query
    }};
}

/// A part of the units that fit, the newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Delivery>, i64)> {
    let total = fitting!(scope, filter).count().get_result(conn)?;
    let rows = fitting!(scope, filter)
        .order((deliveries::claimed_at.desc(), deliveries::account_id, deliveries::order_id.desc(), deliveries::unit))
        .offset(page.offset)
        .limit(page.limit)
        .select(Delivery::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// For the engine: orders of an owner that wait for stock, or for a rule, are looked at again.
pub fn look_again(conn: &mut DbConn, owner: UserId, now: Timestamp) -> QueryResult<()> {
    use super::schema::{accounts, orders, review_items};
    let accounts = accounts::table.filter(accounts::owner_id.eq(owner)).select(accounts::id);
    let reasons: Vec<Reason> = OURS.into_iter().filter(|reason| heals_by_itself(*reason)).collect();
    let waiting: Vec<(AccountId, OrderId)> = review_items::table
        .filter(review_items::account_id.eq_any(accounts).and(review_items::closed_at.is_null()))
        .filter(review_items::reason.eq_any(reasons))
        .select((review_items::account_id, review_items::order_id))
        .load(conn)?;
    for (account, order) in waiting {
        diesel::update(orders::table.find((account, &order))).set(orders::deliver_due.eq(now)).execute(conn)?;
    }
    Ok(())
}

/// For the engine: paid orders of an owner that wait for the time that a rule allows, and were given nothing yet, are looked at again.
pub fn look_at_times_again(conn: &mut DbConn, owner: UserId, now: Timestamp) -> QueryResult<()> {
    use super::schema::{accounts, orders};
    let accounts = accounts::table.filter(accounts::owner_id.eq(owner)).select(accounts::id);
    let given = deliveries::table
        .filter(deliveries::account_id.eq(orders::account_id).and(deliveries::order_id.eq(orders::id)))
        .select(deliveries::unit);
    let waiting = orders::table
        .filter(orders::account_id.eq_any(accounts).and(orders::status.eq(Status::PendingShip)))
        .filter(orders::deliver_due.gt(now).and(diesel::dsl::not(diesel::dsl::exists(given))));
    let waiting: Vec<(AccountId, OrderId)> = waiting.select((orders::account_id, orders::id)).load(conn)?;
    for (account, order) in waiting {
        diesel::update(orders::table.find((account, &order))).set(orders::deliver_due.eq(now)).execute(conn)?;
    }
    Ok(())
}

/// Nothing is kept of what was said for an order; what is not sent yet never is.
pub(super) fn forget_messages(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<()> {
    let all = || {
        delivery_messages::table
            .filter(delivery_messages::account_id.eq(account).and(delivery_messages::order_id.eq(order)))
    };
    diesel::update(all().filter(delivery_messages::state.eq(MessageState::Planned)))
        .set(delivery_messages::state.eq(MessageState::Dropped))
        .execute(conn)?;
    diesel::update(all())
        .set((
            delivery_messages::body.eq(Sealed::from_bytes(Vec::new())),
            delivery_messages::reason.eq(None::<String>),
            delivery_messages::message_id.eq(None::<MessageId>),
        ))
        .execute(conn)
        .map(drop)
}
