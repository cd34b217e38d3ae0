//! Lists that are read in parts: what fits, in which order, how many there are – and to whom.

use diesel::connection::SimpleConnection;
use yutang::{
    access::role::Role,
    account::state::{Reason, State as Connection, Status},
    ids::{AccountId, ConversationId, RuleId, Timestamp, TokenId, UserId},
    outbox::entry::{Entry, NotSettled, Origin, PersonsWord, SendId, State},
    reply::rule::{Matching, RuleBody},
    store::{
        DbConn, Page, Saved, Scope, Secret, Store, StoreError, account_states,
        accounts::{self, NotSaved as AccountRefused},
        audit::Actor,
        blocked_buyers::{self, Blocked},
        chat_messages::{self, DecisionFilter, NewMessage},
        conversations::{self, ConversationRow, Side},
        once_replies::{self, OnceReply},
        outbox,
        rules::{self, NotSaved},
        users,
    },
};

use crate::{
    harness::{Database, NOW, add_account, add_user, new_account, number, on_each_database, with_account},
    messages, tables,
};

const ALL: Page = Page { offset: 0, limit: 100 };

pub fn at(ms: i64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

pub fn read<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut DbConn) -> diesel::QueryResult<T> + Send + 'static,
) -> T {
    store.read_blocking(work).unwrap()
}

pub fn write<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut DbConn) -> diesel::QueryResult<T> + Send + 'static,
) -> T {
    store.write_blocking(work).unwrap()
}

fn conversation(account: AccountId, id: &str, name: &str, title: &str) -> ConversationRow {
    ConversationRow {
        account,
        conversation: id.into(),
        peer: Some("3300001".into()),
        peer_name: Some(name.into()),
        item: None,
        item_title: Some(title.into()),
        side: Side::Seller,
        paused_until: None,
        created_at: NOW,
    }
}

fn said(account: AccountId, id: &str, conversation: &str, ms: i64) -> NewMessage {
    NewMessage {
        conversation: conversation.into(),
        sent_at: at(ms),
        received_at: at(ms),
        ..messages::message(account, id)
    }
}

fn decided(decision: &'static str, reason: &str, message: NewMessage) -> NewMessage {
    NewMessage { decision: Some(decision), reason: Some(reason.into()), decided_at: Some(NOW), ..message }
}

fn made(account: AccountId, ms: i64, state: State) -> Entry {
    Entry { state, created_at: at(ms), ..messages::entry(account, NOW.0 + ms) }
}

#[test]
fn outbox_entries_come_newest_first_in_parts_with_their_number() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let other = add_account(&store, scope.user(), "other", "2200002");
        let by_person = Entry { origin: Origin::Person, rule: None, ..made(account, 2, State::Confirmed) };
        let elsewhere = Entry { conversation: "600002".into(), ..made(account, 3, State::Rejected) };
        let entries = [made(account, 1, State::Queued), by_person, elsewhere, made(other, 4, State::Queued)];
        write(&store, move |conn| outbox::insert_many(conn, &entries));
        let page = |filter: outbox::Filter, page: Page| {
            let (entries, total) = read(&store, move |conn| outbox::page(conn, &scope, &filter, page));
            (entries.iter().map(|entry| entry.id.0 - NOW.0).collect::<Vec<_>>(), total)
        };
        let all = outbox::Filter::default;
        assert_eq!(page(all(), ALL), (vec![4, 3, 2, 1], 4));
        assert_eq!(page(all(), Page { offset: 1, limit: 2 }), (vec![3, 2], 4));
        assert_eq!(page(all(), Page { offset: 9, limit: 2 }), (vec![], 4));
        assert_eq!(page(outbox::Filter { account: Some(account), ..all() }, ALL), (vec![3, 2, 1], 3));
        assert_eq!(page(outbox::Filter { state: Some(State::Queued), ..all() }, ALL), (vec![4, 1], 2));
        assert_eq!(page(outbox::Filter { origin: Some(Origin::Person), ..all() }, ALL), (vec![2], 1));
        assert_eq!(page(outbox::Filter { conversation: Some("600002".into()), ..all() }, ALL), (vec![3], 1));
        assert_eq!(page(outbox::Filter { since: Some(at(2)), until: Some(at(4)), ..all() }, ALL), (vec![3, 2], 2));
        let got = read(&store, move |conn| outbox::get(conn, &scope, account, SendId(NOW.0 + 2)));
        assert_eq!((got.origin, got.rule), (Origin::Person, None));
    });
}

