//! Keyword rules, default replies, and rules for events. What a rule is the same as: [`RuleBody::identity`].
//!
//! Whoever writes here waits for everybody else who does ([`revisions::lock`]), so that what was checked still holds when it is written.
//! Every change of what is answered is a version, see [`rule_versions`]; what is only prepared is in `rule_drafts.rs`.

use std::collections::{HashMap, HashSet};

use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{BigInt, Bool, Text},
};

use super::{
    DbConn, Page, Saved, Scope,
    accounts::{self, own},
    audit::Actor,
    connection::per_backend,
    page::{containing, lower},
    revisions::{self, Topic},
    rule_versions::{self, Cause, Change},
    schema::rules,
};
use crate::{
    ids::{AccountId, ItemId, RuleId, Timestamp, UserId},
    reply::rule::{Identity, Matching, Rule, RuleBody, Trigger},
};

/// Rules as they are stored, and the rows that cannot be read, each with the reason: one bad row must not silence the rest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    pub rules: Vec<Rule>,
    pub broken: Vec<(RuleId, String)>,
}

/// Why a rule is not added, changed or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSaved {
    /// The rule, or an account it is to be for; also where it belongs to somebody else.
    #[error("there is no such rule or account")]
    NotFound,
    /// What is for all accounts is changed by who sees all accounts.
    #[error("a rule for all accounts is changed by who has the right to all accounts")]
    Forbidden,
    #[error("rule {0} has the same accounts, items, trigger, keyword and conditions")]
    Exists(RuleId),
    /// A change that waits to be published would be overwritten, or would overwrite this one.
    #[error("the rule has a draft: publish or discard it first")]
    HasDraft,
}

/// Which rules a person wants to see; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub reach: Option<Reach>,
    /// Rules that are for this item and not for every item.
    pub item: Option<ItemId>,
    pub kind: Option<Kind>,
    pub trigger: Option<Trigger>,
    pub matching: Option<Matching>,
    /// Occurs in the keyword or the actions.
    pub text: Option<String>,
    pub enabled: Option<bool>,
}

/// Where a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In the set that all accounts of the owner share.
    Everywhere,
    /// In this account's own set.
    In(AccountId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Keyword,
    DefaultReply,
    /// It waits for something else than messages.
    #[serde(rename = "event_rule")]
    Event,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::DefaultReply => "default_reply",
            Self::Event => "event_rule",
        }
    }

    pub fn of(body: &RuleBody) -> Self {
        match (body.trigger, body.matching) {
            (Trigger::Message, Matching::Default) => Self::DefaultReply,
            (Trigger::Message, Matching::Contains | Matching::Exact | Matching::Regex) => Self::Keyword,
            (_, _) => Self::Event,
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "keyword" => Ok(Self::Keyword),
            "default_reply" => Ok(Self::DefaultReply),
            "event_rule" => Ok(Self::Event),
            other => Err(format!("unknown kind of rule {other:?}")),
        }
    }
}

/// All of a rule that a person says.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = rules, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(super) struct Columns {
    account_id: Option<AccountId>,
    only_accounts: String,
    items: String,
    trigger_on: String,
    silent_minutes: i64,
    /// Read as text: an unknown word is a fault of this row, not of the query.
    matching: String,
    keyword: String,
    any_of: String,
    all_of: String,
    exclude: String,
    conditions: String,
    actions: String,
    delay_s: i64,
    once: bool,
    per_day: Option<i64>,
    priority: i32,
    enabled: bool,
}

#[derive(Insertable)]
#[diesel(table_name = rules, treat_none_as_default_value = false)]
struct InsertRow {
    owner_id: UserId,
    #[diesel(embed)]
    columns: Columns,
    live: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A rule under its old number.
#[derive(Insertable)]
#[diesel(table_name = rules)]
struct NumberedRow {
    id: RuleId,
    #[diesel(embed)]
    row: InsertRow,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = rules)]
pub(super) struct Row {
    pub(super) id: RuleId,
    #[diesel(embed)]
    columns: Columns,
    pub(super) live: bool,
    pub(super) draft: Option<String>,
    created_at: Timestamp,
}

