//! `/api/v1/conversations/{id}/bargain`: how far bargaining went with a buyer.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{AppState, error::ApiResult, gate::Caller},
    key::{self, ConversationKey},
};
use crate::{
    ids::{ItemId, Timestamp},
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        bargains, conversations,
        revisions::{self, Topic},
    },
    telemetry::clock,
};

/// How far bargaining went.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BargainView {
    /// The AI's answers about the price in this deal; 0: none yet.
    pub(in crate::web) rounds: u32,
    /// What the deal is about.
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) last_at: Option<Timestamp>,
}

/// How far bargaining went with a buyer.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/bargain", tag = "conversations", params(("id" = String, Path, description = "ACCOUNT.CONVERSATION")), responses((status = 200, body = BargainView)))]
pub async fn bargain(caller: Caller, key: ConversationKey, app: Data<AppState>) -> ApiResult<Json<BargainView>> {
    let scope = caller.scope;
    let read = move |conn: &mut DbConn| {
        conversations::get(conn, &scope, key.account, &key.conversation)?;
        bargains::find(conn, &scope, key.account, &key.conversation)
    };
    let bargain = app.store.read(read).await?;
    Ok(Json(match bargain {
        Some(bargain) => BargainView { rounds: bargain.rounds, item_id: bargain.item, last_at: Some(bargain.last_at) },
        None => BargainView { rounds: 0, item_id: None, last_at: None },
    }))
}

/// The deal is over: the next word about the price begins a new one.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/bargain", tag = "conversations", params(("id" = String, Path, description = "ACCOUNT.CONVERSATION")), responses((status = 204, description = "Over")))]
pub async fn end_bargain(caller: Caller, key: ConversationKey, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (scope, actor, now) = (caller.scope, caller.actor(), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<()> {
        conversations::get(conn, &scope, key.account, &key.conversation)?;
        bargains::end(conn, &scope, key.account, &key.conversation)?;
        let name = key::conversation(key.account, &key.conversation);
        audit::record(conn, &actor, &Deed::new("bargain.end", name).of(scope.user()), now)?;
        // The engine reads what it remembers of conversations anew.
        revisions::bump(conn, Topic::Pauses)
    };
    app.store.write(job).await?;
    super::accounts::notice(&app);
    Ok(HttpResponse::NoContent().finish())
}
