//! Saved tests of an account's rules.

use super::super::{
    super::{
        api::rule_cases::{self, RuleCaseView},
        error::{ApiResult, Language},
    },
    Panel,
};
use crate::{
    ids::AccountId,
    reply::case::{Step, What},
};

/// The tests of an account, and what came of trying them.
#[derive(Default)]
pub(in crate::web) struct Cases {
    pub(super) lines: Vec<Line>,
    /// Of the last trial; empty: they were not tried.
    pub(super) said: String,
}

/// A saved test.
pub(in crate::web) struct Line {
    pub(super) id: i64,
    pub(super) name: String,
    /// What the buyer says in it.
    pub(super) says: Vec<String>,
    pub(super) blocks: bool,
    /// Where it is played again.
    pub(super) open: String,
    /// `None`: it was not tried.
    pub(super) passed: Option<bool>,
    pub(super) misses: Vec<String>,
}

impl Cases {
    pub(super) async fn read(panel: &Panel, account: Option<AccountId>) -> ApiResult<Self> {
        let Some(account) = account else { return Ok(Self::default()) };
        let asked = super::super::asked(&format!("account={account}&per_page=200"))?;
        let page = rule_cases::list(panel.caller.clone(), asked, panel.app.clone()).await?.0;
        Ok(Self { lines: page.items.into_iter().map(|case| Line::new(case, panel)).collect(), said: said(panel) })
    }
}

fn said(panel: &Panel) -> String {
    let Some(answer) = panel.answer_to("try-cases") else { return String::new() };
    let count = |name: &str| answer[name].as_u64().unwrap_or(0);
    let (passed, failed) = (count("passed"), count("failed"));
    match panel.language {
        Language::Chinese => format!("通过 {passed} 个，没有通过 {failed} 个。"),
        Language::English => format!("{passed} came as expected, {failed} did not."),
    }
}

impl Line {
    fn new(case: RuleCaseView, panel: &Panel) -> Self {
        let tried = panel.answer_to("try-cases").and_then(|answer| answer["cases"].as_array());
        let tried = tried.into_iter().flatten().find(|tried| tried["id"].as_i64() == Some(case.id));
        let misses = tried.and_then(|tried| tried["misses"].as_array()).into_iter().flatten();
        let says: Vec<String> = case.steps.iter().flat_map(says).collect();
        Self {
            id: case.id,
            blocks: case.blocks,
            open: open(&case, &says),
            says,
            passed: tried.and_then(|tried| tried["passed"].as_bool()),
            misses: misses.filter_map(|miss| miss["text"].as_str()).map(str::to_owned).collect(),
            name: case.name,
        }
    }
}

fn says(step: &Step) -> Vec<String> {
    match &step.what {
        Some(What::Says(texts)) => texts.clone(),
        Some(What::Shows(_) | What::Event(_) | What::SellerSays(_)) | None => Vec::new(),
    }
}

fn open(case: &RuleCaseView, says: &[String]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("account", &case.account_id.to_string());
    query.append_pair("say", &says.join("\n"));
    if let Some(item) = &case.item_id {
        query.append_pair("item", &item.to_string());
    }
    if !case.buyer.tags.is_empty() {
        query.append_pair("tags", &case.buyer.tags.join(","));
    }
    if case.buyer.orders > 0 {
        query.append_pair("bought", "true");
    }
    if case.buyer.wrote_before {
        query.append_pair("wrote_before", "true");
    }
    let event = case.steps.iter().find_map(|step| match &step.what {
        Some(What::Event(event)) => Some(event.as_str()),
        _ => None,
    });
    if let Some(event) = event {
        query.append_pair("event", event);
    }
    format!("/app/sandbox?{}", query.finish())
}
