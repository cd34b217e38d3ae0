//! The seller's own program: asked first, over HTTP, and never trusted.
//!
//! `request.rs` is what it is sent and how its answer is read, `actor.rs` asks.

pub mod actor;
pub mod messages;
pub mod request;
