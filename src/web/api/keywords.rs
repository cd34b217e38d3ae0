//! `/api/v1/keywords` and `/api/v1/default-replies`: what is answered to what. A default reply is the rule that holds where no other does.

use std::{fmt, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, block},
};
use serde::{
    Deserialize, Deserializer, Serialize, de,
    de::{MapAccess, Visitor},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Body, Change, Few, Id, Line, Query, Text, Whole, given, if_match},
        page::{Page, PageNumber, Paging, PerPage},
        tag,
    },
    pictures,
};
use crate::{
    ids::{AccountId, ItemId, PictureId, RuleId, Timestamp},
    reply::{
        matcher::Library,
        rule::{Matching, Reply, Rule},
    },
    settings::endpoint,
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        rules::{self, Filter, Kind, NewRule, NotSaved, Reach},
    },
    telemetry::clock,
};

type Keyword = Text<1, 1000>;
type Words = Few<Line<1, 200>, 50>;
type Replies = Few<ReplyBody, 10>;
type Number = Whole<1, { i64::MAX }>;
type Priority = Whole<-1_000_000, 1_000_000>;

/// How a keyword is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatchBody {
    /// It occurs in what the buyer said; case does not matter.
    Contains,
    /// One message is the keyword.
    Exact,
    /// It is a regular expression that finds something (linear time, no look-around).
    Regex,
}

/// One thing that is sent.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum ReplyBody {
    /// A text; `{send_user_name}`, `{send_user_id}`, `{send_message}` and `{item_id}` are filled in.
    Text(#[schema(inline)] Text<1, 2000>),
    /// The http(s) address of a picture, or `picture:` and the number of an uploaded one.
    Image(#[schema(inline)] Line<1, 2000>),
}

/// What serde says of a choice with none of its names, or two of them, sounds like broken JSON: here it is said what is wanted.
impl<'de> Deserialize<'de> for ReplyBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReplyVisitor)
    }
}

struct ReplyVisitor;

impl<'de> Visitor<'de> for ReplyVisitor {
    type Value = ReplyBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReplyBody, A::Error> {
        let not_one = || {
            let said = Said::new("须恰好有 text 和 image 之一", "must have exactly one of text and image");
            de::Error::custom(said.joined())
        };
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            let reply = match &*name {
                "text" => ReplyBody::Text(map.next_value()?),
                "image" => ReplyBody::Image(map.next_value()?),
                unknown => return Err(de::Error::unknown_field(unknown, &["text", "image"])),
            };
            if found.replace(reply).is_some() {
                return Err(not_one());
            }
        }
        found.ok_or_else(not_one)
    }
}

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

impl From<DefaultRepliesQuery> for KeywordsQuery {
    fn from(query: DefaultRepliesQuery) -> Self {
        let DefaultRepliesQuery { page, per_page, account, global, item, enabled } = query;
        Self { page, per_page, account, global, item, matching: None, q: None, enabled }
    }
}

/// A rule to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"keyword": "在吗", "match": "contains", "replies": [{"text": "在的，请直接拍下"}]}))]
pub struct NewKeyword {
    /// Absent or `null`: for all accounts.
    account_id: Option<Number>,
    /// Absent or `null`: for every item.
    item_id: Option<Line<1, 64>>,
    #[schema(inline)]
    keyword: Keyword,
    #[serde(rename = "match", default = "contains")]
    #[schema(inline)]
    matching: MatchBody,
    /// Besides the keyword at least one of these must occur, unless it is empty.
    #[serde(default)]
    #[schema(inline)]
    any_of: Words,
    /// All of these must occur.
    #[serde(default)]
    #[schema(inline)]
    all_of: Words,
    /// None of these may occur.
    #[serde(default)]
    #[schema(inline)]
    exclude: Words,
    /// Sent in this order. Empty: match, and stay silent.
    #[schema(inline)]
    replies: Replies,
    /// At most once in a conversation.
    #[serde(default)]
    once: bool,
    /// Higher goes first.
    #[serde(default)]
    #[schema(inline)]
    priority: Option<Priority>,
    /// A new rule is enabled unless this says otherwise.
    enabled: Option<bool>,
}

