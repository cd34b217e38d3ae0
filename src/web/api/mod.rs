//! The resources of `/api/v1`, one file each: what comes in, what goes out, and the handlers.

// The documentation macro names types by a path where a short name would do.
#![allow(unused_qualifications)]

pub mod accounts;
pub mod audit;
pub mod blocked_buyers;
pub mod conversations;
pub mod decisions;
pub mod key;
pub mod keywords;
pub mod logs;
pub mod outbox;
pub mod previews;
pub mod sessions;
pub mod stats;
