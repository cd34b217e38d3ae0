//! Keyword rules and default replies. A rule is the same rule when owner, account, item, kind of match and keyword are the same.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{
    DbConn, Saved, Scope, accounts,
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
/// each, in order. `NotFound` where an account is not the owner's: then nothing was written.
pub fn upsert_many(conn: &mut DbConn, scope: &Scope, new: &[NewRule], now: Timestamp) -> QueryResult<Vec<Saved>> {
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

fn load_rules(conn: &mut DbConn, owner: UserId) -> QueryResult<Loaded> {
    let mut loaded = Loaded::default();
    for row in load(conn, owner)? {
        match row.into_rule() {
            Ok(rule) => loaded.rules.push(rule),
            Err(broken) => loaded.broken.push(broken),
        }
    }
    Ok(loaded)
}

/// Oldest first, also the disabled.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Loaded> {
    load_rules(conn, scope.user())
}

/// For the engine: an owner's rules, oldest first, also the disabled.
pub fn list_for_engine(conn: &mut DbConn, owner: UserId) -> QueryResult<Loaded> {
    load_rules(conn, owner)
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

/// `false`: there is no such rule.
pub fn set_enabled(conn: &mut DbConn, scope: &Scope, id: RuleId, on: bool, now: Timestamp) -> QueryResult<bool> {
    let rows = diesel::update(rules::table.find(id))
        .filter(rules::owner_id.eq(scope.user()))
        .set((rules::enabled.eq(on), rules::updated_at.eq(now)))
        .execute(conn)?;
    revisions::bump(conn, Topic::Rules)?;
    Ok(rows == 1)
}

/// `false`: there is no such rule.
pub fn delete(conn: &mut DbConn, scope: &Scope, id: RuleId) -> QueryResult<bool> {
    let rows = diesel::delete(rules::table.find(id)).filter(rules::owner_id.eq(scope.user())).execute(conn)?;
    revisions::bump(conn, Topic::Rules)?;
    Ok(rows == 1)
}
