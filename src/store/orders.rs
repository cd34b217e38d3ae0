//! Orders as the gateway tells them, where they stood before, and when they are looked at again.
//!
//! `read_due` and `deliver_due` are the whole agenda: what is due there is done after every start, whoever wanted it.

use std::collections::HashMap;

use diesel::{dsl::count_star, prelude::*, result::Error};

use super::{
    DbConn, Keys, Page, Scope, Sealed,
    accounts::own,
    changes,
    connection::per_backend,
    conversations::Side,
    deliveries, order_actions,
    page::{containing, lower},
    privacy::ERASED,
    reviews, sales_figures,
    schema::{conversations, order_changes, order_syncs, orders},
};
use crate::{
    delivery::{follow_up::RECENT, step::Standing},
    ids::{AccountId, BuyerId, ConversationId, Fen, ItemId, OrderId, Timestamp},
    order::{
        agenda,
        change::OrderPart,
        notice::{Mention, Notice},
        status::{Cause, Status, Step},
    },
    platform::mtop::order::{Address, OrderDetail, SoldOrder, TradeState},
};

/// As it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = orders)]
pub struct Row {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = id)]
    pub order: OrderId,
    /// `None`: the gateway was not read yet.
    pub status: Option<Status>,
    #[diesel(column_name = buyer_id)]
    pub buyer: Option<BuyerId>,
    pub buyer_name: Option<String>,
    #[diesel(column_name = conversation_id)]
    pub conversation: Option<ConversationId>,
    #[diesel(column_name = item_id)]
    pub item: Option<ItemId>,
    spec: String,
    pub quantity: i64,
    pub price: Option<Fen>,
    pub amount: Option<Fen>,
    pub address: Option<Sealed>,
    pub is_bargain: bool,
    pub placed_at: Option<Timestamp>,
    pub paid_at: Option<Timestamp>,
    pub shipped_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub seen_at: Timestamp,
    pub read_at: Option<Timestamp>,
    pub read_due: Option<Timestamp>,
    pub read_cause: Option<Cause>,
    pub read_tries: i64,
    pub read_error: Option<String>,
    pub deliver_due: Option<Timestamp>,
}

impl Row {
    /// Its buyer was erased: nobody asks for it any more.
    fn is_erased(&self) -> bool {
        self.buyer.as_ref().is_some_and(|buyer| buyer.as_str().starts_with(ERASED))
    }

    /// Where it stands, as far as its delivery goes.
    pub fn standing(&self) -> Standing {
        match self.status {
            None => Standing::Unread,
            Some(Status::Processing) if self.is_bargain => Standing::Bargaining,
            Some(Status::Processing) => Standing::Unpaid,
            Some(Status::PendingShip) => Standing::Paid,
            Some(Status::Shipped) => Standing::Shipped,
            Some(Status::Completed) => Standing::Completed,
            Some(Status::Refunding) => Standing::Refunding,
            Some(Status::Cancelled) => Standing::Ended,
        }
    }

    /// Such as 颜色 and 黑, in the platform's order.
    pub fn spec(&self) -> Vec<(String, String)> {
        serde_json::from_str(&self.spec).unwrap_or_default()
    }
}

/// One step of an order.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = order_changes)]
pub struct Change {
    pub id: i64,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = order_id)]
    pub order: OrderId,
    #[diesel(column_name = from_status)]
    pub from: Option<Status>,
    #[diesel(column_name = to_status)]
    pub to: Status,
    pub cause: Cause,
    pub at: Timestamp,
}

/// The comparison of an account's orders with the platform's list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Queryable, Selectable)]
#[diesel(table_name = order_syncs)]
pub struct Sync {
    pub due_at: Option<Timestamp>,
    pub synced_at: Option<Timestamp>,
    pub tries: i64,
    pub error: Option<String>,
}

/// Which orders a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub status: Option<Status>,
    pub buyer: Option<BuyerId>,
    pub item: Option<ItemId>,
    pub conversation: Option<ConversationId>,
    /// Occurs in the buyer's name, or is the number of the order, the buyer or the item.
    pub text: Option<String>,
    pub since: Option<Timestamp>,
    /// Not included.
    pub until: Option<Timestamp>,
}

/// What reading an order came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// It stands there now.
    Stands { status: Status, changed: bool },
    /// The platform's word cannot follow where it stood, or is new: nothing was changed, a person is to look.
    Unplaceable { word: Option<TradeState>, status: Option<Status> },
    /// We bought it: it is none of ours.
    Bought,
    /// Nobody knows the order here any more.
    Gone,
}

