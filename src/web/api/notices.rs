//! `/api/v1/notices`: what was told, to whom it went, and what became of it there.

use std::collections::HashMap;

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    error::{ApiResult, Code, Language},
    gate::Caller,
    input::{Id, NoBody, Query, Whole},
    page::{Page, PageNumber, Paging, PerPage},
};
use crate::{
    ids::{AccountId, ChannelId, NoticeDeliveryId, NoticeId, Timestamp},
    notify::{
        event::{self, Event, Severity},
        messages::Look,
        notice::Phase,
        text,
        throttle::Stage,
    },
    store::{
        DbConn, QueryResult, Scope,
        audit::{self, Deed},
        notices::{self, Filter, Row},
        notify_deliveries::{self as deliveries, Delivery, State},
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct NoticesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only of this event.
    #[param(inline)]
    event: Option<Event>,
    /// At least so bad.
    #[param(inline)]
    severity: Option<Severity>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// `true`: only what lasts; `false`: only what is over.
    open: Option<bool>,
    /// Only what somebody has seen, or what nobody has.
    seen: Option<bool>,
}

/// Something that was told.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: NoticeId,
    pub(in crate::web) event: Event,
    pub(in crate::web) severity: Severity,
    /// `null`: it is about no single account.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    /// In the language of `Accept-Language`.
    pub(in crate::web) title: String,
    pub(in crate::web) text: String,
    /// How often it happened.
    pub(in crate::web) count: i64,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) first_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) last_at: Timestamp,
    /// `null`: it lasts, or happens without an end.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) ended_at: Option<Timestamp>,
    /// Whether something may be told of it yet.
    pub(in crate::web) open: bool,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) seen_at: Option<Timestamp>,
}

/// One message of a notice to one channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeDeliveryView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: NoticeDeliveryId,
    #[schema(value_type = i64)]
    pub(in crate::web) notice_id: NoticeId,
    #[schema(value_type = i64)]
    pub(in crate::web) channel_id: ChannelId,
    /// The channel's name.
    pub(in crate::web) channel: String,
    pub(in crate::web) phase: Phase,
    #[schema(inline)]
    pub(in crate::web) state: State,
    pub(in crate::web) attempts: i64,
    /// When it is tried; `null` where it is not.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) next_at: Option<Timestamp>,
    /// What the service, or the way to it, said last.
    pub(in crate::web) error: Option<String>,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) sent_at: Option<Timestamp>,
}

/// The messages of a notice: there are few.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeDeliveriesView {
    pub(in crate::web) items: Vec<NoticeDeliveryView>,
}

impl NoticeView {
    fn new(row: Row, language: Language) -> Self {
        let language = match language {
            Language::Chinese => event::Language::Zh,
            Language::English => event::Language::En,
        };
        let is_over = row.ended_at.is_some() && row.event.tells_its_end();
        let message = text::write(&row.told(if is_over { Phase::End } else { Phase::Begin }, None), language);
        Self {
            id: row.id,
            event: row.event,
            severity: row.severity,
            account_id: row.account,
            text: message.body(),
            title: message.title,
            count: row.count,
            first_at: row.first_at,
            last_at: row.last_at,
            ended_at: row.ended_at,
            open: row.stage != Stage::Done,
            seen_at: row.seen_at,
        }
    }
}

impl NoticeDeliveryView {
    fn new((delivery, channel): (Delivery, String)) -> Self {
        let Delivery {
            id,
            notice,
            channel: channel_id,
            phase,
            state,
            attempts,
            next_at,
            error,
            created_at,
            sent_at,
            ..
        } = delivery;
        let next_at = (state == State::Queued).then_some(next_at);
        Self { id, notice_id: notice, channel_id, channel, phase, state, attempts, next_at, error, created_at, sent_at }
    }
}

/// What was told, newest first.
#[utoipa::path(get, path = "/api/v1/notices", tag = "notices", params(NoticesQuery), responses((status = 200, body = Page<NoticeView>)))]
pub async fn list(
    caller: Caller,
    query: Query<NoticesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<NoticeView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter {
        event: query.event,
        severity: query.severity,
        account: query.account.map(|id| AccountId(id.get())),
        open: query.open,
        seen: query.seen,
    };
    let (scope, language) = (caller.scope, caller.language);
    let page = move |conn: &mut DbConn| notices::page(conn, &scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(rows.into_iter().map(|row| NoticeView::new(row, language)).collect(), total)))
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/notices/{id}", tag = "notices", params(("id" = i64, Path)), responses((status = 200, body = NoticeView)))]
pub async fn get(caller: Caller, id: Id<NoticeId>, app: Data<AppState>) -> ApiResult<Json<NoticeView>> {
    let row = app.store.read(move |conn| notices::get(conn, &caller.scope, id.0)).await?;
    Ok(Json(NoticeView::new(row, caller.language)))
}

