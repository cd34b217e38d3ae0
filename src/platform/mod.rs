//! The Goofish wire: what bytes mean, and how to say things. Knows nothing of ours but ids.
//!
//! Another marketplace would be another folder like this one: nothing outside of it (and the simulator, which plays the other side) knows
//! a field, a phrase or a code of the platform. Only `socket.rs` and the files named `client.rs` do I/O.

pub mod challenge;
pub mod cookie_paste;
pub mod cookies;
pub mod device;
pub mod hours;
pub mod lwp;
pub mod mtop;
pub mod passport;
pub mod profile;
pub mod socket;
pub mod tls;
pub mod upload;
