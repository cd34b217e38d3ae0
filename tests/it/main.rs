//! The whole server against the simulator, over real sockets. Every test checks what the buyer saw and what the database says.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod harness;
mod process;

mod access_table;
mod accounts;
mod api;
mod chat;
mod client;
mod compat;
mod container;
mod door;
mod faults;
mod gap;
mod health;
mod hygiene;
mod letters;
mod live;
mod load_isolation;
mod logs;
mod maintenance;
mod outbox;
mod pages;
mod people;
mod person;
mod privacy;
mod promises;
mod raw;
mod resources;
mod restart;
mod rude;
mod rules_live;
mod startup;
mod takeover;
