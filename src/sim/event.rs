//! What happens on the platform, told to whoever asked: tests wait for these instead of sleeping.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::message::Body;
use crate::ids::{ConversationId, MessageId};

/// Something happened to an account; `account` is its name.
#[derive(Debug, Clone)]
pub enum SimEvent {
    /// A WebSocket was opened for the account its cookies name.
    Opened { account: Arc<str>, at: Instant },
    /// `/reg` was answered with 200.
    Registered { account: Arc<str>, at: Instant },
    /// `/reg` was refused.
    Refused { account: Option<Arc<str>>, reason: &'static str },
    /// A registered connection ended.
    Disconnected { account: Arc<str> },
    /// A send was accepted: the buyer sees it.
    Delivered { account: Arc<str>, delivery: Box<Delivery> },
    /// A push with these messages was acknowledged.
    Acked { account: Arc<str>, messages: Vec<MessageId> },
    /// A heartbeat arrived, answered or not.
    Heartbeat { account: Arc<str> },
    /// An access token was asked for, whatever came of it.
    TokenRequested { account: Arc<str> },
    /// A gateway call arrived.
    Called { account: Option<Arc<str>>, api: String },
    /// A phone confirmed a QR code.
    LoggedIn { account: Arc<str> },
    /// `hasLogin` was asked, and the login was prolonged or not.
    HasLogin { account: Arc<str>, prolonged: bool },
    /// A gateway call was answered with the address of a challenge.
    PersonDemanded { account: Arc<str>, url: String },
    /// A challenge's page was opened.
    ChallengeOpened { account: Arc<str> },
    /// The slider of a challenge was not dragged as a person does it.
    DragRefused { account: Arc<str>, why: &'static str },
    /// A challenge was passed, with a pointer of this kind: `mouse`, `touch` or `pen`.
    DragAccepted { account: Arc<str>, kind: String },
    /// The client sent a frame or a call that cannot be read.
    Unreadable { account: Option<Arc<str>>, why: String },
}

/// One accepted send, as the buyer saw it. A doubled one stands twice.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    pub conversation: ConversationId,
    pub message: MessageId,
    pub uuid: String,
    pub body: Body,
    /// Unix milliseconds.
    pub created_at: i64,
    #[serde(skip, default = "Instant::now")]
    pub at: Instant,
}

impl Delivery {
    /// The text, or the picture's address.
    pub fn text(&self) -> &str {
        match &self.body {
            Body::Text { text } | Body::Tip { text } => text,
            Body::Image { url, .. } => url,
            Body::Voice => "",
            Body::Card(card) | Body::TradeTip(card) => &card.title,
        }
    }
}

/// How much a listener wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    Everything,
    /// All but acknowledgements, heartbeats and gateway calls, for high rates.
    Outcomes,
}

/// Those who listen.
#[derive(Debug, Default)]
pub struct Events {
    everything: AtomicUsize,
    listeners: AtomicUsize,
    senders: Mutex<Vec<(Interest, UnboundedSender<SimEvent>)>>,
}

impl Events {
    pub fn subscribe(&self, interest: Interest) -> UnboundedReceiver<SimEvent> {
        let (sender, receiver) = unbounded_channel();
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        senders.push((interest, sender));
        self.count(&senders);
        receiver
    }

    /// Tells an outcome; built only where somebody listens.
    pub fn tell(&self, event: impl FnOnce() -> SimEvent) {
        if self.listeners.load(Ordering::Relaxed) > 0 {
            self.send(event(), |_| true);
        }
    }

    /// Tells a detail: only [`Interest::Everything`] hears it.
    pub fn whisper(&self, event: impl FnOnce() -> SimEvent) {
        if self.everything.load(Ordering::Relaxed) > 0 {
            self.send(event(), |interest| interest == Interest::Everything);
        }
    }

    fn send(&self, event: SimEvent, wanted: impl Fn(Interest) -> bool) {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let before = senders.len();
        senders.retain(|(interest, sender)| !wanted(*interest) || sender.send(event.clone()).is_ok());
        if senders.len() != before {
            self.count(&senders);
        }
    }

    fn count(&self, senders: &[(Interest, UnboundedSender<SimEvent>)]) {
        let everything = senders.iter().filter(|(interest, _)| *interest == Interest::Everything).count();
        self.everything.store(everything, Ordering::Relaxed);
        self.listeners.store(senders.len(), Ordering::Relaxed);
    }
}
