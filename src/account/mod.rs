//! One actor per seller account, which owns its WebSocket and heartbeat, and the registry that supervises them.
//!
//! `state.rs` is what an account can be doing, with a reason and what the user must do; `token.rs` when the platform may be asked for an
//! access token, `login_session.rs` when its login may be checked, `backoff.rs` how long to wait after a failure. Then `actor/`, and `registry.rs`, which compares what runs with what the
//! database says should. `lookout.rs` is how any actor comes to look in the database for what is due. `failed` means that a person must
//! act; everything that heals by itself is `reconnecting`.

pub mod actor;
pub mod backoff;
pub mod call;
pub mod facts;
pub mod login;
pub mod login_session;
pub mod lookout;
pub mod messages;
pub mod registry;
pub mod state;
pub mod token;
