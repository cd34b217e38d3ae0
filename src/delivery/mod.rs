//! What an order is given, once.
//!
//! What is to be done for an order next is asked of `step.rs`, which knows the platform's word, what is claimed and what became of the
//! messages; `store/deliveries/` does what the database alone can do, `actor.rs` the rest. `rule.rs` says which cards an order gets,
//! `pack.rs` in which messages. What nobody but a person can decide is a `review.rs` reason, and `choice.rs` says
//! between what they decide. `readiness.rs` says whether the next order of an item could be served. `follow_up.rs` says what else is done about
//! an order, once, and when.
//!
//! A *card* is what a delivery gives, a *unit* one piece of stock. `card.rs` says what kinds of cards there are, `unit.rs` is the one table of
//! what may become of a unit; `chain.rs` ties what happened to units together, so that nobody changes it unseen. `call.rs` is what a server of
//! the seller's is asked and how its answer is read, `client.rs` asks.

pub mod actor;
pub mod call;
pub mod card;
pub mod chain;
pub mod choice;
pub mod client;
pub mod follow_up;
pub mod messages;
pub mod pack;
pub mod readiness;
pub mod review;
pub mod rule;
pub mod step;
pub mod unit;

#[cfg(test)]
mod crash_tests;
