//! The records of the last while, for whoever looks: bounded by count and by bytes, asked by filters, watched as it grows.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use log::Level;
use regex::{Regex, RegexBuilder};
use serde::Serialize;
use tokio::sync::broadcast;

use super::record::{Class, LogRecord, word};
use crate::ids::{AccountId, Timestamp};

/// A slow watcher loses the oldest records, never slows whoever logs.
const WATCHED: usize = 1024;

/// How much a ring keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingLimits {
    pub records: usize,
    pub bytes: usize,
}

/// Recent records, the oldest pushed out by the newest.
///
/// To see what there is and then everything that follows, without a gap and without doubles: [`watch`](Self::watch) first, then
/// [`query`](Self::query), and of what is watched leave out each `seq` up to the newest one of the answer.
#[derive(Debug)]
pub struct Ring {
    kept: Mutex<Kept>,
    watchers: broadcast::Sender<Arc<LogRecord>>,
}

#[derive(Debug)]
struct Kept {
    limits: RingLimits,
    records: VecDeque<Arc<LogRecord>>,
    bytes: usize,
    last_seq: u64,
}

/// Whose lines may be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visible {
    /// An administrator's view.
    Everything,
    /// A tenant's view: lines that are about one of these accounts, and no others.
    Accounts(Vec<AccountId>),
}

/// Which records are wanted. Whose may be seen must be said; the rest narrows it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    pub visible: Visible,
    /// This level and graver ones.
    pub level: Option<Level>,
    /// What the target begins with.
    pub target: Option<String>,
    pub account: Option<AccountId>,
    pub class: Option<Class>,
    /// A text in the message or in a field; case does not matter.
    pub q: Option<String>,
    pub since: Option<Timestamp>,
    /// Records after the one with this number.
    pub after_seq: Option<u64>,
    /// Records before the one with this number.
    pub before_seq: Option<u64>,
    pub limit: usize,
}

impl LogQuery {
    /// The newest hundred of what may be seen.
    pub fn new(visible: Visible) -> Self {
        Self {
            visible,
            level: None,
            target: None,
            account: None,
            class: None,
            q: None,
            since: None,
            after_seq: None,
            before_seq: None,
            limit: 100,
        }
    }

    /// Made ready to be asked many times.
    pub fn matcher(&self) -> LogMatcher {
        // Only a text of many megabytes makes no pattern: it is in no record either.
        let text = |text: &String| RegexBuilder::new(&regex::escape(text)).case_insensitive(true).build().ok();
        LogMatcher { text: self.q.as_ref().map(text), query: self.clone() }
    }
}

/// Tells whether a record is one of those that a query wants and may see: for the ring, and for a live tail.
#[derive(Debug, Clone)]
pub struct LogMatcher {
    query: LogQuery,
    text: Option<Option<Regex>>,
}

impl LogMatcher {
    pub fn is_match(&self, record: &LogRecord) -> bool {
        let query = &self.query;
        self.may_see(record)
            && query.level.is_none_or(|level| record.level <= level)
            && query.account.is_none_or(|account| record.account == Some(account))
            && query.class.is_none_or(|class| record.class == Some(class))
            && query.since.is_none_or(|since| record.at >= since)
            && query.after_seq.is_none_or(|seq| record.seq > seq)
            && query.before_seq.is_none_or(|seq| record.seq < seq)
            && query.target.as_ref().is_none_or(|target| record.target.starts_with(target.as_str()))
            && self.text.as_ref().is_none_or(|text| text.as_ref().is_some_and(|text| is_said(text, record)))
    }

    fn may_see(&self, record: &LogRecord) -> bool {
        match &self.query.visible {
            Visible::Everything => true,
            Visible::Accounts(accounts) => record.account.is_some_and(|account| accounts.contains(&account)),
        }
    }
}

fn is_said(text: &Regex, record: &LogRecord) -> bool {
    text.is_match(&record.message)
        || record.fields.values().any(|value| match value.as_str() {
            Some(value) => text.is_match(value),
            None => text.is_match(&value.to_string()),
        })
}

/// How many records there are of what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LogStats {
    pub total: usize,
    pub levels: BTreeMap<&'static str, usize>,
    pub targets: BTreeMap<String, usize>,
    /// Records without a class are not counted here.
    pub classes: BTreeMap<&'static str, usize>,
    pub oldest_at: Option<Timestamp>,
    pub newest_at: Option<Timestamp>,
}

impl LogStats {
    fn count(&mut self, record: &LogRecord) {
        self.total += 1;
        *self.levels.entry(word(record.level)).or_default() += 1;
        match self.targets.get_mut(&record.target) {
            Some(count) => *count += 1,
            None => drop(self.targets.insert(record.target.clone(), 1)),
        }
        if let Some(class) = record.class {
            *self.classes.entry(class.as_str()).or_default() += 1;
        }
        self.newest_at.get_or_insert(record.at);
        self.oldest_at = Some(record.at);
    }
}

