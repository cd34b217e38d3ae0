//! What a person may do. A role says what kind of things; which accounts, the [`Scope`](crate::store::Scope) says.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Owns accounts, and administers users and the system.
    Admin,
    /// Owns accounts, rules, and the people who work on them.
    Owner,
    /// Answers buyers on chosen accounts of an owner; sees no secrets, changes no settings.
    Operator,
    /// Looks at chosen accounts of an owner.
    Viewer,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Admin, Self::Owner, Self::Operator, Self::Viewer];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }

    /// Has accounts of its own; the others work on an employer's.
    pub fn owns_accounts(self) -> bool {
        matches!(self, Self::Admin | Self::Owner)
    }

    /// Whether this role holds a right. `Right::Administer` is the only one that reaches beyond a tenant.
    pub fn may(self, right: Right) -> bool {
        match right {
            Right::Read => true,
            Right::Answer => self != Self::Viewer,
            Right::Manage => self.owns_accounts(),
            Right::Administer => self == Self::Admin,
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|role| role.as_str() == text);
        known.ok_or_else(|| format!("unknown role {text:?}: use admin, owner, operator or viewer"))
    }
}

/// What kind of thing a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Looks at what belongs to the tenant.
    Read,
    /// Speaks with buyers, and decides about single sends and conversations.
    Answer,
    /// Changes accounts, rules, credentials, and who works on them.
    Manage,
    /// Changes other tenants and the system.
    Administer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_reads_back_and_an_unknown_one_is_refused() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).ok(), Some(role.as_str().into()));
        }
        assert!("root".parse::<Role>().is_err());
    }

    /// S23: an administrator is who has the role, whatever the name.
    #[test]
    fn s23_rights_come_from_the_role() {
        let held = |right| Role::ALL.map(|role| role.may(right));
        assert_eq!(held(Right::Read), [true, true, true, true]);
        assert_eq!(held(Right::Answer), [true, true, true, false]);
        assert_eq!(held(Right::Manage), [true, true, false, false]);
        assert_eq!(held(Right::Administer), [true, false, false, false]);
    }
}
