//! What happened to orders, as the platform's messages tell it: each once, in the transaction that stores what told of it.

use std::{collections::HashMap, time::Duration};

use diesel::{dsl::count_star, prelude::*};

use super::{
    DbConn, Page, Scope,
    accounts::own,
    connection::per_backend,
    conversations::Side,
    orders, rule_figures,
    schema::{accounts, conversations, order_events},
};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, ItemId, MessageId, OrderId, Timestamp, UserId},
    order::{event::OrderEvent, messages::OrderHappened, notice::Notice},
};

/// What happened longer ago causes nothing any more.
const FRESH: Duration = Duration::from_hours(1);

/// A notice that names no order is no news where the conversation had the same so shortly before or after.
const ECHO: Duration = Duration::from_hours(24);

/// A notice that names its order may come so long after one of the same that did not.
const LATE_NAME: Duration = Duration::from_mins(10);

/// As it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = order_events)]
pub struct Row {
    pub id: i64,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = order_id)]
    pub order: Option<OrderId>,
    pub event: OrderEvent,
    #[diesel(column_name = conversation_id)]
    pub conversation: ConversationId,
    #[diesel(column_name = buyer_id)]
    pub buyer: Option<BuyerId>,
    #[diesel(column_name = item_id)]
    pub item: Option<ItemId>,
    /// When it happened, as the platform says.
    pub at: Timestamp,
    pub seen_at: Timestamp,
    pub handled_at: Option<Timestamp>,
}

impl From<Row> for OrderHappened {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            account: row.account,
            conversation: row.conversation,
            buyer: row.buyer,
            item: row.item,
            order: row.order,
            event: row.event,
            at: row.at,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = order_events, treat_none_as_default_value = false)]
struct New {
    account_id: AccountId,
    order_id: Option<OrderId>,
    event: OrderEvent,
    conversation_id: ConversationId,
    message_id: MessageId,
    buyer_id: Option<BuyerId>,
    item_id: Option<ItemId>,
    at: Timestamp,
    seen_at: Timestamp,
    handled_at: Option<Timestamp>,
}

/// Which ones a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub conversation: Option<ConversationId>,
    pub buyer: Option<BuyerId>,
    pub order: Option<OrderId>,
    pub event: Option<OrderEvent>,
    pub since: Option<Timestamp>,
    /// Not included.
    pub until: Option<Timestamp>,
}

/// What a notice came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Noted {
    /// Something happened that may cause something; `None`: it was known, or causes nothing.
    pub happened: Option<OrderHappened>,
    /// The gateway is to be asked about it.
    pub to_read: bool,
}

/// For the engine: stores what is new, and where we sell. A payment is put down to the rule that was used last. The order it tells of is to
/// be read from then on.
pub fn insert(conn: &mut DbConn, account: AccountId, notice: &Notice, now: Timestamp) -> QueryResult<Noted> {
    let known: Option<(Option<BuyerId>, Option<ItemId>, Side)> = conversations::table
        .find((account, &notice.conversation))
        .select((conversations::peer_id, conversations::item_id, conversations::side))
        .get_result(conn)
        .optional()?;
    let (peer, item, side) = known.unwrap_or((None, None, Side::Unknown));
    if side == Side::Buyer {
        return Ok(Noted::default());
    }
    if is_echo(conn, account, notice)? {
        return Ok(Noted { happened: None, to_read: orders::note(conn, account, notice, false, now)? });
    }
    let new = New {
        account_id: account,
        order_id: notice.order.clone(),
        event: notice.event,
        conversation_id: notice.conversation.clone(),
        message_id: notice.message.clone(),
        buyer_id: notice.buyer.clone().or(peer),
        item_id: notice.item.clone().or(item),
        at: notice.at,
        seen_at: now,
        handled_at: (now.since(notice.at) > FRESH).then_some(now),
    };
    let row: Option<Row> = per_backend!(&mut *conn, conn => diesel::insert_into(order_events::table)
        .values(&new)
        .on_conflict_do_nothing()
        .returning(Row::as_returning())
        .get_result(conn)
        .optional())?;
    if row.as_ref().is_some_and(|row| row.event == OrderEvent::Paid) {
        rule_figures::credit_order(conn, account, &notice.conversation, notice.at)?;
    }
    let to_read = orders::note(conn, account, notice, row.is_some(), now)?;
    Ok(Noted { happened: row.filter(|row| row.handled_at.is_none()).map(OrderHappened::from), to_read })
}

