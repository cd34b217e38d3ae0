//! Sessions, tokens of programs and e-mail codes: who may come in, and for how long.

use std::time::Duration;

use yutang::{
    access::{
        code::{LIFE, MAX_TRIES, Purpose},
        role::Role,
        token::{self, Access, Minted},
    },
    ai::{intent::Intent, record::Bargain},
    delivery::{
        card::Kind as CardKind,
        follow_up::Plan,
        review::Reason,
        rule::{Quantity, Target},
    },
    ids::{AccountId, BuyerId, OrderId, Timestamp, TokenId, UserId},
    order::{event::OrderEvent, notice::Notice, status::Cause as ReadBecause},
    platform::mtop::order::{OrderDetail, TradeState},
    reply::{
        case::Script,
        event::{Cause, NewEvent},
    },
    store::{
        Page, Scope, Store, StoreError, ai_usage, answer_settings,
        api_tokens::{self, NewToken},
        bargains::{self, BargainRow},
        buyer_notes, buyer_tags,
        cards::NewCard,
        chat_messages::{self, DecisionRow},
        deliveries::{self, Glance},
        delivery_rules::{self, Draft},
        delivery_settings::{self, DeliverySettings},
        email_codes::{self, Outcome},
        follow_up_settings, handovers, idempotency_keys,
        order_actions::{self, Action},
        order_events, orders,
        quick_phrases::{self, Asker, NewPhrase, Reach},
        retention::{self, Cutoffs, Kind},
        reviews, revisions,
        rule_cases::{self, CaseBody},
        rule_events,
        rule_uses::{self, RuleUse},
        rules,
        sessions::{self, Session},
        settings::Retention,
        suggestions::{self, NewSuggestion},
        users::{self, Filter, NewUser, UserChange},
    },
};

use crate::{
    cards, challenges,
    harness::{Database, NOW, add_account, add_user, count, on_each_database, tables, with_account},
    messages, notices,
    tables::fill,
    units,
};

const HOUR: Duration = Duration::from_hours(1);

fn session(id: &str, user: UserId) -> Session {
    Session {
        id: id.into(),
        user,
        created_at: NOW,
        seen_at: NOW,
        expires_at: NOW + 24 * HOUR,
        ends_at: NOW + 720 * HOUR,
        address: "127.0.0.1".into(),
        agent: "curl".into(),
    }
}

/// Alice with two sessions and bob with one.
fn three_sessions(store: &Store) -> [UserId; 2] {
    let users = ["alice", "bob"].map(|name| add_user(store, name));
    let rows = [session("a1", users[0]), session("a2", users[0]), session("b1", users[1])];
    store.write_blocking(move |conn| rows.iter().try_for_each(|row| sessions::insert(conn, row))).unwrap();
    users
}

fn ids(store: &Store, user: UserId) -> Vec<String> {
    let list = store.read_blocking(move |conn| sessions::list(conn, user)).unwrap();
    list.into_iter().map(|session| session.id).collect()
}

fn users_revision(store: &Store) -> i64 {
    store.read_blocking(revisions::all).unwrap().users
}

/// S22: sessions are rows, and what is not there any more opens nothing.
#[test]
fn s22_a_session_is_found_with_its_user_until_it_is_revoked() {
    on_each_database(|database| {
        let store = database.open();
        let [alice, bob] = three_sessions(&store);
        let (found, user) = store.read_blocking(|conn| sessions::find(conn, "a1")).unwrap().unwrap();
        assert_eq!((found, user.name.as_str()), (session("a1", alice), "alice"));
        let before = users_revision(&store);
        let foreign = store.write_blocking(move |conn| sessions::delete(conn, bob, "a1"));
        assert_eq!(foreign, Ok(false), "nobody revokes another's session");
        assert_eq!(store.write_blocking(move |conn| sessions::delete(conn, alice, "a1")), Ok(true));
        assert_eq!(store.read_blocking(|conn| sessions::find(conn, "a1")), Ok(None));
        assert!(users_revision(&store) > before, "other processes must notice");
    });
}

