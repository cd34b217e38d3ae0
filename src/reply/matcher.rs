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
    layer::{Layer, Place, rank, wordless_rank},
    rule::{Rule, Trigger},
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
            groups.entry(rule.body.account).or_default().push(rule.clone());
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
        RuleBook { account, shared: self.shared.clone(), own: self.own.get(&account).cloned() }
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
#[derive(Debug, Clone)]
pub struct RuleBook {
    account: AccountId,
    shared: Arc<Layer>,
    own: Option<Arc<Layer>>,
}

impl RuleBook {
    /// The book of `account` from its owner's rules, and the rules that were left out. For many accounts use a [`Library`].
    pub fn compile(account: AccountId, rules: &[Arc<Rule>]) -> (Self, Vec<RuleFault>) {
        let concerned: Vec<_> =
            rules.iter().filter(|rule| rule.body.account.is_none_or(|of| of == account)).cloned().collect();
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
        let place = self.place(item);
        for layer in self.layers() {
            let Some(found) = layer.search(turn, place, &may_use, &mut passed) else { continue };
            let (better, worse) = match best {
                Some(before) if rank(before) <= rank(found) => (before, Some(found)),
                before => (found, before),
            };
            worse.into_iter().for_each(|rule| passed.note(rule, PassedOver::Outranked));
            best = Some(better);
        }
        let best = best.map(|rule| Match { tier: Tier::of(&rule.body), rule: rule.clone() });
        Search { best, passed }
    }

    /// The default reply that applies to a conversation about `item`: the narrowest one that may be used.
    pub fn default_for(&self, item: Option<&ItemId>, may_use: impl Fn(&Rule) -> Result<(), PassedOver>) -> Search {
        self.for_event(Trigger::Message, item, may_use)
    }

    /// The rule that holds where this happened in a conversation about `item`: the narrowest one that may be used.
    pub fn for_event(
        &self,
        trigger: Trigger,
        item: Option<&ItemId>,
        may_use: impl Fn(&Rule) -> Result<(), PassedOver>,
    ) -> Search {
        let (place, mut passed) = (self.place(item), PassedRules::default());
        let found = self.layers().filter_map(|layer| layer.wordless(trigger, place, &may_use, &mut passed));
        let best = found.min_by_key(|rule| wordless_rank(rule));
        let best = best.map(|rule| Match { tier: Tier::of(&rule.body), rule: rule.clone() });
        Search { best, passed }
    }