/// The same was told before, by something that named its order or by something that did not. What it did not name is added.
fn is_echo(conn: &mut DbConn, account: AccountId, notice: &Notice) -> QueryResult<bool> {
    let here = || {
        order_events::table
            .filter(order_events::account_id.eq(account).and(order_events::conversation_id.eq(&notice.conversation)))
    };
    let Some(order) = &notice.order else {
        // The badge of an order that was paid back says that it is closed.
        let same: &[OrderEvent] = match notice.event {
            OrderEvent::Closed => &[OrderEvent::Closed, OrderEvent::Refunded],
            OrderEvent::Placed
            | OrderEvent::Paid
            | OrderEvent::Shipped
            | OrderEvent::Received
            | OrderEvent::Refunding
            | OrderEvent::Refunded => &[notice.event],
        };
        let around = order_events::at.between(notice.at - ECHO, notice.at + ECHO);
        let twin = here().filter(order_events::event.eq_any(same)).filter(around).select(order_events::id);
        return Ok(twin.first::<i64>(conn).optional()?.is_some());
    };
    let named = order_events::table
        .filter(order_events::account_id.eq(account).and(order_events::order_id.eq(order)))
        .filter(order_events::event.eq(notice.event))
        .select(order_events::id);
    if named.get_result::<i64>(conn).optional()?.is_some() {
        return Ok(true);
    }
    let around = order_events::at.between(notice.at - LATE_NAME, notice.at + LATE_NAME);
    let nameless = here().filter(order_events::order_id.is_null().and(order_events::event.eq(notice.event)));
    let nameless: Option<i64> = nameless.filter(around).select(order_events::id).first(conn).optional()?;
    let Some(id) = nameless else { return Ok(false) };
    diesel::update(order_events::table.find(id)).set(order_events::order_id.eq(order)).execute(conn)?;
    Ok(true)
}

/// For the engine: what an account's last run left undone and is not too old, oldest first.
pub fn unhandled(conn: &mut DbConn, account: AccountId, now: Timestamp) -> QueryResult<Vec<OrderHappened>> {
    let rows: Vec<Row> = order_events::table
        .filter(order_events::account_id.eq(account).and(order_events::handled_at.is_null()))
        .filter(order_events::at.ge(now - FRESH))
        .order(order_events::id)
        .select(Row::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(OrderHappened::from).collect())
}

/// For the engine: what it causes is stored, or it causes nothing.
pub fn mark_handled(conn: &mut DbConn, id: i64, now: Timestamp) -> QueryResult<()> {
    let open = order_events::table.filter(order_events::id.eq(id).and(order_events::handled_at.is_null()));
    diesel::update(open).set(order_events::handled_at.eq(now)).execute(conn).map(drop)
}

/// For the engine: how many orders these buyers paid in all accounts of the owner. Who is not named paid none.
pub fn paid_orders(conn: &mut DbConn, owner: UserId, buyers: &[BuyerId]) -> QueryResult<HashMap<BuyerId, i64>> {
    let mut found = HashMap::new();
    let accounts = accounts::table.filter(accounts::owner_id.eq(owner)).select(accounts::id);
    for some in buyers.chunks(500) {
        let rows: Vec<(Option<BuyerId>, i64)> = order_events::table
            .filter(order_events::buyer_id.eq_any(some).and(order_events::event.eq(OrderEvent::Paid)))
            .filter(order_events::account_id.eq_any(accounts))
            .group_by(order_events::buyer_id)
            .select((order_events::buyer_id, count_star()))
            .load(conn)?;
        found.extend(rows.into_iter().filter_map(|(buyer, orders)| Some((buyer?, orders))));
    }
    Ok(found)
}

/// A part of those that fit, newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Row>, i64)> {
    let fitting = || {
        let mut query = order_events::table.filter(order_events::account_id.eq_any(own!(scope))).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(order_events::account_id.eq(account));
        }
        if let Some(conversation) = &filter.conversation {
            query = query.filter(order_events::conversation_id.eq(conversation));
        }
        if let Some(buyer) = &filter.buyer {
            query = query.filter(order_events::buyer_id.eq(buyer));
        }
        if let Some(order) = &filter.order {
            query = query.filter(order_events::order_id.eq(order));
        }
        if let Some(event) = filter.event {
            query = query.filter(order_events::event.eq(event));
        }
        if let Some(since) = filter.since {
            query = query.filter(order_events::at.ge(since));
        }
        if let Some(until) = filter.until {
            query = query.filter(order_events::at.lt(until));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order(order_events::id.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// What is kept of a conversation, oldest first.
pub(super) fn in_conversation(
    conn: &mut DbConn,
    account: AccountId,
    conversation: &ConversationId,
) -> QueryResult<Vec<Row>> {
    order_events::table
        .filter(order_events::account_id.eq(account).and(order_events::conversation_id.eq(conversation)))
        .order(order_events::id)
        .select(Row::as_select())
        .load(conn)
}

/// Nothing is kept of what happened in a conversation.
pub(super) fn forget(conn: &mut DbConn, account: AccountId, conversation: &ConversationId) -> QueryResult<()> {
    let rows = order_events::account_id.eq(account).and(order_events::conversation_id.eq(conversation));
    diesel::delete(order_events::table.filter(rows)).execute(conn).map(drop)
}