/// What may be changed of a rule; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"replies": [{"text": "在的，今天发货"}], "priority": 10, "item_id": null}))]
pub struct KeywordPatch {
    #[serde(default)]
    #[schema(inline)]
    account_id: Change<Number>,
    #[serde(default)]
    #[schema(inline)]
    item_id: Change<Line<1, 64>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    keyword: Option<Keyword>,
    #[serde(rename = "match", default, deserialize_with = "given")]
    #[schema(nullable = false)]
    matching: Option<MatchBody>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    any_of: Option<Words>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    all_of: Option<Words>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    exclude: Option<Words>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    replies: Option<Replies>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    once: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    priority: Option<Priority>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// A default reply to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"replies": [{"text": "稍等，马上回复您"}], "once": true}))]
pub struct NewDefaultReply {
    /// Absent or `null`: for all accounts.
    account_id: Option<Number>,
    /// Absent or `null`: for every item.
    item_id: Option<Line<1, 64>>,
    #[schema(inline)]
    replies: Replies,
    /// At most once in a conversation.
    #[serde(default)]
    once: bool,
    enabled: Option<bool>,
}

/// What may be changed of a default reply; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"replies": [{"text": "稍后回复您"}], "once": false}))]
pub struct DefaultReplyPatch {
    #[serde(default)]
    #[schema(inline)]
    account_id: Change<Number>,
    #[serde(default)]
    #[schema(inline)]
    item_id: Change<Line<1, 64>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    replies: Option<Replies>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    once: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct KeywordView {
    #[schema(value_type = i64)]
    id: RuleId,
    /// `null`: for all accounts.
    #[schema(value_type = Option<i64>)]
    account_id: Option<AccountId>,
    /// `null`: for every item.
    #[schema(value_type = Option<String>)]
    item_id: Option<ItemId>,
    keyword: String,
    #[serde(rename = "match")]
    #[schema(value_type = MatchBody, inline)]
    matching: Matching,
    any_of: Vec<String>,
    all_of: Vec<String>,
    exclude: Vec<String>,
    #[schema(value_type = Vec<ReplyBody>)]
    replies: Vec<Reply>,
    once: bool,
    priority: i32,
    enabled: bool,
    #[schema(value_type = i64)]
    created_at: Timestamp,
}

/// A default reply.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DefaultReplyView {
    #[schema(value_type = i64)]
    id: RuleId,
    /// `null`: for all accounts.
    #[schema(value_type = Option<i64>)]
    account_id: Option<AccountId>,
    /// `null`: for every item.
    #[schema(value_type = Option<String>)]
    item_id: Option<ItemId>,
    #[schema(value_type = Vec<ReplyBody>)]
    replies: Vec<Reply>,
    once: bool,
    enabled: bool,
    #[schema(value_type = i64)]
    created_at: Timestamp,
}

impl From<Rule> for KeywordView {
    fn from(rule: Rule) -> Self {
        Self {
            id: rule.id,
            account_id: rule.account,
            item_id: rule.item,
            keyword: rule.keyword,
            matching: rule.matching,
            any_of: rule.any_of,
            all_of: rule.all_of,
            exclude: rule.exclude,
            replies: rule.replies,
            once: rule.once,
            priority: rule.priority,
            enabled: rule.enabled,
            created_at: rule.created_at,
        }
    }
}

impl From<Rule> for DefaultReplyView {
    fn from(rule: Rule) -> Self {
        Self {
            id: rule.id,
            account_id: rule.account,
            item_id: rule.item,
            replies: rule.replies,
            once: rule.once,
            enabled: rule.enabled,
            created_at: rule.created_at,
        }
    }
}

fn contains() -> MatchBody {
    MatchBody::Contains
}

impl From<MatchBody> for Matching {
    fn from(body: MatchBody) -> Self {
        match body {
            MatchBody::Contains => Self::Contains,
            MatchBody::Exact => Self::Exact,
            MatchBody::Regex => Self::Regex,
        }
    }
}

fn account(number: Option<Number>) -> Option<AccountId> {
    number.map(|number| AccountId(number.get()))
}

fn words(words: Words) -> Vec<String> {
    words.into_vec().into_iter().map(Line::into_string).collect()
}

fn replies(bodies: Replies) -> Vec<Reply> {
    let reply = |body| match body {
        ReplyBody::Text(text) => Reply::Text(text.into_string()),
        ReplyBody::Image(url) => Reply::Image(url.into_string()),
    };
    bodies.into_vec().into_iter().map(reply).collect()
}

fn priority(number: Option<Priority>) -> i32 {
    // The type bounds it.
    number.and_then(|number| i32::try_from(number.get()).ok()).unwrap_or(0)
}

impl NewKeyword {
    fn rule(self) -> NewRule {
        NewRule {
            account: account(self.account_id),
            item: self.item_id.map(|id| id.into_string().into()),
            matching: self.matching.into(),
            keyword: self.keyword.into_string(),
            any_of: words(self.any_of),
            all_of: words(self.all_of),
            exclude: words(self.exclude),
            replies: replies(self.replies),
            once: self.once,
            priority: priority(self.priority),
            enabled: self.enabled.unwrap_or(true),
        }
    }
}

impl NewDefaultReply {
    fn rule(self) -> NewRule {
        NewRule {
            account: account(self.account_id),
            item: self.item_id.map(|id| id.into_string().into()),
            matching: Matching::Default,
            keyword: String::new(),
            any_of: Vec::new(),
            all_of: Vec::new(),
            exclude: Vec::new(),
            replies: replies(self.replies),
            once: self.once,
            priority: 0,
            enabled: self.enabled.unwrap_or(true),
        }
    }
}

impl KeywordPatch {
    fn apply(self, old: Rule) -> NewRule {
        NewRule {
            account: self.account_id.map(|id| AccountId(id.get())).or(old.account),
            item: self.item_id.map(|id| ItemId::from(id.into_string())).or(old.item),
            matching: self.matching.map_or(old.matching, Matching::from),
            keyword: self.keyword.map_or(old.keyword, Text::into_string),
            any_of: self.any_of.map_or(old.any_of, words),
            all_of: self.all_of.map_or(old.all_of, words),
            exclude: self.exclude.map_or(old.exclude, words),
            replies: self.replies.map_or(old.replies, replies),
            once: self.once.unwrap_or(old.once),
            priority: self.priority.map_or(old.priority, |number| priority(Some(number))),
            enabled: self.enabled.unwrap_or(old.enabled),
        }
    }
}

impl DefaultReplyPatch {
    fn apply(self, old: Rule) -> NewRule {
        NewRule {
            account: self.account_id.map(|id| AccountId(id.get())).or(old.account),
            item: self.item_id.map(|id| ItemId::from(id.into_string())).or(old.item),
            replies: self.replies.map_or(old.replies, replies),
            once: self.once.unwrap_or(old.once),
            enabled: self.enabled.unwrap_or(old.enabled),
            matching: old.matching,
            keyword: old.keyword,
            any_of: old.any_of,
            all_of: old.all_of,
            exclude: old.exclude,
            priority: old.priority,
        }
    }
}

/// Names the field of the body for which this was not saved.
fn refusal(reason: NotSaved, new: &NewRule) -> ApiError {
    match reason {
        NotSaved::NotFound => ApiError::from(Code::NotFound).at("account_id"),
        NotSaved::Forbidden => ApiError::from(Code::Forbidden).at("account_id"),
        NotSaved::Exists(twin) => ApiError::from(Code::Conflict).at(shared(new)).with("id", twin.0),
    }
}

/// The field that twins share. A default reply has no keyword.
fn shared(new: &NewRule) -> &'static str {
    match (new.matching, &new.item) {
        (Matching::Default, Some(_)) => "item_id",
        (Matching::Default, None) => "account_id",
        (Matching::Contains | Matching::Exact | Matching::Regex, _) => "keyword",
    }
}