    /// The rules that wait for something else than messages.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.layers().flat_map(|layer| layer.waiting(self.account))
    }

    /// Those that wait for a conversation about `item` to fall silent.
    pub fn waiting_for_silence(&self, item: Option<&ItemId>) -> impl Iterator<Item = &Arc<Rule>> {
        self.waiting().filter(move |rule| rule.body.trigger == Trigger::Silent && rule.body.is_about(item))
    }

    fn place<'a>(&self, item: Option<&'a ItemId>) -> Place<'a> {
        Place { account: self.account, item }
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
        reply::rule::{Matching, RuleBody},
        testbed::but,
    };

    const ACCOUNT: AccountId = AccountId(1);

    fn rule(id: i64, matching: Matching, keyword: &str) -> Rule {
        let body = RuleBody { matching, keyword: keyword.into(), ..RuleBody::default() };
        Rule { id: RuleId(id), body, created_at: Timestamp(id) }
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
        let urgent = but(contains(5, "价"), |body| body.priority = 1);
        let mut ladder = vec![contains(2, "多少"), older, longer, exact, urgent];
        for best in [5, 4, 3, 1, 2] {
            assert_eq!(found(&book(ladder.clone()), &["价格多少"]), best);
            assert_eq!(found(&book(ladder.iter().rev().cloned()), &["价格多少"]), best);
            ladder.retain(|rule| rule.id != RuleId(best));
        }
    }

    #[test]
    fn item_rules_go_before_account_rules_before_global_ones_whatever_their_priority() {
        let hi =
            |id, account, priority| but(contains(id, "hi"), |body| (body.account, body.priority) = (account, priority));
        let item = but(hi(1, None, 0), |body| body.items = vec!["7".into(), "9".into()]);
        let account = hi(2, Some(ACCOUNT), 10);
        let global = hi(3, None, 100);
        let other = hi(4, Some(AccountId(2)), 1000);
        let others = but(hi(5, None, 1000), |body| body.accounts = vec![AccountId(2), AccountId(3)]);
        let book = book([global, other, others, account, item]);

        assert_eq!(found_about(&book, Some("9"), &["hi"]), 1);
        assert_eq!(found_about(&book, Some("7"), &["hi"]), 1);
        assert_eq!(found_about(&book, Some("8"), &["hi"]), 2);
        let tier = book.find(&TurnText::typed(["hi"]), None, |rule| rule.id != RuleId(2)).map(|found| found.tier);
        assert_eq!(tier, Some(Tier::Global));
    }

    #[test]
    fn lists_narrow_a_rule() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let narrowed = |id, matching, keyword| {
            but(rule(id, matching, keyword), |body| {
                body.any_of = words(&["Red", "blue"]);
                body.all_of = words(&["now", "please"]);
                body.exclude = words(&["not"]);
            })
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
        let about_item = |body: &mut RuleBody| body.items = vec!["9".into()];
        let of_account = |body: &mut RuleBody| body.account = Some(ACCOUNT);
        let book = book([
            default(1),
            but(default(2), of_account),
            but(but(default(3), about_item), |body| body.priority = 5),
            but(but(default(4), about_item), of_account),
            but(default(5), |body| body.trigger = Trigger::OrderPaid),
            but(default(6), |body| body.accounts = vec![ACCOUNT]),
        ]);
        let found = |item: Option<&str>, without: i64| {
            let may_use = |rule: &Rule| if rule.id.0 == without { Err(PassedOver::OtherHours) } else { Ok(()) };
            let search = book.default_for(item.map(ItemId::from).as_ref(), may_use);
            let passed: Vec<i64> = search.passed.iter().map(|(rule, _)| rule.id.0).collect();
            (search.best.map(|best| best.rule.id.0), passed)
        };
        assert_eq!((found(Some("9"), 0).0, found(Some("8"), 0).0, found(None, 0).0), (Some(4), Some(2), Some(2)));
        assert_eq!(found(Some("8"), 2), (Some(6), vec![2]), "one that does not hold makes way for a wider one");
        assert!(Library::default().book(ACCOUNT).default_for(None, |_| Ok(())).best.is_none());
    }

    #[test]
    fn an_event_is_met_by_the_narrowest_rule_that_waits_for_it() {
        let waits = |id, trigger, item: Option<&str>| {
            but(rule(id, Matching::Default, ""), |body| {
                body.trigger = trigger;
                body.items = item.into_iter().map(ItemId::from).collect();
            })
        };
        let of_others = but(waits(4, Trigger::OrderPaid, Some("9")), |body| body.accounts = vec![AccountId(2)]);
        let book = book([
            waits(1, Trigger::OrderPaid, None),
            waits(2, Trigger::OrderPaid, Some("9")),
            waits(3, Trigger::OrderShipped, None),
            of_others,
            contains(5, "hi"),
        ]);
        let met = |trigger, item: &str| {
            let item = ItemId::from(item);
            book.for_event(trigger, Some(&item), |_| Ok(())).best.map(|best| best.rule.id.0)
        };
        assert_eq!((met(Trigger::OrderPaid, "9"), met(Trigger::OrderPaid, "8")), (Some(2), Some(1)));
        assert_eq!((met(Trigger::OrderShipped, "9"), met(Trigger::OrderClosed, "9")), (Some(3), None));
        let mut waiting: Vec<i64> = book.waiting().map(|rule| rule.id.0).collect();
        waiting.sort_unstable();
        assert_eq!(waiting, [1, 2, 3]);
    }

    #[test]
    fn a_faulty_rule_is_named_and_the_others_work() {
        let rules = [
            contains(1, " "),
            rule(2, Matching::Regex, "["),
            but(contains(3, "a"), |body| body.exclude = vec![String::new()]),
            contains(4, &"长".repeat(201)),
            but(rule(5, Matching::Default, ""), |body| body.any_of = vec!["x".into()]),
            but(contains(6, ""), |body| body.enabled = false),
            contains(7, "hi"),
            but(contains(8, "hi"), |body| body.trigger = Trigger::OrderPaid),
            but(rule(9, Matching::Default, ""), |body| body.trigger = Trigger::Silent),
            but(contains(10, "hi"), |body| body.delay_s = 5),
        ];
        let (book, faults) = RuleBook::compile(ACCOUNT, &rules.map(Arc::new));
        assert_eq!(faults.iter().map(|fault| fault.rule.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 8, 9, 10]);
        assert_eq!(faults[2].text, "a word in exclude is empty");
        assert_eq!(found(&book, &["hi"]), 7);
    }

    #[test]
    fn accounts_share_the_rules_for_all_and_a_change_compiles_only_what_changed() {
        let global: Vec<_> = (1..=3).map(|id| Arc::new(contains(id, "hi"))).collect();
        let own = |priority| {
            Arc::new(but(contains(9, "hi"), |body| (body.account, body.priority) = (Some(ACCOUNT), priority)))
        };
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
