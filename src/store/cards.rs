//! What deliveries give. What a card keeps is sealed: it may be worth money, or open a server of the seller's.
//!
//! Cards belong to the whole owner: who sees only some accounts sees and changes none.

use std::collections::HashMap;

use diesel::{dsl::count, prelude::*};

use super::{
    DbConn, Keys, Page, Scope, Sealed,
    connection::per_backend,
    notices,
    page::{containing, lower},
    schema::{card_parts, cards, delivery_rule_cards, unit_events, units},
};
use crate::{
    delivery::{
        card::{Content, Kind},
        unit::UnitState,
    },
    ids::{CardId, DeliveryRuleId, PictureId, Timestamp, UserId},
};

/// So many cards an owner may have.
pub const MOST: i64 = 2000;

/// A card as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = cards)]
pub struct Card {
    pub id: CardId,
    #[diesel(column_name = owner_id)]
    pub owner: UserId,
    pub name: String,
    pub kind: Kind,
    pub enabled: bool,
    pub description: String,
    content: Option<Sealed>,
    pub low_stock: Option<i64>,
    pub low_since: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A card to be, or what becomes of one.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCard {
    pub name: String,
    pub kind: Kind,
    pub enabled: bool,
    pub description: String,
    /// `None` for a pool and a combination.
    pub content: Option<Content>,
    /// Of a combination, in this order.
    pub parts: Vec<CardId>,
    pub low_stock: Option<i64>,
}

impl NewCard {
    /// One that is on, with nothing in it yet.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            enabled: true,
            description: String::new(),
            content: None,
            parts: Vec::new(),
            low_stock: None,
        }
    }
}

/// What a delivery needs of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryCard {
    pub id: CardId,
    owner: UserId,
    pub name: String,
    pub kind: Kind,
    pub enabled: bool,
    pub description: String,
    content: Option<Sealed>,
    /// Of a combination, in this order.
    pub parts: Vec<CardId>,
}

/// Which cards are wanted; `None` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub kind: Option<Kind>,
    pub enabled: Option<bool>,
    /// Occurs in the name.
    pub text: Option<String>,
}

/// Why a card is not saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSaved {
    NotFound,
    Forbidden,
    NameTaken,
    TooMany,
    /// The part at this place is no card of the owner's.
    NoSuchPart(usize),
    /// The part at this place is a combination itself.
    PartIsCombination(usize),
}

/// What keeps a card from being deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uses {
    /// Units that an order has.
    pub claimed: i64,
    /// Units that an order once had: the log tells of them.
    pub given: i64,
    pub rules: Vec<DeliveryRuleId>,
    /// The names of combinations.
    pub combinations: Vec<String>,
}

impl Card {
    /// What it keeps, in the open; `None` for a pool and a combination. An error: it was sealed by another key, or written by another
    /// version.
    pub fn content(&self, keys: &Keys) -> Result<Option<Content>, String> {
        open(keys, self.owner, self.content.as_ref())
    }
}

impl DeliveryCard {
    /// Whether it keeps anything.
    pub fn has_content(&self) -> bool {
        self.content.is_some()
    }

    /// As [`Card::content`].
    pub fn content(&self, keys: &Keys) -> Result<Option<Content>, String> {
        open(keys, self.owner, self.content.as_ref())
    }
}

fn place(owner: UserId) -> String {
    format!("cards.content:{owner}")
}

fn open(keys: &Keys, owner: UserId, sealed: Option<&Sealed>) -> Result<Option<Content>, String> {
    let Some(sealed) = sealed else { return Ok(None) };
    let text = keys.open(&place(owner), sealed).map_err(|error| error.to_string())?;
    // The error of the parser may quote what it read.
    serde_json::from_str(text.expose()).map(Some).map_err(|_| "what the card keeps cannot be read".to_owned())
}

fn seal(keys: &Keys, owner: UserId, content: Option<&Content>) -> QueryResult<Option<Sealed>> {
    let write = |content| {
        serde_json::to_string(content).map_err(|error| diesel::result::Error::SerializationError(error.into()))
    };
    Ok(content.map(write).transpose()?.map(|json| keys.seal(&place(owner), json)))
}

