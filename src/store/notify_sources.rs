//! Where notices come from: what is stored anyway, read again every few seconds. For the engine: all tenants at once, no scope.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use super::{
    DbConn,
    cards::Card,
    connection::per_backend,
    facts,
    schema::{
        account_sessions, account_states, accounts, cards, chat_messages, notices, order_actions, orders, review_items,
        users,
    },
    units,
};
use crate::{
    access::role::Role,
    account::state::{Reason, State},
    delivery::review::Reason as ReviewReason,
    ids::{AccountId, BuyerId, CardId, ConversationId, NoticeId, OrderId, ReviewId, Timestamp, UserId},
    notify::event::Event,
};

/// About so many rows one look takes.
const STRETCH: i64 = 500;

/// How far a source has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// Along the arrival of messages.
    Messages,
    /// The same, so long behind that an answer should be there.
    Unanswered,
    /// Along the decisions.
    Person,
    /// Along the orders of which the buyer has everything.
    Delivered,
}

impl Cursor {
    fn key(self) -> &'static str {
        match self {
            Self::Messages => "notify.messages",
            Self::Unanswered => "notify.unanswered",
            Self::Person => "notify.person",
            Self::Delivered => "notify.delivered",
        }
    }

    /// `None`: nothing was ever read.
    pub fn find(self, conn: &mut DbConn) -> QueryResult<Option<Timestamp>> {
        Ok(facts::find(conn, self.key())?.and_then(|text| text.parse().ok()).map(Timestamp))
    }

    pub fn put(self, conn: &mut DbConn, at: Timestamp) -> QueryResult<()> {
        facts::put(conn, self.key(), &at.to_string())
    }
}

/// An account and what its connection is doing.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct AccountLine {
    pub id: AccountId,
    pub owner: UserId,
    pub name: String,
    pub enabled: bool,
    /// `None`: it was never started.
    pub state: Option<State>,
    pub reason: Option<Reason>,
    pub since: Option<Timestamp>,
}

/// Enabled accounts that are not connected.
pub fn unconnected(conn: &mut DbConn) -> QueryResult<Vec<AccountLine>> {
    accounts::table
        .inner_join(account_states::table)
        .filter(accounts::enabled.and(account_states::state.ne_all([State::Connected, State::Closed])))
        .order(accounts::id)
        .select((
            accounts::id,
            accounts::owner_id,
            accounts::name,
            accounts::enabled,
            account_states::state.nullable(),
            account_states::reason.nullable(),
            account_states::since.nullable(),
        ))
        .load(conn)
}

/// An account whose login is thought to end, or of which that was told.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct EndingLogin {
    pub id: AccountId,
    pub owner: UserId,
    pub name: String,
    pub ends_at: Timestamp,
}

/// Connected accounts whose login is thought to end before then. One that is over already is told of otherwise.
pub fn ending_logins(conn: &mut DbConn, before: Timestamp) -> QueryResult<Vec<EndingLogin>> {
    accounts::table
        .inner_join(account_sessions::table)
        .inner_join(account_states::table)
        .filter(accounts::enabled.and(account_states::state.eq(State::Connected)))
        .filter(account_sessions::ends_at.lt(before))
        .order(accounts::id)
        .select((accounts::id, accounts::owner_id, accounts::name, account_sessions::ends_at.assume_not_null()))
        .load(conn)
}

/// Logins of whose end was told, and that are not thought to end before then any more: whose notices they are.
pub fn renewed_logins(conn: &mut DbConn, before: Timestamp) -> QueryResult<Vec<(UserId, String)>> {
    notices::table
        .inner_join(accounts::table.inner_join(account_sessions::table))
        .filter(diesel::dsl::sql::<Bool>("notices.stage IN ('held', 'told')"))
        .filter(notices::event.eq(Event::LoginEnding).and(notices::ended_at.is_null()))
        .filter(account_sessions::ends_at.ge(before))
        .order(notices::id)
        .select((notices::owner_id, notices::key))
        .load(conn)
}

