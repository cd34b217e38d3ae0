//! An order: where it stands, what it was given, what waits for a person, everything that happened, and what may be done about it.

use actix_web::HttpResponse;
use askama::Template;
use serde::Serialize;

use super::{
    super::{
        api::{
            blocked_buyers::{self, BlockedView},
            key::OrderKey,
            order_actions::OrderActionView,
            order_texts,
            order_timeline::{self, TimelineEntryView, What},
            orders::{self, GivenUnitView, OrderPageView},
            readiness::LackView,
        },
        error::ApiResult,
        tag,
    },
    AccountNames, Pager, Panel, Place, Shell, order_words,
    places_of_lacks::{self, Mend},
    review_lines::ReviewLine,
    send_texts,
};
use crate::{
    access::role::Right,
    delivery::step::Unit,
    ids::{DeliveryRuleId, Fen, Timestamp},
    order::status::Status,
    store::order_actions::{Action, State},
};

#[derive(Template)]
#[template(path = "panel/order.html")]
struct OrderPage {
    shell: Shell,
    view: OrderPageView,
    account: String,
    status: String,
    look: &'static str,
    spec: String,
    amount: Option<Fen>,
    progress: String,
    on_the_way: Vec<String>,
    units: Vec<UnitLine>,
    waiting: Vec<ReviewLine>,
    lacks: Vec<(LackView, Mend)>,
    /// What is to be done yet besides the delivery.
    due: Vec<DueLine>,
    moments: Vec<Moment>,
    pager: Pager,
    may: May,
    /// The entry by which the buyer is blocked.
    block: Option<BlockedView>,
    /// For which reasons it waits and what may be done about it, as shown: both are forms.
    now_shown: String,
    /// The topics on which what is shown lives; none while an address is shown, which is not asked for again and again.
    live: String,
    /// The page with the address.
    reveal: String,
}

/// A unit of the order.
struct UnitLine {
    number: i64,
    state: String,
    look: &'static str,
    at: Timestamp,
    rule: Option<DeliveryRuleId>,
}

/// Something that is tried until it is done.
struct DueLine {
    text: String,
    error: Option<String>,
    at: Option<Timestamp>,
}

/// Something that happened.
struct Moment {
    view: TimelineEntryView,
    /// To the second.
    at: String,
    icon: &'static str,
    look: &'static str,
}

/// What may be done about it where it stands. What the API thinks of it counts; this keeps what cannot be out of sight.
#[derive(Serialize)]
struct May {
    deliver: bool,
    redeliver: bool,
    settle: bool,
    close: bool,
    price: bool,
    rate: bool,
    flower: bool,
}

/// Order.
#[utoipa::path(get, path = "/app/orders/{id}", operation_id = "panel_orders_order", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn order(mut panel: Panel, key: OrderKey) -> ApiResult<HttpResponse> {
    let is_revealed = panel.take("reveal").is_some() && panel.may(Right::Manage);
    let (caller, app) = (panel.caller.clone(), panel.app.clone());
    let query = super::asked(if is_revealed { "reveal=true" } else { "" })?;
    let mut view = orders::get(caller.clone(), key.clone(), query, app.clone()).await?.0;
    let all = panel.query_with(&[("per_page", "200")])?;
    let told = order_timeline::timeline(caller, key, all, app).await?.0;
    let pager = Pager::new(&panel, &told);
    let account = AccountNames::of(&panel, [view.order.account_id]).await?.name(view.order.account_id);
    let block = block(&panel, &view).await?;
    let language = panel.language;
    let lacks = std::mem::take(&mut view.lacks);
    let waiting = view.reviews.iter().filter(|review| review.closed_at.is_none());
    let line = |review: &super::super::api::reviews::ReviewView| {
        ReviewLine::new(review.clone(), account.clone(), None, &panel).among(&view.messages, &panel)
    };
    let order = &view.order;
    let may = May::new(&view, &panel);
    panel.show(&OrderPage {
        shell: panel.shell(Place::Orders, format!("{} {}", panel.t("订单", "Order"), order.order_id)).await?,
        status: order_texts::status(order.status).in_language(language).to_owned(),
        look: order_words::look(order.status),
        spec: order_words::spec(order),
        amount: order_words::amount(order),
        progress: order_words::progress(&order.units, language),
        on_the_way: order_words::on_the_way(&order.units, language),
        units: view.given.iter().map(|unit| UnitLine::new(unit, &panel)).collect(),
        waiting: waiting.map(line).collect(),
        lacks: places_of_lacks::with_places(lacks, order.account_id, &panel),
        due: view.actions.iter().filter_map(|action| DueLine::new(action, &panel)).collect(),
        moments: told.items.into_iter().map(|view| Moment::new(view, &panel)).collect(),
        now_shown: now_shown(&view, &may, block.as_ref()),
        may,
        live: if is_revealed { String::new() } else { live(&view) },
        reveal: panel.href_with("reveal", "true"),
        pager,
        account,
        block,
        view,
    })
}

