//! The first page: what needs somebody, what happened, and whether all is well.

use actix_web::HttpResponse;
use askama::Template;
use jiff::civil::Date;

use super::{
    super::{
        api::{
            accounts::{self, AccountView},
            cards::{self, CardView},
            conversations::MessageView,
            decisions, orders,
            orders::OrderCountsView,
            reason_texts, reviews,
            reviews::ReviewView,
            sales::{self, SalesRowView},
            stats,
            unanswered::{self, UnansweredView},
        },
        error::{ApiResult, Language},
        page::Page,
    },
    Panel, Place, Shell, Times, message_chart,
    message_chart::Bar,
    welcome,
};
use crate::{
    access::role::Right,
    account::state::State,
    ids::Fen,
    store::stats::Stats,
    telemetry::{
        clock,
        health::{Health, PartState},
    },
};

/// Of each list.
const FEW: &str = "per_page=5";

const DAY_MS: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "panel/home.html")]
struct HomePage {
    shell: Shell,
    /// Steps of setting up that are open.
    welcome: Vec<welcome::Line>,
    /// Those that need somebody.
    failed: Page<AccountView>,
    states: Vec<(&'static str, &'static str, u64)>,
    accounts: u64,
    orders: OrderCountsView,
    reviews: Page<ReviewView>,
    unanswered: Page<UnansweredView>,
    low: Vec<CardView>,
    decisions: Vec<Decided>,
    today: Today,
    /// `hour` or `day`.
    by: &'static str,
    chart: Vec<Bar>,
    revenue: Vec<(String, Fen)>,
    /// What does not work, by name; empty: all is well.
    trouble: Vec<&'static str>,
    version: &'static str,
    uptime_s: i64,
    memory_mib: Option<u64>,
}

/// A decision as a line.
struct Decided {
    message: MessageView,
    verdict: &'static str,
    why: String,
}

struct Today {
    received: u64,
    answered: u64,
    median: String,
    net: Fen,
    paid: i64,
}

/// The first page of the panel.
#[utoipa::path(get, path = "/app", operation_id = "panel_home", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn home(mut panel: Panel) -> ApiResult<HttpResponse> {
    let is_by_hour = panel.take("by").as_deref() == Some("hour");
    let (caller, app) = (&panel.caller, &panel.app);
    let (who, data) = (|| caller.clone(), || app.clone());
    let day_start = panel.times.day_start();
    let bucket = if is_by_hour { "hour" } else { "day" };
    let failed = accounts::read_page(app, caller, super::asked("state=failed&enabled=true&per_page=5")?.0).await?;
    let chart = message_chart::read(&panel, is_by_hour).await?;
    let of_today = stats::overview(who(), super::asked(&format!("since={}", day_start.0))?, data()).await?.0;
    let week = Times::of_platform(panel.now).day_start().0 - 6 * DAY_MS;
    let sold = sales::sales(who(), super::asked(&format!("by=day&per_page=100&since={week}"))?, data()).await?.0;
    let counts = orders::counts(who(), data()).await?.0;
    let waiting = reviews::list(who(), super::asked(FEW)?, data()).await?.0;
    let silent = unanswered::list(who(), super::asked(FEW)?, data()).await?.0;
    let decided = decisions::list(who(), super::asked(&format!("per_page=8&since={week}"))?, data()).await?.0;
    let low = if panel.may(Right::Manage) {
        let all = cards::list(who(), super::asked("per_page=200")?, data()).await?.0;
        all.items.into_iter().filter(|card| card.low).collect()
    } else {
        Vec::new()
    };
    let (health, _) = app.health.report(clock::now());
    // Sales are counted once, by the platform's days, whoever looks at them.
    let shop = Times::of_platform(panel.now);
    let today_sales =
        sold_on(&sold.rows.items, shop.today()).map(|row| (row.counts.net_fen, row.counts.paid)).unwrap_or_default();
    let page = HomePage {
        shell: panel.shell(Place::Home, panel.t("首页", "Home")).await?,
        welcome: if panel.may(Right::Manage) { welcome::open_steps(&panel).await? } else { Vec::new() },
        failed,
        accounts: of_today.account_states.values().sum(),
        states: states(&of_today, &panel),
        orders: counts,
        reviews: waiting,
        unanswered: silent,
        low,
        decisions: decided.items.into_iter().map(|message| Decided::new(message, panel.language)).collect(),
        today: Today {
            received: of_today.total.received,
            answered: of_today.total.answered,
            median: of_today.total.response.median_ms.map_or_else(|| "–".to_owned(), message_chart::seconds),
            net: Fen(today_sales.0),
            paid: today_sales.1,
        },
        by: bucket,
        chart,
        revenue: revenue(&sold.rows.items, &shop),
        trouble: trouble(&health, &panel),
        version: health.version,
        uptime_s: i64::try_from(health.uptime_s).unwrap_or(i64::MAX),
        memory_mib: health.system.map(|figures| figures.process.memory_bytes >> 20),
    };
    panel.show(&page)
}

