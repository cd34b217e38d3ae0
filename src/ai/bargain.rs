//! How far the price may go down, and how far the model is told that it may: in steps, the floor only in the last round.

use crate::ids::Fen;

/// What a seller allows in bargaining. Every limit holds: the highest floor wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Of the price, 0–100. What is above counts as 100.
    pub max_percent: u8,
    /// The most that is taken off the price.
    pub max_amount: Fen,
    /// Answers about the price in one deal; the last of them may name the floor. 0: the price is never discussed.
    pub rounds: u32,
}

/// Which answer about the price this is, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    pub number: u32,
    pub of: u32,
}

impl Round {
    /// Whether no round comes after this one. Rounds beyond the last are last ones.
    pub fn is_last(self) -> bool {
        self.number >= self.of
    }
}

/// The lowest price that may be promised: the item's own floor, or the price less what may be taken off, whichever is higher. Rounded
/// up to a Fen, never above the price, never below zero.
pub fn floor(price: Fen, item_floor: Option<Fen>, limits: &Limits) -> Fen {
    let price = price.0.max(0);
    let left = i128::from(100 - limits.max_percent.min(100));
    let by_percent = (i128::from(price) * left + 99) / 100;
    // Not above the price, which is an i64.
    let by_percent = i64::try_from(by_percent).unwrap_or(price);
    let by_amount = price.saturating_sub(limits.max_amount.0.max(0));
    let floor = by_percent.max(by_amount).max(item_floor.map_or(0, |floor| floor.0));
    Fen(floor.clamp(0, price))
}

/// The lowest price that the model may name in this round: half of the way in the first rounds, the floor in the last. Whole yuan where
/// one lies between floor and price, as people bargain.
pub fn offer(price: Fen, floor: Fen, round: Round) -> Fen {
    let floor = Fen(floor.0.clamp(0, price.0.max(0)));
    if round.is_last() {
        return floor;
    }
    let room = i128::from(price.0.max(0) - floor.0);
    let (number, of) = (i128::from(round.number.max(1)), i128::from(round.of));
    // Big steps first, as a person gives way: of four rounds 2/5, 7/10, 9/10 of the way, then all of it.
    let given = room * number * (2 * of + 1 - number) / (of * (of + 1));
    // `given` is not above `room`, a difference of two i64 that are not negative.
    let exact = price.0 - i64::try_from(given).unwrap_or(0);
    let whole_yuan = exact.saturating_add(99) / 100 * 100;
    Fen(if whole_yuan <= price.0 { whole_yuan } else { exact })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { max_percent: 10, max_amount: Fen(10_000), rounds: 3 };

    #[test]
    fn a2_the_highest_of_all_floors_holds() {
        assert_eq!(floor(Fen(10_000), None, &LIMITS), Fen(9_000));
        assert_eq!(floor(Fen(500_000), None, &LIMITS), Fen(490_000), "the amount is the tighter limit");
        assert_eq!(floor(Fen(10_000), Some(Fen(9_500)), &LIMITS), Fen(9_500));
        assert_eq!(
            floor(Fen(10_000), Some(Fen(8_000)), &LIMITS),
            Fen(9_000),
            "an item's floor does not widen the limits"
        );
        assert_eq!(floor(Fen(10_000), Some(Fen(20_000)), &LIMITS), Fen(10_000), "never above the price");
        assert_eq!(floor(Fen(999), None, &LIMITS), Fen(900), "899.1 is rounded up");
        let nothing = Limits { max_percent: 0, ..LIMITS };
        assert_eq!(floor(Fen(10_000), None, &nothing), Fen(10_000));
        let nothing = Limits { max_amount: Fen(0), ..LIMITS };
        assert_eq!(floor(Fen(10_000), None, &nothing), Fen(10_000));
    }

    #[test]
    fn the_offer_gives_way_in_steps_and_ends_at_the_floor() {
        let offers = |of: u32| -> Vec<i64> {
            (1..=of).map(|number| offer(Fen(10_000), Fen(9_000), Round { number, of }).0).collect()
        };
        assert_eq!(offers(3), [9_500, 9_200, 9_000]);
        assert_eq!(offers(4), [9_600, 9_300, 9_100, 9_000]);
        assert_eq!(offers(1), [9_000]);
        assert_eq!(offer(Fen(150), Fen(120), Round { number: 1, of: 3 }), Fen(135), "no whole yuan lies between");
    }

    proptest! {
        #[test]
        fn a2_floor_and_offer_stay_between_zero_and_the_price(
            price in 0_i64..i64::MAX,
            item_floor in proptest::option::of(any::<i64>()),
            max_percent in any::<u8>(),
            max_amount in any::<i64>(),
            number in any::<u32>(),
            of in any::<u32>(),
        ) {
            let limits = Limits { max_percent, max_amount: Fen(max_amount), rounds: of };
            let floor = floor(Fen(price), item_floor.map(Fen), &limits);
            prop_assert!((0..=price).contains(&floor.0));
            prop_assert!(price - floor.0 <= max_amount.max(0));
            prop_assert!(i128::from(price - floor.0) * 100 <= i128::from(price) * i128::from(max_percent.min(100)));
            prop_assert!(item_floor.is_none_or(|own| floor.0 >= own.min(price)));
            let offer = offer(Fen(price), floor, Round { number, of });
            prop_assert!((floor.0..=price).contains(&offer.0));
        }

        #[test]
        fn no_round_offers_more_than_the_one_before(price in 0_i64..10_000_000, part in 0_i64..=100, of in 1_u32..20) {
            let floor = price * part / 100;
            let offers: Vec<_> = (1..=of).map(|number| offer(Fen(price), Fen(floor), Round { number, of })).collect();
            prop_assert!(offers.is_sorted_by(|earlier, later| earlier >= later), "{:?}", offers);
            prop_assert_eq!(offers.last(), Some(&Fen(floor)));
        }
    }
}
