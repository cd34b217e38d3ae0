//! What may come of a call of the gateway besides an answer.

/// Why nothing is known of a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCalled {
    /// It was not made: the account is not connected.
    #[error("the account is not connected")]
    Offline,
    /// The platform wants a person; until one acts, no call is made.
    #[error("the platform wants a person")]
    NeedsPerson,
    /// It was not done: the platform has too many calls of this account.
    #[error("the platform has too many calls of this account")]
    TooMany,
    /// It may have been done.
    #[error("no answer: {0}")]
    NoAnswer(String),
}
