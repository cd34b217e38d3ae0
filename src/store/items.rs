//! What is known of items: who sells them, what the platform tells of those that an account sells, and what their seller adds.
//!
//! Readings of the platform ([`note_cards`], [`note_detail`]) never touch the seller's own columns, and a person's [`edit`] none of the
//! platform's. Whoever writes here goes through [`Store::write_items`](super::Store::write_items), so that no cache keeps what is old.

use std::collections::HashMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    DbConn, Page, Scope,
    accounts::within,
    column::without_nul,
    connection::per_backend,
    page::{containing, lower},
    schema::{accounts, items},
};
use crate::{
    ids::{AccountId, BuyerId, Fen, ItemId, Timestamp},
    item::agenda::ToPolish,
    platform::mtop::item::{ItemCard, ItemDetail, ItemStatus, Spec},
};

/// What answering needs: who sells an item, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = items)]
pub struct ItemRow {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = item_id)]
    pub item: ItemId,
    #[diesel(column_name = seller_id)]
    pub seller: BuyerId,
    pub title: String,
    pub fetched_at: Timestamp,
}

/// Everything about an item.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = items)]
pub struct Item {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = item_id)]
    pub item: ItemId,
    #[diesel(column_name = seller_id)]
    pub seller: BuyerId,
    /// Empty where nobody told it.
    pub title: String,
    pub description: String,
    #[diesel(column_name = price_fen)]
    pub price: Option<Fen>,
    specs: String,
    /// Pieces left, of all specs together.
    pub stock: Option<i64>,
    pub status: ItemStatus,
    pub picture_url: Option<String>,
    /// In the account's list when that was last read to its end.
    pub listed: bool,
    listed_at: Option<Timestamp>,
    listed_as: Option<String>,
    pub detail_fetched_at: Option<Timestamp>,
    /// When the platform last told something new.
    pub changed_at: Timestamp,
    /// What a model may know of the item besides what the platform tells.
    pub ai_facts: String,
    /// No offer goes below.
    #[diesel(column_name = floor_fen)]
    pub floor: Option<Fen>,
    /// Each spec is delivered from a stock of its own.
    pub multi_spec: bool,
    /// A buyer of several pieces gets several units.
    pub multi_quantity: bool,
    /// Wanted every day.
    pub polish: bool,
    /// Days since 1970 at UTC+8.
    pub polished_day: Option<i64>,
    pub polish_tried_at: Option<Timestamp>,
    /// Why the last try was refused, in the platform's words.
    pub polish_error: Option<String>,
}

impl Item {
    /// In the platform's order.
    pub fn specs(&self) -> Vec<Spec> {
        // Written by this file.
        serde_json::from_str(&self.specs).unwrap_or_default()
    }
}

/// Which items a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    /// Occurs in the title, or is the item's number.
    pub text: Option<String>,
    pub status: Option<ItemStatus>,
    pub listed: Option<bool>,
}

/// What a person changes of an item's page; `None` leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Default, AsChangeset)]
#[diesel(table_name = items)]
pub struct Edit {
    pub ai_facts: Option<String>,
    #[diesel(column_name = floor_fen)]
    pub floor: Option<Option<Fen>>,
    pub multi_spec: Option<bool>,
    pub multi_quantity: Option<bool>,
    pub polish: Option<bool>,
}

impl Edit {
    /// Whether the item is otherwise once this is written.
    pub fn changes(&self, item: &Item) -> bool {
        let Self { ai_facts, floor, multi_spec, multi_quantity, polish } = self;
        let flags = [(multi_spec, item.multi_spec), (multi_quantity, item.multi_quantity), (polish, item.polish)];
        ai_facts.as_ref().is_some_and(|facts| *facts != item.ai_facts)
            || floor.is_some_and(|floor| floor != item.floor)
            || flags.iter().any(|(wanted, is)| wanted.is_some_and(|wanted| wanted != *is))
    }
}

/// What a list showed of an item when it was read last.
#[derive(PartialEq, Serialize, Deserialize)]
struct ListedAs {
    title: String,
    price: Option<Fen>,
    status: ItemStatus,
    picture_url: Option<String>,
}