/// S22: a new password ends every session but the one at hand; a deletion leaves none.
#[test]
fn s22_all_sessions_of_a_user_end_and_nobody_elses() {
    on_each_database(|database| {
        let store = database.open();
        let [alice, bob] = three_sessions(&store);
        let before = users_revision(&store);
        assert_eq!(store.write_blocking(move |conn| sessions::delete_all(conn, alice, Some("a2"))), Ok(1));
        assert_eq!((ids(&store, alice), ids(&store, bob)), (vec!["a2".to_owned()], vec!["b1".to_owned()]));
        assert_eq!(store.write_blocking(move |conn| sessions::delete_all(conn, alice, None)), Ok(1));
        assert!(users_revision(&store) > before);
        store.write_blocking(move |conn| users::delete(conn, bob)).unwrap();
        assert_eq!(count(&mut database.raw(), "sessions"), 0);
    });
}

/// S24: whoever finds a session or a token sees whether its user was deactivated.
#[test]
fn s24_a_deactivated_user_is_seen_with_the_session() {
    on_each_database(|database| {
        let store = database.open();
        let [alice, _] = three_sessions(&store);
        let change = UserChange { active: Some(false), ..UserChange::default() };
        store.write_blocking(move |conn| users::update(conn, alice, &change, NOW)).unwrap();
        let (_, user) = store.read_blocking(|conn| sessions::find(conn, "a1")).unwrap().unwrap();
        assert!(!user.active);
    });
}

#[test]
fn a_session_that_is_used_lives_on_but_never_beyond_its_end_nor_after_its_death() {
    on_each_database(|database| {
        let store = database.open();
        let [alice, _] = three_sessions(&store);
        let touch = |id: &'static str, now: Timestamp| {
            store.write_blocking(move |conn| sessions::touch(conn, id, now, now + 24 * HOUR)).unwrap()
        };
        let expiry = |id| store.read_blocking(move |conn| sessions::find(conn, id)).unwrap().unwrap().0.expires_at;
        assert!(touch("a2", NOW + HOUR));
        assert_eq!(expiry("a2"), NOW + 25 * HOUR);
        assert_eq!(ids(&store, alice), ["a2", "a1"], "the last used first");
        assert!(!touch("a1", NOW + 24 * HOUR), "it has expired");
        assert!(!touch("nobody", NOW));
        let old = Session { expires_at: NOW + 720 * HOUR, ..session("old", alice) };
        store.write_blocking(move |conn| sessions::insert(conn, &old)).unwrap();
        assert!(touch("old", NOW + 719 * HOUR));
        assert_eq!(expiry("old"), NOW + 720 * HOUR, "its end");
        assert!(!touch("old", NOW + 720 * HOUR));
    });
}

#[test]
fn the_clean_up_takes_the_sessions_that_expired() {
    on_each_database(|database| {
        let store = database.open();
        let [alice, _] = three_sessions(&store);
        store.write_blocking(|conn| sessions::touch(conn, "a2", NOW, NOW + 48 * HOUR)).unwrap();
        assert_eq!(store.write_blocking(|conn| sessions::purge(conn, NOW)), Ok(0));
        assert_eq!(store.write_blocking(|conn| sessions::purge(conn, NOW + 24 * HOUR)), Ok(2));
        assert_eq!(ids(&store, alice), ["a2"]);
        assert!(!session("a1", alice).is_live(NOW + 24 * HOUR));
    });
}

fn new_token(user: UserId, minted: &Minted) -> NewToken {
    NewToken {
        user,
        name: "stock keeping".into(),
        prefix: minted.prefix.clone(),
        hash: minted.hash.clone(),
        access: Access::Read,
        accounts: None,
        created_at: NOW,
        expires_at: Some(NOW + HOUR),
    }
}

fn add_token(store: &Store, new: NewToken) -> Result<TokenId, StoreError> {
    store.write_blocking(move |conn| api_tokens::insert(conn, &Scope::owner(new.user), &new))
}

