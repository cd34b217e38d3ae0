//! What the platform tells of items, and what their seller adds, side by side.

use std::time::Duration;

use yutang::{
    ids::{AccountId, Fen, ItemId, Timestamp},
    item::progress::SyncState,
    platform::mtop::item::{ItemCard, ItemDetail, ItemStatus, Spec},
    store::{
        DbConn, Page, QueryResult, Scope, Store, StoreError,
        item_syncs::{self, Sync},
        items::{self, Edit, Filter, Item, ItemRow, News, Noted},
    },
};

use crate::harness::{NOW, add_account, add_user, on_each_database, with_account};

/// The account of [`with_account`].
const SELLER: &str = "2200001";
const HOUR: Duration = Duration::from_secs(3600);

fn card(item: &str, title: &str) -> ItemCard {
    ItemCard {
        item: item.into(),
        title: title.into(),
        price: Some(Fen(12_300)),
        status: ItemStatus::OnSale,
        picture_url: Some("https://img.example.invalid/1.jpg".into()),
    }
}

fn detail(item: &str, title: &str) -> ItemDetail {
    let spec =
        Spec { id: "1".into(), properties: vec![("颜色".into(), "黑".into())], price: Some(Fen(5)), stock: Some(1) };
    ItemDetail {
        item: item.into(),
        title: title.into(),
        description: "九成新\0".into(),
        seller: SELLER.into(),
        price: Some(Fen(12_300)),
        specs: vec![spec],
        stock: Some(3),
        status: ItemStatus::OnSale,
        picture_url: None,
    }
}

fn write<T: Send + 'static>(store: &Store, work: impl FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static) -> T {
    store.write_blocking(work).unwrap()
}

fn note(store: &Store, account: AccountId, cards: Vec<ItemCard>, began: Timestamp) -> Noted {
    write(store, move |conn| items::note_cards(conn, account, &SELLER.into(), &cards, began, began))
}

fn item(store: &Store, account: AccountId, item: &str) -> Item {
    let id: ItemId = item.into();
    store.read_blocking(move |conn| items::find(conn, account, &id)).unwrap().unwrap()
}

#[test]
fn a_list_tells_what_is_new_once() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let both = || vec![card("1", "相机"), card("2", "镜头")];
        let first = Noted { changed: vec!["1".into(), "2".into()], renamed: vec![], fresh: 2 };
        assert_eq!(note(&store, account, both(), NOW), first);
        assert_eq!(note(&store, account, both(), NOW).fresh, 0, "the same reading met them");
        assert_eq!(note(&store, account, both(), NOW + HOUR), Noted { fresh: 2, ..Noted::default() });
        let renamed = note(&store, account, vec![card("1", "二手相机")], NOW + HOUR).renamed;
        assert_eq!(renamed, ["1".into()]);
        let dearer = ItemCard { price: Some(Fen(1)), ..card("2", "镜头") };
        assert_eq!(note(&store, account, vec![dearer], NOW + 2 * HOUR).changed, ["2".into()]);
        let (first, second) = (item(&store, account, "1"), item(&store, account, "2"));
        assert_eq!((first.changed_at, second.changed_at), (NOW + HOUR, NOW + 2 * HOUR));
        assert_eq!(second.price, Some(Fen(1)));
        assert!(first.listed && first.seller.as_str() == SELLER);
    });
}

#[test]
fn what_a_full_list_lacks_is_not_listed_and_its_detail_is_wanted() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        note(&store, account, vec![card("1", "相机"), card("2", "镜头")], NOW);
        for id in ["1", "2"] {
            write(&store, move |conn| items::note_detail(conn, account, &detail(id, "相机"), NOW));
        }
        let next = |tried_before| {
            write(&store, move |conn| items::next_without_detail(conn, account, &SELLER.into(), tried_before))
        };
        assert_eq!(next(Timestamp::NEVER), None);
        let later = NOW + HOUR;
        note(&store, account, vec![card("1", "相机")], later);
        assert_eq!(write(&store, move |conn| items::unlist_unseen(conn, account, later, later)), 1);
        assert_eq!([item(&store, account, "1").listed, item(&store, account, "2").listed], [true, false]);
        assert_eq!(next(Timestamp::NEVER), Some("2".into()));
        write(&store, move |conn| items::note_detail_tried(conn, account, &"2".into(), later));
        assert_eq!((next(later), next(later + HOUR)), (None, Some("2".into())), "not again at once");
        write(&store, move |conn| items::note_gone(conn, account, &"2".into(), later));
        assert_eq!((next(Timestamp::NEVER), item(&store, account, "2").status), (None, ItemStatus::Gone));
    });
}

