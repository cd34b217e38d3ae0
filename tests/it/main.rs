//! The whole server against the simulator, over real sockets. Every test checks what the buyer saw and what the database says.
#![allow(clippy::unwrap_used)]

mod harness;

mod chat;
mod faults;
mod outbox;
mod rules_live;
mod takeover;
