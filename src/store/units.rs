//! Stock: one piece a row, sealed, and the log of what happened to each ([`chain`](crate::delivery::chain)). Whoever changes a unit writes
//! its event in the same transaction, behind a lock on the card: the numbers of a card's events have no gaps and never collide.

use std::collections::{HashMap, HashSet};

use diesel::{dsl::count_star, prelude::*, sql_types::BigInt};
use ring::hmac;

use super::{
    DbConn, Keys, Page, Scope, Sealed, Secret,
    accounts::own,
    cards,
    connection::per_backend,
    schema::{cards as card_rows, delivery_parts, unit_events, units},
    secret::SecretError,
};
use crate::{
    delivery::{
        card::Kind,
        chain::{self, Hash, Link},
        unit::UnitState,
    },
    ids::{AccountId, CardId, OrderId, Timestamp, UnitId, UserId},
};

/// So many lines are imported in one transaction: it is over in some 20 ms.
pub const PIECE: usize = 1000;

/// A piece of stock as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = units)]
pub struct Unit {
    pub id: UnitId,
    #[diesel(column_name = owner_id)]
    owner: UserId,
    #[diesel(column_name = card_id)]
    pub card: CardId,
    pub state: UnitState,
    content: Sealed,
    fingerprint: Vec<u8>,
    /// The same content was imported before.
    pub duplicate: bool,
    /// The number by which its delivery knows it.
    pub claim: Option<String>,
    pub imported_at: Timestamp,
    pub changed_at: Timestamp,
}

impl Unit {
    /// What is given.
    pub fn open(&self, keys: &Keys) -> Result<Secret, SecretError> {
        keys.open(&place(self.owner, self.card, &self.fingerprint), &self.content)
    }
}

/// Binds what is sealed to its card and its fingerprint: the number is not known yet when it is sealed.
fn place(owner: UserId, card: CardId, fingerprint: &[u8]) -> String {
    let hex: String = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("units.content:{owner}:{card}:{hex}")
}

/// Seals what is imported into a card. Takes longer than storing it: not for the thread that writes.
pub struct Sealer {
    keys: Keys,
    fingerprints: hmac::Key,
    owner: UserId,
    card: CardId,
}

impl Sealer {
    pub fn new(keys: &Keys, owner: UserId, card: CardId) -> Self {
        let fingerprints = hmac::Key::new(hmac::HMAC_SHA256, &keys.derive("units.fingerprint"));
        Self { keys: keys.clone(), fingerprints, owner, card }
    }

    pub fn seal(&self, line: &str) -> NewUnit {
        // With the owner in it, nobody sees whether two owners have the same.
        let mut context = hmac::Context::with_key(&self.fingerprints);
        context.update(&self.owner.0.to_be_bytes());
        context.update(line.as_bytes());
        let fingerprint = context.sign().as_ref().to_vec();
        let content = self.keys.seal(&place(self.owner, self.card, &fingerprint), line);
        NewUnit { fingerprint, content }
    }
}

/// A piece of stock to be.
#[derive(Debug, Clone)]
pub struct NewUnit {
    fingerprint: Vec<u8>,
    content: Sealed,
}

/// What becomes of a line that the owner imported before, into any card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    /// It is left out.
    #[default]
    Skip,
    /// It is imported, and marked.
    Keep,
}

/// What became of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    pub added: usize,
    /// Lines that were known already: left out, or among those that were added.
    pub duplicates: usize,
}

impl std::ops::AddAssign for Imported {
    fn add_assign(&mut self, more: Self) {
        self.added += more.added;
        self.duplicates += more.duplicates;
    }
}

/// An event, and the hash that is stored for it.
pub type Logged = (Link, Vec<u8>);

/// The log of one card, open at its end.
struct Log {
    card: CardId,
    number: i64,
    hash: Option<Hash>,
}

impl Log {
    /// Whoever writes into the log of the same card waits until this transaction ends.
    fn open(conn: &mut DbConn, card: CardId) -> QueryResult<Self> {
        if let DbConn::Pg(conn) = conn {
            let lock = card_rows::table.find(card).select(card_rows::id).for_no_key_update();
            lock.first::<CardId>(conn).optional()?;
        }
        let last: Option<(i64, Vec<u8>)> = unit_events::table
            .filter(unit_events::card_id.eq(card))
            .order(unit_events::number.desc())
            .select((unit_events::number, unit_events::hash))
            .get_result(conn)
            .optional()?;
        Ok(match last {
            // A hash of another length is damage, which verifying finds: the log goes on all the same.
            Some((number, hash)) => Self { card, number, hash: hash.try_into().ok() },
            None => Self { card, number: 0, hash: None },
        })
    }

