//! The resources of `/api/v1`, one file each: what comes in, what goes out, and the handlers.

// The documentation macro names types by a path where a short name would do.
#![allow(unused_qualifications)]

pub mod accounts;
pub mod ai;
pub mod ai_fields;
pub mod audit;
pub mod bargains;
pub mod blocked_buyers;
pub mod buyer_notes;
pub mod buyer_tags;
pub mod buyers;
pub mod cards;
pub mod conversations;
pub mod decisions;
pub mod employees;
pub mod explanations;
pub mod handovers;
pub mod items;
pub mod key;
pub mod keywords;
pub mod logs;
pub mod maintenance;
pub mod me;
pub(crate) mod miss_texts;
pub mod notices;
pub mod notify_channels;
pub mod order_events;
pub mod outbox;
mod people;
pub mod pictures;
pub mod quick_phrases;
mod reason_texts;
pub mod registrations;
pub mod rule_cases;
pub mod rule_events;
mod rule_faults;
pub mod rule_fields;
pub mod rule_figures;
pub mod rule_files;
pub mod rule_sets;
pub mod rule_warnings;
pub mod sandbox;
pub mod sessions;
pub mod settings;
pub mod sources;
pub mod stats;
pub(super) mod step_texts;
pub mod stop_switch;
pub mod suggestions;
pub mod tokens;
pub mod unanswered;
pub mod units;
pub mod users;
pub mod windows;
