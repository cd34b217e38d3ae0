//! A conversation played through by the same deciding function, with nobody told: nothing is sent or stored, and what a rule remembers is
//! remembered for as long as the play lasts. The clock is the player's.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{
    condition::BuyerFacts,
    decide::{
        Considered, Decision, Effects, Outcome, Question, Side, Silence, State, Turn, TurnMessage, decide,
        decide_event, find_for_event, passed_over,
    },
    matcher::{RuleBook, Search, Tier},
    outside::{AiWord, Asked, HookWord},
    rule::{Rule, Trigger},
    source::{Source, Sources},
    trail::{Found, Step, Trail},
};
use crate::{
    ids::{BuyerId, ItemId, RuleId, Timestamp},
    platform::hours::day_of,
};

/// Said of who would be asked, and is not: it is the seller's money, or the seller's program.
pub const NOT_ASKED: &str = "not_asked";

/// What is known of a conversation when the play begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Cast {
    pub sources: Sources,
    pub side: Side,
    pub buyer: BuyerId,
    /// Empty where nobody knows it.
    pub buyer_name: String,
    pub tags: Vec<String>,
    /// Orders that the buyer paid before.
    pub orders: i64,
    pub blocked: bool,
    pub item: Option<ItemId>,
    pub item_title: Option<String>,
    /// Something was decided in the conversation before.
    pub had_a_turn: bool,
    /// Automatic answers pause for so long after the seller wrote by hand.
    pub takeover_pause: Duration,
}

/// Something that happens in a play.
#[derive(Debug, Clone, PartialEq)]
pub enum Cue {
    /// The buyer said this, and fell quiet.
    Said(Vec<TurnMessage>),
    /// Something happened to an order, or whatever else a rule may wait for.
    Event(Trigger),
    /// The seller wrote by hand.
    SellerWrote,
}

/// Who else than rules would have a say.
#[derive(Debug, Clone, Copy)]
pub struct Outside {
    pub hook: Asked<'static, HookWord>,
    pub ai: Asked<'static, AiWord>,
}

/// What was decided at one moment of a play.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    pub at: Timestamp,
    pub about: About,
    pub decision: Decision,
    pub effects: Effects,
    pub trail: Trail,
    /// These would have been asked first. The rest is what happens where they have nothing to say.
    pub would_ask: Vec<Question>,
}

/// What a scene is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Turn,
    Event(Trigger),
}

/// Something that a rule will do if the play goes on.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub rule: Arc<Rule>,
    pub due_at: Timestamp,
}

/// One conversation.
#[derive(Debug)]
pub struct Sandbox<'a> {
    book: &'a RuleBook,
    cast: Cast,
    paused_until: Option<Timestamp>,
    used_once: HashSet<RuleId>,
    used_today: HashMap<RuleId, u32>,
    day: Option<i64>,
    waiting: Vec<Waiting>,
}

impl Cue {
    /// What the buyer said.
    pub fn into_messages(self) -> Vec<TurnMessage> {
        match self {
            Self::Said(messages) => messages,
            Self::Event(_) | Self::SellerWrote => Vec::new(),
        }
    }
}

impl Waiting {
    fn is_for_silence(&self) -> bool {
        self.rule.body.trigger == Trigger::Silent
    }
}

impl<'a> Sandbox<'a> {
    pub fn new(book: &'a RuleBook, cast: Cast) -> Self {
        let (used_once, used_today) = (HashSet::new(), HashMap::new());
        Self { book, cast, paused_until: None, used_once, used_today, day: None, waiting: Vec::new() }
    }

    /// What is known by now.
    pub fn cast(&self) -> &Cast {
        &self.cast
    }

    /// The conversation is about another item from now on.
    pub fn turn_to(&mut self, item: ItemId, title: Option<String>) {
        self.cast.item = Some(item);
        self.cast.item_title = title;
    }

    /// What rules still wait to do, next first.
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// Lets the clock run. What is due until then is done at its time.
    pub fn run_until(&mut self, then: Timestamp) -> Vec<Scene> {
        let mut scenes = Vec::new();
        while let Some(due) = self.waiting.first().filter(|next| next.due_at <= then).cloned() {
            self.waiting.remove(0);
            scenes.push(self.keep_an_appointment(&due));
        }
        scenes
    }

    /// Something happens at this moment, after everything that was due before it. The last scenes are of this.
    pub fn play(&mut self, cue: &Cue, at: Timestamp, outside: Outside) -> Vec<Scene> {
        let mut scenes = self.run_until(Timestamp(at.0 - 1));
        match cue {
            Cue::Said(messages) => scenes.push(self.answer(messages, at, outside)),
            Cue::Event(trigger) => scenes.extend(self.happen(*trigger, at)),
            Cue::SellerWrote => {
                self.pause(at + self.cast.takeover_pause);
                self.put_off(at);
            }
        }
        scenes.extend(self.run_until(at));
        scenes
    }

    fn answer(&mut self, messages: &[TurnMessage], at: Timestamp, outside: Outside) -> Scene {
        let turn = self.turn(messages.to_vec());
        let (considered, would_ask) = self.with_state(at, |state, book| {
            let mut would_ask = Vec::new();
            let mut state = State { hook: outside.hook, ai: outside.ai, ..*state };
            loop {
                let considered = decide(&turn, book, &state);
                let Outcome::Ask(question) = considered.outcome else { break (considered, would_ask) };
                match question {
                    Question::Hook => state.hook = Asked::NotNow(NOT_ASKED),
                    Question::Ai => state.ai = Asked::NotNow(NOT_ASKED),
                }
                would_ask.push(question);
            }
        });
        let scene = self.end(at, About::Turn, considered, would_ask);
        self.cast.had_a_turn = true;
        self.wait_for_silence(messages.iter().map(|message| message.sent_at).max().unwrap_or(at));
        if matches!(scene.decision, Decision::Answer { .. }) {
            self.put_off(at);
        }
        scene
    }

