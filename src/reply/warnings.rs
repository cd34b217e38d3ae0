//! What a seller probably did not mean: rules that never answer because another one always does, rules that answer too much, and texts
//! that had better not be sent. Nothing is refused for it.
//!
//! A rule is told to be shadowed only where that is certain. What only answers sometimes (conditions, limits, lists of words that the other
//! rule does not ask for too) shadows nothing, and a regular expression only its equal.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use aho_corasick::AhoCorasick;
use serde::Serialize;

use super::{
    layer::{check, keyword, rank, wordless_rank},
    pattern::Patterns,
    rule::{Action, Matching, Rule, RuleBody, Trigger},
    text::fold,
};
use crate::ids::{AccountId, ItemId, RuleId};

/// How many rules are told of that one rule hides.
const MOST_HIDDEN: usize = 5;
/// How many rules of one keyword and one place are compared with another, the first ones in their order, and how many words of a keyword
/// are looked at: the time for all rules grows with their number and not with its square.
const MOST_COMPARED: usize = 64;
const MOST_WORDS: usize = 1_000;

/// What may be wrong. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WarningCode)]
pub enum Kind {
    /// It never answers: another rule answers whenever it would.
    Shadowed,
    /// Another rule never answers, because this one answers whenever it would. At most five are named.
    Shadows,
    /// It answers to nearly everything: one letter, or a pattern that finds something in an empty text.
    ShortKeyword,
    /// A text has one of the words that must not be said.
    ForbiddenWord,
    /// A text has contact details, or leads out of the platform.
    Contact,
    /// Nothing is sent and nothing is done.
    NoAction,
    /// A saved case does not come as expected. Found by trying it, not by looking at rules.
    CaseFailed,
}

/// One doubt about one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub kind: Kind,
    pub rule: RuleId,
    pub other: Option<RuleId>,
    /// What was found in a text.
    pub found: Option<String>,
}

impl Warning {
    fn new(kind: Kind, rule: RuleId) -> Self {
        Self { kind, rule, other: None, found: None }
    }
}

/// All doubts about those of an owner's rules that `of` names, in their order. `look` says what is wrong with a text of a rule. What is
/// disabled or cannot work is not spoken of.
pub fn find(
    rules: &[Arc<Rule>],
    of: impl Fn(&Rule) -> bool,
    mut look: impl FnMut(&Rule, &str) -> Vec<(Kind, String)>,
) -> Vec<Warning> {
    let working = rules.iter().filter(|rule| rule.body.enabled && check(&rule.body, 0).is_ok());
    let working: Vec<&Rule> = working.map(Arc::as_ref).collect();
    let hidden = hidden(&working);
    let mut hides: HashMap<RuleId, Vec<RuleId>> = HashMap::new();
    for rule in &working {
        if let Some(by) = hidden.get(&rule.id) {
            hides.entry(*by).or_default().push(rule.id);
        }
    }
    let short = short(&working);
    let mut warnings = Vec::new();
    for rule in working.into_iter().filter(|rule| of(rule)) {
        let new = |kind| Warning::new(kind, rule.id);
        warnings.extend(hidden.get(&rule.id).map(|by| Warning { other: Some(*by), ..new(Kind::Shadowed) }));
        let others = hides.get(&rule.id).into_iter().flatten().take(MOST_HIDDEN);
        warnings.extend(others.map(|other| Warning { other: Some(*other), ..new(Kind::Shadows) }));
        warnings.extend(short.contains(&rule.id).then(|| new(Kind::ShortKeyword)));
        warnings.extend(rule.body.actions.is_empty().then(|| new(Kind::NoAction)));
        for text in rule.body.actions.iter().filter_map(text_of) {
            let found = look(rule, text).into_iter();
            warnings.extend(found.map(|(kind, found)| Warning { found: Some(found), ..new(kind) }));
        }
    }
    warnings
}

fn text_of(action: &Action) -> Option<&str> {
    match action {
        Action::Text(text) => Some(text),
        Action::Image(_)
        | Action::Pause(_)
        | Action::Tag(_)
        | Action::Untag(_)
        | Action::Notify(_)
        | Action::HandOver(_) => None,
    }
}

