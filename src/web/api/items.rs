//! `/api/v1/items`: what accounts sell, as the platform tells it, and the page of each that its seller writes. An item is numbered within
//! its account: `/api/v1/items/ACCOUNT/ITEM`.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, Said},
    gate::Caller,
    input::{Body, Change, Id, Line, NoBody, Query, Text, Whole, given, if_match, whole},
    page::{Page, PageNumber, Paging, PerPage},
    tag,
};
use crate::{
    ids::{AccountId, BuyerId, Fen, ItemId, RuleId, Timestamp},
    item::{
        agenda::day,
        messages::{ItemsWanted, NotPolished, PolishNow},
        progress::SyncState,
    },
    platform::mtop::item::{ItemStatus, Spec},
    reply::rule::Rule,
    store::{
        DbConn, QueryResult, accounts,
        audit::{self, Deed},
        item_syncs::{self, Sync},
        items::{self, Edit, Filter, Item},
        rules::{self, Kind},
    },
    telemetry::clock,
};

/// Whether an item can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusBody {
    OnSale,
    /// Taken down, or sold.
    OffSale,
    /// The platform does not know it any more.
    Gone,
    /// Nobody has said.
    Unknown,
}

impl From<StatusBody> for ItemStatus {
    fn from(body: StatusBody) -> Self {
        match body {
            StatusBody::OnSale => Self::OnSale,
            StatusBody::OffSale => Self::OffSale,
            StatusBody::Gone => Self::Gone,
            StatusBody::Unknown => Self::Unknown,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ItemsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// Only what can, or cannot, be bought in this way.
    #[param(inline)]
    status: Option<StatusBody>,
    /// `true`: only what is in the account's list; `false`: only what is not.
    listed: Option<bool>,
    /// Occurs in the title, or is the item's number.
    #[param(inline)]
    q: Option<Line<1, 64>>,
}

/// One of the things that an item is sold as.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SpecView {
    /// As the platform numbers it.
    #[schema(example = "1")]
    pub(in crate::web) id: String,
    pub(in crate::web) properties: Vec<PropertyView>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) price_fen: Option<Fen>,
    pub(in crate::web) stock: Option<i64>,
}

/// Such as the colour black.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PropertyView {
    #[schema(example = "颜色")]
    pub(in crate::web) name: String,
    #[schema(example = "黑")]
    pub(in crate::web) value: String,
}

impl PropertyView {
    pub(super) fn list(pairs: Vec<(String, String)>) -> Vec<Self> {
        pairs.into_iter().map(|(name, value)| Self { name, value }).collect()
    }
}

impl From<Spec> for SpecView {
    fn from(spec: Spec) -> Self {
        let properties = PropertyView::list(spec.properties);
        Self { id: spec.id, properties, price_fen: spec.price, stock: spec.stock }
    }
}

/// An item: what the platform tells, and what its seller adds.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ItemView {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// As the platform numbers it.
    #[schema(value_type = String)]
    pub(in crate::web) item_id: ItemId,
    /// As the platform numbers people. Where it is not the account itself, the item was bought, or asked about, by the account.
    #[schema(value_type = String, example = "2200000000001")]
    pub(in crate::web) seller_id: BuyerId,
    /// Empty where it is not known yet.
    #[schema(example = "二手相机")]
    pub(in crate::web) title: String,
    #[schema(example = "九成新，功能正常")]
    pub(in crate::web) description: String,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) price_fen: Option<Fen>,
    pub(in crate::web) specs: Vec<SpecView>,
    /// Pieces left, of all specs together.
    pub(in crate::web) stock: Option<i64>,
    #[schema(value_type = StatusBody, inline)]
    pub(in crate::web) status: ItemStatus,
    /// On the platform.
    pub(in crate::web) picture_url: Option<String>,
    /// In the account's list when that was last read.
    pub(in crate::web) listed: bool,
    /// When everything about it was last read; `null`: not yet.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) detail_fetched_at: Option<Timestamp>,
    /// When the platform last told something new.
    #[schema(value_type = i64)]
    pub(in crate::web) changed_at: Timestamp,
    /// What a model may know of it besides what the platform tells.
    #[schema(example = "快门约 5,000 次，送两块电池")]
    pub(in crate::web) ai_facts: String,
    /// No offer goes below.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) floor_fen: Option<Fen>,
    /// Each spec is delivered from a stock of its own.
    pub(in crate::web) multi_spec: bool,
    /// Who buys several pieces gets several units.
    pub(in crate::web) multi_quantity: bool,
    /// Polished once a day.
    pub(in crate::web) polish: bool,
    pub(in crate::web) polished_today: bool,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) polish_tried_at: Option<Timestamp>,
    /// Why the last try was refused, in the platform's words.
    pub(in crate::web) polish_error: Option<String>,
}

