//! `/api/v1/rule-sets/{set}`: rules that are published together, an account's own or the ones that all accounts share. What is prepared, what was
//! published when and by whom, and the way back.

use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code},
        gate::Caller,
        input::{Body, Query, Text},
        page::{Page, PageNumber, Paging, PerPage},
    },
    keywords,
    rule_cases::{self, TriedView},
    rule_fields::{DefaultReplyView, EventRuleView, KeywordView},
    rule_warnings::{self, Cases, Warned, WarningView},
};
use crate::{
    ids::{AccountId, RuleId, Timestamp, UserId},
    reply::rule::{Rule, RuleBody},
    store::{
        DbConn, QueryResult, Scope, accounts,
        audit::{self, Deed},
        revisions::{self, Topic},
        rule_drafts,
        rule_versions::{self, Change, ChangeKind, NotRolledBack, Version},
        rules::{Kind, NotSaved},
        sandbox::Rules,
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SetQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// Why something is published or taken back, in a person's words.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "节日期间的回复"}))]
pub struct PublishBody {
    #[schema(inline)]
    note: Option<Text<1, 500>>,
}

impl SetQuery {
    pub(super) fn paging(&self) -> Paging {
        Paging::new(self.page, self.per_page)
    }
}

impl PublishBody {
    fn note(self) -> String {
        self.note.map(Text::into_string).unwrap_or_default()
    }
}

/// A rule of one of the three kinds.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RuleView {
    Keyword(KeywordView),
    DefaultReply(DefaultReplyView),
    EventRule(EventRuleView),
}

impl From<Rule> for RuleView {
    fn from(rule: Rule) -> Self {
        match Kind::of(&rule.body) {
            Kind::Keyword => Self::Keyword(rule.into()),
            Kind::DefaultReply => Self::DefaultReply(rule.into()),
            Kind::Event => Self::EventRule(rule.into()),
        }
    }
}

impl RuleView {
    /// A version does not keep when its rules were made.
    fn without_time(mut self) -> Self {
        let created_at = match &mut self {
            Self::Keyword(view) => &mut view.created_at,
            Self::DefaultReply(view) => &mut view.created_at,
            Self::EventRule(view) => &mut view.created_at,
        };
        *created_at = None;
        self
    }
}

/// What becomes, or became, of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RuleChangeView {
    #[schema(value_type = i64)]
    pub(in crate::web) rule_id: RuleId,
    #[schema(inline)]
    pub(in crate::web) change: ChangeKind,
    /// Names of the fields that differ; empty where a rule is added or removed.
    pub(in crate::web) differs: Vec<String>,
    pub(in crate::web) before: Option<RuleView>,
    pub(in crate::web) after: Option<RuleView>,
}

impl From<Change> for RuleChangeView {
    fn from(whole: Change) -> Self {
        let change = whole.kind();
        let Change { id, before, after } = whole;
        let differs = before.as_ref().zip(after.as_ref()).map(|(before, after)| differences(before, after));
        let view = |body: RuleBody| RuleView::from(Rule { id, body, created_at: Timestamp(0) }).without_time();
        Self {
            rule_id: id,
            change,
            differs: differs.unwrap_or_default(),
            before: before.map(view),
            after: after.map(view),
        }
    }
}

/// The names of a rule's JSON are those of the API.
fn differences(before: &RuleBody, after: &RuleBody) -> Vec<String> {
    let fields = |body| match serde_json::to_value(body) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let differing = after.into_iter().filter(|(name, value)| before.get(name) != Some(value));
    differing.map(|(name, _)| name).collect()
}

/// Something that was published.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VersionView {
    /// Counts up from 1 in each set.
    pub(in crate::web) number: i64,
    /// `edit`: one rule was changed at once. `import`: from a file. `publish`: a draft. `roll_back`: an earlier version holds again.
    #[schema(example = "publish")]
    pub(in crate::web) cause: String,
    pub(in crate::web) note: String,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) by_user_id: Option<UserId>,
    pub(in crate::web) by: String,
    pub(in crate::web) via: String,
    /// Rules that were added, changed and removed.
    pub(in crate::web) added: i64,
    pub(in crate::web) changed: i64,
    pub(in crate::web) removed: i64,
    #[schema(value_type = i64)]
    pub(in crate::web) made_at: Timestamp,
}

