//! A conversation and its history, kept in the order of creation times whether or not anybody is connected.

use std::collections::VecDeque;

use super::{
    event::Delivery,
    fault::Answer,
    message::{Body, Message, Scene},
};
use crate::ids::{BuyerId, ConversationId, ItemId};

/// What an account and one peer said about one item.
#[derive(Debug)]
pub struct Conversation {
    pub id: ConversationId,
    pub peer: BuyerId,
    pub item: ItemId,
    /// Whose item it is: the account's own, unless the account is the buyer here.
    pub item_seller: BuyerId,
    pub group: bool,
    pub created_at: i64,
    pub modified_at: i64,
    /// Overrides the account's mode of answering sends.
    pub answer: Option<Answer>,
    history: VecDeque<Message>,
}

/// A page of messages, newest first.
#[derive(Debug)]
pub struct Page<'a> {
    pub messages: Vec<&'a Message>,
    /// Creation time below which the next page begins; `None` at the end.
    pub next: Option<i64>,
}

impl Conversation {
    pub fn new(id: ConversationId, peer: BuyerId, item: ItemId, item_seller: BuyerId, at: i64) -> Self {
        Self {
            id,
            peer,
            item,
            item_seller,
            group: false,
            created_at: at,
            modified_at: at,
            answer: None,
            history: VecDeque::new(),
        }
    }

    pub fn scene<'a>(&'a self, own: &'a BuyerId) -> Scene<'a> {
        Scene { conversation: &self.id, item: &self.item, own, group: self.group }
    }

    /// Keeps a message. Its time is moved to the next free millisecond, so that a page can end between any two.
    pub fn keep(&mut self, mut message: Message, limit: usize) -> &Message {
        let mut place = self.history.partition_point(|kept| kept.at < message.at);
        while self.history.get(place).is_some_and(|kept| kept.at == message.at) {
            message.at += 1;
            place += 1;
        }
        self.modified_at = self.modified_at.max(message.at);
        self.history.insert(place, message);
        if self.history.len() > limit.max(1) {
            self.history.pop_front();
            place = place.saturating_sub(1);
        }
        &self.history[place]
    }

    /// The newest messages created before `cursor`.
    pub fn page(&self, cursor: i64, limit: usize) -> Page<'_> {
        let end = self.history.partition_point(|kept| kept.at < cursor);
        let start = end.saturating_sub(limit);
        let messages: Vec<_> = self.history.range(start..end).rev().collect();
        let next = if start == 0 { None } else { messages.last().map(|oldest| oldest.at) };
        Page { messages, next }
    }

    pub fn last(&self) -> Option<&Message> {
        self.history.back()
    }

    pub fn find_mut(&mut self, number: u64) -> Option<&mut Message> {
        self.history.iter_mut().rev().find(|message| message.number == number)
    }

    /// Messages of the peer that were not read yet.
    pub fn unread(&self, own: &BuyerId) -> usize {
        self.history.iter().rev().take_while(|message| message.sender != *own && !message.read).count()
    }

    /// What the account sent over its own connections, oldest first.
    pub fn received(&self) -> Vec<Delivery> {
        self.history.iter().filter_map(|message| delivery(&self.id, message)).collect()
    }

    /// Everything that was said, oldest first: who and what.
    pub fn said(&self) -> impl Iterator<Item = (&BuyerId, &Body)> {
        self.history.iter().map(|message| (&message.sender, &message.body))
    }
}

/// A message as a delivery, if the account sent it over its connection.
pub(super) fn delivery(conversation: &ConversationId, message: &Message) -> Option<Delivery> {
    Some(Delivery {
        conversation: conversation.clone(),
        message: message.id(),
        uuid: message.uuid.as_deref()?.into(),
        body: message.body.clone(),
        created_at: message.at,
        at: std::time::Instant::now(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::message::Device;

    fn conversation(times: &[i64]) -> Conversation {
        let mut conversation = Conversation::new("1".into(), "2".into(), "3".into(), "4".into(), 0);
        for (number, at) in (1..).zip(times) {
            conversation.keep(message(number, *at), 1000);
        }
        conversation
    }

    fn message(number: u64, at: i64) -> Message {
        Message {
            number,
            business: u128::from(number),
            at,
            sender: "2".into(),
            sender_name: "买家".into(),
            body: Body::Text { text: number.to_string() },
            device: Device::Android,
            uuid: None,
            read: false,
            recalled: false,
        }
    }

    #[test]
    fn pages_cover_the_history_once_even_where_messages_share_a_millisecond() {
        let conversation = conversation(&[10, 10, 10, 11, 5, 12, 12]);
        let (mut cursor, mut seen) = (i64::MAX, Vec::new());
        loop {
            let page = conversation.page(cursor, 2);
            seen.extend(page.messages.iter().map(|message| message.number));
            let Some(next) = page.next else { break };
            cursor = next;
        }
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(seen.last(), Some(&5), "the oldest comes last");
    }

    #[test]
    fn the_history_forgets_the_oldest_beyond_its_limit() {
        let mut conversation = conversation(&[1, 2, 3]);
        conversation.keep(message(4, 9), 3);
        assert_eq!(conversation.page(i64::MAX, 10).messages.len(), 3);
        assert_eq!(conversation.last().map(|message| message.number), Some(4));
    }
}