/// The place an order's address is sealed for.
pub fn address_place(account: AccountId, order: &OrderId) -> String {
    format!("orders.address:{account}:{order}")
}

/// Opens the address; `None` where there is none.
pub fn open_address(keys: &Keys, row: &Row) -> Option<Address> {
    let sealed = row.address.as_ref()?;
    let text = keys.open(&address_place(row.account, &row.order), sealed).ok()?;
    serde_json::from_str(text.expose()).ok()
}

/// What is known of an order before the gateway was asked.
#[derive(Debug, Clone, Default)]
struct Hint {
    buyer: Option<BuyerId>,
    buyer_name: Option<String>,
    conversation: Option<ConversationId>,
    item: Option<ItemId>,
    is_bargain: bool,
}

/// For the engine: the platform told something of an order; `is_news`: for the first time. It is read as soon as possible then, and where it
/// is not known yet. Where the platform did not say which order, the list is compared. `true`: there is something to ask.
pub fn note(
    conn: &mut DbConn,
    account: AccountId,
    notice: &Notice,
    is_news: bool,
    now: Timestamp,
) -> QueryResult<bool> {
    let Some(order) = &notice.order else {
        if is_news {
            want_comparison(conn, account, now)?;
        }
        return Ok(is_news);
    };
    let hint = Hint {
        buyer: notice.buyer.clone(),
        conversation: Some(notice.conversation.clone()),
        item: notice.item.clone(),
        ..Hint::default()
    };
    let is_new = insert(conn, account, order, &hint, Cause::Notice, now)?;
    if is_news && !is_new {
        want(conn, account, order, Cause::Notice, now)?;
    }
    Ok(is_new || is_news)
}

/// For the engine: a card names an order without telling an event. It is read as soon as possible, where we sell. `true`: there is something to
/// ask.
pub fn mention(conn: &mut DbConn, account: AccountId, mention: &Mention, now: Timestamp) -> QueryResult<bool> {
    let side: Option<Side> = conversations::table
        .find((account, &mention.conversation))
        .select(conversations::side)
        .get_result(conn)
        .optional()?;
    if side == Some(Side::Buyer) {
        return Ok(false);
    }
    let hint = Hint {
        buyer: mention.buyer.clone(),
        conversation: Some(mention.conversation.clone()),
        item: mention.item.clone(),
        ..Hint::default()
    };
    Ok(insert(conn, account, &mention.order, &hint, Cause::Notice, now)?
        || want(conn, account, &mention.order, Cause::Notice, now)?)
}

