//! `/api/v1/buyers/{buyer_id}`: everything that is stored about one buyer, counted, handed out and erased.
//!
//! Not among it, because nobody can tell whose it is: raw pushes that could not be read (sealed; gone after the time that messages are
//! kept), lines of logs, lines of the audit about a buyer who was blocked (append-only), and for a day the answers kept for requests
//! that are repeated.

use std::{collections::HashMap, mem};

use actix_web::{
    HttpResponse,
    http::header::CONTENT_DISPOSITION,
    web::{Bytes, Data, Json},
};
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{Query, Whole},
    },
    blocked_buyers::BlockedView,
    buyer_notes::NoteView,
    conversations::pause_of,
    handovers::HandoverView,
    key::BuyerKey,
    order_events::OrderEventView,
    rule_events::RuleEventView,
};
use crate::{
    account::registry::{Job, WithoutAccounts},
    ids::{AccountId, BuyerId, ConversationId, Fen, ItemId, MessageId, OrderId, RuleId, Timestamp},
    order::status::Status,
    outbox::entry::{Body, Entry, Origin, SendId, State},
    platform::mtop::order::Address,
    store::{
        self, DbConn, Keys, QueryResult, Scope, Store, StoreError,
        audit::{self, Actor, Deed},
        buyers::Known,
        chat_messages::StoredMessage,
        conversations::ConversationRow,
        handovers::{self, Handover},
        orders, outbox,
        privacy::{self, ERASED, Figures, Place, Traces},
    },
    telemetry::clock,
};

/// Rows of one part of an export.
const PART: i64 = 500;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BuyerQuery {
    /// Only in this account; absent: in all that the caller sees.
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
}

