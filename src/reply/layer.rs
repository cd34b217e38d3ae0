//! Many rules compiled into one search: an automaton over all words, a table of exact keywords, sets of regular expressions.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use super::{
    pattern::{self, MAX_PATTERNS, Patterns},
    rule::{Matching, Rule, RuleBody, Trigger},
    text::{TurnText, fold},
    trail::PassedOver,
    words::{Found, Words},
};
use crate::ids::{AccountId, ItemId, RuleId, Timestamp};

/// The longest keyword or word of a list, in characters. It bounds how many words can end at one letter of a turn, and so the time a turn takes.
const MAX_WORD: usize = 200;

/// A rule that was left out, and why. The other rules work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    pub rule: RuleId,
    /// What is wrong, for the seller.
    pub text: String,
}

/// What a rule is about. Narrower goes first, whatever the priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// One item or some, of one account or of all.
    Item,
    /// One account or some.
    Account,
    /// All accounts of the owner.
    Global,
}

impl Tier {
    pub fn of(rule: &RuleBody) -> Self {
        match (rule.items.is_empty(), rule.account.is_none() && rule.accounts.is_empty()) {
            (false, _) => Self::Item,
            (true, false) => Self::Account,
            (true, true) => Self::Global,
        }
    }
}

/// Compiled rules that are used, and replaced, together.
#[derive(Debug, Default)]
pub(super) struct Layer {
    source: Vec<Arc<Rule>>,
    /// Best first: of two candidates the smaller index wins.
    entries: Vec<Entry>,
    words: Words,
    exact: HashMap<Box<str>, Vec<u32>>,
    patterns: Patterns,
    /// Default replies, and rules that wait for something else than messages. Best first.
    wordless: Vec<Arc<Rule>>,
    faults: Vec<RuleFault>,
}

/// Where something was said or happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) account: AccountId,
    pub(super) item: Option<&'a ItemId>,
}

#[derive(Debug)]
struct Entry {
    rule: Arc<Rule>,
    /// Rules with lists are few, and there may be many rules.
    lists: Option<Box<Lists>>,
}

/// The words of a rule's lists, as numbers of [`Words`].
#[derive(Debug)]
struct Lists {
    any_of: Vec<u32>,
    all_of: Vec<u32>,
    exclude: Vec<u32>,
}

impl Layer {
    /// Compiles the enabled ones of `rules`; a faulty rule is left out and named in [`Layer::faults`].
    pub(super) fn compile(rules: &[Arc<Rule>]) -> Self {
        let mut layer = Self { source: rules.to_vec(), ..Self::default() };
        let usable = layer.without_faults(rules);
        let (mut wordless, mut others): (Vec<_>, Vec<_>) =
            usable.into_iter().partition(|rule| rule.body.matching == Matching::Default);
        wordless.sort_by_key(|rule| wordless_rank(rule));
        others.sort_by_cached_key(|rule| rank(rule));
        layer.wordless = wordless;
        layer.index(others);
        layer
    }

    /// Whether compiling `rules` would give this very layer.
    pub(super) fn is_made_of(&self, rules: &[Arc<Rule>]) -> bool {
        self.source.len() == rules.len()
            && self.source.iter().zip(rules).all(|(mine, other)| Arc::ptr_eq(mine, other) || mine == other)
    }

    pub(super) fn faults(&self) -> &[RuleFault] {
        &self.faults
    }

    /// The best rule that holds for what was said there and that `may_use` allows. The first rules whose keyword occurs and that do not
    /// answer are noted in `passed`.
    pub(super) fn search(
        &self,
        turn: &TurnText,
        place: Place<'_>,
        may_use: &impl Fn(&Rule) -> Result<(), PassedOver>,
        passed: &mut PassedRules,
    ) -> Option<&Arc<Rule>> {
        let found = self.words.scan(turn);
        let mut best: Option<u32> = None;
        for candidate in self.candidates(turn, &found) {
            let entry = self.entry(candidate);
            match best {
                _ if !is_of(&entry.rule, place.account) => {}
                Some(best) if best == candidate => {}
                Some(best) if best < candidate => passed.note(&entry.rule, PassedOver::Outranked),
                Some(_) | None => match entry.holds(place.item, &found).and_then(|()| may_use(&entry.rule)) {
                    Ok(()) => {
                        if let Some(outranked) = best.replace(candidate) {
                            passed.note(&self.entry(outranked).rule, PassedOver::Outranked);
                        }
                    }
                    Err(why) => passed.note(&entry.rule, why),
                },
            }
        }
        best.map(|index| &self.entry(index).rule)
    }

