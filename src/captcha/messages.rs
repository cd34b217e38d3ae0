//! What is said to and by the actor that shows challenges.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::{Message, Recipient};

use super::{
    challenge::{State, Trouble, Viewer},
    input::{Input, Viewport},
};
use crate::ids::{ChallengeId, Timestamp, UserId};

/// Show this to a person: its page is opened where it is not open. Answered when it is there.
#[derive(Clone, Message)]
#[rtype(result = "Result<Watching, NotShown>")]
pub struct Watch {
    pub id: ChallengeId,
    pub viewer: Viewer,
    pub user: UserId,
    /// For the others who look at it.
    pub name: String,
    /// Hears what becomes of it.
    pub told: Recipient<Told>,
}

/// What a person finds who came to look.
#[derive(Debug, Clone, PartialEq)]
pub struct Watching {
    pub viewport: Viewport,
    pub expires_at: Timestamp,
    pub control: Control,
}

/// Why there is nothing to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotShown {
    /// There is no such challenge.
    Unknown,
    Over(State),
    Trouble(Trouble),
    /// The database, in its own words.
    Storage(String),
}

/// A person looks no more. The page stays: they may come back.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Leave {
    pub id: ChallengeId,
    pub viewer: Viewer,
}

/// The next picture, please: answered when there is one that is newer. `None`: there is none any more.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Picture>")]
pub struct Next {
    pub id: ChallengeId,
    pub viewer: Viewer,
    /// The number of the last one.
    pub after: u64,
    /// How long the last one was on its way to the person.
    pub took: Option<Duration>,
}

/// What a page looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Grows from picture to picture.
    pub number: u64,
    /// Base64.
    pub jpeg: Arc<str>,
    pub viewport: Viewport,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Over a connection.
    Viewer(Viewer),
    /// By single requests: where nobody else controls the page.
    User(UserId),
}

/// A person does this.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), NotDone>")]
pub struct Act {
    pub id: ChallengeId,
    pub by: By,
    pub input: Input,
}

/// A person wants to control the page from now on, whoever does now.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), NotDone>")]
pub struct Take {
    pub id: ChallengeId,
    pub viewer: Viewer,
}

/// Is it passed? The platform is asked where there is something new to show it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Checked, NotDone>")]
pub struct Check {
    pub id: ChallengeId,
    pub by: By,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    Passed,
    /// Nothing new happened on the page: the platform was not asked.
    NothingNew,
    NotPassed(NotAccepted),
}

/// Why the platform's word is not there, or not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAccepted {
    /// It still wants a person.
    StillAsked,
    /// The account does not run.
    NotRunning,
    /// The page is of another seller.
    OtherSeller,
    /// It said no, or nothing, or its word could not be stored.
    NoAnswer,
}

/// Why somebody cannot act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDone {
    /// Its page is not open.
    NotShown,
    /// Somebody else controls it.
    NotInControl,
    /// Faster than any hand.
    TooFast,
}

/// It is over, because a person said so: its page goes.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Close {
    pub id: ChallengeId,
    pub state: State,
}

/// What does its page look like now? `None`: it is not open.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Seen>")]
pub struct Look(pub ChallengeId);

#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub picture: Option<Picture>,
    pub viewport: Viewport,
}

/// Which pages are open, and how many look at each?
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Pages")]
pub struct AskPages;

#[derive(Debug, Clone, Default, actix::MessageResponse)]
pub struct Pages {
    pub watched: HashMap<ChallengeId, usize>,
    /// The process of the browser, where one runs.
    pub browser: Option<u32>,
}

/// Every page is closed, and the browser ends. Answered when it is gone.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct End;

/// Said to whoever looks at a page.
#[derive(Debug, Clone, PartialEq, Message)]
#[rtype(result = "()")]
pub enum Told {
    Control(Control),
    Viewport(Viewport),
    /// There is more time, or less.
    Expires(Timestamp),
    /// The platform was asked, and this is what it said.
    Checked(Checked),
    /// There is nothing to see any more.
    Over(State, Option<Trouble>),
    /// The server goes down.
    ShuttingDown,
}

/// Who controls a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The person it is said to.
    pub is_yours: bool,
    /// `None`: nobody.
    pub name: Option<String>,
}
