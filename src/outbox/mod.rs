//! Every text or picture to a buyer goes through here: a row before it is a frame.
//!
//! `entry.rs` has the states of a send, `ledger.rs` the thinking (order in a conversation, doubt, expiry), `rate.rs` the pace, `picture.rs`
//! what uploaded pictures are called where; `actor.rs` stores and launches. A send that got no answer waits for its echo, then the history is asked: there, it is confirmed; absent, it is sent
//! again as the same send; unknown, it stays `uncertain` for a person.
//!
//! A picture that the seller uploaded ([`Body::Image`](entry::Body) with `picture:`) is handed to the platform while its send is still
//! `queued`, once for an account; the row keeps its name, and the frame has the address and size that the platform gave.
//!
//! What people write by hand goes the same way ([`messages::SendByPerson`]): refused at once where it would rot, and while a stop switch is
//! on, for then nothing new is sent. What was admitted before the switch still goes out, in the order of its lane. People also act on
//! entries ([`messages::ActOnEntry`]): what is queued can be taken back, what ended badly sent again, a doubt settled either way.

pub mod actor;
pub mod entry;
pub mod ledger;
pub mod messages;
pub mod picture;
pub mod rate;