    fn next(
        &mut self,
        unit: UnitId,
        (from, to): (Option<UnitState>, UnitState),
        claim: Option<&str>,
        at: Timestamp,
    ) -> EventRow {
        self.number += 1;
        let claim = claim.map(str::to_owned);
        let link = Link { card: self.card, number: self.number, unit, from, to, claim, at };
        let hash = chain::hash(self.hash.as_ref(), &link);
        self.hash = Some(hash);
        EventRow {
            card_id: link.card,
            number: link.number,
            unit_id: unit,
            from_state: from,
            to_state: to,
            claim: link.claim,
            at,
            hash: hash.to_vec(),
        }
    }
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = unit_events, treat_none_as_default_value = false)]
struct EventRow {
    card_id: CardId,
    number: i64,
    unit_id: UnitId,
    from_state: Option<UnitState>,
    to_state: UnitState,
    claim: Option<String>,
    at: Timestamp,
    hash: Vec<u8>,
}

impl EventRow {
    fn link(self) -> Logged {
        let Self { card_id: card, number, unit_id: unit, from_state: from, to_state: to, claim, at, hash } = self;
        (Link { card, number, unit, from, to, claim, at }, hash)
    }
}

/// For the engine: the oldest free unit of a card becomes the claim's. `None`: there is none left.
pub fn reserve(conn: &mut DbConn, card: CardId, claim: &str, now: Timestamp) -> QueryResult<Option<Unit>> {
    let mut log = Log::open(conn, card)?;
    let free: Option<Unit> = units::table
        .filter(units::card_id.eq(card).and(units::state.eq(UnitState::Free)))
        .order(units::id)
        .select(Unit::as_select())
        .first(conn)
        .optional()?;
    let Some(unit) = free else { return Ok(None) };
    go(conn, &mut log, &unit, UnitState::Reserved, Some(claim), now)?;
    Ok(Some(Unit { state: UnitState::Reserved, claim: Some(claim.to_owned()), changed_at: now, ..unit }))
}

/// For the engine: whether any unit of a card is free.
pub(super) fn has_free(conn: &mut DbConn, card: CardId) -> QueryResult<bool> {
    let free = units::table.filter(units::card_id.eq(card).and(units::state.eq(UnitState::Free)));
    Ok(free.select(units::id).first::<UnitId>(conn).optional()?.is_some())
}

/// For the engine: what a piece of stock is, in the open.
pub fn open(conn: &mut DbConn, keys: &Keys, unit: UnitId) -> QueryResult<Result<Secret, SecretError>> {
    let unit: Unit = units::table.find(unit).select(Unit::as_select()).get_result(conn)?;
    Ok(unit.open(keys))
}

/// For the engine: the unit goes on, where this claim has it and it may. Where it becomes free again nobody has it any more. `false`: it may
/// not, and nothing was changed.
pub fn advance(conn: &mut DbConn, unit: UnitId, claim: &str, to: UnitState, now: Timestamp) -> QueryResult<bool> {
    let card: Option<CardId> = units::table.find(unit).select(units::card_id).get_result(conn).optional()?;
    let Some(card) = card else { return Ok(false) };
    let mut log = Log::open(conn, card)?;
    // Read behind the lock: what was read before it may be over.
    let unit: Unit = units::table.find(unit).select(Unit::as_select()).get_result(conn)?;
    if unit.claim.as_deref() != Some(claim) || !unit.state.may_become(to) {
        return Ok(false);
    }
    go(conn, &mut log, &unit, to, Some(claim), now)?;
    Ok(true)
}

