//! What prerequisites are decided from. Every field may be absent: an agent reports what it can find out, and
//! what is absent is "not known", never "missing".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The surroundings of the agent on its machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostFacts {
    /// `systemd`, `openrc`, `runit`, or the name of process 1; empty when not known.
    pub init_system: String,
    /// Whether the agent runs as user 0.
    pub root: Option<bool>,
    /// Room left where the agent keeps its state, for unprivileged users.
    pub disk_free_bytes: Option<u64>,
    pub memory_available_bytes: Option<u64>,
    /// Whether the kernel describes its own types, which portable kernel programs need.
    pub kernel_types: Option<bool>,
    /// Protection products found, other people's.
    pub protection: Vec<ProtectionProduct>,
    /// Installations of our own sensor besides this agent's, by their units.
    pub other_sensors: Vec<String>,
    /// Facts that only Windows machines have.
    pub windows: Option<WindowsFacts>,
}

/// Another vendor's protection product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProtectionProduct {
    pub name: String,
    /// Whether it scans for malware; others only watch.
    pub antivirus: bool,
    pub package: Option<String>,
    pub unit: Option<String>,
    pub installed: bool,
    pub running: bool,
}

/// Update level and antivirus of a Windows machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WindowsFacts {
    pub updates: Vec<InstalledUpdate>,
    /// Release date of the newest servicing stack update, `YYYY-MM-DD`.
    pub servicing_stack_date: String,
    /// Release date of the newest cumulative update, `YYYY-MM-DD`.
    pub cumulative_update_date: String,
    /// Whether the antivirus feature is installed.
    pub antivirus_feature: Option<bool>,
    /// Whether the antivirus service runs.
    pub antivirus_running: Option<bool>,
    /// `active`, `passive` or `disabled`.
    pub antivirus_mode: String,
    pub antivirus_platform_version: String,
    /// Values of registry keys that switch the antivirus off or to passive, by their name.
    pub registry: BTreeMap<String, Value>,
}

/// One installed update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstalledUpdate {
    /// `KB` and its number.
    pub kb: String,
    /// `YYYY-MM-DD`; empty when not known.
    pub installed_on: String,
}
