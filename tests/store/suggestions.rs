//! Answers of the AI that wait for a person.

use std::time::Duration;

use yutang::{
    ai::{intent::Intent, settings::AiChoices},
    ids::{AccountId, ConversationId, Timestamp},
    store::{
        DbConn, Page, QueryResult, Scope, Store,
        answer_settings::{self, AnswerRow},
        bargains, conversations, revisions,
        suggestions::{self, Filter, NewSuggestion, State},
    },
};

use crate::{
    buyers::conversation,
    harness::{Database, NOW, add_user, on_each_database, with_account},
};

const DAY: Duration = Duration::from_hours(24);

fn place() -> ConversationId {
    "600001".into()
}

/// A shop with one conversation.
struct Shop {
    store: Store,
    scope: Scope,
    account: AccountId,
}

impl Shop {
    fn open(database: &Database) -> Self {
        let (store, scope, account) = with_account(database);
        let row = conversation(account, "600001", "3300001");
        store.write_blocking(move |conn| conversations::upsert_many(conn, &[row])).unwrap();
        Self { store, scope, account }
    }

    fn write<T: Send + 'static>(&self, work: impl FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static) -> T {
        self.store.write_blocking(work).unwrap()
    }

    /// One that waits.
    fn suggest(&self, is_round: bool, at: Timestamp) -> i64 {
        let (account, scope) = (self.account, self.scope);
        let (conversation, message, state) = (place(), "1.PNM".into(), State::Pending);
        let (intent, text) = (Intent::Price, "95可以".to_owned());
        let new = NewSuggestion { account, conversation, message, state, intent, text, is_round, created_at: at };
        self.write(move |conn| {
            suggestions::insert_many(conn, &[new])?;
            Ok(suggestions::page(conn, &scope, &Filter::default(), Page::first(1))?.0[0].id)
        })
    }

    fn settle(&self, scope: Scope, id: i64, state: State, now: Timestamp) -> bool {
        self.write(move |conn| suggestions::claim_settle(conn, &scope, id, state, None, now))
    }

    fn approve(&self, id: i64, now: Timestamp) -> bool {
        self.settle(self.scope, id, State::Approved, now)
    }

    fn rounds(&self) -> u32 {
        let (scope, account) = (self.scope, self.account);
        let bargain = self.write(move |conn| bargains::find(conn, &scope, account, &place()));
        bargain.map_or(0, |bargain| bargain.rounds)
    }
}

/// A3: one more answer about the price is one round more, whoever sent it off.
#[test]
fn a3_an_approved_answer_about_the_price_is_one_round_however_often_it_is_clicked() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let seen = shop.write(revisions::all).pauses;
        let first = shop.suggest(true, NOW);
        assert!(shop.approve(first, NOW) && !shop.approve(first, NOW));
        assert_eq!(shop.rounds(), 1);
        assert_eq!(shop.write(revisions::all).pauses, seen + 1, "a running server notices");
        let second = shop.suggest(true, NOW + DAY);
        assert!(shop.approve(second, NOW + DAY));
        assert_eq!(shop.rounds(), 2);
        let (account, row) = (shop.account, shop.write(|conn| bargains::changed_since(conn, NOW + DAY)));
        assert_eq!((row.len(), row[0].account, row[0].bargain.last_at), (1, account, NOW + DAY));

        let no_round = shop.suggest(false, NOW + DAY);
        assert!(shop.approve(no_round, NOW + DAY));
        let rejected = shop.suggest(true, NOW + DAY);
        assert!(shop.settle(shop.scope, rejected, State::Rejected, NOW + DAY));
        assert_eq!(shop.rounds(), 2);
    });
}

#[test]
fn a_round_whose_answer_was_not_sent_after_all_does_not_count() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (scope, id) = (shop.scope, shop.suggest(true, NOW));
        assert!(shop.approve(id, NOW));
        for _ in 0..2 {
            shop.write(move |conn| suggestions::take_back(conn, &scope, id));
            assert_eq!(shop.rounds(), 0);
        }
        assert!(shop.approve(id, NOW), "it waits again");
        assert_eq!(shop.rounds(), 1);
    });
}

#[test]
fn another_item_and_a_long_silence_begin_another_deal() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (scope, account) = (shop.scope, shop.account);
        let three_days =
            AnswerRow { ai: AiChoices { deal_days: Some(3), ..AiChoices::default() }, ..AnswerRow::default() };
        shop.write(move |conn| answer_settings::put(conn, &scope, account, &three_days, NOW));
        let approve = |now: Timestamp| {
            assert!(shop.approve(shop.suggest(true, now), now));
            shop.rounds()
        };
        assert_eq!((approve(NOW), approve(NOW + 3 * DAY), approve(NOW + 7 * DAY)), (1, 2, 1));
        assert_eq!(approve(NOW + 7 * DAY), 2);
        let mut other = conversation(account, "600001", "3300001");
        other.item = Some("700009".into());
        shop.write(move |conn| conversations::upsert_many(conn, &[other]));
        assert_eq!(approve(NOW + 7 * DAY), 1);
    });
}

/// T2
#[test]
fn t2_nobody_counts_a_round_of_another_owner() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (id, rival) = (shop.suggest(true, NOW), Scope::owner(add_user(&shop.store, "rival")));
        assert!(!shop.settle(rival, id, State::Approved, NOW));
        assert_eq!(shop.rounds(), 0);
    });
}