/// The one way in which a stored unit changes its state. The event names who had it, or has it now.
fn go(
    conn: &mut DbConn,
    log: &mut Log,
    unit: &Unit,
    to: UnitState,
    claim: Option<&str>,
    now: Timestamp,
) -> QueryResult<()> {
    let kept = claim.filter(|_| to != UnitState::Free);
    let rows = diesel::update(units::table.find(unit.id))
        .filter(units::state.eq(unit.state))
        .set((units::state.eq(to), units::claim.eq(kept), units::changed_at.eq(now)))
        .execute(conn)?;
    if rows != 1 {
        return Err(diesel::result::Error::NotFound);
    }
    if to == UnitState::Free {
        // Another order may have it now; which one had it before is still told by the claim.
        diesel::update(delivery_parts::table.filter(delivery_parts::unit_id.eq(unit.id)))
            .set(delivery_parts::unit_id.eq(None::<UnitId>))
            .execute(conn)?;
    }
    let event = log.next(unit.id, (Some(unit.state), to), claim, now);
    per_backend!(conn, conn => diesel::insert_into(unit_events::table).values(&event).execute(conn)).map(drop)
}

/// Which units of a card are wanted; `None` is all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    pub state: Option<UnitState>,
    pub duplicate: Option<bool>,
}