impl From<Version> for VersionView {
    fn from(version: Version) -> Self {
        let Version { number, cause, note, actor_id, actor, via, added, changed, removed, made_at } = version;
        Self { number, cause, note, by_user_id: actor_id, by: actor, via, added, changed, removed, made_at }
    }
}

/// A version and every rule that it changed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VersionDetail {
    #[serde(flatten)]
    pub(in crate::web) version: VersionView,
    pub(in crate::web) changes: Vec<RuleChangeView>,
}

/// What was done with a set.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PublishedView {
    /// Rules that were added, changed and removed. All 0: there was nothing to do, and no version was made.
    pub(in crate::web) added: usize,
    pub(in crate::web) changed: usize,
    pub(in crate::web) removed: usize,
}

impl PublishedView {
    fn of(changes: &[Change]) -> Self {
        let count = |kind| changes.iter().filter(|change| change.kind() == kind).count();
        Self {
            added: count(ChangeKind::Added),
            changed: count(ChangeKind::Changed),
            removed: count(ChangeKind::Removed),
        }
    }
}

/// How many prepared changes were forgotten.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DiscardedView {
    pub(in crate::web) discarded: usize,
}

/// A set as the path names it: `shared`, or an account's number.
pub(super) fn set_of(name: &str) -> ApiResult<Option<AccountId>> {
    match name {
        "shared" => Ok(None),
        number => number.parse().map(|id| Some(AccountId(id))).map_err(|_| Code::NotFound.into()),
    }
}

/// A version as the path names it.
fn version_of((set, number): &(String, String)) -> ApiResult<(Option<AccountId>, i64)> {
    // The first one is 1, and 0 is the beginning.
    let number = number.parse().ok().filter(|number| *number >= 0).ok_or(Code::NotFound)?;
    Ok((set_of(set)?, number))
}

/// `NotFound` for a stranger's account.
pub(super) fn check_seen(conn: &mut DbConn, caller: &Caller, set: Option<AccountId>) -> QueryResult<()> {
    set.map_or(Ok(()), |account| accounts::get(conn, &caller.scope, account).map(drop))
}

pub(super) fn refused(reason: NotSaved) -> ApiError {
    match reason {
        NotSaved::NotFound => Code::NotFound.into(),
        NotSaved::Forbidden => Code::Forbidden.into(),
        NotSaved::HasDraft => keywords::has_draft(),
        NotSaved::Exists(twin) => ApiError::from(Code::Conflict).with("id", twin.0),
    }
}

/// What is prepared in a set and not published.
#[utoipa::path(get, path = "/api/v1/rule-sets/{set}/draft", tag = "rule sets", params(("set" = String, Path, description = "`shared`, or the number of an account"), SetQuery), responses((status = 200, body = Page<RuleChangeView>)))]
pub async fn draft(
    caller: Caller,
    set: Path<String>,
    query: Query<SetQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<RuleChangeView>>> {
    let (set, paging) = (set_of(&set)?, query.0.paging());
    let page = move |conn: &mut DbConn| {
        check_seen(conn, &caller, set)?;
        rule_drafts::page(conn, &caller.scope, set, paging.part())
    };
    let (changes, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(changes.into_iter().map(RuleChangeView::from).collect(), total)))
}

/// Refuses rules whose pictures or colleagues are gone by now.
fn check_bodies(conn: &mut DbConn, caller: &Caller, changes: &[Change]) -> QueryResult<ApiResult<()>> {
    for Change { id, after, .. } in changes {
        let Some(after) = after else { continue };
        if let Err(refusal) = keywords::check_actions(conn, caller, after)? {
            return Ok(Err(refusal.with("id", id.0)));
        }
    }
    Ok(Ok(()))
}

/// Publishes everything that is prepared in a set, as one version. Where there is nothing, no version is made. Refused (`cases_failed`) while a
/// case that blocks does not come as expected: `details.cases` says what came instead.
#[utoipa::path(post, path = "/api/v1/rule-sets/{set}/publish", tag = "rule sets", request_body = PublishBody, params(("set" = String, Path, description = "`shared`, or the number of an account")), responses((status = 200, body = Warned<PublishedView>)))]
pub async fn publish(
    caller: Caller,
    set: Path<String>,
    body: Body<PublishBody>,
    app: Data<AppState>,
) -> ApiResult<Json<Warned<PublishedView>>> {
    let (set, note) = (set_of(&set)?, body.0.note());
    let warnings = of_drafts(&app, &caller, set).await?;
    for _ in 0..TRIES {
        let basis = Basis::tried(&app, &caller, set).await?;
        let failed = basis.failed.iter().map(|name| WarningView::of_case(name.clone(), caller.language));
        let warnings = warnings.iter().cloned().chain(failed).collect();
        let (caller, note, now) = (caller.clone(), note.clone(), clock::unix());
        let job = move |conn: &mut DbConn| publish_tried(conn, &caller, set, &note, basis, now);
        if let Some(view) = app.store.write(job).await?? {
            super::accounts::notice(&app);
            return Ok(Json(Warned::new(view, warnings)));
        }
    }
    Err(Code::Overloaded.into())
}

