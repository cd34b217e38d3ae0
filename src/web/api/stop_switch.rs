//! `/api/v1/stop-switch`: while it is on, nothing automatic is written to the platform, for no account.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    AppState,
    error::{ApiResult, ErrorBody},
    gate::Caller,
    input::{Body, if_match},
    tag,
};
use crate::{
    account::messages::Refresh,
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        facts,
    },
    telemetry::clock,
};

/// Whether everything is stopped.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct StopSwitchView {
    pub(in crate::web) on: bool,
}

/// Whether everything shall be stopped.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"on": true}))]
pub struct StopSwitchBody {
    on: bool,
}

/// Whether everything is stopped.
#[utoipa::path(get, path = "/api/v1/stop-switch", tag = "stop switch", responses((status = 200, body = StopSwitchView)))]
pub async fn get(app: Data<AppState>) -> ApiResult<HttpResponse> {
    let on = app.store.read(facts::stop_switch).await?;
    Ok(tag::answer(HttpResponse::Ok(), &StopSwitchView { on }))
}

/// Stops everything, or lets it go on.
#[utoipa::path(put, path = "/api/v1/stop-switch", tag = "stop switch", request_body = StopSwitchBody,
    params(("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses(
        (status = 200, body = StopSwitchView),
        (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile"),
    ))]
pub async fn set(
    caller: Caller,
    request: HttpRequest,
    body: Body<StopSwitchBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (wanted, actor, now) = (if_match(request.headers())?, caller.actor(), clock::unix());
    let after = StopSwitchView { on: body.0.on };
    let set = move |conn: &mut DbConn| -> QueryResult<ApiResult<()>> {
        let before = StopSwitchView { on: facts::stop_switch(conn)? };
        if let Err(refusal) = tag::check(wanted.as_deref(), &before) {
            return Ok(Err(refusal));
        }
        facts::set_stop_switch(conn, after.on)?;
        let deed = Deed::new("stop_switch.update", "system").before(before).after(after);
        audit::record(conn, &actor, &deed, now).map(Ok)
    };
    app.store.write(set).await??;
    // A registry that misses it looks by itself soon.
    app.registry.get().do_send(Refresh);
    Ok(tag::answer(HttpResponse::Ok(), &after))
}