/// Asks the matcher itself, off the arbiters: what is stored can be matched, and pictures have addresses.
async fn check(new: NewRule) -> ApiResult<NewRule> {
    for (place, reply) in new.replies.iter().enumerate() {
        let Reply::Image(url) = reply else { continue };
        let said = if PictureId::is_named_by(url) {
            PictureId::of_address(url).is_none().then(pictures::no_such_picture)
        } else {
            let reason = endpoint(url, ["http", "https"]).err();
            reason.map(|reason| Said::new("须为 http:// 或 https:// 开头的地址，或已上传的图片", reason))
        };
        if let Some(said) = said {
            return Err(ApiError::field(place_of(place), said));
        }
    }
    let tried = Arc::new(tried(&new));
    let faults = block(move || Library::compile(&[tried]).faults()).await.map_err(|_| Code::Internal)?;
    match faults.into_iter().next() {
        Some(fault) => Err(ApiError::field("keyword", super::rule_faults::said(fault.text))),
        None => Ok(new),
    }
}

fn place_of(reply: usize) -> String {
    format!("replies[{reply}].image")
}

/// Refuses uploaded pictures that the seller does not have.
fn check_pictures(conn: &mut DbConn, caller: &Caller, new: &NewRule) -> QueryResult<ApiResult<()>> {
    for (place, reply) in new.replies.iter().enumerate() {
        let Reply::Image(url) = reply else { continue };
        let Some(id) = PictureId::of_address(url) else { continue };
        if let Err(refusal) = pictures::check_one(conn, caller, &id, || place_of(place))? {
            return Ok(Err(refusal));
        }
    }
    Ok(Ok(()))
}

