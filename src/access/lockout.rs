//! Slows guessing down: a lock that grows with every failure, and a limit of requests a minute. Keys are names and addresses, told
//! apart by a prefix of the caller's (`name:…`, `address:…`).
//!
//! # What is remembered, and for how long
//!
//! Both keep at most [`KEYS`] keys of a kind, so that no flood of keys fills the memory. A key that is not locked yet stands in another
//! list than one that is: whoever invents names to make us forget a locked one must first lock [`KEYS`] others, with six failures each,
//! within the hour, and every failure also counts against the address it comes from. What a flood of names *can* do is make us forget
//! the first five failures of somebody who is not locked: that gives five more guesses for ten thousand requests.

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use lru::LruCache;
use ring::digest;

/// Some 1 MB for each list.
pub const KEYS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap(); // checked by the compiler

/// A person may mistype a password.
const FREE: u32 = 5;
const FIRST_LOCK: Duration = Duration::from_secs(1);
const LONGEST_LOCK: Duration = Duration::from_mins(15);
/// After this long without a failure all is forgotten.
const MEMORY: Duration = Duration::from_hours(1);

/// Too early: come back later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts: wait {} s", self.seconds())]
pub struct Wait {
    pub retry_after: Duration,
}

impl Wait {
    /// For the header `Retry-After`: whole seconds, never too few.
    pub fn seconds(self) -> u64 {
        self.retry_after.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }
}

/// A key as it is kept: of one size, however long a name somebody sends.
type Key = [u8; 32];

fn short(key: &str) -> Key {
    let mut short = [0; 32];
    short.copy_from_slice(digest::digest(&digest::SHA256, key.as_bytes()).as_ref());
    short
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    /// Until when nobody may try.
    fn locked_until(self, free: u32) -> Instant {
        let doublings = self.count.saturating_sub(free + 1).min(16);
        let lock = if self.count <= free { Duration::ZERO } else { FIRST_LOCK * (1 << doublings) };
        self.last + lock.min(LONGEST_LOCK)
    }

    fn is_forgotten(self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= MEMORY
    }
}

/// Five failures are free, unless others are said to be; then a key is locked for 1 s, 2 s, 4 s … up to 15 min after each.
#[derive(Debug)]
pub struct Lockout {
    free: u32,
    /// Keys with failures that were free.
    watched: LruCache<Key, Failures>,
    /// Keys that have been locked. Not pushed out by those above.
    locked: LruCache<Key, Failures>,
}

impl Default for Lockout {
    fn default() -> Self {
        Self::with_free(FREE)
    }
}

impl Lockout {
    /// So many failures are free.
    pub fn with_free(free: u32) -> Self {
        Self { free, watched: LruCache::sparse(KEYS), locked: LruCache::sparse(KEYS) }
    }

    /// Whether somebody may try now.
    pub fn check(&self, key: &str, now: Instant) -> Result<(), Wait> {
        let until = self.failures(&short(key), now).map(|failures| failures.locked_until(self.free));
        let Some(until) = until else { return Ok(()) };
        match until.saturating_duration_since(now) {
            Duration::ZERO => Ok(()),
            retry_after => Err(Wait { retry_after }),
        }
    }

    /// [`check`](Self::check), and the try counts as failed until [`succeeded`](Self::succeeded) or [`forgive`](Self::forgive) says
    /// otherwise: of many tries at the same moment no more get through than one after the other would.
    pub fn attempt(&mut self, key: &str, now: Instant) -> Result<(), Wait> {
        self.check(key, now)?;
        self.failed(key, now);
        Ok(())
    }

    pub fn failed(&mut self, key: &str, now: Instant) {
        let key = short(key);
        let count = self.failures(&key, now).map_or(0, |failures| failures.count).saturating_add(1);
        self.put(key, Failures { count, last: now });
    }

    /// Forgets a key. For names only: an address that knows one good password would otherwise guess others for ever.
    pub fn succeeded(&mut self, key: &str) {
        let key = short(key);
        self.watched.pop(&key);
        self.locked.pop(&key);
    }

    /// Takes one failure back: what an address is owed for an attempt that was right.
    pub fn forgive(&mut self, key: &str) {
        let key = short(key);
        let Some(failures) = self.locked.pop(&key).or_else(|| self.watched.pop(&key)) else { return };
        if failures.count > 1 {
            self.put(key, Failures { count: failures.count - 1, ..failures });
        }
    }

    fn failures(&self, key: &Key, now: Instant) -> Option<Failures> {
        let known = self.locked.peek(key).or_else(|| self.watched.peek(key)).copied();
        known.filter(|failures| !failures.is_forgotten(now))
    }

    fn put(&mut self, key: Key, failures: Failures) {
        let (to, from) = match failures.count <= self.free {
            true => (&mut self.watched, &mut self.locked),
            false => (&mut self.locked, &mut self.watched),
        };
        from.pop(&key);
        to.put(key, failures);
    }
}

/// So many requests a minute for each key, and a few more at once (a token bucket).
#[derive(Debug)]
pub struct Throttle {
    /// How long a request that was let through takes to be earned again.
    pace: Duration,
    /// How far ahead of its pace a key may be.
    slack: Duration,
    /// When each key's bucket is full again.
    full_at: LruCache<Key, Instant>,
}

