//! `/api/v1/orders/{id}/timeline`: what happened to an order and its delivery, in order of time. It is the proof in a dispute, and never holds
//! what was given.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{
            ApiResult,
            Language::{self, Chinese, English},
            Said,
        },
        gate::Caller,
        input::Query,
        page::{Page, PageNumber, Paging, PerPage},
    },
    key::OrderKey,
    order_texts, reason_words,
};
use crate::{
    delivery::step::Unit,
    ids::{MessageId, Timestamp},
    store::{
        DbConn,
        deliveries::{Delivery, MessageState},
        order_actions,
        order_details::{self, Details, Move, Sent},
        order_events,
        orders::Change,
        reviews,
    },
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TimelineQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The platform told something in the chat.
    Told,
    /// The platform's order page says where it stands.
    Stands,
    /// A unit of the order.
    Unit,
    /// A piece of stock, as the log of its card says.
    Stock,
    /// A message of the delivery.
    Message,
    /// Something else that is done once.
    Action,
    /// It waits for a person, or does no more.
    Review,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TimelineEntryView {
    #[schema(value_type = i64)]
    pub(in crate::web) at: Timestamp,
    #[schema(inline)]
    pub(in crate::web) what: What,
    /// A stable code: the event, the status, the state, or the reason.
    #[schema(example = "confirmed")]
    pub(in crate::web) code: String,
    /// The same in words.
    pub(in crate::web) text: String,
    /// What else is known: numbers, or the words of whoever knew it.
    pub(in crate::web) details: Option<String>,
    /// The platform's id of the message, once it is known.
    #[schema(value_type = Option<String>)]
    pub(in crate::web) message_id: Option<MessageId>,
}

/// The same in both languages.
pub(in crate::web) struct Entry {
    pub(in crate::web) at: Timestamp,
    what: What,
    code: &'static str,
    pub(in crate::web) text: Said,
    pub(in crate::web) details: Option<Said>,
    pub(in crate::web) message: Option<MessageId>,
}

impl Entry {
    fn new(at: Timestamp, what: What, code: &'static str, text: Said) -> Self {
        Self { at, what, code, text, details: None, message: None }
    }

    fn with(self, details: Option<Said>) -> Self {
        Self { details, ..self }
    }

    fn view(self, language: Language) -> TimelineEntryView {
        let Self { at, what, code, text, details, message } = self;
        let text = text.in_language(language).to_owned();
        let details = details.map(|details| details.in_language(language).to_owned());
        TimelineEntryView { at, what, code: code.to_owned(), text, details, message_id: message }
    }
}

fn both(zh: impl Fn(&str) -> String, en: impl Fn(&str) -> String, said: &Said) -> Said {
    Said::new(zh(said.in_language(Chinese)), en(said.in_language(English)))
}

/// Why something became what it is; what the platform said is quoted.
fn why(reason: Option<&str>) -> Option<Said> {
    reason.map(reason_words::told).filter(|said| !said.zh.is_empty())
}

fn joined(parts: &[Said]) -> Option<Said> {
    let all = |language| parts.iter().map(|part| part.in_language(language)).collect::<Vec<_>>().join(" · ");
    (!parts.is_empty()).then(|| Said::new(all(Chinese), all(English)))
}

/// What happened, oldest first.
pub(in crate::web) fn entries(details: &Details) -> Vec<Entry> {
    let mut all: Vec<Entry> = details.told.iter().map(told).collect();
    all.extend(details.changes.iter().map(stands));
    all.extend(details.units.iter().flat_map(unit));
    all.extend(details.moves.iter().map(stock));
    all.extend(details.messages.iter().flat_map(message));
    all.extend(details.actions.iter().filter_map(action));
    all.extend(details.reviews.iter().flat_map(review));
    // What happened at the same moment stays in this order: the cause before what it caused.
    all.sort_by_key(|entry| entry.at);
    all
}

fn told(row: &order_events::Row) -> Entry {
    Entry::new(row.at, What::Told, row.event.as_str(), order_texts::event(row.event))
}

fn stands(change: &Change) -> Entry {
    let status = order_texts::status(Some(change.to));
    let text = both(|zh| format!("订单状态：{zh}"), |en| format!("the order is: {en}"), &status);
    let cause = order_texts::cause(change.cause);
    let text = Said::new(
        format!("{}（{}）", text.in_language(Chinese), cause.in_language(Chinese)),
        format!("{} ({})", text.in_language(English), cause.in_language(English)),
    );
    Entry::new(change.at, What::Stands, change.to.as_str(), text)
}

fn unit(unit: &Delivery) -> Vec<Entry> {
    let number = unit.unit;
    let entry = |at, state: Unit| {
        let said = order_texts::unit(state);
        let text = both(|zh| format!("第 {number} 份：{zh}"), |en| format!("unit {number}: {en}"), &said);
        Entry::new(at, What::Unit, state.as_str(), text)
    };
    let claimed = entry(unit.claimed_at, Unit::Reserved)
        .with(unit.rule.map(|rule| Said::new(format!("发货规则 {rule}"), format!("delivery rule {rule}"))));
    let now = (unit.state != Unit::Reserved).then(|| entry(unit.changed_at, unit.state));
    [Some(claimed), now].into_iter().flatten().collect()
}

fn stock(step: &Move) -> Entry {
    let (unit, said) = (step.unit, order_texts::piece(step.to));
    let text = both(|zh| format!("第 {unit} 份的库存：{zh}"), |en| format!("stock of unit {unit}: {en}"), &said);
    let Move { card, stock, number, .. } = step;
    let place = Said::new(
        format!("卡券 {card}，库存 {stock}，流水 {number}"),
        format!("card {card}, unit {stock}, event {number}"),
    );
    Entry::new(step.at, What::Stock, step.to.as_str(), text).with(Some(place))
}

fn message(message: &Sent) -> Vec<Entry> {
    let id = message.id;
    let entry = |at, state: MessageState| {
        let said = order_texts::message(state);
        let text = both(|zh| format!("发货消息 {id}：{zh}"), |en| format!("message {id}: {en}"), &said);
        Entry::new(at, What::Message, state.as_str(), text)
    };
    let planned = entry(message.planned_at, MessageState::Planned);
    let now = (message.state != MessageState::Planned).then(|| Entry {
        message: message.message.clone(),
        ..entry(message.changed_at, message.state).with(why(message.reason.as_deref()))
    });
    [Some(planned), now].into_iter().flatten().collect()
}

fn action(row: &order_actions::Row) -> Option<Entry> {
    // What is to be tried again is no fact yet.
    let at = match row.state {
        order_actions::State::Done => row.done_at?,
        order_actions::State::Failed => row.not_before,
        order_actions::State::Due => return None,
    };
    let text = order_texts::action(row.kind, row.state);
    // Who wanted it, and what the platform said.
    let asked_by = row.asked_by.as_ref().map(|name| Said::new(name.clone(), name.clone()));
    let parts: Vec<Said> = [asked_by, why(row.error.as_deref())].into_iter().flatten().collect();
    Some(Entry::new(at, What::Action, row.kind.as_str(), text).with(joined(&parts)))
}

fn review(row: &reviews::Row) -> Vec<Entry> {
    let said = order_texts::reason(row.reason);
    let text = both(|zh| format!("等待人工处理：{zh}"), |en| format!("waits for a person: {en}"), &said);
    let opened = Entry::new(row.opened_at, What::Review, row.reason.as_str(), text)
        .with(row.detail.as_deref().and_then(|detail| reason_words::detail(row.reason, detail)));
    let closed = row.closed_at.map(|at| {
        let text = both(|zh| format!("不再等待：{zh}"), |en| format!("waits no more: {en}"), &said);
        let how = order_texts::resolution(row.resolution.as_deref());
        // Who decided, and what they wrote.
        let rest: Vec<&str> = [&row.closed_by, &row.note].into_iter().flatten().map(String::as_str).collect();
        let with = |how: &str| [&[how], &rest[..]].concat().join(" · ");
        let details = both(with, with, &how);
        Entry::new(at, What::Review, row.reason.as_str(), text).with(Some(details))
    });
    [Some(opened), closed].into_iter().flatten().collect()
}

/// What happened to an order and its delivery, oldest first: what the platform told and where the order stood, what was claimed, sent and
/// confirmed, and who decided what. Never what was given.
#[utoipa::path(get, path = "/api/v1/orders/{id}/timeline", tag = "orders", params(("id" = String, Path, description = "ACCOUNT.ORDER"), TimelineQuery), responses((status = 200, body = Page<TimelineEntryView>)))]
pub async fn timeline(
    caller: Caller,
    key: OrderKey,
    query: Query<TimelineQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<TimelineEntryView>>> {
    let (paging, language) = (Paging::new(query.0.page, query.0.per_page), caller.language);
    let read = move |conn: &mut DbConn| order_details::get(conn, &caller.scope, key.account, &key.order);
    let details = app.turns.read(&app.store, read).await?;
    let views = entries(&details).into_iter().map(|entry| entry.view(language)).collect();
    Ok(Json(paging.cut(views)))
}
