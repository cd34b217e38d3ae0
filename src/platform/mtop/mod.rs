//! The signed HTTP gateway: `sign.rs` and `call.rs` make a request, `outcome.rs` says what an answer means, `api.rs`,
//! `item.rs` and `order.rs` which calls there are;
//! `client.rs` sends them.

pub mod api;
pub mod call;
pub mod client;
pub mod item;
pub mod order;
pub mod outcome;
pub mod sign;
