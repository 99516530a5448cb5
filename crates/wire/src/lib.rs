//! The agent protocol: what agents and servers say to each other besides log upload.
//!
//! Agents in the field are older than their server, so unknown fields are accepted everywhere and a field
//! never changes its sense. Bodies are JSON over HTTPS:
//!
//! | call | who | request → answer |
//! | --- | --- | --- |
//! | `POST /agent/v1/enrol` | onboarding token as `Authorization: Bearer` | [`EnrolRequest`] → [`EnrolResponse`] |
//! | `POST /agent/v1/renew` | client certificate | [`RenewRequest`] → [`RenewResponse`] |
//! | `GET /agent/v1/desired?generation=N&wait=S` | client certificate | [`DesiredState`]; answers at once when the server's generation is not N, else after up to S seconds with 204 |
//! | `POST /agent/v1/status` | client certificate | [`AgentStatus`] → 204 |
//! | `POST /agent/v1/evidence` | client certificate | [`EvidenceReport`] → 204 |
//! | `GET /agent/v1/packages/{version}/{platform}/{number}` | client certificate | one file of a package, as it is |
//! | `POST /agent/v1/test-alerts` | client certificate | empty → [`TestAlertReport`] of a new test, whose process the caller starts |
//! | `GET /agent/v1/test-alerts/latest` | client certificate | [`TestAlertReport`] of the machine's last test |
//! | `POST /agent/v1/test-alerts/started` | client certificate | [`TestAlertStarted`] → 204 |
//! | `POST /agent/v1/disconnect` | client certificate | empty → 204; the machine resource is deleted |
//!
//! Logs go through the one ingestion door, `POST /dataCollectionRules/{immutableId}/streams/{stream}`, with
//! the client certificate and the header [`BATCH_HEADER`].

#![forbid(unsafe_code)]

mod connectivity;
mod host;
mod package;
mod test_alert;

use std::collections::BTreeMap;

use bartizan_base::{ResourceId, SubscriptionId, TenantId, Ticks};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use connectivity::{
    ConnectivityReport, EndpointReport, FAILURES_KEPT_MAX, Hop, HopOutcome, HopReport, PastFailure,
};
pub use host::{HostFacts, InstalledUpdate, ProtectionProduct, WindowsFacts};
pub use package::{
    DesiredAgent, PACKAGE_PROGRAM, PackageFile, PackageManifest, SealedText, SignedManifest, UpgradeReport,
    UpgradeState,
};
pub use test_alert::{
    TEST_ALERT_COMMAND, TEST_ALERT_MARKER, TestAlertReport, TestAlertStarted, TestAlertState, TestHop,
    TestHopOutcome,
};

/// Header that names an upload (`<source uuid>/<seq>`), so that a repeat is acknowledged and not stored twice.
pub const BATCH_HEADER: &str = "x-bartizan-batch";

/// Longest wait a server grants on the desired-state long poll, in seconds.
pub const DESIRED_WAIT_SECONDS_MAX: u64 = 60;

/// Sent once by `bartizan-agent connect`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrolRequest {
    /// PEM certificate signing request, P-256. The server ignores its subject and writes its own.
    pub csr: String,
    pub tenant_id: Option<TenantId>,
    pub subscription_id: Option<SubscriptionId>,
    pub resource_group: Option<String>,
    /// Wanted name of the machine resource; the host name when empty.
    pub resource_name: String,
    #[serde(default)]
    pub location: String,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub facts: MachineFacts,
    pub agent_version: String,
}

/// The identity a machine gets.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrolResponse {
    pub machine_id: ResourceId,
    /// The machine's `vmId`: stable over renewals, new after a new `connect`.
    pub vm_id: Uuid,
    pub tenant_id: TenantId,
    /// PEM client certificate followed by its issuer.
    pub certificate: String,
    /// PEM of the CA that signs the server's own certificate, to be pinned.
    pub server_ca: String,
    pub certificate_expires: Ticks,
    /// The machine was onboarded directly: it gets the sensor only.
    #[serde(default)]
    pub direct: bool,
}

/// Asks for a new certificate before the old one ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewRequest {
    pub csr: String,
}

/// The renewed certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewResponse {
    pub certificate: String,
    pub certificate_expires: Ticks,
}

/// What the machine is. Becomes `properties` of `Microsoft.HybridCompute/machines`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MachineFacts {
    pub host_name: String,
    pub fqdn: String,
    /// `linux` or `windows`.
    pub os_type: String,
    /// `PRETTY_NAME` of os-release.
    pub os_name: String,
    /// `ID` of os-release: `debian`, `rhel` …
    pub os_sku: String,
    /// `VERSION_ID` of os-release.
    pub os_version: String,
    /// `uname -r`.
    pub kernel: String,
    pub architecture: String,
    pub manufacturer: String,
    pub model: String,
    /// The UUID in the firmware, as it shows it; empty where only root may read it and the agent is not.
    pub system_uuid: String,
    /// The asset tag in the firmware: the instance id in some clouds.
    pub asset_tag: String,
    pub cpu_model: String,
    pub cpu_count: u32,
    pub memory_bytes: u64,
    /// `none`, or what systemd-detect-virt would say.
    pub virtualization: String,
    /// `vmware`, `kvm`, cloud names, or empty.
    pub cloud_provider: String,
    pub addresses: Vec<NetworkAddress>,
    pub boot_time: Option<Ticks>,
    pub time_zone: String,
}

