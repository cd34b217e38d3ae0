//! Each buyer message once, in order: stored, acknowledged, then merged into turns.

pub mod actor;
pub mod debounce;
pub mod dedup;
pub mod gap;
pub mod messages;
