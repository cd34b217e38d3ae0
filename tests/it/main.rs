//! The whole server against the simulator, over real sockets. Every test checks what the buyer saw and what the database says.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod harness;
mod process;

mod access_table;
mod accounts;
mod api;
mod chat;
mod client;
mod container;
mod faults;
mod gap;
mod health;
mod hygiene;
mod live;
mod load_isolation;
mod logs;
mod outbox;
mod pages;
mod person;
mod raw;
mod resources;
mod restart;
mod rules_live;
mod startup;
mod takeover;
