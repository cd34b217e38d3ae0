//! What accounts sell: read from the platform a little at a time, in the background of everything else.
//!
//! `agenda.rs` says what comes next and when; the account's actor does it (`account/actor/items.rs`), and `store/items.rs` keeps it. Only one
//! call of this kind is under way for an account, at the pace of the settings, and none while the platform wants a person or a stop switch
//! is on. What a seller adds to an item (facts, floor, flags) is never touched by a reading.

pub mod agenda;
pub mod messages;
pub mod progress;
