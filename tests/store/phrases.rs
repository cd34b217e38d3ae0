//! Quick phrases: one's own, an account's, and those of all accounts.

use yutang::{
    ids::{AccountId, UserId},
    store::{
        Page, Scope, Store, StoreError,
        quick_phrases::{self, Asker, Filter, NewPhrase, NotSaved, Phrase, Reach},
        users,
    },
};

use crate::harness::{NOW, add_account, add_user, on_each_database, with_account};

fn insert(store: &Store, asker: Asker, reach: Reach, title: &str) -> Result<Result<Phrase, NotSaved>, StoreError> {
    let new = NewPhrase { reach, title: title.into(), text: format!("text of {title}"), position: 0 };
    store.write_blocking(move |conn| quick_phrases::insert(conn, &asker, &new, NOW))
}

fn seen(store: &Store, asker: Asker, account: Option<AccountId>, text: Option<&str>) -> Vec<String> {
    let filter = Filter { account, text: text.map(str::to_owned) };
    let page = move |conn: &mut _| quick_phrases::page(conn, &asker, &filter, Page::first(9));
    let (rows, total) = store.read_blocking(page).unwrap();
    assert_eq!(i64::try_from(rows.len()).unwrap(), total);
    rows.into_iter().map(|phrase| phrase.title).collect()
}

#[test]
fn a_phrase_is_seen_and_changed_by_those_it_is_for() {
    on_each_database(|database| {
        let (store, scope, first) = with_account(database);
        let second = add_account(&store, scope.user(), "second", "2200002");
        let helper: UserId = add_user(&store, "helper");
        store.write_blocking(move |conn| users::set_accounts(conn, &scope, helper, &[first])).unwrap();
        let owner = Asker { scope, user: scope.user() };
        let member = Asker { scope: Scope::member(scope.user(), helper), user: helper };
        let stranger = add_user(&store, "stranger");
        let stranger = Asker { scope: Scope::owner(stranger), user: stranger };
        let put = |asker, reach, title| insert(&store, asker, reach, title).unwrap().unwrap();
        put(owner, Reach::Own(owner.user), "owner's");
        put(member, Reach::Own(member.user), "member's");
        let of_first = put(member, Reach::Account(first), "first");
        put(owner, Reach::Account(second), "second");
        let all = put(owner, Reach::All, "all");
        assert_eq!(insert(&store, member, Reach::All, "x"), Ok(Err(NotSaved::Forbidden)));
        assert_eq!(insert(&store, member, Reach::Account(second), "x"), Err(StoreError::NotFound));
        assert_eq!(insert(&store, stranger, Reach::Account(first), "x"), Err(StoreError::NotFound));

        assert_eq!(seen(&store, owner, None, None), ["owner's", "first", "second", "all"]);
        assert_eq!(seen(&store, member, None, None), ["member's", "first", "all"]);
        assert_eq!(seen(&store, stranger, None, None), [""; 0]);
        assert_eq!(seen(&store, owner, Some(second), None), ["owner's", "second", "all"], "what may be used there");
        assert_eq!(seen(&store, owner, None, Some("TEXT OF S")), ["second"]);

        let change = |asker: Asker, phrase: &Phrase| {
            let mut phrase = phrase.clone();
            (phrase.title, phrase.position) = ("changed".into(), 7);
            store.write_blocking(move |conn| quick_phrases::update(conn, &asker, &phrase, NOW))
        };
        assert_eq!(change(owner, &of_first).unwrap().unwrap().title, "changed");
        assert_eq!(seen(&store, owner, None, None).last().map(String::as_str), Some("changed"), "by its position");
        assert_eq!(change(member, &all), Ok(Err(NotSaved::Forbidden)));
        assert_eq!(change(stranger, &of_first), Err(StoreError::NotFound));
        let delete = move |asker: Asker, id: i64| move |conn: &mut _| quick_phrases::delete(conn, &asker, id);
        assert_eq!(store.write_blocking(delete(member, all.id)), Ok(Err(NotSaved::Forbidden)));
        assert!(store.write_blocking(delete(member, of_first.id)).unwrap().is_ok());
        store.write_blocking(move |conn| users::delete(conn, helper)).unwrap();
        assert_eq!(seen(&store, owner, None, None), ["owner's", "second", "all"]);
    });
}
