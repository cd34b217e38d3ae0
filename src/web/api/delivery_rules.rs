//! `/api/v1/delivery-rules`: which orders get which cards. Rules belong to the whole owner, as do cards: who sees only some accounts sees and
//! changes none.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, ErrorBody, Said},
        gate::Caller,
        input::{Body, Change, Few, Id, Line, Query, Text, Whole, given, if_match},
        page::{Page, PageNumber, Paging, PerPage},
        tag,
    },
    windows,
};
use crate::{
    delivery::{
        messages::DeliveriesDue,
        rule::{self, Quantity, SPECS, Target},
    },
    ids::{AccountId, CardId, DeliveryRuleId, ItemId, Timestamp},
    store::{
        DbConn, Page as Part, QueryResult, Scope, accounts,
        audit::{self, Deed},
        deliveries,
        delivery_rules::{self, Draft, Filter, Row, Unknown},
    },
    telemetry::clock,
};

type Account = Whole<1, { i64::MAX }>;
type Card = Whole<1, { i64::MAX }>;
type Item = Line<1, 64>;
type Keyword = Line<1, 64>;
type Value = Line<1, 100>;
type Priority = Whole<-1000, 1000>;
type Delay = Whole<0, 3600>;
type PerDay = Whole<1, 1_000_000>;
type Note = Text<0, 500>;

/// Cards that one rule may give, at most.
const MOST_CARDS: usize = 10;
/// So many rules an owner may have: those with keywords are all looked at for an order.
const MOST: i64 = 2000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeliveryRulesQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only rules of exactly this account.
    #[param(inline)]
    account: Option<Account>,
    /// Only rules that name this item.
    #[param(inline)]
    item: Option<Item>,
    /// Only rules that give this card.
    #[param(inline)]
    card: Option<Card>,
}

/// A stretch of every day, in the platform's time (UTC+8). One that ends before it begins goes past midnight.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "09:00", "to": "23:00"}))]
pub struct DeliveryHoursBody {
    #[schema(inline)]
    from: Line<5, 5>,
    #[schema(inline)]
    to: Line<5, 5>,
}

/// A rule to be. It is about one item, or about every item whose title contains a keyword.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"item_id": "900000000001", "spec": ["黑"], "cards": [1]}))]
pub struct NewDeliveryRuleBody {
    /// Absent or `null`: in all accounts.
    #[schema(inline)]
    account_id: Option<Account>,
    /// Either this or `keyword`.
    #[schema(inline)]
    item_id: Option<Item>,
    #[schema(inline)]
    keyword: Option<Keyword>,
    /// The values of the specification, in any order; `[]`: only what has none. Absent or `null`: whatever it is.
    #[schema(value_type = Option<Vec<String>>, max_items = 2)]
    spec: Option<Few<Value, SPECS>>,
    /// 0 where nothing is said; the higher is asked first.
    #[schema(inline)]
    priority: Option<Priority>,
    /// A new rule is enabled unless this says otherwise.
    enabled: Option<bool>,
    /// `piece` where nothing is said: a unit for each piece that was bought.
    #[schema(inline)]
    quantity: Option<Quantity>,
    /// Seconds after the payment; 0 where nothing is said.
    #[schema(inline)]
    delay_s: Option<Delay>,
    /// Orders a day; absent or `null`: no limit.
    #[schema(inline)]
    per_day: Option<PerDay>,
    /// Absent or `null`: around the clock.
    hours: Option<DeliveryHoursBody>,
    /// The numbers of the cards, given in this order.
    #[schema(value_type = Vec<i64>, min_items = 1, max_items = 10)]
    cards: Few<Card, MOST_CARDS>,
    #[schema(inline)]
    note: Option<Note>,
}

/// What may be changed of a rule; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": false}))]
pub struct DeliveryRulePatch {
    /// `null`: in all accounts.
    #[serde(default)]
    #[schema(inline)]
    account_id: Change<Account>,
    /// Takes the place of the keyword.
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    item_id: Option<Item>,
    /// Takes the place of the item.
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    keyword: Option<Keyword>,
    /// `null`: whatever it is.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 2)]
    spec: Change<Few<Value, SPECS>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    priority: Option<Priority>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    quantity: Option<Quantity>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    delay_s: Option<Delay>,
    /// `null`: no limit.
    #[serde(default)]
    #[schema(inline)]
    per_day: Change<PerDay>,
    /// `null`: around the clock.
    #[serde(default)]
    #[schema(value_type = Option<DeliveryHoursBody>)]
    hours: Change<DeliveryHoursBody>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<i64>>, min_items = 1, max_items = 10, nullable = false)]
    cards: Option<Few<Card, MOST_CARDS>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    note: Option<Note>,
}

