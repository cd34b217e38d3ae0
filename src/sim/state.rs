//! What changes about an account: conversations, the log of pushes, open lines. Under the account's lock.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    account::Shared,
    challenge::Challenged,
    conversation::Conversation,
    fault::{Answer, Faults},
    item::Listing,
    line::{Line, now},
    login::Logins,
    message::{Body, Device, Message},
    order::Order,
    push::{Channel, Entry},
    tree,
    upload::Uploaded,
};
use crate::ids::{BuyerId, ConversationId, ItemId};

/// Entries of one replay frame: a wake-up of the real platform carries 14 and more.
const REPLAY_CHUNK: usize = 14;

/// What changes about an account, under its lock.
#[derive(Debug, Default)]
pub struct State {
    pub conversations: HashMap<ConversationId, Conversation>,
    pub by_peer: HashMap<(BuyerId, ItemId), ConversationId>,
    pub lines: Vec<Line>,
    /// Registrations so far.
    pub registrations: u32,
    /// Raised when tokens are revoked.
    pub epoch: u32,
    pub logins: Logins,
    pub challenged: Challenged,
    /// Modes for the next sends, before the standing ones.
    pub script: VecDeque<Answer>,
    pub own_faults: Faults,
    /// The account's faults over the platform's.
    pub faults: Arc<Faults>,
    pub uuids: HashMap<Box<str>, u64>,
    pub unacknowledged: BTreeSet<u64>,
    /// What the account sells, in the order of its list.
    pub listings: Vec<Listing>,
    /// What buyers ordered, in the order it was placed.
    pub orders: Vec<Order>,
    /// Every polish that was done, oldest first.
    pub polished: Vec<ItemId>,
    /// Every picture that was taken, oldest first.
    pub uploads: Vec<Uploaded>,
    /// Where the picture is by which the seller is shown; nowhere, if it was not said.
    pub picture: Option<Box<str>>,
    log: VecDeque<Logged>,
    last_pts: i64,
    held: Option<Vec<Logged>>,
    pushes: usize,
}

/// A push entry with its cursor, kept for replay.
#[derive(Debug, Clone)]
struct Logged {
    pts: i64,
    entry: Entry,
    message: Option<u64>,
}

/// A message to be written into a conversation.
#[derive(Debug)]
pub struct Draft {
    pub sender: BuyerId,
    pub sender_name: Arc<str>,
    pub body: Body,
    pub device: Device,
    pub uuid: Option<Box<str>>,
    /// Created this long ago.
    pub age: Duration,
}

impl Draft {
    /// What the platform writes, in somebody's name.
    pub fn of_platform(sender: BuyerId, body: Body) -> Self {
        Self { sender, sender_name: "".into(), body, device: Device::Android, uuid: None, age: Duration::ZERO }
    }
}

/// A message that was kept, and the entry that would tell of it.
#[derive(Debug)]
pub struct Kept {
    pub number: u64,
    pub at: i64,
    pub entry: Entry,
}

impl State {
    pub fn new(faults: Arc<Faults>) -> Self {
        Self { faults, ..Self::default() }
    }

    /// The conversation with `peer` about `item`, begun now if there is none. `seller` is whose item it is.
    pub fn conversation(&mut self, shared: &Shared, peer: &BuyerId, item: &ItemId, seller: &BuyerId) -> ConversationId {
        let key = (peer.clone(), item.clone());
        if let Some(id) = self.by_peer.get(&key) {
            return id.clone();
        }
        let id = shared.conversation();
        let conversation = Conversation::new(id.clone(), peer.clone(), item.clone(), seller.clone(), now().0);
        self.conversations.insert(id.clone(), conversation);
        self.by_peer.insert(key, id.clone());
        id
    }

    /// Writes a message into a conversation. `None` where there is no such conversation.
    pub fn keep(&mut self, shared: &Shared, own: &BuyerId, id: &ConversationId, draft: Draft) -> Option<Kept> {
        let conversation = self.conversations.get_mut(id)?;
        let message = conversation.keep(Self::message(shared, draft), shared.config.history_limit).clone();
        let entry = tree::message(&message, &conversation.scene(own));
        Some(Kept { number: message.number, at: message.at, entry })
    }

    /// A message with a number of its own, not yet in any conversation.
    pub fn message(shared: &Shared, draft: Draft) -> Message {
        let number = shared.number();
        Message {
            number,
            business: (0x0abc << 112) | u128::from(number),
            at: (now() - draft.age).0,
            sender: draft.sender,
            sender_name: draft.sender_name,
            body: draft.body,
            device: draft.device,
            uuid: draft.uuid,
            read: false,
            recalled: false,
        }
    }

