//! What a person does about what an order is given.

use diesel::prelude::*;

use super::{
    Delivery, MessageState,
    case::{claim_parts, expand, find_rule, in_stock, unusable},
    close_parts, current_parts, give_back, list_messages, list_units,
    send::on_send,
};
use crate::{
    delivery::{rule::DeliveryRule, step::Unit},
    ids::{AccountId, OrderId, Timestamp, UserId},
    order::status::Status,
    outbox::entry::State as SendState,
    store::{
        DbConn, Scope,
        cards::DeliveryCard,
        delivery_rules, items,
        order_actions::{self, Action},
        orders, sales_figures,
        schema::{deliveries, delivery_messages},
    },
};

/// What the platform refused is given up, and its parts go into messages anew.
pub fn drop_rejected(conn: &mut DbConn, account: AccountId, order: &OrderId, now: Timestamp) -> QueryResult<()> {
    for message in list_messages(conn, account, order)? {
        if message.state == MessageState::Rejected {
            on_send(conn, message.id, SendState::Expired, None, message.reason.as_deref(), now)?;
        }
    }
    Ok(())
}

/// Why a person's wish about what an order is given is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAgain {
    /// Nobody paid for it, or the money goes back.
    NotPaid(Option<Status>),
    /// Something of it is claimed, and on its way or waiting: what becomes of that comes first.
    OnItsWay,
    /// The order was given no such unit.
    NoSuchUnit(i64),
    /// No rule says by now what the unit gets.
    NoRule,
    /// The name of a card that cannot be given.
    CardUnusable(String),
    /// Which card there is not enough of.
    OutOfStock(String),
    /// Nobody said that they see to the order.
    NotByHand,
}

/// These units of an order, or all where none is named, are given once more, each with a fresh piece of stock: what was given before stays
/// given. It goes out also where the platform says that the order is shipped. Which units that are.
pub fn redeliver(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    order: &OrderId,
    wanted: &[i64],
    now: Timestamp,
) -> QueryResult<Result<Vec<i64>, NotAgain>> {
    let row = orders::get(conn, scope, account, order)?;
    if !matches!(row.status, Some(Status::PendingShip | Status::Shipped | Status::Completed)) {
        return Ok(Err(NotAgain::NotPaid(row.status)));
    }
    let mut units = list_units(conn, account, order)?;
    units.retain(|unit| unit.state != Unit::Cancelled);
    if units.iter().any(|unit| !matches!(unit.state, Unit::Confirmed | Unit::Uncertain)) {
        return Ok(Err(NotAgain::OnItsWay));
    }
    if let Some(unknown) = wanted.iter().find(|number| units.iter().all(|unit| unit.unit != **number)) {
        return Ok(Err(NotAgain::NoSuchUnit(*unknown)));
    }
    units.retain(|unit| wanted.is_empty() || wanted.contains(&unit.unit));
    if units.is_empty() {
        return Ok(Err(NotAgain::NoSuchUnit(1)));
    }
    let mut plan = Vec::new();
    for unit in &units {
        let Some(rule) = rule_of(conn, scope.user(), &row, unit)? else { return Ok(Err(NotAgain::NoRule)) };
        let cards = expand(conn, scope.user(), &rule.cards)?;
        if let Some(name) = unusable(&cards) {
            return Ok(Err(NotAgain::CardUnusable(name)));
        }
        plan.push((unit, rule.id, cards));
    }
    let all: Vec<DeliveryCard> = plan.iter().flat_map(|(_, _, cards)| cards.iter().cloned()).collect();
    if let (0, Some(short)) = in_stock(conn, &all, 1)? {
        return Ok(Err(NotAgain::OutOfStock(short)));
    }
    for (unit, rule, cards) in plan {
        let round = unit.round + 1;
        diesel::update(deliveries::table.find((account, order, unit.unit)))
            .set((
                deliveries::round.eq(round),
                deliveries::state.eq(Unit::Reserved),
                deliveries::rule_id.eq(rule),
                deliveries::changed_at.eq(now),
            ))
            .execute(conn)?;
        claim_parts(conn, account, order, unit.unit, round, &cards, now)?;
    }
    order_actions::mark_done(conn, account, order, Action::GiveAnyway, now)?;
    for begun in [Action::ByHand, Action::Delivered, Action::Fetch] {
        order_actions::forget(conn, account, order, begun)?;
    }
    orders::set_deliver_due(conn, account, order, Some(now))?;
    Ok(Ok(units.iter().map(|unit| unit.unit).collect()))
}

/// The rule by which the unit was given, or the one that serves the order by now.
fn rule_of(
    conn: &mut DbConn,
    owner: UserId,
    order: &orders::Row,
    unit: &Delivery,
) -> QueryResult<Option<DeliveryRule>> {
    if let Some(rule) = unit.rule
        && let Some(rule) = delivery_rules::find(conn, owner, rule)?
    {
        return Ok(Some(rule));
    }
    let Some(item) = &order.item else { return Ok(None) };
    let title = items::find(conn, order.account, item)?.map(|item| item.title);
    Ok(find_rule(conn, owner, order, item, title.as_deref())?.ok())
}

/// What a person who sees to an order did with what was reserved for it and never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The buyer has it, from their hand.
    Given,
    /// Nobody saw it: it may be sold to others.
    GivenBack,
}

/// For an order that a person sees to: what became of what was reserved for it and never sent. Of how many units that was said. What the
/// buyer saw a part of is not given back.
pub fn settle(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    order: &OrderId,
    outcome: Outcome,
    now: Timestamp,
) -> QueryResult<Result<usize, NotAgain>> {
    orders::get(conn, scope, account, order)?;
    if !order_actions::of_order(conn, account, order)?.contains_key(&Action::ByHand) {
        return Ok(Err(NotAgain::NotByHand));
    }
    let messages = list_messages(conn, account, order)?;
    if messages.iter().any(|message| message.state.is_in_flight()) {
        return Ok(Err(NotAgain::OnItsWay));
    }
    let units = list_units(conn, account, order)?;
    let parts = current_parts(conn, &units)?;
    let settled = match outcome {
        Outcome::GivenBack => give_back(conn, &units, &parts, &messages, now)?,
        Outcome::Given => {
            let mut given = 0;
            for unit in &units {
                given += usize::from(close_parts(conn, unit, &parts, |_| Unit::Confirmed, now)?);
            }
            given
        }
    };
    let unsent = delivery_messages::table
        .filter(delivery_messages::account_id.eq(account).and(delivery_messages::order_id.eq(order)))
        .filter(delivery_messages::state.eq_any([MessageState::Planned, MessageState::Rejected]));
    diesel::update(unsent)
        .set((delivery_messages::state.eq(MessageState::Dropped), delivery_messages::changed_at.eq(now)))
        .execute(conn)?;
    sales_figures::count(conn, account, order, now)?;
    orders::set_deliver_due(conn, account, order, Some(now))?;
    Ok(Ok(settled))
}