fn tried(new: &NewRule) -> Rule {
    Rule {
        id: RuleId(0),
        account: None,
        item: new.item.clone(),
        matching: new.matching,
        keyword: new.keyword.clone(),
        any_of: new.any_of.clone(),
        all_of: new.all_of.clone(),
        exclude: new.exclude.clone(),
        replies: new.replies.clone(),
        once: new.once,
        priority: new.priority,
        enabled: true,
        created_at: Timestamp(0),
    }
}

async fn read_page(app: &AppState, caller: &Caller, query: KeywordsQuery, kind: Kind) -> ApiResult<(Vec<Rule>, i64)> {
    let paging = Paging::new(query.page, query.per_page);
    let everywhere = query.global.unwrap_or(false).then_some(Reach::Everywhere);
    let filter = Filter {
        reach: account(query.account).map(Reach::In).or(everywhere),
        item: query.item.map(|id| id.into_string().into()),
        kind: Some(kind),
        matching: query.matching.map(Matching::from),
        text: query.q.map(Line::into_string),
        enabled: query.enabled,
    };
    let scope = caller.scope;
    let page = move |conn: &mut DbConn| rules::page(conn, &scope, &filter, paging.part());
    let (loaded, total) = app.turns.read(&app.store, page).await?;
    Ok((loaded.rules, total))
}

/// A rule of this kind, or nothing: a default reply is no keyword.
fn of_kind(conn: &mut DbConn, caller: &Caller, id: RuleId, kind: Kind) -> QueryResult<Option<Rule>> {
    let rule = rules::get(conn, &caller.scope, id)?;
    let is_default = rule.matching == Matching::Default;
    Ok((is_default == (kind == Kind::DefaultReply)).then_some(rule))
}

