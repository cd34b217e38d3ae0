//! The whole server against the simulator, over real sockets. Every test checks what the buyer saw and what the database says.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod harness;
mod process;

mod accounts;
mod api;
mod chat;
mod client;
mod faults;
mod gap;
mod live;
mod load_isolation;
mod logs;
mod outbox;
mod person;
mod restart;
mod rules_live;
mod startup;
mod takeover;
