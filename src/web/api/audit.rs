//! `/api/v1/audit`: every write there was. A tenant sees its own lines, an administrator all; no token sees more than its owner's, and
//! one for chosen accounts sees none.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    error::ApiResult,
    gate::Caller,
    input::{Line, Query, Whole},
    page::{Page, PageNumber, Paging, PerPage},
};
use crate::{
    ids::{Timestamp, UserId},
    store::audit::{self, AuditRow, Filter, Via},
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only what this user did.
    #[param(inline)]
    actor: Option<Whole<1, { i64::MAX }>>,
    /// Only this kind of deed: `account.update`.
    #[param(inline)]
    action: Option<Line<1, 64>>,
    /// Only what was done to things of this kind: `account`.
    #[param(inline)]
    object_type: Option<Line<1, 64>>,
    #[param(inline)]
    object_id: Option<Line<1, 128>>,
    /// UTC milliseconds.
    #[param(inline)]
    since: Option<Whole<0, { i64::MAX }>>,
    /// UTC milliseconds; not included.
    #[param(inline)]
    until: Option<Whole<0, { i64::MAX }>>,
}

/// One write: who, what, from where.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    pub(in crate::web) id: i64,
    /// UTC milliseconds.
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    /// Absent where nobody is known: at the door, unless they came in; at the command line.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) actor_id: Option<UserId>,
    pub(in crate::web) actor: String,
    #[schema(value_type = Via, inline)]
    pub(in crate::web) via: String,
    pub(in crate::web) address: Option<String>,
    pub(in crate::web) request_id: Option<String>,
    #[schema(example = "account.update")]
    pub(in crate::web) action: String,
    pub(in crate::web) object_type: String,
    pub(in crate::web) object_id: String,
    /// The state before, without secrets.
    #[schema(value_type = Option<Object>)]
    pub(in crate::web) before: Option<Box<RawValue>>,
    /// The state afterwards, without secrets.
    #[schema(value_type = Option<Object>)]
    pub(in crate::web) after: Option<Box<RawValue>>,
}

impl From<AuditRow> for AuditView {
    fn from(row: AuditRow) -> Self {
        let raw = |text: Option<String>| text.and_then(|text| RawValue::from_string(text).ok());
        Self {
            id: row.id,
            at: row.at,
            actor_id: row.actor_id,
            actor: row.actor,
            via: row.via,
            address: row.address,
            request_id: row.request_id,
            action: row.action,
            object_type: row.object_type,
            object_id: row.object_id,
            before: raw(row.before),
            after: raw(row.after),
        }
    }
}

/// Every write there was, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery), responses((status = 200, body = Page<AuditView>)))]
pub async fn list(caller: Caller, query: Query<AuditQuery>, app: Data<AppState>) -> ApiResult<Json<Page<AuditView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let text = |line: Option<&str>| line.map(str::to_owned);
    let filter = Filter {
        owner: if caller.administers() { None } else { Some(caller.whole()?.user()) },
        actor: query.actor.map(|id| UserId(id.get())),
        action: text(query.action.as_deref()),
        object_type: text(query.object_type.as_deref()),
        object_id: text(query.object_id.as_deref()),
        since: query.since.map(|at| Timestamp(at.get())),
        until: query.until.map(|at| Timestamp(at.get())),
    };
    let (rows, total) = app.turns.read(&app.store, move |conn| audit::list(conn, &filter, paging.part())).await?;
    Ok(Json(paging.answer(rows.into_iter().map(AuditView::from).collect(), total)))
}
