//! What people know of buyers: tags and notes, the owner's and nobody else's.

use yutang::{
    ids::{AccountId, BuyerId},
    store::{
        Page, Scope, Store, StoreError, blocked_buyers,
        blocked_buyers::Blocked,
        buyer_notes, buyer_tags,
        buyers::{self, Known},
        conversations::{self, ConversationRow, Filter, Side},
        users,
    },
};

use crate::harness::{Database, NOW, add_account, add_user, on_each_database, with_account};

fn buyer() -> BuyerId {
    "3300001".into()
}

pub fn conversation(account: AccountId, id: &str, peer: &str) -> ConversationRow {
    ConversationRow {
        account,
        conversation: id.into(),
        peer: Some(peer.into()),
        peer_name: None,
        item: None,
        item_title: None,
        side: Side::Seller,
        paused_until: None,
        created_at: NOW,
    }
}

/// A seller whose first account the buyer wrote to, a second account, and who works on the one and on the other.
fn shops(database: &Database) -> (Store, Scope, [Scope; 2]) {
    let (store, owner, first) = with_account(database);
    let second = add_account(&store, owner.user(), "second", "2200002");
    let helpers = ["first helper", "second helper"].map(|name| add_user(&store, name));
    let fill = move |conn: &mut _| {
        for (helper, account) in helpers.into_iter().zip([first, second]) {
            users::set_accounts(conn, &owner, helper, &[account])?;
        }
        conversations::upsert_many(conn, &[conversation(first, "600001", "3300001")])
    };
    store.write_blocking(fill).unwrap();
    (store, owner, helpers.map(|helper| Scope::member(owner.user(), helper)))
}

fn set(store: &Store, scope: Scope, tags: &[&str]) -> Result<Vec<String>, StoreError> {
    let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    store.write_blocking(move |conn| {
        buyer_tags::set(conn, &scope, &buyer(), &tags, NOW)?;
        buyer_tags::list(conn, &scope, &buyer())
    })
}

#[test]
fn tags_are_the_owners_and_changed_by_whoever_sees_the_buyer() {
    on_each_database(|database| {
        let (store, owner, [sees, sees_not]) = shops(database);
        let stranger = Scope::owner(add_user(&store, "stranger"));
        assert_eq!(set(&store, sees, &["b", "a", "B"]).unwrap(), ["B", "a", "b"], "compared as written");
        assert_eq!(set(&store, owner, &["b", "c", "c"]).unwrap(), ["b", "c"]);
        for scope in [sees_not, stranger] {
            assert_eq!(set(&store, scope, &["x"]), Err(StoreError::NotFound));
            let looked = store.read_blocking(move |conn| {
                Ok((buyers::known(conn, &scope, &buyer())?, buyer_tags::page(conn, &scope, Page::first(9))?))
            });
            assert_eq!(looked.unwrap(), (Known::default(), (Vec::new(), 0)));
        }
        assert_eq!(set(&store, sees, &[]).unwrap(), [""; 0]);
    });
}

/// Who sees all accounts knows also whom they only blocked.
#[test]
fn a_buyer_who_was_only_blocked_is_known_to_who_sees_all_accounts() {
    on_each_database(|database| {
        let (store, owner, account) = with_account(database);
        assert_eq!(set(&store, owner, &["x"]), Err(StoreError::NotFound));
        let block = Blocked { account: Some(account), buyer: buyer(), note: String::new(), created_at: NOW };
        store.write_blocking(move |conn| blocked_buyers::insert(conn, &owner, &block)).unwrap();
        assert_eq!(set(&store, owner, &["x"]).unwrap(), ["x"]);
    });
}

/// As rules do it, in whatever transaction.
#[test]
fn a_tag_is_put_on_and_taken_off_once() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        let owner = scope.user();
        let work = move |conn: &mut _| {
            let mut told = Vec::new();
            for tag in ["x", "x"] {
                told.push(buyer_tags::add(conn, owner, &buyer(), tag, NOW)?);
            }
            for tag in ["x", "x"] {
                told.push(buyer_tags::remove(conn, owner, &buyer(), tag)?);
            }
            for number in 0..=buyer_tags::MOST {
                told.push(buyer_tags::add(conn, owner, &buyer(), &number.to_string(), NOW)?);
            }
            Ok((told, buyer_tags::of_many(conn, owner, &[buyer(), "3300002".into()])?))
        };
        let (told, found) = store.write_blocking(work).unwrap();
        assert_eq!(told[..4], [true, false, true, false]);
        assert_eq!((told[4..].iter().filter(|added| **added).count(), told.last()), (buyer_tags::MOST, Some(&false)));
        assert_eq!((found.len(), found[&buyer()].len()), (1, buyer_tags::MOST));
    });
}

