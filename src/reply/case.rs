//! What a seller expects of their rules: a conversation as it might go, and what is to come of it. Played in the [sandbox](super::sandbox).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    decide::{Decision, Kind, Question, TurnMessage},
    rule::{Deed, Reply, Trigger},
    sandbox::{About, Cue, Outside, Sandbox, Scene},
    source::Source,
};
use crate::ids::{ItemId, MessageId, RuleId, Timestamp};

/// A conversation as it might go. As JSON it is what is stored, and what the API tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// What it is about.
    #[serde(rename = "item_id", skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    #[serde(skip_serializing_if = "Extra::is_nobody")]
    pub buyer: Extra,
    /// When it begins; `None`: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    pub steps: Vec<Step>,
}

/// Who plays the buyer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Orders paid before.
    pub orders: i64,
    /// They wrote here before.
    pub wrote_before: bool,
}

impl Extra {
    fn is_nobody(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that happens, after some time, and what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    #[serde(default = "usual_pause", skip_serializing_if = "is_usual")]
    pub after_s: u32,
    /// `None`: nothing but time passes.
    #[serde(flatten)]
    pub what: Option<What>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expects: Option<Expects>,
}

/// Seconds between two things that happen, where nothing else is said.
pub const USUAL_PAUSE: u32 = 30;

fn usual_pause() -> u32 {
    USUAL_PAUSE
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's way of asking")]
fn is_usual(after_s: &u32) -> bool {
    *after_s == USUAL_PAUSE
}

/// What happens in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The buyer writes this, message by message, and falls quiet.
    Says(Vec<String>),
    /// The buyer sends something that is no text, shown as this: `[图片]`.
    Shows(String),
    /// Something happens to an order of the buyer.
    Event(Trigger),
    /// The seller writes by hand.
    SellerSays(String),
}

/// What is to come of a step. All of it must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Expects {
    /// Each of these occurs in what is sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// None of these does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// Nothing is sent, or something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
    /// Where the answer comes from. The hook and the AI are not asked: that they would be is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// This rule answers, or wants silence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_id: Option<RuleId>,
    /// The buyer has these tags afterwards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The conversation is left to a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hands_over: Option<bool>,
}

impl Expects {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An expectation that did not come true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// It is not in what was sent.
    Lacking(String),
    /// It is in what was sent.
    Unwanted(String),
    /// Something was sent.
    NotSilent,
    /// Nothing was.
    Silent,
    /// The answer comes from elsewhere; `None`: there is none.
    OtherSource {
        wanted: Source,
        got: Option<Source>,
    },
    OtherRule {
        wanted: RuleId,
        got: Option<RuleId>,
    },
    NotTagged(String),
    NotHandedOver,
    HandedOver,
}

/// A step that was played.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    pub at: Timestamp,
    /// In this order; the first ones may be what was due before the step.
    pub scenes: Vec<Scene>,
    pub misses: Vec<Miss>,
}

/// Plays a script. `outside`: who else than rules would have a say at that moment.
pub fn play(
    sandbox: &mut Sandbox<'_>,
    script: &Script,
    began: Timestamp,
    outside: impl Fn(Timestamp) -> Outside,
) -> Vec<Played> {
    let mut now = began;
    let steps = script.steps.iter().enumerate().map(|(number, step)| {
        if number > 0 || step.what.is_none() {
            now = now + Duration::from_secs(step.after_s.into());
        }
        let scenes = match step.what.as_ref().map(|what| cue(what, number, now)) {
            Some(cue) => sandbox.play(&cue, now, outside(now)),
            None => sandbox.run_until(now),
        };
        let misses = step.expects.as_ref().map_or_else(Vec::new, |expects| {
            let own = scenes.iter().filter(|scene| step.is_about(scene, now)).collect::<Vec<_>>();
            expects.judge(&own, &sandbox.cast().tags)
        });
        Played { at: now, scenes, misses }
    });
    steps.collect()
}