/// How much is stored about a buyer.
#[derive(Debug, Serialize, ToSchema)]
pub struct BuyerView {
    #[schema(value_type = String)]
    pub(in crate::web) buyer_id: BuyerId,
    pub(in crate::web) stored: Figures,
    /// Empty also where the caller sees no conversation with the buyer.
    pub(in crate::web) tags: Vec<String>,
    /// How many notes there are, as for the tags.
    pub(in crate::web) notes: i64,
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasedView {
    /// Stands for the buyer in what stays. Random: nothing leads back from it.
    #[schema(value_type = String, example = "erased-0b5c1e6d8f0c4d2a9e7b3f1a2c4d6e8f")]
    pub(in crate::web) pseudonym: BuyerId,
    pub(in crate::web) erased: Figures,
}

/// How much is stored about a buyer. Not found where it is nothing.
#[utoipa::path(get, path = "/api/v1/buyers/{buyer_id}", tag = "buyers", params(("buyer_id" = String, Path), BuyerQuery), responses((status = 200, body = BuyerView)))]
pub async fn show(
    caller: Caller,
    buyer: BuyerKey,
    query: Query<BuyerQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<BuyerView>> {
    let (traces, stored) = look_up(&app, caller.scope, buyer.0.clone(), &query.0).await?;
    let Known { tags, notes } = app.store.read(move |conn| store::buyers::known(conn, &caller.scope, &buyer.0)).await?;
    Ok(Json(BuyerView { buyer_id: traces.buyer, stored, tags, notes }))
}

async fn look_up(app: &AppState, scope: Scope, buyer: BuyerId, query: &BuyerQuery) -> ApiResult<(Traces, Figures)> {
    let (account, now) = (query.account.map(|id| AccountId(id.get())), clock::unix());
    let look = move |conn: &mut DbConn| {
        let traces = privacy::find(conn, &scope, account, &buyer, now)?;
        let stored = privacy::count(conn, &scope, &traces)?;
        Ok((traces, stored))
    };
    let (traces, stored) = app.turns.read(&app.store, look).await?;
    if stored.is_nothing() { Err(Code::NotFound.into()) } else { Ok((traces, stored)) }
}

/// Erases what is stored about a buyer: texts, names and ids, tags and notes, here and in the list of blocked buyers. What is counted by day, item, rule
/// and decision stays, under a random pseudonym. What is queued for the buyer is cancelled first; refused (`wrong_state`) while a send may
/// be on the wire. The accounts in question are off the line for a moment, so that nothing of it stays in memory.
#[utoipa::path(delete, path = "/api/v1/buyers/{buyer_id}", tag = "buyers", params(("buyer_id" = String, Path), BuyerQuery), responses((status = 200, body = ErasedView)))]
pub async fn erase(
    caller: Caller,
    buyer: BuyerKey,
    query: Query<BuyerQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<ErasedView>> {
    let (actor, scope, now) = (caller.actor(), caller.scope, clock::unix());
    let (traces, _) = look_up(&app, scope, buyer.0, &query.0).await?;
    let known = traces.clone();
    let in_the_air = app.store.read(move |conn| privacy::in_the_air(conn, &known)).await?;
    if in_the_air > 0 {
        return Err(still_in_the_air(in_the_air));
    }
    let pseudonym = BuyerId::from(format!("{ERASED}{:032x}", rand::random::<u128>()));
    let (name, accounts) = (pseudonym.clone(), accounts_in(&traces));
    let job: Job<Result<Figures, i64>> = Box::new(move |conn| {
        let erased = privacy::erase(conn, &scope, &traces, &name, now)?;
        if let Ok(figures) = &erased {
            note(conn, &actor, &scope, Deed::new("buyer.erase", &name).before(figures), now)?;
        }
        Ok(erased)
    });
    let erased = app.registry.get().send(WithoutAccounts { accounts, job }).await??.map_err(still_in_the_air)?;
    Ok(Json(ErasedView { pseudonym, erased }))
}

fn accounts_in(traces: &Traces) -> Vec<AccountId> {
    let mut accounts: Vec<AccountId> = traces.places.iter().map(|place| place.account).collect();
    // In order of accounts.
    accounts.dedup();
    accounts
}

fn note(conn: &mut DbConn, actor: &Actor, scope: &Scope, deed: Deed, now: Timestamp) -> QueryResult<()> {
    audit::record(conn, actor, &deed.of(scope.user()), now)
}

fn still_in_the_air(sends: i64) -> ApiError {
    let why = Said::new(
        "发给该买家的消息可能正在发送，请等待其结果",
        "a send to this buyer may be on the wire: wait until it is known what became of it",
    );
    ApiError::from(Code::WrongState).because(why).with("in_the_air", sends)
}

/// Everything that is stored about one buyer.
#[derive(Debug, Serialize, ToSchema)]
pub struct BuyerExport {
    pub buyer_id: String,
    /// UTC milliseconds.
    pub exported_at: i64,
    pub stored: Figures,
    pub conversations: Vec<ExportedConversation>,
    pub orders: Vec<ExportedOrder>,
    pub order_events: Vec<OrderEventView>,
    pub rule_events: Vec<RuleEventView>,
    pub blocks: Vec<BlockedView>,
    pub tags: Vec<String>,
    pub notes: Vec<NoteView>,
    pub messages: Vec<ExportedMessage>,
    pub sends: Vec<ExportedSend>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedOrder {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    #[schema(value_type = String)]
    pub(in crate::web) order_id: OrderId,
    pub(in crate::web) status: Option<Status>,
    pub(in crate::web) buyer_name: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    /// Names and values.
    #[schema(value_type = Vec<Vec<String>>, example = json!([["颜色", "黑"]]))]
    pub(in crate::web) spec: Vec<(String, String)>,
    pub(in crate::web) quantity: i64,
    /// All that is paid, in Fen.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) amount: Option<Fen>,
    pub(in crate::web) recipient: Option<String>,
    pub(in crate::web) phone: Option<String>,
    pub(in crate::web) address: Option<String>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) placed_at: Option<Timestamp>,
    #[schema(value_type = i64)]
    pub(in crate::web) seen_at: Timestamp,
}

impl ExportedOrder {
    fn new(row: orders::Row, keys: &Keys) -> Self {
        let spec = row.spec();
        let (recipient, phone, address) = match orders::open_address(keys, &row) {
            Some(Address { name, phone, address }) => (Some(name), Some(phone), Some(address)),
            None => (None, None, None),
        };
        Self {
            account_id: row.account,
            order_id: row.order,
            status: row.status,
            buyer_name: row.buyer_name,
            item_id: row.item,
            spec,
            quantity: row.quantity,
            amount: row.amount,
            recipient,
            phone,
            address,
            placed_at: row.placed_at,
            seen_at: row.seen_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedConversation {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    #[schema(value_type = String)]
    pub(in crate::web) conversation_id: ConversationId,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) peer_id: Option<BuyerId>,
    pub(in crate::web) peer_name: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    pub(in crate::web) item_title: Option<String>,
    pub(in crate::web) side: &'static str,
    pub(in crate::web) paused: bool,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) paused_until: Option<Timestamp>,
    pub(in crate::web) handed_over: Option<HandoverView>,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
}

impl ExportedConversation {
    fn new(row: ConversationRow, handed_over: Option<Handover>) -> Self {
        let (paused, paused_until) = pause_of(row.paused_until);
        Self {
            account_id: row.account,
            conversation_id: row.conversation,
            peer_id: row.peer,
            peer_name: row.peer_name,
            item_id: row.item,
            item_title: row.item_title,
            side: row.side.as_str(),
            paused,
            paused_until,
            handed_over: handed_over.map(HandoverView::from),
            created_at: row.created_at,
        }
    }
}

/// A message of either side, and what was decided about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedMessage {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    #[schema(value_type = String)]
    pub(in crate::web) conversation_id: ConversationId,
    #[schema(value_type = String)]
    pub(in crate::web) message_id: MessageId,
    #[schema(value_type = String)]
    pub(in crate::web) sender_id: BuyerId,
    pub(in crate::web) sender_name: Option<String>,
    pub(in crate::web) content_type: i64,
    pub(in crate::web) text: String,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    #[schema(value_type = i64)]
    pub(in crate::web) sent_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) received_at: Timestamp,
    pub(in crate::web) decision: Option<String>,
    pub(in crate::web) reason: Option<String>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<RuleId>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) decided_at: Option<Timestamp>,
}

impl From<StoredMessage> for ExportedMessage {
    fn from(row: StoredMessage) -> Self {
        Self {
            account_id: row.account,
            conversation_id: row.conversation,
            message_id: row.message,
            sender_id: row.sender,
            sender_name: row.sender_name,
            content_type: row.content_type,
            text: row.text,
            item_id: row.item,
            sent_at: row.sent_at,
            received_at: row.received_at,
            decision: row.decision,
            reason: row.reason,
            rule_id: row.rule,
            decided_at: row.decided_at,
        }
    }
}

/// What was sent to the buyer, or was to be.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedSend {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    #[schema(value_type = i64)]
    pub(in crate::web) id: SendId,
    #[schema(value_type = String)]
    pub(in crate::web) conversation_id: ConversationId,
    #[schema(value_type = Object)]
    pub(in crate::web) body: Body,
    #[schema(value_type = String)]
    pub(in crate::web) state: State,
    pub(in crate::web) reason: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) message_id: Option<MessageId>,
    #[schema(value_type = String)]
    pub(in crate::web) origin: Origin,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) settled_at: Option<Timestamp>,
}

