//! Each buyer message once, in order: stored, acknowledged, then merged into turns.
//!
//! `dedup.rs` spares the database most duplicates, `gap.rs` plans the search for what was missed while a line was down, `debounce.rs` makes
//! turns; `actor.rs` stores. Whoever handed a message in hears that it is stored, and only then acknowledges it. A message that is stored
//! and undecided when the process ends is taken up again at the next start.

pub mod actor;
pub mod debounce;
pub mod dedup;
pub mod gap;
pub mod messages;
