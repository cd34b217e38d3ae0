//! One suite for both databases. See `harness.rs` for how PostgreSQL is found.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod access;
mod audit;
mod buyer_figures;
mod buyers;
mod cards;
mod challenges;
mod handovers;
mod harness;
mod items;
mod messages;
mod migrations;
mod notices;
mod opening;
mod order_details;
mod order_events;
mod pages;
mod phrases;
mod pictures;
mod plans;
mod privacy;
mod retention;
mod rule_figures;
mod rule_sets;
mod sales;
mod sandbox;
mod stats;
mod suggestions;
mod tables;
mod tenants;
mod unanswered;
mod units;
mod writing;
