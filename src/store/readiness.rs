//! Whether the next order of an item would be delivered: what the database knows of that.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    DbConn, Page, Scope, account_states,
    accounts::{self, own, within},
    cards, delivery_rules, facts, orders,
    schema::{accounts as accounts_table, cards as cards_table, delivery_settings, items, units},
};
use crate::{
    account::state::State,
    delivery::{
        card::Kind,
        readiness::{self, CardFacts, Counter, Lack, Line, Missed, Readiness, Shelf, Verdict},
        unit::UnitState,
    },
    ids::{AccountId, CardId, ItemId, UserId},
    platform::mtop::item::{ItemStatus, Spec},
};

/// Which items are asked about; `None` is all that may be bought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    /// Only these; empty: all.
    pub items: Vec<ItemId>,
    pub verdict: Option<Verdict>,
}

/// An item and what became of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub account: AccountId,
    pub item: ItemId,
    pub title: String,
    pub readiness: Readiness,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = items)]
struct Sold {
    account_id: AccountId,
    item_id: ItemId,
    title: String,
    specs: String,
}

impl Sold {
    fn judge(self, counters: &HashMap<AccountId, Counter>, shelf: &Shelf) -> Option<Judged> {
        let Self { account_id: account, item_id: item, title, specs } = self;
        let counter = counters.get(&account)?;
        // Written by `items.rs`.
        let specs: Vec<Spec> = serde_json::from_str(&specs).unwrap_or_default();
        let specs: Vec<_> = specs.into_iter().map(|spec| spec.properties).collect();
        let readiness = readiness::judge(counter, shelf, &item, Some(&title), &specs, 1);
        Some(Judged { account, item, title, readiness })
    }
}

/// A part of the items that fit, by account and number, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Judged>, i64)> {
    let fitting = || {
        let mut query = items::table
            .inner_join(accounts_table::table)
            .filter(within!(scope))
            .filter(items::seller_id.eq(accounts_table::platform_uid))
            .filter(items::status.eq_any([ItemStatus::OnSale, ItemStatus::Unknown]))
            .into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(items::account_id.eq(account));
        }
        if !filter.items.is_empty() {
            query = query.filter(items::item_id.eq_any(&filter.items));
        }
        query.order((items::account_id, items::item_id)).select(Sold::as_select())
    };
    let (counters, shelf) = (counters(conn, scope)?, shelf(conn, scope.user())?);
    let judge = |sold: Vec<Sold>| sold.into_iter().filter_map(|sold| sold.judge(&counters, &shelf));
    let Some(verdict) = filter.verdict else {
        let total = count(conn, scope, filter)?;
        let rows = fitting().offset(page.offset).limit(page.limit).load(conn)?;
        return Ok((judge(rows).collect(), total));
    };
    // What the question comes to stands in no column: all are asked about.
    let all = judge(fitting().load(conn)?).filter(|judged| judged.readiness.verdict == verdict);
    let all: Vec<Judged> = all.collect();
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let [offset, limit] = [page.offset, page.limit].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    Ok((all.into_iter().skip(offset).take(limit).collect(), total))
}

fn count(conn: &mut DbConn, scope: &Scope, filter: &Filter) -> QueryResult<i64> {
    let mut query = items::table
        .inner_join(accounts_table::table)
        .filter(within!(scope))
        .filter(items::seller_id.eq(accounts_table::platform_uid))
        .filter(items::status.eq_any([ItemStatus::OnSale, ItemStatus::Unknown]))
        .into_boxed();
    if let Some(account) = filter.account {
        query = query.filter(items::account_id.eq(account));
    }
    if !filter.items.is_empty() {
        query = query.filter(items::item_id.eq_any(&filter.items));
    }
    query.count().get_result(conn)
}

/// What an order lacks that waits to be served: nothing where it does not wait, or nobody knows what was bought.
pub fn of_order(conn: &mut DbConn, scope: &Scope, order: &orders::Row, claimed: i64) -> QueryResult<Vec<Missed>> {
    let Some(item) = &order.item else { return Ok(Vec::new()) };
    let Some(counter) = counters(conn, scope)?.remove(&order.account) else { return Ok(Vec::new()) };
    let title: Option<String> =
        items::table.find((order.account, item)).select(items::title).get_result(conn).optional()?;
    let shelf = shelf(conn, scope.user())?;
    let pieces = (order.quantity - claimed).max(1);
    let Readiness { missed, variants, .. } =
        readiness::judge(&counter, &shelf, item, title.as_deref(), &[order.spec()], pieces);
    let of_account = missed.into_iter().map(|lack: Lack| Missed { lack, card: None });
    let of_goods = variants.into_iter().flat_map(|variant| variant.missed).filter(|_| claimed < order.quantity);
    Ok(of_account.chain(of_goods).collect())
}

fn counters(conn: &mut DbConn, scope: &Scope) -> QueryResult<HashMap<AccountId, Counter>> {
    let states: HashMap<AccountId, State> =
        account_states::list(conn, scope)?.into_iter().map(|(account, status)| (account, status.state)).collect();
    let delivers: Vec<AccountId> = delivery_settings::table
        .filter(delivery_settings::enabled.and(delivery_settings::account_id.eq_any(own!(scope))))
        .select(delivery_settings::account_id)
        .load(conn)?;
    let all_stopped = facts::stop_switch(conn)?;
    let counter = |account: accounts::Account| {
        let line = match states.get(&account.id) {
            _ if !account.enabled => Line::Off,
            Some(State::Connected) => Line::Up,
            Some(State::Failed) => Line::NeedsPerson,
            Some(State::Disconnected | State::Connecting | State::Reconnecting | State::Closed) | None => Line::Down,
        };
        let delivers = delivers.contains(&account.id);
        (account.id, Counter { account: account.id, delivers, is_stopped: account.stopped || all_stopped, line })
    };
    Ok(accounts::list(conn, scope)?.into_iter().map(counter).collect())
}

/// Everything that an owner delivers from. Rules and cards belong to the whole owner: an account is served by them whoever looks.
fn shelf(conn: &mut DbConn, owner: UserId) -> QueryResult<Shelf> {
    let rows: Vec<(CardId, String, Kind, bool, bool)> = cards_table::table
        .filter(cards_table::owner_id.eq(owner))
        .select((
            cards_table::id,
            cards_table::name,
            cards_table::kind,
            cards_table::enabled,
            cards_table::content.is_not_null(),
        ))
        .load(conn)?;
    let free: HashMap<CardId, i64> = units::table
        .filter(units::owner_id.eq(owner).and(units::state.eq(UnitState::Free)))
        .group_by(units::card_id)
        .select((units::card_id, diesel::dsl::count_star()))
        .load(conn)?
        .into_iter()
        .collect();
    let combinations: Vec<CardId> =
        rows.iter().filter(|(_, _, kind, ..)| *kind == Kind::Combination).map(|(id, ..)| *id).collect();
    let mut parts = cards::parts(conn, &Scope::owner(owner), &combinations)?;
    let card = |(id, name, kind, enabled, has_content): (CardId, String, Kind, bool, bool)| {
        let (parts, free) = (parts.remove(&id).unwrap_or_default(), free.get(&id).copied().unwrap_or(0));
        (id, CardFacts { name, kind, enabled, has_content, parts, free })
    };
    Ok(Shelf { rules: delivery_rules::list(conn, owner)?, cards: rows.into_iter().map(card).collect() })
}
