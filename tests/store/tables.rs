//! Accounts, rules and what hangs on them: proper upserts, real keys, rows that go with their owner.

use std::time::Duration;

use diesel::{RunQueryDsl, connection::SimpleConnection};
use yutang::{
    access::role::Role,
    account::state::{Reason, State, Status},
    ids::{RuleId, Timestamp, UserId},
    reply::rule::{Action, RuleBody},
    store::{
        Saved, Scope, Secret, Store, StoreError, account_states, account_tokens,
        account_tokens::TokenRow,
        accounts::{self, NewAccount, TakenUids, Waits},
        audit::Actor,
        blocked_buyers::{self, Blocked},
        chat_messages,
        conversations::{self, ConversationRow, Side},
        facts, item_syncs, items,
        items::ItemRow,
        once_replies::{self, OnceReply},
        outbox, picture_uploads, revisions,
        revisions::Revisions,
        rules,
        unknown_pushes::{self, NewPush},
        users, welcome,
    },
};

use crate::{
    harness::{Database, NOW, add_user, count, new_account, on_each_database, with_account},
    messages,
};

pub fn new_rule(keyword: &str) -> RuleBody {
    RuleBody {
        keyword: keyword.into(),
        any_of: vec!["any".into()],
        actions: vec![Action::Text("在的".into()), Action::Image("https://example.com/a.png".into())],
        once: true,
        priority: 3,
        ..RuleBody::default()
    }
}

pub fn add_rule(store: &Store, scope: Scope, keyword: &str) -> RuleId {
    let rule = new_rule(keyword);
    let add = move |conn: &mut _| {
        rules::upsert_many(conn, &scope, std::slice::from_ref(&rule), &Actor::system(), NOW)?;
        rules::find_id(conn, &scope, &rule)
    };
    store.write_blocking(add).unwrap().unwrap()
}

fn save_rules(store: &Store, scope: Scope, new: Vec<RuleBody>) -> Vec<Saved> {
    store.write_blocking(move |conn| rules::upsert_many(conn, &scope, &new, &Actor::system(), NOW)).unwrap()
}

fn save_accounts(store: &Store, owner: UserId, new: Vec<NewAccount>) -> Result<Vec<Saved>, TakenUids> {
    let keys = store.keys().clone();
    let saved = store.write_blocking(move |conn| accounts::upsert_many(conn, &keys, owner, &new, NOW)).unwrap();
    saved.map(|saved| saved.into_iter().map(|(_, saved)| saved).collect())
}

fn revisions_of(store: &Store) -> Revisions {
    store.read_blocking(revisions::all).unwrap()
}

/// B1
#[test]
fn a_row_of_nobody_is_refused() {
    on_each_database(|database| {
        let store = database.open();
        let status = Status::new(State::Connected, Reason::Registered, NOW);
        let put = store.write_blocking(move |conn| account_states::put(conn, yutang::ids::AccountId(404), &status));
        assert!(matches!(put, Err(StoreError::Conflict(_))), "{put:?}");
    });
}

/// Puts something of the account into every table of accounts, and a rule for all accounts.
pub fn fill(store: &Store, scope: Scope, account: yutang::ids::AccountId) {
    let rule = add_rule(store, scope, "everywhere");
    let keys = store.keys().clone();
    let fill = move |conn: &mut _| {
        account_states::put(conn, account, &Status::new(State::Connected, Reason::Registered, NOW))?;
        account_tokens::save(conn, &token(account))?;
        yutang::store::account_cursors::put_many(
            conn,
            &[yutang::store::account_cursors::Cursor { account, pts: 1, seen_at: NOW }],
        )?;
        conversations::set_pause(conn, account, &"600001".into(), Some(NOW), NOW)?;
        items::put(
            conn,
            &ItemRow { account, item: "7".into(), seller: "8".into(), title: "t".into(), fetched_at: NOW },
        )?;
        item_syncs::put(conn, &item_syncs::Sync::idle(account))?;
        crate::pictures::keep_one(conn, &scope)?;
        picture_uploads::insert(conn, &crate::pictures::upload(account, "https://p/1"))?;
        chat_messages::insert_new(conn, &[messages::message(account, "1.PNM")])?;
        outbox::insert_many(conn, &[messages::entry(account, 1)])?;
        let claim =
            OnceReply { account, conversation: "600001".into(), rule, outbox: yutang::outbox::entry::SendId(1) };
        once_replies::claim_many(conn, &[claim])?;
        rules::upsert_many(
            conn,
            &scope,
            &[RuleBody { account: Some(account), ..new_rule("here") }],
            &Actor::system(),
            NOW,
        )?;
        blocked_buyers::insert(conn, &scope, &blocked(Some(account)))?;
        welcome::skip(conn, scope.user(), welcome::Step::Channel)?;
        unknown_pushes::insert(conn, &keys, &push(account, "data"))
    };
    store.write_blocking(fill).unwrap();
}