/// S22: a token is found by its hash alone, and its text is nowhere in the database.
#[test]
fn s22_a_token_is_found_by_its_hash_until_it_is_deleted() {
    on_each_database(|database| {
        let (store, owner, account) = with_account(database);
        let (user, minted, stranger) = (owner.user(), token::mint([7; 32]), add_user(&store, "stranger"));
        let chosen = NewToken { accounts: Some(vec![account, account]), ..new_token(user, &minted) };
        let id = add_token(&store, chosen).unwrap();
        let find = || {
            let hash = token::hash(&minted.text);
            store.read_blocking(move |conn| api_tokens::find_by_hash(conn, &hash)).unwrap()
        };
        let (found, its_user) = find().unwrap();
        assert_eq!((found.id, found.access, found.all_accounts, its_user.id), (id, Access::Read, false, user));
        assert_eq!(found.scope(&its_user), owner.through(id));
        assert!(found.is_live(NOW) && !found.is_live(NOW + HOUR));
        let list = store.read_blocking(move |conn| api_tokens::list(conn, user)).unwrap();
        assert_eq!(list, [(found, vec![account])]);
        assert_eq!(store.write_blocking(move |conn| api_tokens::delete(conn, stranger, id)), Ok(false));
        let before = users_revision(&store);
        assert_eq!(store.write_blocking(move |conn| api_tokens::delete(conn, user, id)), Ok(true));
        assert!(find().is_none() && users_revision(&store) > before);
    });
}

#[test]
fn a_token_reaches_no_account_that_its_user_does_not() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let stranger = add_user(&store, "stranger");
        let planted = NewToken { accounts: Some(vec![account]), ..new_token(stranger, &token::mint([7; 32])) };
        assert_eq!(add_token(&store, planted), Err(StoreError::NotFound));
        assert_eq!(count(&mut database.raw(), "api_tokens"), 0);
    });
}

#[test]
fn the_use_of_a_token_is_noted_once_a_minute() {
    on_each_database(|database| {
        let store = database.open();
        let user = add_user(&store, "seller");
        let id = add_token(&store, new_token(user, &token::mint([7; 32]))).unwrap();
        let noted = |seconds| {
            let now = NOW + Duration::from_secs(seconds);
            store.write_blocking(move |conn| api_tokens::mark_used(conn, id, now)).unwrap()
        };
        assert_eq!([0, 1, 59, 60, 61].map(noted), [true, false, false, true, false]);
    });
}

/// As every night, an hour after now.
fn expire_tokens(store: &Store) -> usize {
    let long_ago = Timestamp(0);
    let cutoffs = Cutoffs {
        now: NOW + HOUR,
        messages: long_ago,
        decisions: long_ago,
        notices: long_ago,
        figures: long_ago,
        overlap: HOUR,
    };
    let remove = move |conn: &mut _| retention::remove_some(conn, Kind::ApiTokens, long_ago, &cutoffs);
    store.write_blocking(remove).unwrap().removed
}

#[test]
fn tokens_end_with_their_time_with_all_others_and_with_their_user() {
    on_each_database(|database| {
        let store = database.open();
        let user = add_user(&store, "seller");
        let endless = NewToken { expires_at: None, ..new_token(user, &token::mint([1; 32])) };
        add_token(&store, endless.clone()).unwrap();
        add_token(&store, new_token(user, &token::mint([2; 32]))).unwrap();
        assert_eq!(expire_tokens(&store), 1);
        assert_eq!(store.write_blocking(move |conn| api_tokens::delete_all(conn, user)), Ok(1));
        add_token(&store, endless).unwrap();
        store.write_blocking(move |conn| users::delete(conn, user)).unwrap();
        assert_eq!(count(&mut database.raw(), "api_tokens"), 0);
    });
}

const EMAIL: &str = "seller@example.com";

fn put_code(store: &Store, hash: &'static [u8]) {
    let put = move |conn: &mut _| email_codes::put(conn, EMAIL, Purpose::Login, hash, NOW, NOW + LIFE);
    store.write_blocking(put).unwrap();
}

fn try_code(store: &Store, purpose: Purpose, hash: &'static [u8], now: Timestamp) -> Outcome {
    store.write_blocking(move |conn| email_codes::take_try(conn, EMAIL, purpose, hash, now)).unwrap()
}

/// S7: five tries and then not even the right code helps.
#[test]
fn s7_a_code_is_gone_after_five_wrong_tries() {
    on_each_database(|database| {
        let store = database.open();
        put_code(&store, b"right");
        let wrong: Vec<_> = (0..6).map(|_| try_code(&store, Purpose::Login, b"wrong", NOW)).collect();
        let left = |left| Outcome::Wrong { left };
        assert_eq!(wrong, [left(4), left(3), left(2), left(1), left(0), Outcome::Gone]);
        assert_eq!(try_code(&store, Purpose::Login, b"right", NOW), Outcome::Gone);
        assert_eq!(count(&mut database.raw(), "email_codes"), 0);
    });
}

