//! What was used last, kept in memory, with figures that tell whether that is of use.

use std::{hash::Hash, num::NonZeroUsize};

use lru::LruCache;
use prometheus::{IntCounter, IntGauge, Opts, core::Collector};

/// How a cache is used. Cloning is cheap; every clone counts into the same, so that the shards' caches of one kind are one to whoever looks.
#[derive(Debug, Clone)]
pub struct Figures {
    hits: IntCounter,
    misses: IntCounter,
    evictions: IntCounter,
    entries: IntGauge,
}

impl Figures {
    #[expect(
        clippy::expect_used,
        reason = "the names are written down here, and every test that makes a cache finds a bad one"
    )]
    pub fn new(cache: &str) -> Self {
        let opts = |name: &str, help: &str| Opts::new(name, help).const_label("cache", cache);
        let counter = |name, help| IntCounter::with_opts(opts(name, help)).expect("a good name");
        let entries = opts("yutang_cache_entries", "What is in a cache.");
        Self {
            hits: counter("yutang_cache_hits_total", "What was looked for in a cache and found."),
            misses: counter("yutang_cache_misses_total", "What was looked for in a cache and not found."),
            evictions: counter("yutang_cache_evictions_total", "What a full cache let go of."),
            entries: IntGauge::with_opts(entries).expect("a good name"),
        }
    }

    /// For [`Metrics::show`](crate::telemetry::metrics::Metrics::show).
    pub fn collectors(&self) -> Vec<Box<dyn Collector>> {
        let counters = [&self.hits, &self.misses, &self.evictions];
        let counters = counters.map(|counter| Box::new(counter.clone()) as Box<dyn Collector>);
        counters.into_iter().chain([Box::new(self.entries.clone()) as Box<dyn Collector>]).collect()
    }

    /// Something was looked for.
    pub fn looked(&self, found: bool) {
        if found { self.hits.inc() } else { self.misses.inc() }
    }

    /// So many are kept, in what is no [`Counted`].
    pub fn set_entries(&self, entries: usize) {
        self.entries.set(whole(entries));
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// An LRU cache that counts. One look-up counts once, with [`find`](Self::find) or [`look_up`](Self::look_up); what is done with the entry
/// afterwards does not.
#[derive(Debug)]
pub struct Counted<K: Hash + Eq, V> {
    entries: LruCache<K, V>,
    figures: Figures,
}

impl<K: Hash + Eq, V> Counted<K, V> {
    /// Memory is taken as entries come.
    pub fn new(capacity: NonZeroUsize, figures: Figures) -> Self {
        Self { entries: LruCache::sparse(capacity), figures }
    }

    pub fn find(&mut self, key: &K) -> Option<&mut V> {
        let found = self.entries.get_mut(key);
        self.figures.looked(found.is_some());
        found
    }

    /// Whether it is there; if so it was used now.
    pub fn look_up(&mut self, key: &K) -> bool {
        self.find(key).is_some()
    }

    /// Counts nothing.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// Counts nothing, and is no use of it.
    pub fn contains(&self, key: &K) -> bool {
        self.entries.contains(key)
    }

    pub fn put(&mut self, key: K, value: V) {
        let known = self.entries.contains(&key);
        match (known, self.entries.push(key, value)) {
            (false, Some(_)) => self.figures.evictions.inc(),
            (false, None) => self.figures.entries.inc(),
            (true, _) => {}
        }
    }

    /// Counts nothing but what it makes.
    pub fn get_or_default(&mut self, key: &K) -> &mut V
    where
        K: Clone,
        V: Default,
    {
        if !self.entries.contains(key) {
            self.put(key.clone(), V::default());
        }
        self.entries.get_or_insert_mut_ref(key, V::default)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        let before = self.entries.len();
        self.entries.retain(|key, value| keep(key, value));
        self.figures.entries.sub(whole(before - self.entries.len()));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.entries.iter_mut()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<K: Hash + Eq, V> Drop for Counted<K, V> {
    /// Others may count into the same figures.
    fn drop(&mut self) {
        self.figures.entries.sub(whole(self.entries.len()));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn counted(capacity: usize) -> (Counted<u32, u32>, Figures) {
        let figures = Figures::new("test");
        (Counted::new(NonZeroUsize::new(capacity).unwrap(), figures.clone()), figures)
    }

    /// Hits, misses, evictions, entries.
    fn told(figures: &Figures) -> (u64, u64, u64, i64) {
        (figures.hits.get(), figures.misses.get(), figures.evictions.get(), figures.entries.get())
    }

    #[test]
    fn what_is_found_missed_and_let_go_is_counted() {
        let (mut cache, figures) = counted(2);
        assert!(!cache.look_up(&1));
        (1..=3).for_each(|key| cache.put(key, key));
        cache.put(3, 4);
        assert_eq!(cache.find(&3), Some(&mut 4));
        assert!(!cache.look_up(&1), "it had to go");
        *cache.get_or_default(&2) += 1;
        assert_eq!(*cache.get_or_default(&9), 0);
        assert_eq!(told(&figures), (1, 2, 2, 2));
        cache.retain(|key, _| *key != 9);
        assert_eq!((told(&figures), cache.len()), ((1, 2, 2, 1), 1));
    }

    #[test]
    fn caches_of_one_kind_are_counted_together_and_one_that_ends_takes_its_entries_along() {
        let (mut first, figures) = counted(2);
        let mut second = Counted::new(NonZeroUsize::new(2).unwrap(), figures.clone());
        first.put(1, 1);
        second.put(2, 2);
        assert_eq!(told(&figures).3, 2);
        drop(second);
        assert_eq!(told(&figures).3, 1);
    }
}
