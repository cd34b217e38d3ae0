//! What one owner does neither shows nor touches what is another's.

use yutang::store::{
    Page, Scope, Store, StoreError, account_states, accounts,
    audit::Actor,
    blocked_buyers::{self, Blocked},
    chat_messages::{self, NewMessage},
    conversations, outbox, rules, unknown_pushes,
};
use yutang::{
    account::state::{Reason, State, Status},
    ids::AccountId,
    outbox::entry::SendId,
    reply::rule::RuleBody,
};

use crate::{
    harness::{Database, NOW, add_user, on_each_database, with_account},
    messages, tables,
};

/// A seller with something in every table, and a stranger.
fn two_tenants(database: &Database) -> (Store, Scope, AccountId, Scope) {
    let (store, owner, account) = with_account(database);
    let stranger = Scope::owner(add_user(&store, "stranger"));
    tables::add_rule(&store, owner, "在吗");
    let fill = move |conn: &mut _| {
        let waits = NewMessage { needs_person: true, ..messages::message(account, "1.PNM") };
        chat_messages::insert_new(conn, &[waits])?;
        outbox::insert_many(conn, &[messages::entry(account, 1)])?;
        account_states::put(conn, account, &Status::new(State::Connected, Reason::Registered, NOW))?;
        conversations::set_pause(conn, account, &"600001".into(), Some(yutang::ids::Timestamp::NEVER), NOW)
    };
    store.write_blocking(fill).unwrap();
    (store, owner, account, stranger)
}

#[test]
fn a_stranger_sees_nothing() {
    on_each_database(|database| {
        let (store, owner, account, stranger) = two_tenants(database);
        let seen = |scope: Scope| {
            let look = move |conn: &mut _| {
                Ok([
                    accounts::list(conn, &scope)?.len(),
                    usize::from(accounts::find(conn, &scope, "shop")?.is_some()),
                    usize::from(accounts::get(conn, &scope, account).is_ok()),
                    account_states::list(conn, &scope)?.len(),
                    usize::from(account_states::find(conn, &scope, account)?.is_some()),
                    chat_messages::list(conn, &scope, account, &"600001".into(), 9)?.len(),
                    chat_messages::list_for_a_person(conn, &scope, 9)?.len(),
                    outbox::page(conn, &scope, &outbox::Filter::default(), Page::first(9))?.0.len(),
                    usize::from(outbox::get(conn, &scope, account, SendId(1)).is_ok()),
                    rules::list(conn, &scope)?.rules.len(),
                    conversations::list_paused_for_person(conn, &scope, NOW)?.len(),
                ])
            };
            store.read_blocking(look).unwrap()
        };
        assert_eq!(seen(owner), [1; 11]);
        assert_eq!(seen(stranger), [0; 11]);
        let pushes = store.read_blocking(move |conn| unknown_pushes::list(conn, &stranger, account)).unwrap();
        assert_eq!(pushes, []);
    });
}

#[test]
fn a_stranger_changes_nothing() {
    on_each_database(|database| {
        let (store, owner, account, stranger) = two_tenants(database);
        let rule = store.read_blocking(move |conn| rules::list(conn, &owner)).unwrap().rules[0].id;
        let tried = move |conn: &mut _| {
            Ok([
                accounts::set_enabled(conn, &stranger, account, false, NOW)?,
                accounts::set_stopped(conn, &stranger, account, true, NOW)?,
                accounts::set_waits(conn, &stranger, account, accounts::Waits::default(), NOW)?,
                conversations::set_pause_for_person(conn, &stranger, account, &"600001".into(), None, NOW)?,
                rules::set_enabled(conn, &stranger, rule, false, &Actor::system(), NOW)?.is_ok(),
                rules::delete(conn, &stranger, rule, &Actor::system(), NOW)?.is_ok(),
                blocked_buyers::remove(conn, &stranger, None, &"3300001".into())?.is_some(),
                accounts::delete(conn, &stranger, account)?,
            ])
        };
        assert_eq!(store.write_blocking(tried).unwrap(), [false; 8]);
        let untouched = store.read_blocking(move |conn| accounts::get(conn, &owner, account)).unwrap();
        assert!(untouched.enabled && !untouched.stopped);
    });
}

#[test]
fn nobody_hangs_a_rule_or_a_block_on_anothers_account() {
    on_each_database(|database| {
        let (store, _, account, stranger) = two_tenants(database);
        let rule = RuleBody { account: Some(account), ..tables::new_rule("planted") };
        let planted =
            store.write_blocking(move |conn| rules::upsert_many(conn, &stranger, &[rule], &Actor::system(), NOW));
        assert_eq!(planted, Err(StoreError::NotFound));
        let block = Blocked { account: Some(account), buyer: "3300001".into(), note: String::new(), created_at: NOW };
        let planted = store.write_blocking(move |conn| blocked_buyers::insert(conn, &stranger, &block));
        assert_eq!(planted, Err(StoreError::NotFound));
    });
}