/// A part of a card's units, oldest first, and how many fit. `NotFound` where the card is not the owner's.
pub fn page(
    conn: &mut DbConn,
    scope: &Scope,
    card: CardId,
    filter: Filter,
    page: Page,
) -> QueryResult<(Vec<Unit>, i64)> {
    cards::get(conn, scope, card)?;
    let fitting = || {
        let mut query = units::table.filter(units::card_id.eq(card)).into_boxed();
        if let Some(state) = filter.state {
            query = query.filter(units::state.eq(state));
        }
        if let Some(duplicate) = filter.duplicate {
            query = query.filter(units::duplicate.eq(duplicate));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting().order(units::id).offset(page.offset).limit(page.limit).select(Unit::as_select()).load(conn)?;
    Ok((rows, total))
}

/// `NotFound` also where it is somebody else's, or the scope sees only some accounts.
pub fn get(conn: &mut DbConn, scope: &Scope, id: UnitId) -> QueryResult<Unit> {
    if !scope.is_whole() {
        return Err(diesel::result::Error::NotFound);
    }
    units::table.find(id).filter(units::owner_id.eq(scope.user())).select(Unit::as_select()).get_result(conn)
}

/// A person decides what becomes of a unit that no order waits for, and may take back that it was made void. `Err` is the state that does
/// not allow it: what is on its way, or in doubt, is decided where its order is.
pub fn decide(
    conn: &mut DbConn,
    scope: &Scope,
    id: UnitId,
    to: UnitState,
    now: Timestamp,
) -> QueryResult<Result<Unit, UnitState>> {
    let card = get(conn, scope, id)?.card;
    let mut log = Log::open(conn, card)?;
    let unit = get(conn, scope, id)?;
    let is_settled = match unit.state {
        UnitState::Free | UnitState::Confirmed | UnitState::Returned | UnitState::Void => true,
        UnitState::Reserved | UnitState::Sent | UnitState::Uncertain => false,
    };
    let is_persons = matches!(to, UnitState::Free | UnitState::Returned | UnitState::Void);
    let may_go = unit.state.may_become(to)
        || (to == UnitState::Free && unit.state.may_be_taken_back(ever_sent(conn, &[id])?.contains(&id)));
    if !is_settled || !is_persons || !may_go {
        return Ok(Err(unit.state));
    }
    go(conn, &mut log, &unit, to, unit.claim.as_deref(), now)?;
    get(conn, scope, id).map(Ok)
}

/// A piece that is free no more, by its number and its fingerprint.
pub type Drawn = (UnitId, Vec<u8>);

/// All that was drawn, or is void.
pub fn drawn(conn: &mut DbConn) -> QueryResult<Vec<Drawn>> {
    units::table.filter(units::state.ne(UnitState::Free)).select((units::id, units::fingerprint)).load(conn)
}

/// Makes void what is free here and was drawn in a database that is no more. Returns how many there were.
pub fn withhold(conn: &mut DbConn, gone: &[Drawn], now: Timestamp) -> QueryResult<usize> {
    let mut withheld = 0;
    for some in gone.chunks(500) {
        let ids = some.iter().map(|(id, _)| *id);
        let query = units::table.filter(units::id.eq_any(ids).and(units::state.eq(UnitState::Free)));
        for unit in query.select(Unit::as_select()).load(conn)? {
            if some.contains(&(unit.id, unit.fingerprint.clone())) {
                let mut log = Log::open(conn, unit.card)?;
                go(conn, &mut log, &unit, UnitState::Void, None, now)?;
                withheld += 1;
            }
        }
    }
    Ok(withheld)
}

/// Those of these units that ever were on their way to a buyer.
pub fn ever_sent(conn: &mut DbConn, ids: &[UnitId]) -> QueryResult<HashSet<UnitId>> {
    let mut sent = HashSet::new();
    for some in ids.chunks(500) {
        let query = unit_events::table
            .filter(unit_events::unit_id.eq_any(some).and(unit_events::to_state.eq(UnitState::Sent)))
            .select(unit_events::unit_id);
        sent.extend(query.load::<UnitId>(conn)?);
    }
    Ok(sent)
}

/// Which orders these claims are of. One whose order is gone is not named.
pub fn orders(
    conn: &mut DbConn,
    scope: &Scope,
    claims: &[String],
) -> QueryResult<HashMap<String, (AccountId, OrderId)>> {
    let rows: Vec<(String, AccountId, OrderId)> = delivery_parts::table
        .filter(delivery_parts::claim.eq_any(claims).and(delivery_parts::account_id.eq_any(own!(scope))))
        .select((delivery_parts::claim, delivery_parts::account_id, delivery_parts::order_id))
        .load(conn)?;
    Ok(rows.into_iter().map(|(claim, account, order)| (claim, (account, order))).collect())
}

/// A piece of what is imported into a pool, at most [`PIECE`] lines. `NotFound` where the card is no pool of the owner's.
pub fn import(
    conn: &mut DbConn,
    scope: &Scope,
    card: CardId,
    new: Vec<NewUnit>,
    duplicates: Duplicates,
    now: Timestamp,
) -> QueryResult<Imported> {
    cards::get_pool(conn, scope, card)?;
    let mut log = Log::open(conn, card)?;
    let mut seen = known(conn, scope.user(), &new)?;
    let mut rows = Vec::with_capacity(new.len());
    let mut imported = Imported::default();
    for unit in new {
        let duplicate = !seen.insert(unit.fingerprint.clone());
        imported.duplicates += usize::from(duplicate);
        if duplicate && duplicates == Duplicates::Skip {
            continue;
        }
        rows.push(UnitRow {
            owner_id: scope.user(),
            card_id: card,
            state: UnitState::Free,
            content: unit.content,
            fingerprint: unit.fingerprint,
            duplicate,
            imported_at: now,
            changed_at: now,
        });
    }
    imported.added = rows.len();
    let ids = insert_units(conn, &rows)?;
    let events: Vec<EventRow> = ids.into_iter().map(|id| log.next(id, (None, UnitState::Free), None, now)).collect();
    insert_events(conn, &events)?;
    Ok(imported)
}

#[derive(Insertable)]
#[diesel(table_name = units, treat_none_as_default_value = false)]
struct UnitRow {
    owner_id: UserId,
    card_id: CardId,
    state: UnitState,
    content: Sealed,
    fingerprint: Vec<u8>,
    duplicate: bool,
    imported_at: Timestamp,
    changed_at: Timestamp,
}

/// Those of these fingerprints that the owner has, or once had.
fn known(conn: &mut DbConn, owner: UserId, new: &[NewUnit]) -> QueryResult<HashSet<Vec<u8>>> {
    let mut known = HashSet::with_capacity(new.len());
    for some in new.chunks(500) {
        let prints = some.iter().map(|unit| unit.fingerprint.as_slice());
        let query = units::table
            .filter(units::owner_id.eq(owner).and(units::fingerprint.eq_any(prints)))
            .select(units::fingerprint);
        known.extend(query.load::<Vec<u8>>(conn)?);
    }
    Ok(known)
}

/// In the order they are given: what came first is sold first.
fn insert_units(conn: &mut DbConn, rows: &[UnitRow]) -> QueryResult<Vec<UnitId>> {
    match conn {
        DbConn::Sqlite(conn) => {
            let insert =
                |row: &UnitRow| diesel::insert_into(units::table).values(row).returning(units::id).get_result(conn);
            rows.iter().map(insert).collect()
        }
        DbConn::Pg(conn) => {
            let mut ids: Vec<UnitId> =
                diesel::insert_into(units::table).values(rows).returning(units::id).get_results(conn)?;
            ids.sort_unstable();
            Ok(ids)
        }
    }
}

fn insert_events(conn: &mut DbConn, rows: &[EventRow]) -> QueryResult<()> {
    match conn {
        DbConn::Sqlite(conn) => {
            rows.iter().try_for_each(|row| diesel::insert_into(unit_events::table).values(row).execute(conn).map(drop))
        }
        DbConn::Pg(conn) => diesel::insert_into(unit_events::table).values(rows).execute(conn).map(drop),
    }
}

/// How many units of a card are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([i64; UnitState::ALL.len()]);

impl Counts {
    pub fn of(&self, state: UnitState) -> i64 {
        UnitState::ALL.iter().zip(self.0).find(|(known, _)| **known == state).map_or(0, |(_, count)| count)
    }

    pub fn sum(&self) -> i64 {
        self.0.iter().sum()
    }

    fn add(&mut self, state: UnitState, count: i64) {
        for (place, known) in UnitState::ALL.into_iter().enumerate() {
            self.0[place] += if known == state { count } else { 0 };
        }
    }
}

/// The stock of these cards; one without units is not named.
pub fn counts(conn: &mut DbConn, scope: &Scope, cards: &[CardId]) -> QueryResult<HashMap<CardId, Counts>> {
    let rows: Vec<(CardId, UnitState, i64)> = units::table
        .filter(units::owner_id.eq(scope.user()).and(units::card_id.eq_any(cards)))
        .group_by((units::card_id, units::state))
        .select((units::card_id, units::state, count_star()))
        .load(conn)?;
    let mut counts: HashMap<CardId, Counts> = HashMap::new();
    for (card, state, count) in rows {
        counts.entry(card).or_default().add(state, count);
    }
    Ok(counts)
}

/// For the engine: how many units are free, where they are fewer than so many and some were imported. Reads no more than so many rows.
pub(super) fn fewer_than(conn: &mut DbConn, card: CardId, least: i64) -> QueryResult<Option<i64>> {
    let free = || units::table.filter(units::card_id.eq(card).and(units::state.eq(UnitState::Free)));
    let last: Option<UnitId> = free().order(units::id).offset(least - 1).select(units::id).first(conn).optional()?;
    if last.is_some() {
        return Ok(None);
    }
    let any: Option<UnitId> = units::table.filter(units::card_id.eq(card)).select(units::id).first(conn).optional()?;
    let left: i64 = free().count().get_result(conn)?;
    Ok(any.map(|_| left))
}

/// What there is of a card, and what was ever imported into it: the two are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    pub card: CardId,
    pub counts: Counts,
    pub imported: i64,
}

impl Sum {
    pub fn is_right(&self) -> bool {
        self.counts.sum() == self.imported
    }
}

/// For the command line: the stock of every card of everybody that has or had some. Reads all of it.
pub fn sums(conn: &mut DbConn) -> QueryResult<Vec<Sum>> {
    pools(conn)?.into_iter().map(|card| sum(conn, card)).collect()
}

/// For the command line: the stock of one card of anybody's.
pub fn sum(conn: &mut DbConn, card: CardId) -> QueryResult<Sum> {
    let there: Vec<(UnitState, i64)> = units::table
        .filter(units::card_id.eq(card))
        .group_by(units::state)
        .select((units::state, count_star()))
        .load(conn)?;
    let mut counts = Counts::default();
    there.into_iter().for_each(|(state, count)| counts.add(state, count));
    let imported = unit_events::table
        .filter(unit_events::card_id.eq(card).and(unit_events::from_state.is_null()))
        .count()
        .get_result(conn)?;
    Ok(Sum { card, counts, imported })
}

/// What happened to the units of a card, newest first, and how much happened.
pub fn events(conn: &mut DbConn, scope: &Scope, card: CardId, page: Page) -> QueryResult<(Vec<Logged>, i64)> {
    cards::get(conn, scope, card)?;
    let total = unit_events::table.filter(unit_events::card_id.eq(card)).count().get_result(conn)?;
    let rows: Vec<EventRow> = unit_events::table
        .filter(unit_events::card_id.eq(card))
        .order(unit_events::number.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(EventRow::as_select())
        .load(conn)?;
    Ok((rows.into_iter().map(EventRow::link).collect(), total))
}

/// What the logs say of the pieces that an order has, oldest first, each with the unit of the order. Nothing where the account belongs to
/// somebody else.
pub fn of_order(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    order: &OrderId,
) -> QueryResult<Vec<(i64, Logged)>> {
    // Both are needed: the claim says whose step it was, and the index is by the piece.
    let with_piece = unit_events::table.inner_join(
        delivery_parts::table.on(unit_events::claim
            .eq(delivery_parts::claim.nullable())
            .and(delivery_parts::unit_id.eq(unit_events::unit_id.nullable()))),
    );
    let rows: Vec<(i64, EventRow)> = with_piece
        .filter(delivery_parts::account_id.eq(account).and(delivery_parts::order_id.eq(order)))
        .filter(delivery_parts::account_id.eq_any(own!(scope)))
        .order((unit_events::at, unit_events::card_id, unit_events::number))
        .select((delivery_parts::unit, EventRow::as_select()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(unit, row)| (unit, row.link())).collect())
}

/// A line about a piece of stock while an order had it, and what its hash covers besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The unit of the order.
    pub order_unit: i64,
    pub link: Link,
    pub hash: Vec<u8>,
    /// The hash of the line before; `None`: there is none.
    pub before: Option<Vec<u8>>,
}

/// The same as [`of_order`], with all that lets somebody else compute the hashes.
pub fn proven(conn: &mut DbConn, scope: &Scope, account: AccountId, order: &OrderId) -> QueryResult<Vec<Proven>> {
    let mut proven = Vec::new();
    for (order_unit, (link, hash)) in of_order(conn, scope, account, order)? {
        let before = unit_events::table
            .filter(unit_events::card_id.eq(link.card).and(unit_events::number.eq(link.number - 1)))
            .select(unit_events::hash)
            .get_result(conn)
            .optional()?;
        proven.push(Proven { order_unit, link, hash, before });
    }
    Ok(proven)
}

/// For the command line: the pools of everybody.
pub fn pools(conn: &mut DbConn) -> QueryResult<Vec<CardId>> {
    card_rows::table.filter(card_rows::kind.eq(Kind::Pool)).order(card_rows::id).select(card_rows::id).load(conn)
}

/// For the command line: the next part of a card's log, oldest first, each with the hash that is stored for it.
pub fn log_after(conn: &mut DbConn, card: CardId, number: i64, limit: i64) -> QueryResult<Vec<Logged>> {
    let rows: Vec<EventRow> = unit_events::table
        .filter(unit_events::card_id.eq(card).and(unit_events::number.gt(number)))
        .order(unit_events::number)
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(EventRow::link).collect())
}

