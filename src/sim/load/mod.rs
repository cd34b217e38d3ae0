//! The load generator: many accounts, a steady stream of buyers' messages, and a count of every answer.
//!
//! Each message holds one keyword and a serial number; each keyword has a reply of its own that repeats the message
//! (`{send_message}`), so that every answer names the message it answers: lost, doubled and wrong ones are told apart
//! exactly. With plain replies an answer counts for the oldest unanswered message of its conversation and keyword.
//!
//! Messages leave on a schedule that does not wait for answers. Latency runs from the moment a message is pushed to the
//! moment its answer reaches the simulator; how far pushing itself fell behind the schedule is reported beside it.

mod book;
mod catalog;
mod process;
mod report;
mod run;

pub use book::Book;
pub use catalog::{Catalog, Replies};
pub use process::{Process, Usage};
pub use report::{Connected, Idle, Latency, Report};
pub use run::{Plan, Spacing, await_connected, measure_idle, run};
