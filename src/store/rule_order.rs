//! The order of the rules of one kind in one set, which is that of their priorities: one of them is put elsewhere, and the others stay in
//! the order they are in.

use std::{cmp::Reverse, collections::HashSet};

use super::{
    DbConn, QueryResult, Scope,
    audit::Actor,
    revisions::{self, Topic},
    rule_drafts,
    rule_versions::{Cause, Change},
    rules::{self, Kind, NotSaved},
};
use crate::{
    ids::{RuleId, Timestamp},
    reply::rule::{Matching, Rule, RuleBody},
};

/// The highest priority a rule may have; the lowest is as far below 0.
pub const HIGHEST: i32 = 1_000_000;

/// Between two neighbours that are numbered anew: there is room for others.
const STEP: i32 = 10;

/// Where a rule is to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    First,
    Last,
    Before(RuleId),
    After(RuleId),
}

/// Whether it is answered so at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Published,
    Prepared,
}

/// What becomes of a rule that is put elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// With its new priority.
    pub rule: Rule,
    /// Where it stands then, from 1.
    pub place: usize,
    /// How many rules of its kind are in its set.
    pub total: usize,
    /// What gets another priority: this rule alone where there is room between its neighbours, else every one that must.
    pub changes: Vec<Change>,
}

/// Why a rule stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotMoved {
    #[error(transparent)]
    NotSaved(#[from] NotSaved),
    /// The rule that is to be its neighbour is none of its kind in its set.
    #[error("there is no such rule of this kind in the set")]
    NoNeighbour,
}

/// What would change, if the rule were put there.
pub fn plan(
    conn: &mut DbConn,
    scope: &Scope,
    (id, kind): (RuleId, Kind),
    place: Place,
    which: Which,
) -> QueryResult<Result<Moved, NotMoved>> {
    let mut loaded = match which {
        Which::Published => rules::list(conn, scope)?.rules,
        Which::Prepared => rule_drafts::list(conn, scope)?.rules,
    };
    let Some(set) = loaded.iter().find(|rule| rule.id == id && Kind::of(&rule.body) == kind) else {
        return Ok(Err(NotSaved::NotFound.into()));
    };
    let set = set.body.account;
    loaded.retain(|rule| rule.body.account == set && Kind::of(&rule.body) == kind);
    loaded.sort_by_key(rank);
    Ok(rearranged(loaded, id, place).ok_or(NotMoved::NoNeighbour))
}

/// Puts the rule there. Refused (`HasDraft`) where what is published would change beside a draft of it.
pub fn put(
    conn: &mut DbConn,
    scope: &Scope,
    what: (RuleId, Kind),
    place: Place,
    which: Which,
    (by, now): (&Actor, Timestamp),
) -> QueryResult<Result<Moved, NotMoved>> {
    revisions::lock(conn, Topic::Rules)?;
    let moved = match plan(conn, scope, what, place, which)? {
        Ok(moved) => moved,
        Err(reason) => return Ok(Err(reason)),
    };
    let set = moved.rule.body.account;
    if let Err(reason) = rules::check_set(conn, scope, set)? {
        return Ok(Err(reason.into()));
    }
    match which {
        Which::Prepared => {
            for change in &moved.changes {
                rule_drafts::prepare(conn, scope, change, now)?;
            }
        }
        Which::Published => {
            let drafts: HashSet<RuleId> =
                rule_drafts::all(conn, scope, set)?.into_iter().map(|change| change.id).collect();
            if moved.changes.iter().any(|change| drafts.contains(&change.id)) {
                return Ok(Err(NotSaved::HasDraft.into()));
            }
            for change in &moved.changes {
                if let Some(after) = &change.after {
                    rules::update(conn, change.id, after, now)?;
                }
            }
            rules::publish(conn, scope, moved.changes.clone(), &Cause::Edit, by, now)?;
        }
    }
    Ok(Ok(moved))
}

/// Where a rule stands in a list of rules, first ones first: as the matcher ranks those that are equally narrow.
fn rank(rule: &Rule) -> impl Ord + use<> {
    let Rule { id, body, created_at } = rule;
    (Reverse(body.priority), body.matching != Matching::Exact, Reverse(body.keyword.chars().count()), *created_at, *id)
}

/// `rules`: in their order. `None`: there is no such neighbour.
fn rearranged(mut rules: Vec<Rule>, id: RuleId, place: Place) -> Option<Moved> {
    let find = |rules: &[Rule], id: RuleId| rules.iter().position(|rule| rule.id == id);
    let from = find(&rules, id)?;
    let rule = rules.remove(from);
    let to = match place {
        Place::First => 0,
        Place::Last => rules.len(),
        Place::Before(other) => find(&rules, other)?,
        Place::After(other) => find(&rules, other)? + 1,
    };
    rules.insert(to, rule.clone());
    let changes = if from == to { Vec::new() } else { renumbered(&rules, to) };
    let now = changes.iter().find(|change| change.id == id).and_then(|change| change.after.clone());
    Some(Moved {
        rule: Rule { body: now.unwrap_or_else(|| rule.body.clone()), ..rule },
        place: to + 1,
        total: rules.len(),
        changes,
    })
}