/// Notices about accounts that are not over, and what those accounts are doing now.
pub fn account_troubles(conn: &mut DbConn) -> QueryResult<Vec<(NoticeId, Event, String, AccountLine)>> {
    notices::table
        .inner_join(accounts::table.left_join(account_states::table))
        .filter(diesel::dsl::sql::<Bool>("notices.stage IN ('held', 'told')"))
        .filter(notices::event.eq_any([Event::AccountDown, Event::AccountNeedsPerson]).and(notices::ended_at.is_null()))
        .order(notices::id)
        .select((
            notices::id,
            notices::event,
            notices::key,
            (
                accounts::id,
                accounts::owner_id,
                accounts::name,
                accounts::enabled,
                account_states::state.nullable(),
                account_states::reason.nullable(),
                account_states::since.nullable(),
            ),
        ))
        .load(conn)
}

/// A message of a buyer that somebody may want to hear of.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Said {
    #[diesel(sql_type = BigInt)]
    pub owner_id: UserId,
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    #[diesel(sql_type = Text)]
    pub account: String,
    #[diesel(sql_type = Text)]
    pub conversation_id: ConversationId,
    #[diesel(sql_type = Text)]
    pub sender_id: BuyerId,
    #[diesel(sql_type = Nullable<Text>)]
    pub sender_name: Option<String>,
    #[diesel(sql_type = Text)]
    pub text: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub item_title: Option<String>,
    #[diesel(sql_type = BigInt)]
    pub received_at: Timestamp,
}

const SAID: &str = "SELECT a.owner_id, m.account_id, a.name AS account, m.conversation_id, m.sender_id, m.sender_name, m.text, \
     c.item_title, m.received_at FROM chat_messages m JOIN accounts a ON a.id = m.account_id \
     LEFT JOIN conversations c ON c.account_id = m.account_id AND c.conversation_id = m.conversation_id ";

/// Only for who wants to hear of it: `$1` is the event.
const WANTED: &str = "a.owner_id IN (SELECT n.owner_id FROM notify_channels n JOIN notify_subscriptions s ON s.channel_id = n.id \
     WHERE n.enabled AND s.event = $1) ";

/// Neither ours nor the platform's.
const OF_BUYERS: &str = "AND coalesce(m.decision, '') <> 'own' AND coalesce(m.reason, '') NOT IN ('group_chat', 'not_a_person', \
     'buyer_side') ";

/// What silence was meant, or broken by the seller.
const OPEN: &str =
    "AND coalesce(m.reason, '') NOT IN ('blocked', 'empty_reply', 'seller_answered') AND NOT m.needs_person ";

/// A number in the outbox is never below its time.
const NOT_ANSWERED: &str = "AND NOT EXISTS (SELECT 1 FROM chat_messages o WHERE o.account_id = m.account_id \
     AND o.conversation_id = m.conversation_id AND o.sent_at >= m.sent_at AND o.decision = 'own') \
     AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.account_id = m.account_id AND o.conversation_id = m.conversation_id \
     AND o.id >= m.received_at AND o.state NOT IN ('rejected', 'expired')) ";