#[test]
fn a_takeover_never_shortens_a_pause() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let after = |pauses: Vec<i64>| {
            let work = move |conn: &mut _| {
                conversations::set_pause(conn, account, &"600001".into(), None, NOW)?;
                for until in pauses {
                    conversations::take_over(conn, account, &"600001".into(), Timestamp(until), NOW)?;
                }
                conversations::get(conn, &scope, account, &"600001".into())
            };
            store.write_blocking(work).unwrap().paused_until
        };
        assert_eq!(after(vec![20, 10]), Some(Timestamp(20)));
        assert_eq!(after(vec![10, 20]), Some(Timestamp(20)));
        assert_eq!(after(vec![Timestamp::NEVER.0, 10]), Some(Timestamp::NEVER));
    });
}

/// B1
#[test]
fn deleting_an_account_leaves_no_orphan() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        fill(&store, scope, account);
        let tables = [
            "account_states",
            "account_tokens",
            "account_cursors",
            "conversations",
            "items",
            "item_syncs",
            "picture_uploads",
            "chat_messages",
            "outbox",
            "once_replies",
            "blocked_buyers",
            "unknown_pushes",
        ];
        let counts = |database: &Database| tables.map(|table| count(&mut database.raw(), table));
        assert_eq!(counts(database), [1; 12]);
        assert!(store.write_blocking(move |conn| accounts::delete(conn, &scope, account)).unwrap());
        assert_eq!(counts(database), [0; 12]);
        assert_eq!(count(&mut database.raw(), "rules"), 1, "the owner's global rule stays");
    });
}

/// B2, K12
#[test]
fn a_new_cookie_changes_no_setting_and_enabling_changes_no_other() {
    on_each_database(|database| {
        let (store, scope, id) = with_account(database);
        let waits = Waits { debounce: Some(Duration::from_millis(1500)), ..Waits::default() };
        let set = move |conn: &mut _| {
            assert!(accounts::set_waits(conn, &scope, id, waits, NOW)?);
            assert!(accounts::set_stopped(conn, &scope, id, true, NOW)?);
            assert!(accounts::set_enabled(conn, &scope, id, false, NOW)?);
            accounts::find(conn, &scope, "shop")
        };
        let before = store.write_blocking(set).unwrap().unwrap();
        let fresh = NewAccount { cookie: Secret::new("unb=2200001; fresh"), ..new_account("shop", "2200001") };
        assert_eq!(save_accounts(&store, scope.user(), vec![fresh]), Ok(vec![Saved::Updated]));

        let after = store.read_blocking(move |conn| accounts::find(conn, &scope, "shop")).unwrap().unwrap();
        assert_eq!(after.credentials_version, before.credentials_version + 1);
        assert_eq!(after.debounce(), Some(Duration::from_millis(1500)));
        assert!(after.stopped && !after.enabled);
        assert_eq!((after.id, after.created_at), (before.id, before.created_at));

        let enable = move |conn: &mut _| {
            accounts::set_enabled(conn, &scope, id, true, NOW)?;
            accounts::find(conn, &scope, "shop")
        };
        let enabled = store.write_blocking(enable).unwrap().unwrap();
        let mut expected = after;
        expected.enabled = true;
        assert_eq!(enabled, expected);
    });
}

#[test]
fn an_equal_cookie_disturbs_nobody() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let before =
            (revisions_of(&store), store.read_blocking(move |conn| accounts::load_credentials(conn, account)).unwrap());
        let again = vec![new_account("shop", "2200001")];
        assert_eq!(save_accounts(&store, scope.user(), again), Ok(vec![Saved::Unchanged]));
        let after =
            (revisions_of(&store), store.read_blocking(move |conn| accounts::load_credentials(conn, account)).unwrap());
        assert_eq!(before, after);
    });
}

#[test]
fn a_platform_uid_belongs_to_one_account_and_a_clash_writes_nothing() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        let stranger = add_user(&store, "stranger");
        let clash =
            vec![new_account("fine", "2200009"), new_account("clash", "2200001"), new_account("twin", "2200009")];
        assert_eq!(save_accounts(&store, stranger, clash), Err(TakenUids(vec![1, 2])));
        assert_eq!(store.read_blocking(accounts::list_for_engine).unwrap().len(), 1);
        let renamed = vec![new_account("other name", "2200001")];
        assert_eq!(save_accounts(&store, scope.user(), renamed), Err(TakenUids(vec![0])));
    });
}

