//! Conversations as they might go, and what a seller expects of them: tried before rules are published.

use std::time::Duration;

use diesel::prelude::*;

use super::{
    DbConn, Keys, Page, Scope,
    accounts::{self, own},
    sandbox::{self, Ground},
    schema::rule_cases,
};
use crate::{
    ids::{AccountId, Timestamp},
    reply::{case::Script, sandbox::Cast},
};

/// So many an account may have.
pub const MOST: i64 = 200;

/// A case as a person gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseBody {
    /// Unique in its account.
    pub name: String,
    pub script: Script,
    /// Nothing is published while it fails.
    pub blocks: bool,
}

/// A case as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCase {
    pub id: i64,
    pub account: AccountId,
    pub body: CaseBody,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = rule_cases)]
struct Row {
    id: i64,
    account_id: AccountId,
    name: String,
    script: String,
    blocks: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Why a case is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSaved {
    /// The account has one of this name.
    NameTaken,
    TooMany,
}

/// The cases of one account, and what is known before they are played.
#[derive(Debug, Clone)]
pub struct Trial {
    pub ground: Ground,
    pub cases: Vec<(RuleCase, Cast)>,
}

impl Row {
    fn read(self) -> QueryResult<RuleCase> {
        let Self { id, account_id: account, name, script, blocks, created_at, updated_at } = self;
        let script = serde_json::from_str(&script)
            .map_err(|error| diesel::result::Error::DeserializationError(format!("case {id}: {error}").into()))?;
        Ok(RuleCase { id, account, body: CaseBody { name, script, blocks }, created_at, updated_at })
    }
}

fn to_json(script: &Script) -> QueryResult<String> {
    serde_json::to_string(script).map_err(|error| diesel::result::Error::SerializationError(error.into()))
}

/// A part of the cases, of one account or of all, by account and name, and how many there are.
pub fn page(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    page: Page,
) -> QueryResult<(Vec<RuleCase>, i64)> {
    let fitting = || {
        let query = rule_cases::table.filter(rule_cases::account_id.eq_any(own!(scope))).into_boxed();
        match account {
            Some(account) => query.filter(rule_cases::account_id.eq(account)),
            None => query,
        }
    };
    let total = fitting().count().get_result(conn)?;
    let rows: Vec<Row> = fitting()
        .order((rule_cases::account_id, rule_cases::name))
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((rows.into_iter().map(Row::read).collect::<QueryResult<_>>()?, total))
}

/// All cases, of one account or of all, by account and name.
pub fn list(conn: &mut DbConn, scope: &Scope, account: Option<AccountId>) -> QueryResult<Vec<RuleCase>> {
    Ok(page(conn, scope, account, Page { offset: 0, limit: i64::MAX })?.0)
}

/// `NotFound` also where its account belongs to somebody else.
pub fn get(conn: &mut DbConn, scope: &Scope, id: i64) -> QueryResult<RuleCase> {
    let row: Row = rule_cases::table
        .find(id)
        .filter(rule_cases::account_id.eq_any(own!(scope)))
        .select(Row::as_select())
        .get_result(conn)?;
    row.read()
}

/// `NotFound` also where the account belongs to somebody else.
pub fn insert(
    conn: &mut DbConn,
    scope: &Scope,
    account: AccountId,
    new: &CaseBody,
    now: Timestamp,
) -> QueryResult<Result<RuleCase, NotSaved>> {
    let account = accounts::get(conn, scope, account)?.id;
    let here = rule_cases::table.filter(rule_cases::account_id.eq(account));
    if here.count().get_result::<i64>(conn)? >= MOST {
        return Ok(Err(NotSaved::TooMany));
    }
    if is_taken(conn, account, &new.name, 0)? {
        return Ok(Err(NotSaved::NameTaken));
    }
    let id: i64 = diesel::insert_into(rule_cases::table)
        .values((
            rule_cases::account_id.eq(account),
            rule_cases::name.eq(&new.name),
            rule_cases::script.eq(to_json(&new.script)?),
            rule_cases::blocks.eq(new.blocks),
            rule_cases::created_at.eq(now),
            rule_cases::updated_at.eq(now),
        ))
        .returning(rule_cases::id)
        .get_result(conn)?;
    get(conn, scope, id).map(Ok)
}

fn is_taken(conn: &mut DbConn, account: AccountId, name: &str, but: i64) -> QueryResult<bool> {
    let twin = rule_cases::account_id.eq(account).and(rule_cases::name.eq(name)).and(rule_cases::id.ne(but));
    diesel::select(diesel::dsl::exists(rule_cases::table.filter(twin))).get_result(conn)
}

/// `NotFound` as for [`get`].
pub fn update(
    conn: &mut DbConn,
    scope: &Scope,
    id: i64,
    body: &CaseBody,
    now: Timestamp,
) -> QueryResult<Result<RuleCase, NotSaved>> {
    let stored = get(conn, scope, id)?;
    if is_taken(conn, stored.account, &body.name, id)? {
        return Ok(Err(NotSaved::NameTaken));
    }
    diesel::update(rule_cases::table.find(id))
        .set((
            rule_cases::name.eq(&body.name),
            rule_cases::script.eq(to_json(&body.script)?),
            rule_cases::blocks.eq(body.blocks),
            rule_cases::updated_at.eq(now),
        ))
        .execute(conn)?;
    get(conn, scope, id).map(Ok)
}

/// What was removed. `NotFound` as for [`get`].
pub fn delete(conn: &mut DbConn, scope: &Scope, id: i64) -> QueryResult<RuleCase> {
    let case = get(conn, scope, id)?;
    diesel::delete(rule_cases::table.find(id)).execute(conn)?;
    Ok(case)
}

/// What is to be tried before a set is published: its account's cases, or with the set that all accounts share those of every account.
pub fn trials(
    conn: &mut DbConn,
    scope: &Scope,
    keys: &Keys,
    set: Option<AccountId>,
    usual_pause: Duration,
) -> QueryResult<Vec<Trial>> {
    let cases = list(conn, scope, set)?;
    trials_of(conn, scope, keys, cases, usual_pause)
}

/// These cases, with what is known before they are played.
pub fn trials_of(
    conn: &mut DbConn,
    scope: &Scope,
    keys: &Keys,
    cases: Vec<RuleCase>,
    usual_pause: Duration,
) -> QueryResult<Vec<Trial>> {
    let mut trials: Vec<Trial> = Vec::new();
    for case in cases {
        if trials.last().is_none_or(|trial| trial.ground.account.id != case.account) {
            let ground = Ground::read(conn, scope, keys, case.account, usual_pause)?;
            trials.push(Trial { ground, cases: Vec::new() });
        }
        let Some(trial) = trials.last_mut() else { continue };
        let cast = sandbox::cast(conn, &trial.ground, case.body.script.item.as_ref(), &case.body.script.buyer)?;
        trial.cases.push((case, cast));
    }
    Ok(trials)
}
