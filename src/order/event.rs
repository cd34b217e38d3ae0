//! What may happen to an order.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Something happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrderEvent {
    /// The buyer ordered, and has not paid yet.
    Placed,
    Paid,
    Shipped,
    /// The buyer confirmed the receipt.
    Received,
    /// The buyer wants the money back.
    Refunding,
    Refunded,
    /// Ended without a deal.
    Closed,
}

impl OrderEvent {
    pub const ALL: [Self; 7] =
        [Self::Placed, Self::Paid, Self::Shipped, Self::Received, Self::Refunding, Self::Refunded, Self::Closed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Received => "received",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Closed => "closed",
        }
    }

    /// There is nothing left to bargain about: the next word about a price begins a new deal.
    pub fn ends_the_deal(self) -> bool {
        match self {
            Self::Paid | Self::Received | Self::Refunded | Self::Closed => true,
            Self::Placed | Self::Shipped | Self::Refunding => false,
        }
    }
}

impl fmt::Display for OrderEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OrderEvent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|event| event.as_str() == text);
        found.ok_or_else(|| format!("unknown order event {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_reads_back() {
        for event in OrderEvent::ALL {
            assert_eq!(event.as_str().parse(), Ok(event));
        }
        assert!("processing".parse::<OrderEvent>().is_err());
    }
}
