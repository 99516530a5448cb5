//! Machines that are not connected: security connectors ask their sources in turn, and what they find becomes resources.
//!
//! | step | file |
//! | --- | --- |
//! | a connector as it is stored, and what it asks | `connector` |
//! | when each is asked, one server at a time, and what it said | `schedule` |
//! | found machines → resources, and joining them with agents | `machines` |
//! | one found machine as a resource | `body` |
//!
//! Asking itself is the crate `bartizan-discover`, which keeps nothing.

mod body;
mod connector;
mod machines;
mod schedule;

use std::path::PathBuf;

use tokio::sync::Notify;

pub(crate) use connector::{CONNECTOR_TYPE, Connector, ENVIRONMENTS, INTERVAL_HOURS};
pub(crate) use machines::forget;
pub(crate) use schedule::{request, run};

/// Where the operator's connections are, and what wakes the schedule.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    /// The folder of connections' files; no connector can be made without it.
    pub(crate) dir: Option<PathBuf>,
    wake: Notify,
}

impl Discovery {
    pub(crate) fn new(dir: Option<PathBuf>) -> Self {
        Self { dir, wake: Notify::new() }
    }
}
