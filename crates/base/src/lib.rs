//! What every other crate may use: identifiers, time in KQL ticks, the clock, and the closed list of
//! error kinds. It does no I/O beyond reading the system clock, and it knows nothing of HTTP, Arrow or SQL.

#![forbid(unsafe_code)]

pub mod clock;
pub mod counters;
pub mod error;
pub mod ids;
pub mod resource_id;
pub mod time;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::ErrorKind;
pub use ids::{AssessmentKey, BatchId, RuleId, SubscriptionId, TenantId, WorkspaceId};
pub use resource_id::{ResourceId, ResourceIdError};
pub use time::{Ticks, Timespan};
