//! What happens, as it happens, for whoever watches: the demo's terminal now, live pages later. Nobody watching costs nothing.

use tokio::sync::broadcast;

use crate::{
    account::state::Status,
    ids::{AccountId, ConversationId, MessageId, RuleId, Timestamp},
    outbox::entry::Entry,
};

/// A slow watcher loses the oldest events, never slows the engine.
const KEPT: usize = 4096;

#[derive(Debug, Clone)]
pub enum FeedEvent {
    Decided(Box<DecidedEvent>),
    /// A send reached its final state.
    Settled(Box<Entry>),
    Status {
        account: AccountId,
        status: Status,
    },
}

/// What was decided about a turn.
#[derive(Debug, Clone)]
pub struct DecidedEvent {
    pub account: AccountId,
    pub conversation: ConversationId,
    /// The turn's last message.
    pub message: MessageId,
    pub buyer_name: Option<String>,
    pub asked: String,
    pub decision: &'static str,
    pub reason: String,
    pub rule: Option<RuleId>,
    pub received_at: Timestamp,
    pub decided_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Feed(broadcast::Sender<FeedEvent>);

impl Default for Feed {
    fn default() -> Self {
        Self(broadcast::channel(KEPT).0)
    }
}

impl Feed {
    pub fn watch(&self) -> broadcast::Receiver<FeedEvent> {
        self.0.subscribe()
    }

    pub fn tell(&self, event: impl FnOnce() -> FeedEvent) {
        if self.0.receiver_count() > 0 {
            // The last watcher may have gone in between: then nobody misses it.
            let _ = self.0.send(event());
        }
    }
}
