//! Which cards an order gets.
//!
//! The order in which rules are asked is fixed, and one of them wins: rules that name the item before keywords, then rules that name the
//! specification, then the higher priority, then the longer keyword, then rules of the one account before those of all, then the older one.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::ids::{AccountId, CardId, DeliveryRuleId, ItemId, Timestamp};

/// Values of a specification that one rule may name, at most: the platform has no more.
pub const SPECS: usize = 2;

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Item(ItemId),
    /// The item's title contains it.
    Keyword(String),
}

/// How many units an order gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Quantity {
    /// One for each piece that was bought.
    #[default]
    Piece,
    /// One, however many pieces were bought.
    Order,
}

impl Quantity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Piece => "piece",
            Self::Order => "order",
        }
    }

    /// For so many pieces.
    pub fn units(self, pieces: i64) -> i64 {
        match self {
            Self::Piece => pieces.max(1),
            Self::Order => 1,
        }
    }
}

impl std::str::FromStr for Quantity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "piece" => Ok(Self::Piece),
            "order" => Ok(Self::Order),
            other => Err(format!("unknown quantity {other:?}")),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRule {
    pub id: DeliveryRuleId,
    /// `None`: all accounts of the owner.
    pub account: Option<AccountId>,
    pub target: Target,
    /// The values of the specification, made equal by [`normal`]; `None`: whatever it is. Order and the names of the values do not matter.
    pub spec: Option<Vec<String>>,
    pub priority: i64,
    pub enabled: bool,
    pub quantity: Quantity,
    /// Seconds after the payment.
    pub delay_s: i64,
    /// Orders a day in China; `None`: no limit.
    pub per_day: Option<i64>,
    /// Minutes of the day in China, from the first to before the second; over midnight where the first is later.
    pub hours: Option<(i64, i64)>,
    /// What is given, in this order.
    pub cards: Vec<CardId>,
    pub created_at: Timestamp,
}

/// What an order is about, as far as rules look at it.
#[derive(Debug, Clone, Copy)]
pub struct Bought<'a> {
    pub account: AccountId,
    pub item: &'a ItemId,
    pub title: Option<&'a str>,
    /// Such as 颜色 and 黑.
    pub spec: &'a [(String, String)],
}

/// Why no rule serves an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// No rule is about the item.
    Rule,
    /// Rules are about the item, and all of them are switched off.
    RuleOff,
    /// Rules are about the item, but none about this specification.
    Spec,
}

/// The one rule that serves an order.
pub fn find<'a>(rules: &'a [DeliveryRule], bought: &Bought) -> Result<&'a DeliveryRule, Missing> {
    let title = bought.title.map(normal);
    let spec = spec_of(bought.spec);
    let about = |rule: &&DeliveryRule| rule.is_about(bought, title.as_deref());
    let (mut any, mut any_on) = (false, false);
    let fits = |rule: &&DeliveryRule| {
        any = true;
        any_on |= rule.enabled;
        rule.enabled && rule.spec.as_ref().is_none_or(|wanted| is_same_spec(wanted, &spec))
    };
    let best = rules.iter().filter(about).filter(fits).min_by_key(|rule| rule.rank());
    best.ok_or(match (any, any_on) {
        (false, _) => Missing::Rule,
        (true, false) => Missing::RuleOff,
        (true, true) => Missing::Spec,
    })
}

impl DeliveryRule {
    fn is_about(&self, bought: &Bought, title: Option<&str>) -> bool {
        self.account.is_none_or(|account| account == bought.account)
            && match &self.target {
                Target::Item(item) => item == bought.item,
                Target::Keyword(keyword) => {
                    let keyword = normal(keyword);
                    !keyword.is_empty() && title.is_some_and(|title| title.contains(&keyword))
                }
            }
    }

    /// The least wins.
    fn rank(&self) -> impl Ord + use<> {
        let (by_keyword, length) = match &self.target {
            Target::Item(_) => (false, 0),
            Target::Keyword(keyword) => (true, normal(keyword).chars().count()),
        };
        (
            by_keyword,
            self.spec.is_none(),
            Reverse(self.priority),
            Reverse(length),
            self.account.is_none(),
            self.created_at,
            self.id,
        )
    }

    /// How many units an order of so many pieces gets.
    pub fn units(&self, pieces: i64) -> i64 {
        self.quantity.units(pieces)
    }

    /// When something may be sent, given the minute of the day in China: `None` is now, else after so many minutes.
    pub fn opens_in(&self, minute: i64) -> Option<i64> {
        let (from, to) = self.hours?;
        let is_open = if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to };
        (!is_open).then(|| (from - minute).rem_euclid(24 * 60))
    }
}

/// The values of an order's specification, made equal.
pub fn spec_of(spec: &[(String, String)]) -> Vec<String> {
    spec.iter().map(|(_, value)| normal(value)).collect()
}

