//! The first page's chart of messages: by day or hour of the reader's clock.

use super::{
    super::{api::stats, error::ApiResult},
    Panel,
};
use crate::{
    ids::Timestamp,
    store::stats::{Bucket, Counts, Stats},
};

const DAY_MS: i64 = 86_400_000;
/// So many days, today included.
const DAYS: i64 = 7;

/// A bar.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) received: u64,
    pub(super) answered: u64,
    pub(super) seconds: String,
}

/// The last seven days, or 24 hours.
pub(super) async fn read(panel: &Panel, is_by_hour: bool) -> ApiResult<Vec<Bar>> {
    let times = &panel.times;
    if is_by_hour {
        return in_one(panel, Timestamp(panel.now.0 - DAY_MS), Bucket::Hour).await;
    }
    let Some(first) = times.start_of(times.days_after_today(1 - DAYS)) else { return Ok(Vec::new()) };
    // While clocks stay as they are, all days are equally long.
    if times.offset_minutes(first) == times.offset_minutes(panel.now) {
        return in_one(panel, first, Bucket::Day).await;
    }
    let mut bars = Vec::new();
    for after in 1 - DAYS..=0 {
        let day = times.days_after_today(after);
        let (Some(start), Some(end)) = (times.start_of(day), times.end_of(day)) else { continue };
        let end = end.0.min(panel.now.0 + 1);
        let of_day = figures(panel, &format!("since={start}&until={end}")).await?;
        bars.push(Bar::new(start, &of_day.total, Bucket::Day, panel));
    }
    Ok(bars)
}

async fn in_one(panel: &Panel, since: Timestamp, bucket: Bucket) -> ApiResult<Vec<Bar>> {
    let cut = if bucket == Bucket::Hour { "hour" } else { "day" };
    let offset = panel.times.offset_minutes(panel.now);
    let all = figures(panel, &format!("since={since}&bucket={cut}&offset_minutes={offset}")).await?;
    Ok(all.buckets.iter().map(|bar| Bar::new(bar.start, &bar.counts, bucket, panel)).collect())
}

async fn figures(panel: &Panel, query: &str) -> ApiResult<Stats> {
    Ok(stats::overview(panel.caller.clone(), super::asked(query)?, panel.app.clone()).await?.0)
}

impl Bar {
    fn new(start: Timestamp, counts: &Counts, bucket: Bucket, panel: &Panel) -> Self {
        Self {
            label: panel.times.label(start, bucket),
            received: counts.received,
            answered: counts.answered,
            seconds: counts.response.median_ms.map_or_else(|| "0".to_owned(), seconds),
        }
    }
}

/// So many seconds, as precisely as people want to know.
pub(super) fn seconds(ms: u64) -> String {
    if ms < 1000 { format!("0.{:02}", ms / 10) } else { format!("{}.{}", ms / 1000, ms % 1000 / 100) }
}
