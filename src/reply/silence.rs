//! Why a turn is not answered: each reason has a stable code, a sentence, and says whether a person should look.

use crate::ids::{RuleId, Timestamp};

/// Why nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// A group chat: nobody asked us.
    GroupChat,
    /// Only the platform spoke: system sentences, tips, cards.
    NotAPerson,
    /// Our account is the buyer of this item.
    BuyerSide,
    /// Nobody could tell which side of the conversation is ours.
    SideUnknown,
    /// The seller blocked this buyer.
    Blocked,
    /// The seller took the conversation over; automatic answers pause.
    SellerTookOver { until: Timestamp },
    /// The seller wrote after the buyer's last message.
    SellerAnswered,
    /// Every message is older than the age limit.
    TooOld,
    /// No rule matched, and there is no default reply.
    NoRule,
    /// The rule that matched says nothing, as the seller wanted.
    EmptyReply { rule: RuleId },
    /// The default reply that applies has been given in this conversation.
    AlreadyAnsweredOnce { rule: RuleId },
    /// The AI's answer waits for a person's approval.
    Suggested,
    /// The AI had no answer that may be sent, and a person is to answer.
    LeftToPerson,
}

impl Silence {
    /// Stable: stored with the message, and programs may rely on it.
    pub fn code(self) -> &'static str {
        match self {
            Self::GroupChat => "group_chat",
            Self::NotAPerson => "not_a_person",
            Self::BuyerSide => "buyer_side",
            Self::SideUnknown => "side_unknown",
            Self::Blocked => "blocked",
            Self::SellerTookOver { .. } => "seller_took_over",
            Self::SellerAnswered => "seller_answered",
            Self::TooOld => "too_old",
            Self::NoRule => "no_rule",
            Self::EmptyReply { .. } => "empty_reply",
            Self::AlreadyAnsweredOnce { .. } => "already_answered_once",
            Self::Suggested => "suggested",
            Self::LeftToPerson => "left_to_person",
        }
    }

    /// One sentence for the seller.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::GroupChat => "Group chats are not answered.",
            Self::NotAPerson => "The platform said this, not a buyer.",
            Self::BuyerSide => "You are the buyer in this conversation.",
            Self::SideUnknown => "It is not known who sells the item, so nothing was answered.",
            Self::Blocked => "This buyer is on the block list.",
            Self::SellerTookOver { .. } => "You wrote in this conversation yourself, so automatic answers pause.",
            Self::SellerAnswered => "You had answered already.",
            Self::TooOld => "The message was too old to be answered when it was read.",
            Self::NoRule => "No rule matched, and there is no default reply.",
            Self::EmptyReply { .. } => "The rule that matched has no reply, so nothing was said.",
            Self::AlreadyAnsweredOnce { .. } => "The default reply has been given as often as it may be.",
            Self::Suggested => "The AI suggested an answer, which waits for your approval.",
            Self::LeftToPerson => "The AI had no answer that may be sent, so this waits for you.",
        }
    }

    /// Whether a buyer may be waiting for an answer that only a person can give now.
    pub fn needs_person(self) -> bool {
        match self {
            Self::TooOld | Self::SideUnknown | Self::Suggested | Self::LeftToPerson => true,
            Self::GroupChat
            | Self::NotAPerson
            | Self::BuyerSide
            | Self::Blocked
            | Self::SellerTookOver { .. }
            | Self::SellerAnswered
            | Self::NoRule
            | Self::EmptyReply { .. }
            | Self::AlreadyAnsweredOnce { .. } => false,
        }
    }

    /// The rule that is the reason, where one is.
    pub fn rule(self) -> Option<RuleId> {
        match self {
            Self::EmptyReply { rule } | Self::AlreadyAnsweredOnce { rule } => Some(rule),
            Self::GroupChat
            | Self::NotAPerson
            | Self::BuyerSide
            | Self::SideUnknown
            | Self::Blocked
            | Self::SellerTookOver { .. }
            | Self::SellerAnswered
            | Self::TooOld
            | Self::NoRule
            | Self::Suggested
            | Self::LeftToPerson => None,
        }
    }
}
