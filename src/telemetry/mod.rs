//! What operators see: logs and health.

pub mod health;
pub mod logging;
