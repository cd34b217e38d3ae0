//! The default replies that items have of their own, for many items at once. They are rules like any other: what is written here is a version
//! of each set that it touches.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    DbConn, QueryResult, Scope,
    audit::Actor,
    revisions::{self, Topic},
    rule_drafts,
    rule_versions::{Cause, Change},
    rules::{self, NotSaved},
};
use crate::{
    ids::{AccountId, ItemId, RuleId, Timestamp},
    reply::{
        condition::Conditions,
        rule::{Rule, RuleBody},
    },
};

/// So many items one rule may name.
const MOST_ITEMS: usize = 500;

type Wanted = BTreeMap<AccountId, BTreeSet<ItemId>>;

/// From then on each of these items has this default reply (its account and items are filled in) and no other of its own; `None`: it has
/// none. What is so already is left alone. The answer is what changed; after a refusal nothing was written.
pub fn set(
    conn: &mut DbConn,
    scope: &Scope,
    items: &[(AccountId, ItemId)],
    reply: Option<&RuleBody>,
    by: &Actor,
    now: Timestamp,
) -> QueryResult<Result<Vec<Change>, NotSaved>> {
    revisions::lock(conn, Topic::Rules)?;
    let stored = rules::list(conn, scope)?.rules.into_iter().filter(|rule| rule.body.is_default_reply());
    let changes = plan(&stored.collect::<Vec<_>>(), items, reply);
    if let Some(refusal) = refusal(conn, scope, &changes)? {
        return Ok(Err(refusal));
    }
    rules::write_planned(conn, scope, changes, &Cause::Edit, by, now)
}

/// The items that have another default reply of their own than before, or none any more.
pub fn touched(change: &Change) -> BTreeSet<ItemId> {
    let items = |body: &Option<RuleBody>| body.iter().flat_map(|body| body.items.clone()).collect::<BTreeSet<_>>();
    let (before, after) = (items(&change.before), items(&change.after));
    match (&change.before, &change.after) {
        (Some(old), Some(new)) if says(old, new) => before.symmetric_difference(&after).cloned().collect(),
        _ => before.union(&after).cloned().collect(),
    }
}

/// What is changed of the default replies that are `stored`. What is new has no number yet.
fn plan(stored: &[Rule], items: &[(AccountId, ItemId)], reply: Option<&RuleBody>) -> Vec<Change> {
    let wanted = otherwise(stored, items, reply);
    let mut afters = without(stored, &wanted);
    let mut added = Vec::new();
    for ((account, items), reply) in wanted.iter().filter_map(|wanted| Some((wanted, reply?))) {
        let new = RuleBody { account: Some(*account), items: items.iter().cloned().collect(), ..reply.clone() };
        if let Some((id, joined)) = joined(stored, &afters, &new) {
            afters.insert(id, Some(joined));
        } else if let Some(id) = emptied(stored, &afters, *account) {
            afters.insert(id, Some(new));
        } else {
            added.push(Change { id: RuleId(0), before: None, after: Some(new) });
        }
    }
    let change = |rule: &Rule| {
        let after = afters.get(&rule.id)?.clone();
        let before = Some(rule.body.clone());
        (after != before).then_some(Change { id: rule.id, before, after })
    };
    stored.iter().filter_map(change).chain(added).collect()
}

/// Those of these items that do not have just this reply.
fn otherwise(stored: &[Rule], items: &[(AccountId, ItemId)], reply: Option<&RuleBody>) -> Wanted {
    let mut wanted = Wanted::new();
    for (account, item) in items {
        let own: Vec<&RuleBody> =
            stored.iter().map(|rule| &rule.body).filter(|body| names(body, *account, item)).collect();
        let is_so = match (reply, &own[..]) {
            (None, []) => true,
            (Some(reply), [one]) => says(one, reply),
            (_, _) => false,
        };
        if !is_so {
            wanted.entry(*account).or_default().insert(item.clone());
        }
    }
    wanted
}

/// What becomes of the rules that name one of these items, once they do not any more. One that named no other goes: without items it
/// would be about every one.
fn without(stored: &[Rule], wanted: &Wanted) -> BTreeMap<RuleId, Option<RuleBody>> {
    let is_wanted = |body: &RuleBody, item: &ItemId| {
        wanted.iter().any(|(account, items)| items.contains(item) && names(body, *account, item))
    };
    let mut afters = BTreeMap::new();
    for Rule { id, body, .. } in stored {
        let left: Vec<ItemId> = body.items.iter().filter(|item| !is_wanted(body, item)).cloned().collect();
        if left.len() < body.items.len() {
            afters.insert(*id, (!left.is_empty()).then(|| RuleBody { items: left, ..body.clone() }));
        }
    }
    afters
}

/// The rule of the account that says the same already, with the new items among its own.
fn joined(stored: &[Rule], afters: &BTreeMap<RuleId, Option<RuleBody>>, new: &RuleBody) -> Option<(RuleId, RuleBody)> {
    let alike = |rule: &&Rule| {
        let Rule { body, .. } = rule;
        body.account == new.account && body.accounts.is_empty() && !body.items.is_empty() && says(body, new)
    };
    stored.iter().filter(alike).find_map(|rule| {
        let left = afters.get(&rule.id).map_or(Some(&rule.body), Option::as_ref);
        let items: BTreeSet<&ItemId> = left.into_iter().flat_map(|body| &body.items).chain(&new.items).collect();
        let whole = || RuleBody { items: items.iter().copied().cloned().collect(), ..rule.body.clone() };
        (items.len() <= MOST_ITEMS).then(|| (rule.id, whole()))
    })
}

