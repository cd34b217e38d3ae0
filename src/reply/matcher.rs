//! Which rule answers: all rules of an owner, compiled once, and the part of them that holds for one account.
//!
//! Item rules go before account rules before global ones. Inside each: higher priority first, then `exact`, then the longer keyword, then the older rule.
//! Of the default replies the item's goes before the account's before the global one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

pub use super::layer::{PassedRules, RuleFault, Tier};
use super::{
    layer::{Layer, default_rank, rank},
    rule::Rule,
    text::TurnText,
    trail::PassedOver,
};
use crate::ids::{AccountId, ItemId};

/// What a search found.
#[derive(Debug, Default)]
pub struct Search {
    pub best: Option<Match>,
    /// The first rules whose keyword occurs and that do not answer.
    pub passed: PassedRules,
}

/// The rule that answers, and what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    pub rule: Arc<Rule>,
    pub tier: Tier,
}

/// All rules of one owner, compiled. Rules for all accounts are compiled once and shared by every account's [`RuleBook`].
///
/// Compiling takes milliseconds (10,000 keywords: some tens): not on an arbiter.
#[derive(Debug, Clone, Default)]
pub struct Library {
    shared: Arc<Layer>,
    own: HashMap<AccountId, Arc<Layer>>,
}

impl Library {
    /// Compiles the rules of one owner. Faulty rules are left out, see [`Library::faults`].
    pub fn compile(rules: &[Arc<Rule>]) -> Self {
        Self::default().refreshed(rules)
    }

    /// The library after a change of the rules. What did not change is not compiled again.
    pub fn refreshed(&self, rules: &[Arc<Rule>]) -> Self {
        let mut groups: BTreeMap<Option<AccountId>, Vec<Arc<Rule>>> = BTreeMap::new();
        for rule in rules {
            groups.entry(rule.account).or_default().push(rule.clone());
        }
        let global = groups.remove(&None).unwrap_or_default();
        let shared = renewed(Some(&self.shared), &global);
        let own = groups.into_iter().filter_map(|(account, rules)| {
            let account = account?;
            Some((account, renewed(self.own.get(&account), &rules)))
        });
        Self { shared, own: own.collect() }
    }

    /// The rules that hold for one account. Cheap: nothing is copied.
    pub fn book(&self, account: AccountId) -> RuleBook {
        RuleBook { shared: self.shared.clone(), own: self.own.get(&account).cloned() }
    }

    /// Every rule that was left out, and why.
    pub fn faults(&self) -> Vec<RuleFault> {
        let own = self.own.values().flat_map(|layer| layer.faults());
        let mut faults: Vec<_> = self.shared.faults().iter().chain(own).cloned().collect();
        faults.sort_by_key(|fault| fault.rule);
        faults
    }
}

/// The rules that hold for one account, ready to be searched. A clone costs nothing.
#[derive(Debug, Clone, Default)]
pub struct RuleBook {
    shared: Arc<Layer>,
    own: Option<Arc<Layer>>,
}

impl RuleBook {
    /// The book of `account` from its owner's rules, and the rules that were left out. For many accounts use a [`Library`].
    pub fn compile(account: AccountId, rules: &[Arc<Rule>]) -> (Self, Vec<RuleFault>) {
        let concerned: Vec<_> =
            rules.iter().filter(|rule| rule.account.is_none_or(|of| of == account)).cloned().collect();
        let library = Library::compile(&concerned);
        (library.book(account), library.faults())
    }

    /// The best rule for what was said in a conversation about `item`, among those that `may_use` allows. Default replies are not rules.
    pub fn find(&self, turn: &TurnText, item: Option<&ItemId>, may_use: impl Fn(&Rule) -> bool) -> Option<Match> {
        let allowed = |rule: &Rule| if may_use(rule) { Ok(()) } else { Err(PassedOver::Outranked) };
        self.search(turn, item, allowed).best
    }

    /// As [`RuleBook::find`], and which rules came near.
    pub fn search(
        &self,
        turn: &TurnText,
        item: Option<&ItemId>,
        may_use: impl Fn(&Rule) -> Result<(), PassedOver>,
    ) -> Search {
        let (mut best, mut passed): (Option<&Arc<Rule>>, _) = (None, PassedRules::default());
        for layer in self.layers() {
            let Some(found) = layer.search(turn, item, &may_use, &mut passed) else { continue };
            let (better, worse) = match best {
                Some(before) if rank(before) <= rank(found) => (before, Some(found)),
                before => (found, before),
            };
            worse.into_iter().for_each(|rule| passed.note(rule, PassedOver::Outranked));
            best = Some(better);
        }
        let best = best.map(|rule| Match { tier: Tier::of(rule), rule: rule.clone() });
        Search { best, passed }
    }