#[test]
fn a_persons_word_changes_an_entry_once_and_only_in_its_state() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let rule = tables::add_rule(&store, scope, "once");
        let states = [State::Queued, State::Uncertain, State::Uncertain, State::Sent];
        let entries: Vec<_> = (1..).zip(states).map(|(ms, state)| made(account, ms, state)).collect();
        let id = |ms: i64| SendId(NOW.0 + ms);
        let claim = OnceReply { account, conversation: "600001".into(), rule, outbox: id(2) };
        write(&store, move |conn| {
            outbox::insert_many(conn, &entries)?;
            once_replies::claim_many(conn, &[claim])
        });
        let say = |ms: i64, word| {
            write(&store, move |conn| outbox::settle_by_person(conn, account, id(ms), word, at(9)))
                .map(|entry| (entry.state, entry.reason, entry.settled_at))
        };
        let wrong = |state| Err(NotSettled::WrongState(state));
        assert_eq!(say(1, PersonsWord::Cancel), Ok((State::Expired, Some("cancelled".into()), Some(at(9)))));
        assert_eq!(say(1, PersonsWord::Cancel), wrong(State::Expired));
        let not_arrived = Some("person_says_not_arrived".to_owned());
        assert_eq!(say(2, PersonsWord::NotArrived), Ok((State::Rejected, not_arrived, Some(at(9)))));
        assert_eq!(
            number(&mut database.raw(), "SELECT count(*) AS number FROM once_replies"),
            0,
            "it may be given again"
        );
        assert_eq!(say(3, PersonsWord::Arrived), Ok((State::Confirmed, None, Some(at(9)))));
        assert_eq!(say(4, PersonsWord::Arrived), wrong(State::Sent));
        assert_eq!(say(4, PersonsWord::Cancel), wrong(State::Sent));
        assert_eq!(say(5, PersonsWord::Cancel), Err(NotSettled::NotFound));
    });
}

#[test]
fn an_entry_that_is_sent_again_keeps_its_state_and_names_the_new_one() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let old = Entry { reason: Some("no".into()), ..made(account, 1, State::Rejected) };
        let stored = old.clone();
        let linked = write(&store, move |conn| {
            outbox::insert_many(conn, std::slice::from_ref(&stored))?;
            outbox::link(conn, &stored, SendId(77))?;
            outbox::find(conn, account, stored.id)
        });
        let linked = linked.unwrap();
        assert_eq!((linked.state, linked.sent_again_as()), (State::Rejected, Some(SendId(77))));
    });
}

/// Three conversations: answered by rule, left to a person, typed in by the seller.
fn conversations_of(store: &Store, account: AccountId) {
    let rows = [
        conversation(account, "600001", "Anna", "鱼竿"),
        conversation(account, "600002", "Bea_1", "50% off"),
        conversation(account, "600003", "Carl", "鱼线"),
        conversation(account, "600004", "Dora", "nothing said"),
    ];
    let texts = [
        decided("silent", "no_rule", said(account, "0.PNM", "600001", 1)),
        decided("answer", "rule", said(account, "1.PNM", "600001", 10)),
        NewMessage {
            needs_person: true,
            text: "快回".into(),
            ..decided("silent", "too_old", said(account, "2.PNM", "600002", 30))
        },
        decided("silent", "no_rule", said(account, "3.PNM", "600003", 5)),
        decided("own", "own", said(account, "4.PNM", "600003", 20)),
    ];
    write(store, move |conn| {
        conversations::upsert_many(conn, &rows)?;
        conversations::set_pause(conn, account, &"600003".into(), Some(at(100)), NOW)?;
        chat_messages::insert_new(conn, &texts)
    });
}

