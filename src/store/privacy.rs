//! Everything that is stored about one buyer: counted, read page by page, and erased.
//!
//! The tables are indexed for the engine, not for this: [`find`] looks through the accounts' messages and sends, on a reader. What it
//! found is then read, or erased by a writer that need not search any more.

use std::collections::HashMap;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DbConn, Scope,
    accounts::within,
    bargains,
    blocked_buyers::Row,
    buyer_notes::Note,
    buyer_tags as buyer_tag_rows,
    chat_messages::StoredMessage,
    connection::per_backend,
    conversations::{self as conversation_rows, ConversationRow},
    handovers, notices, order_events, orders,
    revisions::{self, Topic},
    rule_events, rule_uses,
    schema::{
        accounts, blocked_buyers as blocks, buyer_notes, buyer_tags, chat_messages, conversations, items, once_replies,
        order_events as order_rows, orders as orders_table, outbox,
    },
    suggestions,
};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, MessageId, OrderId, Timestamp},
    outbox::entry::{Body, SendId, State},
};

/// What every pseudonym begins with.
pub const ERASED: &str = "erased-";

/// Where something of a buyer is stored, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    pub buyer: BuyerId,
    pub found_at: Timestamp,
    /// Only in this account; `None`: in all accounts of the scope.
    pub account: Option<AccountId>,
    pub places: Vec<Place>,
    /// The buyer's orders, oldest first.
    pub orders: Vec<(AccountId, OrderId)>,
}

/// A conversation with the buyer in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub account: AccountId,
    pub conversation: ConversationId,
    /// Others speak in it too: only what the buyer said is about the buyer.
    pub shared: bool,
    /// To the buyer, oldest first.
    pub sends: Vec<SendId>,
}

/// How much is stored about a buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Figures {
    pub conversations: i64,
    /// In these conversations, by both sides.
    pub messages: i64,
    /// Messages that carry a decision.
    pub decisions: i64,
    pub sends: i64,
    pub orders: i64,
    /// What happened to their orders.
    pub order_events: i64,
    /// What rules for events did in these conversations, or are to do.
    pub rule_events: i64,
    /// Entries of the list of blocked buyers.
    pub blocks: i64,
    /// Items that the buyer sells.
    pub items: i64,
    pub tags: i64,
    /// What people wrote down about the buyer.
    pub notes: i64,
}