#[test]
fn a_cookie_opens_with_its_place_and_a_persons_newer_one_is_not_overwritten() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let load = |store: &Store| {
            store.read_blocking(move |conn| accounts::load_credentials(conn, account)).unwrap().unwrap()
        };
        let open = |store: &Store| {
            let credentials = load(store);
            store.keys().open(&accounts::cookie_place(&credentials.uid), &credentials.cookie).unwrap()
        };
        assert_eq!(open(&store).expose(), "unb=2200001");

        let old = load(&store).version;
        let place = accounts::cookie_place(&"2200001".into());
        let refreshed = store.keys().seal(&place, "refreshed");
        let kept = refreshed.clone();
        assert!(
            store.write_blocking(move |conn| accounts::refresh_cookie(conn, account, old, &kept, None, NOW)).unwrap()
        );
        assert_eq!((open(&store).expose(), load(&store).version), ("refreshed", old));

        let given = NewAccount { cookie: Secret::new("given"), ..new_account("shop", "2200001") };
        save_accounts(&store, scope.user(), vec![given]).unwrap();
        assert!(
            !store
                .write_blocking(move |conn| accounts::refresh_cookie(conn, account, old, &refreshed, None, NOW))
                .unwrap()
        );
        assert_eq!(open(&store).expose(), "given");
    });
}

fn token(account: yutang::ids::AccountId) -> TokenRow {
    TokenRow {
        account,
        token: None,
        device_id: "device".into(),
        credentials_version: 1,
        issued_at: Some(NOW),
        expires_at: None,
        budget_day: 20_000,
        budget_used: 3,
        breaker_since: None,
        breaker_reason: None,
        breaker_url: None,
    }
}

#[test]
fn a_token_is_saved_whole_and_its_breaker_can_be_taken_back() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let sealed = store.keys().seal(&account_tokens::token_place(account), "oauth");
        let broken = TokenRow {
            token: Some(sealed),
            breaker_since: Some(NOW),
            breaker_reason: Some("punish".into()),
            ..token(account)
        };
        for row in [broken, token(account)] {
            let saved = row.clone();
            store.write_blocking(move |conn| account_tokens::save(conn, &saved)).unwrap();
            assert_eq!(store.read_blocking(account_tokens::load_all).unwrap(), [row]);
        }
    });
}

/// B2
#[test]
fn what_is_known_of_a_conversation_is_filled_in_and_never_wiped() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let bare = ConversationRow {
            account,
            conversation: "600001".into(),
            peer: None,
            peer_name: None,
            item: None,
            item_title: None,
            side: Side::Unknown,
            paused_until: None,
            created_at: NOW,
        };
        let told = ConversationRow {
            peer: Some("3300001".into()),
            peer_name: Some("buyer".into()),
            side: Side::Seller,
            paused_until: Some(Timestamp(NOW.0 + 5)),
            ..bare.clone()
        };
        let titled = ConversationRow { item: Some("700001".into()), item_title: Some("鱼竿".into()), ..bare.clone() };
        let rows = [told.clone(), titled.clone(), bare];
        store.write_blocking(move |conn| conversations::upsert_many(conn, &rows)).unwrap();
        let known =
            store.read_blocking(move |conn| conversations::load_many(conn, account, &["600001".into()])).unwrap();
        assert_eq!(known, [ConversationRow { item: titled.item, item_title: titled.item_title, ..told }]);
    });
}

#[test]
fn a_pause_ends_by_itself_or_is_taken_back() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let pause = |until: Option<i64>| {
            let until = until.map(Timestamp);
            store
                .write_blocking(move |conn| conversations::set_pause(conn, account, &"600001".into(), until, NOW))
                .unwrap();
        };
        let paused = |now: i64| {
            store.read_blocking(move |conn| conversations::list_paused(conn, account, Timestamp(now))).unwrap()
        };
        pause(Some(50));
        assert_eq!(paused(49), [("600001".into(), Timestamp(50))]);
        assert_eq!(paused(50), []);
        pause(Some(i64::MAX));
        assert_eq!(paused(51).len(), 1);
        pause(None);
        assert_eq!(paused(0), []);
    });
}