/// S7: one live code: a new one ends the one before it.
#[test]
fn s7_a_new_code_replaces_the_old_one_and_its_tries() {
    on_each_database(|database| {
        let store = database.open();
        put_code(&store, b"old");
        assert_eq!(try_code(&store, Purpose::Login, b"wrong", NOW), Outcome::Wrong { left: MAX_TRIES - 1 });
        put_code(&store, b"new");
        assert_eq!(try_code(&store, Purpose::Login, b"old", NOW), Outcome::Wrong { left: MAX_TRIES - 1 });
        assert_eq!(try_code(&store, Purpose::Login, b"new", NOW), Outcome::Right);
    });
}

/// S7, S9: good once, for its purpose, for ten minutes.
#[test]
fn s7_s9_a_code_is_good_once_for_its_purpose_and_for_its_time() {
    on_each_database(|database| {
        let store = database.open();
        put_code(&store, b"right");
        assert_eq!(try_code(&store, Purpose::Register, b"right", NOW), Outcome::Gone, "it was sent for a login");
        assert_eq!(try_code(&store, Purpose::Login, b"right", NOW + LIFE), Outcome::Gone);
        let last = Timestamp(NOW.0 + 599_999);
        assert_eq!(try_code(&store, Purpose::Login, b"right", last), Outcome::Right);
        assert_eq!(try_code(&store, Purpose::Login, b"right", last), Outcome::Gone);
    });
}

/// S7: parallel guesses share the five tries.
#[test]
fn s7_guesses_at_the_same_moment_are_counted_one_by_one() {
    on_each_database(|database| {
        let (one, other) = (database.open(), database.open());
        put_code(&one, b"right");
        let guess =
            |store: &Store| (0..10).filter(|_| try_code(store, Purpose::Login, b"wrong", NOW) != Outcome::Gone).count();
        let counted: usize = std::thread::scope(|scope| {
            let guesses = [&one, &other, &one, &other].map(|store| scope.spawn(move || guess(store)));
            guesses.into_iter().map(|guess| guess.join().unwrap()).sum()
        });
        assert_eq!(counted, usize::from(MAX_TRIES));
    });
}

#[test]
fn the_clean_up_takes_the_codes_that_expired() {
    on_each_database(|database| {
        let store = database.open();
        put_code(&store, b"right");
        assert_eq!(store.write_blocking(|conn| email_codes::purge(conn, Timestamp(NOW.0 + 599_999))), Ok(0));
        assert_eq!(store.write_blocking(|conn| email_codes::purge(conn, NOW + LIFE)), Ok(1));
    });
}

#[test]
fn data_is_kept_for_half_a_year_until_somebody_chooses() {
    on_each_database(|database| {
        let store = database.open();
        assert_eq!(store.read_blocking(Retention::load), Ok(Retention::default()));
        assert_eq!(Retention::default().messages_days, 180);
        let chosen = Retention { messages_days: 30, logs_days: 7, ..Retention::default() };
        store.write_blocking(move |conn| chosen.save(conn, NOW)).unwrap();
        assert_eq!(store.read_blocking(Retention::load), Ok(chosen));
    });
}

/// Tables that belong to the system and not to anybody in it.
const OF_THE_SYSTEM: [&str; 5] = ["__diesel_schema_migrations", "audit", "facts", "revisions", "settings"];

/// How many rows each table has that holds something of somebody.
fn rows(database: &Database) -> Vec<(String, i64)> {
    let mut conn = database.raw();
    let tables = tables(&mut conn).into_iter().filter(|table| !OF_THE_SYSTEM.contains(&table.as_str()));
    tables.map(|table| (table.clone(), count(&mut conn, &table))).collect()
}

