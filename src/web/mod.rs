//! HTTP: the one table of routes, and what every handler may use.

mod health;
mod metrics;
pub mod probe;

use std::sync::{Arc, PoisonError, RwLock};

use actix::Addr;
use actix_web::web::{ServiceConfig, get};

use crate::{
    account::registry::AccountRegistry,
    store::Store,
    telemetry::{health::HealthMonitor, metrics::Metrics},
};

/// Every route there is.
pub fn routes(config: &mut ServiceConfig) {
    config.route("/health", get().to(health::health));
    config.route("/livez", get().to(health::livez));
    config.route("/readyz", get().to(health::readyz));
    config.route("/metrics", get().to(metrics::metrics));
}

/// What handlers work with.
pub struct AppState {
    pub store: Store,
    pub registry: RegistryAddress,
    pub health: HealthMonitor,
    pub metrics: Metrics,
    /// Empty: there is no `GET /metrics`.
    pub metrics_token: String,
}

/// Where the registry is at the moment: a dead one is replaced.
#[derive(Clone)]
pub struct RegistryAddress(Arc<RwLock<Addr<AccountRegistry>>>);

impl RegistryAddress {
    pub fn new(address: Addr<AccountRegistry>) -> Self {
        Self(Arc::new(RwLock::new(address)))
    }

    pub fn get(&self) -> Addr<AccountRegistry> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, address: Addr<AccountRegistry>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = address;
    }
}
