//! Answers of the AI that wait for a person.

use super::{
    super::{
        super::{
            api::suggestions::{self, SuggestionView},
            error::ApiResult,
        },
        Pager,
        account_names::AccountNames,
    },
    Panel, words,
};
use crate::{ids::AccountId, store::suggestions::State};

/// The queue, or what became of earlier ones.
pub(in crate::web) struct Suggestions {
    pub(super) lines: Vec<Line>,
    pub(super) pager: Pager,
    pub(super) state: &'static str,
    pub(super) states: Vec<(&'static str, &'static str)>,
}

pub(in crate::web) struct Line {
    pub(super) view: SuggestionView,
    pub(super) form: String,
    pub(super) account: String,
    pub(super) intent: &'static str,
    pub(super) state: &'static str,
    pub(super) waits: bool,
    /// What the buyer said.
    pub(super) said: Vec<String>,
}

impl Suggestions {
    pub(super) async fn read(panel: &Panel, account: Option<AccountId>) -> ApiResult<Self> {
        let given = panel.given("state");
        let state = words::STATES.into_iter().find(|state| given == Some(state.as_str())).unwrap_or(State::Pending);
        let page = panel.given("page").and_then(super::super::super::input::whole).unwrap_or(1);
        let of = account.map(|id| format!("&account={id}")).unwrap_or_default();
        let asked = super::super::asked(&format!("state={}&per_page=20&page={page}{of}", state.as_str()))?;
        let page = suggestions::list(panel.caller.clone(), asked, panel.app.clone()).await?.0;
        let pager = Pager::new(panel, &page);
        let names = AccountNames::of(panel, page.items.iter().map(|view| view.account_id)).await?;
        let mut said = suggestions::asked_by(&panel.app, &panel.caller, &page.items).await?;
        let line = |view: SuggestionView| {
            let said = said.remove(&(view.account_id, view.message_id.clone())).unwrap_or_default();
            Line::new(view, said, panel, &names)
        };
        let lines = page.items.into_iter().map(line).collect();
        Ok(Self {
            lines,
            pager,
            state: state.as_str(),
            states: words::STATES.map(|state| (state.as_str(), words::state(state, panel.language))).into(),
        })
    }
}

impl Line {
    fn new(view: SuggestionView, said: Vec<String>, panel: &Panel, names: &AccountNames) -> Self {
        Self {
            form: format!("suggestion-{}", view.id),
            account: names.name(view.account_id),
            intent: words::intent(view.intent, panel.language),
            state: words::state(view.state, panel.language),
            waits: view.state == State::Pending,
            said,
            view,
        }
    }
}
