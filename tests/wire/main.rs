//! The chat protocol against the recorded vectors, and the session against the clock.
#![allow(clippy::unwrap_used)]

mod session;
mod vectors;
