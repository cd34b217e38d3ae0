//! Whether the next order of an item would be delivered, and what is missing. Pure: whoever asks knows the database.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    card::Kind,
    rule::{self, Bought, DeliveryRule, Missing},
};
use crate::ids::{AccountId, CardId, DeliveryRuleId, ItemId};

/// Whether the next order would be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ready,
    NotReady,
    /// The seller switched the account or its deliveries off.
    Off,
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// The account does not deliver.
    DeliveryOff,
    /// The account is switched off.
    AccountOff,
    /// The account waits for a person.
    NeedsPerson,
    /// The account is not connected, and comes back by itself.
    NotConnected,
    /// A stop switch is on.
    Stopped,
    NoRule,
    /// Every rule about it is switched off.
    RuleOff,
    /// There are rules about it, but none for this specification.
    NoSpec,
    CardOff,
    /// A card has nothing in it.
    CardEmpty,
    OutOfStock,
}

/// How an account's connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Up,
    Down,
    NeedsPerson,
    Off,
}

/// What holds for all items of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    pub account: AccountId,
    pub delivers: bool,
    pub is_stopped: bool,
    pub line: Line,
}

/// A card as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardFacts {
    pub name: String,
    pub kind: Kind,
    pub enabled: bool,
    pub has_content: bool,
    /// Of a combination.
    pub parts: Vec<CardId>,
    /// Of a pool: how many units are free.
    pub free: i64,
}

/// The owner's rules and cards.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    pub rules: Vec<DeliveryRule>,
    pub cards: HashMap<CardId, CardFacts>,
}

/// What is missing, and for which card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    pub lack: Lack,
    pub card: Option<(CardId, String)>,
}

/// One of the things that an item is sold as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Such as 颜色 and 黑; empty where the item has none.
    pub spec: Vec<(String, String)>,
    pub rule: Option<DeliveryRuleId>,
    pub missed: Vec<Missed>,
    /// Orders of one piece for which the stock lasts; `None`: nothing of it runs out, or nobody can say.
    pub orders_left: Option<i64>,
}

/// What became of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    pub verdict: Verdict,
    /// Of the account.
    pub missed: Vec<Lack>,
    pub variants: Vec<Variant>,
}

impl Lack {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryOff => "delivery_off",
            Self::AccountOff => "account_off",
            Self::NeedsPerson => "needs_person",
            Self::NotConnected => "not_connected",
            Self::Stopped => "stopped",
            Self::NoRule => "no_rule",
            Self::RuleOff => "rule_off",
            Self::NoSpec => "no_spec",
            Self::CardOff => "card_off",
            Self::CardEmpty => "card_empty",
            Self::OutOfStock => "out_of_stock",
        }
    }
}

impl Counter {
    pub fn missed(&self) -> Vec<Lack> {
        let line = match self.line {
            Line::Up => None,
            Line::Down => Some(Lack::NotConnected),
            Line::NeedsPerson => Some(Lack::NeedsPerson),
            Line::Off => Some(Lack::AccountOff),
        };
        let switches = [(!self.delivers).then_some(Lack::DeliveryOff), self.is_stopped.then_some(Lack::Stopped)];
        switches.into_iter().chain([line]).flatten().collect()
    }
}

/// `specs`: all that the item is sold as; none where it is sold as it is. `pieces`: of one order.
pub fn judge(
    counter: &Counter,
    shelf: &Shelf,
    item: &ItemId,
    title: Option<&str>,
    specs: &[Vec<(String, String)>],
    pieces: i64,
) -> Readiness {
    let plain = [Vec::new()];
    let specs = if specs.is_empty() { &plain[..] } else { specs };
    let bought = |spec| Bought { account: counter.account, item, title, spec };
    let variants: Vec<Variant> = specs.iter().map(|spec| shelf.variant(&bought(spec), pieces)).collect();
    let missed = counter.missed();
    let verdict = if missed.iter().any(|lack| matches!(lack, Lack::DeliveryOff | Lack::AccountOff)) {
        Verdict::Off
    } else if missed.is_empty() && variants.iter().all(|variant| variant.missed.is_empty()) {
        Verdict::Ready
    } else {
        Verdict::NotReady
    };
    Readiness { verdict, missed, variants }
}

