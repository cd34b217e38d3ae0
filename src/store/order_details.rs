//! What is known of orders besides what the gateway tells: what they were given, by which messages, what else was done, and what of it was
//! when. Never what a message says.

use std::collections::HashMap;

use diesel::{dsl::count_star, prelude::*};

use super::{
    DbConn, Scope,
    accounts::own,
    deliveries::{self, Delivery, MessageState},
    order_actions, order_events, orders, reviews,
    schema::{
        deliveries as deliveries_table, delivery_messages, delivery_rules, items, order_actions as actions_table,
        order_events as events_table, outbox, review_items,
    },
    units,
};
use crate::{
    delivery::{chain::Link, review::Reason, rule::Quantity, step::Unit, unit::UnitState},
    ids::{AccountId, CardId, DeliveryMessageId, ItemId, MessageId, OrderId, Timestamp, UnitId},
    outbox::entry::{PersonsWord, SendId},
};

/// What lists show of an order besides its row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many units are in which state.
    pub units: HashMap<Unit, i64>,
    /// How many it is to have, by the rule that claimed the first; `None`: nothing is claimed, or the rule is gone.
    pub wanted: Option<i64>,
    /// Why it waits for a person.
    pub waits_for: Vec<Reason>,
    pub item_title: Option<String>,
}

/// A message that carries something, without what it says.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = delivery_messages)]
pub struct Sent {
    pub id: DeliveryMessageId,
    pub position: i64,
    pub state: MessageState,
    pub reason: Option<String>,
    #[diesel(column_name = message_id)]
    pub message: Option<MessageId>,
    pub planned_at: Timestamp,
    pub changed_at: Timestamp,
}

/// What became of a piece of stock while an order had it, as the log of its card says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The unit of the order.
    pub unit: i64,
    pub card: CardId,
    pub stock: UnitId,
    /// The line of the card's log.
    pub number: i64,
    pub to: UnitState,
    pub at: Timestamp,
}

/// Everything about one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    pub order: orders::Row,
    pub summary: Summary,
    pub units: Vec<Delivery>,
    pub moves: Vec<Move>,
    pub messages: Vec<Sent>,
    pub actions: Vec<order_actions::Row>,
    pub changes: Vec<orders::Change>,
    pub reviews: Vec<reviews::Row>,
    pub told: Vec<order_events::Row>,
}

type Key = (AccountId, OrderId);

/// What lists show of these orders, in their order. Orders of others have none.
pub fn summaries(conn: &mut DbConn, scope: &Scope, rows: &[orders::Row]) -> QueryResult<Vec<Summary>> {
    let ids: Vec<&OrderId> = rows.iter().map(|row| &row.order).collect();
    let mut found: HashMap<Key, Summary> = HashMap::new();
    let units: Vec<(AccountId, OrderId, Unit, i64)> = deliveries_table::table
        .filter(deliveries_table::account_id.eq_any(own!(scope)).and(deliveries_table::order_id.eq_any(ids.clone())))
        .group_by((deliveries_table::account_id, deliveries_table::order_id, deliveries_table::state))
        .select((deliveries_table::account_id, deliveries_table::order_id, deliveries_table::state, count_star()))
        .load(conn)?;
    for (account, order, state, count) in units {
        found.entry((account, order)).or_default().units.insert(state, count);
    }
    let quantities: HashMap<Key, i64> =
        rows.iter().map(|row| ((row.account, row.order.clone()), row.quantity)).collect();
    let rules: Vec<(AccountId, OrderId, Quantity)> = deliveries_table::table
        .inner_join(delivery_rules::table.on(delivery_rules::id.nullable().eq(deliveries_table::rule_id)))
        .filter(deliveries_table::account_id.eq_any(own!(scope)).and(deliveries_table::order_id.eq_any(ids.clone())))
        .filter(deliveries_table::unit.eq(1).and(delivery_rules::owner_id.eq(scope.user())))
        .select((deliveries_table::account_id, deliveries_table::order_id, delivery_rules::quantity))
        .load(conn)?;
    for (account, order, quantity) in rules {
        let key = (account, order);
        let wanted = quantities.get(&key).map(|pieces| quantity.units(*pieces));
        found.entry(key).or_default().wanted = wanted;
    }
    let waiting: Vec<(AccountId, OrderId, Reason)> = review_items::table
        .filter(review_items::account_id.eq_any(own!(scope)).and(review_items::order_id.eq_any(ids.clone())))
        .filter(review_items::closed_at.is_null())
        .order(review_items::id)
        .select((review_items::account_id, review_items::order_id, review_items::reason))
        .load(conn)?;
    for (account, order, reason) in waiting {
        found.entry((account, order)).or_default().waits_for.push(reason);
    }
    let bought: Vec<&ItemId> = rows.iter().filter_map(|row| row.item.as_ref()).collect();
    let titles: Vec<(AccountId, ItemId, String)> = items::table
        .filter(items::account_id.eq_any(own!(scope)).and(items::item_id.eq_any(bought)))
        .select((items::account_id, items::item_id, items::title))
        .load(conn)?;
    let titles: HashMap<(AccountId, ItemId), String> =
        titles.into_iter().map(|(account, item, title)| ((account, item), title)).collect();
    let summary = |row: &orders::Row| {
        let mut summary = found.remove(&(row.account, row.order.clone())).unwrap_or_default();
        let title = row.item.as_ref().and_then(|item| titles.get(&(row.account, item.clone())));
        summary.item_title = title.filter(|title| !title.is_empty()).cloned();
        summary
    };
    Ok(rows.iter().map(summary).collect())
}

