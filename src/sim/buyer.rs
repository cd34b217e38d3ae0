//! The other side of an account's conversations: what buyers, the seller's phone and the platform itself do.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    account::Account,
    event::Delivery,
    line::now,
    message::{Body, Card, Device, pnm},
    push::{Channel, Entry},
    state::{Draft, Kept, State},
    trade::Stage,
    tree,
};
use crate::ids::{BuyerId, ConversationId, MessageId, OrderId};

/// A message that was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Said {
    pub conversation: ConversationId,
    pub message: MessageId,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// How the account learns of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    Push,
    /// A pointer without the body.
    Pointer,
    /// Not at all: only the history has it.
    None,
}

impl Account {
    /// The conversation with this buyer about this item of ours.
    pub fn conversation(&self, buyer: &str, item: &str) -> ConversationId {
        self.lock().conversation(&self.shared, &buyer.into(), &item.into(), &self.uid)
    }

    /// A group chat with this buyer.
    pub fn group(&self, buyer: &str, item: &str) -> ConversationId {
        let id = self.conversation(buyer, item);
        if let Some(conversation) = self.lock().conversations.get_mut(&id) {
            conversation.group = true;
        }
        id
    }

    /// A conversation in which the account buys: the item is the other's.
    pub fn purchase(&self, seller: &str, item: &str) -> ConversationId {
        self.lock().conversation(&self.shared, &seller.into(), &item.into(), &seller.into())
    }

    /// A buyer writes.
    pub fn buyer_says(&self, buyer: &str, item: &str, text: &str) -> Said {
        let conversation = self.conversation(buyer, item);
        self.peer_writes_now(&conversation, Body::Text { text: text.into() })
    }

    /// Buyers write, each about an item, and one push tells of it all.
    pub fn buyers_say(&self, lines: &[(&str, &str, &str)]) -> Vec<Said> {
        self.lock().hold();
        let said = lines.iter().map(|(buyer, item, text)| self.buyer_says(buyer, item, text)).collect();
        self.lock().release(lines.len(), false);
        said
    }

    /// A buyer wrote some time ago, and the push comes now.
    pub fn buyer_said(&self, buyer: &str, item: &str, text: &str, age: Duration) -> Said {
        let conversation = self.conversation(buyer, item);
        self.said(&conversation, self.peer_writes(&conversation, Body::Text { text: text.into() }, age, Notice::Push))
    }

    /// A buyer writes and the push is lost: the history has it.
    pub fn buyer_says_unseen(&self, buyer: &str, item: &str, text: &str) -> Said {
        let conversation = self.conversation(buyer, item);
        let body = Body::Text { text: text.into() };
        self.said(&conversation, self.peer_writes(&conversation, body, Duration::ZERO, Notice::None))
    }

    /// A buyer writes, and only a pointer to the message is pushed.
    pub fn buyer_says_by_pointer(&self, buyer: &str, item: &str, text: &str) -> Said {
        let conversation = self.conversation(buyer, item);
        let body = Body::Text { text: text.into() };
        self.said(&conversation, self.peer_writes(&conversation, body, Duration::ZERO, Notice::Pointer))
    }

    /// A buyer sends a picture of 960 × 1280.
    pub fn buyer_sends_image(&self, buyer: &str, item: &str, url: &str) -> Said {
        let conversation = self.conversation(buyer, item);
        self.peer_writes_now(&conversation, Body::Image { url: url.into(), width: 960, height: 1280 })
    }

    /// A buyer speaks.
    pub fn buyer_sends_voice(&self, buyer: &str, item: &str) -> Said {
        let conversation = self.conversation(buyer, item);
        self.peer_writes_now(&conversation, Body::Voice)
    }

    /// The other side of an existing conversation writes. `None` where there is no such conversation.
    pub fn peer_says(&self, conversation: &ConversationId, text: &str) -> Option<Said> {
        let kept = self.peer_writes(conversation, Body::Text { text: text.into() }, Duration::ZERO, Notice::Push)?;
        Some(said(conversation, &kept))
    }

