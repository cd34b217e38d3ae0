//! `GET /health`: whether the server does its work. 503 where the database or the registry does not answer within a second.

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use tokio::time::timeout;

use crate::{
    account::messages::Overview,
    telemetry::{clock, health::Health},
    web::AppState,
};

/// A part that takes longer to answer is not healthy.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the server does its work.
#[utoipa::path(get, path = "/health", tag = "operation", responses((status = 200, body = Object), (status = 503, body = Object)))]
pub(super) async fn health(state: Data<AppState>) -> HttpResponse {
    let registry = state.registry.get();
    let (database, overview) =
        tokio::join!(timeout(PATIENCE, state.store.ping()), timeout(PATIENCE, registry.send(Overview)));
    let overview = overview.ok().and_then(Result::ok);
    let health = Health::new(
        matches!(database, Ok(Ok(()))),
        overview.as_ref().map(|overview| overview.accounts.as_slice()),
        clock::unix().since(state.started_at),
    );
    if health.is_healthy() { HttpResponse::Ok().json(health) } else { HttpResponse::ServiceUnavailable().json(health) }
}