impl From<&Item> for ItemView {
    fn from(item: &Item) -> Self {
        Self {
            account_id: item.account,
            item_id: item.item.clone(),
            seller_id: item.seller.clone(),
            title: item.title.clone(),
            description: item.description.clone(),
            price_fen: item.price,
            specs: item.specs().into_iter().map(SpecView::from).collect(),
            stock: item.stock,
            status: item.status,
            picture_url: item.picture_url.clone(),
            listed: item.listed,
            detail_fetched_at: item.detail_fetched_at,
            changed_at: item.changed_at,
            ai_facts: item.ai_facts.clone(),
            floor_fen: item.floor,
            multi_spec: item.multi_spec,
            multi_quantity: item.multi_quantity,
            polish: item.polish,
            polished_today: item.polished_day == Some(day(clock::unix())),
            polish_tried_at: item.polish_tried_at,
            polish_error: item.polish_error.clone(),
        }
    }
}

/// Everything on the page of an item.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ItemPageView {
    #[serde(flatten)]
    pub(in crate::web) item: ItemView,
    /// Keyword rules for this item alone, as `/api/v1/keywords` numbers them.
    #[schema(value_type = Vec<i64>)]
    pub(in crate::web) keyword_ids: Vec<RuleId>,
    /// The default reply for this item alone, as `/api/v1/default-replies` numbers it; `null`: the account's counts.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) default_reply_id: Option<RuleId>,
}

/// What the seller writes on an item's page; what is absent stays. No reading of the platform changes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ai_facts": "快门约 5,000 次", "floor_fen": 10000, "polish": true}))]
pub struct ItemPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    ai_facts: Option<Text<0, 4000>>,
    /// `null`: no floor.
    #[serde(default)]
    #[schema(inline)]
    floor_fen: Change<Whole<0, 1_000_000_000_000>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    multi_spec: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    multi_quantity: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    polish: Option<bool>,
}

impl ItemPatch {
    pub(super) fn edit(self) -> Edit {
        Edit {
            ai_facts: self.ai_facts.map(Text::into_string),
            floor: self.floor_fen.map(|floor| Fen(floor.get())).into_option(),
            multi_spec: self.multi_spec,
            multi_quantity: self.multi_quantity,
            polish: self.polish,
        }
    }
}

/// How the reading of an account's list stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SyncView {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    #[schema(inline)]
    pub(in crate::web) state: SyncState,
    /// The last page that was read.
    pub(in crate::web) page: i64,
    /// Items on all pages so far.
    pub(in crate::web) done: i64,
    /// How many there are, once that is known.
    pub(in crate::web) total: Option<i64>,
    /// Items of the account of which not everything has been read yet.
    pub(in crate::web) details_left: i64,
    pub(in crate::web) error: Option<String>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) queued_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) started_at: Option<Timestamp>,
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) finished_at: Option<Timestamp>,
    /// When a list was last read to its end.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) synced_at: Option<Timestamp>,
}

impl SyncView {
    fn of(sync: Sync, details_left: i64) -> Self {
        let Sync { account, state, page, done, total, error, queued_at, started_at, finished_at, synced_at } = sync;
        Self {
            account_id: account,
            state,
            page,
            done,
            total,
            details_left,
            error,
            queued_at,
            started_at,
            finished_at,
            synced_at,
        }
    }
}

/// An item as an address names it: account and number. What is none is the address of nothing.
#[derive(Debug, Clone)]
pub struct ItemKey {
    pub(in crate::web) account: AccountId,
    pub(in crate::web) item: ItemId,
}

impl ItemKey {
    fn parse(account: &str, item: &str) -> Option<Self> {
        let plain = (1..=64).contains(&item.len()) && item.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then_some(Self { account: AccountId(whole(account)?), item: item.into() })
    }

    fn name(&self) -> String {
        format!("{}.{}", self.account, self.item)
    }
}

