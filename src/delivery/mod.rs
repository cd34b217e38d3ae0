//! What an order is given, once.
//!
//! A *card* is what a delivery gives, a *unit* one piece of stock. `card.rs` says what kinds of cards there are, `unit.rs` is the one table of
//! what may become of a unit; `chain.rs` ties what happened to units together, so that nobody changes it unseen. `call.rs` is what a server of
//! the seller's is asked and how its answer is read, `client.rs` asks.

pub mod call;
pub mod card;
pub mod chain;
pub mod client;
pub mod unit;
