//! What is done about orders besides their delivery: what is known of it, and how it is begun and given up.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    DbConn, Scope, accounts, cards, items,
    notices::{self, Opening},
    order_actions::{self, Action, Row, State},
    orders, units,
};
use crate::{
    delivery::{
        follow_up::{FollowUp, FollowUps, Moments, Open, Plan},
        rule::{DeliveryRule, Target},
    },
    ids::{AccountId, CardId, OrderId, Timestamp, UserId},
    notify::{
        event::Event,
        notice::{Subject, tame},
    },
    order::status::Status,
};

/// Why a person's wish is not taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAsked {
    DoneBefore,
}

/// For the engine: what is known of an order that its follow-ups depend on.
pub(super) fn known(
    conn: &mut DbConn,
    plan: &Plan,
    order: &orders::Row,
    actions: &HashMap<Action, Row>,
    is_asking: bool,
    now: Timestamp,
) -> QueryResult<FollowUps> {
    let moments = Moments {
        placed_at: order.placed_at.unwrap_or(order.seen_at),
        shipped_at: order.shipped_at,
        completed_at: order.completed_at,
    };
    let open = FollowUp::ALL.into_iter().filter_map(|what| match actions.get(&what.into()) {
        Some(row) if row.state == State::Due => Some(Open { what, from: row.not_before, is_begun: true }),
        Some(_) => None,
        None => plan.wants(what, &moments, now).map(|from| Open { what, from, is_begun: false }),
    });
    let ran_out = actions.get(&Action::OffSale).filter(|row| row.state == State::Due).and_then(card_of);
    Ok(FollowUps {
        open: open.collect(),
        is_stocked: ran_out.map_or(Ok(false), |card| units::has_free(conn, card))?,
        ask: plan.asks(&moments).filter(|_| !actions.contains_key(&Action::AskConfirmation)),
        is_asking,
    })
}

/// The card that ran out.
fn card_of(row: &Row) -> Option<CardId> {
    row.wanted.as_deref()?.parse().ok().map(CardId)
}

/// For the engine: an order was given these units. Where that was the last one of a pool, and the rule is about the item alone, the item is to
/// be taken off the sale.
pub(super) fn note_claimed(
    conn: &mut DbConn,
    plan: &Plan,
    order: &orders::Row,
    rule: &DeliveryRule,
    pools: impl Iterator<Item = CardId>,
    now: Timestamp,
) -> QueryResult<()> {
    if !plan.off_sale || !matches!(rule.target, Target::Item(_)) {
        return Ok(());
    }
    for card in pools {
        if !units::has_free(conn, card)? {
            let row = Row::due(Action::OffSale, Some(card.to_string()), None, now);
            return order_actions::put(conn, order.account, &order.order, &row);
        }
    }
    Ok(())
}

/// For the engine: the platform did what was asked of it. The seller is told which item is no longer on sale.
pub fn done(
    conn: &mut DbConn,
    owner: UserId,
    account: AccountId,
    order: &OrderId,
    action: Action,
    now: Timestamp,
) -> QueryResult<()> {
    order_actions::mark_done(conn, account, order, action, now)?;
    if action != Action::OffSale {
        return Ok(());
    }
    let (Some(row), Some(order)) =
        (order_actions::find(conn, account, order, action)?, orders::find(conn, account, order)?)
    else {
        return Ok(());
    };
    let Some(item) = order.item else { return Ok(()) };
    let title = items::find(conn, account, &item)?.map(|item| item.title).filter(|title| !title.is_empty());
    let card = card_of(&row).map(|card| cards::for_delivery(conn, owner, card)).transpose()?.flatten();
    let subject = Subject {
        account: Some(accounts::get(conn, &Scope::owner(owner), account)?.name),
        item: Some(tame(title.as_deref().unwrap_or(item.as_str()))),
        what: card.map(|card| tame(&card.name)),
        ..Subject::default()
    };
    let opening = Opening {
        owner,
        account: Some(account),
        buyer: None,
        event: Event::ItemOffSale,
        severity: Event::ItemOffSale.severity(),
        key: format!("off_sale:{account}:{item}"),
        subject,
    };
    notices::open(conn, &opening, now)
}

/// For the engine: it is about to be done. What is said with it is fixed now; a repetition says the same.
pub(super) fn begin(
    conn: &mut DbConn,
    plan: &Plan,
    order: &orders::Row,
    what: FollowUp,
    now: Timestamp,
) -> QueryResult<Option<String>> {
    if let Some(row) = order_actions::find(conn, order.account, &order.order, what.into())? {
        return Ok(row.wanted);
    }
    let row = Row::due(what.into(), plan.words(what, &order.order), None, now);
    order_actions::put(conn, order.account, &order.order, &row)?;
    Ok(row.wanted)
}

/// For the engine: it can no longer be done, or needs not: an order that ended needs nobody to close it.
pub(super) fn give_up(conn: &mut DbConn, order: &orders::Row, what: FollowUp, now: Timestamp) -> QueryResult<()> {
    if what == FollowUp::Close && order.status == Some(Status::Cancelled) {
        return order_actions::mark_done(conn, order.account, &order.order, what.into(), now);
    }
    let why = match what {
        FollowUp::OffSale => "there is stock again".to_owned(),
        FollowUp::Rate | FollowUp::Flower | FollowUp::Close | FollowUp::Price => {
            format!("the order is {}", order.status.map_or("unread", Status::as_str))
        }
    };
    order_actions::mark_failed(conn, order.account, &order.order, what.into(), &why, true, now).map(drop)
}

/// A person wants something done about an order that they may see. The same wish is taken up once; another takes its place. What was refused is
/// begun anew.
pub fn ask(
    conn: &mut DbConn,
    order: &orders::Row,
    what: FollowUp,
    wanted: Option<String>,
    by: &str,
    now: Timestamp,
) -> QueryResult<Result<Row, NotAsked>> {
    let before = order_actions::find(conn, order.account, &order.order, what.into())?;
    if let Some(row) = before {
        let is_same = row.wanted == wanted;
        match row.state {
            State::Done if what != FollowUp::Price => return Ok(Err(NotAsked::DoneBefore)),
            State::Done if is_same && costs(order) == wanted => return Ok(Ok(row)),
            State::Due if is_same => return Ok(Ok(row)),
            State::Done | State::Due | State::Failed => {}
        }
    }
    let row = Row::due(what.into(), wanted, Some(by.to_owned()), now);
    order_actions::put(conn, order.account, &order.order, &row)?;
    orders::set_deliver_due(conn, order.account, &order.order, Some(now))?;
    Ok(Ok(row))
}

/// What the platform last said is to be paid, as it is wanted of it.
fn costs(order: &orders::Row) -> Option<String> {
    order.amount.map(|amount| amount.0.to_string())
}
