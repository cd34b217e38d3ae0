//! Answers that are asked for again and again, kept as long as nothing is written: while nothing happens, a page of accounts that many
//! dashboards poll costs the database one read a second at most. The look at the database's health is a write, too.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::web::Bytes;
use lru::LruCache;

use crate::{
    mail::letter::Language,
    store::{Scope, Store},
};

/// Pages that are kept.
// Not zero.
const PAGES: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// What an answer depends on besides what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    pub what: &'static str,
    pub scope: Scope,
    pub language: Language,
    pub query: String,
}

/// Kept answers, each with the moment of the database it tells of.
pub struct Kept {
    pages: Mutex<LruCache<Asked, (Moment, Bytes)>>,
    /// Changes that another process made, as far as they were noticed.
    from_outside: AtomicU64,
}

/// Differs whenever something was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    commits: u64,
    from_outside: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { pages: Mutex::new(LruCache::new(PAGES)), from_outside: AtomicU64::new(0) }
    }
}

impl Kept {
    /// To be taken before the database is read.
    pub fn moment(&self, store: &Store) -> Moment {
        Moment { commits: store.commits(), from_outside: self.from_outside.load(Ordering::Acquire) }
    }

    /// The answer, if it was given since anything was written.
    pub fn find(&self, asked: &Asked, moment: Moment) -> Option<Bytes> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.get(asked).filter(|(known, _)| *known == moment).map(|(_, answer)| answer.clone())
    }

    pub fn keep(&self, asked: Asked, moment: Moment, answer: Bytes) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).put(asked, (moment, answer));
    }

    /// Another process wrote something.
    pub fn note_outside(&self) {
        self.from_outside.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;

    #[test]
    fn an_answer_is_kept_for_who_asked_until_something_is_written() {
        let kept = Kept::default();
        let asked = |owner| Asked {
            what: "accounts",
            scope: Scope::owner(UserId(owner)),
            language: Language::Chinese,
            query: String::new(),
        };
        let moment = Moment { commits: 1, from_outside: 0 };
        kept.keep(asked(1), moment, Bytes::from_static(b"mine"));
        assert_eq!(kept.find(&asked(1), moment), Some(Bytes::from_static(b"mine")));
        assert_eq!(kept.find(&asked(2), moment), None);
        assert_eq!(kept.find(&asked(1), Moment { commits: 2, ..moment }), None);
        assert_eq!(kept.find(&asked(1), Moment { from_outside: 1, ..moment }), None);
    }
}