#[test]
fn conversations_come_by_their_newest_message_and_are_found_by_what_matters() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        conversations_of(&store, account);
        let page = |filter: conversations::Filter, page: Page, now: Timestamp| {
            let (rows, total) = read(&store, move |conn| conversations::page(conn, &scope, &filter, page, now));
            let id = |row: &conversations::Summary| row.conversation.conversation.as_str()[5..].to_owned();
            (rows.iter().map(id).collect::<Vec<_>>().concat(), total)
        };
        let all = conversations::Filter::default;
        assert_eq!(page(all(), ALL, NOW), ("2314".into(), 4));
        assert_eq!(page(all(), Page { offset: 1, limit: 2 }, NOW), ("31".into(), 4));
        assert_eq!(page(conversations::Filter { paused: true, ..all() }, ALL, NOW), ("3".into(), 1));
        assert_eq!(page(conversations::Filter { paused: true, ..all() }, ALL, at(100)), (String::new(), 0));
        assert_eq!(page(conversations::Filter { waiting: true, ..all() }, ALL, NOW), ("2".into(), 1));
        assert_eq!(page(conversations::Filter { unanswered: true, ..all() }, ALL, NOW), ("2".into(), 1));
        let text = |text: &str| conversations::Filter { text: Some(text.into()), ..all() };
        assert_eq!(page(text("ANNA"), ALL, NOW), ("1".into(), 1));
        assert_eq!(page(text("鱼"), ALL, NOW), ("31".into(), 2));
        assert_eq!(page(text("%"), ALL, NOW), ("2".into(), 1));
        assert_eq!(page(text("a_1"), ALL, NOW), ("2".into(), 1));
        let other = conversations::Filter { account: Some(AccountId(account.0 + 1)), ..all() };
        assert_eq!(page(other, ALL, NOW), (String::new(), 0));
    });
}

#[test]
fn a_conversation_shows_its_newest_message_and_a_persons_answer_ends_the_waiting() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        conversations_of(&store, account);
        let second = move |conn: &mut DbConn| {
            let (rows, _) = conversations::page(conn, &scope, &conversations::Filter::default(), ALL, NOW)?;
            Ok(rows.into_iter().find(|row| row.conversation.conversation.as_str() == "600002").unwrap())
        };
        let last = read(&store, second).last.unwrap();
        assert_eq!((last.text.as_str(), last.sent_at, last.waits_for_person), ("快回", at(30), true));
        assert_eq!((last.decision.as_deref(), last.reason.as_deref()), (Some("silent"), Some("too_old")));
        let made = made(account, 40, State::Queued);
        let reply = Entry { origin: Origin::Person, conversation: "600002".into(), in_reply_to: None, ..made };
        write(&store, move |conn| {
            outbox::insert_many(conn, &[reply])?;
            chat_messages::attended(conn, account, &"600002".into())
        });
        let waiting = conversations::Filter { waiting: true, ..Default::default() };
        let unanswered = conversations::Filter { unanswered: true, ..Default::default() };
        for filter in [waiting, unanswered] {
            assert_eq!(read(&store, move |conn| conversations::page(conn, &scope, &filter, ALL, NOW)), (vec![], 0));
        }
    });
}

#[test]
fn the_other_end_of_a_conversation_is_known_from_what_was_written() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let texts = [
            NewMessage { sender: "3300009".into(), ..said(account, "1.PNM", "1", 1) },
            NewMessage { sender: "2200001".into(), ..decided("own", "own", said(account, "2.PNM", "1", 2)) },
            decided("silent", "group_chat", said(account, "3.PNM", "2", 3)),
            decided("silent", "not_a_person", said(account, "4.PNM", "3", 4)),
        ];
        let known = ConversationRow { peer: Some("3300007".into()), ..conversation(account, "4", "n", "t") };
        write(&store, move |conn| {
            chat_messages::insert_new(conn, &texts)?;
            conversations::upsert_many(conn, &[known])
        });
        let peer = |id: &str| {
            let id: ConversationId = id.into();
            let found = read(&store, move |conn| conversations::find_peer(conn, account, &id, &"2200001".into()));
            found.map(|peer| peer.to_string())
        };
        assert_eq!(peer("1").as_deref(), Some("3300009"));
        assert_eq!([peer("2"), peer("3"), peer("5")], [None, None, None]);
        assert_eq!(peer("4").as_deref(), Some("3300007"));
    });
}