#[test]
fn tags_are_counted_among_the_buyers_one_sees_and_filter_conversations() {
    on_each_database(|database| {
        let (store, owner, [sees, sees_not]) = shops(database);
        let fill = move |conn: &mut _| {
            let first = yutang::store::accounts::find(conn, &owner, "shop")?.unwrap().id;
            let second = yutang::store::accounts::find(conn, &owner, "second")?.unwrap().id;
            let rows = [conversation(first, "600002", "3300002"), conversation(second, "700001", "3300003")];
            conversations::upsert_many(conn, &rows)?;
            for (buyer, tag) in [("3300001", "kind"), ("3300002", "kind"), ("3300003", "kind"), ("3300002", "loud")] {
                buyer_tags::add(conn, owner.user(), &buyer.into(), tag, NOW)?;
            }
            Ok(())
        };
        store.write_blocking(fill).unwrap();
        let used = |scope: Scope| {
            let (rows, total) =
                store.read_blocking(move |conn| buyer_tags::page(conn, &scope, Page::first(9))).unwrap();
            assert_eq!(i64::try_from(rows.len()).unwrap(), total);
            rows.into_iter().map(|used| (used.tag, used.buyers)).collect::<Vec<_>>()
        };
        assert_eq!(used(owner), [("kind".into(), 3), ("loud".into(), 1)]);
        assert_eq!(used(sees), [("kind".into(), 2), ("loud".into(), 1)]);
        assert_eq!(used(sees_not), [("kind".into(), 1)]);
        let tagged = |tag: &str| {
            let filter = Filter { tag: Some(tag.into()), ..Filter::default() };
            store.read_blocking(move |conn| conversations::page(conn, &sees, &filter, Page::first(9), NOW)).unwrap().1
        };
        assert_eq!((tagged("kind"), tagged("loud"), tagged("Kind")), (2, 1, 0));
    });
}

#[test]
fn notes_are_read_and_written_by_whoever_sees_the_buyer_and_by_nobody_else() {
    on_each_database(|database| {
        let (store, owner, [sees, sees_not]) = shops(database);
        let write = move |scope: Scope, text: &'static str| {
            move |conn: &mut _| buyer_notes::insert(conn, &scope, &buyer(), text, (Some(owner.user()), "seller"), NOW)
        };
        let first = store.write_blocking(write(sees, "first")).unwrap().unwrap();
        let second = store.write_blocking(write(owner, "second")).unwrap().unwrap();
        let id = first.id;
        let change = move |scope: Scope, buyer: BuyerId| {
            move |conn: &mut _| buyer_notes::set_text(conn, &scope, &buyer, id, "changed", NOW)
        };
        let changed = store.write_blocking(change(owner, buyer())).unwrap();
        let page = store.read_blocking(move |conn| buyer_notes::page(conn, &sees, &buyer(), Page::first(9))).unwrap();
        assert_eq!(page, (vec![second, changed.clone()], 2), "newest first");
        assert_eq!((changed.text.as_str(), changed.author.as_str()), ("changed", "seller"));
        assert_eq!(store.write_blocking(write(sees_not, "x")).err(), Some(StoreError::NotFound));
        assert_eq!(store.write_blocking(change(sees_not, buyer())).err(), Some(StoreError::NotFound));
        assert_eq!(store.write_blocking(change(owner, "3300002".into())).err(), Some(StoreError::NotFound));
        let delete = move |scope: Scope| move |conn: &mut _| buyer_notes::delete(conn, &scope, &buyer(), id);
        assert_eq!(store.write_blocking(delete(sees_not)), Err(StoreError::NotFound));
        assert_eq!(store.write_blocking(delete(sees)), Ok(()));
    });
}