#[test]
fn a_detail_is_kept_in_full_and_only_what_is_new_counts_as_a_change() {
    on_each_database(|database| {
        let (store, _, account) = with_account(database);
        let tell = |title: &str, at| {
            let detail = detail("1", title);
            write(&store, move |conn| items::note_detail(conn, account, &detail, at))
        };
        assert_eq!(tell("相机", NOW), News::Something);
        assert_eq!(tell("相机", NOW + HOUR), News::Nothing);
        let known = item(&store, account, "1");
        assert_eq!((known.changed_at, known.detail_fetched_at), (NOW, Some(NOW + HOUR)));
        assert_eq!((known.specs(), known.stock), (detail("1", "").specs, Some(3)));
        assert_eq!(known.description, "九成新\u{fffd}");
        assert_eq!(tell("二手相机", NOW + 2 * HOUR), News::Title);
        assert_eq!(item(&store, account, "1").changed_at, NOW + 2 * HOUR);
    });
}

/// D9
#[test]
fn d9_what_the_seller_wrote_survives_every_reading() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        note(&store, account, vec![card("1", "相机")], NOW);
        let edit = Edit {
            ai_facts: Some("快门 5,000 次".into()),
            floor: Some(Some(Fen(10_000))),
            multi_spec: Some(true),
            multi_quantity: Some(true),
            polish: Some(true),
        };
        assert!(write(&store, move |conn| items::edit(conn, &scope, account, &"1".into(), &edit)));
        note(&store, account, vec![card("1", "相机 2")], NOW + HOUR);
        write(&store, move |conn| items::note_detail(conn, account, &detail("1", "相机 3"), NOW + HOUR));
        let met =
            ItemRow { account, item: "1".into(), seller: SELLER.into(), title: String::new(), fetched_at: NOW + HOUR };
        write(&store, move |conn| items::put(conn, &met));
        write(&store, move |conn| items::unlist_unseen(conn, account, NOW + 2 * HOUR, NOW + 2 * HOUR));
        let known = item(&store, account, "1");
        assert_eq!((known.ai_facts.as_str(), known.floor), ("快门 5,000 次", Some(Fen(10_000))));
        assert!(known.multi_spec && known.multi_quantity && known.polish);
        assert_eq!(known.title, "相机 3", "a title that nobody told does not blank one that is known");
        let clear = Edit { floor: Some(None), ..Edit::default() };
        assert!(write(&store, move |conn| items::edit(conn, &scope, account, &"1".into(), &clear)));
        assert_eq!((item(&store, account, "1").floor, item(&store, account, "1").polish), (None, true));
    });
}

#[test]
fn what_is_polished_is_own_and_listed_and_wanted() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        note(&store, account, vec![card("1", "相机"), card("2", "镜头")], NOW);
        let want = Edit { polish: Some(true), ..Edit::default() };
        assert!(write(&store, move |conn| items::edit(conn, &scope, account, &"1".into(), &want)));
        let listed = || {
            let rows = write(&store, move |conn| items::list_to_polish(conn, account, &SELLER.into()));
            rows.into_iter().map(|row| (row.item, row.polished_day, row.tried_at)).collect::<Vec<_>>()
        };
        assert_eq!(listed(), [("1".into(), None, None)]);
        write(&store, move |conn| items::note_not_polished(conn, account, &"1".into(), "已下架", NOW));
        assert_eq!(listed(), [("1".into(), None, Some(NOW))]);
        assert_eq!(item(&store, account, "1").polish_error.as_deref(), Some("已下架"));
        write(&store, move |conn| items::note_polished(conn, account, &"1".into(), 20_000, NOW + HOUR));
        assert_eq!(listed(), [("1".into(), Some(20_000), Some(NOW + HOUR))]);
        assert_eq!(item(&store, account, "1").polish_error, None);
        write(&store, move |conn| items::unlist_unseen(conn, account, NOW + HOUR, NOW + HOUR));
        assert_eq!(listed(), []);
    });
}

