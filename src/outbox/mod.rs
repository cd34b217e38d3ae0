//! Every text or picture to a buyer goes through here: a row before it is a frame.

pub mod actor;
pub mod entry;
pub mod ledger;
pub mod messages;
pub mod rate;
