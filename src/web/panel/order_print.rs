//! An order and what happened to it, on a page that prints well: what a seller hands in where a buyer disputes it. It never holds what was
//! given.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            key::OrderKey,
            order_texts, order_timeline,
            tables::{time, yuan},
        },
        error::ApiResult,
    },
    Panel, Place, Shell,
};
use crate::{
    delivery::step::Unit,
    store::{
        DbConn,
        order_details::{self, Details},
    },
};

#[derive(Template)]
#[template(path = "panel/order_print.html")]
struct OrderPage {
    shell: Shell,
    /// The same order in the panel.
    order: String,
    /// When it was made.
    made: String,
    facts: Vec<(&'static str, String)>,
    entries: Vec<Shown>,
}

/// Something that happened.
struct Shown {
    at: String,
    text: String,
    /// What else is known of it, each on a line of its own.
    details: Vec<String>,
}

/// An order and everything that happened to it, to be printed.
#[utoipa::path(get, path = "/app/orders/{id}/print", operation_id = "panel_order_print", tag = "pages", params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn print(panel: Panel, key: OrderKey) -> ApiResult<HttpResponse> {
    let (scope, order) = (panel.caller.scope, format!("/app/orders/{}", key.name()));
    let read = move |conn: &mut DbConn| order_details::get(conn, &scope, key.account, &key.order);
    let details = panel.app.turns.read(&panel.app.store, read).await?;
    let entries = order_timeline::entries(&details).into_iter().map(|entry| Shown::new(entry, &panel));
    panel.show(&OrderPage {
        shell: panel.shell(Place::Orders, panel.t("订单记录", "Record of an order")).await?,
        order,
        made: time(panel.now),
        facts: facts(&details, &panel),
        entries: entries.collect(),
    })
}

fn facts(details: &Details, panel: &Panel) -> Vec<(&'static str, String)> {
    let Details { order, summary, .. } = details;
    let named = |name: Option<&String>, id: Option<String>| {
        let parts: Vec<String> = name.cloned().into_iter().chain(id).collect();
        parts.join(" · ")
    };
    let spec: Vec<String> = order.spec().into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let confirmed = summary.units.get(&Unit::Confirmed).copied().unwrap_or(0);
    let of_all = summary.wanted.map_or_else(String::new, |wanted| format!(" / {wanted}"));
    let status = order_texts::status(order.status).in_language(panel.language).to_owned();
    let buyer = named(order.buyer_name.as_ref(), order.buyer.as_ref().map(ToString::to_string));
    let item = named(summary.item_title.as_ref(), order.item.as_ref().map(ToString::to_string));
    let facts = [
        (panel.t("订单号", "Order"), order.order.to_string()),
        (panel.t("状态", "Status"), status),
        (panel.t("买家", "Buyer"), buyer),
        (panel.t("宝贝", "Item"), item),
        (panel.t("规格", "Specification"), spec.join("; ")),
        (panel.t("数量", "Pieces"), order.quantity.to_string()),
        (panel.t("实付", "Paid"), order.amount.map(|amount| format!("¥{}", yuan(amount))).unwrap_or_default()),
        (panel.t("已送达", "Confirmed"), format!("{confirmed}{of_all}")),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

impl Shown {
    fn new(entry: order_timeline::Entry, panel: &Panel) -> Self {
        let message = entry.message.map(|id| format!("{}: {id}", panel.t("消息编号", "message")));
        let details = entry.details.map(|details| details.in_language(panel.language).to_owned());
        Self {
            at: time(entry.at),
            text: entry.text.in_language(panel.language).to_owned(),
            details: details.into_iter().chain(message).collect(),
        }
    }
}
