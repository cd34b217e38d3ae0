//! Why something about an order waits for a person.

use serde::{Deserialize, Serialize};

/// Why a person is to decide. An order has each at most once at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The platform does not tell of the order, or nobody can read what it tells.
    Unreadable,
    /// What the platform says cannot follow where the order stood, or is a word that nobody has seen yet.
    Unplaceable,
    /// Nobody knows where to write to its buyer.
    NoConversation,
    /// No rule says what its item gets.
    NoRule,
    /// There are rules for its item, but none for its specification.
    NoSpec,
    /// A card that it should get is switched off, or has nothing in it.
    CardUnusable,
    /// There is not enough in stock for all of it.
    OutOfStock,
    /// The seller's own program did not say what it gets, or what is stored for it cannot be opened.
    NoContent,
    /// Its buyer is blocked.
    BuyerBlocked,
    /// The platform refused a message.
    Rejected,
    /// Nobody knows whether a message arrived.
    Uncertain,
    /// The platform does not take that it is shipped.
    NotShipped,
    /// The platform does not let the bargain through.
    BargainRefused,
    /// The platform says that it is shipped, and the buyer was given nothing, or not all, by us.
    ShippedElsewhere,
}

impl Reason {
    pub const ALL: [Self; 14] = [
        Self::Unreadable,
        Self::Unplaceable,
        Self::NoConversation,
        Self::NoRule,
        Self::NoSpec,
        Self::CardUnusable,
        Self::OutOfStock,
        Self::NoContent,
        Self::BuyerBlocked,
        Self::Rejected,
        Self::Uncertain,
        Self::NotShipped,
        Self::BargainRefused,
        Self::ShippedElsewhere,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Unplaceable => "unplaceable",
            Self::NoConversation => "no_conversation",
            Self::NoRule => "no_rule",
            Self::NoSpec => "no_spec",
            Self::CardUnusable => "card_unusable",
            Self::OutOfStock => "out_of_stock",
            Self::NoContent => "no_content",
            Self::BuyerBlocked => "buyer_blocked",
            Self::Rejected => "rejected",
            Self::Uncertain => "uncertain",
            Self::NotShipped => "not_shipped",
            Self::BargainRefused => "bargain_refused",
            Self::ShippedElsewhere => "shipped_elsewhere",
        }
    }

    /// Why, for people: in Chinese and in English.
    pub fn sentence(self) -> (&'static str, &'static str) {
        match self {
            Self::Unreadable => ("读不到这笔订单的状态。", "The platform does not tell where this order stands."),
            Self::Unplaceable => (
                "平台返回的订单状态与记录不符，或是未知状态。",
                "What the platform says about this order contradicts what was known, or is new.",
            ),
            Self::NoConversation => ("找不到与买家的会话。", "No conversation with the buyer was found."),
            Self::NoRule => ("没有适用于该商品的发货规则。", "No delivery rule is about this item."),
            Self::NoSpec => ("没有适用于该规格的发货规则。", "No delivery rule is about this specification."),
            Self::CardUnusable => ("卡券已停用或没有内容。", "A card is switched off or empty."),
            Self::OutOfStock => ("库存不足，没有发完。", "There is not enough stock for all of it."),
            Self::NoContent => ("没有取到可发的内容。", "What is to be delivered could not be obtained."),
            Self::BuyerBlocked => ("买家在黑名单中，没有发货。", "The buyer is blocked: nothing was delivered."),
            Self::Rejected => ("平台拒绝了发货消息。", "The platform refused the message."),
            Self::Uncertain => ("无法确认买家是否收到。", "Nobody knows whether the buyer received it."),
            Self::NotShipped => (
                "已发给买家，但平台没有接受“确认发货”。",
                "The buyer has it, but the platform did not take the shipment.",
            ),
            Self::BargainRefused => ("平台没有接受“小刀免拼”。", "The platform did not let the bargain through."),
            Self::ShippedElsewhere => (
                "订单已在别处确认发货，预留的内容没有发出。",
                "The order was shipped elsewhere: what is reserved for it was not sent.",
            ),
        }
    }
}

impl std::str::FromStr for Reason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        found.ok_or_else(|| format!("unknown reason {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(serde_json::to_value(reason).ok(), Some(reason.as_str().into()));
        }
        assert!("bored".parse::<Reason>().is_err());
    }
}