/// `rules`: in the order that is wanted; the one at `to` came there just now.
fn renumbered(rules: &[Rule], to: usize) -> Vec<Change> {
    let priority = |at: usize| rules.get(at).map(|rule| rule.body.priority);
    let (above, below) = (to.checked_sub(1).and_then(priority), priority(to + 1));
    if let Some(between) = between(above, below) {
        return rules.get(to).into_iter().filter_map(|rule| with(rule, between)).collect();
    }
    let count = i32::try_from(rules.len()).unwrap_or(HIGHEST).min(HIGHEST);
    let step = (HIGHEST / count.max(1)).min(STEP);
    rules.iter().zip((1..=count).rev()).filter_map(|(rule, number)| with(rule, number * step)).collect()
}

/// `None`: there is no room.
fn between(above: Option<i32>, below: Option<i32>) -> Option<i32> {
    match (above, below) {
        (None, None) => None,
        (None, Some(below)) => Some(below + STEP).filter(|priority| *priority <= HIGHEST),
        (Some(above), None) => Some(above - STEP).filter(|priority| *priority >= -HIGHEST),
        (Some(above), Some(below)) => (above - below >= 2).then_some(below + (above - below) / 2),
    }
}

/// `None`: it has this priority.
fn with(rule: &Rule, priority: i32) -> Option<Change> {
    let after = RuleBody { priority, ..rule.body.clone() };
    (rule.body.priority != priority).then(|| Change {
        id: rule.id,
        before: Some(rule.body.clone()),
        after: Some(after),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn rules(priorities: &[i32]) -> Vec<Rule> {
        let rule = |(id, priority): (i64, &i32)| Rule {
            id: RuleId(id),
            body: RuleBody { priority: *priority, ..RuleBody::default() },
            created_at: Timestamp(0),
        };
        (1..).zip(priorities).map(rule).collect()
    }

    /// Numbers and priorities of what changes, and where the rule is then.
    fn moved(priorities: &[i32], id: i64, place: Place) -> (Vec<(i64, i32)>, usize) {
        let moved = rearranged(rules(priorities), RuleId(id), place).unwrap();
        let changes = moved.changes.into_iter().map(|change| (change.id.0, change.after.unwrap().priority));
        (changes.collect(), moved.place)
    }

    #[test]
    fn a_rule_goes_between_its_neighbours_where_there_is_room() {
        assert_eq!(moved(&[30, 20, 10], 3, Place::Before(RuleId(2))), (vec![(3, 25)], 2));
        assert_eq!(moved(&[30, 20, 10], 1, Place::After(RuleId(2))), (vec![(1, 15)], 2));
        assert_eq!(moved(&[30, 20, 10], 3, Place::First), (vec![(3, 40)], 1));
        assert_eq!(moved(&[30, 20, 10], 1, Place::Last), (vec![(1, 0)], 3));
        assert_eq!(moved(&[-5, -5, -7], 1, Place::After(RuleId(2))), (vec![(1, -6)], 2));
    }

    #[test]
    fn without_room_all_are_numbered_anew_in_their_order() {
        assert_eq!(moved(&[0, 0, 0], 3, Place::Before(RuleId(2))), (vec![(1, 30), (3, 20), (2, 10)], 2));
        assert_eq!(moved(&[20, 20, 10], 3, Place::Before(RuleId(2))), (vec![(1, 30), (3, 20), (2, 10)], 2));
        assert_eq!(moved(&[HIGHEST, 0], 2, Place::First), (vec![(2, 20), (1, 10)], 1));
        assert_eq!(moved(&[0, -HIGHEST], 1, Place::Last), (vec![(2, 20), (1, 10)], 2));
    }

    #[test]
    fn what_stays_where_it_is_changes_nothing() {
        assert_eq!(moved(&[5, 5, 5], 2, Place::Before(RuleId(3))), (vec![], 2));
        assert_eq!(moved(&[5], 1, Place::First), (vec![], 1));
        assert_eq!(rearranged(rules(&[1, 2]), RuleId(1), Place::Before(RuleId(1))), None);
        assert_eq!(rearranged(rules(&[1, 2]), RuleId(1), Place::After(RuleId(9))), None);
    }

    #[test]
    fn among_equals_the_order_is_that_in_which_they_are_tried() {
        let rule = |id, matching, keyword: &str| Rule {
            id: RuleId(id),
            body: RuleBody { matching, keyword: keyword.into(), ..RuleBody::default() },
            created_at: Timestamp(id),
        };
        let mut all = [
            rule(1, Matching::Contains, "价"),
            rule(2, Matching::Contains, "价格多少"),
            rule(3, Matching::Contains, "价格"),
            rule(4, Matching::Exact, "价"),
            rule(5, Matching::Contains, "多少"),
        ];
        all.sort_by_key(rank);
        assert_eq!(all.map(|rule| rule.id.0), [4, 2, 3, 5, 1]);
    }
}
