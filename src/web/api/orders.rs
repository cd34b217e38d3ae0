//! `/api/v1/orders`: orders as the platform's gateway tells them, what they were given, and the proof of it. An order's address is
//! `ACCOUNT.ORDER`.

use std::collections::HashMap;

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{Body, Line, NoBody, Query, Text, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    decisions::bad_key,
    delivery_rules::tell,
    items::PropertyView,
    key::{self, ConversationKey, OrderKey},
    order_actions::OrderActionView,
    order_texts,
    readiness::LackView,
    reviews::ReviewView,
};
use crate::{
    access::role::Right,
    delivery::{readiness::Missed, review::Reason, step::Unit},
    ids::{AccountId, BuyerId, DeliveryRuleId, Fen, ItemId, MessageId, OrderId, Timestamp},
    order::{
        messages::{NotRead, ReadOrder},
        status::{Cause, Status},
    },
    platform::mtop::order::Address,
    store::{
        DbConn, Keys, QueryResult, Scope,
        audit::{self, Deed},
        deliveries::Delivery,
        delivery_settings,
        order_actions::{self, Action},
        order_details::{self, Details, Sent, Summary},
        orders::{self, Change, Filter, Row},
        readiness,
    },
    telemetry::clock,
};

/// What a list of orders is asked by, with whatever else one way of asking takes.
macro_rules! orders_query {
    ($name:ident { $($(#[$note:meta])* $field:ident: $kind:ty,)* }) => {
        #[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$note])* #[param(inline)] $field: $kind,)*
            #[param(inline)]
            account: Option<Whole<1, { i64::MAX }>>,
            /// Where it stands.
            #[param(inline)]
            status: Option<Status>,
            /// The platform's number of a buyer.
            #[param(inline)]
            buyer: Option<Line<1, 64>>,
            /// The platform's number of an item.
            #[param(inline)]
            item: Option<Line<1, 64>>,
            /// `ACCOUNT.CONVERSATION`.
            #[param(inline)]
            conversation: Option<Line<1, 90>>,
            /// Occurs in the buyer's name, or is the number of the order, the buyer or the item.
            #[param(inline)]
            q: Option<Line<1, 64>>,
            /// UTC milliseconds: heard of since then.
            #[param(inline)]
            since: Option<Whole<0, { i64::MAX }>>,
            /// UTC milliseconds; not included.
            #[param(inline)]
            until: Option<Whole<0, { i64::MAX }>>,
        }

        impl $name {
            fn filter(self) -> ApiResult<Filter> {
                let key = self.conversation.as_deref().map(|text| ConversationKey::parse(text).ok_or_else(bad_key));
                let (account, conversation) =
                    key.transpose()?.map_or((None, None), |key| (Some(key.account), Some(key.conversation)));
                Ok(Filter {
                    account: self.account.map(|id| AccountId(id.get())).or(account),
                    status: self.status,
                    buyer: self.buyer.map(|buyer| buyer.into_string().into()),
                    item: self.item.map(|item| item.into_string().into()),
                    conversation,
                    text: self.q.map(Line::into_string),
                    since: self.since.map(|at| Timestamp(at.get())),
                    until: self.until.map(|at| Timestamp(at.get())),
                })
            }
        }
    };
}
pub(super) use orders_query;

orders_query!(OrdersQuery {
    page: Option<PageNumber>,
    per_page: Option<PerPage>,
});

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OrderQuery {
    /// `true`: with the address that it is sent to. Only for who manages the account; the audit says so.
    #[serde(default)]
    reveal: bool,
}

/// How many units of an order are where: "3 of 5".
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct OrderUnitsView {
    /// How many it is to have; `null`: nobody knows, nothing is claimed.
    pub(in crate::web) wanted: Option<i64>,
    pub(in crate::web) reserved: i64,
    pub(in crate::web) sent: i64,
    pub(in crate::web) confirmed: i64,
    pub(in crate::web) uncertain: i64,
    pub(in crate::web) rejected: i64,
    pub(in crate::web) cancelled: i64,
}

/// An order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderView {
    /// `ACCOUNT.ORDER`: its address.
    #[schema(example = "12.2500000000000000001")]
    pub(in crate::web) id: String,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// As the platform numbers it.
    #[schema(value_type = String)]
    pub(in crate::web) order_id: OrderId,
    /// `null`: the platform was not asked yet.
    #[schema(inline)]
    pub(in crate::web) status: Option<Status>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) buyer_id: Option<BuyerId>,
    pub(in crate::web) buyer_name: Option<String>,
    /// `ACCOUNT.CONVERSATION`.
    pub(in crate::web) conversation: Option<String>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    pub(in crate::web) item_title: Option<String>,
    pub(in crate::web) spec: Vec<PropertyView>,
    /// Pieces.
    pub(in crate::web) quantity: i64,
    /// Of one piece.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) price_fen: Option<Fen>,
    /// All that is paid.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) amount_fen: Option<Fen>,
    /// A bargain (小刀) once.
    pub(in crate::web) bargain: bool,
    /// Whether there is an address that it is sent to.
    pub(in crate::web) has_address: bool,
    pub(in crate::web) units: OrderUnitsView,
    /// Why it waits for a person.
    #[schema(inline)]
    pub(in crate::web) waits_for: Vec<Reason>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) placed_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) paid_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) shipped_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) completed_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) ended_at: Option<Timestamp>,
    /// When it was first heard of.
    #[schema(value_type = i64)]
    pub(in crate::web) seen_at: Timestamp,
    /// When the platform last told of it.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) read_at: Option<Timestamp>,
    /// What the platform said when it was last asked in vain.
    pub(in crate::web) read_error: Option<String>,
}