/// A stretch of every day, in the platform's time (UTC+8).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeliveryHoursView {
    #[schema(example = "09:00")]
    pub(in crate::web) from: String,
    #[schema(example = "23:00")]
    pub(in crate::web) to: String,
}

/// Which orders get which cards. Where more than one rule fits an order, one that names the item goes before keywords, then one that names
/// the specification, then the higher priority, then the longer keyword, then one of the account before those of all, then the older one.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DeliveryRuleView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: DeliveryRuleId,
    /// `null`: in all accounts.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    #[schema(value_type = Option<String>)]
    pub(in crate::web) item_id: Option<ItemId>,
    pub(in crate::web) keyword: Option<String>,
    /// As values are compared: in small letters, of half width, with single blanks. `null`: whatever the specification.
    #[schema(example = json!(["黑"]))]
    pub(in crate::web) spec: Option<Vec<String>>,
    pub(in crate::web) priority: i64,
    pub(in crate::web) enabled: bool,
    #[schema(inline)]
    pub(in crate::web) quantity: Quantity,
    pub(in crate::web) delay_s: i64,
    pub(in crate::web) per_day: Option<i64>,
    pub(in crate::web) hours: Option<DeliveryHoursView>,
    #[schema(value_type = Vec<i64>)]
    pub(in crate::web) cards: Vec<CardId>,
    pub(in crate::web) note: String,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) updated_at: Timestamp,
}

impl From<Row> for DeliveryRuleView {
    fn from(Row { rule, note, updated_at }: Row) -> Self {
        let (item_id, keyword) = match rule.target {
            Target::Item(item) => (Some(item), None),
            Target::Keyword(keyword) => (None, Some(keyword)),
        };
        // Both are minutes of a day.
        let time = |minutes| windows::time(u16::try_from(minutes).unwrap_or(0));
        Self {
            id: rule.id,
            account_id: rule.account,
            item_id,
            keyword,
            spec: rule.spec,
            priority: rule.priority,
            enabled: rule.enabled,
            quantity: rule.quantity,
            delay_s: rule.delay_s,
            per_day: rule.per_day,
            hours: rule.hours.map(|(from, to)| DeliveryHoursView { from: time(from), to: time(to) }),
            cards: rule.cards,
            note,
            created_at: rule.created_at,
            updated_at,
        }
    }
}

fn read_hours(hours: &DeliveryHoursBody) -> ApiResult<(i64, i64)> {
    let read = |text: &str, field| windows::minutes(text).ok_or_else(|| windows::bad_time(field));
    let (from, to) = (read(&hours.from, "hours.from")?, read(&hours.to, "hours.to")?);
    if from == to {
        let said =
            Said::new("开始和结束不能相同；全天请留空", "must differ from `from`; leave hours out for the whole day");
        return Err(ApiError::field("hours.to", said));
    }
    Ok((from.into(), to.into()))
}

fn read_target(item: Option<Item>, keyword: Option<Keyword>, before: Option<Target>) -> ApiResult<Target> {
    match (item, keyword, before) {
        (Some(item), None, _) => Ok(Target::Item(item.into_string().into())),
        (None, Some(keyword), _) => Ok(Target::Keyword(keyword.into_string())),
        (None, None, Some(before)) => Ok(before),
        (Some(_), Some(_), _) | (None, None, None) => {
            let said = Said::new("商品 ID 和标题关键词须填写其中一个", "give either the item or a keyword");
            Err(ApiError::field("item_id", said))
        }
    }
}

fn read_spec(values: Few<Value, SPECS>) -> Vec<String> {
    values.iter().map(|value| rule::normal(value)).collect()
}

fn read_cards(cards: Few<Card, MOST_CARDS>) -> ApiResult<Vec<CardId>> {
    if cards.is_empty() {
        return Err(ApiError::field("cards", Said::new("至少选择一张卡券", "must name at least one card")));
    }
    Ok(cards.into_vec().into_iter().map(|card| CardId(card.get())).collect())
}

impl NewDeliveryRuleBody {
    fn draft(self) -> ApiResult<Draft> {
        Ok(Draft {
            account: self.account_id.map(|id| AccountId(id.get())),
            target: read_target(self.item_id, self.keyword, None)?,
            spec: self.spec.map(read_spec),
            priority: self.priority.map_or(0, Whole::get),
            enabled: self.enabled.unwrap_or(true),
            quantity: self.quantity.unwrap_or_default(),
            delay_s: self.delay_s.map_or(0, Whole::get),
            per_day: self.per_day.map(Whole::get),
            hours: self.hours.as_ref().map(read_hours).transpose()?,
            cards: read_cards(self.cards)?,
            note: self.note.map(Text::into_string).unwrap_or_default(),
        })
    }
}