impl Columns {
    pub(super) fn of(body: &RuleBody) -> QueryResult<Self> {
        Ok(Self {
            account_id: body.account,
            only_accounts: joined(&body.accounts),
            items: joined(&body.items),
            trigger_on: body.trigger.as_str().to_owned(),
            silent_minutes: body.silent_minutes.into(),
            matching: body.matching.as_str().to_owned(),
            keyword: body.keyword.clone(),
            any_of: to_json(&body.any_of)?,
            all_of: to_json(&body.all_of)?,
            exclude: to_json(&body.exclude)?,
            conditions: to_json(&body.conditions)?,
            actions: to_json(&body.actions)?,
            delay_s: body.delay_s.into(),
            once: body.once,
            per_day: body.per_day.map(i64::from),
            priority: body.priority,
            enabled: body.enabled,
        })
    }

    fn body(self) -> Result<RuleBody, String> {
        let number = |column: &str, number: i64| u32::try_from(number).map_err(|error| format!("{column}: {error}"));
        Ok(RuleBody {
            account: self.account_id,
            accounts: parts(&self.only_accounts)
                .map(|id| id.parse().map(AccountId).map_err(|error| format!("only_accounts: {error}")))
                .collect::<Result<_, _>>()?,
            items: parts(&self.items).map(ItemId::from).collect(),
            trigger: self.trigger_on.parse()?,
            silent_minutes: number("silent_minutes", self.silent_minutes)?,
            matching: self.matching.parse()?,
            keyword: self.keyword,
            any_of: from_json("any_of", &self.any_of)?,
            all_of: from_json("all_of", &self.all_of)?,
            exclude: from_json("exclude", &self.exclude)?,
            conditions: from_json("conditions", &self.conditions)?,
            actions: from_json("actions", &self.actions)?,
            delay_s: number("delay_s", self.delay_s)?,
            once: self.once,
            per_day: self.per_day.map(|most| number("per_day", most)).transpose()?,
            priority: self.priority,
            enabled: self.enabled,
        })
    }
}

/// Ids have no commas.
fn joined<T: ToString>(ids: &[T]) -> String {
    ids.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|part| !part.is_empty())
}

pub(super) fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> QueryResult<String> {
    serde_json::to_string(value).map_err(|error| diesel::result::Error::SerializationError(error.into()))
}

fn from_json<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("{column}: {error}"))
}

impl Row {
    pub(super) fn into_rule(self) -> Result<Rule, (RuleId, String)> {
        let (id, created_at) = (self.id, self.created_at);
        match self.columns.body() {
            Ok(body) => Ok(Rule { id, body, created_at }),
            Err(why) => Err((id, format!("rule {id} cannot be read: {why}"))),
        }
    }

