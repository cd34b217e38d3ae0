//! What the database knows of conversations that were asked for, read in one go.

use std::collections::{HashMap, HashSet};

use super::{Conversation, Key, Seller, buyer::Buyer};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, ItemId, Timestamp, UserId},
    platform::hours::day_of,
    store::{self, DbConn},
};

/// What is to be read: a conversation, who is at its other end, and what it is about.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) key: Key,
    /// Whose account it is.
    pub(super) owner: UserId,
    pub(super) buyer: BuyerId,
    pub(super) item: Option<ItemId>,
}

/// What the database knows of conversations that were asked for.
pub(super) struct Past {
    pub(super) conversations: Vec<(Key, Conversation)>,
    pub(super) buyers: Vec<((AccountId, BuyerId), Buyer)>,
    pub(super) sellers: Vec<(AccountId, ItemId, Seller)>,
}

struct OfAccount {
    owner: UserId,
    conversations: Vec<ConversationId>,
    buyers: Vec<BuyerId>,
    items: Vec<ItemId>,
}

/// Sends of an account that are looked at for the conversations that were alive before it started.
const RECENT: i64 = 200;

impl Past {
    /// The conversations that will most likely go on, and their items. Their buyers are read when they write.
    pub(super) fn recent(conn: &mut DbConn, account: AccountId) -> store::QueryResult<Self> {
        let conversations = store::outbox::recent_conversations(conn, account, RECENT)?;
        let mut past = Self { conversations: Vec::new(), buyers: Vec::new(), sellers: Vec::new() };
        let mut items = Vec::new();
        past.read_conversations(conn, account, &conversations, &mut items)?;
        past.read_sellers(conn, account, items)?;
        Ok(past)
    }

    pub(super) fn read(conn: &mut DbConn, wanted: &[Wanted], now: Timestamp) -> store::QueryResult<Self> {
        let mut by_account: HashMap<AccountId, OfAccount> = HashMap::new();
        for Wanted { key: (account, conversation), owner, buyer, item } in wanted {
            let of_account = by_account.entry(*account).or_insert_with(|| OfAccount {
                owner: *owner,
                conversations: Vec::new(),
                buyers: Vec::new(),
                items: Vec::new(),
            });
            of_account.conversations.push(conversation.clone());
            of_account.buyers.push(buyer.clone());
            of_account.items.extend(item.clone());
        }
        let mut past = Self { conversations: Vec::new(), buyers: Vec::new(), sellers: Vec::new() };
        for (account, OfAccount { owner, conversations, buyers, mut items }) in by_account {
            past.read_conversations(conn, account, &conversations, &mut items)?;
            past.read_buyers(conn, (account, owner), buyers, now)?;
            past.read_sellers(conn, account, items)?;
        }
        Ok(past)
    }

    fn read_sellers(
        &mut self,
        conn: &mut DbConn,
        account: AccountId,
        mut items: Vec<ItemId>,
    ) -> store::QueryResult<()> {
        items.sort_unstable();
        items.dedup();
        for item in store::items::find_many(conn, account, &items)? {
            let title = Some(item.title).filter(|title| !title.is_empty());
            self.sellers.push((account, item.item, Seller { uid: item.seller, title }));
        }
        Ok(())
    }

    fn read_buyers(
        &mut self,
        conn: &mut DbConn,
        (account, owner): (AccountId, UserId),
        mut ids: Vec<BuyerId>,
        now: Timestamp,
    ) -> store::QueryResult<()> {
        ids.sort_unstable();
        ids.dedup();
        let day = day_of(now);
        let mut used = store::rule_uses::list(conn, account, &ids, day)?;
        let mut tags = store::buyer_tags::of_many(conn, owner, &ids)?;
        let orders = store::order_events::paid_orders(conn, owner, &ids)?;
        for id in ids {
            let buyer = Buyer {
                tags: tags.remove(&id).unwrap_or_default(),
                orders: orders.get(&id).copied().unwrap_or(0),
                day,
                used_today: used.remove(&id).unwrap_or_default(),
                stale: false,
            };
            self.buyers.push(((account, id), buyer));
        }
        Ok(())
    }

    fn read_conversations(
        &mut self,
        conn: &mut DbConn,
        account: AccountId,
        ids: &[ConversationId],
        items: &mut Vec<ItemId>,
    ) -> store::QueryResult<()> {
        let mut found: HashMap<ConversationId, Conversation> = HashMap::new();
        for row in store::conversations::load_many(conn, account, ids)? {
            items.extend(row.item.clone());
            let conversation = Conversation {
                peer_name: row.peer_name,
                item: row.item,
                paused_until: row.paused_until,
                used_once: HashSet::new(),
                bargain: None,
                had_a_turn: true,
                stored: true,
            };
            found.insert(row.conversation, conversation);
        }
        for (conversation, rule) in store::once_replies::list(conn, account, ids)? {
            found.entry(conversation).or_default().used_once.insert(rule);
        }
        for row in store::bargains::list(conn, account, ids)? {
            found.entry(row.conversation).or_default().bargain = Some(row.bargain);
        }
        self.conversations.extend(found.into_iter().map(|(id, conversation)| ((account, id), conversation)));
        Ok(())
    }
}
