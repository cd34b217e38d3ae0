//! What a person may choose about an order that waits for them.

use serde::{Deserialize, Serialize};

use super::review::Reason;

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The seller sees to the whole order: nothing more is done for it.
    ByHand,
    /// What is in doubt arrived.
    Arrived,
    /// It did not arrive, was refused, or was never sent: it is sent, after the order was read again, and also where the platform says by
    /// now that the order is shipped.
    SendAgain,
    /// What stood in the way is mended: it is looked at again.
    LookAgain,
    /// What was refused is asked for once more.
    TryAgain,
}

impl Choice {
    pub const ALL: [Self; 5] = [Self::ByHand, Self::Arrived, Self::SendAgain, Self::LookAgain, Self::TryAgain];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::Arrived => "arrived",
            Self::SendAgain => "send_again",
            Self::LookAgain => "look_again",
            Self::TryAgain => "try_again",
        }
    }

    /// What may be chosen for a reason.
    pub fn about(reason: Reason) -> &'static [Self] {
        match reason {
            Reason::Uncertain => &[Self::Arrived, Self::SendAgain, Self::ByHand],
            Reason::Rejected => &[Self::SendAgain, Self::ByHand],
            Reason::NotShipped | Reason::BargainRefused | Reason::NoContent => &[Self::TryAgain, Self::ByHand],
            Reason::Unreadable
            | Reason::Unplaceable
            | Reason::NoConversation
            | Reason::NoRule
            | Reason::NoSpec
            | Reason::CardUnusable
            | Reason::OutOfStock
            | Reason::BuyerBlocked => &[Self::LookAgain, Self::ByHand],
            Reason::ShippedElsewhere => &[Self::SendAgain, Self::ByHand],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_may_take_everything_in_hand_and_a_doubt_is_never_settled_by_looking() {
        for reason in Reason::ALL {
            assert!(Choice::about(reason).contains(&Choice::ByHand), "{reason:?}");
        }
        assert!(!Choice::about(Reason::Uncertain).contains(&Choice::LookAgain));
        for choice in Choice::ALL {
            assert_eq!(serde_json::to_value(choice).ok(), Some(choice.as_str().into()));
            assert!(Reason::ALL.into_iter().any(|reason| Choice::about(reason).contains(&choice)), "{choice:?}");
        }
    }
}
