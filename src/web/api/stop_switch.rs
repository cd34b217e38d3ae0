//! `/api/v1/stop-switch`: while it is on, nothing automatic is written to the platform, for no account.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{AppState, error::ApiResult, gate::Caller, input::Body};
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
    on: bool,
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
pub async fn get(app: Data<AppState>) -> ApiResult<Json<StopSwitchView>> {
    let on = app.store.read(facts::stop_switch).await?;
    Ok(Json(StopSwitchView { on }))
}

/// Stops everything, or lets it go on.
#[utoipa::path(put, path = "/api/v1/stop-switch", tag = "stop switch", request_body = StopSwitchBody, responses((status = 200, body = StopSwitchView)))]
pub async fn set(caller: Caller, body: Body<StopSwitchBody>, app: Data<AppState>) -> ApiResult<Json<StopSwitchView>> {
    let (on, actor, now) = (body.0.on, caller.actor(), clock::unix());
    let set = move |conn: &mut DbConn| -> QueryResult<()> {
        let before = StopSwitchView { on: facts::stop_switch(conn)? };
        facts::set_stop_switch(conn, on)?;
        let deed = Deed::new("stop_switch.update", "system").before(before).after(StopSwitchView { on });
        audit::record(conn, &actor, &deed, now)
    };
    app.store.write(set).await?;
    // A registry that misses it looks by itself soon.
    app.registry.get().do_send(Refresh);
    Ok(Json(StopSwitchView { on }))
}