/// One letter that may occur anywhere, and patterns that find something in an empty text.
fn short(rules: &[&Rule]) -> HashSet<RuleId> {
    let of = |matching| rules.iter().filter(move |rule| rule.body.matching == matching);
    let letters = of(Matching::Contains).filter(|rule| keyword(&rule.body).chars().count() == 1).map(|rule| rule.id);
    let patterns: Vec<&&Rule> = of(Matching::Regex).collect();
    let numbered: Vec<_> = (0..).zip(&patterns).map(|(number, rule)| (number, rule.body.keyword.as_str())).collect();
    let (compiled, _) = Patterns::compile(&numbered);
    letters.chain(compiled.find("").map(|number| patterns[number as usize].id)).collect()
}

/// By which rule others are hidden: the first one that answers in their place.
fn hidden(rules: &[&Rule]) -> HashMap<RuleId, RuleId> {
    let (mut wordless, mut worded): (Vec<&Rule>, Vec<&Rule>) =
        rules.iter().partition(|rule| rule.body.matching == Matching::Default);
    worded.sort_by_cached_key(|rule| rank(rule));
    wordless.sort_by_cached_key(|rule| wordless_rank(rule));
    let mut hidden = HashMap::new();
    hidden.extend(Index::new(worded).hidden());
    hidden.extend(Index::new(wordless).hidden());
    hidden
}

/// What must be equal, or found, for a rule to answer in another one's place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Word(Matching, String),
    Event(Trigger, u32),
}

/// One of the places a rule is for. A rule that goes first and hides another one is for all of the other's places, so also for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place<'a> {
    Item(&'a ItemId),
    Account(AccountId),
    Everywhere,
}

/// Rules in their order, the first one goes first.
struct Index<'a> {
    rules: Vec<&'a Rule>,
    keys: HashMap<Key, usize>,
    /// Of each key and place, the first rules that always answer there.
    always: HashMap<(usize, Place<'a>), Vec<usize>>,
    /// Keywords that are found inside of others, and their keys.
    words: Option<AhoCorasick>,
    key_of_word: Vec<usize>,
}

impl<'a> Index<'a> {
    fn new(rules: Vec<&'a Rule>) -> Self {
        let mut index =
            Self { keys: HashMap::new(), always: HashMap::new(), words: None, key_of_word: Vec::new(), rules };
        let mut words = Vec::new();
        for (number, rule) in index.rules.iter().enumerate() {
            // What answers only so often leaves the rest to others.
            if rule.body.once || rule.body.per_day.is_some() {
                continue;
            }
            let new = index.keys.len();
            let key = *index.keys.entry(key_of(&rule.body)).or_insert(new);
            if key == new && rule.body.matching == Matching::Contains {
                words.push(keyword(&rule.body));
                index.key_of_word.push(key);
            }
            for place in places(&rule.body) {
                let rules = index.always.entry((key, place)).or_default();
                if rules.len() < MOST_COMPARED {
                    rules.push(number);
                }
            }
        }
        index.words = AhoCorasick::new(&words).ok();
        index
    }

    fn hidden(&self) -> impl Iterator<Item = (RuleId, RuleId)> + '_ {
        self.rules.iter().enumerate().filter_map(|(number, rule)| {
            let word = keyword(&rule.body);
            let keys = self.keys_for(&rule.body, &word);
            let place = places(&rule.body).next()?;
            let before = |key: usize| {
                let rules = self.always.get(&(key, place)).into_iter().flatten();
                rules
                    .copied()
                    .take_while(|other| *other < number)
                    .find(|other| answers_for(&self.rules[*other].body, &rule.body, &word))
            };
            let first = keys.into_iter().filter_map(before).min()?;
            Some((rule.id, self.rules[first].id))
        })
    }

    /// The keys of what is found whenever this rule's keyword is.
    fn keys_for(&self, rule: &RuleBody, word: &str) -> HashSet<usize> {
        let mut keys: HashSet<usize> = self.keys.get(&key_of(rule)).copied().into_iter().collect();
        let is_text = matches!(rule.matching, Matching::Contains | Matching::Exact);
        if is_text {
            let equal = Key::Word(Matching::Contains, word.to_owned());
            keys.extend(self.keys.get(&equal));
        }
        if is_text && !may_be_shown(word) {
            let found = self.words.iter().flat_map(|words| words.find_overlapping_iter(word));
            keys.extend(found.take(MOST_WORDS).map(|found| self.key_of_word[found.pattern().as_usize()]));
        }
        keys
    }
}