impl Figures {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The accounts of the scope, or the one of them that is meant, with the seller's own id.
fn accounts_of(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
) -> QueryResult<HashMap<AccountId, BuyerId>> {
    let mut query = accounts::table.filter(within!(scope)).into_boxed();
    if let Some(account) = account {
        query = query.filter(accounts::id.eq(account));
    }
    let rows: Vec<(AccountId, BuyerId)> = query.select((accounts::id, accounts::platform_uid)).load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Looks through the accounts of the scope, or through one of them. Slow where there is much: for a reader.
pub fn find(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    buyer: &BuyerId,
    now: Timestamp,
) -> QueryResult<Traces> {
    let own = accounts_of(conn, scope, account)?;
    let ids: Vec<AccountId> = own.keys().copied().collect();
    let mut places: HashMap<(AccountId, ConversationId), Place> = HashMap::new();
    let of_peer: Vec<(AccountId, ConversationId)> = conversations::table
        .filter(conversations::account_id.eq_any(&ids).and(conversations::peer_id.eq(buyer)))
        .select((conversations::account_id, conversations::conversation_id))
        .load(conn)?;
    for key in of_peer {
        place(&mut places, key);
    }
    let sends: Vec<(AccountId, ConversationId, SendId)> = outbox::table
        .filter(outbox::account_id.eq_any(&ids).and(outbox::peer_id.eq(buyer)))
        .order((outbox::account_id, outbox::id))
        .select((outbox::account_id, outbox::conversation_id, outbox::id))
        .load(conn)?;
    for (account, conversation, id) in sends {
        place(&mut places, (account, conversation)).sends.push(id);
    }
    let ordered: Vec<(AccountId, ConversationId)> = order_rows::table
        .filter(order_rows::account_id.eq_any(&ids).and(order_rows::buyer_id.eq(buyer)))
        .select((order_rows::account_id, order_rows::conversation_id))
        .distinct()
        .load(conn)?;
    for key in ordered {
        place(&mut places, key);
    }
    let orders = order_rows_of(conn, &ids, buyer)?;
    let spoken: Vec<(AccountId, ConversationId)> = chat_messages::table
        .filter(chat_messages::account_id.eq_any(&ids).and(chat_messages::sender_id.eq(buyer)))
        .select((chat_messages::account_id, chat_messages::conversation_id))
        .distinct()
        .load(conn)?;
    for key in spoken {
        if !places.contains_key(&key) {
            let shared = own.get(&key.0).map_or(Ok(true), |uid| has_others(conn, &key, [buyer, uid]))?;
            place(&mut places, key).shared = shared;
        }
    }
    let mut places: Vec<Place> = places.into_values().collect();
    places.sort_by(|a, b| (a.account, &a.conversation).cmp(&(b.account, &b.conversation)));
    Ok(Traces { buyer: buyer.clone(), found_at: now, account, places, orders })
}

fn order_rows_of(conn: &mut DbConn, accounts: &[AccountId], buyer: &BuyerId) -> QueryResult<Vec<(AccountId, OrderId)>> {
    orders_table::table
        .filter(orders_table::account_id.eq_any(accounts).and(orders_table::buyer_id.eq(buyer)))
        .order((orders_table::seen_at, orders_table::id))
        .select((orders_table::account_id, orders_table::id))
        .load(conn)
}

/// The buyer's orders as they are stored, oldest first.
pub fn orders(conn: &mut DbConn, scope: &Scope, traces: &Traces) -> QueryResult<Vec<orders::Row>> {
    let own = accounts_of(conn, scope, traces.account)?;
    let mut rows = Vec::new();
    for (account, order) in traces.orders.iter().filter(|(account, _)| own.contains_key(account)) {
        rows.extend(orders::find(conn, *account, order)?);
    }
    Ok(rows)
}

fn place(
    places: &mut HashMap<(AccountId, ConversationId), Place>,
    (account, conversation): (AccountId, ConversationId),
) -> &mut Place {
    places.entry((account, conversation.clone())).or_insert(Place {
        account,
        conversation,
        shared: false,
        sends: Vec::new(),
    })
}

fn has_others(conn: &mut DbConn, key: &(AccountId, ConversationId), known: [&BuyerId; 2]) -> QueryResult<bool> {
    let others = chat_messages::table
        .filter(chat_messages::account_id.eq(key.0).and(chat_messages::conversation_id.eq(&key.1)))
        .filter(chat_messages::sender_id.ne_all(known));
    Ok(others.select(chat_messages::message_id).first::<MessageId>(conn).optional()?.is_some())
}

/// The rows of a place that are about the buyer.
macro_rules! messages_at {
    ($traces:expr, $place:expr) => {
        chat_messages::table
            .filter(chat_messages::account_id.eq($place.account))
            .filter(chat_messages::conversation_id.eq(&$place.conversation))
            .filter(
                chat_messages::sender_id
                    .eq(&$traces.buyer)
                    .or($place.shared.into_sql::<diesel::sql_types::Bool>().eq(false)),
            )
    };
}

/// How much it is.
pub fn count(conn: &mut DbConn, scope: &Scope, traces: &Traces) -> QueryResult<Figures> {
    let own = accounts_of(conn, scope, traces.account)?;
    let mut figures = Figures::default();
    for place in traces.places.iter().filter(|place| own.contains_key(&place.account)) {
        figures.conversations += 1;
        figures.sends += i64::try_from(place.sends.len()).unwrap_or(i64::MAX);
        figures.messages += messages_at!(traces, place).count().get_result::<i64>(conn)?;
        if !place.shared {
            let events = order_events::in_conversation(conn, place.account, &place.conversation)?;
            figures.order_events += i64::try_from(events.len()).unwrap_or(i64::MAX);
            let events = rule_events::in_conversation(conn, place.account, &place.conversation)?;
            figures.rule_events += i64::try_from(events.len()).unwrap_or(i64::MAX);
        }
        let decided = messages_at!(traces, place).filter(chat_messages::decision.is_not_null());
        figures.decisions += decided.count().get_result::<i64>(conn)?;
    }
    let length = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    figures.orders = length(traces.orders.iter().filter(|(account, _)| own.contains_key(account)).count());
    figures.blocks = length(blocked(conn, scope, traces)?.len());
    figures.tags = length(tags(conn, scope, traces)?.len());
    figures.notes = length(notes(conn, scope, traces)?.len());
    let ids: Vec<AccountId> = own.into_keys().collect();
    let items = items::table.filter(items::account_id.eq_any(ids).and(items::seller_id.eq(&traces.buyer)));
    figures.items = items.count().get_result(conn)?;
    Ok(figures)
}

/// Whether everything of the owner is meant and seen, also what belongs to no single account.
fn is_about_all(scope: &Scope, traces: &Traces) -> bool {
    traces.account.is_none() && scope.is_whole()
}

/// The buyer's tags; none where only some accounts are meant or seen.
pub fn tags(conn: &mut DbConn, scope: &Scope, traces: &Traces) -> QueryResult<Vec<String>> {
    if is_about_all(scope, traces) { buyer_tag_rows::of(conn, scope.user(), &traces.buyer) } else { Ok(Vec::new()) }
}

/// The notes about the buyer, oldest first; none where only some accounts are meant or seen.
pub fn notes(conn: &mut DbConn, scope: &Scope, traces: &Traces) -> QueryResult<Vec<Note>> {
    if !is_about_all(scope, traces) {
        return Ok(Vec::new());
    }
    buyer_notes::table
        .filter(buyer_notes::owner_id.eq(scope.user()).and(buyer_notes::buyer_id.eq(&traces.buyer)))
        .order(buyer_notes::id)
        .select(Note::as_select())
        .load(conn)
}

fn erase_what_is_known(conn: &mut DbConn, scope: &Scope, traces: &Traces) -> QueryResult<()> {
    if !is_about_all(scope, traces) {
        return Ok(());
    }
    let (owner, buyer) = (scope.user(), &traces.buyer);
    diesel::delete(buyer_tags::table)
        .filter(buyer_tags::owner_id.eq(owner).and(buyer_tags::buyer_id.eq(buyer)))
        .execute(conn)?;
    diesel::delete(buyer_notes::table)
        .filter(buyer_notes::owner_id.eq(owner).and(buyer_notes::buyer_id.eq(buyer)))
        .execute(conn)?;
    revisions::bump(conn, Topic::Buyers)
}

/// Entries of the list of blocked buyers. One for all accounts is left out where only some accounts are meant or seen.
pub fn blocked(conn: &mut DbConn, scope: &Scope, traces: &Traces) -> QueryResult<Vec<Row>> {
    let all = is_about_all(scope, traces);
    let own = accounts_of(conn, scope, traces.account)?;
    let entries: Vec<Row> = blocks::table
        .filter(blocks::owner_id.eq(scope.user()).and(blocks::buyer_id.eq(&traces.buyer)))
        .order(blocks::id)
        .select(Row::as_select())
        .load(conn)?;
    let is_meant = |row: &Row| row.blocked.account.map_or(all, |account| own.contains_key(&account));
    Ok(entries.into_iter().filter(is_meant).collect())
}

/// What is known of the conversations themselves.
pub fn conversations(conn: &mut DbConn, scope: &Scope, traces: &Traces) -> QueryResult<Vec<ConversationRow>> {
    let mut rows = Vec::new();
    for account in accounts_of(conn, scope, traces.account)?.into_keys() {
        let here = traces.places.iter().filter(|place| place.account == account && !place.shared);
        let ids: Vec<ConversationId> = here.map(|place| place.conversation.clone()).collect();
        rows.extend(conversation_rows::load_many(conn, account, &ids)?);
    }
    Ok(rows)
}

/// What happened to orders in these conversations, oldest first.
pub fn order_events(conn: &mut DbConn, scope: &Scope, traces: &Traces) -> QueryResult<Vec<order_events::Row>> {
    let own = accounts_of(conn, scope, traces.account)?;
    let mut rows = Vec::new();
    for place in traces.places.iter().filter(|place| own.contains_key(&place.account) && !place.shared) {
        rows.extend(order_events::in_conversation(conn, place.account, &place.conversation)?);
    }
    Ok(rows)
}

/// What rules for events did in these conversations, or are to do, oldest first.
pub fn rule_events(conn: &mut DbConn, scope: &Scope, traces: &Traces) -> QueryResult<Vec<rule_events::Row>> {
    let own = accounts_of(conn, scope, traces.account)?;
    let mut rows = Vec::new();
    for place in traces.places.iter().filter(|place| own.contains_key(&place.account) && !place.shared) {
        rows.extend(rule_events::in_conversation(conn, place.account, &place.conversation)?);
    }
    Ok(rows)
}

/// The next messages of a place, oldest first; `after`: the last one that was read.
pub fn messages(
    conn: &mut DbConn,
    scope: &Scope,
    traces: &Traces,
    place: &Place,
    after: Option<&(Timestamp, MessageId)>,
    limit: i64,
) -> QueryResult<Vec<StoredMessage>> {
    if !accounts_of(conn, scope, traces.account)?.contains_key(&place.account) {
        return Ok(Vec::new());
    }
    let (at, id) = after.cloned().unwrap_or((Timestamp(i64::MIN), "".into()));
    messages_at!(traces, place)
        .filter(chat_messages::sent_at.gt(at).or(chat_messages::sent_at.eq(at).and(chat_messages::message_id.gt(id))))
        .order((chat_messages::sent_at, chat_messages::message_id))
        .limit(limit)
        .select(StoredMessage::as_select())
        .load(conn)
}

/// Takes out whatever says who the buyer is and what was said; what is counted by day, item, rule and decision stays. What is queued for
/// the buyer is cancelled, what was not decided yet is left without an answer: so no actor may have an account of the traces in hand.
/// `Err`: so many sends may be on the wire, and nothing was erased.
///
/// `pseudonym` begins with [`ERASED`] and must be random: it stands for the buyer in what stays, and nothing leads back from it. Message
/// ids stay, or the platform's history would bring the messages back as new ones.
pub fn erase(
    conn: &mut DbConn,
    scope: &Scope,
    traces: &Traces,
    pseudonym: &BuyerId,
    now: Timestamp,
) -> QueryResult<Result<Figures, i64>> {
    let own = accounts_of(conn, scope, traces.account)?;
    let mut traces = traces.clone();
    traces.places.retain(|place| own.contains_key(&place.account));
    traces.orders.retain(|(account, _)| own.contains_key(account));
    let in_the_air = in_the_air(conn, &traces)?;
    if in_the_air > 0 {
        return Ok(Err(in_the_air));
    }
    add_new_sends(conn, &mut traces)?;
    let figures = count(conn, scope, &traces)?;
    for (number, place) in traces.places.iter().enumerate() {
        let alias = ConversationId::from(format!("{pseudonym}-{}", number + 1));
        erase_place(conn, &traces.buyer, place, pseudonym, &alias, now)?;
    }
    for (account, order) in &traces.orders {
        orders::forget_buyer(conn, *account, order, pseudonym, now)?;
    }
    let entries: Vec<i64> = blocked(conn, scope, &traces)?.into_iter().map(|entry| entry.id).collect();
    diesel::delete(blocks::table.filter(blocks::id.eq_any(entries))).execute(conn)?;
    erase_what_is_known(conn, scope, &traces)?;
    let ids: Vec<AccountId> = own.into_keys().collect();
    notices::erase_buyer(conn, &ids, &traces.buyer)?;
    rule_uses::forget(conn, &ids, &traces.buyer)?;
    diesel::update(items::table.filter(items::account_id.eq_any(ids).and(items::seller_id.eq(&traces.buyer))))
        .set((
            (items::seller_id.eq(pseudonym), items::title.eq(""), items::description.eq(""), items::specs.eq("[]")),
            (items::picture_url.eq(None::<String>), items::listed_as.eq(None::<String>)),
        ))
        .execute(conn)?;
    revisions::bump(conn, Topic::Blocks)?;
    Ok(Ok(figures))
}

/// Sends that were made after the search. A number is never below its time.
fn add_new_sends(conn: &mut DbConn, traces: &mut Traces) -> QueryResult<()> {
    for place in &mut traces.places {
        let known = place.sends.last().copied().unwrap_or(SendId(0));
        let new: Vec<SendId> = outbox::table
            .filter(outbox::account_id.eq(place.account).and(outbox::id.ge(SendId(traces.found_at.0))))
            .filter(outbox::id.gt(known).and(outbox::conversation_id.eq(&place.conversation)))
            .filter(outbox::peer_id.eq(&traces.buyer))
            .order(outbox::id)
            .select(outbox::id)
            .load(conn)?;
        place.sends.extend(new);
    }
    Ok(())
}

/// Sends to the buyer that may be on the wire.
pub fn in_the_air(conn: &mut DbConn, traces: &Traces) -> QueryResult<i64> {
    let mut found = 0;
    for place in &traces.places {
        // The words as they stand in the partial index.
        let open = diesel::dsl::sql::<diesel::sql_types::Bool>("state IN ('queued', 'sent')");
        let sent = outbox::table
            .filter(outbox::account_id.eq(place.account).and(open).and(outbox::state.eq(State::Sent)))
            .filter(outbox::conversation_id.eq(&place.conversation).and(outbox::peer_id.eq(&traces.buyer)));
        found += sent.count().get_result::<i64>(conn)?;
    }
    Ok(found)
}

/// Numbered in the order in which they appear: SQLite counts them so.
const ERASE_MESSAGES: &str = "UPDATE chat_messages SET text = '', sender_name = NULL, needs_person = FALSE, \
     sender_id = CASE WHEN sender_id = $1 THEN $2 ELSE sender_id END, conversation_id = $3, \
     reason = CASE WHEN decision IS NULL THEN 'erased' ELSE reason END, \
     decided_at = CASE WHEN decision IS NULL THEN $4 ELSE decided_at END, decision = coalesce(decision, 'silent') \
     WHERE account_id = $5 AND conversation_id = $6";

fn erase_place(
    conn: &mut DbConn,
    buyer: &BuyerId,
    place: &Place,
    pseudonym: &BuyerId,
    alias: &ConversationId,
    now: Timestamp,
) -> QueryResult<()> {
    let of_buyer = format!("{ERASE_MESSAGES} AND sender_id = $1");
    let (sql, alias_of_messages) =
        if place.shared { (of_buyer.as_str(), &place.conversation) } else { (ERASE_MESSAGES, alias) };
    per_backend!(&mut *conn, conn => diesel::sql_query(sql)
        .bind::<Text, _>(buyer)
        .bind::<Text, _>(pseudonym)
        .bind::<Text, _>(alias_of_messages)
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(place.account)
        .bind::<Text, _>(&place.conversation)
        .execute(conn))?;
    erase_sends(conn, place, pseudonym, alias, now)?;
    suggestions::forget(conn, place.account, &place.conversation)?;
    bargains::forget(conn, place.account, &place.conversation)?;
    handovers::forget(conn, place.account, &place.conversation)?;
    if place.shared {
        return Ok(());
    }
    order_events::forget(conn, place.account, &place.conversation)?;
    rule_events::forget(conn, place.account, &place.conversation)?;
    let claims = once_replies::account_id.eq(place.account).and(once_replies::conversation_id.eq(&place.conversation));
    diesel::delete(once_replies::table.filter(claims)).execute(conn)?;
    diesel::update(conversations::table.find((place.account, &place.conversation)))
        .set((
            conversations::conversation_id.eq(alias),
            conversations::peer_id.eq(pseudonym),
            conversations::peer_name.eq(None::<String>),
            conversations::paused_until.eq(None::<Timestamp>),
        ))
        .execute(conn)
        .map(drop)
}

/// What is queued is cancelled, and nobody is asked about a doubt any more: nothing could be sent again.
fn erase_sends(
    conn: &mut DbConn,
    place: &Place,
    pseudonym: &BuyerId,
    alias: &ConversationId,
    now: Timestamp,
) -> QueryResult<()> {
    let empty = serde_json::to_string(&Body::Text { text: String::new() })
        .map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    for some in place.sends.chunks(500) {
        let these = outbox::account_id.eq(place.account).and(outbox::id.eq_any(some));
        for (state, settled) in [(State::Queued, State::Expired), (State::Uncertain, State::Rejected)] {
            diesel::update(outbox::table.filter(these.clone()).filter(outbox::state.eq(state)))
                .set((outbox::state.eq(settled), outbox::settled_at.eq(now)))
                .execute(conn)?;
        }
        diesel::update(outbox::table.filter(these))
            .set((
                outbox::body.eq(&empty),
                outbox::peer_id.eq(pseudonym),
                outbox::conversation_id.eq(alias),
                outbox::reason.eq(None::<String>),
            ))
            .execute(conn)?;
    }
    Ok(())
}
