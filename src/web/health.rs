//! `GET /health`, `/livez`, `/readyz`: answered from what [`Probe`](super::probe::Probe) saw last, without waiting for anything.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde::Serialize;

use crate::{
    telemetry::{clock, health::Health, modules::ModuleState},
    web::AppState,
};

/// The report, and which parts are there at all.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct HealthView {
    #[serde(flatten)]
    health: Health,
    /// What needs something of the machine or of the settings, and is there or not.
    modules: BTreeMap<&'static str, ModuleState>,
}

/// What each part is doing; 503 where one fails that the settings name.
#[utoipa::path(get, path = "/health", tag = "operation", responses((status = 200, body = HealthView), (status = 503, body = HealthView, description = "A part fails that the settings name")))]
pub(super) async fn health(state: Data<AppState>) -> HttpResponse {
    let (health, refuses) = state.health.report(clock::now());
    let status = if refuses { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    HttpResponse::build(status).json(HealthView { health, modules: state.modules.report() })
}

/// Whether the process is worth keeping. 503: a supervisor should start it anew.
#[utoipa::path(get, path = "/livez", tag = "operation", responses((status = 200, body = Condition), (status = 503, body = Condition, description = "A supervisor should start it anew")))]
pub(super) async fn livez(state: Data<AppState>) -> HttpResponse {
    let alive = state.health.is_alive(clock::now());
    condition(alive, if alive { "alive" } else { "hopeless" })
}

/// Whether requests can be served now. 503: a proxy should ask another one, or wait.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses((status = 200, body = Condition), (status = 503, body = Condition, description = "Not now")))]
pub(super) async fn readyz(state: Data<AppState>) -> HttpResponse {
    let ready = state.health.is_ready(clock::now());
    condition(ready, if ready { "ready" } else { "not ready" })
}

/// The answer of `/livez` and `/readyz`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Condition {
    #[schema(example = "ready")]
    status: &'static str,
}

fn condition(holds: bool, status: &'static str) -> HttpResponse {
    let code = if holds { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(code).json(Condition { status })
}
