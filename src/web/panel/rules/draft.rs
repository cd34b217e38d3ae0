//! What is prepared in a set and not published yet.

use super::{
    super::super::{
        api::rule_sets,
        error::{ApiResult, Language},
        forms::Outcome,
    },
    Panel, Set, warnings_of, words,
};
use crate::{ids::RuleId, store::rule_versions::ChangeKind};

/// Changes that wait to be published.
pub(in crate::web) struct Draft {
    pub(super) changes: Vec<Prepared>,
    pub(super) total: i64,
    pub(super) said: String,
    /// Saved tests that held up publishing just now.
    pub(super) failed: Vec<Failed>,
    /// Where it is tried with what was said lately; empty: there is no account.
    pub(super) replay: String,
}

/// A change of one rule.
pub(in crate::web) struct Prepared {
    pub(super) id: RuleId,
    pub(super) what: &'static str,
    pub(super) title: String,
    /// What is different, in words.
    pub(super) fields: String,
    /// It can be looked at in the editor.
    pub(super) is_there: bool,
}

/// A saved test that does not come as expected.
pub(in crate::web) struct Failed {
    pub(super) name: String,
    pub(super) misses: Vec<String>,
}

impl Draft {
    pub(super) async fn read(panel: &Panel, set: &Set) -> ApiResult<Self> {
        let (who, data) = (panel.caller.clone(), panel.app.clone());
        let page = rule_sets::draft(who, set.path(), super::super::asked("per_page=200")?, data).await?.0;
        let language = panel.language;
        let prepared = |change: rule_sets::RuleChangeView| {
            let view = change.after.as_ref().or(change.before.as_ref());
            Prepared {
                id: change.rule_id,
                what: words::change(change.change, language),
                title: view.map(|view| words::title_of_view(view, language)).unwrap_or_default(),
                fields: fields(&change.differs, language),
                is_there: change.change != ChangeKind::Removed,
            }
        };
        let total = page.total;
        Ok(Self {
            changes: page.items.into_iter().map(prepared).collect(),
            total,
            said: match language {
                Language::Chinese => format!("有 {total} 项修改还没有发布，买家收到的仍是原来的回复"),
                Language::English => {
                    format!("Changes that are not published yet: {total}. Buyers still get the old answers")
                }
            },
            failed: failed(panel),
            replay: set
                .account
                .or_else(|| set.names.first(1).first().copied())
                .map(|id| format!("/app/sandbox?account={id}&rules=draft&days=7"))
                .unwrap_or_default(),
        })
    }

    pub(super) fn has(&self, id: RuleId) -> bool {
        self.changes.iter().any(|change| change.id == id)
    }
}

/// The names of what differs, each once.
pub(super) fn fields(differs: &[String], language: Language) -> String {
    let mut names: Vec<&str> = differs.iter().map(|name| words::field(name, language)).collect();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names.join(language.pick("、", ", "))
}

fn failed(panel: &Panel) -> Vec<Failed> {
    let Some(Outcome::Refused(refused)) = panel.kept.as_ref().map(|kept| &kept.outcome) else { return Vec::new() };
    let misses = |case: &serde_json::Value| {
        let misses = case["misses"].as_array().into_iter().flatten();
        misses.filter_map(|miss| miss["text"].as_str()).map(str::to_owned).collect()
    };
    let name = |case: &serde_json::Value| case["name"].as_str().unwrap_or_default().to_owned();
    refused.details.cases.iter().map(|case| Failed { name: name(case), misses: misses(case) }).collect()
}

/// What the API warned of when this rule was saved.
pub(super) fn warnings(panel: &Panel) -> Vec<String> {
    warnings_of(panel, "rule")
}
