//! What can go wrong in the store, in terms of what the caller can do about it.

use std::path::PathBuf;

use bartizan_base::ErrorKind;

use crate::integrity::Fault;

/// An error of the log store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no table `{0}`")]
    UnknownTable(String),
    /// The whole batch was refused; nothing of it is stored.
    #[error("the body is not JSON rows: {reason} at byte {position}")]
    Malformed { position: usize, reason: String },
    #[error("{what} has {size_bytes} bytes; at most {limit_bytes} are taken")]
    TooLarge { what: &'static str, size_bytes: usize, limit_bytes: usize },
    /// The buffer in memory is full. Send the batch again after a short while.
    #[error("the ingest buffer holds {held_bytes} bytes and takes no more before the next flush")]
    Busy { held_bytes: usize },
    /// Nothing can be made durable at the moment. The store recovers by itself.
    #[error("rows cannot be stored now: {reason}")]
    Unavailable { reason: String },
    #[error("table `{table}` cannot be declared like this: {reason}")]
    TableRefused { table: String, reason: String },
    #[error("table `{0}` is a standard one and cannot be deleted; its rows go by retention or purge")]
    StandardTable(String),
    #[error("table `{table}` exists with another type in column `{column}`")]
    TableConflict { table: String, column: String },
    #[error(
        "rows cannot be kept for {days} days in queries and {total_days} in all: both are 1 to {limit}, and the \
         second is not less than the first"
    )]
    RetentionRefused { days: u32, total_days: u32, limit: u32 },
    #[error("rows cannot be purged like this: {reason}")]
    PurgeRefused { reason: String },
    #[error("cannot {action} `{path}`")]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the store's manifest cannot be read or written")]
    Manifest(#[source] sqlx::Error),
    #[error("`{what}` has format version {found}; this program reads up to {supported}")]
    Version { what: String, found: i64, supported: i64 },
    #[error("cannot lay out rows of table `{table}`")]
    Arrow {
        table: String,
        #[source]
        source: arrow::error::ArrowError,
    },
    #[error("cannot read or write Parquet file `{path}`")]
    Parquet {
        path: PathBuf,
        #[source]
        source: parquet::errors::ParquetError,
    },
    #[error("`{path}` is not what was written there: restore it, or let the server set it aside, first")]
    BackupDamaged { path: PathBuf },
    /// Its rows are lost to this program.
    #[error("the file `{path}` is damaged")]
    Damaged {
        path: PathBuf,
        #[source]
        fault: Fault,
    },
    #[error("the store is closed")]
    Closed,
    #[error("a worker of the store stopped: {0}")]
    Worker(String),
}

impl StoreError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownTable(_) => ErrorKind::NotFound,
            Self::Malformed { .. }
            | Self::TableRefused { .. }
            | Self::RetentionRefused { .. }
            | Self::PurgeRefused { .. } => ErrorKind::Invalid,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Busy { .. } => ErrorKind::TooMany,
            Self::Unavailable { .. } | Self::Closed => ErrorKind::Unavailable,
            Self::TableConflict { .. } | Self::StandardTable(_) => ErrorKind::Conflict,
            Self::Io { .. }
            | Self::Manifest(_)
            | Self::Version { .. }
            | Self::Arrow { .. }
            | Self::Parquet { .. }
            | Self::Damaged { .. }
            | Self::BackupDamaged { .. }
            | Self::Worker(_) => ErrorKind::Internal,
        }
    }

    /// Names the action and the path an I/O error happened at.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn arrow(table: &str) -> impl FnOnce(arrow::error::ArrowError) -> Self {
        let table = table.to_owned();
        move |source| Self::Arrow { table, source }
    }

    pub(crate) fn parquet(path: impl Into<PathBuf>) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.into();
        move |source| Self::Parquet { path, source }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        Self::Manifest(source)
    }
}
