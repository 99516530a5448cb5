//! Packages of the agent, and texts sealed to it. `bartizan-seal` makes and checks both.

use bartizan_base::Ticks;
use serde::{Deserialize, Serialize};

/// The file of a package that is started.
pub const PACKAGE_PROGRAM: &str = "bartizan-agent";

/// A text that one agent can open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedText {
    /// Short name of the key that it is sealed to.
    pub key: String,
    /// The encapsulated secret, base64.
    pub secret: String,
    /// The sealed text, base64.
    pub text: String,
}

/// What a package holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageManifest {
    /// `bartizan-agent`.
    pub name: String,
    pub version: String,
    /// `linux-x86_64`, `linux-aarch64`.
    pub platform: String,
    pub files: Vec<PackageFile>,
}

/// One file of a package, fetched by `GET /agent/v1/packages/{version}/{platform}/{number}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageFile {
    /// Below the package's folder.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
    #[serde(default)]
    pub executable: bool,
}

/// A manifest with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedManifest {
    /// The manifest's exact text: that is what is signed.
    pub manifest: String,
    /// ECDSA P-256 with SHA-256, ASN.1, base64.
    pub signature: String,
    /// Short name of the key that signed.
    pub key: String,
}

/// The version of the agent that a machine should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredAgent {
    pub version: String,
    pub manifest: SignedManifest,
    /// The server's package key, base64. Taken over once, when none is pinned yet; a later change is refused.
    pub package_key: String,
    /// Whether an older version than the running one may be installed.
    #[serde(default)]
    pub allow_downgrade: bool,
    /// How long the new version may take to be healthy; the former one comes back when it does not.
    #[serde(default)]
    pub trial_seconds: Option<u64>,
}

/// How an upgrade of the agent stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeReport {
    pub version: String,
    pub state: UpgradeState,
    /// One sentence: what was done, or why it was not.
    pub message: String,
    pub time: Ticks,
}

/// The life of an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UpgradeState {
    /// Refused before anything was changed.
    Refused,
    /// Started, and being watched.
    Trial,
    Succeeded,
    /// Not healthy in time; the former version runs again.
    RolledBack,
    #[serde(other)]
    Unknown,
}