/// `true`: it is new, and due.
fn insert(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    hint: &Hint,
    cause: Cause,
    now: Timestamp,
) -> QueryResult<bool> {
    let values = (
        orders::account_id.eq(account),
        orders::id.eq(order),
        orders::buyer_id.eq(&hint.buyer),
        orders::buyer_name.eq(&hint.buyer_name),
        orders::conversation_id.eq(&hint.conversation),
        orders::item_id.eq(&hint.item),
        orders::spec.eq("[]"),
        orders::quantity.eq(1_i64),
        orders::is_bargain.eq(hint.is_bargain),
        orders::seen_at.eq(now),
        orders::read_due.eq(now),
        orders::read_cause.eq(cause),
        orders::read_tries.eq(0_i64),
    );
    let rows = per_backend!(&mut *conn, conn => diesel::insert_into(orders::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(conn))?;
    if rows == 1 {
        changes::note(account, order, OrderPart::Order);
    } else if hint.conversation.is_some() || hint.is_bargain {
        fill(conn, account, order, hint)?;
    }
    Ok(rows == 1)
}

/// What an order was first heard of without.
fn fill(conn: &mut DbConn, account: AccountId, order: &OrderId, hint: &Hint) -> QueryResult<()> {
    let this = || orders::table.find((account, order));
    if let Some(conversation) = &hint.conversation {
        diesel::update(this().filter(orders::conversation_id.is_null()))
            .set(orders::conversation_id.eq(conversation))
            .execute(conn)?;
    }
    if hint.is_bargain {
        diesel::update(this().filter(orders::is_bargain.eq(false))).set(orders::is_bargain.eq(true)).execute(conn)?;
    }
    Ok(())
}

/// For the engine: an order is to be read at once. Without effect where it is to be anyway.
pub fn want(conn: &mut DbConn, account: AccountId, order: &OrderId, cause: Cause, now: Timestamp) -> QueryResult<bool> {
    let later = orders::read_due.is_null().or(orders::read_due.gt(now));
    let known = orders::buyer_id.is_null().or(orders::buyer_id.not_like(format!("{ERASED}%")));
    let rows = diesel::update(orders::table.find((account, order)).filter(later).filter(known))
        .set((orders::read_due.eq(now), orders::read_cause.eq(cause), orders::read_tries.eq(0_i64)))
        .execute(conn)?;
    Ok(rows == 1)
}

/// For the engine: those of an account that are to be read by now, and why, the longest due first.
pub fn due(
    conn: &mut DbConn,
    account: AccountId,
    now: Timestamp,
    limit: i64,
) -> QueryResult<Vec<(OrderId, Option<Cause>)>> {
    orders::table
        .filter(orders::account_id.eq(account).and(orders::read_due.le(now)))
        .order((orders::read_due, orders::id))
        .limit(limit)
        .select((orders::id, orders::read_cause))
        .load(conn)
}

/// For the engine: when the next one is to be read.
pub fn next_due(conn: &mut DbConn, account: AccountId) -> QueryResult<Option<Timestamp>> {
    let due: Option<Option<Timestamp>> = orders::table
        .filter(orders::account_id.eq(account).and(orders::read_due.is_not_null()))
        .order(orders::read_due)
        .select(orders::read_due)
        .first(conn)
        .optional()?;
    Ok(due.flatten())
}

/// For the engine.
pub fn find(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<Option<Row>> {
    orders::table.find((account, order)).select(Row::as_select()).get_result(conn).optional()
}

/// For the engine: what the gateway said of an order decides where it stands. Everything that follows from it is due with the same commit.
/// `own`: the account itself, which may be the buyer.
pub fn read(
    conn: &mut DbConn,
    keys: &Keys,
    account: AccountId,
    own: &BuyerId,
    detail: &OrderDetail,
    cause: Cause,
    now: Timestamp,
) -> QueryResult<Read> {
    let this = || orders::table.find((account, &detail.order));
    let Some(row) = find(conn, account, &detail.order)? else { return Ok(Read::Gone) };
    if row.is_erased() {
        return Ok(Read::Gone);
    }
    if detail.buyer == *own {
        diesel::delete(this()).execute(conn)?;
        changes::note(account, &detail.order, OrderPart::Order);
        return Ok(Read::Bought);
    }
    let before = before_refund(conn, &row)?;
    let step = detail.state.map_or(Step::Illegal, |word| Status::step(row.status, word, before));
    let (status, changed) = match (step, row.status) {
        (Step::To(status), _) => (status, true),
        (Step::Stay, Some(status)) => (status, false),
        (Step::Illegal, status) => {
            let again = Some(now + agenda::pause(row.read_tries + agenda::IN_VAIN));
            diesel::update(this())
                .set((orders::read_at.eq(now), orders::read_due.eq(again), orders::read_tries.eq(row.read_tries + 1)))
                .execute(conn)?;
            return Ok(Read::Unplaceable { word: detail.state, status });
        }
        (Step::Stay, None) => return Err(Error::RollbackTransaction),
    };
    let address = detail.address.as_ref().map(|address| -> QueryResult<Sealed> {
        let text = serde_json::to_string(address).map_err(|error| Error::SerializationError(error.into()))?;
        Ok(keys.seal(&address_place(account, &detail.order), text))
    });
    let age = now.since(detail.placed_at.or(row.placed_at).unwrap_or(row.seen_at));
    let spec = serde_json::to_string(&detail.spec).map_err(|error| Error::SerializationError(error.into()))?;
    let conversation = match &row.conversation {
        Some(conversation) => Some(conversation.clone()),
        None => conversation_with(conn, account, &detail.buyer, &detail.item)?,
    };
    let amount = detail.amount.or(row.amount);
    let is_bargain = row.is_bargain || detail.state == Some(TradeState::Bargaining);
    diesel::update(this())
        .set((
            orders::status.eq(status),
            orders::buyer_id.eq(&detail.buyer),
            orders::conversation_id.eq(&conversation),
            orders::item_id.eq(&detail.item),
            orders::spec.eq(spec),
            orders::quantity.eq(i64::from(detail.quantity)),
            orders::price.eq(detail.price.or(row.price)),
            orders::amount.eq(amount),
            orders::address.eq(address.transpose()?.or(row.address.clone())),
            orders::is_bargain.eq(is_bargain),
            orders::placed_at.eq(detail.placed_at.or(row.placed_at)),
            (
                orders::read_at.eq(now),
                orders::read_due.eq(agenda::next_look(status, age, now)),
                orders::read_cause.eq(Cause::Schedule),
                orders::read_tries.eq(0_i64),
                orders::read_error.eq(None::<String>),
            ),
        ))
        .execute(conn)?;
    if (&row.amount, &row.conversation) != (&amount, &conversation) {
        changes::note(account, &detail.order, OrderPart::Details);
    }
    if changed {
        stand(conn, &row, status, cause, now)?;
        sales_figures::count(conn, account, &detail.order, now)?;
    }
    Ok(Read::Stands { status, changed })
}

/// The step that led into the refund which is running, if one is, tells where the order stood before.
fn before_refund(conn: &mut DbConn, row: &Row) -> QueryResult<Option<Status>> {
    if row.status != Some(Status::Refunding) {
        return Ok(None);
    }
    let from: Option<Option<Status>> = order_changes::table
        .filter(order_changes::account_id.eq(row.account).and(order_changes::order_id.eq(&row.order)))
        .filter(order_changes::to_status.eq(Status::Refunding))
        .order(order_changes::id.desc())
        .select(order_changes::from_status)
        .first(conn)
        .optional()?;
    Ok(from.flatten())
}

/// The newest conversation with this buyer about this item.
fn conversation_with(
    conn: &mut DbConn,
    account: AccountId,
    buyer: &BuyerId,
    item: &ItemId,
) -> QueryResult<Option<ConversationId>> {
    conversations::table
        .filter(conversations::account_id.eq(account).and(conversations::peer_id.eq(buyer)))
        .filter(conversations::item_id.eq(item))
        .order(conversations::created_at.desc())
        .select(conversations::conversation_id)
        .first(conn)
        .optional()
}

fn stand(conn: &mut DbConn, row: &Row, status: Status, cause: Cause, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(order_changes::table)
        .values((
            order_changes::account_id.eq(row.account),
            order_changes::order_id.eq(&row.order),
            order_changes::from_status.eq(row.status),
            order_changes::to_status.eq(status),
            order_changes::cause.eq(cause),
            order_changes::at.eq(now),
        ))
        .execute(conn)?;
    let this = || orders::table.find((row.account, &row.order));
    let paid = row.paid_at.or(Some(now));
    match status {
        Status::Processing | Status::Refunding => 0,
        Status::PendingShip => diesel::update(this()).set(orders::paid_at.eq(paid)).execute(conn)?,
        Status::Shipped => {
            let shipped = row.shipped_at.unwrap_or(now);
            diesel::update(this()).set((orders::paid_at.eq(paid), orders::shipped_at.eq(shipped))).execute(conn)?
        }
        Status::Completed => {
            let completed = row.completed_at.unwrap_or(now);
            diesel::update(this()).set((orders::paid_at.eq(paid), orders::completed_at.eq(completed))).execute(conn)?
        }
        Status::Cancelled => diesel::update(this()).set(orders::ended_at.eq(now)).execute(conn)?,
    };
    changes::note(row.account, &row.order, OrderPart::Status);
    // Whatever was to be done for it is looked at anew: to be begun, or to be left.
    diesel::update(this()).set(orders::deliver_due.eq(now)).execute(conn).map(drop)
}

/// For the engine: the gateway did not tell of it. How often in a row.
pub fn read_in_vain(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    error: &str,
    now: Timestamp,
) -> QueryResult<i64> {
    let Some(row) = find(conn, account, order)? else { return Ok(0) };
    let tries = row.read_tries + 1;
    diesel::update(orders::table.find((account, order)))
        .set((
            orders::read_due.eq(now + agenda::pause(tries)),
            orders::read_tries.eq(tries),
            orders::read_error.eq(error),
        ))
        .execute(conn)?;
    Ok(tries)
}

/// For the engine: in which conversation its buyer is reached.
pub fn set_conversation(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    conversation: &ConversationId,
) -> QueryResult<()> {
    diesel::update(orders::table.find((account, order))).set(orders::conversation_id.eq(conversation)).execute(conn)?;
    changes::note(account, order, OrderPart::Details);
    Ok(())
}

/// For the engine: its delivery is to be looked at then; `None`: there is nothing to be done.
pub fn set_deliver_due(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    due: Option<Timestamp>,
) -> QueryResult<()> {
    diesel::update(orders::table.find((account, order))).set(orders::deliver_due.eq(due)).execute(conn).map(drop)
}

/// For the engine: those of an account whose delivery is to be looked at by now, the longest due first.
pub fn deliver_due(conn: &mut DbConn, account: AccountId, now: Timestamp, limit: i64) -> QueryResult<Vec<OrderId>> {
    orders::table
        .filter(orders::account_id.eq(account).and(orders::deliver_due.le(now)))
        .order((orders::deliver_due, orders::id))
        .limit(limit)
        .select(orders::id)
        .load(conn)
}

/// For the engine: when the next delivery is to be looked at.
pub fn next_deliver_due(conn: &mut DbConn, account: AccountId) -> QueryResult<Option<Timestamp>> {
    let due: Option<Option<Timestamp>> = orders::table
        .filter(orders::account_id.eq(account).and(orders::deliver_due.is_not_null()))
        .order(orders::deliver_due)
        .select(orders::deliver_due)
        .first(conn)
        .optional()?;
    Ok(due.flatten())
}

/// For the engine: what is known of the comparison with the platform's list.
pub fn sync(conn: &mut DbConn, account: AccountId) -> QueryResult<Sync> {
    let found = order_syncs::table.find(account).select(Sync::as_select()).get_result(conn).optional()?;
    Ok(found.unwrap_or_default())
}

/// For the engine: the list is to be compared at once.
pub fn want_comparison(conn: &mut DbConn, account: AccountId, now: Timestamp) -> QueryResult<()> {
    let before = sync(conn, account)?;
    put_sync(conn, account, &Sync { due_at: Some(before.due_at.map_or(now, |due| due.min(now))), ..before })
}

/// For the engine.
pub fn put_sync(conn: &mut DbConn, account: AccountId, sync: &Sync) -> QueryResult<()> {
    let values = (
        order_syncs::due_at.eq(sync.due_at),
        order_syncs::synced_at.eq(sync.synced_at),
        order_syncs::tries.eq(sync.tries),
        order_syncs::error.eq(&sync.error),
    );
    per_backend!(&mut *conn, conn => diesel::insert_into(order_syncs::table)
        .values((order_syncs::account_id.eq(account), values))
        .on_conflict(order_syncs::account_id)
        .do_update()
        .set(values)
        .execute(conn))
    .map(drop)
}

/// For the engine: a page of the platform's list of what is to be shipped. What is not known, or is otherwise, is read; how many these are.
pub fn note_listed(conn: &mut DbConn, account: AccountId, listed: &[SoldOrder], now: Timestamp) -> QueryResult<usize> {
    let mut wanted = 0;
    for sold in listed {
        let hint = Hint {
            buyer: Some(sold.buyer.clone()),
            buyer_name: sold.buyer_name.clone(),
            item: Some(sold.item.clone()),
            conversation: None,
            is_bargain: sold.is_bargain,
        };
        if insert(conn, account, &sold.order, &hint, Cause::List, now)? {
            wanted += 1;
            continue;
        }
        let Some(row) = find(conn, account, &sold.order)? else { continue };
        let told = sold.state.filter(|_| !sold.in_refund).unwrap_or(TradeState::Refunding);
        if row.status.is_none_or(|status| Status::step(Some(status), told, Some(status)) != Step::Stay)
            && want(conn, account, &sold.order, Cause::List, now)?
        {
            wanted += 1;
        }
    }
    Ok(wanted)
}

/// For the engine: the whole list was read. Orders that are to be shipped as far as we know and are not on it are read. How many.
pub fn note_unlisted(
    conn: &mut DbConn,
    account: AccountId,
    listed: &[OrderId],
    began: Timestamp,
    now: Timestamp,
) -> QueryResult<usize> {
    let pending: Vec<OrderId> = orders::table
        .filter(orders::account_id.eq(account).and(orders::status.eq(Status::PendingShip)))
        .filter(orders::read_at.lt(began))
        .select(orders::id)
        .load(conn)?;
    let mut wanted = 0;
    for order in pending.iter().filter(|order| !listed.contains(order)) {
        wanted += usize::from(want(conn, account, order, Cause::List, now)?);
    }
    Ok(wanted)
}

/// Takes out who bought it and what was said for it. That it was served stays, or it would be served again; its number stays with that.
pub(super) fn forget_buyer(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    pseudonym: &BuyerId,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::update(orders::table.find((account, order)))
        .set((
            orders::buyer_id.eq(pseudonym),
            orders::buyer_name.eq(None::<String>),
            orders::conversation_id.eq(None::<ConversationId>),
            orders::address.eq(None::<Sealed>),
            orders::read_due.eq(None::<Timestamp>),
            orders::deliver_due.eq(None::<Timestamp>),
        ))
        .execute(conn)?;
    changes::note(account, order, OrderPart::Details);
    reviews::forget(conn, account, order, now)?;
    order_actions::forget_words(conn, account, order)?;
    deliveries::forget_messages(conn, account, order)
}

macro_rules! fitting {
    ($scope:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = orders::table.filter(orders::account_id.eq_any(own!($scope))).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(orders::account_id.eq(account));
        }
        if let Some(status) = filter.status {
            query = query.filter(orders::status.eq(status));
        }
        if let Some(buyer) = &filter.buyer {
            query = query.filter(orders::buyer_id.eq(buyer));
        }
        if let Some(item) = &filter.item {
            query = query.filter(orders::item_id.eq(item));
        }
        if let Some(conversation) = &filter.conversation {
            query = query.filter(orders::conversation_id.eq(conversation));
        }
        if let Some(text) = &filter.text {
            let in_name = lower(orders::buyer_name).like(lower(containing(text))).escape('\\');
            let is_number = orders::id.nullable().eq(text).or(orders::buyer_id.eq(text)).or(orders::item_id.eq(text));
            query = query.filter(in_name.or(is_number));
        }
        if let Some(since) = filter.since {
            query = query.filter(orders::seen_at.ge(since));
        }
        if let Some(until) = filter.until {
            query = query.filter(orders::seen_at.lt(until));
        }
        query
    }};
}

