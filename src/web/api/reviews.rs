//! `/api/v1/reviews`: why orders wait for a person, and what that person chooses.

use std::time::Duration;

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{Body, Few, Id, Line, Query, Text, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    decisions::bad_key,
    delivery_rules::tell,
    key::{self, OrderKey},
    order_texts,
};
use crate::{
    delivery::{choice::Choice, review::Reason},
    ids::{AccountId, DeliveryMessageId, OrderId, ReviewId, Timestamp},
    order::{messages::ReadOrder, status::Cause},
    outbox::{
        entry::{NotSettled, PersonsWord, SendId},
        messages::{ActOnEntry, EntryAct, NotActed},
    },
    store::{
        DbConn, QueryResult, Scope,
        audit::{self, Deed},
        deliveries,
        order_actions::{self, Action},
        order_details, orders,
        reviews::{self, Decided, Filter, Row},
    },
    telemetry::clock,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReviewsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// `ACCOUNT.ORDER`.
    #[param(inline)]
    order: Option<Line<1, 90>>,
    /// Only what waits for this reason.
    #[param(inline)]
    reason: Option<Reason>,
    /// `true` where nothing is said: only what waits. `false`: only what was decided, or healed.
    open: Option<bool>,
}

/// Why an order waits, or waited, for a person.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReviewView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: ReviewId,
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// `ACCOUNT.ORDER`.
    #[schema(example = "12.2500000000000000001")]
    pub(in crate::web) order: String,
    #[schema(value_type = String)]
    pub(in crate::web) order_id: OrderId,
    #[schema(inline)]
    pub(in crate::web) reason: Reason,
    /// The same in words.
    pub(in crate::web) text: String,
    /// What is known, in the words of whoever knew it.
    pub(in crate::web) detail: Option<String>,
    /// What may be chosen; empty where it waits no more.
    #[schema(inline)]
    pub(in crate::web) choices: Vec<Choice>,
    #[schema(value_type = i64)]
    pub(in crate::web) opened_at: Timestamp,
    /// How long it waits, or waited, in seconds.
    pub(in crate::web) age_s: i64,
    /// `null`: it waits.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) closed_at: Option<Timestamp>,
    /// `healed`, `erased` with its buyer, or what was chosen.
    pub(in crate::web) resolution: Option<String>,
    pub(in crate::web) closed_by: Option<String>,
    pub(in crate::web) note: Option<String>,
}

/// What is to be done, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"choice": "arrived", "note": "买家已确认收到"}))]
pub struct ResolveBody {
    /// One of the review's `choices`.
    #[schema(inline)]
    choice: Choice,
    /// Why.
    note: Text<1, 500>,
    /// With `arrived` and `send_again` of messages in doubt: of which of them, as numbered in the order's `messages`; of all where none is named.
    /// The others still wait.
    #[serde(default)]
    #[schema(inline, nullable = false)]
    messages: Few<Whole<1, { i64::MAX }>, 100>,
}

impl ReviewView {
    pub(super) fn new(row: Row, language: Language, now: Timestamp) -> Self {
        let age: Duration = row.closed_at.unwrap_or(now).since(row.opened_at);
        let choices = if row.closed_at.is_none() { Choice::about(row.reason).to_vec() } else { Vec::new() };
        Self {
            id: row.id,
            account_id: row.account,
            order: key::order(row.account, &row.order),
            order_id: row.order,
            reason: row.reason,
            text: order_texts::reason(row.reason).in_language(language).to_owned(),
            detail: row.detail,
            choices,
            opened_at: row.opened_at,
            age_s: i64::try_from(age.as_secs()).unwrap_or(i64::MAX),
            closed_at: row.closed_at,
            resolution: row.resolution,
            closed_by: row.closed_by,
            note: row.note,
        }
    }
}

