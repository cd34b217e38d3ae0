//! Rules that are prepared, published and taken back.

use yutang::{
    ids::{AccountId, RuleId},
    reply::rule::{Action, Matching, RuleBody, Trigger},
    store::{
        Page, Scope, Store,
        audit::Actor,
        rule_drafts,
        rule_uses::{self, RuleUse},
        rule_versions::{self, Cause, Change, NotRolledBack},
        rules::{self, Kind, NotSaved},
    },
};

use crate::{
    harness::{Database, NOW, on_each_database, with_account},
    pages::{at, read, write},
    tables::new_rule,
};

const ALL: Page = Page { offset: 0, limit: 1000 };

struct Shop {
    store: Store,
    scope: Scope,
    account: AccountId,
}

impl Shop {
    fn open(database: &Database) -> Self {
        let (store, scope, account) = with_account(database);
        Self { store, scope, account }
    }

    fn add(&self, body: RuleBody) -> RuleId {
        let scope = self.scope;
        write(&self.store, move |conn| rules::insert(conn, &scope, &body, &Actor::system(), NOW)).unwrap()
    }

    fn change(&self, id: RuleId, body: RuleBody) -> Result<(), NotSaved> {
        let scope = self.scope;
        write(&self.store, move |conn| rules::replace(conn, &scope, id, &body, &Actor::system(), NOW))
    }

    fn remove(&self, id: RuleId) -> Result<(), NotSaved> {
        let scope = self.scope;
        write(&self.store, move |conn| rules::delete(conn, &scope, id, &Actor::system(), NOW))
    }

    fn publish(&self) -> usize {
        let scope = self.scope;
        write(&self.store, move |conn| rule_drafts::publish(conn, &scope, None, "why", &Actor::system(), at(9)))
            .unwrap()
            .len()
    }

    fn roll_back(&self, to: i64) -> Result<Vec<Change>, NotRolledBack> {
        let scope = self.scope;
        write(&self.store, move |conn| rule_versions::roll_back(conn, &scope, None, (to, ""), &Actor::system(), NOW))
    }

    /// What answers, by number and priority.
    fn answers(&self) -> Vec<(RuleId, i32)> {
        let scope = self.scope;
        let loaded = read(&self.store, move |conn| rules::list_for_engine(conn, scope.user()));
        loaded.rules.into_iter().map(|rule| (rule.id, rule.body.priority)).collect()
    }

    /// Number, cause, and how many rules were added, changed and removed.
    fn versions(&self, set: Option<AccountId>) -> Vec<(i64, String, [i64; 3])> {
        let scope = self.scope;
        let (versions, total) = read(&self.store, move |conn| rule_versions::page(conn, &scope, set, ALL));
        assert_eq!(usize::try_from(total).unwrap(), versions.len());
        versions
            .into_iter()
            .map(|version| (version.number, version.cause, [version.added, version.changed, version.removed]))
            .collect()
    }
}

fn ranked(keyword: &str, priority: i32) -> RuleBody {
    RuleBody { priority, ..new_rule(keyword) }
}