    /// For one rule: an unreadable one is an error.
    pub(super) fn read(self) -> QueryResult<Rule> {
        self.into_rule().map_err(|(_, why)| diesel::result::Error::DeserializationError(why.into()))
    }
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

/// Adds or changes rules by what makes them the same rule; a number and the time it was made stay. The answer says what became of
/// each, in order. `NotFound` where an account is not the owner's, a rule is for all accounts and the scope is not, or one has a draft:
/// then nothing was written.
pub fn upsert_many(
    conn: &mut DbConn,
    scope: &Scope,
    new: &[RuleBody],
    by: &Actor,
    now: Timestamp,
) -> QueryResult<Vec<Saved>> {
    revisions::lock(conn, Topic::Rules)?;
    if check_places(conn, scope, new)?.is_err() {
        return Err(diesel::result::Error::NotFound);
    }
    let stored = load(conn, scope.user())?;
    let mut known: HashMap<Identity, (Option<RuleId>, RuleBody)> = HashMap::new();
    let mut drafted = Vec::new();
    for row in stored {
        drafted.extend(row.draft.is_some().then_some(row.id));
        if let Ok(rule) = row.into_rule() {
            known.insert(rule.body.identity(), (Some(rule.id), rule.body));
        }
    }
    let mut changes: Vec<Change> = Vec::new();
    let mut added: Vec<Identity> = Vec::new();
    let mut saved = Vec::with_capacity(new.len());
    for body in new {
        let body = body.clone().in_order();
        let identity = body.identity();
        saved.push(match known.get_mut(&identity) {
            Some((_, stored)) if *stored == body => Saved::Unchanged,
            Some((id, stored)) => {
                if id.is_some_and(|id| drafted.contains(&id)) {
                    return Err(diesel::result::Error::NotFound);
                }
                if let Some(id) = *id {
                    changes.push(Change { id, before: Some(stored.clone()), after: Some(body.clone()) });
                }
                *stored = body;
                Saved::Updated
            }
            None => {
                added.push(identity.clone());
                known.insert(identity, (None, body));
                Saved::Added
            }
        });
    }
    // One that was changed twice is written as it is in the end.
    let changes = collapsed(changes);
    for change in &changes {
        if let Some(after) = &change.after {
            update(conn, change.id, after, now)?;
        }
    }
    let fresh: Vec<RuleBody> =
        added.iter().filter_map(|identity| known.remove(identity)).map(|(_, body)| body).collect();
    let ids = insert_all(conn, scope.user(), &fresh, now)?;
    let inserted = ids.into_iter().zip(fresh).map(|(id, body)| Change { id, before: None, after: Some(body) });
    publish(conn, scope, changes.into_iter().chain(inserted).collect(), &Cause::Import, by, now)?;
    Ok(saved)
}

/// Writes many changes, as one version of each set that they touch. They were planned from what is stored, in this transaction and behind
/// the [lock](revisions::lock); what has no `before` is new. The answer is what changed, with the numbers of what is new.
pub fn write_planned(
    conn: &mut DbConn,
    scope: &Scope,
    mut changes: Vec<Change>,
    cause: &Cause<'_>,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<Result<Vec<Change>, NotSaved>> {
    if let Err(refusal) = check_places(conn, scope, changes.iter().flat_map(Change::bodies))? {
        return Ok(Err(refusal));
    }
    for change in &changes {
        match (&change.before, &change.after) {
            (Some(_), Some(after)) => update(conn, change.id, after, now)?,
            (Some(_), None) => remove(conn, change.id)?,
            (None, _) => {}
        }
    }
    let new = changes.iter().filter(|change| change.before.is_none()).filter_map(|change| change.after.clone());
    let ids = insert_all(conn, scope.user(), &new.collect::<Vec<_>>(), now)?;
    let new = changes.iter_mut().filter(|change| change.before.is_none());
    for (change, id) in new.zip(ids) {
        change.id = id;
    }
    publish(conn, scope, changes.clone(), cause, by, now)?;
    Ok(Ok(changes))
}

/// Whether all of these may be written. Thousands of rules are for few accounts.
pub(super) fn check_places<'a>(
    conn: &mut DbConn,
    scope: &Scope,
    bodies: impl IntoIterator<Item = &'a RuleBody>,
) -> QueryResult<Result<(), NotSaved>> {
    let mut seen = HashSet::new();
    for body in bodies.into_iter().filter(|body| seen.insert((body.account, body.accounts.as_slice()))) {
        if let Err(refusal) = check_place(conn, scope, body)? {
            return Ok(Err(refusal));
        }
    }
    Ok(Ok(()))
}

fn collapsed(changes: Vec<Change>) -> Vec<Change> {
    let mut places: HashMap<RuleId, usize> = HashMap::new();
    let mut whole: Vec<Change> = Vec::with_capacity(changes.len());
    for change in changes {
        match places.get(&change.id) {
            Some(place) => whole[*place].after = change.after,
            None => {
                places.insert(change.id, whole.len());
                whole.push(change);
            }
        }
    }
    whole
}

pub(super) fn update(conn: &mut DbConn, id: RuleId, body: &RuleBody, now: Timestamp) -> QueryResult<()> {
    let columns = Columns::of(body)?;
    diesel::update(rules::table.find(id)).set((columns, rules::updated_at.eq(now))).execute(conn).map(drop)
}

