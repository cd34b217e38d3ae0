//! The first page: what needs somebody, what happened, and whether all is well.

use actix_web::HttpResponse;
use askama::Template;

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
    Panel, Place, Shell, welcome,
};
use crate::{
    access::role::Right,
    account::state::State,
    ids::{Fen, Timestamp},
    store::stats::{Bucket, BucketCounts, Stats},
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

/// A bar of the chart of messages.
struct Bar {
    label: String,
    received: u64,
    answered: u64,
    seconds: String,
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
    let day_start = super::times::day_start(panel.now);
    let since = if is_by_hour { panel.now.0 - DAY_MS } else { day_start.0 - 6 * DAY_MS };
    let bucket = if is_by_hour { "hour" } else { "day" };
    let failed = accounts::read_page(app, caller, super::asked("state=failed&enabled=true&per_page=5")?.0).await?;
    let figures = stats::overview(who(), super::asked(&format!("since={since}&bucket={bucket}"))?, data()).await?.0;
    let of_today = if is_by_hour {
        stats::overview(who(), super::asked(&format!("since={}", day_start.0))?, data()).await?.0.total
    } else {
        figures.buckets.last().map(|today| today.counts.clone()).unwrap_or_default()
    };
    let week = day_start.0 - 6 * DAY_MS;
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
    let today_sales =
        sold_on(&sold.rows.items, panel.now).map(|row| (row.counts.net_fen, row.counts.paid)).unwrap_or_default();
    let page = HomePage {
        shell: panel.shell(Place::Home, panel.t("首页", "Home")).await?,
        welcome: if panel.may(Right::Manage) { welcome::open_steps(&panel).await? } else { Vec::new() },
        failed,
        accounts: figures.account_states.values().sum(),
        states: states(&figures, &panel),
        orders: counts,
        reviews: waiting,
        unanswered: silent,
        low,
        decisions: decided.items.into_iter().map(|message| Decided::new(message, panel.language)).collect(),
        today: Today {
            received: of_today.received,
            answered: of_today.answered,
            median: of_today.response.median_ms.map_or_else(|| "–".to_owned(), seconds),
            net: Fen(today_sales.0),
            paid: today_sales.1,
        },
        by: bucket,
        chart: figures.buckets.iter().map(|bar| Bar::new(bar, is_by_hour)).collect(),
        revenue: revenue(&sold.rows.items, panel.now),
        trouble: trouble(&health, &panel),
        version: health.version,
        uptime_s: i64::try_from(health.uptime_s).unwrap_or(i64::MAX),
        memory_mib: health.system.map(|figures| figures.process.memory_bytes >> 20),
    };
    panel.show(&page)
}

fn seconds(ms: u64) -> String {
    if ms < 1000 { format!("0.{:02}", ms / 10) } else { format!("{}.{}", ms / 1000, ms % 1000 / 100) }
}

/// What was sold on the day of this moment; days on which nothing was are no rows.
fn sold_on(rows: &[SalesRowView], at: Timestamp) -> Option<&SalesRowView> {
    let day = super::times::date(at);
    rows.iter().find(|row| row.day.as_deref() == Some(&*day))
}

/// Of seven days, the present one last.
fn revenue(rows: &[SalesRowView], now: Timestamp) -> Vec<(String, Fen)> {
    let days = (0..7).rev().map(|before| Timestamp(now.0 - before * DAY_MS));
    let net = |day: Timestamp| Fen(sold_on(rows, day).map_or(0, |row| row.counts.net_fen));
    days.map(|day| (super::times::label(day, Bucket::Day), net(day))).collect()
}

impl Bar {
    fn new(bar: &BucketCounts, is_by_hour: bool) -> Self {
        let bucket = if is_by_hour { Bucket::Hour } else { Bucket::Day };
        Self {
            label: super::times::label(bar.start, bucket),
            received: bar.counts.received,
            answered: bar.counts.answered,
            seconds: bar.counts.response.median_ms.map_or_else(|| "0".to_owned(), seconds),
        }
    }
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
