//! Which card the orders of many items get: the delivery rules that name these items, planned before anything is written.

use std::collections::BTreeSet;

use super::{
    super::{error::ApiResult, gate::Caller},
    delivery_rules::{check, check_room, wake, write_change, write_new, write_removal},
};
use crate::{
    delivery::rule::{Quantity, Target},
    ids::{AccountId, CardId, ItemId, Timestamp},
    store::{
        DbConn, QueryResult, Scope,
        delivery_rules::{self, Draft, Row},
    },
};

type Key = (AccountId, ItemId);

enum Step {
    Add(Draft),
    Change(Row, Draft),
    Remove(Row),
}

/// What is to be written, and the items that are delivered otherwise afterwards.
pub(super) struct Binding {
    steps: Vec<Step>,
    pub(super) items: BTreeSet<Key>,
}

/// From then on orders of these items get this card, whatever the specification; rules for single specifications stay. `None`: no rule
/// names the items any more. Reads only; refused where there is no such card, or there would be too many rules.
pub(super) fn plan(
    conn: &mut DbConn,
    scope: &Scope,
    items: &[Key],
    card: Option<CardId>,
) -> QueryResult<ApiResult<Binding>> {
    if let Some(((account, item), card)) = items.first().zip(card)
        && let Err(refusal) = check(conn, scope, &plain(*account, item, card))?
    {
        return Ok(Err(refusal.at("card_id")));
    }
    let named: Vec<ItemId> = items.iter().map(|(_, item)| item.clone()).collect();
    let rows = delivery_rules::naming(conn, scope, &named)?;
    let mut binding = Binding { steps: Vec::new(), items: BTreeSet::new() };
    for key in items {
        let steps = steps(&rows, key, card);
        if !steps.is_empty() {
            binding.items.insert(key.clone());
            binding.steps.extend(steps);
        }
    }
    let new = binding.steps.iter().filter(|step| matches!(step, Step::Add(_))).count();
    Ok(check_room(conn, scope, i64::try_from(new).unwrap_or(i64::MAX))?.map(|()| binding))
}

/// What is to be done for one item.
fn steps(rows: &[Row], (account, item): &Key, card: Option<CardId>) -> Vec<Step> {
    let is_about = |row: &&Row| {
        let is_here = row.rule.account.is_none_or(|of| of == *account);
        is_here && matches!(&row.rule.target, Target::Item(of) if of == item)
    };
    let about = rows.iter().filter(is_about);
    let Some(card) = card else { return about.cloned().map(Step::Remove).collect() };
    let whole: Vec<&Row> = about.filter(|row| row.rule.spec.is_none()).collect();
    if whole.is_empty() {
        return vec![Step::Add(plain(*account, item, card))];
    }
    let is_otherwise = |row: &&&Row| row.rule.cards != [card] || !row.rule.enabled;
    let change = |row: &&Row| Step::Change((*row).clone(), giving((*row).clone(), card));
    whole.iter().filter(is_otherwise).map(change).collect()
}

/// A rule as one that says no more than item and card.
fn plain(account: AccountId, item: &ItemId, card: CardId) -> Draft {
    Draft {
        account: Some(account),
        target: Target::Item(item.clone()),
        spec: None,
        priority: 0,
        enabled: true,
        quantity: Quantity::default(),
        delay_s: 0,
        per_day: None,
        hours: None,
        cards: vec![card],
        note: String::new(),
    }
}

/// The same rule, which gives this card, and is on.
fn giving(Row { rule, note, .. }: Row, card: CardId) -> Draft {
    Draft {
        account: rule.account,
        target: rule.target,
        spec: rule.spec,
        priority: rule.priority,
        enabled: true,
        quantity: rule.quantity,
        delay_s: rule.delay_s,
        per_day: rule.per_day,
        hours: rule.hours,
        cards: vec![card],
        note,
    }
}

/// Writes it, each rule with its line in the audit; the answer is whose deliveries are to be told.
pub(super) fn write(
    conn: &mut DbConn,
    caller: &Caller,
    binding: Binding,
    now: Timestamp,
) -> QueryResult<Vec<AccountId>> {
    if binding.steps.is_empty() {
        return Ok(Vec::new());
    }
    for step in binding.steps {
        match step {
            Step::Add(draft) => drop(write_new(conn, caller, &draft, now)?),
            Step::Change(row, draft) => drop(write_change(conn, caller, row, &draft, now)?),
            Step::Remove(row) => write_removal(conn, caller, row, now)?,
        }
    }
    wake(conn, &caller.scope, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{delivery::rule::DeliveryRule, ids::DeliveryRuleId};

    const ACCOUNT: AccountId = AccountId(1);
    const CARD: CardId = CardId(7);

    fn row(change: impl FnOnce(&mut DeliveryRule)) -> Row {
        let mut rule = DeliveryRule {
            id: DeliveryRuleId(1),
            account: None,
            target: Target::Item("9".into()),
            spec: None,
            priority: 5,
            enabled: true,
            quantity: Quantity::default(),
            delay_s: 60,
            per_day: None,
            hours: None,
            cards: vec![CARD],
            created_at: Timestamp(1),
        };
        change(&mut rule);
        Row { rule, note: "n".into(), updated_at: Timestamp(1) }
    }

    fn of(rows: &[Row], card: Option<CardId>) -> Vec<Step> {
        steps(rows, &(ACCOUNT, "9".into()), card)
    }

    #[test]
    fn an_item_without_a_rule_gets_one_and_one_that_has_it_keeps_it() {
        assert!(matches!(&of(&[], Some(CARD))[..], [Step::Add(draft)] if draft.account == Some(ACCOUNT)));
        assert!(of(&[row(|_| {})], Some(CARD)).is_empty());
        assert!(of(&[], None).is_empty());
    }

    #[test]
    fn a_rule_gives_the_card_and_keeps_the_rest() {
        let other = row(|rule| (rule.cards, rule.enabled) = (vec![CardId(1), CARD], false));
        let steps = of(&[other], Some(CARD));
        let [Step::Change(_, draft)] = &steps[..] else { panic!("one rule is changed") };
        assert_eq!((&draft.cards[..], draft.enabled, draft.delay_s, &*draft.note), (&[CARD][..], true, 60, "n"));
    }

    #[test]
    fn rules_for_specifications_stay_until_all_that_name_the_item_go() {
        let of_spec = || row(|rule| rule.spec = Some(vec!["黑".into()]));
        assert!(matches!(&of(&[of_spec()], Some(CARD))[..], [Step::Add(_)]));
        let elsewhere = row(|rule| rule.account = Some(AccountId(2)));
        assert!(matches!(&of(&[of_spec(), row(|_| {}), elsewhere], None)[..], [Step::Remove(_), Step::Remove(_)]));
    }
}