#[test]
fn what_is_prepared_answers_nothing_until_it_is_published_as_one_version() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (store, scope) = (&shop.store, shop.scope);
        let [kept, changed, removed] = ["kept", "changed", "removed"].map(|keyword| shop.add(ranked(keyword, 1)));
        let before = shop.answers();
        let new = write(store, move |conn| rule_drafts::insert(conn, &scope, &ranked("new", 7), NOW)).unwrap();
        let change = move |conn: &mut _| rule_drafts::replace(conn, &scope, changed, &ranked("changed", 5), NOW);
        write(store, change).unwrap();
        write(store, move |conn| rule_drafts::remove(conn, &scope, removed)).unwrap();
        assert_eq!(shop.answers(), before);

        let (drafts, total) = read(store, move |conn| rule_drafts::page(conn, &scope, None, ALL));
        let kinds = drafts.iter().map(|change| (change.id, change.before.is_some(), change.after.is_some()));
        assert_eq!(kinds.collect::<Vec<_>>(), [(changed, true, true), (removed, true, false), (new, false, true)]);
        assert_eq!(total, 3);
        let then = read(store, move |conn| rule_drafts::list(conn, &scope)).rules;
        let then: Vec<_> = then.into_iter().map(|rule| (rule.id, rule.body.priority)).collect();
        assert_eq!(then, [(kept, 1), (changed, 5), (new, 7)]);
        assert_eq!(shop.change(changed, ranked("changed", 9)), Err(NotSaved::HasDraft));
        assert_eq!(shop.remove(removed), Err(NotSaved::HasDraft));
        let twin = write(store, move |conn| rule_drafts::insert(conn, &scope, &ranked("new", 0), NOW));
        assert_eq!(twin, Err(NotSaved::Exists(new)));

        assert_eq!(shop.publish(), 3);
        assert_eq!(shop.answers(), [(kept, 1), (changed, 5), (new, 7)]);
        assert_eq!(shop.versions(None)[0], (4, "publish".into(), [1, 1, 1]));
        assert_eq!(shop.publish(), 0);
        assert_eq!(shop.versions(None).len(), 4, "where nothing is prepared there is no version");
    });
}

#[test]
fn a_draft_can_be_discarded_and_keeps_to_its_set() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (store, scope, account) = (&shop.store, shop.scope, shop.account);
        let id = shop.add(ranked("a", 1));
        let moved = RuleBody { account: Some(account), ..ranked("a", 2) };
        let refused = write(store, move |conn| rule_drafts::replace(conn, &scope, id, &moved, NOW));
        assert_eq!(refused, Err(NotSaved::Forbidden));
        write(store, move |conn| rule_drafts::replace(conn, &scope, id, &ranked("a", 2), NOW)).unwrap();
        write(store, move |conn| rule_drafts::insert(conn, &scope, &ranked("b", 2), NOW)).unwrap();
        assert_eq!(write(store, move |conn| rule_drafts::discard(conn, &scope, Some(account))), Ok(0));
        assert_eq!(write(store, move |conn| rule_drafts::discard(conn, &scope, None)), Ok(2));
        assert_eq!((shop.publish(), shop.answers()), (0, vec![(id, 1)]));
        assert_eq!(shop.change(id, ranked("a", 3)), Ok(()));
    });
}

#[test]
fn an_earlier_version_holds_again_and_that_can_be_taken_back_too() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (store, scope) = (&shop.store, shop.scope);
        let first = shop.add(ranked("first", 1));
        let second = shop.add(ranked("second", 2));
        shop.change(first, ranked("first", 5)).unwrap();
        shop.remove(second).unwrap();
        let third = shop.add(ranked("third", 3));
        assert_eq!(shop.answers(), [(first, 5), (third, 3)]);

        assert_eq!(shop.roll_back(6), Err(NotRolledBack::NoSuchVersion));
        assert_eq!(shop.roll_back(-1), Err(NotRolledBack::NoSuchVersion));
        assert_eq!(shop.roll_back(2).unwrap().len(), 3);
        assert_eq!(shop.answers(), [(first, 1), (second, 2)], "under their old numbers");
        assert_eq!(shop.versions(None)[0], (6, "roll_back".into(), [1, 1, 1]));
        assert_eq!(shop.roll_back(5).unwrap().len(), 3);
        assert_eq!(shop.answers(), [(first, 5), (third, 3)]);
        assert_eq!(shop.roll_back(7), Ok(vec![]), "it is so already");
        assert_eq!(shop.roll_back(0).unwrap().len(), 2);
        assert_eq!(shop.answers(), []);
        assert_eq!(shop.versions(None).len(), 8);

        write(store, move |conn| rule_drafts::insert(conn, &scope, &ranked("new", 1), NOW)).unwrap();
        assert_eq!(shop.roll_back(1), Err(NotRolledBack::HasDraft));
        let (version, changes) = read(store, move |conn| rule_versions::get(conn, &scope, None, 3));
        assert_eq!((version.actor.as_str(), version.via.as_str()), ("system", "system"));
        assert_eq!(changes[0].before.as_ref().map(|body| body.priority), Some(1));
        assert_eq!(changes[0].after, Some(ranked("first", 5)));
    });
}

