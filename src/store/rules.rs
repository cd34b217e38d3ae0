//! Keyword rules and default replies. A rule is the same rule when owner, account, item, kind of match and keyword are the same.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    DbConn, Page, Saved, Scope,
    accounts::{self, own},
    connection::per_backend,
    page::{containing, lower},
    revisions::{self, Topic},
    schema::rules,
};
use crate::{
    ids::{AccountId, ItemId, RuleId, Timestamp, UserId},
    reply::rule::{Matching, Reply, Rule},
};

/// A rule as a person gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    pub account: Option<AccountId>,
    pub item: Option<ItemId>,
    pub matching: Matching,
    pub keyword: String,
    pub any_of: Vec<String>,
    pub all_of: Vec<String>,
    pub exclude: Vec<String>,
    pub replies: Vec<Reply>,
    pub once: bool,
    pub priority: i32,
    pub enabled: bool,
}

/// Rules as they are stored, and the rows that cannot be read, each with the reason: one bad row must not silence the rest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    pub rules: Vec<Rule>,
    pub broken: Vec<(RuleId, String)>,
}

/// Why a rule is not added, changed or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSaved {
    /// The rule, or the account it is to be for; also where it belongs to somebody else.
    #[error("there is no such rule or account")]
    NotFound,
    /// What is for all accounts is changed by who sees all accounts.
    #[error("a rule for all accounts is changed by who has the right to all accounts")]
    Forbidden,
    #[error("rule {0} has the same account, item, kind of match and keyword")]
    Exists(RuleId),
}

/// Which rules a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub reach: Option<Reach>,
    pub item: Option<ItemId>,
    pub kind: Option<Kind>,
    pub matching: Option<Matching>,
    /// Occurs in the keyword or the replies.
    pub text: Option<String>,
    pub enabled: Option<bool>,
}

/// Where a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In all accounts of the owner.
    Everywhere,
    /// In this account alone.
    In(AccountId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Keyword,
    DefaultReply,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq)]
struct Identity {
    account: Option<AccountId>,
    item: Option<ItemId>,
    matching: String,
    keyword: String,
}

/// What a person may change of a rule without making it another.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = rules)]
struct Body {
    any_of: String,
    all_of: String,
    exclude: String,
    replies: String,
    once: bool,
    priority: i32,
    enabled: bool,
}

#[derive(Insertable)]
#[diesel(table_name = rules, treat_none_as_default_value = false)]
struct InsertRow {
    owner_id: UserId,
    account_id: Option<AccountId>,
    item_id: Option<ItemId>,
    matching: String,
    keyword: String,
    #[diesel(embed)]
    body: Body,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = rules)]
struct Row {
    id: RuleId,
    account_id: Option<AccountId>,
    item_id: Option<ItemId>,
    /// Read as text: an unknown word is a fault of this row, not of the query.
    matching: String,
    keyword: String,
    #[diesel(embed)]
    body: Body,
    created_at: Timestamp,
}

impl NewRule {
    fn identity(&self) -> Identity {
        Identity {
            account: self.account,
            item: self.item.clone(),
            matching: self.matching.as_str().to_owned(),
            keyword: self.keyword.clone(),
        }
    }

    fn body(&self) -> QueryResult<Body> {
        Ok(Body {
            any_of: to_json(&self.any_of)?,
            all_of: to_json(&self.all_of)?,
            exclude: to_json(&self.exclude)?,
            replies: to_json(&self.replies)?,
            once: self.once,
            priority: self.priority,
            enabled: self.enabled,
        })
    }
}

fn to_json<T: serde::Serialize>(list: &[T]) -> QueryResult<String> {
    serde_json::to_string(list).map_err(|error| diesel::result::Error::SerializationError(error.into()))
}

impl Row {
    fn identity(&self) -> Identity {
        Identity {
            account: self.account_id,
            item: self.item_id.clone(),
            matching: self.matching.clone(),
            keyword: self.keyword.clone(),
        }
    }

    fn into_rule(self) -> Result<Rule, (RuleId, String)> {
        let id = self.id;
        self.parse().map_err(|why| (id, format!("rule {id} cannot be read: {why}")))
    }