impl FromRequest for ItemKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let part = |name| request.match_info().get(name).unwrap_or_default();
        ready(Self::parse(part("account"), part("item")).ok_or_else(|| Code::NotFound.into()))
    }
}

impl From<NotPolished> for ApiError {
    fn from(reason: NotPolished) -> Self {
        match reason {
            NotPolished::NotRunning(status) => Self::from(Code::AccountNotRunning)
                .with("state", status.state.as_str())
                .with("reason", status.reason.as_str()),
            NotPolished::Unavailable => Code::EngineUnavailable.into(),
            NotPolished::Stopped => Code::Stopped.into(),
            NotPolished::TooFast(seconds) => Self::from(Code::TooManyRequests).retry_after(seconds),
            NotPolished::Refused(why) => Self::from(Code::PlatformRefused).because(Said::new(why.clone(), why)),
            NotPolished::Failed(_) => Code::OutcomeUnknown.into(),
        }
    }
}

/// What the accounts sell, what is listed first, the newest change first.
#[utoipa::path(get, path = "/api/v1/items", tag = "items", params(ItemsQuery), responses((status = 200, body = Page<ItemView>)))]
pub async fn list(caller: Caller, query: Query<ItemsQuery>, app: Data<AppState>) -> ApiResult<Json<Page<ItemView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())),
        text: query.q.map(Line::into_string),
        status: query.status.map(ItemStatus::from),
        listed: query.listed,
    };
    let page = move |conn: &mut DbConn| items::page(conn, &caller.scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(rows.iter().map(ItemView::from).collect(), total)))
}

/// The rules that hold for this item and no other, in this account.
fn rules_of(conn: &mut DbConn, caller: &Caller, item: &Item) -> QueryResult<Vec<Rule>> {
    let filter = rules::Filter { item: Some(item.item.clone()), ..rules::Filter::default() };
    let (loaded, _) = rules::page(conn, &caller.scope, &filter, crate::store::Page::first(1000))?;
    let here = |rule: &Rule| {
        let Rule { body, .. } = rule;
        let is_of = body.accounts.is_empty() || body.accounts.contains(&item.account);
        body.account.is_none_or(|account| account == item.account) && is_of
    };
    Ok(loaded.rules.into_iter().filter(here).collect())
}

fn page_of(item: &Item, rules: Vec<Rule>) -> ItemPageView {
    let (defaults, others): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| rule.body.is_default_reply());
    let keywords = others.into_iter().filter(|rule| Kind::of(&rule.body) == Kind::Keyword);
    // The account's own goes before one for all accounts.
    let enabled = defaults.into_iter().filter(|rule| rule.body.enabled);
    let default = enabled.min_by_key(|rule| (rule.body.account.is_none(), rule.id));
    ItemPageView {
        item: item.into(),
        keyword_ids: keywords.map(|rule| rule.id).collect(),
        default_reply_id: default.map(|rule| rule.id),
    }
}

/// Everything on the page of an item.
#[utoipa::path(get, path = "/api/v1/items/{account}/{item}", tag = "items",
    params(("account" = i64, Path, description = "The number of the account"), ("item" = String, Path, description = "The platform's number of the item")),
    responses((status = 200, body = ItemPageView)))]
