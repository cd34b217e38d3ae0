//! Whether a turn is answered, with what, and why: one pure function.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

pub use super::silence::Silence;
use super::{
    condition::BuyerFacts,
    matcher::{PassedRules, RuleBook, Search, Tier},
    outside::{AiWord, Asked, HookWord},
    rule::{Action, Deed, Reply, Rule, RuleBody, Trigger, pause},
    source::{Source, Sources},
    template::{Variables, render},
    text::TurnText,
    trail::{Found, Passed, PassedOver, Step, Trail},
};
use crate::{
    ids::{BuyerId, ItemId, MessageId, RuleId, Timestamp},
    platform::lwp::event::{Content, Message},
};

/// What a buyer said in one conversation before falling quiet.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// In the order they arrived.
    pub messages: Vec<TurnMessage>,
    pub item: Option<ItemId>,
    pub buyer: BuyerId,
    /// Empty where the platform did not say it.
    pub buyer_name: String,
    pub group: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TurnMessage {
    pub id: MessageId,
    pub kind: Kind,
    /// What was typed, or the platform's display text.
    pub text: String,
    pub sent_at: Timestamp,
}

/// What a message is, as far as answering goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A picture, voice message or sticker: `text` is only what a phone would show for it.
    Media,
    /// The platform speaks in somebody's name: a system sentence, a tip, a card.
    Platform,
}

impl Kind {
    pub fn of(message: &Message) -> Self {
        match &message.content {
            _ if !message.is_written_by_a_person() => Self::Platform,
            Content::Text { .. } => Self::Text,
            Content::Image { .. } | Content::Voice | Content::Sticker | Content::Other => Self::Media,
            Content::Tip { .. } | Content::Card(_) => Self::Platform,
        }
    }

    /// The kind of a message that was stored: from the platform's content type, of which 1–5 are what people write and 1 is text.
    pub fn from_content_type(content_type: i64) -> Self {
        match content_type {
            1 => Self::Text,
            2..=5 => Self::Media,
            _ => Self::Platform,
        }
    }
}

/// What is known besides the turn.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    pub now: Timestamp,
    /// Messages sent longer ago are not answered.
    pub age_limit: Duration,
    pub side: Side,
    pub blocked: bool,
    /// The seller took the conversation over until then.
    pub paused_until: Option<Timestamp>,
    /// When the seller last wrote here by hand.
    pub seller_wrote_at: Option<Timestamp>,
    /// Rules with `once` that were used in this conversation.
    pub used_once: &'a HashSet<RuleId>,
    /// How often rules that are limited by the day answered this buyer today.
    pub used_today: &'a HashMap<RuleId, u32>,
    pub buyer: BuyerFacts<'a>,
    pub item_title: Option<&'a str>,
    /// Which sources the account uses.
    pub sources: Sources,
    pub hook: Asked<'a, HookWord>,
    pub ai: Asked<'a, AiWord>,
}

/// Which side of the conversation our account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Seller,
    Buyer,
    /// The item's seller could not be found out.
    Unknown,
}

/// What happens with a turn, and why.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    Silent(Silence),
    Answer {
        source: Source,
        /// The rule or default reply, where it is one that answers.
        rule: Option<RuleId>,
        /// Never empty; in this order, variables filled in.
        sends: Vec<Reply>,
        /// The rule answers once in a conversation: remember it, and forget it if the buyer never gets the answer.
        once: bool,
    },
}

/// What deciding came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Considered {
    pub outcome: Outcome,
    /// Of a settled outcome: what is to be done besides.
    pub effects: Effects,
    pub trail: Trail,
}

/// What a rule does besides sending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// In this order.
    pub deeds: Vec<Deed>,
    /// This rule is limited by the day: it answered once more.
    pub counted: Option<RuleId>,
}

