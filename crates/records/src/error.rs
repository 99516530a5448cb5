//! What can go wrong with records, by what a caller can do about it.

use std::sync::Arc;

use bartizan_base::ErrorKind;

/// An error of the record store.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    #[error("resource `{id}` has etag {actual}, the request wants {wanted}")]
    EtagMismatch { id: String, wanted: String, actual: String },
    #[error("resource `{0}` exists already")]
    Exists(String),
    #[error("resource `{0}` is what only one may be")]
    Rival(String),
    #[error("resource `{0}` does not exist")]
    Missing(String),
    #[error("resource group `{0}` is being deleted")]
    GroupLeaving(String),
    #[error("resource group `{0}` does not exist")]
    GroupMissing(String),
    #[error("operation {operation} works upon `{scope}`; try again when it has ended")]
    UnderWay { scope: String, operation: uuid::Uuid },
    #[error("the disk that holds the records is full")]
    DiskFull(#[source] sqlx::Error),
    #[error("records are busy")]
    Busy(#[source] sqlx::Error),
    #[error("records database has schema {found}, newer than this program's {known}")]
    NewerSchema { found: i64, known: i64 },
    #[error("the database's address cannot be used: {0}")]
    Place(String),
    #[error("record `{0}` is damaged")]
    Damaged(String),
    #[error("records database failed")]
    Database(#[source] sqlx::Error),
    /// What was written together with others failed, for all of them.
    #[error(transparent)]
    Shared(Arc<RecordsError>),
}

/// SQLite's primary result codes that a caller can act upon (sqlite.org/rescode.html).
const SQLITE_BUSY: &str = "5";
const SQLITE_FULL: &str = "13";
/// PostgreSQL's (its manual, appendix A): the lock was not to be had, or the server is starting, stopping or full.
const POSTGRES_BUSY: &[&str] = &["55P03", "57P01", "57P02", "57P03", "53300", "40001", "40P01"];
const POSTGRES_FULL: &str = "53100";

impl RecordsError {
    /// The kind that decides the HTTP status.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::EtagMismatch { .. } | Self::Exists(_) | Self::Rival(_) => ErrorKind::Precondition,
            Self::UnderWay { .. } | Self::GroupLeaving(_) => ErrorKind::Conflict,
            Self::Missing(_) | Self::GroupMissing(_) => ErrorKind::NotFound,
            Self::DiskFull(_) | Self::Busy(_) => ErrorKind::Unavailable,
            Self::NewerSchema { .. } | Self::Place(_) | Self::Damaged(_) | Self::Database(_) => {
                ErrorKind::Internal
            }
            Self::Shared(error) => error.kind(),
        }
    }
}

impl From<sqlx::Error> for RecordsError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        match code.as_deref() {
            Some(SQLITE_FULL | POSTGRES_FULL) => Self::DiskFull(error),
            Some(SQLITE_BUSY) => Self::Busy(error),
            Some(code) if POSTGRES_BUSY.contains(&code) => Self::Busy(error),
            // PostgreSQL is on another machine, which may be away for a while.
            None if matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => Self::Busy(error),
            _ => Self::Database(error),
        }
    }
}
