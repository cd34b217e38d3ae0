//! What an order is given, once.
//!
//! A *card* is what a delivery gives, a *unit* one piece of stock. `unit.rs` is the one table of what may become of a unit; `chain.rs` ties
//! what happened to units together, so that nobody changes it unseen.

pub mod card;
pub mod chain;
pub mod unit;