impl Effects {
    /// What comes of it for the buyer's tags, and until when no automatic answer follows; `None`: they go on.
    pub fn carry_out(&self, tags: &mut Vec<String>, now: Timestamp) -> Option<Timestamp> {
        let mut paused_until = None;
        for deed in &self.deeds {
            match deed {
                Deed::Tag(tag) if tags.contains(tag) => {}
                Deed::Tag(tag) => tags.push(tag.clone()),
                Deed::Untag(tag) => tags.retain(|known| known != tag),
                Deed::Pause { minutes } => paused_until = paused_until.max(Some(now + pause(*minutes))),
                Deed::HandOver(_) => paused_until = Some(Timestamp::NEVER),
                Deed::Notify(_) => {}
            }
        }
        paused_until
    }
}

/// How far deciding came.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Settled(Decision),
    /// It is this one's turn to be asked: do so, and decide again with its word.
    Ask(Question),
}

/// Who is to be asked before anything can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    Hook,
    Ai,
}

/// Decides about a turn, and tells how. The checks, in this order; the first that holds is the reason:
///
/// 1. a group chat, nothing a person wrote, our account being the buyer or its side unknown, a blocked buyer: silent;
/// 2. the seller took over, or wrote after the buyer's last message: silent;
/// 3. messages older than the age limit do not count; if none is left: silent, a person should look;
/// 4. the sources that the account uses, in the order of [`Source::ORDER`]:
///    - the hook's word;
///    - the best rule whose words and conditions hold for the other messages, except rules that were used as often as they may be: its
///      actions, or silence if it sends nothing;
///    - the AI's word, where something was typed;
///    - the narrowest default reply whose conditions hold, for messages of every kind. One that was given as often as it may be is not
///      replaced by a wider one: silent.
pub fn decide(turn: &Turn, book: &RuleBook, state: &State<'_>) -> Considered {
    let mut search = Seeking { turn, state, trail: Trail::default(), effects: Effects::default() };
    let outcome = search.run(book);
    search.end(outcome)
}

/// Decides about something that happened, by the rule that waited for it. `turn` has no messages. The first check that holds is the reason:
/// our account being the buyer or its side unknown, a blocked buyer, the seller took over, conditions or limits of the rule: silent.
pub fn decide_event(turn: &Turn, rule: &Rule, state: &State<'_>) -> Considered {
    let mut search = Seeking { turn, state, trail: Trail::default(), effects: Effects::default() };
    let outcome = search.run_event(rule).map(Outcome::Settled);
    search.end(outcome)
}

/// Whether a rule's own conditions and limits allow it now.
///
/// # Errors
/// Says what stands against it.
pub fn may_use(rule: &Rule, state: &State<'_>) -> Result<(), PassedOver> {
    rule.body.conditions.hold(state.now, &state.buyer)?;
    used_up(rule, state).map_or(Ok(()), Err)
}

/// A rule that was used as often as it may be.
fn used_up(rule: &Rule, state: &State<'_>) -> Option<PassedOver> {
    let today = state.used_today.get(&rule.id).copied().unwrap_or(0);
    match rule.body.per_day {
        _ if rule.body.once && state.used_once.contains(&rule.id) => Some(PassedOver::UsedOnce),
        Some(most) if today >= most => Some(PassedOver::UsedUpToday),
        Some(_) | None => None,
    }
}

/// The search for an answer, and what it met with.
struct Seeking<'a> {
    turn: &'a Turn,
    state: &'a State<'a>,
    trail: Trail,
    effects: Effects,
}