fn key_of(rule: &RuleBody) -> Key {
    match rule.matching {
        Matching::Default => Key::Event(rule.trigger, rule.silent_minutes),
        Matching::Contains | Matching::Exact | Matching::Regex => Key::Word(rule.matching, keyword(rule)),
    }
}

/// What stands for a picture or a card is found as a whole only: `图片` does not find `[图片]`.
fn may_be_shown(word: &str) -> bool {
    word.starts_with(['[', '【'])
}

fn places(rule: &RuleBody) -> impl Iterator<Item = Place<'_>> {
    let items = rule.items.iter().map(Place::Item);
    let accounts = rule.account.iter().chain(&rule.accounts).copied().map(Place::Account);
    let accounts = accounts.filter(|_| rule.items.is_empty());
    let is_everywhere = rule.items.is_empty() && rule.account.is_none() && rule.accounts.is_empty();
    items.chain(accounts).chain(is_everywhere.then_some(Place::Everywhere))
}

/// Whether the rule `first`, which goes first, holds whenever `other` does. Its keyword is found whenever the other's, `word`, is.
fn answers_for(first: &RuleBody, other: &RuleBody, word: &str) -> bool {
    let for_accounts = match (accounts(first), accounts(other)) {
        ([], _) => true,
        (_, []) => false,
        (first, other) => other.iter().all(|account| first.contains(account)),
    };
    let for_items = first.items.is_empty()
        || (!other.items.is_empty() && other.items.iter().all(|item| first.items.contains(item)));
    let when = first.conditions.is_empty() || first.conditions == other.conditions;
    for_accounts && for_items && when && lists_hold(first, other, word)
}

/// Empty: all of them.
fn accounts(rule: &RuleBody) -> &[AccountId] {
    rule.account.as_ref().map_or(&rule.accounts, std::slice::from_ref)
}

