//! Analytics rules at work: schedules, alerts, incidents.
//!
//! Rules are `Microsoft.SecurityInsights/alertRules` resources. One task ([`scheduler`]) watches rows arrive and
//! time pass and runs rules; a run ([`run`]) asks the engine, turns results into alerts ([`alert`]) and alerts into
//! incidents ([`incident`]). Each run is written down before its alerts are delivered, so that a crash between the
//! two delivers them exactly once ([`state`]).

#![forbid(unsafe_code)]

mod alert;
mod context;
mod delivery;
mod entities;
mod error;
#[cfg(test)]
mod fixtures;
mod incident;
mod incident_rows;
mod install;
mod run;
mod scheduler;
mod state;

pub use alert::Alert;
pub use context::{DetectContext, Workspace};
pub use error::DetectError;
pub use scheduler::{DetectHandle, start};

/// Resource type of rules.
pub const RULE_TYPE: &str = "Microsoft.SecurityInsights/alertRules";
/// Resource type of incidents.
pub const INCIDENT_TYPE: &str = "Microsoft.SecurityInsights/incidents";