/// In the order they are given: among equals the older rule wins, and its number tells which is older.
fn insert_all(conn: &mut DbConn, owner: UserId, new: &[RuleBody], now: Timestamp) -> QueryResult<Vec<RuleId>> {
    let row = |body| insert_row(owner, body, true, now);
    let rows = new.iter().map(row).collect::<QueryResult<Vec<_>>>()?;
    match conn {
        DbConn::Sqlite(conn) => {
            let insert =
                |row: &InsertRow| diesel::insert_into(rules::table).values(row).returning(rules::id).get_result(conn);
            rows.iter().map(insert).collect()
        }
        // 21 values a row, and a statement takes 65,535
        DbConn::Pg(conn) => {
            let mut ids: Vec<RuleId> = Vec::with_capacity(rows.len());
            for rows in rows.chunks(3000) {
                ids.extend(
                    diesel::insert_into(rules::table).values(rows).returning(rules::id).get_results::<RuleId>(conn)?,
                );
            }
            Ok(ids)
        }
    }
}

fn insert_row(owner: UserId, body: &RuleBody, live: bool, now: Timestamp) -> QueryResult<InsertRow> {
    Ok(InsertRow { owner_id: owner, columns: Columns::of(body)?, live, created_at: now, updated_at: now })
}

pub(super) fn insert_one(
    conn: &mut DbConn,
    owner: UserId,
    body: &RuleBody,
    live: bool,
    now: Timestamp,
) -> QueryResult<RuleId> {
    let row = insert_row(owner, body, live, now)?;
    per_backend!(&mut *conn, conn => diesel::insert_into(rules::table)
        .values(&row)
        .returning(rules::id)
        .get_result(conn))
}

/// Under the number it once had, unless something else has it by now.
pub(super) fn insert_again(
    conn: &mut DbConn,
    owner: UserId,
    id: RuleId,
    body: &RuleBody,
    now: Timestamp,
) -> QueryResult<RuleId> {
    let taken: Option<RuleId> = rules::table.find(id).select(rules::id).get_result(conn).optional()?;
    if taken.is_some() {
        return insert_one(conn, owner, body, true, now);
    }
    let row = NumberedRow { id, row: insert_row(owner, body, true, now)? };
    per_backend!(&mut *conn, conn => diesel::insert_into(rules::table).values(&row).execute(conn))?;
    Ok(id)
}

/// What is answered has changed: it is a version of its set, and the engine reads it.
pub(super) fn publish(
    conn: &mut DbConn,
    scope: &Scope,
    changes: Vec<Change>,
    cause: &Cause<'_>,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<()> {
    if changes.is_empty() {
        return Ok(());
    }
    rule_versions::record(conn, scope.user(), changes, cause, by, now)?;
    revisions::bump(conn, Topic::Rules)
}

fn load(conn: &mut DbConn, owner: UserId) -> QueryResult<Vec<Row>> {
    rules::table.filter(rules::owner_id.eq(owner).and(rules::live)).order(rules::id).select(Row::as_select()).load(conn)
}

/// What a scope may see: what is for all accounts, and what is for its own. A macro, because only the compiler can write down its type.
macro_rules! visible {
    ($scope:expr) => {
        rules::owner_id
            .eq($scope.user())
            .and(rules::account_id.is_null().or(rules::account_id.eq_any(own!($scope).nullable())))
    };
}
pub(super) use visible;

/// Oldest first, also the disabled.
pub fn list(conn: &mut DbConn, scope: &Scope) -> QueryResult<Loaded> {
    let rows = rules::table
        .filter(visible!(scope))
        .filter(rules::live)
        .order(rules::id)
        .select(Row::as_select())
        .load(conn)?;
    Ok(Loaded::from_rows(rows))
}