/// Where an order's goods are sent to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderAddressView {
    #[schema(example = "王小明")]
    pub(in crate::web) name: String,
    #[schema(example = "13800000000")]
    pub(in crate::web) phone: String,
    #[schema(example = "浙江省杭州市余杭区文一西路 1 号")]
    pub(in crate::web) address: String,
}

/// A unit of an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GivenUnitView {
    /// From 1.
    pub(in crate::web) unit: i64,
    #[schema(inline)]
    pub(in crate::web) state: Unit,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<DeliveryRuleId>,
    #[schema(value_type = i64)]
    pub(in crate::web) claimed_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) changed_at: Timestamp,
}

/// A message that carries units, or words about them; never what it says.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryMessageView {
    pub(in crate::web) id: i64,
    #[schema(value_type = String, example = "confirmed")]
    pub(in crate::web) state: &'static str,
    /// Why it is what it is, in the platform's words where there are some.
    pub(in crate::web) reason: Option<String>,
    /// The platform's id of the message, once it is known.
    #[schema(value_type = Option<String>)]
    pub(in crate::web) message_id: Option<MessageId>,
    #[schema(value_type = i64)]
    pub(in crate::web) planned_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) changed_at: Timestamp,
}

/// Where the order stood.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderChangeView {
    #[schema(inline)]
    pub(in crate::web) from: Option<Status>,
    #[schema(inline)]
    pub(in crate::web) to: Status,
    /// What let the platform be asked.
    #[schema(inline)]
    pub(in crate::web) cause: Cause,
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
}

/// Everything about an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderPageView {
    #[serde(flatten)]
    pub(in crate::web) order: OrderView,
    /// Only where it was asked for.
    pub(in crate::web) address: Option<OrderAddressView>,
    pub(in crate::web) given: Vec<GivenUnitView>,
    pub(in crate::web) messages: Vec<DeliveryMessageView>,
    pub(in crate::web) changes: Vec<OrderChangeView>,
    pub(in crate::web) actions: Vec<OrderActionView>,
    pub(in crate::web) reviews: Vec<ReviewView>,
    /// What stands in the way of its delivery, while it waits to be delivered.
    pub(in crate::web) lacks: Vec<LackView>,
}

/// How many orders stand where.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct OrderCountsView {
    pub(in crate::web) processing: i64,
    pub(in crate::web) pending_ship: i64,
    pub(in crate::web) shipped: i64,
    pub(in crate::web) completed: i64,
    pub(in crate::web) refunding: i64,
    pub(in crate::web) cancelled: i64,
    /// The platform was not asked about them yet.
    pub(in crate::web) unread: i64,
}

