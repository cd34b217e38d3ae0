//! `/api/v1/order-events`: what happened to orders, as the platform's messages tell it.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::ApiResult,
        gate::Caller,
        input::{Line, Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    decisions::bad_key,
    key::{self, ConversationKey},
};
use crate::{
    ids::{AccountId, BuyerId, ItemId, OrderId, Timestamp},
    order::event::OrderEvent,
    store::{
        DbConn, conversations,
        order_events::{self, Filter, Row},
    },
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OrderEventsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// `ACCOUNT.CONVERSATION`.
    #[param(inline)]
    conversation: Option<Line<1, 90>>,
    /// The platform's number of a buyer.
    #[param(inline)]
    buyer: Option<Line<1, 64>>,
    /// The platform's number of an order.
    #[param(inline)]
    order: Option<Line<1, 64>>,
    /// What happened.
    #[param(inline)]
    event: Option<OrderEvent>,
    /// UTC milliseconds, as the platform says when it happened.
    #[param(inline)]
    since: Option<Whole<0, { i64::MAX }>>,
    /// UTC milliseconds; not included.
    #[param(inline)]
    until: Option<Whole<0, { i64::MAX }>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsOfConversationQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// Something that happened to an order. It is the platform's word in a chat; how an order stands now, only the platform's order page says.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderEventView {
    pub(in crate::web) id: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// `ACCOUNT.CONVERSATION`.
    pub(in crate::web) conversation: String,
    /// `null`: the platform did not say which.
    #[schema(value_type = Option<String>)]
    pub(in crate::web) order_id: Option<OrderId>,
    pub(in crate::web) event: OrderEvent,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) buyer_id: Option<BuyerId>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    /// When it happened, as the platform says.
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) seen_at: Timestamp,
    /// `null`: what it causes is not stored yet.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) handled_at: Option<Timestamp>,
}

impl From<Row> for OrderEventView {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            conversation: key::conversation(row.account, &row.conversation),
            account_id: row.account,
            order_id: row.order,
            event: row.event,
            buyer_id: row.buyer,
            item_id: row.item,
            at: row.at,
            seen_at: row.seen_at,
            handled_at: row.handled_at,
        }
    }
}

/// What happened to orders, newest first.
#[utoipa::path(get, path = "/api/v1/order-events", tag = "order events", params(OrderEventsQuery), responses((status = 200, body = Page<OrderEventView>)))]
pub async fn list(
    caller: Caller,
    query: Query<OrderEventsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<OrderEventView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let key = query.conversation.as_deref().map(|text| ConversationKey::parse(text).ok_or_else(bad_key)).transpose()?;
    let (account, conversation) = key.map_or((None, None), |key| (Some(key.account), Some(key.conversation)));
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())).or(account),
        conversation,
        buyer: query.buyer.map(|buyer| buyer.into_string().into()),
        order: query.order.map(|order| order.into_string().into()),
        event: query.event,
        since: query.since.map(|at| Timestamp(at.get())),
        until: query.until.map(|at| Timestamp(at.get())),
    };
    let read = move |conn: &mut DbConn| order_events::page(conn, &caller.scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, read).await?;
    Ok(Json(paging.answer(rows.into_iter().map(OrderEventView::from).collect(), total)))
}

/// What happened to the orders of a conversation, newest first.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/order-events", tag = "conversations", params(("id" = String, Path, description = "ACCOUNT.CONVERSATION"), EventsOfConversationQuery), responses((status = 200, body = Page<OrderEventView>)))]
pub async fn order_events_of_conversation(
    caller: Caller,
    key: ConversationKey,
    query: Query<EventsOfConversationQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<OrderEventView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let read = move |conn: &mut DbConn| {
        conversations::get(conn, &caller.scope, key.account, &key.conversation)?;
        let filter = Filter { account: Some(key.account), conversation: Some(key.conversation), ..Filter::default() };
        order_events::page(conn, &caller.scope, &filter, paging.part())
    };
    let (rows, total) = app.turns.read(&app.store, read).await?;
    Ok(Json(paging.answer(rows.into_iter().map(OrderEventView::from).collect(), total)))
}
