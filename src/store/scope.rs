//! Whose rows a query may touch.

use crate::ids::UserId;

/// The tenant on whose behalf a query runs. Every function that reads or changes a tenant's rows for a person takes one and sees
/// nothing of others; the few that serve the engine itself say so in their names or documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    owner: UserId,
}

impl Scope {
    /// Everything this user owns, and nothing else.
    pub fn owner(owner: UserId) -> Self {
        Self { owner }
    }

    pub fn user(&self) -> UserId {
        self.owner
    }
}