/// A unit differs from the last event of its log, or has none, or is not there though its log is. Who has a free one is nobody.
const ASTRAY: &str = "SELECT u.id AS unit_id FROM units AS u LEFT JOIN unit_events AS e ON e.card_id = u.card_id AND e.unit_id = u.id \
     AND e.number = (SELECT max(l.number) FROM unit_events AS l WHERE l.unit_id = u.id) \
     WHERE u.card_id = $1 AND (e.unit_id IS NULL OR e.to_state <> u.state OR e.at <> u.changed_at \
     OR coalesce(CASE WHEN e.to_state = 'free' THEN NULL ELSE e.claim END, '') <> coalesce(u.claim, '')) \
     UNION SELECT e.unit_id FROM unit_events AS e LEFT JOIN units AS u ON u.id = e.unit_id \
     WHERE e.card_id = $1 AND (u.id IS NULL OR u.card_id <> e.card_id) ORDER BY unit_id LIMIT 100";

#[derive(QueryableByName)]
#[diesel(table_name = unit_events)]
struct Astray {
    unit_id: UnitId,
}

/// For the engine: all units of a card, oldest first.
#[cfg(test)]
pub(crate) fn of_card(conn: &mut DbConn, card: CardId) -> QueryResult<Vec<Unit>> {
    units::table.filter(units::card_id.eq(card)).order(units::id).select(Unit::as_select()).load(conn)
}

/// For the command line: the first hundred units of a card that are not what its log says.
pub fn astray(conn: &mut DbConn, card: CardId) -> QueryResult<Vec<UnitId>> {
    let rows: Vec<Astray> = diesel::sql_query(ASTRAY).bind::<BigInt, _>(card).load(conn)?;
    Ok(rows.into_iter().map(|row| row.unit_id).collect())
}
