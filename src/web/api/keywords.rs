//! `/api/v1/keywords`, `/api/v1/default-replies` and `/api/v1/event-rules`: what is answered to what. A default reply is the rule that
//! holds where no other does. With `draft=true` a change is prepared and not published, see [`rule_sets`](super::rule_sets).

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    web::{Data, Json, block},
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Body, Id, Line, Query, if_match},
        page::{Page, PageNumber, Paging, PerPage},
        tag,
    },
    pictures,
    rule_fields::{
        DefaultReplyPatch, DefaultReplyView, EventRulePatch, EventRuleView, KeywordPatch, KeywordView, MatchBody,
        NewDefaultReply, NewEventRule, NewKeyword, Number, TriggerBody, account,
    },
    rule_warnings::{self, Cases, NEW, Warned, WarningView},
};
use crate::{
    ids::{PictureId, RuleId, Timestamp},
    reply::{
        matcher::Library,
        rule::{Action, Matching, Rule, RuleBody, Trigger},
    },
    settings::endpoint,
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        rule_drafts,
        rule_versions::Change,
        rules::{self, Filter, Kind, NotSaved, Reach},
        users,
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct KeywordsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only rules of exactly this account.
    #[param(inline)]
    account: Option<Number>,
    /// `true`: only rules for all accounts.
    global: Option<bool>,
    #[param(inline)]
    item: Option<Line<1, 64>>,
    #[serde(rename = "match")]
    #[param(inline)]
    matching: Option<MatchBody>,
    /// Occurs in the keyword or the replies.
    #[param(inline)]
    q: Option<Line<1, 64>>,
    enabled: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DefaultRepliesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only default replies of exactly this account.
    #[param(inline)]
    account: Option<Number>,
    /// `true`: only default replies for all accounts.
    global: Option<bool>,
    #[param(inline)]
    item: Option<Line<1, 64>>,
    enabled: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventRulesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only rules of exactly this account.
    #[param(inline)]
    account: Option<Number>,
    /// `true`: only rules that all accounts share.
    global: Option<bool>,
    /// Only rules for this item.
    #[param(inline)]
    item: Option<Line<1, 64>>,
    /// Only rules that wait for this.
    #[param(inline)]
    trigger: Option<TriggerBody>,
    enabled: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DraftQuery {
    /// `true`: as it would be after publishing; a change is only prepared.
    draft: Option<bool>,
}

impl DraftQuery {
    pub(super) fn is_draft(self) -> bool {
        self.draft.unwrap_or(false)
    }
}

impl KeywordsQuery {
    fn filter(self) -> Filter {
        Filter {
            reach: reach(self.account, self.global),
            item: self.item.map(|id| id.into_string().into()),
            kind: Some(Kind::Keyword),
            matching: self.matching.map(Matching::from),
            text: self.q.map(Line::into_string),
            enabled: self.enabled,
            trigger: None,
        }
    }
}

impl DefaultRepliesQuery {
    fn filter(self) -> Filter {
        Filter {
            reach: reach(self.account, self.global),
            item: self.item.map(|id| id.into_string().into()),
            kind: Some(Kind::DefaultReply),
            enabled: self.enabled,
            ..Filter::default()
        }
    }
}

impl EventRulesQuery {
    fn filter(self) -> Filter {
        Filter {
            reach: reach(self.account, self.global),
            item: self.item.map(|id| id.into_string().into()),
            kind: Some(Kind::Event),
            enabled: self.enabled,
            trigger: self.trigger.map(Trigger::from),
            ..Filter::default()
        }
    }
}

pub(super) fn reach(of: Option<Number>, global: Option<bool>) -> Option<Reach> {
    let everywhere = global.unwrap_or(false).then_some(Reach::Everywhere);
    account(of).map(Reach::In).or(everywhere)
}

/// Names the field of the body for which this was not saved.
pub(super) fn refusal(reason: NotSaved, new: &RuleBody) -> ApiError {
    match reason {
        NotSaved::NotFound => ApiError::from(Code::NotFound).at("account_id"),
        NotSaved::Forbidden => ApiError::from(Code::Forbidden).at("account_id"),
        NotSaved::Exists(twin) => ApiError::from(Code::Conflict).at(shared(new)).with("id", twin.0),
        NotSaved::HasDraft => has_draft(),
    }
}

pub(super) fn has_draft() -> ApiError {
    ApiError::from(Code::WrongState).because(Said::new(
        "有未发布的草稿，请先发布或放弃",
        "there is a draft that is not published: publish or discard it first",
    ))
}

/// The field that twins share. A default reply has no keyword.
fn shared(new: &RuleBody) -> &'static str {
    match (new.trigger, new.matching) {
        (Trigger::Message, Matching::Default) if !new.items.is_empty() => "item_ids",
        (Trigger::Message, Matching::Default) => "account_id",
        (Trigger::Message, _) => "keyword",
        (_, _) => "trigger",
    }
}

