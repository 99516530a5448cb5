//! The one closed list of what can go wrong, as far as a caller can tell the difference.

use serde::{Deserialize, Serialize};

/// What a caller can do about an error. Every error of every crate maps to one of these; the API crate
/// turns the kind into an HTTP status and an ARM error body, in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The named thing does not exist.
    NotFound,
    /// The thing exists in a state that excludes this request.
    Conflict,
    /// The request itself is wrong; sending it again unchanged cannot help.
    Invalid,
    /// Nobody is signed in, or the credential is wrong or expired.
    Unauthenticated,
    /// Somebody is signed in who may not do this.
    Forbidden,
    /// An `If-Match` or `If-None-Match` condition did not hold.
    Precondition,
    /// A body, result or batch is larger than the stated limit.
    TooLarge,
    /// A rate or quota is used up; `Retry-After` says when to come back.
    TooMany,
    /// A time limit passed before the work was done.
    Timeout,
    /// A resource the server needs is missing for now (disk space, a lock, start-up).
    Unavailable,
    /// A defect on our side.
    Internal,
}

impl ErrorKind {
    /// Whether the same request may succeed later without being changed.
    pub fn retryable(self) -> bool {
        matches!(self, Self::TooMany | Self::Timeout | Self::Unavailable)
    }
}