impl Ring {
    pub fn new(limits: RingLimits) -> Self {
        let kept = Kept { limits, records: VecDeque::new(), bytes: 0, last_seq: 0 };
        Self { kept: Mutex::new(kept), watchers: broadcast::channel(WATCHED).0 }
    }

    pub(super) fn limit(&self, limits: RingLimits) {
        let mut kept = self.lock();
        kept.limits = limits;
        kept.shrink();
    }

    /// Keeps a record under the next number and shows it to whoever watches.
    pub(super) fn push(&self, mut record: LogRecord) -> Arc<LogRecord> {
        let record = {
            let mut kept = self.lock();
            kept.last_seq += 1;
            record.seq = kept.last_seq;
            let record = Arc::new(record);
            kept.push(Arc::clone(&record));
            record
        };
        if self.watchers.receiver_count() > 0 {
            // The last watcher may have gone in between: then nobody misses it.
            let _ = self.watchers.send(Arc::clone(&record));
        }
        record
    }

    /// What is logged from now on. Who reads too slowly is told how many records were lost; nobody waits for them.
    pub fn watch(&self) -> broadcast::Receiver<Arc<LogRecord>> {
        self.watchers.subscribe()
    }

    /// The newest records that the query wants, newest first. A search for a text may take some milliseconds: not on an arbiter.
    pub fn query(&self, query: &LogQuery) -> Vec<Arc<LogRecord>> {
        let matcher = query.matcher();
        let records = self.newest_first().into_iter();
        records.filter(|record| matcher.is_match(record)).take(query.limit).collect()
    }

    /// Counts the records that the query wants, without its limit.
    pub fn stats(&self, query: &LogQuery) -> LogStats {
        let matcher = query.matcher();
        let mut stats = LogStats::default();
        let records = self.newest_first().into_iter();
        records.filter(|record| matcher.is_match(record)).for_each(|record| stats.count(&record));
        stats
    }