/// For the engine: those of these items that are known.
pub fn find_many(conn: &mut DbConn, account: AccountId, items: &[ItemId]) -> QueryResult<Vec<ItemRow>> {
    let mut found = Vec::with_capacity(items.len());
    for some in items.chunks(500) {
        let query = items::table
            .filter(items::account_id.eq(account).and(items::item_id.eq_any(some)))
            .select(ItemRow::as_select());
        found.extend(query.load::<ItemRow>(conn)?);
    }
    Ok(found)
}

/// For the engine: who sells an item. A title that nobody told leaves the one that is known.
pub fn put(conn: &mut DbConn, item: &ItemRow) -> QueryResult<()> {
    let title = (!item.title.is_empty()).then_some(items::title.eq(&item.title));
    per_backend!(conn, conn => diesel::insert_into(items::table)
        .values(item)
        .on_conflict((items::account_id, items::item_id))
        .do_update()
        .set((items::seller_id.eq(&item.seller), items::fetched_at.eq(item.fetched_at), title))
        .execute(conn))
    .map(drop)
}

/// For the engine.
pub fn find(conn: &mut DbConn, account: AccountId, item: &ItemId) -> QueryResult<Option<Item>> {
    items::table.find((account, item)).select(Item::as_select()).get_result(conn).optional()
}

/// `NotFound` also where the account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, account: AccountId, item: &ItemId) -> QueryResult<Item> {
    items::table
        .inner_join(accounts::table)
        .filter(within!(scope))
        .filter(items::account_id.eq(account).and(items::item_id.eq(item)))
        .select(Item::as_select())
        .get_result(conn)
}

/// The same of many; `None` for each that is not there.
pub fn get_many(conn: &mut DbConn, scope: &Scope, keys: &[(AccountId, ItemId)]) -> QueryResult<Vec<Option<Item>>> {
    keys.iter().map(|(account, item)| get(conn, scope, *account, item).optional()).collect()
}

