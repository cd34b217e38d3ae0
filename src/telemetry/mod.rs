//! What operators see: logs and health.

pub mod clock;
pub mod feed;
pub mod health;
pub mod logging;
