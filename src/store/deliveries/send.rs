//! What becomes of messages makes of units, parts and pieces of stock what they are.

use std::collections::HashSet;

use diesel::prelude::*;

use super::{Message, MessageState, Part, carry, current_parts, list_units, set_part, set_unit};
use crate::{
    delivery::step::Unit,
    ids::{AccountId, DeliveryMessageId, MessageId, OrderId, Timestamp},
    order::change::OrderPart,
    outbox::entry::{PersonsWord, State as SendState},
    store::{
        DbConn, changes,
        connection::per_backend,
        orders, sales_figures,
        schema::{delivery_message_parts, delivery_messages, delivery_parts},
    },
};

/// For the engine: the outbox stored what became of a message of a delivery. Told in that transaction.
pub(in crate::store) fn on_send(
    conn: &mut DbConn,
    id: DeliveryMessageId,
    state: SendState,
    message: Option<&MessageId>,
    reason: Option<&str>,
    now: Timestamp,
) -> QueryResult<()> {
    let found: Option<Message> =
        delivery_messages::table.find(id).select(Message::as_select()).get_result(conn).optional()?;
    // Erased with its order meanwhile.
    let Some(before) = found else { return Ok(()) };
    let state = MessageState::of(state);
    diesel::update(delivery_messages::table.find(id))
        .set((
            delivery_messages::state.eq(state),
            delivery_messages::message_id.eq(message.or(before.message.as_ref())),
            delivery_messages::reason.eq(reason),
            delivery_messages::changed_at.eq(now),
        ))
        .execute(conn)?;
    changes::note(before.account, &before.order, OrderPart::Delivery);
    let parts: Vec<i64> = delivery_message_parts::table
        .filter(delivery_message_parts::message_id.eq(id))
        .select(delivery_message_parts::part_id)
        .load(conn)?;
    if state == MessageState::Dropped {
        repeat(conn, &before, &parts, now)?;
    }
    settle_parts(conn, before.account, &before.order, &parts, now)?;
    let goes_on = match state {
        MessageState::Confirmed | MessageState::Uncertain | MessageState::Rejected | MessageState::Dropped => true,
        MessageState::Planned | MessageState::Queued | MessageState::Sent => false,
    };
    if goes_on {
        orders::set_deliver_due(conn, before.account, &before.order, Some(now))?;
    }
    Ok(())
}

/// The same message once more: it is certain that it never arrived. Others may carry the same parts and have arrived.
fn repeat(conn: &mut DbConn, message: &Message, parts: &[i64], now: Timestamp) -> QueryResult<()> {
    let values = (
        delivery_messages::account_id.eq(message.account),
        delivery_messages::order_id.eq(&message.order),
        delivery_messages::position.eq(message.position),
        delivery_messages::state.eq(MessageState::Planned),
        delivery_messages::body.eq(&message.body),
        delivery_messages::planned_at.eq(now),
        delivery_messages::changed_at.eq(now),
    );
    let id: DeliveryMessageId = per_backend!(&mut *conn, conn => diesel::insert_into(delivery_messages::table)
        .values(values)
        .returning(delivery_messages::id)
        .get_result(conn))?;
    carry(conn, id, parts)
}

/// For the engine: a person says of a message that is in doubt whether it arrived. One that did not is made anew.
pub(in crate::store) fn on_word(
    conn: &mut DbConn,
    id: DeliveryMessageId,
    word: PersonsWord,
    now: Timestamp,
) -> QueryResult<()> {
    let state = match word {
        PersonsWord::Arrived => SendState::Confirmed,
        PersonsWord::NotArrived | PersonsWord::Cancel => SendState::Expired,
    };
    on_send(conn, id, state, None, word.reason(), now)
}

/// Parts are what their messages are, units what their parts are.
fn settle_parts(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    parts: &[i64],
    now: Timestamp,
) -> QueryResult<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let links: Vec<(i64, MessageState)> = delivery_message_parts::table
        .inner_join(delivery_messages::table.on(delivery_messages::id.eq(delivery_message_parts::message_id)))
        .filter(delivery_message_parts::part_id.eq_any(parts))
        .select((delivery_message_parts::part_id, delivery_messages::state))
        .load(conn)?;
    let rows: Vec<Part> = delivery_parts::table
        .filter(delivery_parts::id.eq_any(parts))
        .order(delivery_parts::id)
        .select(Part::as_select())
        .load(conn)?;
    let mut touched = HashSet::new();
    for part in &rows {
        let of_messages = links.iter().filter(|(id, _)| *id == part.id).filter_map(|(_, state)| state.as_unit());
        let state = Unit::of(of_messages);
        if state != part.state {
            set_part(conn, part, state, now)?;
            touched.insert(part.unit);
        }
    }
    let units = list_units(conn, account, order)?;
    let current = current_parts(conn, &units)?;
    for unit in units.iter().filter(|unit| touched.contains(&unit.unit)) {
        let state = Unit::of(current.iter().filter(|part| part.unit == unit.unit).map(|part| part.state));
        if state != unit.state {
            set_unit(conn, unit, state, now)?;
        }
    }
    if touched.is_empty() { Ok(()) } else { sales_figures::count(conn, account, order, now) }
}