impl Seeking<'_> {
    fn end(self, outcome: Result<Outcome, Silence>) -> Considered {
        let outcome = outcome.unwrap_or_else(|silence| Outcome::Settled(Decision::Silent(silence)));
        Considered { outcome, effects: self.effects, trail: self.trail }
    }

    fn run_event(&mut self, rule: &Rule) -> Result<Decision, Silence> {
        on_our_side(self.state)?;
        leave_to_the_seller(None, self.state)?;
        let source = Source::of_rules(Tier::of(&rule.body));
        let allowed =
            if self.state.sources.is_on(source) { may_use(rule, self.state) } else { Err(PassedOver::SourceOff) };
        if let Err(why) = allowed {
            let passed = vec![Passed { rule: rule.id, why }];
            self.note(Step { passed, ..Step::new(source, Found::Nothing) });
            return Err(Silence::NoRule);
        }
        self.note(Step::new(source, Found::Answered).of_rule(rule.id));
        self.say(rule, source, &[])
    }

    fn run(&mut self, book: &RuleBook) -> Result<Outcome, Silence> {
        let written = written_by_a_buyer(self.turn, self.state)?;
        let latest = written.iter().map(|message| message.sent_at).max();
        leave_to_the_seller(latest, self.state)?;
        let fresh = fresh(written, self.state)?;
        if let Some(outcome) = self.hook() {
            return Ok(outcome);
        }
        if let Some(decision) = self.rules(book, &fresh)? {
            return Ok(Outcome::Settled(decision));
        }
        if let Some(outcome) = self.ai(&fresh)? {
            return Ok(outcome);
        }
        self.defaults(book, &fresh).map(Outcome::Settled)
    }

    fn note(&mut self, step: Step) {
        self.trail.0.push(step);
    }

    /// Whether a source is to be asked at all; that it is off is noted.
    fn uses(&mut self, source: Source) -> bool {
        let on = self.state.sources.is_on(source);
        if !on {
            self.note(Step::new(source, Found::Off));
        }
        on
    }

    fn hook(&mut self) -> Option<Outcome> {
        // Most accounts have none, and then there is nothing to tell.
        if matches!(self.state.hook, Asked::NotSet) || !self.uses(Source::Hook) {
            return None;
        }
        let step = match self.state.hook {
            Asked::NotSet => Step::new(Source::Hook, Found::NotSet),
            Asked::NotNow(why) => Step::new(Source::Hook, Found::Nothing).because(why),
            Asked::Unasked => return Some(Outcome::Ask(Question::Hook)),
            Asked::Heard(HookWord::Nothing) => Step::new(Source::Hook, Found::Nothing),
            Asked::Heard(HookWord::Failed(why)) => Step::new(Source::Hook, Found::Failed).because(*why),
            Asked::Heard(HookWord::Says(sends)) => {
                self.note(Step::new(Source::Hook, Found::Answered));
                let answer = Decision::Answer { source: Source::Hook, rule: None, sends: sends.clone(), once: false };
                return Some(Outcome::Settled(answer));
            }
        };
        self.note(step);
        None
    }

    fn rules(&mut self, book: &RuleBook, fresh: &[&TurnMessage]) -> Result<Option<Decision>, Silence> {
        let state = self.state;
        let may_use = |rule: &Rule| match () {
            () if !state.sources.is_on(Source::of_rules(Tier::of(&rule.body))) => Err(PassedOver::SourceOff),
            () => may_use(rule, state),
        };
        let found = book.search(&text_of(fresh), self.turn.item.as_ref(), may_use);
        let answers = found.best.as_ref().map(|best| best.tier);
        for tier in [Tier::Item, Tier::Account, Tier::Global] {
            if answers.is_some_and(|answers| answers < tier) {
                break;
            }
            let source = Source::of_rules(tier);
            let mut step = match &found.best {
                _ if !state.sources.is_on(source) => Step::new(source, Found::Off),
                Some(best) if best.tier == tier => Step::new(source, Found::Answered).of_rule(best.rule.id),
                Some(_) | None => Step::new(source, Found::Nothing),
            };
            step.passed = passed_over(&found.passed, |of| of == tier);
            self.note(step);
        }
        let Some(best) = found.best else { return Ok(None) };
        self.say(&best.rule, Source::of_rules(best.tier), fresh).map(Some)
    }

    fn ai(&mut self, fresh: &[&TurnMessage]) -> Result<Option<Outcome>, Silence> {
        if !self.uses(Source::Ai) {
            return Ok(None);
        }
        let typed = fresh.iter().any(|message| message.kind == Kind::Text);
        let ai = |found| Step::new(Source::Ai, found);
        let (step, outcome) = match self.state.ai {
            Asked::NotSet => (ai(Found::NotSet), Ok(None)),
            Asked::NotNow(why) => (ai(Found::Nothing).because(why), Ok(None)),
            _ if !typed => (ai(Found::Nothing).because("no_text"), Ok(None)),
            Asked::Unasked => return Ok(Some(Outcome::Ask(Question::Ai))),
            Asked::Heard(AiWord::Says { text, instead }) => {
                let sends = vec![Reply::Text(text.clone())];
                let answer = Decision::Answer { source: Source::Ai, rule: None, sends, once: false };
                (Step { why: instead.map(Into::into), ..ai(Found::Answered) }, Ok(Some(Outcome::Settled(answer))))
            }
            Asked::Heard(AiWord::Recorded) => (ai(Found::Recorded), Ok(None)),
            Asked::Heard(AiWord::Suggested) => (ai(Found::Suggested), Err(Silence::Suggested)),
            Asked::Heard(AiWord::LeftToPerson(why)) => {
                (ai(Found::LeftToPerson).because(*why), Err(Silence::LeftToPerson))
            }
            Asked::Heard(AiWord::Failed(why)) => (ai(Found::Failed).because(*why), Ok(None)),
        };
        self.note(step);
        outcome
    }

    fn defaults(&mut self, book: &RuleBook, fresh: &[&TurnMessage]) -> Result<Decision, Silence> {
        let state = self.state;
        let may_use = |rule: &Rule| match () {
            () if !state.sources.is_on(Source::of_defaults(Tier::of(&rule.body))) => Err(PassedOver::SourceOff),
            () => rule.body.conditions.hold(state.now, &state.buyer),
        };
        let found = book.default_for(self.turn.item.as_ref(), may_use);
        let answers = found.best.as_ref().map(|best| Source::of_defaults(best.tier));
        for source in [Source::ItemDefault, Source::AccountDefault] {
            if answers.is_some_and(|answers| answers <= source) {
                break;
            }
            if self.uses(source) {
                let passed = passed_over(&found.passed, |tier| Source::of_defaults(tier) == source);
                let found = if passed.is_empty() { Found::NotSet } else { Found::Nothing };
                self.note(Step { passed, ..Step::new(source, found) });
            }
        }
        let (default, source) = found.best.map(|best| best.rule).zip(answers).ok_or(Silence::NoRule)?;
        if let Some(why) = used_up(&default, state) {
            let step = Step::new(source, Found::Nothing).of_rule(default.id);
            self.note(match why {
                PassedOver::UsedOnce => step.because("used_once"),
                _ => step.because("used_up_today"),
            });
            return Err(Silence::AlreadyAnsweredOnce { rule: default.id });
        }
        self.note(Step::new(source, Found::Answered).of_rule(default.id));
        self.say(&default, source, fresh)
    }

    /// What a rule says; the step that names it is the last one.
    fn say(&mut self, rule: &Rule, source: Source, said: &[&TurnMessage]) -> Result<Decision, Silence> {
        let message = said.iter().map(|message| message.text.as_str()).collect::<Vec<_>>().join("\n");
        let variables = Variables {
            send_user_name: &self.turn.buyer_name,
            send_user_id: self.turn.buyer.as_str(),
            send_message: &message,
            item_id: self.turn.item.as_ref().map_or("", ItemId::as_str),
            item_title: self.state.item_title.unwrap_or_default(),
        };
        let RuleBody { actions, once, per_day, .. } = &rule.body;
        let mut sends = Vec::with_capacity(actions.len());
        for action in actions {
            match fill_in(action, &variables) {
                Some(Filled::Send(reply)) => sends.push(reply),
                Some(Filled::Do(deed)) => self.effects.deeds.push(deed),
                None => {}
            }
        }
        self.effects.counted = per_day.map(|_| rule.id);
        if sends.is_empty() {
            if let Some(step) = self.trail.0.last_mut() {
                step.found = Found::Silenced;
            }
            return Err(Silence::EmptyReply { rule: rule.id });
        }
        Ok(Decision::Answer { source, rule: Some(rule.id), sends, once: *once })
    }
}