#[test]
fn what_a_file_changes_is_one_version_and_what_it_prepares_is_none() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (store, scope) = (&shop.store, shop.scope);
        let (first, second) = (shop.add(ranked("a", 1)), shop.add(ranked("b", 1)));
        let changed = Change { id: first, before: Some(ranked("a", 1)), after: Some(ranked("a", 2)) };
        let gone = Change { id: second, before: Some(ranked("b", 1)), after: None };
        let new = |keyword: &str| Change { id: RuleId(-1), before: None, after: Some(ranked(keyword, 3)) };
        let steps = vec![changed, gone, new("c"), new("d")];
        let taken =
            write(store, move |conn| rules::write_planned(conn, &scope, steps, &Cause::Import, &Actor::system(), NOW))
                .unwrap();
        let ids = (taken[2].id, taken[3].id);
        assert!(ids.0 < ids.1, "in the order of the file: the first one is older");
        assert_eq!(shop.answers(), [(first, 2), (ids.0, 3), (ids.1, 3)]);
        assert_eq!(shop.versions(None)[0], (3, "import".into(), [2, 1, 1]));

        let changed = Change { id: first, before: Some(ranked("a", 2)), after: Some(ranked("a", 9)) };
        let gone = Change { id: ids.0, before: Some(ranked("c", 3)), after: None };
        let steps = vec![changed, gone, new("e")];
        let prepared = write(store, move |conn| rule_drafts::import(conn, &scope, steps, NOW)).unwrap();
        assert_eq!(shop.versions(None).len(), 3, "nothing is published");
        let new = prepared[2].clone();
        let again = Change { before: new.after.clone(), after: Some(ranked("e", 7)), ..new };
        let as_it_was = Change { id: first, before: Some(ranked("a", 9)), after: Some(ranked("a", 2)) };
        let steps = vec![again, as_it_was];
        write(store, move |conn| rule_drafts::import(conn, &scope, steps, NOW)).unwrap();
        assert_eq!(shop.publish(), 2, "what is again as it was is no draft");
        assert_eq!(shop.answers(), [(first, 2), (ids.1, 3), (new.id, 7)]);

        let strangers = RuleBody { account: Some(AccountId(404)), ..ranked("x", 1) };
        let steps = vec![Change { id: RuleId(-1), before: None, after: Some(strangers) }];
        let refused =
            write(store, move |conn| rules::write_planned(conn, &scope, steps, &Cause::Import, &Actor::system(), NOW));
        assert_eq!(refused, Err(NotSaved::NotFound));
    });
}

#[test]
fn a_rule_that_moves_is_in_the_versions_of_both_sets() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let own = RuleBody { account: Some(shop.account), ..ranked("a", 1) };
        let id = shop.add(own.clone());
        shop.change(id, ranked("a", 1)).unwrap();
        assert_eq!(shop.versions(Some(shop.account))[0], (2, "edit".into(), [0, 0, 1]));
        assert_eq!(shop.versions(None), [(1, "edit".into(), [1, 0, 0])]);
        let (scope, account) = (shop.scope, Some(shop.account));
        let back = write(&shop.store, move |conn| {
            rule_versions::roll_back(conn, &scope, account, (1, ""), &Actor::system(), NOW)
        });
        assert_eq!(back.unwrap()[0].after, Some(own));
        assert_eq!(shop.answers().len(), 2, "the set has it again, and the other set keeps it");
    });
}