    /// The rule that is for this will do its part; `Some`: there is none.
    fn happen(&mut self, trigger: Trigger, at: Timestamp) -> Option<Scene> {
        let item = self.cast.item.clone();
        if trigger == Trigger::OrderPaid {
            self.cast.orders += 1;
        }
        let Search { best, passed } =
            self.with_state(at, |state, book| find_for_event(book, trigger, item.as_ref(), state));
        if let Some(best) = best {
            self.appoint(Waiting { due_at: at + best.rule.body.delay(), rule: best.rule });
            return None;
        }
        let steps = [Tier::Item, Tier::Account, Tier::Global].map(|tier| {
            let passed = passed_over(&passed, |of| of == tier);
            Step { passed, ..Step::new(Source::of_rules(tier), Found::Nothing) }
        });
        Some(Scene {
            at,
            about: About::Event(trigger),
            decision: Decision::Silent(Silence::NoRule),
            effects: Effects::default(),
            trail: Trail(steps.into_iter().filter(|step| !step.passed.is_empty()).collect()),
            would_ask: Vec::new(),
        })
    }

    fn keep_an_appointment(&mut self, due: &Waiting) -> Scene {
        let turn = self.turn(Vec::new());
        let considered = self.with_state(due.due_at, |state, _| decide_event(&turn, &due.rule, state));
        let scene = self.end(due.due_at, About::Event(due.rule.body.trigger), considered, Vec::new());
        if matches!(scene.decision, Decision::Answer { .. }) {
            self.put_off(due.due_at);
        }
        scene
    }

    fn turn(&self, messages: Vec<TurnMessage>) -> Turn {
        let Cast { item, buyer, buyer_name, .. } = &self.cast;
        Turn { messages, item: item.clone(), buyer: buyer.clone(), buyer_name: buyer_name.clone(), group: false }
    }

    fn with_state<T>(&mut self, now: Timestamp, then: impl FnOnce(&State<'_>, &RuleBook) -> T) -> T {
        let day = day_of(now);
        if self.day.replace(day) != Some(day) {
            self.used_today.clear();
        }
        let Cast { sources, side, tags, orders, blocked, item_title, had_a_turn, .. } = &self.cast;
        let state = State {
            now,
            // Whoever plays says when things happen: nothing is late.
            age_limit: Duration::MAX,
            side: *side,
            blocked: *blocked,
            paused_until: self.paused_until,
            seller_wrote_at: None,
            used_once: &self.used_once,
            used_today: &self.used_today,
            buyer: BuyerFacts { tags, orders: *orders, first_contact: !had_a_turn },
            item_title: item_title.as_deref(),
            sources: *sources,
            hook: Asked::NotSet,
            ai: Asked::NotSet,
        };
        then(&state, self.book)
    }

    /// Remembers what was decided.
    fn end(&mut self, at: Timestamp, about: About, considered: Considered, would_ask: Vec<Question>) -> Scene {
        let Considered { outcome, effects, trail } = considered;
        let decision = match outcome {
            Outcome::Settled(decision) => decision,
            // Nobody is left to be asked.
            Outcome::Ask(_) => Decision::Silent(Silence::NoRule),
        };
        if let Decision::Answer { rule: Some(rule), once: true, .. } = &decision {
            self.used_once.insert(*rule);
        }
        if let Some(rule) = effects.counted {
            *self.used_today.entry(rule).or_default() += 1;
        }
        if let Some(until) = effects.carry_out(&mut self.cast.tags, at) {
            self.pause(until);
        }
        Scene { at, about, decision, effects, trail, would_ask }
    }

    fn pause(&mut self, until: Timestamp) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// The buyer wrote: what waited for silence waits anew.
    fn wait_for_silence(&mut self, since: Timestamp) {
        self.waiting.retain(|waiting| !waiting.is_for_silence());
        if self.cast.side != Side::Seller {
            return;
        }
        let rules = self.book.waiting_for_silence(self.cast.item.as_ref());
        self.waiting.extend(rules.map(|rule| Waiting { due_at: since + rule.body.silence(), rule: Arc::clone(rule) }));
        self.waiting.sort_by_key(|waiting| waiting.due_at);
    }

    /// Somebody wrote: it is not silent yet.
    fn put_off(&mut self, at: Timestamp) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.is_for_silence()) {
            waiting.due_at = waiting.due_at.max(at + waiting.rule.body.silence());
        }
        self.waiting.sort_by_key(|waiting| waiting.due_at);
    }

    fn appoint(&mut self, waiting: Waiting) {
        let place = self.waiting.partition_point(|other| other.due_at <= waiting.due_at);
        self.waiting.insert(place, waiting);
    }
}

impl Scene {
    /// The rule that answered, or that wanted silence.
    pub fn rule(&self) -> Option<RuleId> {
        match &self.decision {
            Decision::Answer { rule, .. } => *rule,
            Decision::Silent(silence) => silence.rule(),
        }
    }
}

#[cfg(test)]
#[path = "sandbox_tests.rs"]
mod tests;
