//! What is answered: rules, how they match, and the one pure function that decides.
//!
//! `rule.rs` is what a seller may say (`condition.rs`: at which hours and for whom), `text.rs` what a buyer said in the form rules look at, `layer.rs` (with `words.rs` and `pattern.rs`) many rules compiled into
//! one search, `matcher.rs` the layers that hold for one account, `decide.rs` the decision (`silence.rs`: why not), `source.rs` where answers come
//! from and in which order, `outside.rs` what others than rules had to say, `event.rs` what rules for events are to do, `trail.rs` how a decision was reached, `template.rs` the variables of texts, `queue.rs` whose turn it is.
//! [`file`] is rules as sellers keep them in tables, [`warnings`] what they probably did not mean, [`sandbox`] a conversation played through before
//! anybody is answered, [`case`] what is expected of it.

pub mod actor;
pub mod case;
pub mod condition;
pub mod decide;
pub mod event;
pub mod file;
mod layer;
pub mod matcher;
pub mod messages;
pub mod outside;
mod pattern;
pub mod queue;
pub mod rule;
pub mod sandbox;
mod silence;
pub mod source;
pub mod template;
pub mod text;
pub mod trail;
pub mod warnings;
mod words;
