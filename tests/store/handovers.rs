//! Who looks after a conversation.

use yutang::{
    access::role::Role,
    ids::{AccountId, ConversationId, Timestamp, UserId},
    notify::event::Event,
    store::{
        DbConn, Page, QueryResult, Scope, Store,
        conversations::{self, Filter},
        handovers::{self, By, HandedTo, Handover, UnknownColleague},
        notices, retention,
        users::{self, NewUser, UserChange},
    },
};

use crate::{
    buyers::conversation,
    harness::{Database, NOW, add_user, on_each_database, with_account},
};

fn place() -> ConversationId {
    "600001".into()
}

fn employ(store: &Store, scope: Scope, name: &str, role: Role, accounts: &[AccountId]) -> UserId {
    let new = NewUser {
        name: name.into(),
        password_hash: "hash".into(),
        role,
        employer: Some(scope.user()),
        email: None,
        created_at: NOW,
    };
    let accounts = accounts.to_vec();
    let work = move |conn: &mut DbConn| {
        let id = users::insert(conn, &new)?.unwrap();
        users::set_accounts(conn, &scope, id, &accounts).map(|()| id)
    };
    store.write_blocking(work).unwrap()
}

/// A seller with a conversation, and bob who works on the account.
fn shop(database: &Database) -> (Store, Scope, AccountId, UserId) {
    let (store, scope, account) = with_account(database);
    let rows = [conversation(account, "600001", "3300001"), conversation(account, "600002", "3300002")];
    store.write_blocking(move |conn| conversations::upsert_many(conn, &rows)).unwrap();
    let bob = employ(&store, scope, "bob", Role::Operator, &[account]);
    (store, scope, account, bob)
}

fn hand(
    store: &Store,
    scope: Scope,
    account: AccountId,
    to: Option<UserId>,
    now: Timestamp,
) -> Result<Handover, UnknownColleague> {
    let by = By { user: None, name: "a rule".into() };
    let work = move |conn: &mut DbConn| {
        handovers::hand_over(conn, scope.user(), (account, &place()), to, &by, "wants a refund", now)
    };
    store.write_blocking(work).unwrap()
}

fn find(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<Option<Handover>> {
    Ok(handovers::of_many(conn, scope, &[(account, place())])?.remove(&(account, place())))
}

#[test]
fn a_conversation_is_handed_to_one_person_pauses_and_is_told_of() {
    on_each_database(|database| {
        let (store, scope, account, bob) = shop(database);
        hand(&store, scope, account, None, NOW).unwrap();
        let handed = hand(&store, scope, account, Some(bob), Timestamp(NOW.0 + 1)).unwrap();
        assert_eq!((handed.to, handed.to_name.as_deref()), (Some(bob), Some("bob")));
        let look = move |conn: &mut DbConn| {
            let row = conversations::get(conn, &scope, account, &place())?;
            let open: Vec<_> = notices::live(conn)?.into_iter().filter(|row| row.ended_at.is_none()).collect();
            Ok((row.paused_until, find(conn, &scope, account)?, open))
        };
        let (paused, found, open) = store.read_blocking(look).unwrap();
        assert_eq!((paused, found), (Some(Timestamp::NEVER), Some(handed)));
        assert_eq!((open.len(), open[0].event), (1, Event::Handover), "the one before is over");
        let subject = open[0].subject();
        assert_eq!((subject.what.as_deref(), subject.why.unwrap().en.as_str()), (Some("bob"), "wants a refund"));
        let stranger = Scope::owner(add_user(&store, "stranger"));
        assert_eq!(store.read_blocking(move |conn| find(conn, &stranger, account)), Ok(None));
    });
}

#[test]
fn who_resumes_ends_it_and_a_shorter_pause_does_not() {
    on_each_database(|database| {
        let (store, scope, account, bob) = shop(database);
        hand(&store, scope, account, Some(bob), NOW).unwrap();
        let pause = move |until: Option<Timestamp>| {
            move |conn: &mut DbConn| {
                conversations::set_pause_for_person(conn, &scope, account, &place(), until, NOW)?;
                let open = notices::live(conn)?.iter().any(|row| row.ended_at.is_none());
                Ok((find(conn, &scope, account)?.is_some(), open))
            }
        };
        assert_eq!(store.write_blocking(pause(Some(Timestamp(NOW.0 + 9)))), Ok((true, true)));
        assert_eq!(store.write_blocking(pause(None)), Ok((false, false)));
    });
}

/// To a colleague who is there, sees the account and may answer.
#[test]
fn a_conversation_goes_to_nobody_who_could_not_answer_there() {
    on_each_database(|database| {
        let (store, scope, account, bob) = shop(database);
        let idle = employ(&store, scope, "idle", Role::Operator, &[account]);
        let change = UserChange { active: Some(false), ..UserChange::default() };
        store.write_blocking(move |conn| users::update(conn, idle, &change, NOW)).unwrap();
        let watcher = employ(&store, scope, "watcher", Role::Viewer, &[account]);
        let elsewhere = employ(&store, scope, "elsewhere", Role::Operator, &[]);
        let stranger = add_user(&store, "stranger");
        for to in [idle, watcher, elsewhere, stranger, UserId(999)] {
            assert_eq!(hand(&store, scope, account, Some(to), NOW), Err(UnknownColleague), "{to}");
        }
        let nothing = move |conn: &mut DbConn| Ok((find(conn, &scope, account)?, notices::live(conn)?.len()));
        assert_eq!(store.read_blocking(nothing), Ok((None, 0)));
        for to in [bob, scope.user()] {
            assert!(hand(&store, scope, account, Some(to), NOW).is_ok());
        }
    });
}

#[test]
fn conversations_are_found_by_whom_they_were_handed_to_also_after_that_person_left() {
    on_each_database(|database| {
        let (store, scope, account, bob) = shop(database);
        let found = |handed_to| {
            let filter = Filter { handed_to: Some(handed_to), ..Filter::default() };
            let page = move |conn: &mut DbConn| conversations::page(conn, &scope, &filter, Page::first(9), NOW);
            let (rows, total) = store.read_blocking(page).unwrap();
            assert_eq!(i64::try_from(rows.len()).unwrap(), total);
            rows.into_iter().map(|row| row.conversation.conversation.to_string()).collect::<Vec<_>>()
        };
        let wanted = [HandedTo::User(bob), HandedTo::Anybody, HandedTo::Nobody];
        hand(&store, scope, account, Some(bob), NOW).unwrap();
        assert_eq!(wanted.map(found), [vec!["600001"], vec!["600001"], vec!["600002"]]);
        store.write_blocking(move |conn| users::delete(conn, bob)).unwrap();
        assert_eq!(wanted.map(found), [vec![], vec!["600001"], vec!["600002"]]);
        let left = store.read_blocking(move |conn| find(conn, &scope, account)).unwrap().unwrap();
        assert_eq!((left.to, left.to_name.as_deref()), (None, Some("bob")));
    });
}

#[test]
fn a_handover_goes_with_its_conversation() {
    on_each_database(|database| {
        let (store, scope, account, bob) = shop(database);
        hand(&store, scope, account, Some(bob), NOW).unwrap();
        let later = Timestamp(NOW.0 + 1);
        let remove = move |conn: &mut DbConn| {
            conversations::set_pause(conn, account, &place(), None, NOW)?;
            retention::remove_conversations(conn, &[(account, place())], later)?;
            find(conn, &scope, account)
        };
        assert_eq!(store.write_blocking(remove), Ok(None));
    });
}