#[test]
fn messages_and_decisions_come_newest_first() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        conversations_of(&store, account);
        write(&store, move |conn| {
            let ruled = [messages::decision(account, "5.PNM")];
            chat_messages::insert_new(
                conn,
                &[said(account, "5.PNM", "600009", 50), said(account, "6.PNM", "600009", 60)],
            )?;
            chat_messages::decide_many(conn, &ruled)
        });
        let ids = |(rows, total): (Vec<chat_messages::StoredMessage>, i64)| {
            (rows.iter().map(|row| row.message.as_str()[..1].to_owned()).collect::<Vec<_>>().concat(), total)
        };
        let of = |id: &str, page: Page| {
            let id: ConversationId = id.into();
            ids(read(&store, move |conn| chat_messages::page(conn, &scope, account, &id, page)))
        };
        assert_eq!(of("600003", ALL), ("43".into(), 2));
        assert_eq!(of("600003", Page { offset: 1, limit: 5 }), ("3".into(), 2));
        let page = |filter: DecisionFilter| {
            ids(read(&store, move |conn| chat_messages::decisions(conn, &scope, &filter, ALL)))
        };
        let all = DecisionFilter::default;
        assert_eq!(page(all()), ("52130".into(), 5), "neither the seller's own nor what nobody decided");
        assert_eq!(page(DecisionFilter { decision: Some("own".into()), ..all() }), ("4".into(), 1));
        assert_eq!(page(DecisionFilter { reason: Some("no_rule".into()), ..all() }), ("30".into(), 2));
        assert_eq!(page(DecisionFilter { rule: Some(RuleId(7)), ..all() }), ("5".into(), 1));
        assert_eq!(page(DecisionFilter { since: Some(at(5)), until: Some(at(30)), ..all() }), ("13".into(), 2));
        assert_eq!(page(DecisionFilter { conversation: Some("600001".into()), ..all() }), ("10".into(), 2));
        assert_eq!(page(DecisionFilter { account: Some(AccountId(account.0 + 1)), ..all() }), (String::new(), 0));
    });
}

#[test]
fn accounts_come_by_name_with_what_they_are_doing() {
    on_each_database(|database| {
        let (store, scope, shop) = with_account(database);
        let bait = add_account(&store, scope.user(), "Bait", "2200002");
        add_account(&store, scope.user(), "zander", "2200003");
        let failed = Status::new(Connection::Failed, Reason::SessionExpired, NOW);
        let status = failed.clone();
        write(&store, move |conn| {
            account_states::put(conn, shop, &status)?;
            accounts::set_enabled(conn, &scope, bait, false, NOW)
        });
        let page = |filter: accounts::Filter, page: Page| {
            let (rows, total) = read(&store, move |conn| accounts::page(conn, &scope, &filter, page));
            (rows.into_iter().map(|(account, status)| (account.name, status)).collect::<Vec<_>>(), total)
        };
        let all = accounts::Filter::default;
        let (rows, total) = page(all(), ALL);
        assert_eq!((rows.len(), total), (3, 3));
        assert!(rows.contains(&("shop".into(), Some(failed.clone()))) && rows.contains(&("Bait".into(), None)));
        assert_eq!(page(all(), Page { offset: 2, limit: 2 }).0.len(), 1);
        let names = |filter| page(filter, ALL).0.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(accounts::Filter { text: Some("bAIT".into()), ..all() }), ["Bait"]);
        assert_eq!(names(accounts::Filter { text: Some("2200003".into()), ..all() }), ["zander"]);
        assert_eq!(names(accounts::Filter { enabled: Some(false), ..all() }), ["Bait"]);
        assert_eq!(names(accounts::Filter { state: Some(Connection::Failed), ..all() }), ["shop"]);
        assert_eq!(names(accounts::Filter { state: Some(Connection::Disconnected), ..all() }).len(), 2);
    });
}

