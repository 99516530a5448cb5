//! What the REST endpoints do: resources, access, logs, agents, the portal's own calls.
//!
//! [`router`] has every door; [`start_tasks`] the background work. Listening, TLS and settings are the
//! server's. Nothing changes state but through a door here, and every change through one leaves a row in
//! `AzureActivity`.

#![forbid(unsafe_code)]

pub mod access;
mod activity;
mod agents;
mod app;
mod arm;
pub mod boot;
mod discovery;
mod http;
pub mod identity;
mod logs;
mod metering;
mod openapi;
mod operations;
pub mod packages;
pub mod pki;
pub mod plans;
pub mod policy;
pub mod portal;
mod router;
pub mod subscription;
pub mod tenant;
mod test_alerts;
pub mod turn;

pub use agents::{SILENCE, SILENCE_LONGEST, SILENCE_SHORTEST};
pub use app::{App, AppParts, Home};
pub use logs::{
    ExportBucket, ExportOptions, SavedFunctions, follow_daily_cap, store_from_listener, write_usage,
};
pub use metering::meter_machines;
pub use router::{router, start_leading_tasks, start_tasks};
