//! Answers of the AI that wait for a person.

use super::{
    super::{
        super::{
            api::{
                explanations,
                key::MessageKey,
                suggestions::{self, SuggestionView},
            },
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
    pub(super) async fn read(panel: &Panel, account: Option<AccountId>, names: &AccountNames) -> ApiResult<Self> {
        let given = panel.given("state");
        let state = words::STATES.into_iter().find(|state| given == Some(state.as_str())).unwrap_or(State::Pending);
        let page = panel.given("page").and_then(super::super::super::input::whole).unwrap_or(1);
        let of = account.map(|id| format!("&account={id}")).unwrap_or_default();
        let asked = super::super::asked(&format!("state={}&per_page=20&page={page}{of}", state.as_str()))?;
        let page = suggestions::list(panel.caller.clone(), asked, panel.app.clone()).await?.0;
        let pager = Pager::new(panel, &page);
        let mut lines = Vec::new();
        for view in page.items {
            lines.push(Line::read(view, panel, names).await);
        }
        Ok(Self {
            lines,
            pager,
            state: state.as_str(),
            states: words::STATES.map(|state| (state.as_str(), words::state(state, panel.language))).into(),
        })
    }
}

impl Line {
    async fn read(view: SuggestionView, panel: &Panel, names: &AccountNames) -> Self {
        let key = MessageKey { account: view.account_id, message: view.message_id.clone() };
        // Messages may be gone by now; the suggestion stays.
        let turn = explanations::get(panel.caller.clone(), key, panel.app.clone()).await;
        let said = turn.map(|turn| turn.0.messages.into_iter().map(|message| message.text).collect());
        Self {
            form: format!("suggestion-{}", view.id),
            account: names.name(view.account_id),
            intent: words::intent(view.intent, panel.language),
            state: words::state(view.state, panel.language),
            waits: view.state == State::Pending,
            said: said.unwrap_or_default(),
            view,
        }
    }
}