/// The rule that something which happened is for, and which came near.
pub fn find_for_event(book: &RuleBook, trigger: Trigger, item: Option<&ItemId>, state: &State<'_>) -> Search {
    let allowed = |rule: &Rule| match () {
        () if !state.sources.is_on(Source::of_rules(Tier::of(&rule.body))) => Err(PassedOver::SourceOff),
        () => may_use(rule, state),
    };
    book.for_event(trigger, item, allowed)
}

/// Those of some tiers.
pub(super) fn passed_over(passed: &PassedRules, wanted: impl Fn(Tier) -> bool) -> Vec<Passed> {
    let of_tier = passed.iter().filter(|(rule, _)| wanted(Tier::of(&rule.body)));
    of_tier.map(|(rule, why)| Passed { rule: rule.id, why: *why }).collect()
}

fn written_by_a_buyer<'a>(turn: &'a Turn, state: &State<'_>) -> Result<Vec<&'a TurnMessage>, Silence> {
    if turn.group {
        return Err(Silence::GroupChat);
    }
    let written: Vec<_> = turn.messages.iter().filter(|message| message.kind != Kind::Platform).collect();
    if written.is_empty() {
        return Err(Silence::NotAPerson);
    }
    on_our_side(state)?;
    Ok(written)
}

/// Nothing is said where we do not sell, or to a blocked buyer.
fn on_our_side(state: &State<'_>) -> Result<(), Silence> {
    match state.side {
        Side::Buyer => Err(Silence::BuyerSide),
        Side::Unknown => Err(Silence::SideUnknown),
        Side::Seller if state.blocked => Err(Silence::Blocked),
        Side::Seller => Ok(()),
    }
}