/// One address of one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkAddress {
    pub interface: String,
    pub mac: String,
    pub address: String,
    pub prefix_length: u8,
}

/// What the server wants a machine to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DesiredState {
    /// Grows with every change; sent back by the agent in its next poll and in its status.
    pub generation: u64,
    pub extensions: Vec<DesiredExtension>,
    /// Commands for this machine, each to be run once (`id` is remembered by the agent).
    pub commands: Vec<AgentCommand>,
    /// The version of the agent that should run; the one that runs when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<DesiredAgent>,
}

/// One extension that should be installed and running. Extensions not listed are stopped and removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredExtension {
    /// Resource name, `MDE.Linux` or `AzureMonitorLinuxAgent` …
    pub name: String,
    pub publisher: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// Which program it is.
    pub program: ExtensionProgram,
    pub version: String,
    /// Settings of the extension; the program checks them and reports what is wrong.
    #[serde(default)]
    pub settings: Value,
    /// Settings that only this agent can open, laid over the others; bound to the extension's resource id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<SealedText>,
    /// Where it sends rows: stream name → data collection rule (immutable id).
    #[serde(default)]
    pub streams: BTreeMap<String, String>,
}

/// The programs an agent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExtensionProgram {
    Sensor,
    Monitor,
    Inventory,
    /// From a newer server: the agent reports it as not supported.
    #[serde(other)]
    Unknown,
}

/// A one-time command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentCommand {
    pub id: Uuid,
    pub kind: String,
    #[serde(default)]
    pub arguments: Value,
}

/// Reported after every change and at least once a minute.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    pub agent_version: String,
    /// Generation of the desired state that this status answers.
    pub generation: u64,
    pub time: Ticks,
    pub facts: MachineFacts,
    #[serde(default)]
    pub extensions: Vec<ExtensionStatus>,
    /// What prerequisites are decided from; absent from agents that do not report it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostFacts>,
    /// The last look at the way to the server; absent before the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connectivity: Option<ConnectivityReport>,
    /// Public key to seal protected settings to, base64; absent from agents that cannot open any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealing_key: Option<String>,
    /// The last upgrade of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<UpgradeReport>,
}

/// One extension as the supervisor sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionStatus {
    pub name: String,
    pub version: String,
    pub state: ExtensionState,
    /// One sentence: why it is in this state.
    pub message: String,
    /// When `state` was entered.
    pub since: Ticks,
    #[serde(default)]
    pub pid: Option<u32>,
    /// Restarts since the supervisor started.
    #[serde(default)]
    pub restarts: u64,
    /// What the program says of itself, once it runs.
    #[serde(default)]
    pub health: Option<ExtensionHealth>,
    /// The steps of the installation, in the order in which they are taken; empty from older agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<InstallStep>,
}

/// One step of an extension's installation, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallStep {
    /// `prerequisites`, `existingSensor`, `conflictingProduct`, `package`, `onboarding`, `engine`, `updates`.
    pub name: String,
    pub state: StepState,
    /// One sentence: what was found or done, and what to do when it failed.
    pub message: String,
    /// When `state` was entered.
    pub time: Ticks,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// Not begun.
    Waiting,
    Running,
    Succeeded,
    /// Done, with something that a person should know.
    Warning,
    Failed,
    /// Not needed here.
    Skipped,
    #[serde(other)]
    Unknown,
}

/// The life of an extension. ARM's `provisioningState` follows from it: `Installing`/`Starting` →
/// `Creating`, `Running` → `Succeeded`, `Failed`/`BackOff` → `Failed`, `Stopping` → `Deleting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExtensionState {
    Installing,
    Starting,
    Running,
    /// Crashed too often; waiting before the next try.
    BackOff,
    /// Cannot run here (unsupported, bad settings); a change of desired state tries again.
    Failed,
    Stopping,
    Removed,
    #[serde(other)]
    Unknown,
}

/// Self-reported health of a running extension.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExtensionHealth {
    pub healthy: bool,
    /// One short code and sentence per issue; empty when healthy.
    pub issues: Vec<String>,
    /// Active source tier of a sensor: `ebpf`, `audit`, `procConnector`; empty for other programs.
    pub tier: String,
    /// `active` or `passive` for a sensor; empty for other programs and from older agents.
    pub mode: String,
    /// Why it is in that mode.
    pub mode_reason: String,
    /// Exact counts: `events`, `lost`, `spooledBytes`, `uploadedRows`, `rejectedRows` …
    pub counters: BTreeMap<String, u64>,
}

/// Facts that posture decides from, as the inventory extension found them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceReport {
    pub time: Ticks,
    /// Topic → facts. Each topic is replaced as a whole. Topics: `ssh.config`, `packages.updates`,
    /// `files.worldWritable`, `endpointProtection`; shapes are with the collectors in `agent`.
    pub topics: BTreeMap<String, Value>,
}