fn cue(what: &What, step: usize, at: Timestamp) -> Cue {
    match what {
        What::Says(_) | What::Shows(_) => {
            let mut messages = what.clone().into_messages();
            for (number, message) in messages.iter_mut().enumerate() {
                message.id = MessageId::from(format!("{step}.{number}"));
                message.sent_at = at;
            }
            Cue::Said(messages)
        }
        What::Event(trigger) => Cue::Event(*trigger),
        What::SellerSays(_) => Cue::SellerWrote,
    }
}

impl What {
    /// What the buyer writes; when, and by which numbers, is not said.
    pub fn into_messages(self) -> Vec<TurnMessage> {
        let message = |kind| move |text| TurnMessage { id: "".into(), kind, text, sent_at: Timestamp(0) };
        match self {
            Self::Says(texts) => texts.into_iter().map(message(Kind::Text)).collect(),
            Self::Shows(text) => vec![message(Kind::Media)(text)],
            Self::Event(_) | Self::SellerSays(_) => Vec::new(),
        }
    }
}

impl Step {
    /// What comes of a step, and not of what was due before.
    fn is_about(&self, scene: &Scene, now: Timestamp) -> bool {
        match (&self.what, scene.about) {
            (None, _) => true,
            (Some(What::Says(_) | What::Shows(_)), about) => about == About::Turn,
            (Some(What::Event(trigger)), about) => about == About::Event(*trigger) && scene.at == now,
            (Some(What::SellerSays(_)), _) => false,
        }
    }
}

impl Expects {
    /// What did not come true of these scenes. `tags`: those of the buyer afterwards.
    pub fn judge(&self, scenes: &[&Scene], tags: &[String]) -> Vec<Miss> {
        let sends: Vec<&Reply> = scenes.iter().flat_map(|scene| scene.sends()).collect();
        let said = sends.iter().map(|reply| reply.content()).collect::<Vec<_>>().join("\n");
        let mut misses = Vec::new();
        misses.extend(self.contains.iter().filter(|text| !said.contains(*text)).cloned().map(Miss::Lacking));
        misses.extend(self.lacks.iter().filter(|text| said.contains(*text)).cloned().map(Miss::Unwanted));
        match self.silent {
            Some(true) if !sends.is_empty() => misses.push(Miss::NotSilent),
            Some(false) if sends.is_empty() => misses.push(Miss::Silent),
            Some(_) | None => {}
        }
        let sources: Vec<Source> = scenes.iter().flat_map(|scene| scene.sources()).collect();
        if let Some(wanted) = self.source.filter(|wanted| !sources.contains(wanted)) {
            misses.push(Miss::OtherSource { wanted, got: sources.last().copied() });
        }
        let rules = || scenes.iter().filter_map(|scene| scene.rule());
        if let Some(wanted) = self.rule_id.filter(|wanted| !rules().any(|rule| rule == *wanted)) {
            misses.push(Miss::OtherRule { wanted, got: rules().next_back() });
        }
        misses.extend(self.tags.iter().filter(|tag| !tags.contains(tag)).cloned().map(Miss::NotTagged));
        let hands_over =
            scenes.iter().flat_map(|scene| &scene.effects.deeds).any(|deed| matches!(deed, Deed::HandOver(_)));
        match self.hands_over {
            Some(true) if !hands_over => misses.push(Miss::NotHandedOver),
            Some(false) if hands_over => misses.push(Miss::HandedOver),
            Some(_) | None => {}
        }
        misses
    }
}

impl Scene {
    /// What would be sent.
    pub fn sends(&self) -> &[Reply] {
        match &self.decision {
            Decision::Answer { sends, .. } => sends,
            Decision::Silent(_) => &[],
        }
    }

    /// Where the answer comes from, and who would be asked before.
    fn sources(&self) -> impl Iterator<Item = Source> + '_ {
        let asked = self.would_ask.iter().map(|question| match question {
            Question::Hook => Source::Hook,
            Question::Ai => Source::Ai,
        });
        let answers = match &self.decision {
            Decision::Answer { source, .. } => Some(*source),
            Decision::Silent(_) => None,
        };
        asked.chain(answers)
    }
}

impl Reply {
    fn content(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Image(address) => address,
        }
    }
}

#[cfg(test)]
#[path = "case_tests.rs"]
mod tests;