    /// The best rule without words that waits for this, is about this place, and that `may_use` allows. Those before it are noted.
    pub(super) fn wordless(
        &self,
        trigger: Trigger,
        place: Place<'_>,
        may_use: &impl Fn(&Rule) -> Result<(), PassedOver>,
        passed: &mut PassedRules,
    ) -> Option<&Arc<Rule>> {
        let about = |rule: &&Arc<Rule>| {
            rule.body.trigger == trigger && is_of(rule, place.account) && rule.body.is_about(place.item)
        };
        self.wordless.iter().filter(about).find(|rule| may_use(rule).inspect_err(|why| passed.note(rule, *why)).is_ok())
    }

    /// Rules that wait for something else than messages.
    pub(super) fn waiting(&self, account: AccountId) -> impl Iterator<Item = &Arc<Rule>> {
        self.wordless.iter().filter(move |rule| rule.body.trigger != Trigger::Message && is_of(rule, account))
    }

    fn entry(&self, index: u32) -> &Entry {
        &self.entries[index as usize]
    }

    /// Every entry whose keyword or pattern is found; lists and item are not looked at yet.
    fn candidates<'a>(&'a self, turn: &'a TurnText, found: &'a Found) -> impl Iterator<Item = u32> + 'a {
        let contained = self.words.entries(found);
        let exact = turn.wholes().filter_map(|whole| self.exact.get(whole)).flatten().copied();
        let matched = turn.joined().into_iter().flat_map(|text| self.patterns.find(text));
        contained.chain(exact).chain(matched)
    }

    fn without_faults(&mut self, rules: &[Arc<Rule>]) -> Vec<Arc<Rule>> {
        let mut usable = Vec::with_capacity(rules.len());
        let mut patterns = 0;
        for rule in rules.iter().filter(|rule| rule.body.enabled) {
            patterns += usize::from(rule.body.matching == Matching::Regex);
            match check(&rule.body, patterns) {
                Ok(()) => usable.push(rule.clone()),
                Err(text) => self.faults.push(RuleFault { rule: rule.id, text }),
            }
        }
        usable
    }

    /// Builds the searches over `rules`, which are sorted.
    fn index(&mut self, rules: Vec<Arc<Rule>>) {
        let mut words = Words::builder();
        let mut patterns = Vec::new();
        for (index, rule) in (0..).zip(&rules) {
            let body = &rule.body;
            match body.matching {
                Matching::Contains => words.keyword(&keyword(body), index),
                Matching::Exact => self.exact.entry(keyword(body).into()).or_default().push(index),
                Matching::Regex => patterns.push((index, body.keyword.as_str())),
                Matching::Default => {}
            }
            let mut numbers = |list: &[String]| list.iter().map(|word| words.word(&fold(word.trim()))).collect();
            let lists = (!has_no_lists(body)).then(|| {
                Box::new(Lists {
                    any_of: numbers(&body.any_of),
                    all_of: numbers(&body.all_of),
                    exclude: numbers(&body.exclude),
                })
            });
            self.entries.push(Entry { rule: rule.clone(), lists });
        }
        let (patterns, faults) = Patterns::compile(&patterns);
        self.patterns = patterns;
        self.faults.extend(
            faults.into_iter().map(|(index, text)| RuleFault { rule: self.entries[index as usize].rule.id, text }),
        );
        match words.build() {
            Ok(words) => self.words = words,
            Err(text) => self.give_up(&text),
        }
    }

    /// Without its words no rule can be trusted, least of all one with exclusions: better silent than wrong.
    fn give_up(&mut self, text: &str) {
        let rules = self.source.iter().filter(|rule| rule.body.enabled);
        let faults = rules.map(|rule| RuleFault { rule: rule.id, text: text.to_owned() }).collect();
        *self = Self { source: std::mem::take(&mut self.source), faults, ..Self::default() };
    }
}

impl Entry {
    fn holds(&self, item: Option<&ItemId>, found: &Found) -> Result<(), PassedOver> {
        if !self.rule.body.is_about(item) {
            return Err(PassedOver::OtherItem);
        }
        self.lists.as_ref().map_or(Ok(()), |lists| lists.hold(found))
    }
}

impl Lists {
    fn hold(&self, found: &Found) -> Result<(), PassedOver> {
        if self.exclude.iter().any(|word| found.has(*word)) {
            return Err(PassedOver::Excluded);
        }
        if !self.all_of.iter().all(|word| found.has(*word)) {
            return Err(PassedOver::NotAllOf);
        }
        if self.any_of.is_empty() || self.any_of.iter().any(|word| found.has(*word)) {
            Ok(())
        } else {
            Err(PassedOver::NoneOf)
        }
    }
}