/// The entry by which its buyer gets no automatic answers, and no delivery.
async fn block(panel: &Panel, view: &OrderPageView) -> ApiResult<Option<BlockedView>> {
    let Some(buyer) = &view.order.buyer_id else { return Ok(None) };
    let query = form_urlencoded::Serializer::new("per_page=200".to_owned()).append_pair("q", buyer.as_str()).finish();
    let found = blocked_buyers::list(panel.caller.clone(), super::asked(&query)?, panel.app.clone()).await?.0;
    let is_theirs = |entry: &BlockedView| {
        entry.buyer_id == *buyer && entry.account_id.is_none_or(|account| account == view.order.account_id)
    };
    Ok(found.items.into_iter().find(is_theirs))
}

/// What its buyer says may be told of in what happened to it.
fn live(view: &OrderPageView) -> String {
    let chat = view.order.conversation.as_ref().map(|chat| format!(" conversation:{chat}")).unwrap_or_default();
    format!("order:{}{chat}", view.order.id)
}

fn now_shown(view: &OrderPageView, may: &May, block: Option<&BlockedView>) -> String {
    let open: Vec<_> =
        view.reviews.iter().filter(|review| review.closed_at.is_none()).map(|review| review.id).collect();
    tag::of(&(open, may, block.map(|entry| entry.id)))
}

impl UnitLine {
    fn new(unit: &GivenUnitView, panel: &Panel) -> Self {
        Self {
            number: unit.unit,
            state: order_texts::unit(unit.state).in_language(panel.language).to_owned(),
            look: order_words::unit_look(unit.state),
            at: unit.changed_at,
            rule: unit.rule_id,
        }
    }
}

impl DueLine {
    fn new(action: &OrderActionView, panel: &Panel) -> Option<Self> {
        let (kind, state): (Action, State) = (action.kind.parse().ok()?, action.state.parse().ok()?);
        let text = order_texts::action(kind, state).in_language(panel.language).to_owned();
        let error = action.error.as_deref().map(|error| send_texts::reason(error, panel.language));
        (state == State::Due).then_some(Self { text, error, at: action.due_at })
    }
}

impl Moment {
    fn new(view: TimelineEntryView, panel: &Panel) -> Self {
        let icon = match view.what {
            What::Told => "message-circle",
            What::Stands => "receipt-text",
            What::Unit => "package",
            What::Stock => "ticket",
            What::Message => "send",
            What::Action => "zap",
            What::Review => "clipboard-check",
        };
        let look = match (view.what, view.code.as_str()) {
            (What::Unit | What::Message | What::Stock, "confirmed") => "good",
            (What::Unit | What::Message | What::Stock, "uncertain" | "rejected") => "bad",
            (What::Review, _) => "warm",
            _ => "",
        };
        Self { at: panel.times.exact(view.at), icon, look, view }
    }
}

impl May {
    fn new(view: &OrderPageView, panel: &Panel) -> Self {
        let order = &view.order;
        let (answers, manages) = (panel.may(Right::Answer), panel.may(Right::Manage));
        let is_unpaid = order.status == Some(Status::Processing) && !order.bargain;
        let is_completed = order.status == Some(Status::Completed);
        let is_paid = matches!(order.status, Some(Status::PendingShip | Status::Shipped | Status::Completed));
        let was_given = view.given.iter().any(|unit| matches!(unit.state, Unit::Confirmed | Unit::Uncertain));
        let is_by_hand = view.actions.iter().any(|action| action.kind == Action::ByHand.as_str());
        let is_open = view.given.iter().any(|unit| !matches!(unit.state, Unit::Confirmed | Unit::Cancelled));
        Self {
            deliver: answers && order.status == Some(Status::PendingShip),
            redeliver: answers && is_paid && was_given,
            settle: answers && is_by_hand && is_open,
            close: answers && is_unpaid,
            price: manages && is_unpaid,
            rate: answers && is_completed,
            flower: answers && is_completed,
        }
    }
}
