//! What accounts, their registry and their shards say to each other.

use std::{collections::HashSet, sync::Arc, time::Duration};

use actix::{Message as ActixMessage, Recipient};

use crate::{
    account::{
        call::NotCalled,
        facts::AccountFacts,
        state::{Reason, Status},
    },
    ids::{AccountId, BuyerId, ConversationId, ItemId, PictureId, Timestamp},
    outbox::entry::{Body, SendId},
    platform::{
        cookies::Cookies,
        mtop::{call::Call, outcome::Outcome},
    },
};

/// A shard's actor takes an account in: loads what the database knows of it. Answered when it is ready.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<(), String>")]
pub struct Adopt(pub AccountFacts);

/// An account's facts changed while it runs.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct Amend(pub AccountFacts);

/// Forget everything kept for an account.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct DropAccount(pub AccountId);

/// Are you there? Answered with how much is kept for accounts.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Load")]
pub struct Ping;

/// What an actor keeps in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, actix::MessageResponse)]
pub struct Load {
    pub accounts: usize,
    /// What was taken from the mailbox and is not done: turns, messages to decide, sends, accounts to start.
    pub pending: usize,
}

/// An account is registered with the platform: from now on it can be spoken through.
#[derive(Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct AccountOnline {
    pub account: AccountId,
    pub line: Line,
}

/// The way to one account's live connection.
#[derive(Clone)]
pub struct Line {
    pub transmit: Recipient<Transmit>,
    pub history: Recipient<AskHistory>,
    pub item: Recipient<AskItem>,
    pub picture: Recipient<AskPicture>,
    pub gateway: Recipient<CallGateway>,
    pub conversation: Recipient<AskConversation>,
}

/// The account's connection is gone.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct AccountOffline(pub AccountId);

/// Who sells this item? Asked once an item; the answering actor is told, also when it cannot be learned.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct AskItem {
    pub conversation: ConversationId,
    pub item: ItemId,
}

/// Where does the platform have this picture? It is handed over first where it does not have it. The outbox is told, also when it cannot be
/// done.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct AskPicture(pub PictureId);

/// Make this call of the gateway in the account's name. Answered within the gateway's time, whatever becomes of it; only what the platform
/// itself said about the call is an outcome.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Outcome, NotCalled>")]
pub struct CallGateway(pub Call);

/// In which conversation does one write to this buyer about this item? The platform makes it where there is none.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<ConversationId, NotCalled>")]
pub struct AskConversation {
    pub peer: BuyerId,
    pub item: ItemId,
}

/// Put this on the wire. The outbox is told what became of it, whatever that is.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct Transmit {
    pub id: SendId,
    pub conversation: ConversationId,
    pub peer: BuyerId,
    pub body: Body,
}

/// What does the history say of this conversation? The outbox is told.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct AskHistory {
    pub conversation: ConversationId,
    /// The history is read back to this moment.
    pub since: Timestamp,
}

/// The stop switches: nothing automatic is written to the platform while one is on.
#[derive(Debug, Clone, Default, ActixMessage)]
#[rtype(result = "()")]
pub struct Switches {
    /// Nothing more is sent at all: the server is going down.
    pub everything: bool,
    /// The system's stop switch.
    pub automatic: bool,
    /// Accounts whose own stop switch is on.
    pub accounts: Arc<HashSet<AccountId>>,
}

/// An account's actor ended, wanted or not.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct AccountStopped {
    pub account: AccountId,
    pub generation: u64,
    pub panicked: bool,
    /// Failed connects in a row, which its successor must not forget.
    pub failures: u32,
}

/// An account's state changed.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "()")]
pub struct StatusChanged {
    pub account: AccountId,
    pub generation: u64,
    /// How many [`CredentialsChanged`] it had followed by then.
    pub renewals: u64,
    pub status: Status,
    /// Its connection stands, whatever the state: also a person's texts can be sent.
    pub has_line: bool,
}

/// Close the connection in good order and end.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct Stop(pub Reason);

/// Read the credentials again and connect anew: somebody changed them.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct CredentialsChanged;

/// What is an account doing?
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "AccountSnapshot")]
pub struct Snapshot;

/// One account's state and figures, without secrets.
#[derive(Debug, Clone, actix::MessageResponse)]
pub struct AccountSnapshot {
    pub account: AccountId,
    pub status: Status,
    pub heartbeat_sent: Option<Timestamp>,
    pub heartbeat_answered: Option<Timestamp>,
    pub last_business: Option<Timestamp>,
    /// Pushes that are not stored yet.
    pub unstored: usize,
    /// Missed messages are being fetched.
    pub filling_gap: bool,
    pub connections: u64,
    pub token_issued_at: Option<Timestamp>,
    pub token_requests_today: u32,
    pub breaker_open: bool,
}

/// Look at the database now instead of at the next poll.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct Refresh;

/// Stop an account and start it again. `false`: it is not enabled.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "bool")]
pub struct Restart(pub AccountId);

/// What is an account doing? `None`: nothing of it runs.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Option<AccountSnapshot>")]
pub struct SnapshotOf(pub AccountId);

/// What becomes of an account's connection with these credentials, or newer ones? Answered as soon as it is connected or a person must
/// act, or it is disabled; at the latest when the time is over, with what it is doing then. `None`: there is no such account.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Option<Status>")]
pub struct AwaitOutcome {
    pub account: AccountId,
    pub credentials_version: i64,
    pub timeout: Duration,
}

/// Does the line of this account stand? Nothing is written: the platform lists a conversation. Answered with how long that took.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Result<Duration, NotProbed>")]
pub struct ProbeLine(pub AccountId);

/// Why nothing is known of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProbed {
    #[error("nothing of the account runs")]
    NotRunning,
    #[error("the account is not connected")]
    Offline,
    #[error("{0}")]
    NoAnswer(String),
}

/// A person passed the platform's challenge in a browser whose cookies these are: they are taken over, the refused call is repeated once,
/// and the account connects where the platform accepts it.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<(), NotPassed>")]
pub struct ChallengePassed {
    pub account: AccountId,
    pub cookies: Cookies,
}

/// Why a challenge is not over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPassed {
    #[error("nothing of the account runs")]
    NotRunning,
    #[error("the platform wants nobody for this account")]
    NotChallenged,
    #[error("the browser is logged in as another seller")]
    OtherSeller,
    #[error("the platform still wants a person")]
    StillAsked,
    /// The challenge is over, and the login with it: another one is needed.
    #[error("the platform does not accept the login any more")]
    LoginRefused,
    /// In the platform's words.
    #[error("the platform refused: {0}")]
    Refused(String),
    #[error("no answer: {0}")]
    NoAnswer(String),
    #[error("the database failed: {0}")]
    Storage(String),
}

/// What are all accounts doing?
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "RegistryOverview")]
pub struct Overview;

#[derive(Debug, Clone, actix::MessageResponse)]
pub struct RegistryOverview {
    pub shards: usize,
    pub accounts: Vec<(AccountId, Status)>,
}

/// What has every shard in work? Each may take this long; `None`: it did not answer.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Vec<Option<ShardLoad>>")]
pub struct LoadOfShards(pub Duration);

/// What the three actors of a shard have in work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShardLoad {
    pub inbox: Load,
    pub reply: Load,
    pub outbox: Load,
}

/// Settle, close every socket, end. Answered when it is done; the asker sets the deadline.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "()")]
pub struct ShutDown;
