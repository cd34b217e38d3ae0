//! What was sold, by day, item or account, and what is known of the buyers.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            buyer_figures::{self, BuyerFiguresView},
            sales::{self, SalesCountsView, SalesRowView},
        },
        error::{ApiResult, Language},
    },
    AccountChoice, Days, Pager, Panel, Place, Shell, Times,
};
use crate::{ids::Fen, store::sales_figures::LONGEST};

/// So many days are shown where nothing is asked.
const USUAL: i64 = 30;
/// The buyers' figures reach over so many days at most.
const BUYERS_LONGEST: i64 = 92;

#[derive(Template)]
#[template(path = "panel/sales.html")]
struct SalesPage {
    shell: Shell,
    days: Days,
    /// The days that were asked for cannot be shown; then the last ones are.
    is_other_span: bool,
    spans: Vec<(String, String, bool)>,
    ways: Vec<(&'static str, String, bool)>,
    by: String,
    accounts: AccountChoice,
    item: String,
    /// The same of all items.
    all_items: String,
    totals: SalesCountsView,
    rows: Vec<Row>,
    pager: Pager,
    /// Net by day, where rows are by day.
    chart: Vec<(String, i64, String)>,
    buyers: Option<Buyers>,
    xlsx: String,
    csv: String,
}

struct Row {
    name: String,
    /// Empty: there is no page about it.
    href: String,
    counts: SalesCountsView,
}

/// What is known of the buyers.
struct Buyers {
    view: BuyerFiguresView,
    /// Of those who paid, how many came back.
    returning: String,
    ordered: String,
    paid: String,
    intents: Vec<(&'static str, i64, String)>,
    /// Messages from the first days are kept no more.
    is_cut: bool,
}

/// What was sold.
#[utoipa::path(get, path = "/app/sales", operation_id = "panel_sales_sales", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn sales(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let asked = Days::take(&mut panel);
    // Sales are counted once, by the platform's days, whoever looks at them.
    let times = &Times::of_platform(panel.now);
    let is_other_span = asked.count(times).is_some_and(|days| !(1..=LONGEST).contains(&days));
    let asked = if is_other_span { Days::default() } else { asked };
    let days = asked.clone().or_last(USUAL, times);
    let span = days.as_query(times);
    let span: Vec<(&str, &str)> = span.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut query = span.clone();
    if panel.asked_for("per_page").is_empty() {
        query.push(("per_page", "100"));
    }
    let view = sales::sales(panel.caller.clone(), panel.query_with(&query)?, panel.app.clone()).await?.0;
    let file = |format| panel.file("/api/v1/stats/sales/export", &[&span[..], &[("format", format)]].concat());
    let (xlsx, csv) = (file("xlsx"), file("csv"));
    let buyers = buyers(&panel, days.count(times), &span).await?;
    let spans = spans(&panel, &days, times);
    asked.put_back(&mut panel);
    let shell = panel.shell(Place::Orders, panel.t("销售统计", "Sales")).await?;
    let by = panel.asked_for("by");
    panel.show(&SalesPage {
        is_other_span,
        spans,
        ways: ways(&panel, &by),
        accounts,
        item: panel.asked_for("item"),
        all_items: panel.href_with("item", ""),
        totals: view.totals,
        pager: Pager::new(&panel, &view.rows),
        chart: view.rows.items.iter().filter_map(|row| bar(row, &shell)).collect(),
        rows: view.rows.items.into_iter().map(|row| Row::new(row, &panel)).collect(),
        buyers,
        xlsx,
        csv,
        by,
        days,
        shell,
    })
}

/// Stretches of days to choose from.
fn spans(panel: &Panel, days: &Days, times: &Times) -> Vec<(String, String, bool)> {
    let span = |count: i64| {
        let name = match panel.language {
            Language::Chinese => format!("近 {count} 天"),
            Language::English => format!("{count} days"),
        };
        let last = Days::default().or_last(count, times);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(panel.query.iter().filter(|(name, _)| name != "page"));
        query.append_pair("from", &last.from).append_pair("to", &last.to);
        (name, format!("/app/sales?{}", query.finish()), *days == last)
    };
    [7, 30, 90, 365].map(span).into()
}

fn ways(panel: &Panel, by: &str) -> Vec<(&'static str, String, bool)> {
    let way = |value: &str, name| (name, panel.href_with("by", value), by == value);
    vec![
        way("", panel.t("按天", "By day")),
        way("item", panel.t("按商品", "By item")),
        way("account", panel.t("按账号", "By account")),
    ]
}

fn bar(row: &SalesRowView, shell: &Shell) -> Option<(String, i64, String)> {
    let net = row.counts.net_fen;
    let day = row.day.as_deref()?;
    Some((day.get(5..).unwrap_or(day).to_owned(), net / 100, shell.money(&Fen(net))))
}

/// `days`: how many of them, where that is known.
async fn buyers(panel: &Panel, days: Option<i64>, span: &[(&str, &str)]) -> ApiResult<Option<Buyers>> {
    // Nobody knows which item a question was about.
    let is_known = panel.asked_for("item").is_empty();
    if !is_known || days.is_none_or(|days| days > BUYERS_LONGEST) {
        return Ok(None);
    }
    let account = panel.asked_for("account");
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(span);
    if !account.is_empty() {
        query.append_pair("account", &account);
    }
    let query = super::asked(&query.finish())?;
    let view = buyer_figures::buyers(panel.caller.clone(), query, panel.app.clone()).await?.0;
    Ok(Some(Buyers::new(view, panel)))
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.0}%", share * 100.0))
}

impl Buyers {
    fn new(view: BuyerFiguresView, panel: &Panel) -> Self {
        let name = |intent: &str| match intent {
            "price" => panel.t("问价格、砍价", "about the price"),
            "tech" => panel.t("问使用、技术问题", "about how it works"),
            _ => panel.t("问其他", "about something else"),
        };
        let intents = view.intents.iter();
        Self {
            returning: percent(view.returning_share),
            ordered: percent(view.conversion.ordered_share),
            paid: percent(view.conversion.paid_share),
            intents: intents
                .map(|intent| (name(&intent.intent), intent.led.asked, percent(intent.led.ordered_share)))
                .collect(),
            is_cut: view.kept_since > view.since,
            view,
        }
    }
}

impl Row {
    fn new(row: SalesRowView, panel: &Panel) -> Self {
        let SalesRowView { day, account_id, item_id, name, counts } = row;
        let href = match (&item_id, account_id) {
            (Some(item), Some(account)) => format!("/app/items/{account}/{item}"),
            (None, Some(account)) if name.is_some() => panel.href_with("account", &account.to_string()),
            _ => String::new(),
        };
        let unknown = || panel.t("商品未知", "Item not known").to_owned();
        let number = || item_id.as_ref().map(ToString::to_string);
        Self { name: day.or(name).or_else(number).unwrap_or_else(unknown), href, counts }
    }
}