impl Throttle {
    /// `burst`: how many may come at once.
    pub fn new(per_minute: NonZeroUsize, burst: NonZeroUsize) -> Self {
        let count = |number: NonZeroUsize| u32::try_from(number.get()).unwrap_or(u32::MAX);
        let pace = Duration::from_mins(1) / count(per_minute);
        Self { pace, slack: pace * (count(burst) - 1), full_at: LruCache::sparse(KEYS) }
    }

    /// Takes one request out of the bucket, or says when there will be one.
    pub fn take(&mut self, key: &str, now: Instant) -> Result<(), Wait> {
        let key = short(key);
        let full_at = self.full_at.get(&key).copied().unwrap_or(now).max(now);
        let ahead = full_at.saturating_duration_since(now);
        if ahead > self.slack {
            return Err(Wait { retry_after: ahead - self.slack });
        }
        self.full_at.put(key, full_at + self.pace);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A key that failed so often, and when it failed last.
    fn failed(times: usize) -> (Lockout, Instant) {
        let (mut lockout, now) = (Lockout::default(), Instant::now());
        (0..times).for_each(|_| lockout.failed("name:alice", now));
        (lockout, now)
    }

    fn wait(lockout: &Lockout, now: Instant) -> u64 {
        lockout.check("name:alice", now).map_or_else(Wait::seconds, |()| 0)
    }

    #[test]
    fn the_lock_doubles_after_five_failures_up_to_a_quarter_of_an_hour() {
        let waits = [0, 1, 5, 6, 7, 8, 15, 16, 17, 1000].map(|times| {
            let (lockout, now) = failed(times);
            wait(&lockout, now)
        });
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 512, 900, 900, 900]);
    }

    #[test]
    fn the_lock_opens_and_the_next_failure_closes_it_for_longer() {
        let (mut lockout, now) = failed(6);
        assert_eq!(wait(&lockout, now + SECOND / 2), 1);
        assert_eq!(wait(&lockout, now + SECOND), 0);
        lockout.failed("name:alice", now + SECOND);
        assert_eq!(wait(&lockout, now + SECOND), 2);
    }

    #[test]
    fn a_lock_may_be_looser() {
        let (mut lockout, now) = (Lockout::with_free(50), Instant::now());
        (0..50).for_each(|_| lockout.failed("name:alice", now));
        assert_eq!(wait(&lockout, now), 0);
        (0..2).for_each(|_| lockout.failed("name:alice", now));
        assert_eq!(wait(&lockout, now), 2);
    }

    #[test]
    fn an_hour_of_peace_forgets() {
        let (mut lockout, now) = failed(1000);
        lockout.failed("name:alice", now + MEMORY);
        assert_eq!(wait(&lockout, now + MEMORY), 0);
    }

    #[test]
    fn the_right_password_forgets_and_others_are_not_touched() {
        let (mut lockout, now) = failed(8);
        assert_eq!(lockout.check("name:bob", now), Ok(()));
        lockout.succeeded("name:alice");
        assert_eq!(wait(&lockout, now), 0);
    }

    /// S7: a hundred guesses sent at once are not a hundred guesses.
    #[test]
    fn s7_guesses_at_the_same_moment_count_before_they_are_answered() {
        let (mut lockout, now) = (Lockout::default(), Instant::now());
        let let_through = (0..100).filter(|_| lockout.attempt("name:alice", now).is_ok()).count();
        assert_eq!(let_through, 6);
    }

    #[test]
    fn an_address_is_forgiven_its_right_attempts_one_by_one() {
        let (mut lockout, now) = failed(7);
        lockout.forgive("name:alice");
        assert_eq!(wait(&lockout, now), 1);
        lockout.forgive("name:alice");
        assert_eq!(wait(&lockout, now), 0);
        lockout.forgive("name:nobody");
        (0..9).for_each(|_| lockout.forgive("name:alice"));
        assert!(lockout.watched.is_empty() && lockout.locked.is_empty());
    }

    #[test]
    fn a_flood_of_names_pushes_no_locked_name_out_and_fills_no_memory() {
        let (mut lockout, now) = failed(20);
        (0..2 * KEYS.get()).for_each(|number| lockout.failed(&format!("name:{number}"), now));
        assert_eq!(lockout.watched.len(), KEYS.get());
        assert_eq!(wait(&lockout, now), 900);
    }

    #[test]
    fn a_throttle_lets_a_burst_through_and_then_its_pace() {
        let (mut throttle, now) = (Throttle::new(60.try_into().unwrap(), 3.try_into().unwrap()), Instant::now());
        let taken: Vec<_> = (0..4).map(|_| throttle.take("address:1", now)).collect();
        assert_eq!(taken, [Ok(()), Ok(()), Ok(()), Err(Wait { retry_after: SECOND })]);
        assert_eq!(throttle.take("address:2", now), Ok(()), "each key has its own");
        assert_eq!(throttle.take("address:1", now + SECOND), Ok(()));
        assert!(throttle.take("address:1", now + SECOND).is_err());
        assert_eq!((0..9).filter(|_| throttle.take("address:1", now + 60 * SECOND).is_ok()).count(), 3);
    }

    #[test]
    fn a_throttle_remembers_so_many_keys_and_no_more() {
        let (mut throttle, now) = (Throttle::new(1.try_into().unwrap(), 1.try_into().unwrap()), Instant::now());
        (0..2 * KEYS.get()).for_each(|number| throttle.take(&number.to_string(), now).unwrap());
        assert_eq!(throttle.full_at.len(), KEYS.get());
    }
}
