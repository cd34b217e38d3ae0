//! What an order is given, once.
//!
//! A *card* is what a delivery gives, a *unit* one piece of stock. `unit.rs` is the one table of what may become of a unit; `chain.rs` ties
//! what happened to units together, so that nobody changes it unseen. `rule.rs` says which cards an order gets, `step.rs` what is done next,
//! `review.rs` and `choice.rs` why a person must decide and between what, `readiness.rs` whether the next order could be served.

pub mod actor;
pub mod card;
pub mod chain;
pub mod choice;
pub mod messages;
pub mod pack;
pub mod readiness;
pub mod review;
pub mod rule;
pub mod step;
pub mod unit;