/// Why an order is to be delivered after all.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "买家催单，库存已补"}))]
pub struct DeliverBody {
    reason: Text<1, 500>,
}

impl OrderUnitsView {
    fn new(summary: &Summary) -> Self {
        let of = |state| summary.units.get(&state).copied().unwrap_or(0);
        Self {
            wanted: summary.wanted,
            reserved: of(Unit::Reserved),
            sent: of(Unit::Sent),
            confirmed: of(Unit::Confirmed),
            uncertain: of(Unit::Uncertain),
            rejected: of(Unit::Rejected),
            cancelled: of(Unit::Cancelled),
        }
    }
}

impl OrderView {
    pub(in crate::web) fn new(row: &Row, summary: Summary) -> Self {
        Self {
            id: key::order(row.account, &row.order),
            account_id: row.account,
            order_id: row.order.clone(),
            status: row.status,
            buyer_id: row.buyer.clone(),
            buyer_name: row.buyer_name.clone(),
            conversation: row.conversation.as_ref().map(|id| key::conversation(row.account, id)),
            item_id: row.item.clone(),
            spec: PropertyView::list(row.spec()),
            quantity: row.quantity,
            price_fen: row.price,
            amount_fen: row.amount,
            bargain: row.is_bargain,
            has_address: row.address.is_some(),
            units: OrderUnitsView::new(&summary),
            item_title: summary.item_title,
            waits_for: summary.waits_for,
            placed_at: row.placed_at,
            paid_at: row.paid_at,
            shipped_at: row.shipped_at,
            completed_at: row.completed_at,
            ended_at: row.ended_at,
            seen_at: row.seen_at,
            read_at: row.read_at,
            read_error: row.read_error.clone(),
        }
    }
}

impl From<Address> for OrderAddressView {
    fn from(Address { name, phone, address }: Address) -> Self {
        Self { name, phone, address }
    }
}

impl From<Delivery> for GivenUnitView {
    fn from(unit: Delivery) -> Self {
        let Delivery { unit, state, rule, claimed_at, changed_at, .. } = unit;
        Self { unit, state, rule_id: rule, claimed_at, changed_at }
    }
}

impl From<Sent> for DeliveryMessageView {
    fn from(message: Sent) -> Self {
        let Sent { id, state, reason, message, planned_at, changed_at, .. } = message;
        Self { id: id.0, state: state.as_str(), reason, message_id: message, planned_at, changed_at }
    }
}

impl From<Change> for OrderChangeView {
    fn from(change: Change) -> Self {
        Self { from: change.from, to: change.to, cause: change.cause, at: change.at }
    }
}

impl OrderPageView {
    fn new(details: Details, missed: Vec<Missed>, language: Language, now: Timestamp) -> Self {
        let Details { order, summary, units, messages, actions, changes, reviews, .. } = details;
        Self {
            order: OrderView::new(&order, summary),
            address: None,
            given: units.into_iter().map(GivenUnitView::from).collect(),
            messages: messages.into_iter().map(DeliveryMessageView::from).collect(),
            changes: changes.into_iter().map(OrderChangeView::from).collect(),
            actions: actions.into_iter().map(OrderActionView::from).collect(),
            reviews: reviews.into_iter().map(|row| ReviewView::new(row, language, now)).collect(),
            lacks: missed.into_iter().map(|missed| LackView::new(missed, language)).collect(),
        }
    }
}

impl From<NotRead> for ApiError {
    fn from(reason: NotRead) -> Self {
        use crate::account::call::NotCalled;
        match reason {
            NotRead::NotRunning | NotRead::NotCalled(NotCalled::Offline | NotCalled::NeedsPerson) => {
                Code::AccountNotRunning.into()
            }
            NotRead::TooFast(wait) => Self::from(Code::TooManyRequests).retry_after(wait.as_secs() + 1),
            NotRead::NotCalled(NotCalled::TooMany) => Code::TooManyRequests.into(),
            NotRead::NotCalled(NotCalled::NoAnswer(why)) | NotRead::Refused(why) => {
                Self::from(Code::PlatformRefused).because(Said::new(why.clone(), why))
            }
            NotRead::Storage(_) => Code::DatabaseUnavailable.into(),
        }
    }
}

