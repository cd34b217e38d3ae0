//! What an order is given, once.
//!
//! A *card* is what a delivery gives, a *unit* one piece of stock. `unit.rs` is the one table of what may become of a unit; `chain.rs` ties
//! what happened to units together, so that nobody changes it unseen.

pub mod actor;
pub mod card;
pub mod chain;
pub mod messages;
pub mod pack;
pub mod review;
pub mod rule;
pub mod step;
pub mod unit;
