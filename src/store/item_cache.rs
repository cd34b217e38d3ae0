//! Items that were read a moment ago. An answer, a delivery and a page ask for the same few again and again.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use prometheus::core::Collector;

use super::{
    DbConn, QueryResult, Store, StoreError,
    items::{self, Item},
};
use crate::{
    cache::{Counted, Figures},
    ids::{AccountId, ItemId},
};

/// Items that are kept.
// Not zero.
const ITEMS: NonZeroUsize = NonZeroUsize::new(4 * 1024).unwrap();

/// A write that ran out of its caller's patience may be committed after it was given up, and another process writes without telling.
const FRESH: Duration = Duration::from_secs(60);

type Key = (AccountId, ItemId);

pub(super) struct ItemCache {
    items: Mutex<Counted<Key, (Instant, Arc<Item>)>>,
    /// Grows before and after every write: what was read while one was under way is not kept.
    writes: AtomicU64,
    figures: Figures,
}

impl Default for ItemCache {
    fn default() -> Self {
        let figures = Figures::new("items");
        Self { items: Mutex::new(Counted::new(ITEMS, figures.clone())), writes: AtomicU64::new(0), figures }
    }
}

impl ItemCache {
    pub(super) fn collectors(&self) -> Vec<Box<dyn Collector>> {
        self.figures.collectors()
    }

    /// Held for a look-up only.
    fn items(&self) -> MutexGuard<'_, Counted<Key, (Instant, Arc<Item>)>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &Key) -> Option<Arc<Item>> {
        let mut items = self.items();
        let found =
            items.get_mut(key).filter(|(read_at, _)| read_at.elapsed() < FRESH).map(|(_, item)| Arc::clone(item));
        self.figures.looked(found.is_some());
        found
    }

    fn keep(&self, key: Key, item: &Arc<Item>, before: u64) {
        let mut items = self.items();
        // Asked under the lock that a write takes to forget: no write can come between.
        if self.writes.load(Ordering::Acquire) == before {
            items.put(key, (Instant::now(), Arc::clone(item)));
        }
    }

    fn forget(&self, account: AccountId) {
        let mut items = self.items();
        self.writes.fetch_add(1, Ordering::AcqRel);
        items.retain(|(of, _), _| *of != account);
    }
}

impl Store {
    /// For the engine: everything about an item, from memory where it was asked for since it last changed. `None`: nobody knows it.
    pub async fn item(&self, account: AccountId, item: &ItemId) -> Result<Option<Arc<Item>>, StoreError> {
        let (cache, key) = (&self.inner.items, (account, item.clone()));
        if let Some(found) = cache.find(&key) {
            return Ok(Some(found));
        }
        let before = cache.writes.load(Ordering::Acquire);
        let wanted = item.clone();
        let found = self.read(move |conn| items::find(conn, account, &wanted)).await?.map(Arc::new);
        if let Some(item) = &found {
            cache.keep(key, item, before);
        }
        Ok(found)
    }

    /// As [`Store::write`], for whatever changes items of this account: from then on nobody is given what they were before.
    pub async fn write_items<T, F>(&self, account: AccountId, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        self.write_items_of([account], work).await
    }

    /// The same for whatever changes items of several accounts.
    pub async fn write_items_of<T, F>(
        &self,
        accounts: impl IntoIterator<Item = AccountId>,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        let written = self.write(work).await;
        // Also after an error: nobody may know what was committed.
        accounts.into_iter().for_each(|account| self.inner.items.forget(account));
        written
    }
}