/// The same values, each as often, in any order.
fn is_same_spec(wanted: &[String], told: &[String]) -> bool {
    let sorted = |values: &[String]| {
        let mut values = values.to_vec();
        values.sort_unstable();
        values
    };
    sorted(wanted) == sorted(told)
}

/// One form for what people write in many: full and half width, capitals, blanks.
pub fn normal(text: &str) -> String {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: AccountId = AccountId(1);

    fn rule(id: i64, target: Target) -> DeliveryRule {
        DeliveryRule {
            id: DeliveryRuleId(id),
            account: None,
            target,
            spec: None,
            priority: 0,
            enabled: true,
            quantity: Quantity::Piece,
            delay_s: 0,
            per_day: None,
            hours: None,
            cards: Vec::new(),
            created_at: Timestamp(id),
        }
    }

    fn item(id: i64) -> DeliveryRule {
        rule(id, Target::Item("900000000001".into()))
    }

    fn keyword(id: i64, text: &str) -> DeliveryRule {
        rule(id, Target::Keyword(text.into()))
    }

    fn found(rules: &[DeliveryRule], title: &str, spec: &[(&str, &str)]) -> Result<i64, Missing> {
        let spec: Vec<_> = spec.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let item = "900000000001".into();
        let bought = Bought { account: OWN, item: &item, title: Some(title), spec: &spec };
        find(rules, &bought).map(|rule| rule.id.0)
    }

    #[test]
    fn an_item_that_is_named_wins_over_every_keyword() {
        let strong = DeliveryRule { priority: 100, ..keyword(1, "会员") };
        assert_eq!(found(&[strong, item(2)], "会员月卡", &[]), Ok(2));
    }

    /// D10: more than one rule fits, and the documented order decides; a short or blank keyword matches nothing by accident.
    #[test]
    fn d10_the_longest_keyword_wins_and_nothing_is_ambiguous() {
        let rules = [keyword(1, "会员"), keyword(2, "会员月卡"), keyword(3, "会员月卡"), keyword(4, "年卡")];
        assert_eq!(found(&rules, "视频会员月卡", &[]), Ok(2));
        let important = DeliveryRule { priority: 1, ..keyword(1, "会员") };
        assert_eq!(found(&[important, keyword(2, "会员月卡")], "视频会员月卡", &[]), Ok(1));
        for blank in ["", "  ", "%", "_"] {
            assert_eq!(found(&[keyword(1, blank)], "会员", &[]), Err(Missing::Rule), "{blank:?}");
        }
        assert_eq!(found(&[keyword(1, "会员月卡")], "会员", &[]), Err(Missing::Rule), "only one way round");
    }

    #[test]
    fn a_rule_of_the_account_wins_over_one_of_all_and_never_serves_another() {
        let own = DeliveryRule { account: Some(OWN), ..item(9) };
        let other = DeliveryRule { account: Some(AccountId(2)), ..item(1) };
        assert_eq!(found(&[other.clone(), item(2), own], "x", &[]), Ok(9));
        assert_eq!(found(&[other], "x", &[]), Err(Missing::Rule));
    }

    #[test]
    fn specifications_are_equal_after_they_are_made_equal_and_not_before() {
        let black = DeliveryRule { spec: Some(vec![normal("Ｍ  码"), normal("黑")]), ..item(1) };
        let rules = [black, item(2)];
        assert_eq!(found(&rules, "x", &[("颜色", " 黑 "), ("尺码", "m 码")]), Ok(1));
        assert_eq!(found(&rules, "x", &[("颜色", "黑")]), Ok(2), "one of two is another");
        assert_eq!(found(&rules, "x", &[("颜色", "黑色"), ("尺码", "M 码")]), Ok(2), "no piece of a value");
        assert_eq!(found(&rules[..1], "x", &[("颜色", "红")]), Err(Missing::Spec));
        assert_eq!(found(&rules[..1], "x", &[]), Err(Missing::Spec));
    }

    #[test]
    fn a_rule_that_is_off_serves_nobody_and_is_told_apart_from_none() {
        let off = DeliveryRule { enabled: false, ..item(1) };
        assert_eq!(found(std::slice::from_ref(&off), "x", &[]), Err(Missing::RuleOff));
        assert_eq!(found(&[off, item(2)], "x", &[]), Ok(2));
    }

    #[test]
    fn pieces_or_the_order_count() {
        assert_eq!((item(1).units(5), item(1).units(0)), (5, 1));
        assert_eq!(DeliveryRule { quantity: Quantity::Order, ..item(1) }.units(5), 1);
    }

    #[test]
    fn hours_may_go_over_midnight() {
        let hours = |from, to| DeliveryRule { hours: Some((from, to)), ..item(1) };
        assert_eq!((hours(540, 1320).opens_in(540), hours(540, 1320).opens_in(1320)), (None, Some(660)));
        assert_eq!((hours(1320, 120).opens_in(0), hours(1320, 120).opens_in(120)), (None, Some(1200)));
        assert_eq!(item(1).opens_in(0), None);
    }
}