fn leave_to_the_seller(latest: Option<Timestamp>, state: &State<'_>) -> Result<(), Silence> {
    if let Some(until) = state.paused_until.filter(|until| *until > state.now) {
        return Err(Silence::SellerTookOver { until });
    }
    if latest.is_some() && state.seller_wrote_at > latest {
        return Err(Silence::SellerAnswered);
    }
    Ok(())
}

fn fresh<'a>(written: Vec<&'a TurnMessage>, state: &State<'_>) -> Result<Vec<&'a TurnMessage>, Silence> {
    let fresh: Vec<_> =
        written.into_iter().filter(|message| state.now.since(message.sent_at) <= state.age_limit).collect();
    if fresh.is_empty() { Err(Silence::TooOld) } else { Ok(fresh) }
}

fn text_of(messages: &[&TurnMessage]) -> TurnText {
    let mut text = TurnText::default();
    for message in messages {
        match message.kind {
            Kind::Text => text.push_typed(&message.text),
            Kind::Media => text.push_shown(&message.text),
            Kind::Platform => {}
        }
    }
    text
}

enum Filled {
    Send(Reply),
    Do(Deed),
}

/// `None` for what would reach the buyer or the seller as a blank.
fn fill_in(action: &Action, variables: &Variables<'_>) -> Option<Filled> {
    let filled = |text: &str| Some(render(text, variables)).filter(|text| !text.trim().is_empty());
    Some(match action {
        Action::Text(text) => Filled::Send(Reply::Text(filled(text)?)),
        Action::Image(url) => Filled::Send(Reply::Image(Some(url.trim()).filter(|url| !url.is_empty())?.into())),
        Action::Pause(minutes) => Filled::Do(Deed::Pause { minutes: *minutes }),
        Action::Tag(tag) => Filled::Do(Deed::Tag(tag.clone())),
        Action::Untag(tag) => Filled::Do(Deed::Untag(tag.clone())),
        Action::Notify(text) => Filled::Do(Deed::Notify(filled(text)?)),
        Action::HandOver(to) => Filled::Do(Deed::HandOver(*to)),
    })
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