    /// The seller writes on the phone.
    pub fn seller_types(&self, conversation: &ConversationId, text: &str) -> Option<Said> {
        let draft = Draft {
            sender: self.uid.clone(),
            sender_name: self.nick.clone(),
            body: Body::Text { text: text.into() },
            device: Device::Android,
            uuid: None,
            age: Duration::ZERO,
        };
        let kept = self.write(conversation, draft, Notice::Push)?;
        Some(said(conversation, &kept))
    }

    /// A trade card in the buyer's name. With `Some(uid)` it carries that sender instead, such as the account's own.
    pub fn system_card(&self, conversation: &ConversationId, card: Card, sender: Option<&BuyerId>) -> Option<Said> {
        let peer = self.peer(conversation)?;
        self.platform_writes(conversation, sender.cloned().unwrap_or(peer), Body::Card(card))
    }

    /// The message alone that would tell of something that happens to a buyer's order of this item. No order is placed or changed by it: see
    /// [`Account::place_order`].
    pub fn order_becomes(&self, buyer: &str, item: &str, order: &OrderId, stage: Stage) -> Option<Said> {
        self.platform_writes(&self.conversation(buyer, item), buyer.into(), stage.body(Some(order)))
    }

    /// The platform's advice, in the name of its own account.
    pub fn tip(&self, conversation: &ConversationId, text: &str) -> Option<Said> {
        self.platform_writes(conversation, "1400".into(), Body::Tip { text: text.into() })
    }

    /// The state of the last card of a conversation changed. `false` where there is none.
    pub fn card_update(&self, conversation: &ConversationId) -> bool {
        let mut state = self.lock();
        let Some(open) = state.conversations.get(conversation) else { return false };
        let Some(card) = open.last().filter(|message| matches!(message.body, Body::Card(_))) else { return false };
        let entry = tree::card_update(card, &open.scene(&self.uid));
        state.publish(&self.shared, vec![(entry, None)]);
        true
    }

    /// The badge of a conversation changes.
    pub fn badge(&self, conversation: &ConversationId, text: &str) {
        let entry = tree::badge(conversation, text, now().0);
        self.lock().publish(&self.shared, vec![(entry, None)]);
    }

    /// The buyer read these messages.
    pub fn buyer_reads(&self, conversation: &ConversationId, messages: &[MessageId]) {
        let entry = tree::read(conversation, messages, now().0);
        self.lock().publish(&self.shared, vec![(entry, None)]);
    }

    /// The buyer is typing. `false` where there is no such conversation.
    pub fn buyer_types(&self, conversation: &ConversationId) -> bool {
        let Some(peer) = self.peer(conversation) else { return false };
        self.lock().publish_on(Channel::Para, &[tree::typing(conversation, &peer)]);
        true
    }

    /// The platform wakes a conversation up, `times` entries in one frame.
    pub fn arouse(&self, conversation: &ConversationId, times: usize) {
        let mut state = self.lock();
        let Some(open) = state.conversations.get(conversation) else { return };
        let entry = tree::arouse(conversation, &open.item, &self.uid, &open.peer, now().0);
        state.publish_on(Channel::Vulcan, &vec![entry; times]);
    }

    /// Pushes any tree as MessagePack, in string-key form: what the platform may invent tomorrow.
    pub fn push_tree(&self, tree: &Value) {
        self.lock().publish(&self.shared, vec![(tree::tree(tree), None)]);
    }

    /// Pushes any value as base64 JSON.
    pub fn push_json(&self, value: &Value) {
        self.lock().publish(&self.shared, vec![(Entry::json(value), None)]);
    }

    /// What the buyer saw in a conversation: each accepted send counts, doubles stand twice. The oldest first.
    pub fn received(&self, conversation: &ConversationId) -> Vec<Delivery> {
        received(&self.lock(), conversation)
    }