impl From<Entry> for ExportedSend {
    fn from(entry: Entry) -> Self {
        Self {
            account_id: entry.account,
            id: entry.id,
            conversation_id: entry.conversation,
            body: entry.body,
            state: entry.state,
            reason: entry.reason,
            message_id: entry.message,
            origin: entry.origin,
            created_at: entry.created_at,
            settled_at: entry.settled_at,
        }
    }
}

/// Everything that is stored about a buyer, as one file. It is read and sent part by part; what changes meanwhile may be in it or not.
#[utoipa::path(get, path = "/api/v1/buyers/{buyer_id}/export", tag = "buyers", params(("buyer_id" = String, Path), BuyerQuery), responses((status = 200, body = BuyerExport)))]
pub async fn export(
    caller: Caller,
    buyer: BuyerKey,
    query: Query<BuyerQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (actor, scope, language, now) = (caller.actor(), caller.scope, caller.language, clock::unix());
    let (traces, stored) = look_up(&app, scope, buyer.0, &query.0).await?;
    // Without the buyer's id, which would stay in the audit for ever.
    let deed = Deed::new("buyer.export", "-").after(stored);
    app.store.write(move |conn| note(conn, &actor, &scope, deed, now)).await?;
    let export = Export { store: app.store.clone(), scope, traces, stored, language, part: Part::Head };
    let parts = unfold(export, async |mut export| {
        let part = export.next().await.transpose()?;
        Some((part, export))
    });
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"buyer.json\""))
        .streaming(parts))
}

/// Where an export stands.
struct Export {
    store: Store,
    scope: Scope,
    traces: Traces,
    stored: Figures,
    language: Language,
    part: Part,
}

enum Part {
    Head,
    Messages { place: usize, after: Option<(Timestamp, MessageId)>, comma: &'static str },
    Sends { place: usize, from: usize, comma: &'static str },
    End,
}

impl Export {
    /// The next piece of the file. After a failure there is none: the file stays incomplete, and is no JSON.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        match mem::replace(&mut self.part, Part::End) {
            Part::Head => self.head().await.map(Some),
            Part::Messages { place, after, comma } => self.messages(place, after, comma).await.map(Some),
            Part::Sends { place, from, comma } => self.sends(place, from, comma).await.map(Some),
            Part::End => Ok(None),
        }
    }

