//! The orders: where each stands, how far its delivery is, and what is stuck.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            order_texts,
            orders::{self, OrderCountsView, OrderView},
        },
        error::{ApiResult, Language},
    },
    AccountChoice, AccountNames, Days, Pager, Panel, Place, Shell,
    counts::counted,
    order_words,
};
use crate::{
    ids::{Fen, Timestamp},
    order::status::Status,
};

#[derive(Template)]
#[template(path = "panel/orders.html")]
struct OrdersPage {
    shell: Shell,
    tabs: Vec<Tab>,
    /// What the platform was not asked about yet; empty: nothing.
    unread: String,
    accounts: AccountChoice,
    status: String,
    q: String,
    /// Of one buyer, item or conversation alone, in words; empty: of all.
    only: String,
    /// Without that.
    all: String,
    days: Days,
    is_filtered: bool,
    orders: Vec<Line>,
    pager: Pager,
    xlsx: String,
    csv: String,
}

/// Orders that stand alike.
struct Tab {
    name: String,
    href: String,
    is_here: bool,
    /// How many; empty where only some of them are asked for.
    count: String,
}

/// An order as a line of the list.
struct Line {
    view: OrderView,
    account: String,
    status: String,
    look: &'static str,
    spec: String,
    amount: Option<Fen>,
    progress: String,
    on_the_way: Vec<String>,
    /// Why it waits for a person.
    stuck: Vec<String>,
    at: Timestamp,
}

/// Orders.
#[utoipa::path(get, path = "/app/orders", operation_id = "panel_orders_orders", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn orders(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let days = Days::take(&mut panel);
    let span = days.as_query(&panel.times);
    let span: Vec<(&str, &str)> = span.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (caller, app) = (panel.caller.clone(), panel.app.clone());
    let page = orders::list(caller.clone(), panel.query_with(&span)?, app.clone()).await?.0;
    let file = |format| {
        let more = [&span[..], &[("format", format)]].concat();
        panel.file("/api/v1/orders/export", &more)
    };
    let (xlsx, csv) = (file("xlsx"), file("csv"));
    days.put_back(&mut panel);
    let counts = orders::counts(caller, app).await?.0;
    let names = AccountNames::of(&panel, page.items.iter().map(|order| order.account_id)).await?;
    let pager = Pager::new(&panel, &page);
    let is_filtered = panel.query.iter().any(|(name, _)| !matches!(name.as_str(), "status" | "page" | "per_page"));
    let (only, all) = only(&panel);
    panel.show(&OrdersPage {
        shell: panel.shell(Place::Orders, panel.t("订单", "Orders")).await?,
        tabs: tabs(&panel, &counts, is_filtered),
        unread: unread(&panel, counts.unread),
        accounts,
        status: panel.asked_for("status"),
        q: panel.asked_for("q"),
        only,
        all,
        days,
        is_filtered,
        orders: page.items.into_iter().map(|view| Line::new(view, &names, &panel)).collect(),
        pager,
        xlsx,
        csv,
    })
}

fn tabs(panel: &Panel, counts: &OrderCountsView, is_filtered: bool) -> Vec<Tab> {
    let here = panel.asked_for("status");
    let tab = |status: Option<Status>, name: &str, count: i64| {
        let value = status.map_or("", Status::as_str);
        Tab {
            name: name.to_owned(),
            href: panel.href_with("status", value),
            is_here: here == value,
            count: if is_filtered { String::new() } else { count.to_string() },
        }
    };
    let of = |status: Status| match status {
        Status::Processing => (panel.t("待付款", "Not paid"), counts.processing),
        Status::PendingShip => (panel.t("待发货", "To be delivered"), counts.pending_ship),
        Status::Shipped => (panel.t("已发货", "Shipped"), counts.shipped),
        Status::Completed => (panel.t("已完成", "Completed"), counts.completed),
        Status::Refunding => (panel.t("退款中", "Refund asked for"), counts.refunding),
        Status::Cancelled => (panel.t("已关闭", "Ended"), counts.cancelled),
    };
    let all: i64 = Status::ALL.into_iter().map(|status| of(status).1).sum();
    let each = Status::ALL.into_iter().map(|status| tab(Some(status), of(status).0, of(status).1));
    std::iter::once(tab(None, panel.t("全部", "All"), all + counts.unread)).chain(each).collect()
}

fn unread(panel: &Panel, count: i64) -> String {
    match (count, panel.language) {
        (0, _) => String::new(),
        (_, Language::Chinese) => {
            format!("另有 {count} 笔订单还没有从闲鱼读到状态，账号在线后会自动读取。")
        }
        (_, Language::English) => {
            let more = counted(count, "more was not read", "more were not read");
            format!("{more} from the platform yet: that happens once the account is online.")
        }
    }
}

/// Of what alone orders are shown, and the same page without that.
fn only(panel: &Panel) -> (String, String) {
    let names = [
        ("buyer", panel.t("买家", "Buyer")),
        ("item", panel.t("商品", "Item")),
        ("conversation", panel.t("会话", "Conversation")),
    ];
    let asked = names.into_iter().map(|(name, word)| (name, word, panel.asked_for(name)));
    let found = asked.into_iter().find(|(_, _, value)| !value.is_empty());
    found.map(|(name, word, value)| (format!("{word} {value}"), panel.href_with(name, ""))).unwrap_or_default()
}

impl Line {
    fn new(view: OrderView, names: &AccountNames, panel: &Panel) -> Self {
        let language = panel.language;
        let said = |reason| order_texts::reason(reason).in_language(language).to_owned();
        Self {
            account: names.name(view.account_id),
            status: order_texts::status(view.status).in_language(language).to_owned(),
            look: order_words::look(view.status),
            spec: order_words::spec(&view),
            amount: order_words::amount(&view),
            progress: order_words::progress(&view.units, language),
            on_the_way: order_words::on_the_way(&view.units, language),
            stuck: view.waits_for.iter().copied().map(said).collect(),
            at: view.paid_at.or(view.placed_at).unwrap_or(view.seen_at),
            view,
        }
    }
}
