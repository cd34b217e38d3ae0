//! The Goofish wire: what bytes mean, and how to say things. Knows nothing of ours but ids.

pub mod cookies;
pub mod device;
pub mod lwp;
pub mod mtop;
pub mod socket;
