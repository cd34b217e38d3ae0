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

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;
    use crate::account::state::{Reason, State};

    fn status(at: i64) -> FeedEvent {
        FeedEvent::Status {
            account: AccountId(1),
            status: Status::new(State::Connected, Reason::Registered, Timestamp(at)),
        }
    }

    #[test]
    fn nobody_watching_costs_nothing() {
        let feed = Feed::default();
        drop(feed.watch());
        feed.tell(|| panic!("nobody wants to know"));
    }

    #[test]
    fn every_watcher_sees_what_happens_from_then_on() {
        let feed = Feed::default();
        let mut first = feed.watch();
        feed.tell(|| status(1));
        let mut second = feed.clone().watch();
        feed.tell(|| status(2));
        for (watcher, expected) in [(&mut first, vec![1, 2]), (&mut second, vec![2])] {
            for at in expected {
                let event = watcher.try_recv().expect("told");
                assert!(matches!(event, FeedEvent::Status { status, .. } if status.since == Timestamp(at)));
            }
            assert_eq!(watcher.try_recv().err(), Some(TryRecvError::Empty));
        }
    }

    /// R7: a watcher that does not read costs a fixed amount of memory.
    #[test]
    fn r7_a_slow_watcher_loses_the_oldest_and_holds_nobody_up() {
        let feed = Feed::default();
        let mut slow = feed.watch();
        for at in 0..10_000 {
            feed.tell(|| status(at));
        }
        assert!(matches!(slow.try_recv(), Err(TryRecvError::Lagged(lost)) if lost == 10_000 - KEPT as u64));
        let oldest = slow.try_recv().expect("the newest are kept");
        assert!(matches!(oldest, FeedEvent::Status { status, .. } if status.since == Timestamp(10_000 - KEPT as i64)));
    }
}