/// Marks it as seen. Who saw it first stays.
#[utoipa::path(post, path = "/api/v1/notices/{id}/seen", tag = "notices", params(("id" = i64, Path)), responses((status = 200, body = NoticeView)))]
pub async fn see(caller: Caller, id: Id<NoticeId>, _: NoBody, app: Data<AppState>) -> ApiResult<Json<NoticeView>> {
    mark(&app, caller, id.0, "notice.see", notices::mark_seen).await
}

/// Takes back that it was seen.
#[utoipa::path(delete, path = "/api/v1/notices/{id}/seen", tag = "notices", params(("id" = i64, Path)), responses((status = 200, body = NoticeView)))]
pub async fn unsee(caller: Caller, id: Id<NoticeId>, app: Data<AppState>) -> ApiResult<Json<NoticeView>> {
    let unsee = |conn: &mut DbConn, scope: &Scope, id: NoticeId, _: Timestamp| notices::mark_unseen(conn, scope, id);
    mark(&app, caller, id.0, "notice.unsee", unsee).await
}

async fn mark(
    app: &AppState,
    caller: Caller,
    id: NoticeId,
    action: &'static str,
    change: impl FnOnce(&mut DbConn, &Scope, NoticeId, Timestamp) -> QueryResult<Row> + Send + 'static,
) -> ApiResult<Json<NoticeView>> {
    let (language, now) = (caller.language, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<Row> {
        let row = change(conn, &caller.scope, id, now)?;
        audit::record(conn, &caller.actor(), &Deed::new(action, id).of(row.owner), now)?;
        Ok(row)
    };
    Ok(Json(NoticeView::new(app.store.write(job).await?, language)))
}

/// Where it went, and what became of it there, oldest first.
#[utoipa::path(get, path = "/api/v1/notices/{id}/deliveries", tag = "notices", params(("id" = i64, Path)), responses((status = 200, body = NoticeDeliveriesView)))]
pub async fn list_deliveries(
    caller: Caller,
    id: Id<NoticeId>,
    app: Data<AppState>,
) -> ApiResult<Json<NoticeDeliveriesView>> {
    let rows = app.store.read(move |conn| deliveries::list(conn, &caller.scope, id.0)).await?;
    Ok(Json(NoticeDeliveriesView { items: rows.into_iter().map(NoticeDeliveryView::new).collect() }))
}

/// As [`list_deliveries`], for the notices of a page at once.
pub(in crate::web) async fn deliveries_of_each(
    app: &AppState,
    caller: &Caller,
    notices: Vec<NoticeId>,
) -> ApiResult<HashMap<NoticeId, Vec<NoticeDeliveryView>>> {
    let scope = caller.scope;
    let rows = app.store.read(move |conn| deliveries::list_of_each(conn, &scope, &notices)).await?;
    let mut of_each: HashMap<NoticeId, Vec<NoticeDeliveryView>> = HashMap::new();
    for view in rows.into_iter().map(NoticeDeliveryView::new) {
        of_each.entry(view.notice_id).or_default().push(view);
    }
    Ok(of_each)
}

/// Tries a dead message anew, under the id it had.
#[utoipa::path(post, path = "/api/v1/notify/deliveries/{id}/retry", tag = "notices", params(("id" = i64, Path)), responses((status = 202, body = NoticeDeliveryView)))]
pub async fn retry(
    caller: Caller,
    id: Id<NoticeDeliveryId>,
    _: NoBody,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (id, now) = (id.0, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<NoticeDeliveryView>> {
        let scope = caller.scope;
        if !deliveries::revive(conn, &scope, id, now)? {
            return Ok(Err(Code::WrongState.into()));
        }
        let view = NoticeDeliveryView::new(deliveries::get(conn, &scope, id)?);
        audit::record(conn, &caller.actor(), &Deed::new("notice_delivery.retry", id).of(scope.user()), now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    // Where it is lost, the next look finds it.
    app.notify.do_send(Look);
    Ok(HttpResponse::Accepted().json(view))
}
