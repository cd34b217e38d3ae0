//! Changes of rules that are prepared and not published: nothing answers with them. A draft of a new rule is a row of its own; a draft of
//! a change is kept beside what is published, and holds that still until it is published or discarded.

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};

use super::{
    DbConn, Page, Scope,
    accounts::own,
    audit::Actor,
    revisions::{self, Topic},
    rule_versions::{Cause, Change},
    rules::{self as live, Loaded, NotSaved, Row, to_json, visible},
    schema::rules,
};
use crate::{
    ids::{AccountId, RuleId, Timestamp, UserId},
    reply::rule::{Rule, RuleBody},
};

/// The draft of a row, or what is published where there is none; `None`: it is to go.
fn drafted(row: Row) -> QueryResult<Option<Rule>> {
    let Some(draft) = row.draft.clone() else { return row.read().map(Some) };
    let body: Option<RuleBody> =
        serde_json::from_str(&draft).map_err(|error| diesel::result::Error::DeserializationError(error.into()))?;
    let (id, rule) = (row.id, row.into_rule());
    let created_at = rule.map_or(Timestamp(0), |rule| rule.created_at);
    Ok(body.map(|body| Rule { id, body, created_at }))
}

fn find(conn: &mut DbConn, scope: &Scope, id: RuleId) -> QueryResult<Row> {
    rules::table.find(id).filter(visible!(scope)).select(Row::as_select()).get_result(conn)
}

/// A rule as it would be after publishing. `NotFound` also where it is to go.
pub fn get(conn: &mut DbConn, scope: &Scope, id: RuleId) -> QueryResult<Rule> {
    let row = find(conn, scope, id)?;
    drafted(row)?.ok_or(diesel::result::Error::NotFound)
}

/// All rules as they would be after publishing every draft, oldest first.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Loaded> {
    let stored: Vec<Row> = rules::table.filter(visible!(scope)).order(rules::id).select(Row::as_select()).load(conn)?;
    let mut loaded = Loaded::default();
    for row in stored {
        let id = row.id;
        match drafted(row) {
            Ok(rule) => loaded.rules.extend(rule),
            Err(error) => loaded.broken.push((id, format!("rule {id} cannot be read: {error}"))),
        }
    }
    Ok(loaded)
}

/// Prepares a new rule.
pub fn insert(
    conn: &mut DbConn,
    scope: &Scope,
    new: &RuleBody,
    now: Timestamp,
) -> QueryResult<Result<RuleId, NotSaved>> {
    revisions::lock(conn, Topic::Rules)?;
    let new = new.clone().in_order();
    if let Err(refusal) = check(conn, scope, &new, None)? {
        return Ok(Err(refusal));
    }
    live::insert_one(conn, scope.user(), &new, false, now).map(Ok)
}

/// Prepares a change. The rule stays in its set: `Forbidden` where the draft names another one.
pub fn replace(
    conn: &mut DbConn,
    scope: &Scope,
    id: RuleId,
    new: &RuleBody,
    now: Timestamp,
) -> QueryResult<Result<(), NotSaved>> {
    revisions::lock(conn, Topic::Rules)?;
    let new = new.clone().in_order();
    let Some(row) = find(conn, scope, id).optional()? else { return Ok(Err(NotSaved::NotFound)) };
    let (is_live, published) = (row.live, row.read()?);
    if published.body.account != new.account {
        return Ok(Err(NotSaved::Forbidden));
    }
    if let Err(refusal) = check(conn, scope, &new, Some(id))? {
        return Ok(Err(refusal));
    }
    if !is_live {
        return live::update(conn, id, &new, now).map(Ok);
    }
    let draft = if published.body == new { None } else { Some(to_json(&new)?) };
    put(conn, id, draft).map(Ok)
}

/// Prepares that a rule goes. One that is only a draft goes at once.
pub fn remove(conn: &mut DbConn, scope: &Scope, id: RuleId) -> QueryResult<Result<(), NotSaved>> {
    revisions::lock(conn, Topic::Rules)?;
    let Some(row) = find(conn, scope, id).optional()? else { return Ok(Err(NotSaved::NotFound)) };
    let (is_live, account) = (row.live, row.read()?.body.account);
    if let Err(refusal) = live::check_set(conn, scope, account)? {
        return Ok(Err(refusal));
    }
    if is_live { put(conn, id, Some("null".to_owned())).map(Ok) } else { live::remove(conn, id).map(Ok) }
}

/// Prepares what a file changes of one set. It was planned from what would be published, in this transaction and behind the
/// [lock](revisions::lock); what has no `before` is new. The answer is what changed, with the numbers of what is new.
pub fn import(
    conn: &mut DbConn,
    scope: &Scope,
    mut changes: Vec<Change>,
    now: Timestamp,
) -> QueryResult<Result<Vec<Change>, NotSaved>> {
    if let Err(refusal) = live::check_places(conn, scope, changes.iter().flat_map(Change::bodies))? {
        return Ok(Err(refusal));
    }
    for change in &mut changes {
        let Some(after) = change.after.as_ref().filter(|_| change.before.is_none()) else {
            prepare(conn, scope, change, now)?;
            continue;
        };
        change.id = live::insert_one(conn, scope.user(), after, false, now)?;
    }
    Ok(Ok(changes))
}

