//! `/api/v1/rule-figures`: how often each rule was used, when last, how fast the buyer had the answer, and whether an order followed.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::ApiResult,
        gate::Caller,
        input::{Id, Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    ai::date,
    keywords::reach,
    rule_fields::Number,
};
use crate::{
    ids::{AccountId, RuleId, Timestamp},
    platform::hours::day_of,
    store::{
        DbConn,
        rule_figures::{self, Counts, Figures, Filter, LONGEST, Sort},
        rules::Kind,
    },
    telemetry::clock,
};

/// Of how many days, where nothing is said.
const USUAL: i64 = 30;

/// Today and the days before.
type Days = Whole<1, { LONGEST }>;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RuleFiguresQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// Only rules of exactly this account.
    #[param(inline)]
    account: Option<Number>,
    /// `true`: only rules for all accounts.
    global: Option<bool>,
    /// Only rules of this kind.
    #[param(inline)]
    kind: Option<Kind>,
    enabled: Option<bool>,
    /// So many days of the platform's calendar, today among them; absent: 30.
    #[param(inline)]
    days: Option<Days>,
    /// `true`: only rules that were not used on these days.
    unused: Option<bool>,
    /// What comes first: the rules that were used most often (`hits`, where absent), used last, or followed by most orders.
    #[param(inline)]
    sort: Option<Sort>,
}

#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DaysQuery {
    /// So many days of the platform's calendar, today among them; absent: 30.
    #[param(inline)]
    days: Option<Days>,
}

impl RuleFiguresQuery {
    fn filter(&self) -> Filter {
        Filter {
            rule: None,
            reach: reach(self.account, self.global),
            kind: self.kind,
            enabled: self.enabled,
            unused: self.unused,
        }
    }
}

/// The first of so many days.
fn first(days: Option<Days>) -> i64 {
    day_of(clock::unix()) + 1 - days.map_or(USUAL, Whole::get)
}

/// What was counted. Answers and orders count on the day on which the rule was used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct RuleCountsView {
    /// How often a message or an event was decided by the rule, also where it wants nothing to be said.
    pub(in crate::web) hits: i64,
    /// Hits whose first answer arrived, as the platform says.
    pub(in crate::web) answered: i64,
    /// Of these, the mean from the buyer's last message, or from when an event's rule was due. `null`: there were none.
    #[schema(example = 1500)]
    pub(in crate::web) answered_within_ms: Option<i64>,
    /// Orders that were paid within seven days after the rule was used, and in whose conversation no other rule was used since. What a rule
    /// says because of an order leads to none.
    pub(in crate::web) orders: i64,
}

impl From<Counts> for RuleCountsView {
    fn from(counts: Counts) -> Self {
        let Counts { hits, answered, orders, .. } = counts;
        Self { hits, answered, answered_within_ms: counts.answered_within_ms(), orders }
    }
}

/// The figures of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RuleFiguresView {
    #[schema(value_type = i64)]
    pub(in crate::web) rule_id: RuleId,
    #[schema(inline)]
    pub(in crate::web) kind: Kind,
    /// Empty for a default reply and for a rule that waits for events.
    pub(in crate::web) keyword: String,
    /// `null`: for all accounts.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    pub(in crate::web) enabled: bool,
    #[serde(flatten)]
    pub(in crate::web) counts: RuleCountsView,
    /// Also before these days, for as long as figures are kept. `null`: never.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) last_hit_at: Option<Timestamp>,
    /// As `last_hit_at`: when the last order was paid.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) last_order_at: Option<Timestamp>,
}

impl From<Figures> for RuleFiguresView {
    fn from(figures: Figures) -> Self {
        let Figures { rule, account, kind, keyword, enabled, counts, last_hit_at, last_order_at } = figures;
        Self {
            rule_id: rule,
            kind,
            keyword,
            account_id: account,
            enabled,
            counts: counts.into(),
            last_hit_at,
            last_order_at,
        }
    }
}

/// One day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RuleDayView {
    /// Of the platform's calendar (UTC+8).
    #[schema(example = "2025-10-09")]
    pub(in crate::web) day: String,
    #[serde(flatten)]
    pub(in crate::web) counts: RuleCountsView,
}

/// The figures of one rule, day by day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RuleFiguresDetail {
    #[serde(flatten)]
    pub(in crate::web) figures: RuleFiguresView,
    /// The days on which it was used, oldest first; the others are left out.
    pub(in crate::web) by_day: Vec<RuleDayView>,
}

/// How often rules were used in the last days, and what came of it: keyword rules, default replies and rules for events. Drafts have no
/// figures; a rule keeps its own when it is changed, and takes them with it when it is deleted.
#[utoipa::path(get, path = "/api/v1/rule-figures", tag = "rule figures", params(RuleFiguresQuery), responses((status = 200, body = Page<RuleFiguresView>)))]
pub async fn list(
    caller: Caller,
    query: Query<RuleFiguresQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<RuleFiguresView>>> {
    let query = query.0;
    let paging = Paging::new(query.page, query.per_page);
    let (filter, first, sort) = (query.filter(), first(query.days), query.sort.unwrap_or_default());
    let page = move |conn: &mut DbConn| rule_figures::page(conn, &caller.scope, &filter, first, (sort, paging.part()));
    let (figures, total) = app.turns.read(&app.store, page).await?;
    Ok(Json(paging.answer(figures.into_iter().map(RuleFiguresView::from).collect(), total)))
}

/// The same of one rule, and day by day.
#[utoipa::path(get, path = "/api/v1/rule-figures/{id}", tag = "rule figures", params(("id" = i64, Path), DaysQuery), responses((status = 200, body = RuleFiguresDetail)))]
pub async fn get(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DaysQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<RuleFiguresDetail>> {
    let (id, first) = (id.0, first(query.0.days));
    let read = move |conn: &mut DbConn| {
        let figures = rule_figures::get(conn, &caller.scope, id, first)?;
        Ok((figures, rule_figures::days(conn, &caller.scope, id, first)?))
    };
    let (figures, days) = app.turns.read(&app.store, read).await?;
    let day = |(day, counts): (i64, Counts)| RuleDayView { day: date(day), counts: counts.into() };
    Ok(Json(RuleFiguresDetail { figures: figures.into(), by_day: days.into_iter().map(day).collect() }))
}
