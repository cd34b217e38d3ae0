//! Tells sellers and administrators what they should know, where they want to hear it.
//!
//! ```text
//! sources (what is stored, health) ─┐
//! whoever has something to tell ────┴─► notices ──throttle──► deliveries, one a channel ──► channel ──► outgoing
//!   (store::notices::open, in any transaction)      rows          durable queue            builders
//! ```
//!
//! - The same trouble is one notice with a count until it is over ([`throttle`]): a blip is never told, a trouble that comes and goes is
//!   told once with its end, and what happens often is told once with a number.
//! - What may wait gathers during [`quiet`] hours, and where many things come at once they are one message. What is critical passes.
//! - A delivery is a row before it is a request. It is tried again with growing distance, and then dead until somebody wants it tried anew.
//!   Its id stays the same: a receiver that was told twice can notice.
//! - A channel that hangs holds nobody else up: one message a channel is on its way, a few altogether, each with a deadline. Nothing of it
//!   runs on a shard's thread, and nobody waits for it (M20).
//! - What buyers wrote is data: it is shortened, put into place and escaped for the channel's dialect, and never read for anything (S30).
//! - Addresses are reached through [`outgoing`](crate::outgoing) alone.

pub mod event;

pub mod notice;

pub mod quiet;

pub mod throttle;

pub mod text;

pub mod channel;

pub mod messages;

pub mod actor;
