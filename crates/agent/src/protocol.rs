//! What the supervisor and an extension say to each other: one JSON object per line, on the child's
//! standard input and output. The child ends when its input closes, so no child outlives its supervisor
//! unnoticed. Unknown fields are ignored; an unknown message is skipped and logged.

use bartizan_wire::{DesiredExtension, ExtensionHealth, ExtensionStatus};
use serde::{Deserialize, Serialize};

use crate::identity::Identity;

/// Longest line either side accepts.
pub const LINE_BYTES_MAX: usize = 4 << 20;

/// From the supervisor to an extension.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ToExtension {
    /// First line, and again after every change of settings or identity. The identity comes this way so
    /// that an extension needs no access to the key file.
    Configure(Box<Configuration>),
    /// How all extensions of this machine are; sent on change.
    Siblings { extensions: Vec<ExtensionStatus> },
    /// Finish and exit 0.
    Stop,
    #[serde(other)]
    Unknown,
}

/// Everything an extension needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    pub extension: DesiredExtension,
    pub identity: Identity,
    pub machine: Machine,
}

/// How this machine is called in rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Machine {
    /// The resource name.
    pub name: String,
    pub host_name: String,
    pub resource_id: String,
    pub vm_id: String,
    pub os_name: String,
    pub os_version: String,
}

/// From an extension to the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FromExtension {
    /// Every few seconds; the first one turns the extension from starting to running.
    Health { health: ExtensionHealth },
    /// The extension cannot work here; it exits after saying so and is not restarted until its settings change.
    Unsupported { message: String },
    #[serde(other)]
    Unknown,
}
