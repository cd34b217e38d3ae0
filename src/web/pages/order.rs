//! An order and what happened to it, on a page that prints well: what a seller hands in where a buyer disputes it. It never holds what was
//! given.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{
    super::{
        AppState,
        api::{
            key::OrderKey,
            order_texts, order_timeline,
            tables::{time, yuan},
        },
        error::{ApiResult, Language},
        gate::Caller,
        input::Query,
    },
    Frame, PageQuery, language, show,
};
use crate::{
    delivery::step::Unit,
    store::{
        DbConn,
        order_details::{self, Details},
    },
};

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage<'a> {
    frame: Frame,
    words: &'a Words,
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

struct Words {
    title: &'static str,
    lead: &'static str,
    order: &'static str,
    status: &'static str,
    buyer: &'static str,
    item: &'static str,
    spec: &'static str,
    quantity: &'static str,
    amount: &'static str,
    delivered: &'static str,
    history: &'static str,
    at: &'static str,
    what: &'static str,
    message: &'static str,
    nothing: &'static str,
}

const CHINESE: Words = Words {
    title: "订单记录",
    lead: "时间为北京时间。“消息编号”是闲鱼聊天中该消息的编号。",
    order: "订单号",
    status: "状态",
    buyer: "买家",
    item: "宝贝",
    spec: "规格",
    quantity: "数量",
    amount: "实付",
    delivered: "已送达",
    history: "经过",
    at: "时间",
    what: "事项",
    message: "消息编号",
    nothing: "还没有记录。",
};

const ENGLISH: Words = Words {
    title: "Record of an order",
    lead: "Times are those of Beijing (UTC+8). The number of a message is the one it has in the platform's chat.",
    order: "Order",
    status: "Status",
    buyer: "Buyer",
    item: "Item",
    spec: "Specification",
    quantity: "Pieces",
    amount: "Paid",
    delivered: "Confirmed",
    history: "What happened",
    at: "Time",
    what: "Event",
    message: "message",
    nothing: "Nothing is known yet.",
};

/// An order and everything that happened to it, to be printed.
#[utoipa::path(get, path = "/app/orders/{id}/print", tag = "pages", params(("id" = String, Path, description = "ACCOUNT.ORDER"), PageQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn print(
    caller: Caller,
    key: OrderKey,
    request: HttpRequest,
    query: Query<PageQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let language = language(query.0.lang, &request);
    let words = language.pick(&CHINESE, &ENGLISH);
    let path = format!("/app/orders/{}/print", key.name());
    let read = move |conn: &mut DbConn| order_details::get(conn, &caller.scope, key.account, &key.order);
    let details = app.turns.read(&app.store, read).await?;
    let entries = order_timeline::entries(&details).into_iter().map(|entry| Shown::new(entry, words, language));
    let page = OrderPage {
        frame: Frame::new(words.title, language, &path, &[]),
        words,
        facts: facts(&details, words, language),
        entries: entries.collect(),
    };
    show(StatusCode::OK, &page)
}

fn facts(details: &Details, words: &Words, language: Language) -> Vec<(&'static str, String)> {
    let Details { order, summary, .. } = details;
    let named = |name: Option<&String>, id: Option<String>| {
        let parts: Vec<String> = name.cloned().into_iter().chain(id).collect();
        parts.join(" · ")
    };
    let spec: Vec<String> = order.spec().into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let confirmed = summary.units.get(&Unit::Confirmed).copied().unwrap_or(0);
    let of_all = summary.wanted.map_or_else(String::new, |wanted| format!(" / {wanted}"));
    let facts = [
        (words.order, order.order.to_string()),
        (words.status, order_texts::status(order.status).in_language(language).to_owned()),
        (words.buyer, named(order.buyer_name.as_ref(), order.buyer.as_ref().map(ToString::to_string))),
        (words.item, named(summary.item_title.as_ref(), order.item.as_ref().map(ToString::to_string))),
        (words.spec, spec.join("; ")),
        (words.quantity, order.quantity.to_string()),
        (words.amount, order.amount.map(|amount| format!("¥{}", yuan(amount))).unwrap_or_default()),
        (words.delivered, format!("{confirmed}{of_all}")),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

impl Shown {
    fn new(entry: order_timeline::Entry, words: &Words, language: Language) -> Self {
        let message = entry.message.map(|id| format!("{}: {id}", words.message));
        let details = entry.details.map(|details| details.in_language(language).to_owned());
        Self {
            at: time(entry.at),
            text: entry.text.in_language(language).to_owned(),
            details: details.into_iter().chain(message).collect(),
        }
    }
}
