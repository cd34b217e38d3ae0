//! What the platform tells of orders.
//!
//! `notice.rs` reads it from cards, tips and badges; only the platform's own messages count, never what a person wrote. A notice says that
//! something happened: it may cause an answer, never a delivery. Each is stored once (`store/order_events.rs`), in the transaction that
//! stores what told of it, and handed on after that; what was not handled when the process ended is handed on again.
//!
//! Where an order stands is decided by what is read from the gateway alone: `status.rs` is the one table of which word may lead where.
//! `actor.rs` reads what is due, at a pace of its own beside the chat; `agenda.rs` says when something is due again. What nobody tells of is
//! found by comparing the platform's list of what is to be shipped.

pub mod actor;
pub mod agenda;
pub mod change;
pub mod event;
pub mod messages;
pub mod notice;
pub mod status;