/// What waits for a person, the newest first.
#[utoipa::path(get, path = "/api/v1/reviews", tag = "reviews", params(ReviewsQuery), responses((status = 200, body = Page<ReviewView>)))]
pub async fn list(
    caller: Caller,
    query: Query<ReviewsQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<ReviewView>>> {
    let (query, language) = (query.0, caller.language);
    let paging = Paging::new(query.page, query.per_page);
    let key = query.order.as_deref().map(|text| OrderKey::parse(text).ok_or_else(bad_order_key)).transpose()?;
    let (account, order) = key.map_or((None, None), |key| (Some(key.account), Some(key.order)));
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())).or(account),
        order,
        reason: query.reason,
        open: Some(query.open.unwrap_or(true)),
    };
    let read = move |conn: &mut DbConn| reviews::page(conn, &caller.scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, read).await?;
    let now = clock::unix();
    let views = rows.into_iter().map(|row| ReviewView::new(row, language, now));
    Ok(Json(paging.answer(views.collect(), total)))
}

fn bad_order_key() -> ApiError {
    bad_key().because(Said::new("须为 账号.订单号", "must look like ACCOUNT.ORDER")).at("order")
}

/// One thing that waits, or waited, for a person.
#[utoipa::path(get, path = "/api/v1/reviews/{id}", tag = "reviews", params(("id" = i64, Path)), responses((status = 200, body = ReviewView)))]
pub async fn get(caller: Caller, id: Id<ReviewId>, app: Data<AppState>) -> ApiResult<Json<ReviewView>> {
    let language = caller.language;
    let row = app.store.read(move |conn| reviews::get(conn, &caller.scope, id.0)).await?;
    Ok(Json(ReviewView::new(row, language, clock::unix())))
}

/// A person decides. `by_hand`: they see to the whole order. `arrived`, `send_again`: what became of messages in doubt; what did not arrive,
/// or was never sent, is sent after the order was read again, also where the platform says by now that it is shipped. `look_again`: what stood in the way is mended. `try_again`: the platform, or the seller's own
/// program, is asked once more. Where the reason is still there afterwards, it waits again.
#[utoipa::path(post, path = "/api/v1/reviews/{id}/resolve", tag = "reviews", request_body = ResolveBody, params(("id" = i64, Path)), responses((status = 200, body = ReviewView)))]
pub async fn resolve(
    caller: Caller,
    id: Id<ReviewId>,
    body: Body<ResolveBody>,
    app: Data<AppState>,
) -> ApiResult<Json<ReviewView>> {
    let (ResolveBody { choice, note, messages }, scope, language) = (body.0, caller.scope, caller.language);
    let chosen: Vec<DeliveryMessageId> = messages.iter().map(|message| DeliveryMessageId(message.get())).collect();
    let row = app.store.read(move |conn| reviews::get(conn, &scope, id.0)).await?;
    check(&row, choice)?;
    let since = clock::unix();
    let word = word(row.reason, choice);
    match word {
        Some(word) => say(&app, &scope, &row, &chosen, word).await?,
        None if !chosen.is_empty() => {
            let said = Said::new("只用于结果不明的消息", "only about messages in doubt");
            return Err(ApiError::field("messages", said));
        }
        None => {}
    }
    let (account, order, reason, now) = (row.account, row.order.clone(), row.reason, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<ReviewView>> {
        let actor = caller.actor();
        let decided = Decided { choice, by: &actor.name, note: &note, since };
        if !reviews::close(conn, &scope, row.id, &decided, now)? {
            return Ok(Err(Code::WrongState.into()));
        }
        if let Some(word) = word {
            order_details::say_of_forgotten(conn, &scope, row.account, &row.order, &chosen, word, now)?;
        }
        apply(conn, &row, choice, now)?;
        let after = ReviewView::new(reviews::get(conn, &scope, row.id)?, language, now);
        let before = ReviewView::new(row, language, now);
        let deed = Deed::new("review.resolve", after.id).of(scope.user()).before(before).after(&after);
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(after))
    };
    let written = app.store.write(job).await;
    // What was said of a message in doubt is stored.
    let view = if word.is_some() { written.map_err(ApiError::after_the_deed)? } else { written? }?;
    if choice == Choice::LookAgain && is_about_reading(reason) {
        // It is due anyway: nobody waits for what comes of it.
        app.registry.get().do_send(ReadOrder { account, order, cause: Cause::Person });
    }
    tell(&app, &[account]);
    Ok(Json(view))
}

