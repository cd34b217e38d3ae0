//! The resources of `/api/v1`, one file each: what comes in, what goes out, and the handlers.

// The documentation macro names types by a path where a short name would do.
#![allow(unused_qualifications)]

pub mod accounts;
pub mod audit;
pub mod blocked_buyers;
pub mod buyers;
pub mod conversations;
pub mod decisions;
pub mod employees;
pub mod key;
pub mod keywords;
pub mod logs;
pub mod maintenance;
pub mod me;
pub mod outbox;
mod people;
pub mod previews;
pub mod registrations;
mod rule_faults;
pub mod sessions;
pub mod settings;
pub mod stats;
pub mod stop_switch;
pub mod tokens;
pub mod users;