impl Shelf {
    fn variant(&self, bought: &Bought, pieces: i64) -> Variant {
        let spec = bought.spec.to_vec();
        let rule = match rule::find(&self.rules, bought) {
            Ok(rule) => rule,
            Err(missing) => {
                let lack = match missing {
                    Missing::Rule => Lack::NoRule,
                    Missing::RuleOff => Lack::RuleOff,
                    Missing::Spec => Lack::NoSpec,
                };
                return Variant { spec, rule: None, missed: vec![Missed { lack, card: None }], orders_left: None };
            }
        };
        let cards = self.expand(&rule.cards);
        let mut missed: Vec<Missed> = cards.iter().filter_map(|(id, card)| self.fault(*id, card)).collect();
        if cards.is_empty() {
            missed.push(Missed { lack: Lack::CardEmpty, card: None });
        }
        let mut per_unit: HashMap<CardId, i64> = HashMap::new();
        for (id, _) in cards.iter().filter(|(_, card)| card.kind == Kind::Pool) {
            *per_unit.entry(*id).or_default() += 1;
        }
        let units = rule.units(pieces);
        let lasts = |(id, each): (&CardId, &i64)| Some((*id, self.cards.get(id)?.free / (each * units).max(1)));
        let least = per_unit.iter().filter_map(lasts).min_by_key(|(id, orders)| (*orders, *id));
        if let Some((id, 0)) = least {
            let name = self.cards.get(&id).map(|card| (id, card.name.clone()));
            missed.push(Missed { lack: Lack::OutOfStock, card: name });
        }
        missed.dedup();
        Variant { spec, rule: Some(rule.id), missed, orders_left: least.map(|(_, orders)| orders) }
    }

    /// Combinations become what they are made of, but for one that is off.
    fn expand(&self, wanted: &[CardId]) -> Vec<(CardId, &CardFacts)> {
        let mut found = Vec::new();
        for id in wanted {
            let Some(card) = self.cards.get(id) else { continue };
            if card.kind != Kind::Combination || !card.enabled {
                found.push((*id, card));
                continue;
            }
            found.extend(card.parts.iter().filter_map(|part| Some((*part, self.cards.get(part)?))));
        }
        found
    }

