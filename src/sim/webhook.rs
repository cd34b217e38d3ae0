//! Somebody to tell: `POST /webhook` takes every notice, and remembers what events they were about.

use std::sync::{Mutex, PoisonError};

use actix_web::{HttpResponse, web};
use serde_json::Value;

use super::platform::Platform;

/// What was told.
#[derive(Debug, Default)]
pub struct Webhook(Mutex<Vec<String>>);

impl Webhook {
    /// How many notices were about this event.
    pub fn told_of(&self, event: &str) -> usize {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|told| *told == event).count()
    }
}

/// `POST /webhook`.
pub(super) async fn receive(body: web::Json<Value>, platform: web::Data<Platform>) -> HttpResponse {
    if let Some(event) = body["event"].as_str() {
        let mut told = platform.webhook().0.lock().unwrap_or_else(PoisonError::into_inner);
        told.push(event.to_owned());
    }
    HttpResponse::Ok().finish()
}