pub(super) fn read_page(
    conn: &mut DbConn,
    scope: &Scope,
    key: &OrderKey,
    language: Language,
    now: Timestamp,
) -> QueryResult<OrderPageView> {
    let details = order_details::get(conn, scope, key.account, &key.order)?;
    let missed = match details.order.status {
        Some(Status::PendingShip) => {
            let claimed = i64::try_from(details.units.len()).unwrap_or(i64::MAX);
            readiness::of_order(conn, scope, &details.order, claimed)?
        }
        Some(Status::Processing | Status::Shipped | Status::Completed | Status::Refunding | Status::Cancelled)
        | None => Vec::new(),
    };
    Ok(OrderPageView::new(details, missed, language, now))
}

/// Orders, the last heard of first.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrdersQuery), responses((status = 200, body = Page<OrderView>)))]
pub async fn list(caller: Caller, query: Query<OrdersQuery>, app: Data<AppState>) -> ApiResult<Json<Page<OrderView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let filter = query.0.filter()?;
    let read = move |conn: &mut DbConn| {
        let (rows, total) = orders::page(conn, &caller.scope, &filter, paging.part())?;
        let summaries = order_details::summaries(conn, &caller.scope, &rows)?;
        let views = rows.iter().zip(summaries).map(|(row, summary)| OrderView::new(row, summary));
        Ok((views.collect(), total))
    };
    let (views, total) = app.turns.read(&app.store, read).await?;
    Ok(Json(paging.answer(views, total)))
}

/// These orders, by their addresses; what nobody knows, or the caller may not see, is left out.
pub(in crate::web) async fn by_address(
    app: &AppState,
    caller: &Caller,
    wanted: Vec<(AccountId, OrderId)>,
) -> ApiResult<HashMap<String, OrderView>> {
    let scope = caller.scope;
    let read = move |conn: &mut DbConn| -> QueryResult<HashMap<String, OrderView>> {
        let mut rows = Vec::with_capacity(wanted.len());
        for (account, order) in &wanted {
            rows.extend(orders::find_for_person(conn, &scope, *account, order)?);
        }
        let summaries = order_details::summaries(conn, &scope, &rows)?;
        let views = rows.iter().zip(summaries).map(|(row, summary)| OrderView::new(row, summary));
        Ok(views.map(|view| (view.id.clone(), view)).collect())
    };
    app.turns.read(&app.store, read).await
}

/// How many orders stand where.
#[utoipa::path(get, path = "/api/v1/orders/counts", tag = "orders", responses((status = 200, body = OrderCountsView)))]
pub async fn counts(caller: Caller, app: Data<AppState>) -> ApiResult<Json<OrderCountsView>> {
    let counts: HashMap<Option<Status>, i64> =
        app.turns.read(&app.store, move |conn: &mut DbConn| orders::counts(conn, &caller.scope)).await?;
    let of = |status| counts.get(&status).copied().unwrap_or(0);
    Ok(Json(OrderCountsView {
        processing: of(Some(Status::Processing)),
        pending_ship: of(Some(Status::PendingShip)),
        shipped: of(Some(Status::Shipped)),
        completed: of(Some(Status::Completed)),
        refunding: of(Some(Status::Refunding)),
        cancelled: of(Some(Status::Cancelled)),
        unread: of(None),
    }))
}

/// Everything about an order. With `reveal=true` also the address that it is sent to: for who manages the account, and the audit says so.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = String, Path, description = "ACCOUNT.ORDER"), OrderQuery), responses((status = 200, body = OrderPageView)))]
pub async fn get(
    caller: Caller,
    key: OrderKey,
    query: Query<OrderQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<OrderPageView>> {
    let (language, now) = (caller.language, clock::unix());
    if !query.0.reveal {
        let read = move |conn: &mut DbConn| read_page(conn, &caller.scope, &key, language, now);
        return Ok(Json(app.store.read(read).await?));
    }
    let keys = app.store.keys().clone();
    let reveal = move |conn: &mut DbConn| -> QueryResult<ApiResult<OrderPageView>> {
        let mut view = read_page(conn, &caller.scope, &key, language, now)?;
        if !caller.user.role.may(Right::Manage) {
            return Ok(Err(Code::Forbidden.into()));
        }
        view.address = address(conn, &caller.scope, &key, &keys)?;
        let deed = Deed::new("order.reveal", key.name()).of(caller.scope.user());
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(view))
    };
    Ok(Json(app.store.write(reveal).await??))
}