/// Somebody with something in every table.
fn settle(store: &Store, name: &str) -> UserId {
    let owner = add_user(store, name);
    let (scope, account) = (Scope::owner(owner), add_account(store, owner, "shop", name));
    fill(store, scope, account);
    let helper = NewUser {
        name: format!("{name}'s helper"),
        password_hash: "hash".into(),
        role: Role::Operator,
        employer: Some(owner),
        email: Some(format!("{name}@example.com")),
        created_at: NOW,
    };
    let token = NewToken {
        accounts: Some(vec![account]),
        ..new_token(owner, &token::mint([u8::try_from(name.len()).unwrap(); 32]))
    };
    let (session, keys, author) = (session(name, owner), store.keys().clone(), name.to_owned());
    let suggestion = NewSuggestion {
        account,
        conversation: "600001".into(),
        message: "1.PNM".into(),
        state: suggestions::State::Pending,
        intent: Intent::Tech,
        text: "三年".into(),
        is_round: true,
        created_at: NOW,
    };
    let notice = Notice {
        message: "1.PNM".into(),
        conversation: "600001".into(),
        order: None,
        event: OrderEvent::Paid,
        buyer: None,
        item: None,
        at: NOW,
    };
    let fill = move |conn: &mut _| {
        let by = handovers::By { user: Some(owner), name: author.clone() };
        handovers::hand_over(conn, owner, (account, &"600001".into()), Some(owner), &by, "note", NOW)?.unwrap();
        notices::fill(conn, &keys, &scope, account)?;
        let email = helper.email.clone().unwrap();
        let helper = users::insert(conn, &helper)?.unwrap();
        users::set_accounts(conn, &scope, helper, &[account])?;
        sessions::insert(conn, &session)?;
        api_tokens::insert(conn, &scope, &token)?;
        idempotency_keys::claim(conn, owner, "key", b"fingerprint", NOW)?;
        ai_usage::add(conn, account, 1, &ai_usage::Usage { calls: 1, ..ai_usage::Usage::default() })?;
        answer_settings::put(conn, &scope, account, &answer_settings::AnswerRow::default(), NOW)?;
        let bargain = Bargain { item: None, rounds: 2, last_at: NOW };
        bargains::put_many(conn, &[BargainRow { account, conversation: "600001".into(), bargain }])?;
        suggestions::insert_many(conn, &[suggestion])?;
        buyer_tags::add(conn, owner, &"3300001".into(), "kind", NOW)?;
        let (title, text) = ("title".to_owned(), "text".to_owned());
        let phrase = NewPhrase { reach: Reach::Own(owner), title, text, position: 0 };
        quick_phrases::insert(conn, &Asker { scope, user: owner }, &phrase, NOW)?.unwrap();
        let case = CaseBody { name: "case".to_owned(), script: Script::default(), blocks: true };
        rule_cases::insert(conn, &scope, account, &case, NOW)?.unwrap();
        buyer_notes::insert(conn, &scope, &"3300001".into(), "text", (Some(owner), &author), NOW)?;
        order_events::insert(conn, account, &notice, NOW)?;
        let (rule, buyer) = (rules::list(conn, &scope)?.rules[0].id, BuyerId::from("3300001"));
        let event = NewEvent {
            account,
            rule,
            conversation: "600001".into(),
            buyer: buyer.clone(),
            item: None,
            order: None,
            cause: Cause::Order(1),
            due_at: NOW,
            made_at: NOW,
        };
        rule_events::insert(conn, &event)?;
        rule_uses::count_many(conn, &[RuleUse { account, buyer, rule, day: 1 }])?;
        let by_rule = DecisionRow { rule: Some(rule), ..messages::decision(account, "1.PNM") };
        chat_messages::decide_many(conn, &[by_rule])?;
        challenges::fill(conn, account)?;
        email_codes::put(conn, &email, Purpose::Login, b"hash", NOW, NOW + LIFE)
    };
    store.write_blocking(fill).unwrap();
    deliver(store, scope, account);
    owner
}

