//! `/api/v1/orders/{id}/proof`: all that proves what an order got, as one file for a third person. Codes are masked.

use actix_web::{HttpResponse, http::header::CONTENT_DISPOSITION, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{AppState, error::ApiResult, gate::Caller},
    key::OrderKey,
    order_actions::OrderActionView,
    order_events::OrderEventView,
    orders::{DeliveryMessageView, GivenUnitView, OrderChangeView, OrderView},
    units::masked,
};
use crate::{
    delivery::{chain::Link, unit::UnitState},
    ids::{CardId, Timestamp, UnitId},
    store::{
        DbConn, Keys, QueryResult, Scope,
        audit::{self, Deed},
        order_details::{self, Details},
        units::{self, Proven},
    },
    telemetry::clock,
};

/// A line of the log of a card's stock, with all that its hash covers.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LedgerEntryView {
    /// The unit of the order.
    pub(in crate::web) order_unit: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) card_id: CardId,
    /// Of the card's log, from 1.
    pub(in crate::web) number: i64,
    /// The piece of stock.
    #[schema(value_type = i64)]
    pub(in crate::web) unit_id: UnitId,
    pub(in crate::web) from: Option<UnitState>,
    pub(in crate::web) to: UnitState,
    /// The number by which the order had the piece.
    #[schema(example = "7f3a0c5e9b1d4f2a8c6e0d3b5a7f9e1c")]
    pub(in crate::web) claim: Option<String>,
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    /// The hash of the line before, in hexadecimal; `null`: this is the first.
    #[schema(example = "9d1b5c0e7a3f4826b0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f60718293a4b5c6d")]
    pub(in crate::web) hash_before: Option<String>,
    /// SHA-256 over that and this line.
    #[schema(example = "6fa3a32c203cc7b85b5e83d9b77eca78065c22d69b39fe0e45bedeaa97608b64")]
    pub(in crate::web) hash: String,
}

/// A piece of stock that an order has.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProvenPieceView {
    #[schema(value_type = i64)]
    pub(in crate::web) unit_id: UnitId,
    #[schema(value_type = i64)]
    pub(in crate::web) card_id: CardId,
    pub(in crate::web) state: UnitState,
    /// Enough of a long code to recognise it by.
    #[schema(example = "***CCCC")]
    pub(in crate::web) content: Option<String>,
}

/// All that proves what an order got.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderProofView {
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) made_at: Timestamp,
    pub(in crate::web) order: OrderView,
    /// What the platform told in the chat.
    pub(in crate::web) told: Vec<OrderEventView>,
    /// Where the order stood, as the platform's order page says.
    pub(in crate::web) changes: Vec<OrderChangeView>,
    pub(in crate::web) units: Vec<GivenUnitView>,
    /// Only for who sees the stock.
    pub(in crate::web) pieces: Vec<ProvenPieceView>,
    pub(in crate::web) ledger: Vec<LedgerEntryView>,
    pub(in crate::web) messages: Vec<DeliveryMessageView>,
    pub(in crate::web) actions: Vec<OrderActionView>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<Proven> for LedgerEntryView {
    fn from(Proven { order_unit, link, hash, before }: Proven) -> Self {
        let Link { card, number, unit, from, to, claim, at } = link;
        let (hash_before, hash) = (before.as_deref().map(hex), hex(&hash));
        Self { order_unit, card_id: card, number, unit_id: unit, from, to, claim, at, hash_before, hash }
    }
}

fn pieces(conn: &mut DbConn, scope: &Scope, keys: &Keys, ledger: &[Proven]) -> QueryResult<Vec<ProvenPieceView>> {
    let mut ids: Vec<UnitId> = ledger.iter().map(|entry| entry.link.unit).collect();
    ids.sort_unstable();
    ids.dedup();
    if !scope.is_whole() {
        return Ok(Vec::new());
    }
    let piece = |id| {
        let unit = units::get(conn, scope, id)?;
        let content = unit.open(keys).ok().map(|content| masked(content.expose()));
        Ok(ProvenPieceView { unit_id: unit.id, card_id: unit.card, state: unit.state, content })
    };
    ids.into_iter().map(piece).collect()
}

fn read_proof(
    conn: &mut DbConn,
    scope: &Scope,
    key: &OrderKey,
    keys: &Keys,
    now: Timestamp,
) -> QueryResult<OrderProofView> {
    let Details { order, summary, units, messages, actions, changes, told, .. } =
        order_details::get(conn, scope, key.account, &key.order)?;
    let ledger = units::proven(conn, scope, key.account, &key.order)?;
    Ok(OrderProofView {
        made_at: now,
        order: OrderView::new(&order, summary),
        told: told.into_iter().map(OrderEventView::from).collect(),
        changes: changes.into_iter().map(OrderChangeView::from).collect(),
        units: units.into_iter().map(GivenUnitView::from).collect(),
        pieces: pieces(conn, scope, keys, &ledger)?,
        ledger: ledger.into_iter().map(LedgerEntryView::from).collect(),
        messages: messages.into_iter().map(DeliveryMessageView::from).collect(),
        actions: actions.into_iter().map(OrderActionView::from).collect(),
    })
}

/// All that proves what an order got, as a file: the order and where it stood, its units and the lines of the stock's log about them with
/// their hashes, and the messages with the platform's numbers. Codes are masked, and there is no address in it. Whoever has it can compute
/// each hash of the log again. The audit says who took it.
#[utoipa::path(get, path = "/api/v1/orders/{id}/proof", tag = "orders", params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses((status = 200, body = OrderProofView)))]
pub async fn proof(caller: Caller, key: OrderKey, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (scope, keys, now, name) = (caller.scope, app.store.keys().clone(), clock::unix(), key.name());
    let file = format!("attachment; filename=\"order-{name}.json\"");
    let view = app.turns.read(&app.store, move |conn: &mut DbConn| read_proof(conn, &scope, &key, &keys, now)).await?;
    let deed = Deed::new("order.proof", name).of(scope.user());
    app.store.write(move |conn| audit::record(conn, &caller.actor(), &deed, now)).await?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_DISPOSITION, file)).json(view))
}