impl DeliveryRulePatch {
    fn draft(self, before: Row) -> ApiResult<Draft> {
        let Row { rule, note, .. } = before;
        let hours = match self.hours {
            Change::Keep => rule.hours,
            Change::Clear => None,
            Change::Set(hours) => Some(read_hours(&hours)?),
        };
        Ok(Draft {
            account: self.account_id.map(|id| AccountId(id.get())).or(rule.account),
            target: read_target(self.item_id, self.keyword, Some(rule.target))?,
            spec: self.spec.map(read_spec).or(rule.spec),
            priority: self.priority.map_or(rule.priority, Whole::get),
            enabled: self.enabled.unwrap_or(rule.enabled),
            quantity: self.quantity.unwrap_or(rule.quantity),
            delay_s: self.delay_s.map_or(rule.delay_s, Whole::get),
            per_day: self.per_day.map(Whole::get).or(rule.per_day),
            hours,
            cards: self.cards.map_or(Ok(rule.cards), read_cards)?,
            note: self.note.map_or(note, Text::into_string),
        })
    }
}

/// Refuses an account and cards that the owner does not have.
pub(super) fn check(conn: &mut DbConn, scope: &Scope, draft: &Draft) -> QueryResult<ApiResult<()>> {
    let not_found = |field: String| Err(ApiError::from(Code::NotFound).at(field));
    Ok(match delivery_rules::unknown(conn, scope, draft)? {
        None => Ok(()),
        Some(Unknown::Account) => not_found("account_id".to_owned()),
        Some(Unknown::Card(place)) => not_found(format!("cards[{place}]")),
    })
}

/// Refuses so many new rules where there would be more than an owner may have.
pub(super) fn check_room(conn: &mut DbConn, scope: &Scope, new: i64) -> QueryResult<ApiResult<()>> {
    let (_, before) = delivery_rules::page(conn, scope, &Filter::default(), Part::first(1))?;
    if before + new <= MOST {
        return Ok(Ok(()));
    }
    let said = Said::new(format!("最多 {MOST} 条发货规则"), format!("no more than {MOST} delivery rules"));
    Ok(Err(ApiError::from(Code::Conflict).because(said)))
}

/// Adds what was [checked](check), with its line in the audit. Here and below: who may, was asked before.
pub(super) fn write_new(
    conn: &mut DbConn,
    caller: &Caller,
    draft: &Draft,
    now: Timestamp,
) -> QueryResult<DeliveryRuleView> {
    let scope = caller.scope;
    let id = delivery_rules::insert(conn, &scope, draft, now)?;
    let view = DeliveryRuleView::from(delivery_rules::get(conn, &scope, id)?);
    let deed = Deed::new("delivery_rule.create", id).of(scope.user()).after(&view);
    audit::record(conn, &caller.actor(), &deed, now)?;
    Ok(view)
}

pub(super) fn write_change(
    conn: &mut DbConn,
    caller: &Caller,
    before: Row,
    draft: &Draft,
    now: Timestamp,
) -> QueryResult<DeliveryRuleView> {
    let (scope, id) = (caller.scope, before.rule.id);
    delivery_rules::update(conn, &scope, id, draft, now)?;
    let view = DeliveryRuleView::from(delivery_rules::get(conn, &scope, id)?);
    let before = DeliveryRuleView::from(before);
    let deed = Deed::new("delivery_rule.update", id).of(scope.user()).before(before).after(&view);
    audit::record(conn, &caller.actor(), &deed, now)?;
    Ok(view)
}

pub(super) fn write_removal(conn: &mut DbConn, caller: &Caller, before: Row, now: Timestamp) -> QueryResult<()> {
    let (scope, id) = (caller.scope, before.rule.id);
    delivery_rules::delete(conn, &scope, id)?;
    let deed = Deed::new("delivery_rule.delete", id).of(scope.user()).before(DeliveryRuleView::from(before));
    audit::record(conn, &caller.actor(), &deed, now)
}

/// What waits for a rule, or for the time that one allows, is looked at again: whose deliveries are to be told.
pub(super) fn wake(conn: &mut DbConn, scope: &Scope, now: Timestamp) -> QueryResult<Vec<AccountId>> {
    deliveries::look_at_times_again(conn, scope.user(), now)?;
    wake_for_stock(conn, scope, now)
}

fn wake_for_stock(conn: &mut DbConn, scope: &Scope, now: Timestamp) -> QueryResult<Vec<AccountId>> {
    deliveries::look_again(conn, scope.user(), now)?;
    accounts::list_ids(conn, scope)
}

