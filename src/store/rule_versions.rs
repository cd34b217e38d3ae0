//! What was published of a set of rules: every change with who, when and why, and the way back. An account has its own set; the rules
//! that all accounts share are one.

use std::collections::BTreeMap;

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use serde::{Deserialize, Serialize};

use super::{
    DbConn, Page, Scope,
    accounts::own,
    audit::Actor,
    revisions::{self, Topic},
    rule_drafts,
    rules::{self, NotSaved, to_json},
    schema::rule_versions,
};
use crate::{
    ids::{AccountId, RuleId, Timestamp, UserId},
    reply::rule::RuleBody,
};

/// The newest so many versions of a set are kept.
const KEPT: i64 = 200;

/// What became of one rule. Without `before` it is new, without `after` it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub id: RuleId,
    pub before: Option<RuleBody>,
    pub after: Option<RuleBody>,
}

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RuleChangeKind)]
pub enum ChangeKind {
    Added,
    Changed,
    Removed,
}

impl Change {
    pub fn kind(&self) -> ChangeKind {
        match (&self.before, &self.after) {
            (None, _) => ChangeKind::Added,
            (Some(_), None) => ChangeKind::Removed,
            (Some(_), Some(_)) => ChangeKind::Changed,
        }
    }

    /// What it was and what it is.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &RuleBody> {
        self.before.iter().chain(&self.after)
    }
}

/// How a version came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A person changed what holds at once: one rule, or what many items have.
    Edit,
    /// A file was read.
    Import,
    /// A draft was published; with the words of who did it.
    Publish(&'a str),
    /// What was published before holds again.
    RollBack { to: i64, note: &'a str },
}

impl Cause<'_> {
    fn code(&self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Import => "import",
            Self::Publish(_) => "publish",
            Self::RollBack { .. } => "roll_back",
        }
    }

    fn note(&self) -> String {
        match self {
            Self::Edit | Self::Import => String::new(),
            Self::Publish(note) => (*note).to_owned(),
            Self::RollBack { to, note: "" } => format!("#{to}"),
            Self::RollBack { to, note } => format!("#{to}: {note}"),
        }
    }
}

/// A version without what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = rule_versions)]
pub struct Version {
    pub number: i64,
    /// `edit`, `import`, `publish` or `roll_back`.
    pub cause: String,
    /// Of a `roll_back`: begins with `#` and the number of the version that holds again.
    pub note: String,
    pub actor_id: Option<UserId>,
    pub actor: String,
    pub via: String,
    /// Rules that were added, changed and removed.
    pub added: i64,
    pub changed: i64,
    pub removed: i64,
    pub made_at: Timestamp,
}

#[derive(Insertable)]
#[diesel(table_name = rule_versions, treat_none_as_default_value = false)]
struct NewVersion<'a> {
    owner_id: UserId,
    account_id: Option<AccountId>,
    number: i64,
    cause: &'a str,
    note: String,
    actor_id: Option<UserId>,
    actor: &'a str,
    via: &'a str,
    added: i64,
    changed: i64,
    removed: i64,
    changes: String,
    made_at: Timestamp,
}

/// The rows of one set. A macro, because only the compiler can write down its type.
macro_rules! of_set {
    ($owner:expr, $account:expr) => {
        // the words as they stand in the index
        rule_versions::owner_id
            .eq($owner)
            .and(sql::<BigInt>("coalesce(rule_versions.account_id, 0)").eq($account.map_or(0, |account| account.0)))
    };
}

/// Writes down what was changed: one version for each set that it touches. A rule that moved to another set is gone from the one and new
/// in the other.
pub(super) fn record(
    conn: &mut DbConn,
    owner: UserId,
    changes: Vec<Change>,
    cause: &Cause<'_>,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<()> {
    let mut sets: BTreeMap<Option<AccountId>, Vec<Change>> = BTreeMap::new();
    for Change { id, before, after } in changes {
        let (from, to) = (before.as_ref().map(|body| body.account), after.as_ref().map(|body| body.account));
        match (from, to) {
            (Some(from), Some(to)) if from != to => {
                sets.entry(from).or_default().push(Change { id, before, after: None });
                sets.entry(to).or_default().push(Change { id, before: None, after });
            }
            (Some(set), _) | (None, Some(set)) => sets.entry(set).or_default().push(Change { id, before, after }),
            (None, None) => {}
        }
    }
    sets.into_iter().try_for_each(|(account, changes)| record_one(conn, owner, account, &changes, cause, by, now))
}

fn record_one(
    conn: &mut DbConn,
    owner: UserId,
    account: Option<AccountId>,
    changes: &[Change],
    cause: &Cause<'_>,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<()> {
    let number = newest(conn, owner, account)? + 1;
    let count = |kind| changes.iter().filter(|change| change.kind() == kind).map(|_| 1).sum();
    let row = NewVersion {
        owner_id: owner,
        account_id: account,
        number,
        cause: cause.code(),
        note: cause.note(),
        actor_id: by.id,
        actor: &by.name,
        via: by.via.as_str(),
        added: count(ChangeKind::Added),
        changed: count(ChangeKind::Changed),
        removed: count(ChangeKind::Removed),
        changes: to_json(changes)?,
        made_at: now,
    };
    diesel::insert_into(rule_versions::table).values(row).execute(conn)?;
    let old = of_set!(owner, account).and(rule_versions::number.le(number - KEPT));
    diesel::delete(rule_versions::table.filter(old)).execute(conn).map(drop)
}