/// An order that was paid, claimed and planned, and waits for a person.
pub fn deliver(store: &Store, scope: Scope, account: AccountId) {
    let pool = units::pool(store, scope, "codes");
    units::import(store, scope, pool, &[&format!("code of {account}")]);
    let all = NewCard { kind: CardKind::Combination, parts: vec![pool], ..units::new_pool("all") };
    let card = cards::insert(store, scope, all).unwrap();
    let (order, item, keys) = (OrderId::from("2500000000000000009"), "900000000009", store.keys().clone());
    let notice = Notice {
        message: "9.PNM".into(),
        conversation: "600009".into(),
        order: Some(order.clone()),
        event: OrderEvent::Paid,
        buyer: Some("3300009".into()),
        item: Some(item.into()),
        at: NOW,
    };
    let detail = OrderDetail {
        order: order.clone(),
        item: item.into(),
        buyer: "3300009".into(),
        state: Some(TradeState::Paid),
        quantity: 1,
        spec: Vec::new(),
        price: None,
        amount: None,
        address: None,
        placed_at: None,
    };
    let rule = Draft {
        account: Some(account),
        target: Target::Item(item.into()),
        spec: None,
        priority: 0,
        enabled: true,
        quantity: Quantity::Piece,
        delay_s: 0,
        per_day: None,
        hours: None,
        cards: vec![card],
        note: String::new(),
    };
    let glance = Glance { account, owner: scope.user(), fresh: HOUR, now: NOW };
    let fill = move |conn: &mut _| {
        delivery_rules::insert(conn, &scope, &rule, NOW)?;
        let settings = DeliverySettings { enabled: true, ..DeliverySettings::unset(account) };
        delivery_settings::put(conn, &scope, &settings)?;
        follow_up_settings::put(conn, &scope, account, &Plan::default(), NOW)?;
        order_events::insert(conn, account, &notice, NOW)?;
        orders::want_comparison(conn, account, NOW)?;
        orders::read(conn, &keys, account, &"1".into(), &detail, ReadBecause::Notice, NOW)?;
        deliveries::look(conn, &keys, glance, &order)?;
        order_actions::mark_done(conn, account, &order, Action::ByHand, NOW)?;
        reviews::open(conn, account, &order, Reason::Uncertain, None, NOW)
    };
    store.write_blocking(fill).unwrap();
}

/// T13: after a user is removed every table is as if they had never been, and nobody else misses anything.
#[test]
fn t13_a_removed_user_leaves_nothing_in_any_table() {
    on_each_database(|database| {
        let store = database.open();
        settle(&store, "neighbour");
        let before = rows(database);
        let leaver = settle(&store, "leaver");
        for ((table, before), (_, with)) in before.iter().zip(rows(database)) {
            assert!(with > *before, "{table}: let settle() put something there");
        }
        assert_eq!(store.write_blocking(move |conn| users::delete(conn, leaver)), Ok(true));
        assert_eq!(rows(database), before);
    });
}

#[test]
fn people_are_found_by_role_activity_and_a_piece_of_their_names() {
    on_each_database(|database| {
        let store = database.open();
        let [alice, _, percent, wide] = ["Alice", "bob", "100%", "Ärmel ＶＩＰ"].map(|name| add_user(&store, name));
        let change =
            UserChange { active: Some(false), email: Some(Some("shop@example.com".into())), ..Default::default() };
        store.write_blocking(move |conn| users::update(conn, alice, &change, NOW)).unwrap();
        let found = |filter: Filter| {
            let page = Page { offset: 0, limit: 10 };
            let (users, total) = store.read_blocking(move |conn| users::page(conn, &filter, page)).unwrap();
            assert_eq!(total, i64::try_from(users.len()).unwrap());
            users.into_iter().map(|user| user.id).collect::<Vec<_>>()
        };
        let text = |text: &str| Filter { text: Some(text.into()), ..Filter::default() };
        assert_eq!(found(Filter::default()).len(), 4);
        assert_eq!(found(text("aLI")), [alice]);
        assert_eq!(found(text("SHOP@")), [alice]);
        assert_eq!(found(text("Ärm")), [wide], "as it is spelt, whatever the database can fold");
        assert_eq!(found(text("ＶＩＰ")), [wide]);
        assert_eq!(found(text("%")), [percent], "nothing is a wildcard");
        assert_eq!(found(Filter { active: Some(false), ..Filter::default() }), [alice]);
        assert_eq!(found(Filter { role: Some(Role::Admin), ..Filter::default() }), []);
        assert_eq!(found(Filter::employees(&Scope::owner(alice))), []);
        let (first, total) =
            store.read_blocking(|conn| users::page(conn, &Filter::default(), Page { offset: 1, limit: 1 })).unwrap();
        assert_eq!((first[0].name.as_str(), total), ("bob", 4));
    });
}
