//! When a rule holds besides what was said: at which hours, and for whom.

use serde::{Deserialize, Serialize};

use super::trail::PassedOver;
use crate::{
    ids::Timestamp,
    platform::hours::{Window, is_open},
};

/// All of it must hold. Without anything it always does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// One of these, in the platform's time; empty: always.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Window>,
    /// The buyer has one of these tags, unless empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The buyer has none of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_tags: Vec<String>,
    /// `Some(true)`: only who has paid an order of this seller before; `Some(false)`: only who has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bought_before: Option<bool>,
    /// `Some(true)`: only in the first turn of a conversation; `Some(false)`: only later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_contact: Option<bool>,
}

/// What is known of the buyer in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuyerFacts<'a> {
    pub tags: &'a [String],
    /// Orders that were paid, in all accounts of the owner.
    pub orders: i64,
    /// Nothing was answered or decided in this conversation yet.
    pub first_contact: bool,
}

impl Conditions {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The first condition that does not hold.
    ///
    /// # Errors
    /// Says which kind of condition that is.
    pub fn hold(&self, now: Timestamp, buyer: &BuyerFacts<'_>) -> Result<(), PassedOver> {
        let has = |tag: &String| buyer.tags.contains(tag);
        let differs = |wanted: Option<bool>, is: bool| wanted.is_some_and(|wanted| wanted != is);
        if !is_open(&self.hours, now) {
            return Err(PassedOver::OtherHours);
        }
        if (!self.tags.is_empty() && !self.tags.iter().any(has)) || self.without_tags.iter().any(has) {
            return Err(PassedOver::Tags);
        }
        if differs(self.bought_before, buyer.orders > 0) || differs(self.first_contact, buyer.first_contact) {
            return Err(PassedOver::History);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(4 * 3_600_000);

    fn tags(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn nothing_asked_always_holds_and_each_condition_is_told_apart() {
        let vip = tags(&["VIP", "老客户"]);
        let buyer = BuyerFacts { tags: &vip, orders: 2, first_contact: false };
        let holds = |conditions: Conditions| conditions.hold(NOON, &buyer);
        let any = Conditions::default;
        assert_eq!(holds(any()), Ok(()));
        let office = Window { days: Window::ALL_DAYS, from: 540, to: 1080 };
        let night = Window { days: Window::ALL_DAYS, from: 1320, to: 480 };
        assert_eq!(holds(Conditions { hours: vec![night, office], ..any() }), Ok(()));
        assert_eq!(holds(Conditions { hours: vec![night], ..any() }), Err(PassedOver::OtherHours));
        assert_eq!(holds(Conditions { tags: tags(&["同行", "VIP"]), ..any() }), Ok(()));
        assert_eq!(holds(Conditions { tags: tags(&["同行"]), ..any() }), Err(PassedOver::Tags));
        assert_eq!(holds(Conditions { without_tags: tags(&["VIP"]), ..any() }), Err(PassedOver::Tags));
        assert_eq!(holds(Conditions { bought_before: Some(true), first_contact: Some(false), ..any() }), Ok(()));
        assert_eq!(holds(Conditions { bought_before: Some(false), ..any() }), Err(PassedOver::History));
        assert_eq!(holds(Conditions { first_contact: Some(true), ..any() }), Err(PassedOver::History));
    }
}