    /// Tells every live connection, in one push, and keeps what is not transient for replay.
    pub fn publish(&mut self, shared: &Shared, entries: Vec<(Entry, Option<u64>)>) {
        let fresh: Vec<Logged> = entries.into_iter().map(|(entry, message)| self.log(shared, entry, message)).collect();
        match &mut self.held {
            Some(held) => held.extend(fresh),
            None => self.send(&fresh),
        }
    }

    /// Keeps what is published from now on back, until [`State::release`].
    pub fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Sends what was held back, `per_push` entries in a frame, the newest first if `reversed`.
    pub fn release(&mut self, per_push: usize, reversed: bool) {
        let mut held = self.held.take().unwrap_or_default();
        if reversed {
            held.reverse();
        }
        held.chunks(per_push.max(1)).for_each(|chunk| self.send(chunk));
    }

    /// Sends entries that belong to no message on a channel of their own.
    pub fn publish_on(&mut self, channel: Channel, entries: &[Entry]) {
        let faults = self.faults.clone();
        if faults.zombie {
            return;
        }
        let entries: Vec<&Entry> = entries.iter().collect();
        let pts = self.last_pts;
        for line in self.lines.iter_mut().filter(|line| line.live) {
            line.push(channel, &entries, pts, &[], &faults);
        }
    }

    /// See [`Account::go_live`]. `true` if the connection was not live before.
    pub fn go_live(&mut self, line: u64, since: Option<i64>) -> bool {
        let faults = self.faults.clone();
        let Some(line) = self.lines.iter_mut().find(|open| open.id == line) else { return false };
        let since = since.filter(|_| !faults.no_replay);
        let first = !line.live;
        line.live = true;
        let floor = match (since, first) {
            (Some(since), true) => since.min(line.registered_at_pts),
            (Some(since), false) => since,
            (None, true) => line.registered_at_pts,
            (None, false) => return false,
        };
        if faults.zombie {
            return first;
        }
        let start = self.log.partition_point(|logged| logged.pts <= floor);
        let missed: Vec<&Logged> = self.log.range(start..).collect();
        for chunk in missed.chunks(REPLAY_CHUNK) {
            let entries: Vec<&Entry> = chunk.iter().map(|logged| &logged.entry).collect();
            let messages: Vec<u64> = chunk.iter().filter_map(|logged| logged.message).collect();
            let pts = chunk.last().map_or(0, |logged| logged.pts);
            self.unacknowledged.extend(&messages);
            line.push(Channel::Sync, &entries, pts, &messages, &faults);
        }
        first
    }

    pub fn last_pts(&self) -> i64 {
        self.last_pts
    }

    fn log(&mut self, shared: &Shared, entry: Entry, message: Option<u64>) -> Logged {
        self.last_pts = (self.last_pts + 1).max(now().0 * 1000);
        let logged = Logged { pts: self.last_pts, entry, message };
        if !logged.entry.transient {
            self.log.push_back(logged.clone());
            if self.log.len() > shared.config.log_limit {
                self.log.pop_front();
            }
        }
        logged
    }

    fn send(&mut self, fresh: &[Logged]) {
        let faults = self.faults.clone();
        if faults.zombie || !self.lines.iter().any(|line| line.live) {
            return;
        }
        let extra = self.company(fresh.len(), &faults);
        let mut entries: Vec<&Entry> = fresh.iter().map(|logged| &logged.entry).collect();
        for (place, entry) in &extra {
            entries.insert((*place).min(entries.len()), entry);
        }
        let messages: Vec<u64> = fresh.iter().filter_map(|logged| logged.message).collect();
        let pts = fresh.iter().map(|logged| logged.pts).max().unwrap_or(0);
        self.unacknowledged.extend(&messages);
        for line in self.lines.iter_mut().filter(|line| line.live) {
            line.push(Channel::Sync, &entries, pts, &messages, &faults);
        }
    }

    /// The entries that the faults put around a push's own, with their places: half before, half after, the broken one
    /// in the middle.
    fn company(&mut self, own: usize, faults: &Faults) -> Vec<(usize, Entry)> {
        let mut company = Vec::new();
        if own == 0 || (faults.entries_per_push <= own && !faults.broken_entries) {
            return company;
        }
        self.pushes += 1;
        let padding = faults.entries_per_push.saturating_sub(own + usize::from(faults.broken_entries));
        if let Some(conversation) = self.conversations.keys().next() {
            let badge = tree::badge(conversation, "", now().0);
            company.extend((0..padding).map(|index| (if index % 2 == 0 { 0 } else { usize::MAX }, badge.clone())));
        }
        if faults.broken_entries {
            company.push(((own + padding) / 2, tree::broken(self.pushes)));
        }
        company
    }
}