#[test]
fn an_account_is_added_renamed_and_given_a_cookie_only_where_nobody_elses_is_taken() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let stranger = Scope::owner(add_user(&store, "stranger"));
        let add = |scope: Scope, name: &str, uid: &str| {
            let (keys, new) = (store.keys().clone(), new_account(name, uid));
            write(&store, move |conn| accounts::insert(conn, &keys, &scope, &new, NOW))
        };
        assert_eq!(add(scope, "shop", "2200009"), Err(AccountRefused::NameTaken));
        assert_eq!(add(stranger, "shop", "2200001"), Err(AccountRefused::UidTaken));
        assert_eq!(add(Scope::member(scope.user(), UserId(9)), "new", "2200009"), Err(AccountRefused::Forbidden));
        add(scope, "second", "2200002").unwrap();

        let give = |scope: Scope, uid: &str, cookie: &str| {
            let (keys, uid, cookie) = (store.keys().clone(), uid.into(), Secret::new(cookie));
            write(&store, move |conn| accounts::replace_credentials(conn, &keys, &scope, account, (&uid, &cookie), NOW))
        };
        assert_eq!(give(scope, "2200001", "unb=2200001"), Ok(1), "an equal cookie disturbs nobody");
        assert_eq!(give(scope, "2200001", "fresh"), Ok(2));
        assert_eq!(give(scope, "2200002", "fresh"), Err(AccountRefused::UidTaken));
        assert_eq!(give(scope, "2200077", "fresh"), Err(AccountRefused::AnotherSeller));
        assert_eq!(give(stranger, "2200001", "fresh"), Err(AccountRefused::NotFound));

        let rename = |scope: Scope, name: &'static str| {
            write(&store, move |conn| accounts::rename(conn, &scope, account, name, NOW))
        };
        assert_eq!(rename(scope, "second"), Err(AccountRefused::NameTaken));
        assert_eq!(rename(stranger, "x"), Err(AccountRefused::NotFound));
        assert_eq!([rename(scope, "shop"), rename(scope, "renamed")], [Ok(()), Ok(())]);
        let row = read(&store, move |conn| accounts::get(conn, &scope, account));
        assert_eq!((row.name.as_str(), row.credentials_version), ("renamed", 2));
    });
}

#[test]
fn rules_come_by_priority_and_are_found_by_what_they_are() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let rule = |keyword: &str, priority| RuleBody { priority, ..tables::new_rule(keyword) };
        let default = RuleBody { matching: Matching::Default, keyword: String::new(), enabled: false, ..rule("", 0) };
        let new = [
            rule("low", 1),
            RuleBody { account: Some(account), ..rule("High", 9) },
            RuleBody { items: vec!["700001".into()], ..rule("item", 5) },
            default,
        ];
        let saved = write(&store, move |conn| rules::upsert_many(conn, &scope, &new, &Actor::system(), NOW));
        assert_eq!(saved, [Saved::Added; 4]);
        let page = |filter: rules::Filter, page: Page| {
            let (loaded, total) = read(&store, move |conn| rules::page(conn, &scope, &filter, page));
            (loaded.rules.into_iter().map(|rule| rule.body.keyword).collect::<Vec<_>>().join(","), total)
        };
        let all = rules::Filter::default;
        assert_eq!(page(all(), ALL), ("High,item,low,".into(), 4));
        assert_eq!(page(all(), Page { offset: 1, limit: 1 }), ("item".into(), 4));
        let everywhere = rules::Filter { reach: Some(rules::Reach::Everywhere), ..all() };
        assert_eq!(page(everywhere, ALL), ("item,low,".into(), 3));
        assert_eq!(page(rules::Filter { reach: Some(rules::Reach::In(account)), ..all() }, ALL), ("High".into(), 1));
        assert_eq!(page(rules::Filter { kind: Some(rules::Kind::DefaultReply), ..all() }, ALL), (String::new(), 1));
        assert_eq!(page(rules::Filter { kind: Some(rules::Kind::Keyword), ..all() }, ALL).1, 3);
        assert_eq!(page(rules::Filter { matching: Some(Matching::Contains), ..all() }, ALL).1, 3);
        assert_eq!(page(rules::Filter { item: Some("700001".into()), ..all() }, ALL), ("item".into(), 1));
        assert_eq!(page(rules::Filter { enabled: Some(false), ..all() }, ALL).1, 1);
        assert_eq!(page(rules::Filter { text: Some("hIGH".into()), ..all() }, ALL), ("High".into(), 1));
        assert_eq!(page(rules::Filter { text: Some("在的".into()), ..all() }, ALL).1, 4, "found by its reply");
    });
}

