//! What the seller's own program is asked.

use std::sync::Arc;

use actix::Message;
use tokio::sync::oneshot;

use super::request::{HookSettings, HookTurn};
use crate::reply::outside::HookWord;

/// What would you answer? It takes no longer than the settings say.
#[derive(Debug, Message)]
#[rtype(result = "HookWord")]
pub struct AskHook {
    pub settings: Arc<HookSettings>,
    pub turn: HookTurn,
    /// Ends when nobody waits for the answer any more.
    pub gone: oneshot::Receiver<()>,
}
