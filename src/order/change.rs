//! What is told of an order when something of it was stored.

use serde::Serialize;

use crate::ids::{AccountId, OrderId};

/// An order was stored, or a part of what is known of it is another now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChanged {
    pub account: AccountId,
    pub order: OrderId,
    pub part: OrderPart,
}

/// What of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrderPart {
    /// It is new; or it was none of ours, and is gone.
    Order,
    /// Where it stands.
    Status,
    /// Who bought it, for how much, and where they are written to.
    Details,
    /// What it is given: its units and the messages that carry them.
    Delivery,
    /// What else is done about it, as to ship or to rate it.
    Actions,
    /// Why it waits for a person.
    Reviews,
}

impl OrderPart {
    pub const ALL: [Self; 6] = [Self::Order, Self::Status, Self::Details, Self::Delivery, Self::Actions, Self::Reviews];
}