    fn fault(&self, id: CardId, card: &CardFacts) -> Option<Missed> {
        let is_empty = card.kind != Kind::Pool && !card.has_content;
        let lack = match (card.enabled, is_empty) {
            (false, _) => Lack::CardOff,
            (true, true) => Lack::CardEmpty,
            (true, false) => return None,
        };
        Some(Missed { lack, card: Some((id, card.name.clone())) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::rule::{Quantity, Target, normal},
        ids::Timestamp,
    };

    const ITEM: &str = "900000000001";

    fn counter() -> Counter {
        Counter { account: AccountId(1), delivers: true, is_stopped: false, line: Line::Up }
    }

    fn card(kind: Kind, free: i64) -> CardFacts {
        CardFacts { name: "码".into(), kind, enabled: true, has_content: true, parts: Vec::new(), free }
    }

    fn rule(spec: Option<&str>, cards: &[i64]) -> DeliveryRule {
        DeliveryRule {
            id: DeliveryRuleId(7),
            account: None,
            target: Target::Item(ITEM.into()),
            spec: spec.map(|value| vec![normal(value)]),
            priority: 0,
            enabled: true,
            quantity: Quantity::Piece,
            delay_s: 0,
            per_day: None,
            hours: None,
            cards: cards.iter().map(|id| CardId(*id)).collect(),
            created_at: Timestamp(1),
        }
    }

    fn shelf(rules: Vec<DeliveryRule>, cards: Vec<(i64, CardFacts)>) -> Shelf {
        Shelf { rules, cards: cards.into_iter().map(|(id, card)| (CardId(id), card)).collect() }
    }

    fn judged(shelf: &Shelf, specs: &[&str]) -> Readiness {
        let specs: Vec<_> = specs.iter().map(|value| vec![("颜色".to_owned(), (*value).to_owned())]).collect();
        judge(&counter(), shelf, &ITEM.into(), Some("会员月卡"), &specs, 1)
    }

    fn lacks(readiness: &Readiness) -> Vec<Lack> {
        readiness.variants.iter().flat_map(|variant| &variant.missed).map(|missed| missed.lack).collect()
    }

    #[test]
    fn stock_lasts_for_so_many_orders_and_the_scarcest_card_decides() {
        let two = shelf(vec![rule(None, &[1, 1, 2])], vec![(1, card(Kind::Pool, 7)), (2, card(Kind::Pool, 5))]);
        let ready = judged(&two, &[]);
        assert_eq!((ready.verdict, ready.variants[0].orders_left), (Verdict::Ready, Some(3)));
        let empty = shelf(vec![rule(None, &[1])], vec![(1, card(Kind::Pool, 0))]);
        assert_eq!(
            (judged(&empty, &[]).verdict, lacks(&judged(&empty, &[]))),
            (Verdict::NotReady, vec![Lack::OutOfStock])
        );
        let endless = shelf(vec![rule(None, &[1])], vec![(1, card(Kind::Text, 0))]);
        assert_eq!(judged(&endless, &[]).variants[0].orders_left, None);
    }

    #[test]
    fn each_specification_is_asked_for_by_itself() {
        let black = shelf(vec![rule(Some("黑"), &[1])], vec![(1, card(Kind::Text, 0))]);
        let some = judged(&black, &["黑", "白"]);
        assert_eq!((some.verdict, lacks(&some)), (Verdict::NotReady, vec![Lack::NoSpec]));
        assert_eq!((some.variants[0].rule, some.variants[1].rule), (Some(DeliveryRuleId(7)), None));
        assert_eq!(judged(&black, &["黑"]).verdict, Verdict::Ready);
        assert_eq!(lacks(&judged(&shelf(Vec::new(), Vec::new()), &[])), [Lack::NoRule]);
        let off = DeliveryRule { enabled: false, ..rule(None, &[1]) };
        assert_eq!(lacks(&judged(&shelf(vec![off], Vec::new()), &[])), [Lack::RuleOff]);
    }

    #[test]
    fn cards_that_give_nothing_are_named() {
        let off = CardFacts { enabled: false, ..card(Kind::Text, 0) };
        let hollow = CardFacts { has_content: false, ..card(Kind::Api, 0) };
        let both = CardFacts { parts: vec![CardId(1), CardId(2)], ..card(Kind::Combination, 0) };
        let shelf = shelf(vec![rule(None, &[3])], vec![(1, off), (2, hollow), (3, both)]);
        let judged = judged(&shelf, &[]);
        assert_eq!(lacks(&judged), [Lack::CardOff, Lack::CardEmpty]);
        assert_eq!(judged.variants[0].missed[0].card, Some((CardId(1), "码".into())));
    }

    #[test]
    fn what_the_seller_switched_off_is_off_and_what_failed_is_not_ready() {
        let shelf = shelf(vec![rule(None, &[1])], vec![(1, card(Kind::Text, 0))]);
        let with = |counter: Counter| {
            let readiness = judge(&counter, &shelf, &ITEM.into(), None, &[], 1);
            (readiness.verdict, readiness.missed)
        };
        assert_eq!(with(Counter { delivers: false, ..counter() }), (Verdict::Off, vec![Lack::DeliveryOff]));
        assert_eq!(with(Counter { line: Line::Off, ..counter() }), (Verdict::Off, vec![Lack::AccountOff]));
        assert_eq!(
            with(Counter { line: Line::NeedsPerson, ..counter() }),
            (Verdict::NotReady, vec![Lack::NeedsPerson])
        );
        assert_eq!(with(Counter { is_stopped: true, ..counter() }), (Verdict::NotReady, vec![Lack::Stopped]));
        assert_eq!(with(counter()), (Verdict::Ready, Vec::new()));
    }
}