/// Where a stretch of about [`STRETCH`] messages that begins after `from` ends, at the latest at `to`: all of one moment together.
fn stretch(conn: &mut DbConn, from: Timestamp, to: Timestamp) -> QueryResult<Timestamp> {
    let last = chat_messages::table
        .filter(chat_messages::received_at.gt(from).and(chat_messages::received_at.le(to)))
        .order(chat_messages::received_at)
        .offset(STRETCH - 1)
        .select(chat_messages::received_at)
        .first(conn)
        .optional()?;
    Ok(last.unwrap_or(to))
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

const LISTENERS: &str = "SELECT count(*) AS number FROM notify_channels n JOIN notify_subscriptions s ON s.channel_id = n.id \
     WHERE n.enabled AND s.event = $1";

/// Whether anybody wants to hear of it.
fn is_wanted(conn: &mut DbConn, event: Event) -> QueryResult<bool> {
    let found: Number =
        per_backend!(conn, conn => diesel::sql_query(LISTENERS).bind::<Text, _>(event).get_result(conn))?;
    Ok(found.number > 0)
}

/// What buyers wrote after `from` and until `to` at the latest, for owners who want to hear of `event`: with [`Event::Unanswered`] only
/// what nobody answered. The second part is how far it was read.
pub fn said(conn: &mut DbConn, event: Event, from: Timestamp, to: Timestamp) -> QueryResult<(Vec<Said>, Timestamp)> {
    if !is_wanted(conn, event)? {
        return Ok((Vec::new(), to));
    }
    let to = stretch(conn, from, to)?;
    let (open, answered) = if event == Event::Unanswered { (OPEN, NOT_ANSWERED) } else { ("", "") };
    let sql = format!(
        "{SAID} WHERE {WANTED} AND m.received_at > $2 AND m.received_at <= $3 {OF_BUYERS} {open} {answered} ORDER BY m.received_at"
    );
    let rows = per_backend!(conn, conn => diesel::sql_query(&sql)
        .bind::<Text, _>(event)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(to)
        .load(conn))?;
    Ok((rows, to))
}

/// What was decided after `from` and until `to` to wait for a person.
pub fn for_a_person(conn: &mut DbConn, from: Timestamp, to: Timestamp) -> QueryResult<Vec<Said>> {
    let sql = format!("{SAID} WHERE m.needs_person AND m.decided_at > $1 AND m.decided_at <= $2 ORDER BY m.decided_at");
    per_backend!(conn, conn => diesel::sql_query(&sql)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(to)
        .load(conn))
}

/// An order of which the buyer has everything.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct DeliveredLine {
    #[diesel(sql_type = BigInt)]
    pub owner_id: UserId,
    #[diesel(sql_type = BigInt)]
    pub account_id: AccountId,
    #[diesel(sql_type = Text)]
    pub account: String,
    #[diesel(sql_type = Text)]
    pub order_id: OrderId,
    #[diesel(sql_type = Nullable<Text>)]
    pub buyer_id: Option<BuyerId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub buyer_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub item_title: Option<String>,
    #[diesel(sql_type = BigInt)]
    pub units: i64,
}

/// The words as they stand in the partial index.
const DELIVERED: &str = "SELECT a.owner_id, d.account_id, a.name AS account, d.order_id, o.buyer_id, o.buyer_name, i.title AS item_title, \
     (SELECT count(*) FROM deliveries u WHERE u.account_id = d.account_id AND u.order_id = d.order_id \
     AND u.state = 'confirmed') AS units FROM order_actions d JOIN accounts a ON a.id = d.account_id \
     JOIN orders o ON o.account_id = d.account_id AND o.id = d.order_id \
     LEFT JOIN items i ON i.account_id = o.account_id AND i.item_id = o.item_id ";

/// Orders of which the buyer has everything since after `from` and until `to` at the latest, for owners who want to hear of it. The second
/// part is how far it was read.
pub fn delivered(conn: &mut DbConn, from: Timestamp, to: Timestamp) -> QueryResult<(Vec<DeliveredLine>, Timestamp)> {
    if !is_wanted(conn, Event::DeliveryDone)? {
        return Ok((Vec::new(), to));
    }
    let last: Option<Option<Timestamp>> = order_actions::table
        .filter(diesel::dsl::sql::<Bool>("kind = 'delivered'"))
        .filter(order_actions::done_at.gt(from).and(order_actions::done_at.le(to)))
        .order(order_actions::done_at)
        .offset(STRETCH - 1)
        .select(order_actions::done_at)
        .first(conn)
        .optional()?;
    let to = last.flatten().unwrap_or(to);
    let sql = format!(
        // the plus keeps SQLite from going through all that was ever done for these accounts
        "{DELIVERED} WHERE +{WANTED} AND d.kind = 'delivered' AND d.done_at > $2 AND d.done_at <= $3 ORDER BY d.done_at"
    );
    let rows = per_backend!(conn, conn => diesel::sql_query(&sql)
        .bind::<Text, _>(Event::DeliveryDone)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(to)
        .load(conn))?;
    Ok((rows, to))
}

/// A pool of which somebody wants to hear when it runs low.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLine {
    pub card: CardId,
    pub owner: UserId,
    pub name: String,
    /// When its owner was last told; `None`: since then there was enough.
    pub low_since: Option<Timestamp>,
    /// So few are free; `None`: there is enough, or nobody wants to hear of it.
    pub left: Option<i64>,
}

