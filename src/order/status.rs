//! Where an order stands, and which word of the platform may lead where.

use serde::{Deserialize, Serialize};

use crate::platform::mtop::order::TradeState;

/// Where an order stands with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Placed, and not paid.
    Processing,
    /// Paid, and to be served.
    PendingShip,
    Shipped,
    Completed,
    /// The buyer wants the money back.
    Refunding,
    /// Ended without a deal, or with the money given back.
    Cancelled,
}

/// What a word of the platform does to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It stands there already, or the word is older than what is known.
    Stay,
    To(Status),
    /// The word cannot be: a person is to look.
    Illegal,
}

impl Status {
    pub const ALL: [Self; 6] =
        [Self::Processing, Self::PendingShip, Self::Shipped, Self::Completed, Self::Refunding, Self::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::PendingShip => "pending_ship",
            Self::Shipped => "shipped",
            Self::Completed => "completed",
            Self::Refunding => "refunding",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing more is to come of it, but for a refund.
    pub fn is_over(self) -> bool {
        match self {
            Self::Completed | Self::Cancelled => true,
            Self::Processing | Self::PendingShip | Self::Shipped | Self::Refunding => false,
        }
    }

    /// What the platform's word leads to. `before`: where the order stood before its refund was asked for, as its history says.
    ///
    /// The word was read from the platform just now, so it is newer than what is known; a step back is nevertheless none: the platform's own
    /// copies lag behind each other.
    pub fn step(now: Option<Self>, word: TradeState, before: Option<Self>) -> Step {
        let wanted = match word {
            TradeState::Unpaid | TradeState::Bargaining => Self::Processing,
            TradeState::Paid => Self::PendingShip,
            TradeState::Shipped => Self::Shipped,
            TradeState::Completed => Self::Completed,
            TradeState::Refunding => Self::Refunding,
            TradeState::Closed => Self::Cancelled,
            TradeState::RefundEnded => match (now, before) {
                (Some(Self::Refunding), Some(before)) => before,
                (Some(Self::Refunding) | None, _) => return Step::Illegal,
                // Nobody told us that it was asked for: the order stands where it stood.
                (Some(_), _) => return Step::Stay,
            },
        };
        match now {
            None => Step::To(wanted),
            Some(now) if now == wanted => Step::Stay,
            Some(now) => now.towards(wanted),
        }
    }

    /// The one table of what may follow what.
    fn towards(self, wanted: Self) -> Step {
        use Status::{Cancelled, Completed, PendingShip, Processing, Refunding, Shipped};
        match (self, wanted) {
            // What nobody told us of may have happened meanwhile.
            (Processing, PendingShip | Shipped | Completed | Refunding | Cancelled)
            | (PendingShip, Shipped | Completed | Refunding | Cancelled)
            | (Shipped, Completed | Refunding | Cancelled)
            // After the deal too a buyer may ask for the money back, and get it.
            | (Completed, Refunding | Cancelled)
            // Taken back, refused or granted.
            | (Refunding, PendingShip | Shipped | Completed | Cancelled) => Step::To(wanted),
            // The money was paid: it does not become unpaid, nor what was shipped unshipped.
            (PendingShip | Shipped | Completed, Processing) | (Shipped | Completed, PendingShip) | (Completed, Shipped) => {
                Step::Stay
            }
            (Refunding, Processing) => Step::Illegal,
            // What ended does not begin again.
            (Cancelled, Processing | PendingShip | Shipped | Completed | Refunding) => Step::Illegal,
            (Processing, Processing)
            | (PendingShip, PendingShip)
            | (Shipped, Shipped)
            | (Completed, Completed)
            | (Refunding, Refunding)
            | (Cancelled, Cancelled) => Step::Stay,
        }
    }
}

/// What let us ask the platform about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The platform told that something happened to it.
    Notice,
    /// The platform's list has it, or has it otherwise than we do.
    List,
    /// Something is to be sent for it.
    Delivery,
    /// We told the platform that it is shipped.
    Shipment,
    /// Something else was done about it at the platform.
    #[serde(rename = "follow_up")]
    FollowUp,
    /// A person wanted to know.
    Person,
    /// Nobody told anything for a while.
    Schedule,
}

impl Cause {
    pub const ALL: [Self; 7] =
        [Self::Notice, Self::List, Self::Delivery, Self::Shipment, Self::FollowUp, Self::Person, Self::Schedule];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::List => "list",
            Self::Delivery => "delivery",
            Self::Shipment => "shipment",
            Self::FollowUp => "follow_up",
            Self::Person => "person",
            Self::Schedule => "schedule",
        }
    }
}

impl std::str::FromStr for Cause {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|cause| cause.as_str() == text);
        found.ok_or_else(|| format!("unknown cause {text:?}"))
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| format!("unknown order status {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D3: every pair of where an order stands and what the platform says has its answer, and this is it.
    #[test]
    fn d3_the_table_of_steps() {
        const WORDS: [TradeState; 6] = [
            TradeState::Unpaid,
            TradeState::Paid,
            TradeState::Shipped,
            TradeState::Completed,
            TradeState::Refunding,
            TradeState::Closed,
        ];
        // A row for each status in its order, a column for each word: `>` goes there, `.` stays, `!` cannot be.
        let table = [".>>>>>", "..>>>>", "...>>>", "....>>", "!>>>.>", "!!!!!."];
        for (now, row) in Status::ALL.into_iter().zip(table) {
            for ((word, wanted), expected) in WORDS.into_iter().zip(Status::ALL).zip(row.chars()) {
                let expected = match expected {
                    '>' => Step::To(wanted),
                    '.' => Step::Stay,
                    _ => Step::Illegal,
                };
                assert_eq!(Status::step(Some(now), word, None), expected, "{now:?} {word:?}");
            }
        }
        for (word, wanted) in WORDS.into_iter().zip(Status::ALL) {
            assert_eq!(Status::step(None, word, None), Step::To(wanted), "what is seen first is believed");
        }
        assert_eq!(Status::step(None, TradeState::Bargaining, None), Step::To(Status::Processing));
    }

    /// D4: a request that was taken back leads where the order stood before, as its history says.
    #[test]
    fn d4_a_refund_that_ended_leads_back_to_where_the_order_stood() {
        for before in [Status::PendingShip, Status::Shipped, Status::Completed] {
            let step = Status::step(Some(Status::Refunding), TradeState::RefundEnded, Some(before));
            assert_eq!(step, Step::To(before));
            assert_eq!(Status::step(Some(before), TradeState::RefundEnded, None), Step::Stay);
        }
        assert_eq!(Status::step(Some(Status::Refunding), TradeState::RefundEnded, None), Step::Illegal);
        assert_eq!(Status::step(None, TradeState::RefundEnded, None), Step::Illegal);
    }

    #[test]
    fn every_status_reads_back() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).ok(), Some(status.as_str().into()));
        }
        assert!("unknown".parse::<Status>().is_err());
        for cause in Cause::ALL {
            assert_eq!(cause.as_str().parse(), Ok(cause));
        }
    }
}