/// B3
#[test]
fn a_rule_without_account_and_item_exists_once() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let own = RuleBody { account: Some(account), ..new_rule("在吗") };
        let item = RuleBody { items: vec!["700001".into()], ..new_rule("在吗") };
        let all = vec![new_rule("在吗"), own, item, new_rule("在吗")];
        assert_eq!(
            save_rules(&store, scope, all.clone()),
            [Saved::Added, Saved::Added, Saved::Added, Saved::Unchanged]
        );
        assert_eq!(save_rules(&store, scope, all[..3].to_vec()), [Saved::Unchanged; 3]);
        assert_eq!(count(&mut database.raw(), "rules"), 3);
    });
}

/// B3
#[test]
fn a_buyer_is_blocked_once_in_each_place() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let insert = |of| store.write_blocking(move |conn| blocked_buyers::insert(conn, &scope, &blocked(of))).unwrap();
        let remove =
            |of| store.write_blocking(move |conn| blocked_buyers::remove(conn, &scope, of, &"3300001".into())).unwrap();
        assert_eq!(
            [insert(None), insert(None), insert(Some(account)), insert(Some(account))],
            [true, false, true, false]
        );
        assert_eq!([remove(None), remove(None)].map(|row| row.is_some()), [true, false]);
        let left = store.read_blocking(move |conn| blocked_buyers::list(conn, &scope)).unwrap();
        assert_eq!(left, [blocked(Some(account))]);
    });
}

fn blocked(account: Option<yutang::ids::AccountId>) -> Blocked {
    Blocked { account, buyer: "3300001".into(), note: "rude".into(), created_at: NOW }
}

/// B5
#[test]
fn a_rule_is_deleted_by_its_number() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        let ids = ["a", "b", "c"].map(|keyword| add_rule(&store, scope, keyword));
        assert_eq!(
            store.write_blocking(move |conn| rules::delete(conn, &scope, ids[1], &Actor::system(), NOW)).unwrap(),
            Ok(())
        );
        let left = store.read_blocking(move |conn| rules::list(conn, &scope)).unwrap().rules;
        assert_eq!(left.iter().map(|rule| rule.id).collect::<Vec<_>>(), [ids[0], ids[2]]);
    });
}

#[test]
fn a_rule_reads_back_as_it_was_given_and_keeps_its_number_when_changed() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        let id = add_rule(&store, scope, "在吗");
        let changed = RuleBody { priority: 9, enabled: false, ..new_rule("在吗") };
        assert_eq!(save_rules(&store, scope, vec![changed.clone()]), [Saved::Updated]);
        let rule = store.read_blocking(move |conn| rules::list_for_engine(conn, scope.user())).unwrap().rules.remove(0);
        assert_eq!((rule.id, rule.body.priority, rule.body.enabled, rule.created_at), (id, 9, false, NOW));
        assert_eq!(rule.body, changed);
        assert_eq!(store.read_blocking(rules::owners_with_rules).unwrap(), [scope.user()]);
    });
}

#[test]
fn a_broken_rule_is_named_and_silences_no_other() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        let bad = add_rule(&store, scope, "bad");
        let odd = add_rule(&store, scope, "odd");
        let good = add_rule(&store, scope, "good");
        let spoil = format!(
            "UPDATE rules SET actions = '[' WHERE id = {bad}; UPDATE rules SET matching = 'guess' WHERE id = {odd}"
        );
        database.raw().batch_execute(&spoil).unwrap();
        let loaded = store.read_blocking(move |conn| rules::list(conn, &scope)).unwrap();
        assert_eq!(loaded.rules.iter().map(|rule| rule.id).collect::<Vec<_>>(), [good]);
        assert_eq!(loaded.broken.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [bad, odd]);
        assert!(loaded.broken[0].1.starts_with(&format!("rule {bad} cannot be read: actions")), "{loaded:?}");
    });
}

#[test]
fn twenty_thousand_rules_are_one_import() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        let all: Vec<_> = (0..20_000).map(|at| new_rule(&format!("词{at}"))).collect();
        assert!(save_rules(&store, scope, all.clone()).iter().all(|saved| *saved == Saved::Added));
        assert!(save_rules(&store, scope, all).iter().all(|saved| *saved == Saved::Unchanged));
        let stored = store.read_blocking(move |conn| rules::list(conn, &scope)).unwrap().rules;
        assert!(
            stored.iter().enumerate().all(|(at, rule)| rule.body.keyword == format!("词{at}")),
            "in the order given"
        );
    });
}

fn push(account: yutang::ids::AccountId, data: &str) -> NewPush {
    NewPush { account, received_at: NOW, object_type: Some(40000), error: Some("unknown".into()), data: data.into() }
}

