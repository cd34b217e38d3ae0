//! One registered connection as the account sees it: numbered pushes out, acknowledgements in.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::UnboundedSender;

use super::{
    fault::Faults,
    push::{self, Channel, Entry},
};
use crate::ids::Timestamp;

/// How long an overtaken push is held back.
const OVERTAKEN_BY: Duration = Duration::from_millis(20);

/// What the account tells the socket.
#[derive(Debug)]
pub enum Outgoing {
    /// Sent in turn; what follows waits until it is due.
    Text { text: String, due: Option<Instant> },
    /// Sent after this time; what follows overtakes it.
    Later { text: String, after: Duration },
    /// A close frame with this code, then the end.
    Close(u16),
    /// A TCP reset, without a close frame.
    Reset,
}

/// Where frames for the socket go. Never blocks, never fails: a dead socket forgets.
pub(super) type Sender = UnboundedSender<Outgoing>;

#[derive(Debug)]
pub struct Line {
    pub id: u64,
    pub device: String,
    /// Pushes are sent from the first `ackDiff` on.
    pub live: bool,
    /// The newest cursor when it registered.
    pub registered_at_pts: i64,
    /// Tokens were revoked after it registered when the account's epoch is higher.
    pub epoch: u32,
    sid: Arc<str>,
    sender: Sender,
    next_mid: u32,
    pushes: u64,
    /// Messages of each push that was not acknowledged yet.
    outstanding: HashMap<u32, Box<[u64]>>,
}

impl Line {
    pub fn new(id: u64, sid: Arc<str>, device: String, sender: Sender) -> Self {
        Self {
            id,
            device,
            live: false,
            registered_at_pts: 0,
            epoch: 0,
            sid,
            sender,
            // spread, so that equal mids on two connections are no coincidence a test relies on
            next_mid: (id as u32).wrapping_mul(0x9e37_79b9),
            pushes: 0,
            outstanding: HashMap::new(),
        }
    }

    /// Sends one push, twice under [`Faults::duplicate`].
    pub fn push(&mut self, channel: Channel, entries: &[&Entry], pts: i64, messages: &[u64], faults: &Faults) {
        let copies = if faults.duplicate { 2 } else { 1 };
        for _ in 0..copies {
            let mid = self.mid();
            let text = push::frame(channel, entries.iter().copied(), pts, now().0, mid, &self.sid);
            if !messages.is_empty() {
                self.outstanding.insert(mid, messages.into());
            }
            self.pushes += 1;
            if faults.reorder && self.pushes % 2 == 1 {
                self.tell(Outgoing::Later { text, after: OVERTAKEN_BY + faults.delay() });
            } else {
                self.text(text, faults);
            }
        }
    }

    /// Sends a control push such as a kick-out.
    pub fn control(&mut self, path: &str, body: &str) {
        let mid = self.mid();
        let text = push::control_frame(path, body, mid, &self.sid);
        self.tell(Outgoing::Text { text, due: None });
    }

    pub fn text(&self, text: String, faults: &Faults) {
        let due = (faults.delay_ms > 0).then(|| Instant::now() + faults.delay());
        self.tell(Outgoing::Text { text, due });
    }

    pub fn tell(&self, outgoing: Outgoing) {
        // the socket may have ended a moment ago; then its account is told so right after
        let _ = self.sender.send(outgoing);
    }

    /// The messages of the push with this mid, once.
    pub fn acknowledged(&mut self, mid: &str) -> Option<Box<[u64]>> {
        let number = u32::from_str_radix(mid.split(' ').next()?, 16).ok()?;
        self.outstanding.remove(&number)
    }

    pub fn sid(&self) -> &str {
        &self.sid
    }

    fn mid(&mut self) -> u32 {
        self.next_mid = self.next_mid.wrapping_add(1);
        self.next_mid
    }
}

/// The wall clock.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
