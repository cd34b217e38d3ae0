//! Answers most duplicates without the database. The database stays the authority: what is not remembered here may still be stored.

use std::num::NonZeroUsize;

use crate::{
    cache::{Counted, Figures},
    ids::{AccountId, MessageId},
};

/// The message ids that were stored last, up to a fixed number. Never the text: the same words twice are two messages.
#[derive(Debug)]
pub struct Recent {
    ids: Counted<(AccountId, MessageId), ()>,
}

impl Recent {
    /// Remembers up to `capacity` ids.
    pub fn new(capacity: NonZeroUsize, figures: Figures) -> Self {
        Self { ids: Counted::new(capacity, figures) }
    }

    /// Whether this message is known to be stored. `false` means: ask the database.
    pub fn contains(&mut self, account: AccountId, message: &MessageId) -> bool {
        self.ids.look_up(&(account, message.clone()))
    }

    /// Remembers a message, only after its row was committed.
    pub fn remember(&mut self, account: AccountId, message: MessageId) {
        self.ids.put((account, message), ());
    }

    /// Forgets an account that was stopped.
    pub fn remove_account(&mut self, account: AccountId) {
        self.ids.retain(|(of, _), ()| *of != account);
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId(1);

    fn recent(capacity: usize) -> Recent {
        Recent::new(NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN), Figures::new("messages"))
    }

    /// M2: messages are told apart by the platform's id, whatever they say.
    #[test]
    fn m2_the_same_text_under_two_ids_is_two_messages() {
        let mut recent = recent(10);
        let (first, second) = (("1.PNM", "在吗"), ("2.PNM", "在吗"));
        recent.remember(ACCOUNT, first.0.into());
        assert_eq!(first.1, second.1);
        assert!(recent.contains(ACCOUNT, &first.0.into()));
        assert!(!recent.contains(ACCOUNT, &second.0.into()));
    }

    #[test]
    fn two_accounts_may_see_the_same_message() {
        let mut recent = recent(10);
        recent.remember(ACCOUNT, "1.PNM".into());
        assert!(!recent.contains(AccountId(2), &"1.PNM".into()));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_is_forgotten_first() {
        let mut recent = recent(100);
        for number in 0..1000 {
            recent.remember(ACCOUNT, format!("{number}.PNM").into());
        }
        assert_eq!(recent.len(), 100);
        assert!(recent.contains(ACCOUNT, &"999.PNM".into()));
        assert!(!recent.contains(ACCOUNT, &"899.PNM".into()));
    }

    #[test]
    fn nothing_is_kept_of_an_account_that_was_stopped() {
        let mut recent = recent(10);
        recent.remember(ACCOUNT, "1.PNM".into());
        recent.remember(AccountId(2), "1.PNM".into());
        recent.remove_account(ACCOUNT);
        assert_eq!(recent.len(), 1);
        assert!(recent.contains(AccountId(2), &"1.PNM".into()));
    }
}