async fn read_one(app: &AppState, caller: &Caller, id: RuleId, kind: Kind) -> ApiResult<Rule> {
    let caller = caller.clone();
    app.store.read(move |conn| of_kind(conn, &caller, id, kind)).await?.ok_or_else(|| Code::NotFound.into())
}

async fn add<V: From<Rule> + Serialize>(
    app: &AppState,
    caller: Caller,
    new: NewRule,
    action: &'static str,
) -> ApiResult<V> {
    let (new, now) = (check(new).await?, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<Rule>> {
        let scope = caller.scope;
        if let Err(refusal) = check_pictures(conn, &caller, &new)? {
            return Ok(Err(refusal));
        }
        let id = match rules::insert(conn, &scope, &new, now)? {
            Ok(id) => id,
            Err(reason) => return Ok(Err(refusal(reason, &new))),
        };
        let rule = rules::get(conn, &scope, id)?;
        let deed = Deed::new(action, id).of(scope.user()).after(V::from(rule.clone()));
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(rule))
    };
    let rule = app.store.write(job).await??;
    super::accounts::notice(app);
    Ok(V::from(rule))
}

async fn change<V: From<Rule> + Serialize>(
    app: &AppState,
    caller: Caller,
    id: RuleId,
    wanted: Option<String>,
    (kind, action): (Kind, &'static str),
    apply: impl FnOnce(Rule) -> NewRule,
) -> ApiResult<V> {
    let old = read_one(app, &caller, id, kind).await?;
    let before = V::from(old.clone());
    tag::check(wanted.as_deref(), &before)?;
    let (seen, new, now) = (tag::of(&before), check(apply(old)).await?, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<Rule>> {
        let scope = caller.scope;
        // Between reading and writing somebody else may have come.
        let before = V::from(rules::get(conn, &scope, id)?);
        if tag::of(&before) != seen {
            return Ok(Err(tag::changed()));
        }
        if let Err(refusal) = check_pictures(conn, &caller, &new)? {
            return Ok(Err(refusal));
        }
        if let Err(reason) = rules::replace(conn, &scope, id, &new, now)? {
            return Ok(Err(refusal(reason, &new)));
        }
        let rule = rules::get(conn, &scope, id)?;
        let deed = Deed::new(action, id).of(scope.user()).before(before).after(V::from(rule.clone()));
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(rule))
    };
    let rule = app.store.write(job).await??;
    super::accounts::notice(app);
    Ok(V::from(rule))
}

async fn remove<V: From<Rule> + Serialize>(
    app: &AppState,
    caller: Caller,
    id: RuleId,
    (kind, action): (Kind, &'static str),
) -> ApiResult<HttpResponse> {
    let now = clock::unix();
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<()>> {
        let scope = caller.scope;
        let Some(rule) = of_kind(conn, &caller, id, kind)? else { return Ok(Err(Code::NotFound.into())) };
        if rules::delete(conn, &scope, id)?.is_err() {
            // It is there: it was read just now.
            return Ok(Err(Code::Forbidden.into()));
        }
        let deed = Deed::new(action, id).of(scope.user()).before(V::from(rule));
        audit::record(conn, &caller.actor(), &deed, now).map(Ok)
    };
    app.store.write(job).await??;
    super::accounts::notice(app);
    Ok(HttpResponse::NoContent().finish())
}

/// Keyword rules, those with the highest priority first.
#[utoipa::path(get, path = "/api/v1/keywords", tag = "keywords", params(KeywordsQuery), responses((status = 200, body = Page<KeywordView>)))]
pub async fn list(
    caller: Caller,
    query: Query<KeywordsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<KeywordView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let (rules, total) = read_page(&app, &caller, query.0, Kind::Keyword).await?;
    Ok(Json(paging.answer(rules.into_iter().map(KeywordView::from).collect(), total)))
}

/// One keyword rule.
#[utoipa::path(get, path = "/api/v1/keywords/{id}", tag = "keywords", params(("id" = i64, Path)), responses((status = 200, body = KeywordView)))]
pub async fn get(caller: Caller, id: Id<RuleId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let rule = read_one(&app, &caller, id.0, Kind::Keyword).await?;
    Ok(tag::answer(HttpResponse::Ok(), &KeywordView::from(rule)))
}

/// Adds a keyword rule. It answers from then on, within a second.
#[utoipa::path(post, path = "/api/v1/keywords", tag = "keywords", request_body = NewKeyword, responses((status = 201, body = KeywordView)))]
pub async fn create(caller: Caller, body: Body<NewKeyword>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let view: KeywordView = add(&app, caller, body.0.rule(), "keyword.create").await?;
    Ok(tag::answer(HttpResponse::Created(), &view))
}

/// Changes what is given and leaves the rest. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/keywords/{id}", tag = "keywords", request_body = KeywordPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = KeywordView), (status = 412, body = super::super::error::ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    id: Id<RuleId>,
    request: HttpRequest,
    body: Body<KeywordPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let wanted = if_match(request.headers())?;
    let what = (Kind::Keyword, "keyword.update");
    let view: KeywordView = change(&app, caller, id.0, wanted, what, |old| body.0.apply(old)).await?;
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Removes a keyword rule.
#[utoipa::path(delete, path = "/api/v1/keywords/{id}", tag = "keywords", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<RuleId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    remove::<KeywordView>(&app, caller, id.0, (Kind::Keyword, "keyword.delete")).await
}

/// Default replies.
#[utoipa::path(get, path = "/api/v1/default-replies", tag = "default replies", params(DefaultRepliesQuery), responses((status = 200, body = Page<DefaultReplyView>)))]
pub async fn list_defaults(
    caller: Caller,
    query: Query<DefaultRepliesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<DefaultReplyView>>> {
    let paging = Paging::new(query.0.page, query.0.per_page);
    let (rules, total) = read_page(&app, &caller, query.0.into(), Kind::DefaultReply).await?;
    Ok(Json(paging.answer(rules.into_iter().map(DefaultReplyView::from).collect(), total)))
}

/// One default reply.
#[utoipa::path(get, path = "/api/v1/default-replies/{id}", tag = "default replies", params(("id" = i64, Path)), responses((status = 200, body = DefaultReplyView)))]
pub async fn get_default(caller: Caller, id: Id<RuleId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let rule = read_one(&app, &caller, id.0, Kind::DefaultReply).await?;
    Ok(tag::answer(HttpResponse::Ok(), &DefaultReplyView::from(rule)))
}

/// Adds the default reply of an account, an item, or of everything.
#[utoipa::path(post, path = "/api/v1/default-replies", tag = "default replies", request_body = NewDefaultReply, responses((status = 201, body = DefaultReplyView)))]
pub async fn create_default(
    caller: Caller,
    body: Body<NewDefaultReply>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let view: DefaultReplyView = add(&app, caller, body.0.rule(), "default_reply.create").await?;
    Ok(tag::answer(HttpResponse::Created(), &view))
}

/// Changes what is given and leaves the rest. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/default-replies/{id}", tag = "default replies", request_body = DefaultReplyPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = DefaultReplyView), (status = 412, body = super::super::error::ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update_default(
    caller: Caller,
    id: Id<RuleId>,
    request: HttpRequest,
    body: Body<DefaultReplyPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let wanted = if_match(request.headers())?;
    let what = (Kind::DefaultReply, "default_reply.update");
    let view: DefaultReplyView = change(&app, caller, id.0, wanted, what, |old| body.0.apply(old)).await?;
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Removes a default reply.
#[utoipa::path(delete, path = "/api/v1/default-replies/{id}", tag = "default replies", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete_default(caller: Caller, id: Id<RuleId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    remove::<DefaultReplyView>(&app, caller, id.0, (Kind::DefaultReply, "default_reply.delete")).await
}