#[test]
fn a_rule_may_become_another_rule_but_never_a_twin() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let first = tables::add_rule(&store, scope, "first");
        let insert =
            |new: RuleBody| write(&store, move |conn| rules::insert(conn, &scope, &new, &Actor::system(), NOW));
        assert_eq!(insert(tables::new_rule("first")), Err(NotSaved::Exists(first)));
        let elsewhere = RuleBody { account: Some(AccountId(404)), ..tables::new_rule("x") };
        assert_eq!(insert(elsewhere), Err(NotSaved::NotFound));
        let second = insert(tables::new_rule("second")).unwrap();
        let replace = |id: RuleId, new: RuleBody| {
            write(&store, move |conn| rules::replace(conn, &scope, id, &new, &Actor::system(), at(5)))
        };
        assert_eq!(replace(second, tables::new_rule("first")), Err(NotSaved::Exists(first)));
        assert_eq!(replace(RuleId(404), tables::new_rule("x")), Err(NotSaved::NotFound));
        let moved = RuleBody { account: Some(account), priority: 8, ..tables::new_rule("first") };
        assert_eq!(replace(second, moved), Ok(()));
        let rule = read(&store, move |conn| rules::get(conn, &scope, second));
        let body = rule.body;
        assert_eq!((rule.id, body.account, body.keyword.as_str(), body.priority), (second, Some(account), "first", 8));
        assert_eq!(rule.created_at, NOW);
    });
}

#[test]
fn blocked_buyers_are_found_and_removed_by_number() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let block = |account, buyer: &str, note: &str| Blocked {
            account,
            buyer: buyer.into(),
            note: note.into(),
            created_at: NOW,
        };
        let blocks = [block(None, "3300001", "Rude"), block(Some(account), "3300002", "spam")];
        write(&store, move |conn| {
            blocks.iter().try_for_each(|block| blocked_buyers::insert(conn, &scope, block).map(drop))
        });
        let page =
            |filter: blocked_buyers::Filter| read(&store, move |conn| blocked_buyers::page(conn, &scope, &filter, ALL));
        let (rows, total) = page(blocked_buyers::Filter::default());
        assert_eq!((rows[0].blocked.buyer.as_str(), rows.len(), total), ("3300002", 2, 2));
        let of_account = blocked_buyers::Filter { account: Some(account), ..Default::default() };
        assert_eq!(page(of_account).0, [rows[0].clone()]);
        for text in ["rude", "3300001"] {
            let filter = blocked_buyers::Filter { text: Some(text.into()), ..Default::default() };
            assert_eq!(page(filter), (vec![rows[1].clone()], 1));
        }
        let gone = rows[1].clone();
        assert_eq!(read(&store, move |conn| blocked_buyers::get(conn, &scope, gone.id)), rows[1]);
        let gone = rows[1].clone();
        write(&store, move |conn| blocked_buyers::remove_row(conn, &scope, &gone));
        let number = rows[1].id;
        let left = store.read_blocking(move |conn| blocked_buyers::get(conn, &scope, number));
        assert_eq!(left, Err(StoreError::NotFound));
    });
}

/// Everything of one owner, and who looks at it.
struct Tenancy {
    store: Store,
    account: AccountId,
    rule: RuleId,
    own_rule: RuleId,
    owner: Scope,
    member: Scope,
    /// Sees nothing of it.
    others: [Scope; 3],
}

