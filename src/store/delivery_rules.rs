//! Which orders get which cards.

use std::collections::HashMap;

use diesel::{prelude::*, result::Error};

use super::{
    DbConn, Page, Scope, accounts, cards,
    connection::per_backend,
    schema::{delivery_rule_cards, delivery_rules},
};
use crate::{
    delivery::rule::{DeliveryRule, Quantity, Target},
    ids::{AccountId, CardId, DeliveryRuleId, ItemId, Timestamp, UserId},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = delivery_rules)]
struct Stored {
    id: DeliveryRuleId,
    account_id: Option<AccountId>,
    item_id: Option<ItemId>,
    keyword: Option<String>,
    spec: Option<String>,
    priority: i64,
    enabled: bool,
    quantity: Quantity,
    delay_s: i64,
    per_day: Option<i64>,
    from_minute: Option<i64>,
    to_minute: Option<i64>,
    note: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A rule as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub rule: DeliveryRule,
    pub note: String,
    pub updated_at: Timestamp,
}

/// What a person writes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub account: Option<AccountId>,
    pub target: Target,
    /// Made equal by [`normal`](crate::delivery::rule::normal).
    pub spec: Option<Vec<String>>,
    pub priority: i64,
    pub enabled: bool,
    pub quantity: Quantity,
    pub delay_s: i64,
    pub per_day: Option<i64>,
    pub hours: Option<(i64, i64)>,
    pub cards: Vec<CardId>,
    pub note: String,
}

/// Which rules a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub item: Option<ItemId>,
    pub card: Option<CardId>,
}

/// What a draft names that its owner does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    Account,
    /// At this place of its cards.
    Card(usize),
}

impl Stored {
    fn into_row(self, cards: Vec<CardId>) -> QueryResult<Row> {
        let unreadable = |what: &str| Error::DeserializationError(format!("delivery rule {}: {what}", self.id).into());
        let target = match (&self.item_id, &self.keyword) {
            (Some(item), _) => Target::Item(item.clone()),
            (None, Some(keyword)) => Target::Keyword(keyword.clone()),
            (None, None) => return Err(unreadable("neither item nor keyword")),
        };
        let spec = self.spec.as_deref().map(serde_json::from_str).transpose().map_err(|_| unreadable("spec"))?;
        let rule = DeliveryRule {
            id: self.id,
            account: self.account_id,
            target,
            spec,
            priority: self.priority,
            enabled: self.enabled,
            quantity: self.quantity,
            delay_s: self.delay_s,
            per_day: self.per_day,
            hours: self.from_minute.zip(self.to_minute),
            cards,
            created_at: self.created_at,
        };
        Ok(Row { rule, note: self.note, updated_at: self.updated_at })
    }
}

fn with_cards(conn: &mut DbConn, stored: Vec<Stored>) -> QueryResult<Vec<Row>> {
    let ids: Vec<DeliveryRuleId> = stored.iter().map(|rule| rule.id).collect();
    let mut cards: HashMap<DeliveryRuleId, Vec<CardId>> = HashMap::new();
    for some in ids.chunks(500) {
        let rows: Vec<(DeliveryRuleId, CardId)> = delivery_rule_cards::table
            .filter(delivery_rule_cards::rule_id.eq_any(some))
            .order((delivery_rule_cards::rule_id, delivery_rule_cards::position))
            .select((delivery_rule_cards::rule_id, delivery_rule_cards::card_id))
            .load(conn)?;
        for (rule, card) in rows {
            cards.entry(rule).or_default().push(card);
        }
    }
    stored
        .into_iter()
        .map(|rule| {
            let cards = cards.remove(&rule.id).unwrap_or_default();
            rule.into_row(cards)
        })
        .collect()
}

/// For the engine: the owner's rules that may be about an item: those that name it, and those that name none.
pub fn about(conn: &mut DbConn, owner: UserId, item: &ItemId) -> QueryResult<Vec<DeliveryRule>> {
    let stored: Vec<Stored> = delivery_rules::table
        .filter(delivery_rules::owner_id.eq(owner))
        .filter(delivery_rules::item_id.eq(item).or(delivery_rules::item_id.is_null()))
        .select(Stored::as_select())
        .load(conn)?;
    Ok(with_cards(conn, stored)?.into_iter().map(|row| row.rule).collect())
}

/// The rules that name one of these items.
pub fn naming(conn: &mut DbConn, scope: &Scope, items: &[ItemId]) -> QueryResult<Vec<Row>> {
    let mut stored: Vec<Stored> = Vec::new();
    for some in items.chunks(500) {
        let named = delivery_rules::table
            .filter(delivery_rules::owner_id.eq(scope.user()))
            .filter(delivery_rules::item_id.eq_any(some))
            .order(delivery_rules::id)
            .select(Stored::as_select());
        stored.extend(named.load::<Stored>(conn)?);
    }
    with_cards(conn, stored)
}

/// All rules of an owner: what a look at many items asks.
pub(super) fn list(conn: &mut DbConn, owner: UserId) -> QueryResult<Vec<DeliveryRule>> {
    let stored: Vec<Stored> =
        delivery_rules::table.filter(delivery_rules::owner_id.eq(owner)).select(Stored::as_select()).load(conn)?;
    Ok(with_cards(conn, stored)?.into_iter().map(|row| row.rule).collect())
}

/// For the engine.
pub fn find(conn: &mut DbConn, owner: UserId, id: DeliveryRuleId) -> QueryResult<Option<DeliveryRule>> {
    let stored: Option<Stored> = delivery_rules::table
        .find(id)
        .filter(delivery_rules::owner_id.eq(owner))
        .select(Stored::as_select())
        .get_result(conn)
        .optional()?;
    Ok(with_cards(conn, stored.into_iter().collect())?.pop().map(|row| row.rule))
}

