//! The inventory: what is installed, how it is set up, and what changes in places that start programs.
//!
//! Rows go to ConfigurationData (installed software) and ConfigurationChange (files that start programs).
//! Evidence goes to the server for posture; `docs/reference/evidence.md` has the shape of each topic. The
//! inventory states facts and judges nothing: "password sign-in is on" is here, "that is bad" is not.

mod accounts;
mod apt;
mod autostart;
mod deb_version;
pub(crate) mod dpkg;
mod evidence;
mod permission_watch;
mod rpm;
pub(crate) mod rpm_header;
mod software;
mod ssh_config;
mod startup_changes;
mod world_writable;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::extension::Context;

pub use apt::{Updates, pending_updates};
pub use deb_version::compare as compare_debian_versions;
pub use dpkg::{Package, parse_status};
pub use permission_watch::PermissionWatch;
pub use rpm::read_database as read_rpm_database;
pub use rpm_header::parse as parse_rpm_header;
pub use ssh_config::{SshConfig, read as read_ssh_config};
pub use world_writable::{WorldWritable, walk as find_world_writable};

const CONFIGURATION_DATA: &str = "Microsoft-ConfigurationData";
const CONFIGURATION_CHANGE: &str = "Microsoft-ConfigurationChange";

/// Runs all collectors until told to stop.
///
/// # Errors
/// When a spool cannot be opened or the identity cannot be used.
pub async fn run(context: Context) -> Result<()> {
    let streams = &context.configuration.extension.streams;
    let mut collectors = JoinSet::new();
    if streams.contains_key(CONFIGURATION_DATA) {
        collectors.spawn(software::run(context.clone(), context.outputs.stream(CONFIGURATION_DATA)?));
    }
    if streams.contains_key(CONFIGURATION_CHANGE) {
        collectors
            .spawn(startup_changes::run(context.clone(), context.outputs.stream(CONFIGURATION_CHANGE)?));
    }
    collectors.spawn(evidence::run(context.clone()));
    while let Some(ended) = collectors.join_next().await {
        ended??;
    }
    context.stop.cancelled().await;
    Ok(())
}
