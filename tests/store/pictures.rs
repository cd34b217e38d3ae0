//! A seller's pictures, and where the platform has them.

use yutang::{
    delivery::card::{Content, Kind},
    ids::{AccountId, PictureId},
    outbox::entry::{Body, Entry, State},
    picture::{Mime, Picture},
    reply::rule::{Action, RuleBody},
    store::{
        DbConn, Page, QueryResult, Scope, Store, StoreError,
        audit::Actor,
        cards::NewCard,
        outbox,
        picture_uploads::{self, Source, Upload, Wanted},
        pictures::{self, Kept, Uses},
        rules,
    },
};

use crate::{
    cards,
    harness::{NOW, add_account, add_user, count, on_each_database, with_account},
    messages, tables,
    units::new_pool,
};

fn id() -> PictureId {
    "0a".repeat(32).into()
}

fn picture() -> Picture {
    Picture { id: id(), mime: Mime::Png, width: 40, height: 24, bytes: vec![0, 1, 2, 0xff] }
}

/// Gives the seller a picture.
pub fn keep_one(conn: &mut DbConn, scope: &Scope) -> QueryResult<()> {
    pictures::keep(conn, scope, &picture(), NOW).map(drop)
}

pub fn upload(account: AccountId, url: &str) -> Upload {
    Upload { account, picture: id(), url: url.into(), width: 40, height: 24, uploaded_at: NOW }
}

fn write<T: Send + 'static>(store: &Store, work: impl FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static) -> T {
    store.write_blocking(work).unwrap()
}

fn keep(store: &Store, scope: Scope) -> Kept {
    write(store, move |conn| pictures::keep(conn, &scope, &picture(), NOW))
}

#[test]
fn a_picture_is_kept_once_and_comes_back_byte_for_byte() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        let Kept::New(row) = keep(&store, scope) else { panic!("it is new") };
        assert_eq!((row.id.clone(), row.width, row.height, row.size), (id(), 40, 24, 4));
        assert_eq!(keep(&store, scope), Kept::Known(row.clone()));
        let file = store.read_blocking(move |conn| pictures::file(conn, &scope, &id())).unwrap();
        assert_eq!(file, ("image/png".to_owned(), picture().bytes));
        let page = store.read_blocking(move |conn| pictures::page(conn, &scope, Page::first(9))).unwrap();
        assert_eq!(page, (vec![row], 1));
    });
}

#[test]
fn two_sellers_may_have_the_same_picture_and_neither_sees_the_others() {
    on_each_database(|database| {
        let (store, owner, _) = with_account(database);
        let stranger = Scope::owner(add_user(&store, "stranger"));
        keep(&store, owner);
        let look = move |conn: &mut DbConn| {
            let found = pictures::get(conn, &stranger, &id()).is_ok() || pictures::file(conn, &stranger, &id()).is_ok();
            let known = pictures::find(conn, &stranger, &id())?;
            Ok((found, pictures::page(conn, &stranger, Page::first(9))?.1, known))
        };
        assert_eq!(store.read_blocking(look).unwrap(), (false, 0, None));
        let keys = store.keys().clone();
        let delete = move |conn: &mut DbConn| pictures::delete(conn, &keys, &stranger, &id());
        let gone = store.write_blocking(delete.clone());
        assert_eq!(gone, Err(StoreError::NotFound));
        assert!(matches!(keep(&store, stranger), Kept::New(_)));
        assert!(write(&store, delete).is_ok());
        assert!(store.read_blocking(move |conn| pictures::get(conn, &owner, &id())).is_ok());
    });
}

#[test]
fn a_picture_stays_while_a_rule_a_card_or_an_unsettled_send_needs_it() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        keep(&store, scope);
        let rule = RuleBody {
            actions: vec![Action::Text("看图".into()), Action::Image(id().address())],
            ..tables::new_rule("尺码")
        };
        write(&store, move |conn| rules::upsert_many(conn, &scope, &[rule], &Actor::system(), NOW));
        let body = Body::Image { url: id().address(), width: 0, height: 0 };
        let send = Entry { state: State::Queued, body, ..messages::entry(account, 1) };
        let settled = Entry { id: yutang::outbox::entry::SendId(2), state: State::Confirmed, ..send.clone() };
        write(&store, move |conn| outbox::insert_many(conn, &[send, settled]));
        let content = Some(Content::Image { images: vec![id().address()] });
        let card = NewCard { kind: Kind::Image, content, ..new_pool("size") };
        let card = cards::insert(&store, scope, card).unwrap();
        let delete = || {
            let keys = store.keys().clone();
            write(&store, move |conn| pictures::delete(conn, &keys, &scope, &id()))
        };
        assert_eq!(delete(), Err(Uses { rules: 1, sends: 1, cards: 1 }));
        write(&store, move |conn| {
            let rule = rules::list(conn, &scope)?.rules[0].id;
            rules::delete(conn, &scope, rule, &Actor::system(), NOW).map(drop)
        });
        assert_eq!(delete(), Err(Uses { rules: 0, sends: 1, cards: 1 }));
        write(&store, move |conn| yutang::store::cards::delete(conn, &scope, card, NOW)).unwrap();
        assert_eq!(delete(), Err(Uses { rules: 0, sends: 1, cards: 0 }));
        let sent = messages::change(account, 1, State::Rejected);
        write(&store, move |conn| outbox::update_many(conn, &[sent]));
        assert!(delete().is_ok());
        assert_eq!(count(&mut database.raw(), "pictures"), 0);
    });
}

#[test]
fn an_account_finds_its_owners_picture_until_it_has_an_address_of_its_own() {
    on_each_database(|database| {
        let (store, scope, account) = with_account(database);
        let second = add_account(&store, scope.user(), "second", "2200002");
        let foreign = add_account(&store, add_user(&store, "stranger"), "foreign", "2200003");
        keep(&store, scope);
        let find = |account| store.read_blocking(move |conn| picture_uploads::find(conn, account, &id())).unwrap();
        let here = Wanted::Here(Source { mime: "image/png".into(), width: 40, height: 24, bytes: picture().bytes });
        assert_eq!((find(account), find(foreign)), (here.clone(), Wanted::Missing));
        for url in ["https://p/1", "https://p/2"] {
            write(&store, move |conn| picture_uploads::insert(conn, &upload(account, url)));
        }
        assert_eq!(find(account), Wanted::Uploaded(upload(account, "https://p/1")), "the first address stays");
        assert_eq!(find(second), here);
        let urls = ["https://p/1".to_owned(), "https://p/9".to_owned()];
        let named = store.read_blocking(move |conn| picture_uploads::by_url(conn, account, &urls)).unwrap();
        assert_eq!(named.into_iter().collect::<Vec<_>>(), [("https://p/1".to_owned(), id())]);
    });
}

#[test]
fn a_seller_who_goes_takes_their_pictures_along() {
    on_each_database(|database| {
        let (store, scope, _) = with_account(database);
        keep(&store, scope);
        let delete = format!("DELETE FROM users WHERE id = {}", scope.user());
        write(&store, move |conn| diesel::RunQueryDsl::execute(diesel::sql_query(delete), conn));
        assert_eq!(count(&mut database.raw(), "pictures"), 0);
    });
}
