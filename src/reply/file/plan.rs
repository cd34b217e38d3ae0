//! What the rules of a file change of a set.

use std::collections::{HashMap, HashSet};

use super::{Fault, Line, cells::plain, table::Layout};
use crate::{
    ids::{AccountId, RuleId},
    reply::rule::{Action, Identity, Rule, RuleBody},
};

/// What becomes of the rules that are not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They stay.
    Merge,
    /// They go, as far as the file's layout could have held them.
    Replace,
}

/// What there is of the set.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    pub set: Option<AccountId>,
    pub rules: &'a [Rule],
    /// Rules that may not be changed, because something is prepared of them.
    pub held: &'a HashSet<Identity>,
}

/// What becomes of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Added,
    Updated,
    Unchanged,
    Refused(Vec<Fault>),
}

/// One row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub row: usize,
    /// `None`: it is new, or was not understood.
    pub rule: Option<RuleId>,
    pub keyword: String,
    pub fate: Fate,
}

/// What is written. Without `id` the rule is new, without `after` it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Of the file; `None` for what goes.
    pub row: Option<usize>,
    pub id: Option<RuleId>,
    pub before: Option<RuleBody>,
    pub after: Option<RuleBody>,
}

/// What the file says, and what is written for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    pub rows: Vec<Row>,
    pub steps: Vec<Step>,
}

impl Plan {
    /// Compares the file with what is there. A rule is the same where its [identity](RuleBody::identity) is.
    pub fn new(lines: &[Line], layout: Layout, mode: Mode, present: Present<'_>) -> Self {
        let mut plan = Self::default();
        let known: HashMap<Identity, &Rule> = present.rules.iter().map(|rule| (rule.body.identity(), rule)).collect();
        let mut seen: HashMap<Identity, usize> = HashMap::new();
        for line in lines {
            let row = match &line.rule {
                Ok(rule) => {
                    let rule = RuleBody { account: present.set, ..rule.clone() }.in_order();
                    let identity = rule.identity();
                    let earlier = *seen.entry(identity.clone()).or_insert(line.row);
                    match repeated(line.row, earlier) {
                        Some(fault) => Row { keyword: rule.keyword, ..Row::refused(line.row, vec![fault]) },
                        None => {
                            let stored = known.get(&identity).copied();
                            plan.compare(line.row, rule, layout, stored, present.held.contains(&identity))
                        }
                    }
                }
                Err(faults) => Row::refused(line.row, faults.clone()),
            };
            plan.rows.push(row);
        }
        if mode == Mode::Replace {
            let gone = present.rules.iter().filter(|rule| layout.holds(&rule.body));
            let gone = gone.filter(|rule| !seen.contains_key(&rule.body.identity()));
            plan.steps.extend(gone.map(|rule| Step {
                row: None,
                id: Some(rule.id),
                before: Some(rule.body.clone()),
                after: None,
            }));
        }
        plan
    }

    pub fn is_refused(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.fate, Fate::Refused(_)))
    }

    fn compare(&mut self, row: usize, rule: RuleBody, layout: Layout, stored: Option<&Rule>, is_held: bool) -> Row {
        let keyword = rule.keyword.clone();
        let refused = |keyword| Row { keyword, ..Row::refused(row, vec![held()]) };
        let Some(stored) = stored else {
            if is_held {
                return refused(keyword);
            }
            self.steps.push(Step { row: Some(row), id: None, before: None, after: Some(rule) });
            return Row { row, rule: None, keyword, fate: Fate::Added };
        };
        let after = match layout {
            // What such a table does not say stays.
            Layout::Simple => RuleBody { actions: rule.actions, ..stored.body.clone() },
            Layout::Full => rule,
        };
        let fate = if in_plain_lines(&after) == in_plain_lines(&stored.body) { Fate::Unchanged } else { Fate::Updated };
        if fate == Fate::Updated && is_held {
            return refused(keyword);
        }
        if fate == Fate::Updated {
            let before = Some(stored.body.clone());
            self.steps.push(Step { row: Some(row), id: Some(stored.id), before, after: Some(after) });
        }
        Row { row, rule: Some(stored.id), keyword, fate }
    }
}

impl Row {
    fn refused(row: usize, faults: Vec<Fault>) -> Self {
        Self { row, rule: None, keyword: String::new(), fate: Fate::Refused(faults) }
    }
}