#[test]
fn the_last_two_hundred_versions_are_kept() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let id = shop.add(ranked("a", 0));
        for priority in 1..205 {
            shop.change(id, ranked("a", priority)).unwrap();
        }
        let versions = shop.versions(None);
        assert_eq!((versions.len(), versions[0].0, versions[199].0), (200, 205, 6));
        assert_eq!(shop.roll_back(4), Err(NotRolledBack::NoSuchVersion));
        assert_eq!(shop.roll_back(5).unwrap()[0].after.as_ref().map(|body| body.priority), Some(4));
    });
}

#[test]
fn a_rule_is_for_several_items_and_accounts_or_for_an_event() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (store, scope, account) = (&shop.store, shop.scope, shop.account);
        let grouped = RuleBody {
            accounts: vec![account],
            items: vec!["9002".into(), "9001".into(), "9002".into()],
            ..new_rule("a")
        };
        let id = shop.add(grouped.clone());
        let stored = read(store, move |conn| rules::get(conn, &scope, id)).body;
        assert_eq!(stored, grouped.in_order());
        assert_eq!(stored.items, ["9001".into(), "9002".into()]);
        let paid = RuleBody {
            trigger: Trigger::OrderPaid,
            matching: Matching::Default,
            keyword: String::new(),
            any_of: Vec::new(),
            delay_s: 60,
            per_day: Some(2),
            actions: vec![Action::Pause(5), Action::Tag("VIP".into()), Action::HandOver(None)],
            ..new_rule("")
        };
        let event = shop.add(paid.clone());
        assert_eq!(read(store, move |conn| rules::get(conn, &scope, event)).body, paid);
        let found = |filter: rules::Filter| {
            let (loaded, total) = read(store, move |conn| rules::page(conn, &scope, &filter, ALL));
            assert_eq!(usize::try_from(total).unwrap(), loaded.rules.len());
            loaded.rules.into_iter().map(|rule| rule.id).collect::<Vec<_>>()
        };
        let all = rules::Filter::default;
        assert_eq!(found(rules::Filter { item: Some("9001".into()), ..all() }), [id]);
        assert_eq!(found(rules::Filter { item: Some("900".into()), ..all() }), [], "a part of a number is none");
        assert_eq!(found(rules::Filter { kind: Some(Kind::Event), ..all() }), [event]);
        assert_eq!(found(rules::Filter { trigger: Some(Trigger::OrderPaid), ..all() }), [event]);
        assert_eq!(found(rules::Filter { kind: Some(Kind::Keyword), ..all() }), [id]);
        assert_eq!(found(rules::Filter { kind: Some(Kind::DefaultReply), ..all() }), []);
        let strangers = RuleBody { accounts: vec![AccountId(404)], ..new_rule("b") };
        let refused = write(store, move |conn| rules::insert(conn, &scope, &strangers, &Actor::system(), NOW));
        assert_eq!(refused, Err(NotSaved::NotFound));
    });
}

#[test]
fn uses_count_by_buyer_and_day_and_a_rule_that_is_gone_is_not_counted() {
    on_each_database(|database| {
        let shop = Shop::open(database);
        let (store, account) = (&shop.store, shop.account);
        let rule = shop.add(new_rule("a"));
        let used = |rule, day| RuleUse { account, buyer: "3300001".into(), rule, day };
        let count = |uses: Vec<RuleUse>| write(store, move |conn| rule_uses::count_many(conn, &uses));
        let of_day = |day: i64| {
            let mut found = read(store, move |conn| rule_uses::list(conn, account, &["3300001".into()], day));
            found.remove(&"3300001".into()).and_then(|mut rules| rules.remove(&rule))
        };
        count(vec![used(rule, 7), used(rule, 7), used(RuleId(404), 7)]);
        assert_eq!((of_day(7), of_day(8)), (Some(2), None));
        count(vec![used(rule, 8)]);
        assert_eq!((of_day(7), of_day(8)), (None, Some(1)));
    });
}