/// A part of the rules that fit, in the order of their priority; among equals in that in which the matcher takes them, see
/// [`rule_order`](super::rule_order). And how many fit.
pub fn page(conn: &mut DbConn, scope: &Scope, filter: &Filter, page: Page) -> QueryResult<(Loaded, i64)> {
    let fitting = || {
        let mut query = rules::table.filter(visible!(scope)).filter(rules::live).into_boxed();
        query = match filter.reach {
            Some(Reach::Everywhere) => query.filter(rules::account_id.is_null()),
            Some(Reach::In(account)) => query.filter(rules::account_id.eq(account)),
            None => query,
        };
        let waits_for_messages = rules::trigger_on.eq(Trigger::Message.as_str());
        query = match filter.kind {
            Some(Kind::Keyword) => query.filter(waits_for_messages.and(rules::matching.ne(Matching::Default))),
            Some(Kind::DefaultReply) => query.filter(waits_for_messages.and(rules::matching.eq(Matching::Default))),
            Some(Kind::Event) => query.filter(diesel::dsl::not(waits_for_messages)),
            None => query,
        };
        if let Some(trigger) = filter.trigger {
            query = query.filter(rules::trigger_on.eq(trigger.as_str()));
        }
        if let Some(item) = &filter.item {
            // Commas around it: one id may be a part of another.
            let among = sql::<Text>("',' || rules.items || ','").like(containing(&format!(",{item},"))).escape('\\');
            query = query.filter(among);
        }
        if let Some(matching) = filter.matching {
            query = query.filter(rules::matching.eq(matching));
        }
        if let Some(pattern) = filter.text.as_deref().map(containing) {
            let in_keyword = lower(rules::keyword.nullable()).like(lower(pattern.clone())).escape('\\');
            query = query.filter(in_keyword.or(lower(rules::actions.nullable()).like(lower(pattern)).escape('\\')));
        }
        if let Some(enabled) = filter.enabled {
            query = query.filter(rules::enabled.eq(enabled));
        }
        query
    };
    let total = fitting().count().get_result(conn)?;
    let rows = fitting()
        .order((
            rules::priority.desc(),
            sql::<Bool>("(rules.matching = 'exact')").desc(),
            sql::<BigInt>("length(rules.keyword)").desc(),
            rules::created_at,
            rules::id,
        ))
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

/// A rule that answers, or one that is disabled. `NotFound` also where the rule belongs to somebody else, or is only a draft.
pub fn get(conn: &mut DbConn, scope: &Scope, id: RuleId) -> QueryResult<Rule> {
    let row: Row =
        rules::table.find(id).filter(visible!(scope)).filter(rules::live).select(Row::as_select()).get_result(conn)?;
    row.read()
}

/// A new rule.
pub fn insert(
    conn: &mut DbConn,
    scope: &Scope,
    new: &RuleBody,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<Result<RuleId, NotSaved>> {
    revisions::lock(conn, Topic::Rules)?;
    let new = new.clone().in_order();
    if let Err(refusal) = check_new(conn, scope, &new, None)? {
        return Ok(Err(refusal));
    }
    let id = insert_one(conn, scope.user(), &new, true, now)?;
    let change = Change { id, before: None, after: Some(new) };
    publish(conn, scope, vec![change], &Cause::Edit, by, now)?;
    Ok(Ok(id))
}

/// Changes everything of a rule but its number, and the time it was made at.
pub fn replace(
    conn: &mut DbConn,
    scope: &Scope,
    id: RuleId,
    new: &RuleBody,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<Result<(), NotSaved>> {
    revisions::lock(conn, Topic::Rules)?;
    let new = new.clone().in_order();
    let before = match writable(conn, scope, id)? {
        Ok(rule) => rule.body,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Err(refusal) = check_new(conn, scope, &new, Some(id))? {
        return Ok(Err(refusal));
    }
    if before != new {
        update(conn, id, &new, now)?;
        let change = Change { id, before: Some(before), after: Some(new) };
        publish(conn, scope, vec![change], &Cause::Edit, by, now)?;
    }
    Ok(Ok(()))
}

/// Whether this may be a rule besides those there are, or in the place of the one with this number.
pub(super) fn check_new(
    conn: &mut DbConn,
    scope: &Scope,
    new: &RuleBody,
    itself: Option<RuleId>,
) -> QueryResult<Result<(), NotSaved>> {
    if let Err(refusal) = check_place(conn, scope, new)? {
        return Ok(Err(refusal));
    }
    let twin = find_id(conn, scope, new)?.filter(|twin| Some(*twin) != itself);
    Ok(twin.map_or(Ok(()), |twin| Err(NotSaved::Exists(twin))))
}

/// Whether a rule for these accounts may be written.
fn check_place(conn: &mut DbConn, scope: &Scope, body: &RuleBody) -> QueryResult<Result<(), NotSaved>> {
    if let Err(refusal) = check_set(conn, scope, body.account)? {
        return Ok(Err(refusal));
    }
    for account in &body.accounts {
        if accounts::get(conn, scope, *account).optional()?.is_none() {
            return Ok(Err(NotSaved::NotFound));
        }
    }
    Ok(Ok(()))
}

/// Whether this set of rules may be written: an account's own, or (`None`) the shared one.
pub fn check_set(conn: &mut DbConn, scope: &Scope, account: Option<AccountId>) -> QueryResult<Result<(), NotSaved>> {
    let Some(account) = account else {
        return Ok(if scope.is_whole() { Ok(()) } else { Err(NotSaved::Forbidden) });
    };
    Ok(accounts::get(conn, scope, account).optional()?.map(drop).ok_or(NotSaved::NotFound))
}

/// A rule that may be changed at once.
fn writable(conn: &mut DbConn, scope: &Scope, id: RuleId) -> QueryResult<Result<Rule, NotSaved>> {
    let query = rules::table.find(id).filter(visible!(scope)).filter(rules::live).select(Row::as_select());
    let row: Option<Row> = query.first(conn).optional()?;
    let Some(row) = row else { return Ok(Err(NotSaved::NotFound)) };
    if let Err(refusal) = check_set(conn, scope, row.columns.account_id)? {
        return Ok(Err(refusal));
    }
    if row.draft.is_some() { Ok(Err(NotSaved::HasDraft)) } else { row.read().map(Ok) }
}

/// For the engine: an owner's rules, oldest first, also the disabled.
pub fn list_for_engine(conn: &mut DbConn, owner: UserId) -> QueryResult<Loaded> {
    load(conn, owner).map(Loaded::from_rows)
}

/// For the engine.
pub fn owners_with_rules(conn: &mut DbConn) -> QueryResult<Vec<UserId>> {
    rules::table.select(rules::owner_id).distinct().order(rules::owner_id).load(conn)
}

/// The number of the rule that `rule` is, where it is stored; also of one that is only a draft.
pub fn find_id(conn: &mut DbConn, scope: &Scope, rule: &RuleBody) -> QueryResult<Option<RuleId>> {
    let wanted = rule.clone().in_order().identity();
    let alike: Vec<Row> = rules::table
        .filter(rules::owner_id.eq(scope.user()).and(rules::keyword.eq(&rule.keyword)))
        .filter(rules::matching.eq(rule.matching))
        .select(Row::as_select())
        .load(conn)?;
    let same = alike.into_iter().filter_map(|row| row.into_rule().ok()).find(|rule| rule.body.identity() == wanted);
    Ok(same.map(|rule| rule.id))
}

pub fn set_enabled(
    conn: &mut DbConn,
    scope: &Scope,
    id: RuleId,
    on: bool,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<Result<(), NotSaved>> {
    let rule = match writable(conn, scope, id)? {
        Ok(rule) => rule,
        Err(refusal) => return Ok(Err(refusal)),
    };
    replace(conn, scope, id, &RuleBody { enabled: on, ..rule.body }, by, now)
}

pub fn delete(
    conn: &mut DbConn,
    scope: &Scope,
    id: RuleId,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<Result<(), NotSaved>> {
    revisions::lock(conn, Topic::Rules)?;
    let before = match writable(conn, scope, id)? {
        Ok(rule) => rule.body,
        Err(refusal) => return Ok(Err(refusal)),
    };
    remove(conn, id)?;
    publish(conn, scope, vec![Change { id, before: Some(before), after: None }], &Cause::Edit, by, now)?;
    Ok(Ok(()))
}

pub(super) fn remove(conn: &mut DbConn, id: RuleId) -> QueryResult<()> {
    diesel::delete(rules::table.find(id)).execute(conn).map(drop)
}
