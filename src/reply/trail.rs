//! How a decision was reached: which sources were asked, in which order, and why each did or did not answer. Stored with the decision.

use serde::{Deserialize, Serialize};

use super::source::Source;
use crate::ids::RuleId;

/// The sources that were asked, in order. Empty where a reason to stay silent came before any source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trail(pub Vec<Step>);

/// What one source had to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub source: Source,
    pub found: Found,
    /// The rule or default reply that answers, or wants silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// A stable code of the details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Rules whose keyword occurs and that did not answer; the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<Passed>,
}

/// What came of asking a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Turned off for this account.
    Off,
    /// There is none: no hook, no AI, no default reply.
    NotSet,
    /// It has nothing to say to this.
    Nothing,
    /// Its answer goes to the buyer.
    Answered,
    /// It wants nothing to be said.
    Silenced,
    /// It could not be asked, or gave nothing that can be sent.
    Failed,
    /// Its answer was recorded and not sent.
    Recorded,
    /// Its answer waits for a person's approval.
    Suggested,
    /// A person is to answer.
    LeftToPerson,
}

/// A rule whose keyword occurs and that did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    pub rule: RuleId,
    pub why: PassedOver,
}

/// Why a rule whose keyword occurs did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PassedOver {
    /// It is about another item.
    OtherItem,
    /// None of the words of which one must occur does.
    NoneOf,
    /// A word that must occur does not.
    NotAllOf,
    /// A word that must not occur does.
    Excluded,
    /// It answers once in a conversation, and did.
    UsedOnce,
    /// It answered this buyer as often today as it may.
    UsedUpToday,
    /// It holds at other hours.
    OtherHours,
    /// The buyer lacks a tag, or has one for which it does not hold.
    Tags,
    /// It is for those who bought before, or did not; for the first turn of a conversation, or for later ones.
    History,
    /// Another one goes before it.
    Outranked,
    /// Rules of its kind are turned off for this account.
    SourceOff,
}

impl Step {
    pub(super) fn new(source: Source, found: Found) -> Self {
        Self { source, found, rule: None, why: None, passed: Vec::new() }
    }

    pub(super) fn of_rule(self, rule: RuleId) -> Self {
        Self { rule: Some(rule), ..self }
    }

    pub(super) fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }
}

impl Trail {
    /// As it is stored; `None` where there is nothing to tell.
    pub fn to_text(&self) -> Option<String> {
        // Numbers and names: always writable.
        (!self.0.is_empty()).then(|| serde_json::to_string(self).unwrap_or_default())
    }
}