/// A part of the cards that fit, by name, and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Vec<Card>, i64)> {
    if !scope.is_whole() {
        return Ok((Vec::new(), 0));
    }
    let fitting = || {
        let mut query = cards::table.filter(cards::owner_id.eq(scope.user())).into_boxed();
        if let Some(kind) = filter.kind {
            query = query.filter(cards::kind.eq(kind));
        }
        if let Some(enabled) = filter.enabled {
            query = query.filter(cards::enabled.eq(enabled));
        }
        if let Some(pattern) = filter.text.as_deref().map(containing) {
            query = query.filter(lower(cards::name.nullable()).like(lower(pattern)).escape('\\'));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order((cards::name, cards::id))
        .offset(page.offset)
        .limit(page.limit)
        .select(Card::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// `NotFound` also where it is somebody else's, or the scope sees only some accounts.
pub fn get(conn: &mut DbConn, scope: &Scope, id: CardId) -> QueryResult<Card> {
    if !scope.is_whole() {
        return Err(diesel::result::Error::NotFound);
    }
    cards::table.find(id).filter(cards::owner_id.eq(scope.user())).select(Card::as_select()).get_result(conn)
}

/// [`get`], and `NotFound` also where it is no pool.
pub(super) fn get_pool(conn: &mut DbConn, scope: &Scope, id: CardId) -> QueryResult<Card> {
    let card = get(conn, scope, id)?;
    if card.kind == Kind::Pool { Ok(card) } else { Err(diesel::result::Error::NotFound) }
}

/// What these combinations are made of, in order; one without parts is not named.
pub fn parts(conn: &mut DbConn, scope: &Scope, ids: &[CardId]) -> QueryResult<HashMap<CardId, Vec<CardId>>> {
    let rows: Vec<(CardId, CardId)> = card_parts::table
        .filter(card_parts::owner_id.eq(scope.user()).and(card_parts::card_id.eq_any(ids)))
        .order((card_parts::card_id, card_parts::position))
        .select((card_parts::card_id, card_parts::part_id))
        .load(conn)?;
    let mut parts: HashMap<CardId, Vec<CardId>> = HashMap::new();
    for (card, part) in rows {
        parts.entry(card).or_default().push(part);
    }
    Ok(parts)
}

/// For the engine: a card of this owner, also a disabled one.
pub fn for_delivery(conn: &mut DbConn, owner: UserId, id: CardId) -> QueryResult<Option<DeliveryCard>> {
    let scope = Scope::owner(owner);
    let Some(card) = get(conn, &scope, id).optional()? else { return Ok(None) };
    let parts = match card.kind {
        Kind::Combination => parts(conn, &scope, &[id])?.remove(&id).unwrap_or_default(),
        Kind::Text | Kind::Pool | Kind::Image | Kind::Api => Vec::new(),
    };
    let Card { id, owner, name, kind, enabled, description, content, .. } = card;
    Ok(Some(DeliveryCard { id, owner, name, kind, enabled, description, content, parts }))
}

pub fn insert(
    conn: &mut DbConn,
    keys: &Keys,
    scope: &Scope,
    new: &NewCard,
    now: Timestamp,
) -> QueryResult<Result<CardId, NotSaved>> {
    if let Err(refusal) = check(conn, scope, new, None)? {
        return Ok(Err(refusal));
    }
    let owner = scope.user();
    let present: i64 = cards::table.filter(cards::owner_id.eq(owner)).count().get_result(conn)?;
    if present >= MOST {
        return Ok(Err(NotSaved::TooMany));
    }
    let content = seal(keys, owner, new.content.as_ref())?;
    let id: CardId = per_backend!(&mut *conn, conn => diesel::insert_into(cards::table)
        .values((
            cards::owner_id.eq(owner),
            cards::name.eq(&new.name),
            cards::kind.eq(new.kind),
            cards::enabled.eq(new.enabled),
            cards::description.eq(&new.description),
            cards::content.eq(content),
            cards::low_stock.eq(new.low_stock),
            cards::created_at.eq(now),
            cards::updated_at.eq(now),
        ))
        .returning(cards::id)
        .get_result(conn))?;
    put_parts(conn, owner, id, &new.parts)?;
    Ok(Ok(id))
}

/// The kind of a card stays.
pub fn replace(
    conn: &mut DbConn,
    keys: &Keys,
    scope: &Scope,
    id: CardId,
    new: &NewCard,
    now: Timestamp,
) -> QueryResult<Result<(), NotSaved>> {
    if get(conn, scope, id).optional()?.is_none_or(|old| old.kind != new.kind) {
        return Ok(Err(NotSaved::NotFound));
    }
    if let Err(refusal) = check(conn, scope, new, Some(id))? {
        return Ok(Err(refusal));
    }
    let owner = scope.user();
    diesel::update(cards::table.find(id))
        .set((
            cards::name.eq(&new.name),
            cards::enabled.eq(new.enabled),
            cards::description.eq(&new.description),
            cards::content.eq(seal(keys, owner, new.content.as_ref())?),
            cards::low_stock.eq(new.low_stock),
            cards::updated_at.eq(now),
        ))
        .execute(conn)?;
    diesel::delete(card_parts::table.filter(card_parts::card_id.eq(id))).execute(conn)?;
    put_parts(conn, owner, id, &new.parts)?;
    Ok(Ok(()))
}

/// Whether this may be a card besides those there are, or in the place of the one with this number.
fn check(conn: &mut DbConn, scope: &Scope, new: &NewCard, itself: Option<CardId>) -> QueryResult<Result<(), NotSaved>> {
    if !scope.is_whole() {
        return Ok(Err(NotSaved::Forbidden));
    }
    let own = || cards::table.filter(cards::owner_id.eq(scope.user()));
    let twin: Option<CardId> = own().filter(cards::name.eq(&new.name)).select(cards::id).get_result(conn).optional()?;
    if twin.is_some_and(|twin| Some(twin) != itself) {
        return Ok(Err(NotSaved::NameTaken));
    }
    let kinds: Vec<(CardId, Kind)> =
        own().filter(cards::id.eq_any(&new.parts)).select((cards::id, cards::kind)).load(conn)?;
    for (place, part) in new.parts.iter().enumerate() {
        match kinds.iter().find(|(id, _)| id == part) {
            None => return Ok(Err(NotSaved::NoSuchPart(place))),
            // Also where it is the card itself.
            Some((_, Kind::Combination)) => return Ok(Err(NotSaved::PartIsCombination(place))),
            Some((_, Kind::Text | Kind::Pool | Kind::Image | Kind::Api)) => {}
        }
    }
    Ok(Ok(()))
}

fn put_parts(conn: &mut DbConn, owner: UserId, card: CardId, parts: &[CardId]) -> QueryResult<()> {
    for (position, part) in (0_i64..).zip(parts) {
        diesel::insert_into(card_parts::table)
            .values((
                card_parts::owner_id.eq(owner),
                card_parts::card_id.eq(card),
                card_parts::position.eq(position),
                card_parts::part_id.eq(part),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// How many cards of the owner's give this picture. What cannot be opened gives none.
pub(super) fn with_picture(conn: &mut DbConn, keys: &Keys, scope: &Scope, picture: &PictureId) -> QueryResult<usize> {
    let named = picture.address();
    let rows: Vec<Card> = cards::table
        .filter(cards::owner_id.eq(scope.user()).and(cards::kind.eq(Kind::Image)))
        .select(Card::as_select())
        .load(conn)?;
    let gives = |card: &Card| match card.content(keys) {
        Ok(Some(Content::Image { images })) => images.contains(&named),
        Ok(_) | Err(_) => false,
    };
    Ok(rows.iter().filter(|card| gives(card)).count())
}

/// What keeps a card from being deleted.
pub fn uses(conn: &mut DbConn, scope: &Scope, id: CardId) -> QueryResult<Uses> {
    get(conn, scope, id)?;
    let claiming = UnitState::ALL.into_iter().filter(|state| state.is_claimed());
    let claimed =
        units::table.filter(units::card_id.eq(id).and(units::state.eq_any(claiming))).count().get_result(conn)?;
    let given = unit_events::table
        .filter(unit_events::card_id.eq(id).and(unit_events::to_state.eq(UnitState::Sent)))
        .select(count(unit_events::unit_id).aggregate_distinct())
        .get_result(conn)?;
    let rules = delivery_rule_cards::table
        .filter(delivery_rule_cards::card_id.eq(id))
        .select(delivery_rule_cards::rule_id)
        .distinct()
        .order(delivery_rule_cards::rule_id)
        .load(conn)?;
    let combinations = card_parts::table
        .inner_join(cards::table.on(cards::id.eq(card_parts::card_id)))
        .filter(card_parts::part_id.eq(id))
        .select(cards::name)
        .distinct()
        .order(cards::name)
        .load(conn)?;
    Ok(Uses { claimed, given, rules, combinations })
}

/// Takes its free units along. `NotFound` as for [`get`].
pub fn delete(conn: &mut DbConn, scope: &Scope, id: CardId, now: Timestamp) -> QueryResult<Result<Card, Uses>> {
    let card = get(conn, scope, id)?;
    let uses = uses(conn, scope, id)?;
    if uses != Uses::default() {
        return Ok(Err(uses));
    }
    if card.low_since.is_some() {
        notices::dismiss_of(conn, card.owner, &notice_key(id), now)?;
    }
    diesel::delete(cards::table.find(id)).execute(conn)?;
    Ok(Ok(card))
}

/// Of the notice that a pool runs low.
pub fn notice_key(id: CardId) -> String {
    format!("card:{id}")
}

/// For the engine: since when its owner knows that a pool runs low; `None`: there is enough.
pub fn mark_low(conn: &mut DbConn, id: CardId, since: Option<Timestamp>) -> QueryResult<()> {
    diesel::update(cards::table.find(id)).set(cards::low_since.eq(since)).execute(conn).map(drop)
}
