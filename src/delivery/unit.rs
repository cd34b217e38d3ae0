//! What may become of a piece of stock.

use serde::{Deserialize, Serialize};

/// Where a piece of stock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnitState {
    Free,
    /// An order has it, and the buyer cannot have seen it.
    Reserved,
    /// On its way to the buyer.
    Sent,
    /// The buyer has it.
    Confirmed,
    /// Nobody can say whether the buyer has it. A person decides.
    Uncertain,
    /// The buyer had it and gave it back, or its order was paid back: a person says whether it may be sold again.
    Returned,
    /// Not to be sold.
    Void,
}

impl UnitState {
    pub const ALL: [Self; 7] =
        [Self::Free, Self::Reserved, Self::Sent, Self::Confirmed, Self::Uncertain, Self::Returned, Self::Void];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Reserved => "reserved",
            Self::Sent => "sent",
            Self::Confirmed => "confirmed",
            Self::Uncertain => "uncertain",
            Self::Returned => "returned",
            Self::Void => "void",
        }
    }

    /// The one table of what may follow what.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Free => matches!(next, Self::Reserved | Self::Void),
            // Free again only where it never was on the wire.
            Self::Reserved => matches!(next, Self::Sent | Self::Free),
            // Reserved again where the platform refused it, or its history says that it did not arrive.
            Self::Sent => matches!(next, Self::Confirmed | Self::Uncertain | Self::Reserved),
            Self::Uncertain => matches!(next, Self::Confirmed | Self::Reserved | Self::Void),
            Self::Confirmed => next == Self::Returned,
            Self::Returned => matches!(next, Self::Free | Self::Void),
            Self::Void => false,
        }
    }

    /// Whether a person may take back that it was made void. Nobody may where it ever was on its way to a buyer, who may have seen it: that
    /// is for good, and no order takes this way.
    pub fn may_be_taken_back(self, was_sent: bool) -> bool {
        self == Self::Void && !was_sent
    }

    /// An order has it.
    pub fn is_claimed(self) -> bool {
        match self {
            Self::Reserved | Self::Sent | Self::Confirmed | Self::Uncertain => true,
            Self::Free | Self::Returned | Self::Void => false,
        }
    }
}

impl std::str::FromStr for UnitState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("unknown unit state {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row for each state, a column for each that may follow.
    #[test]
    fn the_table_of_units() {
        let table = [".x....x", "x.x....", ".x.xx..", ".....x.", ".x.x..x", "x.....x", "......."];
        for (now, row) in UnitState::ALL.into_iter().zip(table) {
            for (next, may) in UnitState::ALL.into_iter().zip(row.chars()) {
                assert_eq!(now.may_become(next), may == 'x', "{now:?} → {next:?}");
            }
        }
    }

    #[test]
    fn what_a_buyer_may_have_seen_is_never_free_again_by_itself() {
        for seen in [UnitState::Sent, UnitState::Confirmed, UnitState::Uncertain] {
            assert!(!seen.may_become(UnitState::Free));
        }
    }

    #[test]
    fn only_a_void_unit_that_no_buyer_can_have_seen_is_taken_back() {
        for state in UnitState::ALL {
            assert_eq!(state.may_be_taken_back(false), state == UnitState::Void, "{state:?}");
            assert!(!state.may_be_taken_back(true), "{state:?}");
        }
    }

    #[test]
    fn every_state_reads_back() {
        for state in UnitState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).ok(), Some(state.as_str().into()));
        }
        assert!("sold".parse::<UnitState>().is_err());
    }
}