#[test]
fn people_see_what_their_accounts_sell_and_nothing_of_others() {
    on_each_database(|database| {
        let (store, owner, account) = with_account(database);
        let stranger = Scope::owner(add_user(&store, "stranger"));
        add_account(&store, stranger.user(), "other", "2200002");
        note(&store, account, vec![card("900000000001", "二手Camera"), card("900000000002", "镜头")], NOW);
        let bought =
            ItemRow { account, item: "3".into(), seller: "999".into(), title: "镜头盖".into(), fetched_at: NOW };
        write(&store, move |conn| items::put(conn, &bought));
        let seen = |scope: Scope, filter: Filter| {
            let (rows, total) =
                store.read_blocking(move |conn| items::page(conn, &scope, &filter, Page::first(9))).unwrap();
            assert_eq!(i64::try_from(rows.len()), Ok(total));
            rows.into_iter().map(|item| item.item.as_str()[11..].to_owned()).collect::<Vec<_>>()
        };
        let text = |text: &str| Filter { text: Some(text.into()), ..Filter::default() };
        assert_eq!(seen(owner, Filter::default()), ["1", "2"]);
        assert_eq!(seen(owner, text("camera")), ["1"]);
        assert_eq!(seen(owner, text("900000000002")), ["2"]);
        assert_eq!(seen(owner, Filter { status: Some(ItemStatus::Gone), ..Filter::default() }), [""; 0]);
        assert_eq!(seen(owner, Filter { listed: Some(true), account: Some(account), ..Filter::default() }).len(), 2);
        assert_eq!(seen(stranger, Filter::default()), [""; 0]);
        let got = store.read_blocking(move |conn| items::get(conn, &stranger, account, &"900000000001".into()));
        assert_eq!(got.unwrap_err(), StoreError::NotFound);
        let edit = Edit { polish: Some(true), ..Edit::default() };
        assert!(!write(&store, move |conn| items::edit(conn, &stranger, account, &"900000000001".into(), &edit)));
        assert!(!item(&store, account, "900000000001").polish);
        let wanted = store.read_blocking(move |conn| items::count_without_detail(conn, &owner, account));
        assert_eq!(wanted, Ok(2));
        let queued = store.write_blocking(move |conn| item_syncs::queue(conn, &stranger, account, NOW));
        assert_eq!(queued, Err(StoreError::NotFound));
    });
}

/// T10
#[test]
fn t10_two_accounts_may_know_the_same_item_each_in_its_own_way() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let second = add_account(&store, scope.user(), "second", "2200002");
        for (account, title) in [(account, "相机"), (second, "镜头")] {
            note(&store, account, vec![card("1", title)], NOW);
        }
        let titles = [item(&store, account, "1").title, item(&store, second, "1").title];
        assert_eq!(titles, ["相机", "镜头"]);
    });
}

#[test]
fn a_reading_is_wanted_once_and_what_was_read_before_stays_known() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let get = || store.read_blocking(move |conn| item_syncs::get(conn, &scope, account)).unwrap();
        assert_eq!(get(), Sync::idle(account));
        let done = Sync { state: SyncState::Done, total: Some(3), synced_at: Some(NOW), ..Sync::idle(account) };
        write(&store, move |conn| item_syncs::put(conn, &done));
        let queue = |at| write(&store, move |conn| item_syncs::queue(conn, &scope, account, at));
        let queued = queue(NOW + HOUR);
        assert_eq!((queued.state, queued.queued_at, queued.total), (SyncState::Queued, Some(NOW + HOUR), None));
        assert_eq!((queue(NOW + 2 * HOUR), get().synced_at), (queued, Some(NOW)));
    });
}

#[actix_web::test]
async fn an_item_is_read_once_until_something_of_its_account_is_written() {
    let database = crate::harness::Database::sqlite();
    let (store, scope, account) = with_account(&database);
    note(&store, account, vec![card("1", "相机")], NOW);
    let looks = || {
        let families: Vec<_> = store.timings().iter().flat_map(|part| part.collect()).collect();
        let count = |name: &str| {
            let family = families.iter().find(|family| family.name() == name).unwrap();
            family.get_metric()[0].get_counter().get_value()
        };
        (count("yutang_cache_hits_total"), count("yutang_cache_misses_total"))
    };
    let first = store.item(account, &"1".into()).await.unwrap().unwrap();
    let again = store.item(account, &"1".into()).await.unwrap().unwrap();
    assert_eq!((first, looks()), (again, (1.0, 1.0)));
    let edit = Edit { ai_facts: Some("x".into()), ..Edit::default() };
    let written = store.write_items(account, move |conn| items::edit(conn, &scope, account, &"1".into(), &edit)).await;
    assert_eq!(written, Ok(true));
    assert_eq!(store.item(account, &"1".into()).await.unwrap().unwrap().ai_facts, "x");
    assert_eq!((store.item(account, &"2".into()).await.unwrap(), looks()), (None, (1.0, 3.0)));
}
