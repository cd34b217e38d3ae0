//! What the AI used, and what it cost.

use std::collections::BTreeMap;

use super::{
    super::{
        super::{
            api::ai::{self, DayView},
            error::ApiResult,
        },
        account_names::AccountNames,
    },
    Panel, words,
};
use crate::ids::AccountId;

/// Of so many days.
pub(in crate::web) struct Usage {
    pub(super) days: Vec<(&'static str, &'static str)>,
    pub(super) chosen: String,
    pub(super) calls: i64,
    pub(super) failures: i64,
    pub(super) tokens: i64,
    pub(super) cost: String,
    /// For the chart: day, cost in yuan, tokens.
    pub(super) chart: Vec<(String, String, i64)>,
    /// Account, calls, tokens, cost.
    pub(super) accounts: Vec<(String, i64, i64, String)>,
    /// More days than are shown were counted.
    pub(super) is_cut: bool,
}

/// Calls, failures, tokens and cost.
type Sum = (i64, i64, i64, i64);

fn add(sum: &mut Sum, day: &DayView) {
    let usage = &day.usage;
    sum.0 += usage.calls;
    sum.1 += usage.failures;
    sum.2 += usage.tokens_in + usage.tokens_out;
    sum.3 += usage.cost;
}

impl Usage {
    pub(super) async fn read(panel: &Panel, account: Option<AccountId>) -> ApiResult<Self> {
        let given = panel.given("days").unwrap_or_default();
        let chosen = if matches!(given, "7" | "90") { given } else { "30" };
        let of = account.map(|id| format!("&account={id}")).unwrap_or_default();
        let asked = super::super::asked(&format!("days={chosen}&per_page=200{of}"))?;
        let page = ai::usage(panel.caller.clone(), asked, panel.app.clone()).await?.0;
        let mut total = Sum::default();
        let (mut by_day, mut by_account) = (BTreeMap::<String, Sum>::new(), BTreeMap::<AccountId, Sum>::new());
        for day in &page.items {
            add(&mut total, day);
            add(by_day.entry(day.day.clone()).or_default(), day);
            add(by_account.entry(day.account_id).or_default(), day);
        }
        let names = AccountNames::of(panel, by_account.keys().copied()).await?;
        let short = |day: String| day.get(5..).unwrap_or_default().to_owned();
        Ok(Self {
            days: vec![
                ("7", panel.t("近 7 天", "7 days")),
                ("30", panel.t("近 30 天", "30 days")),
                ("90", panel.t("近 90 天", "90 days")),
            ],
            chosen: chosen.to_owned(),
            calls: total.0,
            failures: total.1,
            tokens: total.2,
            cost: words::cost(total.3),
            is_cut: page.total > i64::try_from(page.items.len()).unwrap_or(0),
            chart: by_day
                .into_iter()
                .map(|(day, sum)| (short(day), words::cost(sum.3).trim_start_matches('¥').to_owned(), sum.2))
                .collect(),
            accounts: by_account
                .into_iter()
                .map(|(id, sum)| (names.name(id), sum.0, sum.2, words::cost(sum.3)))
                .collect(),
        })
    }
}
