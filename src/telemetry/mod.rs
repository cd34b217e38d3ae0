//! What operators see: logs, health, metrics, and the feed of what happens. The clocks are read here, too.

pub mod clock;
pub mod feed;
pub mod health;
pub mod logging;
pub mod metrics;
pub mod modules;
pub mod system;
pub mod verdict;
