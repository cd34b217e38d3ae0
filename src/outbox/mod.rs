//! Every text or picture to a buyer goes through here: a row before it is a frame.
//!
//! `entry.rs` has the states of a send, `ledger.rs` the thinking (order in a conversation, doubt, expiry), `rate.rs` the pace; `actor.rs`
//! stores and launches. A send that got no answer waits for its echo, then the history is asked: there, it is confirmed; absent, it is sent
//! again as the same send; unknown, it stays `uncertain` for a person.

pub mod actor;
pub mod entry;
pub mod ledger;
pub mod messages;
pub mod rate;
