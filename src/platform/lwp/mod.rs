//! The chat protocol over the WebSocket: frames, payloads, events, and the session that ties them together.
//!
//! Nothing here reads a clock, makes a random number or touches a socket: text and [`crate::ids::Now`] go in, text and typed events come out.
//! Everything that arrives is somebody else's: whatever is wrong with it costs an error value and bounded memory, never a panic.

pub mod answer;
pub mod command;
mod content;
pub mod event;
mod extension;
pub mod frame;
mod heartbeat;
mod lenient;
mod message;
pub mod mid;
mod msgpack;
mod page;
pub mod payload;
mod pending;
pub mod push;
pub mod refusal;
mod scalar;
pub mod session;
mod stall;
mod tree;
