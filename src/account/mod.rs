//! One actor per seller account, which owns its WebSocket and heartbeat, and the registry that supervises them.

pub mod actor;
pub mod backoff;
pub mod facts;
pub mod messages;
pub mod registry;
pub mod state;
pub mod token;