/// Asks the matcher itself, off the arbiters: what is stored can be matched, and pictures have addresses.
pub(super) async fn check(new: RuleBody) -> ApiResult<RuleBody> {
    check_addresses(&new)?;
    let body = RuleBody { enabled: true, ..new.clone() };
    let tried = Arc::new(Rule { id: RuleId(0), body, created_at: Timestamp(0) });
    let faults = block(move || Library::compile(&[tried]).faults()).await.map_err(|_| Code::Internal)?;
    match faults.into_iter().next() {
        Some(fault) => {
            let field = super::rule_faults::field(&fault.text);
            Err(ApiError::field(field, super::rule_faults::said(fault.text)))
        }
        None => Ok(new),
    }
}

/// Why this is no address of a picture.
pub(super) fn fault_of_picture(url: &str) -> Option<Said> {
    if PictureId::is_named_by(url) {
        return PictureId::of_address(url).is_none().then(pictures::no_such_picture);
    }
    let reason = endpoint(url, ["http", "https"]).err()?;
    Some(Said::new("须为 http:// 或 https:// 开头的地址，或已上传的图片", reason))
}

/// Refuses pictures without an address that could be one.
pub(super) fn check_addresses(new: &RuleBody) -> ApiResult<()> {
    for (place, action) in new.actions.iter().enumerate() {
        let Action::Image(url) = action else { continue };
        if let Some(said) = fault_of_picture(url) {
            return Err(ApiError::field(place_of(place, "image"), said));
        }
    }
    Ok(())
}

pub(super) fn no_such_colleague() -> Said {
    Said::new("没有这位同事", "there is no such colleague")
}

fn place_of(action: usize, kind: &str) -> String {
    format!("actions[{action}].{kind}")
}

/// Refuses uploaded pictures that the seller does not have, and colleagues whom nobody knows.
pub(super) fn check_actions(conn: &mut DbConn, caller: &Caller, new: &RuleBody) -> QueryResult<ApiResult<()>> {
    for (place, action) in new.actions.iter().enumerate() {
        match action {
            Action::Image(url) => {
                let Some(id) = PictureId::of_address(url) else { continue };
                if let Err(refusal) = pictures::check_one(conn, caller, &id, || place_of(place, "image"))? {
                    return Ok(Err(refusal));
                }
            }
            Action::HandOver(Some(colleague)) if !users::is_of(conn, caller.scope.user(), *colleague)? => {
                return Ok(Err(ApiError::field(place_of(place, "hand_over"), no_such_colleague())));
            }
            _ => {}
        }
    }
    Ok(Ok(()))
}

/// A page of rules, as they are published, those with the highest priority first; and how many there are.
pub(in crate::web) async fn read_page(
    app: &AppState,
    caller: &Caller,
    filter: Filter,
    paging: Paging,
) -> ApiResult<(Vec<Rule>, i64)> {
    let scope = caller.scope;
    let page = move |conn: &mut DbConn| rules::page(conn, &scope, &filter, paging.part());
    let (loaded, total) = app.turns.read(&app.store, page).await?;
    Ok((loaded.rules, total))
}