fn lists_hold(first: &RuleBody, other: &RuleBody, word: &str) -> bool {
    let folded = |words: &[String]| words.iter().map(|word| fold(word.trim())).collect::<Vec<_>>();
    if first.any_of.is_empty() && first.all_of.is_empty() && first.exclude.is_empty() {
        return true;
    }
    let (any_of, all_of, exclude) = (folded(&other.any_of), folded(&other.all_of), folded(&other.exclude));
    let in_keyword = |wanted: &str| {
        matches!(other.matching, Matching::Contains | Matching::Exact)
            && (word == wanted || (!may_be_shown(word) && word.contains(wanted)))
    };
    let occurs = |wanted: &String| all_of.contains(wanted) || in_keyword(wanted);
    let wanted = folded(&first.any_of);
    let one_occurs = wanted.is_empty()
        || wanted.iter().any(occurs)
        || (!any_of.is_empty() && any_of.iter().all(|word| wanted.contains(word)));
    one_occurs
        && folded(&first.all_of).iter().all(occurs)
        && folded(&first.exclude).iter().all(|word| exclude.contains(word))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{ids::Timestamp, platform::hours::Window, reply::condition::Conditions};

    fn rule(id: i64, matching: Matching, keyword: &str, change: impl FnOnce(&mut RuleBody)) -> Arc<Rule> {
        let actions = vec![Action::Text("好".into())];
        let mut body = RuleBody { matching, keyword: keyword.into(), actions, ..RuleBody::default() };
        change(&mut body);
        Arc::new(Rule { id: RuleId(id), body: body.in_order(), created_at: Timestamp(id) })
    }

    fn contains(id: i64, keyword: &str, change: impl FnOnce(&mut RuleBody)) -> Arc<Rule> {
        rule(id, Matching::Contains, keyword, change)
    }

    /// Which rules are hidden by which.
    fn hidden(rules: &[Arc<Rule>]) -> Vec<(i64, i64)> {
        let warnings = find(rules, |_| true, |_, _| Vec::new());
        let of = |kind: Kind| warnings.iter().filter(move |warning| warning.kind == kind);
        let mut hides: Vec<_> =
            of(Kind::Shadows).filter_map(|warning| Some((warning.other?.0, warning.rule.0))).collect();
        let mut hidden: Vec<_> =
            of(Kind::Shadowed).filter_map(|warning| Some((warning.rule.0, warning.other?.0))).collect();
        hides.sort_unstable();
        hidden.sort_unstable();
        assert_eq!(hidden, hides, "both directions say the same");
        hidden
    }

    fn as_usual(_: &mut RuleBody) {}

    fn important(body: &mut RuleBody) {
        body.priority = 9;
    }

    #[test]
    fn a_keyword_inside_another_that_goes_first_hides_it() {
        assert_eq!(hidden(&[contains(1, "价", important), contains(2, "价格", as_usual)]), [(2, 1)]);
        assert_eq!(
            hidden(&[contains(1, "价", as_usual), contains(2, "价格", as_usual)]),
            [],
            "the longer one goes first"
        );
        let exact = rule(2, Matching::Exact, "最低价 ", as_usual);
        assert_eq!(hidden(&[contains(1, "价", important), exact.clone()]), [(2, 1)]);
        assert_eq!(hidden(&[contains(1, "价", as_usual), exact]), [], "exact goes first");
        assert_eq!(hidden(&[rule(1, Matching::Exact, "价", important), contains(2, "价", as_usual)]), []);
        assert_eq!(hidden(&[contains(1, "ok", important), contains(2, "It's OK", as_usual)]), [(2, 1)]);
        assert_eq!(
            hidden(&[contains(1, "图片", important), contains(2, "[图片]", as_usual)]),
            [],
            "a picture is no text"
        );
        assert_eq!(hidden(&[contains(1, "[图片]", important), rule(2, Matching::Exact, "[图片]", as_usual)]), [(2, 1)]);
        let pattern = |id, keyword| rule(id, Matching::Regex, keyword, as_usual);
        assert_eq!(hidden(&[pattern(1, "价|钱"), pattern(2, "价|钱"), pattern(3, "钱")]), [(2, 1)]);
    }

    #[test]
    fn what_answers_only_sometimes_hides_nothing_and_what_is_off_is_not_hidden() {
        let changes: [fn(&mut RuleBody); 8] = [
            |body| body.once = true,
            |body| body.per_day = Some(1),
            |body| body.enabled = false,
            |body| body.any_of = vec!["今天".into()],
            |body| body.all_of = vec!["今天".into()],
            |body| body.exclude = vec!["不".into()],
            |body| body.conditions.tags = vec!["老客户".into()],
            |body| body.conditions.hours = vec![Window { days: 1, from: 0, to: 0 }],
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let narrow = contains(1, "价", |body| {
                important(body);
                change(body);
            });
            assert_eq!(hidden(&[narrow, contains(2, "价", as_usual)]), [], "change {number}");
            let narrow = contains(2, "价格", change);
            let is_off = !narrow.body.enabled;
            let expected = if is_off { vec![] } else { vec![(2, 1)] };
            assert_eq!(hidden(&[contains(1, "价", important), narrow]), expected, "change {number}");
        }
    }

    #[test]
    fn lists_that_the_other_rule_asks_for_too_hide_it() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let first = contains(1, "价", |body| {
            important(body);
            body.any_of = words(&["包邮", "最低"]);
            body.exclude = words(&["不"]);
        });
        let hides = |change: &dyn Fn(&mut RuleBody)| {
            !hidden(&[first.clone(), contains(2, "价", |body| change(body))]).is_empty()
        };
        assert!(hides(&|body| (body.any_of, body.exclude) = (words(&["最低"]), words(&["不", "没"]))));
        assert!(hides(&|body| (body.all_of, body.exclude) = (words(&["包邮"]), words(&["不"]))));
        assert!(!hides(&|body| body.any_of = words(&["最低"])), "it answers where 不 is said");
        assert!(!hides(&|body| (body.any_of, body.exclude) = (words(&["最低", "最高"]), words(&["不"]))));
        let same = Conditions { tags: words(&["老客户"]), ..Conditions::default() };
        let of_vip = |id| contains(id, "价", |body| body.conditions = same.clone());
        assert_eq!(
            hidden(&[of_vip(1), contains(2, "价格", |body| (body.priority, body.conditions) = (-1, same.clone()))]),
            [(2, 1)]
        );
    }

    #[test]
    fn only_a_rule_for_all_of_the_others_places_hides_it() {
        let of = |account: i64| move |body: &mut RuleBody| body.account = Some(AccountId(account));
        let for_some = |accounts: &'static [i64]| {
            move |body: &mut RuleBody| body.accounts = accounts.iter().copied().map(AccountId).collect()
        };
        let about = |items: &'static [&'static str]| {
            move |body: &mut RuleBody| body.items = items.iter().copied().map(ItemId::from).collect()
        };
        // The narrower one goes first, whatever the priority.
        assert_eq!(hidden(&[contains(1, "价", important), contains(2, "价", of(1))]), []);
        assert_eq!(
            hidden(&[contains(1, "价", for_some(&[1, 2])), contains(2, "价", of(1)), contains(3, "价", of(3))]),
            [(2, 1)]
        );
        assert_eq!(
            hidden(&[
                contains(1, "价", of(1)),
                contains(2, "价", for_some(&[1, 2])),
                contains(3, "价", for_some(&[1]))
            ]),
            [(3, 1)]
        );
        assert_eq!(
            hidden(&[
                contains(1, "价", about(&["1", "2"])),
                contains(2, "价", about(&["2"])),
                contains(3, "价", about(&["2", "3"]))
            ]),
            [(2, 1)]
        );
        let both = contains(2, "价", |body| {
            about(&["2"])(body);
            of(1)(body);
        });
        assert_eq!(hidden(&[contains(1, "价", about(&["1", "2"])), both]), [(2, 1)]);
        assert_eq!(hidden(&[contains(1, "价", of(1)), contains(2, "价", as_usual)]), []);
    }

    #[test]
    fn of_default_replies_and_of_events_the_first_hides_the_others() {
        let default = |id, change: fn(&mut RuleBody)| rule(id, Matching::Default, "", change);
        let night: fn(&mut RuleBody) = |body| body.conditions.hours = vec![Window { days: 1, from: 0, to: 0 }];
        assert_eq!(hidden(&[default(1, as_usual), default(2, night)]), [(2, 1)]);
        assert_eq!(hidden(&[default(1, night), default(2, as_usual)]), []);
        let paid: fn(&mut RuleBody) = |body| body.trigger = Trigger::OrderPaid;
        assert_eq!(hidden(&[default(1, as_usual), default(2, paid), default(3, paid)]), [(3, 2)]);
    }

    #[test]
    fn short_keywords_silence_and_what_texts_say_are_told() {
        let rules = [
            contains(1, " 价 ", as_usual),
            rule(2, Matching::Regex, "价*", as_usual),
            rule(3, Matching::Exact, "在", as_usual),
            rule(4, Matching::Regex, "价", |body| body.actions = Vec::new()),
            contains(5, "微信", |body| {
                body.actions = vec![Action::Text("加我".into()), Action::Notify("加我".into())]
            }),
            contains(6, "x", |body| body.enabled = false),
        ];
        let look = |_: &Rule, text: &str| {
            if text == "加我" { vec![(Kind::Contact, text.to_owned())] } else { Vec::new() }
        };
        let said: Vec<_> =
            find(&rules, |_| true, look).into_iter().map(|warning| (warning.rule.0, warning.kind)).collect();
        let expected = [(1, Kind::ShortKeyword), (2, Kind::ShortKeyword), (4, Kind::NoAction), (5, Kind::Contact)];
        assert_eq!(said, expected);
        assert_eq!(find(&rules, |rule| rule.id.0 == 4, look).len(), 1);
    }

    #[test]
    fn a_rule_names_at_most_five_that_it_hides() {
        let mut rules = vec![contains(1, "价", important)];
        rules.extend((2..20).map(|id| contains(id, &format!("价{id}"), as_usual)));
        let shadows = find(&rules, |rule| rule.id.0 == 1, |_, _| Vec::new());
        assert_eq!(shadows.iter().filter(|warning| warning.kind == Kind::Shadows).count(), 5);
    }

    /// Many rules of one keyword, and keywords one inside the other, as nobody would have them.
    #[test]
    fn ten_thousand_rules_take_no_square_of_time() {
        let same = (0..10_000)
            .map(|id| contains(id, "价", |body| body.items = vec!["1".into(), format!("9{id}").as_str().into()]));
        let nested = (10_000..20_000).map(|id| {
            contains(id, &"a".repeat(1 + id as usize % 200), |body| body.items = vec![format!("9{id}").as_str().into()])
        });
        let rules: Vec<_> = same.chain(nested).collect();
        let start = Instant::now();
        find(&rules, |_| true, |_, _| Vec::new());
        // Without optimisation, on a busy machine. The bench measures it.
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    }
}
