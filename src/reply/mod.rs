//! What is answered: rules, how they match, and the one pure function that decides.
//!
//! `rule.rs` is what a seller may say, `text.rs` what a buyer said in the form rules look at, `layer.rs` (with `words.rs` and `pattern.rs`) many rules compiled into
//! one search, `matcher.rs` the layers that hold for one account, `decide.rs` the decision (`silence.rs`: why not), `template.rs` the variables of its texts.

pub mod actor;
pub mod decide;
mod layer;
pub mod matcher;
pub mod messages;
mod pattern;
pub mod rule;
mod silence;
pub mod template;
pub mod text;
mod words;
