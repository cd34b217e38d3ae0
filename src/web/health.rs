//! `GET /health`, `/livez`, `/readyz`: answered from what [`Probe`](super::probe::Probe) saw last, without waiting for anything.

use actix_web::{HttpResponse, http::StatusCode, web::Data};

use crate::{telemetry::clock, web::AppState};

/// What each part is doing; 503 where one fails that the settings name.
pub(super) async fn health(state: Data<AppState>) -> HttpResponse {
    let (health, refuses) = state.health.report(clock::now());
    let status = if refuses { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    HttpResponse::build(status).json(health)
}

/// Whether the process is worth keeping. 503: a supervisor should start it anew.
pub(super) async fn livez(state: Data<AppState>) -> HttpResponse {
    word(state.health.is_alive(clock::now()), "alive")
}

/// Whether requests can be served now. 503: a proxy should ask another one, or wait.
pub(super) async fn readyz(state: Data<AppState>) -> HttpResponse {
    word(state.health.is_ready(clock::now()), "ready")
}

fn word(holds: bool, word: &'static str) -> HttpResponse {
    let mut answer = if holds { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(serde_json::json!({ "status": if holds { word.to_owned() } else { format!("not {word}") } }))
}
