//! What can go wrong with the database, in words that name no bound value.

use std::{fmt::Display, path::PathBuf};

use diesel::result::{DatabaseErrorKind, Error};

use super::secret::SecretError;

/// Why the store could not do what it was asked for. Texts are safe to show and to log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// `get_…` found nothing.
    #[error("there is no such row")]
    NotFound,
    /// A unique or foreign key said no; the text names the constraint.
    #[error("the change contradicts what is stored: {0}")]
    Conflict(String),
    #[error("the database cannot grow: the disk is full; free space, nothing of this change was stored")]
    Full,
    /// The database refused, or the line to it broke. Nothing of the job was stored.
    #[error("the database failed: {0}")]
    Database(String),
    #[error("cannot open the database {what}: {why}")]
    Open { what: String, why: String },
    #[error("cannot use database.url: {0}")]
    Url(&'static str),
    /// No answer in time. Of a write nobody knows whether it is committed later: read before doing it again.
    #[error("the database did not answer within {0} s")]
    Timeout(u64),
    /// The line to PostgreSQL broke during the commit. Nobody knows whether it was stored: read before doing it again.
    #[error("the line to the database broke during the commit: {0}")]
    InDoubt(String),
    /// The job itself panicked; nothing of it was stored.
    #[error("a database job panicked; its message went to the log")]
    Panicked,
    /// The store's threads are gone: the process is shutting down.
    #[error("the database is shut down")]
    Stopped,
    #[error(
        "the key does not fit this database: its secrets were sealed with another one; put back the key file (or the key in the \
         environment) that was used with it"
    )]
    WrongKey,
    #[error(
        "the database is newer than this program: it has the migration {version}, which this program does not know; use the \
         program's newer version or restore the copy made before it"
    )]
    TooNew { version: String },
    #[error("cannot migrate the database: {0}")]
    Migration(String),
    #[error("cannot copy the database to {path} before migrating it: {why}")]
    Backup { path: PathBuf, why: String },
    #[error("another server{0} already runs on {1}; stop it first, or give this one its own data_dir and database")]
    Locked(String, String),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl StoreError {
    /// Doing it again cannot help.
    pub fn is_final(&self) -> bool {
        self.outcome_unknown() || matches!(self, Self::Conflict(_))
    }

    /// Nobody knows whether the change is stored or will be: read before doing it again.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::InDoubt(_) | Self::Stopped)
    }

    pub(super) fn open(what: impl Display, why: impl Display) -> Self {
        Self::Open { what: what.to_string(), why: why.to_string() }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::DatabaseError(kind, _) if is_constraint(&kind) => Self::Conflict(error.to_string()),
            Error::DatabaseError(_, ref info) if says_full(info.message()) => Self::Full,
            error => Self::Database(error.to_string()),
        }
    }
}

/// Errors that leave the transaction as it was, on both backends.
pub(super) fn is_constraint(kind: &DatabaseErrorKind) -> bool {
    matches!(
        kind,
        DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
    )
}

/// The words of SQLite, and of PostgreSQL handing on the operating system's.
fn says_full(message: &str) -> bool {
    ["database or disk is full", "No space left on device", "could not extend file"]
        .iter()
        .any(|words| message.contains(words))
}