fn check(row: &Row, choice: Choice) -> ApiResult<()> {
    if row.closed_at.is_some() {
        return Err(ApiError::from(Code::WrongState).with("resolution", row.resolution.clone()));
    }
    let choices = Choice::about(row.reason);
    if choices.contains(&choice) {
        return Ok(());
    }
    let names: Vec<_> = choices.iter().map(|choice| choice.as_str()).collect();
    let names = names.join(", ");
    Err(ApiError::field("choice", Said::new(format!("可选：{names}"), format!("must be one of {names}"))))
}

fn word(reason: Reason, choice: Choice) -> Option<PersonsWord> {
    match (reason, choice) {
        (Reason::Uncertain, Choice::Arrived) => Some(PersonsWord::Arrived),
        (Reason::Uncertain, Choice::SendAgain) => Some(PersonsWord::NotArrived),
        _ => None,
    }
}

/// What the gateway said, or did not say, is the reason.
fn is_about_reading(reason: Reason) -> bool {
    matches!(reason, Reason::Unreadable | Reason::Unplaceable)
}

/// The outbox hears what became of each message in doubt, and the delivery with it.
async fn say(
    app: &AppState,
    scope: &Scope,
    row: &Row,
    chosen: &[DeliveryMessageId],
    word: PersonsWord,
) -> ApiResult<()> {
    let (scope, account, order) = (*scope, row.account, row.order.clone());
    let found = app.store.read(move |conn| order_details::in_doubt(conn, &scope, account, &order)).await?;
    if let Some(unknown) = chosen.iter().position(|message| found.iter().all(|(known, _)| known != message)) {
        let said = Said::new("该消息不在待确认之列", "is no message in doubt of this order");
        return Err(ApiError::field(format!("messages[{unknown}]"), said));
    }
    let is_meant = |message: &DeliveryMessageId| chosen.is_empty() || chosen.contains(message);
    let meant = found.into_iter().filter(|(message, _)| is_meant(message));
    let sends: Vec<SendId> = meant.filter_map(|(_, send)| send).collect();
    for id in sends {
        let said = app.registry.get().send(ActOnEntry { account, id, act: EntryAct::Say(word) }).await?;
        match said {
            // Its echo came in between: then the platform's word counts.
            Ok(_) | Err(NotActed::NotSettled(NotSettled::WrongState(_))) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Ok(())
}

/// What follows from a choice, besides what is said of messages in doubt.
fn apply(conn: &mut DbConn, row: &Row, choice: Choice, now: Timestamp) -> QueryResult<()> {
    let (account, order) = (row.account, &row.order);
    match choice {
        Choice::ByHand => order_actions::mark_done(conn, account, order, Action::ByHand, now)?,
        Choice::SendAgain => {
            if matches!(row.reason, Reason::Rejected | Reason::ShippedElsewhere) {
                deliveries::drop_rejected(conn, account, order, now)?;
            }
            order_actions::mark_done(conn, account, order, Action::GiveAnyway, now)?;
        }
        Choice::Arrived => {}
        Choice::LookAgain if is_about_reading(row.reason) => {
            orders::want(conn, account, order, Cause::Person, now)?;
        }
        Choice::LookAgain => {}
        Choice::TryAgain => {
            if let Some(action) = action(row.reason) {
                order_actions::forget(conn, account, order, action)?;
            }
        }
    }
    orders::set_deliver_due(conn, account, order, Some(now))
}

/// What was refused.
fn action(reason: Reason) -> Option<Action> {
    match reason {
        Reason::NotShipped => Some(Action::Ship),
        Reason::BargainRefused => Some(Action::FreeShipping),
        Reason::NoContent => Some(Action::Fetch),
        Reason::Unreadable
        | Reason::Unplaceable
        | Reason::NoConversation
        | Reason::NoRule
        | Reason::NoSpec
        | Reason::CardUnusable
        | Reason::OutOfStock
        | Reason::BuyerBlocked
        | Reason::Rejected
        | Reason::Uncertain
        | Reason::ShippedElsewhere => None,
    }
}