/// What was sold on this day; days on which nothing was are no rows.
fn sold_on(rows: &[SalesRowView], day: Date) -> Option<&SalesRowView> {
    let day = day.to_string();
    rows.iter().find(|row| row.day.as_deref() == Some(&*day))
}

/// Of seven days, the present one last.
fn revenue(rows: &[SalesRowView], shop: &Times) -> Vec<(String, Fen)> {
    let days = (-6..=0).map(|after| shop.days_after_today(after));
    let net = |day: Date| Fen(sold_on(rows, day).map_or(0, |row| row.counts.net_fen));
    days.map(|day| (day.strftime("%m-%d").to_string(), net(day))).collect()
}

impl Decided {
    fn new(message: MessageView, language: Language) -> Self {
        let is_answer = message.decision.as_deref() == Some("answer");
        let verdict =
            if is_answer { language.pick("已回复", "answered") } else { language.pick("未回复", "not answered") };
        let why = reason_texts::unsaid(message.decision.as_deref(), message.reason.as_deref());
        let why = if is_answer { String::new() } else { why.in_language(language).to_owned() };
        Self { message, verdict, why }
    }
}

fn states(figures: &Stats, panel: &Panel) -> Vec<(&'static str, &'static str, u64)> {
    let of = |state: State| figures.account_states.get(state.as_str()).copied().unwrap_or(0);
    [
        (State::Connected, panel.t("在线", "online")),
        (State::Failed, panel.t("需要处理", "need you")),
        (State::Reconnecting, panel.t("重连中", "reconnecting")),
        (State::Connecting, panel.t("连接中", "connecting")),
        (State::Disconnected, panel.t("未启动", "not started")),
        (State::Closed, panel.t("已断开", "closed")),
    ]
    .into_iter()
    .map(|(state, name)| (state.as_str(), name, of(state)))
    .filter(|(_, _, number)| *number > 0)
    .collect()
}

fn trouble(health: &Health, panel: &Panel) -> Vec<&'static str> {
    let name = |part: &str| match part {
        "database" => panel.t("数据库没有响应", "the database does not answer"),
        "registry" => panel.t("账号管理没有响应", "the accounts' registry does not answer"),
        "shards" => panel.t("消息引擎有一部分没有响应", "a part of the engine does not answer"),
        "backlog" => panel.t("待发送的消息持续增加", "messages to be sent pile up"),
        "cpu" => panel.t("处理器占用过高", "the processors are busy"),
        "memory" => panel.t("内存不足", "memory is short"),
        "disk" => panel.t("磁盘空间不足", "the disk is nearly full"),
        "probe" => panel.t("自检没有运行", "the server does not look after itself"),
        _ => "",
    };
    let failing = health.services.iter().filter(|(_, state)| **state == PartState::Failing);
    failing.map(|(part, _)| name(part)).filter(|name| !name.is_empty()).collect()
}