    fn parse(self) -> Result<Rule, String> {
        let Self { id, account_id, item_id, matching, keyword, body, created_at } = self;
        Ok(Rule {
            id,
            account: account_id,
            item: item_id,
            matching: matching.parse()?,
            keyword,
            any_of: from_json("any_of", &body.any_of)?,
            all_of: from_json("all_of", &body.all_of)?,
            exclude: from_json("exclude", &body.exclude)?,
            replies: from_json("replies", &body.replies)?,
            once: body.once,
            priority: body.priority,
            enabled: body.enabled,
            created_at,
        })
    }
}

fn from_json<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<Vec<T>, String> {
    serde_json::from_str(text).map_err(|error| format!("{column}: {error}"))
}

/// Adds or changes rules by what makes them the same rule; an id and the time it was made stay. The answer says what became of
/// each, in order. `NotFound` where an account is not the owner's, or a rule is for all accounts and the scope is not: then nothing was
/// written.
pub fn upsert_many(conn: &mut DbConn, scope: &Scope, new: &[NewRule], now: Timestamp) -> QueryResult<Vec<Saved>> {
    if !scope.is_whole() && new.iter().any(|rule| rule.account.is_none()) {
        return Err(diesel::result::Error::NotFound);
    }
    check_accounts(conn, scope, new.iter().filter_map(|rule| rule.account))?;
    let stored = load(conn, scope.user())?;
    let mut known: HashMap<_, _> = stored.into_iter().map(|row| (row.identity(), (row.id, row.body))).collect();
    let mut added: HashMap<Identity, Body> = HashMap::new();
    let mut saved = Vec::with_capacity(new.len());
    for rule in new {
        let (identity, body) = (rule.identity(), rule.body()?);
        saved.push(match known.get_mut(&identity) {
            Some((_, stored)) if *stored == body => Saved::Unchanged,
            Some((id, stored)) => {
                update(conn, *id, &body, now)?;
                *stored = body;
                Saved::Updated
            }
            None if added.insert(identity, body).is_some() => Saved::Updated,
            None => Saved::Added,
        });
    }
    insert_all(conn, scope.user(), new, added, now)?;
    if saved.iter().any(|saved| *saved != Saved::Unchanged) {
        revisions::bump(conn, Topic::Rules)?;
    }
    Ok(saved)
}

fn check_accounts(conn: &mut DbConn, scope: &Scope, used: impl Iterator<Item = AccountId>) -> QueryResult<()> {
    let mut used: Vec<_> = used.collect();
    used.sort_unstable();
    used.dedup();
    used.into_iter().try_for_each(|account| accounts::get(conn, scope, account).map(drop))
}

fn update(conn: &mut DbConn, id: RuleId, body: &Body, now: Timestamp) -> QueryResult<()> {
    diesel::update(rules::table.find(id)).set((body, rules::updated_at.eq(now))).execute(conn).map(drop)
}

/// In the order they were given: among equals the older rule wins, and its number tells which is older.
fn insert_all(
    conn: &mut DbConn,
    owner: UserId,
    new: &[NewRule],
    mut added: HashMap<Identity, Body>,
    now: Timestamp,
) -> QueryResult<()> {
    let rows: Vec<_> = new
        .iter()
        .filter_map(|rule| added.remove_entry(&rule.identity()))
        .map(|(identity, body)| InsertRow {
            owner_id: owner,
            account_id: identity.account,
            item_id: identity.item,
            matching: identity.matching,
            keyword: identity.keyword,
            body,
            created_at: now,
            updated_at: now,
        })
        .collect();
    match conn {
        DbConn::Sqlite(conn) => {
            rows.iter().try_for_each(|row| diesel::insert_into(rules::table).values(row).execute(conn).map(drop))
        }
        // 14 values a row, and a statement takes 65,535
        DbConn::Pg(conn) => rows
            .chunks(4000)
            .try_for_each(|rows| diesel::insert_into(rules::table).values(rows).execute(conn).map(drop)),
    }
}

