//! Upgrading the agent itself: fetched, verified, tried, and taken back when it is not healthy.
//!
//! ```text
//! <state>/versions/<version>/bartizan-agent    the program, beside package.json, the signed manifest
//! <state>/current -> versions/<version>        what should run; absent: the program that was installed by hand
//! <state>/package-key                          the server's key, pinned
//! <state>/upgrade.json                         how the last upgrade went
//! ```
//!
//! | step | file |
//! | --- | --- |
//! | is it wanted, allowed, signed and whole? then unpack and switch | `stage` |
//! | which program runs, and is it on trial? | `launch` |
//! | is it healthy? | `trial` |
//!
//! The program that was installed by hand is the launcher. A new version runs as its child while it is on trial, so
//! that one which crashes, hangs or never reaches the server is ended and the former one comes back, without a
//! service manager's help. After its trial it takes the launcher's place in the same process.

mod launch;
mod stage;
mod trial;

use std::io;
use std::path::{Path, PathBuf};

use bartizan_base::Ticks;
use bartizan_seal::PackageError;
use bartizan_wire::{PACKAGE_PROGRAM, SignedManifest, UpgradeReport, UpgradeState};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::server::CallError;

pub use launch::{Next, TRIAL_PARENT_VARIABLE, go_on, next, running_version, start};
pub use stage::{Packages, Take, stage};
pub use trial::Trial;

/// Time that a new version has when the server says nothing else.
pub const TRIAL_SECONDS: u64 = 300;
/// Starts of a new version during its trial.
pub const TRIAL_STARTS_MAX: u32 = 3;

/// Why an upgrade is not begun. Nothing on the machine was changed.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error(
        "the server's package key is not the one pinned here: connect again with --force if the server was set up anew"
    )]
    KeyChanged,
    #[error("the manifest is for `{found}`, and `{wanted}` was announced")]
    WrongManifest { found: String, wanted: String },
    #[error("the package is for `{found}`, and this machine is `{own}`")]
    WrongPlatform { found: String, own: String },
    #[error("version {wanted} is older than the running {running}: a downgrade must be asked for")]
    Downgrade { running: String, wanted: String },
    #[error("file `{path}` of the package has {found} bytes, and its manifest says {expected}")]
    WrongSize { path: String, found: u64, expected: u64 },
    #[error("file `{path}` of the package is not the one its manifest names (SHA-256)")]
    WrongHash { path: String },
    #[error("the package cannot be fetched")]
    Fetch(#[source] CallError),
    #[error("cannot write `{path}`")]
    Io { path: PathBuf, source: io::Error },
}

/// How the last upgrade went; kept on disk, because the process that began it is not the one that ends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub report: UpgradeReport,
    /// The version to go back to; absent: the program that was installed by hand.
    pub former: Option<String>,
    /// SHA-256 of the manifest that was tried, so that the same package is not tried again and again.
    pub manifest_sha256: String,
    /// End of the trial.
    pub deadline: Ticks,
    /// Starts during the trial.
    pub starts: u32,
    /// Extensions that ran before, and so have to run again.
    pub expected: Vec<String>,
    /// Size and time of the program that was installed by hand. Another one was installed since when they differ, and
    /// whoever did that wants it to run.
    pub launcher: String,
}

impl Record {
    fn path(state: &Path) -> PathBuf {
        state.join("upgrade.json")
    }

    /// The record of the last upgrade. One that cannot be read is none: it only tells.
    pub fn load(state: &Path) -> Option<Self> {
        files::read_json(&Self::path(state)).ok().flatten()
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When the state folder cannot be written.
    pub fn store(&self, state: &Path) -> io::Result<()> {
        files::write_json(&Self::path(state), self)
    }

    /// Whether a version is on trial.
    pub fn is_trial(&self) -> bool {
        self.report.state == UpgradeState::Trial
    }
}

/// Hash by which a manifest is remembered.
pub fn manifest_hash(signed: &SignedManifest) -> String {
    use sha2::Digest;
    files::hex(&sha2::Sha256::digest(signed.manifest.as_bytes()))
}

fn versions(state: &Path) -> PathBuf {
    state.join("versions")
}

fn program_of(state: &Path, version: &str) -> PathBuf {
    versions(state).join(version).join(PACKAGE_PROGRAM)
}

fn current_link(state: &Path) -> PathBuf {
    state.join("current")
}

/// The version that should run; `None` for the program that was installed by hand.
pub fn current(state: &Path) -> Option<String> {
    let target = std::fs::read_link(current_link(state)).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}

/// Lets `version` be what should run, in one rename.
fn switch(state: &Path, version: Option<&str>) -> io::Result<()> {
    let link = current_link(state);
    let Some(version) = version else {
        return match std::fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => files::sync_folder(state),
        };
    };
    let beside = state.join("current.new");
    drop(std::fs::remove_file(&beside));
    std::os::unix::fs::symlink(Path::new("versions").join(version), &beside)?;
    std::fs::rename(&beside, &link)?;
    files::sync_folder(state)
}