/// A rule of the account that would go, and can be the new one instead: who knows its number finds it.
fn emptied(stored: &[Rule], afters: &BTreeMap<RuleId, Option<RuleBody>>, account: AccountId) -> Option<RuleId> {
    let goes = |rule: &&Rule| matches!(afters.get(&rule.id), Some(None));
    let is_plain = |rule: &&Rule| rule.body.account == Some(account) && rule.body.conditions == Conditions::default();
    stored.iter().filter(goes).find(is_plain).map(|rule| rule.id)
}

/// Whether this is a default reply for this item, and not for every one.
fn names(body: &RuleBody, account: AccountId, item: &ItemId) -> bool {
    let is_of = body.accounts.is_empty() || body.accounts.contains(&account);
    is_of && body.account.is_none_or(|of| of == account) && body.items.contains(item)
}

/// Whether both say the same in the same way, whatever they are about.
fn says(one: &RuleBody, other: &RuleBody) -> bool {
    let alike =
        RuleBody { account: one.account, accounts: one.accounts.clone(), items: one.items.clone(), ..other.clone() };
    *one == alike
}

/// Why this is not written: what is prepared would be overwritten, or two rules would be the same.
fn refusal(conn: &mut DbConn, scope: &Scope, changes: &[Change]) -> QueryResult<Option<NotSaved>> {
    let written: HashSet<RuleId> = changes.iter().map(|change| change.id).collect();
    let bodies = || changes.iter().flat_map(|change| change.before.iter().chain(&change.after));
    let sets: BTreeSet<Option<AccountId>> = bodies().map(|body| body.account).collect();
    for set in sets {
        if rule_drafts::all(conn, scope, set)?.iter().any(|draft| written.contains(&draft.id)) {
            return Ok(Some(NotSaved::HasDraft));
        }
    }
    let mut seen = HashSet::new();
    for (id, after) in changes.iter().filter_map(|change| Some((change.id, change.after.as_ref()?))) {
        if !seen.insert(after.identity()) {
            return Ok(Some(NotSaved::Exists(id)));
        }
        if let Some(twin) = rules::find_id(conn, scope, after)?.filter(|twin| !written.contains(twin)) {
            return Ok(Some(NotSaved::Exists(twin)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::rule::{Action, Matching};

    const SHOP: AccountId = AccountId(1);

    fn body(text: &str, items: &[&str]) -> RuleBody {
        RuleBody {
            account: Some(SHOP),
            items: items.iter().map(|item| ItemId::from(*item)).collect(),
            matching: Matching::Default,
            actions: vec![Action::Text(text.into())],
            ..RuleBody::default()
        }
    }

    fn rule(id: i64, text: &str, items: &[&str]) -> Rule {
        Rule { id: RuleId(id), body: body(text, items), created_at: Timestamp(1) }
    }

    fn keys(items: &[&str]) -> Vec<(AccountId, ItemId)> {
        items.iter().map(|item| (SHOP, ItemId::from(*item))).collect()
    }

    fn added(text: &str, items: &[&str]) -> Change {
        Change { id: RuleId(0), before: None, after: Some(body(text, items)) }
    }

    fn changed(rule: &Rule, after: Option<RuleBody>) -> Change {
        Change { id: rule.id, before: Some(rule.body.clone()), after }
    }

    #[test]
    fn what_has_none_gets_one_rule_for_all_of_it() {
        let reply = body("a", &[]);
        assert_eq!(plan(&[], &keys(&["1", "2"]), Some(&reply)), [added("a", &["1", "2"])]);
        let whole = rule(1, "every item", &[]);
        assert_eq!(plan(&[whole], &keys(&["1"]), Some(&reply)), [added("a", &["1"])], "the account's stays as it is");
        assert_eq!(plan(&[], &keys(&["1"]), None), []);
    }

    #[test]
    fn what_is_so_already_is_left_alone_and_more_items_join_it() {
        let (reply, same) = (body("a", &[]), rule(1, "a", &["1", "2"]));
        assert_eq!(plan(std::slice::from_ref(&same), &keys(&["1"]), Some(&reply)), []);
        let joined = changed(&same, Some(body("a", &["1", "2", "3"])));
        assert_eq!(plan(&[same], &keys(&["2", "3"]), Some(&reply)), [joined]);
    }

    #[test]
    fn what_another_rule_said_is_said_no_more_and_others_keep_it() {
        let (reply, old) = (body("a", &[]), rule(1, "b", &["1", "2"]));
        let wanted = [changed(&old, Some(body("b", &["2"]))), added("a", &["1"])];
        assert_eq!(plan(std::slice::from_ref(&old), &keys(&["1"]), Some(&reply)), wanted);
        let taken = changed(&old, Some(body("a", &["1", "2"])));
        assert_eq!(plan(&[old], &keys(&["1", "2"]), Some(&reply)), [taken], "its number stays");
    }

    #[test]
    fn a_rule_without_items_left_goes_and_is_not_for_every_item() {
        let old = rule(1, "b", &["1"]);
        assert_eq!(plan(std::slice::from_ref(&old), &keys(&["1"]), None), [changed(&old, None)]);
        let other_shop = [(AccountId(2), ItemId::from("1"))];
        assert_eq!(plan(&[old], &other_shop, None), [], "another account's");
    }

    #[test]
    fn only_items_that_are_answered_otherwise_are_told() {
        let of = |change: &Change| touched(change).iter().map(ToString::to_string).collect::<Vec<_>>();
        let old = rule(1, "a", &["1", "2"]);
        assert_eq!(of(&changed(&old, Some(body("a", &["2", "3"])))), ["1", "3"]);
        assert_eq!(of(&changed(&old, Some(body("b", &["1", "2"])))), ["1", "2"]);
        assert_eq!(of(&changed(&old, None)), ["1", "2"]);
        assert_eq!(of(&added("a", &["9"])), ["9"]);
    }
}