fn tenancy(database: &Database) -> Tenancy {
    let (store, owner, account) = with_account(database);
    let other = add_account(&store, owner.user(), "other", "2200002");
    conversations_of(&store, account);
    let rule = tables::add_rule(&store, owner, "global");
    let own = RuleBody { account: Some(account), ..tables::new_rule("own") };
    let block = Blocked { account: Some(account), buyer: "3300001".into(), note: String::new(), created_at: NOW };
    let own_rule = write(&store, move |conn| {
        outbox::insert_many(conn, &[made(account, 1, State::Queued)])?;
        blocked_buyers::insert(conn, &owner, &block)?;
        rules::insert(conn, &owner, &own, &Actor::system(), NOW)
    });
    let [chosen, elsewhere] = [("chosen", account), ("elsewhere", other)].map(|(name, account)| {
        let user = users::NewUser {
            name: name.into(),
            password_hash: "hash".into(),
            role: Role::Operator,
            employer: Some(owner.user()),
            email: None,
            created_at: NOW,
        };
        write(&store, move |conn| {
            let id = users::insert(conn, &user)?.unwrap();
            users::set_accounts(conn, &owner, id, &[account]).map(|()| id)
        })
    });
    let token = format!(
        "INSERT INTO api_tokens (id, user_id, name, prefix, hash, access, all_accounts, created_at) \
         SELECT 1, {owner}, 'bot', 'p', password_hash, 'read', {no}, 1 FROM (SELECT {hash} AS password_hash) AS t; \
         INSERT INTO api_token_accounts VALUES (1, {other})",
        owner = owner.user(),
        no = if matches!(database.raw(), DbConn::Sqlite(_)) { "0" } else { "FALSE" },
        hash = if matches!(database.raw(), DbConn::Sqlite(_)) { "X'00'" } else { "'\\x00'::bytea" },
    );
    database.raw().batch_execute(&token).unwrap();
    let stranger = Scope::owner(add_user(&store, "stranger"));
    Tenancy {
        account,
        rule,
        own_rule: own_rule.unwrap(),
        owner,
        member: Scope::member(owner.user(), chosen),
        others: [stranger, Scope::member(owner.user(), elsewhere), owner.through(TokenId(1))],
        store,
    }
}

/// T12: how many there are is counted among what one may see.
#[test]
fn t12_a_stranger_a_member_and_a_token_without_the_account_see_and_count_nothing_of_it() {
    on_each_database(|database| {
        let tenancy = tenancy(database);
        let (account, own_rule) = (tenancy.account, tenancy.own_rule);
        let seen = |scope: Scope| {
            read(&tenancy.store, move |conn| {
                let reach = rules::Filter { reach: Some(rules::Reach::In(account)), ..Default::default() };
                let of = accounts::Filter { text: Some("shop".into()), ..Default::default() };
                let blocked = blocked_buyers::Filter { account: Some(account), ..Default::default() };
                let messages = chat_messages::page(conn, &scope, account, &"600001".into(), ALL)?;
                let totals = [
                    outbox::page(conn, &scope, &outbox::Filter::default(), ALL)?.1,
                    conversations::page(conn, &scope, &conversations::Filter::default(), ALL, NOW)?.1,
                    messages.1,
                    chat_messages::decisions(conn, &scope, &DecisionFilter::default(), ALL)?.1,
                    accounts::page(conn, &scope, &of, ALL)?.1,
                    rules::page(conn, &scope, &reach, ALL)?.1,
                    blocked_buyers::page(conn, &scope, &blocked, ALL)?.1,
                ];
                let found = [
                    outbox::get(conn, &scope, account, SendId(NOW.0 + 1)).is_ok(),
                    conversations::get(conn, &scope, account, &"600001".into()).is_ok(),
                    rules::get(conn, &scope, own_rule).is_ok(),
                    accounts::get(conn, &scope, account).is_ok(),
                ];
                Ok((totals, found))
            })
        };
        for scope in [tenancy.owner, tenancy.member] {
            assert_eq!(seen(scope), ([1, 4, 2, 4, 1, 1, 1], [true; 4]));
        }
        for scope in tenancy.others {
            assert_eq!(seen(scope), ([0; 7], [false; 4]), "{scope:?}");
        }
    });
}

