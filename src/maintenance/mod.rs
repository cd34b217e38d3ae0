//! Every night, what is too old is removed, for all tenants by one job: messages, sends, reasons of decisions, conversations nobody
//! speaks in any more, unreadable pushes, pauses that are over, sessions, codes, tokens, answers kept for repeated requests,
//! notices that are over, figures of rules, what was known of buyers with whom no conversation is left, and log files.
//!
//! [`schedule`] says when; [`store::retention`](crate::store::retention) removes one small batch; [`actor`] goes from batch to batch,
//! rests between them, and tells what it did. How long each kind is kept is a setting of the administrator
//! ([`Retention`](crate::store::settings::Retention)).
//!
//! [`backup`] is the other job of the night: a copy of the database.
//!
//! What the clean-up does not touch: the audit and replies that are given once. Raw pushes go by their age alone, because they are sealed and
//! nobody can tell whose they are.

pub mod actor;
pub mod backup;
pub mod schedule;
