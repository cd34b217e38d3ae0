//! Times of the week, as people give and read them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    error::{ApiError, ApiResult, Said},
    input::{Few, Line, Whole},
};
use crate::platform::hours::Window;

/// A stretch of time that comes back every week, in the platform's time (UTC+8).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"days": [1, 2, 3, 4, 5], "from": "22:00", "to": "08:00"}))]
pub struct WindowBody {
    /// 1 is Monday, 7 is Sunday.
    days: Few<Whole<1, 7>, 7>,
    from: Line<5, 5>,
    /// Before `from`: on the next day. Equal to it: the whole day.
    to: Line<5, 5>,
}

/// The same, as it is told.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WindowView {
    pub(in crate::web) days: Vec<u8>,
    #[schema(example = "22:00")]
    pub(in crate::web) from: String,
    #[schema(example = "08:00")]
    pub(in crate::web) to: String,
}

/// What is wrong is said of this field.
pub(super) fn windows(list: Few<WindowBody, 21>, field: &str) -> ApiResult<Vec<Window>> {
    list.into_vec().into_iter().map(|window| window.read(field)).collect()
}

impl WindowBody {
    fn read(self, field: &str) -> ApiResult<Window> {
        let minutes = |text: &str| minutes(text).ok_or_else(|| bad_time(field));
        let days = self.days.into_vec().into_iter().fold(0, |days, day| days | (1 << (day.get() - 1)));
        Ok(Window { days, from: minutes(&self.from)?, to: minutes(&self.to)? })
    }
}

/// `HH:MM`.
pub(super) fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse());
    let (hours, minutes): (u16, u16) = (two(hours)?.ok()?, two(minutes)?.ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

pub(super) fn bad_time(field: &str) -> ApiError {
    ApiError::field(field, Said::new("时间须为 HH:MM，例如 09:30", "times must look like 09:30"))
}

/// The minute of a day as people write it.
pub(super) fn time(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

impl From<Window> for WindowView {
    fn from(Window { days, from, to }: Window) -> Self {
        Self { days: (1..=7).filter(|day| days & (1 << (day - 1)) != 0).collect(), from: time(from), to: time(to) }
    }
}