#[test]
fn what_is_for_all_accounts_is_seen_by_everybody_of_the_owner_and_changed_by_who_has_all() {
    on_each_database(|database| {
        let tenancy = tenancy(database);
        let (rule, own_rule, account) = (tenancy.rule, tenancy.own_rule, tenancy.account);
        let [stranger, elsewhere, token] = tenancy.others;
        for scope in [tenancy.member, elsewhere, token] {
            read(&tenancy.store, move |conn| rules::get(conn, &scope, rule));
            let tried = write(&tenancy.store, move |conn| {
                Ok([
                    rules::delete(conn, &scope, rule, &Actor::system(), NOW)?,
                    rules::set_enabled(conn, &scope, rule, false, &Actor::system(), NOW)?,
                    rules::replace(conn, &scope, rule, &tables::new_rule("x"), &Actor::system(), NOW)?,
                    rules::insert(conn, &scope, &tables::new_rule("new"), &Actor::system(), NOW)?.map(drop),
                ])
            });
            assert_eq!(tried, [Err(NotSaved::Forbidden); 4]);
            let everywhere = Blocked { account: None, buyer: "1".into(), note: String::new(), created_at: NOW };
            let blocked = tenancy.store.write_blocking(move |conn| blocked_buyers::insert(conn, &scope, &everywhere));
            assert_eq!(blocked, Err(StoreError::NotFound));
        }
        for scope in [stranger, elsewhere, token] {
            let tried = write(&tenancy.store, move |conn| {
                let new = RuleBody { account: Some(account), ..tables::new_rule("new") };
                Ok([
                    rules::delete(conn, &scope, own_rule, &Actor::system(), NOW)?,
                    rules::insert(conn, &scope, &new, &Actor::system(), NOW)?.map(drop),
                ])
            });
            assert_eq!(tried, [Err(NotSaved::NotFound); 2]);
        }
        let member = tenancy.member;
        let widened = write(&tenancy.store, move |conn| {
            rules::replace(conn, &member, own_rule, &tables::new_rule("own"), &Actor::system(), NOW)
        });
        assert_eq!(widened, Err(NotSaved::Forbidden), "an own rule is not made one for all");
        assert_eq!(
            write(&tenancy.store, move |conn| rules::delete(conn, &member, own_rule, &Actor::system(), NOW)),
            Ok(())
        );
    });
}

fn tables_of(conn: &mut DbConn) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Name {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
    }
    let sql = match conn {
        DbConn::Sqlite(_) => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        }
        DbConn::Pg(_) => {
            "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        }
    };
    let names: Vec<Name> = diesel::RunQueryDsl::load(diesel::sql_query(sql), conn).unwrap();
    names.into_iter().map(|name| name.name).collect()
}

/// T13: there, keywords, replies, orders and more stayed behind a deleted user, and their tasks went on.
#[test]
fn t13_a_deleted_user_leaves_no_row_behind_in_any_table() {
    on_each_database(|database| {
        let store = database.open();
        let counts = || {
            let mut conn = database.raw();
            let tables = tables_of(&mut conn);
            let count = |table: String| (crate::harness::count(&mut conn, &table), table);
            tables.into_iter().map(count).collect::<Vec<_>>()
        };
        let before = counts();
        drop(store);
        let tenancy = tenancy(database);
        tables::fill(&tenancy.store, tenancy.owner, tenancy.account);
        let grown = counts().into_iter().zip(&before).filter(|(after, before)| after.0 > before.0).count();
        assert!(grown >= 16, "only {grown} tables have something to leave behind");
        let [stranger, ..] = tenancy.others;
        let owner = tenancy.owner;
        write(&tenancy.store, move |conn| {
            assert!(users::delete(conn, owner.user())?);
            users::delete(conn, stranger.user())
        });
        assert_eq!(counts(), before);
    });
}
