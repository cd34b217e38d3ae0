//! What deliveries are told.

use actix::Message;

use crate::ids::AccountId;

/// Something may be to be delivered for this account, or to be done about what was: look what. Told after that is stored; what is due is
/// done after a start too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct DeliveriesDue(pub AccountId);