/// A part of what the accounts sell themselves and fits, what is listed first, the newest change first; and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Item>, i64)> {
    let fitting = || {
        let mut query = items::table
            .inner_join(accounts::table)
            .filter(within!(scope))
            .filter(items::seller_id.eq(accounts::platform_uid))
            .into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(items::account_id.eq(account));
        }
        if let Some(text) = &filter.text {
            let in_title = lower(items::title.nullable()).like(lower(containing(text))).escape('\\');
            query = query.filter(in_title.or(items::item_id.nullable().eq(text)));
        }
        if let Some(status) = filter.status {
            query = query.filter(items::status.eq(status));
        }
        if let Some(listed) = filter.listed {
            query = query.filter(items::listed.eq(listed));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order((items::listed.desc(), items::changed_at.desc(), items::account_id, items::item_id))
        .offset(page.offset)
        .limit(page.limit)
        .select(Item::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// `false`: there is no such item, or the account belongs to somebody else.
pub fn edit(conn: &mut DbConn, scope: &Scope, account: AccountId, item: &ItemId, edit: &Edit) -> QueryResult<bool> {
    if get(conn, scope, account, item).optional()?.is_none() {
        return Ok(false);
    }
    if *edit != Edit::default() {
        diesel::update(items::table.find((account, item))).set(edit).execute(conn)?;
    }
    Ok(true)
}

/// What a page of a list told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Noted {
    /// Items that are new, or of which the list shows something else than before.
    pub changed: Vec<ItemId>,
    /// Those of them that were known by another title.
    pub renamed: Vec<ItemId>,
    /// Items that this reading has not met on an earlier page.
    pub fresh: usize,
}

/// For the engine: a page of the account's own list, in a reading that began at `began`.
pub fn note_cards(
    conn: &mut DbConn,
    account: AccountId,
    seller: &BuyerId,
    cards: &[ItemCard],
    began: Timestamp,
    now: Timestamp,
) -> QueryResult<Noted> {
    let ids: Vec<&ItemId> = cards.iter().map(|card| &card.item).collect();
    let known: Vec<Item> = items::table
        .filter(items::account_id.eq(account).and(items::item_id.eq_any(ids)))
        .select(Item::as_select())
        .load(conn)?;
    let known: HashMap<ItemId, Item> = known.into_iter().map(|item| (item.item.clone(), item)).collect();
    let mut noted = Noted::default();
    for card in cards {
        let listed_as = ListedAs::of(card).text()?;
        let before = known.get(&card.item);
        if before.is_none() {
            let row = ItemRow {
                account,
                item: card.item.clone(),
                seller: seller.clone(),
                title: without_nul(&card.title).into_owned(),
                fetched_at: now,
            };
            put(conn, &row)?;
        }
        noted.fresh += usize::from(before.and_then(|item| item.listed_at) != Some(began));
        let seen = (items::listed.eq(true), items::listed_at.eq(began), items::seller_id.eq(seller));
        let row = diesel::update(items::table.find((account, &card.item)));
        if before.and_then(|item| item.listed_as.as_ref()) == Some(&listed_as) {
            row.set(seen).execute(conn)?;
            continue;
        }
        row.set((
            seen,
            items::title.eq(without_nul(&card.title)),
            items::price_fen.eq(card.price),
            items::status.eq(card.status),
            items::picture_url.eq(&card.picture_url),
            items::listed_as.eq(&listed_as),
            items::changed_at.eq(now),
        ))
        .execute(conn)?;
        if before.is_some_and(|item| item.title != card.title) {
            noted.renamed.push(card.item.clone());
        }
        noted.changed.push(card.item.clone());
    }
    Ok(noted)
}

impl ListedAs {
    fn of(card: &ItemCard) -> Self {
        Self {
            title: without_nul(&card.title).into_owned(),
            price: card.price,
            status: card.status,
            picture_url: card.picture_url.clone(),
        }
    }

    fn text(&self) -> QueryResult<String> {
        serde_json::to_string(self).map_err(|error| diesel::result::Error::SerializationError(error.into()))
    }
}

/// For the engine: a list was read to its end, and what was not seen since `began` is not in it any more. What became of it, its detail
/// tells, which is asked for anew.
pub fn unlist_unseen(conn: &mut DbConn, account: AccountId, began: Timestamp, now: Timestamp) -> QueryResult<usize> {
    let unseen = items::listed_at.is_null().or(items::listed_at.lt(began));
    diesel::update(items::table.filter(items::account_id.eq(account).and(items::listed.eq(true)).and(unseen)))
        .set((items::listed.eq(false), items::listed_as.eq(None::<String>), items::changed_at.eq(now)))
        .execute(conn)
}

/// What is new of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Nothing,
    Something,
    /// The item was known by another title.
    Title,
}

/// For the engine: everything the platform tells of an item.
pub fn note_detail(conn: &mut DbConn, account: AccountId, detail: &ItemDetail, now: Timestamp) -> QueryResult<News> {
    let row = ItemRow {
        account,
        item: detail.item.clone(),
        seller: detail.seller.clone(),
        title: without_nul(&detail.title).into_owned(),
        fetched_at: now,
    };
    let before = find(conn, account, &detail.item)?;
    put(conn, &row)?;
    let specs = serde_json::to_string(&detail.specs)
        .map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    let description = without_nul(&detail.description);
    let specs = without_nul(&specs);
    let renamed = before.as_ref().is_some_and(|item| item.title != row.title);
    let is_new = before.is_none_or(|item| {
        (&*item.title, &*item.description, &*item.specs) != (&*row.title, &*description, &*specs)
            || (item.price, item.stock, item.status) != (detail.price, detail.stock, detail.status)
            || item.picture_url != detail.picture_url
    });
    diesel::update(items::table.find((account, &detail.item)))
        .set((
            items::description.eq(description),
            items::price_fen.eq(detail.price),
            items::specs.eq(specs),
            items::stock.eq(detail.stock),
            items::status.eq(detail.status),
            items::picture_url.eq(&detail.picture_url),
            items::detail_fetched_at.eq(now),
            is_new.then_some(items::changed_at.eq(now)),
        ))
        .execute(conn)?;
    Ok(match (renamed, is_new) {
        (true, _) => News::Title,
        (false, true) => News::Something,
        (false, false) => News::Nothing,
    })
}