/// Pools that run low, or that somebody was told of. One into which nothing was ever imported is still being set up.
pub fn stock(conn: &mut DbConn) -> QueryResult<Vec<StockLine>> {
    let watched: Vec<Card> = cards::table
        .filter(cards::low_stock.is_not_null().or(cards::low_since.is_not_null()))
        .order(cards::id)
        .select(Card::as_select())
        .load(conn)?;
    let mut lines = Vec::with_capacity(watched.len());
    for Card { id: card, owner, name, enabled, low_stock, low_since, .. } in watched {
        let left = match low_stock.filter(|_| enabled) {
            Some(least) => units::fewer_than(conn, card, least)?,
            None => None,
        };
        lines.push(StockLine { card, owner, name, low_since, left });
    }
    lines.retain(|line| line.left.is_some() || line.low_since.is_some());
    Ok(lines)
}

/// An order that waits for a person, of which nobody was told yet, or not for long.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct ReviewLine {
    pub id: ReviewId,
    pub owner: UserId,
    pub account: AccountId,
    pub account_name: String,
    pub order: OrderId,
    pub reason: ReviewReason,
    pub detail: Option<String>,
    pub opened_at: Timestamp,
    pub buyer: Option<BuyerId>,
}

/// What waits since before `settled` and was never told, or was last told before `old`, oldest first.
pub fn reviews(conn: &mut DbConn, settled: Timestamp, old: Timestamp) -> QueryResult<Vec<ReviewLine>> {
    let untold = review_items::reminded_at.is_null().and(review_items::opened_at.le(settled));
    review_items::table
        .inner_join(accounts::table.on(accounts::id.eq(review_items::account_id)))
        .inner_join(
            orders::table
                .on(orders::account_id.eq(review_items::account_id).and(orders::id.eq(review_items::order_id))),
        )
        .filter(review_items::closed_at.is_null())
        .filter(untold.or(review_items::reminded_at.le(old)))
        .order(review_items::id)
        .limit(STRETCH)
        .select((
            review_items::id,
            accounts::owner_id,
            accounts::id,
            accounts::name,
            review_items::order_id,
            review_items::reason,
            review_items::detail,
            review_items::opened_at,
            orders::buyer_id,
        ))
        .load(conn)
}

/// Somebody was told of it.
pub fn mark_reviewed(conn: &mut DbConn, id: ReviewId, now: Timestamp) -> QueryResult<()> {
    diesel::update(review_items::table.find(id)).set(review_items::reminded_at.eq(now)).execute(conn).map(drop)
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: NoticeId,
}

/// The conversation is what follows the account in the key.
const ATTENDED: &str = "SELECT n.id FROM notices n WHERE n.stage IN ('held', 'told') AND n.event = 'person_needed' AND NOT EXISTS (SELECT 1 \
     FROM chat_messages m WHERE m.account_id = n.account_id AND m.needs_person \
     AND m.conversation_id = substr(n.key, length('person:' || n.account_id || ':') + 1))";

const ANSWERED: &str = "SELECT n.id FROM notices n WHERE n.stage IN ('held', 'told') AND n.event = 'unanswered' AND (EXISTS (SELECT 1 \
     FROM chat_messages m WHERE m.account_id = n.account_id AND m.sent_at >= n.first_at AND m.decision = 'own' \
     AND m.conversation_id = substr(n.key, length('unanswered:' || n.account_id || ':') + 1)) \
     OR EXISTS (SELECT 1 FROM outbox o WHERE o.account_id = n.account_id AND o.id >= n.first_at \
     AND o.state NOT IN ('rejected', 'expired') \
     AND o.conversation_id = substr(n.key, length('unanswered:' || n.account_id || ':') + 1)))";

/// Notices about conversations that somebody has taken care of.
pub fn attended(conn: &mut DbConn) -> QueryResult<Vec<NoticeId>> {
    let mut ids = Vec::new();
    for sql in [ATTENDED, ANSWERED] {
        let rows: Vec<Id> = per_backend!(&mut *conn, conn => diesel::sql_query(sql).load(conn))?;
        ids.extend(rows.into_iter().map(|row| row.id));
    }
    Ok(ids)
}

/// Who hears how the system is.
pub fn administrators(conn: &mut DbConn) -> QueryResult<Vec<UserId>> {
    users::table.filter(users::role.eq(Role::Admin).and(users::active)).order(users::id).select(users::id).load(conn)
}
