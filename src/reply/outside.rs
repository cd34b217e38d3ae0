//! What others than rules had to say about a turn: the seller's own program, and the AI. The deciding function is given their words, it asks
//! nobody.

use super::rule::Reply;

/// What one of them had to say, or that it is not to be asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked<'a, T> {
    /// There is none.
    NotSet,
    /// It is not asked about this turn; a stable code says why.
    NotNow(&'static str),
    /// It is asked when its turn comes.
    Unasked,
    Heard(&'a T),
}

// Derived, they would ask the same of `T`.
impl<T> Clone for Asked<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Asked<'_, T> {}

/// What the seller's own program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookWord {
    /// Sent as it is.
    Says(Vec<Reply>),
    Nothing,
    /// It could not be asked, or said what cannot be sent; a stable code says why.
    Failed(&'static str),
}

/// What the AI said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AiWord {
    /// This goes to the buyer: the model's words, or a text of the seller's where `instead` names why they are not sent.
    Says { text: String, instead: Option<&'static str> },
    /// Its answer was recorded, and the next source is asked.
    Recorded,
    /// Its answer waits for a person's approval.
    Suggested,
    /// A person is to answer; a stable code says why.
    LeftToPerson(&'static str),
    /// It could not be asked, or gave nothing that may be sent: the next source is asked. A stable code says why.
    Failed(&'static str),
}
