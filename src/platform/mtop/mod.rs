//! The signed HTTP gateway.

pub mod api;
pub mod call;
pub mod client;
pub mod outcome;
pub mod sign;