/// What waits for stock or for a card is looked at again.
pub(super) async fn look_again(app: &AppState, scope: Scope) -> ApiResult<()> {
    let now = clock::unix();
    let woken = app.store.write(move |conn| wake_for_stock(conn, &scope, now)).await;
    tell(app, &woken.map_err(ApiError::after_the_deed)?);
    Ok(())
}

/// The deliveries of these accounts are looked at. Lost only with the registry: what is due stands in the database.
pub(super) fn tell(app: &AppState, accounts: &[AccountId]) {
    let registry = app.registry.get();
    accounts.iter().for_each(|account| registry.do_send(DeliveriesDue(*account)));
}

/// The rules of deliveries, the newest first.
#[utoipa::path(get, path = "/api/v1/delivery-rules", tag = "delivery rules", params(DeliveryRulesQuery), responses((status = 200, body = Page<DeliveryRuleView>)))]
pub async fn list(
    caller: Caller,
    query: Query<DeliveryRulesQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<DeliveryRuleView>>> {
    let (query, scope) = (query.0, caller.whole()?);
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())),
        item: query.item.map(|item| item.into_string().into()),
        card: query.card.map(|card| CardId(card.get())),
    };
    let page = move |conn: &mut DbConn| delivery_rules::page(conn, &scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(rows.into_iter().map(DeliveryRuleView::from).collect(), total)))
}

/// One rule of deliveries.
#[utoipa::path(get, path = "/api/v1/delivery-rules/{id}", tag = "delivery rules", params(("id" = i64, Path)), responses((status = 200, body = DeliveryRuleView)))]
pub async fn get(caller: Caller, id: Id<DeliveryRuleId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &read(&app, &caller, id.0).await?))
}

pub(in crate::web) async fn read(app: &AppState, caller: &Caller, id: DeliveryRuleId) -> ApiResult<DeliveryRuleView> {
    let scope = caller.whole()?;
    let row = app.store.read(move |conn| delivery_rules::get(conn, &scope, id)).await?;
    Ok(DeliveryRuleView::from(row))
}

/// Adds a rule of deliveries. Orders that wait for one are looked at again.
#[utoipa::path(post, path = "/api/v1/delivery-rules", tag = "delivery rules", request_body = NewDeliveryRuleBody, responses((status = 201, body = DeliveryRuleView)))]
pub async fn create(caller: Caller, body: Body<NewDeliveryRuleBody>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (scope, draft, now) = (caller.whole()?, body.0.draft()?, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<_>> {
        if let Err(refusal) = check(conn, &scope, &draft)? {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = check_room(conn, &scope, 1)? {
            return Ok(Err(refusal));
        }
        let view = write_new(conn, &caller, &draft, now)?;
        Ok(Ok((view, wake(conn, &scope, now)?)))
    };
    let (view, accounts) = app.store.write(job).await??;
    tell(&app, &accounts);
    Ok(tag::answer(HttpResponse::Created(), &view))
}

/// Changes what is given and leaves the rest. With `If-Match` only if nobody changed it meanwhile. What was claimed by the rule stays as it
/// was claimed.
#[utoipa::path(patch, path = "/api/v1/delivery-rules/{id}", tag = "delivery rules", request_body = DeliveryRulePatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = DeliveryRuleView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    id: Id<DeliveryRuleId>,
    request: HttpRequest,
    body: Body<DeliveryRulePatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (id, scope, wanted, now) = (id.0, caller.whole()?, if_match(request.headers())?, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<_>> {
        let row = delivery_rules::get(conn, &scope, id)?;
        let before = DeliveryRuleView::from(row.clone());
        let drafted = tag::check(wanted.as_deref(), &before).and_then(|()| body.0.draft(row.clone()));
        let draft = match drafted {
            Ok(draft) => draft,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(refusal) = check(conn, &scope, &draft)? {
            return Ok(Err(refusal));
        }
        let view = write_change(conn, &caller, row, &draft, now)?;
        Ok(Ok((view, wake(conn, &scope, now)?)))
    };
    let (view, accounts) = app.store.write(job).await??;
    tell(&app, &accounts);
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Removes a rule of deliveries. What was claimed by it stays claimed.
#[utoipa::path(delete, path = "/api/v1/delivery-rules/{id}", tag = "delivery rules", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<DeliveryRuleId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (id, scope, now) = (id.0, caller.whole()?, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<Vec<AccountId>> {
        let row = delivery_rules::get(conn, &scope, id)?;
        write_removal(conn, &caller, row, now)?;
        wake(conn, &scope, now)
    };
    let accounts = app.store.write(job).await?;
    tell(&app, &accounts);
    Ok(HttpResponse::NoContent().finish())
}