fn load(conn: &mut DbConn, owner: UserId) -> QueryResult<Vec<Row>> {
    rules::table.filter(rules::owner_id.eq(owner)).order(rules::id).select(Row::as_select()).load(conn)
}

impl Loaded {
    fn from_rows(rows: Vec<Row>) -> Self {
        let mut loaded = Self::default();
        for row in rows {
            match row.into_rule() {
                Ok(rule) => loaded.rules.push(rule),
                Err(broken) => loaded.broken.push(broken),
            }
        }
        loaded
    }
}

/// What a scope may see: what is for all accounts, and what is for its own. A macro, because only the compiler can write down its type.
macro_rules! visible {
    ($scope:expr) => {
        rules::owner_id
            .eq($scope.user())
            .and(rules::account_id.is_null().or(rules::account_id.eq_any(own!($scope).nullable())))
    };
}

/// Oldest first, also the disabled.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Loaded> {
    let rows = rules::table.filter(visible!(scope)).order(rules::id).select(Row::as_select()).load(conn)?;
    Ok(Loaded::from_rows(rows))
}

/// A part of the rules that fit, in the order of their priority, the oldest first among equals; and how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Loaded, i64)> {
    let fitting = || {
        let mut query = rules::table.filter(visible!(scope)).into_boxed();
        query = match filter.reach {
            Some(Reach::Everywhere) => query.filter(rules::account_id.is_null()),
            Some(Reach::In(account)) => query.filter(rules::account_id.eq(account)),
            None => query,
        };
        query = match filter.kind {
            Some(Kind::Keyword) => query.filter(rules::matching.ne(Matching::Default)),
            Some(Kind::DefaultReply) => query.filter(rules::matching.eq(Matching::Default)),
            None => query,
        };
        if let Some(item) = &filter.item {
            query = query.filter(rules::item_id.eq(item));
        }
        if let Some(matching) = filter.matching {
            query = query.filter(rules::matching.eq(matching));
        }
        if let Some(pattern) = filter.text.as_deref().map(containing) {
            let in_keyword = lower(rules::keyword.nullable()).like(lower(pattern.clone())).escape('\\');
            query = query.filter(in_keyword.or(lower(rules::replies.nullable()).like(lower(pattern)).escape('\\')));
        }
        if let Some(enabled) = filter.enabled {
            query = query.filter(rules::enabled.eq(enabled));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order((rules::priority.desc(), rules::id))
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((Loaded::from_rows(rows), total))
}

/// The keywords of those of these rules that are there.
pub fn keywords(conn: &mut DbConn, scope: &Scope, ids: &[RuleId]) -> QueryResult<HashMap<RuleId, String>> {
    let rows: Vec<(RuleId, String)> = rules::table
        .filter(visible!(scope))
        .filter(rules::id.eq_any(ids))
        .select((rules::id, rules::keyword))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// `NotFound` also where the rule belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, id: RuleId) -> QueryResult<Rule> {
    let row: Row = rules::table.find(id).filter(visible!(scope)).select(Row::as_select()).first(conn)?;
    row.into_rule().map_err(|(_, why)| diesel::result::Error::DeserializationError(why.into()))
}

/// A new rule.
pub fn insert(
    conn: &mut DbConn,
    scope: &Scope,
    new: &NewRule,
    now: Timestamp,
) -> QueryResult<Result<RuleId, NotSaved>> {
    if let Err(refusal) = check_place(conn, scope, new.account)? {
        return Ok(Err(refusal));
    }
    if let Some(twin) = find_id(conn, scope, new)? {
        return Ok(Err(NotSaved::Exists(twin)));
    }
    let Identity { account, item, matching, keyword } = new.identity();
    let row = InsertRow {
        owner_id: scope.user(),
        account_id: account,
        item_id: item,
        matching,
        keyword,
        body: new.body()?,
        created_at: now,
        updated_at: now,
    };
    let id = per_backend!(&mut *conn, conn => diesel::insert_into(rules::table)
        .values(&row)
        .returning(rules::id)
        .get_result(conn))?;
    revisions::bump(conn, Topic::Rules)?;
    Ok(Ok(id))
}

/// Changes everything of a rule but its number, and the time it was made at.
pub fn replace(
    conn: &mut DbConn,
    scope: &Scope,
    id: RuleId,
    new: &NewRule,
    now: Timestamp,
) -> QueryResult<Result<(), NotSaved>> {
    if let Err(refusal) = check_writable(conn, scope, id)? {
        return Ok(Err(refusal));
    }
    if let Err(refusal) = check_place(conn, scope, new.account)? {
        return Ok(Err(refusal));
    }
    if let Some(twin) = find_id(conn, scope, new)?.filter(|twin| *twin != id) {
        return Ok(Err(NotSaved::Exists(twin)));
    }
    diesel::update(rules::table.find(id))
        .set((
            rules::account_id.eq(new.account),
            rules::item_id.eq(&new.item),
            rules::matching.eq(new.matching),
            rules::keyword.eq(&new.keyword),
        ))
        .execute(conn)?;
    update(conn, id, &new.body()?, now)?;
    revisions::bump(conn, Topic::Rules)?;
    Ok(Ok(()))
}

/// Whether a rule for this account (`None`: for all) may be written.
fn check_place(conn: &mut DbConn, scope: &Scope, account: Option<AccountId>) -> QueryResult<Result<(), NotSaved>> {
    let Some(account) = account else {
        return Ok(if scope.is_whole() { Ok(()) } else { Err(NotSaved::Forbidden) });
    };
    Ok(accounts::get(conn, scope, account).optional()?.map(drop).ok_or(NotSaved::NotFound))
}

fn check_writable(conn: &mut DbConn, scope: &Scope, id: RuleId) -> QueryResult<Result<(), NotSaved>> {
    let place: Option<Option<AccountId>> =
        rules::table.find(id).filter(visible!(scope)).select(rules::account_id).first(conn).optional()?;
    match place {
        Some(account) => check_place(conn, scope, account),
        None => Ok(Err(NotSaved::NotFound)),
    }
}

/// For the engine: an owner's rules, oldest first, also the disabled.
pub fn list_for_engine(conn: &mut DbConn, owner: UserId) -> QueryResult<Loaded> {
    load(conn, owner).map(Loaded::from_rows)
}

/// For the engine.
pub fn owners_with_rules(conn: &mut DbConn) -> QueryResult<Vec<UserId>> {
    rules::table.select(rules::owner_id).distinct().order(rules::owner_id).load(conn)
}

/// The number of the rule that `rule` is, where it is stored.
pub fn find_id(conn: &mut DbConn, scope: &Scope, rule: &NewRule) -> QueryResult<Option<RuleId>> {
    let alike: Vec<(RuleId, Option<AccountId>, Option<ItemId>)> = rules::table
        .filter(rules::owner_id.eq(scope.user()).and(rules::keyword.eq(&rule.keyword)))
        .filter(rules::matching.eq(rule.matching))
        .select((rules::id, rules::account_id, rules::item_id))
        .load(conn)?;
    let same = alike.into_iter().find(|(_, account, item)| (account, item) == (&rule.account, &rule.item));
    Ok(same.map(|(id, ..)| id))
}

pub fn set_enabled(
    conn: &mut DbConn,
    scope: &Scope,
    id: RuleId,
    on: bool,
    now: Timestamp,
) -> QueryResult<Result<(), NotSaved>> {
    if let Err(refusal) = check_writable(conn, scope, id)? {
        return Ok(Err(refusal));
    }
    diesel::update(rules::table.find(id)).set((rules::enabled.eq(on), rules::updated_at.eq(now))).execute(conn)?;
    revisions::bump(conn, Topic::Rules)?;
    Ok(Ok(()))
}

pub fn delete(conn: &mut DbConn, scope: &Scope, id: RuleId) -> QueryResult<Result<(), NotSaved>> {
    if let Err(refusal) = check_writable(conn, scope, id)? {
        return Ok(Err(refusal));
    }
    diesel::delete(rules::table.find(id)).execute(conn)?;
    revisions::bump(conn, Topic::Rules)?;
    Ok(Ok(()))
}