/// How often it is tried to publish what nobody changes between its trial and its hour.
const TRIES: usize = 5;

/// What was tried, and passed.
struct Basis {
    revision: i64,
    prepared: Vec<Change>,
    /// Without cases nothing was tried, and it matters to nobody what changes meanwhile.
    has_cases: bool,
    /// Names of cases that did not come as expected, and do not block.
    failed: Vec<String>,
}

impl Basis {
    /// Tries the cases of what would be published; what changes from here on makes the trial worthless.
    async fn tried(app: &AppState, caller: &Caller, set: Option<AccountId>) -> ApiResult<Self> {
        let scope = caller.scope;
        let read = move |conn: &mut DbConn| Ok((revisions::all(conn)?.rules, rule_drafts::all(conn, &scope, set)?));
        let (revision, prepared) = app.turns.read(&app.store, read).await?;
        let tried = match &prepared[..] {
            [] => Vec::new(),
            _ => rule_cases::tried(app, caller, set, Rules::PreparedIn(set)).await?,
        };
        let failed = tried.iter().filter(|tried| tried.failed() && tried.case.body.blocks);
        let failed: Vec<TriedView> = failed.map(|tried| tried.view(caller.language)).collect();
        if !failed.is_empty() {
            let cases = serde_json::to_value(failed).map_err(|_| Code::Internal)?;
            return Err(ApiError::from(Code::CasesFailed).with("cases", cases));
        }
        let failed = tried.iter().filter(|tried| tried.failed()).map(|tried| tried.case.body.name.clone());
        Ok(Self { revision, prepared, has_cases: !tried.is_empty(), failed: failed.collect() })
    }

    fn still_holds(&self, conn: &mut DbConn, scope: &Scope, set: Option<AccountId>) -> QueryResult<bool> {
        revisions::lock(conn, Topic::Rules)?;
        Ok(!self.has_cases
            || (revisions::all(conn)?.rules == self.revision && rule_drafts::all(conn, scope, set)? == self.prepared))
    }
}

/// `None`: something changed since it was tried.
fn publish_tried(
    conn: &mut DbConn,
    caller: &Caller,
    set: Option<AccountId>,
    note: &str,
    basis: Basis,
    now: Timestamp,
) -> QueryResult<ApiResult<Option<PublishedView>>> {
    let (scope, actor) = (caller.scope, caller.actor());
    if !basis.still_holds(conn, &scope, set)? {
        return Ok(Ok(None));
    }
    let prepared = rule_drafts::all(conn, &scope, set)?;
    if let Err(refusal) = check_bodies(conn, caller, &prepared)? {
        return Ok(Err(refusal));
    }
    let changes = match rule_drafts::publish(conn, &scope, set, note, &actor, now)? {
        Ok(changes) => changes,
        Err(reason) => return Ok(Err(refused(reason))),
    };
    let view = PublishedView::of(&changes);
    let deed = Deed::new("rule_set.publish", name_of(set)).of(scope.user()).after(&view);
    audit::record(conn, &actor, &deed, now)?;
    Ok(Ok(Some(view)))
}

/// What is doubtful about what would be published.
async fn of_drafts(app: &AppState, caller: &Caller, set: Option<AccountId>) -> ApiResult<Vec<WarningView>> {
    let scope = caller.scope;
    let prepared = app.turns.read(&app.store, move |conn| rule_drafts::all(conn, &scope, set)).await?;
    let changes = prepared.into_iter().map(|change| (change.id, change.after)).collect();
    rule_warnings::of_changes(app, caller, false, changes, Cases::LeftOut).await
}

