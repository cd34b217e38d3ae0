//! What the database knows of conversations that were asked for, read in one go.

use std::collections::{HashMap, HashSet};

use super::{Conversation, Key, Seller};
use crate::{
    ids::{AccountId, ConversationId, ItemId},
    store::{self, DbConn},
};

/// What the database knows of conversations that were asked for.
pub(super) struct Past {
    pub(super) conversations: Vec<(Key, Conversation)>,
    pub(super) sellers: Vec<(AccountId, ItemId, Seller)>,
}

/// Sends of an account that are looked at for the conversations that were alive before it started.
const RECENT: i64 = 200;

impl Past {
    /// The conversations that will most likely go on, and their items.
    pub(super) fn recent(conn: &mut DbConn, account: AccountId) -> store::QueryResult<Self> {
        let conversations = store::outbox::recent_conversations(conn, account, RECENT)?;
        let wanted: Vec<_> = conversations.into_iter().map(|conversation| ((account, conversation), None)).collect();
        Self::read(conn, &wanted)
    }

    pub(super) fn read(conn: &mut DbConn, wanted: &[(Key, Option<ItemId>)]) -> store::QueryResult<Self> {
        let mut by_account: HashMap<AccountId, (Vec<ConversationId>, Vec<ItemId>)> = HashMap::new();
        for ((account, conversation), item) in wanted {
            let (conversations, items) = by_account.entry(*account).or_default();
            conversations.push(conversation.clone());
            items.extend(item.clone());
        }
        let mut past = Self { conversations: Vec::new(), sellers: Vec::new() };
        for (account, (conversations, mut items)) in by_account {
            past.read_conversations(conn, account, &conversations, &mut items)?;
            items.sort_unstable();
            items.dedup();
            for item in store::items::find_many(conn, account, &items)? {
                past.sellers.push((
                    account,
                    item.item,
                    Seller { uid: item.seller, title: Some(item.title).filter(|title| !title.is_empty()) },
                ));
            }
        }
        Ok(past)
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