pub async fn get(caller: Caller, key: ItemKey, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let view = shown(&app, &caller, &key).await?;
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

pub(in crate::web) async fn shown(app: &AppState, caller: &Caller, key: &ItemKey) -> ApiResult<ItemPageView> {
    let (caller, key) = (caller.clone(), key.clone());
    let known = app.store.item(key.account, &key.item).await?;
    let read = move |conn: &mut DbConn| {
        accounts::get(conn, &caller.scope, key.account)?;
        let Some(item) = known else { return Ok(None) };
        let rules = rules_of(conn, &caller, &item)?;
        Ok(Some(page_of(&item, rules)))
    };
    app.store.read(read).await?.ok_or_else(|| Code::NotFound.into())
}

/// Changes an item, with its line in the audit.
pub(super) fn write_edit(
    conn: &mut DbConn,
    caller: &Caller,
    before: &Item,
    edit: &Edit,
    now: Timestamp,
) -> QueryResult<Item> {
    let (scope, key) = (caller.scope, ItemKey { account: before.account, item: before.item.clone() });
    items::edit(conn, &scope, key.account, &key.item, edit)?;
    let after = items::get(conn, &scope, key.account, &key.item)?;
    let (was, is) = (ItemView::from(before), ItemView::from(&after));
    let deed = Deed::new("item.update", key.name()).of(scope.user()).before(was).after(is);
    audit::record(conn, &caller.actor(), &deed, now)?;
    Ok(after)
}

/// Changes what the seller writes on an item's page. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/items/{account}/{item}", tag = "items", request_body = ItemPatch,
    params(("account" = i64, Path, description = "The number of the account"), ("item" = String, Path, description = "The platform's number of the item"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = ItemPageView), (status = 412, body = super::super::error::ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    key: ItemKey,
    request: HttpRequest,
    body: Body<ItemPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (wanted, edit, now) = (if_match(request.headers())?, body.0.edit(), clock::unix());
    let account = key.account;
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<ItemPageView>> {
        let scope = caller.scope;
        let item = items::get(conn, &scope, key.account, &key.item)?;
        let rules = rules_of(conn, &caller, &item)?;
        let before = page_of(&item, rules.clone());
        if let Err(refusal) = tag::check(wanted.as_deref(), &before) {
            return Ok(Err(refusal));
        }
        Ok(Ok(page_of(&write_edit(conn, &caller, &item, &edit, now)?, rules)))
    };
    let view = app.store.write_items(account, job).await??;
    // Lost only with the registry; the account looks at its agenda once an hour anyway.
    app.registry.get().do_send(ItemsWanted(account));
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Polishes an item on the platform now, once a day. What was polished before today is as good. Refused while a stop switch is on.
#[utoipa::path(post, path = "/api/v1/items/{account}/{item}/polish", tag = "items",
    params(("account" = i64, Path, description = "The number of the account"), ("item" = String, Path, description = "The platform's number of the item")),
    responses((status = 200, body = ItemPageView)))]
pub async fn polish(caller: Caller, key: ItemKey, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let wanted = key.clone();
    let scope = caller.scope;
    let look = move |conn: &mut DbConn| {
        let item = items::get(conn, &scope, wanted.account, &wanted.item)?;
        let own = accounts::get(conn, &scope, wanted.account)?.uid == item.seller;
        Ok((item, own))
    };
    let (item, own) = app.store.read(look).await?;
    if !own {
        let said = Said::new("这不是该账号的宝贝", "the account does not sell this item");
        return Err(ApiError::from(Code::WrongState).because(said));
    }
    if item.polished_day != Some(day(clock::unix())) {
        let order = PolishNow { account: key.account, item: key.item.clone() };
        app.registry.get().send(order).await??;
    }
    let (name, now) = (key.name(), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ItemPageView> {
        let item = items::get(conn, &caller.scope, key.account, &key.item)?;
        let deed = Deed::new("item.polish", name).of(caller.scope.user());
        audit::record(conn, &caller.actor(), &deed, now)?;
        let rules = rules_of(conn, &caller, &item)?;
        Ok(page_of(&item, rules))
    };
    let view = app.store.write(job).await.map_err(ApiError::after_the_deed)?;
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Reads the account's list of items anew, as soon as the account is connected. One reading at a time: asked again, it is the same one.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/items/sync", tag = "items", params(("id" = i64, Path)), responses((status = 202, body = SyncView, description = "It runs, or will")))]
pub async fn sync(caller: Caller, id: Id<AccountId>, _: NoBody, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (account, now) = (id.0, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<SyncView> {
        let scope = caller.scope;
        let queued = item_syncs::queue(conn, &scope, account, now)?;
        let deed = Deed::new("items.sync", account).of(scope.user());
        audit::record(conn, &caller.actor(), &deed, now)?;
        let left = items::count_without_detail(conn, &scope, account)?;
        Ok(SyncView::of(queued, left))
    };
    let view = app.store.write(job).await?;
    // Lost only with the registry; the account looks at its agenda once an hour anyway.
    app.registry.get().do_send(ItemsWanted(account));
    Ok(HttpResponse::Accepted().json(view))
}

/// How the reading of the account's list stands.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/items/sync", tag = "items", params(("id" = i64, Path)), responses((status = 200, body = SyncView)))]
pub async fn progress(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<Json<SyncView>> {
    let read = move |conn: &mut DbConn| {
        let sync = item_syncs::get(conn, &caller.scope, id.0)?;
        let left = items::count_without_detail(conn, &caller.scope, id.0)?;
        Ok(SyncView::of(sync, left))
    };
    Ok(Json(app.store.read(read).await?))
}