fn address(conn: &mut DbConn, scope: &Scope, key: &OrderKey, keys: &Keys) -> QueryResult<Option<OrderAddressView>> {
    let row = orders::get(conn, scope, key.account, &key.order)?;
    Ok(orders::open_address(keys, &row).map(OrderAddressView::from))
}

/// Asks the platform now where the order stands.
#[utoipa::path(post, path = "/api/v1/orders/{id}/refresh", tag = "orders", params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses((status = 200, body = OrderPageView)))]
pub async fn refresh(caller: Caller, key: OrderKey, _: NoBody, app: Data<AppState>) -> ApiResult<Json<OrderPageView>> {
    let (scope, wanted, language) = (caller.scope, key.clone(), caller.language);
    app.store.read(move |conn| orders::get(conn, &scope, wanted.account, &wanted.order)).await?;
    let ask = ReadOrder { account: key.account, order: key.order.clone(), cause: Cause::Person };
    app.registry.get().send(ask).await??;
    let now = clock::unix();
    let job = move |conn: &mut DbConn| -> QueryResult<OrderPageView> {
        let deed = Deed::new("order.refresh", key.name()).of(scope.user());
        audit::record(conn, &caller.actor(), &deed, now)?;
        read_page(conn, &scope, &key, language, now)
    };
    Ok(Json(app.store.write(job).await?))
}

/// Delivers an order that somebody took in hand, or that waits. It must be paid, and its account must deliver; what it gets, and whether it
/// still stands where it stood, is found out as ever.
#[utoipa::path(post, path = "/api/v1/orders/{id}/deliver", tag = "orders", request_body = DeliverBody, params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses((status = 202, body = OrderPageView, description = "It is looked at")))]
pub async fn deliver(
    caller: Caller,
    key: OrderKey,
    body: Body<DeliverBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (reason, language, now, account) = (body.0.reason, caller.language, clock::unix(), key.account);
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<OrderPageView>> {
        let scope = caller.scope;
        let row = orders::get(conn, &scope, key.account, &key.order)?;
        let settings = delivery_settings::get(conn, &scope, key.account)?;
        if let Err(refusal) = may_deliver(row.status, settings.enabled) {
            return Ok(Err(refusal));
        }
        let was_by_hand = order_actions::forget(conn, key.account, &key.order, Action::ByHand)?;
        orders::set_deliver_due(conn, key.account, &key.order, Some(now))?;
        let deed = Deed::new("order.deliver", key.name()).of(scope.user());
        let deed = deed.before(json!({"by_hand": was_by_hand})).after(json!({"by_hand": false, "reason": &*reason}));
        audit::record(conn, &caller.actor(), &deed, now)?;
        read_page(conn, &scope, &key, language, now).map(Ok)
    };
    let view = app.store.write(job).await??;
    tell(&app, &[account]);
    Ok(HttpResponse::Accepted().json(view))
}

fn may_deliver(status: Option<Status>, delivers: bool) -> ApiResult<()> {
    if status != Some(Status::PendingShip) {
        return Err(wrong_status(status));
    }
    if !delivers {
        let said = Said::new("该账号未开启自动发货", "the account does not deliver: switch its deliveries on");
        return Err(ApiError::from(Code::WrongState).because(said));
    }
    Ok(())
}

/// Nothing is delivered where it stands.
pub(super) fn wrong_status(status: Option<Status>) -> ApiError {
    let status = order_texts::status(status);
    let (zh, en) = (status.in_language(Language::Chinese), status.in_language(Language::English));
    let said = Said::new(format!("订单当前为“{zh}”"), format!("the order is {en}"));
    ApiError::from(Code::WrongState).because(said)
}