/// A rule of any kind, as it would be after publishing; `NotFound` also where it is to go.
pub(in crate::web) async fn read_prepared(app: &AppState, caller: &Caller, id: RuleId) -> ApiResult<Rule> {
    let scope = caller.scope;
    Ok(app.store.read(move |conn| rule_drafts::get(conn, &scope, id)).await?)
}

/// The mark of a rule, as the route of its kind gives it.
pub(in crate::web) fn mark_of(rule: &Rule) -> String {
    match Kind::of(&rule.body) {
        Kind::Keyword => tag::of(&KeywordView::from(rule.clone())),
        Kind::DefaultReply => tag::of(&DefaultReplyView::from(rule.clone())),
        Kind::Event => tag::of(&EventRuleView::from(rule.clone())),
    }
}

/// A rule of this kind, or nothing: a default reply is no keyword.
fn of_kind(conn: &mut DbConn, caller: &Caller, id: RuleId, (kind, draft): (Kind, bool)) -> QueryResult<Option<Rule>> {
    let read = if draft { rule_drafts::get } else { rules::get };
    let rule = read(conn, &caller.scope, id)?;
    Ok((Kind::of(&rule.body) == kind).then_some(rule))
}

async fn read_one(app: &AppState, caller: &Caller, id: RuleId, what: (Kind, bool)) -> ApiResult<Rule> {
    let caller = caller.clone();
    app.store.read(move |conn| of_kind(conn, &caller, id, what)).await?.ok_or_else(|| Code::NotFound.into())
}

/// What the audit calls it.
struct Names {
    kind: Kind,
    create: &'static str,
    update: &'static str,
    delete: &'static str,
}

const KEYWORD: Names =
    Names { kind: Kind::Keyword, create: "keyword.create", update: "keyword.update", delete: "keyword.delete" };
const DEFAULT_REPLY: Names = Names {
    kind: Kind::DefaultReply,
    create: "default_reply.create",
    update: "default_reply.update",
    delete: "default_reply.delete",
};
const EVENT_RULE: Names =
    Names { kind: Kind::Event, create: "event_rule.create", update: "event_rule.update", delete: "event_rule.delete" };
/// Nothing is answered with it yet.
const DRAFT: (&str, &str, &str) = ("rule_draft.create", "rule_draft.update", "rule_draft.delete");

async fn add<V: From<Rule> + Serialize + Clone>(
    app: &AppState,
    caller: Caller,
    new: ApiResult<RuleBody>,
    (names, draft): (&'static Names, DraftQuery),
) -> ApiResult<HttpResponse> {
    let (new, now, draft) = (check(new?).await?, clock::unix(), draft.is_draft());
    let warnings = rule_warnings::of_changes(app, &caller, draft, vec![(NEW, Some(new.clone()))], Cases::Tried).await?;
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<Rule>> {
        let (scope, actor) = (caller.scope, caller.actor());
        if let Err(refusal) = check_actions(conn, &caller, &new)? {
            return Ok(Err(refusal));
        }
        let added = if draft {
            rule_drafts::insert(conn, &scope, &new, now)?
        } else {
            rules::insert(conn, &scope, &new, &actor, now)?
        };
        let id = match added {
            Ok(id) => id,
            Err(reason) => return Ok(Err(refusal(reason, &new))),
        };
        let (read, action): (fn(&mut DbConn, &_, _) -> _, _) =
            if draft { (rule_drafts::get, DRAFT.0) } else { (rules::get, names.create) };
        let rule = read(conn, &scope, id)?;
        let deed = Deed::new(action, id).of(scope.user()).after(V::from(rule.clone()));
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(rule))
    };
    let rule = app.store.write(job).await??;
    super::accounts::notice(app);
    let warnings = warnings.into_iter().map(|warning| warning.of(rule.id)).collect();
    Ok(answer(HttpResponse::Created(), V::from(rule), warnings))
}