/// For the engine: the platform knows the item no more.
pub fn note_gone(conn: &mut DbConn, account: AccountId, item: &ItemId, now: Timestamp) -> QueryResult<()> {
    diesel::update(items::table.find((account, item)))
        .set((
            items::status.eq(ItemStatus::Gone),
            items::listed.eq(false),
            items::detail_fetched_at.eq(now),
            items::changed_at.eq(now),
        ))
        .execute(conn)
        .map(drop)
}

/// For the engine: the detail was asked for in vain.
pub fn note_detail_tried(conn: &mut DbConn, account: AccountId, item: &ItemId, now: Timestamp) -> QueryResult<()> {
    diesel::update(items::table.find((account, item))).set(items::detail_tried_at.eq(now)).execute(conn).map(drop)
}

/// Of an account's own items, those of which no detail is known that is as new as what was last told. A macro, because only the compiler
/// can write down its type.
macro_rules! without_detail {
    ($account:expr, $seller:expr) => {
        items::account_id
            .eq($account)
            .and(items::seller_id.eq($seller))
            .and(items::status.ne(ItemStatus::Gone))
            .and(items::detail_fetched_at.is_null().or(items::detail_fetched_at.lt(items::changed_at.nullable())))
    };
}

/// For the engine: an own item whose detail is wanted, and was not asked for in vain since `tried_before`. What is listed comes first.
pub fn next_without_detail(
    conn: &mut DbConn,
    account: AccountId,
    seller: &BuyerId,
    tried_before: Timestamp,
) -> QueryResult<Option<ItemId>> {
    items::table
        .filter(without_detail!(account, seller))
        .filter(items::detail_tried_at.is_null().or(items::detail_tried_at.lt(tried_before)))
        .order((items::listed.desc(), items::changed_at, items::item_id))
        .select(items::item_id)
        .first(conn)
        .optional()
}

/// How many own items still want their detail.
pub fn count_without_detail(conn: &mut DbConn, scope: &Scope, account: AccountId) -> QueryResult<i64> {
    let seller: BuyerId =
        accounts::table.find(account).filter(within!(scope)).select(accounts::platform_uid).get_result(conn)?;
    items::table.filter(without_detail!(account, &seller)).count().get_result(conn)
}

/// For the engine: the own items that are to be polished every day.
pub fn list_to_polish(conn: &mut DbConn, account: AccountId, seller: &BuyerId) -> QueryResult<Vec<ToPolish>> {
    let rows = items::table
        .filter(items::account_id.eq(account).and(items::seller_id.eq(seller)))
        .filter(items::polish.eq(true).and(items::listed.eq(true)))
        .order(items::item_id)
        .select((items::item_id, items::polished_day, items::polish_tried_at))
        .load::<(ItemId, Option<i64>, Option<Timestamp>)>(conn)?;
    let rows = rows.into_iter();
    Ok(rows.map(|(item, polished_day, tried_at)| ToPolish { item, polished_day, tried_at }).collect())
}

/// For the engine: the item is polished for this day.
pub fn note_polished(
    conn: &mut DbConn,
    account: AccountId,
    item: &ItemId,
    day: i64,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::update(items::table.find((account, item)))
        .set((items::polished_day.eq(day), items::polish_tried_at.eq(now), items::polish_error.eq(None::<String>)))
        .execute(conn)
        .map(drop)
}

/// For the engine: the platform refused to polish the item.
pub fn note_not_polished(
    conn: &mut DbConn,
    account: AccountId,
    item: &ItemId,
    why: &str,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::update(items::table.find((account, item)))
        .set((items::polish_tried_at.eq(now), items::polish_error.eq(without_nul(why))))
        .execute(conn)
        .map(drop)
}
