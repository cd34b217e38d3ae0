//! Answers of a language model: what it is told, what of its words may be sent, and how its providers are spoken to.
//!
//! **Limits are code, not prompt.** A buyer can talk a model into anything, so its answer is text of a stranger: it is sent only if
//! [`guard::check`] finds no amount below the floor, no agreement to a lower offer, no way out of the platform and no part of the prompt
//! in it. When in doubt it is not sent: that costs one more try, or the seller's default reply.
//!
//! `normal.rs` brings a text into one spelling; `number.rs`, `context.rs` and `amount.rs` read the money in it, `contact.rs`, `leak.rs`
//! and `consent.rs` the rest; `guard.rs` judges by them. `bargain.rs` says how low a price may go, and how low the model is told it may in
//! this round. `intent.rs`, `template.rs` and `prompt.rs` make what the model is told; `dialect/` says it to a provider, and `breaker.rs`
//! when not to. `settings.rs` is what a seller chooses, `client.rs` calls, `actor/` goes the whole way from a question to an answer.

pub mod actor;
pub mod amount;
#[cfg(test)]
mod amount_tests;
pub mod bargain;
pub mod breaker;
pub mod client;
mod consent;
mod contact;
mod context;
pub mod dialect;
pub mod guard;
#[cfg(test)]
mod guard_tests;
#[cfg(test)]
mod injection_tests;
pub mod intent;
mod leak;
pub mod messages;
pub mod normal;
mod number;
pub mod prompt;
#[cfg(test)]
mod prompt_tests;
pub mod record;
pub mod settings;
pub mod template;