async fn change<V: From<Rule> + Serialize + Clone>(
    app: &AppState,
    caller: Caller,
    id: RuleId,
    wanted: Option<String>,
    (names, draft): (&'static Names, DraftQuery),
    apply: impl FnOnce(RuleBody) -> ApiResult<RuleBody>,
) -> ApiResult<HttpResponse> {
    let draft = draft.is_draft();
    let old = read_one(app, &caller, id, (names.kind, draft)).await?;
    let before = V::from(old.clone());
    tag::check(wanted.as_deref(), &before)?;
    let (seen, new, now) = (tag::of(&before), check(apply(old.body)?).await?, clock::unix());
    let warnings = rule_warnings::of_changes(app, &caller, draft, vec![(id, Some(new.clone()))], Cases::Tried).await?;
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<Rule>> {
        let (scope, actor) = (caller.scope, caller.actor());
        let (read, action): (fn(&mut DbConn, &_, _) -> _, _) =
            if draft { (rule_drafts::get, DRAFT.1) } else { (rules::get, names.update) };
        // Between reading and writing somebody else may have come.
        let before = V::from(read(conn, &scope, id)?);
        if tag::of(&before) != seen {
            return Ok(Err(tag::changed()));
        }
        if let Err(refusal) = check_actions(conn, &caller, &new)? {
            return Ok(Err(refusal));
        }
        let changed = if draft {
            rule_drafts::replace(conn, &scope, id, &new, now)?
        } else {
            rules::replace(conn, &scope, id, &new, &actor, now)?
        };
        if let Err(reason) = changed {
            return Ok(Err(refusal(reason, &new)));
        }
        let rule = read(conn, &scope, id)?;
        let deed = Deed::new(action, id).of(scope.user()).before(before).after(V::from(rule.clone()));
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(rule))
    };
    let rule = app.store.write(job).await??;
    super::accounts::notice(app);
    Ok(answer(HttpResponse::Ok(), V::from(rule), warnings))
}

/// The mark is of the rule alone: what is doubtful about it depends on others.
fn answer<V: Serialize + Clone>(response: HttpResponseBuilder, view: V, warnings: Vec<WarningView>) -> HttpResponse {
    tag::answer_with(response, &view, &Warned::new(view.clone(), warnings))
}