/// Everything about one order. `NotFound` also where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, account: AccountId, order: &OrderId) -> QueryResult<Details> {
    let row = orders::get(conn, scope, account, order)?;
    let summary = summaries(conn, scope, std::slice::from_ref(&row))?.pop().unwrap_or_default();
    let messages = delivery_messages::table
        .filter(delivery_messages::account_id.eq(account).and(delivery_messages::order_id.eq(order)))
        .order((delivery_messages::position, delivery_messages::id))
        .select(Sent::as_select())
        .load(conn)?;
    let actions = actions_table::table
        .filter(actions_table::account_id.eq(account).and(actions_table::order_id.eq(order)))
        .order(actions_table::kind)
        .select(order_actions::Row::as_select())
        .load(conn)?;
    let reviews = review_items::table
        .filter(review_items::account_id.eq(account).and(review_items::order_id.eq(order)))
        .order(review_items::id)
        .select(reviews::Row::as_select())
        .load(conn)?;
    let told = events_table::table
        .filter(events_table::account_id.eq(account).and(events_table::order_id.eq(order)))
        .order(events_table::id)
        .select(order_events::Row::as_select())
        .load(conn)?;
    Ok(Details {
        summary,
        units: deliveries::list(conn, scope, account, order)?,
        moves: moves(conn, scope, account, order)?,
        messages,
        actions,
        changes: orders::history(conn, scope, account, order)?,
        reviews,
        told,
        order: row,
    })
}

fn moves(conn: &mut DbConn, scope: &Scope, account: AccountId, order: &OrderId) -> QueryResult<Vec<Move>> {
    let step = |(unit, (link, _)): (i64, units::Logged)| {
        let Link { card, number, unit: stock, to, at, .. } = link;
        Move { unit, card, stock, number, to, at }
    };
    Ok(units::of_order(conn, scope, account, order)?.into_iter().map(step).collect())
}

/// A message in doubt, and the send that carries it; `None`: the outbox does not keep it any more.
pub fn in_doubt(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    order: &OrderId,
) -> QueryResult<Vec<(DeliveryMessageId, Option<SendId>)>> {
    let messages: Vec<DeliveryMessageId> = delivery_messages::table
        .filter(delivery_messages::account_id.eq(account).and(delivery_messages::order_id.eq(order)))
        .filter(delivery_messages::account_id.eq_any(own!(scope)))
        .filter(delivery_messages::state.eq(MessageState::Uncertain))
        .order((delivery_messages::position, delivery_messages::id))
        .select(delivery_messages::id)
        .load(conn)?;
    let sends: Vec<(Option<DeliveryMessageId>, SendId)> = outbox::table
        .filter(outbox::account_id.eq(account).and(outbox::delivery.eq_any(messages.clone())))
        .select((outbox::delivery, outbox::id))
        .load(conn)?;
    let send = |message: &DeliveryMessageId| sends.iter().find(|(of, _)| *of == Some(*message)).map(|(_, id)| *id);
    Ok(messages.iter().map(|message| (*message, send(message))).collect())
}

/// A person's word on what is in doubt and in no outbox any more: of these messages, or of all where none is named.
pub fn say_of_forgotten(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    order: &OrderId,
    meant: &[DeliveryMessageId],
    word: PersonsWord,
    now: Timestamp,
) -> QueryResult<()> {
    for (message, send) in in_doubt(conn, scope, account, order)? {
        if send.is_none() && (meant.is_empty() || meant.contains(&message)) {
            deliveries::on_word(conn, message, word, now)?;
        }
    }
    Ok(())
}