/// What a draft says, as columns. A macro, because only the compiler can write down its type.
macro_rules! columns {
    ($draft:expr) => {{
        let draft: &Draft = $draft;
        let (item, keyword) = match &draft.target {
            Target::Item(item) => (Some(item), None),
            Target::Keyword(keyword) => (None, Some(keyword)),
        };
        let spec = draft.spec.as_ref().map(serde_json::to_string).transpose();
        (
            delivery_rules::account_id.eq(draft.account),
            delivery_rules::item_id.eq(item),
            delivery_rules::keyword.eq(keyword),
            delivery_rules::spec.eq(spec.map_err(|error| Error::SerializationError(error.into()))?),
            delivery_rules::priority.eq(draft.priority),
            delivery_rules::enabled.eq(draft.enabled),
            delivery_rules::quantity.eq(draft.quantity),
            delivery_rules::delay_s.eq(draft.delay_s),
            delivery_rules::per_day.eq(draft.per_day),
            delivery_rules::from_minute.eq(draft.hours.map(|(from, _)| from)),
            delivery_rules::to_minute.eq(draft.hours.map(|(_, to)| to)),
            delivery_rules::note.eq(&draft.note),
        )
    }};
}

macro_rules! fitting {
    ($scope:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = delivery_rules::table.filter(delivery_rules::owner_id.eq($scope.user())).into_boxed();
        if let Some(account) = filter.account {
            query = query.filter(delivery_rules::account_id.eq(account));
        }
        if let Some(item) = &filter.item {
            query = query.filter(delivery_rules::item_id.eq(item));
        }
        if let Some(card) = filter.card {
            let with = delivery_rule_cards::table
                .filter(delivery_rule_cards::card_id.eq(card))
                .select(delivery_rule_cards::rule_id);
            query = query.filter(delivery_rules::id.eq_any(with));
        }
        query
    }};
}

/// A part of those that fit, the newest first, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Row>, i64)> {
    let total = fitting!(scope, filter).count().get_result(conn)?;
    let stored = fitting!(scope, filter)
        .order(delivery_rules::id.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(Stored::as_select())
        .load(conn)?;
    Ok((with_cards(conn, stored)?, total))
}

/// `NotFound` also where it belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, id: DeliveryRuleId) -> QueryResult<Row> {
    let stored: Stored = delivery_rules::table
        .find(id)
        .filter(delivery_rules::owner_id.eq(scope.user()))
        .select(Stored::as_select())
        .get_result(conn)?;
    with_cards(conn, vec![stored])?.pop().ok_or(Error::NotFound)
}

/// The first thing that a draft names and its owner does not have.
pub fn unknown(conn: &mut DbConn, scope: &Scope, draft: &Draft) -> QueryResult<Option<Unknown>> {
    if let Some(account) = draft.account
        && accounts::get(conn, scope, account).optional()?.is_none()
    {
        return Ok(Some(Unknown::Account));
    }
    for (place, card) in draft.cards.iter().enumerate() {
        if cards::get(conn, scope, *card).optional()?.is_none() {
            return Ok(Some(Unknown::Card(place)));
        }
    }
    Ok(None)
}

/// The account and the cards must be the owner's: the database refuses cards of others, whoever asks sees to the account, see [`unknown`].
pub fn insert(conn: &mut DbConn, scope: &Scope, draft: &Draft, now: Timestamp) -> QueryResult<DeliveryRuleId> {
    let values = (
        delivery_rules::owner_id.eq(scope.user()),
        columns!(draft),
        delivery_rules::created_at.eq(now),
        delivery_rules::updated_at.eq(now),
    );
    let id: DeliveryRuleId = per_backend!(&mut *conn, conn => diesel::insert_into(delivery_rules::table)
        .values(values)
        .returning(delivery_rules::id)
        .get_result(conn))?;
    put_cards(conn, scope, id, &draft.cards)?;
    Ok(id)
}

/// As [`insert`]. `NotFound` also where it belongs to somebody else.
pub fn update(conn: &mut DbConn, scope: &Scope, id: DeliveryRuleId, draft: &Draft, now: Timestamp) -> QueryResult<()> {
    let own = delivery_rules::table.find(id).filter(delivery_rules::owner_id.eq(scope.user()));
    let rows = diesel::update(own).set((columns!(draft), delivery_rules::updated_at.eq(now))).execute(conn)?;
    if rows == 0 {
        return Err(Error::NotFound);
    }
    diesel::delete(delivery_rule_cards::table.filter(delivery_rule_cards::rule_id.eq(id))).execute(conn)?;
    put_cards(conn, scope, id, &draft.cards)
}

fn put_cards(conn: &mut DbConn, scope: &Scope, id: DeliveryRuleId, cards: &[CardId]) -> QueryResult<()> {
    for (position, card) in (0_i64..).zip(cards) {
        diesel::insert_into(delivery_rule_cards::table)
            .values((
                delivery_rule_cards::owner_id.eq(scope.user()),
                delivery_rule_cards::rule_id.eq(id),
                delivery_rule_cards::position.eq(position),
                delivery_rule_cards::card_id.eq(card),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// `false`: there was none of theirs.
pub fn delete(conn: &mut DbConn, scope: &Scope, id: DeliveryRuleId) -> QueryResult<bool> {
    let own = delivery_rules::table.find(id).filter(delivery_rules::owner_id.eq(scope.user()));
    Ok(diesel::delete(own).execute(conn)? == 1)
}