/// Prepares what becomes of a rule that is there.
pub(super) fn prepare(conn: &mut DbConn, scope: &Scope, change: &Change, now: Timestamp) -> QueryResult<()> {
    let row = find(conn, scope, change.id)?;
    match (row.live, &change.after) {
        (false, Some(after)) => live::update(conn, change.id, after, now),
        (false, None) => live::remove(conn, change.id),
        (true, None) => put(conn, change.id, Some("null".to_owned())),
        (true, Some(after)) => {
            let draft = if row.read()?.body == *after { None } else { Some(to_json(after)?) };
            put(conn, change.id, draft)
        }
    }
}

fn put(conn: &mut DbConn, id: RuleId, draft: Option<String>) -> QueryResult<()> {
    diesel::update(rules::table.find(id)).set(rules::draft.eq(draft)).execute(conn).map(drop)
}

/// Twins are looked for among what would be published, and what is.
fn check(
    conn: &mut DbConn,
    scope: &Scope,
    new: &RuleBody,
    itself: Option<RuleId>,
) -> QueryResult<Result<(), NotSaved>> {
    if let Err(refusal) = live::check_new(conn, scope, new, itself)? {
        return Ok(Err(refusal));
    }
    let identity = new.identity();
    let twin = of_set(conn, scope.user(), new.account)?.into_iter().find(|change| {
        Some(change.id) != itself && change.after.as_ref().map(RuleBody::identity) == Some(identity.clone())
    });
    Ok(twin.map_or(Ok(()), |twin| Err(NotSaved::Exists(twin.id))))
}

/// The rows of one set with a draft.
macro_rules! drafts_of {
    ($owner:expr, $account:expr) => {
        rules::owner_id
            .eq($owner)
            .and(sql::<BigInt>("coalesce(rules.account_id, 0)").eq($account.map_or(0, |account| account.0)))
            .and(rules::draft.is_not_null().or(diesel::dsl::not(rules::live)))
    };
}

pub(super) fn exist(conn: &mut DbConn, owner: UserId, account: Option<AccountId>) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(rules::table.filter(drafts_of!(owner, account)))).get_result(conn)
}

fn change(row: Row) -> QueryResult<Change> {
    let (id, is_live, draft) = (row.id, row.live, row.draft.clone());
    let body = row.read()?.body;
    if !is_live {
        return Ok(Change { id, before: None, after: Some(body) });
    }
    let draft = draft.unwrap_or_else(|| "null".to_owned());
    let after =
        serde_json::from_str(&draft).map_err(|error| diesel::result::Error::DeserializationError(error.into()))?;
    Ok(Change { id, before: Some(body), after })
}

fn of_set(conn: &mut DbConn, owner: UserId, account: Option<AccountId>) -> QueryResult<Vec<Change>> {
    let stored: Vec<Row> =
        rules::table.filter(drafts_of!(owner, account)).order(rules::id).select(Row::as_select()).load(conn)?;
    stored.into_iter().map(change).collect()
}

/// A part of what is prepared in a set, oldest rule first, and how much it is.
pub fn page(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    page: Page,
) -> QueryResult<(Vec<Change>, i64)> {
    let total =
        rules::table.filter(drafts_of!(scope.user(), account)).filter(visible!(scope)).count().get_result(conn)?;
    let stored: Vec<Row> = rules::table
        .filter(drafts_of!(scope.user(), account))
        .filter(visible!(scope))
        .order(rules::id)
        .offset(page.offset)
        .limit(page.limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok((stored.into_iter().map(change).collect::<QueryResult<_>>()?, total))
}

/// Everything that is prepared in a set.
pub fn all(conn: &mut DbConn, scope: &Scope, account: Option<AccountId>) -> QueryResult<Vec<Change>> {
    let (changes, _) = page(conn, scope, account, Page { offset: 0, limit: i64::MAX })?;
    Ok(changes)
}

/// Everything that is prepared in a set is published, as one version; the answer is what changed.
pub fn publish(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    note: &str,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<Result<Vec<Change>, NotSaved>> {
    revisions::lock(conn, Topic::Rules)?;
    if let Err(refusal) = live::check_set(conn, scope, account)? {
        return Ok(Err(refusal));
    }
    let changes = of_set(conn, scope.user(), account)?;
    for Change { id, after, .. } in &changes {
        match after {
            Some(after) => live::update(conn, *id, after, now)?,
            None => live::remove(conn, *id)?,
        }
    }
    let published = (rules::live.eq(true), rules::draft.eq(None::<String>));
    diesel::update(rules::table.filter(drafts_of!(scope.user(), account))).set(published).execute(conn)?;
    live::publish(conn, scope, changes.clone(), &Cause::Publish(note), by, now)?;
    Ok(Ok(changes))
}

/// Forgets what is prepared in a set; the answer is how much it was.
pub fn discard(conn: &mut DbConn, scope: &Scope, account: Option<AccountId>) -> QueryResult<Result<usize, NotSaved>> {
    revisions::lock(conn, Topic::Rules)?;
    if let Err(refusal) = live::check_set(conn, scope, account)? {
        return Ok(Err(refusal));
    }
    let of_set = drafts_of!(scope.user(), account);
    let new = diesel::delete(rules::table.filter(of_set).filter(diesel::dsl::not(rules::live))).execute(conn)?;
    let of_set = drafts_of!(scope.user(), account);
    let changed = diesel::update(rules::table.filter(of_set)).set(rules::draft.eq(None::<String>)).execute(conn)?;
    Ok(Ok(new + changed))
}