#[test]
fn of_the_unknown_pushes_the_newest_stay_and_are_sealed() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let keys = store.keys().clone();
        let fill = move |conn: &mut _| {
            (0..unknown_pushes::KEPT + 5)
                .try_for_each(|at| unknown_pushes::insert(conn, &keys, &push(account, &at.to_string())))
        };
        store.write_blocking(fill).unwrap();
        let kept = store.read_blocking(move |conn| unknown_pushes::list(conn, &scope, account)).unwrap();
        let place = unknown_pushes::data_place(account);
        let texts: Vec<_> =
            kept.iter().map(|row| store.keys().open(&place, &row.data).unwrap().expose().to_owned()).collect();
        assert_eq!(texts, (5..205).rev().map(|at| at.to_string()).collect::<Vec<_>>());
    });
}

#[test]
fn every_change_that_a_server_must_notice_is_counted_and_an_undone_one_is_not() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let at = revisions_of(&store);
        add_rule(&store, scope, "在吗");
        assert_eq!(revisions_of(&store), Revisions { rules: at.rules + 1, ..at });
        store.write_blocking(move |conn| blocked_buyers::insert(conn, &scope, &blocked(None))).unwrap();
        assert_eq!(revisions_of(&store).blocks, at.blocks + 1);
        store.write_blocking(move |conn| accounts::set_enabled(conn, &scope, account, false, NOW)).unwrap();
        assert_eq!(revisions_of(&store).accounts, at.accounts + 1);
        store.write_blocking(|conn| facts::set_stop_switch(conn, true)).unwrap();
        assert_eq!(revisions_of(&store).switches, at.switches + 1);
        assert!(store.read_blocking(facts::stop_switch).unwrap());

        store
            .write_blocking(move |conn| conversations::set_pause(conn, account, &"600001".into(), Some(NOW), NOW))
            .unwrap();
        assert_eq!(revisions_of(&store).pauses, at.pauses, "the server's own pauses are no news to it");
        let resume =
            move |conn: &mut _| conversations::set_pause_for_person(conn, &scope, account, &"600001".into(), None, NOW);
        assert!(store.write_blocking(resume).unwrap());
        assert_eq!(revisions_of(&store).pauses, at.pauses + 1);

        let before = revisions_of(&store);
        let undone = move |conn: &mut _| -> diesel::QueryResult<()> {
            facts::set_stop_switch(conn, false)?;
            Err(diesel::result::Error::RollbackTransaction)
        };
        assert!(store.write_blocking(undone).is_err());
        assert_eq!(revisions_of(&store), before);
    });
}

#[test]
fn a_name_of_a_user_is_taken_once_and_the_password_can_be_changed() {
    on_each_database(|database| {
        let store = database.open();
        let id = add_user(&store, "seller");
        let twin = users::NewUser {
            name: "seller".into(),
            password_hash: "other".into(),
            role: Role::Admin,
            employer: None,
            email: None,
            created_at: NOW,
        };
        assert_eq!(store.write_blocking(move |conn| users::insert(conn, &twin)).unwrap(), None);
        let found = store.read_blocking(|conn| users::find_by_name(conn, "seller")).unwrap().unwrap();
        assert_eq!((found.id, found.role), (id, Role::Owner));
        assert!(store.write_blocking(move |conn| users::set_password_hash(conn, id, "new")).unwrap());
        assert_eq!(store.read_blocking(move |conn| users::find_login(conn, id)).unwrap().unwrap().password_hash, "new");
        assert_eq!(store.read_blocking(users::list).unwrap(), [found]);
    });
}

#[test]
fn the_items_seller_is_remembered_and_renewed() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let item = |seller: &str| ItemRow {
            account,
            item: "7".into(),
            seller: seller.into(),
            title: "t".into(),
            fetched_at: NOW,
        };
        for seller in ["1", "2"] {
            let row = item(seller);
            store.write_blocking(move |conn| items::put(conn, &row)).unwrap();
        }
        let found =
            store.read_blocking(move |conn| items::find_many(conn, account, &["7".into(), "8".into()])).unwrap();
        assert_eq!(found, [item("2")]);
    });
}

/// B1
#[test]
fn an_owner_with_accounts_takes_them_along() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        let delete = format!("DELETE FROM users WHERE id = {}", scope.user());
        store.write_blocking(move |conn| diesel::sql_query(delete).execute(conn)).unwrap();
        assert_eq!(count(&mut database.raw(), "accounts"), 0);
    });
}