    /// A copy, so that nobody who logs waits while somebody searches.
    fn newest_first(&self) -> Vec<Arc<LogRecord>> {
        self.lock().records.iter().rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, record: Arc<LogRecord>) {
        self.bytes += record.bytes();
        self.records.push_back(record);
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.records.len() > self.limits.records || self.bytes > self.limits.bytes {
            let Some(oldest) = self.records.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::Map;
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    const ROOMY: RingLimits = RingLimits { records: 100_000, bytes: usize::MAX };

    fn line(message: &str) -> LogRecord {
        LogRecord {
            seq: 0,
            at: Timestamp(1),
            level: Level::Info,
            target: "yutang::inbox".to_owned(),
            message: message.to_owned(),
            class: None,
            account: None,
            user: None,
            request_id: None,
            fields: Map::new(),
        }
    }

    fn of_account(account: i64, message: &str) -> LogRecord {
        LogRecord { account: Some(AccountId(account)), ..line(message) }
    }

    fn ring(records: impl IntoIterator<Item = LogRecord>) -> Ring {
        let ring = Ring::new(ROOMY);
        records.into_iter().for_each(|record| drop(ring.push(record)));
        ring
    }

    fn all() -> LogQuery {
        LogQuery::new(Visible::Everything)
    }

    fn messages(ring: &Ring, query: &LogQuery) -> Vec<String> {
        ring.query(query).iter().map(|record| record.message.clone()).collect()
    }

    #[test]
    fn the_newest_come_first_and_numbers_grow_by_one() {
        let ring = ring(["a", "b", "c"].map(line));
        assert_eq!(messages(&ring, &all()), ["c", "b", "a"]);
        assert_eq!(messages(&ring, &LogQuery { limit: 2, ..all() }), ["c", "b"]);
        assert_eq!(messages(&ring, &LogQuery { after_seq: Some(2), ..all() }), ["c"]);
        assert_eq!(messages(&ring, &LogQuery { before_seq: Some(2), ..all() }), ["a"]);
        assert!(ring.query(&all()).iter().map(|record| record.seq).eq([3, 2, 1]));
    }

    #[test]
    fn the_oldest_make_room_by_count() {
        let ring = Ring::new(RingLimits { records: 2, ..ROOMY });
        ["a", "b", "c"].into_iter().for_each(|message| drop(ring.push(line(message))));
        assert_eq!(messages(&ring, &all()), ["c", "b"]);
    }

    #[test]
    fn the_oldest_make_room_by_bytes() {
        let ring = Ring::new(RingLimits { bytes: 2 * line("a").bytes() + 1, ..ROOMY });
        ["a", "b", "c"].into_iter().for_each(|message| drop(ring.push(line(message))));
        assert_eq!(messages(&ring, &all()), ["c", "b"]);
        ring.push(line(&"x".repeat(1 << 20)));
        let kept = ring.lock();
        assert_eq!((kept.records.len(), kept.bytes), (0, 0));
    }

    #[test]
    fn every_filter_narrows_the_answer() {
        let ring = ring([
            LogRecord { level: Level::Error, class: Some(Class::Database), ..line("Disk FULL") },
            LogRecord { level: Level::Warn, class: Some(Class::Network), ..of_account(1, "line lost") },
            LogRecord { target: "yutang::outbox::actor".to_owned(), at: Timestamp(9), ..line("sent") },
            LogRecord {
                level: Level::Debug,
                fields: Map::from_iter([("shop".to_owned(), "Ärmel".into())]),
                ..line("x")
            },
        ]);
        for (query, expected) in [
            (LogQuery { level: Some(Level::Warn), ..all() }, vec!["line lost", "Disk FULL"]),
            (LogQuery { level: Some(Level::Error), ..all() }, vec!["Disk FULL"]),
            (LogQuery { class: Some(Class::Network), ..all() }, vec!["line lost"]),
            (LogQuery { account: Some(AccountId(1)), ..all() }, vec!["line lost"]),
            (LogQuery { target: Some("yutang::out".to_owned()), ..all() }, vec!["sent"]),
            (LogQuery { since: Some(Timestamp(9)), ..all() }, vec!["sent"]),
            (LogQuery { q: Some("disk full".to_owned()), ..all() }, vec!["Disk FULL"]),
            (LogQuery { q: Some("äRMEL".to_owned()), ..all() }, vec!["x"]),
            (LogQuery { q: Some("l.st".to_owned()), ..all() }, vec![]),
        ] {
            assert_eq!(messages(&ring, &query), expected, "{query:?}");
        }
    }

    /// S17: a tenant sees the lines of their own accounts; what is about nobody or about others is the administrator's.
    #[test]
    fn s17_a_tenant_sees_lines_of_their_own_accounts_only() {
        let ring = ring([of_account(1, "mine"), of_account(2, "theirs"), line("nobody's"), of_account(3, "mine too")]);
        let mine = LogQuery::new(Visible::Accounts(vec![AccountId(1), AccountId(3)]));
        assert_eq!(messages(&ring, &mine), ["mine too", "mine"]);
        assert_eq!(ring.stats(&mine).total, 2);
        // Asking for another's account by name, or by a text of theirs, changes nothing.
        assert!(ring.query(&LogQuery { account: Some(AccountId(2)), ..mine.clone() }).is_empty());
        assert!(ring.query(&LogQuery { q: Some("theirs".to_owned()), ..mine.clone() }).is_empty());
        assert!(ring.query(&LogQuery::new(Visible::Accounts(Vec::new()))).is_empty());
        assert_eq!(ring.query(&all()).len(), 4);
    }

    /// S17: the live tail asks the same question as the search.
    #[test]
    fn s17_a_tail_shows_what_a_search_would_show() {
        let ring = Ring::new(ROOMY);
        let (mut tail, mine) = (ring.watch(), LogQuery::new(Visible::Accounts(vec![AccountId(1)])).matcher());
        for record in [of_account(1, "mine"), of_account(2, "theirs"), line("nobody's")] {
            ring.push(record);
        }
        let seen = std::iter::from_fn(|| tail.try_recv().ok()).filter(|record| mine.is_match(record));
        assert!(seen.map(|record| record.message.clone()).eq(["mine"]));
    }

    #[test]
    fn records_are_counted_by_level_target_and_class() {
        let trouble = LogRecord { level: Level::Warn, class: Some(Class::Network), at: Timestamp(7), ..line("b") };
        let ring = ring([line("a"), LogRecord { target: "actix".to_owned(), ..line("c") }, trouble]);
        let stats = ring.stats(&LogQuery { limit: 0, ..all() });
        assert_eq!(stats.total, 3);
        assert_eq!(stats.levels, [("info", 2), ("warn", 1)].into());
        assert_eq!(stats.targets, [("actix".to_owned(), 1), ("yutang::inbox".to_owned(), 2)].into());
        assert_eq!(stats.classes, [("network", 1)].into());
        assert_eq!((stats.oldest_at, stats.newest_at), (Some(Timestamp(1)), Some(Timestamp(7))));
    }

    #[test]
    fn a_slow_watcher_loses_the_oldest_and_holds_nobody_up() {
        let ring = Ring::new(RingLimits { records: 10, ..ROOMY });
        let mut slow = ring.watch();
        (0..WATCHED + 5).for_each(|_| drop(ring.push(line("x"))));
        assert_eq!(slow.try_recv().err(), Some(TryRecvError::Lagged(5)));
        assert_eq!(slow.try_recv().unwrap().seq, 6);
    }

    /// Watch, query, skip what the answer had: many threads may log meanwhile.
    #[test]
    fn a_tail_continues_a_search_without_gap_or_double() {
        let ring = Ring::new(ROOMY);
        let seen = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..200).for_each(|_| drop(ring.push(line("x")))))).collect();
            let mut tail = ring.watch();
            let mut seen: Vec<u64> =
                ring.query(&LogQuery { limit: usize::MAX, ..all() }).iter().map(|record| record.seq).collect();
            let newest = seen.first().copied().unwrap_or(0);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            let tail = std::iter::from_fn(|| tail.try_recv().ok()).map(|record| record.seq);
            seen.extend(tail.filter(|seq| *seq > newest));
            seen
        });
        let mut sorted = seen;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(1..=800));
    }
}