fn repeated(row: usize, earlier: usize) -> Option<Fault> {
    (row != earlier).then(|| {
        let (zh, en) = (format!("与第 {earlier} 行是同一条规则"), format!("it is the same rule as row {earlier}"));
        Fault::new("keyword", zh, en)
    })
}

fn held() -> Fault {
    Fault::new("keyword", "该规则有未发布的草稿，请先发布或放弃", "the rule has a draft: publish or discard it first")
}

/// A table has one sign for the end of a line; texts from elsewhere may have two.
fn in_plain_lines(rule: &RuleBody) -> RuleBody {
    let actions = rule.actions.iter().map(|action| match action {
        Action::Text(text) => Action::Text(plain(text)),
        Action::Notify(text) => Action::Notify(plain(text)),
        other => other.clone(),
    });
    RuleBody { actions: actions.collect(), ..rule.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Timestamp;

    fn body(keyword: &str, text: &str) -> RuleBody {
        RuleBody { keyword: keyword.into(), actions: vec![Action::Text(text.into())], ..RuleBody::default() }
    }

    fn stored(id: i64, body: RuleBody) -> Rule {
        Rule { id: RuleId(id), body, created_at: Timestamp(id) }
    }

    fn plan(lines: &[RuleBody], layout: Layout, mode: Mode, rules: &[Rule], held: &[RuleBody]) -> Plan {
        let lines: Vec<_> = (2..).zip(lines).map(|(row, rule)| Line { row, rule: Ok(rule.clone()) }).collect();
        let held = held.iter().map(RuleBody::identity).collect();
        Plan::new(&lines, layout, mode, Present { set: None, rules, held: &held })
    }

    fn told(plan: &Plan) -> (Vec<&Fate>, Vec<(Option<i64>, bool)>) {
        let steps = plan.steps.iter().map(|step| (step.id.map(|id| id.0), step.after.is_some()));
        (plan.rows.iter().map(|row| &row.fate).collect(), steps.collect())
    }

    /// P5: an import adds and updates, and what it does not name stays; only who asks for it loses something.
    #[test]
    fn p5_what_a_file_does_not_name_goes_only_where_that_was_asked_for() {
        let rules = [stored(1, body("a", "x")), stored(2, body("b", "x\r\ny")), stored(3, body("c", "x"))];
        let file = [body("a", "new"), body("b", "x\ny"), body("d", "x")];
        let merged = plan(&file, Layout::Full, Mode::Merge, &rules, &[]);
        let fates = vec![&Fate::Updated, &Fate::Unchanged, &Fate::Added];
        assert_eq!(told(&merged), (fates.clone(), vec![(Some(1), true), (None, true)]));
        let replaced = plan(&file, Layout::Full, Mode::Replace, &rules, &[]);
        assert_eq!(told(&replaced), (fates, vec![(Some(1), true), (None, true), (Some(3), false)]));
    }

    /// P6: a table that cannot hold a rule does not remove it, and changes of a rule only what it says.
    #[test]
    fn p6_a_simple_table_leaves_alone_what_it_cannot_say() {
        let vip = RuleBody { priority: 9, enabled: false, ..body("a", "x") };
        let rules = [stored(1, vip), stored(2, RuleBody { priority: 9, ..body("b", "x") }), stored(3, body("c", "x"))];
        let replaced = plan(&[body("a", "new")], Layout::Simple, Mode::Replace, &rules, &[]);
        assert_eq!(told(&replaced), (vec![&Fate::Updated], vec![(Some(1), true), (Some(3), false)]));
        let after = replaced.steps[0].after.clone();
        assert_eq!(after, Some(RuleBody { priority: 9, enabled: false, ..body("a", "new") }));
    }

    #[test]
    fn a_rule_that_is_there_twice_or_has_a_draft_is_refused() {
        let plan =
            plan(&[body("a", "x"), body("a", "y"), body("b", "z")], Layout::Full, Mode::Merge, &[], &[body("b", "")]);
        let refused: Vec<bool> = plan.rows.iter().map(|row| matches!(row.fate, Fate::Refused(_))).collect();
        assert!(plan.is_refused());
        assert_eq!(refused, [false, true, true]);
    }
}
