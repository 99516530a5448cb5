//! What can go wrong while rules run.

use bartizan_base::{ErrorKind, ResourceIdError};
use bartizan_content::RuleError;
use bartizan_engine::QueryError;
use bartizan_records::RecordsError;
use bartizan_store::StoreError;

/// A failed step. A failing rule is reported on its resource and tried again; it never stops the others.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    #[error("cannot use the records")]
    Records(#[from] RecordsError),
    #[error("cannot write to the log store")]
    Store(#[from] StoreError),
    #[error("the rule's query failed: {0}")]
    Query(#[from] QueryError),
    #[error("{0}")]
    Rule(#[from] RuleError),
    #[error("cannot name a resource")]
    Id(#[from] ResourceIdError),
    #[error("stored state `{key}` has the wrong shape")]
    State {
        key: String,
        #[source]
        source: serde_json::Error,
    },
}

impl DetectError {
    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Records(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Query(error) => error.kind(),
            Self::Rule(_) | Self::Id(_) => ErrorKind::Invalid,
            Self::State { .. } => ErrorKind::Internal,
        }
    }
}
