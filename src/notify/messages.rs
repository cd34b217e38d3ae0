//! What the actor of notices is told.

use std::time::Duration;

use actix::Message;

use super::{channel::Config, event::Language};

/// Send a trial message to this channel now, beside the queue, and say what came of it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), Fault>")]
pub struct TryOut {
    pub channel: Config,
    pub language: Language,
}

/// Something is queued: look now.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Look;

/// Do nothing more.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct End;

/// Why a channel did not take a message. Holds none of its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable, for programs.
    pub code: &'static str,
    /// What the service, or the way to it, said.
    pub said: String,
    /// Whether the same may be taken later.
    pub may_pass: bool,
    /// Not before this long.
    pub after: Option<Duration>,
}
