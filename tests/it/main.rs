//! The whole product against the simulated platform.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod process;
mod restart;
mod startup;