    async fn head(&mut self) -> Result<Bytes, StoreError> {
        let (scope, traces, keys_of_secrets) = (self.scope, self.traces.clone(), self.store.keys().clone());
        let read = move |conn: &mut DbConn| {
            let rows = privacy::conversations(conn, &scope, &traces)?;
            let keys: Vec<_> = rows.iter().map(|row| (row.account, row.conversation.clone())).collect();
            let mut handed_over = handovers::of_many(conn, &scope, &keys)?;
            let row = |(row, key)| ExportedConversation::new(row, handed_over.remove(&key));
            let conversations: Vec<_> = rows.into_iter().zip(keys).map(row).collect();
            let (tags, notes) = (privacy::tags(conn, &scope, &traces)?, privacy::notes(conn, &scope, &traces)?);
            let events = (privacy::order_events(conn, &scope, &traces)?, privacy::rule_events(conn, &scope, &traces)?);
            let orders = privacy::orders(conn, &scope, &traces)?;
            let orders: Vec<_> = orders.into_iter().map(|row| ExportedOrder::new(row, &keys_of_secrets)).collect();
            Ok((conversations, events, orders, privacy::blocked(conn, &scope, &traces)?, tags, notes))
        };
        let (conversations, events, orders, blocks, tags, notes) = self.store.read(read).await?;
        let head = serde_json::json!({
            "buyer_id": self.traces.buyer,
            "exported_at": self.traces.found_at,
            "stored": self.stored,
            "conversations": conversations,
            "orders": orders,
            "order_events": events.0.into_iter().map(OrderEventView::from).collect::<Vec<_>>(),
            "rule_events": events.1.into_iter().map(|row| RuleEventView::new(row, &HashMap::new(), self.language)).collect::<Vec<_>>(),
            "blocks": blocks.into_iter().map(BlockedView::from).collect::<Vec<_>>(),
            "tags": tags,
            "notes": notes.into_iter().map(NoteView::from).collect::<Vec<_>>(),
        });
        let head = head.to_string();
        // The object goes on.
        let open = head.strip_suffix('}').unwrap_or(&head);
        self.part = Part::Messages { place: 0, after: None, comma: "" };
        Ok(format!("{open},\"messages\":[").into())
    }

    async fn messages(
        &mut self,
        number: usize,
        after: Option<(Timestamp, MessageId)>,
        comma: &'static str,
    ) -> Result<Bytes, StoreError> {
        let Some(place) = self.traces.places.get(number).cloned() else {
            self.part = Part::Sends { place: 0, from: 0, comma: "" };
            return Ok(Bytes::from_static(b"],\"sends\":["));
        };
        let (scope, traces) = (self.scope, self.traces.clone());
        let read = move |conn: &mut DbConn| privacy::messages(conn, &scope, &traces, &place, after.as_ref(), PART);
        let rows = self.store.read(read).await?;
        let last = rows.last().map(|row| (row.sent_at, row.message.clone()));
        let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= PART);
        let next = if is_full { (number, last) } else { (number + 1, None) };
        let text = list(comma, rows.into_iter().map(ExportedMessage::from))?;
        let comma = if text.is_empty() { comma } else { "," };
        self.part = Part::Messages { place: next.0, after: next.1, comma };
        Ok(text.into())
    }

    async fn sends(&mut self, number: usize, from: usize, comma: &'static str) -> Result<Bytes, StoreError> {
        let Some(Place { account, sends, .. }) = self.traces.places.get(number) else {
            return Ok(Bytes::from_static(b"]}"));
        };
        let part = usize::try_from(PART).unwrap_or(usize::MAX);
        let ids: Vec<SendId> = sends.iter().skip(from).take(part).copied().collect();
        let next = if ids.len() < part { (number + 1, 0) } else { (number, from + part) };
        let (scope, account) = (self.scope, *account);
        let rows = self.store.read(move |conn| outbox::list_some(conn, &scope, account, &ids)).await?;
        let text = list(comma, rows.into_iter().map(ExportedSend::from))?;
        let comma = if text.is_empty() { comma } else { "," };
        self.part = Part::Sends { place: next.0, from: next.1, comma };
        Ok(text.into())
    }
}

/// Entries of a JSON array whose earlier entries, if any, ask for this comma.
fn list<T: Serialize>(comma: &str, rows: impl Iterator<Item = T>) -> Result<String, StoreError> {
    let mut text = String::new();
    for row in rows {
        text.push_str(if text.is_empty() { comma } else { "," });
        let row = serde_json::to_string(&row).map_err(|error| StoreError::Database(error.to_string()))?;
        text.push_str(&row);
    }
    Ok(text)
}