    /// The default reply that applies to a conversation about `item`: the narrowest one of the tiers that may be used. Wider ones do not step
    /// in for it.
    pub fn default_for(&self, item: Option<&ItemId>, may_use: impl Fn(Tier) -> bool) -> Option<&Arc<Rule>> {
        self.layers().filter_map(|layer| layer.default_for(item, &may_use)).min_by_key(|rule| default_rank(rule))
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.own.iter().chain([&self.shared]).map(Arc::as_ref)
    }
}

fn renewed(old: Option<&Arc<Layer>>, rules: &[Arc<Rule>]) -> Arc<Layer> {
    match old {
        Some(layer) if layer.is_made_of(rules) => layer.clone(),
        Some(_) | None => Arc::new(Layer::compile(rules)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{
        ids::{RuleId, Timestamp},
        reply::rule::Matching,
    };

    const ACCOUNT: AccountId = AccountId(1);

    fn rule(id: i64, matching: Matching, keyword: &str) -> Rule {
        Rule {
            id: RuleId(id),
            account: None,
            item: None,
            matching,
            keyword: keyword.into(),
            any_of: vec![],
            all_of: vec![],
            exclude: vec![],
            replies: vec![],
            once: false,
            priority: 0,
            enabled: true,
            created_at: Timestamp(id),
        }
    }

    fn contains(id: i64, keyword: &str) -> Rule {
        rule(id, Matching::Contains, keyword)
    }

    fn book(rules: impl IntoIterator<Item = Rule>) -> RuleBook {
        let (book, faults) = RuleBook::compile(ACCOUNT, &rules.into_iter().map(Arc::new).collect::<Vec<_>>());
        assert_eq!(faults, []);
        book
    }

    /// The number of the rule that answers, 0 where none does.
    fn found(book: &RuleBook, messages: &[&str]) -> i64 {
        found_about(book, None, messages)
    }

    fn found_about(book: &RuleBook, item: Option<&str>, messages: &[&str]) -> i64 {
        let turn = TurnText::typed(messages.iter().copied());
        book.find(&turn, item.map(ItemId::from).as_ref(), |_| true).map_or(0, |found| found.rule.id.0)
    }

    #[test]
    fn contains_ignores_case_in_every_script_and_looks_across_messages() {
        let book = book([contains(1, "Größe"), contains(2, " ЦЕНА "), contains(3, "包邮"), contains(4, "b\nc")]);
        assert_eq!(found(&book, &["welche GRÖßE?"]), 1);
        assert_eq!(found(&book, &["какая цена"]), 2);
        assert_eq!(found(&book, &["在吗", "可以包邮吗"]), 3);
        assert_eq!(found(&book, &["a b", "c d"]), 4);
        assert_eq!(found(&book, &["包 邮"]), 0);
    }

    #[test]
    fn exact_is_one_whole_message_blanks_and_case_aside() {
        let book = book([rule(1, Matching::Exact, "在吗 "), rule(2, Matching::Exact, "OK")]);
        assert_eq!(found(&book, &["你好", " 在吗"]), 1);
        assert_eq!(found(&book, &["ok\n"]), 2);
        assert_eq!(found(&book, &["在吗？"]), 0);
    }

    #[test]
    fn a_regular_expression_sees_the_text_as_it_was_typed() {
        let book = book([rule(1, Matching::Regex, r"^\d+元$"), rule(2, Matching::Regex, "(?m)^Hi"), contains(3, "hi")]);
        assert_eq!(found(&book, &["100元"]), 1);
        assert_eq!(found(&book, &["well", "Hi there"]), 2);
        assert_eq!(found(&book, &["hi there"]), 3);
    }

    /// M16: which rule answers is decided by priority, exactness, length and age, never by the order of rows.
    #[test]
    fn m16_the_better_rule_wins_whatever_the_order_of_the_rows() {
        let older = contains(1, "价格");
        let longer = contains(3, "价格多少");
        let exact = rule(4, Matching::Exact, "价格多少");
        let urgent = Rule { priority: 1, ..contains(5, "价") };
        let mut ladder = vec![contains(2, "多少"), older, longer, exact, urgent];
        for best in [5, 4, 3, 1, 2] {
            assert_eq!(found(&book(ladder.clone()), &["价格多少"]), best);
            assert_eq!(found(&book(ladder.iter().rev().cloned()), &["价格多少"]), best);
            ladder.retain(|rule| rule.id != RuleId(best));
        }
    }

    #[test]
    fn item_rules_go_before_account_rules_before_global_ones_whatever_their_priority() {
        let item = Rule { item: Some("9".into()), ..contains(1, "hi") };
        let account = Rule { account: Some(ACCOUNT), priority: 10, ..contains(2, "hi") };
        let global = Rule { priority: 100, ..contains(3, "hi") };
        let other = Rule { account: Some(AccountId(2)), priority: 1000, ..contains(4, "hi") };
        let book = book([global, other, account, item]);

        assert_eq!(found_about(&book, Some("9"), &["hi"]), 1);
        assert_eq!(found_about(&book, Some("8"), &["hi"]), 2);
        let tier = book.find(&TurnText::typed(["hi"]), None, |rule| rule.id != RuleId(2)).map(|found| found.tier);
        assert_eq!(tier, Some(Tier::Global));
    }

    #[test]
    fn lists_narrow_a_rule() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let narrowed = |id, matching, keyword| Rule {
            any_of: words(&["Red", "blue"]),
            all_of: words(&["now", "please"]),
            exclude: words(&["not"]),
            ..rule(id, matching, keyword)
        };
        let book = book([narrowed(1, Matching::Contains, "buy"), narrowed(2, Matching::Regex, "s.ll")]);
        assert_eq!(found(&book, &["BUY the red one", "now please"]), 1);
        assert_eq!(found(&book, &["sell blue now please"]), 2);
        assert_eq!(found(&book, &["buy green now please"]), 0);
        assert_eq!(found(&book, &["buy red now"]), 0);
        assert_eq!(found(&book, &["do not buy red now please"]), 0);
    }

    #[test]
    fn a_display_text_is_found_by_an_equal_keyword_only() {
        let mut turn = TurnText::default();
        turn.push_shown("[图片]");
        let finds = |rule: Rule| book([rule]).find(&turn, None, |_| true).is_some();
        assert!(finds(contains(1, "[图片]")));
        assert!(finds(rule(1, Matching::Exact, "[图片]")));
        assert!(!finds(contains(1, "图片")));
        assert!(!finds(rule(1, Matching::Regex, ".*")));
    }

    #[test]
    fn the_narrowest_default_reply_applies() {
        let default = |id| rule(id, Matching::Default, "");
        let book = book([
            default(1),
            Rule { account: Some(ACCOUNT), ..default(2) },
            Rule { item: Some("9".into()), priority: 5, ..default(3) },
            Rule { item: Some("9".into()), account: Some(ACCOUNT), ..default(4) },
        ]);
        let id = |item: Option<&str>| book.default_for(item.map(ItemId::from).as_ref(), |_| true).map(|rule| rule.id.0);
        assert_eq!((id(Some("9")), id(Some("8")), id(None)), (Some(4), Some(2), Some(2)));
        assert_eq!(Library::default().book(ACCOUNT).default_for(None, |_| true), None);
    }

    #[test]
    fn a_faulty_rule_is_named_and_the_others_work() {
        let rules = [
            contains(1, " "),
            rule(2, Matching::Regex, "["),
            Rule { exclude: vec![String::new()], ..contains(3, "a") },
            contains(4, &"长".repeat(201)),
            Rule { any_of: vec!["x".into()], ..rule(5, Matching::Default, "") },
            Rule { enabled: false, ..contains(6, "") },
            contains(7, "hi"),
        ];
        let (book, faults) = RuleBook::compile(ACCOUNT, &rules.map(Arc::new));
        assert_eq!(faults.iter().map(|fault| fault.rule.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(faults[2].text, "a word in exclude is empty");
        assert_eq!(found(&book, &["hi"]), 7);
    }

    #[test]
    fn accounts_share_the_rules_for_all_and_a_change_compiles_only_what_changed() {
        let global: Vec<_> = (1..=3).map(|id| Arc::new(contains(id, "hi"))).collect();
        let own = |priority| Arc::new(Rule { account: Some(ACCOUNT), priority, ..contains(9, "hi") });
        let library = Library::compile(&[&global[..], &[own(0)]].concat());
        let (first, second) = (library.book(ACCOUNT), library.book(AccountId(2)));
        assert!(Arc::ptr_eq(&first.shared, &second.shared));
        assert_eq!((found(&first, &["hi"]), found(&second, &["hi"])), (9, 1));

        let copies: Vec<_> = global.iter().map(|rule| Arc::new((**rule).clone())).collect();
        let changed = library.refreshed(&[&copies[..], &[own(1)]].concat());
        assert!(Arc::ptr_eq(&changed.book(ACCOUNT).shared, &first.shared));
        assert!(!Arc::ptr_eq(changed.book(ACCOUNT).own.as_ref().unwrap(), first.own.as_ref().unwrap()));
        assert!(changed.refreshed(&[]).book(ACCOUNT).own.is_none());
    }
}