async fn remove<V: From<Rule> + Serialize>(
    app: &AppState,
    caller: Caller,
    id: RuleId,
    (names, draft): (&'static Names, DraftQuery),
) -> ApiResult<HttpResponse> {
    let (now, draft) = (clock::unix(), draft.is_draft());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<()>> {
        let (scope, actor) = (caller.scope, caller.actor());
        let Some(rule) = of_kind(conn, &caller, id, (names.kind, draft))? else {
            return Ok(Err(Code::NotFound.into()));
        };
        let (removed, action) = if draft {
            (rule_drafts::remove(conn, &scope, id)?, DRAFT.2)
        } else {
            (rules::delete(conn, &scope, id, &actor, now)?, names.delete)
        };
        match removed {
            Ok(()) => {}
            Err(NotSaved::HasDraft) => return Ok(Err(has_draft())),
            // It is there: it was read just now.
            Err(_) => return Ok(Err(Code::Forbidden.into())),
        }
        let deed = Deed::new(action, id).of(scope.user()).before(V::from(rule));
        audit::record(conn, &actor, &deed, now).map(Ok)
    };
    app.store.write(job).await??;
    super::accounts::notice(app);
    Ok(HttpResponse::NoContent().finish())
}

/// Writes down in the audit what became of default replies.
pub(super) fn record_defaults(
    conn: &mut DbConn,
    caller: &Caller,
    changes: &[Change],
    now: Timestamp,
) -> QueryResult<()> {
    let view = |id: RuleId, body: &RuleBody| {
        let rule = Rule { id, body: body.clone(), created_at: Timestamp(0) };
        DefaultReplyView { created_at: None, ..DefaultReplyView::from(rule) }
    };
    for Change { id, before, after } in changes {
        let action = match (before, after) {
            (None, _) => DEFAULT_REPLY.create,
            (Some(_), Some(_)) => DEFAULT_REPLY.update,
            (Some(_), None) => DEFAULT_REPLY.delete,
        };
        let mut deed = Deed::new(action, *id).of(caller.scope.user());
        if let Some(before) = before {
            deed = deed.before(view(*id, before));
        }
        if let Some(after) = after {
            deed = deed.after(view(*id, after));
        }
        audit::record(conn, &caller.actor(), &deed, now)?;
    }
    Ok(())
}

/// Keyword rules, those with the highest priority first.
#[utoipa::path(get, path = "/api/v1/keywords", tag = "keywords", params(KeywordsQuery), responses((status = 200, body = Page<KeywordView>)))]
pub async fn list(
    caller: Caller,
    query: Query<KeywordsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<KeywordView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let (rules, total) = read_page(&app, &caller, query.0.filter(), paging).await?;
    Ok(Json(paging.answer(rules.into_iter().map(KeywordView::from).collect(), total)))
}

/// One keyword rule.
#[utoipa::path(get, path = "/api/v1/keywords/{id}", tag = "keywords", params(("id" = i64, Path), DraftQuery), responses((status = 200, body = KeywordView)))]
pub async fn get(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let rule = read_one(&app, &caller, id.0, (KEYWORD.kind, query.0.is_draft())).await?;
    Ok(tag::answer(HttpResponse::Ok(), &KeywordView::from(rule)))
}

/// Adds a keyword rule. It answers from then on, within a second.
#[utoipa::path(post, path = "/api/v1/keywords", tag = "keywords", params(DraftQuery), request_body = NewKeyword, responses((status = 201, body = Warned<KeywordView>)))]
pub async fn create(
    caller: Caller,
    query: Query<DraftQuery>,
    body: Body<NewKeyword>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    add::<KeywordView>(&app, caller, body.0.read(), (&KEYWORD, query.0)).await
}

/// Changes what is given and leaves the rest. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/keywords/{id}", tag = "keywords", request_body = KeywordPatch,
    params(("id" = i64, Path), DraftQuery, ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = Warned<KeywordView>), (status = 412, body = super::super::error::ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    request: HttpRequest,
    body: Body<KeywordPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let wanted = if_match(request.headers())?;
    change::<KeywordView>(&app, caller, id.0, wanted, (&KEYWORD, query.0), |old| body.0.apply(old)).await
}

/// Removes a keyword rule.
#[utoipa::path(delete, path = "/api/v1/keywords/{id}", tag = "keywords", params(("id" = i64, Path), DraftQuery), responses((status = 204, description = "Removed")))]
pub async fn delete(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    remove::<KeywordView>(&app, caller, id.0, (&KEYWORD, query.0)).await
}

/// Default replies.
#[utoipa::path(get, path = "/api/v1/default-replies", tag = "default replies", params(DefaultRepliesQuery), responses((status = 200, body = Page<DefaultReplyView>)))]
pub async fn list_defaults(
    caller: Caller,
    query: Query<DefaultRepliesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<DefaultReplyView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let (rules, total) = read_page(&app, &caller, query.0.filter(), paging).await?;
    Ok(Json(paging.answer(rules.into_iter().map(DefaultReplyView::from).collect(), total)))
}

/// One default reply.
#[utoipa::path(get, path = "/api/v1/default-replies/{id}", tag = "default replies", params(("id" = i64, Path), DraftQuery), responses((status = 200, body = DefaultReplyView)))]
pub async fn get_default(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let rule = read_one(&app, &caller, id.0, (DEFAULT_REPLY.kind, query.0.is_draft())).await?;
    Ok(tag::answer(HttpResponse::Ok(), &DefaultReplyView::from(rule)))
}

/// Adds the default reply of an account, an item, or of everything.
#[utoipa::path(post, path = "/api/v1/default-replies", tag = "default replies", params(DraftQuery), request_body = NewDefaultReply, responses((status = 201, body = Warned<DefaultReplyView>)))]
pub async fn create_default(
    caller: Caller,
    query: Query<DraftQuery>,
    body: Body<NewDefaultReply>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    add::<DefaultReplyView>(&app, caller, body.0.read(), (&DEFAULT_REPLY, query.0)).await
}

/// Changes what is given and leaves the rest. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/default-replies/{id}", tag = "default replies", request_body = DefaultReplyPatch,
    params(("id" = i64, Path), DraftQuery, ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = Warned<DefaultReplyView>), (status = 412, body = super::super::error::ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update_default(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    request: HttpRequest,
    body: Body<DefaultReplyPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let wanted = if_match(request.headers())?;
    change::<DefaultReplyView>(&app, caller, id.0, wanted, (&DEFAULT_REPLY, query.0), |old| body.0.apply(old)).await
}

/// Removes a default reply.
#[utoipa::path(delete, path = "/api/v1/default-replies/{id}", tag = "default replies", params(("id" = i64, Path), DraftQuery), responses((status = 204, description = "Removed")))]
pub async fn delete_default(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    remove::<DefaultReplyView>(&app, caller, id.0, (&DEFAULT_REPLY, query.0)).await
}

/// Rules for what happens besides messages, those with the highest priority first.
#[utoipa::path(get, path = "/api/v1/event-rules", tag = "event rules", params(EventRulesQuery), responses((status = 200, body = Page<EventRuleView>)))]
pub async fn list_events(
    caller: Caller,
    query: Query<EventRulesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<EventRuleView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let (rules, total) = read_page(&app, &caller, query.0.filter(), paging).await?;
    Ok(Json(paging.answer(rules.into_iter().map(EventRuleView::from).collect(), total)))
}

/// One rule for an event.
#[utoipa::path(get, path = "/api/v1/event-rules/{id}", tag = "event rules", params(("id" = i64, Path), DraftQuery), responses((status = 200, body = EventRuleView)))]
pub async fn get_event(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let rule = read_one(&app, &caller, id.0, (EVENT_RULE.kind, query.0.is_draft())).await?;
    Ok(tag::answer(HttpResponse::Ok(), &EventRuleView::from(rule)))
}

/// Adds a rule for an event. It holds for what happens from then on.
#[utoipa::path(post, path = "/api/v1/event-rules", tag = "event rules", params(DraftQuery), request_body = NewEventRule, responses((status = 201, body = Warned<EventRuleView>)))]
pub async fn create_event(
    caller: Caller,
    query: Query<DraftQuery>,
    body: Body<NewEventRule>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    add::<EventRuleView>(&app, caller, body.0.read(), (&EVENT_RULE, query.0)).await
}

/// Changes what is given and leaves the rest. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/event-rules/{id}", tag = "event rules", request_body = EventRulePatch,
    params(("id" = i64, Path), DraftQuery, ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = Warned<EventRuleView>), (status = 412, body = super::super::error::ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update_event(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    request: HttpRequest,
    body: Body<EventRulePatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let wanted = if_match(request.headers())?;
    change::<EventRuleView>(&app, caller, id.0, wanted, (&EVENT_RULE, query.0), |old| body.0.apply(old)).await
}

/// Removes a rule for an event.
#[utoipa::path(delete, path = "/api/v1/event-rules/{id}", tag = "event rules", params(("id" = i64, Path), DraftQuery), responses((status = 204, description = "Removed")))]
pub async fn delete_event(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    remove::<EventRuleView>(&app, caller, id.0, (&EVENT_RULE, query.0)).await
}