fn newest(conn: &mut DbConn, owner: UserId, account: Option<AccountId>) -> QueryResult<i64> {
    let number: Option<i64> = rule_versions::table
        .filter(of_set!(owner, account))
        .select(diesel::dsl::max(rule_versions::number))
        .get_result(conn)?;
    Ok(number.unwrap_or(0))
}

/// What a scope may see of this set; the shared one is seen by everybody who sees an account.
macro_rules! visible {
    ($scope:expr, $account:expr) => {
        of_set!($scope.user(), $account)
            .and(rule_versions::account_id.is_null().or(rule_versions::account_id.eq_any(own!($scope).nullable())))
    };
}

/// A part of the versions of a set, newest first, and how many there are.
pub fn page(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    page: Page,
) -> QueryResult<(Vec<Version>, i64)> {
    let total = rule_versions::table.filter(visible!(scope, account)).count().get_result(conn)?;
    let rows = rule_versions::table
        .filter(visible!(scope, account))
        .order(rule_versions::number.desc())
        .offset(page.offset)
        .limit(page.limit)
        .select(Version::as_select())
        .load(conn)?;
    Ok((rows, total))
}

/// One version and what it changed. `NotFound` where there is none, or not any more.
pub fn get(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    number: i64,
) -> QueryResult<(Version, Vec<Change>)> {
    let (version, changes): (Version, String) = rule_versions::table
        .filter(visible!(scope, account))
        .filter(rule_versions::number.eq(number))
        .select((Version::as_select(), rule_versions::changes))
        .get_result(conn)?;
    Ok((version, parse(&changes)?))
}

fn parse(changes: &str) -> QueryResult<Vec<Change>> {
    serde_json::from_str(changes).map_err(|error| diesel::result::Error::DeserializationError(error.into()))
}

/// Why a set cannot be rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRolledBack {
    /// There is no such version, or what came after it is not kept any more.
    #[error("there is no such version")]
    NoSuchVersion,
    /// Drafts were made from what is published now.
    #[error("the set has a draft: publish or discard it first")]
    HasDraft,
    #[error(transparent)]
    NotSaved(#[from] NotSaved),
}

/// What would change if the set were again as after version `to`; 0 is the beginning.
pub fn way_back(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    to: i64,
) -> QueryResult<Result<Vec<Change>, NotRolledBack>> {
    let later: Vec<(i64, String)> = rule_versions::table
        .filter(visible!(scope, account))
        .filter(rule_versions::number.gt(to))
        .order(rule_versions::number.desc())
        .select((rule_versions::number, rule_versions::changes))
        .load(conn)?;
    let newest = later.first().map_or(to, |(number, _)| *number);
    let known = i64::try_from(later.len()) == Ok(newest - to) && to >= 0;
    let exists = to == 0 || !later.is_empty() || get(conn, scope, account, to).optional()?.is_some();
    if !known || !exists {
        return Ok(Err(NotRolledBack::NoSuchVersion));
    }
    let mut then: BTreeMap<RuleId, Option<RuleBody>> = BTreeMap::new();
    for (_, changes) in later {
        then.extend(parse(&changes)?.into_iter().map(|change| (change.id, change.before)));
    }
    let now: BTreeMap<RuleId, RuleBody> = rules::list(conn, scope)?
        .rules
        .into_iter()
        .filter(|rule| rule.body.account == account)
        .map(|rule| (rule.id, rule.body))
        .collect();
    let changes = then.into_iter().filter_map(|(id, after)| {
        let before = now.get(&id).cloned();
        (before != after).then_some(Change { id, before, after })
    });
    Ok(Ok(changes.collect()))
}

/// Makes a set again what it was after version `to`. This is a version too; the answer is what changed.
pub fn roll_back(
    conn: &mut DbConn,
    scope: &Scope,
    account: Option<AccountId>,
    (to, note): (i64, &str),
    by: &Actor,
    now: Timestamp,
) -> QueryResult<Result<Vec<Change>, NotRolledBack>> {
    revisions::lock(conn, Topic::Rules)?;
    if let Err(refusal) = rules::check_set(conn, scope, account)? {
        return Ok(Err(refusal.into()));
    }
    if rule_drafts::exist(conn, scope.user(), account)? {
        return Ok(Err(NotRolledBack::HasDraft));
    }
    let mut changes = match way_back(conn, scope, account, to)? {
        Ok(changes) => changes,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for change in &mut changes {
        match (&change.before, &change.after) {
            (_, None) => rules::remove(conn, change.id)?,
            (Some(_), Some(after)) => rules::update(conn, change.id, after, now)?,
            (None, Some(after)) => change.id = rules::insert_again(conn, scope.user(), change.id, after, now)?,
        }
    }
    rules::publish(conn, scope, changes.clone(), &Cause::RollBack { to, note }, by, now)?;
    Ok(Ok(changes))
}
