//! One message tried, told in short, for who tries for the first time.

use super::{
    super::{super::error::ApiResult, Panel},
    play::Asked,
};
use crate::ids::AccountId;

/// What would be answered, and why.
pub(in crate::web) struct Trial {
    pub(in crate::web) answers: Vec<String>,
    /// What would be asked first if it were real: the AI, or a program.
    pub(in crate::web) asks: Vec<String>,
    pub(in crate::web) summary: String,
    pub(in crate::web) steps: Vec<String>,
    /// Why nothing could be tried; else empty.
    pub(in crate::web) refusal: String,
}

impl Trial {
    /// Of what the page's address says. `None`: nothing was said.
    pub(in crate::web) async fn of(panel: &Panel, account: AccountId) -> ApiResult<Option<Self>> {
        let Some(played) = Asked::read(panel).play(panel, account).await? else { return Ok(None) };
        let mut trial = Self {
            answers: Vec::new(),
            asks: Vec::new(),
            summary: String::new(),
            steps: Vec::new(),
            refusal: played.refusal,
        };
        for scene in played.scenes {
            trial.answers.extend(scene.sends);
            trial.asks.extend(scene.asks);
            trial.steps.extend(scene.steps.into_iter().map(|step| step.text));
            trial.summary = scene.summary;
        }
        Ok(Some(trial))
    }
}