    /// Everything received in all conversations.
    pub fn received_everywhere(&self) -> Vec<Delivery> {
        self.lock().conversations.values().flat_map(|conversation| conversation.received()).collect()
    }

    /// Waits until the buyer saw `count` messages; whatever there is after `deadline`.
    pub async fn await_delivered(&self, id: &ConversationId, count: usize, deadline: Duration) -> Vec<Delivery> {
        let found = |state: &State| Some(received(state, id)).filter(|received| received.len() >= count);
        self.wait_until(deadline, found).await.unwrap_or_else(|| self.received(id))
    }

    /// Waits for this many registrations in all. `false` after `deadline`.
    pub async fn await_registered(&self, registrations: u32, deadline: Duration) -> bool {
        self.wait_until(deadline, |state| (state.registrations >= registrations).then_some(())).await.is_some()
    }

    /// Waits until no connection is left. `false` after `deadline`.
    pub async fn await_offline(&self, deadline: Duration) -> bool {
        self.wait_until(deadline, |state| state.lines.is_empty().then_some(())).await.is_some()
    }

    /// Waits until every pushed message was acknowledged. `false` after `deadline`.
    pub async fn await_acknowledged(&self, deadline: Duration) -> bool {
        self.wait_until(deadline, |state| state.unacknowledged.is_empty().then_some(())).await.is_some()
    }

    /// Messages that were pushed and never acknowledged.
    pub fn unacknowledged(&self) -> Vec<MessageId> {
        self.lock().unacknowledged.iter().copied().map(pnm).collect()
    }

    /// The other side of a conversation.
    pub fn peer(&self, conversation: &ConversationId) -> Option<BuyerId> {
        self.lock().conversations.get(conversation).map(|conversation| conversation.peer.clone())
    }

    /// A text from the other side, straight into a known conversation: the load generator's way.
    pub(super) fn peer_writes_now(&self, conversation: &ConversationId, body: Body) -> Said {
        self.said(conversation, self.peer_writes(conversation, body, Duration::ZERO, Notice::Push))
    }

    fn peer_writes(&self, conversation: &ConversationId, body: Body, age: Duration, notice: Notice) -> Option<Kept> {
        let sender = self.peer(conversation)?;
        let sender_name: Arc<str> = format!("买家{sender}").into();
        let draft = Draft { sender, sender_name, body, device: Device::Android, uuid: None, age };
        self.write(conversation, draft, notice)
    }

    fn platform_writes(&self, conversation: &ConversationId, sender: BuyerId, body: Body) -> Option<Said> {
        let kept = self.write(conversation, Draft::of_platform(sender, body), Notice::Push)?;
        Some(said(conversation, &kept))
    }

    fn write(&self, conversation: &ConversationId, draft: Draft, notice: Notice) -> Option<Kept> {
        let mut state = self.lock();
        let kept = state.keep(&self.shared, &self.uid, conversation, draft)?;
        match notice {
            Notice::Push => state.publish(&self.shared, vec![(kept.entry.clone(), Some(kept.number))]),
            Notice::Pointer => {
                let entry = tree::pointer(conversation, &pnm(kept.number), kept.at);
                state.publish(&self.shared, vec![(entry, Some(kept.number))]);
            }
            Notice::None => (),
        }
        Some(kept)
    }

    /// For conversations made a moment ago; nothing ever deletes one.
    fn said(&self, conversation: &ConversationId, kept: Option<Kept>) -> Said {
        match kept {
            Some(kept) => said(conversation, &kept),
            None => unreachable!("conversation {conversation} of {} is not there", self.name),
        }
    }
}

fn said(conversation: &ConversationId, kept: &Kept) -> Said {
    Said { conversation: conversation.clone(), message: pnm(kept.number), created_at: kept.at }
}

fn received(state: &State, conversation: &ConversationId) -> Vec<Delivery> {
    state.conversations.get(conversation).map(|conversation| conversation.received()).unwrap_or_default()
}