/// Forgets what is prepared in a set.
#[utoipa::path(delete, path = "/api/v1/rule-sets/{set}/draft", tag = "rule sets", params(("set" = String, Path, description = "`shared`, or the number of an account")), responses((status = 200, body = DiscardedView)))]
pub async fn discard(caller: Caller, set: Path<String>, app: Data<AppState>) -> ApiResult<Json<DiscardedView>> {
    let (set, now) = (set_of(&set)?, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<DiscardedView>> {
        let (scope, actor) = (caller.scope, caller.actor());
        let discarded = match rule_drafts::discard(conn, &scope, set)? {
            Ok(discarded) => discarded,
            Err(reason) => return Ok(Err(refused(reason))),
        };
        let view = DiscardedView { discarded };
        let deed = Deed::new("rule_set.discard", name_of(set)).of(scope.user()).after(&view);
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(view))
    };
    Ok(Json(app.store.write(job).await??))
}

/// What was published of a set, newest first. The last 200 are kept.
#[utoipa::path(get, path = "/api/v1/rule-sets/{set}/versions", tag = "rule sets", params(("set" = String, Path, description = "`shared`, or the number of an account"), SetQuery), responses((status = 200, body = Page<VersionView>)))]
pub async fn versions(
    caller: Caller,
    set: Path<String>,
    query: Query<SetQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<VersionView>>> {
    let (set, paging) = (set_of(&set)?, query.0.paging());
    let page = move |conn: &mut DbConn| {
        check_seen(conn, &caller, set)?;
        rule_versions::page(conn, &caller.scope, set, paging.part())
    };
    let (versions, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(versions.into_iter().map(VersionView::from).collect(), total)))
}

/// One version, and what it changed.
#[utoipa::path(get, path = "/api/v1/rule-sets/{set}/versions/{number}", tag = "rule sets", params(("set" = String, Path, description = "`shared`, or the number of an account"), ("number" = i64, Path, description = "The number of a version in its set")), responses((status = 200, body = VersionDetail)))]
pub async fn version(
    caller: Caller,
    path: Path<(String, String)>,
    app: Data<AppState>,
) -> ApiResult<Json<VersionDetail>> {
    let (set, number) = version_of(&path)?;
    let read = move |conn: &mut DbConn| {
        check_seen(conn, &caller, set)?;
        rule_versions::get(conn, &caller.scope, set, number)
    };
    let (version, changes) = app.turns.read(&app.store, read).await?;
    let changes = changes.into_iter().map(RuleChangeView::from).collect();
    Ok(Json(VersionDetail { version: version.into(), changes }))
}

/// Makes a set again what it was after this version; 0 is before the first. That is a new version too, and can be taken back as well.
/// Refused (`wrong_state`) while something is prepared.
#[utoipa::path(post, path = "/api/v1/rule-sets/{set}/versions/{number}/roll-back", tag = "rule sets", request_body = PublishBody, params(("set" = String, Path, description = "`shared`, or the number of an account"), ("number" = i64, Path, description = "The number of a version in its set")), responses((status = 200, body = PublishedView)))]
pub async fn roll_back(
    caller: Caller,
    path: Path<(String, String)>,
    body: Body<PublishBody>,
    app: Data<AppState>,
) -> ApiResult<Json<PublishedView>> {
    let (set, number) = version_of(&path)?;
    let (note, now) = (body.0.note(), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<PublishedView>> {
        let (scope, actor) = (caller.scope, caller.actor());
        let changes = match rule_versions::way_back(conn, &scope, set, number)? {
            Ok(changes) => changes,
            Err(reason) => return Ok(Err(not_rolled_back(reason))),
        };
        if let Err(refusal) = check_bodies(conn, &caller, &changes)? {
            return Ok(Err(refusal));
        }
        let changes = match rule_versions::roll_back(conn, &scope, set, (number, &note), &actor, now)? {
            Ok(changes) => changes,
            Err(reason) => return Ok(Err(not_rolled_back(reason))),
        };
        let view = PublishedView::of(&changes);
        let deed = Deed::new("rule_set.roll_back", name_of(set)).of(scope.user()).after(&view);
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    super::accounts::notice(&app);
    Ok(Json(view))
}

fn not_rolled_back(reason: NotRolledBack) -> ApiError {
    match reason {
        NotRolledBack::NoSuchVersion => Code::NotFound.into(),
        NotRolledBack::HasDraft => keywords::has_draft(),
        NotRolledBack::NotSaved(reason) => refused(reason),
    }
}

pub(in crate::web) fn name_of(set: Option<AccountId>) -> String {
    set.map_or_else(|| "shared".to_owned(), |account| account.to_string())
}
