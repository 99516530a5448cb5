//! What can go wrong with a query, and with the engine itself.

use std::time::Duration;

use bartizan_base::ErrorKind;
use bartizan_kql::{Diagnostic, Span, functions};
use bartizan_store::StoreError;
use datafusion::error::DataFusionError;

/// Why a query gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is wrong; the diagnostics say where.
    #[error("the query has errors: {}", first_message(.0))]
    Invalid(Vec<Diagnostic>),
    /// KQL knows it, this build cannot run it yet, or never will.
    #[error("`{what}` is {}", refusal(what))]
    Unsupported { what: String, span: Span },
    #[error("the query was stopped at its time limit of {}", seconds(*limit))]
    Timeout { limit: Duration },
    #[error("Memory: the query needs more than its limit of {} MiB", limit_bytes >> 20)]
    Memory { limit_bytes: usize },
    /// A part of the query would be larger than any answer may be.
    #[error("the query is too large: {what}")]
    TooLarge { what: String },
    /// The query asks for what it may not have, or for what is not there.
    #[error("{reason}")]
    Refused { reason: String },
    /// A table could not be read.
    #[error("cannot read the log store")]
    Store(#[source] StoreError),
    /// A file of the log store could not be read or decoded.
    #[error("cannot read a file of the log store: {0}")]
    Unreadable(String),
    /// A defect on our side; the text is for the log, not for the user.
    #[error("internal error while running the query: {0}")]
    Internal(String),
}

impl QueryError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) | Self::Unsupported { .. } => ErrorKind::Invalid,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Memory { .. } => ErrorKind::TooMany,
            Self::TooLarge { .. } | Self::Refused { .. } => ErrorKind::Invalid,
            Self::Store(error) => error.kind(),
            Self::Internal(_) | Self::Unreadable(_) => ErrorKind::Internal,
        }
    }

    pub(crate) fn unsupported(what: impl Into<String>, span: Span) -> Self {
        Self::Unsupported { what: what.into(), span }
    }
}

/// Why something that the language knows does not run.
fn refusal(what: &str) -> String {
    if what == "bin_auto" {
        return "used without the size of its bins: begin the query with `set query_bin_auto_size = 1h;`"
            .to_owned();
    }
    let plugin = what.strip_prefix("evaluate ").and_then(functions::lookup_plugin);
    let plugin = plugin.and_then(|plugin| plugin.refused).map(|why| format!(": {why}"));
    // a function's summary says why it will never run
    let function =
        functions::lookup(what).and_then(|declared| declared.function.summary.split_once("; refused"));
    match plugin.or(function.map(|(_, why)| why.to_owned())) {
        Some(why) => format!("refused{why}"),
        None => "not supported yet".to_owned(),
    }
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

fn first_message(diagnostics: &[Diagnostic]) -> &str {
    diagnostics.first().map_or("", |diagnostic| diagnostic.message.as_str())
}

/// A part of the query that grew too large inside an operator of DataFusion.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct TooLarge(String);

/// An error for DataFusion that becomes [`QueryError::TooLarge`].
pub(crate) fn too_large(what: String) -> DataFusionError {
    DataFusionError::External(Box::new(TooLarge(what)))
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::External(inner) if inner.is::<TooLarge>() => {
                Self::TooLarge { what: inner.to_string() }
            }
            // The engine, which knows the limit, puts it in.
            DataFusionError::ResourcesExhausted(_) => Self::Memory { limit_bytes: 0 },
            DataFusionError::ParquetError(_)
            | DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_) => Self::Unreadable(error.strip_backtrace()),
            _ => Self::Internal(error.strip_backtrace()),
        }
    }
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why the engine could not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("cannot start the query threads")]
    Threads(#[source] std::io::Error),
    #[error("cannot prepare the query runtime")]
    Runtime(#[source] Box<DataFusionError>),
}
