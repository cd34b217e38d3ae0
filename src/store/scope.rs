//! Whose rows a query may touch.

use crate::ids::{TokenId, UserId};

/// The tenant on whose behalf a query runs, and which of its accounts. Every function that reads or changes a tenant's rows for a
/// person takes one and sees nothing of others; the few that serve the engine itself say so in their names or documentation.
///
/// The choice of accounts is in the database and looked up by the query itself: taking an account away works at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    owner: UserId,
    member: Option<UserId>,
    token: Option<TokenId>,
}

impl Scope {
    /// Everything this user owns, and nothing else.
    pub fn owner(owner: UserId) -> Self {
        Self { owner, member: None, token: None }
    }

    /// Those accounts of `owner` that were chosen for `member`.
    pub fn member(owner: UserId, member: UserId) -> Self {
        Self { owner, member: Some(member), token: None }
    }

    /// The same, and of these only the accounts chosen for a token.
    pub fn through(self, token: TokenId) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The tenant.
    pub fn user(&self) -> UserId {
        self.owner
    }

    /// Whether all accounts of the tenant are seen, those to come included.
    pub fn is_whole(&self) -> bool {
        self.member.is_none() && self.token.is_none()
    }

    pub(super) fn member_or_zero(&self) -> i64 {
        self.member.map_or(0, |member| member.0)
    }

    pub(super) fn token_or_zero(&self) -> i64 {
        self.token.map_or(0, |token| token.0)
    }
}