/// Rules whose keyword occurs and that did not answer.
#[derive(Debug, Default)]
pub struct PassedRules(Vec<(Arc<Rule>, PassedOver)>);

impl PassedRules {
    /// More are not told of: a turn that thousands of rules match would cost more to explain than to answer.
    const MOST: usize = 10;

    pub(super) fn note(&mut self, rule: &Arc<Rule>, why: PassedOver) {
        let known = self.0.len() >= Self::MOST || self.0.iter().any(|(known, _)| known.id == rule.id);
        if !known {
            self.0.push((rule.clone(), why));
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &(Arc<Rule>, PassedOver)> {
        self.0.iter()
    }
}

/// Where a rule stands among all rules; smaller goes first.
pub(super) fn rank(rule: &Rule) -> impl Ord + use<> {
    let Rule { body, .. } = rule;
    let inexact = body.matching != Matching::Exact;
    (Tier::of(body), Reverse(body.priority), inexact, Reverse(keyword(body).chars().count()), age(rule))
}

/// Where a rule without words stands among those. There is no keyword to be more or less specific, but an item's reply for one account is
/// narrower than the same item's reply for some, and that one narrower than the reply for all.
pub(super) fn wordless_rank(rule: &Rule) -> impl Ord + use<> {
    let Rule { body, .. } = rule;
    (Tier::of(body), body.account.is_none(), body.accounts.is_empty(), Reverse(body.priority), age(rule))
}

fn age(rule: &Rule) -> (Timestamp, RuleId) {
    (rule.created_at, rule.id)
}

fn is_of(rule: &Rule, account: AccountId) -> bool {
    rule.body.accounts.is_empty() || rule.body.accounts.contains(&account)
}

/// The keyword as it is compared. A pattern is not text: it keeps its case and its blanks.
pub(super) fn keyword(rule: &RuleBody) -> String {
    match rule.matching {
        Matching::Regex => rule.keyword.clone(),
        Matching::Contains | Matching::Exact | Matching::Default => fold(rule.keyword.trim()),
    }
}

fn has_no_lists(rule: &RuleBody) -> bool {
    rule.any_of.is_empty() && rule.all_of.is_empty() && rule.exclude.is_empty()
}

/// Says what is wrong with a rule that could never work as meant. `patterns` counts the regular expressions so far, this one included.
pub(super) fn check(rule: &RuleBody, patterns: usize) -> Result<(), String> {
    check_trigger(rule)?;
    if rule.account.is_some() && !rule.accounts.is_empty() {
        return Err("only_accounts goes only with rules that all accounts share".into());
    }
    if rule.matching == Matching::Default {
        return if has_no_lists(rule) { Ok(()) } else { Err("a rule without a keyword takes no word lists".into()) };
    }
    if rule.keyword.trim().is_empty() {
        return Err("the keyword is empty: it would match every message".into());
    }
    match rule.matching {
        Matching::Regex if patterns > MAX_PATTERNS => {
            return Err(format!("there are more than {MAX_PATTERNS} regular expressions"));
        }
        Matching::Regex => pattern::check_length(&rule.keyword)?,
        Matching::Contains | Matching::Exact | Matching::Default => check_word("the keyword", &rule.keyword)?,
    }
    for (list, words) in [("any_of", &rule.any_of), ("all_of", &rule.all_of), ("exclude", &rule.exclude)] {
        words.iter().try_for_each(|word| check_word(&format!("a word in {list}"), word))?;
    }
    Ok(())
}

fn check_trigger(rule: &RuleBody) -> Result<(), String> {
    let is_silent = rule.trigger == Trigger::Silent;
    match rule.trigger {
        _ if is_silent && rule.silent_minutes == 0 => Err("silent_minutes is missing: after how long?".into()),
        _ if !is_silent && rule.silent_minutes != 0 => Err("silent_minutes goes only with the trigger silent".into()),
        Trigger::Message if rule.delay_s != 0 => {
            Err("delay_s goes only with events: messages are answered at once".into())
        }
        Trigger::Message => Ok(()),
        _ if rule.matching != Matching::Default || !rule.keyword.is_empty() => {
            Err("an event has no words: match must be default and the keyword empty".into())
        }
        _ => Ok(()),
    }
}

fn check_word(what: &str, word: &str) -> Result<(), String> {
    match word.trim().chars().count() {
        0 => Err(format!("{what} is empty")),
        length if length > MAX_WORD => Err(format!("{what} has {length} characters, {MAX_WORD} are allowed")),
        _ => Ok(()),
    }
}
