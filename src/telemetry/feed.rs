//! What happens, as it happens, for whoever watches: the demo's terminal and `/api/v1/live`. Nobody watching costs a count.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::broadcast;

use crate::{
    account::state::Status,
    ids::{AccountId, ConversationId, MessageId, RuleId, Timestamp},
    order::change::OrderChanged,
    outbox::entry::{Row, SendId, State},
};

/// A slow watcher loses the oldest events, never slows the engine.
const KEPT: usize = 4096;

/// Told after it is stored, but for a status. Each names its account, so that everybody is shown only what they may see.
#[derive(Debug, Clone)]
pub enum FeedEvent {
    Stored(Box<StoredEvent>),
    Decided(Box<DecidedEvent>),
    Send(Box<SendEvent>),
    Order(Box<OrderChanged>),
    Status {
        account: AccountId,
        status: Status,
    },
    /// Automatic answers pause in a conversation until then, or go on (`None`).
    Paused {
        account: AccountId,
        conversation: ConversationId,
        until: Option<Timestamp>,
    },
}

impl FeedEvent {
    pub fn account(&self) -> AccountId {
        match self {
            Self::Stored(event) => event.account,
            Self::Decided(event) => event.account,
            Self::Send(event) => event.account,
            Self::Order(event) => event.account,
            Self::Status { account, .. } | Self::Paused { account, .. } => *account,
        }
    }
}

/// A message was stored for the first time. What we send ourselves is no message but a [`SendEvent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub message: MessageId,
    pub direction: Direction,
    pub sender_name: Option<String>,
    pub text: String,
    pub sent_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To us.
    Incoming,
    /// The seller typed it elsewhere.
    Outgoing,
}

/// An outbox entry was made, or entered a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendEvent {
    pub account: AccountId,
    pub id: SendId,
    pub conversation: ConversationId,
    pub state: State,
    pub reason: Option<String>,
    pub message: Option<MessageId>,
    pub attempts: i32,
}

impl SendEvent {
    /// `None`: the row changes no state.
    pub fn of(row: &Row) -> Option<Self> {
        let (account, id, conversation, state, reason, message, attempts) = match row {
            Row::Insert(entry) => (
                entry.account,
                entry.id,
                &entry.conversation,
                entry.state,
                &entry.reason,
                &entry.message,
                entry.attempts,
            ),
            Row::Update(change) => (
                change.account,
                change.id,
                &change.conversation,
                change.state,
                &change.reason,
                &change.message,
                change.attempts,
            ),
            Row::Claim { .. } => return None,
        };
        let (conversation, reason, message) = (conversation.clone(), reason.clone(), message.clone());
        Some(Self { account, id, conversation, state, reason, message, attempts })
    }
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
    pub needs_person: bool,
    pub received_at: Timestamp,
    pub decided_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Feed {
    watchers: broadcast::Sender<FeedEvent>,
    told: Arc<Told>,
}

/// How much was told, and what makes marks of it that say nothing but whether they are the same.
#[derive(Debug, Default)]
struct Told {
    events: AtomicU64,
    keys: RandomState,
}

impl Default for Feed {
    fn default() -> Self {
        Self { watchers: broadcast::channel(KEPT).0, told: Arc::default() }
    }
}

impl Feed {
    /// Whether anybody would hear.
    pub fn is_watched(&self) -> bool {
        self.watchers.receiver_count() > 0
    }

    pub fn watch(&self) -> broadcast::Receiver<FeedEvent> {
        self.watchers.subscribe()
    }

    pub fn tell(&self, event: impl FnOnce() -> FeedEvent) {
        self.told.events.fetch_add(1, Ordering::AcqRel);
        if self.is_watched() {
            // The last watcher may have gone in between: then nobody misses it.
            let _ = self.watchers.send(event());
        }
    }

    /// Another one as soon as anything was told, to anybody or nobody, and after a restart. Whoever notes it, reads what is stored, and
    /// finds it unchanged when they begin to watch has missed nothing in between.
    pub fn mark(&self) -> String {
        format!("{:016x}", self.told.keys.hash_one(self.told.events.load(Ordering::Acquire)))
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
    fn nobody_watching_costs_a_count() {
        let feed = Feed::default();
        drop(feed.watch());
        feed.tell(|| panic!("nobody wants to know"));
    }

    #[test]
    fn a_mark_tells_that_something_was_told_also_to_nobody() {
        let feed = Feed::default();
        let mark = feed.mark();
        assert_eq!(feed.clone().mark(), mark);
        feed.tell(|| status(1));
        let second = feed.mark();
        let _watcher = feed.watch();
        feed.tell(|| status(2));
        assert_ne!(second, mark);
        assert!(![mark, second].contains(&feed.mark()));
        assert_ne!(Feed::default().mark(), Feed::default().mark(), "nobody counts with it");
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
