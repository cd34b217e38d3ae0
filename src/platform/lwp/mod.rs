//! The chat protocol over the WebSocket: frames, payloads, events, and the session that ties them together.

pub mod command;
pub mod event;
pub mod frame;
pub mod payload;
pub mod session;
