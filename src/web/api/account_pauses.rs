//! `/api/v1/accounts/paused`: the stop switches of all one's accounts at once. Others' accounts go on; the switch for everybody is the
//! administrator's.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{AppState, error::ApiResult, gate::Caller, input::Body};
use crate::{
    account::messages::Refresh,
    store::{
        DbConn, QueryResult, accounts,
        audit::{self, Deed},
    },
    telemetry::clock,
};

/// Whether all of one's accounts shall be stopped.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"paused": true}))]
pub struct AllPausedBody {
    paused: bool,
}

/// What became of them.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct AllPausedView {
    paused: bool,
    /// Accounts that were otherwise before.
    changed: usize,
}

/// Stops all of one's accounts, or lets all of them go on: messages are stored, and nothing is sent.
#[utoipa::path(put, path = "/api/v1/accounts/paused", tag = "accounts", operation_id = "set_all_paused", request_body = AllPausedBody,
    responses((status = 200, body = AllPausedView)))]
pub async fn set(caller: Caller, body: Body<AllPausedBody>, app: Data<AppState>) -> ApiResult<Json<AllPausedView>> {
    let (paused, actor, now) = (body.0.paused, caller.actor(), clock::unix());
    let set = move |conn: &mut DbConn| -> QueryResult<AllPausedView> {
        let changed = accounts::set_all_stopped(conn, &caller.scope, paused, now)?;
        let after = AllPausedView { paused, changed };
        let owner = caller.scope.user();
        let action = if paused { "account.pause_all" } else { "account.resume_all" };
        audit::record(conn, &actor, &Deed::new(action, owner).of(owner).after(after), now)?;
        Ok(after)
    };
    let after = app.store.write(set).await?;
    // A registry that misses it looks by itself soon.
    app.registry.get().do_send(Refresh);
    Ok(Json(after))
}