/// A part of those that fit, newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Row>, i64)> {
    let total = fitting!(scope, filter).count().get_result(conn)?;
    let rows = fitting!(scope, filter)
        .order((orders::seen_at.desc(), orders::id.desc()))
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// `None` also where the account belongs to somebody else.
pub fn find_for_person(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    order: &OrderId,
) -> QueryResult<Option<Row>> {
    get(conn, scope, account, order).optional()
}

/// `NotFound` also where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, account: AccountId, order: &OrderId) -> QueryResult<Row> {
    orders::table
        .find((account, order))
        .filter(orders::account_id.eq_any(own!(scope)))
        .select(Row::as_select())
        .get_result(conn)
}

/// Where an order stood, oldest first; nothing where the account belongs to somebody else.
pub fn history(conn: &mut DbConn, scope: &Scope, account: AccountId, order: &OrderId) -> QueryResult<Vec<Change>> {
    order_changes::table
        .filter(order_changes::account_id.eq(account).and(order_changes::order_id.eq(order)))
        .filter(order_changes::account_id.eq_any(own!(scope)))
        .order(order_changes::id)
        .select(Change::as_select())
        .load(conn)
}

/// How many orders stand where, of those somebody may see.
pub fn counts(conn: &mut DbConn, scope: &Scope) -> QueryResult<HashMap<Option<Status>, i64>> {
    let rows: Vec<(Option<Status>, i64)> = orders::table
        .filter(orders::account_id.eq_any(own!(scope)))
        .group_by(orders::status)
        .select((orders::status, count_star()))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// For the engine: the deliveries of an account's orders that wait for something of us are looked at.
pub fn look_at_open(conn: &mut DbConn, account: AccountId, now: Timestamp) -> QueryResult<()> {
    let bargain = orders::status.eq(Status::Processing).and(orders::is_bargain);
    let open =
        orders::table.filter(orders::account_id.eq(account)).filter(orders::status.eq(Status::PendingShip).or(bargain));
    diesel::update(open).set(orders::deliver_due.eq(now)).execute(conn).map(drop)
}

/// For the engine: what is done about an account's orders besides their delivery was set anew. Those that may need it are looked at: what is
/// open, and what was completed lately.
pub fn look_at_followed(conn: &mut DbConn, account: AccountId, now: Timestamp) -> QueryResult<()> {
    let is_open = orders::status.eq_any([Status::Processing, Status::Shipped]);
    let since = Timestamp(now.0 - i64::try_from(RECENT.as_millis()).unwrap_or(0));
    let is_recent = orders::status.eq(Status::Completed).and(orders::completed_at.ge(since));
    // Of an erased buyer nothing is asked any more.
    let known = orders::buyer_id.is_null().or(orders::buyer_id.not_like(format!("{ERASED}%")));
    let concerned = orders::table
        .filter(orders::account_id.eq(account))
        .filter(is_open.or(is_recent.assume_not_null()))
        .filter(known);
    diesel::update(concerned).set(orders::deliver_due.eq(now)).execute(conn).map(drop)
}
